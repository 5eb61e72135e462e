# Standard errors of predictions, leverages, profiles and names, against glm() and differences.

skip_if_not_installed("MASS")
births <- transform(MASS::birthwt, race = factor(race), low = factor(low))
exact <- glm.control(epsilon = 1e-14, maxit = 50)
copies <- rep(c(0, 1, 2), 63)
hot <- transform(airquality, hot = factor(Temp > 80))
fits <- list(
  plain = list(linclass(low ~ age + lwt + race, births),
               glm(low ~ age + lwt + race, binomial, births, control = exact)),
  weights = list(linclass(low ~ lwt + race, births, weights = copies, offset = age / 20),
                 glm(low ~ lwt + race, binomial, births, weights = copies, offset = age / 20,
                     control = exact)),
  excluded = list(linclass(hot ~ Wind + Solar.R, hot, na.action = na.exclude),
                  glm(hot ~ Wind + Solar.R, binomial, hot, na.action = na.exclude, control = exact)))

test_that("influence and standard errors are those of glm", {
  for (name in names(fits)) {
    ours <- fits[[name]][[1L]]
    theirs <- fits[[name]][[2L]]
    for (f in list(hatvalues, cooks.distance, rstandard, rstudent, dfbeta, dfbetas)) {
      expect_equal(f(ours), f(theirs), tolerance = 1e-7, label = name)
    }
    expect_equal(rstandard(ours, type = "pearson"), rstandard(theirs, type = "pearson"), tolerance = 1e-7)
    for (type in c("link", "response", "terms")) {
      expect_equal(predict(ours, type = type, se.fit = TRUE)[1:2],
                   predict(theirs, type = type, se.fit = TRUE)[1:2], tolerance = 1e-7, ignore_attr = TRUE)
    }
    expect_equal(attr(predict(ours, type = "terms"), "constant"),
                 attr(predict(theirs, type = "terms"), "constant"), tolerance = 1e-7)
    expect_equal(confint(ours, method = "profile"), suppressMessages(confint(theirs)), tolerance = 1e-6,
                 ignore_attr = TRUE)
  }
  expect_error(hatvalues(linclass(low ~ age, births, lambda = 0.1)), class = "linclass_error_no_vcov")
  softmax <- linclass(race ~ age, births)
  for (f in list(rstandard, rstudent)) expect_error(f(softmax), class = "linclass_error_argument")
})

test_that("intervals are scores and errors, on the logistic scale for probabilities", {
  fit <- fits$plain[[1L]]
  link <- predict(fit, births, type = "link", se.fit = TRUE)
  expect_equal(predict(fit, births, se.fit = TRUE), link) # the default type, as in glm()
  z <- qnorm(0.95)
  limits <- predict(fit, births, type = "response", interval = "confidence", level = 0.9)
  expect_equal(unname(limits), unname(plogis(cbind(link$fit, link$fit - z * link$se.fit,
                                                   link$fit + z * link$se.fit))))
  expect_error(predict(fit, births, type = "class", se.fit = TRUE), class = "linclass_error_argument")
})

test_that("standard errors of several probabilities are those of the delta method", {
  fit <- linclass(race ~ age + lwt + smoke, births)
  X <- model.matrix(fit)
  probabilities <- function(theta) softmax(cbind(0, X %*% matrix(theta, ncol = 2L)))
  theta <- coef(fit, format = "vector")
  slopes <- lapply(seq_along(theta), function(i) {
    h <- replace(0 * theta, i, 1e-5 * max(abs(theta[i]), 1e-3))
    (probabilities(theta + h) - probabilities(theta - h)) / (2 * sum(h))
  })
  expected <- vapply(1:3, function(class) {
    J <- vapply(slopes, function(s) s[, class], double(nrow(X)))
    sqrt(rowSums((J %*% vcov(fit)) * J))
  }, double(nrow(X)))
  shown <- predict(fit, type = "prob", se.fit = TRUE, interval = "confidence")
  expect_equal(shown$se.fit, expected, tolerance = 1e-6, ignore_attr = TRUE)
  expect_identical(dimnames(shown$fit)[2:3], list(c("1", "2", "3"), c("fit", "lwr", "upr")))
  symmetric <- linclass(race ~ age + lwt + smoke, births, coding = "symmetric")
  expect_equal(predict(symmetric, type = "prob", se.fit = TRUE)$se.fit, shown$se.fit, tolerance = 1e-6)
})

test_that("penalised, bounded and margin fits refuse tests in words", {
  for (fit in list(linclass(low ~ age + lwt, births, lambda = 0.01),
                   linclass(low ~ age + lwt + race, births, upper = 2))) {
    expect_error(anova(fit), class = "linclass_error_no_likelihood")
    for (test in c("Chisq", "LRT")) {
      expect_error(drop1(fit, test = test), class = "linclass_error_no_likelihood")
      expect_error(add1(fit, ~ . + smoke, test = test), class = "linclass_error_no_likelihood")
    }
    expect_error(profile(fit), class = "linclass_error_no_likelihood")
    expect_error(predict(fit, se.fit = TRUE), class = "linclass_error_no_vcov")
    expect_named(drop1(fit), c("Df", "Deviance", "AIC"))
  }
  hinge <- linclass(low ~ age, births, loss = "hinge", lambda = 0.1, alpha = 0)
  expect_error(drop1(hinge), class = "linclass_error_no_likelihood")
})

test_that("nothing is matched by a name that two columns have", {
  d <- data.frame(g = factor(rep(1:2, 50)), g2 = sin(1:100), y = cos((1:100)^2) > 0)
  d$twice <- 2 * d$g2
  fit <- linclass(y ~ g + g2, d)
  theirs <- glm(y ~ g + g2, binomial, d, control = exact)
  expect_equal(unname(vcov(fit)), unname(vcov(theirs)), tolerance = 1e-6)
  expect_equal(unname(confint(fit)), # confint() of glm takes the same number for both columns
               unname(coef(theirs) + outer(sqrt(diag(vcov(theirs))), qnorm(c(0.025, 0.975)))), tolerance = 1e-6)
  expect_equal(predict(fit, d, se.fit = TRUE)[1:2], predict(theirs, d, se.fit = TRUE)[1:2], tolerance = 1e-6)
  aliased <- suppressWarnings(linclass(y ~ g + twice + g2, d))
  expect_identical(unname(is.na(diag(vcov(aliased)))), c(FALSE, FALSE, FALSE, TRUE))
  expect_identical(unname(is.na(confint(aliased)[, 1L])), c(FALSE, FALSE, FALSE, TRUE))
  expect_error(confint(fit, "g2"), class = "linclass_error_names")
  expect_equal(confint(fit, 3), confint(fit)[3, , drop = FALSE])
  expect_error(linclass(y ~ g + g2, d, lambda = 0.1, penalty_factor = c(g2 = 0)),
               class = "linclass_error_penalty")
  expect_error(linclass(y ~ g + g2, d, lower = c(g2 = 0)), class = "linclass_error_bounds")
  expect_error(linclass(y ~ g + g2, d, start = coef(fit)[c(1, 3, 2)][c("(Intercept)", "g2", "g2")][3:1]),
               class = "linclass_error_names")
  expect_equal(coef(linclass(y ~ g + g2, d, start = coef(fit))), coef(fit), tolerance = 1e-7)
})

test_that("predictions that an aliased fit does not determine warn", {
  d <- transform(births, twice = 2 * age, both = age + lwt)
  fit <- suppressWarnings(linclass(low ~ age + twice + lwt + both, d))
  expect_no_warning(predict(fit, d))
  off <- d[1:4, ]
  off$twice[2] <- 0
  expect_warn_topic(predict(fit, off), "rank_deficient", "rank-deficient")
  empty <- subset(births, !(race == "2" & smoke == 1))
  cells <- suppressWarnings(linclass(low ~ race * smoke, empty))
  expect_no_warning(predict(cells, empty))
  expect_warn_topic(predict(cells, data.frame(race = "2", smoke = 1)), "rank_deficient")
})

test_that("extra arguments of other packages pass and misspelt ones do not", {
  fit <- fits$plain[[1L]]
  expect_equal(vcov(fit, misc = 1), vcov(fit))
  expect_equal(predict(fit, births, unrelated_option = 1), predict(fit, births))
  expect_error(vcov(fit, complet = TRUE, dta = 1), class = "linclass_error_unused_argument")
  expect_error(predict(fit, newdta = births), class = "linclass_error_unused_argument")
  expect_error(predict(fit, births, s = 0.1), "paths", class = "linclass_error_unused_argument")
})

test_that("summaries, tables and certificates stay within 80 columns", {
  set.seed(1)
  cv <- linclass_cv(low ~ age + lwt + race + smoke, births, folds = 3, nlambda = 10)
  classes <- linclass(matrix(sin(1:6000), 300), factor(rep(letters[1:12], 25)), lambda = 0.01)
  long <- linclass(low ~ age + lwt + race + smoke + ptl + ht + ui + ftv + I(age^2) + log(lwt) +
                     poly(bwt, 2) + age:lwt, data = births, lambda = 0.1, alpha = 0.5)
  shown <- list(fits$plain[[1L]], summary(fits$plain[[1L]]), certificate(fits$plain[[1L]]), cv,
                summary(cv), summary(cv$path), summary(classes), long, linclass_losses(),
                linclass_solvers())
  for (object in shown) expect_lte(max(nchar(capture.output(print(object)))), 80)
  expect_match(capture.output(print(fits$plain[[1L]])), "AIC", all = FALSE)
  # A call that is cut is cut between words.
  call <- capture.output(print(long))[1:2]
  words <- strsplit(trimws(sub("Call:", "", call)), " +")
  expect_true(all(unlist(words) %in% c(strsplit(deparse1(long$call), " +")[[1L]], "...")))
})

test_that("a softmax of two classes has the leverages, distances and profiles of the logistic fit", {
  one <- linclass(low ~ age + lwt + race, births, weights = copies)
  two <- linclass(low ~ age + lwt + race, births, weights = copies, loss = "softmax")
  for (f in list(hatvalues, cooks.distance)) expect_equal(f(two), f(one), tolerance = 1e-8)
  expect_equal(unname(confint(two, method = "profile")), unname(confint(one, method = "profile")), tolerance = 1e-7)
})

test_that("leverages of several classes sum to the coefficients, and a step without a row leads near the fit without", {
  fit <- linclass(race ~ age + lwt, births)
  expect_equal(sum(hatvalues(fit)), 6, tolerance = 1e-9)
  worst <- which.max(cooks.distance(fit))
  without <- coef(fit, format = "vector") - coef(linclass(race ~ age + lwt, births[-worst, ]), format = "vector")
  expect_equal(dfbeta(fit)[worst, ], without, tolerance = 0.15)
  d <- dfbeta(fit)
  expect_equal(unname(cooks.distance(fit)), rowSums((d %*% solve(vcov(fit))) * d) / 6, tolerance = 1e-8,
               ignore_attr = TRUE)
  same <- linclass(race ~ age + lwt, births, coding = "symmetric")
  for (f in list(hatvalues, cooks.distance)) expect_equal(f(same), f(fit), tolerance = 1e-8)
  expect_error(profile(same), class = "linclass_error_coding")
})

test_that("profiles of softmax fall as the likelihood of fits with the coefficient held", {
  fit <- linclass(race ~ age + lwt, births)
  X <- model.matrix(fit)
  y <- as.integer(births$race)
  held <- profile(fit, "2:age")[["2:age"]]
  i <- nrow(held) - 1L
  value <- function(free) {
    theta <- append(free, held$par.vals[i, "2:age"], 1L)
    z <- cbind(0, X %*% matrix(theta, 3L))
    -sum(z[cbind(seq_along(y), y)] - log(rowSums(exp(z))))
  }
  best <- optim(held$par.vals[i, -2L], value, method = "BFGS", control = list(
    parscale = abs(held$par.vals[i, -2L]) + 1e-3, reltol = 1e-14, maxit = 500))
  expect_equal(held$z[i]^2, 2 * best$value - deviance(fit), tolerance = 1e-5)
})
