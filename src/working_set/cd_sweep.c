/* working_set/cd_sweep.c - see working_set/cd_sweep.h. */
#include "working_set/cd_sweep.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "threads/threads.h"

enum { MEMORY = 3 }; /* sweeps that an extrapolation combines */

/* The model of one step. Columns carry `root`, so that products with curvatures read little: those of one score column
 * read T alone, and with S_i = w_i (diag(p) - p p'), p the probabilities of row i, (S_i T_i)_c = w_i p_c (T_ic -
 * sum_e p_e T_ie), of which the sum is kept beside T. */
typedef struct sweep_model {
  lc_set_step *step;
  const lc_working_set *set;
  const lc_objective *obj;
  lc_index n;
  int K, eliminates; /* 1: intercepts are no coordinates (start_model()) */
  double *P;         /* n x K: probabilities, where curvatures are theirs; else NULL */
  double *lines;     /* the same by rows: n lines of the first LC_GATHER_WIDTH classes, then of the next */
  double *S;         /* n x ns: curvatures of the rows / W, where K > 1 and they are no probabilities'; else NULL */
  double *root;      /* n: sqrt(w / W), or with K = 1 the roots of the curvatures / W; NULL: 1 */
  lc_index ncolumns; /* of T */
  double *T;         /* n x K: root X d without the part of the intercepts; where P is, a column more: sum_c p_c T_c */
  lc_spvec *x;       /* nrows: the columns of the set over their rms, times the roots */
  double *h;         /* curvature of each coefficient of the set */
  double *coupling;  /* K x size: m_j, products of column j with the curvatures of its score column and each other */
  double *response;  /* K x size: L^-1 m_j, by how much the intercepts fall for a unit move of the coefficient */
  double *a;         /* K: moves of the intercepts */
  double *states;    /* (b, T, a) of MEMORY sweeps and of what they began with */
} sweep_model;

static int column_of(const sweep_model *model, lc_index s) { return (int)lc_set_column(model->set, s); }

static const lc_spvec *x_of(const sweep_model *model, lc_index s) {
  return model->x + model->set->cell[s] % model->set->nrows;
}

/* Curvatures of scores c and e. */
static const double *curvatures(const sweep_model *model, int c, int e) {
  return model->S + lc_packed_at(c < e ? c : e, c < e ? e : c) * model->n;
}

/* ---- the model at `at` -------------------------------------------------------------------------------- */

static lc_index state_size(const sweep_model *model) {
  return model->set->size + model->n * model->ncolumns + model->K;
}

static lc_status allocate(sweep_model *model, lc_set_step *step) {
  const lc_objective *obj = step->obj;
  lc_arena *arena = step->arena;
  lc_index n = obj->x->n, K = obj->K, size = step->set->size;
  int multinomial = K > 1 && (obj->loss->flags & LC_MULTINOMIAL), general = K > 1 && !multinomial;
  *model = (sweep_model){.step = step, .set = step->set, .obj = obj, .n = n, .K = obj->K, .ncolumns = K + multinomial};
  model->eliminates = obj->pen->intercept && step->set->position[0] >= 0;
  if (multinomial) model->P = lc_arena_doubles(arena, n * K);
  if (multinomial) model->lines = lc_arena_doubles(arena, n * K);
  if (general) model->S = lc_arena_doubles(arena, n * obj->ns);
  if (!general) model->root = lc_arena_doubles(arena, n);
  model->T = lc_arena_zeros(arena, n * model->ncolumns);
  model->x = lc_arena_alloc(arena, step->set->nrows, sizeof *model->x);
  model->h = lc_arena_doubles(arena, size);
  model->coupling = lc_arena_doubles(arena, K * size);
  model->response = lc_arena_doubles(arena, K * size);
  model->a = lc_arena_zeros(arena, K);
  model->states = lc_arena_doubles(arena, (MEMORY + 1) * state_size(model));
  int whole = model->T && model->x && model->h && model->coupling && model->response && model->a && model->states;
  int weighed = general ? model->S != NULL : model->root && ((model->P && model->lines) || !multinomial);
  return whole && weighed ? LC_OK : LC_OUT_OF_MEMORY;
}

/* The curvatures at `at` and the columns of the set. */
static lc_status load_columns(sweep_model *model) {
  const lc_working_set *set = model->set;
  const lc_objective *obj = model->obj;
  double *by = lc_arena_doubles(model->step->arena, set->nrows);
  if (!by) return LC_OUT_OF_MEMORY;
  double *root = model->root;
  if (model->P)
    lc_objective_probabilities(obj, model->P);
  else
    lc_objective_weights(obj, model->S ? model->S : root);
  for (lc_index i = 0; model->S && i < model->n * obj->ns; i++) model->S[i] /= obj->weight_sum;
  for (lc_index i = 0; root && i < model->n; i++)
    root[i] = sqrt((model->P ? lc_obs_weight(obj->obs, i) : root[i]) / obj->weight_sum);
  for (lc_index s = 0; s < set->size; s++) by[set->cell[s] % set->nrows] = 1 / set->rms[s];
  return lc_objective_sparse_columns(obj, set->nrows, set->rows, by, root, model->x);
}

/* sum_i (S_i)_ce. */
static double total_curvature(const sweep_model *model, int c, int e) {
  lc_index n = model->n;
  const double *root = model->root;
  double sum = 0;
  if (model->P) {
    const double *p = model->P + c * n, *q = model->P + e * n;
    for (lc_index i = 0; i < n; i++) sum += root[i] * root[i] * (c == e ? p[i] * (1 - p[i]) : -p[i] * q[i]);
  } else if (root) {
    for (lc_index i = 0; i < n; i++) sum += root[i] * root[i];
  } else {
    const double *w = curvatures(model, c, e);
    for (lc_index i = 0; i < n; i++) sum += w[i];
  }
  return sum;
}

/* L (K x K) = sum_i S_i, and what the intercepts do as long as nothing else moves. */
static void factor_intercepts(sweep_model *model, double *L, unsigned char *skip) {
  int K = model->K;
  for (int c = 0; c < K; c++)
    for (int e = 0; e <= c; e++) L[e + c * K] = L[c + e * K] = total_curvature(model, c, e);
  lc_cholesky(model->obj->host, K, L, 1e-10, skip, NULL);
  for (int c = 0; c < K; c++) model->a[c] = -model->step->g[model->set->position[c * model->obj->q]];
  lc_cholesky_solve(K, L, K, skip, model->a);
}

/* Classes of the lines from class k on. */
static int line_width(const sweep_model *model, int k) { return (int)lc_min(model->K - k, LC_GATHER_WIDTH); }

static void turn_some(void *context, lc_index from, lc_index to) {
  const sweep_model *model = context;
  lc_index n = model->n;
  for (int k0 = 0; k0 < model->K; k0 += LC_GATHER_WIDTH)
    lc_kernel_lines(from, to, line_width(model, k0), model->P + k0 * n, n, model->lines + k0 * n);
}

/* m (K) <- sum_i x_i (S_i)_c., where the curvatures are those of probabilities. */
static void couple_probabilities(const sweep_model *model, const lc_spvec *x, int c, double *m) {
  enum { PART = 256 };
  double weighed[PART], part[LC_GATHER_WIDTH];
  lc_index n = model->n;
  const double *p = model->P + c * n, *root = model->root;
  const int start = 0;
  memset(m, 0, (size_t)model->K * sizeof *m);
  for (lc_index from = 0; from < x->entries; from += PART) {
    int count = (int)lc_min(PART, x->entries - from);
    const int *row = x->row + from;
    for (int e = 0; e < count; e++) {
      weighed[e] = x->value[from + e] * root[row[e]] * p[row[e]];
      m[c] += weighed[e];
    }
    for (int k0 = 0; k0 < model->K; k0 += LC_GATHER_WIDTH) {
      int W = line_width(model, k0);
      lc_kernels()->gather(1, &start, &count, row, weighed, NULL, W, model->lines + k0 * n, part);
      for (int k = 0; k < W; k++) m[k0 + k] -= part[k];
    }
  }
}

/* x' diag(S_cc) x of a column. */
static double square_of(const sweep_model *model, const lc_spvec *x, int c) {
  if (!model->P) return lc_spvec_square(x, model->S ? curvatures(model, c, c) : NULL);
  const double *p = model->P + c * model->n;
  double sum = 0;
  for (lc_index e = 0; e < x->entries; e++) {
    double value = x->value[e], probability = p[x->row[e]];
    sum += value * value * (probability * (1 - probability));
  }
  return sum;
}

/* Coupling, response and curvature of coefficient s. */
static void load_coefficient(sweep_model *model, lc_index s, const double *L, const unsigned char *skip) {
  const lc_spvec *x = x_of(model, s);
  int K = model->K, c = column_of(model, s);
  double rms = model->set->rms[s], square = rms * rms * square_of(model, x, c), left = square;
  if (model->eliminates) {
    double *coupling = model->coupling + s * K, *response = model->response + s * K;
    if (model->P) couple_probabilities(model, x, c, coupling);
    for (int e = 0; !model->P && e < K; e++)
      coupling[e] = lc_spvec_dot(x, NULL, model->S ? curvatures(model, c, e) : model->root);
    for (int e = 0; e < K; e++) response[e] = coupling[e] *= rms;
    lc_cholesky_solve(K, L, K, skip, response);
    for (int e = 0; e < K; e++) left -= coupling[e] * response[e];
  }
  /* A coefficient without curvature must not get an infinite step. */
  model->h[s] = fmax(left, 1e-12 * square) + 1e-14 * rms * rms + lc_set_l2(model->set, s);
}

typedef struct load_task {
  sweep_model *model;
  const double *L;
  const unsigned char *skip;
} load_task;

static void load_some(void *context, lc_index from, lc_index to) {
  const load_task *task = context;
  for (lc_index s = from; s < to; s++) load_coefficient(task->model, s, task->L, task->skip);
}

/* Intercepts are eliminated: were they coordinates, those of frequent words, whose means are not small, would creep
 * against them. With L = sum_i S_i (K x K) and m_j = sum_i S_i x_ij they move by
 *     a = -L^-1 (g_0 + sum_j m_j d_j),
 * which a unit move of coefficient j changes by -L^-1 m_j. */
static lc_status start_model(sweep_model *model, lc_set_step *step) {
  LC_TRY(allocate(model, step));
  LC_TRY(load_columns(model));
  int K = model->K;
  double *L = lc_arena_doubles(step->arena, (lc_index)K * K);
  unsigned char *skip = lc_arena_alloc(step->arena, K, 1);
  if (!L || !skip) return LC_OUT_OF_MEMORY;
  if (model->eliminates) factor_intercepts(model, L, skip);
  double entries = 0;
  for (lc_index v = 0; v < model->set->nrows; v++) entries += (double)model->x[v].entries;
  load_task task = {model, L, skip};
  if (model->P && model->eliminates)
    lc_parallel(lc_threads_for(model->obj->host, 1e-9 * (double)(model->n * K)), model->n, 4096, turn_some, model);
  lc_parallel(lc_threads_for(model->obj->host, 2e-9 * entries * K * K), model->set->size, 64, load_some, &task);
  return LC_OK;
}

/* ---- coordinate descent ------------------------------------------------------------------------------- */

/* b_s += d, with all that depends on it. */
static void move(sweep_model *model, lc_index s, double d) {
  int K = model->K;
  model->step->b[s] += d;
  const lc_spvec *x = x_of(model, s);
  lc_index at = column_of(model, s) * model->n;
  double by = d * model->set->rms[s];
  if (model->P)
    lc_spvec_push_both(x, by, model->T + at, model->P + at, model->T + K * model->n);
  else
    lc_spvec_push(x, by, model->T + at);
  for (int e = 0; model->eliminates && e < K; e++) model->a[e] -= d * model->response[e + s * K];
}

/* sum_i x_i (S_i T_i)_c of the column of coefficient s. */
static double product(const sweep_model *model, lc_index s) {
  const lc_spvec *x = x_of(model, s);
  const double *T = model->T;
  lc_index n = model->n;
  int K = model->K, c = column_of(model, s);
  if (model->P) return lc_spvec_dot_between(x, model->P + c * n, T + c * n, T + K * n);
  if (K == 1) return lc_spvec_dot(x, NULL, T);
  double sum = 0;
  for (int e = 0; e < K; e++) sum += lc_spvec_dot(x, curvatures(model, c, e), T + e * n);
  return sum;
}

/* Gradient of the smooth part of the model along coefficient s. */
static double slope(const sweep_model *model, lc_index s) {
  const lc_set_step *step = model->step;
  int K = model->K;
  double rest = model->eliminates ? lc_dot(K, model->a, model->coupling + s * K) : 0;
  return step->g[s] + model->set->rms[s] * product(model, s) + rest + lc_set_l2(model->set, s) * step->b[s];
}

/* Moves one coefficient to the minimum of the model along it; returns its residual before. */
static double minimise_along(sweep_model *model, lc_index s) {
  const lc_penalty *pen = model->obj->pen;
  double *b = model->step->b;
  lc_index f = lc_set_feature(model->set, s);
  if (f < 0) return 0; /* intercepts have moved */
  double g = slope(model, s), residual = lc_penalty_violation(pen, f, b[s], g) / model->set->rms[s];
  double to = lc_penalty_prox(pen, f, b[s] - g / model->h[s], model->h[s]), d = to - b[s];
  if (d != 0) {
    move(model, s, d);
    b[s] = to; /* a zero is exact */
  }
  return residual;
}

/* One sweep over the set; *worst is the largest residual met. */
static lc_status sweep(sweep_model *model, double *worst) {
  enum { BETWEEN_POLLS = 2000 };
  *worst = 0;
  for (lc_index s = 0; s < model->set->size; s++) {
    if (s % BETWEEN_POLLS == 0) LC_TRY(lc_poll(model->obj->host));
    *worst = fmax(*worst, minimise_along(model, s));
  }
  return LC_OK;
}

/* ---- extrapolation ------------------------------------------------------------------------------------
 *
 * Sweeps creep along a few directions in which frequent words hang together, and each sweep shrinks what is left of
 * them by the same share. From MEMORY sweeps, b_0 .. b_M, Anderson's extrapolation sum_k c_k b_k with the least |sum_k
 * c_k (b_k - b_(k-1))|, coefficients weighed by their curvatures, at sum_k c_k = 1 takes such directions out (Bertrand
 * and Massias, 2021). T and a are affine in b, and so are extrapolated with it. */

typedef enum copy_way { SAVE, RESTORE } copy_way;

static void copy_state(sweep_model *model, double *state, copy_way way) {
  double *const part[] = {model->step->b, model->T, model->a};
  const lc_index length[] = {model->set->size, model->n * model->ncolumns, model->K};
  for (int k = 0; k < 3; k++) {
    memcpy(way == SAVE ? state : part[k], way == SAVE ? part[k] : state, (size_t)length[k] * sizeof(double));
    state += length[k];
  }
}

/* Where an extrapolation to b should lead, from `last`: what lies across a zero would only come back. */
static double allowed(const lc_working_set *set, lc_index s, double b, double last) {
  return lc_set_l1(set, s) > 0 && !(b * last > 0) ? 0 : lc_set_clip(set, s, b);
}

/* The weights c_k of the extrapolation, from the states; 0: there are none. */
static int combine(const sweep_model *model, double *c) {
  lc_index size = model->set->size, step = state_size(model);
  double gram[MEMORY * MEMORY], sum = 0, trace = 0;
  unsigned char skip[MEMORY];
  for (int k = 0; k < MEMORY; k++)
    for (int l = 0; l <= k; l++) {
      const double *u = model->states + k * step, *v = model->states + l * step;
      double dot = 0;
      for (lc_index s = 0; s < size; s++) dot += model->h[s] * (u[step + s] - u[s]) * (v[step + s] - v[s]);
      gram[l + k * MEMORY] = gram[k + l * MEMORY] = dot;
    }
  for (int k = 0; k < MEMORY; k++) trace += gram[k * (MEMORY + 1)];
  for (int k = 0; k < MEMORY; k++) gram[k * (MEMORY + 1)] += 1e-12 * trace;
  for (int k = 0; k < MEMORY; k++) c[k] = 1;
  lc_cholesky(NULL, MEMORY, gram, 1e-14, skip, NULL);
  lc_cholesky_solve(MEMORY, gram, MEMORY, skip, c);
  for (int k = 0; k < MEMORY; k++) sum += c[k];
  if (!(sum != 0) || !isfinite(sum)) return 0;
  for (int k = 0; k < MEMORY; k++) c[k] /= sum;
  return 1;
}

/* The extrapolated state of MEMORY + 1 kept ones, into the model and over the first of them. */
static void extrapolate(sweep_model *model) {
  lc_index step = state_size(model);
  double c[MEMORY], *states = model->states, *b = model->step->b;
  if (!combine(model, c)) return;
  for (lc_index i = 0; i < step; i++) {
    double value = 0;
    for (int k = 0; k < MEMORY; k++) value += c[k] * states[(k + 1) * step + i];
    states[i] = value;
  }
  copy_state(model, states, RESTORE);
  const double *last = states + MEMORY * step;
  for (lc_index s = 0; s < model->set->size; s++) {
    double to = allowed(model->set, s, b[s], last[s]);
    if (to == b[s]) continue;
    move(model, s, to - b[s]);
    b[s] = to;
  }
}

/* ---- the model's minimum ------------------------------------------------------------------------------- */

/* sum_i (T_i + a)' S_i (T_i + a), with the roots that T carries. Cost n K, or n K^2 without probabilities. */
static double whole_square(const sweep_model *model) {
  lc_index n = model->n;
  int K = model->K;
  const double *root = model->root, *T = model->T, *a = model->a;
  double square = 0;
  for (int c = 0; model->S && c < K; c++)
    for (int e = 0; e < K; e++) {
      const double *w = curvatures(model, c, e), *u = T + c * n, *v = T + e * n;
      for (lc_index i = 0; i < n; i++) square += w[i] * (u[i] + a[c]) * (v[i] + a[e]);
    }
  for (lc_index i = 0; K == 1 && i < n; i++) square += (T[i] + root[i] * a[0]) * (T[i] + root[i] * a[0]);
  for (lc_index i = 0; model->P && i < n; i++) { /* about their mean, and what a class without a score column has */
    double mean = T[i + K * n], rest = 1;
    for (int c = 0; c < K; c++) mean += model->P[i + c * n] * root[i] * a[c];
    for (int c = 0; c < K; c++) {
      double p = model->P[i + c * n], u = T[i + c * n] + root[i] * a[c] - mean;
      square += p * u * u;
      rest -= p;
    }
    square += rest * mean * mean;
  }
  return square;
}

/* The model with its penalty, less what it is at the start. */
static double value(const sweep_model *model) {
  const lc_working_set *set = model->set;
  const lc_set_step *step = model->step;
  int K = model->K;
  double linear = lc_step_predicted_change(step), square = whole_square(model);
  for (lc_index s = 0; s < set->size; s++) {
    double d = step->b[s] - step->start[s];
    square += lc_set_l2(set, s) * d * d;
  }
  for (int c = 0; model->eliminates && c < K; c++) linear += step->g[set->position[c * model->obj->q]] * model->a[c];
  return linear + 0.5 * square;
}

/* Sweeps until the largest residual that one meets is at most goal, with an extrapolation wherever that lowers the
 * model: where columns repeat, residuals say nothing for hundreds of sweeps. Most steps need three sweeps: states are
 * kept after two. All coefficients are swept each time; a set has few zeros. */
static lc_status minimise(sweep_model *model, double goal) {
  enum { SWEEPS = 200, NOT_KEPT = 2 };
  lc_index step = state_size(model);
  double worst;
  int count = -NOT_KEPT; /* of the last state */
  for (int k = 0; k < SWEEPS; k++) {
    LC_TRY(sweep(model, &worst));
    if (worst <= goal) return LC_OK;
    if (++count < 0) continue;
    copy_state(model, model->states + count * step, SAVE);
    if (count < MEMORY) continue;
    double before = value(model);
    extrapolate(model);
    if (!(value(model) < before)) copy_state(model, model->states + MEMORY * step, RESTORE);
    copy_state(model, model->states, SAVE);
    count = 0;
  }
  model->step->crept += SWEEPS;
  return LC_OK;
}

/* ---- steps ---------------------------------------------------------------------------------------------- */

/* b <- the model's minimum, up to residuals of `goal`. */
static lc_status propose(lc_set_step *step, double goal) {
  lc_mark mark = lc_arena_mark(step->arena);
  sweep_model model;
  lc_status status = start_model(&model, step);
  if (status == LC_OK) status = minimise(&model, goal);
  for (int c = 0; status == LC_OK && model.eliminates && c < model.K; c++) {
    lc_index s = step->set->position[c * step->obj->q];
    step->b[s] = step->start[s] + model.a[c];
  }
  lc_arena_reset(step->arena, mark);
  return status;
}

/* How well a step's model should be minimised. Newton's method squares residuals, so the share to leave is the square
 * of what the last step left (Eisenstat and Walker, 1996, their second choice), and no step needs to do better than the
 * goal. */
static double share(double worst, double last) { return fmin(0.05, (worst / last) * (worst / last)); }

lc_status lc_cd_sweep_solve(lc_set_step *step, double goal, double max_steps) {
  step->stuck = 0;
  for (double count = 0, t; count < max_steps; count++) {
    double last = step->worst; /* where the last step began, of this call or an earlier one */
    LC_TRY(lc_step_load(step));
    if (step->worst <= goal) return LC_OK;
    LC_TRY(propose(step, fmax(share(step->worst, last) * step->worst, 0.3 * goal)));
    LC_TRY(lc_step_search(step, &t));
    if (t == 0) {
      step->stuck = 1;
      return LC_OK;
    }
    lc_step_take(step);
  }
  return LC_MAX_ITER;
}
