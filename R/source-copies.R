# Copies of a source in temporary files: of rows that can be read once, of columns as numbers (by columns, which C
# reads), and of sparse blocks.

# ---- blocks one after another -------------------------------------------------------------------------------------

# A file that goes when `owner`, an environment, does.
new_copy <- function(owner, ending) {
  owner$copy <- tempfile("linclass-", fileext = ending)
  reg.finalizer(owner, remove_copy, onexit = TRUE)
  owner$copy
}

remove_copy <- function(owner) {
  if (!is.null(owner$copy)) unlink(owner$copy)
}

# Blocks of a reader, and NULL at the end, as they are written to `path`.
write_blocks <- function(reader, path, title) {
  connection <- file(path, "wb")
  written <- function(expr) {
    tryCatch(expr, error = function(e) {
      abort("source", sprintf("The copy of %s in the folder of temporary files (%s) cannot be written: %s%s", title,
                              tempdir(), conditionMessage(e), ". Is the disk full?"), parent = e)
    })
  }
  open <- TRUE
  close_file <- function() {
    if (open) close(connection)
    open <<- FALSE
  }
  list(next_block = function() {
    block <- reader$next_block()
    written(serialize(block, connection, xdr = FALSE))
    if (is.null(block)) written(flush(connection))
    block
  }, close = function() {
    close_file()
    reader$close()
  })
}

read_blocks <- function(path) {
  connection <- file(path, "rb")
  list(next_block = function() unserialize(connection), close = function() close(connection))
}

# `open` for rows that can be read once: the first pass writes its blocks to a file, which the others read.
read_once <- function(open, title) {
  state <- new.env(parent = emptyenv())
  state$passed <- state$begun <- FALSE
  function() {
    if (state$passed) return(read_blocks(state$copy))
    if (state$begun) {
      abort("source", sprintf("%s can be read once, and an earlier pass did not reach its end: make it anew.", title))
    }
    state$begun <- TRUE
    reader <- write_blocks(open(), new_copy(state, ".blocks"), tolower(title))
    list(next_block = function() {
      block <- reader$next_block()
      if (is.null(block)) state$passed <- TRUE
      block
    }, close = function() {
      reader$close()
      if (!state$passed) remove_copy(state)
    })
  }
}

# ---- the columns of a fit -----------------------------------------------------------------------------------------

# The stream that the other passes read.
cache_stream <- function(stream, source) {
  if (source$cache != "disk" || !is.null(stream$path) || !stream$dim[2L]) return(stream)
  if (stream$sparse) copy_sparse(stream, source) else copy_columns(stream, source)
}

# Megabytes from which on a copy is spoken of.
told_from <- 100

copy_columns <- function(stream, source) {
  size <- 8 * prod(stream$dim)
  where <- sprintf("%s in the folder of temporary files (%s)", in_bytes(size), tempdir())
  if (size >= told_from * 1e6) inform("copy", sprintf("The columns are written to a file of %s.", where), bytes = size)
  kept <- new.env(parent = emptyenv())
  path <- new_copy(kept, ".columns")
  done <- FALSE
  on.exit(if (!done) remove_copy(kept))
  wrong <- .Call(lcr_stream_copy, stream, path)
  if (wrong %in% c("interrupted", "out_of_memory")) refuse_status(wrong, "Not enough memory.")
  if (wrong != "") {
    abort("source", sprintf(paste(
      "The columns need %s, which %s. Choose another folder by the environment variable TMPDIR before R starts, or",
      "give cache = \"none\"."), where, if (wrong == "room") "has not as much room" else "cannot be written to"),
      bytes = size)
  }
  done <- TRUE
  copied_stream(stream, source, kept, function() NULL, path)
}

# A sum of sparse blocks depends on where they are cut, so they stay as they are.
copy_sparse <- function(stream, source) {
  kept <- new.env(parent = emptyenv())
  path <- new_copy(kept, ".blocks")
  done <- FALSE
  ask <- function(what) stream$host(what, NULL)
  ask("begin")
  writer <- write_blocks(list(next_block = function() {
    block <- ask("next")
    if (is.character(block)) refuse_status("interrupted", "")
    block
  }, close = function() NULL), path, source$title)
  on.exit({
    writer$close()
    if (!done) remove_copy(kept)
  })
  while (!is.null(writer$next_block())) NULL
  done <- TRUE
  copied_stream(stream, source, kept, function() read_blocks(path))
}

# open: as for pass_reader().
copied_stream <- function(stream, source, kept, open, path = NULL) {
  copy <- list(title = sprintf("the copy of %s", source$title), cache = "none", stamp = file_stamp(kept$copy))
  kept$sum <- stream$state$sum
  kept$stamp <- copy$stamp()
  place <- new.env(parent = emptyenv())
  pass <- pass_reader(function() {
    place$block <- 0
    open()
  })
  next_rows <- function() {
    place$block <- place$block + 1
    source_error(copy, place, pass$current()$next_block())
  }
  structure(list(dim = stream$dim, names = stream$names, sparse = stream$sparse, state = kept, path = path,
                 host = stream_host(copy, kept, pass$begin, next_rows, pass$close)), class = "linclass_stream")
}

# When a fit is over, also by an error.
end_design <- function(design) {
  if (is_stream(design$x)) remove_copy(design$x$state)
}

in_bytes <- function(size) format(structure(size, class = "object_size"), units = "auto", standard = "SI")
