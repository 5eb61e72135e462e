# The blueprint of a fit says how newdata becomes the columns that were fitted. It holds no data:
# terms get an environment of their own with only the functions and constants the formula names.

# Names of the predictors' variables that are data, not constants of the formula.
data_variables <- function(terms) {
  names <- all.vars(attr(delete.response(terms), "variables"))
  setdiff(names, ls(attr(terms, ".Environment"), all.names = TRUE))
}

# Terms whose environment holds what the formula needs besides data; `n` is the number of rows
# before any were removed.
detach_terms <- function(terms, data, n) {
  home <- new.env(parent = globalenv())
  from <- attr(terms, ".Environment")
  expression <- attr(terms, "variables")
  known <- if (inherits(data, "linclass_rows")) attr(data, "variables") else names(data)
  for (name in setdiff(all.vars(expression), known)) {
    value <- find_value(name, from)
    # What has one value for each row is data: newdata has to bring it.
    if (!is.null(value) && !is.function(value) && NROW(value) != n) assign(name, value, home)
  }
  carry_functions(setdiff(all.names(expression), all.vars(expression)), from, home)
  attr(terms, ".Environment") <- home
  terms
}

# A value that is found between `env` and the global environment (included), or before `end`.
find_value <- function(name, env, end = emptyenv()) {
  while (!identical(env, end) && !identical(env, emptyenv())) {
    if (exists(name, envir = env, inherits = FALSE)) return(get(name, envir = env))
    if (identical(env, globalenv())) return(NULL)
    env <- parent.env(env)
  }
  NULL
}

# Copies functions that a fresh session would not find.
carry_functions <- function(names, from, home) {
  for (name in names) {
    fun <- get0(name, envir = from, mode = "function")
    if (is.null(fun) || is.primitive(fun)) next
    if (environmentName(topenv(environment(fun))) %in% c("base", "stats")) next
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
    value <- find_value(name, from, end)
    if (is.null(value)) next
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
    offset <- tryCatch(
      eval(blueprint$offset_call, as.list(newdata), attr(blueprint$terms, ".Environment")),
      error = function(e) NULL)
    if (is.null(offset) || NROW(offset) != n) {
      abort("offset", paste("The model was fitted with an offset: give `offset` for the rows of",
                            "`newdata`."))
    }
  }
  if (is.null(offset)) return(NULL)
  if (!is.numeric(offset)) abort("offset", "`offset` must be numeric.")
  if (NROW(offset) != n) {
    abort("shape", sprintf("`offset` has %d rows and `newdata` has %d.", NROW(offset), n))
  }
  offset
}

bake_formula <- function(blueprint, newdata, na.action, novel) {
  newdata <- as_newdata_frame(newdata)
  lacking <- setdiff(blueprint$variables, names(newdata))
  if (length(lacking)) {
    abort("newdata", sprintf("`newdata` lacks %s, which the formula needs.",
                             named("column", lacking)), columns = lacking)
  }
  terms <- delete.response(blueprint$terms)
  if (!nrow(newdata)) return(list(x = empty_x(blueprint)))
  bake_frame(blueprint, new_frame(terms, newdata), na.action, novel)
}

# From the variables of the terms to columns.
bake_frame <- function(blueprint, frame, na.action = na.pass, novel = "error") {
  terms <- delete.response(blueprint$terms)
  frame <- match_levels(frame, blueprint$xlevels, attr(terms, "dataClasses"), novel)
  frame <- match_types(frame, attr(terms, "dataClasses"))
  frame <- match.fun(na.action)(frame)
  attr(frame, "terms") <- terms
  terms_offset <- frame_offset(frame, terms)
  x <- if (nrow(frame)) expand_terms(terms, frame, blueprint$contrasts, blueprint$layout) else
    empty_x(blueprint)
  if (!setequal(colnames(x), blueprint$names)) {
    abort("newdata", "`newdata` does not expand to the columns of the fit.")
  }
  if (!identical(colnames(x), blueprint$names)) x <- x[, blueprint$names, drop = FALSE]
  list(x = x, offset = terms_offset, na_action = attr(frame, "na.action"))
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
  evaluate <- function(data) model.frame(terms, data, na.action = na.pass)
  refuse <- function(e) {
    abort("newdata", paste("The formula cannot be evaluated in `newdata`:", conditionMessage(e)),
          parent = e)
  }
  tryCatch(evaluate(newdata), error = function(e) {
    used <- intersect(all.vars(attr(terms, "variables")), names(newdata))
    complete <- complete.cases(newdata[used])
    if (all(complete) || !any(complete)) refuse(e)
    frame <- tryCatch(evaluate(newdata[complete, , drop = FALSE]), error = refuse)
    spread <- frame[match(seq_along(complete), which(complete)), , drop = FALSE]
    attr(spread, "row.names") <- .set_row_names(length(complete))
    spread
  })
}

# Factors and strings get the levels of training, in its order.
match_levels <- function(frame, xlevels, classes, novel) {
  for (name in names(xlevels)) {
    value <- frame[[name]]
    if (!is.factor(value) && !is.character(value) && !all(is.na(value))) {
      abort("newdata", sprintf("`%s` was a %s in training and is %s in `newdata`.", name,
                               classes[[name]], class(value)[1L]), columns = name)
    }
    ordered <- identical(classes[[name]], "ordered")
    coded <- recode(value, xlevels[[name]], ordered)
    if (length(coded$new) && novel == "error") {
      abort("new_level", sprintf(paste(
        "`%s` has levels in `newdata` that training did not see: %s. Use novel = \"na\" for NA",
        "predictions of these rows."), name, enumerate(coded$new, quote = "\"")),
        column = name, levels = coded$new)
    }
    frame[[name]] <- coded$value
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
  list(value = structure(codes, levels = levels, class = c(if (ordered) "ordered", "factor")),
       new = new)
}

match_types <- function(frame, classes) {
  for (name in intersect(names(frame), names(classes))) {
    was <- classes[[name]]
    value <- frame[[name]]
    if (was %in% c("factor", "ordered", "character", "other")) next
    if (is.logical(value) && all(is.na(value))) {
      value <- if (was == "logical") value else as.double(value)
      frame[[name]] <- value
    }
    is <- stats::.MFclass(value)
    if (was != is) {
      abort("newdata", sprintf("`%s` was %s in training and is %s in `newdata`.", name, was, is),
            columns = name)
    }
  }
  frame
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
  as_numbers(newdata, "newdata", "`newdata`")
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
