# Cross-validation over the workers of a cluster: each gets the rows once and fits the paths of some folds.

# As engine_path(problem, holdout). The path of all rows comes first and says which lambdas there are.
engine_folds <- function(problem, holdout, cluster) {
  if (is_elsewhere(problem$design$x)) abort("source", "Folds over a cluster need the rows in memory, to send them.")
  result <- engine_path(problem)
  problem$lambdas <- result$lambda
  folds <- max(holdout)
  shares <- share_folds(folds, ncol(holdout), length(join_clusters(cluster)))
  workers <- new_shards(cluster, length(shares), Inf, "reload", NULL)
  on.exit(drop_shards(workers))
  own <- function(s) lapply(shares[[s]], function(part) match(holdout[, part$r], part$folds, 0L))
  found <- tryCatch(ask_shards(workers, "folds", path_task(problem), own), interrupt = function(e) signal_interrupt())
  n <- nrow(problem$design$x)
  done <- min(unlist(lapply(found, function(parts) vapply(parts, `[[`, 1, "done"))))
  points <- seq_len(done)
  result$scores <- array(0, c(n, length(result$coefficients), done, ncol(holdout)))
  result$fold_relative <- result$fold_nonzero <- matrix(0, done, folds * ncol(holdout))
  result$folds_missed <- 0
  for (s in seq_along(shares)) {
    for (k in seq_along(shares[[s]])) {
      share <- shares[[s]][[k]]
      part <- found[[s]][[k]]
      rows <- which(holdout[, share$r] %in% share$folds)
      at <- (share$r - 1L) * folds + share$folds
      result$scores[rows, , , share$r] <- part$scores[, , points, drop = FALSE]
      result$fold_relative[, at] <- part$fold_relative[points, ]
      result$fold_nonzero[, at] <- part$fold_nonzero[points, ]
      result$folds_missed <- result$folds_missed + part$folds_missed
    }
  }
  storage.mode(result$fold_nonzero) <- "integer"
  if (done < length(result$lambda)) {
    abort("control", "The time limit ended the paths of the folds before that of all rows.")
  }
  result
}

# For each worker a list of list(r, folds): the folds of all repeats in consecutive shares.
share_folds <- function(folds, repeats, workers) {
  all <- seq_len(folds * repeats)
  lapply(unname(split(all, sort(rep_len(seq_len(min(workers, length(all))), length(all))))), function(some) {
    r <- (some - 1L) %/% folds + 1L
    lapply(unique(r), function(one) list(r = one, folds = (some[r == one] - 1L) %% folds + 1L))
  })
}

# On a worker: the paths of the folds of each column of `holdout`, with 0 for rows that no fold here leaves out.
paths_of_folds <- function(task, holdout) {
  lapply(holdout, function(fold) {
    result <- call_path(task, matrix(fold))
    if (is.null(result$coefficients) || !length(result$lambda)) {
      abort("control", paste("There is no path:", result$text))
    }
    scores <- fold_scores(result, length(fold), length(task$spec$lambdas))
    kept <- scores[fold > 0L, , , 1L, drop = FALSE]
    list(scores = array(kept, dim(kept)[1:3]), fold_relative = result$fold_relative, fold_nonzero = result$fold_nonzero,
         folds_missed = result$folds_missed, done = length(result$lambda))
  })
}
