# Pictures at the sizes of a page and of a column of a journal: nothing is dropped, nothing fails, no
# text lies outside.

skip_if_not_installed("MASS")
sizes <- list(page = c(7, 5), column = c(80, 70) / 25.4)
glass <- linclass(type ~ ., MASS::fgl, lambda = 0.001, alpha = 0)
set.seed(1)
wide <- matrix(rnorm(60 * 40), 60, dimnames = list(NULL, paste0("gene", 1:40)))
outcome <- rep(0:1, 30)

test_that("every row of coefficients and every class has its label, however small the picture", {
  many <- linclass(wide[, 1:30], outcome, lambda = 0.01, alpha = 0)
  for (size in sizes) {
    page <- drawn(plot(many, "coefficients"), size[1], size[2])
    expect_identical(setdiff(colnames(wide)[1:30], page$text), character())
    page <- drawn(plot(glass, "coefficients"), size[1], size[2])
    expect_identical(setdiff(c(names(MASS::fgl)[1:9], levels(MASS::fgl$type)), trimws(page$text)), character())
    page <- drawn(plot(glass, "confusion"), size[1], size[2])
    expect_true(all(table(page$text)[levels(MASS::fgl$type)] == 2))
    expect_true(page$inside)
  }
})

test_that("paths of several classes are drawn at any size, with one pair of axis titles", {
  path <- linclass_path(Species ~ ., iris, nlambda = 15)
  for (size in sizes) {
    page <- drawn(plot(path), size[1], size[2])
    expect_good_page(page)
    expect_true(all(c(levels(iris$Species), names(iris)[1:4]) %in% trimws(page$text)))
    expect_identical(sum(page$text == "lambda"), 1L)
    expect_identical(sum(page$text == "coefficient"), 1L)
  }
  # The panels stand side by side or below each other, not one on top of the other.
  at <- match(levels(iris$Species), page$text)
  expect_gt(min(dist(cbind(page$x, page$y)[at, ])), 0.4)
})

test_that("of many curves the five largest are named, apart from each other", {
  path <- linclass_path(wide, outcome, nlambda = 20)
  last <- as.matrix(coef(path))[-1, 20]
  page <- drawn(plot(path), 7, 5)
  named <- page$text[page$text %in% colnames(wide)]
  expect_setequal(named, names(sort(-abs(last)))[1:5])
  expect_gt(min(diff(sort(page$y[page$text %in% colnames(wide)]))), 0.08)
})

test_that("the chosen penalties are named above the frame of a cross-validation, in the colours of their lines", {
  set.seed(1)
  cv <- linclass_cv(Species ~ ., iris, folds = 4, nlambda = 20)
  for (size in sizes) {
    page <- drawn(plot(cv), size[1], size[2])
    expect_good_page(page)
    at <- match(c("lambda.min", "lambda.1se"), trimws(page$text))
    expect_false(anyNA(at))
    expect_true(all(page$y[at] > size[2] - 0.45))
    expect_true(all(c("#009e73", "#d55e00") %in% page$colours))
  }
})

test_that("all pictures are shown, and what is left out is said", {
  ten <- drawn(plot_images(big_cats$picture[1:10, ], captions = big_cats$species[1:10]))
  expect_identical(ten$value, 1:10)
  expect_length(ten$pixels, 10)
  expect_message(left <- drawn(plot_images(big_cats$picture)), class = "linclass_message_left_out")
  expect_length(left$value, 100)
  expect_length(drawn(plot_images(big_cats$picture, big_cats$species))$value, 24)
})

test_that("calls are cut between words, and one feature is one feature", {
  call <- capture.output(print(linclass(am ~ wt, mtcars, control = linclass_control(
    max_iter = 200, tolerance = 1e-8, time_limit = 1000, threads = 1), solver = "newton", lambda = 0.001, alpha = 0)))
  expect_true(all(nchar(call) <= 80))
  expect_match(paste(call[1:2], collapse = " "), "[(,= ] \\.\\.\\.$|\\)$")
  expect_true(any(grepl("32 rows, 1 feature$", call)))
})

test_that("messages count what they name", {
  fit <- linclass(am ~ wt + hp, mtcars)
  one <- tryCatch(predict(fit, mtcars["wt"]), error = conditionMessage)
  two <- tryCatch(predict(fit, mtcars["mpg"]), error = conditionMessage)
  expect_match(one, "lacks column `hp`")
  expect_match(two, "lacks columns `wt` and `hp`")
  svm <- linclass(am ~ wt, mtcars, loss = "hinge", lambda = 0.1, alpha = 0)
  expect_error(predict(svm, type = "prob"), "\"logistic\" or \"softmax\"", class = "linclass_error_no_probability")
})

test_that("autoplot() takes the user's theme", {
  skip_if_not_installed("ggplot2")
  old <- ggplot2::theme_set(ggplot2::theme_dark())
  on.exit(ggplot2::theme_set(old))
  for (which in c("coefficients", "history", "confusion", "reliability")) {
    built <- ggplot2::ggplot_build(ggplot2::autoplot(glass, which))
    background <- ggplot2::calc_element("panel.background", ggplot2:::plot_theme(built$plot))
    expect_identical(background$fill, ggplot2::theme_dark()$panel.background$fill)
  }
})

test_that("a title keeps its own line, on a page of several plots too", {
  fit <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0)
  grDevices::pdf(NULL, width = 7, height = 7)
  on.exit(grDevices::dev.off())
  graphics::par(mfrow = c(2L, 2L))
  before <- graphics::par("mar")
  for (which in c("boundary", "coefficients", "confusion", "reliability")) plot(fit, which, main = "A title")
  expect_identical(graphics::par(c("mar", "mfrow")), list(mar = before, mfrow = c(2L, 2L)))
  expect_identical(linclass:::page$title, 0)
  page <- linclass:::page
  margins <- function(lines) {
    page$title <- lines
    on.exit(page$title <- 0)
    old <- linclass:::plot_page(4, "a class")
    on.exit(graphics::par(old), add = TRUE)
    graphics::par("mar")
  }
  expect_equal(margins(1.4) - margins(0), c(0, 0, 1.4, 0))
})
