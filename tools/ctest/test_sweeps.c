/* Tests of sweeps over sparse columns of several classes, beside those of steps on a set (test_working_set.c): rows
 * whose probabilities are 0 and 1, columns that hang together, sets out of order. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "working_set/cd_sweep.h"
#include "working_set/set_solver.h"

void test_sweeps(void);

/* An objective at B, and a solver of all coefficients, which come backwards (not in the order of indices). */
static void begin(ctest_problem *t, lc_objective *obj, lc_set_solver *solver, const double *B) {
  CHECK(lc_objective_init(obj, &t->sparse, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  CHECK(lc_objective_eval(obj, B, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(obj);
  CHECK(lc_set_solver_init(solver, obj, LC_SET_MOST) == LC_OK);
  for (lc_index i = obj->P; i-- > 0;) CHECK(lc_set_add(&solver->set, i) == LC_OK);
  CHECK(lc_step_start(&solver->step) == LC_OK);
}

/* From where most rows have a class of probability 1 up to rounding, which may leave the own class below 0. */
static void test_far(const char *loss, int k, int thin, int no_intercept) {
  enum { ROWS = 900, COLUMNS = 4, MOST = (COLUMNS + 1) * 5 };
  static ctest_problem t;
  double B[MOST];
  int beyond = 0;
  ctest_problem_make(
      &t, lc_loss_find(loss),
      (ctest_shape){.n = ROWS, .p = COLUMNS, .k = k, .weighted = 1, .no_intercept = no_intercept, .alpha = 0.7});
  for (lc_index j = 0; thin && j < COLUMNS; j++) /* fewer entries than rows: score columns do not wait */
    for (lc_index i = 0; i < ROWS; i++)
      if ((i + j) % 8) t.x[i + j * ROWS] = 0;
  ctest_problem_refresh(&t);
  t.pen.lambda = 0.01;
  for (int trial = 0; trial < 4; trial++) {
    lc_objective obj;
    lc_set_solver solver;
    double *start = ctest_normals(MOST), *P = ctest_zeros(ROWS * (lc_index)k);
    for (int i = 0; i < MOST; i++) B[i] = 25 * start[i];
    begin(&t, &obj, &solver, B);
    if (obj.loss->flags & LC_MULTINOMIAL) lc_objective_probabilities(&obj, P);
    for (int i = 0; i < ROWS * k; i++) beyond += P[i] < 0;
    lc_status status = lc_cd_sweep_solve(&solver.step, 1e-9, 5000);
    CHECK(status == LC_OK && (solver.step.stuck || solver.step.worst <= 1e-9));
    CHECK(ctest_descent(&t, obj.at.B, NULL) < 2e-7);
    free(start), free(P);
  }
  CHECK(strcmp(loss, "softmax") != 0 || thin || beyond > 0); /* else it tells nothing */
  ctest_problem_free(&t);
}

/* Columns that hang together: sweeps creep, and extrapolations take most of them away. */
static void test_alike(const char *loss, double alpha, int most_polls, int most_steps) {
  enum { ROWS = 300, COLUMNS = 30, CLASSES = 3 };
  static ctest_problem t;
  lc_objective obj;
  lc_set_solver solver;
  double B[(COLUMNS + 1) * CLASSES] = {0};
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = CLASSES, .alpha = alpha});
  t.pen.lambda = 1e-3;
  for (lc_index j = 1; j < COLUMNS; j++)
    for (lc_index i = 0; i < ROWS; i++) t.x[i + j * ROWS] += t.x[i];
  ctest_problem_refresh(&t);
  begin(&t, &obj, &solver, B);
  long before = t.host.polls;
  CHECK(lc_cd_sweep_solve(&solver.step, 1e-8, 5000) == LC_OK);
  CHECK(ctest_descent(&t, obj.at.B, NULL) < 2e-7);
  CHECK(t.host.polls - before <= most_polls); /* one for each sweep and some for each step */
  CHECK(solver.step.steps <= most_steps);
  ctest_problem_free(&t);
}

void test_sweeps(void) {
  ctest_seed(59);
  test_alike("softmax", 1, 800, 6);
  test_alike("softmax", 0.5, 800, 6);
  test_alike("squared_hinge", 1, 2000, 12);
  for (int which = 0; which < 4; which++) {
    for (int k = 3; k <= 5; k++) test_far("softmax", k, which % 2, which / 2);
    test_far("squared_hinge", 4, which % 2, which / 2);
  }
}
