# What single rows do to a fit of two classes: the quantities of generalised linear models, with the
# weighted least squares problem of the last Newton step in the place of the fit.

#' @importFrom stats cooks.distance dfbeta dfbetas hatvalues influence rstandard rstudent
NULL

#' Leverages and influence of rows
#'
#' For unpenalised logistic fits, with X the model matrix, V the covariance of the coefficients and w the
#' working weights: the leverage of row i is \eqn{h_i = w_i x_i' V x_i}, and the other quantities follow
#' from it and from residuals as for [stats::glm()] (see [stats::influence.measures()]).
#'
#' @param model A fit made by [linclass()] of two classes, without penalty, bounds or class weights.
#' @param do.coef Whether to compute the changes of the coefficients.
#' @param infl The result of `influence()`.
#' @param type `"deviance"` or `"pearson"`: the residuals to standardise.
#' @param ... Not used.
#' @return `hatvalues()`, `cooks.distance()`, `rstandard()`, `rstudent()`: a number for each row whose
#'   weight is not 0.
#'   `dfbeta()`, `dfbetas()`: a matrix of rows x coefficients, the change of each coefficient when the
#'   row is left out (to first order), and the same in standard errors. `influence()`: a list of `hat`,
#'   `coefficients`, `sigma`, `dev.res` and `pear.res`. Errors: `linclass_error_no_vcov`, and
#'   `linclass_error_argument` for fits with a row of coefficients for each class.
#' @seealso [residuals.linclass()], [vcov.linclass()]
#' @examples
#' fit <- linclass(low ~ age + lwt + smoke, MASS::birthwt)
#' head(sort(cooks.distance(fit), decreasing = TRUE), 3)
#' range(hatvalues(fit))
#' @export
influence.linclass <- function(model, do.coef = TRUE, ...) {
  check_foreign_dots(list(...), "do.coef")
  check_one_score(model, "influence()")
  V <- stats::vcov(model, complete = FALSE)
  rows <- data_rows(model)
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
  size <- length(stats::coef(model, complete = FALSE))
  distance <- (infl$pear.res / (1 - infl$hat))^2 * infl$hat / size
  replace(distance, is.infinite(distance), NaN)
}

#' @rdname influence.linclass
#' @export
rstandard.linclass <- function(model, infl = influence(model, do.coef = FALSE),
                               type = c("deviance", "pearson"), ...) {
  type <- match_choice(type)
  r <- if (type == "deviance") infl$dev.res else infl$pear.res
  r <- r / sqrt(1 - infl$hat)
  replace(r, is.infinite(r), NaN)
}

#' @rdname influence.linclass
#' @export
rstudent.linclass <- function(model, infl = influence(model, do.coef = FALSE), ...) {
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
  infl$coefficients / outer(infl$sigma, sqrt(diag(V)))
}
