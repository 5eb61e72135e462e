# From what the user gave to numbers. design_from_formula() and design_from_xy() only collect:
# list(x, y (as given), weights, offset, foldid, blueprint, na_action, row_names).
# resolve_design() then checks and codes, in the same way for both.

# Bytes of X up to which a formula is laid out dense, and above which it may be laid out sparse.
small_dense <- 1e6
dense_limit <- 3e7

# weights, offset, subset, na.action and foldid are expressions, evaluated in data as glm() does;
# `env` is where linclass() was called. layout: that of an earlier fit, NULL: what suits the sizes.
design_from_formula <- function(formula, data, weights, offset, subset, na.action, contrasts, env,
                                intercept = TRUE, foldid = NULL, layout = NULL) {
  if (is.data.frame(data) && !nrow(data)) abort("no_rows", "`data` has no rows.")
  frame <- evaluate_frame(formula, data, weights, offset, subset, na.action, foldid, env)
  terms <- attr(frame, "terms")
  if (!attr(terms, "response")) {
    abort("formula", "The formula has no response: write `class ~ features`.")
  }
  if (!nrow(frame)) {
    abort("no_rows", "No rows are left after `subset` and the removal of missing values.")
  }
  if (!intercept) attr(terms, "intercept") <- 0L
  na_action <- attr(frame, "na.action")
  given <- given_response(formula, data)
  home <- list(caller = env, formula = attr(terms, ".Environment"))
  rows <- frame
  if (inherits(data, "linclass_rows")) {
    home <- attr(data, "home")
    rows <- plain_rows(data)
  }
  case_weights <- check_weights(frame[["(weights)"]], nrow(frame))
  foldid <- frame[["(foldid)"]]
  frame <- drop_weightless(frame, case_weights)
  # Not model.response(), which would write out a name for each row.
  y <- restore_levels(frame[[attr(terms, "response")]], given)
  given_offset <- frame_offset(frame, terms)
  frame <- strings_to_factors(frame, attr(terms, "response"))
  xlevels <- .getXlevels(terms, frame)
  contrasts <- used_contrasts(terms, frame, contrasts)
  if (is.null(layout)) layout <- choose_layout(terms, frame, contrasts)
  x <- expand_terms(terms, frame, contrasts, layout)
  blueprint <- list(
    kind = "formula", terms = detach_terms(terms, data, NROW(given)), xlevels = xlevels,
    contrasts = contrasts, names = colnames(x), intercept = attr(terms, "intercept") == 1L,
    layout = layout, named = TRUE,
    offset = if (!is.null(offset)) "argument" else if (is.null(given_offset)) "none" else
      "formula", offset_call = offset)
  blueprint$variables <- data_variables(blueprint$terms)
  attr(rows, "terms") <- blueprint$terms
  list(x = x, y = y, weights = case_weights[case_weights > 0], offset = given_offset,
       blueprint = blueprint, na_action = na_action, row_names = attr(frame, "row.names"),
       foldid = foldid, given = rows, home = home,
       rows = if (nrow(frame) < length(case_weights)) which(case_weights > 0))
}

# model.frame() with its errors classed. Its arguments are put into the call unevaluated, so that
# it finds them in data.
evaluate_frame <- function(formula, data, weights, offset, subset, na.action, foldid, env) {
  if (inherits(data, "linclass_rows")) return(frame_of_rows(formula, data))
  call <- as.call(c(list(quote(stats::model.frame), formula = formula),
                    if (!is.null(data)) list(data = quote(.data)),
                    list(drop.unused.levels = TRUE)))
  call$subset <- subset
  call$weights <- weights
  call$na.action <- na.action
  call$offset <- offset
  call$foldid <- foldid
  where <- new.env(parent = env)
  where$.data <- data
  tryCatch(complete_frame(call, where), error = function(e) {
    if (inherits(e, "linclass_error")) stop(e)
    check_lengths(formula, data, weights, offset)
    abort("formula", paste("The formula cannot be evaluated:", conditionMessage(e)), parent = e)
  })
}

# Looking for missing values is dearer than the rest of model.frame(), so a quick look comes first:
# the usual actions leave complete rows as they are.
complete_frame <- function(call, where) {
  usual <- is.null(call$na.action) &&
    getOption("na.action", "") %in% c("na.omit", "na.exclude", "na.fail")
  if (usual) {
    quick <- call
    quick$na.action <- quote(stats::na.pass)
    frame <- eval(quick, where)
    if (!anyNA(frame, recursive = TRUE)) return(frame)
  }
  eval(call, where)
}

# When model.frame() failed: was it because weights or offset do not have one value a row?
check_lengths <- function(formula, data, weights, offset) {
  value_of <- function(expr) {
    tryCatch(eval(expr, data, environment(formula)), error = function(e) NULL)
  }
  n <- if (is.data.frame(data)) nrow(data) else NROW(value_of(formula[[2L]]))
  given <- list(weights = value_of(weights), offset = value_of(offset))
  for (name in names(given)) {
    size <- NROW(given[[name]])
    if (size && size != n) {
      abort("shape", sprintf("`%s` has length %d and the data have %d rows.", name, size, n))
    }
  }
}

# The response before model.frame() removes rows and unused levels.
given_response <- function(formula, data) {
  if (inherits(data, "linclass_rows")) return(frame_of_rows(formula, data)[[1L]])
  y <- eval(formula[[2L]], data, environment(formula))
  if (is.data.frame(y) && length(y) == 1L) y[[1L]] else y
}

restore_levels <- function(y, given) {
  if (!is.factor(y) || !is.factor(given) || anyNA(levels(given))) return(y)
  factor(y, levels = levels(given), ordered = is.ordered(given))
}

# Rows of weight 0 are absent: they go before factors are expanded, so that a level seen only
# there has no column.
drop_weightless <- function(frame, weights) {
  if (is.null(weights) || all(weights > 0)) return(frame)
  terms <- attr(frame, "terms")
  frame <- frame[weights > 0, , drop = FALSE]
  for (name in names(frame)[vapply(frame, is.factor, NA)]) {
    contrasts <- attr(frame[[name]], "contrasts")
    frame[[name]] <- droplevels(frame[[name]])
    if (is.character(contrasts)) attr(frame[[name]], "contrasts") <- contrasts
  }
  attr(frame, "terms") <- terms
  frame
}

# offset() terms of the formula and the argument are added, as in glm().
frame_offset <- function(frame, terms) {
  parts <- c(list(frame[["(offset)"]]),
             lapply(attr(terms, "offset"), function(i) frame[[i]]))
  parts <- parts[!vapply(parts, is.null, NA)]
  if (!length(parts)) return(NULL)
  if (!all(vapply(parts, is.numeric, NA))) abort("offset", "The offset must be numeric.")
  Reduce(`+`, parts)
}

# Once, instead of in every function that needs the levels. Terms still say that they were strings.
strings_to_factors <- function(frame, response) {
  for (i in setdiff(which(vapply(frame, is.character, NA)), response)) {
    frame[[i]] <- as_levels(frame[[i]])
  }
  frame
}

# How X is stored: "dense"; "coded" (codes.R); or "sparse", where wide factors cannot be coded.
choose_layout <- function(terms, frame, contrasts) {
  size <- term_sizes(terms, frame)
  n <- nrow(frame)
  if (!any(size$coded) || 8 * n * sum(size$columns) <= small_dense) return("dense")
  # A row of X costs about that many products of two columns in a Hessian: dense, with the writing
  # of X; coded, where a sum in a table takes the time of some 40 products (measured).
  numeric <- sum(size$columns[!size$coded])
  parts <- sum(size$parts[size$coded])
  dense <- sum(size$columns)^2 + 200 * sum(size$columns)
  coded <- numeric^2 + 40 * parts * (numeric + parts / 2)
  if (coded < dense && can_code(terms, frame, contrasts)) return("coded")
  # A factor has one column a level in X but one nonzero a row.
  if (8 * n * sum(size$columns) > dense_limit && sum(size$parts) < 0.2 * sum(size$columns))
    return("sparse")
  "dense"
}

# Of each term: its columns, the columns of its numeric variables alone (nonzeros of a row), and
# whether it has a factor.
term_sizes <- function(terms, frame) {
  factors <- attr(terms, "factors")
  if (!length(factors)) return(list(columns = 0, parts = 0, coded = FALSE))
  used <- frame[rownames(factors)]
  categorical <- vapply(used, is_categorical, NA)
  width <- vapply(used, function(v) if (is.factor(v)) nlevels(v) else NCOL(v), 1)
  width[vapply(used, is.logical, NA)] <- 2
  of_terms <- function(which) apply(factors > 0, 2L, function(there) prod(width[there & which]))
  list(columns = of_terms(TRUE), parts = of_terms(!categorical),
       coded = colSums(factors[categorical, , drop = FALSE] > 0) > 0)
}

# X without its column of ones.
expand_terms <- function(terms, frame, contrasts, layout) {
  plain <- plain_columns(terms, frame)
  if (!is.null(plain)) {
    x <- unlist(frame[plain], use.names = FALSE) # the one copy; matrix() would make another
    dim(x) <- c(nrow(frame), length(plain))
    # Names of rows are not written out before somebody looks.
    dimnames(x) <- list(as.character(attr(frame, "row.names")), plain)
    return(x)
  }
  if (layout == "coded") return(code_terms(terms, frame, contrasts))
  sparse <- layout == "sparse"
  expand <- if (sparse) Matrix::sparse.model.matrix else model.matrix
  x <- tryCatch(expand(terms, frame, contrasts.arg = contrasts), error = refuse_terms)
  constant <- match("(Intercept)", colnames(x))
  if (!is.na(constant)) x <- x[, -constant, drop = FALSE]
  if (sparse) return(as_csc(x))
  attr(x, "assign") <- attr(x, "contrasts") <- NULL
  x
}

refuse_terms <- function(e) {
  abort("formula", paste("The model matrix cannot be built:", conditionMessage(e)), parent = e)
}

# The variables when every term is one plain numeric vector: their model matrix is themselves, and
# model.matrix() would copy them twice. NULL otherwise.
plain_columns <- function(terms, frame) {
  labels <- attr(terms, "term.labels")
  if (!length(labels) || any(attr(terms, "order") != 1L) || !all(labels %in% names(frame))) {
    return(NULL)
  }
  plain <- vapply(frame[labels], function(v) is.numeric(v) && !is.object(v) && is.null(dim(v)), NA)
  if (all(plain)) labels
}

# The contrasts that are used, a name or a matrix for each factor, from the expansion of a single
# row. Names do not depend on the levels, of which two are enough then.
used_contrasts <- function(terms, frame, contrasts) {
  row <- frame[1L, , drop = FALSE]
  for (name in names(row)[vapply(row, is.factor, NA)]) {
    given <- list(contrasts[[name]], attr(row[[name]], "contrasts"))
    if (nlevels(row[[name]]) > 2L && all(vapply(given, function(g) is.null(g) || is.character(g), NA))) {
      kept <- attr(row[[name]], "contrasts")
      row[[name]] <- factor(1L, levels = 1:2, ordered = is.ordered(row[[name]]))
      attr(row[[name]], "contrasts") <- kept
    }
  }
  attr(row, "terms") <- terms
  x <- tryCatch(model.matrix(terms, row, contrasts.arg = contrasts), error = refuse_terms)
  attr(x, "contrasts")
}

# x: base matrix, Matrix or data frame of numbers.
design_from_xy <- function(x, y, weights = NULL, offset = NULL, intercept = TRUE) {
  if (inherits(y, "formula")) {
    abort("response", paste("`y` is a formula: write linclass(formula, data), or give it as",
                            "`formula =` where the data come first."))
  }
  blueprint <- list(kind = if (is.data.frame(x)) "data.frame" else "matrix", terms = NULL,
                    xlevels = NULL, contrasts = NULL, intercept = intercept,
                    offset = if (is.null(offset)) "none" else "argument")
  given <- list(x = x, y = y, weights = weights, offset = offset)
  x <- as_numbers(x, "type")
  if (!nrow(x)) abort("no_rows", "`x` has no rows.")
  blueprint$named <- !is.null(colnames(x))
  blueprint$names <- check_column_names(colnames(x), ncol(x), intercept)
  list(x = x, y = y, weights = check_weights(weights, nrow(x)), offset = offset,
       blueprint = blueprint, na_action = NULL, row_names = rownames(x), given = given)
}

check_column_names <- function(names, p, intercept) {
  if (is.null(names)) return(if (p) paste0("V", seq_len(p)) else character())
  if (length(names) != p) {
    abort("names", sprintf("`x` has %d columns and %d column names.", p, length(names)))
  }
  if (anyNA(names) || any(names == "")) {
    empty <- which(is.na(names) | names == "")
    abort("names", sprintf("%s of `x` %s no name. Name all columns or none.",
                           named("Column", empty, quote = ""),
                           if (length(empty) == 1L) "has" else "have"))
  }
  if (anyDuplicated(names)) {
    abort("names", sprintf("Column names of `x` are duplicated: %s.",
                           enumerate(unique(names[duplicated(names)]))))
  }
  if (intercept && "(Intercept)" %in% names) {
    abort("names", paste("`x` has a column \"(Intercept)\" and the model adds one: drop it or set",
                         "intercept = FALSE."))
  }
  names
}

# A matrix that C reads: double, integer or logical, or dgCMatrix. `topic` classes the error.
as_numbers <- function(x, topic, what = "`x`") {
  if (is.data.frame(x)) return(numbers_from_frame(x, topic, what))
  if (is(x, "Matrix")) return(numbers_from_Matrix(x))
  if (!is.matrix(x)) {
    abort(topic, sprintf(paste(
      "%s must be a matrix, a Matrix or a data frame, not %s. One feature is matrix(x, ncol = 1),",
      "one row is x[i, , drop = FALSE]."), what, describe_value(x)))
  }
  if (!typeof(x) %in% c("double", "integer", "logical")) {
    abort(topic, sprintf("%s is a %s matrix; it must hold numbers.", what, typeof(x)))
  }
  if (is.object(x)) unclass(x) else x
}

numbers_from_frame <- function(x, topic, what) {
  plain <- vapply(x, function(column) {
    (is.numeric(column) || is.logical(column)) && length(dim(column)) < 2L &&
      !inherits(column, c("factor", "Date", "POSIXt", "difftime", "integer64"))
  }, NA)
  if (!all(plain)) {
    bad <- which(!plain)
    abort(topic, sprintf(paste(
      "Column %s of %s does not hold plain numbers (class %s). Use a formula, such as",
      "linclass(y ~ ., data), which expands factors."), enumerate(names(x)[bad]), what,
      dQuote(class(x[[bad[1L]]])[1L], FALSE)), columns = names(x)[bad])
  }
  rows <- if (.row_names_info(x) > 0L) attr(x, "row.names")
  values <- unlist(lapply(x, as.vector), use.names = FALSE)
  matrix(if (is.null(values)) numeric() else values, nrow(x), length(x),
         dimnames = list(rows, names(x)))
}

numbers_from_Matrix <- function(x) {
  if (is(x, "dgCMatrix")) x <- as(x, "dgCMatrix") # of a class that extends it, its part
  check_sparse(x)
  if (is(x, "dgCMatrix")) return(x)
  if (is(x, "denseMatrix")) as.matrix(x) else as_csc(x)
}

# The slots that C reads are checked by C, before anything is made from their sizes.
check_sparse <- function(x) {
  wrong <- tryCatch({
    if (is(x, "dgCMatrix")) .Call(lcr_valid, x)
  }, error = conditionMessage)
  if (is.null(wrong)) {
    wrong <- tryCatch({
      validObject(x)
      NULL
    }, error = conditionMessage)
  }
  if (!is.null(wrong)) abort("sparse", paste("This is not a valid sparse matrix:", wrong))
}

as_csc <- function(x) as(as(as(x, "dMatrix"), "generalMatrix"), "CsparseMatrix")

# Checks what a design holds and codes it. Adds levels, codes, totals (weight of each class), the
# weights with class_weights (`fit_weights`), column statistics, and `rows`: for each row of the
# result the row of the data it came from (NULL: all, in order).
resolve_design <- function(design, loss, class_weights = NULL) {
  n <- nrow(design$x)
  response <- read_response(design$y, loss)
  size <- if (is.null(response$counts)) length(response$codes) else nrow(response$counts)
  if (size != n) {
    abort("shape", sprintf("The response has %d values and `x` has %d rows.", size, n))
  }
  response <- drop_empty_levels(response, design$weights)
  k <- length(response$levels)
  design$offset <- check_offset(design$offset, n, k)
  design$levels <- response$levels
  design$dropped_levels <- response$dropped
  design$totals <- response$totals
  design$class_weights <- check_class_weights(class_weights, response$levels, response$totals)
  row_weights <- row_weights(response, design$weights, design$class_weights)
  design$stats <- column_stats(design$x, row_weights, design$blueprint$names)
  design <- if (is.null(response$counts)) {
    keep_rows(design, response$codes, which(row_weights > 0))
  } else {
    expand_counts(design, response$counts)
  }
  design$fit_weights <- design$weights
  if (!is.null(design$class_weights)) {
    factors <- unname(design$class_weights)[design$codes + 1L]
    design$fit_weights <- if (is.null(design$weights)) factors else design$weights * factors
  }
  design$y <- list(codes = design$codes, levels = design$levels)
  design
}

# Finds the classes that have weight; one or none left is an error, an empty declared level a
# warning.
drop_empty_levels <- function(response, weights) {
  k <- length(response$levels)
  response$totals <- class_totals(response, weights)
  present <- response$totals > 0
  if (sum(present) < 2L) {
    abort("one_class", sprintf(
      "The response has rows of %s only; a classifier needs two classes.",
      if (any(present)) enumerate(response$levels[present], quote = "\"") else "no class"))
  }
  if (all(present)) return(response)
  response$dropped <- response$levels[!present]
  one <- length(response$dropped) == 1L
  warn("empty_level", sprintf("%s no rows%s and %s dropped.",
                              subject("Level", "Levels", response$dropped,
                                      "of the response has", "of the response have"),
                              if (is.null(weights)) "" else " with a positive weight",
                              if (one) "is" else "are"),
       levels = response$dropped)
  response$codes <- match(seq_len(k), which(present))[response$codes + 1L] - 1L
  response$levels <- response$levels[present]
  response$totals <- response$totals[present]
  response
}

class_totals <- function(response, weights) {
  if (!is.null(response$counts)) {
    return(colSums(if (is.null(weights)) response$counts else response$counts * weights))
  }
  codes <- response$codes
  if (anyNA(codes)) {
    missing <- is.na(codes)
    codes[missing] <- 0L # rows of weight 0 count for nothing wherever they go
    if (!is.null(weights)) missing <- missing & weights > 0
    if (any(missing)) {
      abort("missing", sprintf("The response has %s (%s).", plural(sum(missing), "missing value"),
                               named("row", which(missing), quote = "")), rows = which(missing))
    }
  }
  k <- length(response$levels)
  if (is.null(weights)) return(as.double(tabulate(codes + 1L, k)))
  totals <- double(k)
  sums <- rowsum(weights, codes)
  seen <- !is.na(as.integer(rownames(sums)))
  totals[as.integer(rownames(sums))[seen] + 1L] <- sums[seen]
  totals
}

# The weight of each row in the fit; NULL: all one.
row_weights <- function(response, weights, class_weights) {
  if (!is.null(response$counts)) {
    counts <- response$counts
    if (!is.null(class_weights)) counts <- counts * rep(class_weights, each = nrow(counts))
    return(if (is.null(weights)) rowSums(counts) else weights * rowSums(counts))
  }
  if (is.null(class_weights)) return(weights)
  factors <- unname(class_weights)[response$codes + 1L]
  if (is.null(weights)) factors else ifelse(weights > 0, weights * factors, 0)
}

# Statistics of the columns from C, which checks the slots of a sparse matrix on the way; no R
# code may index such a matrix before.
column_stats <- function(x, weights, names) {
  stats <- .Call(lcr_colstats, x, weights)
  if (is.character(stats)) abort("sparse", paste0("`x` is not a valid matrix: ", stats))
  lacking <- stats$n_na + stats$n_nan
  if (any(lacking > 0)) {
    abort("missing", sprintf(paste(
      "`x` has %s (%s NA, %s NaN) in %s. Remove these rows, fill them in, or use a formula",
      "with na.action."), plural(sum(lacking), "missing value"), format(sum(stats$n_na)),
      format(sum(stats$n_nan)), named("column", names[lacking > 0])), columns = names[lacking > 0])
  }
  if (any(stats$n_inf > 0)) {
    abort("nonfinite", sprintf("`x` has %s in %s.",
                               plural(sum(stats$n_inf), "infinite value"),
                               named("column", names[stats$n_inf > 0])),
          columns = names[stats$n_inf > 0])
  }
  stats
}

keep_rows <- function(design, codes, rows) {
  design$codes <- codes
  if (is.null(design$weights) || length(rows) == nrow(design$x)) return(design)
  design$x <- design$x[rows, , drop = FALSE]
  design$codes <- codes[rows]
  design$weights <- design$weights[rows]
  design$offset <- take_rows(design$offset, rows)
  design$row_names <- design$row_names[rows]
  design$rows <- if (is.null(design$rows)) rows else design$rows[rows]
  design
}

take_rows <- function(offset, rows) {
  if (is.matrix(offset)) offset[rows, , drop = FALSE] else offset[rows]
}

# Counts (first level, second level) of a row become up to two rows with weights.
expand_counts <- function(design, counts) {
  n <- nrow(counts)
  weights <- counts * (if (is.null(design$weights)) 1 else design$weights)
  present <- as.vector(t(weights)) > 0
  rows <- rep(seq_len(n), each = 2L)[present]
  design$rows <- if (is.null(design$rows)) rows else design$rows[rows]
  design$codes <- rep(0:1, n)[present]
  design$weights <- as.vector(t(weights))[present]
  design$x <- design$x[rows, , drop = FALSE]
  design$offset <- take_rows(design$offset, rows)
  design$row_names <- design$row_names[rows]
  design
}
