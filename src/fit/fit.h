/* fit/fit.h - plans and runs one fit.
 *
 * The planner picks a solver by loss, penalty and sizes (never by clock or threads); losses with a kink are
 * solved through a sequence of smooth versions; columns that depend on others are found and set aside; the
 * result is certified. */
#ifndef LC_FIT_H
#define LC_FIT_H

#include "fit/problem.h"

/* The relative certificate that counts as met: the tolerance; of a kink at least 1e-6, unless the user gave one. */
double lc_goal_of(const lc_problem *problem, const lc_settings *settings);

/* Fits. Memory comes from the arena; the return value is < 0 where there is no usable solution, else equal to
 * out->status. */
lc_status lc_solve(const lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                   lc_solution *out);

/* The certificate at `at`: a duality gap where there is one, else half the squared Newton decrement where P is
 * moderate. want: LC_WANT_ flags of an evaluation that is made first, unless report->evaluated says that it is there
 * already and no curvature is wanted. spent > 0: the fit ended with its budget after so many reads of X, and second
 * derivatives that cost more than these are those of a sample of rows (LC_SAMPLED_DECREMENT). At most three reads. */
lc_status lc_certify(lc_objective *obj, int want, double spent, lc_report *report, lc_certificate *out);

/* Bounds without a penalty: the rounding of a gradient times the distance of a far bound is a gap that no point meets.
 * Where half the squared Newton decrement of the coefficients that no bound holds is less, it is the certificate. */
lc_status lc_certify_within_bounds(lc_objective *obj, lc_report *report, lc_certificate *out);

/* The certificate of a solver with an objective of its own, at `at`. */
lc_status lc_certify_own(const lc_objective *obj, const lc_report *report, lc_certificate *out);

/* Half the log determinant of the information in the user's columns without aliased ones, from that of the report. */
double lc_solve_jeffreys(const lc_problem *problem, const lc_solution *solution);

/* *out <- the mean loss of the intercepts alone (scores of 0 without them), without offsets: a fit of as many rows as
 * classes. NaN where there are offsets, or it has no minimum. */
lc_status lc_solve_null(const lc_problem *problem, const lc_host *host, lc_arena *arena, double *out);

/* A start for Newton's method on many rows: B <- the rough optimum of a random sample of rows (64 at a time, spread
 * over all rows, by a fixed seed), from B. B stays where the sample would not save work or cannot be trusted: few rows,
 * a sparse design, a rare class, a separated or rank-deficient sample. Otherwise *factor is the factored Hessian of the
 * sample there, ready. */
lc_status lc_subsample_start(const lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                             lc_factor *factor);

/* Covariance of the coefficients of an unpenalised likelihood fit: the inverse of the Fisher information W H at the
 * solution, in the user's columns and reference scores (of symmetric scores the first class is dropped), without
 * aliased coefficients: the order of as.vector(B) for what is left. *V is *size squared, in the arena. It is inverted
 * where it is well conditioned (centred columns, or the orthonormal basis of the fit) and mapped back. At most one read
 * of X. LC_UNSUPPORTED: the fit ended with its budget (LC_BUDGET) and is not known to be within a tenth of a standard
 * error of the optimum, so that the matrix would mean nothing. */
lc_status lc_solve_covariance(const lc_problem *problem, const lc_solution *solution, lc_arena *arena, double **V,
                              lc_index *size);

#endif
