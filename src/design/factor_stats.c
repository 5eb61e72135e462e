/* design/factor_stats.c - column statistics of a coded design: a sum a level instead of a column of dummies. */
#include <math.h>

#include "design/column_stats.h"
#include "design/factor.h"
#include "threads/threads.h"

static void look_at(lc_colstat *out, lc_index j, double number) {
  if (isfinite(number))
    out->max_abs[j] = fmax(out->max_abs[j], fabs(number));
  else
    (isinf(number) ? out->n_inf : lc_is_na(number) ? out->n_na : out->n_nan)[j]++;
}

static void clear_columns(const lc_coded *coded, const lc_part *part, lc_colstat *out) {
  for (int e = coded->start[part->first]; e < coded->start[part->first + part->levels]; e++) {
    lc_index j = coded->column[e];
    out->mean[j] = out->sd[j] = out->max_abs[j] = out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  }
}

/* Columns of zeros and ones: the share of ones says all. */
static void indicator_stats(const lc_design *x, const lc_part *part, const double *w, double total, lc_colstat *out) {
  const lc_coded *coded = lc_coded_of(x);
  const int *start = coded->start + part->first - 1;
  clear_columns(coded, part, out);
  for (lc_index i = 0; i < x->n; i++)
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++) out->mean[coded->column[e]] += w ? w[i] : 1;
  for (lc_index j = 0; j < x->p; j++) {
    if (coded->part + coded->owner[j] != part) continue;
    double share = total > 0 ? out->mean[j] / total : 0;
    out->mean[j] = share;
    out->sd[j] = 1 - share > 1e-15 ? sqrt(share * (1 - share)) : 0;
    out->max_abs[j] = share > 0;
  }
}

/* Row i has this number in the column of entry e. */
static double entry(const lc_coded *coded, const lc_part *part, lc_index i, int e) {
  return (part->value ? part->value[i] : 1) * (coded->weight ? coded->weight[e] : 1);
}

/* Sizes of the entries and counts of those that are none first; then the moments in units that keep squares inside
 * the range. */
static void level_stats(const lc_design *x, const lc_part *part, const double *w, double total, lc_colstat *out) {
  const lc_coded *coded = lc_coded_of(x);
  const int *start = coded->start + part->first - 1;
  int from = coded->start[part->first], to = coded->start[part->first + part->levels], exponent = 0;
  double largest = 0;
  clear_columns(coded, part, out);
  for (lc_index i = 0; i < x->n; i++) {
    if (w && w[i] == 0) continue;
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++)
      look_at(out, coded->column[e], entry(coded, part, i, e));
  }
  for (int e = from; e < to; e++) largest = fmax(largest, out->max_abs[coded->column[e]]);
  if (largest > 0) frexp(largest, &exponent);
  double unit = ldexp(1, exponent < -1000 ? 1000 : -exponent);
  for (lc_index i = 0; i < x->n; i++) {
    double weight = w ? w[i] : 1;
    if (weight == 0) continue;
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++) {
      double number = entry(coded, part, i, e) * unit;
      out->mean[coded->column[e]] += weight * number;
      out->sd[coded->column[e]] += weight * number * number;
    }
  }
  for (lc_index j = 0; j < x->p; j++) {
    if (coded->part + coded->owner[j] != part) continue;
    double mean = total > 0 ? out->mean[j] / total : 0, square = total > 0 ? out->sd[j] / total : 0;
    double variance = square - mean * mean;
    int finite = out->n_na[j] + out->n_nan[j] + out->n_inf[j] == 0;
    out->mean[j] = finite ? mean / unit : (double)NAN;
    out->sd[j] = !finite ? (double)NAN : variance > 1e-15 * square ? sqrt(variance) / unit : 0;
  }
}

typedef struct stats_job {
  const lc_design *x;
  const double *w;
  double total;
  lc_colstat *out;
} stats_job;

static void stats_some(void *context, lc_index from, lc_index to) {
  const stats_job *job = context;
  const lc_design *x = job->x;
  const lc_coded *coded = lc_coded_of(x);
  const double *w = job->w;
  double total = job->total;
  lc_colstat *out = job->out;
  for (lc_index t = from; t < to; t++) {
    const lc_part *part = coded->part + t;
    if (part->code && !part->value && !coded->weight) {
      indicator_stats(x, part, w, total, out);
    } else if (part->code) {
      level_stats(x, part, w, total, out);
    } else {
      lc_column column = {x->n, part->value, NULL, NULL};
      lc_column_stats(&column, x->n, w, total, coded->column[coded->start[part->first]], out);
    }
  }
}

lc_status lc_coded_colstats(const lc_design *x, const double *w, double total, const lc_host *host, lc_colstat *out) {
  stats_job job = {x, w, total, out};
  lc_parallel(host->threads, lc_coded_of(x)->nparts, 1, stats_some, &job);
  return lc_poll(host);
}
