/* working_set/working_set.c - see working_set/working_set.h. */
#include "working_set/working_set.h"

#include <stdlib.h>
#include <string.h>

/* Arrays for `capacity` coefficients with what the old ones hold. The old ones stay in the arena: capacities double, so
 * all of them together are no larger than the last. */
static lc_status grow(lc_working_set *set, lc_index capacity) {
  lc_index *index = lc_arena_alloc(set->arena, 3 * capacity, sizeof *index);
  double *rms = lc_arena_doubles(set->arena, capacity);
  if (!index || !rms) return LC_OUT_OF_MEMORY;
  if (set->size > 0) {
    memcpy(index, set->index, (size_t)set->size * sizeof *index);
    memcpy(rms, set->rms, (size_t)set->size * sizeof *rms);
  }
  set->index = index;
  set->rows = index + capacity;
  set->cell = index + 2 * capacity;
  set->rms = rms;
  set->capacity = capacity;
  return LC_OK;
}

lc_status lc_set_init(lc_working_set *set, const lc_objective *obj, lc_index capacity) {
  *set = (lc_working_set){.obj = obj, .arena = obj->arena};
  set->position = lc_arena_alloc(set->arena, obj->P, sizeof *set->position);
  if (!set->position) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < obj->P; i++) set->position[i] = -1;
  return grow(set, lc_max(8, lc_min(capacity, obj->P)));
}

int lc_violator_order(const void *a, const void *b) {
  const lc_violator *x = a, *y = b;
  if (x->violation != y->violation) return x->violation < y->violation ? 1 : -1;
  return x->index < y->index ? -1 : x->index > y->index;
}

lc_status lc_set_add(lc_working_set *set, lc_index index) {
  const lc_objective *obj = set->obj;
  lc_index q = obj->q, f = index % q - obj->pen->intercept;
  lc_index width = f < 0 ? 1 : lc_penalty_width(obj->pen, obj->K);
  if (set->position[index] >= 0) return LC_OK;
  if (set->size + width > set->capacity)
    LC_TRY(grow(set, lc_max(set->size + width, lc_min(2 * set->capacity, lc_max(obj->P, set->capacity + 1)))));
  for (lc_index c = 0; c < width; c++) {
    lc_index i = width == 1 ? index : index % q + c * q;
    set->rms[set->size] = f < 0 ? 1 : lc_objective_rms(obj, f);
    set->position[i] = set->size;
    set->index[set->size++] = i;
  }
  return LC_OK;
}

static int index_order(const void *a, const void *b) {
  lc_index x = *(const lc_index *)a, y = *(const lc_index *)b;
  return (x > y) - (x < y);
}

void lc_set_sort(lc_working_set *set) {
  qsort(set->index, (size_t)set->size, sizeof *set->index, index_order);
  for (lc_index s = 0; s < set->size; s++) {
    lc_index f = lc_set_feature(set, s);
    set->rms[s] = f < 0 ? 1 : lc_objective_rms(set->obj, f);
    set->position[set->index[s]] = s;
  }
}

/* A group stays if it is not 0, or if nothing holds it at 0. */
static int stays(const lc_working_set *set, lc_index s, lc_index width) {
  const lc_penalty *pen = set->obj->pen;
  lc_index f = lc_set_feature(set, s);
  if (f < 0 || lc_penalty_l1(pen, f) == 0 || lc_penalty_clip_slope(pen, f, 0) != 0) return 1;
  for (lc_index c = 0; c < width; c++)
    if (set->obj->at.B[set->index[s + c]] != 0) return 1;
  return 0;
}

void lc_set_drop_zeros(lc_working_set *set) {
  lc_index kept = 0;
  for (lc_index s = 0, width; s < set->size; s += width) {
    width = lc_set_width(set, s);
    int keep = stays(set, s, width);
    for (lc_index c = s; c < s + width; c++) {
      set->position[set->index[c]] = keep ? kept : -1;
      if (!keep) continue;
      set->index[kept] = set->index[c];
      set->rms[kept++] = set->rms[c];
    }
  }
  set->size = kept;
}

void lc_set_by_column(const lc_working_set *set, lc_index *who, lc_index *first) {
  int K = set->obj->K;
  for (int c = 0; c <= K; c++) first[c] = 0;
  for (lc_index s = 0; s < set->size; s++) first[lc_set_column(set, s)]++;
  for (int c = 1; c <= K; c++) first[c] += first[c - 1]; /* where they end: */
  for (lc_index s = set->size; s-- > 0;) who[--first[lc_set_column(set, s)]] = s;
}

lc_status lc_set_list_rows(lc_working_set *set) {
  lc_mark mark = lc_arena_mark(set->arena);
  lc_index K = set->obj->K, *seen = lc_arena_alloc(set->arena, K > 1 ? set->obj->q : 0, sizeof *seen);
  if (!seen) return LC_OUT_OF_MEMORY;
  set->nrows = 0;
  for (lc_index s = 0; K > 1 && s < set->size; s++) seen[lc_set_row(set, s)] = -1;
  for (lc_index s = 0; s < set->size; s++) {
    lc_index j = lc_set_row(set, s);
    if (K == 1 || seen[j] < 0) {
      if (K > 1) seen[j] = set->nrows;
      set->rows[set->nrows++] = j;
    }
    set->cell[s] = K == 1 ? s : seen[j]; /* the row; its column follows when all rows are counted */
  }
  for (lc_index s = 0; K > 1 && s < set->size; s++) set->cell[s] += lc_set_column(set, s) * set->nrows;
  lc_arena_reset(set->arena, mark);
  return LC_OK;
}
