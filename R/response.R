# The response: whatever stands for classes becomes codes 0, 1, ... and a vector of level names.

# list(codes = integer (NA where missing), levels, counts = NULL or n x k matrix, a column for each level).
read_response <- function(y, loss) {
  if (is.null(y)) abort("response", "There is no response: give `y`.")
  y <- flatten_response(y)
  refused <- c("Date", "POSIXt", "difftime", "Surv", "numeric_version")
  if (inherits(y, refused) || !(is.factor(y) || is.numeric(y) || is.logical(y) || is.character(y))) {
    abort("response", sprintf(paste(
      "The response has class %s. It must be a factor, character, logical, or numeric with two",
      "distinct values%s."), dQuote(class(y)[1L], FALSE),
      if (is(y, "Matrix")) "; a matrix of counts must be an ordinary one" else ""))
  }
  if (is.matrix(y)) return(response_from_counts(y, loss))
  if (is.factor(y)) return(response_from_factor(y))
  if (is.character(y)) return(response_from_character(y))
  if (is.logical(y)) {
    return(list(codes = as.integer(y), levels = c("FALSE", "TRUE")))
  }
  response_from_numbers(y)
}

# One-column data frames and matrices, one-way tables and AsIs vectors are the vector they hold; data
# frames of several numeric columns are matrices.
flatten_response <- function(y) {
  if (is.data.frame(y)) {
    y <- if (length(y) == 1L) y[[1L]] else if (all(vapply(y, is.numeric, NA))) as.matrix(y) else
      abort("response", sprintf("The response has %d columns; it must have one, or columns of counts.",
                                length(y)))
  }
  y <- usual_type(y)
  if (inherits(y, "AsIs")) class(y) <- setdiff(class(y), "AsIs")
  dims <- dim(y)
  if (isS4(y) || inherits(y, "Surv")) return(y)
  if (length(dims) == 1L || (length(dims) == 2L && dims[2L] == 1L)) {
    dim(y) <- NULL
    if (is.numeric(y) && !is.factor(y)) y <- as.vector(y)
  } else if (length(dims) > 2L || (length(dims) == 2L && dims[2L] == 0L)) {
    abort("response", sprintf("The response has dimensions %s; it must have one column, or columns of counts.",
                              paste(dims, collapse = " x ")))
  }
  y
}

# Classes of rows that are not fitted, such as those to be judged, as a factor.
as_classes <- function(y, name) {
  y <- flatten_response(y)
  if (is.null(y) || !is.atomic(y) || is.matrix(y)) {
    abort("response", sprintf("`%s` must be a vector of classes, not %s.", name, describe_value(y)))
  }
  as.factor(y)
}

response_from_factor <- function(y) {
  if (anyNA(levels(y))) {
    abort("response", "NA is a level of the response: give it a name or drop it.")
  }
  if (is.ordered(y)) {
    inform("ordered", paste("The response is an ordered factor; its levels are treated as classes",
                            "without order."))
  }
  list(codes = as.integer(y) - 1L, levels = levels(y))
}

response_from_character <- function(y) {
  y <- factor(y)
  inform("level_order", sprintf(
    "The response is character; its levels, in order: %s. Use factor() to set another order.",
    enumerate(levels(y), 10L, quote = "\"")), levels = levels(y))
  list(codes = as.integer(y) - 1L, levels = levels(y))
}

response_from_numbers <- function(y) {
  y <- as.vector(y)
  if (length(y) && !anyNA(y) && min(y) == 0 && max(y) == 1) { # the usual case, quickly
    codes <- as.integer(y)
    if (all(codes == y)) return(list(codes = codes, levels = c("0", "1")))
  }
  if (any(is.infinite(y) | is.nan(y))) {
    abort("response", sprintf("The response is NaN or infinite in %s.",
                              plural(sum(is.infinite(y) | is.nan(y)), "row")))
  }
  values <- sort(unique(y))
  if (length(values) > 2L) {
    if (values[1L] >= 0 && values[length(values)] <= 1) {
      abort("response", paste(
        "The response has numbers between 0 and 1. If they are shares of successes, give the counts",
        "themselves, cbind(successes, failures), in place of shares with weights."))
    }
    abort("response", sprintf(paste(
      "The response is numeric with %d distinct values. If they are classes, use factor(y);",
      "linclass() does not fit continuous responses."), length(values)))
  }
  list(codes = match(y, values) - 1L, levels = as.character(values))
}

# Two columns are as in glm: the first counts the event, which is the second level. More are the classes
# in their order.
response_from_counts <- function(y, loss) {
  k <- ncol(y)
  usual <- if (k == 2L) "logistic" else "softmax"
  if (!is.numeric(y) || !loss %in% c("auto", usual)) {
    abort("response", sprintf(paste(
      "A response of %s columns must hold the counts of %s, and only the %s loss takes it."),
      if (k == 2L) "two" else k,
      if (k == 2L) "events and non-events" else "its classes", usual))
  }
  if (anyNA(y)) {
    abort("missing", sprintf("The response counts have %s.",
                             plural(sum(is.na(y)), "missing value")))
  }
  if (any(y < 0 | is.infinite(y))) {
    abort("response", sprintf(paste(
      "A response of %d x %d numbers holds counts, which are finite and not negative; classes are one",
      "column, as factor(y)."), nrow(y), k))
  }
  levels <- colnames(y)
  if (is.null(levels)) levels <- if (k == 2L) c("success", "failure") else as.character(seq_len(k))
  if (anyNA(levels) || anyDuplicated(levels)) {
    abort("response", "The columns of response counts need different names.")
  }
  order <- if (k == 2L) 2:1 else seq_len(k)
  list(codes = NULL, levels = levels[order], counts = unname(y[, order, drop = FALSE]))
}

# Case weights: NULL (all one) or doubles without NA, not negative, not all zero.
check_weights <- function(weights, n) {
  if (is.null(weights)) return(NULL)
  weights <- usual_type(weights)
  if (!is.numeric(weights) || is.factor(weights)) {
    abort("weights", sprintf("`weights` must be numeric, not %s.", describe_value(weights)))
  }
  if (length(weights) != n) {
    abort("shape", sprintf("`weights` has length %d and there are %d rows.", length(weights), n))
  }
  weights <- as.double(weights)
  bad <- which(!is.finite(weights) | weights < 0)
  if (length(bad)) {
    abort("weights", sprintf("`weights` must be finite and not negative; not so in %s (%s).",
                             plural(length(bad), "row"), in_rows(bad)), rows = bad)
  }
  if (n > 0 && all(weights == 0)) abort("weights", "All weights are zero.")
  if (!is.finite(sum(weights))) {
    abort("weights", "The sum of the weights overflows: divide them all by one large number.")
  }
  # A denormal number has few digits, and so have sums of its products.
  if (n > 0 && max(weights) < 1e6 * .Machine$double.xmin) {
    abort("weights", "The weights are too small to be added up: multiply them all by one large number.")
  }
  if (n > 0 && min(weights[weights > 0]) < 1e-12 * max(weights)) {
    warn("weights", paste("The largest weight is more than 1e12 times the smallest:",
                          "the lightest rows have no visible effect."))
  }
  weights
}

# One positive number for each level, in the order of levels; NULL stays NULL.
check_class_weights <- function(class_weights, levels, totals) {
  if (is.null(class_weights)) return(NULL)
  if (identical(class_weights, "balanced")) {
    if (any(totals == 0)) {
      abort("weights", sprintf("class_weights = \"balanced\" needs rows of each class; there are none of %s.",
                               enumerate(levels[totals == 0], quote = "\"")))
    }
    return(stats::setNames(sum(totals) / (length(levels) * totals), levels))
  }
  class_weights <- usual_type(class_weights)
  if (!is.numeric(class_weights) || is.null(names(class_weights))) {
    abort("weights", paste("`class_weights` must be \"balanced\" or a numeric vector named by the",
                           "classes."))
  }
  unknown <- setdiff(names(class_weights), levels)
  lacking <- setdiff(levels, names(class_weights))
  if (length(unknown) || length(lacking) || anyDuplicated(names(class_weights))) {
    abort("weights", sprintf("`class_weights` must name each of the classes %s once; it names %s.",
                             enumerate(levels, 10L), enumerate(names(class_weights), 10L)))
  }
  if (any(!is.finite(class_weights) | class_weights <= 0)) {
    abort("weights", "`class_weights` must be finite and positive.")
  }
  stats::setNames(as.double(class_weights[levels]), levels)
}

# Offsets of the training data: NULL, n numbers (two classes: added to the score of the second
# level) or n x k (added to the score of each level).
check_offset <- function(offset, n, k) {
  if (is.null(offset)) return(NULL)
  offset <- usual_type(offset)
  if (!is.numeric(offset)) {
    abort("offset", sprintf("The offset must be numeric, not %s.", describe_value(offset)))
  }
  if (NROW(offset) != n) {
    abort("shape", sprintf("The offset has %d rows and the data have %d.", NROW(offset), n))
  }
  if (is.matrix(offset) && ncol(offset) == 1L && k == 2L) offset <- drop(offset)
  if (!is.matrix(offset) && k > 2L) {
    abort("offset", sprintf(paste(
      "With %d classes the offset must be a matrix with one column for each class: one number",
      "for all classes changes nothing."), k))
  }
  if (is.matrix(offset) && ncol(offset) != k) {
    abort("shape", sprintf("The offset has %d columns and there are %d classes.", ncol(offset), k))
  }
  if (any(!is.finite(offset))) {
    abort("offset", sprintf("The offset has %s.", plural(sum(!is.finite(offset)),
                                                        "missing or infinite value")))
  }
  storage.mode(offset) <- "double"
  offset
}

# The offset in the score columns of the fit: a vector where there is one score, else n x K.
score_offset <- function(offset, k, coding) {
  if (is.null(offset)) return(NULL)
  if (if (is.matrix(offset)) ncol(offset) != k else k > 2L) {
    abort("offset", sprintf("The offset must have one column for each of the %d classes.", k))
  }
  if (coding == "vector") {
    return(if (is.matrix(offset)) as.double(offset[, 2L] - offset[, 1L]) else as.double(offset))
  }
  if (!is.matrix(offset)) offset <- cbind(0, offset)
  offset <- unname(offset)
  if (coding == "reference") offset <- offset[, -1L, drop = FALSE] - offset[, 1L]
  offset
}
