/* working_set/working_set.c - which coefficients are in the set, and their Hessian; see working_set/prox_newton.h. */
#include <stdlib.h>
#include <string.h>

#include "working_set/prox_newton.h"

static lc_index row_of(const lc_model *m, lc_index s) { return m->place[s] % m->obj->q; }
static lc_index class_of(const lc_model *m, lc_index s) { return m->place[s] / m->obj->q; }

enum { PAIRS = 8 };

/* ---- memory and membership ----------------------------------------------------------------------------------- */

static void move_over(void *to, const void *from, lc_index count, size_t size) {
  if (count > 0) memcpy(to, from, (size_t)count * size);
}

/* Arrays for `room` coefficients, with what the old ones hold. The old ones stay in the arena: rooms double, so all
 * of them together are no larger than the last. */
static lc_status grow(lc_model *m, lc_index room) {
  lc_arena *arena = m->arena;
  lc_index *index = lc_arena_alloc(arena, 5 * room, sizeof *index);
  double *vectors = lc_arena_doubles(arena, 12 * room);
  unsigned char *skip = lc_arena_alloc(arena, room, 1);
  if (!index || !vectors || !skip) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_pairs_allocate(room, PAIRS, &m->pairs, arena));
  move_over(index, m->place, m->size, sizeof *index);
  move_over(vectors, m->unit, m->size, sizeof(double));
  move_over(index + 2 * room, m->factored, m->nfactored, sizeof *index);
  move_over(skip, m->skip, m->nfactored, 1);
  m->place = index;
  m->active = index + room;
  m->factored = index + 2 * room;
  m->rows = index + 3 * room;
  m->mate = index + 4 * room;
  m->unit = vectors;
  m->g = vectors + room;
  m->b = vectors + 2 * room;
  m->start = vectors + 3 * room;
  m->Hd = vectors + 4 * room;
  m->rhs = vectors + 5 * room;
  m->u = vectors + 6 * room;
  m->dual = vectors + 7 * room;
  m->kept = vectors + 8 * room;
  m->skip = skip;
  m->room = room;
  return LC_OK;
}

lc_status lc_model_init(lc_model *m, lc_objective *obj, lc_index room) {
  memset(m, 0, sizeof *m);
  if (!obj->at.Z) return LC_UNSUPPORTED;
  lc_index n = obj->x->n;
  m->obj = obj;
  m->nfactored = -1;
  m->arena = obj->arena;
  m->slot = lc_arena_alloc(m->arena, obj->P, sizeof *m->slot);
  m->R = lc_arena_doubles(m->arena, n * obj->K);
  m->R_to = lc_arena_doubles(m->arena, n * obj->K);
  m->work = lc_arena_doubles(m->arena, obj->K);
  if (!m->slot || !m->R || !m->R_to || !m->work) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < obj->P; i++) m->slot[i] = -1;
  return grow(m, lc_max(8, lc_min(room, obj->P)));
}

int lc_claim_order(const void *a, const void *b) {
  const lc_claim *x = a, *y = b;
  if (x->violation != y->violation) return x->violation < y->violation ? 1 : -1;
  return x->place < y->place ? -1 : x->place > y->place;
}

/* The size of the column of a place, the yardstick of its residuals. */
static double unit_of(const lc_model *m, lc_index place) {
  lc_index f = place % m->obj->q - m->obj->pen->one;
  return f >= 0 && m->obj->rms && m->obj->rms[f] > 0 ? m->obj->rms[f] : 1;
}

lc_status lc_model_add(lc_model *m, lc_index place) {
  lc_index q = m->obj->q, f = place % q - m->obj->pen->one;
  lc_index width = f < 0 ? 1 : lc_penalty_width(m->obj->pen, m->obj->K);
  if (m->slot[place] >= 0) return LC_OK;
  if (m->size + width > m->room)
    LC_TRY(grow(m, lc_max(m->size + width, lc_min(2 * m->room, lc_max(m->obj->P, m->room + 1)))));
  for (lc_index c = 0; c < width; c++) {
    lc_index at = width == 1 ? place : place % q + c * q;
    m->unit[m->size] = unit_of(m, at);
    m->slot[at] = m->size;
    m->place[m->size++] = at;
  }
  return LC_OK;
}

static int place_order(const void *a, const void *b) {
  lc_index x = *(const lc_index *)a, y = *(const lc_index *)b;
  return (x > y) - (x < y);
}

void lc_model_sort(lc_model *m) {
  qsort(m->place, (size_t)m->size, sizeof *m->place, place_order);
  for (lc_index s = 0; s < m->size; s++) {
    m->unit[s] = unit_of(m, m->place[s]);
    m->slot[m->place[s]] = s;
  }
  m->built = 0;
  m->nfactored = -1;
}

void lc_model_drop_zeros(lc_model *m) {
  lc_index kept = 0, kept_built = 0, *from = m->active;
  const lc_penalty *pen = m->obj->pen;
  for (lc_index s = 0, width; s < m->size; s += width) {
    lc_index f = lc_model_feature(m, s);
    width = lc_model_width(m, s);
    int stays = f < 0 || lc_penalty_l1(pen, f) == 0 || (pen->lower && !(pen->lower[f] <= 0)) ||
                (pen->upper && !(pen->upper[f] >= 0));
    for (lc_index c = 0; c < width; c++) stays |= m->obj->at.B[m->place[s + c]] != 0;
    for (lc_index c = 0; c < width; c++) {
      if (stays) {
        from[kept++] = s + c;
        kept_built += s + c < m->built;
      } else {
        m->slot[m->place[s + c]] = -1;
      }
    }
  }
  if (kept == m->size) return;
  lc_index first = 0; /* what moves up */
  while (first < kept && from[first] == first) first++;
  for (lc_index v = 0; v < kept; v++) {
    lc_index s = from[v];
    m->place[v] = m->place[s];
    m->unit[v] = m->unit[s];
    m->slot[m->place[v]] = v;
    for (lc_index u = v < first ? first : 0; v < kept_built && u < kept_built; u++)
      m->H[u + v * m->lead] = m->H[from[u] + s * m->lead]; /* from[] increases: nothing is overwritten too early */
  }
  m->size = kept;
  m->built = kept_built;
  for (lc_index v = 0; v < m->nfactored; v++) /* of the factor stays what was before the first that went */
    if (m->slot[m->factored[v]] < 0) m->nfactored = v;
}

lc_status lc_model_list_rows(lc_model *m) {
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index q = m->obj->q, *seen = lc_arena_alloc(m->arena, m->obj->K > 1 ? q : 0, sizeof *seen);
  if (!seen) return LC_OUT_OF_MEMORY;
  m->nrows = 0;
  if (m->obj->K == 1) {
    for (lc_index s = 0; s < m->size; s++) {
      m->rows[s] = m->place[s];
      m->mate[s] = s;
    }
    m->nrows = m->size;
  } else {
    for (lc_index s = 0; s < m->size; s++) seen[row_of(m, s)] = -1;
    for (lc_index s = 0; s < m->size; s++) {
      lc_index j = row_of(m, s);
      if (seen[j] < 0) {
        seen[j] = m->nrows;
        m->rows[m->nrows++] = j;
      }
    }
    for (lc_index s = 0; s < m->size; s++) m->mate[s] = seen[row_of(m, s)] + class_of(m, s) * m->nrows;
  }
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

/* ---- the Hessian of the set ------------------------------------------------------------------------------------ */

/* Coefficients s >= first of score column c: their rows into list, their numbers into who. */
static lc_index of_class(const lc_model *m, lc_index first, int c, lc_index *list, lc_index *who) {
  lc_index count = 0;
  for (lc_index s = first; s < m->size; s++)
    if (class_of(m, s) == c) {
      list[count] = row_of(m, s);
      who[count++] = s;
    }
  return count;
}

/* Rows of H for coefficients `built` and later, with the weights S. Each pair of score columns is one product. */
/* H and its factor for the whole set, with what the old ones hold. Only sets that are built need them. */
static lc_status grow_matrices(lc_model *m) {
  if (m->size <= m->lead) return LC_OK;
  lc_index lead = lc_max(m->size, lc_min(2 * m->lead, m->room));
  double *H = lc_arena_doubles(m->arena, lead * lead), *small = lc_arena_doubles(m->arena, lead * lead);
  if (!H || !small) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < m->built; s++) move_over(H + s * lead, m->H + s * m->lead, m->built, sizeof(double));
  for (lc_index v = 0; v < m->nfactored; v++)
    move_over(small + v * lead, m->small + v * m->lead, v + 1, sizeof(double));
  m->H = H;
  m->small = small;
  m->lead = lead;
  return LC_OK;
}

lc_status lc_model_build(lc_model *m) {
  LC_TRY(grow_matrices(m));
  lc_objective *obj = m->obj;
  lc_index n = obj->x->n, first = m->built, lead = m->lead;
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index *list = lc_arena_alloc(m->arena, 4 * m->size, sizeof *list);
  double *C = lc_arena_doubles(m->arena, (m->size - first) * m->size);
  lc_status status = list && C ? LC_OK : LC_OUT_OF_MEMORY;
  lc_index *new_list = list, *new_who = list + m->size, *all_list = list + 2 * m->size, *all_who = list + 3 * m->size;
  for (int c = 0; status == LC_OK && c < obj->K; c++)
    for (int d = first == 0 ? c : 0; status == LC_OK && d < obj->K; d++) {
      lc_index na = of_class(m, first, c, new_list, new_who), nb = of_class(m, 0, d, all_list, all_who);
      if (na == 0 || nb == 0) continue;
      status = lc_poll(obj->host);
      if (status != LC_OK) break;
      const double *s = m->S + lc_packed_at(c < d ? c : d, c < d ? d : c) * n;
      int same = first == 0 && c == d; /* one list: half the work */
      status = obj->x->ops->col_cross(obj->x, na, new_list, nb, same ? new_list : all_list, s, C, obj->host, m->arena);
      for (lc_index v = 0; v < nb; v++)
        for (lc_index u = 0; u < na; u++)
          m->H[new_who[u] + all_who[v] * lead] = m->H[all_who[v] + new_who[u] * lead] = C[u + v * na] / obj->weight_sum;
    }
  lc_arena_reset(m->arena, mark);
  if (status == LC_OK) m->built = m->size;
  return status;
}

lc_status lc_model_rebuild(lc_model *m) {
  if (!m->S && !(m->S = lc_arena_doubles(m->arena, m->obj->x->n * m->obj->ns))) return LC_OUT_OF_MEMORY;
  lc_objective_weights(m->obj, m->S);
  m->built = 0;
  m->nfactored = -1;
  m->fresh = 1;
  return lc_model_build(m);
}
