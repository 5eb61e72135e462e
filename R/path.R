#' Fit a path of penalties
#'
#' Fits the model of [linclass()] for a decreasing sequence of `lambda`, each fit starting from the
#' one before. What is minimised at each point is the objective of [linclass()], so that
#' `linclass(..., lambda = s)` with the same arguments is the point `s` of the path. Only a path has
#' `grouped`.
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
#' @section Groups: With `grouped = TRUE` the penalty of a column's slopes
#'   \eqn{b = (b_1, \dots, b_K)}, one for each class, is
#'   \deqn{\lambda f (\alpha \|b\|_2 + (1 - \alpha) \|b\|_2^2 / 2)}{lambda f (alpha ||b|| + (1 -
#'   alpha) ||b||^2 / 2)}
#'   with the Euclidean norm \eqn{\|b\|_2}{||b||} in place of the sum of absolute values, and the
#'   penalty factor f: a column has slopes for all classes or for none. It is the penalty of
#'   `glmnet(type.multinomial = "grouped")`. With a single row of slopes (two classes), or with
#'   `alpha = 0`, the two are the same. Losses with a kink, bounds, and reference coding, where the
#'   norm would depend on which class is the first, are refused with `linclass_error_penalty`,
#'   `linclass_error_bounds` and `linclass_error_coding`.
#'
#' @section Stopping: A point is done when its relative gap is below the tolerance of
#'   [linclass_control()], by default `1e-8` for a path; `max_iter` limits the steps for each
#'   `lambda`. Points that miss the tolerance, `met` FALSE in `points`, give one warning of class
#'   `linclass_warning_not_converged`. A path that `time_limit` ends early holds the points
#'   that were finished, says so when printed, and gives a warning of class
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
#' @param grouped `TRUE`: a column is used for all classes or for none (see Groups).
#' @return An object of class `linclass_path`: a list with, among others,
#' * `lambda`: the L values that were fitted, decreasing; `lambda_max`: the smallest value at which
#'   all penalised slopes are zero;
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
#'
#'   Yuan, M. and Lin, Y. (2006) Model selection and estimation in regression with grouped
#'   variables. *Journal of the Royal Statistical Society B* 68(1), 49-67,
#'   \doi{10.1111/j.1467-9868.2005.00532.x}.
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
  fit_formula(check_path_settings, path_design)
}

#' @rdname linclass_path
#' @export
linclass_path.matrix <- function(x, y, ..., lambda = NULL, nlambda = 100, lambda_min_ratio = NULL,
                                 loss = "auto", alpha = 1, grouped = FALSE, weights = NULL,
                                 offset = NULL, class_weights = NULL, penalty_factor = 1,
                                 standardize = TRUE, intercept = TRUE, lower = NULL, upper = NULL,
                                 coding = NULL, solver = "auto", control = linclass_control()) {
  fit_xy(check_path_settings, path_design)
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
  check_flags(s, "grouped")
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
  if (!is.numeric(value) || length(value) != 1L || is.na(value) || value < least ||
        value != floor(value) || value > .Machine$integer.max) {
    abort(topic, sprintf("`%s` must be one whole number of at least %d, not %s.", name, least,
                         describe_value(value)))
  }
}

new_path_problem <- function(design, settings) {
  problem <- new_problem(design, settings)
  ratio <- settings$lambda_min_ratio
  if (is.null(ratio)) ratio <- if (nrow(problem$design$x) < problem$p) 0.01 else 1e-4
  problem["lambdas"] <- settings["lambdas"]
  problem$grouped <- check_grouped(settings$grouped, problem)
  problem[c("nlambda", "min_ratio")] <- list(as.integer(settings$nlambda), as.double(ratio))
  if (is.null(problem$lambdas) && !any(problem$penalty_factor > 0)) {
    abort("penalty", "No column is penalised, so there is no sequence of `lambda`: give `lambda`.")
  }
  problem
}

# Slopes of a column can be a group where there are several of them under an L1 part.
check_grouped <- function(grouped, problem) {
  if (!grouped || problem$alpha == 0 || problem$coding == "vector") return(grouped)
  if (!problem$solver$name %in% c("auto", "coordinate")) {
    abort("solver", sprintf("Solver \"%s\" takes no grouped = TRUE: use \"auto\" or \"coordinate\".",
                            problem$solver$name))
  }
  if (!problem$loss$smooth) {
    abort("penalty", sprintf(paste(
      "Loss \"%s\" has a kink and takes no grouped = TRUE. Take \"softmax\" or",
      "\"squared_hinge\"."), problem$loss$name))
  }
  if (!is.null(problem$lower)) {
    abort("bounds", "Bounds hold single slopes and grouped = TRUE all of a column: give one.")
  }
  if (problem$coding == "reference") {
    abort("coding", paste("With grouped = TRUE the fit would depend on which class is the first in",
                          "coding = \"reference\". Take \"symmetric\"."))
  }
  grouped
}

new_linclass_path <- function(problem, result, call) {
  null <- if (result$null_loss > 0) result$null_loss else NA # the perceptron's is 0
  points <- data.frame(result[c("lambda", "nonzero", "loss")],
                       deviance_ratio = 1 - result$loss / null,
                       result[c("objective", "gap", "relative", "kkt", "met", "iterations",
                                "passes")])
  path <- c(
    fit_head(problem, result, call, "linclass_path"),
    list(lambda = result$lambda, lambda_max = result$lambda_max, points = points,
         grouped = problem$grouped, asked = result$asked, null_loss = result$null_loss,
         tolerance = result$tolerance, status = result$status, status_text = result$text,
         converged = all(points$met), separated = result$separated,
         solver = result$solver, reason = result$reason),
    fit_source(problem))
  structure(path, class = "linclass_path")
}
