/* problem/penalty.h - the elastic net, feature by feature, with bounds; of slopes or of groups of them.
 *
 *     P(B) = lambda * sum over groups b of feature j of ( l1_j ||b||_2 + l2_j / 2 ||b||_2^2 ),  lower_j <= b <= upper_j
 *
 * A group is one slope (the norm is |b|), or, where `grouped`, the slopes of a feature in all score columns, which are
 * then 0 together (Yuan and Lin, 2006; without a factor sqrt(K)). Bounds are for single slopes only.
 * l1_j and l2_j carry alpha, the factor of the feature and, when columns are standardised, its spread s_j
 * (l1_j = alpha pf_j s_j, l2_j = (1 - alpha) pf_j s_j^2), so X itself is never scaled. Intercepts are never
 * penalised nor bounded. B is q x K, q = p + intercept, intercept first. */
#ifndef LC_PROBLEM_PENALTY_H
#define LC_PROBLEM_PENALTY_H

#include "base/base.h"

typedef struct lc_penalty {
  lc_index p;
  int intercept;
  double lambda;
  const double *l1, *l2;       /* p each, >= 0 */
  const double *lower, *upper; /* p each, lower <= upper, or both NULL */
  int grouped;                 /* 1: the slopes of a feature are one group; lower, upper NULL */
} lc_penalty;

static inline double lc_penalty_l1(const lc_penalty *pen, lc_index j) { return pen->lambda * pen->l1[j]; }
static inline double lc_penalty_l2(const lc_penalty *pen, lc_index j) { return pen->lambda * pen->l2[j]; }

/* Is there any L1 part / any feature without L2 part (intercepts apart) / any bound? */
int lc_penalty_has_l1(const lc_penalty *pen);
int lc_penalty_all_l2(const lc_penalty *pen);
int lc_penalty_has_bounds(const lc_penalty *pen);
/* Does `grouped` make a difference: do several of K score columns share an L1 part? */
int lc_penalty_has_groups(const lc_penalty *pen, int K);
/* Is the slope of feature j free: without penalty and open on a side? Is any? A dual point has gradient 0 there. Is it
 * free at b, that is, not held by a bound? */
int lc_penalty_is_free(const lc_penalty *pen, lc_index j);
int lc_penalty_is_free_at(const lc_penalty *pen, lc_index j, double b);
int lc_penalty_has_free(const lc_penalty *pen);
/* No penalty on any feature? */
int lc_penalty_is_none(const lc_penalty *pen);

/* P(B), bounds apart; of rows j alone (nj of them, none twice), at the cost of nj K. */
double lc_penalty_value(const lc_penalty *pen, int K, const double *B);
double lc_penalty_value_of(const lc_penalty *pen, int K, lc_index nj, const lc_index *j, const double *B);

/* P(to) - P(from) where they differ in rows j (nj of them, none twice) alone. Cost nj K. */
double lc_penalty_change(const lc_penalty *pen, int K, lc_index nj, const lc_index *j, const double *from,
                         const double *to);

/* G += gradient of the L2 part. */
void lc_penalty_add_ridge(const lc_penalty *pen, int K, const double *B, double *G);

/* G += subgradient lambda l1 b / ||b|| of the L1 part, 0 at 0. */
void lc_penalty_add_sign(const lc_penalty *pen, int K, const double *B, double *G);

/* ---- single slopes: `grouped` is not asked -------------------------------------------------------------------- */

/* argmin over b in [lower_j, upper_j] of h/2 (b - v)^2 + lambda l1_j |b|, h > 0: soft threshold, then clip. */
double lc_penalty_prox(const lc_penalty *pen, lc_index j, double v, double h);

/* The nearest point to b within the bounds of feature j. */
static inline double lc_penalty_clip_slope(const lc_penalty *pen, lc_index j, double b) {
  return !pen->lower ? b : b < pen->lower[j] ? pen->lower[j] : b > pen->upper[j] ? pen->upper[j] : b;
}

/* b after time t under b' = -(g + l2 b + l1 sign b), the pull of the penalty beside a constant force g, within the
 * bounds: what many small proximal steps of total length t come to. Flows add up: t after s is s + t. */
double lc_penalty_flow(const lc_penalty *pen, lc_index j, double b, double g, double t);

/* b after `times` steps b <- prox(b - rate l2 b, 1 / rate), at no greater cost than one where rate l2 <= 1. */
double lc_penalty_repeat(const lc_penalty *pen, lc_index j, double b, double rate, double times);

/* sup over b in [lower_j, upper_j] of g b - lambda (l1_j |b| + l2_j / 2 b^2); Inf where there is no maximum. */
double lc_penalty_conjugate(const lc_penalty *pen, lc_index j, double g);

/* Distance of 0 from the subdifferential of slope b of feature j, where g is the gradient of the smooth part
 * (loss and L2): the KKT residual of one coefficient. */
double lc_penalty_violation(const lc_penalty *pen, lc_index j, double b, double g);

/* ---- groups: `width` slopes of feature j, a leading dimension apart; with width 1 the functions above ---------- */

/* Slopes in a group: K where `grouped`, else 1. */
static inline lc_index lc_penalty_width(const lc_penalty *pen, int K) { return pen->grouped ? K : 1; }

/* ||b||_2, without overflow; |b| for width 1. */
double lc_penalty_norm(lc_index width, const double *b, lc_index ldb);

/* b <- argmin over b of h/2 ||b - v||^2 + lambda l1_j ||b||, v what b holds, h > 0. In place. */
void lc_penalty_group_prox(const lc_penalty *pen, lc_index j, lc_index width, double *b, lc_index ldb, double h);

/* Distance of 0 from the subdifferential of a group, as above. */
double lc_penalty_group_violation(const lc_penalty *pen, lc_index j, lc_index width, const double *b, lc_index ldb,
                                  const double *g, lc_index ldg);

/* Conjugate at t g: with norm n of t g, 0 for n <= lambda l1, else (n - lambda l1)^2 / (2 lambda l2). */
double lc_penalty_group_conjugate(const lc_penalty *pen, lc_index j, lc_index width, double t, const double *g,
                                  lc_index ldg);

/* The largest t in [0, most] for which the conjugate at -t g is finite, less a little for rounding. */
double lc_penalty_feasible(const lc_penalty *pen, lc_index j, lc_index width, const double *g, lc_index ldg,
                           double most);

/* ---- all of B -------------------------------------------------------------------------------------------------- */

/* B <- prox of every slope for a step `step` (h = 1 / step); intercepts stay. In place. */
void lc_penalty_prox_all(const lc_penalty *pen, int K, double step, double *B);

/* Slopes to the nearest point within their bounds. In place. */
void lc_penalty_clip(const lc_penalty *pen, int K, double *B);

/* Largest KKT residual of all groups; intercepts count with |g|. G as above, q x K. */
double lc_penalty_kkt(const lc_penalty *pen, int K, const double *B, const double *G);

/* sum over slopes of g^2 / (2 lambda l2_j): by strong convexity a bound of F - F* where the gradients of the
 * intercepts vanish and there is neither L1 part nor bound; Inf when a slope has no L2 part. G as above. */
double lc_penalty_strong_bound(const lc_penalty *pen, int K, const double *G);

/* What the KKT residuals v of a point at value F will cost in its duality gap, to first order: v^2 / (2 lambda l2)
 * for slopes with an L2 part, else F v / (lambda l1) (residuals are scaled down until |g| <= lambda l1), and |g| for
 * intercepts. Unpenalised slopes count as intercepts. */
double lc_penalty_gap_estimate(const lc_penalty *pen, int K, double F, const double *B, const double *G);

#endif
