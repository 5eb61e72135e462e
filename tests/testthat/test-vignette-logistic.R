# The numbers of vignette("logistic-regression"). The coefficients and standard errors of the 23
# flights are those that textbooks print for these data.

temperature <- c(66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78, 67, 53, 67, 75, 70, 81, 76, 79,
                 75, 76, 58)
y <- c(0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1)
x <- cbind(x = (temperature - 70) / 10)
n <- length(y)
X <- cbind(1, x)
w <- c(0, -1)
mu <- 1 / (1 + exp(-drop(X %*% w)))

test_that("the loss, the gradient and the Hessian at the guess", {
  expect_equal(sigmoid(1.7), 1 / (1 + exp(-1.7)))
  expect_equal(round(sigmoid(1.7), 7), 0.8455347)
  expect_equal(loss_value(w, x, y, "logistic"), -mean(y * log(mu) + (1 - y) * log(1 - mu)))
  expect_equal(round(loss_value(w, x, y, "logistic"), 7), 0.5800731)
  expect_equal(loss_value(c(0, 0), x, y, "logistic"), log(2))
  alpha <- mu - y
  one <- c(0, 0)
  for (i in 1:n) one <- one + alpha[i] * X[i, ]
  expect_equal(round(one, 4), c(4.6532, 1.4354), ignore_attr = TRUE)
  expect_equal(colSums(alpha * X), one)
  expect_equal(n * loss_gradient(w, x, y, "logistic"), unname(one))
  H <- loss_hessian(w, x, y, "logistic")
  expect_equal(H, t(X) %*% diag(mu * (1 - mu)) %*% X / n, ignore_attr = TRUE)
  expect_equal(round(c(H), 4), c(0.2259, -0.0002, -0.0002, 0.0864))
  expect_equal(round(eigen(H)$values, 4), c(0.2259, 0.0864))
})

test_that("a score of 40 for the wrong class has the slope 1 and the loss 40", {
  expect_equal(sample_loss(40, 0, "logistic"), 40)
  expect_equal(loss_gradient(0, 40, 0, "logistic", offset = 40), 40)
})

test_that("three steps with the bias apart and together", {
  b <- slope <- 0
  both <- c(0, 0)
  for (step in 1:3) {
    alpha <- sigmoid(b + slope * x) - y
    move <- 4 * c(mean(alpha), mean(alpha * x))
    b <- b - move[1]
    slope <- slope - move[2]
    both <- both - 4 * loss_gradient(both, x, y, "logistic")
  }
  expect_equal(both, c(b, slope))
  expect_equal(round(both, 4), c(-0.9438, -1.3743))
})

test_that("the same temperature twice: a level direction, NA, and what a small ridge picks", {
  twice <- cbind(F = x[, 1], C = x[, 1] * 5 / 9)
  H <- loss_hessian(c(w, 0), twice, y, "logistic")
  expect_lt(abs(drop(c(0, 5, -9) %*% H %*% c(0, 5, -9))), 1e-14)
  expect_gt(eigen(H)$values[2], 0.1)
  fit <- suppressWarnings(linclass(twice, y))
  expect_equal(coef(fit), c(-1.2084904, -2.3216274, NA), tolerance = 1e-7, ignore_attr = TRUE)
  tiny <- linclass(twice, y, lambda = 1e-8, alpha = 0, standardize = FALSE)
  expect_equal(unname(coef(tiny)[-1]), -2.3216274 * c(81, 45) / 106, tolerance = 1e-5)
})

test_that("separated flights: the loss falls for ever", {
  cold <- as.numeric(temperature < 65)
  far <- sapply(c(1, 10, 100), function(t) loss_value(t * c(-0.5, -1), x, cold, "logistic"))
  expect_equal(signif(far, 4), c(0.42, 0.03988, 1.974e-06), tolerance = 1e-3)
  expect_warning(fit <- linclass(x, cold), class = "linclass_warning_separation")
  expect_equal(fit$separation$kind, "complete")
})

test_that("Newton's steps are those of weighted least squares and do not see the unit", {
  step <- function(w, x) w + newton_step(w, x, y, "logistic")
  first <- stats::lm(4 * (y - 0.5) ~ x)  # at 0 the weights are 1/4
  expect_equal(step(c(0, 0), x), unname(coef(first)))
  expect_equal(round(unname(coef(first)), 6), c(-0.847619, -1.495238))
  a <- b <- c(0, 0)
  for (i in 1:6) {
    a <- step(a, x)
    b <- step(b, (temperature - 32) / 10 + 0 * x)
    expect_equal(c(b[1] + 3.8 * b[2], b[2]), a, tolerance = 1e-9)
  }
  expect_lt(max(abs(loss_gradient(a, x, y, "logistic"))), 1e-15)
})

test_that("steps of rate 1 / largest curvature lead down, slowly in a narrow valley", {
  steps <- function(x) {
    rate <- 1 / max(eigen(crossprod(cbind(1, x)) / (4 * n))$values)
    w <- c(0, 0)
    loss <- log(2)
    for (s in 1:60) {
      w <- w - rate * loss_gradient(w, x, y, "logistic")
      loss[s + 1] <- loss_value(w, x, y, "logistic")
    }
    expect_true(all(diff(loss) < 0))
    loss[61]
  }
  lowest <- 20.3152 / 46
  expect_lt(steps(x) - lowest, 1e-6)
  expect_gt(steps(x + 3.8) - lowest, 0.02)
})

test_that("the condition of the valley and the steps to a gradient below 1e-8", {
  arrival <- function(X, most) {
    rate <- 1 / max(eigen(crossprod(X) / (4 * n))$values)
    w <- c(0, 0)
    for (s in 0:most) {
      g <- drop(crossprod(X, 1 / (1 + exp(-X %*% w)) - y)) / n
      if (max(abs(g)) < 1e-8) return(s)
      w <- w - rate * g
    }
    NA
  }
  condition <- function(x) {
    values <- eigen(loss_hessian(coef(linclass(x, y)), x, y, "logistic"))$values
    values[1] / values[2]
  }
  cold <- x + 3.8
  expect_equal(round(condition(x), 1), 4.2)
  expect_equal(condition(cold), 769.46, tolerance = 1e-4)
  expect_equal(condition(cbind(x = temperature)), 825897, tolerance = 1e-4)
  expect_lt(abs(arrival(X, 200) - 100), 3)
  expect_lt(abs(arrival(cbind(1, cold), 25000) - 20627), 50)
})

test_that("coefficients, standard errors and the prediction for 31 degrees as published", {
  fit <- linclass(cbind(temperature), y)
  expect_equal(round(unname(coef(fit)), 4), c(15.0429, -0.2322))
  se <- sqrt(diag(solve(loss_hessian(coef(fit), cbind(temperature), y, "logistic")) / n))
  expect_equal(round(unname(se), 4), c(7.3786, 0.1082))
  expect_equal(unname(se), unname(sqrt(diag(vcov(fit)))), tolerance = 1e-6)
  expect_equal(round(deviance(fit), 3), 20.315)
  expect_equal(round(exp(coef(fit)[["temperature"]] * c(1, -10)), 2), c(0.79, 10.19))
  score <- sum(c(1, 31) * coef(fit))
  error <- sqrt(drop(c(1, 31) %*% vcov(fit) %*% c(1, 31)))
  expect_equal(round(sigmoid(score + c(-1.96, 0, 1.96) * error), 4), c(0.4816, 0.9996, 1))
})

test_that("a logistic fit split in two halves is the softmax fit of twice the ridge", {
  expected <- c(-1.5445, -1.4716, -1.3759)
  for (i in 1:3) {
    lambda <- 0.05
    alpha <- c(0, 0.5, 1)[i]
    v <- coef(linclass(x, y, lambda = lambda * (1 + alpha) / 2, alpha = 2 * alpha / (1 + alpha),
                       standardize = FALSE))
    g <- loss_gradient(rbind(-v / 2, v / 2), x, y + 1, "softmax", lambda = lambda, alpha = alpha)
    expect_lt(max(abs(g)), 1e-6)
    W <- coef(linclass(x, y, loss = "softmax", coding = "symmetric", lambda = lambda,
                       alpha = alpha, standardize = FALSE))
    expect_equal(W[2, ] - W[1, ], v, tolerance = 1e-6)
    expect_equal(round(v[["x"]], 4), expected[i])
  }
  same <- linclass(x, y, lambda = 0.05, alpha = 0, standardize = FALSE)
  expect_equal(round(coef(same)[["x"]], 4), -1.2246)
})
