# The one .Call of a fit: settings become the numbers that C reads, its answer becomes
# coefficients as R shows them, and its status becomes conditions.

# vcov is kept in the fit up to this many coefficients.
max_vcov <- 256

# In which coordinates coefficients are fitted and shown. Without a penalty the two codings are the
# same model: the fit is done in the one without flat directions, unless the solver's path matters.
choose_coding <- function(problem, coding) {
  loss <- problem$loss
  ovr <- identical(coding, "ovr")
  if (ovr) check_ovr(problem)
  if (problem$k == 2L && loss$name != "softmax") {
    if (!is.null(coding) && !ovr) {
      abort("coding", sprintf(paste(
        "Two classes with loss \"%s\" have a single score and no coding. Use loss = \"softmax\"",
        "for a row for each class."), loss$name))
    }
    problem$coding <- problem$fit_coding <- "vector"
    return(problem)
  }
  default <- if (loss$name == "softmax" && problem$lambda == 0) "reference" else "symmetric"
  problem$coding <- if (is.null(coding)) default else coding
  problem$fit_coding <- problem$coding
  if (ovr) {
    problem$fit_coding <- "symmetric" # as many scores, which C fits one by one
    return(problem)
  }
  if (problem$lambda == 0 && is.null(problem$lower)) {
    if (is_descent(problem$solver)) {
      if (is.null(coding)) problem$fit_coding <- "symmetric"
    } else if (loss$smooth) {
      problem$fit_coding <- "reference"
    }
  }
  problem
}

n_scores <- function(k, coding) switch(coding, vector = 1L, reference = k - 1L, symmetric = k, ovr = k)

# One class against the rest is for losses that have a form for two classes and one for several.
check_ovr <- function(problem) {
  table <- loss_table()
  able <- table$vector_form & table$max_classes > 2L
  if (!problem$loss$name %in% table$name[able]) {
    why <- if (!problem$loss$probability) "" else paste(
      " Probabilities of fits of their own do not sum to 1, and those that are made to are of no likelihood:",
      "use loss = \"softmax\".")
    abort("coding", sprintf("coding = \"ovr\" is for the losses %s, not for \"%s\".%s",
                            enumerate(table$name[able], 20L), problem$loss$name, why))
  }
}

is_ovr <- function(x) identical(x$coding, "ovr")

# A chunk may lack a level of a factor, and with it a column.
check_no_term_gone <- function(of_start, terms) {
  gone <- setdiff(of_start, terms)
  if (!length(gone) || length(setdiff(terms, of_start))) return(invisible())
  abort("shape", sprintf(paste(
    "`start` has %s, for which these data have no column: a level without rows is dropped from a factor.",
    "Take rows of every level, or make the columns yourself (model.matrix()) and give x and y."),
    named("coefficient", gone, quote = "\"")))
}

# The start as B of the fit's coding, or NULL.
check_start <- function(start, problem) {
  if (is.null(start)) return(NULL)
  terms <- term_names(problem$design$blueprint)
  q <- length(terms)
  vector <- problem$coding == "vector"
  rows <- if (vector) 1L else unique(c(problem$k, n_scores(problem$k, problem$coding)))
  if (vector && is.numeric(start) && !is.matrix(start)) start <- matrix(start, 1L, dimnames = list(NULL, names(start)))
  if (is.matrix(start)) check_no_term_gone(colnames(start), terms)
  if (!is.matrix(start) || !is.numeric(start) || ncol(start) != q || !nrow(start) %in% rows) {
    abort("shape", sprintf(
      "`start` must be %s, as coef() has it.", if (vector) sprintf("%d numbers", q) else
        sprintf("a %s x %d matrix of numbers", paste(sort(rows), collapse = " or "), q)))
  }
  if (any(!is.finite(start))) abort("shape", "`start` has values that are missing or infinite.")
  if (!is.null(colnames(start))) {
    if (identical(colnames(start), terms)) {
      colnames(start) <- NULL # by place: names need not be unique
    } else if (anyDuplicated(terms)) {
      abort("names", sprintf("Several columns are named %s: give `start` without names.",
                             enumerate(unique(terms[duplicated(terms)]))))
    }
  }
  if (!is.null(colnames(start))) {
    if (!setequal(colnames(start), terms)) {
      abort("shape", sprintf("`start` is named %s and the terms are %s.",
                             enumerate(colnames(start)), enumerate(terms)))
    }
    start <- start[, terms, drop = FALSE]
  }
  from <- if (vector) "vector" else if (nrow(start) == problem$k) "symmetric" else "reference"
  if (problem$fit_coding == "reference" && from == "symmetric") start <- to_reference(start)
  if (problem$fit_coding == "symmetric" && from == "reference") {
    start <- rbind(matrix(0, 1L, ncol(start)), start)
  }
  start <- t(unname(start))
  storage.mode(start) <- "double"
  start
}

# What the penalty takes for the unit of each column: its standard deviation when columns are
# standardised. A constant column has a deviation of rounding errors only; it keeps the unit 1.
column_spread <- function(stats, standardize) {
  unit <- rep_len(1, length(stats$sd))
  spread <- standardize & stats$sd > 8 * .Machine$double.eps * stats$max_abs
  unit[spread] <- stats$sd[spread]
  unit
}

# Everything C reads besides the data. Standardising multiplies the factors of the penalty: a slope
# b of a column with standard deviation s is s b on the scaled column.
engine_spec <- function(problem) {
  stats <- problem$design$stats
  standardize <- problem$standardize && problem$lambda > 0
  factor <- rep_len(problem$penalty_factor, problem$p)
  list(loss = problem$loss$name, k = problem$k,
       coding = as.integer(problem$fit_coding == "reference"), ovr = is_ovr(problem),
       intercept = problem$intercept,
       lambda = as.double(problem$lambda), l1 = problem$alpha * factor,
       l2 = (1 - problem$alpha) * factor, grouped = problem$grouped, spread = column_spread(stats, standardize),
       lower = problem$lower, upper = problem$upper, start = problem$start, solver = problem$solver$name,
       options = problem$solver$options, control = unclass(problem$control),
       tolerance_given = !is.null(problem$control$tolerance), stats = stats,
       seed = draw_seed(problem$solver), progress = interactive(),
       covariance = wants_vcov(problem))
}

# Solvers that shuffle draw one seed from R's generator; the others leave it alone.
draw_seed <- function(solver) {
  if (solver$name == "auto" || !solver_row(solver$name)$random) return(0)
  floor(stats::runif(1) * 2^53)
}

wants_vcov <- function(problem) {
  size <- (problem$p + problem$intercept) * n_scores(problem$k, problem$fit_coding)
  problem$lambda == 0 && problem$loss$likelihood && is.null(problem$design$class_weights) &&
    is.null(problem$lower) && is.null(problem$held) && size > 0 && size <= max_vcov
}

engine_fit <- function(problem) {
  validation <- draw_validation(problem)
  design <- set_aside(problem$design, validation)
  on.exit(close_stream(design$x))
  if (!is.null(problem$cluster)) {
    design$x <- spread_rows(problem)
    on.exit(drop_shards(design$x$state), add = TRUE, after = FALSE)
  }
  here <- !is_shards(design$x)
  if (!here) {
    on.exit(settle(design$x$state), add = TRUE, after = FALSE)
    design$x <- connect(design$x, problem)
  }
  result <- .Call(lcr_fit, design$x, if (here) design$codes, if (here) design$fit_weights,
                  if (here) score_offset(design$offset, problem$k, problem$fit_coding),
                  c(engine_spec(problem), list(jeffreys = has_jeffreys(problem), held = problem$held,
                                             validation = validation, descent = problem$descent)))
  if (is.null(result$coefficients)) refuse_result(result)
  w <- t(result$coefficients)
  result$coefficients <- show_coefficients(w, result$aliased, problem)
  result$vcov <- fit_vcov(result, problem)
  result$validation <- validation
  result
}

refuse_result <- function(result) refuse_status(result$status, result$text)

# No result, or no whole one; C calls it too (lcr_check()).
refuse_status <- function(status, text) {
  if (status == "interrupted") signal_interrupt()
  topic <- switch(status, out_of_memory = "memory", nonfinite = "numeric",
                  unsupported = "solver", "internal")
  abort(topic, paste0("There is no result: ", text))
}

# Which terms, by place: names need not be unique.
is_aliased <- function(aliased, problem) {
  c(if (problem$intercept) FALSE, seq_len(problem$p) %in% seq_len(problem$p)[aliased])
}

# From the coding of the fit to the one that is shown, with names; NA for aliased columns.
show_coefficients <- function(w, aliased, problem) {
  terms <- term_names(problem$design$blueprint)
  gone <- is_aliased(aliased, problem)
  if (problem$coding == "vector") {
    w <- stats::setNames(as.vector(w), terms)
    w[gone] <- NA
    return(w)
  }
  if (problem$fit_coding == "symmetric" && problem$coding == "reference") w <- to_reference(w)
  if (problem$fit_coding == "reference" && problem$coding == "symmetric") w <- to_symmetric(w)
  if (problem$coding == "symmetric") {
    # Directions that neither the loss, nor the penalty, nor bounds see are fixed by a sum of zero.
    flat <- c(if (problem$intercept) TRUE,
              is.null(problem$lower) & problem$lambda * problem$penalty_factor == 0)
    w[, flat] <- centre_classes(w[, flat, drop = FALSE])
  }
  levels <- problem$design$levels
  dimnames(w) <- list(if (problem$coding == "reference") levels[-1L] else levels, terms)
  w[, gone] <- NA
  w
}

# The covariance that C gives (reference scores, without aliased columns) in the coding that is
# shown.
fit_vcov <- function(result, problem) {
  v <- result$covariance
  if (is.null(v)) return(NULL)
  terms <- term_names(problem$design$blueprint)
  shown <- terms[!is_aliased(result$aliased, problem)]
  if (problem$coding == "vector") {
    dimnames(v) <- list(shown, shown)
    return(v)
  }
  levels <- problem$design$levels
  if (problem$coding == "symmetric") {
    map <- kronecker(to_symmetric(diag(problem$k - 1L)), diag(length(shown)))
    v <- map %*% v %*% t(map)
  } else {
    levels <- levels[-1L]
  }
  names <- paste(rep(levels, each = length(shown)), shown, sep = ":")
  dimnames(v) <- list(names, names)
  v
}

# Scaled to a unit diagonal first, so that units of columns do not matter. NULL if singular.
invert_information <- function(h) {
  d <- sqrt(diag(h))
  if (!all(is.finite(d)) || any(d == 0)) return(NULL)
  root <- tryCatch(chol(h / tcrossprod(d)), error = function(e) NULL)
  if (is.null(root)) return(NULL)
  chol2inv(root) / tcrossprod(d)
}

# An interrupted fit behaves as any interrupt, and carries what there is (NULL: nothing).
signal_interrupt <- function(fit = NULL) {
  condition <- structure(class = c("linclass_interrupt", "interrupt", "condition"),
                         list(message = "The work was interrupted.", call = NULL, fit = fit))
  signalCondition(condition)
  invokeRestart("abort")
}

# One plain sentence for each thing that the user should know; the graver ones hide their
# consequences.
report_conditions <- function(fit) {
  if (fit$status == "diverged") {
    warn("diverged", paste(fit$status_text, "The best iterate is returned. Use a smaller rate, or",
                           "another solver."))
    return(invisible())
  }
  # Who goes on with other rows, be it one, looks for no optimum of these.
  continued <- !is.null(fit$descent) && fit$descent$epochs > fit$iterations
  underdetermined <- fit$lambda == 0 && fit$loss != "perceptron" && is.null(fit$lower) && !continued &&
    fit$n < fit$p + fit$intercept
  separated <- fit$separation$kind != "none"
  if (underdetermined) {
    warn("underdetermined", sprintf(paste(
      "There %s for %d coefficients of each score and no penalty, so the solution is not",
      "unique. Use lambda > 0."), if (fit$n == 1L) "is 1 row" else sprintf("are %d rows", fit$n),
      fit$p + fit$intercept))
  } else if (length(fit$aliased)) {
    warn("rank", sprintf(paste(
      "%s %s a linear combination of other columns: the coefficients are NA. Drop columns or use",
      "lambda > 0 with alpha < 1."), enumerate(fit$aliased),
      if (length(fit$aliased) > 1L) "are each" else "is"), columns = fit$aliased)
  }
  if (separated && !underdetermined) warn_separation(fit$separation)
  if (!separated && !underdetermined) warn_condition(fit)
  if (!separated) warn_convergence(fit)
  invisible()
}

warn_separation <- function(separation) {
  classes <- separation$classes
  columns <- separation$columns
  who <- if (!length(classes)) "Classes are" else
    sprintf(if (length(classes) == 1L) "Class %s is" else "Classes %s are", enumerate(classes, 10L))
  by <- if (length(columns)) {
    sprintf(if (length(columns) == 1L) "column %s" else "columns %s", enumerate(columns, 10L))
  } else if (separation$proved) "the intercept" else "the columns"
  after <- if (separation$proved) "summary() shows which of them are infinite." else
    "Their standard errors mean nothing; separation() decides which are infinite."
  warn("separation", sprintf(paste(
    "%s %s separated by %s, so that the likelihood has no finite maximum: the coefficients are",
    "those where the fit stopped. %s Use lambda > 0, or bias_reduction = \"firth\", for a finite solution."),
    who, if (separation$kind == "complete") "perfectly" else "in part", by, after),
    classes = classes, columns = columns)
}

warn_condition <- function(fit) {
  condition <- fit$condition
  if (fit$lambda > 0 || is.na(condition) || condition <= 1e6) return(invisible())
  warn("ill_conditioned", sprintf(paste(
    "The columns are nearly linearly dependent (condition number %.1g): some coefficients have",
    "few certain digits. Centre columns, drop some, or use lambda > 0."), condition),
    condition_number = condition)
}

perceptron_result <- function(fit) {
  options <- fit$solver_options
  if (!is.null(fit$validation)) return("those with the fewest mistakes in the rows that were set aside")
  if (isTRUE(options$pocket > 0)) return("those with the fewest mistakes after an epoch")
  if (isTRUE(options$average == 0)) "those of its last step" else "the average over its steps"
}

# A budget that the user set and that ran out is no trouble, but a perceptron that still makes
# mistakes is.
warn_convergence <- function(fit) {
  if (fit$loss == "perceptron") {
    if (is.na(fit$mistakes) || fit$mistakes == 0) return(invisible())
    warn("not_converged", sprintf(paste(
      "The perceptron has not converged: it still errs in %s. Unless the classes are linearly",
      "separable it never will; the coefficients are %s."), plural(fit$mistakes, "row"),
      perceptron_result(fit)))
  } else if (fit$status %in% c("max_iter", "time_limit", "stalled")) {
    warn("not_converged", sprintf(paste(
      "%s Its certificate is %s and the tolerance %s: raise max_iter or time_limit in",
      "linclass_control(), or try another solver."), fit$status_text,
      format(fit$certificate$relative, digits = 2L),
      format(fit$certificate$tolerance, digits = 2L)))
  }
}
