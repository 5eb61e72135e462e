# Methods of a fit against stats::glm and nnet::multinom.

skip_if_not_installed("MASS")
birthwt <- MASS::birthwt
birthwt$race <- factor(birthwt$race, labels = c("white", "black", "other"))
model <- low ~ age + lwt + race + smoke

ours <- linclass(model, birthwt)
theirs <- glm(model, binomial, birthwt, control = glm.control(epsilon = 1e-14, maxit = 50))

housing <- transform(MASS::housing, Sat = factor(Sat, ordered = FALSE))
housing_model <- Sat ~ Infl + Type + Cont
softmax_fit <- linclass(housing_model, housing, weights = Freq)
multinom_fit <- nnet::multinom(housing_model, housing, weights = Freq, trace = FALSE,
                               reltol = 1e-15, abstol = 1e-15, maxit = 1000, Hess = TRUE)

ridge_fit <- linclass(Species ~ ., iris, lambda = 0.02, alpha = 0)
svm_fit <- linclass(Species ~ ., iris, loss = "squared_hinge", lambda = 0.02, alpha = 0)

test_that("coefficients, covariance and intervals are those of glm", {
  expect_equal(coef(ours), coef(theirs), tolerance = 1e-8)
  expect_equal(vcov(ours), vcov(theirs), tolerance = 1e-7)
  expect_equal(confint(ours), confint.default(theirs), tolerance = 1e-7)
  expect_equal(confint.default(ours), confint.default(theirs), tolerance = 1e-7)
  expect_equal(confint(ours, "lwt", level = 0.9), confint.default(theirs, "lwt", level = 0.9),
               tolerance = 1e-7)
  expect_equal(confint(ours, 2:3), confint(ours)[2:3, ])
})

test_that("likelihood, deviance and criteria are those of glm", {
  expect_equal(logLik(ours), logLik(theirs), tolerance = 1e-10, ignore_attr = TRUE)
  expect_equal(attr(logLik(ours), "df"), attr(logLik(theirs), "df"))
  expect_equal(AIC(ours), AIC(theirs), tolerance = 1e-10)
  expect_equal(BIC(ours), BIC(theirs), tolerance = 1e-10)
  expect_equal(deviance(ours), deviance(theirs), tolerance = 1e-10)
  expect_equal(df.residual(ours), df.residual(theirs))
  expect_equal(nobs(ours), nobs(theirs))
  expect_equal(extractAIC(ours), extractAIC(theirs), tolerance = 1e-10)
  expect_equal(objective(ours), deviance(theirs) / (2 * 189), tolerance = 1e-10)
})

test_that("the summary table is that of glm", {
  s <- summary(ours)
  expect_s3_class(s, "summary.linclass")
  expect_equal(coef(s), coef(summary(theirs)), tolerance = 1e-6)
  expect_equal(s$null.deviance, theirs$null.deviance, tolerance = 1e-10)
  expect_equal(s$df.null, theirs$df.null)
  text <- capture.output(print(s))
  table <- capture.output(printCoefmat(coef(s), digits = 4))
  expect_true(all(table %in% text))
  expect_match(text, "Null deviance: 234.67  on 188", all = FALSE, fixed = TRUE)
})

race_n <- function(data) as.numeric(as.integer(data$race))

test_that("residuals and fitted values are those of glm", {
  for (type in c("deviance", "pearson", "response", "working")) {
    expect_equal(residuals(ours, type), residuals(theirs, type), tolerance = 1e-7, info = type)
  }
  expect_equal(residuals(ours), residuals(theirs), tolerance = 1e-7)
  expect_equal(fitted(ours), fitted(theirs), tolerance = 1e-8)
  expect_equal(fitted(ours, "link"), predict(theirs), tolerance = 1e-8)
  weighted <- suppressWarnings(glm(low ~ age, binomial, birthwt, weights = race_n(birthwt)))
  fit <- linclass(low ~ age, birthwt, weights = race_n(birthwt))
  for (type in c("deviance", "pearson", "response", "working")) {
    expect_equal(residuals(fit, type), residuals(weighted, type), tolerance = 1e-6, info = type)
  }
  expect_equal(weights(fit), setNames(race_n(birthwt), rownames(birthwt)))
})

test_that("anova, drop1, add1 and step are those of glm", {
  small <- linclass(low ~ age, birthwt)
  small_glm <- glm(low ~ age, binomial, birthwt)
  table <- anova(small, ours)
  expected <- anova(small_glm, theirs, test = "Chisq")
  expect_s3_class(table, "anova")
  expect_equal(unlist(table), unlist(expected), tolerance = 1e-6)
  expect_equal(anova(ours, small)$`Pr(>Chi)`, anova(theirs, small_glm, test = "Chisq")$`Pr(>Chi)`,
               tolerance = 1e-6)
  alone <- anova(ours)
  alone_glm <- anova(theirs, test = "Chisq")
  expect_equal(alone$`Resid. Dev`, alone_glm$`Resid. Dev`, tolerance = 1e-8)
  expect_equal(alone$Df, alone_glm$Df)
  expect_identical(rownames(alone), rownames(alone_glm))
  expect_named(anova(small, ours, test = "none"), names(table)[1:4])
  expect_output(print(table), "Model 2")

  dropped <- drop1(ours, test = "Chisq")
  dropped_glm <- drop1(theirs, test = "Chisq")
  expect_equal(dropped$AIC, dropped_glm$AIC, tolerance = 1e-8)
  expect_equal(dropped$`Pr(>Chi)`, dropped_glm$`Pr(>Chi)`, tolerance = 1e-6)
  added <- add1(small, ~ . + lwt + smoke)
  expect_equal(added$AIC, add1(small_glm, ~ . + lwt + smoke)$AIC, tolerance = 1e-8)
  chosen <- step(ours, trace = 0)
  expect_identical(names(coef(chosen)), names(coef(step(theirs, trace = 0))))
})

test_that("methods find the data of a fit made in a function", {
  inside <- function(d, cut) {
    fit <- linclass(low ~ I(age > cut) + lwt, d)
    list(drop = drop1(fit)$AIC, residuals = lapply(list(fit), residuals)[[1]],
         updated = coef(update(fit, . ~ . - lwt)), step = step(fit, trace = 0))
  }
  result <- inside(birthwt, 22)
  expected <- glm(low ~ I(age > 22) + lwt, binomial, birthwt)
  expect_equal(result$drop, drop1(expected)$AIC, tolerance = 1e-8)
  expect_equal(result$residuals, residuals(expected), tolerance = 1e-6)
  expect_equal(unname(result$updated), unname(coef(update(expected, . ~ . - lwt))),
               tolerance = 1e-6)
  expect_lt(length(serialize(result$step, NULL)), 1e5)
})

test_that("changed data are noticed", {
  d <- birthwt
  fit <- linclass(low ~ age, d, model = FALSE)
  d$age[3] <- 99
  expect_error(residuals(fit), class = "linclass_error_data")
  expect_equal(residuals(fit, data = birthwt), residuals(linclass(low ~ age, birthwt)))
  rm(d)
  expect_error(fitted(fit), class = "linclass_error_data")
  kept <- linclass(low ~ age, birthwt, model = TRUE)
  expect_equal(fitted(kept), fitted(fit, data = birthwt))
})

test_that("degrees of freedom and criteria with weights, some of them 0, are those of glm()", {
  data <- transform(birthwt, w = rep(c(0, 0.5, 2, 3), length.out = nrow(birthwt)))
  glm <- suppressWarnings(glm(low ~ age + lwt, binomial, data, weights = w, epsilon = 1e-14))
  fit <- linclass(low ~ age + lwt, data, weights = w)
  for (of in list(nobs, df.residual, deviance, function(m) summary(m)$df.null, function(m) anova(m)[["Resid. Df"]],
                  function(m) summary(m)$df.residual)) {
    expect_equal(suppressWarnings(of(fit)), suppressWarnings(of(glm)), tolerance = 1e-8)
  }
  # The criteria of glm() round weights within the likelihood and its BIC counts rows of weight 0, which a fit
  # without them does not.
  present <- suppressWarnings(glm(low ~ age + lwt, binomial, data, weights = w, subset = w > 0))
  gap <- function(m) (BIC(m) - AIC(m)) / length(coef(m))
  expect_equal(gap(fit), gap(present), tolerance = 1e-10)
  expect_equal(BIC(fit), BIC(linclass(low ~ age + lwt, data, weights = w, subset = w > 0)), tolerance = 1e-10)
})

test_that("softmax agrees with nnet::multinom", {
  expect_equal(coef(softmax_fit), coef(multinom_fit), tolerance = 1e-5)
  expect_equal(deviance(softmax_fit), deviance(multinom_fit), tolerance = 1e-9)
  expect_equal(as.numeric(logLik(softmax_fit)), as.numeric(logLik(multinom_fit)),
               tolerance = 1e-9)
  expect_equal(attr(logLik(softmax_fit), "df"), attr(logLik(multinom_fit), "df"))
  # nobs() counts rows as that of glm(), BIC() takes the sum of the weights as that of multinom().
  expect_equal(nobs(softmax_fit), sum(housing$Freq > 0))
  expect_equal(attr(logLik(softmax_fit), "nobs"), attr(logLik(multinom_fit), "nobs"))
  expect_equal(BIC(softmax_fit), BIC(multinom_fit), tolerance = 1e-9)
  expect_equal(df.residual(softmax_fit), anova(multinom_fit, multinom_fit)[["Resid. df"]][1L])
  expect_equal(vcov(softmax_fit), vcov(multinom_fit), tolerance = 1e-4)
  expect_equal(summary(softmax_fit)$coefficients[, 2],
               as.vector(t(summary(multinom_fit)$standard.errors)), tolerance = 1e-4,
               ignore_attr = "names")
  expect_equal(fitted(softmax_fit), fitted(multinom_fit), tolerance = 1e-5)
  expect_equal(residuals(softmax_fit, "response"), residuals(multinom_fit), tolerance = 1e-4)
  expect_equal(sum(residuals(softmax_fit)^2), deviance(softmax_fit))
  smaller <- update(softmax_fit, . ~ . - Cont)
  other <- update(multinom_fit, . ~ . - Cont, trace = FALSE)
  expect_equal(anova(smaller, softmax_fit)$`Pr(>Chi)`[2],
               pchisq(deviance(other) - deviance(multinom_fit), 2, lower.tail = FALSE),
               tolerance = 1e-4)
})

test_that("Pearson residuals of several classes have unit variance by construction", {
  fit <- linclass(Species ~ ., iris, lambda = 0.01, alpha = 0)
  P <- fitted(fit)
  Y <- diag(3)[as.integer(iris$Species), ]
  expect_equal(residuals(fit, "pearson"), (Y - P) / sqrt(P * (1 - P)), tolerance = 1e-8,
               ignore_attr = TRUE)
  ratio <- Y / P
  expect_equal(residuals(fit, "working"), ratio - rowMeans(ratio), tolerance = 1e-8, ignore_attr = TRUE)
})

test_that("symmetric coding is the same model with the same inference", {
  symmetric <- linclass(housing_model, housing, weights = Freq, coding = "symmetric")
  expect_equal(coef(softmax_fit, coding = "symmetric"), coef(symmetric), tolerance = 1e-7)
  expect_equal(coef(symmetric, coding = "reference"), coef(softmax_fit), tolerance = 1e-7)
  expect_equal(logLik(symmetric), logLik(softmax_fit), tolerance = 1e-10)
  # A contrast with the first class has the variance of the reference coding.
  V <- vcov(symmetric)
  q <- ncol(coef(symmetric))
  D <- kronecker(cbind(-1, diag(2)), diag(q))
  expect_equal(D %*% V %*% t(D), vcov(softmax_fit), tolerance = 1e-6, ignore_attr = TRUE)
  expect_equal(rowSums(matrix(rowSums(V), q)), numeric(q), tolerance = 1e-8)
})

test_that("vcov computed from the data is the stored one", {
  forget <- function(fit) {
    fit$vcov <- NULL
    fit
  }
  symmetric <- linclass(housing_model, housing, weights = Freq, coding = "symmetric")
  for (fit in list(ours, softmax_fit, symmetric)) {
    expect_equal(vcov(forget(fit)), vcov(fit), tolerance = 1e-8)
  }
  # Columns that depend on others are dropped, from matrices and from codes of factors.
  birthwt$twice <- 2 * birthwt$age
  codes <- data.frame(a = rep(factor(1:40), 250), b = rep(factor(1:50), each = 200))
  codes$a_again <- codes$a
  codes$y <- sin(seq_len(10000)^1.2) + as.integer(codes$a) / 40 > 0.5
  for (fit in quiet(list(linclass(low ~ age + twice + lwt, birthwt),
                         linclass(update(housing_model, ~ . + Infl:I(1 * (Infl == "Low"))), housing,
                                  weights = Freq, coding = "symmetric"),
                         linclass(y ~ a + a_again + b, codes)))) {
    expect_true(anyNA(coef(fit)))
    expect_equal(vcov(forget(fit)), vcov(fit), tolerance = 1e-7)
  }
  expect_identical(fit$blueprint$layout, "coded")
})

test_that("a variance beyond the range of numbers is NA with a warning", {
  units <- c(1e-200, 1e200)
  plain <- summary(linclass(low ~ age + lwt, birthwt))$coefficients
  for (unit in units) {
    birthwt$far <- birthwt$age * unit
    fit <- linclass(low ~ far + lwt, birthwt)
    expect_warn_topic(V <- vcov(fit), "range", "`far`")
    expect_identical(diag(is.na(V)), c(`(Intercept)` = FALSE, far = TRUE, lwt = FALSE))
    expect_warn_topic(table <- summary(fit)$coefficients, "range")
    expect_identical(unname(table["far", -1L]), rep(NA_real_, 3L))
    expect_equal(table[-2L, ], plain[-2L, ], tolerance = 1e-6)
  }
})

test_that("coef() has every format", {
  expect_identical(coef(ours, format = "vector"), coef(ours))
  one <- coef(ours, format = "matrix")
  expect_identical(dimnames(one), list("1", names(coef(ours))))
  both <- coef(ours, coding = "symmetric")
  expect_equal(both["1", ] - both["0", ], coef(ours))
  expect_equal(both["1", ] + both["0", ], 0 * coef(ours))
  W <- coef(softmax_fit)
  v <- coef(softmax_fit, format = "vector")
  expect_identical(unname(v), as.vector(t(W)))
  expect_identical(names(v), names(coef(softmax_fit, format = "vector", complete = FALSE)))
  long <- coef(softmax_fit, format = "long")
  expect_named(long, c("class", "term", "estimate"))
  expect_equal(long$estimate[long$class == "High" & long$term == "InflHigh"],
               W["High", "InflHigh"])
  expect_error(coef(ours, coding = "none"), class = "linclass_error_coding")
  expect_error(coef(ours, formt = "long"), class = "linclass_error_unused_argument")
})

test_that("aliased coefficients are NA, and complete = FALSE drops them", {
  d <- transform(birthwt, twice = 2 * age)
  fit <- suppressWarnings(linclass(low ~ age + twice + lwt, d))
  reference <- glm(low ~ age + twice + lwt, binomial, d)
  expect_equal(is.na(coef(fit)), is.na(coef(reference)))
  expect_named(coef(fit, complete = FALSE), c("(Intercept)", "age", "lwt"))
  expect_equal(vcov(fit), vcov(reference), tolerance = 1e-5)
  expect_equal(vcov(fit, complete = FALSE), vcov(reference, complete = FALSE), tolerance = 1e-5)
  expect_equal(coef(summary(fit)), coef(summary(reference)), tolerance = 1e-5)
  expect_equal(AIC(fit), AIC(reference), tolerance = 1e-8)
  expect_equal(fitted(fit), fitted(reference), tolerance = 1e-6)
  expect_output(print(fit), "twice")
})

test_that("parts of the formula come back", {
  expect_equal(formula(ours), model, ignore_attr = TRUE)
  expect_identical(attr(terms(ours), "term.labels"), c("age", "lwt", "race", "smoke"))
  expect_equal(model.frame(ours), model.frame(theirs), ignore_attr = TRUE)
  expect_equal(model.matrix(ours), model.matrix(theirs), ignore_attr = c("assign", "contrasts"))
  expect_identical(variable.names(ours), names(coef(ours)))
  expect_identical(case.names(ours), rownames(birthwt))
  expect_identical(family(ours)$family, "binomial")
  expect_error(family(softmax_fit), class = "linclass_error_argument")
  expect_identical(getCall(ours)$data, quote(birthwt))
  by_matrix <- linclass(as.matrix(birthwt[c("age", "lwt")]), birthwt$low)
  expect_error(formula(by_matrix), class = "linclass_error_formula")
  expect_equal(residuals(by_matrix), residuals(linclass(low ~ age + lwt, birthwt)),
               tolerance = 1e-8)
  expect_equal(unname(coef(update(ours, lambda = 0.1, alpha = 0))),
               unname(coef(linclass(model, birthwt, lambda = 0.1, alpha = 0))))
  expect_identical(update(ours, . ~ age, evaluate = FALSE)$formula, quote(low ~ age))
})

test_that("what has no likelihood or covariance says so", {
  balanced <- linclass(model, birthwt, class_weights = "balanced")
  for (fit in list(svm_fit, balanced)) {
    expect_error(logLik(fit), class = "linclass_error_no_likelihood")
    expect_error(AIC(fit), class = "linclass_error_no_likelihood")
    expect_error(deviance(fit), class = "linclass_error_no_likelihood")
    expect_error(anova(fit), class = "linclass_error_no_likelihood")
  }
  for (fit in list(svm_fit, balanced, ridge_fit)) {
    expect_error(vcov(fit), class = "linclass_error_no_vcov")
    expect_error(confint(fit), class = "linclass_error_no_vcov")
    expect_null(summary(fit)$coefficients)
    expect_output(print(summary(fit)), "No standard errors")
  }
  expect_error(anova(ridge_fit), class = "linclass_error_no_likelihood")
  expect_error(anova(ours, softmax_fit), class = "linclass_error_argument")
  expect_error(anova(ours, 1), class = "linclass_error_argument")
  expect_error(residuals(svm_fit, "deviance"), class = "linclass_error_no_likelihood")
})

test_that("margins are the score of the true class minus the best other", {
  z <- predict(svm_fit, iris, type = "link")
  own <- z[cbind(1:150, as.integer(iris$Species))]
  z[cbind(1:150, as.integer(iris$Species))] <- -Inf
  expect_equal(residuals(svm_fit), setNames(own - apply(z, 1, max), 1:150))
  wrong <- predict(svm_fit) != iris$Species
  expect_equal(unname(residuals(svm_fit) < 0), wrong)
  two <- linclass(low ~ age + lwt, birthwt, loss = "hinge", lambda = 0.1, alpha = 0)
  z <- predict(two, birthwt, type = "link")
  expect_equal(residuals(two), z * (2 * birthwt$low - 1))
})

test_that("degrees of freedom of penalised fits", {
  lasso <- linclass(model, birthwt, lambda = 0.03)
  expect_equal(attr(logLik(lasso), "df"), sum(coef(lasso) != 0))
  lambda <- 0.05
  ridge <- linclass(model, birthwt, lambda = lambda, alpha = 0, standardize = FALSE)
  X <- model.matrix(ridge)
  mu <- fitted(ridge)
  H <- crossprod(X, mu * (1 - mu) * X) / nrow(X)
  R <- diag(c(0, rep(lambda, ncol(X) - 1)))
  expect_equal(attr(logLik(ridge), "df"), sum(diag(solve(H + R, H))), tolerance = 1e-6)
  # Nearly no penalty: all coefficients count, whatever the coding.
  free <- linclass(housing_model, housing, weights = Freq, lambda = 1e-9, alpha = 0)
  expect_equal(attr(logLik(free), "df"), 14, tolerance = 1e-4)
  scaled <- linclass(model, birthwt, lambda = lambda, alpha = 0)
  s <- sqrt(colMeans(scale(X[, -1], scale = FALSE)^2))
  mu <- fitted(scaled)
  H <- crossprod(X, mu * (1 - mu) * X) / nrow(X)
  expect_equal(attr(logLik(scaled), "df"),
               sum(diag(solve(H + diag(c(0, lambda * s^2)), H))), tolerance = 1e-6)
})

test_that("print() is short and says what matters", {
  fits <- list(ours, softmax_fit, ridge_fit, svm_fit,
               linclass(model, birthwt, lambda = 0.03, class_weights = "balanced"),
               suppressWarnings(linclass(Species ~ ., iris)),
               linclass(as.matrix(MASS::fgl[1:9]), MASS::fgl$type, lambda = 0.01, alpha = 0.5))
  for (fit in fits) {
    text <- capture.output(result <- withVisible(print(fit)))
    expect_lte(length(text), 20)
    expect_lte(max(nchar(text)), 80)
    expect_false(result$visible)
    expect_match(text, "Solver", all = FALSE)
    expect_match(text, "Converged", all = FALSE)
  }
  expect_output(print(ours), '"1" (the event) against "0"', fixed = TRUE)
  expect_output(print(ridge_fit), "ridge")
  expect_output(print(fits[[6]]), "Separation")
  wide <- linclass(matrix(sin(1:40000), 40), rep(0:1, 20), lambda = 0.1, alpha = 0)
  text <- capture.output(print(wide))
  expect_lte(length(text), 20)
  expect_match(text, "of 1001; coef() has all", all = FALSE, fixed = TRUE)
})

test_that("objective and certificate", {
  x <- as.matrix(iris[1:4])
  fit <- linclass(x, iris$Species, lambda = 0.02, alpha = 0.3, standardize = FALSE)
  expect_equal(objective(fit), loss_value(coef(fit), x, iris$Species, "softmax", 0.02, 0.3))
  certified <- certificate(fit)
  expect_s3_class(certified, "linclass_certificate")
  expect_true(certified$met)
  expect_lte(certified$relative, certified$tolerance)
  expect_output(print(certified), "tolerance")
})

test_that("simulate() draws from the fitted probabilities and restores the generator", {
  set.seed(5)
  before <- .Random.seed
  drawn <- simulate(ours, 200, seed = 1)
  expect_identical(.Random.seed, before)
  expect_identical(drawn, simulate(ours, 200, seed = 1))
  expect_equal(dim(drawn), c(189, 200))
  expect_equal(rowMeans(drawn == "1"), fitted(ours), tolerance = 0.2)
  expect_identical(levels(simulate(softmax_fit, seed = 1)$sim_1), levels(housing$Sat))
  expect_error(simulate(svm_fit), class = "linclass_error_no_probability")
})

test_that("plots draw, and leave par() alone", {
  file <- tempfile(fileext = ".pdf")
  pdf(file)
  on.exit({
    dev.off()
    unlink(file)
  })
  before <- par(no.readonly = TRUE)
  plot(ours, "history")
  plot(ridge_fit, "coefficients")
  plot(ours, "coefficients")
  after <- par(no.readonly = TRUE)
  same <- setdiff(names(before), c("usr", "xaxp", "yaxp", "xlog", "ylog"))
  expect_identical(after[same], before[same])
  plane <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0)
  plot(plane, "boundary")
  expect_error(plot(ours, "boundary"), class = "linclass_error_argument")
})

test_that("a fit by counts has one fitted value a row", {
  counts <- as.data.frame(UCBAdmissions)
  wide <- reshape(counts, idvar = c("Gender", "Dept"), timevar = "Admit", direction = "wide")
  fit <- linclass(cbind(Freq.Admitted, Freq.Rejected) ~ Gender + Dept, wide)
  reference <- glm(cbind(Freq.Admitted, Freq.Rejected) ~ Gender + Dept, binomial, wide)
  expect_equal(coef(fit), coef(reference), tolerance = 1e-6)
  expect_equal(vcov(fit), vcov(reference), tolerance = 1e-5)
  expect_equal(unname(fitted(fit)), unname(fitted(reference)), tolerance = 1e-7)
})

test_that("a fit without coefficients has parts of no length", {
  fit <- linclass(low ~ 0, birthwt)
  reference <- glm(low ~ 0, binomial, birthwt)
  expect_identical(dim(vcov(fit)), c(0L, 0L))
  expect_identical(dim(confint(fit)), c(0L, 2L))
  expect_identical(nrow(coef(summary(fit))), 0L)
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(reference)))
  expect_identical(separation(fit)$kind, "none")
  expect_length(coef(merge(fit, fit)), 0L)
  constant <- linclass(low ~ 1, birthwt)
  expect_equal(coef(merge(constant, constant)), coef(constant), tolerance = 1e-8)
})

test_that("options of R change no name and raise no warning", {
  fit <- linclass(am ~ wt, mtcars)
  names <- colnames(confint(fit))
  old <- options(scipen = -100, OutDec = ",", warn = 2)
  on.exit(options(old))
  expect_identical(colnames(confint(fit)), sub(".", ",", names, fixed = TRUE))
  expect_gt(length(utils::capture.output(print(fit), print(summary(fit)))), 10L)
})
