# Bounds against optim(), starts from far away, and stops that leave nothing half done.

n <- 100
x <- with(list(i = seq_len(n)), cbind(a = sin(3 * i), b = cos(5 * i), c = sin(7 * i), d = cos(11 * i)))
y <- x[, "a"] + sin(100 * seq_len(n)^1.5) > 0

mean_logistic <- function(b) {
  z <- drop(cbind(1, x) %*% b)
  mean(log1p(exp(z)) - y * z)
}

test_that("bounds, with 0 inside, on the edge or outside, give the optimum of optim()", {
  cases <- list(inside = c(-0.3, 0.3), edge = c(0, 0.4), above = c(0.5, 2), below = c(-2, -0.5))
  for (case in names(cases)) {
    box <- cases[[case]]
    expected <- optim(c(0, rep(mean(box), 4)), mean_logistic, method = "L-BFGS-B",
                      lower = c(-Inf, rep(box[1], 4)), upper = c(Inf, rep(box[2], 4)),
                      control = list(factr = 10, maxit = 1000))
    for (solver in c("auto", "gradient_descent")) {
      fit <- suppressWarnings(linclass(x, y, lower = box[1], upper = box[2], solver = solver))
      expect_true(all(coef(fit)[-1] >= box[1] & coef(fit)[-1] <= box[2]), info = case)
      expect_equal(objective(fit), expected$value, tolerance = 1e-8, info = paste(case, solver))
    }
  }
})

test_that("bounds that leave one point leave the intercept to be fitted", {
  fit <- linclass(x, y, lower = 0.5, upper = 0.5)
  expect_equal(unname(coef(fit)[-1]), rep(0.5, 4))
  best <- optimize(function(b) mean_logistic(c(b, rep(0.5, 4))), c(-5, 5), tol = 1e-12)
  expect_equal(objective(fit), best$objective, tolerance = 1e-10)
})

test_that("a start outside the bounds is brought inside", {
  fit <- linclass(x, y, lower = 0, upper = 1, start = c(0, 5, -5, 5, 0))
  expect_equal(objective(fit), objective(linclass(x, y, lower = 0, upper = 1)), tolerance = 1e-9)
})

test_that("a start from far away ends where any other does", {
  expected <- coef(linclass(x, y))
  for (solver in c("newton", "lbfgs", "coordinate")) {
    for (size in c(1e2, 1e5, 1e15)) {
      fit <- linclass(x, y, solver = solver, start = c(0, 1, 1, 1, 1) * size)
      expect_true(fit$converged, info = paste(solver, size))
      expect_equal(coef(fit), expected, tolerance = 1e-5, info = paste(solver, size))
    }
  }
})

test_that("subgradients of a kink are not taken for convergence", {
  expect_warning(fit <- linclass(x, y, loss = "hinge", solver = "gradient_descent"),
                 class = "linclass_warning_not_converged")
  expect_false(fit$converged)
})

test_that("saturated scores do not pass for an optimum", {
  fit <- suppressWarnings(linclass(x, y, solver = solver("gradient_descent", rate = 1e6),
                                   control = linclass_control(max_iter = 50)))
  expect_false(isTRUE(fit$certificate$met))
})

test_that("a rate that ends above its start is divergence, and the best iterate comes back", {
  far <- linclass_control(max_iter = 30)
  expect_warning(fit <- linclass(10 * x, y, solver = solver("gradient_descent", rate = 1e4),
                                 control = far), class = "linclass_warning_diverged")
  expect_lte(objective(fit), log(2) + 1e-9)
})

test_that("models without columns take a penalty", {
  fit <- linclass(y ~ 1, lambda = 0.1)
  expect_equal(coef(fit)[["(Intercept)"]], qlogis(mean(y)), tolerance = 1e-9)
})

test_that("choices are classed errors", {
  fit <- linclass(x, y)
  expect_error(predict(fit, x, type = "probs"), class = "linclass_error_argument")
  expect_error(plot(fit, "zz"), class = "linclass_error_argument")
})

test_that("a penalised fit of very many classes finds a way", {
  many <- matrix(sin(seq_len(900)^1.3), 300)
  fit <- suppressWarnings(linclass(many, factor(rep(1:150, 2)), lambda = 0.05,
                                   control = linclass_control(max_iter = 5)))
  expect_identical(fit$solver, "gradient_descent")
  expect_lte(objective(fit), log(150) + 1e-9)
})

test_that("infinite features times zero coefficients are not hidden", {
  expect_identical(drop(raw_scores(matrix(Inf, 1, 2), matrix(0, 1, 2))), NaN)
})

test_that("bounds hold where columns are more than rows and nothing is penalised", {
  set.seed(2)
  for (k in 2:3) for (rows in c(4, 6)) for (lower in c(0, -0.1)) {
    x <- matrix(rnorm(rows * 9), rows)
    y <- factor(rep_len(letters[1:k], rows))
    fit <- suppressWarnings(linclass(x, y, loss = "hinge", lambda = 0, lower = lower, upper = 0.3))
    other <- suppressWarnings(linclass(x, y, loss = "hinge", solver = "coordinate", lambda = 0, lower = lower,
                                       upper = 0.3))
    B <- coef(fit)
    info <- paste(k, rows, lower)
    expect_equal(fit$objective, loss_value(unname(B), x, y, "hinge"), info = info)
    slopes <- if (k > 2) B[, -1] else B[-1]
    expect_true(all(slopes >= lower & slopes <= 0.3), info = info)
    expect_lte(fit$objective, other$objective + 1e-6)
    expect_gte(fit$objective, other$objective - certificate(other)$gap - 1e-9)
  }
})

test_that("a start on columns that depend on others ends where any other does", {
  twice <- cbind(x, e = x[, "a"] - x[, "b"])
  three <- factor(1 + seq_len(n) %% 3)
  for (loss in linclass_losses()$name) {
    if (loss == "perceptron") next
    for (classes in if (loss_row(loss)$max_classes > 2) list(y, three) else list(y)) {
      plain <- quiet(linclass(twice, classes, loss = loss))
      start <- coef(plain)
      start[is.na(start)] <- 0
      start[] <- start + if (is.matrix(start)) rep(c(0, -1, 1, 0, 0, 1), each = nrow(start)) else c(0, -1, 1, 0, 0, 1)
      again <- quiet(linclass(twice, classes, loss = loss, start = start))
      B <- coef(again)
      B[is.na(B)] <- 0
      expect_equal(objective(again), objective(plain), tolerance = 1e-6, info = loss)
      z <- raw_scores(twice, B)
      if (is.matrix(B) && again$coding == "reference") z <- cbind(0, z)
      expect_equal(mean(sample_loss(unname(z), factor(classes), loss)), objective(plain), tolerance = 1e-6, info = loss)
    }
  }
  firth <- quiet(linclass(twice, y, bias_reduction = "firth"))
  again <- quiet(linclass(twice, y, bias_reduction = "firth", start = c(0, 0, 0, 0, 0, 1)))
  expect_equal(coef(again), coef(firth), tolerance = 1e-8)
})

test_that("bounds that are far away leave the certificate of the fit within them", {
  three <- factor(1 + seq_len(n) %% 3)
  control <- list(tolerance = 1e-9)
  reference <- glm(y ~ x, binomial, control = glm.control(epsilon = 1e-14))
  for (far in c(1e8, 1e10, 1e15, 1e300)) for (solver in c("auto", "gradient_descent")) {
    info <- paste(far, solver)
    fit <- expect_no_warning(linclass(x, y, lower = -far, upper = far, solver = solver, control = control))
    expect_true(fit$converged, info = info)
    expect_equal(unname(coef(fit)), unname(coef(reference)), tolerance = 1e-4, info = info)
    expect_equal(objective(fit), deviance(reference) / (2 * n), tolerance = 1e-9, info = info)
    # Some are held at 0: those that are not are the fit of their columns.
    fit <- expect_no_warning(linclass(x, y, lower = 0, upper = far, solver = solver, control = control))
    expect_true(fit$converged, info = info)
    free <- coef(fit)[-1] > 0
    expect_true(any(free) && !all(free))
    expect_equal(objective(fit), deviance(glm(y ~ x[, free], binomial)) / (2 * n), tolerance = 1e-9, info = info)
  }
  for (loss in c("softmax", "squared_hinge", "huber_hinge")) {
    fit <- expect_no_warning(linclass(x, three, loss = loss, lower = -1e12, upper = 1e12))
    expect_true(fit$converged, info = loss)
    expect_equal(objective(fit), objective(linclass(x, three, loss = loss)), tolerance = 1e-8, info = loss)
  }
})
