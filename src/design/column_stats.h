/* design/column_stats.h - statistics and weighted moments of one column after another, for storages that can give a
 * column as numbers. */
#ifndef LC_DESIGN_COLUMN_STATS_H
#define LC_DESIGN_COLUMN_STATS_H

#include <string.h>

#include "design/design.h"

/* R's NA_real_ is the NaN whose low word is 1954 (R's own arithmetic.c); every other NaN is a NaN. */
static inline int lc_is_na(double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (uint32_t)bits == 1954;
}

/* One column as numbers: `count` entries in rows row[e] (NULL: row e), doubles or integers; rows that are not listed
 * are zero. */
typedef struct lc_column {
  lc_index count;
  const double *number;
  const int *integer, *row;
} lc_column;
typedef lc_column lc_column_of(const lc_design *x, lc_index j);

/* Statistics of one column of n rows into place j of `out`; w weights (NULL: all one) with sum `total`. */
void lc_column_stats(const lc_column *column, lc_index n, const double *w, double total, lc_index j, lc_colstat *out);

/* The same of a column that comes in pieces, in two sweeps of its rows: look, scale, add, finish. All zero at first. */
typedef struct lc_column_sums {
  double largest, pilot, unit, n_na, n_nan, n_inf; /* pilot: of the moments; times the unit once there is one */
  double sum, squares;                             /* of x unit - pilot */
  double entries, weight;                          /* how many were added, and their weight */
} lc_column_sums;

/* A piece from row row0 on of n rows; n < 0: the pilot is 0. w: of the piece. */
void lc_column_look(const lc_column *piece, lc_index row0, lc_index n, const double *w, lc_column_sums *sums);
void lc_column_scale(lc_column_sums *sums);
void lc_column_add(const lc_column *piece, const double *w, lc_column_sums *sums);
void lc_column_finish(const lc_column_sums *sums, double total, lc_index j, lc_colstat *out);

/* Is an entry no number? Then there are no moments. */
static inline int lc_column_has_gaps(const lc_column_sums *sums) { return sums->n_na + sums->n_nan + sums->n_inf > 0; }

/* From the moments of the kernels about `pilot`, without weights; 0: not of ordinary size, nothing is written. */
int lc_column_quick(const double *moment, double count, double pilot, lc_index j, lc_colstat *out);

/* `colstats` and `moments` of lc_design_ops by columns. */
lc_status lc_columns_stats(const lc_design *x, lc_column_of *column_of, const double *w, double total,
                           const lc_host *host, lc_colstat *out);
void lc_columns_moments(const lc_design *x, lc_column_of *column_of, int K, const double *S, int threads, double *sum,
                        double *square);
/* sum and square += those of further rows, S theirs. */
void lc_columns_add_moments(const lc_design *x, lc_column_of *column_of, int K, const double *S, int threads,
                            double *sum, double *square);

#endif
