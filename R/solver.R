#' Choose a solver and set its options
#'
#' `linclass(..., solver = "newton")` names a solver with its default options;
#' `linclass(..., solver = solver("minibatch", batch_size = 32))` sets some. `solver = "auto"`
#' chooses from the size of the data, the loss and the penalty, and `print()` of the fit says what
#' was chosen and why.
#'
#' @param name one string: the name of a solver, or `"auto"` (which has no options).
#' @param ... options of this solver, by name, each one number (or TRUE and FALSE for 1 and 0), or one of the words that
#'   stand for its values.
#' @return An object of class `linclass_solver`: a list of `name` (one string) and `options`
#'   (a named list of numbers, only those given).
#' @section Errors: `linclass_error_solver` for an unknown solver, an unknown option or a value out
#'   of range, naming the valid ones.
#' @concept learning rate
#' @concept learning rate schedule
#' @concept quasi-Newton
#' @concept IRLS
#' @concept Polyak averaging
#' @concept SAGA
#' @concept SVRG
#' @concept optimisation algorithm
#' @concept optimizer
#' @concept gradient descent
#' @concept stochastic gradient descent
#' @concept SGD
#' @concept mini-batch
#' @concept batch size
#' @concept epoch
#' @concept momentum
#' @concept Newton method
#' @concept L-BFGS
#' @concept coordinate descent
#' @concept iteratively reweighted least squares
#' @concept backpropagation
#' @eval rd_solvers()
#' @seealso [linclass_solvers()] for what each solver can treat; [linclass_control()] for what all
#'   solvers share.
#' @examples
#' solver("newton")
#' fit <- linclass(am ~ wt, mtcars, solver = solver("gradient_descent"))
#' fit$solver
#' @export
solver <- function(name, ...) {
  if (missing(name)) abort("solver", sprintf("`name` of a solver is missing: one of %s.", able_solvers(TRUE)))
  new_solver(name, list(...))
}

new_solver <- function(name, options) {
  if (!is.character(name) || length(name) != 1L || is.na(name)) {
    abort("solver", sprintf("`name` of a solver must be one string, not %s.",
                            describe_value(name)))
  }
  valid <- c("auto", solver_table()$name)
  if (!name %in% valid) {
    abort("solver", sprintf("Unknown solver %s.%s Solvers: %s.", dQuote(name, FALSE),
                            hint_nearest(name, valid), enumerate(valid, 20L)))
  }
  fields <- if (name == "auto") list(name = character()) else solver_row(name)$options
  options <- check_fields(options, fields, "solver", sprintf("solver(\"%s\")", name))
  structure(list(name = name, options = options), class = "linclass_solver")
}

#' @export
print.linclass_solver <- function(x, ...) {
  cat("linclass solver:", x$name, "\n")
  fields <- if (x$name != "auto") solver_row(x$name)$options
  for (option in names(x$options)) {
    value <- x$options[[option]]
    words <- field_words(fields, match(option, fields$name))
    cat("  ", option, " = ", if (length(words)) words[value + 1L] else format(value), "\n", sep = "")
  }
  invisible(x)
}

as_solver <- function(x) {
  if (is.character(x)) return(solver(x))
  if (inherits(x, "linclass_solver") && is.list(x)) { # checked again: anybody can give a list this class
    return(new_solver(x[["name"]], as.list(x[["options"]])))
  }
  abort("solver", sprintf("`solver` must be a string or made by solver(), not %s.",
                          describe_value(x)))
}

# Descent steps in the coordinates that it is given: by default one row for each class.
is_descent <- function(solver) solver$name != "auto" && solver_row(solver$name)$steps_as_given

# A solver that was named must be able to treat the problem; "auto" always finds one that can.
check_solver <- function(solver, problem, has_l1) {
  if (is_stream(problem$design$x) && problem$design$x$sparse) check_in_order(solver, problem$loss)
  if (solver$name == "auto") return(invisible())
  row <- solver_row(solver$name)
  loss <- problem$loss
  table <- solver_table()
  ramps <- !table$ramps_only | loss$ramps | (table$largest_ramp & loss$largest_ramp)
  fits <- ramps & (loss$smooth | loss$smoothed | !table$smooth_only)
  if (row$smooth_only && !loss$smooth && !loss$smoothed) {
    abort("solver", sprintf("Solver \"%s\" needs a smooth loss and \"%s\" is not. Use %s.", solver$name,
                            loss$name, able_solvers(fits)))
  }
  if (!ramps[table$name == solver$name]) {
    losses <- loss_table()
    able <- losses$ramps | (row$largest_ramp & losses$largest_ramp)
    abort("solver", sprintf("Solver \"%s\" is for loss = %s, not \"%s\". Use %s.", solver$name,
                            choices(losses$name[able]), loss$name, able_solvers(fits)))
  }
  if (has_l1 && !row$l1) {
    abort("solver", sprintf(paste(
      "Solver \"%s\" cannot treat the lasso part of the penalty (alpha > 0).",
      "Set alpha = 0 for ridge, or use %s."), solver$name, able_solvers(fits & table$l1)))
  }
  if (!is.null(problem$lower) && !row$bounds) {
    abort("bounds", sprintf("Solver \"%s\" cannot treat bounds. Use %s.", solver$name,
                            able_solvers(fits & table$bounds)))
  }
  check_dual(solver, row, problem)
}

# Sparse blocks of a source are read in order, and mini-batches are drawn.
check_in_order <- function(solver, loss) {
  table <- solver_table()
  if (!loss$smooth && !loss$smoothed) {
    abort("solver", sprintf("Loss \"%s\" needs mini-batches, and sparse blocks are read in order: use \"hinge\".",
                            loss$name))
  }
  if (solver$name == "auto" || !solver_row(solver$name)$random) return(invisible())
  abort("solver", sprintf("Solver \"%s\" draws rows, and sparse blocks of a source are read in order. Use %s.",
                          solver$name, choices(c("auto", table$name[!table$random & !table$sparse_only]))))
}

# What a solver of dual variables needs of the penalty and of the matrix.
check_dual <- function(solver, row, problem) {
  if (row$ridge_only && (problem$lambda == 0 || any(problem$penalty_factor == 0))) {
    abort("solver", sprintf(paste(
      "Solver \"%s\" needs a ridge on every slope: give lambda > 0 without penalty factors of 0,",
      "or use \"auto\"."), solver$name))
  }
  if (row$sparse_only && !is(problem$design$x, "dgCMatrix")) {
    abort("solver", sprintf("Solver \"%s\" needs a sparse matrix (dgCMatrix). Use \"auto\".", solver$name))
  }
  if (row$sparse_only && problem$fit_coding == "reference") {
    abort("solver", sprintf("Solver \"%s\" takes no coding = \"reference\". Use \"auto\".", solver$name))
  }
}

able_solvers <- function(able) choices(c("auto", solver_table()$name[able]))
