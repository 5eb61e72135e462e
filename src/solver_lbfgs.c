/* solver_lbfgs.c - limited-memory BFGS with a diagonal first metric 1 / (bend rms_j^2 + l2_j), so that badly scaled
 * columns cost nothing. */
#include <math.h>
#include <string.h>

#include "linalg.h"
#include "solver.h"
#include "solver_pairs.h"

typedef struct lbfgs_work {
  lc_index P;
  lc_pairs pairs;
  double *D, *g, *d, *trial; /* metric; gradient at `at`; direction; trial point */
} lbfgs_work;

static lc_status allocate(lc_objective *obj, int memory, lbfgs_work *work) {
  lc_arena *arena = obj->arena;
  work->P = obj->P;
  LC_TRY(lc_pairs_allocate(obj->P, memory, &work->pairs, arena));
  work->D = lc_arena_doubles(arena, obj->P);
  work->g = lc_arena_doubles(arena, obj->P);
  work->d = lc_arena_doubles(arena, obj->P);
  work->trial = lc_arena_doubles(arena, obj->P);
  return work->D && work->g && work->d && work->trial ? LC_OK : LC_OUT_OF_MEMORY;
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

static void apply_metric(void *context, double *v) {
  const lbfgs_work *work = context;
  for (lc_index i = 0; i < work->P; i++) v[i] *= work->D[i];
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
  int restarted;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_GRADIENT, &restarted));
  memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, work.g);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, t));
    lc_pairs_direction(&work.pairs, work.g, apply_metric, &work, 1, work.d);
    double slope = lc_dot(obj->P, work.g, work.d);
    /* An estimate is trusted only far below the tolerance; a bound is a bound. */
    double goal = settings->tolerance * (lc_penalty_all_l2(obj->pen) ? 0.5 : 1e-4);
    if (!(suboptimality(obj, &work, slope) > goal * lc_objective_scale(obj))) return LC_OK;
    if (report->iterations >= most) return LC_MAX_ITER;
    for (lc_index i = 0; i < obj->P; i++) work.trial[i] = obj->at.B[i] + work.d[i];
    LC_TRY(lc_objective_eval(obj, work.trial, LC_WANT_GRADIENT));
    LC_TRY(lc_line_search(obj, slope, obj->to.value, &t));
    if (t == 0) {
      if (work.pairs.count == 0) return LC_STALLED;
      work.pairs.count = 0; /* a bad metric, perhaps: start it afresh */
      continue;
    }
    if (t < 1) {
      for (lc_index i = 0; i < obj->P; i++) work.trial[i] = obj->at.B[i] + t * work.d[i];
      LC_TRY(lc_objective_eval(obj, work.trial, LC_WANT_GRADIENT));
    }
    lc_pairs_keep(&work.pairs, obj->at.B, obj->to.B, work.g, obj->G);
    memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
    lc_objective_accept(obj);
  }
}

static const lc_field fields[] = {
    {"memory", offsetof(lc_settings, memory), 10, 1, 100, 1, "pairs of steps and gradient changes that are kept"},
};

const lc_solver lc_solver_lbfgs = {"lbfgs", "limited-memory BFGS with a diagonal metric", LC_NEEDS_SMOOTH,
                                   fields,  (int)(sizeof fields / sizeof fields[0]),      lbfgs_run};
