# Bad input is refused with the error of its topic, before any work; odd but good input works. The
# tables below are the list of what is refused and what is accepted.

two <- toy(2)
three <- toy(3)
x <- two$x
y <- two$y
data <- two$data
sparse <- Matrix::Matrix(x, sparse = TRUE)

spoil <- function(x, value, at = 5L) {
  x[at, 2L] <- value
  x
}
spoil_slot <- function(slot, value) {
  broken <- as(sparse, "dgCMatrix")
  slot(broken, slot, check = FALSE) <- value
  broken
}
losses <- linclass_losses()$name

# Each row: topic of the error, a pattern in its message, the call.
refused <- function(...) as.list(substitute(list(...)))[-1L]
expect_all_refused <- function(cases, env = parent.frame()) {
  for (case in cases) {
    expect_topic(eval(case[[4L]], env), case[[2L]], case[[3L]])
  }
}

test_that("responses that are not classes are refused", {
  expect_all_refused(refused(
    row("response", "factor\\(y\\)", linclass(x, x[, 1])),
    row("response", "factor\\(y\\)", linclass(a ~ b, data)),
    row("response", "factor\\(y\\)", linclass(x, rep(1:3, 20))),
    row("response", "Date", linclass(x, as.Date("2020-01-01") + 0:59)),
    row("response", "list", linclass(x, as.list(1:60))),
    row("response", "complex", linclass(x, rep(1i, 60))),
    row("response", "raw", linclass(x, raw(60))),
    row("response", "POSIX", linclass(x, .POSIXct(1:60))),
    row("response", "difftime", linclass(x, as.difftime(rep(1:2, 30), units = "days"))),
    row("response", "infinite", linclass(x, c(Inf, rep(0:1, length.out = 59)))),
    row("response", "NaN", linclass(x, c(NaN, rep(0:1, length.out = 59)))),
    row("response", "give `y`", linclass(x)),
    row("response", "give `y`", linclass(x, NULL)),
    row("response", "`formula =`", linclass(data, y ~ a)),
    row("response", "2 columns", linclass(x, data.frame(y, y))),
    row("response", "60 x 3", linclass(x, x)),
    row("response", "NA is a level", linclass(x, addNA(factor(c(NA, rep(1:2, length.out = 59)))))),
    row("response", "3 classes", linclass(three$x, three$y, loss = "logistic")),
    row("response", "two columns", linclass(x, cbind(rep(1, 60), 2), loss = "hinge")),
    row("response", "not negative", linclass(x, cbind(rep(-1, 60), 2))),
    row("missing", "1 missing", linclass(x, replace(y, 3, NA))),
    row("missing", "2 missing", linclass(x, replace(rep(0:1, 30), 3:4, NA))),
    row("missing", "1 missing", linclass(x, cbind(c(NA, rep(1, 59)), 2))),
    row("shape", "59 values and `x` has 60 rows", linclass(x, y[-1])),
    row("formula", "no response", linclass(~ a, data)),
    row("formula", "zz", linclass(zz ~ a, data)),
    row("formula", "zz", linclass(y ~ zz, data)),
    row("formula", "data", linclass(y ~ .)),
    row("formula", NULL, linclass(y ~ I(list(1)), data))
  ))
})

test_that("fewer than two classes are refused", {
  expect_all_refused(refused(
    row("one_class", "\"high\"", linclass(x, factor(rep("high", 60)))),
    row("one_class", "TRUE", linclass(x, rep(TRUE, 60))),
    row("one_class", "1", linclass(x, rep(1, 60))),
    row("one_class", NULL, linclass(x[1, , drop = FALSE], y[1])),
    row("one_class", "low", linclass(x, y, weights = as.numeric(y == "low"))),
    row("one_class", NULL, linclass(y ~ a, data, subset = y == "low")),
    row("one_class", "success", linclass(x, cbind(rep(2, 60), 0)))
  ))
})

test_that("matrices that do not hold numbers are refused", {
  expect_all_refused(refused(
    row("type", "character", linclass(matrix("1", 60, 2), y)),
    row("type", "complex", linclass(matrix(1i, 60, 2), y)),
    row("type", "list", linclass(matrix(list(1), 60, 2), y)),
    row("type", "ncol = 1", linclass(x[, 1], y)),
    row("type", "NULL", linclass(NULL, y)),
    row("type", "function", linclass(mean, y)),
    row("type", "formula or a matrix", linclass()),
    row("type", "Species.*formula", linclass(iris, iris$Species)),
    row("type", "when", linclass(data.frame(a = 1:60, when = Sys.Date()), y)),
    row("type", "when", linclass(data.frame(when = .POSIXct(1:60)), y)),
    row("type", "text", linclass(data.frame(text = rep("a", 60)), y)),
    row("type", "cells", linclass(data.frame(cells = I(as.list(1:60))), y)),
    row("names", "`a`", linclass(`colnames<-`(x, c("a", "b", "a")), y)),
    row("names", "no name", linclass(`colnames<-`(x, c("a", NA, "c")), y)),
    row("names", "no name", linclass(`colnames<-`(x, c("a", "", "c")), y)),
    row("names", "Intercept", linclass(`colnames<-`(x, c("(Intercept)", "b", "c")), y)),
    row("no_rows", NULL, linclass(x[0, ], y[0])),
    row("no_rows", NULL, linclass(data[0, c("a", "b")], y[0])),
    row("no_rows", NULL, linclass(sparse[0, ], y[0])),
    row("no_rows", NULL, linclass(y ~ a, data[0, ])),
    row("no_rows", NULL, linclass(y ~ a, data, subset = a > 99)),
    row("no_rows", NULL, linclass(y ~ a, transform(data, a = NA_real_)))
  ))
})

test_that("missing and infinite features are named, for every loss and storage", {
  for (loss in losses) {
    for (storage in list(as.matrix, as.data.frame, function(x) Matrix::Matrix(x, sparse = TRUE))) {
      fit <- function(value) linclass(storage(spoil(x, value)), y, loss = loss)
      expect_topic(fit(NA), "missing", "1 NA, 0 NaN.*`b`")
      expect_topic(fit(NaN), "missing", "0 NA, 1 NaN.*`b`")
      expect_topic(fit(Inf), "nonfinite", "`b`")
      expect_topic(fit(-Inf), "nonfinite", "`b`")
    }
  }
  expect_topic(linclass(matrix(c(1L, NA), 60, 1), y), "missing", "30")
  expect_topic(linclass(matrix(c(TRUE, NA), 60, 1), y), "missing", "30")
  expect_topic(linclass(y ~ log(abs(a) * 0), data), "nonfinite", "log")
  expect_topic(linclass(y ~ a, transform(data, a = replace(a, 2, NA)), na.action = na.pass),
               "missing", "`a`")
})

test_that("corrupt sparse matrices are refused by C, without a crash", {
  n <- length(as(sparse, "dgCMatrix")@i)
  broken <- list(
    spoil_slot("i", rep(60L, n)), spoil_slot("i", rep(-1L, n)), spoil_slot("i", integer()),
    spoil_slot("p", c(0L, 90L, 50L, n)), spoil_slot("p", c(0L, 1L)),
    spoil_slot("p", c(5L, 60L, 120L, n)), spoil_slot("p", c(0L, 60L, 120L, n + 7L)),
    spoil_slot("x", 1), spoil_slot("Dim", c(60L, 30L)), spoil_slot("Dim", c(-1L, 3L)))
  for (matrix in broken) {
    expect_error(linclass(matrix, y), class = "linclass_error")
    expect_error(linclass(matrix, y, weights = rep(0:1, 30)), class = "linclass_error")
  }
})

test_that("weights and offsets that are none are refused", {
  ones <- rep(1, 60)
  expect_all_refused(refused(
    row("weights", "zero", linclass(x, y, weights = 0 * ones)),
    row("weights", "row 3", linclass(x, y, weights = replace(ones, 3, -1))),
    row("weights", "row 3", linclass(x, y, weights = replace(ones, 3, NA))),
    row("weights", "row 3", linclass(x, y, weights = replace(ones, 3, Inf))),
    row("weights", "numeric", linclass(x, y, weights = as.character(ones))),
    row("weights", "overflow", linclass(x, y, weights = 1e307 * ones)),
    row("weights", NULL, linclass(y ~ a, data, weights = -ones)),
    row("weights", "zero", linclass(y ~ a, data, weights = 0 * ones)),
    row("shape", "length 1 and there are 60", linclass(x, y, weights = 1)),
    row("shape", "`weights` has length 59", linclass(y ~ a, data, weights = ones[-1])),
    row("shape", "`offset` has length 59", linclass(y ~ a, data, offset = ones[-1])),
    row("shape", "59 rows", linclass(x, y, offset = ones[-1])),
    row("shape", "3 columns", linclass(x, y, offset = x)),
    row("offset", "1 missing or infinite value\\.", linclass(x, y, offset = replace(ones, 2, NA))),
    row("offset", "1 missing or infinite value\\.", linclass(x, y, offset = replace(ones, 2, Inf))),
    row("offset", "numeric", linclass(x, y, offset = as.character(ones))),
    row("offset", "one column for each class", linclass(three$x, three$y, offset = ones)),
    row("weights", "balanced", linclass(x, y, class_weights = c(1, 2))),
    row("weights", "balanced", linclass(x, y, class_weights = "balance")),
    row("weights", "middle", linclass(x, y, class_weights = c(low = 1, high = 1, middle = 1))),
    row("weights", "once", linclass(x, y, class_weights = c(low = 1))),
    row("weights", "positive", linclass(x, y, class_weights = c(low = 1, high = -1))),
    row("weights", "positive", linclass(x, y, class_weights = c(low = 1, high = NA)))
  ))
})

test_that("penalties, bounds, starts and flags out of range are refused", {
  expect_all_refused(refused(
    row("penalty", "-1", linclass(x, y, lambda = -1)),
    row("penalty", "NA", linclass(x, y, lambda = NA)),
    row("penalty", "Inf", linclass(x, y, lambda = Inf)),
    row("penalty", "length 0", linclass(x, y, lambda = numeric())),
    row("penalty", "length 2", linclass(x, y, lambda = 1:2)),
    row("penalty", "one finite number", linclass(x, y, lambda = "1")),
    row("penalty", "0 to 1", linclass(x, y, alpha = 1.1)),
    row("penalty", "0 to 1", linclass(x, y, alpha = -0.1)),
    row("penalty", "0 to 1", linclass(x, y, alpha = NaN)),
    row("penalty", "perceptron", linclass(x, y, loss = "perceptron", lambda = 1)),
    row("penalty", "negative", linclass(x, y, penalty_factor = c(1, -1, 1))),
    row("penalty", "NA", linclass(x, y, penalty_factor = c(1, NA, 1))),
    row("penalty", "`zz`", linclass(x, y, penalty_factor = c(zz = 1))),
    row("shape", "length 2", linclass(x, y, penalty_factor = c(1, 1))),
    row("bounds", "`a`", linclass(x, y, lower = c(a = 2), upper = c(a = 1))),
    row("bounds", "numeric", linclass(x, y, lower = "0")),
    row("bounds", "`zz`", linclass(x, y, upper = c(zz = 1))),
    row("shape", "length 2", linclass(x, y, upper = 1:2)),
    row("shape", "4 numbers", linclass(x, y, start = 1:3)),
    row("shape", "missing", linclass(x, y, start = c(1, NA, 1, 1))),
    row("shape", "missing", linclass(x, y, start = c(1, NaN, 1, 1))),
    row("shape", "2 or 3 x 4", linclass(three$x, three$y, start = 1:4)),
    row("shape", "2 or 3 x 4", linclass(three$x, three$y, start = matrix(0, 4, 4))),
    row("shape", "`zz`", linclass(x, y, start = c(zz = 1, a = 1, b = 1, c = 1))),
    row("coding", "symmetric", linclass(three$x, three$y, coding = "treatment")),
    row("coding", "single score", linclass(x, y, coding = "symmetric")),
    row("argument", "standardize", linclass(x, y, standardize = NA)),
    row("argument", "intercept", linclass(x, y, intercept = "yes")),
    row("argument", "model", linclass(x, y, model = 1:2)),
    row("loss", "squared_hinge", linclass(x, y, loss = "squared")),
    row("loss", NULL, linclass(x, y, loss = c("hinge", "logistic")))
  ))
})

test_that("solvers and settings are checked against the tables of C", {
  expect_all_refused(refused(
    row("solver", "newton", linclass(x, y, solver = "newtn")),
    row("solver", "string", linclass(x, y, solver = 1)),
    row("solver", "missing: one of \"auto\"", solver()),
    row("solver", "string", solver(c("newton", "lbfgs"))),
    row("solver", "no option", solver("newton", zz = 1)),
    row("solver", "no option", solver("auto", rate = 1)),
    row("solver", "named", solver("minibatch", 32)),
    row("solver", "twice", solver("minibatch", epochs = 3, epochs = 4)),
    row("solver", "batch_size", solver("minibatch", batchsize = 3)),
    row("solver", "rate", solver("gradient_descent", rate = 0)),
    row("solver", "rate", solver("gradient_descent", rate = -1)),
    row("solver", "rate", solver("gradient_descent", rate = NaN)),
    row("solver", "rate", solver("gradient_descent", rate = "fast")),
    row("solver", "batch_size", solver("minibatch", batch_size = 0)),
    row("solver", "whole", solver("minibatch", batch_size = 1.5)),
    row("solver", "alpha = 0", linclass(x, y, lambda = 0.1, solver = "newton")),
    row("solver", "smooth", linclass(x, y, loss = "perceptron", solver = "newton")),
    row("solver", "hinge", linclass(x, y, loss = "logistic", solver = "interior_point")),
    row("solver", "sparse", linclass(x, y, loss = "hinge", lambda = 0.1, alpha = 0, solver = "dual")),
    row("solver", "ridge", linclass(as(x, "CsparseMatrix"), y, loss = "hinge", solver = "dual")),
    row("solver", "ridge", linclass(as(x, "CsparseMatrix"), y, loss = "hinge", lambda = 0.1, alpha = 0, solver = "dual",
                                    penalty_factor = c(0, 1, 1))),
    row("solver", "alpha = 0", linclass(as(x, "CsparseMatrix"), y, loss = "hinge", lambda = 0.1, solver = "dual")),
    row("bounds", "cannot treat bounds", linclass(x, y, lower = 0, solver = "newton")),
    row("control", "tolerance", linclass_control(tolernce = 1)),
    row("control", "tolerance", linclass_control(tolerance = 0)),
    row("control", "tolerance", linclass_control(tolerance = -1)),
    row("control", "tolerance", linclass_control(tolerance = NA)),
    row("control", "whole", linclass_control(max_iter = 1.5)),
    row("control", "max_iter", linclass_control(max_iter = -1)),
    row("control", "threads", linclass_control(threads = 0)),
    row("control", "linclass_control", linclass(x, y, control = 3)),
    row("control", "named", linclass(x, y, control = structure(list(1), class = "linclass_control"))),
    row("control", "tolerance", linclass(x, y, control = structure(list(tolerance = "a"),
                                                                   class = "linclass_control"))),
    row("solver", "one string", linclass(x, y, solver = structure(list(), class = "linclass_solver"))),
    row("solver", "Unknown", linclass(x, y, solver = structure(list(name = "newtn"),
                                                               class = "linclass_solver"))),
    row("solver", "no option", linclass(x, y, solver = structure(
      list(name = "newton", options = list(name = 1)), class = "linclass_solver"))),
    row("solver", "named", linclass(x, y, solver = structure(
      list(name = "lbfgs", options = 3), class = "linclass_solver"))),
    row("control", "at least 1", linclass_threads(0)),
    row("control", "at least 1", linclass_threads(NA))
  ))
})

test_that("misspelt and unnamed arguments are refused with a hint", {
  expect_all_refused(refused(
    row("unused_argument", "`lambda`", linclass(x, y, lamda = 0.1)),
    row("unused_argument", "`lambda`", linclass(y ~ a, data, lamda = 0.1)),
    row("unused_argument", "`weights`", linclass(x, y, weight = rep(1, 60))),
    row("unused_argument", "must be named", linclass(x, y, "hinge")),
    row("unused_argument", "formula method", linclass(x, y, contrasts = NULL)),
    row("unused_argument", "Take rows", linclass(x, y, subset = 1:30)),
    row("unused_argument", "left of the formula", linclass(y ~ a, data, y = y))
  ))
  # nothing in ... is evaluated
  expect_topic(linclass(x, y, zz = stop("evaluated")), "unused_argument", "`zz`")
})

test_that("newdata that does not fit the model is refused", {
  by_formula <- linclass(y ~ a + f, transform(data, f = rep(c("u", "v", "w"), 20)))
  new <- data.frame(a = 1:2, f = c("u", "v"))
  by_matrix <- linclass(x, y)
  expect_all_refused(refused(
    row("newdata", "`f`", predict(by_formula, new["a"])),
    row("newdata", "`a`", predict(by_formula, transform(new, a = c("1", "2")))),
    row("newdata", "`f`", predict(by_formula, transform(new, f = 1:2))),
    row("newdata", "data frame", predict(by_formula, mean)),
    row("new_level", "\"z\"", predict(by_formula, transform(new, f = c("u", "z")))),
    row("newdata", "`b`", predict(by_matrix, x[, c("a", "c")])),
    row("newdata", "2 columns", predict(by_matrix, unname(x[, 1:2]))),
    row("newdata", "more than once", predict(by_matrix, x[, c("a", "b", "c", "b")])),
    row("newdata", "drop = FALSE", predict(by_matrix, x[1, ])),
    row("newdata", "character", predict(by_matrix, `dimnames<-`(matrix("1", 2, 3),
                                                               list(NULL, c("a", "b", "c"))))),
    row("newdata", "`b`", predict(by_matrix, data.frame(a = 1, b = "u", c = 1))),
    row("no_probability", "logistic", predict(linclass(x, y, loss = "hinge", lambda = 0.1,
                                                       alpha = 0), x, type = "prob"))
  ), environment())
  remapped <- predict(by_formula, transform(new, f = c("u", "z")), novel = "na")
  expect_identical(is.na(remapped), c(FALSE, TRUE))
})

test_that("an offset that the fit had is needed for newdata", {
  fit <- linclass(x, y, offset = cos(1:60))
  expect_topic(predict(fit, x), "offset")
  expect_topic(predict(fit, x, offset = 1:3), "shape")
  expect_length(predict(fit, x, offset = cos(1:60)), 60L)
})

test_that("rows of newdata with NA or Inf are kept", {
  fit <- linclass(x, y)
  new <- spoil(spoil(x[1:4, ], NA, 2L), Inf, 3L)
  prob <- predict(fit, new, type = "prob")
  expect_identical(dim(prob), c(4L, 2L))
  expect_true(all(is.na(prob[2, ])))
  expect_equal(sort(unname(prob[3, ])), c(0, 1))
  expect_identical(is.na(predict(fit, new)), c(FALSE, TRUE, FALSE, FALSE))
  new[4, ] <- sign(coef(fit)[-1]) * c(Inf, -Inf, Inf)
  expect_warn_topic(link <- predict(fit, new, type = "link"), "nonfinite", "row 4")
  expect_true(is.na(link[[4]]))
})

test_that("no row and one row keep their shape", {
  for (fit in list(linclass(x, y), linclass(three$x, three$y))) {
    k <- length(fit$levels)
    for (n in 0:1) {
      new <- x[seq_len(n), , drop = FALSE]
      expect_identical(dim(predict(fit, new, type = "prob")), c(n, k))
      class <- predict(fit, new)
      expect_identical(levels(class), fit$levels)
      expect_length(class, n)
    }
  }
})

test_that("fits without columns have their closed form", {
  share <- mean(iris$Species[1:80] == "versicolor")
  small <- droplevels(iris[1:80, ])
  expect_equal(coef(linclass(Species ~ 1, small)), c("(Intercept)" = qlogis(share)),
               tolerance = 1e-9)
  expect_equal(unname(coef(linclass(matrix(0, 80, 0), small$Species))), qlogis(share),
               tolerance = 1e-9)
  none <- linclass(Species ~ 0, iris)
  expect_equal(unname(predict(none, iris[1:2, ], type = "prob")), matrix(1 / 3, 2, 3))
  softmax <- linclass(Species ~ 1, iris[20:110, ])
  counts <- table(iris$Species[20:110])
  expect_equal(unname(drop(coef(softmax))), log(as.vector(counts[-1] / counts[[1]])),
               tolerance = 1e-8)
  one <- linclass(x[, "a", drop = FALSE], y)
  expect_equal(coef(one), coef(glm(y ~ a, binomial, data)), tolerance = 1e-8)
})

test_that("constant, zero and repeated columns are aliased, or 0 with a penalty", {
  odd <- cbind(x, constant = 0.1, zero = 0)
  expect_identical(sort(warned_topics(fit <- linclass(odd, y))), "rank")
  expect_true(all(is.na(coef(fit)[c("constant", "zero")])))
  expect_setequal(fit$aliased, c("constant", "zero"))
  expect_equal(coef(fit)[1:4], coef(glm(y ~ a + b + c, binomial, data)), tolerance = 1e-7)
  penalised <- linclass(odd, y, lambda = 0.05)
  expect_identical(unname(coef(penalised)[c("constant", "zero")]), c(0, 0))
  expect_warn_topic(fit <- linclass(cbind(x, d = x[, 1] - 2 * x[, 2]), y), "rank", "`d`")
  expect_identical(fit$aliased, "d")
  ridge <- linclass(cbind(x, twin = x[, "a"]), y, lambda = 0.1, alpha = 0)
  expect_equal(coef(ridge)[["a"]], coef(ridge)[["twin"]], tolerance = 1e-7)
})

test_that("more columns than rows without a penalty is said", {
  wide <- outer(1:8, 1:12, function(i, j) sin(i * j))
  expect_warn_topic(fit <- linclass(wide, rep(0:1, 4)), "underdetermined", "8 rows")
  expect_true(all(is.finite(coef(fit)) | is.na(coef(fit))))
})

test_that("a class of one row is fitted", {
  fit <- quiet(linclass(x, replace(rep("a", 60), 7, "b"), lambda = 0.01, alpha = 0))
  expect_true(fit$converged)
})

test_that("columns of any scale give the same model", {
  expected <- coef(linclass(x, y))
  for (scale in c(1e-200, 1e-8, 1e8, 1e150, 1e300)) {
    fit <- linclass(x %*% diag(c(scale, 1, 1)), y)
    expect_equal(unname(coef(fit) * c(1, scale, 1, 1)), unname(expected), tolerance = 1e-6,
                 info = scale)
    ridge <- linclass(x %*% diag(c(scale, 1, 1)), y, lambda = 0.1, alpha = 0.5)
    plain <- linclass(x, y, lambda = 0.1, alpha = 0.5)
    expect_equal(unname(coef(ridge) * c(1, scale, 1, 1)), unname(coef(plain)), tolerance = 1e-5,
                 info = scale)
  }
  shifted <- x
  shifted[, "a"] <- 1e9 + x[, "a"]
  moved <- quiet(linclass(shifted, y))
  expect_equal(coef(moved)[["a"]], expected[["a"]], tolerance = 1e-6)
})

test_that("nearly collinear columns converge, with a warning", {
  near <- cbind(x, d = x[, "a"] + 1e-7 * cos(9 * (1:60)))
  topics <- warned_topics(fit <- linclass(near, y))
  expect_true("ill_conditioned" %in% topics)
  expect_true(all(is.finite(coef(fit))))
})

test_that("light and heavy weights neither overflow nor vanish unsaid", {
  weights <- rep(c(1e-300, 1), 30)
  expect_warn_topic(fit <- linclass(x, y, weights = weights), "weights")
  expect_equal(coef(fit), coef(linclass(x[weights == 1, ], y[weights == 1])), tolerance = 1e-6)
  for (scale in c(1e-300, 1e300)) {
    expect_equal(coef(linclass(x, y, weights = rep(scale, 60))), coef(linclass(x, y)),
                 tolerance = 1e-7)
  }
})

test_that("huge finite offsets and scores make no NaN", {
  for (loss in losses) {
    fit <- quiet(linclass(x, y, loss = loss, offset = 1e4 * sin(1:60)))
    expect_true(all(is.finite(coef(fit))), info = loss)
    expect_true(is.finite(fit$objective), info = loss)
  }
  prob <- predict(linclass(x, y), 1e5 * x, type = "prob")
  expect_true(all(is.finite(prob)))
  expect_equal(unname(rowSums(prob)), rep(1, 60))
})

test_that("separation is a warning with finite coefficients, and none with a penalty", {
  expect_warn_topic(fit <- linclass(Species ~ ., iris), "separation", "setosa")
  expect_true(all(is.finite(coef(fit))))
  quasi <- data.frame(y = rep(0:1, c(30, 30)), f = rep(c("u", "v", "u"), c(20, 10, 30)))
  expect_warn_topic(fit <- linclass(y ~ f, quasi), "separation")
  expect_true(all(is.finite(coef(fit))))
  expect_identical(warned_topics(linclass(Species ~ ., iris, lambda = 0.01)), character())
  expect_identical(warned_topics(linclass(y ~ f, quasi, lambda = 0.01, alpha = 0)), character())
})

test_that("a perceptron that cannot separate says so and is usable", {
  expect_warn_topic(fit <- linclass(x, y, loss = "perceptron"), "not_converged")
  expect_true(all(is.finite(coef(fit))))
  separable <- linclass(x, x[, "a"] + x[, "b"] > 0.3, loss = "perceptron")
  expect_identical(as.vector(predict(separable, x)) == "TRUE", unname(x[, "a"] + x[, "b"] > 0.3))
})

test_that("stopping early is a warning and a field", {
  for (settings in list(list(solver = "lbfgs"), list(lambda = 0.01))) {
    run <- function() {
      do.call(linclass, c(list(x, y, control = linclass_control(max_iter = 0)), settings))
    }
    expect_warn_topic(fit <- run(), "not_converged")
    expect_false(fit$converged)
    expect_equal(unname(coef(fit))[-1], c(0, 0, 0))
  }
})

test_that("a rate that is too large is caught", {
  expect_warn_topic(
    fit <- linclass(1e3 * x, y, loss = "squared_hinge", lambda = 0,
                    solver = solver("gradient_descent", rate = 1e6)), "diverged")
  expect_true(all(is.finite(coef(fit))))
})

test_that("batches larger than the data are the data", {
  fit <- quiet(linclass(x, y, solver = solver("minibatch", batch_size = 1e6, epochs = 3)))
  expect_true(all(is.finite(coef(fit))))
})

test_that("an object that lost its parts is refused at prediction", {
  fit <- linclass(x, y)
  trimmed <- fit
  trimmed$call <- trimmed$fingerprint <- trimmed$history <- trimmed$model <- NULL
  expect_equal(predict(trimmed, x, type = "link"), predict(fit, x, type = "link"))
  trimmed$blueprint <- NULL
  expect_topic(predict(trimmed, x), "version")
})

test_that("deterministic fits leave the random generator alone, shuffling ones draw from it", {
  set.seed(1)
  before <- .Random.seed
  for (solver in c("auto", "newton", "lbfgs", "gradient_descent")) {
    quiet(linclass(x, y, solver = solver))
  }
  expect_identical(.Random.seed, before)
  run <- function(seed) {
    set.seed(seed)
    coef(quiet(linclass(x, y, solver = solver("minibatch", batch_size = 4, epochs = 2))))
  }
  expect_identical(run(1), run(1))
  expect_false(identical(run(1), run(2)))
})

test_that("many sparse columns need no dense matrix", {
  p <- 2e5
  wide <- Matrix::sparseMatrix(rep(1:60, 5), 1 + (seq_len(300) * 7919) %% p, x = 1, dims = c(60, p))
  fit <- linclass(wide, y, lambda = 0.05)
  expect_length(coef(fit), p + 1)
  expect_true(fit$converged)
})

test_that("every condition has a topic of the documented table", {
  for (kind in names(condition_topics)) {
    verb <- c(error = "abort", warning = "warn", message = "inform")[[kind]]
    namespace <- asNamespace("linclass")
    code <- unlist(lapply(ls(namespace), function(name) deparse(get(name, namespace))))
    calls <- regmatches(code, gregexpr(sprintf("\\b%s\\(\"[a-z_]+\"", verb), code))
    used <- unique(sub(".*\"([a-z_]+)\"", "\\1", unlist(calls)))
    expect_gt(length(used), 1L)
    expect_identical(setdiff(used, names(condition_topics[[kind]])), character())
  }
})
