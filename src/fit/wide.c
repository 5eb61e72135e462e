/* fit/wide.c - see fit/wide.h. */
#include "fit/wide.h"

#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"

enum { TOGETHER = 128 }; /* columns of X that are multiplied together */

/* T (n x count) = columns j of X~. */
static void write_columns(const lc_design *x, lc_index count, const lc_index *j, double *T, const lc_host *host) {
  const double unit = 1;
  memset(T, 0, (size_t)(x->n * count) * sizeof(double));
  for (lc_index a = 0; a < count; a++) x->ops->col_axpy(x, 1, j + a, 1, &unit, T + a * x->n, host);
}

/* M += T Lambda^-1 T' for the columns j of X~. T: n x count; B: count x n. */
static void add_columns(const lc_design *x, const lc_penalty *pen, lc_index count, const lc_index *j, double *T,
                        double *B, double *M, const lc_host *host) {
  lc_index n = x->n;
  write_columns(x, count, j, T, host);
  for (lc_index a = 0; a < count; a++)
    for (lc_index i = 0; i < n; i++) B[a + i * count] = T[i + a * n] / lc_penalty_l2(pen, j[a] - x->intercept);
  lc_kernels()->scores(n, count, (int)n, T, n, B, count, M, n);
}

/* Which columns are penalised, and which are not. */
static void sort_columns(const lc_design *x, const lc_penalty *pen, lc_wide *out) {
  lc_index count = 0;
  for (int unpenalised = 0; unpenalised < 2; unpenalised++) {
    for (lc_index j = 0; j < x->p; j++)
      if (unpenalised == !(lc_penalty_l2(pen, j) > 0)) out->column[count++] = x->intercept + j;
    if (!unpenalised) out->bound = count;
  }
  out->unpenalised = x->p - out->bound;
}

/* U' and the unpenalised columns as a design, with its penalty. */
static lc_status bind(const lc_design *x, lc_wide *out, const lc_host *host, lc_arena *arena) {
  lc_index n = x->n, p = n + out->unpenalised;
  double *L = lc_arena_zeros(arena, n * p), *factors = lc_arena_zeros(arena, 2 * p);
  if (!L || !factors) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++)
    for (lc_index k = 0; k <= i; k++)
      if (!out->skip[k]) L[i + k * n] = out->U[k + i * n];
  write_columns(x, out->unpenalised, out->column + out->bound, L + n * n, host);
  for (lc_index j = 0; j < n; j++) factors[p + j] = 1;
  lc_design_dense(&out->design, n, p, LC_DOUBLE, L);
  out->design.intercept = x->intercept;
  out->pen = (lc_penalty){.p = p, .intercept = x->intercept, .lambda = 1, .l1 = factors, .l2 = factors + p};
  return LC_OK;
}

lc_status lc_wide_build(const lc_design *x, const lc_penalty *pen, lc_wide *out, const lc_host *host, lc_arena *arena) {
  lc_index n = x->n;
  memset(out, 0, sizeof *out);
  out->n = n;
  out->U = lc_arena_zeros(arena, n * n);
  out->skip = lc_arena_alloc(arena, n, 1);
  out->column = lc_arena_alloc(arena, x->p, sizeof *out->column);
  if (!out->U || !out->skip || !out->column) return LC_OUT_OF_MEMORY;
  sort_columns(x, pen, out);
  lc_mark mark = lc_arena_mark(arena);
  double *T = lc_arena_doubles(arena, n * TOGETHER), *B = lc_arena_doubles(arena, n * TOGETHER);
  if (!T || !B) return LC_OUT_OF_MEMORY;
  lc_status status = LC_OK;
  for (lc_index j0 = 0; status == LC_OK && j0 < out->bound; j0 += TOGETHER) {
    status = lc_poll(host);
    lc_index count = lc_min(TOGETHER, out->bound - j0);
    if (status == LC_OK) add_columns(x, pen, count, out->column + j0, T, B, out->U, host);
  }
  lc_arena_reset(arena, mark);
  if (status != LC_OK) return status;
  lc_cholesky(host, n, out->U, 1e-13, out->skip, NULL);
  LC_TRY(lc_poll(host));
  return bind(x, out, host, arena);
}

/* a = U^-1 theta; rows that depend on others need no part. In place. */
static void solve_upper(const lc_wide *wide, double *theta) {
  lc_index n = wide->n;
  for (lc_index j = n; j-- > 0;) {
    theta[j] = wide->skip[j] ? 0 : theta[j] / wide->U[j * (n + 1)];
    double minus = -theta[j];
    lc_kernels()->scores(j, 1, 1, wide->U + j * n, n, &minus, 1, theta, n);
  }
}

lc_status lc_from_rows(const lc_wide *wide, const lc_design *x, const lc_penalty *pen, int K, const double *theta,
                       double *B, lc_arena *arena) {
  lc_index n = wide->n, q = lc_design_q(x), inner = lc_design_q(&wide->design), bound = wide->bound;
  int intercept = x->intercept;
  lc_mark mark = lc_arena_mark(arena);
  double *a = lc_arena_doubles(arena, n * K), *c = lc_arena_doubles(arena, bound * K);
  if (!a || !c) return LC_OUT_OF_MEMORY;
  for (int k = 0; k < K; k++) {
    memcpy(a + k * n, theta + k * inner + intercept, (size_t)n * sizeof(double));
    solve_upper(wide, a + k * n);
  }
  x->ops->col_dot(x, bound, wide->column, K, a, c, arena);
  for (int k = 0; k < K; k++) {
    const double *t = theta + k * inner;
    double *b = B + k * q;
    if (intercept) b[0] = t[0];
    for (lc_index v = 0; v < bound; v++)
      b[wide->column[v]] = c[v + k * bound] / lc_penalty_l2(pen, wide->column[v] - intercept);
    for (lc_index v = 0; v < wide->unpenalised; v++) b[wide->column[bound + v]] = t[intercept + n + v];
  }
  lc_arena_reset(arena, mark);
  return LC_OK;
}
