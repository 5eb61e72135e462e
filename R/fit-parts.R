# What each part of a fit or path must be. An object may come from a file that anybody wrote, or have been trimmed or
# edited: methods look here first, so that a foreign part is an error that names it and never reaches C.

# says: "must be ..."; holds: whether a value is that, given the object; optional: NULL, or no such part, will do;
# always: predictions need it. The others may have been trimmed where they are not asked for.
part <- function(says, holds, optional = FALSE, always = FALSE) {
  list(says = says, holds = holds, optional = optional, always = always)
}

# Plain vectors of a type, without a class and without holes.
is_text <- function(v, n = length(v)) is.character(v) && !is.object(v) && length(v) == n && !anyNA(v)
# NA may be a level of a factor (addNA()).
are_levels <- function(v) is.character(v) && !is.object(v) && !anyDuplicated(v)
is_switch <- function(v) is.logical(v) && length(v) == 1L && !is.na(v)
is_numbers <- function(v, n = length(v)) is.numeric(v) && !is.object(v) && is.null(dim(v)) && length(v) == n
is_size <- function(v) is_numbers(v, 1L) && is.finite(v) && v >= 0
is_plain_list <- function(v) is.list(v) && !is.object(v)
is_frame_of_numbers <- function(v, columns = character()) {
  is.data.frame(v) && all(vapply(v, function(c) is.numeric(c) || is.logical(c), NA)) && all(columns %in% names(v))
}
is_terms <- function(v) inherits(v, "terms") && is.call(v) && is.call(attr(v, "variables"))

size <- part("one number of at least 0", function(v, object) is_size(v))
number <- part("one number", function(v, object) is_numbers(v, 1L))
text <- part("one string", function(v, object) is_text(v, 1L))
flag <- part("TRUE or FALSE", function(v, object) is_switch(v))
one_of <- function(..., always = FALSE) {
  part(paste("one of", enumerate(c(...), 20L, "\"")), function(v, object) is_text(v, 1L) && v %in% c(...),
       always = always)
}
optional <- function(part) replace(part, "optional", TRUE)
needed <- function(part) replace(part, "always", TRUE)
texts <- part("strings", function(v, object) is_text(v))

own_call <- part("a call of a named function", function(v, object) is.call(v) && is.name(v[[1L]]))

blueprint_parts <- list(
  kind = text, names = optional(texts), intercept = flag, named = flag, offset = text,
  kinds = optional(texts), offset_variables = optional(texts),
  xlevels = optional(part("a list of levels", function(v, object) is.list(v) && all(vapply(v, are_levels, NA)))),
  contrasts = optional(part("a list with a name for each factor", function(v, object) {
    is_plain_list(v) && length(v) >= length(object$xlevels)
  })),
  offset_call = optional(part("an expression", function(v, object) is.language(v))))
formula_parts <- list(terms = part("terms", function(v, object) is_terms(v)), variables = texts, layout = text)

is_blueprint <- function(v, object) {
  if (!is.list(v)) return(FALSE)
  is.null(faulty_part(v, c(blueprint_parts, if (identical(v$kind, "formula")) formula_parts), TRUE)) &&
    length(v$kinds) %in% c(0L, length(v$variables))
}

counted_parts <- list(rows = size, deviance = number, log_lik = number)

certificate_parts <- list(
  kind = one_of("duality_gap", "newton_decrement", "gradient", "mistakes", "sampled_decrement"),
  gap = number, relative = number, kkt = number, tolerance = number,
  met = part("TRUE, FALSE or NA", function(v, object) is.logical(v) && length(v) == 1L))

separation_parts <- list(
  kind = one_of("none", "complete", "quasi"), columns = optional(texts), classes = texts, proved = optional(flag))

# A list whose own parts are in a table.
nested <- function(says, parts) part(says, function(v, object) is.list(v) && is.null(faulty_part(v, parts, TRUE)))

# What a fit keeps of its data; what is in it is looked at as new data are.
are_rows <- function(v) {
  if (!is.data.frame(v)) return(is.list(v))
  all(vapply(unclass(v), function(c) (is.atomic(c) || is.data.frame(c)) && NROW(c) == nrow(v), NA))
}

# The names of the rows that coefficients have, as a matrix.
coefficient_rows <- function(object) {
  switch(object$coding, vector = object$levels[2L], reference = object$levels[-1L], object$levels)
}

are_coefficients <- function(v, object) {
  terms <- term_names(object$blueprint)
  own <- if (object$coding == "vector") identical(as.character(names(v)), terms) && is.null(dim(v)) else
    identical(dimnames(v), list(coefficient_rows(object), if (length(terms)) terms))
  is.numeric(v) && !is.object(v) && own && !any(is.nan(v))
}

# A path has a sparse matrix of terms x lambdas for each row of coefficients.
are_path_coefficients <- function(v, object) {
  shape <- c(length(term_names(object$blueprint)), length(object$lambda))
  holds <- function(w) {
    inherits(w, "dgCMatrix") && isTRUE(methods::validObject(w, test = TRUE)) && identical(w@Dim, shape) && !anyNA(w@x)
  }
  is.list(v) && identical(names(v), coefficient_rows(object)) && all(vapply(v, holds, NA))
}

# In an order in which each may rely on those before it.
model_parts <- list(
  loss = needed(part("the name of a loss", function(v, object) is_text(v, 1L) && v %in% loss_table()$name)),
  levels = needed(part("at least two different strings", function(v, object) {
    is_text(v) && length(v) >= 2L && !anyDuplicated(v)
  })),
  k = needed(part("the number of levels", function(v, object) is_numbers(v, 1L) && v %in% length(object$levels))),
  coding = one_of("vector", "reference", "symmetric", "ovr", always = TRUE),
  intercept = needed(flag),
  blueprint = needed(part("the description of the columns", is_blueprint)))

extent_parts <- list(
  alpha = number, standardize = flag, grouped = flag, n = size, nobs = size, p = size, has_weights = flag,
  class_totals = part("a number for each class", function(v, object) is_numbers(v, object$k)),
  status = text, status_text = text, converged = flag, solver = text, reason = text, null_loss = number,
  penalty_factor = part("finite numbers", function(v, object) is_numbers(v) && all(is.finite(v))),
  counted = optional(nested("the sizes of counts", counted_parts)),
  call = optional(own_call),
  terms = optional(part("terms", function(v, object) is_terms(v))),
  lower = optional(part("numbers", function(v, object) is_numbers(v))),
  upper = optional(part("numbers", function(v, object) is_numbers(v))),
  class_weights = optional(part("numbers", function(v, object) is_numbers(v))),
  home = optional(part("a list", function(v, object) is_plain_list(v))))

fit_parts <- c(model_parts, list(
  coefficients = needed(part("numbers, named by terms and classes", are_coefficients))), extent_parts, list(
  lambda = size, objective = number, loss_value = number, deviance = number,
  bias_reduction = optional(text), jeffreys = optional(number), held = optional(size), # younger than version 0.1.0
  iterations = size, passes = size, mistakes = number, condition = number, aliased = optional(texts),
  certificate = nested("a certificate", certificate_parts),
  separation = optional(nested("a separation", separation_parts)),
  history = optional(part("a data frame of numbers", function(v, object) {
    is_frame_of_numbers(v, c("iteration", "epoch", "objective", "gradient_norm", "step", "seconds"))
  })),
  vcov = optional(part("a square matrix of numbers, one row for each coefficient", function(v, object) {
    is.numeric(v) && is.matrix(v) && all(dim(v) == sum(!is.na(object$coefficients)))
  })),
  model = optional(part("a list or data frame of rows", function(v, object) are_rows(v)))))

path_parts <- c(model_parts, list(
  lambda = needed(part("numbers of at least 0", function(v, object) {
    is_numbers(v) && length(v) && all(is.finite(v) & v >= 0)
  })),
  coefficients = needed(part("sparse matrices of terms and lambdas", are_path_coefficients))), extent_parts, list(
  lambda_max = number, asked = size, tolerance = number, separated = flag,
  points = part("a data frame of numbers", function(v, object) {
    is_frame_of_numbers(v, point_columns) && nrow(v) == length(object$lambda)
  })))

point_columns <- c("lambda", "nonzero", "loss", "deviance_ratio", "objective", "gap", "relative", "kkt", "met",
                   "iterations", "passes")

cv_parts <- list(
  path = needed(part("a path", function(v, object) {
    inherits(v, "linclass_path") && is.list(v) && is.null(faulty_part(unclass(v), path_parts, TRUE))
  })),
  lambda.min = needed(size), lambda.1se = needed(size), repeats = size,
  call = optional(own_call),
  metrics = part("a data frame of metrics", function(v, object) {
    is.data.frame(v) && is.character(v$metric) && is_frame_of_numbers(v[names(v) != "metric"],
                                                                     c("lambda", "mean", "se", "folds", "nonzero"))
  }),
  best = part("a data frame of metrics", function(v, object) {
    is.data.frame(v) && nrow(v) > 0L && all(v$metric %in% object$metrics$metric) &&
      is_frame_of_numbers(v[names(v) != "metric"], c("larger_is_better", "lambda.min", "lambda.1se"))
  }),
  titles = part("a string for each metric", function(v, object) is_text(v, nrow(object$best))),
  foldid = part("whole numbers for each row", function(v, object) {
    is.numeric(v) && is.matrix(v) && nrow(v) > 0L && ncol(v) == object$repeats
  }),
  fold_values = part("a list", function(v, object) is_plain_list(v)))

# By class.
object_parts <- list(linclass = fit_parts, linclass_path = path_parts, linclass_cv = cv_parts)

# The name of the first part that is not what it must be, NULL if there is none.
faulty_part <- function(object, parts, whole) {
  for (name in names(parts)) {
    row <- parts[[name]]
    value <- .subset2(object, name)
    fits <- if (is.null(value)) row$optional || !(whole || row$always) else row$holds(value, object)
    if (!isTRUE(fits)) return(name)
  }
  NULL
}

# Refuses what is no fit or path of this version. whole: all parts are looked at, not only those that
# predictions need.
check_object <- function(object, whole = FALSE) {
  if (!is.list(object)) abort("version", "The object is not a fit: it holds no parts. Fit again.")
  class <- intersect(class(object), names(object_parts))
  if (!length(class)) abort("version", "The object was not made by linclass(), linclass_path() or linclass_cv().")
  parts <- object_parts[[class[1L]]]
  if (!whole) parts <- parts[vapply(parts, `[[`, NA, "always")]
  name <- faulty_part(unclass(object), parts, whole)
  if (is.null(name)) return(invisible(object))
  fault <- if (is.null(object[[name]])) sprintf("The fit lacks %s", name) else
    sprintf("The `%s` of the fit must be %s and is not", name, parts[[name]]$says)
  abort("version", paste0(fault, ": it was made by another version of linclass, trimmed, or changed. Fit again."))
}
