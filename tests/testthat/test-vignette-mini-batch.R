# What vignette("mini-batch") says of batches: steps by hand, the width of the noise, averaging.

batch_problem <- function(n = 2000) {
  set.seed(1)
  x <- matrix(rnorm(n * 6), n, 6)
  x[, 2] <- 0.6 * x[, 1] + 0.8 * x[, 2]
  y <- rbinom(n, 1, sigmoid(0.3 + x %*% c(1, -1, 0.5, 0, 0.8, -0.3)))
  list(x = x, y = y, n = n, best = linclass(x, y))
}

run_batches <- function(problem, size, rate, epochs, ..., seed = 1) {
  threads <- linclass_threads(1)
  on.exit(linclass_threads(threads))
  set.seed(seed)
  fit <- quiet(linclass(problem$x, problem$y, solver = solver(
    "minibatch", batch_size = size, rate = rate, epochs = epochs, ...)))
  fit$gaps <- fit$history$objective - objective(problem$best)
  fit
}

test_that("without shuffling the steps are those by hand, the last batch smaller", {
  problem <- batch_problem()
  W <- numeric(7)
  batches <- split(1:2000, (1:2000 - 1) %/% 32)
  expect_identical(unname(lengths(batches)[c(1, 63)]), c(32L, 16L))
  for (epoch in 1:3) for (i in batches) {
    mu <- plogis(drop(cbind(1, problem$x[i, ]) %*% W))
    W <- W - 0.5 * colMeans((mu - problem$y[i]) * cbind(1, problem$x[i, ]))
  }
  fit <- run_batches(problem, 32, 0.5, 3, shuffle = FALSE, average = FALSE)
  expect_equal(unname(coef(fit)), W, tolerance = 1e-12)
  shuffled <- run_batches(problem, 32, 0.5, 3, average = FALSE)
  expect_gt(max(abs(coef(shuffled) - W)), 1e-3)
})

test_that("small batches are ahead after an epoch and behind after six", {
  problem <- batch_problem()
  gaps <- sapply(c(2000, 256, 32, 4), function(m) {
    run_batches(problem, m, 0.5, 6, average = FALSE)$gaps
  })
  expect_lt(gaps[2, 3], gaps[2, 2])
  expect_lt(gaps[2, 2], gaps[2, 1])
  expect_lt(gaps[7, 2], gaps[7, 4])
})

test_that("shuffled batches settle below the gap of batches drawn at random", {
  problem <- batch_problem()
  z <- cbind(1, problem$x)
  slopes <- z * (plogis(drop(z %*% coef(problem$best))) - problem$y)
  trace <- sum(colMeans(slopes^2))
  for (case in list(c(0.25, 32), c(0.125, 64))) {
    found <- mean(tail(run_batches(problem, case[2], case[1], 40, average = FALSE)$gaps, 25))
    drawn <- case[1] * trace / (4 * case[2])
    expect_lt(found, drawn, label = toString(case))
    expect_gt(found, drawn / 20, label = toString(case))
  }
})

test_that("the average of the second half is far nearer to the minimum than the iterates", {
  problem <- batch_problem()
  last <- run_batches(problem, 32, 0.25, 60, average = FALSE)$gaps
  average <- run_batches(problem, 32, 0.25, 60, average = TRUE)$gaps
  expect_identical(average[1:30], last[1:30])
  expect_lt(average[61], mean(last[31:61]) / 10)
})

test_that("momentum is a share of the last step, by hand; its noise that of a larger rate", {
  problem <- batch_problem(500)
  W <- step <- numeric(7)
  for (epoch in 1:2) for (i in split(1:500, (1:500 - 1) %/% 32)) {
    mu <- plogis(drop(cbind(1, problem$x[i, ]) %*% W))
    step <- 0.7 * step - 0.2 * colMeans((mu - problem$y[i]) * cbind(1, problem$x[i, ]))
    W <- W + step
  }
  fit <- run_batches(problem, 32, 0.2, 2, shuffle = FALSE, average = FALSE, momentum = 0.7)
  expect_equal(unname(coef(fit)), W, tolerance = 1e-12)
  problem <- batch_problem()
  settled <- function(...) mean(tail(run_batches(problem, 32, ..., epochs = 60)$gaps, 30))
  heavy <- settled(rate = 0.05, momentum = 0.9)
  expect_gt(heavy, 10 * settled(rate = 0.05))
  expect_lt(abs(log(heavy / settled(rate = 0.5))), log(4))
})

test_that("steps that shrink end near the minimum, and a finish ends at it", {
  problem <- batch_problem()
  last <- function(...) tail(run_batches(problem, 32, 0.25, 60, ...)$gaps, 1)
  for (decay in 1:2) expect_lt(last(decay = decay), last() / 50)
  set.seed(1)
  fit <- linclass(problem$x, problem$y, solver = solver("minibatch", epochs = 2, finish = TRUE))
  expect_true(certificate(fit)$met)
  expect_equal(coef(fit), coef(problem$best), tolerance = 1e-6)
})

test_that("a rough fit comes within two reads and predicts as well as the exact one", {
  set.seed(4)
  weights <- rnorm(20) / 3
  draw <- function(n) {
    x <- matrix(rnorm(n * 20), n, 20)
    list(x = x, y = rbinom(n, 1, sigmoid(x %*% weights)))
  }
  train <- draw(20000)
  new <- draw(20000)
  exact <- linclass(train$x, train$y)
  rough <- quiet(linclass(train$x, train$y, solver = solver("minibatch", rate = 0.02, epochs = 2,
                                                            average = FALSE)))
  expect_lt(objective(rough) / objective(exact) - 1, 0.01)
  loss <- function(fit) sample_loss(raw_scores(new$x, coef(fit)), new$y, "logistic")
  expect_lt(abs(mean(loss(rough)) - mean(loss(exact))), sd(loss(exact)) / sqrt(20000))
})
