# Draws every picture of the package at two sizes, 7 inches and 80 mm wide, as PNG files, and a page
# (index.html) that shows them all: so that somebody can look at them, which no test does.
#
#   Rscript tools/pictures.R [folder]        (default: demo-output/pictures)
library(linclass)
folder <- c(commandArgs(trailingOnly = TRUE), "demo-output/pictures")[1]
dir.create(folder, recursive = TRUE, showWarnings = FALSE)
linclass_threads(1)

set.seed(1)
births <- transform(MASS::birthwt, low = factor(low, labels = c("normal", "low")))
glass <- linclass(type ~ ., MASS::fgl, lambda = 0.001, alpha = 0)
plane <- linclass(Species ~ Petal.Length + Petal.Width, iris, lambda = 0.01, alpha = 0)
two <- linclass(low ~ age + lwt + smoke + ht + ui, births)
wide <- matrix(rnorm(100 * 200), 100, dimnames = list(NULL, paste0("gene", 1:200)))
outcome <- rbinom(100, 1, sigmoid(wide[, 1:5] %*% c(2, -2, 1.5, -1, 1)))
many <- as.data.frame(cbind(wide[, 1:30], outcome = outcome))
cats <- linclass(species ~ picture, big_cats, lambda = 1, alpha = 0,
                 control = linclass_control(tolerance = 1e-4))
with_solver <- function(solver) {
  linclass(low ~ age + lwt + smoke, births, lambda = 0.01, alpha = 0, solver = solver)
}
batches <- suppressWarnings(linclass(low ~ age + lwt, births, solver = "minibatch"))
one_path <- linclass_path(wide, outcome, nlambda = 60)
classes_path <- linclass_path(Species ~ ., iris, nlambda = 50)
glass_path <- linclass_path(type ~ ., MASS::fgl, nlambda = 30)
cv <- linclass_cv(wide, outcome, folds = 5, nlambda = 50)
flat <- scale(mtcars$wt)
by <- function(solver) suppressWarnings(
  linclass(flat, mtcars$am, solver = solver, control = linclass_control(max_iter = 20)), "linclass_warning")
crowd <- data.frame(height = rnorm(20000), weight = rnorm(20000))
crowd$group <- factor(cut(crowd$height + crowd$weight + rnorm(20000), 4), labels = c("a", "b", "c", "d"))
crowded <- linclass(group ~ height + weight, crowd, lambda = 0.001, alpha = 0)
long <- setNames(mtcars[2:8], paste("a column with a long name", names(mtcars)[2:8]))
twelve <- factor(rep(month.name, length.out = 600))
seasons <- matrix(rnorm(600 * 6), 600, dimnames = list(NULL, paste0("x", 1:6))) + outer(as.integer(twelve), 1:6 / 12)
months_fit <- linclass(seasons, twelve, lambda = 0.001, alpha = 0)

pictures <- list(
  `coefficients` = function() plot(two, "coefficients"),
  `coefficients, three classes` = function() plot(plane, "coefficients"),
  `coefficients, six classes` = function() plot(glass, "coefficients"),
  `coefficients, 30 terms` = function() {
    plot(linclass(factor(outcome) ~ ., many, lambda = 0.01), "coefficients")
  },
  boundary = function() plot(plane, "boundary"),
  history = function() plot(two, "history"),
  `history, mini-batches` = function() plot(batches, "history"),
  `histories` = function() {
    plot_history(newton = with_solver("newton"), lbfgs = with_solver("lbfgs"),
                 descent = with_solver("gradient_descent"))
  },
  confusion = function() plot(plane, "confusion"),
  `confusion, six classes` = function() plot(glass, "confusion"),
  reliability = function() plot(two, "reliability"),
  `reliability, six classes` = function() plot(glass, "reliability"),
  weights = function() plot_weights(cats),
  `weights, each channel` = function() plot_weights(cats, channels = "each"),
  images = function() plot_images(big_cats$picture, big_cats$species, n = 6),
  `images with captions` = function() {
    plot_images(big_cats$picture[1:10, ], captions = big_cats$species[1:10])
  },
  path = function() plot(one_path),
  `path, few columns` = function() plot(linclass_path(low ~ age + lwt + smoke + ht, births)),
  `path, three classes` = function() plot(classes_path),
  `path, six classes` = function() plot(glass_path),
  `path by deviance` = function() plot(one_path, "deviance"),
  cv = function() plot(cv),
  losses = function() plot_losses(),
  contours = function() {
    plot_contours(function(w) loss_value(w, flat, mtcars$am, "logistic"),
                  list(descent = iterates(by(solver("gradient_descent", rate = 2))),
                       Newton = iterates(by("newton"))), xlab = "intercept", ylab = "slope")
  })
scores <- predict(two, births, type = "prob")[, "low"]
pictures <- c(pictures, list(
  `ROC curve` = function() plot_roc(births$low, scores),
  `ROC curves, six classes` = function() plot_roc(MASS::fgl$type, predict(glass, type = "prob")),
  `precision and recall` = function() plot_precision_recall(births$low, scores),
  `precision and recall, six classes` = function() {
    plot_precision_recall(MASS::fgl$type, predict(glass, type = "prob"))
  },
  lift = function() plot_lift(births$low, scores),
  `lift, six classes` = function() plot_lift(MASS::fgl$type, predict(glass, type = "prob")),
  `boundary, 20000 rows` = function() plot(crowded, "boundary"),
  `ROC curves, 20000 rows` = function() plot_roc(crowd$group, predict(crowded, type = "prob")),
  `reliability, 20000 rows` = function() plot(crowded, "reliability"),
  `coefficients, long names` = function() plot(linclass(long, mtcars$am, lambda = 0.1), "coefficients"),
  `coefficients, twelve classes` = function() plot(months_fit, "coefficients"),
  `confusion, twelve classes` = function() plot(months_fit, "confusion"),
  `ROC curves, twelve classes` = function() plot_roc(twelve, predict(months_fit, type = "prob")),
  `path, twelve classes` = function() plot(linclass_path(seasons, twelve, nlambda = 20)),
  `path, long names` = function() plot(linclass_path(long, mtcars$am, nlambda = 30)),
  `cv, error` = function() plot(linclass_cv(Species ~ ., iris, metric = "error", folds = 5, nlambda = 40))))
if (requireNamespace("ggplot2", quietly = TRUE)) {
  auto <- function(...) function() print(ggplot2::autoplot(...))
  pictures <- c(pictures, list(
    `autoplot coefficients` = auto(glass, "coefficients"), `autoplot boundary` = auto(plane, "boundary"),
    `autoplot history` = auto(two, "history"), `autoplot history, mini-batches` = auto(batches, "history"),
    `autoplot confusion` = auto(glass, "confusion"), `autoplot reliability` = auto(glass, "reliability"),
    `autoplot reliability, two classes` = auto(two, "reliability"),
    `autoplot coefficients, two classes` = auto(two, "coefficients"),
    `autoplot confusion, twelve classes` = auto(months_fit, "confusion"),
    `autoplot path, six classes` = auto(glass_path), `autoplot path by deviance` = auto(one_path, "deviance"),
    `autoplot weights` = auto(cats, "weights"), `autoplot path` = auto(one_path),
    `autoplot path, three classes` = auto(classes_path), `autoplot cv` = auto(cv)))
}

sizes <- list(wide = c(7, 5, 12), narrow = c(80, 70, 8 * 25.4) / 25.4)
names <- gsub("[^a-z0-9]+", "-", tolower(names(pictures)))
cells <- vapply(seq_along(pictures), function(i) {
  files <- vapply(names(sizes), function(size) {
    file <- paste0(names[i], "-", size, ".png")
    at <- sizes[[size]]
    png(file.path(folder, file), at[1], at[2], units = "in", res = 110, pointsize = at[3])
    on.exit(dev.off())
    pictures[[i]]()
    file
  }, "")
  sprintf("<h2>%s</h2>%s", names(pictures)[i],
          paste0("<img src=\"", files, "\" alt=\"", names(pictures)[i], "\">", collapse = "\n"))
}, "")
writeLines(c("<!DOCTYPE html><meta charset=\"utf-8\"><title>Pictures of linclass</title>",
             "<style>body{font-family:sans-serif} img{border:1px solid #ddd; vertical-align:top}</style>",
             cells), file.path(folder, "index.html"))
cat(length(pictures), "pictures at", length(sizes), "sizes in", folder, "\n")
