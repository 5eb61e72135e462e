# Formulas: what is evaluated where, what is remembered, and what newdata becomes.

cars <- transform(mtcars, cyl = factor(cyl), gear = as.character(gear))

test_that("weights, offset and subset are evaluated in data, as glm() does", {
  fit <- linclass(am ~ wt, mtcars, weights = carb, offset = hp / 100, subset = cyl > 4)
  glm_fit <- glm(am ~ wt, binomial, mtcars, weights = carb, offset = hp / 100, subset = cyl > 4)
  expect_equal(coef(fit), coef(glm_fit), tolerance = 1e-7)
  expect_equal(fit$nobs, sum(mtcars$carb[mtcars$cyl > 4]))
  by_term <- linclass(am ~ wt + offset(hp / 100), mtcars, weights = carb, subset = cyl > 4)
  expect_equal(coef(by_term), coef(glm_fit), tolerance = 1e-7)
  both <- linclass(am ~ wt + offset(hp / 200), mtcars, weights = carb, subset = cyl > 4,
                   offset = hp / 200)
  expect_equal(coef(both), coef(glm_fit), tolerance = 1e-7)
})

test_that("dot, interactions, no intercept, logical and character columns are those of glm()", {
  formulas <- list(am ~ wt + hp, am ~ hp * vs, am ~ cyl - 1, vs ~ gear + wt, am ~ I(wt > 3.2) + hp,
                   am ~ 0 + wt, am ~ 1, am ~ log(hp) + poly(qsec, 2))
  for (formula in formulas) {
    glm_fit <- suppressWarnings(glm(formula, binomial, cars))
    fit <- quiet(linclass(formula, cars))
    expect_identical(names(coef(fit)), names(coef(glm_fit)))
    expect_equal(coef(fit), coef(glm_fit), tolerance = 1e-6)
  }
  small <- mtcars[c("am", "wt", "hp")]
  expect_equal(coef(linclass(am ~ ., small)), coef(linclass(am ~ wt + hp, small)))
})

test_that("the formula may be named and stand anywhere", {
  expected <- coef(linclass(am ~ wt, mtcars, weights = carb))
  expect_equal(coef(linclass(formula = am ~ wt, data = mtcars, weights = carb)), expected)
  expect_equal(coef(linclass(data = mtcars, weights = carb, formula = am ~ wt)), expected)
  # As lm() and glm(): data may come first, by a pipe, where the formula has its name.
  piped <- mtcars |> linclass(formula = am ~ wt, weights = carb)
  expect_equal(coef(piped), expected)
  expect_identical(piped$call, quote(linclass(formula = am ~ wt, data = mtcars, weights = carb)))
  path <- mtcars |> linclass_path(formula = am ~ wt, lambda = c(0.1, 0.01))
  expect_equal(coef(path), coef(linclass_path(am ~ wt, mtcars, lambda = c(0.1, 0.01))))
  cv <- mtcars |> linclass_cv(formula = am ~ wt, foldid = rep_len(1:4, 32), nlambda = 5)
  expect_identical(cv$path$blueprint$kind, "formula")
  expect_topic(linclass(x = mtcars, formula = am ~ wt), "unused_argument", "formula goes first")
})

test_that("intercept = FALSE is `- 1`", {
  expect_equal(coef(quiet(linclass(am ~ cyl, cars, intercept = FALSE))),
               coef(quiet(linclass(am ~ cyl - 1, cars))))
})

test_that("contrasts are used and remembered", {
  fit <- linclass(vs ~ cyl + wt, cars, contrasts = list(cyl = "contr.sum"), lambda = 0.01,
                  alpha = 0)
  expect_identical(names(coef(fit)), c("(Intercept)", "cyl1", "cyl2", "wt"))
  expected <- model.matrix(~ cyl + wt, cars, contrasts.arg = list(cyl = "contr.sum"))
  expect_equal(as.vector(predict(fit, cars, type = "link")), as.vector(expected %*% coef(fit)))
  old <- options(contrasts = c("contr.helmert", "contr.poly"))
  on.exit(options(old))
  helmert <- linclass(vs ~ cyl + wt, cars, lambda = 0.01, alpha = 0)
  options(old)
  expected <- model.matrix(~ cyl + wt, cars, contrasts.arg = list(cyl = "contr.helmert"))
  expect_equal(as.vector(predict(helmert, cars, type = "link")),
               as.vector(expected %*% coef(helmert)))
})

test_that("poly, ns, scale and factor() predict as in training", {
  skip_if_not_installed("splines")
  formula <- am ~ poly(wt, 2) + splines::ns(hp, 2) + scale(qsec) + factor(carb > 2)
  fit <- linclass(formula, mtcars, lambda = 0.01, alpha = 0)
  x <- model.matrix(formula, mtcars)
  link <- predict(fit, mtcars, type = "link")
  expect_equal(as.vector(link), as.vector(x %*% coef(fit)), tolerance = 1e-9)
  rows <- c(3, 17, 30)
  expect_equal(predict(fit, mtcars[rows, ], type = "link"), link[rows], tolerance = 1e-9)
  expect_equal(predict(fit, mtcars[17, ], type = "link"), link[17], tolerance = 1e-9)
})

test_that("a factor's levels in newdata may be fewer, reordered or text", {
  fit <- linclass(am ~ cyl + wt, cars, lambda = 0.01, alpha = 0)
  link <- predict(fit, cars, type = "link")
  reordered <- transform(cars, cyl = factor(cyl, levels = c("8", "4", "6")))
  expect_equal(predict(fit, reordered, type = "link"), link)
  expect_equal(predict(fit, transform(cars, cyl = as.character(cyl)), type = "link"), link)
  six <- droplevels(cars[cars$cyl == "6", ])
  expect_equal(predict(fit, six, type = "link"), link[cars$cyl == "6"])
  by_text <- linclass(am ~ gear + wt, cars, lambda = 0.01, alpha = 0)
  expect_equal(predict(by_text, transform(cars, gear = factor(gear)), type = "link"),
               predict(by_text, cars, type = "link"))
})

test_that("missing values follow na.action, at the fit and at prediction", {
  holes <- mtcars
  holes$wt[c(2, 9)] <- NA
  holes$am[4] <- NA
  glm_fit <- glm(am ~ wt, binomial, holes)
  fit <- linclass(am ~ wt, holes)
  expect_equal(coef(fit), coef(glm_fit), tolerance = 1e-7)
  expect_equal(fit$na.action, glm_fit$na.action)
  expect_identical(fit$n, 29L)
  expect_error(linclass(am ~ wt, holes, na.action = na.fail), class = "linclass_error_formula")
  link <- predict(fit, holes, type = "link")
  expect_identical(which(is.na(unname(link))), c(2L, 9L))
  expect_identical(length(predict(fit, holes, na.action = na.omit)), 30L)
  weights <- rep(1, 32)
  weights[5] <- NA
  expect_identical(linclass(am ~ wt, mtcars, weights = weights)$n, 31L)
})

test_that("a fit predicts rows with NA in poly()", {
  fit <- linclass(am ~ poly(wt, 2), mtcars)
  holes <- mtcars[1:4, ]
  holes$wt[2] <- NA
  link <- unname(predict(fit, holes, type = "link"))
  expect_equal(link[-2], unname(predict(fit, mtcars, type = "link"))[c(1, 3, 4)])
  expect_true(is.na(link[2]))
})

test_that("a function that refuses missing values is asked for the complete rows, and says what it says of others", {
  careful <- function(v) {
    if (anyNA(v) || any(v > 100)) stop("no number I know")
    v
  }
  fit <- linclass(am ~ careful(wt), mtcars, lambda = 0.1)
  holes <- mtcars[1:4, ]
  holes$wt[2] <- NA
  expected <- predict(linclass(am ~ wt, mtcars, lambda = 0.1), holes, type = "link")
  expect_equal(predict(fit, holes, type = "link"), expected, tolerance = 1e-12) # under the names of the rows
  expect_equal(unname(predict(fit, `rownames<-`(holes, NULL), type = "link")), unname(expected), tolerance = 1e-12)
  holes$wt[3] <- 200
  expect_topic(predict(fit, holes), "newdata", "no number I know")
})

test_that("terms carry the functions and constants of the formula and nothing else", {
  make <- function() {
    ballast <- rep(pi, 1e6)
    cut <- 3
    helper <- function(u) u > 2
    heavy <- function(u, by = cut) helper(u / by * 3)
    linclass(am ~ heavy(wt) + I(hp / cut), mtcars, lambda = 0.01)
  }
  fit <- make()
  expect_lt(length(serialize(fit, NULL)), 1e5)
  file <- tempfile()
  on.exit(unlink(file))
  saveRDS(fit, file)
  again <- readRDS(file)
  rm(make)
  x <- cbind(1, mtcars$wt > 2, mtcars$hp / 3)
  expect_equal(unname(predict(again, mtcars, type = "link")), as.vector(x %*% coef(fit)))
})

test_that("variables that are not in data must come with newdata", {
  response <- mtcars$am
  weight <- mtcars$wt
  fit <- linclass(response ~ weight)
  expect_equal(unname(coef(fit)), unname(coef(glm(am ~ wt, binomial, mtcars))), tolerance = 1e-7)
  expect_topic(predict(fit, mtcars), "newdata", "`weight`")
  expect_length(predict(fit, data.frame(weight = c(2, 3, 4))), 3L)
})

test_that("an offset argument that names columns is found in newdata", {
  fit <- linclass(am ~ wt, mtcars, offset = hp / 100)
  x <- cbind(1, mtcars$wt) %*% coef(fit) + mtcars$hp / 100
  expect_equal(unname(predict(fit, mtcars, type = "link")), as.vector(x))
  expect_topic(predict(fit, mtcars["wt"]), "offset")
  expect_equal(unname(predict(fit, mtcars["wt"], type = "link", offset = mtcars$hp / 100)),
               as.vector(x))
})

test_that("formula and matrix give the same fit", {
  three <- toy(3)
  for (settings in list(list(), list(lambda = 0.03),
                        list(loss = "hinge", lambda = 0.1, alpha = 0))) {
    by_formula <- do.call(linclass, c(list(y ~ a + b + c, three$data), settings))
    by_matrix <- do.call(linclass, c(list(three$x, three$y), settings))
    expect_equal(coef(by_formula), coef(by_matrix), tolerance = 1e-9)
  }
})

test_that("wide factors are not laid out dense, with the same result", {
  n <- 3000L
  i <- seq_len(n)
  data <- data.frame(y = sin(3 * i) + sin(i %% 17) > 0, x = cos(i),
                     wide = factor(sprintf("l%04d", (i * 7919L) %% 1500L)))
  fit <- linclass(y ~ x + wide, data, lambda = 0.02, alpha = 0)
  expect_identical(fit$blueprint$layout, "coded")
  x <- model.matrix(y ~ x + wide, data)[, -1]
  dense <- linclass(x, data$y, lambda = 0.02, alpha = 0)
  expect_equal(coef(fit), coef(dense), tolerance = 1e-6)
  expect_equal(predict(fit, data[5:9, ], type = "link"),
               predict(dense, x[5:9, ], type = "link"), tolerance = 1e-6)
})

test_that("tibbles, lists, and data with extra classes are data", {
  classed <- structure(mtcars, class = c("tbl_df", "tbl", "data.frame"))
  expected <- coef(linclass(am ~ wt, mtcars))
  expect_equal(coef(linclass(am ~ wt, classed)), expected)
  expect_equal(coef(linclass(am ~ wt, as.list(mtcars))), expected)
  expect_equal(coef(linclass(am ~ wt, list2env(mtcars))), expected)
})

test_that("levels seen only in rows of weight 0 have no column", {
  weights <- as.numeric(cars$cyl != "6")
  fit <- linclass(vs ~ cyl + wt, cars, weights = weights, lambda = 0.01)
  expect_identical(names(coef(fit)), c("(Intercept)", "cyl8", "wt"))
  expect_topic(predict(fit, cars), "new_level", "6")
})

test_that("calls are kept as written, and those of do.call() stay small", {
  fit <- linclass(am ~ wt, mtcars, lambda = 0.1)
  expect_identical(fit$call, quote(linclass(formula = am ~ wt, data = mtcars, lambda = 0.1)))
  by_value <- do.call(linclass, list(am ~ wt, mtcars))
  expect_identical(as.character(by_value$call$data), "<data.frame>")
})

test_that("the data of a fit are found again, checked, or asked for", {
  data <- mtcars
  fit <- linclass(am ~ wt, data, weights = carb, model = FALSE)
  expect_equal(unname(training_data(fit)$x[, "wt"]), mtcars$wt)
  expect_equal(training_data(fit)$weights, mtcars$carb)
  data$wt[3] <- data$wt[3] + 0.01
  expect_topic(training_data(fit), "data", "not those of the fit")
  expect_equal(unname(training_data(fit, mtcars)$x[, "wt"]), mtcars$wt)
  rm(data)
  expect_topic(training_data(fit), "data", "model = TRUE")
  kept <- linclass(am ~ wt, mtcars, model = TRUE)
  expect_equal(unname(training_data(kept)$x[, "wt"]), mtcars$wt)
})

test_that("NA may be a level, as in glm()", {
  data <- toy()$data
  data$g <- addNA(c("u", "v", NA)[1 + seq_len(60) %% 3])
  fit <- linclass(y ~ a + g, data)
  reference <- glm(y ~ a + g, binomial, data)
  expect_equal(coef(fit), coef(reference), tolerance = 1e-8)
  for (g in list(data$g[1:3], c("v", NA, "u"), factor(c("v", NA, "u")), rep(NA_character_, 3))) {
    new <- data.frame(a = 1:3 / 3, g = g)
    expect_equal(predict(fit, new, type = "link"), predict(reference, new), tolerance = 1e-8)
  }
  expect_equal(coef(update(fit, . ~ . - a)), coef(update(reference, . ~ . - a)), tolerance = 1e-8)
})

test_that("a dot is written out where a fit is updated or joined with another", {
  data <- toy()$data
  wide <- data.frame(data, outer(1:60, 1:300, function(i, j) cos(i * j)))
  for (all in list(data, wide)) {
    fits <- lapply(list(1:60, 21:60), function(rows) linclass(y ~ ., all[rows, ], lambda = 0.1, alpha = 0))
    joined <- merge(fits[[1L]], fits[[2L]])
    expect_equal(coef(joined), coef(linclass(y ~ ., all[c(1:60, 21:60), ], lambda = 0.1, alpha = 0)), tolerance = 1e-6)
    expect_identical(joined$call$formula, quote(y ~ .))
    smaller <- linclass(y ~ . - b, all, lambda = 0.1, alpha = 0)
    expect_equal(coef(update(fits[[1L]], . ~ . - b, data = all)), coef(smaller), tolerance = 1e-8)
  }
})
