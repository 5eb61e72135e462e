# Engines for parsnip: "linclass" (one penalty) and "linclass_path" (all penalties of one fit, which
# tune asks for by multi_predict()). They are registered when parsnip is there: now, or when it is loaded.

#' Engines for parsnip
#'
#' Where package parsnip is installed, `logistic_reg()`, `multinom_reg()` and `svm_linear()` have
#' the engine `"linclass"`, and the first two also `"linclass_path"`, which fits a whole path and
#' predicts at any `penalty` of it, so that tuning the penalty needs one fit. `penalty` is `lambda` and
#' `mixture` is `alpha` of [linclass()]; `cost` of a support vector machine is the factor of the
#' sum of losses, \eqn{C \sum_i w_i L_i + \|b\|^2 / 2}{C sum_i w_i L_i + ||b||^2 / 2}, so that
#' `lambda` is \eqn{1 / (C \sum w_i)}{1 / (C sum w_i)}. Other arguments of [linclass()] are given
#' to `set_engine()`. Sparse matrices and case weights are taken.
#'
#' The two functions are what the engines call.
#'
#' @param x,y,weights,... As in [linclass()] and [linclass_path()].
#' @param cost One positive number.
#' @param loss `"hinge"` or `"squared_hinge"`.
#' @param penalty The `lambda` at which predictions are made where none is given.
#' @return `linclass_svm()`: a fit, see [linclass()]. `linclass_path_at()`: a path, see [linclass_path()],
#'   with the element `penalty`.
#' @examplesIf requireNamespace("parsnip", quietly = TRUE)
#' model <- parsnip::set_engine(parsnip::multinom_reg(penalty = 0.01), "linclass")
#' fit <- parsnip::fit(model, Species ~ ., iris)
#' predict(fit, iris[c(1, 51, 101), ], type = "prob")
#' @name parsnip_engines
NULL

#' @rdname parsnip_engines
#' @export
linclass_svm <- function(x, y, ..., weights = NULL, cost = 1, loss = "squared_hinge") {
  if (!is.character(loss) || length(loss) != 1L || !loss %in% c("hinge", "squared_hinge")) {
    abort("loss", sprintf("`loss` must be \"hinge\" or \"squared_hinge\", not %s.",
                          describe_value(loss)))
  }
  check_positive(cost, "cost")
  if (length(dim(x)) != 2L) {
    abort("type", sprintf("`x` must be a matrix or a data frame, not %s: linclass(loss = , lambda = ) takes others.",
                          describe_value(x)))
  }
  n <- if (is.null(weights)) NROW(x) else sum(check_weights(weights, NROW(x)))
  linclass(x, y, loss = loss, lambda = 1 / (cost * n), alpha = 0, weights = weights,
           standardize = FALSE, ...)
}

#' @rdname parsnip_engines
#' @export
linclass_path_at <- function(x, y, ..., penalty = NULL) {
  path <- linclass_path(x, y, ...)
  path$penalty <- if (is.null(penalty)) min(path$lambda) else penalty
  path
}

# What parsnip calls an argument, what we call it, and where its range for tuning is.
parsnip_arguments <- list(
  linclass = list(penalty = "lambda", mixture = "alpha"),
  linclass_path = list(penalty = "penalty", mixture = "alpha"),
  svm = list(cost = "cost"))

register_engines <- function() {
  for (engine in c("linclass", "linclass_path")) {
    fun <- c(linclass = "linclass", linclass_path = "linclass_path_at")[[engine]]
    register_engine("logistic_reg", engine, fun, parsnip_arguments[[engine]],
                    list(loss = "logistic"), TRUE)
    register_engine("multinom_reg", engine, fun, parsnip_arguments[[engine]],
                    list(loss = "softmax"), TRUE)
  }
  register_engine("svm_linear", "linclass", "linclass_svm", parsnip_arguments$svm, list(), FALSE)
}

register_engine <- function(model, engine, fun, arguments, defaults, probability) {
  mode <- "classification"
  known <- parsnip::get_from_env(model)
  if (any(known$engine == engine & known$mode == mode)) return(invisible())
  parsnip::set_model_engine(model, mode, engine)
  parsnip::set_dependency(model, engine, "linclass", mode)
  for (name in names(arguments)) {
    parsnip::set_model_arg(model, engine, name, arguments[[name]],
                           list(pkg = "dials", fun = name),
                           engine == "linclass_path" && name == "penalty")
  }
  parsnip::set_fit(model, mode, engine, list(
    interface = "matrix", protect = c("x", "y", "weights"),
    func = c(pkg = "linclass", fun = fun), defaults = defaults))
  parsnip::set_encoding(model, mode, engine, list(
    predictor_indicators = "traditional", compute_intercept = TRUE, remove_intercept = TRUE,
    allow_sparse_x = TRUE))
  point <- if (engine == "linclass_path") list(s = quote(object$fit$penalty))
  for (type in c("class", "raw", if (probability) "prob")) {
    parsnip::set_pred(model, mode, engine, type, engine_prediction(type, point))
  }
}

engine_prediction <- function(type, point) {
  list(pre = NULL, post = if (type == "prob") named_probabilities, func = c(fun = "predict"),
       args = c(list(object = quote(object$fit), newdata = quote(new_data),
                     type = if (type == "raw") "link" else type), point))
}

named_probabilities <- function(x, object) {
  table <- as.data.frame(x, optional = TRUE)
  rownames(table) <- NULL
  as_table(stats::setNames(table, object$lvl))
}

# One row for each new row, with a table of predictions for each penalty.
#' @rawNamespace S3method(parsnip::multi_predict,"_linclass_path")
multi_predict._linclass_path <- function(object, new_data, type = NULL, penalty = NULL, ...) {
  path <- object$fit
  if (is.null(penalty)) penalty <- path$penalty
  type <- if (is.null(type)) "class" else type
  if (!type %in% c("class", "prob", "link")) {
    abort("argument", "`type` of multi_predict() must be \"class\", \"prob\" or \"link\".")
  }
  x <- engine_matrix(object, new_data)
  tables <- lapply(penalty, function(s) {
    shown <- stats::predict(path, x, type = type, s = s)
    columns <- switch(type, class = data.frame(.pred_class = shown),
                      prob = stats::setNames(named_probabilities(shown, object),
                                             paste0(".pred_", object$lvl)),
                      link = data.frame(.pred_link = shown))
    cbind(data.frame(penalty = s), columns)
  })
  all <- do.call(rbind, tables)
  n <- nrow(tables[[1L]])
  rows <- unname(split(all, rep(seq_len(n), length(penalty))))
  rows <- lapply(rows, function(row) as_table(`rownames<-`(row, NULL)))
  as_table(list2DF(list(.pred = rows), nrow = n))
}

# New data as the engine's model sees them: a matrix of the columns it was fitted with.
engine_matrix <- function(object, new_data) {
  by_formula <- inherits(object$preproc$terms, "terms")
  if (by_formula) new_data <- parsnip::.convert_form_to_xy_new(object$preproc, new_data)$x
  if (is.data.frame(new_data)) as.matrix(new_data[object$fit$blueprint$names]) else new_data
}
