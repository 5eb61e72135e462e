# Pictures of a fit in base graphics. Each picture is two functions: one gathers what is to be seen
# into a data frame, which the public function also returns, and one draws it; autoplot.R draws the
# same data with ggplot2. Colours are the Okabe-Ito palette, which colour-blind readers can tell
# apart; classes and curves also differ by symbol or line type.

#' Plot a fitted linear classifier
#'
#' Draws a fit: its coefficients with confidence intervals, the decision regions of two features,
#' the convergence of the solver, weights as images, the confusion matrix or the calibration of the
#' training rows. Nothing is left out in silence: labels shrink until all of them fit.
#'
#' @concept decision boundary
#' @concept decision region
#' @concept variable importance plot
#' @concept coefficient plot
#' @concept forest plot
#' @param x A fit made by [linclass()].
#' @param which What to draw:
#'   * `"coefficients"`: the coefficients, with 95 % Wald intervals where there are standard errors;
#'   * `"history"`: how far the objective was above its minimum, and the norm of the gradient, after
#'     each iteration (after each epoch for `minibatch`), on logarithmic axes; [plot_history()]
#'     shows several fits together;
#'   * `"boundary"`: for two features, the regions of the predicted classes and the training rows;
#'     the more certain the answer the deeper the colour (where the loss has probabilities), and
#'     rows in a region that is not theirs have a dark edge. For the hinges dashed lines are the
#'     margin, where a class leads the others by 1, and circles mark the support vectors; see [support()];
#'   * `"weights"`: for pictures, the weights as pictures; see [plot_weights()];
#'   * `"confusion"`: answers and truth of the training rows; see [plot_confusion()];
#'   * `"reliability"`: whether the probabilities of the training rows come true; see
#'     [plot_reliability()].
#' @param data `NULL`, or the training data, as in [fitted.linclass()]; read for `"boundary"`,
#'   `"confusion"` and `"reliability"`. How a fit does on other data is a question for
#'   [plot_confusion()] and [plot_reliability()].
#' @param max_terms For `"coefficients"`: the largest number of terms to draw. If there are more,
#'   those with the largest absolute coefficient (divided by its standard error where there is one)
#'   are drawn.
#' @param main A title above the picture.
#' @param ... For `"boundary"` passed on to [graphics::plot()]; for `"weights"`, `"history"` and
#'   `"reliability"` to the function named above.
#' @return What was drawn, invisibly: for `"history"`, `"weights"`, `"confusion"` and
#'   `"reliability"` as in the function named above. For `"coefficients"` a data frame with columns
#'   `class`, `term`, `estimate`, `lower`, `upper`. For `"boundary"` a data frame of the training
#'   rows: the two features, `class` and `predicted`, and for the hinges their `margin`.
#'
#'   Errors: `linclass_error_argument` if there is nothing to draw (another number of features than
#'   two for `"boundary"`), `linclass_error_data` if the training data cannot be found,
#'   `linclass_error_no_probability` for the reliability of a loss that has no probabilities.
#' @seealso [plot_losses()] and [plot_contours()] for pictures of losses.
#' @family plots
#' @examples
#' fit <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0,
#'                 solver = "lbfgs")
#' plot(fit, "history")
#' plot(fit, "coefficients")
#' plot(fit, "boundary")
#' plot(fit, "confusion")
#' @export
plot.linclass <- function(x, which = c("coefficients", "history", "boundary", "weights",
                                       "confusion", "reliability"),
                          data = NULL, ..., max_terms = 30, main = NULL) {
  check_object(x, whole = TRUE)
  which <- match_choice(which)
  if (which %in% c("coefficients", "confusion")) {
    check_foreign_dots(list(...), setdiff(names(formals()), c("x", "...")),
                       c(type = " The pictures are chosen by `which`."))
  }
  page$title <- if (is.null(main)) 0 else 1.4
  on.exit(page$title <- 0)
  drawn <- switch(which,
    coefficients = draw_coefficients(coefficient_data(x, max_terms)),
    history = draw_history(history_data(list(x), ...)),
    boundary = draw_boundary(x, boundary_data(x, data), ...),
    weights = plot_weights(x, ...),
    confusion = draw_confusion(training_confusion(x, data), "training rows"),
    reliability = draw_reliability(training_reliability(x, data, ...), "training rows"))
  if (!is.null(main)) title_above(main)
  invisible(drawn)
}

# --- style -------------------------------------------------------------------------------------

plot_colours <- function(n) {
  rep_len(grDevices::palette.colors(9L, "Okabe-Ito")[c(6L, 7L, 4L, 2L, 8L, 3L, 1L, 5L, 9L)], n)
}

# Filled symbols with an edge.
plot_symbols <- function(n) rep_len(c(21L, 24L, 22L, 23L, 25L), n)

plot_lines <- function(n) rep_len(1:6, n)

# Numbers from -1 to 1 (what is beyond counts as the end) as colours from blue over white to
# vermilion, which every reader can tell apart.
diverging <- function(v) {
  ends <- c("#00324F", "#0072B2", "#8CC4E2", "#F7F7F7", "#F4B183", "#D55E00", "#6B2F00")
  palette <- grDevices::colorRampPalette(ends)(201L)
  colours <- palette[round(100 * pmin(pmax(v, -1), 1)) + 101L]
  if (is.matrix(v)) dim(colours) <- dim(v)
  colours
}

# Colours mixed with white: strength 0 is white, 1 the colour. Opaque, since cells of transparent
# colours would overlap in stripes.
tint <- function(colours, strength) {
  strength <- rep(strength, each = 3L)
  mixed <- 255 - (255 - grDevices::col2rgb(colours)) * strength
  grDevices::rgb(t(mixed), maxColorValue = 255)
}

check_positive <- function(value, name) {
  if (!is_one_number(value) || is.infinite(value) || value <= 0) {
    abort("argument", sprintf("`%s` must be one number above 0, not %s.", name,
                              describe_value(value)))
  }
}

# Lines that a picture keeps free at its upper edge, for a title.
page <- new.env(parent = emptyenv())
page$title <- 0

title_above <- function(main) {
  graphics::text(graphics::grconvertX(0.5, "nfc", "user"), graphics::grconvertY(1, "nfc", "user"), main,
                 adj = c(0.5, 1.5), font = 2L, xpd = NA,
                 cex = fitting_cex(main, 0.95 * graphics::par("fin")[1L], 1.1))
}

# The margins of all pictures with axes, in lines: `left` for the labels of the vertical axis, and
# room above for a legend of `labels`. Returns what par() was.
plot_page <- function(left = 4, labels = NULL, bottom = 3.4) {
  old <- graphics::par(mar = c(bottom, left, 0.8 + page$title, 0.8), mgp = c(2.2, 0.55, 0), tcl = -0.25,
                       las = 1L)
  rows <- if (length(labels)) ceiling(length(labels) / legend_columns(labels)) else 0
  if (rows) graphics::par(mar = c(bottom, left, 0.5 + 1.05 * rows + page$title, 0.8))
  old
}

# An empty plot with a pale grid.
plot_frame <- function(xlim, ylim, xlab, ylab, ..., log = "", grid = TRUE) {
  graphics::plot(NA, xlim = xlim, ylim = ylim, xlab = xlab, ylab = ylab, log = log, bty = "n",
                 axes = FALSE, ...)
  if (grid) graphics::grid(col = "grey90", lty = 1L, lwd = 0.8)
  plot_axis(1L)
  plot_axis(2L)
  graphics::box(bty = "l", col = "grey60")
}

# An axis without a line. Where the numbers are left to it, it has as many as fit: axis() would drop
# some of those that touch and leave the others at uneven distances.
plot_axis <- function(side, at = NULL, ...) {
  across <- side %in% c(1L, 3L)
  if (is.null(at) && !graphics::par(if (across) "xlog" else "ylog")) {
    ends <- graphics::par("usr")[if (across) 1:2 else 3:4]
    room <- graphics::par("pin")[if (across) 1L else 2L] / graphics::par("csi")
    wanted <- max(2, min(6, floor(room / if (across) 3.5 else 2)))
    for (n in wanted:6) { # pretty() numbers may lie beyond the ends
      at <- pretty(ends, n)
      at <- at[at >= min(ends) & at <= max(ends)]
      if (length(at) >= 2L) break
    }
  }
  graphics::axis(side, at, ..., lwd = 0, lwd.ticks = 1, col.ticks = "grey60")
}

# The size at which the widest of some texts fits into `room` inches, `size` at most.
fitting_cex <- function(texts, room, size = 1) {
  widest <- max(0, graphics::strwidth(texts, "inches", cex = size))
  if (widest > room) size * room / widest else size
}

# The title of an axis, centred below (side 1) or beside (2) the plot; it shrinks to the page.
plot_title <- function(text, side, line = NA) {
  beside <- graphics::par("mai")[if (side == 1L) c(2L, 4L) else c(1L, 3L)]
  size <- fitting_cex(text, graphics::par("pin")[side] + 2 * min(beside))
  text <- stats::setNames(list(text), c("xlab", "ylab")[side])
  do.call(graphics::title, c(text, list(line = line, cex.lab = size)))
}

# The names of rows to the left of a plot, all of them: they shrink where there is little room.
row_labels <- function(at, labels) {
  usr <- graphics::par("usr")
  room <- graphics::par("pin")[2L] / abs(usr[4L] - usr[3L])
  high <- room / (1.05 * graphics::par("csi"))
  size <- fitting_cex(labels, graphics::par("mai")[2L] - 0.4 * graphics::par("csi"), min(1, high))
  margin_text(labels, 2L, at = at, line = 0.35, adj = 1, las = 1L, cex = size)
}

# How many entries fit side by side, by a generous guess of the width of text and symbols.
legend_columns <- function(labels) {
  letter <- legend_size * graphics::par("cex") * graphics::par("cin")[1L]
  inches <- letter * (0.56 * max(nchar(labels, "width")) + 3.6)
  max(1L, min(length(labels), floor(graphics::par("pin")[1L] / inches)))
}

legend_size <- 0.9

# A legend `up` lines above the plot, where it hides nothing; it shrinks where an entry is too wide.
legend_above <- function(labels, ..., up = 0, columns = legend_columns(labels)) {
  letter <- graphics::par("cex") * graphics::par("cin")[1L]
  room <- graphics::par("fin")[1L] - graphics::par("mai")[2L]
  size <- fitting_cex(labels, room - 3.6 * legend_size * letter, legend_size)
  graphics::legend(graphics::grconvertX(0, "npc", "user"),
                   graphics::grconvertY(1 + up * graphics::par("csi") / graphics::par("pin")[2L], "npc",
                                        "user"), paste0(labels, " "), ..., xjust = 0,
                   yjust = 0, ncol = columns, bty = "n", xpd = NA, x.intersp = 0.7,
                   cex = size, text.col = "grey15", adj = c(0, 0.5))
}

# mtext() whose size follows that of the other text.
margin_text <- function(text, side, ..., cex = 1) {
  graphics::mtext(text, side, ..., cex = cex * graphics::par("cex"))
}

# --- history -----------------------------------------------------------------------------------

#' Plot the convergence of several fits
#'
#' Draws the optimisation histories of one or more fits: the distance of the objective from its
#' minimum, and the norm of the gradient, by iteration, epoch or time.
#'
#' The minimum is not known, but each certificate bounds it from below. Fits of the same objective
#' (the same loss, penalty and data, as far as a fit knows) are compared with a common lower bound,
#' the largest that their certificates prove; other fits each with their own.
#'
#' @concept convergence
#' @concept learning curve
#' @concept training loss
#' @concept learning rate
#' @param ... Fits made by [linclass()]; their names are used in the legend.
#' @param time The horizontal axis: `"iteration"`, `"epoch"` (mini-batch fits only) or `"seconds"`.
#'   The default is the epoch if all fits have epochs, otherwise the iteration.
#' @param values What to draw, one panel each: `"gap"` (objective minus minimum), `"gradient_norm"`,
#'   `"objective"`, `"validation"` (mini-batches with `validate`: the loss of the rows that were set aside) or
#'   `"mistakes"` (perceptrons: of each epoch as it met its rows). The default is the first two, and the objective and
#'   the validation, in one panel, where all fits have one. With one panel the layout of the page stays as
#'   it is, so that the plot can share it with others.
#' @return A data frame, invisibly, one row for each entry of a history: `fit` (a factor of names),
#'   `time`, and the `values`. Errors: `linclass_error_argument` if there is no fit, or no history.
#' @family plots
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")),
#'                     age = (age - 23) / 5, lwt = (lwt - 130) / 30)
#' with_solver <- function(solver) linclass(low ~ age + lwt + smoke, births, solver = solver)
#' plot_history(newton = with_solver("newton"), lbfgs = with_solver("lbfgs"),
#'              descent = with_solver("gradient_descent"))
#' @export
plot_history <- function(..., time = NULL, values = NULL) {
  draw_history(history_data(list(...), time, values))
}

history_titles <- c(gap = "objective - minimum", gradient_norm = "norm of the gradient",
                    objective = "objective", validation = "validation loss", mistakes = "mistakes of the epoch")

history_data <- function(fits, time = NULL, values = NULL) {
  if (!length(fits) || !all(vapply(fits, inherits, NA, "linclass"))) {
    abort("argument", paste("plot_history() takes fits made by linclass(); give all other arguments by",
                            "name."))
  }
  lapply(fits, check_object, whole = TRUE)
  if (!all(vapply(fits, function(fit) NROW(fit$history) > 0, NA))) {
    abort("argument", "The fit has no history to draw.")
  }
  has <- function(value) all(vapply(fits, function(fit) value %in% names(fit$history), NA))
  if (is.null(values)) {
    values <- if (has("validation")) c("objective", "validation") else c("gap", "gradient_norm")
  }
  if (!length(values) || !all(values %in% names(history_titles))) {
    abort("argument", sprintf("`values` must be among %s.",
                              enumerate(names(history_titles), quote = "\"")))
  }
  lacking <- setdiff(intersect(values, c("validation", "mistakes")), names(which(vapply(values, has, NA))))
  if (length(lacking)) {
    abort("argument", sprintf("Not every fit has %s in its history.", enumerate(lacking, quote = "\"")))
  }
  times <- c("iteration", "epoch", "seconds")
  if (is.null(time)) {
    by_epoch <- vapply(fits, function(fit) any(fit$history$epoch > 0, na.rm = TRUE), NA)
    time <- if (all(by_epoch)) "epoch" else "iteration"
  } else if (!is.character(time) || length(time) != 1L || !time %in% times) {
    abort("argument", sprintf("`time` must be one of %s.", choices(times)))
  }
  name <- if (is.null(names(fits))) rep("", length(fits)) else names(fits)
  own <- make.unique(vapply(fits, function(fit) fit$solver, ""))
  name[name == ""] <- own[name == ""]
  least <- least_objectives(fits)
  rows <- Map(function(fit, name, least) {
    history <- fit$history
    data.frame(fit = name, time = history[[time]], gap = history$objective - least,
               history[intersect(c("objective", "gradient_norm", "validation", "mistakes"), names(history))])
  }, fits, name, least)
  shared <- Reduce(intersect, lapply(rows, names))
  data <- do.call(rbind, unname(lapply(rows, `[`, shared)))
  data$fit <- factor(data$fit, levels = unique(name))
  structure(data[c("fit", "time", values)], time = time)
}

# The least value that each objective can have, by the certificates of all fits that share it.
least_objectives <- function(fits) {
  least <- vapply(fits, function(fit) {
    gap <- fit$certificate$gap
    slack <- if (fit$certificate$kind == "mistakes" || !isTRUE(is.finite(gap))) 0 else gap
    min(fit$history$objective, fit$objective, na.rm = TRUE) - slack
  }, 1)
  # What a certificate allows is a bound: of several bounds the highest is the best, but no value
  # that was reached may lie below it.
  reached <- vapply(fits, function(fit) min(fit$history$objective, fit$objective, na.rm = TRUE), 1)
  key <- vapply(fits, function(fit) {
    paste(deparse(fit[c("loss", "lambda", "alpha", "grouped", "penalty_factor", "standardize",
                        "fingerprint")]), collapse = "")
  }, "")
  stats::ave(seq_along(fits), key, FUN = function(i) min(max(least[i]), min(reached[i])))
}

# What has a curve: a mini-batch fit knows its gradient at the end only. Where nothing has one, all.
history_panels <- function(data) {
  values <- names(data)[-(1:2)]
  curved <- vapply(values, function(v) any(tapply(is.finite(data[[v]]), data$fit, sum) > 1), NA)
  if (any(curved)) values[curved] else values
}

draw_history <- function(data) {
  values <- history_panels(data)
  if (all(c("objective", "validation") %in% values)) values <- setdiff(values, "objective") # in the panel of the other
  fits <- levels(data$fit)
  several <- length(fits) > 1L
  if (length(values) > 1L) {
    old <- graphics::par(mfrow = c(1L, length(values)))
    on.exit(graphics::par(old))
  }
  margins <- plot_page(5, if (several) fits)
  on.exit(graphics::par(margins), add = TRUE, after = FALSE)
  graphics::par(mar = replace(graphics::par("mar"), 4L, 1.5)) # for half of "10000"
  # Where one fit needs many times the iterations of another, both are to be seen.
  lengths <- tapply(data$time, data$fit, max)
  spread <- max(lengths) > 30 * min(lengths)
  zero <- attr(data, "time") != "seconds" && spread
  seen <- data
  if (zero) seen$time <- seen$time + 1
  for (value in values) {
    draw_curves(seen, value, fits, several && value == values[1L],
                paste0(attr(data, "time"), if (zero) " + 1"), if (spread) "x" else "")
  }
  invisible(data)
}

draw_curves <- function(data, value, fits, with_legend, label, log_time) {
  log <- !value %in% plain_history
  both <- value == "validation" && !is.null(data$objective)
  good <- is.finite(data[[value]]) & is.finite(data$time) & (!log | data[[value]] > 0)
  shown <- data[good, ]
  if (!nrow(shown)) {
    graphics::plot.new()
    graphics::text(0.5, 0.5, paste(history_titles[[value]], "(always 0)"))
    return(invisible())
  }
  heights <- range(shown[[value]], if (both) shown$objective, finite = TRUE)
  plot_frame(range(data$time, finite = TRUE), heights, label, "",
             log = paste0(log_time, if (log) "y"))
  colours <- plot_colours(length(fits))
  for (i in rev(seq_along(fits))) {
    curve <- shown[shown$fit == fits[i], ]
    if (both) graphics::lines(curve$time, curve$objective, col = colours[i], lty = 3L, lwd = 1.5)
    # A zigzag of thousands of steps would be an area, not a line.
    graphics::lines(curve$time, curve[[value]], col = colours[i], lwd = if (nrow(curve) > 500L) 0.6 else 2,
                    lty = if (nrow(curve) > 500L) 1L else plot_lines(i)[i])
    if (nrow(curve) <= 40L) {
      graphics::points(curve$time, curve[[value]], pch = plot_symbols(i)[i], bg = colours[i],
                       col = "white", cex = 0.9)
    }
  }
  plot_title(if (both) "validation loss (dotted: objective)" else history_titles[[value]], 2L, line = 3.7)
  if (with_legend) {
    legend_above(fits, col = colours, lty = plot_lines(length(fits)), lwd = 2,
                 pch = plot_symbols(length(fits)), pt.bg = colours)
  }
}

# --- coefficients ------------------------------------------------------------------------------

coefficient_data <- function(fit, max_terms = 30) {
  check_positive(max_terms, "max_terms")
  w <- stats::coef(fit)
  if (!is.matrix(w)) w <- matrix(w, 1L, dimnames = list(fit$levels[2L], names(w)))
  V <- tryCatch(stats::vcov(fit, complete = FALSE), linclass_error = function(e) NULL)
  se <- w
  se[] <- 0
  estimated <- !is.na(w[1L, ])
  if (!is.null(V)) se[, estimated] <- matrix(sqrt(diag(V)), nrow(w), byrow = TRUE)
  colnames(w) <- make.unique(as.character(colnames(w)))
  # Intercepts are on a scale of their own, and say least.
  if (fit$intercept && ncol(w) > 1L) {
    w <- w[, -1L, drop = FALSE]
    se <- se[, -1L, drop = FALSE]
  }
  known <- colSums(!is.na(w)) > 0
  w <- w[, known, drop = FALSE]
  se <- se[, known, drop = FALSE]
  if (!length(w)) abort("argument", "The fit has no coefficients to draw.")
  size <- abs(w) / if (is.null(V)) 1 else se
  largest <- apply(size, 2L, max, -Inf, na.rm = TRUE) # unknown sizes come last
  kept <- sort(order(-largest)[seq_len(min(length(largest), floor(max_terms)))])
  half <- stats::qnorm(0.975) * se
  data <- data.frame(class = factor(rownames(w)[row(w)], levels = rownames(w)),
                     term = factor(colnames(w)[col(w)], levels = unique(colnames(w)[kept])),
                     estimate = as.vector(w), lower = as.vector(w - half),
                     upper = as.vector(w + half))
  data <- data[!is.na(data$term), ]
  rownames(data) <- NULL
  structure(data, intervals = !is.null(V), terms = ncol(w))
}

coefficient_title <- function(data) {
  shown <- nlevels(data$term)
  terms <- attr(data, "terms")
  paste0("Coefficients",
         if (shown < terms) sprintf(" (%d of %s)", shown, count(terms)),
         if (attr(data, "intervals")) ", 95 % intervals")
}

draw_coefficients <- function(data) {
  terms <- levels(data$term)
  classes <- levels(data$class)
  width <- 0.62 * max(nchar(terms, "width")) * graphics::par("cin")[1L] + 0.3
  left <- min(width, 0.5 * graphics::par("fin")[1L]) / graphics::par("csi")
  old <- plot_page(left, if (length(classes) > 1L) classes, bottom = 4.4)
  on.exit(graphics::par(old))
  # The first term stands at the top; the classes of one term lie close together.
  k <- length(classes)
  shift <- if (k == 1L) 0 else (as.integer(data$class) - (k + 1) / 2) * min(0.2, 0.7 / k)
  at <- length(terms) + 1L - as.integer(data$term) - shift
  limits <- range(0, data$lower, data$upper, finite = TRUE)
  graphics::plot(NA, xlim = limits, ylim = c(0.5, length(terms) + 0.5), yaxs = "i", axes = FALSE,
                 xlab = "", ylab = "")
  bands <- seq(length(terms), 1L, by = -2L)
  usr <- graphics::par("usr")
  graphics::rect(usr[1L], bands - 0.5, usr[2L], bands + 0.5, col = "grey96", border = NA)
  graphics::abline(v = 0, col = "grey50")
  plot_axis(1L)
  row_labels(length(terms):1, terms)
  plot_title(coefficient_title(data), 1L)
  colours <- plot_colours(k)[as.integer(data$class)]
  graphics::segments(data$lower, at, data$upper, at, col = colours, lwd = 2)
  graphics::points(data$estimate, at, pch = plot_symbols(k)[as.integer(data$class)], bg = colours,
                   col = "white", cex = 1.3)
  if (k > 1L) {
    legend_above(classes, pch = plot_symbols(k), pt.bg = plot_colours(k), col = "white",
                 pt.cex = 1.4)
  }
  invisible(data)
}

# --- boundary ----------------------------------------------------------------------------------

boundary_data <- function(fit, data = NULL) {
  if (fit$p != 2L) {
    abort("argument", sprintf(paste(
      "plot(fit, \"boundary\") needs a fit of exactly two features; this one has %d. Fit two",
      "columns, or draw which = \"coefficients\"."), fit$p))
  }
  data <- training_data(fit, data)
  x <- as.matrix(data$x)
  colnames(x) <- fit$blueprint$names
  rows <- data.frame(x, class = factor(fit$levels[data$y$codes + 1L], levels = fit$levels),
                     predicted = predict_rows(fit, unname(x), data$offset, "class"),
                     check.names = FALSE)
  rownames(rows) <- NULL
  if (has_margin(fit)) rows$margin <- row_margins(fit, predict_rows(fit, unname(x), data$offset, "link"), data$y$codes)
  rows
}

# A grid over the range of the rows: its sides, the class of each point (code), and how strong its
# colour is to be.
boundary_grid <- function(fit, rows, cells = 240L) {
  side <- lapply(1:2, function(j) {
    limits <- grDevices::extendrange(as.double(rows[[j]]), f = 0.06)
    seq(limits[1L], limits[2L], length.out = cells)
  })
  points <- unname(as.matrix(expand.grid(side[[1L]], side[[2L]])))
  k <- length(fit$levels)
  class <- as.integer(predict_rows(fit, points, NULL, "class"))
  strength <- rep(0.3, length(class))
  if (loss_row(fit$loss)$probability) {
    most <- apply(predict_rows(fit, points, NULL, "prob"), 1L, max)
    strength <- 0.1 + 0.4 * (most - 1 / k) / (1 - 1 / k)
  }
  grid <- list(x = side[[1L]], y = side[[2L]], class = class, strength = strength)
  if (has_margin(fit)) grid$lead <- leads(predict_rows(fit, points, NULL, "link"))
  grid
}

# How far the score of the predicted class leads that of the next.
leads <- function(z) {
  if (!is.matrix(z)) return(abs(z))
  first <- max.col(z, ties.method = "first")
  lead <- z[cbind(seq_along(first), first)]
  z[cbind(seq_along(first), first)] <- -Inf
  lead - apply(z, 1L, max)
}

# The more rows the smaller their symbols, from 500 on.
crowd_size <- function(n) max(0.3, min(1, (500 / n)^0.35))

draw_boundary <- function(fit, rows, ...) {
  k <- length(fit$levels)
  colours <- plot_colours(k)
  symbols <- plot_symbols(k)
  wrong <- rows$class != rows$predicted
  labels <- c(fit$levels, if (any(wrong)) "wrong", if (!is.null(rows$margin)) "support")
  old <- plot_page(4, labels)
  on.exit(graphics::par(old))
  grid <- boundary_grid(fit, rows)
  given <- list(...)
  frame <- list(x = NA, xlab = names(rows)[1L], ylab = names(rows)[2L], xaxs = "i", yaxs = "i",
                xlim = range(grid$x), ylim = range(grid$y), axes = FALSE)
  do.call(graphics::plot, c(given, frame[setdiff(names(frame), names(given))]))
  cells <- length(grid$x)
  picture <- matrix(tint(colours[grid$class], grid$strength), cells)
  graphics::rasterImage(t(picture)[cells:1L, ], min(grid$x), min(grid$y), max(grid$x), max(grid$y),
                        interpolate = FALSE)
  region <- matrix(grid$class, cells)
  for (c in seq_len(k - 1L)) {
    graphics::contour(grid$x, grid$y, region == c, levels = 0.5, drawlabels = FALSE, add = TRUE,
                      col = "white", lwd = 1.5)
  }
  if (!is.null(grid$lead) && !is_ovr(fit)) { # the margin: where the lead is 1
    graphics::contour(grid$x, grid$y, matrix(grid$lead, cells), levels = 1, drawlabels = FALSE, add = TRUE,
                      col = "grey25", lty = 2L, lwd = 1.2)
  }
  last <- order(wrong) # on top
  size <- crowd_size(nrow(rows))
  code <- as.integer(rows$class)[last]
  graphics::points(rows[last, 1:2], bg = colours[code], pch = symbols[code],
                   col = ifelse(wrong[last], "black", "white"), cex = 1.05 * size, lwd = 0.9 * size)
  inside <- rows$margin <= 1 + margin_width
  if (any(inside)) graphics::points(rows[inside, 1:2], pch = 1L, cex = 2 * size, col = "black", lwd = 0.9 * size)
  plot_axis(1L)
  plot_axis(2L)
  graphics::box(col = "grey60")
  marks <- match(labels[-seq_len(k)], c("wrong", "support"))
  legend_above(labels, pch = c(symbols, c(21L, 1L)[marks]), pt.bg = c(colours, rep("white", length(marks))),
               col = c(rep("white", k), rep("black", length(marks))), pt.cex = c(rep(1.4, k), c(1.1, 1.7)[marks]))
  invisible(rows)
}
