# Results that others printed: estimates, standard errors, deviances, to the digits they gave.

as_printed <- function(actual, printed) {
  digits <- vapply(strsplit(printed, ".", fixed = TRUE), function(v) if (length(v) > 1L) nchar(v[2L]) else 0L, 1L)
  # Half a unit of the last digit, and some for numbers that were rounded twice.
  expect_lte(max(abs(unname(actual) - as.numeric(printed)) * 10^digits), 0.55)
}

wald <- function(fit) summary(fit)$coefficients[, 1:2]

test_that("Spector and Mazzeo (1980): Greene's table, Stata's and statsmodels' example of a logit", {
  d <- data.frame(
    gpa = c(2.66, 2.89, 3.28, 2.92, 4, 2.86, 2.76, 2.87, 3.03, 3.92, 2.63, 3.32, 3.57, 3.26, 3.53, 2.74, 2.75, 2.83,
            3.12, 3.16, 2.06, 3.62, 2.89, 3.51, 3.54, 2.83, 3.39, 2.67, 3.65, 4, 3.1, 2.39),
    tuce = c(20, 22, 24, 12, 21, 17, 17, 21, 25, 29, 20, 23, 23, 25, 26, 19, 25, 19, 23, 25, 22, 28, 14, 26, 24, 27,
             17, 24, 21, 23, 21, 19),
    psi = rep(0:1, c(18, 14)),
    grade = c(0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0, 0, 1, 0, 1, 0, 0, 1, 1, 1, 0, 1, 1, 0, 1))
  fit <- linclass(grade ~ gpa + tuce + psi, d)
  as_printed(coef(fit), c("-13.0213", "2.8261", "0.0952", "2.3787"))
  as_printed(wald(fit)[, 2], c("4.931", "1.263", "0.142", "1.065"))
  as_printed(as.numeric(logLik(fit)), "-12.890")
  as_printed(summary(fit)$null.deviance / -2, "-20.592")
  effects <- marginal_effects(fit)
  as_printed(effects$estimate[match(c("gpa", "tuce"), effects$variable)], c("0.3626", "0.0122"))
})

test_that("Bliss (1935): counts of beetles, as Dobson has them", {
  dose <- c(1.6907, 1.7242, 1.7552, 1.7842, 1.8113, 1.8369, 1.8610, 1.8839)
  killed <- c(6, 13, 18, 28, 52, 53, 61, 60)
  n <- c(59, 60, 62, 56, 63, 59, 62, 60)
  fit <- linclass(cbind(killed, n - killed) ~ dose)
  as_printed(wald(fit), c("-60.717", "34.270", "5.181", "2.912"))
  as_printed(c(deviance(fit), df.residual(fit), summary(fit)$null.deviance, AIC(fit)),
             c("11.232", "6", "284.20", "41.43"))
})

test_that("Dalal, Fowlkes and Hoadley (1989): O-rings", {
  temperature <- c(66, 70, 69, 68, 67, 72, 73, 70, 57, 63, 70, 78, 67, 53, 67, 75, 70, 81, 76, 79, 75, 76, 58)
  fail <- c(0, 1, 0, 0, 0, 0, 0, 0, 1, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 1, 0, 1)
  fit <- linclass(fail ~ temperature)
  as_printed(wald(fit), c("15.0429", "-0.2322", "7.3786", "0.1082"))
  as_printed(c(deviance(fit), summary(fit)$null.deviance, df.residual(fit)), c("20.315", "28.267", "21"))
})

test_that("Venables and Ripley (2002, 7.2): low birth weight, and satisfaction of tenants", {
  skip_if_not_installed("MASS")
  b <- transform(MASS::birthwt, race = factor(race), ptd = ptl > 0, ftv = cut(ftv, c(-1, 0, 1, Inf)))
  fit <- linclass(low ~ age + lwt + race + smoke + ptd + ht + ui + ftv, b)
  as_printed(coef(fit), c("0.82302", "-0.03723", "-0.01565", "1.19241", "0.74068", "0.75553", "1.34376", "1.91317",
                          "0.68020", "-0.43638", "0.17901"))
  # glm() prints the errors of its last step but one: the fifth digit is not theirs.
  as_printed(wald(fit)[, 2], c("1.245", "0.0387", "0.0071", "0.536", "0.462", "0.425", "0.481", "0.721", "0.464",
                               "0.479", "0.456"))
  as_printed(c(deviance(fit), df.residual(fit), AIC(fit)), c("195.48", "178", "217.48"))
  tenants <- linclass(Sat ~ Infl + Type + Cont, MASS::housing, weights = Freq)
  as_printed(c(deviance(tenants), AIC(tenants)), c("3470.084", "3498.084"))
})

test_that("two small separated sets that SAS, Stata and R warn about (UCLA)", {
  y <- c(0, 0, 0, 0, 1, 1, 1, 1, 1, 1)
  x1 <- c(1, 2, 3, 3, 3, 4, 5, 6, 10, 11)
  x2 <- c(3, 0, -1, 4, 1, 0, 2, 7, 3, 4)
  fit <- suppressWarnings(linclass(y ~ x1 + x2))
  expect_identical(fit$separation$kind, "quasi")
  expect_identical(fit$separation$columns, "x1")
  as_printed(wald(fit)["x2", ], c("-0.1206257", "0.6098361"))
  as_printed(deviance(fit) / -2, "-1.890")
  complete <- suppressWarnings(linclass(y ~ x1 + x2, subset = -5))
  expect_identical(complete$separation$kind, "complete")
  expect_true(complete$separation$proved)
})

test_that("Heinze and Schemper (2002): endometrial cancer, and Firth's estimates as brglm2 prints them", {
  endometrial <- utils::read.csv(test_path("fixtures", "endometrial.csv"))
  firth <- linclass(HG ~ NV + PI + EH, endometrial, bias_reduction = "firth")
  as_printed(wald(firth), c("3.77456", "2.92927", "-0.03475", "-2.60416", "1.48869", "1.55076", "0.03958", "0.77602"))
  plain <- suppressWarnings(linclass(HG ~ NV + PI + EH, endometrial))
  as_printed(wald(plain)[c("PI", "EH"), ], c("-0.0422", "-2.9026", "0.0443", "0.8456"))
})

test_that("Heinze and Ploner (logistf): urinary tract infections, sex2, by Firth's method", {
  sex2 <- utils::read.csv(test_path("fixtures", "sex2.csv"))
  fit <- linclass(case ~ age + oc + vic + vicl + vis + dia, sex2, weights = count, bias_reduction = "firth")
  # Estimates and profile limits that logistf 1.26.1 finds with tolerances of 1e-12 and 1e-9.
  estimate <-
    c(0.1202540491, -1.105981331, -0.06881672706, 2.268874652, -2.111408185, -0.7883169514,
      3.096011827)
  lower <-
    c(-0.8185591064, -1.973788383, -0.9414363302, 1.273021571, -3.260861118, -1.60808789, 0.7745681692)
  upper <-
    c(1.073151216, -0.3074251416, 0.7892020213, 3.435432731, -1.117734947, 0.01518467907, 8.030293522)
  expect_equal(unname(coef(fit)), estimate, tolerance = 1e-8)
  expect_equal(unname(confint(fit)), cbind(lower, upper, deparse.level = 0), tolerance = 1e-8)
  # Errors by the information at the estimate, as brglm2 0.9 has them; those of logistf are of its augmented data.
  error <-
    c(0.4855415059, 0.4236601287, 0.4437934459, 0.548415959, 0.5430823549, 0.4173675658, 1.675008414)
  expect_equal(unname(wald(fit)[, 2]), error, tolerance = 1e-6)
})

test_that("Schoener (1970), as McCullagh and Nelder have it: lizards, by Firth's method", {
  lizards <- utils::read.csv(test_path("fixtures", "lizards.csv"))
  levels <- list(height = c("<5ft", ">=5ft"), diameter = c("<=2in", ">2in"), light = c("sunny", "shady"),
                 time = c("early", "midday", "late"))
  lizards[names(levels)] <- Map(factor, lizards[names(levels)], levels)
  fit <- linclass(cbind(grahami, opalinus) ~ height + diameter + light + time, lizards, bias_reduction = "firth")
  # brglm2 0.9, type = "MPL_Jeffreys", epsilon = 1e-12.
  estimate <-
    c( 1.90183309, 1.106426282, -0.7536292103, -0.8176592818, 0.227960385, -0.7273111108)
  error <-
    c(0.3373533542, 0.2544032839, 0.2102715217, 0.3186057462, 0.2488410804, 0.2974581603)
  expect_equal(unname(coef(fit)), estimate, tolerance = 1e-9)
  expect_equal(unname(wald(fit)[, 2]), error, tolerance = 1e-9)
})
