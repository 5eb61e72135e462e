# A few lines each: recipes, butcher, xtable.

#' Fit a linear classifier from a recipe
#'
#' The recipe (package recipes) is prepared on `data`, the fit is that of its outcome by all its
#' predictors, and `predict()` bakes new data first.
#'
#' @param x An unprepared or prepared recipe with one outcome.
#' @param data The training rows; where missing, those in the recipe.
#' @param ... Arguments of [linclass()].
#' @param object,newdata A fit by a recipe, and new rows as the recipe takes them.
#' @return A fit of classes `linclass_recipe` and `linclass`; its element `recipe` is the prepared
#'   recipe.
#' @examplesIf requireNamespace("recipes", quietly = TRUE)
#' rec <- recipes::recipe(Species ~ ., iris)
#' rec <- recipes::step_normalize(rec, recipes::all_numeric_predictors())
#' fit <- linclass(rec, iris, lambda = 0.01)
#' predict(fit, iris[c(1, 51, 101), ])
#' @rdname linclass_recipe
#' @export
linclass.recipe <- function(x, data = NULL, ...) {
  recipe <- if (is.null(data)) recipes::prep(x) else recipes::prep(x, training = data, fresh = TRUE)
  baked <- as.data.frame(if (is.null(data)) recipes::juice(recipe) else
    recipes::bake(recipe, new_data = data))
  roles <- summary(recipe)
  outcome <- roles$variable[roles$role == "outcome"]
  if (length(outcome) != 1L) {
    abort("response", sprintf("The recipe has %d outcomes; it must have one.", length(outcome)))
  }
  predictors <- roles$variable[roles$role == "predictor"]
  weights <- roles$variable[roles$role == "case_weights"]
  extra <- if (length(weights)) list(weights = as.numeric(baked[[weights]]))
  terms <- if (length(predictors)) sprintf("`%s`", predictors) else "1"
  formula <- stats::reformulate(terms, as.name(outcome), env = baseenv())
  fit <- do.call(linclass, c(list(formula, baked[c(outcome, predictors)]), extra, list(...)))
  fit$recipe <- recipe
  class(fit) <- c("linclass_recipe", class(fit))
  fit
}

#' @rdname linclass_recipe
#' @export
predict.linclass_recipe <- function(object, newdata = NULL, ...) {
  if (!is.null(newdata)) {
    newdata <- as.data.frame(recipes::bake(object$recipe, new_data = newdata,
                                           recipes::all_predictors()))
  }
  predict.linclass(object, newdata, ...)
}

# What a fit can lose without losing its predictions.
#' @exportS3Method butcher::axe_data
axe_data.linclass <- function(x, verbose = FALSE, ...) {
  x$model <- NULL
  x
}

#' @exportS3Method butcher::axe_call
axe_call.linclass <- function(x, verbose = FALSE, ...) {
  x$call <- call("dummy_call")
  x
}

#' @exportS3Method butcher::axe_ctrl
axe_ctrl.linclass <- function(x, verbose = FALSE, ...) {
  x$control <- x$solver_options <- x$history <- NULL
  x
}

# The table of summary(), or the estimates alone where there are no standard errors.
#' @exportS3Method xtable::xtable
xtable.linclass <- function(x, ...) {
  table <- summary(x)$coefficients
  if (is.null(table)) {
    estimate <- stats::coef(x, format = "vector")
    table <- matrix(estimate, dimnames = list(names(estimate), "Estimate"))
  }
  xtable::xtable(as.data.frame(table, optional = TRUE), ...)
}
