# Terms as columns, with factors as codes: every term that has a factor keeps the number of its level
# for each row, and a small table says which columns a level stands for. All layouts of a formula are
# made from them. Such an x is a list of class "linclass_codes" that C reads:
#   parts        for each part list(code = 1..levels for each row or NULL, levels, value = numbers or
#                NULL for ones); parts without codes are numeric columns and come first
#   start, column, weight   columns (from 0 on) of level l of all parts, one after another:
#                entries start[l] + 1 to start[l + 1]; weight NULL: all 1
#   dim, dimnames

# The variables of each term, by their positions in the frame, and how model.matrix() codes a factor
# there: 1 by contrasts, 2 in full. Sums too wide for a pattern (frame.R) keep the positions alone.
term_parts <- function(terms) {
  at <- attr(terms, "at")
  if (!is.null(at)) return(lapply(at, function(i) list(at = i, how = 1L)))
  pattern <- attr(terms, "factors")
  if (!length(pattern)) return(list())
  lapply(seq_len(ncol(pattern)), function(term) {
    used <- which(pattern[, term] > 0)
    list(at = unname(used), how = unname(pattern[used, term]))
  })
}

# Without an intercept the first factor is written out in full, as model.matrix() has it.
full_first <- function(parts, categorical) {
  for (term in seq_along(parts)) {
    first <- which(parts[[term]]$at %in% categorical)
    if (length(first)) {
      parts[[term]]$how[first[1L]] <- 2L
      break
    }
  }
  parts
}

is_categorical <- function(value) is.factor(value) || is.logical(value) || is.character(value)

# Positions of the factors among the variables of the terms: neither the response nor offsets.
factor_positions <- function(terms, frame) {
  at <- setdiff(seq_along(attr(terms, "variables"))[-1L] - 1L,
                c(attr(terms, "response"), attr(terms, "offset")))
  at[vapply(frame[at], is_categorical, NA)]
}

# The right-hand side of a frame: list(parts, as term_parts() has them; variables, by position; labels of
# the terms; row_names; plain = the variables themselves, in order, where every term is one of plain numbers, and
# then labels of all columns). contrasts: of each factor, in order.
read_terms <- function(terms, frame, contrasts) {
  parts <- term_parts(terms)
  categorical <- factor_positions(terms, frame)
  if (attr(terms, "intercept") == 0L) parts <- full_first(parts, categorical)
  columns <- unclass(frame)
  model <- list(parts = parts, labels = attr(terms, "term.labels"), row_names = attr(frame, "row.names"))
  if (length(parts) && all(attr(terms, "order") == 1L)) {
    alone <- columns[vapply(parts, function(term) term$at, 1L)]
    if (all(vapply(alone, is_plain_number, NA))) {
      wide <- vapply(alone, NCOL, 1L) != 1L
      labels <- as.list(model$labels)
      labels[wide] <- Map(column_labels, alone[wide], labels[wide])
      model$width <- lengths(labels)
      model$labels <- as.character(unlist(labels))
      return(c(model, list(plain = alone)))
    }
  }
  labels <- variable_labels(attr(terms, "variables"))
  how <- vector("list", length(columns))
  how[categorical] <- contrasts
  used <- unique(unlist(lapply(parts, `[[`, "at")))
  model$variables <- vector("list", length(columns))
  model$variables[used] <- Map(code_variable, columns[used], labels[used], how[used])
  model
}

# The number of the term that each column belongs to.
term_of_columns <- function(model) {
  if (!is.null(model$plain)) return(rep(seq_along(model$plain), model$width))
  if (!length(model$parts)) return(integer())
  columns <- term_sizes(model)$columns
  rep(seq_along(columns), columns)
}

# Numbers that are what they seem: vectors and matrices, those of poly() and splines among them.
is_plain_number <- function(value) {
  is.numeric(value) && length(dim(value)) %in% c(0L, 2L) && all(oldClass(value) %in% plain_classes)
}

plain_classes <- c("AsIs", "poly", "bs", "ns", "basis", "matrix", "array")

# list(labels = names of its columns, and either value and width, numbers and how many columns of them, or code, levels
# and the entries of two tables, `contrast` and `full`).
code_variable <- function(value, label, contrast) {
  if (is.null(contrast)) code_numbers(value, label) else code_factor(value, label, contrast)
}

code_numbers <- function(value, name) {
  list(labels = column_labels(value, name), value = value, width = NCOL(value))
}

column_labels <- function(value, name) {
  width <- NCOL(value)
  if (width == 1L) return(name)
  labels <- if (is.null(colnames(value))) seq_len(width) else colnames(value)
  paste0(name, rep_len(labels, width), recycle0 = TRUE)
}

# Column j of a numeric variable.
number_column <- function(variable, j) {
  as.double(if (variable$width == 1L) variable$value else variable$value[, j])
}

# The product of column at[1] of the first of some numeric variables, column at[2] of the second, ...
numeric_product <- function(variables, at) Reduce(`*`, Map(number_column, variables, at))

# The columns of a term, those of its first variable fastest.
number_columns <- function(variables) {
  widths <- vapply(variables, `[[`, 1L, "width")
  lapply(seq_len(prod(widths)), function(k) numeric_product(variables, arrayInd(k, widths)))
}

cross_labels <- function(labels) Reduce(function(a, b) as.vector(outer(a, b, paste, sep = ":")), labels)

code_factor <- function(value, name, contrast) {
  value <- as_levels(value)
  levels <- levels(value)
  table <- tryCatch(contrast_entries(levels, contrast), error = function(e) {
    abort("formula", sprintf("The contrasts of `%s` cannot be used: %s", name, conditionMessage(e)),
          parent = e)
  })
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

# The entries of a contrast matrix that are not 0, level by level. Treatment contrasts, the usual ones
# of wide factors, are not written out.
contrast_entries <- function(levels, contrast) {
  if (identical(contrast, "contr.treatment")) {
    rest <- seq_len(length(levels) - 1L)
    return(list(labels = levels[-1L], level = rest + 1L, column = rest,
                weight = rep(1, length(rest))))
  }
  matrix <- stats::contrasts(structure(integer(), levels = levels, class = "factor", contrasts = contrast))
  labels <- colnames(matrix)
  at <- which(t(matrix) != 0, arr.ind = TRUE)
  list(labels = if (is.null(labels)) seq_len(ncol(matrix)) else labels, level = unname(at[, 2L]),
       column = unname(at[, 1L]), weight = matrix[at[, 2:1, drop = FALSE]])
}

# One term as list(labels, parts): the columns of a part, counted within the term, are column + 1.
code_term <- function(variables, how, numbers = TRUE) {
  coded <- vapply(variables, is_coded, NA)
  tables <- Map(factor_table, variables[coded], how[coded])
  labels <- vector("list", length(variables))
  labels[coded] <- lapply(tables, `[[`, "labels")
  labels[!coded] <- lapply(variables[!coded], `[[`, "labels")
  widths <- lengths(labels)
  labels <- cross_labels(labels)
  if (!any(coded) && !numbers) return(list(labels = labels, parts = list()))
  numbers <- if (!all(coded)) number_columns(variables[!coded])
  # Columns run through the first variable fastest; a part has all of its factors' columns.
  places <- array(seq_along(labels) - 1L, widths)
  if (length(widths) > 1L) places <- aperm(places, c(which(coded), which(!coded)))
  if (!any(coded)) return(list(labels = labels, parts = number_parts(numbers)))
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

number_parts <- function(numbers) {
  lapply(seq_along(numbers), function(k) {
    list(levels = 1L, value = numbers[[k]], level = 1L, column = k - 1L, weight = 1)
  })
}

is_coded <- function(variable) !is.null(variable$code)

factor_table <- function(variable, how) if (how == 2L) variable$full else variable$contrast

# Two factors as one: levels and columns of the first run fastest, weights are products. Of very many
# pairs of levels only those that occur are levels of the result.
cross_codes <- function(a, b) {
  code <- a$code + as.double(a$levels) * (b$code - 1L)
  pairs <- if (a$levels * as.double(b$levels) <= many_pairs) seq_len(a$levels * b$levels) else
    sort(unique(code))
  left <- entries_of(a, (pairs - 1) %% a$levels + 1)
  right <- entries_of(b, (pairs - 1) %/% a$levels + 1)
  count <- left$count * right$count
  k <- sequence(count) - 1L
  pair <- rep(seq_along(pairs), count)
  one <- left$first[pair] + k %% left$count[pair]
  two <- right$first[pair] + k %/% left$count[pair]
  list(code = if (length(pairs) == a$levels * as.double(b$levels)) as.integer(code) else match(code, pairs),
       levels = length(pairs), width = a$width * b$width, level = pair,
       column = a$column[one] + a$width * (b$column[two] - 1L),
       weight = a$weight[one] * b$weight[two])
}

many_pairs <- 1e5

# Where the entries of some levels stand in a table, which goes level by level.
entries_of <- function(table, levels) {
  counts <- tabulate(table$level, table$levels)
  list(first = (cumsum(c(1L, counts)))[levels], count = counts[levels])
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

# X without its column of ones, from all terms. Without `numbers` the columns of terms without factors are left zero.
code_terms <- function(model, numbers = TRUE) {
  coded <- lapply(model$parts, function(term) code_term(model$variables[term$at], term$how, numbers))
  labels <- lapply(coded, `[[`, "labels")
  before <- cumsum(c(0L, lengths(labels)))
  parts <- unlist(lapply(seq_along(coded), function(term) {
    lapply(coded[[term]]$parts, function(part) {
      part$column <- part$column + before[term]
      part
    })
  }), recursive = FALSE)
  parts <- parts[order(vapply(parts, is_coded, NA))]
  new_codes(parts, length(model$row_names), as.character(unlist(labels)), as.character(model$row_names))
}

new_codes <- function(parts, n, labels, rows) {
  sizes <- vapply(parts, function(part) part$levels, 1L)
  first <- cumsum(c(0L, sizes))
  level <- as.integer(unlist(Map(function(part, from) part$level + from, parts, first[-length(first)])))
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

# Only entries that are stored count, so that 0 times an infinite number is 0 in every layout.
#' @export
as.matrix.linclass_codes <- function(x, ...) {
  out <- matrix(0, nrow(x), ncol(x), dimnames = dimnames(x))
  x <- unclass(x)
  first <- 0L
  for (part in x$parts) {
    if (is.null(part$code)) {
      first <- first + 1L
      out[, x$column[x$start[first] + 1L] + 1L] <- part$value
      next
    }
    at <- seq_len(x$start[first + part$levels + 1L] - x$start[first + 1L]) + x$start[first + 1L]
    level <- rep(seq_len(part$levels), diff(x$start[first + 0:part$levels + 1L]))
    for (entries in split(seq_along(at), x$column[at])) {
      weight <- double(part$levels)
      weight[level[entries]] <- if (is.null(x$weight)) 1 else x$weight[at[entries]]
      out[, x$column[at[entries[1L]]] + 1L] <- part_column(part, weight)
    }
    first <- first + part$levels
  }
  out
}

# One column of a part: the weight of each row's level, times its number.
part_column <- function(part, weight) {
  column <- weight[part$code]
  if (is.null(part$value)) return(column)
  product <- column * part$value
  product[column %in% 0] <- 0
  product
}

as_sparse <- function(x) {
  entries <- code_entries(x)
  Matrix::drop0(Matrix::sparseMatrix(entries$row, entries$column, x = entries$number,
                                     dims = dim(x), dimnames = dimnames(x)))
}

# The matrix of the fit for who asks: sparse where it would be large.
as_columns <- function(x) {
  if (!inherits(x, "linclass_codes")) return(x)
  if (8 * nrow(x) * ncol(x) <= dense_limit) as.matrix(x) else as_sparse(x)
}
