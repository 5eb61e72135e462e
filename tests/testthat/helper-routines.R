# A valid call of each routine that C registers, what its arguments are made of, and what does not belong there. Tests
# of the routines begin with them, and so do the programs of tools/ that call all of them: under valgrind, while objects
# are collected at every allocation, with random arguments.

routine_samples <- function() {
  x <- cbind(c(1, 2, 4, 3, 0, 1), c(0, 1, 1, 0, 1, 0))
  sparse <- methods::new("dgCMatrix", i = c(0L, 2L, 5L, 1L, 2L), p = c(0L, 3L, 5L), x = c(1, -1, 2, 0.5, 3),
                         Dim = c(6L, 2L))
  coded <- structure(class = "linclass_codes", list(
    dim = c(6L, 3L), start = c(0L, 1L, 1L, 2L, 3L), column = c(0L, 1L, 2L), weight = c(1, 1, 2),
    parts = list(list(code = NULL, value = x[, 1L], levels = 1L),
                 list(code = c(1L, 2L, 2L, 1L, 3L, 1L), value = x[, 2L], levels = 3L))))
  y <- c(0L, 1L, 1L, 0L, 0L, 1L)
  z <- cbind(c(0.5, 1, -1), c(0, 2, 1))
  weights <- c(1, 2, 1, 1, 0, 1)
  offset <- c(0, 0.1, 0, 0, -0.2, 0)

  fit_spec <- list(
    loss = "logistic", k = 2L, coding = 0L, ovr = FALSE, intercept = TRUE, lambda = 0.1, l1 = c(0.5, 0.5),
    l2 = c(0.5, 0.5), grouped = FALSE, spread = c(1, 1), lower = c(-1, -1), upper = c(1, 1), start = NULL,
    solver = "coordinate",
    options = list(working_set = 50), control = list(max_iter = 5, time_limit = 1),
    stats = list(mean = colMeans(x), sd = c(1.3, 0.5), max_abs = c(4, 1)), seed = 0, progress = FALSE,
    covariance = FALSE)
  file_of_numbers <- list(path = tempfile(), n = 6, names = c("a", "b"), element = "double", code = NULL)
  writeBin(as.vector(x), file_of_numbers$path)
  path_spec <- c(fit_spec, list(lambdas = c(0.1, 0.05), holdout = matrix(c(1L, 2L, 1L, 2L, 1L, 2L))))
  stream <- structure(class = "linclass_stream", list(dim = c(6, 2), sparse = FALSE, host = local({
    given <- FALSE
    function(what, value) {
      if (what == "begin") given <<- FALSE
      if (what != "next" || given) return(NULL)
      given <<- TRUE
      x
    }
  })))
  lesson_spec <- list(loss = "logistic", k = 2L, intercept = TRUE, lambda = 0.1, l1 = c(0.5, 0.5), l2 = c(0.5, 0.5))
  lesson <- list(W = matrix(c(0.1, -0.5, 1)), x = x, y = y, weights = weights, offset = offset, spec = lesson_spec)
  # The loss, its gradient and its second derivatives, of a shard of rows.
  request <- list(task = 1L, about = c(0, 0, 1, 1), B = lesson$W, ns = 1L, nsum = 1L, gradient = 1L, curvature = 1L,
                  shift = NULL, scale = NULL, loss = "logistic", k = 2L, coding = 0L, intercept = TRUE)
  task <- list(x = x, y = y, weights = weights, offset = offset)

  valid <- list(
    lcr_losses = list(), lcr_solvers = list(), lcr_controls = list(), lcr_statuses = list(), lcr_simd = list(),
    lcr_threads = list(n = NULL), lcr_valid = list(x = sparse), lcr_colstats = list(x = x, weights = weights),
    lcr_fit = c(task, list(spec = c(fit_spec, list(jeffreys = FALSE, validation = NULL, descent = NULL)))),
    lcr_shard_sums = c(task, list(spec = request)),
    lcr_path = c(task, list(spec = path_spec)),
    lcr_predict = list(x = x, W = lesson$W, offset = offset, spec = lesson_spec[c("loss", "k", "intercept")],
                       type = "prob"),
    lcr_sigmoid = list(z = z), lcr_softmax = list(z = z), lcr_softmax_jacobian = list(z = c(1, 2)),
    lcr_raw_scores = list(x = x, W = matrix(1, 2, 3), b = c(0, 1, 2)),
    lcr_sample_loss = list(z = z, y = c(0L, 1L, 1L), loss = "softmax", k = 2L),
    lcr_loss_value = lesson, lcr_loss_gradient = lesson, lcr_loss_hessian = lesson, lcr_newton_step = lesson,
    lcr_check_gradient = c(lesson, list(step = 0)),
    lcr_elements = list(), lcr_file_rows = list(anything = file_of_numbers, from = 2, m = 3),
    lcr_stream_copy = list(anything = stream, path = tempfile(fileext = ".columns")),
    lcr_weak = list(key = new.env(), anything = 1),
    lcr_weak_value = list(anything = NULL))

  # Places where NULL means that there is none, or the default.
  optional <- c("n", "weights", "offset", "b", "lower", "upper", "spread", "start", "options", "control", "holdout",
                "lambdas", "code", "value", "weight", "validation", "descent", "shift", "scale")

  wrong_types <- list(`NULL` = NULL, string = "no such thing", strings = c("a", "b"), list = list(), named = list(1, 2),
                      complex = 1i, raw = as.raw(1), environment = new.env(), `function` = sum,
                      symbol = quote(a), call = quote(a + b), formula = y ~ x,
                      S4 = methods::new("dgTMatrix", Dim = c(0L, 0L)), pointer = methods::new("externalptr"),
                      na_string = NA_character_, unnamed = list(1, "a", NULL))
  wrong_values <- list(none = double(), one = 1, NA_real_, NaN, Inf, -Inf, NA, NA_integer_, -1L, .Machine$integer.max,
                       1e300, c(1, NA), numeric(7), integer(7), matrix(NA_real_, 6, 2), matrix(0L, 0, 0),
                       array(0, c(3, 1, 0)), array(0, c(6, 2, 2)), -1, matrix(c(NaN, Inf), 6, 2))
  as.list(environment())
}

call_routine <- function(name, arguments) {
  do.call(.Call, c(list(get(name, asNamespace("linclass"))), unname(arguments)), quote = TRUE)
}
