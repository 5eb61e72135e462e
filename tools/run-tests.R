# Runs the testthat folder given first on the installed package and writes "passed failed skipped"
# into the file given second; a third argument is a pattern of names of test files, without "test-" and ".R". Passed
# and failed count expectations; an error outside an expectation counts as one failure.
args <- commandArgs(TRUE)
library(testthat)
results <- test_dir(args[1], package = "linclass", load_package = "installed",
                    reporter = "check", stop_on_failure = FALSE,
                    filter = if (length(args) > 2) args[3])
table <- as.data.frame(results)
passed <- sum(table$passed)
failed <- sum(table$failed) + sum(table$error)
skipped <- sum(table$skipped)
if (sum(table$nb) == 0) failed <- failed + 1 # no test at all is no success
cat(passed, failed, skipped, "\n", file = args[2])
