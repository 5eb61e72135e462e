# Calibration: maps from scores to probabilities against isoreg(), glm() and a search, and priors
# against the shift of the intercept.

calibration_data <- function(k = 2L, n = 300L) {
  set.seed(11)
  x <- matrix(rnorm(2 * n), n, dimnames = list(NULL, c("a", "b")))
  z <- cbind(0, 2 * x[, 1], x[, 1] - x[, 2])[, seq_len(k)]
  p <- exp(z) / rowSums(exp(z))
  y <- factor(letters[1 + rowSums(runif(n) > t(apply(p, 1, cumsum))[, -k, drop = FALSE])])
  list(x = x, y = y, train = seq_len(n %/% 2))
}

test_that("two classes: each map is the one that its criterion defines", {
  d <- calibration_data()
  fit <- linclass(d$x[d$train, ], d$y[d$train], loss = "hinge", lambda = 0.05, alpha = 0)
  x <- d$x[-d$train, ]
  y <- d$y[-d$train] == "b"
  z <- predict(fit, x, type = "link")
  prob <- function(method) {
    predict(linclass_calibrate(fit, x, d$y[-d$train], method), x, type = "response")
  }
  target <- ifelse(y, (sum(y) + 1) / (sum(y) + 2), 1 / (sum(!y) + 2))
  platt <- suppressWarnings(glm(target ~ z, binomial, epsilon = 1e-14))
  expect_equal(unname(prob("platt")), unname(fitted(platt)), tolerance = 1e-8)
  expect_equal(unname(prob("isotonic")[order(z)]), isoreg(z, y)$yf, tolerance = 1e-12)
  loss <- function(a) -sum(plogis(ifelse(y, a * z, -a * z), log.p = TRUE))
  best <- optimize(loss, c(0, 50), tol = 1e-10)$minimum
  expect_equal(unname(prob("temperature")), unname(plogis(best * z)), tolerance = 1e-6)
})

test_that("weights are copies of rows", {
  d <- calibration_data()
  fit <- linclass(d$x[d$train, ], d$y[d$train], loss = "squared_hinge", lambda = 0.05, alpha = 0)
  w <- rep(1:2, length.out = 150)
  copies <- rep(151:300, w)
  for (method in c("platt", "isotonic", "temperature")) {
    a <- linclass_calibrate(fit, d$x[151:300, ], d$y[151:300], method, weights = w)
    b <- linclass_calibrate(fit, d$x[copies, ], d$y[copies], method)
    expect_equal(predict(a, d$x, "prob"), predict(b, d$x, "prob"), tolerance = 1e-6, info = method)
  }
})

test_that("several classes have probabilities that sum to one, for every loss and by folds", {
  d <- calibration_data(3L)
  data <- data.frame(d$x, y = d$y)
  for (loss in c("hinge", "perceptron", "softmax")) for (method in c("platt", "isotonic", "temperature")) {
    fit <- quiet(linclass(y ~ a + b, data[d$train, ], loss = loss,
                          lambda = if (loss == "perceptron") 0 else 0.05, alpha = 0))
    held <- linclass_calibrate(fit, data[-d$train, ], method = method)
    p <- predict(held, data, type = "prob")
    expect_equal(unname(rowSums(p)), rep(1, 300))
    expect_identical(colnames(p), levels(d$y))
    expect_identical(as.character(predict(held, data)), colnames(p)[max.col(p, "first")])
  }
  set.seed(1)
  folded <- linclass_calibrate(fit, method = "platt", folds = 5)
  mean_loss <- function(p) -mean(log(p[cbind(1:300, as.integer(d$y))]))
  expect_lt(mean_loss(predict(folded, data, type = "prob")), log(3))
  # a softmax fit at its maximum has a temperature near one
  soft <- linclass(y ~ a + b, data)
  expect_equal(linclass_calibrate(soft, data, method = "temperature")$map$temperature, 1,
               tolerance = 1e-5)
})

test_that("bad rows are refused", {
  d <- calibration_data()
  fit <- linclass(d$x, d$y, loss = "hinge", lambda = 0.1, alpha = 0)
  expect_topic(linclass_calibrate(fit, d$x), "response")
  expect_topic(linclass_calibrate(fit, d$x, rep("q", 300)), "response", "does not have")
  expect_topic(linclass_calibrate(fit, d$x, d$y[-1]), "shape")
  expect_topic(linclass_calibrate(3), "argument")
})

test_that("a prior is a shift of the intercept", {
  d <- calibration_data()
  fit <- linclass(d$x, d$y)
  z <- predict(fit, d$x, type = "link")
  share <- mean(d$y == "b")
  shifted <- plogis(z + qlogis(0.1) - qlogis(share))
  expect_equal(unname(adjust_prior(fit, c(b = 0.1, a = 0.9), d$x)[, "b"]), unname(shifted),
               tolerance = 1e-12)
  # weights of the classes move the intercept about as sampling does, and are undone
  heavy <- linclass(d$x, d$y, class_weights = c(a = 5, b = 1))
  undone <- adjust_prior(heavy, "training", d$x)[, "b"]
  expect_equal(unname(undone), unname(plogis(predict(heavy, d$x, type = "link") + log(5))),
               tolerance = 1e-12)
  expect_equal(predict(heavy, d$x, type = "response", prior = "training"), undone)
  expect_identical(predict(heavy, d$x, prior = "training") == "b", unname(undone > 0.5))
  expect_topic(predict(heavy, d$x, type = "link", prior = "training"), "argument")
  p <- predict(fit, d$x, type = "prob")
  expect_equal(adjust_prior(p, c(a = 1, b = 1), from = c(a = 1, b = 1)), p, tolerance = 1e-12)
  expect_topic(adjust_prior(fit, c(a = 1), d$x), "weights")
  expect_topic(adjust_prior(fit, c(a = 1, b = 0), d$x), "weights")
})

test_that("paths and cross-validations predict for other shares of classes", {
  for (weights in list(NULL, c(setosa = 1, versicolor = 2, virginica = 5))) {
    path <- linclass_path(Species ~ ., iris, lambda = c(0.2, 0.05, 0.01), class_weights = weights)
    fit <- linclass(Species ~ ., iris, lambda = 0.05, class_weights = weights)
    prior <- c(virginica = 0.5, setosa = 0.3, versicolor = 0.2)
    for (type in c("prob", "class")) {
      expect_equal(predict(path, iris, type = type, s = 0.05, prior = prior),
                   predict(fit, iris, type = type, prior = prior), tolerance = 1e-3)
    }
    p <- adjust_prior(predict(path, iris, type = "prob", s = 0.05), prior,
                      from = c(setosa = 1, versicolor = 1, virginica = 1) * (if (is.null(weights)) 1 else weights))
    expect_equal(predict(path, iris, type = "prob", s = 0.05, prior = prior), p, ignore_attr = TRUE)
  }
  expect_topic(predict(path, iris, prior = prior), "penalty")
  set.seed(1)
  cv <- linclass_cv(Species ~ ., iris, lambda = c(0.2, 0.05, 0.01), folds = 3)
  expect_equal(predict(cv, iris, type = "prob", s = 0.05, prior = prior),
               predict(cv$path, iris, type = "prob", s = 0.05, prior = prior))
  expect_topic(linclass_calibrate(cv), "argument", "for each lambda")
})

test_that("maps at their ends: one margin, no class seen, scores that tell nothing or everything", {
  d <- calibration_data()
  fit <- linclass(d$x[d$train, ], d$y[d$train], loss = "hinge", lambda = 0.05, alpha = 0)
  x <- d$x[-d$train, ]
  z <- predict(fit, x, type = "link")
  # equal rows have the share of their events, and unknown scores no probability
  same <- linclass_calibrate(fit, x[rep(1, 8), ], rep(c("b", "a", "b", "b"), 2), "isotonic")
  expect_equal(unname(predict(same, rbind(x[2, ], NA), type = "response")), c(0.75, NA))
  expect_identical(predict(same, x, type = "link"), z)
  expect_output(print(same), "Calibrated by an isotonic function:.*hinge")
  # classes against their scores: none is likelier; classes that are the signs of scores: all are certain
  against <- predict(linclass_calibrate(fit, x, ifelse(z > 0, "a", "b"), "temperature"), x, type = "response")
  expect_equal(unname(against), rep(0.5, nrow(x)))
  along <- predict(linclass_calibrate(fit, x, ifelse(z > 0, "b", "a"), "temperature"), x, type = "response")
  far <- abs(z) > 0.1 * mean(abs(z))
  expect_lt(max(abs(along - (z > 0))[far]), 1e-6)
  # deep in a class that was not among the rows no class was seen, so all are equally likely
  ends <- 2 * pi * (0:2) / 3
  corner <- cbind(a = cos(ends), b = sin(ends))
  three <- linclass(corner, letters[1:3], intercept = FALSE, loss = "hinge", lambda = 0.1, alpha = 0)
  isotonic <- linclass_calibrate(three, corner[1:2, ], c("a", "b"), "isotonic")
  expect_equal(unname(predict(isotonic, 2 * corner, type = "prob")), rbind(c(1, 0, 0), c(0, 1, 0), 1 / 3))
})

test_that("cross-validated scores have the weights and the offset of their rows", {
  d <- calibration_data()
  data <- data.frame(d$x, y = d$y, o = d$x[, "a"]^2, two = 2)
  temperature <- function(...) {
    fit <- linclass(..., data = data, lambda = 0.02, alpha = 0)
    set.seed(3)
    linclass_calibrate(fit, method = "temperature", folds = 4)$map$temperature
  }
  # weights of 2 everywhere, or an offset that the intercept takes back, change no score
  expect_equal(temperature(y ~ a + b, weights = two), temperature(y ~ a + b), tolerance = 1e-6)
  with <- temperature(y ~ a + b + offset(o))
  expect_equal(temperature(y ~ a + b + offset(o + 3)), with, tolerance = 1e-6)
  expect_gt(abs(with - temperature(y ~ a + b)), 1e-3)
})

test_that("what cannot be calibrated or adjusted says why", {
  d <- calibration_data()
  data <- data.frame(d$x, y = d$y)
  fit <- linclass(y ~ a + b, data)
  expect_topic(linclass_calibrate(fit, data[c("a", "b")]), "response", "`newdata` has no response")
  expect_topic(linclass_calibrate(fit, data, rep(NA_character_, 300)), "no_rows")
  expect_topic(linclass_calibrate(fit, transform(data, a = NA_real_)), "no_rows")
  expect_topic(linclass_calibrate(fit, folds = 1), "folds")
  expect_topic(adjust_prior("fit", c(a = 1, b = 1)), "argument", "\"fit\"")
  expect_topic(adjust_prior(fit, c(a = 1, b = 1), data, from = c(a = 1, b = 1)), "argument", "`from`")
  expect_topic(adjust_prior(matrix(0.5, 1, 2), c(a = 1, b = 1), from = c(a = 1, b = 1)), "names")
  for (wrong in list(-0.5, Inf, "0.5")) {
    expect_topic(adjust_prior(cbind(a = wrong, b = 0.5), c(a = 1, b = 1), from = c(a = 1, b = 1)), "argument", "finite")
  }
})
