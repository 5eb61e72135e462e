/* kernel/ref.c - the inner loops, written to be read. */
#include <float.h>
#include <math.h>

#include "kernel/dispatch.h"
#include "kernel/lanes.h"

/* Columns that lie anywhere, ints and floats, are brought together as doubles a few rows at a time. */
enum { PIECE = 64 };

static const double *piece(enum lc_storage type, const void *x, lc_index i, lc_index m, double *copy) {
  if (type == LC_DOUBLE) return (const double *)x + i;
  const int *whole = (const int *)x + i;
  const float *narrow = (const float *)x + i;
  for (lc_index r = 0; r < m; r++) copy[r] = type == LC_INTEGER ? whole[r] : (double)narrow[r];
  return copy;
}

static void ref_scores_of(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x, const double *B,
                          lc_index ldb, double *Z, lc_index ldz) {
  double copy[PIECE];
  for (lc_index j = 0; j < p; j++)
    for (lc_index i = 0; i < m; i += PIECE) {
      lc_index rows = lc_min(PIECE, m - i);
      const double *restrict column = piece(type, x[j], i, rows, copy);
      for (int c = 0; c < K; c++) {
        double *restrict z = Z + c * ldz + i;
        double b = B[j + c * ldb];
        for (lc_index r = 0; r < rows; r++) z[r] += column[r] * b;
      }
    }
}

static void ref_scores(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *B, lc_index ldb,
                       double *Z, lc_index ldz) {
  for (lc_index j = 0; j < p; j++) {
    const void *x = X + j * ldx;
    ref_scores_of(m, 1, K, LC_DOUBLE, &x, B + j, ldb, Z, ldz);
  }
}

/* Four running sums: a fixed order that a vector unit can follow. */
static void add_products(lc_index m, const double *restrict x, const double *restrict r, double *sum) {
  double s0 = sum[0], s1 = sum[1], s2 = sum[2], s3 = sum[3];
  lc_index i = 0;
  for (; i + 4 <= m; i += 4) {
    s0 += x[i] * r[i];
    s1 += x[i + 1] * r[i + 1];
    s2 += x[i + 2] * r[i + 2];
    s3 += x[i + 3] * r[i + 3];
  }
  for (; i < m; i++) s0 += x[i] * r[i];
  sum[0] = s0, sum[1] = s1, sum[2] = s2, sum[3] = s3;
}

static double dot(lc_index m, const double *x, const double *r) {
  double sum[4] = {0};
  add_products(m, x, r, sum);
  return (sum[0] + sum[1]) + (sum[2] + sum[3]);
}

static void ref_gradient_of(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x, const double *R,
                            lc_index ldr, double *G, lc_index ldg) {
  double copy[PIECE];
  for (lc_index j = 0; j < p; j++)
    for (int c = 0; c < K; c++) {
      double sum[4] = {0};
      for (lc_index i = 0; i < m; i += PIECE) {
        lc_index rows = lc_min(PIECE, m - i);
        add_products(rows, piece(type, x[j], i, rows, copy), R + c * ldr + i, sum);
      }
      G[j + c * ldg] += (sum[0] + sum[1]) + (sum[2] + sum[3]);
    }
}

static void ref_gradient(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *R, lc_index ldr,
                         double *G, lc_index ldg) {
  for (lc_index j = 0; j < p; j++) {
    const void *x = X + j * ldx;
    ref_gradient_of(m, 1, K, LC_DOUBLE, &x, R, ldr, G + j, ldg);
  }
}

static void ref_gram(lc_index m, lc_index p, int one, int ns, const double *X, lc_index ldx, const double *S,
                     lc_index lds, double *C, lc_index ldc, double *work) {
  for (int s = 0; s < ns; s++)
    for (lc_index b = 0; b < p; b++) {
      for (lc_index i = 0; i < m; i++) work[i] = X[i + b * ldx] * S[i + s * lds];
      double *column = C + s * ldc + lc_packed_at(one, b + one);
      for (lc_index a = 0; a <= b; a++) column[a] += dot(m, X + a * ldx, work);
    }
}

static void ref_moments(lc_index m, enum lc_storage type, const void *x, double pilot, double *state, double *out) {
  double sum = state ? state[0] : 0, squares = state ? state[1] : 0, largest = state ? state[2] : 0, copy[PIECE];
  for (lc_index i = 0; i < m; i += PIECE) {
    lc_index rows = lc_min(PIECE, m - i);
    const double *value = piece(type, x, i, rows, copy);
    for (lc_index r = 0; r < rows; r++) {
      double d = value[r] - pilot;
      sum += d;
      squares += d * d;
      largest = fmax(largest, fabs(value[r]));
    }
  }
  out[0] = sum;
  out[1] = squares;
  out[2] = largest;
  for (int k = 0; state && k < 3; k++) state[k] = out[k];
}

static void ref_widen(lc_index m, const int *x, double *out) {
  for (lc_index i = 0; i < m; i++) out[i] = x[i];
}

static void ref_exp(lc_index m, const double *x, double *y) {
  for (lc_index i = 0; i < m; i++) y[i] = exp(x[i]);
}

/* With e = exp(-|t|) in (0, 1] nothing overflows and no digits cancel:
 * value = max(t, 0) + log1p(e); mean = 1/(1+e) or e/(1+e); variance = e/(1+e)^2. */
static void ref_logistic(lc_index m, const double *t, double *value, double *mean, double *variance) {
  for (lc_index i = 0; i < m; i++) {
    double e = exp(-fabs(t[i])), s = 1 / (1 + e);
    if (value) value[i] = (t[i] > 0 ? t[i] : 0) + log1p(e);
    if (mean) mean[i] = t[i] > 0 ? s : e * s;
    if (variance) variance[i] = e * s * s;
  }
}

static void ref_log(lc_index m, const double *x, double *y) {
  for (lc_index i = 0; i < m; i++) y[i] = log(x[i] < DBL_MIN ? DBL_MIN : x[i]);
}

/* Sums leave out the largest score, so that log1p() keeps its digits where that takes nearly everything. */
static void ref_softmax(lc_index m, int K, int base, const double *z, lc_index ldz, const double *y, double *value,
                        double *p, lc_index ldp, double *base_p) {
  for (lc_index i = 0; i < m; i++) {
    double top = base ? 0 : z[i], others = 0;
    int winner = 0;
    for (int c = 0; c < K; c++)
      if (z[i + c * ldz] > top) {
        top = z[i + c * ldz];
        winner = c + base;
      }
    for (int c = -base; c < K; c++) {
      double e = exp((c < 0 ? 0 : z[i + c * ldz]) - top), *at = c < 0 ? base_p : p;
      if (c + base != winner) others += e;
      if (at) at[c < 0 ? i : i + c * ldp] = e;
    }
    int own = value ? (int)y[i] - base : 0;
    if (value) value[i] = (top - (own < 0 ? 0 : z[i + own * ldz])) + log1p(others);
    double scale = 1 / (1 + others);
    if (base && base_p) base_p[i] *= scale;
    for (int c = 0; p && c < K; c++) p[i + c * ldp] *= scale;
  }
}

static void ref_less_class(lc_index m, int K, int base, const double *y, const double *base_p, double *p,
                           lc_index ldp) {
  for (lc_index i = 0; i < m; i++) {
    int own = (int)y[i] - base;
    double rest = base ? base_p[i] : 0;
    for (int c = 0; c < K; c++)
      if (c != own) rest += p[i + c * ldp];
    if (own >= 0) p[i + own * ldp] = -rest;
  }
}

static void ref_gather(lc_index count, const int *start, const int *end, const int *index, const double *value,
                       const float *narrow, int W, const double *in, double *out) {
  for (lc_index v = 0; v < count; v++) {
    double sum[LC_GATHER_WIDTH] = {0};
    for (int e = start[v]; e < end[v]; e++) {
      double x = value ? value[e] : (double)narrow[e];
      const double *line = in + (lc_index)index[e] * W;
      for (int c = 0; c < W; c++) sum[c] += x * line[c];
    }
    for (int c = 0; c < W; c++) out[v * W + c] = sum[c];
  }
}

static void ref_scatter(lc_index count, const int *start, const int *end, const int *index, const double *value,
                        const float *narrow, int W, const double *in, double *out) {
  for (lc_index v = 0; v < count; v++)
    for (int e = start[v]; e < end[v]; e++) {
      double x = value ? value[e] : (double)narrow[e], *line = out + (lc_index)index[e] * W;
      for (int c = 0; c < W; c++) line[c] += x * in[v * W + c];
    }
}

static const lc_kernel reference = {
    "ref",   ref_scores,   ref_gradient, ref_scores_of, ref_gradient_of, ref_gram,   ref_moments, ref_widen,
    ref_exp, ref_logistic, ref_log,      ref_softmax,   ref_less_class,  ref_gather, ref_scatter, &lc_lanes_reference};

const lc_kernel *lc_kernel_reference(const char *name) {
  return lc_kernel_is_meant(&reference, name) ? &reference : NULL;
}
