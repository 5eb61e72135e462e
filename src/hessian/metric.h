/* hessian/metric.h - cheap models of the Hessian, for methods that correct them by what gradients tell.
 *
 * Two models. Both hold the intercept as the Hessian does, because it is coupled to every column with a mean.
 *   Arrow: a diagonal for the slopes of each score after its intercept is eliminated,
 *       h_j = mean s_i (x_ij - m_j)^2 + l2_j,  m_j = mean s_i x_ij / mean s_i,
 *     with s_i the largest second derivative that the loss can have (no read of X), or the one at a point (one read).
 *   Kronecker: S (x) G + diag(l2), S = mean of S_i (K x K), G = sum w_i x_i x_i' / sum w_i, w_i = trace S_i, where S_i
 *     is the second derivative of the loss of row i with respect to its scores, from a sample of 10 rows a column. In
 *     the eigenvectors of S it falls apart into K systems s_c G + diag(l2), each with a Cholesky factor; directions
 *     with nearly the same s_c share one, up to LC_METRIC_FACTORS in all: what is shared is the ratio l2 / s_c alone.
 *     With one score it is the sampled Hessian itself; with more, that is put in its place in the leading directions of
 *     G (hessian/leading.h). */
#ifndef LC_HESSIAN_METRIC_H
#define LC_HESSIAN_METRIC_H

#include "hessian/model.h"

/* The arrow with the largest curvatures, and memory for it. */
lc_status lc_metric_bound(const lc_objective *obj, lc_metric *out);

/* The arrow with the curvatures at `at`. One read of X; needs kept scores. Where the columns cannot be read one by one
 * the arrow stays as it is. */
lc_status lc_metric_refresh(lc_objective *obj, lc_metric *metric);

/* Reads of X that building a Kronecker model from so many rows takes as much time as, by counts of operations; Inf
 * where there is none: a loss without second derivatives, more columns than rows, very many classes, no memory for
 * factors. */
double lc_metric_cost(const lc_objective *obj, double rows);

/* Products of numbers that a read of X stands for there. */
double lc_metric_read_products(const lc_objective *obj);

/* Memory for a Kronecker model (lc_metric_build() asks for it, if it must). */
lc_status lc_metric_allocate(const lc_objective *obj, lc_metric *metric);

/* The Kronecker model at B. Takes a sample of rows at the first time. LC_UNSUPPORTED: the design gives no samples;
 * the arrow stays. */
lc_status lc_metric_build(lc_objective *obj, const double *B, lc_metric *metric);

/* v <- (model)^-1 v, P numbers in place; a lc_metric_fn, so the metric comes as a pointer without a type. Directions in
 * which the model is flat become 0. */
void lc_metric_solve(void *metric, double *v);

#endif
