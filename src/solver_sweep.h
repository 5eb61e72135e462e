/* solver_sweep.h - room "solver": many coefficients of columns with few entries, by coordinate descent without a
 * matrix.
 *
 * Proximal Newton as in solver_model.h, but the model's Hessian is never formed: with T = S X d (n x K, S the curvature
 * weights of each row, d the move so far) the gradient of coefficient j of score column c is g + x_j'T_c / W, and a
 * move of it changes T in the rows of x_j alone. A sweep costs the entries of the set's columns, K times over
 * (Friedman, Hastie and Tibshirani, 2010, with the coupling of classes kept). */
#ifndef LC_SOLVER_SWEEP_H
#define LC_SOLVER_SWEEP_H

#include "solver_model.h"

/* A Hessian of the set costs as much as size / 2 sweeps: sets above this size are better swept. */
enum { LC_SWEPT_SIZE = 300 };

/* Steps on the set of m until its worst residual is at most goal, max_steps are done or rounding ends it (m->stuck).
 * After LC_MAX_ITER the gradients of the set are those before the last step: the next call reads them. Needs col_look
 * and col_push. Memory n (5 K + pairs of K) and some for each coefficient while it runs. */
lc_status lc_sweep_solve(lc_model *m, double goal, double max_steps);

#endif
