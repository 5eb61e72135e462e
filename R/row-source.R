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
#'   to a temporary file, of 8 bytes for each row and column (sparse ones: 12 for each entry), that the others read.
#'   From 100 megabytes on, a message of class `linclass_message_copy` says how large it is and where.
#'   Where the disk has no room for it, the fit ends with `linclass_error_source` before it begins. The file goes
#'   when the fit ends, however it does.
#'
#' @section The fit: It is that of the same rows in memory, bit for bit for numbers: sums are added
#'   up in the same order. Where a fit in memory would hold factors as codes, or X as a
#'   sparse matrix, sums are taken in another order, and coefficients agree to their last digits
#'   (relative differences of 1e-12). Not available are counts as a response, and whatever
#'   needs the training rows after the fit ([fitted()][fitted.linclass()] and the like): predict on the
#'   source instead. Separation is reported without proof.
#'
#' @section Mini-batches: `solver = "minibatch"` (and the perceptron) shuffles blocks of neighbouring rows, then the
#'   rows of each 32 blocks, which are in memory together (8 megabytes, and as much again): with `cache = "disk"`, the
#'   default of queries and files, and for matrices in files. Blocks of a function are not shuffled, as they can be had
#'   in one order alone, but the rows of those are that follow each other. The seed decides the order; what fits
#'   into 8 megabytes has that of the fit in memory. Option `block` is not looked at, and `stratified` holds among
#'   the rows in memory. Sparse blocks have no mini-batches.
#'
#' @section Guards: Every pass must give the same rows in the same order. The number of rows and the
#'   response are compared with those of the first pass, a checksum of all columns with that of the
#'   second, the first that reads them as numbers, and size and time of files before each pass.
#'   (Mini-batches read blocks of a file in random order: their numbers are compared when the epochs are
#'   over.) What differs is an error of class `linclass_error_source` that says where; so is an error of
#'   the source itself, with the original one in its field `parent`, and `block`, `file` and `rows` where
#'   they are known. Whatever was open is closed then. A data base that gives rows in another order
#'   without `ORDER BY` is found out in this way.
#'
#' @param x Where the rows are:
#'   * a function of one argument `reset`, as biglm has it: `x(reset = TRUE)` goes back to the first
#'     row, `x(reset = FALSE)` returns the next block, and `NULL` after the last one. Blocks are data
#'     frames, or lists of `x` (a matrix), `y` and, if wanted, `weights` and `offset` (`NULL`: none). Or a function
#'     without arguments, which is called when a pass begins and returns an Arrow stream;
#'   * names of files, read one after another: CSV (`.csv`, `.tsv`, `.txt`, also compressed: `.gz`,
#'     `.bz2`, `.xz`) or Parquet (`.parquet`, by package nanoparquet, each file a block at least);
#'   * a connection of package DBI, with a `query`;
#'   * an Arrow stream of package nanoarrow, which is read once: its blocks stay in a temporary file as long as
#'     the source does; or a table or data set of package arrow;
#'   * a data frame, a matrix or a sparse matrix;
#'   * a `big.matrix` of package bigmemory or an `FBM` of package bigstatsr, with numbers of any of
#'     their types. Those in a file are read from there, block by block.
#' @param ... Further arguments of methods; for CSV files those of [utils::read.csv()], such as `sep`
#'   or `colClasses`.
#' @param y,weights,offset For sources of numbers: the response, and what [linclass()] has by these
#'   names.
#' @param query One string: a query that gives all rows. With `ORDER BY`, unless the table has one
#'   order.
#' @param key `NULL`, or names of columns of the query that tell its rows apart: the rows come in their order.
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
    "`x` must be a function, file names, a data base connection, an Arrow stream, a data frame or a matrix, not %s."),
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
  open <- if (!length(formals(args(x)))) function() open_arrow(x()) else function() {
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
