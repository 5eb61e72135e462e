# What is minimised, written again in plain R and in the most direct way, so that tests can compare
# the package, other packages and the stored references with it. W is k x (p + 1), intercept first.
# A two-class model is k = 2 with a first row of zeros.

r_scores <- function(W, x, offset = NULL) {
  z <- cbind(1, as.matrix(x)) %*% t(W)
  if (is.null(offset)) return(z)
  z + if (is.matrix(offset)) offset else cbind(0, offset)
}

r_losses <- function(z, codes, loss) {
  own <- z[cbind(seq_along(codes), codes)]
  if (loss %in% c("softmax", "logistic")) {
    top <- apply(z, 1, max)
    return(top + log(rowSums(exp(z - top))) - own)
  }
  over <- pmax(z - own + if (loss == "perceptron") 0 else 1, 0)
  over[cbind(seq_along(codes), codes)] <- 0
  bent <- switch(loss, squared_hinge = over^2, huber_hinge = ifelse(over < 1, over^2 / 2, over - 1 / 2), over)
  rowSums(bent)
}

# Derivative of each loss by its scores, n x k.
r_slopes <- function(z, codes, loss) {
  own <- cbind(seq_along(codes), codes)
  if (loss %in% c("softmax", "logistic")) {
    r <- exp(z - apply(z, 1, max))
    r <- r / rowSums(r)
    r[own] <- r[own] - 1
    return(r)
  }
  over <- z - z[own] + switch(loss, perceptron = 0, hinge = , squared_hinge = 1)
  r <- if (loss == "squared_hinge") 2 * pmax(over, 0) else 1 * (over > 0)
  r[own] <- 0
  r[own] <- -rowSums(r)
  r
}

r_penalty <- function(W, lambda, alpha, scale = 1) {
  slopes <- t(W[, -1, drop = FALSE]) * scale
  lambda * sum((1 - alpha) / 2 * slopes^2 + alpha * abs(slopes))
}

# `scale`: the columns' standard deviations where the penalty is on standardised columns.
r_objective <- function(W, x, codes, loss = "softmax", lambda = 0, alpha = 0, weights = NULL,
                        offset = NULL, scale = 1) {
  if (is.null(weights)) weights <- rep(1, length(codes))
  losses <- r_losses(r_scores(W, x, offset), codes, loss)
  sum(weights * losses) / sum(weights) + r_penalty(W, lambda, alpha, scale)
}

# Gradient of the mean loss without penalty, k x (p + 1).
r_gradient <- function(W, x, codes, loss = "softmax", weights = NULL, offset = NULL) {
  if (is.null(weights)) weights <- rep(1, length(codes))
  r <- r_slopes(r_scores(W, x, offset), codes, loss)
  crossprod(r * weights, cbind(1, as.matrix(x))) / sum(weights)
}

# Largest violation of the conditions of optimality over `rows` of W (those that are free).
r_kkt <- function(W, x, codes, loss = "softmax", lambda = 0, alpha = 0, rows = seq_len(nrow(W)),
                  ...) {
  g <- r_gradient(W, x, codes, loss, ...)
  b <- W[, -1, drop = FALSE]
  smooth <- g[, -1, drop = FALSE] + lambda * (1 - alpha) * b
  slack <- ifelse(b == 0, pmax(abs(smooth) - lambda * alpha, 0),
                  abs(smooth + lambda * alpha * sign(b)))
  max(abs(g[rows, 1]), slack[rows, ])
}

# Standard deviations with divisor n (sum of weights), as standardize = TRUE has them.
r_sd <- function(x, weights = rep(1, nrow(x))) {
  x <- as.matrix(x)
  centre <- colSums(weights * x) / sum(weights)
  sqrt(colSums(weights * sweep(x, 2, centre)^2) / sum(weights))
}

# Coefficients of a fit, a vector or rows without the first class, as k x (p + 1).
full_rows <- function(coefficients, k) {
  W <- if (is.matrix(coefficients)) coefficients else rbind(coefficients)
  rbind(matrix(0, k - nrow(W), ncol(W)), unname(W))
}

# Correct digits of each estimate: -log10 of the relative error, 16 where there is none. An estimate
# near zero is compared with a thousandth of the largest slope; `sd`, one value a column of W, makes
# slopes of different columns comparable (1 for the intercept, which is not counted as a slope).
correct_digits <- function(W, truth, sd = rep(1, ncol(truth))) {
  unit <- rep(sd, each = nrow(truth))
  effect <- abs(truth) * unit
  floor <- 1e-3 * max(effect[, -1], if (ncol(truth) == 1) effect)
  error <- abs(W - truth) * unit / pmax(effect, floor)
  pmin(16, -log10(error))
}

expect_digits <- function(W, truth, digits, label, sd = rep(1, ncol(truth))) {
  found <- min(correct_digits(W, truth, sd))
  if (is.na(found)) found <- -Inf
  expect(found >= digits, sprintf("%s: %.1f correct digits, not %s", label, found, digits))
}

expect_near <- function(value, truth, relative, label) {
  error <- abs(value - truth) / abs(truth)
  expect(isTRUE(error <= relative),
         sprintf("%s is %.15g, not %.15g: relative error %.2g", label, value, truth, error))
}

# --- The stored references -------------------------------------------------------------------

reference_file <- function(...) {
  system.file("references", paste0(...), package = "linclass", mustWork = TRUE)
}

# The stored tables, each read once: the rows of a case.
reference_tables <- new.env()
reference_rows <- function(table, case) {
  if (is.null(reference_tables[[table]])) {
    rows <- utils::read.csv(reference_file(table, ".csv"), colClasses = c(class = "character"))
    reference_tables[[table]] <- split(rows, rows$case)
  }
  reference_tables[[table]][[case$Case]]
}

reference_cases <- function() {
  cases <- as.data.frame(read.dcf(reference_file("cases.dcf")))
  for (column in c("Lambda", "Alpha", "Objective", "Condition")) {
    cases[[column]] <- as.numeric(cases[[column]])
  }
  split(cases, factor(cases$Case, cases$Case))
}

# Data and expected coefficients of one case. x is a double matrix; codes are 1..k.
read_reference <- function(case) {
  data <- utils::read.csv(reference_file("data-", case$Data, ".csv"), check.names = FALSE)
  fit <- reference_rows("fits", case)
  levels <- strsplit(case$Levels, " ")[[1]]
  columns <- !(names(data) == "y" | startsWith(names(data), "("))
  terms <- unique(fit$term)
  shape <- function(v) {
    matrix(v, ncol = length(terms), byrow = TRUE, dimnames = list(unique(fit$class), terms))
  }
  uses <- strsplit(case$Uses, " ")[[1]]
  offset <- data[startsWith(names(data), "(offset")]
  x <- as.matrix(data[columns])
  storage.mode(x) <- "double"
  list(
    x = x, y = factor(data$y, levels), codes = match(data$y, levels), levels = levels,
    weights = if ("weight" %in% uses) data[["(weight)"]],
    offset = if ("offset" %in% uses) if (ncol(offset) == 1) offset[[1]] else as.matrix(offset),
    coefficients = shape(fit$estimate), se = if (!anyNA(fit$se)) shape(fit$se),
    shares = reference_rows("probabilities", case))
}

# --- Digits of fits --------------------------------------------------------------------------

# A fit of a case, from its columns as they are ("dense"), sparse, or with each column of zeros and ones as a factor
# that stays level codes ("coded").
fit_stored <- function(case, ref, storage = "dense", ...) {
  arguments <- list(loss = case$Loss, lambda = case$Lambda, alpha = case$Alpha, standardize = FALSE,
                    coding = if (case$Coding != "vector") case$Coding, weights = ref$weights, offset = ref$offset, ...)
  if (storage == "coded") return(fit_coded(ref, arguments))
  do.call(linclass, c(list(stored_columns(ref$x, storage), ref$y), arguments))
}

# The storages that can hold a data set.
storages_of <- function(x) c("dense", "sparse", if (any(binary_columns(x))) "coded")
binary_columns <- function(x) colSums(x != 0 & x != 1) == 0

stored_columns <- function(x, storage) {
  if (storage == "dense") return(x)
  if (storage == "sparse") return(methods::as(x, "CsparseMatrix"))
  data <- as.data.frame(x)
  data[binary_columns(x)] <- lapply(data[binary_columns(x)], factor, levels = 0:1)
  data
}

fit_coded <- function(ref, arguments) {
  on.exit(utils::assignInNamespace("small_dense", 1e6, "linclass"))
  utils::assignInNamespace("small_dense", 0, "linclass")
  data <- stored_columns(ref$x, "coded")
  data$y <- ref$y
  # as text, so that the values stay out of the formula's environment
  for (name in c("weights", "offset")) if (!is.null(arguments[[name]])) {
    data[[name]] <- arguments[[name]]
    arguments[[name]] <- as.name(name)
  }
  formula <- stats::reformulate(sprintf("`%s`", colnames(ref$x)), "y")
  eval(as.call(c(list(quote(linclass), formula, quote(data)), arguments)))
}

# Log relative errors of a fit: the fewest correct digits of its estimates, standard errors, objective (which is minus
# the log-likelihood per weight where there is no penalty) and probabilities; NA where a fit has none.
fit_digits <- function(fit, case, ref, storage = "dense") {
  fewest <- function(value, truth) min(16, -log10(max(abs(value - truth) / abs(truth))))
  se <- if (!is.null(ref$se)) matrix(sqrt(diag(stats::vcov(fit))), nrow(ref$se), byrow = TRUE)
  shares <- ref$shares[ref$shares$probability > 1e-300, ]
  got <- if (!is.null(ref$shares)) {
    rows <- unique(shares$row)
    offset <- if (is.matrix(ref$offset)) ref$offset[rows, ] else ref$offset[rows]
    x <- stored_columns(ref$x, storage)[rows, , drop = FALSE]
    p <- stats::predict(fit, x, type = "prob", offset = offset)
    p[cbind(match(shares$row, rows), match(shares$class, ref$levels))]
  }
  c(estimate = min(correct_digits(unname(rbind(stats::coef(fit))), unname(ref$coefficients), coefficient_scale(ref))),
    se = if (is.null(se)) NA else fewest(se, ref$se), objective = fewest(objective(fit), case$Objective),
    probability = if (is.null(got)) NA else fewest(got, shares$probability))
}

coefficient_scale <- function(ref) {
  c(1, r_sd(ref$x, if (is.null(ref$weights)) rep(1, nrow(ref$x)) else ref$weights))
}
