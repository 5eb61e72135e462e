/* linalg.h - room "linalg": the small dense algebra that solvers need, and nothing else.
 * Matrices are column-major n x n with leading dimension n. */
#ifndef LC_LINALG_H
#define LC_LINALG_H

#include "arena.h"
#include "base.h"

/* x'y in a fixed order. */
double lc_dot(lc_index n, const double *x, const double *y);

/* Cholesky A = U'U of a symmetric positive semidefinite matrix, upper triangle in and out. Columns are taken
 * in their order; one whose pivot falls to `tolerance` times its diagonal or below depends on the columns
 * before it: skip[j] = 1 (else 0) and it takes no part. Returns the number of skipped columns;
 * *smallest (may be NULL) is the least kept pivot / diagonal. Cost n^3 / 3. */
lc_index lc_cholesky(lc_index n, double *A, double tolerance, unsigned char *skip, double *smallest);

/* b <- A^-1 b with the factor above; skipped entries become 0. In place. Cost 2 n^2. */
void lc_cholesky_solve(lc_index n, const double *U, const unsigned char *skip, double *b);

/* Eigenvalues (ascending not promised) and orthonormal eigenvectors (columns of V) of a symmetric matrix by
 * cyclic Jacobi rotations; A is destroyed. Cost about 10 n^3: for small matrices. */
void lc_eigen(lc_index n, double *A, double *value, double *V);

/* Minimum-norm solution x of A x = b for symmetric positive semidefinite A (destroyed): eigenvalues below
 * tolerance times the largest count as 0. x may be b. LC_OUT_OF_MEMORY possible. */
lc_status lc_solve_minimum_norm(lc_index n, double *A, const double *b, double tolerance, double *x, lc_arena *arena);

/* Orthonormal basis of the columns of X (n x p, overwritten with Q) by Gram-Schmidt, each column
 * orthogonalised twice (Giraud and others, 2005): X = Q R, R p x p upper. A column whose remainder is at most
 * tolerance times its own norm is dependent: skip[j] = 1, its Q column is 0 and R[j, j] = 0. Returns the
 * number of dependent columns; *smallest is the least kept remainder / norm. Cost 4 n p^2. */
lc_index lc_orthonormalise(lc_index n, lc_index p, double *X, double *R, double tolerance, unsigned char *skip,
                           double *smallest);

#endif
