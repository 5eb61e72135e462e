/* path/by_fits.c - one lambda for all folds by whole fits, each started at the last. */
#include <math.h>
#include <string.h>

#include "path/folds.h"

/* What makes passes over X faster serves all fits. */
lc_status lc_folds_show_plain(lc_path_state *path) {
  const double passes = 10; /* of a fit, at least */
  lc_design *x = &path->plain;
  if (x->ops) return LC_OK;
  *x = lc_design_scaled(path->problem->x, (lc_scaling){NULL, NULL}); /* each fit chooses */
  double all = passes * (double)path->spec->nlambdas * (double)path->nfits;
  return x->ops->prepare ? x->ops->prepare(x, path->coding.K, all, path->arena) : LC_OK;
}

static lc_status no_block(void *context, const lc_block *block, double *sum) {
  (void)context;
  (void)block;
  (void)sum;
  return LC_OK;
}

/* Scores at fold->B, where each class had a fit of its own. */
static lc_status score_rows(const lc_problem *problem, lc_fold *fold) {
  lc_pass pass = {.K = problem->k, .obs = problem->obs, .B = fold->B, .Z = fold->own_Z, .block = no_block};
  fold->outcome.passes++;
  return problem->x->ops->pass(problem->x, &pass, &fold->host, &fold->arena);
}

/* Which dual points are feasible does not depend on lambda: that of a solution starts the next fit. */
static void keep_dual(lc_fold *fold, const lc_solution *solution, lc_index size) {
  const double *R = solution->fitted ? solution->fitted->dual : NULL;
  fold->has_dual = fold->dual && R;
  if (fold->has_dual) memcpy(fold->dual, R, (size_t)size * sizeof(double));
}

/* Scores, and where there may be a dual point, its memory. */
static lc_status allocate(const lc_problem *problem, lc_fold *fold, lc_index size) {
  int ramps = (problem->loss->flags & (LC_RAMPS | LC_LARGEST_RAMP)) && problem->x->ops->row_columns;
  if (!fold->own_Z && !(fold->own_Z = lc_arena_doubles(&fold->arena, size))) return LC_OUT_OF_MEMORY;
  if (ramps && !fold->dual && !(fold->dual = lc_arena_doubles(&fold->arena, size))) return LC_OUT_OF_MEMORY;
  fold->Z = fold->own_Z;
  return LC_OK;
}

static lc_status solve_fold(lc_path_state *path, lc_fold *fold, double lambda) {
  const lc_design *x = &path->plain;
  lc_index n = x->n;
  int K = path->coding.K;
  lc_problem problem = *path->problem;
  lc_solution solution;
  problem.x = x;
  problem.obs = &fold->obs;
  problem.pen = fold->given;
  problem.pen.lambda = lambda;
  problem.spread = fold->spread;
  problem.wants_covariance = 0;
  /* Without a penalty many points may be optimal; from 0 it is the one that a single fit finds. */
  if (isfinite(path->lambda) && lambda > 0) problem.start = fold->B;
  LC_TRY(allocate(&problem, fold, n * K));
  lc_settings settings = *path->settings;
  settings.dual = fold->has_dual ? fold->dual : NULL;
  lc_outcome *outcome = &fold->outcome;
  lc_mark mark = lc_arena_mark(&fold->arena);
  lc_status status = lc_solve(&problem, &settings, &fold->host, &fold->arena, &solution);
  if (status >= 0 && status != LC_INTERRUPTED) { /* of an interrupted fit there may be nothing */
    if (fold == path->fold) path->separated |= status == LC_SEPARATED;
    memcpy(fold->B, solution.B, (size_t)(lc_design_q(x) * K) * sizeof(double));
    lc_fold_list_support(fold);
    keep_dual(fold, &solution, n * K);
    if (!solution.fitted) {
      lc_status scored = score_rows(&problem, fold);
      if (scored != LC_OK) return scored;
    } else if (solution.fitted->at.Z) {
      memcpy(fold->own_Z, solution.fitted->at.Z, (size_t)(n * K) * sizeof(double));
    }
    int has_gap = solution.certificate.kind == LC_GAP || solution.certificate.kind == LC_DECREMENT;
    *outcome = (lc_outcome){.objective = solution.objective,
                            .loss = solution.loss,
                            .gap = has_gap ? solution.certificate.gap : NAN,
                            .relative = has_gap ? solution.certificate.relative : NAN,
                            .kkt = solution.certificate.kkt,
                            .iterations = solution.report.iterations,
                            .passes = outcome->passes + solution.passes,
                            .met = solution.met};
    path->solver = solution.solver;
    path->reason = solution.reason;
  }
  lc_arena_reset(&fold->arena, mark);
  return status == LC_INTERRUPTED || status == LC_TIME_LIMIT || status < 0 ? status : LC_OK;
}

lc_status lc_folds_solve(lc_path_state *path, double lambda) {
  LC_TRY(lc_folds_show_plain(path));
  for (lc_index m = 0; m < path->nfits; m++) LC_TRY(solve_fold(path, path->fold + m, lambda));
  path->lambda = lambda;
  return LC_OK;
}
