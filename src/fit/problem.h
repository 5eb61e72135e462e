/* fit/problem.h - what is to be fitted, and what a fit gives back. */
#ifndef LC_FIT_PROBLEM_H
#define LC_FIT_PROBLEM_H

#include "fit/rank.h"
#include "solver/solver.h"

/* Second derivatives of P coefficients are affordable up to here: a P x P factor in well under a second. */
enum { LC_NEWTON_COEFFICIENTS = 1500 };

/* What is to be fitted. All that it points to is the caller's, and nobody writes to it. */
typedef struct lc_problem {
  const lc_obs *obs;  /* the rows */
  const lc_design *x; /* their columns, with `intercept`, as they are: a fit sees them through its own handle */
  const lc_unique_rows *unique; /* its rows, equal ones joined, or NULL: solvers that only sum over rows take these */
  const lc_loss *loss;
  int k, reference;                  /* classes, >= 2; 1: the first class has score 0 */
  int ovr;                           /* 1: each of more than two classes against the rest (fit/ovr.h) */
  lc_penalty pen;                    /* for columns divided by `spread`; `grouped` is ignored where it makes no
                                        difference: one score column, no L1 part */
  const double *spread;              /* p: standard deviations when columns count as standardised, NULL: as they are */
  const double *mean, *sd, *max_abs; /* p each: statistics of the user's columns */
  const double *start;               /* q x K in the user's columns, or NULL for 0 */
  const lc_solver *solver;           /* the one asked for; NULL: the planner's choice */
  int wants_covariance;              /* lc_solve_covariance() will be called */
  int tolerance_given;               /* the user gave a tolerance: a kink is held to it, too */
  int solver_rate_given;             /* the user gave a rate: steps are taken in the user's columns */
  int jeffreys;                      /* 1: Firth's penalised likelihood; unpenalised otherwise, as for held */
  const unsigned char *held;         /* q x K: 1 = this coefficient stays what it is in `start`; NULL: none */
  double recorded, passes;           /* of a fit that this one continues: lines of its history, reads of X */
} lc_problem;

/* A fit. Valid where status >= 0, as long as the arena and the problem. */
typedef struct lc_solution {
  lc_status status;
  const lc_solver *solver; /* the one that ended the fit */
  const char *reason;      /* why this solver, in a few words */
  double *B;               /* q x K in the user's columns; dependent coefficients 0 */
  unsigned char *alias;    /* q: 1 = depends on columns before it */
  int K;
  double objective, loss;     /* mean loss plus penalty; mean loss; of a kink itself, not of a smooth version */
  double jeffreys;            /* log det I / 2 with the information I of the user's columns; 0 without the penalty */
  double weight_sum, passes;  /* W; reads of X, parts counting as fractions */
  lc_report report;           /* of the last run, with the iterations of all */
  lc_certificate certificate; /* LC_KKT_ONLY and NaN where the fit was stopped before there was one */
  double goal;                /* lc_goal_of(): what `relative` may be */
  int met;                    /* 1: a gap or decrement within it */
  lc_penalty pen;             /* of the columns as shown */
  lc_factor factor;           /* of a sample of rows, when the fit started from one */
  lc_basis basis;             /* of the columns, when the fit needed one */
  lc_objective *fitted; /* where the fit ran, in the basis if there was one; C is the curvature at the solution when
                           has_curvature; NULL where each class had a fit of its own */
  int has_curvature;
  int want; /* LC_WANT_ flags of the last evaluation */
  const lc_obs *obs;
  const lc_design *x; /* the problem's or its unique rows', as the fit saw them: `fitted` has the scores of its rows */
} lc_solution;

/* out->K and the arrays of K score columns, all 0, in the arena; the rest of it stays as it is. */
lc_status lc_solution_make(const lc_problem *problem, int K, lc_arena *arena, lc_solution *out);

#endif
