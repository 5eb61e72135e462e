# What can be taken out of a fit. Methods that need its rows start from those of model-data.R.

#' @importFrom stats anova case.names coef confint deviance df.residual extractAIC family fitted
#' @importFrom stats formula logLik model.frame model.matrix nobs predict residuals simulate terms
#' @importFrom stats update variable.names vcov weights
NULL

#' Extract the coefficients of a fit
#'
#' The coefficients as a vector or matrix, in another coding or in long form; exponentiated, those
#' of a logistic fit are odds ratios.
#'
#' @param object A fit made by [linclass()].
#' @param coding `NULL` for the coding of the fit; `"reference"` (the scores of the first class are
#'   0; one row for each other class) or `"symmetric"` (one row for each class, sums over classes
#'   are 0) re-express the same model, without fitting again.
#' @param format `"default"`: a named vector where the fit has one score (two classes), else a
#'   matrix of classes x terms; `"matrix"`: always a matrix; `"vector"`: always a vector, with names
#'   `class:term` where there are several rows, all terms of the first row first; `"long"`: a data
#'   frame with the columns `class`, `term` and `estimate`.
#' @param complete Whether coefficients that could not be estimated are shown, as `NA`.
#' @param ... Not used.
#' @return As described under `format`. The intercept comes first.
#' @seealso [linclass()], [vcov.linclass()]
#' @examples
#' fit <- linclass(Species ~ Petal.Width, iris, lambda = 0.1, alpha = 0)
#' coef(fit)
#' coef(fit, coding = "reference")
#' coef(fit, format = "long")
#' @concept weights of a classifier
#' @concept odds ratio
#' @concept intercept
#' @export
coef.linclass <- function(object, coding = NULL, format = c("default", "matrix", "vector", "long"),
                          complete = TRUE, ...) {
  check_object(object)
  check_no_dots(list(...), c("coding", "format", "complete"))
  format <- match_choice(format)
  W <- recoded_coefficients(object, coding)
  if (!complete) {
    W <- if (is.matrix(W)) W[, colSums(is.na(W)) == 0, drop = FALSE] else W[!is.na(W)]
  }
  switch(format, default = W, matrix = class_rows(object, W), vector = stacked(W),
         long = long_coefficients(class_rows(object, W)))
}

recoded_coefficients <- function(object, coding) {
  if (is.null(coding)) return(object$coefficients)
  reexpress(object$coefficients, object$levels, object$coding, check_recoding(coding, object))
}

check_coding <- function(coding, known = c("reference", "symmetric", "ovr")) {
  if (!is.character(coding) || length(coding) != 1L || !coding %in% known) {
    abort("coding", sprintf("`coding` must be %s, not %s.", choices(known), describe_value(coding)))
  }
  coding
}

# Only differences of scores have several codings; against the rest each score is judged by itself.
check_recoding <- function(coding, object) {
  coding <- check_coding(coding, c("reference", "symmetric"))
  if (is_ovr(object)) {
    abort("coding", "Each class was fitted against the rest (coding = \"ovr\"), which has no other coding.")
  }
  coding
}

class_rows <- function(object, W) {
  if (is.matrix(W)) return(W)
  matrix(W, 1L, dimnames = list(object$levels[2L], names(W)))
}

stacked <- function(W) {
  if (!is.matrix(W)) return(W)
  stats::setNames(as.vector(t(W)), cell_names(W))
}

long_coefficients <- function(W) {
  data.frame(class = factor(rep(rownames(W), each = ncol(W)), levels = rownames(W)),
             term = rep(colnames(W), nrow(W)), estimate = as.vector(t(W)),
             stringsAsFactors = FALSE)
}

#' Fitted values, residuals and other parts of a fit
#'
#' Methods of the usual generics for fits made by [linclass()].
#'
#' @section Training data:
#' A fit keeps its data up to a size (see `model` in [linclass()]), and all methods start from these
#' rows, whatever has become of the data since. Where they are not kept, the arguments of the call are
#' evaluated again where it was made (in the global environment for a fit that was read from a file),
#' and a fingerprint is compared. If the data cannot be found or have changed, the error has the class
#' `linclass_error_data`; the argument `data` helps.
#'
#' There is a value for each row of the model frame, rows of weight 0 among them (NA in residuals where
#' their class is none of the fit's), and `NA` for rows that `na.action = na.exclude` removed. Where the
#' response held counts, a row of the data is one observation with a binomial or multinomial distribution, as
#' for [stats::glm()] (and `multinomial()` of package VGAM; `nnet::multinom()` and rows of single trials leave
#' the multinomial coefficients out of the likelihood). `nobs()` and degrees of freedom count rows of positive
#' weight, as those of [stats::glm()] do. Where a weight is a frequency, so many equal rows, the sum of the weights
#' is the number of observations, and their Schwarz criterion (BIC) is `AIC(fit, k = log(sum(weights(fit))))`.
#'
#' @param object,x,formula A fit made by [linclass()].
#' @param type For `fitted()` as in [predict.linclass()]. For `weights()`: `"prior"`, the case weights
#'   (times the trials of counts), or `"working"`, \eqn{w \mu (1 - \mu)}{w m (1 - m)}. For `residuals()`, with y the
#'   response as 0 and 1 (or the share of the event), \eqn{\mu}{m} the probability and w the weight of a
#'   row:
#'   * `"deviance"`: \eqn{\sqrt{2 w L}}{sqrt(2 w L)}, with the sign of \eqn{y - \mu}{y - m} for two
#'     classes; the squares sum to the deviance (of counts: to that against a model that fits every row);
#'   * `"pearson"`: \eqn{\sqrt{w} (y - \mu) / \sqrt{\mu (1 - \mu)}}{sqrt(w) (y - m) / sqrt(m (1 - m))};
#'   * `"response"`: \eqn{y - \mu}{y - m};
#'   * `"working"`: \eqn{(y - \mu) / (\mu (1 - \mu))}{(y - m) / (m (1 - m))}; with a row of coefficients for
#'     each class \eqn{y_c / \mu_c}{y_c / m_c} less that of the first class (symmetric coding: less their mean);
#'   * `"partial"`: the working residual plus each term, `predict(type = "terms")`;
#'   * `"margin"`: the score of the true class minus the largest of the others; negative where the
#'     row is on the wrong side. The default for the hinges and the perceptron, which have no other
#'     residuals.
#' @param full `FALSE` leaves out rows of weight 0.
#' @param data `NULL`, or the training data: the data frame of a fit by formula, else a list of `x`,
#'   `y` and, if there were any, `weights` and `offset`.
#' @param ... Not used. (Arguments that other packages pass are ignored, unless they look like one of
#'   these misspelt.)
#' @return
#' * `fitted()`: as [predict.linclass()].
#' * `residuals()`: a vector; an n x k matrix for `"pearson"` and `"response"` where the fit has a
#'   matrix of coefficients, and one column for each row of coefficients for `"working"`; a matrix of rows x
#'   terms for `"partial"`, with columns `class:term` where there are several rows of coefficients.
#' * `nobs()`: the number of rows with positive weight (a row of counts is one).
#' * `deviance()`: twice by how much the log-likelihood is below that of a model that fits every row, which is 0
#'   except for counts.
#' * `df.residual()`: `nobs() * (k - 1)` minus the degrees of freedom of [logLik.linclass()].
#' * `formula()`, `terms()`: of fits by formula. The environment of the formula sees the variables
#'   of the call.
#' * `model.frame()`: the variables of a fit by formula.
#' * `model.matrix()`: the columns of the fit with that of ones, and the attributes `assign` (the term of
#'   each column) and `contrasts`; a sparse matrix if the fit had one.
#' * `family()`: [stats::binomial()] for logistic fits, else an error.
#' * `weights()`: a number for each row.
#' * `variable.names()`: names of the terms; `case.names()`: names of the rows, or `NULL`.
#' @seealso [predict.linclass()], [coef.linclass()], [logLik.linclass()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' birthwt <- MASS::birthwt
#' fit <- linclass(low ~ age + lwt, birthwt)
#' summary(fitted(fit))
#' c(sum(residuals(fit)^2), deviance(fit))
#' nobs(fit)
#' head(model.matrix(fit), 3)
#' @concept deviance
#' @concept residuals
#' @concept fitted probabilities
#' @export
fitted.linclass <- function(object, type = c("response", "prob", "class", "link"), data = NULL,
                            ...) {
  check_object(object, whole = TRUE)
  check_foreign_dots(list(...), c("type", "data"))
  type <- match_choice(type)
  check_probability(object, type)
  predict_training(object, data, type, predict_rows)
}

#' @rdname fitted.linclass
#' @export
residuals.linclass <- function(object, type = c("deviance", "pearson", "response", "working",
                                                "partial", "margin"), data = NULL, ...) {
  check_object(object, whole = TRUE)
  check_foreign_dots(list(...), c("type", "data"))
  likelihood <- loss_row(object$loss)$likelihood
  type <- if (missing(type) && !likelihood) "margin" else match_choice(type)
  if (type != "margin" && !likelihood) {
    abort("no_likelihood", sprintf("Loss \"%s\" has margins only: residuals(type = \"margin\").",
                                   object$loss))
  }
  rows <- data_rows(object, data)
  if (type == "margin" && !is.null(rows$counts)) {
    abort("argument", "Rows of counts have no margin: their trials are of several classes.")
  }
  z <- predict_rows(object, rows$x, rows$offset, "link")
  r <- row_residuals(object, rows, z, type)
  if (is.matrix(r)) dimnames(r) <- list(rows$names, colnames(z)) else names(r) <- rows$names
  if (type %in% c("working", "partial") && object$coding == "reference") r <- r[, -1L, drop = FALSE]
  if (type == "partial") r <- partial_residuals(r, terms_of_rows(object, rows$x, rows))
  pad(object$na.action, r)
}

# Working residuals (one column for each score) and the terms of that score.
partial_residuals <- function(working, terms) {
  scores <- NCOL(working)
  each <- if (scores == 1L) rep(1L, ncol(terms)) else rep(seq_len(scores), each = ncol(terms) / scores)
  terms + as.matrix(working)[, each, drop = FALSE]
}

row_residuals <- function(object, rows, z, type) {
  if (!is.null(rows$counts)) {
    y <- row_shares(rows)
    if (is.matrix(z) && type %in% c("working", "partial")) return(working_residuals(y, softmax(unname(z)), object))
    return(share_residuals(y, z, row_totals(rows), type))
  }
  # A row of weight 0 may be of a class that the fit does not have.
  known <- which(!is.na(rows$codes) & rowSums(is.na(as.matrix(z))) == 0)
  y <- rows$codes[known]
  w <- row_totals(rows)[known]
  if (!is.matrix(z)) {
    all <- rep(NA_real_, length(z))
    all[known] <- if (type == "margin") margins(z[known], y) else vector_residuals(z[known], y, w, type)
    return(all)
  }
  z <- unname(z)
  part <- z[known, , drop = FALSE]
  r <- if (type == "margin") margins(part, y) else matrix_residuals(part, y, w, type, object)
  spread <- match(seq_len(nrow(z)), known)
  if (is.matrix(r)) r[spread, , drop = FALSE] else r[spread]
}

# Of shares y of w trials: one column (the event) for one score, else one for each class.
share_residuals <- function(y, z, w, type) {
  several <- is.matrix(z)
  p <- if (several) softmax(unname(z)) else sigmoid(z)
  if (!several) y <- y[, 2L]
  log_ratio <- function(y, p) ifelse(y > 0, y * log(y / p), 0)
  switch(type,
         deviance = if (several) sqrt(2 * w * pmax(rowSums(log_ratio(y, p)), 0)) else
           sign(y - p) * sqrt(2 * w * pmax(log_ratio(y, p) + log_ratio(1 - y, 1 - p), 0)),
         pearson = sqrt(w) * (y - p) / sqrt(p * (1 - p)),
         response = y - p,
         (y - p) / (p * (1 - p)))
}

# z: scores of the second class. 1 - mu is taken from -z, so that nothing cancels.
vector_residuals <- function(z, y, w, type) {
  s <- 2 * y - 1
  missed <- sigmoid(-s * z)
  switch(type,
         deviance = s * sqrt(2 * w * .Call(lcr_sample_loss, as.matrix(z), y, "logistic", 2L)),
         pearson = s * sqrt(w) * exp(-s * z / 2),
         response = s * missed,
         s * (1 + exp(-s * z)))
}

# What needs a single score says so of fits with a row of coefficients for each class.
check_one_score <- function(object, what) {
  if (object$coding == "vector") return(invisible())
  abort("argument", sprintf("%s exists for fits of two classes with one score only.", what))
}

matrix_residuals <- function(z, y, w, type, object) {
  if (type == "deviance") {
    return(sqrt(2 * w * .Call(lcr_sample_loss, unname(z), y, object$loss, ncol(z))))
  }
  p <- softmax(z)
  true <- cbind(seq_along(y), y + 1L)
  if (type %in% c("working", "partial")) {
    return(working_residuals(replace(matrix(0, nrow(p), ncol(p)), true, 1), p, object))
  }
  response <- -p
  others <- p
  others[true] <- 0
  response[true] <- rowSums(others)
  if (type == "response") return(response)
  sqrt(w) * response / sqrt(p * (1 - p))
}

# What a Newton step on the scores of one row would add to them: S r = y - p with S = diag(p) - p p', so that r_c =
# y_c / p_c, less that of the first class (reference coding, as VGAM has it) or their mean.
working_residuals <- function(y, p, object) {
  r <- y / p
  r - if (object$coding == "reference") r[, 1L] else rowMeans(r)
}

margins <- function(z, y) {
  if (!is.matrix(z)) return((2 * y - 1) * z)
  true <- cbind(seq_along(y), y + 1L)
  own <- z[true]
  z[true] <- -Inf
  own - apply(z, 1L, max)
}

#' @rdname fitted.linclass
#' @export
nobs.linclass <- function(object, ...) observations(check_object(object, whole = TRUE))

#' @rdname fitted.linclass
#' @export
deviance.linclass <- function(object, ...) {
  check_likelihood(object, "The deviance")
  object$deviance
}

#' @rdname fitted.linclass
#' @export
df.residual.linclass <- function(object, ...) {
  observations(object) * (length(object$levels) - 1) - attr(stats::logLik(object), "df")
}

#' @rdname fitted.linclass
#' @export
formula.linclass <- function(x, ...) {
  f <- stats::formula(terms(x))
  # update() and others evaluate calls there.
  environment(f) <- formula_home(x, call_home(x))
  f
}

#' @rdname fitted.linclass
#' @export
terms.linclass <- function(x, ...) {
  if (is.null(x$terms)) {
    abort("formula", "The fit was made from a matrix: it has no formula and no terms.")
  }
  x$terms
}

#' @rdname fitted.linclass
#' @export
model.frame.linclass <- function(formula, data = NULL, ...) {
  frame <- frame_of_rows(terms(formula), fit_rows(formula, data))
  attr(attr(frame, "terms"), ".Environment") <- formula_home(formula)
  frame
}

#' @rdname fitted.linclass
#' @export
model.matrix.linclass <- function(object, data = NULL, ...) {
  rows <- data_rows(object, data)
  x <- as_columns(rows$x)
  if (object$intercept) x <- cbind(`(Intercept)` = 1, x)
  colnames(x) <- stats::variable.names(object)
  attr(x, "assign") <- c(if (object$intercept) 0L, rows$term)
  attr(x, "contrasts") <- if (length(object$blueprint$contrasts)) object$blueprint$contrasts
  x
}

#' @rdname fitted.linclass
#' @export
weights.linclass <- function(object, type = c("prior", "working"), data = NULL, ...) {
  check_object(object, whole = TRUE)
  check_foreign_dots(list(...), c("type", "data"))
  type <- match_choice(type)
  rows <- data_rows(object, data)
  w <- row_totals(rows)
  if (type == "working") {
    check_one_score(object, "weights(\"working\")")
    check_probability(object, "prob")
    z <- predict_rows(object, rows$x, rows$offset, "link")
    w <- w * sigmoid(z) * sigmoid(-z)
  }
  pad(object$na.action, stats::setNames(w, rows$names))
}

#' @rdname fitted.linclass
#' @export
family.linclass <- function(object, ...) {
  if (object$loss != "logistic") {
    abort("argument", sprintf("Loss \"%s\" belongs to no family of generalised linear models.",
                              object$loss))
  }
  stats::binomial()
}

#' @rdname fitted.linclass
#' @export
variable.names.linclass <- function(object, ...) {
  W <- object$coefficients
  if (is.matrix(W)) colnames(W) else names(W)
}

#' @rdname fitted.linclass
#' @export
case.names.linclass <- function(object, full = FALSE, data = NULL, ...) {
  rows <- data_rows(object, data)
  if (full) rows$names else rows$names[row_totals(rows) > 0]
}

#' Update and refit a model
#'
#' Changes arguments of the call of a fit, a path or a cross-validation and evaluates it again.
#'
#' The call is evaluated again where `update()` is called, or where [linclass()] was called if the data
#' are not seen there. If they are seen nowhere (the fit was returned by a function, or read from a
#' file), the rows that the fit keeps stand for them. The rows of the fit are always used by
#' [stats::step()] and other functions that ask for a call to evaluate.
#'
#' Mini-batches with other data (`x` and `y`, or `data`) go on from the fit, of any solver: see Going on
#' in [linclass()]. Other solvers start at the fit with `update(fit, data = new, start = fit)`, and end at the optimum
#' of the new rows; [merge()][merge.linclass] joins two fits to that of the rows of both.
#'
#' @param object A fit made by [linclass()], [linclass_path()] or [linclass_cv()].
#' @param formula. A formula with dots for the parts to keep, as in [stats::update()].
#' @param ... Arguments of [linclass()] to change or to add (`NULL` removes one).
#' @param evaluate Whether to fit; if not, the call is returned.
#' @return A fit, or a call.
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt, MASS::birthwt)
#' coef(update(fit, . ~ . - age))
#' coef(update(fit, lambda = 0.1))
#' @concept refit
#' @export
update.linclass <- function(object, formula., ..., evaluate = TRUE) {
  check_object(object, whole = TRUE)
  home <- parent.frame()
  call <- object$call
  if (!missing(formula.)) {
    if (is.character(formula.) && length(formula.) == 1L) {
      formula. <- tryCatch(stats::as.formula(formula.), error = function(e) formula.)
    }
    if (!inherits(formula., "formula")) {
      abort("argument", sprintf("`formula.` must be a formula, not %s.", describe_value(formula.)))
    }
    # Without attributes, so that a fit does not drag the environment of its call along.
    call$formula <- as.call(as.list(stats::update(written_out(stats::formula(object), object$terms), formula.)))
  }
  changed <- as.list(match.call(expand.dots = FALSE)$...)
  gone <- names(changed)[vapply(changed, is.null, NA)]
  call <- call[!names(call) %in% gone]
  for (name in setdiff(names(changed), gone)) call[[name]] <- changed[[name]]
  continued <- is_continued(object, call, names(changed), home)
  if (continued) call$start <- object
  source <- if (inherits(object, "linclass_cv")) object$path else object
  same_data <- !any(c("data", "subset", "weights", "offset", "na.action", "x", "y") %in% names(changed))
  asked_for_call <- !evaluate && isNamespace(topenv(home))
  if (same_data && is_by_formula(source) && asked_for_call) return(call_on_rows(source, call))
  if (!evaluate) return(call)
  if (same_data && !sees_data(source, home)) {
    if (sees_data(source, call_home(source))) home <- call_home(source) else
      call <- call_on_rows(source, call)
  }
  if (is_by_formula(source)) home <- formula_home(source, home)
  fit <- eval(call, home)
  if (inherits(call$formula, "terms")) fit$call$formula <- object$call$formula
  fit$call <- restored_call(fit$call, object$call)
  if (continued) fit$call$start <- NULL
  fit
}

# Are the variables of the call that hold data seen from `env`?
sees_data <- function(object, env) {
  call <- as.list(object$call)
  data <- if (is_by_formula(object)) {
    if (is.null(call$data)) list(object$terms) else call["data"]
  } else {
    call[c("x", "y")]
  }
  names <- unique(unlist(lapply(data, all.vars)))
  all(vapply(names, function(name) {
    found <- get0(name, envir = env)
    !is.null(found) && !is.function(found)
  }, NA))
}

# The call with the rows of the fit in place of its data.
call_on_rows <- function(object, call) {
  rows <- fit_rows(object)
  if (is_by_formula(object) && is.data.frame(rows)) {
    if (identical(call$formula, object$call$formula)) {
      call$formula <- object$terms # rows have no columns for a dot
      call$data <- as_data(object, rows)
    } else {
      call$data <- as_data(object, extended_rows(object, call$formula, rows))
    }
    return(call)
  }
  for (name in intersect(names(call), names(rows))) call[[name]] <- rows[[name]]
  call
}

# Where values stood for the data, their names.
restored_call <- function(call, old) {
  for (name in intersect(c("x", "y", "weights", "offset"), intersect(names(call), names(old)))) {
    text <- deparse1(call[[name]])
    if (startsWith(text, "`<")) call[[name]] <- old[[name]]
  }
  call
}

# Rows with the variables of a formula that they lack, from the data of the call where it was made; the
# variables that they have must be the same there.
extended_rows <- function(object, formula, rows) {
  formula <- as_formula(formula, environment(object$terms))
  terms <- stats::terms(formula)
  lacking <- as.list(attr(terms, "variables"))[-1L][!variable_names(attr(terms, "variables")) %in% names(rows)]
  if (all(unlist(lapply(lacking, all.vars)) %in% names(rows))) return(rows)
  environment(formula) <- formula_home(object)
  fresh <- tryCatch(fresh_rows(object, formula), error = function(e) {
    abort("data", paste("The variables of the formula that the fit does not have cannot be found:",
                        conditionMessage(e)), parent = e)
  })
  at <- match(as.character(attr(rows, "row.names")), as.character(attr(fresh, "row.names")))
  shared <- intersect(names(rows), names(fresh))
  same <- !anyNA(at) && all(vapply(shared, function(name) {
    isTRUE(all.equal(take(rows[[name]], seq_along(at)), take(fresh[[name]], at), check.attributes = FALSE))
  }, NA))
  if (!same) {
    abort("data", paste("The data have changed since the fit, so that new variables cannot be added to",
                        "its rows. Fit again."))
  }
  new <- setdiff(names(fresh), names(rows))
  rows[new] <- lapply(fresh[new], take, at)
  attr(rows, "variables") <- c(attr(rows, "variables"), attr(fresh, "variables"))
  whole <- stats::complete.cases(rows[new])
  if (all(whole)) return(rows)
  warn("rows", sprintf("Using the %d of %d rows that have all variables.", sum(whole), length(whole)))
  kept <- attributes(rows)[c("terms", "variables")]
  rows <- rows[whole, , drop = FALSE]
  attributes(rows)[names(kept)] <- kept
  rows
}

# The frame of another formula, of all rows of the data that the call names.
fresh_rows <- function(object, formula) {
  data <- eval(object$call$data, call_home(object))
  env <- environment(formula)
  terms <- model_terms(formula, data)
  data <- plain_data(data, all.names(attr(terms, "variables")))
  columns <- evaluate_variables(attr(terms, "variables"), data, env)
  arguments <- evaluate_arguments(object$call["subset"], data, env, call_home(object))
  frame <- make_frame(terms, columns, arguments, data, stats::na.pass)
  blueprint <- formula_blueprint(terms, frame, NULL, data, NROW(columns[[1L]]), NULL)
  structure(frame, variables = stats::setNames(blueprint$kinds, blueprint$variables))
}

take <- function(v, i) if (is.matrix(v)) v[i, , drop = FALSE] else v[i]

#' Objective value and optimality certificate
#'
#' `objective()` is the value of what was minimised (mean loss plus penalty); `certificate()`
#' gives an upper bound on the distance of the objective from its minimum.
#'
#' `objective(fit)` equals `loss_value(coef(fit), ...)` with the training data, for
#' `standardize = FALSE`.
#'
#' @param x A fit made by [linclass()].
#' @param ... Not used.
#' @return `objective()`: one number. `certificate()`: a list of class `linclass_certificate` with
#' * `kind`: `"duality_gap"` (a bound), `"newton_decrement"` (an estimate that is exact near the
#'   minimum), `"sampled_decrement"` (the same with the second derivatives of a sample of rows, for
#'   fits that stopped with their budget of epochs: a few percent off), `"gradient"` (only the size
#'   of the gradient is known) or `"mistakes"` (perceptron: the weight of the training rows on the
#'   wrong side);
#' * `gap`: objective minus minimum, at most; `relative`: the gap relative to the objective;
#' * `kkt`: the largest violation of the optimality conditions, an element of the gradient;
#' * `tolerance`: what `relative` had to reach; `met`: whether it did.
#' @seealso [linclass()], [loss_value()]
#' @examples
#' fit <- linclass(Species ~ ., iris, lambda = 0.01, standardize = FALSE)
#' objective(fit)
#' loss_value(coef(fit), iris[1:4], iris$Species, "softmax", lambda = 0.01)
#' certificate(fit)
#' @concept objective function
#' @concept convergence
#' @concept KKT conditions
#' @concept primal and dual
#' @concept duality gap
#' @concept optimality
#' @concept optimality conditions
#' @export
objective <- function(x, ...) UseMethod("objective")

#' @rdname objective
#' @export
objective.linclass <- function(x, ...) check_object(x, whole = TRUE)$objective

#' @rdname objective
#' @export
certificate <- function(x, ...) UseMethod("certificate")

#' @export
objective.default <- function(x, ...) {
  abort("argument", sprintf("`x` must be a fit, a path or a cross-validation of linclass, not %s.",
                            describe_value(x)))
}

#' @export
certificate.default <- objective.default

#' @rdname objective
#' @export
certificate.linclass <- function(x, ...) {
  check_object(x, whole = TRUE)
  structure(c(unclass(x$certificate), list(objective = x$objective, status = x$status)),
            class = "linclass_certificate")
}

#' @export
print.linclass_certificate <- function(x, digits = 3L, ...) {
  cat("Certificate: ", certificate_in_words(x), "\n", sep = "")
  shown <- function(v) format(v, digits = digits)
  writeLines(field_lines(list(
    "  objective" = format(x$objective, digits = 7L),
    "  gap" = sprintf("%s, relative %s", shown(x$gap), shown(x$relative)),
    "  optimality" = sprintf("violated by at most %s", shown(x$kkt)),
    "  tolerance" = sprintf("%s, %s (status \"%s\")", shown(x$tolerance),
                            if (isTRUE(x$met)) "met" else "not met", x$status))))
  invisible(x)
}
