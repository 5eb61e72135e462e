# The worked cases of vignette("validation"): the answers are found with a pencil. Its table of
# digits is held by test-digits.R.

ten_rows <- data.frame(x = c(-1, -1, -1, -1, 0, 0, 1, 1, 1, 1), y = c(0, 0, 0, 1, 0, 1, 0, 1, 1, 1))

test_that("an intercept is the log odds, its variance the sum of reciprocal counts", {
  fit <- linclass(y ~ 1, data.frame(y = rep(1:0, c(3, 5))))
  expect_equal(unname(coef(fit)), log(3 / 5), tolerance = 1e-12)
  expect_equal(as.vector(vcov(fit)), 8 / 15, tolerance = 1e-8)
})

test_that("a saturated table of three outcomes gives log odds ratios and their variances", {
  outcomes <- c("none", "some", "much")
  table <- data.frame(outcome = factor(rep(outcomes, 2), outcomes),
                      group = rep(c("a", "b"), each = 3), count = c(10, 20, 5, 8, 4, 40))
  fit <- linclass(outcome ~ group, table, weights = count)
  pencil <- rbind(some = c(log(2), log(1 / 4)), much = c(log(1 / 2), log(10)))
  expect_equal(coef(fit), pencil, tolerance = 1e-12, ignore_attr = "dimnames")
  v <- vcov(fit)
  expect_equal(v["some:groupb", "some:groupb"], 0.525, tolerance = 1e-7)
  # Log ratios to the same class share its count.
  expect_equal(v["some:(Intercept)", "much:(Intercept)"], 1 / 10, tolerance = 1e-7)
})

test_that("ten rows: every quantity of Newton's method, the solution log 3 and its errors", {
  at <- function(b) c(0, b)
  expect_equal(loss_value(at(1), ten_rows["x"], ten_rows$y, "logistic"), 0.5892388,
               tolerance = 1e-7)
  expect_equal(loss_gradient(at(0), ten_rows["x"], ten_rows$y, "logistic"), c(0, -0.2))
  expect_equal(loss_hessian(at(0), ten_rows["x"], ten_rows$y, "logistic")[2, 2], 0.2)
  expect_equal(newton_step(at(0), ten_rows["x"], ten_rows$y, "logistic"), c(0, 1))
  expect_equal(newton_step(at(1), ten_rows["x"], ten_rows$y, "logistic")[2], 0.09633912,
               tolerance = 1e-7)
  fit <- linclass(y ~ x, ten_rows)
  expect_equal(unname(coef(fit)), c(0, log(3)), tolerance = 1e-12)
  expect_equal(unname(vcov(fit)), diag(1 / c(2, 1.5)), tolerance = 1e-8)
  shifted <- linclass(y ~ x + offset(rep(2, 10)), ten_rows)
  expect_equal(unname(coef(shifted)), c(-2, log(3)), tolerance = 1e-9)
})

test_that("two rows: closed forms of every loss and penalty", {
  slope <- function(loss, lambda, alpha) {
    fit <- linclass(cbind(x = c(-1, 1)), 0:1, loss = loss, lambda = lambda, alpha = alpha,
                    standardize = FALSE)
    coef(fit)[["x"]]
  }
  for (lambda in c(0.02, 0.1, 0.3, 0.49)) {
    expect_equal(slope("logistic", lambda, 1), log((1 - lambda) / lambda), tolerance = 1e-5)
    for (alpha in c(0, 0.5, 1)) {
      pencil <- (2 - lambda * alpha) / (2 + lambda * (1 - alpha))
      expect_equal(slope("squared_hinge", lambda, alpha), pencil, tolerance = 1e-5)
    }
  }
  expect_identical(slope("logistic", 0.5001, 1), 0)
  # Ridge: choose the answer b, then lambda = s(-b) / b.
  for (b in c(0.2, 1, 3)) {
    expect_equal(slope("logistic", stats::plogis(-b) / b, 0), b, tolerance = 1e-5)
  }
  for (lambda in c(0.5, 0.9, 2, 10)) {
    expect_equal(slope("hinge", lambda, 0), min(1, 1 / lambda), tolerance = 1e-3)
  }
})

test_that("the stored references come with the package and can be read without it", {
  folder <- system.file("references", package = "linclass")
  cases <- read.dcf(file.path(folder, "cases.dcf"))
  fits <- utils::read.csv(file.path(folder, "fits.csv"))
  expect_setequal(fits$case, cases[, "Case"])
  expect_true(all(file.exists(file.path(folder, paste0("data-", cases[, "Data"], ".csv")))))
  answer <- fits[fits$case == "mtcars", ]
  peer <- stats::glm(am ~ wt, binomial, datasets::mtcars, epsilon = 1e-14)
  expect_equal(answer$estimate, unname(coef(peer)), tolerance = 1e-9)
  expect_equal(answer$se, unname(sqrt(diag(vcov(peer)))), tolerance = 1e-6)
})

test_that("a certificate is no smaller than the distance to the stored minimum", {
  for (case in reference_cases()[c("fgl-ridge", "iris-lasso", "pima-te-ridge",
                                  "iris-squared-hinge-ridge")]) {
    ref <- read_reference(case)
    for (tolerance in 10^-c(1, 4, 7)) {
      fit <- linclass(ref$x, ref$y, loss = case$Loss, lambda = case$Lambda, alpha = case$Alpha,
                      standardize = FALSE, control = linclass_control(tolerance = tolerance),
                      solver = if (case$Alpha > 0) "coordinate" else "lbfgs")
      distance <- objective(fit) / case$Objective - 1
      expect_lte(distance, certificate(fit)$relative + 5e-15, label = case$Case)
      expect_lte(certificate(fit)$relative, tolerance, label = case$Case)
    }
  }
})
