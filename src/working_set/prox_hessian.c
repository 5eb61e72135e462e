/* working_set/prox_hessian.c - memory and rows of the Hessian of a working set; see working_set/prox_newton.h. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "working_set/prox_newton.h"

enum { PAIRS = 8 };

static void move_over(void *to, const void *from, lc_index count, size_t size) {
  if (count > 0) memcpy(to, from, (size_t)count * size);
}

lc_status lc_newton_init(lc_prox_newton *newton, lc_working_set *set, lc_set_step *step) {
  *newton = (lc_prox_newton){.set = set, .step = step, .obj = step->obj, .arena = step->arena};
  newton->nfactored = -1;
  newton->made_at = -1;
  newton->group = lc_arena_doubles(newton->arena, newton->obj->K);
  return newton->group ? LC_OK : LC_OUT_OF_MEMORY;
}

/* Old arrays stay in the arena: capacities double, so all of them together are no larger than the last. */
lc_status lc_newton_reserve(lc_prox_newton *newton) {
  double **const vectors[] = {&newton->slopes, &newton->direction, &newton->u,   &newton->b_from,
                              &newton->g_from, &newton->b_to,      &newton->g_to};
  const int count = (int)(sizeof vectors / sizeof vectors[0]);
  lc_index capacity = newton->set->capacity;
  if (newton->capacity >= capacity) return LC_OK;
  lc_index *index = lc_arena_alloc(newton->arena, 3 * capacity, sizeof *index);
  double *memory = lc_arena_doubles(newton->arena, count * capacity);
  unsigned char *skip = lc_arena_alloc(newton->arena, capacity, 1);
  if (!index || !memory || !skip) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_lbfgs_pairs_allocate(capacity, PAIRS, &newton->pairs, newton->arena));
  move_over(index, newton->covered, newton->built, sizeof *index);
  move_over(index + capacity, newton->factored, newton->nfactored, sizeof *index);
  move_over(skip, newton->skip, newton->nfactored, 1);
  newton->covered = index;
  newton->factored = index + capacity;
  newton->active = index + 2 * capacity;
  newton->skip = skip;
  for (int v = 0; v < count; v++) *vectors[v] = memory + v * capacity;
  newton->capacity = capacity;
  return LC_OK;
}

/* H and U for the whole set, with what the old ones hold. Only sets that are built need them. */
static lc_status grow_matrices(lc_prox_newton *newton) {
  lc_index size = newton->set->size, old = newton->ld;
  if (size <= old) return LC_OK;
  lc_index ld = lc_max(size, lc_min(2 * old, newton->set->capacity));
  double *H = lc_arena_doubles(newton->arena, ld * ld), *U = lc_arena_doubles(newton->arena, ld * ld);
  if (!H || !U) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < newton->built; s++) move_over(H + s * ld, newton->H + s * old, newton->built, sizeof *H);
  for (lc_index v = 0; v < newton->nfactored; v++) move_over(U + v * ld, newton->U + v * old, v + 1, sizeof *U);
  newton->H = H;
  newton->U = U;
  newton->ld = ld;
  return LC_OK;
}

void lc_newton_forget(lc_prox_newton *newton) {
  newton->built = 0;
  newton->nfactored = -1;
}

int lc_newton_drop_factored(lc_prox_newton *newton, lc_index v) {
  lc_index count = newton->nfactored;
  if (newton->obj->pen->grouped) return 0;
  for (lc_index u = v; u < count; u++)
    if (newton->skip[u]) return 0;
  lc_cholesky_drop(v, count, newton->U, newton->ld, newton->b_to, newton->g_to);
  memmove(newton->factored + v, newton->factored + v + 1, (size_t)(count - v - 1) * sizeof *newton->factored);
  newton->nfactored--;
  newton->pairs.count = 0;
  return 1;
}

lc_status lc_newton_follow(lc_prox_newton *newton) {
  const lc_index *position = newton->set->position;
  lc_index built = newton->built, kept = 0, ld = newton->ld, first = 0;
  while (first < built && position[newton->covered[first]] == first) first++;
  if (first == built) return LC_OK;
  lc_mark mark = lc_arena_mark(newton->arena);
  lc_index *from = lc_arena_alloc(newton->arena, built, sizeof *from);
  if (!from) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < built; s++)
    if (position[newton->covered[s]] >= 0) from[kept++] = s;
  /* from[] increases, so nothing is overwritten too early. */
  for (lc_index v = 0; v < kept; v++) {
    newton->covered[v] = newton->covered[from[v]];
    for (lc_index u = v < first ? first : 0; u < kept; u++) newton->H[u + v * ld] = newton->H[from[u] + from[v] * ld];
  }
  newton->built = kept;
  for (lc_index v = newton->nfactored; v-- > 0;)
    if (position[newton->factored[v]] < 0 && !lc_newton_drop_factored(newton, v)) newton->nfactored = v;
  lc_arena_reset(newton->arena, mark);
  return LC_OK;
}

/* Each pair of score columns is one product of columns of X: of those that are new with all. */
lc_status lc_newton_build(lc_prox_newton *newton) {
  LC_TRY(grow_matrices(newton));
  const lc_working_set *set = newton->set;
  const lc_objective *obj = newton->obj;
  lc_index n = obj->x->n, size = set->size, built = newton->built, ld = newton->ld;
  int K = obj->K;
  lc_mark mark = lc_arena_mark(newton->arena);
  lc_index *at = lc_arena_alloc(newton->arena, 2 * size + K + 1, sizeof *at);
  double *C = lc_arena_doubles(newton->arena, (size - built) * size);
  if (!at || !C) return LC_OUT_OF_MEMORY;
  lc_index *rows = at + size, *first = rows + size;
  lc_status status = LC_OK;
  lc_set_by_column(set, at, first);
  for (lc_index v = 0; v < size; v++) rows[v] = lc_set_row(set, at[v]);
  for (int c = 0; status == LC_OK && c < K; c++) {
    lc_index fresh = first[c], end = first[c + 1];
    while (fresh < end && at[fresh] < built) fresh++;
    for (int d = built == 0 ? c : 0; status == LC_OK && fresh < end && d < K; d++) {
      lc_index na = end - fresh, nb = first[d + 1] - first[d];
      const lc_index *new_at = at + fresh, *all_at = at + first[d];
      if (nb == 0) continue;
      status = lc_poll(obj->host);
      if (status != LC_OK) break;
      const double *weights = newton->S + lc_packed_at(c < d ? c : d, c < d ? d : c) * n;
      status = lc_objective_cross(obj, na, rows + fresh, nb, rows + first[d], weights, C);
      for (lc_index v = 0; v < nb; v++)
        for (lc_index u = 0; u < na; u++)
          newton->H[new_at[u] + all_at[v] * ld] = newton->H[all_at[v] + new_at[u] * ld] = C[u + v * na];
    }
  }
  lc_arena_reset(newton->arena, mark);
  LC_TRY(status);
  move_over(newton->covered + built, set->index + built, size - built, sizeof *set->index);
  newton->built = size;
  return LC_OK;
}

/* The sum of the curvatures of single scores. */
static double total_curvature(const lc_objective *obj, const double *S) {
  lc_index n = obj->x->n;
  double sum = 0;
  for (int c = 0; c < obj->K; c++)
    for (lc_index i = 0; i < n; i++) sum += S[i + lc_packed_at(c, c) * n];
  return sum;
}

lc_status lc_newton_rescale(lc_prox_newton *newton) {
  const double worth = 0.05; /* less would cost more than it saves */
  const lc_objective *obj = newton->obj;
  lc_index scores = obj->x->n * obj->ns, built = newton->built, ld = newton->ld;
  if (built == 0) return LC_OK;
  lc_mark mark = lc_arena_mark(newton->arena);
  double *S = lc_arena_doubles(newton->arena, scores);
  if (!S) return LC_OUT_OF_MEMORY;
  lc_objective_weights(obj, S);
  double by = total_curvature(obj, S) / total_curvature(obj, newton->S), root = sqrt(by);
  lc_arena_reset(newton->arena, mark);
  if (!(by > 0 && isfinite(by)) || fabs(by - 1) < worth) return LC_OK;
  for (lc_index i = 0; i < scores; i++) newton->S[i] *= by;
  for (lc_index s = 0; s < built; s++)
    for (lc_index u = 0; u < built; u++) newton->H[u + s * ld] *= by;
  for (lc_index v = 0; v < newton->nfactored; v++)
    for (lc_index u = 0; u <= v; u++) newton->U[u + v * ld] *= root;
  return LC_OK;
}

lc_status lc_newton_rebuild(lc_prox_newton *newton) {
  const lc_objective *obj = newton->obj;
  if (!newton->S && !(newton->S = lc_arena_doubles(newton->arena, obj->x->n * obj->ns))) return LC_OUT_OF_MEMORY;
  lc_objective_weights(obj, newton->S);
  newton->made_at = newton->step->steps;
  lc_newton_forget(newton);
  return lc_newton_build(newton);
}
