/* problem/objective_rows.c - verbs of listed rows of X, for batches, and of the rows of a class. */
#include "problem/objective.h"

lc_status lc_objective_rows(const lc_objective *obj, lc_rows *rows) {
  LC_TRY(obj->x->ops->as_rows(obj->x, rows, obj->arena));
  rows->obs = obj->obs;
  return LC_OK;
}

int lc_objective_has_sparse_rows(const lc_objective *obj) { return obj->x->ops->row_columns != NULL; }

int lc_objective_rows_apart(const lc_objective *obj) {
  return !lc_objective_has_sparse_rows(obj) && !(obj->x->ops->caps & LC_STREAMED);
}

lc_index lc_objective_row_features(const lc_rows *rows, lc_index m, const lc_index *index, unsigned char *mark,
                                   lc_index *feature) {
  return rows->design->ops->row_columns(rows, m, index, mark, feature);
}

lc_index lc_objective_row_piece(const lc_rows *rows, lc_index m, const lc_index *index) {
  const lc_design_ops *ops = rows->design->ops;
  return ops->row_piece ? ops->row_piece(rows, m, index) : m;
}

void lc_objective_row_load(lc_rows *rows, lc_index m, const lc_index *index) {
  const lc_design_ops *ops = rows->design->ops;
  if (ops->row_load) ops->row_load(rows, m, index);
}

void lc_objective_row_data(const lc_objective *obj, lc_index m, const lc_index *index, double *y, double *w) {
  for (lc_index i = 0; i < m; i++) {
    y[i] = obj->obs->y[index[i]];
    w[i] = lc_obs_weight(obj->obs, index[i]);
  }
}

void lc_objective_row_scores(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                             const double *B, double *z) {
  obj->x->ops->row_scores(rows, m, index, obj->K, B, z);
}

void lc_objective_row_changes(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                              const double *D, double *dz) {
  const double *offset = obj->obs->offset;
  obj->x->ops->row_scores(rows, m, index, obj->K, D, dz);
  for (int c = 0; offset && c < obj->K; c++)
    for (lc_index i = 0; i < m; i++) dz[i + c * m] -= offset[index[i] + c * obj->x->n];
}

void lc_objective_row_losses(const lc_objective *obj, const lc_coding *coding, lc_index m, const double *z,
                             const double *y, double *value, double *r) {
  lc_loss_block rows = {.m = (int)m, .z = z, .y = y, .value = value, .r = r, .ldz = m, .ldr = m};
  obj->loss->rows(coding, &rows);
}

void lc_objective_row_gradient(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                               const double *r, double *G) {
  obj->x->ops->row_gradient(rows, m, index, obj->K, r, G);
}

lc_row_part lc_objective_all_rows(const lc_objective *obj) { return (lc_row_part){obj->x, NULL}; }

lc_status lc_objective_class_rows(const lc_objective *obj, int y, lc_row_part *out) {
  const lc_obs *obs = obj->obs;
  lc_index count = 0;
  *out = lc_objective_all_rows(obj);
  if (!obj->x->ops->subset) return LC_OK;
  for (lc_index i = 0; i < obs->n; i++) count += (int)obs->y[i] == y && lc_obs_weight(obs, i) > 0;
  lc_index *row = lc_arena_alloc(obj->arena, count, sizeof *row);
  lc_design *x = lc_arena_alloc(obj->arena, 1, sizeof *x);
  if (!row || !x) return LC_OUT_OF_MEMORY;
  count = 0;
  for (lc_index i = 0; i < obs->n; i++)
    if ((int)obs->y[i] == y && lc_obs_weight(obs, i) > 0) row[count++] = i;
  *out = (lc_row_part){x, row};
  return obj->x->ops->subset(obj->x, count, row, 1, x, obj->arena);
}

lc_status lc_objective_pass_part(lc_objective *obj, const lc_row_part *part, lc_pass *pass) {
  obj->passes += (double)part->x->n / (double)obj->x->n;
  return part->x->ops->pass(part->x, pass, obj->host, obj->arena);
}
