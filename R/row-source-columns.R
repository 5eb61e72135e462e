# Sources that are matrices of packages bigmemory and bigstatsr. Both keep numbers by columns in a file with nothing
# else in it. It is read as a file (src/r/column_file.c): of one that was cut, memory that is mapped to it would end the
# session.

# element: the package's name of the type; code: what the bytes of an FBM.code256 stand for.
column_file <- function(path, n, names, element, code = NULL) {
  bytes <- .Call(lcr_elements)[element]
  if (is.na(bytes)) abort("source", sprintf("Numbers of type \"%s\" cannot be read.", element))
  if (!file.exists(path)) abort("source", sprintf("File `%s` is gone.", path))
  size <- bytes * n * length(names)
  if (file.size(path) != size) {
    abort("source", sprintf("File `%s` has %.0f bytes, and its matrix of %s and %s takes %.0f.", path, file.size(path),
                            plural(n, "row"), plural(length(names), "column"), size), file = path)
  }
  file <- list(path = normalizePath(path), n = as.double(n), names = names, element = element, code = code)
  file$stamp <- file_stamp(file$path)()
  file
}

rows_of_file <- function(file, at) {
  rows <- .Call(lcr_file_rows, file, at[1L], length(at))
  if (is.character(rows)) abort("source", sprintf("File `%s` %s.", file$path, rows), file = file$path)
  rows
}

# Rows of weight 0 are left out: C would read them.
column_source <- function(file, y, weights, offset, block, title) {
  source <- matrix_source(function(at) rows_of_file(file, at), file$n, y, weights, offset, block, title,
                          stamp = file_stamp(file$path))
  if (!any(weights == 0)) source$file <- file
  source
}

#' @rdname row_source
#' @export
row_source.big.matrix <- function(x, y = NULL, ..., weights = NULL, offset = NULL, block = 10000) {
  need_package("bigmemory", "a big.matrix")
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  names <- colnames(x)
  if (is.null(names)) names <- paste0("V", seq_len(ncol(x)))
  if (bigmemory::is.filebacked(x) && !bigmemory::is.sub.big.matrix(x) && !bigmemory::is.separated(x)) {
    path <- file.path(bigmemory::dir.name(x), bigmemory::file.name(x))
    file <- column_file(path, nrow(x), names, bigmemory::typeof(x))
    return(column_source(file, y, weights, offset, block, "a big.matrix"))
  }
  rows <- function(at) matrix(as.double(x[at, , drop = FALSE]), length(at), dimnames = list(NULL, names))
  matrix_source(rows, nrow(x), y, weights, offset, block, "a big.matrix")
}

#' @rdname row_source
#' @export
row_source.FBM <- function(x, y = NULL, ..., weights = NULL, offset = NULL, block = 10000) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  code <- if (inherits(x, "FBM.code256")) as.double(x$code256)
  file <- column_file(x$backingfile, x$nrow, paste0("V", seq_len(x$ncol)), names(x$type), code)
  column_source(file, y, weights, offset, block, "an FBM")
}
