# From a source of rows (row-source.R) to a design whose x is a stream: a first pass reads what is as long
# as the rows (response, weights, offset) and the levels of factors; from then on C asks for blocks of
# columns, the same in every pass (src/r/stream.c says what a "linclass_stream" is).

is_stream <- function(x) inherits(x, "linclass_stream")

#' @export
dim.linclass_stream <- function(x) x$dim

#' @export
dimnames.linclass_stream <- function(x) list(NULL, x$names)

#' @export
`[.linclass_stream` <- function(x, i, j, drop = FALSE) {
  abort("source", "This needs rows or columns by number, and the rows come in blocks: only whole passes are possible.")
}

# ---- reading ----------------------------------------------------------------------------------------------

# A pass over a source: next_block() counts blocks and rows, says where an error was, and gives data frames with
# declared levels, or lists of x, y, weights, offset. Blocks without rows are passed over.
open_source <- function(source) {
  place <- new.env(parent = emptyenv())
  place$block <- place$rows <- 0
  reader <- source_error(source, place, source$open())
  next_block <- function() {
    repeat {
      place$block <- place$block + 1
      block <- source_error(source, place, reader$next_block())
      if (is.null(block)) return(NULL)
      block <- if (is.data.frame(block)) declare_levels(block, source$levels, place) else block
      block <- check_block(block, source, place)
      if (nrow(if (is.data.frame(block)) block else block$x)) return(block)
    }
  }
  closed <- FALSE
  close <- function() {
    if (closed) return(invisible())
    closed <<- TRUE
    reader$close()
  }
  list(next_block = next_block, close = close, place = place)
}

# Errors of the source become one class; those of this package pass.
source_error <- function(source, place, expr) {
  tryCatch(expr, error = function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    what <- if (place$block > 0) sprintf("Block %d of %s cannot be read", place$block, source$title) else
      sprintf("%s cannot be opened", to_upper(source$title))
    abort("source", sprintf("%s: %s", what, conditionMessage(e)), parent = e, block = place$block)
  })
}

in_block <- function(place) {
  sprintf("block %d (from row %s on)", place$block, format(place$rows + 1, big.mark = "", scientific = FALSE))
}

declare_levels <- function(data, levels, place) {
  for (name in intersect(names(levels), names(data))) {
    value <- data[[name]]
    code <- match(as.character(value), levels[[name]])
    new <- unique(as.character(value)[is.na(code) & !is.na(value)])
    if (length(new)) {
      abort("source", sprintf("`%s` has %s in %s, not among the declared levels.", name,
                              enumerate(new, quote = "\""), in_block(place)), column = name, block = place$block)
    }
    data[[name]] <- structure(code, levels = levels[[name]], class = "factor")
  }
  data
}

block_names <- c("x", "y", "weights", "offset")

check_block <- function(block, source, place) {
  kind <- if (is.data.frame(block)) "frame" else if (is.list(block) && "x" %in% names(block)) "xy" else "other"
  if (kind == "other" || !source$kind %in% c("any", kind)) {
    abort("source", sprintf("%s is %s; it must be a data frame, or a list of x, y, weights and offset.",
                            to_upper(in_block(place)), describe_value(block)), block = place$block)
  }
  if (kind == "xy") {
    unknown <- setdiff(names(block), block_names)
    if (length(unknown)) {
      abort("source", sprintf("%s has %s, and a block is a list of %s.%s", to_upper(in_block(place)),
                              enumerate(unknown), enumerate(block_names), hint_nearest(unknown[1L], block_names)))
    }
    block <- block[!vapply(block, is.null, NA)] # NULL: not given
    block$x <- as_known_numbers(block$x, "source", sprintf("`x` of %s", in_block(place)))
    for (name in intersect(block_names[-1L], names(block))) {
      if (NROW(block[[name]]) == nrow(block$x)) next
      abort("source", sprintf("`%s` of %s has %s and `x` has %s.", name, in_block(place),
                              plural(NROW(block[[name]]), "value"), plural(nrow(block$x), "row")))
    }
  }
  block
}

to_upper <- function(text) paste0(toupper(substr(text, 1L, 1L)), substring(text, 2L))

# ---- what the first pass collects -------------------------------------------------------------------------------

# Values that are as long as the rows, block by block, and their levels.
collector <- function() {
  blocks <- list()
  levels <- NULL
  kind <- NULL
  add <- function(value, what, place) {
    value <- if (is.character(value)) factor(value) else value
    now <- if (is.factor(value)) "classes" else if (is.logical(value)) "logical" else "numbers"
    if (is.null(kind)) kind <<- now
    if (now != kind) {
      abort("source", sprintf("%s holds %s in %s and %s before.", what, now, in_block(place), kind))
    }
    if (now == "classes") {
      levels <<- union(levels, levels(value))
      value <- match(levels(value), levels)[as.integer(value)]
    } else if (!is.numeric(value) && now == "numbers") {
      abort(if (what == "The response") "response" else "source",
            sprintf("%s must be classes or numbers, not %s.", what, describe_value(value)))
    }
    blocks[[length(blocks) + 1L]] <<- as.vector(value)
  }
  list(add = add, levels = function() levels, any = function() length(blocks) > 0L, values = function() {
    all <- unlist(blocks, use.names = FALSE)
    blocks <<- list()
    if (identical(kind, "classes")) structure(all, levels = levels, class = "factor") else all
  })
}

# Rows of numbers or of a matrix (an offset of several classes).
bind_blocks <- function(blocks) {
  if (!length(blocks)) return(NULL)
  if (is.matrix(blocks[[1L]])) do.call(rbind, blocks) else unlist(blocks, use.names = FALSE)
}

# Factors that were made from strings have their levels in the order of the alphabet.
sort_levels <- function(value) {
  levels <- levels(value)
  order <- order(levels)
  structure(match(seq_along(levels), order)[as.integer(value)], levels = levels[order], class = "factor")
}

collect_response <- function(collected, kind, place) {
  y <- collected$values()
  if (is.null(y)) abort("no_rows", "The source has no rows, or none is left without missing values.")
  if (kind == "character") {
    y <- sort_levels(y)
    inform("level_order", sprintf(
      "The response is character; its levels, in order: %s. Use `levels` of row_source() to set another order.",
      enumerate(levels(y), 10L, quote = "\"")), levels = levels(y))
  } else if (kind == "ordered") {
    inform("ordered", paste("The response is an ordered factor; its levels are treated as classes",
                            "without order."))
  }
  y
}

response_kind <- function(y) {
  if (is.matrix(y) && ncol(y) > 1L || is.data.frame(y)) {
    abort("response", "A source takes no response of counts: give a row for each class, with `weights`.")
  }
  if (is.ordered(y)) "ordered" else if (is.character(y)) "character" else if (is.factor(y)) "factor" else "other"
}

# ---- formulas -----------------------------------------------------------------------------------------------------

design_from_source <- function(formula, source, call, contrasts, env, intercept = TRUE) {
  formula <- as_formula(formula, env)
  found <- source_model(formula, source, call, contrasts, env, intercept)
  first <- found$first
  blueprint <- found$blueprint
  rows <- function(data, place) {
    frame <- block_frame(found$model, data, place)
    x <- bake_frame(blueprint, predictors_of(frame, found$model$terms))$x
    c(list(x = plain_block(x)), frame_extras(frame, found$model$terms))
  }
  stream <- new_stream(source, rows, first, blueprint$names, blueprint$layout == "sparse")
  list(x = cache_stream(stream, source), y = first$y, weights = first$weights, offset = first$offset,
       blueprint = blueprint, foldid = first$foldid, home = list(caller = env, formula = environment(formula)),
       term = term_of_columns(found$columns), omitted = first$omitted)
}

# What the first pass over a source finds: list(first, model, columns, blueprint).
source_model <- function(formula, source, call, contrasts, env, intercept) {
  reader <- open_source(source)
  on.exit(reader$close())
  first <- read_first(formula, source, reader, call, env)
  reader$close() # before the next pass begins
  model <- first$model
  terms <- model$terms
  if (!intercept) attr(terms, "intercept") <- 0L
  frame <- with_levels(first$frame, first$xlevels)
  contrasts <- used_contrasts(terms, frame, contrasts)
  columns <- read_terms(terms, frame, contrasts)
  layout <- choose_stream_layout(columns)
  blueprint <- formula_blueprint(terms, frame, contrasts, first$data, nrow(first$data), call$offset)
  names <- colnames(expand_terms(columns, layout))
  blueprint <- c(blueprint, list(names = names, layout = layout, offset = first$offset_kind))
  model$blueprint <- blueprint
  list(first = first, model = model, columns = columns, blueprint = blueprint)
}

# Frames of a block: the variables of the terms and the arguments that are evaluated in data, without the rows that
# na.action or a weight of 0 take away.
block_frame <- function(model, data, place) {
  lacking <- setdiff(model$needed, names(data))
  if (length(lacking)) {
    abort("source", sprintf("%s lacks %s.", to_upper(in_block(place)), named("column", lacking)),
          columns = lacking, block = place$block)
  }
  terms <- model$terms
  data <- plain_data(data, all.names(attr(terms, "variables"), unique = FALSE))
  columns <- tryCatch(evaluate_variables(attr(terms, "variables"), data, environment(terms)), error = refuse_formula)
  check_columns(columns, variable_names(attr(terms, "variables")), "formula", nrow(data))
  arguments <- evaluate_arguments(model$call, data, environment(terms), model$env)
  frame <- make_frame(terms, columns, arguments, data, model$na_action)
  weights <- frame[["(weights)"]]
  if (!is.null(weights) && is.numeric(weights) && !anyNA(weights) && any(weights == 0)) {
    frame <- frame[weights != 0, , drop = FALSE]
    place$weightless <- TRUE
  }
  frame
}

# No row is left of a source.
refuse_empty <- function(place) {
  if (isTRUE(place$weightless)) abort("weights", "All weights are zero.")
  abort("no_rows", "The source has no rows, or none is left without missing values.")
}

frame_extras <- function(frame, terms) {
  list(y = frame[[attr(terms, "response")]], weights = frame[["(weights)"]], offset = frame_offset(frame, terms),
       foldid = frame[["(foldid)"]])
}

predictors_of <- function(frame, terms) {
  keep <- setdiff(seq_len(length(attr(terms, "variables")) - 1L), attr(terms, "response"))
  structure(unclass(frame)[keep], class = "data.frame", row.names = .set_row_names(nrow(frame)))
}

plain_block <- function(x) {
  if (is(x, "dgCMatrix")) return(x)
  dimnames(x) <- NULL
  if (!is.double(x)) storage.mode(x) <- "double"
  x
}

# Everything of the first pass.
read_first <- function(formula, source, reader, call, env) {
  place <- reader$place
  model <- list(call = call, env = env, na_action = eval(call$na.action, env))
  response <- collector()
  weights <- offsets <- foldid <- list()
  factors <- list()
  kept <- data_first <- kind <- NULL
  omitted <- 0
  while (!is.null(data <- reader$next_block())) {
    if (!is.data.frame(data)) abort("source", "A formula needs blocks that are data frames.")
    if (is.null(model$terms) && nrow(data)) {
      model <- first_terms(model, formula, data)
      data_first <- data
    }
    if (!nrow(data)) next
    frame <- block_frame(model, data, place)
    terms <- model$terms
    omitted <- omitted + length(attr(frame, "na.action"))
    extras <- frame_extras(frame, terms)
    now <- response_kind(extras$y)
    if (nrow(frame)) {
      if (is.null(kind)) kind <- now
      response$add(flatten_response(extras$y), "The response", place)
      factors <- collect_levels(factors, frame, terms, place)
      if (is.null(kept)) kept <- frame else check_column_types(kept, frame, place)
    }
    weights[[place$block]] <- extras$weights
    offsets[[place$block]] <- extras$offset
    foldid[[place$block]] <- extras$foldid
    place$rows <- place$rows + nrow(frame)
  }
  if (is.null(kept)) refuse_empty(place)
  weights <- bind_blocks(weights[lengths(weights) > 0L])
  offset <- bind_blocks(offsets[lengths(offsets) > 0L])
  list(model = model, frame = kept, data = data_first, rows = place$rows, omitted = omitted,
       xlevels = lapply(factors, finish_levels), y = collect_response(response, kind, place),
       weights = check_weights(weights, place$rows), offset = offset,
       foldid = bind_blocks(foldid[lengths(foldid) > 0L]),
       offset_kind = if ("(offset)" %in% names(kept)) "argument" else if (is.null(offset)) "none" else "formula")
}

first_terms <- function(model, formula, data) {
  terms <- model_terms(formula, data)
  environment(terms) <- environment(formula)
  plain <- plain_data(data, all.names(attr(terms, "variables"), unique = FALSE))
  columns <- tryCatch(evaluate_variables(attr(terms, "variables"), plain, environment(terms)), error = refuse_formula)
  check_columns(columns, variable_names(attr(terms, "variables")), "formula")
  model$terms <- remember_columns(terms, columns)
  refuse_dependent_rows(terms, columns, plain)
  expressions <- c(as.list(attr(terms, "variables"))[-1L],
                   as.list(model$call)[c("weights", "offset", "foldid", "subset")])
  model$needed <- intersect(names(data), unlist(lapply(expressions, function(e) if (is.language(e)) all.vars(e))))
  model
}

# scale(x), poly(x, 2) and their kind would have other values in each block.
refuse_dependent_rows <- function(terms, columns, data) {
  env <- environment(terms)
  expressions <- as.list(attr(terms, "variables"))[-1L]
  checked <- setdiff(which(vapply(expressions, is.call, NA)), attr(terms, "response"))
  dependent <- checked[vapply(checked, function(i) {
    !is_elementwise(expressions[[i]], env) && changes_among_others(expressions[[i]], columns[[i]], data, env)
  }, NA)]
  if (length(dependent)) {
    names <- variable_names(attr(terms, "variables"))[dependent]
    abort("source", sprintf(paste(
      "%s %s computed from all rows together, and a source has one block at a time. Compute the column before, or",
      "write the numbers in, as in I((x - 3) / 2)."), enumerate(names), if (length(names) == 1L) "is" else "are"),
      terms = names)
  }
}

# Have the first rows other values without the rest?
changes_among_others <- function(expr, value, data, env) {
  n <- nrow(data)
  some <- seq_len(ceiling(n / 2))
  if (n < 2L) return(FALSE)
  again <- tryCatch(suppressWarnings(eval(expr, data[some, , drop = FALSE], env)), error = function(e) NULL)
  is.null(again) || !same_values(again, take_rows(value, some)) || depends_on_rows(expr, value, data, env)
}

# The levels of each factor that occur, by position in the frame: list(all, used, sorted).
collect_levels <- function(factors, frame, terms, place) {
  beside <- c(attr(terms, "response"), attr(terms, "offset"))
  for (i in setdiff(seq_len(length(attr(terms, "variables")) - 1L), beside)) {
    value <- frame[[i]]
    if (!is.factor(value) && !is.character(value)) next
    known <- factors[[as.character(i)]]
    all <- if (is.factor(value)) levels(value) else unique(value[!is.na(value)]) # NA may be a level of a factor
    used <- if (is.factor(value)) all[tabulate(value, nlevels(value)) > 0L] else all
    factors[[as.character(i)]] <- list(
      all = union(known$all, all), used = union(known$used, used),
      sorted = is.character(value) || isTRUE(known$sorted))
  }
  factors
}

finish_levels <- function(known) {
  levels <- known$all[known$all %in% known$used]
  if (known$sorted) sort(levels) else levels
}

# The first block's frame, whose factors get all levels.
with_levels <- function(frame, xlevels) {
  for (i in names(xlevels)) {
    value <- frame[[as.integer(i)]]
    contrasts <- attr(value, "contrasts")
    value <- recode(value, xlevels[[i]], is.ordered(value))$value
    if (is.character(contrasts)) attr(value, "contrasts") <- contrasts
    frame[[as.integer(i)]] <- value
  }
  frame
}

# A column is the same kind of variable in all blocks.
check_column_types <- function(first, frame, place) {
  for (i in seq_along(first)) {
    kinds <- vapply(list(first[[i]], frame[[i]]), function(v) {
      if (is.logical(v) && all(is.na(v))) return("any")
      class <- stats::.MFclass(v)
      if (class == "character") "factor" else class
    }, "")
    if (kinds[1L] == kinds[2L] || "any" %in% kinds) next
    abort("source", sprintf("`%s` is %s in %s and %s before: one kind of column is needed.", names(first)[i],
                            class_in_words(kinds[2L]), in_block(place), class_in_words(kinds[1L])),
          columns = names(first)[i], block = place$block)
  }
}

# Sparse where a row has few entries of many columns.
choose_stream_layout <- function(model) {
  if (!is.null(model$plain)) return("dense")
  size <- term_sizes(model)
  columns <- sum(size$columns)
  if (any(size$coded) && columns > 200 && sum(size$nonzeros) < 0.1 * columns) "sparse" else "dense"
}

# ---- numbers --------------------------------------------------------------------------------------------------------

design_from_numbers <- function(source, y, weights, offset, intercept) {
  given <- list(y = y, weights = weights, offset = offset)
  first <- first_numbers(source, given)
  names <- check_column_names(first$names, first$p, intercept)
  blueprint <- list(kind = "matrix", terms = NULL, xlevels = NULL, contrasts = NULL, intercept = intercept,
                    offset = if (is.null(first$offset)) "none" else "argument", named = !is.null(first$names),
                    names = names)
  rows <- function(block, place) {
    x <- columns_of_block(block$x, first, place)
    keep <- if (is.null(block$weights)) NULL else which(block$weights != 0)
    out <- list(x = plain_block(x), y = block$y, weights = block$weights, offset = block$offset)
    if (is.null(keep) || length(keep) == nrow(x)) out else lapply(out, function(v) if (!is.null(v)) take_rows(v, keep))
  }
  stream <- new_stream(source, rows, first, names, first$sparse)
  list(x = cache_stream(stream, source), y = first$y, weights = first$weights, offset = first$offset,
       blueprint = blueprint, home = list(caller = parent.frame(3L)), term = seq_len(first$p))
}

# The first pass. What lies in a file is not read for it.
first_numbers <- function(source, given) {
  file <- source$file
  first <- if (is.null(file)) read_numbers(source) else {
    beside <- source$beside
    list(names = file$names, p = length(file$names), sparse = FALSE, rows = file$n, weights = beside$weights,
         offset = beside$offset, y = if (!is.null(beside$y)) read_whole_response(beside$y))
  }
  join_numbers(first, given)
}

read_whole_response <- function(y) {
  response <- collector()
  y <- flatten_response(y)
  response$add(y, "The response", NULL)
  collect_response(response, response_kind(y), NULL)
}

read_numbers <- function(source) {
  reader <- open_source(source)
  on.exit(reader$close())
  place <- reader$place
  response <- collector()
  weights <- offsets <- list()
  first <- kind <- NULL
  while (!is.null(block <- reader$next_block())) {
    if (is.data.frame(block)) {
      abort("source", "The blocks are data frames: give a formula, linclass(y ~ ., source), or row_source(formula = ).")
    }
    if (is.null(first)) {
      first <- list(names = colnames(block$x), p = ncol(block$x), sparse = is(block$x, "dgCMatrix"))
    }
    columns_of_block(block$x, first, place)
    keep <- if (is.numeric(block$weights) && !anyNA(block$weights)) block$weights != 0 else TRUE
    if (!all(keep)) place$weightless <- TRUE
    if (!is.null(block$y)) {
      y <- flatten_response(block$y)
      if (is.null(kind)) kind <- response_kind(y) else response_kind(y)
      response$add(y[keep], "The response", place)
    }
    weights[[place$block]] <- block$weights[keep]
    if (!is.null(block$offset)) offsets[[place$block]] <- take_rows(block$offset, keep)
    place$rows <- place$rows + if (isTRUE(keep)) nrow(block$x) else sum(keep)
  }
  reader$close()
  if (is.null(first) || place$rows == 0) refuse_empty(place)
  first$rows <- place$rows
  first$y <- if (response$any()) collect_response(response, kind, place)
  first$weights <- bind_blocks(weights[lengths(weights) > 0L])
  first$offset <- bind_blocks(offsets[lengths(offsets) > 0L])
  for (name in block_names[-1L]) {
    if (is.null(first[[name]]) || NROW(first[[name]]) == first$rows) next
    abort("source", sprintf("Some blocks have `%s` and others have none.", name))
  }
  first
}

# With what linclass() was given.
join_numbers <- function(first, given) {
  for (name in names(given)) {
    if (is.null(given[[name]])) next
    if (!is.null(first[[name]])) abort("argument", sprintf("`%s` is given, and the source has it too.", name))
    first[[name]] <- given[[name]]
  }
  if (is.null(first$y)) abort("response", "There is no response: give `y`, to row_source() or here.")
  first$weights <- check_weights(first$weights, first$rows)
  if (!is.null(given$weights) && any(first$weights == 0)) {
    abort("weights", "Weights of 0 belong to the source, where their rows are left out: row_source(x, weights = ).")
  }
  # What was given here is not in the blocks and not compared with them.
  first$elsewhere <- names(given)[!vapply(given, is.null, NA)]
  first
}

columns_of_block <- function(x, first, place) {
  if (!is.null(first$names) && !is.null(colnames(x)) && !identical(colnames(x), first$names)) {
    lacking <- setdiff(first$names, colnames(x))
    if (length(lacking)) {
      abort("source", sprintf("%s lacks %s.", to_upper(in_block(place)), named("column", lacking)),
            columns = lacking, block = place$block)
    }
    x <- x[, first$names, drop = FALSE]
  }
  if (ncol(x) != first$p) {
    abort("source", sprintf("%s has %s, and the first has %d.", to_upper(in_block(place)), plural(ncol(x), "column"),
                            first$p), block = place$block)
  }
  if (is(x, "dgCMatrix") == first$sparse) return(x)
  if (first$sparse) as_csc(Matrix::Matrix(x, sparse = TRUE)) else as.matrix(x)
}
