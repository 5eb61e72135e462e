/* solver_lbfgs.c - limited-memory BFGS (Nocedal and Wright, Numerical Optimization, algorithm 7.4) with a
 * diagonal first metric 1 / (bend rms_j^2 + l2_j), so that badly scaled columns cost nothing. */
#include <math.h>
#include <string.h>

#include "linalg.h"
#include "solver.h"

typedef struct lbfgs_work {
  lc_index P;
  int memory, pairs, next;     /* pairs kept; place of the next one */
  double *S, *Y, *rho, *alpha; /* P x memory steps and gradient changes; 1 / s'y */
  double *D, *g, *d, *trial;   /* metric; gradient at `at`; direction; trial point */
} lbfgs_work;

static lc_status allocate(lc_objective *obj, int memory, lbfgs_work *work) {
  lc_arena *arena = obj->arena;
  lc_index P = obj->P;
  memset(work, 0, sizeof *work);
  work->P = P;
  work->memory = memory;
  work->S = lc_arena_doubles(arena, P * memory);
  work->Y = lc_arena_doubles(arena, P * memory);
  work->rho = lc_arena_doubles(arena, memory);
  work->alpha = lc_arena_doubles(arena, memory);
  work->D = lc_arena_doubles(arena, P);
  work->g = lc_arena_doubles(arena, P);
  work->d = lc_arena_doubles(arena, P);
  work->trial = lc_arena_doubles(arena, P);
  return work->S && work->Y && work->rho && work->alpha && work->D && work->g && work->d && work->trial
             ? LC_OK
             : LC_OUT_OF_MEMORY;
}

static void set_metric(const lc_objective *obj, double *D) {
  double bend = lc_link_bound(obj->loss, &obj->link);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++) {
      lc_index feature = j - obj->pen->one;
      double rms = feature < 0 || !obj->rms || !(obj->rms[feature] > 0) ? 1 : obj->rms[feature];
      D[c * obj->q + j] = 1 / (bend * rms * rms + (feature < 0 ? 0 : lc_penalty_l2(obj->pen, feature)));
    }
}

/* d = -(metric) g by the two loops. */
static void direction(lbfgs_work *work) {
  lc_index P = work->P;
  double *d = work->d, gamma = 1;
  for (lc_index i = 0; i < P; i++) d[i] = -work->g[i];
  for (int k = 1; k <= work->pairs; k++) {
    int at = (work->next - k + work->memory) % work->memory;
    const double *s = work->S + at * P, *y = work->Y + at * P;
    work->alpha[at] = work->rho[at] * lc_dot(P, s, d);
    for (lc_index i = 0; i < P; i++) d[i] -= work->alpha[at] * y[i];
  }
  if (work->pairs > 0) {
    int last = (work->next - 1 + work->memory) % work->memory;
    double yDy = 0;
    for (lc_index i = 0; i < P; i++) yDy += work->D[i] * work->Y[last * P + i] * work->Y[last * P + i];
    gamma = 1 / (work->rho[last] * yDy);
  }
  for (lc_index i = 0; i < P; i++) d[i] *= gamma * work->D[i];
  for (int k = work->pairs; k >= 1; k--) {
    int at = (work->next - k + work->memory) % work->memory;
    const double *s = work->S + at * P, *y = work->Y + at * P;
    double beta = work->rho[at] * lc_dot(P, y, d);
    for (lc_index i = 0; i < P; i++) d[i] += (work->alpha[at] - beta) * s[i];
  }
}

/* Keeps the pair of the step from B to `at` unless its curvature is lost in rounding. */
static void keep_pair(lbfgs_work *work, const double *from, const double *to, const double *gradient) {
  lc_index P = work->P;
  double *s = work->S + work->next * P, *y = work->Y + work->next * P;
  for (lc_index i = 0; i < P; i++) {
    s[i] = to[i] - from[i];
    y[i] = gradient[i] - work->g[i];
  }
  double sy = lc_dot(P, s, y);
  memcpy(work->g, gradient, (size_t)P * sizeof(double));
  if (!(sy > 1e-10 * sqrt(lc_dot(P, s, s)) * sqrt(lc_dot(P, y, y)))) return;
  work->rho[work->next] = 1 / sy;
  work->next = (work->next + 1) % work->memory;
  if (work->pairs < work->memory) work->pairs++;
}

/* A bound of F - F* where every slope has an L2 part (strong convexity; intercepts by their curvature), else an
 * estimate by the metric. */
static double suboptimality(const lc_objective *obj, const lbfgs_work *work, double slope) {
  if (!lc_penalty_all_l2(obj->pen)) return -0.5 * slope;
  double sum = lc_penalty_strong_bound(obj->pen, obj->K, work->g);
  for (int c = 0; obj->pen->one && c < obj->K; c++) {
    double g = work->g[c * obj->q];
    sum += 2 * g * g * work->D[c * obj->q];
  }
  return sum;
}

static lc_status lbfgs_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  lbfgs_work work;
  LC_TRY(allocate(obj, (int)settings->memory, &work));
  set_metric(obj, work.D);
  double most = isnan(settings->max_iter) ? 10000 : settings->max_iter, t = NAN;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  if (!isfinite(obj->at.value)) return LC_NONFINITE;
  memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, work.g);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, t));
    direction(&work);
    double slope = lc_dot(obj->P, work.g, work.d);
    /* An estimate is trusted only far below the tolerance; a bound is a bound. */
    double goal = settings->tolerance * (lc_penalty_all_l2(obj->pen) ? 0.5 : 1e-4);
    if (!(suboptimality(obj, &work, slope) > goal * lc_objective_scale(obj))) return LC_OK;
    if (report->iterations >= most) return LC_MAX_ITER;
    for (lc_index i = 0; i < obj->P; i++) work.trial[i] = obj->at.B[i] + work.d[i];
    LC_TRY(lc_objective_eval(obj, work.trial, LC_WANT_GRADIENT));
    LC_TRY(lc_line_search(obj, slope, obj->to.value, &t));
    if (t == 0) {
      if (work.pairs == 0) return LC_STALLED;
      work.pairs = 0; /* a bad metric, perhaps: start it afresh */
      continue;
    }
    if (t < 1) {
      for (lc_index i = 0; i < obj->P; i++) work.trial[i] = obj->at.B[i] + t * work.d[i];
      LC_TRY(lc_objective_eval(obj, work.trial, LC_WANT_GRADIENT));
    }
    keep_pair(&work, obj->at.B, obj->to.B, obj->G);
    lc_objective_accept(obj);
  }
}

static const lc_field fields[] = {
    {"memory", offsetof(lc_settings, memory), 10, 1, 100, 1, "pairs of steps and gradient changes that are kept"},
};

const lc_solver lc_solver_lbfgs = {"lbfgs", "limited-memory BFGS with a diagonal metric", LC_NEEDS_SMOOTH,
                                   fields,  (int)(sizeof fields / sizeof fields[0]),      lbfgs_run};
