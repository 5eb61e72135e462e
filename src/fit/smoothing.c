/* fit/smoothing.c - see fit/smoothing.h. */
#include "fit/smoothing.h"

#include <math.h>
#include <string.h>

/* A loss with a kink: smooth versions with mu from 1 down (from 0.01 where there is a start), each started at the last,
 * until the gap of the loss itself is met, mu is spent, or the budget is. */
static lc_status follow(lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                        lc_report *report) {
  const double shrink = 0.15, least = 1e-10, few = 12, near = 0.01;
  lc_certificate now = {LC_KKT_ONLY, INFINITY, INFINITY, NAN};
  double iterations = 0, best = INFINITY, best_mu = 1;
  lc_status status = LC_OK;
  int spent = 0;
  int started = 0;
  for (lc_index i = 0; i < obj->P; i++) started |= B[i] != 0;
  for (double mu = started ? near : 1; mu > least && !spent; mu *= shrink) {
    lc_settings inner = lc_settings_rest(settings, iterations);
    obj->coding.mu = mu;
    inner.tolerance = fmax(settings->tolerance, 1e-2 * mu);
    /* Without a penalty separated rows pull for ever at their smooth loss, though the hinge has long let go. */
    if (lc_penalty_is_none(obj->pen) && !(inner.max_iter <= few)) inner.max_iter = few;
    status = solver->run(obj, &inner, B, report);
    iterations += report->iterations;
    obj->recorded += report->iterations + 1;
    if (status < 0 || status == LC_INTERRUPTED || status == LC_RANK) break;
    spent = status == LC_TIME_LIMIT || iterations >= settings->max_iter;
    LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_VALUE));
    lc_objective_accept(obj);
    LC_TRY(lc_objective_gap(obj, &now));
    /* Far past the smallest gap smaller mu only adds rounding. */
    if (now.relative > 1e3 * best) break;
    if (now.relative < best || isinf(best)) {
      memcpy(B, obj->at.B, (size_t)obj->P * sizeof(double));
      best = now.relative;
      best_mu = mu;
    }
    if (best <= 0.5 * settings->tolerance || obj->at.value <= settings->tolerance * obj->null_value) break;
  }
  report->iterations = iterations;
  report->evaluated = 0;
  if (now.relative > best) {
    obj->coding.mu = best_mu;
    LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
    lc_objective_accept(obj);
  }
  if (status == LC_TIME_LIMIT) return status;
  if (spent && !(best <= settings->tolerance)) return LC_MAX_ITER;
  return status == LC_STALLED || status == LC_MAX_ITER ? LC_OK : status;
}

lc_status lc_run_smoothed(lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                          lc_report *report) {
  int kinked = (solver->flags & LC_NEEDS_SMOOTH) && !(obj->loss->flags & LC_SMOOTH);
  return kinked ? follow(obj, solver, settings, B, report) : solver->run(obj, settings, B, report);
}
