# Mini-batch descent: no tuning on hard data, its options by hand, the hand-over to an exact solver.

# Columns of scales from 1e-3 to 1e5 with, by name, one more trouble each.
hard_data <- function(trouble, k, n = 2000, p = 9) {
  set.seed(17)
  x <- switch(trouble, heavy = matrix(rt(n * p, 2), n), skewed = exp(2 * matrix(rnorm(n * p), n)),
              correlated = 0.2 * matrix(rnorm(n * p), n) + rnorm(n), matrix(rnorm(n * p), n))
  beta <- matrix(rnorm(p * k), p) * if (trouble == "correlated") 2 else 0.7
  z <- (if (trouble == "skewed") log(x) else x) %*% beta
  if (trouble == "imbalanced") z[, 1] <- z[, 1] + 5
  y <- max.col(z - log(-log(matrix(runif(n * k), n))))
  x <- x %*% diag(10^seq(-3, 5, length.out = p))
  if (trouble == "means") x <- x + rep(20 * 10^seq(-3, 5, length.out = p), each = n)
  list(x = x, y = factor(y, seq_len(k)))
}

sparse_hard <- function(k, n = 2000, p = 40) {
  set.seed(18)
  j <- rep(seq_len(p), each = n / 10)
  x <- Matrix::sparseMatrix(as.vector(replicate(p, sample(n, n / 10))), j, x = rexp(length(j)),
                            dims = c(n, p))
  z <- as.matrix(x %*% matrix(rnorm(p * k), p))
  list(x = x %*% Matrix::Diagonal(x = 10^seq(-3, 5, length.out = p)),
       y = factor(max.col(z - log(-log(matrix(runif(n * k), n))))))
}

test_that("20 epochs without tuning come within 1 % of the optimum, whatever the columns", {
  penalties <- list(none = list(), ridge = list(lambda = 0.01, alpha = 0), lasso = list(lambda = 0.003))
  for (trouble in c("scales", "means", "heavy", "skewed", "correlated", "imbalanced", "sparse")) {
    for (loss in c("logistic", "softmax", "squared_hinge", "hinge")) {
      k <- if (loss == "softmax") 3 else 2
      data <- if (trouble == "sparse") sparse_hard(k) else hard_data(trouble, k)
      for (penalty in names(penalties)) {
        # The exact solver of the hinge has no certificate without a penalty.
        if (loss == "hinge" && penalty == "none") next
        settings <- c(list(data$x, data$y, loss = loss), penalties[[penalty]])
        exact <- do.call(linclass, c(settings, control = list(linclass_control(tolerance = 1e-5))))
        set.seed(1)
        fit <- do.call(linclass, c(settings, solver = list(solver("minibatch", epochs = 20))))
        info <- paste(trouble, loss, penalty)
        expect_lt(objective(fit) / objective(exact) - 1, 0.01, label = info)
        expect_gt(objective(fit) / objective(exact) - 1, -1e-4, label = info)
      }
    }
  }
})

test_that("20 epochs are enough where the optimum is small, or far off", {
  # Rows that nearly separate, a rare class: most rows say nothing, few say much.
  hard <- function(k, size, shift) {
    set.seed(7)
    x <- matrix(rnorm(3000 * 20), 3000)
    z <- size * x %*% matrix(rnorm(20 * k), 20)
    z[, 1] <- z[, 1] + shift
    y <- factor(max.col(z - log(-log(matrix(runif(3000 * k), 3000)))))
    list(x %*% diag(10^sample(seq(-6, 6, length.out = 20))), y)
  }
  for (loss in c("logistic", "softmax")) {
    k <- if (loss == "softmax") 3 else 2
    for (data in list(hard(k, 4, 0), hard(k, 0.7, 8))) {
      settings <- list(data[[1]], data[[2]], loss = loss, lambda = 1e-4, alpha = 0)
      set.seed(1)
      fit <- do.call(linclass, c(settings, solver = list(solver("minibatch", epochs = 20))))
      expect_lt(objective(fit) / objective(do.call(linclass, settings)) - 1, 0.01, label = loss)
    }
  }
})

test_that("few rows a column, dependent columns and a rare class take no more epochs than others", {
  set.seed(31)
  shape <- function(n, p, common, shift) {
    x <- matrix(rnorm(n * p), n) + common * rnorm(n)
    list(x = x, y = factor(rbinom(n, 1, plogis(as.vector(x[, 1:8] %*% rep(c(1, -0.6), 4)) + shift))))
  }
  # What 20 epochs may be above the optimum; with metric = 0 it is 0.02 to 2.
  cases <- list(list(shape(400, 150, 0, 0), 1e-3,
                     c(logistic = 1e-2, squared_hinge = 0.2, huber_hinge = 0.1, hinge = 0.05)),
                list(shape(2000, 30, 5, 0), 1e-3,
                     c(logistic = 1e-6, squared_hinge = 1e-6, huber_hinge = 1e-6, hinge = 1e-3)),
                list(shape(3000, 20, 0, -5), 1e-4, c(hinge = 2e-3)))
  for (case in cases) for (loss in names(case[[3]])) {
    fit <- function(...) {
      set.seed(2)
      objective(quiet(linclass(case[[1]]$x, case[[1]]$y, loss = loss, lambda = case[[2]], alpha = 0, ...)))
    }
    best <- fit()
    excess <- fit(solver = solver("minibatch", epochs = 20)) / best - 1
    expect_lt(excess, case[[3]][[loss]], label = paste(loss, nrow(case[[1]]$x)))
    expect_lt(excess, 0.5 * (fit(solver = solver("minibatch", epochs = 20, metric = 0)) / best - 1), label = loss)
  }
})

test_that("a metric is for dense rows and smooth penalties: elsewhere nothing changes", {
  data <- hard_data("correlated", 2)
  run <- function(x, metric, ...) {
    set.seed(5)
    coef(quiet(linclass(x, data$y, lambda = 0.01, solver = solver("minibatch", epochs = 12, metric = metric), ...)))
  }
  for (loss in c("logistic", "hinge")) {
    expect_identical(run(data$x, 1, loss = loss), run(data$x, 0, loss = loss))
    expect_identical(run(data$x, 1, loss = loss, alpha = 0, lower = -1e6),
                     run(data$x, 0, loss = loss, alpha = 0, lower = -1e6))
    sparse <- Matrix::Matrix(data$x, sparse = TRUE)
    expect_identical(run(sparse, 1, loss = loss, alpha = 0), run(sparse, 0, loss = loss, alpha = 0))
    expect_false(identical(run(data$x, 1, loss = loss, alpha = 0), run(data$x, 0, loss = loss, alpha = 0)))
  }
})

test_that("from the second epoch on steps have no noise: the optimum of others is met to many digits", {
  skip_if_not_installed("glmnet")
  set.seed(8)
  x <- matrix(rnorm(4000 * 10), 4000) + rnorm(4000)
  y <- factor(rbinom(4000, 1, plogis(as.vector(x %*% rnorm(10) / 2))))
  other <- glmnet::glmnet(x, y, family = "binomial", alpha = 0.5, lambda = c(0.1, 0.05, 0.02), thresh = 1e-14)
  for (data in list(x, Matrix::Matrix(x, sparse = TRUE))) {
    fit <- linclass(data, y, lambda = 0.02, alpha = 0.5, solver = solver("minibatch", epochs = 20))
    expect_equal(unname(coef(fit)), unname(as.vector(coef(other, s = 0.02))), tolerance = 1e-4)
    expect_lt(certificate(fit)$relative, 1e-5)
  }
})

test_that("batches, momentum, decay and averages are those of the notes", {
  set.seed(4)
  n <- 50
  x <- matrix(rnorm(n * 3), n)
  y <- factor(x[, 1] + rnorm(n) > 0)
  run <- function(momentum, decay, average) {
    w <- before <- rep(0, 4)
    mean <- 0 * w
    step <- averaged <- 0
    for (epoch in 1:4) for (rows in split(1:n, (0:(n - 1)) %/% 20)) {
      g <- r_gradient(rbind(0, w), x[rows, ], as.integer(y)[rows], "logistic")[2, ]
      g[-1] <- g[-1] + 0.1 * w[-1]
      new <- w - 0.1 * (1 - step / 12)^decay * g + momentum * (w - before)
      before <- w
      w <- new
      step <- step + 1
      if (epoch > 2) {
        averaged <- averaged + 1
        mean <- mean + (w - mean) / averaged
      }
    }
    if (average) mean else w
  }
  for (momentum in c(0, 0.8)) for (decay in c(0, 1.5)) for (average in 0:1) {
    for (data in list(x, Matrix::Matrix(x, sparse = TRUE))) {
      fit <- linclass(data, y, lambda = 0.1, alpha = 0, standardize = FALSE,
                      solver = solver("minibatch", rate = 0.1, batch_size = 20, epochs = 4, shuffle = 0,
                                      momentum = momentum, decay = decay, average = average))
      expect_equal(unname(coef(fit)), run(momentum, decay, average), tolerance = 1e-12,
                   info = paste(class(data)[1], momentum, decay, average))
    }
  }
})

test_that("every option of the untuned steps keeps them near the optimum", {
  data <- hard_data("means", 3)
  best <- objective(linclass(data$x, data$y, loss = "softmax"))
  sorted <- order(data$y)
  options <- list(list(), list(momentum = 0.5), list(average = 1), list(decay = 1), list(block = 64),
                  list(block = 1000), list(evaluate = 1), list(batch_size = 256), list(batch_size = 1),
                  list(batch_size = 1e5, epochs = 300), list(shuffle = 0))
  for (option in options) {
    settings <- utils::modifyList(list("minibatch", epochs = 20), option)
    rows <- if (identical(option, list(shuffle = 0))) seq_along(sorted) else sorted
    fit <- linclass(data$x[rows, ], data$y[rows], loss = "softmax", solver = do.call(solver, settings))
    expect_lt(objective(fit) / best - 1, 0.01, label = deparse1(option))
  }
})

test_that("the history is the loss of each epoch, and honest", {
  data <- hard_data("heavy", 2)
  run <- function(...) {
    set.seed(6)
    linclass(data$x, data$y, lambda = 0.01, solver = solver("minibatch", epochs = 12, ...))
  }
  seen <- run()
  exact <- run(evaluate = 1)
  expect_identical(coef(seen), coef(exact))
  expect_identical(seen$history$epoch, as.numeric(0:12))
  expect_equal(seen$history$objective[c(1, 13)], exact$history$objective[c(1, 13)], tolerance = 1e-13)
  expect_equal(seen$history$objective[13], objective(seen), tolerance = 1e-12)
  # What an epoch saw lies between the objective before it and the one after it, noise apart.
  expect_lt(max(abs(seen$history$objective[4:13] / exact$history$objective[4:13] - 1)), 0.15)
  expect_true(all(is.na(seen$history$gradient_norm[2:12])))
  expect_lt(seen$passes, exact$passes - 10)
})

test_that("the same seed gives the same bits with one thread and two", {
  data <- hard_data("scales", 3)
  run <- function(threads, ...) {
    set.seed(9)
    coef(linclass(data$x, data$y, lambda = 0.01, solver = solver("minibatch", epochs = 3, ...),
                  control = linclass_control(threads = threads)))
  }
  expect_identical(run(1), run(2))
  expect_identical(run(1, block = 128), run(2, block = 128))
  expect_identical(run(1, metric = 1), run(2, metric = 1))
})

test_that("rows without weight are absent, and weights are replications in the limit", {
  data <- hard_data("scales", 2)
  weights <- rep(0:3, length.out = nrow(data$x))
  set.seed(2)
  exact <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, weights = weights)
  fit <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, weights = weights,
                  solver = solver("minibatch", batch_size = 1, epochs = 20))
  expect_lt(objective(fit) / objective(exact) - 1, 0.01)
})

test_that("a fit that stopped with its budget says how far it is, and has errors only near the optimum", {
  set.seed(21)
  n <- 20000
  x <- matrix(rnorm(n * 40), n) + rnorm(n)
  y <- factor(rbinom(n, 1, plogis(as.vector(x[, 1:3] %*% c(0.5, -0.5, 0.3)))))
  best <- linclass(x, y)
  for (epochs in c(1, 20)) {
    fit <- linclass(x, y, solver = solver("minibatch", epochs = epochs, block = 512))
    gap <- certificate(fit)
    expect_identical(fit$status, "budget")
    # A Hessian costs as much as three reads: after one epoch that of a sample must do.
    expect_identical(gap$kind, if (epochs == 1) "sampled_decrement" else "newton_decrement")
    if (epochs > 1) {
      expect_lt(2 * n * gap$gap, 0.01)
      expect_equal(vcov(fit), vcov(best), tolerance = 1e-2)
    } else {
      expect_equal(gap$gap / (objective(fit) - objective(best)), 1, tolerance = 0.15)
      expect_false(gap$met)
      expect_error(vcov(fit), "finish = 1", class = "linclass_error_no_vcov")
      expect_equal(vcov(fit, data = list(x = x, y = y)), vcov(best), tolerance = 0.1)
    }
  }
  expect_match(paste(capture.output(print(certificate(
    linclass(x, y, solver = solver("minibatch", epochs = 1))))), collapse = " "), "sample")
  finished <- linclass(x, y, solver = solver("minibatch", epochs = 1, finish = 1))
  expect_equal(vcov(finished), vcov(best), tolerance = 1e-6)
})

test_that("an exact solver finishes on request", {
  for (trouble in c("scales", "heavy")) for (lambda in c(0, 0.01)) {
    data <- hard_data(trouble, 3)
    set.seed(3)
    fit <- linclass(data$x, data$y, lambda = lambda,
                    solver = solver("minibatch", epochs = 4, finish = 1))
    exact <- linclass(data$x, data$y, lambda = lambda)
    expect_true(fit$converged)
    expect_lt(certificate(fit)$relative, 1e-9)
    expect_identical(fit$solver, exact$solver)
    expect_equal(objective(fit), objective(exact), tolerance = 1e-9)
    expect_false(is.unsorted(fit$history$iteration, strictly = TRUE))
    expect_gt(nrow(fit$history), 5)
    expect_match(fit$reason, "mini-batch")
  }
})

test_that("an exact solver that finishes reads sparse columns as it shows them itself", {
  # With a rate the first steps see the columns as they are; what follows scales extreme ones.
  set.seed(13)
  x <- Matrix::rsparsematrix(3000, 20, 0.2)
  y <- factor(rbinom(3000, 1, plogis(as.vector(x[, 1:3] %*% c(1, -1, 2)))))
  x <- x %*% Matrix::Diagonal(x = c(2^250, 2^-250, rep(1, 18)))
  fit <- linclass(x, y, lambda = 0.01, alpha = 0,
                  solver = solver("minibatch", rate = 1e-200, epochs = 2, finish = 1))
  exact <- linclass(x, y, lambda = 0.01, alpha = 0)
  expect_true(fit$converged)
  expect_equal(objective(fit), objective(exact), tolerance = 1e-9)
})

test_that("cost of a batch of a wide sparse design is that of its entries", {
  # Ten times the columns, the same entries: time must not grow with the columns times the batches.
  set.seed(12)
  n <- 4000
  wide <- function(p) Matrix::sparseMatrix(rep(1:n, 5), 1 + (1:(5 * n) * 7919) %% p, x = 1, dims = c(n, p))
  y <- factor(rbinom(n, 1, 0.5))
  x <- wide(1e6)
  seconds <- system.time(linclass(x, y, lambda = 1e-3, solver = solver("minibatch", batch_size = 1, epochs = 2)))
  # 8000 batches of a million columns in full would be 8e9 coefficients: half a minute.
  expect_lt(seconds[["user.self"]], 8)
})
