# What can be wrong with data, once, against every way to hand them over: each cell of the table
# inputs x storages x entries x losses x solvers ends in the error of its topic or in the fit of the
# data that the input stands for; and never changes what it was given, nor the session.
#
# The plain suite runs each input with some storages, entries, losses and solvers, in turns; `make conformance` all.

whole_table <- nzchar(Sys.getenv("LINCLASS_CONFORMANCE"))
cells <- c(refused = 0, fitted = 0)

# An expectation takes longer than a small fit: cells are checked by `need()`, and `expect_no_faults()` is
# one expectation about many of them.
faults <- character()
need <- function(ok, ...) if (!ok) faults <<- c(faults, paste(...))
expect_no_faults <- function() {
  expect_true(!length(faults), info = paste(c("", faults), collapse = "\n"))
  faults <<- character()
}

# ---- data -----------------------------------------------------------------------------------------------------------

# Small whole numbers, which every storage can hold; classes overlap.
rows_of_task <- function(k, n = 24L) {
  i <- seq_len(n)
  x <- cbind(a = (i * 7L) %% 5L, b = (i * 11L) %% 7L - 3L, c = (i * 3L) %% 4L %/% 2L)
  score <- x[, "a"] - x[, "b"] + 3 * sin(5.1 * i)
  cuts <- stats::quantile(score, seq_len(k - 1L) / k)
  list(x = x + 0, y = factor(c("u", "v", "w")[findInterval(score, cuts) + 1L]), weights = NULL, offset = NULL)
}

data_of <- function(task) {
  data <- data.frame(task$x)
  data$y <- task$y
  data
}

# How the rows of a task are handed to a function `fun`.
with_xy <- function(as_storage) {
  function(fun, task, ...) {
    arguments <- list(as_storage(task$x), task$y, weights = task$weights, offset = task$offset, ...)
    do.call(fun, arguments, quote = TRUE)
  }
}
with_formula <- function(formula, prepare = identity) {
  function(fun, task, ...) {
    data <- prepare(data_of(task))
    task_weights <- task$weights
    task_offset <- task$offset
    environment(formula) <- environment()
    eval(as.call(c(list(as.name(fun), formula, quote(data), weights = quote(task_weights),
                        offset = quote(task_offset)), list(...))))
  }
}
with_source <- function(make) function(fun, task, ...) do.call(fun, list(make(task), ...), quote = TRUE)

coded_call <- function(fun, task, ...) {
  utils::assignInNamespace("small_dense", 0, "linclass")
  on.exit(utils::assignInNamespace("small_dense", 1e6, "linclass"))
  with_formula(y ~ a + b + f, function(data) {
    data$f <- factor(data$c)
    data
  })(fun, task, ...)
}

blocks_of <- function(task, size = 13L) {
  at <- 0L
  function(reset) {
    if (reset) {
      at <<- 0L
      return(NULL)
    }
    n <- nrow(task$x)
    if (at >= n) return(NULL)
    rows <- seq(at + 1L, min(n, at + size))
    at <<- max(rows)
    Filter(Negate(is.null), list(x = task$x[rows, , drop = FALSE], y = task$y[rows], weights = task$weights[rows],
                                 offset = if (is.matrix(task$offset)) task$offset[rows, ] else task$offset[rows]))
  }
}

storages <- list(
  matrix = with_xy(identity),
  integer = with_xy(function(x) {
    if (is.double(x) && all(is.na(x) | x == floor(x) & abs(x) < 1e9)) storage.mode(x) <- "integer"
    x
  }),
  frame = with_xy(as.data.frame),
  dgC = with_xy(function(x) methods::as(x, "CsparseMatrix")),
  dgR = with_xy(function(x) methods::as(methods::as(x, "CsparseMatrix"), "RsparseMatrix")),
  dgT = with_xy(function(x) methods::as(methods::as(x, "CsparseMatrix"), "TsparseMatrix")),
  dge = with_xy(function(x) methods::as(methods::as(x, "CsparseMatrix"), "unpackedMatrix")),
  formula = with_formula(y ~ a + b + c),
  coded = coded_call,
  source = with_source(function(t) row_source(t$x, y = t$y, weights = t$weights, offset = t$offset, block = 13)),
  sparse_source = with_source(function(t) {
    row_source(methods::as(t$x, "CsparseMatrix"), y = t$y, weights = t$weights, offset = t$offset, block = 13)
  }),
  frame_source = with_source(function(t) {
    row_source(data_of(t), formula = y ~ a + b + c, block = 13)
  }),
  function_source = with_source(function(t) row_source(blocks_of(t))))

# Those that a formula fills from named columns, with factors, and where missing values go by na.action.
by_formula <- c("formula", "coded", "frame_source")
sources <- c("source", "sparse_source", "frame_source", "function_source")

# ---- what can be wrong, and what it stands for ----------------------------------------------------------------------

put <- function(task, ...) {
  changes <- list(...)
  task[names(changes)] <- changes
  task
}
put_x <- function(task, rows, column, value) {
  task$x[rows, column] <- value
  task
}
only <- function(task, rows) {
  put(task, x = task$x[rows, , drop = FALSE], y = task$y[rows], weights = task$weights[rows],
      offset = task$offset[rows])
}

# change: from a good task to a bad one. topic: of its error; formula: where that differs by formula. skip: storages
# that cannot hold it.
refuse <- function(change, topic, pattern, formula = topic, skip = character(), entries = NULL) {
  list(change = change, topic = topic, formula = formula, pattern = pattern, skip = skip, entries = entries)
}
# as: the task whose fit it is.
work <- function(change, as = identity, warning = character(), skip = character(), entries = NULL) {
  list(change = change, as = as, warning = warning, skip = skip, topic = NA, formula = NA, entries = entries)
}

rare <- function(t) put(t, y = factor(c("v", rep("u", 23))))
wrong_weight <- function(value) function(t) put(t, weights = replace(rep(1, 24), 3, value))

inputs <- list(
  as_it_is = work(identity),
  # responses
  logical = work(function(t) put(t, y = t$y == "v"), function(t) put(t, y = factor(t$y == "v"))),
  numbers = work(function(t) put(t, y = 2 * (t$y == "v") - 1), function(t) put(t, y = factor(t$y == "v"))),
  strings = work(function(t) put(t, y = as.character(t$y))),
  ordered = work(function(t) put(t, y = as.ordered(t$y))),
  one_column = work(function(t) put(t, y = matrix(as.double(t$y == "v"))), function(t) put(t, y = factor(t$y == "v"))),
  odd_names = work(function(t) put(t, y = factor(t$y, labels = c("", "\u00e9 \"a'")[seq_len(nlevels(t$y))]))),
  empty_level = work(function(t) put(t, y = factor(t$y, c("a", levels(t$y)))), warning = "empty_level"),
  one_row_class = work(rare, rare, entries = c("linclass", "linclass_path")),
  fold_lacks_class = refuse(rare, "folds", "class", entries = "linclass_cv"),
  continuous = refuse(function(t) put(t, y = t$x[, 1] + 0.5 * t$x[, 2]), "response", "factor\\(y\\)"),
  three_numbers = refuse(function(t) put(t, y = rep(1:3, 8)), "response", "factor\\(y\\)"),
  dates = refuse(function(t) put(t, y = as.Date("2020-01-01") + 1:24), "response", "Date"),
  complex = refuse(function(t) put(t, y = rep(1i, 24)), "response", "complex", "formula"),
  raw = refuse(function(t) put(t, y = raw(24)), "response", "raw", "formula"),
  list = refuse(function(t) put(t, y = as.list(1:24)), "response", "list", "formula"),
  no_response = refuse(function(t) put(t, y = NULL), "response", "give `y`|`y`", "formula"),
  one_class = refuse(function(t) put(t, y = factor(rep("u", 24))), "one_class", "\"u\""),
  infinite_y = refuse(function(t) put(t, y = replace(as.double(t$y == "v"), 2, Inf)), "response", "infinite"),
  na_level = refuse(function(t) put(t, y = addNA(replace(t$y, 2, NA))), "response", "NA is a level"),
  short_y = refuse(function(t) put(t, y = t$y[-1]), "shape", "23 .*24", skip = c(by_formula, "function_source")),
  long_y = refuse(function(t) put(t, y = t$y[c(1, 1:24)]), "shape", "25 .*24", skip = c(by_formula, "function_source")),
  missing_y = refuse(function(t) put(t, y = replace(t$y, 3, NA)), "missing", "1 missing", NA),
  # features
  missing_x = refuse(function(t) put_x(t, 5, 2, NA), "missing", "`b`|column 2", NA),
  nan_x = refuse(function(t) put_x(t, 5, 2, NaN), "missing", "`b`|column 2", NA, skip = "integer"),
  infinite_x = refuse(function(t) put_x(t, 5, 2, Inf), "nonfinite", "`b`", skip = "integer"),
  minus_infinite_x = refuse(function(t) put_x(t, 5, 2, -Inf), "nonfinite", "`b`", skip = "integer"),
  no_rows = refuse(function(t) only(t, 0), "no_rows", "no rows"),
  one_row = refuse(function(t) only(t, 1), "one_class", "u|v|w", skip = "coded"),
  constant = work(function(t) put_x(t, 1:24, 2, 3), function(t) put(t, x = t$x[, -2])),
  huge = work(function(t) put_x(t, 1:24, 2, 2^600 * t$x[, 2])),
  tiny = work(function(t) put_x(t, 1:24, 2, 2^-600 * t$x[, 2]), skip = "integer"),
  shifted = work(function(t) put_x(t, 1:24, 2, 2^20 + t$x[, 2])),
  logical_x = work(function(t) put(t, x = t$x > 0), function(t) put(t, x = (t$x > 0) + 0)),
  strings_x = refuse(function(t) put(t, x = array(as.character(t$x), dim(t$x), dimnames(t$x))), "type", "character|`a`",
                     skip = c(by_formula, "dgC", "dgR", "dgT", "dge", "sparse_source", "function_source")),
  complex_x = refuse(function(t) put(t, x = t$x + 0i), "type", "complex|`a`", "formula",
                     skip = c("dgC", "dgR", "dgT", "dge", "sparse_source", "function_source")),
  twice_named = refuse(function(t) put(t, x = `colnames<-`(t$x, c("a", "b", "a"))), "names", "`a`", skip = by_formula),
  not_named = refuse(function(t) put(t, x = `colnames<-`(t$x, c("a", NA, "c"))), "names", "no name", skip = by_formula),
  no_names = work(function(t) put(t, x = unname(t$x)), skip = by_formula),
  intercept_named = refuse(function(t) put(t, x = `colnames<-`(t$x, c("(Intercept)", "b", "c"))), "names",
                           "Intercept", skip = by_formula),
  # weights
  zero_weights = work(function(t) put(t, weights = rep(c(1, 0, 1), 8)), function(t) only(t, -seq(2, 24, 3))),
  copies = work(function(t) put(t, weights = rep(c(1, 2, 1), 8)), function(t) only(t, c(1:24, seq(2, 24, 3)))),
  scaled_weights = work(function(t) put(t, weights = rep(1e-290, 24))),
  wide_weights = work(function(t) put(t, weights = rep(c(1, 1e-300, 1), 8)), function(t) only(t, -seq(2, 24, 3)),
                      warning = "weights"),
  no_weight = refuse(function(t) put(t, weights = rep(0, 24)), "weights", "zero"),
  negative_weight = refuse(wrong_weight(-1), "weights", "row 3"),
  missing_weight = refuse(wrong_weight(NA), "weights", "row 3", NA),
  infinite_weight = refuse(wrong_weight(Inf), "weights", "row 3"),
  weight_strings = refuse(function(t) put(t, weights = rep("1", 24)), "weights", "numeric"),
  weights_overflow = refuse(function(t) put(t, weights = rep(1e308, 24)), "weights", "overflow"),
  short_weights = refuse(function(t) put(t, weights = rep(1, 23)), "shape", "23 .*24",
                         skip = c("frame_source", "function_source")),
  killed_class = refuse(function(t) put(t, weights = as.double(t$y == "u")), "one_class", "\"u\""),
  # offsets
  offset = work(function(t) put(t, offset = rep(1, 24))),
  huge_offset = work(function(t) put(t, offset = 1e4 * sin(1:24)), as = NULL),
  missing_offset = refuse(function(t) put(t, offset = replace(rep(0, 24), 3, NA)), "offset", "1 missing", NA),
  infinite_offset = refuse(function(t) put(t, offset = replace(rep(0, 24), 3, Inf)), "offset", "1 missing or infinite"),
  offset_strings = refuse(function(t) put(t, offset = rep("0", 24)), "offset", "numeric"),
  short_offset = refuse(function(t) put(t, offset = rep(0, 23)), "shape", "23",
                        skip = c("frame_source", "function_source")),
  wide_offset = refuse(function(t) put(t, offset = matrix(0, 24, 5)), "shape", "5 columns"))

# Arguments that are wrong whatever the data.
settings <- list(
  misspelt = list("unused_argument", "`lambda`", list(lamda = 1)),
  negative_lambda = list("penalty", "-1|not negative", list(lambda = -1)),
  missing_lambda = list("penalty", NULL, list(lambda = NA_real_)),
  wide_alpha = list("penalty", "0 to 1", list(alpha = 1.5)),
  negative_factor = list("penalty", "negative", list(penalty_factor = -1)),
  long_factor = list("shape", "length 7", list(penalty_factor = rep(1, 7))),
  crossed_bounds = list("bounds", NULL, list(lower = 1, upper = 0)),
  class_weights = list("weights", "balanced", list(class_weights = c(1, 2))),
  unknown_class = list("weights", "zz", list(class_weights = c(zz = 1))),
  control = list("control", "tolerance", list(control = list(tolerance = -1))),
  control_name = list("control", "tolernce", list(control = list(tolernce = 1))),
  solver = list("solver", "Unknown", list(solver = "newtn")),
  loss = list("loss", "must be", list(loss = "logit")),
  coding = list("coding", NULL, list(coding = "dummy")),
  intercept = list("argument", "intercept", list(intercept = NA)))

# ---- what is called -------------------------------------------------------------------------------------------------

entries <- list(linclass = list(lambda = 0.1), linclass_path = list(lambda = c(0.2, 0.1)),
                linclass_cv = list(lambda = c(0.2, 0.1), folds = 2))

ways <- expand.grid(solver = c("auto", linclass_solvers()$name), loss = linclass_losses()$name, k = 2:3,
                    stringsAsFactors = FALSE)
ways$alpha <- ifelse(ways$solver %in% c("auto", "coordinate") & ways$k == 3, 0.5, 0)
ways <- ways[vapply(seq_len(nrow(ways)), function(i) {
  task <- rows_of_task(ways$k[i])
  x <- if (ways$solver[i] == "dual") methods::as(task$x, "CsparseMatrix") else task$x
  fit <- try(quiet(linclass(x, task$y, loss = ways$loss[i], solver = ways$solver[i], alpha = ways$alpha[i],
                            lambda = if (ways$loss[i] == "perceptron") 0 else 0.1)), silent = TRUE)
  !inherits(fit, "try-error")
}, NA), ]

kinked <- with(linclass_losses(), name[!smooth])
# Combinations that a help page excludes; of sources those that read the rows hundreds of times; and all but the solver
# of the plan where rows have become one of the other storages before a solver sees them.
become_others <- c("frame", "dgR", "dgT", "dge", "formula")
is_excluded <- function(way, storage, entry) {
  way$loss == "perceptron" && entry != "linclass" ||
    storage %in% sources && (!way$solver %in% c("auto", if (storage == "source") "newton") ||
                               way$loss %in% c("perceptron", kinked)) ||
    storage %in% become_others && way$solver != "auto" ||
    way$solver == "dual" && storage != "dgC" ||
    entry == "linclass_cv" && storage == "sparse_source"
}

arguments_of <- function(way, entry) {
  args <- c(entries[[entry]], list(loss = way$loss, solver = way$solver, alpha = way$alpha))
  if (way$loss == "perceptron") args$lambda <- 0
  if (way$solver == "minibatch") args$solver <- solver("minibatch", epochs = 3)
  args
}

# The value or the condition of a call, with the topics of the warnings on the way.
outcome <- function(expr) {
  warnings <- character()
  value <- tryCatch(withCallingHandlers(expr, warning = function(w) {
    warnings <<- c(warnings, class(w)[1L])
    invokeRestart("muffleWarning")
  }, message = function(m) {
    if (!inherits(m, "linclass_message")) warnings <<- c(warnings, class(m)[1L])
    invokeRestart("muffleMessage")
  }), error = identity)
  list(value = value, warnings = unique(sub("^linclass_warning_", "", warnings)))
}

session_now <- function() {
  list(seed = get0(".Random.seed", globalenv()), options = options(), locale = Sys.getlocale(),
       connections = getAllConnections(), folder = getwd(), device = grDevices::dev.cur())
}

# `run(task)` left the task and the session as they were.
need_untouched <- function(task, draws, info, run) {
  before <- serialize(task, NULL)
  session <- session_now()
  result <- outcome(run(task))
  after <- session_now()
  if (draws && !inherits(result$value, "error")) after$seed <- session$seed
  need(identical(serialize(task, NULL), before), info, "changed its input")
  same <- mapply(identical, session, after)
  need(all(same), info, "changed", toString(names(same)[!same]))
  result
}

need_refusal <- function(result, topic, pattern, info) {
  cells[["refused"]] <<- cells[["refused"]] + 1
  condition <- result$value
  right <- inherits(condition, paste0("linclass_error_", topic)) && inherits(condition, "linclass_error")
  found <- if (inherits(condition, "error")) paste(class(condition)[1L], conditionMessage(condition)) else "a value"
  need(right, info, "should be refused as", topic, "and is", found)
  if (!right) return(invisible())
  text <- conditionMessage(condition)
  whole <- nchar(text) > 15 && grepl("[.?)]$|cannot be evaluated: ", text)
  need(whole && (is.null(pattern) || grepl(pattern, text)), info, "says:", text)
}

# The same objective as the task that the input stands for; what stops with a budget is a finite number.
expected_warnings <- c("not_converged", "separation", "underdetermined", "rank", "rare_class", "diverged",
                       "ill_conditioned")
need_fit_of <- function(result, input, good, way, entry, info) {
  cells[["fitted"]] <<- cells[["fitted"]] + 1
  fit <- result$value
  said <- if (inherits(fit, "error")) paste(class(fit)[1L], conditionMessage(fit)) else ""
  need(!inherits(fit, "error"), info, "should work and says", said)
  if (inherits(fit, "error")) return(invisible())
  odd <- setdiff(result$warnings, c(input$warning, expected_warnings))
  need(!length(odd) && all(input$warning %in% result$warnings), info, "warned of", toString(result$warnings))
  value <- unname(objective(fit))
  need(all(is.finite(value)), info, "has the objective", toString(value))
  if (way$solver == "minibatch" || way$loss == "perceptron" || is.null(input$as)) return(invisible())
  wanted <- reference_objective(input$as(good), way, entry)
  miss <- (value - wanted) / (abs(wanted) + 1e-3)
  said <- "not_converged" %in% result$warnings # then it may be larger
  need(isTRUE(all(miss >= -1e-6 & (said | miss <= 1e-6))), info, "has the objective",
       toString(format(value, digits = 10)), "instead of", toString(format(wanted, digits = 10)))
}

reference_objective <- local({
  known <- new.env()
  function(task, way, entry) {
    key <- paste(c(serialize(list(task, way$loss, way$alpha, entry), NULL)), collapse = "")
    if (is.null(known[[key]])) {
      lambda <- entries[[entry]]$lambda
      known[[key]] <- vapply(lambda, function(l) {
        objective(quiet(linclass(task$x, task$y, loss = way$loss, lambda = l, alpha = way$alpha,
                                 weights = task$weights, offset = task$offset)))
      }, 1)
    }
    known[[key]]
  }
})

# ---- the table ------------------------------------------------------------------------------------------------------

# The numbers of all ways, or of one after the other.
able_ways <- lapply(stats::setNames(nm = names(storages)), function(storage) {
  lapply(stats::setNames(nm = names(entries)), function(entry) {
    which(!vapply(seq_len(nrow(ways)), function(i) is_excluded(ways[i, ], storage, entry), NA))
  })
})
turn <- 0L
ways_of <- function(storage, entry, k = 2:3) {
  able <- able_ways[[storage]][[entry]]
  able <- able[ways$k[able] %in% k]
  if (whole_table || !length(able)) return(able)
  turn <<- turn + 1L
  able[turn %% length(able) + 1L]
}
# All of some names, or a few of them, in turns.
some_of <- function(names, count = 1L) {
  if (whole_table) return(names)
  turn <<- turn + 1L
  names[(turn * count + seq_len(count)) %% length(names) + 1L]
}

test_that("every storage, entry, loss and solver refuses bad input, or fits what it stands for", {
  two_only <- c("logical", "numbers", "one_column", "odd_names", "one_row_class", "fold_lacks_class", "offset",
                "huge_offset", "missing_offset", "infinite_offset", "offset_strings", "short_offset")
  for (name in names(inputs)) for (storage in some_of(names(storages), 2L)) {
    input <- inputs[[name]]
    able <- if (is.null(input$entries)) names(entries) else input$entries
    weighs <- grepl("weight|copies|killed|offset", name)
    if (storage %in% input$skip || storage == "frame_source" && weighs) next
    for (entry in some_of(able)) for (i in ways_of(storage, entry, if (name %in% two_only) 2L else 2:3)) {
      way <- ways[i, ]
      info <- paste(name, storage, entry, way$loss, way$solver, way$k)
      good <- rows_of_task(way$k)
      result <- need_untouched(input$change(good), entry == "linclass_cv" || way$solver == "minibatch" ||
                                 way$loss == "perceptron", info, function(task) {
        do.call(storages[[storage]], c(list(entry, task), arguments_of(way, entry)), quote = TRUE)
      })
      topic <- if (storage %in% by_formula) input$formula else input$topic
      if (!is.na(topic)) {
        pattern <- if (identical(topic, input$topic)) input$pattern
        need_refusal(result, topic, pattern, info)
      } else {
        # By formula missing values leave with their rows.
        if (!is.na(input$topic)) input$as <- function(t) {
          bad <- input$change(t)
          only(t, -which(!stats::complete.cases(cbind(bad$x, bad$weights, bad$offset), bad$y)))
        }
        need_fit_of(result, input, good, way, entry, info)
      }
    }
    expect_no_faults()
  }
})

test_that("every storage, entry, loss and solver refuses wrong settings", {
  for (name in names(settings)) for (storage in some_of(names(storages))) {
    for (entry in some_of(names(entries))) for (i in ways_of(storage, entry)) {
      way <- ways[i, ]
      args <- arguments_of(way, entry)
      wrong <- settings[[name]]
      args[names(wrong[[3L]])] <- wrong[[3L]]
      if (way$loss == "perceptron" && name %in% c("negative_lambda", "missing_lambda")) next
      info <- paste(name, storage, entry, way$loss, way$solver, way$k)
      result <- need_untouched(rows_of_task(way$k), FALSE, info, function(task) {
        do.call(storages[[storage]], c(list(entry, task), args), quote = TRUE)
      })
      need_refusal(result, wrong[[1L]], wrong[[2L]], info)
    }
    expect_no_faults()
  }
})

# ---- predictions ----------------------------------------------------------------------------------------------------

# New rows: the topic of the error, or the row numbers of the good ones that they stand for (NA: an NA), and a warning.
new_rows <- list(
  as_it_is = list(1:4, function(x) x),
  fewer = list(2L, function(x) x[2L, , drop = FALSE]),
  none = list(integer(), function(x) x[0L, , drop = FALSE]),
  columns_permuted = list(1:4, function(x) x[, c(3, 1, 2)]),
  more_columns = list(1:4, function(x) cbind(z = 7, x)),
  missing_value = list(c(1L, NA, 3:4), function(x) replace(x, cbind(2, 1), NA)),
  nan = list(c(1L, NA, 3:4), function(x) replace(x, cbind(2, 1), NaN), "nonfinite"),
  column_lacks = list("newdata", function(x) x[, -2L], "`b`"),
  column_twice = list("newdata", function(x) x[, c(1, 2, 3, 2)], "more than once"),
  strings = list("newdata", function(x) array(as.character(x), dim(x), dimnames(x)), "character|`a`"),
  a_vector = list("newdata", function(x) x[1L, ], "drop = FALSE|data frame"),
  a_function = list("newdata", function(x) mean, "function"),
  a_string = list("newdata", function(x) "rows", "rows|character"))
new_storages <- list(matrix = identity, frame = function(x) if (is.matrix(x)) as.data.frame(x) else x,
                     sparse = function(x) if (is.matrix(x) && is.numeric(x)) methods::as(x, "CsparseMatrix") else x,
                     source = function(x) if (is.matrix(x) && is.numeric(x)) row_source(x, block = 3) else x)

test_that("predictions of new rows are those of the rows, or refused", {
  rows <- which(ways$solver %in% c("auto", "minibatch"))
  if (!whole_table) rows <- rows[rows %% 4L == 0L]
  for (i in rows) for (entry in some_of(names(entries))) {
    way <- ways[i, ]
    if (is_excluded(way, "matrix", entry)) next
    task <- rows_of_task(way$k)
    fit <- quiet(do.call(storages$matrix, c(list(entry, task), arguments_of(way, entry)), quote = TRUE))
    calibrated <- if (entry == "linclass") linclass_calibrate(fit, task$x, task$y)
    good <- task$x[1:4, ]
    for (object in list(fit, calibrated)) for (name in names(new_rows)) for (storage in some_of(names(new_storages))) {
      if (is.null(object)) next
      row <- new_rows[[name]]
      bad <- row[[2L]](good)
      if (storage == "source" && name %in% c("none", "columns_permuted", "more_columns", "column_lacks", "nan")) next
      new <- new_storages[[storage]](bad)
      type <- some_of(c("class", "link"))[1L]
      info <- paste(name, storage, entry, class(object)[1L], way$loss, way$k, type)
      result <- need_untouched(if (storage == "source") bad else new, FALSE, info, function(x) {
        predict(object, new, type = type)
      })
      if (is.character(row[[1L]])) {
        need_refusal(result, row[[1L]], NULL, info)
        next
      }
      cells[["fitted"]] <<- cells[["fitted"]] + 1
      need(!inherits(result$value, "error"), info, "should work")
      if (inherits(result$value, "error")) next
      all <- predict(object, good, type = type)
      take <- function(p) if (length(dim(p)) == 3L) p[row[[1L]], , , drop = FALSE] else if (length(dim(p)) == 2L)
        p[row[[1L]], , drop = FALSE] else p[row[[1L]]]
      plain <- function(p) unname(unlist(lapply(if (is.data.frame(p)) p else list(c(p)), unname)))
      need(isTRUE(all.equal(plain(result$value), plain(take(all)), tolerance = 1e-12)), info, "differs")
      need(NROW(result$value) == length(row[[1L]]), info, "has another number of rows")
    }
    expect_no_faults()
  }
})

# ---- teaching functions ---------------------------------------------------------------------------------------------

test_that("teaching functions refuse what is no task, and give no number where there is none", {
  functions <- list(loss_value, loss_gradient, loss_hessian, newton_step, check_gradient)
  cases <- list(
    list("response|shape", function(a) replace(a, "y", list(as.double(a$x[, 1]) + 0.5))),
    list("missing", function(a) replace(a, "y", list(replace(a$y, 3, NA)))),
    list("shape", function(a) replace(a, "y", list(a$y[-1]))),
    list("shape", function(a) replace(a, "W", list(a$W[, -1, drop = FALSE][, -1, drop = FALSE]))),
    list("type", function(a) replace(a, "W", list("a"))),
    list("type", function(a) replace(a, "x", list(data.frame(a = letters[1:24], b = 1, c = 2)))),
    list("loss", function(a) replace(a, "loss", list("logit"))),
    list("penalty", function(a) c(a, lambda = -1)),
    list("penalty", function(a) c(a, lambda = 1, alpha = 2)),
    list("weights", function(a) c(a, weights = list(rep(-1, 24)))),
    list("shape", function(a) c(a, weights = list(1))),
    list("offset", function(a) c(a, offset = list(rep(Inf, 24)))))
  for (loss in linclass_losses()$name) for (sparse in c(FALSE, TRUE)) for (case in cases) {
    k <- if (loss == "softmax") 3L else 2L
    task <- rows_of_task(k)
    good <- list(W = matrix(seq(-1, 1, length.out = 4 * max(1, k * (k > 2))), ncol = 4),
                 x = if (sparse) methods::as(task$x, "CsparseMatrix") else task$x, y = task$y, loss = loss)
    for (f in some_of(functions)) {
      result <- need_untouched(case[[2L]](good), FALSE, loss, function(a) do.call(f, a))
      topic <- if (inherits(result$value, "linclass_error_no_hessian")) "no_hessian" else case[[1L]]
      for (one in strsplit(topic, "|", fixed = TRUE)[[1L]]) {
        if (inherits(result$value, paste0("linclass_error_", one))) topic <- one
      }
      need_refusal(result, topic, NULL, paste(loss, sparse, deparse1(case[[2L]])))
    }
    expect_no_faults()
  }
})

if (whole_table) cat(sprintf("\nconformance: %d calls refused, %d fitted or predicted\n", cells[1L], cells[2L]))
