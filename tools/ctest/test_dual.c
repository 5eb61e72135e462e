/* Tests of the extrapolation of sweeps of dual coordinate descent: what follows from the dual variables stays true to
 * its definition, the dual value does not fall, and where no bound is in the way it is the largest of the plane. */
#include "solver/dual_work.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_dual(void);

enum { N = 40, P = 7, CLASSES = 3 };

typedef struct world {
  ctest_problem t;
  lc_objective obj;
  lc_dual_work work;
  double centre[CLASSES];
} world;

static int width_of(const world *d) { return d->obj.coding.vector ? 1 : d->obj.K; }

/* R of row i for dual variables a. */
static void residuals_of(const world *d, lc_index i, const double *a, double *R) {
  int own = (int)d->t.y[i];
  double sum = 0;
  if (width_of(d) == 1) {
    R[0] = own ? -a[0] : a[0];
    return;
  }
  for (int c = 0; c < d->obj.K; c++) sum += R[c] = c == own ? 0 : a[c];
  R[own] = -sum;
}

static void make_world(world *d, int k, double most) {
  ctest_problem *t = &d->t;
  ctest_problem_make(t, lc_loss_find("hinge"), (ctest_shape){.n = N, .p = P, .k = k, .weighted = 1});
  t->pen.lambda = most > 1 ? 1e-4 : 0.1; /* with far bounds as curved as with near ones */
  for (int j = 0; j < P; j++) t->l2[j] = 1 + 0.2 * j;
  for (int i = 0; i < N; i++) t->w[i] = most * (0.5 + ctest_uniform());
  CHECK(lc_objective_init(&d->obj, &t->sparse, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  lc_dual_work *work = &d->work;
  int K = d->obj.K;
  *work = (lc_dual_work){.obj = &d->obj, .K = K, .n = N, .p = P, .flex = 0.3};
  CHECK(lc_objective_rows(&d->obj, &work->rows) == LC_OK);
  work->slope = lc_arena_zeros(&t->data, P * K);
  work->intercept = lc_arena_zeros(&t->data, K);
  work->total = lc_arena_zeros(&t->data, K);
  work->inverse = lc_arena_zeros(&t->data, P);
  work->row = lc_arena_alloc(&t->data, N, sizeof *work->row);
  work->a = lc_arena_zeros(&t->data, N * K);
  work->v = lc_arena_zeros(&t->data, K);
  work->change = lc_arena_zeros(&t->data, K);
  for (int j = 0; j < P; j++) work->inverse[j] = 1 / (d->obj.weight_sum * lc_penalty_l2(&t->pen, j));
  for (int i = 0; i < N; i++) work->row[i] = (lc_dual_row){0, t->w[i], 0, t->y[i] > 0 ? 1 : -1};
  for (int c = 0; c < K; c++) work->intercept[c] = d->centre[c] = 0.2 * ctest_normal();
  CHECK(lc_dual_momentum_init(work) == LC_OK);
}

/* What a sweep might do: all dual variables move by so much and a little at random, within their bounds. */
static void wander(world *d, double by, double size) {
  lc_dual_work *work = &d->work;
  double before[CLASSES], after[CLASSES];
  for (lc_index i = 0; i < N; i++) {
    double *a = lc_dual_of(work, i);
    residuals_of(d, i, a, before);
    for (int c = 0; c < width_of(d); c++)
      if (width_of(d) == 1 || c != (int)d->t.y[i]) a[c] += by + size * (ctest_uniform() - 0.5);
    lc_dual_clip(work, i, a);
    residuals_of(d, i, a, after);
    for (int c = 0; c < work->K; c++) {
      after[c] -= before[c];
      work->total[c] += after[c];
      work->intercept[c] -= work->flex * after[c];
    }
    lc_dual_push(work, i, after);
  }
}

/* The dual value by its definition from dual variables (width n). */
static double value_of(const world *d, const double *a) {
  int K = d->obj.K, width = width_of(d);
  double D = 0, slope[P * CLASSES] = {0}, total[CLASSES] = {0}, W = d->obj.weight_sum;
  for (lc_index i = 0; i < N; i++) {
    int own = (int)d->t.y[i];
    const double *offset = d->t.offset + i;
    double R[CLASSES];
    residuals_of(d, i, a + i * width, R);
    for (int c = 0; c < width; c++) {
      double gain = width == 1 ? 1 - (own ? offset[0] : -offset[0]) : 1 + offset[c * N] - offset[own * N];
      if (width == 1 || c != own) D += gain * a[i * width + c];
    }
    for (int c = 0; c < K; c++) {
      total[c] += R[c];
      for (int j = 0; j < P; j++) slope[j * K + c] -= d->t.x[i + j * N] * R[c] / (W * lc_penalty_l2(&d->t.pen, j));
    }
  }
  for (int j = 0; j < P; j++)
    for (int c = 0; c < K; c++) D -= W / 2 * lc_penalty_l2(&d->t.pen, j) * slope[j * K + c] * slope[j * K + c];
  for (int c = 0; c < K; c++) D += d->centre[c] * total[c] - d->work.flex / 2 * total[c] * total[c];
  return D;
}

static void copy(const world *d, double *a) {
  for (lc_index i = 0; i < N; i++)
    memcpy(a + i * width_of(d), lc_dual_of(&d->work, i), (size_t)width_of(d) * sizeof(double));
}

/* Slopes, sums and intercepts are those of the dual variables, and these within their bounds. */
static void check_state(const world *d) {
  const lc_dual_work *work = &d->work;
  int K = work->K, within = 1;
  double slope[P * CLASSES] = {0}, total[CLASSES] = {0};
  for (lc_index i = 0; i < N; i++) {
    double R[CLASSES];
    const double *a = lc_dual_of(work, i);
    for (int c = 0; c < width_of(d); c++) within = within && a[c] >= 0 && a[c] <= work->row[i].most;
    residuals_of(d, i, a, R);
    for (int c = 0; c < K; c++) {
      total[c] += R[c];
      for (int j = 0; j < P; j++) slope[j * K + c] -= d->t.x[i + j * N] * R[c] * work->inverse[j];
    }
  }
  CHECK(within);
  CHECK(ctest_distance(P * K, work->slope, slope) < 1e-11);
  CHECK(ctest_distance(K, work->total, total) < 1e-11);
  for (int c = 0; c < K; c++) CHECK_NEAR(work->intercept[c], d->centre[c] - work->flex * total[c], 1e-11);
}

/* Offsets for which the dual value is largest where the variables are now. */
static void settle(world *d) {
  static double a[N * CLASSES];
  int width = width_of(d);
  memset(d->t.offset, 0, (size_t)(N * d->obj.K) * sizeof(double));
  copy(d, a);
  static double offset[N * CLASSES];
  for (lc_index i = 0; i < N; i++)
    for (int c = 0; c < width; c++) {
      lc_index at = i * width + c;
      double slope = 0;
      for (int sign = -1; sign <= 1; sign += 2) {
        a[at] += sign;
        slope += 0.5 * sign * value_of(d, a);
        a[at] -= sign;
      }
      int own = (int)d->t.y[i];
      offset[i + c * N] = width == 1 ? (own ? slope : -slope) : c == own ? 0 : -slope;
    }
  memcpy(d->t.offset, offset, (size_t)(N * d->obj.K) * sizeof(double));
}

/* free: bounds that nothing comes near. */
static void test_sweeps(int k, int free) {
  static world d;
  static double a[4][N * CLASSES], other[N * CLASSES], drift[N * CLASSES];
  make_world(&d, k, free ? 1e3 : 0.4);
  lc_index size = N * width_of(&d);
  int rose = 0, stayed = 0, within = 0;
  wander(&d, free ? 5 : 0.3, 0.5);
  if (free) settle(&d);
  wander(&d, 0, 0.5);
  for (int round = 0; round < (free ? 6 : 40); round++) {
    copy(&d, a[0]);
    lc_dual_remember(&d.work);
    wander(&d, 0.02, free ? 0.2 : 0.4);
    copy(&d, a[1]);
    lc_dual_extrapolate(&d.work);
    copy(&d, a[2]);
    check_state(&d);
    double swept = value_of(&d, a[1]), here = value_of(&d, a[2]);
    CHECK(here >= swept - 1e-10 * fabs(swept));
    rose += here > swept;
    stayed += memcmp(a[2], a[1], (size_t)size * sizeof(double)) == 0;
    int inside = free;
    for (lc_index i = 0; i < size; i++)
      inside = inside && (a[2][i] > 0 || (k > 2 && i % k == (lc_index)d.t.y[i / k]));
    if (inside) { /* a stationary point along the sweep's move and along the last one */
      for (int way = 0; way < 2 - (round == 0); way++)
        for (int sign = -1; sign <= 1; sign += 2) {
          for (lc_index i = 0; i < size; i++)
            other[i] = a[2][i] + sign * 0.1 * (way ? drift[i] : a[1][i] - a[0][i]);
          CHECK(value_of(&d, other) < here);
        }
      within++;
    }
    for (lc_index i = 0; i < size; i++) drift[i] = a[2][i] - a[0][i];
  }
  CHECK(rose > 0 && (within > 1) == free && (free || stayed > 0)); /* bounds cut some planes */
  ctest_problem_free(&d.t);
}

void test_dual(void) {
  ctest_seed(109);
  for (int k = 2; k <= CLASSES; k++) {
    test_sweeps(k, 1);
    test_sweeps(k, 0);
  }
}
