/* problem/line_search.c - the step length of every solver and working set that goes downhill. */
#include <math.h>

#include "problem/objective.h"

lc_status lc_line_search(lc_objective *obj, double slope, double full, double *t) {
  enum { MOST_STEPS = 60 };
  const double armijo = 1e-4;
  double start = obj->at.value, trial = 1, value = full;
  double noise = lc_objective_noise(obj);
  for (int step = 0; step < MOST_STEPS; step++) {
    if (isfinite(value) && value <= start + armijo * trial * slope + (trial < 1 ? 0 : noise)) {
      *t = trial;
      return LC_OK;
    }
    double next = 0.1 * trial;
    if (isfinite(value)) {
      double deriv2 = value - start - trial * slope; /* quadratic through F(0), slope, F(trial) */
      if (deriv2 > 0) next = -slope * trial * trial / (2 * deriv2);
    }
    trial = fmax(0.1 * trial, fmin(next, 0.5 * trial));
    if (-slope * trial < noise * 1e-3) break;
    LC_TRY(lc_objective_along(obj, trial, &value));
  }
  *t = 0;
  return LC_OK;
}
