/* Tests of the room "kernel": every slot of every set of kernels that this machine runs, against the sum or the
 * function that defines it. */
#include "kernel/kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"

void test_kernel(void);

/* Entries that a kernel may not read hold a NaN, and the first entry does not lie at a multiple of 16 bytes. */
typedef struct block {
  double *memory, *at;
  lc_index rows, columns, ld;
} block;

static block make_block(lc_index rows, lc_index columns, lc_index ld) {
  block out = {ctest_zeros(ld * columns + 1), NULL, rows, columns, ld};
  out.at = out.memory + 1;
  for (lc_index i = 0; i < ld * columns; i++) out.at[i] = i % ld < rows ? ctest_normal() : NAN;
  return out;
}

/* Sums of terms in more digits, and of their sizes: rounding is measured by the latter. */
typedef struct exact {
  long double sum, size;
} exact;

static void add(exact *e, long double term) {
  e->sum += term;
  e->size += fabsl(term);
}

/* `count` terms may be off by about the root of their number of units, and a few. */
static int is_close(double got, const exact *want, lc_index count) {
  return fabsl(got - want->sum) <= (4 + sqrt((double)count)) * DBL_EPSILON * (double)want->size;
}

/* Nothing outside the block was touched. */
static int is_whole(const block *b) {
  for (lc_index i = 0; i < b->ld * b->columns; i++)
    if (i % b->ld >= b->rows && !isnan(b->at[i])) return 0;
  return 1;
}

/* The columns of X as the kernels get them: a matrix, or a list from the last to the first (doubles, ints, floats). */
enum { MATRIX, LIST, INTEGER_LIST, FLOAT_LIST, WAYS };

typedef struct column_list {
  const void **at;
  int *integer;
  float *narrow;
  enum lc_storage type;
} column_list;

/* For ints and floats X is rounded, in memory that ends with its last row. */
static column_list list_columns(block *X, int way) {
  lc_index m = X->rows, p = X->columns;
  column_list out = {malloc((size_t)(p + 1) * sizeof *out.at), malloc((size_t)(m * p + 1) * sizeof(int)),
                     malloc((size_t)(m * p) * sizeof(float) + 1),
                     way == INTEGER_LIST ? LC_INTEGER
                     : way == FLOAT_LIST ? LC_FLOAT
                                         : LC_DOUBLE};
  if (!out.at || !out.integer || !out.narrow) abort();
  for (lc_index j = 0; j < p; j++) {
    double *column = X->at + (p - 1 - j) * X->ld;
    int *whole = out.integer + j * m;
    float *narrow = out.narrow + j * m;
    for (lc_index i = 0; i < m && way == INTEGER_LIST; i++) {
      whole[i] = i % 5 == 4 ? (i % 2 ? INT32_MAX : -INT32_MAX) : (int)(10 * column[i]);
      column[i] = whole[i];
    }
    for (lc_index i = 0; i < m && way == FLOAT_LIST; i++) {
      narrow[i] = (float)column[i];
      column[i] = (double)narrow[i];
    }
    out.at[j] = way == INTEGER_LIST ? (const void *)whole : way == FLOAT_LIST ? (const void *)narrow : column;
  }
  return out;
}

static void free_list(const column_list *list) { free(list->at), free(list->integer), free(list->narrow); }

static void test_scores(const lc_kernel *kernel, lc_index m, lc_index p, int K, int way) {
  int listed = way != MATRIX;
  block X = make_block(m, p, m + 3), B = make_block(p, K, p + 1), Z = make_block(m, K, m + 2);
  if (p > 2) B.at[1] = 0; /* a column that need not be read */
  double *before = ctest_zeros(Z.ld * K);
  memcpy(before, Z.at, (size_t)(Z.ld * K) * sizeof *before);
  column_list list = list_columns(&X, way);
  if (listed)
    kernel->scores_of(m, p, K, list.type, list.at, B.at, B.ld, Z.at, Z.ld);
  else
    kernel->scores(m, p, K, X.at, X.ld, B.at, B.ld, Z.at, Z.ld);
  int close = 1;
  for (int c = 0; c < K; c++)
    for (lc_index i = 0; i < m; i++) {
      exact want = {0, 0};
      add(&want, before[i + c * Z.ld]);
      for (lc_index j = 0; j < p; j++)
        add(&want, (long double)X.at[i + (listed ? p - 1 - j : j) * X.ld] * B.at[j + c * B.ld]);
      close = close && is_close(Z.at[i + c * Z.ld], &want, p);
    }
  CHECK(close);
  CHECK(is_whole(&Z));
  free(X.memory), free(B.memory), free(Z.memory), free(before), free_list(&list);
}

static void test_gradient(const lc_kernel *kernel, lc_index m, lc_index p, int K, int way) {
  int listed = way != MATRIX;
  block X = make_block(m, p, m + 1), R = make_block(m, K, m + 5), G = make_block(p, K, p + 2);
  double *before = ctest_zeros(G.ld * K);
  memcpy(before, G.at, (size_t)(G.ld * K) * sizeof *before);
  column_list list = list_columns(&X, way);
  if (listed)
    kernel->gradient_of(m, p, K, list.type, list.at, R.at, R.ld, G.at, G.ld);
  else
    kernel->gradient(m, p, K, X.at, X.ld, R.at, R.ld, G.at, G.ld);
  int close = 1;
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < p; j++) {
      exact want = {0, 0};
      add(&want, before[j + c * G.ld]);
      for (lc_index i = 0; i < m; i++)
        add(&want, (long double)X.at[i + (listed ? p - 1 - j : j) * X.ld] * R.at[i + c * R.ld]);
      close = close && is_close(G.at[j + c * G.ld], &want, m);
    }
  CHECK(close);
  CHECK(is_whole(&G));
  free(X.memory), free(R.memory), free(G.memory), free(before), free_list(&list);
}

/* Entries of the intercept, and those between two matrices, are the design's business. */
static void test_gram(const lc_kernel *kernel, lc_index m, lc_index p, int intercept, int ns) {
  lc_index size = lc_packed_size(p + intercept), ldc = size + 5;
  block X = make_block(m, p, m + 1), S = make_block(m, ns, m + 2), C = make_block(size, ns, ldc);
  double *before = ctest_zeros(ldc * ns), *work = ctest_zeros(LC_GRAM_WORK * m);
  memcpy(before, C.at, (size_t)(ldc * ns) * sizeof *before);
  kernel->gram(m, p, intercept, ns, X.at, X.ld, S.at, S.ld, C.at, ldc, work);
  int close = 1, kept = 1;
  for (int s = 0; s < ns; s++) {
    for (lc_index b = 0; b < p; b++)
      for (lc_index a = 0; a <= b; a++) {
        lc_index at = lc_packed_at(a + intercept, b + intercept) + s * ldc;
        exact want = {0, 0};
        add(&want, before[at]);
        for (lc_index i = 0; i < m; i++)
          add(&want, (long double)X.at[i + a * X.ld] * S.at[i + s * S.ld] * X.at[i + b * X.ld]);
        close = close && is_close(C.at[at], &want, m);
      }
    for (lc_index b = 0; intercept && b <= p; b++) {
      lc_index at = lc_packed_at(0, b) + s * ldc;
      kept = kept && C.at[at] == before[at];
    }
  }
  CHECK(close);
  CHECK(kept);
  CHECK(is_whole(&C));
  free(X.memory), free(S.memory), free(C.memory), free(before), free(work);
}

/* Vectors of 0, 1, 2, ... entries, the last of which touches the end of `in`. */
static void test_compressed(const lc_kernel *kernel, lc_index count, int W) {
  enum { INDEXES = 40 };
  lc_index entries = count * (count - 1) / 2;
  block value = make_block(entries, 1, entries), in = make_block(W * INDEXES, 1, W * INDEXES);
  block out = make_block(W * count, 1, W * count), back = make_block(W * INDEXES, 1, W * INDEXES);
  int *start = malloc((size_t)(count + 1) * sizeof *start), *index = malloc((size_t)(entries + 1) * sizeof *index);
  float *narrow = malloc((size_t)(entries + 1) * sizeof *narrow);
  if (!start || !index || !narrow) abort();
  for (lc_index v = 0; v <= count; v++) start[v] = (int)(v * (v - 1) / 2);
  for (lc_index e = 0; e < entries; e++) {
    index[e] = (int)(e * 7 % INDEXES);
    narrow[e] = (float)value.at[e];
  }
  if (entries) index[entries - 1] = INDEXES - 1;
  for (int floats = 0; floats < 2; floats++) {
    kernel->gather(count, start, start + 1, index, floats ? NULL : value.at, floats ? narrow : NULL, W, in.at, out.at);
    int close = 1;
    for (lc_index v = 0; v < count; v++)
      for (int c = 0; c < W; c++) {
        exact want = {0, 0};
        for (int e = start[v]; e < start[v + 1]; e++)
          add(&want, (floats ? (long double)narrow[e] : (long double)value.at[e]) * in.at[index[e] * W + c]);
        close = close && is_close(out.at[v * W + c], &want, v);
      }
    CHECK(close);
    double *before = ctest_zeros(W * INDEXES);
    memcpy(before, back.at, (size_t)(W * INDEXES) * sizeof *before);
    kernel->scatter(count, start, start + 1, index, floats ? NULL : value.at, floats ? narrow : NULL, W, out.at,
                    back.at);
    for (lc_index i = 0; i < INDEXES; i++)
      for (int c = 0; c < W; c++) {
        exact want = {0, 0};
        add(&want, before[i * W + c]);
        for (lc_index v = 0; v < count; v++)
          for (int e = start[v]; e < start[v + 1]; e++)
            if (index[e] == i)
              add(&want, (floats ? (long double)narrow[e] : (long double)value.at[e]) * out.at[v * W + c]);
        close = close && is_close(back.at[i * W + c], &want, count);
      }
    CHECK(close);
    free(before);
  }
  free(start), free(index), free(narrow), free(value.memory), free(in.memory), free(out.memory), free(back.memory);
}

static void test_moments(const lc_kernel *kernel, lc_index m) {
  block x = make_block(m, 1, m + 1);
  double pilot = m > 0 ? x.at[0] : 0, got[3], largest = 0;
  exact sum = {0, 0}, squares = {0, 0};
  for (lc_index i = 0; i < m; i++) {
    long double d = (long double)x.at[i] - pilot;
    add(&sum, d);
    add(&squares, d * d);
    largest = fmax(largest, fabs(x.at[i]));
  }
  kernel->moments(m, LC_DOUBLE, x.at, pilot, NULL, got);
  CHECK(is_close(got[0], &sum, m));
  CHECK(is_close(got[1], &squares, m));
  CHECK(got[2] == largest);
  /* In pieces the sums are the same, bit for bit. */
  double state[LC_MOMENT_STATE] = {0}, last[3] = {got[0], got[1], got[2]};
  for (lc_index from = 0; from < m; from += 3 * LC_MOMENT_ROWS)
    kernel->moments(lc_min(3 * LC_MOMENT_ROWS, m - from), LC_DOUBLE, x.at + from, pilot, state, last);
  CHECK(last[0] == got[0] && last[1] == got[1] && last[2] == got[2]);
  /* One entry that is no number shows in the sums, wherever it lies. */
  static const double bad[] = {NAN, INFINITY, -INFINITY};
  int seen = 1;
  for (lc_index i = 0; i < m; i++) {
    double keep = x.at[i];
    x.at[i] = bad[i % 3];
    kernel->moments(m, LC_DOUBLE, x.at, pilot, NULL, got);
    seen = seen && !isfinite(got[0]) && !isfinite(got[1]);
    x.at[i] = keep;
  }
  CHECK(seen);
  free(x.memory);
}

/* Ints give the bits of the same doubles; the one that R takes as missing is the largest of all. */
static void test_integers(const lc_kernel *kernel, lc_index m) {
  block x = make_block(m, 1, m + 1), out = make_block(m, 1, m + 1);
  column_list list = list_columns(&x, INTEGER_LIST);
  double of_integers[3], of_doubles[3];
  kernel->widen(m, list.integer, out.at);
  CHECK(memcmp(x.at, out.at, (size_t)m * sizeof *x.at) == 0);
  CHECK(is_whole(&out));
  kernel->moments(m, LC_INTEGER, list.integer, 3, NULL, of_integers);
  kernel->moments(m, LC_DOUBLE, x.at, 3, NULL, of_doubles);
  CHECK(memcmp(of_integers, of_doubles, sizeof of_doubles) == 0);
  int seen = 1;
  for (lc_index i = 0; i < m; i++) {
    int keep = list.integer[i];
    list.integer[i] = INT32_MIN;
    kernel->moments(m, LC_INTEGER, list.integer, 3, NULL, of_integers);
    seen = seen && of_integers[2] > INT32_MAX && of_doubles[2] <= INT32_MAX;
    list.integer[i] = keep;
  }
  CHECK(seen);
  free(x.memory), free(out.memory), free_list(&list);
}

/* How many doubles lie between two; 0 and -0 are one, as are all NaN. */
static double ulps(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? 0 : INFINITY;
  int64_t u, v;
  memcpy(&u, &a, sizeof u);
  memcpy(&v, &b, sizeof v);
  if (u < 0) u = INT64_MIN - u;
  if (v < 0) v = INT64_MIN - v;
  return (double)(u > v ? (uint64_t)u - (uint64_t)v : (uint64_t)v - (uint64_t)u);
}

/* Arguments over the whole range, dense where something happens, and those that are no ordinary numbers. */
enum { ARGUMENTS = 40000 };
static double *arguments(void) {
  static const double special[] = {0,    -0.0, 1e-320, -1e-320, 1e-300, -1e-300, 1e-17, -1e-17, 709,       -709,
                                   -708, -744, -745,   36.8,    -36.8,  18,      800,   -800,   1e308,     -1e308,
                                   NAN,  710,  1e5,    -1e5,    -746,   745,     746,   1e15,   -INFINITY, INFINITY};
  enum { SPECIAL = sizeof special / sizeof *special };
  double *x = ctest_zeros(ARGUMENTS);
  memcpy(x, special, sizeof special);
  for (int i = SPECIAL; i < ARGUMENTS; i++) {
    double u = ctest_uniform();
    x[i] = i % 4 == 0 ? -745 + 1454 * u : i % 4 == 1 ? 2 * u - 1 : i % 4 == 2 ? 80 * u - 40 : -745 + 40 * u;
  }
  return x;
}

static void test_exp(const lc_kernel *kernel) {
  double *x = arguments(), *y = ctest_zeros(ARGUMENTS), worst = 0;
  kernel->exp(ARGUMENTS, x, y);
  int beyond = 1;
  for (int i = 0; i < ARGUMENTS; i++) {
    if (x[i] > 709)
      beyond = beyond && (y[i] == INFINITY || ulps(y[i], exp(x[i])) <= 4);
    else if (x[i] < -745)
      beyond = beyond && (y[i] == 0 || ulps(y[i], exp(x[i])) <= 4);
    else
      worst = fmax(worst, ulps(y[i], exp(x[i])));
  }
  CHECK(beyond);
  CHECK(worst <= 2);
  kernel->exp(ARGUMENTS, x, x);
  CHECK(memcmp(x, y, ARGUMENTS * sizeof *x) == 0);
  CHECK(y[0] == 1 && y[1] == 1);
  free(x), free(y);
}

static void test_logistic(const lc_kernel *kernel) {
  double *t = arguments(), *value = ctest_zeros(ARGUMENTS), *mean = ctest_zeros(ARGUMENTS);
  double *variance = ctest_zeros(ARGUMENTS), *alone = ctest_zeros(ARGUMENTS), worst[3] = {0, 0, 0};
  size_t size = ARGUMENTS * sizeof *t;
  kernel->logistic(ARGUMENTS, t, value, mean, variance);
  for (int i = 0; i < ARGUMENTS; i++) {
    long double e = expl(-fabsl(t[i])), s = 1 / (1 + e);
    worst[0] = fmax(worst[0], ulps(value[i], (double)((t[i] < 0 ? 0 : t[i]) + log1pl(e))));
    worst[1] = fmax(worst[1], ulps(mean[i], (double)(t[i] > 0 ? s : e * s)));
    worst[2] = fmax(worst[2], ulps(variance[i], (double)(e * s * s)));
  }
  /* The mean takes four roundings after exp, the value and the variance more. */
  CHECK(worst[0] <= 6);
  CHECK(worst[1] <= 4);
  CHECK(worst[2] <= 8);
  kernel->logistic(ARGUMENTS, t, alone, NULL, NULL);
  CHECK(memcmp(alone, value, size) == 0);
  kernel->logistic(ARGUMENTS, t, NULL, alone, NULL);
  CHECK(memcmp(alone, mean, size) == 0);
  kernel->logistic(ARGUMENTS, t, NULL, NULL, alone);
  CHECK(memcmp(alone, variance, size) == 0);
  free(t), free(value), free(mean), free(variance), free(alone);
}

/* Over the whole range, near 1, and beyond the range: what is too small is the least normal number. */
static void test_log(const lc_kernel *kernel) {
  const double small[] = {0, -0.0, -1, 1e-320, DBL_MIN}, whole[] = {1, 2, 0.5, 1024};
  double *x = ctest_zeros(ARGUMENTS), *y = ctest_zeros(ARGUMENTS), worst = 0, out[5];
  for (int i = 0; i < ARGUMENTS; i++) {
    double u = ctest_uniform();
    x[i] = i % 4 == 0 ? exp(-708 + 1416 * u) : i % 4 == 1 ? u + 0.5 : i % 4 == 2 ? 1 - ldexp(u, -i % 60) : 4 * u;
  }
  kernel->log(ARGUMENTS, x, y);
  for (int i = 0; i < ARGUMENTS; i++) worst = fmax(worst, ulps(y[i], (double)logl(x[i])));
  CHECK(worst <= 4);
  kernel->log(5, small, out);
  for (int i = 0; i < 5; i++) CHECK_NEAR(out[i], -1022 * log(2), 1e-12);
  kernel->log(4, whole, out);
  CHECK(out[0] == 0 && out[1] == log(2) && out[2] == -log(2) && fabs(out[3] - 10 * log(2)) < 1e-15);
  free(x), free(y);
}

/* A row's result does not depend on where in a block it stands. */
static void test_tails(const lc_kernel *kernel) {
  enum { MOST = 40 };
  double x[MOST + 1], whole[MOST], part[MOST + 1], mean[MOST + 1];
  for (int i = 0; i <= MOST; i++) x[i] = 5 * ctest_normal();
  int same = 1;
  for (int m = 0; m <= MOST; m++) {
    memset(part, 0, sizeof part);
    kernel->exp(MOST, x, whole);
    kernel->exp(m, x, part);
    same = same && memcmp(whole, part, (size_t)m * sizeof *x) == 0 && part[m] == 0;
    memset(part, 0, sizeof part);
    memset(mean, 0, sizeof mean);
    kernel->logistic(MOST, x, NULL, whole, NULL);
    kernel->logistic(m, x, part, mean, NULL);
    same = same && memcmp(whole, mean, (size_t)m * sizeof *x) == 0 && mean[m] == 0 && part[m] == 0;
    memset(part, 0, sizeof part);
    kernel->log(MOST, x, whole);
    kernel->log(m, x, part);
    same = same && memcmp(whole, part, (size_t)m * sizeof *x) == 0 && part[m] == 0;
  }
  CHECK(same);
}

/* Scores in sixteenths, whose differences are exact, with and without a score of 0 in front. */
enum { SOFT_ROWS = 37, SOFT_MOST = 9 };
typedef struct soft_case {
  int K, base;
  double z[SOFT_ROWS * SOFT_MOST], y[SOFT_ROWS];
} soft_case;

static void soft_fill(soft_case *t, int K, int base, double size) {
  t->K = K;
  t->base = base;
  for (int e = 0; e < SOFT_ROWS * K; e++) t->z[e] = floor(16 * size * ctest_normal()) / 16;
  for (int i = 0; i < SOFT_ROWS; i++) t->y[i] = floor((K + base) * ctest_uniform());
}

static long double soft_score(const soft_case *t, int i, int c) {
  return c < t->base ? 0 : t->z[i + (c - t->base) * SOFT_ROWS];
}

/* The sum of exp(score - score of class own) over the classes but own, as long doubles hold it. */
static long double soft_others(const soft_case *t, int i, int own) {
  long double sum = 0;
  for (int c = 0; c < t->K + t->base; c++)
    if (c != own) sum += expl(soft_score(t, i, c) - soft_score(t, i, own));
  return sum;
}

static void test_softmax(const lc_kernel *kernel) {
  static const double sizes[] = {0, 1, 40, 700};
  soft_case t;
  double value[SOFT_ROWS], p[SOFT_ROWS * SOFT_MOST], front[SOFT_ROWS], worst[3] = {0, 0, 0};
  int same = 1;
  for (int which = 0; which < 8 * SOFT_MOST; which++) {
    soft_fill(&t, 1 + which / 8, which % 2, sizes[which / 2 % 4]);
    kernel->softmax(SOFT_ROWS, t.K, t.base, t.z, SOFT_ROWS, t.y, value, p, SOFT_ROWS, front);
    for (int i = 0; i < SOFT_ROWS; i++) {
      worst[0] = fmax(worst[0], ulps(value[i], (double)log1pl(soft_others(&t, i, (int)t.y[i]))));
      for (int c = 0; c < t.K + t.base; c++) {
        double own = c < t.base ? front[i] : p[i + (c - t.base) * SOFT_ROWS];
        double wanted = (double)(1 / (1 + soft_others(&t, i, c)));
        worst[1] = fmax(worst[1], wanted > 1e-300 ? ulps(own, wanted) : own < 2e-300 ? 0 : INFINITY);
      }
    }
    /* The same of fewer rows and of fewer results, and nothing beside them. */
    for (int m = 0; m < SOFT_ROWS; m++) {
      double one[SOFT_ROWS] = {0}, many[SOFT_ROWS * SOFT_MOST] = {0};
      kernel->softmax(m, t.K, t.base, t.z, SOFT_ROWS, t.y, one, NULL, 0, NULL);
      same = same && memcmp(one, value, (size_t)m * sizeof *one) == 0 && one[m] == 0;
      kernel->softmax(m, t.K, t.base, t.z, SOFT_ROWS, NULL, NULL, many, SOFT_ROWS, NULL);
      for (int c = 0; c < t.K; c++)
        same = same && memcmp(many + c * SOFT_ROWS, p + c * SOFT_ROWS, (size_t)m * sizeof *p) == 0 &&
               many[m + c * SOFT_ROWS] == 0;
    }
    double before[SOFT_ROWS * SOFT_MOST];
    memcpy(before, p, sizeof p);
    kernel->less_class(SOFT_ROWS, t.K, t.base, t.y, front, p, SOFT_ROWS);
    for (int i = 0; i < SOFT_ROWS; i++)
      for (int c = 0; c < t.K; c++) {
        long double sum = t.base ? front[i] : 0;
        for (int d = 0; d < t.K; d++) sum += d == c ? 0 : before[i + d * SOFT_ROWS];
        double wanted = c + t.base == (int)t.y[i] ? (double)-sum : before[i + c * SOFT_ROWS];
        worst[2] = fmax(worst[2], ulps(p[i + c * SOFT_ROWS], wanted));
      }
  }
  CHECK(worst[0] <= 6);
  CHECK(worst[1] <= 6);
  CHECK(worst[2] <= 4);
  CHECK(same);
}

static void test_set(const lc_kernel *kernel) {
  for (int W = 1; W <= LC_GATHER_WIDTH; W++)
    for (lc_index count = 0; count < 30; count += 7) test_compressed(kernel, count, W);
  static const lc_index sizes[] = {0, 1, 2, 3, 4, 5, 7, 8, 9, 15, 16, 17, 31, 33, 64, 133, 299, 300};
  static const int many[] = {1, 2, 3, 4, 5, 6};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    lc_index m = sizes[i];
    test_moments(kernel, m);
    test_integers(kernel, m);
    for (lc_index p = 0; p <= 13; p++) {
      for (int K = 1; K <= 26; K += K < 12 ? 1 : 7) {
        for (int way = MATRIX; way < WAYS; way++) {
          test_scores(kernel, m, p, K, way);
          test_gradient(kernel, m, p, K, way);
        }
      }
      if (p > 3 && m > 40 && m < 299) continue;
      for (size_t s = 0; s < sizeof many / sizeof *many; s++) test_gram(kernel, m, p, (int)(p % 2), many[s]);
    }
  }
  test_gram(kernel, 37, 6, 1, 325);
  test_gram(kernel, 133, 3, 0, 325);
  test_exp(kernel);
  test_logistic(kernel);
  test_log(kernel);
  test_softmax(kernel);
  test_tails(kernel);
}

void test_kernel(void) {
  ctest_seed(1);
  for (int set = 0; set < CTEST_KERNELS; set++) {
    const lc_kernel *kernel = ctest_kernel(set);
    if (!kernel) continue;
    CHECK(strcmp(kernel->name, ctest_kernel_names[set]) == 0);
    test_set(kernel);
  }
  CHECK(!lc_kernels_choose("no such kernels"));
  CHECK(lc_kernels_choose("ref") && lc_kernels() == ctest_kernel(0));
  CHECK(lc_kernels_choose(NULL));
  CHECK(lc_kernels() == lc_kernel_find(NULL));
}
