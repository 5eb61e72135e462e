/* working_set/owlqn.h - many coefficients under an L1 penalty, by limited-memory BFGS within orthants (OWL-QN).
 *
 * Where a set is too large for its Hessian, gradients alone must do. Within an orthant the L1 part is linear, so the
 * objective is smooth; a step goes along a quasi-Newton direction of the steepest subgradient, and coefficients that
 * would leave the orthant stop at 0 (Andrew and Gao, 2007). Pairs of steps and gradient changes are those of the smooth
 * part, the same for every lambda, so they are kept from one lambda to the next.
 *
 * Reads of X are nearly all of the cost, so steps read the set's columns rounded to floats, which are half the bytes,
 * and lead to a point that differs from that of X by these errors alone. One step there on X itself then gives its
 * scores and gradients; more follow where its residuals are not yet small enough.
 *
 * The metric couples the classes of a feature, which is what makes softmax ill-conditioned: with S the mean curvatures
 * of the score columns (K x K) that of feature f is rms_f^2 S + l2 I on those of its coefficients that can take such a
 * step. The others go alone or stand still, in the pairs too. */
#ifndef LC_WORKING_SET_OWLQN_H
#define LC_WORKING_SET_OWLQN_H

#include "linalg/lbfgs_pairs.h"
#include "working_set/gram_factor.h"
#include "working_set/set_step.h"

typedef struct lc_owlqn {
  lc_set_step *step;
  lc_working_set *set;
  lc_objective *obj;
  lc_arena *arena;
  lc_index capacity;    /* coefficients that there is memory for; 0 before the first solve */
  lc_lbfgs_pairs pairs; /* of vectors over the set */
  double *mean;         /* K x K: S */
  unsigned char *way;   /* over the set: how each coefficient may move */
  /* over the set: the steepest subgradient, of coupled coefficients alone, the direction; of the smooth part the
   * gradients before and after a step; the coefficients there */
  double *v, *coupled, *d, *g_from, *g_to, *b_from, *b_to;
  /* scratch of a feature, for each piece of the features: K x K its metric, K its right-hand side, its coupled
   * coefficients, pivots that are skipped */
  double *metric, *rhs;
  lc_index *members;
  unsigned char *skip;
  lc_design rounded; /* the set's columns as floats; ops NULL: there are none */
  lc_index nrounded; /* of the set's rows, how many it has */
  lc_point spare;    /* where steps on them go; B NULL before */
  lc_gram_factor gram; /* of the columns of the set, for dual points; empty before the first */
} lc_owlqn;

/* Empty; `step` must outlive it. */
void lc_owlqn_init(lc_owlqn *owlqn, lc_set_step *step);

/* Steps until the worst residual is at most goal, max_steps are done or rounding ends it (step->stuck). Each step reads
 * the columns of the set twice, or a stream once. The set may have grown since the last call, and nothing
 * may have been dropped from it. */
lc_status lc_owlqn_solve(lc_owlqn *owlqn, double goal, double max_steps);

/* A dual point as of lc_newton_dual_point(), after lc_owlqn_solve(); `at` stays. With E the residuals of the set, R is
 * lessened by w X (X' w X / W)^-1 E: its gradients over the set are without residuals however large E is, so a
 * gap from R is quadratic in E. *found = 0 and R as it was where the set has too many columns for their Gram matrix to
 * pay. Reads the columns of the set. */
lc_status lc_owlqn_dual_point(lc_owlqn *owlqn, double *R, int *found);

#endif
