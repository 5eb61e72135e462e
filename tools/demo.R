# The package's main job on real data: `make demo` runs this after installing the package.
options(width = 80)
suppressPackageStartupMessages(library(linclass))
title <- function(text) cat("\n", text, "\n", strrep("-", nchar(text)), "\n\n", sep = "")

title("1. Two classes: low birth weight (MASS::birthwt, 189 births)")
yes_no <- function(x) factor(x, levels = 0:1, labels = c("no", "yes"))
births <- transform(MASS::birthwt,
                    low = factor(low, levels = 0:1, labels = c("normal", "low")),
                    race = factor(race, levels = 1:3, labels = c("white", "black", "other")),
                    smoke = yes_no(smoke), ht = yes_no(ht), ui = yes_no(ui))
birth_fit <- linclass(low ~ age + lwt + race + smoke + ptl + ht + ui, births)
print(summary(birth_fit))

title("2. Six classes: kinds of glass (MASS::fgl, 214 pieces), ridge softmax")
# Every third piece of each kind is held out, in the order of the data: no seed is needed.
glass <- MASS::fgl
rank_in_kind <- ave(seq_len(nrow(glass)), glass$type, FUN = seq_along)
held_out <- rank_in_kind %% 3 == 0
train <- glass[!held_out, ]
test <- glass[held_out, ]
glass_fit <- linclass(type ~ ., train, lambda = 0.01, alpha = 0)
print(glass_fit)

title("3. What the glass model says about pieces that it has not seen")
predicted <- predict(glass_fit, test, type = "class")
print(table(predicted = predicted, true = test$type))
right <- sum(predicted == test$type)
often <- max(table(test$type))
cat("\n", right, " of ", nrow(test), " right (", round(100 * right / nrow(test)),
    " %); always naming the most frequent kind: ", often, " (",
    round(100 * often / nrow(test)), " %)\n", sep = "")

# --- the picture --------------------------------------------------------------------------------
kinds <- levels(glass$type)
colours <- setNames(c("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"), kinds)

# Left: where a model of two of the columns says what, paler where it is less sure.
draw_regions <- function() {
  fit <- linclass(type ~ Mg + Al, train, lambda = 0.001, alpha = 0)
  across <- seq(-0.15, 4.7, length.out = 240)
  up <- seq(0.15, 3.65, length.out = 240)
  grid <- expand.grid(Mg = across, Al = up)
  prob <- predict(fit, grid, type = "prob")
  best <- max.col(prob, ties.method = "first")
  sure <- prob[cbind(seq_along(best), best)]
  paint <- t(grDevices::col2rgb(colours[best])) / 255
  strength <- 0.12 + 0.5 * (sure - 1 / length(kinds))
  picture <- grDevices::rgb(1 - strength * (1 - paint))
  picture <- t(matrix(picture, length(across)))[length(up):1, ]
  plot(NA, xlim = range(across), ylim = range(up), xaxs = "i", yaxs = "i", las = 1,
       xlab = "magnesium, % by weight", ylab = "aluminium, % by weight",
       main = "Kinds of glass by two oxides")
  graphics::rasterImage(picture, min(across), min(up), max(across), max(up))
  points(Al ~ Mg, glass, pch = ifelse(held_out, 24, 21), bg = colours[as.character(type)],
         col = "white", lwd = 0.7, cex = 1.15)
  legend("topright", kinds, pch = 21, pt.bg = colours, col = "white", pt.cex = 1.4, cex = 0.8,
         bg = "#FFFFFFCC", box.col = "grey70", ncol = 2)
  legend("bottom", c("trained on", "held out"), pch = c(21, 24), pt.bg = "grey40",
         col = "white", pt.cex = 1.2, cex = 0.8, bg = "#FFFFFFCC", box.col = "grey70")
  box(col = "grey40")
}

# Right: what moves the full model's scores, in standard deviations of each column.
draw_coefficients <- function() {
  slopes <- coef(glass_fit)[, -1]
  effect <- sweep(slopes, 2, apply(as.matrix(train[colnames(slopes)]), 2, stats::sd), "*")
  limit <- max(abs(effect))
  scale <- grDevices::colorRampPalette(c("#2166AC", "#92C5DE", "#F7F7F7", "#F4A582", "#B2182B"))(101)
  down <- effect[rev(rownames(effect)), ]
  graphics::image(seq_len(ncol(down)), seq_len(nrow(down)), t(down), col = scale,
                  zlim = c(-limit, limit), axes = FALSE, xlab = "", ylab = "",
                  main = "Change of the score for one sd more")
  axis(1, seq_len(ncol(down)), colnames(down), tick = FALSE, line = -0.5)
  axis(2, seq_len(nrow(down)), rownames(down), tick = FALSE, las = 1, line = -0.5)
  text(col(down), row(down), sprintf("%.1f", round(down, 1) + 0), cex = 0.8,
       col = ifelse(abs(down) > 0.65 * limit, "white", "grey15"))
  abline(v = seq_len(ncol(down) - 1) + 0.5, h = seq_len(nrow(down) - 1) + 0.5, col = "white")
}

open_device <- function(folder) {
  if (capabilities("png") || capabilities("cairo")) {
    file <- file.path(folder, "demo.png")
    type <- if (capabilities("cairo")) "cairo" else getOption("bitmapType")
    grDevices::png(file, width = 1500, height = 680, res = 120, type = type)
  } else {
    file <- file.path(folder, "demo.pdf")
    grDevices::pdf(file, width = 12.5, height = 5.7)
  }
  file
}

folder <- "demo-output"
dir.create(folder, showWarnings = FALSE)
file <- open_device(folder)
par(mfrow = c(1, 2), mar = c(4, 4.2, 2.5, 1), cex.main = 1.05, font.main = 1)
draw_regions()
draw_coefficients()
invisible(dev.off())
cat("\nPicture:", normalizePath(file), "\n")
