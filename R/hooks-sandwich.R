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

# sandwich() divides by the number of rows of estfun(), not by the sum of weights.
#' @exportS3Method sandwich::bread
bread.linclass <- function(x, ...) {
  stats::vcov(x, complete = FALSE) * nrow(stats::model.matrix(x))
}

# The default reads residuals back from estfun() / model.matrix(), which needs a single score.
#' @exportS3Method sandwich::vcovHC
vcovHC.linclass <- function(x, type = c("HC3", "const", "HC", "HC0", "HC1", "HC2", "HC4", "HC4m", "HC5"),
                            ...) {
  check_vcov(x)
  if (!has_classes(x)) return(NextMethod())
  type <- if (missing(type)) "HC0" else match_choice(type)
  if (type == "const") return(stats::vcov(x, complete = FALSE))
  if (!type %in% c("HC", "HC0", "HC1")) {
    abort("argument", sprintf(paste(
      "type = \"%s\" divides by leverages, and a row has one for each score here: with several",
      "classes use \"HC0\", \"HC1\", or vcovCL()."), type))
  }
  V <- sandwich::sandwich(x)
  n <- nrow(stats::model.matrix(x))
  if (type == "HC1") V * n / (n - ncol(V)) else V
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
  }
  NextMethod()
}
