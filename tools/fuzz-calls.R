# Random calls of every registered routine: valid ones with parts replaced by random objects (types, lengths, values,
# dimensions, classes, NULL), at any depth. A call may be refused or give a value; it may not crash, and not change its
# arguments. After each thousand the valid calls must give the values that they gave at first.
#
#   Rscript tools/fuzz-calls.R tests/testthat [seconds [seed]]      60 seconds, seed 1
#
# The seed of a call is written down before it: where R crashes, it is the last line of fuzz-calls.seed.
library(linclass)
requireNamespace("Matrix")
given <- commandArgs(TRUE)
source(file.path(given[1], "helper-routines.R"))
seconds <- if (length(given) > 1) as.numeric(given[2]) else 60
seed <- if (length(given) > 2) as.integer(given[3]) else 1L
note <- file.path(getwd(), "fuzz-calls.seed")
dir.create(folder <- tempfile("fuzz"))
setwd(folder) # copies of streams are written here
samples <- routine_samples()
linclass_threads(1)

any_of <- function(x) x[[sample.int(length(x), 1L)]]
numbers <- function(n) {
  odd <- c(NA, NaN, Inf, -Inf, 0, -0, 1, -1, 2, 3, 6, 1e300, -1e300, 5e-324, 2^31, 2^53, 0.5, .Machine$integer.max)
  sample(odd, n, TRUE)
}
a_vector <- function() {
  n <- any_of(c(0:8, 12, 18, 36))
  x <- switch(sample(9, 1), numbers(n), suppressWarnings(as.integer(numbers(n))), rnorm(n), sample(0:3, n, TRUE),
              sample(c(TRUE, FALSE, NA), n, TRUE),
              sample(c("logistic", "softmax", "hinge", "lbfgs", "auto", "", NA), n, TRUE),
              complex(n), raw(n), seq_len(n))
  if (runif(1) < 0.4) dim(x) <- any_of(list(c(n, 1L), c(1L, n), c(n, 1L, 1L), if (n %% 2) n else c(n %/% 2L, 2L),
                                            if (n %% 3) n else c(n %/% 3L, 3L)))
  if (runif(1) < 0.1) class(x) <- any_of(list("linclass_codes", "linclass_stream", "dgCMatrix",
                                              c("linclass_codes", "dgCMatrix")))
  if (runif(1) < 0.1 && !is.array(x)) names(x) <- sample(c("dim", "i", "weight", "row", NA), n, TRUE)
  x
}
a_thing <- function() {
  if (runif(1) < 0.6) return(a_vector())
  any_of(c(samples$wrong_types, samples$wrong_values,
           samples[c("x", "sparse", "coded", "stream", "y", "z", "fit_spec", "lesson_spec")]))
}

# x with one part of it, at some depth, replaced, dropped or doubled; slots of S4 objects are attributes.
damage <- function(x) {
  parts <- if (isS4(x)) attributes(x) else x
  if (runif(1) < 0.3 || !(is.list(parts) && length(parts))) {
    number <- is.numeric(x) && length(x) && !is.object(x) && runif(1) < 0.6
    if (number) x[sample.int(length(x), 1L)] <- if (is.integer(x)) sample(-1:7, 1L) else numbers(1L)
    return(if (number) x else a_thing())
  }
  at <- sample.int(length(parts), 1L)
  if (isS4(x)) {
    if (names(parts)[at] != "class") attr(x, names(parts)[at]) <- damage(parts[[at]])
    return(x)
  }
  class <- oldClass(x)
  x <- unclass(x)
  if (runif(1) < 0.05) x[[at]] <- NULL else x[at] <- list(damage(x[[at]]))
  class(x) <- class
  x
}

values <- function() lapply(setdiff(names(samples$valid), c("lcr_weak", "lcr_threads")), function(name) {
  value <- call_routine(name, samples$valid[[name]])
  if (is.list(value)) value$history <- NULL
  value
})
plain <- function() {
  serialize(samples[c("x", "sparse", "coded", "y", "z", "weights", "offset", "fit_spec", "lesson")], NULL)
}
first <- values()
arguments_at_first <- plain()
counts <- c(calls = 0, refused = 0)
end <- proc.time()[["elapsed"]] + seconds
while (proc.time()[["elapsed"]] < end) {
  for (k in 1:1000) {
    set.seed(seed)
    cat(seed, "\n", file = note)
    name <- any_of(names(samples$valid))
    arguments <- samples$valid[[name]]
    for (times in seq_len(sample(3L, 1L))) if (length(arguments)) {
      at <- sample.int(length(arguments), 1L)
      arguments[at] <- list(damage(arguments[[at]]))
    }
    setTimeLimit(elapsed = 10, transient = TRUE)
    answer <- tryCatch(suppressWarnings(suppressMessages(call_routine(name, arguments))), error = identity)
    setTimeLimit()
    counts <- counts + c(1, inherits(answer, "error"))
    seed <- seed + 1L
    if (proc.time()[["elapsed"]] > end) break
  }
  linclass_threads(1)
  stopifnot(identical(values(), first), identical(plain(), arguments_at_first))
  unlink(file.path(folder, "*"))
}
unlink(note)
cat(sprintf("fuzz-calls: %.0f calls of %d routines, %.0f refused, none crashed; the last seed was %d\n",
            counts[["calls"]], length(samples$valid), counts[["refused"]], seed - 1L))
