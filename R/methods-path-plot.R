# Pictures of paths and cross-validations in base graphics; autoplot() draws the same numbers.

# More curves than this in a panel are not drawn: the largest are.
max_curves <- 200L

#' Plot a regularisation path
#'
#' Coefficient profiles: one curve for each column with a slope other than 0 somewhere on the path
#' (the 200 largest where there are more, and the title says so), one panel for each class, all on
#' one scale. The strongest penalty is on the left. The numbers above the first panel count the columns
#' with a slope other than 0. Up to eight curves are named in a legend; of more, the five largest are
#' named at their ends.
#'
#' @concept regularization path
#' @concept coefficient profile
#' @concept lasso path
#' @concept feature selection
#' @param x,object A path made by [linclass_path()].
#' @param xvar What the horizontal axis shows: `"lambda"` on a logarithmic axis (a point with
#'   `lambda = 0` has no place there and is left out); `"norm"`, the sum of the absolute slopes of
#'   all classes; or `"deviance"`, the share of the deviance that is explained.
#' @param label Whether the curves are named.
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
  draw_paths(curves, label)
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
    ggplot2::geom_line(show.legend = drawn <= most_named) +
    ggplot2::scale_colour_manual(values = unname(plot_colours(drawn))) +
    ggplot2::guides(colour = ggplot2::guide_legend(nrow = gg_rows(rownames(curves$slopes[[1L]])))) +
    ggplot2::labs(x = curves$label, y = "coefficient") + gg_style()
  panels <- length(curves$slopes)
  if (panels > 1L) {
    picture <- picture + ggplot2::facet_wrap(stats::as.formula("~ class")) +
      ggplot2::theme(axis.text.x = ggplot2::element_text(angle = 45, hjust = 1))
  }
  room <- ggplot2::expansion(0.05)
  if (drawn > most_named) {
    ends <- gg_end_labels(curves)
    room <- gg_room((1 + max(nchar(as.character(ends$data$term), "width"))) * min(panels, 3L))
    picture <- picture + ends
  }
  if (curves$log) picture + flipped_lambda(curves$at, if (panels > 1L) 3L else 6L, room) else
    picture + ggplot2::scale_x_continuous(expand = room)
}

# The names of the largest curves at their right ends.
gg_end_labels <- function(curves) {
  ends <- do.call(rbind, lapply(names(curves$slopes), function(class) {
    last <- curves$slopes[[class]][, length(curves$at)]
    named <- largest_ends(last)
    named <- named[order(last[named])]
    rows <- ceiling(length(curves$slopes) / 3) # of panels: the lower they are the further apart
    high <- diff(range(0, unlist(curves$slopes))) * if (rows > 1) 1.25 * rows else 1
    cells <- data.frame(class = rep(factor(class, names(curves$slopes)), length(named)),
                        term = names(last)[named],
                        estimate = moved_apart(unname(last[named]), 0.06 * high))
    cells[[curves$xvar]] <- rep(utils::tail(curves$at, 1L), length(named))
    cells
  }))
  ggplot2::geom_text(ggplot2::aes(label = paste0(" ", .data$term)), data = ends, hjust = 0, size = 3,
                     colour = "grey15", show.legend = FALSE)
}

# Room at the right for names of so many letters, on a page of 80 mm.
gg_room <- function(letters) ggplot2::expansion(c(0.05, max(0.05, min(0.8, letters / 28))))

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

# Powers of ten in the range of lambda, not more than `most`; or three values where there are fewer
# than two.
penalty_ticks <- function(lambda, most = 6L) {
  ends <- range(lambda)
  decades <- 10^seq(floor(log10(ends[1L])), ceiling(log10(ends[2L])))
  decades <- decades[decades >= ends[1L] & decades <= ends[2L]]
  decades <- decades[seq(1L, length(decades) + !length(decades), by = max(1, ceiling(length(decades) / most)))]
  decades <- decades[!is.na(decades)]
  if (length(decades) >= 2L) return(decades)
  unique(signif(c(ends[1L], sqrt(prod(ends)), ends[2L]), 2L))
}

# A logarithmic axis with the strongest penalty on the left; ggplot2 has none that is both.
flipped_lambda <- function(lambda, most = 6L, room = ggplot2::expansion(0.05)) {
  breaks <- penalty_ticks(lambda, most)
  flipped <- structure(
    class = c("linclass_flipped_log", "trans"),
    list(name = "flipped_log", transform = function(v) -log10(v), inverse = function(v) 10^-v,
         breaks = function(limits) breaks, minor_breaks = function(b, limits, n) NULL,
         format = function(v) format(v, trim = TRUE), domain = c(1e-300, Inf)))
  ggplot2::scale_x_continuous(trans = flipped, breaks = breaks, labels = lambda_labels(breaks),
                              expand = room)
}

# What is drawn: list(xvar, at = positions of the points, label, log, nonzero, slopes = a list with
# a dense matrix, columns x points, for each score, left_out).
path_curves <- function(path, xvar, class) {
  check_object(path, whole = TRUE)
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

# Up to this many curves are named in a legend; of more, the largest at their ends.
most_named <- 8L
named_ends <- 5L

largest_ends <- function(last) {
  utils::head(order(-abs(last)), min(named_ends, sum(last != 0)))
}

# One panel for each class. They share both scales, so the axes are drawn at the edges only and the
# curves of different classes can be compared.
draw_paths <- function(curves, label) {
  K <- length(curves$slopes)
  terms <- rownames(curves$slopes[[1L]])
  drawn <- length(terms)
  legend <- if (label && drawn > 0L && drawn <= most_named) terms
  # A single panel leaves the caller's layout alone.
  layout <- if (K > 1L) panel_layout(K) else c(1L, 1L)
  size <- graphics::par("cex")
  old <- graphics::par(c("mfrow", "oma", "cex")[K > 1L])
  old <- c(old, plot_page(4, legend))
  on.exit(graphics::par(old))
  columns <- if (length(legend)) legend_columns(legend) # of the page, which is wider than a panel
  names <- if (label && drawn > most_named) shortened(terms[unlist(lapply(curves$slopes, function(s) {
    largest_ends(s[, ncol(s)])
  }))])
  beside <- if (length(names)) 0.4 + 0.42 * max(nchar(names, "width")) else 0.8
  above <- graphics::par("mar")[3L] + 1.4
  if (K > 1L) {
    graphics::par(mfrow = layout)
    graphics::par(cex = size, mar = c(0.6, 0.5, 2, beside), oma = c(3, 3.6, above - 0.8 * !length(legend), 0.3))
  } else {
    graphics::par(mar = c(3.4, 4, above + 1.2 * (curves$left_out > 0L), beside))
  }
  range <- range(0, unlist(lapply(curves$slopes, as.vector)))
  for (k in seq_len(K)) {
    edge <- c(bottom = k > K - layout[2L], left = (k - 1L) %% layout[2L] == 0L, top = k == 1L)
    draw_path(curves, curves$slopes[[k]], range, edge, length(names) > 0L)
    if (K > 1L) margin_text(names(curves$slopes)[k], 3L, line = 0.85, adj = 0)
    if (k == 1L) path_heading(curves, legend, columns, if (K > 1L) 2 else 1.3)
  }
  outer <- K > 1L
  graphics::mtext(curves$label, 1L, line = if (outer) 1.9 else 2.2, outer = outer, cex = size)
  graphics::mtext("coefficient", 2L, line = 2.6, outer = outer, las = 0L, cex = size)
}

# Rows and columns of panels that are about as wide as high, few of them empty.
panel_layout <- function(K) {
  rows <- seq_len(K)
  columns <- ceiling(K / rows)
  page <- graphics::par("din")
  shape <- (page[1L] / columns) / (page[2L] / rows)
  best <- which.min(abs(log(shape)) + rows * columns - K)
  c(rows[best], columns[best])
}

path_heading <- function(curves, legend, columns, up) {
  drawn <- nrow(curves$slopes[[1L]])
  if (curves$left_out) {
    margin_text(sprintf("%d largest of %s curves", drawn, count(drawn + curves$left_out)), 3L,
                line = 1.1, adj = 0, col = "grey40", cex = 0.9)
  }
  if (length(legend)) {
    legend_above(legend, up = up, columns = columns, col = plot_colours(drawn), lty = path_lines(drawn),
                 lwd = 2)
  }
}

path_lines <- function(n) rep_len(rep(1:5, each = 9L), n)

draw_path <- function(curves, slopes, range, edge, named) {
  at <- curves$at
  path_frame(at, range, curves$log, edge, curves$nonzero)
  graphics::abline(h = 0, lty = 3L, col = "grey40")
  drawn <- nrow(slopes)
  if (!drawn) return(invisible())
  graphics::matlines(at, t(slopes), col = plot_colours(drawn), lwd = if (drawn > 40L) 0.8 else 1.8,
                     lty = path_lines(drawn))
  if (named) label_ends(slopes[, ncol(slopes)], rownames(slopes))
}

# Axes of a picture over the points of a path, the strongest penalty on the left; `edge` says which
# of them are drawn.
path_frame <- function(at, range, log, edge = c(bottom = TRUE, left = TRUE, top = TRUE), nonzero) {
  graphics::plot(NA, xlim = if (log) rev(range(at)) else range(at), ylim = range,
                 log = if (log) "x" else "", axes = FALSE, ann = FALSE)
  room <- floor(graphics::par("pin")[1L] / (4 * graphics::par("csi")))
  ticks <- if (log) penalty_ticks(at, max(2, room)) else pretty(at, max(2, min(5, room)))
  graphics::abline(h = pretty(range), col = "grey92", lwd = 0.8)
  graphics::abline(v = ticks, col = "grey92", lwd = 0.8)
  plot_axis(1L, ticks, labels = if (edge[["bottom"]]) lambda_labels(ticks) else FALSE)
  if (edge[["left"]]) plot_axis(2L)
  graphics::box(bty = "l", col = "grey60")
  if (edge[["top"]]) {
    nearest <- vapply(ticks, function(tick) which.min(abs(at - tick)), 1L)
    graphics::axis(3L, ticks, nonzero[nearest], tick = FALSE, line = -0.9, cex.axis = 0.8,
                   col.axis = "grey40")
  }
}

# Increasing places, moved up until neighbours are `gap` apart.
moved_apart <- function(up, gap) {
  for (i in seq_along(up)[-1L]) up[i] <- max(up[i], up[i - 1L] + gap)
  up
}

shortened <- function(names) {
  ifelse(nchar(names, "width") > 16L, paste0(strtrim(names, 15L), "~"), names)
}

# The names of the largest curves beside their ends, moved apart where they would touch.
label_ends <- function(last, names) {
  named <- largest_ends(last)
  named <- named[order(last[named])]
  if (!length(named)) return(invisible())
  up <- moved_apart(last[named], 1.5 * graphics::strheight("M", cex = 0.75))
  up <- up - max(0, max(up) - graphics::par("usr")[4L])
  margin_text(shortened(names[named]), 4L, at = up, line = 0.15, las = 1L, cex = 0.75, col = "grey15")
}

#' Plot a cross-validation curve
#'
#' @concept cross-validation curve
#' @concept one standard error rule
#' @concept tuning parameter
#' @description
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
  check_object(x, whole = TRUE)
  check_no_dots(list(...), "metric")
  drawn <- cv_curve(x, metric)
  table <- drawn$table
  old <- plot_page(4.6)
  on.exit(graphics::par(old))
  graphics::par(mar = c(3.4, 4.6, 2.6, 0.8))
  path_frame(table$lambda, range(table$low, table$high, finite = TRUE), TRUE, nonzero = table$nonzero)
  plot_title("lambda", 1L)
  plot_title(drawn$title, 2L, line = 3.4)
  colours <- plot_colours(3L)
  marks <- colours[c(3L, 2L)]
  graphics::abline(v = unlist(drawn$best), lty = 2:1, col = marks, lwd = 1.3)
  graphics::segments(table$lambda, table$low, table$lambda, table$high, col = "grey60")
  graphics::points(table$lambda, table$mean, pch = 16L, cex = 0.7, col = colours[1L])
  chosen <- match(unlist(drawn$best), table$lambda)
  graphics::points(table$lambda[chosen], table$mean[chosen], pch = c(17L, 15L), col = marks)
  name_lines(unlist(drawn$best), marks)
  invisible(table)
}

# The names of vertical lines above the frame, each in the colour of its line: the rightmost to the
# right of its line, the other to the left, or turned round where the page ends.
name_lines <- function(at, colours) {
  usr <- 10^graphics::par("usr")[1:2]
  share <- (log(at) - log(usr[1L])) / diff(log(usr))
  side <- rank(share, ties.method = "first") - 1 # 0: its text ends at the line, 1: it begins there
  wide <- graphics::strwidth(names(at), "inches", cex = 0.9) / graphics::par("pin")[1L]
  left <- pmin(pmax(share - (1 - side) * wide, 0), 1 - wide)
  for (i in seq_along(at)) {
    margin_text(paste0(" ", names(at)[i], " "), 3L, line = 1.1, cex = 0.9, col = colours[i], adj = 0,
                at = exp(log(usr[1L]) + left[i] * diff(log(usr))))
  }
}

#' @rdname plot.linclass_cv
#' @exportS3Method ggplot2::autoplot
autoplot.linclass_cv <- function(object, metric = NULL, ...) {
  check_object(object, whole = TRUE)
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
