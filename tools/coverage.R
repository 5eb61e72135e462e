# Adds up what the processes of a run of the tests have counted (tools/coverage-trace.R), in files of the folder given
# first, and writes to the file given second which lines of R none of them reached: part of tools/coverage. A line
# counts once, and as reached if all that stands on it is.
given <- commandArgs(TRUE)
files <- c(file.path(given[1], "start"), list.files(given[1], "^covr_trace_", full.names = TRUE))
counts <- as.list(readRDS(files[1]))
seen <- 0
for (path in files) {
  more <- tryCatch(readRDS(path), error = function(e) NULL) # a process was killed while it wrote
  if (is.environment(more)) seen <- seen + vapply(mget(names(counts), more), `[[`, 0, "value")
}
for (key in names(counts)) counts[[key]]$value <- seen[[key]]
lines <- covr::tally_coverage(covr:::as_coverage(counts), by = "line")
lines <- aggregate(value ~ line + filename, lines, min)
missed <- lines[lines$value == 0, ]
file <- file(given[2], "w")
for (name in unique(missed$filename)) {
  cat(basename(name), ": ", paste(missed$line[missed$filename == name], collapse = ", "), "\n", sep = "", file = file)
}
cat(sprintf("R: %.1f %% of %d lines in %d processes\n", 100 * mean(lines$value > 0), nrow(lines), length(files) - 1L),
    file = file)
close(file)
