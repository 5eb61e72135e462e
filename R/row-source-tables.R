# Sources that give data frames from elsewhere: queries of a data base, and Arrow streams.

#' @rdname row_source
#' @export
row_source.DBIConnection <- function(x, query, key = NULL, ..., formula = NULL, levels = NULL, block = 50000,
                                     cache = c("disk", "none")) {
  need_package("DBI", "a data base")
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  check_whole(block, "block", 1, "argument")
  cache <- match_choice(cache)
  if (missing(query) || !is.character(query) || length(query) != 1L || is.na(query)) {
    abort("argument", "`query` must be one string, such as \"SELECT * FROM flights\".")
  }
  query <- ordered_query(x, query, key)
  open <- function() {
    result <- DBI::dbSendQuery(x, query)
    list(next_block = function() {
      rows <- DBI::dbFetch(result, n = block)
      if (nrow(rows)) without_integer64(rows)
    }, close = function() {
      # Where the connection is gone, so is the result.
      if (DBI::dbIsValid(result)) suppressWarnings(try(DBI::dbClearResult(result), silent = TRUE))
    })
  }
  source <- new_source("frame", open, "a query", formula, levels, cache)
  if (is.null(key)) source$advice <- " Give the query an ORDER BY, or row_source() a `key`."
  source
}

ordered_query <- function(connection, query, key) {
  if (is.null(key)) return(query)
  if (!is.character(key) || !length(key) || anyNA(key)) {
    abort("argument", "`key` must be NULL or the names of columns that tell the rows apart.")
  }
  sprintf("SELECT * FROM (%s) AS rows_of_query ORDER BY %s", sub("[;[:space:]]*$", "", query),
          paste(DBI::dbQuoteIdentifier(connection, key), collapse = ", "))
}

# Drivers give large whole numbers as integer64, whose bits base R takes for other numbers.
without_integer64 <- function(data) {
  for (i in which(vapply(data, inherits, NA, "integer64"))) {
    need_package("bit64", "whole numbers of 64 bits")
    data[[i]] <- bit64::as.double.integer64(data[[i]])
  }
  data
}

#' @rdname row_source
#' @export
row_source.nanoarrow_array_stream <- function(x, ..., formula = NULL, levels = NULL, cache = c("disk", "none")) {
  need_package("nanoarrow", "an Arrow stream")
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  new_source("frame", read_once(function() open_arrow(x), "An Arrow stream"), "an Arrow stream", formula, levels,
             match_choice(cache))
}

# Tables and data sets of package arrow can be read again and again.
arrow_source <- function(x, ..., formula = NULL, levels = NULL, cache = c("disk", "none")) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  new_source("frame", function() open_arrow(x), "an Arrow table", formula, levels, match_choice(cache))
}

#' @rdname row_source
#' @export
row_source.ArrowTabular <- arrow_source

#' @rdname row_source
#' @export
row_source.Dataset <- arrow_source

# x: a stream, or what nanoarrow makes one of.
open_arrow <- function(x) {
  need_package("nanoarrow", "an Arrow stream")
  stream <- nanoarrow::as_nanoarrow_array_stream(x)
  list(next_block = function() {
    array <- stream$get_next()
    if (!is.null(array)) without_integer64(frame_of_array(array))
  }, close = function() if (nanoarrow::nanoarrow_pointer_is_valid(stream)) stream$release())
}

# Dictionaries are factors.
frame_of_array <- function(array) {
  data <- as.data.frame(nanoarrow::convert_array(array))
  for (name in names(array$children)) {
    dictionary <- array$children[[name]]$dictionary
    if (!is.null(dictionary)) data[[name]] <- factor(data[[name]], nanoarrow::convert_array(dictionary))
  }
  data
}
