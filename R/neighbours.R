# What users of other packages look for: their arguments, losses and types, by the names they know.
# One table each; the message is said where an unknown name meets it.

# Arguments, with the package they come from and what they are here.
neighbour_arguments <- c(
  family = "The loss is `loss`: \"logistic\" (binomial), \"softmax\" (multinomial).",
  type.measure = "glmnet's type.measure is `metric` of linclass_cv() here.",
  type.multinomial = "glmnet's type.multinomial = \"grouped\" is `grouped = TRUE` here.",
  type.logistic = "There is no such approximation here: all fits are exact.",
  newx = "It is `newdata` here.", newoffset = "It is `offset` here.", newy = "Responses are not needed here.",
  lower.limits = "glmnet's lower.limits is `lower` here.",
  upper.limits = "glmnet's upper.limits is `upper` here.",
  penalty.factor = "It is `penalty_factor` here.",
  lambda.min.ratio = "It is `lambda_min_ratio` here.",
  standardise = "It is `standardize` here.", nfolds = "It is `folds` of linclass_cv() here.",
  exclude = paste("Leave the columns out, or set their bounds to 0: `lower = c(name = 0), upper =",
                  "c(name = 0)`."),
  dfmax = "Paths have no such limit; take fewer points of it.",
  pmax = "Paths have no such limit; take fewer points of it.",
  thresh = "The tolerance is that of the relative gap: `control = linclass_control(tolerance = )`.",
  epsilon = "It is `control = linclass_control(tolerance = )` here.",
  tol = "It is `control = linclass_control(tolerance = )` here.",
  reltol = "It is `control = linclass_control(tolerance = )` here.",
  abstol = "It is `control = linclass_control(tolerance = )` here.",
  maxit = "It is `control = linclass_control(max_iter = )` here.",
  max.iter = "It is `control = linclass_control(max_iter = )` here.",
  trace = "It is `control = linclass_control(trace = )` here.",
  trace.it = "It is `control = linclass_control(trace = )` here.",
  verbose = "It is `control = linclass_control(trace = )` here.",
  cost = paste("The cost of a support vector machine is `lambda` = 1 / (n cost) here, with alpha = 0;",
               "see convert_penalty() and linclass_svm()."),
  C = "C is `lambda` = 1 / (n C) here, with alpha = 0; see convert_penalty().",
  gamma = "There are no kernels here: the classifier is linear.",
  kernel = "There are no kernels here: the classifier is linear.",
  decay = "The decay of multinom() is n `lambda` / 2 here, with alpha = 0; see convert_penalty().",
  penalty = "The strength is `lambda`, the kind `alpha`: 0 is ridge, 1 is lasso.",
  l1_ratio = "It is `alpha` here.", mixture = "It is `alpha` here.",
  class.weights = "It is `class_weights` here.", class_weight = "It is `class_weights` here.",
  wt = "It is `weights` here.", sample_weight = "It is `weights` here.",
  Hess = "Unpenalised fits have their covariance: vcov().",
  MaxNWts = "There is no limit to the number of coefficients.",
  probability = "Hinges have none; linclass_calibrate() learns them. Else use type = \"prob\".",
  decision.values = "Use type = \"link\".", start.coef = "It is `start` here.",
  mustart = "Coefficients can be started by `start`.", etastart = "Coefficients can be started by `start`.",
  foldid = "It belongs to linclass_cv().", folds = "It belongs to linclass_cv().",
  repeats = "It belongs to linclass_cv().", metric = "It belongs to linclass_cv().",
  keep = "It belongs to linclass_cv().",
  nlambda = "It belongs to linclass_path() and linclass_cv(); a fit has one `lambda`.",
  lambda_min_ratio = "It belongs to linclass_path() and linclass_cv(); a fit has one `lambda`.",
  s = "It belongs to paths and cross-validations; a fit has one `lambda`.",
  exact = "Paths are interpolated between their points; fit one with the `lambda` you need.",
  gain = "Use `metric`.", parallel = "Threads are set by linclass_threads().",
  n_jobs = "Threads are set by linclass_threads().", relax = "Fit the columns that are left again without penalty.")

neighbour_losses <- c(
  binomial = "logistic", bernoulli = "logistic", logit = "logistic", log = "logistic",
  log_loss = "logistic", logloss = "logistic", glm = "logistic", sigmoid = "logistic",
  multinomial = "softmax", multinom = "softmax", categorical = "softmax", cross_entropy = "softmax",
  crossentropy = "softmax", mlogit = "softmax", svm = "hinge", svc = "hinge", l1svm = "hinge",
  svmlinear = "hinge", l2svm = "squared_hinge", hinge2 = "squared_hinge", hhsvm = "squared_hinge",
  squared.hinge = "squared_hinge")

# Metrics of linclass_cv().
neighbour_metrics <- c(
  accuracy = "error", acc = "error", class = "error", misclass = "error", mmce = "error",
  logloss = "deviance", log_loss = "deviance", mn_log_loss = "deviance", default = "deviance",
  roc = "auc", ROC = "auc", roc_auc = "auc", AUC = "auc", mse = "brier", brier_class = "brier")

# Values of `type` of predict() and residuals().
neighbour_types <- c(
  probs = "type = \"prob\"", probability = "type = \"prob\"", probabilities = "type = \"prob\"",
  posterior = "type = \"prob\"", proba = "type = \"prob\"", raw = "type = \"link\" or \"prob\"",
  classes = "type = \"class\"", label = "type = \"class\"", labels = "type = \"class\"", lp = "type = \"link\"",
  score = "type = \"link\"", scores = "type = \"link\"", decision = "type = \"link\"",
  logit = "type = \"link\"", vector = "type = \"link\"", latent = "type = \"link\"",
  coefficients = "coef()", coef = "coef()", nonzero = "coef(format = \"long\")")

# " ..." where the name is a neighbour's, else "".
hint_neighbour <- function(name, table, pattern = " %s") {
  if (!is.character(name) || length(name) != 1L || is.na(name) || !name %in% names(table)) return("")
  sprintf(pattern, table[[name]])
}

# predict() lets arguments of third parties pass, but not these.
predict_hints <- local({
  names <- c("newx", "newoffset", "s", "probability", "decision.values")
  chosen <- " Classes are the likeliest ones; compare type = \"response\" with a number, as of choose_threshold()."
  c(stats::setNames(paste0(" ", neighbour_arguments[names]), names), data = " It is `newdata` here.",
    threshold = chosen, cutoff = chosen, cut = chosen)
})
