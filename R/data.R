#' Images of lions, tigers and leopards
#'
#' 360 small colour pictures, 120 each of a lion (plain coat), a tiger (stripes) and a leopard
#' (rosettes), seen from the side in varied poses, places, light and surroundings, with noise. They
#' are drawn by a program, `data-raw/big_cats.R` in the sources of the package, so that nothing in
#' them is a secret: the three species differ in the pattern of the coat, a little in its colour,
#' and by the lion's mane and tuft.
#'
#' A picture is a vector: 32 rows times 32 columns times 3 colours make 3,072 numbers. In R's usual
#' order that is all of red first, column by column from the top left, then green, then blue, so
#' that `array(big_cats$picture[i, ], c(32, 32, 3))` is picture i.
#'
#' A linear classifier learns something here but not everything, because a pattern has no fixed
#' place. Ridge softmax regression (`lambda = 1`) that was trained on two thirds of the pictures
#' predicts about 74 % of the others correctly (mean over random splits); the mean of each colour
#' and the spread of all values alone give less than half, guessing a third. The rows are in random order, so the first 240 can serve
#' for training and the others for testing.
#'
#' @concept image classification
#' @concept example data
#' @format A data frame of 360 rows and 2 columns:
#' \describe{
#'   \item{species}{A factor: lion, tiger, leopard.}
#'   \item{picture}{A 360 x 3072 integer matrix: brightness from 0 to 255 in steps of 8 (255 at the
#'     top).}
#' }
#' @source Made for this package by `data-raw/big_cats.R`.
#' @seealso [plot_images()], [plot_weights()]
#' @examples
#' plot_images(big_cats$picture, big_cats$species, n = 6)
#'
#' train <- big_cats[1:240, ]
#' test <- big_cats[-(1:240), ]
#' fit <- linclass(species ~ picture, train, lambda = 1, alpha = 0,
#'                 control = linclass_control(tolerance = 1e-4))
#' mean(predict(fit, test) == test$species)
#' plot_weights(fit)
"big_cats"
