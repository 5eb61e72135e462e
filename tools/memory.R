# Calls every routine, with every loss, solver and storage that goes together, on data small enough for valgrind and
# longer than 16 rows: R keeps shorter vectors in its own pool, where no tool sees a read past the end.
library(linclass)
requireNamespace("Matrix")
folder <- commandArgs(TRUE)[1]
source(file.path(folder, "helper-routines.R"))

# ---- by the tests' own calls: a routine that is registered and not called is an error --------------------------------
samples <- routine_samples()
registered <- names(getDLLRegisteredRoutines("linclass")$.Call)
stopifnot(setequal(registered, names(samples$valid)))
calls <- 0
for (name in registered) {
  for (x in c("x", "sparse", "coded", "stream")) {
    arguments <- samples$valid[[name]]
    if ("x" %in% names(arguments) && name != "lcr_valid") arguments$x <- samples[[x]]
    # A stream is refused by most, never read astray.
    tryCatch(call_routine(name, arguments), error = function(condition) NULL)
    calls <- calls + 1
  }
}

# ---- fits of every kind ---------------------------------------------------------------------------------------------
set.seed(1)
n <- 60L
p <- 7L
x <- matrix(rnorm(n * p), n, p, dimnames = list(NULL, paste0("v", seq_len(p))))
x[sample(n * p, 200)] <- 0
integers <- round(10 * x)
storage.mode(integers) <- "integer"
storages <- list(double = x, integer = integers, logical = x > 0,
                 sparse = Matrix::Matrix(x, sparse = TRUE))
responses <- list(factor(rep(c("a", "b"), length.out = n)),
                  factor(rep(c("a", "b", "c"), length.out = n)))
losses <- .Call(get("lcr_losses", asNamespace("linclass")))$name
solvers <- c("auto", .Call(get("lcr_solvers", asNamespace("linclass")))$name)

done <- 0
refused <- 0
for (loss in losses) for (y in responses) for (name in solvers) for (storage in names(storages)) {
  z <- storages[[storage]]
  # Storages differ in how rows are read, which all losses do alike: one of them for each storage is enough.
  if (!storage %in% c("double", "sparse") && loss != losses[1]) next
  for (alpha in c(0, 1)) {
    # Combinations that do not go together end in an error of the package's own, never in a crash.
    fit <- tryCatch(
      suppressWarnings(suppressMessages(
        linclass(z, y, loss = loss, lambda = if (loss == "perceptron") 0 else 0.1, alpha = alpha,
                 solver = name, weights = rep(c(1, 2, 0), length.out = n),
                 control = linclass_control(max_iter = 5)))),
      linclass_error = function(condition) NULL)
    if (is.null(fit)) {
      refused <- refused + 1
    } else {
      predict(fit, z, type = "class")
      predict(fit, z, type = "link")
      done <- done + 1
    }
  }
}
for (z in storages[c("double", "sparse")]) {
  suppressWarnings(linclass_path(z, responses[[1]], nlambda = 8L))
  suppressWarnings(linclass_cv(z, responses[[2]], nlambda = 5L, folds = 3L))
}
stopifnot(done > 100)
cat("memory:", calls, "calls of", length(registered), "routines,", done, "fits,", refused, "combinations refused\n")
