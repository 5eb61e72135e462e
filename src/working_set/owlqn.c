/* working_set/owlqn.c - see working_set/owlqn.h. */
#include "working_set/owlqn.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

enum { MEMORY = 20 };
enum { STILL, ALONE, COUPLED };

static lc_status allocate(lc_orthant *work, lc_model *m) {
  lc_index room = m->room, K = m->obj->K;
  double *vectors = lc_arena_zeros(m->arena, 6 * room);
  LC_TRY(lc_pairs_allocate(room, MEMORY, &work->pairs, m->arena));
  work->mean = lc_arena_doubles(m->arena, K * K);
  work->block = lc_arena_doubles(m->arena, K * K + K);
  work->who = lc_arena_alloc(m->arena, K, sizeof *work->who);
  work->skip = lc_arena_alloc(m->arena, K, 1);
  work->way = lc_arena_alloc(m->arena, room, 1);
  if (!vectors || !work->mean || !work->block || !work->who || !work->skip || !work->way) return LC_OUT_OF_MEMORY;
  double **const each[] = {&work->v, &work->d, &work->g, &work->gradient, &work->from, &work->to};
  for (int k = 0; k < 6; k++) *each[k] = vectors + k * room;
  work->room = room;
  work->m = m;
  return LC_OK;
}

/* ---- the metric ---------------------------------------------------------------------------------------------------
 */

/* Mean weights of the pairs of score columns. */
static lc_status set_metric(lc_orthant *work) {
  lc_model *m = work->m;
  lc_index K = m->obj->K;
  lc_mark mark = lc_arena_mark(m->arena);
  double *packed = lc_arena_doubles(m->arena, m->obj->ns);
  if (!packed) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_mean_weights(m->obj, packed));
  for (lc_index c = 0; c < K; c++)
    for (lc_index e = 0; e <= c; e++) work->mean[e + c * K] = work->mean[c + e * K] = packed[lc_packed_at(e, c)];
  /* All classes of a feature together have no curvature, nor has a class that is fitted perfectly. */
  for (lc_index c = 0; c < K; c++) work->mean[c * (K + 1)] = fmax(1.001 * work->mean[c * (K + 1)], 1e-6);
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

/* Curvature along coefficient s alone. */
static double own_curvature(const lc_orthant *work, lc_index s) {
  const lc_model *m = work->m;
  return work->mean[m->place[s] / m->obj->q * (m->obj->K + 1)] * m->unit[s] * m->unit[s] + lc_model_l2(m, s);
}

/* v <- (metric of the coupled coefficients of a row of B)^-1 v. */
static void apply_to_row(const lc_orthant *work, lc_index row, double *v) {
  const lc_model *m = work->m;
  lc_index K = m->obj->K, q = m->obj->q, count = 0, n = m->obj->x->n;
  double *A = work->block, *b = A + K * K;
  for (lc_index c = 0; c < K; c++) {
    lc_index s = m->slot[c * q + row];
    if (s >= 0 && work->way[s] == COUPLED) work->who[count++] = s;
  }
  /* The coupling is worth its cost while that is small beside the passes over X. */
  int coupled = K * K <= n;
  for (lc_index a = 0; a < count; a++) {
    lc_index s = work->who[a], c = m->place[s] / q;
    double square = m->unit[s] * m->unit[s], own = own_curvature(work, s);
    b[a] = v[s];
    if (!coupled) b[a] /= own;
    for (lc_index e = 0; coupled && e < a; e++)
      A[e + a * count] = work->mean[m->place[work->who[e]] / q + c * K] * square;
    A[a * (count + 1)] = own;
  }
  if (coupled) {
    lc_cholesky(count, A, 1e-8, work->skip, NULL);
    lc_cholesky_solve(count, A, count, work->skip, b);
  }
  for (lc_index a = 0; a < count; a++) v[work->who[a]] = b[a];
}

static void apply_metric(void *context, double *v) {
  const lc_orthant *work = context;
  const lc_model *m = work->m;
  for (lc_index s = 0; s < m->size; s++)
    if (work->way[s] != COUPLED) v[s] = 0;
  for (lc_index r = 0; r < m->nrows; r++) apply_to_row(work, m->rows[r], v);
}

/* ---- a step -------------------------------------------------------------------------------------------------------
 */

/* The steepest subgradient of the objective: 0 where 0 lies between its ends. */
static double subgradient(const lc_model *m, lc_index s, double b, double g) {
  lc_index f = lc_model_feature(m, s);
  if (f < 0) return g;
  double size = lc_penalty_violation(m->obj->pen, f, b, g), l1 = lc_model_l1(m, s);
  double pull = b > 0 ? g + l1 : b < 0 ? g - l1 : g;
  return pull > 0 ? size : -size;
}

/* b -> `to`, no further than the end of its orthant (0; from 0 there is one on the side of -v) and its bounds. */
static double stop(const lc_orthant *work, lc_index s, double to) {
  const lc_model *m = work->m;
  const lc_penalty *pen = m->obj->pen;
  lc_index f = lc_model_feature(m, s);
  double b = m->start[s], side = b != 0 ? b : -work->v[s];
  if (lc_model_l1(m, s) > 0 && to * side < 0) to = 0;
  return f >= 0 && pen->lower ? fmin(fmax(to, pen->lower[f]), pen->upper[f]) : to;
}

/* 1 where b is at 0 or a bound and is not pulled from there. */
static int is_held(const lc_orthant *work, lc_index s) {
  const lc_model *m = work->m;
  const lc_penalty *pen = m->obj->pen;
  lc_index f = lc_model_feature(m, s);
  double b = m->start[s];
  int at_end =
      (b == 0 && lc_model_l1(m, s) > 0) || (f >= 0 && pen->lower && (b <= pen->lower[f] || b >= pen->upper[f]));
  return at_end && work->v[s] == 0;
}

/* Where each coefficient is pulled and how it may move. One whose own step would end at its orthant or bound goes
 * alone: coupled to others, the share that it cannot take would lead them astray (Bertsekas, 1982). */
static void look_around(lc_orthant *work) {
  const lc_model *m = work->m;
  memset(work->v, 0, (size_t)work->room * sizeof(double));
  for (lc_index s = 0; s < m->size; s++) {
    work->v[s] = subgradient(m, s, m->start[s], work->g[s]);
    double to = m->start[s] - work->v[s] / own_curvature(work, s);
    work->way[s] = is_held(work, s) ? STILL : stop(work, s, to) != to ? ALONE : COUPLED;
  }
}

/* Gradient of the smooth part on the set. */
static void smooth_gradient(const lc_model *m, double *g) {
  for (lc_index s = 0; s < m->size; s++) g[s] = m->g[s] + lc_model_l2(m, s) * m->start[s];
}

/* b -> b + t d, as far as each coefficient may go. */
static void land(const lc_orthant *work, double t) {
  lc_model *m = work->m;
  for (lc_index s = 0; s < m->size; s++) m->b[s] = stop(work, s, m->start[s] + t * work->d[s]);
}

/* A pass over all of X is one fast read; the set's columns are read twice. */
static int reads_all(const lc_model *m) { return 2 * m->nrows >= m->obj->q; }

static lc_status try_step(lc_model *m) { return reads_all(m) ? lc_model_try_all(m) : lc_model_try(m, 1); }

static lc_status load(lc_model *m) { return reads_all(m) ? lc_model_load_all(m) : lc_model_load(m); }

/* Steps back along the projected path until the objective falls enough; *t = 0 when rounding leaves nothing. */
static lc_status search(const lc_orthant *work, double *t) {
  enum { MOST_STEPS = 40 };
  lc_model *m = work->m;
  double start = m->obj->at.value, noise = lc_objective_noise(m->obj);
  *t = 1;
  for (int step = 0; step < MOST_STEPS; step++, *t *= 0.5) {
    double slope = 0;
    land(work, *t);
    for (lc_index s = 0; s < m->size; s++) slope += work->v[s] * (m->b[s] - m->start[s]);
    LC_TRY(try_step(m));
    double most = start + 1e-4 * fmin(slope, 0) + (step == 0 ? noise : 0);
    if (isfinite(m->obj->to.value) && m->obj->to.value <= most) return LC_OK;
    if (-slope < 1e-3 * noise) break;
  }
  *t = 0;
  return LC_OK;
}

/* The direction. A coefficient at 0 moves where it is pulled or not at all; where caution is wanted so do all. */
static void choose_direction(lc_orthant *work, int cautious) {
  const lc_model *m = work->m;
  memset(work->from, 0, (size_t)work->room * sizeof(double)); /* lent: the pulls of those that are coupled */
  for (lc_index s = 0; s < m->size; s++)
    if (work->way[s] == COUPLED) work->from[s] = work->v[s];
  lc_pairs_direction(&work->pairs, work->from, apply_metric, work, 1, work->d);
  for (lc_index s = 0; s < m->size; s++) {
    if (work->way[s] != COUPLED) work->d[s] = work->way[s] == ALONE ? -work->v[s] / own_curvature(work, s) : 0;
    if ((cautious || m->start[s] == 0) && !(work->d[s] * work->v[s] < 0)) work->d[s] = 0;
  }
}

static lc_status iterate(lc_orthant *work, double goal, double max_steps) {
  lc_model *m = work->m;
  int cautious = 0;
  for (double step = 0; m->worst > goal; step++) {
    if (step >= max_steps) return LC_MAX_ITER;
    LC_TRY(lc_poll(m->obj->host));
    double t;
    smooth_gradient(m, work->g);
    look_around(work);
    choose_direction(work, cautious);
    LC_TRY(search(work, &t));
    if (t == 0) {
      if (cautious) break;
      work->pairs.count = 0; /* a bad metric, perhaps: start it afresh */
      cautious = 1;
      continue;
    }
    cautious = 0;
    memcpy(work->from, m->start, (size_t)m->size * sizeof(double));
    memcpy(work->to, m->b, (size_t)m->size * sizeof(double));
    double slope = lc_dot(m->size, work->v, work->d);
    m->gain = fmax(-0.5 * slope, 0);
    lc_model_take(m);
    LC_TRY(load(m));
    smooth_gradient(m, work->gradient);
    lc_pairs_keep(&work->pairs, work->from, work->to, work->g, work->gradient);
  }
  m->stuck = m->worst > goal;
  return LC_OK;
}

lc_status lc_orthant_solve(lc_orthant *work, lc_model *m, double goal, double max_steps) {
  if (work->room < m->room) LC_TRY(allocate(work, m));
  m->stuck = 0;
  LC_TRY(lc_model_list_rows(m));
  if (reads_all(m)) LC_TRY(lc_objective_gradient(m->obj));
  LC_TRY(load(m));
  LC_TRY(set_metric(work));
  lc_status status = iterate(work, goal, max_steps);
  if (reads_all(m)) { /* passes made no residuals of their own */
    lc_status made = lc_objective_residuals(m->obj, NULL, m->R);
    if (status == LC_OK || status == LC_MAX_ITER) LC_TRY(made);
  }
  return status;
}

/* ---- a dual point -------------------------------------------------------------------------------------------------
 */

/* Where all classes have a score column, residuals of a row sum to zero, and so must what is taken from their gradients
 * for row v of the set: the class that holds its 0 with the most to spare makes up for the others, or all do
 * alike. */
static void close_sum(const lc_model *m, lc_index v, double *E) {
  const lc_objective *obj = m->obj;
  lc_index f = m->rows[v] - obj->pen->one;
  double sum = 0, most = 0;
  int best = -1;
  for (int c = 0; c < obj->K; c++) {
    lc_index place = c * obj->q + m->rows[v];
    double spare = f < 0 || obj->at.B[place] != 0 ? 0 : lc_penalty_l1(obj->pen, f) - fabs(obj->G[place]);
    sum += E[v + c * m->nrows];
    if (spare > most) {
      most = spare;
      best = c;
    }
  }
  if (best >= 0) E[v + best * m->nrows] -= sum;
  for (int c = 0; best < 0 && c < obj->K; c++) E[v + c * m->nrows] -= sum / obj->K;
}

/* Columns whose Gram matrix costs less than the passes that a sharper gap saves, and whose factor takes what X may. */
static int gram_pays(const lc_model *m) {
  enum { MOST_COLUMNS = 3000 };
  return m->nrows <= MOST_COLUMNS && (double)m->nrows <= 0.9 * (double)m->obj->x->n;
}

lc_status lc_orthant_dual_point(lc_orthant *work, double *R, int *known) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  lc_index n = obj->x->n, K = obj->K;
  *known = reads_all(m) && gram_pays(m);
  if (!*known) return LC_OK;
  LC_TRY(lc_gram_grow(&work->gram, obj, m->nrows, m->rows));
  lc_mark mark = lc_arena_mark(m->arena);
  double *E = lc_arena_zeros(m->arena, m->nrows * K), *lift = lc_arena_doubles(m->arena, n * K);
  if (!E || !lift) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < m->size; s++)
    E[m->mate[s]] = subgradient(m, s, m->start[s], m->g[s] + lc_model_l2(m, s) * m->start[s]);
  for (lc_index v = 0; obj->link.k == K && v < m->nrows; v++) close_sum(m, v, E);
  for (lc_index s = 0; s < m->size; s++) m->dual[s] = m->g[s] - E[m->mate[s]];
  lc_status status = lc_gram_lift(&work->gram, obj, m->rows, E, lift);
  for (lc_index i = 0; i < n * K; i++) R[i] -= lift[i];
  obj->passes += (double)m->nrows / (double)lc_max(obj->q, 1);
  lc_arena_reset(m->arena, mark);
  return status;
}
