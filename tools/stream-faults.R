# Faults of sources, drawn at random: what a source does wrong, in which pass, at which block, of which kind of source,
# and with which fit. Each one must end in a classed error that says where (or, where nothing was changed that the fit
# reads, in the right fit); leave no connection open and no temporary file; and a fit that follows must be right.
#
#   Rscript tools/stream-faults.R [count [seed]]        400 faults by default; exit code 1 where one was not met
suppressMessages(library(linclass))
linclass_threads(1)
args <- commandArgs(TRUE)
count <- if (length(args)) as.integer(args[1L]) else 400L
set.seed(if (length(args) > 1L) as.integer(args[2L]) else 1L)

n <- 2000L
blocks <- 8L
rows <- data.frame(a = round(rnorm(n), 3), b = round(runif(n), 3), g = sample(c("u", "v", "w"), n, TRUE))
rows$y <- ifelse(rows$a + (rows$g == "v") + rlogis(n) > 0, "late", "ok")
rows <- rows[c("y", "a", "b", "g")]
part <- split(seq_len(n), rep(seq_len(blocks), each = n / blocks))
quiet <- function(expr) suppressWarnings(suppressMessages(expr))

fits <- list(
  newton = function(s) linclass(y ~ a + b + g, s),
  lbfgs = function(s) linclass(y ~ a + b + g, s, lambda = 0.01, alpha = 0, solver = "lbfgs"),
  lasso = function(s) linclass(y ~ a + b + g, s, lambda = 0.01),
  minibatch = function(s) linclass(y ~ a + b + g, s, solver = solver("minibatch", epochs = 8)),
  path = function(s) linclass_path(y ~ a + b + g, s, nlambda = 5))
# With a seed of its own, which leaves the draws of faults alone.
fit_of <- function(fit, data) {
  drawn <- .Random.seed
  on.exit(assign(".Random.seed", drawn, globalenv()))
  set.seed(7)
  coefficients <- coef(quiet(fits[[fit]](data)))
  unlist(lapply(if (is.list(coefficients)) coefficients else list(coefficients), as.matrix))
}
right <- lapply(stats::setNames(nm = names(fits)), fit_of, rows)

# ---- what goes wrong in a block ----
broken <- list(
  interrupt = function(b) {
    signalCondition(structure(class = c("interrupt", "condition"), list(message = "", call = NULL)))
    b
  },
  stops = function(b) stop("the source is gone"),
  condition = function(b) stop(structure(class = c("odd", "error", "condition"), list(message = "odd", call = NULL))),
  fewer = function(b) b[-sample(nrow(b), 1L), ],
  none = function(b) b[0L, ],
  twice = function(b) rbind(b, b),
  order = function(b) b[sample(nrow(b)), ],
  number = function(b) {
    b$a[sample(nrow(b), 1L)] <- 99.5
    b
  },
  response = function(b) {
    i <- sample(nrow(b), 1L)
    b$y[i] <- setdiff(c("late", "ok"), b$y[i])
    b
  },
  nan = function(b) {
    b$b[sample(nrow(b), 1L)] <- NaN
    b
  },
  infinite = function(b) {
    b$b[sample(nrow(b), 1L)] <- Inf
    b
  },
  level = function(b) {
    b$g[sample(nrow(b), 1L)] <- "late level"
    b
  },
  lacks = function(b) b[c("y", "a", "g")],
  kind = function(b) transform(b, a = as.character(a)),
  kinds = function(b) transform(b, g = seq_along(g)),
  junk = function(b) sample(list(7, "a", list(), quote(x), sum, NULL), 1L)[[1L]],
  list = function(b) list(x = as.matrix(b[c("a", "b")]), y = b$y))
# In the first pass these are other data, not a fault: their fit is that of the data.
honest <- c("fewer", "none", "twice", "order", "number", "response", "level")
# With missing or infinite numbers a formula leaves rows out, or the fit refuses them, by classes of their own.
elsewhere <- c("nan", "infinite")

faulty_function <- function(change, pass, block) {
  k <- p <- 0
  function(reset = FALSE) {
    if (reset) {
      k <<- 0
      p <<- p + 1
      return(invisible())
    }
    k <<- k + 1
    if (k > blocks) return(NULL)
    now <- rows[part[[k]], ]
    if (p == pass && k == block) broken[[change]](now) else now
  }
}

by_function <- function() {
  change <- sample(names(broken), 1L)
  pass <- sample(6L, 1L)
  cache <- sample(c("none", "disk"), 1L)
  list(name = change, pass = pass, change = change,
       source = row_source(faulty_function(change, pass, sample(blocks, 1L)), cache = cache))
}

# ---- files ----
write_files <- function(folder) {
  files <- file.path(folder, sprintf("part%d.csv", 1:4))
  for (i in 1:4) write.csv(rows[seq(i * 500 - 499, i * 500), ], files[i], row.names = FALSE)
  files
}
spoil <- list(
  cut = function(f) {
    bytes <- readBin(f, "raw", file.size(f))
    writeBin(bytes[seq_len(sample(length(bytes) - 1L, 1L))], f)
  },
  empty = function(f) file.create(f),
  gone = function(f) unlink(f),
  grown = function(f) cat("late,0.1,0.2,u\n", file = f, append = TRUE),
  replaced = function(f) write.csv(rows[sample(n, 500L), ], f, row.names = FALSE),
  junk = function(f) writeBin(as.raw(sample(0:255, 4000L, TRUE)), f),
  header = function(f) writeLines(sub("\"a\"", "\"z\"", readLines(f)), f),
  short = function(f) {
    lines <- readLines(f)
    lines[300L] <- "late,1"
    writeLines(lines, f)
  })
by_files <- function() {
  folder <- tempfile("faults")
  dir.create(folder)
  files <- write_files(folder)
  change <- sample(names(spoil), 1L)
  when <- sample(2:5, 1L)
  cache <- sample(c("none", "disk"), 1L)
  source <- row_source(files, block = 130, cache = cache)
  open <- source$open
  pass <- 0
  source$open <- function() {
    pass <<- pass + 1
    if (pass == when) spoil[[change]](sample(files, 1L))
    open()
  }
  stamp <- source$stamp # the file may also change after the look at its time
  if (sample(2L, 1L) == 1L) source$stamp <- function() "the same"
  list(name = paste("file", change), pass = when, change = change, source = source, folder = folder)
}

# ---- a data base ----
by_query <- function() {
  if (!requireNamespace("RSQLite", quietly = TRUE)) return(by_files())
  file <- tempfile("faults", fileext = ".sqlite")
  con <- DBI::dbConnect(RSQLite::SQLite(), file)
  DBI::dbWriteTable(con, "t", rows)
  other <- DBI::dbConnect(RSQLite::SQLite(), file)
  changes <- list(
    deleted = function() DBI::dbExecute(other, "DELETE FROM t WHERE rowid = 77"),
    inserted = function() DBI::dbExecute(other, "INSERT INTO t VALUES ('ok', 1, 0.5, 'u')"),
    updated = function() DBI::dbExecute(other, "UPDATE t SET a = 5 WHERE rowid = 900"),
    dropped = function() DBI::dbExecute(other, "DROP TABLE t"),
    renamed = function() DBI::dbExecute(other, "ALTER TABLE t RENAME COLUMN a TO z"),
    closed = function() DBI::dbDisconnect(con))
  change <- sample(names(changes), 1L)
  when <- sample(2:5, 1L)
  cache <- sample(c("none", "disk"), 1L)
  source <- row_source(con, "SELECT * FROM t ORDER BY rowid", block = 300, cache = cache)
  open <- source$open
  pass <- 0
  source$open <- function() {
    pass <<- pass + 1
    if (pass == when) changes[[change]]()
    open()
  }
  list(name = paste("query", change), pass = when, change = change, source = source, folder = file,
       end = function() for (c in list(con, other)) if (DBI::dbIsValid(c)) DBI::dbDisconnect(c))
}

# ---- one after another ----
makers <- list(by_function, by_files, by_query)
open_connections <- function() nrow(showConnections())
outcomes <- list()
bad <- 0
left_before <- open_connections()
for (i in seq_len(count)) {
  fault <- makers[[1L + i %% 3L]]()
  fit <- sample(names(fits), 1L)
  got <- tryCatch(fit_of(fit, fault$source), error = identity, interrupt = identity)
  by_class <- inherits(got, "linclass_error")
  says <- by_class && grepl("[Bb]lock|row|[Ff]ile|column|pass|query|connection|missing|infinite", conditionMessage(got))
  # Numbers are those of the second pass, the first that reads them.
  data_changed <- fault$pass == 1L && fault$change %in% c(honest, elsewhere) ||
    fault$pass == 2L && fault$change %in% c("number", "updated")
  close <- function(a, b) length(a) == length(b) && max(abs(a - b)) < 1e-4 * (1 + max(abs(b)))
  same <- is.numeric(got) && close(got, right[[fit]])
  outcome <- if (inherits(got, "interrupt")) "interrupted" else if (by_class && says) "error" else
    if (by_class) "vague" else if (inherits(got, "error")) "unclassed" else if (same) "right" else
      if (data_changed) "other data" else "wrong"
  if (!is.null(fault$end)) fault$end()
  if (!is.null(fault$folder)) unlink(fault$folder, recursive = TRUE)
  fault$source <- NULL
  left <- length(list.files(tempdir(), "^linclass-")) + open_connections() - left_before
  after <- close(fit_of("newton", row_source(rows, block = 333)), right$newton)
  if (outcome %in% c("vague", "unclassed", "wrong") || left != 0 || !after) {
    bad <- bad + 1
    cat(sprintf("fault %d (%s, pass %d, %s): %s%s%s\n  %s\n", i, fault$name, fault$pass, fit, outcome,
                if (left != 0) ", something is left open" else "", if (!after) ", the next fit is wrong" else "",
                if (inherits(got, "error")) conditionMessage(got) else ""))
  }
  outcomes[[i]] <- c(fault$name, outcome)
}

# ---- a disk that is full: a file system of two megabytes, where one can be mounted ----
folder <- tempfile("small")
dir.create(folder)
if (suppressWarnings(system2("mount", c("-t", "tmpfs", "-o", "size=2m", "tmpfs", folder), stderr = FALSE)) == 0) {
  code <- c("library(linclass)", "i <- 1:60000",
            "d <- data.frame(a = sin(i), b = cos(i), h = factor(i %% 500), y = sin(3 * i) > 0)",
            "blocks <- function(reset = FALSE) {", "  if (reset) k <<- 0 else if (k < 6) {", "    k <<- k + 1",
            "    d[1:10000 + 1e4 * k - 1e4, ]", "  }", "}",
            "for (f in list(y ~ a + b + I(a * b) + I(a + b^2) + I(b^3), y ~ a + h)) {",
            "  e <- tryCatch(linclass(f, row_source(blocks, cache = 'disk'), lambda = 0.1), error = identity)",
            "  cat(class(e)[1L], length(list.files(tempdir(), '^linclass-')), conditionMessage(e), '\\n')", "}")
  script <- tempfile(fileext = ".R")
  writeLines(code, script)
  said <- system2(file.path(R.home("bin"), "Rscript"), script, stdout = TRUE, stderr = FALSE,
                  env = c(paste0("TMPDIR=", folder),
                          paste0("R_LIBS=", shQuote(paste(.libPaths(), collapse = .Platform$path.sep)))))
  system2("umount", folder)
  cat(said, sep = "\n")
  if (length(said) != 2L || !all(startsWith(said, "linclass_error_source 0 "))) bad <- bad + 1
} else {
  cat("no file system can be mounted here: a full disk is not tried\n")
}

all <- do.call(rbind, outcomes)
print(table(fault = all[, 1L], outcome = all[, 2L]))
cat(sprintf("%d faults, %d not met as they should be\n", count, bad))
if (bad) quit("no", 1L)
