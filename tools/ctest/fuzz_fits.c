/* Whole small fits of any bytes: every loss, solver, storage and penalty, numbers of any bit pattern, an interrupt at
 * any poll and an end of memory at any request. A fit may fail, but not crash, not loop, and not lie: what it returns
 * is checked against what is true of it by definition. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "fuzz.h"
#include "problem.h"

enum { MOST = 8, PATH = 4, POLLS = 200 };

static char what[256]; /* the input in words */

static double one_of(ctest_input *in, const double *values, unsigned count) { return values[ctest_byte(in) % count]; }

static void promise(int ok, const char *text) {
  ctest_report(ok, __FILE__, __LINE__, text);
  if (!ok) printf("     %s\n", what);
}

/* Largest sum of sizes that a score is made of: where it is moderate, sums over rows have all digits compared here. */
static double largest_score(const ctest_problem *t, const double *B) {
  double most = 0;
  for (int c = 0; c < t->coding.K; c++)
    for (lc_index i = 0; i < t->n; i++) {
      double sum = t->offset ? fabs(t->offset[i + c * t->n]) : 0;
      if (t->pen.intercept) sum += fabs(B[c * t->q]);
      for (lc_index j = 0; j < t->p; j++) sum += fabs(t->x[i + j * t->n] * B[c * t->q + t->pen.intercept + j]);
      most = sum > most || isnan(sum) ? sum : most;
    }
  return most;
}

/* Clips B to the bounds; 1: there was nothing to clip. */
static int within_bounds(const ctest_problem *t, double *B) {
  double before[MOST * MOST];
  size_t bytes = (size_t)(t->q * t->coding.K) * sizeof *B;
  memcpy(before, B, bytes);
  lc_penalty_clip(&t->pen, t->coding.K, B);
  return memcmp(before, B, bytes) == 0;
}

/* What is true of every point with a duality gap: no other point is lower by more than the gap. */
static void check_gap(const ctest_problem *t, const double *B, double objective, double gap) {
  lc_index P = t->q * t->coding.K;
  double other[MOST * MOST];
  int lower = 0;
  for (int trial = 0; trial < 12; trial++) {
    for (lc_index i = 0; i < P; i++)
      other[i] = trial == 0 ? 0 : trial < 4 ? B[i] * (0.5 * trial) : B[i] + pow(10, 1 - trial) * ctest_normal();
    within_bounds(t, other);
    double value = ctest_value(t, other), noise = 1e-9 * (fabs(objective) + fabs(value) + 1e-3);
    if (largest_score(t, other) < 1e6) lower += value < objective - gap * (1 + 1e-9) - noise;
  }
  promise(lower == 0, "no point is lower than the gap says");
}

static void check_point(const ctest_problem *t, double *B, double objective, const lc_certificate *certificate,
                        int separated) {
  int finite = isfinite(objective);
  for (lc_index i = 0; i < t->q * t->coding.K; i++) finite = finite && isfinite(B[i]);
  promise(finite, "coefficients and objective are finite");
  promise(within_bounds(t, B), "coefficients are within their bounds");
  double value = ctest_value(t, B); /* not finite where squares of spreads overflow here, not in the fit */
  if (!finite || !isfinite(value) || !(largest_score(t, B) < 1e6)) return;
  promise(fabs(value - objective) <= 1e-7 * (fabs(value) + 1e-3), "the objective is that of the coefficients");
  if (certificate->kind != LC_GAP || isnan(certificate->gap)) return;
  promise(certificate->gap >= 0, "a gap is not negative");
  if (!separated) check_gap(t, B, objective, certificate->gap);
}

static int is_usable(lc_status status) { return status >= 0 && status != LC_INTERRUPTED; }

static void run_fit(ctest_problem *t, const lc_design *x, const lc_settings *settings, const lc_solver *solver) {
  lc_problem problem = ctest_lc_problem(t, x);
  problem.solver = solver;
  lc_solution out;
  memset(&out, 0, sizeof out);
  lc_status status = lc_solve(&problem, settings, &t->host.host, &t->arena, &out);
  if (status >= 0) promise(out.B && out.alias && out.solver && out.reason, "an interrupted fit is one, too");
  if (!is_usable(status)) return;
  check_point(t, out.B, out.objective, &out.certificate, status == LC_SEPARATED);
  if (out.met) promise(out.certificate.relative <= out.goal, "a certificate that is met is within its goal");
}

/* By working sets a path has duality gaps; without an L1 part its points may have a decrement, which is an estimate. */
static int has_l1(const ctest_problem *t) {
  for (lc_index j = 0; j < t->p; j++)
    if (t->l1[j] > 0) return 1;
  return 0;
}

static void run_path(ctest_problem *t, const lc_design *x, const lc_settings *settings) {
  lc_path_spec spec = {.nlambdas = PATH, .min_ratio = 1e-3};
  lc_problem problem = ctest_lc_problem(t, x);
  lc_path out;
  memset(&out, 0, sizeof out);
  if (lc_path_run(&problem, &spec, settings, &t->host.host, &t->arena, &out) < 0) return;
  for (lc_index i = 0; i < out.length; i++) {
    double B[MOST * MOST];
    const lc_path_point *point = out.point + i;
    lc_certificate certificate = {.kind = has_l1(t) ? LC_GAP : LC_DECREMENT, .gap = point->outcome.gap};
    ctest_path_coefficients(t, point, B);
    t->pen.lambda = point->lambda;
    check_point(t, B, point->outcome.objective, &certificate, out.separated);
  }
}

/* Responses, weights, offsets, columns and bounds. */
static void fill(ctest_problem *t, ctest_input *in, int bounded) {
  for (lc_index i = 0; i < t->n; i++) {
    t->y[i] = ctest_byte(in) % (unsigned)t->coding.k;
    if (t->w) t->w[i] = fabs(ctest_any_number(in));
    for (int c = 0; t->offset && c < t->coding.K; c++) t->offset[i + c * t->n] = ctest_any_number(in);
  }
  for (lc_index e = 0; e < t->n * t->p; e++) t->x[e] = ctest_any_number(in);
  if (bounded) {
    double lower = -fabs(ctest_any_number(in));
    ctest_problem_bound(t, lower, fabs(ctest_any_number(in)));
  }
}

static void run(ctest_problem *t, const lc_settings *settings, unsigned choice, int sparse) {
  const lc_design *x = sparse ? &t->sparse : &t->dense;
  unsigned solvers = (unsigned)lc_solver_count;
  snprintf(what, sizeof what, "%s, solver %s, n %d, p %d, k %d, K %d, lambda %g, tolerance %g",
           t->loss->name, choice < solvers ? lc_solvers[choice]->name : choice == solvers ? "of a path" : "of the plan",
           (int)t->n, (int)t->p, t->coding.k, t->coding.K, t->pen.lambda, settings->tolerance);
  double total = lc_obs_total(&t->obs);
  /* Without weight a fit is refused before it comes here. Beyond these sums gaps of paths can be rounded away. */
  if (!(total > 1e-100 && total < 1e100)) return;
  ctest_problem_refresh(t);
  if (choice == solvers)
    run_path(t, x, settings);
  else
    run_fit(t, x, settings, choice < solvers ? lc_solvers[choice] : NULL);
}

void ctest_fuzz_fits(const unsigned char *data, size_t size) {
  static const double lambdas[] = {0, 1e-12, 1e-6, 1e-3, 0.1, 10, 1e6, 1e300};
  static const double alphas[] = {0, 1, 0.5, 1e-3};
  static const double tolerances[] = {1e-8, 1e-3, 1e-13, 0.1};
  enum { WEIGHTED = 1, NO_INTERCEPT = 2, STANDARDISED = 4, REFERENCE = 8, BOUNDED = 16, SPARSE = 32, STOPPED = 64,
         STARVED = 128 };
  ctest_input in = {data, size};
  ctest_seed(1);
  unsigned flags = ctest_byte(&in);
  const lc_loss *loss = lc_losses + ctest_byte(&in) % (unsigned)lc_loss_count;
  unsigned choice = ctest_byte(&in) % (unsigned)(lc_solver_count + 3);
  ctest_shape shape = {.n = 1 + ctest_byte(&in) % MOST};
  shape.p = ctest_byte(&in) % MOST;
  shape.k = 2 + (int)(ctest_byte(&in) % (MOST - 1));
  if (shape.k > loss->most_classes) shape.k = 2;
  shape.weighted = (flags & WEIGHTED) != 0;
  shape.no_intercept = (flags & NO_INTERCEPT) != 0;
  shape.standardised = (flags & STANDARDISED) != 0;
  shape.reference = (flags & REFERENCE) != 0;
  shape.alpha = one_of(&in, alphas, sizeof alphas / sizeof *alphas);
  lc_coding coding;
  if (shape.no_intercept && shape.p == 0) return;
  if (lc_coding_make(loss, shape.k, shape.reference, &coding) != LC_OK) return;

  ctest_problem t;
  ctest_problem_make(&t, loss, shape);
  t.pen.lambda = one_of(&in, lambdas, sizeof lambdas / sizeof *lambdas);
  lc_settings settings;
  ctest_presets(&settings);
  settings.tolerance = one_of(&in, tolerances, sizeof tolerances / sizeof *tolerances);
  settings.max_iter = 1 + ctest_byte(&in);
  settings.epochs = 3;
  t.host.stop_at = flags & STOPPED ? 1 + ctest_byte(&in) : POLLS;
  if (flags & STARVED) t.host.limit = 1 + ((size_t)ctest_byte(&in) << 10);
  fill(&t, &in, (flags & BOUNDED) != 0);
  run(&t, &settings, choice, (flags & SPARSE) != 0);
  ctest_problem_free(&t);
}
