#' Control parameters common to all solvers
#'
#' Settings common to all solvers: stopping rules, number of threads, and progress messages. The options
#' of a solver are set with [solver()].
#'
#' @param ... fields by name (below), each one number.
#' @return An object of class `linclass_control`: a named list of the fields that were given, as
#'   numbers; all others keep their defaults.
#' @section Errors: `linclass_error_control` for an unknown field or a value out of range.
#' @concept tolerance
#' @concept early stopping
#' @concept reproducible results
#' @concept random seed
#' @concept maximum iterations
#' @concept time limit
#' @concept stopping rule
#' @concept verbose
#' @eval rd_controls()
#' @seealso [linclass()], [solver()], [linclass_threads()]
#' @examples
#' linclass_control(tolerance = 1e-6, max_iter = 200)
#' fit <- linclass(am ~ wt, mtcars, control = linclass_control(tolerance = 1e-12))
#' fit$certificate$tolerance
#' @export
linclass_control <- function(...) new_control(list(...))

new_control <- function(values) {
  structure(check_fields(values, control_table(), "control", "linclass_control()"), class = "linclass_control")
}

#' @export
print.linclass_control <- function(x, ...) {
  fields <- control_table()
  cat("linclass control\n")
  for (i in seq_along(fields$name)) {
    name <- fields$name[[i]]
    given <- name %in% names(x)
    value <- if (given) x[[name]] else fields$default[[i]]
    shown <- if (is.na(value)) "chosen by the solver" else format(value)
    cat(sprintf("  %-10s = %s%s\n", name, shown, if (given) "" else " (default)"))
  }
  invisible(x)
}

as_control <- function(x) {
  if (is.list(x)) return(new_control(unclass(x))) # checked, and never evaluated
  abort("control", sprintf("`control` must be made by linclass_control(), not %s.",
                           describe_value(x)))
}

#' Get or set the number of threads
#'
#' The number of threads that fits use. The default is small: at most 2, no more than the processors
#' that this process may use (affinity and the CPU quota of a container count), 1 in workers of a
#' cluster and in forked children, and never more than `OMP_NUM_THREADS` and `OMP_THREAD_LIMIT` allow.
#' Results do not depend on the number of threads. Waiting threads sleep; on a machine shared with
#' other jobs, the thread that called does what no other takes.
#'
#' @param n `NULL` to ask, or one whole number of at least 1 to set for this session.
#' @return The number of threads in use, one integer; invisibly when it was set.
#' @section Errors: `linclass_error_control` if `n` is not one whole number of at least 1.
#' @seealso `threads` of [linclass_control()] for a single fit.
#' @examples
#' linclass_threads()
#' @concept parallel
#' @concept OpenMP
#' @concept multicore
#' @concept big data
#' @concept large data
#' @concept memory
#' @concept cores
#' @export
linclass_threads <- function(n = NULL) {
  if (is.null(n)) return(.Call(lcr_threads, NULL))
  if (!is.numeric(n) || length(n) != 1L || is.na(n) || n < 1 || n != floor(n)) {
    abort("control", sprintf("`n` must be one whole number of at least 1, not %s.",
                             describe_value(n)))
  }
  invisible(.Call(lcr_threads, as.integer(min(n, .Machine$integer.max))))
}
