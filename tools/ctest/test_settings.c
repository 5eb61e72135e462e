/* Tests of what solvers share: settings by name, budgets, where a solver starts, and when a gap is small; and of what
 * is promised of single ones: steps of a given rate, what a bound of L-BFGS is worth, and its memory. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_settings(void);

/* The bounds of a field may be set, and nothing beyond them; no half of what is whole; NaN where it may stay unset. */
static void check_field(const lc_field *fields, int nfields, const lc_field *field) {
  lc_settings settings;
  ctest_presets(&settings);
  const double *value = (const double *)(const void *)((const char *)&settings + field->offset);
  CHECK(isnan(field->preset) ? isnan(*value) : *value == field->preset);
  double ends[] = {field->lower, field->upper}, out[2];
  for (int e = 0; e < 2; e++) {
    out[e] = field->integer ? ends[e] + (e ? 1 : -1) : nextafter(ends[e], e ? INFINITY : -INFINITY);
    CHECK(lc_settings_set(&settings, fields, nfields, field->name, ends[e]) == LC_OK && *value == ends[e]);
    if (isinf(ends[e])) continue;
    CHECK(lc_settings_set(&settings, fields, nfields, field->name, out[e]) == LC_INVALID && *value == ends[e]);
  }
  double half = field->lower + 0.5 * fmin(1, field->upper - field->lower);
  CHECK(lc_settings_set(&settings, fields, nfields, field->name, half) ==
        (field->integer && half != floor(half) ? LC_INVALID : LC_OK));
  CHECK(lc_settings_set(&settings, fields, nfields, field->name, NAN) == (isnan(field->preset) ? LC_OK : LC_INVALID));
  CHECK(lc_settings_set(&settings, fields, nfields, "no such field", 1) == LC_INVALID);
}

static void test_fields(void) {
  for (int f = 0; f < lc_control_field_count; f++)
    check_field(lc_control_fields, lc_control_field_count, lc_control_fields + f);
  for (int s = 0; s < lc_solver_count; s++)
    for (int f = 0; f < lc_solvers[s]->nfields; f++)
      check_field(lc_solvers[s]->fields, lc_solvers[s]->nfields, lc_solvers[s]->fields + f);
  lc_settings settings = {.max_iter = 10, .tolerance = 0.5};
  CHECK(lc_settings_rest(&settings, 3).max_iter == 7 && lc_settings_rest(&settings, 3).tolerance == 0.5);
  CHECK(lc_settings_rest(&settings, 30).max_iter == 0);
  settings.max_iter = NAN;
  CHECK(isnan(lc_settings_rest(&settings, 3).max_iter));
}

enum { N = 60, P = 3, Q = P + 1 };

/* Where B is far worse than scores of 0, or what bounds leave of them, these are the start; else it is B, evaluated. */
static void test_start(void) {
  ctest_problem t;
  lc_objective obj;
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  t.pen.lambda = 0.1;
  double good[Q], far[Q], G[Q], zero[Q] = {0};
  for (int j = 0; j < Q; j++) {
    good[j] = 0.2 * ctest_normal();
    far[j] = 40 * ctest_normal();
  }
  for (int what = 0; what < 5; what++) {
    const double *B = what == 1 || what == 4 ? far : good, *want = what == 1 || what == 4 ? zero : good;
    int restarted;
    if (what == 2) /* where offsets are far off and B takes them back, 0 is no better */
      for (lc_index i = 0; i < N; i++) {
        t.offset[i] = 50;
        for (int j = 0; j < P; j++) t.offset[i] -= 30 * t.x[i + j * N];
        for (int j = 0; j < Q; j++) good[j] = j == 0 ? -46 : 30;
      }
    if (what == 3)
      for (lc_index i = 0; i < N; i++) t.offset[i] = 1e300; /* neither has a value */
    if (what == 4) {
      for (lc_index i = 0; i < N; i++) t.offset[i] = 0;
      ctest_problem_bound(&t, 0.25, 1e3);
      for (int j = 1; j < Q; j++) zero[j] = 0.25;
    }
    CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
    lc_status status = lc_solver_start(&obj, B, LC_WANT_GRADIENT, &restarted);
    CHECK(status == (what == 3 ? LC_NONFINITE : LC_OK));
    if (what == 3) continue;
    CHECK(restarted == (what == 1 || what == 4) && memcmp(obj.at.B, want, sizeof zero) == 0);
    CHECK((obj.at.value > 10 * obj.null_value) == (what == 2));
    CHECK_NEAR(obj.at.value, ctest_value(&t, want), 1e-12);
    ctest_gradient(&t, want, G);
    CHECK(ctest_distance(Q, obj.G, G) < 1e-12);
  }
  ctest_problem_free(&t);
}

/* A gap is judged by its estimate where a lasso part or a rounded kink asks for it, and by a tenth of the tolerance. */
static void test_small_gap(void) {
  ctest_problem t;
  lc_objective obj;
  lc_settings settings;
  double B[Q];
  ctest_presets(&settings);
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  for (int j = 0; j < Q; j++) B[j] = 0.3 * ctest_normal();
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  for (int kind = 0; kind < 4; kind++) { /* no penalty, a ridge, a ridge on a rounded kink, a lasso part */
    t.pen.lambda = kind ? 0.05 : 0;
    for (int j = 0; j < P; j++) t.l1[j] = kind == 3, t.l2[j] = kind < 3;
    obj.coding.mu = kind == 2 ? 0.1 : 0;
    CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
    lc_objective_accept(&obj);
    double estimate = lc_penalty_gap_estimate(&t.pen, 1, obj.at.value, obj.at.B, obj.G);
    settings.tolerance = 10 * estimate / obj.at.value * 1.01;
    CHECK(lc_gap_is_small(&obj, &settings));
    settings.tolerance *= 0.98;
    CHECK(lc_gap_is_small(&obj, &settings) == (kind < 2));
  }
  ctest_problem_free(&t);
}

/* Gradient descent by a rate, from its definition; the best point and a word where that leads nowhere. */
static void test_fixed_rate(const char *loss, double rate, double lambda, lc_status expected) {
  enum { STEPS = 12 };
  ctest_problem t;
  lc_settings settings;
  lc_objective obj;
  lc_report report = {0};
  double B[Q], G[Q], best[Q], zero[Q] = {0}, least = INFINITY, first = 0, value = 0;
  int steps = 0, explodes = 0;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1, .alpha = 0.7});
  memset(t.offset, 0, N * sizeof(double));
  t.pen.lambda = lambda;
  ctest_presets(&settings);
  settings.rate = rate;
  settings.max_iter = STEPS;
  memset(B, 0, sizeof B);
  for (;; steps++) {
    value = ctest_value(&t, B);
    if (steps == 0) first = value;
    if ((explodes = !(value < 1e8 * (1 + first)))) break;
    if (value < least) least = value, memcpy(best, B, sizeof B);
    if (steps == STEPS) break;
    ctest_gradient(&t, B, G);
    for (int j = 0; j < Q; j++) B[j] -= rate * G[j];
    lc_penalty_prox_all(&t.pen, 1, rate, B);
  }
  CHECK((expected == LC_DIVERGED) == (explodes || value > first));
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_solver_find("gradient_descent")->run(&obj, &settings, zero, &report) == expected);
  CHECK(ctest_distance(Q, obj.at.B, expected == LC_DIVERGED ? best : B) < 1e-9);
  CHECK_NEAR(obj.at.value, ctest_value(&t, obj.at.B), 1e-10);
  CHECK(report.iterations == (explodes ? steps - 1 : STEPS));
  ctest_problem_free(&t);
}

/* Where the penalty holds all slopes and there is no intercept the start is the optimum, and that is seen at once. */
static void test_at_rest(double rate) {
  ctest_problem t;
  lc_settings settings;
  lc_objective obj;
  lc_report report = {0};
  double zero[P] = {0};
  ctest_problem_make(&t, lc_loss_find("logistic"),
                     (ctest_shape){.n = N, .p = P, .k = 2, .no_intercept = 1, .alpha = 1});
  t.pen.lambda = 100;
  ctest_presets(&settings);
  settings.rate = rate;
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_solver_find("gradient_descent")->run(&obj, &settings, zero, &report) == LC_OK && report.iterations == 0);
  ctest_problem_free(&t);
}

/* With a ridge L-BFGS ends by a bound of what is left: intercepts, which have none, count in it. */
static void test_bound(int k) {
  ctest_problem t;
  lc_settings settings;
  lc_objective obj;
  lc_report report = {.decrement = NAN};
  ctest_problem_make(&t, lc_loss_find(k == 2 ? "logistic" : "softmax"), (ctest_shape){.n = 400, .p = P, .k = k});
  for (lc_index i = 0; i < t.n; i++) t.y[i] = i % 10 == 0 ? 0 : i % 3 == 0 ? 1 : k - 1;
  for (lc_index i = 0; i < t.n * P; i++) t.x[i] = ctest_normal();
  ctest_problem_refresh(&t);
  double best = ctest_best(&t, &t.dense, 100, 1e-12, NULL), *zero = ctest_zeros(t.q * t.coding.K);
  t.pen.lambda = 100; /* slopes are next to 0 */
  ctest_presets(&settings);
  settings.tolerance = 1e-4;
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_solver_find("lbfgs")->run(&obj, &settings, zero, &report) == LC_OK);
  CHECK(obj.at.value - best <= settings.tolerance * best);
  /* Runs of one fit use the same memory. */
  size_t given = t.host.given;
  for (int again = 0; again < 100; again++)
    CHECK(lc_solver_find("lbfgs")->run(&obj, &settings, zero, &report) == LC_OK);
  CHECK(t.host.given == given);
  free(zero);
  ctest_problem_free(&t);
}

/* What is remembered of one step alone leads more slowly than what is remembered of many. */
static void test_memory_of_steps(void) {
  double iterations[2];
  for (int many = 0; many < 2; many++) {
    ctest_problem t;
    lc_settings settings;
    lc_objective obj;
    lc_report report = {.decrement = NAN};
    ctest_seed(3);
    ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 60, .p = 80, .k = 2});
    for (lc_index j = 1; j < t.p; j++)
      for (lc_index i = 0; i < t.n; i++) t.x[i + j * t.n] = 0.3 * t.x[i + j * t.n] + t.x[i + (j - 1) * t.n];
    ctest_problem_refresh(&t);
    t.pen.lambda = 1e-3;
    ctest_presets(&settings);
    settings.memory = many ? 50 : 1;
    double zero[81] = {0};
    CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
    CHECK(lc_solver_find("lbfgs")->run(&obj, &settings, zero, &report) == LC_OK);
    iterations[many] = report.iterations;
    ctest_problem_free(&t);
  }
  CHECK(iterations[1] < 0.8 * iterations[0]);
}

/* ---- storages that cannot do all --------------------------------------------------------------------------------- */

static const lc_design_ops *whole;
static int asked[2];

static lc_status counted_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                                 double *sum, double *square) {
  asked[0]++;
  return whole->moments(x, K, S, host, arena, sum, square);
}

static lc_status counted_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length,
                                lc_design *out, lc_arena *arena) {
  asked[1]++;
  return whole->subset(x, count, first, length, out, arena);
}

/* What a storage need not have (a sparse stream has no moments, columns that are elsewhere no samples) is of use to
 * L-BFGS on nearly dependent columns, and without it the optimum is the same. what: which is asked for, 0 or 1. */
static void test_without(int what, lc_index n, lc_index p) {
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = n, .p = p, .k = 2});
  for (lc_index j = 1; j < t.p; j++)
    for (lc_index i = 0; i < t.n; i++) t.x[i + j * t.n] = t.x[i + (j - 1) * t.n] + 0.2 * t.x[i + j * t.n];
  ctest_problem_refresh(&t);
  double best = ctest_best(&t, &t.dense, 1e-3, 1e-12, NULL);
  whole = t.dense.ops;
  for (int without = 0; without < 4; without++) {
    lc_design x = t.dense;
    lc_design_ops ops = *whole;
    ops.moments = without & 1 ? NULL : counted_moments;
    ops.subset = without & 2 ? NULL : counted_subset;
    x.ops = &ops;
    lc_problem problem = ctest_lc_problem(&t, &x);
    problem.solver = lc_solver_find("lbfgs");
    problem.pen.lambda = 1e-3;
    ctest_presets(&settings);
    asked[0] = asked[1] = 0;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK && out.met);
    CHECK(out.objective - best <= settings.tolerance * best);
    CHECK(without || asked[what] > 0); /* else it tells nothing */
  }
  ctest_problem_free(&t);
}

/* A budget that ends before a Hessian would pay: half a squared decrement by a sample of rows is what the point loses,
 * up to some percent; without samples nothing is said. */
static void test_sampled(void) {
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 12000, .p = 60, .k = 2});
  double *B = ctest_zeros(t.q), best = ctest_best(&t, &t.dense, 0, 1e-12, B);
  for (lc_index j = 0; j < t.q; j++) B[j] += 0.02 * ctest_normal();
  for (int without = 0; without < 2; without++) {
    lc_design x = t.dense;
    lc_design_ops ops = *t.dense.ops;
    if (without) ops.subset = NULL;
    x.ops = &ops;
    lc_problem problem = ctest_lc_problem(&t, &x);
    problem.solver = lc_solver_find("minibatch");
    problem.start = B;
    ctest_presets(&settings);
    settings.rate = 1e-6;
    settings.epochs = 1;
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_BUDGET);
    CHECK(out.certificate.kind == (without ? LC_KKT_ONLY : LC_SAMPLED_DECREMENT));
    if (!without) CHECK_NEAR(out.certificate.gap / (out.objective - best), 1, 0.1);
  }
  free(B);
  ctest_problem_free(&t);
}

/* Only likelihoods run away where classes are parted: a squared hinge has its minimum, 0. */
static void test_parted(void) {
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){.n = N, .p = P, .k = 2});
  for (lc_index i = 0; i < t.n; i++) t.x[i] = (t.y[i] == 1 ? 1 : -1) * (0.2 + ctest_uniform());
  ctest_problem_refresh(&t);
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find("newton");
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK && out.report.separation == 0);
  CHECK(out.objective < 1e-12);
  ctest_problem_free(&t);
}

void test_settings(void) {
  ctest_seed(107);
  test_fixed_rate("logistic", 0.3, 0.02, LC_BUDGET);
  test_fixed_rate("logistic", 40, 0.001, LC_DIVERGED);
  test_fixed_rate("squared_hinge", 30, 0.001, LC_DIVERGED);
  test_at_rest(0.1);
  test_at_rest(NAN);
  test_bound(2);
  test_bound(3);
  test_memory_of_steps();
  test_without(0, 60, 80);
  test_without(1, 3000, 12);
  test_sampled();
  test_parted();
  test_fields();
  test_start();
  test_small_gap();
}
