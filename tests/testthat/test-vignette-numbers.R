# The worked numbers of vignette("lion-tiger-leopard") that test-teaching.R does not hold: layouts,
# derivatives, and descent by hand against descent by the package.

animals <- c("lion", "tiger", "leopard")
scores <- rbind(c(lion = 5.6, tiger = 6.4, leopard = -4.6), c(-1.8, 10.2, 3.5), c(2, 5.4, -8.6))
truth <- factor(animals, levels = animals)

# A plain, a striped and a spotted cat, and the only weights that give them these scores.
cats <- cbind(stripes = c(0, 1, 0), spots = c(0, 0, 1))
weights <- cbind(`(Intercept)` = c(5.6, 6.4, -4.6), stripes = c(-7.4, 3.8, 8.1),
                 spots = c(-3.6, -1, -4))
rownames(weights) <- animals

test_that("a bias in the first column, in the last one or apart gives the same scores", {
  W <- rbind(lion = c(0.1, -0.1, 0, 0.5), tiger = c(2.3, 0.8, 1.2, 0.5),
             leopard = c(0, -1, 0.5, 1))
  b <- c(1.1, 3.2, -1.2)
  pictures <- rbind(c(26, 100, 90, 80), c(12, 60, 95, 40))
  expected <- rbind(c(lion = 33.7, tiger = 291, leopard = 23.8), c(16.3, 212.8, 26.3))
  expect_equal(raw_scores(pictures, W, b), expected)
  expect_equal(raw_scores(pictures, cbind(b, W)), expected)
  expect_equal(raw_scores(pictures, cbind(W, b), bias = "last"), expected)
  samples_in_columns <- rbind(t(pictures), 1)
  expect_equal(t(cbind(W, b) %*% samples_in_columns), expected)
})

test_that("three cats with two features have the scores of the example", {
  expect_equal(raw_scores(cats, weights), scores)
  expect_equal(round(loss_value(weights, cats, truth, "softmax"), 4), 5.0684)
  expect_equal(round(loss_value(weights, cats, truth, "perceptron"), 4), 8.4667)
})

test_that("with one feature that is 1 the gradient is that with respect to the scores", {
  slope <- function(loss, z = scores[3, ]) drop(loss_gradient(unname(cbind(z)), 1, 3, loss))
  expect_equal(slope("perceptron"), c(1, 1, -2))
  expect_equal(slope("hinge"), c(1, 1, -2))
  expect_equal(slope("squared_hinge"), c(23.2, 30, -53.2))
  expect_equal(round(slope("softmax"), 6), c(0.032295, 0.967704, -0.999999))
  # At a tie a perceptron has made a mistake, else it could not leave zero; the hinge at its kink
  # has slope 0.
  expect_equal(slope("perceptron", c(0, 0, 0)), c(1, 1, -2))
  expect_equal(slope("hinge", c(-1, -1, 0)), c(0, 0, 0))
})

test_that("the gradient of the example, samples in rows and in columns", {
  expected <- rbind(lion = c(-0.219225, 0.000002, 0.010765),
                    tiger = c(0.552145, -0.000412, 0.322568),
                    leopard = c(-0.332919, 0.000410, -0.333333))
  g <- loss_gradient(weights, cats, truth, "softmax")
  expect_equal(round(g, 6), expected, ignore_attr = "dimnames")
  adjusted <- t(softmax(scores)) - diag(3)
  expect_equal(g[, c("stripes", "spots", "(Intercept)")], adjusted %*% cbind(cats, 1) / 3,
               ignore_attr = "dimnames")
  H <- loss_hessian(weights, cats, truth, "softmax")
  lion_tiger <- matrix(c(-0.0817, 0, -0.0104, 0, 0, 0, -0.0104, 0, -0.0104), 3)
  expect_equal(round(H[1:3, 4:6], 4), lion_tiger, ignore_attr = "dimnames")
})

test_that("the blocks of the Hessian of softmax, of the squared hinge, and at zero weights", {
  X <- cbind(1, cats)
  P <- softmax(scores)
  blocks <- lapply(1:3, function(c) lapply(1:3, function(d) {
    t(X) %*% (P[, c] * ((c == d) - P[, d]) * X) / 3
  }))
  H <- loss_hessian(weights, cats, truth, "softmax")
  expect_equal(do.call(rbind, lapply(blocks, function(row) do.call(cbind, row))), H,
               tolerance = 1e-14, ignore_attr = "dimnames")
  expect_lt(max(abs(H %*% rep(c(0.3, -1, 2), 3))), 1e-15)
  expect_equal(sum(abs(eigen(H)$values) < 1e-15), 3)
  expect_equal(loss_hessian(0 * weights, cats, truth, "softmax"),
               kronecker(diag(3) / 3 - 1 / 9, t(X) %*% X / 3), ignore_attr = "dimnames")
  # Violations of the margin: tiger by the lion; lion and tiger by the leopard.
  pair <- function(j, y, i) {
    e <- replace(c(0, 0, 0), c(j, y), c(1, -1))
    2 * kronecker(e %*% t(e), X[i, ] %*% t(X[i, ])) / 3
  }
  expect_equal(loss_hessian(weights, cats, truth, "squared_hinge"),
               pair(2, 1, 1) + pair(1, 3, 3) + pair(2, 3, 3), ignore_attr = "dimnames")
})

test_that("the logistic loss is the one formula of both classes", {
  z <- 6.4 - 5.6
  y <- 0:1
  happened <- sigmoid(z)^y * (1 - sigmoid(z))^(1 - y)
  expect_equal(sample_loss(c(z, z), y, "logistic"), -log(happened))
  expect_equal(round(-log(happened), 4), c(1.1711, 0.3711))
})

test_that("every step of gradient descent by the package is that of the loop by hand", {
  x <- as.matrix(iris[3:4])
  y <- iris$Species
  W <- matrix(0, 3, 3)
  by_hand <- loss_value(W, x, y, "softmax")
  for (step in 1:30) {
    W <- W - 0.1 * loss_gradient(W, x, y, "softmax")
    by_hand[step + 1] <- loss_value(W, x, y, "softmax")
  }
  fit <- linclass(x, y, coding = "symmetric", solver = solver("gradient_descent", rate = 0.1),
                  control = linclass_control(max_iter = 30))
  expect_equal(fit$history$objective, by_hand, tolerance = 1e-13)
  expect_equal(coef(fit), W, tolerance = 1e-12, ignore_attr = "dimnames")
})

test_that("Newton steps by hand end at the ridge fit", {
  x <- as.matrix(iris[3:4])
  y <- iris$Species
  W <- matrix(0, 3, 3)
  for (step in 1:15) W <- W + newton_step(W, x, y, "softmax", lambda = 0.01, alpha = 0)
  fit <- linclass(x, y, lambda = 0.01, alpha = 0, standardize = FALSE, solver = "newton")
  expect_equal(coef(fit), W, tolerance = 1e-6, ignore_attr = "dimnames")
  expect_lt(max(abs(loss_gradient(W, x, y, "softmax", lambda = 0.01, alpha = 0))), 1e-12)
  expect_lt(certificate(fit)$relative, certificate(fit)$tolerance)
})

test_that("the measured cats: descent, the minimum, the ridge fit and its confusion table", {
  draw_cats <- function(n) {
    data.frame(species = factor(rep(animals, each = n), levels = animals),
               stripes = c(rbeta(n, 3, 10), rbeta(n, 7, 4), rbeta(n, 4, 9)),
               spots = c(rbeta(n, 3, 11), rbeta(n, 4, 9), rbeta(n, 7, 4)))
  }
  set.seed(7)
  train <- draw_cats(50)
  test <- draw_cats(50)
  X <- cbind(1, train$stripes, train$spots)
  Y <- diag(3)[as.integer(train$species), ]
  W <- matrix(0, 3, 3)
  loss <- numeric()
  for (step in 1:201) {
    P <- exp(X %*% t(W))
    P <- P / rowSums(P)
    loss[step] <- -mean(log(rowSums(P * Y)))
    if (step < 201) W <- W - 2 * t(P - Y) %*% X / 150
  }
  expect_equal(round(loss[c(1, 2, 11, 101, 201)], 4), c(1.0986, 1.0605, 0.8208, 0.3619, 0.3002))
  fit <- linclass(species ~ stripes + spots, train, coding = "symmetric",
                  solver = solver("gradient_descent", rate = 2),
                  control = linclass_control(max_iter = 200))
  expect_equal(coef(fit), W, tolerance = 1e-12, ignore_attr = "dimnames")
  expect_equal(round(objective(linclass(species ~ stripes + spots, train)), 4), 0.244)
  best <- linclass(species ~ stripes + spots, train, lambda = 0.001, alpha = 0,
                   standardize = FALSE)
  expect_equal(round(objective(best), 4), 0.3858)
  expect_equal(c(table(predict(best, test), test$species)), c(46, 1, 3, 2, 47, 1, 2, 1, 47))
})

test_that("pixels: descent by hand, a ridge fit, and what moving the pictures does to it", {
  centre <- colMeans(big_cats$picture[1:240, ])
  centred <- function(pictures) sweep(pictures, 2, centre) / 255
  x <- centred(big_cats$picture[1:240, ])
  y <- big_cats$species[1:240]
  X <- cbind(1, x)
  Y <- diag(3)[as.integer(y), ]
  W <- matrix(0, 3, 3073)
  for (step in 1:10) {
    E <- exp(X %*% t(W))
    W <- W - 0.04 * t(E / rowSums(E) - Y) %*% X / 240
  }
  expect_equal(round(loss_value(W, x, y, "softmax"), 4), 0.8931)
  expect_warning(
    fit <- linclass(x, y, coding = "symmetric", solver = solver("gradient_descent", rate = 0.04),
                    control = linclass_control(max_iter = 10)), "not unique")
  expect_equal(coef(fit), W, tolerance = 1e-12, ignore_attr = "dimnames")

  ridge <- linclass(x, y, lambda = 0.3, alpha = 0, control = linclass_control(tolerance = 1e-6))
  right <- function(by) {
    moved <- t(apply(big_cats$picture[241:360, ], 1, function(v) {
      array(v, c(32, 32, 3))[(1:32 - by - 1) %% 32 + 1, , ]
    }))
    mean(predict(ridge, centred(moved)) == big_cats$species[241:360])
  }
  expect_equal(mean(predict(ridge, x) == y), 1)
  expect_lt(abs(right(0) - 0.74), 0.03)
  expect_lt(right(5), 0.4)
})
