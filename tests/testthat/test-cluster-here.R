# A cluster of a kind that package parallel lets anybody define: its one worker is this process. So whole fits go by the
# calls of parallel, as over MPI, and what a worker refuses is seen without another process.

skip_if_not_installed("parallel")

registerS3method("sendData", "node_here", function(node, data) {
  call <- data$data
  node$box$value <- tryCatch(do.call(call$fun, call$args), error = identity)
}, asNamespace("parallel"))
registerS3method("recvData", "node_here", function(node) {
  value <- if (is.null(node$box$change)) node$box$value else node$box$change(node$box$value)
  list(type = "VALUE", value = value, success = TRUE, tag = NULL)
}, asNamespace("parallel"))
here <- function(change = NULL) {
  node <- structure(list(box = list2env(list(change = change))), class = "node_here")
  structure(list(node), class = "cluster")
}
cl <- here()

rows <- local({
  i <- seq_len(90L)
  d <- data.frame(a = sin(1.3 * i), b = cos(2.1 * i), w = i %% 3, o = cos(3.3 * i))
  d$g <- c("u", "v", "w")[1L + (i %/% 3L) %% 3L]
  d$y <- factor(ifelse(d$a + 3 * sin(5.1 * i) > 0.4, "late", "ok"))
  d
})
parts <- unname(split(rows, rep(1:3, each = 30L)))
as_numbers <- function(d, ...) Filter(length, list(x = as.matrix(d[c("a", "b")]), y = d$y, ...))
closeness <- function(fit, memory) max(abs(coef(fit) - coef(memory))) / max(abs(coef(memory)))

test_that("fits of frames, of numbers and of sources are those of the rows in memory", {
  memory <- quiet(linclass(y ~ a + g + offset(o), rows, weights = w, class_weights = "balanced"))
  shards <- row_shards(cl, c(parts, list(rows[0L, ])))
  expect_identical(format(shards), "<rows in 4 shards>")
  fit <- quiet(linclass(y ~ a + g + offset(o), shards, weights = w, class_weights = "balanced"))
  expect_lt(closeness(fit, memory), 1e-10)
  # numbers in blocks, with rows of weight 0
  for (offset in list(NULL, rows$o)) {
    memory <- quiet(linclass(as.matrix(rows[c("a", "b")]), rows$y, weights = rows$w, offset = offset))
    read <- function(d) {
      halves <- split(d, rep(1:2, length.out = nrow(d)))
      k <- 0
      row_source(function(reset = FALSE) {
        k <<- if (reset) 0 else k + 1
        half <- if (k %in% 1:2) halves[[k]]
        if (!is.null(half)) as_numbers(half, weights = half$w, offset = if (!is.null(offset)) half$o)
      })
    }
    fit <- quiet(linclass(row_shards(cl, parts, read)))
    expect_lt(closeness(fit, memory), 1e-10)
  }
})

test_that("what a shard may not be is said with its number", {
  expect_topic(row_shards(cl, list(1, 2)), "shards", "Shard 1 .*A shard is 1; it must be a data frame")
  expect_topic(row_shards(cl, 1, function(unit) row_source(function(reset = FALSE) NULL)), "shards", "no rows")
  expect_topic(row_shards(cl, list(rows, as_numbers(rows))), "shards", "different kinds of rows")
  numbers <- function(...) row_shards(cl, list(as_numbers(parts[[1L]]), list(...)))
  x <- as.matrix(parts[[2L]][c("a", "b")])
  y <- parts[[2L]]$y
  expect_topic(linclass(numbers(x = x)), "shards", "Shard 2 .*no response")
  differing <- list("number of columns" = list(x = x[, 1L, drop = FALSE]), weights = list(x = x, weights = y == "ok"),
                    "sparse or not" = list(x = Matrix::Matrix(x, sparse = TRUE)),
                    offset = list(x = x, offset = x[, 1L]))
  for (what in names(differing)) {
    expect_topic(linclass(do.call(numbers, c(differing[[what]], list(y = y)))), "shards",
                 paste("Shard 2 differs from the first in .*", what))
  }
  expect_topic(linclass(numbers(x = x, y = replace(y, 7:8, NA))), "missing", "response")
  # of a sparse matrix that points beyond itself, what C says
  broken <- Matrix::Matrix(x, sparse = TRUE)
  broken@i[1L] <- 99L
  expect_topic(linclass(row_shards(cl, list(list(x = broken, y = y)))), "shards")
})

test_that("what a cluster cannot do is said", {
  shards <- row_shards(cl, parts)
  expect_topic(linclass(shards), "shards", "give a formula")
  expect_topic(linclass(y ~ a, row_shards(cl, list(as_numbers(rows)))), "shards", "data frames")
  expect_topic(linclass(y ~ a, row_shards(cl, list(transform(rows, a = NA_real_)))), "no_rows")
  expect_topic(linclass(y ~ a, rows, loss = "perceptron", cluster = cl), "shards", "perceptron")
  expect_topic(linclass(am ~ wt + hp + cyl, mtcars[1:4, ], cluster = cl), "shards", "lambda > 0")
  expect_topic(linclass(y ~ a, row_source(rows), cluster = cl), "source", "one order")
  expect_topic(row_shards(cl, parts, read = 3), "argument", "`read`")
  expect_topic(row_shards(cl, parts, checkpoint = c("a", "b")), "argument", "`checkpoint`")
  handle <- structure(list(dim = c(4L, 1L), names = "a"), class = "linclass_shards")
  expect_identical(dimnames(handle), list(NULL, "a"))
  expect_topic(handle[1, ], "shards", "stay with the workers")
})

test_that("a worker of another version is refused, and one whose rows are gone loads them again", {
  older <- here(function(value) {
    value$answers[[1L]]$value$version <- "0.0.1"
    value
  })
  expect_topic(row_shards(older, parts), "shards", "Worker 1 .*has linclass 0.0.1 and this session")
  shards <- row_shards(cl, parts)
  before <- quiet(linclass(y ~ a, shards))
  forget <- function() rm(list = ls(linclass:::worker_store), envir = linclass:::worker_store)
  forget()
  expect_identical(coef(quiet(linclass(y ~ a, shards))), coef(before))
  # of which there must be as many as before
  count <- 0
  growing <- row_shards(cl, parts, function(unit) {
    count <<- count + 1
    if (count > 3) rbind(unit, unit) else unit
  })
  forget()
  expect_topic(quiet(linclass(y ~ a, growing)), "shards", "loaded again and has other rows")
  kept <- row_shards(cl, parts, on_failure = "stop")
  forget()
  expect_topic(quiet(linclass(y ~ a, kept)), "worker_lost", "no longer has shards 1, 2 and 3")
})
