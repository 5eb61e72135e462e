/* Tests of fit/rank.c and of fits with more columns than rows. */
#include "fit/rank.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/plan.h"
#include "problem.h"

void test_rank(void);

/* Rows repeat others and a few columns depend on those before them: the first columns in order are kept, until their
 * number is that of distinct rows. */
static void test_basis(int sparse, lc_index n, lc_index p, lc_index distinct) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = n, .p = p, .k = 3});
  for (lc_index i = 0; i < n; i++)
    for (lc_index j = 0; j < p; j++) {
      double x = t.x[i % distinct + j * n];
      if (j == 2) x = t.x[i % distinct] + t.x[i % distinct + n];
      if (j == 4) x = 3; /* the intercept */
      if (j == 5) x = 0;
      t.x[i + j * n] = x;
    }
  ctest_problem_refresh(&t);
  lc_design *x = sparse ? &t.sparse : &t.dense;
  lc_index q = t.q, K = t.coding.K, rank = lc_min(distinct, q - 3);
  unsigned char *alias = lc_arena_alloc(&t.data, q, 1);
  lc_basis basis;
  CHECK(lc_basis_build(x, alias, &basis, &t.arena) == LC_OK);
  CHECK(basis.needed == (n < q || basis.condition > 1e3) && basis.r == rank && basis.q == q);
  lc_index kept = 0;
  for (lc_index j = 0; j < q; j++) {
    int dependent = j == 3 || j == 5 || j == 6 || kept == rank;
    CHECK(alias[j] == dependent);
    CHECK(dependent || basis.kept[kept] == j);
    kept += !dependent;
  }
  /* Any coefficients, taken to the basis and back, give the same scores. */
  double *B = ctest_normals(q * K), *theta = ctest_zeros(rank * K), *back = ctest_normals(q * K), worst = 0;
  CHECK(lc_to_basis(&basis, x, (int)K, B, theta, &t.arena) == LC_OK);
  lc_from_basis(&basis, (int)K, theta, back);
  for (lc_index c = 0; c < K; c++)
    for (lc_index i = 0; i < n; i++) {
      double want = B[c * q], got = back[c * q], in_basis = 0;
      for (lc_index j = 1; j < q; j++) {
        want += t.x[i + (j - 1) * n] * B[j + c * q];
        got += t.x[i + (j - 1) * n] * back[j + c * q];
      }
      for (lc_index j = 0; j < rank; j++)
        in_basis += ((const double *)basis.design.data)[i + j * n] * theta[j + c * rank];
      worst = fmax(worst, fmax(fabs(got - want), fabs(in_basis - want)));
    }
  CHECK_NEAR(worst, 0, 1e-9);
  for (lc_index j = 0; j < q * K; j++) CHECK(!alias[j % q] || back[j] == 0);
  t.host.stop_at = t.host.polls + 2;
  CHECK(lc_basis_build(x, alias, &basis, &t.arena) == LC_INTERRUPTED);
  free(B), free(theta), free(back);
  ctest_problem_free(&t);
}

/* A fit with fewer rows than columns and its covariance never ask for a matrix of q x q numbers. */
static void test_memory(const char *name, int k, const char *solver, int sparse) {
  enum { ROWS = 40, COLUMNS = 1400 };
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(name), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = k});
  lc_settings settings;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, sparse ? &t.sparse : &t.dense);
  problem.solver = lc_solver_find(solver);
  lc_solution solution;
  lc_status status = lc_solve(&problem, &settings, &t.host.host, &t.arena, &solution);
  CHECK(status == LC_OK || status == LC_SEPARATED);
  lc_index aliased = 0, size = 0;
  for (lc_index j = 0; j < t.q; j++) aliased += solution.alias[j];
  CHECK(aliased == (lc_is_second_order(solution.solver) ? t.q - ROWS : 0));
  double *V;
  if (aliased && (t.loss->flags & LC_LIKELIHOOD)) {
    CHECK(lc_solve_covariance(&problem, &solution, &t.arena, &V, &size) == LC_OK);
    CHECK(size == ROWS * (k - 1));
  }
  CHECK(t.host.given < (size_t)(t.q * t.q) * sizeof(double) / 4);
  ctest_problem_free(&t);
}

/* Neither does one where most slopes are penalised and some are not; its gradient vanishes. */
static void test_partly(const char *name, int k, int sparse) {
  enum { ROWS = 40, COLUMNS = 1000, LOOSE = 3 };
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(name), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = k});
  for (int j = 0; j < LOOSE; j++) t.l2[7 * j] = 0;
  t.pen.lambda = 0.1;
  double *B = ctest_zeros(t.q * t.coding.K);
  CHECK(isfinite(ctest_best(&t, sparse ? &t.sparse : &t.dense, 0.1, 1e-8, B)));
  CHECK_NEAR(ctest_descent(&t, B, NULL), 0, 1e-6);
  CHECK(t.host.given < (size_t)(t.q * t.q) * sizeof(double) / 4);
  free(B);
  ctest_problem_free(&t);
}

/* A design that gives sums alone: a column that is a sum of others up to rounding is told, and no other. */
static void test_by_sums(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 90, .p = 6, .k = 2});
  for (lc_index i = 0; i < t.n; i++) t.x[i + 4 * t.n] = 0.3 * t.x[i] - 0.7 * t.x[i + 2 * t.n] + 0.1;
  const lc_design_ops sums = {.name = "sums", .pass = t.dense.ops->pass};
  lc_design x = t.dense;
  x.ops = &sums;
  lc_basis basis;
  unsigned char alias[7] = {0};
  CHECK(lc_basis_build(&x, alias, &basis, &t.arena) == LC_OK);
  for (int j = 0; j < 7; j++) CHECK(alias[j] == (j == 5));
  ctest_problem_free(&t);
}

void test_rank(void) {
  ctest_seed(37);
  test_by_sums();
  ctest_seed(31);
  for (int sparse = 0; sparse < 2; sparse++) {
    test_basis(sparse, 60, 90, 60);
    test_basis(sparse, 60, 90, 17);
    test_memory("logistic", 2, "auto", sparse);
    test_memory("squared_hinge", 2, "auto", sparse);
    test_memory("softmax", 3, "auto", sparse);
    test_memory("hinge", 2, "auto", sparse);
    test_memory("logistic", 2, "lbfgs", sparse);
    test_partly("logistic", 2, sparse);
    test_partly("squared_hinge", 3, sparse);
    test_partly("softmax", 3, sparse);
  }
  test_basis(0, 60, 20, 60);
}
