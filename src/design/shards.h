/* design/shards.h - rows that are elsewhere, in shards: coefficients go out, and sums over rows come back.
 *
 * The design has no rows of its own. A pass with a task (problem/tasks.h) is done by the host for every shard, and the
 * sums of the shards are added in their order, so that their bits do not depend on who holds which shard. Scores stay
 * where the rows are: a pass may not ask for Z. Cost of a pass: one message each way to whoever holds shards, of q K
 * numbers there and nsum + q K + ns q (q + 1) / 2 numbers a shard back, of which the last two parts only where G and C
 * are wanted. */
#ifndef LC_DESIGN_SHARDS_H
#define LC_DESIGN_SHARDS_H

#include "design/design.h"

/* Who asks for the sums; calls are made on the main thread. A status other than LC_OK ends the fit; `self` knows why.
 * */
typedef struct lc_shards {
  void *self;
  int shiftable; /* 1: columns may be shown shifted: each shard is an ordinary matrix */
  /* sum, G and C of the pass (each where it is not NULL) over all shards, with the columns shown as x shows them. */
  lc_status (*sums)(void *self, const lc_design *x, const lc_pass *pass);
  /* As `stands` of lc_design_ops. */
  lc_status (*stands)(void *self, const lc_design *x, int K, double iteration, const double *B);
} lc_shards;

/* n rows of p columns. Offers `pass` alone (LC_ELSEWHERE). */
void lc_design_shards(lc_design *out, lc_index n, lc_index p, const lc_shards *shards);

#endif
