/* Tests of lambdas in lanes: the verbs of columns against their sums, the solutions against whole fits. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "fit/scaling.h"
#include "lanes/lanes.h"
#include "lanes/state.h"
#include "problem.h"

void test_lanes(void);

/* ---- verbs of columns ------------------------------------------------------------------------------------------ */

/* Columns that came in any order are the rows' entries; products with lines are sums over rows; all as they are
 * shown. values: no floats. */
static void test_columns(int values, int scaled) {
  static ctest_problem t;
  enum { N = 37, P = 150, CAME = 5 }; /* more columns than are gathered together */
  const lc_index came[CAME] = {7, 0, 11, 3, 4};
  lc_grown_rows rows;
  double lines[P * LC_LANES], scale[P];
  lc_index all[P];
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .alpha = 1});
  for (lc_index i = 0; i < N * P; i++) t.x[i] = i % 3 ? 0 : values ? t.x[i] : (double)(float)t.x[i];
  ctest_problem_refresh(&t);
  double *R = ctest_normals(N * LC_LANES);
  const lc_design *x = &t.sparse;
  for (int j = 0; j < P; j++) scale[j] = scaled ? ldexp(1, j % 5 - 2) : 1;
  if (scaled) t.sparse.scale = scale;
  CHECK(x->ops->grown_rows(x, &rows, &t.arena) == LC_OK);
  x->ops->grow_rows(x, 2, came, &rows, &t.host.host);
  x->ops->grow_rows(x, CAME - 2, came + 2, &rows, &t.host.host);
  CHECK((rows.value != NULL) == values);
  lc_index entries = 0;
  int right = 1;
  for (lc_index i = 0; i < N; i++)
    for (int e = rows.start[i]; e < rows.end[i]; e++, entries++) {
      lc_index j = came[rows.index[e]];
      double value = t.x[i + j * N] * scale[j];
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
      for (lc_index i = 0; i < N; i++) sum += t.x[i + all[j] * N] * scale[all[j]] * R[i * LC_LANES + l];
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
      for (lc_index i = 0; i < N; i++) size += fabs(t.x[i + all[j] * N] * scale[all[j]] * R[i * LC_LANES + l]);
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
               point->kkt <= 100 * own->tolerance * own->lambda[l];
  own->t->pen.lambda = 0;
  own->sound = own->sound && fabs(ctest_value(own->t, obj->at.B) - obj->at.loss) < 1e-12 * (1 + obj->at.loss);
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
  double most_steps; /* of Newton, for all lambdas: a tenth more than good starts take, whatever the last digits are */
} lane_case;

static const lane_case cases[] = {
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1}, 0, 0, 0, 0, 0, 44},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .weighted = 1, .standardised = 1}, 0, 0, 0, 1, 1, 52},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 0.3, .weighted = 1}, 0, 0, 0, 1, 0, 35},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .no_intercept = 1, .standardised = 1}, 0, 0, 0, 1, 0, 54},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .standardised = 1}, -0.02, 0.3, 0, 1, 0, 54},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 0.8, .weighted = 1}, 0, 5, 3, 1, 0, 35},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 1, .weighted = 1, .standardised = 1}, 0, 0, 4, 1, 1, 50},
    {"logistic", {.n = 120, .p = 60, .k = 2, .alpha = 0.9, .weighted = 1}, 0.01, 0.3, 0, 1, 0, 100},
    {"squared_hinge", {.n = 120, .p = 60, .k = 2, .alpha = 1, .standardised = 1}, 0, 0, 0, 1, 0, 70},
    {"squared_hinge", {.n = 120, .p = 60, .k = 2, .alpha = 0.5, .weighted = 1}, -0.5, 0.1, 2, 1, 1, 48},
};

static void swap(double *v, lc_index i, lc_index k) {
  double kept = v[i];
  v[i] = v[k];
  v[k] = kept;
}

static void swap_rows(ctest_problem *t, lc_index i, lc_index k) {
  swap(t->y, i, k);
  for (lc_index j = 0; j < t->p; j++) swap(t->x + j * t->n, i, k);
  if (t->w) swap(t->w, i, k);
  if (t->offset) swap(t->offset, i, k);
}

static void make_case(ctest_problem *t, const lane_case *c) {
  ctest_seed(3); /* one seed in forty has a case that lanes leave to sweeps */
  ctest_problem_make(t, lc_loss_find(c->loss), c->shape);
  for (lc_index i = 0; i < t->n * t->p; i++) {
    t->x[i] = (i * 7) % 5 < 2 ? 0 : c->values ? t->x[i] : round(2 * t->x[i]);
    if (c->values && i / t->n % 4 == 1) t->x[i] = t->x[i - t->n] + 0.2 * t->x[i]; /* correlated pairs of columns */
  }
  for (lc_index i = 0; c->zero_weights && i < t->n; i += 7) t->w[i] = 0;
  for (lc_index i = 8; i + 1 < t->n; i += 41) swap_rows(t, i, i + 1); /* no block of rows has the classes of another */
  ctest_problem_refresh(t);
  for (int j = 0; j < c->free; j++) t->l1[5 * j] = t->l2[5 * j] = 0;
  if (c->lower < 0 || c->upper > 0) ctest_problem_bound(t, c->lower, c->upper);
}

/* Sums over members that come in three pieces: 1, 2 and 3 in an order of each lane's own. */
static void test_sums(void) {
  enum { PIECES = 3, LINE = 1 };
  double sums[PIECES * LC_LANES_SUMS * LC_LANES], total[LC_LANES], largest[LC_LANES];
  lc_lanes s = {.count = (PIECES - 1) * LC_LANES_PIECE + 1, .sums = sums};
  for (int i = 0; i < PIECES * LC_LANES_SUMS * LC_LANES; i++) sums[i] = NAN;
  for (int piece = 0; piece < PIECES; piece++)
    for (int l = 0; l < LC_LANES; l++) lc_lanes_line(&s, piece * LC_LANES_PIECE, LINE)[l] = 1 + (piece + l) % PIECES;
  lc_lanes_total(&s, LINE, total);
  lc_lanes_largest(&s, LINE, largest);
  for (int l = 0; l < LC_LANES; l++) CHECK(total[l] == 6 && largest[l] == 3);
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

/* Columns outside join where a lane's residuals pull them from 0 by nearly what the penalty holds, and no bound does;
 * there are more than are read at a time. */
static void test_rest(double lower, double upper) {
  enum { N = 30, P = 4200, MOST_LANES = 3 };
  static ctest_problem t;
  static kept own;
  lc_lanes s;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1, .alpha = 1});
  for (lc_index i = 0; i < N * P; i++)
    if (i % 11) t.x[i] = 0;
  ctest_problem_refresh(&t);
  ctest_problem_bound(&t, lower, upper);
  own.lambda[0] = 0.1;
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.2, own.lambda, 1, 1e-8, keep, &own, 0, 0};
  CHECK(lc_lanes_make(&s, &job) == LC_OK && s.count == 0 && s.nrest == P);
  for (lc_index i = 0; i < N * LC_LANES; i++) {
    s.R[i] = ctest_normal();
    s.Rf[i] = (float)s.R[i];
  }
  for (int l = 0; l < MOST_LANES; l++) s.lane[l].active = 1, s.lane[l].lambda = 0.03 * (2 + l), s.lane[l].rms = 1;
  CHECK(lc_lanes_read_rest(&s) == LC_OK);
  CHECK(s.count + s.nrest == P && s.count > 100 && s.nrest > 100);
  unsigned char *member = calloc(P, 1);
  int right = 1;
  for (lc_index k = 0; k < s.count; k++) {
    member[s.feature[k]]++;
    for (int l = 0; l < LC_LANES; l++) {
      double sum = 0;
      for (lc_index i = 0; i < N; i++) sum += t.x[i + s.feature[k] * N] * s.R[lc_lane_at(i, l)];
      right = right && fabs(s.g[lc_lane_at(k, l)] - sum * s.unit[k] / own.obj.weight_sum) < 1e-13 * s.unit[k];
    }
  }
  for (lc_index a = 0; a < s.nrest; a++) member[s.rest[a]] += 2;
  for (lc_index f = 0; f < P; f++) {
    int joins = 0;
    for (int l = 0; l < MOST_LANES; l++) {
      double sum = 0;
      for (lc_index i = 0; i < N; i++) sum += t.x[i + f * N] * s.R[lc_lane_at(i, l)];
      joins |= fabs(sum) > 0.97 * s.lane[l].lambda * own.obj.weight_sum && (sum > 0 ? lower < 0 : upper > 0);
    }
    right = right && member[f] == (joins ? 1 : 2);
  }
  CHECK(right);
  free(member);
  ctest_problem_free(&t);
}

/* Once all columns were read, only those are that their lengths and the kept products do not prove to stay at 0. Lane l
 * is pulled along column l, whose length is all that tells it, and which lies in the rows of a fold: lengths are of all
 * rows, which weigh eleven times as much. */
static void test_bounds(void) {
  enum { N = 600, FOLD = 200, P = 400, LONG = 20, EACH = 3 };
  static ctest_problem t;
  static kept own;
  static double R[N * LC_LANES];
  lc_lanes s;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1, .alpha = 1});
  memset(t.x, 0, sizeof *t.x * N * P);
  for (lc_index e = 0; e < EACH * P; e++) {
    double sign = ctest_uniform() < 0.5 ? -1 : 1, size = e < EACH * LONG ? 2 : 1;
    t.x[(7 * (e / EACH) + 67 * (e % EACH)) % FOLD + e / EACH * N] = sign * size * (1 + 0.1 * ctest_uniform());
  }
  for (lc_index i = 0; i < N; i++) t.w[i] = i < FOLD ? 1 : 5;
  ctest_problem_refresh(&t);
  for (lc_index i = FOLD; i < N; i++) t.w[i] = 0;
  own.lambda[0] = 0.1;
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.2, own.lambda, 1, 1e-8, keep, &own, 0, 11 * FOLD};
  CHECK(lc_lanes_make(&s, &job) == LC_OK && s.nrest == P);
  for (int l = 0; l < LC_LANES; l++) s.lane[l].active = 1, s.lane[l].lambda = 0.03 + 0.002 * l, s.lane[l].rms = 1;
  for (int again = 0; again < 2; again++) {
    for (lc_index i = 0; i < FOLD * LC_LANES; i++) {
      int l = (int)(i % LC_LANES);
      lc_index row = i / LC_LANES, next = lc_lane_at(row, (l + 1) % LC_LANES);
      double along = 0.97 * s.lane[l].lambda * FOLD * t.x[row + l * N], square = 0;
      for (lc_index k = 0; k < FOLD; k++) square += t.x[k + l * N] * t.x[k + l * N];
      R[i] = again ? 0.5 * s.R[next] + 1.5 * along / square : 0.3 * ctest_normal();
    }
    double passes = own.obj.passes;
    int right = 1;
    for (lc_index i = 0; i < N * LC_LANES; i++) s.R[i] = R[i], s.Rf[i] = (float)R[i];
    CHECK(lc_lanes_read_rest(&s) == LC_OK);
    CHECK(again ? own.obj.passes - passes < 0.2 && s.count >= LC_LANES : own.obj.passes - passes == 1 && s.count == 0);
    for (lc_index f = 0; f < P; f++) {
      int member = 0, joins = 0;
      for (lc_index k = 0; k < s.count; k++) member |= s.feature[k] == f;
      for (int l = 0; l < LC_LANES; l++) {
        double sum = 0;
        for (lc_index i = 0; i < FOLD; i++) sum += t.x[i + f * N] * R[i * LC_LANES + l];
        joins |= fabs(sum) > 0.97 * s.lane[l].lambda * FOLD;
      }
      right = right && member == joins;
    }
    CHECK(right);
  }
  ctest_problem_free(&t);
}

/* What a pass finds at the trials of the lanes, of so many entries that rows have two parts: sums over rows. */
static void test_pass(int no_intercept) {
  enum { N = 2000, P = 150 };
  static ctest_problem t;
  static kept own;
  static double z[N], R[N], w[N];
  lc_lanes s;
  lc_index feature[P];
  ctest_problem_make(&t, lc_loss_find("logistic"),
                     (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1, .no_intercept = no_intercept, .alpha = 1});
  own.lambda[0] = 0.1;
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.2, own.lambda, 1, 1e-8, keep, &own, 0, 0};
  CHECK(lc_lanes_make(&s, &job) == LC_OK && s.parts == LC_LANES_MOST_PARTS);
  for (lc_index j = 0; j < P; j++) feature[j] = j;
  CHECK(lc_lanes_join(&s, P, feature) == LC_OK);
  for (lc_index i = 0; i < P * LC_LANES; i++) s.to[i] = 0.05 * ctest_normal();
  for (int l = 0; l < LC_LANES; l++) s.lane[l].to0 = no_intercept ? 0 : 0.3 * ctest_normal();
  CHECK(lc_lanes_pass(&s) == LC_OK);
  for (int l = 0; l < LC_LANES; l += 3) {
    double loss = 0, sum = 0, curvature = 0, squares = 0, total = 0, worst = 0;
    for (lc_index i = 0; i < N; i++) {
      double weight = t.w[i], p, side = 2 * t.y[i] - 1;
      z[i] = t.offset[i] + s.lane[l].to0;
      for (lc_index j = 0; j < P; j++)
        z[i] += (t.x[i + j * N] - (no_intercept ? 0 : t.mean[j])) * s.unit[j] * s.to[lc_lane_at(j, l)];
      p = 1 / (1 + exp(-z[i]));
      R[i] = weight * (p - t.y[i]);
      w[i] = weight * p * (1 - p);
      loss += weight * log1p(exp(-side * z[i]));
      sum += R[i];
      curvature += w[i];
      squares += R[i] * (p - t.y[i]);
      total += weight;
    }
    double shift = no_intercept ? 0 : sum / curvature;
    CHECK_NEAR(s.lane[l].loss, loss / total, 1e-12);
    CHECK_NEAR(s.lane[l].curvature, curvature / total, 1e-6);
    CHECK_NEAR(s.lane[l].rms, sqrt(squares / total), 1e-12);
    CHECK_NEAR(s.lane[l].shift, shift, 1e-6);
    for (lc_index j = 0; j < P; j++) {
      double g = 0;
      for (lc_index i = 0; i < N; i++) g += t.x[i + j * N] * (R[i] - w[i] * shift);
      worst = fmax(worst, fabs(g * s.unit[j] / total - s.g[lc_lane_at(j, l)]));
    }
    CHECK(worst < 1e-6);
  }
  ctest_problem_free(&t);
}

/* What becomes of a trial that lowers the objective by a share `gain` of it: is it refused (bad), is its step made
 * again (back), how many were refused in a row, does the next step end early (careful), is the trial a gain. */
static const struct trial {
  int age, back, fails, careful, clips, held;
  double gain;
  struct {
    int bad, back, fails, careful, gains, held;
  } after;
} trials[LC_LANES] = {
    {3, 0, 3, 1, 0, 1, 1e-1, {0, 0, 0, 0, 1, 0}},   /* a good step ends all care */
    {3, 0, 0, 0, 1, 0, 1e-7, {0, 0, 0, 0, 0, 0}},   /* less than the tolerance, and no rise */
    {3, 0, 0, 0, 0, 0, -1e-14, {0, 0, 0, 0, 0, 0}}, /* rounding */
    {3, 0, 0, 0, 0, 0, -1e-10, {1, 0, 1, 0, 0, 0}}, /* a rise: halved */
    {3, 0, 0, 0, 1, 0, -1e-10, {1, 1, 1, 0, 0, 1}}, /* a rise that clipped: made again with that held */
    {3, 0, 7, 0, 0, 0, -1e-10, {1, 1, 8, 1, 0, 0}}, /* halves do not end it */
    {3, 1, 1, 0, 1, 1, -1e-10, {0, 0, 1, 0, 0, 1}}, /* made again: taken as it is */
    {0, 0, 0, 0, 0, 0, -1e-10, {0, 0, 0, 0, 0, 0}}, /* the first of a lane */
};

/* Trials are judged by the table, and the largest residual, that of the definition, is a new least one where it fell
 * below 0.7 of the last: where it did not, and the objective did not gain, the lane is idle for one round more. */
static void test_judge(void) {
  static ctest_problem t;
  static kept own;
  lc_lanes s;
  lc_index feature[MOST_P];
  make_case(&t, cases + 1);
  own.lambda[0] = 0.05;
  start(&own, &t);
  lc_lanes_job job = {&own.obj, &own.pen, &t.host.host, &t.arena, 0.2, own.lambda, 1, 1e-6, keep, &own, 0, 0};
  CHECK(lc_lanes_make(&s, &job) == LC_OK);
  for (lc_index j = 0; j < t.p; j++) feature[j] = j;
  CHECK(lc_lanes_join(&s, t.p, feature) == LC_OK && s.count == t.p);
  for (lc_index i = 0; i < t.p * LC_LANES; i++) s.to[i] = i / LC_LANES % 3 ? 0 : 0.05 * ctest_normal();
  for (int l = 0; l < LC_LANES; l++) s.lane[l].active = 1, s.lane[l].lambda = 0.02 * (l + 1), s.lane[l].to0 = 0;
  CHECK(lc_lanes_pass(&s) == LC_OK);
  for (lc_index k = 0; k < s.count; k++) s.held[k] = s.clipped[k] = 0;
  for (int l = 0; l < LC_LANES; l++) {
    const struct trial *trial = trials + l;
    lc_lane *lane = s.lane + l;
    double value = lane->loss;
    for (lc_index k = 0; k < s.count; k++) value += lane->lambda * s.l1[k] * fabs(s.to[lc_lane_at(k, l)]);
    lane->old_value = value * (1 + trial->gain);
    lane->age = trial->age;
    lane->back = trial->back;
    lane->fails = trial->fails;
    lane->careful = trial->careful;
    lane->least = INFINITY;
    s.held[7] |= (unsigned char)(trial->held << l);
    s.clipped[7] |= (unsigned char)(trial->clips << l);
  }
  lc_lanes_judge(&s);
  for (int l = 0; l < LC_LANES; l++) {
    const struct trial *trial = trials + l;
    const lc_lane *lane = s.lane + l;
    CHECK(lane->bad == trial->after.bad && lane->back == trial->after.back && lane->fails == trial->after.fails);
    CHECK(lane->careful == trial->after.careful && (s.held[7] >> l & 1) == trial->after.held);
    CHECK(lane->was_back == trial->back);
    if (lane->bad) continue;
    double worst = 0;
    for (lc_index k = 0; k < s.count; k++) {
      double g = s.g[lc_lane_at(k, l)], x = s.to[lc_lane_at(k, l)], l1 = lane->lambda * s.l1[k];
      worst = fmax(worst, (x != 0 ? fabs(g + copysign(l1, x)) : fmax(0, fabs(g) - l1)) / l1);
      CHECK(s.b[lc_lane_at(k, l)] == x);
    }
    CHECK_NEAR(lane->worst, worst, 1e-12);
    CHECK(lane->gains == trial->after.gains && lane->idle == 0 && lane->least == lane->worst);
  }
  for (int l = 0; l < LC_LANES; l++) s.lane[l].back = 0, s.lane[l].old_value = INFINITY;
  lc_lanes_judge(&s); /* all are taken, and measured */
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s.lane + l;
    int falls = l & 1, gains = l >> 1 & 1;
    double least = lane->least = lane->worst / (falls ? 0.69 : 0.71);
    lane->idle = 5;
    lane->bad = lane->back = 0;
    lane->old_value = lane->value * (1 + (gains ? 1e-3 : 0));
    if (l == 3) lane->active = 0;
    lc_lanes_judge(&s);
    CHECK(lane->idle == (!lane->active ? 5 : falls || gains ? 0 : 6));
    CHECK(lane->least == (falls && lane->active ? lane->worst : least));
  }
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
  for (int exponent = -30; exponent <= 30; exponent += 10) { /* a column that floats cannot hold */
    double *rms = lc_arena_doubles(&t.arena, t.p), scale[50];
    for (lc_index j = 0; j < t.p; j++) rms[j] = j == 17 ? pow(10, exponent) : 1, scale[j] = 1;
    own.obj.rms = rms;
    CHECK(lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS) == (abs(exponent) <= 10));
    t.sparse.scale = scale; /* the stored one is another */
    CHECK(!lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS));
    t.sparse.scale = NULL;
  }
  own.obj.x = &t.dense;
  CHECK(!lc_lanes_suit(&own.obj, 0.02, own.lambda, LAMBDAS));
  ctest_problem_free(&t);
}

void test_lanes(void) {
  test_sums();
  ctest_seed(113);
  for (int v = 0; v < 4; v++) test_columns(v % 2, v / 2);
  for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
    test_case(cases + c, 1e-8);
    test_case(cases + c, 1e-3);
  }
  test_rest(-1, 1);
  test_rest(0, 1);
  test_rest(-1, 0);
  test_bounds();
  test_pass(0);
  test_pass(1);
  test_judge();
  test_impossible();
  test_stops();
  test_suits();
  test_order();
}
