# Runs rows of the race: Rscript bench/run.R [--size s] [row ...]   (default: all). See bench/README.md.
# With "--memory row contender" it is the fresh process in which one contender's memory is measured.
bench_folder <- dirname(normalizePath(sub("^--file=", "", grep("^--file=", commandArgs(),
                                                               value = TRUE))))
for (file in c("harness.R", "rows.R", "rows-paths.R", "rows-margins.R")) {
  source(file.path(bench_folder, file))
}
usual_gap <- 1e-6 # of a peer that counts, where the row says nothing else
rounds <- 5
slow <- 20 # seconds: a peer that takes longer is timed once

times <- list() # row -> seconds of each contender, for the plot
summary_lines <- NULL # a line for each row, for the table in front of all

gap_of_row <- function(row) if (is.null(row$gap)) usual_gap else row$gap

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

# How far the held-out losses of peers are from ours; see `curve` in rows.R.
curve_lines <- function(row, fit, tried) {
  if (is.null(row$curve)) return(NULL)
  ours <- row$curve(fit)
  unlist(lapply(names(tried), function(peer) lapply(names(tried[[peer]]), function(setting) {
    curve <- tried[[peer]][[setting]]$curve
    if (length(curve) == length(ours)) {
      sprintf("Held-out losses of %s (%s) differ from ours by %.1e of themselves at most.", peer, setting,
              max(abs(curve / ours - 1)))
    }
  })))
}

# Our contenders, then the default of each peer and its first setting that is near enough to the best (else
# the nearest).
line_up <- function(row, fit, data) {
  ours <- function(run, fit) {
    list(run = run, seconds = NA_real_, objective = row$objective(row$ours_coef(fit, data), data))
  }
  entries <- list(linclass = ours(row$ours, fit))
  if (!is.null(row$alone)) entries[["linclass (1 thread)"]] <- ours(row$alone, row$alone(data))
  present <- vapply(row$peers, function(peer) requireNamespace(peer$package, quietly = TRUE), NA)
  tuned <- tune_peers(row$peers[present], data, row$objective,
                      Reduce(pmin, lapply(entries, `[[`, "objective")), gap_of_row(row))
  largest_gap <- gap_of_row(row)
  gap_of <- function(entry) worst_gap(entry$objective, tuned$best)
  remarks <- sprintf("%s is not installed: left out.", names(row$peers)[!present])
  for (peer in names(tuned$tried)) {
    tried <- tuned$tried[[peer]]
    failures <- unlist(lapply(tried, `[[`, "failure"))
    if (length(failures)) {
      remarks <- c(remarks, sprintf("%s (%s) failed: %s", peer, names(failures), failures))
    }
    gaps <- vapply(tried, gap_of, 0)
    shown <- unique(c(1L, if (any(gaps <= largest_gap)) which(gaps <= largest_gap)[1] else which.min(gaps)))
    for (setting in setdiff(names(tried)[shown], names(failures))) {
      entries[[paste0(peer, " (", setting, ")")]] <- c(tried[[setting]], peer = peer)
    }
  }
  list(entries = entries, gaps = vapply(entries, gap_of, 0),
       remarks = c(remarks, curve_lines(row, fit, tuned$tried)))
}

# The fastest peer that comes near enough; NULL: none does.
best_peer <- function(row, entries, gaps, ratio) {
  peers <- names(entries)[!vapply(entries, function(entry) is.null(entry$peer), NA)]
  counted <- peers[gaps[peers] <= gap_of_row(row)]
  if (length(counted)) counted[which.min(ratio[counted])]
}

target_of <- function(row, entry) {
  own <- row$peers[[entry$peer]]$target
  if (is.null(own)) row$target else own
}

summary_head <- c(
  paste("| row | threads | linclass, s | one thread, s | best peer that counts | its s | ratio | target | floor, s |",
        "passes | times floor | memory, MB (of x) | memory of the peer, MB |"),
  paste0("|", strrep("---|", 13)))

# One line of the table in front of all rows.
summary_line <- function(id, row, entries, gaps, seconds, growth, x_bytes, threads, floor, passes) {
  ours <- seconds[["linclass"]]
  best <- best_peer(row, entries, gaps, seconds)
  number <- function(x, format = "%.4g") if (length(x) && !is.na(x)) sprintf(format, x) else "-"
  sprintf("| %s | %d | %.4g | %s | %s | %s | %s | %s | %s | %g | %s | %s (%s) | %s |", id, as.integer(threads), ours,
          number(unname(seconds["linclass (1 thread)"])), if (is.null(best)) "none" else best,
          number(if (!is.null(best)) seconds[[best]]), number(if (!is.null(best)) seconds[[best]] / ours, "%.1f"),
          number(if (!is.null(best)) target_of(row, entries[[best]])), number(floor * passes), passes,
          number(ours / (floor * passes), "%.1f"), number(growth[["linclass"]] / 1e6, "%.0f"),
          number(100 * growth[["linclass"]] / x_bytes, "%.0f %%"),
          number(if (!is.null(best)) growth[[best]] / 1e6, "%.0f"))
}

verdict <- function(row, entries, gaps, ratio) {
  peers <- names(entries)[!vapply(entries, function(entry) is.null(entry$peer), NA)]
  best <- best_peer(row, entries, gaps, ratio)
  if (!length(peers)) return("No peer ran.")
  if (is.null(best)) {
    nearest <- peers[which.min(gaps[peers])]
    return(sprintf("No peer reached the gap; the nearest is %s with %.1e, %.1f times our time.", nearest,
                   gaps[[nearest]], ratio[[nearest]]))
  }
  sprintf("Best peer: %s, %.1f times our time; target %g.", best, ratio[[best]], target_of(row, entries[[best]]))
}

run_row <- function(id) {
  row <- rows[[id]]
  if (!is.null(row$package) && !requireNamespace(row$package, quietly = TRUE)) {
    return(sprintf("## %s: left out, its data need the package %s", id, row$package))
  }
  data <- row$data(size)
  fit <- row$ours(data)
  entered <- line_up(row, fit, data)
  entries <- entered$entries
  gaps <- entered$gaps

  # What took long is not run again.
  known <- vapply(entries, `[[`, 0, "seconds")
  known <- known[!is.na(known) & known > slow]
  seconds <- race(lapply(entries, `[[`, "run"), data, rounds, known)[names(entries)]
  ratio <- seconds / seconds[["linclass"]]
  x <- row$x(data)
  x_bytes <- 8 * length(x)
  growth <- vapply(names(entries), function(name) {
    if (name %in% names(known)) NA_real_ else memory_growth(id, name, size)
  }, 0)
  threads <- max(1, linclass::linclass_threads(), na.rm = TRUE)
  floor <- read_floor(x, threads)

  table <- c(
    "| contender | seconds | times ours | relative gap | counts | peak memory grows by |",
    "|---|---|---|---|---|---|",
    sprintf("| %s | %.4g | %.1f | %.1e | %s | %s |", names(entries), seconds, ratio, gaps,
            ifelse(gaps <= gap_of_row(row), "yes", "no"),
            ifelse(is.na(growth), "not known",
                   sprintf("%.0f MB (%.0f %% of x)", growth / 1e6, 100 * growth / x_bytes))))
  about <- describe_fit(fit)
  times[[id]] <<- seconds
  summary_lines <<- c(summary_lines, summary_line(id, row, entries, gaps, seconds, growth, x_bytes, threads, floor,
                                                  about$passes))
  c(sprintf("## %s: %s%s", id, row$title, if (size < 1) sprintf(", at size %g only", size) else ""), "",
    table, "", verdict(row, entries, gaps, ratio), "",
    sprintf(paste("Floor: one read of x (%.0f MB) takes %.4g s at %.1f GB/s with %d thread(s); our fit",
                  "made %g passes, so the floor is %.4g s and we took %.1f times that."),
            x_bytes / 1e6, floor, x_bytes / floor / 1e9, threads, about$passes, about$passes * floor,
            seconds[["linclass"]] / (about$passes * floor)),
    about$line,
    if (gap_of_row(row) != usual_gap) sprintf("A peer counts here with a relative gap of at most %g.", gap_of_row(row)),
    sprintf("%d rounds in turns, medians%s.", rounds,
            if (length(known)) paste("; timed once:", toString(names(known))) else ""),
    if (length(entered$remarks)) c("", entered$remarks))
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
  report_growth(fun, row$data(size), row$data(size = 0.01))
}

asked <- read_arguments()
size <- asked$size
args <- asked$names
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
  # The BLAS in use names the file, so that runs with several stand side by side. A smaller race tries a row out; its
  # results are not kept.
  folder <- file.path(bench_folder, "results")
  blas <- sub("^lib(blas|openblas)[^/]*$", "\\1", basename(utils::sessionInfo()$BLAS))
  name <- paste0(if (length(args)) paste(wanted, collapse = "-") else "all", "-", blas)
  head <- c(describe_machine(packages), paste("Date:", Sys.Date()), "")
  parts <- NULL
  for (id in wanted) {
    # A row that fails ends itself, and what was raced is kept after every row.
    lines <- tryCatch(run_row(id), error = function(e) sprintf("## %s failed: %s", id, conditionMessage(e)))
    parts <- c(parts, lines, "")
    report <- c(head, if (length(summary_lines)) c(summary_head, summary_lines, ""), parts)
    if (size < 1) next
    dir.create(folder, showWarnings = FALSE)
    writeLines(report, file.path(folder, paste0(name, ".md")))
  }
  writeLines(report)
  if (size == 1 && length(times)) plot_times(file.path(folder, paste0(name, ".png")))
}
