# Writes tests/testthat/fixtures/margin_optima.csv: optima of tests/testthat/helper-margins.R, by a primal-dual interior
# point of the extended quadratic programme that shares no line with the package. Its lower bound comes from its
# multipliers; the value is that of its point. Rscript tools/reference_margins.R
library(Matrix)

source("tests/testthat/helper-margins.R")

qp_ipm <- function(qd, l, A, h, wx, sq, H, g, tol = 1e-13, maxit = 150) {
  V <- length(qd)
  m <- nrow(A)
  b3 <- nrow(H)
  A <- as.matrix(A)
  H <- as.matrix(H)
  u <- numeric(V)
  xi <- pmax(h, 0) + 1
  q <- if (sq)
    2 * wx
  else 0 * wx
  cw <- if (sq)
    0 * wx
  else wx
  s1 <- pmax(as.vector(A %*% u) + xi - h, 0.5)
  s2 <- xi
  s3 <- pmax(as.vector(H %*% u) - g, 0.5)
  a <- wx/2
  cc <- wx/2
  e <- rep(mean(wx), b3)
  best <- Inf
  keep <- NULL
  for (it in seq_len(maxit)) {
    r1 <- qd * u + l - as.vector(crossprod(A, a)) - as.vector(crossprod(H, e))
    r2 <- q * xi + cw - a - cc
    p1 <- as.vector(A %*% u) + xi - h - s1
    p2 <- xi - s2
    p3 <- as.vector(H %*% u) - g - s3
    M <- 2 * m + b3
    mu <- (sum(s1 * a) + sum(s2 * cc) + sum(s3 * e))/M
    pobj <- sum(qd * u^2)/2 + sum(l * u) + sum(q * xi^2)/2 + sum(cw * xi)
    dobj <- -sum(qd * u^2)/2 - sum(q * xi^2)/2 + sum(h * a) + sum(g * e)
    err <- max(abs(r1), abs(r2), abs(p1), abs(p2), abs(p3), mu * M)
    if (is.finite(err) && err < best) {
      best <- err
      keep <- list(v = u, p = pobj, d = dobj, rd = max(abs(r1), abs(r2)), rp = max(abs(p1),
        abs(p2), 0), it = it)
    }
    if (!is.finite(err) || best < 1e-15 || mu * M < tol * 0.01 * abs(pobj))
      break
    D1 <- a/s1
    D2 <- cc/s2
    D3 <- e/s3
    E <- q + D1 + D2
    Hm <- crossprod(A, (D1 * (q + D2)/E) * A)
    if (b3)
      Hm <- Hm + crossprod(H, D3 * H)
    diag(Hm) <- diag(Hm) + qd
    dd <- sqrt(pmax(diag(Hm), 1e-280))
    Hs <- Hm/outer(dd, dd)
    R <- NULL
    for (rg in c(0, 1e-15, 1e-14, 1e-13, 1e-12, 1e-10)) {
      R <- tryCatch(chol(Hs + diag(rg, V)), error = function(z) NULL)
      if (!is.null(R))
        break
    }
    if (is.null(R))
      break
    one <- function(b) backsolve(R, forwardsolve(t(R), b/dd))/dd
    slv <- function(b) {
      x <- one(b)
      for (z in 1:3) x <- x + one(b - as.vector(Hm %*% x))
      x
    }
    step <- function(c1, c2, c3) {
      t <- -r2 + c1/s1 - D1 * p1 + c2/s2 - D2 * p2
      rhs <- -r1 + as.vector(crossprod(A, c1/s1 - D1 * p1 - D1 * t/E))
      if (b3)
        rhs <- rhs + as.vector(crossprod(H, c3/s3 - D3 * p3))
      du <- slv(rhs)
      Ad <- as.vector(A %*% du)
      dxi <- (t - D1 * Ad)/E
      d1 <- Ad + dxi + p1
      d2 <- dxi + p2
      d3 <- as.vector(H %*% du) + p3
      list(u = du, xi = dxi, s1 = d1, s2 = d2, s3 = d3, a = (c1 - a * d1)/s1, c = (c2 - cc *
        d2)/s2, e = (c3 - e * d3)/s3)
    }
    len <- function(x, d) {
      k <- d < 0
      if (any(k))
        min(1, min(-x[k]/d[k]))
      else 1
    }
    f <- step(-s1 * a, -s2 * cc, -s3 * e)
    tp <- min(len(s1, f$s1), len(s2, f$s2), len(s3, f$s3))
    td <- min(len(a, f$a), len(cc, f$c), len(e, f$e))
    mua <- (sum((s1 + tp * f$s1) * (a + td * f$a)) + sum((s2 + tp * f$s2) * (cc + td * f$c)) +
      sum((s3 + tp * f$s3) * (e + td * f$e)))/M
    sg <- (mua/mu)^3
    f <- step(sg * mu - s1 * a - f$s1 * f$a, sg * mu - s2 * cc - f$s2 * f$c, sg * mu - s3 *
      e - f$s3 * f$e)
    t <- 0.995 * min(len(s1, f$s1), len(s2, f$s2), len(s3, f$s3), len(a, f$a), len(cc, f$c),
      len(e, f$e))
    if (t > 0.99)
      t <- min(1, t/0.995 * 0.9995)
    u <- u + t * f$u
    xi <- xi + t * f$xi
    s1 <- s1 + t * f$s1
    s2 <- s2 + t * f$s2
    s3 <- s3 + t * f$s3
    a <- a + t * f$a
    cc <- cc + t * f$c
    e <- e + t * f$e
    if (t < 1e-09)
      break
  }
  keep
}

prep <- function(P) {
  P$x <- as.matrix(P$x)
  n <- nrow(P$x)
  p <- ncol(P$x)
  P$y <- factor(P$y)
  k <- nlevels(P$y)
  P$w <- if (is.null(P$w))
    rep(1, n)
  else P$w
  W <- sum(P$w)
  if (is.null(P$alpha))
    P$alpha <- 0
  if (is.null(P$intercept))
    P$intercept <- TRUE
  if (is.null(P$standardize))
    P$standardize <- FALSE
  mean_ <- colSums(P$w * P$x)/W
  P$sd <- if (P$standardize)
    sqrt(colSums(P$w * sweep(P$x, 2, mean_)^2)/W)
  else rep(1, p)
  P$pf2 <- if (is.null(P$penalty_factor))
    rep(1, p)
  else P$penalty_factor
  P$l1 <- P$lambda * P$alpha * P$pf2 * P$sd
  P$l2 <- P$lambda * (1 - P$alpha) * P$pf2 * P$sd^2
  P$n <- n
  P$p <- p
  P$k <- k
  P$wn <- P$w/W
  P$K <- if (k == 2)
    1
  else k
  P
}

objective_of <- function(P, B) {
  yi <- as.integer(P$y)
  if (P$K == 1) {
    b <- as.vector(B)
    z <- as.vector(P$x %*% b[-1]) + b[1] + (if (is.null(P$off))
      0
    else P$off)
    u <- 1 - (2 * yi - 3) * z
    u <- pmax(u, 0)
    L <- if (P$loss == "hinge")
      u
    else u^2
    S <- b[-1]
    return(sum(P$wn * L) + sum(P$l2 * S^2)/2 + sum(P$l1 * abs(S)))
  }
  Z <- P$x %*% t(B[, -1, drop = FALSE])
  Z <- sweep(Z, 2, B[, 1], "+")
  if (!is.null(P$off))
    Z <- Z + P$off
  U <- Z - Z[cbind(seq_len(P$n), yi)] + 1
  U[cbind(seq_len(P$n), yi)] <- 0
  U <- pmax(U, 0)
  L <- if (P$loss == "hinge")
    rowSums(U)
  else rowSums(U^2)
  S <- B[, -1, drop = FALSE]
  sum(P$wn * L) + sum(S^2 %*% P$l2)/2 + sum(abs(S) %*% P$l1)
}

oracle <- function(P) {
  n <- P$n
  p <- P$p
  yi <- as.integer(P$y)
  K <- P$K
  split <- any(P$l1 > 0)
  one <- P$intercept
  cs <- sqrt(colMeans(P$x^2))
  cs[cs == 0] <- 1
  ctr <- if (one)
    colMeans(P$x)
  else rep(0, p)
  cs <- pmax(sqrt(colMeans(sweep(P$x, 2, ctr)^2)), 1e-300)
  cs[cs < 1e-12 * (1 + abs(ctr))] <- 1
  X <- sweep(sweep(P$x, 2, ctr), 2, cs, "/")
  if (one)
    X <- cbind(1, X)
  l1 <- P$l1/cs
  l2 <- P$l2/cs^2
  q <- ncol(X)
  pos <- if (one)
    2:q
  else 1:q
  if (one) {
    l1 <- c(0, l1)
    l2 <- c(0, l2)
  }
  per <- if (split)
    2 * q
  else q
  blk <- if (split)
    cbind(X, -X)
  else X
  if (split) {
    blk <- cbind(X, -X[, pos, drop = FALSE])
    per <- q + length(pos)
  }
  qd1 <- if (split)
    c(l2, l2[pos])
  else l2
  cc1 <- if (split)
    c(l1, l1[pos])
  else rep(0, q)
  if (split)
    qd1 <- qd1
  rows <- list()
  hh <- c()
  wxi <- c()
  if (K == 1) {
    s <- 2 * yi - 3
    off <- if (is.null(P$off))
      0
    else P$off
    A <- s * blk
    hA <- 1 - s * off
    wx <- P$wn
    keep <- wx > 0
    A <- A[keep, , drop = FALSE]
    hA <- rep_len(hA, n)[keep]
    wx <- wx[keep]
    A <- Matrix(A, sparse = TRUE)
  }
  else {
    k <- P$k
    L <- list()
    hA <- c()
    wx <- c()
    off <- if (is.null(P$off))
      matrix(0, n, k)
    else P$off
    for (c in seq_len(k)) {
      i <- which(yi != c & P$wn > 0)
      M <- Matrix(0, length(i), per * k, sparse = TRUE)
      trip <- lapply(seq_len(k), function(d) {
        Y <- matrix(0, length(i), per)
        f <- yi[i] == d
        Y[f, ] <- blk[i[f], , drop = FALSE]
        if (d == c)
          Y <- Y - blk[i, , drop = FALSE]
        Matrix(Y, sparse = TRUE)
      })
      L[[c]] <- do.call(cbind, trip)
      hA <- c(hA, 1 + off[cbind(i, c)] - off[cbind(i, yi[i])])
      wx <- c(wx, P$wn[i])
    }
    A <- do.call(rbind, L)
  }
  nb <- if (K == 1)
    1
  else P$k
  qd <- rep(qd1, nb)
  cc <- rep(cc1, nb)
  m <- nrow(A)
  V <- length(qd)
  sq <- P$loss == "squared_hinge"
  H <- matrix(0, 0, V)
  g <- c()
  if (split) {
    nn <- c(rep(0, one), rep(1, length(pos)), rep(1, length(pos)))
    w <- which(rep(nn, nb) == 1)
    H <- diag(1, V)[w, , drop = FALSE]
    g <- rep(0, length(w))
  }
  for (side in c("lower", "upper")) if (!is.null(P[[side]])) {
    bnd <- rep_len(P[[side]], p) * cs
    sg <- if (side == "lower")
      1
    else -1
    for (cl in seq_len(nb)) for (j in seq_len(p)) if (is.finite(bnd[j])) {
      r <- numeric(V)
      r[(cl - 1) * per + pos[j]] <- sg
      if (split)
        r[(cl - 1) * per + q + j] <- -sg
      H <- rbind(H, r)
      g <- c(g, sg * bnd[j])
    }
  }
  r <- qp_ipm(qd, cc, A, hA, wx, sq, H, g)
  Bs <- sapply(seq_len(nb), function(c) {
    v <- r$v[(c - 1) * per + seq_len(per)]
    t <- v[seq_len(q)]
    if (split)
      t[pos] <- t[pos] - v[q + seq_along(pos)]
    S <- t[pos]/cs
    c(if (one) t[1] - sum(S * ctr) else 0, S)
  })
  B <- if (K == 1)
    Bs[, 1]
  else t(Bs)
  list(B = B, d = r$d, p = r$p, rd = r$rd, rp = r$rp, it = r$it)
}

problems <- margin_problems()

rows <- list()

for (loss in c("hinge", "squared_hinge")) for (name in names(problems)) {
  problem <- problems[[name]]
  problem$w <- problem$weights
  problem$off <- problem$offset
  problem <- prep(c(problem, list(loss = loss)))
  found <- oracle(problem)
  rows[[length(rows) + 1L]] <- data.frame(loss = loss, problem = name, value = objective_of(problem,
    found$B), bound = found$d)
}

table <- do.call(rbind, rows)

table[3:4] <- lapply(table[3:4], signif, 14)

print(table, digits = 12)

utils::write.csv(table, "tests/testthat/fixtures/margin_optima.csv", row.names = FALSE)
