# The tables of losses, solvers, control fields and statuses live in C; R reads each once a session.

cache <- new.env(parent = emptyenv())

cached <- function(key, value) {
  if (is.null(cache[[key]])) cache[[key]] <- value
  cache[[key]]
}

loss_table <- function() cached("losses", .Call(lcr_losses))
solver_table <- function() cached("solvers", .Call(lcr_solvers))
control_table <- function() cached("controls", .Call(lcr_controls))

# One row of a table (a list of equal-length vectors) as a list.
table_row <- function(table, name) {
  lapply(table, function(column) column[[match(name, table$name)]])
}

loss_row <- function(name) table_row(loss_table(), name)
solver_row <- function(name) table_row(solver_table(), name)

#' Available losses and solvers
#'
#' The losses and solvers that `loss =` and `solver =` of [linclass()] can name, with their properties.
#'
#' With true class y and scores z the loss of one row is, for each name,
#' * `logistic` (two classes, z the score of the second level):
#'   `log(1 + exp(-z))` if y is the second level, else `log(1 + exp(z))`;
#' * `softmax`: `log(sum(exp(z))) - z[y]`;
#' * `perceptron`: the sum over the other classes j of `max(0, z[j] - z[y])`;
#' * `hinge`: the same with `max(0, z[j] - z[y] + 1)`;
#' * `squared_hinge`: the same with `max(0, z[j] - z[y] + 1)^2`;
#' * `huber_hinge`: the same with `u^2 / 2` for `u = max(0, z[j] - z[y] + 1)` up to 1, then `u - 1/2`: smooth as
#'   the squared hinge, but an outlier pulls no harder than on the hinge;
#' * `crammer_singer`: the largest `max(0, z[j] - z[y] + 1)` in place of the sum.
#'
#' With two classes a margin loss has a single score, that of the second level, and is a function of
#' `max(0, m - s z)`, with `s` = 1 for the second level and -1 for the
#' first, and `m` = 0 for the perceptron and 1 otherwise. So it is for each class with `coding = "ovr"`
#' of [linclass()], where the losses of the classes are added.
#'
#' @return `linclass_losses()`: a data frame with columns `name`; `title`; `max_classes`, the
#'   largest number of classes; `vector_form`, whether two classes may have one score;
#'   `probability`, whether the loss defines probabilities;
#'   `likelihood`, whether it is minus a log-likelihood; `smooth`, whether its gradient is
#'   continuous; `smoothed`, whether solvers of smooth losses fit it through smooth versions; `ramps`,
#'   whether it is a sum of terms `max(0, z[j] - z[y] + 1)`, for which there are solvers of their own;
#'   `largest_ramp`, whether it is the largest of them; `curvature`, whether it has a Hessian;
#'   `convex_gap`, whether a fit can report a duality gap.
#'
#'   `linclass_solvers()`: a data frame with columns `name`; `title`; `smooth_only`, whether only
#'   smooth losses and smoothed ones can be fitted; `ramps_only`, whether only losses with `ramps`;
#'   `largest_ramp`, whether also those with `largest_ramp`; `ridge_only`, whether every slope must
#'   have a ridge penalty; `sparse_only`, whether only sparse matrices; `l1`, whether lasso and
#'   elastic net can; `groups`, whether with `grouped = TRUE`; `bounds`, whether bounds can;
#'   `random`, whether it draws from R's random
#'   number generator; `steps_as_given`, whether its path depends on how the coefficients are
#'   written (see Coding in [linclass()]); `options`, the names of the options of [solver()].
#'
#'   Both are printed as a table of what is yes or no, and a text for each row; they are used as any
#'   data frame.
#' @seealso [linclass()], [solver()]
#' @examples
#' linclass_losses()
#' linclass_solvers()
#' @concept hinge loss
#' @concept logistic loss
#' @concept cross-entropy
#' @concept log loss
#' @concept squared hinge
#' @concept solver list
#' @export
linclass_losses <- function() {
  shown_table(loss_table())
}

#' @rdname linclass_losses
#' @export
linclass_solvers <- function() {
  table <- solver_table()
  table$options <- vapply(table$options, function(o) paste(o$name, collapse = ", "), "")
  shown_table(table)
}

shown_table <- function(table) {
  table <- as.data.frame(table, row.names = seq_along(table[[1L]]), stringsAsFactors = FALSE)
  structure(table, class = c("linclass_table", class(table)))
}

# What is yes or no, or a number, as a table as narrow as it can be; then the texts, a few lines each.
#' @export
print.linclass_table <- function(x, ...) {
  key <- intersect(c("name", "scale"), names(x))
  if (length(key) != 1L || !nrow(x)) return(NextMethod())
  texts <- setdiff(names(x)[vapply(x, is.character, NA)], key)
  facts <- setdiff(names(x), c(key, texts))
  if (length(facts)) {
    shown <- vapply(x[facts], function(v) {
      if (is.logical(v)) ifelse(v, "yes", "-") else format(v, trim = TRUE)
    }, character(nrow(x)))
    shown <- matrix(shown, nrow(x), dimnames = list(x[[key]], facts))
    across <- sum(nchar(x[[key]]) + 1L) + max(nchar(facts)) <= line_width()
    print(if (across) t(shown) else shown, quote = FALSE, right = TRUE)
    cat("\n")
  }
  if (length(texts)) {
    lines <- lapply(seq_len(nrow(x)), function(i) {
      row <- unlist(x[i, texts])
      row <- row[!is.na(row) & row != ""]
      paste0(ifelse(names(row) %in% c("title", "objective"), "", paste0(names(row), ": ")), row, collapse = "; ")
    })
    writeLines(field_lines(stats::setNames(lines, x[[key]])))
  }
  invisible(x)
}

# Checks values given by name against one table of fields and returns them as doubles.
check_fields <- function(values, fields, topic, what) {
  if (!length(values)) return(list())
  name <- names(values)
  if (is.null(name) || any(name == "")) {
    abort(topic, sprintf("Every value given to %s must be named.", what))
  }
  if (anyDuplicated(name)) {
    abort(topic, sprintf("`%s` was given twice to %s.", name[duplicated(name)][1L], what))
  }
  unknown <- setdiff(name, fields$name)
  if (length(unknown)) {
    known <- if (length(fields$name)) enumerate(fields$name, 20L) else "none"
    abort(topic, sprintf("%s has no option `%s`.%s Options: %s.", what, unknown[1L],
                         hint_nearest(unknown[1L], fields$name), known), argument = unknown[1L])
  }
  Map(function(value, at) check_field(value, fields, at, topic, what),
      values, match(name, fields$name))
}

check_field <- function(value, fields, at, topic, what) {
  name <- fields$name[[at]]
  lower <- fields$lower[[at]]
  upper <- fields$upper[[at]]
  whole <- fields$integer[[at]]
  words <- field_words(fields, at)
  if (length(words) && is.character(value)) return(word_value(value, words, name, topic, what))
  # NA means "the solver's own value" exactly where the table's default is NA.
  if (is.atomic(value) && length(value) == 1L && is.na(value) && !is.nan(value) && is.na(fields$default[[at]])) {
    return(NA_real_)
  }
  good <- (is.numeric(value) || is.logical(value)) && length(value) == 1L && !is.na(value) &&
    value >= lower && value <= upper && (!whole || is.infinite(value) || value == floor(value))
  if (!good) {
    abort(topic, sprintf("`%s` of %s must be one %s from %s to %s, not %s.", name, what,
                         if (whole) "whole number" else "number", format(lower), format(upper),
                         describe_value(value)), argument = name)
  }
  as.double(value)
}

# The names of the values 0, 1, ... of a field that has some.
field_words <- function(fields, at) strsplit(fields$words[[at]], " ", fixed = TRUE)[[1L]]

word_value <- function(value, words, name, topic, what) {
  if (length(value) != 1L || !value %in% words) {
    abort(topic, sprintf("`%s` of %s must be %s, not %s.", name, what, choices(words), describe_value(value)),
          argument = name)
  }
  as.double(match(value, words) - 1L)
}

describe_value <- function(value) {
  if (is.null(value)) return("NULL")
  if (is.atomic(value) && length(value) == 1L) {
    shown <- if (is.character(value) && !is.na(value)) dQuote(value, FALSE) else format(value, digits = 15L)
    return(if (inherits(value, "integer64")) paste("integer64", shown) else shown)
  }
  sprintf("%s of length %d", class(value)[1L], length(value))
}

# Rd items of a table of fields, for @eval in the help pages.
rd_fields <- function(fields) {
  range <- sprintf("%s to %s", vapply(fields$lower, format, ""), vapply(fields$upper, format, ""))
  default <- vapply(fields$default, function(d) if (is.na(d)) "chosen by the solver" else format(d),
                    "")
  words <- lapply(seq_along(fields$name), field_words, fields = fields)
  named <- lengths(words) > 0L
  range[named] <- vapply(words[named], function(w) choices(w), "")
  default[named] <- vapply(which(named), function(i) dQuote(words[[i]][fields$default[[i]] + 1L], FALSE), "")
  kind <- ifelse(unlist(fields$integer) & !named, "whole number, ", "")
  sprintf("\\item{\\code{%s}}{%s (%s%s; default %s)}", fields$name,
          gsub("%", "\\\\%", rd_text(fields$help)), kind, range, default)
}

rd_controls <- function() {
  c("@section Fields:", "\\describe{", rd_fields(control_table()), "}")
}

rd_solvers <- function() {
  table <- solver_table()
  section <- function(i) {
    fields <- table$options[[i]]
    body <- if (length(fields$name)) c("\\describe{", rd_fields(fields), "}") else "No options."
    c(sprintf("\\strong{%s}: %s.", table$name[[i]], table$title[[i]]), "", body, "")
  }
  c("@section Solvers and their options:", unlist(lapply(seq_along(table$name), section)))
}
