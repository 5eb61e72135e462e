/* working_set/owlqn.h - many coefficients under an L1 penalty, by limited-memory BFGS within orthants.
 *
 * Where a set is too large for its Hessian, gradients alone must do. Within an orthant the L1 part is linear, so the
 * objective is smooth; a step goes along a quasi-Newton direction of the steepest subgradient, and coefficients that
 * would leave the orthant stop at 0 (Andrew and Gao, 2007). Pairs of steps and gradient changes are those of the smooth
 * part, the same for every lambda, so they are kept from one lambda to the next.
 *
 * The metric couples the classes of a feature, which is what makes softmax ill-conditioned: with S the mean weights of
 * the score columns (K x K) that of feature f is rms_f^2 S + l2 I on those of its coefficients that can take such a
 * step; the others go alone or stand still, in the pairs too. */
#ifndef LC_WORKING_SET_OWLQN_H
#define LC_WORKING_SET_OWLQN_H

#include "working_set/gram_factor.h"
#include "working_set/prox_newton.h"
#include "linalg/lbfgs_pairs.h"

typedef struct lc_orthant {
  lc_model *m;
  lc_pairs pairs;      /* of vectors over the set */
  lc_index room;       /* coefficients that there is memory for */
  double *mean;        /* K x K: S */
  double *block;       /* K x K and K: a feature's metric, then its right-hand side */
  lc_index *who;       /* K: its coupled coefficients */
  unsigned char *skip; /* K */
  unsigned char *way;  /* room: how each coefficient may move */
  /* room each, over the set: the steepest subgradient; the direction; of the smooth part the gradients before and after
   * a step; coefficients there */
  double *v, *d, *g, *gradient, *from, *to;
  lc_gram gram; /* of the columns of the set, for dual points; empty before the first */
} lc_orthant;

/* Steps on the set of m until its worst residual is at most goal, max_steps are done or rounding ends it (m->stuck).
 * Each step reads the columns of the set twice, or X once where that is less. `work` is empty (all 0) at first and
 * belongs to m from then on; the set may have grown since the last call, and nothing may have been dropped from it. */
lc_status lc_orthant_solve(lc_orthant *work, lc_model *m, double goal, double max_steps);

/* A dual point as of lc_model_dual_point(), after lc_orthant_solve(); `at` stays. With E the residuals of the set, R is
 * lessened by w X (X' w X / W)^-1 E: its gradients over the set are without residuals however large E is, so a
 * gap from R is quadratic in E. *known = 0 and R as it was where the gradients of all of X are not known, or where
 * the set has too many columns for their Gram matrix to pay. Reads the columns of the set. */
lc_status lc_orthant_dual_point(lc_orthant *work, double *R, int *known);

#endif
