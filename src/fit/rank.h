/* fit/rank.h - columns that depend, exactly or nearly, on the columns before them.
 *
 * A Gram matrix cannot tell a dependent column from one at a relative distance of 1e-8; the columns themselves
 * can. They are orthonormalised one by one (linalg/linalg.h): a column whose remainder is below 1e-11 of its norm (the
 * tolerance of R's glm) is dependent and its coefficients stay 0, as in glm. The r others are X~_kept = Q R, and no
 * matrix is larger than n x r or r x r. With fewer rows than columns, or where the kept columns are ill conditioned,
 * the fit runs on Q, where it is well conditioned, and comes back through R. */
#ifndef LC_FIT_RANK_H
#define LC_FIT_RANK_H

#include "problem/objective.h"

typedef struct lc_basis {
  int needed;       /* 1: fit on `design` (r columns of Q, no intercept of its own) */
  double condition; /* 1 / least relative remainder */
  lc_index q, r;    /* columns of X~; those that are kept */
  lc_index *kept;   /* r: which, increasing */
  double *R;        /* r x r upper, packed */
  lc_design design; /* dense n x r, for the observations of the original */
  lc_penalty pen;   /* none */
} lc_basis;

/* Sets alias (q) and the rest of `out`. Unpenalised problems only. With n >= q large coded designs and sparse ones are
 * not written out, and streams never are: their Gram matrix (q x q) decides, and no basis comes of it. Else memory is
 * n m + m^2 / 2 doubles with m = min(n, q), and cost 8 n r for each column until n are kept. Polls. */
lc_status lc_basis_build(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena);

/* theta (r x K): the coefficients of Q that give the scores of B (q x K, any) on X~. One read of X. */
lc_status lc_to_basis(const lc_basis *basis, const lc_design *x, int K, const double *B, double *theta,
                      lc_arena *arena);

/* B (q x K): R^-1 theta in the kept columns, 0 in the others. */
void lc_from_basis(const lc_basis *basis, int K, const double *theta, double *B);

/* Coefficients of a score column that can be independent: those of an unpenalised fit are at most as many as rows. */
lc_index lc_most_independent(const lc_design *x, const lc_penalty *pen);

/* Unpenalised and with more columns than rows, so that columns must depend on others: a matrix of q x q numbers would
 * be larger than any that is needed. */
int lc_is_n_below_p(const lc_objective *obj);

#endif
