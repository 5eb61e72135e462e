/* solver/scoring.c - Fisher scoring with Jeffreys' penalty (problem/jeffreys.h), and with coefficients that are held.
 *
 * It minimises  mean loss - log det I / (2 W)  (report->jeffreys), or the mean loss alone, over the coefficients that
 * are not held. The determinant is that of the information of all coefficients, held ones among them, as penalised
 * likelihood ratio tests need it (Heinze and Schemper 2002). Information is the metric; pairs of steps and gradient
 * changes (linalg/lbfgs_pairs.h) bring in what the penalty bends beside it, so that convergence is not linear. */
#include <math.h>
#include <string.h>

#include "linalg/lbfgs_pairs.h"
#include "linalg/linalg.h"
#include "problem/jeffreys.h"
#include "solver/solver.h"

enum { PAIRS = 10, MOST_SLOW = 3, ALL = LC_WANT_GRADIENT | LC_WANT_CURVATURE };

typedef struct scoring {
  lc_objective *obj;
  lc_report *report;
  double *H, *scale;               /* information of the mean loss with unit diagonal, as of lc_scaled_hessian() */
  double *U, *F;                   /* its factor; that of the coefficients that are not held (U where none is) */
  unsigned char *skip, *skip_free; /* pivots that these left out */
  double *root, *g, *before, *d, *trial; /* inverse of U; adjusted gradient at `at` and a step ago; direction; point */
  lc_lbfgs_pairs pairs;
  double log_det; /* of the information at the point that was evaluated last */
} scoring;

static lc_status allocate(lc_objective *obj, lc_report *report, scoring *work) {
  lc_arena *arena = obj->arena;
  lc_index P = obj->P;
  work->obj = obj;
  work->report = report;
  LC_TRY(lc_lbfgs_pairs_allocate(P, PAIRS, &work->pairs, arena));
  work->H = lc_arena_doubles(arena, P * P);
  work->U = lc_arena_doubles(arena, P * P);
  work->F = report->held ? lc_arena_doubles(arena, P * P) : work->U;
  work->root = lc_arena_doubles(arena, report->jeffreys ? P * P : 0);
  work->skip = lc_arena_alloc(arena, P, 1);
  work->skip_free = report->held ? lc_arena_alloc(arena, P, 1) : work->skip;
  double *vectors = lc_arena_doubles(arena, 5 * P);
  if (!work->H || !work->U || !work->F || !work->root || !work->skip || !work->skip_free || !vectors)
    return LC_OUT_OF_MEMORY;
  work->scale = vectors;
  work->g = vectors + P;
  work->before = vectors + 2 * P;
  work->d = vectors + 3 * P;
  work->trial = vectors + 4 * P;
  return LC_OK;
}

/* Factors the information at the point of C. Returns the number of pivots at or below the tolerance beyond those of
 * aliased coefficients. */
static lc_index factor(scoring *work, double tolerance) {
  const lc_objective *obj = work->obj;
  lc_index P = obj->P, lost = 0;
  double smallest = 1;
  lc_scaled_hessian(obj, work->report->alias, work->H, work->scale);
  memcpy(work->U, work->H, (size_t)(P * P) * sizeof(double));
  lc_cholesky(obj->host, P, work->U, tolerance, work->skip, &smallest);
  work->log_det = 0;
  for (lc_index i = 0; i < P; i++) {
    int alias = work->report->alias && work->report->alias[i % obj->q];
    lost += work->skip[i] && !alias;
    if (!work->skip[i]) work->log_det += log(obj->weight_sum) + 2 * log(work->U[i * (P + 1)] / work->scale[i]);
  }
  if (isnan(work->report->condition)) work->report->condition = 1 / sqrt(smallest);
  return lost;
}

/* F: the factor of the coefficients that are not held. */
static void factor_free(scoring *work) {
  const lc_objective *obj = work->obj;
  const unsigned char *held = work->report->held;
  lc_index P = obj->P;
  if (!held) return;
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) work->F[i + j * P] = held[i] || held[j] ? 0 : work->H[i + j * P];
  lc_cholesky(obj->host, P, work->F, 1e-14, work->skip_free, NULL);
}

/* to <- B with gradient, curvature and penalised value; infinite where the information is singular. */
static lc_status evaluate(scoring *work, const double *B, double tolerance, lc_index *lost) {
  lc_objective *obj = work->obj;
  LC_TRY(lc_objective_eval(obj, B, ALL));
  *lost = factor(work, tolerance);
  LC_TRY(lc_poll(obj->host));
  if (work->report->jeffreys)
    obj->to.value = *lost > 0 ? INFINITY : obj->to.loss - work->log_det / (2 * obj->weight_sum);
  return LC_OK;
}

/* Columns of root: v_t with sum v_t v_t' = (curvature)^-1, from diag(scale) U^-1. */
static void invert_factor(scoring *work) {
  lc_index P = work->obj->P;
  memset(work->root, 0, (size_t)(P * P) * sizeof(double));
  for (lc_index t = 0; t < P; t++) {
    double *v = work->root + t * P;
    if (work->skip[t]) continue;
    v[t] = 1;
    for (lc_index i = t + 1; i-- > 0;) { /* U v = e_t by columns of U */
      const double *u = work->U + i * P;
      v[i] = work->skip[i] ? 0 : v[i] / u[i];
      for (lc_index j = 0; j < i; j++) v[j] -= u[j] * v[i];
    }
    for (lc_index i = 0; i <= t; i++) v[i] *= work->scale[i];
  }
}

/* g <- the gradient at `at`, where G and the factor are, adjusted, and 0 where coefficients are held. */
static lc_status adjusted_gradient(scoring *work) {
  lc_objective *obj = work->obj;
  memcpy(work->g, obj->G, (size_t)obj->P * sizeof(double));
  if (work->report->jeffreys) {
    invert_factor(work);
    LC_TRY(lc_jeffreys_gradient(obj, work->root, work->g));
  }
  for (lc_index i = 0; work->report->held && i < obj->P; i++)
    if (work->report->held[i]) work->g[i] = 0;
  return LC_OK;
}

static void solve_free(void *context, double *v) {
  const scoring *work = context;
  lc_index P = work->obj->P;
  for (lc_index i = 0; i < P; i++) v[i] *= work->scale[i];
  lc_cholesky_solve(P, work->F, P, work->skip_free, v);
  for (lc_index i = 0; i < P; i++) v[i] *= work->scale[i];
}

/* A pivot at or below this share of its diagonal at the start says that columns may depend on others; later on, that
 * weights vanish. */
static const double suspicious_pivot = 1e-6, lost_pivot = 1e-14;

/* at <- B; or, where the information is singular there or the fit is worse than none, what is held in B and else 0. */
static lc_status start(scoring *work, const double *B) {
  lc_objective *obj = work->obj;
  double tolerance = work->report->alias ? lost_pivot : suspicious_pivot;
  lc_index lost;
  LC_TRY(evaluate(work, B, tolerance, &lost));
  if (lost > 0 || !(obj->to.loss <= obj->null_value)) {
    for (lc_index i = 0; i < obj->P; i++) work->trial[i] = work->report->held && work->report->held[i] ? B[i] : 0;
    LC_TRY(evaluate(work, work->trial, tolerance, &lost));
    if (lost > 0 && !work->report->alias) return LC_RANK;
  }
  lc_objective_accept(obj);
  return isfinite(obj->at.value) ? LC_OK : LC_NONFINITE;
}

static double scale_of(const lc_objective *obj) { return fmax(obj->at.loss, 1e-3 * obj->null_value); }

/* Backtracks along d until the value falls, up to the rounding of a determinant; *t = 0 where it does not. The accepted
 * point is `to`, with its factor. */
static lc_status take_step(scoring *work, double slope, double *t) {
  lc_objective *obj = work->obj;
  const double least = 1e-10, noise = 1e-12 * (fabs(obj->at.value) + obj->at.loss);
  for (*t = 1; *t > least; *t /= 2) {
    lc_index lost;
    for (lc_index i = 0; i < obj->P; i++) work->trial[i] = obj->at.B[i] + *t * work->d[i];
    LC_TRY(evaluate(work, work->trial, lost_pivot, &lost));
    if (obj->to.value <= obj->at.value + 1e-4 * *t * slope + noise) return LC_OK;
  }
  *t = 0;
  return LC_OK;
}

/* What a certificate and the reports read: G adjusted, value and curvature those of `at`. */
static void leave(scoring *work) {
  memcpy(work->obj->G, work->g, (size_t)work->obj->P * sizeof(double));
  work->report->evaluated = work->report->has_curvature = 1;
  work->report->log_det = work->log_det;
}

static lc_status run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  scoring work = {0};
  LC_TRY(allocate(obj, report, &work));
  double most = isnan(settings->max_iter) ? 200 : settings->max_iter, t = NAN;
  int slow = 0;
  LC_TRY(start(&work, B));
  for (report->iterations = 0;; report->iterations++) {
    LC_TRY(adjusted_gradient(&work));
    if (report->iterations > 0) lc_lbfgs_pairs_keep(&work.pairs, obj->to.B, obj->at.B, work.before, work.g);
    factor_free(&work);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, lc_penalty_kkt(obj->pen, obj->K, obj->at.B, work.g), t));
    lc_lbfgs_pairs_direction(&work.pairs, work.g, solve_free, &work, 0, work.d);
    double slope = lc_dot(obj->P, work.g, work.d), last = report->decrement, scale = scale_of(obj);
    report->decrement = -0.5 * slope;
    leave(&work);
    /* Coefficients should carry nine digits, and their error is about the root of that of the objective. */
    if (!(report->decrement > settings->tolerance * settings->tolerance * scale)) return LC_OK;
    int small = report->decrement <= settings->tolerance * scale;
    if (report->iterations >= most) return small ? LC_OK : LC_MAX_ITER;
    /* Near the optimum steps that no longer shrink the decrement are rounding; a single one may be a poor pair. */
    slow = small && report->decrement > 0.25 * last && report->decrement < 1e-13 * scale ? slow + 1 : 0;
    if (slow == MOST_SLOW) return LC_OK;
    memcpy(work.before, work.g, (size_t)obj->P * sizeof(double));
    lc_status status = take_step(&work, slope, &t);
    if (status != LC_OK || t == 0) { /* G and C are those of a trial */
      memcpy(obj->G, work.g, (size_t)obj->P * sizeof(double));
      report->has_curvature = 0;
      return status != LC_OK || small ? status : LC_STALLED;
    }
    lc_objective_accept(obj);
  }
}

const lc_solver lc_solver_scoring = {"scoring",
                                     "Fisher scoring of a penalised likelihood",
                                     LC_NEEDS_SMOOTH | LC_NEEDS_CURVATURE | LC_SEES_MEANS | LC_OWN_OBJECTIVE,
                                     NULL,
                                     0,
                                     run};
