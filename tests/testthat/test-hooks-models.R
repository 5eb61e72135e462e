# Packages that fit, tune and describe models: parsnip, caret, mlr3, recipes, butcher, xtable, easystats,
# marginaleffects.

test_that("parsnip's engines give the fits of linclass()", {
  skip_without("parsnip", "tibble")
  b <- hook_data()
  x <- as.matrix(b[c("age", "lwt", "smoke")])
  spec <- parsnip::set_engine(parsnip::logistic_reg(penalty = 0.01, mixture = 0.5), "linclass")
  fit <- parsnip::fit(spec, low ~ age + lwt + smoke, b)
  own <- linclass(x, b$low, lambda = 0.01, alpha = 0.5)
  prob <- predict(fit, b[1:9, ], type = "prob")
  expect_named(prob, c(".pred_0", ".pred_1"))
  expect_equal(unname(as.matrix(prob)), unname(predict(own, x[1:9, ], type = "prob")), tolerance = 1e-10)
  expect_equal(predict(fit, b[1:9, ])$.pred_class, unname(predict(own, x[1:9, ])))
  sparse <- Matrix::Matrix(x, sparse = TRUE)
  fit <- parsnip::fit_xy(spec, sparse, b$low)
  expect_equal(unname(as.matrix(predict(fit, sparse[1:9, ], type = "prob"))), unname(as.matrix(prob)),
               tolerance = 1e-6)
  # case weights are copies of rows
  twice <- parsnip::fit(spec, low ~ age + lwt + smoke, b,
                        case_weights = structure(rep(1:2, length.out = 189),
                                                 class = c("hardhat_frequency_weights",
                                                           "hardhat_case_weights", "vctrs_vctr")))
  expect_equal(coef(twice$fit), coef(linclass(x, b$low, lambda = 0.01, alpha = 0.5,
                                              weights = rep(1:2, length.out = 189))))
})

test_that("parsnip's submodels are points of a path", {
  skip_without("parsnip", "tibble")
  b <- hook_data()
  spec <- parsnip::set_engine(parsnip::multinom_reg(penalty = 0.05), "linclass_path")
  fit <- parsnip::fit(spec, race ~ age + lwt + smoke, b)
  path <- linclass_path(as.matrix(b[c("age", "lwt", "smoke")]), b$race)
  at <- function(s) unname(predict(path, b[1:4, c("age", "lwt", "smoke")], type = "prob", s = s))
  expect_equal(unname(as.matrix(predict(fit, b[1:4, ], type = "prob"))), at(0.05), tolerance = 1e-8)
  many <- parsnip::multi_predict(fit, b[1:4, ], type = "prob", penalty = c(0.1, 0.01))
  expect_identical(nrow(many), 4L)
  expect_equal(many$.pred[[3]]$penalty, c(0.1, 0.01))
  expect_equal(unname(as.matrix(many$.pred[[3]][-1])), rbind(at(0.1)[3, ], at(0.01)[3, ]),
               tolerance = 1e-8)
  expect_identical(as.character(parsnip::multi_predict(fit, b[1:4, ], penalty = 0.01)$.pred[[2]]$.pred_class),
                   as.character(predict(path, b[2, c("age", "lwt", "smoke")], s = 0.01)))
})

test_that("the cost of a support vector machine is its penalty", {
  b <- hook_data()
  x <- scale(as.matrix(b[c("age", "lwt")]))
  fit <- linclass_svm(x, b$low, cost = 2)
  # at the minimum of C sum max(0, 1 - s z)^2 + |b|^2 / 2 its gradient is zero
  z <- predict(fit, x, type = "link")
  s <- ifelse(b$low == "1", 1, -1)
  pull <- 2 * 2 * s * pmax(0, 1 - s * z)
  expect_equal(unname(colSums(pull * x)), unname(coef(fit)[-1]), tolerance = 1e-4)
  expect_topic(linclass_svm(x, b$low, loss = "logistic"), "loss")
  skip_without("parsnip", "tibble")
  spec <- parsnip::set_engine(parsnip::svm_linear("classification", cost = 2), "linclass")
  tidy <- parsnip::fit_xy(spec, x, b$low)
  expect_equal(coef(tidy$fit), coef(fit))
})

test_that("engines are registered whether parsnip is loaded before or after", {
  skip_on_cran()
  skip_without("parsnip")
  for (first in c("linclass", "parsnip")) {
    code <- sprintf(paste(
      "for (p in c('%s', '%s')) loadNamespace(p);",
      "cat(sum(parsnip::get_from_env('logistic_reg')$engine == 'linclass'))"),
      first, setdiff(c("linclass", "parsnip"), first))
    out <- system2(file.path(R.home("bin"), "Rscript"), c("-e", shQuote(code)), stdout = TRUE,
                   env = paste0("R_LIBS=", paste(.libPaths(), collapse = .Platform$path.sep)))
    expect_identical(utils::tail(out, 1L), "1")
  }
})

test_that("caret tunes a path", {
  skip_without("caret")
  b <- hook_data()
  set.seed(2)
  x <- b[c("age", "lwt", "smoke", "ptl")]
  grid <- expand.grid(alpha = c(0.5, 1), lambda = c(0.01, 0.05, 0.1))
  tuned <- suppressWarnings(caret::train(x, b$low, method = linclass_caret(), tuneGrid = grid,
                                         trControl = caret::trainControl("cv", 3)))
  expect_identical(nrow(tuned$results), 6L)
  best <- tuned$bestTune
  own <- linclass_path(as.matrix(x), b$low, alpha = best$alpha)
  expect_equal(unname(as.matrix(predict(tuned, x[1:5, ], "prob"))),
               unname(predict(own, x[1:5, ], type = "prob", s = best$lambda)))
  expect_identical(rownames(caret::varImp(own, lambda = 0.01)), names(x))
})

test_that("an mlr3 learner fits and predicts", {
  skip_without("mlr3", "paradox", "R6")
  learner <- linclass_learner(lambda = 0.01)
  task <- mlr3::as_task_classif(iris, "Species")
  learner$predict_type <- "prob"
  prediction <- learner$train(task)$predict(task)
  own <- linclass(Species ~ Petal.Length + Petal.Width + Sepal.Length + Sepal.Width, iris, lambda = 0.01)
  expect_equal(unname(prediction$prob), unname(predict(own, iris, type = "prob")), tolerance = 1e-8)
})

test_that("a recipe is prepared for the fit and baked for predictions", {
  skip_without("recipes")
  rec <- recipes::step_normalize(recipes::recipe(Species ~ Sepal.Length + Petal.Width, iris),
                                 recipes::all_numeric_predictors())
  fit <- linclass(rec, iris, lambda = 0.01)
  by_hand <- iris
  by_hand[1:4] <- scale(iris[1:4])
  own <- linclass(Species ~ Sepal.Length + Petal.Width, by_hand, lambda = 0.01)
  expect_equal(predict(fit, iris[1:9, ], type = "prob"), predict(own, by_hand[1:9, ], type = "prob"),
               ignore_attr = TRUE)
  expect_equal(coef(linclass(rec, lambda = 0.01)), coef(own))
})

test_that("butchered fits predict, tables are those of summary()", {
  f <- hook_fits()
  skip_without("butcher")
  small <- butcher::butcher(f$fit)
  expect_identical(predict(small, f$data), predict(f$fit, f$data))
  expect_lt(object.size(small), object.size(f$fit))
  skip_without("xtable")
  expect_equal(as.matrix(xtable::xtable(f$soft)), summary(f$soft)$coefficients, ignore_attr = TRUE)
  expect_identical(names(xtable::xtable(f$lasso)), "Estimate")
})

test_that("easystats sees a table of statistics", {
  skip_without("insight", "parameters")
  f <- hook_fits()
  ours <- as.data.frame(parameters::model_parameters(f$fit))
  expect_equal(ours$Coefficient, unname(coef(f$glm)), tolerance = 1e-8)
  expect_equal(ours$SE, unname(sqrt(diag(vcov(f$glm)))), tolerance = 1e-7)
  expect_equal(ours$p, unname(summary(f$glm)$coefficients[, 4]), tolerance = 1e-7)
  wide <- as.data.frame(parameters::model_parameters(f$soft))
  table <- summary(f$soft)$coefficients
  expect_equal(wide$Coefficient, unname(table[, 1]))
  expect_equal(wide$SE, unname(table[, 2]))
  expect_equal(wide$p, unname(table[, 4]))
  expect_identical(unique(wide$Response), c("black", "other"))
  expect_identical(insight::get_parameters(f$soft)$Estimate, unname(coef(f$soft, format = "vector")))
  skip_without("performance")
  expect_equal(unname(performance::r2_mcfadden(f$soft)[[1]]),
               1 - deviance(f$soft) / deviance(linclass(race ~ 1, f$data)), tolerance = 1e-8)
  expect_true("AIC" %in% names(performance::model_performance(f$fit)))
})

test_that("marginaleffects moves coefficients and predicts", {
  skip_without("marginaleffects", "insight")
  f <- hook_fits()
  get <- getExportedValue("marginaleffects", "get_coef")
  expect_equal(get(f$soft), coef(f$soft, format = "vector"))
  moved <- marginaleffects::set_coef(f$soft, coef(f$soft, format = "vector") + 1:8)
  expect_equal(coef(moved), coef(f$soft) + matrix(1:8, 2, byrow = TRUE))
  p <- marginaleffects::get_predict(f$soft, f$data[1:3, ], type = "response")
  expect_equal(p$estimate, as.vector(predict(f$soft, f$data[1:3, ], type = "prob")))
})
