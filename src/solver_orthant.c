/* solver_orthant.c - see solver_orthant.h. */
#include "solver_orthant.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

enum { MEMORY = 20 };

static lc_status allocate(lc_orthant *work, lc_model *m) {
  lc_index room = m->room;
  double *vectors = lc_arena_zeros(m->arena, 7 * room);
  LC_TRY(lc_pairs_allocate(room, MEMORY, &work->pairs, m->arena));
  if (!vectors) return LC_OUT_OF_MEMORY;
  double **const each[] = {&work->metric, &work->v, &work->d, &work->g, &work->gradient, &work->from, &work->to};
  for (int k = 0; k < 7; k++) *each[k] = vectors + k * room;
  work->room = room;
  return LC_OK;
}

/* 1 / curvature of a column alone: mean weight of its score column times its mean square. */
static lc_status set_metric(lc_orthant *work, const lc_model *m) {
  const lc_objective *obj = m->obj;
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index n = obj->x->n;
  double *S = lc_arena_doubles(m->arena, n * obj->ns), *mean = lc_arena_zeros(m->arena, obj->K);
  if (!S || !mean) return LC_OUT_OF_MEMORY;
  lc_objective_weights(obj, S);
  for (int c = 0; c < obj->K; c++) {
    const double *s = S + lc_packed_at(c, c) * n;
    for (lc_index i = 0; i < n; i++) mean[c] += s[i];
    mean[c] = fmax(mean[c] / obj->weight_sum, 1e-6);
  }
  for (lc_index s = 0; s < m->size; s++) {
    double unit = m->unit[s];
    work->metric[s] = 1 / (mean[m->place[s] / obj->q] * unit * unit + lc_model_l2(m, s));
  }
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

static void apply_metric(void *context, double *v) {
  const lc_orthant *work = context;
  for (lc_index s = 0; s < work->pairs.P; s++) v[s] *= work->metric[s];
}

/* The steepest subgradient of the objective: 0 where 0 lies between its ends. */
static double subgradient(const lc_model *m, lc_index s, double b, double g) {
  lc_index f = lc_model_feature(m, s);
  if (f < 0) return g;
  double size = lc_penalty_violation(m->obj->pen, f, b, g), l1 = lc_model_l1(m, s);
  double pull = b > 0 ? g + l1 : b < 0 ? g - l1 : g;
  return pull > 0 ? size : -size;
}

/* Gradient of the smooth part on the set. */
static void smooth_gradient(const lc_model *m, double *g) {
  for (lc_index s = 0; s < m->size; s++) g[s] = m->g[s] + lc_model_l2(m, s) * m->start[s];
}

/* b -> b + t d, each coefficient no further than the end of its orthant (0) and its bounds. */
static void land(const lc_orthant *work, lc_model *m, double t) {
  const lc_penalty *pen = m->obj->pen;
  for (lc_index s = 0; s < m->size; s++) {
    lc_index f = lc_model_feature(m, s);
    double b = m->start[s], to = b + t * work->d[s];
    if (lc_model_l1(m, s) > 0) {
      double side = b != 0 ? b : -work->v[s];
      if (to * side < 0) to = 0;
    }
    if (f >= 0 && pen->lower) to = fmin(fmax(to, pen->lower[f]), pen->upper[f]);
    m->b[s] = to;
  }
}

/* Steps back along the projected path until the objective falls enough; *t = 0 when rounding leaves nothing. */
static lc_status search(const lc_orthant *work, lc_model *m, double *t) {
  enum { MOST_STEPS = 40 };
  double start = m->obj->at.value, noise = lc_objective_noise(m->obj);
  *t = 1;
  for (int step = 0; step < MOST_STEPS; step++, *t *= 0.5) {
    double slope = 0;
    land(work, m, *t);
    for (lc_index s = 0; s < m->size; s++) slope += work->v[s] * (m->b[s] - m->start[s]);
    LC_TRY(lc_model_try(m, 1));
    if (isfinite(m->obj->to.value) && m->obj->to.value <= start + 1e-4 * slope + (step == 0 ? noise : 0)) return LC_OK;
    if (-slope < 1e-3 * noise) break;
  }
  *t = 0;
  return LC_OK;
}

lc_status lc_orthant_solve(lc_orthant *work, lc_model *m, double goal, double max_steps) {
  if (work->room < m->room) LC_TRY(allocate(work, m));
  m->stuck = 0;
  LC_TRY(lc_model_load(m));
  LC_TRY(set_metric(work, m));
  for (double step = 0; m->worst > goal; step++) {
    if (step >= max_steps) return LC_MAX_ITER;
    LC_TRY(lc_poll(m->obj->host));
    double t;
    memset(work->v, 0, (size_t)work->room * sizeof(double));
    smooth_gradient(m, work->g);
    for (lc_index s = 0; s < m->size; s++) work->v[s] = subgradient(m, s, m->start[s], work->g[s]);
    lc_pairs_direction(&work->pairs, work->v, apply_metric, work, 1, work->d);
    /* The direction must lead down in every coefficient, and nowhere where nothing pulls. */
    for (lc_index s = 0; s < m->size; s++)
      if (!(work->d[s] * work->v[s] < 0)) work->d[s] = 0;
    LC_TRY(search(work, m, &t));
    if (t == 0) {
      if (work->pairs.count == 0) break;
      work->pairs.count = 0; /* a bad metric, perhaps: start it afresh */
      continue;
    }
    memcpy(work->from, m->start, (size_t)m->size * sizeof(double));
    memcpy(work->to, m->b, (size_t)m->size * sizeof(double));
    double slope = lc_dot(m->size, work->v, work->d);
    m->gain = fmax(-0.5 * slope, 0);
    lc_model_take(m);
    LC_TRY(lc_model_load(m));
    smooth_gradient(m, work->gradient);
    lc_pairs_keep(&work->pairs, work->from, work->to, work->g, work->gradient);
  }
  m->stuck = m->worst > goal;
  return LC_OK;
}
