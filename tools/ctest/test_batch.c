/* Tests of steps on batches: against their definition, lazily against in full, and of orders of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "base/random.h"
#include "solver/batch_step.h"

void test_batch(void);

enum { N = 60, P = 12, M = 7, MOST = 3 };

typedef struct data {
  ctest_problem t;
  double lower[P], upper[P], rms[P];
} data;

/* Columns of very different sizes with one entry in five. */
static void setup(data *d, const char *loss, int k, double lambda, double alpha, int bounded) {
  ctest_problem *t = &d->t;
  ctest_problem_make(t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = k, .weighted = 1, .alpha = alpha});
  for (int i = 0; i < N; i += 5) t->w[i] = 0;
  for (int j = 0; j < P; j++) {
    double size = pow(10, j % 5 - 2);
    for (int i = 0; i < N; i++) t->x[i + j * N] *= ctest_uniform() < 0.7 ? 0 : size;
    t->l1[j] *= size;
    t->l2[j] *= size * size;
    d->lower[j] = -0.2 / size;
    d->upper[j] = j % 3 == 0 ? 0.1 / size : INFINITY;
  }
  ctest_problem_refresh(t);
  for (int j = 0; j < P; j++) d->rms[j] = hypot(t->mean[j], t->sd[j]);
  t->pen.lambda = lambda;
  if (!bounded) return;
  t->pen.lower = d->lower;
  t->pen.upper = d->upper;
}

static void begin(data *d, const lc_design *x, lc_objective *obj) {
  ctest_problem *t = &d->t;
  CHECK(lc_objective_init(obj, x, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  obj->rms = d->rms;
}

/* Steps that touch the entries of a batch only, and steps on everything, come to the same. */
static void test_lazy(data *d, double rate) {
  lc_objective obj[2];
  lc_batch batch[2];
  double zero[MOST * (P + 1)] = {0};
  const lc_design *x[] = {&d->t.dense, &d->t.sparse};
  for (int s = 0; s < 2; s++) {
    begin(d, x[s], obj + s);
    CHECK(lc_batch_init(batch + s, obj + s, M, zero, rate, 0, 1) == LC_OK);
    CHECK(batch[s].lazy == s);
    for (int epoch = 0; epoch < 3; epoch++) {
      lc_index order[N];
      lc_random random = lc_random_stream(5, (uint64_t)epoch);
      for (int i = 0; i < N; i++) order[i] = i;
      lc_random_shuffle(&random, N, order);
      for (lc_index at = 0; at < N; at += M) lc_batch_step(batch + s, lc_min(M, N - at), order + at, 1);
      lc_batch_settle(batch + s);
    }
  }
  CHECK(ctest_distance(obj->P, batch[1].B, batch[0].B) < 1e-9);
  CHECK_NEAR(batch[1].loss, batch[0].loss, 1e-9);
}

/* One step with a rate, from its definition. */
static void test_definition(data *d, double rate, double momentum) {
  lc_objective obj;
  lc_batch batch;
  begin(d, &d->t.dense, &obj);
  int K = obj.K, q = P + 1;
  lc_index index[M] = {3, 4, 5, 40, 11, 12, 59};
  double *B = ctest_normals(obj.P), *before = ctest_normals(obj.P), want[MOST * (P + 1)] = {0}, total = 0;
  CHECK(lc_batch_init(&batch, &obj, M, B, rate, momentum, 0) == LC_OK);
  memcpy(batch.B_before, before, (size_t)obj.P * sizeof(double));
  for (int i = 0; i < M; i++) {
    double z[MOST], r[MOST], xi[P + 1] = {1};
    for (int j = 0; j < P; j++) xi[j + 1] = d->t.x[index[i] + j * N];
    for (int c = 0; c < K; c++) {
      z[c] = d->t.offset[index[i] + c * N];
      for (int j = 0; j < q; j++) z[c] += xi[j] * B[j + c * q];
    }
    d->t.loss->rows(&d->t.coding, &(lc_loss_block){.m = 1, .z = z, .y = d->t.y + index[i], .r = r, .ldz = 1, .ldr = 1});
    for (int c = 0; c < K; c++)
      for (int j = 0; j < q; j++) want[j + c * q] += d->t.w[index[i]] * r[c] * xi[j];
    total += d->t.w[index[i]];
  }
  for (int c = 0; c < K; c++)
    for (int j = 0; j < q; j++) {
      lc_index i = j + c * q;
      double l2 = j > 0 ? lc_penalty_l2(&d->t.pen, j - 1) : 0;
      want[i] = B[i] - rate * (want[i] / total + l2 * B[i]) + momentum * (B[i] - before[i]);
      if (j > 0) want[i] = lc_penalty_prox(&d->t.pen, j - 1, want[i], 1 / rate);
    }
  lc_batch_step(&batch, M, index, 1);
  CHECK(ctest_distance(obj.P, batch.B, want) < 1e-12);
  free(B), free(before);
}

/* Mean loss of a batch at B; w as the search divides them. */
static double batch_loss(const data *d, const double *B, const lc_index *index) {
  int K = d->t.coding.K, q = P + 1;
  double sum = 0;
  for (int i = 0; i < M; i++) {
    double z[MOST], value;
    for (int c = 0; c < K; c++) {
      z[c] = d->t.offset[index[i] + c * N] + B[c * q];
      for (int j = 0; j < P; j++) z[c] += d->t.x[index[i] + j * N] * B[c * q + 1 + j];
    }
    d->t.loss->rows(&d->t.coding, &(lc_loss_block){.m = 1, .z = z, .y = d->t.y + index[i], .value = &value, .ldz = 1});
    sum += d->t.w[index[i]] * value;
  }
  return sum;
}

/* A searched step lowers the batch's loss wherever it starts, and whatever the size of an outlier. */
static void test_search(data *d) {
  lc_objective obj;
  begin(d, &d->t.dense, &obj);
  for (int trial = 0; trial < 30; trial++) {
    lc_batch batch;
    lc_index index[M];
    double *B = ctest_normals(obj.P);
    for (int i = 0; i < M; i++) index[i] = (lc_index)(N * ctest_uniform());
    if (trial % 3 == 0) d->t.x[index[0] + N] = 1e6 * ctest_normal();
    CHECK(lc_batch_init(&batch, &obj, M, B, NAN, 0, 0) == LC_OK);
    double before = batch_loss(d, B, index);
    lc_batch_step(&batch, M, index, 1);
    CHECK(batch_loss(d, batch.B, index) <= before * (1 + 1e-12));
    free(B);
  }
}

/* The mean gradient of what is known, from its definition, after two epochs of which the second is corrected. */
static void test_known(data *d, const lc_design *x) {
  lc_objective obj;
  lc_batch batch;
  double zero[MOST * (P + 1)] = {0};
  begin(d, x, &obj);
  CHECK(lc_batch_init(&batch, &obj, M, zero, NAN, 0, 1) == LC_OK);
  CHECK(lc_batch_remember(&batch) == LC_OK);
  for (int epoch = 0; epoch < 2; epoch++) {
    batch.corrected = epoch;
    for (lc_index at = 0; at < N; at += M) {
      lc_index order[M];
      for (lc_index i = 0; i < M; i++) order[i] = (7 * (at + i)) % N;
      lc_batch_step(&batch, lc_min(M, N - at), order, 1);
    }
    lc_batch_settle(&batch);
  }
  for (int c = 0; c < obj.K; c++)
    for (int j = 0; j <= P; j++) {
      double sum = 0;
      for (int i = 0; i < N; i++)
        sum += d->t.w[i] * batch.table[i + c * N] * (j == 0 ? 1 : d->t.x[i + (j - 1) * N]) / obj.weight_sum;
      double scale = j == 0 ? 1 : d->rms[j - 1];
      CHECK_NEAR(batch.table_gradient[j + c * obj.q] / scale, sum / scale, 1e-12);
    }
}

/* A table that is filled at B holds the derivatives there of the rows that were listed, and nothing of others; the loss
 * of listed rows is the weighted mean of theirs. */
static void test_fill(data *d, const lc_design *x) {
  enum { SOME = 41 };
  lc_objective obj;
  lc_batch batch;
  lc_index order[SOME];
  double w[SOME], loss = 0, total = 0, found, value, z[MOST], r[MOST];
  begin(d, x, &obj);
  double *B = ctest_normals(obj.P);
  for (lc_index i = 0; i < obj.P; i++) B[i] *= 0.1;
  for (lc_index i = 0; i < SOME; i++) {
    order[i] = (7 * i) % N;
    w[i] = 1 + (double)(i % 3);
  }
  CHECK(lc_batch_init(&batch, &obj, M, B, NAN, 0, 1) == LC_OK);
  CHECK(lc_batch_remember(&batch) == LC_OK);
  batch.n = SOME;
  CHECK(lc_batch_fill(&batch, order) == LC_OK);
  double *G = ctest_normals(obj.P);
  memset(G, 0, (size_t)obj.P * sizeof(double));
  int same = 1, known[N] = {0};
  for (lc_index i = 0; i < SOME; i++) {
    lc_index row = order[i];
    known[row] = 1;
    for (int c = 0; c < obj.K; c++) {
      z[c] = B[c * obj.q];
      for (int j = 0; j < P; j++) z[c] += d->t.x[row + j * N] * B[c * obj.q + 1 + j];
      if (d->t.obs.offset) z[c] += d->t.obs.offset[row + c * N];
    }
    lc_loss_block rows = {.m = 1, .z = z, .y = d->t.y + row, .value = &value, .r = r, .ldz = 1, .ldr = 1};
    d->t.loss->rows(&d->t.coding, &rows);
    loss += w[i] * value;
    total += w[i];
    for (int c = 0; c < obj.K; c++) {
      if (d->t.w[row] > 0) same = same && fabs(batch.table[row + c * N] - r[c]) <= 1e-9;
      for (int j = 0; j <= P; j++)
        G[c * obj.q + j] += d->t.w[row] * r[c] * (j == 0 ? 1 : d->t.x[row + (j - 1) * N]) / obj.weight_sum;
    }
  }
  for (int i = 0; i < N; i++)
    for (int c = 0; !known[i] && c < obj.K; c++) same = same && batch.table[i + c * N] == 0;
  CHECK(same);
  for (int c = 0; c < obj.K; c++)
    for (int j = 0; j <= P; j++) {
      double scale = j == 0 ? 1 : d->rms[j - 1];
      CHECK_NEAR(batch.table_gradient[j + c * obj.q] / scale, G[j + c * obj.q] / scale, 1e-11);
    }
  CHECK(lc_batch_validate(&batch, &(lc_validation){SOME, order, w}, B, &found) == LC_OK);
  CHECK_NEAR(found, loss / total, 1e-11);
  free(B), free(G);
}

/* Whatever is known, the correction of a batch of all rows is none. */
static void test_whole_correction(data *d) {
  lc_objective obj;
  lc_index index[N];
  begin(d, &d->t.dense, &obj);
  for (int i = 0; i < N; i++) index[i] = i;
  lc_batch plain, corrected;
  double *B = ctest_normals(obj.P), *other = ctest_normals(obj.P);
  for (lc_index i = 0; i < obj.P; i++) B[i] *= 0.1, other[i] *= 0.1;
  CHECK(lc_batch_init(&corrected, &obj, N, other, NAN, 0, 0) == LC_OK);
  CHECK(lc_batch_remember(&corrected) == LC_OK);
  lc_batch_step(&corrected, N, index, 0);
  memcpy(corrected.B, B, (size_t)obj.P * sizeof(double));
  corrected.corrected = 1;
  corrected.searches = 0;
  lc_batch_step(&corrected, N, index, 1);
  CHECK(lc_batch_init(&plain, &obj, N, B, NAN, 0, 0) == LC_OK);
  lc_batch_step(&plain, N, index, 1);
  for (lc_index i = 0; i < obj.P; i++)
    CHECK(fabs(corrected.B[i] - plain.B[i]) <= 1e-9 * (fabs(plain.B[i] - B[i]) + fabs(B[i])));
  free(B), free(other);
}

/* Rows without weight move nothing. */
static void test_weightless(data *d) {
  for (int given = 0; given < 2; given++) {
    lc_objective obj;
    lc_batch batch;
    lc_index index[] = {0, 5, 10};
    begin(d, &d->t.dense, &obj);
    double *B = ctest_normals(obj.P);
    CHECK(lc_batch_init(&batch, &obj, 3, B, given ? 0.1 : NAN, 0, 0) == LC_OK);
    lc_batch_step(&batch, 3, index, 1);
    CHECK(memcmp(batch.B, B, (size_t)obj.P * sizeof(double)) == 0);
    free(B);
  }
}

/* A step by a metric goes along -H^-1 (gradient of the batch + L2 B), H the Hessian of all rows at the start, which a
 * design this small is all sampled of, and lowers the batch's objective. */
static void test_metric_step(data *d) {
  lc_objective obj;
  lc_batch batch;
  lc_metric metric;
  lc_index index[M] = {3, 4, 6, 41, 11, 12, 59};
  begin(d, &d->t.dense, &obj);
  int q = P + 1, K = obj.K;
  double *B = ctest_normals(obj.P), *H = ctest_zeros(obj.P * obj.P), g[MOST * (P + 1)], step[MOST * (P + 1)];
  double ridge[2] = {0, 0}, cosine[3] = {0, 0, 0}, share = M * obj.weight_sum / N;
  for (lc_index i = 0; i < obj.P; i++) B[i] *= i % q == 0 ? 0.1 : 0.1 / d->rms[i % q - 1];
  CHECK(lc_objective_eval(&obj, B, LC_WANT_GRADIENT | LC_WANT_CURVATURE) == LC_OK);
  lc_objective_accept(&obj);
  lc_objective_hessian(&obj, 1, H);
  CHECK(lc_batch_init(&batch, &obj, M, B, NAN, 0, 0) == LC_OK);
  CHECK(lc_metric_bound(&obj, &metric) == LC_OK);
  CHECK(lc_metric_build(&obj, B, &metric) == LC_OK);
  batch.metric = &metric;
  lc_batch_step(&batch, M, index, 1);
  for (lc_index i = 0; i < obj.P; i++) { /* the batch's gradient by differences of its loss */
    double h = 1e-5 * (i % q == 0 ? 1 : 1 / d->rms[i % q - 1]), b = B[i], up, down;
    B[i] = b + h, up = batch_loss(d, B, index);
    B[i] = b - h, down = batch_loss(d, B, index);
    B[i] = b;
    g[i] = (up - down) / (2 * h * share) + (i % q == 0 ? 0 : lc_penalty_l2(&d->t.pen, i % q - 1) * b);
  }
  for (lc_index i = 0; i < obj.P; i++) { /* H step is along g, coefficients in units of their columns */
    double unit = i % q == 0 ? 1 : d->rms[i % q - 1];
    step[i] = 0;
    for (lc_index j = 0; j < obj.P; j++) step[i] += H[i + j * obj.P] * (B[j] - batch.B[j]);
    cosine[0] += step[i] * g[i] / (unit * unit);
    cosine[1] += step[i] * step[i] / (unit * unit);
    cosine[2] += g[i] * g[i] / (unit * unit);
  }
  if (K == 1) CHECK_NEAR(cosine[0] / sqrt(cosine[1] * cosine[2]), 1, 1e-5);
  const double *ends[] = {B, batch.B};
  for (int e = 0; e < 2; e++) ridge[e] = lc_penalty_value(&d->t.pen, K, ends[e]);
  CHECK(batch_loss(d, batch.B, index) / share + ridge[1] <= batch_loss(d, B, index) / share + ridge[0]);
  double slope[2], value[2]; /* the search has left little of the slope along the step */
  for (int e = 0; e < 2; e++) {
    for (int side = 0; side < 2; side++) {
      double s = e + (side ? 1e-5 : -1e-5);
      for (lc_index i = 0; i < obj.P; i++) step[i] = B[i] + s * (batch.B[i] - B[i]);
      value[side] = batch_loss(d, step, index) / share + lc_penalty_value(&d->t.pen, K, step);
    }
    slope[e] = (value[1] - value[0]) / 2e-5;
  }
  CHECK(slope[0] < 0 && fabs(slope[1]) <= 0.2 * -slope[0]);
  free(B), free(H);
}

/* A dense batch of more rows than the design loads at once is worked on in pieces, with the same result as the rows of
 * a view, which needs none. */
static void test_pieces(void) {
  enum { ROWS = 3000 };
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  double *X = ctest_normals(ROWS), *y = ctest_zeros(ROWS), none[] = {0}, zero[] = {0, 0}, B[2][2];
  lc_index *order = malloc(ROWS * sizeof *order);
  for (lc_index i = 0; i < ROWS; i++) y[i] = X[i] + ctest_normal() > 0;
  for (int backwards = 0; backwards < 2; backwards++) {
    lc_design x;
    lc_design_dense(&x, ROWS, 1, LC_DOUBLE, X);
    x.intercept = 1;
    const lc_obs obs = {.n = ROWS, .y = y};
    lc_penalty pen = {1, 1, 0, none, none, NULL, NULL, 0};
    lc_coding coding;
    lc_objective obj;
    lc_batch batch;
    const lc_loss *loss = lc_loss_find("logistic");
    CHECK(lc_coding_make(loss, 2, 0, &coding) == LC_OK);
    CHECK(lc_objective_init(&obj, &x, &obs, loss, &coding, &pen, 1, &arena) == LC_OK);
    CHECK(lc_batch_init(&batch, &obj, ROWS, zero, NAN, 0, 0) == LC_OK);
    for (lc_index i = 0; i < ROWS; i++) order[i] = backwards ? ROWS - 1 - i : i;
    for (int step = 0; step < 5; step++) lc_batch_step(&batch, ROWS, order, 1);
    memcpy(B[backwards], batch.B, sizeof B[0]);
  }
  CHECK_NEAR(B[1][0], B[0][0], 1e-12);
  CHECK_NEAR(B[1][1], B[0][1], 1e-12);
  CHECK(B[0][1] > 0.5);
  ctest_host_free(&host);
  free(X), free(y), free(order);
}

/* Large batches are cut into parts, which threads share: a step on all rows is one of gradient descent, and steps are
 * the same to the last bit on one thread and on several, for rows in runs and in any order, with a table and without.
 */
static void test_parts(const char *name, int k, int table) {
  enum { ROWS = 700, COLUMNS = 60, BATCH = 512, EPOCHS = 3 };
  static const int threads[] = {1, 3};
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find(name), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = k, .weighted = 1});
  const double rate = 0.01;
  lc_index P = t.q * t.coding.K, order[ROWS];
  double *B = ctest_normals(P), *G = ctest_zeros(P), *ends[2];
  ctest_gradient(&t, B, G);
  for (int runs = 0; runs < 2; runs++) {
    lc_random random = lc_random_stream(3, 1);
    for (int i = 0; i < ROWS; i++) order[i] = (i + 200) % ROWS; /* two runs of neighbours */
    if (!runs) lc_random_shuffle(&random, ROWS, order);
    for (int s = 0; s < 2; s++) {
      lc_objective obj;
      lc_batch whole, batch;
      t.host.host.threads = threads[s];
      CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
      CHECK(lc_batch_init(&whole, &obj, ROWS, B, rate, 0, 0) == LC_OK);
      lc_batch_step(&whole, ROWS, order, 1);
      CHECK(whole.parts > 1 || runs);
      for (lc_index i = 0; i < P; i++) CHECK_NEAR(whole.B[i], B[i] - rate * G[i], 1e-11);
      double *rms = ctest_zeros(COLUMNS);
      for (int j = 0; j < COLUMNS; j++) rms[j] = hypot(t.mean[j], t.sd[j]);
      obj.rms = rms;
      CHECK(lc_batch_init(&batch, &obj, BATCH, B, NAN, 0, 0) == LC_OK);
      if (table) CHECK(lc_batch_remember(&batch) == LC_OK);
      if (table) CHECK(lc_batch_fill(&batch, order) == LC_OK);
      batch.corrected = table;
      for (int epoch = 0; epoch < EPOCHS; epoch++)
        for (lc_index at = 0; at < ROWS; at += BATCH) lc_batch_step(&batch, lc_min(BATCH, ROWS - at), order + at, 1);
      ends[s] = ctest_zeros(P);
      memcpy(ends[s], batch.B, (size_t)P * sizeof(double));
      free(rms);
    }
    CHECK(memcmp(ends[0], ends[1], (size_t)P * sizeof(double)) == 0);
    free(ends[0]), free(ends[1]);
  }
  t.host.host.threads = 1;
  ctest_problem_free(&t);
  free(B), free(G);
}

void test_batch(void) {
  static const double alphas[] = {0, 0.5, 1};
  static const struct {
    const char *loss;
    int k;
  } cases[] = {{"logistic", 2}, {"softmax", 3}, {"squared_hinge", 2}, {"hinge", 3}};
  ctest_seed(41);
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
    for (int a = 0; a < 3; a++)
      for (int bounded = 0; bounded < 2; bounded++) {
        static data d;
        setup(&d, cases[i].loss, cases[i].k, 0.02, alphas[a], bounded);
        test_lazy(&d, 0.01);
        test_lazy(&d, NAN);
        test_definition(&d, 0.05, 0);
        test_definition(&d, 0.05, 0.9);
        test_weightless(&d);
        test_known(&d, &d.t.dense);
        test_known(&d, &d.t.sparse);
        test_fill(&d, &d.t.dense);
        test_fill(&d, &d.t.sparse);
        if (!bounded && alphas[a] == 0 && d.t.loss->flags & LC_HESSIAN) {
          test_metric_step(&d);
          d.t.pen.lambda = 2;
          test_metric_step(&d);
        }
        d.t.pen.lambda = 0;
        if (!bounded) test_whole_correction(&d);
        if (!bounded) test_search(&d);
        ctest_problem_free(&d.t);
      }
  test_pieces();
  for (int table = 0; table < 2; table++) {
    test_parts("logistic", 2, table);
    test_parts("softmax", 4, table);
    test_parts("squared_hinge", 3, table);
  }
}
