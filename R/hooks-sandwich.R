# Robust and clustered covariance (sandwich) and tests of coefficients with it (lmtest).

# Gradient of each row's weighted log-likelihood, w (y - mu) x for each row of coefficients, in the order
# of coef(format = "vector"). With symmetric coding these are the derivatives by all rows, and the
# covariance, which is singular then, takes them to the free ones.
#' @exportS3Method sandwich::estfun
estfun.linclass <- function(x, ...) {
  check_vcov(x)
  X <- as.matrix(stats::model.matrix(x))[, estimated(x), drop = FALSE]
  rows <- unpadded(x, nrow(X))
  residual <- rows(as.matrix(stats::residuals(x, type = "response")))
  residual <- residual * rows(stats::weights(x))
  if (x$coding == "reference") residual <- residual[, -1L, drop = FALSE]
  at <- rep(seq_len(ncol(X)), ncol(residual))
  scores <- X[, at, drop = FALSE] * residual[, rep(seq_len(ncol(residual)), each = ncol(X))]
  dimnames(scores) <- list(rownames(X), names(stats::coef(x, format = "vector", complete = FALSE)))
  scores
}

# Takes out of a vector or matrix the rows that na.exclude put in.
unpadded <- function(object, n) {
  removed <- as.integer(object$na.action)
  function(value) {
    if (NROW(value) == n || !length(removed)) return(value)
    if (is.matrix(value)) value[-removed, , drop = FALSE] else value[-removed]
  }
}

# The same, and rows of weight 0 that have no value get NA.
on_rows <- function(object, n) {
  plain <- unpadded(object, n)
  function(value) {
    value <- plain(unname(value))
    if (length(value) == n) return(value)
    replace(rep(NA_real_, n), row_totals(data_rows(object)) > 0, value[!is.na(value)])
  }
}

# sandwich() divides by the number of rows of estfun(), not by the sum of weights.
#' @exportS3Method sandwich::bread
bread.linclass <- function(x, ...) {
  stats::vcov(x, complete = FALSE) * nrow(stats::model.matrix(x))
}

# What multiplies the squared scores of a row with leverage h, of n rows and k coefficients.
leverage_factors <- list(
  HC = function(h, n, k) 1, HC0 = function(h, n, k) 1, HC1 = function(h, n, k) n / (n - k),
  HC2 = function(h, n, k) 1 / (1 - h), HC3 = function(h, n, k) 1 / (1 - h)^2,
  HC4 = function(h, n, k) (1 - h)^-pmin(4, n * h / k),
  HC4m = function(h, n, k) (1 - h)^-(pmin(1, n * h / k) + pmin(1.5, n * h / k)),
  HC5 = function(h, n, k) (1 - h)^-(pmin(n * h / k, max(4, 0.7 * n * max(h) / k)) / 2))

# V (sum_i f(h_i) g_i g_i') V. The default wants leverages of rows of weight 0, which have none.
#' @exportS3Method sandwich::vcovHC
vcovHC.linclass <- function(x, type = c("HC3", "const", "HC", "HC0", "HC1", "HC2", "HC4", "HC4m", "HC5"),
                            ...) {
  check_vcov(x)
  type <- if (missing(type) && has_classes(x)) "HC0" else match_choice(type)
  V <- stats::vcov(x, complete = FALSE)
  if (type == "const") return(if (has_classes(x)) V else NextMethod())
  if (has_classes(x) && !type %in% c("HC", "HC0", "HC1")) {
    abort("argument", sprintf(paste(
      "type = \"%s\" divides by leverages, and a row has one for each score here: with several",
      "classes use \"HC0\", \"HC1\", or vcovCL()."), type))
  }
  scores <- estfun.linclass(x)
  rows <- row_totals(data_rows(x)) > 0
  h <- if (has_classes(x)) 0 else on_rows(x, nrow(scores))(stats::hatvalues(x))[rows]
  factor <- leverage_factors[[type]](h, sum(rows), ncol(scores))
  V %*% crossprod(scores[rows, , drop = FALSE] * sqrt(factor)) %*% V
}

#' @exportS3Method lmtest::coeftest
coeftest.linclass <- function(x, vcov. = NULL, df = Inf, ...) {
  lmtest::coeftest(flat(x), given_vcov(x, vcov., ...), df = if (is.null(df)) Inf else df, ...)
}

#' @exportS3Method lmtest::coefci
coefci.linclass <- function(x, parm = NULL, level = 0.95, vcov. = NULL, df = Inf, ...) {
  lmtest::coefci(flat(x), parm = parm, level = level, vcov. = given_vcov(x, vcov., ...),
                 df = if (is.null(df)) Inf else df, ...)
}

#' @exportS3Method lmtest::lrtest
lrtest.linclass <- function(object, ...) {
  for (fit in Filter(function(f) inherits(f, "linclass"), list(object, ...))) {
    check_ratio_test(fit, "lrtest()")
    if (has_jeffreys(fit)) {
      abort("no_likelihood", paste(
        "lrtest() subtracts log-likelihoods, of which Jeffreys' penalty is another for other columns: use",
        "anova(), which holds the coefficients of what is tested at 0."))
    }
  }
  NextMethod()
}
