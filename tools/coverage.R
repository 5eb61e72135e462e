# Runs the R tests of a folder on the installed package and writes which lines of R none of them reached: part of
# tools/coverage. A third argument is a pattern of names of test files.
given <- commandArgs(TRUE)
call <- sprintf("testthat::test_dir(%s, package = 'linclass', load_package = 'installed', reporter = 'check',
  stop_on_failure = FALSE, filter = %s)", deparse(given[1]), if (nzchar(given[3])) deparse(given[3]) else "NULL")
writeLines(call, run <- tempfile(fileext = ".R"))
library(linclass)
counts <- covr::environment_coverage(asNamespace("linclass"), run)
lines <- covr::tally_coverage(counts, by = "line")
missed <- lines[lines$value == 0, ]
file <- file(given[2], "w")
for (name in unique(missed$filename)) {
  cat(basename(name), ": ", paste(unique(missed$line[missed$filename == name]), collapse = ", "), "\n", sep = "",
      file = file)
}
cat(sprintf("R: %.1f %% of %d lines\n", 100 * mean(lines$value > 0), nrow(lines)), file = file)
close(file)
