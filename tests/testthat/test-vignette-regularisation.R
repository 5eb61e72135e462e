# What vignette("regularisation") says: accidents counted, corners, twins, units, other scales.

pastries <- function() {
  data.frame(
    Oil = c(16.5, 17.7, 16.2, 16.7, 16.3, 19.1, 18.4),
    Density = c(2955, 2660, 2870, 2920, 2975, 2790, 2750), Crispy = c(10, 14, 12, 10, 11, 13, 13),
    Fracture = c(23, 9, 17, 31, 26, 16, 17), Hardness = c(97, 139, 143, 95, 143, 189, 114),
    Taste = factor(c("fair", "excellent", "poor", "good", "fair", "good", "poor"),
                   c("poor", "fair", "good", "excellent")))
}

test_that("seven pastries are separated, whatever their taste; a penalty makes the fit finite", {
  data <- pastries()
  fit <- quiet(linclass(Taste ~ ., data))
  expect_identical(fit$separation$kind, "complete")
  expect_identical(predict(fit, data), data$Taste)
  # A shuffle of the tastes is fitted as well: there are more weights than samples.
  nonsense <- transform(data, Taste = rev(Taste))
  expect_identical(predict(quiet(linclass(Taste ~ ., nonsense)), nonsense), nonsense$Taste)
  # One feature separates the two fair ones by accident.
  expect_identical(quiet(linclass(Taste == "fair" ~ Density, data))$separation$kind, "complete")
  expect_identical(order(data$Density)[6:7], which(data$Taste == "fair")[c(1, 2)])
  for (alpha in c(0, 1)) {
    expect_silent(fit <- linclass(Taste ~ ., data, lambda = 0.1, alpha = alpha))
    expect_true(certificate(fit)$met)
    W <- unname(coef(fit))
    kkt <- r_kkt(W, data[1:5], as.integer(data$Taste), "softmax", 0, rows = 1:4)
    expect_gt(kkt, 1e-3)  # not the minimum of the loss alone
  }
})

test_that("the chance that useless features separate two of seven", {
  pairs <- utils::combn(7, 2)
  ends <- apply(pairs, 2, function(pair) all(pair %in% 1:2) || all(pair %in% 6:7))
  expect_equal(mean(ends), 2 / 21)
})

test_that("the lasso's corner is an exact zero where ridge has none", {
  set.seed(6)
  u <- rnorm(200)
  x <- cbind(b1 = u, b2 = 0.5 * u + 0.87 * rnorm(200))
  y <- rbinom(200, 1, sigmoid(0.4 * x[, 1] + 1.4 * x[, 2]))
  solve <- function(alpha, lambda) {
    coef(linclass(x, y, intercept = FALSE, standardize = FALSE, alpha = alpha, lambda = lambda))
  }
  expect_identical(solve(1, 0.13)[["b1"]], 0)
  expect_gt(min(solve(0, 0.2)), 0)
  # The penalised solution is the best point of its price, by a search along the price's level.
  loss <- function(w) mean(log1p(exp(x %*% w)) - y * (x %*% w))
  w <- solve(0, 0.2)
  turn <- seq(0, 2 * pi, length.out = 2001)
  circle <- sqrt(sum(w^2)) * rbind(cos(turn), sin(turn))
  expect_lt(loss(w), min(apply(circle, 2, loss)) + 1e-9)
  w <- solve(1, 0.13)
  side <- seq(-1, 1, length.out = 1001) * sum(abs(w))
  diamond <- rbind(c(side, side), c(sum(abs(w)) - abs(side), abs(side) - sum(abs(w))))
  expect_lt(loss(w), min(apply(diamond, 2, loss)) + 1e-9)
})

test_that("twins share under ridge and elastic net; the lasso pays the same for both shares", {
  set.seed(2)
  x <- matrix(rnorm(300), 100)
  y <- rbinom(100, 1, sigmoid(2 * x[, 1] - x[, 2]))
  twins <- cbind(x1 = x[, 1], copy = x[, 1], x[, 2:3])
  colnames(twins)[3:4] <- c("x2", "x3")
  fit <- function(x, alpha) linclass(x, y, alpha = alpha, lambda = 0.05, standardize = FALSE)
  for (alpha in c(0, 0.5)) {
    b <- coef(fit(twins, alpha))
    expect_equal(b[["x1"]], b[["copy"]], tolerance = 1e-4)
  }
  colnames(x) <- c("x1", "x2", "x3")
  expect_equal(sum(coef(fit(twins, 1))[2:3]), coef(fit(x, 1))[["x1"]], tolerance = 1e-5)
  expect_equal(objective(fit(twins, 1)), objective(fit(x, 1)), tolerance = 1e-9)
})

test_that("a unit changes a weight and nothing else, if columns are scaled", {
  x <- as.matrix(iris[51:150, 1:3])
  y <- droplevels(iris$Species[51:150])
  milli <- x
  milli[, 1] <- 1000 * milli[, 1]
  fit <- function(x, scaled) coef(linclass(x, y, lambda = 0.05, alpha = 0, standardize = scaled))
  expect_equal(fit(milli, TRUE) * c(1, 1000, 1, 1), fit(x, TRUE), tolerance = 1e-7)
  expect_gt(abs(fit(milli, FALSE)[2] * 1000 / fit(x, FALSE)[2] - 1), 0.1)
})

test_that("an elastic net of a textbook, minimised as it stands, is ours at converted numbers", {
  x <- scale(as.matrix(iris[51:150, 1:3]))
  y <- as.integer(iris$Species[51:150] == "virginica")
  textbook <- function(w) {
    z <- drop(cbind(1, x) %*% w)
    mean(log1p(exp(z)) - y * z) + 0.01 * (0.2 * sum(abs(w[-1])) + 0.8 * sum(w[-1]^2))
  }
  best <- optim(numeric(4), textbook, method = "BFGS", control = list(reltol = 1e-14, maxit = 500))
  penalty <- convert_penalty("squares", lambda = 0.01, a = 0.2)
  fit <- do.call(linclass, c(list(x, y, standardize = FALSE), penalty))
  expect_lte(objective(fit), best$value + 1e-12)
  expect_equal(unname(coef(fit)), best$par, tolerance = 1e-3)
})

test_that("the path of 200 features starts at the largest slope, and folds find its minimum", {
  set.seed(2)
  x <- matrix(rnorm(100 * 200), 100, 200, dimnames = list(NULL, paste0("x", 1:200)))
  y <- rbinom(100, 1, sigmoid(x[, 1:5] %*% c(2, -2, 1.5, -1, 1)))
  path <- linclass_path(x, y, standardize = FALSE)
  expect_equal(path$lambda_max, max(abs(crossprod(x, mean(y) - y))) / 100, tolerance = 1e-10)
  set.seed(3)
  cv <- linclass_cv(x, y, standardize = FALSE)
  new <- matrix(rnorm(2000 * 200), 2000, 200, dimnames = list(NULL, colnames(x)))
  new_y <- rbinom(2000, 1, sigmoid(new[, 1:5] %*% c(2, -2, 1.5, -1, 1)))
  z <- predict(path, new, type = "link")
  future <- colMeans(2 * (log1p(exp(z)) - new_y * z))
  chosen <- future[match(cv$lambda.min, path$lambda)]
  expect_lt(chosen, 1.15 * min(future))
  expect_gt(future[length(future)], 1.3 * min(future))
  final <- linclass(x, y, lambda = cv$lambda.1se, standardize = FALSE)
  expect_equal(coef(cv, s = "lambda.1se", format = "dense"), coef(final), tolerance = 1e-4)
})
