# A fit of a file three times the memory that its process may have: what it takes, in memory and in seconds a pass,
# against reading the file plainly. The limit is one of addresses (ulimit -v), so that nothing can be mapped either.
#
#   Rscript tools/stream-memory.R [folder [megabytes]]     a folder on the disk that is to be measured; 2100 megabytes
#
# Passes are cold: what the system keeps of the file is given back before each of them.
args <- commandArgs(TRUE)
if (length(args) && args[1L] == "--child") {
  library(linclass)
  job <- readRDS(args[2L])
  linclass_threads(job$threads)
  names <- paste0("x", seq_len(job$p))
  pass <- 0
  column_file <- getFromNamespace("column_file", "linclass")
  column_source <- getFromNamespace("column_source", "linclass")
  y <- factor(readBin(job$response, "integer", job$n))
  source <- column_source(column_file(job$path, job$n, names, "double"), y, NULL, NULL, 10000, "a file")
  stamp <- source$stamp
  spent <- 0
  source$stamp <- function() { # before each pass
    pass <<- pass + 1
    spent <<- spent + system.time(system2("dd", c(paste0("of=", job$path), "oflag=nocache", "conv=notrunc", "count=0"),
                                          stderr = FALSE))[["elapsed"]]
    stamp()
  }
  if (job$cached) source$stamp <- function() {
    pass <<- pass + 1
    stamp()
  }
  pass <- 0
  time <- system.time(fit <- linclass(source, control = linclass_control(max_iter = job$steps)))
  status <- readLines("/proc/self/status")
  megabytes <- function(what) as.numeric(gsub("[^0-9]", "", grep(what, status, value = TRUE))) / 1024
  saveRDS(list(seconds = time[["elapsed"]] - spent, cpu = sum(time[1:2]), passes = pass, resident = megabytes("VmHWM"),
               addresses = megabytes("VmPeak"), gap = fit$certificate$relative, coef = coef(fit)), job$result)
  quit("no")
}

folder <- if (length(args)) args[1L] else tempdir()
megabytes <- if (length(args) > 1L) as.numeric(args[2L]) else 2100
p <- 100
n <- floor(megabytes * 1e6 / 8 / p)
limit <- megabytes / 3
path <- file.path(folder, "stream-memory.columns")
response <- file.path(folder, "stream-memory.response")
on_exit <- function() unlink(c(path, response))

pool <- qnorm((seq_len(2^20) - 0.5) / 2^20)[order(sin(seq_len(2^20) * 12.9898) * 43758.5453 %% 1)]
score <- numeric(n)
file <- base::file(path, "wb")
for (j in seq_len(p)) {
  column <- pool[(seq_len(n) * (2 * j + 1) + 7919 * j) %% 2^20 + 1]
  writeBin(column, file)
  if (j <= 10) score <- score + column * cos(j) / 2
}
close(file)
writeBin(as.integer(score + qlogis((seq_len(n) * 0.6180339887) %% 1 * 0.999998 + 1e-6) > 0), response)
system2("sync", path)

forget <- function() system2("dd", c(paste0("of=", path), "oflag=nocache", "conv=notrunc", "count=0"), stderr = FALSE)
read_plainly <- function(cold) {
  if (cold) forget()
  system.time(system2("dd", c(paste0("if=", path), "of=/dev/null", "bs=4M"), stderr = FALSE))[["elapsed"]]
}
# Cold passes take long: two steps of them.
fit <- function(threads, cached, steps = if (cached) 100 else 2) {
  job <- tempfile(fileext = ".rds")
  saveRDS(list(path = path, response = response, n = n, p = p, threads = threads, cached = cached, steps = steps,
               result = paste0(job, ".out")), job)
  paths <- shQuote(paste(.libPaths(), collapse = .Platform$path.sep))
  script <- sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))
  status <- system(sprintf("ulimit -v %.0f; R_LIBS=%s %s %s --child %s", limit * 1000, paths,
                           file.path(R.home("bin"), "Rscript"), shQuote(script), job))
  if (status != 0) stop("the fit has failed")
  readRDS(paste0(job, ".out"))
}

cat(sprintf("file %.0f MB, %.0f rows of %d; the process may have %.0f MB\n", megabytes, n, p, limit))
for (cached in c(FALSE, TRUE)) for (threads in 2:1) { # plain reading before and after: other work on the disk counts
  before <- read_plainly(!cached)
  result <- fit(threads, cached)
  plain <- (before + read_plainly(!cached)) / 2
  each <- result$seconds / result$passes
  cat(sprintf(paste("%-6s %d thread%s plain reading %.2f s (%.0f MB/s); %3.0f passes, %.2f s each: %3.0f%% of its",
                    "speed (cpu %.2f s a pass); resident at most %.0f MB, addresses %.0f MB; gap %.1e\n"),
              if (cached) "cached" else "cold", threads, if (threads == 1) ": " else "s:", plain, megabytes / plain,
              result$passes, each, 100 * plain / each, result$cpu / result$passes, result$resident, result$addresses,
              result$gap))
  if (result$addresses > limit * 1.01) stop("the limit did not hold")
}
on_exit()
