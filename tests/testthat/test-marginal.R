# Average marginal effects: against marginaleffects, and against differences of the means they are.

# d mean p / db by differences, so that nothing of the formulas is shared.
numeric_effect <- function(fit, effect) {
  step <- 1e-3 * sqrt(diag(vcov(fit)))
  move <- function(j, by) {
    W <- fit$coefficients
    flat <- if (is.matrix(W)) as.vector(t(W)) else W
    flat[j] <- flat[j] + by
    fit$coefficients[] <- if (is.matrix(W)) matrix(flat, nrow(W), byrow = TRUE) else flat
    effect(fit)
  }
  J <- vapply(seq_along(fit$coefficients), function(j) {
    (move(j, step[[j]]) - move(j, -step[[j]])) / (2 * step[[j]])
  },
              effect(fit))
  J <- matrix(J, ncol = length(fit$coefficients))
  list(estimate = effect(fit), se = sqrt(rowSums((J %*% vcov(fit)) * J)))
}

test_that("effects and standard errors are those of differences of mean probabilities", {
  b <- hook_data()
  for (formula in list(low ~ age + race * smoke, race ~ age + I(age^2) + log(lwt) + low)) {
    fit <- linclass(formula, b)
    mean_prob <- function(f, d) colMeans(predict(f, d, type = "prob"))
    slope <- function(f) {
      h <- 1e-4
      (mean_prob(f, transform(b, age = age + h)) - mean_prob(f, transform(b, age = age - h))) / (2 * h)
    }
    shown <- if (length(fit$levels) == 2L) 2L else seq_along(fit$levels)
    want <- numeric_effect(fit, slope)
    got <- marginal_effects(fit, "age")
    expect_equal(got$estimate, unname(want$estimate[shown]), tolerance = 1e-5)
    expect_equal(got$std.error, unname(want$se[shown]), tolerance = 1e-4)
    ten <- function(f) mean_prob(f, transform(b, age = age + 10)) - mean_prob(f, b)
    want <- numeric_effect(fit, ten)
    got <- marginal_effects(fit, "age", change = list(age = 10))
    expect_equal(got$estimate, unname(want$estimate[shown]), tolerance = 1e-10)
    expect_equal(got$std.error, unname(want$se[shown]), tolerance = 1e-4)
  }
})

test_that("they are those of package marginaleffects", {
  skip_without("marginaleffects", "insight", "nnet")
  skip_if(getRversion() < "4.4", "marginaleffects needs R 4.4")
  b <- hook_data()
  for (formula in list(low ~ age + lwt + race + smoke, race ~ age + lwt + smoke)) {
    fit <- linclass(formula, b)
    theirs <- as.data.frame(marginaleffects::avg_slopes(fit))
    ours <- marginal_effects(fit)
    group <- if (is.null(theirs$group)) ours$class else theirs$group
    at <- match(paste(ours$variable, ours$contrast, ours$class),
                paste(theirs$term, theirs$contrast, group))
    expect_equal(ours$estimate, theirs$estimate[at], tolerance = 1e-5)
    expect_equal(ours$std.error, theirs$std.error[at], tolerance = 1e-3)
  }
})

test_that("on birthwt they have the values that marginaleffects 1.0.0 printed", {
  b <- hook_data()
  fit <- marginal_effects(linclass(low ~ age + lwt + race + smoke, b))
  expect_equal(fit$estimate, c(-0.004335353, -0.002415807, 0.243063109, 0.179439592, 0.209743485),
               tolerance = 1e-6)
  expect_equal(fit$std.error, c(0.006569023, 0.001190532, 0.105379651, 0.077064177, 0.072518528),
               tolerance = 1e-4)
})

test_that("factors, weights, offsets, robust covariance and matrices", {
  b <- hook_data()
  w <- rep(1:3, length.out = nrow(b))
  fit <- linclass(low ~ age + race, b, weights = w)
  set <- function(level) predict(fit, transform(b, race = factor(level, levels(race))), type = "response")
  got <- marginal_effects(fit, "race")
  expect_identical(got$contrast, c("black - white", "other - white"))
  expect_equal(got$estimate, c(weighted.mean(set("black") - set("white"), w),
                               weighted.mean(set("other") - set("white"), w)), tolerance = 1e-12)
  expect_equal(marginal_effects(fit, "race", b, weights = w), got)
  twice <- marginal_effects(fit, "age", vcov = 4 * vcov(fit))
  expect_equal(twice$std.error, 2 * marginal_effects(fit, "age")$std.error)
  shifted <- linclass(low ~ age, b, offset = lwt / 100)
  p <- predict(shifted, type = "prob")[, 2]
  expect_equal(marginal_effects(shifted)$estimate, unname(mean(p * (1 - p)) * coef(shifted)["age"]),
               tolerance = 1e-9)
  x <- as.matrix(b[c("age", "lwt")])
  expect_equal(marginal_effects(linclass(x, b$low))$estimate,
               marginal_effects(linclass(low ~ age + lwt, b))$estimate, tolerance = 1e-9)
  expect_equal(marginal_effects(linclass(race ~ age, b, coding = "symmetric")),
               marginal_effects(linclass(race ~ age, b)), tolerance = 1e-6)
})

test_that("where there is no covariance it says why; unknown variables are refused", {
  b <- hook_data()
  lasso <- marginal_effects(linclass(low ~ age + lwt, b, lambda = 0.01))
  expect_named(lasso, c("variable", "contrast", "class", "estimate"))
  expect_match(attr(lasso, "why_no_se"), "biased")
  expect_topic(marginal_effects(linclass(low ~ age, b), "agee"), "argument", "agee")
  expect_topic(marginal_effects(linclass(low ~ age, b), newdata = b[0, ]), "newdata", "no rows")
  expect_topic(marginal_effects(linclass(low ~ age, b, loss = "hinge", lambda = 1, alpha = 0)),
               "no_probability")
})
