/* Tests of the room "linalg": factors multiply back, solutions solve. */
#include "linalg/linalg.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "linalg/lbfgs_pairs.h"

void test_linalg(void);

/* X'X of a random m x n matrix; rank min(m, n). */
static double *random_gram(lc_index m, lc_index n) {
  double *X = ctest_normals(m * n), *A = ctest_zeros(n * n);
  for (lc_index j = 0; j < n; j++)
    for (lc_index i = 0; i < n; i++)
      for (lc_index k = 0; k < m; k++) A[i + j * n] += X[k + i * m] * X[k + j * m];
  free(X);
  return A;
}

static void multiply(lc_index n, const double *A, const double *x, double *out) {
  for (lc_index i = 0; i < n; i++) {
    out[i] = 0;
    for (lc_index j = 0; j < n; j++) out[i] += A[i + j * n] * x[j];
  }
}

static void test_cholesky(lc_index n) {
  double *A = random_gram(n + 5, n), *U = ctest_zeros(n * n), *x = ctest_normals(n), *b = ctest_zeros(n);
  unsigned char *skip = malloc((size_t)n + 1);
  double smallest = -1;
  memcpy(U, A, (size_t)(n * n) * sizeof *A);
  CHECK(lc_cholesky(NULL, n, U, 1e-12, skip, &smallest) == 0);
  double worst = 0, least = 1;
  for (lc_index j = 0; j < n; j++) least = fmin(least, U[j * (n + 1)] * U[j * (n + 1)] / A[j * (n + 1)]);
  CHECK_NEAR(smallest / least, 1, 1e-12); /* a pivot is the square of its entry of U */
  for (lc_index j = 0; j < n; j++)
    for (lc_index i = 0; i <= j; i++) {
      double sum = 0;
      for (lc_index k = 0; k <= i; k++) sum += U[k + i * n] * U[k + j * n];
      worst = fmax(worst, fabs(sum - A[i + j * n]));
    }
  CHECK(worst < 1e-12 * (double)(n + 5));
  multiply(n, A, x, b);
  lc_cholesky_solve(n, U, n, skip, b);
  CHECK(ctest_distance(n, b, x) < 1e-7);
  free(A), free(U), free(x), free(b), free(skip);
}

/* The third column is the sum of the first two, the fifth is zero: both are skipped, the rest is solved. */
static void test_dependent(void) {
  enum { ROWS = 12, COLUMNS = 6 };
  double X[ROWS * COLUMNS], A[COLUMNS * COLUMNS] = {0}, U[COLUMNS * COLUMNS], b[COLUMNS], got[COLUMNS],
                                        want[COLUMNS] = {1, -2, 0, 3, 0, 0.5};
  unsigned char skip[COLUMNS];
  for (int i = 0; i < ROWS; i++) {
    for (int j = 0; j < COLUMNS; j++) X[i + j * ROWS] = ctest_normal();
    X[i + 2 * ROWS] = X[i] + X[i + ROWS];
    X[i + 4 * ROWS] = 0;
  }
  for (int j = 0; j < COLUMNS; j++)
    for (int i = 0; i < COLUMNS; i++)
      for (int k = 0; k < ROWS; k++) A[i + j * COLUMNS] += X[k + i * ROWS] * X[k + j * ROWS];
  multiply(COLUMNS, A, want, b);
  memcpy(U, A, sizeof U);
  CHECK(lc_cholesky(NULL, COLUMNS, U, 1e-10, skip, NULL) == 2);
  CHECK(!skip[0] && !skip[1] && skip[2] && !skip[3] && skip[4] && !skip[5]);
  memcpy(got, b, sizeof got);
  lc_cholesky_solve(COLUMNS, U, COLUMNS, skip, got);
  CHECK(ctest_distance(COLUMNS, got, want) < 1e-10);

  /* The minimum-norm solution spreads over columns 0, 1, 2 and is orthogonal to (1, 1, -1). */
  ctest_host host;
  ctest_host_init(&host);
  lc_arena arena;
  lc_arena_init(&arena, &host.host);
  double check[COLUMNS];
  memcpy(U, A, sizeof U);
  CHECK(lc_solve_minimum_norm(COLUMNS, U, b, 1e-10, got, &arena) == LC_OK);
  multiply(COLUMNS, A, got, check);
  CHECK(ctest_distance(COLUMNS, check, b) < 1e-10);
  CHECK(fabs(got[0] + got[1] - got[2]) < 1e-10);
  CHECK(fabs(got[4]) < 1e-12);
  for (int scale = -60; scale <= 60; scale += 120) { /* whatever the unit of the matrix */
    for (int i = 0; i < COLUMNS * COLUMNS; i++) U[i] = ldexp(A[i], scale);
    CHECK(lc_solve_minimum_norm(COLUMNS, U, b, 1e-10, check, &arena) == LC_OK);
    for (int i = 0; i < COLUMNS; i++) CHECK_NEAR(ldexp(check[i], scale), got[i], 1e-10);
  }
  memcpy(U, A, sizeof U);
  memcpy(check, b, sizeof check);
  CHECK(lc_solve_minimum_norm(COLUMNS, U, check, 1e-10, check, &arena) == LC_OK);
  CHECK(ctest_distance(COLUMNS, check, got) < 1e-12);
  host.limit = host.given + 1;
  lc_arena_init(&arena, &host.host);
  CHECK(lc_solve_minimum_norm(COLUMNS, U, b, 1e-10, got, &arena) == LC_OUT_OF_MEMORY);
  ctest_host_free(&host);

  /* Four columns are kept, X_j = Q c_j for them; the others are 0 + 1 and nothing at all. */
  double Q[ROWS * COLUMNS], c[COLUMNS + 1], worst = 0;
  int r = 0;
  for (int j = 0; j < COLUMNS; j++) {
    double *x = Q + r * ROWS;
    memcpy(x, X + j * ROWS, ROWS * sizeof *x);
    double share = lc_orthonormalise(ROWS, r, Q, x, c, 1e-10);
    CHECK(j == 2 || j == 4 ? share == 0 : share > 1e-10 && share <= 1);
    if (share == 0) continue;
    for (int k = 0; k < ROWS; k++) {
      double sum = 0;
      for (int i = 0; i <= r; i++) sum += Q[k + i * ROWS] * c[i];
      worst = fmax(worst, fabs(sum - X[k + j * ROWS]));
    }
    CHECK_NEAR(share * sqrt(lc_dot(ROWS, X + j * ROWS, X + j * ROWS)), c[r], 1e-14);
    r++;
  }
  CHECK(r == 4 && worst < 1e-13);
  for (int i = 0; i < r; i++)
    for (int j = 0; j < r; j++) CHECK_NEAR(lc_dot(ROWS, Q + i * ROWS, Q + j * ROWS), i == j, 1e-14);
  double broken[ROWS];
  for (int k = 0; k < ROWS; k++) broken[k] = NAN;
  CHECK(lc_orthonormalise(ROWS, r, Q, broken, c, 1e-10) == 0);
}

/* A vector of which all but 1e-8 lies in the span of Q: what one round of Gram-Schmidt leaves there is rounding of the
 * whole vector, and 1e8 times as much of the unit vector. */
static void test_nearly_dependent(void) {
  enum { ROWS = 40, COLUMNS = 5 };
  double Q[ROWS * COLUMNS], x[ROWS], c[COLUMNS + 1];
  for (int j = 0; j < COLUMNS; j++) {
    for (int k = 0; k < ROWS; k++) Q[k + j * ROWS] = ctest_normal();
    CHECK(lc_orthonormalise(ROWS, j, Q, Q + j * ROWS, c, 1e-10) > 0);
  }
  for (int k = 0; k < ROWS; k++) {
    x[k] = 1e-8 * ctest_normal();
    for (int j = 0; j < COLUMNS; j++) x[k] += (j + 1) * Q[k + j * ROWS];
  }
  CHECK(lc_orthonormalise(ROWS, COLUMNS, Q, x, c, 1e-12) > 0);
  for (int j = 0; j < COLUMNS; j++) CHECK_NEAR(lc_dot(ROWS, Q + j * ROWS, x), 0, 1e-14);
}

static void test_eigen(lc_index n) {
  double *A = random_gram(n / 2 + 1, n), *work = ctest_zeros(n * n), *value = ctest_zeros(n), *V = ctest_zeros(n * n),
         *Av = ctest_zeros(n), worst = 0, norm = 0;
  memcpy(work, A, (size_t)(n * n) * sizeof *A);
  lc_eigen(NULL, n, work, value, V);
  for (lc_index i = 0; i < n; i++) norm = fmax(norm, fabs(value[i]));
  for (lc_index i = 0; i < n; i++) {
    multiply(n, A, V + i * n, Av);
    for (lc_index k = 0; k < n; k++) worst = fmax(worst, fabs(Av[k] - value[i] * V[k + i * n]));
    for (lc_index j = 0; j < n; j++) worst = fmax(worst, norm * fabs(lc_dot(n, V + i * n, V + j * n) - (i == j)));
  }
  CHECK(worst <= 1e-13 * norm * (double)n);
  free(A), free(work), free(value), free(V), free(Av);
}

/* Columns in several blocks, of which every seventh is a sum of the two before it, and right-hand sides alone or
 * together. */
static void test_dependent_blocks(void) {
  enum { ROWS = 120, COLUMNS = 100, MANY = 19 };
  double *X = ctest_normals(ROWS * COLUMNS), *A = ctest_zeros(COLUMNS * COLUMNS), *U = ctest_zeros(COLUMNS * COLUMNS);
  double *x = ctest_normals(COLUMNS * MANY), *b = ctest_zeros(COLUMNS * MANY), *got = ctest_zeros(COLUMNS * MANY);
  unsigned char skip[COLUMNS];
  for (int j = 6; j < COLUMNS; j += 7)
    for (int i = 0; i < ROWS; i++) X[i + j * ROWS] = X[i + (j - 1) * ROWS] + X[i + (j - 2) * ROWS];
  for (int j = 0; j < COLUMNS; j++) {
    for (int k = 0; k < MANY && j % 7 == 6; k++) x[j + k * COLUMNS] = 0;
    for (int i = 0; i < COLUMNS; i++)
      for (int k = 0; k < ROWS; k++) A[i + j * COLUMNS] += X[k + i * ROWS] * X[k + j * ROWS];
  }
  for (int k = 0; k < MANY; k++) multiply(COLUMNS, A, x + k * COLUMNS, b + k * COLUMNS);
  memcpy(U, A, COLUMNS * COLUMNS * sizeof *A);
  CHECK(lc_cholesky(NULL, COLUMNS, U, 1e-10, skip, NULL) == COLUMNS / 7);
  for (int j = 0; j < COLUMNS; j++) CHECK(skip[j] == (j % 7 == 6));
  static const int together[] = {0, 1, 2, 8, 9, MANY};
  for (size_t m = 0; m < sizeof together / sizeof *together; m++) { /* those after them stay */
    memcpy(got, b, COLUMNS * MANY * sizeof *b);
    lc_cholesky_solve_columns(COLUMNS, U, COLUMNS, skip, together[m], got);
    lc_index solved = (lc_index)together[m] * COLUMNS;
    CHECK(ctest_distance(solved, got, x) < 1e-8);
    CHECK(memcmp(got + solved, b + solved, (size_t)(COLUMNS * MANY - solved) * sizeof *b) == 0);
  }
  memcpy(got, b, COLUMNS * sizeof *b);
  lc_cholesky_solve(COLUMNS, U, COLUMNS, skip, got);
  CHECK(ctest_distance(COLUMNS, got, x) < 1e-8);
  free(X), free(A), free(U), free(x), free(b), free(got);
}

/* The largest entry of U'U - A. */
static double product_error(lc_index n, const double *U, lc_index ldu, const double *A) {
  double worst = 0;
  for (lc_index j = 0; j < n; j++)
    for (lc_index i = 0; i <= j; i++) {
      double sum = 0;
      for (lc_index k = 0; k <= i; k++) sum += U[k + i * ldu] * U[k + j * ldu];
      worst = fmax(worst, fabs(sum - A[i + j * n]));
    }
  return worst;
}

/* A factor that is taken up again at column `from`, in a larger matrix; where a block begins there it has the bits of
 * one made in one go. */
static void test_extended(lc_index first, lc_index from) {
  enum { COLUMNS = 100, ROOM = 130 };
  double *A = random_gram(COLUMNS - 20, COLUMNS), *whole = ctest_zeros(COLUMNS * COLUMNS); /* 20 columns depend */
  double *part = ctest_zeros(ROOM * ROOM), *b = ctest_normals(COLUMNS), *c = ctest_zeros(COLUMNS);
  unsigned char skip[COLUMNS], skip_part[COLUMNS];
  memcpy(whole, A, COLUMNS * COLUMNS * sizeof *A);
  memcpy(c, b, COLUMNS * sizeof *c);
  CHECK(lc_cholesky(NULL, COLUMNS, whole, 1e-10, skip, NULL) == 20);
  for (lc_index j = 0; j < first; j++) memcpy(part + j * ROOM, A + j * COLUMNS, COLUMNS * sizeof *A);
  lc_cholesky_extend(NULL, 0, first, part, ROOM, 1e-10, skip_part, NULL);
  for (lc_index j = from; j < COLUMNS; j++) memcpy(part + j * ROOM, A + j * COLUMNS, COLUMNS * sizeof *A);
  lc_cholesky_extend(NULL, from, COLUMNS, part, ROOM, 1e-10, skip_part, NULL);
  CHECK(memcmp(skip, skip_part, COLUMNS) == 0);
  CHECK(product_error(COLUMNS, part, ROOM, A) < 1e-9);
  lc_cholesky_solve(COLUMNS, whole, COLUMNS, skip, b);
  lc_cholesky_solve(COLUMNS, part, ROOM, skip_part, c);
  if (from % LC_CHOLESKY_BLOCK == 0) {
    for (lc_index j = 0; j < COLUMNS; j++)
      CHECK(memcmp(whole + j * COLUMNS, part + j * ROOM, (size_t)(j + 1) * sizeof *A) == 0);
    CHECK(memcmp(b, c, COLUMNS * sizeof *b) == 0);
  }
  free(A), free(whole), free(part), free(b), free(c);
}

/* The factor without column k is that of the matrix without it. */
static void test_dropped(lc_index n, lc_index k) {
  lc_index left = n - 1, room = n + 3;
  double *A = random_gram(n + 5, n), *U = ctest_zeros(room * n), *less = ctest_zeros(left * left);
  double *cosine = ctest_zeros(n), *sine = ctest_zeros(n);
  unsigned char *skip = malloc((size_t)n);
  for (lc_index j = 0; j < n; j++) memcpy(U + j * room, A + j * n, (size_t)n * sizeof *A);
  for (lc_index j = 0; j < left; j++)
    for (lc_index i = 0; i < left; i++) less[i + j * left] = A[i + (i >= k) + (j + (j >= k)) * n];
  CHECK(lc_cholesky_extend(NULL, 0, n, U, room, 1e-12, skip, NULL) == 0);
  CHECK(lc_cholesky(NULL, left, less, 1e-12, skip, NULL) == 0);
  lc_cholesky_drop(k, n, U, room, cosine, sine);
  for (lc_index j = 0; j < left; j++)
    CHECK(ctest_distance(j + 1, U + j * room, less + j * left) < 1e-11);
  free(A), free(U), free(less), free(cosine), free(sine), free(skip);
}

static void halve(void *context, double *v) {
  for (int i = 0; i < *(const int *)context; i++) v[i] /= 2;
}

/* H <- (I - s y'/s'y) H (I - y s'/s'y) + s s'/s'y. */
static void bfgs_update(lc_index n, const double *s, const double *y, double *H) {
  double *Hy = ctest_zeros(n), sy = lc_dot(n, s, y);
  multiply(n, H, y, Hy);
  double yHy = lc_dot(n, y, Hy);
  for (lc_index j = 0; j < n; j++)
    for (lc_index i = 0; i < n; i++)
      H[i + j * n] += (1 + yHy / sy) * s[i] * s[j] / sy - (Hy[i] * s[j] + s[i] * Hy[j]) / sy;
  free(Hy);
}

/* The corrected metric takes the change of the gradient in the last step to that step, and is the metric updated by the
 * last pairs that there is room for, one after the other. */
static void test_pairs(int scaled) {
  enum { P = 7, MEMORY = 3 };
  int size = P;
  double *A = random_gram(P + 4, P), from[P] = {0}, to[P], g[P] = {0}, gradient[P], d[P], change[P];
  double S[MEMORY + 2][P], Y[MEMORY + 2][P], H[P * P], want[P];
  ctest_host host;
  lc_arena arena;
  lc_lbfgs_pairs pairs;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  CHECK(lc_lbfgs_pairs_allocate(P, MEMORY, &pairs, &arena) == LC_OK);
  for (int step = 0; step < MEMORY + 2; step++) {
    for (int i = 0; i < P; i++) to[i] = from[i] + ctest_normal();
    multiply(P, A, to, gradient);
    lc_lbfgs_pairs_keep(&pairs, from, to, g, gradient);
    CHECK(pairs.count == (step < MEMORY ? step + 1 : MEMORY));
    for (int i = 0; i < P; i++) {
      S[step][i] = to[i] - from[i];
      Y[step][i] = change[i] = gradient[i] - g[i];
    }
    lc_lbfgs_pairs_direction(&pairs, change, halve, &size, scaled, d);
    for (int i = 0; i < P; i++) CHECK_NEAR(d[i], from[i] - to[i], 1e-11);
    for (int i = 0; i < P; i++) change[i] = ctest_normal();
    lc_lbfgs_pairs_direction(&pairs, change, halve, &size, scaled, d);
    for (int i = 0; i < P * P; i++) H[i] = i % (P + 1) ? 0 : 0.5;
    for (int k = step < MEMORY ? 0 : step - MEMORY + 1; k <= step; k++) bfgs_update(P, S[k], Y[k], H);
    multiply(P, H, change, want);
    for (int i = 0; i < P; i++) CHECK(scaled || fabs(d[i] + want[i]) < 1e-9);
    memcpy(from, to, sizeof from);
    memcpy(g, gradient, sizeof g);
  }
  ctest_host_free(&host);
  free(A);
}

void test_linalg(void) {
  ctest_seed(6);
  test_pairs(0);
  test_pairs(1);
  for (lc_index n = 0; n < 12; n++) {
    double *x = ctest_normals(n), *y = ctest_normals(n), sum = 0;
    for (lc_index i = 0; i < n; i++) sum += x[i] * y[i];
    CHECK_NEAR(lc_dot(n, x, y), sum, 1e-14);
    free(x), free(y);
  }
  test_cholesky(1);
  test_cholesky(2);
  test_cholesky(17);
  test_cholesky(32);
  test_cholesky(60);
  test_cholesky(101);
  test_dependent();
  test_dependent_blocks();
  test_nearly_dependent();
  test_extended(70, 2 * LC_CHOLESKY_BLOCK);
  test_extended(40, LC_CHOLESKY_BLOCK);
  test_extended(95, 0);
  test_extended(70, 45);
  test_extended(20, 3);
  test_extended(90, 83); /* among columns that depend */
  for (lc_index k = 0; k < 11; k++) test_dropped(11, k);
  test_dropped(1, 0);
  test_dropped(70, 3);
  test_dropped(70, 66);
  for (lc_index n = 1; n < 30; n += 7) test_eigen(n);
}
