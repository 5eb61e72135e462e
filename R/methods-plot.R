# Pictures of a fit in base graphics. Colours are the Okabe-Ito palette, which colour-blind readers
# can tell apart; classes and curves also differ by symbol or line type.

#' Plot a fit
#'
#' @param x A fit made by [linclass()].
#' @param which What to draw:
#'   * `"history"`: how far the objective was above its minimum, and the norm of the gradient, after
#'     each iteration (after each epoch for `minibatch`), on logarithmic axes;
#'   * `"coefficients"`: the coefficients, with 95 % Wald intervals where there are standard errors;
#'   * `"boundary"`: for two features, the regions of the predicted classes and the training rows.
#' @param data `NULL`, or the training data, as in [fitted.linclass()]; only read for `"boundary"`.
#' @param ... For `"boundary"` passed on to [graphics::plot()], for the others ignored.
#' @return `x`, invisibly. Errors: `linclass_error_argument` if there is nothing to draw (another
#'   number of features than two for `"boundary"`).
#' @seealso [linclass()], [certificate()]
#' @examples
#' fit <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0,
#'                 solver = "lbfgs")
#' plot(fit, "history")
#' plot(fit, "coefficients")
#' plot(fit, "boundary")
#' @export
plot.linclass <- function(x, which = c("history", "coefficients", "boundary"), data = NULL, ...) {
  check_version(x)
  which <- match_choice(which)
  switch(which, history = plot_history(x), coefficients = plot_coefficients(x),
         boundary = plot_boundary(x, data, ...))
  invisible(x)
}

plot_colours <- function(n) {
  rep_len(grDevices::palette.colors(9L, "Okabe-Ito")[c(6L, 7L, 4L, 2L, 8L, 3L, 1L, 5L, 9L)], n)
}

# Numbers from -1 to 1 (what is beyond counts as the end) as colours from blue over white to
# vermilion, which every reader can tell apart.
diverging <- function(v) {
  ends <- c("#00324F", "#0072B2", "#8CC4E2", "#F7F7F7", "#F4B183", "#D55E00", "#6B2F00")
  palette <- grDevices::colorRampPalette(ends)(201L)
  colours <- palette[round(100 * pmin(pmax(v, -1), 1)) + 101L]
  if (is.matrix(v)) dim(colours) <- dim(v)
  colours
}

check_positive <- function(value, name) {
  if (!is.numeric(value) || length(value) != 1L || !is.finite(value) || value <= 0) {
    abort("argument", sprintf("`%s` must be one number above 0, not %s.", name,
                              describe_value(value)))
  }
}

# Opaque, since cells of transparent colours would overlap in stripes.
tint <- function(colours) {
  grDevices::rgb(t(255 - (255 - grDevices::col2rgb(colours)) / 4), maxColorValue = 255)
}

plot_history <- function(fit) {
  history <- fit$history
  if (!NROW(history)) abort("argument", "The fit has no history to draw.")
  by_epoch <- any(is.finite(history$epoch) & history$epoch > 0)
  time <- if (by_epoch) history$epoch else history$iteration
  label <- if (by_epoch) "epoch" else "iteration"
  old <- graphics::par(mfrow = c(1L, 2L), mar = c(4.1, 4.1, 2.1, 0.6), las = 1L)
  on.exit(graphics::par(old))
  # The minimum is not known, but the certificate says how far below the last value it can be.
  slack <- if (fit$certificate$kind == "mistakes" || !is.finite(fit$certificate$gap)) 0 else
    fit$certificate$gap
  gap <- history$objective - (min(history$objective, fit$objective, na.rm = TRUE) - slack)
  if (any(gap > 0, na.rm = TRUE)) {
    plot_curve(time, gap, label, "objective - minimum")
  } else {
    plot_curve(time, history$objective, label, "objective", log = "")
  }
  plot_curve(time, history$gradient_norm, label, "gradient norm")
}

plot_curve <- function(time, value, label, title, log = "y") {
  keep <- is.finite(value) & (log == "" | value > 0)
  if (!any(keep)) {
    graphics::plot.new()
    graphics::title(main = paste(title, "(always 0)"), font.main = 1L, cex.main = 1)
    return(invisible())
  }
  graphics::plot(time[keep], value[keep], type = "o", pch = 16L, cex = 0.6, log = log,
                 col = plot_colours(1L), xlab = label, ylab = "", main = title, font.main = 1L,
                 cex.main = 1)
}

plot_coefficients <- function(fit) {
  estimate <- stats::coef(fit, format = "vector", complete = FALSE)
  V <- tryCatch(stats::vcov(fit, complete = FALSE), linclass_error = function(e) NULL)
  half <- if (is.null(V)) 0 * estimate else stats::qnorm(0.975) * sqrt(diag(V))
  intercept <- grepl("(^|:)\\(Intercept\\)$", names(estimate))
  if (!all(intercept)) {
    estimate <- estimate[!intercept]
    half <- half[!intercept]
  }
  if (!length(estimate)) abort("argument", "The fit has no coefficients to draw.")
  at <- rev(seq_along(estimate))
  width <- 0.65 * max(nchar(names(estimate), "width")) * graphics::par("cin")[1L] + 0.4
  old <- graphics::par(mai = c(0.8, min(width, 0.5 * graphics::par("din")[1L]), 0.4, 0.2),
                       las = 1L)
  on.exit(graphics::par(old))
  graphics::plot(estimate, at, type = "n", yaxt = "n", ylab = "", xlab = "coefficient",
                 xlim = range(0, estimate - half, estimate + half),
                 main = if (is.null(V)) "Coefficients" else "Coefficients, 95 % intervals",
                 font.main = 1L, cex.main = 1)
  graphics::abline(v = 0, lty = 3L, col = "grey40")
  graphics::axis(2L, at, names(estimate), tick = FALSE)
  colour <- plot_colours(1L)
  graphics::segments(estimate - half, at, estimate + half, at, col = colour, lwd = 2)
  graphics::points(estimate, at, pch = 16L, col = colour)
}

plot_boundary <- function(fit, data, ..., cells = 200L) {
  if (fit$p != 2L) {
    abort("argument", sprintf("plot(fit, \"boundary\") draws two features, and the fit has %d.",
                              fit$p))
  }
  data <- training_data(fit, data)
  x <- as.matrix(data$x)
  limits <- apply(x, 2L, function(v) grDevices::extendrange(as.double(v)))
  side <- lapply(1:2, function(j) seq(limits[1L, j], limits[2L, j], length.out = cells))
  grid <- as.matrix(expand.grid(side[[1L]], side[[2L]]))
  class <- predict_rows(fit, unname(grid), NULL, "class")
  k <- length(fit$levels)
  colours <- plot_colours(k)
  names <- fit$blueprint$names
  graphics::plot(x, type = "n", xlab = names[1L], ylab = names[2L], xaxs = "i", yaxs = "i",
                 xlim = limits[, 1L], ylim = limits[, 2L], ...)
  graphics::image(side[[1L]], side[[2L]], matrix(as.integer(class), cells), add = TRUE,
                  zlim = c(1L, max(k, 2L)), col = tint(colours))
  code <- data$y$codes + 1L
  symbols <- rep_len(c(1L, 2L, 0L, 5L, 6L, 3L, 4L), k)
  graphics::points(x, col = colours[code], pch = symbols[code])
  graphics::box()
  graphics::legend("topleft", legend = fit$levels, col = colours, pch = symbols, bg = "white",
                   cex = 0.8)
}
