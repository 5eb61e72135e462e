# Matrices, sparse matrices and data frames; the columns of newdata.

two <- toy(2)
three <- toy(3)

test_that("every storage of the same numbers gives the same fit", {
  x <- round(4 * two$x)
  sparse <- Matrix::Matrix(x, sparse = TRUE)
  storages <- list(integer = matrix(as.integer(x), nrow(x), dimnames = dimnames(x)),
                   sparse = sparse, rows = as(sparse, "RsparseMatrix"),
                   triplets = as(sparse, "TsparseMatrix"),
                   dense = Matrix::Matrix(x, sparse = FALSE), frame = as.data.frame(x),
                   as_is = I(x), table = as.table(x))
  for (settings in list(list(), list(lambda = 0.05), list(lambda = 0.1, alpha = 0))) {
    expected <- do.call(linclass, c(list(x, two$y), settings))
    for (name in names(storages)) {
      fit <- do.call(linclass, c(list(storages[[name]], two$y), settings))
      expect_equal(unname(coef(fit)), unname(coef(expected)), tolerance = 1e-7, info = name)
      expect_equal(fit$objective, expected$objective, tolerance = 1e-10, info = name)
    }
  }
})

test_that("the classes of Matrix are converted without loss", {
  n <- 24L
  y <- rep(c(0, 1, 1), length.out = n)
  band <- Matrix::bandSparse(n, n, k = 0:2, diagonals = list(rep(2, n), rep(1, n), rep(-1, n)))
  kinds <- list(
    general = band, symmetric = Matrix::forceSymmetric(band), triangular = Matrix::triu(band),
    unit = Matrix::Diagonal(n), logical = band != 0, pattern = as(band != 0, "nMatrix"),
    permutation = as(rev(seq_len(n)), "pMatrix"))
  for (name in names(kinds)) {
    dense <- linclass(as.matrix(kinds[[name]]) + 0, y, lambda = 0.1, alpha = 0)
    sparse <- linclass(kinds[[name]], y, lambda = 0.1, alpha = 0)
    expect_equal(unname(coef(sparse)), unname(coef(dense)), tolerance = 1e-7, info = name)
  }
})

test_that("explicit zeros and repeated triplets are the matrix they mean", {
  i <- c(1:60, 1L, 7L)
  j <- c(rep(1:3, 20), 1L, 2L)
  values <- c(two$x[cbind(1:60, rep(1:3, 20))], 0.5, 0)
  x <- Matrix::sparseMatrix(i, j, x = values, dims = c(60L, 3L), repr = "T")
  expect_equal(coef(linclass(x, two$y)), coef(linclass(as.matrix(x), two$y)), tolerance = 1e-8)
  stored <- Matrix::sparseMatrix(rep(1:60, 3), rep(1:3, each = 60), x = 1, dims = c(60L, 3L))
  stored@x <- as.vector(as.matrix(x))
  expect_equal(coef(linclass(stored, two$y)), coef(linclass(as.matrix(x), two$y)),
               tolerance = 1e-8)
})

test_that("names: none, given, and in the result", {
  unnamed <- unname(two$x)
  expect_identical(names(coef(linclass(unnamed, two$y))), c("(Intercept)", "V1", "V2", "V3"))
  expect_identical(names(coef(linclass(two$x, two$y, intercept = FALSE))), c("a", "b", "c"))
})

test_that("weight 2 is two copies and weight 0 is absence", {
  weights <- rep(c(0, 1, 2, 3), 15)
  rows <- rep(seq_along(weights), weights)
  for (settings in list(list(), list(lambda = 0.05), list(loss = "squared_hinge", lambda = 0.1))) {
    weighted <- do.call(linclass, c(list(three$x, three$y, weights = weights), settings))
    copied <- do.call(linclass, c(list(three$x[rows, ], three$y[rows]), settings))
    expect_equal(coef(weighted), coef(copied), tolerance = 1e-6)
    expect_equal(weighted$objective, copied$objective, tolerance = 1e-9)
    expect_equal(weighted$nobs, copied$nobs)
  }
  expect_identical(weighted$n, 45L)
})

test_that("offsets are added to the score of the second level, or to all classes", {
  offset <- cos(seq_len(60))
  glm_fit <- glm(y ~ a + b + c, binomial, two$data, offset = offset)
  expect_equal(coef(linclass(two$x, two$y, offset = offset)), coef(glm_fit), tolerance = 1e-7)
  expect_equal(coef(linclass(two$x, two$y, offset = cbind(1, 1 + offset))), coef(glm_fit),
               tolerance = 1e-7)
  as_softmax <- linclass(two$x, two$y, loss = "softmax", offset = offset)
  expect_equal(coef(as_softmax)["high", ], coef(glm_fit), tolerance = 1e-7)
  # An offset that is linear in a column moves its coefficients by as much.
  shift <- c(0, 0.3, -0.7)
  moved <- linclass(three$x, three$y, offset = three$x[, "a"] %o% shift)
  plain <- linclass(three$x, three$y)
  expect_equal(coef(moved)[, "a"], coef(plain)[, "a"] - shift[-1], tolerance = 1e-7)
  expect_equal(coef(moved)[, "b"], coef(plain)[, "b"], tolerance = 1e-6)
})

test_that("per-column arguments may be named by columns", {
  by_name <- linclass(two$x, two$y, lambda = 0.1, penalty_factor = c(b = 0))
  by_place <- linclass(two$x, two$y, lambda = 0.1, penalty_factor = c(1, 0, 1))
  expect_equal(coef(by_name), coef(by_place))
  expect_false(isTRUE(all.equal(coef(by_name), coef(linclass(two$x, two$y, lambda = 0.1)))))
})

test_that("bounds hold", {
  free <- coef(linclass(two$x, two$y, lambda = 0.001))
  fit <- linclass(two$x, two$y, lambda = 0.001, lower = 0, upper = c(a = 0.1))
  expect_true(all(coef(fit)[-1] >= 0) && coef(fit)[["a"]] <= 0.1)
  expect_true(free[["a"]] > 0.1)
})

test_that("newdata is matched by name", {
  fit <- linclass(two$x, two$y)
  scores <- predict(fit, two$x, type = "link")
  expect_equal(predict(fit, two$x[, 3:1], type = "link"), scores)
  expect_equal(predict(fit, cbind(two$x, more = 1)[, c(4, 2, 1, 3)], type = "link"), scores)
  expect_equal(unname(predict(fit, cbind(as.data.frame(two$x), z = "text"), type = "link")),
               unname(scores))
  expect_equal(predict(fit, Matrix::Matrix(two$x[, 3:1], sparse = TRUE), type = "link"), scores)
  expect_message_topic(by_place <- predict(fit, unname(two$x), type = "link"), "unnamed_newdata")
  expect_equal(by_place, scores)
})

test_that("a fit without names predicts by position, silently", {
  fit <- linclass(unname(two$x), two$y)
  expect_silent(scores <- predict(fit, unname(two$x), type = "link"))
  expect_equal(predict(fit, two$x, type = "link"), scores)
})

test_that("bake() keeps the row count, also of none and of one", {
  fit <- linclass(y ~ a + poly(b, 2), two$data)
  for (rows in list(integer(), 1L, 1:5)) {
    expect_identical(dim(bake(fit$blueprint, two$data[rows, ])$x), c(length(rows), 3L))
    expect_identical(nrow(bake(linclass(two$x, two$y)$blueprint, two$x[rows, , drop = FALSE])$x),
                     length(rows))
  }
})

test_that("a start is taken in the shape of coef()", {
  for (data in list(two, three)) {
    best <- linclass(data$x, data$y)
    again <- linclass(data$x, data$y, start = coef(best))
    expect_equal(coef(again), coef(best), tolerance = 1e-8)
    expect_lte(again$iterations, 2)
    order <- c(3, 1, 4, 2)
    shuffled <- if (is.matrix(coef(best))) coef(best)[, order] else coef(best)[order]
    expect_lte(linclass(data$x, data$y, start = shuffled)$iterations, 2)
  }
})

test_that("a fit without iterations returns its start in the coding that is shown", {
  start <- matrix(c(0.5, -0.2, 0.1, 0, 1, -1, 0.3, 0.4), 2, byrow = TRUE)
  stopped <- function(...) {
    quiet(linclass(three$x, three$y, solver = solver("lbfgs"),
                   control = linclass_control(max_iter = 0), ...))
  }
  expect_equal(unname(coef(stopped(start = start))), start, tolerance = 1e-12)
  full <- rbind(0, start)
  symmetric <- stopped(start = full, coding = "symmetric")
  expect_equal(unname(coef(symmetric)), full - rep(colMeans(full), each = 3), tolerance = 1e-12)
})

test_that("inputs are not changed", {
  x <- two$x + 0
  y <- two$y
  weights <- rep(c(1, 0), 30)
  keep <- serialize(list(x, y, weights), NULL)
  quiet(linclass(x, y, weights = weights, lambda = 0.1))
  quiet(linclass(Matrix::Matrix(x, sparse = TRUE), y, weights = weights))
  expect_identical(serialize(list(x, y, weights), NULL), keep)
})
