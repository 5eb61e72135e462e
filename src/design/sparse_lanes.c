/* design/sparse_lanes.c - a sparse design for eight problems side by side: rows that grow by columns, and the products
 * of columns with lines of eight numbers. */
#include <string.h>

#include "design/sparse.h"
#include "kernel/lanes.h"
#include "threads/threads.h"

lc_status lc_sparse_grown_rows(const lc_design *x, lc_grown_rows *out, lc_arena *arena) {
  const lc_csc *csc = lc_csc_of(x);
  lc_index n = x->n, entries = lc_csc_entries(x);
  int *start = lc_arena_alloc(arena, 2 * n + 1, sizeof *start);
  int *index = lc_arena_alloc(arena, entries, sizeof *index);
  float *narrow = lc_arena_alloc(arena, entries, sizeof *narrow);
  int floats = lc_sparse_is_narrow(x);
  double *value = floats ? NULL : lc_arena_doubles(arena, entries);
  if (!start || !index || !narrow || (!floats && !value)) return LC_OUT_OF_MEMORY;
  memset(start, 0, (size_t)(n + 1) * sizeof *start);
  for (lc_index e = 0; e < entries; e++) start[csc->row[e] + 1]++;
  for (lc_index i = 0; i < n; i++) start[i + 1] += start[i];
  int *end = start + n + 1;
  memcpy(end, start, (size_t)n * sizeof *end);
  *out = (lc_grown_rows){.start = start, .end = end, .index = index, .narrow = narrow, .value = value};
  return lc_poll(arena->host);
}

/* Columns that come to the rows. */
typedef struct growth {
  const lc_design *x;
  lc_index nj;
  const lc_index *j;
  lc_grown_rows *rows;
} growth;

static void grow_some(void *context, lc_index from, lc_index to) {
  const growth *own = context;
  const lc_csc *csc = lc_csc_of(own->x);
  lc_grown_rows *rows = own->rows;
  for (lc_index a = 0; a < own->nj; a++) {
    lc_index j = own->j[a];
    double scale = lc_sparse_scale(own->x, j);
    int number = (int)(rows->columns + a), e = from > 0 ? lc_sparse_entry_from(own->x, j, from) : csc->start[j];
    for (; e < csc->start[j + 1] && csc->row[e] < to; e++) {
      int at = rows->end[csc->row[e]]++;
      double value = csc->value[e] * scale;
      rows->index[at] = number;
      rows->narrow[at] = (float)value;
      if (rows->value) rows->value[at] = value;
    }
  }
}

void lc_sparse_grow_rows(const lc_design *x, lc_index nj, const lc_index *j, lc_grown_rows *rows, const lc_host *host) {
  enum { PIECES = 4 };
  const lc_csc *csc = lc_csc_of(x);
  growth all = {x, nj, j, rows};
  lc_index entries = 0;
  for (lc_index a = 0; a < nj; a++) entries += csc->start[j[a] + 1] - csc->start[j[a]];
  int threads = lc_threads_for(host, 1e-8 * (double)entries);
  lc_parallel(threads, x->n, threads > 1 ? (x->n + PIECES - 1) / PIECES : lc_max(1, x->n), grow_some, &all);
  rows->columns += nj;
  rows->entries += entries;
}

/* Lines of W doubles, or of LC_LANES floats. */
typedef struct lines_job {
  const lc_design *x;
  const lc_index *j;
  int W;
  const double *in;
  const float *narrow; /* in place of `in` */
  double *out;
} lines_job;

static void lines_some(void *context, lc_index from, lc_index to) {
  enum { CHUNK = 64 };
  const lines_job *job = context;
  const lc_csc *csc = lc_csc_of(job->x);
  int start[CHUNK], end[CHUNK], W = job->W;
  for (lc_index a0 = from; a0 < to; a0 += CHUNK) {
    lc_index count = lc_min(CHUNK, to - a0);
    double *out = job->out + a0 * W;
    for (lc_index a = 0; a < count; a++) {
      start[a] = csc->start[job->j[a0 + a]];
      end[a] = csc->start[job->j[a0 + a] + 1];
    }
    if (job->narrow)
      lc_kernels()->lanes->gather(count, start, end, csc->row, csc->value, job->narrow, out);
    else
      lc_kernels()->gather(count, start, end, csc->row, csc->value, NULL, W, job->in, out);
    for (lc_index a = 0; job->x->scale && a < count; a++)
      for (int c = 0; c < W; c++) out[a * W + c] *= job->x->scale[job->j[a0 + a]];
  }
}

static void lines_of(lines_job job, lc_index nj, const lc_host *host) {
  double entries = (double)lc_sparse_entries_of(job.x, nj, job.j, 0);
  lc_parallel(lc_threads_for(host, 3e-9 * entries), nj, 64, lines_some, &job);
}

void lc_sparse_col_lines(const lc_design *x, lc_index nj, const lc_index *j, int W, const double *R, double *c,
                         const lc_host *host) {
  lines_of((lines_job){x, j, W, R, NULL, c}, nj, host);
}

void lc_sparse_col_float_lines(const lc_design *x, lc_index nj, const lc_index *j, const float *R, double *c,
                               const lc_host *host) {
  lines_of((lines_job){x, j, LC_LANES, NULL, R, c}, nj, host);
}
