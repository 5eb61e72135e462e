/* design/sparse_rows.c - a sparse design by rows: the row-ordered copy (CSR), batches of its rows, and samples of them.
 */
#include <string.h>

#include "design/sparse.h"
#include "threads/threads.h"

int lc_sparse_entry_from(const lc_design *x, lc_index j, lc_index row) {
  int low = lc_csc_of(x)->start[j], high = lc_csc_of(x)->start[j + 1];
  while (low < high) {
    int middle = low + (high - low) / 2;
    if (lc_csc_of(x)->row[middle] < row)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* A copy in the order of rows while it is made; next[i] is where row i goes on. */
typedef struct row_fill {
  const lc_design *x;
  int *next, *column;
  double *value;
  float *narrow;
  lc_index first; /* row of this round */
} row_fill;

/* Entries of rows first + start .. first + end - 1 to their places. */
static void fill_rows(void *context, lc_index start, lc_index stop) {
  const row_fill *fill = context;
  const lc_design *x = fill->x;
  lc_index from = fill->first + start, to = fill->first + stop;
  int *next = fill->next, *column = fill->column;
  double *value = fill->value;
  float *narrow = fill->narrow;
  for (lc_index j = 0; j < x->p; j++) {
    double scale = lc_sparse_scale(x, j);
    int end = lc_csc_of(x)->start[j + 1];
    for (int e = from > 0 ? lc_sparse_entry_from(x, j, from) : lc_csc_of(x)->start[j];
         e < end && lc_csc_of(x)->row[e] < to; e++) {
      int at = next[lc_csc_of(x)->row[e]]++;
      column[at] = (int)j;
      if (narrow)
        narrow[at] = (float)(lc_csc_of(x)->value[e] * scale);
      else
        value[at] = lc_csc_of(x)->value[e] * scale;
    }
  }
}

int lc_sparse_is_narrow(const lc_design *x) {
  for (lc_index j = 0; j < x->p; j++) {
    double scale = lc_sparse_scale(x, j);
    for (int e = lc_csc_of(x)->start[j]; e < lc_csc_of(x)->start[j + 1]; e++) {
      double value = lc_csc_of(x)->value[e] * scale;
      /* NaN and values out of the range of floats fail the first comparison. */
      if (!(value >= -3e38 && value <= 3e38) || (double)(float)value != value) return 0;
    }
  }
  return 1;
}

enum { ROUND = 1 << 25 }; /* entries that are copied between two polls */

/* By counting. The copy is the same however many threads share the rows. */
lc_status lc_sparse_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena) {
  if (lc_sparse_rows(x)) {
    *out = *lc_sparse_rows(x);
    return LC_OK;
  }
  lc_index n = x->n, entries = lc_csc_of(x)->start[x->p];
  int floats = lc_sparse_is_narrow(x), *start = lc_arena_alloc(arena, n + 1, sizeof *start);
  int *column = lc_arena_alloc(arena, entries, sizeof *column);
  float *narrow = floats ? lc_arena_alloc(arena, entries, sizeof *narrow) : NULL;
  double *value = floats ? NULL : lc_arena_doubles(arena, entries);
  if (!start || !column || (!narrow && !value)) return LC_OUT_OF_MEMORY;
  memset(start, 0, (size_t)(n + 1) * sizeof *start);
  for (lc_index e = 0; e < entries; e++) start[lc_csc_of(x)->row[e] + 1]++;
  double pairs = 0;
  for (lc_index i = 0; i < n; i++) {
    pairs += (double)start[i + 1] * start[i + 1];
    start[i + 1] += start[i];
  }
  LC_TRY(lc_poll(arena->host));
  row_fill fill = {x, start, column, value, narrow, 0};
  lc_index rounds = 1 + entries / ROUND;
  for (lc_index round = 0; round < rounds; round++) {
    lc_index first = n * round / rounds, rows = n * (round + 1) / rounds - first;
    fill.first = first;
    /* Each piece looks for its rows in every column: no more pieces than threads. */
    int threads = entries > 100000 ? arena->host->threads : 1;
    lc_parallel(threads, rows, (rows + threads - 1) / threads, fill_rows, &fill);
    LC_TRY(lc_poll(arena->host));
  }
  memmove(start + 1, start, (size_t)n * sizeof *start); /* filling moved every start to the next */
  start[0] = 0;
  *out = (lc_rows){.design = x,
                   .start = start,
                   .column = column,
                   .value = value,
                   .narrow = narrow,
                   .scale = x->scale,
                   .pairs = pairs};
  return LC_OK;
}

/* ---- batches ------------------------------------------------------------------------------------ */

lc_index lc_sparse_row_columns(const lc_rows *rows, lc_index m, const lc_index *index, unsigned char *mark,
                               lc_index *column) {
  lc_index count = 0;
  for (lc_index i = 0; i < m; i++)
    for (lc_index e = rows->start[index[i]]; e < rows->start[index[i] + 1]; e++) {
      int j = rows->column[e];
      if (mark[j]) continue;
      mark[j] = 1;
      column[count++] = j;
    }
  for (lc_index t = 0; t < count; t++) mark[column[t]] = 0;
  return count;
}

void lc_sparse_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B, double *Z) {
  const lc_design *x = rows->design;
  const double *offset = lc_offsets_of(rows->obs);
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    const double *b = B + c * q + x->intercept;
    for (lc_index i = 0; i < m; i++) {
      double z = (x->intercept ? B[c * q] : 0) + (offset ? offset[index[i] + c * x->n] : 0);
      for (lc_index e = rows->start[index[i]]; e < rows->start[index[i] + 1]; e++)
        z += lc_rows_value(rows, e) * b[rows->column[e]];
      Z[i + c * m] = z;
    }
  }
}

void lc_sparse_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R, double *G) {
  const lc_design *x = rows->design;
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    double *g = G + c * q + x->intercept;
    for (lc_index i = 0; i < m; i++) {
      double r = R[i + c * m];
      if (x->intercept) G[c * q] += r;
      for (lc_index e = rows->start[index[i]]; e < rows->start[index[i] + 1]; e++)
        g[rows->column[e]] += lc_rows_value(rows, e) * r;
    }
  }
}

/* ---- samples ------------------------------------------------------------------------------------ */

/* The places of a row in the sample are a list: head[row], then next[], until -1. */
lc_status lc_sparse_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length, lc_design *out,
                           lc_arena *arena) {
  lc_index m = count * length, p = x->p, entries = 0;
  int *head = lc_arena_alloc(arena, x->n, sizeof *head), *next = lc_arena_alloc(arena, m, sizeof *next);
  int *start = lc_arena_alloc(arena, p + 1, sizeof *start);
  lc_csc *csc = lc_arena_alloc(arena, 1, sizeof *csc);
  if (!head || !next || !start || !csc) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < x->n; i++) head[i] = -1;
  for (lc_index to = m; to-- > 0;) { /* backwards, so that lists increase */
    lc_index row = first[to / length] + to % length;
    next[to] = head[row];
    head[row] = (int)to;
  }
  for (lc_index e = 0; e < lc_csc_of(x)->start[p]; e++)
    for (int to = head[lc_csc_of(x)->row[e]]; to >= 0; to = next[to]) entries++;
  if (entries > INT32_MAX || m > INT32_MAX) return LC_OUT_OF_MEMORY;
  int *row = lc_arena_alloc(arena, entries, sizeof *row);
  double *value = lc_arena_doubles(arena, entries);
  if (!row || !value) return LC_OUT_OF_MEMORY;
  int at = 0;
  for (lc_index j = 0; j < p; j++) {
    start[j] = at;
    for (int e = lc_csc_of(x)->start[j]; e < lc_csc_of(x)->start[j + 1]; e++)
      for (int to = head[lc_csc_of(x)->row[e]]; to >= 0; to = next[to]) {
        row[at] = to;
        value[at++] = lc_csc_of(x)->value[e] * lc_sparse_scale(x, j);
      }
  }
  start[p] = at;
  *csc = (lc_csc){start, row, value};
  lc_design_sparse(out, m, p, csc);
  out->intercept = x->intercept;
  return LC_OK;
}
