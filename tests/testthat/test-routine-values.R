# What the routines of C make of their arguments, and what they hand back: each number that is nearly right is refused,
# and what comes back is what was computed. test-routines.R has the types.

list2env(routine_samples(), environment())

# The valid call with one element of its arguments, or of the list `inside` them, replaced.
changed <- function(name, element, value, inside = NULL) {
  call <- valid[[name]]
  if (is.null(inside)) call[element] <- list(value) else call[[inside]][element] <- list(value)
  call_routine(name, call)
}

test_that("numbers that are nearly right are refused, and the last right ones are not", {
  part <- function(...) {
    coded$parts[[2L]] <- utils::modifyList(coded$parts[[2L]], list(...))
    coded
  }
  bytes <- function(count, element = "unsigned char") {
    replace(valid$lcr_file_rows$anything, c("element", "code"), list(element, cos(seq_len(count))))
  }
  file <- "lcr_file_rows"
  # routine, element, a value that is right, one that is not, what the element is of
  cases <- list(
    list("lcr_fit", "y", c(0L, 1L, 1L, 0L, 0L, 1L), c(0L, 1L, 2L, 0L, 0L, 1L)),
    list("lcr_fit", "y", c(1L, 1L, 1L, 0L, 0L, 1L), c(-1L, 1L, 1L, 0L, 0L, 1L)),
    list("lcr_fit", "y", y, c(y, 0L)), list("lcr_fit", "y", y, y[-1L]),
    list("lcr_fit", "weights", weights, weights[-1L]), list("lcr_fit", "offset", offset, c(offset, offset)),
    list("lcr_fit", "offset", offset, offset[-1L]),
    list("lcr_fit", "l1", c(0, 1), c(0, 1, 1), "spec"), list("lcr_fit", "l2", c(0, 1), 1, "spec"),
    list("lcr_fit", "upper", c(1, 1), c(1, 1, 1), "spec"), list("lcr_fit", "upper", c(1, 1), NULL, "spec"),
    list("lcr_fit", "spread", c(1, 2), 1, "spec"), list("lcr_fit", "start", c(0, 1, 1), c(0, 1), "spec"),
    list("lcr_fit", "lambda", 0.2, -0.2, "spec"), list("lcr_fit", "k", 2, 3, "spec"),
    list("lcr_fit", "seed", 2^53, 2^53 + 2, "spec"), list("lcr_fit", "seed", 0, -1, "spec"),
    list("lcr_fit", "control", list(max_iter = 0), list(max_iter = -1), "spec"),
    list("lcr_fit", "control", list(max_iter = 1), list(max_iters = 1), "spec"),
    list("lcr_fit", "options", list(working_set = 50), list(epochs = 1), "spec"),
    list("lcr_path", "lambdas", c(0.2, 0.1, 0), c(0.2, 0.1, 0.1), "spec"),
    list("lcr_path", "lambdas", 0.1, c(0.1, 0.2), "spec"), list("lcr_path", "lambdas", 0.1, -0.1, "spec"),
    list("lcr_path", "lambdas", 0.1, double(), "spec"),
    list("lcr_path", "holdout", c(6L, 1L, 2L, 1L, 2L, 1L), c(7L, 1L, 2L, 1L, 2L, 1L), "spec"),
    list("lcr_path", "holdout", c(0L, 1L, 2L, 1L, 2L, 1L), c(-1L, 1L, 2L, 1L, 2L, 1L), "spec"),
    list("lcr_path", "holdout", rep(1:2, 6), rep(1:2, 4), "spec"), list("lcr_path", "holdout", 1:6, integer(6), "spec"),
    list("lcr_predict", "W", matrix(0, 3), matrix(0, 2)), list("lcr_predict", "W", matrix(0, 3), matrix(0, 3, 2)),
    list("lcr_predict", "offset", offset, c(offset, offset)), list("lcr_predict", "type", "link", "links"),
    list("lcr_colstats", "weights", weights, weights[-1L]),
    list("lcr_sample_loss", "y", c(0L, 1L, 1L), c(0L, 1L, 2L)), list("lcr_sample_loss", "y", c(0L, 1L, 1L), c(0L, 1L)),
    list("lcr_raw_scores", "b", c(0, 1, 2), c(0, 1)), list("lcr_raw_scores", "W", matrix(1, 2, 3), matrix(1, 3, 3)),
    list(file, "from", 4, 5), list(file, "from", 1, 0), list(file, "m", 5, 6), list(file, "m", 0, -1),
    list(file, "anything", bytes(256), bytes(255)), list(file, "anything", bytes(256), bytes(257)),
    list(file, "anything", bytes(256), bytes(256, "char")), list("lcr_shard_sums", "ns", 1, 2, "spec"),
    list("lcr_shard_sums", "nsum", 1, 2, "spec"), list("lcr_shard_sums", "about", rep(1, 4), rep(1, 5), "spec"))
  for (case in cases) {
    inside <- if (length(case) > 4L) case[[5L]]
    info <- paste(case[[1L]], case[[2L]], substr(deparse1(case[[4L]]), 1L, 40L))
    expect_error(changed(case[[1L]], case[[2L]], case[[3L]], inside), NA, info = info)
    expect_error(changed(case[[1L]], case[[2L]], case[[4L]], inside), info = info)
  }
  expect_null(call_routine("lcr_valid", list(part(code = c(1L, 2L, 2L, 1L, 3L, 3L)))))
  for (wrong in list(part(code = c(1L, 2L, 2L, 1L, 3L, 4L)), part(code = c(1L, 2L, 2L, 1L, 3L, 0L)),
                     part(code = rep(1:3, 3)), part(code = 1:3), part(value = as.double(1:7)),
                     part(value = as.double(1:5)), part(levels = 2L), part(levels = 4L)))
    expect_type(call_routine("lcr_valid", list(wrong)), "character")
})

test_that("a row whose scores are no numbers has no class", {
  bad <- replace(x, cbind(c(2, 5), c(1, 2)), c(NA, NaN))
  for (loss in c("logistic", "softmax")) {
    W <- if (loss == "logistic") matrix(c(0.1, -0.5, 1)) else cbind(c(0.1, -0.5, 1), c(1, 0, 0), c(0, 1, 0))
    spec <- list(loss = loss, k = max(2L, ncol(W)), intercept = TRUE)
    predicted <- function(x) call_routine("lcr_predict", list(x, W, NULL, spec, "class"))
    scores <- cbind(1, x) %*% W
    by_hand <- if (loss == "logistic") 1L + (scores[, 1L] > 0) else max.col(scores, "first")
    expect_identical(predicted(x), by_hand)
    expect_identical(predicted(bad), replace(by_hand, c(2, 5), NA))
  }
})

test_that("all 53 bits of a seed count", {
  arguments <- valid$lcr_fit
  arguments$spec[c("solver", "lower", "upper")] <- list("minibatch", NULL, NULL)
  arguments$spec$options <- list(epochs = 2, batch_size = 1)
  drawn <- function(seed) {
    arguments$spec$seed <- seed
    call_routine("lcr_fit", arguments)$coefficients
  }
  seeds <- c(1, 1 + 2^32, 1 + 2^52, 2)
  found <- lapply(seeds, drawn)
  expect_false(any(duplicated(found)))
  expect_identical(lapply(seeds, drawn), found)
})

test_that("each part of a shard's sums has its place, whatever else is asked for", {
  asked <- function(gradient, curvature) {
    call <- valid$lcr_shard_sums
    call$spec$gradient <- gradient
    call$spec$curvature <- call$spec$ns <- curvature
    call_routine("lcr_shard_sums", call)
  }
  # By hand: the loss, its gradient and its second derivatives of the shard's rows.
  X <- cbind(1, x)
  z <- drop(X %*% request$B) + offset
  p <- 1 / (1 + exp(-z))
  parts <- list(sum(weights * (log1p(exp(z)) - y * z)), drop(crossprod(X, weights * (p - y))),
                crossprod(X, weights * p * (1 - p) * X)[upper.tri(diag(3), TRUE)])
  expect_equal(asked(1L, 1L), unlist(parts), tolerance = 1e-12)
  expect_equal(asked(1L, 0L), unlist(parts[1:2]), tolerance = 1e-12)
  expect_equal(asked(0L, 1L), unlist(parts[c(1, 3)]), tolerance = 1e-12)
  expect_equal(asked(0L, 0L), parts[[1L]], tolerance = 1e-12)
})

test_that("a long history keeps every second line, then every fourth, and always the last", {
  # Descent by hand: one slope, so small steps that it never ends.
  x <- matrix(c(1, 2, -1, 0.5))
  sign <- c(-1, 1, 1, -1)
  rate <- 1e-5
  most <- 150000
  w <- 0
  value <- double(most + 1)
  for (i in seq_along(value)) {
    over <- exp(-sign * x[, 1L] * w)
    value[i] <- mean(log1p(over))
    w <- w + rate * mean(sign * x[, 1L] * over / (1 + over))
  }
  descend <- function(last) {
    quiet(linclass(x, sign > 0, intercept = FALSE, solver = solver("gradient_descent", rate = rate),
                   control = linclass_control(max_iter = last, tolerance = 1e-12)))
  }
  # Steps take about the same time each: how far are times from those of their iterations, of all the time?
  uneven <- function(history) {
    with(history, max(abs(seconds / max(seconds) - iteration / max(iteration))))
  }
  started <- proc.time()[["elapsed"]]
  for (last in c(65535, 65536, 70001, most)) {
    fit <- descend(last)
    step <- if (last < 65536) 1 else if (last < 131072) 2 else 4
    kept <- union(seq(0, last, by = step), last)
    expect_identical(fit$history$iteration, as.double(kept), label = as.character(last))
    expect_equal(fit$history$objective, value[kept + 1], tolerance = 1e-10)
    seconds <- fit$history$seconds
    expect_true(all(diff(seconds) >= 0) && seconds[1L] >= 0)
    expect_lte(max(seconds), proc.time()[["elapsed"]] - started + 0.1)
    apart <- uneven(fit$history)
    for (again in 1:10) if (apart > 0.2) apart <- uneven(descend(last)$history) # the machine may have been busy
    expect_lt(apart, 0.2)
  }
})

test_that("a sparse stream whose rows change is told", {
  n <- 90L
  i <- seq_len(n)
  x <- Matrix::sparseMatrix(rep(i, 2L), c(1L + i %% 4L, 5L + i %% 3L), x = sin(1:(2 * n)), dims = c(n, 7L))
  y <- factor(sin(5 * i) + 2 * x[, 1L] > 0)
  thirds <- split(i, rep(1:3, each = 30L))
  # Rows `order`, of which the second pass and all later ones see another matrix.
  fit <- function(later, order = thirds) {
    pass <- at <- 0L
    host <- function(what, value) {
      if (what == "refuse") stop("refused: ", value)
      if (what == "begin") {
        pass <<- pass + 1L
        at <<- 0L
        return(NULL)
      }
      if (what == "end") {
        if (pass == 1L) sum <<- value
        if (value != sum) stop("refused: another sum")
      }
      if (what != "next" || at == length(order)) return(NULL)
      at <<- at + 1L
      (if (pass == 1L) x else later)[order[[at]], , drop = FALSE]
    }
    sum <- NULL
    stream <- structure(class = "linclass_stream", list(dim = c(n, 7), sparse = TRUE, host = host))
    stats <- list(mean = double(7), sd = rep(1, 7), max_abs = rep(1, 7))
    spec <- utils::modifyList(fit_spec, list(l1 = double(7), l2 = rep(1, 7), spread = rep(1, 7), stats = stats,
                                             solver = "lbfgs", jeffreys = FALSE))
    spec[c("options", "control", "lower", "upper")] <- list(list(), list(), NULL, NULL)
    call_routine("lcr_fit", list(stream, as.integer(y) - 1L, NULL, NULL, spec))
  }
  rows <- function(...) x[c(...), ]
  expect_identical(fit(x)$status, "ok")
  expect_identical(fit(x, thirds[c(1, 2, 3)])$coefficients, fit(x)$coefficients)
  changes <- list(blocks = rows(31:60, 1:30, 61:90), rows = rows(1:7, 9, 8, 10:90), columns = x[, c(2, 1, 3:7)],
                  number = replace(x, cbind(90, 1 + 90 %% 4), 7), last = replace(x, cbind(90, 7), 1))
  for (name in names(changes)) expect_error(fit(changes[[name]]), "another sum", info = name)
  expect_error(fit(x[c(1:90, 90), ], c(thirds[1:2], list(61:90), list(90L))), "more rows")
  expect_error(fit(x, list(1:30, 31:60, 31:61)), "more rows")
  expect_error(fit(x, list(1:30, 31:60)), "fewer rows")
})

test_that("rows that run away are counted by class", {
  # All rows; those of level w, which has one class alone; none.
  cases <- list(complete = list(c(1, 2, 7, 8, 9, 9), c(0L, 0L, 1L, 1L, 1L, 1L), c(2, 4)),
                quasi = list(c(0, 0, 0, 0, 1, 1, 1), c(0L, 1L, 0L, 1L, 0L, 0L, 0L), c(3, 0)),
                none = list(c(1, 2, 3, 4, 5, 6), c(0L, 1L, 0L, 0L, 1L, 1L), c(0, 0)))
  for (kind in names(cases)) {
    x <- matrix(cases[[kind]][[1L]])
    spec <- utils::modifyList(fit_spec, list(l1 = 0, l2 = 1, lambda = 0, spread = 1, solver = "newton",
                                             stats = list(mean = mean(x), sd = r_sd(x), max_abs = max(x))))
    spec[c("options", "control", "lower", "upper")] <- list(list(), list(), NULL, NULL)
    answer <- call_routine("lcr_fit", list(x, cases[[kind]][[2L]], NULL, NULL, c(spec, list(jeffreys = FALSE))))
    counts <- cases[[kind]][[3L]]
    expect_identical(answer$separation, list(kind = kind, rows = sum(counts), class_rows = counts))
  }
})
