/* Tests of Firth's penalised likelihood: what is found is the maximum of its definition, by difference quotients. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "problem/jeffreys.h"

void test_firth(void);

enum { N = 60, P = 3, CLASSES = 20, MOST = 2 * (CLASSES - 1) };

/* log |det A| of a symmetric positive definite n x n matrix, destroyed, by elimination. */
static double log_det(int n, double *A) {
  double sum = 0;
  for (int j = 0; j < n; j++) {
    sum += log(A[j + j * n]);
    for (int i = j + 1; i < n; i++) {
      double factor = A[i + j * n] / A[j + j * n];
      for (int c = j; c < n; c++) A[i + c * n] -= factor * A[j + c * n];
    }
  }
  return sum;
}

/* log det I at B in the user's columns: I = sum_i w_i S_i (x) x_i x_i'. */
static double log_det_information(const ctest_problem *t, const double *B) {
  double A[MOST * MOST] = {0}, z[CLASSES], prob[CLASSES], row[P + 1];
  int K = t->coding.K, q = (int)t->q, size = K * q, first = t->coding.k - K;
  for (lc_index i = 0; i < t->n; i++) {
    row[0] = 1;
    for (int j = 1; j < q; j++) row[j] = t->x[i + (j - 1) * t->n];
    for (int c = 0; c < K; c++) {
      z[c] = t->offset ? t->offset[i + c * t->n] : 0;
      for (int j = 0; j < q; j++) z[c] += row[j] * B[j + c * q];
    }
    t->loss->response(&t->coding, 1, z, 1, prob, 1);
    for (int a = 0; a < size; a++)
      for (int b = 0; b < size; b++) {
        double pa = prob[a / q + first], pb = prob[b / q + first];
        A[a + b * size] += (t->w ? t->w[i] : 1) * pa * ((a / q == b / q) - pb) * row[a % q] * row[b % q];
      }
  }
  return log_det(size, A);
}

static double penalised(const ctest_problem *t, const double *B, double weight_sum) {
  return ctest_value(t, B) - log_det_information(t, B) / (2 * weight_sum);
}

static void check_fit(ctest_problem *t, lc_design *x, const unsigned char *held, const double *from) {
  lc_settings settings;
  lc_solution out;
  lc_problem problem = ctest_lc_problem(t, x);
  ctest_presets(&settings);
  problem.jeffreys = 1;
  problem.held = held;
  problem.start = from;
  CHECK(lc_solve(&problem, &settings, &t->host.host, &t->arena, &out) == LC_OK);
  CHECK(out.met && out.certificate.kind == LC_DECREMENT && out.certificate.kkt < 1e-7);
  int size = (int)t->q * out.K;
  double B[MOST], value = penalised(t, out.B, out.weight_sum);
  CHECK_NEAR(out.jeffreys, log_det_information(t, out.B) / 2, 1e-9);
  CHECK_NEAR(out.objective, value, 1e-10);
  memcpy(B, out.B, (size_t)size * sizeof(double));
  for (int i = 0; i < size; i++) {
    const double h = 1e-4;
    B[i] = out.B[i] + h;
    double above = penalised(t, B, out.weight_sum);
    B[i] = out.B[i] - h;
    double below = penalised(t, B, out.weight_sum);
    B[i] = out.B[i];
    CHECK(above > value && below > value ? 1 : held && held[i]);
    if (held && held[i])
      CHECK_NEAR(out.B[i], from[i], 1e-12);
    else
      CHECK(fabs(above - below) / (2 * h) < 1e-7);
  }
  ctest_problem_forget(t);
}

/* A column in units of 2^-300, or next to another one by a factor, so that the fit has a basis of its own: the
 * determinant of the information has the square of that for each score. */
static void test_units(const char *loss, int k, double near) {
  ctest_problem t;
  double penalty[2], objective[2], weight_sum = 1, score_columns = k - 1;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = k, .reference = 1, .weighted = 1});
  for (int large = 0; large < 2; large++) {
    lc_settings settings;
    lc_solution out;
    for (lc_index i = 0; large && i < t.n; i++)
      t.x[i + t.n] = near > 0 ? t.x[i] + near * t.x[i + t.n] : ldexp(t.x[i + t.n], 300);
    ctest_problem_refresh(&t);
    lc_problem problem = ctest_lc_problem(&t, &t.dense);
    ctest_presets(&settings);
    problem.jeffreys = 1;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
    penalty[large] = out.jeffreys;
    objective[large] = out.objective;
    weight_sum = out.weight_sum;
    CHECK(out.basis.needed == (large && near > 0) && out.passes > out.report.iterations);
  }
  double moved = score_columns * (near > 0 ? log(near) : 300 * log(2));
  CHECK_NEAR(penalty[1] - penalty[0], moved, 1e-7);
  CHECK_NEAR(objective[0] - objective[1], moved / weight_sum, 1e-7);
  ctest_problem_free(&t);
}

/* A fit that ends early is about as far from the optimum as its certificate says. */
static void test_early(const char *loss, int k) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = k, .reference = 1, .weighted = 1});
  lc_settings settings;
  lc_solution out;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.jeffreys = 1;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
  double best = out.objective, steps = out.report.iterations;
  int near = 0;
  for (settings.max_iter = 0; settings.max_iter < steps; settings.max_iter++) {
    lc_status status = lc_solve(&problem, &settings, &t.host.host, &t.arena, &out);
    double gap = out.certificate.gap, lost = out.objective - best;
    CHECK_NEAR(out.certificate.relative / (gap / out.loss), 1, 1e-12);
    CHECK(status == (out.certificate.relative <= settings.tolerance ? LC_OK : LC_MAX_ITER));
    if (lost > 1e-3 || lost < 1e-9) continue;
    CHECK(gap > 0.6 * lost && gap < 1.7 * lost);
    near++;
  }
  CHECK(near > 0);
  ctest_problem_free(&t);
}

/* A column that depends on others takes no part: the fit is the one without it. */
static void test_dependent(const char *loss, int k) {
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  double penalty[2], objective[2];
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = k, .reference = 1, .weighted = 1});
  for (lc_index i = 0; i < t.n; i++) t.x[i + 2 * t.n] = 1 + t.x[i] - t.x[i + t.n];
  ctest_problem_refresh(&t);
  ctest_presets(&settings);
  for (int fewer = 0; fewer < 2; fewer++) {
    lc_design x = t.dense;
    x.p = P - fewer;
    lc_problem problem = ctest_lc_problem(&t, &x);
    problem.pen.p = x.p;
    problem.jeffreys = 1;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK && out.met);
    CHECK(fewer || (out.alias[P] && out.B[P] == 0));
    penalty[fewer] = out.jeffreys;
    objective[fewer] = out.objective;
  }
  CHECK_NEAR(penalty[0], penalty[1], 1e-8);
  CHECK_NEAR(objective[0], objective[1], 1e-9);
  ctest_problem_free(&t);
}

/* Of more vectors than one read takes, and more rows than a strip has: sum_t (x_i'v_t)^2 = h_i of each row gives
 * -sum w p (1 - p) (1 - 2 p) h x / (2 W^2). */
static void test_many_vectors(void) {
  enum { ROWS = 2500, COLUMNS = 130, ALL = COLUMNS + 1 };
  ctest_problem t;
  lc_objective obj;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = 2, .weighted = 1});
  double *root = ctest_normals(ALL * ALL), *B = ctest_normals(ALL), *G = ctest_zeros(ALL), *want = ctest_zeros(ALL);
  for (int j = 0; j < ALL; j++) B[j] *= 0.1;
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_objective_eval(&obj, B, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(&obj);
  CHECK(lc_jeffreys_gradient(&obj, root, G) == LC_OK);
  for (int i = 0; i < ROWS; i++) {
    double x[ALL] = {1}, h = 0, p = 1 / (1 + exp(-obj.at.Z[i])), W = obj.weight_sum;
    for (int j = 1; j < ALL; j++) x[j] = t.x[i + (j - 1) * ROWS];
    for (int v = 0; v < ALL; v++) {
      double along = 0;
      for (int j = 0; j < ALL; j++) along += x[j] * root[j + v * ALL];
      h += along * along;
    }
    for (int j = 0; j < ALL; j++) want[j] -= t.w[i] * p * (1 - p) * (1 - 2 * p) * h * x[j] / (2 * W * W);
  }
  CHECK(ctest_distance(ALL, G, want) < 1e-9);
  free(root), free(B), free(G), free(want);
  ctest_problem_free(&t);
}

/* Of so many classes that a block of rows has several strips. */
static void test_many_classes(void) {
  enum { ROWS = 400 };
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"),
                     (ctest_shape){.n = ROWS, .p = 1, .k = CLASSES, .reference = 1, .weighted = 1});
  check_fit(&t, &t.dense, NULL, NULL);
  check_fit(&t, &t.sparse, NULL, NULL);
  ctest_problem_free(&t);
}

void test_firth(void) {
  ctest_seed(31);
  test_many_vectors();
  test_many_classes();
  test_dependent("logistic", 2);
  test_dependent("softmax", 3);
  test_early("logistic", 2);
  test_early("softmax", 3);
  for (int near = 0; near < 2; near++) {
    test_units("logistic", 2, 3e-4 * near);
    test_units("softmax", 3, 3e-4 * near);
  }
  static const struct {
    const char *loss;
    int k;
  } cases[] = {{"logistic", 2}, {"softmax", 2}, {"softmax", 3}, {"softmax", 4}};
  for (int c = 0; c < 4; c++) {
    ctest_problem t;
    ctest_seed(5);
    ctest_problem_make(&t, lc_loss_find(cases[c].loss),
                       (ctest_shape){.n = N, .p = P, .k = cases[c].k, .reference = 1, .weighted = 1});
    unsigned char slope[MOST] = {0, 1}, intercept[MOST] = {1, 0, 1};
    double from[MOST] = {0.3, -0.4, 0.2};
    lc_design *storages[] = {&t.dense, &t.sparse};
    for (int s = 0; s < 2; s++) {
      check_fit(&t, storages[s], NULL, NULL);
      check_fit(&t, storages[s], slope, from);
      check_fit(&t, storages[s], intercept, from);
    }
    ctest_problem_free(&t);
  }
}
