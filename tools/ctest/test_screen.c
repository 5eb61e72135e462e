/* Tests of screening: bounds hold for every residual, proofs are never wrong, and what was learned is not lost before
 * its snapshot is. */
#include "screen.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"

void test_screen(void);

enum { N = 40, COLUMNS = 30, CLASSES = 3, LOOKS = 60 };

typedef struct world {
  ctest_host host;
  lc_arena arena;
  lc_screen screen;
  int K, centred;
  double x[N * COLUMNS], w[N], norm[COLUMNS];
  double r[N * CLASSES], relative[N * CLASSES]; /* residuals, and divided by the roots of the weights */
} world;

static void make_world(world *d, int K, int most, int weighted, int centred) {
  memset(d, 0, sizeof *d);
  ctest_host_init(&d->host);
  lc_arena_init(&d->arena, &d->host.host);
  d->K = K;
  d->centred = centred;
  double total = 0;
  for (int i = 0; i < N; i++) total += d->w[i] = !weighted ? 1 : i % 7 == 3 ? 0 : exp(2 * ctest_normal());
  for (int j = 0; j < COLUMNS; j++) {
    double mean = 0, level = j % 5 == 0 ? 20 : 0; /* some columns are mostly mean */
    for (int i = 0; i < N; i++) {
      d->x[i + j * N] = j == 3 ? 0 : j == 4 ? 2 : j == 6 ? d->x[i] : level + ctest_normal();
      mean += d->w[i] * d->x[i + j * N] / total;
    }
    for (int i = 0; i < N; i++) {
      double left = d->x[i + j * N] - (centred ? mean : 0);
      d->norm[j] += d->w[i] * left * left;
    }
    d->norm[j] = sqrt(d->norm[j]) * (1 + 1e-12);
  }
  CHECK(lc_screen_init(&d->screen, N, COLUMNS, K, most, d->norm, &d->arena) == LC_OK);
}

/* The next residuals: a share of the last ones and something new; they sum to zero where columns are centred. */
static void next_residuals(world *d, double share, double news) {
  for (int c = 0; c < d->K; c++) {
    double *r = d->r + c * N, sum = 0, total = 0;
    for (int i = 0; i < N; i++) {
      r[i] = share * r[i] + news * d->w[i] * ctest_normal();
      sum += r[i];
      total += d->w[i];
    }
    for (int i = 0; i < N; i++) {
      if (d->centred) r[i] -= d->w[i] * sum / total;
      d->relative[i + c * N] = d->w[i] > 0 ? r[i] / sqrt(d->w[i]) : 0;
    }
  }
  lc_screen_look(&d->screen, d->relative);
}

static double dot_of(const world *d, int j, int c) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += d->x[i + j * N] * d->r[i + c * N];
  return sum;
}

static double size_of(const world *d, int c) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += d->relative[i + c * N] * d->relative[i + c * N];
  return sqrt(sum);
}

static void learn(world *d, int j) {
  double c[CLASSES];
  for (int k = 0; k < d->K; k++) c[k] = dot_of(d, j, k);
  lc_screen_learn(&d->screen, j, c, 1);
}

/* Members count the features of each snapshot; nobody refers to a snapshot that is not there. */
static void check_members(const world *d) {
  int counted[LC_MOST_SNAPSHOTS] = {0}, right = d->screen.count <= d->screen.most;
  for (int j = 0; j < COLUMNS; j++) {
    right = right && d->screen.stamp[j] < d->screen.count;
    if (d->screen.stamp[j] >= 0) counted[d->screen.stamp[j]]++;
  }
  for (int s = 0; s < d->screen.count; s++) right = right && counted[s] == d->screen.members[s];
  CHECK(right);
}

/* The number of features that a proof held at 0 for a threshold that one in ten dots exceeds. */
static int check_bounds(const world *d) {
  int above = 1, sound = 1, exact = 1, shrinks = 1, proved = 0;
  for (int j = 0; j < COLUMNS; j++) {
    double most = 0, square = 0, threshold = 1e-3 + 2 * ctest_uniform() * d->norm[j] * size_of(d, 0);
    for (int c = 0; c < d->K; c++) {
      double dot = fabs(dot_of(d, j, c)), bound = lc_screen_bound(&d->screen, j, c, 1);
      double slack = 1e-12 * (d->norm[j] + 20 * sqrt(N)) * size_of(d, c);
      above = above && bound >= dot - slack;
      shrinks = shrinks && !(lc_screen_bound(&d->screen, j, c, 0.3) > bound);
      if (d->screen.stamp[j] == d->screen.now) exact = exact && fabs(bound - dot) <= slack;
      most = fmax(most, dot - slack);
      square += fmax(dot - slack, 0) * fmax(dot - slack, 0);
    }
    int proof = lc_screen_proves(&d->screen, j, 1, threshold, 1);
    sound = sound && !(proof && most >= threshold);
    proved += proof;
    int group = lc_screen_proves(&d->screen, j, d->K, threshold, 1); /* of the norm over score columns */
    sound = sound && !(group && (!proof || sqrt(square) >= threshold));
    sound = sound && !(lc_screen_proves(&d->screen, j, 1, most, 1) && most > 0);
  }
  CHECK(above);
  CHECK(sound);
  CHECK(exact);
  CHECK(shrinks);
  return proved;
}

/* Residuals wander, features are looked at now and then, snapshots come and go. */
static void test_walk(int K, int most, int weighted, int centred) {
  static world d;
  int proved = 0;
  make_world(&d, K, most, weighted, centred);
  next_residuals(&d, 0, 1);
  CHECK(check_bounds(&d) == 0); /* nothing is known */
  for (int look = 0; look < LOOKS; look++) {
    for (int j = 0; j < COLUMNS; j++)
      if (ctest_uniform() < (look % 3 == 0 ? 0.05 : 0.3)) learn(&d, j);
    check_members(&d);
    proved += check_bounds(&d);
    if (look == 30) {
      memset(d.r, 0, sizeof d.r);
      next_residuals(&d, 0, 0); /* a perfect fit */
      check_bounds(&d);
    }
    next_residuals(&d, look % 10 == 9 ? 1 + 1e-9 : look % 2 ? 0.8 : 1.1, look % 10 == 9 ? 0 : look % 7 ? 0.05 : 1);
    check_members(&d);
    proved += check_bounds(&d);
  }
  CHECK(proved > LOOKS * COLUMNS / 10);
  ctest_host_free(&d.host);
}

/* The snapshot that fewest features refer to makes room, and these alone are forgotten. */
static void test_eviction(void) {
  static world d;
  make_world(&d, 1, 3, 0, 1);
  for (int s = 0; s < 3; s++) {
    next_residuals(&d, 0.5, 1);
    for (int j = s; j < COLUMNS; j += s == 1 ? COLUMNS : 3) learn(&d, j); /* the second has one feature */
  }
  CHECK(d.screen.count == 3 && d.screen.stamp[1] == 1);
  next_residuals(&d, 0.9, 0.1);
  CHECK(d.screen.count == 3 && d.screen.now == 1);
  CHECK(d.screen.stamp[1] == -1 && isinf(lc_screen_bound(&d.screen, 1, 0, 1)));
  CHECK(d.screen.stamp[0] == 0 && d.screen.stamp[2] == 2);
  check_members(&d);
  /* A look that nobody learned from is no snapshot: the next one takes its place, and nothing is forgotten. */
  next_residuals(&d, 0.9, 0.1);
  CHECK(d.screen.now == 1 && d.screen.stamp[0] == 0 && d.screen.stamp[2] == 2);
  check_bounds(&d);
  ctest_host_free(&d.host);
}

/* A residual that moved little costs little: |x'r| + |x| |e| at most. */
static void test_close(void) {
  static world d;
  make_world(&d, 3, 4, 1, 1);
  next_residuals(&d, 0, 1);
  for (int j = 0; j < COLUMNS; j++) learn(&d, j);
  double before[CLASSES];
  for (int c = 0; c < d.K; c++) before[c] = size_of(&d, c);
  next_residuals(&d, 0.7, 0.01);
  for (int j = 0; j < COLUMNS; j++)
    for (int c = 0; c < d.K; c++) {
      /* What is new is shorter than 0.1 of the old by far; a scale costs nothing. */
      double allowed = fabs(dot_of(&d, j, c)) + 0.1 * d.norm[j] * before[c];
      CHECK(lc_screen_bound(&d.screen, j, c, 1) <= allowed + 1e-12);
    }
  ctest_host_free(&d.host);
}

void test_screen(void) {
  ctest_seed(41);
  for (int K = 1; K <= CLASSES; K += CLASSES - 1)
    for (int weighted = 0; weighted < 2; weighted++)
      for (int centred = 0; centred < 2; centred++)
        for (int most = 1; most <= 16; most *= 4) test_walk(K, most, weighted, centred);
  test_eviction();
  test_close();
}
