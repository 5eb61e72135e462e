# The folds of cross-validation: an integer matrix with a row for each row of the fit and a column
# for each repeat.

make_folds <- function(design, folds, foldid, repeats) {
  id <- if (is.null(foldid)) drawn_folds(design, folds, repeats) else given_folds(foldid, design)
  for (r in seq_len(ncol(id))) check_holdout(id[, r], design)
  id
}

drawn_folds <- function(design, folds, repeats) {
  check_rare(tabulate(design$codes + 1L, length(design$levels)), design$levels, folds)
  unit <- fold_units(design)
  class <- design$codes[unit$first]
  if (folds > length(class)) {
    abort("folds", sprintf("There are %d folds and %s.", as.integer(folds),
                           plural(length(class), "row")))
  }
  if (length(class) * repeats > .Machine$integer.max) {
    abort("folds", sprintf("%s repeats of the folds of %s are too many.", format(repeats),
                           plural(length(class), "row")))
  }
  drawn <- vapply(seq_len(repeats), function(r) draw_folds(class, folds), integer(length(class)))
  drawn[unit$of, , drop = FALSE]
}

# The two rows that counts of events and non-events became stay in one fold. list(of = unit of each
# row, first = the heaviest row of each unit, whose class the unit is counted for).
fold_units <- function(design) {
  n <- nrow(design$x)
  if (is.null(design$rows) || !anyDuplicated(design$rows)) {
    return(list(of = seq_len(n), first = seq_len(n)))
  }
  by_weight <- order(design$rows, -design$weights)
  list(of = match(design$rows, unique(design$rows)),
       first = by_weight[!duplicated(design$rows[by_weight])])
}

# Each class in random order, one class after the other, is dealt to the folds like cards: sizes
# differ by at most one, of folds and of each class in them.
draw_folds <- function(class, folds) {
  id <- integer(length(class))
  id[order(class, stats::runif(length(class)))] <- rep_len(sample.int(folds), length(class))
  id
}

check_rare <- function(members, levels, folds) {
  if (any(members < 2L)) {
    abort("folds", sprintf(paste(
      "%s a single row: the fit that leaves it out cannot know the class. Join or drop classes."),
      subject("Class", "Classes", levels[members < 2L], "has", "have each")), levels = levels[members < 2L])
  }
  rare <- members < folds
  if (any(rare)) {
    warn("rare_class", sprintf(
      "%s fewer rows than there are folds: some folds are judged without rows of it.",
      subject("Class", "Classes", levels[rare], "has", "have")), levels = levels[rare])
  }
}

# foldid: a value for each row that was given, or a matrix with a column for each repeat; any values
# that can be told apart.
given_folds <- function(foldid, design) {
  id <- if (is.matrix(foldid)) foldid else matrix(as.vector(foldid))
  if (!is.null(design$rows)) id <- id[design$rows, , drop = FALSE]
  if (anyNA(id)) {
    abort("folds", sprintf("`foldid` has %s.", plural(sum(is.na(id)), "missing value")))
  }
  id <- apply(id, 2L, function(v) match(v, sort(unique(v))))
  count <- apply(id, 2L, max)
  if (any(count < 2L | count != count[1L])) {
    abort("folds", sprintf(paste(
      "`foldid` must have at least two different values, as many in each column; it has %s."),
      enumerate(count, quote = "")))
  }
  id
}

# A formula's frame has seen to the length of foldid already.
check_foldid <- function(foldid, design) {
  if (is.null(foldid)) return(invisible())
  if (!is.atomic(foldid)) {
    abort("folds", sprintf("`foldid` must be a vector or a matrix, not %s.",
                           describe_value(foldid)))
  }
  if (is.null(design$rows) && NROW(foldid) != nrow(design$x)) {
    abort("shape", sprintf("`foldid` has %d rows and the data have %d.", NROW(foldid),
                           nrow(design$x)))
  }
}

check_holdout <- function(id, design) {
  seen <- unique(cbind(design$codes, id))
  lost <- tabulate(seen[, 1L] + 1L, length(design$levels)) < 2L
  if (any(lost)) {
    abort("folds", sprintf(paste(
      "All rows of %s are in one fold: the fit that leaves it out cannot know it."),
      named("class", design$levels[lost], quote = "\"")), levels = design$levels[lost])
  }
}
