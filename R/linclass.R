#' Fit a linear classifier
#'
#' Fits logistic, softmax, perceptron and support vector classifiers (hinge, squared and Huberised
#' hinge, the hinge of Crammer and Singer) of two or more classes, with or without a ridge, lasso or
#' elastic net penalty. What is minimised is
#' \deqn{\frac{\sum_i w_i L_i}{\sum_i w_i} + \lambda \sum_j f_j \left(\frac{1 - \alpha}{2} b_j^2 +
#'   \alpha |b_j|\right)}{sum_i w_i L_i / sum_i w_i + lambda sum_j f_j ((1 - alpha)/2 b_j^2 +
#'   alpha |b_j|)}
#' over the slopes b of all classes; intercepts are never penalised. Every fit carries a certificate
#' that says how far its objective can be from the minimum.
#'
#' @section Classes:
#' A response may be a factor, logical (FALSE, TRUE), character (in the order of `factor()`, with a
#' message), or numeric with two distinct values. Classes keep the order of the levels; with two
#' classes the second level is the event, whose score and probability are modelled. A response of
#' two columns (formula or matrix) counts events and non-events, as in [stats::glm()]; only the
#' logistic loss takes it. One of more columns counts the classes, in their order; only softmax takes
#' it. Levels without rows are dropped with a warning.
#'
#' @section Coding:
#' Two classes with a loss other than softmax have one score, and coefficients are a vector.
#' Otherwise coefficients are a matrix with a row for each class: all classes (`"symmetric"`), or
#' all but the first, whose score is fixed at zero (`"reference"`). The coding determines
#' which coefficients are estimated and penalised, not only how they are printed. The default is
#' reference for softmax without a penalty, and symmetric otherwise. Symmetric
#' fits without penalty, and their intercepts always, are made unique by a sum of zero over classes.
#' The solvers `gradient_descent` and `minibatch` step in symmetric coordinates unless
#' `coding = "reference"` is given.
#'
#' With `"ovr"` (one against the rest; the hinges and the perceptron) each class has a fit of its own, in which the
#' others are one class. The objective is the sum of theirs and the duality gap the sum of their gaps; `max_iter` counts
#' for each class, and the history has their lines one after the other. The predicted class is the one with the largest
#' score. It is what LIBLINEAR does; see [from_liblinear()]. Two classes have one score as always.
#'
#' @section Going on: `start` may be a fit, whose coefficients are taken. With `solver = "minibatch"` the
#'   fit goes on where that one stopped, with the same rows or others: with its classes, of which the
#'   rows may lack some, the mean of its steps, the epochs of the schedule `"inverse"`, its averages, and
#'   with steps that are corrected from the first batch on, by the derivatives of the rows at the
#'   coefficients of the start. `update(fit, x = , y = , solver = "minibatch")` does it.
#'   Standardisation is by the rows at hand, so that a stream wants `standardize = FALSE`; the automatic schedule ends
#'   each call with small steps, so that it also wants `solver("minibatch", schedule = "inverse")`. The
#'   classes of a stream are declared by `classes` at its beginning.
#'
#' @section Groups: With `grouped = TRUE` the penalty of a column's slopes
#'   \eqn{b = (b_1, \dots, b_K)}{b = (b_1, ..., b_K)}, one for each class, is
#'   \deqn{\lambda f (\alpha \|b\|_2 + (1 - \alpha) \|b\|_2^2 / 2)}{lambda f (alpha ||b|| + (1 -
#'   alpha) ||b||^2 / 2)}
#'   with the Euclidean norm \eqn{\|b\|_2}{||b||} in place of the sum of absolute values, and the
#'   penalty factor f: a column has slopes for all classes or for none. It is the penalty of
#'   `glmnet(type.multinomial = "grouped")`. With a single row of slopes (two classes), or with
#'   `alpha = 0`, the two are the same. `grouped = TRUE` cannot be combined with bounds
#'   (`linclass_error_bounds`) or with reference coding, where the norm would depend on the reference
#'   class (`linclass_error_coding`). Fits with thousands of slopes that are not 0 are
#'   slow: all of them share one Hessian.
#'
#' @section Weights:
#' A weight of 2 means two copies of the row, 0 means that the row is absent. The fit has the
#' coefficients, standard errors and likelihood of the copied rows; [nobs()][nobs.linclass()] counts rows,
#' as [stats::glm()] does.
#' `class_weights` multiply the case weights by class. The fit is then no longer a maximum-likelihood
#' fit and has no likelihood and no standard errors.
#'
#' @section Bias reduction:
#' With `bias_reduction = "firth"` logistic and softmax fits maximise the log-likelihood plus
#' \eqn{\frac{1}{2} \log \det I}{log det I / 2}, with the information I of the coefficients (Jeffreys' prior). That
#' takes out the bias of first order, and estimates are finite where classes are separated. There are
#' standard errors, from the inverse information at the estimate. As Wald intervals are poor there, the
#' default of [confint()][confint.linclass()] is the profile of the penalised likelihood, and `anova()`,
#' `drop1()` and `add1()` compare penalised likelihoods: what is tested is held at 0 while the information
#' stays that of all columns. `logLik()` is the penalised one; it depends on the units of the columns, and so
#' does `AIC()`, while `extractAIC()` and [stats::step()] count from the fit with intercepts alone, which
#' does not. `deviance()` is that of the likelihood. There must be no other penalty, no bounds and no other
#' `solver`. The intercept is adjusted too, so that the mean of the probabilities is not the share of the event.
#' `sandwich::estfun()` has the scores of the likelihood without the penalty, \eqn{w (y - \mu) x}{w (y - m) x}: their
#' sum is not 0 but minus the gradient of the penalty, which does not grow with the number of rows. Robust covariance
#' matrices are made of them as for maximum likelihood.
#'
#' @section Errors and warnings:
#' All arguments are checked before any work is done; see [linclass_conditions] for the classes of
#' the errors. Warnings after the fit say whether it has not converged, whether classes are
#' separated, whether columns are linear combinations of others (their coefficients are NA), and
#' whether the problem is ill-conditioned.
#'
#' @param x a formula (`data` may stand before it, as in `data |> linclass(formula = y ~ a)`); a
#'   numeric, integer or logical matrix (n rows, p columns, no column of ones); a matrix of package
#'   Matrix (sparse ones are not made dense); or a data frame of numeric columns.
#' @param formula a formula `class ~ features`, or a string or call that is one; `offset()` terms are
#'   allowed, and `- 1` drops the intercept.
#' @param data a data frame, list or environment with the variables of the formula.
#' @param y the response, n values (see Classes).
#' @param ... not used; an argument here is an error that names the most similar one.
#' @param loss one string of [linclass_losses()], or `"auto"`: logistic for two classes, else
#'   softmax.
#' @param lambda one number, at least 0: the strength of the penalty.
#' @param alpha one number from 0 (ridge) to 1 (lasso), between them the elastic net.
#' @param grouped `TRUE`: a column is used for all classes or for none (see Groups).
#' @param weights `NULL`, or n numbers, at least 0. In the formula method evaluated in `data`.
#' @param offset `NULL`; two classes: n numbers, added to the score of the second level; or a matrix
#'   n x k, added to the scores of all classes. In the formula method evaluated in `data`.
#' @param subset which rows of `data` to use, evaluated in `data`.
#' @param na.action what to do with missing values, as in [stats::model.frame()]. The matrix methods
#'   refuse them.
#' @param contrasts a list, as `contrasts.arg` of [stats::model.matrix()].
#' @param class_weights `NULL`; a numeric vector of positive values named by the classes; or
#'   `"balanced"`: n / (k n_c) for class c of n_c rows.
#' @param penalty_factor one number or p numbers, at least 0, that multiply `lambda` as given (0:
#'   not penalised), or a vector named by some of the columns (the others have 1).
#' @param standardize whether the penalty acts on the coefficients of columns scaled to standard
#'   deviation 1 (divisor n). Coefficients are always those of the columns as given. It has no
#'   effect if `lambda = 0`.
#' @param intercept whether there is an intercept (one for each score).
#' @param lower,upper `NULL`, one number, p numbers, or a vector named by some of the columns:
#'   bounds of the slopes (of all classes).
#' @param coding `NULL` (see Coding), `"symmetric"`, `"reference"` or `"ovr"`.
#' @param bias_reduction `"none"`, or `"firth"` (see Bias reduction).
#' @param model whether the fit keeps its data, the model frame of a formula or `x`, `y`, `weights` and
#'   `offset`: `NA`, if they have at most 64 megabytes; `TRUE` or `FALSE` whatever their size. See
#'   [fitted.linclass()] for where methods find data that are not kept.
#' @param solver one string of [linclass_solvers()], `"auto"`, or the result of [solver()].
#' @param start `NULL`, or coefficients to start from, in the shape that `coef()` has: a vector, or
#'   a matrix with a row for each class; or a fit (see Going on).
#' @param classes `NULL`, or the names of all classes in their order, two or more, for rows that may lack some of them.
#'   Without rows of a class only the solvers `minibatch` and `gradient_descent` fit.
#' @param cluster `NULL`, or a cluster of package parallel or mirai: the rows are sent to its workers once,
#'   in shards, and the fit adds up their sums; see [row_shards()], also for rows that the workers load themselves.
#' @param control the result of [linclass_control()].
#' @return An object of class `linclass`: a list with, among others,
#' * `coefficients`: a named vector (one score), or a matrix of classes x terms with the intercept
#'   first; NA where a column is a linear combination of others;
#' * `bias_reduction`, and `jeffreys`, the penalty \eqn{\frac{1}{2} \log \det I}{log det I / 2} (0 without it);
#' * `levels`, `loss`, `coding`, `lambda`, `alpha`, `grouped`, `penalty_factor`, `standardize`,
#'   `lower` and `upper`;
#' * `n` rows with positive weight, `nobs` their sum of weights, `p` columns;
#' * `objective` the minimum found, `loss_value` the mean loss in it, `null_loss` the mean loss with
#'   intercepts alone, `deviance`;
#' * `certificate`: how far the fit is from the optimum: a list of `kind`, `gap` (absolute),
#'   `relative`, `kkt` (the largest violation of the optimality conditions), `met` and `tolerance`;
#' * `status`, `converged`, `solver`, `reason`, `iterations`, `passes` (reads of x), `seconds`;
#' * `history`: a data frame of iteration, epoch, objective, gradient_norm, step and seconds; of a perceptron also
#'   `mistakes`, the weight of the rows that were wrong when an epoch met them, and where rows were set aside
#'   (`validate` of [solver()]) `validation`, their mean loss (of a perceptron their share of mistakes);
#' * `validation`, where rows were set aside: `rows`, their numbers, and `loss`, the lowest; `n`, `nobs` and all losses
#'   are those of the other rows;
#' * `separation`: its `kind`, `columns` and `classes`, and a proof; see [separation()];
#' * `aliased`, `vcov`, `blueprint`, `terms`, `call`.
#'
#' It holds its data, in `model`, up to a size, and no environment but that of the functions and
#' constants that a formula names. Two classes with data also have `y`, the response as 0 and 1.
#' @references Firth, D. (1993) Bias reduction of maximum likelihood estimates. *Biometrika* 80(1), 27--38.
#'
#'   Crammer, K. and Singer, Y. (2001) On the algorithmic implementation of multiclass kernel-based vector machines.
#'   *Journal of Machine Learning Research* 2, 265--292.
#'
#'   Freund, Y. and Schapire, R. E. (1999) Large margin classification using the perceptron algorithm. *Machine
#'   Learning* 37, 277--296.
#'
#'   Gallant, S. I. (1990) Perceptron-based learning algorithms. *IEEE Transactions on Neural Networks* 1, 179--191.
#'
#'   Friedman, J., Hastie, T. and Tibshirani, R. (2010) Regularization paths for
#'   generalized linear models via coordinate descent. *Journal of Statistical Software* 33(1),
#'   \doi{10.18637/jss.v033.i01}.
#'
#'   Heinze, G. and Schemper, M. (2002) A solution to the problem of separation in logistic regression.
#'   *Statistics in Medicine* 21(16), 2409--2419.
#'
#'   Kosmidis, I. and Firth, D. (2011) Multinomial logit bias reduction via the Poisson log-linear model.
#'   *Biometrika* 98(3), 755--759.
#'
#'   Weston, J. and Watkins, C. (1999) Support vector machines for multi-class pattern recognition.
#'   *Proceedings of ESANN*, 219--224.
#'
#'   Yuan, M. and Lin, Y. (2006) Model selection and estimation in regression with grouped
#'   variables. *Journal of the Royal Statistical Society B* 68(1), 49-67,
#'   \doi{10.1111/j.1467-9868.2005.00532.x}.
#' @seealso [solver()], [linclass_control()], [linclass_losses()], [linclass_conditions]
#' @examples
#' fit <- linclass(am ~ wt, mtcars)
#' fit
#' coef(fit)
#'
#' # three classes, ridge
#' fit <- linclass(Species ~ ., iris, lambda = 0.01, alpha = 0)
#' table(predict(fit, iris), iris$Species)
#'
#' # a matrix, lasso
#' x <- as.matrix(iris[1:4])
#' coef(linclass(x, iris$Species, lambda = 0.05))
#'
#' # classes that a feature separates have no maximum likelihood, but a penalised one
#' separated <- data.frame(y = c(0, 0, 0, 1, 1), x = c(1, 2, 3, 4, 5))
#' confint(linclass(y ~ x, separated, bias_reduction = "firth"))
#'
#' # a linear support vector machine
#' linclass(am ~ wt + hp, mtcars, loss = "squared_hinge", lambda = 0.1, alpha = 0)
#'
#' # a stream of rows: classes are declared, each chunk goes on from the last
#' x <- scale(as.matrix(iris[1:4]))
#' some <- sample(150, 50)
#' fit <- linclass(x[some, ], iris$Species[some], loss = "softmax", lambda = 0.01, alpha = 0,
#'                 standardize = FALSE, classes = levels(iris$Species),
#'                 solver = solver("minibatch", epochs = 5))
#' fit <- update(fit, x = x[-some, ], y = iris$Species[-some],
#'               solver = solver("minibatch", epochs = 5, schedule = "inverse"))
#' @concept classification
#' @concept multi-class classification
#' @concept binomial regression
#' @concept multinomial logit
#' @concept polytomous regression
#' @concept nominal response
#' @concept categorical response
#' @concept maximum entropy classifier
#' @concept log-linear classifier
#' @concept max-margin classifier
#' @concept Crammer and Weston-Watkins SVM
#' @concept class weights
#' @concept imbalanced classes
#' @concept rare events
#' @concept offset
#' @concept missing values
#' @concept sparse matrix
#' @concept dummy coding
#' @concept one-hot encoding
#' @concept factor columns
#' @concept contrasts
#' @concept reference category
#' @concept baseline category
#' @concept sum to zero coding
#' @concept group lasso
#' @concept shrinkage
#' @concept variable selection
#' @concept bounds of coefficients
#' @concept nonnegative coefficients
#' @concept monotone constraint
#' @concept standardize
#' @concept feature scaling
#' @concept Firth
#' @concept bias reduction
#' @concept Jeffreys prior
#' @concept collinear columns
#' @concept rank deficient
#' @concept aliased coefficients
#' @concept warm start
#' @concept logistic regression
#' @concept multinomial regression
#' @concept multinomial logistic regression
#' @concept softmax regression
#' @concept support vector machine
#' @concept SVM
#' @concept Crammer-Singer
#' @concept one-vs-rest
#' @concept one-vs-all
#' @concept partial fit
#' @concept online learning
#' @concept streaming
#' @concept linear SVM
#' @concept perceptron
#' @concept ridge
#' @concept lasso
#' @concept elastic net
#' @concept regularization
#' @concept binary classification
#' @concept multiclass
#' @concept case weights
#' @concept class imbalance
#' @concept maximum likelihood
#' @concept generalized linear model
#' @export
linclass <- function(x, ...) {
  UseMethod("linclass", first_argument(x, ...))
}

# `formula =` chooses the method wherever it stands among the arguments: data may come first. Strings
# and calls stand for formulas.
first_argument <- function(x, ...) {
  at <- match("formula", ...names())
  first <- if (!is.na(at)) ...elt(at) else if (!missing(x)) x
  if (is.call(first) || is.character(first) && is.null(dim(first))) stats::formula(NULL ~ NULL) else first
}

#' @rdname linclass
#' @export
linclass.formula <- function(formula, data = NULL, ..., loss = "auto", lambda = 0, alpha = 1,
                             grouped = FALSE, weights = NULL, offset = NULL, subset = NULL, na.action = NULL,
                             contrasts = NULL, class_weights = NULL, penalty_factor = 1,
                             standardize = TRUE, intercept = TRUE, lower = NULL, upper = NULL,
                             coding = NULL, bias_reduction = "none", model = NA, solver = "auto",
                             start = NULL, classes = NULL, cluster = NULL, control = linclass_control()) {
  fit_formula(formula, data, contrasts, match.call(expand.dots = FALSE), parent.frame(),
              check_settings(settings_of(sys.function())), fit_design)
}

#' @rdname linclass
#' @export
linclass.matrix <- function(x, y, ..., loss = "auto", lambda = 0, alpha = 1, grouped = FALSE,
                            weights = NULL, offset = NULL, class_weights = NULL, penalty_factor = 1,
                            standardize = TRUE, intercept = TRUE, lower = NULL, upper = NULL,
                            coding = NULL, bias_reduction = "none", model = NA, solver = "auto",
                            start = NULL, classes = NULL, cluster = NULL, control = linclass_control()) {
  fit_xy(x, y, weights, offset, NULL, match.call(expand.dots = FALSE),
         check_settings(settings_of(sys.function())), fit_design)
}

#' @rdname linclass
#' @export
linclass.Matrix <- linclass.matrix

#' @rdname linclass
#' @export
linclass.data.frame <- linclass.matrix

#' @export
linclass.default <- linclass.matrix

# What is data in the methods; all their other arguments are settings.
data_names <- c("formula", "data", "x", "y", "...", "weights", "offset", "subset", "na.action",
                "contrasts", "foldid")

# The values of the settings in the method that calls.
settings_of <- function(method) {
  mget(setdiff(names(formals(method)), data_names), envir = parent.frame())
}

# The bodies of all methods by formula and of all others. call: with the arguments that the method does
# not know as `...`, which are refused; env: where it was called; settings: checked, before any work;
# fit: goes from the design on.
fit_formula <- function(formula, data, contrasts, call, env, settings, fit) {
  started <- proc.time()[["elapsed"]]
  check_no_dots(as.list(call$...), c(names(settings), data_names),
                list(y = " The response stands on the left of the formula.",
                     x = " The formula goes first, without a name."))
  force(settings)
  # Rows of an earlier fit stand for the data that it was given.
  if (is_rows(data)) call["data"] <- list(attr(data, "expression"))
  data <- source_shards(data, settings)
  if (is_row_shards(data)) settings["cluster"] <- list(NULL) # they know theirs
  design <- if (is_source(data)) design_from_source(formula, data, call, contrasts, env, settings$intercept) else
    if (is_row_shards(data)) design_from_row_shards(formula, data, call, contrasts, env, settings$intercept) else
    design_from_formula(formula, data, call, contrasts, env, settings$intercept)
  on.exit(end_design(design))
  fit(design, settings, call, started)
}

fit_xy <- function(x, y, weights, offset, foldid, call, settings, fit) {
  started <- proc.time()[["elapsed"]]
  check_no_dots(as.list(call$...), c(names(settings), data_names), formula_only)
  if (missing(x)) abort("type", "Give a formula or a matrix of features first.")
  force(settings)
  if (is_row_shards(x)) {
    beside <- c(y = !missing(y), weights = !is.null(weights), offset = !is.null(offset))
    if (any(beside)) {
      abort("argument", sprintf("%s belongs to the shards: `read` gives it.", enumerate(names(beside)[beside])))
    }
    design <- design_from_shard_numbers(x, settings$intercept)
  } else if (is_source(x)) {
    if (!is.null(x$formula)) {
      design <- design_from_source(x$formula, x, call, NULL, parent.frame(2L), settings$intercept)
      on.exit(end_design(design))
      return(fit(design, settings, call, started))
    }
    design <- design_from_numbers(x, if (!missing(y)) y, weights, offset, settings$intercept)
  } else {
    if (missing(y) && !is.null(dim(x))) abort("response", "There is no response: give `y`.")
    design <- design_from_xy(x, if (!missing(y)) y, weights, offset, settings$intercept)
  }
  on.exit(end_design(design))
  design$foldid <- foldid
  design$home <- list(caller = parent.frame(2L))
  fit(design, settings, call, started)
}

formula_only <- local({
  hint <- " It belongs to the formula method: linclass(y ~ ., data)."
  list(data = hint, subset = " Take rows of `x` and `y` instead.", contrasts = hint,
       na.action = " Remove rows with missing values, or use a formula.", formula = hint)
})

# The bridge from a design to a fit, the same for all methods.
fit_design <- function(design, settings, call, started) {
  problem <- new_problem(design, settings)
  fit <- new_linclass(problem, engine_fit(problem), call)
  if (fit$status != "interrupted") fit <- settle_separation(fit, problem, call)
  own_null <- is.na(fit$null_loss) && problem$loss$likelihood && is.null(problem$held) && !is_shards(problem$design$x)
  if (own_null && fit$status != "interrupted") {
    # With an offset the null model is a fit of its own.
    null <- if (fit$p || has_jeffreys(fit)) refit_columns(plain_likelihood(fit), problem$design, integer()) else fit
    fit$null_loss <- null$loss_value
  }
  fit$seconds <- proc.time()[["elapsed"]] - started
  if (fit$status == "interrupted") signal_interrupt(fit)
  report_conditions(fit)
  fit
}

# Checks of arguments that need no data.
check_settings <- function(s) {
  check_number(s$lambda, "lambda", 0, Inf, hint =
                 " linclass_cv() finds a value, linclass_path() fits a sequence.")
  if (!identical(s$model, NA)) check_flags(s, "model")
  check_bias_reduction(s$bias_reduction)
  s["classes"] <- list(check_declared_classes(s$classes))
  check_common_settings(s)
}

# Those that linclass(), linclass_path() and linclass_cv() share.
check_common_settings <- function(s) {
  valid <- c("auto", loss_table()$name)
  if (!is.character(s$loss) || length(s$loss) != 1L || !s$loss %in% valid) {
    hint <- hint_neighbour(s$loss, neighbour_losses, " Here it is \"%s\".")
    if (hint == "") hint <- hint_nearest(s$loss, valid)
    abort("loss", sprintf("`loss` must be %s, not %s.%s", choices(valid), describe_value(s$loss), hint))
  }
  check_number(s$alpha, "alpha", 0, 1, hint = " 0 is ridge, 1 is lasso.")
  if (s$loss == "perceptron" && !identical(as.double(s$lambda), 0)) {
    abort("penalty", paste("The perceptron takes no penalty: its objective is 0 at zero",
                           "coefficients. Use lambda = 0, or loss = \"hinge\"."))
  }
  check_flags(s, c("grouped", "standardize", "intercept"))
  if (!is.null(s$coding)) check_coding(s$coding)
  s$solver <- as_solver(s$solver)
  s$control <- as_control(s$control)
  s
}

check_flags <- function(s, flags) {
  for (flag in flags) {
    if (!is.logical(s[[flag]]) || length(s[[flag]]) != 1L || is.na(s[[flag]])) {
      abort("argument", sprintf("`%s` must be TRUE or FALSE, not %s.", flag,
                                describe_value(s[[flag]])))
    }
  }
}

# An integer64 is a number to is.numeric(), but its bits are those of another one.
is_one_number <- function(value) {
  is.numeric(value) && !inherits(value, "integer64") && length(value) == 1L && !is.na(value)
}

check_number <- function(value, name, lower, upper, topic = "penalty", hint = "") {
  if (!is_one_number(value) || is.infinite(value) || value < lower || value > upper) {
    range <- if (is.finite(upper)) sprintf("one number from %g to %g", lower, upper) else
      paste0("one finite number", if (is.finite(lower)) sprintf(" of at least %g", lower))
    abort(topic, sprintf("`%s` must be %s, not %s.%s", name, range, describe_value(value), hint))
  }
}

# Joins a design and the settings, checks all that depends on both, and decides the coding.
new_problem <- function(design, settings) {
  if (is_elsewhere(design$x) && isTRUE(settings$model)) {
    abort("source", "model = TRUE keeps all rows in memory, which a source is to avoid: leave it out.")
  }
  settings <- settings_from_fit(settings)
  design$y <- declare_classes(design$y, settings$classes)
  design <- resolve_design(design, settings$loss, settings$class_weights,
                           if (!is.null(settings$classes)) settings$solver)
  k <- length(design$levels)
  loss <- loss_row(if (settings$loss != "auto") settings$loss else
    if (k == 2L) "logistic" else "softmax")
  if (k > loss$max_classes) {
    abort("response", sprintf("The response has %d classes (%s) and loss \"%s\" takes %d.", k,
                              enumerate(design$levels), loss$name, loss$max_classes))
  }
  names <- design$blueprint$names
  problem <- c(settings[c("lambda", "alpha", "standardize", "intercept", "solver", "control",
                          "model")],
               list(design = design, loss = loss, k = k, p = length(names)))
  problem$intercept <- design$blueprint$intercept
  problem$penalty_factor <- check_penalty_factor(settings$penalty_factor, names)
  problem[c("lower", "upper")] <- check_bounds(settings$lower, settings$upper, names)
  problem <- choose_coding(problem, settings$coding)
  problem$grouped <- settings$grouped
  check_grouped(problem)
  problem$bias_reduction <- settings$bias_reduction
  check_firth(problem)
  problem$held <- settings$held
  problem$declared <- !is.null(settings$classes)
  problem$start <- check_start(settings$start, problem)
  problem$descent <- kept_descent(settings, problem)
  check_descent_options(problem$solver, loss)
  has_l1 <- problem$lambda > 0 && problem$alpha > 0 && any(problem$penalty_factor > 0)
  check_solver(problem$solver, problem, has_l1)
  problem$cluster <- settings$cluster
  check_shards(problem)
  problem
}

# Groups are felt where a column has several slopes under an L1 part. (A path has several lambdas.)
has_groups <- function(x) {
  isTRUE(x$grouped) && !identical(x$lambda, 0) && x$alpha > 0 && x$coding != "vector"
}

check_grouped <- function(problem) {
  if (!has_groups(problem)) return(invisible())
  if (is_ovr(problem)) {
    abort("coding", "With coding = \"ovr\" each class is a fit of its own, without grouped = TRUE.")
  }
  solver <- problem$solver$name
  if (solver != "auto" && !solver_row(solver)$groups) {
    abort("solver", sprintf("Solver \"%s\" takes no grouped = TRUE. Use one of %s.", solver,
                            able_solvers(solver_table()$groups)))
  }
  if (!is.null(problem$lower)) {
    abort("bounds", "Bounds hold single slopes and grouped = TRUE all of a column: give one.")
  }
  if (problem$coding == "reference") {
    abort("coding", paste("With grouped = TRUE the fit would depend on which class is the first in",
                          "coding = \"reference\". Take \"symmetric\"."))
  }
}

# A value for each column from one number, p numbers or some columns by name.
per_column <- function(value, names, other, what, topic) {
  value <- usual_type(value)
  if (!is.numeric(value) || anyNA(value)) {
    abort(topic, sprintf("`%s` must be numeric without NA, not %s.", what, describe_value(value)))
  }
  if (!is.null(names(value)) && length(names)) {
    unknown <- setdiff(names(value), names)
    if (length(unknown) || anyDuplicated(names(value))) {
      abort(topic, sprintf("`%s` names %s: not a column, or twice.", what, enumerate(
        if (length(unknown)) unknown else names(value)[duplicated(names(value))])))
    }
    ambiguous <- intersect(names(value), names[duplicated(names)])
    if (length(ambiguous)) {
      abort(topic, sprintf("`%s`: %s is the name of several columns; give a value for each column.",
                           what, enumerate(ambiguous)))
    }
    full <- rep(other, length(names))
    full[match(names(value), names)] <- value
    return(full)
  }
  if (!length(value) %in% c(1L, length(names))) {
    abort("shape", sprintf("`%s` has length %d; it needs 1 or one for each of %s.", what,
                           length(value), plural(length(names), "column")))
  }
  rep_len(as.double(value), length(names))
}

check_penalty_factor <- function(value, names) {
  value <- per_column(value, names, 1, "penalty_factor", "penalty")
  if (any(value < 0 | is.infinite(value))) {
    abort("penalty", "`penalty_factor` must be finite and not negative.")
  }
  value
}

# list(lower, upper), both NULL if nothing is bounded.
check_bounds <- function(lower, upper, names) {
  if (is.null(lower) && is.null(upper)) return(list(lower = NULL, upper = NULL))
  lower <- per_column(if (is.null(lower)) -Inf else lower, names, -Inf, "lower", "bounds")
  upper <- per_column(if (is.null(upper)) Inf else upper, names, Inf, "upper", "bounds")
  crossed <- lower > upper | lower == Inf | upper == -Inf
  if (any(crossed)) {
    abort("bounds", sprintf("No value lies between `lower` and `upper` of %s.",
                            enumerate(names[crossed])))
  }
  if (all(is.infinite(lower) & is.infinite(upper))) return(list(lower = NULL, upper = NULL))
  list(lower = lower, upper = upper)
}
