/* linalg/linalg.h - the small dense algebra that solvers need, and nothing else.
 * Matrices are column-major n x n with leading dimension n unless another is given. */
#ifndef LC_LINALG_H
#define LC_LINALG_H

#include "base/arena.h"
#include "base/base.h"

/* x'y in a fixed order. */
double lc_dot(lc_index n, const double *x, const double *y);

/* Cholesky A = U'U of a symmetric positive semidefinite matrix, upper triangle in and out. Columns are taken
 * in their order; one whose pivot falls to `tolerance` times its diagonal or below depends on the columns
 * before it: skip[j] = 1 (else 0) and it takes no part. Returns the number of skipped columns;
 * *smallest (may be NULL) is the least kept pivot / diagonal. Cost n^3 / 3. Where the host (NULL: none) says stop, the
 * columns that are left are skipped: a factor to be used no more than until the caller has asked the host. A matrix of
 * one block (LC_CHOLESKY_BLOCK) is done before anybody could ask. */
lc_index lc_cholesky(const lc_host *host, lc_index n, double *A, double tolerance, unsigned char *skip,
                     double *smallest);

/* The same with leading dimension lda where the first `from` columns hold U already, and skip[] what they skipped: the
 * others follow, with the bits of a factor made in one go where `from` is a multiple of LC_CHOLESKY_BLOCK. Counts and
 * the least pivot are those of the new columns. Cost (n^3 - from^3) / 3. */
enum { LC_CHOLESKY_BLOCK = 32 }; /* rows and columns worked on together: two blocks stay in L1 */
lc_index lc_cholesky_extend(const lc_host *host, lc_index from, lc_index n, double *A, lc_index lda, double tolerance,
                            unsigned char *skip, double *smallest);

/* The factor of n columns, none of them skipped from k on, becomes that of A without row and column k, in the columns
 * before n - 1: what is left of U is turned to a triangle by rotations (Golub and Van Loan, Matrix Computations,
 * section 6.5), for which cosine and sine are n numbers of scratch each. Cost 3 (n - k)^2, where a new factor takes
 * (n^3 - k^3) / 3. */
void lc_cholesky_drop(lc_index k, lc_index n, double *U, lc_index ldu, double *cosine, double *sine);

/* b <- A^-1 b with a factor above (leading dimension ldu); skipped entries become 0. In place. Cost 2 n^2. */
void lc_cholesky_solve(lc_index n, const double *U, lc_index ldu, const unsigned char *skip, double *b);

/* The same for `count` columns of B (n x count), with fewer reads of U. Cost 2 n^2 count. */
void lc_cholesky_solve_columns(lc_index n, const double *U, lc_index ldu, const unsigned char *skip, lc_index count,
                               double *B);

/* Eigenvalues (ascending not promised) and orthonormal eigenvectors (columns of V) of a symmetric matrix by
 * cyclic Jacobi rotations; A is destroyed. Cost about 10 n^3: for small matrices. Unfinished where the host
 * (NULL: none) says stop. */
lc_status lc_eigen(const lc_host *host, lc_index n, double *A, double *value, double *V);

/* Minimum-norm solution x of A x = b for symmetric positive semidefinite A (destroyed): eigenvalues below
 * tolerance times the largest count as 0. x may be b. LC_OUT_OF_MEMORY and the stops of the arena's host possible. */
lc_status lc_solve_minimum_norm(lc_index n, double *A, const double *b, double tolerance, double *x, lc_arena *arena);

/* One column of Gram-Schmidt, orthogonalised twice (Giraud and others, 2005). Q: n x r, orthonormal. x (n) = Q c + d u:
 * x becomes the unit vector u, c (r + 1) receives c and d. Returns d / |x|; 0 where that is at most tolerance: x
 * depends on Q, and what is left in x and c means nothing. Cost 8 n r. */
double lc_orthonormalise(lc_index n, lc_index r, const double *Q, double *x, double *c, double tolerance);

#endif
