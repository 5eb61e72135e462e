# From shards to a design, and from a design in memory to shards. The x of such a design is a handle of class
# "linclass_shards" (src/r/shards.c says what C reads of it): dim, names, the weight of the rows of each class, and the
# host that C asks for sums.

is_shards <- function(x) inherits(x, "linclass_shards")

# Do the rows stay somewhere else than in R's memory?
is_elsewhere <- function(x) is_stream(x) || is_shards(x)

# resolve: what the workers are told when the classes are known, for a design that is not there yet. counted: what they
# answered when it was.
new_handle <- function(shards, names, resolve = NULL, counted = NULL) {
  part <- function(name) lapply(counted, `[[`, name)
  structure(list(dim = as.double(c(sum(shards$used), length(names))), names = names, state = shards,
                 class_weights = Reduce(`+`, part("totals")), dense = all(unlist(part("dense"))), resolve = resolve),
            class = "linclass_shards")
}

#' @export
dim.linclass_shards <- function(x) x$dim

#' @export
dimnames.linclass_shards <- function(x) list(NULL, x$names)

#' @export
`[.linclass_shards` <- function(x, i, j, drop = FALSE) {
  abort("shards", "This needs rows or columns by number, and the rows stay with the workers: only sums are possible.")
}

# ---- designs of shards ----------------------------------------------------------------------------------------------

# A sketch of each shard, a few of its rows, takes the place of a block in what a source's first pass does.
design_from_row_shards <- function(formula, rows, call, contrasts, env, intercept) {
  shards <- rows$state
  on.exit(settle(shards))
  if (shards$kind != "frame") abort("shards", "A formula needs shards that are data frames.")
  formula <- as_formula(formula, env)
  expressions <- c(list(formula), as.list(call)[intersect(c("weights", "offset", "subset"), names(call))])
  home <- carried(expressions, environment(formula), env, shards$names)
  sent <- formula
  environment(sent) <- home
  given <- as.call(c(list(call[[1L]]), as.list(call)[intersect(c("weights", "offset", "subset"), names(call))]))
  na_action <- eval(call$na.action, env)
  sketches <- ask_shards(shards, "sketch", list(sketch = sketch_frame, formula = sent, call = given, env = home,
                                                na_action = na_action))
  source <- new_source("frame", function() pieces_of(length(sketches), 1, function(s) sketches[[s]]), "shards")
  found <- source_model(sent, source, call, contrasts, home, intercept)
  common <- list(model = c(found$model[c("terms", "needed", "na_action")], list(call = given, env = home)),
                 blueprint = found$blueprint)
  resolve <- function(levels) log_task(shards, "code", c(common, list(levels = levels)))
  list(x = new_handle(shards, found$blueprint$names, resolve), y = found$first$y, weights = found$first$weights,
       offset = found$first$offset, blueprint = found$blueprint,
       home = list(caller = env, formula = environment(formula)), term = term_of_columns(found$columns))
}

# What the expressions name between `from` and the packages, but columns of the data.
carried <- function(expressions, from, caller, columns) {
  home <- new.env(parent = globalenv())
  for (name in setdiff(unlist(lapply(expressions, all.names)), columns)) {
    for (env in list(from, caller)) {
      place <- home_of(name, env)
      if (is.null(place) || is_package(place)) next
      assign(name, get(name, envir = place), home)
      break
    }
  }
  home
}

design_from_shard_numbers <- function(rows, intercept) {
  shards <- rows$state
  on.exit(settle(shards))
  if (shards$kind != "xy") {
    abort("shards", "The shards are data frames: give a formula, linclass(y ~ ., shards).")
  }
  sketches <- ask_shards(shards, "sketch", list(sketch = sketch_numbers))
  first <- sketches[[1L]]
  for (name in c("p", "sparse", "weights", "offset")) {
    same <- vapply(sketches, function(s) identical(s[[name]], first[[name]]), NA)
    if (!all(same)) abort("shards", sprintf("Shard %d differs from the first in %s.", which(!same)[1L], c(
      p = "its number of columns", sparse = "being sparse or not", weights = "having weights or not",
      offset = "having an offset or not")[[name]]))
  }
  y <- collector()
  for (s in seq_along(sketches)) y$add(sketches[[s]]$y, "The response", list(block = s, rows = 0))
  names <- check_column_names(first$names, first$p, intercept)
  blueprint <- list(kind = "matrix", terms = NULL, xlevels = NULL, contrasts = NULL, intercept = intercept,
                    offset = if (first$offset) "argument" else "none", named = !is.null(first$names), names = names)
  resolve <- function(levels) log_task(shards, "code", list(first = first[c("names", "p", "sparse")], levels = levels))
  list(x = new_handle(shards, names, resolve), y = collect_response(y, response_kind(first$y), NULL),
       weights = if (first$weights) 1, offset = if (first$offset) 0, blueprint = blueprint, term = seq_len(first$p))
}

# As resolve_design(): the response of the sketches has all the levels, workers count their weights.
resolve_shards <- function(design, loss, class_weights) {
  shards <- design$x$state
  on.exit(settle(shards))
  response <- drop_empty_levels(read_response(design$y, loss), NULL)
  levels <- response$levels
  design$levels <- levels
  design$dropped_levels <- response$dropped
  counted <- design$x$resolve(levels)
  design$totals <- Reduce(`+`, lapply(counted, `[[`, "totals"))
  if (!sum(shards$used)) abort("no_rows", "The shards have no rows, or none is left without missing values.")
  design$class_weights <- check_class_weights(class_weights, levels, design$totals)
  weighed <- log_task(shards, "weigh", list(class_weights = unname(design$class_weights), k = length(levels)))
  totals <- lapply(weighed, `[[`, "totals")
  design$stats <- check_column_stats(join_stats(lapply(weighed, `[[`, "stats"), vapply(totals, sum, 1)),
                                     design$blueprint$names)
  design$omitted <- sum(unlist(lapply(counted, `[[`, "omitted")))
  design$x <- new_handle(shards, design$blueprint$names, NULL, weighed)
  design$y <- list(codes = NULL, levels = levels)
  design["codes"] <- list(NULL)
  design$weights <- if (!is.null(design$weights)) 1 # there are some
  design$offset <- if (!is.null(design$offset)) 0
  design$fit_weights <- NULL
  design
}

# Statistics of all rows from those of the shards, whose weights are w.
join_stats <- function(parts, w) {
  full <- w > 0
  part <- function(name) do.call(cbind, lapply(parts[full], `[[`, name))
  w <- w[full] / sum(w)
  mean <- drop(part("mean") %*% w)
  variance <- drop((part("sd")^2 + (part("mean") - mean)^2) %*% w)
  count <- function(name) rowSums(part(name))
  list(mean = mean, sd = sqrt(variance), max_abs = apply(part("max_abs"), 1L, max), n_na = count("n_na"),
       n_nan = count("n_nan"), n_inf = count("n_inf"))
}

# ---- designs in memory ----------------------------------------------------------------------------------------------

# The rows of a problem, sent to the workers of its cluster in shards of consecutive rows: by default as many as there
# are workers, at least 16, so that the bits of a fit do not depend on a few more.
spread_rows <- function(problem) {
  design <- problem$design
  n <- nrow(design$x)
  least <- 16L
  shards <- new_shards(problem$cluster, min(n, max(least, length(problem$cluster))), 600, "reload", NULL)
  ends <- round(n * seq(0, 1, length.out = shards$count + 1L))
  own <- function(s) {
    at <- seq(ends[s] + 1, ends[s + 1L])
    list(x = design$x[at, , drop = FALSE], codes = design$codes[at],
         weights = if (!is.null(design$fit_weights)) design$fit_weights[at],
         offset = if (!is.null(design$offset)) take_rows(design$offset, at))
  }
  put <- tryCatch(log_task(shards, "put", list(k = problem$k), own), error = function(e) {
    drop_shards(shards)
    stop(e)
  })
  new_handle(shards, design$blueprint$names, NULL, put)
}

# ---- a fit ----------------------------------------------------------------------------------------------------------

# What C asks while a problem is fitted.
connect <- function(handle, problem) {
  shards <- handle$state
  shards$fit <- new_name()
  shards$iteration <- NA_real_
  shards$last <- NULL
  fixed <- list(loss = problem$loss$name, k = problem$k, coding = as.integer(problem$fit_coding == "reference"),
                fit_coding = problem$fit_coding, intercept = problem$intercept)
  tasks <- list(
    sums = function(value) Reduce(`+`, ask_shards(shards, "sums", c(value, fixed))),
    stands = function(value) {
      shards$iteration <- value$iteration
      shards$last <- show_coefficients(t(value$B), logical(problem$p), problem)
      if (!is.null(shards$checkpoint)) write_checkpoint(shards$last, shards$checkpoint)
      0
    })
  # The fit ends as it does for an interrupt of its own.
  handle$noffset <- if (is.null(problem$design$offset)) 0 else n_scores(problem$k, problem$fit_coding)
  handle$host <- function(what, value) tryCatch(tasks[[what]](value), interrupt = function(e) "interrupted")
  handle
}

# A file is there whole or not at all.
write_checkpoint <- function(coefficients, path) {
  part <- paste0(path, ".part")
  saveRDS(coefficients, part)
  file.rename(part, path)
}

# Solvers and settings that need more than sums.
check_shards <- function(problem) {
  if (!is_shards(problem$design$x) && is.null(problem$cluster)) return(invisible())
  able <- c("auto", "newton", "lbfgs", "gradient_descent")
  wrong <- if (is_ovr(problem)) "coding = \"ovr\"" else if (has_jeffreys(problem)) "bias_reduction = \"firth\"" else
    if (!is.null(problem$held)) "coefficients that are held" else
      if (!problem$loss$smooth && !problem$loss$smoothed) sprintf("loss = \"%s\"", problem$loss$name)
  if (!is.null(wrong)) abort("shards", sprintf("A fit on the workers of a cluster takes no %s.", wrong))
  if (!problem$solver$name %in% able) {
    abort("solver", sprintf("Solver \"%s\" needs rows or columns, and workers give sums: use %s.", problem$solver$name,
                            choices(able)))
  }
  if (problem$lambda == 0 && nrow(problem$design$x) <= problem$p + problem$intercept) {
    abort("shards", "With more columns than rows a fit on the workers of a cluster needs lambda > 0.")
  }
}

# Files are shards that the workers read.
source_shards <- function(data, settings) {
  if (!is_source(data) || is.null(settings$cluster)) return(data)
  if (is.null(data$parts)) {
    abort("source", sprintf("%s is read in one order here: give row_shards(), which says what each worker reads.",
                            to_upper(data$title)))
  }
  row_shards(settings$cluster, data$parts$files, data$parts$read)
}
