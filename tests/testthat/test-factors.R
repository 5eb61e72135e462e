# Coded terms against the model matrix that they stand for.

mixed <- local({
  set.seed(11)
  n <- 900L
  data <- data.frame(
    f = factor(sample(letters[1:5], n, TRUE), levels = c(letters[1:6])), # level f is not used
    g = factor(sample(c("u", "v", "w"), n, TRUE)),
    o = factor(sample(c("low", "mid", "high", "top"), n, TRUE),
               levels = c("low", "mid", "high", "top"), ordered = TRUE),
    s = sample(c("x y", "b", "a"), n, TRUE), l = sample(c(TRUE, FALSE), n, TRUE),
    x = rnorm(n), i = sample(10L, n, TRUE), z = rexp(n))
  data$rare <- factor(c("only", sample(c("p", "q"), n - 1L, TRUE)))
  data$y <- factor(ifelse(data$x + (data$f == "b") - data$l + rlogis(n) > 0, "yes", "no"))
  data$k <- factor(1L + (data$x > rlogis(n)) + (data$g == "v") * (runif(n) < 0.6))
  data
})

formulas <- list(
  y ~ f, y ~ f - 1, y ~ x + f, y ~ 0 + x + f + g, y ~ f + g + x + i, y ~ f * g, y ~ f:g, y ~ f:g - 1,
  y ~ f + f:g, y ~ g:f + x, y ~ f:x, y ~ x + f:x + g:i, y ~ f * g * l, y ~ o, y ~ o + f:o,
  y ~ o:x + s, y ~ s * l, y ~ l, y ~ l - 1, y ~ l:x, y ~ rare * g, y ~ poly(x, 3) + f,
  y ~ f:poly(x, 2), y ~ poly(x, 2):f, y ~ poly(x, 2):f:poly(i, 2), y ~ splines::ns(x, 4) * g,
  y ~ cut(x, 4) + factor(i), y ~ log(z) + I(x^2) + f, y ~ f + offset(z), y ~ C(g, contr.sum) + f,
  y ~ interaction(f, g) + x, y ~ f %in% g, y ~ (f + g + x)^2 - f:g, y ~ x:i + f, y ~ is.na(x) + g)

model_of <- function(formula, data, contrasts = NULL) {
  frame <- model.frame(formula, data, drop.unused.levels = TRUE)
  terms <- attr(frame, "terms")
  frame <- used_levels(frame, 1L)
  read_terms(terms, frame, used_contrasts(terms, frame, contrasts))
}

codes_of <- function(...) code_terms(model_of(...))

matrix_of <- function(formula, data, contrasts = NULL) {
  frame <- model.frame(formula, data, drop.unused.levels = TRUE)
  x <- model.matrix(attr(frame, "terms"), frame, contrasts.arg = contrasts)
  x[, colnames(x) != "(Intercept)", drop = FALSE]
}

same_matrix <- function(formula, data, contrasts = NULL) {
  x <- codes_of(formula, data, contrasts)
  want <- matrix_of(formula, data, contrasts)
  info <- deparse(formula)
  expect_identical(dim(x), dim(want), info = info)
  expect_identical(dimnames(x), dimnames(want), info = info)
  expect_equal(as.matrix(x), want, tolerance = 1e-14, ignore_attr = TRUE, info = info)
  expect_null(.Call(lcr_valid, x), info = info)
  sparse <- as_sparse(x)
  expect_s4_class(sparse, "dgCMatrix")
  expect_equal(as.matrix(sparse), want, tolerance = 1e-14, ignore_attr = TRUE, info = info)
  invisible(x)
}

# The coded layout is for large data, so the limit is moved, for the length of a test.
move_limit <- function(bytes) utils::assignInNamespace("small_dense", bytes, "linclass")

test_that("codes are the model matrix, column by column", {
  for (formula in formulas) same_matrix(formula, mixed)
})

# Numbers: matrices with names and without, of one column and none, integers, dates, and their products.
mixed$m <- cbind(p = mixed$x, mixed$z, q = mixed$i)
mixed$unnamed <- unname(mixed$m[, 1:2]) - 1
mixed$narrow <- matrix(mixed$z, dimnames = list(NULL, "only"))
mixed$whole <- matrix(seq_len(2L * nrow(mixed)) %% 7L, ncol = 2L)
mixed$`odd name` <- cbind(mixed$x^2, b = 1 / (1 + mixed$z))
mixed$twice <- cbind(a = mixed$x, a = mixed$x, b = 2 * mixed$x)
mixed$day <- as.Date("2026-01-01") + mixed$i

numeric_formulas <- list(
  y ~ m, y ~ m - 1, y ~ unnamed, y ~ narrow, y ~ narrow - 1, y ~ whole, y ~ x + whole + i, y ~ `odd name` + m,
  y ~ poly(x, 3), y ~ poly(cbind(x, z), degree = 3, raw = TRUE) - 1, y ~ splines::ns(x, 4) + splines::bs(z, 5),
  y ~ x:z, y ~ x * z * i, y ~ m:x, y ~ x:m, y ~ m:unnamed, y ~ (m + unnamed + x)^2, y ~ m:unnamed:whole - 1,
  y ~ poly(x, 2):poly(z, 2) + narrow:m, y ~ `odd name`:x, y ~ I(x^2) + I(cbind(x, z)), y ~ scale(x) + z,
  y ~ m + offset(z), y ~ offset(z) + x:m, y ~ m + f, y ~ 0 + m + f, y ~ f + m:unnamed, y ~ 0 + x:z + f:g + m,
  y ~ m * f, y ~ m:f + unnamed:whole, y ~ f:m:x + narrow, y ~ twice, y ~ twice:x + f, y ~ day + m, y ~ day:x,
  y ~ l:m + i, y ~ o + whole:whole, y ~ m %in% f)

test_that("numbers are laid side by side as model.matrix() has them", {
  for (formula in numeric_formulas) {
    info <- deparse(formula)
    frame <- model.frame(formula, mixed, drop.unused.levels = TRUE)
    want <- model.matrix(attr(frame, "terms"), frame)
    kept <- colnames(want) != "(Intercept)"
    model <- model_of(formula, mixed)
    if (is.null(model$plain)) same_matrix(formula, mixed)
    x <- expand_terms(model, "dense")
    expect_identical(dim(x), dim(want[, kept, drop = FALSE]), info = info)
    expect_identical(dimnames(x), dimnames(want[, kept, drop = FALSE]), info = info)
    expect_equal(x, want[, kept, drop = FALSE], tolerance = 1e-14, ignore_attr = TRUE, info = info)
    expect_identical(term_of_columns(model), attr(want, "assign")[kept], info = info)
  }
})

test_that("fits of matrix terms are those of their columns, new rows and missing ones among them", {
  gaps <- droplevels(mixed)
  gaps$m[5, 2] <- NA
  gaps$x[9] <- NaN
  for (formula in list(y ~ m + x, y ~ m * unnamed, y ~ I(x^2) + splines::ns(z, 3) + m:f,
                       y ~ poly(z, 2, raw = TRUE) + m)) {
    info <- deparse(formula)
    fit <- quiet(linclass(formula, gaps, lambda = 0.01, alpha = 0))
    frame <- model.frame(formula, gaps)
    x <- model.matrix(attr(frame, "terms"), frame)
    plain <- quiet(linclass(x[, -1], frame$y, lambda = 0.01, alpha = 0))
    expect_identical(names(coef(fit)), colnames(x), info = info)
    expect_equal(unname(coef(fit)), unname(coef(plain)), tolerance = 1e-8, info = info)
    new <- gaps[c(3, 8, 8, 700), ]
    expect_equal(unname(predict(fit, new, type = "link")),
                 unname(as.vector(model.matrix(delete.response(terms(frame)), new) %*% coef(fit))), tolerance = 1e-8,
                 info = info)
    expect_identical(attr(model.matrix(fit), "assign"), attr(x, "assign"), info = info)
    expect_identical(attr(model.matrix(fit), "contrasts"), attr(x, "contrasts"), info = info)
  }
})

test_that("every kind of contrasts has its table", {
  for (kind in c("contr.treatment", "contr.SAS", "contr.sum", "contr.helmert", "contr.poly")) {
    same_matrix(y ~ f * g + x, mixed, list(f = kind, g = kind))
  }
  same_matrix(y ~ f + g, mixed, list(f = contr.treatment(5, base = 3), g = contr.sum))
  same_matrix(y ~ f:x, mixed, list(f = matrix(c(1, 0, 0, -1, 2), 5)))
  own <- mixed
  contrasts(own$g) <- contr.helmert(3)
  same_matrix(y ~ f + g:l, own)
  old <- options(contrasts = c("contr.sum", "contr.poly"))
  on.exit(options(old))
  same_matrix(y ~ f + o, mixed)
})

test_that("contrasts change coordinates, in every layout, and no fitted value", {
  cases <- list(y ~ x * f, y ~ f * g, y ~ x + f:x, y ~ f / g, y ~ f:g, y ~ (f + g + x)^2, y ~ 0 + f + x,
                y ~ f + f:g, y ~ poly(x, 2) * f, y ~ o + x)
  kinds <- list("contr.treatment", "contr.sum", "contr.helmert", "contr.poly", "contr.SAS")
  limits <- list(dense = c(Inf, Inf), coded = c(0, Inf), sparse = c(0, 0))
  on.exit({
    move_limit(1e6)
    utils::assignInNamespace("dense_limit", 3e7, "linclass")
  })
  for (formula in cases) {
    x <- model.matrix(formula, mixed)
    reference <- quiet(glm.fit(x, mixed$y == "yes", family = binomial()))
    for (kind in kinds) {
      contrasts <- lapply(c(f = kind, g = kind, o = kind)[intersect(c("f", "g", "o"), all.vars(formula))],
                          identity)
      for (layout in names(limits)) {
        move_limit(limits[[layout]][1L])
        utils::assignInNamespace("dense_limit", limits[[layout]][2L], "linclass")
        info <- paste(deparse(formula), kind, layout)
        model <- model_of(formula, mixed, contrasts)
        want <- matrix_of(formula, mixed, contrasts)
        expect_equal(as.matrix(expand_terms(model, layout)), want, ignore_attr = TRUE, info = info)
        fit <- quiet(linclass(formula, mixed, contrasts = contrasts))
        expect_equal(deviance(fit), reference$deviance, tolerance = 1e-6, info = info)
        some <- c(4, 77, 800)
        expect_equal(unname(predict(fit, mixed[some, ], type = "response")),
                     unname(reference$fitted.values[some]), tolerance = 1e-4, info = info)
      }
    }
  }
})

test_that("very many pairs of levels are those that occur", {
  n <- 700L
  many <- data.frame(a = factor(seq_len(n)), b = factor((seq_len(n) * 13L) %% 350L))
  model <- read_terms(terms(~ a:b), many, list("contr.treatment", "contr.treatment"))
  joint <- cross_codes(c(model$variables[[1L]][c("code", "levels")], list(width = n), model$variables[[1L]]$full),
                       c(model$variables[[2L]][c("code", "levels")], list(width = 350L), model$variables[[2L]]$full))
  expect_identical(joint$levels, n)
  expect_equal(joint$column[order(joint$level)][joint$code], as.integer(many$a) + n * (as.integer(many$b) - 1L))
})

test_that("the passes, verbs and statistics of codes are those of the matrix", {
  for (formula in formulas[c(5, 12, 13, 15, 24, 28)]) {
    x <- codes_of(formula, mixed)
    X <- matrix_of(formula, mixed)
    w <- runif(nrow(X)) * (runif(nrow(X)) < 0.9)
    expect_equal(.Call(lcr_colstats, x, w), .Call(lcr_colstats, unname(X) + 0, w), tolerance = 1e-12)
    expect_equal(.Call(lcr_colstats, x, NULL), .Call(lcr_colstats, unname(X) + 0, NULL),
                 tolerance = 1e-12)
    B <- matrix(rnorm(2 * (ncol(X) + 1)), ncol = 2)
    spec <- list(loss = "softmax", k = 3L, coding = 1L, intercept = TRUE, lambda = 0,
                 l1 = numeric(ncol(X)), l2 = numeric(ncol(X)))
    expect_equal(.Call(lcr_predict, x, B, NULL, spec, "link"), cbind(1, unname(X)) %*% B,
                 tolerance = 1e-12)
    y <- as.integer(mixed$k) - 1L
    expect_equal(.Call(lcr_loss_hessian, B, x, y, w, NULL, spec),
                 .Call(lcr_loss_hessian, B, X + 0, y, w, NULL, spec), tolerance = 1e-11)
  }
})

local_limit <- function(bytes, env = parent.frame()) {
  # on.exit() of the test that called, as deferring would do it.
  do.call(on.exit, list(bquote(.(move_limit)(1e6)), add = TRUE), envir = env)
  move_limit(bytes)
}

# The same fit by both layouts.
both <- function(formula, data, ...) {
  on.exit(move_limit(1e6))
  call <- match.call()
  call[[1L]] <- quote(linclass)
  move_limit(0)
  coded <- eval(call, parent.frame())
  move_limit(Inf)
  list(coded = coded, dense = eval(call, parent.frame()))
}

same_fit <- function(fits, tolerance = 1e-7) {
  coded <- fits$coded
  dense <- fits$dense
  expect_identical(coded$blueprint$layout, "coded")
  expect_identical(dense$blueprint$layout, "dense")
  expect_equal(coef(coded), coef(dense), tolerance = tolerance)
  same <- c("n", "nobs", "p", "levels", "aliased", "converged", "status", "class_totals",
            "has_weights", "na.action")
  expect_identical(coded[same], dense[same])
  expect_equal(coded[c("deviance", "null_loss", "loss_value", "objective")],
               dense[c("deviance", "null_loss", "loss_value", "objective")], tolerance = 1e-9)
}

test_that("fits by codes are fits by the matrix", {
  for (formula in formulas[c(1, 2, 5, 6, 12, 14, 18, 24, 28)]) same_fit(both(formula, mixed))
  weights <- rep(c(0, 1, 2.5), length.out = nrow(mixed))
  same_fit(both(y ~ f + g * x, mixed, weights = weights))
  holed <- mixed
  holed$f[5:9] <- NA
  holed$x[17] <- NA
  holed$s[3] <- NA
  same_fit(both(y ~ f + s + x, holed))
  same_fit(both(y ~ f + s + x, holed, na.action = na.exclude, subset = i > 3))
  same_fit(both(k ~ f + x, mixed))
  same_fit(both(y ~ f * g + x, mixed, lambda = 0.01, alpha = 0))
  same_fit(both(k ~ f + g + x, mixed, lambda = 0.02), 1e-5)
  same_fit(both(y ~ f + g + x, mixed, lambda = 0.01, alpha = 0.5, standardize = TRUE), 1e-5)
  same_fit(both(y ~ f + g + x, mixed, loss = "squared_hinge", lambda = 0.1, alpha = 0), 1e-6)
  same_fit(both(y ~ f + g, mixed, offset = z / 5, class_weights = "balanced"))
  same_fit(both(cbind(i, 11 - i) ~ f + x, mixed))
  same_fit(both(y ~ f + x, mixed, intercept = FALSE))
  same_fit(both(y ~ o + s, mixed, contrasts = list(o = "contr.helmert", s = contr.sum)))
  for (name in c("lbfgs", "gradient_descent", "coordinate")) {
    fits <- both(y ~ f + x, mixed, lambda = 0.1, alpha = 0, solver = name)
    same_fit(fits, 1e-5)
  }
})

test_that("aliased, separated and refused data are told alike", {
  doubled <- mixed
  doubled$copy <- doubled$f
  doubled$grouped <- factor(ifelse(doubled$f %in% c("a", "b"), "first", "other"))
  expect_warning(expect_warning(fits <- both(y ~ f + x + copy + grouped, doubled), "NA"), "NA")
  same_fit(fits)
  apart <- mixed
  apart$y[apart$g == "u"] <- "no"
  expect_warning(expect_warning(fits <- both(y ~ x + g, apart), "separated"), "separated")
  expect_equal(coef(fits$coded)[c("(Intercept)", "x")], coef(fits$dense)[c("(Intercept)", "x")],
               tolerance = 1)
  expect_identical(fits$coded$separation$kind, fits$dense$separation$kind)
  expect_identical(fits$coded$separation$classes, fits$dense$separation$classes)
  expect_equal(fits$coded$deviance, fits$dense$deviance, tolerance = 1e-7)
  holed <- mixed
  holed$f[5:9] <- NA
  local_limit(0)
  expect_topic(linclass(y ~ f + x, holed, na.action = na.pass), "missing", "fb")
  single <- transform(mixed, g = factor("u"))
  expect_topic(linclass(y ~ f + g, single), "formula", "2 or more levels")
})

test_that("everything after the fit is the same", {
  fits <- both(y ~ f * g + x + s, mixed, weights = 1 + (i > 4))
  same_after <- function(verb, ..., tolerance = 1e-6) {
    expect_equal(verb(fits$coded, ...), verb(fits$dense, ...), tolerance = tolerance)
  }
  for (verb in list(vcov, confint, fitted, residuals, logLik, AIC, nobs, weights, model.matrix,
                    case.names, function(fit) coef(summary(fit)))) same_after(verb)
  fresh <- mixed[c(5, 900, 17, 17), ]
  fresh$f[2] <- NA
  fresh$x[3] <- NA
  for (type in c("class", "prob", "link")) {
    same_after(predict, type = type)
    same_after(predict, fresh, type = type)
    same_after(predict, fresh[1, ], type = type)
  }
  expect_identical(is.na(predict(fits$coded, fresh)), c(FALSE, TRUE, TRUE, FALSE))
  fresh$g <- factor(c("u", "new", "w", "w"))
  expect_topic(predict(fits$coded, fresh), "new_level", "new")
  expect_identical(is.na(predict(fits$coded, fresh, novel = "na")), c(FALSE, TRUE, TRUE, FALSE))
  fresh$g <- factor(c("u", "v", "w", "w"), levels = c("w", "other", "v", "u"))
  fresh$s <- factor(fresh$s)
  same_after(predict, fresh, type = "link")
  expect_error(predict(fits$coded, transform(mixed, f = 1)), class = "linclass_error_newdata")
  local_limit(0)
  small <- linclass(y ~ x + s, mixed, weights = 1 + (i > 4))
  expect_equal(anova(small, fits$coded)[["Deviance"]][2], 2 * as.numeric(logLik(fits$coded) - logLik(small)),
               tolerance = 1e-8)
  kept <- linclass(y ~ f * g + x + s, mixed, weights = 1 + (i > 4), model = TRUE)
  expect_identical(fitted(kept), fitted(fits$coded))
  changed <- mixed
  changed$f[1:2] <- c("a", "b")
  mixed <- changed
  expect_topic(fitted(fits$coded, data = changed), "data")
})

test_that("rows that repeat are joined, and results are those of the rows", {
  set.seed(4)
  n <- 20000L
  repeated <- data.frame(a = factor(sample(12L, n, TRUE)), b = sample(letters[1:9], n, TRUE),
                     d = sample(5L, n, TRUE))
  repeated$y <- runif(n) < plogis(as.integer(repeated$a) / 6 - repeated$d / 3)
  fit <- linclass(y ~ a + b + d, repeated)
  expect_identical(fit$blueprint$layout, "coded")
  reference <- glm(y ~ a + b + d, binomial, repeated, epsilon = 1e-12)
  expect_equal(coef(fit), coef(reference), tolerance = 1e-8)
  expect_equal(vcov(fit), vcov(reference), tolerance = 1e-6)
  expect_equal(deviance(fit), deviance(reference), tolerance = 1e-10)
  expect_identical(nobs(fit), nobs(reference))
  expect_equal(as.numeric(logLik(fit)), as.numeric(logLik(reference)), tolerance = 1e-10)
  expect_equal(fitted(fit), fitted(reference), tolerance = 1e-8)
  expect_equal(residuals(fit, type = "pearson"), residuals(reference, "pearson"),
               tolerance = 1e-6)
  one <- linclass(y ~ a + b + d, repeated, control = linclass_control(threads = 1))
  expect_identical(coef(one), coef(fit))
})

test_that("wide factors stay codes, also with other contrasts that have few entries", {
  set.seed(5)
  n <- 12000L
  data <- data.frame(wide = factor(sample(5000L, n, TRUE)), x = rnorm(n))
  data$y <- runif(n) < plogis(data$x + as.integer(data$wide) %% 3 - 1)
  fit <- linclass(y ~ wide + x, data, lambda = 0.001, alpha = 0)
  expect_identical(fit$blueprint$layout, "coded")
  expect_true(fit$converged)
  X <- Matrix::sparse.model.matrix(y ~ wide + x, data)[, -1]
  other <- linclass(X, data$y, lambda = 0.001, alpha = 0)
  expect_equal(objective(fit), objective(other), tolerance = 1e-9)
  expect_equal(coef(fit), coef(other), tolerance = 1e-3)
  lasso <- linclass(y ~ wide + x, data, lambda = 0.01)
  expect_equal(objective(lasso), objective(linclass(X, data$y, lambda = 0.01)), tolerance = 1e-8)
  sums <- linclass(y ~ wide + x, data[1:4000, ], lambda = 0.01, alpha = 0,
                   contrasts = list(wide = "contr.sum"))
  expect_identical(sums$blueprint$layout, "coded")
  # A sum contrast is a change of coordinates only where nothing is penalised.
  few <- data.frame(wide = factor(rep_len(1:300, 20000L)), x = cos(1:20000))
  few$y <- 3 * cos((1:20000)^1.3) + few$x > sin(as.integer(few$wide))
  treatment <- quiet(linclass(y ~ x * wide, few))
  for (kind in c("contr.sum", "contr.helmert", "contr.SAS")) {
    other <- quiet(linclass(y ~ x * wide, few, contrasts = list(wide = kind)))
    expect_equal(deviance(other), deviance(treatment), tolerance = 1e-8, info = kind)
  }
})

test_that("codes that contradict each other are refused", {
  x <- codes_of(y ~ f * g + x, mixed)
  damaged <- function(...) {
    bad <- utils::modifyList(unclass(x), list(...))
    .Call(lcr_valid, structure(bad, class = "linclass_codes"))
  }
  part <- function(...) list(parts = utils::modifyList(unclass(x)$parts, ...))
  expect_null(damaged())
  expect_match(damaged(start = x$start[-1]), "start")
  expect_match(damaged(column = x$column + 100L), "outside")
  expect_match(damaged(column = as.double(x$column)), "type")
  expect_match(damaged(weight = 1), "length")
  expect_match(damaged(dim = c(900L, 3L)), "outside")
  expect_match(damaged(dim = c(5L, ncol(x))), "each row")
  for (code in list(0L, 99L, NA_integer_)) {
    bad <- unclass(x)
    bad$parts[[2]]$code[7] <- code
    expect_match(.Call(lcr_valid, structure(bad, class = "linclass_codes")), "outside the levels")
  }
})
