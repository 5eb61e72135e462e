# The blueprint of a fit says how newdata becomes the columns that were fitted. It holds no data:
# terms get an environment of their own with only the functions and constants the formula names.

# The part of it that depends on the formula. Levels and contrasts belong to variables by position (`at`,
# the response not counted).
formula_blueprint <- function(terms, frame, contrasts, data, n, offset_call) {
  response <- attr(terms, "response")
  predictors <- as.list(attr(terms, "variables"))[-c(1L, 1L + response)]
  expressions <- c(predictors, if (!is.null(offset_call)) list(offset_call))
  from <- attr(terms, ".Environment")
  symbols <- data_symbols(expressions, data, from, n)
  variables <- data_symbols(predictors, data, from, n)
  known <- if (is_rows(data)) attr(data, "variables")
  columns <- if (is.list(data)) unclass(data)[match(variables, names(data))] else vector("list", length(variables))
  elsewhere <- lengths(columns) == 0L
  columns[elsewhere] <- lapply(variables[elsewhere], data_value, data, from)
  at <- factor_positions(terms, frame)
  leveled <- at[vapply(frame[at], is.factor, NA)]
  list(kind = "formula", terms = detach_terms(terms, expressions, symbols, data),
       xlevels = structure(lapply(unclass(frame)[leveled], levels), at = leveled - response),
       contrasts = contrasts, intercept = attr(terms, "intercept") == 1L, named = TRUE,
       variables = variables, kinds = unname(if (is_rows(data)) known[variables] else
         vapply(columns, column_kind, "")), offset_call = offset_call,
       offset_variables = setdiff(symbols, variables))
}

# Terms with what predictions need of the columns: their classes, and calls that remember the knots or
# means of poly(), ns(), scale() and their kind.
remember_columns <- function(terms, columns) {
  variables <- as.list(attr(terms, "variables"))
  attr(terms, "dataClasses") <- stats::setNames(vapply(columns, stats::.MFclass, ""),
                                                variable_names(variables))
  calls <- which(vapply(variables[-1L], is.call, NA))
  variables[calls + 1L] <- Map(stats::makepredictcall, columns[calls], variables[calls + 1L])
  attr(terms, "predvars") <- as.call(variables)
  terms
}

# Calls such as x - mean(x) look at all rows: the same row has another value among other rows. Pairs of
# rows (the two lowest, the two highest, two far apart) are evaluated again by themselves.
warn_dependent_rows <- function(terms, columns, data) {
  env <- attr(terms, ".Environment")
  expressions <- as.list(attr(terms, "predvars"))[-1L]
  checked <- setdiff(which(vapply(expressions, is.call, NA)), attr(terms, "response"))
  of_rows <- function(expression) length(all.vars(expression)) > 0L && !is_elementwise(expression, env)
  checked <- checked[vapply(expressions[checked], of_rows, NA)]
  if (!length(checked)) return(invisible())
  seed <- globalenv()$.Random.seed
  on.exit(if (!is.null(seed)) assign(".Random.seed", seed, globalenv()))
  dependent <- checked[mapply(depends_on_rows, expressions[checked], columns[checked],
                              MoreArgs = list(data = data, env = env))]
  if (length(dependent)) {
    names <- variable_names(attr(terms, "variables"))[dependent]
    warn("dependent_rows", sprintf(paste(
      "%s %s computed from all rows together, so that predictions of a row would change with the rows",
      "beside it. Use scale(), poly() or splines, which remember the rows of the fit, or compute the",
      "column before."), enumerate(names), if (length(names) == 1L) "is" else "are"), terms = names)
  }
}

elementwise <- c("+", "-", "*", "/", "^", "%%", "%/%", "==", "!=", "<", "<=", ">", ">=", "&", "|", "!", "(",
                 "I", "log", "log2", "log10", "log1p", "exp", "expm1", "sqrt", "abs", "sign", "floor",
                 "ceiling", "round", "sin", "cos", "tan", "is.na", "ifelse", "as.numeric", "as.integer",
                 "as.character", "as.logical", "pmin", "pmax", "offset")

is_elementwise <- function(expr, env) {
  heads <- setdiff(all.names(expr), all.vars(expr))
  all(heads %in% elementwise) &&
    all(vapply(heads, function(name) is_usual_function(get0(name, env, mode = "function")), NA))
}

depends_on_rows <- function(expr, value, data, env) {
  n <- NROW(value)
  rows <- unique(round(seq(1, n, length.out = min(n, 64L))))
  some <- take_rows(value, rows)
  key <- if (is.matrix(some)) some[, 1L] else some
  known <- which(if (is.matrix(some)) stats::complete.cases(some) else !is.na(some))
  if (length(known) < 2L) return(FALSE)
  sorted <- rows[known[order(if (is.character(key)) key[known] else as.numeric(key[known]))]]
  pairs <- list(utils::head(sorted, 2L), utils::tail(sorted, 2L), rows[range(known)])
  inputs <- row_inputs(expr, data, env)
  any(vapply(pairs, function(pair) {
    few <- lapply(inputs, function(input) if (NROW(input) == n) take_rows(input, pair) else input)
    again <- tryCatch(suppressWarnings(eval(expr, few, env)), error = function(e) NULL)
    !is.null(again) && !same_values(again, take_rows(value, pair))
  }, NA))
}

# The data that an expression reads.
row_inputs <- function(expr, data, env) {
  symbols <- free_symbols(expr)
  values <- lapply(stats::setNames(nm = symbols), data_value, data, env)
  Filter(function(value) !is.null(value) && !is.function(value), values)
}

same_values <- function(a, b) {
  if (NROW(a) != NROW(b) || !identical(dim(a)[-1L], dim(b)[-1L])) return(FALSE)
  if (is_categorical(a) || is_categorical(b)) return(identical(as.character(a), as.character(b)))
  a <- as.numeric(a)
  b <- as.numeric(b)
  near <- a == b | abs(a - b) <= 1e-6 * max(abs(b[is.finite(b)]), 0)
  identical(is.na(a), is.na(b)) && all(near, na.rm = TRUE)
}

# Symbols that are looked up where an expression is evaluated: not those of `$`, nor the arguments of
# functions that are written in it.
free_symbols <- function(expr, bound = character()) {
  if (is.name(expr)) return(setdiff(as.character(expr), c(bound, "")))
  if (!is.call(expr)) return(character())
  head <- if (is.name(expr[[1L]])) as.character(expr[[1L]]) else ""
  if (head %in% c("::", ":::")) return(character())
  if (head %in% c("$", "@")) return(free_symbols(expr[[2L]], bound))
  if (head == "function") {
    bound <- c(bound, names(expr[[2L]]))
    expr <- as.call(c(list, as.list(expr[[2L]]), expr[[3L]]))
  }
  # By index: an empty argument, as in x[, 1], cannot be passed on.
  inside <- lapply(seq_along(expr)[if (nzchar(head)) -1L else TRUE], function(i) {
    if (!identical(expr[[i]], quote(expr = ))) free_symbols(expr[[i]], bound)
  })
  unique(unlist(inside))
}

# Which symbols of some expressions are data, which newdata has to bring: columns, and what has one value
# for each of the n rows outside of packages. All others are constants and functions of the formula.
data_symbols <- function(expressions, data, env, n) {
  plain <- vapply(expressions, is.name, NA)
  symbols <- unique(c(vapply(expressions[plain], as.character, ""),
                      unlist(lapply(expressions[!plain], free_symbols))))
  if (is_rows(data)) return(symbols[symbols %in% names(attr(data, "variables"))])
  is_data <- if (is.data.frame(data)) symbols %in% names(data) else logical(length(symbols))
  is_data[!is_data] <- vapply(symbols[!is_data], function(name) {
    value <- data_value(name, data, env)
    !is.null(value) && !is.function(value) && NROW(value) == n
  }, NA)
  symbols[is_data]
}

# The value of a name in the data, or between the environment of the formula and the packages.
data_value <- function(name, data, env) {
  if (is.list(data) && !is.null(data[[name]])) return(data[[name]])
  home <- home_of(name, if (is.environment(data)) data else env)
  if (!is.null(home) && !is_package(home)) get(name, envir = home)
}

# The environment, from `env` upwards and before `end`, that has a name.
home_of <- function(name, env, end = emptyenv()) {
  while (!identical(env, end) && !identical(env, emptyenv())) {
    if (exists(name, envir = env, inherits = FALSE)) return(env)
    env <- parent.env(env)
  }
  NULL
}

is_package <- function(env) {
  isNamespace(env) || identical(env, baseenv()) || startsWith(environmentName(env), "package:")
}

# Terms whose environment holds what the expressions need besides data.
detach_terms <- function(terms, expressions, variables, data) {
  home <- new.env(parent = globalenv())
  from <- attr(terms, ".Environment")
  calls <- expressions[vapply(expressions, is.call, NA)]
  constants <- setdiff(unlist(lapply(calls, free_symbols)), variables)
  for (name in constants) {
    value <- if (is.list(data)) data[[name]]
    if (is.null(value)) {
      place <- home_of(name, if (is.environment(data)) data else from)
      if (is.null(place) || is_usual(place)) next
      value <- get(name, envir = place)
    }
    if (!is.function(value)) assign(name, value, home)
  }
  carry_functions(unique(c(constants, unlist(lapply(calls, all.names)))), from, home)
  attr(terms, ".Environment") <- home
  terms
}

# Packages that every session has, and their own functions (not those that ecdf() and others make).
is_usual <- function(env) {
  sub("^package:", "", environmentName(env)) %in% c("base", "stats", "utils", "datasets")
}

is_usual_function <- function(fun) is.primitive(fun) || is_usual(environment(fun))

# Copies functions that a fresh session would not find.
carry_functions <- function(names, from, home) {
  for (name in names) {
    fun <- get0(name, envir = from, mode = "function")
    if (is.null(fun) || is_usual_function(fun)) next
    # Its source reference would drag a whole file along.
    assign(name, utils::removeSource(carry_closure(fun)), home)
  }
}

# A function made inside another one gets an environment with only what its body names, so that
# the frame it was made in is not dragged along.
carry_closure <- function(fun, home = new.env(parent = topenv(environment(fun)))) {
  from <- environment(fun)
  end <- topenv(from)
  if (identical(from, end)) return(fun)
  environment(fun) <- home
  used <- unique(c(all.names(body(fun)), unlist(lapply(formals(fun), all.names))))
  for (name in setdiff(used, c(names(formals(fun)), ls(home, all.names = TRUE)))) {
    place <- home_of(name, from, end)
    if (is.null(place)) next
    value <- get(name, envir = place)
    assign(name, value, home)
    if (is.function(value) && !is.primitive(value)) {
      assign(name, utils::removeSource(carry_closure(value, home)), home)
    }
  }
  fun
}

# Replays a blueprint: list(x, offset, na_action). The rows of newdata are all kept (NA rows too)
# unless na.action removes some. novel: what to do with factor levels that training did not see.
bake <- function(blueprint, newdata, offset = NULL, na.action = na.pass,
                 novel = c("error", "na")) {
  novel <- match_choice(novel)
  baked <- if (blueprint$kind == "formula") {
    bake_formula(blueprint, newdata, na.action, novel)
  } else {
    list(x = bake_matrix(blueprint, newdata))
  }
  if (!is.null(offset) && length(baked$na_action)) {
    offset <- take_rows(offset, -as.integer(baked$na_action))
  }
  given <- new_offset(blueprint, offset, newdata, nrow(baked$x))
  if (!is.null(given)) {
    baked$offset <- if (is.null(baked$offset)) given else baked$offset + given
  }
  baked
}

# The offset argument at prediction; a fit that had one must be given one again. As in glm(), an
# argument that names columns of the data is evaluated in newdata.
new_offset <- function(blueprint, offset, newdata, n) {
  if (is.null(offset) && blueprint$offset == "argument") {
    offset <- if (all(blueprint$offset_variables %in% colnames(newdata))) tryCatch(
      eval(blueprint$offset_call, as.list(newdata), attr(blueprint$terms, ".Environment")),
      error = function(e) NULL)
    if (is.null(offset) || NROW(offset) != n) {
      abort("offset", paste("The model was fitted with an offset: give `offset` for the rows of",
                            "`newdata`."))
    }
  }
  if (is.null(offset)) return(NULL)
  offset <- usual_type(offset)
  if (!is.numeric(offset)) abort("offset", "`offset` must be numeric.")
  if (NROW(offset) != n) {
    abort("shape", sprintf("`offset` has %s and `newdata` has %d.", plural(NROW(offset), "row"), n))
  }
  offset
}

bake_formula <- function(blueprint, newdata, na.action, novel) {
  newdata <- match_columns(as_newdata_frame(newdata), blueprint$variables, blueprint$kinds)
  terms <- without_response(blueprint$terms)
  if (!nrow(newdata)) return(list(x = empty_x(blueprint)))
  bake_frame(blueprint, new_frame(terms, newdata), na.action, novel)
}

# From the variables of the terms to columns, with the number of the term of each.
bake_frame <- function(blueprint, frame, na.action = na.pass, novel = "error") {
  terms <- without_response(blueprint$terms)
  classes <- attr(terms, "dataClasses")[seq_along(frame)] # version 0.1.0 has that of the weights too
  frame <- match_levels(frame, blueprint$xlevels, classes, novel)
  frame <- match_types(frame, classes)
  frame <- without_missing(frame, na.action)
  terms_offset <- frame_offset(frame, terms)
  model <- read_terms(terms, frame, blueprint$contrasts)
  x <- if (nrow(frame)) expand_terms(model, blueprint$layout) else empty_x(blueprint)
  if (!setequal(colnames(x), blueprint$names)) {
    abort("newdata", "`newdata` does not expand to the columns of the fit.")
  }
  if (!identical(colnames(x), blueprint$names)) x <- x[, blueprint$names, drop = FALSE]
  list(x = x, offset = terms_offset, na_action = attr(frame, "na.action"), term = term_of_columns(model))
}

# What the numbers of a column mean where their type alone does not say: days or seconds, and which unit.
column_kind <- function(value) {
  if (inherits(value, "Date")) return("dates")
  if (inherits(value, "POSIXt")) return("times")
  units <- if (inherits(value, c("difftime", "units"))) attr(value, "units") # a plain attribute is a label
  if (is.null(units)) "plain values" else paste("amounts in", paste(format(units), collapse = " "))
}

# The columns of newdata that the formula needs, in the units of the fit.
match_columns <- function(newdata, variables, kinds) {
  names <- known_names(names(newdata), variables)
  if (!identical(names, names(newdata))) names(newdata) <- names
  lacking <- setdiff(variables, names(newdata))
  if (length(lacking)) {
    abort("newdata", sprintf("`newdata` lacks %s, which the formula needs.",
                             named("column", lacking)), columns = lacking)
  }
  newdata <- plain_data(newdata, variables)
  at <- match(variables, names(newdata))
  given <- vapply(unclass(newdata)[at], column_kind, "")
  for (i in which(given != kinds)) {
    value <- newdata[[at[i]]]
    if (is.logical(value) && all(is.na(value))) next
    if (!inherits(value, "difftime") || !startsWith(kinds[i], "amounts in")) {
      abort("newdata", sprintf("`%s` had %s in training and has %s in `newdata`.", variables[i],
                               kinds[i], given[i]), columns = variables[i])
    }
    units(value) <- sub("amounts in ", "", kinds[i])
    newdata[[at[i]]] <- value
  }
  newdata
}

# Names as the formula has them: in its encoding, and as <U+00E4> where the locale lacks the letter.
known_names <- function(names, variables) {
  at <- match(names, variables)
  if (!all(variables %in% names)) {
    native <- match(suppressWarnings(enc2native(enc2utf8(names))), variables)
    at[is.na(at)] <- native[is.na(at)]
  }
  names[!is.na(at)] <- variables[at[!is.na(at)]]
  names
}

as_newdata_frame <- function(newdata) {
  if (is.data.frame(newdata)) return(newdata)
  if (is.list(newdata) || is.matrix(newdata)) {
    frame <- tryCatch(as.data.frame(newdata), error = function(e) NULL)
    if (!is.null(frame)) return(frame)
  }
  abort("newdata", sprintf("`newdata` must be a data frame, not %s.", describe_value(newdata)))
}

empty_x <- function(blueprint) {
  matrix(0, 0L, length(blueprint$names), dimnames = list(NULL, blueprint$names))
}

# The variables of the terms in newdata. Functions such as poly() refuse missing values; then the
# complete rows are evaluated alone and the others are NA.
new_frame <- function(terms, newdata) {
  predvars <- attr(terms, "predvars")
  if (is.null(predvars)) predvars <- attr(terms, "variables")
  names <- variable_names(attr(terms, "variables"))
  evaluate <- function(data) {
    columns <- evaluate_variables(predvars, data, attr(terms, ".Environment"))
    check_columns(columns, names, "newdata", nrow(data))
    structure(columns, names = names, class = "data.frame", row.names = .row_names_info(data, 0L))
  }
  refuse <- function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    abort("newdata", paste("The formula cannot be evaluated in `newdata`:", conditionMessage(e)),
          parent = e)
  }
  tryCatch(evaluate(newdata), error = function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    used <- intersect(all.vars(attr(terms, "variables")), names(newdata))
    complete <- complete.cases(newdata[used])
    if (all(complete) || !any(complete)) refuse(e)
    frame <- tryCatch(evaluate(newdata[complete, , drop = FALSE]), error = refuse)
    spread <- frame[match(seq_along(complete), which(complete)), , drop = FALSE]
    attr(spread, "row.names") <- .row_names_info(newdata, 0L)
    stats::setNames(spread, names)
  })
}

# Factors and strings get the levels of training, in its order.
match_levels <- function(frame, xlevels, classes, novel) {
  at <- attr(xlevels, "at")
  if (is.null(at)) at <- match(names(xlevels), names(frame)) # fits of version 0.1.0
  for (k in seq_along(xlevels)) {
    name <- names(xlevels)[k]
    value <- frame[[at[k]]]
    if (!is.factor(value) && !is.character(value) && !all(is.na(value))) {
      abort("newdata", sprintf("`%s` was a %s in training and is %s in `newdata`.", name,
                               classes[[at[k]]], class(value)[1L]), columns = name)
    }
    coded <- recode(value, xlevels[[k]], classes[[at[k]]] == "ordered")
    if (length(coded$new) && novel == "error") {
      abort("new_level", sprintf(paste(
        "`%s` has %s in `newdata` that training did not see: %s. Use novel = \"na\" for NA",
        "predictions of these rows."), name, if (length(coded$new) == 1L) "a level" else "levels",
        enumerate(coded$new, quote = "\"")),
        column = name, levels = coded$new)
    }
    frame[[at[k]]] <- coded$value
  }
  frame
}

# A factor with these levels, and the values that are none of them. Levels are compared, not rows.
recode <- function(value, levels, ordered) {
  if (!is.factor(value)) value <- factor(value)
  place <- match(levels(value), levels)
  new <- which(is.na(place))
  new <- levels(value)[new[new %in% as.integer(value)]]
  same <- identical(place, seq_along(levels))
  codes <- if (same) as.integer(value) else place[as.integer(value)]
  if (anyNA(levels)) codes[is.na(codes) & is.na(as.character(value))] <- match(NA, levels) # as model.frame() has it
  list(value = structure(codes, levels = levels, class = c(if (ordered) "ordered", "factor")),
       new = new)
}

# A column of NA alone is logical and may stand for any number.
match_types <- function(frame, classes) {
  empty <- vapply(frame, function(v) is.logical(v) && all(is.na(v)), NA) & classes != "logical"
  empty <- empty & !classes %in% categorical_classes
  frame[empty] <- lapply(frame[empty], as.double)
  is <- vapply(frame, stats::.MFclass, "")
  wrong <- which(is != classes & !classes %in% c(categorical_classes, "other"))
  if (length(wrong)) {
    i <- wrong[1L]
    abort("newdata", sprintf("`%s` was %s in training and is %s in `newdata`.", names(frame)[i],
                             class_in_words(classes[i]), class_in_words(is[i])),
          columns = names(frame)[i])
  }
  frame
}

categorical_classes <- c("factor", "ordered", "character")

class_in_words <- function(class) {
  width <- sub("nmatrix.", "", class, fixed = TRUE)
  if (width == class) class else paste("a matrix of", plural(as.integer(width), "column"))
}

# Columns of a matrix or data frame, by name.
bake_matrix <- function(blueprint, newdata) {
  if (!is.matrix(newdata) && !is.data.frame(newdata) && !is(newdata, "Matrix")) {
    as_numbers(newdata, "newdata", "`newdata`")  # says what is wrong
  }
  names <- blueprint$names
  given <- colnames(newdata)
  by_name <- if (blueprint$named) !is.null(given) else all(names %in% given)
  if (by_name) {
    newdata <- columns_by_name(newdata, names, given)
  } else if (ncol(newdata) != length(names)) {
    abort("newdata", sprintf(
      "`newdata` has %d columns without the names of training, and %d are needed.",
      ncol(newdata), length(names)))
  } else if (blueprint$named) {
    inform("unnamed_newdata", "`newdata` has no column names: columns are matched by position.")
  }
  as_known_numbers(newdata, "newdata", "`newdata`")
}

columns_by_name <- function(newdata, names, given) {
  if (identical(given, names)) return(newdata)
  lacking <- setdiff(names, given)
  if (length(lacking)) {
    abort("newdata", sprintf("`newdata` lacks %s.", named("column", lacking)), columns = lacking)
  }
  doubled <- intersect(names, given[duplicated(given)])
  if (length(doubled)) {
    abort("newdata", sprintf("`newdata` has %s more than once.", named("column", doubled)),
          columns = doubled)
  }
  if (is(newdata, "Matrix")) newdata <- numbers_from_Matrix(newdata)
  newdata[, match(names, given), drop = FALSE]
}
