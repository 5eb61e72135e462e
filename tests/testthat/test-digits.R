# Log relative errors of every reference, solver, storage and number of threads, against the fewest digits that are
# promised for a problem of its class. vignette("validation") shows the digits of each data set.

# The class of a problem: its penalty, and without one what makes it hard. `condition`: that of the Hessian with columns
# scaled; beyond 1e12 a matrix of doubles has lost nearly all digits of a Hessian.
digit_class <- function(case, ref) {
  if (case$Loss == "hinge") return("hinge")
  if (case$Lambda > 0) return(if (case$Alpha > 0) "l1" else "ridge")
  positive <- ref$weights[ref$weights > 0]
  if (length(positive) && max(positive) > 1e5 * min(positive)) return("uneven weights")
  if (case$Condition > 1e12) "ill-conditioned" else "plain"
}

digits_promised <- utils::read.csv(reference_file("promised.csv"))

# Means 1e12 of columns that cannot be centred leave no digits of their spread; the dual solver ends at its gap, 1e-6.
beyond <- list(c("newton", "sparse", "shifted-12"), c("coordinate", "sparse", "shifted-12"),
               c("coordinate", "sparse", "shifted-8"), c("dual", "sparse", "iris-hinge"))
is_beyond <- function(...) list(c(...)) %in% beyond

solver_storages <- function(solver, x) if (solver == "dual") "sparse" else storages_of(x)

expect_promised <- function(found, promised, label) {
  for (quantity in names(found)) {
    least <- promised[[quantity]]
    if (is.na(least) || is.na(found[[quantity]]) && quantity %in% c("se", "probability")) next
    expect(isTRUE(found[[quantity]] >= least),
           sprintf("%s of %s: %.1f digits, not %g", quantity, label, found[[quantity]], least))
  }
}

test_that("fits have the digits that are promised for their class, in every storage", {
  for (case in reference_cases()) {
    ref <- read_reference(case)
    rows <- digits_promised[digits_promised$class == digit_class(case, ref), ]
    expect_gt(nrow(rows), 0L)
    for (i in seq_len(nrow(rows))) for (storage in solver_storages(rows$solver[i], ref$x)) {
      if (is_beyond(rows$solver[i], storage, case$Case)) next
      fit <- quiet(fit_stored(case, ref, storage, solver = rows$solver[i]))
      expect_promised(fit_digits(fit, case, ref, storage), rows[i, -(1:2)],
                      paste(case$Case, "by", rows$solver[i], "of", storage, "columns"))
    }
  }
})

test_that("what is chosen without a name has the digits of the best that is named", {
  best <- digits_promised[!duplicated(digits_promised$class), ]
  for (case in reference_cases()) {
    ref <- read_reference(case)
    class <- digit_class(case, ref)
    row <- best[best$class == class, -(1:2)]
    fits <- lapply(1:2, function(threads) {
      before <- linclass_threads(threads)
      on.exit(linclass_threads(before))
      quiet(fit_stored(case, ref))
    })
    expect_promised(fit_digits(fits[[1L]], case, ref), row, paste(case$Case, "by auto"))
    expect_identical(coef(fits[[1L]]), coef(fits[[2L]]), info = case$Case)
    # the reported gap covers the true distance, but for the rounding of the objective
    distance <- objective(fits[[1L]]) / case$Objective - 1
    rounding <- if (class == "ill-conditioned") 1e-10 else 1e-13
    expect_lte(distance, certificate(fits[[1L]])$relative + rounding, label = case$Case)
  }
})

test_that("where digits are lost a warning says so", {
  case <- reference_cases()[["shifted-12"]]
  expect_setequal(warned_topics(fit_stored(case, read_reference(case), "sparse", solver = "newton")),
                  c("rank", "ill_conditioned"))
})

test_that("the references are many and small, and cover what loses digits", {
  cases <- reference_cases()
  expect_gte(length(unique(vapply(cases, `[[`, "", "Data"))), 40L)
  classes <- vapply(cases, function(case) digit_class(case, read_reference(case)), "")
  expect_setequal(classes, unique(digits_promised$class))
  condition <- vapply(cases, `[[`, 0, "Condition")
  for (power in c(8, 10, 12, 14)) expect_true(any(condition > 10^power, na.rm = TRUE))
})
