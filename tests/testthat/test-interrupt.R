# Ctrl-C: a child process fits until its parent's signal, says what it caught, and goes on working.

skip_on_cran()
skip_on_os("windows")

# Each runs for many seconds unless it is stopped. `repeat`: what is short by itself may be stopped between two runs.
long_work <- list(
  newton = quote(repeat linclass(x, y, solver = "newton")),
  lbfgs = quote(repeat linclass(x, y3, solver = "lbfgs")),
  lasso = quote(repeat linclass(x, y, lambda = 1e-5)),
  hinge = quote(repeat linclass(x, y, loss = "hinge", lambda = 1e-4, alpha = 0)),
  minibatch = quote(linclass(x, y3, solver = solver("minibatch", epochs = 1e6))),
  sparse = quote(repeat linclass(methods::as(x * (x > 1.5), "CsparseMatrix"), y3, lambda = 1e-5, alpha = 0)),
  formula = quote(repeat linclass(y ~ ., data.frame(y, f = factor(round(10 * x[, 2])), x[, 3:6]))),
  path = quote(repeat linclass_path(x, y3)),
  first_point = quote(repeat linclass_path(x, y, loss = "hinge", alpha = 0, lambda = c(1e-4, 1e-5))),
  cv = quote(repeat linclass_cv(x, y3)),
  predict = quote(repeat predict(fit, x, "prob")),
  raw_scores = quote(repeat raw_scores(x, W)),
  sample_loss = quote(repeat sample_loss(x, rep_len(1:20, nrow(x)), "softmax")),
  loss_value = quote(repeat loss_value(W, x, rep_len(1:300, nrow(x)), "softmax")),
  check_gradient = quote(check_gradient(W, x, rep_len(1:300, nrow(x)), "softmax")),
  loss_hessian = quote(repeat loss_hessian(W[1:40, ], x, rep_len(1:40, nrow(x)), "softmax")),
  newton_step = quote(newton_step(W[1:50, ], x[1:2000, ], rep_len(1:50, 2000L), "softmax"))
)

# Runs in the child: each work is signalled by a shell in the background after a pause.
interrupt_page <- function(works) {
  set.seed(7)
  x <- matrix(rnorm(4e4 * 20), 4e4)
  y <- x[, 1] + rnorm(4e4) > 0
  y3 <- factor(sample(3, 4e4, TRUE))
  W <- matrix(rnorm(300 * 20), 300)
  fit <- linclass(x, y3, lambda = 0.1)
  small <- coef(linclass(am ~ wt, mtcars))
  rows <- lapply(names(works), function(name) {
    seed <- .Random.seed
    stamp <- tempfile()
    go <- tempfile()
    # The signal waits for `go`: while system() has not returned, which may take its time, it would be ignored.
    system(sprintf(paste("(while [ ! -e %s ]; do sleep 0.01; done; sleep 0.3;",
                         "date +%%s.%%N > %s; kill -INT %d) > /dev/null 2>&1 &"),
                   shQuote(go), shQuote(stamp), Sys.getpid()))
    file.create(go)
    caught <- tryCatch({
      eval(works[[name]])
      NULL
    }, interrupt = function(c) list(condition = c, time = as.numeric(Sys.time())),
    error = function(c) list(condition = c, time = as.numeric(Sys.time())))
    Sys.sleep(0.05)
    data.frame(name = name, class = class(caught$condition)[1L],
               status = c(caught$condition$fit$status, NA)[1L],
               latency = caught$time - as.numeric(readLines(stamp)),
               seed = name == "cv" || identical(seed, .Random.seed) == (name != "minibatch"),
               again = identical(coef(linclass(am ~ wt, mtcars)), small))
  })
  do.call(rbind, rows)
}

test_that("an interrupt stops all work soon, never as an error, and the session goes on", {
  skip_if(system("date +%N | grep -q '^[0-9]*$'") != 0, "no date with nanoseconds")
  page <- tempfile(fileext = ".R")
  parts <- tempfile(fileext = ".rds")
  answer <- tempfile(fileext = ".rds")
  on.exit(unlink(c(page, parts, answer)))
  saveRDS(list(works = long_work, text = deparse(interrupt_page)), parts)
  writeLines(c(sprintf(".libPaths(%s)", deparse1(.libPaths())), "library(linclass)",
               sprintf("parts <- readRDS(%s)", deparse1(parts)),
               "run <- eval(parse(text = parts$text))",
               sprintf("saveRDS(run(parts$works), %s)", deparse1(answer))), page)
  status <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(page)),
                    stdout = FALSE, stderr = FALSE, timeout = 120)
  expect_identical(status, 0L)
  seen <- readRDS(answer)
  expect_identical(seen$name, names(long_work))
  # Between two fits, and while R lays out the data, the interrupt is R's own.
  expect_true(all(seen$class %in% c("linclass_interrupt", "interrupt")),
              info = toString(paste(seen$name, seen$class)))
  expect_true("linclass_interrupt" %in% seen$class)
  # A fit comes with its condition; where there is none there is nothing, and a half result nowhere.
  expect_true(all(seen$status %in% c("interrupted", NA)))
  expect_true(all(c("raw_scores", "newton_step", "check_gradient") %in% seen$name[is.na(seen$status)]))
  # 0.2 s on an idle machine; tests may share theirs.
  expect_lt(stats::median(seen$latency), 0.2)
  expect_lt(max(seen$latency), 2)
  expect_true(all(seen$seed), info = toString(seen$name[!seen$seed]))
  expect_true(all(seen$again))
})
