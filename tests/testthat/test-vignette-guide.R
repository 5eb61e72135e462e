# What the guide and the pages on text, evaluation and the four losses say in words, computed here
# without the functions that they use.

test_that("the data sets are what their pages say", {
  expect_identical(dim(lesions), c(400L, 13L))
  expect_identical(levels(lesions$diagnosis), c("benign", "premalignant", "malignant"))
  expect_identical(sum(is.na(lesions)), 12L)
  expect_identical(sum(is.na(lesions$size)), 12L)
  expect_equal(mean(lesions$diagnosis == "malignant"), 1 / 7, tolerance = 0.1)
  expect_identical(as.vector(table(reviews$sentiment)), c(200L, 200L))
  words <- unlist(strsplit(tolower(reviews$text[1:300]), "[^a-z']+"))
  words <- words[nzchar(words)]
  expect_length(unique(words), 100)
  expect_true(all(table(words) >= 3))
  expect_false("goat" %in% words)
  expect_lt(sum(file.size(dir(system.file("data", package = "linclass"), full.names = TRUE))), 1e6)
})

test_that("rows outside the margin do not matter to a hinge", {
  near <- droplevels(iris[51:150, ])
  x <- as.matrix(near[3:4])
  fit <- linclass(x, near$Species, loss = "hinge", lambda = 0.01, alpha = 0, standardize = FALSE,
                  control = linclass_control(tolerance = 1e-8))
  sign <- ifelse(near$Species == "virginica", 1, -1)
  support <- sign * drop(cbind(1, x) %*% coef(fit)) < 1 + 1e-4
  expect_lt(sum(support), 40)
  alone <- linclass(x[support, ], near$Species[support], loss = "hinge",
                    lambda = 0.01 * 100 / sum(support), alpha = 0, standardize = FALSE,
                    control = linclass_control(tolerance = 1e-8))
  expect_equal(coef(alone), coef(fit), tolerance = 1e-3)
})

test_that("with a vanishing penalty the hinge finds the widest street", {
  # The distance of the convex hulls, here of points of two known lines: x + y = 0 and x + y = 2.
  x <- rbind(c(0, 0), c(1, -1), c(-1, -1), c(1, 1), c(2, 0), c(3, 3))
  y <- c(0, 0, 0, 1, 1, 1)
  fit <- linclass(x, y, loss = "hinge", lambda = 1e-3, alpha = 0, standardize = FALSE)
  expect_equal(2 / sqrt(sum(coef(fit)[-1]^2)), sqrt(2), tolerance = 1e-3)
})

test_that("a threshold from costs is where the two expected costs are equal", {
  p <- 1 / 21
  expect_equal((1 - p) * 1, p * 20)
})

test_that("features that were selected with the response promise what is not there", {
  set.seed(4)
  x <- matrix(rnorm(60 * 1000), 60)
  coin <- rbinom(60, 1, 0.5)
  best <- order(-abs(cor(x, coin)))[1:20]
  cv <- linclass_cv(x[, best], coin, alpha = 0, folds = 6, metric = "error", nlambda = 20)
  expect_lt(min(cv$metrics$mean), 0.25)
})
