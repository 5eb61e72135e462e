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
    expect_match(conditionMessage(said), "Class `C` is.*column `fw`", label = name)
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

# Integer problems of two to four classes. Their kinds (none, quasi, complete; x: dependent columns or one class) come
# from linear programmes solved by lp_solve (most pairs that one direction separates), for two classes confirmed by
# package detectseparation.
small_problem <- function(seed) {
  set.seed(seed)
  k <- 2L + seed %% 3L
  n <- sample(8:24, 1L)
  p <- 1L + seed %% 2L
  X <- matrix(sample(-2:2, n * p, TRUE), n, dimnames = list(NULL, paste0("x", seq_len(p))))
  pull <- matrix(sample(-1:1, p * k, TRUE), p)
  y <- max.col(3 * X %*% pull + matrix(sample(0:4, n * k, TRUE), n), "first")
  list(X = X, y = factor(match(y, sort(unique(y)))))
}
kinds <- paste0("cqnqcnqqnqcccqcqcccqcqqncqcqqnqqqcqnqqcqqccqnqqncqcqcqnqncqnqqcqccqqqcqncqnqqcqq",
                "qqqqcqqqcccqnnqnqcnqqqcqcnqncqnqcncqcnqcqqqnqnqqcqqqcqcqqqqqnncqcqnnqcqqcnqqqqqq")

# The least x_i'(d_{y_i} - d_c) over all rows and other classes.
least_lead <- function(s, X, y) {
  scores <- cbind(1, X) %*% t(s$direction)
  leads <- scores[cbind(seq_along(y), as.integer(y))] - scores
  min(leads[outer(as.integer(y), seq_len(nlevels(y)), `!=`)])
}

test_that("160 small problems are decided as linear programmes decide them, with a certificate", {
  truth <- c(n = "none", q = "quasi", c = "complete")[strsplit(kinds, "")[[1L]]]
  for (seed in seq_along(truth)) {
    d <- small_problem(seed)
    fit <- suppress_linclass(linclass(d$X, d$y))
    expect_identical(fit$separation$kind, truth[[seed]], label = seed)
    s <- separation(fit)
    expect_identical(s$kind, truth[[seed]], label = seed)
    expect_true(s$proved)
    if (s$kind == "none") {
      expect_lt(s$balance_error, 1e-12)
      expect_true(all(s$balance$weight > 0))
    } else {
      expect_gt(least_lead(s, d$X, d$y), if (s$kind == "complete") 0 else -1e-12)
      if (nlevels(d$y) > 2L && seed %% 4L == 0L) {
        other <- suppress_linclass(linclass(d$X, d$y, solver = "lbfgs"))
        expect_identical(other$separation$kind, truth[[seed]], label = paste("lbfgs", seed))
      }
    }
  }
})

test_that("finite coefficients beside infinite ones are those of the rows that stay, with their standard errors", {
  two <- transform(cells, y = factor(ifelse(y == "C", "C", "A")), z = 1:5 / 5)
  two <- two[order(two$x * 7 %% 3), ]
  fit <- suppress_linclass(linclass(y ~ f + x + offset(z), two))
  stay <- stats::glm(y ~ f + x + offset(z), stats::binomial, two[two$f != "w", ],
                     control = list(epsilon = 1e-14, maxit = 50))
  table <- summary(fit)$coefficients
  expect_identical(unname(table["fw", "Estimate"]), -Inf)
  expect_true(is.na(table["fw", "Std. Error"]))
  finite <- c("(Intercept)", "fv", "x")
  expect_equal(table[finite, "Estimate"], stats::coef(stay), tolerance = 1e-7)
  expect_equal(table[finite, "Std. Error"], sqrt(diag(stats::vcov(stay))), tolerance = 1e-6)
  expect_equal(vcov(fit)[finite, finite], stats::vcov(stay), tolerance = 1e-6)
  expect_true(all(is.na(confint(fit)["fw", ])))
  expect_output(print(summary(fit)), "fw +-Inf +NA")
})

test_that("weights 0, offsets, layouts, aliased and wide columns are told alike", {
  two <- transform(cells, y = factor(ifelse(y == "C", "C", "A")), b = 2 * x)
  one <- two
  one$y[which(one$f == "w")[1L]] <- "C"
  light <- as.numeric(seq_len(nrow(one)) != which(one$f == "w")[1L])
  X <- stats::model.matrix(~ f + x, two)[, -1L]
  same <- list(
    formula = quote(separation(y ~ f + x, two)), offset = quote(separation(y ~ f + x + offset(3 * x), two)),
    weights = quote(separation(y ~ f + x, one, weights = light)), alias = quote(separation(y ~ f + x + b, two)),
    matrix = quote(separation(X, two$y)), sparse = quote(separation(Matrix::Matrix(X, sparse = TRUE), two$y)),
    ridge = quote(separation(y ~ f + x, two, lambda = 1)), hinge = quote(separation(y ~ f + x, two, loss = "hinge")))
  for (name in names(same)) {
    s <- eval(same[[name]])
    expect_identical(list(s$kind, s$columns, s$classes), list("quasi", "fw", "C"), label = name)
    expect_identical(unname(s$direction["C", "fw"]), -1, label = name)
  }
  expect_identical(separation(y ~ f + x, one, weights = light + 1e-9)$kind, "none")
  wide <- suppress_linclass(separation(outer(1:8, 1:20, function(i, j) sin(i * j)), rep(0:1, 4)))
  expect_identical(wide$kind, "complete")
})

test_that("classes that nearly separate have finite coefficients, however large", {
  x <- c(1:20, 21:40)
  for (gap in 10^-(1:9)) {
    s <- suppress_linclass(separation(cbind(x = c(x, 20.5 + gap * 0:3)), c(rep(0:1, each = 20), 0, 1, 0, 1)))
    expect_identical(list(s$kind, s$proved), list("none", TRUE), label = gap)
  }
  tie <- suppress_linclass(separation(cbind(x = c(x, 20.5, 20.5)), c(rep(0:1, each = 20), 0, 1)))
  expect_identical(tie$kind, "quasi")
})

test_that("endometrial cancer: NV is infinite (Heinze and Schemper 2002)", {
  endometrial <- utils::read.csv(test_path("fixtures", "endometrial.csv"))
  fit <- suppress_linclass(linclass(HG ~ NV + PI + EH, endometrial))
  expect_identical(fit$separation$columns, "NV")
  # to the digits of the publication
  expect_equal(unname(round(fit$separation$coefficients, 2)), c(4.3, Inf, -0.04, -2.9))
  expect_equal(unname(round(sqrt(diag(vcov(fit))), 2)), c(1.64, NA, 0.04, 0.85))
})

test_that("classes apart by less than rounding errors leave room for are not said to touch", {
  for (gap in 10^-(6:13)) {
    x <- c(seq(-1, -0.1, length.out = 20), -gap / 2, gap / 2, seq(0.1, 1, length.out = 20))
    apart <- suppress_linclass(separation(cbind(x), rep(0:1, each = 21)))
    expect_true(!apart$proved || apart$kind == "complete")
    x[21:22] <- x[22:21]
    crossed <- suppress_linclass(separation(cbind(x), rep(0:1, each = 21)))
    expect_true(!crossed$proved || crossed$kind == "none")
    if (gap >= 1e-8) expect_true(apart$proved && crossed$proved)
  }
})

test_that("a decision does not hang on the guess it starts from, and its weights balance", {
  # Two columns along which both classes lie on both sides, and one that tells them apart: each has rows of its own.
  n <- 20000L
  i <- seq_len(3L * n)
  block <- rep(1:3, each = n)
  X <- matrix(0, 3L * n, 3L)
  X[cbind(i, block)] <- sin(1.7 * i) + 0.01
  own <- ifelse(block == 3L, 1L + (X[, 3L] > 0), 1L + i %% 2L)
  problem <- linclass:::separation_problem(X, own, 2L)
  own_pairs <- cbind(i, own)
  # of the rows of the second column, the third, or all, the guess says that they are far from the other class; or none
  guesses <- list(second = ifelse(block == 1L, 0, 20), third = ifelse(block == 3L, 20, 0), all = rep(20, 3L * n),
                  none = rep(0, 3L * n))
  for (name in names(guesses)) {
    leads <- matrix(guesses[[name]], 3L * n, 2L)
    leads[own_pairs] <- 0
    decided <- linclass:::decide_separation(problem, leads)
    expect_identical(rowSums(decided$separated), (block == 3L) + 0, info = name)
    expect_equal(drop(abs(problem$M %*% decided$N)) > 1e-12, c(FALSE, FALSE, TRUE), info = name)
    expect_true(all(decided$balance$weights > 0), info = name)
    expect_setequal(block[decided$balance$pairs[, 1L]], 1:2)
    expect_lt(linclass:::balance_error(problem, decided$balance), 1e-10)
  }
})

test_that("columns that nearly depend on others have an orthonormal basis of what they span", {
  i <- 1:50
  X <- cbind(1, sin(i), cos(2 * i))
  for (size in c(1, 1e-7, 0)) {
    columns <- cbind(X, X[, 2L] + size * sin(5 * i))
    M <- linclass:::orthonormal_map(columns)
    expect_identical(ncol(M), if (size > 0) 4L else 3L)
    expect_equal(crossprod(columns %*% M), diag(ncol(M)), tolerance = 1e-7)
  }
})
