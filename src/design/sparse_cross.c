/* design/sparse_cross.c - products of sparse columns with each other.
 *
 * The left columns are put in the order of rows. A right column then meets in each of its rows the entries that are
 * there, and no others: dot products of columns would read all entries of the left ones for each of the right. */
#include <string.h>

#include "design/sparse.h"
#include "threads/threads.h"

/* The entries of the left columns by rows, in their order within a row. */
typedef struct left_rows {
  int *start, *place; /* n + 1; of each entry: its column's place in the list */
  double *value;      /* as shown */
  lc_index intercept; /* its place, which has no entries here; -1: not in the list */
} left_rows;

static lc_status make_rows(const lc_design *x, lc_index ni, const lc_index *i, left_rows *rows, lc_arena *arena) {
  const lc_csc *csc = lc_csc_of(x);
  lc_index n = x->n, entries = lc_sparse_entries_of(x, ni, i, x->intercept);
  int *start = lc_arena_alloc(arena, n + 1, sizeof *start), *place = lc_arena_alloc(arena, entries, sizeof *place);
  double *value = lc_arena_doubles(arena, entries);
  if (!start || !place || !value) return LC_OUT_OF_MEMORY;
  *rows = (left_rows){start, place, value, -1};
  memset(start, 0, (size_t)(n + 1) * sizeof *start);
  for (lc_index a = 0; a < ni; a++) {
    lc_entries own = lc_sparse_entries(x, i[a] - x->intercept);
    if (i[a] < x->intercept) rows->intercept = a;
    for (int e = own.from; e < own.end; e++) start[csc->row[e]]++;
  }
  for (lc_index r = 0; r < n; r++) start[r + 1] += start[r];
  /* start[r] is where row r ends, and comes to where it begins when the last column comes first. */
  for (lc_index a = ni; a-- > 0;) {
    if (a == rows->intercept) continue;
    lc_index col = i[a] - x->intercept;
    double scale = lc_sparse_scale(x, col);
    lc_entries own = lc_sparse_entries(x, col);
    for (int e = own.from; e < own.end; e++) {
      int at = --start[csc->row[e]];
      place[at] = (int)a;
      value[at] = csc->value[e] * scale;
    }
  }
  return LC_OK;
}

typedef struct cross_job {
  const lc_design *x;
  const left_rows *rows;
  lc_index ni;
  const lc_index *j;
  const double *s;
  double *C;
  int symmetric;
} cross_job;

/* out += t times the entries of a row in the first `count` columns. */
static void add_row(const left_rows *rows, lc_index row, double t, lc_index count, double *out) {
  const int *place = rows->place;
  for (int e = rows->start[row]; e < rows->start[row + 1] && place[e] < count; e++)
    out[place[e]] += t * rows->value[e];
}

/* The first `count` left columns times the weights times column j. */
static void cross_column(const cross_job *job, lc_index j, lc_index count, double *out) {
  const lc_design *x = job->x;
  const lc_csc *csc = lc_csc_of(x);
  const double *s = job->s;
  lc_index col = j - x->intercept;
  double sum = 0;
  memset(out, 0, (size_t)count * sizeof *out);
  if (col < 0) {
    for (lc_index row = 0; row < x->n; row++) {
      sum += s[row];
      add_row(job->rows, row, s[row], count, out);
    }
  } else {
    double scale = lc_sparse_scale(x, col);
    for (int e = csc->start[col]; e < csc->start[col + 1]; e++) {
      lc_index row = csc->row[e];
      double t = csc->value[e] * scale * s[row];
      sum += t;
      add_row(job->rows, row, t, count, out);
    }
  }
  lc_index intercept = job->rows->intercept;
  if (intercept >= 0 && intercept < count) out[intercept] = sum;
}

static void cross_some(void *context, lc_index from, lc_index to) {
  const cross_job *job = context;
  for (lc_index b = from; b < to; b++)
    cross_column(job, job->j[b], job->symmetric ? b + 1 : job->ni, job->C + b * job->ni);
}

lc_status lc_sparse_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                              const double *s, double *C, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  left_rows rows;
  cross_job job = {x, &rows, ni, j, s, C, i == j && ni == nj};
  lc_status status = make_rows(x, ni, i, &rows, arena);
  if (status == LC_OK) {
    double left = (double)rows.start[x->n], right = (double)lc_sparse_entries_of(x, nj, j, x->intercept);
    double seconds = 2e-9 * right * (1 + left / (double)lc_max(1, x->n));
    lc_parallel(lc_threads_for(arena->host, seconds), nj, 16, cross_some, &job);
    for (lc_index b = 0; job.symmetric && b < nj; b++)
      for (lc_index a = 0; a < b; a++) C[b + a * nj] = C[a + b * nj];
  }
  lc_arena_reset(arena, mark);
  return status;
}
