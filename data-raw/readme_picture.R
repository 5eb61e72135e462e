# Draws man/figures/README-cats.png: `Rscript data-raw/readme_picture.R` from the top of the
# sources, with the package installed.
library(linclass)
train <- big_cats[1:240, ]
fit <- linclass(species ~ picture, train, lambda = 1, alpha = 0)
flowers <- linclass(Species ~ Sepal.Length + Sepal.Width, iris, lambda = 0.001, alpha = 0)

dir.create(file.path("man", "figures"), recursive = TRUE, showWarnings = FALSE)
png(file.path("man", "figures", "README-cats.png"), width = 1000, height = 420, res = 110,
    type = "cairo")
layout(matrix(c(1, 2, 3, 3), 2), widths = c(1.12, 1), heights = c(1, 0.92))
plot_images(train$picture, train$species, n = 6)
plot_weights(fit)
plot(flowers, "boundary")
invisible(dev.off())
