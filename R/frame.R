# The model frame of a formula: its variables and the other arguments that are evaluated in data, each
# evaluated once and in the order of model.frame(), so that random numbers go as in glm(). Variables
# are told by their position, never by the text of a term.

# A formula, a string or a call as a formula that has an environment.
as_formula <- function(formula, env) {
  given <- formula
  if (is.character(formula) && length(formula) == 1L) {
    formula <- tryCatch(str2lang(formula), error = function(e) NULL)
  }
  if (!is.call(formula) || !identical(formula[[1L]], quote(`~`))) {
    if (!is.character(given) && !is.language(given)) as_numbers(given, "type")
    abort("formula", sprintf("%s is not a formula: write `class ~ features`.",
                             substr(deparse1(given), 1L, 60L)))
  }
  if (!inherits(formula, "formula")) formula <- eval(formula, env)
  if (is.null(environment(formula))) environment(formula) <- env
  if (length(formula) < 3L) {
    abort("formula", "The formula has no response: write `class ~ features`.")
  }
  refuse_bars(formula[[3L]])
  formula
}

# `(1 | g)` of mixed models would be a logical column.
refuse_bars <- function(expr) {
  while (is.call(expr) && as.character(expr[[1L]])[1L] %in% c("+", "-", "*", ":", "/", "(", "^", "%in%")) {
    if (length(expr) == 3L) refuse_bars(expr[[3L]])
    expr <- expr[[2L]]
  }
  if (is.call(expr) && as.character(expr[[1L]])[1L] %in% c("|", "||")) {
    abort("formula", sprintf(paste(
      "`(%s)` asks for random effects, which are not fitted. Use the grouping factor itself, with a",
      "ridge penalty where it has many levels; a logical column is I(a | b)."),
      deparse_variable(expr, TRUE)))
  }
}

# terms(), but without its pattern of variables x terms where a plain sum is so wide that the pattern
# would be most of the fit. It then has the attribute `at` instead: the variable of each term.
model_terms <- function(formula, data) {
  columns <- if (is.data.frame(data)) names(data)
  sum <- summands(formula[[3L]])
  size <- length(sum) + if (any(vapply(sum, function(s) identical(s$expr, quote(.)), NA))) length(columns) else 0L
  terms <- if (size > wide_sum) sum_terms(formula, sum, columns)
  if (is.null(terms)) {
    terms <- tryCatch(terms(formula, data = if (is.data.frame(data)) data), error = refuse_formula)
  }
  response <- deparse_variable(formula[[2L]], TRUE)
  if (response %in% attr(terms, "term.labels")) {
    abort("formula", sprintf("The response `%s` stands on the right of the formula too: drop it there.", response))
  }
  terms
}

wide_sum <- 256L

refuse_formula <- function(e) {
  abort("formula", paste("The formula cannot be evaluated:", conditionMessage(e)), parent = e)
}

# a + b - c as list(list(expr = a, sign = "+"), ...). A loop, because sums nest as deep as they are long.
summands <- function(expr) {
  found <- list()
  while (is.call(expr)) {
    head <- as.character(expr[[1L]])[1L]
    if (!head %in% c("+", "-", "(") || (head == "(" && !is.call(expr[[2L]]))) break
    if (head != "(") found[[length(found) + 1L]] <- list(expr = expr[[length(expr)]], sign = head)
    expr <- if (length(expr) == 3L || head == "(") expr[[2L]]
  }
  if (!is.null(expr)) found[[length(found) + 1L]] <- list(expr = expr, sign = "+")
  rev(found)
}

operators <- c("+", "-", "*", "/", ":", "^", "%in%", "(", "~")

# The terms of a sum of variables; NULL where something else is in it.
sum_terms <- function(formula, sum, columns) {
  dots <- lapply(setdiff(columns, all.vars(formula[[2L]])), as.name)
  parts <- lapply(sum, function(s) {
    expr <- s$expr
    if (identical(expr, quote(.))) return(list(exprs = dots, sign = s$sign))
    constant <- is.numeric(expr) && length(expr) == 1L && expr %in% 0:1
    head <- if (is.call(expr)) as.character(expr[[1L]])[1L] else ""
    plain <- is.name(expr) || (is.call(expr) && !head %in% operators)
    if (!constant && (!plain || (head == "offset" && s$sign == "-"))) return(NULL)
    list(exprs = list(expr), sign = s$sign)
  })
  if (any(vapply(parts, is.null, NA))) return(NULL)
  exprs <- unlist(lapply(parts, `[[`, "exprs"), recursive = FALSE)
  added <- rep(vapply(parts, `[[`, "", "sign") == "+", lengths(lapply(parts, `[[`, "exprs")))
  constant <- vapply(exprs, is.numeric, NA)
  ones <- (unlist(exprs[constant]) == 1) == added[constant]
  exprs <- exprs[!constant]
  added <- added[!constant]
  labels <- variable_labels(c(list(NULL), formula[[2L]], exprs))
  first <- !duplicated(labels)
  of <- match(labels, labels[first])
  # The last mention of a variable says whether it is a term.
  last <- !duplicated(of[-1L], fromLast = TRUE)
  offset <- vapply(exprs, function(e) is.call(e) && identical(e[[1L]], quote(offset)), NA)
  at <- sort(unique(of[-1L][last & added & !offset]))
  structure(formula, variables = as.call(c(quote(list), c(list(formula[[2L]]), exprs)[first])),
            offset = if (any(offset)) sort(unique(of[-1L][offset])), term.labels = labels[first][at],
            order = rep(1L, length(at)), intercept = as.integer(c(TRUE, ones)[length(ones) + 1L]),
            response = 1L, at = at, .Environment = environment(formula), class = c("terms", "formula"))
}

# The pattern of variables x terms that model_terms() leaves out of wide sums, for those who read it; NULL beyond a
# size.
with_pattern <- function(terms) {
  at <- attr(terms, "at")
  if (is.null(at)) return(terms)
  labels <- attr(terms, "term.labels")
  names <- variable_names(attr(terms, "variables"))
  if (as.double(length(names)) * length(labels) > max_pattern) return(NULL)
  pattern <- matrix(0L, length(names), length(labels), dimnames = list(names, labels))
  pattern[cbind(at, seq_along(at))] <- 1L
  attr(terms, "factors") <- pattern
  terms
}

max_pattern <- 1e8

# The formula of a wide sum keeps its dot (model_terms()), which says nothing without data.
written_out <- function(formula, terms) {
  if (is.null(attr(terms, "at")) || !"." %in% all.vars(formula[[3L]])) return(formula)
  labels <- attr(terms, "term.labels")
  if (length(labels) > max_written) {
    abort("formula", sprintf("A formula of %d terms is not written out: fit `y ~ .` to data with other columns.",
                             length(labels)))
  }
  offsets <- as.list(attr(terms, "variables"))[-1L][attr(terms, "offset")]
  right <- Reduce(function(a, b) call("+", a, b), c(lapply(labels, str2lang), offsets))
  formula[[3L]] <- if (attr(terms, "intercept") == 1L) right else call("-", right, 1)
  formula
}

max_written <- 2000L

# delete.response(), with all that belongs to variables by position.
without_response <- function(terms) {
  response <- attr(terms, "response")
  if (!response) return(terms)
  at <- attr(terms, "at")
  classes <- attr(terms, "dataClasses")
  terms <- delete.response(terms)
  if (!is.null(at)) attr(terms, "at") <- at - 1L
  attr(terms, "dataClasses") <- classes[-response]
  terms
}

deparse_variable <- function(expr, backtick = is.call(expr)) {
  paste(deparse(expr, 500L, backtick = backtick), collapse = " ")
}

# The variables' names in the frame, as model.frame() has them.
variable_names <- function(variables) {
  variables <- as.list(variables)[-1L]
  plain <- vapply(variables, is.name, NA)
  names <- character(length(variables))
  names[plain] <- vapply(variables[plain], as.character, "")
  names[!plain] <- vapply(variables[!plain], deparse_variable, "")
  names
}

# And in labels of terms and columns: `my age` in backticks.
variable_labels <- function(variables) {
  labels <- variable_names(variables)
  odd <- labels != make.names(labels)
  labels[odd] <- vapply(as.list(variables)[-1L][odd], deparse_variable, "", backtick = TRUE)
  labels
}

# The values of a call list(...) of variables. Columns are taken as they are: looking each up where all
# columns are seen would be quadratic in their number.
evaluate_variables <- function(variables, data, env) {
  variables <- as.list(variables)[-1L]
  values <- vector("list", length(variables))
  here <- integer(length(variables))
  if (is.data.frame(data)) {
    names <- vapply(variables, function(v) if (is.name(v)) as.character(v) else NA_character_, "")
    here <- match(names, names(data), 0L)
    here[is.na(names)] <- 0L
    values[here > 0L] <- unclass(data)[here]
  }
  rest <- as.call(c(list, variables[here == 0L]))
  values[here == 0L] <- eval(rest, if (is.null(data)) env else data, env)
  lapply(values, usual_type)
}

usual_type <- function(value) {
  if (inherits(value, "POSIXlt")) return(as.POSIXct(value))
  if (inherits(value, "integer64")) whole_numbers(value) else value
}

# integer64 as doubles, where these hold them exactly. (Bits of a 64-bit integer in a double.)
whole_numbers <- function(value) {
  words <- readBin(writeBin(as.double(unclass(value)), raw()), "integer", 2L * length(value))
  words <- matrix(words, 2L)
  if (.Platform$endian == "big") words <- words[2:1, , drop = FALSE]
  low <- as.double(words[1L, ])
  high <- as.double(words[2L, ])
  missing <- is.na(high) & low %in% 0 # the smallest integer is NA
  low[is.na(low)] <- -2^31
  number <- high * 2^32 + low + (low < 0) * 2^32
  # The number of 2^53 + 1 is rounded to 2^53.
  beyond <- !missing & (is.na(number) | abs(number) > 2^53 | (abs(number) == 2^53 & low != 0))
  if (any(beyond)) {
    abort("type", sprintf(paste(
      "%s of class \"integer64\" beyond 2^53 %s no exact double (element %s). If they are identifiers,",
      "use factor(as.character(.))."), plural(sum(beyond), "value"),
      if (sum(beyond) == 1L) "has" else "have", enumerate(which(beyond), quote = "")))
  }
  array_like(number, value)
}

array_like <- function(number, value) {
  names(number) <- names(value)
  if (!is.null(dim(value))) number <- array(number, dim(value), dimnames(value))
  number
}

# integer64 columns that the formula names become numbers before it is evaluated.
plain_data <- function(data, names) {
  if (!is.list(data)) return(data)
  wide <- which(names(data) %in% names)
  wide <- wide[vapply(unclass(data)[wide], inherits, NA, "integer64")]
  if (!length(wide)) return(data)
  if (is.data.frame(data)) class(data) <- "data.frame"
  for (i in wide) {
    data[[i]] <- tryCatch(whole_numbers(data[[i]]), linclass_error_type = function(e) {
      abort("type", sprintf("Column `%s`: %s", names(data)[i], conditionMessage(e)))
    })
  }
  data
}

# The number of rows, when each variable has one value, or a row of them, for each.
check_columns <- function(columns, names, topic, rows = NROW(columns[[1L]])) {
  for (i in seq_along(columns)) {
    value <- columns[[i]]
    why <- if (is.function(value)) {
      "is a function: there is no column of that name"
    } else if (isS4(value)) {
      sprintf("has class %s: give features as linclass(x, y), and the response as a factor",
              dQuote(class(value)[1L], FALSE))
    } else if (is.list(value)) {
      sprintf("is a %s: a variable has one value for each row, or a matrix of numbers",
              if (is.data.frame(value)) "data frame" else "list column")
    } else if (!is.atomic(value) || is.null(value) || is.complex(value) || is.raw(value)) {
      sprintf("is %s and no variable of a model", describe_value(value))
    } else if (length(dim(value)) > 2L) {
      "is an array of more than two dimensions"
    }
    if (!is.null(why)) abort(topic, sprintf("`%s` %s.", names[i], why), columns = names[i])
    if (NROW(value) != rows) {
      abort(topic, sprintf("`%s` has %s, and there %s.", names[i], plural(NROW(value), "value"),
                           if (rows == 1) "is 1 row" else paste("are", rows, "rows")))
    }
  }
  rows
}

# weights, offset, foldid and subset as values. As in glm() they are evaluated in data and then where the
# formula was made; what is known in neither may be a variable of the caller.
evaluate_arguments <- function(call, data, env, caller) {
  expressions <- as.list(call)[intersect(c("weights", "offset", "foldid", "subset"), names(call))]
  Map(function(expr, name) {
    written <- as_written(expr, caller)
    known <- vapply(all.names(written), function(symbol) {
      symbol %in% names(data) || exists(symbol, envir = env)
    }, NA)
    value <- tryCatch(
      if (all(known)) eval(written, if (is.null(data)) env else data, env) else
        eval(expr, if (is.environment(data)) as.list(data) else data, caller),
      error = function(e) {
        abort("formula", sprintf("`%s` cannot be evaluated: %s", name, conditionMessage(e)), parent = e)
      })
    if (is.function(value)) {
      abort("formula", sprintf("`%s = %s` is a function: there is no column of that name.", name, deparse1(expr)))
    }
    usual_type(value)
  }, expressions, names(expressions))
}

# What came through the dots of a wrapper is `..2` in the call; the dots know the expression.
as_written <- function(expr, caller) {
  if (!is.name(expr) || !grepl("^\\.\\.[0-9]+$", expr)) return(expr)
  eval(quote(substitute(list(...))), caller)[[as.integer(substring(expr, 3L)) + 1L]]
}

# The frame of the rows in use: a data frame of the variables, by position, then (weights), (offset) and
# (foldid).
make_frame <- function(terms, columns, arguments, data, na.action) {
  rows <- NROW(columns[[1L]])
  subset <- arguments$subset
  extras <- Filter(Negate(is.null), arguments[names(arguments) != "subset"])
  for (name in names(extras)) {
    if (NROW(extras[[name]]) != rows) {
      abort("shape", sprintf("`%s` has length %d and the data have %s.", name, NROW(extras[[name]]),
                             plural(rows, "row")))
    }
  }
  row_names <- if (is.data.frame(data)) .row_names_info(data, 0L) else
    if (is.matrix(columns[[1L]])) rownames(columns[[1L]]) else names(columns[[1L]])
  if (length(row_names) != rows || anyDuplicated(row_names)) row_names <- .set_row_names(rows)
  if (length(extras)) names(extras) <- paste0("(", names(extras), ")")
  frame <- structure(c(columns, extras), class = "data.frame", row.names = row_names,
                     names = c(variable_names(attr(terms, "variables")), names(extras)))
  if (!is.null(subset)) frame <- tryCatch(frame[subset, , drop = FALSE], error = refuse_formula)
  without_missing(frame, na.action)
}

# anyNA() of a matrix with a class would make one of logicals. A sum is a number only where all are.
lacks_values <- function(value) {
  if (is.double(value) && is.object(value) && is_plain_number(value) && is.finite(sum(value))) return(FALSE)
  anyNA(value, recursive = TRUE)
}

# Looking for missing values one by one is dearer than all the rest, so a quick look comes first: the
# usual actions leave complete rows as they are.
without_missing <- function(frame, na.action) {
  if (is.null(na.action)) na.action <- getOption("na.action")
  if (is.null(na.action)) return(frame)
  action <- tryCatch(match.fun(na.action), error = refuse_formula)
  usual <- list(stats::na.omit, stats::na.exclude, stats::na.fail, stats::na.pass)
  if (any(vapply(usual, identical, NA, action)) && !any(vapply(frame, lacks_values, NA))) return(frame)
  names <- names(frame)
  frame <- tryCatch(action(frame), error = refuse_formula)
  if (!is.data.frame(frame) || length(frame) != length(names)) {
    abort("formula", "`na.action` must return a data frame with the columns that it was given.")
  }
  stats::setNames(frame, names)
}
