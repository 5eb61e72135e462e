# Rows of lasso paths and cross-validation; see rows.R for what a row is. All contenders get the same lambdas.
# Data of a path row also have
#   lambda     decreasing, from the smallest at which all slopes are 0
#   spread     the standard deviation of each column (divisor n): the penalty is lambda sum_j spread_j |b_j|
#   mean_loss  function(scores): a column for each score
# Coefficients are lists of a matrix for each score, (intercept, slopes) x lambda.

column_spreads <- function(x) {
  spread <- if (is.matrix(x)) {
    vapply(seq_len(ncol(x)), function(j) sqrt(mean((x[, j] - mean(x[, j]))^2)), 0)
  } else {
    sqrt(Matrix::colMeans(x^2) - Matrix::colMeans(x)^2)
  }
  replace(spread, spread == 0, 1)
}

with_path <- function(x, y, points, ratio) {
  y <- factor(y)
  spread <- column_spreads(x)
  # One column for two classes: 1 in the rows of the second one.
  member <- outer(as.integer(y), if (nlevels(y) == 2) 2 else seq_len(nlevels(y)), "==") + 0
  gradient <- as.matrix(Matrix::crossprod(x, sweep(member, 2, colMeans(member)))) / nrow(x)
  mean_loss <- if (nlevels(y) == 2) {
    function(z) logistic_loss(z[, 1], member[, 1])
  } else {
    function(z) softmax_loss(z, y)
  }
  list(x = x, y = y, spread = spread, mean_loss = mean_loss,
       lambda = max(abs(gradient) / spread) * ratio^seq(0, 1, length.out = points))
}

# The objective at each lambda; infinite where a path has no point.
path_objective <- function(W, d) {
  slopes <- lapply(W, function(w) w[-1, , drop = FALSE])
  used <- which(Reduce(`+`, lapply(slopes, function(w) Matrix::rowSums(w != 0))) > 0)
  x <- d$x[, used, drop = FALSE]
  scores <- Map(function(w, s) as.matrix(x %*% s[used, , drop = FALSE]) + rep(w[1, ], each = nrow(x)),
                W, slopes)
  found <- seq_len(ncol(W[[1]]))
  loss <- vapply(found, function(l) d$mean_loss(vapply(scores, function(z) z[, l], double(nrow(x)))), 0)
  size <- Reduce(`+`, lapply(slopes, function(w) Matrix::colSums(abs(w) * d$spread)))
  c(loss + d$lambda[found] * size, rep(Inf, length(d$lambda) - length(found)))
}

# ---- data ----

# Independent columns, the first 20 of which matter.
wide_data <- function(p) {
  function(size = 1) {
    set.seed(22)
    n <- 1000
    p <- max(200, round(p * size))
    x <- matrix(rnorm(n * p), n, p)
    y <- rbinom(n, 1, plogis(as.vector(x[, 1:20] %*% rnorm(20))))
    with_path(x, y, 100, 0.01)
  }
}

# Five classes; slopes of `spread` in the first `features` columns.
classes_data <- function(features, spread) {
  function(size = 1) {
    set.seed(23)
    n <- max(500, round(5000 * size))
    p <- max(100, round(2000 * size))
    k <- 5
    features <- min(features, p)
    x <- matrix(rnorm(n * p), n, p)
    z <- x[, seq_len(features)] %*% matrix(spread * rnorm(features * k), features, k)
    gumbel <- matrix(-log(-log(runif(n * k))), n, k)
    with_path(x, max.col(z + gumbel), 60, 0.05)
  }
}

# Ten classes of texts: words of a tenth of all pairs of a word and a class say something.
topics_data <- function(size = 1) {
  set.seed(24)
  n <- max(500, round(2e4 * size))
  p <- max(300, round(1e4 * size))
  k <- 10
  words <- sample(p, 40 * n, TRUE, 1 / (seq_len(p) + 2.7))
  x <- Matrix::sparseMatrix(rep(seq_len(n), each = 40), words, x = 1, dims = c(n, p))
  z <- as.matrix(x %*% matrix(stats::rnorm(p * k) * (stats::runif(p * k) < 0.1), p, k))
  gumbel <- matrix(-log(-log(stats::runif(n * k))), n, k)
  x <- x[, Matrix::colSums(x > 0) > 2]
  with_path(x, max.col(z + gumbel), 60, 0.02)
}

# ---- peers ----

# call(d, ...) as it is, and with `argument` at each of these values and what else is given.
path_settings <- function(call, argument, values, ...) {
  tight <- lapply(values, function(value) {
    settings <- stats::setNames(list(value, ...), c(argument, ...names()))
    function(d) do.call(call, c(list(d), settings))
  })
  c(list(default = call),
    stats::setNames(tight, paste(argument, sub("e-0", "e-", format(values, scientific = TRUE)))))
}

glmnet_settings <- function(call) {
  path_settings(call, "thresh", c(1e-8, 1e-9, 1e-10, 1e-12), maxit = 1e7)
}

glmnet_path_coef <- function(fit, d) {
  if (is.list(fit$beta)) {
    lapply(seq_along(fit$beta), function(class) rbind(fit$a0[class, ], fit$beta[[class]]))
  } else {
    list(rbind(fit$a0, fit$beta))
  }
}

glmnet_path <- function(family) {
  list(package = "glmnet",
       settings = glmnet_settings(function(d, ...) {
         glmnet::glmnet(d$x, d$y, family = family, lambda = d$lambda, ...)
       }),
       coef = glmnet_path_coef)
}

# By default it ends a path where it explains 90 % of the deviance, also one that is given: not here.
adelie_path <- list(
  package = "adelie",
  target = 3,
  settings = local({
    fit <- function(tol) function(d) {
      adelie::grpnet(d$x, adelie::glm.binomial(as.integer(d$y) - 1), lambda = d$lambda, irls_tol = tol,
                     tol = tol, early_exit = FALSE, progress_bar = FALSE)
    }
    list(default = fit(1e-7), "tol 1e-9" = fit(1e-9), "tol 1e-11" = fit(1e-11))
  }),
  # Its coefficients are those of standardised columns, a row for each lambda.
  coef = function(fit, d) {
    found <- stats::coef(fit)
    unit <- fit$standardize
    slopes <- Matrix::t(found$betas) / as.vector(unit$scales)
    list(rbind(as.vector(found$intercepts) - as.vector(as.vector(unit$centers) %*% slopes), slopes))
  })

# Its own kind of matrix is made outside the race.
biglasso_path <- list(
  package = "biglasso",
  settings = path_settings(function(d, ...) {
    biglasso::biglasso(d$big, as.integer(d$y) - 1, family = "binomial", lambda = d$lambda, ...)
  }, "eps", c(1e-9, 1e-11), max.iter = 1e5),
  coef = function(fit, d) list(fit$beta))

ncvreg_path <- list(
  package = "ncvreg",
  settings = path_settings(function(d, ...) {
    ncvreg::ncvreg(d$x, as.integer(d$y) - 1, family = "binomial", penalty = "lasso",
                   lambda = d$lambda, ...)
  }, "eps", c(1e-6, 1e-8), max.iter = 1e6),
  coef = function(fit, d) list(fit$beta))

# Its standard deviations have the divisor n - 1.
picasso_path <- list(
  package = "picasso",
  settings = path_settings(function(d, ...) {
    n <- nrow(d$x)
    picasso::picasso(d$x, d$y, lambda = d$lambda * sqrt((n - 1) / n), family = "binomial", ...)
  }, "prec", 1e-8, max.ite = 1e5),
  coef = function(fit, d) list(rbind(fit$intercept, fit$beta)))

logistic_path_peers <- list(glmnet = glmnet_path("binomial"), adelie = adelie_path,
                            biglasso = biglasso_path, ncvreg = ncvreg_path, picasso = picasso_path)

# ---- rows ----

path_row <- function(title, data, target, peers) {
  list(title = title,
       data = data,
       objective = path_objective,
       ours = function(d) linclass::linclass_path(d$x, d$y, lambda = d$lambda),
       alone = function(d) linclass::linclass_path(d$x, d$y, lambda = d$lambda, control = one_thread),
       ours_coef = function(fit, d) fit$coefficients,
       x = function(d) as_read(d$x),
       target = target,
       peers = peers)
}

wide_row <- function(title, p, target, peers = names(logistic_path_peers)) {
  data <- function(size = 1) {
    d <- wide_data(p)(size)
    if ("biglasso" %in% peers && requireNamespace("biglasso", quietly = TRUE)) {
      d$big <- bigmemory::as.big.matrix(d$x)
    }
    d
  }
  path_row(title, data, target, logistic_path_peers[peers])
}

sparse_path_row <- path_row(
  "lasso path, logistic, the sparse matrix of S1, 100 lambdas to ratio 0.01",
  function(size = 1) {
    d <- text_data(size)
    words <- seq_len(max(500, round(size * ncol(d$x)))) # trials have fewer words, too
    with_path(d$x[, words], d$y, 100, 0.01)
  }, 5, logistic_path_peers[c("glmnet", "adelie")])

# Ten folds of a path row; cv.glmnet has the same ones. The objective is that of the path of all rows; held-out losses
# are compared beside it.
cv_row <- function(title, row, target) {
  list(
    title = title,
    data = function(size = 1) {
      d <- row$data(size)
      d$fold <- sample(rep_len(1:10, nrow(d$x)))
      d
    },
    objective = path_objective,
    ours = function(d) linclass::linclass_cv(d$x, d$y, lambda = d$lambda, foldid = d$fold),
    alone = function(d) {
      linclass::linclass_cv(d$x, d$y, lambda = d$lambda, foldid = d$fold, control = one_thread)
    },
    ours_coef = function(fit, d) fit$path$coefficients,
    curve = function(fit) fit$metrics$mean,
    x = row$x,
    target = target,
    peers = list(cv.glmnet = list(
      package = "glmnet",
      settings = glmnet_settings(function(d, ...) {
        glmnet::cv.glmnet(d$x, d$y, family = "binomial", lambda = d$lambda, foldid = d$fold, ...)
      }),
      coef = function(fit, d) glmnet_path_coef(fit$glmnet.fit, d),
      curve = function(fit) fit$cvm)))
}

# adelie's softmax penalises a feature's slopes of all classes as a group: another problem than L3 and L5.
softmax_path_peers <- list(glmnet = glmnet_path("multinomial"))

rows <- c(rows, list(
  L1 = wide_row("lasso path, logistic, n = 1000, p = 2e4, 100 lambdas to ratio 0.01", 2e4, 5),
  L2 = wide_row("L1 with p = 1e5", 1e5, 8, c("glmnet", "adelie", "biglasso")),
  L3 = path_row(paste("lasso path, softmax, n = 5000, p = 2000, k = 5, all features matter, 60 lambdas to",
                      "ratio 0.05"),
                classes_data(2000, 0.1), 8, softmax_path_peers),
  L4 = sparse_path_row,
  L5 = path_row("lasso path, softmax, the shape of L3, 20 features matter", classes_data(20, 1), 8,
                softmax_path_peers),
  L6 = path_row("lasso path, softmax, sparse n = 2e4, p = 1e4, k = 10, 40 words a row, 60 lambdas to ratio 0.02",
                topics_data, 2, softmax_path_peers),
  C1 = cv_row("10-fold cross-validated path of L1", wide_row("", 2e4, 5), 8),
  C4 = cv_row("10-fold cross-validated path of L4", sparse_path_row, 10),
  # How the cost grows with the columns, together with L1 and L2.
  "L1-small" = wide_row("L1 with p = 5e3", 5e3, 5, c("glmnet", "adelie"))))
