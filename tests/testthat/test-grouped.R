# Groups of slopes in single fits: against the path, the definition, and what a small change of the
# data does. tests/testthat/test-path-grouped.R compares paths with glmnet.

i <- seq_len(120)
x <- outer(i, 1:8, function(i, j) sin(i * j^1.3))
y <- factor(c("a", "b", "c")[1 + (x[, 1] + x[, 2] > 0) + (x[, 3] > 0.5 + x[, 4])])
sparse <- Matrix::Matrix(x * (x > 0.5), sparse = TRUE)
exact <- linclass_control(tolerance = 1e-13)

test_that("a grouped fit is the point of the grouped path", {
  for (x in list(x, sparse)) for (loss in c("softmax", "squared_hinge")) for (alpha in c(1, 0.5)) {
    args <- list(x, y, loss = loss, alpha = alpha, lambda = 0.05, grouped = TRUE, control = exact)
    fit <- do.call(linclass, args)
    path <- do.call(linclass_path, args)
    expect_identical(fit$solver, "coordinate")
    expect_equal(coef(fit), coef(path, format = "dense"), tolerance = 1e-6)
    expect_equal(fit$objective, path$points$objective, tolerance = 1e-12)
    expect_identical(fit$certificate$kind, "duality_gap")
    expect_lt(fit$certificate$relative, 1e-12)
    # The objective is what the help page says; groups are 0 together.
    W <- coef(fit)[, -1]
    spread <- apply(as.matrix(x), 2, function(v) sqrt(mean((v - mean(v))^2)))
    norms <- sqrt(colSums(W^2))
    penalty <- sum(alpha * norms * spread + (1 - alpha) / 2 * (norms * spread)^2)
    expect_equal(fit$objective, fit$loss_value + 0.05 * penalty)
    expect_true(all(colSums(W != 0) %in% c(0, 3)))
    if (loss == "softmax") expect_true(any(norms == 0))
  }
})

test_that("other solvers, the hinge and features without a penalty have groups, too", {
  fit <- function(..., lambda = 0.05) linclass(x, y, lambda = lambda, grouped = TRUE, ...)
  descent <- quiet(fit(solver = "gradient_descent"))
  expect_equal(coef(descent), coef(fit()), tolerance = 1e-5)
  hinge <- fit(loss = "hinge", lambda = 0.2, control = linclass_control(tolerance = 1e-6))
  norms <- sqrt(colSums(coef(hinge)[, -1]^2))
  expect_true(hinge$certificate$met && any(norms == 0) && any(norms > 0))
  path <- linclass_path(x, y, loss = "hinge", lambda = c(0.4, 0.2), grouped = TRUE,
                        control = linclass_control(tolerance = 1e-6))
  expect_equal(path$points$objective[2L], hinge$objective, tolerance = 1e-5)
  free <- fit(penalty_factor = rep(c(0, 1), c(1, 7)))
  expect_equal(coef(free), coef(linclass_path(x, y, lambda = 0.05, grouped = TRUE,
                                              penalty_factor = rep(c(0, 1), c(1, 7))),
                                format = "dense"), tolerance = 1e-4)
  expect_output(print(fit()), "grouped lasso of scaled")
  expect_output(print(linclass(x, y, lambda = 0, grouped = TRUE)), "no penalty")
})

test_that("degrees of freedom are what the fit makes of small changes of the offset", {
  for (alpha in c(1, 0.5)) {
    fit <- function(offset) {
      linclass(x[, 1:4], y, lambda = 0.05, alpha = alpha, grouped = TRUE, offset = offset,
               control = exact)
    }
    middle <- linclass(x[, 1:4], y, lambda = 0.05, alpha = alpha, grouped = TRUE, control = exact)
    columns <- cbind(1, x[, 1:4])
    h <- 1e-4
    answer <- 0
    for (class in 1:3) for (j in which(coef(middle)[class, ] != 0)) {
      offset <- matrix(0, 120, 3)
      offset[, class] <- h * columns[, j]
      change <- (coef(fit(offset)) - coef(fit(-offset))) / (2 * h)
      answer <- answer - change[class, j]
    }
    expect_equal(attr(logLik(middle), "df"), answer, tolerance = 1e-4)
  }
})

test_that("groups that cannot be are refused", {
  fit <- function(...) linclass(x, y, lambda = 0.05, grouped = TRUE, ...)
  expect_topic(fit(solver = "minibatch"), "solver", "gradient_descent")
  expect_topic(fit(lower = 0), "bounds", "grouped")
  expect_topic(fit(coding = "reference"), "coding", "symmetric")
  expect_topic(linclass(x, y, grouped = 1), "argument", "grouped")
  two <- factor(x[, 1] > 0.2)
  expect_identical(coef(linclass(x, two, lambda = 0.05, grouped = TRUE)),
                   coef(linclass(x, two, lambda = 0.05)))
})
