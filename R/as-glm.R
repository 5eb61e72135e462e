# A fit as an object of class glm, for what knows glm() alone.

#' @importFrom stats alias dummy.coef
NULL

#' A logistic fit as an object of class glm
#'
#' Writes an unpenalised logistic fit by formula as the object that [stats::glm()] would have made of the
#' same data, without fitting again: coefficients are those of the fit, and what the last step of
#' iteratively reweighted least squares leaves (QR decomposition, working residuals and weights, effects)
#' follows from them. Functions that know `glm()` alone then take it, such as [stats::dffits()],
#' [stats::covratio()] and [stats::influence.measures()].
#'
#' Numbers are as `glm()` defines them.
#'
#' @param object A fit made by [linclass()]: of the logistic loss, by formula, unpenalised. With
#'   `bias_reduction = "firth"` the estimates are those of the fit, and what is computed from them (deviance,
#'   standard errors) is as if they were those of maximum likelihood.
#' @return An object of classes `glm` and `lm`. Errors: `linclass_error_no_vcov`,
#'   `linclass_error_argument` for fits of several rows of coefficients, `linclass_error_formula` for those
#'   without formula.
#' @seealso [influence.linclass()], which needs no conversion.
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt + smoke, MASS::birthwt)
#' g <- as_glm(fit)
#' head(dffits(g), 3)
#' summary(influence.measures(g))
#' @export
as_glm <- function(object) {
  if (!inherits(object, "linclass")) abort("argument", "`object` must be a fit made by linclass().")
  check_vcov(object)
  check_one_score(object, "as_glm()")
  terms <- terms(object)
  rows <- data_rows(object)
  X <- as.matrix(stats::model.matrix(object))
  eta <- unname(predict_rows(object, rows$x, rows$offset, "link"))
  names <- rows$names
  w <- row_totals(rows)
  y <- row_shares(rows)[, 2L]
  y[w == 0] <- 0 # as glm() has it
  mu <- sigmoid(eta)
  slope <- mu * sigmoid(-eta)
  used <- which(w > 0 & slope > 0)
  working <- w * slope
  offset <- rows$offset
  if (is.matrix(offset)) offset <- offset[, 2L] - offset[, 1L]
  residual <- (y - mu) / slope
  parts <- least_squares(X[used, , drop = FALSE] * sqrt(working[used]),
                         (eta - (if (is.null(offset)) 0 else offset) + residual)[used] * sqrt(working[used]),
                         is.na(object$coefficients))
  named <- function(v) stats::setNames(v, names)
  frame <- stats::model.frame(object)
  deviance <- sum(stats::binomial()$dev.resids(y, mu, w))
  trials <- if (is.null(rows$counts)) rep(1, length(y)) else rowSums(rows$counts)
  rank <- parts$qr$rank
  structure(c(list(
    coefficients = object$coefficients, residuals = named(residual), fitted.values = named(mu)), parts, list(
    rank = rank, family = stats::binomial(), linear.predictors = named(eta), deviance = deviance,
    aic = suppressWarnings(stats::binomial()$aic(y, trials, mu, w, deviance)) + 2 * rank,
    null.deviance = likelihood_size(object)$null.deviance, iter = object$iterations,
    weights = named(working), prior.weights = named(w), df.residual = length(used) - rank,
    df.null = length(used) - object$intercept, y = named(y), converged = object$converged, boundary = FALSE,
    model = frame, call = glm_call(object), formula = stats::formula(object), terms = attr(frame, "terms"),
    data = glm_data(object, frame), offset = offset, control = stats::glm.control(), method = "glm.fit",
    contrasts = attr(X, "contrasts"), xlevels = stats::.getXlevels(terms, frame)),
    if (!is.null(object$na.action)) list(na.action = object$na.action)), class = c("glm", "lm"))
}

# The least squares problem of the last step, with the aliased columns behind the others, as lm() leaves it.
least_squares <- function(X, z, gone) {
  order <- c(which(!gone), which(gone))
  qr <- qr(X[, order, drop = FALSE], tol = 1e-11)
  over <- !is.finite(colSums(qr$qr / 2))
  if (any(over)) {
    abort("argument", sprintf("The QR decomposition of a glm object overflows: give %s other units.",
                              named("column", colnames(X)[order][over])))
  }
  kept <- seq_len(sum(!gone))
  effects <- qr.qty(qr, z)
  names(effects) <- c(colnames(X)[order][kept], rep("", length(z) - length(kept)))
  qr$rank <- length(kept)
  qr$pivot <- order
  R <- qr.R(qr)
  colnames(R) <- colnames(X)[order]
  rownames(R) <- colnames(R)[seq_len(nrow(R))]
  list(effects = effects, R = R, qr = structure(c(qr, list(tol = 1e-11)), class = "qr"))
}

glm_call <- function(object) {
  call <- object$call
  known <- c("formula", "data", "weights", "subset", "na.action", "offset", "contrasts")
  call <- call[c(1L, which(names(call) %in% known))]
  call[[1L]] <- as.name("glm")
  call$family <- as.name("binomial")
  call
}

# The data of the call where they are still there, else the model frame.
glm_data <- function(object, frame) {
  data <- tryCatch(eval(object$call$data, call_home(object)), error = function(e) NULL)
  if (is.data.frame(data)) data else frame
}

#' Aliased terms and the coefficients of all levels
#'
#' `alias()` writes columns that could not be estimated as combinations of the others, `dummy.coef()`
#' has the coefficient of each level of each factor, `labels()` the terms with coefficients.
#'
#' @param object A fit made by [linclass()], by formula.
#' @param use.na Whether levels whose coefficient could not be estimated are `NA` (else it counts as 0).
#' @param ... Not used.
#' @return As [stats::alias()], [stats::dummy.coef()] and [labels()]; `dummy.coef()` of a fit with a row of
#'   coefficients for each class is a list with one for each.
#' @examples
#' fit <- linclass(feed ~ weight + I(2 * weight), chickwts)
#' alias(fit)
#' dummy.coef(linclass(am ~ factor(cyl) + wt, mtcars, lambda = 0.01))
#' @export
alias.linclass <- function(object, ...) {
  check_foreign_dots(list(...), character())
  result <- list(Model = stats::formula(object))
  gone <- is.na(class_rows(object, object$coefficients)[1L, ])
  if (any(gone)) {
    rows <- data_rows(object)
    X <- as.matrix(stats::model.matrix(object))[row_totals(rows) > 0, , drop = FALSE]
    combination <- t(qr.coef(qr(X[, !gone, drop = FALSE], tol = 1e-11), X[, gone, drop = FALSE]))
    size <- apply(abs(X), 2L, max)
    small <- abs(combination) * rep(size[!gone], each = sum(gone)) <= 1e-9 * size[gone]
    result$Complete <- replace(combination, small, 0)
  }
  structure(result, class = "listof")
}

#' @rdname alias.linclass
#' @export
dummy.coef.linclass <- function(object, use.na = FALSE, ...) {
  check_foreign_dots(list(...), "use.na")
  frame <- stats::model.frame(object)
  W <- class_rows(object, object$coefficients)
  of_class <- lapply(seq_len(nrow(W)), function(i) {
    linear <- list(coefficients = W[i, ], xlevels = stats::.getXlevels(terms(object), frame), model = frame,
                   terms = attr(frame, "terms"), contrasts = object$blueprint$contrasts)
    stats::dummy.coef(structure(linear, class = "lm"), use.na = use.na)
  })
  if (has_classes(object)) stats::setNames(of_class, rownames(W)) else of_class[[1L]]
}

#' @rdname alias.linclass
#' @export
labels.linclass <- function(object, ...) {
  labels <- attr(terms(object), "term.labels")
  gone <- is.na(class_rows(object, object$coefficients)[1L, ])
  assign <- attr(stats::model.matrix(object), "assign")
  labels[sort(unique(assign[assign > 0 & !gone]))]
}

#' @export
kappa.linclass <- function(z, ...) {
  if (!length(z$coefficients)) abort("argument", "The fit has no coefficients, and so no condition number.")
  kappa(as_glm(z), ...)
}
