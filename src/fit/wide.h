/* fit/wide.h - ridge fits with more columns than rows, in as many coordinates as rows.
 *
 * With Lambda = diag(lambda l2_j) of the penalised slopes and X their columns, their part of the optimum is
 * Lambda^-1 X'a for some a (n x K): what is orthogonal to the rows of X Lambda^-1/2 only costs. With
 * M = X Lambda^-1 X' = U'U and theta = U a their scores are U'theta and the penalty is |theta|^2 / 2: the same problem
 * on the n x n design U', where Newton's method can be used (Hastie and Tibshirani, 2004, Efficient quadratic
 * regularization for expression arrays). Unpenalised columns stand beside U' as they are. A start is not used. */
#ifndef LC_FIT_WIDE_H
#define LC_FIT_WIDE_H

#include "design/design.h"
#include "problem/penalty.h"

typedef struct lc_wide {
  lc_index n, bound, unpenalised; /* rows; penalised slopes, others */
  lc_index *column;               /* bound + loose columns of X~, the penalised ones first */
  double *U;                      /* n x n Cholesky factor of M */
  unsigned char *skip;            /* n: rows that depend on rows before them */
  lc_design design; /* dense n x (n + loose): U' and the others, with the intercept; for the same observations */
  lc_penalty pen;   /* lambda = 1; l2 = 1 for U', 0 for the others */
} lc_wide;

/* Needs LC_COLUMNS, no L1 part and no bounds. Cost 2 n^2 p; memory 2 n^2 + n loose. Polls. */
lc_status lc_wide_build(const lc_design *x, const lc_penalty *pen, lc_wide *out, const lc_host *host, lc_arena *arena);

/* B (q x K, columns as shown) from theta ((one + n + loose) x K). Reads X once. */
lc_status lc_from_rows(const lc_wide *wide, const lc_design *x, const lc_penalty *pen, int K, const double *theta,
                       double *B, lc_arena *arena);

#endif
