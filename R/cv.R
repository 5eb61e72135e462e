#' Choose the penalty by cross-validation
#'
#' Fits a path to all rows, and a path with the same `lambda` to the rows outside each fold, and
#' measures how well the latter predict the rows that were left out.
#'
#' @section Folds: Rows are put into folds at random, class by class, so that folds have equal sizes
#'   and equal shares of each class (up to one row). `set.seed()` makes them reproducible. Columns
#'   are standardised again for the rows of each fit. Lasso and elastic-net folds of two classes on
#'   large sparse data take memory for each thread (at most one for each fit): 8 bytes for each entry
#'   of `x` other than 0 (16 where floats do not hold the values), some 200 for each row, and some 800 for
#'   each column in use.
#'
#' @section Means and standard errors: With \eqn{m_f} the metric in fold f and \eqn{w_f} the sum of
#'   its weights, the mean is \eqn{\bar m = \sum w_f m_f / \sum w_f}{m = sum w_f m_f / sum w_f}, and the
#'   standard error is the square root of
#'   \eqn{\sum w_f (m_f - \bar m)^2 / \sum w_f / (F - 1)}{sum w_f (m_f - m)^2 / sum w_f / (F - 1)},
#'   as in `cv.glmnet()`. Folds
#'   without a value (no area under the curve where a class is absent) are left out. With repeats
#'   the mean is that over repeats, and the standard error is the root mean square of those of the
#'   repeats: more splits of the same rows make the mean steadier, but bring no new rows.
#'
#' `lambda.min` has the best mean. `lambda.1se` is the largest `lambda` whose mean is within one
#' standard error of the best.
#'
#' @section Metrics:
#' Names are those of [linclass_metrics()]. A function is called as `f(truth, prediction, weights)`
#' with a factor, a matrix of probabilities (of scores where the loss has none), a row for each row
#' held out and a column for each class, and the case weights; it returns one number. Smaller is
#' better, unless it has the attribute `larger_is_better`:
#' `structure(f, larger_is_better = TRUE)`.
#'
#' @inheritParams linclass_path
#' @param folds one whole number of at least 2.
#' @param foldid `NULL`, or what tells the folds apart: a value for each row, or a matrix with a
#'   column for each repeat (`folds` and `repeats` are then ignored). In the formula method
#'   evaluated in `data`.
#' @param repeats one whole number: how many times new folds are drawn.
#' @param metric one or more names of metrics, a function, or a named list of names and functions.
#'   The first one chooses `lambda`.
#' @param keep whether to keep the scores of the rows that were held out, for
#'   `fitted(cv, type, held_out = TRUE)`.
#' @param cluster `NULL`, or a cluster as for [row_shards()], whose workers fit the folds: each gets
#'   the rows once. The folds are those that one process would have.
#' @return An object of class `linclass_cv`: a list of
#' * `path`: the [linclass_path()] of all rows;
#' * `metrics`: a data frame with the columns `metric`, `lambda`, `mean`, `se`, `folds` (how many
#'   had a value) and `nonzero` (of the path);
#' * `fold_values`: for each metric a matrix, lambda x folds (the folds of the first repeat first);
#' * `best`: a data frame with a row for each metric: `metric`, `larger_is_better`, `lambda.min`,
#'   `lambda.1se`; `lambda.min` and `lambda.1se` are those of the first metric;
#' * `foldid`: the fold of each row of the fit, a column for each repeat; `repeats`;
#' * `scores`: if `keep`, an array of the rows of the fit x score columns x lambda x repeats,
#'   offsets included (with symmetric coding up to a number that is added to the scores of all
#'   classes);
#' * `fold_relative`, `fold_nonzero`: relative gaps and numbers of nonzero columns of the folds'
#'   paths, lambda x folds;
#' * `call`, `seconds`.
#' @section Errors: those of [linclass()], and `linclass_error_folds` (a class with a single row,
#'   all rows of a class in one fold, more folds than rows) and `linclass_error_metric`. A class
#'   with fewer rows than folds gives a warning of class `linclass_warning_rare_class`.
#' @seealso [linclass_path()], [predict.linclass_cv()], [plot.linclass_cv()], [linclass_metrics()]
#' @examples
#' set.seed(1)
#' cv <- linclass_cv(Species ~ ., iris, folds = 5, nlambda = 30)
#' cv
#' plot(cv)
#' coef(cv, s = "lambda.1se")
#' head(predict(cv, iris, type = "prob"))
#'
#' # several metrics, one of them a function
#' hit <- structure(function(truth, prediction, weights) {
#'   weighted.mean(levels(truth)[max.col(prediction)] == truth, weights)
#' }, larger_is_better = TRUE)
#' cv <- linclass_cv(Species ~ ., iris, nlambda = 30, metric = list("error", hit = hit))
#' cv$best
#' @concept cross-validation
#' @concept cross validation
#' @concept grid search
#' @concept out-of-fold predictions
#' @concept overfitting
#' @concept choose lambda
#' @concept early stopping
#' @concept k-fold
#' @concept tuning parameter
#' @concept hyperparameter
#' @concept model selection
#' @concept one standard error rule
#' @concept held-out data
#' @export
linclass_cv <- function(x, ...) {
  UseMethod("linclass_cv", first_argument(x, ...))
}

#' @rdname linclass_cv
#' @export
linclass_cv.formula <- function(formula, data = NULL, ..., folds = 10, foldid = NULL, repeats = 1,
                                metric = "deviance", keep = FALSE, lambda = NULL, nlambda = 100,
                                lambda_min_ratio = NULL, loss = "auto", alpha = 1, grouped = FALSE,
                                weights = NULL, offset = NULL, subset = NULL, na.action = NULL,
                                contrasts = NULL, class_weights = NULL, penalty_factor = 1,
                                standardize = TRUE, intercept = TRUE, lower = NULL, upper = NULL,
                                coding = NULL, solver = "auto", cluster = NULL,
                                control = linclass_control()) {
  fit_formula(formula, data, contrasts, match.call(expand.dots = FALSE), parent.frame(),
              check_cv_settings(settings_of(sys.function())), cv_design)
}

#' @rdname linclass_cv
#' @export
linclass_cv.matrix <- function(x, y, ..., folds = 10, foldid = NULL, repeats = 1,
                               metric = "deviance", keep = FALSE, lambda = NULL, nlambda = 100,
                               lambda_min_ratio = NULL, loss = "auto", alpha = 1, grouped = FALSE,
                               weights = NULL, offset = NULL, class_weights = NULL,
                               penalty_factor = 1, standardize = TRUE, intercept = TRUE,
                               lower = NULL, upper = NULL, coding = NULL, solver = "auto",
                               cluster = NULL, control = linclass_control()) {
  fit_xy(x, y, weights, offset, foldid, match.call(expand.dots = FALSE),
         check_cv_settings(settings_of(sys.function())), cv_design)
}

#' @rdname linclass_cv
#' @export
linclass_cv.Matrix <- linclass_cv.matrix

#' @rdname linclass_cv
#' @export
linclass_cv.data.frame <- linclass_cv.matrix

#' @export
linclass_cv.default <- linclass_cv.matrix

# Arguments that linclass_path() does not have.
cv_arguments <- c("folds", "foldid", "repeats", "metric", "keep", "cluster")

check_cv_settings <- function(s) {
  check_whole(s$folds, "folds", 2, "folds")
  check_whole(s$repeats, "repeats", 1, "folds")
  check_flags(s, "keep")
  s$metrics <- as_metrics(s$metric)
  check_path_settings(s)
}

cv_design <- function(design, settings, call, started) {
  check_foldid(design$foldid, design)
  if (is_stream(design$x) && design$x$sparse) {
    abort("source", paste("Folds of sparse rows that come in blocks are not cross-validated: give the matrix itself,",
                          "or dense blocks."))
  }
  problem <- new_path_problem(design, settings)
  check_metrics(settings$metrics, problem$loss)
  holdout <- make_folds(problem$design, settings$folds, design$foldid, settings$repeats)
  result <- if (is.null(settings$cluster)) engine_path(problem, holdout) else
    engine_folds(problem, holdout, settings$cluster)
  path_call <- call[!names(call) %in% cv_arguments]
  path <- new_linclass_path(problem, result, path_call)
  path$seconds <- proc.time()[["elapsed"]] - started
  if (path$status == "interrupted") signal_interrupt(path)
  cv <- new_linclass_cv(problem, path, result, holdout, settings, call)
  cv$seconds <- proc.time()[["elapsed"]] - started
  report_path(path, result)
  cv
}

named_scores <- function(scores, rows) {
  if (!is.null(rows)) dimnames(scores) <- list(as.character(rows), NULL, NULL, NULL)
  scores
}

check_metrics <- function(metrics, loss) {
  lacking <- vapply(metrics, `[[`, NA, "probability") & !loss$probability
  if (any(lacking)) {
    abort("no_probability", sprintf(
      "Loss \"%s\" has no class probabilities, which %s needs. Choose another metric or loss.",
      loss$name, named("metric", names(metrics)[lacking], quote = "\"")))
  }
}

new_linclass_cv <- function(problem, path, result, holdout, settings, call) {
  values <- measure_folds(problem, result$scores, holdout, settings$metrics)
  fold_weights <- lapply(seq_len(ncol(holdout)), function(r) {
    weights <- problem$design$weights
    if (is.null(weights)) tabulate(holdout[, r]) else as.vector(rowsum(weights, holdout[, r]))
  })
  tables <- lapply(names(values), function(name) {
    data.frame(metric = name, lambda = path$lambda, join_folds(values[[name]], fold_weights),
               nonzero = path$points$nonzero)
  })
  larger <- vapply(settings$metrics, `[[`, NA, "larger_is_better")
  best <- do.call(rbind, Map(best_lambda, tables, larger))
  best <- cbind(data.frame(metric = names(values), larger_is_better = unname(larger)), best)
  titles <- Map(function(row, name) c(row$title, name)[1L], settings$metrics, names(values))
  if (!problem$loss$likelihood) titles$deviance <- problem$loss$title
  structure(list(
    call = tidy_call(call, "linclass_cv"), path = path, metrics = do.call(rbind, tables),
    fold_values = values, best = best, titles = unlist(titles)[names(values)],
    lambda.min = best$lambda.min[1L], lambda.1se = best$lambda.1se[1L], foldid = holdout,
    repeats = ncol(holdout), scores = if (settings$keep) named_scores(result$scores, problem$design$row_names),
    fold_relative = result$fold_relative, fold_nonzero = result$fold_nonzero,
    seconds = NA_real_), class = "linclass_cv")
}

# For each metric a matrix, lambda x folds (of all repeats).
measure_folds <- function(problem, scores, holdout, metrics) {
  columns <- unlist(lapply(seq_len(ncol(holdout)), function(r) {
    lapply(split(seq_len(nrow(holdout)), holdout[, r]), function(rows) list(rows = rows, r = r))
  }), recursive = FALSE)
  points <- dim(scores)[3L]
  measured <- vapply(columns, function(at) {
    vapply(seq_len(points), function(l) {
      z <- scores[at$rows, , l, at$r]
      out <- held_out(problem, matrix(z, length(at$rows)), at$rows)
      vapply(metrics, function(metric) metric$value(out), 1)
    }, double(length(metrics)))
  }, double(length(metrics) * points))
  measured <- array(measured, c(length(metrics), points, length(columns)))
  lapply(stats::setNames(seq_along(metrics), names(metrics)), function(m) {
    matrix(measured[m, , ], points)
  })
}

# What a metric sees of a fold; probabilities are made when one asks for them.
held_out <- function(problem, scores, rows) {
  design <- problem$design
  loss <- problem$loss
  levels <- design$levels
  if (problem$fit_coding == "reference") scores <- cbind(0, scores)
  if (ncol(scores) > 1L) colnames(scores) <- levels
  out <- list2env(list(codes = design$codes[rows], scores = scores, loss = loss$name,
                       levels = levels, weights = design$weights[rows], ovr = is_ovr(problem)))
  delayedAssign("prob", if (loss$probability) score_probability(scores, levels),
                assign.env = out)
  out
}

# Mean, standard error and number of folds with a value, from lambda x folds.
join_folds <- function(values, fold_weights) {
  ends <- cumsum(lengths(fold_weights))
  parts <- Map(function(weights, end) {
    join_repeat(values[, end - length(weights) + seq_along(weights), drop = FALSE], weights)
  }, fold_weights, ends)
  over <- function(what) vapply(parts, `[[`, double(nrow(values)), what)
  across <- function(what, f) f(matrix(over(what), nrow(values)))
  data.frame(mean = across("mean", rowMeans), se = sqrt(across("variance", rowMeans)),
             folds = as.integer(across("folds", rowSums)))
}

join_repeat <- function(values, weights) {
  weights <- matrix(weights, nrow(values), ncol(values), byrow = TRUE)
  weights[!is.finite(values)] <- 0
  values[!is.finite(values)] <- 0
  folds <- rowSums(weights > 0)
  total <- rowSums(weights)
  mean <- rowSums(weights * values) / total
  list(mean = mean, variance = rowSums(weights * (values - mean)^2) / total / (folds - 1),
       folds = folds)
}

best_lambda <- function(table, larger) {
  badness <- if (larger) -table$mean else table$mean
  if (all(is.na(badness))) {
    abort("metric", sprintf("Metric \"%s\" has no value in any fold.", table$metric[1L]))
  }
  min <- which.min(badness) # the first: the largest lambda among equals
  within <- which(badness <= badness[min] + table$se[min])
  data.frame(lambda.min = table$lambda[min], lambda.1se = table$lambda[c(within, min)[1L]])
}
