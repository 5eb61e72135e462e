/* Tests of the room "penalty": value, gradient, proximal step, conjugate and KKT residual agree. */
#include "problem/penalty.h"

#include <math.h>
#include <string.h>

#include "ctest.h"

void test_penalty(void);

enum { P = 4, K = 2 };

static double one_value(const lc_penalty *pen, lc_index j, double b) {
  return lc_penalty_l1(pen, j) * fabs(b) + lc_penalty_l2(pen, j) / 2 * b * b;
}

/* The proximal step and the conjugate are an argmin and a maximum: no point of a grid does better. */
static void test_extremal(const lc_penalty *pen) {
  for (lc_index j = 0; j < P; j++)
    for (int t = 0; t < 20; t++) {
      double v = 10 * ctest_uniform() - 5, h = 0.2 + ctest_uniform(), b = lc_penalty_prox(pen, j, v, h);
      double low = pen->lower ? fmax(pen->lower[j], -6) : -6, high = pen->upper ? fmin(pen->upper[j], 6) : 6;
      double best = h / 2 * (b - v) * (b - v) + lc_penalty_l1(pen, j) * fabs(b);
      double conjugate = lc_penalty_conjugate(pen, j, v), most = -INFINITY;
      CHECK(b >= low && b <= high);
      int least = 1;
      for (int g = 0; g <= 1200; g++) {
        double c = low + (high - low) * g / 1200;
        least = least && h / 2 * (c - v) * (c - v) + lc_penalty_l1(pen, j) * fabs(c) >= best - 1e-12;
        most = fmax(most, v * c - one_value(pen, j, c));
      }
      CHECK(least);
      CHECK(conjugate >= most - 1e-12);
      /* The grid reaches a maximum that exists and lies inside it. */
      if (isfinite(conjugate) && conjugate < 6) CHECK(conjugate <= most + 1e-3);
      if (!isfinite(conjugate)) CHECK(!pen->lower && lc_penalty_l2(pen, j) == 0);
    }
}

/* At the minimum of g b + h/2 (b - v)^2 + penalty the residual is zero, beside it it is not. */
static void test_violation(const lc_penalty *pen) {
  for (lc_index j = 0; j < P; j++)
    for (int t = 0; t < 20; t++) {
      double v = 3 * ctest_normal(), h = 0.5, b = lc_penalty_prox(pen, j, v, h), g = h * (b - v);
      CHECK(lc_penalty_violation(pen, j, b, g) < 1e-12);
      double off = b + 0.05;
      if (!pen->upper || off <= pen->upper[j]) CHECK(lc_penalty_violation(pen, j, off, h * (off - v)) > 1e-3);
    }
}

/* The flow is the limit of many small proximal steps, and flows add up; equal steps are equal steps. */
static void test_flow(const lc_penalty *pen) {
  for (lc_index j = 0; j < P; j++)
    for (int t = 0; t < 20; t++) {
      double b = 6 * ctest_uniform() - 3, time = 2 * ctest_uniform(), small = time / 20000, many, rate = 0.3;
      if (pen->lower) b = fmin(fmax(b, pen->lower[j]), pen->upper[j]);
      many = b;
      for (int s = 0; s < 20000; s++)
        many = lc_penalty_prox(pen, j, many * (1 - small * lc_penalty_l2(pen, j)), 1 / small);
      CHECK_NEAR(lc_penalty_flow(pen, j, b, 0, time), many, 1e-3);
      double half = lc_penalty_flow(pen, j, b, 0, 0.4 * time);
      CHECK_NEAR(lc_penalty_flow(pen, j, half, 0, 0.6 * time), lc_penalty_flow(pen, j, b, 0, time), 1e-13);
      /* The same with a force, which may take it through 0 and out again. */
      double force = 4 * ctest_uniform() - 2;
      many = b;
      for (int s = 0; s < 20000; s++)
        many = lc_penalty_prox(pen, j, many - small * (force + lc_penalty_l2(pen, j) * many), 1 / small);
      CHECK_NEAR(lc_penalty_flow(pen, j, b, force, time), many, 1e-3);
      half = lc_penalty_flow(pen, j, b, force, 0.4 * time);
      CHECK_NEAR(lc_penalty_flow(pen, j, half, force, 0.6 * time), lc_penalty_flow(pen, j, b, force, time), 1e-13);
      if (t % 5 == 0 && lc_penalty_l2(pen, j) > 0) rate = 1.4 / lc_penalty_l2(pen, j);
      many = b;
      for (int s = 0; s < t; s++) many = lc_penalty_prox(pen, j, many - rate * lc_penalty_l2(pen, j) * many, 1 / rate);
      CHECK_NEAR(lc_penalty_repeat(pen, j, b, rate, t), many, 1e-12);
    }
}

static void test_gradient(const lc_penalty *pen) {
  lc_index q = P + pen->intercept;
  double B[(P + 1) * K], G[(P + 1) * K] = {0}, h = 1e-6;
  for (lc_index i = 0; i < q * K; i++) B[i] = 1 + ctest_uniform();
  lc_penalty_add_ridge(pen, K, B, G);
  lc_penalty_add_sign(pen, K, B, G);
  double value = 0;
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < P; j++) value += one_value(pen, j, B[c * q + pen->intercept + j]);
  CHECK_NEAR(lc_penalty_value(pen, K, B), value, 1e-14);
  /* Rows from the last on, the intercept's among them; then all but feature 0. */
  lc_index rows[P + 1];
  for (lc_index v = 0; v < q; v++) rows[v] = q - 1 - v;
  CHECK_NEAR(lc_penalty_value_of(pen, K, q, rows, B), value, 1e-14);
  for (int c = 0; c < K; c++) value -= one_value(pen, 0, B[c * q + pen->intercept]);
  CHECK_NEAR(lc_penalty_value_of(pen, K, P - 1, rows, B), value, 1e-14);
  for (lc_index i = 0; i < q * K; i++) {
    double at = B[i];
    B[i] = at + h;
    double up = lc_penalty_value(pen, K, B);
    B[i] = at - h;
    double down = lc_penalty_value(pen, K, B);
    B[i] = at;
    CHECK_NEAR(G[i], (up - down) / (2 * h), 1e-8);
    if (pen->intercept && i % q == 0) CHECK(G[i] == 0);
  }
  B[pen->intercept] = 0;
  G[pen->intercept] = 0;
  lc_penalty_add_sign(pen, K, B, G);
  CHECK(G[pen->intercept] == 0);

  double moved[(P + 1) * K];
  memcpy(moved, B, sizeof moved);
  lc_penalty_prox_all(pen, K, 0.3, moved);
  for (int c = 0; c < K; c++) {
    if (pen->intercept) CHECK(moved[c * q] == B[c * q]);
    for (lc_index j = 0; j < P; j++) {
      lc_index i = c * q + pen->intercept + j;
      CHECK_NEAR(moved[i], lc_penalty_prox(pen, j, B[i], 1 / 0.3), 1e-14);
    }
  }

  double worst = 0, S[(P + 1) * K];
  for (lc_index i = 0; i < q * K; i++) S[i] = ctest_normal();
  for (int c = 0; c < K; c++) {
    if (pen->intercept) worst = fmax(worst, fabs(S[c * q]));
    for (lc_index j = 0; j < P; j++) {
      lc_index i = c * q + pen->intercept + j;
      worst = fmax(worst, lc_penalty_violation(pen, j, moved[i], S[i]));
    }
  }
  CHECK(lc_penalty_kkt(pen, K, moved, S) == worst);
}

/* Of a group: value, step, residual and conjugate, against random points and against one slope's. */
static void test_groups(const lc_penalty *pen) {
  enum { WIDTH = 3, POINTS = 300, LD = 2 };
  for (lc_index j = 0; j < P; j++)
    for (int t = 0; t < 20; t++) {
      double v[WIDTH * LD], b[WIDTH * LD] = {0}, g[WIDTH], zero[WIDTH] = {0}, h = 0.2 + ctest_uniform(), shrink = 0.7;
      double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j), norm = 0, best = 0, most = 0;
      for (int c = 0; c < WIDTH; c++) v[c * LD] = b[c * LD] = 2 * ctest_normal();
      for (int c = 0; c < WIDTH; c++) norm += v[c * LD] * v[c * LD];
      norm = sqrt(norm);
      CHECK_NEAR(lc_penalty_norm(WIDTH, v, LD), norm, 1e-14);
      for (int c = 0; c < WIDTH; c++) { /* one of a size whose square leaves the range */
        double usual = v[c * LD];
        v[c * LD] = 1e200;
        CHECK_NEAR(lc_penalty_norm(WIDTH, v, LD) / 1e200, 1, 1e-14);
        v[c * LD] = usual;
      }
      lc_penalty_group_prox(pen, j, WIDTH, b, LD, h);
      double length = lc_penalty_norm(WIDTH, b, LD);
      for (int c = 0; c < WIDTH; c++) {
        g[c] = h * (b[c * LD] - v[c * LD]);
        best += h / 2 * (b[c * LD] - v[c * LD]) * (b[c * LD] - v[c * LD]);
      }
      best += l1 * length;
      CHECK(lc_penalty_group_violation(pen, j, WIDTH, b, LD, g, 1) < 1e-12);
      CHECK_NEAR(lc_penalty_group_violation(pen, j, WIDTH, zero, 1, v, LD), fmax(norm - l1, 0), 1e-13);
      double conjugate = lc_penalty_group_conjugate(pen, j, WIDTH, shrink, v, LD);
      int least = 1;
      for (int k = 0; k < POINTS; k++) {
        double size = 0, distance = 0, product = 0, scale = ctest_uniform();
        for (int c = 0; c < WIDTH; c++) {
          double point = k % 2 ? b[c * LD] + 0.1 * ctest_normal() : 3 * scale * v[c * LD];
          size += point * point;
          distance += (point - v[c * LD]) * (point - v[c * LD]);
          product += shrink * v[c * LD] * point;
        }
        least = least && h / 2 * distance + l1 * sqrt(size) >= best - 1e-12;
        most = fmax(most, product - l1 * sqrt(size) - l2 / 2 * size);
      }
      CHECK(least);
      CHECK(conjugate >= most - 1e-12);
      CHECK(isfinite(conjugate) == (l2 > 0 || shrink * norm <= l1));
      if (l2 > 0) /* the maximum is along v */
        CHECK_NEAR(conjugate, lc_penalty_conjugate(pen, j, shrink * norm), 1e-12);
      double feasible = lc_penalty_feasible(pen, j, WIDTH, v, LD, 1);
      CHECK(isfinite(lc_penalty_group_conjugate(pen, j, WIDTH, -feasible, v, LD)));
      CHECK_NEAR(feasible, l2 > 0 ? 1 : fmin(1, l1 / norm), 1e-13);
      CHECK(lc_penalty_group_conjugate(pen, j, 1, shrink, v, LD) == lc_penalty_conjugate(pen, j, shrink * v[0]));
    }
  double huge[2] = {3e300, 4e300};
  CHECK_NEAR(lc_penalty_norm(2, huge, 1) / 5e300, 1, 1e-15);
}

/* All of B: the gradient by differences of the value, the step and the residual group by group. */
static void test_grouped_matrix(const lc_penalty *pen) {
  lc_index q = P + pen->intercept;
  double B[(P + 1) * K], G[(P + 1) * K] = {0}, moved[(P + 1) * K], S[(P + 1) * K], h = 1e-6, worst = 0;
  for (lc_index i = 0; i < q * K; i++) B[i] = ctest_normal();
  for (lc_index i = 0; i < q * K; i++) S[i] = ctest_normal();
  lc_penalty_add_ridge(pen, K, B, G);
  lc_penalty_add_sign(pen, K, B, G);
  for (lc_index i = 0; i < q * K; i++) {
    double at = B[i];
    B[i] = at + h;
    double up = lc_penalty_value(pen, K, B);
    B[i] = at - h;
    CHECK_NEAR(G[i], (up - lc_penalty_value(pen, K, B)) / (2 * h), 1e-8);
    B[i] = at;
  }
  memcpy(moved, B, sizeof moved);
  lc_penalty_prox_all(pen, K, 0.3, moved);
  for (int c = 0; pen->intercept && c < K; c++) worst = fmax(worst, fabs(S[c * q]));
  for (lc_index j = 0; j < P; j++) {
    double *b = B + pen->intercept + j;
    lc_penalty_group_prox(pen, j, K, b, q, 1 / 0.3);
    for (int c = 0; c < K; c++) CHECK(moved[c * q + pen->intercept + j] == b[c * q]);
    worst = fmax(worst, lc_penalty_group_violation(pen, j, K, b, q, S + pen->intercept + j, q));
  }
  CHECK(lc_penalty_kkt(pen, K, moved, S) == worst);
}

/* What remains of a linear loss g'b with a ridge, at any b: its minimum is known. Slopes alone count. */
static void test_strong_bound(const lc_penalty *pen) {
  lc_index q = P + pen->intercept;
  double G[(P + 1) * K], left = 0;
  for (lc_index i = 0; i < q * K; i++) {
    lc_index j = i % q - pen->intercept;
    double g = ctest_normal(), b = ctest_normal(), l2 = j < 0 ? 1 : lc_penalty_l2(pen, j), least = -g / l2;
    G[i] = g + l2 * b;
    if (j >= 0) left += g * (b - least) + l2 / 2 * (b * b - least * least);
  }
  CHECK_NEAR(lc_penalty_strong_bound(pen, K, G), left, 1e-12);
}

/* A change of some rows, the intercepts among them, is that of the whole value; slopes are moved within their bounds,
 * intercepts are not. */
static void test_some_rows(const lc_penalty *pen) {
  lc_index q = P + pen->intercept, rows[] = {2, 0};
  double from[(P + 1) * K] = {0}, to[(P + 1) * K] = {0};
  for (lc_index i = 0; i < q * K; i++) {
    from[i] = to[i] = 2 * ctest_normal();
    if (i % q == 2 || i % q == 0) to[i] = 2 * ctest_normal();
  }
  CHECK_NEAR(lc_penalty_change(pen, K, 2, rows, from, to),
             lc_penalty_value(pen, K, to) - lc_penalty_value(pen, K, from), 1e-13);
  lc_penalty_clip(pen, K, to);
  for (lc_index i = 0; i < q * K; i++) {
    lc_index j = i % q - pen->intercept;
    int bounded = pen->lower && j >= 0;
    double low = bounded ? pen->lower[j] : -INFINITY, high = bounded ? pen->upper[j] : INFINITY;
    double was = i % q == 2 || i % q == 0 ? to[i] : from[i];
    CHECK(to[i] == fmin(fmax(was, low), high) && to[i] >= low && to[i] <= high);
  }
}

/* What residuals cost in a gap, part by part: one coefficient at a time that is not optimal. */
static void test_gap_estimate(void) {
  static const double l1[P] = {1, 0.5, 0, 0}, l2[P] = {0, 0.25, 2, 0};
  const double F = 3, lambda = 0.8, off = 0.3;
  const lc_penalty pen = {P, 1, lambda, l1, l2, NULL, NULL, 0};
  double none[(P + 1) * K] = {0}, G[(P + 1) * K] = {0};
  const double held[P] = {lambda, 0.5 * lambda, 0, 0}; /* a slope of 0 has this from its lasso part */
  const double cost[P] = {F * off / lambda, off * off / (2 * lambda * 0.25), off * off / (2 * lambda * 2), off};
  for (int c = 0; c < K; c++) {
    G[c * (P + 1)] = -off;
    CHECK_NEAR(lc_penalty_gap_estimate(&pen, K, F, none, G), off, 1e-14);
    G[c * (P + 1)] = 0;
    for (int j = 0; j < P; j++) {
      double *g = G + c * (P + 1) + 1 + j;
      *g = held[j];
      CHECK(lc_penalty_gap_estimate(&pen, K, F, none, G) == 0);
      *g = held[j] + off;
      CHECK_NEAR(lc_penalty_gap_estimate(&pen, K, F, none, G), cost[j], 1e-14);
      *g = 0;
    }
  }
  /* Lasso slopes share one shrinking of the residuals; all others add up. */
  for (int c = 0; c < K; c++)
    for (int j = 0; j < P; j++) G[c * (P + 1) + 1 + j] = held[j] + (c + 1) * off;
  double all = 2 * cost[0] + 5 * (cost[1] + cost[2]) + 3 * cost[3];
  CHECK_NEAR(lc_penalty_gap_estimate(&pen, K, F, none, G), all, 1e-13);
}

/* Free is what neither a penalty nor bounds on both sides hold; at a bound that is there it is not. */
static void test_free(void) {
  static const double l1[] = {1, 0, 0, 0, 0, 0}, l2[] = {0, 1, 0, 0, 0, 0};
  static const double lower[] = {-1, -1, -1, -INFINITY, -1, -INFINITY}, upper[] = {1, 1, 1, 1, INFINITY, INFINITY};
  const lc_penalty open = {6, 0, 0.5, l1, l2, NULL, NULL, 0}, bounded = {6, 0, 0.5, l1, l2, lower, upper, 0};
  for (int j = 0; j < 6; j++) {
    CHECK(lc_penalty_is_free(&open, j) == (j >= 2) && lc_penalty_is_free(&bounded, j) == (j >= 3));
    CHECK(lc_penalty_is_free_at(&bounded, j, 0.5) == (j >= 3));
    CHECK(lc_penalty_is_free_at(&bounded, j, 1) == (j >= 4));
    CHECK(lc_penalty_is_free_at(&bounded, j, -1) == (j == 3 || j == 5));
  }
  for (int p = 1; p <= 6; p++) {
    lc_penalty first = open, some = bounded;
    first.p = some.p = p;
    CHECK(lc_penalty_has_free(&first) == (p > 2) && lc_penalty_has_free(&some) == (p > 3));
    CHECK(!lc_penalty_is_none(&first));
    first.lambda = 0;
    CHECK(lc_penalty_is_none(&first));
  }
  lc_penalty last = {2, 0, 0.5, l1 + 4, l2, NULL, NULL, 0}; /* a ridge on the second alone */
  CHECK(!lc_penalty_is_none(&last) && !lc_penalty_all_l2(&last) && !lc_penalty_has_l1(&last));
  last.grouped = 1;
  CHECK(!lc_penalty_has_groups(&last, 3)); /* no L1 part that a group could share */
  last.l1 = l2;
  CHECK(lc_penalty_has_groups(&last, 3) && !lc_penalty_has_groups(&last, 1));
  last.grouped = 0;
  CHECK(!lc_penalty_has_groups(&last, 3));
}

void test_penalty(void) {
  static const double l1[P] = {1, 0.5, 0, 0}, l2[P] = {0, 0.5, 2, 0}, none[P] = {0, 0, 0, 0}, some[P] = {1, 1, 1, 1},
                      lower[P] = {-0.5, 0, -1, -2}, upper[P] = {0.7, 3, 0, 1},
                      minus[P] = {-INFINITY, -INFINITY, -INFINITY, -INFINITY},
                      plus[P] = {INFINITY, INFINITY, INFINITY, INFINITY};
  ctest_seed(5);
  for (int intercept = 0; intercept < 2; intercept++) {
    lc_penalty pen = {P, intercept, 0.8, l1, l2, NULL, NULL, 0};
    CHECK(lc_penalty_has_l1(&pen) && !lc_penalty_all_l2(&pen) && !lc_penalty_has_bounds(&pen));
    test_extremal(&pen);
    test_violation(&pen);
    test_flow(&pen);
    test_gradient(&pen);
    test_some_rows(&pen);
    test_groups(&pen);
    pen.grouped = 1;
    test_grouped_matrix(&pen);
    test_some_rows(&pen);
    pen.grouped = 0;
    pen.lower = lower;
    pen.upper = upper;
    CHECK(lc_penalty_has_bounds(&pen));
    test_extremal(&pen);
    test_violation(&pen);
    test_flow(&pen);
    test_gradient(&pen);
    test_some_rows(&pen);
    pen.lower = minus;
    pen.upper = plus;
    CHECK(!lc_penalty_has_bounds(&pen));

    lc_penalty ridge = {P, intercept, 0.1, none, some, NULL, NULL, 0},
               off = {P, intercept, 0, some, some, NULL, NULL, 0};
    CHECK(!lc_penalty_has_l1(&ridge) && lc_penalty_all_l2(&ridge));
    test_strong_bound(&ridge);
    CHECK(!lc_penalty_has_l1(&off) && !lc_penalty_all_l2(&off));
  }
  test_gap_estimate();
  test_free();
}
