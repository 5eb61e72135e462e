/* working_set/working_set.h - the coefficients that move; the others stay where they are.
 *
 * The set holds groups of coefficients (problem/penalty.h). Row j of score column c has index c q + j. A group is one
 * coefficient, so classes need not share their features; or, where the penalty is grouped, all slopes of a feature, one
 * after the other. */
#ifndef LC_WORKING_SET_WORKING_SET_H
#define LC_WORKING_SET_WORKING_SET_H

#include "problem/objective.h"

typedef struct lc_working_set {
  const lc_objective *obj;
  lc_arena *arena;
  lc_index size, capacity; /* coefficients in the set; that there is memory for */
  lc_index *index;         /* size: their indices in B */
  lc_index *position;      /* P: where in the set a coefficient stands, -1 outside */
  double *rms;             /* size: root mean squares of their columns (1 if not known), the unit of residuals */
  lc_index nrows;          /* distinct rows of B in the set */
  lc_index *rows, *cell;   /* nrows: these rows; size: where in an nrows x K matrix each coefficient stands */
} lc_working_set;

/* An empty set with memory for `capacity` coefficients; it grows when it must. */
lc_status lc_set_init(lc_working_set *set, const lc_objective *obj, lc_index capacity);

/* Adds a coefficient with its group; nothing if it is in the set. Cost O(1) on average. */
lc_status lc_set_add(lc_working_set *set, lc_index index);

/* Drops penalised groups that are 0 and that no bound keeps from 0. The others keep their order. Cost of the size. */
void lc_set_drop_zeros(lc_working_set *set);

/* Puts the set in the order of indices, so that columns are read as they lie in memory. Single coefficients only. */
void lc_set_sort(lc_working_set *set);

/* Lists the distinct rows (nrows, rows, cell). Cost of the order of q at most, and of the size. */
lc_status lc_set_list_rows(lc_working_set *set);

/* who (size): places in the set, score column by score column and in order within one; first (K + 1): where those of
 * each begin. Cost of the size and K. */
void lc_set_by_column(const lc_working_set *set, lc_index *who, lc_index *first);

/* Row and score column of coefficient s of the set; its feature, < 0 for an intercept; how many coefficients the group
 * has that begins at s. */
static inline lc_index lc_set_row(const lc_working_set *set, lc_index s) { return set->index[s] % set->obj->q; }
static inline lc_index lc_set_column(const lc_working_set *set, lc_index s) { return set->index[s] / set->obj->q; }
static inline lc_index lc_set_feature(const lc_working_set *set, lc_index s) {
  return lc_set_row(set, s) - set->obj->pen->intercept;
}
static inline lc_index lc_set_width(const lc_working_set *set, lc_index s) {
  return set->obj->pen->grouped && lc_set_feature(set, s) >= 0 ? set->obj->K : 1;
}

/* lambda l1 and lambda l2 of coefficient s (problem/penalty.h); 0 for an intercept. */
static inline double lc_set_l1(const lc_working_set *set, lc_index s) {
  lc_index f = lc_set_feature(set, s);
  return f < 0 ? 0 : lc_penalty_l1(set->obj->pen, f);
}
static inline double lc_set_l2(const lc_working_set *set, lc_index s) {
  lc_index f = lc_set_feature(set, s);
  return f < 0 ? 0 : lc_penalty_l2(set->obj->pen, f);
}

/* `b` of coefficient s, moved to the nearest point within its bounds. */
static inline double lc_set_clip(const lc_working_set *set, lc_index s, double b) {
  const lc_penalty *pen = set->obj->pen;
  lc_index f = lc_set_feature(set, s);
  return f < 0 ? b : lc_penalty_clip_slope(pen, f, b);
}

/* A group outside the set that violates its optimality condition, and by how much. lc_violator_order() is for qsort:
 * the worst first, equal ones by index, the same on every machine. */
typedef struct lc_violator {
  double violation;
  lc_index index;
} lc_violator;
int lc_violator_order(const void *a, const void *b);

#endif
