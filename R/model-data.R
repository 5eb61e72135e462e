# The rows of a fit, found again in one place. A fit keeps them up to a size: the model frame of a
# formula, or x, y, weights and offset as they were given. Else its call is evaluated again and a
# fingerprint compared. All rows are among them that na.action left, those of weight 0 too, as in
# glm(). Three views follow from the rows: fit_rows(), what is kept; training_data(), what C fitted
# (rows of weight 0 gone, counts written as weighted rows of one class); data_rows(), columns and
# response of every row.

# Megabytes up to which model = NA keeps the data.
keep_limit <- 64

kept_rows <- function(design, model) {
  rows <- design$given
  if (is.na(model)) model <- as.numeric(utils::object.size(rows)) <= keep_limit * 2^20
  if (model) rows
}

# Where the call can be evaluated again: `caller`, where linclass() was called, and `formula`, where
# the formula was made. They are held weakly: a saved fit does not drag them along.
new_home <- function(environments) {
  key <- new.env(parent = emptyenv())
  c(list(key = key), lapply(environments, function(env) .Call(lcr_weak, key, env)))
}

call_home <- function(object, which = "caller") {
  reference <- object$home[[which]]
  env <- if (!is.null(reference)) .Call(lcr_weak_value, reference)
  if (is.null(env)) globalenv() else env
}

is_by_formula <- function(object) object$blueprint$kind == "formula"

# What the fit keeps, or would keep. data: NULL, or for a formula a data frame, else a list of x, y,
# weights and offset.
fit_rows <- function(object, data = NULL) {
  kept <- if (is.null(data)) kept_by(object)
  if (is.null(kept)) found_design(object, data)$given else kept
}

# Version 0.1.0 kept codes of the classes and no frame.
kept_by <- function(object) {
  kept <- object$model
  if (is.list(kept$y) && !is.null(kept$y$codes)) {
    kept$y <- factor(kept$y$levels[kept$y$codes + 1L], kept$y$levels)
  }
  kept
}

# What C fitted: list(x, y = list(codes, levels), weights, offset, rows, row_names, term). `rows` maps
# to the rows of fit_rows() (NULL: all, in order); `term` is the number of the term of each column.
training_data <- function(object, data = NULL) {
  kept <- if (is.null(data)) kept_by(object)
  design <- if (is.null(kept)) found_design(object, data) else
    resolve_again(object, design_of_rows(object, kept))
  design[intersect(c("x", "y", "weights", "offset", "rows", "row_names", "term"), names(design))]
}

# Codes as the fit had them. Where its classes were declared, rows may lack some.
resolve_again <- function(object, design) {
  declared <- if (isTRUE(object$declared)) object$levels
  design$y <- declare_classes(design$y, declared)
  suppress_linclass(resolve_design(design, object$loss, object$class_weights,
                                   if (!is.null(declared)) solver("minibatch")))
}

# The design of the fit from data that were given or are found again, with its fingerprint checked.
found_design <- function(object, data) {
  design <- tryCatch(
    resolve_again(object, collect_again(object, data)),
    error = function(e) {
      abort("data", paste0(
        "The training data are needed and cannot be found again: ", conditionMessage(e),
        " Give `data`, or fit with model = TRUE."), parent = e)
    })
  same <- same_fingerprint(data_fingerprint(design), object$fingerprint) &&
    identical(design$levels, object$levels)
  if (!same) {
    abort("data", paste(
      "The data are not those of the fit: they have changed since, or `data` is another set. Give",
      "the right `data`, or fit with model = TRUE."))
  }
  design
}

collect_again <- function(object, data) {
  call <- object$call
  caller <- call_home(object)
  given <- if (is_by_formula(object) && !is.null(call$data)) call$data else call$x
  found <- if (is.null(data)) eval(given, caller) else data
  if (is_source(found)) {
    abort("source", "The rows of the fit come in blocks and are not held in memory: predict(fit, source) reads them.")
  }
  if (is_row_shards(found)) abort("shards", "The rows of the fit stay with the workers and are not here.")
  if (!is_by_formula(object)) {
    if (is.null(data)) {
      data <- lapply(as.list(call)[c("x", "y", "weights", "offset")], eval, caller)
    }
    names(data)[!nzchar(names(data))] <- "none"
    return(design_from_xy(data$x, data$y, data$weights, data$offset, object$intercept))
  }
  if (is.null(data)) data <- eval(call$data, caller)
  # The formula's own constants and functions come first, then what was seen where it was made.
  formula <- stats::formula(object$terms)
  environment(formula) <- formula_home(object)
  design_from_formula(formula, data, call, object$blueprint$contrasts, caller, object$intercept,
                      object$blueprint$layout)
}

# The functions and constants that the formula names, then whatever sees the data.
formula_home <- function(object, parent = call_home(object, "formula")) {
  list2env(as.list(environment(object$terms), all.names = TRUE), parent = parent)
}

# Rows as an unresolved design of the model.
design_of_rows <- function(object, rows) {
  if (!is_by_formula(object) || !is.data.frame(rows) || is.null(attr(rows, "terms"))) {
    design <- design_from_xy(rows$x, rows$y, rows$weights, rows$offset, object$intercept)
    design$blueprint$names <- object$blueprint$names
    return(design)
  }
  design_of_formula(object, object$terms, rows, object$blueprint$layout)
}

# The design of another formula on rows that hold its variables.
design_of_formula <- function(object, formula, rows, layout = NULL) {
  contrasts <- object$blueprint$contrasts
  design_from_formula(formula, as_data(object, rows), object$call,
                      contrasts[names(contrasts) %in% names(rows)], environment(object$terms),
                      object$intercept, layout)
}

# Rows that stand for the data of a formula: their columns are the variables of the model, whose
# text is not evaluated again. `variables`: what newdata brings, and what it means, by name.
as_data <- function(object, rows) {
  blueprint <- object$blueprint
  kinds <- if (is.null(blueprint$kinds)) rep("plain values", length(blueprint$variables)) else blueprint$kinds
  known <- c(attr(rows, "variables"), stats::setNames(kinds, blueprint$variables))
  structure(rows, class = c("linclass_rows", "data.frame"), expression = object$call$data,
            variables = known[!duplicated(names(known))],
            home = list(caller = call_home(object), formula = call_home(object, "formula")))
}

# Rows as model.frame() has them: without levels that do not occur.
shown_rows <- function(frame) {
  unused <- vapply(frame, function(v) is.factor(v) && any(tabulate(v, nlevels(v)) == 0L), NA)
  frame[unused] <- lapply(unclass(frame)[unused], drop_unused)
  frame
}

is_rows <- function(data) inherits(data, "linclass_rows")

plain_rows <- function(rows) {
  structure(rows, class = "data.frame", expression = NULL, home = NULL)
}

# The model frame of terms from rows: variables that the rows have are taken as they are, a function of
# plain columns is evaluated.
frame_of_rows <- function(terms, rows, extras = c("(weights)", "(offset)")) {
  variables <- attr(terms, "variables")
  labels <- variable_names(variables)
  columns <- lapply(seq_along(labels), function(i) {
    if (labels[i] %in% names(rows)) rows[[labels[i]]] else
      eval(variables[[i + 1L]], unclass(rows), environment(terms))
  })
  extras <- intersect(extras, names(rows))
  structure(c(columns, unclass(rows)[extras]), names = c(labels, extras),
            row.names = attr(rows, "row.names"), class = "data.frame",
            terms = remember_columns(terms, columns), na.action = attr(rows, "na.action"))
}

# Columns, offset, response and weights of every row, in the order of the model frame: list(x, term (of
# each column), offset, codes (from 0 on; NA: a class that the fit does not have), counts (rows x classes) or
# NULL, weights or NULL, names).
data_rows <- function(object, data = NULL) {
  rows <- fit_rows(object, data)
  if (is_by_formula(object) && is.data.frame(rows)) {
    terms <- object$blueprint$terms
    frame <- frame_of_rows(terms, rows)
    baked <- bake_frame(object$blueprint, frame_of_rows(without_response(terms), rows, NULL), novel = "na")
    rows <- list(x = baked$x, term = baked$term, offset = frame_offset(frame, terms),
                 y = frame[[attr(terms, "response")]], weights = frame[["(weights)"]])
  }
  x <- as_numbers_or_codes(rows$x)
  offset <- predicted_offset(rows$offset, length(object$levels))
  term <- if (is.null(rows$term)) seq_len(ncol(x)) else rows$term
  c(list(x = x, term = term, offset = offset, weights = rows$weights, names = rownames(x)),
    row_classes(rows$y, object))
}

as_numbers_or_codes <- function(x) if (inherits(x, "linclass_codes")) x else as_known_numbers(x, "type")

row_classes <- function(y, object) {
  y <- flatten_response(y)
  if (is.matrix(y)) {
    response <- suppress_linclass(read_response(y, "auto"))
    return(list(codes = NULL, counts = response$counts[, match(object$levels, response$levels)]))
  }
  # Values are compared once each, not row by row.
  values <- if (is.factor(y)) levels(y) else unique(y)
  code <- match(as.character(values), object$levels) - 1L
  list(codes = code[if (is.factor(y)) as.integer(y) else match(y, values)], counts = NULL)
}

# Of each row the share of each class: 0 and 1, or shares of its counts.
row_shares <- function(rows) {
  if (!is.null(rows$counts)) return(rows$counts / rowSums(rows$counts))
  classes <- max(rows$codes, 1L, na.rm = TRUE) + 1L
  outer(rows$codes, seq_len(classes) - 1L, `==`) + 0
}

# The weight of each row: the case weight times the trials of counts.
row_totals <- function(rows) {
  weights <- if (is.null(rows$weights)) rep(1, nrow(rows$x)) else as.double(rows$weights)
  if (is.null(rows$counts)) weights else weights * rowSums(rows$counts)
}

suppress_linclass <- function(expr) {
  withCallingHandlers(
    expr,
    linclass_warning = function(w) invokeRestart("muffleWarning"),
    linclass_message = function(m) invokeRestart("muffleMessage"))
}

# A few numbers that change when the data do: sizes, class weights, column statistics, and a sample
# of the entries of x and of the order of y. asinh() keeps columns of any scale in view.
data_fingerprint <- function(design) {
  p <- length(design$stats$mean)
  wave <- cos(seq_len(p))
  values <- stored_numbers(design$x)
  sampled <- if (length(values)) unique(round(seq(1, length(values), length.out = 64L)))
  sample <- asinh(as.double(values[sampled]))
  weights <- if (is.null(design$weights)) 1 else design$weights / max(design$weights)
  c(n = nrow(design$x), p = p, totals = design$totals,
    mean = sum(wave * asinh(design$stats$mean)), sd = sum(wave * asinh(design$stats$sd)),
    sample = sum(sample * cos(seq_along(sample))),
    order = ordered_sum(weights * (design$codes + 1)),
    offset = if (is.null(design$offset)) 0 else ordered_sum(design$offset))
}

# A sum that tells the order of its terms. The wave is repeated: a cosine a row would take a tenth of a fit.
ordered_sum <- function(v) sum(v * rep_len(cos(seq_len(1021L)), length(v)))

stored_numbers <- function(x) {
  if (is_elsewhere(x)) return(numeric())
  if (is.matrix(x)) return(x)
  if (is(x, "dgCMatrix")) return(x@x)
  some <- x[unique(round(seq(1, nrow(x), length.out = 64L)))]
  unlist(lapply(unclass(some)$parts, `[`, c("code", "value")))
}

same_fingerprint <- function(a, b) {
  length(a) == length(b) && all(abs(a - b) <= 1e-10 * (1 + abs(a)))
}
