# What the methods for other packages' generics share. All those packages are suggestions only: the
# methods are registered when the package that owns the generic is loaded.

# Packages that know one vector of coefficients and one covariance matrix see a fit as a flat one,
# with names `class:term` where there are several rows of coefficients. It has no residual degrees
# of freedom, so that tests are normal ones. A fit without standard errors is refused here.
flat <- function(object) {
  check_vcov(object)
  structure(list(fit = object), class = "linclass_flat")
}

#' @export
coef.linclass_flat <- function(object, complete = TRUE, ...) {
  stats::coef(object$fit, format = "vector", complete = complete)
}

#' @export
vcov.linclass_flat <- function(object, complete = TRUE, ...) {
  stats::vcov(object$fit, complete = complete)
}

#' @export
nobs.linclass_flat <- function(object, ...) stats::nobs(object$fit)

#' @export
logLik.linclass_flat <- function(object, ...) stats::logLik(object$fit)

#' @export
formula.linclass_flat <- function(x, ...) stats::formula(x$fit)

#' @export
df.residual.linclass_flat <- function(object, ...) NULL

# A call of a fitting function with the data of the fit in it, so that it can be evaluated anywhere.
call_with_data <- function(object, call) {
  data <- training_variables(object, all.vars(stats::formula(object)))
  call <- call[!names(call) %in% c("subset", "na.action")]
  call$data <- data
  call$weights <- data[["(weights)"]]
  call$offset <- data[["(offset)"]]
  call
}

# `vcov. =` of these packages is a matrix, or a function of the fit.
given_vcov <- function(object, vcov., ...) {
  if (is.function(vcov.)) vcov.(object, ...) else vcov.
}

# A tibble where the package is installed, as broom's functions return it, else a data frame.
as_table <- function(data) {
  if (requireNamespace("tibble", quietly = TRUE)) tibble::as_tibble(data) else data
}

# Whether estimates have standard errors; where not, vcov() says why.
has_vcov <- function(object) {
  !inherits(tryCatch(check_vcov(object), linclass_error = identity), "linclass_error")
}

# Estimate, standard error, z and p of each coefficient, NA where it could not be estimated, with its
# class (where there are several rows) and term.
wald_frame <- function(object) {
  long <- stats::coef(object, format = "long")
  se <- sqrt(diag(stats::vcov(object)))
  z <- long$estimate / se
  data.frame(class = as.character(long$class), term = long$term, estimate = long$estimate,
             std.error = unname(se), statistic = unname(z),
             p.value = unname(2 * stats::pnorm(-abs(z))), stringsAsFactors = FALSE)
}

has_classes <- function(object) object$coding != "vector"

# The model matrix of the terms at newdata, with the columns of the fit that could be estimated.
terms_matrix <- function(object, newdata) {
  x <- as.matrix(as_columns(bake(object$blueprint, newdata, zero_offset(object, newdata))$x))
  x <- if (object$intercept) cbind(`(Intercept)` = rep(1, nrow(x)), x) else x
  dimnames(x) <- list(NULL, stats::variable.names(object))
  x
}

zero_offset <- function(object, newdata) {
  if (object$blueprint$offset == "argument") matrix(0, NROW(newdata), length(object$levels))
}

estimated <- function(object) {
  W <- stats::coef(object, format = "matrix")
  colSums(is.na(W)) == 0
}
