/* path/path.h - one penalised problem at many lambdas, on all rows and on folds.
 *
 * Fits on all rows and, for cross-validation, on the rows outside each fold go down the lambdas in step (path/folds.h).
 * Each keeps its working set, its Hessian (working_set/prox_newton.h) and what it knows of inactive features
 * (path/screen.h) from one lambda to the next; columns that any of them must look at are read once for all.
 *
 * One lambda: a first-order step from the last solution; features that now violate their condition join; Newton steps
 * on the set; features are checked again; a duality gap ends it. Large sparse problems of one score column go down
 * eight lambdas at once (lanes/lanes.h). Problems without an L1 part, losses with a kink and
 * designs without column verbs go through lc_solve() for each lambda, started at the last solution. */
#ifndef LC_PATH_H
#define LC_PATH_H

#include "path/spec.h"

/* One solution, of all rows unless `fold` says otherwise. Its arrays lie in the arena of the run. */
typedef struct lc_path_point {
  double lambda;
  lc_outcome outcome;
  lc_index nonzero;       /* features with a slope that is not 0 in any score column */
  lc_index *count, **row; /* K: nonzero coefficients of a score column; their rows in B (0: the intercept if any), */
  double **value;         /* and their values in the user's columns */
  double *fold_relative;  /* nfolds x nrepeats: `relative` of the fits that left a fold out, */
  lc_index *fold_nonzero; /* and their `nonzero`; empty without folds */
  int folds_missed;       /* of them, those that are not `met` */
} lc_path_point;

typedef struct lc_path {
  lc_status status; /* >= 0: the points up to `length` are whole */
  int separated;    /* 1: the point at lambda = 0 is LC_SEPARATED */
  int K;
  lc_index length;         /* points that were reached, <= nlambdas */
  double lambda_max;       /* that of lc_folds_null_model(), also where lambdas were given; 0: no sequence, no point */
  double goal;             /* lc_goal_of(): what relative gaps may be */
  double weight_sum;       /* W of all rows */
  double null_loss;        /* mean loss without the penalised slopes */
  lc_path_point *point;    /* nlambdas of them, `length` filled; in the arena */
  const lc_solver *solver; /* of the points; NULL where there is none and none was begun */
  const char *reason;      /* why this solver, in a few words; NULL with it */
} lc_path;

/* Runs. problem->pen.lambda is ignored; LC_UNSUPPORTED for groups with bounds. The return value is < 0 where there is
 * no usable result, else out->status. */
lc_status lc_path_run(const lc_problem *problem, const lc_path_spec *spec, const lc_settings *settings,
                      const lc_host *host, lc_arena *arena, lc_path *out);

#endif
