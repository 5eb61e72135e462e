# The scoring rule of a fit in other languages. scoring_rule() writes a fit as sums of terms: a term is
# a product of numeric expressions times a number for each combination of the levels of its factors.
# The writers (SQL, R, JSON) know no more of fits than that.

#' Export the scoring rule of a fit as SQL, R or JSON
#'
#' The rule that turns a row into scores, probabilities and a class, without this package.
#'
#' Numeric columns, factors, characters, logicals, their interactions, `offset()` terms, and
#' arithmetic, comparisons, `I()`, `log()`, `log2()`, `log10()`, `log1p()`, `exp()`, `sqrt()` and
#' `abs()` of numeric columns can be written. Terms that depend on the training data, as `poly()`,
#' `ns()` or `scale()`, are refused, and so are `factor(x)` inside the formula (make the factor a
#' column) and an `offset` argument. A level that training did not see, and a missing value, give
#' NULL (in R NA).
#'
#' Names and levels are quoted, with their quotes doubled, as standard SQL has it. (MySQL needs the modes
#' `ANSI_QUOTES` and `NO_BACKSLASH_ESCAPES`.) `EXP()`, `LN()` and `POWER()` must exist in the data base.
#'
#' @param object A fit made by [linclass()].
#' @param table Name of the table with the rows to score.
#' @param columns Names of the columns of the table that the result has; `NULL`: those that the rule
#'   reads.
#' @param type What is computed: `"prob"` (a column for each class, and the class), `"class"` or
#'   `"link"` (the scores).
#' @param ... Not used.
#' @return One string. `to_sql()`: a SELECT of `columns` and of `class`, the predicted class, or
#'   `prob_` or `score_` with the name of each class. `to_r()`: the text of a function
#'   of a data frame, which returns a data frame of the same columns. `to_json()`: an object with `levels`,
#'   `coding`, `loss`, and for each class with coefficients its terms; see the example. Errors:
#'   `linclass_error_export` says what cannot be written.
#' @seealso [predict.linclass()]
#' @concept deploy a model
#' @concept SQL scoring
#' @concept scoring code
#' @concept JSON
#' @concept production
#' @examples
#' fit <- linclass(am ~ wt * hp, mtcars)
#' cat(to_sql(fit, "cars"))
#' score <- eval(parse(text = to_r(fit)))
#' head(score(mtcars))
#' cat(to_json(fit))
#' @name export
NULL

#' @rdname export
#' @export
to_sql <- function(object, table = "data", type = c("prob", "class", "link"), columns = NULL,
                   ...) {
  check_no_dots(list(...), c("table", "type", "columns"))
  type <- match_choice(type)
  rule <- scoring_rule(object, type)
  k <- length(rule$levels)
  z <- sql_name(paste0("linclass_z", seq_len(k)))
  # Inner to outer: scores, the largest of them, powers of e (which cannot overflow), their sum.
  query <- sql_step(sql_name(table), vapply(seq_len(k), sql_score, "", rule = rule), z)
  class <- sql_class(rule, z)
  shown <- c(class = class)
  if (type == "link") shown <- stats::setNames(z, paste0("score_", rule$levels))
  if (type == "prob") {
    e <- sql_name(paste0("linclass_e", seq_len(k)))
    largest <- sql_name("linclass_m")
    query <- sql_step(sprintf("(%s) AS s1", query), sql_largest(z), largest)
    power <- sprintf("CASE WHEN %s - %s < -700 THEN 0.0 ELSE EXP(%s - %s) END", z, largest, z, largest)
    query <- sql_step(sprintf("(%s) AS s2", query), power, e)
    shown <- c(shown, stats::setNames(sprintf("%s / (%s)", e, paste(e, collapse = " + ")),
                                      paste0("prob_", rule$levels)))
  }
  if (is.null(columns)) columns <- rule$columns
  result <- c(sql_name(columns), paste(shown, "AS", sql_name(names(shown))))
  sprintf("SELECT %s\nFROM (%s) AS s3", paste(result, collapse = ",\n  "), query)
}

sql_step <- function(from, values, names) {
  sprintf("SELECT *, %s FROM %s", paste(values, "AS", names, collapse = ",\n  "), from)
}

sql_name <- function(name) paste0("\"", gsub("\"", "\"\"", name, fixed = TRUE), "\"", recycle0 = TRUE)
sql_text <- function(text) paste0("'", gsub("'", "''", text, fixed = TRUE), "'")

# All digits, and never an integer: 1 / 2 is 0 in SQL.
number_text <- function(x) {
  text <- sprintf("%.17g", x)
  ifelse(grepl("[.e]", text), text, paste0(text, ".0"))
}

sql_score <- function(c, rule) {
  # The score that is 0 by definition is unknown where the others are.
  if (c == 1L && rule$coding == "reference") return(sprintf("0.0 * (%s)", sql_score(2L, rule)))
  products <- vapply(rule$terms, function(term) {
    paste(c(sql_cells(term, c), vapply(term$numeric, sql_expression, "")), collapse = " * ")
  }, "")
  offsets <- if (c == 2L) vapply(rule$offsets, sql_expression, "")
  paste(c(number_text(rule$constant[c]), products, offsets), collapse = " + ")
}

sql_cells <- function(term, c) {
  value <- number_text(term$estimates[, c])
  value <- ifelse(startsWith(value, "-"), sprintf("(%s)", value), value)
  if (!length(term$factors)) return(value)
  conditions <- Map(function(name, levels) {
    if (term$logical[[name]]) return(paste0(ifelse(levels == "TRUE", "", "NOT "), sql_name(name)))
    paste(sql_name(name), "=", sql_text(levels))
  }, term$factors, term$cells)
  whens <- do.call(paste, c(unname(conditions), sep = " AND "))
  sprintf("CASE %s END", paste("WHEN", whens, "THEN", value, collapse = " "))
}

# R's calls as SQL; %1$s and %2$s are the arguments.
sql_calls <- c(
  "+" = "(%1$s + %2$s)", "-" = "(%1$s - %2$s)", "*" = "(%1$s * %2$s)",
  "/" = "(1.0 * %1$s / NULLIF(%2$s, 0))", "^" = "POWER(%1$s, %2$s)", "(" = "(%1$s)", I = "(%1$s)",
  log = "LN(%1$s)", log2 = "(LN(%1$s) / LN(2.0))", log10 = "(LN(%1$s) / LN(10.0))",
  log1p = "LN(1.0 + %1$s)", exp = "EXP(%1$s)", sqrt = "SQRT(%1$s)", abs = "ABS(%1$s)",
  "<" = "(CASE WHEN %1$s < %2$s THEN 1.0 WHEN %1$s >= %2$s THEN 0.0 END)",
  "<=" = "(CASE WHEN %1$s <= %2$s THEN 1.0 WHEN %1$s > %2$s THEN 0.0 END)",
  ">" = "(CASE WHEN %1$s > %2$s THEN 1.0 WHEN %1$s <= %2$s THEN 0.0 END)",
  ">=" = "(CASE WHEN %1$s >= %2$s THEN 1.0 WHEN %1$s < %2$s THEN 0.0 END)")

# Calls that take one argument only.
unary_calls <- c("(", "I", "log", "log2", "log10", "log1p", "exp", "sqrt", "abs")

sql_expression <- function(e) {
  if (is.name(e)) return(sql_name(as.character(e)))
  if (is.numeric(e)) return(number_text(e))
  arguments <- vapply(as.list(e)[-1L], sql_expression, "")
  name <- as.character(e[[1L]])
  if (name == "-" && length(arguments) == 1L) return(sprintf("(-%s)", arguments))
  if (name == "+" && length(arguments) == 1L) return(arguments)
  whole <- name == "^" && is.numeric(e[[3L]]) && e[[3L]] %in% 1:8
  if (whole) return(sprintf("(%s)", paste(rep(arguments[1L], e[[3L]]), collapse = " * ")))
  do.call(sprintf, c(list(sql_calls[[name]]), arguments))
}

sql_largest <- function(z) {
  whens <- vapply(seq_along(z)[-length(z)], function(c) {
    sprintf("WHEN %s THEN %s", paste(z[c], ">=", z[-c], collapse = " AND "), z[c])
  }, "")
  sprintf("CASE %s ELSE %s END", paste(whens, collapse = " "), z[length(z)])
}

# The first of the largest scores; NULL where they are unknown.
sql_class <- function(rule, z) {
  whens <- vapply(seq_along(z), function(c) {
    sprintf("WHEN %s THEN %s", paste(z[c], ">=", z[-c], collapse = " AND "), sql_text(rule$levels[c]))
  }, "")
  sprintf("CASE %s END", paste(whens, collapse = " "))
}

# --- R and JSON ---

#' @rdname export
#' @export
to_r <- function(object, type = c("prob", "class", "link"), ...) {
  check_no_dots(list(...), "type")
  type <- match_choice(type)
  rule <- scoring_rule(object, type)
  levels <- text_of(rule$levels)
  free <- if (rule$coding == "symmetric") seq_along(rule$levels) else seq_along(rule$levels)[-1L]
  terms <- vapply(rule$terms, r_term, "", free = free)
  constant <- sprintf("  z <- matrix(%s, nrow(data), %d, byrow = TRUE)", text_of(rule$constant[free]),
                      length(free))
  second <- match(2L, free)
  lines <- c(
    "function(data) {", constant, sprintf("  z <- z + %s", terms),
    sprintf("  z[, %d] <- z[, %d] + %s", second, second, vapply(rule$offsets, r_expression, "")),
    if (rule$coding != "symmetric") "  z <- cbind(0 * z[, 1], z)",
    sprintf("  levels <- %s", levels),
    "  best <- apply(z, 1, function(s) if (anyNA(s)) NA else which.max(s))",
    "  out <- data.frame(class = factor(levels[best], levels))",
    switch(type, prob = c("  e <- exp(z - apply(z, 1, max))", "  p <- e / rowSums(e)",
                          "  out[paste0(\"prob_\", levels)] <- as.data.frame(p)"),
           link = c("  out[paste0(\"score_\", levels)] <- as.data.frame(z)", "  out$class <- NULL"),
           class = NULL),
    "  out", "}")
  paste(lines, collapse = "\n")
}

# R text that gives the value back to the last bit.
text_of <- function(value) {
  if (is.character(value)) return(paste(deparse(unname(value), width.cutoff = 500L), collapse = "\n"))
  sprintf("c(%s)", paste(sprintf("%.17g", value), collapse = ", "))
}

r_column <- function(names) sprintf("data[[%s]]", vapply(names, text_of, ""))

r_expression <- function(e) {
  if (is.name(e)) return(r_column(as.character(e)))
  if (is.numeric(e)) return(sprintf("%.17g", e))
  arguments <- vapply(as.list(e)[-1L], r_expression, "")
  name <- as.character(e[[1L]])
  if (name %in% unary_calls) return(sprintf("%s(%s)", if (name == "(") "" else name, arguments))
  if (length(arguments) == 1L) return(sprintf("(%s%s)", name, arguments))
  sprintf("(%s %s %s)", arguments[1L], name, arguments[2L])
}

r_term <- function(term, free) {
  product <- paste(vapply(term$numeric, r_expression, ""), collapse = " * ")
  estimates <- sprintf("matrix(%s, ncol = %d)", text_of(as.vector(term$estimates[, free])), length(free))
  if (!length(term$factors)) {
    return(sprintf("outer(%s, %s[1, ])", product, estimates))
  }
  sizes <- cumprod(c(1L, vapply(term$levels, length, 1L)))
  place <- sprintf("%d * (match(as.character(%s), %s) - 1)", sizes[-length(sizes)],
                   r_column(term$factors), vapply(term$levels, text_of, ""))
  row <- sprintf("%s[1 + %s, , drop = FALSE]", estimates, paste(place, collapse = " + "))
  if (length(term$numeric)) sprintf("%s * (%s)", row, product) else row
}

#' @rdname export
#' @export
to_json <- function(object, ...) {
  check_no_dots(list(...), character())
  rule <- scoring_rule(object, "link")
  terms <- lapply(rule$terms, function(term) {
    list(numeric = lapply(term$numeric, json_expression), factors = as.list(term$factors),
         levels = lapply(term$levels, as.list),
         estimates = lapply(seq_along(rule$levels), function(c) as.list(term$estimates[, c])))
  })
  json(list(format = "linclass scoring rule", version = 1, loss = object$loss,
            coding = rule$coding, levels = as.list(rule$levels), constant = as.list(unname(rule$constant)),
            offsets = lapply(rule$offsets, json_expression), terms = terms))
}

json_expression <- function(e) {
  if (is.name(e)) return(list(column = as.character(e)))
  if (is.numeric(e)) return(list(number = e))
  list(call = as.character(e[[1L]]), arguments = lapply(as.list(e)[-1L], json_expression))
}

# Lists with names are objects, those without are arrays.
json <- function(value) {
  if (is.character(value)) return(json_text(value))
  if (is.numeric(value)) return(sprintf("%.17g", value))
  if (!length(value)) return("[]")
  parts <- vapply(value, json, "")
  if (is.null(names(value))) return(sprintf("[%s]", paste(parts, collapse = ", ")))
  sprintf("{%s}", paste0(json_text(names(value)), ": ", parts, collapse = ", "))
}

json_text <- function(text) {
  text <- gsub("\"", "\\\"", gsub("\\", "\\\\", enc2utf8(text), fixed = TRUE), fixed = TRUE)
  for (code in 1:31) {
    text <- gsub(intToUtf8(code), sprintf("\\u%04x", code), text, fixed = TRUE)
  }
  paste0("\"", text, "\"")
}

# --- The rule ---

# list(levels, coding, columns, constant (one for each class), offsets (expressions, added to the second
# class), terms = list(numeric expressions, factors, levels of each, cells, estimates: cells x classes)).
scoring_rule <- function(object, type) {
  if (!inherits(object, "linclass")) cannot_export("it takes a fit of linclass(), with one `lambda`")
  check_object(object)
  check_probability(object, type)
  W <- stats::coef(object, format = "matrix")
  W[is.na(W)] <- 0
  if (nrow(W) < object$k) W <- rbind(matrix(0, 1L, ncol(W)), W)
  if (object$blueprint$offset == "argument") {
    cannot_export("the fit had an `offset` argument; use an offset() term of the formula")
  }
  coding <- switch(object$coding, vector = "reference", ovr = "symmetric", object$coding)
  rule <- list(levels = object$levels, coding = coding,
               constant = if (object$intercept) W[, 1L] else rep(0, object$k))
  slopes <- if (object$intercept) W[, -1L, drop = FALSE] else W
  c(rule, if (is.null(object$terms)) matrix_rule(object, slopes) else formula_rule(object, slopes))
}

cannot_export <- function(why) {
  abort("export", sprintf("The scoring rule cannot be written: %s.", why))
}

matrix_rule <- function(object, slopes) {
  if (!object$blueprint$named) cannot_export("the columns of the fit have no names")
  terms <- lapply(seq_along(object$blueprint$names), function(j) {
    list(numeric = list(as.name(object$blueprint$names[j])), estimates = t(slopes[, j]))
  })
  list(columns = object$blueprint$names, offsets = list(), terms = terms)
}

formula_rule <- function(object, slopes) {
  if (anyNA(unlist(object$blueprint$xlevels))) cannot_export("NA is a level of a factor")
  terms <- with_pattern(without_response(object$terms))
  if (is.null(terms)) cannot_export("the formula has too many terms; fit a matrix with named columns")
  variables <- as.list(attr(terms, "variables"))[-1L]
  names(variables) <- variable_names(attr(terms, "variables"))
  offsets <- variables[attr(terms, "offset")]
  if (length(offsets) && object$k > 2L) cannot_export("it has an offset for more than two classes")
  factors <- attr(terms, "factors")
  parts <- lapply(seq_along(attr(terms, "term.labels")), function(t) {
    term_rule(object, terms, variables, names(variables)[factors[, t] > 0], t, slopes)
  })
  list(columns = object$blueprint$variables, terms = parts,
       offsets = unname(lapply(offsets, function(e) checked_expression(e[[2L]], object))))
}

max_cells <- 10000L

# The term's columns at every combination of its factors' levels, numeric variables being 1.
term_rule <- function(object, terms, variables, used, t, slopes) {
  class <- attr(terms, "dataClasses")
  levels <- lapply(stats::setNames(nm = used), variable_values, object = object, classes = class)
  factors <- used[!vapply(levels, is.null, NA)]
  wrapped <- !vapply(variables[factors], is.name, NA)
  if (any(wrapped)) {
    cannot_export(sprintf("`%s` is made inside the formula; make it a column", factors[wrapped][1L]))
  }
  if (prod(lengths(levels[factors])) > max_cells) {
    cannot_export(sprintf("the factors of term %d have more than %d combinations", t, max_cells))
  }
  numeric <- unname(lapply(variables[setdiff(used, factors)], checked_expression, object))
  if (!length(factors)) { # a product of numbers is one column, named as its term
    return(list(numeric = numeric, factors = character(), levels = list(), cells = list(), logical = list(),
                estimates = unname(t(slopes[, attr(terms, "term.labels")[t], drop = FALSE]))))
  }
  cells <- expand.grid(levels[factors], stringsAsFactors = FALSE, KEEP.OUT.ATTRS = FALSE)
  X <- grid_matrix(object, terms, variables, cells)
  at <- attr(X, "assign") == t
  list(numeric = numeric, factors = factors, levels = levels[factors], cells = as.list(cells),
       logical = as.list(class[factors] == "logical"),
       estimates = unname(X[, at, drop = FALSE] %*% t(slopes[, colnames(X)[at], drop = FALSE])))
}

# The levels of a factor, NULL for numbers.
variable_values <- function(name, object, classes) {
  switch(classes[[name]], factor = , ordered = , character = object$blueprint$xlevels[[name]],
         logical = c("FALSE", "TRUE"), numeric = NULL,
         cannot_export(sprintf("`%s` depends on the training data or has several columns", name)))
}

grid_matrix <- function(object, terms, variables, cells) {
  classes <- attr(terms, "dataClasses")
  n <- max(1L, NROW(cells))
  frame <- lapply(stats::setNames(nm = names(variables)), function(name) {
    if (is.na(classes[name]) || classes[[name]] == "numeric") return(rep(1, n))
    if (startsWith(classes[[name]], "nmatrix")) {
      return(matrix(1, n, as.integer(sub("nmatrix.", "", classes[[name]], fixed = TRUE))))
    }
    values <- variable_values(name, object, classes)
    value <- if (name %in% names(cells)) cells[[name]] else rep(values[1L], n)
    if (classes[[name]] == "logical") return(value == "TRUE")
    factor(value, levels = values, ordered = classes[[name]] == "ordered")
  })
  frame <- structure(frame, class = "data.frame", row.names = .set_row_names(n), terms = terms)
  stats::model.matrix(terms, frame, contrasts.arg = object$blueprint$contrasts)
}

# An expression of columns and numbers in calls that other languages have; constants that the formula
# names become numbers.
checked_expression <- function(e, object) {
  home <- attr(object$terms, ".Environment")
  if (is.numeric(e) && length(e) == 1L) return(as.double(e))
  if (is.name(e)) {
    name <- as.character(e)
    if (name %in% object$blueprint$variables) return(e)
    value <- get0(name, envir = home, mode = "numeric")
    if (length(value) == 1L) return(as.double(value))
    cannot_export(sprintf("`%s` is neither a column nor a number", name))
  }
  name <- if (is.call(e) && is.name(e[[1L]])) as.character(e[[1L]]) else "a call"
  arity <- length(e) - 1L
  fits <- arity == (if (name %in% unary_calls) 1L else 2L) || (name %in% c("+", "-") && arity == 1L)
  if (!name %in% names(sql_calls) || !fits || exists(name, envir = home, inherits = FALSE)) {
    cannot_export(sprintf("`%s` depends on the training data or is not known outside R", deparse1(e)))
  }
  as.call(c(e[[1L]], lapply(as.list(e)[-1L], checked_expression, object)))
}
