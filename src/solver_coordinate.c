/* solver_coordinate.c - proximal Newton on a working set of features: the way to L1 penalties and bounds.
 *
 * Outer step: quadratic model of the smooth part on the features that are nonzero or violate their optimality
 * condition most, minimised together with the penalty, then a line search. Inner: coordinate descent on the small
 * matrix H of the model, finished by solving for the nonzero coefficients at once, which gives full accuracy
 * where coordinate descent alone would crawl. The working set holds all K score columns of a feature, so the
 * coupling of classes is exact. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel.h"
#include "linalg.h"
#include "solver.h"

/* The model on a working set: coefficient s = column * nj + v stands for row j[v] of B. */
typedef struct model {
  lc_objective *obj;
  lc_index nj, size;
  lc_index *j;
  double *H, *g, *b, *start, *Hd; /* size^2; smooth gradient at the start; coefficients; those of the start;
                                     H (b - start) */
  double *unit;                   /* size of the column: residuals are compared as if all columns had size 1 */
  lc_index *active;
  double *small, *rhs;
  unsigned char *skip;
} model;

typedef struct feature {
  double violation;
  lc_index j;
} feature;

static lc_index feature_of(const model *m, lc_index s) { return m->j[s % m->nj] - m->obj->pen->one; }

static double column_unit(const lc_objective *obj, lc_index j) {
  lc_index f = j - obj->pen->one;
  return f >= 0 && obj->rms && obj->rms[f] > 0 ? obj->rms[f] : 1;
}

/* Decreasing violation, then increasing index: the same order on every machine. */
static int by_violation(const void *a, const void *b) {
  const feature *x = a, *y = b;
  if (x->violation != y->violation) return x->violation < y->violation ? 1 : -1;
  return x->j < y->j ? -1 : x->j > y->j;
}

/* Largest scaled residual of row j. */
static double row_violation(const lc_objective *obj, lc_index j) {
  double worst = 0;
  for (int c = 0; c < obj->K; c++) {
    double b = obj->at.B[c * obj->q + j], g = obj->G[c * obj->q + j];
    lc_index f = j - obj->pen->one;
    worst = fmax(worst, f < 0 ? fabs(g) : lc_penalty_violation(obj->pen, f, b, g));
  }
  return worst / column_unit(obj, j);
}

/* Row j's claim to a place: how far it is from optimal; nonzero and unpenalised rows come first (Inf). */
static double claim(const lc_objective *obj, lc_index j) {
  const lc_penalty *pen = obj->pen;
  lc_index f = j - pen->one;
  if (f < 0 || (lc_penalty_l1(pen, f) == 0 && !pen->lower)) return INFINITY;
  for (int c = 0; c < obj->K; c++)
    if (obj->at.B[c * obj->q + j] != 0) return INFINITY;
  return row_violation(obj, j);
}

/* Rows of the working set in increasing order into m->j: all claims of Inf and about as many violators, within
 * `most` rows. If the Inf ones alone are too many, those that violate most stay. */
static void choose_rows(model *m, feature *all, lc_index most) {
  const lc_objective *obj = m->obj;
  lc_index wanted = 0, claims = 0;
  for (lc_index j = 0; j < obj->q; j++) {
    all[j].violation = claim(obj, j);
    all[j].j = j;
    if (isinf(all[j].violation)) wanted++;
  }
  if (wanted > most)
    for (lc_index j = obj->pen->one; j < obj->q; j++) all[j].violation = row_violation(obj, j);
  qsort(all, (size_t)obj->q, sizeof *all, by_violation);
  lc_index room = lc_min(most, lc_max(2 * wanted, 50));
  while (claims < obj->q && claims < room && all[claims].violation > 0) claims++;
  m->nj = claims;
  for (lc_index v = 0; v < claims; v++) m->j[v] = all[v].j;
  for (lc_index v = 1; v < claims; v++) { /* insertion sort by row: reads of X go forward */
    lc_index row = m->j[v], u = v;
    for (; u > 0 && m->j[u - 1] > row; u--) m->j[u] = m->j[u - 1];
    m->j[u] = row;
  }
  m->size = m->nj * obj->K;
}

static lc_status build_model(model *m) {
  lc_objective *obj = m->obj;
  double bend = lc_link_bound(obj->loss, &obj->link);
  LC_TRY(lc_objective_gram(obj, m->nj, m->j, m->H));
  for (lc_index s = 0; s < m->size; s++) {
    lc_index at = (s / m->nj) * obj->q + m->j[s % m->nj];
    m->g[s] = obj->G[at];
    m->b[s] = m->start[s] = obj->at.B[at];
    m->Hd[s] = 0;
    m->unit[s] = column_unit(obj, m->j[s % m->nj]);
    /* A coefficient without curvature must not get an infinite step. */
    m->H[s * (m->size + 1)] += 1e-14 * bend * m->unit[s] * m->unit[s];
  }
  return LC_OK;
}

static double violation(const model *m, lc_index s) {
  double g = m->g[s] + m->Hd[s];
  lc_index f = feature_of(m, s);
  return (f < 0 ? fabs(g) : lc_penalty_violation(m->obj->pen, f, m->b[s], g)) / m->unit[s];
}

static double worst_violation(const model *m) {
  double worst = 0;
  for (lc_index s = 0; s < m->size; s++) worst = fmax(worst, violation(m, s));
  return worst;
}

static void move_coefficient(model *m, lc_index s, double to) {
  double step = to - m->b[s];
  const double *column = m->H + s * m->size;
  if (step == 0) return;
  m->b[s] = to;
  lc_kernels()->scores(m->size, 1, 1, column, m->size, &step, 1, m->Hd, m->size);
}

static void sweep(model *m) {
  for (lc_index s = 0; s < m->size; s++) {
    double h = m->H[s * (m->size + 1)], v = m->b[s] - (m->g[s] + m->Hd[s]) / h;
    lc_index f = feature_of(m, s);
    move_coefficient(m, s, f < 0 ? v : lc_penalty_prox(m->obj->pen, f, v, h));
  }
}

/* Coefficients that are free to move both ways at their present sign. */
static lc_index list_active(model *m) {
  const lc_penalty *pen = m->obj->pen;
  lc_index count = 0;
  for (lc_index s = 0; s < m->size; s++) {
    lc_index f = feature_of(m, s);
    int smooth_here = f < 0 || m->b[s] != 0 || lc_penalty_l1(pen, f) == 0;
    int bound = f >= 0 && pen->lower && (m->b[s] <= pen->lower[f] || m->b[s] >= pen->upper[f]);
    if (smooth_here && !bound) m->active[count++] = s;
  }
  return count;
}

/* The longest share (at most 1) of the move b -> b + d that keeps every sign and bound; *hit is the coefficient
 * that ends it and *at where it lands. */
static double longest_share(const model *m, lc_index count, const double *d, lc_index *hit, double *at) {
  const lc_penalty *pen = m->obj->pen;
  double share = 1;
  *hit = -1;
  for (lc_index a = 0; a < count; a++) {
    lc_index s = m->active[a], f = feature_of(m, s);
    if (f < 0 || d[a] == 0) continue;
    double b = m->b[s], limit[2] = {NAN, NAN};
    if (lc_penalty_l1(pen, f) > 0) limit[0] = 0;
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
static lc_status solve_active(model *m) {
  for (int round = 0; round < 20; round++) {
    lc_index count = list_active(m), hit;
    double at = 0;
    if (count == 0) return LC_OK;
    LC_TRY(lc_poll(m->obj->host));
    for (lc_index v = 0; v < count; v++) {
      lc_index s = m->active[v], f = feature_of(m, s);
      double sign = (m->b[s] > 0) - (m->b[s] < 0);
      m->rhs[v] = -(m->g[s] + m->Hd[s] + (f < 0 ? 0 : sign * lc_penalty_l1(m->obj->pen, f)));
      for (lc_index u = 0; u < count; u++) m->small[u + v * count] = m->H[m->active[u] + s * m->size];
    }
    lc_cholesky(count, m->small, 1e-14, m->skip, NULL);
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

/* Minimises the model until its worst violation is below `goal`. */
static lc_status solve_model(model *m, double goal) {
  enum { ROUNDS = 200, SWEEPS = 3 };
  for (int round = 0; round < ROUNDS; round++) {
    LC_TRY(lc_poll(m->obj->host));
    for (int k = 0; k < SWEEPS; k++) sweep(m);
    if (worst_violation(m) <= goal) return LC_OK;
    LC_TRY(solve_active(m));
    if (worst_violation(m) <= goal) return LC_OK;
  }
  return LC_OK;
}

/* g'd + penalty change: the slope of F along the move, an upper bound of its fall. */
static double predicted_change(const model *m) {
  const lc_penalty *pen = m->obj->pen;
  double change = 0;
  for (lc_index s = 0; s < m->size; s++) {
    lc_index f = feature_of(m, s);
    change += m->g[s] * (m->b[s] - m->start[s]);
    if (f >= 0) change += lc_penalty_l1(pen, f) * (fabs(m->b[s]) - fabs(m->start[s]));
  }
  return change;
}

static lc_status step_to(lc_objective *obj, const model *m, double t, double *trial) {
  memcpy(trial, obj->at.B, (size_t)obj->P * sizeof(double));
  for (lc_index s = 0; s < m->size; s++)
    trial[(s / m->nj) * obj->q + m->j[s % m->nj]] = t == 1 ? m->b[s] : m->start[s] + t * (m->b[s] - m->start[s]);
  return lc_objective_eval(obj, trial, LC_WANT_GRADIENT);
}

static lc_status allocate(model *m, lc_objective *obj, lc_index most, feature **all, double **trial) {
  lc_arena *arena = obj->arena;
  lc_index size = most * obj->K;
  m->obj = obj;
  m->j = lc_arena_alloc(arena, most, sizeof *m->j);
  m->H = lc_arena_doubles(arena, size * size);
  m->small = lc_arena_doubles(arena, size * size);
  m->g = lc_arena_doubles(arena, 6 * size);
  m->active = lc_arena_alloc(arena, size, sizeof *m->active);
  m->skip = lc_arena_alloc(arena, size, 1);
  *all = lc_arena_alloc(arena, obj->q, sizeof **all);
  *trial = lc_arena_doubles(arena, obj->P);
  if (!m->j || !m->H || !m->small || !m->g || !m->active || !m->skip || !*all || !*trial) return LC_OUT_OF_MEMORY;
  m->b = m->g + size;
  m->start = m->b + size;
  m->Hd = m->start + size;
  m->rhs = m->Hd + size;
  m->unit = m->rhs + size;
  return LC_OK;
}

/* Largest scaled residual at `at`. */
static double start_violation(const lc_objective *obj) {
  double worst = 0;
  for (lc_index j = 0; j < obj->q; j++) worst = fmax(worst, row_violation(obj, j));
  return worst;
}

static lc_status coordinate_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  if (!obj->at.Z) return LC_UNSUPPORTED;
  model m;
  feature *all;
  double *trial, t = NAN, last = INFINITY, least = INFINITY;
  int idle = 0;
  lc_index most = lc_max(2, lc_min(obj->q, (lc_index)settings->working_set / obj->K));
  LC_TRY(allocate(&m, obj, most, &all, &trial));
  double limit = isnan(settings->max_iter) ? 1000 : settings->max_iter;
  int restarted;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_GRADIENT, &restarted));
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, t));
    if (kkt == 0) return LC_OK;
    choose_rows(&m, all, most);
    LC_TRY(build_model(&m));
    LC_TRY(solve_model(&m, 1e-3 * fmin(worst_violation(&m), last)));
    last = worst_violation(&m);
    double change = predicted_change(&m);
    report->decrement = -0.5 * change;
    double goal = settings->tolerance * 1e-3 * lc_objective_scale(obj);
    if (!(-change > goal) && lc_gap_is_small(obj, settings)) return LC_OK;
    /* The objective has no more to gain: residuals still fall for a few steps, then rounding rules. */
    double residual = start_violation(obj);
    idle = -change > goal || residual < 0.5 * least ? 0 : idle + 1;
    least = fmin(least, residual);
    if (!(-change > 0) || idle >= 3) return LC_STALLED;
    if (report->iterations >= limit) return LC_MAX_ITER;
    LC_TRY(step_to(obj, &m, 1, trial));
    LC_TRY(lc_line_search(obj, change, obj->to.value, &t));
    if (t == 0) return LC_STALLED;
    if (t < 1) LC_TRY(step_to(obj, &m, t, trial));
    lc_objective_accept(obj);
  }
}

static const lc_field fields[] = {
    {"working_set", offsetof(lc_settings, working_set), 2000, 2, 20000, 1,
     "largest number of coefficients that move together; memory grows with its square"},
};

const lc_solver lc_solver_coordinate = {
    "coordinate",
    "proximal Newton with coordinate descent on a working set",
    LC_NEEDS_SMOOTH | LC_NEEDS_CURVATURE | LC_NEEDS_COLUMNS | LC_TAKES_L1 | LC_TAKES_BOUNDS,
    fields,
    (int)(sizeof fields / sizeof fields[0]),
    coordinate_run};
