# How sure predictions are: standard errors and intervals by the delta method, the parts that terms have
# in a score, and rows that the training data do not determine.

# A function of (object, x, offset, type) for predict_from(): predictions with their standard errors
# and limits. They have the shape of the prediction; limits are one dimension more.
predict_with_errors <- function(se.fit, interval, level) {
  function(object, x, offset, type) {
    fit <- predict_rows(object, x, offset, type)
    se <- prediction_errors(object, x, fit, type)
    if (interval == "confidence") fit <- with_limits(fit, se, level, type)
    if (se.fit) list(fit = fit, se.fit = se, residual.scale = 1) else fit
  }
}

prediction_errors <- function(object, x, fit, type) {
  V <- stats::vcov(object, complete = FALSE)
  X <- estimated_columns(object, x)
  if (object$coding == "vector") {
    se <- sqrt(quadratic_forms(X, V))
    if (type == "link") return(replace(fit, seq_along(fit), se))
    p <- if (is.matrix(fit)) fit[, 2L] else fit
    return(replace(fit, seq_along(fit), se * p * (1 - p)))
  }
  classes <- nrow(object$coefficients)
  q <- ncol(X)
  block <- function(j) (j - 1L) * q + seq_len(q)
  # Covariances of the scores of two classes, for each row.
  scores <- function(i, j) quadratic_forms(X, V[block(i), block(j), drop = FALSE])
  first <- ncol(fit) - classes # reference coding: the score of the first class is known
  se <- replace(fit, !is.na(fit), 0)
  if (type == "link") {
    for (j in seq_len(classes)) se[, first + j] <- sqrt(scores(j, j))
    return(se)
  }
  for (i in seq_len(classes)) for (j in seq_len(i)) {
    part <- scores(i, j) * (if (i == j) 1 else 2)
    # The slope of the probability of class c along the score of class i is p_c ([c = i] - p_i).
    slope <- function(i) fit * ((col(fit) == first + i) - fit[, first + i])
    se <- se + slope(i) * slope(j) * part
  }
  sqrt(pmax(se, 0))
}

# Limits of probabilities are made on the logistic scale, so that they stay between 0 and 1.
with_limits <- function(fit, se, level, type) {
  z <- stats::qnorm((1 + level) / 2)
  limit <- function(sign) {
    if (type == "link") return(fit + sign * z * se)
    width <- fit * (1 - fit)
    stats::plogis(stats::qlogis(fit) + sign * z * ifelse(width > 0, se / width, 0))
  }
  all <- list(fit = fit, lwr = limit(-1), upr = limit(1))
  if (is.null(dim(fit))) return(do.call(cbind, all))
  array(unlist(all), c(dim(fit), 3L), c(dimnames(fit), list(names(all))))
}

# A function for predict_from(): rows x terms, centred at the means of the training rows, with the
# attribute `constant`, as predict.glm() has it; with several rows of coefficients the columns `class:term` and a
# constant for each class.
predict_terms <- function(se.fit, terms) {
  function(object, x, offset, type) {
    trained <- data_rows(object)
    fit <- terms_of_rows(object, x, trained, terms)
    if (!se.fit) return(fit)
    list(fit = fit, se.fit = terms_of_rows(object, x, trained, terms, stats::vcov(object, complete = FALSE)),
         residual.scale = 1)
  }
}

# V: the covariance, for the standard errors of the parts instead of the parts.
terms_of_rows <- function(object, x, trained, terms = NULL, V = NULL) {
  W <- class_rows(object, stats::coef(object))
  used <- !is.na(W[1L, ])
  X <- estimated_columns(object, x)
  centre <- if (object$intercept) Matrix::colMeans(estimated_columns(object, trained$x)) else
    rep(0, sum(used))
  term <- c(if (object$intercept) 0L, trained$term)[used]
  labels <- if (is_by_formula(object)) attr(object$terms, "term.labels") else object$blueprint$names
  chosen <- if (is.null(terms)) seq_along(labels) else coefficient_places(terms, labels, "terms")
  of_class <- lapply(seq_len(nrow(W)), function(i) {
    vapply(chosen, function(t) {
      at <- which(term == t)
      part <- as.matrix(X[, at, drop = FALSE])
      part <- part - rep(centre[at], each = nrow(part))
      if (is.null(V)) return(drop(part %*% W[i, used][at]))
      block <- (i - 1L) * sum(used) + at
      sqrt(quadratic_forms(part, V[block, block, drop = FALSE]))
    }, double(nrow(X)))
  })
  columns <- if (has_classes(object)) paste0(rep(rownames(W), each = length(chosen)), ":", labels[chosen]) else
    labels[chosen]
  parts <- matrix(unlist(of_class), nrow(X), dimnames = list(rownames(x), columns))
  constant <- drop(W[, used, drop = FALSE] %*% centre)
  if (is.null(V)) attr(parts, "constant") <- if (has_classes(object)) constant else unname(constant)
  parts
}

# Columns that depended on others in training may not do so in newdata; then the prediction depends on
# which of them was left out.
warn_undetermined <- function(object, x) {
  if (is.list(object$coefficients)) return(invisible())
  gone <- is.na(class_rows(object, object$coefficients)[1L, ])
  if (!any(gone) || length(gone) > max_trace) return(invisible())
  trained <- tryCatch(training_data(object), linclass_error = function(e) NULL)
  bad <- if (is.null(trained)) seq_len(nrow(x)) else undetermined_rows(object, x, trained$x, gone)
  if (!length(bad)) return(invisible())
  warn("rank_deficient", sprintf(paste(
    "Predictions from a rank-deficient fit mislead in %s (%s): there columns that were",
    "combinations of others in training (%s) are not."), plural(length(bad), "row"),
    in_rows(bad), enumerate(names(gone)[gone], quote = "")), rows = bad)
}

undetermined_rows <- function(object, x, trained, gone) {
  with_ones <- function(x) {
    x <- as_columns(x)
    if (object$intercept) cbind(1, x) else x
  }
  X <- with_ones(trained)
  unit <- sqrt(Matrix::colSums(X^2) / nrow(X))
  unit[unit == 0] <- 1
  scaled <- function(x) t(t(as.matrix(x)) / unit)
  new <- scaled(with_ones(x))
  gram <- as.matrix(Matrix::crossprod(X)) / tcrossprod(unit) / nrow(X)
  share <- tryCatch(solve(gram[!gone, !gone, drop = FALSE], gram[!gone, gone, drop = FALSE], tol = 0),
                    error = function(e) NULL)
  if (is.null(share)) return(seq_len(nrow(x)))
  error <- abs(new[, gone, drop = FALSE] - new[, !gone, drop = FALSE] %*% share)
  size <- 1 + rowSums(abs(new))
  which(rowSums(error > 1e-6 * size) > 0)
}
