# How messages go to the workers of a cluster and come back. A transport is a list of three functions:
#   send(i, tag, message)   gives worker i the message; does not wait
#   ready(which, seconds)   those of the workers from which something has come; waits at most so long
#   receive(i)              list(tag, value, failed): what came; an error where the connection is broken
# A channel is a transport with what is awaited. It takes the answer to the question that was asked and no other: what
# comes with another tag, because a call was interrupted or a worker was late, is dropped.

# What a worker evaluates: a small function that finds the rest in its own copy of the package.
worker_entry <- eval(quote(function(message) getNamespace("linclass")$answer_message(message)), baseenv())

new_channel <- function(cluster) {
  cluster <- join_clusters(cluster)
  transport <- new_transport(cluster)
  channel <- new.env(parent = emptyenv())
  channel$transport <- transport
  channel$n <- length(cluster)
  channel$alive <- rep(TRUE, length(cluster))
  channel$awaited <- vector("list", length(cluster)) # tags of answers that are still to come
  channel$where <- sprintf("worker %d", seq_along(cluster))
  channel
}

is_cluster <- function(x) inherits(x, "cluster") && length(x) > 0L

# One cluster of the workers of all.
join_clusters <- function(x) {
  if (is_cluster(x)) return(x)
  if (!is.list(x) || !length(x) || !all(vapply(x, is_cluster, NA))) {
    abort("argument", sprintf(paste(
      "`cluster` must be a cluster of package parallel, such as parallel::makeCluster(2), or a list of clusters, not",
      "%s."), describe_value(x)))
  }
  structure(do.call(c, lapply(x, unclass)), class = "cluster")
}

new_transport <- function(cluster) {
  nodes <- unclass(cluster)
  are <- function(is_one) all(vapply(nodes, is_one, NA))
  if (are(function(node) inherits(node, "miraiNode"))) return(mirai_transport(nodes))
  if (are(function(node) is.list(node) && inherits(node$con, "sockconn"))) return(socket_transport(nodes))
  call_transport(cluster)
}

# PSOCK and fork clusters. Whole messages are read and written, whatever the user does meanwhile: half of one would
# leave the connection useless. The format is that of the workers of packages snow and parallel.
socket_transport <- function(nodes) {
  connections <- lapply(nodes, `[[`, "con")
  patience <- 60 # seconds within a message
  list(
    send = function(i, tag, message) {
      data <- list(fun = worker_entry, args = list(message), return = TRUE, tag = tag)
      suspendInterrupts(serialize(list(type = "EXEC", data = data), connections[[i]], xdr = FALSE))
    },
    ready = function(which, seconds) which[socketSelect(connections[which], FALSE, seconds)],
    receive = function(i) {
      suspendInterrupts({
        usual <- socketTimeout(connections[[i]], patience)
        on.exit(socketTimeout(connections[[i]], usual))
        got <- unserialize(connections[[i]])
      })
      list(tag = got$tag, value = got$value, failed = !isTRUE(got$success))
    })
}

# Daemons of mirai. Those of one cluster share its tasks, so that only a cluster of one is always the same process.
mirai_transport <- function(nodes) {
  profiles <- vapply(nodes, attr, "", "id")
  if (anyDuplicated(profiles)) {
    abort("argument", paste(
      "Daemons of one mirai cluster share their tasks, and a shard stays with one of them: give a list of clusters of",
      "one, such as lapply(1:4, function(i) mirai::make_cluster(1))."))
  }
  running <- vector("list", length(nodes))
  question <- quote(entry(message))
  list(
    send = function(i, tag, message) {
      task <- mirai::mirai(question, .args = list(entry = worker_entry, message = message), .compute = profiles[[i]])
      running[[i]] <<- list(tag = tag, task = task)
    },
    ready = function(which, seconds) {
      until <- proc.time()[["elapsed"]] + seconds
      repeat {
        done <- which[vapply(running[which], function(r) !is.null(r) && !mirai::unresolved(r$task), NA)]
        if (length(done) || proc.time()[["elapsed"]] >= until) return(done)
        Sys.sleep(0.001)
      }
    },
    receive = function(i) {
      got <- running[[i]]
      running[i] <<- list(NULL)
      value <- got$task$data
      if (mirai::is_error_value(value) && !mirai::is_mirai_error(value)) stop(paste("mirai reports error", value))
      list(tag = got$tag, value = value, failed = mirai::is_mirai_error(value))
    })
}

# All other clusters of parallel, such as those of MPI: their own calls, which wait for all workers and cannot be given
# up.
call_transport <- function(cluster) {
  asked <- given <- vector("list", length(cluster))
  list(
    send = function(i, tag, message) asked[[i]] <<- list(tag = tag, message = message),
    ready = function(which, seconds) {
      new <- which(lengths(asked) > 0L)
      if (length(new)) {
        messages <- lapply(asked[new], `[[`, "message")
        tags <- lapply(asked[new], `[[`, "tag")
        asked[new] <<- list(NULL)
        values <- parallel::clusterApply(cluster[new], messages, worker_entry)
        given[new] <<- Map(function(tag, value) list(tag = tag, value = value, failed = FALSE), tags, values)
      }
      which[lengths(given[which]) > 0L]
    },
    receive = function(i) {
      got <- given[[i]]
      given[i] <<- list(NULL)
      got
    })
}

# ---- questions and answers ------------------------------------------------------------------------------------------

# messages: for each worker a message or NULL (not asked). Answers in the same places: what the workers returned, or a
# list of class "linclass_silence" that says why there is nothing.
ask_workers <- function(channel, messages, tag, timeout) {
  answers <- vector("list", channel$n)
  asked <- which(lengths(messages) > 0L)
  for (i in asked) {
    if (is.null(answers[[i]] <- send_to(channel, i, tag, messages[[i]]))) next
    asked <- setdiff(asked, i)
  }
  until <- proc.time()[["elapsed"]] + timeout
  while (length(asked)) {
    left <- until - proc.time()[["elapsed"]]
    if (left <= 0) {
      for (i in asked) answers[[i]] <- silence(channel, i, sprintf("it did not answer within %g seconds", timeout))
      break
    }
    for (i in channel$transport$ready(asked, min(left, 1))) {
      got <- receive_from(channel, i)
      if (inherits(got, "linclass_silence")) answers[[i]] <- got
      else if (identical(got$tag, tag)) answers[[i]] <- if (got$failed) failed_call(got$value) else got$value
      else next # the answer to an earlier question
      asked <- setdiff(asked, i)
    }
  }
  answers
}

send_to <- function(channel, i, tag, message) {
  channel$awaited[[i]] <- c(channel$awaited[[i]], tag)
  tryCatch({
    channel$transport$send(i, tag, message)
    NULL
  }, error = function(e) silence(channel, i, conditionMessage(e)))
}

receive_from <- function(channel, i) {
  got <- tryCatch(channel$transport$receive(i), error = function(e) silence(channel, i, conditionMessage(e)))
  # A worker answers in the order of questions: what was asked before has come, even if an interrupt took it away.
  known <- match(got$tag, channel$awaited[[i]], 0L)
  channel$awaited[[i]] <- channel$awaited[[i]][seq_along(channel$awaited[[i]]) > max(known, 0L)]
  got
}

silence <- function(channel, i, why) {
  channel$alive[i] <- FALSE
  structure(list(why = why), class = "linclass_silence")
}

# The worker could not even begin: no package there, say.
failed_call <- function(value) structure(list(message = as.character(value)), class = "linclass_failed_call")

# Takes what is still to come, so that nobody else meets it; waits at most so many seconds.
drain <- function(channel, seconds = 2) {
  until <- proc.time()[["elapsed"]] + seconds
  repeat {
    waiting <- which(lengths(channel$awaited) > 0L & channel$alive)
    left <- until - proc.time()[["elapsed"]]
    if (!length(waiting) || left <= 0) return(invisible(!length(waiting)))
    for (i in channel$transport$ready(waiting, left)) receive_from(channel, i)
  }
}
