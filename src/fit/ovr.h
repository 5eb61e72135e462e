/* fit/ovr.h - one class against the rest: a score column for each class, each the fit of a problem of two classes.
 *
 * What is minimised is the sum of the objectives of these problems, so that each has the same penalty, and the sum of
 * their gaps is a gap of the whole. */
#ifndef LC_FIT_OVR_H
#define LC_FIT_OVR_H

#include "fit/problem.h"

/* What fits one of those problems: lc_solve() (fit/fit.h), which is above this file. */
typedef lc_status lc_fit_function(const lc_problem *problem, const lc_settings *settings, const lc_host *host,
                                  lc_arena *arena, lc_solution *out);

/* Fits problem->k > 2 classes of a loss with a vector form, from problem->start (q x k) or 0. out->fitted is NULL: each
 * class had an objective of its own. Otherwise as lc_solve(). */
lc_status lc_solve_ovr(const lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                       lc_fit_function *fit, lc_solution *out);

#endif
