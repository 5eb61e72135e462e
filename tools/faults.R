# Random failures of the workers of a cluster while fits run: killed, stopped for a while, stopped for too long, Ctrl-C,
# answers to another question. After each one the sums over all shards are those of the rows in memory, and a fit has
# the bits of the undisturbed one: nothing is counted twice, nothing is lost.
#
#   Rscript tools/faults.R [failures] [seed]
#
# The package must be installed. Fails (status 1) at the first wrong number.
arguments <- as.numeric(commandArgs(TRUE))
failures <- if (length(arguments) > 0L) arguments[1L] else 200
set.seed(if (length(arguments) > 1L) arguments[2L] else 1)
library(linclass)
workers <- 3L

folder <- tempfile("faults")
dir.create(folder)
i <- seq_len(3000L)
rows <- data.frame(a = sin(1.3 * i), b = cos(2.1 * i), c = sin(0.37 * i^1.1),
                   g = c("u", "v", "w")[1L + (i %/% 3L) %% 3L])
rows$y <- factor(findInterval(rows$a + rows$b + 3 * sin(5.1 * i), c(-1, 1)), labels = c("low", "mid", "high"))
parts <- split(rows, rep(1:7, length.out = nrow(rows)))
files <- file.path(folder, sprintf("%d.rds", seq_along(parts)))
invisible(Map(saveRDS, parts, files))
in_order <- do.call(rbind, parts)

models <- list(
  newton = function(data) linclass(y ~ a + b + c + g, data),
  lbfgs = function(data) linclass(y ~ a + b + c + g, data, lambda = 1e-3, alpha = 0, solver = "lbfgs",
                                  control = linclass_control(tolerance = 1e-12)),
  squared_hinge = function(data) linclass(y ~ a + b + c + g, data, loss = "squared_hinge", lambda = 1e-3, alpha = 0))

start_worker <- function() {
  node <- parallel::makePSOCKcluster(1L)
  parallel::clusterCall(node, .libPaths, .libPaths())
  list(node = node[[1L]], pid = parallel::clusterCall(node, Sys.getpid)[[1L]])
}
running <- lapply(seq_len(workers), function(w) start_worker())
new_shards <- function() {
  cluster <- structure(lapply(running, `[[`, "node"), class = c("SOCKcluster", "cluster"))
  suppressWarnings(row_shards(cluster, files, readRDS)) # a busy machine is a slow cluster
}
in_shell <- function(command, ...) system2("sh", c("-c", shQuote(sprintf(command, ...))), wait = FALSE, stderr = FALSE)

# What happens after so many seconds.
faults <- list(
  kill = function(at, pid) in_shell("sleep %.3f; kill -9 %d", at, pid),
  pause = function(at, pid) {
    in_shell("sleep %.3f; kill -STOP %d; sleep %.3f; kill -CONT %d", at, pid, runif(1, 0, 0.5), pid)
  },
  late = function(at, pid) in_shell("sleep %.3f; kill -STOP %d; sleep 6; kill -CONT %d", at, pid, pid),
  interrupt = function(at, pid) in_shell("sleep %.3f; kill -INT %d", at, Sys.getpid()),
  stale = function(at, pid) NULL)

reference <- lapply(models, function(model) coef(model(in_order)))
x <- model.matrix(~ a + b + c + g, in_order)[, -1L]
codes <- as.integer(in_order$y) - 1L
request <- list(task = 1L, about = c(0, 0, 1, 1, 1), B = matrix(sin(1:12), 6L), ns = 3L, nsum = 1L, gradient = 1L,
                curvature = 1L, shift = NULL, scale = NULL, loss = "softmax", k = 3L, coding = 1L,
                fit_coding = "reference", intercept = TRUE)
sums_in_memory <- .Call(linclass:::lcr_shard_sums, x, codes, NULL, NULL, request)

shards <- new_shards()
bits <- lapply(models, function(model) coef(model(shards)))
far <- function(a, b) max(abs(a - b)) / max(abs(b))
stopifnot(mapply(far, bits, reference) < 1e-6)

check <- function(ok, what, failure) {
  if (ok) return(invisible())
  cat("failure", failure, "of", fault, ":", what, "\n")
  quit(status = 1L)
}

outcomes <- c("finished", "reloaded", "interrupted", "lost")
counts <- matrix(0L, length(faults), length(outcomes), dimnames = list(names(faults), outcomes))
worst <- 0
for (failure in seq_len(failures)) {
  fault <- sample(names(faults), 1L, prob = c(2, 2, 0.5, 3, 1))
  model <- sample(names(models), 1L)
  victim <- sample(which(shards$state$channel$alive), 1L) # two at least
  at <- runif(1L, 0, 0.4)
  reloads <- 0L
  shards$state$timeout <- if (fault == "late") 3 else 120
  outcome <- tryCatch(withCallingHandlers({
    faults[[fault]](at, running[[victim]]$pid)
    if (fault == "stale") {
      linclass:::send_to(shards$state$channel, victim, "earlier", list(task = "echo", shards = 0, common = "old"))
    }
    until <- proc.time()[["elapsed"]] + at + 0.1
    repeat {
      fit <- models[[model]](shards)
      check(identical(coef(fit), bits[[model]]), "a fit has other bits", failure)
      if (fault != "interrupt" && proc.time()[["elapsed"]] > until) break # the signal comes, sooner or later
    }
    "finished"
  }, linclass_warning_worker_lost = function(w) {
    reloads <<- reloads + 1L
    invokeRestart("muffleWarning")
  }), interrupt = function(e) "interrupted", linclass_error_worker_lost = function(e) "lost")
  if (outcome == "finished" && reloads) outcome <- "reloaded"
  counts[fault, outcome] <- counts[fault, outcome] + 1L
  shards$state$timeout <- 120
  if (failure %% 10L == 0L) message(failure, " failures: ", paste(colSums(counts), outcomes, collapse = ", "))
  # Whoever was given up is replaced; the shards of the others are used as they are, or loaded anew.
  if (sum(shards$state$channel$alive) < 2L) {
    for (w in which(!shards$state$channel$alive)) {
      in_shell("sleep 12; kill -9 %d", running[[w]]$pid)
      try(close(running[[w]]$node$con), silent = TRUE)
      running[[w]] <- start_worker()
    }
    shards <- new_shards()
  }
  suppressWarnings(fit <- models[[model]](shards))
  check(identical(coef(fit), bits[[model]]), "the fit after it has other bits", failure)
  check(far(coef(fit), reference[[model]]) < 1e-6, "the fit after it is not that in memory", failure)
  suppressWarnings(linclass(y ~ a + b + c + g, shards))
  sums <- Reduce(`+`, linclass:::ask_shards(shards$state, "sums", request))
  worst <- max(worst, far(sums, sums_in_memory))
  check(worst < 1e-12, "the sums are not those in memory", failure)
  check(sum(shards$state$told) == nrow(rows), "rows were lost or counted twice", failure)
}
cat(sprintf("%d random failures, %d workers, %d shards, %d rows; after each the sums (largest difference %.1g) and\n",
            failures, workers, length(files), nrow(rows), worst))
cat("a fit were those of the rows in memory. What became of the fits that were hit:\n")
print(counts)
for (worker in running) tools::pskill(worker$pid)
unlink(folder, recursive = TRUE)
