# Links that are cut: a worker in a network namespace of its own, whose only link goes down at a random moment of a fit,
# for good or for a while. Each fit has the bits of the undisturbed one: what the worker held is loaded by the other
# one, or the link is back in time. Needs root and iproute2, and the package installed; says so where they are missing.
#
#   Rscript tools/faults-link.R [cuts] [seed]
arguments <- as.numeric(commandArgs(TRUE))
cuts <- if (length(arguments) > 0L) arguments[1L] else 20
set.seed(if (length(arguments) > 1L) arguments[2L] else 1)
library(linclass)

space <- sprintf("linclass%d", Sys.getpid() %% 10000L)
link <- sprintf("lc%d", Sys.getpid() %% 10000L)
ip <- function(...) system2("ip", strsplit(sprintf(...), " ")[[1L]], stdout = FALSE, stderr = FALSE) == 0L
usable <- nzchar(Sys.which("ip")) && ip("netns add %s", space)
if (!usable) {
  cat("no link was cut: network namespaces need root and iproute2\n")
  quit(status = 0L)
}
far <- paste0(link, "f")
here <- "10.77.31.1"
there <- "10.77.31.2"
stopifnot(ip("link add %s type veth peer name %s", link, far), ip("link set %s netns %s", far, space),
          ip("addr add %s/24 dev %s", here, link), ip("link set %s up", link),
          ip("-n %s addr add %s/24 dev %s", space, there, far), ip("-n %s link set %s up", space, far))

folder <- tempfile("links")
dir.create(folder)
i <- seq_len(6000L)
rows <- data.frame(a = sin(1.3 * i), b = cos(2.1 * i), c = sin(0.37 * i^1.1))
rows$y <- factor(ifelse(rows$a + rows$b + 3 * sin(5.1 * i) > 0, "late", "ok"))
files <- file.path(folder, sprintf("%d.rds", 1:6))
invisible(Map(saveRDS, split(rows, rep(1:6, each = 1000L)), files))

# A shell that takes the place of ssh: the command runs in the namespace, whatever host is named.
shell <- file.path(folder, "in-space")
writeLines(c("#!/bin/sh", "while [ \"$1\" = -l ]; do shift 2; done", "shift",
             sprintf("exec ip netns exec %s sh -c \"$*\"", space)), shell)
Sys.chmod(shell, "755")

start_workers <- function() {
  near <- parallel::makePSOCKcluster(1L)
  away <- parallel::makePSOCKcluster(there, rshcmd = shell, master = here, homogeneous = TRUE)
  both <- list(near, away)
  for (one in both) parallel::clusterCall(one, .libPaths, .libPaths())
  both
}
end_workers <- function(workers, pid) {
  try(parallel::stopCluster(workers[[1L]]), silent = TRUE)
  tools::pskill(pid, tools::SIGKILL) # it may wait for a link that is no more
  try(close(workers[[2L]][[1L]]$con), silent = TRUE)
}
model <- function(data) linclass(y ~ a + b + c, data, control = linclass_control(trace = FALSE))
later <- function(...) system2("sh", c("-c", shQuote(sprintf(...))), wait = FALSE, stderr = FALSE)

workers <- start_workers()
pid <- parallel::clusterCall(workers[[2L]], Sys.getpid)[[1L]]
reference <- coef(model(suppressWarnings(row_shards(workers, files, readRDS))))
outcome <- c(finished = 0L, reloaded = 0L)
for (cut in seq_len(cuts)) {
  shards <- suppressWarnings(row_shards(workers, files, readRDS, timeout = 3))
  back <- cut %% 3L == 0L # within the time that an answer has
  later("sleep %.3f; ip link set %s down%s", runif(1L, 0, 0.3), link,
        if (back) sprintf("; sleep 0.5; ip link set %s up", link) else "")
  ends <- Sys.time() + 0.6
  lost <- FALSE
  repeat {
    found <- withCallingHandlers(coef(model(shards)), linclass_warning_worker_lost = function(w) {
      lost <<- TRUE
      invokeRestart("muffleWarning")
    })
    if (!identical(found, reference)) {
      cat("cut", cut, ": other coefficients\n")
      quit(status = 1L)
    }
    if (Sys.time() > ends) break
  }
  outcome[[if (lost) "reloaded" else "finished"]] <- outcome[[if (lost) "reloaded" else "finished"]] + 1L
  stopifnot(back || lost)
  stopifnot(ip("link set %s up", link))
  if (lost) {
    end_workers(workers, pid)
    workers <- start_workers()
    pid <- parallel::clusterCall(workers[[2L]], Sys.getpid)[[1L]]
  }
}
end_workers(workers, pid)
invisible(ip("netns del %s", space))
cat(sprintf(paste("%d links cut: %d fits went on when the link was back, %d when another worker had loaded its rows;",
                  "all with the bits of the undisturbed fit\n"), cuts, outcome[["finished"]], outcome[["reloaded"]]))
