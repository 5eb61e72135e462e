# Margin losses as users of support vector machines want them: LIBLINEAR's models, one class against the rest,
# Crammer and Singer, support vectors.

x <- scale(as.matrix(iris[1:4]))
y <- iris$Species
two <- y != "setosa"
x2 <- x[two, ]
y2 <- droplevels(y[two])

# What LiblineaR says, as coefficients with the bias first, rows in the order of the levels.
liblinear_says <- function(x, y, ...) {
  m <- LiblineaR::LiblineaR(x, y, epsilon = 1e-8, ...)
  W <- m$W[, c(ncol(m$W), seq_len(ncol(m$W) - 1L)), drop = FALSE]
  if (nrow(W) == 1L) return(if (m$ClassNames[1L] == levels(y)[2L]) W[1L, ] else -W[1L, ])
  rownames(W) <- m$ClassNames
  W <- W[levels(y), ]
  if (nrow(W) == 2L) W[2L, ] - W[1L, ] else W
}

test_that("from_liblinear() gives LIBLINEAR's models", {
  skip_if_not_installed("LiblineaR")
  cases <- rbind(data.frame(type = 1:5, classes = 3, bias = 1), data.frame(type = 0:7, classes = 2, bias = 1),
                 data.frame(type = c(2, 4), classes = 3, bias = 10))
  for (i in seq_len(nrow(cases))) {
    case <- cases[i, ]
    X <- if (case$classes == 3) x else x2
    Y <- if (case$classes == 3) y else y2
    fit <- do.call(linclass, from_liblinear(X, Y, type = case$type, cost = 0.1, bias = case$bias))
    W <- liblinear_says(X, Y, type = case$type, cost = 0.1, bias = case$bias)
    expect_lt(max(abs(coef(fit) - W)), 1e-6)
    expect_true(fit$certificate$met)
  }
  weights <- c(versicolor = 3, virginica = 0.5)
  fit <- do.call(linclass, from_liblinear(x2, y2, type = 2, cost = 0.1, class_weights = weights))
  expect_lt(max(abs(coef(fit) - liblinear_says(x2, y2, type = 2, cost = 0.1, bias = 1, wi = weights))), 1e-6)
  weights <- c(setosa = 1, versicolor = 3, virginica = 0.5)
  fit <- do.call(linclass, from_liblinear(x, y, type = 4, cost = 0.1, class_weights = weights))
  expect_lt(max(abs(coef(fit) - liblinear_says(x, y, type = 4, cost = 0.1, bias = 1, wi = weights))), 1e-6)
  sparse <- do.call(linclass, from_liblinear(as(x2, "CsparseMatrix"), y2, type = 3, cost = 0.1))
  expect_lt(max(abs(coef(sparse) - liblinear_says(x2, y2, type = 3, cost = 0.1, bias = 1))), 1e-6)
})

test_that("from_liblinear() refuses what it cannot repeat", {
  expect_error(from_liblinear(x, y, type = 8), class = "linclass_error_argument")
  expect_error(from_liblinear(x, y, type = 0), class = "linclass_error_loss")
  expect_error(from_liblinear(x, y, cost = 0), class = "linclass_error_argument")
  expect_error(from_liblinear(x, y[-1]), class = "linclass_error_shape")
  weights <- c(setosa = 1, versicolor = 3, virginica = 0.5)
  expect_error(from_liblinear(x, y, class_weights = weights), class = "linclass_error_argument")
  none <- from_liblinear(unname(x2), y2, bias = 0)
  expect_equal(dim(none$x), dim(x2))
  expect_null(none$coding)
})

test_that("the free intercept is that of libsvm", {
  # e1071 1.7-13: svm(x2, y2, kernel = "linear", cost = 0.1, scale = FALSE, tolerance = 1e-10), signs of the second level.
  libsvm <- c(-1.61311541, 0.08890295, -0.23982529, 0.96434502, 1.29251050)
  fit <- linclass(x2, y2, loss = "hinge", alpha = 0, standardize = FALSE, lambda = 1 / (100 * 0.1))
  expect_lt(max(abs(coef(fit) - libsvm)), 1e-6)
})

test_that("the hinge of Crammer and Singer has its optimum", {
  # Raw iris, C = 1, no intercept: an upper bound from LIBLINEAR, and a lower bound by the gap (margins of all pairs).
  fit <- linclass(as.matrix(iris[1:4]), y, loss = "crammer_singer", alpha = 0, lambda = 1 / 150, standardize = FALSE,
                  intercept = FALSE)
  expect_lt(abs(150 * fit$objective - 22.4500580449), 1e-7)
  expect_true(fit$certificate$met)
  # Its definition, and two classes are the hinge.
  z <- predict(fit, type = "link")
  own <- z[cbind(1:150, as.integer(y))]
  raised <- z + 1
  raised[cbind(1:150, as.integer(y))] <- own
  expect_equal(fit$loss_value, mean(apply(raised, 1, max) - own))
  a <- linclass(x2, y2, loss = "crammer_singer", alpha = 0, lambda = 0.1)
  b <- linclass(x2, y2, loss = "hinge", alpha = 0, lambda = 0.1)
  expect_equal(coef(a), coef(b), tolerance = 1e-6)
})

test_that("losses with penalties, offsets and weights have a gap that holds", {
  set.seed(7)
  offset <- matrix(rnorm(450) / 3, 150)
  w <- rep(1:3, 50)
  for (loss in c("crammer_singer", "huber_hinge")) {
    for (alpha in c(0, 0.5, 1)) {
      fit <- linclass(x, y, loss = loss, lambda = 0.02, alpha = alpha, weights = w, offset = offset)
      expect_equal(fit$certificate$kind, "duality_gap")
      expect_true(fit$certificate$met)
      # No point near it is below the bound.
      W <- coef(fit)
      bound <- fit$objective - fit$certificate$gap
      unit <- apply(x, 2, function(v) sqrt(cov.wt(matrix(v), w, method = "ML")$cov))
      for (i in 1:50) {
        V <- W + matrix(rnorm(15), 3) * 10^runif(1, -6, 0)
        loss_there <- loss_value(V, x, y, loss, weights = w, offset = offset)
        slopes <- sweep(V[, -1], 2, unit, `*`)
        there <- loss_there + 0.02 * sum((1 - alpha) / 2 * slopes^2 + alpha * abs(slopes))
        expect_gte(there, bound)
      }
    }
  }
})

test_that("one against the rest is a fit of each class", {
  for (loss in c("hinge", "squared_hinge", "huber_hinge")) {
    offset <- matrix(rnorm(450) / 3, 150)
    fit <- linclass(x, y, loss = loss, alpha = 0.3, lambda = 0.01, offset = offset, coding = "ovr")
    each <- lapply(1:3, function(c) {
      linclass(x, y == levels(y)[c], loss = loss, alpha = 0.3, lambda = 0.01, offset = offset[, c])
    })
    expect_equal(coef(fit), t(vapply(each, coef, double(5))), tolerance = 1e-12, ignore_attr = TRUE)
    expect_equal(fit$objective, sum(vapply(each, objective, 1)), tolerance = 1e-14)
    expect_equal(fit$certificate$gap, sum(vapply(each, function(f) f$certificate$gap, 1)), tolerance = 1e-12)
    expect_true(fit$certificate$met)
    expect_equal(dimnames(coef(fit)), list(levels(y), c("(Intercept)", colnames(x))))
    z <- predict(fit, x, type = "link", offset = offset)
    expect_equal(predict(fit, x, offset = offset), factor(levels(y)[max.col(z)], levels(y)))
    expect_error(coef(fit, coding = "reference"), class = "linclass_error_coding")
  }
  expect_equal(coef(linclass(x2, y2, loss = "hinge", alpha = 0, lambda = 0.1, coding = "ovr")),
               coef(linclass(x2, y2, loss = "hinge", alpha = 0, lambda = 0.1)))
  expect_error(linclass(x, y, loss = "softmax", coding = "ovr"), class = "linclass_error_coding")
  expect_error(linclass(x, y, loss = "crammer_singer", lambda = 0.1, coding = "ovr", grouped = TRUE),
               class = "linclass_error_coding")
})

test_that("paths and cross-validations go against the rest", {
  lambda <- 10^(-1:-3)
  folds <- rep(1:5, 30)
  cv <- linclass_cv(x, y, loss = "squared_hinge", alpha = 0, lambda = lambda, coding = "ovr", foldid = folds,
                    metric = c("deviance", "error"), standardize = FALSE, keep = TRUE)
  one <- linclass(x[folds != 2, ], y[folds != 2], loss = "squared_hinge", alpha = 0, lambda = 0.01, coding = "ovr",
                  standardize = FALSE)
  z <- predict(one, x[folds == 2, ], type = "link")
  expect_equal(unname(z), unname(cv$scores[folds == 2, , 2, 1]), tolerance = 1e-8)
  s <- 2 * (outer(as.integer(y[folds == 2]), 1:3, `==`)) - 1
  expect_equal(cv$fold_values$deviance[2, 2], mean(rowSums(pmax(1 - s * z, 0)^2)), tolerance = 1e-8)
  expect_equal(coef(cv$path, s = 0.01, format = "dense"),
               coef(linclass(x, y, loss = "squared_hinge", alpha = 0, lambda = 0.01, coding = "ovr", standardize = FALSE)),
               tolerance = 1e-8)
  expect_error(linclass_path(x, y, loss = "hinge", coding = "ovr"), class = "linclass_error_penalty")
})
