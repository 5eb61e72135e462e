# Calls every routine once with every loss, solver and storage that goes together, on data small
# enough for valgrind and longer than 16 rows: R keeps shorter vectors in its own pool, where no
# tool sees a read past the end.
library(linclass)
set.seed(1)
n <- 60L
p <- 7L
x <- matrix(rnorm(n * p), n, p, dimnames = list(NULL, paste0("v", seq_len(p))))
x[sample(n * p, 200)] <- 0
integers <- round(10 * x)
storage.mode(integers) <- "integer"
storages <- list(double = x, integer = integers, logical = x > 0,
                 sparse = Matrix::Matrix(x, sparse = TRUE))
responses <- list(factor(rep(c("a", "b"), length.out = n)),
                  factor(rep(c("a", "b", "c"), length.out = n)))
losses <- c("logistic", "softmax", "hinge", "squared_hinge", "perceptron")
solvers <- c("auto", "newton", "lbfgs", "coordinate", "gradient_descent", "minibatch")

done <- 0
refused <- 0
for (loss in losses) for (y in responses) for (name in solvers) for (z in storages) {
  for (alpha in c(0, 1)) {
    # Combinations that do not go together end in an error of the package's own, never in a crash.
    fit <- tryCatch(
      suppressWarnings(suppressMessages(
        linclass(z, y, loss = loss, lambda = if (loss == "perceptron") 0 else 0.1, alpha = alpha,
                 solver = name, weights = rep(c(1, 2, 0), length.out = n),
                 control = linclass_control(max_iter = 5)))),
      linclass_error = function(condition) NULL)
    if (is.null(fit)) {
      refused <- refused + 1
    } else {
      predict(fit, z, type = "class")
      predict(fit, z, type = "link")
      done <- done + 1
    }
  }
}

y <- responses[[2]]
w <- matrix(rnorm(3 * (p + 1)), 3)
taught <- list(sigmoid(x), softmax(x), softmax_jacobian(x[1, ]), raw_scores(x, w),
               loss_hessian(w, x, y, "softmax"), newton_step(w, x, y, "softmax"))
for (loss in setdiff(losses, "logistic")) {
  taught[[loss]] <- list(loss_value(w, x, y, loss), loss_gradient(w, x, y, loss))
}
stopifnot(done > 100)
cat(done, "fits,", refused, "combinations refused\n")
