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
  tables <- grepl("\\.(csv|tsv|txt)(\\.gz)?$", x, ignore.case = TRUE)
  if (!all(parquet) && !all(tables)) {
    abort("source", sprintf("%s must all end in .parquet, or all in .csv, .tsv or .txt (.gz).",
                            named("File", x[!parquet & !tables | rev(range(parquet))[1L] & tables])))
  }
  if (all(parquet)) {
    need_package("nanoparquet", "Parquet files")
    check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  }
  x <- normalizePath(x)
  arguments <- list(...)
  open_file <- if (all(parquet)) open_parquet else open_csv
  known <- new.env(parent = emptyenv()) # header and classes of columns, from the first block on
  open <- function() {
    at <- 0L
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
          current <<- open_file(x[at], block, arguments, known)
        }
        data <- in_file(x[at], current$next_block())
        if (!is.null(data)) return(data)
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

in_file <- function(path, expr) {
  tryCatch(expr, error = function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    abort("source", sprintf("File `%s` cannot be read: %s", path, conditionMessage(e)), parent = e)
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
  data <- in_file(path, as.data.frame(nanoparquet::read_parquet(path)))
  check_header(names(data), path, known)
  pieces_of(nrow(data), block, function(rows) data[rows, known$names, drop = FALSE])
}

# The classes that the first block suggests hold for all others: whole numbers may go on with
# fractions. (Columns of NA alone say nothing.)
open_csv <- function(path, block, arguments, known) {
  connection <- file(path, "rt")
  usual_sep <- if (grepl("\\.tsv", path, ignore.case = TRUE)) "\t" else ","
  head <- TRUE
  names <- NULL
  read <- function(header) {
    classes <- if (is.null(known$classes)) NA else known$classes[names]
    default <- list(file = connection, header = FALSE, nrows = block, stringsAsFactors = FALSE,
                    colClasses = classes, comment.char = "",
                    sep = usual_sep, check.names = FALSE)
    given <- arguments[setdiff(names(arguments), c("file", "nrows", "header"))]
    if (!is.null(names)) default$col.names <- names
    do.call(utils::read.csv, utils::modifyList(default, given))
  }
  next_block <- function() {
    if (head) {
      head <<- FALSE
      line <- readLines(connection, 1L)
      if (!length(line)) abort("source", sprintf("File `%s` is empty.", path))
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
  vapply(data, function(v) {
    if (is.numeric(v)) "numeric" else if (is.logical(v)) NA_character_ else class(v)[1L]
  }, "")
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
