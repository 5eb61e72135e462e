/* Tests of the room "path" beside lc_solve() itself: starts from a sample of rows, and covariances. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "design/sparse.h"

void test_nested(void);
void test_covariance(void);

static void presets(lc_settings *settings) {
  memset(settings, 0, sizeof *settings);
  lc_settings_preset(settings, lc_control_fields, lc_control_field_count);
  for (int s = 0; s < lc_solver_count; s++) lc_settings_preset(settings, lc_solvers[s]->fields, lc_solvers[s]->nfields);
}

/* ---- a start from a sample --------------------------------------------------------------------------------- */

enum { COLUMNS = 2, ENOUGH = 45000 };

typedef enum trouble { NONE, FEW_ROWS, SPARSE, RARE_CLASS, WEIGHTLESS_CLASS, SEPARATED, DEPENDENT, MAX_ITER } trouble;

/* The largest coefficient of a start from B = 0 when something (or nothing) speaks against the sample. */
static double start_of(trouble what) {
  lc_index n = what == FEW_ROWS ? 15000 : ENOUGH;
  double *X = ctest_normals(n * COLUMNS), *y = ctest_zeros(n), none[COLUMNS] = {0, 0};
  double B[COLUMNS + 1] = {0, 0, 0}, largest = 0;
  for (lc_index i = 0; i < n; i++) {
    double score = 0.5 + X[i] - 0.7 * X[i + n];
    y[i] = score + (what == SEPARATED ? 0 : log(1 / ctest_uniform() - 1)) > 0;
    if (what == RARE_CLASS) y[i] = i % 3000 == 0;
    if (what == DEPENDENT) X[i + n] = 2 * X[i];
  }
  int start[] = {0, 1, 2}, row[] = {3, 5};
  double value[] = {1, 1};
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_design x;
  const lc_csc csc = {start, row, value};
  if (what == SPARSE)
    lc_design_sparse(&x, n, COLUMNS, &csc);
  else
    lc_design_dense(&x, n, COLUMNS, LC_DOUBLE, X);
  double *w = ctest_zeros(n);
  for (lc_index i = 0; i < n; i++) w[i] = what != WEIGHTLESS_CLASS || y[i] == 0 || i % 1500 == 0;
  const lc_obs obs = {.n = n, .y = y, .w = w};
  x.intercept = 1;
  lc_settings settings;
  presets(&settings);
  if (what == MAX_ITER) settings.max_iter = 3;
  lc_penalty pen = {COLUMNS, 1, 0, none, none, NULL, NULL, 0};
  lc_coding coding;
  lc_objective obj;
  const lc_loss *loss = lc_loss_find("logistic");
  CHECK(lc_coding_make(loss, 2, 0, &coding) == LC_OK);
  CHECK(lc_objective_init(&obj, &x, &obs, loss, &coding, &pen, 1, &arena) == LC_OK);
  lc_factor factor;
  CHECK(lc_subsample_start(&obj, lc_solver_find("newton"), &settings, B, &factor) == LC_OK);
  CHECK(host.records == 0 && obj.passes <= 1);
  for (int j = 0; j <= COLUMNS; j++) largest = fmax(largest, fabs(B[j]));
  CHECK(!factor.ready || largest > 0);
  if (what == NONE) {
    CHECK(factor.ready);
    CHECK_NEAR(B[0], 0.5, 0.2);
    CHECK_NEAR(B[1], 1, 0.2);
    CHECK_NEAR(B[2], -0.7, 0.2);
  }
  ctest_host_free(&host);
  free(X), free(y), free(w);
  return largest;
}

void test_nested(void) {
  ctest_seed(23);
  CHECK(start_of(NONE) > 0.5);
  CHECK(start_of(FEW_ROWS) == 0);
  CHECK(start_of(SPARSE) == 0);
  CHECK(start_of(RARE_CLASS) == 0);
  CHECK(start_of(WEIGHTLESS_CLASS) == 0);
  CHECK(start_of(SEPARATED) == 0);
  CHECK(start_of(DEPENDENT) == 0);
  CHECK(start_of(MAX_ITER) == 0);
}

/* ---- covariance ----------------------------------------------------------------------------------------------- */

enum { N = 220, P = 3, Q = P + 1, CLASSES = 3, MOST = Q * (CLASSES - 1) };

/* A <- A^-1 by Gauss and Jordan with row pivots, in more digits than the package has. */
static void invert(int n, long double *A) {
  long double work[MOST][2 * MOST];
  for (int i = 0; i < n; i++)
    for (int j = 0; j < 2 * n; j++) work[i][j] = j < n ? A[i + j * n] : j - n == i;
  for (int k = 0; k < n; k++) {
    int best = k;
    for (int i = k; i < n; i++)
      if (fabsl(work[i][k]) > fabsl(work[best][k])) best = i;
    for (int j = 0; j < 2 * n; j++) {
      long double swap = work[k][j];
      work[k][j] = work[best][j];
      work[best][j] = swap;
    }
    for (int i = 0; i < n; i++) {
      if (i == k) continue;
      long double factor = work[i][k] / work[k][k];
      for (int j = 0; j < 2 * n; j++) work[i][j] -= factor * work[k][j];
    }
  }
  for (int i = 0; i < n; i++)
    for (int j = 0; j < n; j++) A[i + j * n] = work[i][n + j] / work[i][i];
}

/* A fit of many rows begins with a sample's factor: its condition is told, and standard errors are nevertheless those of
 * all rows at the solution. */
static void test_sampled_start(void) {
  double *X = ctest_normals(ENOUGH * COLUMNS), *y = ctest_zeros(ENOUGH), none[COLUMNS] = {0, 0}, *V;
  static const double mean[COLUMNS] = {0, 0}, sd[COLUMNS] = {1, 1}, most[COLUMNS] = {5, 5};
  for (lc_index i = 0; i < ENOUGH; i++) y[i] = 0.5 + X[i] - 0.7 * X[i + ENOUGH] + log(1 / ctest_uniform() - 1) > 0;
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_design x;
  lc_design_dense(&x, ENOUGH, COLUMNS, LC_DOUBLE, X);
  x.intercept = 1;
  const lc_obs obs = {.n = ENOUGH, .y = y};
  lc_settings settings;
  presets(&settings);
  lc_problem problem = {.x = &x, .obs = &obs, .loss = lc_loss_find("logistic"), .k = 2, .wants_covariance = 1};
  problem.pen = (lc_penalty){COLUMNS, 1, 0, none, none, NULL, NULL, 0};
  problem.mean = mean;
  problem.sd = sd;
  problem.max_abs = most;
  problem.solver = lc_solver_find("newton");
  lc_solution out;
  lc_index size;
  CHECK(lc_solve(&problem, &settings, &host.host, &arena, &out) == LC_OK && out.factor.ready);
  CHECK(out.report.condition >= 1 && out.report.condition < 10);
  CHECK(lc_solve_covariance(&problem, &out, &arena, &V, &size) == LC_OK && size == 3);
  long double H[9] = {0};
  for (lc_index i = 0; i < ENOUGH; i++) {
    double row[] = {1, X[i], X[i + ENOUGH]}, z = out.B[0] + out.B[1] * X[i] + out.B[2] * X[i + ENOUGH];
    double p = 1 / (1 + exp(-z));
    for (int a = 0; a < 9; a++) H[a] += (long double)(p * (1 - p)) * row[a % 3] * row[a / 3];
  }
  invert(3, H);
  for (int a = 0; a < 9; a++) CHECK(fabsl(V[a] - H[a]) <= 4e-6L * sqrtl(H[a % 3 * 4] * H[a / 3 * 4]));
  ctest_host_free(&host);
  free(X), free(y);
}

typedef struct data {
  double x[N * P], y[N], w[N], offset[N * CLASSES], value[N * P], none[P];
  int start[P + 1], row[N * P];
} data;

/* dependent: the last column is a difference of others; -1: almost the first one; 2: a sum, of nearly equal ones. */
static void make_data(data *d, int k, double mean, int dependent) {
  memset(d, 0, sizeof *d);
  int entries = 0;
  for (int i = 0; i < N; i++) {
    d->y[i] = i % k;
    d->w[i] = 0.5 + ctest_uniform();
    for (int c = 0; c < CLASSES; c++) d->offset[i + c * N] = 0.2 * ctest_normal();
  }
  for (int j = 0; j < P; j++) {
    d->start[j] = entries;
    for (int i = 0; i < N; i++) {
      double x = ctest_normal() + 0.4 * (((int)d->y[i] + j) % k) + mean;
      if (dependent < 0 && j == P - 1) x = d->x[i] + 1e-3 * (x - mean);
      if (dependent > 1 && j == 1) x = d->x[i] + 0.05 * (x - mean);
      if (dependent > 0 && j == P - 1) x = d->x[i] + (dependent > 1 ? 1 : -1) * d->x[i + N];
      d->x[i + j * N] = d->value[entries] = x;
      d->row[entries++] = i;
    }
  }
  d->start[P] = entries;
}

/* Sum of w times second derivatives at B, in the user's columns, of the classes from `from` on. */
static void information(const data *d, const lc_loss *loss, const lc_coding *coding, const double *B, int from,
                        int offset, long double *H) {
  int K = coding->K, size = (K - from) * Q;
  memset(H, 0, MOST * MOST * sizeof *H);
  for (int i = 0; i < N; i++) {
    double z[CLASSES], r[CLASSES], s[CLASSES * (CLASSES + 1) / 2], x[Q] = {1};
    for (int j = 0; j < P; j++) x[j + 1] = d->x[i + j * N];
    for (int c = 0; c < K; c++) {
      z[c] = offset ? d->offset[i + c * N] : 0;
      for (int j = 0; j < Q; j++) z[c] += x[j] * B[j + c * Q];
    }
    loss->rows(coding, &(lc_loss_block){.m = 1, .z = z, .y = d->y + i, .r = r, .s = s, .ldz = 1, .ldr = 1, .lds = 1});
    for (int a = from; a < K; a++)
      for (int b = from; b < K; b++)
        for (int u = 0; u < Q; u++)
          for (int v = 0; v < Q; v++)
            H[(a - from) * Q + u + ((b - from) * Q + v) * size] +=
                (long double)d->w[i] * s[a < b ? lc_packed_at(a, b) : lc_packed_at(b, a)] * x[u] * x[v];
  }
}

static void test_one(const char *name, int k, int reference, int sparse, double mean, int offset, int almost,
                     const char *solver) {
  static data d;
  make_data(&d, k, mean, almost);
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_design x;
  const lc_csc csc = {d.start, d.row, d.value};
  if (sparse)
    lc_design_sparse(&x, N, P, &csc);
  else
    lc_design_dense(&x, N, P, LC_DOUBLE, d.x);
  const lc_loss *loss = lc_loss_find(name);
  lc_coding coding;
  CHECK(lc_coding_make(loss, k, reference, &coding) == LC_OK);
  x.intercept = 1;
  const lc_obs obs = {
      .n = N, .y = d.y, .w = d.w, .offset = offset ? d.offset : NULL, .noffset = offset ? coding.K : 0};
  double stats[6 * P], *V;
  lc_colstat out = {stats, stats + P, stats + 2 * P, stats + 3 * P, stats + 4 * P, stats + 5 * P};
  lc_design_colstats(&x, d.w, &(lc_host){.threads = 1}, &out);
  lc_settings settings;
  presets(&settings);
  lc_problem problem = {.x = &x,
                        .obs = &obs,
                        .loss = loss,
                        .k = k,
                        .reference = reference,
                        .pen = {P, 1, 0, d.none, d.none, NULL, NULL, 0},
                        .mean = out.mean,
                        .sd = out.sd,
                        .max_abs = out.max_abs,
                        .solver = solver ? lc_solver_find(solver) : NULL,
                        .wants_covariance = 1};
  lc_solution solution;
  lc_index size;
  CHECK(lc_solve(&problem, &settings, &host.host, &arena, &solution) == LC_OK);
  CHECK(lc_solve_covariance(&problem, &solution, &arena, &V, &size) == LC_OK);
  CHECK(size == Q * (k - 1));
  long double H[MOST * MOST];
  int n = (int)size;
  information(&d, loss, &coding, solution.B, coding.K - (k - 1), offset, H);
  invert(n, H);
  double worst = 0;
  for (int j = 0; j < n; j++)
    for (int i = 0; i < n; i++)
      worst = fmax(worst, (double)fabsl((V[i + j * n] - H[i + j * n]) / sqrtl(H[i * (n + 1)] * H[j * (n + 1)])));
  CHECK_NEAR(worst, 0, 1e-8);
  /* A fit that ended with its budget has standard errors within a tenth of one of the maximum: 2 W gap <= 0.01. */
  solution.status = LC_BUDGET;
  solution.certificate.gap = 0.0049 / solution.weight_sum;
  CHECK(lc_solve_covariance(&problem, &solution, &arena, &V, &size) == LC_OK);
  solution.certificate.gap = 0.0051 / solution.weight_sum;
  CHECK(lc_solve_covariance(&problem, &solution, &arena, &V, &size) == LC_UNSUPPORTED);
  ctest_host_free(&host);
}

/* A column that depends on others has no place in the covariance; it is that of the fit without the column, also where
 * it is inverted in columns that are shifted for it. */
static void test_aliased(double mean, int dependent) {
  static data d;
  make_data(&d, 2, mean, dependent);
  const double start[Q] = {0.1, 0.2, -0.1, 0.3}; /* nothing moves what is set aside: it does not stay there */
  double *V[2], stats[6 * P];
  lc_index size[2];
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_colstat out = {stats, stats + P, stats + 2 * P, stats + 3 * P, stats + 4 * P, stats + 5 * P};
  for (int fewer = 0; fewer < 2; fewer++) {
    lc_design x;
    lc_design_dense(&x, N, P - fewer, LC_DOUBLE, d.x);
    x.intercept = 1;
    const lc_obs obs = {.n = N, .y = d.y, .w = d.w};
    lc_design_colstats(&x, d.w, &(lc_host){.threads = 1}, &out);
    lc_settings settings;
    presets(&settings);
    lc_problem problem = {.x = &x,
                          .obs = &obs,
                          .loss = lc_loss_find("logistic"),
                          .k = 2,
                          .pen = {P - fewer, 1, 0, d.none, d.none, NULL, NULL, 0},
                          .mean = out.mean,
                          .sd = out.sd,
                          .max_abs = out.max_abs,
                          .start = start,
                          .wants_covariance = 1};
    lc_solution solution;
    CHECK(lc_solve(&problem, &settings, &host.host, &arena, &solution) == LC_OK);
    CHECK(fewer || (solution.alias[P] && solution.B[P] == 0));
    CHECK(lc_solve_covariance(&problem, &solution, &arena, V + fewer, size + fewer) == LC_OK);
  }
  CHECK(size[0] == Q - 1 && size[1] == Q - 1);
  for (int j = 0; j < Q - 1; j++)
    for (int i = 0; i < Q - 1; i++) {
      double both = sqrt(V[1][i * Q] * V[1][j * Q]);
      CHECK_NEAR(V[0][i + j * (Q - 1)] / both, V[1][i + j * (Q - 1)] / both, 1e-8);
    }
  ctest_host_free(&host);
}

/* One class against the rest: the fits of the classes, one after the other, with the sums of their numbers. */
static void test_against_rest(const char *loss, double alpha, int sparse) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 90, .p = 4, .k = 3, .weighted = 1, .alpha = alpha});
  lc_design *x = sparse ? &t.sparse : &t.dense;
  lc_settings settings;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(&t, x);
  problem.pen.lambda = 0.03;
  problem.ovr = 1;
  lc_solution whole, one;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &whole) == LC_OK);
  double objective = 0, gap = 0, worst = 0, kkt = 0, iterations = 0, condition = NAN, y[90];
  lc_obs obs = t.obs;
  obs.y = y;
  for (int c = 0; c < 3; c++) {
    for (int i = 0; i < 90; i++) y[i] = t.y[i] == c;
    if (t.obs.offset) {
      obs.offset = t.obs.offset + c * 90;
      obs.noffset = 1;
    }
    lc_problem two = problem;
    two.k = 2;
    two.ovr = 0;
    two.obs = &obs;
    CHECK(lc_solve(&two, &settings, &t.host.host, &t.arena, &one) == LC_OK);
    objective += one.objective;
    gap += one.certificate.gap;
    kkt = fmax(kkt, one.certificate.kkt);
    iterations += one.report.iterations;
    condition = fmax(condition, one.report.condition);
    for (lc_index i = 0; i < t.q; i++) worst = fmax(worst, fabs(one.B[i] - whole.B[c * t.q + i]));
  }
  CHECK(worst == 0 && whole.K == 3 && whole.met && whole.fitted == NULL);
  CHECK_NEAR(whole.objective, objective, 1e-14);
  CHECK_NEAR(whole.certificate.gap, gap, 1e-14);
  CHECK_NEAR(whole.report.condition, condition, 1e-14);
  CHECK(whole.certificate.kkt == kkt && whole.report.iterations == iterations);
  /* Stopped before the last class: of that there is the start, and of the whole no value. */
  double B[15];
  int told = 0;
  for (int i = 0; i < 15; i++) B[i] = 0.1 * i;
  problem.start = B;
  for (long at = 1; at <= 8; at++) {
    t.host.stop_at = at;
    t.host.polls = 0;
    lc_status status = lc_solve(&problem, &settings, &t.host.host, &t.arena, &whole);
    if (t.host.polls < at) break;
    if (status < 0) continue; /* nothing had a value yet */
    CHECK(status == LC_INTERRUPTED);
    if (memcmp(whole.B + 2 * t.q, B + 2 * t.q, (size_t)t.q * sizeof(double)) != 0) continue;
    CHECK(!whole.met && isnan(whole.objective) && isnan(whole.loss) && whole.certificate.kind == LC_KKT_ONLY);
    CHECK(isnan(whole.certificate.gap) && isnan(whole.certificate.relative));
    told++;
  }
  CHECK(told > 0);
  ctest_problem_free(&t);
}

/* Each class has its own start, where it stays when there are no steps; what one class cannot promise the whole does
 * not: rows of the last class are all wrong and far from where they have curvature. */
static void test_rest_of_starts(void) {
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = 90, .p = 1, .k = 3, .no_intercept = 1});
  for (lc_index i = 0; i < t.n; i++) t.x[i] = (t.y[i] == 2 ? 1 : -1) * (1 + 0.01 * (double)(i / 3));
  ctest_problem_refresh(&t);
  lc_settings settings;
  ctest_presets(&settings);
  settings.max_iter = 0;
  const double from[] = {0.1, -0.2, -5};
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find("lbfgs");
  problem.loss = lc_loss_find("logistic");
  problem.ovr = 1;
  problem.start = from;
  lc_solution out;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_MAX_ITER);
  for (int c = 0; c < 3; c++) CHECK(out.B[c] == from[c]);
  CHECK(!out.met && out.certificate.kind == LC_KKT_ONLY && isnan(out.certificate.gap));
  ctest_problem_free(&t);
}

/* A column in units of 2^-300 has its bounds in them, and its coefficient; the minimum is the same. */
static void test_units_of_bounds(const char *loss) {
  ctest_problem t;
  lc_solution out[2];
  const double unit = ldexp(1, 300);
  double B[2][5], objective[2];
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = 120, .p = 4, .k = 2, .weighted = 1});
  double lower[4], upper[4];
  for (int j = 0; j < 4; j++) lower[j] = -0.05, upper[j] = 0.1 + 0.1 * j;
  t.pen.lower = lower;
  t.pen.upper = upper;
  for (int large = 0; large < 2; large++) {
    lc_settings settings;
    ctest_presets(&settings);
    for (lc_index i = 0; large && i < t.n; i++) t.x[i] *= unit;
    if (large) lower[0] /= unit, upper[0] /= unit;
    ctest_problem_refresh(&t);
    lc_problem problem = ctest_lc_problem(&t, &t.dense);
    CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, out + large) == LC_OK);
    CHECK(out[large].B[1] >= lower[0] && out[large].B[1] <= upper[0]);
    objective[large] = out[large].objective;
    memcpy(B[large], out[large].B, sizeof B[large]);
  }
  CHECK(B[0][1] == -0.05);
  CHECK_NEAR(objective[1], objective[0], 1e-8);
  CHECK_NEAR(B[1][1] * unit, B[0][1], 1e-12);
  for (int j = 2; j < 5; j++) CHECK_NEAR(B[1][j], B[0][j], 1e-3);
  ctest_problem_free(&t);
}

/* Where second derivatives of all rows would cost more than a fit did, those of a sample go with the gradient of all:
 * nothing is left at the optimum, and near it what the objective lies above, to within the error of a sample. */
static void test_sampled_decrement(void) {
  enum { ROWS = 12000, COLUMNS_HERE = 20 };
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = ROWS, .p = COLUMNS_HERE, .k = 2, .weighted = 1});
  ctest_presets(&settings);
  settings.tolerance = 1e-12;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
  lc_objective *obj = out.fitted;
  double least = obj->at.value, B[COLUMNS_HERE + 1];
  for (int moved = 0; moved < 2; moved++) {
    lc_certificate certificate;
    lc_report report = {.decrement = NAN};
    memcpy(B, obj->at.B, sizeof B);
    for (int j = 0; moved && j <= COLUMNS_HERE; j++) B[j] += 0.01 * ctest_normal();
    CHECK(lc_objective_eval(obj, B, LC_WANT_GRADIENT) == LC_OK);
    lc_objective_accept(obj);
    CHECK(lc_certify(obj, LC_WANT_GRADIENT, 1, &report, &certificate) == LC_OK);
    CHECK(certificate.kind == LC_SAMPLED_DECREMENT);
    double above = obj->at.value - least;
    CHECK(moved ? fabs(certificate.gap / above - 1) < 0.1 : certificate.gap >= 0 && certificate.gap < 1e-9);
    CHECK_NEAR(certificate.relative, certificate.gap / obj->at.value, 1e-14);
  }
  ctest_problem_free(&t);
}

/* Within bounds, half the squared decrement of the coefficients that no bound holds is what a point near the optimum
 * loses to it; it takes the place of a gap that is larger, and of no other. */
static void test_decrement_within_bounds(void) {
  ctest_problem t;
  lc_objective obj;
  double B[9], upper = 0, lower = 0, open = 0;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = 300, .p = 8, .k = 2, .weighted = 1});
  ctest_problem_bound(&t, -0.15, 0.35);
  double best = ctest_best(&t, &t.dense, 0, 1e-12, B);
  for (int j = 1; j < 9; j++) {
    upper += B[j] >= 0.35;
    lower += B[j] <= -0.15;
    if (B[j] > -0.15 && B[j] < 0.35) open++, B[j] *= 0.95;
  }
  CHECK(upper > 0 && lower > 0 && open > 0);
  B[0] += 0.03;
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT) == LC_OK);
  lc_objective_accept(&obj);
  double lost = obj.at.value - best;
  for (int better = 0; better < 2; better++) {
    lc_certificate out = {LC_GAP, 1, better ? 1e-9 : 1, 0};
    lc_report report = {.decrement = NAN};
    CHECK(lc_certify_within_bounds(&obj, &report, &out) == LC_OK);
    CHECK(out.kind == (better ? LC_GAP : LC_DECREMENT) && out.relative <= (better ? 1e-9 : 1));
    if (better) continue;
    CHECK(out.gap > 0.85 * lost && out.gap < 1.15 * lost);
    CHECK_NEAR(out.relative, out.gap / obj.at.value, 1e-14);
  }
  ctest_problem_free(&t);
}

/* An intercept that is held stays where it is, far columns or not: the fit is the one with that offset and without an
 * intercept of that score. */
static void test_held_intercept(int k, int which) {
  enum { ROWS = 160, MOST_P = 8 };
  ctest_problem t;
  lc_settings settings;
  lc_solution out;
  double B[MOST_P] = {0}, other[MOST_P], offset[2 * ROWS];
  unsigned char held[MOST_P] = {0};
  ctest_problem_make(&t, lc_loss_find("softmax"),
                     (ctest_shape){.n = ROWS, .p = 2, .k = k, .reference = 1, .weighted = 1});
  for (lc_index i = 0; i < t.n; i++) t.x[i] += 100;
  ctest_problem_refresh(&t);
  ctest_presets(&settings);
  settings.tolerance = 1e-12;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.held = held;
  problem.start = B;
  held[which * t.q] = 1;
  B[which * t.q] = 0.7;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
  CHECK(out.B[which * t.q] == 0.7);
  double objective = out.objective;
  memcpy(other, out.B, (size_t)(t.q * t.coding.K) * sizeof(double));
  /* The same, the intercept held at 0 and its value in the offsets. */
  memcpy(offset, t.offset, (size_t)(t.n * t.coding.K) * sizeof(double));
  for (lc_index i = 0; i < t.n; i++) t.offset[i + which * t.n] += 0.7;
  B[which * t.q] = 0;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_OK);
  CHECK_NEAR(out.objective, objective, 1e-12);
  for (lc_index i = 0; i < t.q * t.coding.K; i++)
    CHECK_NEAR(out.B[i], i == which * t.q ? 0 : other[i], 1e-6);
  /* Nothing is gained by any other coefficient. */
  memcpy(t.offset, offset, (size_t)(t.n * t.coding.K) * sizeof(double));
  for (lc_index i = 0; i < t.q * t.coding.K; i++) held[i] = !held[i];
  CHECK_NEAR(ctest_descent(&t, other, held), 0, 1e-6);
  ctest_problem_free(&t);
}

/* Offsets that are far from 0, one and the same in all rows, only move the intercept. */
static void test_far_offsets(const char *loss, int k, double far) {
  ctest_problem t;
  double B[2][12], objective[2];
  ctest_shape shape = {.n = 120, .p = 3, .k = k, .reference = k > 2, .weighted = 1};
  ctest_problem_make(&t, lc_loss_find(loss), shape);
  for (int moved = 0; moved < 2; moved++) {
    for (lc_index i = 0; i < t.n * t.coding.K; i++) t.offset[i] += moved ? (i < t.n ? far : -far) : 0;
    objective[moved] = ctest_best(&t, &t.dense, 0, 1e-10, B[moved]);
  }
  CHECK_NEAR(objective[1], objective[0], 1e-9);
  for (lc_index i = 0; i < t.q * t.coding.K; i++) {
    double shift = i % t.q ? 0 : i < t.q ? -far : far;
    CHECK_NEAR(B[1][i], B[0][i] + shift, 1e-4);
  }
  ctest_problem_free(&t);
}

void test_covariance(void) {
  ctest_seed(29);
  test_sampled_start();
  for (int sparse = 0; sparse < 2; sparse++)
    for (int offset = 0; offset < 2; offset++) {
      static const double means[] = {0, 50, 20000}; /* the last hides the spread */
      for (size_t m = 0; m < sizeof means / sizeof *means; m++) {
        if (sparse && m > 0) continue; /* not centred, and not well conditioned */
        test_one("logistic", 2, 0, sparse, means[m], offset, 0, NULL);
        test_one("softmax", 2, 0, sparse, means[m], offset, 0, NULL);
        test_one("softmax", 3, 0, sparse, means[m], offset, 0, NULL);
        test_one("softmax", 3, 1, sparse, means[m], offset, 0, NULL);
        /* A solver that knows no second derivatives leaves none. */
        test_one("logistic", 2, 0, sparse, means[m], offset, 0, "lbfgs");
        test_one("softmax", 3, 0, sparse, means[m], offset, 0, "lbfgs");
      }
    }
  /* A mean that a fit leaves as it is costs digits of the covariance where columns are nearly dependent, too. */
  test_one("logistic", 2, 0, 0, 25, 0, -1, NULL);
  test_one("softmax", 3, 1, 0, 25, 0, -1, NULL);
  test_aliased(0, 1);
  test_aliased(25, 2);
  test_against_rest("squared_hinge", 0.5, 0);
  test_against_rest("squared_hinge", 0, 0);
  test_against_rest("hinge", 0, 1);
  test_rest_of_starts();
  test_units_of_bounds("logistic");
  test_units_of_bounds("hinge");
  test_sampled_decrement();
  test_decrement_within_bounds();
  test_held_intercept(2, 0);
  test_held_intercept(3, 1);
  test_far_offsets("logistic", 2, 120);
  test_far_offsets("softmax", 3, -90);
}
