# Average marginal effects: what a change of one variable does to the probabilities, on average over
# rows, with standard errors by the delta method from derivatives in closed form.

#' Average marginal effects and comparisons
#'
#' For a numeric variable x the mean over rows of the derivative of each class's probability by x, or,
#' where `change` names x, of the difference that this change of x makes. For a factor, a character, a
#' logical or a variable of zeros and ones the mean difference between each level and the first.
#'
#' With scores \eqn{s = W x}{s = W x} and probabilities \eqn{p = softmax(s)}, and \eqn{s'} the
#' derivative of s by the variable, \eqn{dp_c = p_c (s'_c - \sum_j p_j s'_j)}{dp_c = p_c (s'_c -
#' sum_j p_j s'_j)}. Standard errors are \eqn{\sqrt{J V J'}}{sqrt(J V J')} with V the covariance of the
#' coefficients and J the derivative of the effect by them, in closed form. The
#' columns of the formula are differentiated by the variable numerically (five points), which is
#' exact up to rounding for polynomials of degree four and products with other variables.
#'
#' @param object A fit with probabilities made by [linclass()].
#' @param variables Names of variables (of columns for fits of a matrix); `NULL`: all.
#' @param newdata The rows to average over; `NULL`: those of the fit.
#' @param change A list of numbers named by numeric variables, as `list(age = 10)`: the difference
#'   between x + 10 and x.
#' @param weights `NULL` or weights of the rows of `newdata`. The rows of the fit have its case
#'   weights.
#' @param offset As in [predict.linclass()].
#' @param vcov `NULL`, a covariance matrix of the coefficients, or a function of the fit that makes
#'   one, as those of package sandwich.
#' @param level Confidence level.
#' @return A data frame: `variable`, `contrast` (`"dY/dX"`, or what is compared), `class` (the
#'   second of two), `estimate`, and `std.error`, `statistic`, `p.value`, `conf.low`, `conf.high`
#'   where the fit has standard errors; else the attribute `why_no_se` says why not. Errors:
#'   `linclass_error_no_probability`, `linclass_error_argument` for variables that are not there,
#'   `linclass_error_newdata`, `linclass_error_data`.
#' @seealso [predict.linclass()], [vcov.linclass()]
#' @concept marginal effect
#' @concept partial effect
#' @concept average partial effect
#' @concept discrete change
#' @concept variable importance
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, race = factor(race))
#' fit <- linclass(low ~ age + lwt + race + smoke, births)
#' marginal_effects(fit)
#' marginal_effects(fit, "lwt", change = list(lwt = 10))
#' @export
marginal_effects <- function(object, variables = NULL, newdata = NULL, change = list(),
                             weights = NULL, offset = NULL, vcov = NULL, level = 0.95) {
  if (!inherits(object, "linclass")) {
    abort("argument", sprintf("`object` must be one fit, made by linclass(), not %s.", describe_value(object)))
  }
  check_object(object, whole = TRUE)
  check_probability(object, "prob")
  check_level(level)
  if (!is.null(variables) && !is.character(variables)) {
    abort("argument", sprintf("`variables` must be names, not %s.", describe_value(variables)))
  }
  if (!is.null(newdata) && length(dim(newdata)) != 2L) {
    abort("newdata", sprintf("`newdata` must be a data frame or a matrix, not %s.", describe_value(newdata)))
  }
  rows <- effect_rows(object, newdata, weights, offset)
  known <- if (is.null(object$terms)) object$blueprint$names else object$blueprint$variables
  if (is.null(variables)) variables <- known
  unknown <- setdiff(c(variables, names(change)), known)
  if (length(unknown)) {
    abort("argument", sprintf("The fit has no variable %s; it has %s.", enumerate(unknown),
                              enumerate(known, 20L)))
  }
  check_change(change)
  if (!length(variables)) abort("argument", "The fit has no variables, and so no effects.")
  effects <- do.call(c, lapply(variables, effects_of, object = object, rows = rows,
                               change = as.list(change)))
  V <- tryCatch(if (is.null(vcov)) stats::vcov(object, complete = FALSE) else
    given_vcov(object, vcov), linclass_error = identity)
  if (!inherits(V, "linclass_error")) check_covariance(V, sum(!is.na(object$coefficients)))
  table <- do.call(rbind, lapply(effects, effect_table, object = object,
                                 V = if (!inherits(V, "linclass_error")) V, level = level))
  if (inherits(V, "linclass_error")) attr(table, "why_no_se") <- conditionMessage(V)
  table
}

check_change <- function(change) {
  single <- (is.list(change) || is.numeric(change)) && all(vapply(change, is_one_number, NA))
  named <- !length(change) || !is.null(names(change))
  if (!single || !named || !all(is.finite(unlist(change)))) {
    abort("argument", sprintf("`change` must be a list of one finite number for each variable it names, not %s.",
                              describe_value(change)))
  }
}

check_covariance <- function(V, size) {
  if (!is.matrix(V) || !is.numeric(V) || any(dim(V) != size)) {
    abort("shape", sprintf("`vcov` must be a matrix of %d x %d numbers, or a function that makes it of a fit.", size,
                           size))
  }
}

# list(data, weights (sum 1), offset).
effect_rows <- function(object, newdata, weights, offset) {
  if (is.null(newdata)) {
    if (!is.null(weights) || !is.null(offset)) {
      abort("argument", paste("`weights` and `offset` belong to `newdata`; the rows of the fit have",
                              "theirs."))
    }
    given <- fit_rows(object)
    newdata <- if (is.null(object$terms)) named_columns(data_rows(object)$x, object$blueprint$names) else
      training_variables(object, object$blueprint$variables)
    weights <- row_totals(data_rows(object))
    offset <- if (is.data.frame(given)) given[["(offset)"]] else given$offset
  } else {
    baked <- bake(object$blueprint, newdata, offset) # says what is wrong with them
    newdata <- if (is.null(object$terms)) named_columns(baked$x, object$blueprint$names) else as_newdata_frame(newdata)
  }
  if (NROW(newdata) == 0L) abort("newdata", "`newdata` has no rows to average over.")
  weights <- check_weights(weights, NROW(newdata))
  if (is.null(weights)) weights <- rep(1, NROW(newdata))
  list(data = newdata, weights = weights / sum(weights), offset = offset)
}

named_columns <- function(x, names) {
  x <- as_columns(x)
  dimnames(x) <- list(rownames(x), names)
  x
}

# Variables of the rows of a fit by formula: the model frame where it has them, else the data of the
# call.
training_variables <- function(object, needed) {
  frame <- stats::model.frame(object)
  if (!all(needed %in% names(frame))) {
    all <- tryCatch(as.data.frame(eval(object$call$data, call_home(object))), error = function(e) NULL)
    at <- match(rownames(frame), rownames(all))
    if (!all(needed %in% names(all)) || anyNA(at)) {
      abort("data", paste("The variables inside functions of the formula cannot be recovered from the fit: give",
                          "`newdata`."))
    }
    frame[needed] <- all[at, needed, drop = FALSE]
  }
  frame
}

effects_of <- function(variable, object, rows, change) {
  value <- rows$data[, variable, drop = TRUE]
  moved <- function(to) {
    data <- rows$data
    data[, variable] <- to
    design_at(object, data, rows$offset)
  }
  by <- change[[variable]]
  if (!is.null(by) && !is.numeric(value)) {
    abort("argument", sprintf("`change` names `%s`, which is not numeric.", variable))
  }
  levels <- if (is.null(by)) variable_levels(object, variable, value)
  if (is.null(levels)) {
    effect <- if (is.null(by)) slope_effect(object, rows, value, moved) else
      difference_effect(object, rows, moved(value), moved(value + by))
    contrast <- if (is.null(by)) "dY/dX" else sprintf("%+g", by)
    return(list(c(effect, variable = variable, contrast = contrast)))
  }
  base <- moved(constant_level(levels[[1L]], value))
  lapply(levels[-1L], function(level) {
    c(difference_effect(object, rows, base, moved(constant_level(level, value))),
      variable = variable, contrast = sprintf("%s - %s", level, levels[[1L]]))
  })
}

# NULL for numbers that are not 0 and 1 only.
variable_levels <- function(object, variable, value) {
  if (is.logical(value)) return(c(FALSE, TRUE))
  if (is.numeric(value)) return(if (all(value %in% 0:1)) c(0, 1))
  levels <- object$blueprint$xlevels[[variable]]
  if (is.null(levels)) levels <- if (is.factor(value)) levels(value) else sort(unique(value))
  levels
}

constant_level <- function(level, value) {
  if (!is.factor(value)) return(rep(level, length(value)))
  factor(rep(level, length(value)), levels = levels(value), ordered = is.ordered(value))
}

# The columns of newdata (with the constant) and the probabilities there.
design_at <- function(object, newdata, offset) {
  baked <- bake(object$blueprint, newdata, offset)
  p <- predict_rows(object, baked$x, predicted_offset(baked$offset, object$k), "prob")
  X <- as.matrix(as_columns(baked$x))
  if (object$intercept) X <- cbind(1, X)
  list(X = unname(X)[, estimated(object), drop = FALSE], p = p)
}

# Rows of coefficients for all classes: the free ones, and 0 for a class that has none.
class_scores <- function(object) {
  W <- stats::coef(object, format = "matrix", complete = FALSE)
  if (nrow(W) < object$k) rbind(matrix(0, 1L, ncol(W)), W) else W
}

# Means over rows of w_i a_ij x_i for the free classes j, one after the other.
class_means <- function(object, weights, A, X) {
  first <- object$k - NROW(stats::coef(object, format = "matrix")) + 1L
  as.vector(crossprod(X, weights * A[, seq(first, object$k), drop = FALSE]))
}

# p1 - p0 of each class and its derivatives p_c (1{c = j} - p_j) x.
difference_effect <- function(object, rows, from, to) {
  w <- rows$weights
  gradient <- function(at, c) {
    A <- -at$p * at$p[, c]
    A[, c] <- A[, c] + at$p[, c]
    class_means(object, w, A, at$X)
  }
  k <- object$k
  list(estimate = colSums(w * (to$p - from$p)),
       gradient = lapply(seq_len(k), function(c) gradient(to, c) - gradient(from, c)))
}

# With m = sum_j p_j s'_j and D the derivative of the columns: d/dw_j p_c (s'_c - m) =
#   p_c (1{c = j} - p_j) ((s'_c - m) x + D) - p_c p_j (s'_j - m) x.
slope_effect <- function(object, rows, value, moved) {
  at <- moved(as.double(value))
  p <- at$p
  D <- column_slopes(value, moved)
  slope <- tcrossprod(D, class_scores(object))
  centred <- slope - rowSums(p * slope)
  gradient <- function(c) {
    A <- -p * p[, c]
    A[, c] <- A[, c] + p[, c]
    class_means(object, rows$weights, A * centred[, c] - p[, c] * p * centred, at$X) +
      class_means(object, rows$weights, A, D)
  }
  list(estimate = colSums(rows$weights * p * centred), gradient = lapply(seq_len(object$k), gradient))
}

# Five points: (8 (f(h) - f(-h)) - (f(2h) - f(-2h))) / 12 h, with steps that keep the sign of x.
column_slopes <- function(value, moved) {
  spread <- stats::sd(value, na.rm = TRUE)
  if (is.na(spread) || spread == 0) spread <- 1
  h <- 1e-2 * ifelse(value == 0, spread, pmin(abs(value), spread))
  at <- function(steps) moved(value + steps * h)$X
  (8 * (at(1) - at(-1)) - (at(2) - at(-2))) / (12 * h)
}

effect_table <- function(effect, object, V, level) {
  shown <- if (object$coding == "vector") 2L else seq_len(object$k)
  table <- data.frame(variable = effect$variable, contrast = effect$contrast,
                      class = object$levels[shown], estimate = unname(effect$estimate[shown]),
                      stringsAsFactors = FALSE)
  if (is.null(V)) return(table)
  se <- vapply(effect$gradient[shown], function(g) sqrt(max(0, sum(g * (V %*% g)))), 1)
  z <- table$estimate / se
  reach <- stats::qnorm((1 + level) / 2) * se
  cbind(table, std.error = se, statistic = z, p.value = 2 * stats::pnorm(-abs(z)),
        conf.low = table$estimate - reach, conf.high = table$estimate + reach)
}
