# Agreement with other packages on real data, and relations that must hold between fits. What is
# compared is the objective of helper-reference.R, so that stopping rules do not matter.

quiet_classes <- function(expr) suppressMessages(expr, classes = "linclass_message")

# --- Other packages --------------------------------------------------------------------------

glm_problems <- function() {
  list(
    birthwt = list(low ~ age + lwt + factor(race) + smoke + ptl + ht + ui + ftv, MASS::birthwt),
    infert = list(case ~ age + parity + education + spontaneous + induced, datasets::infert),
    pima = list(type ~ ., MASS::Pima.te),
    mtcars = list(am ~ wt, datasets::mtcars),
    kyphosis = list(Kyphosis ~ ., rpart::kyphosis),
    menarche = list(cbind(Menarche, Total - Menarche) ~ poly(Age, 2), MASS::menarche),
    esoph = list(cbind(ncases, ncontrols) ~ agegp + tobgp + alcgp, datasets::esoph),
    infert_offset = list(case ~ age + offset(spontaneous / 2) + induced, datasets::infert))
}

test_that("unpenalised logistic fits agree with glm", {
  skip_if_not_installed("MASS")
  skip_if_not_installed("rpart")
  for (name in names(glm_problems())) {
    problem <- glm_problems()[[name]]
    peer <- suppressWarnings(glm(problem[[1]], binomial, problem[[2]], epsilon = 1e-14,
                                 maxit = 100))
    fit <- quiet_classes(linclass(problem[[1]], problem[[2]]))
    size <- pmax(abs(coef(peer)), sqrt(diag(vcov(peer))) / 10)
    expect_identical(names(coef(fit)), names(coef(peer)), info = name)
    expect_lt(max(abs(coef(fit) - coef(peer)) / size), 1e-8, label = name)
    expect_equal(sqrt(diag(vcov(fit))), sqrt(diag(vcov(peer))), tolerance = 1e-6, info = name)
    expect_equal(unname(predict(fit, problem[[2]], type = "response")), unname(fitted(peer)),
                 tolerance = 1e-8, info = name)
  }
})

test_that("deviance and logLik are those of glm for one row a sample", {
  skip_if_not_installed("MASS")
  for (problem in glm_problems()[c("infert", "pima", "birthwt")]) {
    peer <- glm(problem[[1]], binomial, problem[[2]], epsilon = 1e-14, maxit = 100)
    fit <- quiet_classes(linclass(problem[[1]], problem[[2]]))
    expect_equal(deviance(fit), deviance(peer), tolerance = 1e-10)
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(peer)), tolerance = 1e-10)
    expect_equal(AIC(fit), AIC(peer), tolerance = 1e-10)
  }
})

multinom_problems <- function() {
  scaled <- transform(MASS::survey, Age = Age / 20, Height = Height / 170, Pulse = Pulse / 70)
  list(
    housing = list(Sat ~ Infl + Type + Cont, MASS::housing, quote(Freq)),
    survey = list(Exer ~ Sex + Pulse + Age + Height, scaled, NULL),
    gear = list(factor(gear) ~ I(mpg / 20), datasets::mtcars, NULL),
    glass = list(type ~ I(Na - 13) + Al, droplevels(subset(MASS::fgl, type %in% c("WinF", "WinNF",
                                                                              "Veh"))), NULL))
}

test_that("unpenalised softmax fits agree with nnet::multinom", {
  skip_if_not_installed("nnet")
  skip_if_not_installed("MASS")
  for (name in names(multinom_problems())) {
    problem <- multinom_problems()[[name]]
    peer <- eval(bquote(nnet::multinom(.(problem[[1]]), problem[[2]], weights = .(problem[[3]]),
                                       trace = FALSE, reltol = 1e-15, maxit = 10000)))
    fit <- eval(bquote(linclass(.(problem[[1]]), problem[[2]], weights = .(problem[[3]]))))
    expect_identical(dimnames(coef(fit)), dimnames(coef(peer)), info = name)
    expect_equal(coef(fit), coef(peer), tolerance = 1e-5, info = name)
    expect_lte(deviance(fit), deviance(peer) * (1 + 1e-12), label = name)
    expect_equal(deviance(fit), deviance(peer), tolerance = 1e-9, info = name)
    expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(peer)), tolerance = 1e-9, info = name)
  }
})

glmnet_problems <- function() {
  list(
    birthwt = list(x = as.matrix(MASS::birthwt[2:9]), y = factor(MASS::birthwt$low)),
    pima = list(x = as.matrix(MASS::Pima.te[1:7]), y = MASS::Pima.te$type),
    infert = list(x = as.matrix(datasets::infert[c(2:4, 6)]), y = factor(datasets::infert$case),
                  weights = rep_len(c(1, 2, 0.5), 248)),
    iris = list(x = as.matrix(datasets::iris[1:4]), y = datasets::iris$Species),
    glass = list(x = as.matrix(MASS::fgl[1:9]), y = MASS::fgl$type),
    housing = list(x = model.matrix(Sat ~ Infl + Type + Cont, MASS::housing)[, -1],
                   y = MASS::housing$Sat, weights = MASS::housing$Freq))
}

# The coefficients of glmnet at one lambda as k x (p + 1).
glmnet_rows <- function(peer, k) {
  beta <- coef(peer)
  if (k == 2) return(full_rows(as.vector(beta), 2))
  unname(t(vapply(beta, function(b) as.vector(b), numeric(nrow(beta[[1]])))))
}

expect_like_glmnet <- function(problem, lambda, alpha, standardize, label) {
  k <- nlevels(problem$y)
  w <- if (is.null(problem$weights)) rep(1, nrow(problem$x)) else problem$weights
  peer <- suppressWarnings(glmnet::glmnet(
    problem$x, problem$y, if (k == 2) "binomial" else "multinomial", weights = w, alpha = alpha,
    lambda = lambda, standardize = standardize, thresh = 1e-14, maxit = 1e7))
  fit <- linclass(problem$x, problem$y, lambda = lambda, alpha = alpha, standardize = standardize,
                  weights = problem$weights)
  value <- function(W) {
    r_objective(W, problem$x, as.integer(problem$y), "softmax", lambda, alpha, w,
                scale = if (standardize) r_sd(problem$x, w) else 1)
  }
  ours <- value(full_rows(coef(fit), k))
  theirs <- value(glmnet_rows(peer, k))
  expect_lte(ours, theirs * (1 + 1e-9), label = label)
  expect_near(ours, theirs, 1e-7, label)
  expect_near(objective(fit), ours, 1e-12, label)
}

test_that("penalised fits agree with glmnet at equal objective", {
  skip_if_not_installed("glmnet")
  skip_if_not_installed("MASS")
  for (name in names(glmnet_problems())) {
    for (alpha in c(0, 0.5, 1)) for (standardize in c(TRUE, FALSE)) {
      lambda <- if (alpha == 0) 0.05 else 0.02
      label <- sprintf("%s, alpha %g, standardize %s", name, alpha, standardize)
      expect_like_glmnet(glmnet_problems()[[name]], lambda, alpha, standardize, label)
    }
  }
})

# --- Relations between fits ------------------------------------------------------------------

# Two designs of small integers, so that every storage holds the same numbers.
two_classes <- function() {
  ref <- read_reference(reference_cases()[["birthwt"]])
  list(x = ref$x, y = ref$y, w = rep(1, nrow(ref$x)))
}

three_classes <- function() {
  ref <- read_reference(reference_cases()[["housing"]])
  list(x = ref$x, y = ref$y, w = ref$weights)
}

# Loss x classes x solver. Hinge is solved to the gap that its certificate reports.
relation_table <- function() {
  row <- function(loss, data, solver, alpha = 0, within = 1e-8) {
    c(list(loss = loss, solver = solver, lambda = 0.05, alpha = alpha, within = within,
           label = paste(loss, nlevels(data$y), solver)), data)
  }
  rows <- list()
  for (solver in c("newton", "lbfgs", "coordinate")) {
    alpha <- if (solver == "coordinate") 0.5 else 0
    rows <- c(rows, list(
      row("logistic", two_classes(), solver, alpha), row("softmax", three_classes(), solver, alpha),
      row("squared_hinge", two_classes(), solver, alpha),
      row("squared_hinge", three_classes(), solver, alpha)))
  }
  c(rows, list(row("hinge", two_classes(), "auto", within = 1e-5),
               row("hinge", three_classes(), "auto", within = 1e-5)))
}

refit <- function(row, x = row$x, y = row$y, weights = row$w, ...) {
  linclass(x, y, loss = row$loss, lambda = row$lambda, alpha = row$alpha, standardize = FALSE,
           weights = weights, solver = row$solver, ...)
}

value_at <- function(row, coefficients) {
  r_objective(full_rows(coefficients, nlevels(row$y)), row$x, as.integer(row$y), row$loss,
              row$lambda, row$alpha, row$w)
}

# Each relation fits the problem in another guise and gives the coefficients in the first guise.
relations <- list(
  "integer storage" = function(row) {
    x <- row$x
    storage.mode(x) <- "integer"
    coef(refit(row, x))
  },
  "sparse storage" = function(row) coef(refit(row, Matrix::Matrix(row$x, sparse = TRUE))),
  "triplet storage" = function(row) {
    at <- which(row$x != 0, arr.ind = TRUE)
    x <- Matrix::sparseMatrix(at[, 1], at[, 2], x = row$x[at], dims = dim(row$x),
                              dimnames = list(NULL, colnames(row$x)), repr = "T")
    coef(refit(row, x))
  },
  "data frame" = function(row) coef(refit(row, as.data.frame(row$x, optional = TRUE))),
  "formula" = function(row) {
    data <- data.frame(y = row$y, row$x, check.names = FALSE)
    coef(linclass(y ~ ., data, loss = row$loss, lambda = row$lambda, alpha = row$alpha,
                  standardize = FALSE, weights = row$w, solver = row$solver))
  },
  "replication for weights" = function(row) {
    copies <- rep(seq_along(row$w), row$w)
    coef(refit(row, row$x[copies, ], row$y[copies], NULL))
  },
  "another scale of the weights" = function(row) coef(refit(row, weights = row$w / 7)),
  "added rows of weight 0" = function(row) {
    more <- rep_len(seq_along(row$y), 40)
    coef(refit(row, rbind(row$x, 1000 + row$x[more, ]), row$y[c(seq_along(row$y), more)],
               c(row$w, rep(0, 40))))
  },
  "rows permuted" = function(row) {
    o <- order(sin(seq_along(row$y)))
    coef(refit(row, row$x[o, ], row$y[o], row$w[o]))
  },
  "columns permuted" = function(row) {
    b <- coef(refit(row, row$x[, rev(seq_len(ncol(row$x)))]))
    terms <- c("(Intercept)", colnames(row$x))
    if (is.matrix(b)) b[, terms] else b[terms]
  },
  "levels reversed" = function(row) {
    b <- coef(refit(row, y = factor(row$y, rev(levels(row$y)))))
    if (is.matrix(b)) b[levels(row$y), ] else -b
  })

test_that("the same problem in another guise has the same solution", {
  for (row in relation_table()) {
    base <- refit(row)
    expect_near(objective(base), value_at(row, coef(base)), 1e-12, row$label)
    for (name in names(relations)) {
      label <- paste(row$label, name, sep = ", ")
      b <- relations[[name]](row)
      expect_near(value_at(row, b), objective(base), row$within, label)
      if (row$solver == "newton") {
        expect_equal(unname(b), unname(coef(base)), tolerance = 1e-6, label = label)
      }
    }
  }
})

test_that("a logical matrix is the matrix of its zeros and ones", {
  row <- relation_table()[[2]]
  expect_equal(coef(refit(row, row$x == 1)), coef(refit(row)), tolerance = 1e-10)
})

test_that("unpenalised fits follow the scale and the origin of their columns", {
  scale <- c(1e-3, 1, 1e5, 10, 1e-2, 1e3, 7, 1, 1)
  origin <- c(100, 0, 3, -2, 0, 0, 5, 1e3, 0)
  for (loss in c("logistic", "softmax", "squared_hinge")) {
    data <- if (loss == "softmax") three_classes() else two_classes()
    p <- ncol(data$x)
    base <- rbind(coef(linclass(data$x, data$y, loss = loss, weights = data$w)))
    moved <- sweep(sweep(data$x, 2, scale[1:p], "*"), 2, origin[1:p], "+")
    b <- rbind(coef(linclass(moved, data$y, loss = loss, weights = data$w)))
    b[, 1] <- b[, 1] + b[, -1, drop = FALSE] %*% origin[1:p]
    b[, -1] <- sweep(b[, -1, drop = FALSE], 2, scale[1:p], "*")
    expect_equal(b, base, tolerance = 1e-8, info = loss)
  }
})

test_that("smooth solvers reach the same objective", {
  for (row in relation_table()[1:4]) {
    row$x <- scale(row$x)
    values <- vapply(c("newton", "lbfgs", "coordinate", "gradient_descent"), function(name) {
      row$solver <- name
      objective(refit(row, control = linclass_control(max_iter = 20000)))
    }, 0)
    expect_lt(max(values) / min(values) - 1, 1e-8, label = row$label)
  }
})

test_that("standardize = TRUE is the fit on standardised columns", {
  for (data in list(two_classes(), three_classes())) for (alpha in c(0, 0.5, 1)) {
    sd <- r_sd(data$x, data$w)
    scaled <- sweep(data$x, 2, sd, "/")
    fit <- function(x, standardize) {
      linclass(x, data$y, lambda = 0.02, alpha = alpha, standardize = standardize,
               weights = data$w)
    }
    a <- fit(data$x, TRUE)
    b <- fit(scaled, FALSE)
    expect_near(objective(a), objective(b), 1e-8, "objective on standardised columns")
    slopes <- sweep(rbind(coef(b))[, -1, drop = FALSE], 2, sd, "/")
    expect_equal(rbind(coef(a))[, -1, drop = FALSE], slopes, tolerance = 1e-3)
  }
})

test_that("two-class softmax is the logistic model at another penalty", {
  data <- two_classes()
  lambda <- 0.03
  table <- list(ridge = c(0, lambda / 2, 0), lasso = c(1, lambda, 1),
                net = c(0.6, lambda * 1.6 / 2, 2 * 0.6 / 1.6))
  for (name in names(table)) {
    rule <- table[[name]]
    W <- coef(linclass(data$x, data$y, loss = "softmax", lambda = lambda, alpha = rule[1],
                       standardize = FALSE))
    fit <- linclass(data$x, data$y, loss = "logistic", lambda = rule[2], alpha = rule[3],
                    standardize = FALSE)
    expect_identical(dim(W), c(2L, ncol(data$x) + 1L))
    value <- r_objective(full_rows(W[2, ] - W[1, ], 2), data$x, as.integer(data$y), "logistic",
                         rule[2], rule[3])
    expect_near(value, objective(fit), 1e-8, name)
    if (rule[1] < 1) expect_equal(W[1, ], -W[2, ], tolerance = 1e-6)
  }
})

test_that("solutions with an L1 penalty satisfy their conditions of optimality", {
  cases <- list(two_classes(), three_classes(),
                list(x = as.matrix(iris[1:4]), y = iris$Species, w = rep(1, 150)))
  for (data in cases) for (alpha in c(0.3, 1)) for (lambda in c(0.1, 0.01)) {
    fit <- linclass(data$x, data$y, lambda = lambda, alpha = alpha, standardize = FALSE,
                    weights = data$w)
    k <- nlevels(data$y)
    W <- full_rows(coef(fit), k)
    rows <- if (k == 2) 2 else 1:k
    codes <- as.integer(data$y)
    start <- max(abs(r_gradient(0 * W, data$x, codes, weights = data$w)))
    found <- r_kkt(W, data$x, codes, "softmax", lambda, alpha, rows, weights = data$w)
    expect_lt(found / start, 1e-4)
    expect_true(certificate(fit)$met)
  }
})

test_that("at the largest useful lambda all slopes are zero, below it one is not", {
  data <- three_classes()
  share <- colSums(data$w * outer(as.integer(data$y), 1:3, "==")) / sum(data$w)
  null <- cbind(log(share), matrix(0, 3, ncol(data$x)))
  top <- max(abs(r_gradient(null, data$x, as.integer(data$y), weights = data$w)[, -1]))
  slopes <- function(lambda) {
    coef(linclass(data$x, data$y, lambda = lambda, standardize = FALSE, weights = data$w))[, -1]
  }
  expect_true(all(slopes(top * 1.001) == 0))
  expect_true(any(slopes(top * 0.98) != 0))
})

# --- Closed forms ----------------------------------------------------------------------------

test_that("a model of intercepts alone gives the shares of the classes", {
  skip_if_not_installed("MASS")
  fit <- quiet_classes(linclass(low ~ 1, MASS::birthwt))
  expect_equal(coef(fit), c("(Intercept)" = qlogis(mean(MASS::birthwt$low))), tolerance = 1e-12)
  fit <- linclass(Sat ~ 1, MASS::housing, weights = Freq)
  share <- tapply(MASS::housing$Freq, MASS::housing$Sat, sum) / sum(MASS::housing$Freq)
  expect_equal(unname(coef(fit)[, 1]), as.vector(log(share[-1] / share[1])), tolerance = 1e-12)
  symmetric <- coef(fit, coding = "symmetric")[, 1]
  expect_equal(unname(symmetric), as.vector(log(share) - mean(log(share))), tolerance = 1e-12)
  expect_equal(objective(fit), -sum(share * log(share)), tolerance = 1e-12)
})

test_that("the urn's conditional probabilities come out", {
  # Two red and three blue balls; Alice draws, then Bob, without replacement.
  urn <- data.frame(alice = factor(c("red", "red", "blue", "blue"), c("red", "blue")),
                    bob = factor(c("red", "blue", "red", "blue"), c("red", "blue")),
                    p = c(2 / 5 * 1 / 4, 2 / 5 * 3 / 4, 3 / 5 * 2 / 4, 3 / 5 * 2 / 4))
  fit <- linclass(alice ~ bob, urn, weights = p)
  found <- predict(fit, data.frame(bob = c("red", "blue")), type = "response")
  expect_equal(unname(found), c(3 / 4, 1 / 2), tolerance = 1e-12)
})

test_that("a two by two table gives its log odds and their standard errors", {
  count <- c(12, 5, 7, 20)
  data <- data.frame(y = c(0, 1, 0, 1), x = c(0, 0, 1, 1), count)
  fit <- quiet_classes(linclass(y ~ x, data, weights = count))
  expect_equal(unname(coef(fit)), c(log(5 / 12), log(20 / 7) - log(5 / 12)), tolerance = 1e-12)
  expect_equal(unname(sqrt(diag(vcov(fit)))), c(sqrt(1 / 12 + 1 / 5), sqrt(sum(1 / count))),
               tolerance = 1e-10)
})

# --- Penalties written in other ways ---------------------------------------------------------

# C * sum of losses + sum w^2 / 2 is lambda = 1 / (n C); lambda * sum w^2 with the mean loss is
# twice that lambda; a sum|w| + (1 - a) sum w^2 is lambda (2 - a) and alpha = a / (2 - a).
test_that("penalties of other scales convert as documented", {
  data <- two_classes()
  x <- scale(data$x)
  codes <- as.integer(data$y)
  n <- length(codes)
  scales <- list(
    C = list(lambda = 1 / (n * 0.2), alpha = 0, other = function(W, loss) {
      0.2 * sum(loss) + sum(W[, -1]^2) / 2
    }, back = function(v) v / (n * 0.2)),
    squares = list(lambda = 2 * 0.03, alpha = 0, other = function(W, loss) {
      mean(loss) + 0.03 * sum(W[, -1]^2)
    }, back = identity),
    net = list(lambda = 0.04 * (2 - 0.7), alpha = 0.7 / (2 - 0.7), other = function(W, loss) {
      mean(loss) + 0.04 * (0.7 * sum(abs(W[, -1])) + 0.3 * sum(W[, -1]^2))
    }, back = identity))
  for (name in names(scales)) {
    scale <- scales[[name]]
    fit <- linclass(x, data$y, lambda = scale$lambda, alpha = scale$alpha, standardize = FALSE)
    W <- full_rows(coef(fit), 2)
    losses <- r_losses(r_scores(W, x), codes, "logistic")
    expect_near(objective(fit), scale$back(scale$other(W, losses)), 1e-10, name)
  }
})

test_that("weight decay of nnet is a ridge on all coefficients of 2 decay / n", {
  skip_if_not_installed("nnet")
  data <- two_classes()
  x <- cbind(one = 1, scale(data$x))
  peer <- nnet::nnet(x[, -1], as.integer(data$y) - 1, size = 0, skip = TRUE, entropy = TRUE,
                     decay = 1.5, trace = FALSE, reltol = 1e-15, abstol = 0, maxit = 10000,
                     rang = 0)
  fit <- linclass(x, data$y, lambda = 2 * 1.5 / nrow(x), alpha = 0, standardize = FALSE,
                  intercept = FALSE)
  expect_equal(unname(coef(fit)), unname(peer$wts[peer$wts != 0]), tolerance = 1e-5)
})

# --- Descent ---------------------------------------------------------------------------------

test_that("gradient descent of fixed rate is W <- W - rate * gradient", {
  table <- list(list("logistic", 2), list("softmax", 3), list("squared_hinge", 2),
                list("squared_hinge", 3), list("hinge", 2), list("hinge", 3))
  for (entry in table) for (lambda in c(0, 0.1)) {
    loss <- entry[[1]]
    rows <- if (entry[[2]] == 2) 51:150 else 1:150
    x <- as.matrix(iris[rows, 1:4])
    y <- droplevels(iris$Species[rows])
    free <- if (entry[[2]] == 2) 2 else 1:3
    W <- matrix(0, entry[[2]], 5)
    for (step in 1:50) {
      g <- r_gradient(W, x, as.integer(y), loss)
      g[, -1] <- g[, -1] + lambda * W[, -1]
      W[free, ] <- W[free, ] - 0.01 * g[free, ]
    }
    fit <- linclass(x, y, loss = loss, lambda = lambda, alpha = 0, standardize = FALSE,
                    solver = solver("gradient_descent", rate = 0.01),
                    control = linclass_control(max_iter = 50))
    found <- if (length(free) == 1) rbind(coef(fit)) else coef(fit, coding = "symmetric")
    label <- sprintf("%s, %d classes, lambda %g", loss, entry[[2]], lambda)
    expect_equal(unname(found), W[free, , drop = FALSE], tolerance = 1e-12, label = label)
    expect_equal(fit$iterations, 50, label = label)
  }
})

test_that("mini-batch descent repeats with the seed and deterministic solvers draw nothing", {
  data <- three_classes()
  run <- function(seed) {
    set.seed(seed)
    coef(linclass(data$x, data$y, lambda = 0.01, alpha = 0, weights = data$w,
                  solver = solver("minibatch", batch_size = 16, epochs = 5, rate = 0.05)))
  }
  expect_identical(run(1), run(1))
  expect_false(identical(run(1), run(2)))
  set.seed(3)
  before <- .Random.seed
  for (name in c("newton", "lbfgs", "coordinate", "gradient_descent")) {
    suppressWarnings(linclass(data$x, data$y, lambda = 0.01, alpha = 0, solver = name))
    expect_identical(.Random.seed, before, info = name)
  }
})

# --- Margin losses ---------------------------------------------------------------------------

test_that("the perceptron separates what can be separated", {
  for (rows in list(1:100, c(1:50, 101:150))) {
    data <- droplevels(iris[rows, ])
    fit <- suppressWarnings(linclass(Species ~ ., data, loss = "perceptron"))
    expect_identical(fit$mistakes, 0)
    expect_identical(as.vector(predict(fit, data, type = "class")), as.vector(data$Species))
  }
})

test_that("hinge with ridge certifies a small gap, and the gap is honest", {
  for (data in list(two_classes(), three_classes())) {
    x <- scale(data$x)
    fit <- linclass(x, data$y, loss = "hinge", lambda = 0.1, alpha = 0, standardize = FALSE,
                    weights = data$w)
    proof <- certificate(fit)
    expect_identical(proof$kind, "duality_gap")
    expect_lt(proof$relative, 1e-5)
    # No point that a generic minimiser finds is better than the gap allows.
    k <- nlevels(data$y)
    free <- if (k == 2) 2 else 1:k
    value <- function(v) {
      W <- matrix(0, k, ncol(x) + 1)
      W[free, ] <- v
      r_objective(W, x, as.integer(data$y), "hinge", 0.1, 0, data$w)
    }
    start <- as.vector(full_rows(coef(fit), k)[free, ])
    other <- optim(start, value, method = "BFGS", control = list(reltol = 1e-12))$value
    expect_gte(other, objective(fit) - proof$gap - 1e-12)
  }
})
