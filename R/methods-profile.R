# Profile likelihoods: a coefficient is held at values around its estimate, and the others are fitted again.

#' @importFrom stats profile
NULL

#' Profile likelihoods of the coefficients
#'
#' Each coefficient is held at values on both sides of its estimate, in steps of a fifth of the largest
#' signed root, and the others are fitted again. `confint(method = "profile")` reads intervals off. With
#' `bias_reduction = "firth"` the likelihood is the penalised one.
#'
#' @param fitted A fit of a likelihood loss made by [linclass()], unpenalised. With several rows of
#'   coefficients the coding must be `"reference"`.
#' @param which Numbers or names of the coefficients, as in `coef(fitted, format = "vector")`
#'   (`class:term` where there are several rows).
#' @param alpha The profile reaches as far as a two-sided test of this level.
#' @param maxsteps The largest number of values on a side.
#' @param del The step, in standard errors.
#' @param ... Not used.
#' @return A list of classes `profile.glm` and `profile` as that of [stats::profile()] of a glm: for each
#'   coefficient a data frame of `z`, the signed root of the rise of the deviance, and `par.vals`, all
#'   coefficients.
#' @seealso [confint.linclass()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
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
  check_single_coefficients(fitted, "profile()")
  estimate <- stats::coef(fitted, format = "vector")
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

# Of symmetric coefficients none can be held alone: each is a contrast of all classes.
check_single_coefficients <- function(object, what) {
  if (object$coding != "symmetric") return(invisible())
  abort("coding", sprintf("%s holds single coefficients: fit with coding = \"reference\".", what))
}

# The fit with coefficient i (by place in the vector of all) held at a value, and the signed root of the rise of minus
# twice the log-likelihood.
profile_point <- function(fit, design, i, value) {
  estimate <- stats::coef(fit, format = "vector")
  W <- class_rows(fit, fit$coefficients)
  as_matrix <- function(v) matrix(v, nrow(W), byrow = TRUE)
  # The others follow as far as the curvature tells: an intercept far from the data moves with its slopes.
  V <- stats::vcov(fit)[, i]
  start <- estimate + (value - estimate[[i]]) * V / V[[i]]
  held <- as_matrix(replace(rep(NA_real_, length(W)), i, value))
  far <- if (fit$intercept && i %% ncol(W) == 1L) far_column(design)
  again <- if (length(far)) refit_at_means(fit, design, held, as_matrix(start), far) else
    refit_held(fit, design, held, as_matrix(start))
  rise <- lack_of_fit(again) - lack_of_fit(fit)
  if (rise < -1e-3) {
    abort("numeric", "The profile found a better fit: the fit itself has not converged.")
  }
  values <- replace(estimate, !is.na(estimate), stacked(again$coefficients))
  list(z = sign(value - estimate[[i]]) * sqrt(max(rise, 0)), values = values)
}

# The column whose mean is largest beside its spread, where that leaves an intercept too few digits.
far_column <- function(design, at_least = 100) {
  x <- design$x
  if (!is.matrix(x) || !ncol(x)) return(NULL)
  centre <- colMeans(x)
  spread <- sqrt(pmax(colMeans((x - rep(centre, each = nrow(x)))^2), 0))
  ratio <- ifelse(spread > 0, abs(centre) / spread, 0)
  if (max(ratio) > at_least) which.max(ratio)
}

# The fit with intercepts held where columns are far from 0, as a fit without intercept: b_j gives way to the score at
# the means m, t = b_0 + m'b, so that the score is b_0 (1 - x_j / m_j) + t x_j / m_j + sum_k b_k (x_k - m_k x_j / m_j).
# All columns but that of t have mean 0. In these coordinates the information's determinant lacks m_j^2 of each score.
refit_at_means <- function(object, design, held, start, j) {
  W <- class_rows(object, object$coefficients)
  slopes <- which(colSums(is.na(W)) == 0)[-1L] - 1L
  x <- design$x[, slopes, drop = FALSE]
  j <- match(j, slopes)
  if (is.na(j)) return(refit_held(object, design, held, start))
  m <- colMeans(x)
  share <- x[, j] / m[j]
  rest <- x[, -j, drop = FALSE]
  design$x <- unname(cbind((m[j] - x[, j]) / m[j], share, rest - outer(share, m[-j])))
  b <- replace(start, !is.na(held), held[!is.na(held)])[, c(1L, slopes + 1L), drop = FALSE]
  start <- cbind(b[, 1L], b[, 1L] + b[, -1L, drop = FALSE] %*% m, b[, -1L, drop = FALSE][, -j, drop = FALSE])
  mask <- matrix(0, ncol(start), nrow(start))
  mask[1L, ] <- !is.na(held[, 1L])
  view <- object
  view$intercept <- FALSE
  view$p <- ncol(start)
  again <- refit_columns(view, design, seq_len(ncol(start)), held = mask, start = unname(start))
  if (has_jeffreys(object)) {
    warn_convergence(again)
    again$jeffreys <- again$jeffreys + nrow(start) * log(abs(m[[j]]))
  }
  found <- class_rows(again, again$coefficients)
  others <- found[, -(1:2), drop = FALSE]
  slope <- matrix(0, nrow(found), length(m))
  slope[, -j] <- others
  slope[, j] <- (found[, 2L] - found[, 1L] - others %*% m[-j]) / m[[j]]
  all <- cbind(found[, 1L], slope)
  again$coefficients <- if (has_classes(object)) all else c(all)
  again
}

# From the estimate outwards, until the root passes `zmax`.
profile_side <- function(fit, design, i, step, zmax, maxsteps) {
  estimate <- stats::coef(fit, format = "vector")[[i]]
  z <- values <- NULL
  for (s in seq_len(maxsteps - 1L)) {
    point <- profile_point(fit, design, i, estimate + s * step)
    z <- c(z, point$z)
    values <- rbind(values, point$values)
    if (abs(point$z) >= zmax) break
  }
  list(z = z, values = values)
}

# Where the profile crosses the normal quantiles: of maximum likelihood on the spline through its points, as in glm();
# of a penalised likelihood, whose profiles bend more, where the fits themselves do.
profile_limits <- function(object, parm, tails) {
  limits <- if (has_jeffreys(object)) exact_limits(object, parm, tails) else spline_limits(object, parm, tails)
  do.call(rbind, unname(limits))
}

spline_limits <- function(object, parm, tails) {
  profiles <- stats::profile(object, which = parm, alpha = (1 - diff(tails)) / 4)
  Map(function(table, i) {
    if (is.null(table)) return(c(NA_real_, NA_real_))
    curve <- stats::spline(table$par.vals[, i], table$z)
    stats::approx(curve$y, curve$x, xout = stats::qnorm(tails))$y
  }, profiles, parm)
}

exact_limits <- function(object, parm, tails) {
  check_ratio_test(object, "confint(method = \"profile\")")
  check_single_coefficients(object, "confint(method = \"profile\")")
  estimate <- stats::coef(object, format = "vector")
  se <- sqrt(diag(stats::vcov(object)))
  design <- training_data(object)
  lapply(parm, function(i) {
    if (is.na(estimate[i])) return(c(NA_real_, NA_real_))
    distance <- function(value, z) if (value == estimate[[i]]) -z else profile_point(object, design, i, value)$z - z
    limit <- function(z) {
      ends <- sort(estimate[[i]] + c(0, z * se[[i]]))
      stats::uniroot(distance, ends, extendInt = "upX", tol = 1e-9 * se[[i]], z = z)$root
    }
    tryCatch(vapply(stats::qnorm(tails), limit, 1), linclass_error_numeric = function(e) {
      warn("ill_conditioned", sprintf(paste(
        "The profile limits of %s are NA: columns whose means are large beside their spread leave the held fits too",
        "few digits. Centre the columns."), names(estimate)[[i]]))
      c(NA_real_, NA_real_)
    })
  })
}

# Coefficients by name or number. A name that several columns have chooses none of them.
coefficient_places <- function(which, names, what) {
  if (!is.character(which) && !is.numeric(which) && !is.logical(which)) {
    abort("argument", sprintf("`%s` must be names or numbers of coefficients, not %s.", what, describe_value(which)))
  }
  if (is.character(which)) {
    double <- intersect(which, names[duplicated(names)])
    if (length(double)) {
      abort("names", sprintf("`%s`: %s is the name of several coefficients; give numbers.", what,
                             enumerate(double)))
    }
    place <- match(which, names)
  } else {
    place <- seq_along(names)[which]
  }
  if (length(place) && !anyNA(place)) return(place)
  unknown <- which[is.na(place)]
  abort("argument", sprintf("`%s` names no coefficient: %s. There are %s.", what,
                            enumerate(if (length(unknown)) unknown else "nothing"),
                            enumerate(names, 8L)))
}
