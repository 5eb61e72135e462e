/* problem/jeffreys.h - the gradient of Jeffreys' penalty, which takes the first-order bias out of maximum likelihood
 * (Firth 1993; Kosmidis and Firth 2011 for several classes).
 *
 * The penalised log-likelihood is sum_i w_i log p_i(y_i) + log det I / 2, I = sum_i w_i S_i (x) x_i x_i', with S_i the
 * covariance matrix of row i's class. With I^-1 = sum_t v_t v_t' and u_c(t) = x_i' v_t for class c of row i (0 for a
 * class without a score column),
 *
 *     d (log det I / 2) / d z_ic = w_i p_c (D_c - sum_a p_a D_a) / 2,   D_c = sum_t (u_c(t) - sum_a p_a u_a(t))^2.
 *
 * Of two classes that is h_i (1/2 - p_i) with the leverage h_i. */
#ifndef LC_PROBLEM_JEFFREYS_H
#define LC_PROBLEM_JEFFREYS_H

#include "problem/objective.h"

/* G (q x K) -= the gradient of log det I / (2 W) at `at`, whose scores must be kept. root: P x P, its columns v_t are
 * those of the inverse of the curvature C of the mean loss, I / W. Reads X once, and once for each 64 / K of them. */
lc_status lc_jeffreys_gradient(lc_objective *obj, const double *root, double *G);

#endif
