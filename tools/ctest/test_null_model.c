/* Tests of the model without penalised slopes: its loss, and the least lambda at which it is optimal, by hand and by
 * paths around it. */
#include <math.h>

#include "problem.h"

void test_null_model(void);

enum { N = 60, COLUMNS = 5 };

/* With seven rows of one column: class 1 has two, so that in the null model the score is -1, the rows of class 0 are at
 * the kink and may have any derivatives from 0 to 1 that sum to 2. What they can take of the sum of the other two is
 * between the sums of their two least and of their two largest numbers. */
static void test_largest_of_ramps(double alpha, double others) {
  static ctest_problem t;
  lc_path path;
  const double x[] = {others, others + 2, 0, 1, 2, 3, 3.5}, most = fmax(0, 2 * others + 2 - 6.5) / 7 / alpha;
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){.n = 7, .p = 1, .k = 2, .alpha = alpha});
  for (int i = 0; i < 7; i++) {
    t.x[i] = x[i];
    t.y[i] = i < 2;
  }
  ctest_problem_refresh(&t);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 3, .min_ratio = 0.1}, 1e-8, &path) == LC_OK);
  CHECK_NEAR(path.null_loss, 4.0 / 7, 1e-9);
  CHECK(most > 0 ? fabs(path.lambda_max / most - 1) < 1e-3 : path.lambda_max == 0);
  CHECK(path.length == (most > 0 ? 3 : 0));
  ctest_problem_free(&t);
}

/* Just above lambda_max the penalised slopes of a loss with a kink are 0, below it they are not; the null loss is that
 * of the others. */
static void test_largest_of_kinks(int weighted, int free_slope) {
  static ctest_problem t;
  lc_path path, around;
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){N, 4, 2, .weighted = weighted, .alpha = 1});
  if (free_slope) t.l1[0] = t.l2[0] = 0;
  for (int i = 0; free_slope && i < N; i++) { /* says so little that at first no row comes to its kink */
    t.x[i] = ctest_normal();
    t.x[i + N] += 2 * t.x[i];
  }
  ctest_problem_refresh(&t);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 1, .min_ratio = 1}, 1e-8, &path) == LC_OK);
  double lambdas[] = {path.lambda_max * 1.01, path.lambda_max * 0.97};
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.lambdas = lambdas, .nlambdas = 2}, 1e-8, &around) == LC_OK);
  CHECK(around.length == 2 && around.point[0].nonzero == free_slope && around.point[1].nonzero > free_slope);
  CHECK_NEAR(around.point[0].outcome.loss, around.null_loss, 1e-5);
  ctest_problem_free(&t);
}

/* Where both classes weigh the same and there are no offsets the rows of the null model are off their kinks, with
 * derivatives of 1 and -1: lambda_max is the largest difference of sums, to all digits. */
static void test_largest_of_balance(double alpha) {
  static ctest_problem t;
  lc_path path;
  double most = 0;
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){N, COLUMNS, 2, .alpha = alpha});
  for (int j = 0; j < COLUMNS; j++) {
    double dot = 0;
    for (int i = 0; i < N; i++) dot += t.x[i + j * N] * (2 * t.y[i] - 1);
    most = fmax(most, fabs(dot) / N / alpha);
  }
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 2, .min_ratio = 0.1}, 1e-6, &path) == LC_OK);
  CHECK_NEAR(path.lambda_max / most, 1, 1e-12);
  CHECK_NEAR(path.null_loss, 1, 1e-12);
  ctest_problem_free(&t);
}

/* Without an L1 part there is no least lambda, and that of a thousandth of the strength is taken, whatever the units of
 * the columns: at 0 the gradient of a column is its product with the residuals of the mean. */
static void test_largest_of_ridge(double unit) {
  static ctest_problem t;
  lc_path path;
  double ones = 0, most = 0;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){N, 3, 2, .standardised = 1});
  for (int i = 0; i < N; i++) {
    t.x[i + N] *= unit;
    t.y[i] = i % 5 == 0;
    ones += t.y[i];
  }
  ctest_problem_refresh(&t);
  for (int j = 0; j < 3; j++) {
    double dot = 0;
    for (int i = 0; i < N; i++) dot += t.x[i + j * N] * (ones / N - t.y[i]) / t.sd[j];
    most = fmax(most, fabs(dot) / N);
  }
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 2, .min_ratio = 0.1}, 1e-8, &path) == LC_OK);
  CHECK_NEAR(path.lambda_max / (1000 * most), 1, 1e-9);
  ctest_problem_free(&t);
}

/* A bound at 0 that a column is pushed against holds it there, and the other side does not: at 0 the gradient of a
 * column is its product with the residuals of the mean. */
static void test_largest_of_bounds(double sign, double lower, double upper) {
  static ctest_problem t;
  lc_path path;
  double most = 0;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){N, COLUMNS, 2, .alpha = 1});
  for (int j = 0; j < COLUMNS; j++) {
    double dot = 0;
    for (int i = 0; i < N; i++) dot += (t.x[i + j * N] *= sign) * (0.5 - t.y[i]);
    if (dot > 0 ? lower < 0 : upper > 0) most = fmax(most, fabs(dot) / N);
  }
  ctest_problem_refresh(&t);
  ctest_problem_bound(&t, lower, upper);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 2, .min_ratio = 0.1}, 1e-8, &path) == LC_OK);
  CHECK_NEAR(path.lambda_max / most, 1, 1e-10);
  ctest_problem_free(&t);
}

/* Columns that the classes do not depend on are pulled by rounding alone: there is no sequence of lambdas. */
static void test_no_pull(const char *loss) {
  static ctest_problem t;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = 2, .k = 2, .alpha = 1});
  for (int i = 0; i < N; i++) {
    t.y[i] = i % 3 == 0;
    t.x[i] = 0.1 * (i / 3);
    t.x[i + N] = i % 6 < 3 ? 1e3 / 3 : 1e-3 / 7;
  }
  ctest_problem_refresh(&t);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 3, .min_ratio = 0.1}, 1e-8, &path) == LC_OK);
  CHECK(path.lambda_max == 0 && path.length == 0);
  ctest_problem_free(&t);
}

void test_null_model(void) {
  ctest_seed(109);
  test_largest_of_ramps(1, 5);
  test_largest_of_ramps(0.5, 4);
  test_largest_of_ramps(1, 1);
  test_largest_of_balance(1);
  test_largest_of_balance(0.3);
  for (int weighted = 0; weighted < 2; weighted++)
    for (int free_slope = 0; free_slope < 2; free_slope++) test_largest_of_kinks(weighted, free_slope);
  test_largest_of_ridge(1);
  test_largest_of_ridge(1e70);
  for (int sign = -1; sign <= 1; sign += 2) {
    test_largest_of_bounds(sign, -1, 0);
    test_largest_of_bounds(sign, 0, 1);
    test_largest_of_bounds(sign, -1, 1);
  }
  test_no_pull("logistic");
  test_no_pull("hinge");
}
