# Where paths begin and end: limits, lambda = 0, the loss without slopes, no sequence, no rows.

two <- toy(2)
three <- toy(3)
x <- two$x

test_that("max_iter limits the steps for each lambda, and points that hit it say so", {
  i <- seq_len(120)
  x <- outer(i, 1:40, function(i, j) sin(i * j^1.3))
  y <- factor(c("a", "b", "c")[1 + (x[, 1] + x[, 2] > 0) + (x[, 3] > 0.5 + x[, 4])])
  for (x in list(x, Matrix::Matrix(x * (x > 0.5), sparse = TRUE))) for (grouped in c(FALSE, TRUE)) {
    fit <- function(control) {
      linclass_path(x, y, lambda = c(0.05, 0.01), grouped = grouped, control = control)
    }
    whole <- fit(linclass_control())
    expect_true(all(whole$points$iterations > 2))
    for (most in 0:2) {
      expect_warn_topic(short <- fit(linclass_control(max_iter = most)), "not_converged", "max_iter")
      expect_true(all(short$points$iterations <= most))
      expect_false(any(short$points$met))
      # Their gaps are true: no less than what is to be gained.
      excess <- short$points$objective - whole$points$objective
      expect_true(all(excess > 0 & short$points$gap >= excess))
    }
    enough <- fit(linclass_control(max_iter = max(whole$points$iterations)))
    expect_identical(coef(enough), coef(whole))
  }
  cv <- NULL
  expect_warn_topic(cv <- linclass_cv(x, y, lambda = c(0.05, 0.01), folds = 3,
                                      control = linclass_control(max_iter = 1)),
                    "not_converged", "path and 6 points of the folds' paths")
  expect_false(any(cv$path$points$met))
})

test_that("a path that ends in lambda = 0 ends in the fit without penalty", {
  i <- seq_len(200)
  x <- outer(i, 1:5, function(i, j) sin(i * j^1.3))
  x <- cbind(x, x[, 1] + x[, 2]) # many optima: the one that linclass() shows
  responses <- list(factor(x[, 1] + 2 * sin(7 * i) > 0),
                    factor((x[, 1] + 2 * sin(7 * i) > 0) + (x[, 2] + 2 * sin(4 * i) > 0)))
  for (y in responses) for (alpha in 0:1) {
    path <- linclass_path(x, y, lambda = c(0.1, 0.01, 0), alpha = alpha)
    coding <- if (nlevels(y) > 2L) "symmetric"
    fit <- quiet(linclass(x, y, coding = coding))
    expected <- coef(fit)
    expected[is.na(expected)] <- 0
    expect_equal(coef(path, s = 0, format = "dense"), expected, tolerance = 1e-6)
    expect_equal(path$points$objective[3L], fit$objective, tolerance = 1e-12)
  }
  expect_identical(linclass_path(x, y, lambda = 0)$solver, "newton")
})

test_that("the null loss of a hinge path is that of the hinge", {
  null_loss <- function(...) quiet(linclass_path(..., loss = "hinge", lambda = 0.1))$null_loss
  i <- seq_len(60)
  sign <- 2 * (two$y == "high") - 1
  hinge <- function(score) mean(pmax(0, 1 - sign * score))
  best <- function(score) optimize(function(b) hinge(score + b), c(-4, 4), tol = 1e-10)$objective
  rare <- factor(i > 45)
  # The score of every row is that of the larger class, or 0 without an intercept.
  expect_equal(null_loss(x, rare), 2 * 15 / 60, tolerance = 1e-6)
  expect_equal(null_loss(x, rare, intercept = FALSE), 1, tolerance = 1e-6)
  expect_equal(null_loss(x, two$y, offset = x[, 1]), best(x[, 1]), tolerance = 1e-6)
  expect_equal(null_loss(x, two$y, offset = x[, 1], intercept = FALSE), hinge(x[, 1]))
  free <- linclass(x[, 1, drop = FALSE], two$y, loss = "hinge")
  expect_equal(null_loss(x, two$y, penalty_factor = c(0, 1, 1)), free$loss_value, tolerance = 1e-6)
  expect_equal(null_loss(x, two$y, lower = c(1, -Inf, -Inf)), best(x[, 1]), tolerance = 1e-6)
  path <- linclass_path(x, two$y, loss = "hinge", lambda = c(10, 0.001))
  expect_equal(path$points$deviance_ratio, 1 - path$points$loss / path$null_loss)
  expect_equal(path$points$deviance_ratio[1L], 0, tolerance = 1e-6)
  none <- quiet(linclass_path(x, two$y, loss = "perceptron", lambda = 0))
  expect_identical(none$points$deviance_ratio, NA_real_)
})

test_that("a path that ends in lambda = 0 says that classes are separated", {
  parted <- factor(x[, 1] > 0)
  expect_warn_topic(path <- linclass_path(x, parted, lambda = c(0.1, 0)), "separation", "lambda = 0")
  expect_true(path$separated)
  expect_silent(path <- linclass_path(x, parted, lambda = c(0.1, 1e-4)))
  expect_false(path$separated)
})

test_that("there is no sequence where no slope leaves 0", {
  constant <- matrix(7, 60, 2)
  crossed <- list(x = cbind(c(-1, 1, -1, 1)), y = factor(c(0, 0, 1, 1)))
  expect_topic(linclass_path(constant, two$y), "penalty", "constant.*give `lambda`")
  expect_topic(linclass_path(0 * constant, three$y, alpha = 0), "penalty", "no sequence")
  expect_topic(linclass_cv(constant, two$y), "penalty", "no sequence")
  expect_topic(linclass_path(crossed$x, crossed$y), "penalty", "no sequence")
  share <- mean(two$y == "high")
  path <- linclass_path(constant, two$y, lambda = 0.1)
  expect_equal(coef(path, format = "dense"), c(`(Intercept)` = qlogis(share), V1 = 0, V2 = 0))
  expect_gt(linclass_path(constant, x[, 1] > 0.2, intercept = FALSE)$lambda_max, 0)
})

test_that("a solver that is named is the one that fits", {
  expected <- linclass_path(x, two$y, lambda = c(0.1, 0.01))
  path <- linclass_path(x, two$y, lambda = c(0.1, 0.01), solver = "gradient_descent")
  expect_identical(path$solver, "gradient_descent")
  expect_identical(path$reason, "as asked")
  expect_equal(coef(path), coef(expected), tolerance = 1e-5)
  expect_topic(linclass_path(x, three$y, grouped = TRUE, solver = "minibatch"), "solver",
               "grouped")
  expect_equal(coef(linclass_path(x, three$y, grouped = TRUE, solver = "coordinate")),
               coef(linclass_path(x, three$y, grouped = TRUE)))
})

test_that("no rows give empty predictions", {
  path <- linclass_path(x, three$y, nlambda = 3)
  none <- x[0, , drop = FALSE]
  expect_identical(dim(predict(path, none, type = "prob")), c(0L, 3L, 3L))
  expect_identical(dim(predict(path, none)), c(0L, 3L))
  expect_identical(length(predict(path, none, s = 0.1)), 0L)
})
