# Every routine that C registers, with each argument, and each element of a list and of an object, replaced by what
# does not belong there: an error of R, never a crash. A valid call of each routine is the start.

list2env(routine_samples(), environment())

is_refused <- function(name, arguments) {
  answer <- tryCatch(call_routine(name, arguments), error = identity)
  # Two routines say by a string what is wrong with a matrix.
  inherits(answer, "error") || (name %in% c("lcr_valid", "lcr_colstats") && is.character(answer))
}

test_that("the table has every routine, and its calls are valid", {
  expect_setequal(names(valid), names(getDLLRegisteredRoutines("linclass")$.Call))
  for (name in names(valid)) expect_false(is_refused(name, valid[[name]]), info = name)
  expect_identical(call_routine("lcr_fit", valid$lcr_fit)$status, "ok")
  expect_identical(call_routine("lcr_path", valid$lcr_path)$status, "ok")
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
  for (name in c("lcr_fit", "lcr_path", "lcr_shard_sums", "lcr_predict", "lcr_loss_value", "lcr_newton_step")) {
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

test_that("a block that is no sparse matrix ends the pass by the stream's own error", {
  lacks_a_slot <- sparse
  attr(lacks_a_slot, "i") <- NULL
  blocks <- list(lacks = lacks_a_slot, list = structure(list(), class = "dgCMatrix"),
                 codes = structure(unclass(coded), class = c("linclass_codes", "dgCMatrix")), dense = x, none = 1)
  for (kind in names(blocks)) {
    host <- function(what, value) {
      if (what == "refuse") stop("refused: ", value)
      if (what == "next") blocks[[kind]]
    }
    sparse_stream <- structure(class = "linclass_stream", list(dim = c(6, 2), sparse = TRUE, host = host))
    for (call in list(list("lcr_colstats", list(sparse_stream, NULL)),
                      list("lcr_fit", c(list(sparse_stream), unname(valid$lcr_fit[-1L])))))
      expect_error(call_routine(call[[1L]], call[[2L]]), "^refused: ", info = kind)
  }
  # The threads are as they were: a jump over the numerics would have left them busy.
  expect_false(is_refused("lcr_fit", valid$lcr_fit))
})

test_that("a stream is not read where rows must be in memory, nor one of more numbers than a file holds", {
  for (name in c("lcr_predict", "lcr_raw_scores", "lcr_loss_value", "lcr_loss_gradient", "lcr_check_gradient")) {
    call <- valid[[name]]
    call$x <- stream
    expect_error(call_routine(name, call), "must be a matrix", info = name)
  }
  for (dim in list(c(4e15, 1e6), c(1e18, 2))) {
    stream$dim <- dim
    expect_error(call_routine("lcr_colstats", list(stream, NULL)), "wrong dimensions")
  }
  stream$dim <- c(6, 2)
  for (path in list(character(), c("a", "b"))) {
    stream$path <- path
    expect_error(call_routine("lcr_colstats", list(stream, NULL)), "not a valid")
  }
})

test_that("an element of shards or of a request that does not belong there is an error", {
  shards <- list(dim = c(6, 2), class_weights = c(3, 3), noffset = 0, dense = TRUE, host = function(what, value) {
    if (what == "stands") return(0)
    .Call(linclass:::lcr_shard_sums, x, y, NULL, NULL,
          c(value, request[c("loss", "k", "coding", "intercept")]))
  })
  spec <- replace(valid$lcr_fit$spec, c("lower", "upper", "solver", "options"), list(NULL, NULL, "lbfgs", list()))
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
    fit <- call_routine("lcr_fit", list(structure(damaged, class = "linclass_shards"), NULL, NULL, NULL, spec))
    expect_true(fit$status %in% c("source", "unsupported"), info = deparse1(junk)[1L])
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
  state <- list(epochs = 1, log_mean = 0, searches = 3, metric = 0, averaged = 2, iterate = matrix(0, 3, 1),
                mean = matrix(0, 3, 1))
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
