# Sources of rows: data that come in blocks, so that memory holds one block. A source is a list of class
# "linclass_source":
#   kind     "frame" (blocks are data frames, for a formula) or "xy" (lists of x, y, weights, offset)
#   open     a function that begins a pass and returns list(next_block, close): next_block() gives the
#            next block and NULL after the last
#   stamp    a function whose value changes when what is behind the source does, or NULL
#   file     for numbers that lie by columns in a file: list(path, n, names), else NULL
#   levels, formula, cache, title
# Passes read all blocks from the first to the last. What a fit makes of it is in source-design.R.

#' Rows that come in blocks
#'
#' Describes where the rows of a fit are, so that [linclass()] and [linclass_path()] read them block by
#' block instead of holding them in memory: a function, a query of a data base, files, or what is
#' in memory already. Nothing is read before a fit.
#'
#' @section What a fit holds: One block, two windows of 4 megabytes, numbers that depend on the
#'   columns alone, and for each row the response (12 bytes), its scores (16 bytes for each score
#'   column: one for two classes, one for each class otherwise) and, if there are any, a weight and offsets (8
#'   bytes each). The number of columns does not matter: a million rows of two classes take 28
#'   megabytes.
#'
#' @section Passes: A first pass reads the response and the levels of factors, a second one the
#'   means and standard deviations of the columns; then each step of a solver takes a pass or two. So a
#'   source is read some 5 to 15 times, and with `cache = "disk"` twice: the second pass writes the columns as numbers
#'   to a temporary file, of 8 bytes for each row and column, that the others read. Where
#'   the disk has no room for it, the fit ends with `linclass_error_source` before it begins.
#'
#' @section The fit: It is that of the same rows in memory, bit for bit for numbers: sums are added
#'   up in the same order. Where a fit in memory would hold factors as codes, or X as a
#'   sparse matrix, sums are taken in another order, and coefficients agree to their last digits
#'   (relative differences of 1e-12). Columns are not in memory, so that the solvers which choose
#'   rows at random (`"minibatch"`) are not available, nor are the perceptron, counts as a response, and whatever
#'   needs the training rows after the fit ([fitted()][fitted.linclass()] and the like): predict on the
#'   source instead. Separation is reported without proof.
#'
#' @section Guards: Every pass must give the same rows in the same order. The number of rows, the
#'   response, and a checksum of all columns are compared with those of the first pass, and size and time of
#'   files before each pass. What differs is an error of class `linclass_error_source` that says
#'   where; so is an error of the source itself, with the original one in its field `parent`. A
#'   data base that gives rows in another order without `ORDER BY` is found out in this way.
#'
#' @param x Where the rows are:
#'   * a function of one argument `reset`, as biglm has it: `x(reset = TRUE)` goes back to the first
#'     row, `x(reset = FALSE)` returns the next block, and `NULL` after the last one. Blocks are data
#'     frames, or lists of `x` (a matrix), `y` and, if wanted, `weights` and `offset`;
#'   * names of files, read one after another: CSV (`.csv`, `.tsv`, `.txt`, also compressed by gzip) or Parquet
#'     (`.parquet`, by package nanoparquet, each file a block at least);
#'   * a connection of package DBI, with a `query`;
#'   * a data frame, a matrix or a sparse matrix;
#'   * a `big.matrix` of package bigmemory or an `FBM` of package bigstatsr. If it holds doubles in a
#'     file, that is read directly.
#' @param ... Further arguments of methods; for CSV files those of [utils::read.csv()], such as `sep`
#'   or `colClasses`.
#' @param y,weights,offset For sources of numbers: the response, and what [linclass()] has by these
#'   names.
#' @param query One string: a query that gives all rows. With `ORDER BY`, unless the table has one
#'   order.
#' @param block Rows of a block.
#' @param formula `NULL`, or the formula of fits that are given the source alone.
#' @param levels `NULL`, or a named list of the levels of some columns, which then are factors. The
#'   others have the levels that occur in the first pass.
#' @param cache `"disk"`: the columns are written to a temporary file in the second pass, and read
#'   from there; `"none"`: every pass reads the source.
#' @return An object of class `linclass_source`, for the `data` of a formula, `linclass(y ~ ., source)`,
#'   for the first argument, `linclass(source)`, and for `newdata` of [predict.linclass()].
#' @section Errors: `linclass_error_source`, `linclass_error_argument`, `linclass_error_type`.
#' @seealso `vignette("big-data")`; [linclass()]
#' @examples
#' # ten files
#' folder <- tempfile()
#' dir.create(folder)
#' parts <- split(iris, rep(1:10, 15))
#' for (i in 1:10) write.csv(parts[[i]], sprintf("%s/part%d.csv", folder, i), row.names = FALSE)
#' source <- row_source(list.files(folder, full.names = TRUE))
#' fit <- linclass(Species ~ ., source, lambda = 0.01, alpha = 0)
#' coef(fit)
#' table(predict(fit, source), predict(fit, iris))
#'
#' # a function that makes rows
#' generator <- local({
#'   done <- 0
#'   function(reset = FALSE) {
#'     if (reset) done <<- 0 else if (done < 5) {
#'       done <<- done + 1
#'       mtcars[1:32 %% 5 == done - 1, ]
#'     }
#'   }
#' })
#' linclass(am ~ wt, row_source(generator))
#' unlink(folder, recursive = TRUE)
#' @concept big data
#' @concept out of core
#' @concept out of memory
#' @concept streaming
#' @concept database
#' @concept chunks
#' @export
row_source <- function(x, ...) UseMethod("row_source")

#' @export
row_source.default <- function(x, ...) {
  abort("type", sprintf(paste(
    "`x` must be a function, file names, a data base connection, a data frame or a matrix, not %s."),
    describe_value(x)))
}

new_source <- function(kind, open, title, formula = NULL, levels = NULL, cache = "none", stamp = NULL, file = NULL) {
  structure(list(kind = kind, open = open, title = title, formula = check_source_formula(formula),
                 levels = check_source_levels(levels), cache = cache, stamp = stamp, file = file),
            class = "linclass_source")
}

is_source <- function(x) inherits(x, "linclass_source")

check_source_formula <- function(formula) {
  if (is.null(formula) || inherits(formula, "formula")) return(formula)
  abort("argument", sprintf("`formula` must be NULL or a formula, not %s.", describe_value(formula)))
}

check_source_levels <- function(levels) {
  if (is.null(levels)) return(NULL)
  named <- is.list(levels) && !is.null(names(levels)) && all(nzchar(names(levels)))
  if (!named || !all(vapply(levels, function(l) is.character(l) && !anyNA(l) && !anyDuplicated(l), NA))) {
    abort("argument", "`levels` must be a list, named by columns, of character vectors without repeats.")
  }
  levels
}

#' @rdname row_source
#' @export
row_source.function <- function(x, ..., formula = NULL, levels = NULL, cache = c("none", "disk")) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  cache <- match_choice(cache)
  open <- function() {
    x(reset = TRUE)
    list(next_block = function() x(reset = FALSE), close = function() NULL)
  }
  new_source("any", open, "a function", formula, levels, cache)
}

#' @rdname row_source
#' @export
row_source.data.frame <- function(x, ..., formula = NULL, levels = NULL, block = 10000) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  open <- function() pieces_of(nrow(x), block, function(rows) x[rows, , drop = FALSE])
  check_whole(block, "block", 1, "argument")
  new_source("frame", open, sprintf("a data frame of %s", plural(nrow(x), "row")), formula, levels)
}

#' @rdname row_source
#' @export
row_source.matrix <- function(x, y = NULL, ..., weights = NULL, offset = NULL, block = 10000) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  x <- as_numbers(x, "type")
  matrix_source(function(rows) x[rows, , drop = FALSE], nrow(x), y, weights, offset, block,
                sprintf("a matrix of %s", plural(nrow(x), "row")))
}

#' @rdname row_source
#' @export
row_source.Matrix <- row_source.matrix

# rows: of consecutive numbers, as a matrix.
matrix_source <- function(rows, n, y, weights, offset, block, title, ...) {
  check_whole(block, "block", 1, "argument")
  beside <- list(y = y, weights = weights, offset = offset)
  beside <- beside[!vapply(beside, is.null, NA)]
  for (name in names(beside)) {
    if (NROW(beside[[name]]) != n) {
      abort("shape", sprintf("`%s` has %s and `x` has %s rows.", name, plural(NROW(beside[[name]]), "value"),
                             format(n)))
    }
  }
  open <- function() {
    pieces_of(n, block, function(at) c(list(x = rows(at)), lapply(beside, take_rows, at)))
  }
  source <- new_source("xy", open, title, ...)
  source$beside <- beside
  source
}

# A pass over n rows in pieces.
pieces_of <- function(n, block, piece) {
  done <- 0
  list(next_block = function() {
    if (done >= n) return(NULL)
    rows <- seq(done + 1, min(n, done + block))
    done <<- done + length(rows)
    piece(rows)
  }, close = function() NULL)
}

# Both packages keep doubles by columns in a file whose size says whether there is anything else in it. It is read as a
# file: of one that was cut, memory that is mapped to it would end the session.
mapped_source <- function(x, path, n, names, doubles, y, weights, offset, block, title) {
  plain <- doubles && length(path) == 1L && isTRUE(file.size(path) == 8 * n * length(names))
  if (!plain || any(weights == 0)) {
    rows <- function(at) as_plain_matrix(x[at, , drop = FALSE], names)
    return(matrix_source(rows, n, y, weights, offset, block, title))
  }
  file <- list(path = normalizePath(path), n = n, names = names)
  file$stamp <- file_stamp(file$path)()
  matrix_source(function(at) rows_of_file(file, at), n, y, weights, offset, block, title,
                stamp = file_stamp(file$path), file = file)
}

rows_of_file <- function(file, at) {
  connection <- base::file(file$path, "rb")
  on.exit(close(connection))
  columns <- lapply(seq_along(file$names), function(j) {
    seek(connection, 8 * ((j - 1) * file$n + at[1L] - 1))
    values <- readBin(connection, "double", length(at))
    if (length(values) < length(at)) abort("source", sprintf("File `%s` ends early.", file$path))
    values
  })
  matrix(unlist(columns), length(at), dimnames = list(NULL, file$names))
}

as_plain_matrix <- function(x, names) {
  dimnames(x) <- list(NULL, names)
  x
}

#' @rdname row_source
#' @export
row_source.big.matrix <- function(x, y = NULL, ..., weights = NULL, offset = NULL, block = 10000) {
  need_package("bigmemory", "a big.matrix")
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  path <- if (bigmemory::is.filebacked(x) && !bigmemory::is.sub.big.matrix(x) && !bigmemory::is.separated(x)) {
    file.path(bigmemory::dir.name(x), bigmemory::file.name(x))
  }
  names <- colnames(x)
  if (is.null(names)) names <- paste0("V", seq_len(ncol(x)))
  mapped_source(x, path, nrow(x), names, bigmemory::typeof(x) == "double", y, weights, offset, block, "a big.matrix")
}

#' @rdname row_source
#' @export
row_source.FBM <- function(x, y = NULL, ..., weights = NULL, offset = NULL, block = 10000) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  names <- paste0("V", seq_len(x$ncol))
  mapped_source(x, x$backingfile, x$nrow, names, names(x$type) == "double", y, weights, offset, block, "an FBM")
}

#' @rdname row_source
#' @export
row_source.DBIConnection <- function(x, query, ..., formula = NULL, levels = NULL, block = 50000,
                                     cache = c("disk", "none")) {
  need_package("DBI", "a data base")
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  check_whole(block, "block", 1, "argument")
  cache <- match_choice(cache)
  if (missing(query) || !is.character(query) || length(query) != 1L || is.na(query)) {
    abort("argument", "`query` must be one string, such as \"SELECT * FROM flights\".")
  }
  open <- function() {
    result <- DBI::dbSendQuery(x, query)
    list(next_block = function() {
      rows <- DBI::dbFetch(result, n = block)
      if (nrow(rows)) rows
    }, close = function() DBI::dbClearResult(result))
  }
  new_source("frame", open, "a query", formula, levels, cache)
}

need_package <- function(package, what) {
  if (!requireNamespace(package, quietly = TRUE)) {
    abort("source", sprintf("Package %s is needed to read %s: install it.", package, what))
  }
}

#' @export
print.linclass_source <- function(x, ...) {
  cat("<rows from ", x$title, ">\n", sep = "")
  if (!is.null(x$formula)) cat("formula: ", deparse1(x$formula), "\n", sep = "")
  if (length(x$levels)) cat("levels of", enumerate(names(x$levels)), "are declared\n")
  if (x$cache == "disk") cat("the columns are kept in a temporary file during a fit\n")
  invisible(x)
}

# Calls are small and say where the rows are.
#' @export
format.linclass_source <- function(x, ...) sprintf("<rows from %s>", x$title)
