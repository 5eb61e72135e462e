# What users see when an argument is wrong: a classed error in words, wherever it is given, and never an
# error of base R from inside.

data <- toy()$data
x <- toy()$x
fit <- linclass(y ~ a + b, data)
# Polynomials of so many levels are refused by contr.poly() itself.
many <- data.frame(y = rep(0:1, 300), id = rep(1:300, 2))
words <- function(topic, pattern, call) list(topic = topic, pattern = pattern, call = substitute(call))
cases <- list(
  words("loss", "must be .* or .*, not NA", linclass(y ~ a, data, loss = NA_character_)),
  words("loss", "not NULL", linclass_path(y ~ a, data, loss = NULL)),
  words("loss", "not character of length 2", linclass_cv(y ~ a, data, loss = c("hinge", "softmax"))),
  words("formula", "\"y ~ a \\+\" is not a formula", linclass("y ~ a +", data)),
  words("formula", "not a formula", linclass("a", data)),
  words("formula", "a \\+ b is not a formula", linclass(quote(a + b), data)),
  words("formula", "not a formula", linclass(c("y", "a"), data)),
  words("formula", "contrasts of `factor\\(id\\)`",
        linclass(y ~ factor(id), many, contrasts = list(`factor(id)` = "contr.poly"))),
  words("unused_argument", "linclass_cv", linclass(y ~ a, data, foldid = 1)),
  words("unused_argument", "linclass_cv", linclass(x, data$y, metric = "auc")),
  words("unused_argument", "linclass_path", linclass(y ~ a, data, nlambda = 5)),
  words("unused_argument", "`which`", plot(fit, type = "boundary")),
  words("shape", "1 or one for each of 2 columns", linclass(y ~ a + b, data, penalty_factor = 1:3)),
  words("penalty", "at least 0, not", linclass(y ~ a, data, lambda = "a")),
  words("type", "columns `a` and `y` must hold", linclass(data.frame(a = "u", b = 1, y = data$y), data$y)),
  words("weights", "2 rows \\(rows 1 and 2\\)", linclass(x, data$y, weights = rep(c(-1, 1), c(2, 58)))),
  words("weights", "1 row \\(row 1\\)", linclass(x, data$y, weights = rep(c(-1, 1), c(1, 59)))),
  words("metric", "failed: unused", linclass_cv(y ~ a, data, metric = function(truth) 1)),
  words("metric", "failed: no", linclass_cv(y ~ a, data, metric = list(m = function(...) stop("no")))),
  words("argument", "\"class\", .* or \"terms\", not NA", predict(fit, data, type = NA)),
  words("argument", "`scope` .* not 5", drop1(fit, 5)),
  words("argument", "`scope` .* not 5", add1(fit, 5)),
  words("argument", "`k` .* one finite number, not", drop1(fit, k = "a")),
  words("argument", "`k` ", add1(fit, ~ . + c, k = NA)),
  words("argument", "`k` ", extractAIC(fit, k = NULL)),
  words("argument", "`nsim` ", simulate(fit, nsim = "a")),
  words("argument", "`nsim` ", simulate(fit, nsim = -1)),
  words("argument", "`seed` ", simulate(fit, seed = "a")),
  words("argument", "`alpha` ", profile(fit, alpha = "a")),
  words("argument", "`maxsteps` ", profile(fit, maxsteps = 0)),
  words("argument", "`digits` ", print(fit, digits = NA)),
  words("argument", "`digits` ", print(summary(fit), digits = "a")),
  words("argument", "`formula.` ", update(fit, 5)),
  words("argument", "not NULL", certificate(NULL)),
  words("argument", "not 5", objective(5)),
  words("unused_argument", "`type`.*vcovHC\\(fit, type = \\)", vcov(fit, type = "HC0")),
  words("unused_argument", "`vcov.`.*sandwich", confint(fit, vcov. = vcov(fit))),
  words("unused_argument", "`data`.*newdata", predict(fit, data = data)),
  words("unused_argument", "`threshold`.*choose_threshold", predict(fit, data, threshold = 0.9)),
  words("formula", "`na.action` must return .* columns", linclass(y ~ a, data, na.action = function(f) f[1L])),
  words("formula", "`na.action` must return .* columns", linclass(y ~ a, data, na.action = function(f) cbind(f, 1))),
  words("penalty", "not integer64", linclass(x, data$y, lambda = structure(5e-324, class = "integer64"))),
  words("weights", "too small to be added", linclass(x, data$y, weights = rep(5e-324, nrow(x)))),
  words("weights", "too small to be added", loss_value(c(0, 1), x[, 1L, drop = FALSE], data$y, "logistic",
                                                       weights = rep(1e-310, nrow(x)))),
  words("penalty", "infinite", convert_penalty("scikit_learn", C = 0, n = 10)),
  words("penalty", "infinite", convert_penalty(lambda = Inf, alpha = 0.5)),
  words("argument", "at least 0", adjust_prior(cbind(u = -0.2, v = 1.2), c(u = 0.5, v = 0.5),
                                               from = c(u = 0.5, v = 0.5))),
  words("argument", "no contours", plot_contours(function(p) 1, list(matrix(1:4, 2)))),
  words("argument", "no contours", plot_contours(function(p) Inf, list(matrix(1:4, 2)))),
  words("argument", "`ylim` must be two", plot_contours(function(p) sum(p), xlim = 0:1, ylim = c(1, 1))),
  words("type", "not formula", linclass_svm(y ~ a, data)),
  words("type", "must be a matrix", linclass_svm(row_source(x, y = data$y))),
  words("argument", "no variables", marginal_effects(linclass(y ~ 1, data))),
  words("argument", "no coefficients", kappa(linclass(y ~ 0, data))),
  words("argument", "no coefficients", plot(linclass(y ~ 0, data))),
  words("coding", "against the rest", separation(linclass(x, toy(3)$y, loss = "hinge", coding = "ovr"))),
  words("export", "NA is a level", to_sql(linclass(y ~ g, data.frame(data, g = addNA(rep(c("u", "v", NA), 20)))))),
  words("shape", "1 row and", predict(linclass(y ~ a, data, offset = b), data, offset = 1)))

test_that("wrong arguments are refused in words everywhere", {
  for (case in cases) expect_topic(eval(case$call), case$topic, case$pattern)
})

test_that("classes that extend a matrix are matrices", {
  extended <- methods::setClass("ExtendedMatrix", contains = "matrix", where = environment())
  on.exit(methods::removeClass("ExtendedMatrix", where = environment()))
  own <- linclass(extended(x), toy()$y)
  expect_equal(coef(own), coef(linclass(x, toy()$y)))
  expect_equal(predict(own, extended(x[1:3, ]), type = "link"), predict(own, x[1:3, ], type = "link"))
})

test_that("what a newcomer stumbles over is answered with what to do", {
  lung <- data.frame(status = rep(c("alive", "dead"), 20), age = c(1:39, NA), sex = rep(1:2, each = 20))
  smaller <- linclass(status ~ sex, lung, lambda = 0)
  larger <- linclass(status ~ sex + age, lung)
  expect_error(anova(smaller, larger), "39 rows.*40 rows.*na.omit", class = "linclass_error_argument")
  expect_error(confint(larger, parm = "Age"), "There are .*`age`", class = "linclass_error_argument")
  p <- fitted(larger)
  expect_error(confusion_measures(lung$status[1:39], p > 0.3), "ifelse", class = "linclass_error_response")
  words <- function(expression, text) expect_error(expression, text, fixed = TRUE, class = "linclass_error")
  words(plot_roc(lung$status[1:39], rep("dead", 39)), "type = \"prob\"")
  words(choose_threshold(lung$status[1:39], factor(rep("dead", 39))), "must be probabilities")
  words(linclass(status ~ age, lung, lambda = c(1, 0.1)), "linclass_path() fits a sequence")
  words(linclass(status ~ age, lung, alpha = "ridge"), "0 is ridge")
  words(linclass_cv(status ~ age, lung, metric = "accuracy"), "Here it is \"error\".")
  expect_identical(confusion_measures(lung$status[1:39], ifelse(p > 2, "dead", "alive"))$classes$tp, c(20, 0))
})

test_that("tables of what there is fit into 80 columns and stay data frames", {
  for (table in list(linclass_losses(), linclass_solvers(), penalty_scales())) {
    text <- utils::capture.output(print(table))
    expect_lte(max(nchar(text)), 80)
    expect_lte(length(text), 35)
    expect_true(all(vapply(table[[1]], function(name) any(startsWith(text, name) | grepl(name, text)), NA)))
  }
  text <- utils::capture.output(print(linclass_losses()))
  expect_match(grep("^softmax", text, value = TRUE)[1L], "65535 +- +yes +yes +yes +-")
  expect_output(print(linclass_losses()[c("title", "smooth")]), "TRUE")
})
