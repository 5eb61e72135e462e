test_that("big_cats is what its page says", {
  expect_identical(dim(big_cats), c(360L, 2L))
  expect_identical(as.vector(table(big_cats$species)), rep(120L, 3))
  expect_identical(levels(big_cats$species), c("lion", "tiger", "leopard"))
  expect_identical(dim(big_cats$picture), c(360L, 3072L))
  expect_true(is.integer(big_cats$picture))
  expect_true(all(big_cats$picture %in% c(seq(0L, 248L, by = 8L), 255L)))
  expect_false(anyDuplicated(big_cats$picture) > 0)
})

test_that("a linear classifier learns something on big_cats, and not everything", {
  train <- big_cats[1:240, ]
  test <- big_cats[-(1:240), ]
  fit <- linclass(species ~ picture, train, lambda = 1, alpha = 0,
                  control = linclass_control(tolerance = 1e-4))
  right <- mean(predict(fit, test) == test$species)
  expect_gt(right, 0.6)
  expect_lt(right, 0.85)
})

test_that("pictures are drawn as they are, in the order that is returned", {
  # red over green, and blue over white
  x <- rbind(c(255, 0, 0, 255, 0, 0), c(0, 255, 0, 255, 255, 255))
  page <- drawn(plot_images(x, shape = c(2, 1, 3), captions = c("first", "second")))
  expect_good_page(page)
  expect_identical(page$value, 1:2)
  expect_identical(page$pixels, list(c("#ff0000", "#00ff00"), c("#0000ff", "#ffffff")))
  expect_true(all(c("first", "second") %in% page$text))

  # Grey pictures, brightness from 0 to 1; a vector is one picture.
  grey <- drawn(plot_images(c(0, 1, 0.2, 0.8)))
  expect_identical(grey$pixels, list(c("#000000", "#333333", "#ffffff", "#cccccc")))

  page <- drawn(plot_images(big_cats$picture, big_cats$species, n = 3))
  expect_good_page(page)
  expect_identical(page$value, unlist(lapply(levels(big_cats$species), function(s) {
    which(big_cats$species == s)[1:3]
  })))
  expect_true(all(levels(big_cats$species) %in% page$text))
  first <- matrix(big_cats$picture[page$value[1], ], ncol = 3)
  colours <- matrix(tolower(rgb(first, maxColorValue = 255)), 32)
  expect_identical(page$pixels[[1]], as.vector(t(colours)))
})

test_that("weights are drawn in colours that say their sign", {
  # Two classes, pictures of 2 x 2 grey pixels, with an intercept that is left out.
  W <- rbind(a = c(9, -1, 0, 1, 1), b = c(-9, 1, 0, -1, -1))
  page <- drawn(plot_weights(W, limit = 1))
  expect_good_page(page)
  expect_identical(page$value, array(c(-1, 0, 1, 1, 1, 0, -1, -1), c(2, 2, 2),
                                     list(NULL, NULL, c("a", "b"))))
  low <- "#00324f"
  high <- "#6b2f00"
  expect_identical(page$pixels[[1]], c(low, high, "#f7f7f7", high))
  expect_identical(page$pixels[[2]], c(high, low, "#f7f7f7", low))
  expect_true(all(c("a", "b", "-1", "0", "1") %in% page$text))

  # Channels: their sum, and each apart.
  colour <- rbind(k = c(1, 2, 4))
  expect_identical(as.vector(drawn(plot_weights(colour))$value), 7)
  expect_identical(dim(drawn(plot_weights(colour, channels = "each"))$value), c(1L, 1L, 3L, 1L))
  page <- drawn(plot_weights(colour, channels = "colour", limit = 4))
  expect_identical(page$pixels, list("#9fbfff"))

  # A fit: the weights are those of coef(), without the intercepts.
  fit <- linclass(big_cats$picture[1:60, 1:12], big_cats$species[1:60], lambda = 1, alpha = 0)
  page <- drawn(plot_weights(fit, channels = "each"))
  expect_equal(as.vector(page$value), as.vector(t(coef(fit)[, -1])))
  expect_good_page(page)
  expect_silent(drawn(plot_weights(matrix(0, 3, 4))))
})

test_that("sizes that do not fit are errors", {
  pdf(NULL)
  on.exit(dev.off())
  expect_error(plot_images(matrix(0, 2, 5)), class = "linclass_error_shape")
  expect_error(plot_images(matrix(0, 2, 12), shape = c(2, 2)), class = "linclass_error_shape")
  expect_error(plot_images(matrix(0, 2, 12), shape = c(2, 2, 4)), class = "linclass_error_argument")
  expect_error(plot_images(matrix(0, 2, 12), 1:3), class = "linclass_error_shape")
  expect_error(plot_images(matrix(0, 2, 12), captions = "one"), class = "linclass_error_shape")
  expect_error(plot_images(matrix("a", 2, 12)), class = "linclass_error_type")
  expect_error(plot_images(matrix(0, 2, 12), n = 0), class = "linclass_error_argument")
  expect_error(plot_weights(matrix(0, 2, 5), channels = "each"), class = "linclass_error_argument")
  expect_error(plot_weights(matrix(0, 2, 7)), class = "linclass_error_shape")
  expect_error(plot_weights(matrix(0, 2, 4), limit = -1), class = "linclass_error_argument")
})
