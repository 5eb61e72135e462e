/* Tests of what the parts of a path owe each other: residuals that proofs see, columns that are read in batches, folds
 * of other rows; and of what the host of a path is told and may ask for. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "design/factor.h"
#include "path/round.h"
#include "problem.h"

void test_path_parts(void);

enum { N = 60, COLUMNS = 5, CLASSES = 3, FOLDS = 3, LAMBDAS = 5, MOST = (COLUMNS + 1) * CLASSES };

/* ---- residuals ------------------------------------------------------------------------------------------------- */

/* The folds of a path before its first lambda, as lc_path_run() makes them. */
typedef struct parts {
  lc_problem problem;
  lc_settings settings;
  lc_path_spec spec;
  lc_path_state state;
} parts;

static void start(parts *d, ctest_problem *t, const lc_design *x, const int *holdout) {
  memset(d, 0, sizeof *d);
  ctest_presets(&d->settings);
  d->problem = ctest_lc_problem(t, x);
  d->spec = (lc_path_spec){.nlambdas = 1, .min_ratio = 1, .holdout = holdout, .nfolds = FOLDS, .nrepeats = 1};
  d->state = (lc_path_state){.problem = &d->problem,
                             .x = *x,
                             .given = &t->obs,
                             .spec = &d->spec,
                             .settings = &d->settings,
                             .host = &t->host.host,
                             .arena = &t->arena,
                             .coding = t->coding};
  d->problem.x = &d->state.x;
  CHECK(lc_folds_start(&d->state) == LC_OK);
}

/* Away from where the intercepts' gradients vanish. */
static void move(lc_fold *fold) {
  lc_objective *obj = &fold->obj;
  double B[MOST];
  for (lc_index i = 0; i < obj->P; i++) B[i] = obj->at.B[i] + 0.3 * ctest_normal();
  CHECK(lc_objective_eval(obj, B, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(obj);
  CHECK(lc_step_start(&fold->solver.step) == LC_OK);
  fold->pen.lambda = 1;
}

/* Residuals that proofs see sum to zero beside an intercept: by one factor for all rows of a class, and where a class
 * has no rows, so that no factors do it, what is left of the sum goes by the weights. All features' products with them
 * are one read of X. */
static void test_balanced(int no_intercept, int sparse) {
  static ctest_problem t;
  static parts d;
  int holdout[N];
  ctest_problem_make(&t, lc_loss_find("softmax"),
                     (ctest_shape){N, COLUMNS, CLASSES, .weighted = 1, .no_intercept = no_intercept, .alpha = 1});
  for (int i = 0; i < N; i++) holdout[i] = t.y[i] == 0 ? 1 : 2 + i % 2;
  start(&d, &t, sparse ? &t.sparse : &t.dense, holdout);
  for (int m = 0; m <= FOLDS; m++) move(d.state.fold + m);
  double passes = d.state.fold->obj.passes;
  CHECK(lc_folds_look(&d.state) == LC_OK);
  CHECK_NEAR(d.state.fold->obj.passes - passes, 1, 1e-14);
  /* Once more for some of the folds, as in a round in which the others are done. */
  lc_round round;
  CHECK(lc_round_allocate(&round, &d.state) == LC_OK);
  d.state.fold[0].pending = d.state.fold[2].pending = 0;
  lc_round_list_all(&round);
  CHECK(lc_round_read(&round) == LC_OK);
  for (int m = 0; m <= FOLDS; m++) {
    lc_fold *fold = d.state.fold + m;
    const double *R = fold->solver.step.R, *w = fold->obs.w;
    double total = 0, g[CLASSES], factor[CLASSES] = {0};
    int factors = no_intercept || m != 1, right = 1;
    for (int i = 0; i < N; i++) total += w[i];
    CHECK(fold->has_gap == factors);
    for (int c = 0; c < CLASSES; c++) {
      const double *r = R + c * N, *balanced = fold->balanced + c * N;
      double sum = 0, left = 0;
      for (int i = 0; i < N; i++) {
        sum += balanced[i];
        left += r[i];
        if (c == 0 && w[i] > 0 && factor[(int)t.y[i]] == 0) factor[(int)t.y[i]] = balanced[i] / r[i];
      }
      if (!no_intercept) CHECK(fabs(sum) < 1e-12 && (fabs(left) > 1e-3 || (m == 1 && c == 0)));
      for (int i = 0; i < N; i++) {
        double want = factors ? factor[(int)t.y[i]] * r[i] : r[i] - w[i] * left / total;
        right = right && fabs(balanced[i] - want) < 1e-12;
      }
    }
    CHECK(right);
    for (lc_index j = 0; j < COLUMNS; j++) {
      lc_fold_seen_gradient(fold, j, g);
      for (int c = 0; c < CLASSES; c++) {
        double sum = 0;
        for (int i = 0; i < N; i++) sum += t.x[i + j * N] * fold->balanced[i + c * N];
        CHECK_NEAR(g[c], sum / total, 1e-13);
      }
    }
  }
  ctest_problem_free(&t);
}

/* So many rows that columns are read in several batches: lambda_max is the largest product of a column with the
 * residuals of the mean, wherever that column lies. */
static void test_batches(lc_index largest) {
  enum { ROWS = 320001, P = 130, EACH = 3 };
  static const double third = 1.0 / 3;
  ctest_host host;
  lc_arena arena;
  lc_design x;
  lc_settings settings;
  lc_path path;
  int start_of[P + 1], row[P * EACH];
  double value[P * EACH], stats[6 * P], l1[P], l2[P] = {0}, *y = ctest_zeros(ROWS), most = 0;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  for (int i = 0; i < ROWS; i++) y[i] = i % 3 == 0;
  for (int j = 0; j < P; j++) {
    double dot = 0;
    l1[j] = 1;
    start_of[j] = EACH * j;
    for (int e = 0; e < EACH; e++) {
      row[EACH * j + e] = 7 * j + 999 * e; /* of one class */
      value[EACH * j + e] = (j == largest ? 40 : 1) + ctest_uniform();
      dot += value[EACH * j + e] * (third - y[row[EACH * j + e]]);
    }
    most = fmax(most, fabs(dot) / ROWS);
  }
  start_of[P] = EACH * P;
  lc_csc csc = {start_of, row, value};
  lc_design_sparse(&x, ROWS, P, &csc);
  x.intercept = 1;
  lc_colstat columns = {stats, stats + P, stats + 2 * P, stats + 3 * P, stats + 4 * P, stats + 5 * P};
  CHECK(lc_design_colstats(&x, NULL, &host.host, &columns) == LC_OK);
  lc_obs obs = {.n = ROWS, .y = y};
  lc_problem problem = {.obs = &obs,
                        .x = &x,
                        .loss = lc_loss_find("logistic"),
                        .k = 2,
                        .pen = {P, 1, 0, l1, l2, NULL, NULL, 0},
                        .mean = stats,
                        .sd = stats + P,
                        .max_abs = stats + 2 * P};
  ctest_presets(&settings);
  CHECK(lc_path_run(&problem, &(lc_path_spec){.nlambdas = 1, .min_ratio = 1}, &settings, &host.host, &arena, &path) ==
        LC_OK);
  CHECK_NEAR(path.lambda_max / most, 1, 1e-10);
  ctest_host_free(&host);
  free(y);
}

/* ---- hosts ----------------------------------------------------------------------------------------------------- */

static lc_info told[LAMBDAS + 1];
static int lines;

static lc_status keep_line(void *self, const lc_info *info) {
  (void)self;
  told[lines < LAMBDAS ? lines : LAMBDAS] = *info;
  lines++;
  return LC_OK;
}

/* The history has a line for each point, with its value and residual, and none of the fits that led there. */
static void test_history(const char *loss, double alpha) {
  static ctest_problem t;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){N, COLUMNS, 2, .weighted = 1, .alpha = alpha});
  t.host.host.record = keep_line;
  lines = 0;
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = LAMBDAS, .min_ratio = 0.05}, 1e-5, &path) == LC_OK);
  CHECK(lines == LAMBDAS && path.length == LAMBDAS);
  for (int l = 0; l < LAMBDAS; l++) {
    const lc_outcome *outcome = &path.point[l].outcome;
    CHECK(told[l].iteration == l + 1 && told[l].objective == outcome->objective);
    CHECK(told[l].gradient_norm == outcome->kkt && isnan(told[l].step) && isnan(told[l].epoch));
    CHECK(outcome->met && outcome->gap >= 0 && outcome->relative >= 0 && outcome->relative <= path.goal);
    CHECK(l == 0 ? outcome->objective >= outcome->loss : outcome->objective > outcome->loss);
    CHECK(outcome->passes > (l > 0 ? path.point[l - 1].outcome.passes : 0));
  }
  ctest_problem_free(&t);
}

static long polls, limit_at;
static int limit_told;

static lc_status poll_limit(void *self) {
  (void)self;
  if (++polls < limit_at || limit_told || limit_at == 0) return LC_OK;
  limit_told = 1;
  return LC_TIME_LIMIT;
}

/* A time limit, which is told once, ends a path with the points that it has. */
static void test_time_limit(const char *loss, double alpha) {
  static ctest_problem t;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){N, COLUMNS, 2, .alpha = alpha});
  long all = 0;
  for (long at = 0; at <= all; at += 1 + all / 20) {
    ctest_problem_forget(&t);
    t.host.host.poll = poll_limit;
    polls = limit_told = 0;
    limit_at = at;
    lc_status status = ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = LAMBDAS, .min_ratio = 0.05}, 1e-5, &path);
    CHECK(status == (at > 0 ? LC_TIME_LIMIT : LC_OK));
    CHECK(at > 0 ? path.length < LAMBDAS : path.length == LAMBDAS);
    if (at == 0) all = polls;
  }
  CHECK(all > LAMBDAS);
  ctest_problem_free(&t);
}

/* ---- what is asked for ------------------------------------------------------------------------------------------- */

static lc_status go_down(const lc_problem *problem, ctest_problem *t, const double *lambdas, lc_index count,
                         double max_iter, lc_path *out) {
  lc_settings settings;
  ctest_presets(&settings);
  settings.max_iter = max_iter;
  settings.epochs = 2;
  lc_path_spec spec = {.lambdas = lambdas, .nlambdas = count};
  return lc_path_run(problem, &spec, &settings, &t->host.host, &t->arena, out);
}

/* No lambda takes more steps than it may, by sets, by fits, and where there would be lanes, and what it comes to is no
 * further from the optimum than its gap; the model without penalised slopes has all that it needs. */
static void test_few_steps(const char *loss, lc_index n, lc_index p, int sparse, double alpha) {
  static const double lambdas[] = {0.02, 0.015, 0.01, 0.008, 0.006, 0.004, 0.002};
  enum { COUNT = sizeof lambdas / sizeof *lambdas };
  static ctest_problem t;
  lc_path path, free_path;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){n, p, 2, .weighted = !sparse, .alpha = alpha});
  lc_problem problem = ctest_lc_problem(&t, sparse ? &t.sparse : &t.dense);
  CHECK(go_down(&problem, &t, lambdas, 1, NAN, &free_path) == LC_OK);
  for (int steps = 1; steps <= 2; steps++) {
    CHECK(go_down(&problem, &t, lambdas, COUNT, steps, &path) == LC_OK);
    CHECK_NEAR(path.null_loss, free_path.null_loss, 1e-9);
    CHECK(path.length == COUNT);
    for (lc_index l = 0; l < path.length; l++) {
      const lc_outcome *outcome = &path.point[l].outcome;
      CHECK(outcome->iterations >= 0 && outcome->iterations <= steps);
      if (n > N || isnan(outcome->gap)) continue;
      CHECK(outcome->objective - ctest_best(&t, &t.dense, lambdas[l], 1e-9, NULL) <= outcome->gap + 1e-9);
    }
  }
  ctest_problem_free(&t);
}

/* At lambda = 0 the solution is that of a fit of its own, though equal columns leave a choice. */
static void test_unpenalised(const char *loss, double alpha) {
  static const double lambdas[] = {0.1, 0.01, 0};
  static ctest_problem t;
  lc_settings settings;
  lc_solution alone;
  lc_path path;
  double B[MOST], want[MOST];
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){N, 3, 2, .weighted = 1, .alpha = alpha});
  for (int i = 0; i < N; i++) t.x[i + 2 * N] = 2 * t.x[i];
  ctest_problem_refresh(&t);
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &alone) >= 0);
  memcpy(want, alone.B, 4 * sizeof *want);
  CHECK(go_down(&problem, &t, lambdas, 3, NAN, &path) == LC_OK);
  ctest_path_coefficients(&t, path.point + 2, B);
  CHECK(ctest_distance(4, B, want) < 1e-12);
  ctest_problem_free(&t);
}

/* One class against the rest, or another solver, goes by whole fits; groups have no bounds. */
static void test_choices(void) {
  static const double lambda = 0.02;
  static ctest_problem t;
  lc_settings settings;
  lc_solution alone;
  lc_path path;
  double B[MOST], want[MOST];
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){N, COLUMNS, CLASSES, .alpha = 0.5});
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.ovr = 1;
  problem.pen.lambda = lambda;
  ctest_presets(&settings);
  settings.max_iter = NAN;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &alone) == LC_OK);
  memcpy(want, alone.B, (size_t)(t.q * alone.K) * sizeof *want);
  CHECK(go_down(&problem, &t, &lambda, 1, NAN, &path) == LC_OK && path.length == 1);
  ctest_path_coefficients(&t, path.point, B);
  CHECK(ctest_distance(t.q * t.coding.K, B, want) < 1e-4);
  problem.ovr = 0;
  problem.pen.grouped = 1;
  CHECK(go_down(&problem, &t, &lambda, 1, NAN, &path) == LC_OK);
  ctest_problem_bound(&t, -1, 1);
  problem.pen = t.pen;
  CHECK(go_down(&problem, &t, &lambda, 1, NAN, &path) == LC_OK);
  problem.pen.grouped = 1;
  CHECK(go_down(&problem, &t, &lambda, 1, NAN, &path) == LC_UNSUPPORTED);
  ctest_problem_free(&t);
}

/* A fold that leaves out all rows of a class has the solutions of the other two alone. */
static void test_absent(int sparse, double alpha) {
  static const double lambdas[] = {0.1, 0.05, 0.02, 0.01};
  enum { POINTS = 4 };
  static ctest_problem t, two;
  static double scores[N * CLASSES * POINTS], B[MOST];
  int holdout[N];
  lc_path path, alone;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){N, COLUMNS, CLASSES, .alpha = alpha});
  ctest_problem_make(&two, t.loss, (ctest_shape){N / 3 * 2, COLUMNS, 2, .alpha = alpha});
  for (int i = 0, to = 0; i < N; i++) {
    holdout[i] = t.y[i] == 0 ? 1 : 2 + i % 2;
    if (t.y[i] == 0) continue;
    for (int j = 0; j < COLUMNS; j++) two.x[to + j * two.n] = t.x[i + j * N];
    two.y[to++] = t.y[i] - 1;
  }
  ctest_problem_refresh(&two);
  lc_path_spec spec = {.lambdas = lambdas, .nlambdas = POINTS}, plain = spec;
  spec.holdout = holdout;
  spec.nfolds = FOLDS;
  spec.nrepeats = 1;
  spec.scores = scores;
  CHECK(ctest_path(&t, sparse ? &t.sparse : &t.dense, &spec, 1e-11, &path) == LC_OK);
  CHECK(ctest_path(&two, &two.dense, &plain, 1e-11, &alone) == LC_OK);
  for (int l = 0; l < POINTS; l++) {
    double worst = 0;
    ctest_path_coefficients(&two, alone.point + l, B);
    for (int i = 0; i < N; i++) {
      if (t.y[i] != 0) continue;
      const double *z = scores + l * N * CLASSES + i;
      double want = B[two.q] - B[0];
      for (int j = 0; j < COLUMNS; j++) want += t.x[i + j * N] * (B[two.q + 1 + j] - B[1 + j]);
      worst = fmax(worst, fabs(z[2 * N] - z[N] - want));
    }
    CHECK(worst < 1e-6);
    CHECK(path.point[l].fold_nonzero[0] == alone.point[l].nonzero && path.point[l].folds_missed == 0);
  }
  CHECK(path.point[POINTS - 1].fold_nonzero[0] > 0);
  ctest_problem_free(&t);
  ctest_problem_free(&two);
}

/* Where a slope is free and nothing makes its gradient 0, as in sets that are swept, there is no gap; what is called
 * one bounds what a point still loses. */
static void test_free_slope(int sparse) {
  enum { FEATURES = 140, POINTS = 6 };
  static ctest_problem t;
  double best[POINTS];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){150, FEATURES, CLASSES, .weighted = 1, .alpha = 0.5});
  for (int j = 0; j < 20; j++) t.l1[j] = t.l2[j] = 0;
  lc_path_spec spec = {.nlambdas = POINTS, .min_ratio = 1e-2};
  CHECK(ctest_path(&t, &t.dense, &spec, 1e-9, &path) == LC_OK && path.length == POINTS);
  for (int l = 0; l < POINTS; l++) best[l] = path.point[l].outcome.objective;
  for (double tolerance = 0.1; tolerance > 1e-4; tolerance /= 10) {
    CHECK(ctest_path(&t, sparse ? &t.sparse : &t.dense, &spec, tolerance, &path) == LC_OK && path.length == POINTS);
    for (int l = 0; l < POINTS; l++) {
      const lc_outcome *outcome = &path.point[l].outcome;
      CHECK(isnan(outcome->gap) || outcome->objective - best[l] <= outcome->gap + 1e-9);
    }
  }
  ctest_problem_free(&t);
}

/* Folds of many features that come to their goals at different rounds, of which one column is constant outside a fold
 * and one counts as it is, in any units: scores of the rows that are left out are those of a path whose weights leave
 * them out. */
static void test_wide_folds(int sparse, int standardised, double unit) {
  enum { FEATURES = 70, ROWS = 90 };
  static ctest_problem t;
  static double scores[ROWS * LAMBDAS], B[FEATURES + 1];
  double lambdas[LAMBDAS], w[ROWS];
  int holdout[ROWS];
  lc_path path, alone;
  ctest_problem_make(&t, lc_loss_find("logistic"),
                     (ctest_shape){ROWS, FEATURES, 2, .weighted = 1, .standardised = standardised, .alpha = 0.9});
  for (int i = 0; i < ROWS; i++) {
    holdout[i] = 1 + i / 2 % FOLDS;
    if (holdout[i] != 2) t.x[i + 6 * ROWS] = 0.1;
    for (int j = 0; j < FEATURES; j++) t.x[i + j * ROWS] *= unit;
  }
  ctest_problem_refresh(&t);
  t.spread[7] = 1;
  lc_design *x = sparse ? &t.sparse : &t.dense;
  for (int l = 0; l < LAMBDAS; l++) lambdas[l] = 0.2 * pow(0.4, l);
  lc_path_spec spec = {.lambdas = lambdas, .nlambdas = LAMBDAS}, plain = spec;
  spec.holdout = holdout;
  spec.nfolds = FOLDS;
  spec.nrepeats = 1;
  spec.scores = scores;
  CHECK(ctest_path(&t, x, &spec, 1e-11, &path) == LC_OK && path.length == LAMBDAS);
  memcpy(w, t.w, sizeof w);
  for (int fold = 1; fold <= FOLDS; fold++) {
    for (int i = 0; i < ROWS; i++) t.w[i] = holdout[i] == fold ? 0 : w[i];
    ctest_problem_refresh(&t);
    t.spread[7] = 1;
    CHECK(t.sd[6] == 0 || fold != 2);
    CHECK(ctest_path(&t, x, &plain, 1e-11, &alone) == LC_OK && alone.length == LAMBDAS);
    for (int l = 0; l < LAMBDAS; l++) {
      double worst = 0;
      ctest_path_coefficients(&t, alone.point + l, B);
      for (int i = 0; i < ROWS; i++) {
        if (holdout[i] != fold) continue;
        double z = t.offset[i] + B[0];
        for (int j = 0; j < FEATURES; j++) z += t.x[i + j * ROWS] * B[1 + j];
        worst = fmax(worst, fabs(z - scores[i + l * ROWS]));
      }
      CHECK(worst < 1e-4);
      CHECK(path.point[l].fold_nonzero[fold - 1] == alone.point[l].nonzero);
    }
  }
  ctest_problem_free(&t);
}

/* Lanes that rounding ends in some fold leave the rest of the lambdas to sets, for all folds. */
static void test_lanes_of_folds(void) {
  static ctest_problem t;
  static int holdout[300];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){300, 120, 2, .weighted = 1, .alpha = 1});
  for (int i = 0; i < 300; i++) holdout[i] = 1 + i / 2 % FOLDS;
  lc_path_spec spec = {.nlambdas = 9, .min_ratio = 0.05, .holdout = holdout, .nfolds = FOLDS, .nrepeats = 1};
  CHECK(ctest_path(&t, &t.sparse, &spec, 1e-13, &path) == LC_OK);
  CHECK(path.length == 9);
  for (lc_index l = 0; l < path.length; l++)
    for (int fold = 0; fold < FOLDS; fold++) CHECK(path.point[l].fold_relative[fold] <= 1e-11);
  ctest_problem_free(&t);
}

/* Coefficients that no number can hold are no solution. */
static void test_beyond_range(void) {
  static ctest_problem t;
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){N, 2, 2, .standardised = 1, .alpha = 1});
  for (int i = 0; i < N; i++) t.x[i] = (2 * t.y[i] - 1 + 0.5 * ctest_normal()) * 1e-311;
  ctest_problem_refresh(&t);
  CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 3, .min_ratio = 0.01}, 1e-8, &path) == LC_NONFINITE);
  ctest_problem_free(&t);
}

/* Solvers that shuffle rows take them as they are, though many are equal: the bits of a fit alone. */
static void test_shuffled(void) {
  static const double lambda = 0.05;
  static ctest_problem t;
  int code[N], begin[] = {0, 0, 1, 2}, column[] = {0, 1}, owner[] = {0, 0};
  lc_part part = {code, NULL, 3, 0};
  lc_coded coded = {.part = &part, .nparts = 1, .nlevels = 3, .start = begin, .column = column, .owner = owner};
  lc_settings settings;
  lc_solution alone;
  lc_design x;
  lc_path path;
  double B[MOST], want[MOST];
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = 2, .k = 2});
  for (int i = 0; i < N; i++) {
    code[i] = 1 + (i + (int)t.y[i]) % 3;
    for (int j = 0; j < 2; j++) t.x[i + j * N] = code[i] == 2 + j;
  }
  ctest_problem_refresh(&t);
  lc_design_coded(&x, N, 2, &coded);
  x.intercept = 1;
  CHECK(lc_coded_index(N, 2, &coded, &t.data) == LC_OK);
  lc_problem problem = ctest_lc_problem(&t, &x);
  problem.solver = lc_solver_find("minibatch");
  problem.pen.lambda = lambda;
  ctest_presets(&settings);
  settings.epochs = 2;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &alone) >= 0);
  memcpy(want, alone.B, 3 * sizeof *want);
  CHECK(go_down(&problem, &t, &lambda, 1, settings.max_iter, &path) >= 0 && path.length == 1);
  ctest_path_coefficients(&t, path.point, B);
  CHECK(memcmp(B, want, 3 * sizeof *B) == 0);
  ctest_problem_free(&t);
}

/* Intercepts of the user's columns sum to zero, far as these may be from 0. */
static void test_centred(void) {
  enum { FEATURES = 6, Q = FEATURES + 1 };
  static ctest_problem t;
  double B[Q * CLASSES];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){90, FEATURES, CLASSES, .weighted = 1, .alpha = 1});
  for (lc_index i = 0; i < t.n * FEATURES; i++) t.x[i] += 100;
  ctest_problem_refresh(&t);
  ctest_best(&t, &t.dense, 0.01, 1e-8, B); /* a whole fit */
  double sums[2] = {0, 0}, most = 0;
  for (int c = 0; c < CLASSES; c++) {
    most = fmax(most, fabs(B[c * Q]));
    for (int j = 0; j < 2; j++) sums[j] += B[c * Q + j];
  }
  CHECK(fabs(sums[0]) <= 1e-13 * most && fabs(sums[1]) > 1e-6); /* if all sums were 0 it would tell nothing */
  for (int ridge = 0; ridge < 2; ridge++) {                     /* by whole fits */
    for (int j = 0; ridge && j < FEATURES; j++) t.l1[j] = 0, t.l2[j] = 1;
    CHECK(ctest_path(&t, &t.dense, &(lc_path_spec){.nlambdas = 4, .min_ratio = 0.01}, 1e-8, &path) == LC_OK);
    for (lc_index l = 0; l < path.length; l++) {
      double sum = 0, slopes = 0, largest = 0;
      ctest_path_coefficients(&t, path.point + l, B);
      for (int c = 0; c < CLASSES; c++) {
        sum += B[c * Q];
        largest = fmax(largest, fabs(B[c * Q]));
        slopes += B[c * Q + 1];
      }
      CHECK(fabs(sum) <= 1e-13 * largest && largest > 0);
      CHECK(!ridge || fabs(slopes) <= 1e-13 * largest); /* a lasso's sum is what it is */
    }
  }
  ctest_problem_free(&t);
}

/* Where sweeps end early, a shift common to all classes is left in the slopes that only a ridge holds; the point has
 * none, and its objective is that of its coefficients. */
static void test_common_shift(void) {
  enum { FEATURES = 140 };
  static ctest_problem t;
  static double B[(FEATURES + 1) * CLASSES];
  lc_path path;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){150, FEATURES, CLASSES, .weighted = 1, .alpha = 0.5});
  for (int j = 0; j < 10; j++) t.l1[j] = 0;
  CHECK(ctest_path(&t, &t.sparse, &(lc_path_spec){.nlambdas = 6, .min_ratio = 1e-3}, 1e-2, &path) == LC_OK);
  for (lc_index l = 0; l < path.length; l++) {
    double before = path.point[l].outcome.objective - ctest_path_value(&t, path.point + l, B);
    CHECK(fabs(before) < 1e-13);
  }
  ctest_problem_free(&t);
}

void test_path_parts(void) {
  ctest_seed(103);
  for (int sparse = 0; sparse < 2; sparse++) {
    test_balanced(0, sparse);
    test_balanced(1, sparse);
  }
  for (int sparse = 0; sparse < 2; sparse++) test_absent(sparse, sparse ? 0.5 : 1);
  test_batches(3);
  test_batches(129);
  test_history("logistic", 0.9);
  test_history("logistic", 0);
  test_history("hinge", 1);
  test_time_limit("logistic", 1);
  test_time_limit("logistic", 0);
  test_time_limit("hinge", 1);
  test_few_steps("logistic", N, COLUMNS, 0, 1);
  test_few_steps("logistic", N, 80, 0, 0.9);
  test_few_steps("hinge", N, COLUMNS, 0, 1);
  test_few_steps("logistic", 250, 380, 1, 1);
  test_unpenalised("logistic", 0);
  test_unpenalised("logistic", 1);
  test_unpenalised("hinge", 0.5);
  test_choices();
  test_shuffled();
  test_centred();
  test_common_shift();
  for (int sparse = 0; sparse < 2; sparse++) test_free_slope(sparse);
  test_wide_folds(0, 1, 1);
  test_wide_folds(1, 1, 1);
  test_wide_folds(1, 0, 1);
  test_wide_folds(0, 1, 1e-70);
  test_lanes_of_folds();
  test_beyond_range();
}
