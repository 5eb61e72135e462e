# Tests of terms and of functions of coefficients (car, multcomp), displays of effects (effects).

#' @exportS3Method car::linearHypothesis
linearHypothesis.linclass <- function(model, hypothesis.matrix, rhs = NULL, test = c("Chisq", "F"),
                                      vcov. = NULL, error.df = NULL, ...) {
  if (is.null(error.df)) error.df <- stats::df.residual(model)
  car::linearHypothesis(flat(model), hypothesis.matrix, rhs = rhs, test = match_choice(test),
                        vcov. = given_vcov(model, vcov.), error.df = error.df, ...)
}

#' @exportS3Method car::matchCoefs
matchCoefs.linclass <- function(model, pattern, ...) {
  grep(pattern, names(stats::coef(model, format = "vector", complete = FALSE)), value = TRUE)
}

#' @exportS3Method car::Confint
Confint.linclass <- function(object, estimate = TRUE, level = 0.95, vcov., ...) {
  coefficients <- stats::coef(object, format = "vector")
  limits <- if (missing(vcov.)) stats::confint(object, level = level, ...) else
    car::Confint(flat(object), estimate = FALSE, level = level, vcov. = given_vcov(object, vcov.))
  if (estimate) cbind(Estimate = coefficients, limits) else limits
}

# A variance inflation factor compares a column's standard error with one of uncorrelated columns, for one score.
#' @exportS3Method car::vif
vif.linclass <- function(mod, ...) {
  check_vcov(mod)
  check_one_score(mod, "vif()")
  NextMethod()
}

# Pictures and tests that car makes of the working residuals of a glm.
#' @exportS3Method car::influencePlot
influencePlot.linclass <- function(model, ...) car::influencePlot(as_glm(model), ...)

#' @exportS3Method car::infIndexPlot
infIndexPlot.linclass <- function(model, ...) car::infIndexPlot(as_glm(model), ...)

#' @exportS3Method car::residualPlots
residualPlots.linclass <- function(model, ...) car::residualPlots(as_glm(model), ...)

#' @exportS3Method car::residualPlot
residualPlot.linclass <- function(model, ...) car::residualPlot(as_glm(model), ...)

#' @exportS3Method car::avPlots
avPlots.linclass <- function(model, ...) car::avPlots(as_glm(model), ...)

#' @exportS3Method car::avPlot
avPlot.linclass <- function(model, variable, ...) car::avPlot(as_glm(model), variable, ...)

#' @exportS3Method car::crPlots
crPlots.linclass <- function(model, ...) car::crPlots(as_glm(model), ...)

#' @exportS3Method car::crPlot
crPlot.linclass <- function(model, variable, ...) car::crPlot(as_glm(model), variable, ...)

#' @exportS3Method car::mmp
mmp.linclass <- function(model, ...) car::mmp(as_glm(model), ...)

#' @exportS3Method car::outlierTest
outlierTest.linclass <- function(model, ...) car::outlierTest(as_glm(model), ...)

#' @exportS3Method car::leveragePlot
leveragePlot.linclass <- function(model, term.name, ...) car::leveragePlot(as_glm(model), term.name, ...)

# With several classes names are `class:term`, to be written between backticks.
#' @exportS3Method car::deltaMethod
deltaMethod.linclass <- function(object, g., vcov. = NULL, parameterNames = NULL, func = g., ...) {
  view <- flat(object)
  estimate <- stats::coef(view, complete = FALSE)
  if (!is.null(parameterNames)) names(estimate) <- parameterNames
  V <- given_vcov(object, vcov.)
  if (is.null(V)) V <- stats::vcov(view, complete = FALSE)
  car::deltaMethod(estimate, g., vcov. = V, func = func, ..., envir = parent.frame())
}

#' @exportS3Method multcomp::modelparm
modelparm.linclass <- function(model, coef. = NULL, vcov. = NULL, df = NULL, ...) {
  view <- flat(model)
  estimate <- if (is.null(coef.) || is.function(coef.)) stats::coef(view) else coef.
  V <- if (is.null(vcov.)) stats::vcov(view, complete = FALSE) else given_vcov(model, vcov.)
  estimable <- !is.na(estimate)
  structure(list(coef = estimate[estimable], vcov = as.matrix(V), df = if (is.null(df)) 0 else df,
                 estimable = estimable), class = "modelparm")
}

# Likelihood ratio tests of each term: type II against the model without the terms that contain it,
# type III against the model of all others. Each model is a choice of columns of the model matrix.
#' @exportS3Method car::Anova
Anova.linclass <- function(mod, type = c("II", "III", 2, 3), test.statistic = "LR", ...) {
  check_ratio_test(mod, "Anova()")
  type <- if (missing(type)) "II" else as.character(type)
  type <- c(II = "II", III = "III", `2` = "II", `3` = "III")[type]
  if (length(type) != 1L || is.na(type)) {
    abort("argument", "`type` of Anova() must be \"II\", \"III\", 2 or 3.")
  }
  if (!identical(test.statistic, "LR")) {
    if (has_classes(mod)) {
      abort("argument", "With several classes `test.statistic` of Anova() must be \"LR\": likelihood ratios.")
    }
    return(car::Anova(as_glm(mod), type = type, test.statistic = test.statistic, ...))
  }
  terms <- stats::terms(mod)
  labels <- attr(terms, "term.labels")
  if (!length(labels)) abort("argument", "The fit has no terms to test.")
  size <- model_size(mod)
  tests <- lapply(seq_along(labels), function(term) {
    containing <- if (type == "II") containers(terms, term)
    full <- size(containing)
    smaller <- size(c(term, containing))
    c(smaller$deviance - full$deviance, full$df - smaller$df)
  })
  tests <- do.call(rbind, tests)
  chisq <- pmax(tests[, 1L], 0)
  table <- data.frame(`LR Chisq` = chisq, Df = tests[, 2L], `Pr(>Chisq)` = ratio_p(chisq, tests[, 2L]),
                      row.names = labels, check.names = FALSE)
  heading <- c(sprintf("Analysis of Deviance Table (Type %s tests)\n", type),
               paste("Response:", deparse1(stats::formula(mod)[[2L]])))
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

# Terms that contain all factors of this one and more.
containers <- function(terms, term) {
  factors <- attr(terms, "factors") > 0
  contains <- colSums(factors[factors[, term], , drop = FALSE]) == sum(factors[, term])
  setdiff(which(contains), term)
}

# A function of the terms that are left out: deviance and degrees of freedom of what remains.
model_size <- function(object) {
  columns <- columns_of(object)
  function(left_out) {
    fit <- if (!length(left_out)) object else without_columns(object, columns$design, columns$term %in% left_out)
    list(deviance = lack_of_fit(fit), df = attr(stats::logLik(fit), "df"))
  }
}
