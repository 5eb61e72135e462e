/* fit/smoothing.h - losses with a kink by solvers of smooth losses.
 *
 * The kink max(0, u) is rounded to (u + sqrt(u^2 + 4 mu^2)) / 2 (Chen, Harker, Kanzow and Smale) and mu followed from 1
 * down, each solution the start of the next, until the duality gap of the kink itself is met, mu is spent, or the
 * budget is: iterations of all runs count against max_iter. */
#ifndef LC_FIT_SMOOTHING_H
#define LC_FIT_SMOOTHING_H

#include "fit/problem.h"

/* Runs the solver from B, along smooth versions of the loss where it has a kink that the solver cannot take. The
 * objective ends at the point with the smallest gap that was seen; B may be overwritten. */
lc_status lc_run_smoothed(lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                          lc_report *report);

#endif
