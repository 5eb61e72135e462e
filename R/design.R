# From what the user gave to numbers. design_from_formula() and design_from_xy() only collect:
# list(x, y (as given), weights, offset, foldid, blueprint, na_action, row_names).
# resolve_design() then checks and codes, in the same way for both.

# Bytes of X up to which a formula is laid out dense, and above which it may be laid out sparse.
small_dense <- 1e6
dense_limit <- 3e7

# call: of the method, whose weights, offset, subset, na.action and foldid are evaluated in data as glm()
# does; env: where it was called. layout: that of an earlier fit, NULL: what suits the sizes.
design_from_formula <- function(formula, data, call, contrasts, env, intercept = TRUE, layout = NULL) {
  if (is.data.frame(data) && !nrow(data)) abort("no_rows", "`data` has no rows.")
  if (is.list(data) && !is.data.frame(data) && is.object(data)) {
    data <- tryCatch(as.data.frame(data), error = function(e) refuse_data(data))
  }
  if (!is.null(data) && !is.list(data) && !is.environment(data)) refuse_data(data)
  formula <- as_formula(formula, env)
  on_rows <- is_rows(data)
  terms <- if (on_rows && inherits(formula, "terms")) formula else model_terms(formula, if (!on_rows) data)
  if (on_rows) {
    frame <- frame_of_rows(terms, data)
    terms <- attr(frame, "terms")
    n <- nrow(frame)
    home <- attr(data, "home")
  } else {
    data <- plain_data(data, all.names(attr(terms, "variables"), unique = FALSE))
    columns <- tryCatch(evaluate_variables(attr(terms, "variables"), data, environment(formula)),
                        error = refuse_formula)
    n <- check_columns(columns, variable_names(attr(terms, "variables")), "formula")
    terms <- remember_columns(terms, columns)
    arguments <- evaluate_arguments(call, data, environment(formula), env)
    frame <- make_frame(terms, columns, arguments, data, eval(call$na.action, env))
    warn_dependent_rows(terms, columns, data)
    home <- list(caller = env, formula = environment(formula))
  }
  if (!nrow(frame)) {
    abort("no_rows", "No rows are left after `subset` and the removal of missing values.")
  }
  if (!intercept) attr(terms, "intercept") <- 0L
  rows <- if (on_rows) plain_rows(data) else shown_rows(frame)
  na_action <- attr(frame, "na.action")
  case_weights <- check_weights(frame[["(weights)"]], nrow(frame))
  foldid <- frame[["(foldid)"]]
  frame <- drop_weightless(frame, case_weights)
  frame <- used_levels(frame, attr(terms, "response"))
  given_offset <- frame_offset(frame, terms)
  contrasts <- used_contrasts(terms, frame, contrasts)
  model <- read_terms(terms, frame, contrasts)
  if (is.null(layout)) layout <- choose_layout(model)
  x <- expand_terms(model, layout)
  blueprint <- formula_blueprint(terms, frame, contrasts, data, n, call$offset)
  # (A matrix without columns has no names either.)
  blueprint <- c(blueprint, list(names = as.character(colnames(x)), layout = layout, offset =
    if (!is.null(frame[["(offset)"]])) "argument" else if (is.null(given_offset)) "none" else "formula"))
  list(x = x, y = frame[[attr(terms, "response")]], weights = case_weights[case_weights > 0],
       offset = given_offset, blueprint = blueprint, na_action = na_action,
       row_names = attr(frame, "row.names"), foldid = foldid,
       rows = if (nrow(frame) < length(case_weights)) which(case_weights > 0),
       given = structure(rows, terms = blueprint$terms), home = home, term = term_of_columns(model))
}

refuse_data <- function(data) {
  abort("formula", sprintf("`data` must be a data frame, a list or an environment, not %s.", describe_value(data)))
}

# Rows of weight 0 are absent: they go before factors are expanded, so that a level seen only there has
# no column.
drop_weightless <- function(frame, weights) {
  if (is.null(weights) || all(weights > 0)) return(frame)
  stats::setNames(frame[weights > 0, , drop = FALSE], names(frame))
}

# Factors with the levels that occur; strings become factors, once, instead of in every function that
# needs the levels (terms still say that they were strings). The response keeps its levels.
used_levels <- function(frame, response) {
  for (i in which(vapply(frame, function(v) is.factor(v) || is.character(v), NA))) {
    value <- frame[[i]]
    if (i == response) {
      if (is.factor(value) && anyNA(levels(value))) frame[[i]] <- droplevels(value)
    } else if (is.character(value)) {
      frame[[i]] <- as_levels(value)
    } else if (any(tabulate(value, nlevels(value)) == 0L)) {
      contrasts <- attr(value, "contrasts")
      value <- drop_unused(value)
      if (is.matrix(contrasts)) {
        warn("contrasts", sprintf("`%s` has levels without rows, so that its own contrasts do not fit.",
                                  names(frame)[i]))
      }
      frame[[i]] <- value
    }
  }
  frame
}

drop_unused <- function(value) {
  contrasts <- attr(value, "contrasts")
  value <- droplevels(value)
  if (is.character(contrasts)) attr(value, "contrasts") <- contrasts
  value
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

# How X is stored: "dense"; "coded" (factors.R); or "sparse", for factors that are too wide for both.
choose_layout <- function(model) {
  if (!is.null(model$plain)) return("dense")
  size <- term_sizes(model)
  n <- length(model$row_names)
  columns <- sum(size$columns)
  if (!any(size$coded) || 8 * n * columns <= small_dense) return("dense")
  # A row of X costs about that many products of two columns in a Hessian: dense, with the writing
  # of X; coded, where a sum in a table takes the time of some 40 products (measured).
  numeric <- sum(size$columns[!size$coded])
  parts <- sum(size$parts[size$coded])
  dense <- columns^2 + 200 * columns
  coded <- numeric^2 + 40 * parts * (numeric + parts / 2)
  if (coded < dense && sum(size$entries) <= 4 * (n + columns)) return("coded")
  # A factor with treatment contrasts has one column a level in X but one nonzero a row.
  if (8 * n * columns > dense_limit && sum(size$nonzeros) < 0.2 * columns) return("sparse")
  "dense"
}

# Of each term: its columns, how many of them are not 0 in a row, the columns of its numeric variables
# alone, the entries of its table of levels, and whether it has a factor.
term_sizes <- function(model) {
  sizes <- vapply(model$parts, function(term) {
    used <- model$variables[term$at]
    coded <- vapply(used, is_coded, NA)
    if (!any(coded)) return(c(columns_of_numbers(used) * rep(1, 4L), 0))
    tables <- Map(factor_table, used[coded], term$how[coded])
    columns <- prod(lengths(lapply(tables, `[[`, "labels")))
    entries <- lengths(lapply(tables, `[[`, "level"))
    levels <- vapply(used[coded], `[[`, 1L, "levels")
    numeric <- columns_of_numbers(used[!coded])
    numeric * c(columns, prod(entries / levels), 1, prod(entries), any(coded) / numeric)
  }, double(5L))
  list(columns = sizes[1L, ], nonzeros = sizes[2L, ], parts = sizes[3L, ], entries = sizes[4L, ],
       coded = sizes[5L, ] > 0)
}

columns_of_numbers <- function(variables) prod(vapply(variables, `[[`, 1L, "width"))

# X without its column of ones. Numbers are written into X, once, from the variables.
expand_terms <- function(model, layout) {
  if (is.null(model$plain)) {
    if (layout == "dense") return(dense_terms(model))
    codes <- code_terms(model)
    return(if (layout == "sparse") as_sparse(codes) else codes)
  }
  x <- unlist(model$plain, use.names = FALSE) # the one copy; matrix() would make another
  # Names of rows are not written out before somebody looks.
  dim(x) <- c(length(model$row_names), length(model$labels))
  dimnames(x) <- list(as.character(model$row_names), model$labels)
  x
}

dense_terms <- function(model) {
  out <- as.matrix(code_terms(model, numbers = FALSE))
  columns <- term_sizes(model)$columns
  before <- cumsum(c(0, columns))
  for (term in seq_along(columns)) {
    used <- model$variables[model$parts[[term]]$at]
    if (any(vapply(used, is_coded, NA))) next
    widths <- vapply(used, `[[`, 1L, "width")
    for (k in seq_len(columns[term])) out[, before[term] + k] <- numeric_product(used, arrayInd(k, widths))
  }
  out
}

# The contrasts that are used, a name or a matrix for each factor of the right-hand side, in order: those
# of the argument, of the factor itself, or of the options.
used_contrasts <- function(terms, frame, contrasts) {
  at <- factor_positions(terms, frame)
  names <- names(frame)[at]
  if (length(contrasts) && (!is.list(contrasts) || is.null(names(contrasts)))) {
    abort("argument", "`contrasts` must be a list with the names of factors.")
  }
  unknown <- setdiff(names(contrasts), names)
  if (length(unknown)) {
    warn("contrasts", sprintf("`contrasts` names %s, which is not a factor of the formula: it is ignored.",
                              enumerate(unknown)))
  }
  usual <- getOption("contrasts")
  used <- Map(function(value, name) {
    levels <- levels(as_levels(value))
    if (length(levels) < 2L) {
      abort("formula", sprintf(paste(
        "`%s` has the single value \"%s\" in the rows in use: a factor needs 2 or more levels. Drop it."),
        name, levels), columns = name)
    }
    given <- if (name %in% names(contrasts)) contrasts[[name]]
    empty <- structure(integer(), levels = levels, class = "factor", contrasts = attr(value, "contrasts"))
    if (is.null(given) && is.null(attr(empty, "contrasts"))) given <- usual[[1L + is.ordered(value)]]
    tryCatch({
      how_many <- if (is.matrix(given)) ncol(given) else length(levels) - 1L
      if (!is.null(given)) stats::contrasts(empty, how_many) <- given
      if (is.character(attr(empty, "contrasts"))) get(attr(empty, "contrasts"), mode = "function")
    }, error = function(e) {
      abort("formula", sprintf("The contrasts of `%s` cannot be used: %s", name, conditionMessage(e)),
            parent = e)
    })
    attr(empty, "contrasts")
  }, frame[at], names)
  stats::setNames(used, names)
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
       blueprint = blueprint, na_action = NULL, row_names = rownames(x), given = given,
       term = seq_len(ncol(x)))
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

# as_numbers() of rows that may have missing numbers: C takes an integer for its value, so that a missing one must be a
# double. (A fit needs no such look: it refuses them.)
as_known_numbers <- function(x, topic, what = "`x`") {
  x <- as_numbers(x, topic, what)
  if (is.matrix(x) && !is.double(x) && anyNA(x)) storage.mode(x) <- "double"
  x
}

# A matrix that C reads: double, integer or logical, or dgCMatrix. `topic` classes the error.
as_numbers <- function(x, topic, what = "`x`") {
  if (is.data.frame(x)) return(numbers_from_frame(x, topic, what))
  if (is(x, "Matrix")) return(numbers_from_Matrix(x))
  x <- usual_type(x)
  if (!is.matrix(x)) {
    abort(topic, sprintf(paste(
      "%s must be a matrix, a Matrix or a data frame, not %s. One feature is matrix(x, ncol = 1),",
      "one row is x[i, , drop = FALSE]."), what, describe_value(x)))
  }
  if (!typeof(x) %in% c("double", "integer", "logical")) {
    abort(topic, sprintf("%s is a %s matrix; it must hold numbers.", what, typeof(x)))
  }
  x <- if (is.object(x)) unclass(x) else x
  if (isS4(x)) asS4(x, FALSE) else x # of an S4 class that extends "matrix"
}

numbers_from_frame <- function(x, topic, what) {
  x <- plain_data(x, names(x))
  plain <- vapply(x, function(column) {
    (is.numeric(column) || is.logical(column)) && length(dim(column)) < 2L &&
      !inherits(column, c("factor", "Date", "POSIXt", "difftime"))
  }, NA)
  if (!all(plain)) {
    bad <- which(!plain)
    abort(topic, sprintf(paste(
      "%s: %s must hold plain numbers (not class %s). Use a formula, such as",
      "linclass(y ~ ., data), which expands factors."), what, named("column", names(x)[bad]),
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
# declared: the solver, where the levels are classes that were declared, of which rows may lack some.
resolve_design <- function(design, loss, class_weights = NULL, declared = NULL) {
  if (is_shards(design$x)) return(resolve_shards(design, loss, class_weights))
  n <- nrow(design$x)
  response <- read_response(design$y, loss)
  size <- if (is.null(response$counts)) length(response$codes) else nrow(response$counts)
  if (size != n) {
    abort("shape", sprintf("The response has %d values and `x` has %d rows.", size, n))
  }
  response <- drop_empty_levels(response, design$weights, declared)
  k <- length(response$levels)
  design$offset <- check_offset(design$offset, n, k)
  design$levels <- response$levels
  design$dropped_levels <- response$dropped
  design$totals <- response$totals
  design$class_weights <- check_class_weights(class_weights, response$levels, response$totals)
  row_weights <- row_weights(response, design$weights, design$class_weights)
  design$stats <- column_stats(design$x, row_weights, design$blueprint$names)
  design$counted <- likelihood_of_counts(response$counts, design$weights)
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
drop_empty_levels <- function(response, weights, declared = NULL) {
  k <- length(response$levels)
  response$totals <- class_totals(response, weights)
  present <- response$totals > 0
  if (!is.null(declared) && any(present)) {
    check_absent(response, declared)
    return(response)
  }
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
  if (!is.null(response$counts)) response$counts <- response$counts[, present, drop = FALSE] else
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
  check_column_stats(stats, names)
}

check_column_stats <- function(stats, names) {
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

take_rows <- function(value, rows) {
  if (length(dim(value)) == 2L) value[rows, , drop = FALSE] else value[rows]
}

# A row of counts is one multinomial observation, as for glm() (two classes) and VGAM (several): its likelihood has the
# factor n! / (y_1! ... y_k!), and the deviance compares with the model that fits every row. list(rows, deviance and
# log_lik), sums over rows with the weight w of each: of w; of -2 w sum(y log(y / n)), the deviance of that
# model as one of single trials; of its log-likelihood.
likelihood_of_counts <- function(counts, weights) {
  if (is.null(counts)) return(NULL)
  trials <- rowSums(counts)
  w <- (if (is.null(weights)) rep(1, length(trials)) else weights) * (trials > 0)
  fit <- rowSums(ifelse(counts > 0, counts * log(counts / trials), 0))
  ways <- lgamma(trials + 1) - rowSums(lgamma(counts + 1))
  list(rows = sum(w), deviance = -2 * sum(w * fit), log_lik = sum(w * (fit + ways)))
}

# Counts of a row become up to k rows with weights.
expand_counts <- function(design, counts) {
  n <- nrow(counts)
  k <- ncol(counts)
  weights <- as.vector(t(counts * (if (is.null(design$weights)) 1 else design$weights)))
  present <- weights > 0
  rows <- rep(seq_len(n), each = k)[present]
  design$rows <- if (is.null(design$rows)) rows else design$rows[rows]
  design$codes <- rep(seq_len(k) - 1L, n)[present]
  design$weights <- weights[present]
  design$x <- design$x[rows, , drop = FALSE]
  design$offset <- take_rows(design$offset, rows)
  design$row_names <- design$row_names[rows]
  design
}
