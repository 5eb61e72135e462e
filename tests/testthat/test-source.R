# Sources of rows: a fit of blocks is the fit of the rows in memory, whatever the source, the blocks, the loss and the
# penalty; what goes wrong in a source is an error that says where.

rows_of_file <- linclass:::rows_of_file

rows <- some_rows()
numbers <- as.matrix(rows[c("a", "b", "c")])

test_that("numbers in blocks have the fit of the matrix, bit for bit", {
  cases <- list(
    logistic = list(rows$y), weighted = list(rows$y, weights = rows$w), offset = list(rows$y, offset = rows$o),
    softmax = list(rows$three), ridge = list(rows$y, lambda = 0.01, alpha = 0),
    softmax_ridge = list(rows$three, lambda = 0.01, alpha = 0),
    lbfgs = list(rows$three, lambda = 0.01, alpha = 0, solver = "lbfgs"),
    hinge = list(rows$y, lambda = 0.01, alpha = 0, loss = "hinge"),
    squared_hinge = list(rows$three, lambda = 0.01, alpha = 0, loss = "squared_hinge"),
    firth = list(rows$y, bias_reduction = "firth"), balanced = list(rows$y, class_weights = "balanced"))
  for (name in names(cases)) {
    memory <- quiet(do.call(linclass, c(list(numbers), cases[[name]])))
    for (block in c(701, 64)) {
      source <- row_source(numbers, block = block)
      blocks <- quiet(do.call(linclass, c(list(source), cases[[name]])))
      expect_identical(coef(blocks), coef(memory), info = name)
      expect_identical(blocks$vcov, memory$vcov, info = name)
      expect_identical(blocks$certificate, memory$certificate, info = name)
      expect_identical(blocks$null_loss, memory$null_loss, info = name)
    }
  }
})

test_that("what a block holds as NULL is not given", {
  blocks <- list(1:300, 301:nrow(rows))
  source_of <- function(...) {
    at <- 0
    row_source(function(reset) {
      at <<- if (reset) 0 else at + 1
      if (!reset && at <= 2) list(x = numbers[blocks[[at]], ], y = rows$y[blocks[[at]]], ...)
    })
  }
  fit <- linclass(source_of(weights = NULL, offset = NULL), lambda = 0.01, alpha = 0)
  expect_identical(coef(fit), coef(linclass(source_of(), lambda = 0.01, alpha = 0)))
  expect_equal(coef(fit), coef(linclass(numbers, rows$y, lambda = 0.01, alpha = 0)))
  expect_equal(predict(fit, source_of(offset = NULL)), predict(fit, numbers))
})

test_that("fits that choose columns agree to the last digits", {
  cases <- list(lasso = list(rows$y, lambda = 0.02), softmax = list(rows$three, lambda = 0.02),
                grouped = list(rows$three, lambda = 0.02, grouped = TRUE),
                net = list(rows$y, lambda = 0.02, alpha = 0.5),
                hinge = list(rows$y, lambda = 0.02, loss = "hinge"), bounds = list(rows$y, lower = 0))
  for (name in names(cases)) {
    memory <- quiet(do.call(linclass, c(list(numbers), cases[[name]])))
    blocks <- quiet(do.call(linclass, c(list(row_source(numbers, block = 701)), cases[[name]])))
    expect_lt(distance(blocks, memory), if (name == "hinge") 1e-6 else 1e-9)
    expect_lt(abs(blocks$objective / memory$objective - 1), if (name == "hinge") 1e-9 else 1e-12)
  }
})

test_that("paths and cross-validation take a source", {
  memory <- linclass_path(numbers, rows$three, nlambda = 12)
  blocks <- linclass_path(row_source(numbers, block = 701), rows$three, nlambda = 12)
  expect_equal(blocks$lambda, memory$lambda, tolerance = 1e-12)
  for (c in seq_along(coef(memory))) expect_lt(max(abs(coef(blocks)[[c]] - coef(memory)[[c]])), 1e-6)
  expect_true(all(blocks$points$met))
  id <- 1L + seq_len(nrow(rows)) %% 3L
  memory <- quiet(linclass_cv(numbers, rows$y, nlambda = 6, foldid = id))
  blocks <- quiet(linclass_cv(row_source(numbers, block = 701), rows$y, nlambda = 6, foldid = id))
  expect_equal(blocks$metrics$mean, memory$metrics$mean, tolerance = 1e-6)
})

test_that("a sparse matrix in blocks has the fit of the whole", {
  x <- numbers
  x[abs(x - 50) > 0.5 & x != 0 & col(x) == 2L] <- 0
  x <- cbind(x, matrix(as.numeric(seq_len(3000L * 4L) %% 7L == 0), 3000L))
  colnames(x) <- letters[1:7]
  sparse <- methods::as(x, "CsparseMatrix")
  for (case in list(list(rows$y), list(rows$three), list(rows$y, weights = rows$w), list(rows$three, lambda = 0.01),
                    list(rows$y, lambda = 0.01, alpha = 0))) {
    memory <- quiet(do.call(linclass, c(list(sparse), case)))
    blocks <- quiet(do.call(linclass, c(list(row_source(sparse, block = 450)), case)))
    expect_lt(distance(blocks, memory), 1e-9)
    expect_lt(abs(blocks$objective / memory$objective - 1), 1e-12)
  }
})

test_that("a formula has the same columns in all blocks", {
  formulas <- list(y ~ a + b, y ~ a + g, y ~ a * g + log(b), y ~ factor(k) + g, y ~ a + offset(o), y ~ a - 1,
                   three ~ ., y ~ ifelse(a > 0, "up", "down"))
  data <- rows
  data$a[c(5, 1200)] <- NA
  for (formula in formulas) {
    memory <- quiet(linclass(formula, data))
    # Blocks in which levels are absent, and others that are factors of their own.
    blocks <- quiet(linclass(formula, row_source(generator(data, 9L))))
    expect_identical(colnames(blocks$vcov), colnames(memory$vcov))
    expect_lt(distance(blocks, memory), 1e-9)
    expect_equal(blocks$n, memory$n)
    expect_equal(blocks$blueprint$xlevels, memory$blueprint$xlevels)
  }
  memory <- quiet(linclass(y ~ a + g, data, weights = w, subset = k != 2))
  blocks <- quiet(linclass(y ~ a + g, row_source(data, block = 99), weights = w, subset = k != 2))
  expect_lt(distance(blocks, memory), 1e-12)
  # Rows of weight 0 are absent, also where a whole block has none.
  data$w[1:500] <- 0
  memory <- quiet(linclass(y ~ a + g, data, weights = w))
  blocks <- quiet(linclass(y ~ a + g, row_source(data, block = 100), weights = w))
  expect_lt(distance(blocks, memory), 1e-12)
  expect_equal(blocks$n, memory$n)
})

test_that("levels may be declared, and a formula may stand in the source", {
  source <- row_source(generator(rows), formula = y ~ a + g,
                       levels = list(g = c("z", "u", "v", "w"), y = c("ok", "late")))
  fit <- linclass(source)
  own <- transform(rows, g = factor(g, c("z", "u", "v", "w")), y = factor(y, c("ok", "late")))
  expect_lt(distance(fit, linclass(y ~ a + g, own)), 1e-12)
  expect_identical(names(coef(fit)), names(coef(linclass(y ~ a + g, own))))
  expect_output(print(source), "a function.*levels of `g` and `y`")
})

test_that("predictions of a source are those of its rows", {
  fit <- quiet(linclass(three ~ a + b + g, row_source(rows)))
  source <- row_source(rows, block = 333)
  expect_identical(predict(fit, source), predict(fit, rows))
  for (type in c("prob", "link")) {
    expect_equal(predict(fit, source, type = type), unname_rows(predict(fit, rows, type = type)), tolerance = 1e-14)
  }
  two <- quiet(linclass(y ~ a + b, rows))
  expect_equal(predict(two, source, type = "link", se.fit = TRUE)$se.fit,
               unname(predict(two, rows, type = "link", se.fit = TRUE)$se.fit))
  by_numbers <- linclass(numbers, rows$three)
  expect_identical(predict(by_numbers, row_source(numbers, block = 999)), predict(by_numbers, numbers))
})

test_that("CSV files are read one after another", {
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  files <- file.path(folder, sprintf("part%02d.csv", 1:10))
  part <- split(rows, rep(1:10, each = 300))
  for (i in 1:10) utils::write.csv(if (i %% 2) part[[i]] else part[[i]][9:1], files[i], row.names = FALSE)
  memory <- quiet(linclass(y ~ a + g + k, do.call(rbind, lapply(files, function(f) utils::read.csv(f)[names(rows)]))))
  for (cache in c("disk", "none")) {
    fit <- quiet(linclass(y ~ a + g + k, row_source(files, block = 70, cache = cache)))
    expect_lt(distance(fit, memory), 1e-12)
  }
  other <- transform(part[[1L]], a = NULL)
  utils::write.csv(other, files[7], row.names = FALSE)
  expect_topic(quiet(linclass(y ~ a + g, row_source(files))), "source", "part07.*`a`")
  expect_topic(row_source(file.path(folder, "none.csv")), "source", "none.csv")
  expect_topic(row_source(folder), "source", "list.files")
})

test_that("a file that changes between passes is found out", {
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  file <- file.path(folder, "rows.csv")
  utils::write.csv(rows, file, row.names = FALSE)
  source <- row_source(file, block = 500, cache = "none")
  source$open <- local({
    open <- source$open
    pass <- 0
    function() {
      pass <<- pass + 1
      if (pass == 3) cat("1,50,1,u,1,ok,low,1,0\n", file = file, append = TRUE)
      open()
    }
  })
  expect_topic(quiet(linclass(y ~ a, source)), "source")
})

test_that("a query is a source", {
  skip_if_not_installed("RSQLite")
  con <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(con))
  DBI::dbWriteTable(con, "t", transform(rows, three = as.character(three)))
  memory <- quiet(linclass(y ~ a + g, rows))
  for (cache in c("disk", "none")) {
    fit <- quiet(linclass(y ~ a + g, row_source(con, "SELECT y, a, g FROM t", block = 700, cache = cache)))
    expect_lt(distance(fit, memory), 1e-12)
  }
  random <- row_source(con, "SELECT y, a, g FROM t ORDER BY random()", cache = "none")
  expect_warning(expect_topic(quiet(linclass(y ~ a + g, random)), "source", "ORDER BY"), NA)
  # The number of rows changes between passes.
  growing <- row_source(con, "SELECT y, a, g FROM t", block = 700, cache = "none")
  growing$open <- local({
    open <- growing$open
    pass <- 0
    function() {
      pass <<- pass + 1
      if (pass == 3) DBI::dbExecute(con, "INSERT INTO t (y, a, g) VALUES ('ok', 1, 'u')")
      open()
    }
  })
  expect_topic(quiet(linclass(y ~ a + g, growing)), "source", "more rows|another response")
  expect_topic(linclass(y ~ a, row_source(con, "SELECT nothing FROM t")), "source", "nothing")
  expect_topic(row_source(con), "argument", "query")
})

test_that("Parquet files are a source", {
  skip_if_not_installed("nanoparquet")
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  files <- file.path(folder, sprintf("part%d.parquet", 1:3))
  for (i in 1:3) nanoparquet::write_parquet(rows[seq(i, 3000, by = 3), ], files[i])
  memory <- quiet(linclass(y ~ a + g, rows[order(seq_len(3000) %% 3 == 0, seq_len(3000) %% 3), ]))
  expect_lt(distance(quiet(linclass(y ~ a + g, row_source(files, block = 400))), memory), 1e-9)
})

test_that("file-backed matrices are read from their file", {
  skip_if_not_installed("bigmemory")
  folder <- new_folder()
  on.exit(unlink(folder, recursive = TRUE))
  big <- bigmemory::as.big.matrix(numbers, backingfile = "rows.bin", backingpath = folder, descriptorfile = "rows.desc")
  source <- row_source(big, rows$y)
  expect_identical(coef(quiet(linclass(source))), coef(quiet(linclass(numbers, rows$y))))
  path <- file.path(folder, "rows.bin")
  writeBin(readBin(path, "raw", file.size(path) / 2), path)
  expect_topic(quiet(linclass(source)), "source", "changed")
})

test_that("a file that ends early is an error that says where", {
  path <- tempfile(fileext = ".columns")
  on.exit(unlink(path))
  writeBin(as.vector(numbers), path)
  source <- row_source(numbers, rows$y)
  source$file <- list(path = path, n = 3000, names = colnames(numbers))
  expect_identical(rows_of_file(source$file, 71:90), unname_rows(numbers[71:90, ]))
  expect_identical(coef(quiet(linclass(source))), coef(quiet(linclass(numbers, rows$y))))
  writeBin(as.vector(numbers)[1:8000], path)
  expect_topic(quiet(linclass(source)), "source", "column 3, at row 2001")
})

test_that("faults of a source are classed errors that say where", {
  fault <- function(change, formula = y ~ a + g, ...) {
    quiet(linclass(formula, row_source(generator(rows, fault = change), ...)))
  }
  at <- function(block, k, p, pass, change) if (p == pass && k == 2) change(block) else block
  cases <- list(
    list("boom", function(b, k, p) at(b, k, p, 3, function(b) stop("boom"))),
    list("another response", function(b, k, p) at(b, k, p, 3, function(b) b[-1L, ])),
    list("fewer rows", function(b, k, p) if (p == 4 && k == 4) b[-nrow(b), ] else b),
    list("more rows", function(b, k, p) if (p == 2 && k == 4) rbind(b, b) else b),
    list("numbers are not those", function(b, k, p) at(b, k, p, 3, function(b) transform(b, a = replace(a, 9, 1e-9)))),
    list("numbers are not those", function(b, k, p) {
      at(b, k, p, 3, function(b) transform(b, a = replace(a, which(y == "ok")[1:2], rev(a[which(y == "ok")[1:2]]))))
    }),
    list("Block 2.*lacks column `a`", function(b, k, p) at(b, k, p, 1, function(b) b[names(b) != "a"])),
    list("`a` is factor in block 2", function(b, k, p) at(b, k, p, 1, function(b) transform(b, a = "one"))),
    list("\"new\"", function(b, k, p) at(b, k, p, 2, function(b) transform(b, g = replace(g, 1, "new")))),
    list("it must be a data frame", function(b, k, p) at(b, k, p, 1, function(b) 7)))
  for (case in cases) expect_topic(fault(case[[2L]]), "source", case[[1L]])
  expect_topic(fault(function(b, k, p) b, levels = list(g = c("u", "v"))), "source", "declared")
  for (term in c("scale(a)", "poly(b, 2)", "I(a - mean(a))", "cumsum(a)")) {
    formula <- stats::as.formula(paste("y ~", term))
    expect_topic(fault(function(b, k, p) b, formula), "source", "all rows together")
  }
  # The original error is there, and the session goes on.
  caught <- tryCatch(fault(cases[[1L]][[2L]]), error = identity)
  expect_match(conditionMessage(caught$parent), "boom")
  expect_true(linclass(am ~ wt, mtcars)$converged)
  # One NA that the first pass did not have shows as a row less.
  expect_topic(fault(function(b, k, p) at(b, k, p, 3, function(b) transform(b, a = replace(a, 4, NA)))), "source")
})

test_that("an interrupt within a block ends the fit as any other", {
  stop_now <- function(b, k, p) {
    interrupt <- structure(class = c("interrupt", "condition"), list(message = "", call = NULL))
    if (p == 4 && k == 2) signalCondition(interrupt)
    b
  }
  caught <- tryCatch(quiet(linclass(y ~ a + g, row_source(generator(rows, fault = stop_now)))), interrupt = identity)
  expect_s3_class(caught, "linclass_interrupt")
})

test_that("a jump out of a block goes on, and a handler of the user sees conditions of his blocks", {
  escape <- function(b, k, p) if (p == 3 && k == 2) invokeRestart("out") else b
  left <- withRestarts(quiet(linclass(y ~ a, row_source(generator(rows, fault = escape)))), out = function() "out")
  expect_identical(left, "out")
  seen <- 0
  noisy <- function(b, k, p) {
    warning("noise")
    b
  }
  withCallingHandlers(suppressMessages(linclass(y ~ a, row_source(generator(rows, fault = noisy)))),
                      warning = function(w) {
                        seen <<- seen + 1
                        invokeRestart("muffleWarning")
                      })
  expect_gt(seen, 8)
})

test_that("what a source cannot do is said before any work", {
  source <- row_source(rows)
  expect_topic(linclass(cbind(k, k) ~ a, source), "response", "counts")
  expect_topic(quiet(linclass(y ~ a, source, model = TRUE)), "source", "memory")
  expect_topic(linclass(source), "source", "formula")
  expect_topic(linclass(row_source(numbers)), "response")
  expect_topic(linclass(row_source(numbers, rows$y), rows$y), "argument", "the source has it too")
  expect_topic(linclass(row_source(numbers), rows$y[-1L]), "shape")
  expect_topic(row_source(numbers, rows$y[-1L]), "shape", "`y`")
  expect_topic(row_source(3), "type")
  expect_topic(row_source(rows, levels = list("a")), "argument", "levels")
  expect_topic(row_source(rows, formula = "y ~ a"), "argument", "formula")
  expect_topic(row_source(rows, blok = 3), "unused_argument", "block")
  fit <- quiet(linclass(y ~ a, source))
  expect_topic(fitted(fit), "data", "come in blocks")
})

test_that("columns that depend on others are set aside as in memory", {
  data <- transform(rows, twice = 2 * a)
  source <- row_source(data, block = 500)
  expect_warn_topic(fit <- suppressMessages(linclass(y ~ a + twice + b, source)), "rank", "twice")
  expect_lt(max(abs(coef(fit)[c(1, 2, 4)] - coef(quiet(linclass(y ~ a + b, data))))), 1e-8)
})

test_that("memory does not grow with the number of columns times rows", {
  skip_on_cran()
  skip_if_not(file.exists("/proc/self/status"))
  code <- 'library(linclass)
    n <- 60000; k <- 0
    block <- function(reset = FALSE) {
      if (reset) { k <<- 0; return(invisible()) }
      k <<- k + 1
      if (k > n / 2000) return(NULL)
      set.seed(k)
      x <- matrix(rnorm(2000 * 100), 2000)
      list(x = x, y = factor(x[, 1] + rlogis(2000) > 0))
    }
    peak <- function() {
      line <- grep("VmHWM", readLines("/proc/self/status"), value = TRUE)
      as.numeric(sub("[^0-9]*([0-9]+).*", "\\\\1", line))
    }
    small <- n; n <- 4000; fit <- linclass(row_source(block)); before <- peak(); n <- small
    fit <- linclass(row_source(block), control = linclass_control(max_iter = 2))
    cat((peak() - before) / 1024)'
  script <- tempfile(fileext = ".R")
  on.exit(unlink(script))
  writeLines(code, script)
  paths <- paste(.libPaths(), collapse = .Platform$path.sep)
  said <- system2(file.path(R.home("bin"), "Rscript"), script, stdout = TRUE, stderr = FALSE,
                  env = paste0("R_LIBS=", shQuote(paths)))
  grown <- as.numeric(utils::tail(said, 1L))
  # X has 48 megabytes; the response and two vectors of scores have 2.
  expect_lt(grown, 25)
})

test_that("blocks without rows are passed over, and parts that only some have are told", {
  give <- function(blocks) {
    done <- 0L
    row_source(function(reset) {
      done <<- if (reset) 0L else done + 1L
      if (!reset && done <= length(blocks)) blocks[[done]]
    })
  }
  data <- toy()
  rows <- function(i) list(x = data$x[i, , drop = FALSE], y = data$y[i])
  fit <- linclass(give(list(rows(0L), rows(1:30), rows(0L), rows(0L), rows(31:60), rows(0L))), lambda = 0.01)
  expect_identical(coef(fit), coef(linclass(give(list(rows(1:30), rows(31:60))), lambda = 0.01)))
  expect_topic(linclass(give(list(rows(0L)))), "no_rows")
  expect_topic(linclass(give(list(c(rows(1:30), list(weights = 1:30)), rows(31:60)))), "source", "others have none")
  expect_topic(linclass(give(list(c(rows(1:60), list(weight = 1:60))))), "source", "`weight`.*mean `weights`")
})
