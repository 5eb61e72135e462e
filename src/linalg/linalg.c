/* linalg/linalg.c - Cholesky, Jacobi eigenvalues, Gram-Schmidt. */
#include "linalg/linalg.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"

enum { BLOCK = LC_CHOLESKY_BLOCK, RHS = 8 }; /* right-hand sides that are solved together */

double lc_dot(lc_index n, const double *x, const double *y) {
  double sum = 0;
  lc_kernels()->gradient(n, 1, 1, x, n, y, n, &sum, 1);
  return sum;
}

/* A[i0.., j0..] (rows x columns) -= U[0..i0, i0..]' U[0..i0, j0..]: what earlier rows of U take away. */
static void subtract_above(double *A, lc_index lda, lc_index i0, lc_index rows, lc_index j0, lc_index columns) {
  double product[BLOCK * BLOCK] = {0};
  lc_kernels()->gradient(i0, rows, (int)columns, A + i0 * lda, lda, A + j0 * lda, lda, product, BLOCK);
  for (lc_index j = 0; j < columns; j++)
    for (lc_index i = 0; i < rows; i++) A[i0 + i + (j0 + j) * lda] -= product[i + j * BLOCK];
}

/* A[i0.., j0..] <- U_ii'^-1 A[i0.., j0..] with the factored block of rows and columns i0..; transposed, so that one
 * row of the result is a combination of contiguous rows. */
static void solve_block(double *A, lc_index lda, const unsigned char *skip, lc_index i0, lc_index rows, lc_index j0,
                        lc_index columns) {
  double part[BLOCK * BLOCK], weight[BLOCK];
  for (lc_index i = 0; i < rows; i++) {
    const double *u = A + i0 + (i0 + i) * lda;
    double *row = part + i * BLOCK;
    for (lc_index j = 0; j < columns; j++) row[j] = A[i0 + i + (j0 + j) * lda];
    for (lc_index k = 0; k < i; k++) weight[k] = -u[k];
    lc_kernels()->scores(columns, i, 1, part, BLOCK, weight, i, row, BLOCK);
    for (lc_index j = 0; j < columns; j++) row[j] = skip[i0 + i] ? 0 : row[j] / u[i];
  }
  for (lc_index j = 0; j < columns; j++)
    for (lc_index i = 0; i < rows; i++) A[i0 + i + (j0 + j) * lda] = part[j + i * BLOCK];
}

/* Column by column, the block at j0, from which earlier rows are subtracted already. `diagonal`: what it was before.
 * Returns the number of skipped columns. */
static lc_index factor_block(double *A, lc_index lda, double tolerance, unsigned char *skip, const double *diagonal,
                             lc_index j0, lc_index columns, double *least) {
  lc_index skipped = 0;
  for (lc_index j = j0; j < j0 + columns; j++) {
    double *column = A + j0 + j * lda, before = diagonal[j - j0];
    lc_index above = j - j0;
    for (lc_index i = 0; i < above; i++) {
      const double *u = A + j0 + (j0 + i) * lda;
      column[i] = skip[j0 + i] ? 0 : (column[i] - lc_dot(i, u, column)) / u[i];
    }
    double pivot = column[above] - lc_dot(above, column, column);
    /* Written so that a NaN pivot is skipped too. */
    skip[j] = !(pivot > tolerance * before) || !(before > 0);
    column[above] = skip[j] ? 0 : sqrt(pivot);
    skipped += skip[j];
    if (!skip[j]) *least = fmin(*least, pivot / before);
  }
  return skipped;
}

lc_index lc_cholesky_extend(const lc_host *host, lc_index from, lc_index n, double *A, lc_index lda, double tolerance,
                            unsigned char *skip, double *smallest) {
  lc_index skipped = 0;
  double least = 1, diagonal[BLOCK];
  for (lc_index j0 = from, columns; j0 < n; j0 += columns) {
    columns = lc_min(BLOCK - j0 % BLOCK, n - j0);
    if (host && n > BLOCK && lc_poll_later(host)) {
      memset(skip + j0, 1, (size_t)(n - j0));
      skipped += n - j0;
      break;
    }
    for (lc_index j = 0; j < columns; j++) diagonal[j] = A[(j0 + j) * (lda + 1)];
    for (lc_index i0 = 0; i0 < j0; i0 += BLOCK) {
      lc_index rows = lc_min(BLOCK, j0 - i0);
      subtract_above(A, lda, i0, rows, j0, columns);
      solve_block(A, lda, skip, i0, rows, j0, columns);
    }
    subtract_above(A, lda, j0, columns, j0, columns);
    skipped += factor_block(A, lda, tolerance, skip, diagonal, j0, columns, &least);
  }
  if (smallest) *smallest = least;
  return skipped;
}

lc_index lc_cholesky(const lc_host *host, lc_index n, double *A, double tolerance, unsigned char *skip,
                     double *smallest) {
  return lc_cholesky_extend(host, 0, n, A, n, tolerance, skip, smallest);
}

/* Rows `from` .. `to` of four columns, turned by the rotations of neighbours; they wait for each other within a column
 * only. */
static void rotate_four(lc_index from, lc_index to, const double *cosine, const double *sine, double *A, lc_index lda) {
  double *a = A, *b = A + lda, *c = A + 2 * lda, *d = A + 3 * lda;
  double a0 = a[from], b0 = b[from], c0 = c[from], d0 = d[from];
  for (lc_index i = from; i < to; i++) {
    double x = cosine[i], y = sine[i], a1 = a[i + 1], b1 = b[i + 1], c1 = c[i + 1], d1 = d[i + 1];
    a[i] = x * a0 + y * a1;
    b[i] = x * b0 + y * b1;
    c[i] = x * c0 + y * c1;
    d[i] = x * d0 + y * d1;
    a0 = x * a1 - y * a0;
    b0 = x * b1 - y * b0;
    c0 = x * c1 - y * c0;
    d0 = x * d1 - y * d0;
  }
  a[to] = a0;
  b[to] = b0;
  c[to] = c0;
  d[to] = d0;
}

static void rotate_one(lc_index from, lc_index to, const double *cosine, const double *sine, double *a) {
  for (lc_index i = from; i < to; i++) {
    double above = a[i], below = a[i + 1];
    a[i] = cosine[i] * above + sine[i] * below;
    a[i + 1] = cosine[i] * below - sine[i] * above;
  }
}

void lc_cholesky_drop(lc_index k, lc_index n, double *U, lc_index ldu, double *cosine, double *sine) {
  enum { FOUR = 4 };
  for (lc_index j = k; j + 1 < n; j++) memcpy(U + j * ldu, U + (j + 1) * ldu, (size_t)(j + 2) * sizeof *U);
  for (lc_index j0 = k; j0 + 1 < n; j0 += FOUR) {
    lc_index columns = lc_min(FOUR, n - 1 - j0);
    if (columns == FOUR && j0 > k) rotate_four(k, j0, cosine, sine, U + j0 * ldu, ldu);
    for (lc_index j = j0; j < j0 + columns; j++) {
      double *a = U + j * ldu;
      rotate_one(columns == FOUR ? j0 : k, j, cosine, sine, a);
      double size = hypot(a[j], a[j + 1]);
      cosine[j] = size > 0 ? a[j] / size : 1;
      sine[j] = size > 0 ? a[j + 1] / size : 0;
      a[j] = size;
    }
  }
}

/* U' x = b and then U x = b for `count` columns of b, no more than RHS, so that U is read once for all of them. */
static void solve_columns(lc_index n, const double *U, lc_index ldu, const unsigned char *skip, int count, double *b) {
  double part[BLOCK * RHS];
  for (lc_index j0 = 0; j0 < n; j0 += BLOCK) {
    lc_index columns = lc_min(BLOCK, n - j0);
    memset(part, 0, sizeof part);
    lc_kernels()->gradient(j0, columns, count, U + j0 * ldu, ldu, b, n, part, BLOCK);
    for (int k = 0; k < count; k++) {
      double *x = b + k * n;
      for (lc_index j = j0; j < j0 + columns; j++) {
        const double *u = U + j * ldu;
        double sum = x[j] - part[j - j0 + k * BLOCK];
        for (lc_index i = j0; i < j; i++) sum -= u[i] * x[i];
        x[j] = skip[j] ? 0 : sum / u[j];
      }
    }
  }
  for (lc_index end = n, j0; end > 0; end = j0) {
    j0 = (end - 1) / BLOCK * BLOCK;
    for (int k = 0; k < count; k++) {
      double *x = b + k * n;
      for (lc_index j = end; j-- > j0;) {
        const double *u = U + j * ldu;
        if (!skip[j]) x[j] /= u[j];
        part[j - j0 + k * BLOCK] = -x[j];
        for (lc_index i = j0; i < j; i++) x[i] -= u[i] * x[j];
      }
    }
    lc_kernels()->scores(j0, end - j0, count, U + j0 * ldu, ldu, part, BLOCK, b, n);
  }
  for (int k = 0; k < count; k++)
    for (lc_index i = 0; i < n; i++)
      if (skip[i]) b[i + k * n] = 0;
}

void lc_cholesky_solve_columns(lc_index n, const double *U, lc_index ldu, const unsigned char *skip, lc_index count,
                               double *B) {
  for (lc_index k = 0; k < count; k += RHS)
    solve_columns(n, U, ldu, skip, (int)lc_min(RHS, count - k), B + k * n);
}

void lc_cholesky_solve(lc_index n, const double *U, lc_index ldu, const unsigned char *skip, double *b) {
  lc_cholesky_solve_columns(n, U, ldu, skip, 1, b);
}

/* One rotation that zeroes A[p, q] (Golub and Van Loan, Matrix Computations, section 8.5). */
static void rotate(lc_index n, double *A, double *V, lc_index p, lc_index q) {
  double apq = A[p + q * n];
  double theta = (A[q + q * n] - A[p + p * n]) / (2 * apq);
  double t = (theta >= 0 ? 1 : -1) / (fabs(theta) + hypot(theta, 1)), c = 1 / hypot(t, 1), s = t * c;
  for (lc_index k = 0; k < n; k++) {
    double akp = A[k + p * n], akq = A[k + q * n];
    A[k + p * n] = c * akp - s * akq;
    A[k + q * n] = s * akp + c * akq;
  }
  for (lc_index k = 0; k < n; k++) {
    double apk = A[p + k * n], aqk = A[q + k * n];
    A[p + k * n] = c * apk - s * aqk;
    A[q + k * n] = s * apk + c * aqk;
    double vkp = V[k + p * n], vkq = V[k + q * n];
    V[k + p * n] = c * vkp - s * vkq;
    V[k + q * n] = s * vkp + c * vkq;
  }
}

lc_status lc_eigen(const lc_host *host, lc_index n, double *A, double *value, double *V) {
  memset(V, 0, (size_t)(n * n) * sizeof(double));
  for (lc_index i = 0; i < n; i++) V[i + i * n] = 1;
  for (int sweep = 0, rotated = 1; sweep < 50 && rotated; sweep++) {
    rotated = 0;
    for (lc_index q = 1; q < n; q++) {
      if (host) LC_TRY(lc_poll(host));
      for (lc_index p = 0; p < q; p++) {
        double scale = sqrt(fabs(A[p + p * n])) * sqrt(fabs(A[q + q * n]));
        if (fabs(A[p + q * n]) <= 1e-17 * scale || A[p + q * n] == 0) continue;
        rotate(n, A, V, p, q);
        rotated = 1;
      }
    }
  }
  for (lc_index i = 0; i < n; i++) value[i] = A[i + i * n];
  return LC_OK;
}

lc_status lc_solve_minimum_norm(lc_index n, double *A, const double *b, double tolerance, double *x, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  double *value = lc_arena_doubles(arena, n), *V = lc_arena_doubles(arena, n * n);
  double *part = lc_arena_doubles(arena, n);
  lc_status status = value && V && part ? lc_eigen(arena->host, n, A, value, V) : LC_OUT_OF_MEMORY;
  if (status != LC_OK) {
    lc_arena_reset(arena, mark);
    return status;
  }
  double largest = 0;
  for (lc_index i = 0; i < n; i++) largest = fmax(largest, value[i]);
  for (lc_index i = 0; i < n; i++) part[i] = value[i] > tolerance * largest ? lc_dot(n, V + i * n, b) / value[i] : 0;
  memset(x, 0, (size_t)n * sizeof(double));
  for (lc_index i = 0; i < n; i++)
    for (lc_index j = 0; j < n; j++) x[j] += V[j + i * n] * part[i];
  lc_arena_reset(arena, mark);
  return LC_OK;
}

double lc_orthonormalise(lc_index n, lc_index r, const double *Q, double *x, double *c, double tolerance) {
  double norm = sqrt(lc_dot(n, x, x));
  memset(c, 0, (size_t)r * sizeof(double));
  for (int round = 0; round < 2; round++)
    for (lc_index i0 = 0; i0 < r; i0 += BLOCK) {
      lc_index columns = lc_min(BLOCK, r - i0);
      double overlap[BLOCK] = {0};
      lc_kernels()->gradient(n, columns, 1, Q + i0 * n, n, x, n, overlap, BLOCK);
      for (lc_index i = 0; i < columns; i++) {
        c[i0 + i] += overlap[i];
        overlap[i] = -overlap[i];
      }
      lc_kernels()->scores(n, columns, 1, Q + i0 * n, n, overlap, BLOCK, x, n);
    }
  double rest = c[r] = sqrt(lc_dot(n, x, x));
  if (!(rest > tolerance * norm)) return 0; /* a NaN too */
  for (lc_index k = 0; k < n; k++) x[k] /= rest;
  return rest / norm;
}
