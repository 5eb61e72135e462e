/* design/sparse.h - compressed sparse columns: what makes a design of them, and what their files share. */
#ifndef LC_DESIGN_SPARSE_H
#define LC_DESIGN_SPARSE_H

#include "design/design.h"

/* Columns' starts (p + 1), rows of the entries, increasing within a column, and their values. */
typedef struct lc_csc {
  const int *start, *row;
  const double *value;
} lc_csc;

/* Does not read the arrays: lc_sparse_check() first. `matrix` is kept by address. */
void lc_design_sparse(lc_design *out, lc_index n, lc_index p, const lc_csc *matrix);

/* NULL when the slots describe a valid matrix (starts from 0, not decreasing, ending at the number of
 * entries; rows inside 0..n-1 and increasing within a column), else what is wrong. Cost: one read of the indices. */
const char *lc_sparse_check(lc_index n, lc_index p, const int *start, lc_index nstart, const int *row, lc_index nrow,
                            lc_index nvalue);

static inline const lc_csc *lc_csc_of(const lc_design *x) { return x->data; }
static inline lc_index lc_csc_entries(const lc_design *x) { return lc_csc_of(x)->start[x->p]; }

/* Operations of lc_design_ops by rows (design/sparse_rows.c).
 *
 * as_rows copies the entries in the order of rows, or takes the copy that is there: 8 bytes an entry where all shown
 * values are floats, else 12.
 * Cost 12 ns an entry (measured, 5e6 entries), which threads share. */
lc_status lc_sparse_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena);
lc_index lc_sparse_row_columns(const lc_rows *rows, lc_index m, const lc_index *index, unsigned char *mark,
                               lc_index *column);
void lc_sparse_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B, double *Z);
void lc_sparse_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R, double *G);
lc_status lc_sparse_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length, lc_design *out,
                           lc_arena *arena);

/* Are all shown values floats? */
int lc_sparse_is_narrow(const lc_design *x);

/* Those for several problems side by side (design/sparse_lanes.c). */
lc_status lc_sparse_grown_rows(const lc_design *x, lc_grown_rows *out, lc_arena *arena);
void lc_sparse_grow_rows(const lc_design *x, lc_index nj, const lc_index *j, lc_grown_rows *rows, const lc_host *host);
void lc_sparse_col_lines(const lc_design *x, lc_index nj, const lc_index *j, int W, const double *R, double *c,
                         const lc_host *host);
void lc_sparse_col_float_lines(const lc_design *x, lc_index nj, const lc_index *j, const float *R, double *c,
                               const lc_host *host);

/* `col_cross` of lc_design_ops (design/sparse_cross.c). Cost: a product for each pair of entries in a row; 12 bytes an
 * entry of the left columns in the arena. */
lc_status lc_sparse_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                              const double *s, double *C, lc_arena *arena);

/* `pass` and `prepare` of lc_design_ops (design/sparse_pass.c). */
lc_status lc_sparse_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena);
lc_status lc_sparse_prepare(lc_design *x, int K, double passes, lc_arena *arena);

/* Where the rows from `row` on begin in column j. Cost: the logarithm of its entries. */
int lc_sparse_entry_from(const lc_design *x, lc_index j, lc_index row);

/* Entries from .. end - 1. */
typedef struct lc_entries {
  int from, end;
} lc_entries;

/* Those of feature f; an intercept (f < 0) has none. */
static inline lc_entries lc_sparse_entries(const lc_design *x, lc_index f) {
  const int *start = lc_csc_of(x)->start;
  return f < 0 ? (lc_entries){0, 0} : (lc_entries){start[f], start[f + 1]};
}

/* How many the features have that are listed in j, where the first has number `first`. */
static inline lc_index lc_sparse_entries_of(const lc_design *x, lc_index nj, const lc_index *j, lc_index first) {
  lc_index sum = 0;
  for (lc_index a = 0; a < nj; a++) {
    lc_entries own = lc_sparse_entries(x, j[a] - first);
    sum += own.end - own.from;
  }
  return sum;
}

/* Scale of column j as shown. */
static inline double lc_sparse_scale(const lc_design *x, lc_index j) { return x->scale ? x->scale[j] : 1; }

/* The copy in the order of rows, where there is one of the columns as they are shown now; else NULL. */
static inline const lc_rows *lc_sparse_rows(const lc_design *x) {
  return x->rows && x->rows->scale == x->scale ? x->rows : NULL;
}

#endif
