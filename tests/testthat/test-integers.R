# Integer and logical matrices are read as they lie, and turned into doubles in registers: the bits are those of a fit
# of the same doubles.

set.seed(31)
integer_n <- 3001L # not a multiple of any vector or tile
integer_x <- matrix(rpois(integer_n * 23, 2) - 1L, integer_n, dimnames = list(NULL, paste0("x", 1:23)))
integer_score <- as.vector(integer_x[, 1:4] %*% c(0.5, -0.4, 0.3, 0.2))
integer_data <- list(
  two = factor(runif(integer_n) < plogis(integer_score)),
  three = factor(max.col(cbind(0, integer_score, -integer_score) + matrix(rlogis(3 * integer_n), integer_n))),
  w = rep_len(c(1, 0.5, 0, 2), integer_n))

# Far from zero, so that columns are shown shifted.
integer_matrices <- list(counts = integer_x, logical = integer_x > 0L,
                         shifted = integer_x + rep(2000000000L, each = length(integer_x)),
                         wide = integer_x[1:40, rep(1:23, 3)] * outer(1:40, 1:69, `+`))
colnames(integer_matrices$wide) <- paste0("x", 1:69)

integer_calls <- list(
  unpenalised = function(x, y) linclass(x, y$two),
  weighted = function(x, y) linclass(x, y$two, weights = y$w, lambda = 0.01, alpha = 0),
  softmax = function(x, y) linclass(x, y$three, lambda = 0.01, alpha = 0),
  lbfgs = function(x, y) linclass(x, y$three, lambda = 0.01, alpha = 0, solver = "lbfgs"),
  sweeps = function(x, y) linclass(x, y$two, lambda = 0.02, solver = "coordinate"),
  margins = function(x, y) linclass(x, y$two, loss = "squared_hinge", lambda = 0.02),
  batches = function(x, y) linclass(x, y$two, solver = solver("minibatch", epochs = 2, batch_size = 100)),
  path = function(x, y) linclass_path(x, y$two, nlambda = 20),
  path_of_three = function(x, y) linclass_path(x, y$three, nlambda = 10),
  path_grouped = function(x, y) linclass_path(x, y$three, nlambda = 10, grouped = TRUE))

test_that("integers and logicals give the bits of the same doubles", {
  for (name in names(integer_matrices)) {
    x <- integer_matrices[[name]]
    y <- lapply(integer_data, head, nrow(x))
    doubles <- x
    storage.mode(doubles) <- "double"
    for (call in names(integer_calls)) {
      if (name == "wide" && call == "unpenalised") next # separated
      set.seed(1)
      got <- suppressWarnings(integer_calls[[call]](x, y))
      set.seed(1)
      want <- suppressWarnings(integer_calls[[call]](doubles, y))
      expect_identical(coef(got), coef(want), info = paste(name, call))
      expect_gt(max(abs(unlist(predict(got, x, type = "link")))), 0)
      expect_identical(predict(got, x, type = "link"), predict(want, doubles, type = "link"), info = paste(name, call))
    }
  }
})

test_that("a missing integer is refused wherever it stands", {
  for (name in c("counts", "logical")) {
    for (row in c(1L, 1500L, integer_n)) {
      x <- integer_matrices[[name]]
      x[row, 7L] <- NA
      for (call in c("unpenalised", "weighted", "path")) {
        weighted_out <- call == "weighted" && integer_data$w[row] == 0
        if (!weighted_out) expect_error(integer_calls[[call]](x, integer_data), "x7", info = paste(name, row, call))
      }
    }
  }
})
