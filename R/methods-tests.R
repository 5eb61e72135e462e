# Likelihood ratio tests and choices of terms. Terms are taken away by the columns that belong to
# them, on the rows of the fit: no data are read again and no formula is rebuilt from text.

#' @importFrom stats add1 drop1
NULL

#' Likelihood ratio tests and single term deletions or additions
#'
#' `anova()` with several fits compares each with the one before. With one fit by formula its terms are
#' added one by one, in the order of the formula. `drop1()` takes away each term alone, and `add1()`
#' adds each term of `scope`. All fits are made on the rows that the fit used; new variables of
#' `add1()` are read where the call was made, and rows that lack them are left out with a warning.
#'
#' Fits that are compared must be nested (each model a special case of the next, or the other way
#' round); that they have the same responses is checked, nesting is not.
#'
#' Fits with `bias_reduction = "firth"` are compared by penalised likelihoods, all in the columns of the
#' largest, with the coefficients of the columns that a smaller one lacks held at 0 (the nested test of
#' Heinze and Schemper 2002); so its columns must be among those of the largest, by name.
#'
#' @param object,... For `anova()`: unpenalised fits of a likelihood loss made by [linclass()]. For
#'   `drop1()` and `add1()`: one fit; `...` is not used.
#' @param scope A formula, or names of terms: for `drop1()` the terms to drop (those that no other
#'   contains if missing), for `add1()` those to consider.
#' @param scale Not used.
#' @param test `"Chisq"` or, the same, `"LRT"`; or `"none"`.
#' @param k The penalty of a degree of freedom; 2 is AIC.
#' @param data `NULL`, or the training data, as in [fitted.linclass()].
#' @return A data frame of class `anova`. `anova()`: residual degrees of freedom and deviance of each
#'   fit, their differences, and the p-value. `drop1()`, `add1()`: degrees of freedom, deviance and AIC
#'   of each fit, and with a `test` the likelihood ratio and its p-value. Errors:
#'   `linclass_error_no_likelihood` for a test of a fit that is penalised, bounded or has no likelihood;
#'   `linclass_error_argument` if fits are not of the same response.
#' @seealso [stats::step()], which these serve; [logLik.linclass()]
#' @concept likelihood ratio test
#' @concept analysis of deviance
#' @concept stepwise selection
#' @concept model comparison
#' @concept nested models
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' birthwt <- MASS::birthwt
#' small <- linclass(low ~ age, birthwt)
#' large <- linclass(low ~ age + lwt + smoke, birthwt)
#' anova(small, large)
#' anova(large)
#' drop1(large, test = "Chisq")
#' add1(small, ~ . + lwt + smoke, test = "Chisq")
#' @export
anova.linclass <- function(object, ..., test = c("Chisq", "LRT", "none"), data = NULL) {
  test <- match_choice(test)
  fits <- list(object, ...)
  if (!all(vapply(fits, inherits, NA, "linclass"))) {
    abort("argument", paste("All arguments of anova() but `test` and `data` must be fits made by",
                            "linclass()."))
  }
  for (fit in fits) check_ratio_test(fit, "anova()")
  sequential <- length(fits) == 1L
  labels <- if (sequential) c("NULL", attr(terms(object), "term.labels")) else seq_along(fits)
  if (sequential) {
    columns <- columns_of(object, data)
    smaller <- lapply(seq_along(labels)[-length(labels)] - 1L, function(last) {
      without_columns(object, columns$design, columns$term > last)
    })
    fits <- c(smaller, fits)
  }
  check_same_response(fits)
  heading <- if (sequential) sprintf("loss \"%s\", terms added first to last\n", object$loss) else
    paste0("Model ", labels, ": ", vapply(fits, describe_model, ""), collapse = "\n")
  ratio_table(if (sequential) fits else embed_fits(fits, data), labels, test,
              paste0(deviance_title(object), if (sequential) ", " else "\n", heading))
}

# Differences of deviances have a chi-squared distribution for maxima of a likelihood only.
check_ratio_test <- function(object, what) {
  check_likelihood(object, what)
  if (object$lambda > 0) {
    abort("no_likelihood", sprintf(
      "%s compares maximum likelihood fits, and this one is penalised: use lambda = 0.", what))
  }
  if (!is.null(object$lower) || !is.null(object$upper)) {
    abort("no_likelihood", sprintf(
      "%s has no distribution for a fit within bounds; use a bootstrap.", what))
  }
}

# What C fitted, with the term of each column (without the intercept): of the fit, or of another
# formula on its rows.
columns_of <- function(object, data = NULL, formula = NULL) {
  if (is.null(formula)) {
    design <- training_data(object, data)
    return(list(design = design, term = design$term))
  }
  rows <- extended_rows(object, formula, fit_rows(object, data))
  design <- suppress_linclass(resolve_design(design_of_formula(object, formula, rows), object$loss,
                                             object$class_weights))
  list(design = design, names = design$blueprint$names, term = design$term,
       labels = attr(design$blueprint$terms, "term.labels"))
}

# The fit to some of the columns of a design: the settings of `object`, of which the columns `own` (NA:
# none of them) stand behind those of the design.
refit_columns <- function(object, design, keep, own = seq_len(ncol(design$x)), held = NULL, start = NULL) {
  own <- own[keep]
  setting <- function(name, other) {
    value <- object[[name]]
    if (is.null(value)) return(NULL)
    value <- rep_len(value, object$p)[own]
    replace(value, is.na(value), other)
  }
  settings <- c(object[c("loss", "lambda", "alpha", "grouped", "class_weights", "standardize", "intercept",
                         "control")],
                list(coding = if (object$coding != "vector") object$coding, model = FALSE,
                     bias_reduction = if (has_jeffreys(object)) "firth" else "none", held = held,
                     solver = as_solver("auto"), start = start,
                     penalty_factor = setting("penalty_factor", 1), lower = setting("lower", -Inf),
                     upper = setting("upper", Inf)))
  names <- sprintf("V%d", seq_along(keep))
  part <- list(
    x = some_columns(design$x, keep), y = factor(object$levels[design$y$codes + 1L], object$levels),
    weights = design$weights, offset = design$offset,
    blueprint = list(kind = "matrix", intercept = object$intercept, names = names, named = FALSE,
                     offset = "none"))
  as_counted(suppress_linclass(fit_design(part, settings, object$call, 0)), object$counted)
}

some_columns <- function(x, keep) {
  if (length(keep) == ncol(x) && all(keep == seq_len(ncol(x)))) return(x)
  if (!length(keep)) matrix(0, nrow(x), 0L) else x[, keep, drop = FALSE]
}

check_same_response <- function(fits) {
  key <- function(fit) list(fit$levels, round(fit$class_totals, 8L), fit$n, is.null(fit$counted))
  same <- vapply(fits, function(fit) identical(key(fit), key(fits[[1L]])), NA)
  if (!all(same)) {
    abort("argument", sprintf(
      paste("Fit %s has other rows or classes than the first (%s rows), so the fits do not compare. Missing",
            "values in a column that only one of them uses do that: fit both to na.omit(data)."),
      enumerate(sprintf("%d (%s rows)", which(!same), vapply(fits[!same], function(f) count(f$n), "")), quote = ""),
      count(fits[[1L]]$n)))
  }
}

deviance_title <- function(object) {
  if (has_jeffreys(object)) "Analysis of penalised deviance" else "Analysis of deviance"
}

ratio_table <- function(fits, labels, test, heading) {
  df <- vapply(fits, stats::df.residual, 1)
  deviance <- vapply(fits, lack_of_fit, 1)
  table <- data.frame(`Resid. Df` = df, `Resid. Dev` = deviance, Df = c(NA, -diff(df)),
                      Deviance = c(NA, -diff(deviance)), check.names = FALSE, row.names = labels)
  if (test != "none") {
    # A change of sign of both (larger fit first) is the same test.
    table$`Pr(>Chi)` <- ratio_p(table$Deviance * sign(table$Df), abs(table$Df))
  }
  structure(table, heading = heading, class = c("anova", "data.frame"))
}

ratio_p <- function(change, df) {
  df[!is.na(df) & df == 0] <- NA
  stats::pchisq(pmax(change, 0), df, lower.tail = FALSE)
}

describe_model <- function(fit) {
  text <- if (is.null(fit$terms)) sprintf("matrix of %d columns", fit$p) else
    paste(trimws(deparse(stats::formula(fit$terms))), collapse = " ")
  if (nchar(text) > 70L) paste0(substr(text, 1L, 66L), " ...") else text
}

#' @rdname anova.linclass
#' @export
drop1.linclass <- function(object, scope, scale = 0, test = c("none", "Chisq", "LRT"), k = 2,
                           data = NULL, ...) {
  check_foreign_dots(list(...), c("scope", "scale", "test", "k", "data"))
  test <- match_choice(test)
  check_selection(object, test, k, "drop1()")
  labels <- attr(terms(object), "term.labels")
  scope <- if (missing(scope)) stats::drop.scope(terms(object)) else
    terms_in_scope(scope, object, labels, "drop1() can drop")
  columns <- columns_of(object, data)
  refit <- function(term) {
    without_columns(object, columns$design, columns$term == match(term, labels))
  }
  fits <- c(list(object), lapply(scope, refit))
  rise <- vapply(fits, lack_of_fit, 1) - lack_of_fit(object)
  selection_table(fits, rise, scope, object, test, k, "Single term deletions", data)
}

#' @rdname anova.linclass
#' @export
add1.linclass <- function(object, scope, scale = 0, test = c("none", "Chisq", "LRT"), k = 2,
                          data = NULL, ...) {
  check_foreign_dots(list(...), c("scope", "scale", "test", "k", "data"))
  test <- match_choice(test)
  check_selection(object, test, k, "add1()")
  if (missing(scope) || is.null(scope)) abort("argument", "add1() needs `scope`: the terms to consider.")
  old <- attr(terms(object), "term.labels")
  scope <- check_scope(scope)
  if (!is.character(scope)) scope <- added_terms(object, scope)
  if (!length(scope)) abort("argument", "`scope` has no term that could be added.")
  formula <- tryCatch(stats::update.formula(stats::formula(object), paste("~ . +", paste(scope, collapse = " + "))),
                      error = function(e) refuse_scope(scope))
  columns <- columns_of(object, data, formula)
  # An interaction may be written with its variables in another order.
  sorted <- function(labels) vapply(strsplit(labels, ":", fixed = TRUE),
                                    function(v) paste(sort(v), collapse = ":"), "")
  place <- function(labels) match(sorted(labels), sorted(columns$labels))
  base <- columns$term %in% place(old)
  own <- match(columns$names, object$blueprint$names)
  refit <- function(term) {
    refit_columns(object, columns$design, which(base | columns$term %in% place(term)), own)
  }
  fits <- lapply(c(list(character()), as.list(scope)), refit)
  rise <- c(0, vapply(seq_along(scope), function(i) {
    if (!has_jeffreys(object)) return(lack_of_fit(fits[[i + 1L]]) - lack_of_fit(fits[[1L]]))
    added <- columns$term %in% place(scope[i])
    kept <- which(base | added)
    part <- replace(columns$design, "x", list(some_columns(columns$design$x, kept)))
    lack_of_fit(fits[[i + 1L]]) - lack_of_fit(without_columns(fits[[i + 1L]], part, added[kept]))
  }, 1))
  selection_table(fits, rise, scope, object, test, k, "Single term additions", data)
}

check_selection <- function(object, test, k, what) {
  check_likelihood(object, what)
  check_number(k, "k", -Inf, Inf, "argument")
  if (test != "none") check_ratio_test(object, sprintf("The test of %s", what))
}

# Names of terms, each once, or a formula.
check_scope <- function(scope) {
  if (is.character(scope)) scope <- unique(as.vector(scope)) else if (!inherits(scope, "formula")) refuse_scope(scope)
  if (is.character(scope) && (anyNA(scope) || any(scope == ""))) refuse_scope(scope)
  scope
}

refuse_scope <- function(scope) {
  abort("argument", sprintf("`scope` must be a formula or names of terms, not %s.", describe_value(scope)))
}

added_terms <- function(object, scope) {
  tryCatch(stats::add.scope(object, stats::update.formula(stats::formula(object), scope)), error = function(e) {
    abort("argument", sprintf("`scope` must have the terms of the fit and more, such as ~ . + z, not %s.",
                              deparse1(scope)))
  })
}

terms_in_scope <- function(scope, object, labels, what) {
  scope <- check_scope(scope)
  if (!is.character(scope)) {
    scope <- attr(stats::terms(stats::update.formula(stats::formula(object), scope)), "term.labels")
  }
  unknown <- setdiff(scope, labels)
  if (length(unknown)) {
    abort("argument", sprintf("%s terms of the model only; %s is none.", what, enumerate(unknown)))
  }
  scope
}

# The first fit is the one that the others are compared with; rise: of minus twice the log-likelihood over its.
selection_table <- function(fits, rise, scope, object, test, k, title, data) {
  criterion <- stats::extractAIC(object, k = k)
  df <- vapply(fits, function(fit) attr(stats::logLik(fit), "df"), 1)
  table <- data.frame(Df = abs(c(NA, df[-1L] - df[1L])), Deviance = lack_of_fit(fits[[1L]]) + rise,
                      AIC = criterion[2L] + rise + k * (df - df[1L]),
                      row.names = c("<none>", scope), check.names = FALSE)
  if (test != "none") {
    table$LRT <- c(NA, abs(rise[-1L]))
    table$`Pr(>Chi)` <- ratio_p(table$LRT, table$Df)
  }
  structure(table, heading = c(title, "\nModel:", deparse(stats::formula(object$terms))),
            class = c("anova", "data.frame"))
}
