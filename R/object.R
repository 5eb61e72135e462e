# The fitted object and its two ways to write coefficients.

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
  fit <- c(
    fit_head(problem, result, call, "linclass"),
    list(lambda = problem$lambda, objective = result$objective, loss_value = result$loss,
         null_loss = result$null_loss,
         bias_reduction = problem$bias_reduction, jeffreys = result$jeffreys, held = sum(problem$held),
         deviance = if (likelihood) 2 * result$weight_sum * result$loss else NA_real_,
         certificate = result$certificate, status = result$status, status_text = result$text,
         converged = result$status == "ok", iterations = result$iterations,
         passes = result$passes, solver = result$solver, reason = result$reason,
         solver_options = problem$solver$options, control = problem$control,
         history = shown_history(result$history),
         separation = guess_separation(result$separation, result$coefficients, problem),
         aliased = design$blueprint$names[result$aliased], mistakes = result$mistakes,
         condition = result$condition, vcov = result$vcov,
         model = kept_rows(design, problem$model)),
    fit_source(problem))
  fit <- as_counted(structure(fit, class = "linclass"), design$counted)
  if (problem$declared) fit$declared <- TRUE
  fit$descent <- result$descent
  fit <- without_aside(fit, design, result)
  # The response as glm() has it, for those who look for it there.
  if (!is.null(fit$model) && problem$coding == "vector") {
    fit$y <- if (is.null(design$rows)) design$codes else unname(row_shares(data_rows(fit))[, 2L])
  }
  fit
}

# Columns that only some fits have are left out of the others.
shown_history <- function(history) {
  history <- list2DF(history)
  own <- vapply(history[c("mistakes", "validation")], function(v) all(is.na(v)), NA)
  history[setdiff(names(history), names(own)[own])]
}

# A fit of single trials as one of rows of counts (likelihood_of_counts()).
as_counted <- function(fit, counted) {
  fit$counted <- counted
  if (!is.null(counted)) fit$deviance <- fit$deviance - counted$deviance
  fit
}

# The number of observations as glm() counts them: rows of positive weight, each with its weight as a prior one.
observations <- function(object) if (is.null(object$counted)) object$n else object$counted$rows

# Minus twice the log-likelihood of a mean loss.
deviance_of_loss <- function(object, loss) {
  2 * object$nobs * loss - (if (is.null(object$counted)) 0 else object$counted$deviance)
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
  list(home = new_home(design$home), blueprint = design$blueprint, terms = design$blueprint$terms,
       na.action = design$na_action, fingerprint = data_fingerprint(design), seconds = NA_real_,
       version = unname(getNamespaceVersion("linclass")))
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
