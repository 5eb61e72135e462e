/* working_set/prox_newton.h - proximal Newton on a working set, with a Hessian that outlives one lambda.
 *
 * On the set the mean loss is replaced by its model
 *     g'(b - start) + (b - start)' H (b - start) / 2,
 * H the Hessian of the mean loss at some earlier point: gradients are exact and every step ends in a line search, so an
 * old H costs steps and never truth. H is kept between steps and lambdas; coefficients that join get rows of the same
 * point, and it is made afresh when the residuals fall too slowly. The model with the penalty is minimised by
 * coordinate descent on H, finished by solving for all active coefficients at once. A coefficient is active where it
 * is not 0, or not penalised by l1, and no bound holds it. */
#ifndef LC_WORKING_SET_PROX_NEWTON_H
#define LC_WORKING_SET_PROX_NEWTON_H

#include "linalg/lbfgs_pairs.h"
#include "working_set/set_step.h"

typedef struct lc_prox_newton {
  lc_working_set *set;
  lc_set_step *step;
  lc_objective *obj;
  lc_arena *arena;
  lc_index capacity; /* coefficients that the vectors below have memory for */

  /* the Hessian (prox_hessian.c) */
  lc_index built, ld; /* coefficients 0 .. built - 1 of the set have rows in H; its leading dimension, 0 before */
  lc_index *covered;  /* built: their indices in B, in the order of H */
  double *H;          /* ld x ld: X' diag(S) X / W */
  double *S;          /* n x ns: curvatures of the rows (lc_objective_weights); NULL before the first H */
  double made_at;     /* steps that had been taken when S was made; -1 before */

  /* the factor of H for the active coefficients, in their order */
  lc_index *factored; /* nfactored: their indices in B. H has not changed for them since */
  lc_index nfactored; /* -1: no factor */
  double *U;          /* ld x ld, upper triangle */
  unsigned char *skip;
  double factored_lambda;
  lc_lbfgs_pairs pairs; /* corrections of the factor by the gradients that were seen since it was made */

  /* scratch of one step */
  lc_index *active;           /* positions of the active coefficients in the set */
  double *slopes, *direction; /* of the active coefficients: gradients; a solution */
  double *u;                  /* over the set: b / ||b|| within each active group, 0 where b = 0 */
  double *b_from, *g_from;    /* of the factored coefficients: before the last step, and after it, */
  double *b_to, *g_to;        /* the coefficients and their gradients */
  double *group;              /* K: where a group goes */
} lc_prox_newton;

/* Nothing built yet. `set` and `step` must outlive it. */
lc_status lc_newton_init(lc_prox_newton *newton, lc_working_set *set, lc_set_step *step);

/* To be called after coefficients left the set: rows and columns of H move with those that stay. Cost size^2. */
lc_status lc_newton_follow(lc_prox_newton *newton);

/* The kept factor without its column v, which may be gone from the set. 0: nothing happened, since columns from there
 * on were skipped or hold the curvature of norms. Cost 3 (nfactored - v)^2. */
int lc_newton_drop_factored(lc_prox_newton *newton, lc_index v);

/* No H any more: after the order of the set has changed. */
void lc_newton_forget(lc_prox_newton *newton);

/* Memory for the whole set, with what the old one holds; before all that reads or makes H. */
lc_status lc_newton_reserve(lc_prox_newton *newton);

/* Rows of H for coefficients that have none, with the curvatures S; rebuild: all of them, with those of `at`. Needs
 * lc_step_reset() and lc_newton_reserve(). */
lc_status lc_newton_build(lc_prox_newton *newton);
lc_status lc_newton_rebuild(lc_prox_newton *newton);

/* H and S times one number, so that S has the sum of the curvatures of `at`, where that differs enough: probabilities
 * grow surer down a path, which alone makes an old H too large. The factor follows but for what an L2 part and norms
 * add to it, so it holds for another lambda or not at all. Cost size^2. */
lc_status lc_newton_rescale(lc_prox_newton *newton);

/* Is H that of `at`? */
static inline int lc_newton_is_fresh(const lc_prox_newton *newton) { return newton->made_at == newton->step->steps; }

/* Newton steps until the worst residual is at most `goal`, max_steps are done or rounding ends it (step->stuck). */
lc_status lc_newton_solve(lc_prox_newton *newton, double goal, double max_steps);

/* First-order step of the solution from `lambda` to obj->pen->lambda: db = -(change) H^-1 (l1 b / ||b|| + l2 b) on
 * the active coefficients, H with the curvature of the norms; a group that would turn against itself stops at 0. `at`
 * moves if the objective falls. Reads the columns of the set. */
lc_status lc_newton_predict(lc_prox_newton *newton, double lambda);

/* A dual point and the last step in one. With d the Newton step of the active coefficients by the present H and S, R
 * (n x K), the residuals at `at`, moves by S X d. Its gradients over the set, kept in step->dual, are then those of a
 * point where the active coefficients are optimal - up to rounding without an L2 part, however old H is, since
 * S X H^-1 e has the gradients e. A gap from them is quadratic in the residuals of the set, where one from the
 * residuals of `at` scaled down is linear. Rows of R may lie outside the domain of the loss's conjugate. `at` moves by
 * d where F allows. *found = 0 and nothing moves where there is no H of the set, or where d would turn a sign.
 * To be called where b is `at` and g known, as after lc_newton_solve(); they are so again. Reads the columns of the set
 * twice. */
lc_status lc_newton_dual_point(lc_prox_newton *newton, double *R, int *found);

#endif
