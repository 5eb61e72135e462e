/* fit/rank.c - dependent and nearly dependent columns. */
#include "fit/rank.h"

#include <math.h>
#include <string.h>

#include "problem/tasks.h"
#include "linalg/linalg.h"

lc_index lc_most_independent(const lc_design *x, const lc_penalty *pen) {
  lc_index q = lc_design_q(x);
  return lc_penalty_is_none(pen) ? lc_min(q, x->n) : q;
}

int lc_is_n_below_p(const lc_objective *obj) {
  return obj->q > lc_most_independent(obj->x, obj->pen) && (obj->x->ops->caps & LC_COLUMNS) &&
         !(obj->x->ops->caps & LC_STREAMED);
}

static const double dependent = 1e-11;       /* relative remainder at which a column depends on others */
static const double well_conditioned = 1e-3; /* least relative remainder that a Gram matrix resolves well */

/* The first r columns of Q as a design. */
static lc_status bind(const lc_design *x, const double *Q, lc_basis *out, lc_arena *arena) {
  double *none = lc_arena_zeros(arena, 2 * out->r);
  if (!none) return LC_OUT_OF_MEMORY;
  lc_design_dense(&out->design, x->n, out->r, LC_DOUBLE, Q);
  out->pen = (lc_penalty){.p = out->r, .intercept = 0, .lambda = 0, .l1 = none, .l2 = none + out->r};
  return LC_OK;
}

/* Rows with weight 0 would hide a dependence; they were dropped before. */
static lc_status orthonormalise(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  lc_index n = x->n, q = out->q, most = lc_min(n, q), r = 0;
  const double unit = 1;
  double *Q = lc_arena_doubles(arena, n * most), smallest = 1;
  out->R = lc_arena_doubles(arena, lc_packed_size(most));
  out->kept = lc_arena_alloc(arena, most, sizeof *out->kept);
  if (!Q || !out->R || !out->kept) return LC_OUT_OF_MEMORY;
  memset(alias, 1, (size_t)q);
  for (lc_index j = 0; j < q && r < n; j++) { /* n independent columns span all others */
    double *column = Q + r * n;
    LC_TRY(lc_poll(arena->host));
    memset(column, 0, (size_t)n * sizeof(double));
    x->ops->col_axpy(x, 1, &j, 1, &unit, column, arena->host);
    double share = lc_orthonormalise(n, r, Q, column, out->R + lc_packed_size(r), dependent);
    if (share == 0) continue;
    smallest = fmin(smallest, share);
    alias[j] = 0;
    out->kept[r++] = j;
  }
  out->r = r;
  out->condition = 1 / smallest;
  out->needed = n < q || smallest < well_conditioned;
  return bind(x, Q, out, arena);
}

/* X~'X~ by a pass. */
static lc_status gram_by_pass(const lc_design *x, lc_index q, double *gram, lc_arena *arena) {
  double *C = lc_arena_doubles(arena, lc_packed_size(q)), *B = lc_arena_zeros(arena, q);
  if (!C || !B) return LC_OUT_OF_MEMORY;
  lc_pass pass = {.K = 1, .ns = 1, .B = B, .C = C};
  lc_task_set(NULL, LC_TASK_ONES, &pass);
  LC_TRY(x->ops->pass(x, &pass, arena->host, arena));
  for (lc_index j = 0; j < q; j++)
    for (lc_index i = 0; i <= j; i++) gram[i + j * q] = gram[j + i * q] = C[lc_packed_at(i, j)];
  return LC_OK;
}

static lc_status gram_by_columns(const lc_design *x, lc_index q, double *gram, lc_arena *arena) {
  lc_index *all = lc_arena_alloc(arena, q, sizeof *all);
  double *ones = lc_arena_doubles(arena, x->n);
  if (!all || !ones) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < q; j++) all[j] = j;
  for (lc_index i = 0; i < x->n; i++) ones[i] = 1;
  return x->ops->col_cross(x, q, all, q, all, ones, gram, arena);
}

/* Cholesky of the Gram matrix with unit diagonal; pivots at 1e-9 depend. */
static lc_status factor_gram(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  lc_index q = out->q;
  double *gram = lc_arena_doubles(arena, q * q), smallest = 1;
  if (!gram) return LC_OUT_OF_MEMORY;
  int columns = (x->ops->caps & LC_COLUMNS) && !(x->ops->caps & LC_STREAMED);
  LC_TRY(columns ? gram_by_columns(x, q, gram, arena) : gram_by_pass(x, q, gram, arena));
  for (lc_index j = 0; j < q; j++) {
    double d = gram[j * (q + 1)], root = d > 0 ? 1 / sqrt(d) : 0;
    for (lc_index i = 0; i < q; i++) {
      gram[i + j * q] *= root;
      gram[j + i * q] *= root;
    }
  }
  lc_cholesky(arena->host, q, gram, 1e-9, alias, &smallest);
  LC_TRY(lc_poll(arena->host));
  out->condition = 1 / sqrt(smallest);
  out->needed = 0;
  return LC_OK;
}

lc_status lc_basis_build(const lc_design *x, unsigned char *alias, lc_basis *out, lc_arena *arena) {
  memset(out, 0, sizeof *out);
  out->q = lc_design_q(x);
  int stored_short = (double)x->n * (double)out->q > x->ops->written_out;
  int by_gram = (stored_short && x->n >= out->q) || (x->ops->caps & LC_STREAMED) || !(x->ops->caps & LC_COLUMNS);
  return by_gram ? factor_gram(x, alias, out, arena) : orthonormalise(x, alias, out, arena);
}

lc_status lc_to_basis(const lc_basis *basis, const lc_design *x, int K, const double *B, double *theta,
                      lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  lc_index n = x->n, r = basis->r;
  double *Z = lc_arena_zeros(arena, n * K);
  lc_index *all = lc_arena_alloc(arena, basis->q, sizeof *all);
  lc_status status = Z && all ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    for (lc_index j = 0; j < basis->q; j++) all[j] = j;
    x->ops->col_axpy(x, basis->q, all, K, B, Z, arena->host);
    basis->design.ops->col_dot(&basis->design, r, all, K, Z, theta, arena); /* Q'Q = 1 */
  }
  lc_arena_reset(arena, mark);
  return status;
}

void lc_from_basis(const lc_basis *basis, int K, const double *theta, double *B) {
  memset(B, 0, (size_t)(basis->q * K) * sizeof(double));
  for (int c = 0; c < K; c++) {
    const double *t = theta + c * basis->r;
    double *b = B + c * basis->q;
    for (lc_index i = basis->r; i-- > 0;) {
      double sum = t[i];
      for (lc_index j = i + 1; j < basis->r; j++) sum -= basis->R[lc_packed_at(i, j)] * b[basis->kept[j]];
      b[basis->kept[i]] = sum / basis->R[lc_packed_at(i, i)];
    }
  }
}
