/* design/factor.h - columns of dummies that stay codes: what the files of this storage share, and what makes one. */
#ifndef LC_DESIGN_FACTOR_H
#define LC_DESIGN_FACTOR_H

#include "design/design.h"

/* One part of a coded design. In each row one of its levels stands, with a number: a factor's level with 1, a factor
 * times a variable with that variable. A numeric column is a part of one level without codes. */
typedef struct lc_part {
  const int *code;     /* n numbers from 1 to levels; NULL: one level, a numeric column */
  const double *value; /* n numbers; NULL: all 1 */
  int levels, first;   /* its levels are numbers first .. first + levels - 1 of all levels */
} lc_part;

/* Columns made of levels: x_ij = sum over parts t of value_ti weight(level of row i in t, j). With treatment contrasts
 * a level has one column and weight 1, or no column; with others it has its row of the contrast matrix. */
typedef struct lc_coded {
  const lc_part *part; /* numeric columns come first */
  int nparts, nnumeric, nlevels;
  const int *start, *column; /* columns of level l: column[start[l]] .. column[start[l + 1] - 1], in increasing order */
  const double *weight;      /* their weights; NULL: all 1 */
  const int *owner;          /* p: the part of each column; it has levels of no other */
  /* The same by columns, for the verbs of columns (lc_coded_index); NULL until then. Column j is made of levels
   * level[first[j]] .. level[first[j + 1] - 1] with weights by[.]; level l stands in rows row[begin[l]] ..
   * row[begin[l + 1] - 1] (levels of numeric columns: in all rows, none is listed). */
  const int *first, *level, *row;
  const double *by;
  const lc_index *begin;
} lc_coded;

static inline const lc_coded *lc_coded_of(const lc_design *x) { return x->data; }

/* Levels instead of columns: lc_coded_check() first. */
void lc_design_coded(lc_design *out, lc_index n, lc_index p, const lc_coded *coded);

/* NULL when the parts describe columns 0..p-1 of n rows, else what is wrong. nstart, nentries: lengths of start, and of
 * column and weight. Fills owner (p), which is to become coded->owner. Cost: one read of the codes. */
const char *lc_coded_check(lc_index n, lc_index p, const lc_coded *coded, lc_index nstart, lc_index nentries,
                           int *owner);

/* Adds what the verbs of columns need, in the arena: O(n) numbers for each part with codes. */
lc_status lc_coded_index(lc_index n, lc_index p, lc_coded *coded, lc_arena *arena);

/* Rows `row` (m of them) of a coded design, copied into the arena. */
lc_status lc_coded_take(const lc_design *x, lc_index m, const lc_index *row, lc_design *out, lc_arena *arena);

/* Operations of lc_design_ops: `colstats` (design/factor_stats.c), `unique_rows` (design/unique_rows.c). */
lc_status lc_coded_colstats(const lc_design *x, const double *w, double total, const lc_host *host, lc_colstat *out);
lc_status lc_coded_unique_rows(const lc_design *x, const lc_obs *obs, lc_unique_rows *out, int *pays, lc_arena *arena);

#endif
