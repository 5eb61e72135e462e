# The rows of the race. Each is a list:
#   title      one line
#   data       function(size): the data; size 1 is the row itself, smaller ones warm up
#   objective  function(beta, data): the outside objective
#   ours       function(data): our fit;  ours_coef: its coefficients, intercept first
#   x          function(data): the matrix that must be read
#   target     the ratio to reach against the best peer
#   peers      name -> list(package, settings (default first, then tighter), coef)

# Columns that share a factor: correlations of one half between all of them.
correlated_columns <- function(n, p) {
  matrix(rnorm(n * p), n, p) + rnorm(n)
}

logistic_data <- function(n, p, seed = 20) {
  set.seed(seed)
  x <- correlated_columns(n, p)
  colnames(x) <- paste0("x", seq_len(p))
  beta <- rnorm(p) / sqrt(2 * p)
  y <- as.integer(runif(n) < plogis(-0.3 + as.vector(x %*% beta)))
  list(x = x, y = y, factor = factor(y), with_one = cbind(`(Intercept)` = 1, x))
}

logistic_peers <- function() {
  list(
    speedglm = list(
      package = "speedglm",
      settings = list(
        default = function(d) {
          speedglm::speedglm.wfit(d$y, d$with_one, intercept = TRUE, family = binomial())
        },
        "acc 1e-12" = function(d) {
          speedglm::speedglm.wfit(d$y, d$with_one, intercept = TRUE, family = binomial(), acc = 1e-12)
        }),
      coef = function(fit, d) fit$coefficients),
    glm.fit = list(
      package = "stats",
      settings = list(
        default = function(d) glm.fit(d$with_one, d$y, family = binomial()),
        "epsilon 1e-12" = function(d) {
          glm.fit(d$with_one, d$y, family = binomial(), control = list(epsilon = 1e-12))
        }),
      coef = function(fit, d) fit$coefficients),
    glmnet = list(
      package = "glmnet",
      settings = list(
        default = function(d) glmnet::glmnet(d$x, d$y, family = "binomial", lambda = 0),
        "thresh 1e-10" = function(d) {
          glmnet::glmnet(d$x, d$y, family = "binomial", lambda = 0, thresh = 1e-10)
        },
        "thresh 1e-13" = function(d) {
          glmnet::glmnet(d$x, d$y, family = "binomial", lambda = 0, thresh = 1e-13)
        }),
      coef = function(fit, d) c(fit$a0, as.vector(fit$beta))),
    adelie = list(
      package = "adelie",
      settings = list(
        default = function(d) {
          adelie::grpnet(d$x, adelie::glm.binomial(d$y), lambda = 0, progress_bar = FALSE)
        },
        "tol 1e-12" = function(d) {
          adelie::grpnet(d$x, adelie::glm.binomial(d$y), lambda = 0, progress_bar = FALSE,
                         tol = 1e-12)
        }),
      coef = function(fit, d) as.vector(stats::coef(fit)$intercepts, "double") |>
        c(as.vector(stats::coef(fit)$betas))))
}

dense_logistic <- function(title, n, p, target) {
  list(title = title,
       data = function(size = 1) logistic_data(max(200, round(n * size)), p),
       objective = function(beta, d) logistic_objective(beta, d$x, d$y),
       ours = function(d) linclass::linclass(d$x, d$factor),
       ours_coef = function(fit, d) stats::coef(fit),
       x = function(d) d$x,
       target = target,
       peers = logistic_peers())
}

rows <- list(
  D1 = dense_logistic("logistic, dense n = 1e5, p = 50, unpenalised, correlated columns", 1e5, 50, 25))
