/* wide.h - room "path": ridge fits with more columns than rows, in as many coordinates as rows.
 *
 * With all slopes penalised by l2, Lambda = diag(lambda l2_j), the optimum is w = Lambda^-1 X'a for some a (n x K):
 * what is orthogonal to the rows of X Lambda^-1/2 only costs. With M = X Lambda^-1 X' = U'U and theta = U a the scores
 * are U'theta and the penalty is |theta|^2 / 2: the same problem on the n x n design U', where Newton's method can be
 * used (Hastie and Tibshirani, 2004, Efficient quadratic regularization for expression arrays). A start is not used. */
#ifndef LC_WIDE_H
#define LC_WIDE_H

#include "design.h"
#include "penalty.h"

typedef struct lc_wide {
  lc_index n;
  double *U;           /* n x n Cholesky factor of M */
  unsigned char *skip; /* n: rows that depend on rows before them */
  lc_design design;    /* dense n x n: U', responses, weights, offsets and intercept of the original */
  lc_penalty pen;      /* lambda = 1, l2 = 1 */
} lc_wide;

/* Needs LC_COLUMNS, every l2 > 0, no L1 part and no bounds. Cost 2 n^2 p; memory 2 n^2. Polls. */
lc_status lc_wide_build(const lc_design *x, const lc_penalty *pen, lc_wide *out, const lc_host *host, lc_arena *arena);

/* B (q x K, columns as shown) from theta ((n + one) x K). Reads X once. */
lc_status lc_wide_leave(const lc_wide *wide, const lc_design *x, const lc_penalty *pen, int K, const double *theta,
                        double *B, const lc_host *host, lc_arena *arena);

#endif
