/* working_set/gram_factor.c - see working_set/gram_factor.h. */
#include "working_set/gram_factor.h"

#include <string.h>

#include "linalg/linalg.h"

/* Memory for all columns to come, or for twice as many; old matrices stay in the arena. */
static lc_status reserve(lc_gram_factor *gram, const lc_objective *obj, lc_index nrows) {
  if (nrows <= gram->capacity) return LC_OK;
  lc_index capacity = lc_min(obj->q, lc_max(nrows, 2 * gram->capacity));
  double *U = lc_arena_doubles(obj->arena, capacity * capacity);
  unsigned char *skip = lc_arena_alloc(obj->arena, capacity, 1);
  if (!U || !skip) return LC_OUT_OF_MEMORY;
  for (lc_index v = 0; v < gram->count; v++)
    memcpy(U + v * capacity, gram->U + v * gram->capacity, (size_t)(v + 1) * sizeof(double));
  if (gram->count > 0) memcpy(skip, gram->skip, (size_t)gram->count);
  gram->U = U;
  gram->skip = skip;
  gram->capacity = capacity;
  return LC_OK;
}

lc_status lc_gram_grow(lc_gram_factor *gram, const lc_objective *obj, lc_index nrows, const lc_index *rows) {
  enum { PANEL = 256 }; /* columns of a product: panels need little memory, and no column meets later ones */
  if (nrows == gram->count) return LC_OK;
  LC_TRY(reserve(gram, obj, nrows));
  /* A block of the factor that is not full is made again. */
  lc_index from = gram->count / LC_CHOLESKY_BLOCK * LC_CHOLESKY_BLOCK;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *C = lc_arena_doubles(obj->arena, lc_min(PANEL, nrows - from) * nrows);
  lc_status status = C ? LC_OK : LC_OUT_OF_MEMORY;
  for (lc_index at = from; status == LC_OK && at < nrows; at += PANEL) {
    lc_index width = lc_min(PANEL, nrows - at);
    status = lc_poll(obj->host);
    if (status == LC_OK) status = lc_objective_cross(obj, width, rows + at, at + width, rows, NULL, C);
    for (lc_index v = at; status == LC_OK && v < at + width; v++)
      for (lc_index u = 0; u <= v; u++) gram->U[u + v * gram->capacity] = C[v - at + u * width];
  }
  lc_arena_reset(obj->arena, mark);
  LC_TRY(status);
  lc_cholesky_extend(obj->host, from, nrows, gram->U, gram->capacity, 1e-10, gram->skip, NULL);
  LC_TRY(lc_poll(obj->host));
  gram->count = nrows;
  return LC_OK;
}

void lc_gram_lift(const lc_gram_factor *gram, lc_objective *obj, const lc_index *rows, double *E, double *R) {
  lc_cholesky_solve_columns(gram->count, gram->U, gram->capacity, gram->skip, obj->K, E);
  lc_objective_weighted_columns(obj, gram->count, rows, E, R);
}
