# Ctrl-C: a child process fits until its parent's signal, says what it caught, and goes on working.

skip_on_cran()
skip_on_os("windows")

# Each fit runs for many seconds unless it is stopped.
long_fits <- list(
  newton = quote(repeat linclass(x, y, solver = "newton")),
  lbfgs = quote(repeat linclass(x, y3, solver = "lbfgs")),
  lasso = quote(repeat linclass(x, y, lambda = 1e-5)),
  hinge = quote(repeat linclass(x, y, loss = "hinge", lambda = 1e-4, alpha = 0)),
  minibatch = quote(linclass(x, y3, solver = solver("minibatch", epochs = 1e6)))
)

# Runs in the child: each fit is signalled by a shell in the background after a pause.
interrupt_page <- function(fits) {
  set.seed(7)
  x <- matrix(rnorm(4e4 * 20), 4e4)
  y <- x[, 1] + rnorm(4e4) > 0
  y3 <- factor(sample(3, 4e4, TRUE))
  small <- coef(linclass(am ~ wt, mtcars))
  rows <- lapply(names(fits), function(name) {
    seed <- .Random.seed
    stamp <- tempfile()
    go <- tempfile()
    # The signal waits for `go`: while system() has not returned, which may take its time, it would be ignored.
    system(sprintf(paste("(while [ ! -e %s ]; do sleep 0.01; done; sleep 0.3;",
                         "date +%%s.%%N > %s; kill -INT %d) > /dev/null 2>&1 &"),
                   shQuote(go), shQuote(stamp), Sys.getpid()))
    file.create(go)
    caught <- tryCatch({
      eval(fits[[name]], list(x = x, y = y, y3 = y3))
      NULL
    }, interrupt = function(c) list(condition = c, time = as.numeric(Sys.time())))
    Sys.sleep(0.05)
    data.frame(name = name, class = class(caught$condition)[1L],
               status = c(caught$condition$fit$status, NA)[1L],
               latency = caught$time - as.numeric(readLines(stamp)),
               seed = identical(seed, .Random.seed) == (name != "minibatch"),
               again = identical(coef(linclass(am ~ wt, mtcars)), small))
  })
  do.call(rbind, rows)
}

test_that("an interrupt stops every solver soon, and the session goes on", {
  skip_if(system("date +%N | grep -q '^[0-9]*$'") != 0, "no date with nanoseconds")
  page <- tempfile(fileext = ".R")
  parts <- tempfile(fileext = ".rds")
  answer <- tempfile(fileext = ".rds")
  on.exit(unlink(c(page, parts, answer)))
  saveRDS(list(fits = long_fits, text = deparse(interrupt_page)), parts)
  writeLines(c(sprintf(".libPaths(%s)", deparse1(.libPaths())), "library(linclass)",
               sprintf("parts <- readRDS(%s)", deparse1(parts)),
               "run <- eval(parse(text = parts$text))",
               sprintf("saveRDS(run(parts$fits), %s)", deparse1(answer))), page)
  status <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(page)),
                    stdout = FALSE, stderr = FALSE, timeout = 60)
  expect_identical(status, 0L)
  seen <- readRDS(answer)
  expect_identical(seen$name, names(long_fits))
  # Between two fits, and while R lays out the data, the interrupt is R's own.
  expect_true(all(seen$class %in% c("linclass_interrupt", "interrupt")), info = seen$class)
  expect_true("linclass_interrupt" %in% seen$class)
  expect_true(all(seen$status[seen$class == "linclass_interrupt"] == "interrupted"))
  # 0.2 s on an idle machine; tests may share theirs.
  expect_lt(stats::median(seen$latency), 0.2)
  expect_lt(max(seen$latency), 1)
  expect_true(all(seen$seed), info = toString(seen$name[!seen$seed]))
  expect_true(all(seen$again))
})
