/* design/column_stats.c - see design/column_stats.h. */
#include "design/column_stats.h"

#include <math.h>

#include "kernel/kernel.h"
#include "threads/threads.h"

static double entry(const lc_column *col, lc_index e) {
  if (col->number) return col->number[e];
  return col->integer[e] == INT32_MIN ? (double)NAN : (double)col->integer[e];
}

/* Two sweeps over one column, which stays in cache: counts and the largest entry first, then shifted
 * moments of x / 2^exponent, so that neither 1e300 nor 1e-300 leaves the range. The two-moment sums are
 * corrected as in Chan, Golub, LeVeque (1983), eq. 1.7. The pilot of the moments is near the data: an entry of the
 * column; zero where zeros are not stored. */
void lc_column_look(const lc_column *col, lc_index row0, lc_index n, const double *w, lc_column_sums *sums) {
  for (lc_index e = 0; e < col->count; e++) {
    lc_index i = col->row ? col->row[e] : e;
    double value = entry(col, e);
    if (w && w[i] == 0) continue;
    if (isfinite(value)) {
      if (fabs(value) > sums->largest) sums->largest = fabs(value);
      if (2 * (row0 + e) <= n) sums->pilot = value;
    } else if (isinf(value))
      sums->n_inf++;
    else if (col->integer || lc_is_na(value))
      sums->n_na++;
    else
      sums->n_nan++;
  }
}

void lc_column_scale(lc_column_sums *sums) {
  int exponent = 0;
  if (sums->largest > 0) frexp(sums->largest, &exponent);
  sums->unit = ldexp(1, exponent < -1000 ? 1000 : -exponent);
  sums->pilot *= sums->unit;
}

void lc_column_add(const lc_column *col, const double *w, lc_column_sums *sums) {
  sums->entries += (double)col->count;
  for (lc_index e = 0; e < col->count; e++) {
    double weight = w ? w[col->row ? col->row[e] : e] : 1;
    if (weight == 0) continue;
    double d = entry(col, e) * sums->unit - sums->pilot;
    sums->sum += weight * d;
    sums->squares += weight * d * d;
    sums->weight += weight;
  }
}

void lc_column_finish(const lc_column_sums *sums, double total, lc_index j, lc_colstat *out) {
  out->n_na[j] = sums->n_na;
  out->n_nan[j] = sums->n_nan;
  out->n_inf[j] = sums->n_inf;
  out->max_abs[j] = sums->largest;
  if (lc_column_has_gaps(sums)) {
    out->mean[j] = out->sd[j] = NAN;
    return;
  }
  double shift = total > 0 ? sums->sum / total : 0;
  double variance = total > 0 ? sums->squares / total - shift * shift : 0;
  out->mean[j] = (sums->pilot + shift) / sums->unit;
  /* Below rounding of the moments the column is constant. */
  out->sd[j] = variance > 1e-15 * (sums->squares / (total > 0 ? total : 1)) ? sqrt(variance) / sums->unit : 0;
}

static void careful(const lc_column *col, lc_index n, const double *w, double total, lc_index j, lc_colstat *out) {
  lc_column_sums sums = {0};
  lc_column_look(col, 0, col->count == n ? n : -1, w, &sums);
  if (!lc_column_has_gaps(&sums)) {
    lc_column_scale(&sums);
    lc_column_add(col, w, &sums);
  }
  lc_column_finish(&sums, total, j, out);
}

/* A column of ordinary numbers with zeros that are not stored, in one sweep; 0 when it is not one. */
static int quick_sparse(const lc_column *col, const double *w, double total, lc_index j, lc_colstat *out) {
  double sum = 0, squares = 0, largest = 0;
  for (lc_index e = 0; e < col->count; e++) {
    double weight = w ? w[col->row[e]] : 1, d = col->number[e];
    if (weight == 0) continue;
    sum += weight * d;
    squares += weight * d * d;
    largest = fabs(d) > largest ? fabs(d) : largest;
  }
  int ordinary = isfinite(squares) && (largest == 0 || (largest < 1e100 && largest > 1e-100));
  if (!ordinary || !(total > 0)) return 0;
  double mean = sum / total, variance = squares / total - mean * mean;
  out->mean[j] = mean;
  out->sd[j] = variance > 1e-15 * (squares / total) ? sqrt(variance) : 0;
  out->max_abs[j] = largest;
  out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  return 1;
}

int lc_column_quick(const double *moment, double count, double pilot, lc_index j, lc_colstat *out) {
  if (!isfinite(moment[1]) || moment[2] > 1e100 || moment[2] < 1e-100) return 0;
  double shift = moment[0] / count, variance = moment[1] / count - shift * shift;
  out->mean[j] = pilot + shift;
  out->sd[j] = variance > 1e-15 * (moment[1] / count) ? sqrt(variance) : 0;
  out->max_abs[j] = moment[2];
  out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  return 1;
}

/* A column of unweighted numbers of ordinary size, in one sweep; 0 when it is not one. R's missing int is the one whose
 * size no other int has. */
static int quick_dense(const lc_column *col, lc_index j, lc_colstat *out) {
  double pilot = entry(col, 0), moment[3];
  if (col->number)
    lc_kernels()->moments(col->count, LC_DOUBLE, col->number, pilot, NULL, moment);
  else
    lc_kernels()->moments(col->count, LC_INTEGER, col->integer, pilot, NULL, moment);
  if (!col->number && moment[2] > INT32_MAX) return 0;
  return lc_column_quick(moment, (double)col->count, pilot, j, out);
}

void lc_column_stats(const lc_column *column, lc_index n, const double *w, double total, lc_index j, lc_colstat *out) {
  int done = 0;
  if (column->row && column->count < n)
    done = quick_sparse(column, w, total, j, out);
  else if (!column->row && !w && n > 0)
    done = quick_dense(column, j, out);
  if (!done) careful(column, n, w, total, j, out);
}

typedef struct stats_job {
  const lc_design *x;
  lc_column_of *column_of;
  const double *w;
  double total;
  lc_index first; /* column of this round */
  lc_colstat *out;
} stats_job;

static void stats_some(void *context, lc_index from, lc_index to) {
  const stats_job *job = context;
  for (lc_index j = job->first + from; j < job->first + to; j++) {
    lc_column column = job->column_of(job->x, j);
    lc_column_stats(&column, job->x->n, job->w, job->total, j, job->out);
  }
}

lc_status lc_columns_stats(const lc_design *x, lc_column_of *column_of, const double *w, double total,
                           const lc_host *host, lc_colstat *out) {
  enum { NUMBERS = 1 << 24 }; /* are read in less than the time between two polls */
  double of_column = x->ops->cells(x) / (double)lc_max(1, x->p);
  lc_index step = (lc_index)fmax(1, NUMBERS / fmax(1, of_column));
  stats_job job = {x, column_of, w, total, 0, out};
  for (; job.first < x->p; job.first += step) {
    lc_index count = lc_min(step, x->p - job.first);
    /* Short sparse columns cost less than to be handed out one by one. */
    lc_parallel(host->threads, count, lc_max(4, count / 512), stats_some, &job);
    LC_TRY(lc_poll(host));
  }
  return LC_OK;
}

/* ---- for models of second derivatives --------------------------------------------------------------------------- */

enum { BESIDE = 8 }; /* weights of a row that are used together */

/* first, second (W each) += sums over the entries of a column of value and value^2 times S,
 * whose column has K numbers, W of them wanted. */
static inline void weigh_column(const lc_column *col, double shift, double scale, int W, int K, const double *S,
                                double *first, double *second) {
  for (lc_index e = 0; e < col->count; e++) {
    const double *s = S + (col->row ? col->row[e] : e) * K;
    double value = (entry(col, e) - shift) * scale;
    for (int w = 0; w < W; w++) {
      double part = s[w] * value;
      first[w] += part;
      second[w] += part * value;
    }
  }
}

typedef struct moments_job {
  const lc_design *x;
  lc_column_of *column_of;
  int K;
  const double *S;
  double *sum, *square;
} moments_job;

static void moments_some(void *context, lc_index from, lc_index to) {
  const moments_job *job = context;
  const lc_design *x = job->x;
  lc_index q = lc_design_q(x);
  int K = job->K;
  const double *S = job->S;
  double *sum = job->sum, *square = job->square;
  for (lc_index j = from; j < to; j++) {
    lc_column col = job->column_of(x, j);
    double shift = x->shift ? x->shift[j] : 0, scale = x->scale ? x->scale[j] : 1, first[BESIDE], second[BESIDE];
    for (int c0 = 0; c0 < K; c0 += BESIDE) {
      int W = (int)lc_min(BESIDE, K - c0);
      for (int w = 0; w < W; w++) {
        first[w] = sum[(c0 + w) * q + x->intercept + j];
        second[w] = square[(c0 + w) * q + x->intercept + j];
      }
      if (W == BESIDE) /* a loop of known length is compiled without branches */
        weigh_column(&col, shift, scale, BESIDE, K, S + c0, first, second);
      else
        weigh_column(&col, shift, scale, W, K, S + c0, first, second);
      for (int w = 0; w < W; w++) {
        sum[(c0 + w) * q + x->intercept + j] = first[w];
        square[(c0 + w) * q + x->intercept + j] = second[w];
      }
    }
  }
}

void lc_columns_add_moments(const lc_design *x, lc_column_of *column_of, int K, const double *S, int threads,
                            double *sum, double *square) {
  lc_index q = lc_design_q(x);
  for (int c = 0; x->intercept && c < K; c++) {
    for (lc_index i = 0; i < x->n; i++) sum[c * q] += S[c + i * K];
    square[c * q] = sum[c * q];
  }
  moments_job job = {x, column_of, K, S, sum, square};
  lc_parallel(threads, x->p, 4, moments_some, &job);
}

void lc_columns_moments(const lc_design *x, lc_column_of *column_of, int K, const double *S, int threads, double *sum,
                        double *square) {
  size_t bytes = (size_t)(lc_design_q(x) * K) * sizeof(double);
  memset(sum, 0, bytes);
  memset(square, 0, bytes);
  lc_columns_add_moments(x, column_of, K, S, threads, sum, square);
}
