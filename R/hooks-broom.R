# tidy(), glance() and augment() (generics) for fits, paths and cross-validations, with the columns
# and names of package broom.

#' Tidy tables of fits
#'
#' Methods for the generics of package generics, which broom, modelsummary and tidymodels call.
#' Columns have the names that broom gives them for `glm()`, `multinom()` and `glmnet()`.
#'
#' @param x A fit made by [linclass()], a path made by [linclass_path()] or a cross-validation made
#'   by [linclass_cv()].
#' @param conf.int Whether to add `conf.low` and `conf.high`.
#' @param conf.level Confidence level.
#' @param exponentiate Whether to exponentiate estimates and limits: odds ratios.
#' @param return_zeros Whether coefficients that are 0 have a row.
#' @param data The rows to describe: for fits by formula the model frame by default.
#' @param newdata New rows instead of `data`.
#' @param type.predict For two classes with one score: what `.fitted` is, `"link"` or `"response"`.
#' @param se_fit Whether to add `.se.fit`, the standard errors of `.fitted`.
#' @param type.residuals As `type` of [residuals.linclass()].
#' @param ... For `augment()` of paths and cross-validations passed on to `predict()` (`s`); else not
#'   used.
#' @return A tibble (a data frame where package tibble is not installed).
#' * `tidy()` of a fit: `y.level` (several rows of coefficients), `term`, `estimate`, and
#'   `std.error`, `statistic`, `p.value` where the fit has standard errors, else `penalty`;
#'   of a path: `class` (several), `term`, `step`, `estimate`, `lambda`, `dev.ratio`; of a
#'   cross-validation: `lambda`, `estimate`, `std.error`, `conf.low`, `conf.high`, `nzero`.
#' * `glance()`, one row: of a fit `null.deviance`, `df.null`, `logLik`, `AIC`, `BIC`, `deviance`,
#'   `df.residual`, `nobs`, and `NA` where there is no likelihood; of a path `nulldev`, `npasses`,
#'   `nobs`; of a cross-validation `lambda.min`, `lambda.1se`, `nobs`.
#' * `augment()`: the data with `.fitted`, and for the rows of the fit `.resid`, `.hat`, `.sigma`, `.cooksd`
#'   and `.std.resid`, where the fit is an unpenalised logistic one; else with `.pred_class` and, where there are
#'   probabilities, `.pred_` and the name of the class.
#'
#' Errors: `linclass_error_no_vcov` if intervals are asked of a fit without standard errors.
#' @seealso [coef.linclass()], [confint.linclass()]
#' @examplesIf requireNamespace("generics", quietly = TRUE) && requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt + smoke, MASS::birthwt)
#' generics::tidy(fit, conf.int = TRUE, exponentiate = TRUE)
#' generics::glance(fit)
#' @concept broom
#' @concept tidy data
#' @concept tidymodels
#' @name broom_methods
NULL

#' @rdname broom_methods
#' @exportS3Method generics::tidy
tidy.linclass <- function(x, conf.int = FALSE, conf.level = 0.95, exponentiate = FALSE, ...) {
  check_object(x, whole = TRUE)
  check_flags(environment(), c("conf.int", "exponentiate"))
  if (has_vcov(x)) {
    table <- wald_frame(x)
  } else {
    table <- stats::coef(x, format = "long")
    table$class <- as.character(table$class)
    table$penalty <- x$lambda
  }
  if (conf.int) {
    limits <- stats::confint(x, level = conf.level)
    table$conf.low <- unname(limits[, 1L])
    table$conf.high <- unname(limits[, 2L])
  }
  if (exponentiate) {
    shown <- intersect(c("estimate", "conf.low", "conf.high"), names(table))
    table[shown] <- exp(table[shown])
  }
  names(table)[names(table) == "class"] <- "y.level"
  as_table(if (has_classes(x)) table else table[names(table) != "y.level"])
}

#' @rdname broom_methods
#' @exportS3Method generics::tidy
tidy.linclass_path <- function(x, return_zeros = FALSE, ...) {
  check_object(x, whole = TRUE)
  check_flags(environment(), "return_zeros")
  table <- stats::coef(x, format = "long")
  if (return_zeros) {
    all <- expand.grid(term = stats::variable.names(x), lambda = x$lambda,
                       class = levels(table$class), stringsAsFactors = FALSE)
    key <- function(t) paste(match(t$class, levels(table$class)), match(t$lambda, x$lambda),
                             match(t$term, stats::variable.names(x)))
    all$estimate <- table$estimate[match(key(all), key(table))]
    all$estimate[is.na(all$estimate)] <- 0
    table <- all
  }
  table$step <- match(table$lambda, x$lambda)
  table$dev.ratio <- x$points$deviance_ratio[table$step]
  table$class <- as.character(table$class)
  columns <- c(if (has_classes(x)) "class", "term", "step", "estimate", "lambda", "dev.ratio")
  as_table(table[columns])
}

#' @rdname broom_methods
#' @exportS3Method generics::tidy
tidy.linclass_cv <- function(x, ...) {
  check_object(x, whole = TRUE)
  table <- metric_table(x, x$best$metric[1L])
  as_table(data.frame(lambda = table$lambda, estimate = table$mean, std.error = table$se,
                      conf.low = table$mean - table$se, conf.high = table$mean + table$se,
                      nzero = table$nonzero))
}

#' @rdname broom_methods
#' @exportS3Method generics::glance
glance.linclass <- function(x, ...) {
  check_object(x, whole = TRUE)
  size <- likelihood_size(x)
  known <- !is.na(size$deviance)
  log_lik <- if (known) stats::logLik(x)
  as_table(data.frame(
    null.deviance = size$null.deviance, df.null = size$df.null,
    logLik = if (known) as.numeric(log_lik) else NA_real_, AIC = size$aic,
    BIC = if (known) stats::BIC(log_lik) else NA_real_, deviance = size$deviance,
    df.residual = size$df.residual, nobs = stats::nobs(x)))
}

#' @rdname broom_methods
#' @exportS3Method generics::glance
glance.linclass_path <- function(x, ...) {
  check_object(x, whole = TRUE)
  null <- if (loss_row(x$loss)$likelihood) deviance_of_loss(x, x$null_loss) else NA_real_
  as_table(data.frame(nulldev = null, npasses = max(x$points$passes), nobs = stats::nobs(x)))
}

#' @rdname broom_methods
#' @exportS3Method generics::glance
glance.linclass_cv <- function(x, ...) {
  check_object(x, whole = TRUE)
  as_table(data.frame(lambda.min = x$lambda.min, lambda.1se = x$lambda.1se, nobs = stats::nobs(x)))
}

#' @rdname broom_methods
#' @exportS3Method generics::augment
augment.linclass <- function(x, data = NULL, newdata = NULL, type.predict = c("link", "response"),
                             type.residuals = c("deviance", "pearson"), se_fit = FALSE, ...) {
  check_object(x, whole = TRUE)
  check_flags(environment(), "se_fit")
  type.predict <- match_choice(type.predict)
  type.residuals <- match_choice(type.residuals)
  rows <- described_rows(x, data, newdata)
  if (has_classes(x) || !loss_row(x$loss)$probability) {
    return(as_table(cbind(rows, class_columns(x, if (is.null(newdata)) data else newdata))))
  }
  if (!is.null(newdata)) {
    rows$.fitted <- unname(stats::predict(x, newdata, type = type.predict))
    if (se_fit) rows$.se.fit <- unname(stats::predict(x, newdata, type = type.predict, se.fit = TRUE)$se.fit)
    return(as_table(rows))
  }
  on <- on_rows(x, nrow(rows))
  rows$.fitted <- on(stats::fitted(x, type = type.predict))
  if (se_fit) rows$.se.fit <- on(stats::predict(x, type = type.predict, se.fit = TRUE)$se.fit)
  rows$.resid <- on(stats::residuals(x, type = type.residuals))
  if (has_vcov(x)) {
    infl <- stats::influence(x, do.coef = FALSE)
    rows$.hat <- on(infl$hat)
    rows$.sigma <- on(infl$sigma)
    rows$.cooksd <- on(stats::cooks.distance(x, infl))
    rows$.std.resid <- on(stats::rstandard(x, infl, type = type.residuals))
  }
  as_table(rows)
}

#' @rdname broom_methods
#' @exportS3Method generics::augment
augment.linclass_path <- function(x, newdata, ...) {
  if (missing(newdata)) abort("newdata", "Give `newdata`, and `s`, the value of `lambda`.")
  as_table(cbind(as_rows(newdata), class_columns(x, newdata, ...)))
}

#' @rdname broom_methods
#' @exportS3Method generics::augment
augment.linclass_cv <- augment.linclass_path

described_rows <- function(x, data, newdata) {
  if (!is.null(newdata)) return(as_rows(newdata))
  if (is.null(data)) data <- if (is.null(x$terms)) training_x(x) else stats::model.frame(x)
  as_rows(data)
}

training_x <- function(x) as.matrix(stats::model.matrix(x)[, x$blueprint$names, drop = FALSE])

# Names of rows that are names become a column, as in broom.
as_rows <- function(data) {
  rows <- as.data.frame(if (is(data, "Matrix")) as.matrix(data) else data)
  if (is.character(attr(rows, "row.names"))) rows <- cbind(.rownames = rownames(rows), rows)
  rownames(rows) <- NULL
  rows
}

class_columns <- function(x, newdata, ...) {
  columns <- data.frame(.pred_class = stats::predict(x, newdata, type = "class", ...))
  object <- if (inherits(x, "linclass_cv")) x$path else x
  if (!loss_row(object$loss)$probability) return(columns)
  prob <- as.data.frame(stats::predict(x, newdata, type = "prob", ...), optional = TRUE)
  names(prob) <- paste0(".pred_", object$levels)
  rownames(prob) <- NULL
  cbind(columns, prob)
}
