# Pictures as data, and weights as pictures. Everything is drawn into one region, so that the
# functions can share a page with others.

#' Plot rows of a matrix as images
#'
#' Each row of a matrix is drawn as an image, in a line for each class if there are `labels`, else in
#' as many lines as the page has room for.
#'
#' @concept image classification
#' @concept pixels
#' @param x The pictures: an n x p matrix (or a vector, for one picture). A row holds the pixels
#'   column by column from the top left; of a colour picture first all of red, then all of green,
#'   then all of blue, as in `array(x[i, ], c(height, width, 3))`.
#' @param labels `NULL`, or a factor of n classes: then each class has a line of pictures.
#' @param n How many pictures to show, the first ones: of each class, if there are `labels` (`NULL`
#'   is 8), else of all (`NULL` is all of them, and 100 of more, with a message).
#' @param shape `NULL` for square images, grey or RGB (decided by the number of columns); otherwise
#'   `c(height, width)` for grey or `c(height, width, 3)` for colour.
#' @param captions `NULL`, or n strings to stand under the pictures.
#' @param top The brightness that is white. `NULL` takes 255 if there are values above 1, else 1.
#' @return The rows of `x` that were drawn (integers), in the order of drawing, invisibly. Errors:
#'   `linclass_error_shape` if the sizes do not fit, `linclass_error_type` if `x` is not numeric,
#'   `linclass_error_argument` if another argument is of no use.
#' @seealso [big_cats]
#' @family plots
#' @examples
#' plot_images(big_cats$picture, big_cats$species, n = 6)
#' plot_images(big_cats$picture[1:10, ], captions = big_cats$species[1:10])
#' @export
plot_images <- function(x, labels = NULL, n = NULL, shape = NULL, captions = NULL, top = NULL) {
  x <- if (is.matrix(x)) teaching_numbers(x, "x") else matrix(teaching_numbers(x, "x"), 1L)
  if (is.null(n)) {
    n <- if (is.null(labels)) min(nrow(x), 100L) else 8
    if (is.null(labels) && nrow(x) > n) {
      inform("left_out", sprintf("The first %d of %d pictures are shown; `n` shows more.", n, nrow(x)))
    }
  }
  check_positive(n, "n")
  shape <- image_shape(ncol(x), shape)
  for (name in c("labels", "captions")) {
    given <- length(get(name))
    if (given && given != nrow(x)) {
      abort("shape", sprintf("`%s` has length %d and there are %d pictures.", name, given, nrow(x)))
    }
  }
  if (is.null(top)) top <- if (isTRUE(max(x, 0, na.rm = TRUE) > 1)) 255 else 1
  check_positive(top, "top")
  labels <- if (!is.null(labels)) as.factor(labels)
  lines <- if (is.null(labels)) {
    shown <- seq_len(min(n, nrow(x)))
    across <- image_columns(length(shown), shape)
    split(shown, (shown - 1L) %/% across)
  } else {
    lapply(split(seq_len(nrow(x)), labels), utils::head, n)
  }
  rasters <- lapply(lines, lapply, function(i) as_picture(x[i, ] / top, shape))
  draw_pictures(rasters, shape, if (!is.null(labels)) levels(labels),
                if (!is.null(captions)) lapply(lines, function(i) as.character(captions[i])))
  invisible(unlist(lines, use.names = FALSE))
}

#' Plot weights as images
#'
#' @concept weight template
#' @concept visualise weights
#' @description
#' A class's score is the sum of weights times brightness, so its weights are a picture themselves:
#' a template, bright where the class wants the picture to be bright. All classes share one scale.
#'
#' @param W A fit made by [linclass()], or a matrix of weights: rows are classes, columns the
#'   features, with or without a first column of intercepts (which are left out). Of two classes
#'   with one vector the template is that of the second.
#' @param shape As in [plot_images()].
#' @param channels For colour pictures: `"sum"` adds a pixel's three weights, which is the effect
#'   of making it brighter; `"each"` draws red, green and blue apart; `"colour"` paints each
#'   template in colours, grey where the weights are zero.
#' @param limit The weight at the ends of the colours; what is beyond has the colour of the end.
#'   `NULL` takes the 99 % quantile of the weights that are drawn (without their signs).
#' @return The weights that were drawn, an array (height, width, and channels for `"each"` and
#'   `"colour"`, then classes), invisibly. Errors: `linclass_error_shape`, `linclass_error_type`,
#'   `linclass_error_argument`.
#' @seealso [big_cats]
#' @family plots
#' @examples
#' fit <- linclass(species ~ picture, big_cats, lambda = 1, alpha = 0,
#'                 control = linclass_control(tolerance = 1e-4))
#' plot_weights(fit)
#' plot_weights(fit, channels = "each")
#' @export
plot_weights <- function(W, shape = NULL, channels = c("sum", "each", "colour"), limit = NULL) {
  channels <- match_choice(channels)
  templates <- weight_templates(W, shape, channels)
  size <- dim(templates)
  limit <- template_limit(templates, limit)
  classes <- dimnames(templates)[[length(size)]]
  pixels <- matrix(templates, ncol = length(classes))
  colours <- diverging(pixels / limit)
  lines <- switch(
    channels,
    sum = list(lapply(seq_along(classes), function(c) matrix(colours[, c], size[1L]))),
    each = lapply(seq_along(classes), function(c) {
      planes <- array(colours[, c], size[1:3])
      lapply(1:3, function(channel) matrix(planes[, , channel], size[1L]))
    }),
    colour = list(lapply(seq_along(classes), function(c) {
      as_picture(pmin(pmax(0.5 + pixels[, c] / limit / 2, 0), 1), size[1:3])
    })))
  if (channels == "each") {
    # The last line's captions serve all.
    captions <- rep(list(NULL), length(classes) - 1L)
    draw_pictures(lines, size, classes, c(captions, list(c("red", "green", "blue"))), key = limit)
  } else {
    draw_pictures(lines, size, NULL, list(classes), key = if (channels == "sum") limit)
  }
  invisible(templates)
}

# How many of n pictures to put into a line so that they come out largest.
image_columns <- function(n, shape) {
  page <- graphics::par("din") / graphics::par("mfrow")[2:1]
  across <- seq_len(n)
  size <- pmin(page[1L] / across, page[2L] / (ceiling(n / across) * shape[1L] / shape[2L]))
  which.max(size)
}

template_limit <- function(templates, limit) {
  if (is.null(limit)) {
    size <- abs(templates[is.finite(templates)])
    limit <- stats::quantile(c(size, if (!length(size)) 1), 0.99, names = FALSE)
    if (limit == 0) limit <- max(size, 1e-300) # few weights, or none, differ from zero
  }
  check_positive(limit, "limit")
  limit
}

# height x width (x 3) x classes.
weight_templates <- function(W, shape, channels) {
  # A matrix may have a column of intercepts before the pixels; of a fit it is known.
  fits <- function(p) if (is.null(shape)) !is.null(guess_shape(p)) else is.numeric(shape) && isTRUE(prod(shape) == p)
  if (inherits(W, "linclass")) {
    check_object(W, whole = TRUE)
    fit <- W
    vector <- fit$coding == "vector"
    W <- stats::coef(fit, coding = if (!vector && !is_ovr(fit)) "symmetric")
    if (vector) W <- matrix(W, 1L, dimnames = list(fit$levels[2L], NULL))
    if (fit$intercept) W <- W[, -1L, drop = FALSE]
    W[is.na(W)] <- 0
  } else {
    W <- teaching_weights(W)
    if (!fits(ncol(W)) && fits(ncol(W) - 1L)) W <- W[, -1L, drop = FALSE]
  }
  shape <- image_shape(ncol(W), shape)
  classes <- if (is.null(rownames(W))) paste("class", seq_len(nrow(W))) else rownames(W)
  templates <- array(t(W), c(shape, nrow(W)))
  if (length(shape) == 3L && channels == "sum") {
    templates <- apply(templates, c(1L, 2L, 4L), sum)
  } else if (length(shape) == 2L && channels != "sum") {
    abort("argument", sprintf("The weights are those of grey pictures: channels = \"%s\" needs %s.",
                              channels, "colour"))
  }
  dimnames(templates) <- c(rep(list(NULL), length(dim(templates)) - 1L), list(classes))
  templates
}

# A number is a square, or three times a square, but never both.
guess_shape <- function(p) {
  side <- sqrt(p / c(1, 3))
  whole <- which(side == floor(side) & side > 0)
  if (length(whole)) c(side[whole], side[whole], if (whole == 2L) 3)
}

image_shape <- function(p, shape) {
  if (is.null(shape)) {
    shape <- guess_shape(p)
    if (is.null(shape)) {
      abort("shape", sprintf(paste(
        "%d values do not form a square grey or RGB image; give `shape = c(height, width)` or",
        "`c(height, width, 3)`."), p))
    }
  }
  good <- is.numeric(shape) && length(shape) %in% 2:3 && all(is.finite(shape)) &&
    all(shape >= 1 & shape == floor(shape)) && (length(shape) == 2L || shape[3L] == 3)
  if (!good) {
    abort("argument", "`shape` must be c(height, width), or c(height, width, 3) for colour.")
  }
  if (prod(shape) != p) {
    abort("shape", sprintf("`shape` asks for %s numbers a picture, and there are %d.",
                           format(prod(shape)), p))
  }
  shape
}

# Missing pixels are drawn transparent.
as_picture <- function(v, shape) {
  v <- pmin(pmax(as.vector(v), 0), 1)
  plane <- prod(shape[1:2])
  part <- function(channel) v[(channel - 1L) * plane + seq_len(plane)]
  known <- !is.na(v)
  v[!known] <- 0
  if (length(shape) == 2L) {
    colours <- grDevices::grey(v)
  } else {
    colours <- grDevices::rgb(part(1L), part(2L), part(3L))
    known <- known[seq_len(plane)]
  }
  colours[!known] <- "transparent"
  matrix(colours, shape[1L])
}

# lines: lists of matrices of colours; names stand to the left of the lines, captions under the
# pictures. key: the weight at the ends of a scale of colours below, or NULL.
draw_pictures <- function(lines, shape, names = NULL, captions = NULL, key = NULL) {
  old <- graphics::par(mar = c(0.3, 0.3, 0.3 + page$title, 0.3))
  on.exit(graphics::par(old))
  ratio <- shape[1L] / shape[2L]
  across <- max(lengths(lines))
  graphics::plot.new()
  # Units: one is the width of a picture with the gap behind it. Text has a size in inches, which
  # is known in these units only after a first guess of the scale.
  inches <- graphics::par("pin")
  width <- if (length(names)) max(graphics::strwidth(names, "inches")) + 0.12 else 0
  line <- graphics::par("cin")[2L]
  under <- 1.2 * line * vapply(seq_along(lines), function(l) length(captions[[l]]) > 0, NA)
  foot <- if (is.null(key)) 0 else 2.3 * line
  high <- ratio + 0.06
  unit <- min((inches[1L] - width) / across,
              (inches[2L] - foot - sum(under)) / (high * length(lines)))
  if (unit <= 0) abort("argument", "There is no room for the pictures: make the plot larger.")
  down <- cumsum(high + under / unit)
  total <- c(across + width / unit, down[length(lines)] + foot / unit)
  graphics::plot.window(c(across - total[1L], across), c(-total[2L], 0), asp = 1, xaxs = "i",
                        yaxs = "i")
  for (l in seq_along(lines)) {
    up <- -c(0, down)[l]
    if (length(names)) graphics::text(-0.08 / unit, up - ratio / 2, names[l], adj = c(1, 0.5))
    for (i in seq_along(lines[[l]])) {
      graphics::rasterImage(lines[[l]][[i]], i - 0.97, up - ratio, i - 0.03, up - 0.06 * ratio,
                            interpolate = FALSE)
      if (under[l] > 0) {
        graphics::text(i - 0.5, up - ratio - 0.85 * line / unit, captions[[l]][i], adj = c(0.5, 0))
      }
    }
  }
  if (!is.null(key)) draw_key(key, across, -down[length(lines)], line / unit)
}

# A scale from -limit to limit, centred under the pictures; `line` is the height of a line of text.
draw_key <- function(limit, across, up, line) {
  half <- min(0.4 * across, 1.2)
  middle <- across / 2
  bar <- matrix(diverging(seq(-1, 1, length.out = 101L)), 1L)
  graphics::rasterImage(bar, middle - half, up - 0.9 * line, middle + half, up - 0.2 * line,
                        interpolate = FALSE)
  ends <- format(signif(c(-limit, limit), 2L), trim = TRUE)
  graphics::text(middle + c(-half, 0, half), up - 1.8 * line, c(ends[1L], "0", ends[2L]),
                 adj = c(0.5, 0), cex = 0.85)
}
