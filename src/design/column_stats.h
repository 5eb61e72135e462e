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

/* `colstats` and `moments` of lc_design_ops by columns. */
lc_status lc_columns_stats(const lc_design *x, lc_column_of *column_of, const double *w, double total,
                           const lc_host *host, lc_colstat *out);
void lc_columns_moments(const lc_design *x, lc_column_of *column_of, int K, const double *S, int threads, double *sum,
                        double *square);

#endif
