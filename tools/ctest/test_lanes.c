/* Tests of lambdas in lanes: the loops on floats and the verbs of columns against their sums, the solutions against
 * whole fits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/scaling.h"
#include "kernel/dispatch.h"
#include "kernel/lanes.h"
#include "lanes/lanes.h"
#include "lanes/state.h"
#include "problem.h"

void test_lanes(void);

/* ---- loops ----------------------------------------------------------------------------------------------------- */

enum { MEMBERS = 131, ROWS = 70, ENTRIES = 9, CELLS = MEMBERS * LC_LANES };

/* What one loop reads and writes; lines of the arena are aligned as the loops want them. */
typedef struct loop_data {
  float *v, *h, *open, *d, *r, *last, *lines, *weight, *value, *constants;
  int start[ROWS], end[ROWS], index[ROWS * (ENTRIES + 2)];
  lc_lane_members members;
} loop_data;

static float *floats(lc_arena *arena, lc_index count) {
  float *out = lc_arena_alloc(arena, count, sizeof *out);
  if (!out) abort();
  for (lc_index i = 0; i < count; i++) out[i] = (float)ctest_normal();
  return out;
}

static void fill(loop_data *data, lc_arena *arena) {
  float **const cells[] = {&data->v, &data->h, &data->open, &data->d, &data->r, &data->last};
  for (int a = 0; a < 6; a++) *cells[a] = floats(arena, CELLS);
  for (int i = 0; i < CELLS; i++) data->open[i] = data->open[i] > 0 ? 1 : 0;
  data->lines = floats(arena, 2 * MEMBERS * LC_LINE);
  data->weight = floats(arena, ROWS * LC_LANES);
  data->value = floats(arena, ROWS * (ENTRIES + 2));
  data->constants = floats(arena, 5 * MEMBERS);
  float *c = data->constants;
  data->members = (lc_lane_members){MEMBERS, c, c + MEMBERS, c + 2 * MEMBERS, c + 3 * MEMBERS, c + 4 * MEMBERS};
  for (int k = 4 * MEMBERS; k < 5 * MEMBERS; k++) c[k] = fabsf(c[k]);
  for (int i = 0; i < ROWS; i++) { /* with room behind each row, as rows have that grow */
    data->start[i] = i * (ENTRIES + 2);
    data->end[i] = data->start[i] + i % (ENTRIES + 1);
    for (int e = data->start[i]; e < data->end[i]; e++) data->index[e] = (e * 7) % MEMBERS;
  }
}

static const double floats_near = 2e-5;

static void test_product(const lc_lane_kernel *loops, loop_data *data) {
  static double want[MEMBERS][LC_LANES];
  const lc_lane_members *m = &data->members;
  double centre[LC_LANES], sum[LC_LANES] = {0}, total[LC_LANES] = {0}, dot[LC_LANES], want_dot[LC_LANES] = {0};
  float middle[LC_LANES], totals[LC_LANES], lambda[LC_LANES];
  loops->spread(m, data->v, data->lines, centre);
  memset(want, 0, sizeof want);
  for (int l = 0; l < LC_LANES; l++) {
    double shift = 0;
    for (int k = 0; k < MEMBERS; k++) shift += (double)m->mean[k] * (double)data->v[k * LC_LANES + l];
    CHECK_NEAR(centre[l], shift, floats_near);
    middle[l] = (float)(0.3 - shift);
    lambda[l] = (float)(l + 1);
  }
  loops->product(ROWS, data->start, data->end, data->index, data->value, data->weight, middle, data->lines, total);
  for (int i = 0; i < ROWS; i++)
    for (int l = 0; l < LC_LANES; l++) {
      double u = (double)middle[l];
      for (int e = data->start[i]; e < data->end[i]; e++)
        u += (double)data->value[e] * (double)m->unit[data->index[e]] * (double)data->v[data->index[e] * LC_LANES + l];
      u *= (double)data->weight[i * LC_LANES + l];
      sum[l] += u;
      for (int e = data->start[i]; e < data->end[i]; e++) want[data->index[e]][l] += u * (double)data->value[e];
    }
  for (int l = 0; l < LC_LANES; l++) totals[l] = (float)total[l];
  /* The second part of the rows: the same numbers once more. */
  memcpy(data->lines + MEMBERS * LC_LINE, data->lines, MEMBERS * LC_LINE * sizeof(float));
  loops->collect(m, 2, data->lines, MEMBERS * LC_LINE, totals, 0.5f, lambda, data->v, data->h, dot);
  int close = 1;
  for (int k = 0; k < MEMBERS; k++)
    for (int l = 0; l < LC_LANES; l++) {
      double v = (double)data->v[k * LC_LANES + l];
      double h =
          0.5 * (2 * want[k][l] * (double)m->unit[k] - (double)m->mean[k] * sum[l]) + (double)m->ridge[k] * (l + 1) * v;
      close = close && fabs(h - (double)data->h[k * LC_LANES + l]) < floats_near * (20 + fabs(sum[l]) + fabs(h));
      want_dot[l] += v * h;
    }
  CHECK(close);
  for (int l = 0; l < LC_LANES; l++) {
    CHECK_NEAR(total[l], sum[l], floats_near * (1 + fabs(sum[l])));
    CHECK_NEAR(dot[l], want_dot[l], 50 * floats_near * (1 + fabs(want_dot[l])));
  }
}

static void test_gather(const lc_lane_kernel *loops, loop_data *data) {
  double value[ROWS * (ENTRIES + 2)], out[ROWS * LC_LANES];
  int close = 1;
  for (int e = 0; e < ROWS * (ENTRIES + 2); e++) value[e] = ctest_normal();
  loops->gather(ROWS, data->start, data->end, data->index, value, data->v, out);
  for (int i = 0; i < ROWS; i++)
    for (int l = 0; l < LC_LANES; l++) {
      double sum = 0, size = 0;
      for (int e = data->start[i]; e < data->end[i]; e++) {
        double term = value[e] * (double)data->v[data->index[e] * LC_LANES + l];
        sum += term;
        size += fabs(term);
      }
      close = close && fabs(out[i * LC_LANES + l] - sum) <= 2e-7 * size;
    }
  CHECK(close);
}

static void test_vectors(const lc_lane_kernel *loops, loop_data *data, lc_arena *arena) {
  const lc_lane_members *m = &data->members;
  float alpha[LC_LANES], moved[LC_LANES], on[LC_LANES], worst[LC_LANES];
  double rz[LC_LANES], zh[LC_LANES];
  float *d = floats(arena, CELLS), *r = floats(arena, CELLS), *v = floats(arena, CELLS), *last = floats(arena, CELLS);
  memcpy(d, data->d, CELLS * sizeof *d), memcpy(r, data->r, CELLS * sizeof *r);
  memcpy(v, data->v, CELLS * sizeof *v), memcpy(last, data->last, CELLS * sizeof *last);
  for (int l = 0; l < LC_LANES; l++) {
    alpha[l] = 0.25f * (float)(l - 3);
    moved[l] = (float)(l % 2);
    on[l] = (float)(l % 3 != 0);
  }
  loops->advance(m, alpha, v, data->h, data->open, d, r, rz, zh, worst);
  loops->turn(m, alpha, moved, on, r, v, last);
  int close = 1;
  for (int l = 0; l < LC_LANES; l++) {
    double first = 0, second = 0, most = 0, a = (double)alpha[l];
    for (int k = 0; k < MEMBERS; k++) {
      int at = k * LC_LANES + l;
      double rest = (double)data->open[at] * ((double)data->r[at] - a * (double)data->h[at]);
      double z = (double)m->metric[k] * rest, x = a * (double)data->v[at], size = 1 + fabs(rest) + fabs(z) + fabs(x);
      close = close && fabs((double)d[at] - (double)data->d[at] - x) < floats_near * size;
      close = close && fabs((double)r[at] - rest) < floats_near * size;
      close = close && fabs((double)last[at] - (l % 2 ? x : (double)data->last[at])) < floats_near * size;
      close = close && fabs((double)v[at] - (l % 3 ? z + x : 0)) < floats_near * size;
      first += rest * z;
      second += z * (double)data->h[at];
      most = fmax(most, (double)m->per[k] * fabs(rest));
    }
    CHECK_NEAR(rz[l], first, 50 * floats_near * (1 + fabs(first)));
    CHECK_NEAR(zh[l], second, 50 * floats_near * (1 + fabs(second)));
    CHECK_NEAR((double)worst[l], most, floats_near * (1 + most));
  }
  CHECK(close);
}

/* Products of lines over rows, what is left of some beside others, and bounds of columns, by their definitions. */
static void test_bounds(const lc_lane_kernel *loops, const loop_data *data) {
  enum { COUNT = 130, LIST = 40 };
  double weight[COUNT], cross[LC_LANES * LC_LANES] = {0}, left[LC_LANES] = {0};
  const float *A = data->v, *B = data->h, *C = data->d, *norm = data->constants + 4 * MEMBERS;
  float rest[LC_LANES], near[LC_LANES], strength[MEMBERS];
  lc_index feature[LIST];
  unsigned char asks[LIST];
  int asked = 0, right = 1;
  for (int i = 0; i < COUNT; i++) weight[i] = i % 5 ? 0.5 + i % 3 : 0;
  for (int weighted = 0; weighted < 2; weighted++) {
    const double *w = weighted ? weight : NULL;
    memset(cross, 0, sizeof cross), memset(left, 0, sizeof left);
    loops->cross(COUNT, w, A, B, cross);
    loops->left(COUNT, w, A, B, C, left);
    for (int l = 0; l < LC_LANES; l++) {
      double squares = 0, sums[LC_LANES] = {0};
      for (int i = 0; i < COUNT; i++) {
        double by = !weighted ? 1 : weight[i] > 0 ? 1 / weight[i] : 0, own = (double)B[i * LC_LANES + l];
        for (int a = 0; a < LC_LANES; a++) {
          sums[a] += by * (double)A[i * LC_LANES + a] * (double)B[i * LC_LANES + l];
          own -= (double)A[i * LC_LANES + a] * (double)C[a * LC_LANES + l];
        }
        squares += by * own * own;
      }
      CHECK_NEAR(left[l], squares, floats_near * squares);
      for (int a = 0; a < LC_LANES; a++) CHECK_NEAR(cross[a * LC_LANES + l], sums[a], 50 * floats_near);
    }
  }
  for (int l = 0; l < LC_LANES; l++) {
    rest[l] = 0.1f * (float)l;
    near[l] = l == 3 ? INFINITY : 6;
  }
  for (int k = 0; k < MEMBERS; k++) strength[k] = 0.5f + (float)(k % 4);
  for (int v = 0; v < LIST; v++) feature[v] = 3 * v;
  loops->exceed(LIST, feature, A, norm, strength, C, rest, near, asks);
  for (int v = 0; v < LIST; v++) {
    double most = -INFINITY;
    for (int l = 0; l < LC_LANES; l++) {
      double sum = 0;
      for (int a = 0; a < LC_LANES; a++) sum += (double)A[feature[v] * LC_LANES + a] * (double)C[a * LC_LANES + l];
      most = fmax(most, fabs(sum) + (double)norm[feature[v]] * (double)rest[l] -
                            (double)strength[feature[v]] * (double)near[l]);
    }
    right = right && (fabs(most) < 1e-4 || asks[v] == (most > 0));
    asked += asks[v];
  }
  CHECK(right);
  CHECK(asked > 0 && asked < LIST);
  rest[2] = NAN;
  loops->exceed(1, feature, A, norm, strength, C, rest, near, asks);
  CHECK(asks[0] == 1);
}

static void test_loops(const lc_lane_kernel *loops) {
  static loop_data data;
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  fill(&data, &arena);
  test_product(loops, &data);
  test_gather(loops, &data);
  test_vectors(loops, &data, &arena);
  test_bounds(loops, &data);
  ctest_host_free(&host);
}

/* ---- verbs of columns ------------------------------------------------------------------------------------------ */

/* Columns that came in any order are the rows' entries; products with lines are sums over rows. values: no floats. */
static void test_columns(int values) {
  static ctest_problem t;
  enum { N = 37, P = 12, CAME = 5 };
  const lc_index came[CAME] = {7, 0, 11, 3, 4};
  lc_grown_rows rows;
  double lines[P * LC_LANES];
  lc_index all[P];
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .alpha = 1});
  for (lc_index i = 0; i < N * P; i++) t.x[i] = i % 3 ? 0 : values ? t.x[i] : (double)(float)t.x[i];
  ctest_problem_refresh(&t);
  double *R = ctest_normals(N * LC_LANES);
  const lc_design *x = &t.sparse;
  CHECK(x->ops->grown_rows(x, &rows, &t.arena) == LC_OK);
  x->ops->grow_rows(x, 2, came, &rows, &t.host.host);
  x->ops->grow_rows(x, CAME - 2, came + 2, &rows, &t.host.host);
  CHECK((rows.value != NULL) == values);
  lc_index entries = 0;
  int right = 1;
  for (lc_index i = 0; i < N; i++)
    for (int e = rows.start[i]; e < rows.end[i]; e++, entries++) {
      double value = t.x[i + came[rows.index[e]] * N];
      right = right && value != 0 && rows.narrow[e] == (float)value && (!values || rows.value[e] == value);
    }
  CHECK(right);
  CHECK(rows.columns == CAME && rows.entries == entries);
  lc_index want = 0;
  for (int a = 0; a < CAME; a++)
    for (lc_index i = 0; i < N; i++) want += t.x[i + came[a] * N] != 0;
  CHECK(entries == want);
  for (lc_index j = 0; j < P; j++) all[j] = P - 1 - j;
  x->ops->col_lines(x, P, all, LC_LANES, R, lines, &t.host.host);
  int close = 1;
  for (lc_index j = 0; j < P; j++)
    for (int l = 0; l < LC_LANES; l++) {
      double sum = 0;
      for (lc_index i = 0; i < N; i++) sum += t.x[i + all[j] * N] * R[i * LC_LANES + l];
      close = close && fabs(sum - lines[j * LC_LANES + l]) < 1e-12;
    }
  CHECK(close);
  float *narrow = lc_arena_alloc(&t.arena, N * LC_LANES, sizeof *narrow);
  for (lc_index i = 0; i < N * LC_LANES; i++) narrow[i] = (float)R[i];
  double *rough = lc_arena_doubles(&t.arena, P * LC_LANES);
  x->ops->col_float_lines(x, P, all, narrow, rough, &t.host.host);
  close = 1;
  for (lc_index j = 0; j < P; j++)
    for (int l = 0; l < LC_LANES; l++) {
      double size = 0;
      for (lc_index i = 0; i < N; i++) size += fabs(t.x[i + all[j] * N] * R[i * LC_LANES + l]);
      close = close && fabs(rough[j * LC_LANES + l] - lines[j * LC_LANES + l]) <= 2e-7 * size;
    }
  CHECK(close);
  free(R);
  ctest_problem_free(&t);
}

/* ---- solutions ------------------------------------------------------------------------------------------------- */

enum { LAMBDAS = 9, MOST_P = 60 };

typedef struct kept {
  ctest_problem *t;
  lc_objective obj;
  lc_penalty pen;
  double lambda[LAMBDAS], value[LAMBDAS], gap[LAMBDAS], B[LAMBDAS][MOST_P + 1], tolerance;
  int times[LAMBDAS], sound;
  double steps; /* of Newton's method, of all lanes */
} kept;

/* Largest distance of the scores that a point brings from those of its coefficients. */
static double scores_off(const ctest_problem *t, const lc_objective *obj) {
  double worst = 0;
  for (lc_index i = 0; i < t->n; i++) {
    double z = (t->offset ? t->offset[i] : 0) + (t->pen.intercept ? obj->at.B[0] : 0);
    for (lc_index j = 0; j < t->p; j++) z += t->x[i + j * t->n] * obj->at.B[j + t->pen.intercept];
    worst = fmax(worst, fabs(z - obj->at.Z[i]));
  }
  return worst;
}

/* Value and scores are those of the coefficients, and gap and residual are what they may be. */
static lc_status keep(void *context, lc_index l, const lc_lanes_point *point) {
  kept *own = context;
  const lc_objective *obj = &own->obj;
  memcpy(own->B[l], obj->at.B, (size_t)obj->P * sizeof(double));
  own->times[l]++;
  own->steps += point->iterations;
  own->value[l] = obj->at.value;
  own->gap[l] = point->gap;
  own->t->pen.lambda = own->lambda[l];
  own->sound = own->sound && fabs(ctest_value(own->t, obj->at.B) - obj->at.value) < 1e-12 * (1 + obj->at.value) &&
               scores_off(own->t, obj) < 1e-12 && point->relative <= own->tolerance && point->gap >= 0 &&
               point->kkt < 1e4 * own->tolerance;
  return LC_OK;
}

static void start(kept *own, ctest_problem *t) {
  own->t = t;
  own->tolerance = 1e-8;
  own->pen = t->pen;
  CHECK(lc_scale_penalty(&t->sparse, t->standardised ? t->spread : NULL, &own->pen, &t->arena) == LC_OK);
  own->sound = 1;
  own->steps = 0;
  memset(own->times, 0, sizeof own->times);
  double *mean = lc_arena_doubles(&t->arena, t->p), *rms = lc_arena_doubles(&t->arena, t->p);
  for (lc_index j = 0; j < t->p; j++) {
    mean[j] = t->mean[j];
    rms[j] = hypot(t->mean[j], t->sd[j]);
  }
  CHECK(lc_objective_init(&own->obj, &t->sparse, &t->obs, t->loss, &t->coding, &own->pen, 1, &t->arena) == LC_OK);
  own->obj.mean = mean;
  own->obj.rms = rms;
  double *zero = lc_arena_zeros(&t->arena, own->obj.P);
  lc_penalty_clip(&own->pen, 1, zero);
  own->pen.lambda = own->lambda[0];
  CHECK(lc_objective_eval(&own->obj, zero, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(&own->obj);
}

typedef struct lane_case {
  const char *loss;
  ctest_shape shape;
  double lower, upper; /* 0, 0: no bounds */
  int free, values, zero_weights;
  double most_steps; /* of Newton, for all lambdas: a tenth more than good starts take */
} lane_case;

static const lane_case cases[] = {
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1}, 0, 0, 0, 0, 0, 44},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .weighted = 1, .standardised = 1}, 0, 0, 0, 1, 1, 52},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 0.3, .weighted = 1}, 0, 0, 0, 1, 0, 35},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .no_intercept = 1, .standardised = 1}, 0, 0, 0, 1, 0, 54},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .standardised = 1}, -0.02, 0.3, 0, 1, 0, 54},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 0.8, .weighted = 1}, 0, 5, 3, 1, 0, 35},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .weighted = 1, .standardised = 1}, 0, 0, 4, 1, 1, 50},
    {"squared_hinge", {.n = 120, .p = 60, .k = 2, .alpha = 1, .standardised = 1}, 0, 0, 0, 1, 0, 62},
    {"squared_hinge", {.n = 120, .p = 60, .k = 2, .alpha = 0.5, .weighted = 1}, -0.5, 0.1, 2, 1, 1, 48},
};

static void make_case(ctest_problem *t, const lane_case *c) {
  ctest_seed(3); /* one seed in forty has a case that lanes leave to sweeps */
  ctest_problem_make(t, lc_loss_find(c->loss), c->shape);
  for (lc_index i = 0; i < t->n * t->p; i++) {
    t->x[i] = (i * 7) % 5 < 2 ? 0 : c->values ? t->x[i] : round(2 * t->x[i]);
    if (c->values && i / t->n % 4 == 1) t->x[i] = t->x[i - t->n] + 0.2 * t->x[i]; /* correlated pairs of columns */
  }
  for (lc_index i = 0; c->zero_weights && i < t->n; i += 7) t->w[i] = 0;
  ctest_problem_refresh(t);
  for (int j = 0; j < c->free; j++) t->l1[5 * j] = t->l2[5 * j] = 0;
  if (c->lower < 0 || c->upper > 0) ctest_problem_bound(t, c->lower, c->upper);
}

/* Members that are sorted take all that is theirs along, and their entries still name them. */
static void test_order(void) {
  static ctest_problem t;
  static kept own;
  lc_lanes s;
  lc_index feature[MOST_P], entries[MOST_P] = {0};
  make_case(&t, cases + 4);
  for (lc_index i = 0; i < t.n * t.p; i++) {
    if (i % t.n > t.n >> (i / t.n % 6)) t.x[i] = 0;
    entries[i / t.n] += t.x[i] != 0;
  }
  ctest_problem_refresh(&t);
  own.lambda[0] = 0.1;
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.2, own.lambda, 1, 1e-8, keep, &own, 1, 0};
  CHECK(lc_lanes_make(&s, &job) == LC_OK);
  CHECK(s.count == 0);
  for (lc_index j = 0; j < t.p; j++) feature[j] = t.p - 1 - j;
  CHECK(lc_lanes_join(&s, t.p, feature) == LC_OK);
  for (lc_index k = 0; k < s.count; k++) {
    s.held[k] = (unsigned char)s.feature[k];
    for (int l = 0; l < LC_LANES; l++) {
      s.b[lc_lane_at(k, l)] = (double)(10 * s.feature[k] + l);
      s.last[lc_lane_at(k, l)] = -(float)(10 * s.feature[k] + l);
    }
  }
  CHECK(lc_lanes_sort(&s, t.p + 1) == LC_OK);
  CHECK(s.feature[0] == t.p - 1);
  CHECK(lc_lanes_sort(&s, 1) == LC_OK);
  int right = 1, ordered = 1;
  for (lc_index k = 0; k < s.count; k++) {
    lc_index f = s.feature[k];
    ordered = ordered && (k == 0 || entries[f] <= 2 * entries[s.feature[k - 1]]);
    right = right && s.held[k] == f && s.mean[k] == own.obj.mean[f] && s.lower[k] == own.pen.lower[f] / s.unit[k] &&
            s.l1[k] == own.pen.l1[f] * s.unit[k] && s.unitf[k] == (float)s.unit[k];
    for (int l = 0; l < LC_LANES; l++)
      right =
          right && s.b[lc_lane_at(k, l)] == (double)(10 * f + l) && s.last[lc_lane_at(k, l)] == -(float)(10 * f + l);
  }
  CHECK(right);
  CHECK(ordered && entries[s.feature[0]] > 4 * entries[s.feature[s.count - 1]]);
  for (lc_index i = 0; i < t.n; i++)
    for (int e = s.rows.start[i]; e < s.rows.end[i]; e++)
      right = right && s.rows.narrow[e] == (float)t.x[i + s.feature[s.rows.index[e]] * t.n];
  CHECK(right);
  ctest_problem_free(&t);
}

/* To a tolerance: where it is wide the gap is far above rounding, and bounds what the point still loses. */
static void test_case(const lane_case *c, double tolerance) {
  static ctest_problem t;
  static kept own;
  lc_index solved = 0;
  lc_path path;
  make_case(&t, c);
  CHECK(ctest_path(&t, &t.sparse, &(lc_path_spec){.nlambdas = 1, .min_ratio = 1}, 1e-8, &path) == LC_OK);
  for (int l = 0; l < LAMBDAS; l++) own.lambda[l] = path.lambda_max * pow(0.02, (l + l % 2) / 10.0);
  start(&own, &t);
  own.tolerance = tolerance;
  lc_lanes_job job = {
      &own.obj, &own.pen, &t.host.host, &t.arena, path.lambda_max, own.lambda, LAMBDAS, tolerance, keep, &own, 1, 0};
  CHECK(lc_lanes_run(&job, &solved) == LC_OK);
  CHECK(solved == LAMBDAS);
  CHECK(own.sound);
  CHECK(own.steps <= c->most_steps);
  for (int l = 0; l < solved; l++) {
    CHECK(own.times[l] == 1);
    double best = ctest_best(&t, &t.dense, own.lambda[l], 1e-10, NULL), excess = own.value[l] - best;
    CHECK(fabs(excess) <= 2 * tolerance * fmax(best, 1e-3));
    CHECK(excess <= own.gap[l] + 1e-11);
  }
  ctest_problem_free(&t);
}

/* A gap that rounding does not allow: lanes give up, and what they solved before is whole. */
static void test_impossible(void) {
  static ctest_problem t;
  static kept own;
  lc_index solved = -1;
  make_case(&t, cases + 1);
  for (int l = 0; l < LAMBDAS; l++) own.lambda[l] = 0.02 * pow(0.7, l);
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.02, own.lambda, LAMBDAS, 1e-19, keep, &own, 1, 0};
  CHECK(lc_lanes_run(&job, &solved) == LC_OK);
  CHECK(solved >= 0 && solved < LAMBDAS);
  ctest_problem_free(&t);
}

/* Whatever poll or memory says stop, the status comes back, and the objective was told no solution twice. */
static void test_stops(void) {
  static ctest_problem t;
  static kept own;
  lc_index solved;
  for (long stop_at = 1; stop_at < 40; stop_at += 6) {
    make_case(&t, cases + 1);
    for (int l = 0; l < LAMBDAS; l++) own.lambda[l] = 0.02 * pow(0.7, l);
    start(&own, &t);
    t.host.polls = 0;
    t.host.stop_at = stop_at;
    lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.02, own.lambda, LAMBDAS, 1e-8, keep, &own, 1, 0};
    CHECK(lc_lanes_run(&job, &solved) == LC_INTERRUPTED);
    for (int l = 0; l < LAMBDAS; l++) CHECK(own.times[l] <= 1);
    ctest_problem_free(&t);
  }
  make_case(&t, cases + 1);
  start(&own, &t);
  t.host.limit = t.host.given + 20000;
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.02, own.lambda, LAMBDAS, 1e-8, keep, &own, 1, 0};
  CHECK(lc_lanes_run(&job, &solved) == LC_OUT_OF_MEMORY);
  ctest_problem_free(&t);
}

static void test_suits(void) {
  static ctest_problem t;
  static kept own;
  make_case(&t, cases);
  for (int l = 0; l < LAMBDAS; l++) own.lambda[l] = 0.02 * pow(0.7, l);
  start(&own, &t);
  CHECK(!lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS)); /* too small */
  ctest_problem_free(&t);
  make_case(&t, &(lane_case){.loss = "logistic", .shape = {.n = 2000, .p = 50, .k = 2, .alpha = 1}});
  start(&own, &t);
  CHECK(lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS));
  CHECK(!lc_lanes_suit(&own.obj, 0.02, own.lambda, 2));
  own.obj.x = &t.dense;
  CHECK(!lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS));
  ctest_problem_free(&t);
}

void test_lanes(void) {
  for (int set = 0; set < CTEST_KERNELS; set++)
    if (ctest_kernel(set)) test_loops(ctest_kernel(set)->lanes);
  test_columns(0);
  test_columns(1);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    test_case(cases + c, 1e-8);
    test_case(cases + c, 1e-3);
  }
  test_impossible();
  test_stops();
  test_suits();
  test_order();
}
