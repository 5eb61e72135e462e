/* path/folds.c - the fits of a path: their hosts, their data, their start. */
#include "path/folds.h"

#include <math.h>
#include <string.h>

#include "fit/scaling.h"
#include "threads/threads.h"

/* ---- folds as hosts: quiet, on any thread -------------------------------------------------------------- */

static void *fold_more(void *self, size_t bytes) {
  const lc_fold *fold = self;
  const lc_host *host = fold->path->host;
  lc_lock();
  void *piece = host->more(host->self, bytes);
  lc_unlock();
  return piece;
}

/* Only the main thread asks the real host; the others see what it found. */
static lc_status fold_poll(void *self) {
  lc_path_state *path = ((lc_fold *)self)->path;
  lc_status status = lc_is_helper() ? LC_OK : lc_poll(path->host);
  lc_lock();
  if (status != LC_OK) path->stopped = status;
  status = path->stopped;
  lc_unlock();
  return status;
}

/* ---- folds side by side -------------------------------------------------------------------------------- */

typedef struct fold_work {
  lc_path_state *path;
  lc_fold_task task;
  void *context;
} fold_work;

static void run_some(void *context, lc_index from, lc_index to) {
  const fold_work *work = context;
  for (lc_fold *fold = work->path->fold + from; fold < work->path->fold + to; fold++)
    fold->status = fold->pending ? work->task(work->context, fold) : LC_OK;
}

lc_status lc_folds_each(lc_path_state *path, lc_fold_task task, void *context) {
  /* Ten looks at the scores of each fold, and more where sets are large. */
  double seconds = 1e-7 * (double)path->problem->x->n * path->coding.K * (double)path->nfits;
  fold_work work = {path, task, context};
  int streamed = (path->problem->x->ops->caps & LC_STREAMED) != 0; /* only the main thread reads */
  LC_TRY(lc_poll(path->host));
  lc_parallel(streamed ? 1 : lc_threads_for(path->host, seconds), path->nfits, 1, run_some, &work);
  for (lc_index m = 0; m < path->nfits; m++) LC_TRY(path->fold[m].status);
  return LC_OK;
}

void lc_fold_seen_gradient(const lc_fold *fold, lc_index f, double *g) {
  const lc_screen *screen = &fold->screen;
  for (int c = 0; c < fold->obj.K; c++) g[c] = screen->dots[f + c * screen->p] / fold->obj.weight_sum;
}

void lc_fold_list_support(lc_fold *fold) {
  lc_index P = lc_design_q(fold->path->problem->x) * fold->path->coding.K;
  fold->nsupport = 0;
  for (lc_index i = 0; i < P; i++)
    if (fold->B[i] != 0) fold->support[fold->nsupport++] = i;
}

/* ---- their data --------------------------------------------------------------------------------------- */

/* Weights of the rows outside fold f of a repeat; equal rows that are joined may lie in several folds. */
static const double *fold_weights(lc_path_state *path, const int *holdout, int fold) {
  const lc_obs *rows = path->given;
  double *w = lc_arena_zeros(path->arena, path->problem->obs->n);
  for (lc_index i = 0; w && i < rows->n; i++)
    if (holdout[i] != fold) w[path->row_of ? path->row_of[i] : i] += lc_obs_weight(rows, i);
  return w;
}

static lc_status make_folds(lc_path_state *path) {
  const lc_path_spec *spec = path->spec;
  const lc_design *x = path->problem->x;
  int folds = spec->holdout ? spec->nfolds : 0;
  lc_index fits = 1 + (lc_index)folds * spec->nrepeats;
  path->nfits = fits;
  path->fold = lc_arena_alloc(path->arena, fits, sizeof *path->fold);
  if (!path->fold) return LC_OUT_OF_MEMORY;
  memset(path->fold, 0, (size_t)fits * sizeof *path->fold);
  for (lc_index m = 0; m < fits; m++) {
    lc_fold *fold = path->fold + m;
    fold->path = path;
    fold->number = m;
    fold->goal.relax = 1;
    fold->host = (lc_host){.self = fold, .more = fold_more, .poll = fold_poll, .threads = path->host->threads};
    lc_arena_init(&fold->arena, &fold->host);
    fold->x = *x;
    fold->obs = *path->problem->obs;
    if (m > 0) {
      fold->obs.w = fold_weights(path, spec->holdout + (m - 1) / folds * path->given->n, (int)((m - 1) % folds) + 1);
      if (!fold->obs.w) return LC_OUT_OF_MEMORY;
    }
    fold->given = path->problem->pen;
    fold->spread = path->problem->spread;
    fold->B = lc_arena_zeros(&fold->arena, lc_design_q(x) * path->coding.K);
    fold->support = lc_arena_alloc(&fold->arena, lc_design_q(x) * path->coding.K, sizeof *fold->support);
    if (!fold->B || !fold->support) return LC_OUT_OF_MEMORY;
  }
  return LC_OK;
}

/* Does the penalty count columns as standardised? */
static int is_standardised(const lc_problem *problem) {
  for (lc_index j = 0; problem->spread && j < problem->x->p; j++)
    if (problem->spread[j] != 1) return 1;
  return 0;
}

/* Standard deviations of the rows of the folds of one repeat, whose weights are given. One read of X for all. */
static lc_status spread_of_folds(lc_path_state *path, lc_fold *first, int folds) {
  const lc_problem *problem = path->problem;
  const lc_design *x = problem->x;
  lc_index n = x->n, q = lc_design_q(x);
  double *spread = lc_arena_doubles(path->arena, x->p * folds);
  lc_mark mark = lc_arena_mark(path->arena);
  double *S = lc_arena_doubles(path->arena, n * folds), *sum = lc_arena_doubles(path->arena, 2 * q * folds);
  if (!spread || !S || !sum) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++)
    for (int f = 0; f < folds; f++) S[f + i * folds] = first[f].obs.w[i];
  lc_status status = lc_design_moments(x, folds, S, path->host, path->arena, sum, sum + q * folds);
  for (int f = 0; status == LC_OK && f < folds; f++) {
    double total = 0;
    for (lc_index i = 0; i < n; i++) total += first[f].obs.w[i];
    for (lc_index j = 0; j < x->p; j++) {
      lc_index at = f * q + x->intercept + j;
      double unit = x->scale ? x->scale[j] : 1, mean = sum[at] / total, square = sum[q * folds + at] / total;
      double variance = square - mean * mean, noise = 1e-14 * square; /* a constant column has rounding errors only */
      int standardised = problem->spread[j] == problem->sd[j] && variance > noise;
      spread[f * x->p + j] = standardised ? sqrt(variance) / unit : 1;
    }
    first[f].spread = spread + f * x->p;
  }
  lc_arena_reset(path->arena, mark);
  return status;
}

/* ---- their start -------------------------------------------------------------------------------------- */

static int is_unpenalised(const lc_penalty *pen, lc_index f) { return f < 0 || pen->l1[f] + pen->l2[f] == 0; }
static int excludes_zero(const lc_penalty *pen, lc_index f) { return f >= 0 && lc_penalty_clip_slope(pen, f, 0) != 0; }

/* Columns as shown are the same for all; the penalty follows each fold's spread. */
static lc_status bind(lc_path_state *path, lc_fold *fold) {
  const lc_design *x = path->problem->x;
  fold->pen = fold->given;
  LC_TRY(lc_scale_penalty(x, fold->spread, &fold->pen, &fold->arena));
  LC_TRY(lc_objective_init(&fold->obj, &fold->x, &fold->obs, path->problem->loss, &path->coding, &fold->pen, 1,
                           &fold->arena));
  fold->obj.mean = path->mean;
  fold->obj.rms = path->rms;
  return LC_OK;
}

/* What no lambda > 0 changes. */
static void summarise_penalty(lc_fold *fold) {
  const lc_penalty *pen = &fold->pen;
  double least = INFINITY;
  for (lc_index f = 0; f < pen->p; f++)
    if (pen->l1[f] > 0) least = fmin(least, pen->l1[f] / lc_objective_rms(&fold->obj, f));
  fold->least_l1 = isinf(least) ? 1 : least;
  fold->pen.lambda = 1;
  fold->has_free = lc_penalty_has_free(pen);
}

/* Coefficients that are in the set from the start: intercepts and slopes that no lambda holds at 0. */
static lc_status choose_first(lc_fold *fold, int (*which)(const lc_penalty *, lc_index)) {
  const lc_objective *obj = &fold->obj;
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++)
      if (which(&fold->pen, j - obj->pen->intercept)) LC_TRY(lc_set_add(&fold->solver.set, c * obj->q + j));
  return LC_OK;
}

/* `at` <- coefficients 0, or as near to it as the bounds allow. */
static lc_status go_to_zero(lc_fold *fold) {
  lc_objective *obj = &fold->obj;
  lc_penalty_clip(&fold->pen, obj->K, obj->at.B);
  int zero = 1;
  for (lc_index i = 0; i < obj->P && zero; i++) zero = obj->at.B[i] == 0;
  if (!zero) {
    LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_VALUE));
    lc_objective_accept(obj);
    return LC_OK;
  }
  lc_index n = obj->x->n * obj->K;
  for (lc_index i = 0; i < n; i++) obj->at.Z[i] = obj->obs->offset ? obj->obs->offset[i] : 0;
  LC_TRY(lc_objective_move(obj, 0, NULL, NULL, fold->solver.step.R));
  lc_objective_accept(obj);
  return LC_OK;
}

static lc_status start_fold(lc_path_state *path, lc_fold *fold) {
  lc_index n = path->problem->x->n;
  int K = path->coding.K;
  LC_TRY(bind(path, fold));
  summarise_penalty(fold);
  LC_TRY(lc_set_solver_init(&fold->solver, &fold->obj, LC_SET_MOST));
  fold->class_factor = lc_arena_doubles(&fold->arena, path->coding.k);
  fold->balanced = path->residuals + fold->number * n * K;
  fold->over_roots = lc_arena_doubles(&fold->arena, fold->obs.w ? n * K : 0);
  fold->gradient = lc_arena_doubles(&fold->arena, K);
  if (!fold->class_factor || !fold->over_roots || !fold->gradient) return LC_OUT_OF_MEMORY;
  LC_TRY(go_to_zero(fold));
  LC_TRY(lc_step_start(&fold->solver.step));
  fold->pen.lambda = 0;
  LC_TRY(choose_first(fold, is_unpenalised));
  lc_status status = lc_newton_solve(&fold->solver.newton, 1e-12, 100);
  if (status != LC_OK && status != LC_MAX_ITER) return status;
  return choose_first(fold, excludes_zero);
}

/* Snapshots of residuals may take a quarter of what the columns take, and at least a few. */
static int most_snapshots(const lc_design *x, int K) {
  double most = 0.25 * x->ops->cells(x) / ((double)x->n * K);
  return most < 4 ? 4 : most > LC_MOST_SNAPSHOTS ? LC_MOST_SNAPSHOTS : (int)most;
}

lc_status lc_folds_start(lc_path_state *path) {
  const lc_problem *problem = path->problem;
  lc_index n = problem->x->n, p = problem->x->p;
  if (problem->loss->flags & LC_SMOOTHABLE) path->coding.mu = 1; /* a smooth version, for the start alone */
  lc_scaling scaling;
  lc_problem penalised = *problem;
  penalised.pen.lambda = 1; /* scales that suit any */
  LC_TRY(lc_scale_columns(&penalised, 1, 0, &scaling, &path->mean, &path->rms, path->arena));
  path->x = lc_design_scaled(&path->x, scaling);
  LC_TRY(make_folds(path));
  int folds = path->spec->holdout && is_standardised(problem) ? path->spec->nfolds : 0;
  for (int r = 0; folds > 0 && r < path->spec->nrepeats; r++)
    LC_TRY(spread_of_folds(path, path->fold + 1 + (lc_index)r * folds, folds));
  lc_index wide = path->coding.K * path->nfits;
  path->norm = lc_arena_doubles(path->arena, p);
  path->residuals = lc_arena_doubles(path->arena, n * wide);
  if (!path->norm || !path->residuals) return LC_OUT_OF_MEMORY;
  for (lc_index m = 0; m < path->nfits; m++) {
    lc_fold *fold = path->fold + m;
    LC_TRY(start_fold(path, fold));
    LC_TRY(lc_screen_init(&fold->screen, n, p, path->coding.K, most_snapshots(problem->x, path->coding.K), path->norm,
                          &fold->arena));
  }
  double rows = path->fold->obj.weight_sum;
  for (lc_index j = 0; j < p; j++) {
    double size =
        problem->x->intercept ? problem->sd[j] * (problem->x->scale ? problem->x->scale[j] : 1) : path->rms[j];
    path->norm[j] = sqrt(rows) * size * (1 + 1e-12);
  }
  path->lambda = path->previous = INFINITY;
  return LC_OK;
}
