/* hessian/dense.h - the Hessian of all coefficients as a matrix, and its Cholesky factor. */
#ifndef LC_HESSIAN_DENSE_H
#define LC_HESSIAN_DENSE_H

#include "problem/objective.h"

/* How many gradient passes a dense pass with curvature costs, from nanoseconds a row measured with AVX-512: 0.09 for
 * each product of the Gram matrices against 0.5 for each column and 6 for each score. */
double lc_curvature_cost(lc_index q, int K, int ns);

/* A factored Hessian to start from: one of a sample of rows, say. */
typedef struct lc_factor {
  double *U, *scale;   /* Cholesky factor (P x P) of the Hessian times scale_i scale_j; P, as of lc_scaled_hessian() */
  unsigned char *skip; /* P: 1 = this pivot was skipped */
  lc_index flat;       /* how many may be before the Hessian is damped */
  double condition;    /* as in lc_report */
  int ready;           /* 1: filled */
} lc_factor;

/* Memory for a factor of P coefficients, not ready; a copy, ready. */
lc_status lc_factor_allocate(lc_index P, lc_factor *out, lc_arena *arena);
void lc_factor_copy(lc_index P, const lc_factor *from, lc_factor *to);

/* H (P x P) = Hessian of the objective at the point of C, with unit diagonal: times scale_i scale_j, scale_i =
 * 1 / sqrt(H_ii), 0 for coefficients without curvature and aliased
 * ones (alias: q, NULL: none). */
void lc_scaled_hessian(const lc_objective *obj, const unsigned char *alias, double *H, double *scale);

#endif
