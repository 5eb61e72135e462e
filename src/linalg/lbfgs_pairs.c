/* linalg/lbfgs_pairs.c - the two loops of limited-memory BFGS over any metric. */
#include "linalg/lbfgs_pairs.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

lc_status lc_lbfgs_pairs_allocate(lc_index P, int memory, lc_lbfgs_pairs *out, lc_arena *arena) {
  memset(out, 0, sizeof *out);
  out->P = P;
  out->memory = memory;
  out->S = lc_arena_doubles(arena, P * memory);
  out->Y = lc_arena_doubles(arena, P * memory);
  out->rho = lc_arena_doubles(arena, memory);
  out->alpha = lc_arena_doubles(arena, memory);
  out->spare = lc_arena_doubles(arena, P);
  return out->S && out->Y && out->rho && out->alpha && out->spare ? LC_OK : LC_OUT_OF_MEMORY;
}

void lc_lbfgs_pairs_keep(lc_lbfgs_pairs *pairs, const double *from, const double *to, const double *g,
                         const double *gradient) {
  lc_index P = pairs->P;
  double *s = pairs->S + pairs->next * P, *y = pairs->Y + pairs->next * P;
  for (lc_index i = 0; i < P; i++) {
    s[i] = to[i] - from[i];
    y[i] = gradient[i] - g[i];
  }
  double sy = lc_dot(P, s, y);
  if (!(sy > 1e-10 * sqrt(lc_dot(P, s, s)) * sqrt(lc_dot(P, y, y)))) return;
  pairs->rho[pairs->next] = 1 / sy;
  pairs->next = (pairs->next + 1) % pairs->memory;
  if (pairs->count < pairs->memory) pairs->count++;
}

/* Place of the k-th latest pair, k = 1, 2, ... */
static lc_index latest(const lc_lbfgs_pairs *pairs, int k) { return (pairs->next - k + pairs->memory) % pairs->memory; }

void lc_lbfgs_pairs_direction(lc_lbfgs_pairs *pairs, const double *g, lc_metric_fn metric, void *context, int scaled,
                              double *d) {
  lc_index P = pairs->P;
  for (lc_index i = 0; i < P; i++) d[i] = -g[i];
  for (int k = 1; k <= pairs->count; k++) {
    lc_index at = latest(pairs, k);
    const double *s = pairs->S + at * P, *y = pairs->Y + at * P;
    pairs->alpha[at] = pairs->rho[at] * lc_dot(P, s, d);
    for (lc_index i = 0; i < P; i++) d[i] -= pairs->alpha[at] * y[i];
  }
  metric(context, d);
  if (scaled && pairs->count > 0) { /* by s'y / y'M^-1 y */
    const double *y = pairs->Y + latest(pairs, 1) * P;
    memcpy(pairs->spare, y, (size_t)P * sizeof(double));
    metric(context, pairs->spare);
    double size = lc_dot(P, y, pairs->spare); /* 0 where the metric holds all that moved last */
    for (lc_index i = 0; size > 0 && i < P; i++) d[i] /= pairs->rho[latest(pairs, 1)] * size;
  }
  for (int k = pairs->count; k >= 1; k--) {
    lc_index at = latest(pairs, k);
    const double *s = pairs->S + at * P, *y = pairs->Y + at * P;
    double beta = pairs->rho[at] * lc_dot(P, y, d);
    for (lc_index i = 0; i < P; i++) d[i] += (pairs->alpha[at] - beta) * s[i];
  }
}
