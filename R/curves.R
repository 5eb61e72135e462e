# What a threshold on a probability does: ROC, precision-recall and lift curves, measures of a confusion
# matrix, and the choice of a threshold. Each curve is one table of thresholds, seen from another side.

#' ROC, precision-recall and lift curves
#'
#' A row is taken for the class if its probability (or score) is at least a threshold. The curves show
#' what that does for every threshold there is. With several classes each is told from all others.
#' [plot_reliability()] draws the calibration curve.
#'
#' @param truth The true classes: a factor of n values.
#' @param prob Probabilities or scores: an n x k matrix with a column for each level of `truth`, or
#'   for two levels n numbers, those of the second.
#' @param classes Which levels to show. The default is all, and of two the second.
#' @param weights `NULL`, or n weights; weight 2 counts as two rows.
#' @return `thresholds()`: a data frame, one row for each class and distinct value (and one that takes
#'   nothing, threshold `Inf`), with `class`, `threshold`, the weights `tp`, `fp`, `fn`, `tn` of true and
#'   false positives and negatives, `sensitivity` (recall), `specificity`, `precision` (NaN where nothing is
#'   taken), `f1`, `youden` (sensitivity + specificity - 1), `share` (of all rows that are taken) and `lift`
#'   (precision over the share of the class). The plots return the same, invisibly, with the
#'   attribute `area`: for each class the area under the ROC curve (`plot_roc()`), the average precision, sum of
#'   precision times step of recall (`plot_precision_recall()`).
#'
#'   Rows with missing values are left out. Errors: `linclass_error_shape`, `linclass_error_argument`,
#'   `linclass_error_weights`.
#' @concept ROC curve
#' @concept cutoff
#' @concept Gini coefficient
#' @concept average precision
#' @concept specificity
#' @concept Matthews correlation
#' @concept kappa
#' @concept cumulative gains
#' @concept precision-recall curve
#' @concept lift
#' @family plots
#' @seealso [choose_threshold()], [confusion_measures()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")))
#' fit <- linclass(low ~ age + lwt + smoke + ht + ui, births)
#' prob <- predict(fit, births, type = "prob")
#' roc <- plot_roc(births$low, prob)
#' attr(roc, "area")
#' plot_precision_recall(births$low, prob)
#' plot_lift(births$low, prob)
#' @export
thresholds <- function(truth, prob, classes = NULL, weights = NULL) {
  rows <- judged_rows(truth, prob, classes, weights)
  tables <- lapply(rows$classes, function(class) {
    cbind(class = factor(class, rows$classes),
          threshold_table(rows$prob[, class], rows$truth == class, rows$weights))
  })
  do.call(rbind, tables)
}

# Classes to judge: those asked for, else the second of two, or all.
judged_classes <- function(classes, levels) {
  if (is.null(classes)) return(if (length(levels) == 2L) levels[2L] else levels)
  if (!is.atomic(classes) || !length(classes)) {
    abort("argument", sprintf("`classes` must be levels of `truth`, not %s.", describe_value(classes)))
  }
  unknown <- setdiff(classes, levels)
  if (length(unknown)) {
    abort("argument", sprintf("`classes` has %s; the levels are %s.", enumerate(unknown),
                              enumerate(levels)))
  }
  classes
}

# list(truth, prob with named columns, weights, classes) of the rows where all is known.
judged_rows <- function(truth, prob, classes, weights) {
  truth <- as_classes(truth, "truth")
  levels <- levels(truth)
  check_is_prob(prob)
  prob <- teaching_numbers(prob, "prob")
  if (!is.matrix(prob) && length(levels) == 2L) prob <- cbind(-prob, prob)
  if (!is.matrix(prob) || ncol(prob) != length(levels) || nrow(prob) != length(truth)) {
    abort("shape", sprintf(paste(
      "`prob` must be a matrix of %d rows and %d columns, one for each level of `truth`, or, for",
      "two levels, as many numbers as there are rows."), length(truth), length(levels)))
  }
  if (is.null(colnames(prob)) || !setequal(colnames(prob), levels)) colnames(prob) <- levels
  classes <- judged_classes(classes, levels)
  weights <- check_weights(weights, length(truth))
  if (is.null(weights)) weights <- rep(1, length(truth))
  known <- !is.na(truth) & rowSums(is.na(prob)) == 0 & weights > 0
  if (!any(known)) abort("argument", "There are no rows with both `truth` and `prob`.")
  absent <- setdiff(classes, truth[known])
  if (length(absent) || length(unique(truth[known])) < 2L) {
    abort("argument", sprintf("Only some classes have rows: %s.", enumerate(unique(truth[known]))))
  }
  list(truth = truth[known], prob = prob[known, , drop = FALSE], weights = weights[known],
       classes = classes)
}

# Thresholds from above all values downwards; equal values are taken together.
threshold_table <- function(value, event, weights) {
  threshold <- sort(unique(value), decreasing = TRUE)
  at <- match(value, threshold)
  taken <- function(w) c(0, cumsum(as.vector(rowsum(w, at))))
  tp <- taken(weights * event)
  fp <- taken(weights * !event)
  yes <- tp[length(tp)]
  no <- fp[length(fp)]
  sensitivity <- tp / yes
  specificity <- (no - fp) / no
  precision <- tp / (tp + fp)
  data.frame(threshold = c(Inf, threshold), tp = tp, fp = fp, fn = yes - tp, tn = no - fp,
             sensitivity = sensitivity, specificity = specificity, precision = precision,
             f1 = 2 * tp / (tp + fp + yes), youden = sensitivity + specificity - 1,
             share = (tp + fp) / (yes + no), lift = precision / (yes / (yes + no)))
}

#' @rdname thresholds
#' @export
plot_roc <- function(truth, prob, classes = NULL, weights = NULL) {
  table <- thresholds(truth, prob, classes, weights)
  area <- by_class_of(table, function(t) trapezoids(1 - t$specificity, t$sensitivity))
  draw_thresholds(transform(table, x = 1 - table$specificity, y = table$sensitivity), area, c(0, 1),
              "false positives (1 - specificity)", "true positives (sensitivity)", c(0, 0, 1, 1))
  invisible(structure(table, area = area))
}

#' @rdname thresholds
#' @export
plot_precision_recall <- function(truth, prob, classes = NULL, weights = NULL) {
  table <- thresholds(truth, prob, classes, weights)
  area <- by_class_of(table, function(t) {
    sum(diff(t$sensitivity) * t$precision[-1L])
  })
  draw_thresholds(transform(table, x = table$sensitivity, y = table$precision), area, c(0, 1),
              "recall (sensitivity)", "precision", NULL)
  invisible(structure(table, area = area))
}

#' @rdname thresholds
#' @export
plot_lift <- function(truth, prob, classes = NULL, weights = NULL) {
  table <- thresholds(truth, prob, classes, weights)
  draw_thresholds(transform(table, x = table$share, y = table$lift), NULL,
              c(0, max(table$lift, na.rm = TRUE)), "share of rows that are taken", "lift", c(0, 1, 1, 1))
  invisible(table)
}

by_class_of <- function(table, measure) {
  vapply(split(table, table$class), measure, 1)
}

trapezoids <- function(x, y) sum(diff(x) * (y[-1L] + y[-length(y)]) / 2)

# table: x and y of each class. reference: the ends of a line to compare with, or NULL.
draw_thresholds <- function(table, area, ylim, xlab, ylab, reference) {
  classes <- levels(table$class)
  labels <- if (is.null(area)) classes else sprintf("%s (%.3f)", classes, area[classes])
  colours <- plot_colours(length(classes))
  old <- plot_page(4, labels)
  on.exit(graphics::par(old))
  graphics::plot(NA, xlim = c(0, 1), ylim = ylim, axes = FALSE, ann = FALSE)
  graphics::title(xlab = xlab)
  margin_text(ylab, 2L, line = 2.6, las = 0L)
  plot_axis(1L, pretty(c(0, 1)))
  plot_axis(2L, pretty(ylim))
  if (!is.null(reference)) {
    graphics::segments(reference[1L], reference[2L], reference[3L], reference[4L], col = "grey50",
                       lty = 2L)
  }
  for (c in seq_along(classes)) {
    curve <- table[table$class == classes[c] & !is.na(table$y), ]
    graphics::lines(curve$x, curve$y, col = colours[c], lwd = 2, lty = plot_lines(c)[c])
  }
  legend_above(labels, lty = plot_lines(length(classes)), col = colours, lwd = 2)
}

#' Choose a decision threshold
#'
#' The threshold on a probability or score that is best in given rows: by Youden's index, by F1, or by
#' the costs of the two kinds of mistakes.
#'
#' @concept optimal threshold
#' @concept cost-sensitive classification
#' @concept Youden index
#' @inheritParams thresholds
#' @param by What is to be largest: `"youden"` (sensitivity + specificity - 1), `"f1"`, or `"cost"`: the mean
#'   cost is to be smallest.
#' @param cost For `by = "cost"`: the costs of a false positive and of a false negative.
#' @return A data frame, one row for each class, with the columns of [thresholds()] and, for costs,
#'   `cost`. The largest threshold among equals.
#' @seealso [thresholds()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")))
#' fit <- linclass(low ~ age + lwt + smoke + ht + ui, births)
#' choose_threshold(births$low, predict(fit, births, type = "prob"))
#' @export
choose_threshold <- function(truth, prob, by = c("youden", "f1", "cost"), cost = c(1, 1),
                             classes = NULL, weights = NULL) {
  by <- match_choice(by)
  if (!is.numeric(cost) || length(cost) != 2L || any(!is.finite(cost) | cost < 0)) {
    abort("argument", "`cost` must be two numbers of at least 0: of a false positive, of a false negative.")
  }
  table <- thresholds(truth, prob, classes, weights)
  if (by == "cost") {
    table$cost <- (cost[1L] * table$fp + cost[2L] * table$fn) / (table$tp + table$fp + table$fn + table$tn)
  }
  value <- if (by == "cost") -table$cost else table[[by]]
  best <- vapply(split(seq_along(value), table$class), function(i) i[which.max(value[i])], 1L)
  table <- table[best, ]
  rownames(table) <- NULL
  table
}

#' Measures of a confusion matrix
#'
#' Precision, recall, F1 and their relatives of each class, and accuracy, kappa and the correlation of
#' Matthews of all.
#'
#' @concept precision
#' @concept recall
#' @concept F1 score
#' @concept kappa
#' @param truth,answer,weights As in [plot_confusion()].
#' @return A list of two data frames. `classes`, one row for each class told from all others: `class`,
#'   `tp`, `fp`, `fn`, `tn` (sums of weights), `sensitivity` (recall), `specificity`, `precision`, `f1`,
#'   `balanced_accuracy` (the mean of the first two). `overall`, one row: `accuracy`, `balanced_accuracy`
#'   (the mean sensitivity of the classes that occur), `macro_f1`, `kappa` (Cohen), `mcc` (Matthews,
#'   for several classes by Gorodkin). A ratio of zeros is NaN.
#' @references Gorodkin, J. (2004) Comparing two K-category assignments by a K-category correlation
#'   coefficient. *Computational Biology and Chemistry* 28, 367-374,
#'   \doi{10.1016/j.compbiolchem.2004.09.006}.
#' @seealso [plot_confusion()], [thresholds()]
#' @examples
#' fit <- linclass(Species ~ Sepal.Length + Sepal.Width, iris, lambda = 0.01, alpha = 0)
#' confusion_measures(iris$Species, predict(fit, iris))
#' @export
confusion_measures <- function(truth, answer, weights = NULL) {
  data <- confusion_data(truth, answer, weights)
  levels <- levels(data$truth)
  k <- length(levels)
  counts <- matrix(data$count, k, k) # answers x truths
  n <- sum(counts)
  tp <- diag(counts)
  of_truth <- colSums(counts)
  of_answer <- rowSums(counts)
  classes <- data.frame(class = factor(levels, levels), tp = tp, fp = of_answer - tp,
                        fn = of_truth - tp, tn = n - of_answer - of_truth + tp,
                        sensitivity = tp / of_truth, specificity = (n - of_answer - of_truth + tp) /
                          (n - of_truth), precision = tp / of_answer,
                        f1 = 2 * tp / (of_truth + of_answer))
  classes$balanced_accuracy <- (classes$sensitivity + classes$specificity) / 2
  chance <- sum(of_truth * of_answer) / n^2
  accuracy <- sum(tp) / n
  spread <- function(margin) 1 - sum((margin / n)^2)
  overall <- data.frame(
    accuracy = accuracy, balanced_accuracy = mean(classes$sensitivity[of_truth > 0]),
    macro_f1 = mean(classes$f1), kappa = (accuracy - chance) / (1 - chance),
    mcc = (accuracy - chance) / sqrt(spread(of_truth) * spread(of_answer)))
  list(classes = classes, overall = overall)
}
