/* screen.h - room "path": which features can be proved inactive without reading their columns.
 *
 * A feature remembers the dots c = x'r_s of its column with the residuals r_s of an earlier point s (n x K, one vector
 * for each score column). At a new residual r, split r = a r_s + e along r_s and across (a = r'r_s / |r_s|^2):
 *
 *     |x'r| <= |a| |c| + sqrt(|x - m|^2 - c^2 / |r_s|^2) |e|
 *
 * where x may be shifted by any m because residuals of a fit with an intercept sum to zero (without one m = 0): what
 * is left of x across r_s meets only e. A bound below the threshold proves that the feature stays 0, in O(1) instead
 * of O(n). Where it does not, the column is read and remembers the new residual. The path of a lasso on 20 000 columns
 * reads a seventh of them for each lambda.
 *
 * Residuals are those of lc_objective_residuals() balanced by lc_objective_balance(), W times gradients. */
#ifndef LC_SCREEN_H
#define LC_SCREEN_H

#include "objective.h"

enum { LC_MOST_SNAPSHOTS = 64 };

typedef struct lc_screen {
  lc_index n, p;
  int K, most, count, now;        /* most snapshots; how many; the one of the last lc_screen_look() */
  const double *norm;             /* p: norms of the shown columns, centred with an intercept */
  double *snapshots;              /* n x K x most residuals */
  double *c;                      /* p x K dots with the feature's snapshot */
  int *stamp;                     /* p: the feature's snapshot, -1: none */
  double *size2, *along, *across; /* most x K: |r_s|^2, a, |e| */
  lc_index *members;              /* most: features of each snapshot */
} lc_screen;

/* Memory for `most` snapshots; every feature unknown. norm must outlive it. */
lc_status lc_screen_init(lc_screen *screen, lc_index n, lc_index p, int K, int most, const double *norm,
                         lc_arena *arena);

/* Takes R (n x K) for the present residuals. When all snapshots are in use the one of fewest features goes, and they
 * become unknown. Cost n K for each snapshot. */
void lc_screen_look(lc_screen *screen, const double *R);

/* |x_j'r_c| at most, for the present residuals; Inf when nothing is known. doubt = 1 is the bound; a smaller one
 * reckons that columns are not all on the side of |e|, which is a guess. O(1). */
double lc_screen_bound(const lc_screen *screen, lc_index j, int c, double doubt);

/* 1 where the norm of the bounds is below the threshold for every group of `width` score columns (1 or K): a proof for
 * doubt = 1. O(K). */
int lc_screen_proves(const lc_screen *screen, lc_index j, lc_index width, double threshold, double doubt);

/* Feature j has the dots c[0], c[ld], ... (K of them) with the present residuals. */
void lc_screen_learn(lc_screen *screen, lc_index j, const double *c, lc_index ld);

#endif
