# Shards: rows that stay with the workers of a cluster. A "linclass_row_shards" is an environment of
#   cluster, channel       who holds them, and how to ask (cluster-transport.R)
#   owner                  under which name workers keep them (cluster-worker.R)
#   count, holder, rows    how many shards; the worker that holds each; the rows of each, as first told
#   log                    the tasks that made them what they are, with the answers: what is done again for a shard
# whose                          worker was lost, and has to give the same answers
#   fit, sequence          of the question that was asked last
#   iteration, last        of the fit that is running: where it stands
# Every answer carries fit, sequence, shard and rows. Sums are added in the order of shards.

#' Rows that stay with the workers of a cluster
#'
#' Has each worker of a cluster load some shards of the rows and keep them, so that [linclass()] fits them where they
#' are: coefficients go out, and sums over rows come back.
#'
#' @section Which rows: `x` names the shards, and `read` makes the rows of one on the worker that keeps it: a data
#' frame, a
#'   [row_source()] (which is read whole), or a list of `x` (a matrix), `y` and, if wanted, `weights` and
#'   `offset`. Factors need not have all their levels in each shard: the levels of all are joined in the order of
#'   shards. Rows that are in memory need no shards: `linclass(y ~ ., data, cluster = cl)` cuts them into
#'   as many shards as workers, at least 16, and sends each to a worker once. So does
#'   `linclass(y ~ ., row_source(files), cluster = cl)`, a shard for each file, read by the workers.
#'
#' @section The fit: Solvers that work by sums do without change: Newton's method with the exact Hessian, L-BFGS,
#'   gradient descent, for all losses with a smooth version, with ridge or without penalty; a lasso and bounds by
#'   gradient descent, which takes many steps. The fit has its certificate and standard errors. Scores stay on the
#'   workers and are not kept. Sums are added in the order of shards, so the result has the same bits for any
#'   number of workers; it differs from the fit of the same rows in memory by the rounding of sums (relative
#'   differences of 1e-12, or what the certificate says). Mini-batches, the perceptron, `bias_reduction`, `coding =
#'   "ovr"`, counts as a response, paths, and what needs the training rows after the fit, are not available.
#'
#' @section Guards: Each answer of a worker names the fit, the question, the shard and its number of rows; the set of
#'   shards and the sum of rows are checked at each evaluation. An answer to an earlier question, after Ctrl-C or from a
#'   late worker, is never taken for another one. A worker that is lost or does not answer in time is given up: its
#'   shards are loaded by those that are left, with a warning, and must have the rows that they had before. Else,
#'   and with `on_failure = "stop"`, the fit ends with `linclass_error_worker_lost`, whose fields are `shard`, `worker`,
#'   `iteration` and `coefficients` (where it stood, for `start =`).
#'
#' @param cluster A cluster of package parallel (`parallel::makePSOCKcluster()`, `makeForkCluster()`, or MPI), or a list
#'   of clusters, whose workers are joined. Daemons of mirai, also those that its launchers start by ssh, Slurm, SGE or
#'   Kubernetes, are a list of clusters of one: `lapply(1:4, function(i) mirai::make_cluster(1))`. linclass must be
#'   installed, in the same version, for each worker.
#' @param x What tells the shards apart: a vector or a list with one element for each, such as names of files, or data
#'   frames.
#' @param read A function of one element of `x`, evaluated on the worker: what it needs it has to find there.
#' @param timeout Seconds that an answer may take.
#' @param on_failure `"reload"`: what a lost worker held is loaded by another one; `"stop"`: an error.
#' @param checkpoint `NULL`, or the name of a file to which the coefficients are written after each iteration of a
#'   fit: `linclass(..., start = readRDS(checkpoint))` goes on from there.
#' @return An object of class `linclass_row_shards`, for the `data` of a formula or the first argument of
#'   [linclass()]. Workers keep the rows until it is gone, and the next call that asks them says so.
#' @section Errors: `linclass_error_argument`; `linclass_error_shards` where a worker cannot load or use a shard, or
#'   answers what was not asked; `linclass_error_worker_lost`. A warning of class `linclass_warning_slow_cluster` says
#'   that a message takes 40 milliseconds or more.
#' @seealso [linclass()], [row_source()], `vignette("big-data")`
#' @examples
#' \donttest{
#' cl <- parallel::makePSOCKcluster(2)
#' folder <- tempfile()
#' dir.create(folder)
#' parts <- split(iris, rep(1:10, 15))
#' for (i in 1:10) write.csv(parts[[i]], sprintf("%s/part%d.csv", folder, i), row.names = FALSE)
#'
#' shards <- row_shards(cl, list.files(folder, full.names = TRUE), read.csv)
#' fit <- linclass(Species ~ ., shards, lambda = 0.01, alpha = 0)
#' coef(fit)
#'
#' # rows in memory
#' linclass(Species ~ ., iris, lambda = 0.01, alpha = 0, cluster = cl)
#' parallel::stopCluster(cl)
#' unlink(folder, recursive = TRUE)
#' }
#' @concept distributed
#' @concept parallel
#' @concept MPI
#' @concept big data
#' @concept map-reduce
#' @export
row_shards <- function(cluster, x, read = function(unit) unit, timeout = 600, on_failure = c("reload", "stop"),
                       checkpoint = NULL) {
  on_failure <- match_choice(on_failure)
  check_number(timeout, "timeout", 0.001, Inf, "argument")
  if (!is.function(read)) abort("argument", sprintf("`read` must be a function, not %s.", describe_value(read)))
  if (is.data.frame(x) || !is.vector(x) || !length(x)) {
    abort("argument", paste("`x` must be a vector or a list with one element for each shard. Rows in memory need no",
                            "shards: linclass(y ~ ., data, cluster = cl)."))
  }
  if (!is.null(checkpoint) && !(is.character(checkpoint) && length(checkpoint) == 1L)) {
    abort("argument", "`checkpoint` must be the name of one file.")
  }
  shards <- new_shards(cluster, length(x), timeout, on_failure, checkpoint)
  on.exit(settle(shards))
  units <- as.list(x)
  loaded <- log_task(shards, "load", read, function(s) units[[s]])
  shards$kind <- shared_value(loaded, "kind", "kinds of rows (data frames, or lists of x and y)")
  shards$names <- loaded[[1L]]$names
  structure(list(state = shards), class = "linclass_row_shards")
}

is_row_shards <- function(x) inherits(x, "linclass_row_shards")

#' @export
print.linclass_row_shards <- function(x, ...) {
  cat(sprintf("<%s in %s on %s>\n", plural(sum(x$state$rows), "row"), plural(x$state$count, "shard"),
              plural(length(unique(x$state$holder)), "worker")))
  invisible(x)
}

#' @export
format.linclass_row_shards <- function(x, ...) sprintf("<rows in %s>", plural(x$state$count, "shard"))

shared_value <- function(values, name, what) {
  found <- unique(vapply(values, `[[`, "", name))
  if (length(found) > 1L) abort("shards", sprintf("Shards have different %s.", what))
  found
}

# ---- who holds what -------------------------------------------------------------------------------------------------

names_given <- new.env(parent = emptyenv())
names_given$count <- 0
names_given$gone <- character()

# A name that no other session gives.
new_name <- function() {
  names_given$count <- names_given$count + 1
  sprintf("%s-%d-%.6f-%d", Sys.info()[["nodename"]], Sys.getpid(), as.double(Sys.time()), names_given$count)
}

new_shards <- function(cluster, count, timeout, on_failure, checkpoint) {
  channel <- new_channel(cluster)
  shards <- list2env(list(cluster = cluster, channel = channel, owner = new_name(), fit = "none", sequence = 0,
                          count = count, rows = rep(NA_real_, count), log = list(), timeout = timeout,
                          on_failure = on_failure, checkpoint = checkpoint, iteration = NA_real_, last = NULL),
                     parent = emptyenv())
  shards$holder <- rep_len(seq_len(channel$n), count)
  shards$holder <- sort(shards$holder) # neighbours stay together
  greet(shards)
  # Workers are told later that these rows are gone: a finalizer may run within any message.
  reg.finalizer(shards, function(e) names_given$gone <- c(names_given$gone, e$owner))
  shards
}

# Who is there, in which version; and how long a message takes.
greet <- function(shards) {
  channel <- shards$channel
  everybody <- seq_len(channel$n)
  found <- ask_each(shards, everybody, "hello")
  own <- as.character(getNamespaceVersion("linclass"))
  for (i in everybody) {
    who <- found[[i]]
    channel$where[i] <- sprintf("worker %d (%s, process %d)", i, who$host, who$pid)
    if (who$version != own) {
      abort("shards", sprintf("%s has linclass %s and this session %s: install the same.", to_upper(channel$where[i]),
                              who$version, own))
    }
  }
  gone <- names_given$gone
  names_given$gone <- character()
  if (length(gone)) ask_each(shards, everybody, "drop", gone)
  numbers <- as.double(seq_len(5151)) # gradient and Hessian of 100 coefficients
  taken <- vapply(1:3, function(k) {
    started <- proc.time()[["elapsed"]]
    ask_each(shards, everybody, "echo", numbers)
    proc.time()[["elapsed"]] - started
  }, 1)
  if (min(taken) >= 0.04) warn_slow(min(taken))
}

warn_slow <- function(seconds) {
  warn("slow_cluster", sprintf(paste(
    "A message of 40 kilobytes to the workers and back takes %.0f milliseconds, and a fit sends some ten to a hundred.",
    "On sockets this is often Nagle's algorithm: set options(socketOptions = \"no-delay\") here before",
    "makePSOCKcluster(), with rscript_args = c(\"-e\", shQuote(\"options(socketOptions='no-delay')\")) for the",
    "workers."),
    1000 * seconds), seconds = seconds)
}

# One question to some workers, about no shard.
ask_each <- function(shards, workers, task, common = NULL) {
  messages <- vector("list", shards$channel$n)
  messages[workers] <- list(new_message(shards, task, 0, common, NULL))
  answers <- ask_workers(shards$channel, messages, message_tag(shards), shards$timeout)
  lapply(answers, function(answer) {
    if (is.null(answer)) return(NULL)
    if (inherits(answer, "linclass_silence")) abort("worker_lost", paste0("A worker was lost: ", answer$why, "."))
    checked_answers(shards, answer, 0)[[1L]]$value
  })
}

# ---- questions about shards -----------------------------------------------------------------------------------------

new_message <- function(shards, task, which, common, own) {
  list(owner = shards$owner, fit = shards$fit, sequence = shards$sequence, task = task, shards = which,
       common = common, own = own)
}

message_tag <- function(shards) sprintf("%s:%s:%.0f", shards$owner, shards$fit, shards$sequence)

# The values of all shards, in their order. common: for all; own: a function of the number of a shard, or NULL.
ask_shards <- function(shards, task, common = NULL, own = NULL) {
  values <- vector("list", shards$count)
  rows <- rep(NA_real_, shards$count)
  pending <- seq_len(shards$count)
  while (length(pending)) {
    shards$sequence <- shards$sequence + 1
    found <- ask_holders(shards, task, pending, common, own)
    for (answer in found$answers) {
      values[answer$shard] <- list(answer$value)
      rows[answer$shard] <- answer$rows
    }
    pending <- found$lost
    if (length(pending)) reload(shards, pending, found$why)
  }
  expected <- switch(task, sketch = shards$rows, weigh = , sums = shards$used, rows)
  shards$told <- rows
  if (anyNA(rows) || !identical(rows, expected)) {
    abort("shards", sprintf("Shards have %s rows in place of %s: rows changed between calls.",
                            format(sum(rows)), format(sum(expected))))
  }
  values
}

# One round: list(answers, lost (shards without one), why).
ask_holders <- function(shards, task, pending, common, own) {
  channel <- shards$channel
  messages <- vector("list", channel$n)
  for (i in unique(shards$holder[pending])) {
    which <- pending[shards$holder[pending] == i]
    messages[[i]] <- new_message(shards, task, which, common, if (!is.null(own)) lapply(which, own))
  }
  replies <- ask_workers(channel, messages, message_tag(shards), shards$timeout)
  answers <- list()
  lost <- integer()
  why <- NULL
  for (i in which(lengths(messages) > 0L)) {
    which <- pending[shards$holder[pending] == i]
    if (inherits(replies[[i]], "linclass_silence")) {
      lost <- c(lost, which)
      why <- c(why, sprintf("%s with %s: %s", channel$where[i], named("shard", which, quote = ""), replies[[i]]$why))
      next
    }
    got <- checked_answers(shards, replies[[i]], which)
    gone <- vapply(got, function(a) isTRUE(a$absent), NA)
    if (any(gone)) {
      why <- c(why, sprintf("%s no longer has %s", channel$where[i], named("shard", which[gone], quote = "")))
    }
    lost <- c(lost, which[gone])
    answers <- c(answers, got[!gone])
  }
  list(answers = answers, lost = lost, why = why)
}

# Is this the answer to this question, with these shards, each once?
checked_answers <- function(shards, reply, which) {
  if (inherits(reply, "linclass_failed_call")) {
    abort("shards", sprintf("A worker cannot answer: %s Is linclass installed for it?", reply$message))
  }
  told <- vapply(reply$answers, function(a) as.double(a$shard), 1)
  if (!identical(reply$fit, shards$fit) || !identical(reply$sequence, shards$sequence) ||
        !identical(told, as.double(which))) {
    abort("shards", sprintf(
      "A worker answered for %s of question %s where %s of question %s was asked: nothing is used.",
      named("shard", told, quote = ""), format(reply$sequence), named("shard", which, quote = ""),
      format(shards$sequence)))
  }
  for (answer in reply$answers) {
    if (is.null(answer$failed) || isTRUE(answer$absent)) next
    where <- shards$channel$where[shards$holder[max(answer$shard, 1)]]
    abort("shards", sprintf("Shard %d on %s: %s", answer$shard, where, answer$failed), shard = answer$shard,
          class = answer$class)
  }
  reply$answers
}

# A task that the shards are made by, which is done again for those that another worker takes.
log_task <- function(shards, task, common = NULL, own = NULL) {
  values <- ask_shards(shards, task, common, own)
  if (task == "load") shards$rows <- shards$told else if (task != "weigh") shards$used <- shards$told
  step <- list(task = task, common = common, own = own, values = values, rows = shards$told)
  same <- match(task, vapply(shards$log, `[[`, "", "task"))
  if (!is.na(same)) shards$log <- shards$log[seq_len(same - 1L)]
  shards$log <- c(shards$log, list(step))
  values
}

# Gives shards of lost workers to those that are left, which do all that made them.
reload <- function(shards, which, why) {
  channel <- shards$channel
  left <- base::which(channel$alive)
  if (shards$on_failure == "stop" || !length(left)) refuse_lost(shards, which, why)
  warn("worker_lost", sprintf("Lost: %s. What it held is loaded by %s.", paste(why, collapse = "; "),
                              enumerate(channel$where[left], quote = "")), shards = which)
  load <- tabulate(shards$holder, channel$n)[left]
  for (shard in which) {
    at <- which.min(load)
    shards$holder[shard] <- left[at]
    load[at] <- load[at] + 1
  }
  for (step in shards$log) redo(shards, step, which)
}

redo <- function(shards, step, which) {
  shards$sequence <- shards$sequence + 1
  found <- ask_holders(shards, step$task, which, step$common, step$own)
  if (length(found$lost)) {
    reload(shards, found$lost, found$why)
    which <- setdiff(which, found$lost)
  }
  for (answer in found$answers) {
    same <- answer$rows == step$rows[answer$shard] &&
      isTRUE(all.equal(answer$value, step$values[[answer$shard]], tolerance = 1e-10)) # another processor, other bits
    if (same) next
    abort("shards", sprintf("Shard %d was loaded again and has other rows than before: they changed between calls.",
                            answer$shard), shard = answer$shard)
  }
}

refuse_lost <- function(shards, which, why) {
  at <- if (is.na(shards$iteration)) "" else sprintf(" The fit stood at iteration %.0f.", shards$iteration)
  on <- if (is.null(shards$last)) "" else
    " Its coefficients are the field `coefficients` of this condition: linclass(..., start = ) goes on from them."
  why <- paste(why, collapse = "; ")
  abort("worker_lost", sprintf("Lost: %s.%s%s Make a new cluster, and shards on it.", why, at, on), shard = which,
        worker = shards$channel$where[!shards$channel$alive], iteration = shards$iteration, coefficients = shards$last)
}

# The rows of a fit that is over.
drop_shards <- function(shards) {
  settle(shards)
  shards$timeout <- min(shards$timeout, 5)
  tryCatch(ask_each(shards, which(shards$channel$alive), "drop", shards$owner), linclass_error = function(e) NULL)
}

# After a call, however it ended: no answer waits in a connection for somebody else.
settle <- function(shards) {
  waiting <- lengths(shards$channel$awaited) > 0L & shards$channel$alive
  if (any(waiting)) drain(shards$channel)
}
