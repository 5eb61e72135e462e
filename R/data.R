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
#' and the spread of all values alone give less than half, guessing a third. The rows are in random
#' order, so the first 240 can serve for training and the others for testing.
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

#' Simulated measurements of lesions with three diagnoses
#'
#' 400 patients with a lesion of the mouth that is benign, premalignant or malignant. The
#' measurements are **simulated** by `data-raw/lesions.R` in the sources of the package; nobody was
#' measured, and nothing can be learned from them about medicine. The diagnoses overlap, one patient
#' in seven has a malignant lesion, and 12 sizes are missing, as in real data.
#'
#' @concept medical data
#' @concept multiclass example data
#' @format A data frame of 400 rows and 13 columns:
#' \describe{
#'   \item{diagnosis}{A factor: benign, premalignant, malignant.}
#'   \item{age}{In years.}
#'   \item{smoker}{A factor: no, yes.}
#'   \item{site}{A factor: cheek, palate, tongue.}
#'   \item{size}{Diameter in millimetres; 12 are missing.}
#'   \item{kHz1, kHz2, kHz5, kHz10, kHz20, kHz50, kHz100, kHz200}{Attenuation of a weak current at
#'     eight frequencies.}
#' }
#' @source Simulated for this package by `data-raw/lesions.R`.
#' @seealso `vignette("linclass")`, which fits them
#' @examples
#' fit <- linclass(diagnosis ~ ., lesions, lambda = 0.01, alpha = 0)
#' plot(fit, "coefficients")
"lesions"

#' Simulated film reviews with a sentiment
#'
#' 400 short film reviews, half of them positive, put together from lists of words by
#' `data-raw/reviews.R` in the sources of the package. Nobody wrote them. Most opinions in a review
#' agree with its sentiment, one in five does not, and one in eight is negated ("not boring").
#'
#' @concept text classification
#' @concept sentiment analysis
#' @concept bag of words
#' @format A data frame of 400 rows and 2 columns:
#' \describe{
#'   \item{sentiment}{A factor: negative, positive.}
#'   \item{text}{The review.}
#' }
#' @source Made for this package by `data-raw/reviews.R`.
#' @seealso `vignette("film-reviews")`, which counts their words and fits them
#' @examples
#' head(reviews, 3)
"reviews"
