# Support vectors, margins and dual variables of the hinges.

# A margin within this distance of 1 is on the margin: fits are as exact as their certificates.
margin_width <- 1e-3

# Losses with a margin of 1, and how hard a row pulls at a violation u of it.
margin_slopes <- list(
  hinge = NULL, crammer_singer = NULL, # decided by the optimality conditions where u is 0
  squared_hinge = function(u) 2 * pmax(u, 0),
  huber_hinge = function(u) pmin(pmax(u, 0), 1))

has_margin <- function(fit) fit$loss %in% names(margin_slopes)

# Does a row pull by one wrong class, or shares of several that sum to 1?
is_simplex <- function(fit) fit$loss == "crammer_singer" && fit$coding %in% c("symmetric", "reference")

# Signed margins: of a score s z, of several scores the lead of the row's class over the best other; against the
# rest the least of all classes.
row_margins <- function(fit, z, codes) {
  if (!is_ovr(fit)) return(margins(unname(z), codes))
  apply(ovr_signs(codes, ncol(z)) * z, 1L, min)
}

ovr_signs <- function(codes, k) 2 * outer(codes, seq_len(k) - 1L, `==`) - 1

#' Support vectors, margins and dual variables
#'
#' The rows on which a support vector machine rests: those on the margin, inside it, or on the wrong side, with their
#' margins, distances from the decision boundary and dual variables.
#'
#' The margin of a row is its signed score (two classes), or by how much the score of its class leads the best other
#' one; of a fit with `coding = "ovr"` the least of the signed scores of all classes. A row is a support vector if its
#' margin is at most 1. The dual variable of a row and a wrong class says how hard the row pulls: for the hinge from 0
#' (outside the margin) to 1 (inside), for the others the derivative of the loss by the violated margin. Between 0 and 1
#' are the rows on the margin, and these values follow from the optimality conditions of the coefficients (by
#' bounded least squares, for fits that are not met only roughly); `violation` says how well they hold.
#'
#' Libsvm's `alpha` of a row is `cost` times its case weight times its dual variable, so that for two classes and a
#' ridge on columns as they are (`standardize = FALSE`, no `penalty_factor`) the slopes are the sum over rows of
#' alpha times the sign of the class times x.
#'
#' @param fit A fit made by [linclass()] with one of the losses `hinge`, `crammer_singer`, `squared_hinge`,
#'   `huber_hinge`.
#' @param data `NULL`, or the training data, as in [fitted.linclass()].
#' @param x What `support()` returned.
#' @param ... Not used.
#' @return A list of class `linclass_support`:
#' * `vectors`: a data frame with a row for each support vector: `row`, its number among the rows of the data;
#'   `class`; `margin`; `distance`, the signed distance from the decision boundary in units of the columns;
#'   `where`, one of `"on"` the margin (to within 0.001), `"inside"` and `"wrong"` (on the wrong side); `dual`, the sum
#'   of its dual variables;
#' * `dual`: a matrix of support vectors x classes: the dual variables of the wrong classes; with two classes one
#'   column; against the rest those of each class;
#' * `number`: the number of support vectors of each class;
#' * `geometric`: the distance of the margin from the boundary: one number, or for three or more classes a matrix for
#'   each pair; against the rest one number for each class;
#' * `cost`: \eqn{1 / (\lambda (1 - \alpha) \sum w_i)}{1 / (lambda (1 - alpha) sum w_i)}, the C of libsvm; `NA` without
#'   a ridge;
#' * `violation`: the largest violation of the optimality conditions by the dual variables, an element of the gradient;
#' * `rows`: the number of rows.
#' @section Errors: `linclass_error_argument` for another loss or rows of counts, `linclass_error_data` if the training
#'   data cannot be found.
#' @seealso [linclass()], [from_liblinear()]; `predict(fit, type = "link")` for decision values of any rows;
#'   `residuals(fit)` for all margins; `plot(fit, "boundary")` shows the margin.
#' @source Boser, B. E., Guyon, I. M. and Vapnik, V. N. (1992) A training algorithm for optimal margin classifiers.
#'   *Proceedings of COLT*, 144--152.
#' @examples
#' fit <- linclass(am ~ wt + hp, mtcars, loss = "hinge", lambda = 0.05, alpha = 0)
#' support(fit)
#' support(fit)$vectors
#' @concept support vector machine
#' @concept dual variables
#' @concept geometric margin
#' @export
support <- function(fit, data = NULL, ...) UseMethod("support")

#' @export
support.default <- function(fit, data = NULL, ...) {
  abort("argument", sprintf("`fit` must be made by linclass(), not %s.", describe_value(fit)))
}

#' @rdname support
#' @export
support.linclass <- function(fit, data = NULL, ...) {
  check_no_dots(list(...), "data")
  check_object(fit, whole = TRUE)
  if (!has_margin(fit)) {
    abort("argument", sprintf("Loss \"%s\" has no support vectors: use %s.", fit$loss, choices(names(margin_slopes))))
  }
  rows <- training_data(fit, data)
  if (!is.null(kept_counts(rows))) abort("argument", "Rows of counts have no margin.")
  codes <- rows$y$codes
  weights <- fit_row_weights(fit, rows)
  z <- unname(predict_rows(fit, rows$x, rows$offset, "link"))
  margin <- row_margins(fit, z, codes)
  active <- which(margin <= 1 + margin_width & weights > 0)
  u <- violations(fit, if (is.matrix(z)) z[active, , drop = FALSE] else z[active], codes[active])
  found <- dual_variables(fit, rows, u, active, weights)
  W <- slopes_by_class(fit)
  number <- table(factor(fit$levels[codes[active] + 1L], levels = fit$levels))
  where <- ifelse(margin <= 0, "wrong", ifelse(margin < 1 - margin_width, "inside", "on"))
  vectors <- data.frame(
    row = if (is.null(rows$rows)) active else rows$rows[active],
    class = factor(fit$levels[codes[active] + 1L], levels = fit$levels), margin = margin[active],
    distance = distances(fit, z, codes, W)[active],
    where = factor(where[active], levels = c("on", "inside", "wrong")), dual = rowSums(found$dual))
  colnames(found$dual) <- if (fit$coding == "vector") "dual" else fit$levels
  ridge <- fit$lambda * (1 - fit$alpha)
  structure(
    list(vectors = vectors, dual = found$dual, number = stats::setNames(as.integer(number), fit$levels),
         geometric = geometric_margins(fit, W), cost = if (ridge > 0) 1 / (ridge * sum(weights)) else NA_real_,
         violation = found$violation, rows = sum(weights > 0)),
    class = "linclass_support")
}

kept_counts <- function(rows) if (is.null(rows$y$codes)) rows$y

# Case weights times class weights, 0 for rows that were set aside.
fit_row_weights <- function(fit, rows) {
  weights <- if (is.null(rows$weights)) rep(1, length(rows$y$codes)) else rows$weights
  if (!is.null(fit$class_weights)) weights <- weights * unname(fit$class_weights)[rows$y$codes + 1L]
  if (!is.null(fit$validation)) {
    number <- if (is.null(rows$rows)) seq_along(weights) else rows$rows
    weights[number %in% fit$validation$rows] <- 0
  }
  weights
}

# Slopes, a row for each score; 0 for aliased columns.
slopes_by_class <- function(fit) {
  W <- t(c_coefficients(fit))
  if (fit$intercept) W[, -1L, drop = FALSE] else W
}

geometric_margins <- function(fit, W) {
  length_of <- sqrt(rowSums(W^2))
  if (fit$coding == "vector") return(1 / length_of)
  if (is_ovr(fit)) return(stats::setNames(1 / length_of, fit$levels))
  if (nrow(W) < length(fit$levels)) W <- rbind(0, W) # reference coding
  out <- 1 / as.matrix(stats::dist(W))
  diag(out) <- NA
  dimnames(out) <- list(fit$levels, fit$levels)
  out
}

# Signed distances of all rows from the nearest boundary of their class.
distances <- function(fit, z, codes, W) {
  if (fit$coding == "vector") return((2 * codes - 1) * z / sqrt(sum(W^2)))
  k <- ncol(z)
  if (is_ovr(fit)) return(apply(sweep(ovr_signs(codes, k) * z, 2L, sqrt(rowSums(W^2)), `/`), 1L, min))
  if (nrow(W) < k) W <- rbind(0, W)
  apart <- as.matrix(stats::dist(W))
  own <- codes + 1L
  lead <- (z[cbind(seq_along(own), own)] - z) / apart[own, , drop = FALSE]
  lead[cbind(seq_along(own), own)] <- Inf
  apply(lead, 1L, min)
}

# By how much rows lack their margin: a column for one score, or of all classes, -Inf for the row's own.
violations <- function(fit, z, codes) {
  if (fit$coding == "vector") return(matrix(1 - (2 * codes - 1) * z))
  if (is_ovr(fit)) return(1 - ovr_signs(codes, ncol(z)) * z)
  own <- cbind(seq_along(codes), codes + 1L)
  u <- z - z[own] + 1
  u[own] <- -Inf
  u
}

# The dual variables of the active rows (active x columns of u), and how far they are from stationarity.
dual_variables <- function(fit, rows, u, active, weights) {
  slope <- margin_slopes[[fit$loss]]
  codes <- rows$y$codes[active]
  x <- rows$x[active, , drop = FALSE]
  if (inherits(x, "linclass_codes")) x <- as_columns(x)
  free <- matrix(FALSE, nrow(u), ncol(u))
  if (!is.null(slope)) {
    dual <- slope(u)
  } else if (is_simplex(fit)) {
    most <- pmax(apply(u, 1L, max), 0)
    free <- u >= most - margin_width
    single <- rowSums(free) + (most <= margin_width) == 1
    dual <- free + 0
    free[single, ] <- FALSE
  } else {
    dual <- (u > margin_width) + 0
    free <- abs(u) <= margin_width
  }
  signs <- pull_signs(fit, codes)
  conditions <- stationarity(fit, rows, x, weights[active], sum(weights))
  if (any(free)) dual <- solve_free(fit, dual, free, u, signs, conditions)
  list(dual = dual, violation = max(abs(unlist(conditions$gradient(pulls(dual, signs)))), 0))
}

# How the dual variable of column j of u enters the derivatives by scores: a list of n x (columns of u)
# matrices, one for each score.
pull_signs <- function(fit, codes) {
  if (fit$coding == "vector") return(list(matrix(1 - 2 * codes)))
  k <- length(fit$levels)
  lapply(if (fit$coding == "reference") seq_len(k)[-1L] else seq_len(k), function(c) {
    signs <- matrix(0, length(codes), k)
    if (is_ovr(fit)) {
      signs[, c] <- -ovr_signs(codes, k)[, c]
      return(signs)
    }
    signs[, c] <- 1
    signs[codes + 1L == c, ] <- -1
    signs[cbind(seq_along(codes), codes + 1L)] <- 0
    signs
  })
}

# Derivatives of the losses by each score.
pulls <- function(dual, signs) lapply(signs, function(s) rowSums(s * dual))

# The optimality conditions that hold with equality, of each score: `rows`, the columns of x (with the intercept) whose
# gradient must be `target`; and the gradient less target.
stationarity <- function(fit, rows, x, weights, total) {
  stats <- column_stats(rows$x, NULL, fit$blueprint$names)
  if (!is.null(rows$weights)) stats <- column_stats(rows$x, rows$weights, fit$blueprint$names)
  spread <- column_spread(stats, fit$standardize && fit$lambda > 0)
  strength <- fit$lambda * rep_len(fit$penalty_factor, fit$p)
  W <- slopes_by_class(fit)
  x <- if (fit$intercept) cbind(1, x) else x
  size <- c(if (fit$intercept) 1, pmax(stats$sd, abs(stats$mean), .Machine$double.xmin))
  groups <- has_groups(fit)
  norm <- sqrt(colSums(W^2))
  each <- lapply(seq_len(nrow(W)), function(c) {
    b <- W[c, ]
    unit <- if (groups) ifelse(norm > 0, b / norm, 0) else sign(b)
    nonzero <- if (groups) norm > 0 else b != 0
    pull <- strength * ((1 - fit$alpha) * spread^2 * b + fit$alpha * spread * unit)
    held <- if (is.null(fit$lower)) FALSE else b <= fit$lower | b >= fit$upper
    used <- c(if (fit$intercept) TRUE, (nonzero | strength * fit$alpha == 0) & !held)
    list(used = which(used), target = -c(if (fit$intercept) 0, pull))
  })
  gradient <- function(r) {
    Map(function(r, one) {
      if (!length(one$used)) return(0)
      g <- as.vector(Matrix::crossprod(x, weights * r)) / total
      ((g - one$target) / size)[one$used]
    }, r, each)
  }
  list(gradient = gradient, x = x, weights = weights / total, each = each, size = size)
}

# The free dual variables by least squares within 0 and 1. Of Crammer's and Singer's hinge those of a row, with one for
# its own class where that is as good, sum to 1.
solve_free <- function(fit, dual, free, u, signs, conditions) {
  at <- which(free, arr.ind = TRUE)
  dual[free] <- 0
  fixed <- conditions$gradient(pulls(dual, signs))
  G <- matrix(0, nrow(at), nrow(at))
  lin <- numeric(nrow(at))
  for (c in seq_along(signs)) {
    used <- conditions$each[[c]]$used
    if (!length(used)) next
    X <- as.matrix(conditions$x[at[, 1L], used, drop = FALSE])
    X <- X * (conditions$weights[at[, 1L]] * signs[[c]][at]) / rep(conditions$size[used], each = nrow(X))
    G <- G + tcrossprod(X)
    lin <- lin + as.vector(X %*% fixed[[c]])
  }
  if (is_simplex(fit)) {
    row <- at[, 1L]
    own <- which(apply(u, 1L, max) <= margin_width & rowSums(free) > 0)
    tied <- outer(c(row, own), c(row, own), `==`) * (1e4 * max(diag(G)))
    G <- rbind(cbind(G, matrix(0, nrow(G), length(own))), matrix(0, length(own), nrow(G) + length(own))) + tied
    lin <- c(lin, numeric(length(own))) - 1e4 * max(diag(G) - diag(tied))
    a <- bounded_squares(G, lin)
    sums <- rowsum(a, c(row, own))
    dual[at] <- (a / sums[match(c(row, own), as.integer(rownames(sums))), 1L])[seq_along(row)]
    return(dual)
  }
  dual[at] <- bounded_squares(G, lin)
  dual
}

# argmin over 0 <= a <= 1 of a'G a / 2 + lin'a: Newton's steps over the variables that the bounds do not hold,
# projected (Bertsekas 1982).
bounded_squares <- function(G, lin) {
  m <- length(lin)
  value <- function(a) sum(a * (G %*% a)) / 2 + sum(lin * a)
  a <- rep(0.5, m)
  ridge <- 1e-13 * max(diag(G), .Machine$double.xmin)
  for (step in seq_len(200L)) {
    g <- as.vector(G %*% a) + lin
    moves <- !(a <= 0 & g > 0) & !(a >= 1 & g < 0)
    if (!any(moves) || max(abs(g[moves])) <= 1e-15 * max(abs(lin), diag(G))) break
    H <- G[moves, moves, drop = FALSE]
    diag(H) <- diag(H) + ridge
    root <- tryCatch(chol(H), error = function(e) NULL)
    if (is.null(root)) {
      ridge <- 10 * ridge
      next
    }
    d <- -backsolve(root, backsolve(root, g[moves], transpose = TRUE))
    t <- 1
    before <- value(a)
    repeat {
      to <- a
      to[moves] <- pmin(pmax(a[moves] + t * d, 0), 1)
      if (value(to) < before || t < 1e-12) break
      t <- t / 2
    }
    if (t < 1e-12) break
    a <- to
  }
  a
}

#' @rdname support
#' @export
print.linclass_support <- function(x, ...) {
  where <- table(x$vectors$where)
  shown <- function(v) format(v, digits = 4L)
  geometric <- x$geometric[!is.na(x$geometric)]
  lines <- list(
    "Support vectors" = sprintf("%d of %s (%s)", nrow(x$vectors), plural(x$rows, "row"),
                                paste(x$number, names(x$number), collapse = ", ")),
    "Margin" = sprintf("%d on it, %d inside, %d on the wrong side", where[["on"]], where[["inside"]], where[["wrong"]]),
    "Geometric" = if (length(unique(geometric)) == 1L) shown(geometric[1L]) else
      sprintf("%s to %s", shown(min(geometric)), shown(max(geometric))),
    "Dual variables" = sprintf("conditions violated by at most %s", format(x$violation, digits = 2L)))
  writeLines(field_lines(lines))
  invisible(x)
}
