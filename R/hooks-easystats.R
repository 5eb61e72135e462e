# insight, parameters and performance. Tables of two classes follow from the statistic's name; those of
# several rows of coefficients have the column Response, as parameters has it for multinom().

# A logistic fit as a glm, of which these packages know more, or NULL. With bias reduction intervals are those of the
# penalised likelihood, of which they know nothing.
known_glm <- function(object) {
  plain <- !has_classes(object) && is_by_formula(object) && has_vcov(object) && !has_jeffreys(object)
  if (!plain) return(NULL)
  known <- as_glm(object)
  # Its null model is fitted by update(). Variables inside functions may not be there any more.
  call <- tryCatch(call_with_data(object, known$call), linclass_error_data = function(e) NULL)
  if (is.null(call)) return(NULL)
  known$call <- call
  known
}

# What insight says of the family is that of a small model of the same kind.
#' @exportS3Method insight::model_info
model_info.linclass <- function(x, ...) {
  if (loss_row(x$loss)$likelihood && length(x$levels) > 2L && requireNamespace("nnet", quietly = TRUE)) {
    return(insight::model_info(nnet::multinom(factor(c(1, 2, 3, 1, 2, 3)) ~ 1, trace = FALSE), ...))
  }
  d <- data.frame(y = c(0, 1, 1, 0), n = c(2, 1, 1, 2))
  y <- if (is.null(x$counted)) y ~ 1 else cbind(y, n) ~ 1
  insight::model_info(stats::glm(y, stats::binomial(), d), ...)
}

# Of softmax too it is the logit, as insight has it for multinom().
#' @exportS3Method insight::link_function
link_function.linclass <- function(x, ...) {
  check_likelihood(x, "link_function()")
  stats::binomial()$linkfun
}

#' @exportS3Method insight::link_inverse
link_inverse.linclass <- function(x, ...) {
  check_likelihood(x, "link_inverse()")
  stats::binomial()$linkinv
}

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

# insight's own way does not see through the fit; ggeffects asks here too. Fits that no glm or multinom stands for have
# their predictions by predict() alone.
#' @exportS3Method insight::get_predicted
get_predicted.linclass <- function(x, ...) {
  several <- has_classes(x) && x$coding == "reference" && length(x$levels) > 2L && !length(x$aliased)
  known <- if (several && is_by_formula(x) && has_vcov(x)) as_multinom(x) else known_glm(x)
  if (is.null(known)) {
    abort("argument", paste("get_predicted() takes unpenalised logistic and softmax (coding = \"reference\") fits",
                            "by formula: use predict()."))
  }
  insight::get_predicted(known, ...)
}

#' @exportS3Method parameters::standard_error
standard_error.linclass <- function(model, ...) {
  known <- known_glm(model)
  if (!is.null(known)) return(parameters::standard_error(known, ...))
  refuse_robust(...)
  wald <- wald_frame(model)
  table <- data.frame(Parameter = wald$term, SE = wald$std.error, stringsAsFactors = FALSE)
  with_response(model, table, wald$class)
}

#' @exportS3Method parameters::p_value
p_value.linclass <- function(model, ...) {
  known <- known_glm(model)
  if (!is.null(known)) return(parameters::p_value(known, ...))
  refuse_robust(...)
  wald <- wald_frame(model)
  table <- data.frame(Parameter = wald$term, p = wald$p.value, stringsAsFactors = FALSE)
  with_response(model, table, wald$class)
}

#' @exportS3Method parameters::ci
ci.linclass <- function(x, ci = 0.95, method = "wald", ...) {
  known <- known_glm(x)
  if (!is.null(known)) return(parameters::ci(known, ci = ci, method = method, ...))
  refuse_robust(...)
  long <- stats::coef(x, format = "long")
  limits <- stats::confint(x, level = ci)
  table <- data.frame(Parameter = long$term, CI = ci, CI_low = unname(limits[, 1L]),
                      CI_high = unname(limits[, 2L]), stringsAsFactors = FALSE)
  with_response(x, table, long$class)
}

#' @exportS3Method parameters::model_parameters
model_parameters.linclass <- function(model, ci = 0.95, exponentiate = FALSE, ci_method = "wald", ...) {
  known <- known_glm(model)
  if (!is.null(known)) {
    return(parameters::model_parameters(known, ci = ci, exponentiate = exponentiate, ci_method = ci_method, ...))
  }
  refuse_robust(...)
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

# Other covariances than that of the model are read by glm's methods alone.
refuse_robust <- function(..., vcov = NULL) {
  if (is.null(vcov)) return(invisible())
  abort("argument", paste("`vcov` is taken for logistic fits by formula only. Use lmtest::coeftest(fit, vcov. =",
                          "sandwich::vcovHC)."))
}

#' @exportS3Method parameters::standardize_parameters
standardize_parameters.linclass <- function(model, ...) parameters::standardize_parameters(as_glm(model), ...)

#' @exportS3Method parameters::select_parameters
select_parameters.linclass <- function(model, ...) stats::step(model, trace = 0)

#' @exportS3Method performance::model_performance
model_performance.linclass <- function(model, ...) {
  known <- known_glm(model)
  if (!is.null(known)) return(performance::model_performance(known, ...))
  check_likelihood(model, "model_performance()")
  table <- data.frame(AIC = stats::AIC(model), BIC = stats::BIC(model),
                      R2_McFadden = mcfadden(model), R2_Nagelkerke = nagelkerke(model))
  structure(table, class = c("performance_model", "data.frame"))
}

# Measures that performance has for glm() are taken from there, those of other fits are below.
measure <- function(model, generic, other, ...) {
  known <- known_glm(model)
  if (!is.null(known)) generic(known, ...) else other(model)
}

no_measure <- function(what) {
  function(model) {
    abort("argument", sprintf("%s is for logistic fits by formula without penalty; r2_mcfadden() is for all.", what))
  }
}

#' @exportS3Method performance::r2
r2.linclass <- function(model, ...) measure(model, performance::r2, r2_mcfadden.linclass, ...)

#' @exportS3Method performance::r2_mcfadden
r2_mcfadden.linclass <- function(model, ...) measure(model, performance::r2_mcfadden, mcfadden_table, ...)

# 1 - l / l0 and 1 - (l - k) / l0, of k coefficients.
mcfadden_table <- function(model) {
  r2 <- mcfadden(model)
  log_lik <- stats::logLik(model)
  adjusted <- r2 + attr(log_lik, "df") * (1 - r2) / as.numeric(log_lik)
  structure(list(R2 = c("McFadden's R2" = r2), R2_adjusted = c("adjusted McFadden's R2" = adjusted)),
            model_type = "Linear classifier", class = c("r2_generic", "list"))
}

#' @exportS3Method performance::r2_nagelkerke
r2_nagelkerke.linclass <- function(model, ...) {
  measure(model, performance::r2_nagelkerke, function(model) c("Nagelkerke's R2" = nagelkerke(model)), ...)
}

#' @exportS3Method performance::r2_coxsnell
r2_coxsnell.linclass <- function(model, ...) {
  measure(model, performance::r2_coxsnell, function(model) c("Cox & Snell's R2" = coxsnell(model)), ...)
}

#' @exportS3Method performance::r2_tjur
r2_tjur.linclass <- function(model, ...) measure(model, performance::r2_tjur, no_measure("r2_tjur()"), ...)

#' @exportS3Method performance::r2_efron
r2_efron.linclass <- function(model, ...) measure(model, performance::r2_efron, no_measure("r2_efron()"), ...)

#' @exportS3Method performance::r2_kullback
r2_kullback.linclass <- function(model, ...) measure(model, performance::r2_kullback, no_measure("r2_kullback()"), ...)

#' @exportS3Method performance::r2_mckelvey
r2_mckelvey.linclass <- function(model, ...) measure(model, performance::r2_mckelvey, no_measure("r2_mckelvey()"), ...)

#' @exportS3Method performance::check_overdispersion
check_overdispersion.linclass <- function(x, ...) performance::check_overdispersion(as_glm(x), ...)

#' @exportS3Method performance::performance_logloss
performance_logloss.linclass <- function(model, ...) {
  measure(model, performance::performance_logloss, function(model) {
    check_likelihood(model, "performance_logloss()")
    c(log_loss = model$loss_value)
  }, ...)
}

# 1 - l / l0, of log-likelihoods.
mcfadden <- function(object) {
  check_likelihood(object, "R2")
  size <- likelihood_size(object)
  log_lik <- (if (is.null(object$counted)) 0 else object$counted$log_lik) - size$deviance / 2
  1 - log_lik / (log_lik - (size$null.deviance - size$deviance) / 2)
}

# 1 - exp((D - D0) / n), and that over its largest value, 1 - exp(-D0 / n).
coxsnell <- function(object) {
  check_likelihood(object, "R2")
  size <- likelihood_size(object)
  1 - exp((size$deviance - size$null.deviance) / stats::nobs(object))
}

nagelkerke <- function(object) {
  coxsnell(object) / (1 - exp(-likelihood_size(object)$null.deviance / stats::nobs(object)))
}

with_response <- function(object, table, class) {
  if (has_classes(object)) table$Response <- as.character(class)
  table
}
