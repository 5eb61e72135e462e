/* solver_lbfgs.c - limited-memory BFGS on a metric (metric.h) that it chooses while it runs: an arrow from the start,
 * and where progress is slow a Kronecker model of a sample of rows. */
#include <math.h>
#include <string.h>

#include "linalg.h"
#include "solver.h"
#include "solver_pairs.h"

enum { TRIAL = 8 }; /* steps after which a metric is judged */

typedef struct lbfgs_work {
  lc_index P;
  lc_pairs pairs;
  lc_metric own, *metric;
  double *g, *d, *trial; /* gradient at `at`; direction; trial point */
  double since, before;  /* steps since the metric changed; the bound of F - F* then */
} lbfgs_work;

static lc_status allocate(lc_objective *obj, int memory, lc_metric *given, lbfgs_work *work) {
  lc_arena *arena = obj->arena;
  work->P = obj->P;
  LC_TRY(lc_pairs_allocate(obj->P, memory, &work->pairs, arena));
  work->metric = given ? given : &work->own;
  if (!given) LC_TRY(lc_metric_bound(obj, &work->own));
  work->g = lc_arena_doubles(arena, obj->P);
  work->d = lc_arena_doubles(arena, obj->P);
  work->trial = lc_arena_doubles(arena, obj->P);
  work->since = 0;
  work->before = NAN;
  return work->g && work->d && work->trial ? LC_OK : LC_OUT_OF_MEMORY;
}

/* A bound of F - F* where every slope has an L2 part (strong convexity; intercepts by their curvature), else an
 * estimate by the metric. */
static double suboptimality(const lc_objective *obj, const lbfgs_work *work, double slope) {
  if (!lc_penalty_all_l2(obj->pen)) return -0.5 * slope;
  double sum = lc_penalty_strong_bound(obj->pen, obj->K, work->g);
  for (int c = 0; obj->pen->one && c < obj->K; c++) {
    double g = work->g[c * obj->q];
    sum += 2 * g * g / lc_link_bound(obj->loss, &obj->link);
  }
  return sum;
}

/* d = -(metric with pairs) g; returns g'd. A model of sampled second derivatives has the right size; the arrow leaves
 * that to the latest pair. */
static double direction(lbfgs_work *work) {
  lc_pairs_direction(&work->pairs, work->g, lc_metric_solve, work->metric, !work->metric->ready, work->d);
  return lc_dot(work->P, work->g, work->d);
}

/* Would a Kronecker model, which costs some passes and about TRIAL steps to take over, save passes? The steps so far
 * shrank the bound from `before` to `now`; the rest of the way will hardly be faster. */
static int model_pays(const lc_objective *obj, const lbfgs_work *work, double now, double goal) {
  double rate = log(work->before / now) / work->since;
  double left = rate > 0 ? log(now / goal) / rate : INFINITY;
  return left > lc_metric_cost(obj) + TRIAL;
}

/* Every TRIAL steps: a better metric where that pays. */
static lc_status judge_metric(lc_objective *obj, lbfgs_work *work, double goal, double *slope) {
  double now = suboptimality(obj, work, *slope);
  if (isnan(work->before)) work->before = now;
  if (work->since < TRIAL) return LC_OK;
  int pays = model_pays(obj, work, now, goal);
  work->since = 0;
  work->before = now;
  if (!pays || work->metric->ready) return LC_OK;
  lc_status status = lc_metric_build(obj, work->metric);
  if (status == LC_UNSUPPORTED) return LC_OK;
  LC_TRY(status);
  work->pairs.count = 0;
  *slope = direction(work);
  return LC_OK;
}

static lc_status run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  lbfgs_work work;
  LC_TRY(allocate(obj, (int)settings->memory, NULL, &work));
  double most = isnan(settings->max_iter) ? 10000 : settings->max_iter, t = NAN;
  int restarted;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_GRADIENT, &restarted));
  memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, work.g);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, t));
    double slope = direction(&work);
    /* An estimate is trusted only far below the tolerance; a bound is a bound. */
    double goal = settings->tolerance * (lc_penalty_all_l2(obj->pen) ? 0.5 : 1e-4) * lc_objective_scale(obj);
    if (!(suboptimality(obj, &work, slope) > goal)) return LC_OK;
    if (report->iterations >= most) return LC_MAX_ITER;
    LC_TRY(judge_metric(obj, &work, goal, &slope));
    for (lc_index i = 0; i < obj->P; i++) work.trial[i] = obj->at.B[i] + work.d[i];
    LC_TRY(lc_objective_eval(obj, work.trial, LC_WANT_GRADIENT));
    LC_TRY(lc_line_search(obj, slope, obj->to.value, &t));
    if (t == 0) {
      if (work.pairs.count == 0) return LC_STALLED;
      work.pairs.count = 0; /* a bad metric, perhaps: start it afresh */
      continue;
    }
    if (t < 1) LC_TRY(lc_objective_shorten(obj, t));
    lc_pairs_keep(&work.pairs, obj->at.B, obj->to.B, work.g, obj->G);
    memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
    lc_objective_accept(obj);
    work.since++;
  }
}

/* Runs of one fit (smooth versions of a kink) share their memory. */
static lc_status lbfgs_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  lc_mark mark = lc_arena_mark(obj->arena);
  lc_status status = run(obj, settings, B, report);
  lc_arena_reset(obj->arena, mark);
  return status;
}

static const lc_field fields[] = {
    {"memory", offsetof(lc_settings, memory), 10, 1, 100, 1, "pairs of steps and gradient changes that are kept"},
};

const lc_solver lc_solver_lbfgs = {"lbfgs",
                                   "limited-memory BFGS with second derivatives of a sample of rows where they pay",
                                   LC_NEEDS_SMOOTH | LC_SEES_MEANS,
                                   fields,
                                   (int)(sizeof fields / sizeof fields[0]),
                                   lbfgs_run};
