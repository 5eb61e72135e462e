/* wide.c - see wide.h. */
#include "wide.h"

#include <string.h>

#include "kernel.h"
#include "linalg.h"

enum { TOGETHER = 128 }; /* columns of X that are multiplied together */

/* M += T Lambda^-1 T' for the columns j0 .. j0 + count - 1 of X. T: n x count; B: count x n. */
static void add_columns(const lc_design *x, const lc_penalty *pen, lc_index j0, lc_index count, double *T, double *B,
                        double *M, const lc_host *host) {
  lc_index n = x->n;
  const double unit = 1;
  memset(T, 0, (size_t)(n * count) * sizeof(double));
  for (lc_index a = 0; a < count; a++) {
    lc_index j = x->one + j0 + a;
    x->ops->col_axpy(x, 1, &j, 1, &unit, T + a * n, host);
    for (lc_index i = 0; i < n; i++) B[a + i * count] = T[i + a * n] / lc_penalty_l2(pen, j0 + a);
  }
  lc_kernels()->scores(n, count, (int)n, T, n, B, count, M, n);
}

lc_status lc_wide_build(const lc_design *x, const lc_penalty *pen, lc_wide *out, const lc_host *host, lc_arena *arena) {
  lc_index n = x->n;
  memset(out, 0, sizeof *out);
  out->n = n;
  out->U = lc_arena_zeros(arena, n * n);
  out->skip = lc_arena_alloc(arena, n, 1);
  double *L = lc_arena_zeros(arena, n * n), *factors = lc_arena_zeros(arena, 2 * n);
  if (!out->U || !out->skip || !L || !factors) return LC_OUT_OF_MEMORY;
  lc_mark mark = lc_arena_mark(arena);
  double *T = lc_arena_doubles(arena, n * TOGETHER), *B = lc_arena_doubles(arena, n * TOGETHER);
  if (!T || !B) return LC_OUT_OF_MEMORY;
  lc_status status = LC_OK;
  for (lc_index j0 = 0; status == LC_OK && j0 < x->p; j0 += TOGETHER) {
    status = lc_poll(host);
    if (status == LC_OK) add_columns(x, pen, j0, lc_min(TOGETHER, x->p - j0), T, B, out->U, host);
  }
  lc_arena_reset(arena, mark);
  if (status != LC_OK) return status;
  lc_cholesky(n, out->U, 1e-13, out->skip, NULL);
  for (lc_index i = 0; i < n; i++)
    for (lc_index k = 0; k <= i; k++)
      if (!out->skip[k]) L[i + k * n] = out->U[k + i * n];
  for (lc_index j = 0; j < n; j++) factors[n + j] = 1;
  lc_design_dense(&out->design, n, n, LC_DOUBLE, L);
  out->design.one = x->one;
  out->design.y = x->y;
  out->design.w = x->w;
  out->design.off = x->off;
  out->design.noff = x->noff;
  out->pen = (lc_penalty){.p = n, .one = x->one, .lambda = 1, .l1 = factors, .l2 = factors + n};
  return LC_OK;
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

lc_status lc_wide_leave(const lc_wide *wide, const lc_design *x, const lc_penalty *pen, int K, const double *theta,
                        double *B, const lc_host *host, lc_arena *arena) {
  lc_index n = wide->n, q = lc_design_q(x);
  int one = x->one;
  lc_mark mark = lc_arena_mark(arena);
  double *a = lc_arena_doubles(arena, n * K), *c = lc_arena_doubles(arena, x->p * K);
  lc_index *all = lc_arena_alloc(arena, x->p, sizeof *all);
  if (!a || !c || !all) return LC_OUT_OF_MEMORY;
  for (int k = 0; k < K; k++) {
    memcpy(a + k * n, theta + k * (n + one) + one, (size_t)n * sizeof(double));
    solve_upper(wide, a + k * n);
  }
  for (lc_index j = 0; j < x->p; j++) all[j] = one + j;
  x->ops->col_dot(x, x->p, all, K, a, c, host);
  for (int k = 0; k < K; k++) {
    if (one) B[k * q] = theta[k * (n + one)];
    for (lc_index j = 0; j < x->p; j++) B[k * q + one + j] = c[j + k * x->p] / lc_penalty_l2(pen, j);
  }
  lc_arena_reset(arena, mark);
  return LC_OK;
}
