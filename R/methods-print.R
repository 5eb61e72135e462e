# print() and summary() of a fit: plain text, at most 20 lines for print() and as wide as the
# console.

#' @rdname summary.linclass
#' @export
print.linclass <- function(x, digits = max(3L, getOption("digits") - 3L), ...) {
  check_object(x, whole = TRUE)
  check_digits(digits)
  facts <- append(fit_facts(x), list(Deviance = deviance_in_words(x)), 2L)
  header <- c(call_lines(x$call), field_lines(facts, most = 11L))
  writeLines(c(header, "", "Coefficients:"))
  print_corner(stats::coef(x), digits, room = 18L - length(header))
  invisible(x)
}

check_digits <- function(digits) {
  if (!is.null(digits)) check_number(digits, "digits", 1, 22, "argument")
}

# The call on at most two lines, cut between words.
call_lines <- function(call) {
  if (is.null(call)) return(character())
  text <- paste(trimws(deparse(call)), collapse = " ")
  lines <- strwrap(text, width = line_width() + 1L, initial = "Call: ", prefix = "      ")
  if (length(lines) > 2L) lines[2L] <- cut_line(paste(lines[2L], lines[3L]))
  vapply(utils::head(lines, 2L), cut_line, "", USE.NAMES = FALSE)
}

# As many words as there is room for; a single word that is longer is cut itself.
cut_line <- function(line, width = line_width()) {
  if (nchar(line, "width") <= width) return(line)
  ends <- gregexpr("[^ ](?= )", line, perl = TRUE)[[1L]]
  ends <- ends[ends <= width - 4L & ends > 6L]
  paste(substr(line, 1L, if (length(ends)) max(ends) else width - 4L), "...")
}

line_width <- function() min(80L, getOption("width"))

# Named facts as "Name: text", the texts aligned; of long texts the first lines only where there
# are too many.
field_lines <- function(facts, most = Inf) {
  facts <- facts[!vapply(facts, is.null, NA)]
  label <- paste0(format(paste0(names(facts), ":")), " ")
  margin <- strrep(" ", nchar(label[1L]))
  lines <- Map(function(name, text) {
    strwrap(text, width = line_width(), initial = name, prefix = margin)
  }, label, facts)
  if (sum(lengths(lines)) > most) {
    lines <- lapply(lines, function(l) if (length(l) > 1L) cut_line(paste(l[1L], trimws(l[2L]))) else l)
  }
  unlist(lines, use.names = FALSE)
}

# What print() and summary() say of a fit; NULL entries are left out.
fit_facts <- function(x) {
  list(
    Loss = loss_row(x$loss)$title,
    Objective = objective_in_words(x),
    Classes = classes_in_words(x),
    Data = data_in_words(x),
    Solver = sprintf("%s, %s %s (%s)", x$solver, count(x$iterations),
                     if (has_epochs(x)) "epochs" else "iterations", x$reason),
    Converged = convergence_in_words(x),
    Separation = if (is_separated(x)) paste0(separation_in_words(x$separation), ": no finite maximum"),
    Aliased = if (length(x$aliased)) {
      sprintf("%s %s of others (NA): %s", plural(length(x$aliased), "column"),
              if (length(x$aliased) == 1L) "is a combination" else "are combinations",
              enumerate(x$aliased, quote = ""))
    }
  )
}

# Only where the degrees of freedom are a count: those of a ridge penalty need the data.
deviance_in_words <- function(x) {
  counted <- x$lambda == 0 || (x$alpha == 1 && !has_groups(x))
  size <- if (counted) likelihood_size(x)
  if (!counted || is.na(size$aic)) return(NULL)
  shown <- function(v) format(signif(v, max(5L, getOption("digits") - 2L)), big.mark = thousands_mark())
  sprintf("%s on %s df (null: %s on %s df), AIC %s", shown(size$deviance),
          shown(size$df.residual), shown(size$null.deviance), shown(size$df.null), shown(size$aic))
}

data_in_words <- function(x) {
  if (!is.null(x$counted)) {
    return(sprintf("%s of counts (%s trials), %s", plural(x$counted$rows, "row"), count(x$nobs),
                   plural(x$p, "feature")))
  }
  paste0(count(x$n), if (x$n == 1) " row" else " rows",
         if (isTRUE(x$has_weights)) sprintf(" (weights sum to %s)", count(x$nobs)),
         ", ", count(x$p), if (x$p == 1) " feature" else " features")
}

has_epochs <- function(x) any(is.finite(utils::tail(x$history$epoch, 1L)))

# Where options(OutDec = ",") a comma is no mark between thousands.
thousands_mark <- function() if (identical(getOption("OutDec"), ",")) "." else ","

count <- function(n) format(n, big.mark = thousands_mark(), digits = 7L, scientific = 12L)

objective_in_words <- function(x) {
  mean_loss <- if (!is.null(x$class_weights)) "mean loss weighted by class" else
    if (isTRUE(x$has_weights)) "weighted mean loss" else "mean loss"
  bounds <- if (is.null(x$lower) && is.null(x$upper)) "" else ", within bounds"
  paste0(format(x$objective, digits = 7L), " = ", mean_loss, penalty_in_words(x), bounds)
}

penalty_in_words <- function(x) {
  if (has_jeffreys(x)) return(" - log det(information) / (2 x weights)")
  if (x$lambda == 0) return(", no penalty")
  sprintf(" + %s x %s", format(x$lambda), penalty_name(x))
}

penalty_name <- function(x) {
  name <- if (x$alpha == 1) "lasso" else if (x$alpha == 0) "ridge" else {
    sprintf("elastic net (alpha = %s)", format(x$alpha))
  }
  paste0(if (has_groups(x)) "grouped ", name, if (isTRUE(x$standardize)) " of scaled columns")
}

classes_in_words <- function(x) {
  k <- length(x$levels)
  if (x$coding == "vector") {
    return(sprintf("2: coefficients are for \"%s\" (the event) against \"%s\"", x$levels[2L],
                   x$levels[1L]))
  }
  sprintf("%d (%s): %s", k, enumerate(x$levels, 4L, ""),
          if (x$coding == "reference") sprintf("coefficients against \"%s\"", x$levels[1L]) else
            "a row of coefficients each")
}

# One line about how far from the optimum the fit is.
convergence_in_words <- function(x) {
  certificate <- x$certificate
  state <- if (isTRUE(x$converged)) "yes" else if (x$status == "budget") {
    sprintf("stopped after its %s", plural(x$iterations, if (has_epochs(x)) "epoch" else "iteration"))
  } else {
    sprintf("no (%s)", x$status)
  }
  below <- if (x$status == "budget" && isTRUE(certificate$met)) ", below the tolerance"
  paste0(state, "; ", certificate_in_words(certificate), below)
}

certificate_in_words <- function(certificate) {
  if (certificate$kind == "mistakes") {
    if (certificate$gap == 0) {
      return("the classes are separable, as these coefficients prove: no training row is on the wrong side")
    }
    return(sprintf("%s training rows are on the wrong side; no gap is known",
                   count(certificate$gap)))
  }
  what <- c(duality_gap = "relative gap at most %s (duality gap)",
            newton_decrement = "relative gap about %s (Newton decrement)",
            sampled_decrement = paste("relative gap about %s (Newton decrement, second derivatives of",
                                      "a sample of rows)"),
            gradient = "largest element of the gradient %s, gap not known")
  value <- if (certificate$kind == "gradient") certificate$kkt else certificate$relative
  # Below the rounding of the objective the digits of a gap mean nothing.
  sprintf(what[[certificate$kind]], format(max(value, .Machine$double.eps), digits = 2L))
}

# As many coefficients as fit into `room` lines.
print_corner <- function(coefficients, digits, room) {
  room <- max(room, 3L)
  if (!is.matrix(coefficients)) return(print_corner_vector(coefficients, digits, room))
  all <- dim(coefficients)
  rows <- if (all[1L] < room) all[1L] else room - 2L
  shown <- coefficients[seq_len(rows), , drop = FALSE]
  widths <- pmax(apply(format(shown, digits = digits), 2L, function(v) max(nchar(v))),
                 nchar(colnames(shown), "width")) + 1L
  fitting <- cumsum(widths) + max(nchar(rownames(shown), "width")) <= line_width()
  columns <- max(1L, sum(fitting))
  if (rows == all[1L] && columns < all[2L]) {
    # The block of columns repeats down the page as long as there is room.
    blocks <- (room - 1L) %/% (rows + 1L)
    columns <- min(all[2L], columns * max(1L, blocks))
  }
  print(shown[, seq_len(columns), drop = FALSE], digits = digits)
  if (rows < all[1L] || columns < all[2L]) {
    cat(sprintf("(%d of %d rows and %d of %d columns; coef() has all)\n", rows, all[1L], columns,
                all[2L]))
  }
}

print_corner_vector <- function(coefficients, digits, room) {
  lines <- function(v) {
    utils::capture.output(print(format(v, digits = digits), quote = FALSE, width = line_width()))
  }
  shown <- length(coefficients)
  # Two lines hold a handful of coefficients; shorten until they fit.
  shown <- min(shown, 40L * room)
  while (shown > 1L && length(lines(coefficients[seq_len(shown)])) > room - 1L) {
    shown <- ceiling(shown * 0.8) - 1L
  }
  writeLines(lines(coefficients[seq_len(shown)]))
  if (shown < length(coefficients)) {
    cat(sprintf("(%d of %d; coef() has all)\n", shown, length(coefficients)))
  }
}

#' Print and summarise a fit
#'
#' `print()` shows, in at most 20 lines, the call, what was minimised, deviance and AIC, the classes, the size of the
#' data, the solver and its certificate, separation and rank, and the coefficients (a corner of them
#' if there are many). `summary()` adds to a fit what statistics there are. An unpenalised fit of a
#' likelihood loss (logistic, softmax) gets the Wald table as [stats::summary.glm()] has it; other
#' fits have no standard errors, and the summary says why. Where classes are separated the estimates are the limits
#' that the likelihood tends to ([separation()]): `Inf` or `-Inf` without a standard error, and finite ones with theirs.
#'
#' @param object,x A fit, or its summary.
#' @param digits Number of significant digits.
#' @param signif.stars Whether to mark small p-values.
#' @param ... Not used; for `print()` of a summary passed on to [stats::printCoefmat()].
#' @return `print()`: `x`, invisibly. `summary()`: a list of class `summary.linclass` with
#' * `coefficients`: a matrix with the columns Estimate, Std. Error, z value and `Pr(>|z|)`, one
#'   row for each coefficient (several classes: rows named `class:term`), or `NULL`;
#' * `standard.errors`: with several rows of coefficients their standard errors in the shape of `coef()`;
#' * `why_no_se`: one sentence, or `NULL`;
#' * `nonzero`: the number of coefficients other than 0 of each class, without intercepts;
#' * `deviance`, `null.deviance`, `df.residual`, `df.null`, `aic`: `NA` where the loss is not a
#'   likelihood, and for fits with class weights;
#' * `nobs`, `fit` (the fit itself without its training data).
#' @seealso [vcov.linclass()], [logLik.linclass()]
#' @examplesIf requireNamespace("MASS", quietly = TRUE)
#' fit <- linclass(low ~ age + lwt + smoke, MASS::birthwt)
#' fit
#' summary(fit)
#' summary(linclass(low ~ age + lwt + smoke, MASS::birthwt, lambda = 0.05))
#' @concept coefficient table
#' @concept Wald test
#' @concept p-value
#' @export
summary.linclass <- function(object, ...) {
  check_no_dots(list(...), character())
  check_object(object, whole = TRUE)
  V <- tryCatch(stats::vcov(object, complete = FALSE), linclass_error = identity)
  no_se <- inherits(V, "linclass_error")
  size <- likelihood_size(object)
  slopes <- as.matrix(object$coefficients)
  if (!is.matrix(object$coefficients)) slopes <- t(slopes)
  if (object$intercept) slopes <- slopes[, -1L, drop = FALSE]
  nonzero <- rowSums(slopes != 0, na.rm = TRUE)
  if (object$coding == "vector") nonzero <- unname(nonzero)
  object[c("model", "y", "home")] <- NULL
  structure(c(list(
    fit = object, coefficients = if (!no_se) wald_table(object, V),
    standard.errors = if (!no_se && has_classes(object)) class_errors(object),
    why_no_se = if (no_se) conditionMessage(V), nonzero = nonzero, nobs = observations(object)), size),
    class = "summary.linclass")
}

# In the shape of coef().
class_errors <- function(object) {
  replace(object$coefficients, TRUE, matrix(sqrt(diag(stats::vcov(object))), nrow(object$coefficients), byrow = TRUE))
}

wald_table <- function(object, V) {
  estimate <- limit_coefficients(object)
  se <- sqrt(diag(V))
  z <- estimate / se
  cbind(Estimate = estimate, `Std. Error` = se, `z value` = z,
        `Pr(>|z|)` = 2 * stats::pnorm(-abs(z)))
}

# Deviances, degrees of freedom and AIC; NA where the fit is no maximum of a likelihood.
likelihood_size <- function(object) {
  none <- list(deviance = NA_real_, null.deviance = NA_real_, df.residual = NA_real_,
               df.null = NA_real_, aic = NA_real_)
  tryCatch({
    check_likelihood(object, "The deviance")
    log_lik <- stats::logLik(object)
    contrasts <- observations(object) * (length(object$levels) - 1)
    null <- if (object$intercept) length(object$levels) - 1 else 0
    list(deviance = object$deviance, null.deviance = deviance_of_loss(object, object$null_loss),
         df.residual = contrasts - attr(log_lik, "df"), df.null = contrasts - null,
         aic = stats::AIC(log_lik))
  }, linclass_error = function(e) none)
}

#' @rdname summary.linclass
#' @export
print.summary.linclass <- function(x, digits = max(3L, getOption("digits") - 3L),
                                   signif.stars = getOption("show.signif.stars"), ...) {
  check_digits(digits)
  fit <- x$fit
  writeLines(c(call_lines(fit$call), field_lines(fit_facts(fit))))
  cat("\nCoefficients:\n")
  if (is.null(x$coefficients)) {
    print_without_errors(x, digits)
  } else {
    print_tables(x, digits, signif.stars, ...)
  }
  if (!is.na(x$aic)) {
    shown <- function(v) format(signif(v, max(5L, digits + 1L)))
    cat(sprintf("\n    Null deviance: %s  on %s  degrees of freedom\n", shown(x$null.deviance),
                shown(x$df.null)),
        sprintf("Residual deviance: %s  on %s  degrees of freedom\n", shown(x$deviance),
                shown(x$df.residual)),
        sprintf("AIC: %s\n", shown(x$aic)), sep = "")
  }
  invisible(x)
}

# One table, or one for each class.
print_tables <- function(x, digits, signif.stars, ...) {
  fit <- x$fit
  if (fit$coding == "vector") {
    print_wald(x$coefficients, digits, signif.stars, ...)
    return(invisible())
  }
  classes <- rownames(fit$coefficients)
  terms <- nrow(x$coefficients) / length(classes)
  for (i in seq_along(classes)) {
    block <- x$coefficients[(i - 1L) * terms + seq_len(terms), , drop = FALSE]
    rownames(block) <- substring(rownames(block), nchar(classes[i]) + 2L)
    cat(if (i > 1L) "\n", classes[i], ":\n", sep = "")
    print_wald(block, digits, signif.stars, signif.legend = signif.stars && i == length(classes), ...)
  }
}

# printCoefmat() leaves a column of infinite numbers empty.
print_wald <- function(table, digits, signif.stars, ...) {
  if (!any(is.finite(table[, "Estimate"]))) return(print(table))
  stats::printCoefmat(table, digits = digits, signif.stars = signif.stars, na.print = "NA", ...)
}

print_without_errors <- function(x, digits) {
  print_corner(stats::coef(x$fit), digits, room = 40L)
  features <- x$fit$p
  of_class <- if (is.null(names(x$nonzero))) "" else paste0(names(x$nonzero), " ")
  cat("\n")
  writeLines(strwrap(paste0("Not zero: ", paste0(of_class, x$nonzero, " of ", features, collapse = ", ")),
                     width = line_width()))
  writeLines(strwrap(paste("No standard errors:", x$why_no_se), width = line_width()))
}
