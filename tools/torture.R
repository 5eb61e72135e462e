# Calls every routine with a collection of garbage at every allocation: what is not protected is gone when it is read. A
# call's value must be the one without; vectors that are freed too early are found under valgrind, too (tools/memory.R).
library(linclass)
requireNamespace("Matrix")
folder <- commandArgs(TRUE)[1]
source(file.path(folder, "helper-routines.R"))
samples <- routine_samples()

# Every kind of matrix, solver and result that a routine converts back, beside the table's own calls.
calls <- list()
add <- function(name, arguments) {
  if (!is.null(arguments$spec$control)) arguments$spec$control$time_limit <- Inf # all takes long here
  calls[[length(calls) + 1L]] <<- list(name = name, arguments = arguments)
}
for (name in names(samples$valid)) {
  add(name, samples$valid[[name]])
  if (name %in% c("lcr_colstats", "lcr_fit", "lcr_predict")) for (x in samples[c("sparse", "coded", "stream")]) {
    arguments <- samples$valid[[name]]
    arguments$x <- x
    add(name, arguments)
  }
}
fit <- function(...) {
  arguments <- samples$valid$lcr_fit
  arguments["offset"] <- list(NULL)
  changes <- list(...)
  arguments$spec[names(changes)] <- changes
  add("lcr_fit", arguments)
}
fit(solver = "newton", lower = NULL, upper = NULL, options = list(), covariance = TRUE, l1 = c(0, 0))
fit(loss = "hinge", solver = "auto", lower = NULL, upper = NULL, options = list())
fit(loss = "softmax", k = 3L, solver = "auto", lower = NULL, upper = NULL, options = list(), ovr = FALSE)
fit(solver = "minibatch", lower = NULL, upper = NULL, options = list(epochs = 2), l1 = c(0, 0),
    validation = list(row = c(2L, 4L), weight = c(1, 2)))

# Nothing but the call of C itself runs under torture.
value_of <- function(call, step) {
  routine <- get(call$name, asNamespace("linclass"))
  expression <- as.call(c(list(.Call, routine), unname(lapply(call$arguments, function(a) call("quote", a)))))
  answer <- tryCatch({
    gctorture2(step)
    eval(expression)
  }, error = conditionMessage, finally = gctorture2(0L))
  # The time of a line of the history is no result of the fit, and a weak reference is another one each time.
  if (is.list(answer)) answer$history$seconds <- NULL
  if (typeof(answer) == "weakref") NULL else answer
}
same <- 0L
refused <- 0L
for (call in calls) {
  before <- value_of(call, 0L)
  during <- value_of(call, 1L)
  if (!identical(before, during)) {
    stop("another value under gctorture: ", call$name, "\n", paste(all.equal(before, during), collapse = "\n"))
  }
  refused <- refused + (is.character(before) && call$name %in% c("lcr_fit", "lcr_path"))
  same <- same + 1L
}
called <- unique(vapply(calls, `[[`, "", "name"))
stopifnot(setequal(called, names(getDLLRegisteredRoutines("linclass")$.Call)))
cat("torture:", same, "calls of", length(called), "routines, the same values,", refused, "refused\n")
