# Models for caret and mlr3: what these packages want is an object that describes the model.

#' Train linear classifiers with caret
#'
#' `caret::train(x, y, method = linclass_caret())` tunes `lambda` and `alpha` of [linclass()] by
#' resampling. All `lambda` of an `alpha` are points of one path.
#'
#' @param ... Arguments of [linclass_path()] that are the same in all fits, as `loss`.
#' @return A list as caret's documentation of own models describes it: `library`, `type`,
#'   `parameters`, `grid`, `loop`, `fit`, `predict`, `prob`, `predictors`, `varImp`, `levels`,
#'   `sort`.
#' @examplesIf requireNamespace("caret", quietly = TRUE)
#' set.seed(1)
#' model <- caret::train(iris[1:4], iris$Species, method = linclass_caret(),
#'                       trControl = caret::trainControl("cv", 3), tuneLength = 2)
#' model$bestTune
#' @export
linclass_caret <- function(...) {
  settings <- list(...)
  list(
    label = "Penalised linear classifier", library = "linclass", type = "Classification",
    parameters = data.frame(parameter = c("alpha", "lambda"), class = "numeric",
                            label = c("Mixing percentage", "Penalty")),
    grid = caret_grid, loop = caret_loop,
    fit = function(x, y, wts, param, lev, last, weights, classProbs, ...) {
      given <- utils::modifyList(settings, list(...))
      wts <- if (!is.null(wts)) list(weights = wts)
      path <- do.call(linclass_path, c(list(caret_matrix(x), y, alpha = param$alpha), wts, given))
      path$lambdaOpt <- param$lambda
      path
    },
    predict = function(modelFit, newdata, submodels = NULL) {
      caret_predict(modelFit, newdata, submodels, "class", as.character)
    },
    prob = function(modelFit, newdata, submodels = NULL) {
      caret_predict(modelFit, newdata, submodels, "prob", as.data.frame)
    },
    predictors = function(x, lambda = x$lambdaOpt, ...) {
      unique(long_path(path_at(x, lambda), lambda)$term)
    },
    varImp = function(object, lambda = object$lambdaOpt, ...) importance(object, lambda),
    levels = function(x) x$levels,
    tags = c("Linear Classifier", "L1 Regularization", "L2 Regularization",
             "Implicit Feature Selection"),
    sort = function(x) x[order(-x$lambda, x$alpha), ])
}

caret_matrix <- function(x) if (is.data.frame(x)) as.matrix(x) else x

caret_grid <- function(x, y, len = NULL, search = "grid") {
  path <- linclass_path(caret_matrix(x), y, alpha = 0.5, nlambda = len + 2)
  inner <- path$lambda[-c(1L, length(path$lambda))]
  if (search == "random") {
    range <- log(range(path$lambda))
    return(data.frame(alpha = stats::runif(len),
                      lambda = exp(stats::runif(len, range[1L], range[2L]))))
  }
  expand.grid(alpha = seq(0.1, 1, length.out = len), lambda = inner)
}

# One path for each alpha; its other lambdas are submodels of the largest one.
caret_loop <- function(grid) {
  groups <- split(grid$lambda, grid$alpha)
  loop <- data.frame(alpha = as.numeric(names(groups)),
                     lambda = vapply(groups, max, 1, USE.NAMES = FALSE))
  submodels <- lapply(groups, function(l) data.frame(lambda = l[l != max(l)]))
  list(loop = loop, submodels = unname(submodels))
}

caret_predict <- function(path, newdata, submodels, type, shape) {
  at <- c(path$lambdaOpt, submodels$lambda)
  shown <- lapply(at, function(s) {
    shape(suppress_linclass(stats::predict(path, caret_matrix(newdata), type = type, s = s)))
  })
  if (is.null(submodels)) shown[[1L]] else shown
}

# The largest size of a column's slopes over classes, at one lambda of a path.
importance <- function(path, lambda) {
  W <- path_at(path, lambda)
  slopes <- do.call(cbind, lapply(W, function(w) as.matrix(w[path$blueprint$names, 1L])))
  size <- as.data.frame(abs(slopes))
  names(size) <- if (ncol(size) == 1L) "Overall" else names(W)
  size
}

#' @exportS3Method caret::varImp
varImp.linclass <- function(object, ...) {
  W <- stats::coef(object, format = "matrix")[, object$blueprint$names, drop = FALSE]
  size <- as.data.frame(t(abs(W)))
  names(size) <- if (has_classes(object)) rownames(W) else "Overall"
  size
}

#' @exportS3Method caret::varImp
varImp.linclass_path <- function(object, lambda, ...) {
  if (missing(lambda)) abort("penalty", "Give `lambda`, the point of the path.")
  importance(object, lambda)
}

#' @exportS3Method caret::varImp
varImp.linclass_cv <- function(object, lambda = "lambda.1se", ...) {
  importance(object$path, chosen_lambda(object, lambda))
}

#' Learner for mlr3
#'
#' An mlr3 learner (`classif.linclass`) that fits by [linclass()].
#'
#' @param ... Values of its parameters, which are `loss`, `lambda`, `alpha`, `standardize`, `class_weights`,
#'   `intercept` and `grouped` of [linclass()].
#' @return An object of class `LearnerClassifLinclass`. Errors: `linclass_error_argument` where mlr3
#'   is not installed.
#' @examplesIf requireNamespace("mlr3", quietly = TRUE)
#' learner <- linclass_learner(lambda = 0.01)
#' learner$train(mlr3::as_task_classif(iris, "Species"))
#' learner$predict_newdata(iris[c(1, 51, 101), ])
#' @export
linclass_learner <- function(...) {
  if (!requireNamespace("mlr3", quietly = TRUE)) abort("argument", "Package mlr3 is not installed.")
  learner <- cached("mlr3_learner", mlr3_class())$new()
  values <- list(...)
  learner$param_set$values <- utils::modifyList(learner$param_set$values, values)
  learner
}

# The names by which methods of an R6 class reach their object and its parent.
utils::globalVariables(c("self", "super"))

mlr3_class <- function() {
  R6::R6Class(
    "LearnerClassifLinclass", inherit = mlr3::LearnerClassif,
    public = list(
      initialize = function() {
        super$initialize(
          id = "classif.linclass", packages = c("mlr3", "linclass"),
          feature_types = c("logical", "integer", "numeric", "character", "factor", "ordered"),
          predict_types = c("response", "prob"), param_set = mlr3_parameters(),
          properties = c("twoclass", "multiclass", "weights"), label = "Linear classifier",
          man = "linclass::linclass_learner")
      }),
    private = list(
      .train = function(task) {
        data <- as.data.frame(task$data())
        # As a formula of plain names, so that no name of a column is read as code.
        call <- list(mlr3_formula(task), data)
        weights <- mlr3_weights(task)
        if (!is.null(weights)) call$weights <- weights
        suppress_linclass(do.call(linclass, c(call, self$param_set$get_values(tags = "train"))))
      },
      .predict = function(task) {
        data <- as.data.frame(task$data(cols = task$feature_names))
        if (self$predict_type == "response") {
          return(list(response = stats::predict(self$model, data)))
        }
        list(prob = stats::predict(self$model, data, type = "prob"))
      }))
}

mlr3_parameters <- function() {
  paradox::ps(
    loss = paradox::p_fct(c("auto", loss_table()$name), default = "auto", tags = "train"),
    lambda = paradox::p_dbl(0, default = 0, tags = "train"),
    alpha = paradox::p_dbl(0, 1, default = 1, tags = "train"),
    standardize = paradox::p_lgl(default = TRUE, tags = "train"),
    intercept = paradox::p_lgl(default = TRUE, tags = "train"),
    grouped = paradox::p_lgl(default = FALSE, tags = "train"),
    class_weights = paradox::p_uty(default = NULL, tags = "train"))
}

mlr3_formula <- function(task) {
  names <- lapply(task$feature_names, as.name)
  right <- if (length(names)) Reduce(function(a, b) call("+", a, b), names) else 1
  stats::as.formula(call("~", as.name(task$target_names), right), env = baseenv())
}

mlr3_weights <- function(task) {
  weights <- task$weights_learner
  if (is.null(weights)) NULL else weights$weight
}
