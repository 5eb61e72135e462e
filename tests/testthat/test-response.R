# What y may be, and which class is which. Expected coefficients come from glm().

two <- toy(2)
reference <- coef(glm(y ~ a + b + c, binomial, two$data))

fit_y <- function(y) coef(linclass(two$x, y))

test_that("the second level is the event for every kind of two-class response", {
  event <- two$y == "high"
  expect_equal(fit_y(two$y), reference, tolerance = 1e-7)
  expect_equal(fit_y(event), reference, tolerance = 1e-7)
  expect_equal(fit_y(as.integer(event)), reference, tolerance = 1e-7)
  expect_equal(fit_y(ifelse(event, 1, -1)), reference, tolerance = 1e-7)
  expect_equal(fit_y(ifelse(event, 2, 1)), reference, tolerance = 1e-7)
  expect_equal(fit_y(factor(two$y, levels = c("high", "low"))), -reference, tolerance = 1e-7)
})

test_that("levels are those of y, in order", {
  expect_identical(linclass(two$x, two$y)$levels, c("low", "high"))
  expect_identical(linclass(two$x, two$y == "high")$levels, c("FALSE", "TRUE"))
  expect_identical(linclass(two$x, ifelse(two$y == "high", 7, -3))$levels, c("-3", "7"))
})

test_that("a character response says the order of its levels", {
  y <- as.character(two$y)
  expect_message_topic(fit <- linclass(two$x, y), "level_order", "\"high\" and \"low\"")
  expect_identical(fit$levels, c("high", "low"))
  expect_equal(coef(fit), -reference, tolerance = 1e-7)
})

test_that("an ordered response is nominal, with one message", {
  three <- toy(3)
  nominal <- linclass(three$x, three$y)
  expect_message_topic(fit <- linclass(three$x, as.ordered(three$y)), "ordered")
  expect_equal(coef(fit), coef(nominal))
})

test_that("counts in two columns are weights of the two classes, the first column the event", {
  fit <- linclass(cbind(ncases, ncontrols) ~ as.integer(agegp), esoph)
  glm_fit <- glm(cbind(ncases, ncontrols) ~ as.integer(agegp), binomial, esoph)
  expect_equal(coef(fit), coef(glm_fit), tolerance = 1e-7)
  expect_equal(sqrt(diag(vcov(fit))), sqrt(diag(vcov(glm_fit))), tolerance = 1e-5)
  expect_identical(fit$levels, c("ncontrols", "ncases"))
  expect_equal(fit$nobs, sum(esoph$ncases + esoph$ncontrols))
  by_matrix <- linclass(cbind(age = as.integer(esoph$agegp)),
                        cbind(esoph$ncases, esoph$ncontrols))
  expect_identical(by_matrix$levels, c("failure", "success"))
  expect_equal(unname(coef(by_matrix)), unname(coef(glm_fit)), tolerance = 1e-7)
})

test_that("counts in more columns are those of the classes, as in multinom()", {
  skip_if_not_installed("nnet")
  i <- 1:12
  data <- data.frame(x = sin(i), n1 = 1 + i %% 4, n2 = 2 + i %% 3, n3 = i %% 5)
  fit <- linclass(cbind(n1, n2, n3) ~ x, data)
  reference <- nnet::multinom(cbind(n1, n2, n3) ~ x, data, trace = FALSE, reltol = 1e-14, abstol = 1e-14)
  expect_equal(unname(coef(fit)), unname(coef(reference)), tolerance = 1e-5)
  expect_identical(fit$levels, c("n1", "n2", "n3"))
  expect_equal(fit$nobs, sum(data[2:4]))
  expect_equal(unname(predict(fit, data, "prob")), unname(fitted(reference)), tolerance = 1e-5)
  expect_equal(unname(fitted(fit, "prob", data = data)), unname(fitted(reference)), tolerance = 1e-5)
  by_matrix <- linclass(as.matrix(data["x"]), as.matrix(data[2:4]))
  expect_equal(coef(by_matrix), coef(fit))
  data$n2 <- 0
  expect_warn_topic(two <- linclass(cbind(n1, n2, n3) ~ x, data), "empty_level", "n2")
  expect_equal(unname(drop(coef(two, coding = "reference"))), unname(coef(glm(cbind(n3, n1) ~ x,
    binomial, data))), tolerance = 1e-6)
  expect_topic(linclass(cbind(n1, n2, n3) ~ x, data, loss = "hinge"), "response", "softmax")
})

test_that("one-column matrices, data frames, AsIs and tables are vectors", {
  expected <- coef(linclass(two$x, two$y))
  event <- as.integer(two$y == "high")
  expect_equal(fit_y(data.frame(y = two$y)), expected)
  expect_equal(fit_y(matrix(event)), expected)
  expect_equal(fit_y(I(event)), expected)
  expect_equal(fit_y(as.table(event)), expected)
  expect_equal(fit_y(ts(event)), expected)
  expect_equal(coef(linclass(as.matrix(y == "high") ~ a + b + c, two$data)), expected)
})

test_that("any text can be the name of a class", {
  for (names in list(c("a b", "c d"), c("\u00e9t\u00e9", "\u51ac"), c("", "x"), c("1", "NA"))) {
    y <- factor(two$y, labels = names)
    fit <- linclass(two$x, y)
    expect_identical(fit$levels, names)
    expect_identical(levels(predict(fit, two$x)), names)
    expect_identical(colnames(predict(fit, two$x, type = "prob")), names)
  }
})

test_that("empty levels are dropped with a warning and recorded", {
  y <- factor(two$y, levels = c("none", "low", "high"))
  expect_warn_topic(fit <- linclass(two$x, y), "empty_level", "none")
  expect_identical(fit$levels, c("low", "high"))
  expect_identical(fit$dropped_levels, "none")
  expect_equal(coef(fit), reference, tolerance = 1e-7)
  expect_warn_topic(fit <- linclass(Species ~ Sepal.Length, iris, subset = Species != "setosa"),
                    "empty_level", "setosa")
  expect_identical(fit$levels, c("versicolor", "virginica"))
})

test_that("levels of every coding of three classes follow levels(y)", {
  three <- toy(3)
  expect_identical(rownames(coef(linclass(three$x, three$y))), c("mid", "high"))
  symmetric <- linclass(three$x, three$y, coding = "symmetric")
  expect_identical(rownames(coef(symmetric)), c("low", "mid", "high"))
  expect_equal(unname(colSums(coef(symmetric))), rep(0, 4), tolerance = 1e-12)
  difference <- coef(symmetric)[-1, ] - rep(coef(symmetric)[1, ], each = 2)
  expect_equal(difference, coef(linclass(three$x, three$y)), tolerance = 1e-8)
})

test_that("class weights multiply the weights of the rows", {
  factors <- c(low = 2, high = 0.5)
  by_class <- linclass(two$x, two$y, class_weights = factors[c("high", "low")])
  by_row <- linclass(two$x, two$y, weights = unname(factors[as.character(two$y)]))
  expect_equal(coef(by_class), coef(by_row), tolerance = 1e-9)
  uneven <- c(1:40, which(two$y == "low"))
  y <- two$y[uneven]
  balanced <- linclass(two$x[uneven, ], y, class_weights = "balanced")
  expect_equal(balanced$class_weights, c(low = length(y) / (2 * sum(y == "low")),
                                         high = length(y) / (2 * sum(y == "high"))))
})
