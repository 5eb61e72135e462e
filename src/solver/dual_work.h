/* solver/dual_work.h - what dual coordinate descent keeps, and how it extrapolates its sweeps.
 *
 * solver/dual.c says what the problem is. */
#ifndef LC_SOLVER_DUAL_WORK_H
#define LC_SOLVER_DUAL_WORK_H

#include "solver/solver.h"

/* What the visit of a row of two classes needs, in one place: rows come in random order. */
typedef struct lc_dual_row {
  double a, most;      /* dual variable, in [0, most]: most is the weight */
  double square, sign; /* x' L^-1 x / W + flex; 1 for the second class, else -1 */
} lc_dual_row;

/* A dual point with what follows from it, or a move of one: a as lc_dual_of() has it, slopes, sums of R. */
typedef struct lc_dual_state {
  double *a, *slope, *total; /* n x width, K x p, K */
} lc_dual_state;

typedef struct lc_dual_work {
  lc_objective *obj;
  lc_rows rows;
  int K; /* score columns */
  lc_index n, p;
  double *slope;                          /* K x p: slopes of a feature side by side */
  double *intercept, *total;              /* K: those of the rows' scores now; sum_i R_i */
  double *inverse;                        /* p: 1 / (W l_j) */
  int uniform;                            /* 1: all equal */
  double flex;                            /* 1 / ridge of the intercepts, over W; 0 without intercept */
  lc_dual_row *row;                       /* n; a is used for two classes, */
  double *a;                              /* n x K, those of a row side by side, for more */
  lc_index *order, active;                /* the first `active` rows of the order are visited */
  unsigned char *idle;                    /* n: visits without a change, many classes */
  double high, low, least_high, most_low; /* projected gradients of this sweep; bounds that shrink, of the last one */
  double *z, *v, *change;                 /* K each: of one row */
  int largest;                            /* 1: more classes, and the largest of the ramps counts */
  double gap;                             /* sum of the gaps of rows, each as its visit found it */
  double entries;                         /* since the host was asked */
  double *B, *R;                          /* P and n x K: the best point and the best dual point */
  double primal, dual;                    /* their values */
  lc_dual_state before, drift, after;     /* of lc_dual_extrapolate() */
  int drifts;                             /* 1: drift is there */
} lc_dual_work;

/* Dual variables of row i: one, or one for each class (0 for its own). */
static inline double *lc_dual_of(const lc_dual_work *work, lc_index i) {
  return work->obj->coding.vector ? &work->row[i].a : work->a + i * work->K;
}

static inline double lc_dual_offset(const lc_dual_work *work, lc_index i, int c) {
  const double *offset = work->obj->obs->offset;
  return offset ? offset[i + c * work->n] : 0;
}

/* The slopes after R of row i has changed by d (K). */
void lc_dual_push(const lc_dual_work *work, lc_index i, const double *d);

/* The a of a row into their bounds. */
void lc_dual_clip(const lc_dual_work *work, lc_index i, double *a);

/* Memory for the two below. */
lc_status lc_dual_momentum_init(lc_dual_work *work);

/* The point from which a sweep starts. */
void lc_dual_remember(lc_dual_work *work);

/* After a sweep: moves on to the best dual point in the plane of the sweep's move and of the last move before it, where
 * that, within the bounds, is better than where the sweep ended. About n width + p K operations, and the rows that the
 * bounds stop are read. */
void lc_dual_extrapolate(lc_dual_work *work);

#endif
