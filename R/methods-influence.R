# What single rows do to a fit: the quantities of generalised linear models, with the weighted least squares problem
# of the last Newton step in the place of the fit. With several scores a row has a matrix of leverages.

#' @importFrom stats cooks.distance dfbeta dfbetas hatvalues influence rstandard rstudent
NULL

#' Leverages and influence of rows
#'
#' For unpenalised logistic fits, with X the model matrix, V the covariance of the coefficients and w the
#' working weights: the leverage of row i is \eqn{h_i = w_i x_i' V x_i}, and the other quantities follow
#' from it and from residuals as for [stats::glm()] (see [stats::influence.measures()]).
#'
#' With a row of coefficients for each class, row i has the block \eqn{H_i = X_i V X_i'} with
#' \eqn{X_i = I \otimes x_i'}{X_i = kronecker(I, x_i')} and the covariance of its class \eqn{S_i = w_i
#' (diag(p_i) - p_i p_i')}. Its leverage is the trace of \eqn{S_i H_i}; these sum to the number of
#' coefficients. Without row i a Newton step changes the coefficients by \eqn{-V X_i' (I - S_i H_i)^{-1} w_i
#' (y_i - p_i)}, which `dfbeta()` has with the sign of [stats::dfbeta()], and Cook's distance is the squared
#' length of that step in the metric of the information, over the number of coefficients (Lesaffre and
#' Albert 1989). Standardised and studentised residuals are not defined there and refused.
#'
#' @param model A fit made by [linclass()] of a likelihood loss, without penalty, bounds or class weights.
#' @param do.coef Whether to compute the changes of the coefficients.
#' @param infl The result of `influence()`.
#' @param type `"deviance"` or `"pearson"`: the residuals to standardise.
#' @param ... Not used.
#' @return `hatvalues()`, `cooks.distance()`, `rstandard()`, `rstudent()`: a number for each row whose
#'   weight is not 0.
#'   `dfbeta()`, `dfbetas()`: a matrix of rows x coefficients, the change of each coefficient when the
#'   row is left out (to first order), and the same in standard errors. `influence()`: a list of `hat`,
#'   `coefficients`, `sigma`, `dev.res` and `pear.res`; of `hat`, `coefficients` and `distance` for a fit
#'   with a row of coefficients for each class. Errors: `linclass_error_no_vcov`, and
#'   `linclass_error_argument` for what such fits do not have.
#' @references Lesaffre, E. and Albert, A. (1989) Multiple-group logistic regression diagnostics.
#'   *Applied Statistics* 38(3), 425--440.
#' @seealso [residuals.linclass()], [vcov.linclass()]
#' @concept outlier
#' @concept leverage
#' @concept Cook distance
#' @concept influential observation
#' @concept regression diagnostics
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt + smoke, MASS::birthwt)
#' head(sort(cooks.distance(fit), decreasing = TRUE), 3)
#' range(hatvalues(fit))
#' @export
influence.linclass <- function(model, do.coef = TRUE, ...) {
  check_foreign_dots(list(...), "do.coef")
  V <- stats::vcov(model, complete = FALSE)
  rows <- data_rows(model)
  if (has_classes(model)) return(class_influence(model, V, rows, do.coef))
  z <- predict_rows(model, rows$x, rows$offset, "link")
  w <- row_totals(rows)
  deviance <- row_residuals(model, rows, z, "deviance")
  pearson <- row_residuals(model, rows, z, "pearson")
  used <- which(w > 0) # as in glm(), rows of weight 0 have no influence to speak of
  X <- estimated_columns(model, rows$x)[used, , drop = FALSE]
  w <- (w * sigmoid(z) * sigmoid(-z))[used]
  deviance <- deviance[used]
  pearson <- pearson[used]
  hat <- quadratic_forms(X, V) * w
  hat[hat > 1 - 1e-14] <- 1
  change <- deviance / ifelse(hat == 1, Inf, 1 - hat)
  sigma <- sqrt(pmax(sum(deviance^2) - deviance * change, 0) / (length(used) - ncol(X) - 1))
  named <- function(v) stats::setNames(v, rows$names[used])
  result <- list(hat = named(hat))
  if (do.coef) {
    result$coefficients <- as.matrix((X * (sqrt(w) * change)) %*% V)
    dimnames(result$coefficients) <- list(rows$names[used], rownames(V))
  }
  result <- c(result, list(sigma = named(sigma), dev.res = named(deviance), pear.res = named(pearson)))
  result <- lapply(result, stats::naresid, omit = model$na.action)
  # Rows that na.exclude removed had no influence.
  absent <- c(hat = 0, if (do.coef) c(coefficients = 0),
              sigma = sqrt(sum(deviance^2) / (length(used) - ncol(X))))
  result[names(absent)] <- Map(function(v, value) replace(v, is.na(v), value), result[names(absent)], absent)
  result
}

# The same with a row of coefficients for each class: list(hat, coefficients, distance).
class_influence <- function(model, V, rows, do.coef) {
  blocks <- leverage_blocks(model, V, rows)
  used <- blocks$used
  X <- blocks$X
  K <- ncol(blocks$residual)
  push <- matrix(0, length(used), K)
  hat <- distance <- double(length(used))
  size <- attr(stats::logLik(model), "df")
  for (i in seq_along(used)) {
    Hi <- matrix(blocks$H[i, , ], K)
    SH <- blocks$product(i)
    hat[i] <- sum(diag(SH))
    push[i, ] <- tryCatch(solve(diag(K) - SH, blocks$residual[i, ]), error = function(e) rep(NaN, K))
    distance[i] <- sum(push[i, ] * (Hi %*% push[i, ])) / size
  }
  named <- function(v) stats::setNames(v, rows$names[used])
  result <- list(hat = named(hat), distance = named(distance))
  if (do.coef) {
    parts <- lapply(seq_len(K), function(a) as.matrix((X * push[, a]) %*% V[blocks$place(a), , drop = FALSE]))
    result$coefficients <- structure(Reduce(`+`, parts), dimnames = list(rows$names[used], rownames(V)))
  }
  lapply(result, stats::naresid, omit = model$na.action)
}

# Of the rows with weight, K scores with coefficients each: their numbers `used`, columns X, w (y - p) as
# `residual`, the blocks H_i, the product S_i H_i of row i, and `place` of the coefficients of a score.
leverage_blocks <- function(model, V, rows) {
  z <- predict_rows(model, rows$x, rows$offset, "link")
  used <- which(row_totals(rows) > 0)
  w <- row_totals(rows)[used]
  scored <- if (model$coding == "reference") -1L else TRUE # classes with coefficients
  p <- softmax(unname(z)[used, , drop = FALSE])[, scored, drop = FALSE]
  residual <- row_residuals(model, rows, z, "response")[used, scored, drop = FALSE]
  X <- estimated_columns(model, rows$x)[used, , drop = FALSE]
  K <- ncol(p)
  place <- function(a) (a - 1L) * ncol(X) + seq_len(ncol(X))
  H <- array(0, c(length(used), K, K))
  for (a in seq_len(K)) {
    for (b in seq_len(K)) H[, a, b] <- quadratic_forms(X, V[place(a), place(b), drop = FALSE])
  }
  list(used = used, X = X, residual = unname(w * residual), H = H, place = place, product = function(i) {
    Hi <- matrix(H[i, , ], K)
    w[i] * (p[i, ] * Hi - p[i, ] %o% drop(p[i, ] %*% Hi))
  })
}

# The columns of the model whose coefficients could be estimated, with that of ones.
estimated_columns <- function(object, x) {
  X <- as_columns(x)
  if (object$intercept) X <- cbind(1, X)
  X[, !is.na(class_rows(object, object$coefficients)[1L, ]), drop = FALSE]
}

# x_i' V x_i of all rows; x_i' V y_i with Y.
quadratic_forms <- function(X, V, Y = X) {
  unname(if (is.matrix(X)) rowSums((X %*% V) * Y) else Matrix::rowSums((X %*% V) * Y))
}

#' @rdname influence.linclass
#' @export
hatvalues.linclass <- function(model, infl = influence(model, do.coef = FALSE), ...) infl$hat

#' @rdname influence.linclass
#' @export
cooks.distance.linclass <- function(model, infl = influence(model, do.coef = FALSE), ...) {
  if (!is.null(infl$distance)) return(infl$distance)
  size <- length(stats::coef(model, complete = FALSE))
  distance <- (infl$pear.res / (1 - infl$hat))^2 * infl$hat / size
  replace(distance, is.infinite(distance), NaN)
}

#' @rdname influence.linclass
#' @export
rstandard.linclass <- function(model, infl = influence(model, do.coef = FALSE),
                               type = c("deviance", "pearson"), ...) {
  type <- match_choice(type)
  check_one_score(model, "rstandard()")
  r <- if (type == "deviance") infl$dev.res else infl$pear.res
  r <- r / sqrt(1 - infl$hat)
  replace(r, is.infinite(r), NaN)
}

#' @rdname influence.linclass
#' @export
rstudent.linclass <- function(model, infl = influence(model, do.coef = FALSE), ...) {
  check_one_score(model, "rstudent()")
  r <- infl$dev.res
  r <- sign(r) * sqrt(r^2 + infl$hat * infl$pear.res^2 / (1 - infl$hat))
  replace(r, is.infinite(r), NaN)
}

#' @rdname influence.linclass
#' @export
dfbeta.linclass <- function(model, infl = influence(model), ...) infl$coefficients

#' @rdname influence.linclass
#' @export
dfbetas.linclass <- function(model, infl = influence(model), ...) {
  V <- stats::vcov(model, complete = FALSE)
  unit <- if (is.null(infl$sigma)) rep(1, nrow(infl$coefficients)) else infl$sigma
  infl$coefficients / outer(unit, sqrt(diag(V)))
}
