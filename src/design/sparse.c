/* design/sparse.c - compressed sparse columns (the slots of a dgCMatrix), never densified: the operations on columns.
 * Those on rows are in design/sparse_rows.c, the pass in design/sparse_pass.c. */

#include "design/column_stats.h"
#include "design/sparse.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

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

/* Threads for listed columns of average length, each with K numbers an entry. */
static int threads_for(const lc_design *x, const lc_host *host, double columns) {
  return lc_threads_for(host, 2e-9 * (double)lc_csc_entries(x) / (double)lc_max(1, x->p) * columns);
}

static void dot_some(void *context, lc_index from, lc_index to) {
  const lc_column_job *job = context;
  const lc_design *x = job->x;
  for (lc_index a = from; a < to; a++)
    for (int k = 0; k < job->K; k++) {
      lc_index j = job->j[a];
      const double *r = job->in + k * x->n;
      job->out[a + k * job->nj] = j < x->intercept ? total(x->n, r) : column_dot(x, j - x->intercept, r);
    }
}

/* Some rows of R as lines of W numbers. */
typedef struct turn {
  const double *R;
  lc_index n;
  int W;
  double *lines;
} turn;

static void turn_some(void *context, lc_index from, lc_index to) {
  const turn *job = context;
  lc_kernel_lines(from, to, job->W, job->R, job->n, job->lines);
}

/* With several columns of R a column of X is read once for W of them, which lie side by side for each row: half of
 * the time with ten of them (measured). 0: R is not worth turning, or there is no memory. */
static int dot_by_lines(const lc_column_job *job, lc_arena *arena) {
  enum { WORTH = 3 }; /* entries for each row */
  const lc_design *x = job->x;
  lc_index nj = job->nj;
  int K = job->K, most = K < LC_GATHER_WIDTH ? K : LC_GATHER_WIDTH;
  if (K == 1 || lc_sparse_entries_of(x, nj, job->j, x->intercept) < WORTH * x->n) return 0;
  lc_mark mark = lc_arena_mark(arena);
  lc_index *feature = lc_arena_alloc(arena, nj, sizeof *feature);
  double *lines = lc_arena_doubles(arena, x->n * most), *out = lc_arena_doubles(arena, nj * most);
  int done = feature && lines && out;
  for (lc_index a = 0; done && a < nj; a++) feature[a] = lc_max(job->j[a] - x->intercept, 0);
  for (int k0 = 0; done && k0 < K; k0 += most) {
    int W = K - k0 < most ? K - k0 : most;
    turn rows = {job->in + k0 * x->n, x->n, W, lines};
    lc_parallel(lc_threads_for(arena->host, 1e-9 * (double)x->n * W), x->n, 4096, turn_some, &rows);
    lc_sparse_col_lines(x, nj, feature, W, lines, out, arena->host);
    for (lc_index a = 0; a < nj; a++)
      for (int k = 0; k < W; k++)
        job->out[a + (k0 + k) * nj] = job->j[a] < x->intercept ? total(x->n, rows.R + k * x->n) : out[k + a * W];
  }
  lc_arena_reset(arena, mark);
  return done;
}

static void sparse_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                           lc_arena *arena) {
  lc_column_job job = {x, nj, j, K, R, c};
  if (dot_by_lines(&job, arena)) return;
  lc_parallel(threads_for(x, arena->host, (double)nj * K), nj, 64, dot_some, &job);
}

/* Each piece has rows of its own, so every number is added up in the order of the list. */
static void axpy_some(void *context, lc_index first, lc_index end) {
  const lc_column_job *job = context;
  const lc_design *x = job->x;
  for (int k = 0; k < job->K; k++)
    for (lc_index a = 0; a < job->nj; a++) {
      double *z = job->out + k * x->n, move = job->in[a + k * job->nj];
      if (move == 0) continue; /* most pairs of a column and a class, under an L1 penalty */
      if (job->j[a] >= x->intercept)
        column_axpy(x, job->j[a] - x->intercept, move, first, end, z);
      else
        for (lc_index i = first; i < end; i++) z[i] += move;
    }
}

static void sparse_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                            const lc_host *host) {
  lc_column_job job = {x, nj, j, K, d, Z};
  int threads = threads_for(x, host, (double)nj * K);
  /* Each piece looks for its rows in every column: no more pieces than threads. */
  lc_parallel(threads, x->n, lc_max(1, (x->n + threads - 1) / threads), axpy_some, &job);
}

typedef struct thin_job {
  const lc_design *x;
  const lc_index *j;
  const double *by, *root;
  lc_spvec *out;
} thin_job;

static void thin_some(void *context, lc_index from, lc_index to) {
  const thin_job *job = context;
  const lc_csc *csc = lc_csc_of(job->x);
  for (lc_index a = from; a < to; a++) {
    lc_spvec *out = job->out + a;
    if (out->entries == 0) continue;
    const double *value = csc->value + (out->row - csc->row);
    double b = job->by[a] * lc_sparse_scale(job->x, job->j[a] - job->x->intercept);
    for (lc_index e = 0; e < out->entries; e++)
      out->value[e] = (float)(value[e] * b * (job->root ? job->root[out->row[e]] : 1));
  }
}

static lc_status sparse_col_thin(const lc_design *x, lc_index nj, const lc_index *j, const double *by,
                                 const double *root, lc_spvec *out, const lc_host *host, lc_arena *arena) {
  lc_index total = 0;
  for (lc_index a = 0; a < nj; a++) {
    lc_entries own = lc_sparse_entries(x, j[a] - x->intercept);
    out[a] = (lc_spvec){.entries = own.end - own.from, .row = lc_csc_of(x)->row + own.from};
    total += own.end - own.from;
  }
  float *value = lc_arena_alloc(arena, total, sizeof *value);
  if (!value) return LC_OUT_OF_MEMORY;
  for (lc_index a = 0; a < nj; value += out[a++].entries) out[a].value = value;
  thin_job job = {x, j, by, root, out};
  lc_parallel(lc_threads_for(host, 2e-9 * (double)total), nj, 64, thin_some, &job);
  return LC_OK;
}

double lc_spvec_dot(const lc_spvec *x, const double *s, const double *t) {
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

double lc_spvec_square(const lc_spvec *x) {
  double sum = 0;
  for (lc_index e = 0; e < x->entries; e++) sum += (double)x->value[e] * x->value[e];
  return sum;
}

void lc_spvec_push(const lc_spvec *x, double d, double *t) {
  for (lc_index e = 0; e < x->entries; e++) t[x->row[e]] += d * x->value[e];
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

static lc_status sparse_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                                double *sum, double *square) {
  (void)arena;
  lc_columns_moments(x, column_of, K, S, host->threads, sum, square);
  return LC_OK;
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
    .written_out = 1 << 20,
    .pass = lc_sparse_pass,
    .prepare = lc_sparse_prepare,
    .col_dot = sparse_col_dot,
    .col_axpy = sparse_col_axpy,
    .col_thin = sparse_col_thin,
    .col_cross = lc_sparse_col_cross,
    .grown_rows = lc_sparse_grown_rows,
    .grow_rows = lc_sparse_grow_rows,
    .col_lines = lc_sparse_col_lines,
    .col_float_lines = lc_sparse_col_float_lines,
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
