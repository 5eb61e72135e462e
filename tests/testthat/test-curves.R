# Curves and measures of thresholds, against counts by hand, ranks and definitions.

test_that("thresholds() counts rows at every distinct value", {
  truth <- factor(c("n", "p", "p", "n", "p"), c("n", "p"))
  score <- c(0.1, 0.9, 0.4, 0.4, 0.8)
  table <- thresholds(truth, score)
  expect_equal(table$threshold, c(Inf, 0.9, 0.8, 0.4, 0.1))
  expect_equal(table$tp, c(0, 1, 2, 3, 3))
  expect_equal(table$fp, c(0, 0, 0, 1, 2))
  expect_equal(table$precision, c(NaN, 1, 1, 3 / 4, 3 / 5))
  expect_equal(table$lift, table$precision / 0.6)
  expect_equal(table$f1[4], 2 / (1 / (3 / 4) + 1 / 1))
  expect_equal(thresholds(truth, score, weights = c(2, 1, 1, 1, 3)),
               thresholds(truth[c(1, 1:5, 5, 5)], score[c(1, 1:5, 5, 5)]))
})

test_that("areas are rank statistics, for several classes one against the others", {
  d <- toy(3L)
  fit <- linclass(y ~ ., d$data, lambda = 0.01, alpha = 0)
  p <- predict(fit, d$data, type = "prob")
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  area <- attr(plot_roc(d$y, p), "area")
  for (class in levels(d$y)) {
    r <- rank(p[, class])
    yes <- d$y == class
    u <- (sum(r[yes]) - sum(yes) * (sum(yes) + 1) / 2) / (sum(yes) * sum(!yes))
    expect_equal(area[[class]], u, tolerance = 1e-12)
    # mean over true rows of the precision at their threshold
    precision <- vapply(p[yes, class], function(t) mean(yes[p[, class] >= t]), 1)
    expect_equal(attr(plot_precision_recall(d$y, p), "area")[[class]], mean(precision),
                 tolerance = 1e-12)
  }
  lift <- plot_lift(d$y, p)
  expect_equal(lift$lift[lift$share == 1], rep(1, 3))
})

test_that("a threshold is the best of all", {
  d <- toy()
  p <- predict(linclass(y ~ ., d$data), d$data, type = "response")
  table <- thresholds(d$y, p)
  for (by in c("youden", "f1")) {
    expect_equal(choose_threshold(d$y, p, by)[[by]], max(table[[by]], na.rm = TRUE))
  }
  cost <- choose_threshold(d$y, p, "cost", cost = c(1, 5))
  at <- cost$threshold
  by_hand <- function(t) mean((p >= t & d$y == "low") + 5 * (p < t & d$y == "high"))
  expect_equal(cost$cost, by_hand(at))
  expect_equal(cost$cost, min(vapply(c(Inf, p), by_hand, 1)))
})

test_that("measures of a confusion matrix are their definitions", {
  truth <- factor(c("a", "a", "a", "b", "b", "c"))
  answer <- factor(c("a", "a", "b", "b", "c", "c"))
  m <- confusion_measures(truth, answer)
  expect_equal(m$classes$sensitivity, c(2 / 3, 1 / 2, 1))
  expect_equal(m$classes$precision, c(1, 1 / 2, 1 / 2))
  expect_equal(m$classes$specificity, c(1, 3 / 4, 4 / 5))
  expect_equal(m$overall$accuracy, 4 / 6)
  expect_equal(m$overall$kappa, (4 / 6 - 12 / 36) / (1 - 12 / 36))
  indicator <- function(f) model.matrix(~ f - 1)
  covariance <- function(a, b) sum(cov(indicator(a), indicator(b))[cbind(1:3, 1:3)])
  expect_equal(m$overall$mcc, covariance(truth, answer) /
                 sqrt(covariance(truth, truth) * covariance(answer, answer)))
})

test_that("bad input is refused", {
  d <- toy()
  expect_topic(thresholds(d$y, 1:3), "shape")
  expect_topic(thresholds(d$y, rep(NA_real_, 60)), "argument")
  expect_topic(thresholds(d$y[d$y == "low"], rep(0.5, sum(d$y == "low"))), "argument")
  expect_topic(choose_threshold(d$y, d$x[, 1], "cost", cost = -1), "argument")
})
