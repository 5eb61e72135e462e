# What every row of the race needs: timing in turns, the outside objective, memory, the read floor.

# The command line: [--size s] names. Size 1 is the whole of a row.
read_arguments <- function() {
  args <- commandArgs(TRUE)
  if (length(args) < 2 || args[1] != "--size") return(list(size = 1, names = args))
  list(size = as.numeric(args[2]), names = args[-(1:2)])
}

# Mean losses from scores, the only ones that contenders are measured by.

# y is 0/1; log(1 + e^z) - y z without overflow.
logistic_loss <- function(z, y) mean(pmax(z, 0) - y * z + log1p(exp(-abs(z))))

# z: a column for each level of y.
softmax_loss <- function(z, y) {
  rows <- seq_len(nrow(z))
  top <- z[cbind(rows, max.col(z, "first"))]
  mean(top + log(rowSums(exp(z - top))) - z[cbind(rows, as.integer(y))])
}

# beta: the intercept first.
logistic_objective <- function(beta, x, y) {
  logistic_loss(as.vector(x %*% beta[-1]) + beta[1], y)
}

# beta: k x (p + 1), or k - 1 rows with the first class at 0.
softmax_objective <- function(beta, x, y) {
  if (nrow(beta) < nlevels(y)) beta <- rbind(0, beta)
  softmax_loss(x %*% t(beta[, -1, drop = FALSE]) + rep(beta[, 1], each = nrow(x)), y)
}

# Objectives may be vectors, one number for each point of a path: the worst one counts.
worst_gap <- function(objective, best) max((objective - best) / abs(best))

seconds_of <- function(fun, data) {
  gc(FALSE)
  start <- proc.time()[["elapsed"]]
  fit <- fun(data)
  list(fit = fit, seconds = proc.time()[["elapsed"]] - start)
}

# Settings of a peer, from its default on, until one is near enough to the best objective known; `tried` has
# those that ran before. A setting that fails has an infinite objective.
tune_peer <- function(peer, tried, data, objective, best, largest_gap) {
  for (setting in names(peer$settings)) {
    if (is.null(tried[[setting]])) {
      tried[[setting]] <- try_setting(peer, setting, data, objective)
      best <- pmin(best, tried[[setting]]$objective)
    }
    if (worst_gap(tried[[setting]]$objective, best) <= largest_gap) break
  }
  tried
}

try_setting <- function(peer, setting, data, objective) {
  out <- list(run = peer$settings[[setting]], seconds = NA_real_, objective = Inf)
  tryCatch({
    timed <- suppressWarnings(seconds_of(out$run, data))
    out$seconds <- timed$seconds
    out$objective <- objective(peer$coef(timed$fit, data), data)
    out$objective[is.na(out$objective)] <- Inf
    message(sprintf("%s, %s: %.3g s", peer$package, setting, timed$seconds))
    if (!is.null(peer$curve)) out$curve <- peer$curve(timed$fit)
  }, error = function(e) out$failure <<- conditionMessage(e))
  out
}

# Every peer is tuned against the best objective that anybody reached, which a later peer may lower.
tune_peers <- function(peers, data, objective, best, largest_gap) {
  tried <- lapply(peers, function(peer) list())
  repeat {
    before <- best
    for (name in names(peers)) {
      tried[[name]] <- tune_peer(peers[[name]], tried[[name]], data, objective, best, largest_gap)
      best <- Reduce(pmin, lapply(tried[[name]], `[[`, "objective"), best)
    }
    if (identical(best, before)) return(list(tried = tried, best = best))
  }
}

# Median seconds of each contender, run in turns; the order turns round every round. `known` has the
# seconds of those that are too slow to run again.
race <- function(contenders, data, rounds, known) {
  slow <- names(known)
  contenders <- contenders[setdiff(names(contenders), slow)]
  seconds <- matrix(NA_real_, rounds, length(contenders), dimnames = list(NULL, names(contenders)))
  for (round in seq_len(rounds)) {
    turn <- names(contenders)
    if (round %% 2 == 0) turn <- rev(turn)
    for (name in turn) seconds[round, name] <- seconds_of(contenders[[name]], data)$seconds
  }
  c(apply(seconds, 2, stats::median), known)
}

# As many doubles as a read of x moves: 12 bytes for each entry of a sparse matrix.
as_read <- function(x) if (is.matrix(x)) x else double(1.5 * length(x@x))

# Seconds to read the doubles of x once from memory: see read.c. NA without a compiler.
read_floor <- function(x, threads) {
  folder <- tempfile("read")
  dir.create(folder)
  file.copy(file.path(bench_folder, "read.c"), folder)
  # The makevars file is named for this call alone: -O3 lets the compiler use wide loads.
  makevars <- file.path(folder, "makevars")
  writeLines(c("CFLAGS = -O3", "PKG_CFLAGS = $(SHLIB_OPENMP_CFLAGS)",
               "PKG_LIBS = $(SHLIB_OPENMP_CFLAGS)"), makevars)
  old <- setwd(folder)
  on.exit(setwd(old))
  system2(file.path(R.home("bin"), "R"), c("CMD", "SHLIB", "read.c"), stdout = FALSE,
          stderr = FALSE, env = paste0("R_MAKEVARS_USER=", makevars))
  library_file <- paste0("read", .Platform$dynlib.ext)
  if (!file.exists(library_file)) return(NA_real_)
  dll <- dyn.load(library_file)
  on.exit(dyn.unload(dll[["path"]]), add = TRUE, after = FALSE)
  repeats <- as.integer(max(1, ceiling(2e8 / (8 * length(x)))))
  read <- function() .Call("bench_read", x, repeats, as.integer(threads))
  min(vapply(1:5, function(i) read() / repeats, 0))
}

# Growth of peak resident memory, in bytes, by one contender in a process of its own; NA where the
# system does not say.
memory_growth <- function(row, contender, size) {
  if (!file.exists("/proc/self/clear_refs")) return(NA_real_)
  out <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"),
    c("--no-save", "--no-restore", shQuote(file.path(bench_folder, "run.R")), "--size", size,
      "--memory", row, shQuote(contender)), stdout = TRUE, stderr = FALSE))
  value <- sub("^growth ", "", grep("^growth ", out, value = TRUE))
  if (length(value) == 1) as.numeric(value) else NA_real_
}

status_bytes <- function(field) {
  line <- grep(paste0("^", field, ":"), readLines("/proc/self/status"), value = TRUE)
  1024 * as.numeric(gsub("[^0-9]", "", line))
}

# Runs inside the fresh process. A small fit first, so that loading code is not counted.
report_growth <- function(fun, data, warm_up) {
  force(data) # made before the level is taken
  try(fun(warm_up), silent = TRUE)
  gc(full = TRUE)
  reset <- tryCatch({
    writeLines("5", "/proc/self/clear_refs") # 5: VmHWM starts again from the present level
    TRUE
  }, error = function(e) FALSE, warning = function(w) FALSE)
  before <- if (reset) status_bytes("VmRSS") else status_bytes("VmHWM")
  fit <- fun(data)
  cat("growth", status_bytes("VmHWM") - before, "\n")
  invisible(fit)
}

# Reads of x that a fit reports, and a line about it. A prediction is one read and has no certificate.
describe_fit <- function(fit) UseMethod("describe_fit")

describe_fit.default <- function(fit) list(passes = 1)

describe_fit.linclass <- function(fit) {
  list(passes = fit$passes,
       line = sprintf("Ours: solver %s, status %s, certificate %.1g (%s).", fit$solver, fit$status,
                      fit$certificate$relative, fit$certificate$kind))
}

describe_fit.linclass_path <- function(fit) {
  points <- fit$points
  list(passes = points$passes[nrow(points)],
       line = sprintf(paste(
         "Ours: solver %s, status %s, %d points with %g steps in all (at most %g for one), up to %d nonzero",
         "columns, worst certificate %.1g."), fit$solver, fit$status, nrow(points),
         sum(points$iterations), max(points$iterations), max(points$nonzero), max(points$relative)))
}

describe_fit.linclass_cv <- function(fit) {
  out <- describe_fit(fit$path)
  out$line <- c(paste("On all rows:", out$line),
                sprintf("On the rows outside each of %d folds: worst certificate %.1g.",
                        ncol(fit$fold_relative), max(fit$fold_relative)))
  out
}

describe_machine <- function(packages) {
  cpu <- tryCatch(sub(".*: ", "", grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)[1]),
                  error = function(e) "unknown processor")
  info <- utils::sessionInfo()
  versions <- vapply(packages, function(p) paste(p, utils::packageVersion(p)), "")
  c(paste("Machine:", cpu, "with", parallel::detectCores(), "cores;", info$running),
    paste("R:", R.version.string, "; BLAS:", basename(info$BLAS)),
    paste("Packages:", paste(versions, collapse = ", ")))
}
