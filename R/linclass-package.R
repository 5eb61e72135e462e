#' linclass: linear classification in R
#'
#' One call, [linclass()], fits logistic and softmax regression, perceptrons and linear support
#' vector machines, with ridge, lasso and elastic net penalties, to formulas, matrices, data frames
#' and sparse matrices. The numerical work is done in C.
#'
#' The classifier of a row `x` of p features computes one score for each class, `z = W x + b`, and
#' chooses the class with the largest score. Training minimises
#'
#' \deqn{\frac{1}{\sum_i w_i} \sum_i w_i L_i +
#'   \lambda \sum_j f_j \left(\frac{1 - \alpha}{2} w_j^2 + \alpha |w_j|\right),}{
#'   sum_i w_i L_i / sum_i w_i + lambda sum_j f_j ((1 - alpha)/2 w_j^2 + alpha |w_j|),}
#'
#' where `L_i` is the loss of row i (see [linclass_losses()]), and the intercepts are not penalised.
#'
#' * Fit: [linclass()], [solver()], [linclass_control()].
#' * What can be chosen: [linclass_losses()], [linclass_solvers()].
#' * Errors, warnings and messages: [linclass_conditions].
#'
#' @useDynLib linclass, .registration = TRUE
#' @importFrom methods as is validObject
#' @importFrom stats .getXlevels delete.response model.frame model.matrix model.response
#' @importFrom stats model.weights na.pass terms complete.cases
#' @importClassesFrom Matrix dgCMatrix Matrix
#' @keywords internal
#' @name linclass-package
#' @docType package
NULL
