# Methods for broom (generics), sandwich, lmtest, car, multcomp, effects and emmeans against the same
# calls on glm() and multinom().

test_that("tidy() and glance() are broom's tables", {
  skip_without("broom", "generics")
  f <- hook_fits()
  expect_identical(names(generics::tidy(f$fit, conf.int = TRUE)), names(broom::tidy(f$glm, conf.int = TRUE)))
  expect_numbers(generics::tidy(f$fit), broom::tidy(f$glm))
  wald <- exp(confint.default(f$glm))
  expect_numbers(generics::tidy(f$fit, conf.int = TRUE, exponentiate = TRUE)[6:7], wald)
  expect_identical(names(generics::tidy(f$soft)), names(broom::tidy(f$multinom)))
  expect_identical(generics::tidy(f$soft)$term, broom::tidy(f$multinom)$term)
  expect_numbers(generics::tidy(f$soft), broom::tidy(f$multinom), 1e-5)
  expect_identical(names(generics::glance(f$fit)), names(broom::glance(f$glm)))
  expect_numbers(generics::glance(f$fit), broom::glance(f$glm))
  expect_numbers(generics::glance(f$soft)[c("deviance", "AIC", "nobs")],
                 broom::glance(f$multinom)[c("deviance", "AIC", "nobs")])
})

test_that("fits without standard errors have penalties in tidy(), and refuse intervals", {
  skip_without("generics")
  f <- hook_fits()
  expect_identical(names(generics::tidy(f$lasso)), c("term", "estimate", "penalty"))
  expect_topic(generics::tidy(f$lasso, conf.int = TRUE), "no_vcov", "biased")
  expect_true(is.na(generics::glance(f$svm)$logLik))
})

test_that("tidy() and glance() of a path are those of glmnet", {
  skip_without("broom", "generics", "glmnet")
  b <- hook_data()
  x <- as.matrix(b[c("age", "lwt", "smoke", "ptl")])
  ours <- linclass_path(x, b$low, nlambda = 5)
  theirs <- glmnet::glmnet(x, b$low, "binomial", lambda = ours$lambda, thresh = 1e-14)
  table <- as.data.frame(generics::tidy(ours, return_zeros = TRUE))
  glmnet <- as.data.frame(broom::tidy(theirs, return_zeros = TRUE))
  expect_identical(names(table), names(glmnet))
  key <- function(t) order(t$step, match(t$term, c("(Intercept)", colnames(x))))
  expect_equal(table$estimate[key(table)], glmnet$estimate[key(glmnet)], tolerance = 1e-4)
  expect_equal(nrow(generics::tidy(ours)), sum(table$estimate != 0))
  set.seed(1)
  cv <- linclass_cv(x, b$low, nlambda = 5, folds = 3)
  expect_named(generics::tidy(cv), names(broom::tidy(glmnet::cv.glmnet(x, b$low, family = "binomial"))))
  expect_identical(generics::glance(cv)$lambda.min, cv$lambda.min)
})

test_that("augment() has broom's columns", {
  skip_without("broom", "generics")
  f <- hook_fits()
  ours <- generics::augment(f$fit)
  theirs <- broom::augment(f$glm)
  shared <- c(".fitted", ".resid", ".hat", ".cooksd", ".std.resid")
  expect_numbers(ours[shared], theirs[shared])
  f$data$age[7] <- NA
  gaps <- linclass(low ~ age, f$data, na.action = na.exclude, weights = rep(0:2, length.out = 189))
  expect_identical(nrow(generics::augment(gaps)), 188L)
  new <- generics::augment(f$soft, newdata = f$data[1:4, ])
  expect_equal(numbers(new[c(".pred_white", ".pred_black", ".pred_other")]),
               as.vector(predict(f$multinom, f$data[1:4, ], "probs")), tolerance = 1e-6)
})

test_that("robust covariances are those of glm()", {
  skip_without("sandwich")
  f <- hook_fits()
  for (type in c("const", "HC0", "HC1", "HC2", "HC3", "HC4", "HC4m", "HC5")) {
    expect_equal(sandwich::vcovHC(f$fit, type), sandwich::vcovHC(f$glm, type), tolerance = 1e-7)
  }
  expect_equal(sandwich::vcovCL(f$fit, f$data$ptl), sandwich::vcovCL(f$glm, f$data$ptl),
               tolerance = 1e-7)
  weighted <- rep(1:3, length.out = 189)
  a <- linclass(low ~ age + lwt, f$data, weights = weighted)
  g <- glm(low ~ age + lwt, binomial, f$data, weights = weighted, epsilon = 1e-14)
  expect_equal(sandwich::sandwich(a), sandwich::sandwich(g), tolerance = 1e-6)
  # a weight of 0 takes the row away
  gone <- rep(0:2, length.out = 189)
  a <- linclass(low ~ age + lwt, f$data, weights = gone)
  g <- linclass(low ~ age + lwt, f$data[gone > 0, ], weights = gone[gone > 0])
  for (type in c("HC0", "HC1", "HC3")) {
    expect_equal(sandwich::vcovHC(a, type), sandwich::vcovHC(g, type), tolerance = 1e-7)
  }
  # rows that were padded with NA are no rows of estfun()
  f$data$age[5] <- NA
  a <- linclass(low ~ age + lwt, f$data, na.action = na.exclude)
  g <- glm(low ~ age + lwt, binomial, f$data, epsilon = 1e-14)
  expect_equal(sandwich::sandwich(a), sandwich::sandwich(g), tolerance = 1e-7)
})

test_that("the sandwich of softmax follows from the derivatives of its likelihood", {
  skip_without("sandwich")
  f <- hook_fits()
  X <- model.matrix(f$multinom)
  R <- model.matrix(~ race - 1, f$data) - fitted(f$multinom)
  G <- cbind(X * R[, 2], X * R[, 3])
  V <- vcov(f$soft)
  expect_equal(unname(sandwich::sandwich(f$soft)), unname(V %*% crossprod(G) %*% V), tolerance = 1e-5)
  expect_equal(sandwich::vcovHC(f$soft, "HC0"), sandwich::sandwich(f$soft))
  # symmetric coding describes the same model
  s <- linclass(race ~ age + smoke + low, f$data, coding = "symmetric")
  C <- kronecker(rbind(c(-1, 1, 0), c(-1, 0, 1)), diag(4))
  for (type in c("HC0", "HC2", "HC3")) {
    expect_equal(unname(C %*% sandwich::vcovHC(s, type = type) %*% t(C)), unname(sandwich::vcovHC(f$soft, type = type)),
                 tolerance = 1e-6)
  }
  expect_topic(sandwich::estfun(f$lasso), "no_vcov")
})

test_that("lmtest tests normal statistics", {
  skip_without("lmtest", "sandwich")
  f <- hook_fits()
  expect_equal(unclass(lmtest::coeftest(f$fit))[, ], unclass(lmtest::coeftest(f$glm))[, ],
               tolerance = 1e-8)
  expect_match(attr(lmtest::coeftest(f$fit), "method"), "z test")
  expect_equal(unclass(lmtest::coeftest(f$fit, sandwich::vcovHC))[, ],
               unclass(lmtest::coeftest(f$glm, sandwich::vcovHC))[, ], tolerance = 1e-7)
  expect_equal(unclass(lmtest::coeftest(f$soft))[, 1:2], summary(f$soft)$coefficients[, 1:2])
  expect_equal(lmtest::coefci(f$soft), confint(f$soft, method = "wald"), ignore_attr = TRUE)
  expect_topic(lmtest::coeftest(f$lasso), "no_vcov")
  expect_topic(lmtest::lrtest(f$lasso), "no_likelihood", "penalised")
  small <- list(linclass(low ~ age, f$data), glm(low ~ age, binomial, f$data, epsilon = 1e-14))
  expect_numbers(lmtest::lrtest(f$fit, small[[1]])[2, ], lmtest::lrtest(f$glm, small[[2]])[2, ])
})

test_that("car's tests of terms and functions hold for two and more classes", {
  skip_without("car")
  f <- hook_fits()
  for (type in c("II", "III")) {
    a <- linclass(low ~ age * smoke + race, f$data)
    g <- glm(low ~ age * smoke + race, binomial, f$data, epsilon = 1e-14)
    expect_numbers(car::Anova(a, type = type), car::Anova(g, type = type), 1e-7)
    m <- linclass(race ~ age * smoke, f$data)
    n <- nnet::multinom(race ~ age * smoke, f$data, trace = FALSE, reltol = 1e-15, maxit = 1000)
    ours <- car::Anova(m, type = type)
    theirs <- car::Anova(n, type = type)
    expect_identical(rownames(ours), rownames(theirs))
    expect_numbers(ours, theirs, 1e-4)
  }
  expect_topic(car::Anova(f$lasso), "no_likelihood")
  expect_topic(car::Anova(f$fit, type = 4), "argument")
  expect_numbers(car::deltaMethod(f$fit, "age / lwt"), car::deltaMethod(f$glm, "age / lwt"), 1e-7)
  V <- vcov(f$soft)
  b <- coef(f$soft, format = "vector")
  gradient <- c(1 / b[["black:smoke"]], -b[["black:age"]] / b[["black:smoke"]]^2)
  at <- c("black:age", "black:smoke")
  ratio <- car::deltaMethod(f$soft, "`black:age` / `black:smoke`")
  expect_equal(ratio$SE, sqrt(drop(gradient %*% V[at, at] %*% gradient)), tolerance = 1e-10)
  test <- car::linearHypothesis(f$soft, c("black:age = 0", "other:age = 0"))
  at <- c("black:age", "other:age")
  expect_equal(test$Chisq[2], drop(b[at] %*% solve(V[at, at], b[at])), tolerance = 1e-10)
  expect_equal(car::linearHypothesis(f$fit, "age = lwt")$Chisq[2],
               car::linearHypothesis(f$glm, "age = lwt")$Chisq[2], tolerance = 1e-7)
  expect_numbers(car::vif(f$fit), car::vif(f$glm), 1e-7)
})

test_that("multcomp compares levels and coefficients", {
  skip_without("multcomp")
  f <- hook_fits()
  statistic <- function(x) unname(summary(x)$test$tstat)
  expect_equal(statistic(multcomp::glht(f$fit, multcomp::mcp(race = "Tukey"))),
               statistic(multcomp::glht(f$glm, multcomp::mcp(race = "Tukey"))), tolerance = 1e-7)
  expect_equal(statistic(multcomp::glht(f$soft, "`black:age` = 0")),
               summary(f$soft)$coefficients["black:age", "z value"], ignore_attr = TRUE)
})

test_that("effects are those of glm() and multinom()", {
  skip_without("effects")
  f <- hook_fits()
  b <- f$data
  glm <- glm(low ~ age + lwt + race + smoke, binomial, b, epsilon = 1e-14)
  expect_numbers(as.data.frame(effects::Effect("race", f$fit)),
                 as.data.frame(effects::Effect("race", glm)), 1e-6)
  ours <- effects::Effect("age", f$soft)
  capture.output(theirs <- effects::Effect("age", f$multinom))
  expect_equal(unname(ours$prob), unname(theirs$prob), tolerance = 1e-4)
  # Weights: effects would fit the model of several classes again without them.
  b$w <- rep(c(0.5, 2, 3), length.out = nrow(b))
  numbers_of <- function(e) unlist(e[c("prob", "se.prob", "lower.prob", "upper.prob")])
  soft <- linclass(race ~ age + smoke + low, b, weights = w)
  multinom <- nnet::multinom(race ~ age + smoke + low, b, weights = w, trace = FALSE, reltol = 1e-15, maxit = 1000)
  expect_equal(numbers_of(effects::Effect("age", soft)), numbers_of(effects::Effect("age", multinom)), tolerance = 1e-6)
  V <- 4 * vcov(soft)
  expect_equal(effects::Effect("age", soft, vcov. = V)$se.logit, 2 * effects::Effect("age", soft)$se.logit)
  two <- linclass(low ~ age + lwt + race + smoke, b, weights = w)
  glm <- suppressWarnings(glm(low ~ age + lwt + race + smoke, binomial, b, weights = w, epsilon = 1e-14))
  skip_without("sandwich")
  expect_numbers(as.data.frame(effects::Effect("race", two, vcov. = sandwich::vcovHC)),
                 as.data.frame(effects::Effect("race", glm, vcov. = sandwich::vcovHC)), 1e-6)
  b$twice <- 2 * b$age
  aliased <- suppressWarnings(linclass(race ~ age + twice + smoke, b))
  expect_error(effects::Effect("age", aliased), "twice", class = "linclass_error_argument")
})

test_that("emmeans are those of glm() and multinom()", {
  skip_without("emmeans")
  f <- hook_fits()
  table <- function(x) as.data.frame(x)
  expect_numbers(table(emmeans::emmeans(f$fit, "race")), table(emmeans::emmeans(f$glm, "race")), 1e-7)
  expect_numbers(table(pairs(emmeans::emmeans(f$fit, "race", type = "response"))),
                 table(pairs(emmeans::emmeans(f$glm, "race", type = "response"))), 1e-7)
  for (mode in c("prob", "latent")) {
    # multinom() has a t distribution of as many degrees of freedom as coefficients
    expect_numbers(table(emmeans::emmeans(f$soft, ~ race | low, mode = mode))[3:4],
                   table(emmeans::emmeans(f$multinom, ~ race | low, mode = mode))[3:4], 1e-5)
  }
  # functions of columns, and data that only the caller sees
  local({
    inner <- f$data
    a <- linclass(low ~ log(lwt) + race, inner)
    g <- glm(low ~ log(lwt) + race, binomial, inner, epsilon = 1e-14)
    expect_numbers(table(emmeans::emmeans(a, "race")), table(emmeans::emmeans(g, "race")), 1e-7)
  })
  expect_topic(emmeans::emmeans(f$lasso, "race"), "no_vcov")
})

test_that("insight::get_predicted() is that of glm() and multinom()", {
  skip_without("insight")
  f <- hook_fits()
  new <- f$data[1:5, ]
  for (predict in c("expectation", "link")) {
    ask <- function(m) as.data.frame(insight::get_predicted(m, data = new, predict = predict, ci = 0.95))
    expect_numbers(ask(f$fit), ask(f$glm), 1e-6)
  }
  several <- function(m) as.data.frame(insight::get_predicted(m, data = new, predict = "expectation"))
  expect_numbers(several(f$soft), several(f$multinom), 1e-5)
  expect_error(insight::get_predicted(f$lasso, data = new), "use predict", class = "linclass_error_argument")
})
