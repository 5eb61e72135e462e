# Fits over the workers of a cluster are those of the rows in memory, for any number of workers, and whatever happens
# to a worker: nothing is counted twice, nothing is lost, or there is an error that says where.

skip_if_not_installed("parallel")

rows <- local({
  i <- seq_len(600L)
  d <- data.frame(a = sin(1.3 * i), b = 50 + cos(2.1 * i), g = c("u", "v", "w")[1L + (i %/% 3L) %% 3L])
  score <- d$a + 2 * (d$b - 50) + (d$g == "v") + 3 * sin(5.1 * i)
  d$y <- ifelse(score > 0.4, "late", "ok")
  d$three <- factor(findInterval(score, c(-1, 1)), labels = c("low", "mid", "high"))
  d$w <- 1 + i %% 3
  d$o <- cos(3.3 * i)
  d
})
parts <- split(rows, rep(1:4, each = 150L))

# Workers find the package where this session has it.
new_workers <- function(n) {
  cl <- parallel::makePSOCKcluster(n)
  parallel::clusterCall(cl, .libPaths, .libPaths())
  cl
}
cl <- new_workers(2L)
withr_stop <- function(cl) {
  try(parallel::stopCluster(cl), silent = TRUE)
  for (node in cl) try(close(node$con), silent = TRUE) # which stopCluster() leaves open from a killed worker on
}
on_workers <- function(expr, on = cl) parallel::clusterCall(on, eval, expr, envir = globalenv())
still_in_step <- function(on = cl) expect_identical(unlist(parallel::clusterCall(on, function() 7)), rep(7, length(on)))

relative <- function(a, b) max(abs(as.vector(a) - as.vector(b))) / max(abs(as.vector(b)))

cases <- list(
  logistic = quote(linclass(y ~ a + b + g, data)),
  weighted = quote(linclass(y ~ a + b, data, weights = w)),
  offset = quote(linclass(y ~ a + g, data, offset = o)),
  balanced = quote(linclass(y ~ a + g, data, class_weights = "balanced")),
  ridge = quote(linclass(y ~ a + b + g, data, lambda = 0.01, alpha = 0)),
  softmax = quote(linclass(three ~ a + b + g, data)),
  lbfgs = quote(linclass(three ~ a + b + g, data, lambda = 0.01, alpha = 0, solver = "lbfgs",
                         control = linclass_control(tolerance = 1e-13))),
  squared_hinge = quote(linclass(three ~ a + g, data, loss = "squared_hinge", lambda = 0.01, alpha = 0)),
  huber_hinge = quote(linclass(y ~ a + g, data, loss = "huber_hinge", lambda = 0.01, alpha = 0)))

test_that("a fit on workers is that of the rows in memory", {
  shards <- quiet(row_shards(cl, parts)) # a busy machine is a slow cluster
  expect_output(print(shards), "600 rows in 4 shards on 2 workers")
  for (name in names(cases)) {
    memory <- quiet(eval(cases[[name]], list(data = rows)))
    call <- cases[[name]]
    call$cluster <- cl
    for (fit in list(quiet(eval(cases[[name]], list(data = shards))), quiet(eval(call, list(data = rows))))) {
      expect_lt(relative(coef(fit), coef(memory)), if (name == "lbfgs") 1e-7 else 1e-11)
      expect_lt(abs(fit$objective / memory$objective - 1), 1e-13)
      expect_true(fit$certificate$met, info = name)
      expect_identical(fit$certificate$kind, memory$certificate$kind, info = name)
      expect_identical(dimnames(coef(fit)), dimnames(coef(memory)))
      if (!is.null(memory$vcov)) expect_lt(relative(fit$vcov, memory$vcov), 1e-10)
      if (name != "offset") expect_equal(fit$null_loss, memory$null_loss, tolerance = 1e-12)
      expect_equal(fit$nobs, memory$nobs)
    }
  }
  expect_equal(predict(fit, rows), predict(memory, rows))
})

test_that("the bits do not depend on who holds the shards", {
  one <- new_workers(1L)
  on.exit(withr_stop(one))
  fits <- lapply(list(cl, one, structure(list(cl[[2L]], one[[1L]], cl[[1L]]), class = c("SOCKcluster", "cluster"))),
                 function(on) quiet(linclass(three ~ a + b + g, row_shards(on, parts), lambda = 0.01, alpha = 0)))
  for (fit in fits[-1L]) {
    expect_identical(coef(fit), coef(fits[[1L]]))
    expect_identical(fit$certificate, fits[[1L]]$certificate)
  }
})

test_that("files, matrices and sources are shards", {
  folder <- tempfile("shards")
  dir.create(folder)
  on.exit(unlink(folder, recursive = TRUE))
  files <- sprintf("%s/%d.csv", folder, 1:4)
  for (i in 1:4) write.csv(parts[[i]], files[i], row.names = FALSE)
  memory <- quiet(linclass(y ~ a + g, rows))
  expect_lt(relative(coef(quiet(linclass(y ~ a + g, row_shards(cl, files, utils::read.csv)))), coef(memory)), 1e-11)
  expect_lt(relative(coef(quiet(linclass(y ~ a + g, row_source(files), cluster = cl))), coef(memory)), 1e-11)
  numbers <- function(d) list(x = as.matrix(d[c("a", "b")]), y = d$three, weights = d$w)
  environment(numbers) <- globalenv()
  memory <- linclass(as.matrix(rows[c("a", "b")]), rows$three, weights = rows$w)
  expect_lt(relative(coef(quiet(linclass(row_shards(cl, parts, numbers)))), coef(memory)), 1e-11)
  sparse <- Matrix::Matrix(as.matrix(rows[c("a", "b")]), sparse = TRUE)
  fit <- quiet(linclass(sparse, rows$three, weights = rows$w, cluster = cl))
  expect_lt(relative(coef(fit), coef(memory)), 1e-11)
})

test_that("a level that a shard lacks, and constants of the formula", {
  threshold <- 0.3
  lacking <- split(rows, rows$g) # each shard has one level only
  names(lacking) <- NULL
  fit <- quiet(linclass(y ~ I(a > threshold) + g, row_shards(cl, lacking)))
  memory <- quiet(linclass(y ~ I(a > threshold) + g, do.call(rbind, lacking)))
  expect_lt(relative(coef(fit), coef(memory)), 1e-11)
})

test_that("what cannot be done is said before any work", {
  shards <- quiet(row_shards(cl, parts))
  expect_topic(quiet(linclass(y ~ a, shards, solver = "minibatch")), "solver", "sums")
  expect_topic(quiet(linclass(y ~ a, shards, bias_reduction = "firth")), "shards", "firth")
  expect_topic(quiet(linclass(three ~ a, shards, coding = "ovr", loss = "squared_hinge")), "shards", "ovr")
  expect_topic(quiet(linclass_path(y ~ a, shards)), "shards", "one `lambda` at a time")
  expect_topic(residuals(quiet(linclass(y ~ a, shards))), "data", "stay with the workers")
  expect_topic(linclass(y ~ a, rows, cluster = "two"), "argument", "cluster of package parallel")
  expect_topic(row_shards(cl, rows), "argument", "cluster = cl")
  expect_topic(quiet(linclass(y ~ scale(a), shards)), "shards", "all rows together")
  still_in_step()
})

test_that("errors of a worker name the shard and leave the cluster in step", {
  expect_topic(row_shards(cl, list(1, 2), function(unit) if (unit == 2) stop("no such file") else iris), "shards",
               "Shard 2 on worker 2 .*no such file")
  broken <- parts
  broken[[3L]]$y[5L] <- NA
  expect_topic(quiet(linclass(y ~ a, row_shards(cl, broken), na.action = na.pass)), "shards",
               "Shard 3 .* 1 missing value")
  still_in_step()
})

test_that("answers to another question are not taken", {
  shards <- quiet(row_shards(cl, parts))
  linclass:::send_to(shards$state$channel, 1L, "an earlier question", list(task = "echo", shards = 0, common = "old"))
  fit <- quiet(linclass(y ~ a + g, shards)) # worker 1 answers the earlier one first
  expect_lt(relative(coef(fit), coef(quiet(linclass(y ~ a + g, rows)))), 1e-11)
  expect_identical(lengths(shards$state$channel$awaited), c(0L, 0L)) # nothing is waited for any more
  right <- list(fit = "f", sequence = 3, answers = list(list(shard = 1L, rows = 150), list(shard = 2L, rows = 150)))
  asked <- list(fit = "f", sequence = 3, channel = shards$state$channel, holder = c(1L, 1L))
  expect_length(linclass:::checked_answers(asked, right, 1:2), 2L)
  wrong <- list(fit = replace(right, "fit", "g"), sequence = replace(right, "sequence", 2),
                lost = replace(right, "answers", list(right$answers[1L])),
                twice = replace(right, "answers", list(right$answers[c(1, 1)])))
  for (reply in wrong) expect_topic(linclass:::checked_answers(asked, reply, 1:2), "shards", "nothing is used")
})

test_that("rows that change between calls end the fit", {
  shards <- quiet(row_shards(cl, parts))
  owner <- shards$state$owner
  spoil <- function(owner) {
    shard <- getNamespace("linclass")$worker_store[[owner]][["1"]]
    if (!is.null(shard)) shard$data <- shard$data[-1L, ]
  }
  environment(spoil) <- globalenv()
  parallel::clusterCall(cl, spoil, owner)
  expect_topic(quiet(linclass(y ~ a, shards)), "shards", "changed between calls")
})

test_that("a killed worker: its shards are loaded elsewhere, or an error says how to go on", {
  own <- new_workers(2L)
  on.exit(withr_stop(own))
  pid <- unlist(parallel::clusterCall(own, Sys.getpid))
  shards <- quiet(row_shards(own, parts))
  before <- quiet(linclass(y ~ a + g, shards))
  tools::pskill(pid[2L], tools::SIGKILL)
  expect_warn_topic(fit <- suppressMessages(linclass(y ~ a + g, shards)), "worker_lost",
                    "worker 2 .*with shards 3 and 4")
  expect_identical(coef(fit), coef(before))
  tools::pskill(pid[1L], tools::SIGKILL)
  error <- tryCatch(quiet(linclass(y ~ a + g, shards)), linclass_error_worker_lost = identity)
  expect_s3_class(error, "linclass_error_worker_lost")
  expect_match(conditionMessage(error), "new cluster")
})

test_that("a worker that is late is given up", {
  own <- new_workers(2L)
  on.exit(withr_stop(own))
  slow <- function(unit) {
    if (unit$slow) Sys.sleep(3)
    unit$data
  }
  environment(slow) <- globalenv()
  units <- list(list(slow = FALSE, data = parts[[1L]]), list(slow = TRUE, data = parts[[2L]]))
  expect_topic(row_shards(own, units, slow, timeout = 0.5, on_failure = "stop"), "worker_lost", "within 0.5 seconds")
})

test_that("Ctrl-C in a fit leaves no answer behind, and a checkpoint goes on", {
  skip_on_os("windows")
  checkpoint <- tempfile(fileext = ".rds")
  shards <- quiet(row_shards(cl, parts, checkpoint = checkpoint))
  full <- quiet(linclass(three ~ a + b + g, shards, lambda = 1e-4, alpha = 0))
  expect_identical(readRDS(checkpoint), shards$state$last)
  again <- quiet(linclass(three ~ a + b + g, shards, lambda = 1e-4, alpha = 0, start = readRDS(checkpoint)))
  expect_lte(again$iterations, 1)
  expect_lt(relative(coef(again), coef(full)), 1e-7)
  caught <- tryCatch({
    system2("sh", c("-c", shQuote(sprintf("sleep 0.05; kill -INT %d", Sys.getpid()))), wait = FALSE)
    repeat quiet(linclass(three ~ a + b + g, shards, lambda = 1e-4, alpha = 0, solver = "lbfgs"))
  }, interrupt = identity)
  expect_s3_class(caught, "interrupt")
  still_in_step()
  expect_identical(coef(quiet(linclass(three ~ a + b + g, shards, lambda = 1e-4, alpha = 0))), coef(full))
})

test_that("cross-validation over workers has the folds and the results of one process", {
  for (repeats in 1:2) {
    set.seed(3)
    one <- linclass_cv(three ~ a + b + g, rows, folds = 5, nlambda = 10, repeats = repeats, keep = TRUE)
    set.seed(3)
    many <- quiet(linclass_cv(three ~ a + b + g, rows, folds = 5, nlambda = 10, repeats = repeats, keep = TRUE,
                              cluster = cl))
    expect_identical(many$foldid, one$foldid)
    expect_equal(many$metrics, one$metrics, tolerance = 1e-6)
    expect_equal(many$scores, one$scores, tolerance = 1e-3)
    expect_identical(many$lambda.min, one$lambda.min)
    expect_identical(dim(many$fold_relative), dim(one$fold_relative))
    expect_lt(max(many$fold_relative), 1e-8)
  }
})

test_that("other clusters go by the calls of parallel", {
  local <- linclass:::call_transport(cl)
  for (i in 1:2) local$send(i, paste("tag", i), list(task = "echo", shards = i, common = i, fit = "f", sequence = 1))
  expect_identical(local$ready(1:2, 1), 1:2)
  got <- lapply(1:2, local$receive)
  expect_identical(vapply(got, `[[`, "", "tag"), c("tag 1", "tag 2"))
  expect_identical(vapply(got, function(g) g$value$answers[[1L]]$value, 1L), 1:2)
})

test_that("merged fits are the fit of all rows", {
  half <- seq_len(250L)
  x <- as.matrix(rows[c("a", "b")])
  cases <- list(
    logistic = list(quote(linclass(y ~ a + b + g, d)), 1e-9),
    weighted = list(quote(linclass(three ~ a + g, d, weights = w)), 1e-9),
    ridge = list(quote(linclass(three ~ a + b, d, lambda = 0.01, alpha = 0, standardize = FALSE)), 1e-4),
    squared_hinge = list(quote(linclass(y ~ a + b, d, loss = "squared_hinge", lambda = 0.01, alpha = 0)), 1e-4))
  for (name in names(cases)) {
    fits <- lapply(list(rows[half, ], rows[-half, ], rows), function(d) quiet(eval(cases[[name]][[1L]], list(d = d))))
    merged <- quiet(merge(fits[[1L]], fits[[2L]]))
    expect_lt(relative(coef(merged), coef(fits[[3L]])), cases[[name]][[2L]])
    expect_true(merged$certificate$met, info = name)
    expect_lte(merged$iterations, fits[[3L]]$iterations)
    expect_identical(merged$n, fits[[3L]]$n)
  }
  numbers <- lapply(list(half, -half, seq_len(600L)), function(at) linclass(x[at, ], rows$three[at]))
  merged <- merge(numbers[[1L]], numbers[[2L]])
  expect_lt(relative(coef(merged), coef(numbers[[3L]])), 1e-9)
  expect_topic(merge(numbers[[1L]], quiet(linclass(x, rows$y))), "argument", "differ in .*levels")
  expect_topic(merge(numbers[[1L]], 1), "argument", "must be a fit")
  expect_topic(merge(numbers[[1L]], linclass(x[, 2:1], rows$three)), "argument", "differ in columns:")
  fit <- function(formula, at, ...) quiet(linclass(formula, rows[at, ], ...))
  expect_topic(merge(fit(y ~ poly(a, 2), half), fit(y ~ poly(a, 2), -half)), "argument", "basis of a term")
  expect_topic(merge(fit(y ~ a, half, weights = w), fit(y ~ a, -half)), "argument", "weights or an offset")
  hinge <- fit(y ~ a, half, loss = "hinge", lambda = 0.1, alpha = 0)
  expect_topic(merge(hinge, hinge), "no_hessian", "second derivatives")
})

test_that("daemons of mirai are workers, each a cluster of its own", {
  skip_if_not_installed("mirai")
  daemons <- lapply(1:2, function(i) mirai::make_cluster(1L))
  on.exit(for (one in daemons) try(mirai::stop_cluster(one), silent = TRUE))
  for (one in daemons) parallel::clusterCall(one, .libPaths, .libPaths())
  expect_identical(coef(linclass(y ~ a + b + g, rows, cluster = daemons)),
                   coef(linclass(y ~ a + b + g, rows, cluster = list(cl))))
  shards <- row_shards(daemons, parts, timeout = 5)
  tools::pskill(parallel::clusterCall(daemons[[2L]], Sys.getpid)[[1L]], tools::SIGKILL)
  expect_warning(fit <- linclass(y ~ a + b + g, shards), class = "linclass_warning_worker_lost")
  expect_lt(relative(coef(fit), coef(linclass(y ~ a + b + g, rows))), 1e-12)
  both <- mirai::make_cluster(2L)
  on.exit(mirai::stop_cluster(both), add = TRUE)
  expect_error(row_shards(both, parts), "share their tasks", class = "linclass_error_argument")
})

test_that("what is no cluster is refused", {
  for (bad in list(2, "localhost", list(), list(cl, 1), NULL, list(NULL))) {
    expect_error(row_shards(bad, parts), class = "linclass_error_argument")
  }
})

withr_stop(cl)
