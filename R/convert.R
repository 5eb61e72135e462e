# Penalties on the scales of other packages. Every scale is read into, and written from, one form:
# what is minimised, divided by whatever multiplies the mean loss, is
#   mean loss + l2 / 2 * sum w^2 + l1 * sum |w|,
# and `factor` multiplies both numbers for each column. So each scale says two things only, and any
# two of them convert.

# A strength times [(1 - mix)/2 sum w^2 + mix sum |w|] beside the mean loss.
mixed <- function(strength, mix) {
  list(read = function(v, n) list(l1 = v[[strength]] * v[[mix]], l2 = v[[strength]] * (1 - v[[mix]])),
       write = function(l1, l2, n) stats::setNames(list(l1 + l2, share(l1, l2)), c(strength, mix)))
}

# l1 / (l1 + l2), 0 where there is no penalty at all.
share <- function(l1, l2) ifelse(l1 + l2 > 0, l1 / (l1 + l2), 0)

# A scale: what it minimises; its parameters with their defaults (NULL: must be given); which of
# them are shares of 1; whether it needs n; what it also shrinks; the name of its factors; and the
# way to and from l1 and l2, which answers NULL where the scale has no such penalty. `n` is the
# number of rows or the sum of the weights.
penalty_scale_table <- list(
  linclass = c(mixed("lambda", "alpha"), list(
    objective = "mean L + lambda [(1 - alpha)/2 sum w^2 + alpha sum |w|]",
    values = list(lambda = NULL, alpha = 1), shares = "alpha", factor = "penalty_factor")),
  glmnet = c(mixed("lambda", "alpha"), list(
    objective = paste("mean L + lambda [(1 - alpha)/2 sum w^2 + alpha sum |w|],",
                      "factors rescaled to a mean of 1"),
    values = list(lambda = NULL, alpha = 1), shares = "alpha", factor = "penalty.factor")),
  scikit_learn = list(
    objective = "C sum L + (1 - l1_ratio)/2 sum w^2 + l1_ratio sum |w|",
    values = list(C = 1, l1_ratio = 0), shares = "l1_ratio", needs_n = TRUE,
    read = function(v, n) list(l1 = v$l1_ratio / (n * v$C), l2 = (1 - v$l1_ratio) / (n * v$C)),
    write = function(l1, l2, n) list(C = 1 / (n * (l1 + l2)), l1_ratio = share(l1, l2))),
  scikit_learn_sgd = c(mixed("alpha", "l1_ratio"), list(
    objective = "mean L + alpha [(1 - l1_ratio)/2 sum w^2 + l1_ratio sum |w|]",
    values = list(alpha = 1e-4, l1_ratio = 0), shares = "l1_ratio")),
  liblinear = list(
    objective = "cost sum L + sum w^2 / 2, or cost sum L + sum |w| where l1 = 1",
    values = list(cost = 1, l1 = 0), shares = "l1", needs_n = TRUE, shrinks_intercept = TRUE,
    read = function(v, n) {
      if (all(v$l1 %in% 0:1)) list(l1 = v$l1 / (n * v$cost), l2 = (1 - v$l1) / (n * v$cost))
    },
    write = function(l1, l2, n) {
      if (!any(l1 > 0 & l2 > 0)) list(cost = 1 / (n * (l1 + l2)), l1 = share(l1, l2))
    }),
  nnet = list(
    objective = "sum L + decay sum w^2",
    values = list(decay = NULL), needs_n = TRUE, shrinks_intercept = TRUE,
    read = function(v, n) list(l1 = 0 * v$decay, l2 = 2 * v$decay / n),
    write = function(l1, l2, n) if (!any(l1 > 0)) list(decay = n * l2 / 2)),
  squares = list(
    objective = "mean L + lambda [(1 - a) sum w^2 + a sum |w|]",
    values = list(lambda = NULL, a = 0), shares = "a",
    read = function(v, n) list(l1 = v$lambda * v$a, l2 = 2 * v$lambda * (1 - v$a)),
    write = function(l1, l2, n) list(lambda = l1 + l2 / 2, a = share(l1, l2 / 2))),
  two_rows = list(
    objective = "that of linclass with a row of w for each of two classes (softmax)",
    values = list(lambda = NULL, alpha = 1), shares = "alpha",
    read = function(v, n) list(l1 = v$lambda * v$alpha, l2 = v$lambda * (1 - v$alpha) / 2),
    write = function(l1, l2, n) list(lambda = l1 + 2 * l2, alpha = share(l1, 2 * l2))))

#' Convert penalties between packages
#'
#' The same penalty has different numbers in different packages: some multiply the loss and some the
#' penalty, some take the mean of the losses and some their sum, some halve the squares.
#' `convert_penalty()` takes the numbers of one package to those of another, so that both minimise the
#' same; `penalty_scales()` is the table of what it knows.
#'
#' @section Beyond the numbers:
#' * Conversions are for columns as they are. [linclass()] and glmnet standardise by default, which
#'   the others do not: use `standardize = FALSE` to compare with them.
#' * liblinear and nnet shrink the intercept too. To repeat that, add a column of ones to `x` and
#'   use `intercept = FALSE`. nnet's `multinom()` also has the coefficients of all but the first
#'   class, `coding = "reference"`.
#' * glmnet rescales `penalty.factor` so that its mean is 1; `penalty_factor` of [linclass()]
#'   multiplies `lambda` as given.
#' * Losses must be the same too. liblinear's squared hinge for two classes is that of [linclass()];
#'   for more it fits each class against the rest, `coding = "ovr"`. [from_liblinear()] gives
#'   all arguments at once.
#'
#' @param from,to names of scales: `"linclass"`, `"glmnet"`, `"scikit_learn"` (LogisticRegression,
#'   LinearSVC), `"scikit_learn_sgd"` (SGDClassifier), `"liblinear"` (LiblineaR), `"nnet"` (nnet and
#'   multinom), `"squares"` (the penalty of textbooks without halves), `"two_rows"` (softmax with
#'   two classes, against the logistic model).
#' @param ... the parameters of `from`, by name (table below), each one number or a vector (of the
#'   same length, or length 1); for linclass also `penalty_factor`, for glmnet `penalty.factor`, one
#'   number for each column.
#' @param n number of rows, or the sum of the weights; needed where one of the two scales takes the
#'   sum of the losses.
#' @return `convert_penalty()`: a named list of the parameters of `to`; with `to = "linclass"` these
#'   are arguments of [linclass()].
#'
#'   `penalty_scales()`: a data frame with columns `scale`, `objective` (L are the losses of the
#'   rows, w the slopes), `parameters` (with their defaults), `needs_n`, and `shrinks_intercept`,
#'   whether the intercept is penalised as well.
#' @section Errors: `linclass_error_argument` for an unknown scale or parameter or a missing one, or
#'   a missing `n`; `linclass_error_penalty` for a value out of range, or a penalty that `to` does not
#'   have (nnet has no lasso, liblinear no elastic net, only linclass and glmnet have factors).
#' @concept glmnet
#' @concept e1071
#' @concept scikit-learn
#' @concept liblinear
#' @concept nnet
#' @concept weight decay
#' @concept C parameter
#' @concept cost parameter
#' @concept penalty scale
#' @eval rd_penalty_scales()
#' @seealso [linclass()] for the objective; `vignette("from-other-packages")` for fits side by side.
#' @examples
#' # C = 0.5 of scikit-learn or LiblineaR, 100 rows
#' convert_penalty("scikit_learn", C = 0.5, n = 100)
#' fit <- linclass(am ~ wt, mtcars, standardize = FALSE, alpha = 0,
#'                 lambda = convert_penalty("scikit_learn", C = 0.5, n = 32)$lambda)
#'
#' # and back, a grid at once
#' convert_penalty(lambda = 10^(-1:-3), alpha = 0, to = "liblinear", n = 100)
#'
#' # glmnet rescales the factors of its penalty
#' convert_penalty("glmnet", lambda = 0.1, penalty.factor = c(0, 1, 2, 2))
#'
#' penalty_scales()
#' @export
convert_penalty <- function(from = "linclass", to = "linclass", ..., n = NULL) {
  from <- scale_row(from, "from")
  to <- scale_row(to, "to")
  if (is.null(n) && (isTRUE(from$needs_n) || isTRUE(to$needs_n))) {
    abort("argument", paste("`n` is missing: one of the scales takes the sum of the losses, so the",
                            "number of rows (or the sum of their weights) is needed."))
  }
  if (!is.null(n) && !(is.numeric(n) && length(n) == 1L && is.finite(n) && n > 0)) {
    abort("argument", sprintf("`n` must be one positive number, not %s.", describe_value(n)))
  }
  values <- check_scale_values(from, list(...))
  factor <- values$factor
  # Factors as they multiply lambda; glmnet's have a mean of 1 whatever is given.
  form <- from$read(values$numbers, n)
  if (is.null(form)) abort_no_penalty(from)
  if (!is.null(factor) && from$name == "glmnet") factor <- factor / mean(factor)
  if (!is.null(factor) && to$name == "glmnet") {
    form <- lapply(form, `*`, mean(factor))
    factor <- factor / mean(factor)
  }
  answer <- to$write(form$l1, form$l2, n)
  if (is.null(answer) || (!is.null(factor) && is.null(to$factor))) abort_no_penalty(to)
  if (anyNA(unlist(answer))) {
    abort("penalty", "The penalty is infinite, and has no numbers on other scales: the slopes would be 0.")
  }
  if (!is.null(factor)) answer[[to$factor]] <- factor
  answer
}

#' @rdname convert_penalty
#' @export
penalty_scales <- function() {
  column <- function(get, kind) vapply(penalty_scale_table, get, kind)
  shown_table(list(
    scale = names(penalty_scale_table), objective = column(function(s) s$objective, ""),
    parameters = column(scale_parameters, ""),
    needs_n = column(function(s) isTRUE(s$needs_n), NA),
    shrinks_intercept = column(function(s) isTRUE(s$shrinks_intercept), NA)))
}

# "C = 1, l1_ratio = 0"
scale_parameters <- function(row) {
  shown <- vapply(names(row$values), function(name) {
    default <- row$values[[name]]
    if (is.null(default)) name else sprintf("%s = %s", name, format(default))
  }, "")
  paste(c(shown, row$factor), collapse = ", ")
}

scale_row <- function(name, argument) {
  known <- names(penalty_scale_table)
  if (!is.character(name) || length(name) != 1L || !name %in% known) {
    hint <- if (is.character(name) && length(name) == 1L) hint_nearest(name, known) else ""
    abort("argument", sprintf("`%s` must be one of %s, not %s.%s", argument,
                              enumerate(known, 20L, "\""), describe_value(name), hint))
  }
  c(list(name = name), penalty_scale_table[[name]])
}

# The parameters of a scale, defaults filled in and of one length, and apart from them the factors.
check_scale_values <- function(row, given) {
  known <- c(names(row$values), row$factor)
  unknown <- setdiff(names(given), known)
  if (length(given) && (is.null(names(given)) || length(unknown) || anyDuplicated(names(given)))) {
    abort("argument", sprintf("The parameters of scale \"%s\" are %s, each given once by name.%s",
                              row$name, enumerate(known, 20L),
                              if (length(unknown)) hint_nearest(unknown[1L], known) else ""))
  }
  numbers <- row$values
  for (name in names(numbers)) {
    value <- given[[name]]
    if (is.null(value)) value <- numbers[[name]]
    if (is.null(value)) {
      abort("argument", sprintf("`%s` of scale \"%s\" is missing.", name, row$name))
    }
    most <- if (name %in% row$shares) 1 else Inf
    if (!is.numeric(value) || !length(value) || anyNA(value) || any(value < 0 | value > most)) {
      abort("penalty", sprintf("`%s` must be numbers from 0 to %g, not %s.", name, most,
                               describe_value(value)))
    }
    numbers[[name]] <- as.double(value)
  }
  length <- max(lengths(numbers))
  if (!all(lengths(numbers) %in% c(1L, length))) {
    abort("shape", sprintf("%s must have the same length, or length 1.",
                           enumerate(names(numbers))))
  }
  list(numbers = lapply(numbers, rep_len, length), factor = check_scale_factor(row, given))
}

check_scale_factor <- function(row, given) {
  factor <- if (!is.null(row$factor)) given[[row$factor]]
  if (is.null(factor)) return(NULL)
  if (!is.numeric(factor) || !all(is.finite(factor)) || any(factor < 0) || !any(factor > 0)) {
    abort("penalty", sprintf("`%s` must be finite numbers of at least 0, not all 0.", row$factor))
  }
  stats::setNames(as.double(factor), names(factor))
}

abort_no_penalty <- function(row) {
  abort("penalty", sprintf("Scale \"%s\" has no such penalty. It minimises %s.", row$name,
                           row$objective))
}

# The scales of the help page: a list, since a table of formulas is wider than a page of the printed manual.
rd_penalty_scales <- function() {
  table <- penalty_scales()
  c("@section Scales:",
    "L are the losses of the rows, w the slopes; a parameter with a default may be left out.", "",
    "\\describe{", sprintf("\\item{\\code{%s}}{minimises \\code{%s}; parameters \\code{%s}}", table$scale,
                           table$objective, table$parameters), "}")
}
