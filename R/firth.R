# Bias reduction by Jeffreys' penalty (Firth 1993), and fits in which some coefficients are held: what tests and
# intervals by the (penalised) likelihood are made of.

bias_reductions <- c("none", "firth")

has_jeffreys <- function(object) identical(object$bias_reduction, "firth")

# The same settings without the penalty.
plain_likelihood <- function(object) {
  object$bias_reduction <- "none"
  object
}

check_bias_reduction <- function(value) {
  if (is.character(value) && length(value) == 1L && value %in% bias_reductions) return(invisible())
  abort("argument", sprintf("`bias_reduction` must be %s, not %s.",
                            paste(dQuote(bias_reductions, FALSE), collapse = " or "), describe_value(value)))
}

# Coefficients whose information matrix is factored in well under a second.
max_firth <- 1500

check_firth <- function(problem) {
  if (!has_jeffreys(problem)) return(invisible())
  what <- "bias_reduction = \"firth\""
  if (!problem$loss$likelihood) {
    abort("no_likelihood", sprintf("%s corrects maximum likelihood, and loss \"%s\" has no likelihood.", what,
                                   problem$loss$name))
  }
  if (problem$lambda > 0) {
    abort("penalty", sprintf("%s is a penalty of its own: use it with lambda = 0.", what))
  }
  if (!is.null(problem$lower)) {
    abort("bounds", sprintf("%s takes no bounds.", what))
  }
  if (problem$solver$name != "auto") {
    abort("solver", sprintf("%s has a solver of its own: leave `solver` at \"auto\", not \"%s\".", what,
                            problem$solver$name))
  }
  size <- (min(problem$p, nrow(problem$design$x)) + problem$intercept) * n_scores(problem$k, problem$fit_coding)
  if (size > max_firth) {
    abort("penalty", sprintf("%s needs the information matrix of all coefficients, and takes %d of them, not %s.",
                             what, max_firth, format(size)))
  }
}

# What is compared in likelihood ratio tests: minus twice the log-likelihood, penalised or not.
lack_of_fit <- function(object) object$deviance - 2 * sum(object$jeffreys)

# The fit with coefficients held: `held` in the shape of coef(object), NA where a coefficient is free. design: what C
# fitted. Jeffreys' penalty keeps the information of all coefficients, so that fits with more and with fewer of them
# held are nested and units do not matter.
refit_held <- function(object, design, held, start = object$coefficients) {
  if (object$coding == "symmetric") { # what is held are whole terms, 0 in any coding
    object$coefficients <- reexpress(object$coefficients, object$levels, "symmetric", "reference")
    object$coding <- "reference"
    start <- object$coefficients
    held <- held[-1L, , drop = FALSE]
  }
  W <- class_rows(object, object$coefficients)
  held <- class_rows(object, held)
  kept <- which(colSums(is.na(W)) == 0)
  start <- replace(class_rows(object, start), !is.na(held), held[!is.na(held)])[, kept, drop = FALSE]
  slopes <- if (object$intercept) setdiff(kept, 1L) - 1L else kept
  mask <- t(unname(!is.na(held[, kept, drop = FALSE]))) + 0
  again <- refit_columns(object, design, slopes, held = mask, start = unname(start))
  if (has_jeffreys(object)) warn_convergence(again)
  again
}

# The fit without the columns that `gone` marks: fitted to the others, or with their coefficients held at 0 where
# Jeffreys' penalty asks for them.
without_columns <- function(object, design, gone) {
  if (!has_jeffreys(object)) return(refit_columns(object, design, which(!gone)))
  held <- class_rows(object, object$coefficients)
  held[] <- NA_real_
  held[, object$intercept + which(gone)] <- 0
  refit_held(object, design, held)
}

# The same in the columns of a larger fit of the same kind: columns that the smaller ones lack are held at 0.
embed_fits <- function(fits, data = NULL) {
  if (!any(vapply(fits, has_jeffreys, NA))) return(fits)
  kind <- function(fit) list(has_jeffreys(fit), fit$loss, fit$coding)
  if (length(unique(lapply(fits, kind))) > 1L) {
    abort("no_likelihood", paste("Fits with and without bias reduction, or of other losses, maximise different",
                                 "functions and do not compare."))
  }
  size <- vapply(fits, function(fit) sum(!is.na(fit$coefficients)), 1)
  largest <- fits[[which.max(size)]]
  design <- training_data(largest, data)
  names <- stats::variable.names(largest)
  lapply(fits, function(fit) {
    own <- stats::variable.names(fit)
    if (!all(own %in% names) || anyDuplicated(names)) {
      abort("argument", sprintf(paste(
        "Penalised likelihoods compare in the columns of the largest fit, which lacks %s."),
        enumerate(if (all(own %in% names)) "names of its own" else setdiff(own, names))))
    }
    gone <- !names %in% own
    if (largest$intercept && gone[1L]) {
      abort("argument", "Penalised likelihoods compare fits that all have an intercept, or none.")
    }
    if (any(gone)) without_columns(largest, design, if (largest$intercept) gone[-1L] else gone) else fit
  })
}

# The rise of the penalised likelihood over that of intercepts alone, which has no units.
ratio_to_null <- function(object, data = NULL) {
  null <- without_columns(object, training_data(object, data), rep(TRUE, object$p))
  lack_of_fit(null) - lack_of_fit(object)
}
