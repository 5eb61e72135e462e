# Lasso paths on data of many kinds: Rscript bench/kinds.R [--size s] [kind ...]   (default: all)
# Each is solved by the default number of threads, by one, and by glmnet at its default and at its first setting whose
# objectives are all within `usual_gap` of the best, in turns. The rows of the race say how fast few kinds of data are;
# these say where we are behind. See bench/README.md.
bench_folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))))
for (file in c("harness.R", "rows.R", "rows-paths.R")) source(file.path(bench_folder, file))
usual_gap <- 1e-6
rounds <- 3
slow <- 20 # seconds: what takes longer is timed once

asked <- read_arguments()
size <- asked$size
args <- asked$names

# ---- columns ----

many <- function(n) max(100, round(n * size))

# Documents of `length` words, frequent ones as in language; columns with more than two entries.
words <- function(n, p, length, binary = FALSE) {
  n <- many(n)
  p <- max(50, round(p * size))
  x <- Matrix::sparseMatrix(rep(seq_len(n), each = length), sample(p, length * n, TRUE, 1 / (seq_len(p) + 2.7)),
                            x = 1, dims = c(n, p))
  if (binary) x@x[] <- 1
  x[, Matrix::colSums(x != 0) > 2]
}

tf_idf <- function(x) {
  x <- x %*% Matrix::Diagonal(x = log(nrow(x) / Matrix::colSums(x > 0)))
  Matrix::Diagonal(x = 1 / sqrt(pmax(Matrix::rowSums(x^2), 1e-12))) %*% x
}

# Indicators of factors, frequent levels first; columns with more than three entries.
one_hot <- function(n, levels, formula) {
  factors <- lapply(levels, function(l) factor(sample(l, many(n), TRUE, 1 / seq_len(l)), levels = seq_len(l)))
  x <- Matrix::sparse.model.matrix(formula, as.data.frame(stats::setNames(factors, paste0("f", seq_along(levels)))))
  x[, Matrix::colSums(x != 0) > 3]
}

# Each column has this correlation with the next.
chained <- function(n, p, correlation) {
  x <- matrix(stats::rnorm(many(n) * p), ncol = p)
  for (j in seq_len(p)[-1]) x[, j] <- correlation * x[, j - 1] + sqrt(1 - correlation^2) * x[, j]
  x
}

factors_and_noise <- function(n, p, k, noise) {
  n <- many(n)
  matrix(stats::rnorm(n * k), n) %*% matrix(stats::rnorm(k * p), k) / sqrt(k) + noise * matrix(stats::rnorm(n * p), n)
}

# ---- classes ----

# Scores of a share of the columns, of standard deviation 2.
classes <- function(k, share) function(x) {
  beta <- matrix(stats::rnorm(ncol(x) * k) * (stats::runif(ncol(x) * k) < share), ncol(x))
  beta[1, ] <- stats::rnorm(k) # at least one
  z <- 2 * scale(as.matrix(x %*% beta))
  factor(max.col(z - log(-log(matrix(stats::runif(length(z)), nrow(z))))), levels = seq_len(k))
}

# One row in fifty.
rare_class <- function(x) {
  z <- as.vector(x[, 1:50] %*% stats::rnorm(50))
  factor(z > stats::quantile(z, 0.98))
}

kind <- function(x, y, points = 100, ratio = 0.01) with_path(x, y(x), points, ratio)

# The user's own lambdas: 0.3, 0.1 and 0.03 of the largest.
three <- function(d) {
  d$lambda <- max(d$lambda) * c(0.3, 0.1, 0.03)
  d
}

kinds <- list(
  "counts" = function() kind(words(2e4, 1e4, 50), classes(2, 0.1)),
  "counts, three lambdas" = function() three(kind(words(2e4, 1e4, 50), classes(2, 0.1))),
  "counts, small penalties" = function() kind(words(5000, 1500, 30), classes(2, 0.1), ratio = 1e-5),
  "counts, a rare class" = function() kind(words(2e4, 1e4, 50), rare_class),
  "binary" = function() kind(words(2e4, 1e4, 50, TRUE), classes(2, 0.1)),
  "tf-idf" = function() kind(tf_idf(words(2e4, 1e4, 50)), classes(2, 0.1)),
  "one-hot" = function() kind(one_hot(5e4, c(10, 20, 50, 100, 500, 2000), ~ . - 1), classes(2, 0.3)),
  "one-hot with interactions" = function() kind(one_hot(2e4, c(5, 10, 20, 50), ~ .^2 - 1), classes(2, 0.2)),
  "1e5 short documents" = function() kind(words(1e5, 1e5, 20), classes(2, 0.02), 50, 0.05),
  "one entry in five" = function() kind(Matrix::rsparsematrix(many(5000), 2000, 0.2), classes(2, 0.05)),
  "tf-idf" = function() kind(tf_idf(words(1e4, 6000, 40)), classes(5, 0.1), 60, 0.02),
  "binary" = function() kind(words(1e4, 5000, 40, TRUE), classes(20, 0.1), 60, 0.05),
  "one-hot with interactions" = function() kind(one_hot(1e4, c(5, 10, 20, 50), ~ .^2 - 1),
                                                classes(4, 0.2), 60, 0.02),
  "chain of 0.95" = function() kind(chained(2000, 2000, 0.95), classes(2, 0.02)),
  "chain of 0.5, three lambdas" = function() three(kind(chained(2000, 2000, 0.5), classes(2, 0.02))),
  "ten factors" = function() kind(factors_and_noise(2000, 3000, 10, 0.3), classes(2, 0.02)),
  "one strong factor" = function() kind(factors_and_noise(1000, 5000, 1, 0.5), classes(2, 0.01)),
  "wide" = function() kind(factors_and_noise(200, 50000, 20, 1), classes(2, 0.001), ratio = 0.05),
  "72 genes' chips" = function() kind(factors_and_noise(100, 7129, 20, 1)[1:72, ], classes(2, 0.01),
                                      ratio = 0.05),
  "tall" = function() kind(chained(2e5, 50, 0.5), classes(2, 0.5), ratio = 1e-3),
  "tall" = function() kind(chained(3e4, 300, 0.7), classes(2, 0.3), ratio = 1e-3),
  "small penalties" = function() kind(chained(1000, 300, 0.6), classes(2, 0.1), ratio = 1e-6),
  "chain of 0.9" = function() kind(chained(2000, 1000, 0.9), classes(4, 0.02), 60, 0.02),
  "tall" = function() kind(chained(3e4, 100, 0.5), classes(6, 0.3), 60, 1e-3),
  "small penalties" = function() kind(chained(1000, 100, 0.6), classes(4, 0.1), ratio = 1e-5))

if (length(args)) {
  if (!all(args %in% names(kinds))) stop("kinds are ", toString(unique(names(kinds))))
  kinds <- kinds[names(kinds) %in% args]
}

# ---- the race ----

race_kind <- function(name, make) {
  set.seed(41)
  d <- make()
  peer <- glmnet_path(if (nlevels(d$y) == 2) "binomial" else "multinomial")
  ours <- function(d) linclass::linclass_path(d$x, d$y, lambda = d$lambda)
  alone <- function(d) linclass::linclass_path(d$x, d$y, lambda = d$lambda, control = one_thread)
  fit <- ours(d)
  objective <- path_objective(fit$coefficients, d)
  tuned <- tune_peers(list(glmnet = peer), d, path_objective, objective, usual_gap)
  tried <- tuned$tried$glmnet
  near <- names(tried)[length(tried)]
  if (worst_gap(tried[[near]]$objective, tuned$best) > usual_gap) near <- NA
  runs <- c(list(ours = ours, alone = alone), lapply(tried[unique(c("default", stats::na.omit(near)))], `[[`, "run"))
  known <- vapply(tried, `[[`, 0, "seconds")
  known <- known[names(known) %in% names(runs) & known > slow]
  seconds <- race(runs, d, rounds, known)
  peer_seconds <- if (is.na(near)) NA_real_ else seconds[[near]]
  entries <- if (is.matrix(d$x)) ncol(d$x) else length(d$x@x) / nrow(d$x)
  sprintf("| %s | %d x %d, %.3g | %d | %d to %.2g | %.3g | %.3g | %.0e | %.3g (%.0e) | %s | %s |", name, nrow(d$x),
          ncol(d$x), entries, nlevels(d$y), length(d$lambda), min(d$lambda) / max(d$lambda), seconds[["ours"]],
          seconds[["alone"]], max(fit$points$relative), seconds[["default"]],
          worst_gap(tried$default$objective, tuned$best), if (is.na(near)) "none" else sprintf("%.3g", peer_seconds),
          if (is.na(near)) "-" else sprintf("%.1f", peer_seconds / seconds[["ours"]]))
}

lines <- c(paste("| data | rows x columns, entries a row | classes | lambdas | linclass, s | one thread, s |",
                 "certificate | glmnet's default, s (gap) | glmnet within 1e-6, s | ratio |"),
           paste0("|", strrep("---|", 10)))
for (k in seq_along(kinds)) {
  lines <- c(lines, tryCatch(race_kind(names(kinds)[k], kinds[[k]]),
                             error = function(e) sprintf("| %s | failed: %s |", names(kinds)[k], conditionMessage(e))))
  message(lines[length(lines)])
}
report <- c(describe_machine(c("linclass", "glmnet")), paste("Date:", Sys.Date()),
            sprintf("Threads by default: %d. %d rounds in turns, medians; glmnet beyond %d s once.",
                    as.integer(linclass::linclass_threads()), rounds, slow), "", lines)
writeLines(report)
if (size == 1 && !length(args)) {
  dir.create(file.path(bench_folder, "results"), showWarnings = FALSE)
  writeLines(report, file.path(bench_folder, "results", "kinds.md"))
}
