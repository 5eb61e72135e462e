# Sparse designs: the same numbers as their dense twins, whatever the number of threads.

sparse_toy <- function(n = 400L, p = 30L, density = 0.15) {
  x <- matrix(0, n, p)
  full <- seq(1L, n * p, by = round(1 / density))
  x[full] <- round(sin(seq_along(full)) * 8) / 4
  score <- drop(x %*% cos(seq_len(p)))
  y <- factor(ifelse(score + 2 * sin(17 * seq_len(n)) > 0, "b", "a"))
  list(dense = x, sparse = Matrix::Matrix(x, sparse = TRUE), y = y)
}

test_that("rare columns keep the certificate of a ridge fit", {
  data <- sparse_toy()
  data$sparse[, 1L] <- 0
  data$sparse[5L, 1L] <- 1e-5 # l2 = lambda sd^2 of about 1e-17
  fit <- linclass(data$sparse, data$y, lambda = 1e-4, alpha = 0)
  expect_identical(fit$certificate$kind, "duality_gap")
  expect_true(fit$certificate$met)
})

# Text-like: more rows than a block holds, frequent and rare columns, empty rows and columns.
text_toy <- function(n = 2500L, p = 150L) {
  rows <- rep(seq_len(n), each = 12L)
  columns <- 1 + floor(p^abs(sin(seq_along(rows) * 1.7)) - 1)
  columns[rows %% 11 == 0] <- 1
  keep <- rows %% 97 != 5 & columns %% 13 != 7
  x <- Matrix::sparseMatrix(rows[keep], columns[keep], x = 1, dims = c(n, p))
  x@x <- log1p(x@x)
  score <- as.vector(x %*% (3 * cos(seq_len(p))))
  noise <- sin(seq_len(n) * 12.9898) * 43758.5453
  list(sparse = x, dense = as.matrix(x), two = factor(score + 6 * (noise - floor(noise)) > 3),
       four = factor(findInterval(score + 4 * (noise - floor(noise)), c(0, 2, 4))))
}

fits_of <- function(x, data) {
  tight <- linclass_control(tolerance = 1e-12)
  fit <- function(y, ...) linclass(x, y, ..., control = tight)
  list(ridge = fit(data$two, lambda = 1e-3, alpha = 0, solver = solver("lbfgs")),
       newton = fit(data$two, lambda = 1e-3, alpha = 0, solver = solver("newton")),
       softmax = fit(data$four, loss = "softmax", lambda = 1e-2, alpha = 0,
                     solver = solver("lbfgs")),
       squared = fit(data$two, loss = "squared_hinge", lambda = 1e-2, alpha = 0))
}

test_that("the number of threads changes no bit of a sparse fit", {
  data <- text_toy()
  old <- linclass_threads()
  on.exit(linclass_threads(old))
  linclass_threads(1)
  alone <- lapply(fits_of(data$sparse, data), coef)
  linclass_threads(2)
  expect_identical(lapply(fits_of(data$sparse, data), coef), alone)
})

test_that("a sparse fit is the dense one", {
  data <- text_toy()
  sparse <- fits_of(data$sparse, data)
  dense <- fits_of(data$dense, data)
  for (name in names(sparse)) {
    expect_equal(sparse[[name]]$objective, dense[[name]]$objective, tolerance = 1e-11, info = name)
    expect_equal(unname(coef(sparse[[name]])), unname(coef(dense[[name]])), tolerance = 1e-5,
                 info = name)
    expect_equal(unname(predict(sparse[[name]], data$sparse, type = "link")),
                 unname(predict(sparse[[name]], data$dense, type = "link")), tolerance = 1e-12,
                 info = name)
  }
})
