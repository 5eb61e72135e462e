# Runs rows of the race: Rscript bench/run.R [row ...]   (default: all). See bench/README.md.
# With "--memory row contender" it is the fresh process in which one contender's memory is measured.
bench_folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(),
                                                               value = TRUE))))
source(file.path(bench_folder, "harness.R"))
source(file.path(bench_folder, "rows.R"))
largest_gap <- 1e-6
rounds <- 5
slow <- 20 # seconds: a peer that takes longer is timed once

times <- list() # row -> seconds of each contender, for the plot

# One panel of bars, logarithmic, a group for each row.
plot_times <- function(file) {
  colours <- c("#0072B2", "#56B4E9", "#E69F00", "#009E73", "#CC79A7", "#D55E00", "#F0E442", "#999999")
  grDevices::png(file, 1000, 60 + 24 * length(unlist(times)), res = 110)
  on.exit(grDevices::dev.off())
  graphics::par(mar = c(4, 16, 1, 4), las = 1)
  bars <- rev(unlist(times))
  names(bars) <- rev(unlist(lapply(names(times), function(id) paste0(id, "  ", names(times[[id]])))))
  fill <- rev(unlist(lapply(times, function(t) colours[seq_along(t)])))
  at <- graphics::barplot(bars, horiz = TRUE, log = "x", xlab = "seconds (logarithmic)", col = fill,
                          border = NA, cex.names = 0.7, xlim = c(min(bars) / 2, 2 * max(bars)))
  graphics::text(bars, at, sprintf(" %.3g", bars), adj = 0, cex = 0.7, xpd = NA)
}

run_row <- function(id) {
  row <- rows[[id]]
  if (!is.null(row$package) && !requireNamespace(row$package, quietly = TRUE)) {
    return(sprintf("## %s: left out, its data need the package %s", id, row$package))
  }
  data <- row$data()
  present <- vapply(row$peers, function(peer) requireNamespace(peer$package, quietly = TRUE), NA)
  lines <- sprintf("%s is not installed: left out", names(row$peers)[!present])
  peers <- row$peers[present]

  fit <- row$ours(data)
  objectives <- c(linclass = row$objective(row$ours_coef(fit, data), data))
  contenders <- list(linclass = row$ours)
  counts <- c(linclass = TRUE)
  if (!is.null(row$alone)) {
    contenders[["linclass (1 thread)"]] <- row$alone
    objectives["linclass (1 thread)"] <- row$objective(row$ours_coef(row$alone(data), data), data)
    counts["linclass (1 thread)"] <- TRUE
  }
  known <- c()
  all_tried <- lapply(peers, tune_peer, data = data, objective = row$objective)
  best <- min(objectives, unlist(lapply(all_tried, function(t) lapply(t, `[[`, "objective"))))
  gap <- function(objective) (objective - best) / abs(best)
  for (peer in names(all_tried)) {
    tried <- all_tried[[peer]]
    good <- vapply(tried, function(t) gap(t$objective) <= largest_gap, NA)
    # The default, and the first setting that is good enough, which may be the default itself.
    shown <- unique(c(1L, if (any(good)) which(good)[1]))
    for (i in shown) {
      name <- paste0(peer, " (", names(tried)[i], ")")
      contenders[[name]] <- tried[[i]]$run
      objectives[name] <- tried[[i]]$objective
      counts[name] <- good[[i]]
      if (tried[[i]]$seconds > slow) known[name] <- tried[[i]]$seconds
    }
  }

  seconds <- race(contenders, data, rounds, known)[names(contenders)]
  x <- row$x(data)
  x_bytes <- 8 * length(x)
  growth <- vapply(names(contenders), function(name) {
    if (name %in% names(known)) NA_real_ else memory_growth(id, name)
  }, 0)
  threads <- max(1, linclass::linclass_threads(), na.rm = TRUE)
  floor <- read_floor(x, threads)
  eligible <- setdiff(names(contenders)[counts], c("linclass", "linclass (1 thread)"))
  best_peer <- eligible[which.min(seconds[eligible])]
  ratio <- seconds / seconds[["linclass"]]

  table <- c(
    "| contender | seconds | times ours | relative gap | counts | peak memory grows by |",
    "|---|---|---|---|---|---|",
    sprintf("| %s | %.4g | %.1f | %.1e | %s | %s |", names(contenders), seconds, ratio,
            gap(objectives), ifelse(counts & gap(objectives) <= largest_gap, "yes", "no"),
            ifelse(is.na(growth), "not known",
                   sprintf("%.0f MB (%.0f %% of x)", growth / 1e6, 100 * growth / x_bytes))))
  verdict <- if (length(best_peer)) {
    sprintf("Best peer: %s, %.1f times our time; target %g.", best_peer, ratio[[best_peer]], row$target)
  } else {
    "No peer reached the gap."
  }
  # A prediction is one pass and has no certificate.
  a_fit <- inherits(fit, "linclass")
  times[[id]] <<- seconds
  passes <- if (a_fit) fit$passes else 1
  c(sprintf("## %s: %s", id, row$title), "", table, "", verdict, "",
    sprintf(paste("Floor: one read of x (%.0f MB) takes %.4g s at %.1f GB/s with %d thread(s); our fit",
                  "made %g passes, so the floor is %.4g s and we took %.1f times that."),
            x_bytes / 1e6, floor, x_bytes / floor / 1e9, threads, passes, passes * floor,
            seconds[["linclass"]] / (passes * floor)),
    if (a_fit) sprintf("Ours: solver %s, status %s, certificate %.1g (%s).", fit$solver, fit$status,
                       fit$certificate$relative, fit$certificate$kind),
    sprintf("%d rounds in turns, medians%s.", rounds,
            if (length(known)) paste("; timed once:", toString(names(known))) else ""),
    if (length(lines)) c("", paste0(lines, ".")))
}

run_memory <- function(id, contender) {
  row <- rows[[id]]
  fun <- row$ours
  if (contender == "linclass (1 thread)") {
    fun <- row$alone
  } else if (contender != "linclass") {
    parts <- regmatches(contender, regexec("^(.*) \\((.*)\\)$", contender))[[1]]
    fun <- row$peers[[parts[2]]]$settings[[parts[3]]]
  }
  report_growth(fun, row$data(), row$data(size = 0.01))
}

args <- commandArgs(TRUE)
if (length(args) == 3 && args[1] == "--memory") {
  run_memory(args[2], args[3])
} else {
  wanted <- if (length(args)) args else names(rows)
  unknown <- setdiff(wanted, names(rows))
  if (length(unknown)) stop("no such row: ", toString(unknown), "; there are ", toString(names(rows)))
  packages <- unique(c("linclass", unlist(lapply(rows[wanted], function(row) {
    vapply(row$peers, `[[`, "", "package")
  }))))
  packages <- packages[vapply(packages, requireNamespace, NA, quietly = TRUE)]
  report <- c(describe_machine(packages), paste("Date:", Sys.Date()), "")
  for (id in wanted) report <- c(report, run_row(id), "")
  writeLines(report)
  folder <- file.path(bench_folder, "results")
  dir.create(folder, showWarnings = FALSE)
  # The BLAS in use names the file, so that runs with several stand side by side.
  blas <- sub("^lib(blas|openblas)[^/]*$", "\\1", basename(utils::sessionInfo()$BLAS))
  name <- paste0(if (length(args)) paste(wanted, collapse = "-") else "all", "-", blas)
  writeLines(report, file.path(folder, paste0(name, ".md")))
  if (length(times)) plot_times(file.path(folder, paste0(name, ".png")))
}
