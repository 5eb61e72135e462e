/* Tests of what solvers share: settings by name, budgets, where a solver starts, and when a gap is small. */
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

void test_settings(void) {
  ctest_seed(107);
  test_fields();
  test_start();
  test_small_gap();
}
