# Pictures of predictions: how often each class is taken for each other, and whether probabilities
# come true.

#' Confusion matrix plot
#'
#' @concept confusion matrix
#' @concept classification table
#' @concept accuracy
#' @concept misclassification
#' @concept recall
#' @concept sensitivity
#' @description
#' Counts how often each class was predicted as each other. Columns are the truth, rows the answers, as
#' in `table(answer, truth)`; the depth of colour is the share of the column, so that rare classes
#' show as well as frequent ones. Blue is right, vermilion wrong.
#'
#' @param truth The true classes: a factor (or what [factor()] makes one of) of n values.
#' @param answer The n predicted classes, for example `predict(fit, newdata)`.
#' @param weights `NULL`, or n weights; weight 2 counts as two rows.
#' @return A data frame, invisibly, one row for each pair of classes: `truth`, `answer`, `count`,
#'   and `share`, the count divided by that of all rows with this truth (NaN if there are none).
#'   Rows where one of the two is missing are left out. Errors: `linclass_error_shape` if the
#'   lengths differ, `linclass_error_weights` for weights that are negative or missing,
#'   `linclass_error_argument` if nothing is left.
#' @family plots
#' @examples
#' train <- seq(1, 150, by = 2)
#' fit <- linclass(Species ~ Sepal.Length + Sepal.Width, iris[train, ], lambda = 0.01, alpha = 0)
#' plot_confusion(iris$Species[-train], predict(fit, iris[-train, ]))
#' @export
plot_confusion <- function(truth, answer, weights = NULL) {
  draw_confusion(confusion_data(truth, answer, weights))
}

confusion_data <- function(truth, answer, weights = NULL) {
  truth <- as_classes(truth, "truth")
  answer <- as_classes(answer, "answer")
  if (length(truth) != length(answer)) {
    abort("shape", sprintf("`truth` has %d values and `answer` has %d.", length(truth),
                           length(answer)))
  }
  weights <- check_weights(weights, length(truth))
  given <- levels(droplevels(answer))
  if (length(given) && nlevels(truth) && !any(given %in% levels(truth))) {
    abort("response", sprintf(paste("`answer` has none of the classes of `truth`: it holds %s, and `truth` %s. Turn",
                                    "a threshold into classes first: ifelse(prob > 0.3, \"%s\", \"%s\")."),
                              enumerate(given, 4L, "\""), enumerate(levels(truth), 4L, "\""),
                              rev(levels(truth))[1L], levels(truth)[1L]))
  }
  levels <- union(levels(truth), levels(answer))
  truth <- factor(truth, levels)
  answer <- factor(answer, levels)
  known <- !is.na(truth) & !is.na(answer)
  if (!any(known)) abort("argument", "There are no rows with both `truth` and `answer`.")
  weight <- if (is.null(weights)) rep(1, length(truth)) else weights
  counts <- stats::xtabs(weight[known] ~ answer[known] + truth[known])
  cells <- expand.grid(answer = factor(levels, levels), truth = factor(levels, levels))
  data.frame(cells["truth"], cells["answer"], count = as.vector(counts),
             share = as.vector(counts / rep(colSums(counts), each = length(levels))))
}

check_is_prob <- function(prob) {
  if (is.factor(prob) || is.character(prob)) {
    abort("type", sprintf(paste("`prob` must be probabilities, not classes (%s). With a fit they are",
                                "predict(fit, newdata, type = \"prob\"), the truth comes first."),
                          describe_value(prob)))
  }
}

training_confusion <- function(fit, data) {
  data <- training_data(fit, data)
  confusion_data(factor(fit$levels[data$y$codes + 1L], levels = fit$levels),
                 predict_rows(fit, data$x, data$offset, "class"), data$weights)
}

confusion_labels <- function(data) {
  share <- ifelse(is.nan(data$share), "", sprintf("%.0f %%", 100 * data$share))
  list(count = format(round(data$count, 1L), big.mark = thousands_mark(), trim = TRUE), share = share)
}

# Blue for what is right, vermilion for what is wrong, white for what does not happen.
confusion_colours <- function(data) {
  share <- ifelse(is.nan(data$share), 0, data$share)
  diverging(ifelse(data$truth == data$answer, -1, 1) * 0.75 * share)
}

confusion_title <- function(data, what = NULL) {
  right <- sum(data$count[data$truth == data$answer]) / sum(data$count)
  paste0(if (!is.null(what)) paste0(what, ", "), sprintf("%.1f %% right", 100 * right))
}

draw_confusion <- function(data, what = NULL) {
  levels <- levels(data$truth)
  k <- length(levels)
  longest <- 0.62 * max(nchar(levels, "width")) * graphics::par("cin")[1L]
  lines <- min(longest, 0.35 * graphics::par("fin")[1L]) / graphics::par("csi")
  # Names of many classes do not fit side by side; they are turned.
  turned <- longest > 0.8 * (graphics::par("fin")[1L] - longest - 0.6) / k
  above <- 2.8 + if (turned) lines - 0.6 else 0
  old <- graphics::par(mar = c(1.8, lines + 2.2, above + page$title, 0.6), las = 1L)
  on.exit(graphics::par(old))
  graphics::plot(NA, xlim = c(0.5, k + 0.5), ylim = c(k + 0.5, 0.5), xaxs = "i", yaxs = "i",
                 axes = FALSE, ann = FALSE)
  x <- as.integer(data$truth)
  y <- as.integer(data$answer)
  colours <- confusion_colours(data)
  graphics::rect(x - 0.49, y - 0.49, x + 0.49, y + 0.49, col = colours, border = NA)
  label <- confusion_labels(data)
  dark <- !is.nan(data$share) & data$share > 0.6
  ink <- ifelse(dark, "white", ifelse(data$count == 0, "grey70", "grey10"))
  room <- min(graphics::par("pin") / k)
  size <- min(1.2, max(0.35, room / (max(nchar(label$count)) * 0.75 * graphics::par("cin")[1L])))
  two_lines <- room > 3 * size * graphics::par("cin")[2L]
  graphics::text(x, y - if (two_lines) 0.1 else 0, label$count, col = ink, cex = size)
  if (two_lines) {
    graphics::text(x, y + 0.17, ifelse(data$count == 0, "", label$share), col = ink,
                   cex = 0.7 * size)
  }
  # One axis() for each name: together it would drop names that touch.
  inches <- graphics::par("mai") - 0.15 - c(0, 0, page$title, 0) * graphics::par("csi")
  size <- fitting_cex(levels, if (turned) inches[3L] else graphics::par("pin")[1L] / k)
  for (i in seq_len(k)) {
    graphics::axis(3L, i, levels[i], tick = FALSE, line = -0.7, las = if (turned) 2L else 1L,
                   cex.axis = size)
    graphics::axis(2L, i, levels[i], tick = FALSE, line = -0.7, cex.axis = fitting_cex(levels, inches[2L]))
  }
  margin_text("truth", 3L, line = above - 1.3, col = "grey40")
  margin_text("answer", 2L, line = lines + 0.9, las = 0L, col = "grey40")
  title <- confusion_title(data, what)
  margin_text(title, 1L, line = 0.5, col = "grey40", cex = fitting_cex(title, graphics::par("pin")[1L]))
  invisible(data)
}

#' Reliability diagram (calibration plot)
#'
#' @concept calibration
#' @concept calibration curve
#' @concept reliability diagram
#' @concept over-confidence
#' @concept predicted probability
#' @description
#' Of all rows that were given a probability near 0.7, are 70 % of that class? The rows are put into
#' bins by their probability, and the share that is of the class is drawn against the mean
#' probability of the bin. On the diagonal the probabilities are well calibrated; a curve flatter than
#' the diagonal indicates over-confidence. With more than two classes, lines join neighbouring bins of
#' at least five rows only. Bars are 95 % intervals of Wilson for each share, and the
#' strip below says how the probabilities are spread.
#'
#' @param truth The true classes: a factor of n values.
#' @param prob The probabilities: an n x k matrix with a column for each level of `truth`, as
#'   `predict(fit, newdata, type = "prob")` returns it, or n numbers, the probabilities of the
#'   second of two levels.
#' @param bins Number of bins of equal width from 0 to 1.
#' @param classes Which levels to draw. The default is all, and of two the second.
#' @param weights `NULL`, or n weights; weight 2 counts as two rows.
#' @return A data frame, invisibly, one row for each class and bin that is not empty: `class`,
#'   `from` and `to` (the bin), `n` (sum of weights), `mean_prob`, `share`, `lower`, `upper`. Rows
#'   with missing values are left out. Errors: `linclass_error_shape`, `linclass_error_type`,
#'   `linclass_error_argument`, `linclass_error_weights`.
#' @references Wilson, E. B. (1927). Probable inference, the law of succession, and statistical
#'   inference. *Journal of the American Statistical Association* 22, 209-212.
#'   \doi{10.1080/01621459.1927.10502953}
#' @family plots
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")))
#' fit <- linclass(low ~ age + lwt + smoke + ht + ui, births)
#' bins <- plot_reliability(births$low, predict(fit, births, type = "prob"), bins = 5)
#' bins
#' @export
plot_reliability <- function(truth, prob, bins = 10, classes = NULL, weights = NULL) {
  draw_reliability(reliability_data(truth, prob, bins, classes, weights))
}

reliability_data <- function(truth, prob, bins = 10, classes = NULL, weights = NULL) {
  truth <- as_classes(truth, "truth")
  levels <- levels(truth)
  check_is_prob(prob)
  prob <- teaching_numbers(prob, "prob")
  if (!is.matrix(prob) && length(levels) == 2L) prob <- cbind(1 - prob, prob)
  if (!is.matrix(prob) || ncol(prob) != length(levels) || nrow(prob) != length(truth)) {
    abort("shape", sprintf(paste(
      "`prob` must be a matrix of %d rows and %d columns, one for each level of `truth`, or, for",
      "two levels, as many numbers as there are rows."), length(truth), length(levels)))
  }
  if (!is.null(colnames(prob)) && setequal(colnames(prob), levels)) prob <- prob[, levels]
  if (any(prob < 0 | prob > 1, na.rm = TRUE)) {
    abort("argument", "`prob` must hold probabilities, from 0 to 1.")
  }
  check_number(bins, "bins", 1, 1e6, "argument")
  classes <- judged_classes(classes, levels)
  weights <- check_weights(weights, length(truth))
  weight <- if (is.null(weights)) rep(1, length(truth)) else weights
  known <- !is.na(truth) & rowSums(is.na(prob)) == 0 & weight > 0
  if (!any(known)) abort("argument", "There are no rows with both `truth` and `prob`.")
  edges <- seq(0, 1, length.out = round(bins) + 1)
  rows <- lapply(classes, function(class) {
    p <- prob[known, match(class, levels)]
    reliability_bins(class, p, truth[known] == class, weight[known], edges)
  })
  data <- do.call(rbind, rows)
  data$class <- factor(data$class, levels = classes)
  data
}

reliability_bins <- function(class, p, hit, weight, edges) {
  bin <- findInterval(p, edges, rightmost.closed = TRUE)
  n <- tapply(weight, bin, sum)
  share <- as.vector(tapply(weight * hit, bin, sum) / n)
  mean_prob <- as.vector(tapply(weight * p, bin, sum) / n)
  used <- as.integer(names(n))
  n <- as.vector(n)
  z <- stats::qnorm(0.975)
  centre <- (share + z^2 / (2 * n)) / (1 + z^2 / n)
  half <- z * sqrt(share * (1 - share) / n + z^2 / (4 * n^2)) / (1 + z^2 / n)
  data.frame(class = class, from = edges[used], to = edges[used + 1L], n = n, mean_prob = mean_prob,
             share = share, lower = centre - half, upper = centre + half)
}

training_reliability <- function(fit, data, ...) {
  check_probability(fit, "prob")
  data <- training_data(fit, data)
  reliability_data(factor(fit$levels[data$y$codes + 1L], levels = fit$levels),
                   predict_rows(fit, data$x, data$offset, "prob"), ..., weights = data$weights)
}

draw_reliability <- function(data, what = NULL) {
  classes <- levels(data$class)
  k <- length(classes)
  colours <- plot_colours(k)
  old <- plot_page(4, classes)
  on.exit(graphics::par(old))
  # The strip of counts takes what is below zero of the vertical axis.
  floor <- -0.24
  strip <- 0.17
  graphics::plot(NA, xlim = c(0, 1), ylim = c(floor, 1), axes = FALSE, ann = FALSE)
  plot_title("predicted probability", 1L)
  margin_text("share of the class", 2L, line = 2.6, at = 0.5, las = 0L,
              cex = fitting_cex("share of the class", 0.7 * graphics::par("pin")[2L]))
  ticks <- seq(0, 1, by = 0.2)
  graphics::segments(0, ticks, 1, ticks, col = "grey90", lwd = 0.8)
  graphics::segments(ticks, 0, ticks, 1, col = "grey90", lwd = 0.8)
  graphics::segments(0, 0, 1, 1, col = "grey50", lty = 2L)
  plot_axis(1L, ticks)
  plot_axis(2L, ticks)
  # Of many classes the intervals and counts would hide each other; the size of a point says
  # enough then.
  few <- k <= 3L
  most <- max(data$n)
  for (c in seq_len(k)) {
    bins <- data[data$class == classes[c], ]
    x <- bins$mean_prob + (c - (k + 1) / 2) * 0.006
    if (few) {
      graphics::segments(x, bins$lower, x, bins$upper, col = tint(colours[c], 0.55), lwd = 2)
    }
    # Bins of a row or two scatter from 0 to 1; of many classes their lines would hide all else.
    joined <- k <= 2L | bins$n >= 5
    for (run in split(which(joined), cumsum(c(1, diff(which(joined)) > 1))[seq_len(sum(joined))])) {
      graphics::lines(x[run], bins$share[run], col = colours[c], lwd = 2, lty = plot_lines(c)[c])
    }
    graphics::points(x, bins$share, pch = plot_symbols(k)[c], bg = colours[c], col = "white",
                     cex = 0.7 + 1.1 * sqrt(bins$n / most))
    width <- (bins$to - bins$from) * 0.9 / k
    left <- bins$from + (bins$to - bins$from) * 0.05 + (c - 1L) * width
    graphics::rect(left, floor, left + width, floor + strip * bins$n / most,
                   col = tint(colours[c], 0.75), border = NA)
  }
  # Below the 0 of the shares there is room for one number: that of the tallest bar.
  plot_axis(2L, floor + strip, labels = format(round(most, 1L), big.mark = thousands_mark()), cex.axis = 0.75)
  margin_text("rows", 2L, line = 0.5, at = floor + 0.2 * strip, las = 1L, cex = 0.75)
  legend_above(classes, pch = plot_symbols(k), pt.bg = colours, col = colours, pt.cex = 1.3)
  if (!is.null(what)) margin_text(what, 3L, line = 0.2, adj = 1, cex = 0.85, col = "grey40")
  invisible(data)
}
