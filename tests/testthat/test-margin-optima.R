# Margin losses against optima that another program found (fixtures/margin_optima.csv), and what hinge fits promise: a
# gap that is never smaller than the distance from the optimum, whatever the solver and however early it stops.

optima <- read.csv(test_path("fixtures", "margin_optima.csv"))
problems <- margin_problems()

fit_margin <- function(name, loss, ..., sparse = FALSE) {
  problem <- problems[[name]]
  if (is.null(problem$standardize)) problem$standardize <- FALSE
  if (sparse) problem$x <- as(problem$x, "CsparseMatrix")
  do.call(linclass, c(problem, list(loss = loss, ...)))
}

# Distance from the optimum, in the units of certificates: at most F / F_null = 1e-3 below.
excess_of <- function(fit, optimum) {
  (fit$objective - optimum) / max(fit$objective, 1e-3 * (if (fit$k == 2) 1 else fit$k - 1))
}

test_that("optima are those of another program, and certificates cover the distance", {
  expect_gte(nrow(optima), 40L)
  expect_lte(max(abs(optima$value - optima$bound)), 1e-9 * max(optima$value)) # the other program's own gap
  for (i in seq_len(nrow(optima))) {
    fit <- fit_margin(optima$problem[i], optima$loss[i])
    info <- paste(optima$loss[i], optima$problem[i])
    excess <- excess_of(fit, optima$value[i])
    expect_lte(excess, 2e-9, label = info)
    expect_gte(excess, -1e-8, label = info)
    expect_identical(fit$status, "ok", info = info)
    expect_true(fit$converged, info = info)
    gap <- fit$certificate$kind == "duality_gap"
    if (optima$loss[i] == "hinge") expect_true(gap, info = info)
    if (gap) expect_gte(fit$certificate$relative, excess - 1e-10, label = info)
  }
})

test_that("solvers that are named come to the optimum of the hinge or say how far they are", {
  for (solver in c("newton", "lbfgs", "coordinate", "interior_point")) {
    for (name in c("ridge 1e-4", "iris", "three classes", "bad scales, standardised")) {
      fit <- suppressWarnings(fit_margin(name, "hinge", solver = solver))
      info <- paste(solver, name)
      expect_identical(fit$solver, solver, info = info)
      excess <- excess_of(fit, optima$value[optima$loss == "hinge" & optima$problem == name])
      expect_gte(fit$certificate$relative, excess - 1e-10, label = info)
      if (fit$certificate$met) expect_lte(excess, 1e-6, label = info)
    }
  }
})

test_that("dual coordinates of sparse rows have a true gap, met or not", {
  for (name in c("ridge 1e-1", "weights and offsets", "no intercept", "wide", "iris", "three classes")) {
    optimum <- optima$value[optima$loss == "hinge" & optima$problem == name]
    for (most in c(3, 30, 1000)) {
      fit <- suppressWarnings(fit_margin(name, "hinge", sparse = TRUE, solver = "dual",
                                         control = linclass_control(max_iter = most)))
      info <- paste(name, most)
      expect_identical(fit$certificate$kind, "duality_gap", info = info)
      expect_gte(fit$certificate$relative, excess_of(fit, optimum) - 1e-10, label = info)
      expect_lte(fit$iterations, most, label = info)
      expect_identical(fit$certificate$met, fit$certificate$relative <= fit$certificate$tolerance, info = info)
    }
    expect_lte(excess_of(fit, optimum), 1e-2, label = name)
  }
})

test_that("many sparse columns are fitted by dual coordinates, with the same bits for any number of threads", {
  set.seed(4)
  x <- Matrix::rsparsematrix(1700, 1600, 0.01)
  y <- factor(as.vector(x %*% rnorm(1600)) + rnorm(1700) > 0)
  fit <- function(threads, tolerance = 1e-6) {
    linclass(x, y, loss = "hinge", lambda = 1e-2, alpha = 0, standardize = FALSE,
             control = linclass_control(threads = threads, tolerance = tolerance))
  }
  one <- fit(1)
  expect_identical(one$solver, "dual")
  expect_true(one$certificate$met)
  expect_identical(coef(one), coef(fit(2)))
  exact <- linclass(x, y, loss = "hinge", lambda = 1e-2, alpha = 0, standardize = FALSE, solver = "interior_point")
  expect_equal(one$objective, exact$objective, tolerance = 2e-6)
  rough <- fit(1, 1e-2)
  expect_lt(rough$iterations, one$iterations)
  expect_lte((rough$objective - exact$objective) / rough$objective, rough$certificate$relative + 1e-6)
})

test_that("a hinge without penalty has a finite optimum and the objective of its coefficients", {
  x <- as.matrix(iris[1:4])
  fit <- linclass(x, iris$Species, loss = "hinge")
  expect_lt(max(abs(coef(fit))), 1e3)
  expect_true(fit$certificate$met)
  value <- r_objective(coef(fit), x, as.integer(iris$Species), "hinge")
  expect_equal(fit$objective, value, tolerance = 1e-12)
  apart <- linclass(x[1:100, ], droplevels(iris$Species[1:100]), loss = "hinge")
  expect_lt(apart$objective, 1e-9)
  expect_true(apart$converged)
  expect_lt(max(abs(coef(apart))), 1e3)
})

test_that("null_loss of margin losses is the best of intercepts alone", {
  x <- as.matrix(iris[1:80, 1:4])
  y <- droplevels(iris$Species[1:80]) # shares 5/8 and 3/8: min over b of 5/8 (1 + b)+ + 3/8 (1 - b)+, or of squares
  null <- function(...) linclass(x, y, lambda = 0.1, alpha = 0, ...)$null_loss
  expect_equal(null(loss = "hinge"), 2 * 3 / 8, tolerance = 1e-8)
  expect_equal(null(loss = "squared_hinge"), 4 * 15 / 64, tolerance = 1e-8)
  expect_equal(null(loss = "hinge", intercept = FALSE), 1)
  three <- linclass(as.matrix(iris[1:4]), iris$Species, loss = "hinge", lambda = 0.1)
  expect_equal(three$null_loss, 2, tolerance = 1e-8)
})

test_that("a path of hinges comes to the points of single fits, and lasso slopes are exactly 0", {
  data <- problems[["ridge 1e-4"]]
  for (alpha in c(0, 0.5, 1)) {
    path <- linclass_path(data$x, data$y, loss = "hinge", alpha = alpha, nlambda = 12, lambda_min_ratio = 0.01)
    expect_true(all(path$points$met))
    for (l in c(1, 6, 12)) {
      fit <- linclass(data$x, data$y, loss = "hinge", alpha = alpha, lambda = path$lambda[l])
      expect_equal(path$points$objective[l], fit$objective, tolerance = 1e-8)
      expect_equal(path$points$nonzero[l], sum(coef(fit)[-1] != 0))
    }
    if (alpha == 1) expect_true(any(path$points$nonzero %in% 1:5))
  }
})

# The linear programme "min t: |X'R|_j / W <= t l1_j, R a derivative of the null model", solved by lpSolve 5.6.18.
test_that("a path of hinges begins where the first slope leaves 0", {
  two <- margin_data(80, 4, 2, 11, 2, 1)
  three <- margin_data(60, 3, 3, 12, 2, 0.5)
  cases <- list(
    plain = c(two, optimum = 0.0588441264974),
    weights = c(two, list(weights = rep(c(0.5, 1, 2, 3), 20), optimum = 0.00861115976996)),
    offset = c(two, list(offset = sin(1:80), optimum = 0.238693080491)),
    "no intercept" = c(two, list(intercept = FALSE, optimum = 0.33522995935)),
    "free column" = c(two, list(penalty_factor = c(1, 2, 0, 0.5), optimum = 0.183517800504)),
    three = c(three, optimum = 0.791039307436),
    "three, all" = c(three, list(weights = rep(c(0.5, 1, 2), 20), offset = matrix(sin(1:180), 60),
                                 penalty_factor = c(1, 0, 2), optimum = 0.45756012998)))
  for (name in names(cases)) {
    given <- cases[[name]]
    given$optimum <- NULL
    fit <- function(fits, ...) do.call(fits, c(given, list(loss = "hinge", standardize = FALSE, ...)))
    held <- colnames(given$x)[which(given$penalty_factor == 0)]
    slopes <- function(fit) rbind(coef(fit))[, setdiff(colnames(given$x), held)]
    path <- fit(linclass_path, alpha = 1, nlambda = 2)
    expect_equal(path$lambda_max, cases[[name]]$optimum, tolerance = 2e-4, info = name)
    expect_gte(path$lambda_max, cases[[name]]$optimum * (1 - 1e-6), label = name)
    at <- fit(linclass, alpha = 1, lambda = path$lambda_max)
    expect_lte(abs(at$objective / path$null_loss - 1), 1e-8, label = name)
    below <- fit(linclass, alpha = 1, lambda = 0.999 * path$lambda_max)
    expect_true(any(slopes(below) != 0), info = name)
    expect_equal(fit(linclass_path, alpha = 0.25, nlambda = 2)$lambda_max, 4 * path$lambda_max, tolerance = 2e-4)
  }
})

# One column: R of the larger class may be any weights in [0, 1] with the sum of the smaller one, so that X'R reaches
# from the sum over its smallest to that over its largest rows.
test_that("lambda_max of one column is the distance from an interval", {
  x <- c(5, 6, 7, 1, 2, 3, 4, 8)
  y <- factor(rep(c("few", "many"), c(3, 5)))
  path <- function(x) linclass_path(cbind(a = x), y, loss = "hinge", standardize = FALSE, nlambda = 2)
  expect_gt(path(x)$lambda_max, 0) # 5 + 6 + 7 > 3 + 4 + 8
  expect_error(path(replace(x, 8, 11)), "no sequence", class = "linclass_error_penalty") # 18 <= 3 + 4 + 11
  far <- replace(x, 1:3, c(9, 10, 12))
  expect_equal(path(far)$lambda_max, (9 + 10 + 12 - (3 + 4 + 8)) / 8, tolerance = 2e-4)
  equal <- linclass_path(cbind(a = far[1:6]), y[1:6], loss = "hinge", standardize = FALSE, nlambda = 2)
  expect_equal(equal$lambda_max, (9 + 10 + 12 - (1 + 2 + 3)) / 6, tolerance = 1e-12) # no choice is left
})

test_that("dual coordinates fit the hinge of Crammer and Singer on sparse rows, and go on along a path", {
  set.seed(9)
  n <- 600
  x <- Matrix::rsparsematrix(n, 500, 0.03)
  y <- factor(max.col(as.matrix(x %*% matrix(rnorm(2000), 500)) + rnorm(4 * n) / 2))
  weights <- rep(c(0, 1, 2), n / 3)
  fit <- function(...) {
    linclass(x, y, loss = "crammer_singer", lambda = 0.01, alpha = 0, standardize = FALSE, weights = weights, ...)
  }
  for (intercept in c(TRUE, FALSE)) {
    own <- fit(intercept = intercept)
    expect_identical(own$solver, "dual")
    expect_true(own$certificate$met)
    smooth <- fit(intercept = intercept, solver = "lbfgs", control = linclass_control(max_iter = 300))
    bound <- smooth$objective * (1 - smooth$certificate$relative) # another solver's dual value
    expect_gte(own$objective, bound)
    expect_lte(own$objective * (1 - own$certificate$relative), smooth$objective)
    expect_lte(own$objective, smooth$objective)
  }
  lambda <- 10^-seq(1, 2, length.out = 8)
  for (loss in c("crammer_singer", "hinge")) {
    Y <- if (loss == "hinge") factor(y == "1") else y
    path <- linclass_path(x, Y, loss = loss, alpha = 0, lambda = lambda, solver = "dual")
    single <- lapply(path$lambda, function(l) linclass(x, Y, loss = loss, alpha = 0, lambda = l, solver = "dual"))
    optimum <- vapply(single, `[[`, 0, "objective")
    expect_true(all(path$points$met))
    expect_lte(max(abs(path$points$objective / optimum - 1)), 1e-6)
    expect_lt(sum(path$points$iterations), sum(vapply(single, `[[`, 0, "iterations")))
  }
  expect_error(linclass(x, y, loss = "crammer_singer", lambda = 0.01, alpha = 0, solver = "interior_point"),
               "is for loss = \"hinge\"", class = "linclass_error_solver")
})

test_that("hinges of several classes go to the interior point, whose rows lie class by class", {
  set.seed(31)
  k <- 6L
  n <- 12000
  x <- matrix(rnorm(n * 4), ncol = 4)
  y <- factor(max.col(x %*% matrix(rnorm(4 * k), 4) + rnorm(n * k)), levels = seq_len(k))
  weights <- rep(c(0, 1, 2), n / 3)
  for (coding in c("symmetric", "reference")) {
    fit <- function(rows = TRUE, ...) {
      linclass(x[rows, ], y[rows], loss = "hinge", lambda = 1e-3, alpha = 0, coding = coding, weights = weights[rows],
               ...)
    }
    own <- fit()
    expect_identical(own$solver, "interior_point")
    expect_true(own$certificate$met)
    expect_equal(coef(fit(weights > 0)), coef(own), tolerance = 1e-5) # rows without weight are left out
    smooth <- fit(solver = "newton", control = linclass_control(max_iter = 60))
    expect_lte(own$objective * (1 - own$certificate$relative), smooth$objective)
    expect_gte(own$objective, smooth$objective * (1 - smooth$certificate$relative))
  }
})

test_that("the largest ramp of two classes is a hinge", {
  y <- factor(iris$Species == "virginica")
  for (alpha in c(0, 1)) {
    fits <- lapply(c("hinge", "crammer_singer"), function(loss) {
      linclass(as.matrix(iris[1:4]), y, loss = loss, lambda = 1e-6, alpha = alpha)
    })
    expect_identical(fits[[2]]$solver, "interior_point")
    expect_true(fits[[2]]$certificate$met)
    expect_identical(coef(fits[[2]]), coef(fits[[1]]))
  }
})

test_that("free intercepts cost dual coordinates no more sweeps", {
  set.seed(32)
  n <- 3000
  x <- Matrix::rsparsematrix(n, 1500, 0.02)
  y <- factor(max.col(as.matrix(x %*% matrix(rnorm(4500), 1500)) + rnorm(3 * n)))
  for (classes in 2:3) {
    Y <- if (classes == 2) factor(y == "1") else y
    fits <- lapply(c(FALSE, TRUE), function(intercept) {
      linclass(x, Y, loss = "hinge", lambda = 1e-3, alpha = 0, standardize = FALSE, intercept = intercept,
               solver = "dual")
    })
    expect_true(fits[[1]]$certificate$met && fits[[2]]$certificate$met)
    expect_lte(fits[[2]]$iterations, 1.5 * fits[[1]]$iterations)
    expect_lte(fits[[2]]$objective * (1 - fits[[2]]$certificate$relative), fits[[1]]$objective)
  }
})

test_that("a grouped hinge ends where its goal is met", {
  set.seed(33)
  x <- matrix(rnorm(300 * 8), 300)
  y <- factor(max.col(x %*% matrix(rnorm(24), 8) + rnorm(900)))
  path <- linclass_path(x, y, loss = "hinge", grouped = TRUE, lambda = c(0.1, 0.03, 0.01))
  expect_true(all(path$points$met))
  expect_lte(max(path$points$iterations), 150)
})
