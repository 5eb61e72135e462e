# A layout of the data (dense, sparse, codes, equal rows joined, more columns than rows, a basis of the columns) never
# changes a result. The limits at which layouts are chosen are forced down, so that small data reach each of them.

layout_limit <- function(bytes) utils::assignInNamespace("small_dense", bytes, "linclass")

# One data set for each way that a formula can be laid out. `repeats`: rows are few patterns, which codes join.
set.seed(22)
layout_rows <- function(n, repeats) {
  data <- data.frame(f = factor(sample(letters[1:4], n, TRUE)), g = factor(sample(c("u", "v", "w"), n, TRUE)),
                     x = sample(3, n, TRUE))
  if (!repeats) data$x <- rnorm(n)
  score <- cbind(0, as.integer(data$f) / 4 - 1 + 0.3 * data$x, 1 - as.integer(data$g) / 2 + 0.2 * data$x)
  data$three <- factor(letters[max.col(score + matrix(2 * rnorm(3 * n), n))])
  data$two <- factor(ifelse(score[, 2] + rlogis(n) > 0.4, "yes", "no"))
  data$w <- sample(c(0.5, 1, 2), n, TRUE)
  data$o <- sample(c(-0.3, 0, 0.4), n, TRUE)
  data$o3 <- cbind(0, data$o, -data$o)
  data$fold <- sample(4, n, TRUE)
  data
}
layout_data <- list(joined = layout_rows(400, TRUE), distinct = layout_rows(200, FALSE))

# The same data as codes by formula, and as dense and sparse matrices.
layout_call <- function(fun, layout, data, response, args) {
  arguments <- args
  for (name in intersect(c("weights", "offset", "foldid"), names(args))) arguments[[name]] <- as.name(args[[name]])
  if (layout == "coded") {
    on.exit(layout_limit(1e6))
    layout_limit(0)
    call <- as.call(c(list(fun, stats::reformulate("f * g + x", response)), quote(data), arguments))
    return(eval(call, list(data = data), environment()))
  }
  X <- model.matrix(~ f * g + x, data)[, -1L]
  for (name in intersect(c("weights", "offset", "foldid"), names(args))) arguments[[name]] <- data[[args[[name]]]]
  if (layout == "sparse") X <- methods::as(X, "CsparseMatrix")
  do.call(as.character(fun), c(list(X, data[[response]]), arguments))
}

# The rows of the data as predict() takes them, and as fitted() and residuals() do.
layout_x <- function(layout, data) {
  X <- model.matrix(~ f * g + x, data)[, -1L]
  switch(layout, coded = data, sparse = methods::as(X, "CsparseMatrix"), X)
}

layout_training <- function(layout, data, response, args) {
  if (layout == "coded") return(data)
  list(x = layout_x(layout, data), y = data[[response]], weights = if (!is.null(args$weights)) data[[args$weights]],
       offset = if (!is.null(args$offset)) data[[args$offset]])
}

layout_losses <- list(list("logistic", "two"), list("softmax", "three"), list("squared_hinge", "three"),
                      list("hinge", "two"))

layout_penalties <- list(
  none = list(lambda = 0), ridge = list(lambda = 0.05, alpha = 0), lasso = list(lambda = 0.01),
  net = list(lambda = 0.02, alpha = 0.5, weights = "w"), offset = list(lambda = 0.05, alpha = 0, offset = "o"),
  bounds = list(lambda = 0.02, alpha = 0.5, lower = -0.4, upper = 0.6),
  grouped = list(lambda = 0.01, grouped = TRUE))

# Mini-batches end with their budget; what finishes them works on joined rows.
layout_solvers <- function(rows, loss, name) {
  penalty <- layout_penalties[[name]]
  if (rows != "joined" || loss == "hinge" || !name %in% c("none", "ridge", "lasso")) return(list("auto"))
  l1 <- penalty$lambda > 0 && !identical(penalty$alpha, 0)
  c(list("auto", "coordinate"),
    if (!l1) list("newton", "lbfgs", "gradient_descent", solver("minibatch", epochs = 2, finish = 1)))
}

# What remains beside a tight tolerance is rounding; a smoothed kink ends at about 1e-6 of its objective.
layout_tolerance <- function(loss) if (loss == "hinge") 1e-6 else 1e-12
layout_close <- function(loss) if (loss == "hinge") 5e-3 else 5e-6

layout_skips <- function(loss, name, response) {
  if (response == "two" && name == "grouped") return(TRUE) # one score column has no groups
  loss == "hinge" && name %in% c("none", "bounds") # not unique
}

# The largest difference from the first layout, in units of the largest value; NaN fails.
expect_same <- function(value, layouts, tolerance, info) {
  first <- c(value(layouts[1L]))
  for (layout in layouts[-1L]) {
    miss <- max(abs(c(value(layout)) - first)) / max(1, abs(first))
    expect(miss <= tolerance, paste(layout, info, "differs by", format(miss)))
  }
}

# Kept scores of several classes are known up to a number that is added to all.
centred <- function(scores) {
  if (dim(scores)[2L] == 1L) scores else sweep(scores, c(1L, 3L, 4L), apply(scores, c(1L, 3L, 4L), mean))
}

layouts <- c("dense", "coded", "sparse")
names(layouts) <- layouts

test_that("a fit, its predictions and its residuals do not depend on the layout", {
  for (rows in names(layout_data)) for (case in layout_losses) for (name in names(layout_penalties)) {
    data <- layout_data[[rows]]
    loss <- case[[1L]]
    penalty <- layout_penalties[[name]]
    if (layout_skips(loss, name, case[[2L]])) next
    if (name == "offset" && case[[2L]] == "three") penalty$offset <- "o3"
    for (method in layout_solvers(rows, loss, name)) {
      loose <- if (identical(method, "gradient_descent")) 1e-8 else 0 # its steps are many
      args <- c(list(loss = loss, solver = method, control = list(tolerance = layout_tolerance(loss) + loose)), penalty)
      fits <- suppressWarnings(lapply(layouts, function(layout) {
        set.seed(1)
        layout_call(quote(linclass), layout, data, case[[2L]], args)
      }))
      close <- layout_close(loss) + 1e6 * loose
      info <- paste(rows, loss, name, format(method)[1L])
      expect_same(function(l) fits[[l]]$objective, layouts, max(1e-8, layout_tolerance(loss)), info)
      expect_same(function(l) {
        c(predict(fits[[l]], layout_x(l, data), type = "link",
                  offset = if (name == "offset") data[[penalty$offset]]))
      }, layouts, close, info)
      if (!identical(method, "auto")) next
      expect_same(function(l) {
        c(fitted(fits[[l]], type = "link", data = layout_training(l, data, case[[2L]], args)))
      }, layouts, close, info)
      expect_same(function(l) {
        c(residuals(fits[[l]], data = layout_training(l, data, case[[2L]], args)))
      }, layouts, close, info)
    }
  }
})

test_that("a path and a cross-validation do not depend on the layout", {
  penalties <- list(lasso = list(), ridge = list(alpha = 0), net = list(alpha = 0.5, weights = "w"),
                    offset = list(alpha = 0, offset = "o"), grouped = list(grouped = TRUE),
                    bounds = list(lower = -0.4, upper = 0.6))
  for (case in layout_losses) for (name in names(penalties)) {
    data <- layout_data$joined
    loss <- case[[1L]]
    if (layout_skips(loss, name, case[[2L]])) next
    if (name == "offset" && case[[2L]] == "three") penalties[[name]]$offset <- "o3"
    if (name == "offset" && case[[2L]] == "two") penalties[[name]]$offset <- "o"
    probability <- loss %in% c("logistic", "softmax")
    for (method in if (name == "ridge" && loss != "hinge") c("auto", "lbfgs") else "auto") {
      args <- c(list(loss = loss, lambda = c(0.1, 0.02, if (loss != "hinge") 0), foldid = "fold", keep = TRUE,
                     metric = c("deviance", "error", "auc", if (probability) "brier"), solver = method,
                     control = list(tolerance = layout_tolerance(loss))), penalties[[name]])
      cvs <- suppressWarnings(lapply(layouts, function(layout) {
        layout_call(quote(linclass_cv), layout, data, case[[2L]], args)
      }))
      info <- paste(loss, name, method)
      expect_same(function(l) centred(cvs[[l]]$scores), layouts, layout_close(loss), info)
      expect_same(function(l) as.matrix(cvs[[l]]$metrics[c("mean", "se")]), layouts, 1e-2, info)
      if (loss != "hinge") {
        smooth <- cvs$dense$metrics$metric %in% c("deviance", "brier")
        expect_same(function(l) as.matrix(cvs[[l]]$metrics[smooth, c("mean", "se")]), layouts, 1e-6, info)
      }
      expect_same(function(l) cvs[[l]]$path$points$objective, layouts, max(1e-8, layout_tolerance(loss)), info)
    }
  }
})
