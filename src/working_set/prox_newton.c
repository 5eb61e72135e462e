/* working_set/prox_newton.c - see working_set/prox_newton.h. */
#include "working_set/prox_newton.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"

/* ---- gradients ----------------------------------------------------------------------------------------------- */

/* Gradient of the smooth part along s: of the model at b, or the true one where b is the start. */
static double slope_of(const lc_model *m, lc_index s) { return m->g[s] + m->Hd[s] + lc_model_l2(m, s) * m->b[s]; }

double lc_model_residual(const lc_model *m, lc_index s) {
  lc_index f = lc_model_feature(m, s), width = lc_model_width(m, s);
  if (f < 0) return fabs(slope_of(m, s)) / m->unit[s];
  for (lc_index c = 0; c < width; c++) m->work[c] = slope_of(m, s + c);
  return lc_penalty_group_violation(m->obj->pen, f, width, m->b + s, 1, m->work, 1) / m->unit[s];
}

static double worst_residual(const lc_model *m) {
  double worst = 0;
  for (lc_index s = 0; s < m->size; s += lc_model_width(m, s)) worst = fmax(worst, lc_model_residual(m, s));
  return worst;
}

lc_status lc_model_reset(lc_model *m) {
  LC_TRY(lc_model_list_rows(m));
  for (lc_index s = 0; s < m->size; s++) {
    m->b[s] = m->start[s] = m->obj->at.B[m->place[s]];
    m->Hd[s] = 0;
  }
  return LC_OK;
}

lc_status lc_model_load(lc_model *m) {
  lc_objective *obj = m->obj;
  LC_TRY(lc_model_reset(m));
  lc_mark mark = lc_arena_mark(m->arena);
  double *c = lc_arena_doubles(m->arena, m->nrows * obj->K);
  if (!c) return LC_OUT_OF_MEMORY;
  lc_objective_columns(obj, m->nrows, m->rows, m->R, c);
  for (lc_index s = 0; s < m->size; s++) m->g[s] = c[m->mate[s]];
  m->worst = worst_residual(m);
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

lc_status lc_model_load_all(lc_model *m) {
  LC_TRY(lc_model_reset(m));
  for (lc_index s = 0; s < m->size; s++) m->g[s] = m->obj->G[m->place[s]] - lc_model_l2(m, s) * m->start[s];
  m->worst = worst_residual(m);
  return LC_OK;
}

lc_status lc_model_look(lc_model *m) {
  LC_TRY(lc_objective_residuals(m->obj, NULL, m->R));
  return lc_model_load(m);
}

/* ---- minimising the model ---------------------------------------------------------------------------------------- */

/* Curvature along coefficient s; one without any must not get an infinite step. */
static double curvature(const lc_model *m, lc_index s) {
  double tiny = 1e-14 * lc_link_bound(m->obj->loss, &m->obj->link) * m->unit[s] * m->unit[s];
  return m->H[s * (m->lead + 1)] + lc_model_l2(m, s) + tiny;
}

/* At least the largest eigenvalue of the block of the group that begins at s: its trace and its row sums bound it. */
static double group_curvature(const lc_model *m, lc_index s, lc_index width) {
  double trace = 0, most = 0;
  if (width == 1) return curvature(m, s);
  for (lc_index c = 0; c < width; c++) {
    double row = 0;
    for (lc_index d = 0; d < width; d++) row += fabs(m->H[s + d + (s + c) * m->lead]);
    trace += m->H[(s + c) * (m->lead + 1)];
    most = fmax(most, row);
  }
  return fmin(trace, most) + (curvature(m, s) - m->H[s * (m->lead + 1)]);
}

/* A group goes to `to` (destroyed). */
static void move_group(lc_model *m, lc_index s, lc_index width, double *to) {
  int moves = 0;
  for (lc_index c = 0; c < width; c++) {
    double step = to[c] - m->b[s + c];
    m->b[s + c] = to[c];
    to[c] = step;
    moves |= step != 0;
  }
  if (moves) lc_kernels()->scores(m->size, width, 1, m->H + s * m->lead, m->lead, to, width, m->Hd, m->size);
}

/* Each group in turn to the minimum of a bound of the model, which for a single coefficient is the model. */
static void sweep(lc_model *m) {
  for (lc_index s = 0, width; s < m->size; s += width) {
    lc_index f = lc_model_feature(m, s);
    width = lc_model_width(m, s);
    double h = group_curvature(m, s, width);
    for (lc_index c = 0; c < width; c++) m->work[c] = m->b[s + c] - slope_of(m, s + c) / h;
    if (f >= 0) lc_penalty_group_prox(m->obj->pen, f, width, m->work, 1, h);
    move_group(m, s, width, m->work);
  }
}

/* Coefficients of groups that are free to move all ways where they are, and the directions u of those groups. */
static lc_index list_active(lc_model *m) {
  const lc_penalty *pen = m->obj->pen;
  lc_index count = 0;
  for (lc_index s = 0, width; s < m->size; s += width) {
    lc_index f = lc_model_feature(m, s);
    width = lc_model_width(m, s);
    double norm = lc_penalty_norm(width, m->b + s, 1);
    int smooth_here = norm != 0 || lc_model_l1(m, s) == 0;
    int bound = f >= 0 && pen->lower && (m->b[s] <= pen->lower[f] || m->b[s] >= pen->upper[f]);
    for (lc_index c = 0; smooth_here && !bound && c < width; c++) {
      m->u[s + c] = norm != 0 ? m->b[s + c] / norm : 0;
      m->active[count++] = s + c;
    }
  }
  return count;
}

/* Gradient of the model along an active coefficient. */
static double active_slope(const lc_model *m, lc_index s) { return slope_of(m, s) + m->u[s] * lc_model_l1(m, s); }

/* The second derivatives l1 (I - u u') / ||b|| of the norms join the active H. */
static void add_bends(lc_model *m, lc_index count) {
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = m->active[v];
    width = lc_model_width(m, s);
    if (width == 1) continue;
    double norm = lc_penalty_norm(width, m->b + s, 1), bend = norm > 0 ? lc_model_l1(m, s) / norm : 0;
    for (lc_index c = 0; c < width; c++)
      for (lc_index d = 0; d <= c; d++)
        m->small[v + d + (v + c) * m->lead] += bend * ((c == d) - m->u[s + c] * m->u[s + d]);
  }
}

/* How many of the active coefficients, from the first on, the kept factor has as they are now. Norms bend with b:
 * their factor is kept as a whole or not at all; a kept one may be wrong for them, but leads to the same point. */
static lc_index already_factored(const lc_model *m, lc_index count) {
  lc_index most = lc_min(count, m->nfactored), same = 0;
  int moved = m->factored_lambda != m->obj->pen->lambda;
  for (; same < most; same++) {
    lc_index s = m->active[same];
    if (m->factored[same] != m->place[s] || (moved && lc_model_l2(m, s) != 0)) break;
  }
  int whole = same == count && same == m->nfactored && !moved;
  return m->obj->pen->grouped && !whole ? 0 : same;
}

static int is_factored(const lc_model *m, lc_index count) {
  return count == m->nfactored && already_factored(m, count) == count;
}

/* Factors H of the active coefficients, from the first on that is not where the kept factor has it: a set changes
 * little from step to step, and new ones are at its end. 0: the kept factor is theirs. */
static int factor(lc_model *m, lc_index count) {
  lc_index same = already_factored(m, count);
  if (same == count && count == m->nfactored) return 0;
  lc_index from = same / LC_CHOLESKY_BLOCK * LC_CHOLESKY_BLOCK;
  for (lc_index v = from; v < count; v++) {
    lc_index s = m->active[v];
    for (lc_index u = 0; u < v; u++) m->small[u + v * m->lead] = m->H[m->active[u] + s * m->lead];
    m->small[v * (m->lead + 1)] = curvature(m, s);
    m->factored[v] = m->place[s];
  }
  add_bends(m, count);
  m->nfactored = count;
  m->factored_lambda = m->obj->pen->lambda;
  m->pairs.count = 0;
  lc_cholesky_extend(from, count, m->small, m->lead, 1e-14, m->skip, NULL);
  return 1;
}

/* The longest share (at most 1) of the move b -> b + d that keeps every sign and bound of single coefficients; *hit is
 * the one that ends it and *at where it lands. */
static double longest_share(const lc_model *m, lc_index count, const double *d, lc_index *hit, double *at) {
  const lc_penalty *pen = m->obj->pen;
  double share = 1;
  *hit = -1;
  for (lc_index a = 0; a < count; a++) {
    lc_index s = m->active[a], f = lc_model_feature(m, s);
    if (f < 0 || d[a] == 0 || lc_model_width(m, s) > 1) continue;
    double b = m->b[s], limit[2] = {NAN, NAN};
    if (lc_model_l1(m, s) > 0) limit[0] = 0;
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

/* Single coefficients all at once, b -> b + share * (the solution in rhs), which is spent; `hit` lands at `at`. */
static void spread_move(lc_model *m, lc_index count, double share, lc_index hit, double at) {
  lc_index s = m->size;
  for (lc_index v = count; v-- > 0;) { /* rhs spreads out over the set, from its end */
    double step = share * m->rhs[v];
    while (--s > m->active[v]) m->rhs[s] = 0;
    m->rhs[s] = s == hit ? at - m->b[s] : step;
  }
  while (s-- > 0) m->rhs[s] = 0;
  for (s = 0; s < m->size; s++)
    if (m->rhs[s] != 0) m->b[s] = s == hit ? at : m->b[s] + m->rhs[s];
}

/* H d of a move of single coefficients: as one product; or, where slopes of the active ones are known from before, as
 * what the solution has made of them, H d = -slope - (l2 + a little) d, and products for the others alone. */
static void move_singles(lc_model *m, lc_index count, double share, lc_index hit, double at, const double *slopes) {
  spread_move(m, count, share, hit, at);
  if (!slopes) {
    lc_kernels()->scores(m->size, m->size, 1, m->H, m->lead, m->rhs, m->size, m->Hd, m->size);
    return;
  }
  for (lc_index s = 0, v = 0; s < m->size; s++) {
    const double *column = m->H + s * m->lead;
    int solved = v < count && m->active[v] == s && !m->skip[v];
    if (solved)
      m->Hd[s] -= share * slopes[v] + (curvature(m, s) - column[s]) * m->rhs[s];
    else
      m->Hd[s] += lc_dot(m->size, column, m->rhs);
    v += v < count && m->active[v] == s;
  }
}

/* Groups b -> b + share * (the solution in rhs). */
static void move_groups(lc_model *m, lc_index count, double share) {
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = m->active[v];
    width = lc_model_width(m, s);
    for (lc_index c = 0; c < width; c++) m->work[c] = m->b[s + c] + share * m->rhs[v + c];
    move_group(m, s, width, m->work);
  }
}

static double active_residual(const lc_model *m, lc_index count) {
  double worst = 0;
  for (lc_index v = 0; v < count; v += lc_model_width(m, m->active[v]))
    worst = fmax(worst, lc_model_residual(m, m->active[v]));
  return worst;
}

/* ||b|| - ||start|| of a group with all digits of b - start: (b - start)'(b + start) / (||b|| + ||start||). */
static double norm_change(const lc_model *m, lc_index s, lc_index width) {
  double both = lc_penalty_norm(width, m->b + s, 1) + lc_penalty_norm(width, m->start + s, 1), change = 0;
  for (lc_index c = s; both > 0 && c < s + width; c++)
    change += (m->b[c] - m->start[c]) * ((m->b[c] + m->start[c]) / both);
  return change;
}

double lc_model_predicted_change(const lc_model *m) {
  double change = 0;
  for (lc_index s = 0, width; s < m->size; s += width) {
    width = lc_model_width(m, s);
    for (lc_index c = s; c < s + width; c++)
      change += (m->g[c] + lc_model_l2(m, s) * m->start[c]) * (m->b[c] - m->start[c]);
    change += lc_model_l1(m, s) * norm_change(m, s, width);
  }
  return change;
}

/* The model with its penalty at b less that at the start. */
static double model_change(const lc_model *m) {
  double bend = 0;
  for (lc_index s = 0; s < m->size; s++) bend += m->Hd[s] * (m->b[s] - m->start[s]);
  return lc_model_predicted_change(m) + 0.5 * bend;
}

/* Norms of several coefficients bend, so a solution holds near its point only: it is taken by halves until it lessens
 * the residual, and gives back next to nothing of the model's fall. 1: it did, or a new factor may. */
static int settle(lc_model *m, lc_index count, double before, double fall, int new_factor) {
  double taken = 1, least = new_factor ? 1.0 / 32 : 1;
  for (;;) {
    double after = active_residual(m, count);
    if (!(after < 0.25 * before)) m->nfactored = -1;
    if (after < before && model_change(m) <= 0.99 * fall) return 1;
    if (taken <= least) break;
    taken /= 2;
    move_groups(m, count, -taken);
  }
  move_groups(m, count, -taken);
  return !new_factor;
}

/* rhs <- the Newton step of the active coefficients, whose slopes it needs (in v's order; kept for the caller). 1: it
 * took a new factor. */
static int newton_step(lc_model *m, lc_index count, double *slopes) {
  int new_factor = factor(m, count);
  for (lc_index v = 0; v < count; v++) m->rhs[v] = -(slopes[v] = active_slope(m, m->active[v]));
  lc_cholesky_solve(count, m->small, m->lead, m->skip, m->rhs);
  return new_factor;
}

/* Lent while no step is kept or learned from. */
static double *slopes_of(const lc_model *m) { return m->kept + 3 * m->room; }

/* Single coefficients to their solution, or as far as their signs hold. 1: all the way. */
static int step_singles(lc_model *m, lc_index count) {
  lc_index hit;
  double at = 0, *slopes = slopes_of(m);
  newton_step(m, count, slopes);
  double share = longest_share(m, count, m->rhs, &hit, &at);
  move_singles(m, count, share, hit, at, slopes);
  return hit < 0;
}

/* Groups towards theirs. 1: their residual is at most `goal`, or can be no smaller. */
static int step_groups(lc_model *m, lc_index count, double goal) {
  double before = active_residual(m, count), fall = fmin(model_change(m), 0);
  int new_factor = newton_step(m, count, slopes_of(m));
  move_groups(m, count, 1);
  return !settle(m, count, before, fall, new_factor) || active_residual(m, count) <= goal;
}

/* Solves for the active coefficients with their signs held, on a sign change going as far as it may; norms of several
 * coefficients until the residual of the active ones is at most `goal`. */
static lc_status solve_active(lc_model *m, int rounds, double goal) {
  for (int round = 0; round < rounds; round++) {
    lc_index count = list_active(m);
    if (count == 0) return LC_OK;
    LC_TRY(lc_poll(m->obj->host));
    if (m->obj->pen->grouped ? step_groups(m, count, goal) : step_singles(m, count)) return LC_OK;
  }
  return LC_OK;
}

/* Norms of several coefficients bend, so a factor holds near one point only: of so many coefficients it costs more
 * than the sweeps that it saves. */
static int only_sweeps(const lc_model *m) {
  enum { MOST_FACTORED = 1000 };
  return m->obj->pen->grouped && m->size > MOST_FACTORED;
}

/* Minimises the model until its worst residual is below `goal`. */
static lc_status minimise(lc_model *m, double goal) {
  enum { ROUNDS = 200, SWEEPS = 3, HITS = 8 };
  if (only_sweeps(m)) m->nfactored = -1;
  for (int round = 0; round < ROUNDS; round++) {
    LC_TRY(lc_poll(m->obj->host));
    if (round == 0 && m->nfactored >= 0) { /* the signs of the last solution, most often */
      LC_TRY(solve_active(m, 1, goal));
      if (worst_residual(m) <= goal) return LC_OK;
    }
    for (int k = 0; k < SWEEPS; k++) sweep(m);
    if (worst_residual(m) <= goal) return LC_OK;
    if (only_sweeps(m)) continue;
    LC_TRY(solve_active(m, HITS, goal));
    if (worst_residual(m) <= goal) return LC_OK;
  }
  return LC_OK;
}

/* ---- the kept factor with corrections -----------------------------------------------------------------------------
 */

/* v <- (factor of the active coefficients)^-1 v. */
static void solve_factor(void *context, double *v) {
  const lc_model *m = context;
  lc_cholesky_solve(m->nfactored, m->small, m->lead, m->skip, v);
}

/* Coefficients and gradients of what bends, of the active coefficients, at the start of a step: the smooth part, and
 * norms of several coefficients. */
static void keep_gradient(const lc_model *m, double *b, double *g) {
  for (lc_index v = 0, width; v < m->nfactored; v += width) {
    lc_index s = m->slot[m->factored[v]];
    width = lc_model_width(m, s);
    double norm = width > 1 ? lc_penalty_norm(width, m->start + s, 1) : 0,
           pull = norm > 0 ? lc_model_l1(m, s) / norm : 0;
    for (lc_index c = 0; c < width; c++) {
      double start = m->start[s + c];
      b[v + c] = start;
      g[v + c] = m->g[s + c] + lc_model_l2(m, s) * start + pull * start;
    }
  }
}

/* As long as the same coefficients are active and the others keep still, a step needs no model: the kept factor,
 * corrected by the gradients of the steps before (linalg/lbfgs_pairs.h), gives it. Sets b and returns 1; 0 where a sign
 * would change or an inactive coefficient pulls. */
static int corrected_step(lc_model *m) {
  lc_index count = list_active(m), hit;
  double *d = m->rhs, at, active = 0, inactive = 0;
  if (m->pairs.count == 0 || m->factored_lambda != m->obj->pen->lambda || !is_factored(m, count)) return 0;
  for (lc_index s = 0, v = 0, width; s < m->size; s += width) {
    double size = lc_model_residual(m, s);
    width = lc_model_width(m, s);
    if (v < count && m->active[v] == s) {
      active = fmax(active, size);
      v += width;
    } else {
      inactive = fmax(inactive, size);
    }
  }
  if (inactive > 0.1 * active) return 0;
  double *g = m->kept + 3 * m->room;
  for (lc_index v = 0; v < count; v++) g[v] = active_slope(m, m->active[v]);
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

lc_status lc_model_try_all(lc_model *m) {
  lc_objective *obj = m->obj;
  lc_mark mark = lc_arena_mark(m->arena);
  double *B = lc_arena_doubles(m->arena, obj->P);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, obj->at.B, (size_t)obj->P * sizeof(double));
  for (lc_index s = 0; s < m->size; s++) B[m->place[s]] = m->b[s];
  lc_status status = lc_objective_eval(obj, B, LC_WANT_GRADIENT);
  lc_arena_reset(m->arena, mark);
  return status;
}

lc_status lc_model_search(lc_model *m, double *t) {
  double change = lc_model_predicted_change(m);
  m->gain = fmax(-0.5 * change, 0);
  *t = 0;
  if (!(change < 0)) return LC_OK;
  LC_TRY(lc_model_try(m, 1));
  LC_TRY(lc_line_search(m->obj, change, m->obj->to.value, t));
  return *t > 0 && *t < 1 ? lc_model_try(m, *t) : LC_OK;
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
  if (m->built < m->size || m->size == 0 || lambda == pen->lambda || only_sweeps(m)) return LC_OK;
  LC_TRY(lc_model_reset(m));
  lc_index count = list_active(m);
  factor(m, count);
  for (lc_index v = 0; v < count; v++) {
    lc_index s = m->active[v], f = lc_model_feature(m, s);
    m->rhs[v] = f < 0 ? 0 : (lambda - pen->lambda) * (pen->l1[f] * m->u[s] + pen->l2[f] * m->b[s]);
  }
  lc_cholesky_solve(count, m->small, m->lead, m->skip, m->rhs);
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = m->active[v], f = lc_model_feature(m, s);
    double along = 0;
    width = lc_model_width(m, s);
    for (lc_index c = 0; c < width; c++) along += m->u[s + c] * (m->b[s + c] + m->rhs[v + c]);
    for (lc_index c = 0; c < width; c++) {
      double to = lc_model_l1(m, s) > 0 && along < 0 ? 0 : m->b[s + c] + m->rhs[v + c];
      if (f >= 0 && pen->lower) to = fmin(fmax(to, pen->lower[f]), pen->upper[f]);
      m->b[s + c] = to;
    }
  }
  LC_TRY(lc_model_try(m, 1));
  if (m->obj->to.value < m->obj->at.value) lc_model_take(m);
  return LC_OK;
}

/* R += S (to - from), row by row. */
static void add_bent(const lc_model *m, const double *from, const double *to, double *R) {
  lc_index n = m->obj->x->n;
  for (int c = 0; c < m->obj->K; c++)
    for (int d = 0; d < m->obj->K; d++) {
      const double *s = m->S + lc_packed_at(c < d ? c : d, c < d ? d : c) * n;
      for (lc_index i = 0; i < n; i++) R[i + c * n] += s[i] * (to[i + d * n] - from[i + d * n]);
    }
}

lc_status lc_model_dual_point(lc_model *m, double *R, int *known) {
  lc_objective *obj = m->obj;
  lc_index count = list_active(m), hit;
  double at;
  *known = 0;
  if (count == 0 || m->built < m->size || only_sweeps(m)) return LC_OK;
  newton_step(m, count, slopes_of(m));
  longest_share(m, count, m->rhs, &hit, &at);
  if (hit >= 0) return LC_OK;
  *known = 1;
  if (m->obj->pen->grouped)
    move_groups(m, count, 1);
  else
    move_singles(m, count, 1, -1, 0, NULL);
  LC_TRY(lc_model_try(m, 1));
  add_bent(m, obj->at.Z, obj->to.Z, R);
  for (lc_index s = 0; s < m->size; s++) m->dual[s] = m->g[s] + m->Hd[s];
  if (!(obj->to.value <= obj->at.value + lc_objective_noise(obj))) return lc_model_reset(m);
  lc_model_take(m);
  return lc_model_load(m);
}

/* Residuals fall by a constant share a step while H is old, and soon at once when it is fresh. A new H pays when the
 * old one's remaining steps to the goal cost more flops than making it. */
static int new_hessian_pays(const lc_model *m, double last, double goal) {
  if (m->built == 0) return 1;
  if (m->fresh || !(last < INFINITY)) return 0;
  double rate = m->worst / last;
  if (rate >= 0.3) return 1;
  double n = (double)m->obj->x->n, size = (double)m->size, rows = (double)m->nrows, K = m->obj->K;
  double step = (40 * rows + 100) * n * K + 16 * size * size, hessian = size * size * n + 2 * step;
  return log(goal / m->worst) / log(rate) * step > hessian;
}

/* b <- where the next step should lead. */
static lc_status propose(lc_model *m, double goal, double last) {
  const double fast = 0.2; /* corrections that do better than this a step are good enough */
  if (m->worst <= fast * last && corrected_step(m)) return LC_OK;
  if (new_hessian_pays(m, last, goal))
    LC_TRY(lc_model_rebuild(m));
  else if (m->built < m->size)
    LC_TRY(lc_model_build(m));
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
    last = m->worst;
    LC_TRY(lc_model_search(m, &t));
    if (t == 0) { /* an old model sees nothing to gain: look with a new one */
      if (m->fresh && m->pairs.count == 0) {
        m->stuck = 1;
        return LC_OK;
      }
      m->pairs.count = 0;
      if (!m->fresh) m->built = 0;
      LC_TRY(lc_model_reset(m));
      continue;
    }
    int corrects = m->nfactored > 0;
    if (corrects) keep_gradient(m, m->kept, m->kept + m->room);
    lc_model_take(m);
    LC_TRY(lc_model_load(m));
    if (corrects) learn(m);
  }
  return LC_OK;
}
