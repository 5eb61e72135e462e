# The inner loops come in sets, one of which is chosen when the package loads (LINCLASS_SIMD). Each set
# that runs here fits the same small table, in a process of its own, to the same coefficients.

# Fits of every kind of inner loop: one score column, several, weights, integers, many columns.
fit_table <- function() {
  set.seed(42)
  n <- 3000L
  x <- matrix(rnorm(n * 7L), n, 7L, dimnames = list(NULL, paste0("v", 1:7)))
  score <- x %*% c(1, -0.5, 0.25, 0, 0.8, -0.1, 0.3) - 0.4
  two <- factor(ifelse(plogis(score) > runif(n), "b", "a"))
  four <- factor(letters[1L + (score > 1) + (x[, 2L] + rnorm(n) > 0) + (rnorm(n) > 1)])
  w <- runif(n, 0.5, 2)
  whole <- matrix(as.integer(round(10 * x)), n, 7L, dimnames = dimnames(x))
  strict <- linclass_control(tolerance = 1e-12)
  fits <- list(
    logistic = linclass(x, two, control = strict),
    weighted = linclass(x, two, weights = w, control = strict),
    softmax = linclass(x, four, loss = "softmax", control = strict),
    ridge = linclass(x, four, loss = "softmax", lambda = 0.1, alpha = 0, control = strict),
    lasso = linclass(x, two, lambda = 0.02, alpha = 1, control = strict),
    squared = linclass(x, two, loss = "squared_hinge", lambda = 0.1, alpha = 0, control = strict),
    integer = linclass(whole, two, control = strict)
  )
  counts <- Matrix::sparseMatrix(rep(seq_len(n), 10L), sample(60L, 10L * n, TRUE), x = 1, dims = c(n, 60L))
  path <- linclass_path(counts, two, nlambda = 10, lambda_min_ratio = 0.05, control = strict) # eight at once
  c(lapply(fits, function(fit) unname(coef(fit))), list(lanes = path$points$objective))
}

# What an R process with this level gives: its level, its messages and its fits.
run_level <- function(level) {
  out <- tempfile(fileext = ".rds")
  script <- tempfile(fileext = ".R")
  on.exit(unlink(c(out, script)))
  dump("fit_table", script, envir = environment(run_level))
  cat("said <- character()\n",
      "withCallingHandlers(library(linclass), packageStartupMessage = function(m) {\n",
      "  said <<- c(said, conditionMessage(m)); invokeRestart('muffleMessage') })\n",
      "saveRDS(list(level = .Call(linclass:::lcr_simd), said = said, fits = fit_table()), ",
      deparse(out), ")\n", file = script, append = TRUE, sep = "")
  old <- Sys.getenv(c("LINCLASS_SIMD", "R_LIBS"), NA, names = TRUE)
  on.exit(for (name in names(old)) {
    if (is.na(old[[name]])) Sys.unsetenv(name) else do.call(Sys.setenv, as.list(old[name]))
  }, add = TRUE)
  Sys.setenv(LINCLASS_SIMD = level, R_LIBS = paste(.libPaths(), collapse = .Platform$path.sep))
  log <- suppressWarnings(system2(file.path(R.home("bin"), "Rscript"),
                                  c("--no-save", "--no-restore", shQuote(script)),
                                  stdout = TRUE, stderr = TRUE))
  if (!file.exists(out)) stop(paste(log, collapse = "\n"))
  readRDS(out)
}

reference <- local({
  kept <- NULL
  function() {
    if (is.null(kept)) kept <<- run_level("ref")
    kept
  }
})

test_that("every set of inner loops fits the same coefficients", {
  expect_identical(reference()$level, "ref")
  expect_length(reference()$said, 0L)
  for (level in c("sse2", "fma128", "neon", "avx2", "avx512")) {
    got <- run_level(level)
    if (got$level != level) { # this processor lacks it: the package says so and fits all the same
      expect_match(got$said, level, fixed = TRUE)
    } else {
      expect_length(got$said, 0L)
    }
    for (name in names(got$fits)) {
      expect_equal(got$fits[[name]], reference()$fits[[name]], tolerance = 1e-10,
                   info = paste(level, name))
    }
  }
})

test_that("the number of threads changes no bit", {
  old <- linclass_threads()
  on.exit(linclass_threads(old))
  linclass_threads(1)
  one <- fit_table()
  linclass_threads(2)
  expect_identical(fit_table(), one)
})
