# What "auto" chooses against the other solvers that could: Rscript bench/planner.R
# A grid of shapes; each solver runs to its own certificate (tolerance 1e-9) and the better of two times counts. A
# solver that does not meet it, or takes more than `longest` seconds, has lost. See bench/README.md.
library(linclass)
longest <- 20
set.seed(31)

shape <- function(n, p, k = 2, density = 1, lambda = 0, alpha = 0) {
  x <- if (density == 1) matrix(rnorm(n * p), n) else Matrix::rsparsematrix(n, p, density)
  truth <- matrix(rnorm(min(p, 50) * k), ncol = k)
  scores <- as.matrix(x[, seq_len(min(p, 50))] %*% truth) * 3 / sqrt(min(p, 50) * density)
  y <- factor(max.col(scores - log(-log(matrix(runif(n * k), n)))), levels = seq_len(k))
  list(x = x, y = y, lambda = lambda, alpha = alpha,
       title = sprintf("n %g, p %g, k %d%s, %s", n, p, k,
                       if (density < 1) sprintf(", density %g", density) else "",
                       if (lambda == 0) "no penalty" else
                         sprintf("%s %g", if (alpha == 0) "ridge" else "lasso", lambda)))
}

shapes <- list(
  function() shape(1000, 10), function() shape(1e5, 10), function() shape(1e5, 50),
  function() shape(2e4, 200), function() shape(5000, 20, k = 6), function() shape(2e4, 16, k = 20),
  function() shape(2e4, 100, lambda = 1e-3), function() shape(5000, 1000, lambda = 1e-2),
  function() shape(3000, 400, k = 5, lambda = 1e-3), function() shape(300, 2000, lambda = 1e-2),
  function() shape(200, 5000, k = 3, lambda = 1e-2), function() shape(2000, 4000, lambda = 1e-3),
  function() shape(2e4, 5000, density = 0.005, lambda = 1e-4),
  function() shape(5000, 2e4, k = 4, density = 0.002, lambda = 1e-3),
  function() shape(2000, 500, lambda = 1e-2, alpha = 1),
  function() shape(5000, 5000, density = 0.01, lambda = 2e-3, alpha = 1))

# Seconds, or why there are none.
time_of <- function(d, solver) {
  run <- function() {
    linclass(d$x, d$y, lambda = d$lambda, alpha = d$alpha, solver = solver,
             control = linclass_control(time_limit = longest, max_iter = 1e6))
  }
  seconds <- Inf
  for (round in 1:2) {
    took <- system.time(fit <- tryCatch(suppressWarnings(run()), error = function(e) NULL))[["elapsed"]]
    if (is.null(fit)) return(list(text = "cannot"))
    if (!isTRUE(fit$certificate$met)) return(list(text = "not met", fit = fit))
    seconds <- min(seconds, took)
    if (took > 2) break
  }
  list(text = sprintf("%.3g", seconds), seconds = seconds, fit = fit)
}

others <- c("newton", "lbfgs", "coordinate", "gradient_descent")
rows <- vapply(shapes, function(make) {
  d <- make()
  auto <- time_of(d, "auto")
  tried <- lapply(others, function(solver) time_of(d, solver))
  best <- min(unlist(lapply(tried, `[[`, "seconds")), Inf)
  sprintf("| %s | %s: %s | %s | %.2f |", d$title, auto$fit$solver, auto$text,
          paste(vapply(tried, `[[`, "", "text"), collapse = " | "),
          if (is.null(auto$seconds)) NA_real_ else auto$seconds / best)
}, "")

table <- c(sprintf("linclass %s, R %s, %s threads, %s", utils::packageVersion("linclass"), getRversion(),
                   linclass_threads(), Sys.Date()), "",
           paste("Seconds to a certified gap of 1e-9; `auto` names its choice. Last column: its time against",
                 "the best other."), "",
           sprintf("| shape | auto | %s | auto / best |", paste(others, collapse = " | ")),
           paste0("|", strrep("---|", length(others) + 3)), rows)
writeLines(table)
folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))))
writeLines(table, file.path(folder, "results", "planner.md"))
