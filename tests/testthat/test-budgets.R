# Budgets count what all runs of a fit did together, and a fit that they stop has a certificate.

flowers <- as.matrix(iris[1:4])

# No value is lower than the best one, so an honest gap bounds what is left.
test_that("max_iter limits all smooth versions of a kink together, and its status says so", {
  best <- linclass(flowers, iris$Species, loss = "hinge", lambda = 0.01, alpha = 0)$objective
  for (solver in c("newton", "interior_point")) for (most in c(0, 1, 3, 7, if (solver == "newton") 20)) {
    fit <- suppress_linclass(linclass(flowers, iris$Species, loss = "hinge", lambda = 0.01, alpha = 0, solver = solver,
                                      control = linclass_control(max_iter = most)))
    expect_lte(fit$iterations, most)
    expect_equal(fit$status, "max_iter")
    expect_false(fit$converged)
    expect_equal(fit$certificate$kind, "duality_gap")
    expect_gte(fit$certificate$gap, fit$objective - best - 1e-9)
  }
})

test_that("max_iter limits every loss, penalty and way to fit", {
  wide <- matrix(sin(seq_len(30 * 60) * sqrt(2)), 30)
  aliased <- cbind(flowers, sum = flowers[, 1] + flowers[, 2])
  cases <- expand.grid(data = c("long", "wide", "aliased"), loss = c("softmax", "hinge", "squared_hinge"),
                       alpha = c(0, 1, NA), stringsAsFactors = FALSE)
  for (i in seq_len(nrow(cases))) {
    case <- cases[i, ]
    x <- switch(case$data, long = flowers, wide = wide, aliased = aliased)
    y <- if (case$data == "wide") rep(c("a", "b", "c"), 10) else iris$Species
    penalty <- if (is.na(case$alpha)) list(lambda = 0) else list(lambda = 1e-3, alpha = case$alpha)
    fit <- suppress_linclass(do.call(linclass, c(
      list(x, y, loss = case$loss, control = linclass_control(max_iter = 2)), penalty)))
    expect_lte(fit$iterations, 2, label = paste(case, collapse = " "))
    if (!is.na(case$alpha)) expect_true(is.finite(fit$certificate$gap), label = paste(case, collapse = " "))
  }
})

test_that("mini-batches that are finished by another solver share max_iter with it", {
  fit <- suppress_linclass(linclass(flowers, iris$Species, lambda = 1e-6, alpha = 0,
                                    solver = solver("minibatch", epochs = 4, finish = TRUE),
                                    control = linclass_control(max_iter = 5)))
  expect_lte(fit$iterations, 5)
})

test_that("a fit that its time limit stops has a certificate that holds", {
  n <- 4e4
  x <- matrix(sin(seq_len(n * 20) * sqrt(3)), n)
  y <- ifelse(x[, 1] + cos(seq_len(n) * sqrt(5)) > 0, "a", "b")
  for (loss in c("logistic", "hinge", "squared_hinge")) for (alpha in 0:1) {
    stopped <- suppress_linclass(linclass(x, y, loss = loss, lambda = 1e-3, alpha = alpha,
                                          control = linclass_control(time_limit = 0)))
    best <- suppress_linclass(linclass(x, y, loss = loss, lambda = 1e-3, alpha = alpha,
                                       control = linclass_control(tolerance = 1e-4)))
    if (stopped$status == "ok") next # it was done before the first look at the clock
    expect_equal(stopped$status, "time_limit")
    expect_gte(stopped$certificate$gap, stopped$objective - best$objective - 1e-9)
    expect_true(is.finite(stopped$certificate$gap))
  }
})

test_that("a fit that its time limit stops computes no standard errors, one that has time does", {
  x <- outer(seq_len(2e4), 1:3, function(i, j) sin(i * j^1.3))
  y <- x[, 1] + cos(seq_len(2e4) * sqrt(5)) > 0
  for (solver in c("auto", "newton", "lbfgs")) {
    fit <- function(limit) quiet(linclass(x, y, solver = solver, control = linclass_control(time_limit = limit)))
    stopped <- fit(0)
    expect_identical(stopped$status, "time_limit")
    expect_null(stopped$vcov)
    expect_identical(dim(fit(60)$vcov), c(4L, 4L))
  }
})

test_that("met means within the tolerance that the certificate states", {
  for (loss in c("softmax", "hinge", "squared_hinge")) for (tolerance in list(NULL, 1e-3, 1e-5, 1e-11)) {
    control <- do.call(linclass_control, list(tolerance = tolerance)[!is.null(tolerance)])
    fit <- suppress_linclass(linclass(flowers, iris$Species, loss = loss, lambda = 1e-3, control = control))
    if (!is.null(tolerance)) expect_identical(fit$certificate$tolerance, tolerance)
    expect_identical(fit$certificate$met, fit$certificate$relative <= fit$certificate$tolerance)
    if (fit$certificate$met) expect_equal(fit$status, "ok")
  }
})

test_that("a perceptron that separates says after how many epochs", {
  fit <- linclass(flowers[1:100, ], factor(iris$Species[1:100]), loss = "perceptron")
  expect_gte(fit$iterations, 1)
  expect_true(fit$certificate$met)
  expect_true(fit$converged)
  expect_equal(nrow(fit$history), fit$iterations + 1)
  margins <- (flowers[1:100, ] %*% coef(fit)[-1] + coef(fit)[1]) * rep(c(-1, 1), each = 50)
  expect_true(all(margins > 0))
})

# With all slopes held by bounds only the intercepts are left, which by hand are logs of class shares given the offset.
test_that("fits whose slopes all end on bounds are converged, with a gap", {
  skip_if_not_installed("MASS")
  births <- transform(MASS::birthwt, race = factor(race))
  share <- mean(births$low)
  fit <- linclass(low ~ age + lwt, births, lower = 0)
  expect_equal(fit$status, "ok")
  expect_true(fit$certificate$met)
  expect_equal(unname(coef(fit)), c(qlogis(share), 0, 0), tolerance = 1e-9)

  fit <- linclass(low ~ age + lwt, births, lower = -0.01, upper = -0.001)
  held <- coef(fit)[-1]
  expect_true(all(held %in% c(-0.01, -0.001)))
  alone <- glm(low ~ 1, binomial, births, offset = as.vector(as.matrix(births[c("age", "lwt")]) %*% held))
  expect_equal(fit$deviance, deviance(alone), tolerance = 1e-9)
  expect_true(fit$certificate$met)

  fit <- linclass(low ~ smoke + ptl + ht + ui + ftv, births, upper = c(0, 0, 0, 0, -0.5))
  expect_equal(unname(coef(fit)[2:5]), rep(0, 4))
  expect_true(fit$certificate$met)
  fit <- linclass(race ~ smoke, births, lower = 0, upper = 0)
  expect_equal(fit$deviance, deviance(nnet::multinom(race ~ 1, births, trace = FALSE)), tolerance = 1e-6)
  expect_true(fit$certificate$met)

  # Some held, some not: converged as before, at the optimum of the free ones.
  fit <- linclass(low ~ age + lwt + smoke + ptl + ht, births, upper = 0)
  free <- names(which(coef(fit)[-1] < 0))
  expect_equal(fit$deviance, deviance(glm(reformulate(free, "low"), binomial, births)), tolerance = 1e-9)
  expect_equal(fit$status, "ok")
  squared <- linclass(low ~ age + lwt, births, loss = "squared_hinge", lower = 0)
  expect_equal(squared$objective, 4 * share * (1 - share), tolerance = 1e-10)
  expect_true(squared$certificate$met)
})

# Two solvers of the same problem: one comes down in lambda, the other starts where that ended.
test_that("a lasso of many sparse classes far below the first lambda ends at the same optimum from both starts", {
  n <- 240
  k <- 12
  class <- rep(seq_len(k), length.out = n)
  words <- cbind(rep(seq_len(n), 6), 1 + (c(class * 7, class * 11 + 3, seq_len(n) * 13, seq_len(n) * 29,
                                            class * 5 + seq_len(n) %% 3, seq_len(n) * 17) %% 150))
  words <- unique(words)
  x <- Matrix::sparseMatrix(words[, 1], words[, 2], x = 1, dims = c(n, 150))
  fit <- linclass(x, factor(class), lambda = 5e-4, alpha = 1, standardize = FALSE)
  nearby <- linclass(x, factor(class), lambda = 6e-4, alpha = 1, standardize = FALSE)
  other <- linclass(x, factor(class), lambda = 5e-4, alpha = 1, standardize = FALSE, start = coef(nearby))
  expect_equal(fit$objective, other$objective, tolerance = 1e-9)
  expect_true(fit$certificate$met)
})
