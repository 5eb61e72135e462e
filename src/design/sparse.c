/* design/sparse.c - compressed sparse columns (the slots of a dgCMatrix), never densified: the operations on columns.
 * Those on rows are in design/sparse_rows.c, the pass in design/sparse_pass.c. */
#include <string.h>

#include "design/column_stats.h"
#include "design/sparse.h"

const char *lc_sparse_check(lc_index n, lc_index p, const int *start, lc_index nstart, const int *row, lc_index nrow,
                            lc_index nvalue) {
  if (nstart != p + 1) return "slot p must have one entry more than the matrix has columns";
  if (start[0] != 0) return "slot p must start with 0";
  for (lc_index j = 0; j < p; j++)
    if (start[j + 1] < start[j]) return "slot p must not decrease";
  if (start[p] > nrow) return "slot p points beyond the end of slot i";
  if (nrow != nvalue) return "slots i and x must have the same length";
  for (lc_index j = 0; j < p; j++)
    for (lc_index e = start[j]; e < start[j + 1]; e++) {
      if (row[e] < 0 || row[e] >= n) return "slot i has a row number outside the matrix";
      if (e > start[j] && row[e] <= row[e - 1]) return "slot i must increase within a column";
    }
  return NULL;
}

static double column_dot(const lc_design *x, lc_index j, const double *r) {
  /* Four sums: the next product need not wait for the last. No array, which would go through memory. */
  const double *value = lc_csc_of(x)->value;
  const int *row = lc_csc_of(x)->row;
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  int e = lc_csc_of(x)->start[j], end = lc_csc_of(x)->start[j + 1];
  for (; e + 4 <= end; e += 4) {
    s0 += value[e] * r[row[e]];
    s1 += value[e + 1] * r[row[e + 1]];
    s2 += value[e + 2] * r[row[e + 2]];
    s3 += value[e + 3] * r[row[e + 3]];
  }
  for (; e < end; e++) s0 += value[e] * r[row[e]];
  return ((s0 + s1) + (s2 + s3)) * lc_sparse_scale(x, j);
}

/* Rows first .. end - 1 of z += d times column j. */
static void column_axpy(const lc_design *x, lc_index j, double d, lc_index first, lc_index end, double *z) {
  double b = d * lc_sparse_scale(x, j);
  int e = lc_csc_of(x)->start[j], stop = lc_csc_of(x)->start[j + 1];
  if (first > 0) e = lc_sparse_entry_from(x, j, first);
  if (end < x->n) stop = lc_sparse_entry_from(x, j, end);
  for (; e < stop; e++) z[lc_csc_of(x)->row[e]] += lc_csc_of(x)->value[e] * b;
}

static double total(lc_index n, const double *r) {
  double sum = 0;
  for (lc_index i = 0; i < n; i++) sum += r[i];
  return sum;
}

static void sparse_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                           const lc_host *host) {
  int threads = lc_threads_for(host, 2e-9 * (double)lc_csc_entries(x) / (double)lc_max(1, x->p) * (double)nj * K);
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64) if (threads > 1)
#endif
  for (lc_index a = 0; a < nj; a++)
    for (int k = 0; k < K; k++)
      c[a + k * nj] = j[a] < x->one ? total(x->n, R + k * x->n) : column_dot(x, j[a] - x->one, R + k * x->n);
}

/* Each thread has rows of its own, so every number is added up in the order of the list. */
static void sparse_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                            const lc_host *host) {
  int threads = lc_threads_for(host, 2e-9 * (double)lc_csc_entries(x) / (double)lc_max(1, x->p) * (double)nj * K);
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static, 1) if (threads > 1)
#endif
  for (int t = 0; t < threads; t++) {
    lc_index first = x->n * t / threads, end = x->n * (t + 1) / threads;
    for (int k = 0; k < K; k++)
      for (lc_index a = 0; a < nj; a++) {
        double *z = Z + k * x->n, move = d[a + k * nj];
        if (j[a] >= x->one)
          column_axpy(x, j[a] - x->one, move, first, end, z);
        else
          for (lc_index i = first; i < end; i++) z[i] += move;
      }
  }
}

static lc_status sparse_col_thin(const lc_design *x, lc_index nj, const lc_index *j, const double *by,
                                 const double *root, lc_thin *out, const lc_host *host, lc_arena *arena) {
  lc_index total = 0;
  for (lc_index a = 0; a < nj; a++) {
    lc_index col = j[a] - x->one;
    int first = col < 0 ? 0 : lc_csc_of(x)->start[col], end = col < 0 ? 0 : lc_csc_of(x)->start[col + 1];
    out[a] = (lc_thin){.entries = end - first, .row = lc_csc_of(x)->row + first};
    total += end - first;
  }
  float *value = lc_arena_alloc(arena, total, sizeof *value);
  if (!value) return LC_OUT_OF_MEMORY;
  for (lc_index a = 0; a < nj; value += out[a++].entries) out[a].value = value;
  int threads = lc_threads_for(host, 2e-9 * (double)total);
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64) if (threads > 1)
#endif
  for (lc_index a = 0; a < nj; a++) {
    if (out[a].entries == 0) continue;
    const double *from = lc_csc_of(x)->value + (out[a].row - lc_csc_of(x)->row);
    double b = by[a] * lc_sparse_scale(x, j[a] - x->one);
    for (lc_index e = 0; e < out[a].entries; e++)
      out[a].value[e] = (float)(from[e] * b * (root ? root[out[a].row[e]] : 1));
  }
  return LC_OK;
}

double lc_thin_dot(const lc_thin *x, const double *s, const double *t) {
  const float *value = x->value;
  const int *row = x->row;
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0; /* as in column_dot() */
  lc_index e = 0, end = x->entries;
  if (s) {
    for (; e + 2 <= end; e += 2) {
      s0 += value[e] * (s[row[e]] * t[row[e]]);
      s1 += value[e + 1] * (s[row[e + 1]] * t[row[e + 1]]);
    }
    for (; e < end; e++) s0 += value[e] * (s[row[e]] * t[row[e]]);
    return s0 + s1;
  }
  for (; e + 4 <= end; e += 4) {
    s0 += value[e] * t[row[e]];
    s1 += value[e + 1] * t[row[e + 1]];
    s2 += value[e + 2] * t[row[e + 2]];
    s3 += value[e + 3] * t[row[e + 3]];
  }
  for (; e < end; e++) s0 += value[e] * t[row[e]];
  return (s0 + s1) + (s2 + s3);
}

double lc_thin_square(const lc_thin *x, const double *s) {
  double sum = 0;
  for (lc_index e = 0; e < x->entries; e++) {
    double value = x->value[e];
    sum += value * value * (s ? s[x->row[e]] : 1);
  }
  return sum;
}

void lc_thin_push(const lc_thin *x, double d, double *t) {
  const float *value = x->value;
  const int *row = x->row;
  for (lc_index e = 0; e < x->entries; e++) t[row[e]] += d * value[e];
}

/* Column b of the right list times the weights is spread over n rows and dotted with the left columns (of a symmetric
 * matrix those up to b). spread: n zeros, and zeros again at the end. */
static void cross_column(const lc_design *x, lc_index count, const lc_index *i, lc_index j, const double *s,
                         double *spread, double *out) {
  lc_index col = j - x->one;
  if (col < 0)
    memcpy(spread, s, (size_t)x->n * sizeof(double));
  else
    for (int e = lc_csc_of(x)->start[col]; e < lc_csc_of(x)->start[col + 1]; e++)
      spread[lc_csc_of(x)->row[e]] = lc_csc_of(x)->value[e] * lc_sparse_scale(x, col) * s[lc_csc_of(x)->row[e]];
  for (lc_index a = 0; a < count; a++)
    out[a] = i[a] < x->one ? total(x->n, spread) : column_dot(x, i[a] - x->one, spread);
  if (col < 0)
    memset(spread, 0, (size_t)x->n * sizeof(double));
  else
    for (int e = lc_csc_of(x)->start[col]; e < lc_csc_of(x)->start[col + 1]; e++) spread[lc_csc_of(x)->row[e]] = 0;
}

static lc_status sparse_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                  const double *s, double *C, const lc_host *host, lc_arena *arena) {
  enum { CUTS = 4 }; /* parts of the right list, each with a spread of its own */
  int symmetric = i == j && ni == nj, threads;
  threads = lc_threads_for(host, 2e-9 * (double)lc_csc_entries(x) / (double)lc_max(1, x->p) * (double)ni * (double)nj);
  (void)threads;
  lc_mark mark = lc_arena_mark(arena);
  double *spread = lc_arena_zeros(arena, CUTS * x->n);
  if (!spread) return LC_OUT_OF_MEMORY;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
#endif
  for (lc_index k = 0; k < CUTS; k++)
    for (lc_index b = k; b < nj; b += CUTS)
      cross_column(x, symmetric ? b + 1 : ni, i, j[b], s, spread + k * x->n, C + b * ni);
  for (lc_index b = 0; symmetric && b < nj; b++)
    for (lc_index a = 0; a < b; a++) C[b + a * nj] = C[a + b * nj];
  lc_arena_reset(arena, mark);
  return LC_OK;
}

static lc_column column_of(const lc_design *x, lc_index j) {
  const lc_csc *csc = lc_csc_of(x);
  int from = csc->start[j];
  return (lc_column){csc->start[j + 1] - from, csc->value + from, NULL, csc->row + from};
}

static lc_status sparse_colstats(const lc_design *x, const double *w, double total, const lc_host *host,
                                 lc_colstat *out) {
  return lc_columns_stats(x, column_of, w, total, host, out);
}

static void sparse_moments(const lc_design *x, int K, const double *S, int threads, double *sum, double *square) {
  lc_columns_moments(x, column_of, K, S, threads, sum, square);
}

static int sparse_may_shift(const lc_design *x, lc_index j) {
  (void)x;
  (void)j;
  return 0;
}

static double sparse_cells(const lc_design *x) { return 1.5 * (double)lc_csc_entries(x); }

static const lc_design_ops sparse_ops = {
    .name = "sparse",
    .caps = LC_COLUMNS | LC_ROWS,
    .pass = lc_sparse_pass,
    .prepare = lc_sparse_prepare,
    .col_dot = sparse_col_dot,
    .col_axpy = sparse_col_axpy,
    .col_thin = sparse_col_thin,
    .col_cross = sparse_col_cross,
    .colstats = sparse_colstats,
    .moments = sparse_moments,
    .may_shift = sparse_may_shift,
    .cells = sparse_cells,
    .subset = lc_sparse_subset,
    .as_rows = lc_sparse_as_rows,
    .row_columns = lc_sparse_row_columns,
    .row_scores = lc_sparse_row_scores,
    .row_gradient = lc_sparse_row_gradient,
};

void lc_design_sparse(lc_design *out, lc_index n, lc_index p, const lc_csc *matrix) {
  *out = (lc_design){.ops = &sparse_ops, .n = n, .p = p, .data = matrix};
}
