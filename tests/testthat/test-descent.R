# Mini-batches in practice: rows set aside, schedules, batches by class, fits that go on, classes declared ahead;
# and the perceptron.

draw <- function(n = 1500, p = 6, k = 2, seed = 3) {
  set.seed(seed)
  x <- matrix(rnorm(n * p), n)
  z <- x %*% matrix(rnorm(p * k), p)
  list(x = x, y = factor(letters[max.col(z - log(-log(matrix(runif(n * k), n))))], letters[1:k]))
}
flowers <- as.matrix(iris[1:4])

test_that("rows set aside are drawn by class and not trained on, and their loss is what is said", {
  data <- draw(k = 3)
  w <- rep(1:3, 500)
  for (x in list(data$x, Matrix::Matrix(data$x * (abs(data$x) > 0.6), sparse = TRUE))) {
    set.seed(4)
    fit <- linclass(x, data$y, loss = "softmax", lambda = 0.01, alpha = 0, weights = w,
                    solver = solver("minibatch", validate = 0.2, epochs = 8, patience = 8))
    aside <- fit$validation$rows
    expect_equal(as.vector(table(data$y[aside])), round(0.2 * as.vector(table(data$y))))
    # The loss after each epoch, at its lowest that of the coefficients.
    z <- predict(fit, x[aside, ], type = "link")
    loss <- sample_loss(unname(z), data$y[aside], "softmax")
    expect_equal(fit$validation$loss, sum(w[aside] * loss) / sum(w[aside]), tolerance = 1e-10)
    expect_equal(fit$validation$loss, min(fit$history$validation[-1]))
    expect_equal(fit$history$validation[1], log(3))
    # All else is of the other rows.
    expect_equal(fit$nobs, sum(w[-aside]))
    z <- predict(fit, x[-aside, ], type = "link")
    expect_equal(fit$loss_value, sum(w[-aside] * sample_loss(unname(z), data$y[-aside], "softmax")) / sum(w[-aside]))
    other <- linclass(x[-aside, ], data$y[-aside], loss = "softmax", lambda = 0.01, alpha = 0, weights = w[-aside])
    expect_lt(fit$objective / other$objective - 1, 1e-3)
    set.seed(4)
    again <- linclass(x, data$y, loss = "softmax", lambda = 0.01, alpha = 0, weights = w,
                      solver = solver("minibatch", validate = 0.2, epochs = 8, patience = 8))
    expect_identical(coef(again), coef(fit))
  }
})

test_that("a fit of noise ends early, with the iterate that did best", {
  set.seed(6)
  x <- matrix(rnorm(200 * 40), 200)
  y <- factor(rep(0:1, 100))
  fit <- linclass(x, y, solver = solver("minibatch", validate = 0.3, epochs = 100, patience = 4))
  seen <- fit$history$validation[-1]
  expect_lt(fit$iterations, 100)
  best <- which.min(seen)
  expect_equal(fit$iterations, length(seen))
  expect_true(all(seen[seq_along(seen) > best] >= min(seen) * (1 - 1e-4)))
  expect_gte(fit$iterations - best, 4 - 1)
  # The full budget would have overfitted.
  set.seed(6)
  full <- linclass(x, y, solver = solver("minibatch", validate = 0.3, epochs = 100, patience = 100))
  expect_gt(tail(full$history$validation, 1), fit$validation$loss)
  expect_error(linclass_cv(x, y, solver = solver("minibatch", validate = 0.1)), class = "linclass_error_solver")
  expect_error(linclass(x[1:6, ], y[1:6], solver = solver("minibatch", validate = 0.01)),
               class = "linclass_error_solver")
})

test_that("schedules are their formulas", {
  data <- draw(300, 4)
  by_hand <- function(share, epochs, size) {
    w <- numeric(5)
    X <- cbind(1, data$x)
    t <- 0
    batches <- ceiling(300 / size)
    for (epoch in seq_len(epochs)) for (rows in split(1:300, (0:299) %/% size)) {
      g <- crossprod(X[rows, ], plogis(X[rows, ] %*% w) - (data$y[rows] == "b")) / length(rows)
      g[-1] <- g[-1] + 0.01 * w[-1]
      w <- w - 0.2 * share(t, batches, epochs) * g
      t <- t + 1
    }
    as.vector(w)
  }
  shares <- list(constant = function(t, b, e) 1, inverse = function(t, b, e) (1 + t / b)^-0.7,
                 cosine = function(t, b, e) (1 + cos(pi * t / (b * e))) / 2,
                 automatic = function(t, b, e) (1 - t / (b * e))^0.7)
  for (name in names(shares)) for (x in list(data$x, Matrix::Matrix(data$x, sparse = TRUE))) {
    fit <- linclass(x, data$y, lambda = 0.01, alpha = 0, standardize = FALSE,
                    solver = solver("minibatch", schedule = name, decay = 0.7, rate = 0.2, batch_size = 64, epochs = 3,
                                    shuffle = 0))
    expect_equal(unname(coef(fit)), by_hand(shares[[name]], 3, 64), tolerance = 1e-12, info = name)
  }
  # A fit that goes on continues the inverse schedule.
  run <- function(epochs, ...) {
    linclass(data$x, data$y, lambda = 0.01, alpha = 0, standardize = FALSE, ...,
             solver = solver("minibatch", schedule = "inverse", rate = 0.2, batch_size = 64, shuffle = 0,
                             epochs = epochs))
  }
  expect_equal(coef(run(3, start = run(2))), coef(run(5)), tolerance = 1e-13)
  expect_equal(run(3, start = run(2))$descent$epochs, 5)
  expect_error(solver("minibatch", schedule = "cosinus"), class = "linclass_error_solver")
  expect_output(print(solver("minibatch", schedule = "cosine")), "schedule = cosine")
})

test_that("batches by class have each class at its share", {
  # With batches of 10 and shares 0.1 and 0.9, a step with a given rate sees one row of the rare class each time. Its
  # gradient at 0 without features is then the same in all batches: rate (0.5 - share).
  y <- factor(rep(c("a", "b"), c(20, 180)))
  x <- matrix(numeric(), 200, 0)
  fit <- linclass(x, y, solver = solver("minibatch", rate = 0.1, batch_size = 10, epochs = 1, stratified = 1))
  b <- 0
  for (i in 1:20) b <- b - 0.1 * (plogis(b) - 0.9)
  expect_equal(unname(coef(fit)), b, tolerance = 1e-13)
  fit <- linclass(x, y, solver = solver("minibatch", rate = 0.1, batch_size = 10, epochs = 1))
  expect_gt(abs(coef(fit) - b), 1e-6)
  # And every row is met once an epoch: with one batch of all rows nothing changes.
  data <- draw(90, 3, 3)
  one <- function(stratified) {
    coef(linclass(data$x, data$y, loss = "softmax",
                  solver = solver("minibatch", rate = 0.1, batch_size = 90, epochs = 4, stratified = stratified)))
  }
  expect_equal(one(1), one(0), tolerance = 1e-13)
})

test_that("a fit goes on from another, with rows that lack classes", {
  data <- draw(1200, 5, 3)
  part <- split(1:1200, rep(1:4, each = 300))
  fit <- linclass(data$x[part[[1]], ], as.character(data$y[part[[1]]]), loss = "softmax", lambda = 0.01, alpha = 0,
                  standardize = FALSE, classes = letters[1:3], solver = solver("minibatch", epochs = 5))
  expect_false(is.null(fit$descent))
  before <- fit
  for (i in 2:4) {
    fit <- update(fit, x = data$x[part[[i]], ], y = data$y[part[[i]]],
                  solver = solver("minibatch", epochs = 2, schedule = "inverse"))
  }
  expect_equal(fit$descent$epochs, 11)
  expect_null(fit$call$start)
  best <- linclass(data$x, data$y, loss = "softmax", lambda = 0.01, alpha = 0, standardize = FALSE)
  value <- function(f) loss_value(coef(f), data$x, data$y, "softmax", lambda = 0.01, alpha = 0)
  expect_lt(value(fit) / value(best) - 1, 0.02)
  expect_lt(value(fit), value(before) + 1e-3)
  # The start is where the other ended.
  rows <- part[[2]]
  step <- update(before, x = data$x[rows, ], y = data$y[rows], solver = solver("minibatch", epochs = 0))
  expect_equal(coef(step), coef(before), tolerance = 1e-12)
  expect_equal(step$history$objective[1],
               loss_value(coef(before), data$x[rows, ], data$y[rows], "softmax", lambda = 0.01, alpha = 0))
  # Rows of one class only.
  ones <- which(data$y == "a")[1:50]
  some <- update(fit, x = data$x[ones, ], y = data$y[ones], solver = solver("minibatch", epochs = 1))
  expect_equal(some$levels, letters[1:3])
  expect_equal(dim(coef(some)), c(3L, 6L))
  expect_equal(predict(some)[1:3], predict(some, data$x[ones[1:3], ]))
  expect_equal(as.integer(table(predict(some))), c(sum(predict(some) == "a"), sum(predict(some) == "b"),
                                                   sum(predict(some) == "c")))
})

test_that("classes that were declared are checked", {
  data <- draw(60, 3, 2)
  fitted <- function(...) linclass(data$x, data$y, loss = "softmax", lambda = 0.1, ..., solver = "minibatch")
  expect_equal(fitted(classes = c("c", "b", "a"))$levels, c("c", "b", "a"))
  expect_error(fitted(classes = c("a", "c")), class = "linclass_error_response")
  expect_error(fitted(classes = "a"), class = "linclass_error_response")
  expect_error(fitted(classes = c("a", "b", "b")), class = "linclass_error_response")
  expect_error(linclass(data$x, data$y, loss = "softmax", lambda = 0.1, classes = c("a", "b", "c")),
               class = "linclass_error_response")
  expect_error(fitted(classes = c("a", "b", "c"), class_weights = "balanced"), class = "linclass_error_weights")
  fit <- fitted(classes = c("a", "b", "c"))
  expect_error(fitted(start = fit, classes = c("a", "b")), class = "linclass_error_response")
  # With all classes there, declaring them changes nothing.
  expect_equal(coef(linclass(data$x, data$y, lambda = 0.1, classes = c("a", "b"))),
               coef(linclass(data$x, data$y, lambda = 0.1)))
  # Coefficients of a fit are a start for any solver.
  exact <- linclass(data$x, data$y, lambda = 0.1, alpha = 0)
  again <- linclass(data$x, data$y, lambda = 0.1, alpha = 0, start = exact, solver = "lbfgs")
  expect_lte(again$iterations, 2)
  # Mini-batches go on from a fit of any solver, too.
  on <- update(exact, x = data$x, y = data$y, solver = solver("minibatch", epochs = 0))
  expect_equal(coef(on), coef(exact), tolerance = 1e-12)
})

test_that("steps are corrected from the first batch on where a fit goes on with a smooth loss", {
  # At the optimum of the same rows no step moves, whatever the batch.
  data <- draw(800, 4)
  exact <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, control = linclass_control(tolerance = 1e-14))
  off <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, start = coef(exact),
                  solver = solver("minibatch", epochs = 2))
  expect_gt(off$history$objective[2], exact$objective * 1.01)
  exact$descent <- off$descent
  on <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, start = exact, solver = solver("minibatch", epochs = 2))
  expect_lt(max(abs(coef(on) - coef(exact))), 1e-9)
  expect_equal(on$history$objective, rep(exact$objective, 3), tolerance = 1e-12)
})

test_that("the plain perceptron counts its mistakes by epoch", {
  by_hand <- function(x, y, epochs, margin = 0) {
    w <- numeric(ncol(x) + 1)
    X <- cbind(1, x)
    s <- ifelse(y == levels(y)[2], 1, -1)
    mistakes <- numeric(0)
    for (epoch in seq_len(epochs)) {
      wrong <- 0
      for (i in seq_along(s)) {
        lead <- s[i] * sum(w * X[i, ])
        wrong <- wrong + (lead <= 0)
        if (lead <= margin) w <- w + s[i] * X[i, ]
      }
      mistakes <- c(mistakes, wrong)
      if (all(s * (X %*% w) > margin)) break
    }
    list(w = unname(w), mistakes = mistakes)
  }
  y <- droplevels(iris$Species[1:100])
  for (margin in c(0, 5)) {
    fit <- linclass(flowers[1:100, ], y, loss = "perceptron",
                    solver = solver("minibatch", rate = 1, batch_size = 1, shuffle = 0, average = 0, margin = margin))
    hand <- by_hand(flowers[1:100, ], y, 50, margin)
    expect_equal(unname(coef(fit)), hand$w)
    expect_equal(fit$history$mistakes[-1], hand$mistakes)
    expect_equal(fit$iterations, length(hand$mistakes))
    expect_gt(min(residuals(fit, type = "margin")), margin)
    expect_true(fit$certificate$met)
    expect_output(print(fit), "separable")
  }
  # Novikoff's bound on all mistakes: (largest row / margin of a separating direction)^2.
  X <- unname(cbind(1, flowers[1:100, ]))
  fit <- linclass(flowers[1:100, ], y, loss = "perceptron",
                  solver = solver("minibatch", rate = 1, batch_size = 1, shuffle = 0, average = 0))
  widest <- coef(linclass(X, y, loss = "hinge", lambda = 1e-6, alpha = 0, standardize = FALSE, intercept = FALSE))
  gamma <- min(ifelse(y == "versicolor", 1, -1) * (X %*% widest)) / sqrt(sum(widest^2))
  expect_lte(sum(fit$history$mistakes, na.rm = TRUE), max(rowSums(X^2)) / gamma^2)
})

test_that("the pocket holds the iterate with the fewest mistakes", {
  y <- droplevels(iris$Species[51:150])
  fits <- lapply(c(0, 1), function(pocket) {
    set.seed(2)
    suppressWarnings(linclass(flowers[51:150, ], y, loss = "perceptron",
                              solver = solver("minibatch", rate = 1, batch_size = 1, epochs = 40, average = 0,
                                              pocket = pocket)))
  })
  wrong <- vapply(fits, function(f) sum(predict(f, flowers[51:150, ]) != y), 1)
  expect_equal(fits[[2]]$mistakes, wrong[2])
  # Each epoch of the same descent, by stopping there.
  each <- vapply(1:40, function(epochs) {
    set.seed(2)
    settings <- solver("minibatch", rate = 1, batch_size = 1, epochs = epochs, average = 0)
    suppressWarnings(linclass(flowers[51:150, ], y, loss = "perceptron", solver = settings))$mistakes
  }, 1)
  expect_equal(fits[[2]]$mistakes, min(each))
  expect_warning(linclass(flowers[51:150, ], y, loss = "perceptron",
                          solver = solver("minibatch", pocket = 1, epochs = 3)), "fewest mistakes")
  refused <- function(...) expect_error(linclass(flowers[51:150, ], y, ...), class = "linclass_error_solver")
  refused(solver = solver("minibatch", pocket = 1))
  refused(loss = "perceptron", solver = solver("minibatch", pocket = 1, average = 1))
})

test_that("an averaged perceptron goes on with its average", {
  y <- droplevels(iris$Species[51:150])
  run <- function(epochs, ...) {
    suppressWarnings(linclass(flowers[51:150, ], y, loss = "perceptron", ...,
                              solver = solver("minibatch", rate = 1, batch_size = 1, shuffle = 0, epochs = epochs)))
  }
  expect_equal(coef(run(3, start = run(2))), coef(run(5)), tolerance = 1e-10)
  expect_equal(run(3, start = run(2))$descent$averaged, 500)
})

test_that("no more epochs hand on where a descent stands", {
  data <- draw(300, 4)
  none <- solver("minibatch", epochs = 0)
  fit <- linclass(data$x, data$y, lambda = 0.01, alpha = 0, solver = solver("minibatch", epochs = 2))
  expect_true(fit$descent$searches > 0 && fit$descent$log_mean != 0)
  expect_equal(linclass(data$x, data$y, lambda = 0.01, alpha = 0, solver = none, start = fit)$descent, fit$descent)
  average <- function(epochs, ...) {
    set.seed(2)
    suppressWarnings(linclass(flowers, iris$Species, loss = "perceptron",
                              solver = solver("minibatch", epochs = epochs, average = 1), ...))
  }
  fit <- average(3)
  expect_gt(max(abs(fit$descent$iterate - fit$descent$mean)), 0.01)
  expect_equal(average(0, start = fit)$descent, fit$descent, tolerance = 1e-12)
})

test_that("rows may come one by one, and what a chunk lacks is said in words", {
  set.seed(6)
  fit <- linclass(iris[1:100, 1:4], iris$Species[1:100], classes = levels(iris$Species),
                  solver = solver("minibatch", epochs = 2))
  for (row in c(20, 80, 140)) {
    expect_silent(fit <- update(fit, x = iris[row, 1:4], y = iris$Species[row],
                                solver = solver("minibatch", epochs = 1)))
  }
  expect_identical(fit$descent$epochs, 5)
  expect_true(all(is.finite(coef(fit))))
  data <- data.frame(g = factor(rep(c("u", "v", "w"), 20)), z = rep(1:4, 15), y = factor(rep(0:1, each = 30)))
  fit <- linclass(y ~ g + z, data, solver = solver("minibatch", epochs = 2))
  expect_error(update(fit, data = data[data$g != "w", ], solver = "minibatch"), "\"gw\".*level without rows",
               class = "linclass_error_shape")
})

test_that("what was learned along a metric's directions is not taken for steps in units, nor the other way", {
  # 12 epochs have a metric, 2 have none.
  data <- draw(300, 4)
  run <- function(epochs, ...) {
    set.seed(3)
    linclass(data$x, data$y, lambda = 0.01, alpha = 0, solver = solver("minibatch", epochs = epochs), ...)
  }
  first <- run(12)
  expect_identical(first$descent$metric, 1)
  expect_identical(run(2)$descent$metric, 0)
  forgot <- first
  forgot$descent[c("searches", "log_mean")] <- 0
  expect_identical(coef(run(2, start = first)), coef(run(2, start = forgot)))
  expect_false(identical(coef(run(12, start = first)), coef(run(12, start = forgot))))
})

test_that("histories with validation and mistakes are drawn", {
  data <- draw(300, 4)
  fit <- linclass(data$x, data$y, solver = solver("minibatch", validate = 0.2, epochs = 6))
  page <- drawn(plot(fit, "history"))
  expect_good_page(page)
  expect_equal(page$value$validation, fit$history$validation)
  expect_equal(page$value$objective, fit$history$objective)
  perceptron <- linclass(flowers[1:100, ], droplevels(iris$Species[1:100]), loss = "perceptron")
  expect_equal(drawn(plot_history(perceptron, values = "mistakes"))$value$mistakes, perceptron$history$mistakes)
  expect_error(plot_history(fit, values = "mistakes"), class = "linclass_error_argument")
})
