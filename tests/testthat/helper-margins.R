# Problems of hinge and squared hinge whose optima are kept in fixtures/margin_optima.csv. tools/reference_margins.R
# solves them by a program of its own and writes the file.

margin_data <- function(n, p, k = 2, seed = 1, sep = 1, shift = 0) {
  set.seed(seed)
  x <- matrix(stats::rnorm(n * p), n, p, dimnames = list(NULL, paste0("x", seq_len(p))))
  B <- matrix(stats::rnorm(p * k), p, k) * sep / sqrt(p)
  noise <- -log(-log(matrix(stats::runif(n * k), n, k)))
  z <- x %*% B + noise + matrix(rep(c(shift, rep(0, k - 1)), each = n), n, k)
  list(x = x, y = factor(max.col(z)))
}

margin_problems <- function() {
  two <- margin_data(200, 6, 2, 1, 3)
  three <- margin_data(150, 5, 3, 2, 3)
  five <- margin_data(120, 4, 5, 3, 2)
  scaled <- two
  scaled$x <- sweep(two$x, 2, 10^c(-6, -3, 0, 3, 6, 2), "*")
  scaled$x[, 3] <- scaled$x[, 3] + 1e4
  line <- as.vector(two$x %*% c(1, -1, 0.5, 0, 0, 2))
  apart <- list(x = two$x[abs(line) > 0.2, ], y = factor(line[abs(line) > 0.2] > 0))
  rare <- margin_data(300, 5, 2, 4, 2)
  few <- c(which(rare$y == 1), which(rare$y == 2)[1:3])
  rare <- list(x = rare$x[few, ], y = rare$y[few])
  repeated <- rep(1:200, c(rep(1, 100), rep(5, 100)))
  repeated <- list(x = two$x[repeated, ], y = two$y[repeated])
  wide <- margin_data(60, 150, 2, 6, 3)
  flowers <- list(x = as.matrix(datasets::iris[1:4]), y = datasets::iris$Species)
  row <- function(data, lambda, alpha = 0, ...) c(data, list(lambda = lambda, alpha = alpha, ...))
  list(
    "ridge 1e-8" = row(two, 1e-8), "ridge 1e-4" = row(two, 1e-4), "ridge 1e-1" = row(two, 0.1),
    "ridge 1e3" = row(two, 1e3), "lasso" = row(two, 0.02, 1), "elastic net" = row(two, 0.05, 0.5, standardize = TRUE),
    "weights and offsets" = row(two, 0.01, weights = rep(c(0.5, 1, 2, 3), 50), offset = sin(1:200)),
    "no intercept" = row(two, 0.01, intercept = FALSE), "bounds" = row(two, 0.001, lower = -0.2, upper = 0.3),
    "lasso from 0 up" = row(two, 0.01, 1, lower = 0), "two free columns" =
      row(two, 0.1, penalty_factor = c(0, 0, 1, 1, 1, 2)),
    "bad scales" = row(scaled, 1e-3), "bad scales, standardised" = row(scaled, 0.01, standardize = TRUE),
    "separable" = row(apart, 1e-2), "no penalty" = row(two, 0), "a class of three" = row(rare, 1e-3),
    "repeated rows" = row(repeated, 1e-3), "wide" = row(wide, 1e-2), "wide lasso" = row(wide, 0.05, 1),
    "iris" = row(flowers, 1 / 150), "iris 1e-8" = row(flowers, 1e-8), "iris lasso" = row(flowers, 0.02, 1),
    "three classes" = row(three, 0.01, weights = rep(c(0.5, 1, 2), 50), offset = matrix(sin(1:450), 150)),
    "three, no intercept" = row(three, 0.02, 0.3, intercept = FALSE),
    "five classes, bounds" = row(five, 0.001, lower = -0.3, upper = 0.3))
}
