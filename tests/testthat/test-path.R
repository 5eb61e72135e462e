# Paths of penalties: against glmnet at the same lambda, against linclass() at one of them, and in
# the shapes that the help pages promise.

two <- toy(2)
three <- toy(3)
x <- two$x
sparse <- Matrix::Matrix(x * (abs(x) > 0.3), sparse = TRUE)
lambdas <- 10^seq(-0.8, -3, length.out = 8)

# --- Against glmnet --------------------------------------------------------------------------

i <- seq_len(60)
weights <- 1 + i %% 3
offset <- 0.3 * sin(i)
glmnet_cases <- list(
  lasso = list(),
  elastic_net = list(alpha = 0.4),
  ridge = list(alpha = 0),
  sparse = list(x = sparse),
  weights = list(weights = weights),
  offset = list(offset = offset),
  no_intercept = list(intercept = FALSE),
  not_standardised = list(standardize = FALSE),
  bounds = list(lower = -0.1, upper = 0.4),
  factors = list(penalty_factor = c(0.5, 1, 1.5)),
  unpenalised_column = list(penalty_factor = c(0, 1.5, 1.5)),
  softmax = list(y = three$y),
  softmax_elastic_net = list(y = three$y, alpha = 0.5, weights = weights)
)

glmnet_path <- function(case) {
  args <- list(x = x, y = two$y, alpha = 1, lambda = lambdas, thresh = 1e-12, maxit = 1e6)
  args[names(case)] <- case
  args$family <- if (nlevels(args$y) == 2L) "binomial" else "multinomial"
  renamed <- c(lower = "lower.limits", upper = "upper.limits", penalty_factor = "penalty.factor")
  hit <- names(args) %in% names(renamed)
  names(args)[hit] <- renamed[names(args)[hit]]
  fit <- do.call(glmnet::glmnet, args)
  W <- coef(fit)
  if (!is.list(W)) W <- list(W)
  lapply(W, function(w) unname(as.matrix(w)))
}

test_that("paths are those of glmnet", {
  skip_if_not_installed("glmnet")
  for (name in names(glmnet_cases)) {
    case <- glmnet_cases[[name]]
    args <- list(x = x, y = two$y, lambda = lambdas)
    args[names(case)] <- case
    path <- do.call(linclass_path, args)
    ours <- coef(path)
    if (!is.list(ours)) ours <- list(ours)
    ours <- lapply(ours, function(w) unname(as.matrix(w)))
    if (isFALSE(case$intercept)) ours <- lapply(ours, function(w) rbind(0, w))
    theirs <- glmnet_path(case)
    if (length(theirs) > 1L) {
      # Intercepts of a symmetric softmax are made unique by each package in its own way.
      centre <- function(W) {
        mean <- Reduce(`+`, lapply(W, function(w) w[1L, ])) / length(W)
        lapply(W, function(w) rbind(w[1L, ] - mean, w[-1L, ]))
      }
      theirs <- centre(theirs)
      ours <- centre(ours)
    }
    expect_equal(ours, theirs, tolerance = 2e-4, ignore_attr = TRUE, info = name)
    expect_true(path$converged, info = name)
  }
})

test_that("the sequence is that of glmnet", {
  skip_if_not_installed("glmnet")
  wide <- unname(cbind(x, outer(i, 1:70, function(i, j) sin(i * j^1.3))))
  cases <- list(list(x = x, y = two$y), list(x = wide, y = two$y), list(x = x, y = three$y),
                list(x = x, y = two$y, alpha = 0.3), list(x = x, y = two$y, alpha = 1e-5),
                list(x = x, y = two$y, standardize = FALSE),
                list(x = sparse, y = two$y, weights = weights))
  for (case in cases) {
    family <- if (nlevels(case$y) == 2L) "binomial" else "multinomial"
    theirs <- do.call(glmnet::glmnet, c(case, family = family, nlambda = 20))$lambda
    path <- do.call(linclass_path, c(case, nlambda = 20))
    expect_length(path$lambda, 20L)
    # glmnet stops where the deviance is explained.
    expect_equal(path$lambda[seq_along(theirs)], theirs, tolerance = 1e-6)
    expect_equal(path$lambda_max, path$lambda[1L], tolerance = 1e-12)
    expect_equal(path$points$nonzero[1L], if (isTRUE(case$alpha < 1e-3)) 3L else 0L)
  }
})

test_that("lambda_min_ratio and nlambda shape the sequence", {
  path <- linclass_path(x, two$y, nlambda = 5, lambda_min_ratio = 0.1)
  expect_equal(path$lambda / path$lambda_max, 10^-(0:4 / 4), tolerance = 1e-12)
  expect_length(linclass_path(x, two$y, nlambda = 1)$lambda, 1L)
  given <- linclass_path(x, two$y, lambda = c(0.01, 0.1, 0.01, 0))
  expect_identical(given$lambda, c(0.1, 0.01, 0))
})

# --- Against linclass() ----------------------------------------------------------------------

# A point and the fit at its lambda minimise the same.
expect_refit <- function(path, fit, s, label, tolerance = 1e-4) {
  expect_equal(coef(path, s = s, format = "dense"), coef(fit), tolerance = tolerance, info = label)
  at <- match(s, path$lambda)
  # Where there is no certificate, the size of the gradient says as much.
  slack <- max(path$points$gap[at], fit$certificate$gap, 1e-12, na.rm = TRUE)
  expect_lte(abs(objective(path)[[at]] - objective(fit)), 2 * slack, label = label)
}

test_that("a fit at a point's lambda is the point, for every loss and penalty", {
  for (loss in setdiff(linclass_losses()$name, "perceptron")) {
    for (data in if (loss == "logistic") list(two) else list(two, three)) {
      for (alpha in c(1, 0.5, 0)) {
        label <- paste(loss, nlevels(data$y), alpha)
        path <- linclass_path(data$x, data$y, loss = loss, alpha = alpha,
                              lambda = c(0.3, 0.1, 0.03))
        fit <- linclass(data$x, data$y, loss = loss, alpha = alpha, lambda = 0.1)
        if (loss == "hinge") {
          # Its minimum may be flat, its value is not.
          expect_equal(objective(path)[[2L]], objective(fit), tolerance = 1e-7, info = label)
        } else {
          expect_refit(path, fit, 0.1, label)
        }
        expect_true(path$converged, info = label)
      }
    }
  }
})

test_that("a fit at a point's lambda is the point, with every other argument", {
  cases <- list(list(coding = "reference"), list(intercept = FALSE), list(standardize = FALSE),
                list(weights = weights), list(class_weights = "balanced"),
                list(offset = cbind(offset, 0, -offset)), list(penalty_factor = c(a = 0)),
                list(penalty_factor = c(a = 0, b = 2), coding = "reference"),
                list(lower = -0.5, upper = c(b = 0.2)), list(solver = "coordinate"))
  for (case in cases) {
    args <- c(list(three$x, three$y), case)
    path <- do.call(linclass_path, c(args, list(lambda = c(0.1, 0.05))))
    fit <- do.call(linclass, c(args, list(lambda = 0.05)))
    expect_refit(path, fit, 0.05, names(case)[1L])
  }
})

test_that("formulas, data frames and matrices of every kind have the same path", {
  path <- linclass_path(x, two$y, lambda = lambdas)
  others <- list(
    linclass_path(y ~ ., two$data, lambda = lambdas),
    linclass_path(data = two$data, formula = y ~ a + b + c, lambda = lambdas),
    linclass_path(as.data.frame(x), two$y, lambda = lambdas),
    linclass_path(as(x, "sparseMatrix"), two$y, lambda = lambdas),
    linclass_path(Matrix::Matrix(x), two$y, lambda = lambdas),
    linclass_path(x, two$y == "high", lambda = rev(lambdas)))
  for (other in others) {
    expect_equal(coef(other), coef(path), tolerance = 1e-5, ignore_attr = TRUE)
    expect_identical(other$lambda, path$lambda)
  }
})

test_that("zeros only is the fit without penalty, in its coding", {
  path <- linclass_path(three$x, three$y, lambda = 0)
  fit <- linclass(three$x, three$y)
  expect_identical(path$coding, "reference")
  expect_equal(coef(path, s = 0, format = "dense"), coef(fit), tolerance = 1e-4)
  # A zero at the end of a path is the same model, in the coding of the path.
  end <- linclass_path(three$x, three$y, lambda = c(0.1, 0.01, 0))
  expect_equal(coef(end, s = 0, format = "dense"), coef(fit, coding = "symmetric"),
               tolerance = 1e-4)
})

# --- What the object says --------------------------------------------------------------------

test_that("points tell what the coefficients are", {
  for (data in list(two, three)) {
    path <- linclass_path(data$x, data$y, alpha = 0.7, standardize = FALSE, lambda = lambdas)
    W <- coef(path, format = "dense")
    for (l in seq_along(lambdas)) {
      w <- full_rows(if (is.matrix(W)) W[, l] else W[, , l], nlevels(data$y))
      codes <- as.integer(data$y)
      expect_equal(path$points$objective[l],
                   r_objective(w, data$x, codes, lambda = lambdas[l], alpha = 0.7),
                   tolerance = 1e-10)
      expect_equal(path$points$loss[l], r_objective(w, data$x, codes), tolerance = 1e-10)
      expect_equal(path$points$nonzero[l], sum(colSums(w[, -1L] != 0) > 0))
    }
    shares <- table(data$y) / 60
    null <- -sum(shares * log(shares))
    expect_equal(path$null_loss, null)
    expect_equal(path$points$deviance_ratio, 1 - path$points$loss / null)
    expect_equal(unname(deviance(path)), 120 * path$points$loss)
    expect_identical(unname(objective(path)), path$points$objective)
    expect_identical(certificate(path)$met, rep(TRUE, length(lambdas)))
    expect_lt(max(path$points$relative), 1e-8)
    expect_true(!is.unsorted(path$points$passes))
    expect_equal(nobs(path), 60)
  }
})

test_that("coefficients come sparse, dense and long", {
  path <- linclass_path(three$x, three$y, lambda = lambdas)
  W <- coef(path)
  expect_named(W, levels(three$y))
  expect_s4_class(W$low, "dgCMatrix")
  expect_identical(dim(W$low), c(4L, 8L))
  expect_identical(rownames(W$low), c("(Intercept)", "a", "b", "c"))
  dense <- coef(path, format = "dense")
  expect_identical(dim(dense), c(3L, 4L, 8L))
  for (class in names(W)) {
    expect_identical(unname(dense[class, , ]), unname(as.matrix(W[[class]])))
  }
  long <- coef(path, s = lambdas[c(2, 6)], format = "long")
  expect_named(long, c("class", "term", "lambda", "estimate"))
  expect_identical(nrow(long), sum(dense[, , c(2, 6)] != 0))
  expect_equal(long$estimate[long$class == "low" & long$term == "a" & long$lambda == lambdas[6]],
               dense["low", "a", 6])
  one <- coef(linclass_path(x, two$y, lambda = lambdas))
  expect_s4_class(one, "dgCMatrix")
})

test_that("another coding changes no difference of scores", {
  path <- linclass_path(three$x, three$y, lambda = lambdas)
  symmetric <- coef(path, format = "dense")
  reference <- coef(path, format = "dense", coding = "reference")
  expect_identical(rownames(reference), levels(three$y)[-1L])
  expect_equal(reference["high", , ], symmetric["high", , ] - symmetric["low", , ])
  back <- coef(linclass_path(three$x, three$y, lambda = lambdas, coding = "reference"),
               format = "dense", coding = "symmetric")
  expect_equal(colSums(back), matrix(0, 4, 8), ignore_attr = TRUE, tolerance = 1e-12)
  two_rows <- coef(linclass_path(x, two$y, lambda = lambdas), format = "dense",
                   coding = "symmetric")
  plain <- coef(linclass_path(x, two$y, lambda = lambdas), format = "dense")
  expect_equal(two_rows["high", , ] - two_rows["low", , ], plain)
})

test_that("between two points coefficients are interpolated, outside the end counts", {
  path <- linclass_path(x, two$y, lambda = c(0.1, 0.04, 0.01))
  W <- coef(path, format = "dense")
  expect_identical(coef(path, s = 0.04, format = "dense"), W[, 2L])
  expect_equal(coef(path, s = 0.06, format = "dense"), W[, 1L] / 3 + W[, 2L] * 2 / 3)
  expect_equal(coef(path, s = c(0.025, 0.1), format = "dense"),
               cbind((W[, 2L] + W[, 3L]) / 2, W[, 1L]), ignore_attr = TRUE)
  expect_message_topic(low <- coef(path, s = 0.001, format = "dense"), "outside_path", "0.001")
  expect_equal(low, W[, 3L])
  expect_message_topic(high <- coef(path, s = 0.2, format = "dense"), "outside_path")
  expect_equal(high, W[, 1L])
  # Above lambda_max all slopes are zero, and the path begins there.
  full <- linclass_path(x, two$y, nlambda = 5)
  expect_no_message(zero <- coef(full, s = 99, format = "dense"))
  expect_identical(unname(zero[-1L]), c(0, 0, 0))
  single <- linclass_path(x, two$y, lambda = 0.05)
  expect_identical(coef(single, s = 0.05, format = "dense"), coef(single, format = "dense"))
})

# --- Prediction ------------------------------------------------------------------------------

test_that("predictions at one point are those of a fit with its coefficients", {
  new <- x[c(3, 17, 40), ] * 1.3
  rownames(new) <- c("p", "q", "r")
  for (case in list(list(two, NULL), list(three, NULL), list(three, "reference"))) {
    data <- case[[1L]]
    path <- linclass_path(data$x, data$y, lambda = lambdas, coding = case[[2L]])
    fit <- linclass(data$x, data$y, lambda = lambdas[4L], coding = case[[2L]])
    # The fit of a model that has exactly the coefficients of the point.
    fit$coefficients <- coef(path, s = lambdas[4L], format = "dense")
    all <- function(type) predict(path, new, type = type)
    for (type in c("class", "prob", "response", "link")) {
      truth <- predict(fit, new, type = type)
      expect_equal(predict(path, new, type = type, s = lambdas[4L]), truth, tolerance = 1e-12)
      several <- all(type)
      if (type == "class") {
        expect_s3_class(several, "data.frame")
        expect_identical(dim(several), c(3L, 8L))
        expect_identical(several[[4L]], truth)
      } else {
        expect_identical(dim(several), c(if (is.matrix(truth)) dim(truth) else 3L, 8L))
        at <- if (is.matrix(truth)) several[, , 4L] else several[, 4L]
        expect_equal(at, truth, tolerance = 1e-12)
      }
    }
    expect_identical(predict(path, new[1L, , drop = FALSE], type = "link", s = lambdas[4L]),
                     predict(path, new, type = "link", s = lambdas[4L]) |>
                       (\(z) if (is.matrix(z)) z[1L, , drop = FALSE] else z[1L])())
    expect_equal(predict(path, as(new, "sparseMatrix"), type = "link"),
                 predict(path, new, type = "link"), tolerance = 1e-12)
    expect_identical(predict(path, new[, 3:1], type = "prob"), predict(path, new, type = "prob"))
    expect_identical(predict(path, type = "class", s = 0.01),
                     predict(path, data$x, type = "class", s = 0.01))
  }
})

test_that("missing and infinite features make NA where they do in a fit", {
  path <- linclass_path(x, two$y, lambda = c(0.15, 0.01))
  expect_true(any(coef(path)[-1L, 1L] == 0)) # of a column that is not used, too
  new <- x[1:4, ]
  new[2L, which(coef(path)[-1L, 1L] == 0)[1L]] <- NA
  expect_identical(is.na(predict(path, new, "class", s = 0.15)), c(FALSE, TRUE, FALSE, FALSE))
  expect_identical(unname(is.na(predict(path, new, "link"))[, 1L]), c(FALSE, TRUE, FALSE, FALSE))
  new[2L, ] <- c(Inf, -Inf, 0)
  expect_warn_topic(z <- predict(path, new, "link"), "nonfinite", "row 2")
  expect_true(all(is.na(z[2L, ])))
})

test_that("offsets, na.exclude and levels are treated as in a fit", {
  holed <- transform(three$data, a = replace(a, 7L, NA), g = factor(rep(c("u", "v"), 30)))
  path <- linclass_path(y ~ a + g, holed, lambda = c(0.1, 0.01), na.action = na.exclude)
  fit <- linclass(y ~ a + g, holed, lambda = 0.01, na.action = na.exclude)
  for (type in c("prob", "link", "class")) {
    expect_equal(predict(path, type = type, s = 0.01), predict(fit, type = type), tolerance = 1e-4)
  }
  expect_identical(dim(predict(path, type = "prob")), c(60L, 3L, 2L))
  expect_true(all(is.na(predict(path, type = "prob")[7L, , ])))
  expect_identical(which(is.na(predict(path)[[2L]])), 7L)
  expect_topic(predict(path, data.frame(a = 1, g = "w")), "new_level", "w")
  with_offset <- linclass_path(x, two$y, lambda = c(0.1, 0.01), offset = offset)
  expect_topic(predict(with_offset, x), "offset")
  expect_equal(predict(with_offset, x, "link", offset = offset + 1),
               predict(with_offset, x, "link", offset = offset) + 1)
})

test_that("a formula with a wide factor has the path of its model matrix", {
  i <- seq_len(8000)
  wide <- data.frame(f = factor(1 + (i * 7) %% 500), z = sin(i),
                     y = factor(sin(1.7 * i) + sin((i * 7) %% 500) > 0))
  path <- linclass_path(y ~ f + z, wide, nlambda = 3, lambda_min_ratio = 0.5)
  expect_identical(path$blueprint$layout, "coded")
  x <- Matrix::sparse.model.matrix(y ~ f + z, wide)[, -1L]
  other <- linclass_path(x, wide$y, lambda = path$lambda)
  expect_equal(coef(path), coef(other), tolerance = 1e-6)
  new <- wide[c(1, 70, 500), ]
  new$z[2L] <- NA
  z <- predict(path, new, "link")
  expect_identical(unname(is.na(z[, 3L])), c(FALSE, TRUE, FALSE))
  truth <- predict(other, x[c(1, 500), ], "link")
  expect_equal(z[c(1, 3), ], truth, tolerance = 1e-6, ignore_attr = TRUE)
})

test_that("losses without probabilities have classes and scores only", {
  path <- linclass_path(x, two$y, loss = "squared_hinge", lambda = c(0.1, 0.01))
  expect_topic(predict(path, x, "prob"), "no_probability")
  expect_topic(deviance(path), "no_likelihood")
  z <- predict(path, x, "link", s = 0.01)
  expect_identical(predict(path, x, "class", s = 0.01),
                   factor(ifelse(z > 0, "high", "low"), levels(two$y)))
  expect_equal(path$points$deviance_ratio, 1 - path$points$loss / path$null_loss)
})

test_that("nothing of the size columns x lambda is made", {
  p <- 5e5
  at <- seq(1, p, length.out = 4000L)
  wide <- Matrix::sparseMatrix(rep(1:100, 40), at, x = cos(at) + 1, dims = c(100, p))
  y <- factor(rep(c("no", "yes"), 50))
  path <- linclass_path(wide, y, nlambda = 10, lambda_min_ratio = 0.5)
  expect_identical(dim(coef(path)), c(as.integer(p) + 1L, 10L))
  expect_lt(length(coef(path)@x), 4000)
  expect_equal(path$points$nonzero, unname(Matrix::colSums(coef(path)[-1L, ] != 0)))
  z <- predict(path, wide, "link")
  expect_identical(dim(z), c(100L, 10L))
  direct <- as.matrix(wide %*% coef(path)[-1L, ]) + rep(coef(path)[1L, ], each = 100)
  expect_equal(z, direct, ignore_attr = TRUE, tolerance = 1e-10)
  expect_identical(nrow(coef(path, s = path$lambda[10], format = "long")),
                   1L + path$points$nonzero[10L])
})

# --- Ends ------------------------------------------------------------------------------------

test_that("a path that runs out of time says so", {
  # Many points that are quick: some are done in time, but not all.
  expect_warn_topic(
    path <- linclass_path(x, two$y, nlambda = 3e5, lambda_min_ratio = 1e-8,
                          control = linclass_control(time_limit = 0.2)), "incomplete", "of 300000")
  expect_lt(length(path$lambda), 3e5)
  expect_identical(path$status, "time_limit")
  expect_identical(unname(unlist(path[c("solver", "reason")])), c("coordinate", "an L1 penalty"))
  expect_match(paste(capture.output(print(path)), collapse = " "), "of 300000 points")
  expect_identical(ncol(coef(path)), length(path$lambda))
})

test_that("points that miss the tolerance give one warning that counts them", {
  expect_warn_topic(
    path <- linclass_path(three$x, three$y, alpha = 0, nlambda = 10,
                          control = linclass_control(max_iter = 1)), "not_converged",
    "points?.*gap")
  expect_false(path$converged)
  expect_identical(unname(unlist(path[c("solver", "reason")])), c("newton", "few coefficients"))
  expect_true(any(!path$points$met))
  expect_match(paste(capture.output(print(path)), collapse = " "), "missed the tolerance")
})

# --- Bad input -------------------------------------------------------------------------------

# Each row: topic of the error, a pattern in its message, the call.
refused <- list(
  list("penalty", "NULL or numbers", quote(linclass_path(x, y, lambda = "a"))),
  list("penalty", "NULL or numbers", quote(linclass_path(x, y, lambda = numeric()))),
  list("penalty", "element 2", quote(linclass_path(x, y, lambda = c(1, -1)))),
  list("penalty", "element 1", quote(linclass_path(x, y, lambda = NA_real_))),
  list("penalty", "element 1", quote(linclass_path(x, y, lambda = Inf))),
  list("penalty", "nlambda", quote(linclass_path(x, y, nlambda = 0))),
  list("penalty", "nlambda", quote(linclass_path(x, y, nlambda = 2.5))),
  list("penalty", "lambda_min_ratio", quote(linclass_path(x, y, lambda_min_ratio = 0))),
  list("penalty", "lambda_min_ratio", quote(linclass_path(x, y, lambda_min_ratio = 2))),
  list("penalty", "alpha", quote(linclass_path(x, y, alpha = 1.1))),
  list("penalty", "No column", quote(linclass_path(x, y, penalty_factor = 0))),
  list("penalty", "perceptron", quote(linclass_path(x, y, loss = "perceptron"))),
  list("argument", "standardize", quote(linclass_path(x, y, standardize = 2))),
  list("unused_argument", "lambda", quote(linclass_path(x, y, lamda = 1))),
  list("unused_argument", "start", quote(linclass_path(x, y, start = 1))),
  list("unused_argument", "formula method", quote(linclass_path(x, y, data = d))),
  list("response", "give `y`", quote(linclass_path(x))),
  list("type", "formula or a matrix", quote(linclass_path())),
  list("type", "character", quote(linclass_path(matrix("a", 3, 3), y))),
  list("shape", "59", quote(linclass_path(x, y[-1]))),
  list("missing", "`b`", quote(linclass_path(replace(x, 65, NA), y))),
  list("nonfinite", "`b`", quote(linclass_path(replace(x, 65, Inf), y))),
  list("solver", "lasso", quote(linclass_path(x, y, solver = "newton"))),
  list("coding", "coding", quote(linclass_path(x, y, coding = "reference"))),
  list("one_class", NULL, quote(linclass_path(x, rep(TRUE, 60)))),
  list("control", "tolerance", quote(linclass_path(x, y, control = list(tolerance = -1)))),
  list("penalty", "`s`", quote(coef(path, s = "a"))),
  list("penalty", "`s`", quote(predict(path, x, s = -1))),
  list("penalty", "`s`", quote(coef(path, s = NA_real_))),
  list("unused_argument", "Did you mean", quote(predict(path, x, tipe = "link"))),
  list("argument", "sparse", quote(coef(path, format = "wide"))),
  list("coding", "coding", quote(coef(path, coding = "x"))),
  list("newdata", "`c`", quote(predict(path, x[, 1:2]))),
  list("argument", "class", quote(plot(path, class = "none"))),
  list("argument", "xvar", quote(plot(path, "time")))
)

test_that("bad input is refused with the error of its topic", {
  env <- list(x = x, y = two$y, d = two$data, path = linclass_path(x, two$y, lambda = lambdas))
  for (case in refused) {
    expect_topic(eval(case[[3L]], env), case[[1L]], case[[2L]])
  }
})

# --- Printing, pictures, other methods -------------------------------------------------------

test_that("print() is short", {
  for (data in list(two, three)) {
    lines <- capture.output(print(linclass_path(data$x, data$y, nlambda = 50)))
    expect_lte(length(lines), 20L)
    expect_lte(max(nchar(lines)), 80L)
    expect_match(lines, "50 points", all = FALSE)
  }
})

test_that("plot() names the curves and counts them", {
  for (data in list(two, three)) {
    path <- linclass_path(data$x, data$y, lambda = c(lambdas, 0))
    for (xvar in c("lambda", "norm", "deviance")) {
      page <- drawn(plot(path, xvar), width = 7, height = 7)
      expect_good_page(page)
      points <- length(lambdas) + (xvar != "lambda")
      expect_named(page$value, c("class", "term", xvar, "estimate"))
      expect_identical(nrow(page$value), 3L * points * length(path$coefficients))
      first <- path$coefficients[[1L]][-1L, 1L]
      expect_identical(page$value$estimate[1:3], unname(first))
      expect_true(all(c("a", "b", "c", "3") %in% page$text))
      expect_identical(all(levels(three$y) %in% page$text), nlevels(data$y) == 3L)
      expect_false("a" %in% drawn(plot(path, xvar, label = FALSE))$text)
    }
  }
  expect_identical(intersect(drawn(plot(path, class = "mid"))$text, levels(three$y)), character())
  expect_good_page(drawn(plot(linclass_path(x, two$y, lambda = 5)))) # nothing but zeros
})

test_that("autoplot() draws the same curves", {
  skip_if_not_installed("ggplot2")
  path <- linclass_path(x, three$y, lambda = c(lambdas, 0))
  for (xvar in c("lambda", "norm", "deviance")) {
    expect_silent(built <- ggplot2::ggplot_build(ggplot2::autoplot(path, xvar)))
    curves <- built$data[[2L]]
    # Three curves in each of three panels; lambda = 0 has no place on a logarithmic axis.
    points <- length(lambdas) + (xvar != "lambda")
    expect_identical(nrow(curves), 9L * points)
    at <- curves[curves$PANEL == 1L & curves$group == 1L, ]
    expect_equal(sort(at$y), sort(as.vector(coef(path)$low["a", seq_len(points)])))
  }
})

test_that("only the largest curves are drawn", {
  many <- matrix(sin(seq_len(300 * nrow(x))), nrow(x), dimnames = list(NULL, paste0("x", 1:300)))
  path <- linclass_path(many, two$y, lambda = c(2, 1), intercept = FALSE)
  W <- Matrix::Matrix(cbind(1:300 / 300, 0), sparse = TRUE, dimnames = dimnames(path$coefficients$high))
  path$coefficients$high <- methods::as(methods::as(W, "generalMatrix"), "CsparseMatrix")
  curves <- linclass:::path_curves(path, "lambda", NULL)
  expect_identical(curves$left_out, 100L)
  expect_equal(min(curves$slopes$high[, 1L]), 101 / 300)
})

test_that("formula, terms, update and names work as for fits", {
  path <- linclass_path(y ~ a + b, two$data, nlambda = 5)
  expect_equal(formula(path), y ~ a + b, ignore_attr = TRUE)
  expect_s3_class(terms(path), "terms")
  expect_identical(variable.names(path), c("(Intercept)", "a", "b"))
  expect_identical(variable.names(update(path, . ~ . + c)), c("(Intercept)", "a", "b", "c"))
  expect_identical(as.character(path$call[[1L]]), "linclass_path")
  again <- unserialize(serialize(path, NULL))
  expect_identical(predict(again, two$data), predict(path, two$data))
  expect_null(path$model)
})
