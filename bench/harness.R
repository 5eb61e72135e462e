# What every row of the race needs: timing in turns, the outside objective, memory, the read floor.

# The mean logistic loss plus penalty, computed from coefficients (intercept first) and nothing else.
# y is 0/1; log(1 + e^z) - y z without overflow.
logistic_objective <- function(beta, x, y, lambda = 0, alpha = 1) {
  z <- as.vector(x %*% beta[-1]) + beta[1]
  slopes <- beta[-1]
  mean(pmax(z, 0) - y * z + log1p(exp(-abs(z)))) +
    lambda * (alpha * sum(abs(slopes)) + (1 - alpha) / 2 * sum(slopes^2))
}

seconds_of <- function(fun, data) {
  gc(FALSE)
  start <- proc.time()[["elapsed"]]
  fit <- fun(data)
  list(fit = fit, seconds = proc.time()[["elapsed"]] - start)
}

# The first setting of a peer whose gap is small enough; all that were tried are returned with theirs.
tune_peer <- function(peer, data, objective) {
  tried <- list()
  for (setting in names(peer$settings)) {
    run <- seconds_of(peer$settings[[setting]], data)
    tried[[setting]] <- list(run = peer$settings[[setting]], seconds = run$seconds,
                             objective = objective(peer$coef(run$fit, data), data))
  }
  tried
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
memory_growth <- function(row, contender) {
  if (!file.exists("/proc/self/clear_refs")) return(NA_real_)
  out <- suppressWarnings(system2(
    file.path(R.home("bin"), "Rscript"),
    c("--no-save", "--no-restore", shQuote(file.path(bench_folder, "run.R")), "--memory", row,
      shQuote(contender)), stdout = TRUE, stderr = FALSE))
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

describe_machine <- function(packages) {
  cpu <- tryCatch(sub(".*: ", "", grep("^model name", readLines("/proc/cpuinfo"), value = TRUE)[1]),
                  error = function(e) "unknown processor")
  info <- utils::sessionInfo()
  versions <- vapply(packages, function(p) paste(p, utils::packageVersion(p)), "")
  c(paste("Machine:", cpu, "with", parallel::detectCores(), "cores;", info$running),
    paste("R:", R.version.string, "; BLAS:", basename(info$BLAS)),
    paste("Packages:", paste(versions, collapse = ", ")))
}
