/* solver/batch_step.h - one step on a batch of rows, what mini-batch descent is made of.
 *
 * With a rate that is given (or the perceptron's), as in the notes:
 *     B <- prox( B - rate (sum w_i grad_i / sum w_i + L2 B) + momentum (B - B before) )
 *
 * Without, in units that make columns alike, u_j = 1 / (mean square of column j + L2_j / c) with c the largest second
 * derivative of the loss, u = 1 for intercepts:
 *     B <- flow( B - rate u g + momentum (B - B before), rate u ),   g = sum w_i grad_i / (m W / n)
 * where flow is the pull of the penalty alone (problem/penalty.h). The rate comes from line searches, which cost no
 * more reads: the step a > 0 that minimises the batch's loss along B - a u g follows from the scores of u g. Steps are
 * never longer than that, so a batch with an outlier cannot do harm whatever the scale of the data; nor longer than
 * `share` times a mean of the recent ones, so a batch that says little cannot either.
 *
 * Steps that are searched may be corrected for the noise of batches (Defazio, Bach, Lacoste-Julien, "SAGA", NIPS 2014):
 * a table keeps of each row the derivatives of its loss by its scores from when it was last met, and their mean
 * gradient. A step then goes along
 *     g = gradient of the batch - gradient of the batch by the table + mean gradient of the table,
 * which has the same mean as the first alone and vanishes at the optimum. It is the gradient of the batch's loss plus a
 * linear term, along which the line search looks. The mean gradient acts as a part of the penalty's flow.
 *
 * Searched steps may go by a metric (hessian/metric.h) in place of units, along D = metric^-1 (g + L2 B): columns that
 * depend on each other then cost no more steps than others. That is for penalties without kinks and bounds, and for
 * steps on all columns.
 *
 * Where rows have few entries (lc_objective_has_sparse_rows), steps are lazy: a batch touches only
 * these, and what the penalty did to a column meanwhile is made up for when it is met again (flows add up, and equal
 * steps of the penalty are a geometric series). Lazy or not, the result is the same but for rounding; only the line
 * search of a corrected lazy step looks along the columns of its batch alone. */
#ifndef LC_SOLVER_BATCH_STEP_H
#define LC_SOLVER_BATCH_STEP_H

#include "hessian/metric.h"
#include "solver/solver.h"

/* Rows of a batch that one thread works on at a time. They are cut by the rows alone, so that sums are the same for any
 * number of threads. */
typedef struct lc_batch_part {
  lc_rows rows;
  lc_index first, end;   /* its pieces */
  double *G;             /* q x K gradient of its rows; of the first part the batch's */
  double loss, mistakes; /* of its rows */
} lc_batch_part;

enum { LC_BATCH_PARTS = 8 };

typedef struct lc_batch {
  const lc_objective *obj;
  lc_batch_part part[LC_BATCH_PARTS]; /* of which the first `parts` have rows of the batch */
  int parts, threads;
  double rate;         /* that is given; NaN: from line searches */
  double momentum;     /* 0 <= momentum < 1 */
  lc_index n;          /* rows that batches are taken from; the caller may lower it before the first step */
  int counts_mistakes; /* 1, from the caller: mistakes += weight of the rows of a batch that are wrong at B */
  double mistakes;
  int lazy;                   /* B is up to date only after lc_batch_settle() */
  double *B, *B_before;       /* q x K iterate, and the one before (with momentum) */
  double loss;                /* sum of w_i loss_i of the rows met, each before its step; the caller resets it */
  double log_mean;            /* log of the mean of 1 / step^power of recent line searches */
  double searches;            /* so far */
  lc_index most;              /* rows of a batch */
  double *unit;               /* p: u_j */
  double *table;              /* n x K: of each row the derivatives when it was last met; NULL: none is kept */
  double *table_gradient;     /* q x K: mean gradient of the table; NULL without it */
  lc_metric *metric;          /* searched steps go along D = metric^-1 (g + L2 B); NULL: the units. The caller's */
  lc_coding coding;           /* of the steps; the caller may set its mu, which rounds a kink; `loss` is without */
  int corrected;              /* 1: steps are; the caller sets it once all rows have been met */
  double *G, *D, *slope;      /* q x K gradient, direction, what it was made of; lazy: G is 0 between steps */
  double *z, *dz, *trial, *r; /* of a batch, each piece of rows m x K */
  double *y, *w, *v;          /* of a batch: codes; weights; weights over the batch's total */
  lc_index *piece, pieces;    /* parts are worked on in pieces of rows piece[i] .. piece[i + 1] - 1 */
  lc_index *feature;          /* lazy: features of a batch; */
  unsigned char *mark;        /* p, scratch to find them; */
  double clock, *done; /* and up to which time the penalty is done with a feature (rate: steps; else sum of rates) */
} lc_batch;

/* Batches of up to `most` rows, from B. lazy: 1 where laziness is wanted, if the design can. One pass over the entries
 * where the design makes an index of rows; else memory for parts of the largest batch, each q x K and what its rows
 * take (lc_objective_rows). */
lc_status lc_batch_init(lc_batch *batch, const lc_objective *obj, lc_index most, const double *B, double rate,
                        double momentum, int lazy);

/* Asks for the table, before the first step; rate NaN only. */
lc_status lc_batch_remember(lc_batch *batch);

/* Fills the table with the derivatives at B of rows `index` (batch->n of them), so that steps may be corrected from the
 * first on. Reads these rows. */
lc_status lc_batch_fill(lc_batch *batch, const lc_index *index);

/* *loss = mean loss of the rows of `set` at B (q x K); of a perceptron their share of mistakes. Reads these rows. */
lc_status lc_batch_validate(lc_batch *batch, const lc_validation *set, const double *B, double *loss);

/* One step on m rows. share: factor of the rate, in [0, 1]; lazy steps with a given rate want 1. Rows without weight
 * are no step. */
void lc_batch_step(lc_batch *batch, lc_index m, const lc_index *index, double share);

/* The longest step that line searches allow now, for rate 1 of share; the rate where it is given. */
double lc_batch_rate(const lc_batch *batch);

/* Brings all of B up to date. */
void lc_batch_settle(lc_batch *batch);

#endif
