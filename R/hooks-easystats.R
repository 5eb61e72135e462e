# insight, parameters and performance. Tables of two classes follow from the statistic's name; those of
# several rows of coefficients have the column Response, as parameters has it for multinom().

#' @exportS3Method insight::find_statistic
find_statistic.linclass <- function(x, ...) if (has_vcov(x)) "z-statistic"

#' @exportS3Method insight::get_parameters
get_parameters.linclass <- function(x, ...) {
  long <- stats::coef(x, format = "long")
  table <- data.frame(Parameter = long$term, Estimate = long$estimate, stringsAsFactors = FALSE)
  with_response(x, table, long$class)
}

#' @exportS3Method insight::get_statistic
get_statistic.linclass <- function(x, ...) {
  wald <- wald_frame(x)
  table <- data.frame(Parameter = wald$term, Statistic = wald$statistic, stringsAsFactors = FALSE)
  structure(with_response(x, table, wald$class), statistic = "z-statistic")
}

#' @exportS3Method insight::get_df
get_df.linclass <- function(x, type = "residual", ...) {
  if (identical(type, "model")) return(attr(stats::logLik(x), "df"))
  if (identical(type, "residual")) stats::df.residual(x) else Inf
}

#' @exportS3Method insight::find_parameters
find_parameters.linclass <- function(x, flatten = FALSE, ...) {
  if (flatten) stats::variable.names(x) else list(conditional = stats::variable.names(x))
}

#' @exportS3Method parameters::standard_error
standard_error.linclass <- function(model, ...) {
  wald <- wald_frame(model)
  table <- data.frame(Parameter = wald$term, SE = wald$std.error, stringsAsFactors = FALSE)
  with_response(model, table, wald$class)
}

#' @exportS3Method parameters::p_value
p_value.linclass <- function(model, ...) {
  wald <- wald_frame(model)
  table <- data.frame(Parameter = wald$term, p = wald$p.value, stringsAsFactors = FALSE)
  with_response(model, table, wald$class)
}

#' @exportS3Method parameters::ci
ci.linclass <- function(x, ci = 0.95, ...) {
  long <- stats::coef(x, format = "long")
  limits <- stats::confint(x, level = ci)
  table <- data.frame(Parameter = long$term, CI = ci, CI_low = unname(limits[, 1L]),
                      CI_high = unname(limits[, 2L]), stringsAsFactors = FALSE)
  with_response(x, table, long$class)
}

#' @exportS3Method parameters::model_parameters
model_parameters.linclass <- function(model, ci = 0.95, exponentiate = FALSE, ...) {
  wald <- wald_frame(model)
  limits <- stats::confint(model, level = ci)
  shown <- if (isTRUE(exponentiate)) exp else identity
  table <- data.frame(
    Parameter = wald$term, Coefficient = shown(wald$estimate),
    SE = wald$std.error * if (isTRUE(exponentiate)) exp(wald$estimate) else 1, CI = ci,
    CI_low = shown(unname(limits[, 1L])), CI_high = shown(unname(limits[, 2L])), z = wald$statistic,
    df_error = Inf, p = wald$p.value, stringsAsFactors = FALSE)
  structure(with_response(model, table, wald$class), ci = ci, exponentiate = exponentiate,
            coefficient_name = if (isTRUE(exponentiate)) "Odds Ratio" else "Log-Odds",
            statistic = "z-statistic", digits = 2, ci_digits = 2, p_digits = 3,
            class = c("parameters_model", "see_parameters_model", "data.frame"))
}

#' @exportS3Method performance::model_performance
model_performance.linclass <- function(model, ...) {
  check_likelihood(model, "model_performance()")
  table <- data.frame(AIC = stats::AIC(model), BIC = stats::BIC(model),
                      R2_McFadden = mcfadden(model), R2_Nagelkerke = nagelkerke(model))
  structure(table, class = c("performance_model", "data.frame"))
}

#' @exportS3Method performance::r2_mcfadden
r2_mcfadden.linclass <- function(model, ...) {
  structure(list(R2 = c("McFadden's R2" = mcfadden(model))), model_type = "Linear classifier",
            class = c("r2_generic", "list"))
}

#' @exportS3Method performance::r2_nagelkerke
r2_nagelkerke.linclass <- function(model, ...) c("Nagelkerke's R2" = nagelkerke(model))

# 1 - deviance / null deviance.
mcfadden <- function(object) {
  check_likelihood(object, "R2")
  size <- likelihood_size(object)
  1 - size$deviance / size$null.deviance
}

# (1 - exp((D - D0) / n)) / (1 - exp(-D0 / n)).
nagelkerke <- function(object) {
  check_likelihood(object, "R2")
  size <- likelihood_size(object)
  (1 - exp((size$deviance - size$null.deviance) / object$nobs)) /
    (1 - exp(-size$null.deviance / object$nobs))
}

with_response <- function(object, table, class) {
  if (has_classes(object)) table$Response <- as.character(class)
  table
}
