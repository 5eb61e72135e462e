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
    # A gap of e leaves coefficients sqrt(e) apart.
    fit <- do.call(linclass, c(from_liblinear(X, Y, type = case$type, cost = 0.1, bias = case$bias),
                               list(control = linclass_control(tolerance = 1e-10))))
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
  # e1071 1.7-13: svm(x2, y2, kernel = "linear", cost = 0.1, scale = FALSE, tolerance = 1e-10), signs of the second
  # level.
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
               coef(linclass(x, y, loss = "squared_hinge", alpha = 0, lambda = 0.01, coding = "ovr",
                             standardize = FALSE)),
               tolerance = 1e-8)
  expect_error(linclass_path(x, y, loss = "hinge", coding = "ovr"), class = "linclass_error_penalty")
})

test_that("support vectors and their dual variables are those of libsvm", {
  # e1071 1.7-13 as above, tolerance 1e-12: 55 support vectors, of which all but four have alpha = C.
  free <- c(25L, 63L, 82L, 99L)
  alpha <- c(0.0257909481, 0.00232237032, 0.033754286, 0.0897142918)
  fit <- linclass(x2, y2, loss = "hinge", alpha = 0, standardize = FALSE, lambda = 1 / (100 * 0.1))
  found <- support(fit)
  expect_equal(found$cost, 0.1)
  mine <- found$cost * found$vectors$dual
  expect_length(mine, 55L)
  expect_lt(max(abs(mine[match(free, found$vectors$row)] - alpha)), 1e-7)
  expect_equal(mine[!found$vectors$row %in% free], rep(0.1, 51))
  # The slopes are the sum over rows of alpha, the sign and x.
  s <- ifelse(found$vectors$class == "virginica", 1, -1)
  expect_equal(colSums(mine * s * x2[found$vectors$row, ]), coef(fit)[-1], tolerance = 1e-7)
})

test_that("dual variables meet the optimality conditions, whatever the loss, coding and penalty", {
  w <- rep(1:3, 50)
  X <- cbind(1, x)
  unit <- apply(x, 2, function(v) sqrt(cov.wt(matrix(v), w, method = "ML")$cov))
  cases <- expand.grid(loss = c("hinge", "crammer_singer", "squared_hinge", "huber_hinge"),
                       coding = c("symmetric", "ovr"), alpha = c(0, 0.5), stringsAsFactors = FALSE)
  for (i in seq_len(nrow(cases))) {
    case <- cases[i, ]
    fit <- linclass(x, y, loss = case$loss, lambda = 0.02, alpha = case$alpha, coding = case$coding, weights = w)
    found <- support(fit)
    info <- paste(case, collapse = " ")
    expect_lt(found$violation, 1e-5, label = info)
    # By hand: derivatives of the loss by scores from the dual variables, then the gradient.
    rows <- found$vectors$row
    own <- cbind(seq_along(rows), as.integer(y)[rows])
    r <- found$dual
    if (case$coding == "ovr") r[own] <- -r[own] else r[own] <- -rowSums(r)
    g <- t(r * w[rows]) %*% X[rows, ] / sum(w)
    b <- coef(fit)
    pull <- 0.02 * ((1 - case$alpha) * sweep(b[, -1], 2, unit^2, `*`) + case$alpha * sweep(sign(b[, -1]), 2, unit, `*`))
    holds <- cbind(TRUE, b[, -1] != 0 | case$alpha == 0)
    expect_lt(max(abs((g + cbind(0, pull))[holds])), 1e-5, label = info)
    if (case$loss %in% c("hinge", "crammer_singer")) expect_true(all(found$dual >= 0 & found$dual <= 1), info = info)
    if (case$loss == "crammer_singer" && case$coding != "ovr") expect_true(all(found$vectors$dual <= 1 + 1e-9))
  }
})

test_that("margins and distances are geometry", {
  two_kinds <- droplevels(iris[51:150, ])
  fit <- linclass(Species ~ Petal.Length + Petal.Width, two_kinds, loss = "hinge", alpha = 0, lambda = 0.01)
  found <- support(fit)
  w <- coef(fit)
  z <- as.vector(cbind(1, as.matrix(iris[51:150, 3:4])) %*% w) * rep(c(-1, 1), each = 50)
  expect_equal(found$geometric, 1 / sqrt(sum(w[-1]^2)))
  expect_equal(found$vectors$row, which(z <= 1.001))
  expect_equal(found$vectors$margin, z[z <= 1.001])
  expect_equal(found$vectors$distance, z[z <= 1.001] / sqrt(sum(w[-1]^2)))
  expect_equal(unname(found$number), as.vector(table(droplevels(iris$Species[51:150])[z <= 1.001])))
  expect_equal(as.vector(table(found$vectors$where)), c(sum(abs(z - 1) <= 1e-3), sum(z > 0 & z < 0.999), sum(z <= 0)))
  # Three classes: the boundary of each pair.
  three <- linclass(x, y, loss = "crammer_singer", alpha = 0, lambda = 0.01)
  W <- coef(three)[, -1]
  expect_equal(support(three)$geometric["setosa", "virginica"], 1 / sqrt(sum((W[1, ] - W[3, ])^2)))
  expect_output(print(found), "Support vectors")
  expect_error(support(linclass(y2 ~ x2)), class = "linclass_error_argument")
  expect_error(support(1), class = "linclass_error_argument")
})

test_that("without a penalty on separable rows the margin is that of the widest strip", {
  # Closed form: two points apart, the strip lies between them.
  points <- rbind(c(0, 0), c(-1, 0.5), c(3, 4), c(5, 4))
  fit <- linclass(points, factor(c("a", "a", "b", "b")), loss = "hinge", lambda = 1e-5, alpha = 0, standardize = FALSE)
  expect_equal(support(fit)$geometric, 2.5, tolerance = 1e-5)
})

test_that("the picture of regions has the margin and marks support vectors", {
  fit <- linclass(am ~ wt + hp, mtcars, loss = "hinge", lambda = 0.05, alpha = 0)
  page <- drawn(plot(fit, "boundary"))
  expect_good_page(page)
  expect_true("support" %in% trimws(page$text))
  expect_equal(page$value$margin, unname(residuals(fit, type = "margin")))
  # Points of the grid on the dashed line lead by 1.
  grid <- boundary_grid(fit, boundary_data(fit))
  z <- predict(fit, data.frame(wt = grid$x[7], hp = grid$y[11]), type = "link")
  expect_equal(matrix(grid$lead, 240)[7, 11], abs(unname(z)))
})
