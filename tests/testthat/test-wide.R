# Ridge with more columns than rows is solved in as many coordinates as rows; L-BFGS on the columns
# themselves must find the same minimum.

wide_toy <- function(k, n = 40L, p = 130L) {
  i <- seq_len(n)
  x <- sapply(seq_len(p), function(j) sin(i * (0.3 + 0.11 * j)) * 10^((j %% 7L) - 3L))
  x[, 5L] <- x[, 5L] + 1e4
  x[2L, ] <- x[1L, ]  # a row that depends on another
  y <- factor((i * 7L + i %/% 3L) %% k, labels = letters[seq_len(k)])
  list(x = x, y = y, w = i %% 4L, offset = cos(i))
}

cases <- expand.grid(loss = c("logistic", "softmax", "squared_hinge"), k = 2:3,
                     intercept = c(TRUE, FALSE), standardize = c(TRUE, FALSE),
                     stringsAsFactors = FALSE)
cases <- cases[cases$loss != "logistic" | cases$k == 2L, ]

test_that("wide ridge fits are those of a solver that knows nothing of it", {
  for (r in seq_len(nrow(cases))) {
    case <- cases[r, ]
    d <- wide_toy(case$k)
    fit <- function(...) {
      linclass(d$x, d$y, loss = case$loss, lambda = 0.3, alpha = 0, intercept = case$intercept,
               standardize = case$standardize, weights = d$w, ...)
    }
    info <- paste(unlist(case), collapse = " ")
    wide <- fit()
    plain <- suppressWarnings(fit(solver = "lbfgs", control = linclass_control(tolerance = 1e-8)))
    expect_match(wide$reason, "rows", info = info)
    expect_true(wide$certificate$met, info = info)
    expect_lte(wide$objective, plain$objective * (1 + 1e-12))
    expect_lte(plain$objective - wide$objective,
               plain$certificate$gap + 1e-12 * plain$objective)
    if (case$intercept && !case$standardize) { # the objective belongs to the coefficients shown
      by_hand <- loss_value(coef(wide), d$x, d$y, case$loss, lambda = 0.3, alpha = 0, weights = d$w)
      expect_equal(objective(wide), by_hand, tolerance = 1e-10, info = info)
    }
  }
})

test_that("offsets stay, and rows of a sparse matrix are coordinates too", {
  d <- wide_toy(2L)
  fit <- function(x, ...) linclass(x, d$y, lambda = 0.1, alpha = 0, offset = d$offset, ...)
  wide <- fit(d$x)
  expect_lt(wide$certificate$relative, 1e-9)
  expect_equal(coef(fit(Matrix::Matrix(d$x, sparse = TRUE))), coef(wide), tolerance = 1e-6)
  expect_equal(fit(d$x, solver = "lbfgs")$objective, wide$objective, tolerance = 1e-9)
})

test_that("a start changes nothing, and a ridge path uses it at every point", {
  d <- wide_toy(3L)
  wide <- linclass(d$x, d$y, lambda = 0.1, alpha = 0)
  again <- linclass(d$x, d$y, lambda = 0.1, alpha = 0, start = coef(wide))
  expect_equal(again$objective, wide$objective, tolerance = 1e-12)
  path <- linclass_path(d$x, d$y, lambda = c(1, 0.1, 0.01), alpha = 0)
  expect_equal(path$points$objective[2L], wide$objective, tolerance = 1e-9)
  expect_true(all(path$points$met))
})

test_that("unpenalised columns stand beside the coordinates of the rows", {
  for (loss in c("logistic", "softmax", "squared_hinge")) {
    d <- wide_toy(if (loss == "logistic") 2L else 3L)
    d$x[, 8L] <- 2 * d$x[, 1L] # a column that depends on another, neither penalised
    loose <- rep(1, ncol(d$x))
    loose[c(1L, 6L, 8L, 130L)] <- 0
    loose[2L] <- 3
    fit <- function(x, ...) {
      linclass(x, d$y, loss = loss, lambda = 0.3, alpha = 0, penalty_factor = loose, weights = d$w, ...)
    }
    wide <- fit(d$x)
    expect_match(wide$reason, "rows", info = loss)
    expect_true(wide$certificate$met, info = loss)
    plain <- fit(d$x, solver = "newton") # a p x p matrix
    expect_equal(wide$objective, plain$objective, tolerance = 1e-9, info = loss)
    link <- function(fit) predict(fit, d$x[d$w > 0, ], type = "link")
    expect_equal(link(wide), link(plain), tolerance = 1e-5, info = loss)
    sparse <- fit(Matrix::Matrix(d$x, sparse = TRUE))
    expect_equal(sparse$objective, wide$objective, tolerance = 1e-9, info = loss)
  }
})
