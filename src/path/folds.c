/* path/folds.c - members of a path: their data, their start. */
#include "path/folds.h"

#include <math.h>
#include <string.h>
#ifdef _OPENMP
#include <omp.h>
#endif

/* ---- members as hosts: quiet, on any thread ------------------------------------------------------------------------
 */

static void *member_more(void *self, size_t bytes) {
  lc_member *member = self;
  void *piece;
#ifdef _OPENMP
#pragma omp critical(lc_member_more)
#endif
  piece = member->run->host->more(member->run->host->self, bytes);
  return piece;
}

static int on_main_thread(void) {
#ifdef _OPENMP
  return omp_get_thread_num() == 0;
#else
  return 1;
#endif
}

/* Only the main thread asks the real host; the others see what it found. */
static lc_status member_poll(void *self) {
  lc_member *member = self;
  if (on_main_thread()) {
    lc_status status = lc_poll(member->run->host);
    if (status != LC_OK) member->run->stopped = status;
  }
  return member->run->stopped;
}

/* ---- their data
 * ------------------------------------------------------------------------------------------------------- */

/* Weights of the rows outside fold f of a repeat. */
static const double *fold_weights(lc_run *run, const int *holdout, int fold) {
  const lc_design *x = run->problem->x;
  double *w = lc_arena_doubles(run->arena, x->n);
  for (lc_index i = 0; w && i < x->n; i++) w[i] = holdout[i] == fold ? 0 : x->w ? x->w[i] : 1;
  return w;
}

static lc_status make_members(lc_run *run) {
  const lc_path_spec *spec = run->spec;
  lc_design *x = run->problem->x;
  int folds = spec->holdout ? spec->nfolds : 0;
  run->nmembers = 1 + (lc_index)folds * spec->nrepeats;
  run->member = lc_arena_alloc(run->arena, run->nmembers, sizeof *run->member);
  if (!run->member) return LC_OUT_OF_MEMORY;
  memset(run->member, 0, (size_t)run->nmembers * sizeof *run->member);
  for (lc_index m = 0; m < run->nmembers; m++) {
    lc_member *member = run->member + m;
    member->run = run;
    member->ease = 1;
    /* Several members share the threads among them. */
    int threads = run->nmembers > 1 ? 1 : run->host->threads;
    member->host = (lc_host){.self = member, .more = member_more, .poll = member_poll, .threads = threads};
    lc_arena_init(&member->arena, &member->host);
    member->x = *x;
    if (m > 0) {
      member->x.w = fold_weights(run, spec->holdout + (m - 1) / folds * x->n, (int)((m - 1) % folds) + 1);
      if (!member->x.w) return LC_OUT_OF_MEMORY;
    }
    member->given = run->problem->pen;
    member->spread = run->problem->spread;
    member->B = lc_arena_zeros(&member->arena, lc_design_q(x) * run->link.K);
    if (!member->B) return LC_OUT_OF_MEMORY;
  }
  return LC_OK;
}

/* Does the penalty count columns as standardised? */
static int is_standardised(const lc_problem *problem) {
  for (lc_index j = 0; problem->spread && j < problem->x->p; j++)
    if (problem->spread[j] != 1) return 1;
  return 0;
}

/* Standard deviations of the rows of the members of one repeat, whose weights are given. One read of X for all. */
static lc_status spread_of_folds(lc_run *run, lc_member *first, int folds) {
  const lc_problem *problem = run->problem;
  const lc_design *x = problem->x;
  lc_index n = x->n, q = lc_design_q(x);
  double *spread = lc_arena_doubles(run->arena, x->p * folds);
  lc_mark mark = lc_arena_mark(run->arena);
  double *S = lc_arena_doubles(run->arena, n * folds), *sum = lc_arena_doubles(run->arena, 2 * q * folds);
  if (!spread || !S || !sum) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++)
    for (int f = 0; f < folds; f++) S[f + i * folds] = first[f].x.w[i];
  lc_status status = lc_design_moments(x, folds, S, run->host->threads, sum, sum + q * folds);
  for (int f = 0; status == LC_OK && f < folds; f++) {
    double total = 0;
    for (lc_index i = 0; i < n; i++) total += first[f].x.w[i];
    for (lc_index j = 0; j < x->p; j++) {
      lc_index at = f * q + x->one + j;
      double unit = x->scale ? x->scale[j] : 1, mean = sum[at] / total, square = sum[q * folds + at] / total;
      double variance = square - mean * mean, noise = 1e-14 * square; /* a constant column has rounding errors only */
      int standardised = problem->spread[j] == problem->sd[j] && variance > noise;
      spread[f * x->p + j] = standardised ? sqrt(variance) / unit : 1;
    }
    first[f].spread = spread + f * x->p;
  }
  lc_arena_reset(run->arena, mark);
  return status;
}

/* ---- their start
 * ---------------------------------------------------------------------------------------------------------- */

static int is_unpenalised(const lc_penalty *pen, lc_index f) { return f < 0 || pen->l1[f] + pen->l2[f] == 0; }
static int excludes_zero(const lc_penalty *pen, lc_index f) {
  return f >= 0 && pen->lower && (pen->lower[f] > 0 || pen->upper[f] < 0);
}

/* Columns as shown are the same for all; the penalty follows each member's spread. */
static lc_status bind(lc_run *run, lc_member *member) {
  const lc_design *x = run->problem->x;
  member->pen = member->given;
  LC_TRY(lc_shown_penalty(x, member->spread, &member->pen, &member->arena));
  member->x.shift = x->shift;
  member->x.scale = x->scale;
  LC_TRY(lc_objective_init(&member->obj, &member->x, run->problem->loss, &run->link, &member->pen, 1, &member->host,
                           &member->arena));
  member->obj.mean = run->mean;
  member->obj.rms = run->rms;
  return LC_OK;
}

/* Places in the set from the start: intercepts and slopes that no lambda holds at 0. */
static lc_status choose_first(lc_member *member, int (*which)(const lc_penalty *, lc_index)) {
  const lc_objective *obj = &member->obj;
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++)
      if (which(&member->pen, j - obj->pen->one)) LC_TRY(lc_set_add(&member->set.set, c * obj->q + j));
  return LC_OK;
}

/* `at` <- coefficients 0, or as near to it as the bounds allow. */
static lc_status go_to_zero(lc_member *member) {
  lc_objective *obj = &member->obj;
  lc_penalty_clip(&member->pen, obj->K, obj->at.B);
  int zero = 1;
  for (lc_index i = 0; i < obj->P && zero; i++) zero = obj->at.B[i] == 0;
  if (!zero) {
    LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_VALUE));
    lc_objective_accept(obj);
    return LC_OK;
  }
  lc_index n = obj->x->n * obj->K;
  for (lc_index i = 0; i < n; i++) obj->at.Z[i] = obj->x->off ? obj->x->off[i] : 0;
  LC_TRY(lc_objective_move(obj, 0, NULL, NULL, member->set.step.R));
  lc_objective_accept(obj);
  return LC_OK;
}

static lc_status start_member(lc_run *run, lc_member *member) {
  lc_index n = run->problem->x->n;
  int K = run->link.K;
  LC_TRY(bind(run, member));
  LC_TRY(lc_set_solver_init(&member->set, &member->obj, LC_SET_MOST));
  member->s = lc_arena_doubles(&member->arena, run->link.k);
  member->balanced = run->residuals + (member - run->member) * n * K;
  member->relative_weight = lc_arena_doubles(&member->arena, member->x.w ? n * K : 0);
  member->gradient = lc_arena_doubles(&member->arena, K);
  if (!member->s || !member->relative_weight || !member->gradient) return LC_OUT_OF_MEMORY;
  LC_TRY(go_to_zero(member));
  LC_TRY(lc_step_start(&member->set.step));
  member->pen.lambda = 0;
  LC_TRY(choose_first(member, is_unpenalised));
  lc_status status = lc_newton_solve(&member->set.newton, 1e-12, 100);
  if (status != LC_OK && status != LC_MAX_ITER) return status;
  return choose_first(member, excludes_zero);
}

/* Snapshots of residuals may take a quarter of what the columns take, and at least a few. */
static int most_snapshots(const lc_design *x, int K) {
  double cells = x->start ? 1.5 * (double)x->entries : (double)x->n * (double)x->p;
  double most = 0.25 * cells / ((double)x->n * K);
  return most < 4 ? 4 : most > LC_MOST_SNAPSHOTS ? LC_MOST_SNAPSHOTS : (int)most;
}

/* The pull of a group that may leave 0 in its direction. */
static double free_pull(const lc_penalty *pen, lc_index j, lc_index width, const double *g, lc_index ldg) {
  if (pen->lower && *g > 0 && pen->lower[j] >= 0) return 0;
  if (pen->upper && *g < 0 && pen->upper[j] <= 0) return 0;
  return lc_penalty_norm(width, g, ldg);
}

/* The smallest lambda for which all penalised slopes of member 0 are 0. Where alpha is (nearly) 0 there is none; then
 * that of alpha = 0.001 is taken, as glmnet does. One read of X. */
static lc_status largest_lambda(lc_run *run, double *lambda_max) {
  const double least_alpha = 1e-3, rounding = 1e-14;
  lc_member *member = run->member;
  lc_objective *obj = &member->obj;
  const lc_penalty *pen = &member->pen, *given = &member->given;
  *lambda_max = 0;
  LC_TRY(lc_objective_gradient(obj));
  lc_index width = lc_penalty_width(pen, obj->K);
  for (lc_index c = 0; c < obj->K; c += width)
    for (lc_index j = 0; j < pen->p; j++) {
      double factor = given->l1[j] + given->l2[j];
      if (factor == 0) continue;
      double unit = given->l1[j] > 0 ? pen->l1[j] / given->l1[j] : sqrt(pen->l2[j] / given->l2[j]);
      double l1 = fmax(given->l1[j], least_alpha * factor) * unit;
      double pull = free_pull(pen, j, width, obj->G + c * obj->q + pen->one + j, obj->q);
      if (l1 > 0 && pull > rounding * run->rms[j]) *lambda_max = fmax(*lambda_max, pull / l1);
    }
  return LC_OK;
}

lc_status lc_members_start(lc_run *run, double *lambda_max) {
  lc_problem *problem = run->problem;
  lc_index n = problem->x->n, p = problem->x->p;
  if (!(problem->loss->flags & LC_SMOOTH)) run->link.mu = 1; /* a smooth version, for the start alone */
  LC_TRY(lc_show_columns(problem, 1, 0, &run->mean, &run->rms, run->arena));
  LC_TRY(make_members(run));
  int folds = run->spec->holdout && is_standardised(problem) ? run->spec->nfolds : 0;
  for (int r = 0; folds > 0 && r < run->spec->nrepeats; r++)
    LC_TRY(spread_of_folds(run, run->member + 1 + (lc_index)r * folds, folds));
  lc_index wide = run->link.K * run->nmembers;
  run->norm = lc_arena_doubles(run->arena, p);
  run->residuals = lc_arena_doubles(run->arena, n * wide);
  run->list = lc_arena_alloc(run->arena, p, sizeof *run->list);
  if (!run->norm || !run->residuals || !run->list) return LC_OUT_OF_MEMORY;
  for (lc_index m = 0; m < run->nmembers; m++) {
    lc_member *member = run->member + m;
    LC_TRY(start_member(run, member));
    LC_TRY(lc_screen_init(&member->screen, n, p, run->link.K, most_snapshots(problem->x, run->link.K), run->norm,
                          &member->arena));
  }
  double rows = run->member->obj.weight_sum;
  for (lc_index j = 0; j < p; j++) {
    double size = problem->x->one ? problem->sd[j] * (problem->x->scale ? problem->x->scale[j] : 1) : run->rms[j];
    run->norm[j] = sqrt(rows) * size * (1 + 1e-12);
  }
  run->lambda = run->previous = INFINITY;
  return largest_lambda(run, lambda_max);
}
