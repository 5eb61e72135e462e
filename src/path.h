/* path.h - room "path": one penalised problem at many lambdas, on all rows and on folds.
 *
 * Members (all rows; for cross-validation also the rows outside each fold) go down the lambdas in step. Each keeps its
 * working set, its Hessian (solver_model.h) and what it knows of inactive features (screen.h) from one lambda to the
 * next; columns that any member must look at are read once for all of them.
 *
 * One lambda: a first-order step from the last solution; features that now violate their condition join; Newton steps
 * on the set; features are checked again; a duality gap ends it. Problems without an L1 part, losses with a kink and
 * designs without column verbs go through lc_solve() for each lambda, started at the last solution. */
#ifndef LC_PATH_H
#define LC_PATH_H

#include "solve.h"

typedef struct lc_path_spec {
  const double *lambdas; /* nlambdas of them, decreasing, >= 0; NULL: from the data, */
  lc_index nlambdas;
  double min_ratio;   /* in equal ratios from lambda_max to min_ratio lambda_max */
  const int *holdout; /* n x nrepeats fold numbers 1..nfolds, NULL: no folds */
  int nfolds, nrepeats;
  double *scores; /* n x K x nlambdas x nrepeats, the caller's: scores of the rows that a fold left out; NULL */
} lc_path_spec;

/* One solution: numbers of one lambda. */
typedef struct lc_path_point {
  double lambda, objective, loss, gap, relative, kkt, iterations, passes; /* gap, relative NaN: no certificate */
  int met;
  lc_index nonzero;       /* features with a slope that is not 0 */
  lc_index *count, **row; /* K: nonzero coefficients of a score column, their rows in B, */
  double **value;         /* their values in the user's columns */
  double *fold_relative;  /* nfolds x nrepeats */
  lc_index *fold_nonzero;
} lc_path_point;

typedef struct lc_path {
  lc_status status; /* >= 0: the points up to `length` are whole */
  int K;
  lc_index length;
  double lambda_max, weight_sum, null_loss;
  lc_path_point *point;    /* nlambdas of them, `length` filled */
  const lc_solver *solver; /* of the points; NULL where there is none and none was begun */
  const char *reason;      /* why this solver; NULL with it */
} lc_path;

/* Runs. problem->pen.lambda is ignored, and pen.grouped where it makes no difference (one score column, no L1 part);
 * LC_UNSUPPORTED for groups with bounds, a kink, or a design without column verbs. The return value is < 0 where there
 * is no usable result, else out->status. */
lc_status lc_path_run(lc_problem *problem, const lc_path_spec *spec, const lc_settings *settings, const lc_host *host,
                      lc_arena *arena, lc_path *out);

#endif
