# The R Markdown report: drafted as a user would, knitted on two and on three classes, its numbers
# computed again from the cross-validation.

draft_report <- function() {
  folder <- tempfile("report")
  dir.create(folder)
  rmarkdown::draft(file.path(folder, "report.Rmd"), "classification-report", package = "linclass",
                   create_dir = FALSE, edit = FALSE)
}

# The Markdown that knitting makes; what was computed stays in `env`.
knit_report <- function(file, env, ..., pandoc = FALSE) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  rmarkdown::render(file, params = list(...), envir = env, quiet = TRUE, run_pandoc = pandoc,
                    clean = FALSE)
  paste(readLines(sub("Rmd$", if (pandoc) "html" else "knit.md", file)), collapse = "\n")
}

# What the report says of an out-of-fold prediction, by the plain way round: a fit for each fold.
held_out_probabilities <- function(formula, data, env) {
  fold <- env$cv$foldid[, 1]
  k <- length(env$classes)
  prob <- matrix(NA_real_, nrow(data), k)
  for (f in unique(fold)) {
    fit <- linclass(formula, data[fold != f, ], lambda = env$lambda, alpha = env$fit$alpha,
                    coding = if (k > 2) "symmetric")
    prob[fold == f, ] <- predict(fit, data[fold == f, ], type = "prob")
  }
  prob
}

test_that("a report on two classes", {
  skip_if_not_installed("knitr")
  skip_if_not_installed("rmarkdown")
  data <- datasets::infert
  data$age[c(3, 77)] <- NA
  formula <- case ~ age + parity + education + induced + spontaneous
  env <- new.env()
  text <- knit_report(draft_report(), env, data = data, formula = formula, alpha = 0.5, folds = 4,
                      rule = "lambda.min")
  data <- data[-c(3, 77), ]
  expect_match(text, "246 rows and 6 columns", fixed = TRUE)
  expect_match(text, "2 rows were left out", fixed = TRUE)
  expect_equal(unname(env$prob), held_out_probabilities(formula, data, env), tolerance = 1e-4)
  expect_identical(as.vector(env$guess == "1"), unname(env$prob[, 2] > 0.5))
  right <- 100 * mean((env$prob[, 2] > 0.5) == (data$case == 1))
  expect_match(text, sprintf("%.1f %% of the answers", right), fixed = TRUE)
  expect_match(text, sprintf("error of %s", round(mean(data$case), 4)), fixed = TRUE)
  # The reliability table holds every row once, and its means are those of the rows.
  expect_equal(sum(env$reliability$n), 246)
  expect_equal(with(env$reliability, sum(n * mean_prob)), sum(env$prob[, 2]))
  expect_equal(with(env$reliability, sum(n * share)), sum(data$case))
  expect_equal(env$fit$lambda, env$cv$lambda.min)
})

test_that("a report on three classes, its formula a string", {
  skip_if_not_installed("knitr")
  skip_if_not_installed("rmarkdown")
  env <- new.env()
  text <- knit_report(draft_report(), env, formula = "Species ~ .", folds = 5)
  expect_match(text, "150 rows and 4 columns", fixed = TRUE)
  expect_equal(unname(env$prob), held_out_probabilities(Species ~ ., iris, env), tolerance = 1e-3)
  expect_equal(sum(env$confusion), 150)
  expect_equal(sum(env$reliability$n), 450)
  expect_equal(env$fit$lambda, env$cv$lambda.1se)
  for (class in levels(iris$Species)) expect_match(text, class, fixed = TRUE)
})

test_that("the report as a page", {
  skip_on_cran()
  skip_if_not_installed("knitr")
  skip_if_not_installed("rmarkdown")
  skip_if_not(rmarkdown::pandoc_available("1.14"))
  html <- knit_report(draft_report(), new.env(), data = datasets::warpbreaks,
                      formula = tension ~ breaks + wool, folds = 3, pandoc = TRUE)
  expect_match(html, "Confusion matrix</h2>", fixed = TRUE)
  expect_gte(lengths(regmatches(html, gregexpr("data:image/png;base64", html))), 4)
})
