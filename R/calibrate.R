# Probabilities for every classifier: a map from scores to probabilities, learned on rows that the
# scores were not fitted to; and probabilities for other shares of classes than those of training.

#' Calibrate the scores of a fit
#'
#' Learns how scores become probabilities, for losses that define none (hinges, perceptron) and for
#' fits whose probabilities are too bold or too timid. It needs scores of rows that were not fitted:
#' those of `newdata`, or, without it, cross-validated scores of the training rows.
#'
#' @section Methods: Class c has the margin \eqn{m_c}: the log odds of the class where the loss has
#'   probabilities, else its score minus the largest other score.
#'   * `"platt"`: \eqn{p_c = \sigma(a_c m_c + b_c)}{p_c = sigma(a_c m_c + b_c)} by maximum likelihood with
#'     Platt's targets \eqn{(n_c + 1) / (n_c + 2)}{(n_c + 1)/(n_c + 2)} and \eqn{1 / (n_o + 2)}{1/(n_o + 2)}
#'     for the \eqn{n_c} rows of the class and the \eqn{n_o} others;
#'   * `"isotonic"`: the increasing function of \eqn{m_c} that is nearest to 0 and 1 in least squares,
#'     linear between its steps;
#'   * `"temperature"`: \eqn{p = softmax(s / T)} (for one score \eqn{\sigma(s / T)}{sigma(s / T)}), with T by
#'     maximum likelihood; the predicted class stays.
#'
#'   With more than two classes, p is divided by its sum over classes.
#' @param object A fit made by [linclass()].
#' @param newdata Rows that were not fitted, as in [predict.linclass()]; `NULL`: cross-validation.
#' @param y The classes of `newdata`; `NULL` for a fit by formula: its response in `newdata`.
#' @param method See Methods.
#' @param folds Number of folds of the cross-validation; they are drawn by R's random numbers, class
#'   by class.
#' @param weights `NULL`, or weights of the rows of `newdata`. (Cross-validation has those of the fit.)
#' @param ... For `predict()`: `offset`, `na.action` and `novel` of [predict.linclass()].
#' @return `linclass_calibrate()`: an object of class `linclass_calibrated`, a list of `fit`,
#'   `method` and `map`. `predict()`: as [predict.linclass()]. Errors: `linclass_error_response`
#'   where `y` has classes that the fit has not; `linclass_error_argument`; `linclass_error_folds`.
#' @references Platt, J. (1999) Probabilistic outputs for support vector machines and comparisons to
#'   regularized likelihood methods. *Advances in Large Margin Classifiers*, 61-74. MIT Press.
#'
#'   Zadrozny, B. and Elkan, C. (2002) Transforming classifier scores into accurate multiclass
#'   probability estimates. *KDD*, 694-699, \doi{10.1145/775047.775151}.
#'
#'   Guo, C., Pleiss, G., Sun, Y. and Weinberger, K. (2017) On calibration of modern neural networks.
#'   *ICML*, 1321-1330.
#' @seealso [plot_reliability()], [adjust_prior()]
#' @concept calibration
#' @concept Platt scaling
#' @concept isotonic regression
#' @concept temperature scaling
#' @concept prior shift
#' @concept prior correction
#' @concept base rate
#' @examples
#' train <- seq(1, 150, by = 2)
#' svm <- linclass(Species ~ ., iris[train, ], loss = "hinge", lambda = 0.01, alpha = 0)
#' calibrated <- linclass_calibrate(svm, iris[-train, ])
#' head(predict(calibrated, iris[-train, ], type = "prob"))
#' @export
linclass_calibrate <- function(object, newdata = NULL, y = NULL,
                               method = c("platt", "isotonic", "temperature"), folds = 10,
                               weights = NULL) {
  if (inherits(object, c("linclass_path", "linclass_cv"))) {
    abort("argument", "`object` holds a fit for each lambda: calibrate linclass(..., lambda = ) with one of them.")
  }
  if (!inherits(object, "linclass")) abort("argument", "`object` must be a fit made by linclass().")
  check_object(object, whole = TRUE)
  method <- match_choice(method)
  rows <- if (is.null(newdata)) cross_scores(object, folds) else
    new_scores(object, newdata, y, weights)
  known <- !is.na(rows$codes) & rowSums(!is.finite(rows$scores)) == 0 & rows$weights > 0
  if (!any(known)) abort("no_rows", "There are no rows with a class, finite scores and weight to learn from.")
  scores <- rows$scores[known, , drop = FALSE]
  learn <- calibrations[[method]]$learn
  map <- learn(object, scores, rows$codes[known], rows$weights[known])
  structure(list(fit = object, method = method, map = map), class = "linclass_calibrated")
}

#' @rdname linclass_calibrate
#' @param type As in [predict.linclass()].
#' @export
predict.linclass_calibrated <- function(object, newdata, type = c("class", "prob", "response", "link"),
                                        ...) {
  type <- match_choice(type)
  fit <- object$fit
  link <- stats::predict(fit, if (!missing(newdata)) newdata, type = "link", ...)
  if (type == "link") return(link)
  p <- calibrations[[object$method]]$apply(fit, object$map, as.matrix(link))
  dimnames(p) <- list(if (is.matrix(link)) rownames(link) else names(link), fit$levels)
  shape_probability(p, type, fit$levels)
}

#' @export
print.linclass_calibrated <- function(x, ...) {
  cat(sprintf("Calibrated by %s:\n\n", calibrations[[x$method]]$title))
  print(x$fit)
  invisible(x)
}

# The first class of the largest probability; NA where it is not known.
most_likely <- function(p, levels) {
  known <- rowSums(is.na(p)) == 0
  best <- rep(NA_integer_, nrow(p))
  best[known] <- max.col(p[known, , drop = FALSE], ties.method = "first")
  factor(levels[best], levels = levels)
}

# list(scores (one column, or one for each class), codes (0 = first level), weights).
new_scores <- function(object, newdata, y, weights) {
  if (is.null(y)) {
    if (is.null(object$terms)) abort("response", "Give `y`, the classes of `newdata`.")
    response <- stats::formula(object)[[2L]]
    y <- tryCatch(eval(response, as.list(newdata), environment(stats::formula(object))),
                  error = function(e) abort("response", "`newdata` has no response: give `y`."))
  }
  scores <- as.matrix(stats::predict(object, newdata, type = "link"))
  y <- as_classes(y, "y")
  codes <- match(y, object$levels) - 1L
  if (length(codes) != nrow(scores)) {
    abort("shape", sprintf("`y` has %d values and `newdata` has %d rows.", length(codes), nrow(scores)))
  }
  if (any(is.na(codes) & !is.na(y))) {
    abort("response", "`y` has classes that the fit does not have.")
  }
  weights <- check_weights(weights, length(codes))
  list(scores = scores, codes = codes, weights = if (is.null(weights)) rep(1, length(codes)) else weights)
}

# Scores of each row by the fit to the rows of the other folds.
cross_scores <- function(object, folds) {
  check_whole(folds, "folds", 2, "folds")
  design <- training_data(object)
  codes <- design$y$codes
  design$codes <- codes
  design$levels <- object$levels
  fold <- make_folds(design, folds, NULL, 1)[, 1L]
  k <- if (has_classes(object)) length(object$levels) else 1L
  scores <- matrix(0, length(codes), k)
  for (f in unique(fold)) {
    out <- which(fold == f)
    fit <- refit_columns(object, rows_of_design(design, -out), seq_len(ncol(design$x)))
    held <- rows_of_design(design, out)
    scores[out, ] <- as.matrix(predict_rows(fit, held$x, held$offset, "link"))
  }
  list(scores = scores, codes = codes,
       weights = if (is.null(design$weights)) rep(1, length(codes)) else design$weights)
}

rows_of_design <- function(design, rows) {
  design$x <- design$x[rows, , drop = FALSE]
  design$y$codes <- design$y$codes[rows]
  if (!is.null(design$weights)) design$weights <- design$weights[rows]
  if (!is.null(design$offset)) design$offset <- take_rows(design$offset, rows)
  design
}

# The margin of each class (see the help page), one column for one score.
class_margins <- function(object, scores) {
  if (ncol(scores) == 1L) return(scores)
  others <- if (loss_row(object$loss)$probability) log_sum_exp else function(z) apply(z, 1L, max)
  leads <- lapply(seq_len(ncol(scores)), function(c) scores[, c] - others(scores[, -c, drop = FALSE]))
  matrix(unlist(leads), nrow(scores), ncol(scores)) # whatever the number of rows
}

log_sum_exp <- function(z) {
  largest <- apply(z, 1L, max)
  largest + log(rowSums(exp(z - largest)))
}

# A function of margin, event and weight for each class, and of one score for the second class alone.
by_class <- function(learn) {
  function(object, scores, codes, weights) {
    margins <- class_margins(object, scores)
    events <- if (ncol(margins) == 1L) 1L else seq_along(object$levels) - 1L
    Map(function(c, event) learn(margins[, c], codes == event, weights), seq_along(events), events)
  }
}

apply_by_class <- function(transform) {
  function(object, map, scores) {
    margins <- class_margins(object, scores)
    parts <- lapply(seq_along(map), function(c) transform(map[[c]], margins[, c]))
    p <- matrix(unlist(parts), nrow(margins), length(map))
    if (ncol(p) == 1L) return(cbind(1 - p, p))
    total <- rowSums(p)
    # Where no class is thought possible all are equally so.
    p[which(total == 0), ] <- 1
    p / rowSums(p)
  }
}

learn_platt <- function(margin, event, weights) {
  yes <- sum(weights[event])
  no <- sum(weights[!event])
  target <- ifelse(event, (yes + 1) / (yes + 2), 1 / (no + 2))
  n <- length(margin)
  fit <- suppress_linclass(linclass(cbind(margin = c(margin, margin)), rep(c(FALSE, TRUE), each = n),
                                    loss = "logistic", weights = c(weights * (1 - target), weights * target)))
  W <- stats::coef(fit)
  W[is.na(W)] <- 0
  list(slope = unname(W[2L]), intercept = unname(W[1L]))
}

# Pool adjacent violators: neighbouring blocks are joined until their means increase.
learn_isotonic <- function(margin, event, weights) {
  value <- sort(unique(margin))
  at <- match(margin, value)
  weight <- as.vector(rowsum(weights, at))
  mean <- as.vector(rowsum(weights * event, at)) / weight
  size <- rep(1L, length(mean))
  last <- 0L
  for (i in seq_along(mean)) {
    last <- last + 1L
    mean[last] <- mean[i]
    weight[last] <- weight[i]
    size[last] <- 1L
    while (last > 1L && mean[last - 1L] >= mean[last]) {
      total <- weight[last - 1L] + weight[last]
      mean[last - 1L] <- (weight[last - 1L] * mean[last - 1L] + weight[last] * mean[last]) / total
      weight[last - 1L] <- total
      size[last - 1L] <- size[last - 1L] + size[last]
      last <- last - 1L
    }
  }
  list(margin = value, prob = rep(mean[seq_len(last)], size[seq_len(last)]))
}

apply_isotonic <- function(map, margin) {
  if (length(map$margin) == 1L) return(ifelse(is.na(margin), NA, map$prob))
  stats::approx(map$margin, map$prob, margin, rule = 2L)$y
}

# a = 1 / T; the derivative of the loss by a, sum w (sum_c p_c s_c - s_y), increases with a.
learn_temperature <- function(object, scores, codes, weights) {
  z <- if (ncol(scores) == 1L) cbind(0, scores) else scores
  own <- z[cbind(seq_along(codes), codes + 1L)]
  slope <- function(a) sum(weights * (rowSums(softmax(a * z) * z) - own))
  scale <- mean(apply(z, 1L, function(s) diff(range(s))))
  most <- 1000 / max(scale, .Machine$double.xmin)
  a <- if (slope(0) >= 0) 0 else if (slope(most) <= 0) most else
    stats::uniroot(slope, c(0, most), tol = most * 1e-14)$root
  list(inverse = a, temperature = 1 / a)
}

apply_temperature <- function(object, map, scores) {
  softmax(map$inverse * (if (ncol(scores) == 1L) cbind(0, scores) else scores))
}

calibrations <- list(
  platt = list(
    title = "a sigmoid (Platt)", learn = by_class(learn_platt),
    apply = apply_by_class(function(map, margin) sigmoid(map$slope * margin + map$intercept))),
  isotonic = list(title = "an isotonic function", learn = by_class(learn_isotonic),
                  apply = apply_by_class(apply_isotonic)),
  temperature = list(title = "a temperature", learn = learn_temperature, apply = apply_temperature))

#' Adjust probabilities to other class priors
#'
#' A fit learns the shares of the classes of its training rows. Where those were made by sampling,
#' or by class weights, its probabilities are wrong elsewhere by a factor for each class:
#' \eqn{p'_c \propto p_c \pi'_c / \pi_c}{p'_c proportional to p_c pi'_c / pi_c}, with \eqn{\pi}{pi} the
#' shares that the fit saw and \eqn{\pi'}{pi'} those of where it is used.
#'
#' @param object A fit made by [linclass()], or a matrix of probabilities with a column for each class.
#' @param prior The shares of the classes where predictions are needed: positive numbers named by the
#'   classes, or `"training"`: those of the training rows, which undoes `class_weights`.
#' @param newdata As in [predict.linclass()].
#' @param from For a matrix the shares that the fit saw. A fit knows them: the weights of its classes
#'   times `class_weights`.
#' @return A matrix of probabilities, a row for each row of `newdata`. Errors:
#'   `linclass_error_weights` for shares that are not positive or misnamed.
#' @references Saerens, M., Latinne, P. and Decaestecker, C. (2002) Adjusting the outputs of a
#'   classifier to new a priori probabilities. *Neural Computation* 14, 21-41,
#'   \doi{10.1162/089976602753284446}.
#' @seealso [linclass_calibrate()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, low = factor(low))
#' even <- linclass(low ~ age + lwt + smoke, births, class_weights = "balanced")
#' colMeans(predict(even, births, type = "prob"))
#' colMeans(predict(even, births, type = "prob", prior = "training"))
#' colMeans(adjust_prior(even, c("0" = 0.9, "1" = 0.1), births))
#' @export
adjust_prior <- function(object, prior, newdata = NULL, from = NULL) {
  p <- object
  if (!is.matrix(object)) {
    if (!inherits(object, "linclass")) {
      abort("argument", sprintf("`object` must be a fit made by linclass() or a matrix of probabilities, not %s.",
                                describe_value(object)))
    }
    if (!is.null(from)) abort("argument", "`from` belongs to a matrix of probabilities: a fit knows its shares.")
    p <- stats::predict(object, newdata, type = "prob")
    from <- seen_shares(object)
    if (identical(prior, "training")) prior <- training_shares(object)
  }
  levels <- colnames(p)
  if (is.null(levels)) abort("names", "The probabilities have no names of classes.")
  if (!is.numeric(p) || any(p < 0 | is.infinite(p), na.rm = TRUE)) {
    abort("argument", "Probabilities are finite numbers of at least 0.")
  }
  factor <- class_shares(prior, levels, "prior") / class_shares(from, levels, "from")
  # In logarithms, and relative to the likeliest class, so that small shares do not vanish.
  z <- log(p) + rep(log(factor), each = nrow(p))
  adjusted <- exp(z - log_sum_exp(z))
  dimnames(adjusted) <- list(rownames(p), levels)
  adjusted
}

training_shares <- function(object) stats::setNames(as.vector(object$class_totals), object$levels)

# The shares of the classes as the fit saw them.
seen_shares <- function(object) {
  training_shares(object) * if (is.null(object$class_weights)) 1 else object$class_weights[object$levels]
}

# predict(prior = ): from probabilities to what `type` asks for.
predict_prior <- function(object, p, type, prior) {
  if (!type %in% c("class", "prob", "response")) {
    abort("argument", "`prior` belongs to type = \"class\", \"prob\" and \"response\".")
  }
  p <- adjust_prior(p, if (identical(prior, "training")) training_shares(object) else prior,
                    from = seen_shares(object))
  shape_probability(p, type, object$levels)
}

shape_probability <- function(p, type, levels) {
  switch(type, prob = p, response = if (ncol(p) == 2L) p[, 2L] else p, class = most_likely(p, levels))
}

class_shares <- function(shares, levels, what) {
  good <- is.numeric(shares) && setequal(names(shares), levels) && !anyDuplicated(names(shares)) &&
    all(is.finite(shares)) && all(shares > 0)
  if (!good) {
    abort("weights", sprintf("`%s` must be positive numbers named by the classes %s.", what,
                             enumerate(levels, 10L)))
  }
  unname(shares[levels] / sum(shares))
}
