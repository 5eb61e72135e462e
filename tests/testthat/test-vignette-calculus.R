# The numbers of vignette("calculus"). Derivatives are compared with central differences of
# functions written in R here.

jacobian <- function(f, x, h = 1e-5) {
  columns <- lapply(seq_along(x), function(j) {
    step <- replace(0 * x, j, h)
    (f(x + step) - f(x - step)) / (2 * h)
  })
  unname(do.call(cbind, columns))
}

test_that("the slope of a parabola, and the gradient that a page of notes has wrong", {
  expect_equal(jacobian(function(w) w^2 + 3, 2), matrix(4))
  expect_equal(jacobian(function(w) w^2 + 5 * log(w) + 6, 1.3), matrix(2.6 + 5 / 1.3))
  bowl <- function(w) (w[1] - 2)^2 + (w[2] + 3)^2
  expect_equal(jacobian(bowl, c(4, -1)), cbind(4, 4))
  expect_equal(jacobian(bowl, c(2, -3)), cbind(0, 0))
})

test_that("four kinds of function and the shapes of their derivatives", {
  expect_equal(jacobian(function(v) 3 * v[1]^2 * v[2], c(2, -1)), cbind(-12, 12))
  expect_equal(jacobian(function(x) c(2 * x, 3 * x^2), 2), rbind(2, 12))
  expect_equal(jacobian(function(v) c(3 * v[1]^2 * v[2], 2 * v[1] + 5 * v[2]), c(2, -1)),
               rbind(c(-12, 12), c(2, 5)))
})

test_that("vector derivatives in numerator layout", {
  A <- rbind(c(1, -2, 0.5), c(3, 0, -1))
  Q <- rbind(c(2, 1, 0), c(-1, 0.5, 3), c(0, 2, -1))
  x <- c(0.4, -1.2, 2)
  y <- c(1.5, -0.5)
  expect_equal(jacobian(function(x) A %*% x, x), A)
  expect_equal(jacobian(function(x) y %*% A %*% x, x), y %*% A)
  expect_equal(jacobian(function(y) y %*% A %*% x, y), x %*% t(A))
  expect_equal(jacobian(function(x) x %*% Q %*% x, x), x %*% (Q + t(Q)))
})

test_that("quadratic forms and the least squares solution", {
  values <- function(a, b, c) eigen(rbind(c(a, b), c(b, c)))$values
  roots <- function(a, b, c) (a + c) / 2 + c(1, -1) * sqrt((a - c)^2 / 4 + b^2)
  expect_equal(round(values(2, 1, 1.5), 3), c(2.781, 0.719))
  expect_equal(values(2, 1, 1.5), roots(2, 1, 1.5))
  expect_equal(values(1, -1, 1), c(2, 0))
  expect_equal(values(1, 0.5, -1), c(1, -1) * sqrt(1.25))
  X <- cbind(1, mtcars$wt)
  least <- drop(solve(t(X) %*% X, t(X) %*% mtcars$mpg))
  expect_equal(round(least, 6), c(37.285126, -5.344472))
  slope <- jacobian(function(w) sum((X %*% w - mtcars$mpg)^2), least)
  expect_lt(max(abs(slope)), 1e-5)
})

test_that("the derivative of the sigmoid three times", {
  w <- 0.7
  s <- sigmoid(w)
  expect_equal(round(s * (1 - s), 7), 0.2217129)
  expect_equal(exp(-w) / (1 + exp(-w))^2, s * (1 - s))
  expect_equal(exp(w) / (1 + exp(w))^2, s * (1 - s))
  expect_equal(drop(jacobian(sigmoid, w)), s * (1 - s), tolerance = 1e-9)
})

test_that("the computation graph of a logistic loss with a ridge penalty", {
  x <- c(1, 2)
  w <- c(0.5, -1)
  lambda <- 0.1
  z <- sum(w * x)
  a <- 1 / (1 + exp(1.5))
  value <- function(w) loss_value(w, x, 1, "logistic", lambda = lambda, alpha = 0)
  expect_equal(sigmoid(z), a)
  expect_equal(round(c(z, a, -log(a), lambda / 2 * sum(w^2), value(w)), 7),
               c(-1.5, 0.1824255, 1.7014133, 0.0625, 1.7639133))
  dz <- -1 / a * a * (1 - a)
  expect_equal(round(c(-1 / a, dz), 7), c(-5.4816891, -0.8175745))
  back <- dz * x + lambda * w
  expect_equal(round(back, 7), c(-0.7675745, -1.735149))
  expect_equal(loss_gradient(w, x, 1, "logistic", lambda = lambda, alpha = 0), back)
  expect_equal(drop(jacobian(value, w)), back, tolerance = 1e-9)
  probability <- function(w) 1 / (1 + exp(-sum(w * x)))
  expect_equal(round(drop(jacobian(probability, w)), 7), c(0.1491465, 0.2982929))
  expect_equal(exp(-z) / (1 + exp(-z))^2 * x, drop(jacobian(probability, w)), tolerance = 1e-9)
})

test_that("the Jacobian of softmax and the chain to its loss", {
  z <- c(lion = 1, tiger = 2, leopard = 0.5)
  p <- exp(z) / sum(exp(z))
  J <- softmax_jacobian(z)
  expect_equal(round(p, 4), c(lion = 0.2312, tiger = 0.6285, leopard = 0.1402))
  expect_equal(J, diag(p) - p %*% t(p), ignore_attr = "dimnames")
  expect_equal(jacobian(softmax, z), J, tolerance = 1e-9, ignore_attr = "dimnames")
  expect_equal(round(eigen(J)$values, 6), c(0.363688, 0.168127, 0))
  expect_equal(drop(c(0, 0, -1 / p[3]) %*% J), p - c(0, 0, 1))
  expect_equal(drop(loss_gradient(unname(cbind(z)), 1, 3, "softmax")), unname(p - c(0, 0, 1)))
})

test_that("check_gradient() passes at random weights and cannot pass at a kink", {
  x <- scale(iris[1:4])
  set.seed(5)
  W <- matrix(rnorm(15), 3)
  losses <- c("perceptron", "hinge", "squared_hinge", "softmax")
  passed <- sapply(losses, function(loss) check_gradient(W, x, iris$Species, loss, 0.1, 0))
  expect_true(all(passed < 1e-7))
  at_zero <- sapply(losses, function(loss) check_gradient(0 * W, x, iris$Species, loss))
  expect_gt(at_zero[["perceptron"]], 0.1)
  expect_true(all(at_zero[-1] < 1e-7))
})

test_that("a regression on the outcomes of an urn gives the probabilities that one counts", {
  balls <- c("red", "red", "blue", "blue", "blue")
  pairs <- subset(expand.grid(alice = 1:5, bob = 1:5), alice != bob)
  alice <- balls[pairs$alice]
  bob <- balls[pairs$bob]
  expect_equal(mean(alice == "red" & bob == "blue"), 3 / 10)
  expect_equal(mean(alice[bob == "blue"] == "blue"), 1 / 2)
  expect_equal(mean(alice[bob == "red"] == "blue"), 3 / 4)
  urn <- data.frame(alice = factor(c("red", "red", "blue", "blue"), levels = c("red", "blue")),
                    bob = c("red", "blue", "red", "blue"),
                    probability = c(2 / 5 * 1 / 4, 2 / 5 * 3 / 4, 3 / 5 * 2 / 4, 3 / 5 * 2 / 4))
  fit <- linclass(alice ~ bob, urn, weights = probability)
  given <- predict(fit, data.frame(bob = c("red", "blue")), type = "prob")
  expect_equal(given[, "blue"], c(3 / 4, 1 / 2), tolerance = 1e-8, ignore_attr = TRUE)
  expect_equal(coef(fit), c(`(Intercept)` = 0, bobred = log(3)), tolerance = 1e-7)
  g <- loss_gradient(coef(fit), cbind(bobred = as.numeric(urn$bob == "red")), urn$alice,
                     "logistic", weights = urn$probability)
  expect_lt(max(abs(g)), 1e-8)
})
