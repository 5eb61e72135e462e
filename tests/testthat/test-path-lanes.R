# Paths on sparse columns that are long enough are solved eight lambdas at once (src/lanes). Each point is judged from
# outside: its duality gap is computed here, from its coefficients alone.

# n rows with `each` words out of p, the frequent ones more often; counts.
word_counts <- function(n, p, each, seed = 1) {
  set.seed(seed)
  often <- 1 / (seq_len(p) + 2.7)
  rows <- rep(seq_len(n), each)
  x <- Matrix::sparseMatrix(rows, sample(p, n * each, TRUE, often), x = 1, dims = c(n, p))
  x[, Matrix::colSums(x > 0) > 1]
}

# Labels that some columns decide, up to noise.
labels_of <- function(x, share = 0.1) {
  slopes <- rnorm(ncol(x)) * (runif(ncol(x)) < share)
  z <- as.vector(x %*% slopes)
  as.integer(runif(nrow(x)) < plogis(1.5 * (z - mean(z)) / sd(z)))
}

dual_losses <- list(
  logistic = list(
    value = function(z, s) ifelse(s * z < 0, -s * z, 0) + log1p(exp(-abs(z))),
    slope = function(z, s) -s * plogis(-s * z),
    bend = function(z, s) plogis(z) * plogis(-z),
    dual = function(r, s) { # minus the conjugate
      u <- -s * r
      bits <- function(q) ifelse(q > 0, -q * log(q), 0)
      ifelse(u < -1e-12 | u > 1 + 1e-12, -Inf, bits(pmax(u, 0)) + bits(pmax(1 - u, 0)))
    }),
  squared_hinge = list(
    value = function(z, s) pmax(1 - s * z, 0)^2,
    slope = function(z, s) -2 * s * pmax(1 - s * z, 0),
    bend = function(z, s) 2 * (s * z < 1),
    dual = function(r, s) ifelse(-s * r < -1e-12, -Inf, -s * r - r^2 / 4))
)

# Duality gap over the objective (or a thousandth of that at 0) of slopes b and intercept b0: an upper bound of how far
# the objective is from its minimum. The dual point is the derivative of the loss, moved along the free columns so that
# their gradients vanish, and scaled until the penalty's conjugate is finite.
gap_of <- function(b0, b, d, lambda) {
  loss <- dual_losses[[d$loss]]
  w <- d$weights / sum(d$weights)
  s <- 2 * d$y - 1
  z <- as.vector(d$x %*% b) + b0 + d$offset
  l1 <- lambda * d$alpha * d$factor * d$spread
  l2 <- lambda * (1 - d$alpha) * d$factor * d$spread^2
  free <- d$factor == 0 & d$lower == -Inf & d$upper == Inf
  ones <- if (d$intercept) rep(1, length(z))
  columns <- cbind(ones, as.matrix(d$x[, free, drop = FALSE]))
  r <- loss$slope(z, s)
  for (again in 1:2) {
    if (ncol(columns) == 0L) break
    bend <- loss$bend(z, s)
    r <- r - bend * as.vector(columns %*% solve(crossprod(columns, w * bend * columns), crossprod(columns, w * r)))
  }
  g <- as.vector(Matrix::crossprod(d$x, w * r))
  # sup over lower <= v <= upper of -t g v - l1 |v| - l2 v^2 / 2
  conjugate <- function(t) {
    side <- sign(-g)
    best <- pmin(pmax(ifelse(t * abs(g) > l1, side * (t * abs(g) - l1) / l2, 0), d$lower), d$upper)
    out <- ifelse(best == 0, 0, -t * g * best - l1 * abs(best) - ifelse(l2 > 0, l2 * best^2 / 2, 0))
    sum(out[!free])
  }
  tight <- !free & l2 == 0 & ifelse(g < 0, d$upper, -d$lower) == Inf & abs(g) > l1
  t <- if (any(tight)) min(l1[tight] / abs(g[tight])) else 1
  primal <- sum(w * loss$value(z, s)) + sum(l1 * abs(b) + l2 * b^2 / 2)
  dual <- sum(w * (loss$dual(t * r, s) + d$offset * t * r)) - conjugate(t)
  (primal - dual) / max(primal, 1e-3 * loss$value(0, 1))
}

weighted_spread <- function(x, w) {
  w <- w / sum(w)
  mean <- as.vector(Matrix::crossprod(x, w))
  spread <- sqrt(pmax(as.vector(Matrix::crossprod(x^2, w)) - mean^2, 0))
  ifelse(spread > 0, spread, 1)
}

# The arguments of linclass_path() and what they mean.
problem_of <- function(x, y, loss = "logistic", weights = NULL, offset = NULL, alpha = 1, penalty_factor = 1,
                       lower = -Inf, upper = Inf, standardize = TRUE, intercept = TRUE, ...) {
  full <- function(v) rep_len(v, ncol(x))
  w <- if (is.null(weights)) rep(1, nrow(x)) else weights
  arguments <- list(x, factor(y), loss = loss, weights = weights, offset = offset, alpha = alpha,
                    penalty_factor = full(penalty_factor), standardize = standardize, intercept = intercept, ...)
  if (any(is.finite(c(lower, upper)))) arguments[c("lower", "upper")] <- list(full(lower), full(upper))
  list(arguments = arguments, x = x, y = y, loss = loss, weights = w,
       offset = if (is.null(offset)) rep(0, nrow(x)) else offset, alpha = alpha, factor = full(penalty_factor),
       lower = full(lower), upper = full(upper), intercept = intercept,
       spread = if (standardize) weighted_spread(x, w) else full(1))
}

outside_gaps <- function(path, d) {
  W <- as.matrix(path$coefficients[[1L]])
  slopes <- if (d$intercept) W[-1L, , drop = FALSE] else W
  vapply(seq_len(ncol(W)), function(l) {
    gap_of(if (d$intercept) W[1L, l] else 0, slopes[, l], d, path$points$lambda[l])
  }, 0)
}

counts <- word_counts(1200, 700, 30)
answer <- labels_of(counts)
rows <- nrow(counts)
columns <- ncol(counts)
set.seed(3)
case_weights <- ifelse(runif(rows) < 0.1, 0, rexp(rows))
shifts <- rnorm(rows)
factors <- rexp(columns) + 0.1
inverse_documents <- counts # no value is a float
inverse_documents@x <- log1p(counts@x) * rep(log(rows / Matrix::colSums(counts > 0)), diff(counts@p))
binary <- counts
binary@x[] <- 1
# Columns that share most of their entries, and some that have entries nearly everywhere.
twins <- counts + Matrix::Matrix(counts * (runif(rows) < 0.1), sparse = TRUE)[, c(2:columns, 1L)]
twins <- cbind(twins, counts + Matrix::sparseMatrix(1:30, 1:30, x = 1, dims = dim(counts)),
               Matrix::Matrix(5 + (runif(rows * 3) < 0.3), rows, 3L, sparse = TRUE))
few <- word_counts(400, 1500, 90, seed = 4) # soon separable
few_answer <- labels_of(few, 0.02)
largest <- max(abs(Matrix::crossprod(counts, answer - mean(answer))) / rows / weighted_spread(counts, rep(1, rows)))

lane_cases <- list(
  counts = list(counts, answer),
  weights = list(counts, answer, weights = case_weights),
  offset = list(counts, answer, offset = shifts),
  "no intercept" = list(counts, answer, intercept = FALSE),
  "as they are" = list(counts, answer, standardize = FALSE),
  "not negative" = list(counts, answer, lower = 0),
  "in a box" = list(counts, answer, lower = -0.05, upper = 0.2),
  "away from 0" = list(counts, answer, lower = ifelse(seq_len(columns) == 5, 0.1, -Inf), upper = 2),
  factors = list(counts, answer, penalty_factor = factors),
  unpenalised = list(counts, answer, penalty_factor = replace(factors, c(3, 50, 400), 0)),
  "elastic net" = list(counts, answer, alpha = 0.4),
  "squared hinge" = list(counts, answer, loss = "squared_hinge"),
  "squared hinge, far down" = list(counts, answer, loss = "squared_hinge", lambda_min_ratio = 1e-3),
  # Rows inside the margin are fewer than the columns at the end: sweeps creep there, the Hessian does not.
  "squared hinge, to the end" = list(counts, answer, loss = "squared_hinge", lambda_min_ratio = 1e-4, nlambda = 20L),
  "no floats" = list(inverse_documents, answer),
  binary = list(binary, answer),
  scales = list(counts %*% Matrix::Diagonal(columns, 10^runif(columns, -3, 3)), answer),
  twins = list(twins, answer),
  separable = list(few, few_answer, lambda_min_ratio = 1e-3),
  "far down" = list(counts, answer, lambda_min_ratio = 1e-6),
  "many lambdas" = list(counts, answer, nlambda = 150L), # each starts on the line through earlier ones
  "uneven lambdas" = list(counts, answer, lambda = largest * c(5, 1, 0.9, 0.11, 0.1, 0.099, 0.02, 0.0199)),
  "equal lambdas" = list(counts, answer, lambda = largest * 0.1 * (1 - (0:11) * 1e-7)),
  everything = list(inverse_documents, answer, weights = case_weights, offset = shifts, alpha = 0.8, lower = -1,
                    upper = 0.5, penalty_factor = replace(factors, c(3, 50, 400), 0)),
  "everything, hinge" = list(inverse_documents, answer, loss = "squared_hinge", weights = case_weights,
                             offset = shifts, alpha = 0.7, lower = -1)
)

lane_problem <- function(case) {
  if (is.null(case[["lambda"]])) {
    if (is.null(case[["nlambda"]])) case$nlambda <- 30L
    if (is.null(case[["lambda_min_ratio"]])) case$lambda_min_ratio <- 0.01
  }
  case[[1L]] <- methods::as(methods::as(case[[1L]], "generalMatrix"), "CsparseMatrix")
  do.call(problem_of, case)
}

test_that("every point that lanes publish has the gap that it claims, judged from outside", {
  for (name in names(lane_cases)) {
    d <- lane_problem(lane_cases[[name]])
    path <- do.call(linclass_path, d$arguments)
    expect_true(all(path$points$met), info = name)
    outside <- outside_gaps(path, d)
    expect_lt(max(outside), 1e-8 * (1 + 1e-3), label = name)
    # The same dual point: residuals that sum to zero, scaled. Other ways to move them give gaps of the same size.
    expect_lt(max(abs(outside - path$points$relative)), 1e-8, label = name)
  }
})

# Folds go down in lanes, too, some fifty lambdas at a time: a fold is the same problem with weights 0, standardised by
# its own rows.
fold_cases <- list(
  counts = list(counts, answer),
  weights = list(counts, answer, weights = case_weights + 0.1),
  "as they are" = list(counts, answer, standardize = FALSE, intercept = FALSE),
  everything = list(inverse_documents, answer, weights = case_weights + 0.1, offset = shifts, alpha = 0.8, lower = -1,
                    upper = 0.5, penalty_factor = replace(factors, c(3, 50, 400), 0)),
  "squared hinge" = list(counts, answer, loss = "squared_hinge", alpha = 0.7)
)

test_that("folds are solved to the gap, and scores of rows left out are those of the path without them", {
  set.seed(11)
  for (name in names(fold_cases)) {
    folds <- switch(name, weights = 2L, everything = 10L, 4L) # 3, 11 and 5 fits
    fold <- sample(rep_len(seq_len(folds), rows))
    d <- lane_problem(c(fold_cases[[name]], nlambda = if (name == "counts") 55L else 8L, lambda_min_ratio = 0.05))
    cv <- do.call(linclass_cv, c(d$arguments, list(foldid = fold, keep = TRUE)))
    expect_true(all(cv$path$points$met), info = name)
    expect_lt(max(cv$fold_relative), 1e-8, label = name)
    expect_lt(max(outside_gaps(cv$path, d)), 1e-8 * (1 + 1e-3), label = name)
    left <- fold == 2
    without <- fold_cases[[name]]
    without$weights <- replace(d$weights, left, 0)
    without <- lane_problem(c(without, list(lambda = cv$path$points$lambda)))
    W <- as.matrix(do.call(linclass_path, without$arguments)$coefficients[[1L]])
    z <- as.matrix(if (d$intercept) cbind(1, d$x) else d$x) %*% W + d$offset
    mean_loss <- function(z) unname(colMeans(dual_losses[[d$loss]]$value(z, 2 * d$y[left] - 1)))
    expect_equal(mean_loss(cv$scores[left, 1L, , 1L]), mean_loss(z[left, ]), tolerance = 1e-4, info = name)
  }
})

test_that("cross-validation in lanes does not depend on the number of threads", {
  many <- word_counts(5000, 1500, 50, seed = 8)
  y <- factor(labels_of(many))
  old <- linclass_threads()
  on.exit(linclass_threads(old))
  fits <- lapply(1:2, function(threads) {
    linclass_threads(threads)
    linclass_cv(many, y, nlambda = 8, lambda_min_ratio = 0.2, foldid = rep_len(1:9, nrow(many)))
  })
  expect_identical(fits[[1L]]$metrics, fits[[2L]]$metrics)
})

test_that("a point's objective and loss are those of its coefficients", {
  for (name in c("no floats", "many lambdas")) {
    d <- lane_problem(lane_cases[[name]])
    path <- do.call(linclass_path, d$arguments)
    W <- as.matrix(path$coefficients[[1L]])
    z <- cbind(1, as.matrix(d$x)) %*% W
    loss <- colMeans(dual_losses$logistic$value(z, 2 * d$y - 1))
    objective <- unname(loss + path$points$lambda * colSums(abs(W[-1L, ]) * d$spread))
    expect_lt(max(abs(path$points$objective / objective - 1)), 1e-13, label = name)
  }
})

test_that("paths in lanes do not depend on the number of threads", {
  many <- word_counts(6000, 2000, 50, seed = 7) # enough for two parts
  y <- labels_of(many)
  old <- linclass_threads()
  on.exit(linclass_threads(old))
  linclass_threads(1)
  one <- linclass_path(many, factor(y), nlambda = 20, lambda_min_ratio = 0.1)
  linclass_threads(2)
  expect_identical(linclass_path(many, factor(y), nlambda = 20, lambda_min_ratio = 0.1)$coefficients, one$coefficients)
})

test_that("a gap that rounding does not allow ends the path all the same", {
  d <- lane_problem(list(counts, answer, nlambda = 8L, lambda_min_ratio = 0.3,
                         control = linclass_control(tolerance = 1e-15)))
  expect_warning(path <- do.call(linclass_path, d$arguments))
  expect_identical(nrow(path$points), 8L)
  expect_lt(max(outside_gaps(path, d)), 1e-11)
})

test_that("a time limit keeps the points that are finished", {
  d <- lane_problem(list(twins, answer, nlambda = 20000L, control = linclass_control(time_limit = 0.5)))
  expect_warning(path <- do.call(linclass_path, d$arguments))
  expect_identical(path$status, "time_limit")
  expect_lt(max(outside_gaps(path, d), 0), 1e-8 * (1 + 1e-3))
})
