/* working_set/set_step.h - one step of a working set: gradients, a trial, its line search.
 *
 * Every method does the same: load the gradient g of the mean loss, choose a new b, try it, take it. What differs is
 * how b is chosen. A step begins with lc_step_load() or lc_step_reset(), changes b, and ends in lc_step_take() or,
 * where nothing is to be gained, without. R are the residuals (lc_objective_residuals) of `at` all along.
 *
 *   reset     b = start = `at`, Hd = 0, the set's rows are listed. g and worst stay: they are those of `at` if they
 * were loaded there for the same set. Reads no column. load      reset, then g and worst. Reads the columns of the set.
 *   try       `to` <- `at` + t (b - start) on the set, with R_to. Reads the columns that move.
 *   search    gain <- half the fall that g promises of the move; try with the largest share t of it that a line search
 *             accepts, *t = 0 where rounding leaves nothing to gain. Reads the columns once, twice where t < 1.
 *   take      `at` <- `to`, R <- R_to.
 * Where each verb of columns is a read of all of X (LC_STREAMED), one pass costs less than two of them:
 *   try_all   `to` <- `at` with the set at b, and its gradient into obj->G. R_to is not made. One read of X.
 *   load_all  load, with the gradient of `at` in obj->G. Reads no column. */
#ifndef LC_WORKING_SET_SET_STEP_H
#define LC_WORKING_SET_SET_STEP_H

#include "working_set/working_set.h"

typedef struct lc_set_step {
  lc_working_set *set;
  lc_objective *obj;
  lc_arena *arena;
  lc_index capacity;  /* coefficients that the vectors of the set have memory for */
  double *b, *start;  /* coefficients: the new ones; those of `at` */
  double *g;          /* gradient of the mean loss at `start` */
  double *cells;      /* nrows x K: the same of all score columns of the set's rows, each at its set->cell; not made of
                         columns with few entries */
  double *Hd;         /* H (b - start), by which a model's gradient differs from g; 0 where no model moves b */
  double *dual;       /* gradient of the mean loss at a dual point (working_set/set_solver.h) */
  double *R, *R_to;   /* n x K: residuals at `at` and at `to` */
  double *slopes;     /* K, scratch of lc_step_residual(): the gradient of a group */
  double worst, gain; /* largest residual within the set at `at`; see lc_step_search() */
  double steps;       /* steps taken so far */
  double crept;       /* sweeps of models that so many did not minimise (working_set/cd_sweep.h) */
  int stuck;          /* 1: rounding ended the last solve of the set */
} lc_set_step;

/* For a set on an objective with kept scores. R is not valid until lc_step_start(). */
lc_status lc_step_init(lc_set_step *step, lc_working_set *set, lc_objective *obj);

/* R of `at`, then load. */
lc_status lc_step_start(lc_set_step *step);

/* Not to be called for the first time after the set has grown between a mark of the arena and its reset: the vectors
 * grow with the set. */
lc_status lc_step_reset(lc_set_step *step);
lc_status lc_step_load(lc_set_step *step);
lc_status lc_step_load_all(lc_set_step *step);
lc_status lc_step_try(lc_set_step *step, double t);
lc_status lc_step_try_all(lc_set_step *step);
lc_status lc_step_search(lc_set_step *step, double *t);
void lc_step_take(lc_set_step *step);

/* take where F falls: after `try`, for moves that promise nothing. */
void lc_step_take_if_lower(lc_set_step *step);

/* Gradient of the smooth part along coefficient s where b and Hd are: of the model, or the true one where b = start. */
static inline double lc_step_slope(const lc_set_step *step, lc_index s) {
  return step->g[s] + step->Hd[s] + lc_set_l2(step->set, s) * step->b[s];
}

/* KKT residual (problem/penalty.h) / rms of the group that begins at s, where b, g and Hd are. Cost of the width. */
double lc_step_residual(const lc_set_step *step, lc_index s);

/* The largest of them. */
double lc_step_worst(const lc_set_step *step);

/* (g + l2 start)'(b - start) + the change of the L1 part: the slope of F along the move, an upper bound of its fall. */
double lc_step_predicted_change(const lc_set_step *step);

#endif
