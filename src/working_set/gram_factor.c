/* working_set/gram_factor.c - see working_set/gram_factor.h. */
#include "working_set/gram_factor.h"

#include <string.h>

#include "linalg/linalg.h"

/* Room for all columns to come, or for twice as many; old matrices stay in the arena. */
static lc_status make_room(lc_gram *gram, const lc_objective *obj, lc_index nrows) {
  if (nrows <= gram->room) return LC_OK;
  lc_index room = lc_min(obj->q, lc_max(nrows, 2 * gram->room));
  double *U = lc_arena_doubles(obj->arena, room * room);
  unsigned char *skip = lc_arena_alloc(obj->arena, room, 1);
  if (!U || !skip) return LC_OUT_OF_MEMORY;
  for (lc_index v = 0; v < gram->count; v++)
    memcpy(U + v * room, gram->U + v * gram->room, (size_t)(v + 1) * sizeof(double));
  if (gram->count > 0) memcpy(skip, gram->skip, (size_t)gram->count);
  gram->U = U;
  gram->skip = skip;
  gram->room = room;
  return LC_OK;
}

lc_status lc_gram_grow(lc_gram *gram, const lc_objective *obj, lc_index nrows, const lc_index *rows) {
  const lc_design *x = obj->x;
  if (nrows == gram->count) return LC_OK;
  LC_TRY(make_room(gram, obj, nrows));
  /* A block of the factor that is not full is made again. Panels need little memory, and no column meets later ones. */
  enum { PANEL = 256 };
  lc_index from = gram->count / LC_CHOLESKY_BLOCK * LC_CHOLESKY_BLOCK;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *C = lc_arena_doubles(obj->arena, lc_min(PANEL, nrows - from) * nrows);
  double *ones = lc_arena_doubles(obj->arena, x->w ? 0 : x->n);
  lc_status status = C && ones ? LC_OK : LC_OUT_OF_MEMORY;
  for (lc_index i = 0; ones && !x->w && i < x->n; i++) ones[i] = 1;
  for (lc_index at = from; status == LC_OK && at < nrows; at += PANEL) {
    lc_index m = lc_min(PANEL, nrows - at);
    status = lc_poll(obj->host);
    if (status != LC_OK) break;
    status = x->ops->col_cross(x, m, rows + at, at + m, rows, x->w ? x->w : ones, C, obj->host, obj->arena);
    for (lc_index v = at; v < at + m; v++)
      for (lc_index u = 0; u <= v; u++) gram->U[u + v * gram->room] = C[v - at + u * m] / obj->weight_sum;
  }
  lc_arena_reset(obj->arena, mark);
  if (status != LC_OK) return status;
  lc_cholesky_extend(from, nrows, gram->U, gram->room, 1e-10, gram->skip, NULL);
  gram->count = nrows;
  return LC_OK;
}

lc_status lc_gram_lift(const lc_gram *gram, const lc_objective *obj, const lc_index *rows, double *E, double *R) {
  const lc_design *x = obj->x;
  memset(R, 0, (size_t)(x->n * obj->K) * sizeof(double));
  for (int c = 0; c < obj->K; c++) lc_cholesky_solve(gram->count, gram->U, gram->room, gram->skip, E + c * gram->count);
  x->ops->col_axpy(x, gram->count, rows, obj->K, E, R, obj->host);
  for (int c = 0; x->w && c < obj->K; c++)
    for (lc_index i = 0; i < x->n; i++) R[i + c * x->n] *= x->w[i];
  return LC_OK;
}
