/* solver/lbfgs.c - limited-memory BFGS on a metric (hessian/metric.h) that it chooses while it runs: an arrow from the
 * start, and where progress is slow a Kronecker model of a sample of rows. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "hessian/metric.h"
#include "solver/solver.h"
#include "linalg/lbfgs_pairs.h"

enum { TRIAL = 4 }; /* steps after which the arrow is judged */

typedef struct lbfgs_work {
  lc_index P;
  lc_lbfgs_pairs pairs;
  lc_metric metric;
  double *g, *d, *trial; /* gradient at `at`; direction; trial point */
  double since, before;  /* steps since the metric was judged; the bound of F - F* then */
  double trial_steps;    /* until it is judged again */
  int cut;               /* the line search cut a step since the metric changed */
} lbfgs_work;

/* Pairs that are kept: 20 while they take little memory beside the data. */
static int pairs_kept(const lc_objective *obj, const lc_settings *settings) {
  enum { LEAST = 5, MOST = 20, MOST_NUMBERS = 1 << 22 };
  if (!isnan(settings->memory)) return (int)settings->memory;
  return (int)lc_max(LEAST, lc_min(MOST, MOST_NUMBERS / obj->P));
}

static lc_status allocate(lc_objective *obj, int memory, lbfgs_work *work) {
  lc_arena *arena = obj->arena;
  work->P = obj->P;
  LC_TRY(lc_lbfgs_pairs_allocate(obj->P, memory, &work->pairs, arena));
  LC_TRY(lc_metric_bound(obj, &work->metric));
  work->g = lc_arena_doubles(arena, obj->P);
  work->d = lc_arena_doubles(arena, obj->P);
  work->trial = lc_arena_doubles(arena, obj->P);
  work->since = 0;
  work->before = NAN;
  work->trial_steps = TRIAL;
  work->cut = 0;
  return work->g && work->d && work->trial ? LC_OK : LC_OUT_OF_MEMORY;
}

/* A bound of F - F* where every slope has an L2 part (strong convexity; intercepts by their curvature), else an
 * estimate by the metric. */
static double suboptimality(const lc_objective *obj, const lbfgs_work *work, double slope) {
  if (!lc_penalty_all_l2(obj->pen)) return -0.5 * slope;
  double sum = lc_penalty_strong_bound(obj->pen, obj->K, work->g);
  for (int c = 0; obj->pen->intercept && c < obj->K; c++) {
    double g = work->g[c * obj->q];
    sum += 2 * g * g / lc_coding_bound(obj->loss, &obj->coding);
  }
  return sum;
}

/* Losses of symmetric scores do not change where all classes of a column move alike: its L2 part alone asks for such a
 * move, by what they have in common. What the metric makes of rounding there, where it may be as good as flat, would
 * carry coefficients of huge columns to where they lose the digits in which classes differ. */
static void set_common_move(const lc_objective *obj, double *d) {
  lc_index q = obj->q, intercept = obj->pen->intercept;
  const double *B = obj->at.B;
  if (!lc_coding_symmetric(&obj->coding)) return;
  for (lc_index j = 0; j < q; j++) {
    int pulled = j >= intercept && lc_penalty_l2(obj->pen, j - intercept) > 0;
    double sum = 0;
    for (int c = 0; c < obj->K; c++) sum += d[j + c * q] + (pulled ? B[j + c * q] : 0);
    for (int c = 0; c < obj->K; c++) d[j + c * q] -= sum / obj->K;
  }
}

/* d = -(metric with pairs) g; returns g'd. A model of sampled second derivatives has the right size until a step had to
 * be cut (weights grow where a far point had next to none); the arrow leaves its size to the latest pair. */
static double direction(const lc_objective *obj, lbfgs_work *work) {
  int scaled = !work->metric.ready || work->cut;
  lc_lbfgs_pairs_direction(&work->pairs, work->g, lc_metric_solve, &work->metric, scaled, work->d);
  set_common_move(obj, work->d);
  return lc_dot(work->P, work->g, work->d);
}

/* Steps to the goal at the rate of the steps since the last judgement, which shrank the bound from `before` to `now`.
 */
static double steps_left(const lbfgs_work *work, double now, double goal) {
  double rate = log(work->before / now) / work->since;
  return rate > 0 ? log(now / goal) / rate : INFINITY;
}

/* How far the metric is from the curvature that the pairs saw: the range of log(y'M^-1 y / s'y), 0 when it is right up
 * to its size. */
static double misfit(lbfgs_work *work, lc_metric *metric) {
  double low = INFINITY, high = -INFINITY;
  for (int k = 0; k < work->pairs.count; k++) {
    const double *y = work->pairs.Y + k * work->P;
    memcpy(work->trial, y, (size_t)work->P * sizeof(double));
    lc_metric_solve(metric, work->trial);
    double ratio = log(lc_dot(work->P, y, work->trial) * work->pairs.rho[k]);
    low = fmin(low, ratio);
    high = fmax(high, ratio);
  }
  return high - low;
}

/* The arrow at this point, if it fits what the pairs saw better than the one there is. (Measured, passes without and
 * with it: a rare class 191 and 71, unbalanced classes 233 and 168, text 117 and 110; squared hinge 90 and 108.) */
static lc_status refresh_arrow(lc_objective *obj, lbfgs_work *work) {
  lc_metric next;
  LC_TRY(lc_metric_bound(obj, &next));
  LC_TRY(lc_metric_refresh(obj, &next));
  if (!(misfit(work, &next) < misfit(work, &work->metric))) return LC_OK;
  work->metric = next;
  work->pairs.count = 0;
  return LC_OK;
}

/* After TRIAL steps, and after twice, four times, ... as many: a better metric where that pays. */
static lc_status judge_metric(lc_objective *obj, lbfgs_work *work, double goal, double *slope) {
  double now = suboptimality(obj, work, *slope);
  if (isnan(work->before)) work->before = now;
  if (work->since < work->trial_steps || work->metric.ready) return LC_OK;
  double left = steps_left(work, now, goal);
  work->since = 0;
  work->trial_steps *= 2;
  work->before = now;
  lc_status status = LC_OK;
  if (left > lc_metric_cost(obj, work->metric.rows) + TRIAL) {
    status = lc_metric_build(obj, obj->at.B, &work->metric);
    work->pairs.count = work->cut = 0;
    if (status == LC_UNSUPPORTED) status = LC_OK;
  } else if (left > 3 * TRIAL) {
    status = refresh_arrow(obj, work);
  }
  if (status == LC_OK) *slope = direction(obj, work);
  return status;
}

static lc_status run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  lbfgs_work work;
  LC_TRY(allocate(obj, pairs_kept(obj, settings), &work));
  double most = isnan(settings->max_iter) ? 10000 : settings->max_iter, t = NAN;
  int restarted;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_GRADIENT, &restarted));
  memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, work.g);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, t));
    double slope = direction(obj, &work);
    /* An estimate is trusted only far below the tolerance; a bound is a bound. */
    double goal = settings->tolerance * (lc_penalty_all_l2(obj->pen) ? 0.5 : 1e-4) * lc_objective_scale(obj);
    report->evaluated = 1;
    memcpy(obj->G, work.g, (size_t)obj->P * sizeof(double)); /* an evaluated trial may have been refused */
    if (!(suboptimality(obj, &work, slope) > goal)) return LC_OK;
    if (report->iterations >= most) return LC_MAX_ITER;
    report->evaluated = 0; /* G is that of a trial, or of a pass that was stopped */
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
    work.cut |= t < 1;
    lc_lbfgs_pairs_keep(&work.pairs, obj->at.B, obj->to.B, work.g, obj->G);
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
    {"memory", offsetof(lc_settings, memory), NAN, 1, 100, 1,
     "pairs of steps and gradient changes that are kept; NA: 20, fewer where there are millions of coefficients"},
};

const lc_solver lc_solver_lbfgs = {"lbfgs",
                                   "limited-memory BFGS with second derivatives of a sample of rows where they pay",
                                   LC_NEEDS_SMOOTH | LC_SEES_MEANS,
                                   fields,
                                   (int)(sizeof fields / sizeof fields[0]),
                                   lbfgs_run};
