# What a formula reads, how often, and what predictions ask for. Expected values are those of glm(), of the
# same data under plain names, or of the matrix methods.

cars <- transform(mtcars, cyl = factor(cyl))

# Renames columns; formulas are written with both names.
odd_names <- c(wt = "my age", hp = "drug-1", qsec = "a:b", drat = "Cer(d16:1/20:0)", cyl = "log(wt)",
  am = "is manual")

odd <- function(formula) {
  symbols <- lapply(odd_names, as.name)
  eval(call("substitute", formula, symbols))
}

test_that("names that need backticks work everywhere", {
  renamed <- cars
  names(renamed)[match(names(odd_names), names(renamed))] <- odd_names
  formulas <- list(quote(am ~ wt + hp), quote(am ~ cyl + drat), quote(am ~ wt:cyl), quote(am ~ log(hp) + cyl),
                   quote(am ~ poly(qsec, 2) * vs), quote(am ~ wt + offset(hp / 100)))
  for (formula in formulas) {
    strange <- eval(odd(formula))
    plain <- quiet(linclass(eval(formula), cars, lambda = 0.01, weights = carb))
    fit <- quiet(linclass(strange, renamed, lambda = 0.01, weights = carb))
    info <- deparse(formula)
    expect_equal(unname(coef(fit)), unname(coef(plain)), info = info)
    expect_identical(names(coef(fit)), colnames(model.matrix(strange, renamed)), info = info)
    expect_equal(predict(fit, renamed[3:6, ], type = "link"), predict(plain, cars[3:6, ], type = "link"),
                 info = info)
    expect_equal(unname(as.matrix(coef(quiet(linclass_path(strange, renamed, lambda = 0.02))))),
                 unname(as.matrix(coef(quiet(linclass_path(eval(formula), cars, lambda = 0.02))))),
                   info = info)
  }
  all <- linclass(`is manual` ~ ., renamed, lambda = 0.1)
  expect_equal(unname(coef(all)), unname(coef(linclass(am ~ ., cars, lambda = 0.1))))
  expect_equal(predict(all, renamed, type = "prob"),
               predict(linclass(am ~ ., cars, lambda = 0.1), cars, type = "prob"))
  cv <- linclass_cv(`is manual` ~ `my age` + `a:b`, renamed, weights = `drug-1`, foldid = rep_len(1:4,
    32), nlambda = 5)
  expect_equal(cv$metrics$mean, linclass_cv(am ~ wt + qsec, cars, weights = hp, foldid = rep_len(1:4,
    32), nlambda = 5)$metrics$mean)
  # A column whose name is the text of a term is another variable.
  both <- linclass(am ~ log(hp) + `log(hp)`, transform(cars, `log(hp)` = factor(vs),
    check.names = FALSE), lambda = 0.01)
  expect_equal(unname(coef(both)), unname(coef(linclass(am ~ log(hp) + factor(vs), cars, lambda = 0.01))))
})

test_that("predictions ask for columns of the data and nothing else", {
  T <- 3
  cut <- 100
  helper <- function(u, v = cut) u / v
  smooth <- ecdf(mtcars$hp)
  formulas <- list(am ~ sin(2 * pi * wt / 52), am ~ C(cyl, contr.sum), am ~ factor(month.abb[carb],
    month.abb[1:8]),
                   am ~ I(wt > T), am ~ vapply(wt, sqrt, 1), am ~ sapply(hp, function(u,
                     w = 2) u * w + wt[1] * 0),
                   am ~ helper(hp), am ~ smooth(hp), am ~ I(hp / cut) + letters[carb],
                     am ~ stats::poly(wt, 2),
                   am ~ I(wt * (if (TRUE) cut else 1)))
  for (formula in formulas) {
    used <- intersect(all.vars(formula), names(cars))
    fit <- quiet(linclass(formula, cars, lambda = 0.01, alpha = 0))
    expect_setequal(c("am", fit$blueprint$variables), used)
    again <- unserialize(serialize(fit, NULL))
    x <- model.matrix(formula, model.frame(formula, cars, drop.unused.levels = TRUE))
    expect_equal(unname(predict(again, cars[fit$blueprint$variables], type = "link")),
                 as.vector(x[, names(coef(fit))] %*% coef(fit)), info = deparse(formula))
    expect_topic(predict(fit, data.frame(other = 1)), "newdata", "lacks column")
  }
  event <- cars$am
  speed <- cars$qsec
  fit <- linclass(event ~ speed)
  expect_topic(predict(fit, cars), "newdata", "`speed`")
})

# The bits of 64-bit integers, as package bit64 keeps them.
integer64 <- function(high, low) {
  words <- if (.Platform$endian == "little") rbind(low, high) else rbind(high, low)
  structure(readBin(writeBin(as.integer(words), raw()), "double", length(high)), class = "integer64")
}

test_that("integer64 is a number where it is exact", {
  big <- integer64(c(0L, 0L, -1L, 2097152L, NA), c(5L, -1L, -7L, 0L, 0L))
  expect_identical(whole_numbers(big), c(5, 2^32 - 1, -7, 2^53, NA))
  expect_topic(whole_numbers(integer64(2097152L, 1L)), "type", "2\\^53")
  whole <- integer64(integer(32), as.integer(mtcars$hp))
  data <- mtcars
  data$count <- whole
  expect_equal(unname(coef(linclass(am ~ count, data))), unname(coef(linclass(am ~ hp, mtcars))))
  expect_equal(unname(coef(linclass(am ~ log(count), data))), unname(coef(linclass(am ~ log(hp), mtcars))))
  expect_equal(coef(linclass(am ~ wt, data, weights = count)), coef(linclass(am ~ wt, mtcars, weights = hp)))
  with_count <- mtcars
  with_count$hp <- whole
  by_frame <- linclass(data["count"], mtcars$am)
  expect_equal(unname(coef(by_frame)), unname(coef(linclass(am ~ hp, mtcars))))
  matrix <- structure(whole, dim = c(32L, 1L))
  expect_equal(unname(coef(linclass(matrix, mtcars$am))), unname(coef(by_frame)))
  expect_equal(predict(linclass(am ~ hp, mtcars), with_count), predict(linclass(am ~ hp, mtcars), mtcars))
  expect_equal(coef(linclass(integer64(integer(32), as.integer(mtcars$am)) ~ wt, mtcars)),
    coef(linclass(am ~ wt, mtcars)))
  data$count <- integer64(rep(2^28, 32), 1:32)
  expect_topic(linclass(am ~ count, data), "type", "identifiers")
})

test_that("dates, times and units of newdata are those of the fit", {
  start <- as.Date("2024-01-01")
  data <- data.frame(y = mtcars$am, day = start + mtcars$hp, time = as.POSIXct(start + mtcars$hp),
                     wait = as.difftime(mtcars$wt, units = "hours"))
  fit <- linclass(y ~ day, data, lambda = 0.1)
  expect_topic(predict(fit, transform(data, day = time)), "newdata", "had dates in training and has times")
  expect_topic(predict(fit, transform(data, day = as.numeric(day))), "newdata", "plain values")
  expect_topic(predict(fit, transform(data, day = format(day))), "newdata", "plain values")
  hidden <- linclass(y ~ I(as.numeric(day)), data, lambda = 0.1)
  expect_topic(predict(hidden, transform(data, day = time)), "newdata", "times")
  expect_true(all(is.na(predict(fit, transform(data, day = NA)))))
  waiting <- linclass(y ~ as.numeric(wait), data)
  minutes <- transform(data, wait = structure(as.numeric(wait) * 60, units = "mins", class = "difftime"))
  expect_equal(predict(waiting, minutes, type = "link"), predict(waiting, data, type = "link"))
  expect_topic(predict(waiting, transform(data, wait = as.numeric(wait))), "newdata", "amounts in hours")
  clock <- linclass(y ~ time, data, lambda = 0.1)
  expect_equal(predict(clock, list(time = as.POSIXlt(data$time)), type = "link"), unname(predict(clock,
    data, type = "link")),
               ignore_attr = TRUE)
})

test_that("terms that look at all rows are told, and others are not", {
  standardise <- scale
  centre <- function(u) u - mean(u)
  first <- factor(mtcars$gear)
  told <- list(~ I(wt - mean(wt)), ~ rank(wt), ~ log(wt - min(wt) + 1), ~ standardise(wt), ~ centre(hp),
               ~ I(wt > median(wt)), ~ I(hp / max(hp)), ~ cumsum(wt), ~ cut(hp, 3), ~ ave(wt, cyl),
               ~ as.integer(factor(hp)), ~ I(wt - stats::quantile(wt, 0.1)))
  fine <- list(~ wt, ~ log(wt) + I(hp^2), ~ poly(wt, 2), ~ scale(hp), ~ splines::ns(wt, 3),
    ~ splines::bs(hp, 4),
               ~ factor(gear), ~ cut(hp, c(0, 100, 200, 400)), ~ vapply(wt, sqrt, 1), ~ first,
                 ~ interaction(vs, gear),
               ~ ifelse(wt > 3, hp, 0), ~ C(cyl, contr.sum), ~ relevel(cyl, "6"), ~ cbind(wt, hp),
                 ~ stats::poly(hp, 2),
               ~ as.numeric(as.character(cyl)), ~ I(wt > 3.2), ~ rowSums(cbind(wt, hp)), ~ pmin(wt, 3))
  for (formula in told) {
    topics <- warned_topics(try(suppressMessages(linclass(update(formula, am ~ .), cars,
      lambda = 0.1)), silent = TRUE))
    expect_true("dependent_rows" %in% topics, info = deparse(formula))
  }
  for (formula in fine) {
    topics <- warned_topics(linclass(update(formula, am ~ .), cars, lambda = 0.1))
    expect_false("dependent_rows" %in% topics, info = deparse(formula))
  }
  set.seed(1)
  quiet(linclass(am ~ I(wt + runif(32) - mean(wt)), cars, lambda = 0.1))
  after <- runif(1)
  set.seed(1)
  runif(32)
  expect_identical(after, runif(1))
})

test_that("arguments are evaluated once, with the random numbers of glm()", {
  set.seed(3)
  fit <- linclass(am ~ I(wt + rnorm(32) / 9), mtcars, weights = rpois(32, 2) + 1, offset = runif(32),
    subset = sample(32, 28),
                  lambda = 0) |> quiet()
  after <- runif(1)
  set.seed(3)
  reference <- glm(am ~ I(wt + rnorm(32) / 9), binomial, mtcars, weights = rpois(32, 2) + 1,
    offset = runif(32), subset = sample(32, 28))
  expect_equal(coef(fit), coef(reference), tolerance = 1e-6)
  expect_identical(after, runif(1))
  holes <- mtcars
  holes$wt[4] <- NA
  count <- 0
  once <- function(v) {
    count <<- count + 1
    v
  }
  linclass(am ~ wt, holes, weights = once(carb), subset = once(cyl > 2))
  linclass_path(once(am) ~ wt, holes, lambda = 0.1)
  expect_identical(count, 3)
})

test_that("terms of wide sums are those of terms(), without the pattern", {
  data <- cbind(mtcars, `odd one` = 1:32)
  formulas <- list(am ~ ., am ~ . - wt, log(mpg) ~ . + log(hp), am ~ wt + hp - 1, am ~ 0 + .,
    am ~ (wt + hp) + wt,
                   am ~ . + offset(hp) - cyl, am ~ wt - wt + hp, am ~ -1 + wt + `odd one`, am ~ am + wt)
  same <- c("variables", "offset", "term.labels", "order", "intercept", "response", ".Environment")
  for (formula in formulas) {
    wide <- sum_terms(formula, summands(formula[[3L]]), names(data))
    want <- quiet(terms(formula, data = data))
    expect_identical(attributes(wide)[intersect(same, names(attributes(wide)))],
                     attributes(want)[intersect(same, names(attributes(want)))][intersect(same,
                       names(attributes(wide)))],
                     info = deparse(formula))
    pattern <- unname(attr(want, "factors"))
    expect_identical(attr(wide, "at"), apply(pattern, 2L, function(column) which(column > 0)),
      info = deparse(formula))
  }
  for (other in list(quote(wt * hp), quote((wt + hp)^2), quote(wt + hp:wt), quote(wt / hp))) {
    expect_null(sum_terms(call("~", quote(am), other), summands(other), names(data)))
  }
})

test_that("a wide formula is the matrix, and its fit is small", {
  n <- 40L
  p <- 1500L
  x <- matrix(sin(seq_len(n * p)^1.1), n, dimnames = list(NULL, paste0("v", seq_len(p))))
  data <- data.frame(y = factor(rep(c("a", "b"), 20)), x, g = factor(rep(c("u", "v", "w", "u"), 10)))
  by_matrix <- linclass(x, data$y, lambda = 0.1)
  fit <- linclass(y ~ . - g, data, lambda = 0.1, model = FALSE)
  expect_equal(coef(fit), coef(by_matrix))
  expect_equal(unname(predict(fit, data[5:9, ], type = "link")), unname(predict(by_matrix, x[5:9, ],
    type = "link")))
  expect_lt(length(serialize(fit, NULL)), 4e5)
  long <- stats::reformulate(colnames(x), "y")
  expect_equal(coef(linclass(long, data, lambda = 0.1)), coef(by_matrix))
  mixed <- linclass(y ~ ., data, lambda = 0.1)
  expect_equal(coef(mixed), coef(linclass(cbind(x, gv = data$g == "v", gw = data$g == "w"), data$y,
    lambda = 0.1)))
  expect_equal(names(predict(mixed, data[1:2, ], type = "link")), c("1", "2"))
})

test_that("formulas without environment, as text, and as calls are formulas", {
  expected <- coef(linclass(am ~ wt, mtcars))
  bare <- am ~ wt
  environment(bare) <- NULL
  expect_equal(coef(linclass(bare, mtcars)), expected)
  expect_equal(coef(linclass("am ~ wt", mtcars)), expected)
  expect_equal(coef(linclass(quote(am ~ wt), mtcars)), expected)
  expect_equal(coef(linclass(linclass(am ~ wt, mtcars)$call$formula, mtcars)), expected)
  expect_equal(coef(linclass_path("am ~ wt", mtcars, lambda = 0)), coef(linclass_path(bare, mtcars,
    lambda = 0)))
  expect_equal(predict(linclass_cv(quote(am ~ wt), mtcars, foldid = rep_len(1:4, 32), nlambda = 4), mtcars),
               predict(linclass_cv(am ~ wt, mtcars, foldid = rep_len(1:4, 32), nlambda = 4), mtcars))
  expect_topic(linclass("wt", mtcars), "formula")
  expect_topic(linclass(~ wt, mtcars), "formula", "no response")
  # Weights of the caller, where neither data nor the formula's environment has them.
  fit_weighted <- function(formula) {
    own <- mtcars$carb
    linclass(formula, mtcars, weights = own, subset = own > 1)
  }
  expect_equal(coef(fit_weighted(am ~ wt)), coef(linclass(am ~ wt, mtcars, weights = carb,
    subset = carb > 1)))
})

test_that("what is no variable is refused in words", {
  data <- mtcars
  data$parts <- lapply(1:32, seq_len)
  sparse <- Matrix::Matrix(diag(32), sparse = TRUE)
  cases <- list(list(am ~ parts, "list column"), list(am ~ mean, "is a function"), list(am ~ sparse,
    "dgCMatrix|Matrix"),
                list(sparse ~ wt, "Matrix"), list(am ~ mtcars, "data frame"), list(am ~ I(NULL), "."),
                  list(am ~ wt[1:4], "4 values"),
                list(am ~ complex(32), "."), list(am ~ nothing, "nothing"), list(am ~ wt + (1 | cyl),
                  "random effects"),
                list(am ~ (wt || cyl), "random effects"), list(am ~ am + wt, "stands on the right"),
                  list(am ~ factor(cyl > 0), "single value"))
  for (case in cases) expect_topic(linclass(case[[1L]], data), "formula", case[[2L]])
  expect_topic(linclass(I(carb / 10) ~ wt, mtcars, weights = hp), "response", "cbind\\(successes")
  fit <- linclass(am ~ poly(wt, 2) + cbind(hp, qsec), mtcars, lambda = 0.1)
  expect_topic(predict(fit, transform(mtcars, hp = I(lapply(1:32, identity)))), "newdata")
  wide <- mtcars
  wide$hp <- matrix(1, 32, 3)
  expect_topic(predict(fit, wide), "newdata",
    "a matrix of 2 columns in training and is a matrix of 4 columns")
  expect_warn_topic(linclass(am ~ wt + cyl, cars, contrasts = list(gear = "contr.sum"), lambda = 0.1),
    "contrasts", "`gear`")
  expect_topic(linclass(am ~ cyl, cars, contrasts = list(cyl = "contr.nothing")), "formula",
    "contrasts of `cyl`")
  skip_if_not_installed("survival")
  expect_topic(linclass(survival::Surv(hp, am) ~ wt, mtcars), "response", "Surv")
})

test_that("however it is called, the fit is the same", {
  expected <- coef(linclass(am ~ wt, mtcars, weights = carb))
  through <- function(...) linclass(...)
  deep <- function(...) through(...)
  named <- function(data, f, ...) linclass(f, data = data, ...)
  method <- getS3method("linclass", "formula")
  subclass <- structure(am ~ wt, class = c("special", "formula"))
  registerS3method("linclass", "special", function(formula, ...) NextMethod(),
    envir = asNamespace("linclass"))
  ways <- list(
    function() do.call(linclass, list(am ~ wt, mtcars, weights = mtcars$carb)),
    function() do.call("linclass", list(am ~ wt, quote(mtcars), weights = quote(carb))),
    function() lapply(list(am ~ wt), linclass, data = mtcars, weights = carb)[[1L]],
    function() Map(linclass, list(am ~ wt), list(mtcars), MoreArgs = list(weights = mtcars$carb))[[1L]],
    function() through(am ~ wt, mtcars, weights = carb), function() deep(am ~ wt, mtcars, weights = carb),
    function() named(mtcars, am ~ wt, weights = carb), function() mtcars |> linclass(formula = am ~ wt,
      weights = carb),
    function() method(am ~ wt, mtcars, weights = carb), function() linclass(subclass, mtcars, weights = carb),
    function() with(mtcars, linclass(am ~ wt, weights = carb)),
    function() local({
      w <- mtcars$carb
      linclass(am ~ wt, mtcars, weights = w)
    }),
    function() eval(quote(linclass(am ~ wt, mtcars, weights = carb)), new.env()))
  for (way in ways) expect_equal(coef(way()), expected, info = deparse1(way))
  x <- cbind(wt = mtcars$wt)
  by_matrix <- list(
    function() do.call(linclass, list(x, mtcars$am, weights = mtcars$carb)), function() through(x,
      mtcars$am, weights = mtcars$carb),
    function() lapply(list(x), linclass, y = mtcars$am, weights = mtcars$carb)[[1L]],
    function() getS3method("linclass", "matrix")(x, mtcars$am, weights = mtcars$carb),
    function() x |> linclass(mtcars$am, weights = mtcars$carb))
  for (way in by_matrix) expect_equal(coef(way()), expected, info = deparse1(way))
  wrong <- function(x, y) linclass(x, y)
  expect_topic(wrong(x), "response", "give `y`")
  expect_topic(wrong(), "type", "first")
  expect_topic(deep(am ~ wt, mtcars, lamda = 1), "unused_argument", "lambda")
})
