/* hessian/leading.h - what a Kronecker model gets wrong in the strong directions of the rows.
 *
 * S_i varies with the scores, and these with the strong directions of x_i: there the mean of S_i (x) x_i x_i' is no
 * product of means. So a few leading directions V (q x r) of G get the sampled Hessian itself. With W = I (x) V,
 *     M^-1 = K^-1 + W (E^-1 - A^-1) W',   E = W' H W,   A = W' K W,
 * where K is the Kronecker model and H the Hessian of the sample. It is positive definite whatever V is: in coordinates
 * where K is I, it is I - T + W E^-1 W' with T the orthogonal projector on the columns of W. (Measured: correlated
 * features of 10 classes 22 to 33 passes for 42 to 67; 30 classes 35 for 76; independent features 32 for 33.) */
#ifndef LC_HESSIAN_LEADING_H
#define LC_HESSIAN_LEADING_H

#include "hessian/model.h"

/* Directions that a model of this objective may have: 0 for one score column, whose model is the Hessian already. */
lc_index lc_leading_most(const lc_objective *obj);

/* Products of numbers that lc_leading_find() and lc_leading_fill() take with so many sampled rows. */
double lc_leading_products(const lc_objective *obj, double rows);

/* Memory for lc_leading_most() directions. */
lc_status lc_leading_allocate(const lc_objective *obj, lc_leading *out);

/* V <- about the leading eigenvectors of G (packed q x q) between columns of unit length. Cost 4 q^2 r. */
lc_status lc_leading_find(const lc_objective *obj, const double *gram, lc_leading *out);

/* E and A for the directions in metric->leading, from the model's sample and factors. Z (rows of the sample x K): the
 * scores of its rows. */
lc_status lc_leading_fill(const lc_objective *obj, lc_metric *metric, const double *Z);

/* c (r x K) <- what M^-1 v has beside K^-1 v, as coefficients of V; v (q x K) and c in the eigenvectors of S. Scratch
 * of the metric. */
void lc_leading_correct(const lc_metric *metric, const double *v);

#endif
