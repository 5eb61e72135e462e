/* working_set/set_solver.c - see working_set/set_solver.h. */
#include "working_set/set_solver.h"

#include <math.h>

#include "working_set/cd_sweep.h"

lc_status lc_set_solver_init(lc_set_solver *solver, lc_objective *obj, double most) {
  enum { FIRST_CAPACITY = 64 };
  solver->most = most;
  LC_TRY(lc_set_init(&solver->set, obj, FIRST_CAPACITY));
  LC_TRY(lc_step_init(&solver->step, &solver->set, obj));
  lc_owlqn_init(&solver->owlqn, &solver->step);
  return lc_newton_init(&solver->newton, &solver->set, &solver->step);
}

/* A Hessian of more score columns costs more than it saves (measured on dense columns: of correlated features 2000
 * coefficients of 3 are three times quicker by it, of independent ones 1200 of 5 about the same; on sparse ones 25 of
 * 40 are a tenth of the path slower, 90 of 10 about the same). */
static double share_by_hessian(const lc_set_solver *solver) { return fmin(1, 3.0 / solver->step.obj->K); }

/* Large sets of sparse columns are swept, until sweeps have crept for as long as a Hessian takes, which does not mind
 * rows that are fewer than columns (those inside the margin of a squared hinge). */
static int is_swept(const lc_set_solver *solver) {
  double size = (double)solver->set.size;
  return size > share_by_hessian(solver) * LC_SWEPT_SIZE && (size > solver->most || 2 * solver->step.crept < size);
}

lc_set_way lc_set_solver_way(const lc_set_solver *solver) {
  const lc_objective *obj = solver->step.obj;
  if (obj->pen->grouped) return LC_BY_HESSIAN;
  if (lc_objective_has_sparse_columns(obj)) return is_swept(solver) ? LC_BY_SWEEPS : LC_BY_HESSIAN;
  int large = solver->owlqn.capacity > 0 || (double)solver->set.size > share_by_hessian(solver) * solver->most;
  return large ? LC_WITHIN_ORTHANTS : LC_BY_HESSIAN;
}

static void sort(lc_set_solver *solver) {
  lc_set_sort(&solver->set);
  lc_newton_forget(&solver->newton);
}

void lc_set_solver_sort(lc_set_solver *solver) {
  if (lc_set_solver_way(solver) == LC_BY_SWEEPS) sort(solver);
}

lc_status lc_set_solver_tidy(lc_set_solver *solver, lc_set_way *way) {
  *way = lc_set_solver_way(solver);
  if (*way != LC_WITHIN_ORTHANTS) {
    lc_set_drop_zeros(&solver->set);
    LC_TRY(lc_newton_follow(&solver->newton));
  }
  if (*way == LC_BY_SWEEPS) sort(solver);
  return LC_OK;
}

lc_status lc_set_solve(lc_set_solver *solver, double goal, double max_steps) {
  static const double deserved[] = {[LC_BY_HESSIAN] = 30, [LC_BY_SWEEPS] = 1, [LC_WITHIN_ORTHANTS] = 500};
  lc_set_way way = lc_set_solver_way(solver);
  double steps = fmin(max_steps, deserved[way]);
  if (way == LC_BY_HESSIAN) return lc_newton_solve(&solver->newton, goal, steps);
  if (way == LC_WITHIN_ORTHANTS) return lc_owlqn_solve(&solver->owlqn, goal, steps);
  return lc_cd_sweep_solve(&solver->step, goal, steps);
}

lc_status lc_set_dual_point(lc_set_solver *solver, double *R, int *found) {
  lc_set_way way = lc_set_solver_way(solver);
  *found = 0;
  if (way == LC_BY_HESSIAN) return lc_newton_dual_point(&solver->newton, R, found);
  if (way == LC_WITHIN_ORTHANTS) return lc_owlqn_dual_point(&solver->owlqn, R, found);
  return LC_OK;
}
