# The fitted object, its two ways to write coefficients, and the way back to its data.

term_names <- function(blueprint) {
  c(if (blueprint$intercept) "(Intercept)", blueprint$names)
}

# Coefficients of k classes (rows). Adding the same row to all changes no difference of scores:
# reference coding makes the first row zero and leaves it out, symmetric coding makes the rows sum
# to zero.
to_reference <- function(w) w[-1L, , drop = FALSE] - rep(w[1L, ], each = nrow(w) - 1L)

to_symmetric <- function(w) centre_classes(rbind(matrix(0, 1L, ncol(w)), w))

centre_classes <- function(w) w - rep(colMeans(w), each = nrow(w))

# coef() of one coding written in another: a matrix with a row for each class it shows.
reexpress <- function(coefficients, levels, from, to) {
  if (from == to) return(coefficients)
  w <- if (from == "vector") matrix(coefficients, 1L) else unname(coefficients)
  terms <- if (from == "vector") names(coefficients) else colnames(coefficients)
  if (from == "symmetric") {
    w <- if (to == "reference") to_reference(w) else w
  } else if (to == "symmetric") {
    w <- to_symmetric(w)
  }
  dimnames(w) <- list(if (to == "reference") levels[-1L] else levels, terms)
  w
}

new_linclass <- function(problem, result, call) {
  design <- problem$design
  likelihood <- problem$loss$likelihood
  certificate <- c(result$certificate,
                   tolerance = control_value(problem$control, "tolerance"))
  fit <- c(
    fit_head(problem, result, call, "linclass"),
    list(lambda = problem$lambda, objective = result$objective, loss_value = result$loss,
         null_loss = result$null_loss,
         deviance = if (likelihood) 2 * result$weight_sum * result$loss else NA_real_,
         certificate = certificate, status = result$status, status_text = result$text,
         converged = result$status == "ok", iterations = result$iterations,
         passes = result$passes, solver = result$solver, reason = result$reason,
         solver_options = problem$solver$options, control = problem$control,
         history = list2DF(result$history),
         separation = name_separation(result$separation, design$levels),
         aliased = design$blueprint$names[result$aliased], mistakes = result$mistakes,
         condition = result$condition, vcov = result$vcov,
         model = if (problem$model) kept_data(design)),
    fit_source(problem))
  structure(fit, class = "linclass")
}

# What fits and paths say of their model and the size of their data ...
fit_head <- function(problem, result, call, name) {
  design <- problem$design
  c(list(call = tidy_call(call, name), loss = problem$loss$name, k = problem$k,
         levels = design$levels, dropped_levels = design$dropped_levels, coding = problem$coding,
         coefficients = result$coefficients, intercept = problem$intercept),
    problem[c("alpha", "grouped", "penalty_factor", "standardize", "lower", "upper")],
    list(n = nrow(design$x), nobs = sum(design$totals), p = problem$p,
         class_weights = design$class_weights, class_totals = design$totals,
         has_weights = !is.null(design$weights)))
}

# ... and keep to find the data again and to read new ones.
fit_source <- function(problem) {
  design <- problem$design
  list(blueprint = design$blueprint, terms = design$blueprint$terms,
       na.action = design$na_action, fingerprint = data_fingerprint(design), seconds = NA_real_,
       version = unname(getNamespaceVersion("linclass")))
}

name_separation <- function(separation, levels) {
  separation$class_rows <- stats::setNames(separation$class_rows, levels)
  separation$classes <- levels[separation$class_rows > 0]
  separation
}

# The call names the function that the user called. One made by do.call() holds the data themselves;
# large values are replaced by a name that says what they were, so that printing and saving a fit
# stay small.
tidy_call <- function(call, name = "linclass") {
  call[[1L]] <- as.name(name)
  for (i in seq_along(call)[-1L]) {
    value <- call[[i]]
    if (inherits(value, "formula")) {
      attributes(value) <- NULL
      call[[i]] <- value
    } else if (!is.language(value) && (length(value) > 10L || utils::object.size(value) > 1000)) {
      call[[i]] <- as.name(sprintf("<%s>", class(value)[1L]))
    }
  }
  call
}

kept_data <- function(design) {
  design$blueprint <- NULL
  design[intersect(c("x", "y", "weights", "offset", "rows", "row_names"), names(design))]
}

# The data a fit was made from: list(x, y = list(codes, levels), weights, offset, rows, row_names).
# Rows of weight 0 are not among them; `rows` maps to the rows after na.action (NULL: all).
# data: for a formula a data frame; for matrices list(x, y, weights, offset). Else the call is
# evaluated again in env.
model_data <- function(object, data = NULL, env = parent.frame()) {
  if (is.null(data) && !is.null(object$model)) return(object$model)
  design <- tryCatch(
    suppress_linclass(resolve_design(collect_again(object, data, env), object$loss,
                                     object$class_weights)),
    error = function(e) {
      abort("data", paste0(
        "The training data are needed and cannot be had again: ", conditionMessage(e),
        " Give `data`, or fit with model = TRUE."), parent = e)
    })
  same <- same_fingerprint(data_fingerprint(design), object$fingerprint) &&
    identical(design$levels, object$levels)
  if (!same) {
    abort("data", paste(
      "The data are not those of the fit: they have changed since, or `data` is another set. Give",
      "the right `data`, or fit with model = TRUE."))
  }
  kept_data(design)
}

collect_again <- function(object, data, env) {
  call <- object$call
  if (object$blueprint$kind != "formula") {
    if (is.null(data)) {
      data <- lapply(as.list(call)[c("x", "y", "weights", "offset")], eval, env)
    }
    names(data)[!nzchar(names(data))] <- "none"
    return(design_from_xy(data$x, data$y, data$weights, data$offset, object$intercept))
  }
  # The formula's own constants and functions come first, then what the caller sees.
  home <- attr(object$terms, ".Environment")
  where <- list2env(as.list(home, all.names = TRUE), parent = env)
  formula <- stats::formula(object$terms)
  environment(formula) <- where
  if (is.null(data)) data <- eval(call$data, env)
  design_from_formula(formula, data, call, object$blueprint$contrasts, where, object$intercept,
                      object$blueprint$layout)
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
  if (is.matrix(x)) return(x)
  if (is(x, "dgCMatrix")) return(x@x)
  some <- x[unique(round(seq(1, nrow(x), length.out = 64L)))]
  unlist(lapply(unclass(some)$parts, `[`, c("code", "value")))
}

same_fingerprint <- function(a, b) {
  length(a) == length(b) && all(abs(a - b) <= 1e-10 * (1 + abs(a)))
}
