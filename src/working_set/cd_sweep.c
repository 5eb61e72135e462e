/* working_set/cd_sweep.c - see working_set/cd_sweep.h. */
#include "working_set/cd_sweep.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "threads/threads.h"

enum { MEMORY = 3 }; /* sweeps that an extrapolation combines */

typedef struct coordinate {
  lc_index s;   /* its place in the set */
  lc_index f;   /* its feature, < 0 for an intercept */
  int c;        /* its score column */
  lc_spvec x;   /* its column over rms, times s_c; an intercept has none */
  double rms;   /* as in the set */
  double l2, h; /* of the ridge; the curvature of the model with it */
} coordinate;

/* The model of one step. With s_c the root of the curvature of score c in a row (over W), column j of score column c is
 * kept as s_c x_j, and the moves of the scores as u_c = s_c (X d)_c. Then the products with the curvatures are
 *     sum_i s_c x_ij t_c,   t_c = u_c + sum over e != c of r_ce u_e,   r_ce = S_ce / (s_c s_e),
 * and while the coefficients of one score column move, the others' part of t_c stands still: they read and write t_c
 * alone (enter()). With the curvatures of probabilities, S = w (diag(p) - p p') and f^2 = p / (1 - p), it is r_ce =
 * -f_c f_e, and sum_e f_e u_e is kept. */
typedef struct sweep_model {
  lc_set_step *step;
  const lc_working_set *set;
  const lc_objective *obj;
  lc_index n;
  int K, eliminates; /* 1: intercepts are no coordinates (start_model()) */
  double *root;      /* n x K: s_c */
  double *S;      /* n x ns: S_ce, off the diagonal r_ce in the end; where K > 1 and it is not that of probabilities */
  double *f;      /* n x K: f, at first the probabilities; as the next two NULL where curvatures are not theirs */
  double *lines;  /* the probabilities by rows: n lines of the first LC_GATHER_WIDTH classes, then of the next */
  double *w_root; /* n: sqrt(w / W) */
  lc_index ncolumns; /* of U */
  double *U;         /* n x K: u_c without the part of the intercepts; where f is, a column more: sum_c f_c u_c */
  int waits;         /* 1: u_c waits while t_c moves; else u_c moves, and products ask the others (few entries) */
  double *t;         /* n: t_c of the score column `open`; U itself where K = 1 */
  int open;          /* -1: none */
  coordinate *list;  /* size: score column by score column, in the order of the set within one */
  double *coupling;  /* K x size: m_j, products of column j with the curvatures of its score column and each other */
  double *response;  /* K x size: L^-1 m_j, by how much the intercepts fall for a unit move of the coefficient */
  double *a;         /* K: moves of the intercepts */
  double *states;    /* (b, U, a) of MEMORY sweeps and of what they began with */
} sweep_model;

/* S_ce or r_ce. */
static const double *pair(const sweep_model *model, int c, int e) {
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
  *model = (sweep_model){.step = step, .set = step->set, .obj = obj, .n = n, .K = obj->K, .open = -1};
  model->ncolumns = K + multinomial;
  model->eliminates = obj->pen->intercept && step->set->position[0] >= 0;
  if (multinomial) model->f = lc_arena_doubles(arena, n * K);
  if (multinomial && model->eliminates) model->lines = lc_arena_doubles(arena, n * K);
  if (multinomial) model->w_root = lc_arena_doubles(arena, n);
  if (general) model->S = lc_arena_doubles(arena, n * obj->ns);
  model->root = lc_arena_doubles(arena, n * K);
  model->U = lc_arena_zeros(arena, n * model->ncolumns);
  model->t = K > 1 ? lc_arena_doubles(arena, n) : model->U;
  model->list = lc_arena_alloc(arena, size, sizeof *model->list);
  model->coupling = lc_arena_doubles(arena, K * size);
  model->response = lc_arena_doubles(arena, K * size);
  model->a = lc_arena_zeros(arena, K);
  model->states = lc_arena_doubles(arena, (MEMORY + 1) * state_size(model));
  int whole = model->list && model->coupling && model->response && model->a && model->states;
  int rows = model->root && model->U && model->t;
  int classes = multinomial ? model->f && model->w_root && (model->lines || !model->eliminates) : !general || model->S;
  return whole && rows && classes ? LC_OK : LC_OUT_OF_MEMORY;
}

/* The curvatures at `at`, over W: of probabilities those and the roots of the weights, else S, or what is to be its
 * root. */
static void load_curvatures(sweep_model *model) {
  const lc_objective *obj = model->obj;
  double W = obj->weight_sum;
  if (model->f) {
    lc_objective_probabilities(obj, model->f);
    for (lc_index i = 0; i < model->n; i++) model->w_root[i] = sqrt(lc_obs_weight(obj->obs, i) / W);
    return;
  }
  double *S = model->S ? model->S : model->root;
  lc_objective_weights(obj, S);
  for (lc_index i = 0; i < model->n * obj->ns; i++) S[i] /= W;
}

/* p (1 - p); rounding may have taken p below 0. */
static double variance(double p) { return fmax(0, p * (1 - p)); }

/* L (K x K) <- sum_i S_i of probabilities. Diagonals are sums of their own: 1 - p keeps the digits of a small one. */
static lc_status add_probabilities(const sweep_model *model, double *L) {
  enum { ROWS = 256 };
  lc_arena *arena = model->step->arena;
  lc_index n = model->n, K = model->K;
  double w[ROWS], *products = lc_arena_zeros(arena, lc_packed_size(K));
  double *work = lc_arena_doubles(arena, ROWS * lc_max(K, LC_GRAM_WORK));
  if (!products || !work) return LC_OUT_OF_MEMORY;
  memset(L, 0, (size_t)K * (size_t)K * sizeof *L);
  for (lc_index i0 = 0; i0 < n; i0 += ROWS) {
    lc_index m = lc_min(ROWS, n - i0);
    const double *P = model->f + i0;
    for (lc_index i = 0; i < m; i++) w[i] = model->w_root[i0 + i] * model->w_root[i0 + i];
    lc_kernels()->gram(m, K, 0, 1, P, n, w, ROWS, products, lc_packed_size(K), work);
    for (lc_index c = 0; c < K; c++)
      for (lc_index i = 0; i < m; i++) L[c * (K + 1)] += w[i] * variance(P[i + c * n]);
  }
  for (lc_index e = 0; e < K; e++)
    for (lc_index c = 0; c < e; c++) L[c + e * K] = L[e + c * K] = -products[lc_packed_at(c, e)];
  return LC_OK;
}

/* L (K x K) = sum_i S_i, and what the intercepts do as long as nothing else moves. */
static lc_status factor_intercepts(sweep_model *model, double *L, unsigned char *skip) {
  int K = model->K;
  if (model->f) LC_TRY(add_probabilities(model, L));
  for (int e = 0; !model->f && e < K; e++)
    for (int c = 0; c <= e; c++) {
      const double *w = model->S ? pair(model, c, e) : model->root;
      double sum = 0;
      for (lc_index i = 0; i < model->n; i++) sum += w[i];
      L[c + e * K] = L[e + c * K] = sum;
    }
  lc_cholesky(model->obj->host, K, L, 1e-10, skip, NULL);
  for (int c = 0; c < K; c++) model->a[c] = -model->step->g[model->set->position[c * model->obj->q]];
  lc_cholesky_solve(K, L, K, skip, model->a);
  return LC_OK;
}

/* Classes of the lines from class k on. */
static int line_width(const sweep_model *model, int k) { return (int)lc_min(model->K - k, LC_GATHER_WIDTH); }

/* The probabilities by rows; then roots of the curvatures, and what ties score columns to each other: f in place of the
 * probabilities, or r. A row without curvature moves nothing. */
static void scale_some(void *context, lc_index from, lc_index to) {
  const sweep_model *model = context;
  lc_index n = model->n;
  int K = model->K;
  for (int k0 = 0; model->lines && k0 < K; k0 += LC_GATHER_WIDTH)
    lc_kernel_lines(from, to, line_width(model, k0), model->f + k0 * n, n, model->lines + k0 * n);
  for (int c = 0; c < K; c++) {
    double *root = model->root + c * n, *p = model->f ? model->f + c * n : NULL;
    const double *own = p || !model->S ? root : pair(model, c, c);
    for (lc_index i = from; !p && i < to; i++) root[i] = sqrt(own[i]);
    for (lc_index i = from; p && i < to; i++) {
      double s = sqrt(variance(p[i]));
      root[i] = model->w_root[i] * s;
      p[i] = s > 0 ? p[i] / s : 0;
    }
  }
  for (int e = 1; model->S && e < K; e++)
    for (int c = 0; c < e; c++) {
      double *r = model->S + lc_packed_at(c, e) * n;
      for (lc_index i = from; i < to; i++) {
        double by = model->root[i + c * n] * model->root[i + e * n];
        r[i] = by > 0 ? r[i] / by : 0;
      }
    }
}

/* All coordinates with their columns; what depends on curvatures follows. */
static lc_status load_columns(sweep_model *model) {
  const lc_working_set *set = model->set;
  lc_arena *arena = model->step->arena;
  lc_index size = set->size, *who = lc_arena_alloc(arena, 2 * size + model->K + 1, sizeof *who);
  double *by = lc_arena_doubles(arena, size);
  lc_spvec *x = lc_arena_alloc(arena, size, sizeof *x);
  if (!who || !by || !x) return LC_OUT_OF_MEMORY;
  lc_index *rows = who + size, *first = rows + size;
  lc_set_by_column(set, who, first);
  for (lc_index v = 0; v < size; v++) {
    rows[v] = lc_set_row(set, who[v]);
    by[v] = 1 / set->rms[who[v]];
  }
  for (int c = 0; c < model->K; c++) {
    lc_index from = first[c], end = first[c + 1];
    const double *root = model->root + c * model->n;
    LC_TRY(lc_objective_sparse_columns(model->obj, end - from, rows + from, by + from, root, x + from));
    for (lc_index v = from; v < end; v++) {
      lc_index s = who[v];
      model->list[v] = (coordinate){
          .s = s, .f = lc_set_feature(set, s), .c = c, .x = x[v], .rms = set->rms[s], .l2 = lc_set_l2(set, s)};
    }
  }
  return LC_OK;
}

/* m_e += sum_i x_ij (S_i)_ce for e != c, of probabilities: -w p_c p_e = -s_c (sqrt(w) f_c) p_e, and x has s_c. */
static void couple_classes(const sweep_model *model, const lc_spvec *x, int c, double *m) {
  enum { PART = 256 };
  double weighed[PART], part[LC_GATHER_WIDTH], own = m[c];
  lc_index n = model->n;
  const double *f = model->f + c * n, *root = model->w_root;
  const int start = 0;
  for (lc_index from = 0; from < x->entries; from += PART) {
    int count = (int)lc_min(PART, x->entries - from);
    const int *row = x->row + from;
    for (int e = 0; e < count; e++) weighed[e] = x->value[from + e] * root[row[e]] * f[row[e]];
    for (int k0 = 0; k0 < model->K; k0 += LC_GATHER_WIDTH) {
      int W = line_width(model, k0);
      lc_kernels()->gather(1, &start, &count, row, weighed, NULL, W, model->lines + k0 * n, part);
      for (int k = 0; k < W; k++) m[k0 + k] -= part[k];
    }
  }
  m[c] = own;
}

/* Coupling, response and curvature of coordinate v. */
static void load_coordinate(sweep_model *model, lc_index v, const double *L, const unsigned char *skip) {
  coordinate *own = model->list + v;
  const lc_spvec *x = &own->x;
  int K = model->K, c = own->c;
  lc_index n = model->n;
  double rms = own->rms, square = rms * rms * lc_spvec_square(x), left = square;
  if (model->eliminates) {
    double *coupling = model->coupling + v * K, *response = model->response + v * K;
    memset(coupling, 0, (size_t)K * sizeof *coupling);
    coupling[c] = lc_spvec_dot(x, NULL, model->root + c * n);
    for (int e = 0; model->S && e < K; e++)
      if (e != c) coupling[e] = lc_spvec_dot(x, pair(model, c, e), model->root + e * n);
    if (model->f) couple_classes(model, x, c, coupling);
    for (int e = 0; e < K; e++) response[e] = coupling[e] *= rms;
    lc_cholesky_solve(K, L, K, skip, response);
    for (int e = 0; e < K; e++) left -= coupling[e] * response[e];
  }
  /* A coefficient without curvature must not get an infinite step. */
  own->h = fmax(left, 1e-12 * square) + 1e-14 * rms * rms + own->l2;
}

typedef struct load_task {
  sweep_model *model;
  const double *L;
  const unsigned char *skip;
} load_task;

static void load_some(void *context, lc_index from, lc_index to) {
  const load_task *task = context;
  for (lc_index v = from; v < to; v++) load_coordinate(task->model, v, task->L, task->skip);
}

/* Intercepts are eliminated: were they coordinates, those of frequent words, whose means are not small, would creep
 * against them. With L = sum_i S_i (K x K) and m_j = sum_i S_i x_ij they move by
 *     a = -L^-1 (g_0 + sum_j m_j d_j),
 * which a unit move of coefficient j changes by -L^-1 m_j. */
static lc_status start_model(sweep_model *model, lc_set_step *step) {
  LC_TRY(allocate(model, step));
  int K = model->K;
  double *L = lc_arena_doubles(step->arena, (lc_index)K * K);
  unsigned char *skip = lc_arena_alloc(step->arena, K, 1);
  if (!L || !skip) return LC_OUT_OF_MEMORY;
  load_curvatures(model);
  if (model->eliminates) LC_TRY(factor_intercepts(model, L, skip));
  lc_index columns = K + (model->S ? model->obj->ns : 0); /* that are scaled */
  lc_parallel(lc_threads_for(model->obj->host, 4e-9 * (double)(model->n * columns)), model->n, 4096, scale_some, model);
  LC_TRY(load_columns(model));
  double entries = 0;
  for (lc_index v = 0; v < model->set->size; v++) entries += (double)model->list[v].x.entries;
  model->waits = entries > (double)model->n * K;
  load_task task = {model, L, skip};
  lc_parallel(lc_threads_for(model->obj->host, 2e-9 * entries * K), model->set->size, 64, load_some, &task);
  return LC_OK;
}

/* ---- coordinate descent ------------------------------------------------------------------------------- */

/* t += by sum over e != c of r_ce u_e, of curvatures that are no probabilities'. */
static void add_others(sweep_model *model, int c, double by) {
  for (int e = 0; e < model->K; e++) {
    const double *r = pair(model, c, e), *u = model->U + e * model->n;
    for (lc_index i = 0; e != c && i < model->n; i++) model->t[i] += by * r[i] * u[i];
  }
}

static void open_class(sweep_model *model, int c) {
  lc_index n = model->n;
  const double *f = model->f + c * n, *u = model->U + c * n, *mean = model->U + model->K * n;
  double *t = model->t;
  for (lc_index i = 0; i < n; i++) t[i] = u[i] - f[i] * (mean[i] - f[i] * u[i]);
}

static void close_class(sweep_model *model, int c) {
  lc_index n = model->n;
  const double *f = model->f + c * n, *t = model->t;
  double *u = model->U + c * n, *mean = model->U + model->K * n;
  for (lc_index i = 0; i < n; i++) {
    double others = mean[i] - f[i] * u[i];
    u[i] = t[i] + f[i] * others;
    mean[i] = others + f[i] * u[i];
  }
}

/* Score column c is the one whose coefficients move from now on; -1: none. */
static void enter(sweep_model *model, int c) {
  size_t bytes = (size_t)model->n * sizeof(double);
  int last = model->open;
  if (c == last || !model->waits) return;
  if (last >= 0 && model->f) close_class(model, last);
  if (last >= 0 && model->S) {
    add_others(model, last, -1);
    memcpy(model->U + last * model->n, model->t, bytes);
  }
  if (c >= 0 && model->f) open_class(model, c);
  if (c >= 0 && model->S) {
    memcpy(model->t, model->U + c * model->n, bytes);
    add_others(model, c, 1);
  }
  model->open = c;
}

/* x't_c of a column of score column c, which is open where u_c waits. */
static double product(const sweep_model *model, const lc_spvec *x, int c) {
  lc_index n = model->n;
  int K = model->K;
  const double *u = model->U + c * n;
  if (model->waits) return lc_spvec_dot(x, NULL, model->t);
  double sum = 0;
  if (model->f) {
    const double *f = model->f + c * n, *mean = model->U + K * n;
    for (lc_index e = 0; e < x->entries; e++) {
      int i = x->row[e];
      sum += x->value[e] * (u[i] - f[i] * (mean[i] - f[i] * u[i]));
    }
    return sum;
  }
  for (int e = 0; e < K; e++) sum += lc_spvec_dot(x, e == c ? NULL : pair(model, c, e), model->U + e * n);
  return sum;
}

/* The coefficient of coordinate v moves by d, with all that depends on it. Its score column is open where u_c waits. */
static void move(sweep_model *model, lc_index v, double d) {
  const coordinate *own = model->list + v;
  int K = model->K;
  lc_index n = model->n;
  double by = d * own->rms;
  model->step->b[own->s] += d;
  lc_spvec_push(&own->x, by, model->waits ? model->t : model->U + own->c * n);
  if (model->f && !model->waits) {
    const double *f = model->f + own->c * n;
    double *mean = model->U + K * n;
    for (lc_index e = 0; e < own->x.entries; e++) mean[own->x.row[e]] += by * own->x.value[e] * f[own->x.row[e]];
  }
  for (int e = 0; model->eliminates && e < K; e++) model->a[e] -= d * model->response[e + v * K];
}

/* Gradient of the smooth part of the model along coordinate v. */
static double slope(const sweep_model *model, lc_index v) {
  const coordinate *own = model->list + v;
  int K = model->K;
  double rest = model->eliminates ? lc_dot(K, model->a, model->coupling + v * K) : 0;
  double smooth = model->step->g[own->s] + own->rms * product(model, &own->x, own->c);
  return smooth + rest + own->l2 * model->step->b[own->s];
}

/* Moves one coefficient to the minimum of the model along it; returns its residual before. */
static double minimise_along(sweep_model *model, lc_index v) {
  const lc_penalty *pen = model->obj->pen;
  const coordinate *own = model->list + v;
  double *b = model->step->b + own->s;
  if (own->f < 0) return 0; /* intercepts have moved */
  enter(model, own->c);
  double g = slope(model, v), residual = lc_penalty_violation(pen, own->f, *b, g) / own->rms;
  double to = lc_penalty_prox(pen, own->f, *b - g / own->h, own->h), d = to - *b;
  if (d != 0) {
    move(model, v, d);
    *b = to; /* a zero is exact */
  }
  return residual;
}

/* One sweep over the set; *worst is the largest residual met. */
static lc_status sweep(sweep_model *model, double *worst) {
  enum { BETWEEN_POLLS = 2000, LONG = 1000000 };
  int long_turns = model->waits && model->n * model->K > LONG; /* from a score column to the next */
  *worst = 0;
  for (lc_index v = 0; v < model->set->size; v++) {
    int turns = long_turns && model->list[v].c != model->open;
    if (turns || v % BETWEEN_POLLS == 0) LC_TRY(lc_poll(model->obj->host));
    *worst = fmax(*worst, minimise_along(model, v));
  }
  enter(model, -1);
  return LC_OK;
}

/* ---- extrapolation ------------------------------------------------------------------------------------
 *
 * Sweeps creep along a few directions in which frequent words hang together, and each sweep shrinks what is left of
 * them by the same share. From MEMORY sweeps, b_0 .. b_M, Anderson's extrapolation sum_k c_k b_k with the least |sum_k
 * c_k (b_k - b_(k-1))|, coefficients weighed by their curvatures, at sum_k c_k = 1 takes such directions out (Bertrand
 * and Massias, 2021). U and a are affine in b, and so are extrapolated with it. */

typedef enum copy_way { SAVE, RESTORE } copy_way;

static void copy_state(sweep_model *model, double *state, copy_way way) {
  double *const part[] = {model->step->b, model->U, model->a};
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
      for (lc_index i = 0; i < size; i++) {
        lc_index s = model->list[i].s;
        dot += model->list[i].h * (u[step + s] - u[s]) * (v[step + s] - v[s]);
      }
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
  for (lc_index v = 0; v < model->set->size; v++) {
    lc_index s = model->list[v].s;
    double to = allowed(model->set, s, b[s], last[s]);
    if (to == b[s]) continue;
    enter(model, model->list[v].c);
    move(model, v, to - b[s]);
    b[s] = to;
  }
  enter(model, -1);
}

/* ---- the model's minimum ------------------------------------------------------------------------------- */

/* sum_i (T_i + a)' S_i (T_i + a), T = X d. Cost n K, or n K^2 without probabilities. */
static double whole_square(const sweep_model *model) {
  lc_index n = model->n;
  int K = model->K;
  const double *root = model->root, *U = model->U, *a = model->a;
  double square = 0;
  for (int c = 0; !model->f && c < K; c++)
    for (int e = 0; e < K; e++) {
      const double *r = c == e ? NULL : pair(model, c, e), *s = root + c * n, *t = root + e * n;
      const double *u = U + c * n, *v = U + e * n;
      for (lc_index i = 0; i < n; i++) square += (r ? r[i] : 1) * (u[i] + s[i] * a[c]) * (v[i] + t[i] * a[e]);
    }
  for (lc_index i = 0; model->f && i < n; i++) {
    /* p (T + a - mean)^2 = (1 - p) ((1 + f^2) u - f mean)^2, and what a class without a score column has. */
    double mean = U[i + K * n], rest = 1;
    for (int c = 0; c < K; c++) mean += model->f[i + c * n] * root[i + c * n] * a[c];
    for (int c = 0; c < K; c++) {
      double f = model->f[i + c * n], p = f * f / (1 + f * f);
      double u = (1 + f * f) * (U[i + c * n] + root[i + c * n] * a[c]) - f * mean;
      square += (1 - p) * u * u;
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
  for (lc_index v = 0; v < set->size; v++) {
    double d = step->b[model->list[v].s] - step->start[model->list[v].s];
    square += model->list[v].l2 * d * d;
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
