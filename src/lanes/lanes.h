/* lanes/lanes.h - paths of L1 penalties on sparse columns, eight problems side by side.
 *
 * Eight lambdas are solved at once, each in a lane of vector registers. An entry of X that is read serves all of them,
 * where coordinate descent reads it for each. All lanes share the members, the columns that any of them needed so far,
 * and their entries in the order of rows (lc_grown_rows). A round:
 *
 *   pass.c    scores move by the last step; losses, residuals R, curvatures w; R moves by w (sum R / sum w), the Newton
 *             step of the intercept in the dual, so that it sums to zero; gradients of members
 *   outside.c other columns that violate their condition in some lane join; most are known not to by bounds
 *   judge.c   a lane whose objective rose goes back; residuals of the conditions; gaps; a lane that meets its gap is
 *             published and takes the next lambda
 *   start.c   a lane starts on a line through the points (and gradients) of two others
 *   newton.c  one Newton step of all lanes by conjugate gradients on the coefficients that are not held at 0, in
 *             floats, until half of the lanes are near enough
 *
 * Scores, gradients and objectives are doubles, and a point is published with a gap from them alone. Coefficients that
 * would cross 0 (or a bound) stop there, and where that is much the model is solved again with them held.
 * For one score column and losses with curvature and conjugate; case weights, offsets, bounds, penalty factors, L2
 * parts and unpenalised slopes are all one to it. */
#ifndef LC_LANES_H
#define LC_LANES_H

#include "lanes/job.h"

/* Can lanes solve it, and is it large enough and are there lambdas enough for them to be quicker than sweeps? */
int lc_lanes_suit(const lc_objective *obj, double before, const double *lambda, lc_index count);

/* Solves lambda[0], lambda[1], ... as far as it comes: *solved lambdas from the first on, all of them unless one
 * could not be brought to its gap. Others beyond may have been published and are to be solved again. `at` is then
 * undefined. Memory, from the job's arena: 8 bytes for each entry of X (16 where values are no floats), 230 for each
 * row, some 800 for each member, 60 for each column. The same bits for any number of threads. */
lc_status lc_lanes_run(const lc_lanes_job *job, lc_index *solved);

#endif
