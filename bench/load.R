# Threads on a machine that is shared: Rscript bench/load.R [--size s] [row ...]   (default: D1 D2 D3 L1)
# With k = 0, 1, 2, 4 busy processes beside it each row is fitted by the default number of threads, by one, and by the
# fastest peer of the row (its default setting), in turns. Wanted on two cores: the default is at least 1.7 times faster
# than one thread when k = 0 (D1, D2, D3), and never more than 10 % slower. See bench/README.md.
bench_folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(), value = TRUE))))
for (file in c("harness.R", "rows.R", "rows-paths.R")) source(file.path(bench_folder, file))
busy <- c(0, 1, 2, 4)
rounds <- 9
slow <- 20 # seconds: what takes longer is timed once
peers <- c(D1 = "speedglm", D2 = "speedglm", D3 = "glmnet", L1 = "glmnet")

asked <- read_arguments()
size <- asked$size
args <- asked$names
wanted <- if (length(args)) args else names(peers)
unknown <- setdiff(wanted, names(peers))
if (length(unknown)) stop("no such row: ", toString(unknown), "; there are ", toString(names(peers)))

# Processes of R that do nothing but count, ended by their numbers.
start_busy <- function(count) {
  loop <- paste("cat(Sys.getpid(), '\\n'); flush(stdout()); end <- Sys.time() + 3600;",
                "while (Sys.time() < end) for (i in 1:1e6) i")
  pipes <- lapply(seq_len(count), function(k) {
    pipe(paste(shQuote(file.path(R.home("bin"), "Rscript")), "--vanilla -e", shQuote(loop)), "r")
  })
  list(pipes = pipes, pids = vapply(pipes, function(p) as.integer(readLines(p, 1L)), 1L))
}

end_busy <- function(started) {
  tools::pskill(started$pids, tools::SIGKILL)
  for (p in started$pipes) try(close(p), silent = TRUE)
}

# Medians in turns; what is slow is run once.
medians <- function(contenders, data) {
  seconds <- vapply(contenders, function(fun) seconds_of(fun, data)$seconds, 0)
  known <- seconds[seconds > slow]
  race(contenders, data, rounds, known)[names(contenders)]
}

lines <- c("| row | busy processes | default, s | 1 thread, s | default over 1 thread | peer | its s | wanted |",
           "|---|---|---|---|---|---|---|---|")
for (id in wanted) {
  row <- rows[[id]]
  data <- row$data(size)
  contenders <- list(default = row$ours, alone = row$alone)
  if (requireNamespace(row$peers[[peers[[id]]]]$package, quietly = TRUE)) {
    contenders$peer <- row$peers[[peers[[id]]]]$settings[[1L]]
  }
  for (fun in contenders[1:2]) fun(data) # what is loaded once
  for (k in busy) {
    started <- start_busy(k)
    seconds <- tryCatch(medians(contenders, data), finally = end_busy(started))
    ratio <- seconds[["default"]] / seconds[["alone"]]
    most <- if (k == 0 && id != "L1") 1 / 1.7 else 1.1
    line <- sprintf("| %s | %d | %.4g | %.4g | %.2f | %s | %s | at most %.2f: %s |", id, as.integer(k),
                    seconds[["default"]], seconds[["alone"]], ratio, peers[[id]],
                    if (is.na(seconds["peer"])) "not installed" else sprintf("%.4g", seconds[["peer"]]), most,
                    if (ratio <= most) "yes" else "no")
    lines <- c(lines, line)
    message(line)
  }
}
report <- c(describe_machine("linclass"), paste("Date:", Sys.Date()),
            paste("Threads by default:", linclass::linclass_threads()), "", lines)
writeLines(report)
if (size == 1) {
  dir.create(file.path(bench_folder, "results"), showWarnings = FALSE)
  writeLines(report, file.path(bench_folder, "results", "load.md"))
}
