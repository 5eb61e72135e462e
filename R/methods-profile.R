# Profile likelihoods: a coefficient is held at values around its estimate, by an offset, and the others
# are fitted again.

#' @importFrom stats profile
NULL

#' Profile likelihoods of the coefficients
#'
#' Each coefficient is held at values on both sides of its estimate, in steps of a fifth of the largest
#' signed root, and the others are fitted again. `confint(method = "profile")` reads intervals off.
#'
#' @param fitted An unpenalised logistic fit made by [linclass()].
#' @param which Numbers or names of the coefficients.
#' @param alpha The profile reaches as far as a two-sided test of this level.
#' @param maxsteps The largest number of values on a side.
#' @param del The step, in standard errors.
#' @param ... Not used.
#' @return A list of classes `profile.glm` and `profile` as that of [stats::profile()] of a glm: for each
#'   coefficient a data frame of `z`, the signed root of the rise of the deviance, and `par.vals`, all
#'   coefficients.
#' @seealso [confint.linclass()]
#' @examples
#' fit <- linclass(low ~ age + smoke, MASS::birthwt)
#' confint(fit, method = "profile")
#' head(profile(fit, "smoke")$smoke$z, 3)
#' @export
profile.linclass <- function(fitted, which = NULL, alpha = 0.01, maxsteps = 10,
                             del = sqrt(stats::qchisq(1 - alpha, 1)) / 5, ...) {
  check_foreign_dots(list(...), c("which", "alpha", "maxsteps", "del"))
  check_number(alpha, "alpha", 0, 1, "argument")
  check_whole(maxsteps, "maxsteps", 1, "argument")
  check_number(del, "del", 0, Inf, "argument")
  check_ratio_test(fitted, "profile()")
  check_one_score(fitted, "profile()")
  estimate <- stats::coef(fitted)
  if (is.null(which)) which <- seq_along(estimate)
  which <- coefficient_places(which, names(estimate), "which")
  se <- rep(NA_real_, length(estimate))
  se[!is.na(estimate)] <- sqrt(diag(stats::vcov(fitted, complete = FALSE)))
  design <- training_data(fitted)
  profiles <- lapply(which, function(i) {
    if (is.na(estimate[i])) return(NULL)
    sides <- lapply(c(-1, 1), function(sign) {
      profile_side(fitted, design, i, sign * del * se[i], sqrt(stats::qchisq(1 - alpha, 1)), maxsteps)
    })
    z <- c(0, sides[[1L]]$z, sides[[2L]]$z)
    values <- rbind(estimate, sides[[1L]]$values, sides[[2L]]$values)
    dimnames(values) <- list(NULL, names(estimate))
    order <- order(values[, i])
    table <- data.frame(z = z[order])
    table$par.vals <- values[order, , drop = FALSE]
    table
  })
  structure(stats::setNames(profiles, names(estimate)[which]), original.fit = fitted,
            summary = list(dispersion = 1), class = c("profile.glm", "profile"))
}

# From the estimate outwards, until the root passes `zmax`.
profile_side <- function(fit, design, i, step, zmax, maxsteps) {
  estimate <- stats::coef(fit)
  constant <- fit$intercept && i == 1L
  j <- i - fit$intercept
  free <- setdiff(which(!is.na(estimate)), i)
  held <- fit
  if (constant) held$intercept <- FALSE
  column <- if (constant) rep(1, nrow(design$x)) else as.vector(as.matrix(as_columns(design$x)[, j]))
  offset <- if (is.null(design$offset)) 0 else
    drop(score_offset(design$offset, 2L, "vector"))
  z <- values <- NULL
  root <- 0
  for (s in seq_len(maxsteps - 1L)) {
    if (abs(root) >= zmax) break
    value <- estimate[[i]] + s * step
    again <- refit_columns(held, design, setdiff(free, if (fit$intercept) 1L) - fit$intercept,
                           offset = offset + value * column)
    rise <- again$deviance - fit$deviance
    if (rise < -1e-3) {
      abort("numeric", "The profile found a better fit: the fit itself has not converged.")
    }
    root <- sign(step) * sqrt(max(rise, 0))
    all <- estimate
    all[free] <- stats::coef(again)
    all[i] <- value
    z <- c(z, root)
    values <- rbind(values, all)
  }
  list(z = z, values = values)
}

# Where the profile crosses the normal quantiles.
profile_limits <- function(object, parm, tails) {
  profiles <- stats::profile(object, which = parm, alpha = (1 - diff(tails)) / 4)
  limits <- Map(function(table, i) {
    if (is.null(table)) return(c(NA_real_, NA_real_))
    curve <- stats::spline(table$par.vals[, i], table$z)
    stats::approx(curve$y, curve$x, xout = stats::qnorm(tails))$y
  }, profiles, parm)
  do.call(rbind, unname(limits))
}

# Coefficients by name or number. A name that several columns have chooses none of them.
coefficient_places <- function(which, names, what) {
  if (is.character(which)) {
    double <- intersect(which, names[duplicated(names)])
    if (length(double)) {
      abort("names", sprintf("`%s`: %s is the name of several coefficients; give numbers.", what,
                             enumerate(double)))
    }
    place <- match(which, names)
  } else {
    place <- if (is.numeric(which) || is.logical(which)) seq_along(names)[which]
  }
  if (length(place) && !anyNA(place)) return(place)
  unknown <- which[is.na(place)]
  abort("argument", sprintf("`%s` names no coefficient: %s.", what,
                            enumerate(if (length(unknown)) unknown else "nothing")))
}
