# Inference by maximum likelihood: log-likelihood, covariance, intervals, tests, simulation. Each
# method first asks whether the fit is a maximum of a likelihood and says why if it is not.

# `what` starts the sentence: "The deviance", "logLik()".
check_likelihood <- function(object, what) {
  check_object(object, whole = TRUE)
  table <- loss_table()
  if (!loss_row(object$loss)$likelihood) {
    abort("no_likelihood", sprintf("%s is defined for the likelihood losses %s only, not for \"%s\".", what,
                                   enumerate(table$name[table$likelihood], quote = "\""),
                                   object$loss))
  }
  if (!is.null(object$class_weights)) {
    abort("no_likelihood", sprintf(paste(
      "%s is not defined for a fit with class weights: it does not maximise the likelihood of the",
      "data."), what))
  }
}

#' Log-likelihood and degrees of freedom
#'
#' The log-likelihood of a fit and its degrees of freedom, on which [stats::AIC()],
#' [stats::BIC()], [stats::step()] and [stats::drop1()] are built.
#'
#' @concept AIC
#' @concept BIC
#' @concept model comparison
#' @concept information criterion
#' @concept effective degrees of freedom
#' @concept model selection
#'
#' The degrees of freedom count the coefficients of an unpenalised fit (k - 1 scores, without those
#' that could not be estimated). For the lasso they are the number of coefficients that are not
#' zero. With a ridge part or groups they are the trace of \eqn{H (H + D)^{-1}}{H (H + D)^-1} over the
#' coefficients that are not zero, with H the Hessian of the mean loss and D that of the penalty;
#' this needs the training data and is refused above 1000 coefficients.
#'
#' @param object,fit A fit made by [linclass()] with a likelihood loss and without class weights.
#' @param data `NULL`, or the training data, as in [fitted.linclass()]; only read for the trace.
#' @param scale Not used.
#' @param k The penalty of a degree of freedom; 2 is AIC.
#' @param ... Not used.
#' @return `logLik()`: an object of class `logLik` with the attributes `df` and `nobs`, which BIC takes:
#'   the rows of positive weight, as [stats::glm()] has it; with a row of coefficients for each class the sum of the
#'   weights, as `nnet::multinom()` has it. For a response of counts it has the binomial or multinomial coefficients, as
#'   [stats::glm()] has them. `extractAIC()`: degrees of freedom and criterion. Errors:
#'   `linclass_error_no_likelihood`.
#' @seealso [anova.linclass()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' birthwt <- MASS::birthwt
#' fit <- linclass(low ~ age + lwt + smoke, birthwt)
#' logLik(fit)
#' c(AIC(fit), BIC(fit))
#' drop1(fit, test = "Chisq")
#' @export
logLik.linclass <- function(object, data = NULL, ...) {
  check_likelihood(object, "logLik()")
  best <- if (is.null(object$counted)) 0 else object$counted$log_lik
  # BIC takes these: glm() counts rows of positive weight, nnet::multinom() adds weights up.
  size <- if (has_classes(object) && is.null(object$counted)) object$nobs else observations(object)
  structure(best - lack_of_fit(object) / 2, df = degrees_of_freedom(object, data),
            nobs = size, class = "logLik")
}

#' @rdname logLik.linclass
#' @export
extractAIC.linclass <- function(fit, scale = 0, k = 2, ...) {
  check_number(k, "k", -Inf, Inf, "argument")
  log_lik <- stats::logLik(fit)
  df <- attr(log_lik, "df")
  c(df, (if (has_jeffreys(fit)) -ratio_to_null(fit) else -2 * as.numeric(log_lik)) + k * df)
}

max_trace <- 1000L

degrees_of_freedom <- function(object, data) {
  W <- object$coefficients
  if (!is.matrix(W)) W <- t(W)
  free <- if (object$coding == "symmetric") nrow(W) - 1L else nrow(W)
  if (object$lambda == 0) return(free * sum(colSums(is.na(W)) == 0) - sum(object$held))
  if (object$alpha == 1 && !has_groups(object)) return(sum(pmin(colSums(W != 0, na.rm = TRUE), free)))
  if (length(W) > max_trace) {
    abort("no_likelihood", sprintf(paste(
      "The degrees of freedom of a fit with a ridge part or groups are not computed for %d",
      "coefficients (more than %d)."),
      length(W), max_trace))
  }
  penalty_trace(object, training_data(object, data))
}

penalty_trace <- function(object, data) {
  H <- loss_curvature(object, data)
  b <- as.vector(c_coefficients(object))
  active <- b != 0
  penalised <- (H + penalty_curvature(object, data, b))[active, active, drop = FALSE]
  H <- H[active, active, drop = FALSE]
  # What neither loss nor penalty sees (a common shift of intercepts) counts as nothing.
  e <- eigen(penalised, symmetric = TRUE)
  seen <- e$values > 1e-10 * max(e$values)
  V <- e$vectors[, seen, drop = FALSE]
  sum(colSums(V * (H %*% V)) / e$values[seen])
}

# Hessian of the penalty where b is not 0: the ridge part, and the bend l1 (I - u u') / ||b|| of the
# norm of a group with direction u.
penalty_curvature <- function(object, data, b) {
  q <- object$p + object$intercept
  slopes <- object$intercept + seq_len(object$p)
  spread <- penalty_scale(object, data)
  strength <- object$lambda * rep_len(object$penalty_factor, object$p)
  ridge <- numeric(q)
  ridge[slopes] <- (1 - object$alpha) * strength * spread^2
  D <- diag(rep_len(ridge, length(b)), length(b))
  if (!has_groups(object)) return(D)
  l1 <- object$alpha * strength * spread
  for (j in seq_len(object$p)) {
    at <- seq(slopes[j], length(b), by = q)
    size <- sqrt(sum(b[at]^2))
    if (size > 0) {
      D[at, at] <- D[at, at] + l1[j] / size * (diag(length(at)) - tcrossprod(b[at] / size))
    }
  }
  D
}

# Standard deviations of the columns where the penalty was standardised, else 1; as in the fit.
penalty_scale <- function(object, data) {
  if (!object$standardize) return(1)
  column_spread(.Call(lcr_colstats, data$x, data$weights), TRUE)
}

# Hessian of the mean loss, without penalty, at the coefficients in `coding`.
loss_curvature <- function(object, data, coding = object$coding) {
  W <- object$coefficients
  if (coding != object$coding) W <- reexpress(W, object$levels, object$coding, coding)
  spec <- c(c_spec(object, coding), list(lambda = 0, l1 = numeric(object$p),
                                         l2 = numeric(object$p)))
  .Call(lcr_loss_hessian, c_coefficients(object, W), data$x, data$y$codes, data$weights,
        score_offset(data$offset, length(object$levels), coding), spec)
}

#' Covariance matrix and confidence intervals of the coefficients
#'
#' `vcov()` is the inverse of the Fisher information (the Hessian of the negative log-likelihood at
#' its minimum); `confint()` are Wald intervals from it, or those of the profile likelihood.
#'
#' Penalised estimates are biased towards zero, and the curvature of their objective says nothing of
#' that bias; so they have no standard errors here. Neither have fits with margin losses, with
#' class weights or within bounds. A fit that stopped with its budget (mini-batches after their epochs,
#' gradient descent of a fixed rate after its steps) has them only within a tenth of a standard error
#' of the maximum, as its certificate tells: elsewhere they would describe an estimate that it is not.
#' `solver("minibatch", finish = 1)` goes on to the maximum.
#'
#' Where classes are separated, coefficients that are infinite have `NA`, and the others the covariance of the
#' likelihood's limit ([separation()]).
#'
#' @param object A fit made by [linclass()]: unpenalised, with a likelihood loss.
#' @param complete Whether coefficients that could not be estimated have rows and columns, of `NA`.
#' @param data `NULL`, or the training data, as in [fitted.linclass()]; only read where the fit did
#'   not keep the covariance (more than 256 coefficients, or a budget that ended too early).
#' @param parm Which coefficients, by name or number; all if missing.
#' @param level Confidence level.
#' @param method `"wald"`, or `"profile"`: where [profile.linclass()] crosses the quantiles, as
#'   [stats::confint()] of a glm. With `bias_reduction = "firth"` profiles are the default and limits are not
#'   interpolated.
#' @param ... Not used.
#' @return `vcov()`: a symmetric matrix named as `coef(object, format = "vector")`. `confint()`: a
#'   matrix of lower and upper limits. Errors: `linclass_error_no_vcov`. A variance that is too large
#'   or too small for a number, as that of a column of size 1e-200, is NA with a warning of class
#'   `linclass_warning_range`.
#' @seealso [summary.linclass()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt, MASS::birthwt)
#' vcov(fit)
#' confint(fit)
#' exp(cbind(odds_ratio = coef(fit), confint(fit)))
#' @concept standard error
#' @concept robust standard errors
#' @concept sandwich estimator
#' @concept z test
#' @concept Wald test
#' @concept Fisher information
#' @concept Wald interval
#' @concept confidence interval
#' @export
vcov.linclass <- function(object, complete = TRUE, data = NULL, ...) {
  check_foreign_dots(list(...), c("complete", "data"), robust_hints)
  check_flags(list(complete = complete), "complete")
  check_vcov(object)
  if (object$status == "budget" && is.null(object$vcov) && is.null(data)) {
    abort("no_vcov", paste(
      "The fit stopped with its budget, and is not known to be within a tenth of a standard error of",
      "the maximum: standard errors would mislead. Use finish = 1 or more epochs, or pass `data` to",
      "get the inverse information at these coefficients."))
  }
  V <- if (has_limits(object)) object$separation$vcov else
    within_range(if (is.null(object$vcov)) computed_vcov(object, data) else object$vcov)
  if (!complete) return(V)
  all <- stats::coef(object, format = "vector")
  if (length(all) == nrow(V)) return(V)
  full <- matrix(NA_real_, length(all), length(all), dimnames = list(names(all), names(all)))
  full[!is.na(all), !is.na(all)] <- V # by place: names need not be unique
  full
}

check_vcov <- function(object) {
  check_object(object, whole = TRUE)
  why <- if (!loss_row(object$loss)$likelihood) {
    sprintf("loss \"%s\" is not a likelihood", object$loss)
  } else if (object$lambda > 0) {
    "penalised estimates are biased, and the curvature does not show it; use a bootstrap"
  } else if (!is.null(object$class_weights)) {
    "with class weights the fit does not maximise the likelihood of the data; use a bootstrap"
  } else if (!is.null(object$lower) || !is.null(object$upper)) {
    "within bounds the estimates are not normal; use a bootstrap"
  }
  if (is.null(why)) return(invisible())
  abort("no_vcov", sprintf("The coefficients have no covariance matrix (%s).", why))
}

# Columns that could not be estimated are dropped before the matrix is made.
computed_vcov <- function(object, data) {
  data <- training_data(object, data)
  names <- names(stats::coef(object, format = "vector", complete = FALSE))
  if (!length(names)) return(matrix(0, 0L, 0L))
  W <- object$coefficients
  kept <- if (is.matrix(W)) colSums(is.na(W)) == 0 else !is.na(W)
  if (!all(kept)) {
    object$coefficients <- if (is.matrix(W)) W[, kept, drop = FALSE] else W[kept]
    data$x <- as_columns(data$x)[, if (object$intercept) kept[-1L] else kept, drop = FALSE]
    object$p <- ncol(data$x)
  }
  symmetric <- object$coding == "symmetric"
  H <- loss_curvature(object, data, if (symmetric) "reference" else object$coding)
  V <- invert_information(H * object$nobs)
  if (is.null(V)) {
    abort("no_vcov", paste("The information matrix is singular to working precision: the classes",
                           "are separated or columns are nearly dependent."))
  }
  if (symmetric) {
    map <- kronecker(to_symmetric(diag(nrow(W) - 1L)), diag(sum(kept)))
    V <- map %*% V %*% t(map)
  }
  dimnames(V) <- list(names, names)
  V
}

# Squares of very small or very large numbers are no numbers.
within_range <- function(V) {
  lost <- !is.finite(diag(V)) | diag(V) == 0
  V[!is.finite(V)] <- NA
  diag(V)[lost] <- NA
  if (any(lost)) {
    warn("range", sprintf(paste(
      "The variance of %s is beyond the range of numbers and is NA. Give the columns other units."),
      enumerate(rownames(V)[lost])), coefficients = rownames(V)[lost])
  }
  V
}

#' @rdname vcov.linclass
#' @export
confint.linclass <- function(object, parm, level = 0.95, method = c("wald", "profile"), ...) {
  check_foreign_dots(list(...), c("parm", "level", "method"), robust_hints)
  method <- if (missing(method) && has_jeffreys(object)) "profile" else match_choice(method)
  check_level(level)
  estimate <- stats::coef(object, format = "vector")
  places <- if (missing(parm)) seq_along(estimate) else
    coefficient_places(parm, names(estimate), "parm")
  tails <- c((1 - level) / 2, (1 + level) / 2)
  limits <- if (method == "profile") profile_limits(object, places, tails) else
    wald_limits(object, estimate, tails)[places, , drop = FALSE]
  dimnames(limits) <- list(names(estimate)[places],
                           paste(format(100 * tails, digits = 3, trim = TRUE, scientific = FALSE), "%"))
  limits
}

# Confidence levels.
check_level <- function(level) {
  if (!is_one_number(level) || level <= 0 || level >= 1) {
    abort("argument", sprintf("`level` must be one number between 0 and 1, not %s.", describe_value(level)))
  }
}

wald_limits <- function(object, estimate, tails) {
  se <- sqrt(diag(stats::vcov(object)))
  unname(estimate) + outer(unname(se), stats::qnorm(tails))
}

#' Simulate responses from a fit
#'
#' Draws a class for each training row from the fitted probabilities, or counts for each row of counts.
#'
#' @param object A fit with probabilities, made by [linclass()].
#' @param nsim Number of simulated responses.
#' @param seed `NULL`, or a number for [set.seed()]; the generator is put back afterwards.
#' @param data `NULL`, or the training data, as in [fitted.linclass()].
#' @param ... Not used.
#' @return A data frame of `nsim` factors with the levels of the fit (of matrices with the columns of
#'   the response where it held counts), and the attribute `seed` as in [stats::simulate()].
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt, MASS::birthwt)
#' sapply(simulate(fit, 3, seed = 1), table)
#' @concept parametric bootstrap
#' @export
simulate.linclass <- function(object, nsim = 1, seed = NULL, data = NULL, ...) {
  check_foreign_dots(list(...), c("nsim", "seed", "data"))
  check_whole(nsim, "nsim", 1, "argument")
  if (!is.null(seed)) check_number(seed, "seed", -.Machine$integer.max, .Machine$integer.max, "argument")
  check_probability(object, "prob")
  rows <- data_rows(object, data)
  prob <- predict_rows(object, rows$x, rows$offset, "prob")
  if (!exists(".Random.seed", envir = globalenv(), inherits = FALSE)) stats::runif(1)
  before <- get(".Random.seed", envir = globalenv(), inherits = FALSE)
  if (!is.null(seed)) {
    set.seed(seed)
    on.exit(assign(".Random.seed", before, envir = globalenv()))
  }
  draw <- if (is.null(rows$counts)) class_sampler(prob, object$levels) else
    count_sampler(object, prob, rowSums(rows$counts), data)
  result <- replicate(nsim, pad(object$na.action, draw()), simplify = FALSE)
  names <- rownames(prob)
  result <- structure(result, names = paste0("sim_", seq_len(nsim)), class = "data.frame",
                      row.names = seq_len(NROW(result[[1L]])))
  if (!is.null(names) && length(names) == nrow(result) && !anyDuplicated(names)) {
    rownames(result) <- names
  }
  structure(result, seed = if (is.null(seed)) before else
    structure(seed, kind = as.list(RNGkind())))
}

class_sampler <- function(prob, levels) {
  upper <- t(apply(prob, 1L, cumsum))[, -ncol(prob), drop = FALSE]
  function() {
    factor(levels[1L + rowSums(stats::runif(nrow(prob)) > upper)], levels = levels)
  }
}

# Counts in the columns of the response.
count_sampler <- function(object, prob, trials, data) {
  if (any(trials != round(trials))) {
    abort("response", "Counts that are not whole numbers have no distribution to draw from.")
  }
  rows <- fit_rows(object, data)
  y <- if (is_by_formula(object)) frame_of_rows(object$terms, rows)[[1L]] else rows$y
  order <- if (ncol(prob) == 2L) 2:1 else seq_len(ncol(prob))
  names <- list(rownames(prob), colnames(y))
  function() {
    drawn <- vapply(seq_along(trials), function(i) {
      as.double(stats::rmultinom(1L, trials[i], prob[i, order]))
    }, double(ncol(prob)))
    matrix(t(drawn), length(trials), dimnames = names)
  }
}
