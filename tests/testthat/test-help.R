# The help pages as a reader meets them: found by the words that people type, readable in a console.

pages <- tools::Rd_db("linclass")

test_that("help.search() finds the package by the words of the field", {
  database <- utils::hsearch_db(package = "linclass")
  entries <- tolower(c(database$Base$Title, database$Aliases$Alias, database$Concepts$Concept))
  typed <- c("logistic", "svm", "support vector", "multinomial", "softmax", "ridge", "lasso", "elastic net",
             "perceptron", "hinge", "calibration", "reliability", "learning rate", "cross-entropy",
             "log loss", "cross-validation", "confusion matrix", "roc", "auc", "brier", "accuracy",
             "precision", "recall", "threshold", "sgd", "mini-batch", "momentum", "epoch", "newton",
             "l-bfgs", "gradient descent", "hessian", "jacobian", "sigmoid", "logits", "standard error",
             "odds ratio", "separation", "class imbalance", "weight decay", "regularization", "one standard error",
             "tuning parameter", "glmnet", "scikit-learn", "convergence", "parallel", "p-value",
             "classification", "feature selection", "multi-class", "maximum entropy", "penalized", "shrinkage",
             "variable selection", "confidence interval", "platt", "isotonic", "temperature scaling", "cutoff",
             "stochastic gradient", "coordinate descent", "irls", "quasi-newton", "sparse matrix", "missing values",
             "imbalanced", "rare events", "class weights", "offset", "likelihood ratio", "wald", "profile likelihood",
             "firth", "bias reduction", "quasi-separation", "wilcoxon", "sensitivity", "specificity", "youden", "kappa",
             "f1", "lift", "average precision", "marginal effect", "partial effect", "influence", "leverage", "outlier",
             "residual", "deviance", "aic", "bic", "stepwise", "model comparison", "cross validation", "out-of-fold",
             "grid search", "overfitting", "warm start", "early stopping", "gradient check", "numerical derivative",
             "one-hot", "dummy", "contrasts", "reference category", "multinom", "liblinear", "sql", "json", "deploy",
             "broom", "caret", "mlr3", "parsnip", "ggplot2", "report", "openmp", "big data", "time limit", "interrupt",
             "random seed", "log-odds", "inverse logit", "max-margin", "loss function", "decision boundary",
             "regularization path", "grouped lasso", "nonnegative", "prior shift", "robust", "sandwich", "kkt",
             "predict new data", "binary classification", "weston", "collinear", "rank deficient", "standardize")
  found <- vapply(typed, function(word) any(grepl(word, entries, fixed = TRUE)), NA)
  expect_identical(typed[!found], character())
})

test_that("every page has a description of its own, and no raw LaTeX in a console", {
  for (name in names(pages)) {
    part <- function(tag) {
      page <- pages[[name]]
      at <- vapply(page, function(p) identical(attr(p, "Rd_tag"), tag), NA)
      trimws(gsub("\\s+", " ", paste(unlist(page[at]), collapse = "")))
    }
    expect_gt(nchar(part("\\description")), 40)
    expect_false(part("\\description") == part("\\title"), label = name)
    text <- utils::capture.output(tools::Rd2txt(pages[[name]], options = list(underline_titles = FALSE),
                                                stages = c("build", "install", "render")))
    expect_identical(grep("\\\\[A-Za-z]{2,}", text, value = TRUE, useBytes = TRUE), character(),
                     label = name)
  }
})

test_that("lists of the help pages are made of all rows of the tables, and are Rd", {
  solvers <- linclass_solvers()
  lists <- list(rd_controls = names(formals(linclass_control)), rd_metrics = linclass_metrics()$name,
                rd_penalty_scales = penalty_scales()$scale,
                rd_solvers = c(solvers$name, unlist(strsplit(solvers$options, ", "))),
                rd_conditions = c("linclass_error_argument", "linclass_warning_separation", "linclass_message_copy"))
  for (made_by in names(lists)) {
    lines <- get(made_by, asNamespace("linclass"))()
    lines <- lines[!startsWith(lines, "@section")]
    page <- textConnection(c("\\name{page}", "\\title{page}", "\\description{", lines, "}"))
    expect_silent(page <- tools::parse_Rd(page))
    words <- strsplit(paste(unlist(page), collapse = " "), "[^A-Za-z0-9_]+")[[1L]]
    expect_identical(setdiff(lists[[made_by]], c(words, "...")), character(), label = made_by)
  }
})
