# Pictures of the mathematics: losses as functions of a margin, a loss as a function of two
# coefficients, and the way of a solver over it.

#' Plot loss functions against the margin
#'
#' @concept loss function
#' @concept hinge loss
#' @concept logistic loss
#' @concept zero-one loss
#' @concept margin
#' @description
#' With two classes a loss depends on one number, the *margin*: the score of the true class minus
#' that of the other. It is positive where the prediction is right. With more than two classes, a margin
#' loss is the sum of such terms over all wrong classes.
#'
#' @param losses Names of losses, see [linclass_losses()]. The default is all that have a form for
#'   two classes with one score; softmax of two classes is `"logistic"`.
#' @param margin The margins at which the losses are computed, increasing.
#' @param top The largest loss that is drawn.
#' @return A data frame, invisibly: `loss` (a factor), `margin`, `value`. Errors:
#'   `linclass_error_loss` for an unknown loss, `linclass_error_shape` for softmax.
#' @family plots
#' @examples
#' plot_losses()
#' plot_losses(c("hinge", "squared_hinge"), margin = seq(-1, 2, by = 0.01))
#' @export
plot_losses <- function(losses = NULL, margin = seq(-3, 3, by = 0.02), top = 5) {
  table <- loss_table()
  # A likelihood with any number of classes has no form with one score.
  if (is.null(losses)) losses <- table$name[!(table$max_classes > 2L & table$likelihood)]
  check_positive(top, "top")
  margin <- teaching_numbers(margin, "margin")
  data <- do.call(rbind, lapply(losses, function(loss) {
    value <- sample_loss(matrix(margin, ncol = 1L), rep(1, length(margin)), loss)
    data.frame(loss = loss, margin = margin, value = value)
  }))
  data$loss <- factor(data$loss, levels = losses)
  titles <- gsub("_", " ", losses)
  colours <- plot_colours(length(losses))
  lines <- plot_lines(length(losses))
  old <- plot_page(3.6, c(titles, "mistake"))
  on.exit(graphics::par(old))
  plot_frame(range(margin), c(0, min(top, max(data$value))),
             "score of the true class - other score", "loss")
  usr <- graphics::par("usr")
  graphics::segments(c(usr[1L], 0), c(1, 0), c(0, usr[2L]), c(1, 0), col = "grey60", lwd = 4)
  for (i in seq_along(losses)) {
    curve <- data[data$loss == losses[i], ]
    graphics::lines(curve$margin, curve$value, col = colours[i], lwd = 2.5, lty = lines[i])
  }
  legend_above(c(titles, "mistake"), col = c(colours, "grey60"), lty = c(lines, 1L),
               lwd = c(rep(2.5, length(losses)), 4), seg.len = 2.5)
  invisible(data)
}

#' Coefficients after each iteration of the solver
#'
#' @concept optimisation path
#' @concept solver iterates
#' @description
#' A fit keeps the history of its objective, but not of its coefficients. `iterates()` finds them by
#' making the fit again with `max_iter` = 0, 1, 2, and so on, which for small problems is quick.
#' Limited in that way, Newton's method starts from zero (or from `start`) and not from a sample of
#' rows, as it may do with many rows.
#'
#' @param fit A fit made by [linclass()], whose call can be evaluated again.
#' @param steps After which iterations (epochs, for `minibatch`). The default is all, or 200 of them
#'   that get wider apart if there are more.
#' @param seed `NULL`, or a seed for [set.seed()] before each fit, which solvers that shuffle need:
#'   the one that was set before `fit`. R's random numbers are left as they were.
#' @return A matrix with a row for each of the `steps` (its name) and a column for each coefficient,
#'   named as in `coef(fit, format = "vector")`.
#' @seealso [plot_contours()]
#' @family teaching functions
#' @examples
#' fit <- linclass(am ~ wt, mtcars, solver = "newton")
#' iterates(fit)
#' @export
iterates <- function(fit, steps = NULL, seed = NULL) {
  if (!is.null(seed)) check_number(seed, "seed", -.Machine$integer.max, .Machine$integer.max, "argument")
  if (!inherits(fit, "linclass")) abort("argument", "`fit` must be a fit made by linclass().")
  check_object(fit, whole = TRUE)
  if (is.null(steps)) {
    last <- max(fit$iterations, 0)
    steps <- if (last <= 200) 0:last else
      unique(round(c(0:99, exp(seq(log(100), log(last), length.out = 101L)))))
  }
  if (!is.numeric(steps) || !length(steps) || any(!is.finite(steps) | steps < 0)) {
    abort("argument", "`steps` must be numbers of iterations, 0 and above.")
  }
  # The call, but what was chosen for it is known and need not be found again.
  call <- fit$call
  where <- call_home(fit)
  call$solver <- do.call(solver, c(list(fit$solver), fit$solver_options))
  for (name in intersect(names(call), c("loss", "lambda", "alpha", "grouped", "coding"))) {
    call[[name]] <- fit[[name]]
  }
  control <- fit$control
  random <- get0(".Random.seed", globalenv(), inherits = FALSE)
  on.exit(if (is.null(random)) suppressWarnings(rm(".Random.seed", envir = globalenv())) else
    assign(".Random.seed", random, globalenv()))
  rows <- lapply(steps, function(step) {
    if (!is.null(seed)) set.seed(seed)
    control$max_iter <- step
    call$control <- control
    again <- tryCatch(suppress_linclass(eval(call, where)), error = function(e) {
      abort("data", paste0("The fit cannot be made again: ", conditionMessage(e)), parent = e)
    })
    stats::coef(again, format = "vector")
  })
  result <- do.call(rbind, rows)
  rownames(result) <- format(steps, trim = TRUE, scientific = FALSE)
  result
}

#' Contour plot of an objective, with solver paths
#'
#' @concept loss surface
#' @concept contour plot
#' @concept gradient descent path
#' @description
#' Lines of equal value of a function of two numbers, in even steps of the square root of the height
#' above the lowest value, and the paths that solvers take over it.
#'
#' @param f A function of a vector of two numbers that returns one number, such as
#'   `function(w) loss_value(w, x, y, "logistic")`.
#' @param paths A list of matrices with two columns, one row for each step, named as they are to be
#'   called in the legend; [iterates()] makes one of a fit.
#' @param xlim,ylim `NULL`, or the ranges of the two numbers. By default the paths fit in.
#' @param xlab,ylab Labels of the axes; `NULL` takes the column names of the first path.
#' @param lines How many lines of equal value.
#' @param cells The function is computed on a grid of `cells` x `cells` points.
#' @return A list, invisibly: `x`, `y` (the grid) and `z` (the matrix of values, rows go with `x`).
#'   Errors: `linclass_error_argument` if there are neither paths nor limits, or `f` returns no
#'   numbers, `linclass_error_shape` if a path has not two columns.
#' @family plots
#' @examples
#' # Two coefficients: the intercept and one slope.
#' x <- scale(mtcars$wt)
#' fit_by <- function(solver) {
#'   linclass(x, factor(mtcars$am), solver = solver, control = linclass_control(max_iter = 50))
#' }
#' newton <- fit_by("newton")
#' descent <- fit_by(solver("gradient_descent", rate = 2))
#' plot_contours(function(w) loss_value(w, x, mtcars$am, "logistic"),
#'               list(`gradient descent` = iterates(descent), Newton = iterates(newton)),
#'               xlab = "intercept", ylab = "slope")
#' @export
plot_contours <- function(f, paths = list(), xlim = NULL, ylim = NULL, xlab = NULL, ylab = NULL,
                          lines = 15, cells = 61) {
  if (is.matrix(paths) || is.data.frame(paths)) paths <- list(paths)
  if (!is.list(paths)) abort("argument", sprintf("`paths` must be a list of paths, not %s.", describe_value(paths)))
  paths <- lapply(paths, function(p) if (is.data.frame(p)) as.matrix(p) else p)
  bad <- which(!vapply(paths, function(p) is.matrix(p) && is.numeric(p) && ncol(p) == 2L, NA))
  if (length(bad)) {
    abort("shape", sprintf("Path %d must be a numeric matrix of two columns.", bad[1L]))
  }
  if (!is.function(f)) abort("argument", "`f` must be a function of two coefficients.")
  check_number(lines, "lines", 1, 1e4, "argument")
  check_number(cells, "cells", 1, 1e4, "argument")
  all <- do.call(rbind, unname(paths))
  limits <- list(xlim, ylim)
  for (j in 1:2) {
    if (is.null(limits[[j]])) {
      if (!any(is.finite(all[, j]))) abort("argument", "Without paths, `xlim` and `ylim` must be given.")
      limits[[j]] <- grDevices::extendrange(all[is.finite(all[, j]), j], f = 0.18)
      if (diff(limits[[j]]) == 0) limits[[j]] <- limits[[j]][1L] + c(-1, 1) # a single point
    }
    side <- limits[[j]]
    if (!is.numeric(side) || length(side) != 2L || !all(is.finite(side)) || side[1L] == side[2L]) {
      abort("argument", sprintf("`%s` must be two different finite numbers, not %s.", c("xlim", "ylim")[j],
                                describe_value(side)))
    }
  }
  side <- lapply(limits, function(l) seq(l[1L], l[2L], length.out = max(2, round(cells))))
  points <- as.matrix(expand.grid(side[[1L]], side[[2L]]))
  z <- apply(points, 1L, function(w) f(unname(w)))
  if (!is.numeric(z) || length(z) != nrow(points)) {
    abort("argument", "`f` must return one number for a vector of two coefficients.")
  }
  if (length(unique(z[is.finite(z)])) < 2L) {
    abort("argument", "`f` has one value, or none, everywhere within the limits: there are no contours to draw.")
  }
  grid <- list(x = side[[1L]], y = side[[2L]], z = matrix(z, length(side[[1L]])))
  labels <- colnames(all)
  if (is.null(labels)) labels <- c("w1", "w2")
  draw_contours(grid, paths, if (is.null(xlab)) labels[1L] else xlab,
                if (is.null(ylab)) labels[2L] else ylab, lines)
  invisible(grid)
}

draw_contours <- function(grid, paths, xlab, ylab, lines) {
  names <- names(paths)
  old <- plot_page(4, names)
  on.exit(graphics::par(old))
  graphics::plot(NA, xlim = range(grid$x), ylim = range(grid$y), xaxs = "i", yaxs = "i",
                 axes = FALSE, xlab = xlab, ylab = ylab)
  low <- min(grid$z, na.rm = TRUE)
  height <- sqrt(pmax(grid$z - low, 0))
  top <- max(height[is.finite(height)])
  levels <- seq(0, top, length.out = round(lines) + 2L)
  blues <- grDevices::colorRampPalette(c("#FFFFFF", "#DCEAF4", "#A9CBE3", "#7FAFD0"))
  graphics::.filled.contour(grid$x, grid$y, height, levels, blues(length(levels) - 1L))
  graphics::contour(grid$x, grid$y, height, levels = levels[-1L], drawlabels = FALSE, add = TRUE,
                    col = "white", lwd = 0.8)
  colours <- plot_colours(length(paths) + 1L)[-1L] # the first, blue, is that of the ground
  for (i in seq_along(paths)) {
    path <- paths[[i]]
    graphics::lines(path, col = "white", lwd = 4)
    graphics::lines(path, col = colours[i], lwd = 2)
    if (nrow(path) <= 300L) {
      graphics::points(path, pch = plot_symbols(i)[i], bg = colours[i], col = "white", cex = 0.9,
                       lwd = 0.7)
    }
  }
  for (path in paths) graphics::points(path[1L, 1L], path[1L, 2L], pch = 4L, lwd = 2.5)
  plot_axis(1L)
  plot_axis(2L)
  graphics::box(col = "grey60")
  if (length(names)) {
    legend_above(names, col = colours, lty = 1L, lwd = 2, pch = plot_symbols(length(names)),
                 pt.bg = colours)
  }
}
