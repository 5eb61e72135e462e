# The pictures of methods-plot.R for users of ggplot2: the same data, a plot object to go on with.
# The methods are registered when ggplot2 is loaded; nothing here runs without it.

utils::globalVariables(".data")

#' Plot a fitted linear classifier with ggplot2
#'
#' @concept ggplot2
#' @description
#' `autoplot(fit, which)` makes the pictures of [plot.linclass()] as objects of ggplot2, to which
#' layers, scales and themes can be added. The theme is the one that [ggplot2::theme_set()] chose.
#' The methods need the package ggplot2, whose `autoplot()` is the generic.
#'
#' @param object A fit made by [linclass()].
#' @param which,data,max_terms As in [plot.linclass()].
#' @param ... For `"history"`, `"weights"` and `"reliability"`: arguments of [plot_history()]
#'   (`time`, `values`), [plot_weights()] (`shape`, `channels`) and [plot_reliability()] (`bins`,
#'   `classes`).
#' @return A `ggplot` object whose `data` are what [plot.linclass()] returns (for `"weights"` in the
#'   long form: `class`, `channel`, `row`, `column`, `weight`). Errors as there.
#' @family plots
#' @examplesIf requireNamespace("ggplot2", quietly = TRUE)
#' fit <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0)
#' ggplot2::autoplot(fit, "boundary")
#' ggplot2::autoplot(fit, "coefficients") + ggplot2::theme_bw()
#' @exportS3Method ggplot2::autoplot
autoplot.linclass <- function(object, which = c("coefficients", "history", "boundary", "weights",
                                                "confusion", "reliability"),
                              data = NULL, ..., max_terms = 30) {
  check_object(object, whole = TRUE)
  which <- match_choice(which)
  switch(which,
         history = gg_history(history_data(list(object), ...)),
         coefficients = gg_coefficients(coefficient_data(object, max_terms)),
         boundary = gg_boundary(object, boundary_data(object, data)),
         weights = gg_weights(object, ...),
         confusion = gg_confusion(training_confusion(object, data)),
         reliability = gg_reliability(training_reliability(object, data, ...)))
}

# No theme of our own: only the place of the legend is set, all else is the user's theme.
gg_style <- function() {
  ggplot2::theme(legend.position = "top", legend.title = ggplot2::element_blank())
}

# Entries of a legend stand in so many rows that they fit on a page of 80 mm, which is about 42 letters
# wide; a key is as wide as five. NULL where one row is enough: it may be a column in the user's theme.
gg_rows <- function(labels) {
  columns <- max(1L, min(length(labels), 42L %/% (5L + max(nchar(labels, "width")))))
  if (sum(nchar(labels, "width") + 5L) > 42L) ceiling(length(labels) / columns)
}

gg_classes <- function(k, aesthetics) {
  list(ggplot2::scale_colour_manual(values = unname(plot_colours(k)), aesthetics = aesthetics),
       ggplot2::scale_shape_manual(values = plot_symbols(k)))
}

# Panels whose axis is not logarithmic.
plain_history <- c("objective", "validation", "mistakes")

gg_history <- function(data) {
  values <- history_panels(data)
  long <- do.call(rbind, lapply(values, function(value) {
    data.frame(data[1:2], value = data[[value]],
               panel = factor(history_titles[[value]], levels = unname(history_titles[values])))
  }))
  # Zero has no place on a logarithmic axis.
  shown <- long[is.finite(long$value) & (long$value > 0 | long$panel %in% history_titles[plain_history]), ]
  plot <- ggplot2::ggplot(data, ggplot2::aes(x = .data$time, y = .data$value)) +
    ggplot2::geom_line(colour = plot_colours(1L), data = shown) +
    ggplot2::geom_point(colour = plot_colours(1L), data = shown) +
    ggplot2::facet_wrap(ggplot2::vars(.data$panel), scales = "free_y") +
    ggplot2::labs(x = attr(data, "time"), y = NULL) + gg_style()
  if (any(plain_history %in% values)) plot else plot + ggplot2::scale_y_log10()
}

gg_coefficients <- function(data) {
  k <- nlevels(data$class)
  beside <- ggplot2::position_dodge(width = min(0.2 * k, 0.7) * (k > 1L))
  data$term <- factor(data$term, levels = rev(levels(data$term)))
  plot <- ggplot2::ggplot(data, ggplot2::aes(
    x = .data$term, y = .data$estimate, ymin = .data$lower, ymax = .data$upper,
    colour = .data$class, fill = .data$class, shape = .data$class,
    group = -as.integer(.data$class))) +
    ggplot2::geom_hline(yintercept = 0, colour = "grey50") +
    ggplot2::geom_linerange(position = beside) + ggplot2::geom_point(position = beside, size = 2) +
    ggplot2::coord_flip() + ggplot2::labs(x = NULL, y = coefficient_title(data)) +
    gg_classes(k, c("colour", "fill")) + gg_style()
  if (k == 1L) plot + ggplot2::theme(legend.position = "none") else plot
}

gg_boundary <- function(fit, rows) {
  k <- length(fit$levels)
  grid <- boundary_grid(fit, rows)
  colours <- tint(plot_colours(k)[grid$class], grid$strength)
  cells <- length(grid$x)
  picture <- t(matrix(colours, cells))[cells:1L, ]
  names <- names(rows)[1:2]
  rows$edge <- ifelse(rows$class == rows$predicted, "right", "wrong")
  ggplot2::ggplot(rows, ggplot2::aes(x = .data[[names[1L]]], y = .data[[names[2L]]])) +
    ggplot2::annotation_raster(picture, min(grid$x), max(grid$x), min(grid$y), max(grid$y)) +
    gg_margin(fit, rows, grid) +
    ggplot2::geom_point(ggplot2::aes(fill = .data$class, shape = .data$class, colour = .data$edge),
                        size = 2.2 * crowd_size(nrow(rows)), stroke = 0.5 * crowd_size(nrow(rows))) +
    ggplot2::scale_colour_manual(values = c(right = "white", wrong = "black"), breaks = "wrong") +
    ggplot2::guides(fill = ggplot2::guide_legend(order = 1L, nrow = gg_rows(fit$levels),
                                                 override.aes = list(colour = "white")),
                    shape = ggplot2::guide_legend(order = 1L, nrow = gg_rows(fit$levels)),
                    colour = ggplot2::guide_legend(order = 2L, override.aes = list(shape = 21L))) +
    ggplot2::coord_cartesian(range(grid$x), range(grid$y), expand = FALSE) +
    ggplot2::labs(x = names[1L], y = names[2L]) + gg_classes(k, "fill") + gg_style() +
    ggplot2::theme(legend.box = if (is.null(gg_rows(c(fit$levels, "wrong")))) "horizontal" else "vertical",
                   legend.spacing.y = ggplot2::unit(0, "pt"))
}

# Dashed lines where a class leads the others by 1, circles about the support vectors.
gg_margin <- function(fit, rows, grid) {
  if (is.null(grid$lead)) return(NULL)
  lead <- cbind(expand.grid(x = grid$x, y = grid$y), lead = grid$lead)
  inside <- rows[rows$margin <= 1 + margin_width, ]
  list(if (!is_ovr(fit)) ggplot2::geom_contour(ggplot2::aes(x = .data$x, y = .data$y, z = .data$lead), lead, breaks = 1,
                                               colour = "grey25", linetype = 2L, inherit.aes = FALSE),
       ggplot2::geom_point(data = inside, shape = 1L, size = 4, colour = "black"))
}

gg_weights <- function(fit, shape = NULL, channels = c("sum", "each"), limit = NULL) {
  channels <- match_choice(channels)
  templates <- weight_templates(fit, shape, channels)
  size <- dim(templates)
  classes <- dimnames(templates)[[length(size)]]
  parts <- if (channels == "each") c("red", "green", "blue") else "sum"
  long <- expand.grid(row = seq_len(size[1L]), column = seq_len(size[2L]),
                      channel = factor(parts, levels = parts),
                      class = factor(classes, levels = classes))
  long$weight <- as.vector(templates)
  limit <- template_limit(templates, limit)
  panels <- if (channels == "each") {
    ggplot2::facet_grid(ggplot2::vars(.data$class), ggplot2::vars(.data$channel))
  } else {
    ggplot2::facet_wrap(ggplot2::vars(.data$class))
  }
  ggplot2::ggplot(long, ggplot2::aes(x = .data$column, y = .data$row, fill = .data$weight)) +
    ggplot2::geom_raster() + panels + ggplot2::scale_y_reverse() + ggplot2::coord_equal() +
    ggplot2::scale_fill_gradientn(colours = diverging(seq(-1, 1, length.out = 51L)),
                                  limits = c(-limit, limit), breaks = c(-limit, 0, limit),
                                  labels = format(signif(c(-limit, 0, limit), 2L)), oob = gg_squish, name = "weight") +
    ggplot2::theme(legend.position = "bottom", legend.key.width = ggplot2::unit(3, "lines"),
                   legend.title = ggplot2::element_blank(),
                   axis.text = ggplot2::element_blank(), axis.title = ggplot2::element_blank(),
                   axis.ticks = ggplot2::element_blank(), panel.grid = ggplot2::element_blank())
}

# What lies beyond the limits has the colour of the end.
gg_squish <- function(v, range) pmin(pmax(v, range[1L]), range[2L])

gg_confusion <- function(data) {
  label <- confusion_labels(data)
  # Two lines of text need room that cells of many classes have not.
  shares <- data$count > 0 & nlevels(data$truth) <= 4L
  data$label <- paste0(label$count, ifelse(shares, paste0("\n", label$share), ""))
  dark <- !is.nan(data$share) & data$share > 0.6
  ggplot2::ggplot(data, ggplot2::aes(x = .data$truth, y = .data$answer)) +
    ggplot2::geom_tile(fill = confusion_colours(data), colour = "white") +
    ggplot2::geom_text(ggplot2::aes(label = .data$label), size = min(3.2, 26 / nlevels(data$truth)),
                       colour = ifelse(dark, "white", "grey10")) +
    ggplot2::scale_y_discrete(limits = rev) + ggplot2::coord_equal() +
    ggplot2::labs(subtitle = confusion_title(data, "training rows")) + gg_style() +
    ggplot2::theme(panel.grid = ggplot2::element_blank(),
                   axis.text.x = if (nlevels(data$truth) > 4L) {
                     ggplot2::element_text(angle = 45, hjust = 1)
                   })
}

gg_reliability <- function(data) {
  k <- nlevels(data$class)
  joined <- data[data$n >= 5 | k <= 2L, ]
  joined <- joined[stats::ave(joined$n, joined$class, FUN = length) > 1, ] # a line has two ends
  ggplot2::ggplot(data, ggplot2::aes(x = .data$mean_prob, y = .data$share, colour = .data$class,
                                     fill = .data$class, shape = .data$class)) +
    ggplot2::geom_abline(slope = 1, intercept = 0, linetype = 2L, colour = "grey50") +
    ggplot2::geom_linerange(ggplot2::aes(ymin = .data$lower, ymax = .data$upper), alpha = 0.5) +
    ggplot2::geom_line(data = joined) + ggplot2::geom_point(ggplot2::aes(size = .data$n)) +
    ggplot2::scale_size_area(max_size = 4, guide = "none") +
    ggplot2::coord_equal(xlim = c(0, 1), ylim = c(0, 1)) +
    ggplot2::labs(x = "predicted probability", y = "share of the class",
                  subtitle = "training rows") +
    (if (k > 2L) list(ggplot2::facet_wrap(ggplot2::vars(.data$class)),
                      ggplot2::scale_x_continuous(breaks = c(0, 0.5, 1), labels = c("0", "0.5", "1")),
                      ggplot2::scale_y_continuous(breaks = c(0, 0.5, 1)))) +
    gg_classes(k, c("colour", "fill")) + gg_style() +
    (if (k > 2L) ggplot2::theme(legend.position = "none")) # the panels name the classes
}
