# Expectations about classed conditions and small data sets that many files use.

# `expr` raises the error of this topic; its message matches `pattern` and is not empty.
expect_topic <- function(expr, topic, pattern = NULL) {
  expect_error(expr, pattern, class = paste0("linclass_error_", topic))
}

expect_warn_topic <- function(expr, topic, pattern = NULL) {
  expect_warning(expr, pattern, class = paste0("linclass_warning_", topic))
}

expect_message_topic <- function(expr, topic, pattern = NULL) {
  expect_message(expr, pattern, class = paste0("linclass_message_", topic))
}

# Topics of the package's warnings that `expr` raises, without stopping it.
warned_topics <- function(expr) {
  topics <- character()
  withCallingHandlers(expr, linclass_warning = function(w) {
    topics <<- c(topics, sub("linclass_warning_", "", class(w)[1L]))
    invokeRestart("muffleWarning")
  })
  topics
}

# Runs a fit that may warn of what the test is not about.
quiet <- function(expr) suppressMessages(suppressWarnings(expr))

# Two overlapping classes, or three, of three features; made without the random generator.
toy <- function(k = 2L, n = 60L) {
  i <- seq_len(n)
  x <- cbind(a = sin(1.3 * i), b = cos(2.1 * i) + 0.2 * sin(0.7 * i), c = sin(0.37 * i^1.1))
  score <- x[, "a"] + 0.5 * x[, "b"] + 1.5 * sin(5.1 * i)
  levels <- if (k == 2L) c("low", "high") else c("low", "mid", "high")
  cuts <- stats::quantile(score, seq_len(k - 1L) / k)
  y <- factor(levels[findInterval(score, cuts) + 1L], levels = levels)
  list(x = x, y = y, data = data.frame(x, y = y))
}
