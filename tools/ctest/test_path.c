/* Tests of paths: each point against a whole fit at its lambda and against definitions. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_path(void);
void test_path_folds(void);
void test_path_data(void);

enum { N = 45, COLUMNS = 7, CLASSES = 3, LAMBDAS = 5, MOST = 16 * 200 };

/* F and the duality gap are bounded by rounding of this size. */
static const double rounding = 1e-12;

/* What must be true of every point of a finished path; the least objective is at most `best[l]` (NULL: by whole
 * fits, which are good to 1e-8). */
static void check_points(ctest_problem *t, lc_design *x, const lc_path *path, const double *best, double within) {
  static double B[MOST];
  for (lc_index l = 0; l < path->length; l++) {
    const lc_path_point *point = path->point + l;
    CHECK_NEAR(ctest_path_value(t, point, B), point->outcome.objective, 1e-11);
    double least = best ? best[l] : ctest_best(t, x, point->lambda, 1e-10, NULL),
           excess = point->outcome.objective - least;
    int near = fabs(excess) <= within * fmax(fabs(least), 1e-3);
    CHECK(near);
    CHECK(point->outcome.met);
    if (!isnan(point->outcome.gap)) CHECK(excess <= point->outcome.gap + rounding);
    if (!near)
      printf("     %s, k = %d, lambda[%d] = %g: %.14g, best %.14g, gap %g\n", t->loss->name, t->coding.k, (int)l,
             point->lambda, point->outcome.objective, least, point->outcome.gap);
    lc_index features = 0;
    for (lc_index j = t->pen.intercept; j < t->q; j++) {
      int any = 0;
      for (int c = 0; c < t->coding.K; c++) any |= B[c * t->q + j] != 0;
      features += any;
    }
    CHECK(point->nonzero == features);
  }
  t->pen.lambda = 0;
}

/* Lambdas from the data, and then the same lambdas with a loose tolerance, where gaps have something to say. */
static void test_points(const lc_loss *loss, ctest_shape shape, int sparse, double bound) {
  static ctest_problem t;
  double lambdas[LAMBDAS], best[LAMBDAS];
  lc_path path, unpenalised;
  ctest_problem_make(&t, loss, shape);
  if (bound > 0) ctest_problem_bound(&t, -0.3 * bound, bound);
  lc_design *x = sparse ? &t.sparse : &t.dense;
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = 0.02};
  CHECK(ctest_path(&t, x, &spec, 1e-9, &path) == LC_OK);
  CHECK(path.length == LAMBDAS && path.K == t.coding.K && path.status == LC_OK);
  for (int l = 0; l < path.length; l++) {
    lambdas[l] = path.point[l].lambda;
    CHECK_NEAR(lambdas[l] / path.lambda_max, pow(0.02, l / (LAMBDAS - 1.0)), 1e-14);
    best[l] = ctest_best(&t, x, lambdas[l], loss->flags & LC_SMOOTH ? 1e-10 : 1e-8, NULL);
  }
  /* Whole fits of a loss with a kink are not good to 1e-8 themselves. */
  check_points(&t, x, &path, best, loss->flags & LC_SMOOTH ? 1e-8 : 1e-6);
  spec = (lc_path_spec){.lambdas = lambdas, .nlambdas = LAMBDAS};
  CHECK(ctest_path(&t, x, &spec, 1e-2, &unpenalised) == LC_OK);
  check_points(&t, x, &unpenalised, best, 2e-2);
  ctest_problem_free(&t);
}

/* Just above lambda_max all penalised slopes are 0, just below some are not, and the null loss is that of the rest. */
static void test_largest(const lc_loss *loss, ctest_shape shape, double lower, double upper) {
  static ctest_problem t;
  ctest_problem_make(&t, loss, shape);
  t.l1[1] *= 3; /* factors of the user; one feature is free */
  t.l2[1] *= 3;
  t.l1[4] = t.l2[4] = 0;
  if (lower < 0 || upper > 0) ctest_problem_bound(&t, lower, upper);
  lc_path path, around;
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 1, .min_ratio = 1}, 1e-10, &path) == LC_OK);
  double most = path.lambda_max, lambdas[] = {10 * most, most * (1 + 1e-4), most * (1 - 1e-3)};
  CHECK(most > 0 && path.length == 1 && path.point[0].lambda == most);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.lambdas = lambdas, .nlambdas = 3}, 1e-10, &around) == LC_OK);
  lc_index least = around.point[0].nonzero; /* the free one, where its bounds let it */
  CHECK(around.length == 3 && (upper > 0 ? least <= 1 : least == 1));
  CHECK(around.point[1].nonzero == least && around.point[2].nonzero > least);
  CHECK_NEAR(around.point[0].outcome.loss, around.null_loss, 1e-9);
  CHECK_NEAR(around.point[1].outcome.loss, around.null_loss, 1e-9);
  double weights = 0;
  for (lc_index i = 0; i < t.n; i++) weights += t.w ? t.w[i] : 1;
  CHECK_NEAR(around.weight_sum, weights, 1e-14);
  check_points(&t, &t.dense, &around, NULL, 1e-8);
  ctest_problem_free(&t);
}

static int has_sets(const lc_loss *loss) { return (loss->flags & LC_SMOOTH) && (loss->flags & LC_CURVATURE); }

static void test_loss(const lc_loss *loss, int k) {
  static const double alphas[] = {0, 0.3, 1};
  for (int a = 0; a < 3; a++)
    for (int weighted = 0; weighted < 2; weighted++) {
      if (!has_sets(loss) && a != 1) continue; /* whole fits, which others test */
      ctest_shape shape = {.n = N,
                           .p = COLUMNS,
                           .k = k,
                           .reference = a == 2,
                           .weighted = weighted,
                           .no_intercept = a == 1 && !weighted,
                           .alpha = alphas[a]};
      test_points(loss, shape, 0, 0);
      if (!has_sets(loss)) continue;
      shape.standardised = 1;
      test_points(loss, shape, 1, 0);
      test_points(loss, shape, weighted, 0.4);
      if (a == 0) continue;
      shape.no_intercept = 0;
      shape.standardised = weighted;
      test_largest(loss, shape, 0, 0);
      if (a == 2) test_largest(loss, shape, 0, 5);
    }
}

/* Many lambdas and tolerances, so that some gaps come to lie around what was asked for (ctest_path() looks at them).
 * The root of the tolerance is what residuals of the coefficients may be, over the L1 part. */
static void test_tolerances(void) {
  static const char *const losses[] = {"logistic", "softmax", "squared_hinge"};
  for (int l = 0; l < 3; l++)
    for (int sparse = 0; sparse < 2; sparse++)
      for (double tolerance = 0.1; tolerance > 1e-8; tolerance /= 10) {
        static ctest_problem t;
        lc_path path;
        ctest_shape shape = {.n = 120, .p = 30, .k = l == 1 ? 3 : 2, .alpha = 0.9};
        ctest_problem_make(&t, lc_loss_find(losses[l]), shape);
        lc_path_spec spec = {.nlambdas = 25, .min_ratio = 1e-3};
        CHECK(ctest_path(&t, sparse ? &t.sparse : &t.dense, &spec, tolerance, &path) == LC_OK);
        for (lc_index p = 0; p < path.length; p++) {
          CHECK(path.point[p].outcome.met);
          CHECK(path.point[p].outcome.kkt <= sqrt(tolerance) * 0.9 * path.point[p].lambda + rounding);
        }
        ctest_problem_free(&t);
      }
}

void test_path(void) {
  ctest_seed(59);
  test_tolerances();
  for (int l = 0; l < lc_loss_count; l++) {
    int k_most = has_sets(&lc_losses[l]) ? (int)lc_min(lc_losses[l].most_classes, CLASSES) : 2;
    if (strcmp(lc_losses[l].name, "perceptron") == 0) continue; /* takes no penalty */
    for (int k = 2; k <= k_most; k++) test_loss(&lc_losses[l], k);
  }
}

/* ---- folds ------------------------------------------------------------------------------------------------------- */

enum { FOLDS = 3, REPEATS = 2 };

/* The rows outside a fold, as a problem of their own. */
static void without_fold(const ctest_problem *t, const int *holdout, int fold, ctest_problem *rest, ctest_shape shape) {
  shape.n = 0;
  for (lc_index i = 0; i < t->n; i++) shape.n += holdout[i] != fold;
  ctest_problem_make(rest, t->loss, shape);
  for (lc_index i = 0, to = 0; i < t->n; i++) {
    if (holdout[i] == fold) continue;
    for (lc_index j = 0; j < t->p; j++) rest->x[to + j * rest->n] = t->x[i + j * t->n];
    rest->y[to] = t->y[i];
    if (t->w) rest->w[to] = t->w[i];
    for (int c = 0; t->offset && c < t->coding.K; c++) rest->offset[to + c * rest->n] = t->offset[i + c * t->n];
    to++;
  }
  ctest_problem_refresh(rest);
}

/* Scores of the rows that a fold left out are those of a fit without them, standardised without them; those of rows
 * that none leaves out are not written. */
static void test_folds(const lc_loss *loss, ctest_shape shape, int sparse) {
  static ctest_problem t, rest;
  static double B[MOST], scores[N * CLASSES * LAMBDAS * REPEATS];
  double lambdas[LAMBDAS];
  int holdout[N * REPEATS];
  lc_path path, plain;
  ctest_problem_make(&t, loss, shape);
  for (int i = 0; shape.standardised && i < N; i++) t.x[i] *= 1e70; /* shown in other units; the same fit */
  ctest_problem_refresh(&t);
  for (int i = 0; i < N * REPEATS; i++) { /* some rows are in every fit */
    int fold = i < N ? 1 + i / 3 % FOLDS : 1 + (int)(FOLDS * ctest_uniform());
    holdout[i] = i % 13 == 6 ? 0 : fold;
  }
  lc_design *x = sparse ? &t.sparse : &t.dense;
  CHECK(ctest_path(&t, x, &(lc_path_spec){.nlambdas = LAMBDAS, .min_ratio = 0.05}, 1e-12, &plain) == LC_OK);
  for (int l = 0; l < LAMBDAS; l++) lambdas[l] = plain.point[l].lambda;
  lc_path_spec spec = {.lambdas = lambdas,
                       .nlambdas = LAMBDAS,
                       .holdout = holdout,
                       .nfolds = FOLDS,
                       .nrepeats = REPEATS,
                       .scores = scores};
  for (size_t i = 0; i < sizeof scores / sizeof *scores; i++) scores[i] = NAN;
  CHECK(ctest_path(&t, x, &spec, 1e-12, &path) == LC_OK);
  CHECK(path.length == LAMBDAS);
  int K = t.coding.K;
  for (int l = 0; l < LAMBDAS; l++) {
    CHECK_NEAR(path.point[l].outcome.objective, plain.point[l].outcome.objective, 1e-11);
    int missed = 0; /* a gap that rounding does not allow is not met */
    for (int m = 0; m < FOLDS * REPEATS; m++) missed += path.point[l].fold_relative[m] > 1e-12;
    CHECK(path.point[l].folds_missed == missed);
  }
  for (int repeat = 0; repeat < REPEATS; repeat++)
    for (int fold = 1; fold <= FOLDS; fold++) {
      const int *out = holdout + repeat * N;
      without_fold(&t, out, fold, &rest, shape);
      for (int l = 0; l < LAMBDAS; l++) {
        const double *got = scores + (repeat * LAMBDAS + l) * N * K;
        ctest_best(&rest, sparse ? &rest.sparse : &rest.dense, lambdas[l], 1e-13, B);
        lc_index features = 0;
        for (lc_index j = 1; j < t.q; j++) {
          int any = 0;
          for (int c = 0; c < K; c++) any |= B[c * t.q + j] != 0;
          features += any;
        }
        CHECK(path.point[l].fold_nonzero[repeat * FOLDS + fold - 1] == features);
        for (int i = 0; i < N; i++) {
          if (out[i] == 0) CHECK(isnan(got[i]) && isnan(got[i + (K - 1) * N]));
          if (out[i] != fold) continue;
          double worst = 0, first = 0;
          for (int c = 0; c < K; c++) {
            double z = (t.offset ? t.offset[i + c * N] : 0) + B[c * t.q];
            for (lc_index j = 0; j < t.p; j++) z += t.x[i + j * N] * B[c * t.q + 1 + j];
            /* Symmetric scores may all be shifted together. */
            double offset = got[i + c * N] - z;
            if (c == 0 && !t.coding.base && !t.coding.vector) first = offset;
            worst = fmax(worst, fabs(offset - first));
          }
          CHECK(worst < 1e-4);
        }
      }
      ctest_problem_free(&rest);
    }
  ctest_problem_free(&t);
}

void test_path_folds(void) {
  ctest_seed(61);
  for (int l = 0; l < lc_loss_count; l++) {
    if (!has_sets(&lc_losses[l])) continue;
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, CLASSES); k++)
      for (int weighted = 0; weighted < 2; weighted++)
        test_folds(&lc_losses[l],
                   (ctest_shape){.n = N,
                                 .p = 5,
                                 .k = k,
                                 .reference = k == 2,
                                 .weighted = weighted,
                                 .standardised = k % 2,
                                 .alpha = weighted ? 0.5 : 1},
                   weighted);
  }
}

/* ---- data that are not as one would like ----------------------------------------------------------------------- */

/* A path and its points; what the data are is done to t already. */
static void test_awkward(ctest_problem *t, double min_ratio, double within) {
  for (int standardised = 0; standardised < 2; standardised++)
    for (int sparse = 0; sparse < 2; sparse++) {
      lc_path path;
      lc_design *x = sparse ? &t->sparse : &t->dense;
      t->standardised = standardised;
      ctest_problem_refresh(t);
      ctest_problem_forget(t);
      CHECK(ctest_path(t, x, &(lc_path_spec){.nlambdas = LAMBDAS, .min_ratio = min_ratio}, 1e-9, &path) == LC_OK);
      CHECK(path.length == LAMBDAS);
      check_points(t, x, &path, NULL, within);
    }
  ctest_problem_free(t);
}

static void test_wide(void) {
  static ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 25, .p = 120, .k = 2, .alpha = 1});
  test_awkward(&t, 0.05, 1e-8);
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = 30, .p = 90, .k = 3, .weighted = 1, .alpha = 0.5});
  test_awkward(&t, 0.05, 1e-8);
}

/* Columns that are constant, 0, equal, opposite, of other scales, and far from 0. */
static void test_columns_alike(double alpha) {
  static ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = N, .p = 10, .k = 3, .alpha = alpha});
  for (lc_index i = 0; i < N; i++) {
    t.x[i + N] = 3;
    t.x[i + 2 * N] = 0;
    t.x[i + 4 * N] = t.x[i + 3 * N];
    t.x[i + 5 * N] = -t.x[i + 3 * N];
    t.x[i + 6 * N] *= 1e4;
    t.x[i + 7 * N] *= 1e-4;
    t.x[i + 8 * N] += 100;
  }
  ctest_problem_refresh(&t);
  test_awkward(&t, 0.05, 1e-7);
}

/* One row of a class, and a fold in which it is all there is of it. */
static void test_rare(const char *loss, int k) {
  static ctest_problem t;
  static double scores[N * CLASSES * LAMBDAS];
  int holdout[N], finite = 1;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = COLUMNS, .k = k, .alpha = 0.8});
  for (lc_index i = 0; i < N; i++) {
    if (t.y[i] == 0) t.y[i] = i > 0;
    holdout[i] = (int)(1 + i % FOLDS);
  }
  ctest_problem_refresh(&t);
  lc_path path;
  lc_path_spec spec = {
      .nlambdas = LAMBDAS, .min_ratio = 0.1, .holdout = holdout, .nfolds = FOLDS, .nrepeats = 1, .scores = scores};
  CHECK(ctest_path(&t, &t.dense, &spec, 1e-8, &path) == LC_OK);
  CHECK(path.length == LAMBDAS);
  for (int i = 0; i < N * t.coding.K * LAMBDAS; i++) finite = finite && isfinite(scores[i]);
  CHECK(finite);
  test_awkward(&t, 0.1, 1e-7);
}

/* A last lambda of 0 is a fit without a penalty. */
static void test_to_zero(const lc_loss *loss, int k, int sparse) {
  static ctest_problem t;
  ctest_problem_make(&t, loss, (ctest_shape){.n = 150, .p = 4, .k = k, .reference = 1, .weighted = 1, .alpha = 1});
  static const double lambdas[] = {0.1, 0.01, 1e-3, 0}, only[] = {0};
  lc_design *x = sparse ? &t.sparse : &t.dense;
  lc_path path;
  CHECK(ctest_path(&t, x, &(lc_path_spec){.lambdas = lambdas, .nlambdas = 4}, 1e-9, &path) == LC_OK);
  CHECK(path.length == 4 && path.point[3].lambda == 0 && path.point[3].nonzero == 4);
  check_points(&t, x, &path, NULL, 1e-8);
  CHECK(ctest_path(&t, x, &(lc_path_spec){.lambdas = only, .nlambdas = 1}, 1e-9, &path) == LC_OK);
  CHECK(path.length == 1);
  check_points(&t, x, &path, NULL, 1e-8);
  ctest_problem_free(&t);
}

/* The least mean loss over the intercept, the slopes as they are in B: a one-dimensional convex function, by thirds. */
static double least_by_intercept(const ctest_problem *t, double *B) {
  double low = -20, high = 20, value[2];
  for (int step = 0; step < 120; step++) {
    for (int side = 0; side < 2; side++) {
      B[0] = low + (1 + side) * (high - low) / 3;
      value[side] = ctest_value(t, B);
    }
    *(value[0] < value[1] ? &high : &low) = value[0] < value[1] ? low + 2 * (high - low) / 3 : low + (high - low) / 3;
  }
  return ctest_value(t, B);
}

/* Slopes that may not be 0 are as near to it as they may in the model without penalised slopes. */
static void test_null_between_bounds(const char *loss) {
  static ctest_problem t;
  double lower[4] = {-1, 0.3, -INFINITY, -2}, upper[4] = {1, 1, 5, -0.1}, B[5] = {0, 0, 0.3, 0, -0.1};
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 60, .p = 4, .k = 2, .weighted = 1, .alpha = 0.5});
  t.pen.lower = lower;
  t.pen.upper = upper;
  t.pen.lambda = 7; /* is not looked at */
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 2, .min_ratio = 0.5}, 1e-8, &path) == LC_OK);
  t.pen.lambda = 0;
  CHECK_NEAR(path.null_loss, least_by_intercept(&t, B), 1e-7);
  check_points(&t, &t.dense, &path, NULL, 1e-6);
  ctest_problem_free(&t);
}

/* The residual of a point is that of the user's columns, whatever their units: by how much the objective falls along a
 * coefficient. */
static void test_residuals_of_units(void) {
  static ctest_problem t;
  double B[5];
  lc_path path;
  ctest_shape shape = {.n = 150, .p = 4, .k = 2, .weighted = 1, .alpha = 0.5};
  ctest_problem_make(&t, lc_loss_find("logistic"), shape);
  for (lc_index i = 0; i < 150; i++)
    for (int j = 0; j < 4; j++) t.x[i + 150 * j] *= pow(30, j - 1);
  for (int j = 0; j < 4; j++) t.l1[j] *= pow(30, j - 1), t.l2[j] *= pow(900, j - 1);
  ctest_problem_refresh(&t);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 6, .min_ratio = 0.01}, 1e-3, &path) == LC_OK);
  for (lc_index l = 1; l < path.length; l++) {
    double kkt = path.point[l].outcome.kkt;
    t.pen.lambda = path.point[l].lambda;
    ctest_path_coefficients(&t, path.point + l, B);
    double descent = ctest_descent(&t, B, NULL);
    CHECK(descent <= 1.5 * kkt + rounding && kkt <= 1.5 * descent + rounding);
  }
  ctest_problem_free(&t);
}

/* Folds that one step does not bring to their goal are counted. */
static void test_missed_folds(const char *loss) {
  static ctest_problem t;
  int holdout[N], any = 0;
  lc_settings settings;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = COLUMNS, .k = 2, .alpha = 0.8});
  for (int i = 0; i < N; i++) holdout[i] = 1 + i % FOLDS;
  ctest_presets(&settings);
  settings.max_iter = 1;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = 0.01, .holdout = holdout, .nfolds = FOLDS, .nrepeats = 1};
  CHECK(lc_path_run(&problem, &spec, &settings, &t.host.host, &t.arena, &path) >= 0);
  for (lc_index l = 0; l < path.length; l++) {
    int missed = 0;
    for (int m = 0; m < FOLDS; m++) missed += !(path.point[l].fold_relative[m] <= path.goal);
    CHECK(path.point[l].folds_missed == missed);
    any += missed;
  }
  CHECK(any > 0 && path.length == LAMBDAS);
  ctest_problem_free(&t);
}

/* Rows of one wrong class, which fold 1 leaves out: it is separated, all rows are not; and without them they are. */
static void test_separated_fold(int wrong) {
  static ctest_problem t;
  static const double only[] = {0};
  int holdout[40];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 40, .p = 1, .k = 2});
  for (int i = 0; i < 40; i++) {
    t.x[i] = t.y[i] * 2 - 1 + 0.01 * i;
    holdout[i] = i % 10 == 1 ? 1 : 2 + i % 2;
    if (wrong && holdout[i] == 1) t.x[i] = -t.x[i];
  }
  ctest_problem_refresh(&t);
  lc_path_spec spec = {.lambdas = only, .nlambdas = 1, .holdout = holdout, .nfolds = 3, .nrepeats = 1};
  CHECK(ctest_path(&t, &t.dense, &spec, 1e-8, &path) == LC_OK);
  CHECK(path.separated == !wrong && path.length == 1);
  ctest_problem_free(&t);
}

/* So many coefficients that the set goes on without its Hessian. */
static void test_many(double alpha) {
  static ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = 120, .p = 12, .k = 16, .alpha = alpha});
  double lambdas[] = {0.02, 1e-3, 5e-4, 3e-4};
  lc_path path;
  lc_index count = 0;
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.lambdas = lambdas, .nlambdas = 4}, 1e-8, &path) == LC_OK);
  CHECK(path.length == 4);
  for (int c = 0; c < path.K; c++) count += path.point[1].count[c];
  CHECK(count * path.K > 2000); /* the limit of paths */
  check_points(&t, &t.dense, &path, NULL, 1e-7);
  ctest_problem_free(&t);
}

void test_path_data(void) {
  ctest_seed(67);
  test_wide();
  test_columns_alike(1);
  test_columns_alike(0.5);
  test_rare("logistic", 2);
  test_rare("softmax", 3);
  test_to_zero(lc_loss_find("logistic"), 2, 0);
  test_to_zero(lc_loss_find("softmax"), 3, 1);
  test_null_between_bounds("logistic");
  test_null_between_bounds("hinge");
  test_residuals_of_units();
  test_missed_folds("logistic");
  test_missed_folds("hinge");
  test_separated_fold(0);
  test_separated_fold(1);
  test_many(1);
  test_many(0.2);
}
