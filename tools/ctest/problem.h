/* problem.h - small problems for the tests of solvers and paths, and what is true of them by definition. */
#ifndef LC_CTEST_PROBLEM_H
#define LC_CTEST_PROBLEM_H

#include "ctest.h"
#include "design/sparse.h"
#include "path/path.h"

/* Data of overlapping classes, the same numbers in both storages, and a penalty without bounds and with lambda 0.
 * The data lie in memory of their own; `host` and `arena` are those of the code under test. */
typedef struct ctest_problem {
  ctest_host host, data_host;
  lc_arena arena, data;
  lc_index n, p, q;
  const lc_loss *loss;
  lc_coding coding;
  lc_design dense, sparse;
  lc_obs obs; /* of y, w and off */
  double *x, *y, *w, *offset, *value, *l1, *l2, *mean, *sd, *max_abs, *spread;
  int *start, *row;
  lc_csc csc;       /* of them */
  int standardised; /* the penalty is one of columns divided by sd, where that is not 0 */
  lc_penalty pen;
} ctest_problem;

/* What a problem is made of. */
typedef struct ctest_shape {
  lc_index n, p;
  int k, reference, weighted, no_intercept, standardised;
  double alpha;
} ctest_shape;

void ctest_problem_make(ctest_problem *t, const lc_loss *loss, ctest_shape shape);
/* After a change of x, y or w: the sparse copy and the statistics of columns. Zeros of x are not stored. */
void ctest_problem_refresh(ctest_problem *t);
void ctest_problem_free(ctest_problem *t);
/* Bounds for all slopes. */
void ctest_problem_bound(ctest_problem *t, double lower, double upper);
/* Memory of the code under test is given back. */
void ctest_problem_forget(ctest_problem *t);

/* F at B (q x K), and the gradient of its smooth part: sums over rows. */
double ctest_value(const ctest_problem *t, const double *B);
void ctest_gradient(const ctest_problem *t, const double *B, double *G);
/* By how much F falls along a coefficient, up or down as bounds allow, per unit of length: 0 at an optimum. Only
 * coefficients with in[place] != 0, NULL: all. */
double ctest_descent(const ctest_problem *t, const double *B, const unsigned char *in);

/* All settings at their presets. */
void ctest_presets(lc_settings *settings);
/* The problem as lc_solve() and lc_path_run() take it. x is a design of t. */
lc_problem ctest_lc_problem(const ctest_problem *t, const lc_design *x);
/* The least objective at lambda, by lc_solve() to `tolerance`; B (q x K) unless NULL. */
double ctest_best(ctest_problem *t, lc_design *x, double lambda, double tolerance, double *B);

/* One path by lc_path_run(); coefficients (q x K) of one of its points. */
lc_status ctest_path(ctest_problem *t, lc_design *x, const lc_path_spec *spec, double tolerance, lc_path *out);
void ctest_path_coefficients(const ctest_problem *t, const lc_path_point *point, double *B);

/* Those coefficients' objective by ctest_value(); t keeps the point's lambda. */
double ctest_path_value(ctest_problem *t, const lc_path_point *point, double *B);

#endif
