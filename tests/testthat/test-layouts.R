# A layout of the data (dense, sparse, codes, equal rows joined, more columns than rows, a basis of the columns) never
# changes a result. The limits at which layouts are chosen are forced down, so that small data reach each of them.

layout_limit <- function(bytes) utils::assignInNamespace("small_dense", bytes, "linclass")

# One data set for each way that a formula can be laid out. `repeats`: rows are few patterns, which codes join.
set.seed(20)
layout_rows <- function(n, repeats) {
  data <- data.frame(f = factor(sample(letters[1:6], n, TRUE)), g = factor(sample(c("u", "v", "w"), n, TRUE)),
                     x = sample(3, n, TRUE))
  if (!repeats) data$x <- rnorm(n)
  score <- cbind(0, as.integer(data$f) / 3 - 1 + 0.3 * data$x, 2 - as.integer(data$g) + 0.2 * data$x)
  data$three <- factor(letters[max.col(score + matrix(rnorm(3 * n), n))])
  data$two <- factor(ifelse(score[, 2] + rlogis(n) > 0.4, "yes", "no"))
  data$w <- sample(c(0.5, 1, 2), n, TRUE)
  data$o <- sample(c(-0.3, 0, 0.4), n, TRUE)
  data$fold <- sample(4, n, TRUE)
  data
}
layout_data <- list(joined = layout_rows(300, TRUE), distinct = layout_rows(120, FALSE))

# The same data as codes by formula, and as dense and sparse matrices.
layout_call <- function(fun, layout, data, response, args) {
  arguments <- args
  for (name in intersect(c("weights", "offset", "foldid"), names(args))) arguments[[name]] <- as.name(args[[name]])
  if (layout == "coded") {
    on.exit(layout_limit(1e6))
    layout_limit(0)
    call <- as.call(c(list(fun, stats::reformulate("f * g + x", response)), quote(data), arguments))
    return(eval(call))
  }
  X <- model.matrix(~ f * g + x, data)[, -1L]
  for (name in intersect(c("weights", "offset", "foldid"), names(args))) arguments[[name]] <- data[[args[[name]]]]
  if (layout == "sparse") X <- methods::as(X, "CsparseMatrix")
  do.call(fun, c(list(X, data[[response]]), arguments))
}

layout_new <- function(fit, layout, data) {
  if (layout == "coded") return(data)
  X <- model.matrix(~ f * g + x, data)[, -1L]
  if (layout == "sparse") methods::as(X, "CsparseMatrix") else X
}

layout_solvers <- function(loss, penalty) {
  smooth <- loss != "hinge"
  l1 <- isTRUE(penalty$lambda > 0) && !identical(penalty$alpha, 0)
  c("auto", if (smooth && !l1) c("newton", "lbfgs"), if (smooth) "coordinate")
}

layout_penalties <- list(
  none = list(lambda = 0), ridge = list(lambda = 0.05, alpha = 0), lasso = list(lambda = 0.01),
  net = list(lambda = 0.02, alpha = 0.5, weights = "w"), offset = list(lambda = 0.05, alpha = 0, offset = "o"),
  bounds = list(lambda = 0.02, alpha = 0.5, lower = -0.4, upper = 0.6))

layout_losses <- list(list("logistic", "two"), list("softmax", "three"), list("squared_hinge", "three"),
                      list("hinge", "two"))

# A tight tolerance, so that what is left is a difference of layouts; a smoothed kink ends at about 1e-6.
layout_tight <- function(loss) if (loss == "hinge") 1e-6 else 1e-13
layout_close <- function(loss) if (loss == "hinge") 2e-3 else 2e-6

for (rows in names(layout_data)) for (case in layout_losses) for (name in names(layout_penalties)) {
  data <- layout_data[[rows]]
  loss <- case[[1L]]
  penalty <- layout_penalties[[name]]
  test_that(paste("a fit does not depend on its layout:", rows, loss, name), {
    for (method in layout_solvers(loss, penalty)) {
      args <- c(list(loss = loss, solver = method, control = list(tolerance = layout_tight(loss))), penalty)
      fits <- lapply(c(dense = "dense", coded = "coded", sparse = "sparse"), function(layout) {
        suppressWarnings(layout_call(quote(linclass), layout, data, case[[2L]], args))
      })
      for (layout in c("coded", "sparse")) {
        fit <- fits[[layout]]
        same <- function(value, tolerance = layout_close(loss)) {
          expect_equal(unname(value(layout)), unname(value("dense")), tolerance = tolerance,
                       info = paste(layout, method))
        }
        same(function(l) fits[[l]]$objective, 1e-8 + 20 * layout_tight(loss))
        same(function(l) as.vector(fitted(fits[[l]])))
        same(function(l) as.vector(residuals(fits[[l]])))
        same(function(l) as.vector(predict(fits[[l]], layout_new(fits[[l]], l, data),
                                           type = "link", offset = if (!is.null(penalty$offset)) data$o)))
      }
    }
  })
}
