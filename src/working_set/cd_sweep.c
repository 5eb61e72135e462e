/* working_set/cd_sweep.c - see working_set/cd_sweep.h. */
#include "working_set/cd_sweep.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"

enum { MEMORY = 3 };

typedef struct sweep_work {
  lc_model *m;
  double *S;      /* n x ns: weights / W; where K = 1 their roots */
  double *T;      /* n x K: X d without the part of the intercepts; where K = 1 times the roots */
  double *by;     /* nrows: 1 / unit of the columns of the set */
  lc_thin *x;     /* nrows: these columns, divided by their units; where K = 1 times the roots */
  double *h;      /* curvature of each coefficient of the set */
  double *pull;   /* K x size: dots of column j with the weights of its score column and each other */
  double *answer; /* K x size: by how much the intercepts fall for a unit move of the coefficient */
  double *a;      /* K: moves of the intercepts */
  double *kept;   /* states (b, T, a) of MEMORY sweeps and of what they began with */
} sweep_work;

static int eliminates(const lc_model *m) { return m->obj->x->one && m->slot[0] >= 0; }

static const lc_thin *column(const sweep_work *work, lc_index s) { return work->x + work->m->mate[s] % work->m->nrows; }

/* Weights of scores c and e. */
static const double *weights(const sweep_work *work, int c, int e) {
  return work->S + lc_packed_at(c < e ? c : e, c < e ? e : c) * work->m->obj->x->n;
}

/* The same where the columns do not carry them. */
static const double *left_weights(const sweep_work *work, int c, int e) {
  return work->m->obj->K == 1 ? NULL : weights(work, c, e);
}

/* The weights at `at` and the columns of the set. */
static lc_status load_columns(sweep_work *work) {
  const lc_model *m = work->m;
  const lc_objective *obj = m->obj;
  lc_objective_weights(obj, work->S);
  for (lc_index i = 0; i < obj->x->n * obj->ns; i++)
    work->S[i] = obj->K == 1 ? sqrt(work->S[i] / obj->weight_sum) : work->S[i] / obj->weight_sum;
  for (lc_index s = 0; s < m->size; s++) work->by[m->mate[s] % m->nrows] = 1 / m->unit[s];
  return obj->x->ops->col_thin(obj->x, m->nrows, m->rows, work->by, obj->K == 1 ? work->S : NULL, work->x, obj->host,
                               m->arena);
}

/* L (K x K) = sum_i S_i, and what the intercepts do as long as nothing else moves. */
static void factor_intercepts(sweep_work *work, double *L, unsigned char *skip) {
  const lc_model *m = work->m;
  const lc_objective *obj = m->obj;
  int K = obj->K;
  for (int c = 0; c < K; c++)
    for (int e = 0; e < K; e++) {
      const double *w = weights(work, c, e);
      double sum = 0;
      for (lc_index i = 0; i < obj->x->n; i++) sum += K == 1 ? w[i] * w[i] : w[i];
      L[e + c * K] = sum;
    }
  lc_cholesky(K, L, 1e-10, skip, NULL);
  for (int c = 0; c < K; c++) work->a[c] = -m->g[m->slot[c * obj->q]];
  lc_cholesky_solve(K, L, K, skip, work->a);
}

/* pull, answer and curvature of coefficient s. */
static void describe(sweep_work *work, lc_index s, const double *L, const unsigned char *skip) {
  const lc_model *m = work->m;
  const lc_thin *x = column(work, s);
  int K = m->obj->K, c = (int)(m->place[s] / m->obj->q);
  double unit = m->unit[s], square = unit * unit * lc_thin_square(x, left_weights(work, c, c)), left = square;
  if (eliminates(m)) {
    double *pull = work->pull + s * K, *answer = work->answer + s * K;
    for (int e = 0; e < K; e++) answer[e] = pull[e] = unit * lc_thin_dot(x, NULL, weights(work, c, e));
    lc_cholesky_solve(K, L, K, skip, answer);
    for (int e = 0; e < K; e++) left -= pull[e] * answer[e];
  }
  /* A coefficient without curvature must not get an infinite step. */
  work->h[s] = fmax(left, 1e-12 * square) + 1e-14 * unit * unit + lc_model_l2(m, s);
}

/* A model at `at` with new weights. Intercepts are eliminated: were they coordinates, those of frequent words, whose
 * means are not small, would creep against them. With L = sum_i S_i (K x K) and m_j = sum_i S_i x_ij they move by
 * a = -L^-1 (g_0 + sum_j m_j d_j), which a unit move of coefficient j changes by -L^-1 m_j. */
static lc_status prepare(sweep_work *work) {
  const lc_model *m = work->m;
  const lc_objective *obj = m->obj;
  int K = obj->K;
  memset(work->T, 0, (size_t)(obj->x->n * K) * sizeof(double));
  memset(work->a, 0, (size_t)K * sizeof(double));
  LC_TRY(load_columns(work));
  double *L = lc_arena_doubles(m->arena, K * K);
  unsigned char *skip = lc_arena_alloc(m->arena, K, 1);
  if (!L || !skip) return LC_OUT_OF_MEMORY;
  if (eliminates(m)) factor_intercepts(work, L, skip);
  double entries = 0;
  for (lc_index v = 0; v < m->nrows; v++) entries += (double)work->x[v].entries;
  int threads = lc_threads_for(obj->host, 2e-9 * entries * K * K);
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 64) if (threads > 1)
#endif
  for (lc_index s = 0; s < m->size; s++) describe(work, s, L, skip);
  return LC_OK;
}

/* b_s += d, with all that depends on it. */
static void move(sweep_work *work, lc_index s, double d) {
  lc_model *m = work->m;
  int K = m->obj->K, c = (int)(m->place[s] / m->obj->q);
  m->b[s] += d;
  lc_thin_push(column(work, s), d * m->unit[s], work->T + c * m->obj->x->n);
  for (int e = 0; eliminates(m) && e < K; e++) work->a[e] -= d * work->answer[e + s * K];
}

/* Gradient of the smooth part of the model along coefficient s. */
static double slope(const sweep_work *work, lc_index s) {
  const lc_model *m = work->m;
  lc_index n = m->obj->x->n;
  int K = m->obj->K, c = (int)(m->place[s] / m->obj->q);
  double dot = 0, rest = 0;
  for (int e = 0; e < K; e++) dot += lc_thin_dot(column(work, s), left_weights(work, c, e), work->T + e * n);
  for (int e = 0; eliminates(m) && e < K; e++) rest += work->a[e] * work->pull[e + s * K];
  return m->g[s] + m->unit[s] * dot + rest + lc_model_l2(m, s) * m->b[s];
}

/* Moves one coefficient to the minimum of the model along it; returns its residual before, scaled. */
static double visit(sweep_work *work, lc_index s) {
  lc_model *m = work->m;
  const lc_penalty *pen = m->obj->pen;
  lc_index f = lc_model_feature(m, s);
  if (f < 0) return 0; /* intercepts have moved */
  double g = slope(work, s), residual = lc_penalty_violation(pen, f, m->b[s], g) / m->unit[s];
  double to = lc_penalty_prox(pen, f, m->b[s] - g / work->h[s], work->h[s]), d = to - m->b[s];
  if (d != 0) {
    move(work, s, d);
    m->b[s] = to; /* a zero is exact */
  }
  return residual;
}

/* One sweep over the set; *worst is the largest residual met. */
static lc_status sweep(sweep_work *work, double *worst) {
  enum { BETWEEN_POLLS = 2000 };
  *worst = 0;
  for (lc_index s = 0; s < work->m->size; s++) {
    if (s % BETWEEN_POLLS == 0) LC_TRY(lc_poll(work->m->obj->host));
    *worst = fmax(*worst, visit(work, s));
  }
  return LC_OK;
}

/* ---- extrapolation ------------------------------------------------------------------------------------------------
 *
 * Sweeps creep along a few directions in which frequent words hang together, and each sweep shrinks what is left of
 * them by the same share. From MEMORY sweeps, b_0 .. b_M, Anderson's extrapolation sum_k c_k b_k with the least |sum_k
 * c_k (b_k - b_(k-1))|, coefficients weighed by their curvatures, at sum_k c_k = 1 takes such directions out (Bertrand
 * and Massias, 2021). T and a are affine in b, and so are extrapolated with it. */

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

/* Where an extrapolation to b should lead, from `last`: what lies across a zero would only come back. */
static double allowed(const lc_model *m, lc_index s, double b, double last) {
  const lc_penalty *pen = m->obj->pen;
  lc_index f = lc_model_feature(m, s);
  if (lc_model_l1(m, s) > 0 && !(b * last > 0)) return 0;
  return f >= 0 && pen->lower ? fmin(fmax(b, pen->lower[f]), pen->upper[f]) : b;
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
      for (lc_index s = 0; s < size; s++) dot += work->h[s] * (u[step + s] - u[s]) * (v[step + s] - v[s]);
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
  const double *last = kept + MEMORY * step;
  for (lc_index s = 0; s < size; s++) {
    double b = work->m->b[s], to = allowed(work->m, s, b, last[s]);
    if (to == b) continue;
    move(work, s, to - b);
    work->m->b[s] = to;
  }
}

/* ---- the model's minimum ----------------------------------------------------------------------------------------- */

/* The model with its penalty, less what it is at the start. Cost n K^2. */
static double value(const sweep_work *work) {
  const lc_model *m = work->m;
  lc_index n = m->obj->x->n;
  int K = m->obj->K;
  double linear = lc_model_predicted_change(m), square = 0;
  for (lc_index s = 0; s < m->size; s++) {
    double d = m->b[s] - m->start[s];
    square += lc_model_l2(m, s) * d * d;
  }
  for (int c = 0; eliminates(m) && c < K; c++) linear += m->g[m->slot[c * m->obj->q]] * work->a[c];
  for (int c = 0; c < K; c++)
    for (int e = 0; e < K; e++) {
      const double *w = weights(work, c, e), *u = work->T + c * n, *v = work->T + e * n;
      double root = work->a[c];
      if (K == 1)
        for (lc_index i = 0; i < n; i++) square += (u[i] + w[i] * root) * (u[i] + w[i] * root);
      else
        for (lc_index i = 0; i < n; i++) square += w[i] * (u[i] + work->a[c]) * (v[i] + work->a[e]);
    }
  return linear + 0.5 * square;
}

/* Sweeps until the largest residual that one meets is at most goal, with an extrapolation wherever that lowers the
 * model: where columns repeat, residuals say nothing for hundreds of sweeps. All coefficients are swept each time; a
 * set has few zeros. */
static lc_status minimise(sweep_work *work, double goal) {
  enum { SWEEPS = 200 };
  lc_index step = state_size(work);
  double worst;
  int count = 0;
  copy_state(work, work->kept, 0);
  for (int k = 0; k < SWEEPS; k++) {
    LC_TRY(sweep(work, &worst));
    if (worst <= goal) return LC_OK;
    copy_state(work, work->kept + ++count * step, 0);
    if (count < MEMORY) continue;
    double before = value(work);
    extrapolate(work);
    if (!(value(work) < before)) copy_state(work, work->kept + MEMORY * step, 1);
    copy_state(work, work->kept, 0);
    count = 0;
  }
  return LC_OK;
}

/* How well a step's model should be minimised. Newton's method squares residuals, so the share to leave is the square
 * of what the last step left (Eisenstat and Walker, 1996, their second choice), and no step needs to do better than the
 * goal. */
static double share(double worst, double last) { return fmin(0.05, (worst / last) * (worst / last)); }

static lc_status iterate(sweep_work *work, double goal, double max_steps) {
  lc_model *m = work->m;
  lc_objective *obj = m->obj;
  for (double step = 0, t; step < max_steps; step++) {
    double last = m->worst; /* where the last step began, of this call or an earlier one */
    lc_mark mark = lc_arena_mark(m->arena);
    LC_TRY(lc_model_load(m));
    if (m->worst <= goal) return LC_OK;
    LC_TRY(prepare(work));
    LC_TRY(minimise(work, fmax(share(m->worst, last) * m->worst, 0.3 * goal)));
    for (int c = 0; eliminates(m) && c < obj->K; c++) {
      lc_index s = m->slot[c * obj->q];
      m->b[s] = m->start[s] + work->a[c];
    }
    lc_arena_reset(m->arena, mark);
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
  work.by = lc_arena_doubles(m->arena, m->size);
  work.x = lc_arena_alloc(m->arena, m->size, sizeof *work.x);
  work.h = lc_arena_doubles(m->arena, m->size);
  work.pull = lc_arena_doubles(m->arena, K * m->size);
  work.answer = lc_arena_doubles(m->arena, K * m->size);
  work.a = lc_arena_doubles(m->arena, K);
  work.kept = lc_arena_doubles(m->arena, (MEMORY + 1) * state_size(&work));
  int has_memory = work.kept && work.S && work.T && work.by && work.x && work.h && work.pull && work.answer && work.a;
  m->stuck = 0;
  lc_status status = has_memory ? iterate(&work, goal, max_steps) : LC_OUT_OF_MEMORY;
  lc_arena_reset(m->arena, mark);
  return status;
}
