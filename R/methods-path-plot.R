# Pictures of paths and cross-validations in base graphics; autoplot() draws the same numbers.

# More curves than this in a panel are not drawn: the largest are.
max_curves <- 200L

#' Plot a path
#'
#' One curve for each column with a slope other than 0 somewhere on the path (the 200 largest where
#' there are more, and the title says so), one panel for each score. The strongest penalty is on the
#' left. The axis on top counts the columns with a slope other than 0.
#'
#' @param x,object A path made by [linclass_path()].
#' @param xvar What the horizontal axis shows: `"lambda"` on a logarithmic axis (a point with
#'   `lambda = 0` has no place there and is left out); `"norm"`, the sum of the absolute slopes of
#'   all classes; or `"deviance"`, the share of the deviance that is explained.
#' @param label Whether the largest curves are named at their ends.
#' @param class `NULL`, or the names of the classes to draw. By default all, but not more than the
#'   first 12.
#' @param ... Not used.
#' @return `plot()`: what was drawn, invisibly: a data frame with the columns `class`, `term`, one
#'   named by `xvar`, and `estimate`. `autoplot()`: a plot of package ggplot2 of these data.
#' @seealso [linclass_path()], [plot.linclass_cv()]
#' @family plots
#' @examples
#' path <- linclass_path(Species ~ ., iris, nlambda = 50)
#' plot(path)
#' plot(path, "deviance", label = FALSE)
#' @export
plot.linclass_path <- function(x, xvar = c("lambda", "norm", "deviance"), label = TRUE,
                               class = NULL, ...) {
  check_no_dots(list(...), c("xvar", "label", "class"))
  xvar <- match_choice(xvar)
  curves <- path_curves(x, xvar, class)
  K <- length(curves$slopes)
  names <- rownames(curves$slopes[[1L]])
  width <- if (label && length(names)) min(max(nchar(names, "width")), 16L) else 0
  # A single panel leaves the caller's layout alone.
  old <- graphics::par(c(if (K > 1L) list(mfrow = grDevices::n2mfrow(K)),
                         list(las = 1L, mar = c(4.1, 4.1, 3.1, 0.6 + 0.45 * width))))
  on.exit(graphics::par(old))
  for (class in names(curves$slopes)) {
    draw_path(curves, curves$slopes[[class]], if (K > 1L) class, label)
  }
  invisible(curve_data(curves))
}

#' @rdname plot.linclass_path
#' @exportS3Method ggplot2::autoplot
autoplot.linclass_path <- function(object, xvar = c("lambda", "norm", "deviance"), class = NULL,
                                   ...) {
  check_no_dots(list(...), c("xvar", "class"))
  xvar <- match_choice(xvar)
  curves <- path_curves(object, xvar, class)
  drawn <- nrow(curves$slopes[[1L]])
  if (!drawn) abort("argument", "All slopes of the path are zero: there is nothing to draw.")
  picture <- ggplot2::ggplot(curve_data(curves), ggplot2::aes(
    x = .data[[xvar]], y = .data$estimate, colour = .data$term)) +
    ggplot2::geom_hline(yintercept = 0, linetype = 3L, colour = "grey40") +
    ggplot2::geom_line(show.legend = drawn <= 20L) +
    ggplot2::scale_colour_manual(values = unname(plot_colours(drawn))) +
    ggplot2::labs(x = curves$label, y = "coefficient") + gg_style()
  if (length(curves$slopes) > 1L) {
    picture <- picture + ggplot2::facet_wrap(stats::as.formula("~ class"))
  }
  if (curves$log) picture + flipped_lambda(curves$at) else picture
}

# A row for each point of each curve.
curve_data <- function(curves) {
  classes <- names(curves$slopes)
  terms <- rownames(curves$slopes[[1L]])
  cells <- expand.grid(term = factor(terms, terms), at = curves$at,
                       class = factor(classes, classes))[c("class", "term", "at")]
  names(cells)[3L] <- curves$xvar
  cells$estimate <- unlist(lapply(curves$slopes, as.vector), use.names = FALSE)
  cells
}

# Powers of ten in the range of lambda, or three values where there are fewer than two.
penalty_ticks <- function(lambda) {
  ends <- range(lambda)
  decades <- 10^seq(floor(log10(ends[1L])), ceiling(log10(ends[2L])))
  decades <- decades[decades >= ends[1L] & decades <= ends[2L]]
  if (length(decades) >= 2L) return(decades)
  unique(signif(c(ends[1L], sqrt(prod(ends)), ends[2L]), 2L))
}

# A logarithmic axis with the strongest penalty on the left; ggplot2 has none that is both.
flipped_lambda <- function(lambda) {
  breaks <- penalty_ticks(lambda)
  flipped <- structure(
    class = c("linclass_flipped_log", "trans"),
    list(name = "flipped_log", transform = function(v) -log10(v), inverse = function(v) 10^-v,
         breaks = function(limits) breaks, minor_breaks = function(b, limits, n) NULL,
         format = function(v) format(v, trim = TRUE), domain = c(1e-300, Inf)))
  ggplot2::scale_x_continuous(trans = flipped, breaks = breaks, labels = lambda_labels(breaks))
}

# What is drawn: list(xvar, at = positions of the points, label, log, nonzero, slopes = a list with
# a dense matrix, columns x points, for each score, left_out).
path_curves <- function(path, xvar, class) {
  check_version(path)
  kept <- if (xvar == "lambda") path$lambda > 0 else rep(TRUE, length(path$lambda))
  if (xvar == "deviance" && all(is.na(path$points$deviance_ratio))) {
    abort("argument", "The share of the deviance is not known for this path.")
  }
  W <- lapply(path$coefficients, function(w) {
    if (path$intercept) w[-1L, kept, drop = FALSE] else w[, kept, drop = FALSE]
  })
  norm <- Reduce(`+`, lapply(W, function(w) Matrix::colSums(abs(w))))
  W <- W[shown_panels(names(W), class)]
  height <- peak(W)
  drawn <- which(height > 0)
  left_out <- max(length(drawn) - max_curves, 0L)
  if (left_out) drawn <- sort(drawn[order(-height[drawn])[seq_len(max_curves)]])
  list(xvar = xvar,
       at = unname(switch(xvar, lambda = path$lambda[kept], norm = norm,
                          deviance = path$points$deviance_ratio)),
       label = c(lambda = "lambda", norm = "sum of absolute slopes",
                 deviance = "share of deviance explained")[[xvar]],
       log = xvar == "lambda", nonzero = path$points$nonzero[kept],
       slopes = lapply(W, function(w) as.matrix(w[drawn, , drop = FALSE])), left_out = left_out)
}

shown_panels <- function(names, class) {
  if (is.null(class)) return(utils::head(names, 12L))
  unknown <- setdiff(class, names)
  if (length(unknown) || !length(class)) {
    abort("argument", sprintf("`class` must name scores of the path (%s), not %s.",
                              enumerate(names, 10L, "\""), enumerate(unknown, 5L, "\"")))
  }
  class
}

# The largest absolute value of each row over all matrices.
peak <- function(W) {
  row <- unlist(lapply(W, function(w) w@i)) + 1L
  value <- abs(unlist(lapply(W, function(w) w@x)))
  order <- order(value)
  height <- double(nrow(W[[1L]]))
  height[row[order]] <- value[order] # the last assignment of a row is its largest value
  height
}

draw_path <- function(curves, slopes, class, label) {
  at <- curves$at
  drawn <- nrow(slopes)
  title <- c(class, if (curves$left_out) sprintf("%d largest of %s curves", drawn,
                                                 count(drawn + curves$left_out)))
  draw_frame(at, range(0, slopes), curves$log, curves$label, "coefficient", curves$nonzero,
             paste(title, collapse = ", "))
  graphics::abline(h = 0, lty = 3L, col = "grey40")
  if (!drawn) return(invisible())
  colours <- plot_colours(drawn)
  graphics::matlines(at, t(slopes), col = colours, lwd = 1.5,
                     lty = rep_len(rep(1:5, each = 9L), drawn))
  if (label) label_ends(slopes[, ncol(slopes)], rownames(slopes), colours)
}

# Axes of a picture over the points of a path, the strongest penalty on the left.
draw_frame <- function(at, range, log, xlab, ylab, nonzero, title) {
  graphics::plot(at[1L], range[1L], type = "n", xlim = if (log) rev(range(at)) else range(at),
                 ylim = range, log = if (log) "x" else "", xaxt = "n", xlab = xlab, ylab = ylab)
  ticks <- if (log) penalty_ticks(at) else pretty(at)
  graphics::axis(1L, ticks, lambda_labels(ticks))
  nearest <- vapply(ticks, function(tick) which.min(abs(at - tick)), 1L)
  graphics::axis(3L, ticks, nonzero[nearest], tick = FALSE, line = -0.7, cex.axis = 0.8)
  graphics::title(main = title, font.main = 1L, cex.main = 1, line = 1.6)
}

# Names beside the ends of the curves, the largest first, where there is room.
label_ends <- function(value, names, colours) {
  gap <- 1.1 * graphics::strheight("M", cex = 0.7)
  placed <- integer()
  for (i in order(-abs(value))) {
    if (value[i] != 0 && all(abs(value[placed] - value[i]) > gap)) placed <- c(placed, i)
  }
  short <- ifelse(nchar(names, "width") > 16L, paste0(strtrim(names, 15L), "~"), names)
  if (length(placed)) {
    graphics::mtext(short[placed], side = 4L, at = value[placed], line = 0.2, las = 1L, cex = 0.7,
                    col = colours[placed])
  }
}

#' Plot a cross-validation
#'
#' The mean of a metric over folds, with bars of one standard error, for each `lambda`. The
#' strongest penalty is on the left; vertical lines mark `lambda.1se` and `lambda.min` of the
#' metric. The axis on top counts the columns with a slope other than 0.
#'
#' @param x,object A cross-validation made by [linclass_cv()].
#' @param metric `NULL` for the first metric, or the name of one that was measured.
#' @param ... Not used.
#' @return `plot()`: what was drawn, invisibly: the rows of `metrics` with the columns `low` and
#'   `high`, the ends of the bars. `autoplot()`: a plot of package ggplot2 of these data.
#' @family plots
#' @seealso [linclass_cv()], [plot.linclass_path()]
#' @examples
#' cv <- linclass_cv(Species ~ ., iris, folds = 5, nlambda = 30, metric = c("deviance", "error"))
#' plot(cv)
#' plot(cv, "error")
#' @export
plot.linclass_cv <- function(x, metric = NULL, ...) {
  check_no_dots(list(...), "metric")
  drawn <- cv_curve(x, metric)
  table <- drawn$table
  old <- graphics::par(las = 1L, mar = c(4.1, 4.6, 3.6, 1.1))
  on.exit(graphics::par(old))
  draw_frame(table$lambda, range(table$low, table$high, finite = TRUE), TRUE, "lambda",
             drawn$title, table$nonzero, "")
  colours <- plot_colours(2L)
  graphics::abline(v = unlist(drawn$best), lty = 2:3, col = "grey40")
  graphics::segments(table$lambda, table$low, table$lambda, table$high, col = "grey60")
  graphics::points(table$lambda, table$mean, pch = 16L, cex = 0.7, col = colours[1L])
  chosen <- match(unlist(drawn$best), table$lambda)
  graphics::points(table$lambda[chosen], table$mean[chosen], pch = c(17L, 15L), col = colours[2L])
  graphics::legend("top", names(drawn$best), pch = c(17L, 15L), lty = 2:3, col = colours[2L],
                   bty = "n", horiz = TRUE, cex = 0.8)
  invisible(table)
}

#' @rdname plot.linclass_cv
#' @exportS3Method ggplot2::autoplot
autoplot.linclass_cv <- function(object, metric = NULL, ...) {
  check_no_dots(list(...), "metric")
  drawn <- cv_curve(object, metric)
  chosen <- data.frame(lambda = unlist(drawn$best), which = names(drawn$best))
  ggplot2::ggplot(drawn$table, ggplot2::aes(x = .data$lambda, y = .data$mean)) +
    ggplot2::geom_vline(data = chosen, mapping = ggplot2::aes(xintercept = .data$lambda,
                                                              linetype = .data$which)) +
    ggplot2::geom_linerange(ggplot2::aes(ymin = .data$low, ymax = .data$high),
                            colour = "grey60") +
    ggplot2::geom_point(colour = plot_colours(1L)) +
    ggplot2::labs(y = drawn$title) + gg_style() + flipped_lambda(drawn$table$lambda)
}

# The points of one metric that have a place on a logarithmic axis, and those that were chosen.
cv_curve <- function(cv, metric) {
  names <- cv$best$metric
  if (is.null(metric)) metric <- names[1L]
  if (!is.character(metric) || length(metric) != 1L || !metric %in% names) {
    abort("argument", sprintf("`metric` must be %s, not %s.",
                              paste(dQuote(names, FALSE), collapse = " or "),
                              describe_value(metric)))
  }
  table <- metric_table(cv, metric)
  table <- table[table$lambda > 0 & is.finite(table$mean), ]
  if (!nrow(table)) abort("argument", "There is no point with lambda > 0 to draw.")
  se <- ifelse(is.finite(table$se), table$se, 0)
  table$low <- table$mean - se
  table$high <- table$mean + se
  list(table = table, title = cv$titles[[metric]],
       best = cv$best[names == metric, c("lambda.min", "lambda.1se")])
}
