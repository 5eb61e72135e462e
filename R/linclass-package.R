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
#' @section Fit: [linclass()] fits; [solver()] and [linclass_control()] say how, and
#'   [linclass_losses()] and [linclass_solvers()] list what there is; [linclass_threads()] sets the
#'   number of threads. [convert_penalty()] translates the penalties of other packages.
#' @section Choose a penalty: [linclass_path()] fits a decreasing sequence of penalties,
#'   [linclass_cv()] chooses among them by cross-validation; [linclass_metrics()] lists by what.
#' @section Predict and judge: [predict()][predict.linclass()] gives classes, probabilities and
#'   scores of new rows, [fitted()][fitted.linclass()] those of the training rows,
#'   [simulate()][simulate.linclass()] draws responses. [plot_confusion()], [confusion_measures()],
#'   [plot_reliability()] and [plot_roc()] judge predictions, [choose_threshold()] decides by them,
#'   and [linclass_calibrate()] and [adjust_prior()] correct probabilities. [to_sql()] writes the rule
#'   for programs without R.
#' @section Report: `rmarkdown::draft("mine.Rmd", "classification-report", package = "linclass")` makes a
#'   report of a data frame and a formula.
#' @section Read a fit: [summary()][summary.linclass()], [coef()][coef.linclass()],
#'   [vcov()][vcov.linclass()], [logLik()][logLik.linclass()], [anova()][anova.linclass()];
#'   [objective()] is what was minimised and [certificate()] says how far from the minimum it is.
#'   [update()][update.linclass()] changes a fit.
#' @section Look at a fit: [plot()][plot.linclass()], and [autoplot()][autoplot.linclass()] where
#'   ggplot2 is installed; [plot_history()] compares solvers; [plot_images()] and [plot_weights()]
#'   show pictures and what was learned from them.
#' @section Learn how it works: [raw_scores()], [sigmoid()], [softmax()], [sample_loss()],
#'   [loss_value()], [loss_gradient()], [loss_hessian()], [newton_step()] and [check_gradient()] are
#'   the pieces of the mathematics; [plot_losses()], [plot_contours()] and [iterates()] draw it;
#'   [big_cats], [lesions] and [reviews] are data to learn from. `vignette("linclass")` is the user's
#'   guide and lists all other pages in the order in which to read them.
#' @section When something goes wrong: [linclass_conditions] lists the classes of errors, warnings
#'   and messages; [separation()] says whether classes are separated, and by what.
#'
#' @concept classification
#' @concept machine learning
#' @concept report template
#' @concept classification report
#' @concept SVM
#' @concept logistic regression
#' @useDynLib linclass, .registration = TRUE
#' @importFrom methods as is validObject
#' @importFrom stats .getXlevels delete.response model.frame model.matrix model.response
#' @importFrom stats model.weights na.pass terms complete.cases
#' @importClassesFrom Matrix dgCMatrix Matrix
#' @keywords internal
#' @name linclass-package
#' @docType package
NULL
