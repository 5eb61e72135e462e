# What a path or a cross-validation can say of its rows, the summaries of both, and refusals of what
# only a single fit has.

#' @rdname path_methods
#' @export
fitted.linclass_path <- function(object, type = c("response", "prob", "class", "link"), ...) {
  stats::predict(object, type = match_choice(type), ...)
}

#' @rdname path_methods
#' @export
fitted.linclass_cv <- function(object, type = c("response", "prob", "class", "link"), ..., s = "lambda.1se",
                               held_out = FALSE) {
  check_object(object)
  type <- match_choice(type)
  if (!is.logical(held_out) || length(held_out) != 1L || is.na(held_out)) {
    abort("argument", sprintf("`held_out` must be TRUE or FALSE, not %s.", describe_value(held_out)))
  }
  if (!held_out) return(stats::predict(object, type = type, s = s, ...))
  check_no_dots(list(...), c("type", "s", "held_out"))
  path <- object$path
  check_probability(path, type)
  z <- held_out_scores(object, chosen_lambda(object, s))
  rows <- rownames(object$scores)
  shown <- name_scores(path, z, rows)
  result <- switch(type,
    link = shown,
    class = factor(path$levels[if (is.matrix(shown)) max.col(shown, "first") else 1L + (shown > 0)], path$levels),
    {
      prob <- score_probability(if (is.matrix(shown)) shown else z, path$levels)
      rownames(prob) <- rows
      if (type == "response" && ncol(prob) == 2L) prob[, 2L] else prob
    })
  pad(path$na.action, result)
}

# rows x score columns at one lambda of the path, the mean over repeats; symmetric scores are centred.
held_out_scores <- function(object, s) {
  if (is.null(object$scores)) {
    abort("argument", "The scores of held-out rows were not kept: use linclass_cv(keep = TRUE).")
  }
  lambda <- object$path$lambda
  at <- if (is.numeric(s) && length(s) == 1L) which(abs(lambda - s) <= 1e-9 * s)
  if (length(at) != 1L) {
    abort("argument", paste("Held-out rows have scores at the points of the path only: `s` must be \"lambda.1se\",",
                            "\"lambda.min\" or one of `cv$path$lambda`."))
  }
  size <- dim(object$scores)
  z <- array(object$scores[, , at, ], size[c(1L, 2L, 4L)])
  if (object$path$coding == "symmetric") {
    z <- array(apply(z, 3L, function(v) v - rowMeans(matrix(v, size[1L]))), dim(z))
  }
  matrix(rowMeans(matrix(z, ncol = size[4L])), size[1L], size[2L])
}

#' @rdname path_methods
#' @export
model.frame.linclass_path <- model.frame.linclass

#' @rdname path_methods
#' @export
model.frame.linclass_cv <- function(formula, ...) stats::model.frame(formula$path, ...)

#' @rdname path_methods
#' @export
model.matrix.linclass_path <- model.matrix.linclass

#' @rdname path_methods
#' @export
model.matrix.linclass_cv <- function(object, ...) stats::model.matrix(object$path, ...)

#' @rdname path_methods
#' @export
weights.linclass_path <- function(object, ...) weights.linclass(object, "prior", ...)

#' @rdname path_methods
#' @export
weights.linclass_cv <- function(object, ...) weights.linclass(object$path, "prior", ...)

#' @rdname path_methods
#' @export
case.names.linclass_path <- case.names.linclass

#' @rdname path_methods
#' @export
case.names.linclass_cv <- function(object, ...) stats::case.names(object$path, ...)

#' @rdname path_methods
#' @export
family.linclass_path <- family.linclass

#' @rdname path_methods
#' @export
family.linclass_cv <- function(object, ...) stats::family(object$path)

# --- summaries ---------------------------------------------------------------------------------

#' @rdname path_methods
#' @export
summary.linclass_path <- function(object, ...) {
  check_no_dots(list(...), character())
  check_object(object, whole = TRUE)
  shown <- object[c("call", "loss", "alpha", "grouped", "standardize", "levels", "coding", "lower", "n",
                    "nobs", "p", "has_weights", "lambda", "asked", "status", "solver", "points",
                    "intercept")]
  structure(c(shown, list(enter = entering_terms(object))), class = "summary.linclass_path")
}

# For each column that some point uses, the first of them: a data frame of term, lambda, point.
entering_terms <- function(path) {
  first <- Reduce(pmin, lapply(path$coefficients, function(w) {
    used <- w != 0
    point <- rep(Inf, nrow(w))
    rows <- used@i + 1L
    columns <- rep(seq_len(ncol(w)), diff(used@p))
    kept <- used@x
    earliest <- tapply(columns[kept], rows[kept], min)
    point[as.integer(names(earliest))] <- earliest
    point
  }))
  terms <- rownames(path$coefficients[[1L]])
  found <- setdiff(which(is.finite(first)), if (path$intercept) 1L)
  found <- found[order(first[found])]
  data.frame(term = terms[found], lambda = path$lambda[first[found]], point = as.integer(first[found]))
}

#' @rdname path_methods
#' @export
print.summary.linclass_path <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  writeLines(c(call_lines(x$call), field_lines(path_facts(x)), ""))
  print_points(x, digits)
  print_entering(x$enter)
  invisible(x)
}

print_entering <- function(enter, most = 10L) {
  if (!nrow(enter)) return(invisible())
  cat("\nColumns in the order in which they leave 0:\n")
  shown <- utils::head(enter, most)
  shown$term <- abbreviate(shown$term, line_width() - 25L, named = FALSE)
  shown$lambda <- lambda_labels(shown$lambda)
  print(shown, row.names = FALSE)
  if (nrow(enter) > most) cat(sprintf("(%d of %d columns)\n", most, nrow(enter)))
}

#' @rdname path_methods
#' @export
summary.linclass_cv <- function(object, ...) {
  check_no_dots(list(...), character())
  check_object(object, whole = TRUE)
  rows <- lapply(seq_len(nrow(object$best)), function(m) {
    table <- metric_table(object, object$best$metric[m])
    at <- match(unlist(object$best[m, c("lambda.min", "lambda.1se")]), table$lambda)
    data.frame(metric = object$best$metric[m], rule = c("lambda.min", "lambda.1se"),
               table[at, c("lambda", "mean", "se", "nonzero")], row.names = NULL)
  })
  chosen <- as.matrix(stats::coef(object, s = "lambda.1se", format = "dense"))
  used <- if (is.matrix(stats::coef(object, format = "dense"))) colSums(chosen != 0) > 0 else
    chosen[, 1L] != 0
  structure(list(call = object$call, path = summary(object$path), folds = max(object$foldid),
                 repeats = object$repeats, chosen = do.call(rbind, rows),
                 used = setdiff(names(used)[used], "(Intercept)")), class = "summary.linclass_cv")
}

#' @rdname path_methods
#' @export
print.summary.linclass_cv <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  facts <- path_facts(x$path)
  facts$Folds <- folds_in_words(x$folds, x$repeats)
  writeLines(c(call_lines(x$call), field_lines(facts), "", "Chosen lambdas:"))
  print(x$chosen, digits = digits, row.names = FALSE)
  writeLines(c("", strwrap(sprintf("Columns used at lambda.1se: %s",
                                   if (length(x$used)) enumerate(x$used, 20L, "") else "none"),
                           width = line_width())))
  invisible(x)
}

# --- refused -----------------------------------------------------------------------------------

of_one_fit <- function(what) {
  abort("argument", sprintf(paste(
    "%s belongs to a single fit, and this object holds one for each lambda: use",
    "linclass(..., lambda = ) with the lambda of your choice."), what))
}

#' @rdname path_methods
#' @export
residuals.linclass_path <- function(object, ...) of_one_fit("residuals()")

#' @rdname path_methods
#' @export
residuals.linclass_cv <- residuals.linclass_path

#' @rdname path_methods
#' @export
df.residual.linclass_path <- function(object, ...) of_one_fit("df.residual()")

#' @rdname path_methods
#' @export
df.residual.linclass_cv <- df.residual.linclass_path

#' @rdname path_methods
#' @export
logLik.linclass_path <- function(object, ...) of_one_fit("logLik()")

#' @rdname path_methods
#' @export
logLik.linclass_cv <- logLik.linclass_path

#' @rdname path_methods
#' @export
vcov.linclass_path <- function(object, ...) of_one_fit("vcov()")

#' @rdname path_methods
#' @export
vcov.linclass_cv <- vcov.linclass_path

#' @rdname path_methods
#' @export
confint.linclass_path <- function(object, parm, level = 0.95, ...) of_one_fit("confint()")

#' @rdname path_methods
#' @export
confint.linclass_cv <- confint.linclass_path

#' @rdname path_methods
#' @export
anova.linclass_path <- function(object, ...) of_one_fit("anova()")

#' @rdname path_methods
#' @export
anova.linclass_cv <- anova.linclass_path

#' @rdname path_methods
#' @export
drop1.linclass_path <- function(object, scope, ...) of_one_fit("drop1()")

#' @rdname path_methods
#' @export
drop1.linclass_cv <- drop1.linclass_path

#' @rdname path_methods
#' @export
add1.linclass_path <- function(object, scope, ...) of_one_fit("add1()")

#' @rdname path_methods
#' @export
add1.linclass_cv <- add1.linclass_path

#' @rdname path_methods
#' @export
extractAIC.linclass_path <- function(fit, scale = 0, k = 2, ...) of_one_fit("extractAIC()")

#' @rdname path_methods
#' @export
extractAIC.linclass_cv <- extractAIC.linclass_path

#' @rdname path_methods
#' @export
simulate.linclass_path <- function(object, nsim = 1, seed = NULL, ...) of_one_fit("simulate()")

#' @rdname path_methods
#' @export
simulate.linclass_cv <- simulate.linclass_path
