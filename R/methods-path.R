# What can be taken out of a path and of a cross-validation.

# Which mixture of points is `s`: a sparse matrix of lambda x s with columns that sum to one.
# Between two points coefficients are interpolated, linearly in lambda; outside the path its end
# counts.
point_weights <- function(path, s) {
  L <- length(path$lambda)
  if (is.null(s)) return(Matrix::Diagonal(L))
  s <- usual_type(s)
  if (!is.numeric(s) || !length(s) || anyNA(s) || any(s < 0)) {
    abort("penalty", sprintf("`s` must be NULL or numbers of at least 0, not %s.",
                             describe_value(s)))
  }
  check_range(path, s)
  if (L == 1L) return(Matrix::sparseMatrix(rep(1L, length(s)), seq_along(s), x = 1))
  inside <- pmin(pmax(s, path$lambda[L]), path$lambda[1L])
  left <- findInterval(-inside, -path$lambda, rightmost.closed = TRUE)
  above <- path$lambda[left]
  below <- path$lambda[left + 1L]
  share <- (inside - below) / (above - below)
  at <- seq_along(s)
  Matrix::drop0(Matrix::sparseMatrix(c(left, left + 1L), c(at, at), x = c(share, 1 - share),
                                     dims = c(L, length(s))))
}

# Above lambda_max the largest point is exact: all penalised slopes are zero in both.
check_range <- function(path, s) {
  last <- path$lambda[length(path$lambda)]
  high <- s > path$lambda[1L] & path$lambda[1L] < path$lambda_max * (1 - 1e-10)
  low <- s < last
  if (any(high | low)) {
    inform("outside_path", sprintf(paste(
      "s = %s is outside the path, which goes from %s to %s: its nearest end is used. Fit a path",
      "with these `lambda`."), enumerate(format(s[high | low], digits = 4L), quote = ""),
      format(path$lambda[1L], digits = 4L), format(last, digits = 4L)))
  }
}

# The coefficients at `s`: a list of K sparse matrices, terms x s.
path_at <- function(path, s, coding = path$coding) {
  W <- path$coefficients
  if (!is.null(s)) {
    mix <- point_weights(path, s)
    columns <- lambda_labels(s)
    W <- lapply(W, function(w) {
      w <- methods::as(w %*% mix, "CsparseMatrix")
      colnames(w) <- columns
      w
    })
  }
  if (coding == path$coding) return(W)
  # One score, of the second class, is the reference coding of two classes.
  W <- recode_path(unname(W), sub("vector", "reference", path$coding), coding)
  stats::setNames(W, shown_classes(path$levels, coding))
}

#' Extract coefficients along a regularisation path
#'
#' Coefficients at the points of a path or between them, in sparse, dense or long form.
#'
#' @param object A path made by [linclass_path()], or a cross-validation by [linclass_cv()].
#' @param s `NULL` for all points of the path, or values of `lambda`. Between two points
#'   coefficients are interpolated, linearly in `lambda`; outside the path its nearest end is used,
#'   with a message of class `linclass_message_outside_path` (not above `lambda_max`, where the end
#'   is exact). For a cross-validation also `"lambda.1se"` (the default) or `"lambda.min"`.
#' @param coding `NULL` for the coding of the path, or `"reference"` or `"symmetric"`, as in
#'   [coef.linclass()].
#' @param format `"sparse"`: a sparse matrix of terms x s where there is one score (two classes),
#'   else a list of such matrices, named by class; `"dense"`: for one value of `s` as
#'   [coef.linclass()], for several a matrix terms x s or an array classes x terms x s; `"long"`: a
#'   data frame of the coefficients other than 0 with the columns `class`, `term`, `lambda` and
#'   `estimate`.
#' @param ... Not used.
#' @return As described under `format`. The intercept comes first.
#' @seealso [linclass_path()], [linclass_cv()]
#' @examples
#' path <- linclass_path(am ~ wt + hp + qsec, mtcars, nlambda = 20)
#' coef(path, s = c(0.1, 0.01))
#' coef(path, s = 0.1, format = "dense")     # interpolated between points of the path
#' coef(linclass(am ~ wt + hp + qsec, mtcars, lambda = 0.1))
#' @concept sparse coefficients
#' @concept regularization path
#' @export
coef.linclass_path <- function(object, s = NULL, coding = NULL,
                               format = c("sparse", "dense", "long"), ...) {
  check_no_dots(list(...), c("s", "coding", "format"))
  format <- match_choice(format)
  check_object(object, whole = TRUE)
  W <- path_at(object, s, if (is.null(coding)) object$coding else check_recoding(coding, object))
  one <- length(W) == 1L
  switch(format, sparse = if (one) W[[1L]] else W, dense = dense_path(W, one),
         long = long_path(W, if (is.null(s)) object$lambda else s))
}

dense_path <- function(W, one) {
  if (one) {
    w <- as.matrix(W[[1L]])
    return(if (ncol(w) == 1L) w[, 1L] else w)
  }
  terms <- rownames(W[[1L]])
  values <- vapply(W, function(w) as.vector(as.matrix(w)), double(length(W[[1L]])))
  values <- array(values, c(dim(W[[1L]]), length(W)),
                  list(terms, colnames(W[[1L]]), names(W)))
  values <- aperm(values, c(3L, 1L, 2L))
  if (dim(values)[3L] > 1L) return(values)
  array(values, dim(values)[1:2], dimnames(values)[1:2])
}

long_path <- function(W, lambda) {
  parts <- lapply(names(W), function(class) {
    w <- W[[class]]
    nonzero <- which(w@x != 0)
    data.frame(class = factor(rep(class, length(nonzero)), names(W)),
               term = rownames(w)[w@i[nonzero] + 1L],
               lambda = rep(lambda, diff(w@p))[nonzero], estimate = w@x[nonzero],
               stringsAsFactors = FALSE)
  })
  do.call(rbind, parts)
}

#' Predictions along a regularisation path
#'
#' Classes, probabilities or scores of new rows at one or several values of `lambda` of a path, or
#' at the value that a cross-validation chose.
#'
#' @inheritParams coef.linclass_path
#' @inheritParams predict.linclass
#' @param object A path made by [linclass_path()], or a cross-validation by [linclass_cv()].
#' @param prior As in [predict.linclass()], for one value of `s`.
#' @param ... For a cross-validation passed on to the method for paths; else not used, an argument
#'   with another name is an error.
#' @return For one value of `s` as [predict.linclass()]. For several (or `NULL`, all points of the
#'   path): a data frame of factors for `type = "class"`; else a matrix of rows x s, or an array of
#'   rows x classes x s where [predict.linclass()] gives a matrix.
#' @section Errors: as [predict.linclass()], and `linclass_error_penalty` for an `s` that is no
#'   number.
#' @seealso [linclass_path()], [linclass_cv()], [coef.linclass_path()]
#' @examples
#' path <- linclass_path(Species ~ ., iris, nlambda = 20)
#' dim(predict(path, iris, type = "prob"))
#' head(predict(path, iris, type = "prob", s = 0.05))
#' sapply(predict(path, iris), function(p) mean(p != iris$Species))
#' @concept prediction
#' @export
predict.linclass_path <- function(object, newdata = NULL,
                                  type = c("class", "prob", "response", "link"), s = NULL,
                                  offset = NULL, na.action = na.pass, novel = c("error", "na"),
                                  ..., prior = NULL) {
  check_object(object)
  check_no_dots(list(...), c("newdata", "type", "s", "offset", "na.action", "novel", "prior"))
  type <- match_choice(type)
  novel <- match_choice(novel)
  if (!is.null(prior)) {
    if (length(if (is.null(s)) object$lambda else s) != 1L) {
      abort("penalty", "`prior` needs one value of `s`.")
    }
    p <- predict_from(object, newdata, "prob", offset, na.action, novel,
                      function(object, x, offset, type) predict_points(object, x, offset, type, s))
    return(predict_prior(object, p, type, prior))
  }
  predict_from(object, newdata, type, offset, na.action, novel,
               function(object, x, offset, type) predict_points(object, x, offset, type, s))
}

predict_points <- function(object, x, offset, type, s) {
  W <- path_at(object, s)
  columns <- colnames(W[[1L]])
  scores <- path_scores(object, W, x, offset)
  shown <- lapply(seq_along(columns), function(l) {
    shape_scores(object, matrix(scores[, , l], nrow(x), length(W)), rownames(x), type)
  })
  if (length(shown) == 1L) return(shown[[1L]])
  if (type == "class") {
    return(as.data.frame(stats::setNames(shown, columns), optional = TRUE))
  }
  inner <- dim(shown[[1L]])
  names <- if (is.null(inner)) list(rownames(x)) else dimnames(shown[[1L]])
  array(unlist(shown, use.names = FALSE), c(if (is.null(inner)) nrow(x) else inner, length(shown)),
        c(names, list(columns)))
}

# Scores n x K x s, of as many points in one read of x as have coefficients of a moderate size.
path_scores <- function(object, W, x, offset) {
  K <- length(W)
  constant <- object$intercept
  columns <- columns_read(W, x, constant)
  rows <- c(if (constant) 1L, columns + constant)
  if (length(columns) < ncol(x)) x <- x[, columns, drop = FALSE]
  scores <- array(0, c(nrow(x), K, ncol(W[[1L]])))
  at_once <- max(1, floor(1e7 / (K * max(1L, length(rows)))))
  for (points in split(seq_len(ncol(W[[1L]])), (seq_len(ncol(W[[1L]])) - 1L) %/% at_once)) {
    B <- do.call(cbind, lapply(W, function(w) as.matrix(w[rows, points, drop = FALSE])))
    # As many free score columns as there are: softmax with a first class that is fixed at zero.
    spec <- list(loss = "softmax", k = ncol(B) + 1L, coding = 1L, intercept = constant)
    z <- .Call(lcr_predict, x, unname(B), NULL, spec, "link")
    scores[, , points] <- aperm(array(z, c(nrow(x), length(points), K)), c(1L, 3L, 2L))
  }
  if (!is.null(offset)) {
    scores <- scores + as.vector(score_offset(offset, length(object$levels), object$coding))
  }
  warn_undefined(matrix(scores, nrow(x)), x, offset)
  scores
}

# Columns that some point uses, and those with values that make a score undefined even where their
# coefficient is zero. Codes of factors are not cut by column.
columns_read <- function(W, x, constant) {
  if (inherits(x, "linclass_codes")) return(seq_len(ncol(x)))
  touched <- unique(unlist(lapply(W, function(w) w@i))) + 1L
  undefined <- which(!is.finite(Matrix::colSums(x)))
  sort(union(setdiff(touched - constant, 0L), undefined))
}

# One point's scores as predict() of a fit shows them.
shape_scores <- function(object, z, rows, type) {
  if (type == "link") return(name_scores(object, z, rows))
  if (object$coding == "reference") z <- cbind(0, z)
  if (type == "class") return(factor(object$levels[classify(z)], levels = object$levels))
  p <- score_probability(z, object$levels)
  if (type == "response" && ncol(p) == 2L) return(stats::setNames(p[, 2L], rows))
  rownames(p) <- rows
  p
}

# Probabilities of k classes from one score (of the second of two classes) or k scores.
score_probability <- function(z, levels) {
  p <- if (ncol(z) == 1L) cbind(sigmoid(-z), sigmoid(z)) else softmax(z)
  dimnames(p) <- list(NULL, levels)
  p
}

#' Methods for regularisation paths and cross-validations
#'
#' Printing, deviance, objective, certificates and names of fits along a path.
#'
#' @param object,x,formula,fit A path made by [linclass_path()], or a cross-validation by
#'   [linclass_cv()].
#' @param digits Number of significant digits.
#' @param type As in [predict.linclass_path()].
#' @param held_out Whether each row is predicted by the fit that had not seen it; needs
#'   `linclass_cv(keep = TRUE)`. These are the predictions to judge.
#' @param s As in [predict.linclass_cv()].
#' @param parm,level,scope,scale,k,nsim,seed Not used: these functions are refused.
#' @param ... For `fitted()` passed on to `predict()`, for the methods of model frames and matrices, of
#'   weights and names `data`, as in [fitted.linclass()]; else not used.
#' @return
#' * `print()`: `x`, invisibly.
#' * `summary()`: what `print()` shows, and the columns in the order in which they leave 0; of a
#'   cross-validation the lambdas that each metric chooses, and the columns that are used.
#' * `fitted()`: predictions of the training rows, as [predict.linclass_path()]. For a cross-validation with
#'   `held_out = TRUE`, each row is predicted by the fit that had not seen it (with several repeats from the
#'   mean of their scores), in the order of the rows that were used.
#' * `model.frame()`, `model.matrix()`, `weights()`, `case.names()`: as for a fit, from the data of the
#'   call, which a path does not keep.
#' * `family()`: [stats::binomial()] for logistic paths, else an error.
#' * `residuals()`, `df.residual()`, `logLik()`, `vcov()`, `confint()`, `anova()`, `drop1()`, `add1()`,
#'   `extractAIC()`, `simulate()`: an error of class `linclass_error_argument`, for they belong to a
#'   single fit.
#' * `nobs()`: the number of rows with positive weight.
#' * `deviance()`: minus twice the log-likelihood of each point.
#' * `objective()`: what was minimised, at each point.
#' * `certificate()`: a data frame with a row for each point: `lambda`, `gap`, `relative`, `kkt`,
#'   `met` (see [objective()]).
#' * `formula()`, `terms()`, `variable.names()`: as for a fit, see [fitted.linclass()].
#' @seealso [linclass_path()], [linclass_cv()]
#' @examples
#' path <- linclass_path(Species ~ ., iris, nlambda = 5)
#' path
#' deviance(path)
#' certificate(path)
#'
#' set.seed(1)
#' cv <- linclass_cv(Species ~ ., iris, folds = 5, nlambda = 20, keep = TRUE)
#' table(answer = fitted(cv, "class", held_out = TRUE), truth = iris$Species)
#' @param data `NULL`, or the training data, as in [fitted.linclass()].
#' @param full `FALSE` leaves out rows of weight 0.
#' @name path_methods
NULL

#' @rdname path_methods
#' @export
nobs.linclass_path <- function(object, ...) observations(check_object(object, whole = TRUE))

#' @rdname path_methods
#' @export
deviance.linclass_path <- function(object, ...) {
  check_likelihood(object, "The deviance")
  stats::setNames(deviance_of_loss(object, object$points$loss), lambda_labels(object$lambda))
}

#' @rdname path_methods
#' @export
objective.linclass_path <- function(x, ...) {
  check_object(x, whole = TRUE)
  stats::setNames(x$points$objective, lambda_labels(x$lambda))
}

#' @rdname path_methods
#' @export
certificate.linclass_path <- function(x, ...) {
  check_object(x, whole = TRUE)
  x$points[c("lambda", "gap", "relative", "kkt", "met")]
}

#' @rdname path_methods
#' @export
formula.linclass_path <- formula.linclass

#' @rdname path_methods
#' @export
terms.linclass_path <- terms.linclass

#' @rdname path_methods
#' @export
variable.names.linclass_path <- function(object, ...) rownames(object$coefficients[[1L]])

#' @rdname update.linclass
#' @export
update.linclass_path <- update.linclass

#' @rdname path_methods
#' @export
print.linclass_path <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  check_object(x, whole = TRUE)
  check_digits(digits)
  writeLines(c(call_lines(x$call), field_lines(path_facts(x), most = 11L), ""))
  print_points(x, digits)
  invisible(x)
}

path_facts <- function(x) {
  list(Loss = loss_row(x$loss)$title,
       Penalty = paste0(penalty_name(x), if (!is.null(x$lower)) ", within bounds"),
       Classes = classes_in_words(x), Data = data_in_words(x),
       Path = path_in_words(x),
       Converged = points_in_words(x))
}

path_in_words <- function(x) {
  done <- length(x$lambda)
  range <- lambda_labels(range(x$lambda))
  paste0(if (done < x$asked) sprintf("%d of %s (%s)", done, plural(x$asked, "point"), x$status) else
    plural(done, "point"), ", lambda from ", range[2L], " to ", range[1L], " (", x$solver, ", ",
    format(x$points$passes[done], digits = 3L), " reads)")
}

points_in_words <- function(x) {
  bad <- sum(!x$points$met)
  worst <- suppressWarnings(max(x$points$relative, na.rm = TRUE))
  worst <- max(worst, .Machine$double.eps)
  paste0(if (bad) sprintf("%s missed the tolerance", plural(bad, "point")) else "yes",
         if (all(is.na(x$points$relative))) "; gaps not known" else
           sprintf("; relative gap at most %s", format(worst, digits = 2L)))
}

# Seven points of the path, evenly spread.
print_points <- function(x, digits) {
  shown <- unique(round(seq(1, length(x$lambda), length.out = 7L)))
  points <- x$points[shown, ]
  table <- data.frame(lambda = lambda_labels(points$lambda), nonzero = points$nonzero,
                      "deviance ratio" = format(round(points$deviance_ratio, digits)),
                      objective = format(points$objective, digits = digits),
                      "relative gap" = format(signif(points$relative, 2L)), row.names = shown,
                      check.names = FALSE)
  known <- !vapply(list(1, 1, points$deviance_ratio, 1, points$relative), function(v) all(is.na(v)),
                   NA)
  print(table[known])
}

# --- Cross-validation: mostly what its path has, at a lambda it chose ---
# Names of chosen values become numbers.
chosen_lambda <- function(cv, s) {
  check_object(cv)
  names <- c("lambda.1se", "lambda.min")
  if (is.numeric(s) || is.null(s)) return(s)
  if (!is.character(s) || length(s) != 1L || !s %in% names) {
    abort("argument", sprintf("`s` must be %s or numbers, not %s.",
                              paste0("\"", names, "\"", collapse = ", "), describe_value(s)))
  }
  cv[[s]]
}

#' @rdname coef.linclass_path
#' @export
coef.linclass_cv <- function(object, s = "lambda.1se", ...) {
  check_object(object)
  stats::coef(object$path, s = chosen_lambda(object, s), ...)
}

#' @rdname predict.linclass_path
#' @export
predict.linclass_cv <- function(object, newdata = NULL,
                                type = c("class", "prob", "response", "link"), s = "lambda.1se",
                                ...) {
  check_object(object)
  stats::predict(object$path, newdata, match_choice(type), chosen_lambda(object, s), ...)
}

#' @rdname path_methods
#' @export
nobs.linclass_cv <- function(object, ...) stats::nobs(check_object(object)$path)

#' @rdname path_methods
#' @export
deviance.linclass_cv <- function(object, ...) stats::deviance(check_object(object)$path)

#' @rdname path_methods
#' @export
objective.linclass_cv <- function(x, ...) objective(check_object(x)$path)

#' @rdname path_methods
#' @export
certificate.linclass_cv <- function(x, ...) certificate(check_object(x)$path)

#' @rdname path_methods
#' @export
formula.linclass_cv <- function(x, ...) stats::formula(check_object(x)$path)

#' @rdname path_methods
#' @export
terms.linclass_cv <- function(x, ...) stats::terms(check_object(x)$path)

#' @rdname path_methods
#' @export
variable.names.linclass_cv <- function(object, ...) stats::variable.names(check_object(object)$path)

#' @rdname update.linclass
#' @export
update.linclass_cv <- update.linclass

#' @rdname path_methods
#' @export
print.linclass_cv <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  check_object(x, whole = TRUE)
  facts <- path_facts(x$path)[c("Loss", "Penalty", "Classes", "Data", "Path", "Converged")]
  facts$Folds <- folds_in_words(max(x$foldid), x$repeats)
  writeLines(c(call_lines(x$call), field_lines(facts, most = 11L), ""))
  cat(sprintf("Lambda chosen by %s:\n", x$titles[[1L]]))
  table <- metric_table(x, x$best$metric[1L])
  at <- match(c(x$lambda.min, x$lambda.1se), table$lambda)
  print(data.frame(lambda = table$lambda[at], point = at, mean = table$mean[at],
                   se = table$se[at], nonzero = table$nonzero[at],
                   row.names = c("lambda.min", "lambda.1se")), digits = digits)
  invisible(x)
}

folds_in_words <- function(folds, repeats) {
  paste0(folds, if (repeats > 1L) sprintf(", drawn %d times", repeats))
}

metric_table <- function(cv, metric) cv$metrics[cv$metrics$metric == metric, ]
