# The rows of the race. Each is a list:
#   title      one line
#   data       function(size): the data; size 1 is the row itself, smaller ones warm up
#   objective  function(beta, data): the outside objective
#   ours       function(data): our fit;  ours_coef: its coefficients, intercept first
#   alone      the same on one thread (optional)
#   x          function(data): the matrix that must be read, or as many bytes
#   target     the ratio to reach against the best peer
#   gap        the largest relative gap of a peer that counts (optional; 1e-6)
#   peers      name -> list(package, settings (default first, then tighter), coef, and, where there are such,
#              target: another ratio against this peer, curve: function(fit), its held-out losses)
#   curve      function(fit): ours (optional)

one_thread <- linclass::linclass_control(threads = 1)

on_one_thread <- function(value) {
  before <- linclass::linclass_threads()
  on.exit(linclass::linclass_threads(before))
  linclass::linclass_threads(1)
  value
}

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
       alone = function(d) linclass::linclass(d$x, d$factor, control = one_thread),
       ours_coef = function(fit, d) stats::coef(fit),
       x = function(d) d$x,
       target = target,
       peers = logistic_peers())
}

# Counts, as integers; the peer is ourselves on the same doubles, whose time is the target.
integer_row <- list(
  title = "logistic, integers n = 1e6, p = 50, against the same numbers as doubles",
  data = function(size = 1) {
    set.seed(24)
    n <- max(200, round(1e6 * size))
    x <- matrix(rpois(50 * n, 3), n, 50, dimnames = list(NULL, paste0("x", 1:50)))
    y <- as.integer(runif(n) < plogis(as.vector(x[, 1:4] %*% c(0.3, -0.3, 0.2, -0.2))))
    list(x = x, doubles = x + 0, y = y, factor = factor(y))
  },
  objective = function(beta, d) logistic_objective(beta, d$doubles, d$y),
  ours = function(d) linclass::linclass(d$x, d$factor),
  alone = function(d) linclass::linclass(d$x, d$factor, control = one_thread),
  ours_coef = function(fit, d) stats::coef(fit),
  x = function(d) double(length(d$x) / 2), # half the bytes
  target = 1 / 1.1,
  peers = list("linclass on doubles" = list(
    package = "linclass", settings = list(default = function(d) linclass::linclass(d$doubles, d$factor)),
    coef = function(fit, d) stats::coef(fit))))

# What a formula costs beside its model frame: nothing is minimised twice, so the "objective" is the same for all.
polynomial <- y ~ poly(cbind(u, v), degree = 8, raw = TRUE)

formula_row <- list(
  title = "formula with a matrix term, 1e5 rows, poly(cbind(u, v), degree = 8, raw = TRUE), against model.frame()",
  data = function(size = 1) {
    set.seed(25)
    n <- max(500, round(1e5 * size))
    d <- data.frame(u = runif(n, -1, 1), v = runif(n, -1, 1))
    d$y <- factor(runif(n) < plogis(d$u - d$v^2))
    d
  },
  objective = function(beta, d) 1,
  ours = function(d) linclass::linclass(polynomial, d, lambda = 0.01, alpha = 0),
  alone = function(d) linclass::linclass(polynomial, d, lambda = 0.01, alpha = 0, control = one_thread),
  ours_coef = function(fit, d) 0,
  x = function(d) double(44 * nrow(d)),
  target = 0.5,
  peers = list("model.frame" = list(package = "stats", settings = list(default = function(d) {
    stats::model.frame(polynomial, d)
  }), coef = function(fit, d) 0)))

# ---- softmax ----

letters_data <- function(size = 1) {
  frame <- new.env()
  utils::data("LetterRecognition", package = "mlbench", envir = frame)
  frame <- frame$LetterRecognition
  # The smaller data of the warm-up keep every letter.
  if (size < 1) frame <- frame[seq_len(max(2000, nrow(frame) * size)), ]
  list(frame = frame, x = as.matrix(frame[-1]), y = frame$lettr)
}

letters_row <- list(
  title = "softmax unpenalised, LetterRecognition 2e4 x 16, k = 26, from the formula",
  package = "mlbench",
  data = letters_data,
  objective = function(beta, d) softmax_objective(beta, d$x, d$y),
  ours = function(d) linclass::linclass(lettr ~ ., d$frame),
  alone = function(d) linclass::linclass(lettr ~ ., d$frame, control = one_thread),
  ours_coef = function(fit, d) stats::coef(fit),
  x = function(d) d$x,
  target = 50,
  peers = list(multinom = list(
    package = "nnet",
    settings = list(
      default = function(d) nnet::multinom(lettr ~ ., d$frame, trace = FALSE),
      "maxit 2000, reltol 1e-10" = function(d) {
        nnet::multinom(lettr ~ ., d$frame, trace = FALSE, maxit = 2000, reltol = 1e-10)
      }),
    coef = function(fit, d) stats::coef(fit))))

# ---- factors ----

flights_formula <- late ~ carrier + origin + dest + month + hour + distance

# Whether a flight arrives more than 15 minutes late. One destination has a single flight, so that no
# finite coefficient is the best for it: objectives are compared. x: the bytes of the codes.
flights_data <- function(size = 1) {
  frame <- as.data.frame(nycflights13::flights)
  frame$late <- as.integer(frame$arr_delay > 15)
  frame[c("month", "hour")] <- lapply(frame[c("month", "hour")], factor)
  frame <- frame[all.vars(flights_formula)]
  # An hour without complete rows would be a column of zeros for those who keep unused levels.
  frame <- droplevels(frame[stats::complete.cases(frame), ])
  if (size < 1) frame <- frame[seq(1, nrow(frame), length.out = nrow(frame) * size), ]
  list(frame = frame, X = Matrix::sparse.model.matrix(flights_formula, frame),
       bytes = nrow(frame) * (5 * 4 + 8))
}

flights_row <- list(
  title = "logistic with factors from the formula, nycflights13, n = 327346, 151 coefficients",
  package = "nycflights13",
  data = flights_data,
  objective = function(beta, d) {
    beta[is.na(beta)] <- 0
    logistic_objective(beta, d$X[, -1], d$frame$late)
  },
  ours = function(d) suppressWarnings(linclass::linclass(flights_formula, d$frame)),
  alone = function(d) {
    suppressWarnings(linclass::linclass(flights_formula, d$frame, control = one_thread))
  },
  ours_coef = function(fit, d) stats::coef(fit),
  x = function(d) double(d$bytes / 8),
  target = 25,
  peers = list(
    "speedglm, sparse" = list(
      package = "speedglm",
      settings = list(default = function(d) {
        speedglm::speedglm(flights_formula, d$frame, family = binomial(), sparse = TRUE)
      }),
      coef = function(fit, d) stats::coef(fit)),
    speedglm = list(
      package = "speedglm",
      settings = list(default = function(d) {
        speedglm::speedglm(flights_formula, d$frame, family = binomial(), sparse = FALSE)
      }),
      coef = function(fit, d) stats::coef(fit)),
    glm = list(
      package = "stats",
      settings = list(default = function(d) glm(flights_formula, binomial(), d$frame)),
      coef = function(fit, d) stats::coef(fit))))

# ---- many parameters ----

# Like pictures: a few factors, noise, and half of the entries cut to zero.
image_data <- function(size = 1) {
  set.seed(22)
  n <- round(6e4 * size)
  factors <- matrix(rnorm(n * 20), n)
  x <- pmax(factors %*% matrix(rnorm(20 * 784), 20) / sqrt(20) + 0.5 * rnorm(n * 784), 0)
  colnames(x) <- paste0("x", seq_len(784))
  score <- factors %*% matrix(rnorm(20 * 10), 20)
  y <- max.col(score - log(-log(matrix(runif(n * 10), n))))
  list(x = x, y = factor(y, levels = 1:10), lambda = 1e-3)
}

# Like counts of words: 50 draws a row from a Zipf law.
text_data <- function(size = 1) {
  set.seed(23)
  n <- round(1e5 * size)
  p <- 5e4
  draws <- sample(p, 50 * n, TRUE, 1 / (seq_len(p) + 2.7))
  x <- Matrix::sparseMatrix(rep(seq_len(n), each = 50), draws, x = 1, dims = c(n, p))
  colnames(x) <- paste0("w", seq_len(p))
  y <- as.integer(runif(n) < plogis(as.vector(x %*% rnorm(p)) / 4))
  list(x = x, y = factor(y), lambda = 1e-4)
}

# Mean loss and the ridge penalty; beta: k rows (or one), intercept first.
ridge_objective <- function(beta, d) {
  loss <- if (is.matrix(beta)) softmax_objective(beta, d$x, d$y) else
    logistic_objective(beta, d$x, as.integer(d$y) - 1L)
  slopes <- if (is.matrix(beta)) beta[, -1] else beta[-1]
  loss + d$lambda / 2 * sum(slopes^2)
}

# glmnet comes to its lambda by a short path, which is faster than a single one.
ridge_peers <- function(family, steps) {
  warm <- function(...) function(d) {
    glmnet::glmnet(d$x, d$y, family = family, alpha = 0, standardize = FALSE,
                   lambda = d$lambda * 10^seq(steps / 2, 0, length.out = steps), ...)
  }
  list(glmnet = list(
    package = "glmnet",
    settings = list(default = warm(), "thresh 1e-8" = warm(thresh = 1e-8), "thresh 1e-9" = warm(thresh = 1e-9),
                    "thresh 1e-10" = warm(thresh = 1e-10), "thresh 1e-11" = warm(thresh = 1e-11)),
    coef = function(fit, d) {
      if (family == "binomial") return(c(fit$a0[[steps]], as.vector(fit$beta[, steps])))
      slopes <- vapply(fit$beta, function(b) b[, steps], numeric(ncol(d$x)))
      cbind(fit$a0[, steps], t(slopes))
    }))
}

ridge_row <- function(title, data, family, steps, target) {
  fit <- function(d, ...) {
    linclass::linclass(d$x, d$y, lambda = d$lambda, alpha = 0, standardize = FALSE, ...)
  }
  list(title = title, data = data, objective = ridge_objective, ours = function(d) fit(d),
       alone = function(d) fit(d, control = one_thread),
       ours_coef = function(fit, d) stats::coef(fit),
       x = function(d) as_read(d$x), target = target,
       peers = ridge_peers(family, steps))
}

# ---- prediction ----

probability_data <- function(size = 1) {
  set.seed(21)
  n <- round(6e4 * size)
  x <- matrix(rnorm(n * 784), n, 784, dimnames = list(NULL, paste0("x", 1:784)))
  small <- x[seq_len(500), ]
  fit <- linclass::linclass(small, factor(sample(10, 500, TRUE)), lambda = 1, alpha = 0)
  list(x = x, fit = fit, w = stats::coef(fit))
}

base_probabilities <- function(d) {
  z <- d$x %*% t(d$w[, -1]) + rep(d$w[, 1], each = nrow(d$x))
  e <- exp(z - z[cbind(seq_len(nrow(z)), max.col(z))])
  e / rowSums(e)
}

# Nothing is minimised: the "objective" is 1 plus the largest difference from base R.
prediction_row <- list(
  title = "class probabilities of new rows, 6e4 x 784, k = 10",
  data = probability_data,
  objective = function(prob, d) 1 + max(abs(prob - base_probabilities(d))),
  ours = function(d) stats::predict(d$fit, d$x, type = "prob"),
  alone = function(d) on_one_thread(stats::predict(d$fit, d$x, type = "prob")),
  ours_coef = function(prob, d) prob,
  x = function(d) d$x,
  target = 8,
  peers = list("base R" = list(package = "base", settings = list(default = base_probabilities),
                               coef = function(prob, d) prob)))

# ---- mini-batches ----

# Epochs are raced, not optima: the "objective" is the same for all. Reads of x that are no epochs (start, end,
# certificate) are in our time and in the number of passes.
one_epoch <- linclass::solver("minibatch", epochs = 1, batch_size = 256, block = 1024)

batch_row <- list(
  title = "one epoch of mini-batches of 256, logistic, dense n = 1e6, p = 100, block shuffle",
  data = function(size = 1) logistic_data(max(2000, round(1e6 * size)), 100),
  objective = function(beta, d) 1,
  ours = function(d) linclass::linclass(d$x, d$factor, solver = one_epoch),
  alone = function(d) linclass::linclass(d$x, d$factor, solver = one_epoch, control = one_thread),
  ours_coef = function(fit, d) stats::coef(fit),
  x = function(d) d$x,
  target = 50,
  peers = list(sgd = list(
    package = "sgd",
    settings = list(default = function(d) {
      sgd::sgd(d$with_one, d$y, model = "glm", model.control = list(family = binomial()),
               sgd.control = list(npasses = 1, pass = TRUE))
    }),
    coef = function(fit, d) fit$coefficients)))

without <- function(row, peers) {
  row$peers <- row$peers[setdiff(names(row$peers), peers)]
  row
}

rows <- list(
  D1 = dense_logistic("logistic, dense n = 1e5, p = 50, unpenalised, correlated columns", 1e5, 50, 25),
  # glmnet takes a minute a fit here, six times as long as the best peer: left out of the rounds.
  D2 = without(dense_logistic("logistic, dense n = 2e5, p = 200, unpenalised", 2e5, 200, 40),
               c("glmnet", "adelie")),
  # glmnet takes half an hour to come within 1e-6 here: its cheapest setting within 1e-5 counts.
  D3 = c(ridge_row("softmax, dense n = 6e4, p = 784, k = 10, ridge 1e-3, like pictures", image_data,
                   "multinomial", 7, 15), list(gap = 1e-5)),
  D4 = letters_row,
  D5 = flights_row,
  S1 = ridge_row("ridge 1e-4, sparse n = 1e5, p = 5e4, 4.7e6 nonzeros, like text", text_data,
                 "binomial", 5, 5),
  P1 = prediction_row,
  G1 = batch_row,
  # How the cost grows with the rows: the shape of D1.
  "D1-small" = without(dense_logistic("D1 with n = 1e4", 1e4, 50, 25), c("glmnet", "adelie")),
  "D1-large" = without(dense_logistic("D1 with n = 1e6", 1e6, 50, 25), c("glm.fit", "glmnet", "adelie")),
  "D1-integer" = integer_row,
  F1 = formula_row)
