# Slopes, comparisons and predictions of package marginaleffects: it moves coefficients and predicts.

#' @exportS3Method marginaleffects::get_coef
get_coef.linclass <- function(model, ...) {
  stats::coef(model, format = "vector", complete = FALSE)
}

#' @exportS3Method marginaleffects::set_coef
set_coef.linclass <- function(model, coefs, ...) {
  all <- stats::coef(model, format = "vector")
  kept <- if (is.null(names(coefs))) which(!is.na(all)) else match(names(coefs), names(all))
  all[kept] <- coefs
  W <- model$coefficients
  model$coefficients[] <- if (is.matrix(W)) matrix(all, nrow(W), byrow = TRUE) else all
  model
}

#' @exportS3Method marginaleffects::get_predict
get_predict.linclass <- function(model, newdata, type = "response", ...) {
  type <- type[1L]
  if (is.null(type)) type <- "response"
  if (type == "probs") type <- "prob"
  given <- as.data.frame(newdata)
  estimate <- stats::predict(model, given, type = type)
  rowid <- if (is.null(given$rowid)) seq_len(nrow(given)) else given$rowid
  if (!is.matrix(estimate)) return(data.frame(rowid = rowid, estimate = unname(estimate)))
  data.frame(rowid = rep(rowid, ncol(estimate)),
             group = factor(rep(colnames(estimate), each = nrow(estimate)), colnames(estimate)),
             estimate = as.vector(estimate))
}

# It asks for classes that it does not know to be named.
name_to_marginaleffects <- function() {
  known <- getOption("marginaleffects_model_classes")
  options(marginaleffects_model_classes = union(known, "linclass"))
}
