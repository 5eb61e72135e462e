/* rank.c - dependent and nearly dependent columns. */
#include "rank.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

enum { MOST_WRITTEN_OUT = 1 << 23 }; /* numbers of a coded design's basis */

static const double dependent = 1e-11;       /* relative remainder at which a column depends on others */
static const double well_conditioned = 1e-3; /* least relative remainder that a Gram matrix resolves well */

/* Rows with weight 0 would hide a dependence; they were dropped before. */
static lc_status build_dense(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  lc_index n = x->n, q = out->q;
  double *Q = lc_arena_zeros(arena, n * q), *none = lc_arena_zeros(arena, 2 * q), smallest = 1;
  double *unit = lc_arena_doubles(arena, 1);
  out->R = lc_arena_doubles(arena, q * q);
  if (!Q || !none || !unit || !out->R) return LC_OUT_OF_MEMORY;
  *unit = 1;
  for (lc_index j = 0; j < q; j++) x->ops->col_axpy(x, 1, &j, 1, unit, Q + j * n, arena->host);
  lc_orthonormalise(n, q, Q, out->R, dependent, alias, &smallest);
  out->condition = 1 / smallest;
  out->needed = smallest < well_conditioned;
  lc_design_dense(&out->design, n, q, LC_DOUBLE, Q);
  out->design.y = x->y;
  out->design.w = x->w;
  out->design.off = x->off;
  out->design.noff = x->noff;
  out->pen = (lc_penalty){.p = q, .one = 0, .lambda = 0, .l1 = none, .l2 = none + q};
  return LC_OK;
}

/* Cholesky of the Gram matrix with unit diagonal; pivots at 1e-9 depend. */
static lc_status build_sparse(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  lc_index n = x->n, q = out->q;
  lc_index *all = lc_arena_alloc(arena, q, sizeof *all);
  double *gram = lc_arena_doubles(arena, q * q), *ones = lc_arena_doubles(arena, n), smallest = 1;
  if (!all || !gram || !ones) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < q; j++) all[j] = j;
  for (lc_index i = 0; i < n; i++) ones[i] = 1;
  LC_TRY(x->ops->col_cross(x, q, all, q, all, ones, gram, arena->host, arena));
  for (lc_index j = 0; j < q; j++) {
    double d = gram[j * (q + 1)], root = d > 0 ? 1 / sqrt(d) : 0;
    for (lc_index i = 0; i < q; i++) {
      gram[i + j * q] *= root;
      gram[j + i * q] *= root;
    }
  }
  lc_cholesky(q, gram, 1e-9, alias, &smallest);
  out->condition = 1 / sqrt(smallest);
  out->needed = 0;
  return LC_OK;
}

lc_status lc_basis_build(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  memset(out, 0, sizeof *out);
  out->q = lc_design_q(x);
  if (!(x->ops->caps & LC_COLUMNS)) return LC_UNSUPPORTED;
  /* Columns that are stored short are written out only when that is little. */
  int stored_short = x->start || (x->coded && x->n * out->q > MOST_WRITTEN_OUT);
  return stored_short ? build_sparse(x, alias, out, arena) : build_dense(x, alias, out, arena);
}

void lc_basis_enter(const lc_basis *basis, int K, double *B) {
  lc_index q = basis->q;
  for (int c = 0; c < K; c++)
    for (lc_index i = 0; i < q; i++) {
      double sum = 0;
      for (lc_index j = i; j < q; j++) sum += basis->R[i + j * q] * B[c * q + j];
      B[c * q + i] = sum;
    }
}

void lc_basis_leave(const lc_basis *basis, int K, double *B) {
  lc_index q = basis->q;
  for (int c = 0; c < K; c++)
    for (lc_index i = q; i-- > 0;) {
      double pivot = basis->R[i * (q + 1)], sum = B[c * q + i];
      for (lc_index j = i + 1; j < q; j++) sum -= basis->R[i + j * q] * B[c * q + j];
      B[c * q + i] = pivot != 0 ? sum / pivot : 0;
    }
}
