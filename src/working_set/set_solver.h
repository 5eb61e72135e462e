/* working_set/set_solver.h - how a set of coefficients moves, decided in one place.
 *
 *   by its Hessian    quadratic, but size^2 of memory and size^2 n of work (working_set/prox_newton.h)
 *   by sweeps         larger sets of columns with few entries (working_set/cd_sweep.h)
 *   within orthants   larger sets of dense columns (working_set/owlqn.h); once so, always: its pairs of gradients do
 *                     not survive coefficients that leave the set
 *
 * Groups of coefficients know the first way only. Paths of many lambdas on sparse columns have a fourth, eight lambdas
 * at once (lanes/lanes.h). */
#ifndef LC_WORKING_SET_SET_SOLVER_H
#define LC_WORKING_SET_SET_SOLVER_H

#include "working_set/owlqn.h"
#include "working_set/prox_newton.h"

typedef enum lc_set_way { LC_BY_HESSIAN, LC_BY_SWEEPS, LC_WITHIN_ORTHANTS } lc_set_way;

/* Its parts point to each other: it is not to be moved. */
typedef struct lc_set_solver {
  lc_working_set set;
  lc_set_step step;
  lc_prox_newton newton;
  lc_owlqn owlqn;
  double most; /* dense coefficients that move by a Hessian; of more than 3 score columns 3 / K times as many */
} lc_set_solver;

/* What `most` is unless a caller has reasons. */
enum { LC_SET_MOST = 2000 };

/* An empty set on an objective with kept scores (else LC_UNSUPPORTED). */
lc_status lc_set_solver_init(lc_set_solver *solver, lc_objective *obj, double most);

/* The way of the set as large as it is now. */
lc_set_way lc_set_solver_way(const lc_set_solver *solver);

/* For a new lambda: drops what is 0 and may stay so, unless the set moves within orthants, and sorts a set that is
 * swept. Returns the way that the set had before. */
lc_status lc_set_solver_tidy(lc_set_solver *solver, lc_set_way *way);

/* Puts the set in the order of its indices if it will be swept: columns are then read as they lie in memory. */
void lc_set_solver_sort(lc_set_solver *solver);

/* Steps until the worst residual is at most goal; LC_MAX_ITER after max_steps, or after as many as the way deserves
 * before violators should be looked for again: a step by sweeps costs so much that they join after each. */
lc_status lc_set_solve(lc_set_solver *solver, double goal, double max_steps);

/* R (n x K), the residuals at `at`, moves to where its gradients over the set, in step.dual, leave none of its
 * optimality conditions unmet, as far as its way knows how: *found = 0 and R as it was where it does not. `at` may move
 * a step further. After lc_set_solve(). */
lc_status lc_set_dual_point(lc_set_solver *solver, double *R, int *found);

#endif
