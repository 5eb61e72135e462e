# predict(): types, shapes, newdata of every kind.

skip_if_not_installed("MASS")
housing <- transform(MASS::housing, Sat = factor(Sat, ordered = FALSE))
two <- linclass(am ~ wt + hp, mtcars, lambda = 0.01, alpha = 0)
three <- linclass(Species ~ ., iris, lambda = 0.01, alpha = 0)
reference <- linclass(Sat ~ Infl + Type + Cont, housing, weights = Freq)
x <- as.matrix(iris[1:4])
by_matrix <- linclass(x, iris$Species, lambda = 0.01, alpha = 0)
svm <- linclass(Species ~ ., iris, loss = "squared_hinge", lambda = 0.01, alpha = 0)
by_hand <- function(fit, x) cbind(1, as.matrix(x)) %*% t(coef(fit))

test_that("two classes: scores, probabilities, classes", {
  z <- drop(cbind(1, as.matrix(mtcars[c("wt", "hp")])) %*% coef(two))
  expect_equal(predict(two, mtcars, "link"), z)
  expect_equal(predict(two, mtcars, "response"), 1 / (1 + exp(-z)))
  expect_equal(predict(two, mtcars, "prob"), cbind(`0` = 1 / (1 + exp(z)), `1` = 1 / (1 + exp(-z))))
  expect_identical(predict(two, mtcars), factor(unname(ifelse(z > 0, "1", "0"))))
})

test_that("several classes: scores, probabilities, classes", {
  z <- by_hand(three, iris[1:4])
  rownames(z) <- 1:150
  expect_equal(predict(three, iris, "link"), z)
  expect_equal(predict(three, iris, "prob"), exp(z) / rowSums(exp(z)))
  expect_equal(predict(three, iris, "response"), predict(three, iris, "prob"))
  expect_identical(predict(three, iris),
                   factor(levels(iris$Species)[max.col(z, "first")], levels(iris$Species)))
  link <- predict(reference, housing, "link")
  expect_identical(colnames(link), levels(housing$Sat))
  expect_equal(unname(link[, 1]), numeric(72))
  expect_equal(predict(reference, housing, "prob"), softmax(link))
  both <- linclass(am ~ wt, mtcars, loss = "softmax", lambda = 0.1, alpha = 0)
  expect_equal(dim(predict(both, mtcars, "link")), c(32L, 2L))
  expect_equal(predict(both, mtcars, "response"), predict(both, mtcars, "prob")[, 2])
})

test_that("margin losses have classes and scores only", {
  expect_equal(unname(predict(svm, iris, "link")), unname(by_hand(svm, iris[1:4])))
  expect_s3_class(predict(svm, iris), "factor")
  for (type in c("prob", "response")) {
    expect_error(predict(svm, iris, type), class = "linclass_error_no_probability")
    expect_error(fitted(svm, type), class = "linclass_error_no_probability")
  }
})

test_that("no row and one row keep type and shape", {
  for (fit in list(two, three, reference, by_matrix)) {
    data <- if (identical(fit, two)) mtcars else if (identical(fit, reference)) housing else
      if (identical(fit, by_matrix)) x else iris
    for (rows in list(0L, 1L)) {
      new <- data[seq_len(rows), , drop = FALSE]
      class <- predict(fit, new)
      expect_identical(levels(class), fit$levels)
      expect_length(class, rows)
      prob <- predict(fit, new, "prob")
      expect_identical(dim(prob), c(rows, length(fit$levels)))
      expect_identical(colnames(prob), fit$levels)
      link <- predict(fit, new, "link")
      if (fit$coding == "vector") {
        expect_null(dim(link))
        expect_length(link, rows)
      } else {
        expect_identical(dim(link), c(rows, length(fit$levels)))
      }
    }
  }
})

test_that("newdata = NULL predicts the training rows", {
  expect_equal(predict(three), predict(three, iris))
  expect_equal(predict(by_matrix, type = "prob"), predict(by_matrix, x, "prob"))
  expect_error(predict(three, offset = 1), class = "linclass_error_offset")
})

test_that("missing values make missing predictions, and na.exclude pads", {
  new <- iris[c(1, 60, 120), ]
  new$Sepal.Width[2] <- NA
  expect_identical(is.na(predict(three, new)), c(FALSE, TRUE, FALSE))
  expect_silent(prob <- predict(three, new, "prob"))
  expect_equal(unname(rowSums(is.na(prob))), c(0, 3, 0))
  expect_identical(rownames(prob), rownames(new))
  expect_equal(nrow(predict(three, new, "prob", na.action = na.omit)), 2)
  expect_error(predict(three, new, na.action = na.fail))
  holes <- replace(x, 7, NA)
  expect_true(is.na(predict(by_matrix, holes)[7]))
  refs <- predict(reference, transform(housing[1:2, ], Infl = factor(c(NA, "Low"))), "link")
  expect_equal(unname(rowSums(is.na(refs))), c(3, 0))

  air <- transform(airquality, hot = Temp > 80)
  fit <- linclass(hot ~ Ozone, air, na.action = na.exclude)
  reference_glm <- glm(hot ~ Ozone, binomial, air, na.action = na.exclude)
  expect_equal(fitted(fit), fitted(reference_glm), tolerance = 1e-6)
  expect_equal(residuals(fit), residuals(reference_glm), tolerance = 1e-6)
  expect_length(predict(fit), nrow(air))
  omitted <- linclass(hot ~ Ozone, air, na.action = na.omit)
  expect_length(predict(omitted), sum(!is.na(air$Ozone)))
})

test_that("infinite values give a prediction where the score is defined", {
  new <- mtcars[1:3, ]
  new$wt[1] <- Inf
  expect_silent(prob <- predict(two, new, "prob"))
  expect_equal(unname(prob[1, ]), if (coef(two)[["wt"]] < 0) c(1, 0) else c(0, 1))
  new$hp[1] <- -sign(coef(two)[["wt"]] * coef(two)[["hp"]]) * Inf
  expect_warning(prob <- predict(two, new, "prob"), class = "linclass_warning_nonfinite")
  expect_true(all(is.na(prob[1, ])) && !anyNA(prob[-1, ]))
  expect_warning(expect_true(is.na(predict(two, new)[1])), class = "linclass_warning_nonfinite")
})

test_that("columns are matched by name", {
  expect_equal(predict(by_matrix, x[, 4:1], "prob"), predict(by_matrix, x, "prob"))
  expect_equal(predict(by_matrix, cbind(extra = 1, x), "prob"), predict(by_matrix, x, "prob"))
  expect_equal(predict(by_matrix, iris, "prob"), predict(by_matrix, x, "prob"),
               ignore_attr = "dimnames")
  expect_message(bare <- predict(by_matrix, unname(x), "prob"),
                 class = "linclass_message_unnamed_newdata")
  expect_equal(bare, predict(by_matrix, x, "prob"))
  expect_error(predict(by_matrix, x[, -2]), class = "linclass_error_newdata")
  expect_error(predict(three, iris[-1]), class = "linclass_error_newdata")
  expect_error(predict(three, transform(iris, Sepal.Width = "a")),
               class = "linclass_error_newdata")
})

test_that("sparse newdata", {
  sparse <- Matrix::Matrix(x, sparse = TRUE)
  expect_equal(predict(by_matrix, sparse, "prob"), predict(by_matrix, x, "prob"))
  expect_equal(predict(by_matrix, as(sparse, "TsparseMatrix"), "link"),
               predict(by_matrix, x, "link"))
})

test_that("factor levels: new, fewer, reordered, strings", {
  all <- predict(reference, housing[1:6, ], "prob")
  strings <- transform(housing[1:6, ], Infl = as.character(Infl))
  expect_equal(predict(reference, strings, "prob"), all)
  mixed <- transform(housing[1:6, ], Infl = factor(Infl, levels = c("High", "Medium", "Low")))
  expect_equal(predict(reference, mixed, "prob"), all)
  expect_equal(predict(reference, droplevels(housing[2, ]), "prob"), all[2, , drop = FALSE])
  new <- transform(strings, Infl = c("Low", "None", Infl[3:6]))
  expect_error(predict(reference, new), class = "linclass_error_new_level")
  expect_identical(is.na(predict(reference, new, novel = "na")), 1:6 == 2)
})

test_that("formulas with poly(), scale() and splines predict as they were fitted", {
  for (f in list(am ~ poly(wt, 2), am ~ scale(wt) + log(hp), am ~ splines::ns(wt, 2))) {
    fit <- linclass(f, mtcars)
    expected <- glm(f, binomial, mtcars)
    expect_equal(predict(fit, mtcars[5:9, ], "response"),
                 predict(expected, mtcars[5:9, ], "response"), tolerance = 1e-5)
  }
})

test_that("offsets", {
  o <- sin(1:32)
  fit <- linclass(am ~ wt, mtcars, offset = o)
  expected <- glm(am ~ wt, binomial, mtcars, offset = o)
  expect_equal(coef(fit), coef(expected), tolerance = 1e-6)
  expect_equal(fitted(fit), fitted(expected), tolerance = 1e-6)
  expect_error(predict(fit, mtcars[1:3, ]), class = "linclass_error_offset")
  expect_equal(unname(predict(fit, mtcars[1:3, ], "link", offset = o[1:3])),
               unname(predict(expected)[1:3]), tolerance = 1e-6)
  in_formula <- linclass(am ~ wt + offset(o), transform(mtcars, o = o))
  expect_equal(predict(in_formula, transform(mtcars, o = o), "link"), predict(expected),
               tolerance = 1e-6)
  expect_error(predict(in_formula, mtcars), class = "linclass_error_newdata")
  m <- cbind(0, sin(1:150), cos(1:150))
  shifted <- linclass(x, iris$Species, offset = m, lambda = 0.1, alpha = 0)
  expect_equal(unname(predict(shifted, x, "link", offset = m)), unname(by_hand(shifted, x) + m))
  expect_error(predict(shifted, x, offset = m[, 1:2]), class = "linclass_error_shape")
  expect_true(is.na(predict(fit, mtcars[1, ], "link", offset = NA_real_)))
})

test_that("ties go to the first level", {
  y <- factor(c("b", "a", "c", "a", "b", "c"), levels = c("b", "a", "c"))
  fit <- linclass(matrix(0, 6, 1), y, lambda = 0.1, alpha = 0)
  expect_identical(as.character(predict(fit, matrix(0, 2, 1))), c("b", "b"))
})

test_that("misspelt arguments and trimmed objects are refused", {
  expect_error(predict(three, iris, tpye = "prob"), class = "linclass_error_unused_argument")
  trimmed <- three
  trimmed$blueprint <- NULL
  expect_error(predict(trimmed, iris), class = "linclass_error_version")
})

test_that("a saved fit predicts the same in a fresh environment", {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  maker <- function() {
    power <- function(v) v^2
    linclass(am ~ power(wt) + hp, mtcars, lambda = 0.01, alpha = 0)
  }
  fit <- maker()
  saveRDS(fit, file)
  expect_equal(predict(readRDS(file), mtcars, "prob"), predict(fit, mtcars, "prob"))
})

test_that("a missing integer or logical is missing in every prediction", {
  x <- toy()$x[, 1:2]
  y <- toy()$y
  fit <- linclass(x, y)
  path <- linclass_path(x, y, nlambda = 3)
  calibrated <- linclass_calibrate(linclass(x, y, loss = "hinge", lambda = 0.1, alpha = 0), x, y)
  W <- t(coef(fit))
  whole <- matrix(c(1L, NA, 0L, 1L), 2, dimnames = list(NULL, colnames(x)))
  for (new in list(whole, whole == 1L)) {
    doubles <- new + 0
    for (form in list(identity, as.data.frame, row_source)) {
      expect_identical(predict(fit, form(new), type = "prob"), predict(fit, form(doubles), type = "prob"))
    }
    expect_identical(predict(fit, new), predict(fit, doubles))
    expect_identical(predict(path, new, type = "link"), predict(path, doubles, type = "link"))
    expect_identical(predict(calibrated, new, type = "prob"), predict(calibrated, doubles, type = "prob"))
    expect_identical(raw_scores(new, W), raw_scores(doubles, W))
    expect_identical(loss_value(W, new, 0:1, "logistic"), NA_real_)
    expect_true(anyNA(predict(fit, new)))
  }
})

test_that("an attribute of plain numbers that says their units is a label", {
  cars <- mtcars
  attr(cars$wt, "units") <- "1000 lbs"
  expect_equal(predict(linclass(am ~ wt, cars), mtcars, "prob")[, 2], fitted(glm(am ~ wt, binomial, mtcars)),
               tolerance = 1e-6)
})
