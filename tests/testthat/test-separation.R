# One empty cell by construction: level w of f never has class C, so its slope there is -Inf and all others are finite.
cells <- local({
  d <- expand.grid(f = c("u", "v", "w"), x = 48:52, y = c("A", "B", "C"), copy = 1:3)
  d$x <- d$x + 0.3 * (seq_len(nrow(d)) %% 5)
  d <- d[!(d$f == "w" & d$y == "C"), ]
  d$y <- factor(d$y)
  d
})

test_that("an empty cell is named by its column and class, in fields and in words", {
  two <- transform(cells, y = factor(ifelse(y == "C", "C", "A")))
  aliased <- transform(cells, g = f == "w", h = f == "v")
  fits <- list(
    many = quote(linclass(y ~ f + x, cells)),
    symmetric = quote(linclass(y ~ f + x, cells, coding = "symmetric")),
    two = quote(linclass(y ~ f + x, two)),
    two_rows = quote(linclass(y ~ f + x, two, loss = "softmax")),
    weights = quote(linclass(y ~ f + x, cells, weights = rep_len(1:3, nrow(cells)))),
    aliased = quote(linclass(y ~ f + x + g + h, aliased)))
  for (name in names(fits)) {
    said <- NULL
    fit <- withCallingHandlers(eval(fits[[name]]), linclass_warning = function(w) {
      if (inherits(w, "linclass_warning_separation")) said <<- w
      invokeRestart("muffleWarning")
    })
    expect_identical(fit$separation$kind, "quasi", label = name)
    expect_identical(fit$separation$columns, "fw", label = name)
    expect_identical(fit$separation$classes, "C", label = name)
    expect_identical(said$columns, "fw", label = name)
    expect_match(conditionMessage(said), "`C`.*`fw`", label = name)
  }
})

test_that("classes that a column separates are named with it, and a fit without separation names none", {
  y <- rep(c("a", "b"), each = 20)
  x <- cbind(gap = c(1:20, 31:50), noise = rep(c(0.3, -0.4, 0.1, 0, 0.2), 8))
  fit <- suppress_linclass(linclass(x, y))
  expect_identical(fit$separation$kind, "complete")
  expect_identical(fit$separation$columns, "gap")
  expect_identical(fit$separation$classes, c("a", "b"))
  expect_identical(linclass(am ~ wt, mtcars)$separation$columns, character())
})
