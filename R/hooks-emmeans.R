# Estimated marginal means (emmeans): the rows of the reference grid and their linear functions.

#' @exportS3Method emmeans::recover_data
recover_data.linclass <- function(object, ...) {
  # The environment of a fit's terms holds no data; that of its formula sees them.
  terms <- stats::delete.response(stats::terms(object))
  attr(terms, ".Environment") <- environment(stats::formula(object))
  frame <- tryCatch(stats::model.frame(object), error = function(e) NULL)
  if (is.null(frame)) return(emmeans::recover_data(object$call, terms, object$na.action, ...))
  emmeans::recover_data(object$call, terms, object$na.action, frame = frame, ...)
}

# mode, for several classes: "prob", or "latent", scores that sum to zero over classes.
#' @exportS3Method emmeans::emm_basis
emm_basis.linclass <- function(object, trms, xlev, grid, mode = c("prob", "latent"), vcov. = NULL,
                               ...) {
  mode <- match_choice(mode)
  check_vcov(object)
  kept <- estimated(object)
  X <- terms_matrix(object, grid)
  V <- given_vcov(object, vcov.)
  if (is.null(V)) V <- stats::vcov(object, complete = FALSE)
  basis <- list(V = V, dffun = function(k, dfargs) Inf, dfargs = list(),
                nbasis = estimability::all.estble)
  if (!all(kept)) {
    full <- as.matrix(stats::model.matrix(object))
    basis$nbasis <- estimability::nonest.basis(qr(full))
  }
  if (!has_classes(object)) {
    return(c(basis, list(X = X, bhat = unname(stats::coef(object)),
                         misc = emmeans::.std.link.labels(stats::family(object), list()))))
  }
  several_classes(object, basis, X, mode)
}

several_classes <- function(object, basis, X, mode) {
  k <- length(object$levels)
  W <- stats::coef(object)
  scores <- if (object$coding == "reference") rbind(0, diag(k - 1L)) else diag(k)
  basis$X <- kronecker(scores - rep(colMeans(scores), each = k), X)
  basis$bhat <- as.vector(t(W))
  if (is.matrix(basis$nbasis) && !all(is.na(basis$nbasis))) {
    basis$nbasis <- kronecker(rep(1, nrow(W)), basis$nbasis)
  }
  response <- all.vars(stats::formula(object)[[2L]])
  levels <- stats::setNames(list(object$levels), if (length(response)) response[1L] else "class")
  basis$misc <- list(tran = "log", inv.lbl = "e^y", ylevs = levels,
                     postGridHook = if (mode == "prob") probability_grid)
  basis
}

# Scores of the grid become probabilities, and the linear functions their derivatives: classes are
# the slowest factor of the rows, and dp_c / ds_j = p_c (1{c = j} - p_j).
probability_grid <- function(object, ...) {
  k <- length(object@levels[[object@roles$multresp]])
  n <- nrow(object@linfct) / k
  b <- object@bhat
  b[is.na(b)] <- 0
  scores <- matrix(object@linfct %*% b, n, k)
  p <- softmax(scores)
  L <- object@linfct
  parts <- lapply(seq_len(k), function(c) p[, c] * L[(c - 1L) * n + seq_len(n), , drop = FALSE])
  mean <- Reduce(`+`, parts)
  slopes <- as.vector(p) * (L - mean[rep(seq_len(n), k), , drop = FALSE])
  regrid_linear(object, as.vector(p), slopes)
}

# A grid whose estimates are the values, with the covariance that derivatives give them.
regrid_linear <- function(object, value, slopes) {
  known <- !is.na(object@bhat)
  object@V <- slopes[, known, drop = FALSE] %*% object@V %*% t(slopes[, known, drop = FALSE])
  object@bhat <- value
  object@linfct <- diag(length(value))
  object@nbasis <- estimability::all.estble
  object@misc$tran <- object@misc$tran.mult <- object@misc$inv.lbl <- NULL
  object@misc$postGridHook <- NULL
  object@misc$estName <- "prob"
  object@misc$initMesg <- character()
  object
}
