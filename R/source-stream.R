# The streams that C asks for rows (src/r/stream.c), what is compared in each pass, and predictions block by block.

# ---- streams --------------------------------------------------------------------------------------------------------

# What reads the blocks of one pass, made afresh for each: open() gives it, or NULL where C reads the file by itself.
pass_reader <- function(open) {
  reader <- NULL
  close <- function() {
    if (!is.null(reader)) reader$close()
    reader <<- NULL
  }
  begin <- function() {
    close()
    reader <<- open()
    NULL
  }
  list(begin = begin, current = function() reader, close = close)
}

# rows(block, place): list(x, y, weights, offset) of a block. first: what the first pass found.
new_stream <- function(source, rows, first, names, sparse) {
  state <- new.env(parent = emptyenv())
  state$stamp <- if (!is.null(source$file)) source$file$stamp else if (!is.null(source$stamp)) source$stamp()
  pass <- pass_reader(function() if (is.null(source$file)) open_source(source))
  next_rows <- function() {
    reader <- pass$current()
    place <- reader$place
    repeat {
      block <- reader$next_block()
      if (is.null(block)) {
        pass$close()
        return(NULL)
      }
      got <- same_block(source, place, rows(block, place))
      n <- nrow(got$x)
      if (n == 0) next
      compare_block(got, first, place, n, source)
      place$rows <- place$rows + n
      return(got$x)
    }
  }
  structure(list(dim = as.double(c(first$rows, length(names))), sparse = sparse, names = names, state = state,
                 path = source$file$path, element = source$file$element, code = source$file$code,
                 host = stream_host(source, state, pass$begin, next_rows, pass$close)),
            class = "linclass_stream")
}

# What C calls. An interrupt is told to C, which ends the fit as it does for its own.
stream_host <- function(source, state, begin, next_rows, close) {
  function(what, value) {
    done <- FALSE
    on.exit(if (!done) close())
    answer <- switch(what, begin = {
      check_stamp(source, state)
      tryCatch(begin(), interrupt = function(e) state$interrupted <- TRUE)
    }, "next" = {
      if (isTRUE(state$interrupted)) "interrupted" else tryCatch(next_rows(), interrupt = function(e) {
        state$interrupted <- TRUE
        "interrupted"
      })
    }, end = {
      close()
      if (is.null(state$sum)) state$sum <- value
      if (!identical(state$sum, value)) {
        abort("source", sprintf("%s: the numbers are not those of an earlier pass, or in another order.%s",
                                to_upper(source$title), advice_on_order(source)))
      }
    }, close = close(), refuse = abort("source", sprintf("%s: %s.", to_upper(source$title), value)))
    done <- !isTRUE(state$interrupted)
    answer
  }
}

# After a call that may have been left by a jump, such as an error in a handler of messages.
close_stream <- function(x) if (is_stream(x)) x$host("close", NULL)

advice_on_order <- function(source) if (is.null(source$advice)) "" else source$advice

# A block that the blueprint does not take is another one than in the first pass.
same_block <- function(source, place, expr) {
  tryCatch(expr, linclass_error = function(e) {
    if (inherits(e, "linclass_error_source")) stop(e)
    abort("source", sprintf("%s of %s is not that of the first pass: %s", to_upper(in_block(place)), source$title,
                            gsub(" Use novel.*$", "", gsub("`newdata`", "the block", conditionMessage(e)))),
          parent = e, block = place$block)
  })
}

check_stamp <- function(source, state) {
  if (is.null(source$stamp)) return(invisible())
  now <- source$stamp()
  changed <- now != state$stamp
  if (any(changed)) {
    abort("source", sprintf("%s changed since the first look.",
                            subject("File", "Files", names(now)[changed], "has", "have")))
  }
}

compare_block <- function(got, first, place, n, source) {
  if (place$rows + n > first$rows) {
    abort("source", sprintf("%s gave more rows in this pass than the %s of the first.%s", to_upper(source$title),
                            format(first$rows), advice_on_order(source)))
  }
  at <- place$rows + seq_len(n)
  for (name in setdiff(c("y", "weights", "offset"), first$elsewhere)) {
    if (is.null(got[[name]]) && is.null(first[[name]])) next
    if (!is.null(got[[name]]) && same_values_at(got[[name]], first[[name]], at)) next
    what <- c(y = "response", weights = "weights", offset = "offset")[[name]]
    abort("source", sprintf("%s of %s has another %s than in the first pass.%s", to_upper(in_block(place)),
                            source$title, what, advice_on_order(source)), block = place$block)
  }
}

same_values_at <- function(value, all, at) {
  if (is.factor(all)) {
    if (!is.factor(value)) value <- factor(flatten_response(value))
    return(identical(match(levels(value), levels(all))[as.integer(value)], as.integer(all)[at]))
  }
  some <- take_rows(all, at)
  identical(as.double(value), as.double(some))
}

# ---- predictions ----------------------------------------------------------------------------------------------------

# Block by block; only the predictions are as long as the rows.
predict_source <- function(source, offset, predict) {
  if (!is.null(offset)) abort("offset", "Offsets belong to the blocks of a source.")
  reader <- open_source(source)
  on.exit(reader$close())
  parts <- list()
  while (!is.null(block <- reader$next_block())) {
    n <- NROW(if (is.data.frame(block)) block else block$x)
    if (!n) next
    parts[[length(parts) + 1L]] <- unnamed_rows(if (is.data.frame(block)) predict(block, NULL) else
      predict(block$x, block$offset))
    reader$place$rows <- reader$place$rows + n
  }
  if (!length(parts)) abort("no_rows", "The source has no rows.")
  bind_predictions(parts)
}

unnamed_rows <- function(value) {
  if (is.data.frame(value)) return(value)
  if (is.list(value)) return(lapply(value, unnamed_rows))
  if (is.null(dim(value))) unname(value) else {
    dimnames(value)[1L] <- list(NULL)
    value
  }
}

# Vectors, factors, arrays, data frames or lists of them, one after another.
bind_predictions <- function(parts) {
  first <- parts[[1L]]
  if (is.factor(first)) {
    return(structure(unlist(lapply(parts, as.integer)), levels = levels(first), class = class(first)))
  }
  if (is.data.frame(first)) return(do.call(rbind, parts))
  if (is.list(first)) {
    bound <- lapply(names(first), function(name) {
      if (length(first[[name]]) == 1L && name == "residual.scale") first[[name]] else
        bind_predictions(lapply(parts, `[[`, name))
    })
    return(stats::setNames(bound, names(first)))
  }
  if (is.null(dim(first))) return(unlist(parts))
  rest <- dim(first)[-1L]
  flat <- do.call(rbind, lapply(parts, function(p) matrix(p, nrow(p))))
  array(flat, c(nrow(flat), rest), dimnames(first))
}
