/* Tests of the loops that eight problems share in the lanes of floats: each against its sum, for every instruction
 * set. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "kernel/dispatch.h"
#include "kernel/lanes.h"
#include "problem.h"

void test_lane_loops(void);

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

void test_lane_loops(void) {
  ctest_seed(113);
  for (int set = 0; set < CTEST_KERNELS; set++)
    if (ctest_kernel(set)) test_loops(ctest_kernel(set)->lanes);
}
