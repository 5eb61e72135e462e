# Rows of margin losses with a penalty lambda / 2 ||w||^2 against LiblineaR, whose C is 1 / (n lambda). It
# penalises its bias, so there is no intercept, and columns are not standardised: all minimise the same.

margin_lambda <- 1e-4

# Of the violation u = 1 - y z, y in {-1, 1}.
margin_losses <- list(hinge = function(u) pmax(u, 0), squared_hinge = function(u) pmax(u, 0)^2)

margin_objective <- function(loss) {
  function(w, d) {
    sign <- 2 * as.integer(d$y) - 3
    mean(margin_losses[[loss]](1 - sign * as.vector(d$x %*% w))) + margin_lambda / 2 * sum(w^2)
  }
}

liblinear_peer <- function(type) {
  fit <- function(...) function(d) {
    LiblineaR::LiblineaR(d$x, d$y, type = type, cost = 1 / (nrow(d$x) * margin_lambda), bias = 0, ...)
  }
  list(package = "LiblineaR",
       settings = list(default = fit(), "epsilon 1e-3" = fit(epsilon = 1e-3),
                       "epsilon 1e-5" = fit(epsilon = 1e-5), "epsilon 1e-7" = fit(epsilon = 1e-7)),
       # Positive scores are those of the class that it saw first.
       coef = function(fit, d) fit$W[1, ] * (if (fit$ClassNames[1] == levels(d$y)[2]) 1 else -1))
}

margin_row <- function(title, data, loss, target, peers) {
  fit <- function(d, ...) {
    linclass::linclass(d$x, d$y, loss = loss, lambda = margin_lambda, alpha = 0, intercept = FALSE,
                       standardize = FALSE, ...)
  }
  list(title = title,
       data = data,
       objective = margin_objective(loss),
       ours = function(d) fit(d),
       alone = function(d) fit(d, control = one_thread),
       ours_coef = function(fit, d) stats::coef(fit),
       x = function(d) as_read(d$x),
       target = target,
       peers = peers)
}

dense_margin_data <- function(size = 1) {
  d <- logistic_data(max(200, round(1e5 * size)), 50)
  list(x = d$x, y = d$factor)
}

margin_rows <- function(where, data, target) {
  list(hinge = margin_row(paste("hinge, ridge 1e-4,", where), data, "hinge", target,
                          list(LiblineaR = liblinear_peer(3))),
       squared = margin_row(paste("squared hinge, ridge 1e-4,", where), data, "squared_hinge", target,
                            list(LiblineaR = liblinear_peer(2), "LiblineaR, dual" = liblinear_peer(1))))
}

sparse_margins <- margin_rows("the sparse matrix of S1", text_data, 4)
dense_margins <- margin_rows("dense n = 1e5, p = 50", dense_margin_data, 10)
rows <- c(rows, list(
  "M1-hinge" = sparse_margins$hinge, "M1-squared" = sparse_margins$squared,
  "M2-hinge" = dense_margins$hinge, "M2-squared" = dense_margins$squared))
