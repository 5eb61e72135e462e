# Formulas with factors as codes: every term that has a factor keeps the number of its level for each
# row, and a small table says which columns a level stands for. Such an x is a list of class
# "linclass_codes" that C reads:
#   parts        for each part list(code = 1..levels for each row or NULL, levels, value = numbers or
#                NULL for ones); parts without codes are numeric columns and come first
#   start, column, weight   columns (from 0 on) of level l of all parts, one after another:
#                entries start[l] + 1 to start[l + 1]; weight NULL: all 1
#   dim, dimnames

# Can all terms be coded? Variables must be factors or numbers, and contrasts other than treatment
# contrasts, which have a nonzero in every level, those of small factors.
can_code <- function(terms, frame, contrasts) {
  pattern <- attr(terms, "factors")
  good <- vapply(rownames(pattern), function(name) {
    value <- frame[[name]]
    if (!is_categorical(value)) {
      return(!any(pattern[name, ] > 0) || (typeof(value) %in% c("double", "integer") &&
                                            length(dim(value)) <= 2L))
    }
    nlevels(value) <= wide_factor || identical(contrasts[[name]], "contr.treatment")
  }, NA)
  levels <- vapply(frame[rownames(pattern)], function(v) max(2, nlevels(v)), 1)
  all(good) && all(apply(pattern > 0, 2L, function(used) prod(levels[used])) < 2^30)
}

wide_factor <- 200L

# The variables of the right-hand side by name: list(labels = names of its columns, and either
# numbers = list of double columns, or code, levels and the entries of two tables, `contrast` and
# `full`).
code_variables <- function(names, frame, contrasts) {
  lapply(stats::setNames(nm = names), function(name) {
    value <- frame[[name]]
    if (is_categorical(value)) return(code_factor(value, name, contrasts[[name]]))
    width <- NCOL(value)
    labels <- if (is.null(colnames(value))) seq_len(width) else colnames(value)
    list(labels = if (width > 1L) paste0(name, labels) else name,
         numbers = if (width == 1L) list(as.double(value)) else
           lapply(seq_len(width), function(j) as.double(value[, j])))
  })
}

is_categorical <- function(value) is.factor(value) || is.logical(value) || is.character(value)

code_factor <- function(value, name, contrast) {
  value <- as_levels(value)
  levels <- levels(value)
  table <- contrast_entries(value, contrast)
  table$labels <- paste0(name, table$labels)
  count <- length(levels)
  full <- list(labels = paste0(name, levels), level = seq_len(count), column = seq_len(count),
               weight = rep(1, count))
  list(code = as.integer(value), levels = count, contrast = table, full = full)
}

as_levels <- function(value) {
  if (is.factor(value)) value else
    factor(value, levels = if (is.logical(value)) c(FALSE, TRUE) else sort(unique(value)))
}

# The entries of a contrast matrix that are not 0. Only treatment contrasts have so few that wide
# factors get here (can_code()); their matrix is not written out.
contrast_entries <- function(value, contrast) {
  count <- nlevels(value)
  if (count > wide_factor) {
    rest <- seq_len(count - 1L)
    return(list(labels = levels(value)[-1L], level = rest + 1L, column = rest,
                weight = rep(1, count - 1L)))
  }
  attr(value, "contrasts") <- contrast
  matrix <- stats::contrasts(value)
  labels <- colnames(matrix)
  at <- which(matrix != 0, arr.ind = TRUE)
  list(labels = if (is.null(labels)) seq_len(ncol(matrix)) else labels, level = unname(at[, 1L]),
       column = unname(at[, 2L]), weight = matrix[at])
}

# Without an intercept the first factor is written out in full, as model.matrix() has it. A pattern
# says of each variable and term: 0 not there, 1 by contrasts, 2 in full.
full_first <- function(pattern, variables) {
  coded <- !vapply(variables, function(v) is.null(v$code), NA)
  first <- which(pattern > 0 & coded, arr.ind = TRUE)
  if (nrow(first)) pattern[first[1L, , drop = FALSE]] <- 2L
  pattern
}

# One term as list(labels, parts): the columns of a part, counted within the term, are column + 1.
code_term <- function(variables, pattern) {
  coded <- !vapply(variables, function(v) is.null(v$code), NA)
  tables <- Map(function(v, how) if (how == 2L) v$full else v$contrast, variables[coded],
                pattern[coded])
  widths <- integer(length(variables))
  widths[coded] <- lengths(lapply(tables, `[[`, "labels"))
  widths[!coded] <- lengths(lapply(variables[!coded], `[[`, "numbers"))
  labels <- vector("list", length(variables))
  labels[coded] <- lapply(tables, `[[`, "labels")
  labels[!coded] <- lapply(variables[!coded], `[[`, "labels")
  labels <- Reduce(function(a, b) as.vector(outer(a, b, paste, sep = ":")), labels)
  numbers <- Reduce(cross_numbers, lapply(variables[!coded], `[[`, "numbers"))
  # Columns run through the first variable fastest; a part has all of its factors' columns.
  places <- aperm(array(seq_along(labels) - 1L, widths), c(which(coded), which(!coded)))
  if (!any(coded)) {
    parts <- lapply(seq_along(numbers), function(k) {
      list(levels = 1L, value = numbers[[k]], level = 1L, column = places[k], weight = 1)
    })
    return(list(labels = labels, parts = parts))
  }
  joint <- Reduce(cross_codes, Map(function(v, table) {
    list(code = v$code, levels = v$levels, width = length(table$labels), level = table$level,
         column = table$column, weight = table$weight)
  }, variables[coded], tables))
  places <- matrix(places, joint$width)
  parts <- lapply(seq_len(ncol(places)), function(k) {
    list(code = joint$code, levels = joint$levels, value = if (length(numbers)) numbers[[k]],
         level = joint$level, column = places[joint$column, k], weight = joint$weight)
  })
  list(labels = labels, parts = lapply(parts, code_missing))
}

cross_numbers <- function(a, b) {
  unlist(lapply(b, function(right) lapply(a, function(left) left * right)), recursive = FALSE)
}

# Two factors as one: levels and columns of the first run fastest, weights are products.
cross_codes <- function(a, b) {
  one <- rep(seq_along(a$level), length(b$level))
  two <- rep(seq_along(b$level), each = length(a$level))
  list(code = a$code + a$levels * (b$code - 1L), levels = a$levels * b$levels,
       width = a$width * b$width, level = a$level[one] + a$levels * (b$level[two] - 1L),
       column = a$column[one] + a$width * (b$column[two] - 1L),
       weight = a$weight[one] * b$weight[two])
}

# A missing level is one level more, which is NA in all columns of the part.
code_missing <- function(part) {
  if (!anyNA(part$code)) return(part)
  part$levels <- part$levels + 1L
  part$code[is.na(part$code)] <- part$levels
  columns <- unique(part$column)
  part$level <- c(part$level, rep(part$levels, length(columns)))
  part$column <- c(part$column, columns)
  part$weight <- c(part$weight, rep(NA_real_, length(columns)))
  part
}

# X without its column of ones, from all terms.
code_terms <- function(terms, frame, contrasts) {
  pattern <- attr(terms, "factors")
  pattern <- pattern[rowSums(pattern) > 0, , drop = FALSE]
  variables <- code_variables(rownames(pattern), frame, contrasts)
  if (attr(terms, "intercept") == 0L) pattern <- full_first(pattern, variables)
  coded <- lapply(seq_len(ncol(pattern)), function(term) {
    used <- pattern[, term] > 0
    code_term(variables[rownames(pattern)[used]], pattern[used, term])
  })
  labels <- lapply(coded, `[[`, "labels")
  before <- cumsum(c(0L, lengths(labels)))
  parts <- unlist(lapply(seq_along(coded), function(term) {
    lapply(coded[[term]]$parts, function(part) {
      part$column <- part$column + before[term]
      part
    })
  }), recursive = FALSE)
  parts <- parts[order(!vapply(parts, function(part) is.null(part$code), NA))]
  new_codes(parts, nrow(frame), unlist(labels), as.character(attr(frame, "row.names")))
}

new_codes <- function(parts, n, labels, rows) {
  sizes <- vapply(parts, function(part) part$levels, 1L)
  first <- cumsum(c(0L, sizes))
  level <- unlist(Map(function(part, from) part$level + from, parts, first[-length(first)]))
  column <- as.integer(unlist(lapply(parts, `[[`, "column")))
  weight <- unlist(lapply(parts, `[[`, "weight"))
  order <- order(level, column)
  structure(class = "linclass_codes", list(
    parts = lapply(parts, function(part) part[intersect(c("code", "levels", "value"), names(part))]),
    start = c(0L, cumsum(tabulate(level, first[length(first)]))), column = column[order],
    weight = if (!all(weight %in% 1)) weight[order], dim = c(n, length(labels)),
    dimnames = list(rows, labels)))
}

# Codes as an ordinary x: its size, names, rows, and the numbers themselves.

#' @export
dim.linclass_codes <- function(x) unclass(x)$dim

#' @export
dimnames.linclass_codes <- function(x) unclass(x)$dimnames

#' @export
`[.linclass_codes` <- function(x, i, j, drop = FALSE) {
  x <- unclass(x)
  if (!missing(i)) {
    x$parts <- lapply(x$parts, function(part) {
      for (vector in intersect(c("code", "value"), names(part))) {
        part[[vector]] <- part[[vector]][i]
      }
      part
    })
    x$dimnames[[1L]] <- x$dimnames[[1L]][i]
    x$dim[1L] <- length(x$dimnames[[1L]])
  }
  if (!missing(j)) x <- keep_columns(x, j)
  x <- structure(x, class = "linclass_codes")
  # Numbers alone are a matrix.
  if (any(vapply(unclass(x)$parts, function(part) !is.null(part$code), NA))) x else as.matrix(x)
}

# Columns that go take their entries in the table of levels along, and parts without columns go with
# them; `j` are numbers in rising order.
keep_columns <- function(x, j) {
  sizes <- vapply(x$parts, function(part) part$levels, 1L)
  level <- rep(seq_len(sum(sizes)), diff(x$start))
  place <- match(x$column, j - 1L)
  kept <- which(!is.na(place))
  part_of_level <- rep(seq_along(sizes), sizes)
  used <- sort(unique(part_of_level[level[kept]]))
  x$parts <- x$parts[used]
  x$start <- c(0L, cumsum(tabulate(level[kept], sum(sizes))[part_of_level %in% used]))
  x$column <- place[kept] - 1L
  if (!is.null(x$weight)) x$weight <- x$weight[kept]
  x$dim[2L] <- length(j)
  x$dimnames[[2L]] <- x$dimnames[[2L]][j]
  x
}

# The entries of X that are stored: row, column, number.
code_entries <- function(x) {
  x <- unclass(x)
  n <- x$dim[1L]
  first <- cumsum(c(0L, vapply(x$parts, function(part) part$levels, 1L)))
  entries <- Map(function(part, before) {
    level <- before + if (is.null(part$code)) rep(1L, n) else part$code
    count <- x$start[level + 1L] - x$start[level]
    at <- sequence(count, x$start[level] + 1L)
    row <- rep(seq_len(n), count)
    list(row = row, column = x$column[at] + 1L,
         number = (if (is.null(x$weight)) 1 else x$weight[at]) *
           if (is.null(part$value)) rep(1, length(at)) else part$value[row])
  }, x$parts, first[-length(first)])
  lapply(stats::setNames(nm = c("row", "column", "number")),
         function(name) unlist(lapply(entries, `[[`, name)))
}

#' @export
as.matrix.linclass_codes <- function(x, ...) {
  entries <- code_entries(x)
  out <- matrix(0, nrow(x), ncol(x), dimnames = dimnames(x))
  out[cbind(entries$row, entries$column)] <- entries$number
  out
}

# The matrix of the fit for who asks: sparse where it would be large.
as_columns <- function(x) {
  if (!inherits(x, "linclass_codes")) return(x)
  if (8 * nrow(x) * ncol(x) <= dense_limit) return(as.matrix(x))
  entries <- code_entries(x)
  Matrix::drop0(Matrix::sparseMatrix(entries$row, entries$column, x = entries$number,
                                     dims = dim(x), dimnames = dimnames(x)))
}
