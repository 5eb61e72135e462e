# Cross-validation: against cv.glmnet at the same lambda and folds, against the definitions of the
# metrics, and by relations that must hold.

two <- toy(2)
three <- toy(3)
x <- two$x
i <- seq_len(60)
weights <- 1 + i %% 3
foldid <- 1L + (i * 7L) %% 5L
# Not so strong that all slopes are zero: with equal scores a class is a matter of rounding.
lambdas <- 10^seq(-1.1, -2.5, length.out = 8)

test_that("means, standard errors and choices are those of cv.glmnet", {
  skip_if_not_installed("glmnet")
  their_names <- c(deviance = "deviance", error = "class", auc = "auc", brier = "mse")
  for (data in list(two, three)) {
    family <- if (nlevels(data$y) == 2L) "binomial" else "multinomial"
    metrics <- if (family == "binomial") names(their_names) else setdiff(names(their_names), "auc")
    for (w in list(NULL, weights)) {
      cv <- linclass_cv(data$x, data$y, weights = w, lambda = lambdas, foldid = foldid,
                        metric = metrics)
      for (metric in metrics) {
        theirs <- suppressWarnings(glmnet::cv.glmnet(
          data$x, data$y, weights = if (is.null(w)) rep(1, 60) else w, family = family,
          lambda = lambdas, foldid = foldid, type.measure = their_names[[metric]],
          thresh = 1e-12))
        ours <- cv$metrics[cv$metrics$metric == metric, ]
        expect_equal(ours$lambda, theirs$lambda)
        expect_equal(ours$mean, unname(theirs$cvm), tolerance = 1e-5, info = metric)
        expect_equal(ours$se, unname(theirs$cvsd), tolerance = 1e-4, info = metric)
        best <- cv$best[cv$best$metric == metric, ]
        expect_equal(best$lambda.min, theirs$lambda.min, info = metric)
        expect_equal(best$lambda.1se, theirs$lambda.1se, info = metric)
      }
    }
  }
})

test_that("the scores of a fold are those of a path without it", {
  for (case in list(list(y = three$y), list(y = three$y, coding = "reference", alpha = 0.5),
                    list(y = two$y, offset = sin(i), weights = weights),
                    list(y = two$y, loss = "squared_hinge", standardize = FALSE))) {
    args <- c(list(x = x, lambda = lambdas), case)
    cv <- do.call(linclass_cv, c(args, list(foldid = foldid, keep = TRUE, metric = "error")))
    for (f in c(1L, 4L)) {
      out <- foldid == f
      cut <- function(v) {
        if (is.matrix(v)) v[!out, , drop = FALSE] else if (length(v) == 60L) v[!out] else v
      }
      path <- do.call(linclass_path, lapply(args, cut))
      expect_identical(cv$fold_nonzero[, f], path$points$nonzero)
      z <- predict(path, x[out, ], "link", offset = case$offset[out])
      if (path$coding == "reference") z <- z[, -1L, ]
      kept <- cv$scores[out, , , 1L]
      if (path$coding == "symmetric") {
        # A number added to the scores of all classes changes nothing.
        against_first <- function(z) z - z[, rep(1L, 3L), ]
        z <- against_first(z)
        kept <- against_first(kept)
      }
      expect_equal(as.vector(kept), as.vector(z), tolerance = 1e-4)
    }
    expect_identical(dim(cv$scores), c(60L, length(cv$path$coefficients), 8L, 1L))
    expect_equal(as.matrix(cv$path$coefficients[[1L]]),
                 as.matrix(do.call(linclass_path, args)$coefficients[[1L]]), tolerance = 1e-6)
  }
})

test_that("metrics are what their names say", {
  cv <- linclass_cv(x, two$y, weights = weights, lambda = lambdas, foldid = foldid, keep = TRUE,
                    metric = c("deviance", "error", "auc", "brier"))
  y <- as.integer(two$y) - 1L
  for (f in c(2L, 5L)) {
    out <- foldid == f
    z <- round(cv$scores[out, 1L, 6L, 1L], 12)
    p <- 1 / (1 + exp(-z))
    w <- weights[out]
    truth <- y[out]
    pairs <- outer(z[truth == 1], z[truth == 0], function(a, b) (a > b) + (a == b) / 2)
    pair_weights <- outer(w[truth == 1], w[truth == 0])
    expected <- c(deviance = -2 * sum(w * log(ifelse(truth == 1, p, 1 - p))) / sum(w),
                  error = sum(w * ((z > 0) != truth)) / sum(w),
                  auc = sum(pairs * pair_weights) / sum(pair_weights),
                  brier = 2 * sum(w * (truth - p)^2) / sum(w))
    found <- vapply(cv$fold_values, function(v) v[6L, f], 1)
    expect_equal(found, expected, tolerance = 1e-9)
  }
})

test_that("the area under the curve counts ties half, and averages pairs of classes", {
  out <- function(z, codes, weights = NULL, prob = NULL) {
    list(scores = as.matrix(z), codes = as.integer(codes),
         levels = letters[seq_len(max(codes) + 1)], weights = weights, prob = prob)
  }
  area <- linclass:::area
  expect_equal(area(out(c(1, 2, 2, 3), c(0, 0, 1, 1))), 3.5 / 4)
  expect_equal(area(out(c(1, 1, 1), c(0, 1, 1))), 0.5)
  expect_equal(area(out(c(3, 1), c(0, 1))), 0)
  expect_true(is.na(area(out(c(3, 1), c(1, 1)))))
  # Weight 2 is two copies.
  z <- c(0.3, 1, -1, 0.3, 2, 0)
  codes <- c(0, 1, 0, 1, 0, 1)
  w <- c(1, 2, 3, 1, 2, 1)
  expect_equal(area(out(z, codes, w)), area(out(rep(z, w), rep(codes, w))))
  # Hand and Till (2001): the mean over pairs of (A(i|j) + A(j|i)) / 2.
  p <- softmax(cbind(sin(1:12), cos(2 * 1:12), sin(3 * 1:12)))
  codes <- rep(0:2, 4)
  one <- function(a, b) {
    mean(outer(p[codes == a, a + 1], p[codes == b, a + 1], function(u, v) (u > v) + (u == v) / 2))
  }
  pairs <- c(one(0, 1), one(1, 0), one(0, 2), one(2, 0), one(1, 2), one(2, 1))
  expect_equal(area(out(p, codes, prob = p)), mean(pairs))
})

test_that("folds are stratified, balanced and reproducible", {
  y <- factor(rep(c("a", "b", "c"), c(40, 13, 7)))
  z <- cbind(sin(i), cos(3 * i))
  draw <- function(seed, ...) {
    set.seed(seed)
    linclass_cv(z, y, nlambda = 2, lambda_min_ratio = 0.5, metric = "error", ...)$foldid
  }
  id <- draw(1, folds = 6)
  expect_identical(id, draw(1, folds = 6))
  expect_false(identical(id, draw(2, folds = 6)))
  spread <- table(y, id)
  expect_identical(dim(spread), c(3L, 6L))
  expect_true(all(apply(spread, 1L, function(v) diff(range(v))) <= 1))
  expect_lte(diff(range(colSums(spread))), 1)
  twice <- draw(1, folds = 6, repeats = 2)
  expect_identical(dim(twice), c(60L, 2L))
  expect_false(identical(twice[, 1L], twice[, 2L]))
})

test_that("repeats average means and squared standard errors", {
  ids <- cbind(foldid, rev(foldid))
  both <- linclass_cv(x, two$y, lambda = lambdas, foldid = ids)
  each <- lapply(1:2, function(r) {
    linclass_cv(x, two$y, lambda = lambdas, foldid = ids[, r])$metrics
  })
  expect_equal(both$metrics$mean, (each[[1L]]$mean + each[[2L]]$mean) / 2, tolerance = 1e-9)
  expect_equal(both$metrics$se, sqrt((each[[1L]]$se^2 + each[[2L]]$se^2) / 2), tolerance = 1e-9)
  expect_identical(both$repeats, 2L)
  expect_identical(dim(both$fold_values$deviance), c(8L, 10L))
})

test_that("rows that are absent have no fold", {
  data <- transform(two$data, f = foldid, a = replace(a, 9L, NA), w = replace(weights, 4:5, 0))
  cv <- linclass_cv(y ~ a + b, data, foldid = f, weights = w, subset = b > -0.9, nlambda = 4)
  kept <- which(!is.na(data$a) & data$w > 0 & data$b > -0.9)
  expect_identical(cv$foldid[, 1L], foldid[kept])
  matrix_cv <- linclass_cv(x, two$y, foldid = letters[foldid], weights = data$w, nlambda = 4)
  expect_identical(matrix_cv$foldid[, 1L], foldid[-(4:5)])
})

test_that("counts of one row stay in one fold", {
  counted <- data.frame(a = sin(1:30), yes = 1 + 1:30 %% 3, no = 2 - 1:30 %% 2)
  cv <- linclass_cv(cbind(yes, no) ~ a, counted, folds = 5, nlambda = 4)
  expect_identical(nrow(cv$foldid), 60L)
  expect_identical(cv$foldid[2 * 1:30, 1L], cv$foldid[2 * 1:30 - 1, 1L])
  expect_length(predict(cv), 30L)
})

test_that("the choice is the best mean and the one standard error rule", {
  cv <- linclass_cv(x, two$y, lambda = lambdas, foldid = foldid, metric = c("auc", "deviance"))
  for (metric in c("auc", "deviance")) {
    table <- cv$metrics[cv$metrics$metric == metric, ]
    sign <- if (metric == "auc") -1 else 1
    best <- which.min(sign * table$mean)
    within <- sign * table$mean <= sign * table$mean[best] + table$se[best]
    chosen <- cv$best[cv$best$metric == metric, ]
    expect_identical(chosen$lambda.min, table$lambda[best])
    expect_identical(chosen$lambda.1se, max(table$lambda[within]))
    expect_identical(chosen$larger_is_better, metric == "auc")
  }
  expect_identical(cv$lambda.min, cv$best$lambda.min[1L])
  expect_identical(cv$lambda.1se, cv$best$lambda.1se[1L])
})

test_that("metrics may be functions", {
  right <- function(truth, prediction, weights) {
    sum(weights * (levels(truth)[max.col(prediction, "first")] == truth)) / sum(weights)
  }
  cv <- linclass_cv(three$x, three$y, weights = weights, lambda = lambdas, foldid = foldid,
                    metric = list("error", right = structure(right, larger_is_better = TRUE)))
  error <- cv$metrics[cv$metrics$metric == "error", ]
  right <- cv$metrics[cv$metrics$metric == "right", ]
  expect_equal(right$mean, 1 - error$mean)
  expect_equal(right$se, error$se)
  expect_identical(cv$best$lambda.1se[1L], cv$best$lambda.1se[2L])
  # Scores where the loss has no probabilities.
  seen <- NULL
  hinge <- linclass_cv(three$x, three$y, loss = "squared_hinge", lambda = 0.1, foldid = foldid,
                       keep = TRUE, metric = function(truth, prediction, weights) {
                         seen <<- prediction
                         0
                       })
  expect_identical(colnames(seen), levels(three$y))
  expect_equal(unname(seen), hinge$scores[foldid == 5L, , 1L, 1L])
  expect_identical(hinge$metrics$metric, "metric")
})

test_that("a margin loss is measured by its mean", {
  cv <- linclass_cv(x, two$y, loss = "squared_hinge", lambda = lambdas, foldid = foldid,
                    keep = TRUE)
  out <- foldid == 3L
  s <- ifelse(two$y[out] == "high", 1, -1)
  expect_equal(cv$fold_values$deviance[2L, 3L],
               mean(pmax(0, 1 - s * cv$scores[out, 1L, 2L, 1L])^2))
  expect_identical(unname(cv$titles), "squared hinge")
})

test_that("coef() and predict() take the chosen lambda", {
  cv <- linclass_cv(three$x, three$y, lambda = lambdas, foldid = foldid)
  for (s in c("lambda.1se", "lambda.min")) {
    expect_identical(coef(cv, s = s), coef(cv$path, s = cv[[s]]))
    expect_identical(predict(cv, x, "prob", s = s), predict(cv$path, x, "prob", s = cv[[s]]))
  }
  expect_identical(predict(cv, x), predict(cv, x, s = "lambda.1se"))
  expect_identical(predict(cv, x, "link", s = 0.05), predict(cv$path, x, "link", s = 0.05))
  expect_identical(predict(cv), predict(cv, x))
  expect_equal(nobs(cv), 60)
  expect_identical(variable.names(cv), c("(Intercept)", "a", "b", "c"))
  # The path has a call of its own.
  expect_identical(as.character(cv$path$call[[1L]]), "linclass_path")
  expect_false("foldid" %in% names(cv$path$call))
})

test_that("rare classes are told, and refused where a fold would not know them", {
  y <- factor(rep(c("a", "b", "c"), c(40, 17, 3)))
  expect_warn_topic(cv <- linclass_cv(x, y, nlambda = 3, metric = "error"), "rare_class", "\"c\"")
  expect_identical(max(table(cv$foldid, y)[, "c"]), 1L)
  single <- factor(rep(c("a", "b", "c"), c(40, 19, 1)))
  expect_topic(linclass_cv(x, single), "folds", "\"c\" has a single row")
  expect_topic(linclass_cv(x, y, foldid = as.integer(y)), "folds", "in one fold")
})

# Each row: topic of the error, a pattern in its message, the call.
refused <- list(
  list("folds", "`folds`", quote(linclass_cv(x, y, folds = 1))),
  list("folds", "`folds`", quote(linclass_cv(x, y, folds = 2.5))),
  list("folds", "`folds`", quote(linclass_cv(x, y, folds = "a"))),
  list("folds", "61 folds and 60 rows", quote(suppressWarnings(linclass_cv(x, y, folds = 61)))),
  list("folds", "`repeats`", quote(linclass_cv(x, y, repeats = 0))),
  list("folds", "1e\\+09 repeats", quote(linclass_cv(x, y, repeats = 1e9))),
  list("folds", "two different", quote(linclass_cv(x, y, foldid = rep(1, 60)))),
  list("folds", "1 missing", quote(linclass_cv(x, y, foldid = c(NA, foldid[-1])))),
  list("folds", "vector or a matrix", quote(linclass_cv(x, y, foldid = list(1)))),
  list("folds", "as many", quote(linclass_cv(x, y, foldid = cbind(foldid, foldid %% 2)))),
  list("shape", "59", quote(linclass_cv(x, y, foldid = foldid[-1]))),
  list("metric", "Did you mean `deviance`", quote(linclass_cv(x, y, metric = "devianc"))),
  list("metric", "names of", quote(linclass_cv(x, y, metric = 1))),
  list("metric", "names of", quote(linclass_cv(x, y, metric = NULL))),
  list("metric", "twice", quote(linclass_cv(x, y, metric = c("auc", "auc")))),
  list("metric", "named", quote(linclass_cv(x, y, metric = list(mean)))),
  list("metric", "one number", quote(linclass_cv(x, y, lambda = 1, metric = function(...) 1:2))),
  list("metric", "no value", quote(linclass_cv(x, y, lambda = 1, metric = function(...) NA))),
  list("no_probability", "brier", quote(linclass_cv(x, y, loss = "hinge", metric = "brier"))),
  list("argument", "keep", quote(linclass_cv(x, y, keep = 1))),
  list("unused_argument", "folds", quote(linclass_cv(x, y, fold = 5))),
  list("penalty", "nlambda", quote(linclass_cv(x, y, nlambda = 0))),
  list("response", "give `y`", quote(linclass_cv(x))),
  list("argument", "lambda.1se", quote(coef(cv, s = "best"))),
  list("argument", "error", quote(plot(cv, "error")))
)

test_that("bad input is refused with the error of its topic", {
  env <- list(x = x, y = two$y, foldid = foldid,
              cv = linclass_cv(x, two$y, nlambda = 3, foldid = foldid))
  for (case in refused) {
    expect_topic(eval(case[[3L]], env), case[[1L]], case[[2L]])
  }
})

test_that("print() is short and plot() leaves par alone", {
  cv <- linclass_cv(three$x, three$y, foldid = foldid, nlambda = 10,
                    metric = c("deviance", "auc"))
  lines <- capture.output(print(cv))
  expect_lte(length(lines), 20L)
  expect_lte(max(nchar(lines)), 80L)
  expect_match(lines, "lambda.1se", all = FALSE)
  for (metric in list(NULL, "auc")) {
    page <- drawn(plot(cv, metric))
    expect_good_page(page)
    chosen <- cv$metrics[cv$metrics$metric == c(metric, "deviance")[1L], ]
    expect_equal(page$value[names(chosen)], chosen)
    expect_equal(page$value$high - page$value$mean, chosen$se)
    title <- if (is.null(metric)) "deviance" else "area under the ROC curve"
    expect_true(all(c("lambda.min", "lambda.1se", title) %in% page$text))
  }
  if (requireNamespace("ggplot2", quietly = TRUE)) {
    expect_silent(ggplot2::ggplot_build(ggplot2::autoplot(cv, "auc")))
  }
  metrics <- linclass_metrics()
  expect_identical(metrics$larger_is_better[metrics$name == "auc"], TRUE)
})

test_that("what a path tells a cross-validation tells, too", {
  cv <- linclass_cv(toy()$x, toy()$y, folds = 3, nlambda = 4)
  for (verb in list(deviance, objective, certificate)) expect_identical(verb(cv), verb(cv$path))
})

test_that("folds of a hinge miss the tolerance where its path would", {
  # A kink is solved to a gap of 1e-6 at least, whatever the tolerance.
  d <- toy(3)
  cv <- NULL
  expect_identical(warned_topics(cv <- linclass_cv(d$x, d$y, loss = "hinge", folds = 3, nlambda = 4)),
                   character())
  expect_true(all(cv$path$points$met) && max(cv$fold_relative) <= 1e-6)
  expect_gt(max(cv$fold_relative), 1e-8)
})

test_that("fitted(held_out = TRUE) predicts each row by a fit to the other folds", {
  fold <- rep(1:4, length.out = 150)
  by_hand <- function(loss, lambda, type, data, formula, coding = NULL) {
    parts <- lapply(1:4, function(f) {
      fit <- linclass(formula, data[fold != f, ], loss = loss, lambda = lambda, alpha = 0, coding = coding,
                      control = linclass_control(tolerance = 1e-12))
      p <- predict(fit, data[fold == f, ], type = type)
      if (type == "class") as.character(p) else as.matrix(p)
    })
    at <- order(unlist(lapply(1:4, function(f) which(fold == f))))
    if (type == "class") unlist(parts)[at] else do.call(rbind, parts)[at, , drop = FALSE]
  }
  two <- transform(iris, Species = factor(Species == "virginica", labels = c("no", "yes")))
  cases <- list(list(two, "logistic", NULL), list(iris, "softmax", "symmetric"), list(two, "squared_hinge", NULL),
                list(iris, "squared_hinge", "symmetric"))
  for (case in cases) {
    cv <- linclass_cv(Species ~ ., case[[1]], loss = case[[2]], lambda = c(0.1, 0.02), alpha = 0, foldid = fold,
                      keep = TRUE, metric = "error", control = linclass_control(tolerance = 1e-12))
    types <- c(if (case[[2]] %in% c("logistic", "softmax")) "prob", "link", "class")
    for (type in types) {
      expected <- by_hand(case[[2]], 0.02, type, case[[1]], Species ~ ., case[[3]])
      found <- fitted(cv, type, held_out = TRUE, s = 0.02)
      if (type == "class") {
        expect_identical(levels(found), levels(case[[1]]$Species))
        expect_identical(as.character(found), expected)
      } else {
        if (type == "link" && ncol(expected) > 1) expected <- expected - rowMeans(expected)
        expect_equal(unname(as.matrix(found)), unname(expected), tolerance = 1e-4)
      }
    }
  }
  expect_named(fitted(linclass_cv(Species ~ ., two, keep = TRUE, foldid = fold, nlambda = 3), held_out = TRUE),
               rownames(two))
})

test_that("held-out predictions know missing rows and repeats, and refuse what was not kept", {
  skip_if_not_installed("MASS")
  births <- transform(MASS::birthwt, low = factor(low), age = replace(age, c(2, 9), NA))
  set.seed(1)
  cv <- linclass_cv(low ~ age + lwt, births, folds = 3, repeats = 2, keep = TRUE, nlambda = 5,
                    na.action = na.exclude)
  p <- fitted(cv, "prob", held_out = TRUE, s = "lambda.min")
  expect_identical(unname(which(is.na(p[, 1]))), c(2L, 9L))
  at <- match(cv$lambda.min, cv$path$lambda)
  expect_equal(unname(p[-c(2, 9), 2]), unname(stats::plogis(rowMeans(cv$scores[, 1, at, ]))), tolerance = 1e-12)
  expect_error(fitted(cv, held_out = TRUE, s = 0.123), class = "linclass_error_argument")
  expect_error(fitted(cv, held_out = NA), class = "linclass_error_argument")
  expect_error(fitted(update(cv, keep = FALSE), held_out = TRUE), "keep = TRUE", class = "linclass_error_argument")
})
