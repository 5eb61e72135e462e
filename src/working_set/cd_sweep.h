/* working_set/cd_sweep.h - many coefficients of columns with few entries, by coordinate descent without a matrix.
 *
 * Proximal Newton as in working_set/prox_newton.h, but the model's Hessian is never formed: with T = X d (n x K, d the
 * move so far) and S_i the curvatures of row i over the sum of weights, the gradient of coefficient j of score column c
 * is g + sum_i x_ij (S_i T_i)_c, and a move of it changes T_c in the rows of x_j alone. A sweep costs the entries of
 * the columns of all coefficients (Friedman, Hastie and Tibshirani, 2010, with the coupling of classes kept). Of
 * several score columns, what the others do to one stands still while its coefficients move: made once for each, at the
 * cost of n (K n where the curvatures are not those of probabilities, LC_MULTINOMIAL), it spares that columns are read
 * beside more than one vector. Where the columns have fewer entries than n K, each coefficient asks the others anew.
 * Columns are copies of 4 bytes an entry (lc_objective_sparse_columns) that carry the roots of the curvatures.
 *
 * Measured (n = 1e5, p = 5e4, 4.7e6 entries with Zipf columns, 100 lambdas down to 28146 nonzero coefficients): 138
 * Newton steps with 5 sweeps each, about 2 ns an entry and sweep. In two blocks of coefficients side by side, which
 * would give each thread one, it takes a sixth to a third more sweeps. */
#ifndef LC_WORKING_SET_CD_SWEEP_H
#define LC_WORKING_SET_CD_SWEEP_H

#include "working_set/set_step.h"

/* A Hessian of the set costs as much as size / 2 sweeps: larger sets than this are better swept, as long as sweeps do
 * not creep (step->crept). */
enum { LC_SWEPT_SIZE = 300 };

/* Steps until the worst residual is at most goal, max_steps are done or rounding ends it (step->stuck). After
 * LC_MAX_ITER the gradients of the set and step->worst are those before the last step: the next call reads them.
 * Needs lc_objective_has_sparse_columns(), and the intercepts of all score columns in the set, or of none. Memory 6 n
 * for one score column, with probabilities n (8 K + 7), else n (6 K + 1 + pairs of K), some for each coefficient, and 4
 * bytes for each entry of its column, which is copied for each class that has it in the set, while it runs. */
lc_status lc_cd_sweep_solve(lc_set_step *step, double goal, double max_steps);

#endif
