/* working_set/set_solver.c - see working_set/set_solver.h. */
#include "working_set/set_solver.h"

#include <math.h>

#include "working_set/cd_sweep.h"

static int sweeps_columns(const lc_set *set) { return set->model.obj->x->ops->col_thin != NULL; }

lc_set_way lc_set_way_of(const lc_set *set) {
  const lc_model *m = &set->model;
  if (m->obj->pen->grouped) return LC_BY_HESSIAN;
  if (sweeps_columns(set)) return m->size > LC_SWEPT_SIZE ? LC_BY_SWEEPS : LC_BY_HESSIAN;
  /* A Hessian of more score columns costs more passes than it saves (measured: on correlated features 2000 coefficients
   * of 3 are three times quicker by it, on independent ones 1200 of 5 about the same). */
  double share = fmin(1, 3.0 / m->obj->K);
  int large = set->orthant.room > 0 || (double)m->size > share * set->most;
  return large ? LC_WITHIN_ORTHANTS : LC_BY_HESSIAN;
}

lc_status lc_set_solve(lc_set *set, double goal, double max_steps) {
  static const double deserved[] = {[LC_BY_HESSIAN] = 30, [LC_BY_SWEEPS] = 1, [LC_WITHIN_ORTHANTS] = 500};
  lc_set_way way = lc_set_way_of(set);
  double steps = fmin(max_steps, deserved[way]);
  if (way == LC_BY_HESSIAN) return lc_model_solve(&set->model, goal, steps);
  if (way == LC_WITHIN_ORTHANTS) return lc_orthant_solve(&set->orthant, &set->model, goal, steps);
  return lc_sweep_solve(&set->model, goal, steps);
}

lc_status lc_set_dual_point(lc_set *set, double *R, int *known) {
  lc_set_way way = lc_set_way_of(set);
  if (way == LC_BY_HESSIAN) return lc_model_dual_point(&set->model, R, known);
  if (way == LC_WITHIN_ORTHANTS) return lc_orthant_dual_point(&set->orthant, R, known);
  *known = 0;
  return LC_OK;
}
