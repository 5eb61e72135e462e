# The teaching functions against numbers worked by hand, plain R formulas and central differences.

scores <- rbind(c(5.6, 6.4, -4.6), c(-1.8, 10.2, 3.5), c(2.0, 5.4, -8.6))
colnames(scores) <- c("lion", "tiger", "leopard")
animals <- factor(colnames(scores), levels = colnames(scores))

# n losses from scores (n x k, or n for two classes) and codes 1..k, straight from the definitions.
# A margin loss of violations u; that of Crammer and Singer has the largest in place of the sum.
margin_losses <- list(
  hinge = function(u) pmax(u, 0), squared_hinge = function(u) pmax(u, 0)^2, crammer_singer = function(u) pmax(u, 0),
  huber_hinge = function(u) ifelse(u <= 0, 0, ifelse(u < 1, u^2 / 2, u - 0.5)), perceptron = function(u) pmax(u, 0))

losses_by_hand <- function(z, y, loss) {
  margin <- if (loss == "perceptron") 0 else 1
  if (!is.matrix(z)) {
    s <- 2 * y - 3
    return(if (loss == "logistic") log(1 + exp(-s * z)) else margin_losses[[loss]](margin - s * z))
  }
  own <- z[cbind(seq_along(y), y)]
  if (loss == "softmax") return(log(rowSums(exp(z))) - own)
  parts <- margin_losses[[loss]](z - own + margin)
  parts[cbind(seq_along(y), y)] <- 0
  if (loss == "crammer_singer") apply(parts, 1, max) else rowSums(parts)
}

value_by_hand <- function(W, x, y, loss, lambda = 0, alpha = 1, weights = NULL, offset = 0) {
  rows <- if (is.matrix(W)) W else t(W)
  x <- as.matrix(x)
  slopes <- rows
  if (ncol(rows) > ncol(x)) {
    x <- cbind(1, x)
    slopes <- rows[, -1, drop = FALSE]
  }
  z <- x %*% t(rows) + offset
  if (nrow(rows) == 1) z <- drop(z)
  if (is.null(weights)) weights <- rep(1, nrow(x))
  sum(weights * losses_by_hand(z, y, loss)) / sum(weights) +
    lambda * ((1 - alpha) / 2 * sum(slopes^2) + alpha * sum(abs(slopes)))
}

central <- function(f, W, h = 1e-5) {
  g <- W
  for (i in seq_along(W)) {
    up <- down <- W
    up[i] <- W[i] + h
    down[i] <- W[i] - h
    g[i] <- (f(up) - f(down)) / (2 * h)
  }
  g
}

# Samples with some zeros, so that a sparse matrix has something to leave out.
n <- 15
p <- 3
x_numbers <- matrix(round(sin(7 * seq_len(n * p)) * 3), n, p,
                    dimnames = list(NULL, c("a", "b", "c")))
y_codes <- rep(1:3, length.out = n)
case_weights <- c(2, 0.5, 1, 3, 0, rep(1, n - 5))

# Every loss in every form it has: one row of W for two classes, a row for each class else.
forms <- do.call(rbind, lapply(linclass_losses()$name, function(loss) {
  rows <- switch(loss, logistic = 1, softmax = 2:3, 1:3)
  data.frame(loss = loss, rows = rows)
}))

make_weights <- function(rows, columns) {
  w <- matrix(cos(seq_len(rows * columns)) + 0.05, rows, columns)
  if (rows == 1) drop(w) else w
}

make_classes <- function(rows) if (rows == 3) y_codes else 1L + (y_codes > 1L)

as_given <- function(codes, rows) if (rows == 1) codes - 1 else codes

test_that("the lion, tiger and leopard example comes out", {
  expect_equal(sample_loss(scores, animals, "perceptron"), c(0.8, 0, 24.6))
  expect_equal(sample_loss(scores, animals, "hinge"), c(1.8, 0, 26.6))
  expect_equal(sample_loss(scores, animals, "squared_hinge"), c(3.24, 0, 359.56))
  expect_equal(round(mean(sample_loss(scores, animals, "perceptron")), 4), 8.4667)
  expect_equal(round(mean(sample_loss(scores, animals, "hinge")), 4), 9.4667)
  expect_equal(round(mean(sample_loss(scores, animals, "squared_hinge")), 4), 120.9333)
  expect_equal(round(softmax(scores[1, ]), 6),
               c(lion = 0.310022, tiger = 0.689967, leopard = 0.000012))
  softmax_losses <- sample_loss(scores, animals, "softmax")
  expect_equal(round(softmax_losses, 4), c(1.1711, 0.0012, 14.0328))
  expect_equal(round(mean(softmax_losses), 4), 5.0684)
  W <- rbind(lion = c(0.1, -0.1, 0, 0.5), tiger = c(2.3, 0.8, 1.2, 0.5),
             leopard = c(0, -1, 0.5, 1))
  z <- raw_scores(c(26, 100, 90, 80), W)
  expect_equal(z, matrix(c(32.6, 287.8, 25), 1, dimnames = list(NULL, rownames(W))))
})

test_that("sigmoid and softmax keep shapes and do not overflow", {
  z <- matrix(c(-1e5, -800, -1, 0, 800, 1e5), 2, dimnames = list(c("r", "s"), NULL))
  expect_equal(sigmoid(z), 1 / (1 + exp(-z)))
  expect_identical(dimnames(sigmoid(z)), dimnames(z))
  expect_equal(sigmoid(c(u = 0.3)), c(u = 1 / (1 + exp(-0.3))))
  expect_equal(sigmoid(-740), exp(-740))
  expect_identical(sigmoid(numeric()), numeric())
  expect_equal(softmax(c(1e5, 0, -1e5)), c(1, 0, 0))
  expect_equal(softmax(c(a = 1L, b = 1L)), c(a = 0.5, b = 0.5))
  wide <- scores
  rownames(wide) <- c("x", "y", "z")
  expect_equal(softmax(wide), exp(wide) / rowSums(exp(wide)))
  expect_equal(softmax(scores + 1000), softmax(scores))
  expect_equal(sample_loss(rbind(c(1e5, -1e5)), 2, "softmax"), 2e5)
  expect_equal(sample_loss(c(-1e5, 1e5), c(1, 1), "logistic"), c(1e5, 0))
})

test_that("the softmax Jacobian is diag(p) - p p'", {
  z <- c(a = 0.2, b = -1, c = 0.7)
  prob <- softmax(z)
  J <- softmax_jacobian(z)
  expect_equal(J, diag(prob) - outer(prob, prob), ignore_attr = "dimnames")
  expect_identical(dimnames(J), list(names(z), names(z)))
  for (j in 1:3) {
    h <- replace(numeric(3), j, 1e-6)
    expect_equal(J[, j], (softmax(z + h) - softmax(z - h)) / 2e-6, tolerance = 1e-8)
  }
  # Of a class that is all but sure: p (1 - p) has the digits of what the others have.
  e <- exp(c(-40, -41))
  expect_equal(softmax_jacobian(c(0, -40, -41))[1, 1] / (sum(e) / (1 + sum(e))^2), 1, tolerance = 1e-13)
})

test_that("check_gradient() tells the worst coefficient, wherever it is", {
  # One sample lies on the kink of the hinge: its derivative is 0 to one side and -1/3 to the other.
  for (j in 1:3) {
    w <- replace(rep(5, 3), j, 1)
    expect_equal(check_gradient(w, diag(3), c(1, 1, 1), "hinge"), 1 / 6, tolerance = 1e-6, info = paste(j))
  }
})

test_that("raw_scores() takes the bias apart, first or last", {
  W <- rbind(u = c(1, 2, 3), v = c(-1, 0, 1))
  b <- c(0.5, -2)
  x <- x_numbers
  rownames(x) <- paste0("r", seq_len(n))
  z <- x %*% t(W) + rep(b, each = n)
  expect_equal(raw_scores(x, W, b), z)
  expect_equal(raw_scores(x, cbind(b, W)), z)
  expect_equal(raw_scores(x, cbind(W, b), bias = "last"), z)
  expect_equal(raw_scores(x, W), x %*% t(W))
  expect_equal(raw_scores(Matrix::Matrix(x, sparse = TRUE), W, b), z)
  expect_equal(raw_scores(as.data.frame(x), W, b), z)
  expect_equal(raw_scores(x[2, ], W, b), unname(z)[2, , drop = FALSE], ignore_attr = TRUE)
  expect_equal(raw_scores(x, W[1, ], 0.5), z[, "u"])
  expect_equal(t(W %*% t(x) + b), z)
})

test_that("two-class scores: a vector and a matrix of two columns agree", {
  z <- c(-2, -0.3, 0.4, 3)
  y <- factor(c("no", "yes", "no", "yes"))
  for (loss in c("hinge", "squared_hinge", "perceptron")) {
    expect_equal(sample_loss(z, y, loss), sample_loss(cbind(0, z), y, loss), info = loss)
    expect_equal(sample_loss(z, y, loss), losses_by_hand(z, as.integer(y), loss), info = loss)
  }
  expect_equal(sample_loss(z, y, "logistic"), sample_loss(cbind(no = 0, yes = z), y, "softmax"))
  expect_equal(sample_loss(z, c(FALSE, TRUE, FALSE, TRUE), "logistic"),
               sample_loss(z, y, "logistic"))
  expect_equal(sample_loss(c(5.6, 6.4, -4.6), 1, "softmax"), 1.1711, tolerance = 1e-4)
})

test_that("value and gradient: every loss, penalty, storage, with weights and offset", {
  storages <- list(dense = x_numbers, integer = `storage.mode<-`(x_numbers, "integer"),
                   sparse = Matrix::Matrix(x_numbers, sparse = TRUE),
                   triplet = as(Matrix::Matrix(x_numbers, sparse = TRUE), "TsparseMatrix"),
                   frame = as.data.frame(x_numbers))
  penalties <- list(c(0, 1), c(0.3, 0), c(0.3, 1), c(0.3, 0.4))
  for (i in seq_len(nrow(forms))) for (intercept in 0:1) for (penalty in penalties) {
    loss <- forms$loss[i]
    rows <- forms$rows[i]
    W <- make_weights(rows, p + intercept)
    y <- make_classes(rows)
    offset <- matrix(sin(seq_len(n * rows)) / 2, n, rows)
    if (rows == 1) offset <- drop(offset)
    given <- as_given(y, rows)
    label <- paste(loss, rows, intercept, penalty[1], penalty[2])
    f <- function(W) value_by_hand(W, x_numbers, y, loss, penalty[1], penalty[2], case_weights,
                                   offset)
    for (storage in names(storages)) {
      x <- storages[[storage]]
      expect_equal(loss_value(W, x, given, loss, penalty[1], penalty[2], case_weights, offset),
                   f(W), tolerance = 1e-12, info = paste(label, storage))
      expect_equal(loss_gradient(W, x, given, loss, penalty[1], penalty[2], case_weights,
                                 offset), central(f, W), tolerance = 1e-7,
                   info = paste(label, storage))
    }
    expect_equal(loss_value(W, x_numbers, given, loss), value_by_hand(W, x_numbers, y, loss),
                 tolerance = 1e-12, info = label)
    expect_lt(check_gradient(W, x_numbers, given, loss, penalty[1], penalty[2]), 1e-6)
  }
})

test_that("Hessian and Newton step: every loss that has them", {
  curved <- forms[forms$loss %in% linclass_losses()$name[linclass_losses()$curvature], ]
  for (i in seq_len(nrow(curved))) for (intercept in 0:1) for (lambda in c(0, 0.2)) {
    loss <- curved$loss[i]
    rows <- curved$rows[i]
    W <- make_weights(rows, p + intercept)
    y <- as_given(make_classes(rows), rows)
    gradient <- function(W) {
      g <- loss_gradient(W, x_numbers, y, loss, lambda, 0, case_weights)
      if (is.matrix(g)) as.vector(t(g)) else g
    }
    order <- if (is.matrix(W)) as.vector(t(matrix(seq_along(W), nrow(W)))) else seq_along(W)
    expected <- vapply(order, function(j) {
      h <- W
      h[] <- 0
      h[j] <- 1e-5
      (gradient(W + h) - gradient(W - h)) / 2e-5
    }, numeric(length(W)))
    H <- loss_hessian(W, x_numbers, y, loss, lambda, 0, case_weights)
    label <- paste(loss, rows, intercept, lambda)
    expect_equal(H, expected, tolerance = 1e-7, info = label)
    sparse <- Matrix::Matrix(x_numbers, sparse = TRUE)
    expect_equal(loss_hessian(W, sparse, y, loss, lambda, 0, case_weights), H, tolerance = 1e-12,
                 info = label)
    d <- newton_step(W, x_numbers, y, loss, lambda, 0, case_weights)
    expect_identical(dim(d), dim(W))
    g <- gradient(W)
    parts <- svd(H) # the shortest solution
    some <- parts$d > 1e-9 * parts$d[1L]
    solution <- -drop(parts$v[, some, drop = FALSE] %*% (crossprod(parts$u[, some, drop = FALSE], g) / parts$d[some]))
    if (max(abs(H %*% solution + g)) > 1e-6 * max(abs(g))) solution[] <- NaN
    expect_equal(if (is.matrix(d)) as.vector(t(d)) else d, solution, tolerance = 1e-6, info = label)
  }
})

test_that("gradient and Hessian are the formulas of the books", {
  x <- as.matrix(iris[c(1:20, 60:80, 120:135), 1:4])
  y <- iris$Species[c(1:20, 60:80, 120:135)]
  X <- cbind(`(Intercept)` = 1, x)
  m <- nrow(X)
  W <- make_weights(3, 5) / 5
  dimnames(W) <- list(levels(y), colnames(X))
  P <- softmax(X %*% t(W))
  Y <- diag(3)[as.integer(y), ]
  expect_equal(loss_gradient(W, x, y, "softmax"), t(P - Y) %*% X / m, ignore_attr = "dimnames")
  expect_identical(dimnames(loss_gradient(W, x, y, "softmax")), dimnames(W))
  H <- loss_hessian(W, x, y, "softmax")
  for (a in 1:3) for (b in 1:3) {
    block <- crossprod(X, P[, a] * ((a == b) - P[, b]) * X) / m
    expect_equal(H[(a - 1) * 5 + 1:5, (b - 1) * 5 + 1:5], block, ignore_attr = "dimnames")
  }
  expect_identical(rownames(H)[c(1, 6, 15)],
                   c("setosa:(Intercept)", "versicolor:(Intercept)", "virginica:Petal.Width"))

  event <- y == "virginica"
  w <- W[3, ]
  mu <- sigmoid(drop(X %*% w))
  expect_equal(loss_gradient(w, x, event, "logistic"), drop(crossprod(X, mu - event)) / m)
  expect_equal(loss_hessian(w, x, event, "logistic"), crossprod(X, mu * (1 - mu) * X) / m)
  # Two forms of the same sum.
  residual <- mu - event
  expect_equal(drop(t(X) %*% residual), colSums(residual * X))
})

test_that("a step of gradient descent and Newton's method reach the optimum", {
  x <- as.matrix(iris[51:150, 3:4])
  y <- droplevels(iris$Species[51:150])
  w <- c(0, 0, 0)
  for (i in 1:12) w <- w + newton_step(w, x, y, "logistic")
  expect_equal(w, unname(coef(glm(y ~ x, family = binomial))), tolerance = 1e-6)
  expect_lt(max(abs(loss_gradient(w, x, y, "logistic"))), 1e-10)
  before <- loss_value(w * 0, x, y, "logistic")
  expect_equal(before, log(2))
  expect_lt(loss_value(-0.01 * loss_gradient(w * 0, x, y, "logistic"), x, y, "logistic"), before)
})

test_that("binary ridge equals two-class softmax at half the penalty", {
  w <- c(0.3, -1, 0.5, 0.2)
  y <- make_classes(1) - 1
  two <- rbind(-w, w) / 2
  expect_equal(loss_value(w, x_numbers, y, "logistic", 0.2, 0),
               loss_value(two, x_numbers, y + 1, "softmax", 0.4, 0))
  for (loss in c("hinge", "squared_hinge")) {
    expect_equal(loss_value(w, x_numbers, y, loss, 0.2, 0),
                 loss_value(two, x_numbers, y + 1, loss, 0.4, 0), info = loss)
  }
})

test_that("one sample may be a vector, and weights are replication", {
  W <- make_weights(3, 4)
  expect_equal(loss_value(W, x_numbers[4, ], 2, "softmax"),
               losses_by_hand(cbind(1, x_numbers[4, , drop = FALSE]) %*% t(W), 2, "softmax"))
  twice <- c(seq_len(n), 1:3)
  for (loss in c("softmax", "hinge", "squared_hinge", "perceptron")) {
    expect_equal(loss_gradient(W, x_numbers[twice, ], y_codes[twice], loss),
                 loss_gradient(W, x_numbers, y_codes, loss, weights = rep(2:1, c(3, n - 3))))
  }
})

test_that("bad input of the teaching functions is refused by class", {
  x <- x_numbers
  W <- make_weights(3, 4)
  y <- y_codes
  w <- make_weights(1, 4)
  y2 <- make_classes(1) - 1
  f3 <- factor(c("a", "b", "c")[y])
  named <- `rownames<-`(W, c("a", "c", "b"))
  cases <- list(
    shape = quote(loss_value(W[, 1:2], x, y, "softmax")),
    shape = quote(loss_value(W, x, y[-1], "softmax")),
    shape = quote(loss_value(W, x, y, "logistic")),
    shape = quote(loss_value(w, x, y2, "softmax")),
    shape = quote(loss_value(w, x[, 1], y2, "logistic")),
    shape = quote(loss_value(W, x, y, "softmax", offset = 1:n)),
    shape = quote(loss_value(W, x, y, "softmax", weights = 1:3)),
    shape = quote(loss_value(W, x[0, ], integer(), "softmax")),
    shape = quote(sample_loss(scores, 1:2, "hinge")),
    shape = quote(sample_loss(scores, 1:3, "logistic")),
    shape = quote(raw_scores(x, W[, 1:2])),
    shape = quote(raw_scores(x, W[, 1:3], b = 1:2)),
    shape = quote(softmax_jacobian(scores)),
    shape = quote(softmax(array(0, c(2, 2, 2)))),
    type = quote(sigmoid("a")),
    type = quote(softmax(list(1))),
    type = quote(raw_scores(iris, W)),
    type = quote(raw_scores(matrix("a", 2, 3), W)),
    type = quote(loss_value("a", x, y, "softmax")),
    response = quote(loss_value(W, x, letters[y], "softmax")),
    response = quote(loss_value(W, x, y - 1, "softmax")),
    response = quote(loss_value(w, x, y2 + 1, "logistic")),
    response = quote(loss_value(W, x, factor(y2), "softmax")),
    response = quote(loss_value(named, x, f3, "softmax")),
    missing = quote(loss_value(W, x, replace(y, 2, NA), "softmax")),
    loss = quote(loss_value(W, x, y, "sofmax")),
    loss = quote(sample_loss(scores, 1:3, 2)),
    penalty = quote(loss_value(W, x, y, "softmax", lambda = -1)),
    penalty = quote(loss_value(W, x, y, "softmax", lambda = NA)),
    penalty = quote(loss_value(W, x, y, "softmax", lambda = 1, alpha = 2)),
    weights = quote(loss_value(W, x, y, "softmax", weights = -(1:n))),
    weights = quote(loss_value(W, x, y, "softmax", weights = rep(0, n))),
    offset = quote(loss_value(w, x, y2, "logistic", offset = rep(NA_real_, n))),
    argument = quote(check_gradient(W, x, y, "softmax", step = -1)),
    no_hessian = quote(loss_hessian(W, x, y, "hinge")),
    no_hessian = quote(newton_step(W, x, y, "perceptron"))
  )
  for (i in seq_along(cases)) {
    expect_error(eval(cases[[i]]), class = paste0("linclass_error_", names(cases)[i]))
  }
})

test_that("arguments are not changed", {
  x <- x_numbers + 0
  W <- make_weights(3, 4)
  before <- list(x + 0, W + 0)
  loss_gradient(W, x, y_codes, "softmax", 0.1)
  newton_step(W, x, y_codes, "squared_hinge", 0.1, 0)
  expect_identical(list(x, W), before)
})

# ---- missing and infinite numbers ----

# Where a number does not exist there is none: NaN, or an error that says which argument.
without_numbers <- function(value) {
  x <- matrix(c(1, 2, -1, 0.5, 3, 1), 3L)
  y <- c(1L, 2L, 1L)
  spoiled <- function(v) replace(v, length(v), value)
  calls <- list(
    sigmoid = function() tail(sigmoid(spoiled(c(1, 2))), 1L), softmax = function() softmax(spoiled(c(1, 2, 3))),
    softmax_jacobian = function() softmax_jacobian(spoiled(c(1, 2, 3))),
    raw_scores = function() raw_scores(spoiled(x), diag(2))[3L, 2L],
    raw_scores_W = function() raw_scores(x, spoiled(diag(2)))[, 2L],
    raw_scores_b = function() raw_scores(x, diag(2), spoiled(c(0, 0)))[, 2L])
  for (loss in linclass_losses()$name) {
    two <- loss == "logistic"
    z <- if (two) c(1, 2) else matrix(c(1, 2, 3, 0), 2L)
    W <- if (two) c(0.5, 1) else matrix(c(0.5, 1, -1, 1), 2L)
    codes <- if (two) y - 1L else y
    own <- if (two) c(0, 1) else 1:2
    calls[[paste(loss, "sample")]] <- local({
      z <- z; own <- own; loss <- loss
      function() tail(sample_loss(spoiled(z), own, loss), 1L)
    })
    functions <- list(loss_value = loss_value, loss_gradient = loss_gradient, check_gradient = check_gradient)
    if (loss %in% linclass_losses()$name[linclass_losses()$curvature]) {
      functions <- c(functions, loss_hessian = loss_hessian, newton_step = newton_step)
    }
    for (name in names(functions)) {
      for (argument in c("W", "x", "lambda", "alpha", "weights", "offset")) {
        calls[[paste(loss, name, argument)]] <- local({
          f <- functions[[name]]
          given <- list(W = W, x = x, y = codes, loss = loss, lambda = 0.1, alpha = 0.5, weights = c(1, 1, 2),
                        offset = if (two) c(0, 0, 0) else matrix(0, 3L, 2L))
          given[[argument]] <- spoiled(given[[argument]])
          function() do.call(f, given)
        })
      }
    }
  }
  calls
}

test_that("NaN and NA never give a finite number", {
  for (value in c(NaN, NA)) {
    calls <- without_numbers(value)
    for (name in names(calls)) {
      got <- tryCatch(calls[[name]](), linclass_error = function(e) NaN)
      # A derivative that does not see the spoiled entry may be a number; the whole is none.
      expect_true(all(is.nan(got) | is.na(got)) || (length(got) > 1L && anyNA(got)), info = paste(name, value))
    }
  }
})

test_that("an infinite number is refused, or gives the limit or none", {
  calls <- without_numbers(Inf)
  for (name in grep("sample|lambda|alpha|weights|offset", names(calls), value = TRUE)) {
    got <- tryCatch(calls[[name]](), linclass_error = function(e) NaN)
    # The last score is that of the sample's own class: its loss is 0 in the limit.
    expect_true(all(!is.finite(got) | got == 0) || anyNA(got), info = name)
  }
})

test_that("any class of Matrix is read, and so is a class that extends one", {
  methods::setClass("labelled_dgC", contains = "dgCMatrix", slots = c(label = "character"), where = environment())
  methods::setClass("labelled_dge", contains = "dgeMatrix", slots = c(label = "character"), where = environment())
  plain <- matrix(c(1, 0, 0, 2, 0, 3, 1, 1, 0), 3L)
  sym <- crossprod(plain)
  dgC <- methods::as(methods::as(Matrix::Matrix(plain, sparse = TRUE), "generalMatrix"), "CsparseMatrix")
  dge <- methods::as(methods::as(Matrix::Matrix(plain, sparse = FALSE), "generalMatrix"), "unpackedMatrix")
  cases <- list(
    dgC = list(dgC, plain), dge = list(dge, plain),
    own_dgC = list(methods::new("labelled_dgC", dgC, label = "mine"), plain),
    own_dge = list(methods::new("labelled_dge", dge, label = "mine"), plain),
    dgT = list(methods::as(dgC, "TsparseMatrix"), plain), dgR = list(methods::as(dgC, "RsparseMatrix"), plain),
    dsC = list(methods::as(Matrix::Matrix(sym, sparse = TRUE), "CsparseMatrix"), sym),
    lgC = list(methods::as(dgC, "lMatrix"), plain != 0), ngC = list(methods::as(dgC, "nMatrix"), plain != 0),
    dtC = list(Matrix::triu(dgC), plain * upper.tri(plain, TRUE)),
    ddi = list(Matrix::Diagonal(3L, c(1, 2, 3)), diag(c(1, 2, 3))))
  W <- matrix(c(0.5, -1, 2), 1L)
  for (name in names(cases)) {
    want <- raw_scores(cases[[name]][[2L]] + 0, W)
    expect_equal(unname(raw_scores(cases[[name]][[1L]], W)), unname(want), info = name)
    fits <- lapply(cases[[name]], function(x) linclass(x, c(0, 1, 0), lambda = 0.1, alpha = 0))
    expect_equal(unname(coef(fits[[1L]])), unname(coef(fits[[2L]])), tolerance = 1e-6, info = name)
  }
})

test_that("more classes than pairs can be counted for are refused in words", {
  expect_error(loss_hessian(matrix(0, 65536L, 1L), matrix(0, 1L, 0L), 1L, "softmax"),
               class = "linclass_error_shape")
  expect_error(loss_hessian(matrix(0, 65536L, 2L), matrix(0, 1L, 1L), 1L, "squared_hinge"),
               class = "linclass_error_shape")
  expect_error(linclass(matrix(0, 65536L, 1L), factor(seq_len(65536L))), class = "linclass_error_response")
})

test_that("Newton's step does not depend on units, and is none where there is no solution", {
  x <- x_numbers[, 1:2]
  two <- y_codes == 1L
  step <- newton_step(c(0, 0.1, 0.2), x, two, "logistic")
  for (unit in c(1e-8, 1e-150, 1e8, 1e150)) {
    scaled <- newton_step(c(0, 0.1, 0.2 / unit), cbind(x[, 1L], x[, 2L] * unit), two, "logistic")
    expect_equal(scaled * c(1, 1, unit), step, tolerance = 1e-9, info = unit)
  }
  expect_true(all(is.nan(newton_step(c(0, 1e300, 1e300), x, two, "logistic"))))
  expect_identical(newton_step(c(0, 1e300), matrix(c(1, 2, -1), 3), c(1, 1, 0), "logistic"), c(0, 0))
})

test_that("64-bit integers are the numbers they stand for", {
  skip_if_not_installed("bit64")
  z <- bit64::as.integer64(-1:1)
  expect_identical(sigmoid(z), sigmoid(c(-1, 0, 1)))
  expect_identical(softmax(z), softmax(c(-1, 0, 1)))
  expect_identical(sample_loss(z, c(0, 1, 1), "logistic"), sample_loss(c(-1, 0, 1), c(0, 1, 1), "logistic"))
})
