/* solver_sweep.c - see solver_sweep.h. */
#include "solver_sweep.h"

#include <math.h>
#include <string.h>

#include "linalg.h"
#include "solver.h"

enum { MEMORY = 3 };

typedef struct sweep_work {
  lc_model *m;
  double *S, *T;  /* n x ns weights; n x K: S X d without the part of the intercepts */
  double *h;      /* curvature of each coefficient of the set, the intercepts following */
  double *pull;   /* K x size: dots of column j with the weights of its score column and each other */
  double *answer; /* K x size: by how much the intercepts fall for a unit move of the coefficient */
  double *a;      /* K: moves of the intercepts */
  double *kept;   /* states (b, T, a) of MEMORY sweeps and of what they began with */
  int known;      /* h is filled */
} sweep_work;

static int eliminates(const lc_model *m) { return m->obj->x->one && m->slot[0] >= 0; }

/* A model at `at` with new weights. Intercepts are eliminated: were they coordinates, those of frequent words, whose
 * means are not small, would creep against them. With L = sum_i S_i (K x K) and m_j = sum_i S_i x_ij they move by
 * a = -L^-1 (W g_0 + sum_i T_i), which a unit move of coefficient j changes by -L^-1 m_j. */
static lc_status prepare(sweep_work *work) {
  const lc_model *m = work->m;
  const lc_objective *obj = m->obj;
  const lc_design *x = obj->x;
  int K = obj->K;
  lc_objective_weights(obj, work->S);
  memset(work->T, 0, (size_t)(x->n * K) * sizeof(double));
  memset(work->a, 0, (size_t)K * sizeof(double));
  work->known = 0;
  if (!eliminates(m)) return LC_OK;
  lc_mark mark = lc_arena_mark(m->arena);
  double *dots = lc_arena_doubles(m->arena, m->nrows * obj->ns), *L = lc_arena_doubles(m->arena, K * K);
  unsigned char *skip = lc_arena_alloc(m->arena, K, 1);
  if (!dots || !L || !skip) return LC_OUT_OF_MEMORY;
  x->ops->col_dot(x, m->nrows, m->rows, obj->ns, work->S, dots, obj->host);
  for (lc_index s = 0; s < m->size; s++) {
    int c = (int)(m->place[s] / obj->q);
    lc_index row = m->mate[s] % m->nrows;
    for (int e = 0; e < K; e++)
      work->pull[e + s * K] = dots[row + lc_packed_at(c < e ? c : e, c < e ? e : c) * m->nrows];
    if (lc_model_feature(m, s) < 0) memcpy(L + c * K, work->pull + s * K, (size_t)K * sizeof(double));
  }
  lc_cholesky(K, L, 1e-10, skip, NULL);
  for (int c = 0; c < K; c++) work->a[c] = -obj->weight_sum * m->g[m->slot[c * obj->q]];
  lc_cholesky_solve(K, L, K, skip, work->a);
  memcpy(work->answer, work->pull, (size_t)(m->size * K) * sizeof(double));
  for (lc_index s = 0; s < m->size; s++) lc_cholesky_solve(K, L, K, skip, work->answer + s * K);
  lc_arena_reset(m->arena, mark);
  return LC_OK;
}

/* Curvature of the mean loss along coefficient s, from what it is with the intercepts held. */
static double curvature(const sweep_work *work, lc_index s, double square) {
  const lc_model *m = work->m;
  const double *pull = work->pull + s * m->obj->K, *answer = work->answer + s * m->obj->K;
  double left = square;
  for (int e = 0; eliminates(m) && e < m->obj->K; e++) left -= pull[e] * answer[e];
  /* A coefficient without curvature must not get an infinite step. */
  return fmax(left, 1e-12 * square) / m->obj->weight_sum + 1e-14 * m->unit[s] * m->unit[s];
}

/* b_s += d, with all that depends on it. */
static void move(sweep_work *work, lc_index s, double d) {
  lc_model *m = work->m;
  const lc_design *x = m->obj->x;
  lc_index n = x->n, j = m->place[s] % m->obj->q;
  int K = m->obj->K, c = (int)(m->place[s] / m->obj->q), one = eliminates(m);
  m->b[s] += d;
  for (int e = 0; e < K; e++) {
    x->ops->col_push(x, j, d, work->S + lc_packed_at(c < e ? c : e, c < e ? e : c) * n, work->T + e * n);
    if (one) work->a[e] -= d * work->answer[e + s * K];
  }
}

/* Moves one coefficient to the minimum of the model along it; returns its residual before, scaled. */
static double visit(sweep_work *work, lc_index s) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  const lc_design *x = obj->x;
  lc_index n = x->n, j = m->place[s] % obj->q, f = lc_model_feature(m, s);
  int c = (int)(m->place[s] / obj->q), one = eliminates(m);
  if (one && f < 0) return 0;
  double l2 = lc_model_l2(m, s), square;
  const double *own = work->S + lc_packed_at(c, c) * n, *pull = work->pull + s * obj->K;
  double dot = x->ops->col_look(x, j, own, work->T + c * n, work->known ? NULL : &square);
  for (int e = 0; one && e < obj->K; e++) dot += work->a[e] * pull[e];
  if (!work->known) work->h[s] = curvature(work, s, square) + l2;
  double g = m->g[s] + dot / obj->weight_sum + l2 * m->b[s], h = work->h[s], v = m->b[s] - g / h;
  double residual = (f < 0 ? fabs(g) : lc_penalty_violation(obj->pen, f, m->b[s], g)) / m->unit[s];
  double to = f < 0 ? v : lc_penalty_prox(obj->pen, f, v, h), d = to - m->b[s];
  if (d != 0) {
    move(work, s, d);
    m->b[s] = to; /* a zero is exact */
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

/* ---- extrapolation ------------------------------------------------------------------------------------------------
 *
 * Sweeps creep along a few directions in which frequent words hang together, and each sweep shrinks what is left of
 * them by the same share. From MEMORY sweeps, b_0 .. b_M, Anderson's extrapolation sum_k c_k b_k with the least |sum_k
 * c_k (b_k - b_(k-1))| at sum_k c_k = 1 takes such directions out (Bertrand and Massias, 2021). T and a are affine in
 * b, and so are extrapolated with it. */

static lc_index state_size(const sweep_work *work) {
  const lc_objective *obj = work->m->obj;
  return work->m->size + obj->x->n * obj->K + obj->K;
}

static void copy_state(sweep_work *work, double *state, int back) {
  const lc_objective *obj = work->m->obj;
  double *const part[] = {work->m->b, work->T, work->a};
  const lc_index length[] = {work->m->size, obj->x->n * obj->K, obj->K};
  for (int k = 0; k < 3; k++) {
    memcpy(back ? part[k] : state, back ? state : part[k], (size_t)length[k] * sizeof(double));
    state += length[k];
  }
}

/* The extrapolated state of MEMORY + 1 kept ones, into the work and over the first of them. */
static void extrapolate(sweep_work *work) {
  lc_index size = work->m->size, step = state_size(work);
  double gram[MEMORY * MEMORY], c[MEMORY], sum = 0, trace = 0, *kept = work->kept;
  unsigned char skip[MEMORY];
  for (int k = 0; k < MEMORY; k++)
    for (int l = 0; l <= k; l++) {
      const double *u = kept + k * step, *v = kept + l * step;
      double dot = 0;
      for (lc_index s = 0; s < size; s++) dot += (u[step + s] - u[s]) * (v[step + s] - v[s]);
      gram[l + k * MEMORY] = gram[k + l * MEMORY] = dot;
    }
  for (int k = 0; k < MEMORY; k++) trace += gram[k * (MEMORY + 1)];
  for (int k = 0; k < MEMORY; k++) gram[k * (MEMORY + 1)] += 1e-12 * trace;
  for (int k = 0; k < MEMORY; k++) c[k] = 1;
  lc_cholesky(MEMORY, gram, 1e-14, skip, NULL);
  lc_cholesky_solve(MEMORY, gram, MEMORY, skip, c);
  for (int k = 0; k < MEMORY; k++) sum += c[k];
  if (!(sum != 0) || !isfinite(sum)) return;
  for (lc_index i = 0; i < step; i++) {
    double value = 0;
    for (int k = 0; k < MEMORY; k++) value += c[k] / sum * kept[(k + 1) * step + i];
    kept[i] = value;
  }
  copy_state(work, kept, 1);
  /* What lies across a zero now would only come back. */
  const double *last = kept + MEMORY * step;
  for (lc_index s = 0; s < size; s++)
    if (lc_model_l1(work->m, s) > 0 && work->m->b[s] != 0 && !(work->m->b[s] * last[s] > 0)) {
      move(work, s, -work->m->b[s]);
      work->m->b[s] = 0;
    }
  copy_state(work, kept, 0);
}

/* ---- the model's minimum ----------------------------------------------------------------------------------------- */

/* Sweeps over the nonzero coefficients until *worst is at most goal, extrapolated as long as that helps. */
static lc_status sweep_nonzeros(sweep_work *work, double goal, double *worst) {
  enum { SWEEPS = 20 };
  lc_index step = state_size(work);
  double *last = work->kept + MEMORY * step, before = INFINITY;
  int count = 0;
  copy_state(work, work->kept, 0);
  for (int k = 0; *worst > goal && k < SWEEPS; k++) {
    LC_TRY(sweep(work, 1, worst));
    if (*worst > before) { /* the extrapolation led astray */
      copy_state(work, last, 1);
      count = -1;
    }
    before = INFINITY;
    copy_state(work, work->kept + ++count * step, 0);
    if (count < MEMORY) continue;
    before = *worst;
    count = 0;
    extrapolate(work);
  }
  return LC_OK;
}

/* The model's minimum to a largest residual of about goal. */
static lc_status minimise(sweep_work *work, double goal) {
  enum { ROUNDS = 50 };
  for (int round = 0; round < ROUNDS; round++) {
    double worst;
    LC_TRY(sweep(work, 0, &worst));
    if (worst <= goal) return LC_OK;
    LC_TRY(sweep_nonzeros(work, 0.5 * goal, &worst));
  }
  return LC_OK;
}

static lc_status iterate(sweep_work *work, double goal, double max_steps) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  for (double step = 0, t; step < max_steps; step++) {
    LC_TRY(lc_model_load(m));
    if (m->worst <= goal) return LC_OK;
    LC_TRY(prepare(work));
    LC_TRY(minimise(work, fmax(0.05 * m->worst, 0.3 * goal)));
    for (int c = 0; eliminates(m) && c < obj->K; c++) {
      lc_index s = m->slot[c * obj->q];
      m->b[s] = m->start[s] + work->a[c];
    }
    LC_TRY(lc_model_search(m, &t));
    if (t == 0) {
      m->stuck = 1;
      return LC_OK;
    }
    lc_model_take(m);
  }
  return LC_MAX_ITER;
}

lc_status lc_sweep_solve(lc_model *m, double goal, double max_steps) {
  lc_mark mark = lc_arena_mark(m->arena);
  lc_index n = m->obj->x->n, K = m->obj->K;
  sweep_work work = {.m = m};
  work.S = lc_arena_doubles(m->arena, n * m->obj->ns);
  work.T = lc_arena_doubles(m->arena, n * K);
  work.h = lc_arena_doubles(m->arena, m->size);
  work.pull = lc_arena_doubles(m->arena, K * m->size);
  work.answer = lc_arena_doubles(m->arena, K * m->size);
  work.a = lc_arena_doubles(m->arena, K);
  work.kept = lc_arena_doubles(m->arena, (MEMORY + 1) * state_size(&work));
  int has_memory = work.kept && work.S && work.T && work.h && work.pull && work.answer && work.a;
  m->stuck = 0;
  lc_status status = has_memory ? iterate(&work, goal, max_steps) : LC_OUT_OF_MEMORY;
  lc_arena_reset(m->arena, mark);
  return status;
}
