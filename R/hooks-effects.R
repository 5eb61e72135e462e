# Displays of effects (effects).

# Of one score effects makes a glm object by the call, so the call brings its data along.
#' @exportS3Method effects::effSources
effSources.linclass <- function(mod) {
  check_vcov(mod)
  call <- mod$call[c(1L, match("formula", names(mod$call)))]
  list(type = "glm", formula = stats::formula(mod), call = call_with_data(mod, call))
}

# Of several classes it would fit again by nnet::multinom(), without the weights, and read the coefficients of
# that fit. Its method for multinom() is given the estimates and the covariance matrix instead.
#' @exportS3Method effects::Effect
Effect.linclass <- function(focal.predictors, mod, ...) {
  if (is.null(focal.predictors)) return(stats::formula(mod))
  given <- list(...)[["vcov."]]
  if (!has_classes(mod) && is.null(given)) return(NextMethod())
  V <- if (is.null(given)) stats::vcov(mod) else given_vcov(mod, given)
  effect <- function(..., vcov.) effects::Effect(focal.predictors, view, ..., vcov. = V)
  view <- if (has_classes(mod)) as_multinom(mod) else as_glm(mod)
  view$call$data <- call_with_data(mod, view$call)$data
  effect(...)
}

# A softmax fit as nnet::multinom() would return it: its row of weights for each class is the bias (0), the
# coefficients, and 1 for an offset of the class.
as_multinom <- function(object) {
  check_vcov(object)
  if (object$coding != "reference" || length(object$levels) < 3L) {
    abort("coding", paste("Effects of classes need a softmax fit of three or more classes with",
                          "coding = \"reference\"."))
  }
  if (length(object$aliased)) {
    abort("argument", paste("Effects of classes need all coefficients: leave out",
                            paste(sprintf("`%s`", object$aliased), collapse = ", "), "first."))
  }
  call <- call_with_data(object, call("multinom", formula = stats::formula(object)))
  call[[1L]] <- quote(nnet::multinom)
  call$contrasts <- attr(stats::model.matrix(object), "contrasts")
  call[c("maxit", "trace", "Hess", "MaxNWts")] <- list(1L, FALSE, FALSE, .Machine$integer.max)
  start <- eval(call)
  beta <- stats::coef(object)
  wts <- matrix(start$wts, start$n[3L], byrow = TRUE)
  wts[-1L, 1L + seq_len(ncol(beta))] <- beta
  wts[-1L, 1L] <- 0
  start$wts <- c(t(wts))
  start$coefnames <- colnames(beta)
  start
}
