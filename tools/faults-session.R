# Interrupts at random moments, and memory that ends: tools/faults-session runs this. Each child does the long work of
# tests/testthat/test-interrupt.R; what it saw comes back as a table, and the counts are printed.
args <- commandArgs(TRUE)
suite <- Filter(function(e) length(e) == 3L && identical(e[[2L]], quote(long_work)), as.list(parse(args[1L])))
works <- eval(suite[[1L]][[3L]])
count <- as.integer(args[2L])

run_child <- function(body, values, limit = NULL, timeout = 3600) {
  page <- tempfile(fileext = ".R")
  parts <- tempfile(fileext = ".rds")
  answer <- tempfile(fileext = ".rds")
  on.exit(unlink(c(page, parts, answer)))
  saveRDS(list(values = values, text = deparse(body)), parts)
  writeLines(c(sprintf(".libPaths(%s); library(linclass)", deparse1(.libPaths())),
               sprintf("parts <- readRDS(%s)", deparse1(parts)), "run <- eval(parse(text = parts$text))",
               sprintf("saveRDS(run(parts$values), %s)", deparse1(answer))), page)
  command <- sprintf("%sexec %s --vanilla %s", if (is.null(limit)) "" else sprintf("ulimit -v %.0f; ", limit),
                     shQuote(file.path(R.home("bin"), "Rscript")), shQuote(page))
  status <- system2("sh", c("-c", shQuote(command)), stdout = FALSE, stderr = FALSE, timeout = timeout)
  if (status == 0 && file.exists(answer)) readRDS(answer) else status
}

# ---- interrupts: latency in seconds of this process, whatever else the machine does ---------------------------------

interrupted_page <- function(values) {
  linclass_threads(1)
  set.seed(values$seed)
  x <- matrix(rnorm(4e4 * 20), 4e4)
  y <- x[, 1] + rnorm(4e4) > 0
  y3 <- factor(sample(3, 4e4, TRUE))
  W <- matrix(rnorm(300 * 20), 300)
  fit <- linclass(x, y3, lambda = 0.1)
  small <- coef(linclass(am ~ wt, mtcars))
  ticks <- function(text) sum(as.numeric(strsplit(sub(".*\\) ", "", text), " ")[[1L]][12:13])) / 100
  rows <- lapply(values$names, function(name) {
    stamp <- tempfile()
    go <- tempfile()
    on.exit(unlink(c(stamp, go)))
    system(sprintf("(while [ ! -e %s ]; do sleep 0.01; done; sleep %.3f; cat /proc/%d/stat > %s; kill -INT %d) &",
                   go, runif(1, 0, 0.5), Sys.getpid(), stamp, Sys.getpid()))
    file.create(go)
    caught <- tryCatch({
      eval(values$works[[name]])
      NULL
    }, interrupt = identity, error = identity)
    now <- ticks(readLines("/proc/self/stat"))
    data.frame(name = name, class = class(caught)[1L], latency = now - ticks(readLines(stamp)),
               again = identical(coef(linclass(am ~ wt, mtcars)), small))
  })
  do.call(rbind, rows)
}

report <- function(what, good, total, more = "") {
  cat(sprintf("%s: %d of %d%s\n", what, good, total, more))
  good == total
}

names <- sample(rep_len(names(works), count))
seen <- run_child(interrupted_page, list(works = works, names = names, seed = 7))
fine <- is.data.frame(seen)
if (!fine) cat("interrupts: the session ended with status", seen, "\n") else {
  caught <- seen$class %in% c("interrupt", "linclass_interrupt")
  fine <- all(c(report("interrupts caught as interrupts", sum(caught), count),
                report("interrupts within 0.3 s", sum(seen$latency <= 0.3), count,
                       sprintf(" (median %.2f s, latest %.2f s)", median(seen$latency), max(seen$latency))),
                report("sessions that went on", sum(seen$again), count)))
  if (!all(caught & seen$latency <= 0.3)) print(seen[!caught | seen$latency > 0.3, ], row.names = FALSE)
}

# ---- memory ---------------------------------------------------------------------------------------------------------

limited_page <- function(values) {
  linclass_threads(1)
  small <- coef(linclass(am ~ wt, mtcars))
  attempt <- function(expr) {
    caught <- tryCatch({
      force(expr)
      NULL
    }, error = identity)
    if (is.null(caught)) return("value")
    if (inherits(caught, "linclass_error_memory")) return("memory")
    if (grepl("allocate|memory|too large", conditionMessage(caught))) "memory of R" else
      paste(class(caught)[1L], conditionMessage(caught))
  }
  set.seed(7)
  n <- values$n
  x <- y <- y3 <- sparse <- NULL
  outcomes <- c(data = attempt({
    x <- matrix(rnorm(n * 30), n)
    y <- x[, 1] + rnorm(n) > 0
    y3 <- factor(sample(3, n, TRUE))
    sparse <- methods::as(x * (abs(x) > 1.5), "CsparseMatrix")
  }))
  if (outcomes == "value") {
    outcomes <- c(outcomes, vapply(values$works, function(work) attempt(suppressWarnings(eval(work))), ""))
  }
  rm(x, y, y3, sparse)
  gc()
  size <- as.numeric(gsub("[^0-9]", "", grep("VmPeak", readLines("/proc/self/status"), value = TRUE)))
  list(outcomes = outcomes, again = identical(coef(linclass(am ~ wt, mtcars)), small), size = size)
}
limited <- list(n = 5e4, works = expression(
  linclass(x, y), linclass(x, y3), linclass(x, y3, solver = "lbfgs", lambda = 0.1, alpha = 0),
  linclass(x, y3, lambda = 0.01),
  linclass(x, y, loss = "hinge", lambda = 0.1, alpha = 0), linclass(sparse, y, lambda = 0.01),
  linclass(sparse, y3, lambda = 0.01, alpha = 0), linclass_path(x, y, nlambda = 5),
  linclass_path(sparse, y3, nlambda = 5), linclass_cv(x, y, folds = 3, nlambda = 3),
  linclass(x, y, solver = solver("minibatch", epochs = 1)), predict(linclass(x, y3, lambda = 1), x, "prob"),
  linclass(y ~ ., data.frame(y, x)), linclass(row_source(x, y = y3), lambda = 0.1)))
whole <- run_child(limited_page, limited)
none <- run_child(limited_page, list(n = 10, works = expression()))
limits <- 1024 + none$size + (whole$size - none$size) * seq(0, 1, length.out = 25)
runs <- lapply(limits, function(limit) run_child(limited_page, limited, limit))
ended <- vapply(runs, function(r) is.list(r), NA)
outcomes <- unlist(lapply(runs[ended], `[[`, "outcomes"))
known <- outcomes %in% c("value", "memory", "memory of R")
fine <- all(c(fine, report("calls with a limit on memory that gave a value or said so", sum(known), length(known),
                           sprintf(" (%d without memory)", sum(outcomes != "value"))),
              report("sessions with a limit on memory that went on", sum(vapply(runs[ended], `[[`, NA, "again")),
                     length(runs))))
if (!all(known)) print(table(outcomes[!known]))
quit(status = if (fine) 0 else 1)
