/* solver_model.c - see solver_model.h. */
#include "solver_model.h"

#include <math.h>
#include <string.h>

#include "kernel.h"
#include "linalg.h"
#include "solver.h"

static lc_index row_of(const lc_model *m, lc_index s) { return m->place[s] % m->obj->q; }
static lc_index class_of(const lc_model *m, lc_index s) { return m->place[s] / m->obj->q; }
static lc_index feature_of(const lc_model *m, lc_index s) { return row_of(m, s) - m->obj->pen->one; }

static double l1_of(const lc_model *m, lc_index s) {
  lc_index f = feature_of(m, s);
  return f < 0 ? 0 : lc_penalty_l1(m->obj->pen, f);
}

static double l2_of(const lc_model *m, lc_index s) {
  lc_index f = feature_of(m, s);
  return f < 0 ? 0 : lc_penalty_l2(m->obj->pen, f);
}

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
  double *H = lc_arena_doubles(arena, room * room), *small = lc_arena_doubles(arena, room * room);
  double *vectors = lc_arena_doubles(arena, 10 * room);
  unsigned char *skip = lc_arena_alloc(arena, room, 1);
  if (!index || !H || !small || !vectors || !skip) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_pairs_allocate(room, PAIRS, &m->pairs, arena));
  move_over(index, m->place, m->size, sizeof *index);
  for (lc_index s = 0; s < m->built; s++) move_over(H + s * room, m->H + s * m->room, m->built, sizeof(double));
  move_over(vectors, m->unit, m->size, sizeof(double));
  m->place = index;
  m->active = index + room;
  m->factored = index + 2 * room;
  m->rows = index + 3 * room;
  m->mate = index + 4 * room;
  m->H = H;
  m->small = small;
  m->unit = vectors;
  m->g = vectors + room;
  m->b = vectors + 2 * room;
  m->start = vectors + 3 * room;
  m->Hd = vectors + 4 * room;
  m->rhs = vectors + 5 * room;
  m->kept = vectors + 6 * room;
  m->skip = skip;
  m->room = room;
  m->nfactored = -1;
  return LC_OK;
}

lc_status lc_model_init(lc_model *m, lc_objective *obj, lc_index room) {
  memset(m, 0, sizeof *m);
  if (!obj->at.Z) return LC_UNSUPPORTED;
  lc_index n = obj->x->n;
  m->obj = obj;
  m->arena = obj->arena;
  m->slot = lc_arena_alloc(m->arena, obj->P, sizeof *m->slot);
  m->S = lc_arena_doubles(m->arena, n * obj->ns);
  m->R = lc_arena_doubles(m->arena, n * obj->K);
  m->R_to = lc_arena_doubles(m->arena, n * obj->K);
  if (!m->slot || !m->S || !m->R || !m->R_to) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < obj->P; i++) m->slot[i] = -1;
  return grow(m, lc_max(8, lc_min(room, obj->P)));
}

lc_status lc_model_add(lc_model *m, lc_index place) {
  if (m->slot[place] >= 0) return LC_OK;
  if (m->size == m->room) LC_TRY(grow(m, lc_min(2 * m->room, lc_max(m->obj->P, m->room + 1))));
  lc_index f = place % m->obj->q - m->obj->pen->one;
  m->unit[m->size] = f >= 0 && m->obj->rms && m->obj->rms[f] > 0 ? m->obj->rms[f] : 1;
  m->slot[place] = m->size;
  m->place[m->size++] = place;
  return LC_OK;
}

void lc_model_clear(lc_model *m) {
  for (lc_index s = 0; s < m->size; s++) m->slot[m->place[s]] = -1;
  m->size = m->built = 0;
  m->nfactored = -1;
}

void lc_model_drop_zeros(lc_model *m) {
  lc_index kept = 0, kept_built = 0, *from = m->active;
  const lc_penalty *pen = m->obj->pen;
  for (lc_index s = 0; s < m->size; s++) {
    lc_index f = feature_of(m, s);
    int stays = l1_of(m, s) == 0 || m->obj->at.B[m->place[s]] != 0 || (pen->lower && !(pen->lower[f] <= 0)) ||
                (pen->upper && !(pen->upper[f] >= 0));
    if (stays) {
      from[kept++] = s;
      kept_built += s < m->built;
    } else {
      m->slot[m->place[s]] = -1;
    }
  }
  if (kept == m->size) return;
  for (lc_index v = 0; v < kept; v++) {
    lc_index s = from[v];
    m->place[v] = m->place[s];
    m->unit[v] = m->unit[s];
    m->slot[m->place[v]] = v;
    for (lc_index u = 0; v < kept_built && u < kept_built; u++)
      m->H[u + v * m->room] = m->H[from[u] + s * m->room]; /* from[] increases: nothing is overwritten too early */
  }
  m->size = kept;
  m->built = kept_built;
  m->nfactored = -1;
}

/* ---- gradients ----------------------------------------------------------------------------------------------- */

/* Distinct rows of the set, and where each coefficient's entry of a rows x K matrix is. */
static lc_status list_rows(lc_model *m) {
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

/* Residual of coefficient s where the gradient of the mean loss is g. */
static double residual(const lc_model *m, lc_index s, double b, double g) {
  lc_index f = feature_of(m, s);
  return (f < 0 ? fabs(g) : lc_penalty_violation(m->obj->pen, f, b, g + l2_of(m, s) * b)) / m->unit[s];
}

lc_status lc_model_load(lc_model *m) {
  lc_objective *obj = m->obj;
  LC_TRY(list_rows(m));
  lc_mark mark = lc_arena_mark(m->arena);
  double *c = lc_arena_doubles(m->arena, m->nrows * obj->K);
  if (!c) return LC_OUT_OF_MEMORY;
  lc_objective_columns(obj, m->nrows, m->rows, m->R, c);
  m->worst = 0;
  for (lc_index s = 0; s < m->size; s++) {
    m->g[s] = c[m->mate[s]];
    m->b[s] = m->start[s] = obj->at.B[m->place[s]];
    m->Hd[s] = 0;
    m->worst = fmax(m->worst, residual(m, s, m->b[s], m->g[s]));
  }
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

lc_status lc_model_look(lc_model *m) {
  LC_TRY(lc_objective_residuals(m->obj, NULL, m->R));
  return lc_model_load(m);
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
static lc_status build_rows(lc_model *m) {
  lc_objective *obj = m->obj;
  lc_index n = obj->x->n, first = m->built, room = m->room;
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
          m->H[new_who[u] + all_who[v] * room] = m->H[all_who[v] + new_who[u] * room] = C[u + v * na] / obj->weight_sum;
    }
  lc_arena_reset(m->arena, mark);
  if (status == LC_OK) {
    m->built = m->size;
    m->nfactored = -1;
  }
  return status;
}

static lc_status rebuild(lc_model *m) {
  lc_objective_weights(m->obj, m->S);
  m->built = 0;
  m->fresh = 1;
  return build_rows(m);
}

/* ---- minimising the model ---------------------------------------------------------------------------------------- */

/* Curvature along coefficient s; one without any must not get an infinite step. */
static double curvature(const lc_model *m, lc_index s) {
  double tiny = 1e-14 * lc_link_bound(m->obj->loss, &m->obj->link) * m->unit[s] * m->unit[s];
  return m->H[s * (m->room + 1)] + l2_of(m, s) + tiny;
}

/* Gradient of the model's smooth part along s. */
static double slope_of(const lc_model *m, lc_index s) { return m->g[s] + m->Hd[s] + l2_of(m, s) * m->b[s]; }

static double worst_residual(const lc_model *m) {
  double worst = 0;
  for (lc_index s = 0; s < m->size; s++) worst = fmax(worst, residual(m, s, m->b[s], m->g[s] + m->Hd[s]));
  return worst;
}

static void move_coefficient(lc_model *m, lc_index s, double to) {
  double step = to - m->b[s];
  if (step == 0) return;
  m->b[s] = to;
  lc_kernels()->scores(m->size, 1, 1, m->H + s * m->room, m->room, &step, 1, m->Hd, m->size);
}

static void sweep(lc_model *m) {
  for (lc_index s = 0; s < m->size; s++) {
    double h = curvature(m, s), v = m->b[s] - slope_of(m, s) / h;
    lc_index f = feature_of(m, s);
    move_coefficient(m, s, f < 0 ? v : lc_penalty_prox(m->obj->pen, f, v, h));
  }
}

/* Coefficients that are free to move both ways at their present sign. */
static lc_index list_active(lc_model *m) {
  const lc_penalty *pen = m->obj->pen;
  lc_index count = 0;
  for (lc_index s = 0; s < m->size; s++) {
    lc_index f = feature_of(m, s);
    int smooth_here = m->b[s] != 0 || l1_of(m, s) == 0;
    int bound = f >= 0 && pen->lower && (m->b[s] <= pen->lower[f] || m->b[s] >= pen->upper[f]);
    if (smooth_here && !bound) m->active[count++] = s;
  }
  return count;
}

/* Factors H of the active coefficients, unless the kept factor is theirs. */
static void factor(lc_model *m, lc_index count) {
  int same = m->nfactored == count && m->factored_lambda == m->obj->pen->lambda &&
             (count == 0 || memcmp(m->factored, m->active, (size_t)count * sizeof *m->active) == 0);
  if (same) return;
  for (lc_index v = 0; v < count; v++) {
    lc_index s = m->active[v];
    for (lc_index u = 0; u < v; u++) m->small[u + v * count] = m->H[m->active[u] + s * m->room];
    m->small[v * (count + 1)] = curvature(m, s);
    m->factored[v] = s;
  }
  m->nfactored = count;
  m->factored_lambda = m->obj->pen->lambda;
  m->pairs.count = 0;
  lc_cholesky(count, m->small, 1e-14, m->skip, NULL);
}

/* The longest share (at most 1) of the move b -> b + d that keeps every sign and bound; *hit is the coefficient
 * that ends it and *at where it lands. */
static double longest_share(const lc_model *m, lc_index count, const double *d, lc_index *hit, double *at) {
  const lc_penalty *pen = m->obj->pen;
  double share = 1;
  *hit = -1;
  for (lc_index a = 0; a < count; a++) {
    lc_index s = m->active[a], f = feature_of(m, s);
    if (f < 0 || d[a] == 0) continue;
    double b = m->b[s], limit[2] = {NAN, NAN};
    if (l1_of(m, s) > 0) limit[0] = 0;
    if (pen->lower) limit[1] = d[a] > 0 ? pen->upper[f] : pen->lower[f];
    for (int k = 0; k < 2; k++) {
      double part = (limit[k] - b) / d[a];
      if (part > 0 && part < share) {
        share = part;
        *hit = s;
        *at = limit[k];
      }
    }
  }
  return share;
}

/* Solves for the active coefficients with their signs held; on a sign change goes as far as it may. */
static lc_status solve_active(lc_model *m, int rounds) {
  for (int round = 0; round < rounds; round++) {
    lc_index count = list_active(m), hit;
    double at = 0;
    if (count == 0) return LC_OK;
    LC_TRY(lc_poll(m->obj->host));
    factor(m, count);
    for (lc_index v = 0; v < count; v++) {
      lc_index s = m->active[v];
      double sign = (m->b[s] > 0) - (m->b[s] < 0);
      m->rhs[v] = -(slope_of(m, s) + sign * l1_of(m, s));
    }
    lc_cholesky_solve(count, m->small, m->skip, m->rhs);
    double share = longest_share(m, count, m->rhs, &hit, &at);
    for (lc_index v = 0; v < count; v++) {
      lc_index s = m->active[v];
      move_coefficient(m, s, s == hit ? at : m->b[s] + share * m->rhs[v]);
    }
    if (hit < 0) return LC_OK;
  }
  return LC_OK;
}

/* Minimises the model until its worst residual is below `goal`. */
static lc_status minimise(lc_model *m, double goal) {
  enum { ROUNDS = 200, SWEEPS = 3, HITS = 8 };
  for (int round = 0; round < ROUNDS; round++) {
    LC_TRY(lc_poll(m->obj->host));
    if (round == 0 && m->nfactored >= 0) { /* the signs of the last solution, most often */
      LC_TRY(solve_active(m, 1));
      if (worst_residual(m) <= goal) return LC_OK;
    }
    for (int k = 0; k < SWEEPS; k++) sweep(m);
    if (worst_residual(m) <= goal) return LC_OK;
    LC_TRY(solve_active(m, HITS));
    if (worst_residual(m) <= goal) return LC_OK;
  }
  return LC_OK;
}

/* ---- the kept factor with corrections -----------------------------------------------------------------------------
 */

/* v <- (factor of the active coefficients)^-1 v. */
static void solve_factor(void *context, double *v) {
  const lc_model *m = context;
  lc_cholesky_solve(m->nfactored, m->small, m->skip, v);
}

/* Coefficients and gradients of the smooth part, of the active coefficients, at the start of a step. */
static void keep_gradient(const lc_model *m, double *b, double *g) {
  for (lc_index v = 0; v < m->nfactored; v++) {
    lc_index s = m->factored[v];
    b[v] = m->start[s];
    g[v] = m->g[s] + l2_of(m, s) * m->start[s];
  }
}

/* As long as the same coefficients are active and the others keep still, a step needs no model: the kept factor,
 * corrected by the gradients of the steps before (solver_pairs.h), gives it. Sets b and returns 1; 0 where a sign would
 * change or an inactive coefficient pulls. */
static int corrected_step(lc_model *m) {
  lc_index count = list_active(m), hit;
  double *d = m->rhs, at, active = 0, inactive = 0;
  if (m->pairs.count == 0 || count != m->nfactored || m->factored_lambda != m->obj->pen->lambda ||
      memcmp(m->factored, m->active, (size_t)count * sizeof *m->active) != 0)
    return 0;
  for (lc_index s = 0, v = 0; s < m->size; s++) {
    double size = residual(m, s, m->b[s], m->g[s]);
    int is_active = v < count && m->active[v] == s;
    if (is_active)
      active = fmax(active, size), v++;
    else
      inactive = fmax(inactive, size);
  }
  if (inactive > 0.1 * active) return 0;
  double *g = m->kept + 3 * m->room;
  for (lc_index v = 0; v < count; v++) {
    lc_index s = m->active[v];
    double sign = (m->b[s] > 0) - (m->b[s] < 0);
    g[v] = slope_of(m, s) + sign * l1_of(m, s);
  }
  lc_pairs_direction(&m->pairs, g, solve_factor, m, 0, d);
  longest_share(m, count, d, &hit, &at);
  if (hit >= 0) return 0;
  for (lc_index v = 0; v < count; v++) m->b[m->active[v]] += d[v];
  return 1;
}

/* What the last step taught about the curvature of the active coefficients. */
static void learn(lc_model *m) {
  double *from = m->kept, *g = from + m->room, *to = g + m->room, *gradient = to + m->room;
  keep_gradient(m, to, gradient);
  m->pairs.P = m->nfactored;
  lc_pairs_keep(&m->pairs, from, to, g, gradient);
}

/* ---- steps ---------------------------------------------------------------------------------------------------------
 */

/* g'd + penalty change: the slope of F along the move, an upper bound of its fall. */
static double predicted_change(const lc_model *m) {
  double change = 0;
  for (lc_index s = 0; s < m->size; s++) {
    double d = m->b[s] - m->start[s];
    change += (m->g[s] + l2_of(m, s) * m->start[s]) * d + l1_of(m, s) * (fabs(m->b[s]) - fabs(m->start[s]));
  }
  return change;
}

lc_status lc_model_try(lc_model *m, double t) {
  lc_objective *obj = m->obj;
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index moved = 0, *rows = lc_arena_alloc(m->arena, m->nrows, sizeof *rows);
  double *D = lc_arena_zeros(m->arena, m->nrows * obj->K), *used = lc_arena_doubles(m->arena, m->nrows * obj->K);
  if (!rows || !D || !used) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < m->size; s++) D[m->mate[s]] = t * (m->b[s] - m->start[s]);
  for (lc_index v = 0; v < m->nrows; v++) { /* only rows that move are read */
    int any = 0;
    for (int c = 0; c < obj->K; c++) any |= D[v + c * m->nrows] != 0;
    if (any) rows[moved++] = v;
  }
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < moved; v++) used[v + c * moved] = D[rows[v] + c * m->nrows];
  for (lc_index v = 0; v < moved; v++) rows[v] = m->rows[rows[v]];
  lc_status status = lc_objective_move(obj, moved, rows, used, m->R_to);
  /* Landings are exact: a coefficient that reached 0 is 0. */
  for (lc_index s = 0; t == 1 && s < m->size; s++) obj->to.B[m->place[s]] = m->b[s];
  lc_arena_reset(m->arena, mark);
  return status;
}

void lc_model_take(lc_model *m) {
  double *swap = m->R;
  lc_objective_accept(m->obj);
  m->R = m->R_to;
  m->R_to = swap;
  m->fresh = 0;
  m->steps++;
}

lc_status lc_model_predict(lc_model *m, double lambda) {
  const lc_penalty *pen = m->obj->pen;
  if (m->built < m->size || m->size == 0 || lambda == pen->lambda) return LC_OK;
  LC_TRY(lc_model_load(m));
  lc_index count = list_active(m);
  factor(m, count);
  for (lc_index v = 0; v < count; v++) {
    lc_index s = m->active[v], f = feature_of(m, s);
    double sign = (m->b[s] > 0) - (m->b[s] < 0);
    m->rhs[v] = f < 0 ? 0 : (lambda - pen->lambda) * (pen->l1[f] * sign + pen->l2[f] * m->b[s]);
  }
  lc_cholesky_solve(count, m->small, m->skip, m->rhs);
  for (lc_index v = 0; v < count; v++) {
    lc_index s = m->active[v], f = feature_of(m, s);
    double to = m->b[s] + m->rhs[v];
    if (f >= 0 && l1_of(m, s) > 0 && to * m->b[s] < 0) to = 0;
    if (f >= 0 && pen->lower) to = fmin(fmax(to, pen->lower[f]), pen->upper[f]);
    m->b[s] = to;
  }
  LC_TRY(lc_model_try(m, 1));
  if (m->obj->to.value < m->obj->at.value) lc_model_take(m);
  return LC_OK;
}

/* Residuals fall by a constant share a step while H is old, and soon at once when it is fresh. A new H pays when the
 * old one's remaining steps to the goal cost more flops than making it. */
static int new_hessian_pays(const lc_model *m, double last, double goal) {
  if (m->built == 0) return 1;
  if (m->fresh || !(last < INFINITY)) return 0;
  double rate = m->worst / last;
  if (rate >= 0.5) return 1;
  double n = (double)m->obj->x->n, size = (double)m->size, rows = (double)m->nrows, K = m->obj->K;
  double step = (40 * rows + 100) * n * K + 16 * size * size, hessian = size * size * n + 2 * step;
  return log(goal / m->worst) / log(rate) * step > hessian;
}

/* b <- where the next step should lead. */
static lc_status propose(lc_model *m, double goal, double last) {
  if (corrected_step(m)) return LC_OK;
  if (new_hessian_pays(m, last, goal))
    LC_TRY(rebuild(m));
  else if (m->built < m->size)
    LC_TRY(build_rows(m));
  return minimise(m, 1e-2 * m->worst < goal ? fmax(0.3 * goal, 1e-3 * m->worst) : 1e-2 * m->worst);
}

lc_status lc_model_solve(lc_model *m, double goal, double max_steps) {
  double last = INFINITY, t;
  m->stuck = 0;
  m->pairs.count = 0;
  LC_TRY(lc_model_load(m));
  for (double step = 0; m->worst > goal && m->size > 0; step++) {
    LC_TRY(lc_poll(m->obj->host));
    if (step >= max_steps) return LC_MAX_ITER;
    LC_TRY(propose(m, goal, last));
    double change = predicted_change(m);
    last = m->worst;
    m->gain = fmax(-0.5 * change, 0);
    t = 0;
    if (change < 0) {
      LC_TRY(lc_model_try(m, 1));
      LC_TRY(lc_line_search(m->obj, change, m->obj->to.value, &t));
    }
    if (t == 0) { /* an old model sees nothing to gain: look with a new one */
      if (m->fresh && m->pairs.count == 0) {
        m->stuck = 1;
        return LC_OK;
      }
      m->pairs.count = 0;
      if (!m->fresh) m->built = 0;
      LC_TRY(lc_model_load(m));
      continue;
    }
    if (t < 1) LC_TRY(lc_model_try(m, t));
    int corrects = m->nfactored > 0;
    if (corrects) keep_gradient(m, m->kept, m->kept + m->room);
    lc_model_take(m);
    LC_TRY(lc_model_load(m));
    if (corrects) learn(m);
  }
  return LC_OK;
}
