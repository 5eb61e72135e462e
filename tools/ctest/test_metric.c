/* Tests of the room "metric": what a model solves, multiplied by the matrix that it stands for, comes back. */
#include "hessian/leading.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "hessian/metric.h"
#include "ctest.h"

void test_metric(void);

enum { N = 90, COLUMNS = 4, Q = COLUMNS + 1, MOST = Q * 3 };

typedef struct world {
  ctest_host host;
  lc_arena arena;
  lc_design x;
  lc_obs obs;
  lc_coding coding;
  lc_penalty pen;
  lc_objective obj;
  double data[N * COLUMNS], y[N], w[N], l1[COLUMNS], l2[COLUMNS], mean[COLUMNS], rms[COLUMNS];
} world;

/* Columns with means, weights, k classes; the objective stands at a random point. */
static void make_world(world *d, const char *name, int k, int reference, double lambda) {
  memset(d, 0, sizeof *d);
  double total = 0;
  for (int i = 0; i < N; i++) {
    d->y[i] = i % k;
    d->w[i] = 0.5 + ctest_uniform();
    total += d->w[i];
  }
  for (int j = 0; j < COLUMNS; j++) {
    for (int i = 0; i < N; i++) {
      double x = ctest_normal() + j - 1 + 0.5 * (d->y[i] == j);
      d->data[i + j * N] = x;
      d->mean[j] += d->w[i] * x / total;
      d->rms[j] += d->w[i] * x * x / total;
    }
    d->rms[j] = sqrt(d->rms[j]);
    d->l2[j] = 1 + j;
  }
  ctest_host_init(&d->host);
  lc_arena_init(&d->arena, &d->host.host);
  lc_design_dense(&d->x, N, COLUMNS, LC_DOUBLE, d->data);
  d->obs = (lc_obs){.n = N, .y = d->y, .w = d->w};
  d->x.intercept = 1;
  const lc_loss *loss = lc_loss_find(name);
  CHECK(lc_coding_make(loss, k, reference, &d->coding) == LC_OK);
  d->pen = (lc_penalty){COLUMNS, 1, lambda, d->l1, d->l2, NULL, NULL, 0};
  CHECK(lc_objective_init(&d->obj, &d->x, &d->obs, loss, &d->coding, &d->pen, 1, &d->arena) == LC_OK);
  d->obj.mean = d->mean;
  d->obj.rms = d->rms;
  double B[MOST];
  for (int i = 0; i < MOST; i++) B[i] = 0.4 * ctest_normal();
  CHECK(lc_objective_eval(&d->obj, B, LC_WANT_GRADIENT) == LC_OK);
  lc_objective_accept(&d->obj);
}

static double entry(const world *d, int i, int j) { return j == 0 ? 1 : d->data[i + (j - 1) * N]; }

/* w_i / W times the second derivatives of row i, K x K. */
static void row_curvature(const world *d, int i, double *S) {
  int K = d->obj.K;
  double z[3] = {0}, r[3], s[6];
  for (int c = 0; c < K; c++) z[c] = d->obj.at.Z[i + c * N];
  lc_loss_block rows = {.m = 1, .z = z, .y = d->y + i, .r = r, .s = s, .ldz = 1, .ldr = 1, .lds = 1};
  d->obj.loss->rows(&d->coding, &rows);
  for (int b = 0; b < K; b++)
    for (int a = 0; a <= b; a++) S[a + b * K] = S[b + a * K] = s[lc_packed_at(a, b)] * d->w[i] / d->obj.weight_sum;
}

static double ridge(const world *d, int j) { return j == 0 ? 0 : d->pen.lambda * d->l2[j - 1]; }

/* Is H times the solution of v equal to v? */
static void check_solves(int P, const double *H, lc_metric *metric) {
  double v[MOST], x[MOST], back[MOST];
  for (int i = 0; i < P; i++) v[i] = x[i] = ctest_normal();
  lc_metric_solve(metric, x);
  for (int i = 0; i < P; i++) {
    back[i] = 0;
    for (int j = 0; j < P; j++) back[i] += H[i + j * P] * x[j];
  }
  CHECK(ctest_distance(P, back, v) < 1e-6);
}

/* The arrow in full: slopes meet each other through the intercept alone. own[j]: mean s x_j, square: mean s x_j^2. */
static void add_arrow(const world *d, int c, const double *own, const double *square, double *H) {
  int P = (int)d->obj.P;
  for (int j = 0; j < Q; j++)
    for (int i = 0; i < Q; i++)
      H[c * Q + i + (c * Q + j) * P] = i == j ? square[j] + ridge(d, j) : own[i] * own[j] / own[0];
}

static void test_arrow(const char *name, int k) {
  static world d;
  make_world(&d, name, k, 0, 0.01);
  int K = d.obj.K;
  double H[MOST * MOST] = {0}, bound = lc_coding_bound(d.obj.loss, &d.coding), own[Q], square[Q], S[9];
  lc_metric metric;
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OK);
  for (int j = 0; j < Q; j++) {
    own[j] = bound * (j == 0 ? 1 : d.mean[j - 1]);
    square[j] = bound * (j == 0 ? 1 : d.rms[j - 1] * d.rms[j - 1]);
  }
  for (int c = 0; c < K; c++) add_arrow(&d, c, own, square, H);
  check_solves(Q * K, H, &metric);
  double passes = d.obj.passes;
  CHECK(lc_metric_refresh(&d.obj, &metric) == LC_OK);
  CHECK(d.obj.passes == passes + 1);
  for (int c = 0; c < K; c++) {
    memset(own, 0, sizeof own);
    memset(square, 0, sizeof square);
    for (int i = 0; i < N; i++) {
      row_curvature(&d, i, S);
      for (int j = 0; j < Q; j++) {
        own[j] += S[c * (K + 1)] * entry(&d, i, j);
        square[j] += S[c * (K + 1)] * entry(&d, i, j) * entry(&d, i, j);
      }
    }
    add_arrow(&d, c, own, square, H);
  }
  check_solves(Q * K, H, &metric);
  ctest_host_free(&d.host);
}

/* The Hessian, and S (x) G with the ridge, by sums over all rows. */
static void full_models(const world *d, double *H, double *product) {
  int K = d->obj.K, P = Q * K;
  double S[9], mean[9] = {0}, G[Q * Q] = {0}, total = 0;
  memset(H, 0, (size_t)(P * P) * sizeof(double));
  for (int i = 0; i < N; i++) {
    row_curvature(d, i, S);
    double trace = 0;
    for (int c = 0; c < K; c++) trace += S[c * (K + 1)];
    for (int c = 0; c < K * K; c++) mean[c] += S[c];
    total += trace;
    for (int b = 0; b < P; b++)
      for (int a = 0; a < P; a++) H[a + b * P] += S[a / Q + b / Q * K] * entry(d, i, a % Q) * entry(d, i, b % Q);
    for (int b = 0; b < Q; b++)
      for (int a = 0; a < Q; a++) G[a + b * Q] += trace * entry(d, i, a) * entry(d, i, b);
  }
  for (int b = 0; b < P; b++)
    for (int a = 0; a < P; a++) {
      double l2 = a == b ? ridge(d, a % Q) : 0;
      product[a + b * P] = mean[a / Q + b / Q * K] * G[a % Q + b % Q * Q] / total + l2;
      H[a + b * P] += l2;
    }
}

static void multiply(int P, const double *M, const double *x, double *out) {
  memset(out, 0, (size_t)P * sizeof(double));
  for (int j = 0; j < P; j++)
    for (int i = 0; i < P; i++) out[i] += M[i + j * P] * x[j];
}

/* Built of all rows, which so small a sample is. */
static void build(world *d, const char *name, int k, int reference, double lambda, lc_metric *metric) {
  make_world(d, name, k, reference, lambda);
  CHECK(lc_metric_bound(&d->obj, metric) == LC_OK);
  CHECK(isfinite(lc_metric_cost(&d->obj, metric->rows)));
  CHECK(lc_metric_build(&d->obj, d->obj.at.B, metric) == LC_OK);
  CHECK(metric->ready && metric->sample.n == N);
}

/* A shift common to all classes sees the ridge alone, and nothing where there is none. */
static void check_shift(const world *d, int reference, lc_metric *metric) {
  int K = d->obj.K, P = Q * K;
  double x[MOST];
  for (int i = 0; i < P; i++) x[i] = i % Q;
  lc_metric_solve(metric, x);
  for (int i = 0; i < P && !reference && K > 1; i++) {
    double l2 = ridge(d, i % Q);
    CHECK_NEAR(x[i], l2 > 0 ? i % Q / l2 : 0, 1e-9);
  }
}

/* Without a penalty all directions of S share one factor and the product is exact; with one, members of a group have
 * l2 off by less than a factor 2. With one score it is the Hessian. */
static void test_kronecker(const char *name, int k, int reference, double lambda) {
  static world d;
  lc_metric metric;
  build(&d, name, k, reference, lambda, &metric);
  metric.leading.r = 0;
  int P = (int)d.obj.P;
  double H[MOST * MOST], M[MOST * MOST], v[MOST], x[MOST], back[MOST], form = 0, product = 0;
  full_models(&d, H, M);
  if ((lambda == 0 && reference) || d.obj.K == 1) check_solves(P, M, &metric);
  for (int i = 0; i < P; i++) v[i] = x[i] = i % Q == 0 ? 0 : ctest_normal();
  lc_metric_solve(&metric, x); /* x'v = x'Mx for the model M, between half and twice x'Hx */
  multiply(P, M, x, back);
  for (int i = 0; i < P; i++) {
    product += x[i] * v[i];
    form += x[i] * back[i];
  }
  CHECK(product > 0.5 * form && product < 2 * form);
  check_shift(&d, reference, &metric);
  ctest_host_free(&d.host);
}

/* In as many directions as coefficients the model is the Hessian, in fewer the Hessian where a step stays in them: the
 * right side M W c of the product M gives x = W y with W'Hx = W'M W c. */
static void test_leading(const char *name, int k, int reference, double lambda) {
  static world d;
  lc_metric metric;
  build(&d, name, k, reference, lambda, &metric);
  int K = d.obj.K, P = Q * K, r = 2;
  double H[MOST * MOST], M[MOST * MOST], W[MOST] = {0}, v[MOST], x[MOST], back[MOST];
  full_models(&d, H, M);
  CHECK(metric.leading.r == Q);
  if (reference) check_solves(P, H, &metric);
  check_shift(&d, reference, &metric);
  metric.leading.r = r;
  CHECK(lc_leading_fill(&d.obj, &metric, d.obj.at.Z) == LC_OK);
  check_shift(&d, reference, &metric);
  if (!reference || lambda > 0) { /* where the product is not known exactly */
    ctest_host_free(&d.host);
    return;
  }
  const double *V = metric.leading.V;
  for (int c = 0; c < K; c++)
    for (int a = 0; a < r; a++) {
      double weight = ctest_normal();
      for (int j = 0; j < Q; j++) W[c * Q + j] += weight * V[a * Q + j];
    }
  multiply(P, M, W, v);
  memcpy(x, v, sizeof x);
  lc_metric_solve(&metric, x);
  multiply(P, H, x, back);
  for (int c = 0; c < K; c++)
    for (int a = 0; a < r; a++) {
      double is = 0, want = 0;
      for (int j = 0; j < Q; j++) {
        is += V[a * Q + j] * back[c * Q + j];
        want += V[a * Q + j] * v[c * Q + j];
      }
      CHECK_NEAR(is, want, 1e-6);
    }
  ctest_host_free(&d.host);
}

/* A model that keeps a share of the sums of the point before it is that share of both Hessians. */
static void test_kept(void) {
  static world d;
  lc_metric metric;
  double H[2][MOST * MOST], M[MOST * MOST], B[MOST];
  make_world(&d, "logistic", 2, 0, 0.02);
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OK);
  metric.keep = 0.25;
  for (int point = 0; point < 2; point++) {
    for (int i = 0; i < Q; i++) B[i] = (point ? 2 : 0.2) * ctest_normal();
    CHECK(lc_objective_eval(&d.obj, B, LC_WANT_GRADIENT) == LC_OK);
    lc_objective_accept(&d.obj);
    CHECK(lc_metric_build(&d.obj, d.obj.at.B, &metric) == LC_OK);
    full_models(&d, H[point], M);
    for (int i = 0; i < Q * Q; i++) M[i] = point ? 0.75 * H[1][i] + 0.25 * H[0][i] : H[0][i];
    check_solves(Q, M, &metric);
  }
  ctest_host_free(&d.host);
}

/* A column that the sample hardly saw gets a hundredth of its mean square over all rows; an arrow of a column that is
 * constant a millionth. */
static void test_unseen(void) {
  static world d;
  lc_metric metric;
  double H[MOST * MOST], M[MOST * MOST], s = 0, S[1];
  make_world(&d, "logistic", 2, 0, 0.02);
  d.rms[1] *= 50;
  d.rms[3] = fabs(d.mean[3]);
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OK);
  double bound = lc_coding_bound(d.obj.loss, &d.coding);
  CHECK_NEAR(1 / metric.D[4], 1e-6 * bound * d.rms[3] * d.rms[3] + ridge(&d, 4), 1e-12);
  CHECK(lc_metric_build(&d.obj, d.obj.at.B, &metric) == LC_OK);
  full_models(&d, H, M);
  for (int i = 0; i < N; i++) {
    row_curvature(&d, i, S);
    s += S[0];
  }
  CHECK(H[2 * (Q + 1)] < 0.01 * s * d.rms[1] * d.rms[1]);
  H[2 * (Q + 1)] = 0.01 * s * d.rms[1] * d.rms[1] + ridge(&d, 2);
  check_solves(Q, H, &metric);
  ctest_host_free(&d.host);
}

/* No model: more columns than rows, very many classes, no memory. */
static void test_refusals(void) {
  static world d;
  make_world(&d, "softmax", 3, 0, 0.1);
  lc_metric metric;
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OK);
  d.x.n = Q - 1;
  CHECK(isinf(lc_metric_cost(&d.obj, metric.rows)));
  d.x.n = N;
  d.obj.K = 101;
  CHECK(isinf(lc_metric_cost(&d.obj, metric.rows)));
  d.obj.K = 3;
  d.host.limit = d.host.given + 1;
  lc_arena_init(&d.arena, &d.host.host);
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OUT_OF_MEMORY);
  CHECK(lc_metric_build(&d.obj, d.obj.at.B, &metric) == LC_OUT_OF_MEMORY);
  ctest_host_free(&d.host);
}

/* Columns that cannot be read one by one: the arrow stays as it is. */
static void test_no_moments(void) {
  static world d;
  lc_metric metric;
  double D[MOST], mean[MOST];
  make_world(&d, "softmax", 3, 0, 0.1);
  lc_design_ops ops = *d.x.ops;
  ops.moments = NULL;
  d.x.ops = &ops;
  CHECK(lc_metric_bound(&d.obj, &metric) == LC_OK);
  memcpy(D, metric.D, sizeof D);
  memcpy(mean, metric.mean, sizeof mean);
  CHECK(lc_metric_refresh(&d.obj, &metric) == LC_OK);
  CHECK(memcmp(D, metric.D, sizeof D) == 0 && memcmp(mean, metric.mean, sizeof mean) == 0);
  ctest_host_free(&d.host);
}

void test_metric(void) {
  ctest_seed(41);
  test_arrow("logistic", 2);
  test_arrow("softmax", 3);
  test_arrow("squared_hinge", 3);
  for (int ridge = 0; ridge < 2; ridge++) {
    test_kronecker("logistic", 2, 0, 0.02 * ridge);
    test_kronecker("squared_hinge", 2, 0, 0.02 * ridge);
    test_kronecker("softmax", 3, 1, 0.02 * ridge);
    test_kronecker("softmax", 3, 0, 0.02 * ridge);
    test_leading("softmax", 3, 0, 0.02 * ridge);
    test_leading("softmax", 3, 1, 0.02 * ridge);
    test_leading("squared_hinge", 3, 1, 0.02 * ridge);
  }
  test_kept();
  test_unseen();
  test_refusals();
  test_no_moments();
}
