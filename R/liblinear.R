# LIBLINEAR's models as arguments of linclass().

# Types of LIBLINEAR: the loss, whether the penalty is the sum of absolute values, and the coding of several classes.
liblinear_types <- data.frame(
  type = 0:7,
  loss = c("logistic", "squared_hinge", "squared_hinge", "hinge", "crammer_singer", "squared_hinge", "logistic",
           "logistic"),
  alpha = c(0, 0, 0, 0, 0, 1, 1, 0),
  ovr = c(TRUE, TRUE, TRUE, TRUE, FALSE, TRUE, TRUE, TRUE), stringsAsFactors = FALSE)

#' The same model as LIBLINEAR, LiblineaR or LinearSVC
#'
#' LIBLINEAR minimises `cost` times the sum of the losses plus the penalty, shrinks its intercept by treating it as
#' the coefficient of a column `bias`, and fits several classes each against the rest (but for type 4).
#' `from_liblinear()` turns what it was given into the arguments of [linclass()] with which the same is minimised:
#' `do.call(linclass, from_liblinear(x, y, type = 3, cost = 0.1))`.
#'
#' LinearSVC of scikit-learn is LIBLINEAR with `cost` its `C` and `bias` its `intercept_scaling` (0 with
#' `fit_intercept = False`): type 2 by default, 3 with `loss = "hinge"`, 5 with `penalty = "l1"`, 4 with
#' `multi_class = "crammer_singer"`. SVC with a linear kernel and `e1071::svm(kernel = "linear")` do not shrink their
#' intercept: for two classes they are
#' `linclass(x, y, loss = "hinge", alpha = 0, standardize = FALSE, lambda = 1 / (n * cost))`.
#'
#' The objective of [linclass()] is that of LIBLINEAR divided by `cost` times the sum of the weights: `lambda` is
#' 1 / (`cost` n), or half of it for two classes with type 4, where LIBLINEAR has a vector of weights for each
#' of the two. The signs of LIBLINEAR's weights for two classes are those of the class that it met first;
#' [linclass()] has those of the second level.
#'
#' @param x a numeric matrix, dense or sparse: n rows, p columns.
#' @param y the classes, as in [linclass()].
#' @param type one number, LIBLINEAR's type: 0, 6, 7 logistic (two classes; 6 with a lasso), 1, 2, 5 squared hinge
#'   (5 with a lasso), 3 hinge, 4 the hinge of Crammer and Singer.
#' @param cost one positive number, LIBLINEAR's C.
#' @param bias one number: the value of the column that stands for the intercept; 0 or less: there is none.
#' @param class_weights `NULL`, or factors of `cost` named by the classes (`wi` of LiblineaR). They become `weights`,
#'   as they change the sum and not only the shares of the losses. For two classes, or type 4: of several classes
#'   against the rest LIBLINEAR weighs the rest with 1 each time.
#' @return A named list of arguments of [linclass()]: `x`, with a first column of `bias` (named `(bias)` where columns
#'   have names) if there is one, `y`, `loss`, `lambda`, `alpha`, `standardize`, `intercept`, `coding` and `weights`.
#'   The intercept of LIBLINEAR's model is the coefficient of that column times `bias`.
#' @section Errors: `linclass_error_argument` for a type that does not exist, values out of range, or class weights
#'   that cannot be repeated,
#'   `linclass_error_loss` for a logistic type with more than two classes ([linclass()] has softmax for them).
#' @source Fan, R.-E., Chang, K.-W., Hsieh, C.-J., Wang, X.-R. and Lin, C.-J. (2008) LIBLINEAR: a library for large
#'   linear classification. *Journal of Machine Learning Research* 9, 1871--1874.
#' @seealso [convert_penalty()] for the numbers alone.
#' @examples
#' x <- scale(as.matrix(iris[1:4]))
#' fit <- do.call(linclass, from_liblinear(x, iris$Species, type = 3, cost = 0.1))
#' coef(fit)
#' # the value that LIBLINEAR minimises
#' objective(fit) * 0.1 * nobs(fit)
#' @concept LIBLINEAR
#' @concept LinearSVC
#' @concept support vector machine
#' @concept intercept scaling
#' @concept one-vs-rest
#' @export
from_liblinear <- function(x, y, type = 2, cost = 1, bias = 1, class_weights = NULL) {
  row <- liblinear_row(type)
  check_number(cost, "cost", .Machine$double.xmin, Inf, "argument")
  check_number(bias, "bias", -Inf, Inf, "argument")
  if (is.null(dim(x))) abort("shape", "`x` must be a matrix.")
  classes <- read_response(y, row$loss)
  if (length(classes$codes) != nrow(x)) {
    abort("shape", sprintf("`y` has %d values and `x` has %d rows.", length(classes$codes), nrow(x)))
  }
  present <- sort(unique(classes$codes))
  k <- length(present)
  if (row$loss == "logistic" && k > 2L) {
    abort("loss", "Logistic types of LIBLINEAR are for two classes here. Use loss = \"softmax\" for more.")
  }
  if (!is.null(class_weights) && row$ovr && k > 2L) {
    abort("argument", paste("Against the rest LIBLINEAR gives each class its own weight and the rest 1, which no",
                            "weights of rows repeat: `class_weights` are for two classes, or type 4."))
  }
  levels <- classes$levels[present + 1L]
  weights <- check_class_weights(class_weights, levels, as.vector(table(classes$codes)))
  weights <- if (!is.null(weights)) unname(weights[match(classes$codes, present)])
  total <- if (is.null(weights)) nrow(x) else sum(weights)
  two_rows <- if (!row$ovr && k == 2L) 2 else 1
  if (bias > 0) {
    names <- if (!is.null(colnames(x))) list(rownames(x), c("(bias)", colnames(x)))
    x <- cbind(matrix(bias, nrow(x), 1L), if (is.data.frame(x)) as.matrix(x) else x)
    if (!is.null(names)) dimnames(x) <- names
  }
  out <- list(x = x, y = y, loss = row$loss, lambda = 1 / (cost * total * two_rows), alpha = row$alpha,
              standardize = FALSE, intercept = FALSE)
  if (row$ovr && k > 2L) out$coding <- "ovr"
  if (!is.null(weights)) out$weights <- weights
  out
}

liblinear_row <- function(type) {
  if (!is.numeric(type) || length(type) != 1L || !type %in% liblinear_types$type) {
    abort("argument", sprintf("`type` must be a whole number from 0 to 7, not %s.", describe_value(type)))
  }
  as.list(liblinear_types[liblinear_types$type == type, ])
}
