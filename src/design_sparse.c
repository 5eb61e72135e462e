/* design_sparse.c - compressed sparse columns (the slots of a dgCMatrix), never densified.
 *
 * A pass sweeps the columns twice: scores by scattering, then, after the callback has filled R and S for
 * all rows, gradient and Gram blocks by gathering. */
#include <string.h>

#include "design_sparse.h"

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
  double sum = 0;
  for (int e = x->start[j]; e < x->start[j + 1]; e++) sum += x->value[e] * r[x->row[e]];
  return sum * lc_sparse_scale(x, j);
}

static void column_axpy(const lc_design *x, lc_index j, double d, double *z) {
  double b = d * lc_sparse_scale(x, j);
  for (int e = x->start[j]; e < x->start[j + 1]; e++) z[x->row[e]] += x->value[e] * b;
}

static double total(lc_index n, const double *r) {
  double sum = 0;
  for (lc_index i = 0; i < n; i++) sum += r[i];
  return sum;
}

static void sparse_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                           const lc_host *host) {
  int threads = (double)nj * K > 64 ? host->threads : 1;
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64) if (threads > 1)
#endif
  for (lc_index a = 0; a < nj; a++)
    for (int k = 0; k < K; k++)
      c[a + k * nj] = j[a] < x->one ? total(x->n, R + k * x->n) : column_dot(x, j[a] - x->one, R + k * x->n);
}

static void sparse_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                            const lc_host *host) {
  (void)host;
  for (int k = 0; k < K; k++)
    for (lc_index a = 0; a < nj; a++) {
      double *z = Z + k * x->n;
      if (j[a] >= x->one)
        column_axpy(x, j[a] - x->one, d[a + k * nj], z);
      else
        for (lc_index i = 0; i < x->n; i++) z[i] += d[a + k * nj];
    }
}

/* Column b of the right list times the weights is spread over n rows and dotted with the left columns (of a symmetric
 * matrix those up to b). spread: n zeros, and zeros again at the end. */
static void cross_column(const lc_design *x, lc_index count, const lc_index *i, lc_index j, const double *s,
                         double *spread, double *out) {
  lc_index col = j - x->one;
  if (col < 0)
    memcpy(spread, s, (size_t)x->n * sizeof(double));
  else
    for (int e = x->start[col]; e < x->start[col + 1]; e++)
      spread[x->row[e]] = x->value[e] * lc_sparse_scale(x, col) * s[x->row[e]];
  for (lc_index a = 0; a < count; a++)
    out[a] = i[a] < x->one ? total(x->n, spread) : column_dot(x, i[a] - x->one, spread);
  if (col < 0)
    memset(spread, 0, (size_t)x->n * sizeof(double));
  else
    for (int e = x->start[col]; e < x->start[col + 1]; e++) spread[x->row[e]] = 0;
}

static lc_status sparse_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                  const double *s, double *C, const lc_host *host, lc_arena *arena) {
  enum { CUTS = 4 }; /* parts of the right list, each with a spread of its own */
  int symmetric = i == j && ni == nj, threads = (double)ni * (double)nj > 256 ? host->threads : 1;
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

static void sparse_scores(const lc_design *x, int K, const double *B, double *Z) {
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    double *z = Z + c * x->n, b = x->one ? B[c * q] : 0;
    for (lc_index i = 0; i < x->n; i++) z[i] = (x->off ? x->off[i + c * x->n] : 0) + b;
    for (lc_index j = 0; j < x->p; j++) column_axpy(x, j, B[x->one + j + c * q], z);
  }
}

/* The callback on blocks of rows; R and S for all rows are kept, because columns come afterwards. */
static lc_status run_blocks(const lc_design *x, const lc_pass *pass, const double *z, double *r, double *s,
                            const lc_host *host) {
  for (lc_index row0 = 0; row0 < x->n; row0 += LC_BLOCK_ROWS) {
    lc_block block = {.row0 = row0,
                      .m = (int)lc_min(LC_BLOCK_ROWS, x->n - row0),
                      .ld = x->n,
                      .ldoff = x->n,
                      .z = z + row0,
                      .y = x->y ? x->y + row0 : NULL,
                      .w = x->w ? x->w + row0 : NULL,
                      .off = x->off ? x->off + row0 : NULL,
                      .r = r ? r + row0 : NULL,
                      .s = s ? s + row0 : NULL,
                      .ldr = x->n};
    LC_TRY(lc_poll(host));
    LC_TRY(pass->block(pass->context, &block, pass->sum));
  }
  return LC_OK;
}

static lc_status gather(const lc_design *x, const lc_pass *pass, const double *r, const double *s, const lc_host *host,
                        lc_arena *arena) {
  lc_index q = lc_design_q(x), packed = lc_packed_size(q);
  if (pass->G)
    for (int c = 0; c < pass->K; c++) {
      LC_TRY(lc_poll(host));
      if (x->one) pass->G[c * q] = total(x->n, r + c * x->n);
      for (lc_index j = 0; j < x->p; j++) pass->G[c * q + x->one + j] = column_dot(x, j, r + c * x->n);
    }
  if (!pass->C) return LC_OK;
  lc_index *all = lc_arena_alloc(arena, q, sizeof(lc_index));
  double *full = lc_arena_doubles(arena, q * q);
  if (!all || !full) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < q; j++) all[j] = j;
  for (int k = 0; k < pass->ns; k++) {
    LC_TRY(lc_poll(host));
    LC_TRY(sparse_col_cross(x, q, all, q, all, s + k * x->n, full, host, arena));
    for (lc_index b = 0; b < q; b++)
      memcpy(pass->C + k * packed + lc_packed_at(0, b), full + b * q, (size_t)(b + 1) * sizeof(double));
  }
  return LC_OK;
}

static lc_status sparse_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  double *z = pass->Z ? pass->Z : lc_arena_doubles(arena, x->n * pass->K);
  double *r = pass->G ? lc_arena_doubles(arena, x->n * pass->K) : NULL;
  double *s = pass->C ? lc_arena_doubles(arena, x->n * pass->ns) : NULL;
  lc_status status = LC_OUT_OF_MEMORY;
  if (z && (r || !pass->G) && (s || !pass->C)) {
    if (pass->B) sparse_scores(x, pass->K, pass->B, z);
    if (pass->sum) memset(pass->sum, 0, (size_t)pass->nsum * sizeof(double));
    status = pass->block ? run_blocks(x, pass, z, r, s, host) : LC_OK;
    if (status == LC_OK && pass->block) status = gather(x, pass, r, s, host, arena);
  }
  lc_arena_reset(arena, mark);
  return status;
}

static const lc_design_ops sparse_ops = {
    .name = "sparse",
    .caps = LC_COLUMNS | LC_ROWS,
    .pass = sparse_pass,
    .col_dot = sparse_col_dot,
    .col_axpy = sparse_col_axpy,
    .col_cross = sparse_col_cross,
    .subset = lc_sparse_subset,
    .as_rows = lc_sparse_as_rows,
    .row_scores = lc_sparse_row_scores,
    .row_gradient = lc_sparse_row_gradient,
};

void lc_design_sparse(lc_design *out, lc_index n, lc_index p, const int *start, const int *row, const double *value,
                      lc_index entries) {
  memset(out, 0, sizeof *out);
  out->ops = &sparse_ops;
  out->n = n;
  out->p = p;
  out->start = start;
  out->row = row;
  out->value = value;
  out->entries = entries;
}
