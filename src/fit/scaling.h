/* fit/scaling.h - columns are centred and scaled where that saves digits or steps, by what a design shows alone.
 *
 * Standardising is no scaling of X: it lives in the factors of the penalty. */
#ifndef LC_FIT_SCALING_H
#define LC_FIT_SCALING_H

#include "fit/problem.h"

/* How a fit is to see the columns of the problem (as_given: as they are): shifts where a mean hides the spread, which
 * second derivatives mind less, scales where squares would leave the range. *means, *rms (p): of the columns so seen.
 * All is in the arena. */
lc_status lc_scale_columns(const lc_problem *problem, int second_order, int as_given, lc_scaling *out, double **means,
                           double **rms, lc_arena *arena);

/* From the penalty of the user's columns divided by `spread` (p, NULL: 1) to that of the columns as shown: factors
 * carry the spread of the column, and b_user = b scale, so that l1 |b_user| = (l1 scale) |b|. */
lc_status lc_scale_penalty(const lc_design *x, const double *spread, lc_penalty *pen, lc_arena *arena);

/* Symmetric scores: the loss does not see a shift common to all classes, and a ridge is least without it. Intercepts
 * and slopes of B (q x K, columns as shown) without L1 part and bounds are made to sum to zero, in place. Returns by
 * how much the penalty falls: nothing at an optimum. */
double lc_remove_common_shift(const lc_objective *obj, double *B);

/* The same of the intercepts alone, of the user's columns: where these were shifted, slopes that do not sum to zero
 * have moved them. */
void lc_centre_intercepts(const lc_objective *obj, double *B);

#endif
