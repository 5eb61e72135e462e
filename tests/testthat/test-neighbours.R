# Names that users of other packages type get a hint.

test_that("arguments of glm, multinom, glmnet and svm are named", {
  d <- toy()$data
  given <- list(family = "binomial", type.measure = "auc", lower.limits = 0, upper.limits = 1, thresh = 1,
                maxit = 10, cost = 1, decay = 0.1, trace = FALSE, verbose = TRUE, exclude = 1,
                type.multinomial = "grouped", s = 0.1, kernel = "linear")
  for (name in names(given)) {
    expect_topic(do.call(linclass, c(list(y ~ a, d), given[name])), "unused_argument",
                 sprintf("`%s`\\. \\S", name))
  }
  expect_topic(linclass(y ~ a, d, type.measure = "auc"), "unused_argument", "`metric`")
  expect_topic(linclass_cv(y ~ a, d, nfolds = 3), "unused_argument", "folds")
  fit <- linclass(y ~ a, d)
  expect_topic(predict(fit, newx = d), "unused_argument", "newdata")
  expect_topic(predict(fit, d, s = 0.1), "unused_argument", "lambda")
})

test_that("every hint of a loss is a loss, and types are told", {
  d <- toy()$data
  for (name in names(neighbour_losses)) {
    expect_topic(linclass(y ~ a, d, loss = name), "loss", dQuote(neighbour_losses[[name]], FALSE))
  }
  expect_true(all(neighbour_losses %in% linclass_losses()$name))
  fit <- linclass(y ~ a, d)
  for (type in c("probs", "posterior", "raw", "coefficients")) {
    expect_topic(predict(fit, d, type = type), "argument", "Here it is")
  }
})
