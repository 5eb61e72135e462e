/* Relations between whole fits and paths: the same problem in another shape, from another start, or by another engine
 * has the same optimum. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "design/factor.h"
#include "problem.h"

void test_relations(void);

/* ---- rows that are joined ---------------------------------------------------------------------------------------- */

enum { LEVELS = 4, ROWS = 240, FOLDS = 3, REPEATS = 3, LAMBDAS = 6, MOST = 3 * LEVELS };

/* A factor of LEVELS levels, the first of them the reference, as codes and as numbers. */
typedef struct factor {
  int code[ROWS], start[LEVELS + 1], column[LEVELS], owner[LEVELS];
  lc_part part;
  lc_coded coded;
  lc_design x;
} factor;

static void make_factor(factor *f, ctest_problem *t) {
  for (int i = 0; i < ROWS; i++) {
    f->code[i] = 1 + (int)(LEVELS * ctest_uniform());
    t->y[i] = (double)((int)(ctest_uniform() * 5 + f->code[i]) % t->coding.k);
    for (int j = 0; j < LEVELS - 1; j++) t->x[i + j * ROWS] = f->code[i] == j + 2;
  }
  for (int l = 0; l <= LEVELS; l++) f->start[l] = l > 0 ? l - 1 : 0;
  for (int j = 0; j < LEVELS - 1; j++) {
    f->column[j] = j;
    f->owner[j] = 0;
  }
  f->part = (lc_part){f->code, NULL, LEVELS, 0};
  f->coded = (lc_coded){.part = &f->part,
                        .nparts = 1,
                        .nlevels = LEVELS,
                        .start = f->start,
                        .column = f->column,
                        .owner = f->owner};
  lc_design_coded(&f->x, ROWS, LEVELS - 1, &f->coded);
  f->x.intercept = 1;
  ctest_problem_refresh(t);
}

/* Fits of the distinct rows are those of all, also where each class has a fit of its own. */
static void test_joined(const char *loss, int k, int ovr, double alpha) {
  static ctest_problem t;
  static factor f;
  lc_settings settings;
  lc_solution out[2];
  lc_unique_rows unique;
  int pays;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = ROWS, .p = LEVELS - 1, .k = k, .alpha = alpha});
  make_factor(&f, &t);
  ctest_presets(&settings);
  settings.tolerance = 1e-11;
  CHECK(lc_unique_rows_make(&f.x, &t.obs, &unique, &pays, &t.arena) == LC_OK);
  CHECK(pays && unique.design.n <= LEVELS * k);
  for (int joined = 0; joined < 2; joined++) {
    lc_problem problem = ctest_lc_problem(&t, joined ? &f.x : &t.dense);
    problem.pen.lambda = 0.01;
    problem.ovr = ovr;
    problem.unique = joined ? &unique : NULL;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, out + joined) == LC_OK);
  }
  CHECK_NEAR(out[1].objective, out[0].objective, 1e-9);
  CHECK_NEAR(out[1].weight_sum, ROWS, 0);
  CHECK(ctest_distance(t.q * out[0].K, out[1].B, out[0].B) < 1e-4);
  ctest_problem_free(&t);
}

/* So are paths and the scores of rows that the folds of each repeat leave out, equal rows in different folds among
 * them, some in none. `weighted`: rows of different weights and offsets, columns standardised by those of each fold. */
static void test_joined_path(const char *loss, int k, int ovr, double alpha, int weighted) {
  static ctest_problem t;
  static factor f;
  static double scores[2][ROWS * 3 * LAMBDAS * REPEATS];
  int holdout[ROWS * REPEATS];
  lc_settings settings;
  lc_path path[2];
  ctest_shape shape = {.n = ROWS, .p = LEVELS - 1, .k = k, .weighted = weighted, .standardised = weighted};
  shape.reference = k > 2 && !ovr; /* no shift is common to all scores */
  shape.alpha = alpha;
  ctest_problem_make(&t, lc_loss_find(loss), shape);
  for (int i = 0; weighted && i < ROWS * t.coding.K; i++) t.offset[i] = 0.4 * (i % 2) * (i < ROWS ? 1 : -0.5);
  make_factor(&f, &t);
  for (int i = 0; i < ROWS * REPEATS; i++) holdout[i] = i % 9 == 4 ? 0 : 1 + (int)(FOLDS * ctest_uniform());
  ctest_presets(&settings);
  settings.tolerance = 1e-11;
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = 0.02, .holdout = holdout, .nfolds = FOLDS};
  spec.nrepeats = REPEATS;
  memset(scores, 0, sizeof scores);
  for (int joined = 0; joined < 2; joined++) {
    lc_problem problem = ctest_lc_problem(&t, joined ? &f.x : &t.dense);
    problem.ovr = ovr;
    spec.scores = scores[joined];
    CHECK(lc_path_run(&problem, &spec, &settings, &t.host.host, &t.arena, path + joined) == LC_OK);
    CHECK(path[joined].length == LAMBDAS);
  }
  for (int l = 0; l < lc_min(path[0].length, path[1].length); l++) {
    const lc_path_point *one = path[0].point + l, *other = path[1].point + l;
    CHECK_NEAR(other->outcome.objective, one->outcome.objective, 1e-9);
    CHECK(other->nonzero == one->nonzero);
    for (int m = 0; m < FOLDS * REPEATS; m++) CHECK(other->fold_nonzero[m] == one->fold_nonzero[m]);
  }
  CHECK(ctest_distance((lc_index)ROWS * path[0].K * LAMBDAS * REPEATS, scores[1], scores[0]) < 1e-3);
  ctest_problem_free(&t);
}

/* ---- paths by other engines -------------------------------------------------------------------------------------- */

/* Sparse columns and dense ones have the same path, of all rows and of each fold: sets that are swept, and lanes, which
 * give up where they are asked for more than rounding allows and leave the rest to sets. Columns may have any unit. */
static void test_engines(const char *loss, int k, lc_index n, lc_index p, double alpha, double tolerance, double least,
                         double unit) {
  enum { MOST_ROWS = 300, MOST_SCORES = 3 };
  static ctest_problem t;
  static double scores[2][MOST_ROWS * MOST_SCORES * LAMBDAS];
  int holdout[MOST_ROWS];
  lc_path path[2];
  ctest_problem_make(&t, lc_loss_find(loss),
                     (ctest_shape){.n = n, .p = p, .k = k, .weighted = 1, .standardised = unit != 1, .alpha = alpha});
  for (lc_index i = 0; i < n * p; i++) t.x[i] *= unit;
  ctest_problem_refresh(&t);
  for (lc_index i = 0; i < n; i++) holdout[i] = 1 + (int)(i / k % FOLDS);
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = least, .holdout = holdout, .nfolds = FOLDS, .nrepeats = 1};
  for (int sparse = 0; sparse < 2; sparse++) {
    spec.scores = scores[sparse];
    CHECK(ctest_path(&t, sparse ? &t.sparse : &t.dense, &spec, sparse ? tolerance : 1e-9, path + sparse) == LC_OK);
    CHECK(path[sparse].length == LAMBDAS);
  }
  double *B = ctest_zeros(t.q * t.coding.K), farthest = 0;
  for (int l = 0; l < lc_min(path[0].length, path[1].length); l++) {
    const lc_path_point *point = path[1].point + l;
    const lc_outcome *outcome = &point->outcome;
    double best = path[0].point[l].outcome.objective, descent;
    CHECK_NEAR(outcome->objective, ctest_path_value(&t, point, B), 1e-11);
    CHECK_NEAR(outcome->objective, best, 2e-8);
    CHECK(outcome->objective - best <= outcome->gap + 1e-11);
    CHECK(outcome->met && outcome->relative <= fmax(tolerance, 1e-11));
    CHECK(outcome->passes > (l > 0 ? path[1].point[l - 1].outcome.passes : 0));
    descent = ctest_descent(&t, B, NULL);
    CHECK(unit != 1 || descent <= 1.5 * outcome->kkt + 1e-10); /* else kkt is of the columns as shown */
    t.pen.lambda = 0;
    CHECK_NEAR(outcome->loss, ctest_value(&t, B), 1e-11);
    for (int m = 0; m < FOLDS; m++) {
      lc_index apart = point->fold_nonzero[m] - path[0].point[l].fold_nonzero[m];
      CHECK(point->fold_relative[m] <= fmax(tolerance, 1e-11) && 10 * labs((long)apart) <= p);
    }
  }
  for (lc_index i = 0; i < n * t.coding.K * LAMBDAS; i++)
    farthest = fmax(farthest, fabs(scores[1][i] - scores[0][i]));
  CHECK(farthest < 0.03);
  free(B);
  ctest_problem_free(&t);
}

/* Weights are what they are in proportion: of any size the path is the same. */
static void test_heavy_weights(const char *loss, int k, double alpha, double heavy) {
  static ctest_problem t;
  static double objective[LAMBDAS];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 90, .p = 70, .k = k, .weighted = 1, .alpha = alpha});
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = 0.03};
  for (int times = 0; times < 2; times++) {
    for (lc_index i = 0; times && i < t.n; i++) t.w[i] *= heavy;
    ctest_problem_refresh(&t);
    CHECK(ctest_path(&t, times ? &t.sparse : &t.dense, &spec, 1e-9, &path) == LC_OK);
    CHECK(path.length == LAMBDAS);
    for (int l = 0; l < path.length; l++) {
      if (times) CHECK_NEAR(path.point[l].outcome.objective, objective[l], 1e-8);
      objective[l] = path.point[l].outcome.objective;
    }
  }
  ctest_problem_free(&t);
}

/* Grouped paths have the optima of whole fits, and of no step that is left to coordinates alone. */
static void test_grouped_path(const char *loss, int k, double alpha) {
  static ctest_problem t;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 120, .p = 30, .k = k, .weighted = 1, .alpha = alpha});
  t.pen.grouped = 1;
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = LAMBDAS, .min_ratio = 0.02}, 1e-9, &path) == LC_OK);
  CHECK(path.length == LAMBDAS);
  double *B = ctest_zeros(t.q * t.coding.K);
  for (int l = 0; l < path.length; l++) {
    CHECK_NEAR(path.point[l].outcome.objective, ctest_path_value(&t, path.point + l, B), 1e-11);
    CHECK_NEAR(path.point[l].outcome.objective, ctest_best(&t, &t.dense, t.pen.lambda, 1e-9, NULL), 1e-8);
    CHECK(path.point[l].outcome.iterations <= 40);
  }
  free(B);
  ctest_problem_free(&t);
}

/* A fit that makes no step returns its start, in the user's columns, wherever these lie. */
static void test_start_is_kept(const char *loss, int k, const char *solver) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  double B[MOST];
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 80, .p = 3, .k = k, .reference = k > 2, .weighted = 1});
  for (lc_index i = 0; i < t.n; i++) {
    t.x[i] += 500;
    t.x[i + t.n] *= 1e70;
  }
  ctest_problem_refresh(&t);
  for (lc_index i = 0; i < t.q * t.coding.K; i++) B[i] = 0.3 * ctest_normal() * (i % t.q == 2 ? 1e-70 : 1);
  for (int c = 0; c < t.coding.K; c++) B[c * t.q] -= 500 * B[c * t.q + 1];
  ctest_presets(&settings);
  settings.max_iter = 0;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find(solver);
  problem.start = B;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_MAX_ITER);
  for (lc_index i = 0; i < t.q * t.coding.K; i++) CHECK(fabs(out.B[i] - B[i]) <= 1e-10 * fabs(B[i]));
  CHECK_NEAR(out.objective, ctest_value(&t, B), 1e-10);
  ctest_problem_free(&t);
}

/* A bound that pulls with nearly all of the loss holds. */
static void test_strong_bounds(int k) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  double lower[6], upper[6];
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){.n = 100, .p = 6, .k = k, .weighted = 1});
  for (lc_index i = 0; i < t.n; i++) t.x[i] = 2 * t.y[i] - (k - 1) + 0.2 * ctest_normal();
  ctest_problem_refresh(&t);
  for (int j = 0; j < 6; j++) lower[j] = -0.002, upper[j] = 0.003;
  t.pen.lower = lower;
  t.pen.upper = upper;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.pen.lambda = 0.01;
  double objective[2];
  for (int s = 0; s < 2; s++) {
    problem.solver = lc_solver_find(s ? "interior_point" : "coordinate");
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK && (!s || out.met));
    objective[s] = out.objective;
    for (lc_index i = 0; i < t.q * t.coding.K; i++)
      CHECK(i % t.q == 0 || (out.B[i] >= lower[0] && out.B[i] <= upper[0]));
  }
  CHECK_NEAR(objective[1], objective[0], 1e-6);
  ctest_problem_free(&t);
}

/* ---- dual points that are known ---------------------------------------------------------------------------------- */

/* A dual descent that begins at the solution's dual point is there at once; from one of another lambda it comes to the
 * same optimum. Some rows have no entries. floats: floats hold the numbers, which then are read in half the bytes; the
 * first and the last slope have the same penalty, each of those between one of its own that is smaller. */
static void test_known_dual(int k, int no_intercept, int floats) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution first, again;
  ctest_problem_make(&t, lc_loss_find("hinge"),
                     (ctest_shape){.n = 90, .p = 12, .k = k, .weighted = k == 2, .no_intercept = no_intercept});
  for (lc_index i = 0; i < t.n; i += 9)
    for (lc_index j = 0; j < t.p; j++) t.x[i + j * t.n] = 0;
  for (lc_index i = 0; floats && i < t.n * t.p; i++) t.x[i] = (float)t.x[i];
  for (lc_index j = 0; floats && j < t.p; j++) t.l2[j] = j % (t.p - 1) == 0 ? 4 : 0.5 + 0.1 * (double)j;
  ctest_problem_refresh(&t);
  double best = ctest_best(&t, &t.dense, 0.3, 1e-9, NULL), *dual = ctest_zeros(t.n * t.coding.K);
  ctest_presets(&settings);
  settings.tolerance = 1e-7;
  settings.max_iter = 5000;
  lc_problem problem = ctest_lc_problem(&t, &t.sparse);
  problem.solver = lc_solver_find("dual");
  problem.pen.lambda = 0.15;
  for (int same = 0; same < 2; same++) {
    problem.start = NULL;
    settings.dual = NULL;
    if (same) problem.pen.lambda = 0.3;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &first) == LC_OK && first.met);
    CHECK(first.fitted->dual != NULL && first.certificate.kkt < 1e-3);
    if (!first.fitted->dual) break;
    memcpy(dual, first.fitted->dual, (size_t)(t.n * t.coding.K) * sizeof *dual);
    problem.pen.lambda = 0.3;
    problem.start = first.B;
    settings.dual = dual;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &again) == LC_OK && again.met);
    CHECK(fabs(again.objective - best) <= 1e-6 * best);
    CHECK(!same || again.report.iterations <= 0.5 * first.report.iterations);
  }
  free(dual);
  ctest_problem_free(&t);
}

/* ---- covariances ------------------------------------------------------------------------------------------------- */

/* Of nearly equal columns, which are shifted to find it where an intercept takes that back: V is the inverse of the sum
 * of w p (1 - p) x x'. */
static void test_covariance_of_equals(int intercept, const char *solver) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  lc_index q;
  double *V, H[9] = {0};
  ctest_problem_make(&t, lc_loss_find("logistic"),
                     (ctest_shape){.n = ROWS, .p = 2, .k = 2, .weighted = 1, .no_intercept = !intercept});
  for (lc_index i = 0; i < t.n; i++) t.x[i] += 3, t.x[i + t.n] = t.x[i] + 5e-3 * t.x[i + t.n];
  ctest_problem_refresh(&t);
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find(solver);
  problem.wants_covariance = 1;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
  CHECK(out.report.condition > 300 && !out.basis.needed);
  CHECK(lc_solve_covariance(&problem, &out, &t.arena, &V, &q) == LC_OK && q == 2 + intercept);
  for (lc_index i = 0; i < t.n; i++) {
    double all[] = {1, t.x[i], t.x[i + t.n]}, z = t.offset[i], *x = all + !intercept;
    for (int j = 0; j < q; j++) z += x[j] * out.B[j];
    for (int a = 0; a < q * q; a++) H[a] += t.w[i] * x[a % q] * x[a / q] / (2 + exp(z) + exp(-z));
  }
  for (int a = 0; a < q * q; a++) {
    double sum = 0;
    for (int j = 0; j < q; j++) sum += V[a % q + j * q] * H[j + a / q * q];
    CHECK_NEAR(sum, a / q == a % q, 1e-8);
  }
  ctest_problem_free(&t);
}

void test_relations(void) {
  ctest_seed(97);
  test_joined("logistic", 2, 0, 0);
  test_joined("softmax", 3, 0, 1);
  test_joined("squared_hinge", 3, 1, 0);
  test_joined("squared_hinge", 3, 1, 1);
  test_joined_path("logistic", 2, 0, 1, 0);
  test_joined_path("logistic", 2, 0, 0.5, 1);
  test_joined_path("softmax", 3, 0, 0, 0);
  test_joined_path("softmax", 3, 0, 0.5, 1);
  test_joined_path("squared_hinge", 3, 1, 0.5, 1);
  test_engines("softmax", 3, 150, 140, 0.5, 1e-8, 1e-3, 1);
  test_engines("softmax", 3, 150, 140, 0.5, 1e-8, 1e-3, 1e45);
  test_engines("logistic", 2, 250, 380, 0.1, 1e-8, 1e-3, 1);
  test_engines("logistic", 2, 250, 380, 0.9, 1e-9, 1e-2, 1e70);
  test_engines("logistic", 2, 250, 380, 0.9, 1e-9, 1e-2, 1e45);
  test_engines("logistic", 2, 250, 380, 0.9, 1e-9, 1e-2, 1e20);
  test_engines("squared_hinge", 2, 300, 200, 0.5, 1e-9, 1e-2, 1e-45);
  test_engines("squared_hinge", 2, 300, 200, 0.5, 1e-9, 1e-2, 1e-70);
  test_engines("logistic", 2, 300, 120, 1, 1e-13, 0.05, 1);
  test_heavy_weights("logistic", 2, 1, 1e4);
  test_heavy_weights("softmax", 3, 0.5, 1e4);
  test_heavy_weights("logistic", 2, 0.5, 1e-4);
  test_grouped_path("softmax", 3, 1);
  test_grouped_path("softmax", 4, 0.4);
  test_grouped_path("squared_hinge", 3, 1);
  test_start_is_kept("logistic", 2, "lbfgs");
  test_start_is_kept("softmax", 3, "newton");
  test_start_is_kept("squared_hinge", 3, "coordinate");
  test_strong_bounds(2);
  test_strong_bounds(3);
  for (int floats = 0; floats < 2; floats++) {
    test_known_dual(2, 0, floats);
    test_known_dual(3, 0, floats);
    test_known_dual(3, 1, floats);
  }
  for (int intercept = 0; intercept < 2; intercept++) {
    test_covariance_of_equals(intercept, "newton");
    test_covariance_of_equals(intercept, "lbfgs");
  }
}
