# Paths with grouped = TRUE: against glmnet, against the conditions of optimality written from the
# definition, and where groups make no difference or are refused.

three <- toy(3)
i <- seq_len(60)
wide <- cbind(three$x, outer(i, 1:80, function(i, j) sin(i * j^1.3) * (1 + j %% 3)))
colnames(wide) <- paste0("v", seq_len(ncol(wide)))
sparse <- Matrix::Matrix(wide * (abs(wide) > 0.8), sparse = TRUE)
weights <- 1 + i %% 3
codes <- as.integer(three$y)

# The penalty of W, k x (p + 1).
group_penalty <- function(W, lambda, alpha, factor, scale) {
  size <- sqrt(colSums(W[, -1, drop = FALSE]^2)) * scale
  lambda * sum(factor * (alpha * size + (1 - alpha) / 2 * size^2))
}

cases <- list(
  lasso = list(),
  elastic_net = list(alpha = 0.5),
  sparse = list(x = sparse),
  weights = list(weights = weights),
  not_standardised = list(standardize = FALSE, alpha = 0.8),
  no_intercept = list(intercept = FALSE),
  factors = list(x = three$x, penalty_factor = c(0.5, 1, 1.5))
)

test_that("grouped paths are those of glmnet", {
  skip_if_not_installed("glmnet")
  for (name in names(cases)) {
    args <- list(x = wide, y = three$y)
    args[names(cases[[name]])] <- cases[[name]]
    path <- do.call(linclass_path, c(args, grouped = TRUE, nlambda = 6, lambda_min_ratio = 0.1))
    names(args)[names(args) == "penalty_factor"] <- "penalty.factor"
    net <- do.call(glmnet::glmnet, c(args, family = "multinomial", type.multinomial = "grouped",
                                     list(lambda = path$lambda, thresh = 1e-13, maxit = 1e6)))
    first <- do.call(glmnet::glmnet, c(args, family = "multinomial", type.multinomial = "grouped",
                                       nlambda = 3))$lambda[1L]
    expect_equal(path$lambda_max, first, tolerance = 1e-6, info = name)
    expect_true(path$converged, info = name)
    expect_true(all(path$points$relative <= 1e-8), info = name)
    weights <- if (is.null(args$weights)) rep(1, 60) else args$weights
    scale <- if (isFALSE(args$standardize)) 1 else r_sd(args$x, weights)
    factor <- if (is.null(args$penalty.factor)) 1 else args$penalty.factor
    alpha <- if (is.null(args$alpha)) 1 else args$alpha
    for (at in seq_along(path$lambda)) {
      ours <- t(vapply(coef(path), function(w) {
        c(if (isFALSE(args$intercept)) 0, as.vector(w[, at]))
      }, numeric(ncol(args$x) + 1)))
      theirs <- t(vapply(coef(net), function(w) as.vector(w[, at]), numeric(ncol(args$x) + 1)))
      value <- function(W) {
        r_objective(W, args$x, codes, weights = weights) +
          group_penalty(W, path$lambda[at], alpha, factor, scale)
      }
      label <- paste(name, at)
      expect_true(all(colSums(ours[, -1] != 0) %in% c(0, 3)), info = label)
      # At the first lambda glmnet may leave a slope of the size of rounding.
      if (at > 1) {
        expect_identical(unname(ours[1, -1] != 0), unname(theirs[1, -1] != 0), info = label)
      }
      expect_equal(objective(path)[[at]], value(ours), tolerance = 1e-12, info = label)
      expect_lte(value(ours), value(theirs) + 1e-9)
      expect_equal(ours[, -1], theirs[, -1], tolerance = 1e-4, ignore_attr = TRUE, info = label)
    }
  }
})

# Conditions of optimality: the gradient of a group outside has a norm of at most lambda, inside it
# is minus lambda b / ||b||.
group_kkt <- function(W, x, loss, lambda, alpha, scale) {
  g <- r_gradient(W, x, codes, loss)
  b <- sweep(W[, -1], 2, scale, "*")
  slope <- sweep(g[, -1], 2, scale, "/") + lambda * (1 - alpha) * b
  size <- sqrt(colSums(b^2))
  inside <- size > 0
  pull <- sweep(b[, inside, drop = FALSE], 2, size[inside], "/")
  c(intercept = max(abs(g[, 1])),
    outside = max(sqrt(colSums(slope[, !inside]^2)) - lambda * alpha, 0),
    inside = max(abs(slope[, inside] + lambda * alpha * pull), 0))
}

test_that("points meet the conditions of optimality of the definition", {
  scale <- r_sd(wide)
  for (loss in c("softmax", "squared_hinge")) {
    for (alpha in c(1, 0.3)) {
      label <- paste(loss, alpha)
      path <- linclass_path(wide, three$y, loss = loss, alpha = alpha, grouped = TRUE,
                            nlambda = 8, lambda_min_ratio = 0.02)
      expect_true(path$converged, info = label)
      expect_true(all(diff(path$points$loss) <= 0), info = label)
      expect_equal(path$points$nonzero[1L], 0L, info = label)
      for (at in seq_along(path$lambda)) {
        W <- t(vapply(coef(path), function(w) as.vector(w[, at]), numeric(ncol(wide) + 1)))
        worst <- group_kkt(W, wide, loss, path$lambda[at], alpha, scale)
        expect_lt(max(worst), 1e-6 * path$lambda[at] + 1e-9, label = paste(label, at))
        expect_equal(r_objective(W, wide, codes, loss) +
                       group_penalty(W, path$lambda[at], alpha, 1, scale),
                     objective(path)[[at]], tolerance = 1e-12, info = paste(label, at))
      }
    }
  }
})

test_that("an unpenalised column stays and lambda_max is where the first group enters", {
  path <- linclass_path(three$x, three$y, grouped = TRUE, penalty_factor = c(0, 1, 1),
                        lambda = NULL, nlambda = 10)
  expect_equal(path$points$nonzero[1L], 1L)
  at <- path$lambda_max
  near <- linclass_path(three$x, three$y, grouped = TRUE, penalty_factor = c(0, 1, 1),
                        lambda = at * c(1 + 1e-6, 1 - 1e-4))
  expect_equal(near$points$nonzero, c(1L, 2L))
  expect_output(print(path), "grouped lasso")
})

test_that("groups of one slope, no L1 part and lambda = 0 are as without groups", {
  same <- function(...) {
    plain <- linclass_path(...)
    groups <- linclass_path(..., grouped = TRUE)
    expect_identical(coef(groups, format = "dense"), coef(plain, format = "dense"))
    expect_true(groups$grouped && !plain$grouped)
  }
  two <- toy(2)
  same(two$x, two$y, nlambda = 5)
  same(two$x, two$y, nlambda = 5, lower = -1)
  same(three$x, three$y, nlambda = 5, alpha = 0)
  ends <- linclass_path(three$x, three$y, lambda = c(0.1, 0), grouped = TRUE)
  expect_equal(predict(ends, three$x, type = "prob", s = 0),
               predict(linclass(three$x, three$y), three$x, type = "prob"), tolerance = 1e-4)
})

test_that("cross-validation fits grouped paths to each fold", {
  fold <- rep(1:3, 20)
  lambda <- c(0.1, 0.05)
  cv <- linclass_cv(three$x, three$y, foldid = fold, lambda = lambda, grouped = TRUE, keep = TRUE)
  expect_true(cv$path$grouped)
  for (f in 1:3) {
    out <- fold == f
    part <- linclass_path(three$x[!out, ], three$y[!out], lambda = lambda, grouped = TRUE)
    for (at in 1:2) {
      scores <- predict(part, three$x[out, ], type = "link", s = lambda[at])
      expect_equal(c(cv$scores[out, , at, 1] - cv$scores[out, 1, at, 1]),
                   c(scores - scores[, 1]), tolerance = 1e-6)
    }
  }
})

test_that("what groups cannot do is refused", {
  fit <- function(...) linclass_path(three$x, three$y, grouped = TRUE, ...)
  expect_topic(fit(lower = 0), "bounds", "grouped")
  expect_topic(fit(coding = "reference"), "coding", "grouped")
  expect_topic(linclass_path(three$x, three$y, grouped = NA), "argument", "grouped")
})

test_that("a far lambda is reached at once where the model is nearly singular", {
  i <- seq_len(120)
  x <- outer(i, 1:40, function(i, j) sin(i * j^1.3))
  y <- factor(1 + (x[, 1] + x[, 2] > 0) + (x[, 3] > 0.5 + x[, 4]))
  at_once <- linclass_path(x, y, lambda = 0.003, grouped = TRUE)
  expect_true(at_once$converged)
  step_by_step <- linclass_path(x, y, lambda = c(0.03, 0.01, 0.003), grouped = TRUE)
  expect_equal(at_once$points$objective, step_by_step$points$objective[3L], tolerance = 1e-7)
})

test_that("sets of more groups than a factor pays for are swept to the same certificate", {
  set.seed(8)
  n <- 600
  p <- 500
  x <- matrix(rnorm(n * p), n)
  scores <- x %*% matrix(0.3 * rnorm(3 * p), p) - log(-log(matrix(runif(3 * n), n)))
  path <- linclass_path(x, factor(max.col(scores)), lambda = c(0.02, 0.006), grouped = TRUE,
                        standardize = FALSE)
  expect_gt(3 * path$points$nonzero[2L], 1000)
  expect_true(path$converged)
  # The condition of a group, from the textbook: g = -lambda b / |b|, |g| <= lambda where b = 0.
  b <- t(coef(path, s = 0.006, format = "dense"))
  residual <- predict(path, x, "prob", s = 0.006) - outer(max.col(scores), 1:3, "==")
  g <- crossprod(x, residual) / n
  size <- sqrt(rowSums(b[-1L, ]^2))
  at <- size > 0
  expect_lt(max(abs(g[at, ] + 0.006 * b[-1L, ][at, ] / size[at])), 1e-6)
  expect_lt(max(sqrt(rowSums(g[!at, ]^2))), 0.006 * (1 + 1e-6))
})
