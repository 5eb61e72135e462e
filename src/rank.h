/* rank.h - room "path": columns that depend, exactly or nearly, on the columns before them.
 *
 * A Gram matrix cannot tell a dependent column from one at a relative distance of 1e-8; the columns themselves
 * can. For dense designs they are orthonormalised (X~ = Q R, linalg.h): a column whose remainder is below 1e-11 of
 * its norm (the tolerance of R's glm) is dependent and its coefficients stay 0, as in glm; if the others are ill
 * conditioned the fit runs on Q, where it is well conditioned, and comes back through R. */
#ifndef LC_RANK_H
#define LC_RANK_H

#include "design.h"
#include "penalty.h"

typedef struct lc_basis {
  int needed;       /* 1: fit on `design` (q columns of Q, no intercept of its own) */
  double condition; /* 1 / least relative remainder */
  lc_index q;
  double *R;        /* q x q upper */
  lc_design design; /* dense n x q, responses, weights and offsets of the original */
  lc_penalty pen;   /* none */
} lc_basis;

/* Sets alias (q) and the rest of `out`. Dense designs: needs n x q and q x q doubles from the arena. Sparse
 * and large coded designs are never densified: their Gram matrix decides. Unpenalised problems only. Cost 4 n q^2. */
lc_status lc_basis_build(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena);

/* Coefficients (q x K) from the columns to the basis (theta = R b), and back (b = R^-1 theta), in place. */
void lc_basis_enter(const lc_basis *basis, int K, double *B);
void lc_basis_leave(const lc_basis *basis, int K, double *B);

#endif
