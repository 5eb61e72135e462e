# Separation of a fit: what separation-proof.R decides, written in the columns, classes and coefficients of the user.

# Entries of the model matrix and coefficients up to which it is decided.
max_separation_cells <- 5e7
max_separation_size <- 1000
# Those up to which a fit itself decides, which should not take longer than fitting: where it ran away, and where it
# gives no reason to ask.
max_fit_cells <- 5e6
max_silent_cells <- 1e6
# Numbers multiplied in a trial to leave columns out, above which the largest are named instead.
max_trials <- 3e8

#' Detect complete and quasi-complete separation
#'
#' Without a penalty the likelihood has a finite maximum if and only if no direction separates classes: there must be no
#' coefficients \eqn{d_1, \dots, d_k}, one vector for each class, with \eqn{x_i'(d_{y_i} - d_c) \ge 0} for all rows i
#' and classes c that is positive for some (Albert and Anderson 1984). `separation()` decides whether there are, with a
#' certificate for either answer, whatever the fit's penalty: it is a property of columns, classes, and of the rows
#' with positive weight.
#'
#' The answer is no guess from large coefficients. If there is separation, `direction` shows it and is checked on all
#' rows. If there is none, or for the rows that no direction separates, `balance` has positive weights of some pairs of
#' a row i and a class c with which \eqn{x_i (e_{y_i} - e_c)'} add up to 0, so that none of them can be positive
#' where all
#' are at least 0. Both hold up to rounding errors: products below 1e-13 of the lengths of their vectors count as 0, and
#' where products between that and 1e-9 matter, `proved` is `FALSE`.
#'
#' The likelihood then rises for ever along the direction, to that of a limiting model in which separated rows
#' never have
#' the classes they are separated from. Coefficients that this model determines are finite, and have its
#' standard errors; the others are infinite (Geyer 2009). Where many directions separate, as in complete
#' separation, they
#' have the signs along which the fit went, and another method might go another way.
#'
#' [linclass()] does the same by itself for an unpenalised fit of a likelihood loss that runs away. Its `separation` is
#' the result, [summary.linclass()] shows the limits, and [vcov.linclass()] has `NA` for infinite coefficients.
#'
#' @param object A fit made by [linclass()], a formula, or features.
#' @param data For a formula a data frame; for a fit `NULL`, or the training data as in [fitted.linclass()].
#' @param ... For a formula and for features what [linclass()] takes: `y`, `weights`, `offset`, `intercept`.
#' @return An object of class `linclass_separation`, a list of
#' * `kind`: `"none"`; `"complete"`, if all rows are separated from all other classes; else `"quasi"`;
#' * `columns`: columns that together separate these rows and of which none can be left out (there may be other
#'   such sets);
#' * `classes`: those that are separated from others: all of a complete separation, else as few as explain
#'   `pairs`;
#' * `pairs`: a matrix of classes x classes, how many rows of the first are separated from the second;
#' * `direction`: a matrix of classes x terms, or `NULL`; `violation`: the most that it falls short of the
#'   condition on any row, relative to the size of the products, which is 0 but for rounding errors;
#' * `balance`: a data frame of `row` (among those of positive weight), `class` and `weight`; `balance_error`: how far
#'   the weighted sum is from 0, relative to its terms;
#' * `coefficients`: for unpenalised fits of a likelihood loss, the limits as `coef(format = "vector")` names them:
#'   numbers, `Inf`, `-Inf`, and `NA` where a column is a linear combination of others or no sign stands out;
#'   `vcov`: their covariance, `NA`
#'   where they are infinite;
#' * `proved`: `FALSE` where it is not decided, because of rounding errors or above 5e7 entries of X or 1000
#'   coefficients;
#'   `kind` is then that of a fit's last steps and the rest is empty.
#' @references Albert, A. and Anderson, J. A. (1984) On the existence of maximum likelihood estimates in logistic
#'   regression models. *Biometrika* 71, 1--10.
#'
#'   Geyer, C. J. (2009) Likelihood inference in exponential families and directions of recession. *Electronic
#'   Journal of
#'   Statistics* 3, 259--289.
#'
#'   Konis, K. (2007) *Linear programming algorithms for detecting separated data in binary logistic regression models*.
#'   DPhil thesis, University of Oxford.
#' @seealso [summary.linclass()]; a penalty or [linclass_path()] for finite coefficients.
#' @concept complete separation
#' @concept quasi-complete separation
#' @concept quasi-separation
#' @concept perfect prediction
#' @concept infinite coefficients
#' @concept Hauck-Donner effect
#' @concept monotone likelihood
#' @examples
#' # Level w of f never has class C.
#' d <- expand.grid(f = c("u", "v", "w"), y = c("A", "B", "C"), copy = 1:4)
#' d <- d[!(d$f == "w" & d$y == "C"), ]
#' s <- separation(y ~ f, d)
#' s
#' s$direction
#' s$coefficients
#' @export
separation <- function(object, ...) UseMethod("separation")

#' @rdname separation
#' @export
separation.linclass <- function(object, data = NULL, ...) {
  check_no_dots(list(...), "data")
  check_object(object, whole = TRUE)
  if (is_ovr(object)) {
    abort("coding", paste("Each class was fitted against the rest, and no scores of all classes can separate them:",
                          "separation(formula, data) judges the data."))
  }
  design <- training_data(object, data)
  design$codes <- design$y$codes
  object$separation <- find_separation(object, design, hint = object$separation)
  object$separation
}

#' @rdname separation
#' @export
separation.formula <- function(object, data, ...) {
  call <- match.call()
  names(call)[2L] <- "formula"
  call[[1L]] <- linclass
  separation(suppress_linclass(eval(call, parent.frame())))
}

#' @rdname separation
#' @export
separation.default <- function(object, ...) separation(suppress_linclass(linclass(object, ..., model = TRUE)))

new_separation <- function(kind, ..., columns = character(), classes = character(), proved = TRUE) {
  structure(list(kind = kind, columns = columns, classes = classes, ..., proved = proved),
            class = "linclass_separation")
}

# Without proof: the columns and classes whose scores moved, over the reach of their columns, at least a quarter as far
# as the one that moved most. Of many classes it is those that left the others, of two the one that the rows which ran
# away never have. flag: what C saw, its kind and the rows of each class that ran away.
guess_separation <- function(flag, coefficients, problem) {
  if (flag$kind == "none") return(new_separation("none", proved = FALSE))
  stats <- problem$design$stats
  reach <- ifelse(abs(stats$mean) > stats$sd, 4 * stats$sd, stats$max_abs)
  w <- if (problem$coding == "vector") matrix(coefficients, 1L) else unname(coefficients)
  if (problem$intercept) w <- w[, -1L, drop = FALSE]
  if (nrow(w) < problem$k) w <- rbind(0, w)
  away <- if (problem$k == 2L) {
    pmax(rbind(w[2L, ] - w[1L, ], w[1L, ] - w[2L, ]), 0)
  } else {
    abs(w - rep(apply(w, 2L, stats::median), each = problem$k))
  }
  away <- away * rep(reach, each = problem$k)
  far <- !is.na(away) & away >= max(away, 0, na.rm = TRUE) / 4 & away > 0
  ran <- rowSums(far) > 0 | (flag$kind == "complete" & flag$class_rows > 0)
  new_separation(flag$kind, columns = problem$design$blueprint$names[colSums(far) > 0],
                 classes = problem$design$levels[ran], proved = FALSE)
}

is_separated <- function(fit) !is.null(fit$separation) && fit$separation$kind != "none"

# A fit that ran away is judged by proof. One that is not separated was stopped too early: it goes on from the maximum
# that the proof comes with.
settle_separation <- function(fit, problem, call) {
  if (!is.null(problem$held)) return(fit) # a fit with fixed coefficients, as profiles make it
  if (is_elsewhere(problem$design$x)) return(fit) # no columns to prove it with
  ran <- is_separated(fit)
  cells <- as.double(fit$n) * length(fit$coefficients)
  asked <- if (ran) cells <= max_fit_cells else cells <= max_silent_cells && may_hide_separation(fit, problem$design)
  if (!asked) return(fit)
  found <- find_separation(fit, problem$design, fit$separation)
  found["balance"] <- list(NULL) # as long as the data; separation() has it
  if (ran && found$kind == "none" && length(found$coefficients)) {
    terms <- term_names(problem$design$blueprint)
    start <- matrix(replace(found$coefficients, is.na(found$coefficients), 0), ncol = length(terms), byrow = TRUE)
    problem$start <- check_start(start, problem)
    fit <- new_linclass(problem, engine_fit(problem), call)
  }
  fit$separation <- found
  fit
}

# Only Newton's method tells by its steps, and only where it comes near enough. Of the others a fit that converged
# leaves at most `tolerance` of the objective to gain, so that one of n separated rows has a loss of exp(-lead) <= n
# tolerance objective: where no class leads another by half as much, none is separated.
may_hide_separation <- function(fit, design) {
  stopped <- fit$status %in% c("max_iter", "stalled")
  silent <- fit$solver %in% c("lbfgs", "coordinate") || fit$solver == "newton" && stopped
  if (!silent || !has_limit(fit) || !is.null(fit$class_weights)) return(FALSE)
  stopped || largest_lead(fit, design) > -log(fit$n * fit$certificate$tolerance * fit$objective) / 2
}

# By how much the score of a row's class is at most above that of another.
largest_lead <- function(fit, design) {
  P <- predict_rows(fit, design$x, design$offset, "prob")
  own <- P[cbind(seq_len(nrow(P)), design$codes + 1L)]
  max(log(own) - log(do.call(pmin, lapply(seq_len(ncol(P)), function(c) P[, c]))))
}

# Has the fit limits in place of estimates?
has_limits <- function(fit) is_separated(fit) && length(fit$separation$coefficients) > 0L

limit_coefficients <- function(fit) {
  if (!has_limits(fit)) return(stats::coef(fit, format = "vector", complete = FALSE))
  shown <- !is.na(stats::coef(fit, format = "vector"))
  fit$separation$coefficients[shown]
}

# design: rows as C fitted them. hint: what is known without proof.
find_separation <- function(fit, design, hint) {
  W <- fit$coefficients
  kept <- if (is.matrix(W)) colSums(is.na(W)) == 0 else !is.na(W)
  undecided <- new_separation(hint$kind, columns = hint$columns, classes = hint$classes, proved = FALSE)
  size <- sum(kept) * (length(fit$levels) - 1L)
  if (!size) return(new_separation("none")) # all scores are the offsets
  if (size > max_separation_size || as.double(nrow(design$x)) * sum(kept) > max_separation_cells) return(undecided)
  frame <- separation_frame(fit, design, kept)
  decided <- decide_separation(frame$problem, pair_leads(frame$problem, frame$start))
  if (is.null(decided)) return(undecided)
  lengths <- pair_lengths(frame$problem, diag(nrow(decided$N)))
  decided <- prefer_fit(frame, decided, lengths)
  named <- name_direction(frame, decided, lengths)
  if (named$violation > 1e-9) return(undecided)
  rows <- frame$problem
  complete <- all(decided$separated == rows$others)
  kind <- if (!any(decided$separated)) "none" else if (complete) "complete" else "quasi"
  pairs <- rowsum(decided$separated + 0, factor(rows$own, seq_len(rows$k)))
  dimnames(pairs) <- list(fit$levels, fit$levels)
  do.call(new_separation, c(
    list(kind, columns = named$columns, pairs = pairs,
         classes = if (complete) fit$levels else covering_classes(pairs),
         direction = named$direction, violation = named$violation,
         balance = balance_frame(decided$balance, fit$levels),
         balance_error = balance_error(frame$problem, decided$balance)),
    if (has_limit(fit)) limits(fit, frame, decided)))
}

has_limit <- function(fit) {
  fit$lambda == 0 && loss_row(fit$loss)$likelihood && is.null(fit$lower) && is.null(fit$upper) &&
    !has_jeffreys(fit)
}

# The problem in columns from which the median is taken (where there is an intercept: integers stay integers) and which
# are scaled; `to_user` maps coefficients of these columns to those of the user, `start` is the fit.
separation_frame <- function(fit, design, kept) {
  X <- as.matrix(as_columns(design$x))
  storage.mode(X) <- "double"
  terms <- term_names(fit$blueprint)
  slopes <- kept[if (fit$intercept) -1L else seq_along(kept)]
  X <- unname(X[, slopes, drop = FALSE])
  centre <- if (fit$intercept) apply(X, 2L, stats::median) else numeric(ncol(X))
  centred <- X - rep(centre, each = nrow(X))
  size <- colMeans(abs(centred))
  unit <- 2^floor(log2(ifelse(size > 0, size, 1)))
  if (fit$intercept) {
    X <- cbind(1, X)
    centred <- cbind(1, centred)
    unit <- c(1, unit)
  }
  to_user <- diag(1 / unit, length(unit))
  if (fit$intercept) to_user[1L, -1L] <- -centre / unit[-1L]
  centred <- centred / rep(unit, each = nrow(X))
  W <- reexpress(fit$coefficients, fit$levels, fit$coding, if (fit$coding == "symmetric") "reference" else fit$coding)
  B <- t(if (is.matrix(W)) W else t(W))[kept, , drop = FALSE]
  weights <- design$fit_weights
  if (is.null(weights)) weights <- design$weights
  list(problem = separation_problem(centred, design$codes + 1L, length(fit$levels)), levels = fit$levels,
       X = X, to_user = to_user,
       unit = unit, terms = terms, intercept = fit$intercept, kept = kept, start = solve(to_user, unname(B), tol = 0),
       weights = if (is.null(weights)) rep(1, nrow(X)) else weights,
       offset = score_offset(design$offset, length(fit$levels), "reference"))
}

# Where the fit runs along a direction of N that separates as well, it is that one.
prefer_fit <- function(frame, decided, lengths) {
  u <- drop(crossprod(decided$N, as.vector(start_direction(frame))))
  leads <- pair_leads(frame$problem, direction_matrix(frame$problem, decided$N %*% u)) / lengths
  if (all(leads[decided$separated] > 1e-6 * sqrt(sum(u^2)))) decided$u <- u / sqrt(sum(u^2))
  decided
}

# The coefficients of the fit as U.
start_direction <- function(frame) qr.coef(qr(frame$problem$M), frame$start)

# A direction in the user's columns, of as few of them as will do, and how well it keeps its word on all rows.
name_direction <- function(frame, decided, lengths) {
  if (!ncol(decided$N)) return(list(columns = character(), direction = NULL, violation = 0))
  problem <- frame$problem
  q <- ncol(problem$X)
  terms <- frame$terms[frame$kept]
  map <- kronecker(diag(problem$k - 1L), frame$to_user %*% problem$M)
  on_n <- map %*% decided$N / sqrt(rowSums(map^2))
  on_n[rowSums(on_n^2) <= 1e-16, ] <- 0
  places <- lapply(seq_len(q), seq, by = q, length.out = problem$k - 1L)
  moved <- vapply(places, function(at) any(on_n[at, ] != 0), NA)
  candidates <- which(moved & seq_len(q) > as.integer(frame$intercept))
  importance <- rowSums(abs(matrix(map %*% (decided$N %*% decided$u), q)) * frame$unit)[candidates]
  needed <- list(kept = seq_along(candidates), u = decided$u)
  if (ncol(decided$N) > 1L) {
    needed <- if (length(problem$X) * ncol(decided$N) * (problem$k - 1) <= max_trials) {
      needed_features(problem, decided, lengths, lapply(places[candidates], function(at) on_n[at, , drop = FALSE]),
                      importance)
    } else {
      list(kept = which(importance >= max(importance, 0) / 4), u = decided$u, all = TRUE)
    }
  }
  D <- matrix(map %*% (decided$N %*% needed$u), q)
  D[rowSums(on_n^2) == 0] <- 0
  if (is.null(needed$all)) D[setdiff(candidates, candidates[needed$kept]), ] <- 0
  D <- D / max(abs(D))
  whole <- abs(D - round(D)) <= 1e-10
  D[whole] <- round(D[whole])
  direction <- matrix(0, problem$k, length(frame$terms), dimnames = list(frame$levels, frame$terms))
  direction[-1L, frame$kept] <- t(D)
  list(columns = terms[candidates[needed$kept]], direction = direction,
       violation = direction_violation(frame, decided, D))
}

# The most that x_i'(d_{y_i} - d_c) falls below 0, or is no more than 0 where it should be, relative to its terms.
direction_violation <- function(frame, decided, D) {
  leads <- pair_leads(c(list(X = frame$X), frame$problem[c("own", "k")]), D)
  terms <- cbind(0, abs(frame$X) %*% abs(D))
  terms <- terms + terms[cbind(seq_along(frame$problem$own), frame$problem$own)]
  if (any(leads[decided$separated] <= 0)) return(Inf)
  rest <- frame$problem$others & terms > 0
  max(0, -leads[rest] / terms[rest])
}

# As few classes as explain all pairs, those first that explain most rows, of two equal ones that which rows do
# not have.
covering_classes <- function(pairs) {
  chosen <- character()
  while (any(pairs > 0)) {
    explained <- rowSums(pairs) + colSums(pairs)
    best <- names(which.max(explained + 1e-6 * colSums(pairs)))
    chosen <- c(chosen, best)
    pairs[best, ] <- pairs[, best] <- 0
  }
  rownames(pairs)[rownames(pairs) %in% chosen]
}

balance_frame <- function(balance, levels) {
  if (is.null(balance)) return(data.frame(row = integer(), class = character(), weight = numeric()))
  data.frame(row = balance$pairs[, 1L], class = levels[balance$pairs[, 2L]], weight = balance$weights)
}

# Limits of the coefficients and the covariance of those that are finite, as coef(format = "vector") has them.
limits <- function(fit, frame, decided) {
  limit <- fit_limit(frame$problem, decided, as.vector(start_direction(frame)), frame$weights, frame$offset)
  if (is.null(limit)) return(NULL)
  classes <- diag(frame$problem$k - 1L)
  map <- kronecker(if (fit$coding == "symmetric") to_symmetric(classes) else classes,
                   frame$to_user %*% frame$problem$M)
  finite <- sqrt(rowSums((map %*% decided$N)^2)) <= 1e-8 * sqrt(rowSums(map^2))
  run <- drop(map %*% (decided$N %*% decided$u))
  V <- map %*% limit$covariance %*% t(map)
  V[!finite, ] <- V[, !finite] <- NA
  names <- names(stats::coef(fit, format = "vector"))
  shown <- rep(frame$kept, length.out = length(names))
  dimnames(V) <- list(names[shown], names[shown])
  all <- stats::setNames(rep(NA_real_, length(names)), names)
  sign <- ifelse(abs(run) > 1e-12 * sqrt(rowSums(map^2)), sign(run), NA)
  all[shown] <- ifelse(finite, drop(map %*% limit$u), sign * Inf)
  list(coefficients = all, vcov = V)
}

#' @rdname separation
#' @param x What `separation()` returned.
#' @export
print.linclass_separation <- function(x, ...) {
  writeLines(strwrap(paste0("Separation: ", separation_in_words(x)), width = line_width(), exdent = 2L))
  if (is_separated(list(separation = x)) && length(x$coefficients)) {
    infinite <- which(is.infinite(x$coefficients))
    signs <- ifelse(x$coefficients[infinite] > 0, "Inf", "-Inf")
    writeLines(strwrap(paste0("Infinite: ", enumerate(paste(names(infinite), signs), 20L, "")),
                       width = line_width(), exdent = 2L))
  }
  invisible(x)
}

separation_in_words <- function(separation) {
  if (separation$kind == "none") {
    return(if (isTRUE(separation$proved)) "none, the likelihood has a finite maximum" else "none was met (not proved)")
  }
  if (!isTRUE(separation$proved)) return(paste(separation$kind, "(not proved)"))
  sprintf("%s (%s by %s)", separation$kind, enumerate(separation$classes, 4L, quote = ""),
          if (length(separation$columns)) enumerate(separation$columns, 4L, quote = "") else "the intercept")
}
