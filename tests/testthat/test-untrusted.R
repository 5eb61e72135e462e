# A fit may come from a file that anybody wrote (SECURITY.md). Each of its parts is replaced by what it must not be; no
# method may then show anything but its result or a classed error. Names and classes are text that exported code quotes.

untrusted <- local({
  d <- mtcars
  d$cyl <- factor(d$cyl)
  d$g <- factor(d$gear)
  x <- as.matrix(mtcars[c("wt", "hp", "qsec")])
  d$any <- factor(letters[1 + seq_len(nrow(d)) %% 3])
  fits <- list(formula = linclass(any ~ wt + cyl, d),
               matrix = linclass(x, d$am, loss = "hinge", lambda = 0.1, alpha = 0),
               path = linclass_path(x, d$g, nlambda = 5), cv = linclass_cv(x, d$am, folds = 3, nlambda = 5))
  list(fits = fits, new = list(formula = d[1:3, ], matrix = x[1:3, ], path = x[1:3, ],
                               cv = x[1:3, ]))
})

untrusted_uses <- list(
  predict = function(fit, new) predict(fit, new), link = function(fit, new) predict(fit, new, type = "link"),
  coef = function(fit, new) coef(fit), print = function(fit, new) print(fit),
  summary = function(fit, new) print(summary(fit)),
  plot = function(fit, new) plot(fit), tidy = function(fit, new) generics::tidy(fit),
  glance = function(fit, new) generics::glance(fit), sql = function(fit, new) to_sql(fit, type = "class"),
  r = function(fit, new) eval(parse(text = to_r(fit, type = "link")), baseenv())(as.data.frame(new)),
  json = function(fit, new) to_json(fit), certificate = function(fit, new) print(certificate(fit)),
  objective = function(fit, new) objective(fit), fitted = function(fit, new) fitted(fit, type = "link"),
  nobs = function(fit, new) nobs(fit))
without_export <- setdiff(names(untrusted_uses), c("sql", "r", "json"))

# Of the part that is replaced; NULL takes it away.
mutations <- list(
  absent = function(v) NULL, nan = function(v) if (is.double(v)) replace(v, seq_along(v), NaN) else NaN,
  text = function(v) "x", foreign = function(v) quote(a + b),
  long = function(v) if (is.null(dim(v)) && is.vector(v)) rep(v, 3L) else array(1, c(2, 2, 2)),
  closure = function(v) function(...) stop("a function of the file was called"))

replaced <- function(fit, part, change) {
  whole <- unclass(fit)
  whole[part] <- list(tryCatch(change(whole[[part]]), error = function(e) NULL))
  `attributes<-`(whole, c(list(names = names(whole)), attributes(fit)[setdiff(names(attributes(fit)), "names")]))
}

# What escapes: the messages of errors that are none of the package's own.
escaped <- function(fit, new, uses) {
  grDevices::pdf(NULL)
  on.exit(grDevices::dev.off())
  unlist(lapply(uses, function(use) {
    utils::capture.output(out <- tryCatch({
      quiet(untrusted_uses[[use]](fit, new))
      NULL
    }, error = function(e) if (!inherits(e, "linclass_error") || inherits(e, "linclass_error_internal"))
      paste(use, conditionMessage(e))))
    out
  }))
}

# Methods share their checks, so each change meets one of them, in turn.
turn <- 0L
next_uses <- function(uses) {
  turn <<- turn + 1L
  uses[turn %% length(uses) + 1L]
}

test_that("no part of a fit, whatever it is, breaks a method", {
  skip_without("generics")
  for (name in names(untrusted$fits)) {
    fit <- untrusted$fits[[name]]
    uses <- if (name %in% c("path", "cv")) without_export else names(untrusted_uses)
    expect_null(escaped(fit, untrusted$new[[name]], uses), info = name)
    for (part in names(fit)) for (mutation in names(mutations)) {
      changed <- replaced(fit, part, mutations[[mutation]])
      expect_null(escaped(changed, untrusted$new[[name]], next_uses(uses)), info = paste(name, part, mutation))
    }
  }
})

test_that("nor does a part of a part", {
  skip_without("generics")
  fit <- untrusted$fits$formula
  for (part in c("blueprint", "certificate", "separation", "history", "model")) {
    for (inner in names(fit[[part]])) for (mutation in names(mutations)) {
      changed <- fit
      changed[[part]] <- replaced(fit[[part]], inner, mutations[[mutation]])
      expect_null(escaped(changed, untrusted$new$formula, next_uses(names(untrusted_uses))),
                  info = paste(part, inner, mutation))
    }
  }
})

test_that("a part that is not what it must be is named, and coefficients must fit the columns", {
  fit <- untrusted$fits$matrix
  wrong <- list(coefficients = unname(fit$coefficients), coefficients = fit$coefficients[-1L],
                coefficients = replace(fit$coefficients, 2L, NaN), coefficients = as.character(fit$coefficients),
                levels = c("a", "a"), levels = "0", coding = "other", loss = "none", intercept = NA, k = 3L)
  for (i in seq_along(wrong)) {
    changed <- fit
    changed[[names(wrong)[i]]] <- wrong[[i]]
    expect_topic(predict(changed, untrusted$new$matrix), "version", names(wrong)[i])
  }
  changed <- untrusted$fits$formula
  changed$vcov <- changed$vcov[1L, 1L, drop = FALSE]
  expect_topic(hatvalues(changed), "version", "vcov")
  changed <- untrusted$fits$formula
  changed$blueprint$kinds <- "dates"
  expect_topic(drop1(changed), "version", "blueprint")
  path <- untrusted$fits$path
  path$coefficients[[1L]]@i[1L] <- 1000L # a row beyond the matrix
  expect_topic(predict(path, untrusted$new$path), "version", "coefficients")
  expect_topic(coef(path), "version", "coefficients")
})

test_that("a sparse matrix whose slots point beyond it is refused as data", {
  x <- methods::as(untrusted$new$matrix, "CsparseMatrix")
  fit <- untrusted$fits$matrix
  for (change in list(function(x) { x@i[2L] <- 100L; x }, function(x) { x@i[1L] <- -1L; x },
                      function(x) { x@p[2L] <- 1000000L; x }, function(x) { x@p <- x@p[-1L]; x },
                      function(x) { x@x <- x@x[-1L]; x }, function(x) { x@Dim <- c(3L, 300L); x })) {
    expect_error(predict(fit, change(x)), class = "linclass_error")
    expect_error(linclass(change(x), c(0, 1, 1)), class = "linclass_error")
  }
})

test_that("reading a fit loads nothing; what evaluates nothing of it is as SECURITY.md says", {
  called <- FALSE
  canary <- function(...) {
    called <<- TRUE
    1
  }
  file <- tempfile(fileext = ".rds")
  on.exit(unlink(file))
  saveRDS(untrusted$fits, file)
  script <- sprintf("invisible(readRDS(\"%s\")); cat(\"linclass\" %%in%% loadedNamespaces())", file)
  rscript <- file.path(R.home("bin"), "Rscript")
  expect_identical(system2(rscript, c("--vanilla", "-e", shQuote(script)), stdout = TRUE), "FALSE")

  for (name in c("matrix", "formula")) {
    fit <- untrusted$fits[[name]]
    fit$call <- as.call(list(as.name("linclass"), as.call(list(canary))))
    if (name == "formula") {
      code <- attr(fit$blueprint$terms, "predvars")
      code[[3L]] <- as.call(list(canary, quote(wt)))
      attr(fit$terms, "predvars") <- attr(fit$blueprint$terms, "predvars") <- code
      environment(fit$terms) <- list2env(list(wt = canary))
    }
    utils::capture.output(print(fit), print(certificate(fit)), coef(fit), objective(fit))
    if (name == "matrix") {
      predict(fit, untrusted$new$matrix)
      for (write in list(to_sql, to_r)) write(fit, type = "class")
      to_json(fit)
    }
    expect_false(called, info = name)
  }
  # a formula is R code, and predictions evaluate it
  try(predict(fit, untrusted$new$formula), silent = TRUE)
  expect_true(called)
})

# --- Text that would be code ---

hostile <- c("a\"; DROP TABLE data; --", "'; DROP TABLE data; --", "\\", "\\\"", "\\'", "x]]", "`x`", "%s%d%n",
             "\n", "\u00e9\u4e2d\u2028", "$(id)", "\");stop(\"", "NULL", "?1", "\x01\x1b\x7f", "</script>", "\"\"",
             "''", "CASE", "prob_x ")

test_that("hostile names of columns, classes, levels and tables stay names", {
  skip_without("DBI", "RSQLite", "jsonlite")
  i <- seq_len(40L)
  for (text in hostile) {
    d <- data.frame(y = factor(ifelse(sin(i) + cos(3 * i) > 0, text, "other")), v = cos(i),
                    f = factor(ifelse(i %% 3 == 0, text, "b")))
    names(d)[2L] <- text
    formula <- eval(call("~", quote(y), call("+", as.name(text), quote(f))))
    fit <- quiet(linclass(formula, d, lambda = 0.01, alpha = 0))
    want <- predict(fit, d, type = "prob")
    db <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
    for (table in c("data", text)) DBI::dbWriteTable(db, DBI::SQL(DBI::dbQuoteIdentifier(db, table)), d)
    for (table in c("data", text)) {
      got <- DBI::dbGetQuery(db, to_sql(fit, table))
      expect_equal(unname(as.matrix(got[paste0("prob_", fit$levels)])), unname(want), tolerance = 1e-12, info = text)
      expect_identical(got$class, as.character(predict(fit, d)), info = text)
    }
    expect_setequal(DBI::dbListTables(db), c("data", text))
    DBI::dbDisconnect(db)
    score <- eval(parse(text = to_r(fit), keep.source = FALSE), baseenv())
    expect_equal(unname(as.matrix(score(d)[paste0("prob_", fit$levels)])), unname(want), tolerance = 1e-12, info = text)
    rule <- jsonlite::fromJSON(to_json(fit), simplifyVector = FALSE)
    expect_identical(unlist(rule$levels), fit$levels, info = text)
    expect_true(text %in% unlist(rule$terms), info = text)
  }
})
