# A fit as a glm, and what the response of counts, several classes and other packages ask of the same numbers.

birth <- function() {
  skip_without("MASS")
  b <- MASS::birthwt
  b$race <- factor(b$race, labels = c("white", "black", "other"))
  b$w <- 1 + seq_len(nrow(b)) %% 3
  b$none <- b$w * (seq_len(nrow(b)) %% 7 != 0)
  b$shift <- sin(seq_len(nrow(b)))
  b$double <- 2 * b$age - b$lwt
  b
}

table_of_counts <- function() {
  d <- birth()
  stats::aggregate(cbind(hit = low, miss = 1 - low) ~ race + smoke + ht, d, sum)
}

exact <- list(epsilon = 1e-12, maxit = 100)

pairs_of_fits <- function() {
  b <- birth()
  holes <- transform(b, lwt = replace(lwt, c(3, 20, 77), NA))
  counts <- table_of_counts()
  list(
    plain = list(linclass(low ~ age + lwt + race, b), glm(low ~ age + lwt + race, binomial, b, control = exact)),
    weighted = list(linclass(low ~ age + race, b, weights = w),
                    glm(low ~ age + race, binomial, b, weights = w, control = exact)),
    none = list(linclass(low ~ age + race, b, weights = none),
                glm(low ~ age + race, binomial, b, weights = none, control = exact)),
    shifted = list(linclass(low ~ lwt + offset(shift), b, offset = shift / 2),
                   glm(low ~ lwt + offset(shift), binomial, b, offset = shift / 2, control = exact)),
    holes = list(linclass(low ~ age + lwt, holes, na.action = na.exclude),
                 glm(low ~ age + lwt, binomial, holes, na.action = na.exclude, control = exact)),
    aliased = list(suppressWarnings(linclass(low ~ age + lwt + double + race, b)),
                   glm(low ~ age + lwt + double + race, binomial, b, control = list(epsilon = 1e-10))),
    through_zero = list(linclass(low ~ 0 + age + lwt, b), glm(low ~ 0 + age + lwt, binomial, b, control = exact)),
    counts = list(linclass(cbind(hit, miss) ~ race + smoke, counts),
                  glm(cbind(hit, miss) ~ race + smoke, binomial, counts, control = exact)))
}

test_that("as_glm() is the object of glm()", {
  parts <- c("coefficients", "residuals", "fitted.values", "rank", "linear.predictors", "deviance", "aic",
             "null.deviance", "weights", "prior.weights", "df.residual", "df.null", "y", "xlevels", "contrasts",
             "offset")
  pairs <- pairs_of_fits()
  for (name in names(pairs)) {
    g <- as_glm(pairs[[name]][[1]])
    h <- pairs[[name]][[2]]
    tolerance <- if (name == "aliased") 1e-5 else 1e-6
    for (part in parts) expect_equal(g[[part]], h[[part]], tolerance = tolerance, info = paste(name, part))
    expect_equal(coef(summary(g)), coef(summary(h)), tolerance = tolerance, info = name)
    expect_equal(abs(g$effects), abs(h$effects), tolerance = 1e-4, info = name)
    for (of in list(dffits, covratio, function(m) influence.measures(m)$infmat, function(m) dfbetas(m))) {
      expect_equal(of(g), of(h), tolerance = 1e-4, info = name)
    }
  }
})

test_that("as_glm() takes logistic fits by formula with standard errors", {
  b <- birth()
  expect_topic(as_glm(linclass(low ~ age, b, lambda = 0.1)), "no_vcov")
  expect_topic(as_glm(linclass(race ~ age, b)), "argument", "two classes")
  expect_topic(as_glm(linclass(as.matrix(b["age"]), b$low)), "formula")
  expect_topic(as_glm(lm(low ~ age, b)), "argument")
})

test_that("a row of counts is one observation, as in glm()", {
  pair <- pairs_of_fits()$counts
  for (of in list(logLik, AIC, BIC, deviance, nobs, df.residual, extractAIC, function(m) anova(m)[["Resid. Dev"]],
                  function(m) anova(m)[["Resid. Df"]], function(m) sum(residuals(m)^2), sigma)) {
    expect_equal(unlist(of(pair[[1]])), unlist(of(pair[[2]])), tolerance = 1e-7, ignore_attr = TRUE)
  }
  counts <- table_of_counts()
  g <- glm(cbind(hit, miss) ~ race + smoke, binomial, counts, control = exact)
  expect_equal(unlist(drop1(pair[[1]])[c("Deviance", "AIC")]), unlist(drop1(g)[c("Deviance", "AIC")]))
  s <- summary(pair[[1]])
  expect_equal(c(s$null.deviance, s$df.null, s$aic), unlist(pair[[2]][c("null.deviance", "df.null", "aic")]),
               ignore_attr = TRUE)
  expect_match(paste(capture.output(pair[[1]]), collapse = " "), "11 rows of counts \\(189 trials\\)")
  # Twice the weight of each row is twice its log-likelihood; a row without trials is none.
  twice <- linclass(cbind(hit, miss) ~ race + smoke, counts, weights = rep(2, nrow(counts)))
  expect_equal(as.numeric(logLik(twice)), 2 * as.numeric(logLik(pair[[1]])))
  empty <- rbind(counts, transform(counts[1, ], hit = 0, miss = 0))
  expect_equal(nobs(linclass(cbind(hit, miss) ~ race + smoke, empty)), nrow(counts))
  expect_topic(anova(pair[[1]], linclass(low ~ race + smoke, birth())), "argument")
})

test_that("the likelihood of counts of several classes is the multinomial one", {
  y <- cbind(a = c(5, 2, 0, 4, 3, 7), b = c(1, 4, 6, 2, 2, 0), c = c(2, 2, 3, 8, 1, 4))
  d <- data.frame(x = c(-1, 0.5, 2, 1, 0, -2))
  fit <- linclass(y ~ x, d)
  p <- predict(fit, d, type = "prob")
  log_lik <- sum(vapply(1:6, function(i) dmultinom(y[i, ], prob = p[i, ], log = TRUE), 1))
  best <- sum(vapply(1:6, function(i) dmultinom(y[i, ], prob = y[i, ], log = TRUE), 1))
  expect_equal(as.numeric(logLik(fit)), log_lik)
  expect_equal(deviance(fit), 2 * (best - log_lik))
  expect_equal(sum(residuals(fit)^2), deviance(fit))
  expect_equal(anova(fit)[["Resid. Dev"]][2], deviance(fit))
  path <- linclass_path(y ~ x, d, lambda = c(0.1, 0))
  expect_equal(unname(deviance(path)[2]), deviance(fit), tolerance = 1e-6)
  expect_equal(path$points$deviance_ratio[2], 1 - deviance(fit) / summary(fit)$null.deviance, tolerance = 1e-6)
})

test_that("terms and working residuals of several classes are those of the two-class fit and of Newton's step", {
  b <- birth()
  two <- linclass(low ~ age + race, b)
  soft <- linclass(low ~ age + race, b, loss = "softmax", coding = "reference")
  for (type in c("terms", "link")) {
    a <- predict(soft, b, type = type)
    if (type == "link") a <- a[, 2]
    expect_equal(a, predict(two, b, type = type), tolerance = 1e-6, ignore_attr = TRUE)
  }
  for (type in c("working", "partial")) {
    expect_equal(residuals(soft, type), as.matrix(residuals(two, type)), tolerance = 1e-5, ignore_attr = TRUE)
  }
  three <- linclass(race ~ age + lwt, b)
  parts <- predict(three, b, type = "terms")
  expect_identical(colnames(parts), c("black:age", "black:lwt", "other:age", "other:lwt"))
  scores <- parts[, 1:2] %*% c(1, 1) + attr(parts, "constant")[["black"]]
  expect_equal(drop(scores), predict(three, b, type = "link")[, "black"], ignore_attr = TRUE)
  se <- predict(three, b[1:2, ], type = "terms", se.fit = TRUE)$se.fit
  V <- vcov(three)["other:age", "other:age"]
  expect_equal(se[, "other:age"], abs(b$age[1:2] - mean(b$age)) * sqrt(V), ignore_attr = TRUE)
  r <- residuals(three, "working")
  p <- fitted(three, "prob")
  y <- outer(b$race, levels(b$race), `==`) + 0
  S <- diag(p[1, -1]) - tcrossprod(p[1, -1])
  expect_equal(r[1, ], solve(S, (y - p)[1, -1]), ignore_attr = TRUE)
  expect_equal(summary(three)$standard.errors["other", "age"], sqrt(V))
})

test_that("calls lose arguments that they do not have", {
  b <- birth()
  fit <- linclass(low ~ age, b)
  expect_equal(coef(update(fit, weights = NULL)), coef(fit))
  expect_equal(coef(update(linclass(low ~ age, b, weights = w), weights = NULL)), coef(fit))
})

test_that("aliased columns are combinations of the others, and levels have their coefficients", {
  b <- birth()
  fit <- suppressWarnings(linclass(low ~ age + lwt + double + race, b))
  g <- glm(low ~ age + lwt + double + race, binomial, b)
  expect_equal(alias(fit)$Complete, alias(g)$Complete, tolerance = 1e-8, ignore_attr = TRUE)
  expect_identical(labels(fit), c("age", "lwt", "race"))
  expect_null(alias(linclass(low ~ age, b))$Complete)
  contrasted <- linclass(low ~ age * race, b, contrasts = list(race = "contr.sum"))
  h <- glm(low ~ age * race, binomial, b, contrasts = list(race = "contr.sum"), control = exact)
  expect_equal(dummy.coef(contrasted), dummy.coef(h), tolerance = 1e-6)
  expect_equal(unname(dummy.coef(linclass(smoke ~ race, b))$race[["white"]]), 0)
  expect_named(dummy.coef(linclass(race ~ age + factor(smoke), b)), c("black", "other"))
  expect_equal(kappa(contrasted), kappa(h), tolerance = 1e-4)
})

test_that("softmax has HC2 and HC3: of two classes those of glm, of others what leaving a row out gives", {
  skip_without("sandwich")
  b <- birth()
  g <- glm(low ~ age + race, binomial, b, control = exact)
  for (coding in c("reference", "symmetric")) {
    soft <- linclass(low ~ age + race, b, loss = "softmax", coding = coding)
    for (type in c("HC2", "HC3")) {
      V <- sandwich::vcovHC(soft, type = type)
      if (coding == "symmetric") V <- 4 * V[5:8, 5:8] # the score of two classes is twice that of one
      expect_equal(V, sandwich::vcovHC(g, type = type), tolerance = 1e-5, ignore_attr = TRUE)
    }
  }
  # HC3 is the sum of squares of dfbeta, the step that leaves a row out.
  three <- linclass(race ~ age + lwt, b)
  expect_equal(sandwich::vcovHC(three), crossprod(dfbeta(three)), tolerance = 1e-10, ignore_attr = TRUE)
  expect_topic(sandwich::vcovHC(three, type = "HC4"), "argument", "matrix")
})

test_that("Wald tests of nested fits are those of glm(), and quadratic forms for several classes", {
  skip_without("lmtest")
  b <- birth()
  fit <- linclass(low ~ age + race, b)
  g <- glm(low ~ age + race, binomial, b, control = exact)
  for (test in c("F", "Chisq")) {
    expect_numbers(lmtest::waldtest(fit, "race", test = test), lmtest::waldtest(g, "race", test = test), 1e-6)
  }
  expect_numbers(lmtest::waldtest(fit), lmtest::waldtest(g), 1e-6)
  three <- linclass(race ~ age + lwt, b)
  table <- lmtest::waldtest(three, "age")
  at <- c("black:age", "other:age")
  value <- coef(three, format = "vector")[at]
  expect_equal(table$Chisq[2], sum(value * solve(vcov(three)[at, at], value)), tolerance = 1e-8)
  expect_identical(table$Df[2], -2)
  expect_topic(lmtest::waldtest(suppressWarnings(linclass(low ~ age + I(2 * age), b)), 1), "argument")
  path <- linclass_path(low ~ age + lwt, b)
  expect_topic(lmtest::waldtest(path), "argument", "single fit")
})

test_that("clubSandwich and car see a glm", {
  skip_without("clubSandwich", "car")
  b <- birth()
  for (pair in pairs_of_fits()[c("plain", "weighted")]) {
    for (type in c("CR0", "CR2")) {
      expect_equal(as.matrix(clubSandwich::vcovCR(pair[[1]], b$ftv, type = type)),
                   as.matrix(clubSandwich::vcovCR(pair[[2]], b$ftv, type = type)), tolerance = 1e-6)
    }
    test <- function(m) clubSandwich::coef_test(m, "CR2", cluster = b$ftv)[c("SE", "df_Satt")]
    expect_numbers(test(pair[[1]]), test(pair[[2]]), 1e-6)
    expect_numbers(car::Anova(pair[[1]], test.statistic = "Wald"), car::Anova(pair[[2]], test.statistic = "Wald"),
                   1e-6)
  }
  expect_topic(clubSandwich::vcovCR(linclass(race ~ age, b), b$ftv, type = "CR0"), "argument")
  plain <- pairs_of_fits()$plain
  both <- function(test) lapply(plain, car::linearHypothesis, "raceblack = raceother", test = test)
  for (test in c("Chisq", "F")) expect_numbers(both(test)[[1]], both(test)[[2]], 1e-6)
  expect_equal(car::outlierTest(plain[[1]])$rstudent, car::outlierTest(plain[[2]])$rstudent, tolerance = 1e-6)
  expect_equal(car::Confint(linclass(race ~ age, b))[, 1], coef(linclass(race ~ age, b), format = "vector"))
  expect_topic(car::vif(linclass(race ~ age + lwt, b)), "argument")
})

test_that("easystats sees a glm, robust errors included", {
  skip_without("insight", "parameters", "performance", "sandwich")
  b <- birth()
  # performance evaluates the call of a glm where it does not see the data.
  pair <- list(linclass(low ~ age + lwt + race, b),
               do.call(glm, list(low ~ age + lwt + race, quote(binomial), b, control = exact)))
  for (of in list(performance::r2, performance::r2_mcfadden, performance::r2_coxsnell, performance::r2_nagelkerke,
                  performance::performance_logloss)) {
    expect_equal(unlist(of(pair[[1]])), unlist(of(pair[[2]])), tolerance = 1e-6)
  }
  robust <- function(m) as.data.frame(parameters::model_parameters(m, vcov = "HC3", ci_method = "wald"))$SE
  expect_equal(robust(pair[[1]]), robust(pair[[2]]), tolerance = 1e-6)
  expect_true(insight::model_info(pair[[1]])$is_bernoulli)
  expect_false(insight::model_info(pairs_of_fits()$counts[[1]])$is_bernoulli)
  three <- linclass(race ~ age + lwt, birth())
  expect_topic(parameters::model_parameters(three, vcov = "HC3"), "argument", "coeftest")
  skip_without("nnet")
  m <- do.call(nnet::multinom, list(race ~ age + lwt, b, trace = FALSE, reltol = 1e-14, maxit = 1000))
  # (Of multinom() it counts other parameters in the adjusted measure.)
  expect_equal(performance::r2_mcfadden(three)$R2, performance::r2_mcfadden(m)$R2, tolerance = 1e-5)
})

test_that("columns beyond the norms of a glm object are refused in words", {
  cars <- transform(mtcars, wt = wt * 3e307)
  expect_topic(as_glm(linclass(am ~ wt, cars)), "argument", "give column `wt` other")
})
