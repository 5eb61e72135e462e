/* solver/interior_ramps.h - the problem of an interior point: its ramps, and products with their matrix A.
 *
 * solver/interior_point.c says what they are for. */
#ifndef LC_SOLVER_INTERIOR_RAMPS_H
#define LC_SOLVER_INTERIOR_RAMPS_H

#include "solver/solver.h"

/* A ramp of one coefficient: v = sign (b_at - knot). */
typedef struct lc_bend {
  lc_index at;
  double sign, knot;
} lc_bend;

/* Rows whose ramps are differences of the same score columns: of one class, z_c - z_own for each wrong class c. One
 * score of two classes needs no copy of rows: all of them are a group of one column, each with its sign. Class by class
 * a Hessian of k classes has k - 1 matrices of weights and not all k (k + 1) / 2 pairs. */
typedef struct lc_ramp_group {
  lc_row_part rows;
  lc_index n, first; /* rows; ramp of row i and column r is first + i + r n */
  int own;           /* class, -1: signs */
} lc_ramp_group;

typedef struct lc_interior {
  lc_objective *obj;
  lc_index n, P, pairs, ramps, nbends; /* pairs: of the rows; then the bends */
  lc_ramp_group *group;
  int ngroups, columns; /* ramps of a row: k - 1 or 1 */
  lc_bend *bends;
  double *cost, *a, *z, *u, *v, *theta, *dv; /* ramps each */
  double *x, *first, *second; /* ramps each: what is multiplied by A'; products of steps, of a and z, of a and u */
  double *kept[3], *kept_d;   /* of dv, first, second and d, while another step is tried */
  int rounds;                 /* such trials in a step, at most */
  double *linear, *ridge, *b, *d, *rhs, *Aa, *scale; /* P each: c, L, the point, its step, right side, A'a, of H */
  double *scores, *part, *C; /* of the largest group: n x 2 columns; q x 2 columns; packed q x q for each column */
  double *H, *factor;        /* P x P: scaled to a unit diagonal; its Cholesky factor */
  unsigned char *skip, *held;                        /* P: left out by the factor; never moved */
  double *best_b, *best_a;
  double count, mu, primal, dual; /* ramps with a cost; of the best point and the best dual point */
} lc_interior;

/* Without calls: fmax() and fmin() mind NaN. */
static inline double lc_larger(double a, double b) { return a > b ? a : b; }
static inline double lc_smaller(double a, double b) { return a < b ? a : b; }

/* Groups of rows, and memory for ramps and coefficients. obj, n and P are set. */
lc_status lc_interior_allocate(lc_interior *work);

/* Costs of the rows' ramps; penalty and bounds become bends; b moves within its bounds. */
void lc_interior_describe(lc_interior *work, const lc_report *report);

/* v at b, whose scores are those of `at`. */
void lc_interior_violations(lc_interior *work);

/* R (n x K) <- the weighted derivatives by scores whose duals are x. */
void lc_interior_emit(const lc_interior *work, const double *x, double *R);

/* out <- A'x; with other: out and the P numbers after it for both, and H <- A' Theta A of the rows. One read of X. */
lc_status lc_interior_multiply(lc_interior *work, const double *x, const double *other, double *out);

/* dv <- A d. One read of X. */
lc_status lc_interior_move(lc_interior *work);

#endif
