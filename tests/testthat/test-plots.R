skip_if_not_installed("MASS")
births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")))
with_solver <- function(solver, ...) linclass(low ~ age + lwt + smoke, births, solver = solver, ...)
newton <- with_solver("newton")
lbfgs <- with_solver("lbfgs")
plane <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0)
blue <- "#0072b2"
vermilion <- "#d55e00"

test_that("every picture of a fit leaves a good page and returns its data", {
  for (which in c("history", "coefficients", "boundary", "confusion", "reliability")) {
    page <- drawn(plot(plane, which))
    expect_good_page(page)
    expect_s3_class(page$value, "data.frame")
  }
  expect_error(plot(newton, "boundary"), class = "linclass_error_argument")
  svm <- linclass(Species ~ ., iris, loss = "hinge", lambda = 0.1, alpha = 0)
  expect_error(plot(svm, "reliability"), class = "linclass_error_no_probability")
  expect_error(plot(plane, "weights"), class = "linclass_error_shape")
})

test_that("histories are measured from one minimum where fits share their objective", {
  page <- drawn(plot_history(newton = newton, lbfgs = lbfgs), width = 7)
  expect_good_page(page)
  expect_true(all(c("newton", "lbfgs", "objective - minimum") %in% trimws(page$text)))
  expect_true(all(c(blue, vermilion) %in% page$colours))
  data <- page$value
  expect_identical(levels(data$fit), c("newton", "lbfgs"))
  expect_identical(data$gradient_norm, c(newton$history$gradient_norm, lbfgs$history$gradient_norm))
  # Minimum = objective - gap is one number, not above what was reached, and the least by glm.
  least <- c(newton$history$objective, lbfgs$history$objective) - data$gap
  expect_equal(diff(range(least)), 0, tolerance = 1e-14)
  by_glm <- glm(low ~ age + lwt + smoke, binomial, births, epsilon = 1e-14)
  expect_equal(least[1], deviance(by_glm) / 2 / nrow(births), tolerance = 1e-9)

  # A fit of another objective has a minimum of its own.
  ridge <- with_solver("newton", lambda = 0.1, alpha = 0)
  both <- drawn(plot_history(newton, ridge))$value
  expect_identical(levels(both$fit), c("newton", "newton.1"))
  expect_lt(min(both$gap[both$fit == "newton.1"]), 1e-8)

  one <- drawn(plot_history(newton, time = "seconds", values = "objective"))
  expect_good_page(one)
  expect_identical(names(one$value), c("fit", "time", "objective"))
  expect_identical(one$value$time, newton$history$seconds)
  expect_error(plot_history(), class = "linclass_error_argument")
  expect_error(plot_history(newton, time = "hours"), class = "linclass_error_argument")
  expect_error(plot_history(newton, values = "loss"), class = "linclass_error_argument")
})

test_that("the coefficient forest shows estimates and intervals", {
  page <- drawn(plot(newton, "coefficients"))
  expect_true(all(c("age", "lwt", "smoke") %in% page$text))
  by_glm <- summary(glm(low ~ age + lwt + smoke, binomial, births))$coefficients[-1, ]
  expect_equal(page$value$estimate, unname(by_glm[, 1]), tolerance = 1e-6)
  expect_equal(page$value$upper - page$value$lower, unname(2 * qnorm(0.975) * by_glm[, 2]),
               tolerance = 1e-5)

  # Three classes, two rows of coefficients each with symbol and colour of its own.
  fit <- linclass(Sat ~ Infl + Cont, MASS::housing, weights = Freq)
  page <- drawn(plot(fit, "coefficients"))
  expect_good_page(page)
  expect_true(all(c("Medium", "High", "InflHigh") %in% trimws(page$text)))
  expect_equal(page$value$estimate, as.vector(coef(fit)[, -1]))
  expect_equal(page$value$class, factor(rep(c("Medium", "High"), 3), c("Medium", "High")))
  expect_identical(attr(page$value, "intervals"), TRUE)

  # Few of many: those with the largest coefficients.
  page <- drawn(plot(plane, "coefficients", max_terms = 1))
  largest <- which.max(apply(abs(coef(plane)[, -1]), 2, max))
  expect_identical(levels(page$value$term), names(largest))
  expect_true("Coefficients (1 of 2)" %in% page$text)
})

test_that("regions are those of predict()", {
  page <- drawn(plot(plane, "boundary"))
  expect_identical(page$value$predicted, predict(plane))
  expect_equal(page$value$Petal.Width, iris$Petal.Width)
  # The raster's corners: pale tones of the colours of the classes that are predicted there.
  pixels <- matrix(page$pixels[[1]], 240) # columns are rows of the picture, from the top
  x <- extendrange(iris$Petal.Length, f = 0.06)
  y <- extendrange(iris$Petal.Width, f = 0.06)
  corner <- data.frame(Petal.Length = x[c(1, 2)], Petal.Width = y[c(1, 2)])
  ink <- function(colour) 255 - col2rgb(colour)
  classes <- c(setosa = blue, versicolor = vermilion, virginica = "#009e73")
  hue <- function(colour) {
    full <- ink(classes)
    names(which.max(colSums(full * ink(colour)[, 1]) / sqrt(colSums(full^2))))
  }
  seen <- c(hue(pixels[1, 240]), hue(pixels[240, 1]))
  expect_identical(seen, as.character(predict(plane, corner)))
  expect_true("wrong" %in% trimws(page$text))
})

test_that("a confusion matrix counts as table() does", {
  truth <- factor(c("a", "a", "b", "c", "c", "c", NA), levels = c("a", "b", "c", "d"))
  answer <- factor(c("a", "b", "b", "c", "c", "a", "a"), levels = c("a", "b", "c", "d"))
  page <- drawn(plot_confusion(truth, answer))
  expect_good_page(page)
  expect_identical(matrix(page$value$count, 4), matrix(as.numeric(table(answer, truth)), 4))
  expect_equal(page$value$share[1:4], c(0.5, 0.5, 0, 0))
  expect_true(all(is.nan(page$value$share[13:16])))
  expect_true(all(c("truth", "answer", "66.7 % right", "d") %in% page$text))
  # Weight 2 is two rows.
  weighted <- drawn(plot_confusion(truth, answer, c(2, 1, 1, 1, 1, 1, 1)))$value
  twice <- drawn(plot_confusion(truth[c(1, 1:7)], answer[c(1, 1:7)]))$value
  expect_equal(weighted, twice)
  expect_equal(matrix(drawn(plot(plane, "confusion"))$value$count, 3),
               matrix(as.numeric(table(predict(plane), iris$Species)), 3))
  expect_error(plot_confusion(truth, answer[-1]), class = "linclass_error_shape")
  expect_error(plot_confusion(truth, answer, -1:5), class = "linclass_error_weights")
  expect_error(plot_confusion(NA, NA), class = "linclass_error_argument")
})

test_that("reliability is the share of each bin, with intervals of Wilson", {
  truth <- factor(c("no", "no", "yes", "yes", "yes", "no"), levels = c("no", "yes"))
  prob <- c(0.1, 0.2, 0.4, 0.8, 1, 0.6)
  page <- drawn(plot_reliability(truth, prob, bins = 2))
  expect_good_page(page)
  value <- page$value
  expect_identical(as.character(value$class), c("yes", "yes"))
  expect_equal(value$n, c(3, 3))
  expect_equal(value$mean_prob, c(0.7 / 3, 0.8))
  expect_equal(value$share, c(1, 2) / 3)
  wilson <- suppressWarnings(prop.test(1, 3, correct = FALSE)$conf.int)
  expect_equal(c(value$lower[1], value$upper[1]), as.vector(wilson))
  both <- cbind(yes = prob, no = 1 - prob)
  expect_equal(drawn(plot_reliability(truth, both, bins = 2))$value, value)
  expect_equal(drawn(plot_reliability(truth, prob, 2, weights = rep(2, 6)))$value$n, c(6, 6))

  # An unpenalised fit with an intercept is right on average.
  whole <- drawn(plot(newton, "reliability", bins = 1))$value
  expect_equal(whole$share, whole$mean_prob, tolerance = 1e-8)
  expect_identical(levels(drawn(plot(plane, "reliability"))$value$class), levels(iris$Species))
  expect_error(plot_reliability(truth, prob[-1]), class = "linclass_error_shape")
  expect_error(plot_reliability(truth, 2 * prob), class = "linclass_error_argument")
  expect_error(plot_reliability(truth, prob, classes = "maybe"), class = "linclass_error_argument")
})

test_that("loss curves are the losses", {
  page <- drawn(plot_losses(margin = c(-2, -1, 0, 0.5, 2)))
  expect_good_page(page)
  m <- c(-2, -1, 0, 0.5, 2)
  value <- split(page$value$value, page$value$loss)
  expect_setequal(names(value), setdiff(linclass_losses()$name, "softmax"))
  expect_equal(value$logistic, log(1 + exp(-m)))
  expect_equal(value$hinge, pmax(0, 1 - m))
  expect_equal(value$squared_hinge, pmax(0, 1 - m)^2)
  expect_equal(value$perceptron, pmax(0, -m))
  expect_true(all(c("logistic", "squared hinge", "mistake") %in% trimws(page$text)))
  expect_error(plot_losses("cubic"), class = "linclass_error_loss")
})

test_that("iterates are those of the method", {
  x <- matrix(as.numeric(scale(mtcars$wt)))
  rate <- 2
  descent <- linclass(x, factor(mtcars$am), solver = solver("gradient_descent", rate = rate),
                      control = linclass_control(max_iter = 5))
  ways <- iterates(descent)
  w <- c(0, 0)
  for (step in 0:5) {
    expect_equal(ways[step + 1, ], setNames(w, names(coef(descent))), tolerance = 1e-12)
    w <- w - rate * loss_gradient(w, x, mtcars$am, "logistic")
  }
  expect_identical(rownames(ways), as.character(0:5))
  expect_identical(rownames(iterates(descent, c(0, 4))), c("0", "4"))

  # The solver may come from a function that is gone, and shuffling ones need their seed.
  inside <- function(how) {
    set.seed(4)
    linclass(x, factor(mtcars$am), solver = how)
  }
  shuffled <- inside(solver("minibatch", epochs = 3, batch_size = 8))
  set.seed(9)
  before <- .Random.seed
  expect_equal(iterates(shuffled, seed = 4)["3", ], coef(shuffled), tolerance = 1e-14)
  expect_identical(.Random.seed, before)
  expect_error(iterates(1), class = "linclass_error_argument")
  expect_error(iterates(descent, steps = -1), class = "linclass_error_argument")
})

test_that("contours are of the function, and the paths are on the page", {
  bowl <- function(w) (w[1] - 2)^2 + (w[2] + 3)^2
  path <- rbind(c(0, 0), c(1, -2), c(2, -3))
  page <- drawn(plot_contours(bowl, list(steps = path), cells = 11))
  expect_good_page(page)
  expect_identical(dim(page$value$z), c(11L, 11L))
  expect_equal(page$value$z, outer(page$value$x, page$value$y, function(a, b) {
    (a - 2)^2 + (b + 3)^2
  }))
  expect_true(all(range(page$value$x) * c(1, -1) < range(path[, 1]) * c(1, -1)))
  expect_true(all(c("steps", "w1", "w2") %in% trimws(page$text)))
  expect_true(vermilion %in% page$colours)
  expect_good_page(drawn(plot_contours(bowl, xlim = c(0, 1), ylim = c(0, 1), cells = 5)))
  expect_error(plot_contours(bowl), class = "linclass_error_argument")
  expect_error(plot_contours(bowl, list(matrix(0, 2, 3))), class = "linclass_error_shape")
  expect_error(plot_contours(function(w) NULL, path), class = "linclass_error_argument")
})

test_that("autoplot() draws the same data", {
  skip_if_not_installed("ggplot2")
  cats <- linclass(big_cats$picture[1:60, 1:12], big_cats$species[1:60], lambda = 1, alpha = 0)
  for (which in c("history", "coefficients", "boundary", "confusion", "reliability")) {
    plot <- ggplot2::autoplot(plane, which)
    expect_s3_class(plot, "ggplot")
    expect_equal(nrow(plot$data), nrow(drawn(plot(plane, which))$value))
    expect_no_error(page <- drawn(print(plot)))
    expect_true(page$devices_kept)
  }
  weights <- ggplot2::autoplot(cats, "weights", channels = "each")
  expect_equal(weights$data$weight, as.vector(t(coef(cats)[, -1])))
  expect_no_error(drawn(print(weights)))
  expect_true(blue %in% drawn(print(ggplot2::autoplot(newton, "history")))$colours)
  expect_error(ggplot2::autoplot(newton, "boundary"), class = "linclass_error_argument")
})

test_that("of many curves the largest are drawn, and those at the top are named at their ends", {
  x <- outer(1:40, 1:210, function(i, j) sin(i * j^1.1)) %*% diag(c(1, 3, rep(1, 208)))
  colnames(x) <- c("a_name_that_is_too_long", paste0("x", 2:210))
  y <- factor(sin(5.1 * 1:40) + x[, 1L] / 2 > 0)
  path <- linclass_path(x, y, lambda = c(1, 0.3, 0.1), alpha = 0)
  page <- drawn(plot(path), width = 7)
  expect_good_page(page)
  expect_match(paste(page$text, collapse = " "), "200 largest of 210 curves", fixed = TRUE)
  # all slopes of a ridge are other than 0: those without a curve are the least
  ends <- abs(coef(path, s = 0.1)[-1L])
  names(ends) <- colnames(x)
  last <- page$value[page$value$lambda == 0.1, ]
  expect_length(unique(last$term), 200L)
  largest <- names(sort(ends, decreasing = TRUE))[1:5]
  shown <- ifelse(nchar(largest) > 16, paste0(substr(largest, 1, 15), "~"), largest)
  expect_true(all(shown %in% trimws(page$text)))
  skip_if_not_installed("ggplot2")
  built <- ggplot2::ggplot_build(ggplot2::autoplot(path))
  labels <- unlist(lapply(built$data, `[[`, "label"))
  expect_setequal(trimws(labels), largest)
  three <- linclass_path(Species ~ .^2, iris, lambda = c(0.1, 0.01, 0.001), alpha = 0)
  expect_setequal(ggplot2::ggplot_build(ggplot2::autoplot(three, "norm"))$layout$layout$class, levels(iris$Species))
})

test_that("paths without anything to draw say why", {
  path <- linclass_path(Species ~ ., iris, lambda = c(100, 90))
  expect_error(plot(path, class = "rose"), "rose", class = "linclass_error_argument")
  skip_if_not_installed("ggplot2")
  expect_error(ggplot2::autoplot(path), "zero", class = "linclass_error_argument")
})
