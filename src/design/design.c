/* design/design.c - what all designs share: the map between shown and user's columns, copies and samples of rows. */
#include "design/design.h"

#include <string.h>

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

lc_status lc_design_colstats(const lc_design *x, const lc_host *host, lc_colstat *out) {
  double total = (double)x->n;
  if (x->w) {
    total = 0;
    for (lc_index i = 0; i < x->n; i++) total += x->w[i];
  }
  return x->ops->colstats(x, x->w, total, host, out);
}

lc_status lc_design_moments(const lc_design *x, int K, const double *S, int threads, double *sum, double *square) {
  if (!x->ops->moments) return LC_UNSUPPORTED;
  x->ops->moments(x, K, S, threads, sum, square);
  return LC_OK;
}

lc_status lc_unique_rows_make(const lc_design *x, lc_unique_rows *out, int *pays, lc_arena *arena) {
  *pays = 0;
  return x->ops->unique_rows ? x->ops->unique_rows(x, out, pays, arena) : LC_OK;
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
