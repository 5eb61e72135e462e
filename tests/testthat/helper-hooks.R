# Fits beside those of glm() and multinom(), for the methods of other packages' generics.

skip_without <- function(...) {
  # Some packages warn while they load where the system has no time zone.
  for (package in c(...)) suppressWarnings(skip_if_not_installed(package))
}

hook_data <- function() {
  skip_without("MASS")
  b <- MASS::birthwt
  b$race <- factor(b$race, labels = c("white", "black", "other"))
  b$low <- factor(b$low)
  b
}

hook_fits <- function(b = hook_data()) {
  skip_without("nnet")
  formula <- low ~ age + lwt + race + smoke
  list(data = b, fit = linclass(formula, b),
       glm = eval(bquote(glm(.(formula), binomial, b, epsilon = 1e-14))),
       soft = linclass(race ~ age + smoke + low, b),
       multinom = nnet::multinom(race ~ age + smoke + low, b, trace = FALSE, reltol = 1e-15,
                                 maxit = 1000),
       lasso = linclass(formula, b, lambda = 0.01),
       svm = linclass(formula, b, loss = "hinge", lambda = 0.1, alpha = 0))
}

# Numbers in the order they come, without names.
numbers <- function(x) unname(unlist(as.data.frame(x)[vapply(as.data.frame(x), is.numeric, NA)]))

expect_numbers <- function(a, b, tolerance = 1e-8) {
  expect_equal(numbers(a), numbers(b), tolerance = tolerance)
}
