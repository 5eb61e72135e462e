# Fits against the stored references of fifty digits (tools/reference_fits.py says how they are
# made). cases.dcf is the table; a case that is added there is tested here.

# Digits demanded of each coefficient. Nine by default. The two ill-conditioned cases lose some in
# any arithmetic of sixteen digits: rounding the scores alone, by Newton's method on columns scaled
# to unit size, leaves ten of them, so they too can give nine.
demanded_digits <- 9

# A penalised fit stops when its objective is within 1e-9, relative, of the optimum. As the
# objective is quadratic there, this leaves about half as many digits of the coefficients.
penalised_digits <- 4

fit_reference <- function(case, ref, ...) {
  linclass(ref$x, ref$y, loss = case$Loss, lambda = case$Lambda, alpha = case$Alpha,
           standardize = FALSE, weights = ref$weights, offset = ref$offset,
           coding = if (case$Coding != "vector") case$Coding, ...)
}

test_that("the references satisfy their own equations in double precision", {
  cases <- reference_cases()
  expect_gte(length(cases), 20)
  expect_gte(length(unique(vapply(cases, `[[`, "", "Data"))), 8)
  for (case in cases) {
    ref <- read_reference(case)
    W <- full_rows(ref$coefficients, length(ref$levels))
    value <- r_objective(W, ref$x, ref$codes, case$Loss, case$Lambda, case$Alpha, ref$weights,
                         ref$offset)
    expect_near(value, case$Objective, 1e-12, case$Case)
  }
})

test_that("fits reach the objective of every reference", {
  for (case in reference_cases()) {
    ref <- read_reference(case)
    fit <- fit_reference(case, ref)
    label <- paste("objective of", case$Case)
    expect_near(objective(fit), case$Objective, 1e-9, label)
    W <- full_rows(coef(fit), length(ref$levels))
    value <- r_objective(W, ref$x, ref$codes, case$Loss, case$Lambda, case$Alpha, ref$weights,
                         ref$offset)
    expect_near(value, case$Objective, 1e-9, paste(label, "from its coefficients"))
  }
})

test_that("coefficients have the names, the order and the digits of every reference", {
  for (case in reference_cases()) {
    ref <- read_reference(case)
    fit <- fit_reference(case, ref)
    W <- coef(fit)
    expect_identical(if (is.matrix(W)) dimnames(W) else list(ref$levels[2], names(W)),
                     dimnames(ref$coefficients), info = case$Case)
    digits <- if (case$Lambda == 0) demanded_digits else penalised_digits
    expect_digits(rbind(W), ref$coefficients, digits, case$Case, coefficient_scale(ref))
    if (case$Lambda > 0 && case$Alpha > 0) {
      expect_identical(unname(rbind(W) != 0), unname(ref$coefficients != 0), info = case$Case)
    }
  }
})

test_that("standard errors have eight digits", {
  for (case in Filter(function(case) case$Lambda == 0, reference_cases())) {
    ref <- read_reference(case)
    if (is.null(ref$se)) next
    fit <- fit_reference(case, ref)
    se <- matrix(sqrt(diag(vcov(fit))), nrow(ref$se), byrow = TRUE)
    digits <- min(-log10(abs(se - ref$se) / ref$se))
    expect(digits >= 8, sprintf("standard errors of %s: %.1f digits", case$Case, digits))
  }
})

test_that("the other solvers reach the references too", {
  for (case in reference_cases()) {
    # First-order steps need too many passes where powers of one column nearly coincide.
    if (case$Condition > 1e6) next
    ref <- read_reference(case)
    for (name in if (case$Alpha > 0) "coordinate" else c("newton", "lbfgs")) {
      fit <- fit_reference(case, ref, solver = name)
      label <- paste(case$Case, "by", name)
      expect_near(objective(fit), case$Objective, 1e-9, paste("objective of", label))
      expect_digits(rbind(coef(fit)), ref$coefficients, 3, label, coefficient_scale(ref))
    }
  }
})
