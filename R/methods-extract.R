# What can be taken out of a fit. Methods that need the training data find them again with
# model_data(); no fit carries them unless model = TRUE.

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
  reexpress(object$coefficients, object$levels, object$coding, check_coding(coding))
}

check_coding <- function(coding) {
  if (!is.character(coding) || length(coding) != 1L || !coding %in% c("reference", "symmetric")) {
    abort("coding", sprintf("`coding` must be \"reference\" or \"symmetric\", not %s.",
                            describe_value(coding)))
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
#' A fit holds no data. Methods that need them (`fitted()`, `residuals()`, `predict()` without
#' `newdata`, `model.matrix()`, `simulate()`, `weights()` and others) take the copy that
#' `model = TRUE` stored, or evaluate the arguments of the call again where their variables are
#' seen, and compare a fingerprint. If the data cannot be found or have changed, the error has the
#' class `linclass_error_data`.
#'
#' Rows that `na.action = na.exclude` removed come back as `NA`. Rows of weight 0 are absent (and
#' nothing is padded then). Where the response held counts of events and non-events, each row of
#' the data is two rows of the fit; `fitted()` has one value for the two.
#'
#' @param object,x,formula A fit made by [linclass()].
#' @param type For `fitted()` as in [predict.linclass()]. For `residuals()`, with y the response as
#'   0 and 1, \eqn{\mu}{m} the probability and w the weight of a row:
#'   * `"deviance"`: \eqn{\sqrt{2 w L}}{sqrt(2 w L)}, with the sign of \eqn{y - \mu}{y - m} for two classes; the squares
#'     sum to the deviance;
#'   * `"pearson"`: \eqn{\sqrt{w} (y - \mu) / \sqrt{\mu (1 - \mu)}}{sqrt(w) (y - m) / sqrt(m (1 - m))};
#'   * `"response"`: \eqn{y - \mu}{y - m};
#'   * `"working"`: \eqn{(y - \mu) / (\mu (1 - \mu))}{(y - m) / (m (1 - m))}, for fits with one score only;
#'   * `"margin"`: the score of the true class minus the largest of the others; negative where the
#'     row is on the wrong side. The default for the hinges and the perceptron, which have no other
#'     residuals.
#' @param data `NULL`, or the training data: the data frame of a fit by formula, else a list of `x`,
#'   `y` and, if there were any, `weights` and `offset`.
#' @param ... Not used.
#' @return
#' * `fitted()`: as [predict.linclass()].
#' * `residuals()`: a vector; an n x k matrix for `"pearson"` and `"response"` where the fit has a
#'   matrix of coefficients.
#' * `nobs()`: the sum of the weights (the number of rows without weights).
#' * `deviance()`: minus twice the log-likelihood.
#' * `df.residual()`: `nobs * (k - 1)` minus the degrees of freedom of [logLik.linclass()].
#' * `formula()`, `terms()`: of fits by formula. The environment of the formula sees the variables
#'   of the call.
#' * `model.frame()`: the variables of a fit by formula.
#' * `model.matrix()`: the matrix of the fit with its column of ones; sparse if the fit was.
#' * `family()`: [stats::binomial()] for logistic fits, else an error.
#' * `weights()`: the case weights.
#' * `variable.names()`: names of the terms; `case.names()`: names of the rows, or `NULL`.
#' @seealso [predict.linclass()], [coef.linclass()], [logLik.linclass()]
#' @examples
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
  check_no_dots(list(...), c("type", "data"))
  type <- match_choice(type)
  check_probability(object, type)
  predict_training(object, data, type, predict_rows)
}

#' @rdname fitted.linclass
#' @export
residuals.linclass <- function(object, type = c("deviance", "pearson", "response", "working",
                                                "margin"), data = NULL, ...) {
  check_no_dots(list(...), c("type", "data"))
  likelihood <- loss_row(object$loss)$likelihood
  type <- if (missing(type) && !likelihood) "margin" else match_choice(type)
  if (type != "margin" && !likelihood) {
    abort("no_likelihood", sprintf("Loss \"%s\" has margins only: residuals(type = \"margin\").",
                                   object$loss))
  }
  if (type == "working" && object$coding != "vector") {
    abort("argument", "Working residuals exist for fits with one score only.")
  }
  data <- training_data(object, data)
  z <- predict_rows(object, data$x, data$offset, "link")
  w <- if (is.null(data$weights)) 1 else data$weights
  y <- data$y$codes
  r <- if (type == "margin") {
    margins(z, y)
  } else if (is.matrix(z)) {
    matrix_residuals(z, y, w, type, object)
  } else {
    vector_residuals(z, y, w, type)
  }
  if (is.matrix(r)) dimnames(r) <- dimnames(z) else names(r) <- rownames(data$x)
  pad_training(object, data, r)
}

# z: scores of the second class. 1 - mu is taken from -z, so that nothing cancels.
vector_residuals <- function(z, y, w, type) {
  s <- 2 * y - 1
  missed <- sigmoid(-s * z)
  switch(type,
         deviance = s * sqrt(2 * w * .Call(lcr_sample_loss, as.matrix(z), y, "logistic", 2L)),
         pearson = s * sqrt(w) * exp(-s * z / 2),
         response = s * missed,
         working = s * (1 + exp(-s * z)))
}

matrix_residuals <- function(z, y, w, type, object) {
  if (type == "deviance") {
    return(sqrt(2 * w * .Call(lcr_sample_loss, unname(z), y, object$loss, ncol(z))))
  }
  p <- softmax(z)
  response <- -p
  true <- cbind(seq_along(y), y + 1L)
  others <- p
  others[true] <- 0
  response[true] <- rowSums(others)
  if (type == "response") return(response)
  sqrt(w) * response / sqrt(p * (1 - p))
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
nobs.linclass <- function(object, ...) object$nobs

#' @rdname fitted.linclass
#' @export
deviance.linclass <- function(object, ...) {
  check_likelihood(object, "The deviance")
  object$deviance
}

#' @rdname fitted.linclass
#' @export
df.residual.linclass <- function(object, ...) {
  object$nobs * (length(object$levels) - 1) - attr(stats::logLik(object), "df")
}

#' @rdname fitted.linclass
#' @export
formula.linclass <- function(x, ...) {
  f <- stats::formula(terms(x))
  # The functions that the formula names, then whatever sees the data: update() and drop1()
  # evaluate calls there.
  environment(f) <- list2env(as.list(environment(f), all.names = TRUE), parent = data_env(x))
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
model.frame.linclass <- function(formula, ...) {
  f <- stats::formula(formula)
  call <- formula$call
  kept <- intersect(c("data", "subset", "weights", "na.action", "offset"), names(call))
  frame_call <- as.call(c(quote(stats::model.frame), list(formula = f), as.list(call)[kept],
                          list(drop.unused.levels = TRUE)))
  eval(frame_call, environment(f))
}

#' @rdname fitted.linclass
#' @export
model.matrix.linclass <- function(object, data = NULL, ...) {
  x <- as_columns(training_data(object, data)$x)
  if (object$intercept) x <- cbind(`(Intercept)` = 1, x)
  colnames(x) <- stats::variable.names(object)
  x
}

#' @rdname fitted.linclass
#' @export
weights.linclass <- function(object, data = NULL, ...) {
  data <- training_data(object, data)
  w <- if (is.null(data$weights)) rep(1, nrow(data$x)) else data$weights
  pad_training(object, data, stats::setNames(w, rownames(data$x)))
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
case.names.linclass <- function(object, ...) {
  rownames(training_data(object)$x)
}

#' Update and refit a model
#'
#' Changes arguments of the call of a fit, a path or a cross-validation and evaluates it again.
#'
#' @param object A fit made by [linclass()], [linclass_path()] or [linclass_cv()].
#' @param formula. A formula with dots for the parts to keep, as in [stats::update()].
#' @param ... Arguments of [linclass()] to change or to add (`NULL` removes one).
#' @param evaluate Whether to fit; if not, the call is returned.
#' @return A fit, or a call.
#' @examples
#' fit <- linclass(low ~ age + lwt, MASS::birthwt)
#' coef(update(fit, . ~ . - age))
#' coef(update(fit, lambda = 0.1))
#' @concept refit
#' @export
update.linclass <- function(object, formula., ..., evaluate = TRUE) {
  call <- object$call
  home <- parent.frame()
  if (!missing(formula.)) {
    old <- stats::formula(object)
    # Without attributes, so that a fit does not drag the environment of its call along.
    call$formula <- as.call(as.list(stats::update(old, formula.)))
    home <- list2env(as.list(environment(terms(object)), all.names = TRUE), parent = home)
  }
  changed <- as.list(match.call(expand.dots = FALSE)$...)
  for (name in names(changed)) call[[name]] <- changed[[name]]
  if (evaluate) eval(call, home) else call
}

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
#' @concept duality gap
#' @concept optimality
#' @concept optimality conditions
#' @export
objective <- function(x, ...) UseMethod("objective")

#' @rdname objective
#' @export
objective.linclass <- function(x, ...) x$objective

#' @rdname objective
#' @export
certificate <- function(x, ...) UseMethod("certificate")

#' @rdname objective
#' @export
certificate.linclass <- function(x, ...) {
  structure(c(unclass(x$certificate), list(objective = x$objective, status = x$status)),
            class = "linclass_certificate")
}

#' @export
print.linclass_certificate <- function(x, digits = 3L, ...) {
  cat("Certificate: ", certificate_in_words(x), "\n", sep = "")
  cat(sprintf("  objective %s, gap %s, relative %s, largest violation of optimality %s\n",
              format(x$objective, digits = 7L), format(x$gap, digits = digits),
              format(x$relative, digits = digits), format(x$kkt, digits = digits)))
  cat(sprintf("  tolerance %s: %s (status \"%s\")\n", format(x$tolerance, digits = digits),
              if (isTRUE(x$met)) "met" else "not met", x$status))
  invisible(x)
}
