# What a worker does with its shards of rows. They stay in this environment: one for each owner (a row_shards() object
# or a fit), in it one for each shard, which holds `data`, a data frame or a list of x, y, weights and offset, and what
# a fit made of it: x, codes, weights, offset, fit_weights.

worker_store <- new.env(parent = emptyenv())

# message: list(owner, fit, sequence, task, shards, common, own). Each shard's answer says which one it is and how many
# rows it has.
answer_message <- function(message) {
  task <- worker_tasks[[message$task]]
  answers <- Map(function(shard, own) {
    tryCatch(task(owned_shard(message$owner, shard), message$common, own), error = function(e) {
      list(failed = conditionMessage(e), class = class(e), absent = inherits(e, "linclass_absent"))
    })
  }, message$shards, if (is.null(message$own)) list(NULL) else message$own)
  answers <- Map(function(answer, shard) c(list(shard = shard), answer), answers, message$shards)
  list(fit = message$fit, sequence = message$sequence, answers = unname(answers))
}

owned_shard <- function(owner, shard) {
  if (is.null(worker_store[[owner]])) worker_store[[owner]] <- new.env(parent = emptyenv())
  name <- as.character(shard)
  if (is.null(worker_store[[owner]][[name]])) {
    worker_store[[owner]][[name]] <- list2env(list(number = shard), parent = emptyenv())
  }
  worker_store[[owner]][[name]]
}

absent <- function(shard) {
  stop(structure(class = c("linclass_absent", "error", "condition"), list(
    message = sprintf("shard %d is not here", shard$number), call = NULL)))
}

worker_tasks <- list(
  # A worker that says who it is; and, as it is, what it was given.
  hello = function(shard, common, own) {
    list(rows = 0, value = list(host = Sys.info()[["nodename"]], pid = Sys.getpid(),
                                version = as.character(getNamespaceVersion("linclass"))))
  },
  echo = function(shard, common, own) list(rows = 0, value = common),
  drop = function(shard, common, own) {
    rm(list = intersect(common, names(worker_store)), envir = worker_store)
    list(rows = 0)
  },
  # By recipe: own is a unit, common its reader.
  load = function(shard, common, own) {
    shard$data <- collected_rows(common(own))
    list(rows = data_size(shard$data), value = list(kind = data_kind(shard$data), names = data_names_of(shard$data)))
  },
  sketch = function(shard, common, own) {
    if (is.null(shard$data)) absent(shard)
    list(rows = data_size(shard$data), value = common$sketch(shard$data, common, shard$number))
  },
  # Rows as a fit needs them.
  code = function(shard, common, own) {
    if (is.null(shard$data)) absent(shard)
    list2env(code_shard(shard$data, common, shard$number), shard)
    coded_answer(shard, length(common$levels), list(omitted = shard$omitted))
  },
  # The same, made elsewhere.
  put = function(shard, common, own) {
    list2env(own[c("x", "codes", "weights", "offset")], shard)
    shard$fit_weights <- own$weights
    coded_answer(shard, common$k)
  },
  # class_weights, and the statistics of the columns.
  weigh = function(shard, common, own) {
    if (is.null(shard$codes)) absent(shard)
    shard$fit_weights <- class_weighted(shard$weights, shard$codes, common$class_weights)
    stats <- .Call(lcr_colstats, shard$x, shard$fit_weights)
    if (is.character(stats)) abort("sparse", paste("The shard's matrix is not valid:", stats))
    coded_answer(shard, common$k, list(stats = stats))
  },
  folds = function(shard, common, own) list(rows = 0, value = paths_of_folds(common, own)),
  sums = function(shard, common, own) {
    if (is.null(shard$codes)) absent(shard)
    offset <- shard_offset(shard, common)
    sums <- .Call(lcr_shard_sums, shard$x, shard$codes, shard$fit_weights, offset, common)
    list(rows = nrow(shard$x), value = sums)
  })

class_weighted <- function(weights, codes, class_weights) {
  if (is.null(class_weights)) return(weights)
  factors <- class_weights[codes + 1L]
  if (is.null(weights)) factors else weights * factors
}

coded_answer <- function(shard, k, more = NULL) {
  totals <- class_totals(list(codes = shard$codes, levels = character(k)), shard$fit_weights)
  list(rows = nrow(shard$x), value = c(list(totals = totals, dense = is.matrix(shard$x)), more))
}

# Offsets of the score columns; made once for each coding. A shard without rows has none.
shard_offset <- function(shard, request) {
  if (!length(shard$offset)) return(NULL)
  if (!identical(shard$offset_of, request$fit_coding)) {
    shard$score_offset <- score_offset(shard$offset, request$k, request$fit_coding)
    shard$offset_of <- request$fit_coding
  }
  shard$score_offset
}

# ---- rows of a shard ------------------------------------------------------------------------------------------------

# A source is read whole: a shard stays in the memory of its worker.
collected_rows <- function(data) {
  if (is_source(data)) {
    reader <- open_source(data)
    on.exit(reader$close())
    blocks <- list()
    while (!is.null(block <- reader$next_block())) blocks[[length(blocks) + 1L]] <- block
    if (!length(blocks)) abort("no_rows", "The shard has no rows, not even columns.")
    data <- if (is.data.frame(blocks[[1L]])) do.call(rbind, blocks) else joined_numbers(blocks)
  }
  if (is.data.frame(data)) {
    attr(data, "row.names") <- .set_row_names(nrow(data))
    return(data)
  }
  if (!is.list(data) || is.null(data$x)) {
    abort("shards", sprintf(paste("A shard is %s; it must be a data frame, a row_source(), or a list of x, y, weights",
                                  "and offset."), describe_value(data)))
  }
  data$x <- as_known_numbers(data$x, "shards", "`x` of a shard")
  data
}

joined_numbers <- function(blocks) {
  part <- function(name) lapply(blocks, `[[`, name)
  y <- part("y")
  list(x = do.call(rbind, part("x")), y = if (is.factor(y[[1L]])) do.call(c, y) else unlist(y),
       weights = unlist(part("weights")), offset = bind_blocks(Filter(Negate(is.null), part("offset"))))
}

data_size <- function(data) if (is.data.frame(data)) nrow(data) else nrow(data$x)
data_kind <- function(data) if (is.data.frame(data)) "frame" else "xy"
data_names_of <- function(data) if (is.data.frame(data)) names(data) else colnames(data$x)

# The rows that show what a formula must know of all: the first ones, and the first of each value of each factor and of
# the response.
sketch_frame <- function(data, common, number) {
  if (!nrow(data)) return(data)
  model <- first_terms(common[c("call", "env", "na_action")], common$formula, data)
  place <- list2env(list(block = number, rows = 0))
  frame <- block_frame(model, data, place)
  response <- attr(model$terms, "response")
  unknown <- sum(is.na(frame[[response]]))
  if (unknown) abort("missing", sprintf("The response has %s.", plural(unknown, "missing value")))
  leveled <- vapply(frame, function(v) !is.numeric(v) || is.factor(v), NA)
  leveled[response] <- TRUE
  first <- lapply(unclass(frame)[leveled], function(v) utils::head(which(!duplicated(v)), 70000L))
  shown <- sort(unique(c(seq_len(min(20L, nrow(frame))), unlist(first))))
  rows <- as.integer(attr(frame, "row.names"))[shown]
  data[rows, intersect(names(data), model$needed), drop = FALSE]
}

sketch_numbers <- function(data, common, number) {
  if (is.null(data$y)) abort("response", "A shard has no response `y`.")
  y <- flatten_response(data$y)
  seen <- if (is.null(data$weights)) TRUE else data$weights > 0
  list(y = y[utils::head(which(!duplicated(y) & seen), 70000L)], p = ncol(data$x), sparse = is(data$x, "dgCMatrix"),
       names = colnames(data$x), weights = !is.null(data$weights), offset = !is.null(data$offset))
}

code_shard <- function(data, common, number) {
  place <- list2env(list(block = number, rows = 0))
  got <- if (is.data.frame(data)) {
    terms <- common$model$terms
    frame <- block_frame(common$model, data, place)
    x <- if (nrow(frame)) bake_frame(common$blueprint, predictors_of(frame, terms))$x else empty_x(common$blueprint)
    c(list(x = plain_block(x), omitted = length(attr(frame, "na.action"))), frame_extras(frame, terms))
  } else {
    x <- columns_of_block(data$x, common$first, place)
    rows <- list(x = plain_block(x), y = data$y, weights = data$weights, offset = data$offset)
    keep <- if (is.null(data$weights)) NULL else which(data$weights != 0)
    if (is.null(keep)) rows else lapply(rows, function(v) if (!is.null(v)) take_rows(v, keep))
  }
  n <- nrow(got$x)
  codes <- row_classes(got$y, list(levels = common$levels))$codes
  if (anyNA(codes)) {
    abort("shards", sprintf("The response of %s rows of shard %d is missing, or none of the classes of the others.",
                            format(sum(is.na(codes))), number))
  }
  weights <- check_weights(got$weights, n)
  list(x = got$x, codes = as.integer(codes), weights = weights, fit_weights = weights,
       offset = check_offset(got$offset, n, length(common$levels)), offset_of = NULL,
       omitted = if (is.null(got$omitted)) 0 else got$omitted)
}
