# Every argument of every exported function, and of methods that users call, replaced by what does not belong there: an
# error of the package, or an answer; never an error of R from inside, never changed options. A valid call of each is
# the start. `make conformance` tries all values, the plain suite some of them, in turns.

whole_table <- nzchar(Sys.getenv("LINCLASS_CONFORMANCE"))

two <- toy(2)
x <- two$x
y <- two$y
data <- two$data
fit <- linclass(y ~ a + b, data)
svm <- linclass(x, y, loss = "hinge", lambda = 0.1, alpha = 0)
path <- linclass_path(x, y, nlambda = 5)
cv <- linclass_cv(x, y, foldid = rep_len(1:3, 60), nlambda = 5)
calibrated <- linclass_calibrate(svm, x, y)
prob <- predict(fit, data, "prob")
descent <- quiet(linclass(y ~ a, data, solver = "gradient_descent", control = list(max_iter = 5)))
half <- c(low = 0.5, high = 0.5)
W <- matrix(c(0.1, 0.2, 0.3, 0.4), 1)
source_of_rows <- row_source(x, y = y)

# From R 4.1 on; objects of the package's classes that are empty are among them.
empty <- function(class) structure(list(), class = class)
anything <- list(
  null = NULL, na = NA, nan = NaN, infinite = Inf, negative = -1, zero = 0, half = 0.5, large = 1e300, two = 2L,
  true = TRUE, string = "a", empty_string = "", na_string = NA_character_, no_numbers = double(),
  no_strings = character(), numbers = c(1, 2), strings = c("a", "b"), named = c(zz = 1), list = list(),
  mixed = list(a = 1, 2), named_list = list(a = 1), mean = mean, stop = function(...) stop("mine"),
  environment = new.env(), symbol = quote(a), call = quote(a + b), formula = y ~ a, other_formula = a ~ b,
  factor = factor(c("u", "v")), ordered = factor("a", ordered = TRUE), date = as.Date("2020-01-01"),
  time = .POSIXct(0), difference = as.difftime(1, units = "days"), complex = 1i, raw = as.raw(1),
  frame = data.frame(a = 1:3, b = 3:1), empty_frame = data.frame(), matrix = matrix(1:6, 3),
  na_matrix = matrix(NA_real_, 2, 2), no_rows = matrix(0, 0, 3), array = array(0, c(2, 2, 2)),
  strings_matrix = matrix("a", 2, 2), sparse = Matrix::Diagonal(3), s4 = methods::new("dgTMatrix"),
  pointer = methods::new("externalptr"), expression = expression(a), series = ts(1:3), sixty = 1:60,
  flags = rep(c(TRUE, FALSE), 30), empty_fit = empty("linclass"), empty_path = empty("linclass_path"),
  empty_source = empty("linclass_source"), empty_codes = empty("linclass_codes"), fit = fit, path = path, cv = cv,
  calibrated = calibrated, source = source_of_rows)

# Methods of R's generics: their first argument chooses the method and stays.
calls <- list(
  adjust_prior = quote(adjust_prior(fit, prior = half, newdata = data)),
  adjust_prior = quote(adjust_prior(prob, prior = half, from = half)),
  as_glm = quote(as_glm(fit)), certificate = quote(certificate(fit)), objective = quote(objective(fit)),
  check_gradient = quote(check_gradient(W, x, y, "logistic", lambda = 0, alpha = 1, weights = NULL, step = NULL)),
  choose_threshold = quote(choose_threshold(y, prob, by = "cost", cost = c(1, 1), classes = "high", weights = NULL)),
  confusion_measures = quote(confusion_measures(y, y, weights = NULL)),
  convert_penalty = quote(convert_penalty(lambda = 0.1, alpha = 0.5)),
  from_liblinear = quote(from_liblinear(x, y, type = 2, cost = 1, bias = 1, class_weights = NULL)),
  iterates = quote(iterates(descent, steps = NULL, seed = NULL)),
  linclass = quote(linclass(x, y, loss = "logistic", lambda = 0.1, alpha = 0.5, grouped = FALSE, weights = NULL,
                            offset = NULL, class_weights = NULL, penalty_factor = 1, standardize = TRUE,
                            intercept = TRUE, lower = -1, upper = 1, coding = NULL, bias_reduction = "none",
                            model = NA, solver = "auto", start = NULL, control = list())),
  linclass = quote(linclass(y ~ a, data, weights = NULL, subset = 1:50, contrasts = NULL, offset = NULL)),
  linclass = quote(linclass(x, y, solver = "minibatch", start = NULL, classes = levels(y))),
  linclass = quote(linclass(source_of_rows, lambda = 0.1, start = NULL)),
  linclass_path = quote(linclass_path(x, y, lambda = NULL, nlambda = 5, lambda_min_ratio = 0.1, weights = NULL)),
  linclass_cv = quote(linclass_cv(x, y, folds = 3, foldid = NULL, repeats = 1, keep = FALSE, lambda = c(0.1, 0.2))),
  linclass_calibrate = quote(linclass_calibrate(svm, newdata = x, y = y, method = "platt", weights = NULL)),
  linclass_calibrate = quote(linclass_calibrate(svm, folds = 3, method = "isotonic")),
  linclass_control = quote(linclass_control(tolerance = 1e-8)),
  linclass_losses = quote(linclass_losses()), linclass_solvers = quote(linclass_solvers()),
  linclass_metrics = quote(linclass_metrics()), penalty_scales = quote(penalty_scales()),
  linclass_path_at = quote(linclass_path_at(x, y, lambda = 0.1, penalty = 0.1)),
  linclass_svm = quote(linclass_svm(x, y, weights = NULL, cost = 1, loss = "hinge")),
  linclass_threads = quote(linclass_threads(NULL)), loss_value = quote(loss_value(W, x, y, "logistic", offset = NULL)),
  loss_gradient = quote(loss_gradient(W, x, y, "logistic", lambda = 0, alpha = 1, weights = NULL)),
  loss_hessian = quote(loss_hessian(W, x, y, "logistic")), newton_step = quote(newton_step(W, x, y, "logistic")),
  marginal_effects = quote(marginal_effects(fit, variables = "a", newdata = data, change = list(), weights = NULL,
                                            offset = NULL, vcov = NULL, level = 0.9)),
  plot_confusion = quote(plot_confusion(y, y)), plot_reliability = quote(plot_reliability(y, prob, bins = 5)),
  plot_roc = quote(plot_roc(y, prob, classes = NULL)), plot_precision_recall = quote(plot_precision_recall(y, prob)),
  plot_lift = quote(plot_lift(y, prob)), plot_history = quote(plot_history(fit)), plot_losses = quote(plot_losses()),
  plot_contours = quote(plot_contours(function(p) sum(p^2), list(matrix(1:4 / 4, 2)), lines = 5, cells = 11)),
  plot_images = quote(plot_images(array(1:16 / 16, c(1, 4, 4)))),
  plot_weights = quote(plot_weights(matrix(1:32 / 32, 2), shape = c(4, 4))),
  raw_scores = quote(raw_scores(x, W, b = NULL, bias = "first")),
  row_source = quote(row_source(x, y = y, weights = NULL, offset = NULL, block = 10)),
  row_source = quote(row_source(data, formula = y ~ a, levels = NULL, block = 10)),
  sample_loss = quote(sample_loss(x[, 1], y, "logistic")), sigmoid = quote(sigmoid(1)),
  softmax = quote(softmax(c(1, 2))), softmax_jacobian = quote(softmax_jacobian(c(1, 2))),
  separation = quote(separation(fit)), separation = quote(separation(y ~ a, data)),
  solver = quote(solver("lbfgs", memory = 5)), support = quote(support(svm, data = list(x = x, y = y))),
  thresholds = quote(thresholds(y, prob, classes = NULL, weights = NULL)),
  to_json = quote(to_json(fit)), to_r = quote(to_r(fit)), to_sql = quote(to_sql(fit)),
  predict = quote(predict(fit, data, type = "prob", offset = NULL, novel = "error", se.fit = TRUE,
                          interval = "confidence", level = 0.9, prior = NULL)),
  predict = quote(predict(path, x, s = 0.1, type = "link")), predict = quote(predict(cv, x, s = "lambda.min")),
  predict = quote(predict(calibrated, x, type = "prob")), coef = quote(coef(path, s = 0.1)),
  coef = quote(coef(fit, coding = NULL)), confint = quote(confint(fit, parm = "a", level = 0.9)),
  vcov = quote(vcov(fit, complete = TRUE)), fitted = quote(fitted(fit, type = "link", data = data)),
  residuals = quote(residuals(fit, type = "deviance", data = data)), anova = quote(anova(fit, test = "Chisq")),
  simulate = quote(simulate(fit, nsim = 1, seed = 1)), profile = quote(profile(fit, which = 1, alpha = 0.01)),
  update = quote(update(fit, formula. = . ~ ., data = data)), drop1 = quote(drop1(fit, scope = "a", k = 2)),
  add1 = quote(add1(fit, scope = ~ . + c, k = 2)), plot = quote(plot(fit, which = "coefficients")),
  plot = quote(plot(path, xvar = "lambda")),
  plot = quote(plot(cv, metric = NULL)), print = quote(print(fit, digits = 3)))
methods <- c("predict", "coef", "confint", "vcov", "fitted", "residuals", "anova", "simulate", "profile", "update",
             "drop1", "add1", "plot", "print")

# Those for other packages' objects and for clusters, which have tests of their own.
elsewhere <- c("linclass_caret", "linclass_learner", "row_shards")

# What a user's own function says is the user's.
is_foreign <- function(message) grepl("mine|argument is not numeric or logical: returning NA", message)

refusal_of <- function(call) {
  warned <- NULL
  result <- tryCatch(withCallingHandlers({
    utils::capture.output(suppressMessages(eval(call)))
    NULL
  }, warning = function(w) {
    if (!inherits(w, "linclass_warning")) warned <<- conditionMessage(w)
    invokeRestart("muffleWarning")
  }), error = identity)
  odd <- inherits(result, "error") && !inherits(result, "linclass_error") || inherits(result, "linclass_error_internal")
  said <- if (odd) paste(class(result)[1L], conditionMessage(result)) else warned
  if (!is.null(said) && !is_foreign(said)) said
}

test_that("the table has every export", {
  expect_setequal(setdiff(names(calls), methods), setdiff(getNamespaceExports("linclass"), elsewhere))
})

test_that("whatever is given for an argument, the answer is a value or a refusal in words", {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  turn <- 0L
  tried <- 0
  for (n in seq_along(calls)) {
    call <- calls[[n]]
    expect_null(refusal_of(call), info = deparse1(call))
    first <- if (names(calls)[n] %in% methods) 3L else 2L
    for (i in seq_along(call)[seq_along(call) >= first]) {
      turn <- turn + 1L
      values <- if (whole_table) seq_along(anything) else (turn * 2L + 0:1) %% length(anything) + 1L
      for (value in anything[values]) {
        wrong <- call
        wrong[i] <- list(if (is.language(value) && !inherits(value, "formula")) base::call("quote", value) else value)
        before <- options()
        said <- refusal_of(wrong)
        tried <- tried + 1
        expect_null(said, info = paste(names(calls)[n], "argument", c(names(call)[i], i)[1L], "is", class(value)[1L],
                                       substr(deparse1(value)[1L], 1L, 40L)))
        expect_identical(options(), before)
      }
    }
  }
  if (whole_table) cat(sprintf("\narguments: %d values tried\n", tried))
})
