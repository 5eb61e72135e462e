/* design/design.c - what all designs share: the map between shown and user's columns, copies and samples of rows. */
#include "design/design.h"

#include <math.h>
#include <string.h>

#include "base/random.h"

int lc_unscale_coef(const lc_design *x, int K, double *B) {
  lc_index q = lc_design_q(x);
  int finite = 1;
  for (int c = 0; c < K; c++) {
    double *slope = B + c * q + x->intercept, moved = 0;
    for (lc_index j = 0; j < x->p; j++) {
      if (x->scale) slope[j] *= x->scale[j];
      if (x->shift) moved += x->shift[j] * slope[j];
    }
    if (x->shift) B[c * q] -= moved;
  }
  for (lc_index i = 0; i < q * K; i++) finite &= isfinite(B[i]) != 0;
  return finite;
}

int lc_unscale_listed(const lc_design *x, lc_index count, const lc_index *index, double *B) {
  lc_index q = lc_design_q(x);
  int finite = 1;
  for (lc_index v = 0; v < count; v++) {
    lc_index i = index[v], j = i % q - x->intercept;
    if (j >= 0 && x->scale) B[i] *= x->scale[j];
    if (j >= 0 && x->shift) B[i - i % q] -= x->shift[j] * B[i];
    finite &= isfinite(B[i]) != 0;
  }
  return finite;
}

void lc_scale_coef(const lc_design *x, int K, double *B) {
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++) {
    double *slope = B + c * q + x->intercept, moved = 0;
    for (lc_index j = 0; j < x->p; j++) {
      if (x->shift) moved += x->shift[j] * slope[j];
      if (x->scale) slope[j] /= x->scale[j];
    }
    if (x->shift) B[c * q] += moved;
  }
}

/* ---- observations ----------------------------------------------------------------------------------------------- */

void lc_obs_class_totals(const lc_obs *obs, int k, double *out) {
  for (int c = 0; c < k; c++) out[c] = obs->class_weights ? obs->class_weights[c] : 0;
  for (lc_index i = 0; obs->y && i < obs->n; i++) out[(int)obs->y[i]] += lc_obs_weight(obs, i);
}

double lc_obs_total(const lc_obs *obs) {
  double total = (double)obs->n;
  if (obs->class_weights) {
    total = 0;
    for (int c = 0; c < obs->classes; c++) total += obs->class_weights[c];
    return total;
  }
  if (!obs->w) return total;
  total = 0;
  for (lc_index i = 0; i < obs->n; i++) total += obs->w[i];
  return total;
}

static const double *take(const double *from, lc_index n, int columns, lc_index m, const lc_index *row, double *to) {
  for (int c = 0; from && c < columns; c++)
    for (lc_index i = 0; i < m; i++) to[i + c * m] = from[row[i] + c * n];
  return from ? to : NULL;
}

lc_status lc_obs_take(const lc_obs *obs, lc_index m, const lc_index *row, lc_obs *out, lc_arena *arena) {
  double *y = lc_arena_doubles(arena, obs->y ? m : 0), *w = lc_arena_doubles(arena, obs->w ? m : 0);
  double *offset = lc_arena_doubles(arena, m * obs->noffset);
  if (!y || !w || !offset) return LC_OUT_OF_MEMORY;
  *out = (lc_obs){.n = m,
                  .y = take(obs->y, obs->n, 1, m, row, y),
                  .w = take(obs->w, obs->n, 1, m, row, w),
                  .offset = take(obs->offset, obs->n, obs->noffset, m, row, offset),
                  .noffset = obs->noffset};
  return LC_OK;
}

/* ---- operations with their defaults ----------------------------------------------------------------------------- */

lc_status lc_design_colstats(const lc_design *x, const double *w, const lc_host *host, lc_colstat *out) {
  const lc_obs weighted = {.n = x->n, .w = w};
  return x->ops->colstats(x, w, lc_obs_total(&weighted), host, out);
}

lc_status lc_design_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                            double *sum, double *square) {
  return x->ops->moments ? x->ops->moments(x, K, S, host, arena, sum, square) : LC_UNSUPPORTED;
}

lc_status lc_unique_rows_make(const lc_design *x, const lc_obs *obs, lc_unique_rows *out, int *pays, lc_arena *arena) {
  *pays = 0;
  return x->ops->unique_rows ? x->ops->unique_rows(x, obs, out, pays, arena) : LC_OK;
}

enum { RUN = 64 }; /* rows of a sample that lie together */

lc_status lc_design_sample(const lc_design *x, const lc_obs *obs, lc_index rows, lc_design *out, lc_obs *out_obs,
                           lc_arena *arena) {
  lc_index count = (rows + RUN - 1) / RUN, n = x->n;
  if (2 * count * RUN >= n) {
    *out = *x;
    *out_obs = *obs;
    return LC_OK;
  }
  if (!x->ops->subset) return LC_UNSUPPORTED;
  lc_index *first = lc_arena_alloc(arena, count, sizeof *first);
  lc_index *row = lc_arena_alloc(arena, count * RUN, sizeof *row);
  if (!first || !row) return LC_OUT_OF_MEMORY;
  lc_random random = lc_random_stream(20240229, 0);
  for (lc_index r = 0; r < count; r++) {
    lc_index from = (lc_index)((double)n * (double)r / (double)count);
    lc_index to = (lc_index)((double)n * (double)(r + 1) / (double)count) - RUN;
    first[r] = lc_min(n - RUN, from + lc_random_below(&random, lc_max(1, to - from + 1)));
  }
  for (lc_index i = 0; i < count * RUN; i++) row[i] = first[i / RUN] + i % RUN;
  LC_TRY(lc_obs_take(obs, count * RUN, row, out_obs, arena));
  return x->ops->subset(x, count, first, RUN, out, arena);
}
