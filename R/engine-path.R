# The one .Call of a path and of its cross-validation, and what it says to the user.

# A point of a path is done when its relative gap is below this, unless linclass_control() says
# otherwise: a path has many points, and its end is rarely the one that is used.
path_tolerance <- 1e-8

# holdout: NULL, or an integer matrix with a row for each row of the fit and a column for each
# repeat: the fold that holds the row out.
engine_path <- function(problem, holdout = NULL) {
  result <- call_path(path_task(problem), holdout)
  if (is.null(result$coefficients)) refuse_result(result)
  if (result$status == "ok" && !length(result$lambda)) {
    abort("penalty", paste(
      "No penalised slope leaves 0 at any `lambda` (columns are constant, do not go with the",
      "response, or bounds hold them), so there is no sequence of `lambda`: give `lambda`."))
  }
  if (!length(result$lambda)) {
    if (result$status == "interrupted") signal_interrupt()
    abort("control", paste("The path ended before its first point:", result$text))
  }
  result$asked <- if (is.null(problem$lambdas)) problem$nlambda else length(problem$lambdas)
  if (!is.null(holdout)) {
    result$scores <- fold_scores(result, nrow(problem$design$x), result$asked)
  }
  result$coefficients <- path_coefficients(result, problem)
  result
}

# All that C reads of a path, but the folds.
path_task <- function(problem) {
  design <- problem$design
  spec <- c(engine_spec(problem), problem[c("lambdas", "nlambda", "min_ratio")])
  if (!spec$tolerance_given) spec$control$tolerance <- path_tolerance
  list(x = design$x, codes = design$codes, weights = design$fit_weights,
       offset = score_offset(design$offset, problem$k, problem$fit_coding), spec = spec)
}

call_path <- function(task, holdout) {
  on.exit(close_stream(task$x))
  .Call(lcr_path, task$x, task$codes, task$weights, task$offset, c(task$spec, list(holdout = holdout)))
}

# rows x score columns x lambda x repeats; lambdas that were not reached are left out.
fold_scores <- function(result, n, asked) {
  K <- length(result$coefficients)
  scores <- array(result$scores, c(n, K, asked, length(result$scores) / (n * K * asked)))
  done <- length(result$lambda)
  if (done < asked) scores[, , seq_len(done), , drop = FALSE] else scores
}

# What C gives, K sparse matrices with a row for each term and a column for each lambda, in the
# coding that is shown. Symmetric intercepts sum to zero already (lc_centre_intercepts()).
path_coefficients <- function(result, problem) {
  terms <- term_names(problem$design$blueprint)
  shape <- c(length(terms), length(result$lambda))
  columns <- lambda_labels(result$lambda)
  W <- lapply(result$coefficients, function(m) {
    w <- no_coefficients # slots one by one: new() takes a tenth of a small path
    w@Dim <- shape
    w@Dimnames <- list(terms, columns)
    w@i <- m$i
    w@p <- m$p
    w@x <- m$x
    w
  })
  if (!is_ovr(problem)) W <- recode_path(W, problem$fit_coding, problem$coding)
  stats::setNames(W, shown_classes(problem$design$levels, problem$coding))
}

no_coefficients <- methods::new("dgCMatrix")

# Names of the rows (or score columns) of a coding.
shown_classes <- function(levels, coding) {
  switch(coding, vector = levels[2L], reference = levels[-1L], symmetric = levels, ovr = levels)
}

lambda_labels <- function(lambda) formatC(lambda, digits = 4L, format = "g", width = 1L)

# A list of K matrices in another coding; unnamed.
recode_path <- function(W, from, to) {
  if (from == to) return(W)
  if (from == "symmetric") return(lapply(W[-1L], `-`, W[[1L]]))
  W <- c(list(0 * W[[1L]]), W)
  mean <- Matrix::drop0(Reduce(`+`, W) / length(W))
  lapply(W, function(w) w - mean)
}

# One warning for a path that did not get to its end, one for points that missed the tolerance.
report_path <- function(path, folds = list(folds_missed = 0)) {
  asked <- path$asked
  done <- length(path$lambda)
  if (done < asked) {
    warn("incomplete", sprintf(paste(
      "The path stopped after %d of %s (lambda = %s): %s. Raise time_limit in linclass_control(),",
      "or ask for fewer points."), done, plural(asked, "point"),
      format(path$lambda[done], digits = 4L), sub("\\.$", "", path$status_text)))
  }
  if (path$separated) {
    warn("separation", paste(
      "At lambda = 0 classes are separated by the features, so that the likelihood has no finite",
      "maximum: the coefficients are those where the fit stopped. End the path at lambda > 0."))
  }
  bad <- !path$points$met
  if (any(bad) || folds$folds_missed) {
    worst <- suppressWarnings(max(path$points$relative[bad], folds$fold_relative, na.rm = TRUE))
    missed <- c(if (any(bad)) paste(plural(sum(bad), "point"), "of the path"),
                if (folds$folds_missed) paste(plural(folds$folds_missed, "point"),
                                              "of the folds' paths"))
    warn("not_converged", sprintf(paste(
      "%s did not reach the tolerance of %s; the worst relative gap is %s. Raise",
      "max_iter or the tolerance in linclass_control(), or end the path at a larger lambda."),
      paste(missed, collapse = " and "),
      format(path$tolerance), if (is.finite(worst)) format(worst, digits = 2L) else "not known"),
      points = which(bad))
  }
}
