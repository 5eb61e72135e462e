/* fuzz_fit.c - whole small fits of any bytes: every loss, solver, storage and penalty, and numbers of any bit pattern.
 *
 * A fit may fail, but not crash, not loop, and not lie: what it returns is checked against what is true of it by
 * definition. `check()` stops the program where a promise is broken.
 *
 *   libFuzzer calls LLVMFuzzerTestOneInput();
 *   built without it, `fuzz_fit FILE...` replays files and `fuzz_fit --random SEED COUNT` makes inputs of its own. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

enum { MOST = 8, PATH = 4, POLLS = 200 };

/* Bytes are read one after the other; 0 when there are none left. */
typedef struct input {
  const unsigned char *at;
  size_t left;
} input;

static unsigned byte(input *in) {
  if (!in->left) return 0;
  in->left--;
  return *in->at++;
}

/* Any bit pattern that is a finite number: what validators let pass. Half of the numbers are tame, so that fits that
 * get somewhere are seen, too. */
static double number(input *in) {
  unsigned kind = byte(in);
  if (kind % 2 == 0) return ((double)byte(in) - 128) / 16;
  double value;
  unsigned char bytes[sizeof value];
  for (size_t i = 0; i < sizeof value; i++) bytes[i] = (unsigned char)byte(in);
  memcpy(&value, bytes, sizeof value);
  return isfinite(value) ? value : 0;
}

static double one_of(input *in, const double *values, unsigned count) { return values[byte(in) % count]; }

static char what[256]; /* the input in words */

static void check(int ok, const char *promise) {
  if (ok) return;
  fprintf(stderr, "broken promise: %s (%s)\n", promise, what);
  abort();
}

/* Where sums of rows are exact enough for a comparison of values: scores of this size have lost no digit that counts. */
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

static int within_bounds(const ctest_problem *t, const double *B) {
  if (!t->pen.lower) return 1;
  for (int c = 0; c < t->coding.K; c++)
    for (lc_index j = 0; j < t->p; j++) {
      double b = B[c * t->q + t->pen.intercept + j];
      if (!(b >= t->pen.lower[j] && b <= t->pen.upper[j])) return 0;
    }
  return 1;
}

/* What is true of every point with a duality gap: no other point is lower by more than the gap. */
static void check_gap(const ctest_problem *t, const double *B, double objective, double gap) {
  lc_index P = t->q * t->coding.K;
  double other[MOST * (MOST + 1)];
  for (int trial = 0; trial < 12; trial++) {
    for (lc_index i = 0; i < P; i++)
      other[i] = trial == 0 ? 0 : trial < 4 ? B[i] * (0.5 * trial) : B[i] + pow(10, 1 - trial) * ctest_normal();
    for (int c = 0; c < t->coding.K && t->pen.lower; c++)
      for (lc_index j = 0; j < t->p; j++) {
        double *b = other + c * t->q + t->pen.intercept + j;
        *b = lc_penalty_clip_slope(&t->pen, j, *b);
      }
    double value = ctest_value(t, other), noise = 1e-9 * (fabs(objective) + fabs(value) + 1e-3);
    if (!(largest_score(t, other) < 1e6)) continue;
    check(!(value < objective - gap * (1 + 1e-9) - noise), "no point is lower than the gap says");
  }
}

static void check_point(const ctest_problem *t, const double *B, double objective, const lc_certificate *certificate,
                        lc_status status) {
  lc_index P = t->q * t->coding.K;
  if (getenv("FUZZ_TALK")) {
    fprintf(stderr, "status %s, objective %.17g, gap %g, scores up to %g\n", lc_status_find(status)->name,
            objective, certificate->gap, largest_score(t, B));
    for (lc_index i = 0; i < P; i++) fprintf(stderr, " %g", B[i]);
    fprintf(stderr, "\nx:");
    for (lc_index i = 0; i < t->n * t->p; i++) fprintf(stderr, " %g", t->x[i]);
    fprintf(stderr, "\n");
    for (lc_index i = 0; t->w && i < t->n; i++) fprintf(stderr, " w %g o %g", t->w[i], t->offset[i]);
    fprintf(stderr, "\n");
  }
  for (lc_index i = 0; i < P; i++) check(isfinite(B[i]), "coefficients are finite");
  check(isfinite(objective), "the objective is finite");
  if (getenv("FUZZ_TALK") && t->pen.lower) fprintf(stderr, "bounds %g %g\n", t->pen.lower[0], t->pen.upper[0]);
  check(within_bounds(t, B), "coefficients are within their bounds");
  if (!(largest_score(t, B) < 1e6)) return;
  double value = ctest_value(t, B);
  if (!isfinite(value)) return; /* squares of spreads beyond 1e154: the sum above overflows, not the fit */
  if (getenv("FUZZ_TALK")) fprintf(stderr, "value %.17g\n", value);
  check(fabs(value - objective) <= 1e-7 * (fabs(value) + 1e-3), "the objective is that of the coefficients");
  if (certificate->kind != LC_GAP || isnan(certificate->gap)) return;
  check(certificate->gap >= 0, "a gap is not negative");
  if (status != LC_SEPARATED) check_gap(t, B, objective, certificate->gap);
}

static void run_fit(ctest_problem *t, const lc_design *x, const lc_settings *settings, const lc_solver *solver) {
  lc_problem problem = ctest_lc_problem(t, x);
  problem.solver = solver;
  lc_solution out;
  memset(&out, 0, sizeof out);
  lc_status status = lc_solve(&problem, settings, &t->host.host, &t->arena, &out);
  lc_status_find(status);
  if (status < 0 || status == LC_INTERRUPTED) return; /* what R does not see */
  check_point(t, out.B, out.objective, &out.certificate, status);
  if (out.met) check(out.certificate.relative <= out.goal, "a certificate that is met is within its goal");
}

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
  lc_status status = lc_path_run(&problem, &spec, settings, &t->host.host, &t->arena, &out);
  if (status < 0 || status == LC_INTERRUPTED) return;
  for (lc_index i = 0; i < out.length; i++) {
    double B[MOST * (MOST + 1)];
    const lc_path_point *point = out.point + i;
    ctest_path_coefficients(t, point, B);
    t->pen.lambda = point->lambda;
    /* by working sets it is a duality gap; without an L1 part points may have a decrement, which is an estimate */
    lc_certificate certificate = {.kind = has_l1(t) ? LC_GAP : LC_DECREMENT, .gap = point->outcome.gap};
    check_point(t, B, point->outcome.objective, &certificate, out.separated ? LC_SEPARATED : LC_OK);
  }
}

int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static const double lambdas[] = {0, 1e-12, 1e-6, 1e-3, 0.1, 10, 1e6, 1e300};
  static const double alphas[] = {0, 1, 0.5, 1e-3};
  static const double tolerances[] = {1e-8, 1e-3, 1e-13, 0.1};
  input in = {data, size};
  ctest_seed(1);
  unsigned flags = byte(&in);
  const lc_loss *loss = lc_losses + byte(&in) % (unsigned)lc_loss_count;
  unsigned choice = byte(&in) % (unsigned)(lc_solver_count + 3);
  ctest_shape shape = {.n = 1 + byte(&in) % MOST, .p = byte(&in) % MOST};
  shape.k = 2 + (int)(byte(&in) % (MOST - 1));
  if (shape.k > loss->most_classes) shape.k = 2;
  shape.weighted = (flags & 1) != 0;
  shape.no_intercept = (flags & 2) != 0;
  shape.standardised = (flags & 4) != 0;
  shape.reference = (flags & 8) != 0;
  shape.alpha = one_of(&in, alphas, 4);
  lc_coding coding;
  if (shape.no_intercept && shape.p == 0) return 0;
  if (lc_coding_make(loss, shape.k, shape.reference, &coding) != LC_OK) return 0;

  ctest_problem t;
  ctest_problem_make(&t, loss, shape);
  t.pen.lambda = one_of(&in, lambdas, 8);
  lc_settings settings;
  ctest_presets(&settings);
  settings.tolerance = one_of(&in, tolerances, 4);
  settings.max_iter = 1 + byte(&in);
  settings.epochs = 3;
  t.host.stop_at = POLLS;
  for (lc_index i = 0; i < t.n; i++) {
    t.y[i] = byte(&in) % (unsigned)shape.k;
    if (t.w) t.w[i] = fabs(number(&in));
    for (int c = 0; t.offset && c < t.coding.K; c++) t.offset[i + c * t.n] = number(&in);
  }
  for (lc_index e = 0; e < t.n * t.p; e++) t.x[e] = number(&in);
  if (flags & 16) ctest_problem_bound(&t, -fabs(number(&in)), fabs(number(&in)));
  snprintf(what, sizeof what, "%s, solver %s, n %d, p %d, k %d, K %d, lambda %g, alpha %g, tolerance %g, flags %u",
           loss->name, choice < (unsigned)lc_solver_count ? lc_solvers[choice]->name
           : choice == (unsigned)lc_solver_count  ? "of a path"
                                                  : "of the plan", (int)t.n, (int)t.p,
           shape.k, t.coding.K, t.pen.lambda, shape.alpha, settings.tolerance, flags % 64);
  double total = lc_obs_total(&t.obs);
  if (total > 0 && isfinite(total)) { /* the others are refused before they come here */
    ctest_problem_refresh(&t);
    lc_design *x = flags & 32 ? &t.sparse : &t.dense;
    if (choice < (unsigned)lc_solver_count)
      run_fit(&t, x, &settings, lc_solvers[choice]);
    else if (choice == (unsigned)lc_solver_count)
      run_path(&t, x, &settings);
    else
      run_fit(&t, x, &settings, NULL);
  }
  ctest_problem_free(&t);
  return 0;
}

#ifndef LC_LIBFUZZER
static void replay(const char *name) {
  unsigned char bytes[4096];
  FILE *file = fopen(name, "rb");
  if (!file) {
    perror(name);
    exit(2);
  }
  size_t size = fread(bytes, 1, sizeof bytes, file);
  fclose(file);
  LLVMFuzzerTestOneInput(bytes, size);
}

/* Bytes of SplitMix64 (Steele, Lea, Flood 2014); a broken promise leaves its input in fuzz-crash. */
static void random_inputs(uint64_t seed, long count) {
  unsigned char bytes[512];
  for (long run = 0; run < count; run++) {
    for (size_t i = 0; i < sizeof bytes; i++) {
      uint64_t z = (seed += 0x9e3779b97f4a7c15u);
      z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
      z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
      bytes[i] = (unsigned char)((z ^ (z >> 31)) >> 20);
    }
    FILE *file = fopen("fuzz-crash", "wb");
    if (file) {
      fwrite(bytes, 1, sizeof bytes, file);
      fclose(file);
    }
    LLVMFuzzerTestOneInput(bytes, sizeof bytes);
  }
  remove("fuzz-crash");
}

int main(int argc, char **argv) {
  if (argc == 4 && strcmp(argv[1], "--random") == 0) {
    random_inputs(strtoull(argv[2], NULL, 10), strtol(argv[3], NULL, 10));
    printf("%s inputs, no promise broken\n", argv[3]);
  } else {
    for (int i = 1; i < argc; i++) replay(argv[i]);
    printf("%d files replayed, no promise broken\n", argc - 1);
  }
  return 0;
}
#endif
