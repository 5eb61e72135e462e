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

# LiblineaR makes a dgCMatrix dense (37 GB for M1), but takes the rows of SparseM's matrix.csr as they are.
liblinear_data <- function(x) {
  if (!inherits(x, "dgCMatrix")) return(x)
  rows <- methods::as(x, "RsparseMatrix")
  methods::new("matrix.csr", ra = rows@x, ja = rows@j + 1L, ia = rows@p + 1L, dimension = rows@Dim)
}

liblinear_peer <- function(type) {
  loadNamespace("SparseM")
  fit <- function(...) function(d) {
    LiblineaR::LiblineaR(liblinear_data(d$x), d$y, type = type, cost = 1 / (nrow(d$x) * margin_lambda), bias = 0, ...)
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

# Like letters: 26 classes that overlap, 16 columns.
letter_data <- function(size = 1) {
  set.seed(3)
  n <- max(2000, round(2e4 * size))
  x <- matrix(stats::rnorm(n * 16), n, 16, dimnames = list(NULL, paste0("v", 1:16)))
  z <- x %*% matrix(stats::rnorm(16 * 26) * 1.2, 16, 26) - log(-log(matrix(stats::runif(n * 26), n, 26)))
  list(x = x, y = factor(letters[max.col(z)], levels = letters))
}

# Sum over wrong classes j of (1 + z_j - z_y)+, or of its square; w: k x p.
joint_margin_objective <- function(loss) {
  function(w, d) {
    z <- as.matrix(d$x %*% t(w))
    own <- cbind(seq_along(d$y), as.integer(d$y))
    violation <- 1 + z - z[own]
    violation[own] <- 0
    sum(margin_losses[[loss]](violation)) / nrow(z) + margin_lambda / 2 * sum(w^2)
  }
}

# LiblineaR's several classes are the model of Crammer and Singer, or one against the rest: other objectives. Here the
# race is between our solvers.
letter_row <- function(loss, solvers) {
  row <- margin_row(paste0(loss, ", 26 classes, n = 2e4, p = 16"), letter_data, loss, 1, list())
  row$objective <- joint_margin_objective(loss)
  row$peers <- lapply(stats::setNames(solvers, solvers), function(solver) {
    list(package = "linclass",
         settings = list(default = function(d) {
           linclass::linclass(d$x, d$y, loss = loss, lambda = margin_lambda, alpha = 0, intercept = FALSE,
                              standardize = FALSE, solver = solver)
         }),
         coef = function(fit, d) stats::coef(fit))
  })
  row
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
  "M2-hinge" = dense_margins$hinge, "M2-squared" = dense_margins$squared,
  "M3-hinge" = letter_row("hinge", "newton"), "M3-squared" = letter_row("squared_hinge", "lbfgs")))
