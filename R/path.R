#' Fit a regularisation path
#'
#' Fits the model of [linclass()] for a decreasing sequence of `lambda`, each fit starting from the
#' one before. What is minimised at each point is the objective of [linclass()], so that
#' `linclass(..., lambda = s)` with the same arguments is the point `s` of the path.
#'
#' @section The sequence: Without `lambda` the sequence goes, evenly on a logarithmic scale, from
#'   the smallest value at which all penalised slopes are zero down to `lambda_min_ratio` times that
#'   value. With `alpha` below 0.001 no finite value makes slopes zero, and the largest one is that
#'   of `alpha = 0.001`. The largest value of the hinge is that of a smooth version of it.
#'
#' @section Coding:
#' As in [linclass()], with one coding for the whole path: softmax and the margin losses of three or
#' more classes are fitted with a row for each class, unless `coding = "reference"` is given or 0 is
#' the only `lambda`.
#'
#' @section Stopping: A point is done when its relative gap is below the tolerance of
#'   [linclass_control()], by default `1e-8` for a path, and no coefficient in use has an optimality
#'   condition off by more than the square root of the tolerance times its penalty (`1e-4` times
#'   `lambda`);
#'   `max_iter` limits the steps for each `lambda`. Points that miss the tolerance, `met` FALSE in
#'   `points`, give one warning of class `linclass_warning_not_converged`. A path that `time_limit`
#'   ends early holds the points that were finished, says so when printed, and gives a warning of class
#'   `linclass_warning_incomplete`; an interrupted one is the field `fit` of the condition (see
#'   [linclass_conditions]).
#'
#' @inheritParams linclass
#' @param lambda `NULL` (see The sequence), or numbers, at least 0. They are sorted, and repeated
#'   ones are left out.
#' @param nlambda one whole number: the length of the sequence when `lambda` is `NULL`.
#' @param lambda_min_ratio `NULL`, or one number between 0 and 1: the smallest `lambda` divided by
#'   the largest. The default is 0.01 where there are fewer rows than columns, else 0.0001.
#' @param solver as in [linclass()]. With `alpha` above 0 `"auto"` and `"coordinate"` share work
#'   between the points and the folds; other solvers fit them one by one.
#' @return An object of class `linclass_path`: a list with, among others,
#' * `lambda`: the L values that were fitted, decreasing; `lambda_max`: the smallest value at which
#'   all penalised slopes are zero (of the hinge with a lasso part to within 0.0001 of it; of a ridge
#'   there is none, and it is a place to begin, as it is of grouped hinges and `crammer_singer`);
#' * `coefficients`: a list of sparse matrices, terms x L with the intercept first, one for each
#'   score and named by its class (two classes: one matrix, of the second level); see
#'   [coef.linclass_path()];
#' * `points`: a data frame with a row for each `lambda`: `lambda`, `nonzero` (columns with a slope
#'   other than 0), `loss` (the mean loss), `deviance_ratio` (1 - loss / null loss; NA for the
#'   perceptron, whose null loss is 0), `objective`,
#'   the certificate as `gap`, `relative`, `kkt` and `met` (see [certificate()]), `iterations`, and
#'   `passes` (reads of x so far, parts counting as fractions);
#' * `loss`, `levels`, `coding`, `alpha`, `grouped`, `penalty_factor`, `standardize`, `lower`, `upper`, `n`,
#'   `nobs`, `p`, `null_loss` (the mean loss where all penalised slopes are zero), `status`,
#'   `converged` (whether all points met the tolerance), `separated` (whether lambda = 0 was asked
#'   for and has no finite solution), `solver`, `reason`, `seconds`, `blueprint`,
#'   `terms` and `call`, as in [linclass()].
#'
#' It holds no data, and no dense matrix of columns x L.
#' @references Friedman, J., Hastie, T. and Tibshirani, R. (2010) Regularization paths for
#'   generalized linear models via coordinate descent. *Journal of Statistical Software* 33(1),
#'   \doi{10.18637/jss.v033.i01}.
#' @seealso [linclass_cv()] to choose `lambda`; [coef.linclass_path()], [predict.linclass_path()],
#'   [plot.linclass_path()]
#' @examples
#' path <- linclass_path(Species ~ ., iris)
#' path
#' plot(path)
#' coef(path, s = 0.05)
#' table(predict(path, iris, s = 0.05), iris$Species)
#'
#' # a sparse matrix, elastic net
#' x <- Matrix::rsparsematrix(200, 1000, 0.01)
#' y <- factor(x[, 1] - x[, 2] + rnorm(200) / 10 > 0)
#' path <- linclass_path(x, y, alpha = 0.5, nlambda = 20)
#' head(path$points[c("lambda", "nonzero", "deviance_ratio", "relative")])
#' @concept regularization path
#' @concept lambda sequence
#' @concept grouped lasso
#' @concept variable selection
#' @concept lasso
#' @concept ridge
#' @concept elastic net
#' @concept penalized regression
#' @concept feature selection
#' @concept sparse
#' @export
linclass_path <- function(x, ...) {
  UseMethod("linclass_path", first_argument(x, ...))
}

#' @rdname linclass_path
#' @export
linclass_path.formula <- function(formula, data = NULL, ..., lambda = NULL, nlambda = 100,
                                  lambda_min_ratio = NULL, loss = "auto", alpha = 1,
                                  grouped = FALSE, weights = NULL, offset = NULL, subset = NULL,
                                  na.action = NULL, contrasts = NULL, class_weights = NULL,
                                  penalty_factor = 1, standardize = TRUE, intercept = TRUE,
                                  lower = NULL, upper = NULL, coding = NULL, solver = "auto",
                                  control = linclass_control()) {
  fit_formula(formula, data, contrasts, match.call(expand.dots = FALSE), parent.frame(),
              check_path_settings(settings_of(sys.function())), path_design)
}

#' @rdname linclass_path
#' @export
linclass_path.matrix <- function(x, y, ..., lambda = NULL, nlambda = 100, lambda_min_ratio = NULL,
                                 loss = "auto", alpha = 1, grouped = FALSE, weights = NULL,
                                 offset = NULL, class_weights = NULL, penalty_factor = 1,
                                 standardize = TRUE, intercept = TRUE, lower = NULL, upper = NULL,
                                 coding = NULL, solver = "auto", control = linclass_control()) {
  fit_xy(x, y, weights, offset, NULL, match.call(expand.dots = FALSE),
         check_path_settings(settings_of(sys.function())), path_design)
}

#' @rdname linclass_path
#' @export
linclass_path.Matrix <- linclass_path.matrix

#' @rdname linclass_path
#' @export
linclass_path.data.frame <- linclass_path.matrix

#' @export
linclass_path.default <- linclass_path.matrix

path_design <- function(design, settings, call, started) {
  problem <- new_path_problem(design, settings)
  path <- new_linclass_path(problem, engine_path(problem), call)
  path$seconds <- proc.time()[["elapsed"]] - started
  if (path$status == "interrupted") signal_interrupt(path)
  report_path(path)
  path
}

check_path_settings <- function(s) {
  s["lambdas"] <- list(check_lambdas(s$lambda))
  # What a single fit decides by its lambda, a path decides by its largest one.
  s$lambda <- if (is.null(s$lambdas)) 1 else s$lambdas[1L]
  check_whole(s$nlambda, "nlambda", 1, "penalty")
  check_number(if (is.null(s$lambda_min_ratio)) 1 else s$lambda_min_ratio, "lambda_min_ratio",
               .Machine$double.xmin, 1)
  s$model <- FALSE
  check_common_settings(s)
}

# Decreasing and unique.
check_lambdas <- function(lambda) {
  if (is.null(lambda)) return(NULL)
  if (!is.numeric(lambda) || !length(lambda)) {
    abort("penalty", sprintf("`lambda` must be NULL or numbers of at least 0, not %s.",
                             describe_value(lambda)))
  }
  bad <- !is.finite(lambda) | lambda < 0
  if (any(bad)) {
    abort("penalty", sprintf("`lambda` must be finite and not negative; element %s is not.",
                             enumerate(which(bad), quote = "")))
  }
  sort(unique(as.double(lambda)), decreasing = TRUE)
}

check_whole <- function(value, name, least, topic) {
  if (!is_one_number(value) || value < least || value != floor(value) || value > .Machine$integer.max) {
    abort(topic, sprintf("`%s` must be one whole number of at least %d, not %s.", name, least,
                         describe_value(value)))
  }
}

new_path_problem <- function(design, settings) {
  check_no_validation(settings$solver)
  if (is_shards(design$x)) {
    abort("shards", "Paths and folds need the rows here; workers of a cluster fit one `lambda` at a time.")
  }
  settings["cluster"] <- list(NULL) # of folds, not of rows
  problem <- new_problem(design, settings)
  ratio <- settings$lambda_min_ratio
  if (is.null(ratio)) ratio <- if (nrow(problem$design$x) < problem$p) 0.01 else 1e-4
  problem["lambdas"] <- settings["lambdas"]
  problem[c("nlambda", "min_ratio")] <- list(as.integer(settings$nlambda), as.double(ratio))
  if (is.null(problem$lambdas) && is_ovr(problem)) {
    abort("penalty", "With coding = \"ovr\" each class has a sequence of its own: give `lambda`.")
  }
  if (is.null(problem$lambdas) && !any(problem$penalty_factor > 0)) {
    abort("penalty", "No column is penalised, so there is no sequence of `lambda`: give `lambda`.")
  }
  problem
}

new_linclass_path <- function(problem, result, call) {
  counted <- problem$design$counted
  best <- if (is.null(counted)) 0 else counted$deviance / (2 * sum(problem$design$totals))
  null <- if (result$null_loss > 0) result$null_loss else NA # the perceptron's is 0
  points <- list2DF(c(result[c("lambda", "nonzero", "loss")],
                      list(deviance_ratio = 1 - (result$loss - best) / (null - best)),
                      result[c("objective", "gap", "relative", "kkt", "met", "iterations", "passes")]))
  path <- c(
    fit_head(problem, result, call, "linclass_path"),
    list(counted = counted, lambda = result$lambda, lambda_max = result$lambda_max, points = points,
         asked = result$asked, null_loss = result$null_loss,
         tolerance = result$tolerance, status = result$status, status_text = result$text,
         converged = all(points$met), separated = result$separated,
         solver = result$solver, reason = result$reason),
    fit_source(problem))
  structure(path, class = "linclass_path")
}
