/* Tests of screening: bounds are those of their definition and hold for every residual, proofs are never wrong, and
 * what was learned is not lost before its snapshots are. */
#include "path/screen.h"

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
  lc_screen_set_residual(&d->screen, d->relative);
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
  lc_screen_record(&d->screen, j, c, 1);
}

/* Users of each pair are counted; nobody refers to a snapshot that is not there. */
static void check_users(const world *d) {
  int most = d->screen.most, right = d->screen.count <= most;
  lc_index counted[LC_MOST_SNAPSHOTS * LC_MOST_SNAPSHOTS] = {0};
  for (int j = 0; j < COLUMNS; j++) {
    int s = d->screen.newest[j], t = d->screen.older[j];
    right = right && s < d->screen.count && t < d->screen.count && (s < 0) == (t < 0);
    if (s >= 0 && t >= 0) counted[s * most + t]++;
  }
  for (int i = 0; i < most * most; i++) right = right && counted[i] == d->screen.refcount[i];
  CHECK(right);
}

/* v less its part along a unit vector. */
static void remove_part(double *v, const double *unit) {
  double part = 0;
  for (int i = 0; i < N; i++) part += v[i] * unit[i];
  for (int i = 0; i < N; i++) v[i] -= part * unit[i];
}

/* x (N): column j as residuals over the roots of the weights meet it. */
static void weighted_column(const world *d, int j, double *x) {
  double mean = 0, total = 0;
  for (int i = 0; i < N; i++) {
    mean += d->w[i] * d->x[i + j * N];
    total += d->w[i];
  }
  for (int i = 0; i < N; i++) x[i] = sqrt(d->w[i]) * (d->x[i + j * N] - (d->centred ? mean / total : 0));
}

static double length(const double *v) {
  double sum = 0;
  for (int i = 0; i < N; i++) sum += v[i] * v[i];
  return sqrt(sum);
}

/* |x'Pr| + |x - Px| |r - Pr| from the vectors themselves, P on the first `directions` of the feature's snapshots; sine
 * is that of the angle between the two (0 where there is one). */
static double defined_bound(const world *d, int j, int c, int directions, double *sine) {
  double x[N], r[N], basis[N], dot = 0, left = 0;
  int at[2] = {d->screen.newest[j], d->screen.older[j]};
  weighted_column(d, j, x);
  for (int i = 0; i < N; i++) r[i] = d->relative[i + c * N];
  for (int i = 0; i < N; i++) dot += x[i] * r[i];
  *sine = 0;
  double first[N] = {0};
  for (int k = 0; k < directions; k++) {
    memcpy(basis, d->screen.snapshots + ((lc_index)at[k] * d->K + c) * N, sizeof basis);
    double whole = length(basis);
    for (int twice = 0; twice < 2; twice++) remove_part(basis, first);
    double across = length(basis);
    if (k == 1 && whole > 0) *sine = across / whole;
    for (int i = 0; i < N; i++) basis[i] = across > 1e-12 * whole ? basis[i] / across : 0;
    remove_part(x, basis);
    remove_part(r, basis);
    if (k == 0) memcpy(first, basis, sizeof first);
  }
  for (int i = 0; i < N; i++) left += x[i] * r[i];
  return fabs(dot - left) + length(x) * length(r);
}

/* The bound is the one of its definition; directions that are nearly parallel count as one, which is more. */
static void check_definition(const world *d) {
  int right = 1;
  for (int j = 0; j < COLUMNS; j++)
    for (int c = 0; c < d->K && d->screen.newest[j] >= 0; c++) {
      double bound = lc_screen_bound(&d->screen, j, c, 1), sine, none;
      double slack = (1e-5 * d->norm[j] + 1e-12 * 20 * sqrt(N)) * size_of(d, c), two = defined_bound(d, j, c, 2, &sine);
      if (d->screen.newest[j] == d->screen.present) continue; /* exact, as check_bounds() sees */
      right = right && bound >= two - slack && bound <= defined_bound(d, j, c, 1, &none) + slack;
      if (sine > 2e-3) right = right && bound <= two + slack;
    }
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
      if (d->screen.newest[j] == d->screen.present) exact = exact && fabs(bound - dot) <= slack;
      most = fmax(most, dot - slack);
      square += fmax(dot - slack, 0) * fmax(dot - slack, 0);
    }
    int proof = lc_screen_is_safe(&d->screen, j, 1, threshold, 1);
    sound = sound && !(proof && most >= threshold);
    proved += proof;
    int group = lc_screen_is_safe(&d->screen, j, d->K, threshold, 1); /* of the norm over score columns */
    sound = sound && !(group && (!proof || sqrt(square) >= threshold));
    sound = sound && !(lc_screen_is_safe(&d->screen, j, 1, most, 1) && most > 0);
  }
  check_definition(d);
  CHECK(above);
  CHECK(sound);
  CHECK(exact);
  CHECK(shrinks);
  return proved;
}

/* Residuals wander, features are looked at now and then, snapshots come and go. Among these are perfect fits, equal and
 * parallel residuals, and nearly parallel ones. */
static void test_walk(int K, int most, int weighted, int centred) {
  static const double share[] = {1.1, 0.8, 1, 1.1, 0.8, 1, 0.9, 1 + 1e-9, 2, 0};
  static const double news[] = {1, 0.05, 1e-3, 0.05, 1e-5, 0, 0.05, 0, 0.05, 1};
  static world d;
  int proved = 0;
  make_world(&d, K, most, weighted, centred);
  next_residuals(&d, 0, 1);
  CHECK(check_bounds(&d) == 0); /* nothing is known */
  for (int look = 0; look < LOOKS; look++) {
    for (int j = 0; j < COLUMNS; j++)
      if (ctest_uniform() < (look % 3 == 0 ? 0.05 : 0.3)) learn(&d, j);
    check_users(&d);
    proved += check_bounds(&d);
    if (look == 30) {
      memset(d.r, 0, sizeof d.r);
      next_residuals(&d, 0, 0); /* a perfect fit */
      for (int j = 0; j < COLUMNS; j += 2) learn(&d, j);
      check_bounds(&d);
      next_residuals(&d, 0, 1);
      check_bounds(&d);
    }
    next_residuals(&d, share[look % 10], news[look % 10]);
    check_users(&d);
    proved += check_bounds(&d);
  }
  CHECK(proved > LOOKS * COLUMNS / (most == 1 ? 20 : 3));
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
  CHECK(d.screen.count == 3 && d.screen.newest[1] == 1);
  next_residuals(&d, 0.9, 0.1);
  CHECK(d.screen.count == 3 && d.screen.present == 1);
  CHECK(d.screen.newest[1] == -1 && isinf(lc_screen_bound(&d.screen, 1, 0, 1)));
  CHECK(d.screen.newest[0] == 0 && d.screen.newest[2] == 2);
  check_users(&d);
  /* A look that nobody learned from is no snapshot: the next one takes its place, and nothing is forgotten. */
  next_residuals(&d, 0.9, 0.1);
  CHECK(d.screen.present == 1 && d.screen.newest[0] == 0 && d.screen.newest[2] == 2);
  check_bounds(&d);
  ctest_host_free(&d.host);
}

/* A feature with two snapshots that loses one keeps what it knows of the other. */
static void test_fall_back(void) {
  for (int lost = 0; lost < 2; lost++) {
    static world d;
    make_world(&d, CLASSES, 3, 1, 1);
    for (int s = 0; s < 3; s++) {
      next_residuals(&d, 0.5, 1);
      if (s < 2) learn(&d, 0);
      for (int j = 1 + s; j < COLUMNS && s != lost; j += 3) learn(&d, j);
    }
    CHECK(d.screen.newest[0] == 1 && d.screen.older[0] == 0);
    next_residuals(&d, 0.9, 0.1);
    CHECK(d.screen.present == lost);
    CHECK(d.screen.newest[0] == 1 - lost && d.screen.older[0] == 1 - lost);
    check_users(&d);
    check_bounds(&d);
    ctest_host_free(&d.host);
  }
}

/* Residuals on the line through two that a feature has seen cost nothing, but what is so near to it that rounding hides
 * the distance still counts. The feature is read twice at one of them, which changes nothing. */
static void test_line(int K, int centred, double news) {
  static world d;
  double first[N * CLASSES], x[N];
  make_world(&d, K, 3, 1, centred);
  next_residuals(&d, 0, 1);
  memcpy(first, d.r, sizeof first);
  for (int j = 0; j < COLUMNS; j++) learn(&d, j);
  next_residuals(&d, 0.9, news);
  for (int again = 0; again < 2; again++)
    for (int j = 0; j < COLUMNS; j++) learn(&d, j);
  for (int i = 0; i < N * K; i++) d.r[i] = news * d.r[i] + (d.r[i] - 0.9 * first[i]);
  next_residuals(&d, 1, 0);
  for (int j = 0; j < COLUMNS; j++)
    for (int c = 0; c < K; c++) {
      double dot = fabs(dot_of(&d, j, c)), bound = lc_screen_bound(&d.screen, j, c, 1);
      CHECK(fabs(bound - dot) <= 1e-5 * d.norm[j] * size_of(&d, c) + 1e-12);
    }
  for (int c = 0; c < K; c++) {
    weighted_column(&d, 7 + c, x);
    double part = (dot_of(&d, 7 + c, c) < 0 ? -1e-9 : 1e-9) * size_of(&d, c) / length(x);
    for (int i = 0; i < N; i++) d.r[i + c * N] += part * sqrt(d.w[i]) * x[i];
  }
  next_residuals(&d, 1, 0);
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
  test_fall_back();
  for (int K = 1; K <= CLASSES; K += CLASSES - 1)
    for (int centred = 0; centred < 2; centred++)
      for (double news = 1; news > 0.005; news /= 2) test_line(K, centred, news);
  test_close();
}
