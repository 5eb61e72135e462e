# Relations between fits: what is done to the data and must not change the answer, or change it in a known way. No
# expected value is needed: two fits are compared. `make conformance` runs all losses and solvers with all entries.

whole_table <- nzchar(Sys.getenv("LINCLASS_CONFORMANCE"))
compared <- 0

set.seed(41)
related_rows <- function(k, n = 72L) {
  x <- cbind(a = rnorm(n), b = rexp(n), c = sample(0:2, n, TRUE), d = rnorm(n) > 0.5)
  score <- outer(drop(x %*% c(1, -0.7, 0.5, 1)), seq(-1, 1, length.out = k)) + 0.7 * matrix(rlogis(n * k), n)
  list(x = x, y = factor(c("p", "q", "r")[max.col(score)]), weights = sample(1:3, n, TRUE) + 0,
       foldid = sample(rep_len(1:3, n)), offset = NULL)
}
tasks <- list(`2` = related_rows(2L), `3` = related_rows(3L))

# ---- relations: list(task, rows: where the rows of the first task are, levels: what its classes are called) ----------

take <- function(t, rows) {
  t$x <- t$x[rows, , drop = FALSE]
  t[c("y", "weights", "foldid")] <- list(t$y[rows], t$weights[rows], t$foldid[rows])
  t
}
related <- function(task, rows = seq_len(72L), levels = NULL) list(task = task, rows = rows, levels = levels)
with_x <- function(t, x) related(replace(t, "x", list(x)))

relations <- list(
  rows_permuted = function(t) {
    order <- c(seq(72, 2, -2), seq(1, 71, 2))
    related(take(t, order), order(order))
  },
  columns_permuted = function(t) with_x(t, t$x[, c(3, 1, 4, 2)]),
  classes_permuted = function(t) {
    t$y <- factor(t$y, rev(levels(t$y)))
    related(t)
  },
  classes_renamed = function(t) {
    old <- levels(t$y)
    levels(t$y) <- rev(paste("\u00fc", old))[c(seq_along(old))]
    related(t, levels = stats::setNames(levels(t$y), old))
  },
  columns_scaled = function(t) with_x(t, t$x %*% diag(c(1e3, -2, 1 / 7, 1e-5))),
  columns_shifted = function(t) with_x(t, sweep(t$x, 2L, c(3, -40, 0.1, 7), `+`)),
  copies = function(t) {
    rows <- rep(seq_len(72L), t$weights)
    related(replace(take(t, rows), "weights", list(NULL)), match(seq_len(72L), rows))
  },
  weights_scaled = function(t) related(replace(t, "weights", list(t$weights * 1e-9))),
  stacked = function(t) related(take(t, rep(seq_len(72L), 2L))),
  split_rows = function(t) {
    twice <- take(t, rep(seq_len(72L), 2L))
    twice$weights <- twice$weights * rep(c(0.25, 0.75), each = 72L)
    related(twice)
  },
  weightless_rows = function(t) {
    longer <- take(t, c(seq_len(72L), 5:9))
    longer$x[73:77, ] <- 1e6 * longer$x[73:77, ]
    longer$weights[73:77] <- 0
    related(longer)
  },
  zero_column = function(t) with_x(t, cbind(t$x, e = 0)),
  offset_moved = function(t) related(replace(t, "offset", list(matrix(2.5, 72L, nlevels(t$y))))),
  data_frame = function(t) with_x(t, as.data.frame(t$x)),
  sparse = function(t) with_x(t, methods::as(t$x, "CsparseMatrix")),
  by_rows = function(t) with_x(t, methods::as(methods::as(t$x, "CsparseMatrix"), "RsparseMatrix")),
  blocks = function(t) with_x(t, row_source(t$x, block = 40)))

# By formula, as codes of factors, where columns c and d are groups.
as_groups <- function(t) data.frame(t$x[, c("a", "b")], c = factor(t$x[, "c"]), d = factor(t$x[, "d"]))
coded_call <- function(fun, t, ...) {
  utils::assignInNamespace("small_dense", 0, "linclass")
  on.exit(utils::assignInNamespace("small_dense", 1e6, "linclass"))
  data <- as_groups(t)
  data[c("y", "weights", "foldid")] <- t[c("y", "weights", "foldid")]
  foldid <- if (fun == "linclass_cv") list(foldid = quote(foldid))
  eval(as.call(c(list(as.name(fun), y ~ a + b + c + d, quote(data), weights = quote(weights)), foldid, list(...))))
}

fit_of <- function(fun, t, ...) {
  foldid <- if (fun == "linclass_cv") list(foldid = t$foldid)
  data <- list(t$x, t$y, weights = t$weights, offset = t$offset, control = list(tolerance = 1e-12))
  quiet(do.call(fun, c(data, foldid, list(...)), quote = TRUE))
}

# Scores of all rows, a column for each class less the mean, at the smallest lambda.
scores_of <- function(fit, t) {
  x <- if (inherits(t$x, "linclass_source")) t$plain else t$x
  z <- if (inherits(fit, "linclass")) predict(fit, x, type = "link", offset = t$offset) else
    predict(fit, x, type = "link", s = min(fit$lambda, fit$path$lambda), offset = t$offset)
  if (length(dim(z)) == 3L) z <- z[, , 1L]
  if (!is.matrix(z) || ncol(z) == 1L) z <- cbind(0, drop(z))
  colnames(z) <- if (inherits(fit, "linclass_cv")) fit$path$levels else fit$levels
  z - rowMeans(z)
}

expect_related <- function(name, first, other, entry, unique, info) {
  compared <<- compared + 1
  close <- if (unique) 1e-8 else 2e-6 # of a smoothed or ramped hinge
  values <- list(objective(first$fit), objective(other$fit))
  expect_equal(unname(values[[2L]]), unname(values[[1L]]), tolerance = close, info = info)
  if (!unique) return(invisible())
  z <- scores_of(first$fit, first$task)
  to <- scores_of(other$fit, other$task)[other$rows, ]
  names <- if (is.null(other$levels)) colnames(z) else unname(other$levels[colnames(z)])
  expect_lt(max(abs(to[, names] - z)), 2e-5, label = info)
  if (entry == "linclass_cv" && !name %in% c("copies", "stacked", "split_rows")) {
    expect_equal(other$fit$metrics$mean, first$fit$metrics$mean, tolerance = 1e-6, info = info)
  }
}

entries <- list(linclass = list(lambda = 0.02), linclass_path = list(lambda = c(0.1, 0.05, 0.02)),
                linclass_cv = list(lambda = c(0.1, 0.02)))
ways <- expand.grid(k = c("2", "3"), alpha = c(0, 0.6), loss = setdiff(linclass_losses()$name, "perceptron"),
                    solver = c("auto", setdiff(linclass_solvers()$name, c("minibatch", "dual", "gradient_descent"))),
                    stringsAsFactors = FALSE)
refused <- function(way) {
  fit <- try(fit_of("linclass", tasks[[way$k]], loss = way$loss, solver = way$solver, alpha = way$alpha, lambda = 0.1),
             silent = TRUE)
  inherits(fit, "try-error")
}
ways <- ways[!vapply(seq_len(nrow(ways)), function(i) refused(ways[i, ]), NA), ]

test_that("what does not matter changes no fit, path or cross-validation", {
  turn <- 0L
  for (name in names(relations)) {
    turn <- turn + 1L
    for (entry in if (whole_table) names(entries) else names(entries)[turn %% 3L + 1L]) {
      for (i in if (whole_table) seq_len(nrow(ways)) else (7L * turn) %% nrow(ways) + 1L) {
        way <- ways[i, ]
        args <- c(entries[[entry]], as.list(way[c("loss", "solver", "alpha")]))
        t <- tasks[[way$k]]
        other <- relations[[name]](t)
        other$task$plain <- t$x
        info <- paste(c(name, entry, unlist(way)), collapse = " ")
        first <- list(fit = do.call(fit_of, c(list(entry, t), args)), task = t)
        other$fit <- do.call(fit_of, c(list(entry, other$task), args))
        ramps <- way$loss %in% c("hinge", "crammer_singer")
        expect_related(name, first, other, entry, !ramps, info)
      }
    }
  }
  for (entry in names(entries)) for (k in c("2", "3")) for (loss in c("auto", "squared_hinge")) {
    t <- tasks[[k]]
    args <- c(entries[[entry]], list(loss = loss, control = list(tolerance = 1e-12)))
    X <- model.matrix(~ ., as_groups(t))[, -1L]
    dense <- do.call(fit_of, c(list(entry, replace(t, "x", list(X))), args[names(args) != "control"]))
    expect_equal(unname(objective(quiet(do.call(coded_call, c(list(entry, t), args))))), unname(objective(dense)),
                 tolerance = 1e-8, info = paste("coded", entry, k, loss))
  }
})

test_that("a point of a path is a fit, and a start changes only the work", {
  for (k in names(tasks)) for (loss in c("auto", "huber_hinge")) for (alpha in c(0, 1)) {
    t <- tasks[[k]]
    info <- paste(k, loss, alpha)
    lambda <- c(0.2, 0.1, 0.05, 0.02)
    path <- fit_of("linclass_path", t, loss = loss, alpha = alpha, lambda = lambda)
    fits <- lapply(lambda, function(l) fit_of("linclass", t, loss = loss, alpha = alpha, lambda = l))
    expect_equal(unname(objective(path)), vapply(fits, objective, 1), tolerance = 1e-9, info = info)
    for (start in list(fits[[1L]], fits[[4L]])) {
      warm <- fit_of("linclass", t, loss = loss, alpha = alpha, lambda = 0.02, start = start)
      expect_equal(objective(warm), objective(fits[[4L]]), tolerance = 1e-10, info = info)
      expect_lt(max(abs(scores_of(warm, t) - scores_of(fits[[4L]], t))), 2e-5, label = info)
    }
  }
})

test_that("predictions of rows do not depend on the other rows", {
  for (k in names(tasks)) for (loss in c("auto", "hinge")) {
    t <- tasks[[k]]
    fit <- fit_of("linclass", t, loss = loss, lambda = 0.02, alpha = 0)
    calibrated <- linclass_calibrate(fit, t$x, t$y)
    for (object in list(fit, calibrated)) for (type in c("link", "prob", "class")) {
      if (type == "prob" && identical(object$loss, "hinge")) next
      as_rows <- function(p) if (is.matrix(p)) unname(p) else unname(as.matrix(as.character(p)))
      all <- as_rows(predict(object, t$x, type = type))
      parts <- lapply(list(1:30, 31:31, integer(), 32:72), function(rows) {
        as_rows(predict(object, t$x[rows, , drop = FALSE], type = type))
      })
      expect_identical(do.call(rbind, parts), all, info = paste(k, loss, type))
    }
  }
})

test_that("a fit that was saved and read predicts the same bits", {
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  for (k in names(tasks)) for (entry in names(entries)) for (loss in c("auto", "squared_hinge")) {
    t <- tasks[[k]]
    fit <- do.call(fit_of, c(list(entry, t, loss = loss), entries[[entry]]))
    saveRDS(fit, file)
    expect_identical(scores_of(readRDS(file), t), scores_of(fit, t))
    expect_identical(predict(readRDS(file), t$x), predict(fit, t$x))
  }
})

test_that("two threads give the bits of one", {
  set.seed(9)
  n <- 20000L
  x <- matrix(rnorm(n * 8), n)
  y3 <- factor(max.col(x[, 1:3] + matrix(rnorm(3 * n), n)))
  inputs <- list(dense = x, integer = array(as.integer(3 * x), dim(x)),
                 sparse = methods::as(x * (abs(x) > 1), "CsparseMatrix"))
  works <- list(
    logistic = function(x, control) linclass(x, y3 == 1, lambda = 0.01, control = control),
    softmax = function(x, control) linclass(x, y3, lambda = 0.01, alpha = 0.5, control = control),
    squared_hinge = function(x, control) linclass(x, y3, loss = "squared_hinge", lambda = 0.01, control = control),
    lbfgs = function(x, control) linclass(x, y3, lambda = 0.01, alpha = 0, solver = "lbfgs", control = control),
    path = function(x, control) linclass_path(x, y3, nlambda = 5, control = control),
    cv = function(x, control) {
      linclass_cv(x, y3 == 1, lambda = c(0.05, 0.01), foldid = rep_len(1:3, n), control = control)
    })
  for (name in names(inputs)) for (work in if (whole_table) names(works) else names(works)[c(2, 6)]) {
    bits <- lapply(1:2, function(threads) {
      fit <- quiet(works[[work]](inputs[[name]], list(threads = threads, tolerance = 1e-4)))
      list(objective(fit), coef(fit), if (work == "cv") fit$metrics)
    })
    expect_identical(bits[[2L]], bits[[1L]], info = paste(name, work))
  }
})

test_that("every set of inner loops finds the same optimum", {
  skip_on_cran()
  page <- tempfile(fileext = ".R")
  data <- tempfile(fileext = ".rds")
  on.exit(unlink(c(page, data)))
  saveRDS(tasks, data)
  writeLines(c(
    sprintf(".libPaths(%s); library(linclass); tasks <- readRDS(%s)", deparse1(.libPaths()), deparse1(data)),
    "for (t in tasks) for (loss in c('auto', 'squared_hinge', 'huber_hinge')) for (sparse in c(FALSE, TRUE)) {",
    "  x <- if (sparse) methods::as(t$x, 'CsparseMatrix') else t$x",
    "  fit <- linclass(x, t$y, weights = t$weights, loss = loss, lambda = 0.02, alpha = 0,",
    "                  control = list(tolerance = 1e-14))",
    "  cat(format(c(objective(fit), predict(fit, t$x[1:5, ], type = 'link')), digits = 17), sep = '\\n')",
    "}"), page)
  run <- function(simd) {
    out <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(page)), stdout = TRUE,
                   env = paste0("LINCLASS_SIMD=", simd))
    as.numeric(out)
  }
  expected <- run("ref")
  expect_gt(length(expected), 100)
  for (simd in if (whole_table) c("sse2", "fma128", "avx2", "avx512") else "") {
    expect_lt(max(abs(run(simd) - expected) / pmax(1, abs(expected))), 1e-10, label = simd)
  }
})

if (whole_table) cat(sprintf("\nrelations: %d pairs of fits compared\n", compared))
