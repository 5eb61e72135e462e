# Sources that are files of tables: CSV by an open connection, Parquet file by file.

#' @rdname row_source
#' @export
row_source.character <- function(x, ..., formula = NULL, levels = NULL, block = 50000, cache = c("disk", "none")) {
  cache <- match_choice(cache)
  check_whole(block, "block", 1, "argument")
  if (!length(x) || anyNA(x)) abort("argument", "`x` must be the names of one or more files.")
  lacking <- x[!file.exists(x) | dir.exists(x)]
  if (length(lacking)) {
    abort("source", sprintf("There is no %s.%s", named("file", lacking), if (any(dir.exists(lacking)))
      " For the files of a folder give list.files(folder, full.names = TRUE)." else ""))
  }
  parquet <- grepl("\\.parquet$", x, ignore.case = TRUE)
  tables <- grepl("\\.(csv|tsv|txt)(\\.(gz|bz2|xz))?$", x, ignore.case = TRUE)
  if (!all(parquet) && !all(tables)) {
    abort("source", sprintf("%s must all end in .parquet, or all in .csv, .tsv or .txt (.gz, .bz2, .xz).",
                            named("File", x[!parquet & !tables | rev(range(parquet))[1L] & tables])))
  }
  if (all(parquet)) {
    need_package("nanoparquet", "Parquet files")
    check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  }
  arguments <- if (all(tables)) check_csv_arguments(list(...))
  x <- normalizePath(x)
  open_file <- if (all(parquet)) open_parquet else open_csv
  known <- new.env(parent = emptyenv()) # header and classes of columns, from the first block on
  open <- function() {
    at <- 0L
    rows <- 0
    current <- NULL
    close <- function() {
      if (!is.null(current)) current$close()
      current <<- NULL
    }
    next_block <- function() {
      repeat {
        if (is.null(current)) {
          if (at == length(x)) return(NULL)
          at <<- at + 1L
          rows <<- 0
          current <<- open_file(x[at], block, arguments, known)
        }
        data <- in_file(list(path = x[at], rows = rows), current$next_block())
        if (!is.null(data)) {
          rows <<- rows + nrow(data)
          return(data)
        }
        close()
      }
    }
    list(next_block = next_block, close = close)
  }
  what <- if (all(parquet)) "Parquet file" else "CSV file"
  title <- if (length(x) == 1L) sprintf("%s %s", what, basename(x)) else plural(length(x), what)
  source <- new_source("frame", open, title, formula, levels, cache, stamp = file_stamp(x))
  source$parts <- list(files = x, read = function(file) {
    do.call(linclass::row_source, c(list(file), arguments, list(levels = levels, block = block, cache = "none")))
  })
  source
}

# place: list(path, rows), the rows that were read of this file.
in_file <- function(place, expr) {
  no_row <- gettext("number of items read is not a multiple of the number of columns", domain = "R")
  tryCatch(withCallingHandlers(expr, warning = function(w) {
    if (conditionMessage(w) == no_row) stop("the last line is too short")
  }), error = function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    abort("source", sprintf("File `%s` cannot be read after row %.0f: %s", place$path, place$rows, conditionMessage(e)),
          parent = e, file = place$path, rows = place$rows)
  })
}

# What is to be the same before each pass.
file_stamp <- function(path) {
  function() {
    info <- file.info(path, extra_cols = FALSE)
    if (anyNA(info$size)) {
      abort("source", sprintf("%s gone.", subject("File", "Files", path[is.na(info$size)], "is", "are")))
    }
    stats::setNames(sprintf("%.0f bytes, %.6f", info$size, as.double(info$mtime)), path)
  }
}

open_parquet <- function(path, block, arguments, known) {
  data <- in_file(list(path = path, rows = 0), without_integer64(as.data.frame(nanoparquet::read_parquet(path))))
  check_header(names(data), path, known)
  pieces_of(nrow(data), block, function(rows) data[rows, known$names, drop = FALSE])
}

# What would cut a file, or say of each block what is meant of the whole, is not for the user to give.
check_csv_arguments <- function(arguments) {
  known <- setdiff(names(formals(utils::read.table)),
                   c("file", "text", "header", "nrows", "skip", "row.names", "col.names", "fileEncoding",
                     "check.names"))
  unknown <- setdiff(names(arguments), known)
  if (length(unknown) || sum(nzchar(names(arguments))) < length(arguments)) {
    abort("unused_argument", sprintf(paste(
      "Not used: %s. CSV files have one line of names first, and may have these arguments of read.csv(): %s."),
      if (length(unknown)) enumerate(unknown) else "an argument without a name", enumerate(known, 30L)))
  }
  arguments
}

# What is text in the first block is in all others, whatever it looks like there.
open_csv <- function(path, block, arguments, known) {
  connection <- file(path, "rt")
  usual_sep <- if (grepl("\\.tsv", path, ignore.case = TRUE)) "\t" else ","
  head <- TRUE
  names <- NULL
  read <- function(header) {
    classes <- if (is.null(known$classes)) NA else known$classes[names]
    default <- list(file = connection, header = FALSE, nrows = block, stringsAsFactors = FALSE,
                    colClasses = classes, comment.char = "",
                    sep = usual_sep, check.names = FALSE, fill = FALSE) # a line that is too short is no row
    if (!is.null(names)) default$col.names <- names
    do.call(utils::read.csv, utils::modifyList(default, arguments))
  }
  next_block <- function() {
    if (head) {
      head <<- FALSE
      line <- readLines(connection, 1L)
      if (!length(line)) abort("source", sprintf("File `%s` is empty.", path), file = path)
      line <- sub("^\ufeff", "", enc2utf8(line)) # a mark of UTF-8
      names <<- as.character(unlist(utils::read.table(
        text = line, sep = if (is.null(arguments$sep)) usual_sep else arguments$sep, stringsAsFactors = FALSE,
        colClasses = "character", comment.char = "")))
      check_header(names, path, known)
    }
    data <- tryCatch(read(), error = function(e) {
      if (grepl("no lines available", conditionMessage(e), fixed = TRUE)) NULL else stop(e)
    })
    if (is.null(data) || !nrow(data)) return(NULL)
    if (is.null(known$classes) && is.null(arguments$colClasses)) known$classes <- column_classes(data)
    data[known$names]
  }
  list(next_block = next_block, close = function() close(connection))
}

column_classes <- function(data) {
  vapply(data, function(v) if (is.numeric(v) || is.logical(v)) NA_character_ else class(v)[1L], "")
}

check_header <- function(names, path, known) {
  if (is.null(known$names)) {
    if (anyDuplicated(names)) {
      abort("source", sprintf("File `%s` has several columns %s.", path,
                              enumerate(unique(names[duplicated(names)]))))
    }
    known$names <- names
    known$path <- path
  }
  lacking <- setdiff(known$names, names)
  if (length(lacking)) {
    abort("source", sprintf("File `%s` lacks %s, which `%s` has.", path, named("column", lacking), known$path),
          columns = lacking)
  }
}
