/* fit/scaling.c - in which columns a fit runs, and the penalty and the coefficients there. */
#include "fit/scaling.h"

#include <math.h>
#include <stdlib.h>

/* Which columns to shift: those whose mean hides their spread. */
static int choose_shift(const lc_problem *problem, int second_order, double *shift) {
  /* Second derivatives see through a mean until digits are lost; first-order steps suffer from any, and scores of a
   * smoothed kink need all their digits. */
  int robust = second_order && (problem->loss->flags & LC_SMOOTH), any = 0;
  int shuffles = problem->solver && (problem->solver->flags & LC_DRAWS) && !(problem->loss->flags & LC_SCALE_FREE);
  const double hidden = robust ? 30 : shuffles ? 0.05 : 1; /* steps along single rows suffer most */
  for (lc_index j = 0; j < problem->x->p; j++) {
    double mean = problem->mean[j], sd = problem->sd[j];
    int shifted = problem->x->intercept && lc_design_may_shift(problem->x, j) && fabs(mean) > hidden * sd && sd > 0;
    shift[j] = shifted ? mean : 0;
    any |= shifted;
  }
  return any;
}

/* Which columns to scale, by a power of two: those whose squares and their sums might leave the range. */
static int choose_scale(const lc_problem *problem, const lc_penalty *pen, double *scale) {
  enum { EXTREME = 200, MOST = 1000 }; /* binary exponents */
  int any = 0;
  for (lc_index j = 0; j < problem->x->p; j++) {
    int exponent = 0;
    if (problem->max_abs[j] > 0) frexp(problem->max_abs[j], &exponent);
    scale[j] = abs(exponent) > EXTREME ? ldexp(1, -(exponent < -MOST ? -MOST : exponent)) : 1;
    /* A tiny column that is penalised as it is stays as it is: its coefficient is next to nothing. */
    double spread = (problem->spread ? problem->spread[j] : 1) * scale[j];
    if (!isfinite(pen->lambda * pen->l2[j] * spread * spread * 1e100) || !isfinite(pen->lambda * pen->l1[j] * spread))
      scale[j] = 1;
    any |= scale[j] != 1;
  }
  return any;
}

lc_status lc_scale_columns(const lc_problem *problem, int second_order, int as_given, lc_scaling *out, double **means,
                           double **rms, lc_arena *arena) {
  lc_index p = problem->x->p;
  double *shift = lc_arena_doubles(arena, p), *scale = lc_arena_doubles(arena, p);
  *rms = lc_arena_doubles(arena, p);
  *means = lc_arena_doubles(arena, p);
  if (!shift || !scale || !*means || !*rms) return LC_OUT_OF_MEMORY;
  *out = (lc_scaling){NULL, NULL};
  if (!as_given && choose_shift(problem, second_order, shift)) out->shift = shift;
  if (!as_given && choose_scale(problem, &problem->pen, scale)) out->scale = scale;
  for (lc_index j = 0; j < p; j++) {
    double unit = out->scale ? scale[j] : 1, mean = problem->mean[j] - (out->shift ? shift[j] : 0);
    (*means)[j] = mean * unit;
    (*rms)[j] = hypot(mean * unit, problem->sd[j] * unit);
  }
  return LC_OK;
}

lc_status lc_scale_penalty(const lc_design *x, const double *spread, lc_penalty *pen, lc_arena *arena) {
  lc_index p = x->p;
  double *factors = lc_arena_doubles(arena, (pen->lower ? 4 : 2) * p);
  if (!factors) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < p; j++) {
    double unit = x->scale ? x->scale[j] : 1, size = (spread ? spread[j] : 1) * unit;
    factors[j] = pen->l1[j] * size;
    factors[p + j] = pen->l2[j] * size * size;
    if (!isfinite(factors[j])) factors[j] = 0; /* choose_scale(): only where lambda is 0 */
    if (!isfinite(factors[p + j])) factors[p + j] = 0;
    if (!pen->lower) continue;
    factors[2 * p + j] = pen->lower[j] / unit;
    factors[3 * p + j] = pen->upper[j] / unit;
  }
  pen->l1 = factors;
  pen->l2 = factors + p;
  if (pen->lower) {
    pen->lower = factors + 2 * p;
    pen->upper = factors + 3 * p;
  }
  return LC_OK;
}

/* Row j of B less its mean over the classes; returns that mean. */
static double centre_row(const lc_objective *obj, lc_index j, double *B) {
  double mean = 0; /* a sum of huge intercepts may leave the range */
  for (int c = 0; c < obj->K; c++) mean += B[c * obj->q + j] / obj->K;
  for (int c = 0; c < obj->K; c++) B[c * obj->q + j] -= mean;
  return mean;
}

double lc_remove_common_shift(const lc_objective *obj, double *B) {
  double saved = 0;
  if (!lc_coding_symmetric(&obj->coding)) return 0;
  for (lc_index j = 0; j < obj->q; j++) {
    lc_index f = j - obj->pen->intercept;
    if (f >= 0 && (obj->pen->lower || lc_penalty_l1(obj->pen, f) > 0)) continue;
    double mean = centre_row(obj, j, B);
    if (f >= 0) saved += 0.5 * lc_penalty_l2(obj->pen, f) * mean * (mean * obj->K);
  }
  return saved;
}

void lc_centre_intercepts(const lc_objective *obj, double *B) {
  if (obj->pen->intercept && lc_coding_symmetric(&obj->coding)) centre_row(obj, 0, B);
}
