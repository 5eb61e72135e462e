# Every routine that C registers, with each argument, and each element of a list and of an object, replaced by what
# does not belong there: an error of R, never a crash. A valid call of each routine is the start.

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
  solver = "lbfgs",
  options = list(memory = 5), control = list(max_iter = 5, time_limit = 1),
  stats = list(mean = colMeans(x), sd = c(1.3, 0.5), max_abs = c(4, 1)), seed = 0, progress = FALSE,
  covariance = FALSE)
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
request <- list(loss = "logistic", k = 2L, coding = 0L, intercept = TRUE, task = 1L, about = c(0, 0, 1, 1),
                B = matrix(c(0.1, -0.5, 1)), ns = 1L, nsum = 1L, gradient = 1L, curvature = 1L,
                shift = NULL, scale = NULL)
lesson_spec <- list(loss = "logistic", k = 2L, intercept = TRUE, lambda = 0.1, l1 = c(0.5, 0.5), l2 = c(0.5, 0.5))
lesson <- list(W = matrix(c(0.1, -0.5, 1)), x = x, y = y, weights = weights, offset = offset, spec = lesson_spec)
task <- list(x = x, y = y, weights = weights, offset = offset)

valid <- list(
  lcr_losses = list(), lcr_solvers = list(), lcr_controls = list(), lcr_statuses = list(), lcr_simd = list(),
  lcr_threads = list(n = NULL), lcr_valid = list(x = sparse), lcr_colstats = list(x = x, weights = weights),
  lcr_fit = c(task, list(spec = c(fit_spec, list(jeffreys = FALSE, validation = NULL, descent = NULL)))),
  lcr_path = c(task, list(spec = path_spec)),
  lcr_predict = list(x = x, W = lesson$W, offset = offset, spec = lesson_spec[c("loss", "k", "intercept")],
                     type = "prob"),
  lcr_sigmoid = list(z = z), lcr_softmax = list(z = z), lcr_softmax_jacobian = list(z = c(1, 2)),
  lcr_raw_scores = list(x = x, W = matrix(1, 2, 3), b = c(0, 1, 2)),
  lcr_sample_loss = list(z = z, y = c(0L, 1L, 1L), loss = "softmax", k = 2L),
  lcr_loss_value = lesson, lcr_loss_gradient = lesson, lcr_loss_hessian = lesson, lcr_newton_step = lesson,
  lcr_check_gradient = c(lesson, list(step = 0)),
  lcr_shard_sums = c(task, list(request = request)),
  lcr_stream_copy = list(anything = stream, path = tempfile(fileext = ".columns")),
  lcr_weak = list(key = new.env(), anything = 1),
  lcr_weak_value = list(anything = NULL))

# Places where NULL means that there is none, or the default.
optional <- c("n", "weights", "offset", "b", "lower", "upper", "spread", "start", "options", "control", "holdout",
              "lambdas", "code", "value", "weight", "validation", "descent", "shift", "scale")

run <- function(name, arguments) {
  routine <- get(name, asNamespace("linclass"))
  do.call(.Call, c(list(routine), unname(arguments)), quote = TRUE)
}
is_refused <- function(name, arguments) {
  answer <- tryCatch(run(name, arguments), error = identity)
  # Two routines say by a string what is wrong with a matrix.
  inherits(answer, "error") || (name %in% c("lcr_valid", "lcr_colstats") && is.character(answer))
}

wrong_types <- list(`NULL` = NULL, string = "no such thing", strings = c("a", "b"), list = list(), named = list(1, 2),
                    complex = 1i, raw = as.raw(1), environment = new.env(), `function` = sum,
                    symbol = quote(a), call = quote(a + b), formula = y ~ x,
                    S4 = methods::new("dgTMatrix", Dim = c(0L, 0L)), pointer = methods::new("externalptr"),
                    na_string = NA_character_, unnamed = list(1, "a", NULL))
wrong_values <- list(none = double(), one = 1, NA_real_, NaN, Inf, -Inf, NA, NA_integer_, -1L, .Machine$integer.max,
                     1e300, c(1, NA), numeric(7), integer(7), matrix(NA_real_, 6, 2), matrix(0L, 0, 0),
                     array(0, c(3, 1, 0)), array(0, c(6, 2, 2)), -1, matrix(c(NaN, Inf), 6, 2))

test_that("the table has every routine, and its calls are valid", {
  expect_setequal(names(valid), names(getDLLRegisteredRoutines("linclass")$.Call))
  for (name in names(valid)) expect_false(is_refused(name, valid[[name]]), info = name)
})

test_that("an argument of another type is an error", {
  for (name in names(valid)) {
    for (argument in setdiff(names(valid[[name]]), "anything")) {
      junk <- if (argument %in% optional) wrong_types[-1L] else wrong_types
      for (kind in setdiff(names(junk), if (argument == "key") "environment")) {
        arguments <- valid[[name]]
        arguments[argument] <- junk[kind]
        expect_true(is_refused(name, arguments), info = paste(name, argument, kind))
      }
    }
  }
})

test_that("an element of another type is an error, and one that lacks", {
  for (name in c("lcr_fit", "lcr_path", "lcr_predict", "lcr_loss_value", "lcr_newton_step")) {
    for (element in setdiff(names(valid[[name]]$spec), optional)) {
      for (kind in names(wrong_types)) {
        arguments <- valid[[name]]
        arguments$spec[element] <- wrong_types[kind]
        expect_true(is_refused(name, arguments), info = paste(name, element, kind))
      }
      arguments <- valid[[name]]
      arguments$spec[[element]] <- NULL
      expect_true(is_refused(name, arguments), info = paste(name, "without", element))
      arguments <- valid[[name]]
      names(arguments$spec)[names(arguments$spec) == element] <- NA
      expect_true(is_refused(name, arguments), info = paste(name, "no name", element))
    }
    arguments <- valid[[name]]
    names(arguments$spec) <- NULL
    expect_true(is_refused(name, arguments), info = paste(name, "no names"))
  }
  for (inside in c("control", "stats", "options")) {
    for (kind in names(wrong_types)[-1L]) {
      arguments <- valid$lcr_fit
      arguments$spec[[inside]][1L] <- wrong_types[kind]
      if (length(fit_spec[[inside]])) expect_true(is_refused("lcr_fit", arguments), info = paste(inside, kind))
    }
  }
})

test_that("an element of a stream that does not belong there is an error", {
  expect_false(is_refused("lcr_colstats", list(stream, NULL)))
  for (element in names(stream)) {
    for (junk in c(wrong_types, wrong_values)) {
      damaged <- unclass(stream)
      damaged[element] <- list(junk)
      class(damaged) <- "linclass_stream"
      call <- list(damaged, NULL)
      fine <- element == "sparse" && length(junk) == 1L && is.numeric(junk) || is.logical(junk) && length(junk) == 1L
      if (!fine) expect_true(is_refused("lcr_colstats", call), info = paste(element, deparse1(junk)[1L]))
      expect_type(is_refused("lcr_stream_copy", list(damaged, tempfile(fileext = ".columns"))), "logical")
    }
  }
})

test_that("an element of shards or of a request that does not belong there is an error", {
  shards <- list(dim = c(6, 2), class_weights = c(3, 3), noffset = 0, dense = TRUE, host = function(what, value) {
    if (what == "stands") return(0)
    .Call(linclass:::lcr_shard_sums, x, y, NULL, NULL,
          c(value, request[c("loss", "k", "coding", "intercept")]))
  })
  spec <- replace(valid$lcr_fit$spec, c("lower", "upper"), list(NULL))
  refused <- function(shards, spec) {
    is_refused("lcr_fit", list(structure(shards, class = "linclass_shards"), NULL, NULL, NULL, spec))
  }
  expect_false(refused(shards, spec))
  answers <- c(wrong_types, wrong_values)
  for (junk in answers) {
    for (element in c("dim", "class_weights", "host")) {
      damaged <- shards
      damaged[element] <- list(junk)
      expect_true(refused(damaged, spec), info = paste(element, deparse1(junk)[1L]))
    }
    for (element in c("noffset", "dense")) expect_type(refused(replace(shards, element, list(junk)), spec), "logical")
    if (is.character(junk)) next # stands for an interrupt
    damaged <- shards
    damaged$host <- function(what, value) junk
    status <- run("lcr_fit", list(structure(damaged, class = "linclass_shards"), NULL, NULL, NULL, spec))$status
    expect_true(status %in% c("source", "unsupported"), info = deparse1(junk)[1L])
  }
  for (element in names(request)) {
    for (junk in c(wrong_types, wrong_values)) {
      expect_type(is_refused("lcr_shard_sums", c(task, list(replace(request, element, list(junk))))), "logical")
    }
    if (element %in% optional) next
    lacking <- request[names(request) != element]
    expect_true(is_refused("lcr_shard_sums", c(task, list(lacking))), info = element)
  }
})

test_that("rows set aside and the state of a descent are checked", {
  arguments <- valid$lcr_fit
  arguments$spec[c("solver", "lower", "upper")] <- list("minibatch", NULL, NULL)
  arguments$spec$options <- list(epochs = 2)
  with <- function(element, value) {
    arguments$spec[[element]] <- value
    is_refused("lcr_fit", arguments)
  }
  aside <- list(row = c(2L, 4L), weight = c(1, 2))
  state <- list(epochs = 1, log_mean = 0, searches = 3, averaged = 2, iterate = matrix(0, 3, 1), mean = matrix(0, 3, 1))
  expect_false(with("validation", aside))
  expect_false(with("descent", state))
  for (element in c("validation", "descent")) {
    good <- if (element == "validation") aside else state
    for (name in names(good)) {
      for (kind in names(wrong_types)) {
        bad <- good
        bad[name] <- wrong_types[kind]
        expect_true(with(element, bad), info = paste(element, name, kind))
      }
      for (value in wrong_values) {
        bad <- good
        bad[[name]] <- value
        expect_type(with(element, bad), "logical")
      }
    }
  }
  expect_true(with("validation", list(row = c(2L, 2L), weight = c(1, 1))))
  expect_true(with("validation", list(row = c(0L, 2L), weight = c(1, 1))))
  expect_true(with("validation", list(row = 1:6, weight = rep(1, 6))))
})

test_that("values out of place do not crash", {
  for (name in names(valid)) {
    for (argument in names(valid[[name]])) {
      for (value in wrong_values) {
        arguments <- valid[[name]]
        arguments[[argument]] <- value
        expect_type(is_refused(name, arguments), "logical")
        for (element in names(arguments$spec)) {
          arguments <- valid[[name]]
          arguments$spec[[element]] <- value
          if (argument == "spec") expect_type(is_refused(name, arguments), "logical")
        }
      }
    }
  }
})

test_that("matrices whose parts contradict each other are refused", {
  takers <- names(valid)[vapply(valid, function(a) "x" %in% names(a), NA)]
  for (name in takers) {
    call <- valid[[name]]
    for (slot in c("i", "p", "x", "Dim")) {
      for (junk in c(wrong_types, wrong_values)) {
        damaged <- sparse
        attr(damaged, slot) <- junk
        call$x <- damaged
        expect_true(is_refused(name, call), info = paste(name, slot, deparse1(junk)[1L]))
      }
    }
    for (element in setdiff(names(coded), "weight")) {
      for (junk in c(wrong_types, wrong_values)) {
        damaged <- coded
        damaged[element] <- list(junk)
        call$x <- damaged
        expect_true(is_refused(name, call), info = paste(name, element, deparse1(junk)[1L]))
      }
    }
    for (element in c("code", "value", "levels")) {
      for (junk in c(wrong_types[-1L], wrong_values)) {
        damaged <- coded
        damaged$parts[[2L]][element] <- list(junk)
        call$x <- damaged
        expect_true(is_refused(name, call), info = paste(name, element, deparse1(junk)[1L]))
      }
    }
    for (junk in list(1, structure(1, class = "linclass_codes"), structure(list(), class = "linclass_codes"))) {
      call$x <- junk
      expect_true(is_refused(name, call), info = name)
    }
  }
})
