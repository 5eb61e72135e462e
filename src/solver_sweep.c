/* solver_sweep.c - see solver_sweep.h. */
#include "solver_sweep.h"

#include <math.h>
#include <string.h>

#include "solver.h"

typedef struct sweep_work {
  lc_model *m;
  double *S, *T, *h; /* n x ns weights; n x K; curvature of each coefficient of the set */
  int known;         /* h is filled */
} sweep_work;

/* Moves one coefficient to the minimum of the model along it; returns its residual before, scaled. */
static double visit(sweep_work *work, lc_index s) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  const lc_design *x = obj->x;
  lc_index n = x->n, j = m->place[s] % obj->q, f = lc_model_feature(m, s);
  int c = (int)(m->place[s] / obj->q);
  double W = obj->weight_sum, l2 = lc_model_l2(m, s), square;
  const double *own = work->S + lc_packed_at(c, c) * n;
  double dot = x->ops->col_look(x, j, own, work->T + c * n, work->known ? NULL : &square);
  /* A coefficient without curvature must not get an infinite step. */
  if (!work->known) work->h[s] = square / W + l2 + 1e-14 * m->unit[s] * m->unit[s];
  double g = m->g[s] + dot / W + l2 * m->b[s], h = work->h[s], v = m->b[s] - g / h;
  double residual = (f < 0 ? fabs(g) : lc_penalty_violation(obj->pen, f, m->b[s], g)) / m->unit[s];
  double to = f < 0 ? v : lc_penalty_prox(obj->pen, f, v, h), d = to - m->b[s];
  if (d != 0) {
    m->b[s] = to;
    for (int e = 0; e < obj->K; e++)
      x->ops->col_push(x, j, d, work->S + lc_packed_at(c < e ? c : e, c < e ? e : c) * n, work->T + e * n);
  }
  return residual;
}

/* One sweep over the set, or over its nonzero coefficients alone; *worst is the largest residual met. */
static lc_status sweep(sweep_work *work, int nonzero, double *worst) {
  enum { BETWEEN_POLLS = 2000 };
  const lc_model *m = work->m;
  *worst = 0;
  for (lc_index s = 0; s < m->size; s++) {
    if (s % BETWEEN_POLLS == 0) LC_TRY(lc_poll(m->obj->host));
    if (nonzero && m->b[s] == 0) continue;
    *worst = fmax(*worst, visit(work, s));
  }
  work->known = 1;
  return LC_OK;
}

/* The model's minimum to a largest residual of about goal. */
static lc_status minimise(sweep_work *work, double goal) {
  enum { ROUNDS = 50, SWEEPS = 20 };
  for (int round = 0; round < ROUNDS; round++) {
    double worst;
    LC_TRY(sweep(work, 0, &worst));
    if (worst <= goal) return LC_OK;
    for (int k = 0; k < SWEEPS && worst > 0.5 * goal; k++) LC_TRY(sweep(work, 1, &worst));
  }
  return LC_OK;
}

static lc_status iterate(sweep_work *work, double goal, double max_steps) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  LC_TRY(lc_model_load(m));
  for (double step = 0, t; m->worst > goal; step++) {
    if (step >= max_steps) return LC_MAX_ITER;
    lc_objective_weights(obj, work->S);
    memset(work->T, 0, (size_t)(obj->x->n * obj->K) * sizeof(double));
    work->known = 0;
    LC_TRY(minimise(work, fmax(0.05 * m->worst, 0.3 * goal)));
    LC_TRY(lc_model_search(m, &t));
    if (t == 0) {
      m->stuck = 1;
      return LC_OK;
    }
    lc_model_take(m);
    LC_TRY(lc_model_load(m));
  }
  return LC_OK;
}

lc_status lc_sweep_solve(lc_model *m, double goal, double max_steps) {
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index n = m->obj->x->n;
  sweep_work work = {m, lc_arena_doubles(m->arena, n * m->obj->ns), lc_arena_doubles(m->arena, n * m->obj->K),
                     lc_arena_doubles(m->arena, m->size), 0};
  m->stuck = 0;
  lc_status status = work.S && work.T && work.h ? iterate(&work, goal, max_steps) : LC_OUT_OF_MEMORY;
  lc_arena_reset(m->arena, mark);
  return status;
}
