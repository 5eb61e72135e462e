# Prediction: the blueprint turns newdata into columns, C turns columns into scores, and this file
# gives them names and a shape that depends on `type` and the fit only, never on the rows.

#' Predict classes, probabilities or scores
#'
#' Predictions of a fit for new data, whose columns are matched by name.
#'
#' @param object A fit made by [linclass()].
#' @param newdata What to predict: a data frame for a fit by formula; a matrix, sparse matrix or
#'   data frame with the columns of the fit otherwise; or a [row_source()] of either, which is read block
#'   by block. Columns are matched by name; others are ignored.
#'   `NULL` predicts the training rows, which are found again as described in [fitted.linclass()].
#' @param type What to return:
#'   * `"class"`: the class with the largest score (ties: the first), a factor with the levels of
#'     the training response;
#'   * `"prob"`: an n x k matrix of probabilities, one column for each class, also for two
#'     classes;
#'   * `"response"`: the probability of the second class if there are two, else the matrix;
#'   * `"link"`: the scores. One number a row where the fit has one vector of coefficients (two
#'     classes), else an n x k matrix; with reference coding the column of the first class is 0;
#'   * `"terms"`: the part of each term in the score as in [stats::predict.glm()]: a matrix of rows x
#'     terms, centred at the means of the training rows, with the attribute `constant`. Where the fit
#'     has a row of coefficients for each class, columns are named `class:term`, and there is a constant
#'     for each class.
#'
#'   The default is `"class"`; with `se.fit` or `interval` it is `"link"`.
#' @param offset Offset of the rows of `newdata`, needed where the fit had an `offset` argument
#'   (offsets in the formula are found in `newdata`): n numbers, which are added to the score of
#'   the second of two classes, or an n x k matrix.
#' @param na.action What to do with rows that have missing values. The default keeps them and
#'   predicts `NA`.
#' @param novel What to do with factor levels that training did not see: an error, or `NA` for
#'   these rows.
#' @param prior `NULL`; or the shares of the classes where predictions are needed, as in
#'   [adjust_prior()], where they are others than in training (by sampling, or `class_weights`).
#' @param ... Not used. (Arguments that other packages pass are ignored, unless they look like one of
#'   these misspelt.)
#' @param se.fit Whether to give standard errors (by the delta method), for unpenalised fits of a
#'   likelihood: the result is a list of `fit`, `se.fit` and `residual.scale`.
#' @param interval `"confidence"`: predictions with limits, as columns `fit`, `lwr` and `upr` (for an
#'   n x k matrix a third dimension). Those of probabilities are made on the logistic scale.
#' @param level The level of the limits.
#' @param terms For `type = "terms"`: which terms, all if `NULL`.
#' @return As described under `type`, always one row for each row of `newdata` (unless `na.action`
#'   removes some). Numbers carry the row names of `newdata`, the factor has none. A coefficient
#'   that could not be estimated (`NA`) counts as 0, with a warning of class
#'   `linclass_warning_rank_deficient` for rows where that matters. Where an infinite feature leaves a score
#'   undefined, the result is `NA`, with a warning of class `linclass_warning_nonfinite`.
#' @section Errors: `linclass_error_no_probability` (the hinges and the perceptron have no
#'   probabilities), `linclass_error_newdata`, `linclass_error_new_level`, `linclass_error_offset`,
#'   `linclass_error_data` (training data not found), `linclass_error_shape`,
#'   `linclass_error_unused_argument`.
#' @seealso [linclass()], [fitted.linclass()]
#' @examples
#' train <- seq(1, 150, by = 2)
#' fit <- linclass(Species ~ ., iris[train, ], lambda = 0.01, alpha = 0)
#' table(predict(fit, iris[-train, ]), iris$Species[-train])
#' head(predict(fit, iris[-train, ], type = "prob"))
#' predict(fit, iris[51, ], type = "link")
#' @concept prediction
#' @concept predict new data
#' @concept decision function
#' @concept confidence interval of a probability
#' @concept classify new data
#' @concept class probabilities
#' @concept decision threshold
#' @concept threshold
#' @export
predict.linclass <- function(object, newdata = NULL,
                             type = c("class", "prob", "response", "link", "terms"), offset = NULL,
                             na.action = na.pass, novel = c("error", "na"), ...,
                             se.fit = FALSE, interval = c("none", "confidence"), level = 0.95,
                             terms = NULL, prior = NULL) {
  check_foreign_dots(list(...), setdiff(names(formals()), c("object", "...")), predict_hints)
  check_flags(list(se.fit = se.fit), "se.fit")
  interval <- match_choice(interval)
  check_level(level)
  sure <- !se.fit && interval == "none"
  type <- if (missing(type) && !sure) "link" else match_choice(type)
  novel <- match_choice(novel)
  if (!is.null(prior)) {
    p <- predict_from(object, newdata, "prob", offset, na.action, novel, predict_rows)
    return(predict_prior(object, p, type, prior))
  }
  predict <- if (type == "terms") predict_terms(se.fit, terms) else if (sure) predict_rows else
    predict_with_errors(se.fit, interval, level)
  if (type == "class" && !sure) {
    abort("argument", "Classes have no standard errors: use type = \"link\", \"response\" or \"prob\".")
  }
  predict_from(object, newdata, type, offset, na.action, novel, predict)
}

# What all predict() methods share. predict: from the object, the columns of the fit, their offset
# and the type to predictions.
predict_from <- function(object, newdata, type, offset, na.action, novel, predict) {
  check_object(object)
  check_probability(object, type)
  if (is_source(newdata)) {
    return(predict_source(newdata, offset, function(rows, offset) {
      predict_from(object, rows, type, offset, na.action, novel, predict)
    }))
  }
  if (is.null(newdata)) {
    if (!is.null(offset)) {
      abort("offset", "`offset` belongs to `newdata`; the training rows have theirs.")
    }
    return(predict_training(object, NULL, type, predict))
  }
  data <- bake(object$blueprint, newdata, offset, na.action, novel)
  warn_undetermined(object, data$x)
  offset <- predicted_offset(data$offset, length(object$levels))
  pad(data$na_action, predict(object, data$x, offset, type))
}

# The rows of the fit, and NA for those that na.exclude removed.
predict_training <- function(object, data, type, predict) {
  rows <- data_rows(object, data)
  pad(object$na.action, predict(object, rows$x, rows$offset, type))
}

# Vectors, factors, matrices, arrays and data frames of predictions.
pad <- function(na_action, result) {
  if (is.list(result) && !is.data.frame(result)) {
    result[c("fit", "se.fit")] <- lapply(result[c("fit", "se.fit")], pad, na_action = na_action)
    return(result)
  }
  if (is.data.frame(result)) return(as.data.frame(lapply(result, pad, na_action = na_action),
                                                  optional = TRUE))
  if (is.null(na_action) || length(dim(result)) < 3L) return(stats::napredict(na_action, result))
  shape <- dim(result)
  flat <- stats::napredict(na_action, matrix(result, shape[1L], dimnames = list(rownames(result))))
  array(flat, c(nrow(flat), shape[-1L]), c(list(rownames(flat)), dimnames(result)[-1L]))
}

check_probability <- function(object, type) {
  if (type %in% c("prob", "response") && !loss_row(object$loss)$probability) {
    table <- loss_table()
    abort("no_probability", sprintf(paste(
      "Loss \"%s\" has no class probabilities. Use type = \"class\" or type = \"link\", or refit",
      "with loss %s."), object$loss, choices(table$name[table$probability])))
  }
}

# Offsets at prediction may be NA (then so is the row), but must have the right shape.
predicted_offset <- function(offset, k) {
  if (is.null(offset)) return(NULL)
  columns <- if (is.matrix(offset)) ncol(offset) else 1L
  if (columns != k && !(columns == 1L && k == 2L)) {
    abort("shape", sprintf("The offset has %d columns and there are %d classes.", columns, k))
  }
  if (is.matrix(offset) && columns == 1L) drop(offset) else offset
}

# offset: as the user gives it (n, or n x k).
predict_rows <- function(object, x, offset, type) {
  k <- length(object$levels)
  routine <- if (type == "response") "prob" else type
  values <- .Call(lcr_predict, x, c_coefficients(object),
                  score_offset(offset, k, object$coding), c_spec(object), routine)
  warn_undefined(values, x, offset)
  if (type == "class") return(factor(object$levels[values], levels = object$levels))
  rows <- rownames(x)
  if (type == "link") return(name_scores(object, values, rows))
  dimnames(values) <- list(rows, object$levels)
  if (type == "response" && k == 2L) stats::setNames(values[, 2L], rows) else values
}

name_scores <- function(object, scores, rows) {
  if (object$coding == "vector") return(stats::setNames(as.vector(scores), rows))
  if (object$coding == "reference") {
    # NA where the other scores are: the first one is 0 by definition, not by data.
    scores <- cbind(ifelse(rowSums(is.na(scores)) > 0, NA_real_, 0), scores)
  }
  dimnames(scores) <- list(rows, object$levels)
  scores
}

# A missing feature makes NA without a word; an undefined score (Inf - Inf, 0 * Inf) is said.
warn_undefined <- function(values, x, offset) {
  bad <- which(rowSums(is.na(as.matrix(values))) > 0)
  if (!length(bad)) return(invisible())
  holes <- as.matrix(x[bad, , drop = FALSE])
  if (!is.null(offset)) holes <- cbind(holes, as.matrix(offset)[bad, , drop = FALSE])
  undefined <- bad[rowSums(is.na(holes) & !is.nan(holes)) == 0]
  if (length(undefined)) {
    warn("nonfinite", sprintf(paste(
      "The scores of %s are not defined, because `newdata` is infinite or NaN there (%s): NA."),
      plural(length(undefined), "row"), in_rows(undefined)), rows = undefined)
  }
}

# What the C routines want to know of a fit.
c_spec <- function(object, coding = object$coding) {
  list(loss = object$loss, k = length(object$levels), coding = as.integer(coding == "reference"),
       intercept = object$intercept)
}

# The coefficients in the orientation of C; what could not be estimated counts as 0.
c_coefficients <- function(object, coefficients = object$coefficients) {
  B <- if (is.matrix(coefficients)) t(coefficients) else as.matrix(coefficients)
  B[is.na(B)] <- 0
  dimnames(B) <- NULL
  storage.mode(B) <- "double"
  B
}
