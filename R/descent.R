# What mini-batch descent has beside other solvers: rows that are set aside, classes that are declared ahead, and fits
# that go on where another stopped.

# Rows that are set aside, at the same share of each class: list(row, weight), or NULL.
draw_validation <- function(problem) {
  share <- problem$solver$options$validate
  if (is.null(share) || share == 0) return(NULL)
  design <- problem$design
  of_class <- split(seq_along(design$codes), design$codes)
  drawn <- lapply(of_class, function(rows) {
    rows[sample.int(length(rows), min(round(share * length(rows)), length(rows) - 1L))]
  })
  row <- sort(unlist(drawn, use.names = FALSE))
  if (!length(row)) {
    abort("solver", sprintf("validate = %g sets no row of %s aside: there are too few.", share,
                            plural(length(design$codes), "row")))
  }
  weight <- design$fit_weights
  list(row = row, weight = if (is.null(weight)) rep(1, length(row)) else weight[row])
}

# The design without the weight of these rows.
set_aside <- function(design, validation) {
  if (is.null(validation)) return(design)
  weight <- design$fit_weights
  if (is.null(weight)) weight <- rep(1, nrow(design$x))
  weight[validation$row] <- 0
  design$fit_weights <- weight
  design
}

# The fit of the other rows, and what it says of them: their numbers among the rows of the data, and the lowest loss.
without_aside <- function(fit, design, result) {
  aside <- result$validation$row
  if (is.null(aside)) return(fit)
  weights <- if (is.null(design$weights)) rep(1, length(aside)) else design$weights[aside]
  gone <- rowsum(weights, design$codes[aside])
  class <- as.integer(rownames(gone)) + 1L
  fit$class_totals[class] <- fit$class_totals[class] - gone
  fit$nobs <- sum(fit$class_totals)
  fit$n <- fit$n - length(aside)
  after <- if (nrow(fit$history) > 1L) fit$history$validation[-1L] else fit$history$validation
  fit$validation <- list(rows = if (is.null(design$rows)) aside else unique(design$rows[aside]), loss = min(after))
  fit
}

# Options that belong to one loss or one kind of fit.
check_descent_options <- function(solver, loss) {
  options <- solver$options
  own <- intersect(c("pocket", "margin"), names(options)[vapply(options, function(v) isTRUE(v > 0), NA)])
  if (length(own) && loss$name != "perceptron") {
    abort("solver", sprintf("Option `%s` of solver(\"minibatch\") is for loss = \"perceptron\".", own[1L]))
  }
  if (isTRUE(options$pocket > 0) && isTRUE(options$average > 0)) {
    abort("solver", "The pocket keeps one iterate and `average` a mean of them: give one of the two.")
  }
}

check_no_validation <- function(solver) {
  if (isTRUE(solver$options$validate > 0)) {
    abort("solver", paste("`validate` of solver(\"minibatch\") is for single fits: a path has no end of its own, and",
                          "cross-validation sets rows aside by its folds."))
  }
}

# ---- classes that are declared ahead ----

check_declared_classes <- function(classes) {
  if (is.null(classes)) return(NULL)
  if (is.factor(classes)) classes <- levels(classes)
  if (!is.atomic(classes) || length(classes) < 2L || anyNA(classes) || anyDuplicated(classes)) {
    abort("response", sprintf("`classes` must be the names of all classes, two or more, each once, not %s.",
                              describe_value(classes)))
  }
  as.character(classes)
}

# The response as a factor with these levels.
declare_classes <- function(y, classes) {
  if (is.null(classes) || is.null(y)) return(y)
  y <- flatten_response(y)
  if (!is.atomic(y)) return(y) # read_response() refuses it
  if (is.matrix(y)) abort("response", "A response of counts has a column for each class: give no `classes`.")
  names <- as.character(y)
  unknown <- setdiff(names[!is.na(names)], classes)
  if (length(unknown)) {
    abort("response", sprintf("The response has %s, which `classes` (%s) does not name.",
                              named("class", unknown, quote = "\""), enumerate(classes, 10L, "\"")))
  }
  factor(names, levels = classes)
}

# Declared classes without rows are for descent: other solvers would look for an optimum that is infinitely far.
check_absent <- function(response, solver) {
  absent <- response$levels[response$totals == 0]
  if (!length(absent) || is_descent(solver)) return(invisible())
  abort("response", sprintf(paste(
    "There are no rows of %s. Only the solvers %s take classes without rows, in `classes` or those of a fit in",
    "`start`."), named("class", absent, quote = "\""),
    enumerate(solver_table()$name[solver_table()$steps_as_given], quote = "\"")))
}

# ---- fits that go on ----

# The settings with the coefficients, classes and state of the fit in `start`.
settings_from_fit <- function(settings) {
  fit <- settings$start
  if (!inherits(fit, "linclass")) return(settings)
  check_object(fit, whole = TRUE)
  if (is_descent(settings$solver)) {
    if (is.null(settings$classes)) settings$classes <- fit$levels
    if (!identical(settings$classes, fit$levels)) {
      abort("response", sprintf("`classes` are %s, and those of the fit in `start` are %s.",
                                enumerate(settings$classes, 10L), enumerate(fit$levels, 10L)))
    }
  }
  settings$descent <- fit$descent
  settings$start <- replace(fit$coefficients, is.na(fit$coefficients), 0)
  settings$shape_of_start <- fit[c("loss", "coding")]
  settings
}

# A state fits coefficients of the same shape only.
kept_descent <- function(settings, problem) {
  same <- identical(unname(settings$shape_of_start), unname(list(problem$loss$name, problem$coding)))
  if (same && problem$solver$name != "auto" && solver_row(problem$solver$name)$random) settings$descent
}

# Does a changed call go on from the fit? With other data and mini-batches.
is_continued <- function(object, call, changed, home) {
  if (!inherits(object, "linclass") || !any(c("data", "x", "y") %in% changed) || "start" %in% changed) return(FALSE)
  if (is.null(call$solver)) return(FALSE)
  solver <- tryCatch(as_solver(eval(call$solver, home)), error = function(e) NULL)
  !is.null(solver) && solver$name != "auto" && solver_row(solver$name)$random
}
