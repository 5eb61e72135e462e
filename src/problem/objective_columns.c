/* problem/objective_columns.c - verbs of listed columns of X, for working sets. */
#include <string.h>

#include "problem/objective.h"

lc_status lc_objective_cross(const lc_objective *obj, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                             const double *s, double *C) {
  const lc_design *x = obj->x;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *ones = NULL;
  if (!s) s = obj->obs->w;
  if (!s) {
    s = ones = lc_arena_doubles(obj->arena, x->n);
    if (!ones) return LC_OUT_OF_MEMORY;
    for (lc_index row = 0; row < x->n; row++) ones[row] = 1;
  }
  lc_status status = x->ops->col_cross(x, ni, i, nj, j, s, C, obj->arena);
  for (lc_index v = 0; status == LC_OK && v < ni * nj; v++) C[v] /= obj->weight_sum;
  lc_arena_reset(obj->arena, mark);
  return status;
}

void lc_objective_weighted_columns(lc_objective *obj, lc_index nj, const lc_index *j, const double *D, double *R) {
  const lc_design *x = obj->x;
  memset(R, 0, (size_t)(x->n * obj->K) * sizeof(double));
  x->ops->col_axpy(x, nj, j, obj->K, D, R, obj->host);
  const double *w = obj->obs->w;
  for (int c = 0; w && c < obj->K; c++)
    for (lc_index i = 0; i < x->n; i++) R[i + c * x->n] *= w[i];
  obj->passes += (double)nj / (double)lc_max(obj->q, 1);
}

void lc_objective_return(lc_objective *obj, const lc_design *x, lc_point *spare) {
  lc_point swap = obj->at;
  obj->at = *spare;
  *spare = swap;
  obj->x = x;
  obj->napart = -1;
}

void lc_objective_leave(lc_objective *obj, const lc_design *x, lc_point *spare) {
  memcpy(spare->B, obj->at.B, (size_t)obj->P * sizeof(double));
  memcpy(spare->Z, obj->at.Z, (size_t)(obj->x->n * obj->K) * sizeof(double));
  spare->loss = obj->at.loss;
  spare->value = obj->at.value;
  lc_objective_return(obj, x, spare);
}

int lc_objective_has_sparse_columns(const lc_objective *obj) { return obj->x->ops->col_thin != NULL; }

lc_status lc_objective_sparse_columns(const lc_objective *obj, lc_index nj, const lc_index *j, const double *by,
                                      const double *root, lc_spvec *out) {
  return obj->x->ops->col_thin(obj->x, nj, j, by, root, out, obj->host, obj->arena);
}
