/* design/design.c - what all designs share: column statistics and the map between shown and user's columns. */
#include "design/design.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "base/random.h"

void lc_design_to_user(const lc_design *x, int K, double *B) {
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    double *slope = B + c * q + x->one, moved = 0;
    for (lc_index j = 0; j < x->p; j++) {
      if (x->scale) slope[j] *= x->scale[j];
      if (x->shift) moved += x->shift[j] * slope[j];
    }
    if (x->shift) B[c * q] -= moved;
  }
}

void lc_design_from_user(const lc_design *x, int K, double *B) {
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    double *slope = B + c * q + x->one, moved = 0;
    for (lc_index j = 0; j < x->p; j++) {
      if (x->shift) moved += x->shift[j] * slope[j];
      if (x->scale) slope[j] /= x->scale[j];
    }
    if (x->shift) B[c * q] += moved;
  }
}

static double *copy_runs(const double *from, lc_index count, const lc_index *first, lc_index length, double *to) {
  for (lc_index r = 0; from && r < count; r++)
    memcpy(to + r * length, from + first[r], (size_t)length * sizeof(double));
  return from ? to : NULL;
}

lc_status lc_design_take_runs(const lc_design *x, lc_index count, const lc_index *first, lc_index length,
                              lc_design *out, lc_arena *arena) {
  lc_index m = count * length;
  double *y = lc_arena_doubles(arena, m), *w = lc_arena_doubles(arena, x->w ? m : 0);
  double *off = lc_arena_doubles(arena, m * x->noff);
  if (!y || !w || !off) return LC_OUT_OF_MEMORY;
  out->one = x->one;
  out->noff = x->noff;
  out->y = copy_runs(x->y, count, first, length, y);
  out->w = copy_runs(x->w, count, first, length, w);
  for (int c = 0; c < x->noff; c++) copy_runs(x->off + c * x->n, count, first, length, off + c * m);
  out->off = x->off ? off : NULL;
  return LC_OK;
}

/* One column as numbers: its entries (count of them, rows r or 0..count-1 when r is NULL), and how many
 * rows are zero without being stored. */
typedef struct column {
  lc_index count;
  const double *number;
  const int *integer, *row;
} column;

static column column_of(const lc_design *x, lc_index j) {
  column out = {x->n, NULL, NULL, NULL};
  if (x->start) {
    out.count = x->start[j + 1] - x->start[j];
    out.number = x->value + x->start[j];
    out.row = x->row + x->start[j];
  } else if (x->storage == LC_DOUBLE) {
    out.number = (const double *)x->x + j * x->n;
  } else {
    out.integer = (const int *)x->x + j * x->n;
  }
  return out;
}

static double entry(const column *col, lc_index e) {
  if (col->number) return col->number[e];
  return col->integer[e] == INT32_MIN ? (double)NAN : (double)col->integer[e];
}

/* Two sweeps over one column, which stays in cache: counts and the largest entry first, then shifted
 * moments of x / 2^exponent, so that neither 1e300 nor 1e-300 leaves the range. The two-moment sums are
 * corrected as in Chan, Golub, LeVeque (1983), eq. 1.7. */
static void one_column(const lc_design *x, lc_index j, double total, lc_colstat *out) {
  column col = column_of(x, j);
  double largest = 0, pilot = 0;
  out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  /* The pilot of the moments is near the data: an entry of the column; zero where zeros are not stored. */
  for (lc_index e = 0; e < col.count; e++) {
    lc_index i = col.row ? col.row[e] : e;
    double value = entry(&col, e);
    if (x->w && x->w[i] == 0) continue;
    if (isfinite(value)) {
      if (fabs(value) > largest) largest = fabs(value);
      if (col.count == x->n && 2 * e <= col.count) pilot = value;
    } else if (isinf(value))
      out->n_inf[j]++;
    else if (col.integer || lc_is_na(value))
      out->n_na[j]++;
    else
      out->n_nan[j]++;
  }
  out->max_abs[j] = largest;
  if (out->n_na[j] + out->n_nan[j] + out->n_inf[j] > 0) {
    out->mean[j] = out->sd[j] = NAN;
    return;
  }
  int exponent = 0;
  if (largest > 0) frexp(largest, &exponent);
  double unit = ldexp(1, exponent < -1000 ? 1000 : -exponent);
  pilot *= unit;
  double sum = 0, squares = 0;
  for (lc_index e = 0; e < col.count; e++) {
    double w = x->w ? x->w[col.row ? col.row[e] : e] : 1;
    if (w == 0) continue;
    double d = entry(&col, e) * unit - pilot;
    sum += w * d;
    squares += w * d * d;
  }
  double shift = total > 0 ? sum / total : 0;
  double variance = total > 0 ? squares / total - shift * shift : 0;
  out->mean[j] = (pilot + shift) / unit;
  /* Below rounding of the moments the column is constant. */
  out->sd[j] = variance > 1e-15 * (squares / (total > 0 ? total : 1)) ? sqrt(variance) / unit : 0;
}

/* A column of ordinary numbers with zeros that are not stored, in one sweep; 0 when it is not one. */
static int quick_sparse(const lc_design *x, lc_index j, double total, lc_colstat *out) {
  if (x->start[j + 1] - x->start[j] == x->n) return 0;
  double sum = 0, squares = 0, largest = 0;
  for (int e = x->start[j]; e < x->start[j + 1]; e++) {
    double w = x->w ? x->w[x->row[e]] : 1, d = x->value[e];
    if (w == 0) continue;
    sum += w * d;
    squares += w * d * d;
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

/* A column of unweighted doubles of ordinary size, in one sweep; 0 when it is not one. */
static int quick_column(const lc_design *x, lc_index j, double total, lc_colstat *out) {
  if (x->start) return quick_sparse(x, j, total, out);
  if (x->w || x->storage != LC_DOUBLE || x->n == 0) return 0;
  const double *entries = (const double *)x->x + j * x->n, n = (double)x->n, pilot = entries[0];
  double moment[3];
  lc_kernels()->moments(x->n, entries, pilot, moment);
  if (!isfinite(moment[1]) || moment[2] > 1e100 || moment[2] < 1e-100) return 0;
  double shift = moment[0] / n, variance = moment[1] / n - shift * shift;
  out->mean[j] = pilot + shift;
  out->sd[j] = variance > 1e-15 * (moment[1] / n) ? sqrt(variance) : 0;
  out->max_abs[j] = moment[2];
  out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  return 1;
}

int lc_design_may_shift(const lc_design *x, lc_index j) {
  return !x->start && (!x->coded || !x->coded->part[x->coded->owner[j]].code);
}

lc_status lc_design_colstats(const lc_design *x, const lc_host *host, lc_colstat *out) {
  enum { NUMBERS = 1 << 24 }; /* are read in less than the time between two polls */
  double total = (double)x->n;
  if (x->w) {
    total = 0;
    for (lc_index i = 0; i < x->n; i++) total += x->w[i];
  }
  if (x->coded) {
    lc_coded_colstats(x, total, host->threads, out);
    return lc_poll(host);
  }
  double entries = x->start ? (double)x->entries / (double)lc_max(1, x->p) : (double)x->n; /* of a column */
  lc_index step = (lc_index)fmax(1, NUMBERS / fmax(1, entries));
  for (lc_index from = 0; from < x->p; from += step) {
    lc_index to = lc_min(x->p, from + step);
#ifdef _OPENMP
    int threads = host->threads;
    int chunk = (int)lc_max(4, (to - from) / 512); /* short sparse columns cost less than their share of the schedule */
#pragma omp parallel for num_threads(threads) schedule(dynamic, chunk) if (threads > 1)
#endif
    for (lc_index j = from; j < to; j++)
      if (!quick_column(x, j, total, out)) one_column(x, j, total, out);
    LC_TRY(lc_poll(host));
  }
  return LC_OK;
}

/* ---- for models of second derivatives ------------------------------------------------------------------------ */

enum { BESIDE = 8 }; /* weights of a row that are used together */

/* first, second (W each) = sums over the entries of a column of value and value^2 times S,
 * whose column has K numbers, W of them wanted. */
static inline void weigh_column(const column *col, double shift, double scale, int W, int K, const double *S,
                                double *first, double *second) {
  for (int w = 0; w < W; w++) first[w] = second[w] = 0;
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

lc_status lc_design_moments(const lc_design *x, int K, const double *S, int threads, double *sum, double *square) {
  (void)threads;
  if (x->coded) {
    lc_coded_moments(x, K, S, threads, sum, square);
    return LC_OK;
  }
  if (!x->start && !x->x && x->p > 0) return LC_UNSUPPORTED;
  lc_index q = lc_design_q(x);
  for (int c = 0; x->one && c < K; c++) {
    sum[c * q] = 0;
    for (lc_index i = 0; i < x->n; i++) sum[c * q] += S[c + i * K];
    square[c * q] = sum[c * q];
  }
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 4) if (threads > 1)
#endif
  for (lc_index j = 0; j < x->p; j++) {
    column col = column_of(x, j);
    double shift = x->shift ? x->shift[j] : 0, scale = x->scale ? x->scale[j] : 1, first[BESIDE], second[BESIDE];
    for (int c0 = 0; c0 < K; c0 += BESIDE) {
      int W = (int)lc_min(BESIDE, K - c0);
      if (W == BESIDE) /* a loop of known length is compiled without branches */
        weigh_column(&col, shift, scale, BESIDE, K, S + c0, first, second);
      else
        weigh_column(&col, shift, scale, W, K, S + c0, first, second);
      for (int w = 0; w < W; w++) {
        sum[(c0 + w) * q + x->one + j] = first[w];
        square[(c0 + w) * q + x->one + j] = second[w];
      }
    }
  }
  return LC_OK;
}

enum { RUN = 64 }; /* rows of a sample that lie together */

lc_status lc_design_sample(const lc_design *x, lc_index rows, lc_design *out, lc_arena *arena) {
  lc_index count = (rows + RUN - 1) / RUN, n = x->n;
  if (2 * count * RUN >= n) {
    *out = *x;
    return LC_OK;
  }
  if (!x->ops->subset) return LC_UNSUPPORTED;
  lc_index *first = lc_arena_alloc(arena, count, sizeof *first);
  if (!first) return LC_OUT_OF_MEMORY;
  lc_random random = lc_random_stream(20240229, 0);
  for (lc_index r = 0; r < count; r++) {
    lc_index from = (lc_index)((double)n * (double)r / (double)count);
    lc_index to = (lc_index)((double)n * (double)(r + 1) / (double)count) - RUN;
    first[r] = lc_min(n - RUN, from + lc_random_below(&random, lc_max(1, to - from + 1)));
  }
  return x->ops->subset(x, count, first, RUN, out, arena);
}
