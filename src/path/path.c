/* path/path.c - the lambdas, the choice of the engine, and what is kept of each solution; see path/path.h. */
#include "path/path.h"

#include <math.h>
#include <string.h>

#include "path/folds.h"

/* By working sets: where an L1 part holds slopes at 0 and the loss has second derivatives, unless another solver was
 * asked for. any: the penalty at some lambda > 0. */
static int has_working_sets(const lc_problem *problem, const lc_penalty *any) {
  int other = problem->solver && problem->solver != lc_solver_find("coordinate");
  return !other && lc_penalty_has_l1(any) && (problem->loss->flags & LC_SMOOTH) &&
         (problem->loss->flags & LC_CURVATURE) && (problem->x->ops->caps & LC_COLUMNS);
}

static double lambda_at(const lc_path_spec *spec, double lambda_max, lc_index l) {
  if (spec->lambdas) return spec->lambdas[l];
  double share = spec->nlambdas > 1 ? (double)l / (double)(spec->nlambdas - 1) : 0;
  return lambda_max * pow(spec->min_ratio, share);
}

/* Nonzero coefficients of one score column. */
static lc_status keep_column(const lc_member *member, lc_index q, int c, lc_path_point *point, lc_arena *arena) {
  const double *B = member->B + c * q;
  lc_index count = 0;
  for (lc_index j = 0; j < q; j++) count += B[j] != 0;
  point->row[c] = lc_arena_alloc(arena, count, sizeof **point->row);
  point->value[c] = lc_arena_doubles(arena, count);
  if (!point->row[c] || !point->value[c]) return LC_OUT_OF_MEMORY;
  point->count[c] = count;
  for (lc_index j = 0, v = 0; j < q; j++)
    if (B[j] != 0) {
      point->row[c][v] = j;
      point->value[c][v++] = B[j];
    }
  return LC_OK;
}

static lc_index count_features(const lc_member *member, lc_index q, int one, int K) {
  lc_index count = 0;
  for (lc_index j = one; j < q; j++) {
    int any = 0;
    for (int c = 0; c < K; c++) any |= member->B[c * q + j] != 0;
    count += any;
  }
  return count;
}

static lc_status keep_point(const lc_run *run, double lambda, lc_path_point *point) {
  const lc_design *x = run->problem->x;
  const lc_member *member = run->member;
  lc_index q = lc_design_q(x), folds = run->nmembers - 1;
  int K = run->link.K;
  lc_arena *arena = run->arena;
  point->count = lc_arena_alloc(arena, K, sizeof *point->count);
  point->row = lc_arena_alloc(arena, K, sizeof *point->row);
  point->value = lc_arena_alloc(arena, K, sizeof *point->value);
  point->fold_relative = lc_arena_doubles(arena, folds);
  point->fold_nonzero = lc_arena_alloc(arena, folds, sizeof *point->fold_nonzero);
  if (!point->count || !point->row || !point->value || !point->fold_relative || !point->fold_nonzero)
    return LC_OUT_OF_MEMORY;
  for (int c = 0; c < K; c++) LC_TRY(keep_column(member, q, c, point, arena));
  point->lambda = lambda;
  point->objective = member->objective;
  point->loss = member->loss;
  point->gap = member->gap;
  point->relative = member->relative;
  point->kkt = member->kkt;
  point->iterations = member->steps;
  point->passes = member->passes;
  point->met = member->met;
  point->folds_missed = 0;
  point->nonzero = count_features(member, q, x->one, K);
  for (lc_index f = 0; f < folds; f++) {
    point->folds_missed += !member[1 + f].met;
    point->fold_relative[f] = member[1 + f].relative;
    point->fold_nonzero[f] = count_features(member + 1 + f, q, x->one, K);
  }
  return LC_OK;
}

/* Scores of the rows that each fold left out, for lambda number l. */
static void keep_scores(const lc_run *run, lc_index l) {
  const lc_path_spec *spec = run->spec;
  lc_index n = run->problem->x->n, K = run->link.K;
  for (lc_index m = 1; spec->scores && m < run->nmembers; m++) {
    lc_index repeat = (m - 1) / spec->nfolds;
    int fold = (int)((m - 1) % spec->nfolds) + 1;
    const int *holdout = spec->holdout + repeat * n;
    double *out = spec->scores + (repeat * spec->nlambdas + l) * n * K;
    for (lc_index c = 0; c < K; c++)
      for (lc_index i = 0; i < n; i++)
        if (holdout[i] == fold) out[i + c * n] = run->member[m].Z[i + c * n];
  }
}

static lc_status run_lambdas(lc_run *run, int sets, lc_path *out) {
  const lc_path_spec *spec = run->spec;
  LC_TRY(lc_members_start(run, &out->lambda_max));
  out->weight_sum = run->member->obj.weight_sum;
  LC_TRY(lc_members_null_loss(run, &out->null_loss));
  if (!spec->lambdas && out->lambda_max == 0) return LC_OK; /* no sequence */
  for (lc_index l = 0; l < spec->nlambdas; l++) {
    double lambda = lambda_at(spec, out->lambda_max, l);
    LC_TRY(sets && lambda > 0 ? lc_members_advance(run, lambda) : lc_members_solve(run, lambda));
    LC_TRY(keep_point(run, lambda, out->point + l));
    keep_scores(run, l);
    out->length = l + 1;
    lc_info info = {(double)l + 1, NAN, run->member->objective, run->member->kkt, NAN};
    LC_TRY(lc_record(run->host, &info));
  }
  return LC_OK;
}

lc_status lc_path_run(lc_problem *problem, const lc_path_spec *spec, const lc_settings *settings, const lc_host *host,
                      lc_arena *arena, lc_path *out) {
  lc_run run = {.problem = problem, .spec = spec, .settings = settings, .host = host, .arena = arena};
  memset(out, 0, sizeof *out);
  LC_TRY(lc_link_make(problem->loss, problem->k, problem->reference, &run.link));
  lc_penalty any = problem->pen;
  any.lambda = 1;
  int sets = has_working_sets(problem, &any);
  problem->pen.grouped = lc_penalty_has_groups(&any, run.link.K);
  if (problem->pen.grouped && lc_penalty_has_bounds(&problem->pen)) return LC_UNSUPPORTED;
  out->K = run.link.K;
  out->point = lc_arena_alloc(arena, spec->nlambdas, sizeof *out->point);
  if (!out->point) return LC_OUT_OF_MEMORY;
  out->status = run_lambdas(&run, sets, out);
  int whole = !sets || lambda_at(spec, out->lambda_max, 0) == 0; /* fits from the first on */
  out->separated = run.separated;
  out->solver = whole ? run.solver : lc_solver_find("coordinate");
  out->reason = whole ? run.reason : "an L1 penalty";
  return out->status;
}
