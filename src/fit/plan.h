/* fit/plan.h - what a fit chooses before it runs: by loss, penalty and sizes, never by clock or threads. */
#ifndef LC_FIT_PLAN_H
#define LC_FIT_PLAN_H

#include "fit/problem.h"

typedef struct lc_plan {
  const lc_solver *solver;
  const lc_solver *next; /* goes on where that one ends short of its goal; NULL: none */
  const char *reason; /* why this solver, in a few words */
  int joined;         /* 1: it runs on the unique rows of the problem */
  int wide;           /* 1: in the coordinates of the rows (fit/wide.h) */
  int as_given;       /* 1: the columns are neither shifted nor scaled */
  double passes;      /* reads of X that it may take, about */
} lc_plan;

/* LC_UNSUPPORTED: the solver that was asked for cannot do it. */
lc_status lc_plan_make(const lc_problem *problem, const lc_coding *coding, const lc_settings *settings, lc_plan *out);

/* Does it factor the Hessian of all coefficients? */
int lc_is_second_order(const lc_solver *solver);

#endif
