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
