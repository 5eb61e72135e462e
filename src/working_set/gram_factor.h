/* working_set/gram_factor.h - a growing list of columns of X with the factor of their Gram matrix. */
#ifndef LC_WORKING_SET_GRAM_FACTOR_H
#define LC_WORKING_SET_GRAM_FACTOR_H

#include "problem/objective.h"

typedef struct lc_gram_factor {
  lc_index count, capacity; /* columns of the factor; that there is memory for */
  double *U;           /* capacity x capacity: X_J' diag(w) X_J / W = U'U for the columns J, w the weights of rows */
  unsigned char *skip; /* columns that depend on those before them */
} lc_gram_factor;

/* Takes columns rows[count] .. rows[nrows - 1] in; the ones before must be those of the last call. An empty list is all
 * 0. Cost nrows^2 per new column and row of X, and nrows^3 / 3 - count^3 / 3. */
lc_status lc_gram_grow(lc_gram_factor *gram, const lc_objective *obj, lc_index nrows, const lc_index *rows);

/* R (n x K) <- diag(w) X_J V with X_J'R / W = E (count x K, becomes V) but for columns that are skipped. Reads the
 * columns once. */
void lc_gram_lift(const lc_gram_factor *gram, lc_objective *obj, const lc_index *rows, double *E, double *R);

#endif
