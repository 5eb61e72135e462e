# The teaching functions: the pieces of a linear classifier, each one a thin wrapper of one C
# routine.  A wrapper checks shapes, turns W (rows are classes) into the C orientation B = t(W)
# (columns are classes), and gives the result back in the shape of what the user passed.

#' The logistic (sigmoid) function
#'
#' `sigmoid(z)` is \eqn{s(z) = 1 / (1 + e^{-z})}{s(z) = 1 / (1 + exp(-z))}, evaluated without overflow for any `z`. Its
#' derivative is \eqn{s(z) (1 - s(z))}.
#'
#' @param z Numeric vector, matrix or array of scores.
#' @return Numbers between 0 and 1 with the shape and the names of `z`.
#' @examples
#' sigmoid(c(-1e5, -1, 0, 1, 1e5))
#' z <- 0.7
#' c((sigmoid(z + 1e-6) - sigmoid(z - 1e-6)) / 2e-6, sigmoid(z) * (1 - sigmoid(z)))
#' @family teaching functions
#' @concept sigmoid
#' @concept expit
#' @concept log-odds
#' @concept softplus
#' @concept logistic function
#' @concept inverse logit
#' @export
sigmoid <- function(z) {
  z <- teaching_numbers(z, "z")
  s <- .Call(lcr_sigmoid, z)
  attributes(s) <- attributes(z)
  s
}

#' Softmax function and its Jacobian
#'
#' `softmax(z)` turns scores into probabilities, \eqn{p_j = e^{z_j} / \sum_r e^{z_r}}{p_j = exp(z_j) /
#' sum_r exp(z_r)}. The maximum
#' is subtracted first, which changes nothing (softmax does not see a constant that is added to
#' all scores) and cannot overflow. `softmax_jacobian(z)` holds
#' \eqn{\partial p_i / \partial z_j = p_i (\delta_{ij} - p_j)}{dp_i/dz_j = p_i (d_ij - p_j)}, where
#' \eqn{\delta_{ij}}{d_ij} is 1 if i = j and 0 otherwise.
#'
#' @param z For `softmax()` a numeric vector of k scores, or an n x k matrix that is transformed
#'   row by row. For `softmax_jacobian()` a vector of k scores.
#' @return `softmax()`: probabilities in the shape and with the names of `z`.
#'   `softmax_jacobian()`: a symmetric k x k matrix whose rows and columns sum to zero.
#' @examples
#' # Scores of one picture of a lion: the classifier prefers the tiger.
#' z <- c(lion = 5.6, tiger = 6.4, leopard = -4.6)
#' round(softmax(z), 6)                    # 0.310022 0.689967 0.000012
#' -log(softmax(z)[["lion"]])              # softmax loss of this sample, 1.1711
#' all.equal(softmax(z), softmax(z + 100))
#' softmax_jacobian(z)
#' @family teaching functions
#' @concept softmax
#' @concept normalised exponential
#' @concept Jacobian
#' @concept log-sum-exp
#' @export
softmax <- function(z) {
  z <- teaching_numbers(z, "z")
  if (length(dim(z)) > 2L) {
    abort("shape", sprintf("`z` must be a vector or a matrix, not an array of %d dimensions.",
                           length(dim(z))))
  }
  rows <- if (is.matrix(z)) z else matrix(z, 1L)
  p <- .Call(lcr_softmax, rows)
  attributes(p) <- attributes(z)
  p
}

#' @rdname softmax
#' @export
softmax_jacobian <- function(z) {
  z <- teaching_numbers(z, "z")
  if (length(z) == 0L || (!is.null(dim(z)) && min(dim(z)) != 1L)) {
    abort("shape", "`z` must be the vector of scores of one sample.")
  }
  jacobian <- .Call(lcr_softmax_jacobian, as.vector(z))
  if (!is.null(names(z))) dimnames(jacobian) <- list(names(z), names(z))
  jacobian
}

#' Raw scores of a linear classifier
#'
#' The score of class c for sample i is \eqn{z_{ic} = w_c' x_i + b_c}{z_ic = w_c' x_i + b_c}; the predicted class is the
#' one with the largest score (ties: the first).
#'
#' Samples are rows, so with `b` apart the scores are `x %*% t(W) + b` in each row. The *bias
#' trick* puts `b` into `W` as a column and a one into every sample; the scores are the same.
#' Notes that put samples in columns write \eqn{Z = W X}; that `Z` is the transpose of this result.
#'
#' @param x The samples: an n x p matrix (dense or sparse), a data frame of numbers, or a vector
#'   (one sample of p features).
#' @param W The weights: a k x p matrix (rows are classes), or k x (p+1) with the biases as a
#'   column. A vector is one row: the score of the second of two classes.
#' @param b `NULL`, or the k biases, where `W` has p columns.
#' @param bias Where the bias column of a k x (p+1) `W` stands. `"first"` is the order of
#'   `coef()`.
#' @return An n x k matrix with the row names of `x` and of `W`; a vector of n numbers where `W`
#'   is a vector. Errors: `linclass_error_shape` if the sizes do not fit, `linclass_error_type` if
#'   something is not numeric.
#' @examples
#' W <- rbind(lion    = c(0.1, -0.1, 0.0, 0.5),
#'            tiger   = c(2.3,  0.8, 1.2, 0.5),
#'            leopard = c(0.0, -1.0, 0.5, 1.0))
#' picture <- c(26, 100, 90, 80)
#' raw_scores(picture, W)                          # 32.6 287.8 25.0: tiger wins
#' b <- c(1, 2, 3)
#' raw_scores(picture, W, b)
#' raw_scores(picture, cbind(W, b), bias = "last") # the bias trick
#' @family teaching functions
#' @concept logits
#' @concept linear predictor
#' @concept bias trick
#' @concept decision function
#' @export
raw_scores <- function(x, W, b = NULL, bias = c("first", "last")) {
  bias <- match_choice(bias)
  x <- teaching_x(x)
  rows <- teaching_weights(W)
  p <- ncol(x)
  k <- nrow(rows)
  apart <- !is.null(b)
  if (apart) {
    b <- as.vector(teaching_numbers(b, "b"))
    if (length(b) != k) {
      abort("shape", sprintf("`b` has %d numbers, but `W` has %d classes.", length(b), k))
    }
  } else if (ncol(rows) == p + 1L) {
    column <- if (bias == "first") 1L else p + 1L
    b <- as.vector(rows[, column])
    rows <- rows[, -column, drop = FALSE]
  }
  if (ncol(rows) != p) {
    abort("shape", sprintf("`W` has %d columns, but `x` has %d features: %d%s would fit.",
                           ncol(rows), p, p,
                           if (apart) "" else sprintf(", or %d with the biases,", p + 1L)))
  }
  z <- .Call(lcr_raw_scores, x, t(rows), b)
  if (is.null(dim(W))) return(stats::setNames(as.vector(z), rownames(x)))
  if (!is.null(rownames(x)) || !is.null(rownames(W))) {
    dimnames(z) <- list(rownames(x), rownames(W))
  }
  z
}

#' Loss of each sample
#'
#' The loss \eqn{L_i} of every sample from its scores and its true class y:
#'
#' | loss | \eqn{L_i} |
#' |---|---|
#' | `perceptron` | \eqn{\sum_{j \ne y} \max(0, z_j - z_y)}{sum over j != y of max(0, z_j - z_y)} |
#' | `hinge` | \eqn{\sum_{j \ne y} \max(0, z_j - z_y + 1)}{sum over j != y of max(0, z_j - z_y + 1)} |
#' | `squared_hinge` | \eqn{\sum_{j \ne y} \max(0, z_j - z_y + 1)^2}{sum over j != y of max(0, z_j - z_y + 1)^2} |
#' | `softmax` | \eqn{\log \sum_j e^{z_j} - z_y}{log(sum_j exp(z_j)) - z_y} |
#' | `logistic` | \eqn{\log(1 + e^z) - y z}{log(1 + exp(z)) - y z}, y in \{0, 1\}, z the score of the second class |
#'
#' Two classes with one vector of scores z (that of the second class minus that of the first):
#' the margin losses are \eqn{\max(0, m - s z)}{max(0, m - s z)} or its square, with s = 1 for the second class,
#' s = -1 for the first, m = 1 for the hinges and 0 for the perceptron.
#'
#' @param z The scores: an n x k matrix; or for two classes a vector (or a one-column matrix) of n
#'   numbers. For `"softmax"` a vector is one sample of k scores.
#' @param y The true classes: a factor whose levels are the columns of `z` in order, or codes 1 to
#'   k; for a vector of two-class scores a factor of two levels, or 0 and 1.
#' @param loss Name of the loss.
#' @return n losses, named by the rows of `z`.
#' @examples
#' z <- rbind(c(lion = 5.6, tiger = 6.4, leopard = -4.6),
#'            c(-1.8, 10.2, 3.5),
#'            c(2.0, 5.4, -8.6))
#' y <- factor(c("lion", "tiger", "leopard"), levels = colnames(z))
#' sample_loss(z, y, "perceptron")       # 0.8   0   24.6
#' sample_loss(z, y, "hinge")            # 1.8   0   26.6
#' sample_loss(z, y, "squared_hinge")    # 3.24  0  359.56
#' sample_loss(z, y, "softmax")          # 1.1711 0.0012 14.0328
#' sample_loss(c(-2, 0.5), c(0, 1), "logistic")
#' @family teaching functions
#' @concept cross-entropy
#' @concept log loss
#' @concept hinge loss
#' @concept negative log-likelihood
#' @concept perceptron loss
#' @export
sample_loss <- function(z, y, loss) {
  loss <- teaching_loss(loss)
  z <- teaching_numbers(z, "z")
  if (!is.matrix(z)) {
    z <- if (loss == "softmax") matrix(z, 1L, dimnames = list(NULL, names(z)))
         else matrix(z, ncol = 1L, dimnames = list(names(z), NULL))
  }
  scores <- ncol(z)
  check_score_columns(loss, scores, "`z`", "column")
  codes <- teaching_classes(y, scores, nrow(z), colnames(z))
  losses <- .Call(lcr_sample_loss, z, codes, loss, max(2L, scores))
  stats::setNames(as.vector(losses), rownames(z))
}

#' Training loss, gradient, Hessian and Newton step
#'
#' `loss_value()` is what a fit minimises,
#' \deqn{L(W) = \frac{\sum_i w_i L_i}{\sum_i w_i}
#'   + \lambda \Big[ \frac{1 - \alpha}{2} \sum w^2 + \alpha \sum |w| \Big],}{L(W) = sum_i w_i L_i /
#'   sum_i w_i + lambda ((1 - alpha)/2 sum w^2 + alpha sum |w|),}
#' with the losses \eqn{L_i} of [sample_loss()] and a penalty that leaves the intercepts alone.
#' `loss_gradient()` is its gradient, `loss_hessian()` its matrix of second derivatives,
#' `newton_step()` the solution d of \eqn{H d = -g}, and `check_gradient()` compares the gradient
#' with central differences.
#'
#' With the probabilities p, and y_ic = 1 where c is the class of sample i and 0 elsewhere, the gradient
#' of a row of W is \eqn{\frac{1}{n} \sum_i (p_{ic} - y_{ic}) x_i}{(1/n) sum_i (p_ic - y_ic) x_i} for
#' softmax, \eqn{\frac{1}{n} X'(s(Xw) - y)}{X'(s(Xw) - y) / n} for logistic. The part of the L1
#' penalty is \eqn{\lambda \alpha\, \mathrm{sign}(w)}{lambda alpha sign(w)}, 0 at 0. At the kinks of the hinges the
#' subgradient 0 is taken; the perceptron counts a tie as a mistake (with 0 there a fit could not
#' leave W = 0). The Hessian holds the ridge part of the penalty only;
#' for the squared hinge it is the generalised Hessian, and hinge and perceptron have none. The
#' Hessian of softmax is singular (a constant added to all classes changes nothing); the Newton
#' step is then the shortest of all solutions, with columns in units that give each the same curvature. Where the
#' equations have no solution, as where every sample is surely on one side and there is no curvature, it is NaN.
#'
#' Columns are used as they are: nothing is standardised.
#'
#' @param W The coefficients: a k x (p+1) matrix with the intercepts first, or k x p for a model
#'   without them; rows are classes, in the order of the levels of `y`. For `loss = "logistic"` a
#'   vector of p+1 or p numbers, which makes the score of the second class. For two classes the
#'   margin losses take either form: a vector (penalty on that vector) or a matrix of two rows
#'   (penalty on both rows).
#' @param x The samples: an n x p matrix (dense or sparse) without a column of ones, a data frame
#'   of numbers, or a vector (one sample).
#' @param y The classes: a factor with the levels in the order of the rows of `W`, or codes 1 to
#'   k; where `W` is a vector a factor of two levels, or 0 and 1.
#' @param loss Name of the loss: `"logistic"`, `"softmax"`, `"hinge"`, `"squared_hinge"` or
#'   `"perceptron"`.
#' @param lambda,alpha Penalty, on the scale of the formula above: `lambda >= 0`, and `alpha` from
#'   0 (ridge) to 1 (lasso).
#' @param weights `NULL`, or n weights that are not negative; weight 2 counts as two copies.
#' @param offset `NULL`, or known parts of the scores: n numbers where `W` is a vector, else an
#'   n x k matrix.
#' @return
#' * `loss_value()`: one number.
#' * `loss_gradient()`, `newton_step()`: the shape and the names of `W`; `W + newton_step(W, ...)`
#'   is the full step.
#' * `loss_hessian()`: a square matrix, one row for each element of `W`, ordered as
#'   `as.vector(t(W))`: all terms of the first class, then those of the next.
#' * `check_gradient()`: the largest \eqn{|g - \hat g| / \max(1, |g|)}{|g - d| / max(1, |g|)} over the elements of the
#'   gradient g, where \eqn{\hat g}{d} is the central difference. Where the loss is smooth, about 1e-9
#'   is to be expected; at a kink it may be large.
#'
#' Errors: `linclass_error_shape`, `linclass_error_type`, `linclass_error_response`,
#' `linclass_error_penalty`, `linclass_error_weights`, and `linclass_error_no_hessian` for the
#' losses without a Hessian.
#' @examples
#' x <- as.matrix(iris[, 1:4])
#' W <- matrix(0, 3, 5, dimnames = list(levels(iris$Species), c("(Intercept)", colnames(x))))
#' loss_value(W, x, iris$Species, "softmax")              # log(3): every class has 1/3
#' loss_gradient(W, x, iris$Species, "softmax")
#' check_gradient(W, x, iris$Species, "softmax", lambda = 0.1, alpha = 0)
#'
#' # Six Newton steps of a ridge fit; the gradient vanishes.
#' for (i in 1:6) W <- W + newton_step(W, x, iris$Species, "softmax", lambda = 0.1, alpha = 0)
#' max(abs(loss_gradient(W, x, iris$Species, "softmax", lambda = 0.1, alpha = 0)))
#'
#' # Logistic: w is a vector, its Hessian X'SX / n.
#' w <- c(0.5, -1)
#' loss_hessian(w, matrix(c(-1, 0, 2)), c(0, 1, 1), "logistic")
#' @concept gradient
#' @concept Hessian
#' @concept objective function
#' @concept Newton step
#' @concept gradient check
#' @concept finite differences
#' @concept numerical derivative
#' @concept negative log-likelihood
#' @name loss_functions
#' @family teaching functions
NULL

#' @rdname loss_functions
#' @export
loss_value <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = NULL) {
  task <- teaching_task(W, x, y, loss, lambda, alpha, weights, offset)
  .Call(lcr_loss_value, task$B, task$x, task$y, task$weights, task$offset, task$spec)
}

#' @rdname loss_functions
#' @export
loss_gradient <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = NULL) {
  task <- teaching_task(W, x, y, loss, lambda, alpha, weights, offset)
  gradient <- .Call(lcr_loss_gradient, task$B, task$x, task$y, task$weights, task$offset,
                    task$spec)
  in_shape_of(W, gradient)
}

#' @rdname loss_functions
#' @export
loss_hessian <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = NULL) {
  task <- teaching_task(W, x, y, loss, lambda, alpha, weights, offset)
  check_curvature(task$spec$loss)
  hessian <- .Call(lcr_loss_hessian, task$B, task$x, task$y, task$weights, task$offset,
                   task$spec)
  labels <- if (is.matrix(W)) cell_names(W) else names(W)
  if (!is.null(labels)) dimnames(hessian) <- list(labels, labels)
  hessian
}

#' @rdname loss_functions
#' @export
newton_step <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = NULL) {
  task <- teaching_task(W, x, y, loss, lambda, alpha, weights, offset)
  check_curvature(task$spec$loss)
  step <- .Call(lcr_newton_step, task$B, task$x, task$y, task$weights, task$offset, task$spec)
  in_shape_of(W, step)
}

#' @rdname loss_functions
#' @param step Half-width of the central differences; `NULL` chooses one for each coefficient.
#' @export
check_gradient <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = NULL,
                           step = NULL) {
  task <- teaching_task(W, x, y, loss, lambda, alpha, weights, offset)
  if (!is.null(step) && !(is.numeric(step) && length(step) == 1L && is.finite(step) && step > 0)) {
    abort("argument", sprintf("`step` must be NULL or one positive number, not %s.",
                              describe_value(step)))
  }
  .Call(lcr_check_gradient, task$B, task$x, task$y, task$weights, task$offset, task$spec,
        if (is.null(step)) 0 else as.double(step))
}

# Everything the loss functions share: checked arguments in the form the C routines take.
teaching_task <- function(W, x, y, loss, lambda, alpha, weights, offset) {
  loss <- teaching_loss(loss)
  x <- teaching_x(x)
  rows <- teaching_weights(W)
  scores <- nrow(rows)
  check_score_columns(loss, scores, "`W`", "row")
  n <- nrow(x)
  p <- ncol(x)
  if (n == 0L) abort("shape", "`x` has no rows.")
  if (!ncol(rows) %in% c(p, p + 1L)) {
    abort("shape", sprintf(paste(
      "`x` has %d features, so %s`W` must have %d numbers (intercept first), or %d without an",
      "intercept, not %d.%s"), p, if (is.matrix(W)) "each row of " else "", p + 1L, p, ncol(rows),
      if (n == 1L && p > 1L) " (A vector `x` is one sample.)" else ""))
  }
  check_number(lambda, "lambda", 0, Inf)
  check_number(alpha, "alpha", 0, 1)
  spec <- list(loss = loss, k = max(2L, scores), coding = 0L, intercept = ncol(rows) > p,
               lambda = as.double(lambda), l1 = rep(as.double(alpha), p),
               l2 = rep(1 - as.double(alpha), p))
  list(B = t(rows), x = x, y = teaching_classes(y, scores, n, rownames(W)),
       weights = check_weights(weights, n), offset = teaching_offset(offset, n, scores),
       spec = spec)
}

# Numbers (or logicals) as doubles, shape and names kept.
teaching_numbers <- function(v, name) {
  v <- if (inherits(v, "Matrix")) as.matrix(v) else usual_type(v)
  if (!is.numeric(v) && !is.logical(v)) {
    abort("type", sprintf("`%s` must be numeric, not %s.", name, describe_value(v)))
  }
  storage.mode(v) <- "double"
  v
}

# A vector is one sample; data frames must hold numbers; sparse matrices stay sparse.
teaching_x <- function(x) {
  if (is.null(dim(x)) && (is.numeric(x) || is.logical(x))) {
    x <- matrix(x, 1L, dimnames = list(NULL, names(x)))
  }
  as_known_numbers(x, "type")
}

# W as a matrix whose rows are score columns.
teaching_weights <- function(W) {
  W <- teaching_numbers(W, "W")
  if (length(dim(W)) > 2L) abort("shape", "`W` must be a matrix or a vector.")
  if (is.matrix(W)) W else matrix(W, 1L)
}

teaching_loss <- function(loss) {
  known <- loss_table()$name
  if (!is.character(loss) || length(loss) != 1L || !loss %in% known) {
    abort("loss", sprintf("`loss` must be one of %s, not %s.", choices(known),
                          describe_value(loss)))
  }
  loss
}

# One score column is the two-class form; a loss for two classes at most has no other, and softmax
# has a score for every class.
check_score_columns <- function(loss, scores, what, unit) {
  row <- loss_row(loss)
  if (scores == 0L) abort("shape", sprintf("%s is empty.", what))
  if (row$max_classes > 2L && scores > row$max_classes) {
    abort("shape", sprintf("%s has %d %ss; there may be at most %d classes.", what, scores, unit, row$max_classes))
  }
  if (row$max_classes == 2L && scores != 1L) {
    abort("shape", sprintf(paste(
      "Loss \"%s\" has one vector, that of the second class, but %s has %d %ss. Loss \"softmax\"",
      "takes one for each class."), loss, what, scores, unit))
  }
  # A likelihood without a limit on the classes normalises over all of them.
  if (row$max_classes > 2L && row$likelihood && scores < 2L) {
    abort("shape", sprintf(paste(
      "Loss \"%s\" needs one %s of %s for each class, at least two. Loss \"logistic\" takes one",
      "vector."), loss, unit, what))
  }
}

check_curvature <- function(loss) {
  table <- loss_table()
  if (!loss_row(loss)$curvature) {
    abort("no_hessian", sprintf(paste(
      "Loss \"%s\" is piecewise linear: it has no Hessian and no Newton step. Use %s."), loss,
      choices(table$name[table$curvature])))
  }
}

# Classes as the codes 0, 1, ... of C.
teaching_classes <- function(y, scores, n, labels = NULL) {
  k <- max(2L, scores)
  if (length(y) != n) {
    abort("shape", sprintf("`y` has %d classes, but there are %d samples.", length(y), n))
  }
  if (is.factor(y)) {
    check_teaching_levels(levels(y), k, if (scores > 1L) labels)
    codes <- as.integer(y) - 1L
  } else if (is.numeric(y) || is.logical(y)) {
    codes <- as.vector(y) - if (scores == 1L) 0 else 1
    if (!all(codes %in% c(seq_len(k) - 1L, NA))) {
      abort("response", sprintf("`y` must be a factor, or hold the codes %s.",
                                if (scores == 1L) "0 and 1" else paste("1 to", k)))
    }
  } else {
    abort("response", sprintf(paste(
      "`y` must be a factor whose levels are the classes in order, or codes; it is %s."),
      describe_value(y)))
  }
  if (anyNA(codes)) abort("missing", sprintf("`y` has %d missing values.", sum(is.na(codes))))
  as.integer(codes)
}

check_teaching_levels <- function(levels, k, labels) {
  if (length(levels) != k) {
    abort("response", sprintf("`y` has %d levels, but the scores are for %d classes.",
                              length(levels), k))
  }
  # cbind(0, z) names only some columns: that says nothing about classes.
  if (!is.null(labels) && all(nzchar(labels)) && !identical(levels, labels)) {
    abort("response", sprintf(paste(
      "The levels of `y` (%s) must be the classes of the coefficients or scores in their",
      "order (%s)."), enumerate(levels), enumerate(labels)))
  }
}

teaching_offset <- function(offset, n, scores) {
  if (is.null(offset)) return(NULL)
  offset <- teaching_numbers(offset, "offset")
  if (!all(is.finite(offset))) abort("offset", "`offset` must be finite.")
  size <- if (is.matrix(offset)) dim(offset) else c(length(offset), 1L)
  if (!identical(as.integer(size), as.integer(c(n, scores)))) {
    abort("shape", sprintf("`offset` is %d x %d, but the scores are %d x %d.", size[1L], size[2L],
                           n, scores))
  }
  if (scores == 1L) as.vector(offset) else unname(offset)
}

# t(B) with the shape and the names of W.
in_shape_of <- function(W, B) {
  if (!is.matrix(W)) return(stats::setNames(as.vector(B), names(W)))
  matrix(t(B), nrow(W), ncol(W), dimnames = dimnames(W))
}

# "level:term" for the elements of as.vector(t(W)); NULL without names.
cell_names <- function(W) {
  if (is.null(rownames(W)) || is.null(colnames(W))) return(NULL)
  paste(rep(rownames(W), each = ncol(W)), colnames(W), sep = ":")
}
