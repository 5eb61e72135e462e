/* path/path.c - the lambdas, the choice of the engine, and what is kept of each solution; see path/path.h. */
#include "path/path.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "path/folds.h"

/* By working sets: where an L1 part holds slopes at 0 and the loss has second derivatives, unless another solver was
 * asked for. any: the penalty at some lambda > 0. */
static int has_working_sets(const lc_problem *problem, const lc_penalty *any) {
  int other = problem->ovr || (problem->solver && problem->solver != lc_solver_find("coordinate"));
  return !other && lc_penalty_has_l1(any) && (problem->loss->flags & LC_SMOOTH) &&
         (problem->loss->flags & LC_CURVATURE) && (problem->x->ops->caps & LC_COLUMNS);
}

static double lambda_at(const lc_path_spec *spec, double lambda_max, lc_index l) {
  if (spec->lambdas) return spec->lambdas[l];
  double share = spec->nlambdas > 1 ? (double)l / (double)(spec->nlambdas - 1) : 0;
  return lambda_max * pow(spec->min_ratio, share);
}

/* Nonzero coefficients of one score column; its part of the support, in order. */
static lc_status keep_column(const lc_fold *fold, lc_index q, int c, const lc_index *support, lc_index count,
                             lc_path_point *point, lc_arena *arena) {
  point->row[c] = lc_arena_alloc(arena, count, sizeof **point->row);
  point->value[c] = lc_arena_doubles(arena, count);
  if (!point->row[c] || !point->value[c]) return LC_OUT_OF_MEMORY;
  point->count[c] = count;
  for (lc_index v = 0; v < count; v++) {
    point->row[c][v] = support[v] - c * q;
    point->value[c][v] = fold->B[support[v]];
  }
  return LC_OK;
}

static int index_order(const void *a, const void *b) {
  lc_index x = *(const lc_index *)a, y = *(const lc_index *)b;
  return (x > y) - (x < y);
}

static lc_status keep_columns(const lc_fold *fold, lc_index q, int K, lc_path_point *point, lc_arena *arena) {
  lc_index *support = fold->support, count = fold->nsupport, from = 0;
  if (count > 1) qsort(support, (size_t)count, sizeof *support, index_order);
  for (int c = 0; c < K; c++) {
    lc_index to = from;
    while (to < count && support[to] < (c + 1) * q) to++;
    LC_TRY(keep_column(fold, q, c, support + from, to - from, point, arena));
    from = to;
  }
  return LC_OK;
}

/* A feature counts in the first score column that has it. */
static lc_index count_features(const lc_fold *fold, lc_index q, int intercept) {
  lc_index count = 0;
  for (lc_index v = 0; v < fold->nsupport; v++) {
    lc_index first = fold->support[v] % q;
    if (first < intercept) continue;
    while (fold->B[first] == 0) first += q;
    count += first == fold->support[v];
  }
  return count;
}

/* What there will be of a solution of all folds. */
static lc_status begin_point(const lc_path_state *path, double lambda, lc_path_point *point) {
  lc_index folds = path->nfits - 1;
  int K = path->coding.K;
  lc_arena *arena = path->arena;
  point->lambda = lambda;
  point->folds_missed = 0;
  point->count = lc_arena_alloc(arena, K, sizeof *point->count);
  point->row = lc_arena_alloc(arena, K, sizeof *point->row);
  point->value = lc_arena_alloc(arena, K, sizeof *point->value);
  point->fold_relative = lc_arena_doubles(arena, folds);
  point->fold_nonzero = lc_arena_alloc(arena, folds, sizeof *point->fold_nonzero);
  return point->count && point->row && point->value && point->fold_relative && point->fold_nonzero ? LC_OK
                                                                                                   : LC_OUT_OF_MEMORY;
}

/* Scores of the rows that fold m left out, for lambda number l. */
static void keep_scores(const lc_path_state *path, lc_index m, lc_index l) {
  const lc_path_spec *spec = path->spec;
  lc_index n = path->given->n, distinct = path->problem->x->n, K = path->coding.K;
  if (!spec->scores) return;
  lc_index repeat = (m - 1) / spec->nfolds;
  int left = (int)((m - 1) % spec->nfolds) + 1;
  const int *holdout = spec->holdout + repeat * n;
  double *out = spec->scores + (repeat * spec->nlambdas + l) * n * K;
  for (lc_index c = 0; c < K; c++)
    for (lc_index i = 0; i < n; i++)
      if (holdout[i] == left) out[i + c * n] = path->fold[m].Z[(path->row_of ? path->row_of[i] : i) + c * distinct];
}

/* The part of fold m in point number l. */
static lc_status keep_fold(const lc_path_state *path, lc_index m, lc_index l, lc_path_point *point) {
  const lc_design *x = path->problem->x;
  const lc_fold *fold = path->fold + m;
  lc_index q = lc_design_q(x), nonzero = count_features(fold, q, x->intercept);
  if (m == 0) {
    point->outcome = fold->outcome;
    point->nonzero = nonzero;
    return keep_columns(fold, q, path->coding.K, point, path->arena);
  }
  point->folds_missed += !fold->outcome.met;
  point->fold_relative[m - 1] = fold->outcome.relative;
  point->fold_nonzero[m - 1] = nonzero;
  keep_scores(path, m, l);
  return LC_OK;
}

/* The lambdas, and what is kept of them. */
typedef struct descent {
  lc_path_state *path;
  lc_path *out;
  const double *lambda;
  lc_index first; /* of those that are solved at once */
  lc_index *kept; /* nlambdas: folds whose part is there */
} descent;

/* Points from the first on that are all there may be used: a path that is stopped keeps them. */
static lc_status lengthen(const descent *own) {
  lc_path *out = own->out;
  while (out->length < own->path->spec->nlambdas && own->kept[out->length] == own->path->nfits) {
    const lc_outcome *outcome = &out->point[out->length++].outcome;
    lc_info info = {(double)out->length, NAN, outcome->objective, outcome->kkt, NAN, NAN, NAN};
    LC_TRY(lc_record(own->path->host, &info));
  }
  return LC_OK;
}

static lc_status keep(const descent *own, lc_index m, lc_index l) {
  lc_path_point *point = own->out->point + l;
  if (own->kept[l] == 0) LC_TRY(begin_point(own->path, own->lambda[l], point));
  LC_TRY(keep_fold(own->path, m, l, point));
  own->kept[l]++;
  return LC_OK;
}

static lc_status keep_lane(void *context, lc_index m, lc_index l) {
  const descent *own = context;
  LC_TRY(keep(own, m, own->first + l));
  return own->path->nfits == 1 ? lengthen(own) : LC_OK; /* folds come on any thread */
}

/* From lambda number *l on as far as lanes come; *l goes on. Folds are solved one by one: some fifty lambdas at a
 * time, so that a cross-validation that is stopped has some: those that its last fold has come to, too. */
static lc_status run_lanes(descent *own, lc_index *l, double before) {
  enum { AT_ONCE = 50 };
  const lc_path_spec *spec = own->path->spec;
  lc_index count = spec->nlambdas - *l, stages, solved = 0, asked = 0;
  while (count > 0 && own->lambda[*l + count - 1] <= 0) count--;
  if (!lc_folds_suit_lanes(own->path, before, own->lambda + *l, count)) return LC_OK;
  stages = own->path->nfits == 1 ? 1 : (count + AT_ONCE - 1) / AT_ONCE;
  for (lc_index end = *l + count; *l < end && solved == asked; *l += solved) {
    own->first = *l;
    asked = lc_min((count + stages - 1) / stages, end - *l);
    lc_status status = lc_folds_lanes(own->path, *l > 0 ? fmin(before, own->lambda[*l - 1]) : before,
                                      own->lambda + *l, asked, keep_lane, own, &solved);
    LC_TRY(lengthen(own));
    LC_TRY(status);
  }
  for (lc_index later = *l; later < spec->nlambdas; later++) own->kept[later] = 0;
  return *l < spec->nlambdas ? lc_folds_resume(own->path, *l > 0 ? own->lambda[*l - 1] : before) : LC_OK;
}

static lc_status run_lambdas(lc_path_state *path, int sets, lc_path *out) {
  enum { MOST_RUNS = 2 }; /* of lanes: where they could not end a lambda, they are tried once more beyond it */
  const lc_path_spec *spec = path->spec;
  LC_TRY(lc_folds_start(path));
  out->weight_sum = path->fold->obj.weight_sum;
  LC_TRY(lc_folds_null_model(path, sets, &out->null_loss, &out->lambda_max));
  if (!spec->lambdas && out->lambda_max == 0) return LC_OK; /* no sequence */
  double *lambda = lc_arena_doubles(path->arena, spec->nlambdas);
  descent own = {path, out, lambda, 0, lc_arena_alloc(path->arena, spec->nlambdas, sizeof(lc_index))};
  if (!lambda || !own.kept) return LC_OUT_OF_MEMORY;
  for (lc_index l = 0; l < spec->nlambdas; l++) {
    lambda[l] = lambda_at(spec, out->lambda_max, l);
    own.kept[l] = 0;
  }
  lc_index l = 0;
  for (int runs = 0; l < spec->nlambdas; l++) {
    if (sets && runs++ < MOST_RUNS) {
      LC_TRY(run_lanes(&own, &l, l > 0 ? lambda[l - 1] : fmax(out->lambda_max, lambda[0])));
      if (l == spec->nlambdas) break;
    }
    LC_TRY(sets && lambda[l] > 0 ? lc_folds_advance(path, lambda[l]) : lc_folds_solve(path, lambda[l]));
    for (lc_index m = 0; m < path->nfits; m++) LC_TRY(keep(&own, m, l));
    LC_TRY(lengthen(&own));
  }
  return LC_OK;
}

lc_status lc_path_run(const lc_problem *given, const lc_path_spec *spec, const lc_settings *settings,
                      const lc_host *host, lc_arena *arena, lc_path *out) {
  lc_problem own = *given, *problem = &own;
  lc_unique_rows unique;
  lc_path_state state = {
      .problem = &own, .given = given->obs, .spec = spec, .settings = settings, .host = host, .arena = arena};
  int joined = 0, shuffles = problem->solver && (problem->solver->flags & LC_NEEDS_ROWS);
  memset(out, 0, sizeof *out);
  if (!shuffles) LC_TRY(lc_unique_rows_make(problem->x, problem->obs, &unique, &joined, arena));
  state.x = joined ? unique.design : *given->x;
  own.x = &state.x;
  if (joined) {
    own.obs = &unique.obs;
    state.row_of = unique.row_of;
  }
  LC_TRY(lc_coding_make(problem->loss, problem->k, problem->reference, &state.coding));
  lc_penalty any = problem->pen;
  any.lambda = 1;
  int sets = has_working_sets(problem, &any);
  problem->pen.grouped = lc_penalty_has_groups(&any, state.coding.K);
  if (problem->pen.grouped && lc_penalty_has_bounds(&problem->pen)) return LC_UNSUPPORTED;
  out->K = state.coding.K;
  out->goal = lc_goal_of(problem, settings);
  out->point = lc_arena_alloc(arena, spec->nlambdas, sizeof *out->point);
  if (!out->point) return LC_OUT_OF_MEMORY;
  out->status = run_lambdas(&state, sets, out);
  int whole = !sets || lambda_at(spec, out->lambda_max, 0) == 0; /* fits from the first on */
  out->separated = state.separated;
  out->solver = whole ? state.solver : lc_solver_find("coordinate");
  out->reason = whole ? state.reason : "an L1 penalty";
  return out->status;
}
