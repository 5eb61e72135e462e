# The rows of a fit: what is kept, what is found again, and that every method starts from them.

skip_if_not_installed("MASS")
births <- transform(MASS::birthwt, race = factor(race), low = factor(low))
exact <- glm.control(epsilon = 1e-14, maxit = 50)
model <- low ~ age + log(lwt) + race

# The same model of the same data, by linclass() and by glm().
pair_of <- function(formula, data, ...) {
  given <- substitute(list(...))[-1L]
  call <- as.call(c(list(quote(linclass), formula, quote(data)), as.list(given)))
  other <- as.call(c(list(quote(glm), formula, quote(binomial), quote(data), control = quote(exact)),
                     as.list(given)))
  list(ours = eval(call), theirs = eval(other))
}

counted <- reshape(as.data.frame(UCBAdmissions), idvar = c("Gender", "Dept"), timevar = "Admit",
                   direction = "wide")
hot <- transform(airquality, hot = factor(Temp > 80))
hot$copies <- rep_len(0:2, nrow(hot))

pairs <- list(
  plain = pair_of(model, births),
  interaction = pair_of(low ~ race * smoke + poly(age, 2), births),
  no_intercept = pair_of(low ~ 0 + race + age, births),
  omitted = pair_of(hot ~ Ozone + Wind + Solar.R, hot),
  excluded = pair_of(hot ~ Ozone + Wind + Solar.R, hot, na.action = na.exclude),
  weights = pair_of(hot ~ Wind + Solar.R, hot, weights = copies, na.action = na.exclude),
  offset = pair_of(low ~ lwt + race, births, offset = age / 20),
  counts = pair_of(cbind(Freq.Admitted, Freq.Rejected) ~ Gender + Dept, counted))

same <- function(ours, theirs, label, tolerance = 1e-6) {
  expect_equal(ours, theirs, tolerance = tolerance, ignore_attr = TRUE, label = label)
}

test_that("rows, columns and residuals are those of glm", {
  for (name in names(pairs)) {
    fit <- pairs[[name]]$ours
    glm <- pairs[[name]]$theirs
    expect_named(model.frame(fit), names(model.frame(glm)))
    same(unclass(model.frame(fit)), unclass(model.frame(glm)), name)
    X <- model.matrix(fit)
    for (what in c("assign", "contrasts")) {
      expect_identical(attr(X, what), attr(model.matrix(glm), what), label = paste(name, what))
    }
    same(X, model.matrix(glm), name)
    same(fitted(fit), fitted(glm), name)
    same(predict(fit, type = "link"), predict(glm), name)
    same(weights(fit), weights(glm), name)
    same(weights(fit, "working"), weights(glm, "working"), name)
    same(case.names(fit), as.vector(na.omit(case.names(glm))), name) # NA for excluded rows there
    expect_named(residuals(fit), names(residuals(glm)))
    # glm() sets the response of rows of weight 0 to 0.
    used <- which(weights(fit) > 0)
    for (type in c("deviance", "pearson", "response", "working", "partial")) {
      same(as.matrix(residuals(fit, type))[used, ], as.matrix(residuals(glm, type))[used, ],
           paste(name, type))
    }
  }
})

test_that("tests of terms are those of glm", {
  for (name in names(pairs)) {
    fit <- pairs[[name]]$ours
    glm <- pairs[[name]]$theirs
    expect_equal(anova(fit)$Deviance, anova(glm, test = "Chisq")$Deviance, tolerance = 1e-7)
    expect_equal(anova(fit, test = "LRT"), anova(fit, test = "Chisq"))
    ours <- drop1(fit, test = "LRT")
    theirs <- drop1(glm, test = "LRT")
    expect_identical(rownames(ours), rownames(theirs))
    same(ours[c("Df", "LRT", "Pr(>Chi)")], theirs[c("Df", "LRT", "Pr(>Chi)")], name)
    same(drop1(fit, . ~ ., test = "Chisq")$LRT, drop1(glm, . ~ ., test = "Chisq")$LRT, name)
  }
  small <- linclass(low ~ 1, births)
  same(add1(small, ~ age + lwt * smoke, test = "Chisq")$LRT,
       add1(glm(low ~ 1, binomial, births, control = exact), ~ age + lwt * smoke, test = "Chisq")$LRT,
       "add1")
  expect_identical(formula(step(small, ~ age + lwt + smoke, trace = 0)),
                   formula(step(glm(low ~ 1, binomial, births), ~ age + lwt + smoke, trace = 0)),
                   ignore_attr = TRUE)
  # The columns of a layout by codes are dropped as those of a matrix.
  codes <- data.frame(a = factor(rep(1:40, 250)), b = factor(rep(1:50, each = 200)), x = sin(1:10000))
  codes$y <- sin(seq_len(10000)^1.2) + as.integer(codes$a) / 40 > 0.5
  fit <- linclass(y ~ a + b + x, codes)
  expect_identical(fit$blueprint$layout, "coded")
  expect_equal(drop1(fit)$Deviance[2:4],
               c(deviance(linclass(y ~ b + x, codes)), deviance(linclass(y ~ a + x, codes)),
                 deviance(linclass(y ~ a + b, codes))), tolerance = 1e-9)
})

test_that("softmax drops terms as multinom does", {
  fit <- linclass(race ~ age + lwt + smoke, births)
  smaller <- function(f) nnet::multinom(f, births, trace = FALSE, reltol = 1e-14, maxit = 500)
  expect_equal(drop1(fit)$Deviance[2:4], c(deviance(smaller(race ~ lwt + smoke)),
                                           deviance(smaller(race ~ age + smoke)),
                                           deviance(smaller(race ~ age + lwt))), tolerance = 1e-8)
  expect_equal(drop1(fit)$Df[-1L], rep(2, 3))
})

test_that("a fit that came from elsewhere answers everything", {
  inside <- function(d) {
    unrelated <- runif(1e5) # nothing else of the function is kept
    linclass(low ~ age + lwt + race, d)
  }
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(inside(births), file)
  returned <- list(inside(births), lapply(list(births), inside)[[1L]], readRDS(file),
                   do.call(linclass, list(low ~ age + lwt + race, data = births)),
                   with(births, linclass(low ~ age + lwt + race)))
  expect_lt(file.size(file), 2e4)
  reference <- glm(low ~ age + lwt + race, binomial, births, control = exact)
  for (fit in returned) {
    same(residuals(fit), residuals(reference), "residuals")
    same(drop1(fit, test = "Chisq")$LRT, drop1(reference, test = "Chisq")$LRT, "drop1")
    same(anova(fit)$Deviance, anova(reference)$Deviance, "anova")
    expect_named(coef(step(fit, trace = 0)), names(coef(step(reference, trace = 0))))
    expect_named(coef(MASS::stepAIC(fit, trace = 0)), names(coef(step(reference, trace = 0))))
    expect_named(coef(update(fit, . ~ . - age)), c("(Intercept)", "lwt", "race2", "race3"))
    expect_identical(dim(simulate(fit, 2, seed = 1)), c(189L, 2L))
    expect_identical(nrow(model.frame(fit)), 189L)
  }
  expect_lt(length(serialize(step(returned[[1L]], trace = 0), NULL)), 5e4)
  by_matrix <- (function(X, Y) linclass(X, Y))(as.matrix(births[c("age", "lwt")]), births$low)
  expect_equal(coef(update(by_matrix, lambda = 0.1)),
               coef(linclass(as.matrix(births[c("age", "lwt")]), births$low, lambda = 0.1)))
})

test_that("changed data do not reach the tests of a fit", {
  d <- births
  fit <- linclass(low ~ age + lwt + smoke, d)
  reference <- glm(low ~ age + lwt + smoke, binomial, d, control = exact)
  set.seed(2)
  d$smoke <- sample(d$smoke)
  d$lwt <- sample(d$lwt)
  same(drop1(fit, test = "Chisq")$LRT, drop1(reference, test = "Chisq")$LRT, "drop1")
  same(anova(fit)$Deviance, anova(reference)$Deviance, "anova")
  d$other <- births$ui
  expect_error(add1(fit, ~ . + other), class = "linclass_error_data")
})

test_that("what is not kept is found where the call was made, or refused", {
  home <- function(d) linclass(low ~ age + lwt, d, model = FALSE)
  fit <- home(births)
  expect_null(fit$model)
  whole <- linclass(low ~ age + lwt, births)
  expect_equal(residuals(fit), residuals(whole))
  expect_equal(drop1(fit), drop1(whole))
  read <- unserialize(serialize(fit, NULL))
  expect_error(residuals(read), class = "linclass_error_data")
  expect_equal(residuals(read, data = births), residuals(whole))
  expect_lt(length(serialize(fit, NULL)), 2e4)
  d <- births
  fit <- linclass(low ~ age + lwt, d, model = FALSE)
  d$age[3] <- 99
  for (f in list(residuals, drop1, anova, model.frame)) {
    expect_error(f(fit), class = "linclass_error_data")
  }
  expect_error(linclass(low ~ age, births, model = "yes"), class = "linclass_error_argument")
})

test_that("add1() reads new variables and leaves out rows that lack them", {
  small <- linclass(hot ~ Wind, hot)
  expect_warn_topic(table <- add1(small, ~ . + Ozone, test = "Chisq"), "rows", "116 of 153")
  theirs <- glm(hot ~ Wind, binomial, hot, control = exact)
  same(table$LRT, suppressWarnings(add1(theirs, ~ . + Ozone, test = "Chisq"))$LRT, "add1")
})

test_that("counts are drawn as counts, with the probabilities of the fit", {
  fit <- pairs$counts$ours
  drawn <- simulate(fit, 300, seed = 1)
  expect_identical(dimnames(drawn$sim_1), dimnames(simulate(pairs$counts$theirs, 1)$sim_1))
  total <- rowSums(counted[c("Freq.Admitted", "Freq.Rejected")])
  for (draw in drawn[1:3]) expect_equal(rowSums(draw), total, ignore_attr = TRUE)
  mean <- rowMeans(vapply(drawn, function(draw) draw[, 1L], double(12L)))
  expect_lt(max(abs(mean - total * fitted(fit)) / sqrt(total * fitted(fit) * (1 - fitted(fit)) / 300)), 4)
})

test_that("the null deviance sees the offset", {
  fit <- linclass(low ~ lwt, births, offset = age / 20)
  theirs <- glm(low ~ lwt, binomial, births, offset = age / 20)
  expect_equal(summary(fit)$null.deviance, theirs$null.deviance, tolerance = 1e-9)
  bare <- linclass(low ~ 0 + lwt, births, offset = age / 20)
  expect_equal(summary(bare)$null.deviance, update(theirs, . ~ 0 + lwt)$null.deviance, tolerance = 1e-9)
  offset <- cbind(0, births$age / 20, births$lwt / 100)
  classes <- linclass(race ~ smoke, births, offset = offset)
  expect_equal(summary(classes)$null.deviance, deviance(linclass(race ~ 1, births, offset = offset)),
               tolerance = 1e-9)
})

test_that("objects of the first version still predict, print and find their rows", {
  old <- readRDS(test_path("fixtures", "version-0.1.0.rds"))
  for (name in names(old$fits)) {
    fit <- old$fits[[name]]
    newdata <- if (name %in% c("softmax", "cv")) old$newdata$flowers else old$newdata$births
    predicted <- if (name == "path") predict(fit, newdata, type = "prob", s = 0.01) else
      predict(fit, newdata, type = "prob")
    expect_equal(predicted, old$expected[[name]], label = name)
    expect_output(print(fit), "Converged")
    expect_output(print(summary(fit)), "Converged")
  }
  expect_length(residuals(old$fits$kept), 126)
  expect_error(residuals(old$fits$fit), class = "linclass_error_data")
})

test_that("paths and cross-validations give their rows, and refuse what one fit has", {
  path <- linclass_path(low ~ age + race, births, nlambda = 5)
  set.seed(1)
  cv <- linclass_cv(low ~ age + race, births, folds = 3, nlambda = 5)
  fit <- linclass(low ~ age + race, births)
  for (object in list(path, cv)) {
    expect_equal(model.frame(object), model.frame(fit), ignore_attr = TRUE)
    expect_equal(model.matrix(object), model.matrix(fit))
    expect_equal(weights(object), weights(fit))
    expect_equal(case.names(object), case.names(fit))
    expect_equal(fitted(object), predict(object, births, type = "response"), ignore_attr = TRUE)
    for (refused in list(residuals, df.residual, vcov, confint, logLik, AIC, anova, drop1, add1,
                         extractAIC, simulate)) {
      expect_error(refused(object), class = "linclass_error_argument")
    }
  }
})
