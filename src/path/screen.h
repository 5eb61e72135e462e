/* path/screen.h - which features can be proved inactive without reading their columns.
 *
 * A feature remembers the dots x'r_s and x'r_t of its column with the residuals of the two earlier points at which it
 * was read (n x K, one vector for each score column). A new residual r is split along their span, P r = a r_s + b r_t,
 * and across it, e = r - P r:
 *
 *     |x'r| <= |a x'r_s + b x'r_t| + sqrt(|x - m|^2 - |P (x - m)|^2) |e|
 *
 * where x may be shifted by any m because residuals of a fit with an intercept sum to zero (without one m = 0): what
 * is left of x across the span meets only e. A bound below the threshold proves that the feature stays 0, in O(1)
 * instead of O(n). Where it does not, the column is read and remembers the new residual in place of the older one.
 * Between two lambdas residuals move almost along a line, and on the line e = 0: two snapshots save a third of the
 * reads that one leaves, a third snapshot would save one in fifty. The path of a lasso on 20 000 columns reads a tenth
 * of them for each lambda.
 *
 * Residuals are those of lc_objective_residuals() balanced by lc_objective_balance(), W times gradients. */
#ifndef LC_PATH_SCREEN_H
#define LC_PATH_SCREEN_H

#include "problem/objective.h"

enum { LC_MOST_SNAPSHOTS = 64 };

/* r = a r_s + b r_t + e: its projection on the span of two earlier residuals, and |e|. */
typedef struct lc_screen_fit {
  double a, b, across;
} lc_screen_fit;

typedef struct lc_screen {
  lc_index n, p;
  int K, most, count, present; /* most snapshots; how many there are; the one of the present residuals */
  const double *norm;          /* p: norms of the shown columns, centred with an intercept */
  double *snapshots;           /* n x K x most residuals */
  double *dots, *older_dots;   /* p x K each: products with the feature's last snapshot, the one before */
  int *newest, *older;         /* p each: these snapshots, the same where there is one only; -1: none */
  double *gram;                /* K x most x most: r_s'r_t */
  lc_screen_fit *fit;          /* K x most x most: of the present residual, for pairs that some feature has */
  lc_index *refcount;          /* most x most: features of each pair (newest, older) */
} lc_screen;

/* Memory for `most` snapshots; every feature unknown. norm must outlive it. Beside the snapshots it takes 2 p K numbers
 * and (4 K + 1) most^2 for pairs. */
lc_status lc_screen_init(lc_screen *screen, lc_index n, lc_index p, int K, int most, const double *norm,
                         lc_arena *arena);

/* Takes R (n x K) for the present residuals. When all snapshots are in use the one of fewest features goes: they keep
 * their other one, and without one they become unknown. Cost n K for each snapshot, K for each pair that features
 * have. */
void lc_screen_set_residual(lc_screen *screen, const double *R);

/* |x_j'r_c| at most, for the present residuals; Inf when nothing is known. slack multiplies the remainder of Cauchy and
 * Schwarz, |x across| |e|: 1 gives a bound, less a guess. O(1). */
double lc_screen_bound(const lc_screen *screen, lc_index j, int c, double slack);

/* 1 where the norm of the bounds is below the threshold for every group of `width` score columns (1 or K): a proof for
 * slack = 1. O(K). */
int lc_screen_is_safe(const lc_screen *screen, lc_index j, lc_index width, double threshold, double slack);

/* unsafe[j] = 1 for features first .. last - 1 that are not safe at the threshold unit l1[j]; others are left alone. */
void lc_screen_mark_unsafe(const lc_screen *screen, lc_index first, lc_index last, lc_index width, const double *l1,
                           double unit, double slack, unsigned char *unsafe);

/* Feature j has the products c[0], c[ld], ... (K of them) with the present residuals. */
void lc_screen_record(lc_screen *screen, lc_index j, const double *c, lc_index ld);

#endif
