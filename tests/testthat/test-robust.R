# Odd combinations that a user meets sooner or later: every class of matrix, every pairing of
# solver, loss and penalty, arguments of C routines that no R code would pass.

x <- toy(2)$x
y <- toy(2)$y
three <- toy(3)

# ---- matrices of package Matrix ----

# Square matrices of 30 rows, by class.
square <- local({
  i <- c(1:30, 1:28, 3:30)
  j <- c(1:30, 3:30, 1:28)
  s <- Matrix::sparseMatrix(i, j, x = c(sin(1:30), rep(cos(1:28), 2)), dims = c(30, 30))
  s <- Matrix::forceSymmetric(s)
  general <- as(s, "generalMatrix")
  unit <- as(Matrix::triu(s, 1), "triangularMatrix")
  unit@diag <- "U"
  twice <- as(general, "TsparseMatrix")
  twice@i <- c(twice@i, twice@i)
  twice@j <- c(twice@j, twice@j)
  twice@x <- c(twice@x, twice@x) / 2
  list(dgC = general, dgR = as(general, "RsparseMatrix"), duplicates = twice, dsC = s,
       dsT = as(s, "TsparseMatrix"), dtC = Matrix::triu(s), dtC_unit = unit,
       ddi = Matrix::Diagonal(30, 1:30), ddi_unit = Matrix::Diagonal(30), lgC = general > 0,
       nsC = as(s, "nMatrix"), pMatrix = as(c(30:1), "pMatrix"),
       indMatrix = as(rep(1:5, 6), "indMatrix"), dge = as(general, "denseMatrix"),
       dsy = as(s, "denseMatrix"), dtp = Matrix::pack(Matrix::triu(as(s, "denseMatrix"))))
})

test_that("every class of Matrix is the dense matrix that it stands for", {
  classes <- factor(rep(c("a", "b", "c"), 10))
  for (name in names(square)) {
    dense <- as.matrix(square[[name]]) + 0
    fit <- linclass(square[[name]], classes, lambda = 0.05, alpha = 0.3)
    expect_equal(coef(fit), coef(linclass(dense, classes, lambda = 0.05, alpha = 0.3)),
                 tolerance = 1e-6, info = name)
    expect_equal(predict(fit, square[[name]], type = "prob"), predict(fit, dense, type = "prob"),
                 tolerance = 1e-10, info = name)
  }
})

# ---- solvers, losses, penalties ----

penalties <- list(
  none = list(), ridge = list(lambda = 0.05, alpha = 0), lasso = list(lambda = 0.05),
  huge = list(lambda = 1e3),
  partly = list(lambda = 0.05, penalty_factor = c(0, 1, 2)),
  boxed = list(lambda = 0.05, alpha = 0, lower = -0.3, upper = c(a = 0.2)))

# A fit, or NULL where the combination is refused with an error of the package.
fit_or_refusal <- function(...) {
  tryCatch(quiet(linclass(...)), linclass_error = function(e) NULL)
}

test_that("every solver, loss and penalty works or is refused, and none beats \"auto\"", {
  solvers <- linclass_solvers()$name
  for (k in 2:3) for (loss in linclass_losses()$name) for (penalty in names(penalties)) {
    data <- list(x, if (k == 2L) y else three$y)
    settings <- c(list(loss = loss), penalties[[penalty]])
    best <- do.call(fit_or_refusal, c(data, settings))
    if (is.null(best)) next
    for (solver in solvers) {
      fit <- do.call(fit_or_refusal, c(data, settings, solver = solver))
      if (is.null(fit)) next
      info <- paste(k, loss, penalty, solver)
      expect_true(all(is.finite(coef(fit))), info = info)
      if (loss == "perceptron") next
      expect_lte(best$objective, fit$objective * (1 + 1e-8), label = info)
      smooth <- !solver %in% c("minibatch", "gradient_descent")
      # A smoothed kink is solved to the goal of its certificate.
      close <- if (loss %in% c("hinge", "crammer_singer")) 1e-6 else 2e-9
      if (smooth) expect_lte(fit$objective, best$objective * (1 + close), label = info)
      slopes <- if (is.matrix(coef(fit))) coef(fit)[, -1] else t(coef(fit)[-1])
      if (!is.null(fit$lower)) {
        expect_true(all(t(slopes) >= fit$lower & t(slopes) <= fit$upper), info = info)
      }
    }
  }
})

# ---- formula with everything at once ----

test_that("weights, two offsets, subset, na.exclude and factors together agree with glm", {
  data <- transform(toy(2, 200)$data, f = factor(rep(c("p", "q r", "\u00e9"), length.out = 200),
                                                 levels = c("p", "q r", "\u00e9", "empty")),
                    w = rep(0:4, 40), o = cos(1:200))
  data$a[3] <- data$w[7] <- data$o[13] <- NA
  data$y[11] <- data$f[17] <- NA
  fit <- linclass(y ~ a + f + poly(b, 2) + offset(o), data, weights = w, offset = o / 2,
                  subset = c < 0.9, na.action = na.exclude)
  reference <- suppressWarnings(
    glm(y ~ a + f + poly(b, 2) + offset(o), binomial, data, weights = w, offset = o / 2,
        subset = c < 0.9, na.action = na.exclude, epsilon = 1e-14))
  expect_equal(coef(fit), coef(reference), tolerance = 1e-9)
  expect_equal(vcov(fit), vcov(reference), tolerance = 1e-6)
  expect_equal(deviance(fit), deviance(reference), tolerance = 1e-10)
})

test_that("a fit made in a function predicts in another session", {
  make <- function(power) {
    bend <- function(z) z^power
    inner <- toy(2)$data
    linclass(y ~ bend(a) + b, inner)
  }
  fit <- make(3)
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(fit, file)
  expect_lt(file.size(file), 2e4)
  new <- toy(2)$data[1:4, c("b", "a")]
  line <- sprintf(".libPaths(%s); library(linclass); cat(format(%s, digits = 15))",
                  deparse1(.libPaths()),
                  sprintf("predict(readRDS('%s'), %s, type = 'link')", file, deparse1(new)))
  page <- tempfile(fileext = ".R")
  writeLines(line, page)
  out <- system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", shQuote(page)), stdout = TRUE)
  expect_equal(as.numeric(strsplit(trimws(paste(out, collapse = " ")), " +")[[1]]),
               unname(predict(fit, new, type = "link")), tolerance = 1e-12)
})

# ---- processes ----

test_that("a fork after a fit on threads works", {
  skip_on_os("windows")
  skip_on_cran()
  wide <- x[rep(1:60, 400), ]
  classes <- three$y[rep(1:60, 400)]
  fit <- function(threads) coef(linclass(wide, classes, control = list(threads = threads)))
  expected <- fit(2)
  expect_identical(fit(1), expected)
  forked <- parallel::mclapply(1:2, function(i) fit(2), mc.cores = 2L)
  expect_identical(forked, list(expected, expected))
})

test_that("workers whose siblings use the other cores take one thread, unless they are told", {
  skip_on_cran()
  used <- function(i) {
    before <- linclass::linclass_threads()
    linclass::linclass_threads(2)
    c(before, linclass::linclass_threads() <= 2L)
  }
  environment(used) <- globalenv()
  cluster <- parallel::makePSOCKcluster(2L)
  on.exit(parallel::stopCluster(cluster))
  parallel::clusterCall(cluster, .libPaths, .libPaths())
  expect_identical(parallel::parLapply(cluster, 1:2, used), list(c(1L, 1L), c(1L, 1L)))
  skip_on_os("windows")
  # In a session of its own, which has not been told a number.
  forked <- paste0(".libPaths(", deparse1(.libPaths()), "); library(linclass); ",
                   "cat(unlist(parallel::mclapply(1:2, function(i) linclass_threads(), mc.cores = 2L)))")
  expect_identical(system2(file.path(R.home("bin"), "Rscript"), c("--vanilla", "-e", shQuote(forked)),
                           stdout = TRUE), "1 1")
})

test_that("a tiny column without a penalty on it has the fit of its multiple, standardised or not", {
  set.seed(1)
  x <- matrix(rnorm(240), 60)
  y <- x[, 1] + x[, 3] + rnorm(60) > 0
  reference <- glm(y ~ x, binomial, control = glm.control(epsilon = 1e-14))
  tiny <- x
  tiny[, 3] <- x[, 3] * 2^-600
  for (alpha in c(0, 0.5, 1)) for (standardize in c(TRUE, FALSE)) {
    info <- paste(alpha, standardize)
    fit <- expect_no_warning(linclass(tiny, y, alpha = alpha, standardize = standardize))
    expect_equal(unname(coef(fit)) * c(1, 1, 1, 2^-600, 1), unname(coef(reference)), tolerance = 1e-6, info = info)
    path <- linclass_path(tiny, y, lambda = c(0.1, 0.01, 0), alpha = alpha, standardize = standardize)
    expect_equal(unname(objective(path)[3]), deviance(reference) / 120, tolerance = 1e-7, info = info)
  }
  # Its coefficient may be beyond the largest number: then there is no result, in a path as in a fit.
  tiny[, 3] <- x[, 3] * 1e-315
  expect_topic(linclass_path(tiny, y), "numeric")
})
