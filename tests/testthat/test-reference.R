# The stored references of fifty digits (tools/reference_fits.py says how they are made): cases.dcf is the table. Their
# digits are counted in test-digits.R.

# What rounding leaves of an objective of scores that are sums of columns as they are, and of losses next to 0.
plain_precision <- function(case) {
  max(if (isTRUE(case$Condition > 1e12)) 1e-4 else 1e-9, 1e-15 / case$Objective)
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
    expect_near(value, case$Objective, plain_precision(case), case$Case)
  }
})

test_that("coefficients have the names, the order and the zeros of every reference, and its objective", {
  for (case in reference_cases()) {
    ref <- read_reference(case)
    fit <- quiet(fit_stored(case, ref))
    W <- coef(fit)
    expect_identical(if (is.matrix(W)) dimnames(W) else list(ref$levels[2], names(W)),
                     dimnames(ref$coefficients), info = case$Case)
    if (case$Lambda > 0 && case$Alpha > 0) {
      expect_identical(unname(rbind(W) != 0), unname(ref$coefficients != 0), info = case$Case)
    }
    value <- r_objective(full_rows(W, length(ref$levels)), ref$x, ref$codes, case$Loss, case$Lambda, case$Alpha,
                         ref$weights, ref$offset)
    expect_near(value, case$Objective, plain_precision(case), paste("objective from the coefficients of", case$Case))
  }
})
