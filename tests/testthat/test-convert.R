# convert_penalty(): closed forms, the way there and back, and fits by the packages themselves.

test_that("each scale converts by its formula", {
  expect_equal(convert_penalty("glmnet", lambda = 0.3, alpha = 0.2), list(lambda = 0.3, alpha = 0.2))
  expect_equal(convert_penalty("scikit_learn", C = 0.5, n = 100), list(lambda = 0.02, alpha = 0))
  expect_equal(convert_penalty("scikit_learn", C = 2, l1_ratio = 0.4, n = 50),
               list(lambda = 0.01, alpha = 0.4))
  expect_equal(convert_penalty("scikit_learn_sgd", alpha = 0.01, l1_ratio = 0.15),
               list(lambda = 0.01, alpha = 0.15))
  expect_equal(convert_penalty("liblinear", cost = 0.1, n = 200), list(lambda = 0.05, alpha = 0))
  expect_equal(convert_penalty("liblinear", cost = 0.1, l1 = 1, n = 200),
               list(lambda = 0.05, alpha = 1))
  expect_equal(convert_penalty("nnet", decay = 3, n = 60), list(lambda = 0.1, alpha = 0))
  # lambda [a sum|w| + (1 - a) sum w^2]: lambda (2 - a), a / (2 - a)
  expect_equal(convert_penalty("squares", lambda = 0.04, a = 0.7),
               list(lambda = 0.04 * 1.3, alpha = 0.7 / 1.3))
  expect_equal(convert_penalty("squares", lambda = 0.04), list(lambda = 0.08, alpha = 0))
  # Two rows: lambda (1 + alpha) / 2, 2 alpha / (1 + alpha)
  expect_equal(convert_penalty("two_rows", lambda = 0.1, alpha = 0.6),
               list(lambda = 0.08, alpha = 0.75))
  expect_equal(convert_penalty("two_rows", lambda = 0.1, alpha = 0), list(lambda = 0.05, alpha = 0))
})

test_that("what a scale minimises, computed in R, is a multiple of our objective", {
  W <- c(0.3, -1.2, 0, 2)
  losses <- c(0.2, 1.7, 0.4, 0.05, 2.2)
  n <- length(losses)
  squares <- sum(W^2)
  sizes <- sum(abs(W))
  # The value of each, and what divides it: the multiple of the mean loss.
  cases <- list(
    list(scale = "scikit_learn", values = list(C = 0.7, l1_ratio = 0.3), multiple = 0.7 * n,
         value = 0.7 * sum(losses) + 0.35 * squares + 0.3 * sizes),
    list(scale = "scikit_learn_sgd", values = list(alpha = 0.2, l1_ratio = 0.1), multiple = 1,
         value = mean(losses) + 0.2 * (0.45 * squares + 0.1 * sizes)),
    list(scale = "liblinear", values = list(cost = 3), multiple = 3 * n,
         value = 3 * sum(losses) + squares / 2),
    list(scale = "liblinear", values = list(cost = 3, l1 = 1), multiple = 3 * n,
         value = 3 * sum(losses) + sizes),
    list(scale = "nnet", values = list(decay = 0.6), multiple = n,
         value = sum(losses) + 0.6 * squares),
    list(scale = "squares", values = list(lambda = 0.2, a = 0.25), multiple = 1,
         value = mean(losses) + 0.2 * (0.75 * squares + 0.25 * sizes)))
  for (case in cases) {
    ours <- do.call(convert_penalty, c(list(case$scale, n = n), case$values))
    value <- mean(losses) + ours$lambda * ((1 - ours$alpha) / 2 * squares + ours$alpha * sizes)
    expect_equal(value * case$multiple, case$value, info = case$scale)
  }
})

test_that("there and back is the identity, for vectors too, through every pair of scales", {
  scales <- setdiff(penalty_scales()$scale, c("linclass", "nnet", "liblinear"))
  for (a in scales) for (b in scales) {
    there <- convert_penalty(lambda = c(0.01, 0.3, 2), alpha = c(0, 0.4, 1), to = a, n = 40)
    across <- do.call(convert_penalty, c(list(a, b, n = 40), there))
    back <- do.call(convert_penalty, c(list(b, n = 40), across))
    expect_equal(back, list(lambda = c(0.01, 0.3, 2), alpha = c(0, 0.4, 1)), info = paste(a, b))
  }
  for (scale in c("nnet", "liblinear")) {
    there <- convert_penalty(lambda = c(0.01, 0.3), alpha = 0, to = scale, n = 40)
    expect_equal(do.call(convert_penalty, c(list(scale, n = 40), there)),
                 list(lambda = c(0.01, 0.3), alpha = c(0, 0)))
  }
  # No penalty at all.
  expect_equal(convert_penalty(lambda = 0, to = "scikit_learn", n = 10),
               list(C = Inf, l1_ratio = 0))
  expect_equal(convert_penalty("liblinear", cost = Inf, n = 10), list(lambda = 0, alpha = 0))
})

test_that("factors of glmnet have a mean of one, ours are as given", {
  found <- convert_penalty("glmnet", lambda = 0.1, penalty.factor = c(a = 0, b = 1, c = 3))
  expect_equal(found, list(lambda = 0.1, alpha = 1,
                           penalty_factor = c(a = 0, b = 0.75, c = 2.25)))
  back <- convert_penalty(lambda = 0.2, alpha = 0.5, penalty_factor = c(0, 1, 3), to = "glmnet")
  expect_equal(back, list(lambda = 0.2 * 4 / 3, alpha = 0.5, penalty.factor = c(0, 0.75, 2.25)))
})

test_that("what cannot be converted is refused", {
  expect_topic(convert_penalty("sklearn", C = 1), "argument", "scikit_learn")
  expect_topic(convert_penalty("glmnet"), "argument", "`lambda` .* missing")
  expect_topic(convert_penalty("glmnet", "linclass", 0.1), "argument", "by name")
  expect_topic(convert_penalty("glmnet", lamda = 0.1), "argument", "Did you mean `lambda`")
  expect_topic(convert_penalty("scikit_learn", C = 1), "argument", "`n` is missing")
  expect_topic(convert_penalty("scikit_learn", C = 1, n = 0), "argument", "positive")
  expect_topic(convert_penalty("glmnet", lambda = -1), "penalty", "0 to Inf")
  expect_topic(convert_penalty("glmnet", lambda = NA_real_), "penalty")
  expect_topic(convert_penalty("glmnet", lambda = 1, alpha = 1.5), "penalty", "0 to 1")
  expect_topic(convert_penalty("glmnet", lambda = 1:3, alpha = c(0, 1)), "shape")
  expect_topic(convert_penalty(lambda = 1, alpha = 0.5, to = "liblinear", n = 5), "penalty", "cost")
  expect_topic(convert_penalty(lambda = 1, alpha = 1, to = "nnet", n = 5), "penalty", "decay")
  expect_topic(convert_penalty("liblinear", cost = 1, l1 = 0.5, n = 5), "penalty")
  expect_topic(convert_penalty(lambda = 1, penalty_factor = 1:2, to = "squares"), "penalty")
  expect_topic(convert_penalty(lambda = 1, penalty_factor = c(0, 0)), "penalty", "not all 0")
})

# --- Fits by the packages themselves ---------------------------------------------------------

ours <- function(x, y, scale, ..., standardize = FALSE, coding = NULL, intercept = TRUE,
                 loss = "auto", n = length(y)) {
  penalty <- convert_penalty(scale, n = n, ...)
  fit <- do.call(linclass, c(list(x, y, standardize = standardize, coding = coding, loss = loss,
                                  intercept = intercept,
                                  control = linclass_control(tolerance = 1e-12)), penalty))
  coef(fit)
}

test_that("glmnet, with factors and weights", {
  skip_if_not_installed("glmnet")
  x <- as.matrix(iris[51:150, 1:4])
  y <- droplevels(iris$Species[51:150])
  factor <- c(2, 0.5, 1, 3)
  peer <- glmnet::glmnet(x, y, "binomial", alpha = 0.6, lambda = 0.03, penalty.factor = factor,
                         thresh = 1e-14)
  found <- ours(x, y, "glmnet", lambda = 0.03, alpha = 0.6, penalty.factor = factor,
                standardize = TRUE)
  expect_equal(unname(found), as.vector(coef(peer)), tolerance = 1e-5)
  # Two rows: softmax of two classes is the logistic model at another penalty.
  rows <- glmnet::glmnet(x, y, "multinomial", alpha = 0.6, lambda = 0.03, thresh = 1e-14,
                         standardize = FALSE)
  W <- vapply(coef(rows), as.vector, numeric(5))
  found <- ours(x, y, "two_rows", lambda = 0.03, alpha = 0.6)
  expect_equal(unname(found), unname(W[, 2] - W[, 1]), tolerance = 1e-4)
})

test_that("multinom with decay, which also shrinks its intercepts", {
  skip_if_not_installed("nnet")
  peer <- nnet::multinom(Species ~ ., iris, decay = 0.6, trace = FALSE, reltol = 1e-15,
                         maxit = 10000)
  x <- cbind(one = 1, as.matrix(iris[1:4]))
  found <- ours(x, iris$Species, "nnet", decay = 0.6, coding = "reference", intercept = FALSE)
  expect_equal(unname(found), unname(coef(peer)), tolerance = 1e-5)
  two <- droplevels(iris[51:150, ])
  peer <- nnet::multinom(Species ~ ., two, decay = 0.6, trace = FALSE, reltol = 1e-15,
                         maxit = 10000)
  found <- ours(x[51:150, ], two$Species, "nnet", decay = 0.6, intercept = FALSE)
  expect_equal(unname(found), unname(coef(peer)), tolerance = 1e-5)
})

test_that("LiblineaR: logistic, squared hinge and hinge, which shrink the bias too", {
  skip_if_not_installed("LiblineaR")
  x <- as.matrix(iris[51:150, 1:4])
  y <- droplevels(iris$Species[51:150])
  with_one <- cbind(x, one = 1)
  # LiblineaR codes the class that comes first as +1; ours is the second.
  peer <- function(type, cost) {
    -as.vector(LiblineaR::LiblineaR(x, y, type = type, cost = cost, bias = 1, epsilon = 1e-10)$W)
  }
  # Not type 5 (squared hinge, lasso): it stops far from its minimum, somewhere else each time.
  table <- list(list(0, "logistic", 0), list(6, "logistic", 1), list(2, "squared_hinge", 0))
  for (row in table) for (cost in c(0.1, 2)) {
    found <- ours(with_one, y, "liblinear", cost = cost, l1 = row[[3]], intercept = FALSE,
                  loss = row[[2]])
    value <- function(w) {
      lambda <- convert_penalty("liblinear", cost = cost, l1 = row[[3]], n = 100)
      loss_value(w, with_one, y, row[[2]], lambda = 0) + if (row[[3]]) lambda$lambda * sum(abs(w))
        else lambda$lambda / 2 * sum(w^2)
    }
    label <- sprintf("type %d, cost %g", row[[1]], cost)
    least <- value(unname(found))
    expect_lte(least, value(peer(row[[1]], cost)) * (1 + 1e-10), label = label)
    expect_near(value(peer(row[[1]], cost)), least, 1e-6, label)
    # Its lasso stops somewhere else each time, along a flat valley.
    expect_equal(unname(found), peer(row[[1]], cost), tolerance = if (row[[3]]) 0.05 else 1e-3, info = label)
  }
})

scikit_learn_fits <- function() {
  fits <- utils::read.csv(reference_file("scikit-learn.csv"))
  split(fits, factor(paste(fits$data, fits$call), unique(paste(fits$data, fits$call))))
}

test_that("scikit-learn, by its stored fits", {
  number <- function(call, name, other) {
    found <- regmatches(call, regexec(paste0("[( ]", name, "=([0-9.e-]+)"), call))[[1]][2]
    if (is.na(found)) other else as.numeric(found)
  }
  fits <- scikit_learn_fits()
  expect_length(fits, 6)
  for (peer in fits) {
    data <- utils::read.csv(reference_file("data-", peer$data[1], ".csv"))
    call <- peer$call[1]
    x <- as.matrix(data[names(data) != "y"])
    y <- factor(data$y)
    W <- matrix(peer$estimate, ncol = 5, byrow = TRUE)
    if (startsWith(call, "LinearSVC")) {
      # liblinear again: the bias is a weight of a column of ones.
      found <- ours(cbind(one = 1, x), y, "scikit_learn", C = number(call, "C"), intercept = FALSE,
                    loss = "squared_hinge")
    } else if (startsWith(call, "SGD")) {
      found <- ours(x, y, "scikit_learn_sgd", alpha = number(call, "alpha"))
    } else {
      ratio <- if (grepl("\"l1\"", call)) 1 else number(call, "l1_ratio", 0)
      found <- ours(x, y, "scikit_learn", C = number(call, "C"), l1_ratio = ratio)
    }
    near <- if (startsWith(call, "SGD")) 0.03 else 1e-4
    slopes <- rbind(found)[, -1]
    expect_equal(unname(slopes), drop(W[, -1]), tolerance = near, info = call)
    # saga leaves the intercepts uncentred; only their differences count.
    centre <- function(v) if (length(v) > 1) v - mean(v) else v
    expect_equal(unname(centre(rbind(found)[, 1])), centre(W[, 1]), tolerance = near, info = call)
  }
})
