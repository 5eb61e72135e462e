# Two fits of the same model to different rows become the fit to all of them.

#' Merge two fits of the same model
#'
#' The fit to the rows of two fits together, started where their second derivatives say that it will be.
#'
#' Near its optimum \eqn{b_i}{b_i} each mean objective is
#' \eqn{F_i(b) \approx F_i(b_i) + g_i'(b - b_i) + \frac12 (b - b_i)' H_i (b - b_i)}{F_i(b) =~ F_i(b_i) + g_i'(b - b_i) +
#' (b - b_i)' H_i (b - b_i) / 2} with its gradient, 0 at the optimum, and its Hessian. The minimum of the sum, with the
#' weight \eqn{W_i}{W_i} of the rows of each, solves \eqn{\sum W_i H_i b = \sum W_i H_i b_i}{sum W_i H_i b = sum W_i
#' H_i b_i}; from there the solver goes on, usually for one or two steps, to its own certificate. So
#' the result is that of a fit to all rows, to its tolerance.
#'
#' Rows that came later are a fit of their own: `merge(fit, update(fit, data = new))`. A fit to other rows that starts
#' at an earlier one is `update(fit, data = new, start = fit)`.
#'
#' @param x,y Fits made by [linclass()] with the same loss, classes, terms, penalty and coding. Their rows must be kept,
#'   or found where the fits were made.
#' @param ... Not used.
#' @return A fit: that of the call of `x` to the rows of `x` and then those of `y`.
#' @section Errors: `linclass_error_argument` where the fits are not of one model, `linclass_error_data` where rows are
#' not
#'   found, `linclass_error_no_hessian` for losses without second derivatives.
#' @seealso [update.linclass()], [row_shards()]
#' @examples
#' first <- linclass(am ~ wt, mtcars[1:20, ])
#' second <- update(first, data = mtcars[21:32, ])
#' fit <- merge(first, second)
#' coef(fit)
#' coef(linclass(am ~ wt, mtcars))
#' fit$certificate$relative
#' @concept incremental learning
#' @concept meta-analysis
#' @concept combine fits
#' @export
merge.linclass <- function(x, y, ...) {
  check_no_dots(as.list(match.call(expand.dots = FALSE)$...), names(formals()))
  check_same_model(x, y)
  start <- merged_start(list(x, y))
  rows <- joined_rows(x, fit_rows(x), fit_rows(y))
  call <- x$call
  call$start <- start
  if (is_by_formula(x)) {
    call$formula <- x$terms # rows have no columns for a dot
    call$data <- as_data(x, rows)
    call$subset <- NULL
  } else {
    call[c("x", "y", "weights", "offset")] <- NULL
    call[names(rows)] <- rows
  }
  fit <- eval(call, if (is_by_formula(x)) formula_home(x) else call_home(x))
  fit$call$start <- NULL
  fit$call$formula <- x$call$formula
  fit
}

check_same_model <- function(x, y) {
  if (!inherits(y, "linclass")) {
    abort("argument", sprintf("`y` must be a fit made by linclass(), not %s.", describe_value(y)))
  }
  if (!loss_row(x$loss)$curvature) {
    abort("no_hessian", sprintf("Loss \"%s\" has no second derivatives to merge by.", x$loss))
  }
  parts <- c("loss", "levels", "coding", "intercept", "lambda", "alpha", "grouped", "penalty_factor", "standardize",
             "lower", "upper", "bias_reduction", "class_weights")
  other <- parts[!vapply(parts, function(part) identical(x[[part]], y[[part]]), NA)]
  if (!identical(x$blueprint$names, y$blueprint$names)) other <- c(other, "columns")
  # poly() and its kind have a basis of their own in each fit.
  if (!identical(attr(x$terms, "predvars"), attr(y$terms, "predvars"))) other <- c(other, "basis of a term")
  if (length(other)) {
    abort("argument", sprintf("The fits differ in %s: there is no one model.", enumerate(other, quote = "")))
  }
}

# In the coding of the fits, as coef() has it.
merged_start <- function(fits) {
  parts <- lapply(fits, function(fit) {
    data <- training_data(fit)
    b <- as.vector(c_coefficients(fit))
    H <- loss_curvature(fit, data) + penalty_curvature(fit, data, b)
    list(H = fit$nobs * H, Hb = fit$nobs * drop(H %*% b))
  })
  H <- parts[[1L]]$H + parts[[2L]]$H
  W <- fits[[1L]]$coefficients
  if (!length(W)) return(W)
  # Directions that no row sees, as a common shift of all classes, stay where they are.
  flat <- 1e-12 * max(diag(H), .Machine$double.xmin)
  b <- solve(H + diag(flat, nrow(H)), parts[[1L]]$Hb + parts[[2L]]$Hb)
  if (is.matrix(W)) W[] <- matrix(b, nrow(W), byrow = TRUE) else W[] <- b
  W
}

joined_rows <- function(object, first, second) {
  if (is.data.frame(first)) {
    if (!identical(names(first), names(second))) {
      abort("argument", "One fit has weights or an offset and the other has not.")
    }
    rows <- rbind(first, second)
    attr(rows, "terms") <- attr(first, "terms")
    attr(rows, "variables") <- attr(first, "variables")
    return(rows)
  }
  n <- c(NROW(first$x), NROW(second$x))
  both <- function(name, none) {
    if (is.null(first[[name]]) && is.null(second[[name]])) return(NULL)
    value <- function(rows, n) if (is.null(rows[[name]])) rep(none, n) else rows[[name]]
    bind_blocks(list(value(first, n[1L]), value(second, n[2L])))
  }
  responses <- lapply(list(first$y, second$y), flatten_response)
  y <- if (is.matrix(responses[[1L]])) do.call(rbind, responses) else
    factor(unlist(lapply(responses, as.character)), object$levels)
  rows <- list(x = rbind(first$x, second$x), y = y,
               weights = both("weights", 1), offset = both("offset", 0))
  rows[lengths(rows) > 0L]
}
