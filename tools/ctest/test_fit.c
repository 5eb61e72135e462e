/* Tests of parts of a fit by themselves: smooth versions of a kink by a solver that goes where the test says,
 * fits of each class against the rest, coordinates of rows, the columns that a fit shows its solver, the loss of
 * intercepts alone, and the planner. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fit/ovr.h"
#include "fit/plan.h"
#include "fit/scaling.h"
#include "fit/smoothing.h"
#include "fit/wide.h"
#include "problem.h"

void test_fit(void);

/* ---- smooth versions of a kink ----------------------------------------------------------------------------------- */

enum { P = 4, Q = P + 1, RUNS = 20 };

/* Where a run leads, what it says, and what it was given. */
static struct {
  double to[RUNS][Q], from[RUNS][Q], mu[RUNS], tolerance[RUNS], max_iter[RUNS], iterations;
  lc_status status[RUNS];
  int count;
} script;

static lc_status follow_script(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  int run = script.count++;
  if (run >= RUNS) return LC_NONFINITE;
  memcpy(script.from[run], B, sizeof script.from[run]);
  script.mu[run] = obj->coding.mu;
  script.tolerance[run] = settings->tolerance;
  script.max_iter[run] = settings->max_iter;
  memcpy(obj->at.B, script.to[run], sizeof script.to[run]);
  report->iterations = script.iterations;
  return script.status[run];
}

static const lc_solver scripted = {.name = "scripted", .flags = LC_NEEDS_SMOOTH, .run = follow_script};

/* Runs lead to shares of the optimum; the one with the smallest gap, as it is found by its own width, is the end. */
static lc_status run_script(ctest_problem *t, double max_iter, double tolerance, const double *B, lc_report *report) {
  lc_objective obj;
  lc_settings settings;
  lc_certificate gap;
  double from[Q], least = INFINITY;
  int best = 0;
  ctest_presets(&settings);
  settings.max_iter = max_iter;
  settings.tolerance = tolerance;
  memcpy(from, B, sizeof from);
  script.count = 0;
  CHECK(lc_objective_init(&obj, &t->dense, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  lc_status status = lc_run_smoothed(&obj, &scripted, &settings, from, report);
  CHECK_NEAR(report->iterations, script.iterations * script.count, 0);
  double end[Q], mu = obj.coding.mu;
  memcpy(end, obj.at.B, sizeof end);
  for (int run = 0; run < script.count; run++) {
    CHECK(memcmp(script.from[run], run ? script.to[best] : B, sizeof end) == 0);
    CHECK_NEAR(script.tolerance[run], fmax(tolerance, 0.01 * script.mu[run]), 1e-15);
    if (run) CHECK(script.mu[run] < 0.5 * script.mu[run - 1]);
    obj.coding.mu = script.mu[run];
    CHECK(lc_objective_eval(&obj, script.to[run], LC_WANT_VALUE) == LC_OK);
    lc_objective_accept(&obj);
    CHECK(lc_objective_gap(&obj, &gap) == LC_OK);
    if (gap.relative < least) {
      least = gap.relative;
      best = run;
    }
    CHECK(run + 1 == script.count || least > 0.5 * tolerance); /* no run after the goal is met */
  }
  if (status >= 0) CHECK(memcmp(end, script.to[best], sizeof end) == 0 && mu == script.mu[best]);
  CHECK(best + 1 < script.count || least <= 0.5 * tolerance); /* else it tells nothing */
  return status;
}

static void test_smoothing(void) {
  static const double shares[] = {0.3, 0.8, 0.99, 0.9, 0.7, 0.9, 1, 0.9};
  ctest_problem t;
  double best[Q], none[Q] = {0};
  lc_report report = {0};
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){.n = 90, .p = P, .k = 2, .weighted = 1});
  ctest_best(&t, &t.dense, 0.05, 1e-8, best);
  t.pen.lambda = 0.05;
  script.iterations = 3;
  for (int run = 0; run < RUNS; run++) {
    for (int j = 0; j < Q; j++) script.to[run][j] = shares[run < 7 ? run : 7] * best[j];
    script.status[run] = LC_OK;
  }
  CHECK(run_script(&t, NAN, 1e-9, none, &report) == LC_OK);
  CHECK(script.mu[0] == 1 && script.count > 8 && script.mu[script.count - 1] < 1e-8);
  for (int run = 0; run < script.count; run++) CHECK(isnan(script.max_iter[run]));
  /* From a start the kink is nearly itself at once. */
  CHECK(run_script(&t, NAN, 1e-9, script.to[0], &report) == LC_OK);
  CHECK(script.mu[0] == 0.01);
  /* All runs have one budget, which ends them. */
  CHECK(run_script(&t, 11, 1e-9, none, &report) == LC_MAX_ITER);
  CHECK(script.count == 4 && script.max_iter[0] == 11 && script.max_iter[3] == 2);
  /* A time limit ends them, too. */
  script.status[4] = LC_TIME_LIMIT;
  CHECK(run_script(&t, NAN, 1e-9, none, &report) == LC_TIME_LIMIT && script.count == 5);
  script.status[4] = LC_STALLED; /* of one version: the next goes on */
  CHECK(run_script(&t, NAN, 1e-9, none, &report) == LC_OK && script.count > 8);
  /* A goal that is met ends them. */
  CHECK(run_script(&t, NAN, 0.5, none, &report) == LC_OK && script.count < 4);
  /* Without a penalty a smooth version has a dozen steps; columns that depend are told at once. */
  t.pen.lambda = 0;
  script.status[2] = LC_RANK;
  lc_objective obj;
  lc_settings settings;
  ctest_presets(&settings);
  script.count = 0;
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_run_smoothed(&obj, &scripted, &settings, none, &report) == LC_RANK && script.count == 3);
  for (int run = 0; run < 3; run++) CHECK(script.max_iter[run] == 12);
  ctest_problem_free(&t);
}

/* A solver that ends short of the goal goes on from there, a hundred times as strict, twice at most, with what is left
 * of the budget; one that stalls at the goal has met it. */
static void test_attempts(void) {
  ctest_problem t;
  double best[Q];
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 90, .p = P, .k = 2, .weighted = 1});
  ctest_best(&t, &t.dense, 0.05, 1e-12, best);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.pen.lambda = t.pen.lambda = 0.05;
  problem.solver = &scripted;
  script.iterations = 3;
  for (int run = 0; run < RUNS; run++) {
    for (int j = 0; j < Q; j++) script.to[run][j] = (0.5 + 0.1 * run) * best[j];
    script.status[run] = LC_OK;
  }
  ctest_presets(&settings);
  settings.max_iter = 11;
  for (int stop = 0; stop < 3; stop++) { /* never; after the second with its budget; it meets the goal and stalls */
    script.count = 0;
    script.status[1] = stop == 1 ? LC_MAX_ITER : LC_OK;
    if (stop == 2) memcpy(script.to[2], best, sizeof best), script.status[2] = LC_STALLED;
    lc_status status = lc_solve(&problem, &settings, &t.host.host, &t.arena, &out);
    int runs = stop == 1 ? 2 : 3;
    CHECK(status == (stop == 0 ? LC_STALLED : stop == 1 ? LC_MAX_ITER : LC_OK) && out.met == (stop == 2));
    CHECK(script.count == runs && out.report.iterations == 3 * runs);
    for (int run = 0; run < runs; run++) {
      CHECK_NEAR(script.tolerance[run] / settings.tolerance, pow(100, -run), 1e-12);
      CHECK(script.max_iter[run] == 11 - 3 * run);
      for (int j = 0; run && j < Q; j++) CHECK(script.from[run][j] == script.to[run - 1][j]);
    }
    CHECK(memcmp(out.B, script.to[runs - 1], sizeof best) == 0);
    CHECK_NEAR(out.objective, ctest_value(&t, out.B), 1e-13);
    CHECK(out.certificate.kind == LC_GAP && out.certificate.gap >= out.objective - ctest_value(&t, best));
  }
  ctest_problem_free(&t);
}

/* Where more is asked for than there is another solver goes on; the better end counts, and all iterations. */
static void test_second_solver(double alpha) {
  ctest_problem t;
  lc_settings settings;
  lc_solution alone, second, both;
  ctest_problem_make(&t, lc_loss_find("hinge"), (ctest_shape){.n = 90, .p = P, .k = 2, .weighted = 1, .alpha = alpha});
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.pen.lambda = t.pen.lambda = 0.02;
  problem.tolerance_given = 1;
  ctest_presets(&settings);
  settings.tolerance = -1; /* nothing is enough */
  problem.solver = lc_solver_find("interior_point");
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &alone) == LC_STALLED);
  problem.solver = NULL;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &both) == LC_STALLED && !both.met);
  problem.solver = lc_solver_find(alpha > 0 ? "coordinate" : "newton");
  problem.start = alone.B;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &second) == LC_STALLED);
  CHECK(both.report.iterations == alone.report.iterations + second.report.iterations);
  CHECK(both.certificate.relative <= alone.certificate.relative);
  CHECK(both.solver == alone.solver);
  CHECK_NEAR(both.objective, ctest_value(&t, both.B), 1e-14);
  ctest_problem_free(&t);
}

/* ---- each class against the rest --------------------------------------------------------------------------------- */

enum { CLASSES = 3 };

/* Of the fits that the test says, how many there were; those that are told to have met their goal, and to have
 * stalled. */
static struct {
  int count, met[CLASSES], stalled[CLASSES];
  const ctest_problem *t;
} classes;

static lc_status follow_class(const lc_problem *two, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                              lc_solution *out) {
  static const lc_certificate said[CLASSES] = {
      {LC_GAP, 1, NAN, 0.1}, {LC_SAMPLED_DECREMENT, 2, NAN, 0.4}, {LC_DECREMENT, 4, NAN, 0.2}};
  static lc_objective fitted[CLASSES] = {{.null_value = 9}, {.null_value = 5000}, {.null_value = 7}};
  int c = classes.count++, own = two->k == 2 && !two->ovr && !settings->from && host;
  memset(out, 0, sizeof *out);
  LC_TRY(lc_solution_make(two, 1, arena, out));
  for (lc_index i = 0; i < two->obs->n; i++) own = own && two->obs->y[i] == (classes.t->y[i] == c);
  CHECK(own && two->obs->noffset == 1 && two->obs->offset == classes.t->offset + c * two->obs->n);
  CHECK(two->recorded == 11 * c); /* of each ten steps and the start */
  for (int j = 0; j < Q; j++) out->B[j] = 10 * c + j;
  out->alias[c] = 1;
  out->objective = 1 + c;
  out->loss = 0.5;
  out->certificate = said[c];
  out->met = classes.met[c];
  out->status = classes.stalled[c] ? LC_STALLED : LC_OK;
  out->report.iterations = 10;
  out->report.condition = 5 - c;
  out->report.mistakes = 3;
  out->passes = two->passes + 2;
  out->fitted = fitted + c;
  return out->status;
}

/* Sums and worst parts of what the fits say. F / 1000 of no model counts where it is more than F: 1, 5 and 3. */
static void test_classes(void) {
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){.n = 30, .p = P, .k = CLASSES, .weighted = 1});
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.ovr = 1;
  lc_descent whole = {0};
  settings.from = &whole; /* of all classes together: it is not that of any one */
  classes.t = &t;
  for (int bits = 0; bits < 1 << CLASSES; bits++) {
    classes.count = 0;
    for (int c = 0; c < CLASSES; c++) classes.stalled[c] = !(classes.met[c] = bits >> c & 1);
    lc_status status = lc_solve_ovr(&problem, &settings, &t.host.host, &t.arena, follow_class, &out);
    int all = bits == (1 << CLASSES) - 1;
    CHECK(classes.count == CLASSES && out.met == all && status == (all ? LC_OK : LC_STALLED) && out.status == status);
    for (int c = 0; c < CLASSES; c++)
      for (int j = 0; j < Q; j++) CHECK(out.B[j + c * Q] == 10 * c + j && out.alias[j] == (j < CLASSES));
    CHECK(out.objective == 6 && out.loss == 1.5 && out.passes == 6 && out.report.iterations == 30);
    CHECK(out.certificate.kind == LC_SAMPLED_DECREMENT && out.certificate.gap == 7 && out.certificate.kkt == 0.4);
    CHECK(out.report.condition == 5 && out.report.mistakes == 9 && out.fitted == NULL);
    CHECK_NEAR(out.certificate.relative, 7.0 / 9, 1e-15);
  }
  ctest_problem_free(&t);
}

/* ---- coordinates of rows ----------------------------------------------------------------------------------------- */

/* Of any coordinates that no dependent row has, the coefficients have the scores and the penalty; so the minimum is one
 * and the same. */
static void test_wide(int sparse, int intercept) {
  enum { ROWS = 23, COLUMNS = 150, LOOSE = 3 };
  ctest_problem t;
  lc_wide wide;
  ctest_problem_make(&t, lc_loss_find("softmax"),
                     (ctest_shape){.n = ROWS, .p = COLUMNS, .k = CLASSES, .no_intercept = !intercept});
  for (lc_index j = 0; j < t.p; j++) {
    t.l2[j] = j % 60 == 7 ? 0 : 0.5 + (double)(j % 7);
    t.x[5 + j * t.n] = t.x[2 + j * t.n]; /* two rows are one */
  }
  ctest_problem_refresh(&t);
  t.pen.lambda = 0.3;
  lc_design *x = sparse ? &t.sparse : &t.dense;
  for (long at = 1; at <= 3; at++) { /* may be stopped before each of two batches of columns, and after them */
    t.host.polls = 0;
    t.host.stop_at = at;
    CHECK(lc_wide_build(x, &t.pen, &wide, &t.host.host, &t.arena) == LC_INTERRUPTED && t.host.polls == at);
  }
  t.host.stop_at = 0;
  CHECK(lc_wide_build(x, &t.pen, &wide, &t.host.host, &t.arena) == LC_OK);
  CHECK(wide.bound == COLUMNS - LOOSE && wide.unpenalised == LOOSE && wide.design.p == ROWS + LOOSE);
  for (int i = 0; i < ROWS; i++) CHECK(wide.skip[i] == (i == 5));
  lc_index inner = ROWS + LOOSE + intercept;
  double *theta = ctest_normals(inner * CLASSES), *B = ctest_normals(t.q * CLASSES), worst = 0;
  for (int c = 0; c < CLASSES; c++) theta[c * inner + intercept + 5] = 0;
  CHECK(lc_from_rows(&wide, x, &t.pen, CLASSES, theta, B, &t.arena) == LC_OK);
  const double *L = wide.design.data;
  for (int c = 0; c < CLASSES; c++)
    for (lc_index i = 0; i < ROWS; i++) {
      double want = intercept ? theta[c * inner] : 0, got = intercept ? B[c * t.q] : 0;
      for (lc_index j = 0; j < ROWS + LOOSE; j++) want += L[i + j * ROWS] * theta[c * inner + intercept + j];
      for (lc_index j = 0; j < t.p; j++) got += t.x[i + j * t.n] * B[c * t.q + intercept + j];
      worst = fmax(worst, fabs(got - want));
    }
  CHECK_NEAR(worst, 0, 1e-10);
  CHECK_NEAR(lc_penalty_value(&t.pen, CLASSES, B), lc_penalty_value(&wide.pen, CLASSES, theta), 1e-11);
  free(theta), free(B);
  /* A fit in these coordinates that ends with its budget says how far it is in the columns. */
  for (lc_index j = 0; j < t.p; j++) t.l2[j] += t.l2[j] == 0;
  lc_settings settings;
  lc_solution out;
  ctest_presets(&settings);
  double best = ctest_best(&t, x, 0.3, 1e-11, NULL);
  lc_problem problem = ctest_lc_problem(&t, x);
  for (settings.max_iter = 0; settings.max_iter < 3; settings.max_iter++) {
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_MAX_ITER && !out.met);
    CHECK(out.solver == lc_solver_find("newton") && out.report.iterations == settings.max_iter);
    CHECK_NEAR(out.objective, ctest_value(&t, out.B), 1e-12);
    CHECK(out.certificate.kind == LC_GAP && out.certificate.gap >= out.objective - best);
  }
  ctest_problem_free(&t);
}

/* ---- columns as shown -------------------------------------------------------------------------------------------- */

/* A column is shifted where its mean is so many deviations from 0. */
static void check_shifts(lc_problem *problem, int second_order, double hidden, lc_arena *arena) {
  lc_scaling scaling;
  double *means, *rms;
  CHECK(lc_scale_columns(problem, second_order, 0, &scaling, &means, &rms, arena) == LC_OK);
  for (lc_index j = 0; j < problem->x->p; j++) {
    double mean = problem->mean[j], sd = problem->sd[j], unit = scaling.scale ? scaling.scale[j] : 1;
    double shift = problem->x->intercept && sd > 0 && fabs(mean) / sd > hidden ? mean : 0;
    CHECK((scaling.shift ? scaling.shift[j] : 0) == shift);
    CHECK_NEAR(means[j] / unit, mean - shift, 1e-14);
    CHECK_NEAR(rms[j] * rms[j] / (unit * unit), (mean - shift) * (mean - shift) + sd * sd, 1e-12);
    double largest = problem->max_abs[j];
    int exponent = 0;
    if (largest > 0) frexp(largest, &exponent);
    if (abs(exponent) > 200)
      CHECK(largest * unit >= 0.5 && largest * unit < 1);
    else
      CHECK(unit == 1);
  }
}

static void test_columns_as_shown(void) {
  enum { COLUMNS = 8 };
  static const double mean[COLUMNS] = {0, 2, 29, -31, 5, -0.07, 0.8, 1e3}, sd[COLUMNS] = {1, 1, 1, 1, 0, 1, 1, 10};
  static const double max_abs[COLUMNS] = {1, 8, 1e50, 3e70, 7e-70, 1e-50, 0, 2e3}, none[COLUMNS] = {0};
  ctest_problem t;
  lc_scaling scaling;
  double *means, *rms;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 20, .p = COLUMNS, .k = 2});
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.mean = mean;
  problem.sd = sd;
  problem.max_abs = max_abs;
  check_shifts(&problem, 1, 30, &t.arena);
  check_shifts(&problem, 0, 1, &t.arena);
  problem.solver = lc_solver_find("minibatch"); /* it draws rows */
  check_shifts(&problem, 0, 0.05, &t.arena);
  problem.loss = lc_loss_find("perceptron");
  check_shifts(&problem, 0, 1, &t.arena);
  problem.solver = NULL;
  problem.loss = lc_loss_find("hinge");
  check_shifts(&problem, 1, 1, &t.arena);
  t.dense.intercept = 0;
  check_shifts(&problem, 0, 1, &t.arena);
  t.dense.intercept = 1;
  CHECK(lc_scale_columns(&problem, 0, 1, &scaling, &means, &rms, &t.arena) == LC_OK);
  CHECK(!scaling.shift && !scaling.scale && means[7] == 1e3 && fabs(rms[7] - hypot(1e3, 10)) < 1e-9);
  /* Extreme columns: a tiny one that is penalised would have a penalty out of range. */
  static const double tiny[COLUMNS] = {1, 8, 1e-250, 1e-250, 1e-250, 1, 1, 1};
  static const double some[COLUMNS] = {1, 1, 0, 1, 0, 1, 1, 1};
  static const double spread[COLUMNS] = {1, 2, 1, 1, 1, 1, 1e-40, 3};
  problem.max_abs = tiny;
  problem.pen.l1 = problem.pen.l2 = some;
  problem.pen.lambda = 0.5;
  problem.spread = spread;
  CHECK(lc_scale_columns(&problem, 0, 0, &scaling, &means, &rms, &t.arena) == LC_OK);
  CHECK(scaling.scale && scaling.scale[2] > 1e249 && scaling.scale[3] == 1 && scaling.scale[4] > 1e249);
  problem.max_abs = max_abs;
  problem.pen.l2 = none;
  CHECK(lc_scale_columns(&problem, 0, 0, &scaling, &means, &rms, &t.arena) == LC_OK);
  CHECK(scaling.scale && scaling.scale[3] < 1e-69);
  /* The penalty and the bounds of coefficients in the units of the columns as shown are those of the user's. */
  double lower[COLUMNS], upper[COLUMNS];
  problem.pen.l2 = some;
  problem.pen.lower = lower;
  problem.pen.upper = upper;
  for (int j = 0; j < COLUMNS; j++) lower[j] = -1 - j, upper[j] = 0.5 + j;
  lc_design shown = t.dense;
  shown.scale = scaling.scale;
  lc_penalty pen = problem.pen;
  CHECK(lc_scale_penalty(&shown, spread, &pen, &t.arena) == LC_OK);
  for (int j = 0; j < COLUMNS; j++) {
    double unit = scaling.scale[j], b = 0.7 / unit;
    CHECK_NEAR(lc_penalty_l1(&pen, j) * b, 0.5 * some[j] * spread[j] * 0.7, 1e-14);
    CHECK_NEAR(lc_penalty_l2(&pen, j) * b * b, 0.5 * some[j] * spread[j] * spread[j] * 0.49, 1e-14);
    CHECK_NEAR(pen.lower[j] * unit, lower[j], 1e-14);
    CHECK_NEAR(pen.upper[j] * unit, upper[j], 1e-14);
  }
  ctest_problem_free(&t);
}

/* ---- intercepts alone -------------------------------------------------------------------------------------------- */

/* The least loss of intercepts is known from the shares p of classes: sum -p log p; of two classes twice the smaller
 * share for a hinge, and 4 p (1 - p) for its square. */
static void test_null(const char *name, int k, int ovr, int no_intercept) {
  ctest_problem t;
  double share[3] = {0, 0, 0}, total = 0, want = 0, out;
  ctest_problem_make(&t, lc_loss_find(ovr ? "softmax" : name),
                     (ctest_shape){.n = 70, .p = 2, .k = k, .weighted = 1, .no_intercept = no_intercept});
  for (lc_index i = 0; i < t.n; i++) t.w[i] *= t.y[i] == 1 ? 3 : 1;
  for (lc_index i = 0; i < t.n; i++) total += t.w[i];
  for (lc_index i = 0; i < t.n; i++) share[(int)t.y[i]] += t.w[i] / total;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.loss = lc_loss_find(name);
  problem.ovr = ovr;
  CHECK(lc_solve_null(&problem, &t.host.host, &t.arena, &out) == LC_OK && isnan(out)); /* with offsets */
  t.obs.offset = NULL;
  t.obs.noffset = 0;
  CHECK(lc_solve_null(&problem, &t.host.host, &t.arena, &out) == LC_OK);
  for (int c = 0; c < k; c++) {
    double p = share[c];
    if (no_intercept) continue;
    if (ovr) want -= p * log(p) + (1 - p) * log(1 - p);
    else if (t.loss->flags & LC_LIKELIHOOD) want -= p * log(p);
    else if (c == 0) want = strcmp(name, "hinge") == 0 ? 2 * fmin(p, 1 - p) : 4 * p * (1 - p);
  }
  if (no_intercept) want = t.loss->flags & LC_LIKELIHOOD ? log(k) : 1;
  CHECK_NEAR(out, want, strcmp(name, "hinge") == 0 ? 2e-6 : 1e-8);
  problem.loss = lc_loss_find("perceptron");
  CHECK(lc_solve_null(&problem, &t.host.host, &t.arena, &out) == LC_OK && isnan(out));
  ctest_problem_free(&t);
}

/* ---- the planner ------------------------------------------------------------------------------------------------- */

/* What is asked for by its sizes: no numbers are looked at. */
typedef struct wish {
  const char *loss, *solver, *next; /* NULL: none */
  lc_index n, p;
  int k, sparse, wide;
  double l1, l2;
  int bounded, wants_covariance;
} wish;

static const wish wishes[] = {
    {"logistic", "newton", NULL, 1000, 10, 2, 0, 0, 0, 0, 0, 0},
    {"softmax", "newton", NULL, 1000, 299, 5, 0, 0, 0, 0, 0, 0},
    {"softmax", "lbfgs", NULL, 1000, 300, 5, 0, 0, 0, 0, 0, 0}, /* 1505 coefficients */
    {"logistic", "newton", NULL, 200, 2000, 2, 0, 0, 0, 0, 0, 0}, /* 200 independent ones */
    {"logistic", "lbfgs", NULL, 1600, 2000, 2, 0, 0, 0, 0, 0, 0},
    {"squared_hinge", "coordinate", NULL, 1000, 10, 2, 0, 0, 0.1, 0, 0, 0},
    {"squared_hinge", "coordinate", NULL, 1000, 10, 2, 1, 0, 0, 0.1, 1, 0},
    {"softmax", "gradient_descent", NULL, 5000, 10, 150, 0, 0, 0.1, 0, 0, 0},  /* more than 100 classes */
    {"softmax", "gradient_descent", NULL, 1000000, 10, 30, 0, 0, 0.1, 0, 0, 0}, /* 3.7 GB for their pairs */
    {"softmax", "lbfgs", NULL, 5000, 3, 150, 0, 0, 0, 0, 0, 0},
    {"logistic", "newton", NULL, 300, 2000, 2, 0, 1, 0, 0.1, 0, 0},
    {"softmax", "newton", NULL, 300, 2000, 3, 1, 1, 0, 0.1, 0, 0},
    {"softmax", "lbfgs", NULL, 600, 2000, 3, 1, 0, 0, 0.1, 0, 0},
    {"logistic", "lbfgs", NULL, 100000, 1000, 2, 0, 0, 0, 0.1, 0, 0},
    {"logistic", "newton", NULL, 100000, 1000, 2, 0, 0, 0, 0.1, 0, 1},
    {"logistic", "newton", NULL, 100000, 100, 2, 0, 0, 0, 0.1, 0, 0},
    {"hinge", "interior_point", "newton", 1000, 10, 2, 0, 0, 0, 0.1, 0, 0},
    {"hinge", "interior_point", "coordinate", 1000, 10, 2, 0, 0, 0.1, 0, 0, 0},
    {"hinge", "interior_point", "coordinate", 1000, 10, 2, 0, 0, 0, 0.1, 1, 0},
    {"hinge", "interior_point", NULL, 300, 2000, 2, 1, 1, 0, 0.1, 0, 0},
    {"hinge", "dual", "lbfgs", 9000, 5000, 2, 1, 0, 0, 0.1, 0, 0},
    {"hinge", "lbfgs", NULL, 9000, 5000, 2, 0, 0, 0, 0.1, 0, 0},
    {"hinge", "coordinate", NULL, 9000, 5000, 2, 1, 0, 0.1, 0.1, 0, 0},
    {"crammer_singer", "newton", NULL, 1000, 10, 3, 0, 0, 0, 0.1, 0, 0},
    {"crammer_singer", "interior_point", "newton", 1000, 10, 2, 0, 0, 0, 0.1, 0, 0},
    {"crammer_singer", "dual", "lbfgs", 9000, 5000, 3, 1, 0, 0, 0.1, 0, 0},
    {"perceptron", "minibatch", NULL, 1000, 10, 2, 0, 0, 0, 0, 0, 0},
};

static void test_plan(const wish *a) {
  enum { MOST = 5000 };
  static double l1[MOST], l2[MOST], lower[MOST], upper[MOST];
  for (int j = 0; j < MOST; j++) l1[j] = a->l1, l2[j] = a->l2, lower[j] = -1, upper[j] = 1;
  const lc_csc nothing = {NULL, NULL, NULL};
  lc_design x;
  if (a->sparse)
    lc_design_sparse(&x, a->n, a->p, &nothing);
  else
    lc_design_dense(&x, a->n, a->p, LC_DOUBLE, l1);
  x.intercept = 1;
  lc_problem problem = {.x = &x, .loss = lc_loss_find(a->loss), .k = a->k, .wants_covariance = a->wants_covariance};
  problem.pen = (lc_penalty){.p = a->p, .intercept = 1, .lambda = 1, .l1 = l1, .l2 = l2};
  if (a->bounded) problem.pen.lower = lower, problem.pen.upper = upper;
  lc_settings settings;
  lc_coding coding;
  lc_plan plan;
  ctest_presets(&settings);
  CHECK(lc_coding_make(problem.loss, a->k, 0, &coding) == LC_OK);
  CHECK(lc_plan_make(&problem, &coding, &settings, &plan) == LC_OK);
  const lc_solver *next = a->next ? lc_solver_find(a->next) : NULL;
  int right = plan.solver == lc_solver_find(a->solver) && plan.next == next && plan.wide == a->wide;
  CHECK(right && !plan.joined && !plan.as_given);
  if (!right)
    printf("     %s, %d classes, %g x %g: %s (%s)\n", a->loss, a->k, (double)a->n, (double)a->p, plan.solver->name,
           plan.reason);
  /* What is asked for stays, and nothing follows it. */
  problem.solver = lc_solver_find("lbfgs");
  lc_status status = lc_plan_make(&problem, &coding, &settings, &plan);
  CHECK(status == (a->l1 > 0 || a->bounded || strcmp(a->loss, "perceptron") == 0 ? LC_UNSUPPORTED : LC_OK));
  CHECK(plan.solver == problem.solver && !plan.next && !plan.wide);
}

/* What a solver needs of loss and storage, it has or is refused; streams have no coordinates of rows, for these would
 * be kept. */
static void test_needs(void) {
  static const struct {
    const char *solver, *loss;
    int k, sparse, fails;
    unsigned lacks; /* of the storage's capabilities */
  } cases[] = {{"newton", "logistic", 2, 0, 0, LC_COLUMNS | LC_ROWS},
               {"newton", "perceptron", 2, 0, 1, 0},
               {"coordinate", "logistic", 2, 0, 0, LC_ROWS},
               {"coordinate", "logistic", 2, 0, 1, LC_COLUMNS},
               {"minibatch", "logistic", 2, 0, 0, LC_COLUMNS},
               {"minibatch", "logistic", 2, 0, 1, LC_ROWS},
               {"interior_point", "hinge", 3, 0, 0, 0},
               {"interior_point", "squared_hinge", 2, 0, 1, 0},
               {"interior_point", "crammer_singer", 2, 0, 0, 0},
               {"interior_point", "crammer_singer", 3, 0, 1, 0},
               {"dual", "hinge", 2, 1, 0, 0},
               {"dual", "hinge", 2, 0, 1, 0},
               {"dual", "crammer_singer", 3, 1, 0, 0},
               {"dual", "logistic", 2, 1, 1, 0}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    ctest_problem t;
    lc_settings settings;
    lc_plan plan;
    ctest_presets(&settings);
    ctest_problem_make(&t, lc_loss_find(cases[i].loss), (ctest_shape){.n = 20, .p = 3, .k = cases[i].k});
    lc_design x = cases[i].sparse ? t.sparse : t.dense;
    lc_design_ops ops = *x.ops;
    ops.caps &= ~cases[i].lacks;
    x.ops = &ops;
    lc_problem problem = ctest_lc_problem(&t, &x);
    problem.solver = lc_solver_find(cases[i].solver);
    problem.pen.lambda = 0.1;
    CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == (cases[i].fails ? LC_UNSUPPORTED : LC_OK));
    ctest_problem_free(&t);
  }
  ctest_problem t;
  lc_settings settings;
  lc_plan plan;
  ctest_presets(&settings);
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 20, .p = 30, .k = 2});
  lc_design x = t.dense;
  lc_design_ops ops = *x.ops;
  const unsigned caps = ops.caps;
  lc_unique_rows unique = {.design = x, .obs = t.obs};
  x.ops = &ops;
  lc_problem problem = ctest_lc_problem(&t, &x);
  problem.pen.lambda = 0.1;
  problem.unique = &unique;
  for (int kept = 0; kept < 3; kept++) {
    ops.caps = kept == 2 ? caps : kept ? caps & ~(unsigned)LC_COLUMNS : caps | LC_STREAMED;
    CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == LC_OK && plan.wide == (kept == 2) && plan.joined);
  }
  problem.solver = lc_solver_find("minibatch"); /* it meets single rows */
  CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == LC_OK && !plan.joined && !plan.as_given);
  problem.solver_rate_given = 1;
  CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == LC_OK && plan.as_given && plan.passes == 50);
  problem.solver = lc_solver_find("coordinate");
  settings.max_iter = 3;
  CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == LC_OK && !plan.as_given && plan.passes == 3);
  settings.max_iter = NAN;
  CHECK(lc_plan_make(&problem, &t.coding, &settings, &plan) == LC_OK && plan.passes == 5);
  ctest_problem_free(&t);
}

void test_fit(void) {
  ctest_seed(103);
  test_smoothing();
  test_attempts();
  test_classes();
  test_second_solver(0);
  test_second_solver(0.5);
  for (int sparse = 0; sparse < 2; sparse++) test_wide(sparse, !sparse);
  test_columns_as_shown();
  for (int no_intercept = 0; no_intercept < 2; no_intercept++) {
    test_null("logistic", 2, 0, no_intercept);
    test_null("softmax", 3, 0, no_intercept);
    test_null("squared_hinge", 2, 0, no_intercept);
    test_null("hinge", 2, 0, no_intercept);
  }
  test_null("logistic", 3, 1, 0);
  for (size_t a = 0; a < sizeof wishes / sizeof *wishes; a++) test_plan(wishes + a);
  test_needs();
}
