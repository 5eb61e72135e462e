# What breaks from outside while a fit is under way: errors, jumps and warnings in a user's own functions, fits within
# fits, a stack or a disk without room, odd locales. The session goes on: the same fit has the same bits, no file and no
# connection stays open. `make faults-session` adds interrupts at random moments and memory that runs out.

whole_table <- nzchar(Sys.getenv("LINCLASS_CONFORMANCE"))

set.seed(5)
x <- toy(2, 300L)$x
y <- toy(2, 300L)$y
data <- toy(2, 300L)$data
expected <- coef(linclass(x, y, lambda = 0.05))

open_files <- function() if (dir.exists("/proc/self/fd")) length(list.files("/proc/self/fd")) else 0L
session_of <- function() {
  gc(FALSE) # finalizers close what a jump left open
  list(connections = getAllConnections(), files = open_files(), options = options(), folder = getwd(),
       temporary = sort(list.files(tempdir(), "^linclass-")))
}
expect_session <- function(before, info) {
  after <- session_of()
  for (name in names(before)) expect_identical(after[[name]], before[[name]], info = paste(info, name))
  expect_identical(coef(linclass(x, y, lambda = 0.05)), expected, info = info)
}

# Rows in blocks; `meanwhile` is called at block `at` of pass `pass`.
blocks <- function(meanwhile = NULL, pass = 2L, at = 2L) {
  passes <- done <- 0L
  function(reset) {
    if (reset) {
      passes <<- passes + 1L
      done <<- 0L
      return(NULL)
    }
    if (passes == pass && done == at && !is.null(meanwhile)) meanwhile()
    if (done == 3L) return(NULL)
    done <<- done + 1L
    rows <- (100L * done - 99L):(100L * done)
    list(x = x[rows, ], y = y[rows])
  }
}

# Where code of the user's runs: each calls meanwhile() from within.
places <- list(
  metric = function(meanwhile) {
    linclass_cv(x, y, foldid = rep_len(1:3, 300), lambda = c(0.1, 0.05), metric = list(own = function(...) {
      meanwhile()
      0.5
    }))
  },
  first_pass = function(meanwhile) linclass(row_source(blocks(meanwhile, 1L, 1L)), lambda = 0.05),
  last_block = function(meanwhile) linclass(row_source(blocks(meanwhile, 2L, 3L)), lambda = 0.05),
  later_pass = function(meanwhile) linclass(row_source(blocks(meanwhile, 4L, 0L)), lambda = 0.05),
  path_pass = function(meanwhile) linclass_path(row_source(blocks(meanwhile, 5L, 1L)), nlambda = 5),
  copied = function(meanwhile) linclass(row_source(blocks(meanwhile, 2L, 1L), cache = "disk"), lambda = 0.05),
  trace = function(meanwhile) {
    withCallingHandlers(linclass(x, y, control = list(trace = TRUE)), linclass_message_trace = function(m) meanwhile())
  },
  trace_of_blocks = function(meanwhile) {
    withCallingHandlers(linclass(row_source(blocks()), control = list(trace = TRUE)),
                        linclass_message_trace = function(m) meanwhile())
  },
  trace_of_file = function(meanwhile) {
    withCallingHandlers(linclass(row_source(blocks(), cache = "disk"), control = list(trace = TRUE)),
                        linclass_message_trace = function(m) meanwhile())
  },
  weights = function(meanwhile) {
    ones <- function(n) {
      meanwhile()
      rep(1, n)
    }
    linclass(y ~ a + b, data, weights = ones(300))
  },
  na_action = function(meanwhile) {
    linclass(y ~ a + b, data, na.action = function(frame) {
      meanwhile()
      na.omit(frame)
    })
  },
  predicted = function(meanwhile) predict(linclass(x, y), row_source(blocks(meanwhile, 1L, 1L))))

# What it does there, as a function of the jump that leads out.
events <- list(
  error = function(out) stop("mine"),
  restart = function(out) invokeRestart("away", "away"),
  jump = function(out) out("away"),
  condition = function(out) signalCondition(structure(class = c("own", "condition"), list(message = "", call = NULL))),
  interrupt = function(out) {
    signalCondition(structure(class = c("interrupt", "condition"), list(message = "", call = NULL)))
  },
  warning = function(out) warning("mine"),
  fit = function(out) linclass(x, y, lambda = 0.05),
  cross_validation = function(out) quiet(linclass_cv(x, y, folds = 2, nlambda = 3)),
  other_stream = function(out) linclass(row_source(blocks()), lambda = 0.05),
  own_stop = function(out) linclass(x, y, lambda = -1),
  collect = function(out) gc(FALSE))

test_that("code of the user's may do anything anywhere, and the session goes on", {
  for (place in names(places)) {
    quiet(places[[place]](function() NULL)) # whatever loads does so once
    before <- session_of()
    some <- if (whole_table) names(events) else names(events)[(match(place, names(places)) + 5L * 0:1) %% 10L + 1L]
    for (event in union("interrupt", some)) {
      info <- paste(place, event)
      seed <- .Random.seed
      result <- callCC(function(out) {
        withRestarts(tryCatch(suppressMessages(suppressWarnings(places[[place]](function() events[[event]](out)))),
                              error = identity, own = function(c) "away", interrupt = function(c) "interrupted"),
                     away = identity)
      })
      wanted <- switch(event, error = , own_stop = "error", restart = , jump = , condition = "away",
                       interrupt = "interrupted", "value")
      got <- if (inherits(result, "error")) "error" else if (is.character(result) && is.null(dim(result))) result else
        "value"
      expect_identical(got, wanted, info = info)
      if (!event %in% "cross_validation") expect_identical(.Random.seed, seed, info = info)
      rm(result)
    }
    expect_session(before, place)
  }
})

test_that("a fit within a fit changes neither", {
  linclass_threads(2)
  on.exit(linclass_threads(2))
  plain <- linclass(row_source(blocks()), lambda = 0.05)
  inner <- NULL
  nested <- linclass(row_source(blocks(function() inner <<- linclass(x, y, lambda = 0.05), 3L)), lambda = 0.05)
  expect_identical(coef(nested), coef(plain))
  expect_identical(coef(inner), expected)
})

test_that("warnings that are errors leave a session that goes on", {
  before <- session_of()
  cases <- list(quote(linclass(Species ~ ., iris)), quote(linclass(x, y, loss = "perceptron")),
                quote(linclass(cbind(x, d = x[, 1]), y)), quote(linclass_cv(x, y, folds = 3, nlambda = 3)),
                quote(linclass(row_source(blocks()), lambda = 0.05)),
                quote(predict(linclass(x, y), sign(x) * Inf)))
  old <- options(warn = 2)
  results <- lapply(cases, function(case) tryCatch(eval(case), error = identity))
  options(old)
  expect_identical(vapply(results, inherits, NA, "error"), c(TRUE, TRUE, TRUE, FALSE, FALSE, TRUE))
  expect_session(before, "warn = 2")
})

test_that("a stack near its end is an error of R, or no trouble", {
  fit <- linclass(x, y)
  works <- list(fit = function() linclass(x, y, lambda = 0.05), predict = function() predict(fit, x[1:3, ]),
                path = function() linclass_path(x, y, nlambda = 3),
                formula = function() linclass(y ~ a + b, data), blocks = function() linclass(row_source(blocks())))
  descend <- function(n, work) {
    force(work)
    if (n <= 0) work() else descend(n - 1, work)
  }
  fails <- function(n, work) inherits(tryCatch(descend(n, work), error = identity), "error")
  for (work in works) work() # what is loaded lazily is loaded
  before <- session_of()
  for (limit in c(5000, if (whole_table) 500000)) {
    old <- options(expressions = limit)
    deepest <- 10
    too_deep <- limit
    while (too_deep - deepest > 1) {
      middle <- floor((deepest + too_deep) / 2)
      if (fails(middle, function() 1)) too_deep <- middle else deepest <- middle
    }
    for (name in names(works)) {
      depths <- deepest - seq(0, min(deepest, 400), by = if (whole_table) 2 else 40)
      failed <- vapply(depths, fails, NA, works[[name]])
      expect_true(any(failed), info = name)
      expect_false(fails(1, works[[name]]), info = name)
    }
    options(old)
  }
  expect_session(before, "stack")
})

test_that("locales change no number", {
  parts <- c("LC_COLLATE", "LC_CTYPE", "LC_MONETARY", "LC_NUMERIC", "LC_TIME")
  old <- vapply(parts, Sys.getlocale, "")
  on.exit(suppressWarnings(Map(Sys.setlocale, parts, old)))
  # Lower and upper case of I and i are other letters in Turkish.
  turkish <- data.frame(I = x[, 1], i = x[, 2], y = factor(ifelse(y == "low", "INLI", "inli")))
  show <- function(fit) utils::capture.output(print(fit))
  tables <- lapply(c("C", "tr_TR.UTF-8", "de_DE.ISO-8859-1", "de_DE.UTF-8", "en_US.UTF-8"), function(locale) {
    if (suppressWarnings(Sys.setlocale("LC_ALL", locale)) == "") return(NULL)
    Sys.setlocale("LC_NUMERIC", "C")
    fit <- suppressMessages(linclass(y ~ ., turkish, lambda = 0.05))
    expect_true(length(show(fit)) > 3, info = locale)
    for (loss in toupper(linclass_losses()$name)) expect_topic(linclass(x, y, loss = loss), "loss")
    c(unname(coef(fit)), unname(coef(linclass(x, y, lambda = 0.05))), predict(fit, turkish[1:5, ], type = "link"))
  })
  for (table in Filter(Negate(is.null), tables)) expect_identical(table, tables[[1L]])
})

test_that("names that the locale cannot write are found in new data", {
  skip_on_cran()
  page <- tempfile(fileext = ".R")
  on.exit(unlink(page))
  writeLines(c(sprintf(".libPaths(%s)", deparse1(.libPaths())), "library(linclass)", "d <- mtcars",
               "names(d)[6] <- '\\u00e4'", "f <- suppressWarnings(linclass(am ~ ., d[c(1, 6, 9)], lambda = 0.1))",
               "g <- linclass(am ~ mpg + wt, mtcars, lambda = 0.1)",
               "l <- d; names(l)[6] <- iconv(names(d)[6], 'UTF-8', 'latin1')",
               "p <- function(f, d) suppressWarnings(predict(f, d, 'prob'))",
               "cat(all.equal(p(f, d), p(g, mtcars)), all.equal(p(f, l), p(g, mtcars)))"), page)
  said <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(page)), env = "LC_ALL=C", stdout = TRUE)
  expect_identical(said, "TRUE TRUE")
})

test_that("a disk without room is an error, and the next fit is right", {
  skip_on_os(c("windows", "mac"))
  skip_on_cran()
  # Files may have 64 blocks of 512 bytes, and the copy of the columns needs more.
  page <- tempfile(fileext = ".R")
  on.exit(unlink(page))
  writeLines(c(sprintf(".libPaths(%s)", deparse1(.libPaths())), "library(linclass)", "set.seed(1)",
               "x <- matrix(rnorm(2e4), 5000); y <- x[, 1] > 0.3; done <- FALSE",
"give <- function(reset) {",
               "  if (reset) done <<- FALSE else if (!done) { done <<- TRUE; list(x = x, y = y) }", "}",
               "caught <- tryCatch(linclass(row_source(give, cache = 'disk'), lambda = 0.1), error = identity)",
               "same <- identical(coef(linclass(x, y, lambda = 0.1)), coef(linclass(x, y, lambda = 0.1)))",
               "cat(class(caught)[1], same, length(list.files(tempdir(), 'linclass-')))"), page)
  command <- sprintf("trap '' XFSZ; ulimit -f 64; exec %s --vanilla %s", shQuote(file.path(R.home("bin"), "Rscript")),
                     shQuote(page))
  expect_identical(system2("sh", c("-c", shQuote(command)), stdout = TRUE, stderr = FALSE),
                   "linclass_error_source TRUE 0")
})

test_that("forks and other packages' threads beside ours work", {
  skip_on_os("windows")
  skip_on_cran()
  wide <- x[rep(1:300, 60), ]
  classes <- y[rep(1:300, 60)]
  fit <- function(threads) coef(linclass(wide, classes, lambda = 0.01, control = list(threads = threads)))
  one <- fit(2)
  forked <- parallel::mclapply(1:2, function(i) list(fit(2), {
    linclass_threads(2)
    fit(2)
  }), mc.cores = 2L)
  expect_identical(forked, list(list(one, one), list(one, one)))
  expect_identical(fit(2), one)
  skip_if_not_installed("data.table")
  data.table::setDTthreads(2)
  table <- data.table::data.table(wide, classes = classes)
  data.table::setorderv(table, "a")
  expect_identical(coef(linclass(wide, classes, lambda = 0.01, control = list(threads = 2))), one)
  expect_false(is.unsorted(table[["a"]]))
  expect_identical(fit(1), one)
})
