# Each kind of source gives the fit of its rows in memory, and says what is wrong with it.

rows <- some_rows()
numbers <- as.matrix(rows[c("a", "b", "c")])

# ---- numbers in files -------------------------------------------------------------------------------------------

test_that("files of numbers are read in every type", {
  whole <- matrix(c(0:99, (7 * (0:99)) %% 120, (0:99)^2 %% 101), 100, dimnames = list(NULL, c("p", "q", "r")))
  y <- factor(sin(1:100) + whole[, "p"] / 50 > 1)
  memory <- linclass(whole * 1, y)
  path <- tempfile()
  on.exit(unlink(path))
  # Each type as base R writes it; the least whole number of a signed one is NA.
  cases <- list(double = list(8, as.double, NA_real_), float = list(4, as.double, 2^-126),
                integer = list(4, as.integer, NA_integer_), short = list(2, as.integer, -32768L),
                char = list(1, as.integer, -128L), "unsigned short" = list(2, as.integer, NULL),
                "unsigned char" = list(1, as.integer, NULL), raw = list(1, as.integer, NULL))
  expect_setequal(names(cases), names(.Call(linclass:::lcr_elements)))
  for (type in names(cases)) {
    case <- cases[[type]]
    write <- function(x) writeBin(case[[2L]](x), path, size = case[[1L]])
    open <- function() linclass:::column_file(path, 100, colnames(whole), type)
    write(whole)
    source <- linclass:::column_source(open(), y, NULL, NULL, 33, "a file")
    expect_identical(coef(linclass(source)), coef(memory), info = type)
    expect_identical(linclass:::rows_of_file(source$file, 41:60), whole[41:60, ] * 1, info = type)
    expect_identical(predict(memory, source), predict(memory, whole), info = type)
    if (is.null(case[[3L]])) next
    write(replace(as.vector(whole), 142, case[[3L]]))
    rows_read <- linclass:::rows_of_file(open(), 42:43)
    expect_true(is.na(rows_read[1L, "q"]) && sum(is.na(rows_read)) == 1, info = type)
    expect_topic(linclass(linclass:::column_source(open(), y, NULL, NULL, 33, "a file")), "missing")
  }
  # Bytes may be codes.
  code <- sqrt(0:255)
  writeBin(as.integer(whole), path, size = 1)
  file <- linclass:::column_file(path, 100, colnames(whole), "unsigned char", code)
  expect_identical(linclass:::rows_of_file(file, 1:100), matrix(code[whole + 1], 100, dimnames = dimnames(whole)))
  expect_topic(linclass:::column_file(path, 101, colnames(whole), "char"), "source", "300 bytes.*takes 303")
  expect_topic(linclass:::column_file(path, 100, colnames(whole), "complex"), "source", "complex")
})

test_that("numbers of files reach from the least to the largest of their type", {
  path <- tempfile()
  on.exit(unlink(path))
  size <- .Call(linclass:::lcr_elements)
  # The least whole number of a signed type is NA.
  ends <- list(double = c(-1.7e308, -0.1, 2^-1074, 1.7e308), float = c(-2^127, -0.5, 2^-149, 2^127),
               integer = c(1 - 2^31, -1, 2^15, 2^16, 2^31 - 1), short = c(1 - 2^15, -1, 0, 255, 256, 2^15 - 1),
               char = c(-127, -1, 0, 127), "unsigned short" = c(0, 255, 256, 2^15 - 1, 2^15, 2^16 - 1),
               "unsigned char" = 0:255, raw = 0:255)
  expect_setequal(names(ends), names(size))
  for (type in names(ends)) {
    n <- length(ends[[type]])
    number <- if (type %in% c("double", "float")) as.double else as.integer
    writeBin(number(c(ends[[type]], rev(ends[[type]]))), path, size = size[[type]])
    file <- linclass:::column_file(path, n, c("up", "down"), type)
    expected <- cbind(up = as.double(ends[[type]]), down = rev(ends[[type]]))
    expect_identical(linclass:::rows_of_file(file, seq_len(n)), expected, info = type)
    expect_identical(linclass:::rows_of_file(file, 2:3), expected[2:3, ], info = type)
  }
  file <- linclass:::column_file(path, 256, c("up", "down"), "raw", cos(0:255))
  expect_identical(linclass:::rows_of_file(file, 1:256), cbind(up = cos(0:255), down = cos(255:0)))
})

test_that("matrices of bigmemory are read from their file", {
  skip_if_not_installed("bigmemory")
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  old <- options(bigmemory.typecast.warning = FALSE)
  on.exit(options(old), add = TRUE)
  whole <- round(numbers) %% 100
  for (type in c("double", "float", "integer", "short", "char")) {
    big <- bigmemory::filebacked.big.matrix(3000, 3, type = type, backingfile = type, backingpath = folder,
                                            descriptorfile = paste0(type, ".desc"), dimnames = dimnames(whole))
    big[, ] <- whole
    source <- row_source(big, rows$y, block = 701)
    expect_identical(source$file$element, type)
    expect_identical(coef(quiet(linclass(source))), coef(quiet(linclass(whole, rows$y))), info = type)
    expect_identical(coef(quiet(linclass(row_source(big, rows$y, weights = rows$w - 1)))),
                     coef(quiet(linclass(whole, rows$y, weights = rows$w - 1))), info = type)
  }
  path <- file.path(folder, "char")
  writeBin(readBin(path, "raw", 5000), path)
  expect_topic(quiet(linclass(source)), "source", "changed")
  expect_topic(row_source(big, rows$y), "source", "5000 bytes.*9000")
  # What lies in memory is read there.
  expect_identical(coef(quiet(linclass(row_source(bigmemory::as.big.matrix(whole), rows$y)))),
                   coef(quiet(linclass(whole, rows$y))))
})

test_that("matrices of bigstatsr are read from their file", {
  path <- tempfile()
  on.exit(unlink(paste0(path, ".bk")))
  whole <- unname(round(abs(numbers)) %% 100)
  if (!requireNamespace("bigstatsr", quietly = TRUE)) { # a class with the fields of theirs
    methods::setRefClass("FBM", list(nrow = "integer", ncol = "integer", type = "integer", backingfile = "character",
                                     code256 = "numeric"), where = environment())
  }
  types <- c(raw = 1L, "unsigned char" = 1L, "unsigned short" = 2L, integer = 4L, float = 6L, double = 8L)
  for (type in names(types)) {
    write <- if (type %in% c("double", "float")) as.double else as.integer
    writeBin(write(whole), paste0(path, ".bk"), size = if (type == "float") 4L else types[[type]])
    big <- if (requireNamespace("bigstatsr", quietly = TRUE)) {
      bigstatsr::FBM(3000, 3, type = type, backingfile = path, create_bk = FALSE)
    } else methods::new("FBM", nrow = 3000L, ncol = 3L, type = types[type], backingfile = paste0(path, ".bk"))
    expect_identical(unname(coef(quiet(linclass(row_source(big, rows$y))))),
                     unname(coef(quiet(linclass(whole, rows$y)))), info = type)
  }
  writeBin(raw(100), paste0(path, ".bk"))
  expect_topic(row_source(big, rows$y), "source", "100 bytes")
})

# ---- CSV ---------------------------------------------------------------------------------------------------------

csv_of <- function(data, folder, name = "rows.csv", open = base::file, ...) {
  path <- file.path(folder, name)
  connection <- open(path, "w")
  utils::write.csv(data, connection, row.names = FALSE, ...)
  close(connection)
  path
}

test_that("CSV files may be compressed, quoted, marked, and separated otherwise", {
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  data <- transform(rows[1:500, ], a = round(a, 3), b = round(b, 3))
  memory <- quiet(linclass(y ~ a + b + g, data))
  marked <- csv_of(data, folder, "marked.csv")
  writeLines(paste0(c("\ufeff", rep("", 500)), readLines(marked)), marked)
  semicolons <- file.path(folder, "rows.txt")
  utils::write.csv2(data, semicolons, row.names = FALSE)
  sources <- list(gz = row_source(csv_of(data, folder, "rows.csv.gz", gzfile)),
                  bz2 = row_source(csv_of(data, folder, "rows.csv.bz2", bzfile), block = 99),
                  # Numbers in quotes, also in blocks after the first.
                  quoted = row_source(csv_of(transform(data, a = as.character(a)), folder), block = 99),
                  marked = row_source(marked), semicolons = row_source(semicolons, sep = ";", dec = ","))
  for (name in names(sources)) {
    expect_identical(coef(quiet(linclass(y ~ a + b + g, sources[[name]]))), coef(memory), info = name)
  }
  for (argument in c("header", "skip", "nrows", "col.names")) {
    expect_topic(do.call(row_source, c(list(marked), stats::setNames(list(2), argument))), "unused_argument", argument)
  }
})

test_that("a CSV file with a line that is too short says which file", {
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  path <- csv_of(rows[1:300, c("y", "a", "g")], folder)
  lines <- readLines(path)
  fit <- function() suppressWarnings(quiet(linclass(y ~ a + g, row_source(path, block = 100))))
  cases <- list(end = c(lines[-301L], "\"ok\",0.5"), middle = replace(lines, 150L, "\"ok\",0.5"),
                long = replace(lines, 150L, paste0(lines[150L], ",1,2,3,4")))
  for (case in cases) {
    writeLines(case, path)
    expect_topic(fit(), "source", "rows.csv` cannot be read after row [12]00")
  }
  # Text where numbers were.
  writeLines(replace(lines, 250L, "\"ok\",\"oops\",\"u\""), path)
  expect_topic(fit(), "source", "`a` is factor in block 3 \\(from row 201 on\\) and numeric before")
  writeLines(character(), path)
  expect_topic(fit(), "source", "is empty")
})

# ---- data bases ---------------------------------------------------------------------------------------------------

test_that("a key orders the rows of a query, and large whole numbers are numbers", {
  skip_if_not_installed("RSQLite")
  con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(if (DBI::dbIsValid(con)) DBI::dbDisconnect(con))
  data <- transform(rows[names(rows) != "three"], id = seq_along(y), k = k * 2^40)
  DBI::dbWriteTable(con, "t", transform(data, k = bit64::as.integer64(k))[order(sin(1:3000)), ])
  memory <- quiet(linclass(y ~ a + k, data))
  for (cache in c("disk", "none")) {
    source <- row_source(con, "SELECT * FROM t;", key = "id", cache = cache, block = 800)
    expect_identical(coef(quiet(linclass(y ~ a + k, source))), coef(memory))
  }
  expect_topic(quiet(linclass(y ~ a, row_source(con, "SELECT * FROM t", key = "none"))), "source", "none")
  expect_topic(row_source(con, "SELECT * FROM t", key = 3), "argument", "key")
  DBI::dbDisconnect(con)
  expect_topic(quiet(linclass(y ~ a, source)), "source", "cannot be opened.*connection")
})

test_that("a query that changes or fails between and within passes is an error, and nothing stays open", {
  skip_if_not_installed("RSQLite")
  path <- tempfile(fileext = ".sqlite")
  con <- DBI::dbConnect(RSQLite::SQLite(), path)
  other <- DBI::dbConnect(RSQLite::SQLite(), path)
  on.exit({
    DBI::dbDisconnect(con)
    DBI::dbDisconnect(other)
    unlink(path)
  })
  cases <- list("DELETE FROM t WHERE rowid = 77" = "response|fewer", "UPDATE t SET a = 5 WHERE rowid = 900" = "numbers",
                "INSERT INTO t SELECT * FROM t LIMIT 1" = "more rows", "DROP TABLE t" = "no such table",
                "UPDATE t SET g = 'new' WHERE rowid = 2900" = "\"new\"")
  for (change in names(cases)) for (cache in c("disk", "none")) {
    DBI::dbWriteTable(con, "t", rows[c("y", "a", "g")], overwrite = TRUE)
    source <- row_source(con, "SELECT y, a, g FROM t ORDER BY rowid", block = 700, cache = cache)
    open <- source$open
    pass <- 0
    source$open <- function() {
      pass <<- pass + 1
      if (pass == if (cache == "disk") 2 else 4) DBI::dbExecute(other, change)
      open()
    }
    # The copy on disk is made of what the second pass gives, whose numbers are compared with nothing before.
    expected <- if (cache == "disk" && cases[[change]] == "numbers") NULL else "linclass_error_source"
    caught <- tryCatch(quiet(linclass(y ~ a + g, source)), error = identity)
    if (is.null(expected)) expect_s3_class(caught, "linclass") else expect_s3_class(caught, expected)
    if (!is.null(expected)) expect_match(conditionMessage(caught), cases[[change]])
    # A result that is still open would make this warn.
    expect_warning(DBI::dbGetQuery(con, "SELECT 1"), NA)
    expect_identical(copies_left(), character())
  }
})

# ---- Arrow ---------------------------------------------------------------------------------------------------------

test_that("an Arrow stream is read once, and kept", {
  skip_if_not_installed("nanoarrow")
  memory <- quiet(linclass(three ~ a + g, rows))
  batches <- lapply(split(rows, rep(1:5, each = 600)), nanoarrow::as_nanoarrow_array)
  for (cache in c("disk", "none")) {
    source <- row_source(nanoarrow::basic_array_stream(batches), cache = cache)
    expect_identical(coef(quiet(linclass(three ~ a + g, source))), coef(memory))
    expect_identical(coef(quiet(linclass(three ~ a + g, source))), coef(memory))
    expect_identical(predict(memory, source), predict(memory, rows))
    expect_length(copies_left(), 1L)
    rm(source)
    gc()
    expect_length(copies_left(), 0L)
  }
  by_function <- row_source(function() nanoarrow::as_nanoarrow_array_stream(rows))
  expect_identical(coef(quiet(linclass(three ~ a + g, by_function))), coef(memory))
  stream <- nanoarrow::as_nanoarrow_array_stream(rows)
  source <- row_source(stream)
  expect_topic(quiet(linclass(three ~ nothing, source)), "formula")
  expect_topic(quiet(linclass(three ~ a, source)), "source", "read once")
  stream$release()
  expect_topic(quiet(linclass(three ~ a, row_source(stream))), "source", "released")
  expect_length(copies_left(), 0L)
})

test_that("what nanoarrow makes a stream of is a source", {
  skip_if_not_installed("nanoarrow")
  table <- structure(list(), class = c("Table", "ArrowTabular"))
  registerS3method("as_nanoarrow_array_stream", "ArrowTabular", function(x, ...) {
    nanoarrow::as_nanoarrow_array_stream(rows)
  }, asNamespace("nanoarrow"))
  expect_identical(coef(quiet(linclass(y ~ a, row_source(table)))), coef(quiet(linclass(y ~ a, rows))))
  expect_topic(row_source(table, blok = 2), "unused_argument")
})

# ---- copies ---------------------------------------------------------------------------------------------------------

test_that("a copy says how large it is, and goes with the fit, also where that fails", {
  old <- linclass:::told_from
  utils::assignInNamespace("told_from", 0, "linclass")
  on.exit(utils::assignInNamespace("told_from", old, "linclass"))
  expect_message_topic(fit <- linclass(three ~ a + g, row_source(generator(rows), cache = "disk")), "copy", "96 kB")
  expect_identical(coef(fit), coef(quiet(linclass(three ~ a + g, rows))))
  expect_identical(copies_left(), character())
  fault <- function(b, k, p) if (p == 2 && k == 3) stop("gone") else b
  expect_topic(quiet(linclass(three ~ a, row_source(generator(rows, fault = fault), cache = "disk"))), "source", "gone")
  expect_topic(quiet(linclass(three ~ a, row_source(generator(rows), cache = "disk"), lower = 1, upper = 0)), "bounds")
  expect_identical(copies_left(), character())
})

test_that("a disk that is full is said", {
  skip_if_not(file.exists("/dev/full"))
  link <- tempfile(fileext = ".columns")
  on.exit(unlink(link))
  file.symlink("/dev/full", link)
  full <- function(owner, ending) owner$copy <- link
  old <- linclass:::new_copy
  utils::assignInNamespace("new_copy", full, "linclass")
  on.exit(utils::assignInNamespace("new_copy", old, "linclass"), add = TRUE)
  expect_topic(quiet(linclass(three ~ a, row_source(generator(rows), cache = "disk"))), "source",
               "need 24 kB .* room|need 24 kB .* written")
  file.symlink("/dev/full", link)
  wide <- transform(rows, h = factor(1L + seq_along(y) %% 400L))
  expect_topic(quiet(linclass(three ~ h, row_source(generator(wide), cache = "disk"), lambda = 0.1)), "source",
               "copy of a function .* cannot be written")
})

# ---- late faults ----------------------------------------------------------------------------------------------------

test_that("what is wrong in a late block is said, and the next fit is right", {
  memory <- quiet(linclass(y ~ a + g, rows))
  numbers_of <- function(b) list(x = as.matrix(b[c("a", "b")]), y = b$y)
  at <- function(pass, change) function(b, k, p) if (p == pass && k == 7) change(b) else b
  cases <- list(
    list("source", "[Bb]lock 7 .*lacks columns `a` and `g`", at(3, function(b) b["y"])),
    list("source", "Block 7 .*another response|fewer", at(3, function(b) transform(b, a = replace(a, 3, NaN)))),
    list("source", "Block 7 .*late level", at(2, function(b) transform(b, g = replace(g, 3, "late level")))),
    list("source", "Block 7", at(3, function(b) transform(b, a = "text"))),
    list("source", "block 7|Block 7", at(4, function(b) 3)))
  for (case in cases) for (cache in c("none", "disk")) {
    source <- row_source(generator(rows, 8L, case[[3L]]), cache = cache)
    caught <- tryCatch(quiet(linclass(y ~ a + g, source)), error = identity)
    # What a copy has been made of is not asked again.
    if (cache == "none" || inherits(caught, "error")) {
      expect_s3_class(caught, "linclass_error_source")
      expect_match(conditionMessage(caught), case[[2L]])
    } else expect_identical(coef(caught), coef(memory))
    expect_identical(copies_left(), character())
    expect_identical(coef(quiet(linclass(y ~ a + g, row_source(rows, block = 400)))), coef(memory))
  }
  late <- function(change) generator(rows, 8L, function(b, k, p) if (k == 7) change(numbers_of(b)) else numbers_of(b))
  expect_topic(quiet(linclass(row_source(late(function(b) {
    b$x[5, 2] <- NaN
    b
  })))), "missing", "`b`")
  expect_topic(quiet(linclass(row_source(late(function(b) list(x = b$x[, 1L, drop = FALSE], y = b$y))))), "source",
               "Block 7 .*lacks column `b`")
  expect_topic(quiet(linclass(row_source(late(function(b) list(x = b$x, y = b$y[-1L]))))), "source", "block 7")
})

# ---- bits -----------------------------------------------------------------------------------------------------------

test_that("factors have the bits of written-out columns, and agree with codes and sparse columns to rounding", {
  data <- transform(some_rows(40000L), h = factor(1L + (7L * seq_along(y)) %% 300L))
  source <- row_source(data, block = 7001)
  small <- data[1:3000, ] # one megabyte of columns: in memory they are written out
  expect_identical(coef(quiet(linclass(y ~ a + g, row_source(small, block = 701)))),
                   coef(quiet(linclass(y ~ a + g, small))))
  memory <- quiet(linclass(y ~ a + g + factor(k), data)) # codes
  blocks <- quiet(linclass(y ~ a + g + factor(k), source))
  expect_identical(memory$blueprint$layout, "coded")
  expect_lt(distance(blocks, memory), 1e-12)
  memory <- quiet(linclass(y ~ a + h, data, lambda = 0.001, alpha = 0)) # sparse blocks
  for (cache in c("none", "disk")) {
    blocks <- quiet(linclass(y ~ a + h, row_source(generator(data, 6L), cache = cache), lambda = 0.001, alpha = 0))
    expect_identical(blocks$blueprint$layout, "sparse")
    expect_lt(distance(blocks, memory), 1e-9)
    if (cache == "none") first <- blocks
  }
  expect_identical(coef(blocks), coef(first)) # the copy is cut where the blocks are
})

test_that("NA as a level of a factor is a level in blocks, too", {
  some <- some_rows(300)
  some$f <- addNA(factor(replace(some$g, some$g == "v", NA)))
  fit <- linclass(row_source(some, formula = y ~ a + f, levels = list(y = c("ok", "late")), block = 70))
  reference <- glm(y == "late" ~ a + f, binomial, some, control = glm.control(epsilon = 1e-14))
  expect_equal(unname(coef(fit)), unname(coef(reference)), tolerance = 1e-6)
  expect_equal(unname(predict(fit, some[1:9, ], "prob")[, "late"]), unname(fitted(reference)[1:9]), tolerance = 1e-6)
})

test_that("sparse blocks of a column far from 0 have the spread of its rows", {
  i <- 1:90
  far <- cbind(a = 2^20 + cos(3 * i), b = ifelse(i < 60, 2^20 + cos(5 * i), 0), c = 2^-600 * (2^20 + cos(7 * i)))
  y <- sin(2.3 * i) + cos(3 * i) > 0
  for (w in list(NULL, 1 + i %% 3)) for (alpha in 0:1) {
    memory <- linclass(far, y, weights = w, lambda = 0.05, alpha = alpha)
    blocks <- linclass(row_source(methods::as(far, "CsparseMatrix"), y = y, weights = w, block = 25), lambda = 0.05,
                       alpha = alpha)
    expect_equal(objective(blocks), objective(memory), tolerance = 1e-9)
  }
})
