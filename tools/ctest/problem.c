/* See problem.h. */
#include "problem.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { MOST_SCORES = 48 };

static double *numbers(ctest_problem *t, lc_index count) {
  double *v = lc_arena_zeros(&t->data, count);
  if (!v) abort();
  return v;
}

static int *integers(ctest_problem *t, lc_index count) {
  int *v = lc_arena_alloc(&t->data, count, sizeof *v);
  if (!v) abort();
  return v;
}

void ctest_problem_refresh(ctest_problem *t) {
  int entries = 0;
  for (lc_index j = 0; j < t->p; j++) {
    t->start[j] = entries;
    for (lc_index i = 0; i < t->n; i++) {
      double x = t->x[i + j * t->n];
      if (x == 0) continue;
      t->row[entries] = (int)i;
      t->value[entries++] = x;
    }
  }
  t->start[t->p] = entries;
  lc_mark mark = lc_arena_mark(&t->data);
  double *counts = numbers(t, 3 * t->p);
  lc_colstat stats = {t->mean, t->sd, t->max_abs, counts, counts + t->p, counts + 2 * t->p};
  lc_design_colstats(&t->dense, t->w, &(lc_host){.threads = 1}, &stats);
  lc_arena_reset(&t->data, mark);
  for (lc_index j = 0; j < t->p; j++) t->spread[j] = t->standardised && t->sd[j] > 0 ? t->sd[j] : 1;
}

void ctest_problem_make(ctest_problem *t, const lc_loss *loss, ctest_shape shape) {
  memset(t, 0, sizeof *t);
  ctest_host_init(&t->host);
  ctest_host_init(&t->data_host);
  lc_arena_init(&t->arena, &t->host.host);
  lc_arena_init(&t->data, &t->data_host.host);
  CHECK(lc_coding_make(loss, shape.k, shape.reference, &t->coding) == LC_OK);
  lc_index n = t->n = shape.n, p = t->p = shape.p;
  t->loss = loss;
  t->q = p + !shape.no_intercept;
  t->x = numbers(t, n * p);
  t->value = numbers(t, n * p);
  t->row = integers(t, n * p);
  t->start = integers(t, p + 1);
  t->y = numbers(t, n);
  t->w = shape.weighted ? numbers(t, n) : NULL;
  t->offset = shape.weighted ? numbers(t, n * t->coding.K) : NULL;
  t->l1 = numbers(t, p);
  t->l2 = numbers(t, p);
  t->mean = numbers(t, p);
  t->sd = numbers(t, p);
  t->max_abs = numbers(t, p);
  t->spread = numbers(t, p);
  for (lc_index i = 0; i < n; i++) {
    t->y[i] = (double)(i % shape.k);
    if (t->w) t->w[i] = i % 11 == 5 ? 0 : 0.5 + ctest_uniform();
    for (int c = 0; t->offset && c < t->coding.K; c++) t->offset[i + c * n] = 0.2 * ctest_normal();
  }
  for (lc_index j = 0; j < p; j++) {
    for (lc_index i = 0; i < n; i++)
      t->x[i + j * n] =
          ctest_uniform() < 0.3 ? 0 : ctest_normal() + 0.8 * (((int)t->y[i] + j) % shape.k == 0) / (1.0 + (double)j);
    t->l1[j] = shape.alpha;
    t->l2[j] = 1 - shape.alpha;
  }
  lc_design_dense(&t->dense, n, p, LC_DOUBLE, t->x);
  t->csc = (lc_csc){t->start, t->row, t->value};
  lc_design_sparse(&t->sparse, n, p, &t->csc);
  t->obs = (lc_obs){.n = n, .y = t->y, .w = t->w, .offset = t->offset, .noffset = t->offset ? t->coding.K : 0};
  lc_design *designs[] = {&t->dense, &t->sparse};
  for (int d = 0; d < 2; d++) {
    designs[d]->intercept = !shape.no_intercept;
  }
  t->pen = (lc_penalty){p, !shape.no_intercept, 0, t->l1, t->l2, NULL, NULL, 0};
  t->standardised = shape.standardised;
  ctest_problem_refresh(t);
}

void ctest_problem_bound(ctest_problem *t, double lower, double upper) {
  double *bounds = numbers(t, 2 * t->p);
  for (lc_index j = 0; j < t->p; j++) {
    bounds[j] = lower;
    bounds[t->p + j] = upper;
  }
  t->pen.lower = bounds;
  t->pen.upper = bounds + t->p;
}

void ctest_problem_forget(ctest_problem *t) {
  ctest_host_free(&t->host);
  ctest_host_init(&t->host);
  lc_arena_init(&t->arena, &t->host.host);
}

void ctest_problem_free(ctest_problem *t) {
  ctest_host_free(&t->host);
  ctest_host_free(&t->data_host);
}

/* The penalty's factors of feature f at lambda. */
static double l1_of(const ctest_problem *t, lc_index f) { return f < 0 ? 0 : t->pen.lambda * t->l1[f] * t->spread[f]; }

static double l2_of(const ctest_problem *t, lc_index f) {
  return f < 0 ? 0 : t->pen.lambda * t->l2[f] * t->spread[f] * t->spread[f];
}

/* Weight, value and derivatives (r, K of them) of row i at B. */
static double row_of(const ctest_problem *t, const double *B, lc_index i, double *value, double *r) {
  double z[MOST_SCORES];
  int K = t->coding.K, intercept = t->pen.intercept;
  if (K > MOST_SCORES) abort();
  for (int c = 0; c < K; c++) {
    z[c] = (t->offset ? t->offset[i + c * t->n] : 0) + (intercept ? B[c * t->q] : 0);
    for (lc_index j = 0; j < t->p; j++) z[c] += t->x[i + j * t->n] * B[c * t->q + intercept + j];
  }
  t->loss->rows(&t->coding,
                &(lc_loss_block){.m = 1, .z = z, .y = t->y + i, .value = value, .r = r, .ldz = 1, .ldr = 1});
  return t->w ? t->w[i] : 1;
}

double ctest_value(const ctest_problem *t, const double *B) {
  double sum = 0, total = 0, value;
  for (lc_index i = 0; i < t->n; i++) {
    double w = row_of(t, B, i, &value, NULL);
    sum += w * value;
    total += w;
  }
  sum /= total;
  for (lc_index j = 0; j < t->p; j++) {
    double sizes = 0, squares = 0;
    for (int c = 0; c < t->coding.K; c++) {
      double b = B[c * t->q + t->pen.intercept + j];
      sizes += fabs(b);
      squares += b * b;
    }
    sum += l1_of(t, j) * (t->pen.grouped ? sqrt(squares) : sizes) + 0.5 * l2_of(t, j) * squares;
  }
  return sum;
}

void ctest_gradient(const ctest_problem *t, const double *B, double *G) {
  double total = 0, r[MOST_SCORES];
  int K = t->coding.K, intercept = t->pen.intercept;
  memset(G, 0, (size_t)(t->q * K) * sizeof *G);
  for (lc_index i = 0; i < t->n; i++) {
    double w = row_of(t, B, i, NULL, r);
    total += w;
    for (int c = 0; c < K; c++) {
      if (intercept) G[c * t->q] += w * r[c];
      for (lc_index j = 0; j < t->p; j++) G[c * t->q + intercept + j] += w * r[c] * t->x[i + j * t->n];
    }
  }
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < t->q; j++) {
      lc_index at = c * t->q + j;
      G[at] = G[at] / total + l2_of(t, j - intercept) * B[at];
    }
}

double ctest_descent(const ctest_problem *t, const double *B, const unsigned char *in) {
  double worst = 0, *G = ctest_zeros(t->q * t->coding.K);
  ctest_gradient(t, B, G);
  for (lc_index at = 0; at < t->q * t->coding.K; at++) {
    if (in && !in[at]) continue;
    lc_index f = at % t->q - t->pen.intercept;
    double b = B[at], l1 = l1_of(t, f), low = -INFINITY, high = INFINITY;
    if (f >= 0 && t->pen.lower) {
      low = t->pen.lower[f];
      high = t->pen.upper[f];
      if (b < low || b > high) worst = INFINITY;
    }
    if (b < high) worst = fmax(worst, -(G[at] + (b >= 0 ? l1 : -l1)));
    if (b > low) worst = fmax(worst, G[at] - (b <= 0 ? l1 : -l1));
  }
  free(G);
  return worst;
}

void ctest_presets(lc_settings *settings) {
  memset(settings, 0, sizeof *settings);
  lc_settings_preset(settings, lc_control_fields, lc_control_field_count);
  for (int s = 0; s < lc_solver_count; s++) lc_settings_preset(settings, lc_solvers[s]->fields, lc_solvers[s]->nfields);
}

lc_problem ctest_lc_problem(const ctest_problem *t, const lc_design *x) {
  return (lc_problem){.x = x,
                      .obs = &t->obs,
                      .loss = t->loss,
                      .k = t->coding.k,
                      .reference = t->coding.base,
                      .pen = t->pen,
                      .spread = t->spread,
                      .mean = t->mean,
                      .sd = t->sd,
                      .max_abs = t->max_abs};
}

double ctest_best(ctest_problem *t, lc_design *x, double lambda, double tolerance, double *B) {
  lc_settings settings;
  ctest_presets(&settings);
  settings.tolerance = tolerance;
  lc_problem problem = ctest_lc_problem(t, x);
  problem.pen.lambda = lambda;
  lc_solution out;
  lc_status status = lc_solve(&problem, &settings, &t->host.host, &t->arena, &out);
  CHECK(status >= 0);
  if (status < 0) return NAN;
  if (B) memcpy(B, out.B, (size_t)(t->q * t->coding.K) * sizeof *B);
  return out.objective;
}

/* Are the coefficients of each score column numbers other than 0 of places in it, each once and in order? */
static int has_places(const ctest_problem *t, const lc_path_point *point) {
  int right = 1;
  for (int c = 0; c < t->coding.K; c++)
    for (lc_index v = 0; v < point->count[c]; v++) {
      lc_index row = point->row[c][v];
      right = right && row > (v > 0 ? point->row[c][v - 1] : -1) && row < t->q && point->value[c][v] != 0;
    }
  return right;
}

lc_status ctest_path(ctest_problem *t, lc_design *x, const lc_path_spec *spec, double tolerance, lc_path *out) {
  lc_settings settings;
  ctest_presets(&settings);
  settings.tolerance = tolerance;
  lc_problem problem = ctest_lc_problem(t, x);
  lc_status status = lc_path_run(&problem, spec, &settings, &t->host.host, &t->arena, out);
  /* What is called met is within what was asked for. */
  for (lc_index l = 0; status == LC_OK && l < out->length; l++) {
    const lc_outcome *point = &out->point[l].outcome;
    if (point->met && !isnan(point->relative)) CHECK(point->relative <= tolerance);
    CHECK(has_places(t, out->point + l));
  }
  return status;
}

void ctest_path_coefficients(const ctest_problem *t, const lc_path_point *point, double *B) {
  memset(B, 0, (size_t)(t->q * t->coding.K) * sizeof *B);
  for (int c = 0; c < t->coding.K; c++)
    for (lc_index v = 0; v < point->count[c]; v++) B[c * t->q + point->row[c][v]] = point->value[c][v];
}

double ctest_path_value(ctest_problem *t, const lc_path_point *point, double *B) {
  t->pen.lambda = point->lambda;
  ctest_path_coefficients(t, point, B);
  return ctest_value(t, B);
}
