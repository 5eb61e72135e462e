# Classed conditions. Every error, warning and message of the package passes through abort(),
# warn() or inform() with a topic of the one table below; the help page is made from that table.

condition_topics <- list(
  error = c(
    unused_argument = "An argument has a name that the function does not know.",
    argument = "An argument has the wrong type, length or value (where no other class applies).",
    type = "`x` is not something that holds numbers: character matrix, factor column, list.",
    names = "Column names of `x` are duplicated, empty, missing or reserved.",
    shape = "Lengths or dimensions do not fit together.",
    no_rows = "There are no rows to fit (none given, or none left after missing values went).",
    missing = "`x` or `y` has missing values (NA, NaN) where none are allowed.",
    nonfinite = "`x` has infinite values.",
    sparse = "The slots of a sparse matrix contradict each other.",
    response = "`y` cannot be read as classes, or has too many classes for the loss.",
    one_class = "Fewer than two classes are left.",
    weights = "`weights` or `class_weights` are negative, missing, infinite, zero or misnamed.",
    offset = "An offset is not finite, of the wrong shape, or absent at prediction.",
    penalty = "`lambda`, `alpha` or `penalty_factor` is out of range, or the loss has no penalty.",
    bounds = "`lower` and `upper` contradict each other, or the solver takes no bounds.",
    coding = "`coding` is unknown, or asked for where there is only one score.",
    loss = "The loss is unknown.",
    solver = "The solver or one of its options is unknown, or cannot treat this problem.",
    control = "A field of `linclass_control()` is unknown or out of range.",
    formula = "The formula cannot be evaluated, or has no response.",
    source = "A source of rows (see [row_source()]) failed, gave other rows in a later pass, or cannot do this.",
    shards = paste("A worker of a cluster cannot load or use a shard of rows (see [row_shards()]), it has changed, or",
                   "an answer is not that to the question."),
    worker_lost = "A worker of a cluster was lost, and what it held cannot be loaded by another one.",
    folds = "`folds`, `foldid` or `repeats` make no folds, or a fold holds all rows of a class.",
    metric = "A metric is unknown, returns no number, or has no value in any fold.",
    data = "The training data are needed again and cannot be found, or have changed.",
    newdata = "`newdata` lacks a column, or a column has another type than in training.",
    new_level = "A factor in `newdata` has levels that training did not see.",
    no_probability = "Probabilities were requested for a loss that does not define them.",
    no_likelihood = "A likelihood-based quantity was requested for a fit that is not a maximum-likelihood fit.",
    no_vcov = "Standard errors were requested for a fit that has none.",
    export = "The scoring rule of a fit cannot be written in another language.",
    no_hessian = "A Hessian was requested for a loss that has none.",
    version = "The object was made by another version, or lacks a part that is needed.",
    memory = "The memory needed could not be had.",
    numeric = "The arithmetic overflowed and no usable result exists.",
    internal = "The C code refused its input: a fault of the package, please report it."
  ),
  warning = c(
    empty_level = "A level of `y` has no rows (or only rows of weight 0) and was dropped.",
    weights = "The weights differ so much that the lightest rows cannot matter.",
    not_converged = "The solver stopped before its certificate met the tolerance.",
    incomplete = "A path stopped before its last `lambda`; it holds the points that were finished.",
    rare_class = "A class has fewer rows than there are folds.",
    diverged = "The objective grew without bound; the best iterate is returned.",
    separation = "Some classes are separated by the features: no finite maximum likelihood exists.",
    rank = "Columns are linear combinations of others; their coefficients are NA.",
    ill_conditioned = "The problem is nearly rank-deficient; few digits of the result are certain.",
    rank_deficient = paste("Rows were predicted that the data of a fit with aliased columns do not",
                           "determine."),
    rows = "A formula was compared on fewer rows than the fit has, for its variables have NA.",
    range = "A variance is too large or too small for a number, and NA.",
    underdetermined = "There are more coefficients than rows and no penalty.",
    nonfinite = "Predictions of some rows are not defined, because `newdata` is infinite there.",
    contrasts = "Contrasts that were given are not used, because no factor of the formula fits them.",
    worker_lost = "A worker of a cluster was lost; the others loaded what it held.",
    slow_cluster = "A message to the workers of a cluster and back takes 40 milliseconds or more.",
    dependent_rows = "A term is computed from all rows together, so predictions depend on other rows."
  ),
  message = c(
    copy = "Rows of a source are copied to a file: where, and how large.",
    level_order = "The levels that were made from a character response, in order.",
    ordered = "An ordered response is treated as nominal.",
    left_out = "Some pictures are not drawn.",
    outside_path = "`s` is outside the path; its nearest end is used.",
    unnamed_newdata = "Columns of `newdata` have no names and were matched by position.",
    trace = "A line of the history of a fit, with `trace = TRUE` in [linclass_control()]."
  )
)

new_condition <- function(kind, topic, message, fields, call) {
  class <- c(sprintf("linclass_%s_%s", kind, topic), paste0("linclass_", kind), kind, "condition")
  structure(class = class, c(list(message = message, call = call), fields))
}

abort <- function(topic, message, ..., call = NULL) {
  stop(new_condition("error", topic, message, list(...), call))
}

warn <- function(topic, message, ..., call = NULL) {
  warning(new_condition("warning", topic, message, list(...), call))
}

inform <- function(topic, message, ..., call = NULL) {
  message(new_condition("message", topic, paste0(message, "\n"), list(...), call))
}

# match.arg() with a classed error.
match_choice <- function(value) {
  name <- as.character(substitute(value))
  allowed <- eval(formals(sys.function(sys.parent()))[[name]])
  if (is.null(value) || identical(value, allowed)) return(allowed[[1L]])
  found <- if (is.character(value) && length(value) == 1L && !is.na(value)) pmatch(value, allowed)
  if (length(found) && !is.na(found)) return(allowed[[found]])
  hint <- if (name == "type") hint_neighbour(value, neighbour_types, " Here it is %s.") else ""
  abort("argument", sprintf("`%s` must be %s, not %s.%s", name, choices(allowed),
                            describe_value(value), hint), argument = name)
}

# "a, b, c and 4 more": long lists of names or row numbers stay readable.
enumerate <- function(x, max = 5L, quote = "`", word = "and") {
  shown <- paste0(quote, utils::head(x, max), quote)
  more <- length(x) - length(shown)
  if (more > 0) return(sprintf("%s and %d more", paste(shown, collapse = ", "), more))
  if (length(shown) < 2L) return(paste(shown))
  paste(paste(utils::head(shown, -1L), collapse = ", "), word, utils::tail(shown, 1L))
}

# "a, b or c": what may be chosen.
choices <- function(x, quote = "\"") enumerate(x, 20L, quote, "or")

# "column `a`", "columns `a` and `b`".
named <- function(noun, names, max = 5L, quote = "`") {
  paste0(noun, if (length(names) != 1L) if (endsWith(noun, "s")) "es" else "s", " ",
         enumerate(names, max, quote))
}

# "row 4", "rows 4, 5 and 9": where the trouble is.
in_rows <- function(rows) named("row", rows, quote = "")

# "1 row", "3 rows".
plural <- function(n, noun) sprintf("%s %s%s", format(n), noun, if (n == 1) "" else "s")

# "Class "a" has", "Classes "a" and "b" have".
subject <- function(one, several, names, has, have) {
  single <- length(names) == 1L
  paste(if (single) one else several, enumerate(names, quote = "\""), if (single) has else have)
}

# The valid name that a misspelt one most resembles, or NULL.
nearest <- function(name, valid) {
  if (!length(valid)) return(NULL)
  distance <- drop(utils::adist(tolower(name), tolower(valid)))
  starts <- startsWith(valid, name)
  if (any(starts)) return(valid[starts][1L])
  # Letters in another order count as one mistake.
  letters <- function(words) vapply(strsplit(tolower(words), ""), function(l) paste(sort(l), collapse = ""), "")
  distance[letters(valid) == letters(name)] <- 1
  if (min(distance) <= max(1, nchar(name) %/% 3)) valid[which.min(distance)]
}

hint_nearest <- function(name, valid) {
  near <- if (is.character(name) && length(name) == 1L && !is.na(name)) nearest(name, valid)
  if (is.null(near)) "" else sprintf(" Did you mean `%s`?", near)
}

# `...` of a method exists only to catch misspelt arguments; nothing in it is evaluated.
check_no_dots <- function(dots, valid, hints = character()) {
  if (!length(dots)) return(invisible())
  name <- names(dots)
  if (is.null(name)) name <- rep("", length(dots))
  if (any(name == "")) {
    abort("unused_argument", sprintf(
      "Unnamed argument `%s` is not used: arguments after the data must be named.",
      substr(deparse1(dots[[which(name == "")[1L]]]), 1L, 40L)), argument = "")
  }
  hint <- if (name[1L] %in% names(hints)) hints[[name[1L]]] else
    hint_neighbour(name[1L], neighbour_arguments)
  if (hint == "") hint <- hint_nearest(name[1L], valid)
  abort("unused_argument", sprintf("Unknown argument `%s`.%s", name[1L], hint),
        argument = name[1L])
}

# The same for methods of generics that other packages call with arguments of their own (`se.fit`,
# `misc`): these are let pass, and misspelt ones are not.
check_foreign_dots <- function(dots, valid, hints = character()) {
  names <- names(dots)
  if (is.null(names)) names <- rep("", length(dots))
  known <- vapply(names, function(name) {
    name == "" || name %in% names(hints) || !is.null(nearest(name, valid))
  }, NA)
  check_no_dots(dots[known], valid, hints)
}

# Arguments of other packages' covariance matrices.
robust_hints <- local({
  where <- paste(" This is the inverse information. Package sandwich has others:",
                 "vcovHC(fit, type = ), vcovCL(fit, cluster = ).")
  list(type = where, cluster = where, sandwich = where, robust = where, stderr = where, vcov = where, vcov. = where)
})

# The \itemize lists of the help page.
rd_conditions <- function() {
  section <- function(kind) {
    topics <- condition_topics[[kind]]
    items <- sprintf("  \\item \\code{linclass_%s_%s}: %s", kind, names(topics), rd_text(topics))
    c(sprintf("@section Classes of %ss:", kind), "\\itemize{", items, "}")
  }
  unlist(lapply(names(condition_topics), section))
}

rd_text <- function(text) gsub("`([^`]*)`", "\\\\code{\\1}", text)

#' Classes of errors, warnings and messages
#'
#' Every condition that the package raises has a class of its own, so that programs can react to
#' the kind of trouble instead of to its wording. Errors inherit from `linclass_error`, warnings
#' from `linclass_warning`, messages from `linclass_message`, and each from the usual R classes.
#' Bad input is refused before any work is done. An interrupted fit signals a condition of classes
#' `linclass_interrupt` and `interrupt`, whose field `fit` holds the fit so far.
#'
#' @concept error class
#' @concept warning class
#' @concept interrupt
#' @concept tryCatch
#' @concept complete separation
#' @concept perfect separation
#' @concept convergence warning
#' @name linclass_conditions
#' @eval rd_conditions()
#' @examples
#' # react to one kind of trouble: fit with a small ridge penalty where the classes are separated
#' fit <- tryCatch(
#'   linclass(Species ~ ., iris),
#'   linclass_warning_separation = function(w) linclass(Species ~ ., iris, lambda = 0.01, alpha = 0)
#' )
#' fit$lambda
#'
#' try(linclass(Species ~ ., iris, lamda = 0.1))
NULL
