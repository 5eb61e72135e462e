/* path/round.h - one look at the features, for the folds that are not yet done with a lambda.
 *
 * list    features that some pending fold cannot prove to be 0 (path/screen.h)
 * read    their columns, once for all pending folds
 * join    groups of them that violate their condition join the fold's set
 * judge   where none did: is the point good enough? */
#ifndef LC_PATH_ROUND_H
#define LC_PATH_ROUND_H

#include "path/folds.h"

typedef struct lc_round {
  lc_path_state *path;
  lc_index *feature, nfeatures; /* p: features whose columns are read; how many they are */
  unsigned char *unsafe;        /* p: scratch of lc_round_list() */
  lc_index *joined;             /* nfits: groups that joined the set of each fold */
} lc_round;

/* Memory in the path's arena. */
lc_status lc_round_allocate(lc_round *round, lc_path_state *path);

/* slack: as in path/screen.h; 1 for proofs. */
void lc_round_list(lc_round *round, double slack);
void lc_round_list_all(lc_round *round);
lc_status lc_round_read(lc_round *round);
lc_status lc_round_join(lc_round *round);

/* Ends what is pending in a fold where nothing joined and the gap is met, or where rounding ends it; else its goal
 * shrinks. */
lc_status lc_round_judge(lc_round *round);

/* The fold is left as far as it came, with the features that just joined. */
lc_status lc_fold_give_up(const lc_round *round, lc_fold *fold);

#endif
