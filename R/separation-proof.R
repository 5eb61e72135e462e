# Which rows a linear classifier can tell from which classes, decided with a certificate on either side.
#
# A pair (i, c) is a row i and a class c other than its own, y_i. Directions D (features x classes, of class 1 zero)
# along which no likelihood falls form the cone of all D with x_i'(d_{y_i} - d_c) >= 0 for all pairs. The pairs' left
# sides are rows of a matrix A, and Gordan's alternative says of any set of rows: either A u > 0 for some u, or A'v = 0
# for some v >= 0 other than 0. Rows with v > 0 are 0 along every direction of the cone. So the space of directions is
# cut down to those that are 0 there, as often as the second alternative holds: at most once a dimension. What is left
# in the end is N, the space that the cone spans, with a direction in it that is strictly positive on every pair that
# is not 0 on all of N. No LP need be solved: the point of least norm in the convex hull of A's rows (Wolfe 1976)
# decides the alternative, for it is such a u or it is 0.

# What rounding leaves of the part of a row in a space that it is orthogonal to.
rounding <- 1e-13
# Below it a product of two vectors of length 1 counts as 0.
separation_zero <- 1e-11

# A problem of separation: X (rows x features, columns shifted and scaled), own (class of each row, from 1 on), k,
# and M,
# upper triangular, such that the columns of X M are about orthonormal. Directions are U with D = M U.
separation_problem <- function(X, own, k) {
  problem <- list(X = X, own = own, k = k, others = outer(own, seq_len(k), `!=`))
  c(problem, list(M = orthonormal_map(X)))
}

# By the Gram matrix where that loses no digits that matter, else by the columns themselves.
orthonormal_map <- function(X) {
  root <- tryCatch(chol(crossprod(X)), error = function(e) NULL)
  if (!is.null(root) && rcond(root, triangular = TRUE) > 1e-5) return(backsolve(root, diag(ncol(X))))
  decomposition <- qr(X, tol = 1e-13)
  rank <- decomposition$rank
  M <- matrix(0, ncol(X), rank)
  M[decomposition$pivot[seq_len(rank)], ] <-
    backsolve(qr.R(decomposition)[seq_len(rank), seq_len(rank), drop = FALSE], diag(rank))
  M
}

# Over all pairs: x_i'(d_{y_i} - d_c), a matrix rows x classes.
pair_leads <- function(problem, D) {
  scores <- cbind(0, problem$X %*% D)
  scores[cbind(seq_along(problem$own), problem$own)] - scores
}

# The rows of A for pairs (a two-column matrix), in coordinates of N.
pair_rows <- function(problem, pairs, N) {
  Z <- problem$X[pairs[, 1L], , drop = FALSE] %*% problem$M
  own <- problem$own[pairs[, 1L]]
  A <- matrix(0, nrow(pairs), ncol(N))
  for (class in seq_len(problem$k)[-1L]) {
    sign <- (own == class) - (pairs[, 2L] == class)
    A <- A + (sign * Z) %*% N[block_of(problem, class), , drop = FALSE]
  }
  A
}

block_of <- function(problem, class) (class - 2L) * ncol(problem$M) + seq_len(ncol(problem$M))

# The length of the row of A of every pair, in blocks of rows.
pair_lengths <- function(problem, N) {
  maps <- lapply(seq_len(problem$k)[-1L], function(class) {
    problem$M %*% N[block_of(problem, class), , drop = FALSE]
  })
  blocks <- split(seq_along(problem$own), (seq_along(problem$own) - 1L) %/% 4096L)
  do.call(rbind, lapply(unname(blocks), function(rows) {
    X <- problem$X[rows, , drop = FALSE]
    parts <- c(list(matrix(0, length(rows), ncol(N))), lapply(maps, function(map) X %*% map))
    own <- problem$own[rows]
    mine <- parts[[1L]]
    for (class in unique(own)) mine[own == class, ] <- parts[[class]][own == class, ]
    vapply(parts, function(part) sqrt(rowSums((mine - part)^2)), double(length(rows)))
  }))
}

unit_rows <- function(A) A / sqrt(rowSums(A^2))

direction_matrix <- function(problem, u) problem$M %*% matrix(u, ncol(problem$M))

# The alternative for rows of length 1. `more(u)`: rows that are left out of A and not positive along u, or NULL.
# list(u = a direction along which all are positive) or list(rows, weights): a convex combination of rows that is 0,
# or NULL where neither is certain.
gordan <- function(A, more = function(u) NULL) {
  inside <- which.min(A %*% colMeans(A))
  weights <- 1
  for (step in seq_len(200L + 20L * ncol(A))) {
    point <- drop(crossprod(A[inside, , drop = FALSE], weights))
    size <- sqrt(sum(point^2))
    if (size <= separation_zero) return(list(rows = inside, weights = weights, A = A))
    along <- drop(A %*% point) / size
    worst <- which.min(along)
    if (along[worst] > separation_zero) {
      extra <- more(point / size)
      if (is.null(extra)) return(list(u = point / size))
      A <- rbind(A, extra)
      next
    }
    if (worst %in% inside) return(NULL)
    moved <- least_norm_among(A, c(inside, worst), c(weights, 0))
    if (is.null(moved)) return(NULL)
    inside <- moved$rows
    weights <- moved$weights
  }
  NULL
}

# From a point in the hull of `rows` to the point of least norm in the hull of some of them.
least_norm_among <- function(A, rows, weights) {
  repeat {
    P <- A[rows, , drop = FALSE]
    edges <- qr(t(P[-1L, , drop = FALSE]) - P[1L, ], tol = 1e-12)
    if (edges$rank < length(rows) - 1L) return(NULL)
    rest <- qr.coef(edges, -P[1L, ])
    goal <- c(1 - sum(rest), rest)
    if (all(goal > 1e-13)) return(list(rows = rows, weights = goal))
    low <- goal <= 1e-13
    share <- min((weights / (weights - goal))[low & weights > goal], 1)
    weights <- weights + share * (goal - weights)
    stay <- weights > 1e-13
    if (all(stay)) return(NULL)
    rows <- rows[stay]
    weights <- weights[stay] / sum(weights[stay])
  }
}

# The alternative over the pairs in `open`, from those with the least leads (which a fit's leads foresee) upward.
gordan_of_pairs <- function(problem, N, open, lengths, leads) {
  room <- 100L + 3L * ncol(N)
  pairs <- which(open, arr.ind = TRUE)
  order <- if (nrow(pairs) > room) order(leads[open] / lengths[open])[seq_len(room)] else seq_len(nrow(pairs))
  pairs <- pairs[order, , drop = FALSE]
  taken <- pairs
  result <- gordan(unit_rows(pair_rows(problem, pairs, N)), function(u) {
    along <- pair_leads(problem, direction_matrix(problem, N %*% u)) / lengths
    along[!open] <- Inf
    along[taken] <- Inf
    found <- which(along <= separation_zero)
    if (!length(found)) return(NULL)
    found <- utils::head(found[order(along[found])], room)
    pairs <- arrayInd(found, dim(along))
    taken <<- rbind(taken, pairs)
    unit_rows(pair_rows(problem, pairs, N))
  })
  if (length(result$rows)) result$pairs <- taken[result$rows, , drop = FALSE]
  result
}

# The whole decision. leads: those of a fit or of any guess, which costs time only. NULL where rounding errors leave it
# open, else list(N, u, separated = TRUE for pairs that are strictly positive along N u, balance = list(pairs, weights):
# positive weights with which the rows of A that are 0 on N add up to 0).
decide_separation <- function(problem, leads) {
  N <- diag((problem$k - 1L) * ncol(problem$M))
  full <- pair_lengths(problem, N)
  lengths <- full
  balance <- balance_of_residuals(problem, leads, full)
  if (!is.null(balance)) {
    N <- null_space(crossprod(unit_rows(pair_rows(problem, balance$pairs, N))))
    lengths <- pair_lengths(problem, N)
    if (any(lengths[balance$pairs] > 1e-10 * full[balance$pairs])) return(NULL)
  }
  repeat {
    open <- problem$others & full > 0 & lengths > 1e-10 * full
    if (!any(open)) return(list(N = N[, 0L, drop = FALSE], u = numeric(), separated = open, balance = balance))
    found <- gordan_of_pairs(problem, N, open, lengths, leads)
    if (is.null(found)) return(NULL)
    if (!is.null(found$u)) {
      # Rows that are 0 on N but for more than rounding may be ahead by that little, or behind.
      closed <- problem$others & full > 0 & !open
      if (any(lengths[closed] > rounding * full[closed])) return(NULL)
      return(list(N = N, u = found$u, separated = open, balance = balance))
    }
    balance <- add_balance(problem, balance, found$pairs, found$weights / lengths[found$pairs])
    span <- qr(t(found$A[found$rows, , drop = FALSE]), tol = 1e-9)
    N <- N %*% qr.Q(span, complete = TRUE)[, -seq_len(span$rank), drop = FALSE]
    lengths <- pair_lengths(problem, N)
  }
}

null_space <- function(gram) {
  parts <- eigen(gram, symmetric = TRUE)
  parts$vectors[, parts$values <= 1e-13 * parts$values[1L], drop = FALSE]
}

# At a maximum of a likelihood the probabilities of other classes are weights with which rows of A add up to 0. Those of
# a fit nearly do; with r they are r (1 - A h), h from sum(r a a') h = sum(r a), which do exactly and are positive if no
# element of A h reaches 1. Pairs whose probability is nothing are left for later. NULL where it fails.
balance_of_residuals <- function(problem, leads, full) {
  if (length(leads) * ncol(problem$M) < 1e5) return(NULL) # small: Gordan's alternative is as quick
  chance <- 1 / (1 + exp(leads))
  pairs <- which(problem$others & full > 0 & chance > 1e-5, arr.ind = TRUE)
  if (!nrow(pairs)) return(NULL)
  A <- pair_rows(problem, pairs, diag((problem$k - 1L) * ncol(problem$M)))
  weights <- chance[pairs]
  for (step in 1:30) {
    parts <- eigen(crossprod(A, weights * A), symmetric = TRUE)
    use <- parts$values > 1e-12 * parts$values[1L]
    Q <- parts$vectors[, use, drop = FALSE]
    h <- Q %*% (crossprod(Q, crossprod(A, weights)) / parts$values[use])
    shift <- drop(A %*% h)
    if (max(shift) < 0.9) weights <- weights * (1 - shift) else weights <- weights * exp(-shift / max(abs(shift)))
    if (max(abs(shift)) < 1e-9) return(list(pairs = pairs, weights = weights))
  }
  NULL
}

# Rows that balance on N only are balanced everywhere by those that did before: what they leave, a combination of
# those, is taken off, and enough of their own balance added to keep all weights positive.
add_balance <- function(problem, balance, pairs, weights) {
  if (is.null(balance)) return(list(pairs = pairs, weights = weights))
  all <- diag((problem$k - 1L) * ncol(problem$M))
  before <- pair_rows(problem, balance$pairs, all)
  left <- crossprod(pair_rows(problem, pairs, all), weights)
  size <- sqrt(rowSums(before^2))
  taken <- qr.coef(qr(t(before / size)), left) / size
  taken[is.na(taken)] <- 0
  times <- max(1, 2 * taken / balance$weights)
  list(pairs = rbind(balance$pairs, pairs), weights = c(times * balance$weights - drop(taken), weights))
}

# The largest sum of weighted rows over the sum of their lengths: 0 but for rounding errors.
balance_error <- function(problem, balance) {
  if (is.null(balance)) return(0)
  A <- pair_rows(problem, balance$pairs, diag((problem$k - 1L) * ncol(problem$M)))
  max(abs(crossprod(A, balance$weights))) / sum(balance$weights * sqrt(rowSums(A^2)))
}

# Features that are needed: a set from which none can be left out without losing a separated pair. Halves of the
# candidates, least ones first, are tried before single ones. `maps`: for each candidate the rows that are 0 on N where
# it is left out. Returns list(kept, u).
needed_features <- function(problem, decided, lengths, maps, importance) {
  N <- decided$N
  open <- decided$separated
  leads <- pair_leads(problem, direction_matrix(problem, N %*% decided$u))
  gone <- integer()
  best <- decided$u
  without <- function(set) {
    rows <- qr(t(do.call(rbind, maps[set])), tol = 1e-9)
    basis <- qr.Q(rows, complete = TRUE)[, -seq_len(rows$rank), drop = FALSE]
    if (rows$rank == 0L) basis <- diag(ncol(N))
    if (!ncol(basis)) return(NULL)
    inner <- pair_lengths(problem, N %*% basis)
    if (any(inner[open] <= 1e-10 * lengths[open])) return(NULL)
    found <- gordan_of_pairs(problem, N %*% basis, open, inner, leads)
    if (!is.null(found$u)) drop(basis %*% found$u)
  }
  shrink <- function(set) {
    u <- without(c(gone, set))
    if (!is.null(u)) {
      gone <<- c(gone, set)
      best <<- u
    } else if (length(set) > 1L) {
      half <- seq_len(length(set) %/% 2L)
      shrink(set[half])
      shrink(set[-half])
    }
  }
  if (length(maps)) shrink(order(importance))
  list(kept = setdiff(seq_along(maps), gone), u = best)
}
