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

# Duality gap over the objective (or a thousandth of that at 0) of slopes b and intercept b0: an upper bound of how far the objective is from its
# minimum. The dual point is the derivative of the loss, moved along the free columns so that their gradients vanish, and
# scaled until the penalty's conjugate is finite.
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
