# Rows for tests of sources, made without the random generator.

some_rows <- function(n = 3000L) {
  i <- seq_len(n)
  d <- data.frame(a = sin(1.3 * i), b = 50 + cos(2.1 * i), c = 300 * sin(0.37 * i^1.1),
                  g = c("u", "v", "w", "z")[1L + (i %/% 3L) %% 4L], k = 1L + i %% 5L)
  score <- d$a + 2 * (d$b - 50) + (d$g == "v") + 3 * sin(5.1 * i)
  d$y <- ifelse(score > 0.4, "late", "ok")
  d$three <- factor(findInterval(score, c(-1, 1)), labels = c("low", "mid", "high"))
  d$w <- 1 + i %% 3
  d$o <- cos(3.3 * i)
  d
}

# A function that gives the rows in blocks, and lets `fault` change block k of pass number p.
generator <- function(data, blocks = 4L, fault = function(block, k, p) block) {
  part <- split(seq_len(nrow(data)), cut(seq_len(nrow(data)), blocks, labels = FALSE))
  k <- p <- 0
  function(reset = FALSE) {
    if (reset) {
      k <<- 0
      p <<- p + 1
    } else {
      k <<- k + 1
      if (k <= blocks) fault(data[part[[k]], ], k, p)
    }
  }
}

distance <- function(a, b) max(abs(as.vector(coef(a)) - as.vector(coef(b)))) / max(abs(as.vector(coef(b))))

unname_rows <- function(x) {
  rownames(x) <- NULL
  x
}

new_folder <- function() {
  folder <- tempfile("rows")
  dir.create(folder)
  folder
}

# Temporary files that a fit should have removed.
copies_left <- function() list.files(tempdir(), "^linclass-")
