/* Tests of the rooms "objective", "solver" and "path": derivatives by difference quotients, bounds by
 * their meaning, and every solver on every design that it can use, one of which offers only `pass`. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_objective(void);
void test_solver(void);
void test_solve(void);

enum { N = 150, P = 4, MOST = 3 };

/* Also a storage that offers nothing but `pass`. */
typedef struct problem {
  ctest_problem t;
  lc_design pass_only;
  lc_design_ops pass_ops;
} problem;

static void setup(problem *d, const lc_loss *loss, int k, int reference, double lambda, double alpha) {
  ctest_seed(7);
  ctest_problem_make(&d->t, loss,
                     (ctest_shape){.n = N, .p = P, .k = k, .reference = reference, .weighted = 1, .alpha = alpha});
  d->t.pen.lambda = lambda;
  d->pass_ops = (lc_design_ops){.name = "pass only", .pass = d->t.dense.ops->pass};
  d->pass_only = d->t.dense;
  d->pass_only.ops = &d->pass_ops;
}

static void start(ctest_problem *t, const lc_design *x, lc_objective *obj) {
  CHECK(lc_objective_init(obj, x, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
}

/* The mean loss at scores of 0. */
static double null_value(const ctest_problem *t) {
  static const struct {
    const char *loss;
    double each; /* of each wrong class */
  } values[] = {{"hinge", 1}, {"squared_hinge", 1}, {"huber_hinge", 0.5}, {"perceptron", 0}};
  for (size_t v = 0; v < sizeof values / sizeof *values; v++)
    if (strcmp(t->loss->name, values[v].loss) == 0) return values[v].each * (t->coding.k - 1);
  return strcmp(t->loss->name, "crammer_singer") == 0 ? 1 : log(t->coding.k);
}

static void test_verbs(ctest_problem *t, const lc_design *x) {
  lc_objective obj;
  start(t, x, &obj);
  CHECK_NEAR(obj.null_value, null_value(t), 1e-14);
  lc_index n_coef = obj.P;
  double *B = ctest_normals(n_coef), *D = ctest_normals(n_coef), *G = ctest_zeros(n_coef),
         *H = ctest_zeros(n_coef * n_coef), h = 1e-5, value;
  int curved = t->loss->flags & LC_CURVATURE ? LC_WANT_CURVATURE : LC_WANT_GRADIENT;
  for (lc_index i = 0; i < n_coef; i++) B[i] = 0.3 * B[i] + 0.01;
  CHECK(lc_objective_eval(&obj, B, curved) == LC_OK);
  CHECK_NEAR(obj.to.value, ctest_value(t, B), 1e-13);
  memcpy(G, obj.G, (size_t)n_coef * sizeof *G);
  if (curved == LC_WANT_CURVATURE) lc_objective_hessian(&obj, 1, H);
  lc_objective_accept(&obj);
  CHECK(memcmp(obj.at.B, B, (size_t)n_coef * sizeof *B) == 0);
  CHECK(lc_objective_noise(&obj) > 1e-15 * obj.at.value && lc_objective_noise(&obj) < 1e-13 * obj.at.value);

  /* G holds loss and L2; the L1 part is added here, away from 0. */
  lc_penalty_add_sign(&t->pen, obj.K, B, G);
  for (lc_index i = 0; i < n_coef; i++) {
    double at = B[i];
    B[i] = at + h;
    double up = ctest_value(t, B);
    if (curved == LC_WANT_CURVATURE) CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
    double *g_up = ctest_zeros(n_coef);
    memcpy(g_up, obj.G, (size_t)n_coef * sizeof *g_up);
    B[i] = at - h;
    double down = ctest_value(t, B);
    if (curved == LC_WANT_CURVATURE) CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
    B[i] = at;
    if (t->loss->flags & LC_SMOOTH) CHECK_NEAR(G[i], (up - down) / (2 * h), 1e-8);
    if (t->loss->flags & LC_LIKELIHOOD)
      for (lc_index j = 0; j < n_coef; j++) CHECK_NEAR(H[j + i * n_coef], (g_up[j] - obj.G[j]) / (2 * h), 1e-8);
    free(g_up);
  }

  /* Between two points, from the kept scores. */
  lc_index passes = (lc_index)obj.passes;
  for (lc_index i = 0; i < n_coef; i++) D[i] = B[i] + 0.2 * D[i];
  CHECK(lc_objective_eval(&obj, D, LC_WANT_VALUE) == LC_OK);
  CHECK(obj.passes == (double)passes + 1);
  for (int step = 0; step <= 4; step++) {
    double between[MOST * (P + 1)], part = step / 4.0;
    for (lc_index i = 0; i < n_coef; i++) between[i] = B[i] + part * (D[i] - B[i]);
    CHECK(lc_objective_along(&obj, part, &value) == LC_OK);
    CHECK_NEAR(value, ctest_value(t, between), 1e-12);
  }
  CHECK(obj.passes == (double)passes + 1);

  /* A finite gap bounds what any other point can gain. */
  lc_certificate gap;
  CHECK(lc_objective_gap(&obj, &gap) == LC_OK);
  if (gap.kind == LC_GAP && isfinite(gap.gap)) {
    int bounded = 1;
    double other[MOST * (P + 1)];
    for (int trial = 0; trial < 200; trial++) {
      for (lc_index i = 0; i < n_coef; i++) other[i] = ctest_uniform() < 0.3 ? 0 : 0.4 * ctest_normal();
      bounded = bounded && ctest_value(t, other) >= obj.at.value - gap.gap - 1e-12;
    }
    CHECK(bounded);
  }
  free(B), free(D), free(G), free(H);
}

/* Armijo's condition: a full step is taken where it gains its share of what the slope promises; one that rises by as
 * little is cut, to a step whose value, computed afresh, meets the condition. */
static void test_line_search(void) {
  static problem d;
  ctest_problem *t = &d.t;
  double B[MOST * (P + 1)], slope = 0, step;
  const double share = 1e-4;
  lc_objective obj;
  setup(&d, lc_loss_find("softmax"), 3, 0, 0.05, 0);
  start(t, &t->dense, &obj);
  memset(B, 0, sizeof B);
  CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
  lc_objective_accept(&obj);
  for (lc_index i = 0; i < obj.P; i++) {
    B[i] = -0.1 * obj.G[i];
    slope -= 0.1 * obj.G[i] * obj.G[i];
  }
  CHECK(lc_objective_eval(&obj, B, LC_WANT_VALUE) == LC_OK);
  CHECK(lc_line_search(&obj, slope, obj.to.value, &step) == LC_OK && step == 1);
  for (int sign = -1; sign <= 1; sign += 2) { /* a little too high to be taken: no fall, and a rise */
    CHECK(lc_line_search(&obj, slope, obj.at.value + sign * 0.5 * share * slope, &step) == LC_OK);
    CHECK(step > 0 && step < 1);
    for (lc_index i = 0; i < obj.P; i++) B[i] = obj.at.B[i] + step * (obj.to.B[i] - obj.at.B[i]);
    CHECK(ctest_value(t, B) <= obj.at.value + share * step * slope);
  }
  ctest_problem_free(t);
}

/* Along a parabola with its lowest point at t the search goes there at once, or after a tenth of the way. */
static void test_parabola(double lowest, double expected) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){.n = 400, .p = 2, .k = 2});
  for (lc_index i = 0; i < 2 * t.n; i++) t.x[i] = ctest_normal() + 0.1 * t.y[i % t.n];
  lc_objective obj;
  double B[3] = {0}, slope = 0, square = 0, step;
  start(&t, &t.dense, &obj);
  CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
  lc_objective_accept(&obj);
  for (lc_index i = 0; i < t.n; i++) { /* all rows stay on their square */
    double z = obj.G[0] + t.x[i] * obj.G[1] + t.x[i + t.n] * obj.G[2];
    square += z * z / (double)t.n;
  }
  for (int j = 0; j < 3; j++) slope -= obj.G[j] * obj.G[j];
  double far = -slope / (2 * square) / lowest; /* F falls by -slope far s and rises by square (far s)^2 */
  for (int j = 0; j < 3; j++) B[j] = -far * obj.G[j];
  double full = obj.at.value + slope * far + square * far * far;
  CHECK(lc_objective_eval(&obj, B, LC_WANT_VALUE) == LC_OK);
  CHECK(lc_line_search(&obj, slope * far, full, &step) == LC_OK);
  CHECK_NEAR(step, expected, 1e-9);
  ctest_problem_free(&t);
}

void test_objective(void) {
  test_parabola(0.7, 1);
  test_parabola(0.3, 0.3);
  test_parabola(0.045, 0.045);
  for (int l = 0; l < lc_loss_count; l++)
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, MOST); k++)
      for (int reference = 0; reference < 2; reference++) {
        static problem d;
        setup(&d, &lc_losses[l], k, reference, 0.1, 0.5);
        test_verbs(&d.t, &d.t.dense);
        test_verbs(&d.t, &d.t.sparse);
        test_verbs(&d.t, &d.pass_only);
        ctest_problem_free(&d.t);
      }
  test_line_search();
}

/* ---- solvers --------------------------------------------------------------------------------------------- */

static int suits(const lc_solver *solver, const ctest_problem *t, const lc_design *x) {
  unsigned need = solver->flags, have = t->loss->flags;
  if (need & LC_NEEDS_RAMPS) return 0; /* no smooth loss is a sum of ramps */
  if (!(have & LC_SMOOTH)) return 0;   /* losses with a kink are what lc_solve() is for */
  if (need & LC_NEEDS_CURVATURE && !(have & LC_CURVATURE)) return 0;
  if (need & LC_NEEDS_COLUMNS && !(x->ops->caps & LC_COLUMNS)) return 0;
  if (need & LC_NEEDS_ROWS && !(x->ops->caps & LC_ROWS)) return 0;
  if (t->pen.grouped && !(need & LC_TAKES_GROUPS)) return 0;
  return need & LC_TAKES_L1 || !lc_penalty_has_l1(&t->pen);
}

/* One fit; NaN when it ended badly. */
static double fit(ctest_problem *t, const lc_solver *solver, const lc_design *x, double *B, lc_status *status) {
  lc_objective obj;
  lc_settings settings;
  ctest_presets(&settings);
  settings.seed = 11;
  if (!(solver->flags & LC_DRAWS)) settings.max_iter = 20000;
  double class_rows[MOST] = {0}, from[MOST * (P + 1)] = {0};
  lc_report report = {.decrement = NAN, .condition = NAN, .mistakes = NAN, .class_rows = class_rows};
  start(t, x, &obj);
  *status = solver->run(&obj, &settings, from, &report);
  if (*status < 0) return NAN;
  memcpy(B, obj.at.B, (size_t)obj.P * sizeof *B);
  /* The value may be that of the point before a last free step, which cannot have been better. */
  double value = ctest_value(t, B);
  CHECK(value <= obj.at.value + 1e-12 * fabs(value));
  return value;
}

static void test_one(problem *d, const lc_solver *solver, double best) {
  ctest_problem *t = &d->t;
  const lc_design *designs[] = {&t->dense, &t->sparse, &d->pass_only};
  for (int s = 0; s < 3; s++) {
    if (!suits(solver, t, designs[s])) continue;
    double B[MOST * (P + 1)];
    lc_status status;
    double value = fit(t, solver, designs[s], B, &status);
    /* Shuffled steps come near the minimum, the others reach it. */
    double within = solver->flags & LC_DRAWS ? 0.05 : 1e-7;
    if (!(value <= best + within * fabs(best) && value >= best - 1e-8))
      printf("     %s, %s, %s, k = %d: %s, F = %.12g, best %.12g\n", solver->name, t->loss->name, designs[s]->ops->name,
             t->coding.k, lc_status_find(status)->name, value, best);
    CHECK(value <= best + within * fabs(best));
    CHECK(value >= best - 1e-8);
  }
}

/* The best value that any solver finds on the dense design. */
static double best_of(ctest_problem *t) {
  double best = INFINITY, B[MOST * (P + 1)];
  lc_status status;
  for (int s = 0; s < lc_solver_count; s++)
    if (suits(lc_solvers[s], t, &t->dense)) {
      double value = fit(t, lc_solvers[s], &t->dense, B, &status);
      if (value < best) best = value;
    }
  return best;
}

/* Groups, by each solver that takes them: proximal steps, which know nothing of duality, come to a point whose gap is
 * small; elsewhere the gap bounds what the point loses to it. */
static void test_grouped(const char *loss, double alpha) {
  static problem d;
  ctest_problem *t = &d.t;
  double B[MOST * (P + 1)], other[MOST * (P + 1)];
  lc_status status;
  lc_objective obj;
  lc_certificate gap;
  setup(&d, lc_loss_find(loss), 3, 0, 0.05, alpha);
  t->pen.grouped = 1;
  double best = best_of(t);
  CHECK(isfinite(best));
  for (int s = 0; s < lc_solver_count; s++) test_one(&d, lc_solvers[s], best);
  CHECK(fit(t, lc_solver_find("gradient_descent"), &t->dense, B, &status) >= best);
  start(t, &t->dense, &obj);
  for (double share = 0; share <= 2; share += 0.5) {
    for (lc_index i = 0; i < obj.P; i++) other[i] = share * B[i];
    CHECK(lc_objective_eval(&obj, other, LC_WANT_VALUE) == LC_OK);
    lc_objective_accept(&obj);
    CHECK(lc_objective_gap(&obj, &gap) == LC_OK && gap.kind == LC_GAP);
    CHECK(gap.gap >= obj.at.value - best - 1e-12);
    if (share == 1) CHECK(gap.gap <= 1e-5);
  }
  ctest_problem_free(t);
}

/* Runs a solver as it is, without the certificate that would send it on; how far above `best` it ended. */
static double excess(ctest_problem *t, const char *name, double tolerance, double best) {
  lc_settings settings;
  lc_objective obj;
  lc_report report = {.class_rows = ctest_zeros(t->coding.k)};
  double *B = ctest_zeros(t->q * t->coding.K);
  ctest_presets(&settings);
  settings.tolerance = tolerance;
  start(t, &t->dense, &obj);
  CHECK(lc_solver_find(name)->run(&obj, &settings, B, &report) >= 0);
  memcpy(B, obj.at.B, (size_t)obj.P * sizeof *B);
  double out = ctest_value(t, B) - best;
  free(B), free(report.class_rows);
  return out;
}

/* Where the model is good a whole step of Newton's method is one read of X: no step is looked for. */
static void test_whole_steps(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 200, .p = 3, .k = 2});
  lc_settings settings;
  lc_objective obj;
  double B[4] = {0}, class_rows[2];
  lc_report report = {.class_rows = class_rows};
  ctest_presets(&settings);
  start(&t, &t.dense, &obj);
  CHECK(lc_solver_find("newton")->run(&obj, &settings, B, &report) == LC_OK);
  CHECK(report.iterations >= 3 && obj.passes <= report.iterations + 2);
  ctest_problem_free(&t);
}

/* A loss whose derivatives have the wrong sign: it is convex, so every step against them goes up. */
static void rows_of_lies(const lc_coding *coding, const lc_loss_block *block) {
  lc_loss_find("logistic")->rows(coding, block);
  for (int i = 0; block->r && i < block->m; i++) block->r[i] = -block->r[i];
}

/* No step lowers that one: a solver says so where it began, and a gradient that it calls known is the one there, not
 * that of a trial. */
static void test_lies(const lc_solver *solver) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 80, .p = P, .k = 2, .weighted = 1});
  lc_loss lies = *t.loss;
  lies.rows = rows_of_lies;
  t.loss = &lies;
  lc_settings settings;
  lc_objective obj;
  double B[P + 1] = {0}, G[P + 1], class_rows[2];
  lc_report report = {.decrement = NAN, .condition = NAN, .class_rows = class_rows};
  ctest_presets(&settings);
  start(&t, &t.dense, &obj);
  CHECK(solver->run(&obj, &settings, B, &report) == LC_STALLED);
  CHECK(ctest_distance(P + 1, obj.at.B, B) < 1e-13); /* up to steps that change no digit */
  CHECK_NEAR(obj.at.value, ctest_value(&t, B), 1e-13);
  ctest_gradient(&t, B, G);
  CHECK(!report.evaluated || ctest_distance(P + 1, obj.G, G) < 1e-12);
  CHECK(!report.has_curvature);
  ctest_problem_free(&t);
}

/* Rows that are all wrong and far from where they have curvature: the step that would set them right says nothing. */
static void test_saturated(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 40, .p = 1, .k = 2, .no_intercept = 1});
  for (lc_index i = 0; i < t.n; i++) t.x[i] = (t.y[i] == 1 ? 1 : -1) * (1 + 0.01 * (double)(i / 2));
  ctest_problem_refresh(&t);
  lc_settings settings;
  lc_solution out;
  const double wrong = -5;
  ctest_presets(&settings);
  settings.max_iter = 0;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find("lbfgs");
  problem.start = &wrong;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_MAX_ITER);
  CHECK(out.B[0] == wrong && !out.met && out.certificate.kind == LC_KKT_ONLY && isnan(out.certificate.gap));
  ctest_problem_free(&t);
}

/* Half a squared decrement is what a point loses to the optimum, where it is near: not half of it, and not twice. */
static void test_decrement(const char *loss, int k, lc_index n, lc_index p) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = n, .p = p, .k = k, .weighted = 1});
  for (lc_index i = 0; n < p && i < n; i++) { /* each class has the same rows, else they would be separated */
    t.w[i] = 0.5 + ctest_uniform();
    for (lc_index j = 0; j < p; j++) t.x[i + j * n] = t.x[i / k * k + j * n];
  }
  ctest_problem_refresh(&t);
  double best = ctest_best(&t, &t.dense, 0, 1e-12, NULL);
  lc_settings settings;
  lc_solution out;
  int near = 0;
  for (int steps = 3; steps < 12; steps++) {
    ctest_presets(&settings);
    settings.max_iter = steps;
    lc_problem problem = ctest_lc_problem(&t, &t.dense);
    problem.solver = lc_solver_find("lbfgs");
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) >= 0);
    double lost = out.objective - best;
    if (out.certificate.kind != LC_DECREMENT || lost > 1e-3 || lost < 1e-9) continue;
    CHECK(out.certificate.gap > 0.8 * lost && out.certificate.gap < 1.25 * lost);
    near++;
  }
  CHECK(near > 0);
  ctest_problem_free(&t);
}

/* Classes that a column parts are separated completely; where rows of both are on the border, not completely. */
static void test_separation(void) {
  for (int kind = 0; kind <= 2; kind++) {
    ctest_problem t;
    ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 40, .p = 1, .k = 2});
    for (lc_index i = 0; i < t.n; i++) {
      double from = kind == 2 ? 0.5 : kind == 1 ? 0 : -0.5;
      t.x[i] = (t.y[i] == 1 ? 1 : -1) * (from + 0.25 * (double)(i / 8));
    }
    ctest_problem_refresh(&t);
    lc_settings settings;
    lc_solution out;
    ctest_presets(&settings);
    lc_problem problem = ctest_lc_problem(&t, &t.dense);
    problem.solver = lc_solver_find("newton");
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == (kind ? LC_SEPARATED : LC_OK));
    CHECK(out.report.separation == kind);
    ctest_problem_free(&t);
  }
}

/* A shift common to all classes, which a start brought along, is taken out, and what that saves is in the objective. */
static void test_common_shift(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = 90, .p = 3, .k = 3});
  lc_settings settings;
  lc_solution out;
  double B[12];
  for (int i = 0; i < 12; i++) B[i] = 1 + 0.1 * ctest_normal();
  ctest_presets(&settings);
  settings.max_iter = 0;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find("lbfgs");
  problem.pen.lambda = t.pen.lambda = 0.2;
  problem.start = B;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) >= 0);
  for (int j = 0; j < 4; j++) CHECK_NEAR(out.B[j] + out.B[4 + j] + out.B[8 + j], 0, 1e-14);
  CHECK_NEAR(out.objective, ctest_value(&t, out.B), 1e-13);
  ctest_problem_free(&t);
}

/* More slopes than a first working set has, and held by bounds alone: those outside are asked again. */
static void test_bounds_alone(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 400, .p = 120, .k = 2});
  ctest_problem_bound(&t, -0.1, 0.1);
  double best = ctest_best(&t, &t.dense, 0, 1e-10, NULL);
  CHECK_NEAR(excess(&t, "coordinate", 1e-9, best), 0, 1e-9);
  ctest_problem_free(&t);
}

/* Without a penalty nothing bounds what is left, and an estimate may be far off where columns are nearly dependent: the
 * solver ends within its tolerance all the same. */
static void test_estimate(void) {
  for (int trial = 0; trial < 12; trial++) {
    ctest_problem t;
    ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 300, .p = 12, .k = 2});
    for (lc_index j = 1; j < t.p; j++)
      for (lc_index i = 0; i < t.n; i++) t.x[i + j * t.n] = t.x[i + (j - 1) * t.n] + 0.3 * t.x[i + j * t.n];
    ctest_problem_refresh(&t);
    double best = ctest_best(&t, &t.dense, 0, 1e-10, NULL), tolerance = 1e-3;
    CHECK(excess(&t, "lbfgs", tolerance, best) <= tolerance * best);
    ctest_problem_free(&t);
  }
}

void test_solver(void) {
  static const double alphas[] = {0, 0.5};
  for (int l = 0; l < lc_loss_count; l++)
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, MOST); k++)
      for (int a = 0; a < 2; a++) {
        static problem d;
        setup(&d, &lc_losses[l], k, 0, 0.1, alphas[a]);
        double best = best_of(&d.t);
        if (isfinite(best)) {
          for (int s = 0; s < lc_solver_count; s++) test_one(&d, lc_solvers[s], best);
        }
        ctest_problem_free(&d.t);
      }

  test_whole_steps();
  test_lies(&lc_solver_scoring);
  test_lies(lc_solver_find("newton"));
  test_lies(lc_solver_find("lbfgs"));
  test_saturated();
  test_decrement("logistic", 2, 300, 4);
  test_decrement("softmax", 3, 300, 4);
  test_decrement("logistic", 2, 40, 50);
  test_separation();
  test_common_shift();
  test_bounds_alone();
  test_estimate();
  test_grouped("softmax", 1);
  test_grouped("softmax", 0.5);
  test_grouped("squared_hinge", 1);

  /* Stopped from outside: the status says so and the point is usable. */
  static problem d;
  setup(&d, lc_loss_find("softmax"), 3, 0, 1e-3, 0);
  d.t.host.stop_at = 3;
  double B[MOST * (P + 1)];
  lc_status status;
  const lc_solver *descent = lc_solver_find("gradient_descent");
  CHECK(descent != NULL);
  CHECK(isfinite(fit(&d.t, descent, &d.t.dense, B, &status)));
  CHECK(status == LC_INTERRUPTED);
  ctest_problem_free(&d.t);
  CHECK(lc_solver_find("no such solver") == NULL);
}

/* ---- the planner ------------------------------------------------------------------------------------------ */

/* One whole fit: the certificate must hold, and the point must be one of the user's columns. */
static void test_plan(ctest_problem *t, lc_design *x, const lc_solver *solver, double *value, double *gap) {
  lc_settings settings;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(t, x);
  problem.solver = solver;
  lc_solution out;
  lc_status status = lc_solve(&problem, &settings, &t->host.host, &t->arena, &out);
  CHECK(status >= 0 && status == out.status);
  *value = NAN;
  if (status < 0) return;
  CHECK(status == LC_OK || status == LC_STALLED);
  CHECK(out.K == t->coding.K);
  CHECK_NEAR(out.objective, ctest_value(t, out.B), 1e-12);
  *value = out.objective;
  *gap = out.certificate.kind == LC_GAP ? out.certificate.gap : 0;
}

/* A storage that knows nothing but `pass` is enough for every solver that needs no columns and no rows: with this
 * loss all of them come to the value of the dense design. */
static void test_pass_only(problem *d) {
  double best, value, gap[2] = {0, 0};
  int tried = 0;
  test_plan(&d->t, &d->t.dense, NULL, &best, gap);
  for (int s = 0; s < lc_solver_count; s++) {
    const lc_solver *solver = lc_solvers[s];
    if (solver->flags & (LC_NEEDS_COLUMNS | LC_NEEDS_ROWS)) continue;
    if ((solver->flags & LC_NEEDS_RAMPS) && !(d->t.loss->flags & LC_RAMPS)) continue;
    test_plan(&d->t, &d->pass_only, solver, &value, gap + 1);
    CHECK(fabs(value - best) <= 1e-8 + fmax(gap[0], gap[1]));
    tried++;
  }
  CHECK(tried >= 3);
}

/* What a solver cannot do is refused, not left out: an L1 part, bounds, groups, bounds of groups; who divides by a
 * ridge wants one, of every slope. */
static void test_refusals(void) {
  enum { NO_LAMBDA, BARE, L1, BOUNDS, GROUPS, BOUND_GROUPS, COUNT };
  for (int s = 0; s < lc_solver_count; s++)
    for (int what = 0; what < COUNT; what++) {
      static problem d;
      unsigned flags = lc_solvers[s]->flags;
      int grouped = what == GROUPS || what == BOUND_GROUPS;
      const unsigned takes[] = {0, 0, LC_TAKES_L1, LC_TAKES_BOUNDS, LC_TAKES_GROUPS, 0};
      if (what <= BARE ? !(flags & LC_NEEDS_RIDGE) : (flags & takes[what]) != 0) continue;
      setup(&d, lc_loss_find(flags & LC_NEEDS_RAMPS ? "hinge" : "squared_hinge"), grouped ? 3 : 2, 0,
            what == NO_LAMBDA ? 0 : 0.1, what == L1 || grouped ? 0.5 : 0);
      if (what == BARE) d.t.l2[1] = 0;
      if (what == BOUNDS || what == BOUND_GROUPS) ctest_problem_bound(&d.t, -0.1, 0.1);
      d.t.pen.grouped = grouped;
      lc_settings settings;
      lc_solution out;
      ctest_presets(&settings);
      lc_problem problem = ctest_lc_problem(&d.t, &d.t.sparse);
      problem.solver = lc_solvers[s];
      CHECK(lc_solve(&problem, &settings, &d.t.host.host, &d.t.arena, &out) == LC_UNSUPPORTED);
      ctest_problem_free(&d.t);
    }
}

/* Solvers of ramps come to the value of all others, and their gaps are no smaller than what parts them. */
static void test_ramps(problem *d, double best, double gap) {
  for (int s = 0; s < lc_solver_count; s++) {
    const lc_solver *solver = lc_solvers[s];
    double value, own;
    int ridge_only = (solver->flags & LC_NEEDS_RIDGE) != 0;
    unsigned ramps = LC_RAMPS | (solver->flags & LC_TAKES_LARGEST ? LC_LARGEST_RAMP : 0);
    if (!(solver->flags & LC_NEEDS_RAMPS) || !(d->t.loss->flags & ramps)) continue;
    if (ridge_only && (lc_penalty_has_l1(&d->t.pen) || d->t.coding.base)) continue;
    test_plan(&d->t, &d->t.sparse, solver, &value, &own);
    CHECK(value <= best + own + 1e-12 && value >= best - gap - 1e-12);
  }
}

void test_solve(void) {
  test_refusals();
  static const double alphas[] = {0, 0.5, 1};
  for (int l = 0; l < lc_loss_count; l++) {
    if (strcmp(lc_losses[l].name, "perceptron") == 0) continue; /* takes no penalty */
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, MOST); k++)
      for (int reference = 0; reference < 2; reference++)
        for (int a = 0; a < 3; a++) {
          static problem d;
          double value[2], gap[2] = {0, 0};
          setup(&d, &lc_losses[l], k, reference, 0.05, alphas[a]);
          test_plan(&d.t, &d.t.dense, NULL, value, gap);
          test_plan(&d.t, &d.t.sparse, NULL, value + 1, gap + 1);
          /* Two storages of one problem agree to what their certificates say. */
          int agree = fabs(value[0] - value[1]) <= 1e-8 + fmax(gap[0], gap[1]);
          CHECK(agree);
          if (!agree)
            printf("     %s, k = %d, alpha %g: %.12g dense, %.12g sparse, gap %g\n", d.t.loss->name, k, alphas[a],
                   value[0], value[1], gap[0]);
          if (alphas[a] == 0) test_pass_only(&d);
          if (lc_losses[l].flags & (LC_RAMPS | LC_LARGEST_RAMP)) test_ramps(&d, value[0], gap[0]);
          ctest_problem_free(&d.t);
        }
  }
}
