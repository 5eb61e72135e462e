/* linalg/lbfgs_pairs.h - steps and gradient changes that correct a metric (limited-memory BFGS; Nocedal and
 * Wright, Numerical Optimization, algorithm 7.4). */
#ifndef LC_LINALG_LBFGS_PAIRS_H
#define LC_LINALG_LBFGS_PAIRS_H

#include "base/arena.h"

typedef struct lc_lbfgs_pairs {
  lc_index P;
  int memory, count, next; /* room for pairs; how many there are; place of the next one */
  double *S, *Y, *rho;     /* P x memory steps and gradient changes; 1 / s'y */
  double *alpha, *spare;   /* scratch */
} lc_lbfgs_pairs;

/* v <- M^-1 v, the metric before any pair; in place. */
typedef void (*lc_metric_fn)(void *context, double *v);

/* Room for `memory` pairs of P coefficients, empty. */
lc_status lc_lbfgs_pairs_allocate(lc_index P, int memory, lc_lbfgs_pairs *out, lc_arena *arena);

/* Keeps the pair of a step from `from` to `to`, where the gradient went from g to gradient, unless its curvature is
 * lost in rounding. */
void lc_lbfgs_pairs_keep(lc_lbfgs_pairs *pairs, const double *from, const double *to, const double *g,
                         const double *gradient);

/* d = -(metric with pairs) g by the two loops. scaled = 1 lets the latest pair set the size of the metric. */
void lc_lbfgs_pairs_direction(lc_lbfgs_pairs *pairs, const double *g, lc_metric_fn metric, void *context, int scaled,
                              double *d);

#endif
