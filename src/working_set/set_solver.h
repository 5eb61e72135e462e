/* working_set/set_solver.h - how a set of coefficients moves, decided in one place.
 *
 *   by its Hessian    quadratic, but size^2 of memory and size^2 n of work (working_set/prox_newton.h)
 *   by sweeps         larger sets of columns with few entries (working_set/cd_sweep.h)
 *   within orthants   larger sets of dense columns (working_set/owlqn.h); once so, always: its pairs of gradients do
 * not survive coefficients that leave the set
 *
 * Groups of coefficients know the first way only. */
#ifndef LC_WORKING_SET_SET_SOLVER_H
#define LC_WORKING_SET_SET_SOLVER_H

#include "working_set/prox_newton.h"
#include "working_set/owlqn.h"

typedef enum lc_set_way { LC_BY_HESSIAN, LC_BY_SWEEPS, LC_WITHIN_ORTHANTS } lc_set_way;

typedef struct lc_set {
  lc_model model;
  lc_orthant orthant; /* empty (all 0) until the set first moves within orthants */
  double most;        /* dense coefficients that move by a Hessian; of more than 3 score columns 3 / K times as many */
} lc_set;

/* What `most` is where nobody says otherwise. */
enum { LC_SET_MOST = 2000 };

/* The way of the set as large as it is now. */
lc_set_way lc_set_way_of(const lc_set *set);

/* Steps until the worst residual is at most goal; LC_MAX_ITER after max_steps, or after as many as the way deserves
 * before violators should be looked for again: a step by sweeps costs so much that they join after each. The order of
 * the set may change. */
lc_status lc_set_solve(lc_set *set, double goal, double max_steps);

/* R (n x K), the residuals at `at`, moves to where its gradients over the set, in set->model.dual, leave none of its
 * optimality conditions unmet, as far as its way knows how: *known = 0 and R as it was where it does not. `at` may move
 * a step further. After lc_set_solve(). */
lc_status lc_set_dual_point(lc_set *set, double *R, int *known);

#endif
