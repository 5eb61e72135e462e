/* hessian/leading.c - the Hessian itself in the leading directions of a Kronecker model. */
#include "hessian/leading.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "base/random.h"

enum { MOST = 40, MOST_TOGETHER = 2000 }; /* directions; of all score columns (both measured: more gain little) */

/* A little more than rounding on a diagonal, so that a factor exists. */
static const double TINY = 1e-10;

lc_index lc_leading_most(const lc_objective *obj) {
  return obj->K == 1 ? 0 : lc_min(obj->q, lc_min(MOST, MOST_TOGETHER / obj->K));
}

double lc_leading_products(const lc_objective *obj, double rows) {
  double r = (double)lc_leading_most(obj), q = (double)obj->q, all = r * obj->K;
  return r * (rows * (q + obj->ns * r) + 4 * q * q) + all * all * all / 3;
}

lc_status lc_leading_allocate(const lc_objective *obj, lc_leading *out) {
  lc_arena *arena = obj->arena;
  lc_index r = lc_leading_most(obj), K = obj->K;
  out->V = lc_arena_doubles(arena, obj->q * r);
  out->E = lc_arena_doubles(arena, r * K * r * K);
  out->A = lc_arena_doubles(arena, LC_METRIC_FACTORS * r * r);
  out->skip = lc_arena_alloc(arena, r * K + LC_METRIC_FACTORS * r, 1);
  out->c = lc_arena_doubles(arena, r * K);
  out->d = lc_arena_doubles(arena, r * K);
  return out->V && out->E && out->A && out->skip && out->c && out->d ? LC_OK : LC_OUT_OF_MEMORY;
}

/* Two steps of subspace iteration from random vectors; returns how many directions are independent. (A third step saved
 * no pass, nor did true eigenvectors.) */
static lc_index iterate(lc_index q, lc_index r, const double *full, double *V, double *next, double *overlap) {
  lc_random random = lc_random_stream(1, 0);
  for (lc_index i = 0; i < q * r; i++) V[i] = (double)(lc_random_bits(&random) >> 11) - 0x1p52;
  for (int step = 0; step < 2; step++) {
    memset(next, 0, (size_t)(q * r) * sizeof(double));
    lc_kernels()->scores(q, q, (int)r, full, q, V, q, next, q);
    lc_index kept = 0;
    for (lc_index a = 0; a < r; a++) {
      memcpy(V + kept * q, next + a * q, (size_t)q * sizeof(double));
      kept += lc_orthonormalise(q, kept, V, V + kept * q, overlap, 1e-8) > 0;
    }
    r = kept;
  }
  return r;
}

lc_status lc_leading_find(const lc_objective *obj, const double *gram, lc_leading *out) {
  lc_index q = obj->q, most = lc_leading_most(obj);
  out->r = 0;
  if (most == 0) return LC_OK;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *full = lc_arena_doubles(obj->arena, q * q), *next = lc_arena_doubles(obj->arena, q * most);
  double *unit = lc_arena_doubles(obj->arena, q), *overlap = lc_arena_doubles(obj->arena, most + 1);
  lc_status status = full && next && unit && overlap ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    for (lc_index j = 0; j < q; j++) {
      double square = gram[lc_packed_at(j, j)];
      unit[j] = square > 0 ? 1 / sqrt(square) : 0;
    }
    for (lc_index j = 0; j < q; j++)
      for (lc_index i = 0; i <= j; i++)
        full[i + j * q] = full[j + i * q] = gram[lc_packed_at(i, j)] * unit[i] * unit[j];
    out->r = iterate(q, most, full, out->V, next, overlap);
    for (lc_index a = 0; a < out->r; a++)
      for (lc_index j = 0; j < q; j++) out->V[j + a * q] *= unit[j];
  }
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* Factor of the symmetric matrix whose upper triangle is in M (n x n). */
static void factor(const lc_host *host, lc_index n, double *M, unsigned char *skip) {
  for (lc_index i = 0; i < n; i++) M[i * (n + 1)] *= 1 + TINY;
  lc_cholesky(host, n, M, TINY * 1e-3, skip, NULL);
}

/* What filling needs, for a time. */
typedef struct scratch {
  double *full, *T, *packed, *work; /* q x q; q x r; packed r x r; q and what the Gram kernel takes */
} scratch;

static lc_status allocate(const lc_objective *obj, const lc_leading *lead, scratch *out) {
  lc_arena *arena = obj->arena;
  lc_index q = obj->q, r = lead->r;
  out->full = lc_arena_doubles(arena, q * q);
  out->T = lc_arena_doubles(arena, q * r);
  out->packed = lc_arena_doubles(arena, lc_packed_size(r));
  out->work = lc_arena_doubles(arena, q * lc_max(r, LC_GRAM_WORK));
  return out->full && out->T && out->packed && out->work ? LC_OK : LC_OUT_OF_MEMORY;
}

/* spare->packed <- X' diag(s) X, X q x r. */
static void gram_of(lc_index q, lc_index r, const double *X, const double *s, scratch *spare) {
  memset(spare->packed, 0, (size_t)lc_packed_size(r) * sizeof(double));
  lc_kernels()->gram(q, r, 0, 1, X, q, s, q, spare->packed, lc_packed_size(r), spare->work);
}

/* A = V'U'U V for each group. */
static void fill_kronecker(const lc_metric *metric, const double *ones, scratch *spare) {
  const lc_leading *lead = &metric->leading;
  lc_index q = metric->q, r = lead->r;
  for (int g = 0; g < metric->groups; g++) {
    double *A = lead->A + g * r * r;
    memset(spare->full, 0, (size_t)(q * q) * sizeof(double));
    for (lc_index j = 0; j < q; j++)
      memcpy(spare->full + j * q, metric->U + (g * q + j) * q, (size_t)(j + 1) * sizeof(double));
    memset(spare->T, 0, (size_t)(q * r) * sizeof(double));
    lc_kernels()->scores(q, q, (int)r, spare->full, q, lead->V, q, spare->T, q);
    gram_of(q, r, spare->T, ones, spare);
    for (lc_index b = 0; b < r; b++)
      memcpy(A + b * r, spare->packed + lc_packed_at(0, b), (size_t)(b + 1) * sizeof(double));
    factor(NULL, r, A, lead->skip + r * metric->K + g * r);
  }
}

/* The sample in the coordinates V, T (m x r), with the scores Z as offsets: the Hessian at coefficients 0 is the one at
 * the scores. */
static lc_status project(const lc_objective *obj, const lc_metric *metric, const double *Z, double *T, lc_design *out,
                         lc_obs *out_obs) {
  const lc_design *sample = &metric->sample;
  lc_pass pass = {.K = (int)metric->leading.r, .B = metric->leading.V, .Z = T};
  LC_TRY(sample->ops->pass(sample, &pass, obj->host, obj->arena));
  lc_design_dense(out, sample->n, metric->leading.r, LC_DOUBLE, T);
  *out_obs = metric->sample_obs;
  out_obs->offset = Z;
  out_obs->noffset = obj->K;
  return LC_OK;
}

/* E, the penalty's part V' diag(l2) V included. */
static lc_status fill_hessian(const lc_objective *obj, const lc_metric *metric, const double *Z, scratch *spare) {
  const lc_leading *lead = &metric->leading;
  lc_index r = lead->r, P = r * obj->K;
  double *T = lc_arena_doubles(obj->arena, metric->sample.n * r), *none = lc_arena_zeros(obj->arena, P);
  if (!T || !none) return LC_OUT_OF_MEMORY;
  lc_design projected;
  lc_obs shifted;
  LC_TRY(project(obj, metric, Z, T, &projected, &shifted));
  lc_penalty free = {.p = r, .l1 = none, .l2 = none};
  lc_objective inner;
  LC_TRY(lc_objective_init(&inner, &projected, &shifted, obj->loss, &obj->coding, &free, 0, obj->arena));
  LC_TRY(lc_objective_eval(&inner, none, LC_WANT_GRADIENT | LC_WANT_CURVATURE));
  lc_objective_hessian(&inner, 0, lead->E);
  gram_of(metric->q, r, lead->V, metric->l2, spare);
  for (int c = 0; c < obj->K; c++)
    for (lc_index b = 0; b < r; b++)
      for (lc_index a = 0; a <= b; a++) lead->E[c * r + a + (c * r + b) * P] += spare->packed[lc_packed_at(a, b)];
  factor(obj->host, P, lead->E, lead->skip);
  return LC_OK;
}

lc_status lc_leading_fill(const lc_objective *obj, lc_metric *metric, const double *Z) {
  if (metric->leading.r == 0) return LC_OK;
  lc_mark mark = lc_arena_mark(obj->arena);
  scratch spare;
  double *ones = lc_arena_doubles(obj->arena, metric->q);
  lc_status status = ones ? allocate(obj, &metric->leading, &spare) : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    for (lc_index j = 0; j < metric->q; j++) ones[j] = 1;
    fill_kronecker(metric, ones, &spare);
    status = fill_hessian(obj, metric, Z, &spare);
  }
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* Columns of c (r x K) in directions without curvature <- 0: these are not coupled to others and stay K's. */
static void leave_flat(const lc_metric *metric, double *c) {
  lc_index r = metric->leading.r;
  for (int k = 0; k < metric->K; k++)
    if (metric->group[k] < 0) memset(c + k * r, 0, (size_t)r * sizeof(double));
}

void lc_leading_correct(const lc_metric *metric, const double *v) {
  const lc_leading *lead = &metric->leading;
  lc_index r = lead->r, q = metric->q;
  int K = metric->K;
  double *c = lead->c, *d = lead->d;
  memset(c, 0, (size_t)(r * K) * sizeof(double));
  lc_kernels()->gradient(q, r, K, lead->V, q, v, q, c, r);
  leave_flat(metric, c);
  memset(d, 0, (size_t)(r * K) * sizeof(double));
  lc_kernels()->scores(r, K, K, c, r, metric->Vt, K, d, r); /* to score columns, where E is */
  lc_cholesky_solve(r * K, lead->E, r * K, lead->skip, d);
  for (int k = 0; k < K; k++) {
    int g = metric->group[k];
    if (g >= 0) lc_cholesky_solve(r, lead->A + g * r * r, r, lead->skip + r * K + g * r, c + k * r);
    for (lc_index a = 0; g >= 0 && a < r; a++) c[a + k * r] /= -metric->s[k];
  }
  lc_kernels()->scores(r, K, K, d, r, metric->V, K, c, r); /* and back */
  leave_flat(metric, c);
}
