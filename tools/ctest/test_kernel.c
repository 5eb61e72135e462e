/* Tests of the room "kernel": every slot against the sum that defines it. */
#include "kernel.h"

#include <float.h>
#include <math.h>
#include <stdlib.h>

#include "ctest.h"

void test_kernel(void);

/* Leading dimensions are larger than the block, and what lies between must stay untouched. */
static void test_products(lc_index m, lc_index p, int K) {
  const lc_kernel *kernel = lc_kernels();
  lc_index ldx = m + 3, ldz = m + 2, ldb = p + 1;
  double *X = ctest_normals(ldx * lc_max(p, 1)), *B = ctest_normals(ldb * K),
         *Z = ctest_normals(ldz * K), *R = ctest_normals(ldz * K), *G = ctest_normals(ldb * K),
         *want_z = ctest_zeros(ldz * K), *want_g = ctest_zeros(ldb * K);
  for (lc_index i = 0; i < ldz * K; i++) want_z[i] = Z[i];
  for (lc_index i = 0; i < ldb * K; i++) want_g[i] = G[i];
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < p; j++)
      for (lc_index i = 0; i < m; i++) {
        want_z[i + c * ldz] += X[i + j * ldx] * B[j + c * ldb];
        want_g[j + c * ldb] += X[i + j * ldx] * R[i + c * ldz];
      }
  kernel->scores(m, p, K, X, ldx, B, ldb, Z, ldz);
  kernel->gradient(m, p, K, X, ldx, R, ldz, G, ldb);
  CHECK(ctest_distance(ldz * K, Z, want_z) < 1e-13 * (double)(p + 1));
  CHECK(ctest_distance(ldb * K, G, want_g) < 1e-13 * (double)(m + 1));
  free(X), free(B), free(Z), free(R), free(G), free(want_z), free(want_g);
}

static void test_gram(lc_index m, lc_index p, int one, int ns) {
  const lc_kernel *kernel = lc_kernels();
  lc_index ldx = m + 1, lds = m + 2, q = p + one, size = lc_packed_size(q) + 5;
  double *X = ctest_normals(ldx * lc_max(p, 1)), *S = ctest_normals(lds * ns),
         *C = ctest_normals(size * ns), *want = ctest_zeros(size * ns), *work = ctest_zeros(m);
  for (lc_index i = 0; i < size * ns; i++) want[i] = C[i];
  for (int s = 0; s < ns; s++)
    for (lc_index b = 0; b < p; b++)
      for (lc_index a = 0; a <= b; a++)
        for (lc_index i = 0; i < m; i++)
          want[lc_packed_at(a + one, b + one) + s * size] +=
              X[i + a * ldx] * S[i + s * lds] * X[i + b * ldx];
  kernel->gram(m, p, one, ns, X, ldx, S, lds, C, size, work);
  /* Entries of the intercept, and those past the end, are the design's business. */
  CHECK(ctest_distance(size * ns, C, want) < 1e-13 * (double)(m + 1));
  free(X), free(S), free(C), free(want), free(work);
}

static void test_exp(void) {
  static const double at[] = {0,    -0.0, 1,      -1,   1e-300, -1e-300, 700,  -700, 709.5,   709.79,
                              1000, 1e5,  -740.3, -744, -746,   -1000,   -1e5, 1e308, -INFINITY, NAN};
  enum { COUNT = sizeof at / sizeof *at };
  double got[COUNT];
  lc_kernels()->exp(COUNT, at, got);
  for (int i = 0; i < COUNT; i++) {
    double want = exp(at[i]);
    if (want > 0 && want < DBL_MIN) {
      CHECK(fabs(got[i] - want) <= 1e-320); /* denormals keep what bits they have */
    } else if (at[i] > 709 && at[i] < 709.79) {
      CHECK(got[i] == INFINITY || fabs(got[i] / want - 1) < 1e-15);
    } else if (isfinite(want) && want > 0) {
      CHECK(fabs(got[i] / want - 1) < 1e-15);
    } else {
      CHECK_NEAR(got[i], want, 0);
    }
  }
  /* In place, along a grid, and nothing at all. */
  enum { GRID = 2001 };
  double x[GRID];
  for (int i = 0; i < GRID; i++) x[i] = (i - 1000) * 0.7;
  lc_kernels()->exp(GRID, x, x);
  int close = 1;
  for (int i = 0; i < GRID; i++) close = close && fabs(x[i] / exp((i - 1000) * 0.7) - 1) < 1e-15;
  CHECK(close);
  lc_kernels()->exp(0, NULL, NULL);
}

static void test_logistic(void) {
  static const double at[] = {0, 1, -1, 1e-8, -1e-8, 20, -20, 36.8, 40, -40, 700, -700, 800, -800, 1e5, -1e5};
  enum { COUNT = sizeof at / sizeof *at };
  double value[COUNT], mean[COUNT], variance[COUNT];
  lc_kernels()->logistic(COUNT, at, value, mean, variance);
  for (int i = 0; i < COUNT; i++) {
    double e = exp(-fabs(at[i]));
    double want = fmax(at[i], 0) + log1p(e), p = at[i] > 0 ? 1 / (1 + e) : e / (1 + e);
    double v = e / ((1 + e) * (1 + e));
    /* Relative, also for values near zero. */
    CHECK(want > 0 ? fabs(value[i] / want - 1) < 2e-15 : value[i] == 0);
    CHECK(p > DBL_MIN ? fabs(mean[i] / p - 1) < 2e-15 : fabs(mean[i] - p) <= DBL_MIN);
    CHECK(v > DBL_MIN ? fabs(variance[i] / v - 1) < 4e-15 : fabs(variance[i] - v) <= DBL_MIN);
  }
  CHECK_NEAR(value[0], 0.69314718055994531, 1e-15);
  double alone[COUNT];
  lc_kernels()->logistic(COUNT, at, alone, NULL, NULL);
  CHECK(ctest_distance(COUNT, alone, value) == 0);
  lc_kernels()->logistic(COUNT, at, NULL, alone, NULL);
  CHECK(ctest_distance(COUNT, alone, mean) == 0);
  lc_kernels()->logistic(COUNT, at, NULL, NULL, alone);
  CHECK(ctest_distance(COUNT, alone, variance) == 0);
}

void test_kernel(void) {
  static const lc_index sizes[] = {0, 1, 2, 3, 7, 8, 17, 64, 133};
  ctest_seed(1);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (size_t j = 0; j < 7; j++) {
      test_products(sizes[i], sizes[j], 1);
      test_products(sizes[i], sizes[j], 4);
      test_gram(sizes[i], sizes[j], 0, 1);
      test_gram(sizes[i], sizes[j], 1, 3);
    }
  test_exp();
  test_logistic();
}
