# Mini-batches on sources.

rows <- some_rows()
numbers <- as.matrix(rows[c("a", "b", "c")])
batches <- function(x, ..., epochs = 10, seed = 4, options = list()) {
  set.seed(seed)
  quiet(linclass(x, ..., solver = do.call(solver, c(list("minibatch", epochs = epochs), options))))
}

# Several groups of blocks: 8 megabytes have 13107 rows of 80 columns.
n <- 40000L
wide <- matrix(sin(outer(seq_len(n), seq_len(80), function(i, j) i * (0.1 + 0.37 * sqrt(j)) + j)), n)
classes <- factor(wide[, 1] - wide[, 2] + 2 * sin(7.7 * seq_len(n)) > 0.3)
in_file <- function(x, y) {
  path <- tempfile(fileext = ".columns")
  writeBin(as.vector(x), path)
  linclass:::column_source(linclass:::column_file(path, nrow(x), paste0("V", seq_len(ncol(x))), "double"), y, NULL,
                           NULL, 10000, "a file")
}

test_that("what is in memory at once has the order, and the fit, of memory", {
  cases <- list(plain = list(), softmax = list(y = rows$three), lasso = list(lambda = 0.01),
                hinge = list(loss = "hinge", lambda = 0.01, alpha = 0, epochs = 12),
                perceptron = list(loss = "perceptron"),
                weights = list(weights = rows$w), stratified = list(options = list(stratified = 1)),
                validate = list(options = list(validate = 0.2)), rate = list(options = list(rate = 1e-4)))
  for (name in names(cases)) {
    arguments <- utils::modifyList(list(y = rows$y), cases[[name]])
    memory <- do.call(batches, c(list(numbers), arguments))
    blocks <- do.call(batches, c(list(row_source(numbers, block = 701)), arguments))
    expect_identical(coef(blocks), coef(memory), info = name)
    expect_identical(blocks$certificate, memory$certificate, info = name)
  }
})

test_that("paths take mini-batches on a source", {
  path <- function(x) {
    set.seed(3)
    quiet(linclass_path(x, rows$y, lambda = c(0.1, 0.01), solver = "minibatch"))
  }
  expect_identical(coef(path(row_source(numbers, block = 701))), coef(path(numbers)))
})

test_that("files are shuffled by blocks and within them: one seed, one result, near the optimum", {
  source <- in_file(wide, classes)
  on.exit(unlink(source$file$path))
  exact <- linclass(wide, classes)
  fit <- batches(source)
  expect_identical(coef(batches(source)), coef(fit))
  expect_false(identical(coef(batches(source, seed = 5)), coef(fit)))
  expect_identical(fit$solver, "minibatch")
  expect_lt(fit$objective / exact$objective - 1, 1e-8)
  expect_lt(abs(fit$certificate$gap - (fit$objective - exact$objective)), 1e-7)
  aside <- batches(source, options = list(validate = 0.1, stratified = 1))
  expect_length(aside$validation$rows, 4000L)
  expect_equal(nrow(wide) - aside$n, 4000L)
  expect_lt(aside$objective / exact$objective - 1, 0.05)
  # Of sorted rows as well.
  order <- order(classes)
  sorted <- in_file(wide[order, ], classes[order])
  on.exit(unlink(sorted$file$path), add = TRUE)
  expect_lt(batches(sorted)$objective / exact$objective - 1, 1e-4)
})

test_that("a function gives its blocks in order, and they are compared", {
  k <- p <- 0
  fault <- NULL
  blocks <- function(reset = FALSE) {
    if (reset) {
      k <<- 0
      p <<- p + 1
      return()
    }
    k <<- k + 1
    if (k > 8) return()
    at <- (k - 1) * 5000 + 1:5000
    list(x = if (identical(c(p, k), fault)) wide[rev(at), ] else wide[at, ], y = classes[at])
  }
  exact <- linclass(wide, classes)
  fit <- batches(row_source(blocks))
  expect_lt(fit$objective / exact$objective - 1, 1e-3)
  expect_gt(p, 11)
  for (at in list(c(4, 6), c(9, 1))) {
    p <- 0
    fault <- at
    expect_topic(batches(row_source(blocks)), "source", "numbers are not those")
  }
  # One that stops ends the fit within the epoch.
  p <- 0
  stops <- function(reset = FALSE) if (!reset && p == 5 && k == 3) stop("boom") else blocks(reset)
  fault <- NULL
  expect_topic(batches(row_source(stops)), "source", "boom")
  expect_equal(p, 5)
})

test_that("a file that changes between epochs is found out", {
  source <- in_file(wide, classes)
  on.exit(unlink(source$file$path))
  stamp <- source$stamp
  passes <- 0
  source$stamp <- function() {
    passes <<- passes + 1
    if (passes == 6) writeBin(as.vector(wide)[1:1000000], source$file$path)
    stamp()
  }
  expect_topic(batches(source), "source", "changed since")
  writeBin(as.vector(wide), source$file$path)
  source <- in_file(wide, classes)
  on.exit(unlink(source$file$path), add = TRUE)
  passes <- 0
  source$stamp <- function() {
    passes <<- passes + 1
    if (passes == 6) writeBin(as.vector(wide)[1:1000000], source$file$path)
    "as before"
  }
  source$file$stamp <- "as before"
  expect_topic(batches(source), "source", "ends within column 2[56]")
})
