# Firth's penalised likelihood. Reference values: brglm2 0.9 (brglmFit, type = "AS_mean", epsilon = 1e-13) for estimates
# and standard errors; logistf 1.26 with all tolerances 1e-12 for penalised log-likelihood, profile limits and the
# ratios of drop1(); brmultinom() (epsilon = 1e-10) for three classes. All to the digits given.

# Endometrial cancer, of Heinze and Schemper (2002): NV separates in part.
endometrial <- utils::read.csv(test_path("fixtures", "endometrial.csv"))

three <- data.frame(
  y = factor(rep(c("a", "b", "c"), c(8, 7, 9))), w = rep(c(1, 2, 1), 8),
  x = c(1, 2, 3, 4, 2, 1, 5, 3, 4, 5, 6, 3, 5, 7, 6, 6, 8, 7, 9, 8, 7, 5, 9, 8))

cells <- function(a, b, c, d) data.frame(y = c(1, 0, 1, 0), g = c(0, 0, 1, 1), n = c(a, b, c, d))

# The adjusted score, by the formula: X'(w (y - p) + h (1/2 - p)).
adjusted_score <- function(fit, y) {
  X <- as.matrix(model.matrix(fit))
  p <- fitted(fit)
  drop(crossprod(X, weights(fit) * (y - p) + hatvalues(fit) * (0.5 - p)))
}

test_that("a saturated table has a half added to each cell", {
  for (counts in list(c(3, 2, 0, 3), c(5, 0, 0, 4), c(10, 3, 2, 8))) {
    table <- do.call(cells, as.list(counts))
    fit <- linclass(y ~ g, table, weights = n, bias_reduction = "firth")
    odds <- log((counts[c(1, 3)] + 0.5) / (counts[c(2, 4)] + 0.5))
    expect_equal(unname(coef(fit)), c(odds[1L], diff(odds)), tolerance = 1e-9)
  }
  # k classes and no features: the same in each class
  fit <- linclass(y ~ 1, three, bias_reduction = "firth")
  expect_equal(unname(coef(fit)[, 1L]), log(c(7.5, 9.5) / 8.5), tolerance = 1e-9)
})

test_that("estimates, errors, likelihood, profiles and tests are those of brglm2 and logistf", {
  fit <- linclass(HG ~ NV + PI + EH, endometrial, bias_reduction = "firth")
  expect_equal(unname(coef(fit)), c(3.774559714, 2.929273353, -0.03475175987, -2.604163925), tolerance = 1e-8)
  expect_equal(unname(sqrt(diag(vcov(fit)))), c(1.488691663, 1.550763729, 0.03957814735, 0.7760176425),
               tolerance = 1e-8)
  expect_equal(as.numeric(logLik(fit)), -24.0372678, tolerance = 1e-8)
  expect_equal(unname(confint(fit)), cbind(c(1.082537108, 0.6097244363, -0.1244587209, -4.365183247),
                                           c(7.209280498, 7.854631714, 0.04045547318, -1.232721057)),
               tolerance = 1e-7)
  expect_equal(drop1(fit, test = "Chisq")$LRT[-1L], c(6.798457249, 0.7468285134, 17.75931748), tolerance = 1e-7)
  expect_equal(unname(adjusted_score(fit, endometrial$HG)), double(4L), tolerance = 1e-7)
  expect_true(fit$certificate$met && fit$separation$kind == "none")
})

test_that("three classes are those of brmultinom, in either coding", {
  fit <- linclass(y ~ x, three, weights = w, bias_reduction = "firth")
  expect_equal(as.vector(t(coef(fit))), c(-4.79444907, 1.17711799, -11.8081713, 2.2739534), tolerance = 1e-7)
  expect_equal(unname(sqrt(diag(vcov(fit)))), c(1.98263298, 0.479400069, 3.75493278, 0.684155051), tolerance = 1e-6)
  same <- linclass(y ~ x, three, weights = w, bias_reduction = "firth", coding = "symmetric")
  expect_equal(coef(same, coding = "reference"), coef(fit), tolerance = 1e-8)
  expect_equal(drop1(same, test = "Chisq"), drop1(fit, test = "Chisq"), tolerance = 1e-7)
  expect_error(confint(same), class = "linclass_error_coding")
  # a limit is where the penalised likelihood has fallen by half the quantile
  design <- training_data(fit)
  limits <- confint(fit)
  expect_equal(rownames(limits), names(coef(fit, format = "vector")))
  for (i in seq_len(nrow(limits))) {
    for (side in 1:2) {
      expect_equal(profile_point(fit, design, i, limits[i, side])$z, qnorm(c(0.025, 0.975))[side], tolerance = 1e-6)
    }
  }
})

test_that("layouts, joined rows, counts, weights, offsets and units make no difference", {
  set.seed(3)
  d <- data.frame(f = factor(sample(letters[1:4], 300, TRUE)), x = round(rnorm(300), 1), o = rep(c(-0.5, 0, 1), 100),
                  w = rep(c(1, 2, 0), each = 100))
  d$y <- rbinom(300, 1, plogis(d$x + (d$f == "b")))
  fit <- linclass(y ~ f + x, d, weights = w, offset = o, bias_reduction = "firth")
  kept <- d[rep(1:300, d$w), ]
  X <- model.matrix(~ f + x, kept)[, -1L]
  by_matrix <- linclass(X, kept$y, offset = kept$o, bias_reduction = "firth")
  sparse <- linclass(Matrix::Matrix(X, sparse = TRUE), kept$y, offset = kept$o, bias_reduction = "firth")
  for (other in list(by_matrix, sparse)) {
    expect_equal(coef(other), coef(fit), tolerance = 1e-8)
    expect_equal(c(logLik(other)), c(logLik(fit)), tolerance = 1e-10)
  }
  expect_equal(unname(adjusted_score(by_matrix, kept$y)), double(5L), tolerance = 1e-7)
  far <- linclass(cbind(X[, 1:3], x = 1e5 + 1e-3 * X[, 4L]), kept$y, offset = kept$o, bias_reduction = "firth")
  expect_equal(coef(far)[-1L] * c(1, 1, 1, 1e-3), coef(fit)[-1L], tolerance = 1e-6)
  expect_equal(c(logLik(far)), c(logLik(fit)) + log(1e-3), tolerance = 1e-6)
  expect_equal(extractAIC(far), extractAIC(by_matrix), tolerance = 1e-6)
  counts <- aggregate(cbind(event = y, trials = 1) ~ f + o, d, sum)
  grouped <- linclass(cbind(event, trials - event) ~ f, counts, offset = o, bias_reduction = "firth")
  single <- linclass(y ~ f, d, offset = o, bias_reduction = "firth")
  expect_equal(coef(grouped), coef(single), tolerance = 1e-8)
  expect_warning(aliased <- linclass(y ~ x + I(2 * x) + f, d, bias_reduction = "firth"),
                 class = "linclass_warning_rank")
  expect_equal(coef(aliased)[-3L], coef(linclass(y ~ x + f, d, bias_reduction = "firth")), tolerance = 1e-8)
  expect_true(is.na(coef(aliased)[[3L]]) && all(is.na(confint(aliased)[3L, ])))
})

test_that("tests hold coefficients in the columns of the larger fit", {
  d <- transform(mtcars, cyl = factor(cyl))
  fit <- linclass(am ~ wt + cyl + qsec, d, bias_reduction = "firth")
  small <- linclass(am ~ wt, d, bias_reduction = "firth")
  table <- anova(small, fit)
  in_steps <- anova(fit)
  expect_equal(table$Deviance[2L], sum(in_steps$Deviance[3:4]), tolerance = 1e-7)
  expect_equal(table$Df[2L], 3)
  other_units <- linclass(am ~ I(wt / 1000) + cyl + I(qsec * 60), d, bias_reduction = "firth")
  expect_equal(anova(other_units)$Deviance, in_steps$Deviance, tolerance = 1e-6)
  added <- add1(small, ~ . + cyl + qsec, test = "Chisq")
  both <- anova(small, linclass(am ~ wt + cyl, d, bias_reduction = "firth"))
  expect_equal(added$LRT[2L], both$Deviance[2L], tolerance = 1e-7)
  expect_error(anova(linclass(am ~ qsec + hp, d, bias_reduction = "firth"), fit), class = "linclass_error_argument")
  expect_error(anova(linclass(am ~ wt, d), fit), class = "linclass_error_no_likelihood")
  expect_s3_class(step(fit, trace = 0), "linclass")
})

test_that("separated classes have finite estimates and no warning", {
  expect_silent(fit <- linclass(y ~ x, data.frame(y = c(0, 0, 0, 1, 1), x = 1:5), bias_reduction = "firth"))
  expect_equal(unname(adjusted_score(fit, c(0, 0, 0, 1, 1))), c(0, 0), tolerance = 1e-7)
  expect_true(all(is.finite(confint(fit))))
  expect_silent(linclass(Species ~ ., iris, bias_reduction = "firth"))
})

test_that("what has no bias reduction is refused in words", {
  cases <- list(
    list(list(lambda = 0.1), "penalty"), list(list(loss = "hinge"), "no_likelihood"),
    list(list(lower = 0), "bounds"), list(list(solver = "lbfgs"), "solver"),
    list(list(bias_reduction = "mean"), "argument"), list(list(bias_reduction = NULL), "argument"))
  for (case in cases) {
    arguments <- utils::modifyList(list(quote(am ~ wt), mtcars, bias_reduction = "firth"), case[[1L]], keep.null = TRUE)
    expect_error(do.call(linclass, arguments), class = paste0("linclass_error_", case[[2L]]))
  }
  skip_if_not_installed("lmtest")
  fit <- linclass(am ~ wt, mtcars, bias_reduction = "firth")
  expect_error(lmtest::lrtest(fit), class = "linclass_error_no_likelihood")
})

test_that("profile limits that a held intercept leaves without digits are NA with a warning, the others stand", {
  d <- transform(mtcars, day = 19000 + hp / 1000, centred = hp / 1000)
  far <- linclass(am ~ day + wt, d, bias_reduction = "firth")
  near <- confint(linclass(am ~ centred + wt, d, bias_reduction = "firth"))
  expect_equal(unname(suppressWarnings(confint(far))[-1L, ]), unname(near[-1L, ]), tolerance = 1e-5)
})

test_that("intercepts have profiles beside columns far from 0", {
  skip_if_not_installed("MASS")
  data <- transform(MASS::birthwt, year = 2000 + age / 10)
  fit <- linclass(low ~ year + smoke, data, bias_reduction = "firth")
  limits <- confint(fit, "(Intercept)", method = "profile")
  # The penalised likelihood with the intercept held, in the coordinates t, the score at the mean year, and smoke.
  X <- cbind(1, data$year - mean(data$year), data$smoke)
  lack <- function(b) {
    p <- plogis(drop(X %*% b))
    -2 * sum(log(ifelse(data$low == 1, p, 1 - p))) - determinant(crossprod(X, p * (1 - p) * X))$modulus[[1L]]
  }
  best <- optim(c(0, 0, 0), lack, method = "BFGS", control = list(reltol = 1e-14))
  for (limit in limits) {
    held <- function(b) lack(c(b[1L], (b[1L] - limit) / mean(data$year), b[2L]))
    rise <- optim(c(0, 0), held, method = "BFGS", control = list(reltol = 1e-14))$value - best$value
    expect_equal(rise, qchisq(0.95, 1), tolerance = 1e-6)
  }
  expect_equal(profile(fit, 1)[[1L]]$par.vals[6L, ], coef(fit), tolerance = 1e-6)
  # Far out the intercept is the slope times the distance.
  data <- transform(MASS::birthwt, year = 1e6 + age / 10, race = factor(race))
  several <- linclass(race ~ year + smoke, data, bias_reduction = "firth")
  limits <- confint(several, 1:5, method = "profile")
  expect_equal(unname(limits[c(1, 4), ]) / -1e6, unname(limits[c(2, 5), 2:1]), tolerance = 1e-4)
  # Maximum likelihood: as glm() has it.
  fit <- linclass(low ~ year + smoke, data)
  glm <- glm(low ~ year + smoke, binomial, data)
  limits <- suppressWarnings(suppressMessages(utils::getFromNamespace("confint.glm", "MASS")(glm, 1)))
  expect_equal(unname(confint(fit, 1, method = "profile")[1L, ]), unname(limits), tolerance = 1e-4)
})
