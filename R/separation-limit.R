# The limit of a likelihood without a maximum (Geyer 2009). Along a direction of separation the separated pairs of a
# row and a class get probability 0, and what is left is the likelihood of the other pairs, which has a maximum. It
# determines the combinations of coefficients that vanish on the space N of all such directions; they are finite and
# have standard errors. All other coefficients are infinite.

# The Newton iteration of that likelihood in coordinates V, orthogonal to N; start: U as a vector. list(u,
# covariance), of U
# as a vector, or NULL where steps lead nowhere.
fit_limit <- function(problem, decided, start, weights, offset) {
  m <- nrow(decided$N)
  V <- if (ncol(decided$N)) qr.Q(qr(decided$N), complete = TRUE)[, -seq_len(ncol(decided$N)), drop = FALSE] else diag(m)
  if (!ncol(V)) return(list(u = numeric(m), covariance = matrix(0, m, m)))
  rows <- which(rowSums(problem$others & !decided$separated) > 0)
  data <- list(Z = problem$X[rows, , drop = FALSE] %*% problem$M, own = cbind(seq_along(rows), problem$own[rows]),
               out = decided$separated[rows, , drop = FALSE], k = problem$k, weights = weights[rows],
               offset = cbind(0, if (is.null(offset)) matrix(0, length(rows), problem$k - 1L) else
                 matrix(offset, length(problem$own))[rows, , drop = FALSE]))
  theta <- drop(crossprod(V, start))
  here <- limit_likelihood(data, V, theta)
  for (step in 1:100) {
    inverse <- invert_information(here$information)
    if (is.null(inverse)) return(NULL)
    change <- -drop(inverse %*% here$gradient)
    decrement <- -sum(change * here$gradient)
    share <- 1
    repeat {
      there <- limit_likelihood(data, V, theta + share * change)
      if (isTRUE(there$value <= here$value + 1e-12 * (1 + abs(here$value)))) break
      share <- share / 2
      if (share < 1e-6) return(NULL)
    }
    theta <- theta + share * change
    here <- there
    if (decrement <= 1e-10 * (1 + here$value)) break # the step squared it
  }
  if (decrement > 1e-10 * (1 + here$value)) return(NULL)
  covariance <- invert_information(here$information)
  if (is.null(covariance)) return(NULL)
  list(u = drop(V %*% theta), covariance = V %*% covariance %*% t(V))
}

# Negative log-likelihood, gradient and information in theta.
limit_likelihood <- function(data, V, theta) {
  scores <- cbind(0, data$Z %*% matrix(V %*% theta, ncol(data$Z))) + data$offset
  scores[data$out] <- -Inf
  own <- scores[data$own]
  top <- do.call(pmax, as.data.frame(scores))
  odds <- exp(scores - top)
  prob <- odds / rowSums(odds)
  residual <- prob
  residual[data$own] <- -rowSums(replace(prob, data$own, 0)) # 1 - p of a p near 1 has no digits
  others <- seq_len(data$k)[-1L]
  blocks <- lapply(others, function(b) {
    do.call(cbind, lapply(others, function(c) {
      crossprod(data$Z, data$weights * prob[, b] * ((b == c) - prob[, c]) * data$Z)
    }))
  })
  list(value = sum(data$weights * (top - own + log(rowSums(odds)))),
       gradient = drop(crossprod(V, as.vector(crossprod(data$Z, data$weights * residual[, others, drop = FALSE])))),
       information = crossprod(V, do.call(rbind, blocks) %*% V))
}
