# Draws the pictures of data/big_cats.rda: `Rscript data-raw/big_cats.R` from the top of the sources
# (base R only; fixed seed). A picture is computed, not painted: every pixel asks how deep it lies
# inside the cat (a union of capsules, lines with a round end and a thickness), and what coat there
# is at that place of the cat. Each pixel is the mean of 3 x 3 such points.
side <- 32L       # pixels
fine <- 3L        # points a pixel along each side
each <- 120L      # pictures of each species
species <- c("lion", "tiger", "leopard")

# --- shapes -------------------------------------------------------------------------------------

# How deep the points lie inside a capsule from a to b with radii ra and rb: positive inside.
capsule <- function(u, v, a, b, ra, rb = ra) {
  d <- b - a
  t <- pmin(pmax(((u - a[1]) * d[1] + (v - a[2]) * d[2]) / max(sum(d^2), 1e-12), 0), 1)
  ra + (rb - ra) * t - sqrt((u - a[1] - t * d[1])^2 + (v - a[2] - t * d[2])^2)
}

# A cat seen from its side, nose to the right, back up, two units long. The pose is how far each leg
# is ahead, how high the head is held, and how the tail is bent. Returns the depth in body and head,
# in the far legs, and in the head alone.
draw_cat <- function(u, v, pose) {
  depth <- function(parts) Reduce(pmax, parts)
  leg <- function(x, ahead) {
    knee <- c(x + 0.5 * ahead, -0.32)
    foot <- c(x + ahead, -0.68)
    depth(list(capsule(u, v, c(x, -0.02), knee, 0.16, 0.10), capsule(u, v, knee, foot, 0.10, 0.075),
               capsule(u, v, foot, foot + c(0.09, -0.01), 0.07)))
  }
  head <- c(0.93, 0.26 + pose$head)
  skull <- depth(list(capsule(u, v, head, head + c(0.16, -0.05), 0.205, 0.12),
                      capsule(u, v, head + c(-0.09, 0.14), head + c(-0.10, 0.22), 0.075, 0.05),
                      capsule(u, v, head + c(0.05, 0.15), head + c(0.06, 0.22), 0.07, 0.05)))
  bend <- pose$tail
  tail <- list(c(-0.72, 0.10), c(-0.98, 0.02 + 0.3 * bend), c(-1.12, -0.2 + 0.75 * bend),
               c(-1.02 - 0.2 * bend, -0.42 + 1.3 * bend))
  body <- depth(list(capsule(u, v, c(-0.55, 0.04), c(0.50, 0.06), 0.27, 0.30),
                     capsule(u, v, c(0.50, 0.12), head, 0.24, 0.17),
                     capsule(u, v, tail[[1]], tail[[2]], 0.09, 0.065),
                     capsule(u, v, tail[[2]], tail[[3]], 0.065, 0.055),
                     capsule(u, v, tail[[3]], tail[[4]], 0.055, 0.07),
                     leg(-0.60, pose$legs[1]), leg(0.55, pose$legs[2])))
  list(near = pmax(body, skull), far = pmax(leg(-0.48, pose$legs[3]), leg(0.43, pose$legs[4])),
       skull = skull, head = head, tip = tail[[4]])
}

# --- coats --------------------------------------------------------------------------------------

# Smooth random field with about `waves` waves over two units.
field <- function(u, v, waves, terms = 6L) {
  angle <- stats::runif(terms, 0, 2 * pi)
  speed <- pi * waves * stats::runif(terms, 0.6, 1.4)
  shift <- stats::runif(terms, 0, 2 * pi)
  value <- 0
  for (i in seq_len(terms)) {
    value <- value + sin(speed[i] * (u * cos(angle[i]) + v * sin(angle[i])) + shift[i])
  }
  value / sqrt(terms / 2)
}

# How dark the pattern is at each point, from 0 to 1.
tiger_stripes <- function(u, v) {
  waves <- stats::runif(1, 4.5, 6.5)
  phase <- 2 * pi * waves * u / 1.5 + stats::runif(1, 0, 2 * pi) + 0.8 * field(u, v, 2)
  phase <- phase + stats::runif(1, -1.5, 1.5) * v
  dark <- 1 / (1 + exp(-9 * (sin(phase) - 0.25 - 0.25 * field(u, v, 3))))
  dark
}

# Rings on a shaken hexagonal grid, each open somewhere, and brown inside.
leopard_rosettes <- function(u, v) {
  step <- stats::runif(1, 0.20, 0.27)
  grid <- expand.grid(i = -10:10, j = -10:10)
  x <- step * (grid$i + 0.5 * (grid$j %% 2)) + stats::rnorm(nrow(grid), 0, 0.12 * step)
  y <- step * 0.87 * grid$j + stats::rnorm(nrow(grid), 0, 0.12 * step)
  keep <- abs(x) < 1.35 & abs(y) < 1
  size <- step * stats::runif(nrow(grid), 0.26, 0.40)
  dark <- 0 * u
  for (g in which(keep)) {
    r <- sqrt((u - x[g])^2 + (v - y[g])^2)
    ring <- exp(-((r - size[g]) / (0.13 * step))^2)
    open <- 0.5 + 0.5 * tanh(2 + 3 * sin(atan2(v - y[g], u - x[g]) + g))
    dark <- pmax(dark, ring * open, 0.35 * (r < size[g]))
  }
  dark
}

coats <- list(
  lion    = list(base = c(196, 152, 92),  dark = c(120, 80, 40), pattern = function(u, v) 0 * u),
  tiger   = list(base = c(206, 140, 70),  dark = c(38, 28, 24),  pattern = tiger_stripes),
  leopard = list(base = c(204, 158, 92),  dark = c(50, 36, 26),  pattern = leopard_rosettes))

# --- scenes -------------------------------------------------------------------------------------

grounds <- list(savannah = rbind(sky = c(196, 208, 214), ground = c(186, 164, 102)),
                forest   = rbind(sky = c(112, 136, 96),  ground = c(88, 96, 58)),
                rocks    = rbind(sky = c(168, 184, 204), ground = c(146, 138, 128)),
                dusk     = rbind(sky = c(216, 160, 120), ground = c(110, 88, 66)))

# h x w x 3 colours on the fine grid; u to the right, v up, both from -1 to 1.
draw_scene <- function(u, v) {
  colours <- grounds[[sample(length(grounds), 1)]]
  horizon <- stats::runif(1, -0.25, 0.55) + 0.06 * field(u, 0 * v, 2)
  ground <- 1 / (1 + exp(40 * (v - horizon)))
  texture <- 10 * field(u, v, 1.5) + ground * 9 * field(4 * u, v, 3)
  tint <- stats::rnorm(3, 0, 6)
  sapply(1:3, function(c) {
    colours["sky", c] + (colours["ground", c] - colours["sky", c]) * ground +
      texture + tint[c] - 14 * ground * (v + 1)
  })
}

draw_picture <- function(kind) {
  place <- (seq_len(side * fine) - 0.5) / (side * fine) * 2 - 1
  u <- rep(place, each = side * fine)
  v <- rep(rev(place), times = side * fine)
  paint <- draw_scene(u, v)

  size <- stats::runif(1, 0.62, 0.84)
  angle <- stats::rnorm(1, 0, 0.08)
  at <- c(stats::rnorm(1, 0, 0.07), stats::rnorm(1, -0.02, 0.06))
  facing <- sample(c(-1, 1), 1)
  x <- facing * ((u - at[1]) * cos(angle) + (v - at[2]) * sin(angle)) / size
  y <- (-(u - at[1]) * sin(angle) + (v - at[2]) * cos(angle)) / size
  pose <- list(legs = stats::runif(4, -0.28, 0.28), head = stats::runif(1, -0.22, 0.16),
               tail = stats::runif(1, -0.2, 0.9))
  cat <- draw_cat(x, y, pose)
  inside <- pmax(cat$near, cat$far)

  # Fur: colours of one animal differ from those of the next; lighter at the back, white below.
  coat <- coats[[kind]]
  base <- coat$base * stats::runif(1, 0.82, 1.14) + stats::rnorm(3, 0, 7)
  dark <- coat$pattern(x, y)
  dark <- dark * (1 - 0.55 * (y < -0.25)) # the pattern fades on the legs
  belly <- 1 / (1 + exp(22 * (y + 0.13 - 0.04 * field(x, y, 3)))) * (abs(x) < 0.52)
  shade <- 1 + 0.22 * y + 0.04 * field(x, y, 3)
  shade <- shade * ifelse(cat$near < 0, 0.72, 1) * (0.74 + 0.26 * pmin(1, pmax(inside, 0) / 0.06))
  mane <- rep(0, length(x))
  if (kind == "lion" && stats::runif(1) < 0.4) {
    r <- sqrt((x - cat$head[1] + 0.12)^2 + (y - cat$head[2])^2)
    mane <- 1 / (1 + exp(30 * (r - 0.34 - 0.03 * field(x, y, 9)))) * (cat$skull < 0.07)
    inside <- pmax(inside, ifelse(mane > 0.5, 0.02, -1))
  }
  eye <- sqrt((x - cat$head[1] - 0.09)^2 + (y - cat$head[2] - 0.03)^2) < 0.035
  nose <- sqrt((x - cat$head[1] - 0.26)^2 + (y - cat$head[2] + 0.06)^2) < 0.05
  tuft <- kind == "lion" & sqrt((x - cat$tip[1])^2 + (y - cat$tip[2])^2) < 0.10
  for (c in 1:3) {
    fur <- base[c] + (c(236, 224, 204)[c] - base[c]) * 0.45 * belly
    fur <- fur * shade
    fur <- fur + (coat$dark[c] - fur) * 0.92 * dark
    fur <- fur + (c(104, 70, 40)[c] * shade - fur) * 0.85 * pmax(mane, tuft)
    fur <- ifelse(eye | nose, 26, fur)
    paint[, c] <- ifelse(inside > 0, fur, paint[, c])
  }

  # Light, then the mean over the fine points, then the noise of the camera.
  light <- stats::runif(1, 0.70, 1.22) * (1 + stats::rnorm(3, 0, 0.04))
  across <- 1 + stats::runif(1, -0.18, 0.18) * u
  paint <- paint * across * rep(light, each = nrow(paint))
  blocks <- array(paint, c(fine, side, fine, side, 3))
  pixels <- as.vector(apply(blocks, c(2, 4, 5), mean))
  pixels <- pixels + stats::rnorm(length(pixels), 0, stats::runif(1, 2, 4))
  # Steps of 8 instead of 1 make the file half its size.
  as.integer(pmin(pmax(8 * round(pixels / 8), 0), 255))
}

# The generators are named: the defaults of another version of R may differ.
suppressWarnings(RNGversion("4.1.0"))
set.seed(20)
truth <- sample(rep(species, each))
big_cats <- data.frame(species = factor(truth, levels = species))
big_cats$picture <- t(vapply(truth, draw_picture, integer(3L * side^2), USE.NAMES = FALSE))
save(big_cats, file = file.path("data", "big_cats.rda"), compress = "xz", version = 2)
message(sprintf("%d pictures, %.0f kB", nrow(big_cats), file.size("data/big_cats.rda") / 1000))
