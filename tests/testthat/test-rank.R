# Unpenalised fits with more columns than rows: columns that depend on the ones before them are set
# aside as glm() does it. Repeated rows with mixed labels keep the answer finite.

repeated_toy <- function(k, n = 120L, p = 150L, distinct = 20L) {
  row <- rep_len(seq_len(distinct), n)
  x <- sapply(seq_len(p), function(j) ((seq_len(distinct) * (7L + j) * j) %% 61L) / 30 - 1)[row, ]
  x[, 3L] <- x[, 1L] - 2 * x[, 2L]
  x[, 7L] <- 5
  colnames(x) <- paste0("v", seq_len(p))
  i <- seq_len(n)
  y <- factor((row * 7L + i %/% distinct + (i %% 5L == 0L)) %% k, labels = letters[seq_len(k)])
  list(x = x, y = y, w = 1 + i %% 3L, row = row)
}

test_that("more columns than rows, repeated rows: the answer is glm's", {
  d <- repeated_toy(2L)
  expect_true(all(table(d$row, d$y) > 0)) # so that no class can be separated
  expect_warning(fit <- linclass(d$x, d$y, weights = d$w), class = "linclass_warning_underdetermined")
  reference <- glm(d$y ~ d$x, binomial, weights = d$w)
  expect_identical(unname(is.na(coef(fit))), unname(is.na(coef(reference))))
  expect_true(all(is.na(coef(fit)[c("v3", "v7")])))
  expect_true(fit$certificate$met)
  expect_identical(fit$separation$kind, "none")
  expect_equal(unname(fitted(fit)), unname(fitted(reference)), tolerance = 1e-6)
  expect_equal(unname(vcov(fit, complete = FALSE)), unname(vcov(reference, complete = FALSE)),
               tolerance = 1e-4)

  # As many coefficients as distinct rows: the fitted probabilities are the shares of the rows.
  share <- tapply(d$w * (d$y == "b"), d$row, sum) / tapply(d$w, d$row, sum)
  expect_equal(as.vector(fitted(fit)), as.vector(share[d$row]), tolerance = 1e-7)
})

test_that("a fit with dependent columns is that of the independent ones", {
  for (loss in c("logistic", "softmax", "squared_hinge")) {
    d <- repeated_toy(if (loss == "logistic") 2L else 3L)
    fit <- suppressWarnings(linclass(d$x, d$y, loss = loss))
    gone <- colnames(d$x) %in% fit$aliased
    expect_identical(sum(!gone), 19L, info = loss)
    alone <- linclass(d$x[, !gone], d$y, loss = loss)
    expect_equal(fit$objective, alone$objective, tolerance = 1e-10, info = loss)
    expect_equal(coef(fit, format = "vector", complete = FALSE),
                 coef(alone, format = "vector", complete = FALSE), tolerance = 1e-5, info = loss)
    if (fit$loss != "squared_hinge") {
      expect_equal(vcov(fit, complete = FALSE), vcov(alone), tolerance = 1e-4, info = loss)
    }
    sparse <- suppressWarnings(linclass(Matrix::Matrix(d$x, sparse = TRUE), d$y, loss = loss))
    expect_identical(sparse$aliased, fit$aliased, info = loss)
    expect_equal(coef(sparse), coef(fit), tolerance = 1e-8, info = loss)
    # L-BFGS sets no column aside; its certificate comes from the same basis.
    other <- suppressWarnings(linclass(d$x, d$y, loss = loss, solver = "lbfgs"))
    expect_identical(other$certificate$kind, "newton_decrement", info = loss)
    expect_equal(other$objective, fit$objective, tolerance = 1e-7, info = loss)
  }
})
