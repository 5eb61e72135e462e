# What cross-validation measures on rows that were held out. A metric is a row of the table; its
# `value` is a function of `out`: list(codes (0 = first level), scores (n x K), prob (n x k, where
# it is needed), weights, loss, levels).

metric_rows <- list(
  deviance = list(
    title = "deviance", larger_is_better = FALSE, probability = FALSE,
    help = paste("minus twice the weighted mean log-likelihood; for losses that are no likelihood",
                 "the weighted mean loss"),
    value = function(out) {
      unit <- if (loss_row(out$loss)$likelihood) 2 else 1
      unit * weighted(held_out_loss(out), out$weights)
    }),
  error = list(
    title = "misclassification error", larger_is_better = FALSE, probability = FALSE,
    help = "the weighted share of rows whose class is not the predicted one",
    value = function(out) weighted(classify(out$scores) != out$codes + 1L, out$weights)),
  auc = list(
    title = "area under the ROC curve", larger_is_better = TRUE, probability = FALSE,
    help = paste("the weighted share of pairs (event, non-event) that the score puts into the",
                 "right order, ties counting half; for three or more classes the mean over all",
                 "pairs of classes, by Hand and Till (2001)"),
    value = function(out) area(out)),
  brier = list(
    title = "Brier score", larger_is_better = FALSE, probability = TRUE,
    help = "the weighted mean over rows of the sum over all classes of (1{y = c} - p_c)^2",
    value = function(out) {
      true <- cbind(seq_along(out$codes), out$codes + 1L)
      miss <- out$prob
      miss[true] <- miss[true] - 1
      weighted(rowSums(miss^2), out$weights)
    })
)

weighted <- function(value, weights) {
  if (is.null(weights)) mean(value) else sum(weights * value) / sum(weights)
}

held_out_loss <- function(out) {
  if (isTRUE(out$ovr)) {
    each <- lapply(seq_along(out$levels), function(c) {
      .Call(lcr_sample_loss, unname(out$scores[, c, drop = FALSE]), as.integer(out$codes == c - 1L), out$loss, 2L)
    })
    return(Reduce(`+`, each))
  }
  .Call(lcr_sample_loss, out$scores, out$codes, out$loss, length(out$levels))
}

# Classes 1..k of scores: a vector (or one column) of the second class, or a column for each class.
classify <- function(z) {
  if (NCOL(z) == 1L) 1L + as.vector(z > 0) else max.col(z, ties.method = "first")
}

# With three or more classes, each pair is judged by its two scores of the pair, as probabilities of
# one class among all where there are any.
area <- function(out) {
  if (length(out$levels) == 2L) {
    z <- out$scores
    return(pair_area(if (ncol(z) == 1L) z else z[, 2L] - z[, 1L], out$codes == 1L, out$weights))
  }
  z <- if (is.null(out$prob)) out$scores else out$prob
  pairs <- utils::combn(length(out$levels), 2L)
  mean(apply(pairs, 2L, function(pair) {
    rows <- out$codes + 1L == pair[1L] | out$codes + 1L == pair[2L]
    mean(vapply(1:2, function(i) {
      pair_area(z[rows, pair[i]], out$codes[rows] + 1L == pair[i], out$weights[rows])
    }, 1))
  }))
}

# Each event is above the weight of the non-events below it and half of those beside it.
pair_area <- function(z, event, weights) {
  if (is.null(weights)) weights <- rep(1, length(z))
  if (!any(event) || all(event)) return(NA_real_)
  value <- sort(unique(z))
  at <- factor(match(z, value), seq_along(value))
  weight_of <- function(rows) {
    sums <- tapply(weights[rows], at[rows], sum)
    replace(as.vector(sums), is.na(sums), 0)
  }
  up <- weight_of(event)
  down <- weight_of(!event)
  sum(up * (cumsum(down) - down / 2)) / (sum(up) * sum(down))
}

#' Metrics for cross-validation
#'
#' The measures of prediction quality that `metric =` of [linclass_cv()] can name. All are computed on
#' held-out rows, with their case weights (not with class weights).
#'
#' @concept log loss
#' @concept Wilcoxon statistic
#' @concept concordance
#' @concept c statistic
#' @concept custom metric
#' @concept cross-entropy
#' @concept deviance
#' @concept Brier score
#' @concept AUC
#' @concept ROC curve
#' @concept area under the curve
#' @concept accuracy
#' @concept error rate
#' @concept precision
#' @eval rd_metrics()
#' @return A data frame with columns `name`; `title`; `larger_is_better`; `probability`, whether the
#'   loss must define probabilities.
#' @references Hand, D. J. and Till, R. J. (2001) A simple generalisation of the area under the ROC
#'   curve for multiple class classification problems. *Machine Learning* 45, 171--186,
#'   \doi{10.1023/A:1010920819831}.
#' @seealso [linclass_cv()], which also takes functions
#' @examples
#' linclass_metrics()
#' @export
linclass_metrics <- function() {
  column <- function(field, empty) vapply(metric_rows, `[[`, empty, field, USE.NAMES = FALSE)
  data.frame(name = names(metric_rows), title = column("title", ""),
             larger_is_better = column("larger_is_better", NA),
             probability = column("probability", NA), stringsAsFactors = FALSE)
}

rd_metrics <- function() {
  help <- vapply(metric_rows, `[[`, "", "help")
  help <- gsub("}", "\\}", gsub("{", "\\{", help, fixed = TRUE), fixed = TRUE)
  c("@section Metrics:", "\\describe{", sprintf("\\item{\\code{%s}}{%s}", names(help), help), "}")
}

# What the user asked for as a named list of rows of the table.
as_metrics <- function(metric) {
  if (is.function(metric)) metric <- list(metric = metric)
  if (!(is.character(metric) || is.list(metric)) || !length(metric)) {
    abort("metric", sprintf(paste(
      "`metric` must be names of linclass_metrics(), a function, or a named list of both, not %s."),
      describe_value(metric)))
  }
  rows <- lapply(metric, as_metric)
  names <- names(metric)
  if (is.null(names)) names <- rep("", length(rows))
  plain <- !nzchar(names)
  named <- vapply(metric, is.character, NA)
  if (any(plain & !named)) abort("metric", "Functions in the list `metric` must be named.")
  names[plain] <- unlist(metric[plain])
  if (anyDuplicated(names)) {
    abort("metric", sprintf("`metric` has %s twice.", enumerate(names[duplicated(names)])))
  }
  stats::setNames(rows, names)
}

as_metric <- function(metric) {
  if (is.function(metric)) {
    return(list(title = NULL, larger_is_better = isTRUE(attr(metric, "larger_is_better")),
                probability = FALSE, user = TRUE, value = user_metric(metric)))
  }
  known <- names(metric_rows)
  if (!is.character(metric) || length(metric) != 1L || !metric %in% known) {
    hint <- hint_neighbour(metric, neighbour_metrics, " Here it is \"%s\".")
    if (hint == "") hint <- hint_nearest(metric, known)
    abort("metric", sprintf("Unknown metric %s.%s Metrics: %s, or a function.", describe_value(metric), hint,
                            enumerate(known, 20L, "\"")))
  }
  metric_rows[[metric]]
}

user_metric <- function(fun) {
  function(out) {
    truth <- factor(out$levels[out$codes + 1L], levels = out$levels)
    shown <- if (is.null(out$prob)) out$scores else out$prob
    weights <- if (is.null(out$weights)) rep(1, length(truth)) else out$weights
    value <- tryCatch(fun(truth, shown, weights), error = function(e) {
      abort("metric", sprintf("The metric, called as f(truth, prediction, weights), failed: %s",
                              conditionMessage(e)), parent = e)
    })
    if (!is.numeric(value) && !is.logical(value) || length(value) != 1L) {
      abort("metric", sprintf("A metric must return one number, not %s.", describe_value(value)))
    }
    as.double(value)
  }
}
