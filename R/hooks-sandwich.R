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

#' @exportS3Method sandwich::estfun
estfun.linclass_path <- function(x, ...) of_one_fit("estfun()")

#' @exportS3Method sandwich::estfun
estfun.linclass_cv <- estfun.linclass_path

#' @exportS3Method lmtest::waldtest
waldtest.linclass_path <- function(object, ...) of_one_fit("waldtest()")

#' @exportS3Method lmtest::waldtest
waldtest.linclass_cv <- waldtest.linclass_path

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

# V (sum_i f(h_i) g_i g_i') V. The default wants leverages of rows of weight 0, which have none. With several scores
# HC2 and HC3 are (I - S_i H_i)^(-1/2) and ^(-1) on the scores of a row, as Bell and McCaffrey (2002) have it for
# clusters of correlated observations, here the scores of one row; the other types have no such form.
#' @exportS3Method sandwich::vcovHC
vcovHC.linclass <- function(x, type = c("HC3", "const", "HC", "HC0", "HC1", "HC2", "HC4", "HC4m", "HC5"),
                            ...) {
  check_vcov(x)
  type <- match_choice(type)
  V <- stats::vcov(x, complete = FALSE)
  if (type == "const") return(if (has_classes(x)) V else NextMethod())
  if (has_classes(x)) {
    if (type %in% c("HC2", "HC3")) {
      return(V %*% crossprod(levered_scores(x, V, if (type == "HC2") 0.5 else 1)) %*% V)
    }
    if (!type %in% c("HC", "HC0", "HC1")) {
      abort("argument", sprintf(paste(
        "type = \"%s\" is a function of one leverage, and a row has a matrix of them here: with several",
        "classes use \"HC0\" to \"HC3\", or vcovCL()."), type))
    }
  }
  scores <- estfun.linclass(x)
  rows <- row_totals(data_rows(x)) > 0
  h <- if (has_classes(x)) 0 else on_rows(x, nrow(scores))(stats::hatvalues(x))[rows]
  factor <- leverage_factors[[type]](h, sum(rows), ncol(scores))
  V %*% crossprod(scores[rows, , drop = FALSE] * sqrt(factor)) %*% V
}

# Scores of rows, (I - S_i H_i)^(-power) w (y - p) x.
levered_scores <- function(x, V, power) {
  blocks <- leverage_blocks(x, V, data_rows(x))
  levered <- vapply(seq_along(blocks$used), function(i) {
    parts <- eigen(blocks$product(i)) # similar to a symmetric matrix with eigenvalues from 0 to 1
    vectors <- Re(parts$vectors)
    drop(vectors %*% ((1 - Re(parts$values))^-power * solve(vectors, blocks$residual[i, ])))
  }, double(ncol(blocks$residual)))
  levered <- matrix(levered, ncol = ncol(blocks$residual), byrow = TRUE)
  X <- as.matrix(blocks$X)
  do.call(cbind, lapply(seq_len(ncol(levered)), function(a) X * levered[, a]))
}

# clubSandwich: its small-sample corrections are those of the weighted least squares problem of a glm. (The last ones
# are what its tests ask of a fit; its defaults are those of linear models.)
#' @exportS3Method clubSandwich::vcovCR
vcovCR.linclass <- function(obj, cluster, type, ...) {
  if (has_classes(obj)) {
    abort("argument", "With several classes use sandwich::vcovCL(): clubSandwich knows fits with one score only.")
  }
  if (missing(cluster)) abort("argument", "`cluster` is needed: the cluster of each row.")
  clubSandwich::vcovCR(as_glm(obj), cluster = cluster, type = type, ...)
}

#' @exportS3Method clubSandwich::model_matrix
model_matrix.linclass <- function(obj, ...) get_from("clubSandwich", "model_matrix")(as_glm(obj), ...)

#' @exportS3Method clubSandwich::residuals_CS
residuals_CS.linclass <- function(obj, ...) get_from("clubSandwich", "residuals_CS")(as_glm(obj), ...)

#' @exportS3Method clubSandwich::targetVariance
targetVariance.linclass <- function(obj, cluster, ...) {
  get_from("clubSandwich", "targetVariance")(as_glm(obj), cluster, ...)
}

#' @exportS3Method clubSandwich::weightMatrix
weightMatrix.linclass <- function(obj, cluster, ...) {
  get_from("clubSandwich", "weightMatrix")(as_glm(obj), cluster, ...)
}

#' @exportS3Method clubSandwich::v_scale
v_scale.linclass <- function(obj, ...) get_from("clubSandwich", "v_scale")(as_glm(obj), ...)

# A generic that its package does not export.
get_from <- function(package, name) get(name, envir = asNamespace(package))

#' @exportS3Method lmtest::coeftest
coeftest.linclass <- function(x, vcov. = NULL, df = Inf, ...) {
  lmtest::coeftest(flat(x), given_vcov(x, vcov., ...), df = if (is.null(df)) Inf else df, ...)
}

#' @exportS3Method lmtest::coefci
coefci.linclass <- function(x, parm = NULL, level = 0.95, vcov. = NULL, df = Inf, ...) {
  lmtest::coefci(flat(x), parm = parm, level = level, vcov. = given_vcov(x, vcov., ...),
                 df = if (is.null(df)) Inf else df, ...)
}

# Nested fits, or terms of the first to leave out, as lmtest has them for glm(). With several classes a fit is
# compared by the coefficients that it lacks.
#' @exportS3Method lmtest::waldtest
waldtest.linclass <- function(object, ..., vcov = NULL, test = c("F", "Chisq")) {
  check_vcov(object)
  test <- if (missing(test) && has_classes(object)) "Chisq" else match_choice(test)
  if (!has_classes(object)) {
    if (!is.null(alias(object)$Complete)) {
      abort("argument", "waldtest() takes no fit with coefficients that could not be estimated.")
    }
    others <- list(...)
    if (!length(others)) others <- list(if (object$intercept) . ~ 1 else . ~ 0)
    return(do.call(lmtest::waldtest.default, c(list(object), others, list(vcov = vcov, test = test))))
  }
  wald_of_classes(object, list(...), vcov, test)
}

wald_of_classes <- function(object, others, vcov, test) {
  if (!length(others)) others <- list(if (object$intercept) . ~ 1 else . ~ 0)
  fits <- c(list(object), others)
  for (i in seq_along(others)) {
    other <- fits[[i + 1L]]
    if (is.character(other)) other <- stats::as.formula(paste(". ~ . -", paste(other, collapse = " - ")))
    if (inherits(other, "formula")) other <- stats::update(fits[[i]], other)
    fits[[i + 1L]] <- other
  }
  check_same_response(fits)
  rows <- lapply(seq_along(others), function(i) {
    pair <- fits[c(i, i + 1L)]
    if (length(stats::coef(pair[[2L]])) > length(stats::coef(pair[[1L]]))) pair <- rev(pair)
    large <- stats::coef(pair[[1L]], format = "vector", complete = FALSE)
    gone <- setdiff(names(large), names(stats::coef(pair[[2L]], format = "vector", complete = FALSE)))
    if (length(large) - length(gone) != length(stats::coef(pair[[2L]], format = "vector", complete = FALSE))) {
      abort("argument", "waldtest() compares fits of which one has all coefficients of the other.")
    }
    V <- if (is.null(vcov)) stats::vcov(pair[[1L]], complete = FALSE) else given_vcov(pair[[1L]], vcov)
    dimnames(V) <- list(names(large), names(large))
    chisq <- sum(large[gone] * solve(V[gone, gone, drop = FALSE], large[gone]))
    c(stats::df.residual(pair[[1L]]), length(gone), chisq)
  })
  df <- vapply(fits, stats::df.residual, 1)
  rows <- do.call(rbind, rows)
  statistic <- if (test == "F") rows[, 3L] / rows[, 2L] else rows[, 3L]
  p <- if (test == "F") stats::pf(statistic, rows[, 2L], rows[, 1L], lower.tail = FALSE) else
    stats::pchisq(statistic, rows[, 2L], lower.tail = FALSE)
  table <- data.frame(Res.Df = df, Df = c(NA, -diff(df)), c(NA, statistic), c(NA, p))
  names(table)[3:4] <- c(test, sprintf("Pr(>%s)", test))
  models <- paste0("Model ", seq_along(fits), ": ", vapply(fits, describe_model, ""), collapse = "\n")
  structure(table, heading = c("Wald test\n", models), class = c("anova", "data.frame"))
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
