# The rule written out in SQL, R and JSON scores rows as predict() does.

export_data <- function(n = 60) {
  i <- seq_len(n)
  data.frame(
    y2 = factor(ifelse(sin(2.3 * i) + cos(i) > 0, "it's", "a \"b\" \\ c")),
    y3 = factor(c("x", "y'; DROP TABLE data; --", "z")[1 + i %% 3]),
    a = cos(i), n = as.integer(1 + i %% 7), t = 1 + abs(sin(i)), flag = i %% 2 == 0,
    f = factor(c("p", "q'r", "s\"t")[1 + (i * 7) %% 3]), o = factor(i %% 4, ordered = TRUE),
    `odd "name` = sin(3 * i), check.names = FALSE)
}

sql_rows <- function(data, query) {
  db <- DBI::dbConnect(RSQLite::SQLite(), ":memory:")
  on.exit(DBI::dbDisconnect(db))
  # builds of SQLite without LN()
  query <- gsub("LN\\(", "LOG(", query)
  DBI::dbWriteTable(db, "data", data)
  DBI::dbGetQuery(db, query)
}

export_formulas <- list(
  numbers = ~ a + n, products = ~ a * n + I(n^2) + I(1 / n) + abs(a),
  functions = ~ a + log(t) + sqrt(t):n + exp(a), factors = ~ f + o + flag,
  interactions = ~ f * a + f:o + flag:f, no_intercept = ~ f + a - 1, odd_name = ~ a + `odd "name`,
  offset = ~ a + offset(log(t)))

test_that("SQL and R give the probabilities and classes of predict()", {
  skip_without("DBI", "RSQLite")
  d <- export_data()
  for (name in names(export_formulas)) {
    for (response in if (name == "offset") "y2" else c("y2", "y3")) {
      fit <- quiet(linclass(update(export_formulas[[name]], paste(response, "~ .")), d, lambda = 0.01,
                            alpha = 0))
      want <- predict(fit, d, type = "prob")
      got <- sql_rows(d, to_sql(fit))
      columns <- paste0("prob_", fit$levels)
      expect_equal(as.matrix(got[columns]), unname(want), tolerance = 1e-12, ignore_attr = TRUE,
                   info = paste("SQL", name, response))
      expect_identical(got$class, as.character(predict(fit, d)), info = paste(name, response))
      score <- eval(parse(text = to_r(fit)), baseenv())
      expect_equal(as.matrix(score(d)[columns]), unname(want), tolerance = 1e-12,
                   ignore_attr = TRUE, info = paste("R", name, response))
      expect_identical(as.character(score(d)$class), got$class)
    }
  }
})

test_that("scores of any loss and of matrices can be written", {
  skip_without("DBI", "RSQLite")
  d <- export_data()
  x <- as.matrix(d[c("a", "odd \"name")])
  for (loss in c("hinge", "softmax")) for (y in c("y2", "y3")) {
    fit <- quiet(linclass(x, d[[y]], loss = loss, lambda = 0.1, alpha = 0))
    want <- as.matrix(predict(fit, x, type = "link"))
    got <- sql_rows(d, to_sql(fit, type = "link"))
    # the score of two classes is that of the second; the first has 0
    got <- as.matrix(got[paste0("score_", fit$levels)])[, if (ncol(want) == 1L) 2L else 1:ncol(want)]
    expect_equal(got, unname(drop(want)), tolerance = 1e-12, ignore_attr = TRUE)
    expect_identical(sql_rows(d, to_sql(fit, type = "class"))$class, as.character(predict(fit, x)))
  }
  expect_topic(to_sql(quiet(linclass(x, d$y2, loss = "hinge", lambda = 0.1, alpha = 0))),
               "no_probability")
})

test_that("large scores, unknown levels and missing values are as in predict()", {
  skip_without("DBI", "RSQLite")
  d <- export_data()
  fit <- quiet(linclass(y3 ~ a + f, d, lambda = 0.01, alpha = 0))
  d$a <- 1e5 * d$a
  got <- sql_rows(d, to_sql(fit))
  expect_equal(as.matrix(got[paste0("prob_", fit$levels)]), unname(predict(fit, d, type = "prob")),
               tolerance = 1e-12, ignore_attr = TRUE)
  d$a[1] <- NA
  d$f <- as.character(d$f)
  d$f[2] <- "new"
  got <- sql_rows(d, to_sql(fit))
  expect_true(all(is.na(got$class[1:2])))
  expect_false(anyNA(got$class[-(1:2)]))
  score <- eval(parse(text = to_r(fit)), baseenv())
  expect_true(all(is.na(score(d)$class[1:2])))
})

test_that("JSON holds the rule", {
  skip_without("jsonlite")
  d <- export_data()
  fit <- quiet(linclass(y3 ~ a + f:t, d, lambda = 0.01, alpha = 0))
  rule <- jsonlite::fromJSON(to_json(fit), simplifyVector = FALSE)
  expect_identical(unlist(rule$levels), fit$levels)
  score <- function(row) {
    vapply(seq_along(rule$levels), function(c) {
      parts <- vapply(rule$terms, function(term) {
        numeric <- vapply(term$numeric, function(e) row[[e$column]], 1)
        levels <- lapply(term$levels, unlist)
        cell <- if (length(term$factors)) match(row[[term$factors[[1]]]], levels[[1]]) else 1L
        prod(numeric) * term$estimates[[c]][[cell]]
      }, 1)
      rule$constant[[c]] + sum(parts)
    }, 1)
  }
  scores <- t(vapply(seq_len(nrow(d)), function(i) score(d[i, ]), double(3)))
  expect_equal(scores, unname(predict(fit, d, type = "link")), tolerance = 1e-12)
})

test_that("what depends on the data is refused in words", {
  d <- export_data()
  refused <- list(y2 ~ poly(a, 2), y2 ~ scale(a), y2 ~ factor(n), y2 ~ cut(a, 3), y2 ~ log(t, 2))
  for (f in refused) expect_topic(to_sql(quiet(linclass(f, d, lambda = 0.1, alpha = 0))), "export")
  fit <- quiet(linclass(y2 ~ a, d, offset = t))
  for (write in list(to_sql, to_r, to_json)) expect_topic(write(fit), "export", "offset")
  expect_topic(to_sql(quiet(linclass(unname(as.matrix(d[c("a", "t")])), d$y2))), "export", "names")
  log <- function(x) x + 1
  expect_topic(to_sql(quiet(linclass(y2 ~ log(t), d))), "export")
})

test_that("sums of more terms than a pattern is made for, and of none, are written out", {
  skip_without("DBI", "RSQLite", "jsonlite")
  data <- export_data()
  wide <- data.frame(y2 = data$y2, f = data$f, outer(seq_len(60), seq_len(300), function(i, j) sin(i * j)))
  formulas <- list(numbers = y2 ~ . - f, factor = y2 ~ ., none = y2 ~ 1, nothing = y2 ~ 0)
  for (name in names(formulas)) {
    fit <- linclass(formulas[[name]], wide, lambda = 0.05, alpha = 0)
    expected <- unname(predict(fit, wide, type = "prob"))
    probabilities <- function(scored) unname(as.matrix(scored[paste0("prob_", fit$levels)]))
    score <- eval(parse(text = to_r(fit), keep.source = FALSE), baseenv())
    expect_equal(probabilities(score(wide)), expected, tolerance = 1e-12, info = name)
    expect_length(jsonlite::fromJSON(to_json(fit), simplifyVector = FALSE)$terms, length(labels(fit)))
    if (name == "none") expect_equal(probabilities(sql_rows(wide[1:3], to_sql(fit))), expected, tolerance = 1e-12)
  }
  fit <- linclass(y2 ~ . - f, wide[1:280], lambda = 0.05, alpha = 0)
  expect_identical(sum(gregexpr(" * \"X", to_sql(fit), fixed = TRUE)[[1L]] > 0), 2L * 278L) # both scores
})
