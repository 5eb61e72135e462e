/* problem/penalty.c - elastic net with bounds. */
#include "problem/penalty.h"

#include <math.h>

int lc_penalty_has_l1(const lc_penalty *pen) {
  for (lc_index j = 0; j < pen->p; j++)
    if (lc_penalty_l1(pen, j) > 0) return 1;
  return 0;
}

int lc_penalty_all_l2(const lc_penalty *pen) {
  for (lc_index j = 0; j < pen->p; j++)
    if (!(lc_penalty_l2(pen, j) > 0)) return 0;
  return 1;
}

int lc_penalty_has_bounds(const lc_penalty *pen) {
  for (lc_index j = 0; pen->lower && j < pen->p; j++)
    if (isfinite(pen->lower[j]) || isfinite(pen->upper[j])) return 1;
  return 0;
}

int lc_penalty_has_groups(const lc_penalty *pen, int K) { return pen->grouped && K > 1 && lc_penalty_has_l1(pen); }

int lc_penalty_is_free(const lc_penalty *pen, lc_index j) {
  int bounded = pen->lower && isfinite(pen->lower[j]) && isfinite(pen->upper[j]);
  return !(lc_penalty_l1(pen, j) > 0) && !(lc_penalty_l2(pen, j) > 0) && !bounded;
}

int lc_penalty_is_free_at(const lc_penalty *pen, lc_index j, double b) {
  int held = pen->lower && (b <= pen->lower[j] || b >= pen->upper[j]);
  return lc_penalty_is_free(pen, j) && !held;
}

int lc_penalty_has_free(const lc_penalty *pen) {
  for (lc_index j = 0; j < pen->p; j++)
    if (lc_penalty_is_free(pen, j)) return 1;
  return 0;
}

int lc_penalty_is_none(const lc_penalty *pen) {
  for (lc_index j = 0; j < pen->p; j++)
    if (lc_penalty_l1(pen, j) > 0 || lc_penalty_l2(pen, j) > 0) return 0;
  return 1;
}

static lc_index rows(const lc_penalty *pen) { return pen->p + pen->intercept; }

/* First place in B of group number c of feature j. */
static lc_index place(const lc_penalty *pen, lc_index c, lc_index j) { return c * rows(pen) + pen->intercept + j; }

double lc_penalty_norm(lc_index width, const double *b, lc_index ldb) {
  double most = fabs(b[0]), sum = 0;
  for (lc_index c = 1; c < width; c++) most = fmax(most, fabs(b[c * ldb]));
  if (width == 1 || most == 0) return most;
  for (lc_index c = 0; c < width; c++) sum += (b[c * ldb] / most) * (b[c * ldb] / most);
  return most * sqrt(sum);
}

/* A group's part of P / lambda. */
static double group_value(const lc_penalty *pen, lc_index j, lc_index width, const double *group) {
  if (width == 1 && *group == 0) return 0; /* most of a sparse solution */
  double b = lc_penalty_norm(width, group, rows(pen));
  return pen->l1[j] * b + 0.5 * (pen->l2[j] * b) * b;
}

double lc_penalty_value(const lc_penalty *pen, int K, const double *B) {
  lc_index width = lc_penalty_width(pen, K);
  double sum = 0;
  for (lc_index c = 0; c < K; c += width)
    for (lc_index j = 0; j < pen->p; j++) sum += group_value(pen, j, width, B + place(pen, c, j));
  return pen->lambda * sum;
}

double lc_penalty_value_of(const lc_penalty *pen, int K, lc_index nj, const lc_index *j, const double *B) {
  lc_index width = lc_penalty_width(pen, K);
  double sum = 0;
  for (lc_index c = 0; c < K; c += width)
    for (lc_index v = 0; v < nj; v++) {
      lc_index f = j[v] - pen->intercept;
      if (f >= 0) sum += group_value(pen, f, width, B + place(pen, c, f));
    }
  return pen->lambda * sum;
}

double lc_penalty_change(const lc_penalty *pen, int K, lc_index nj, const lc_index *j, const double *from,
                         const double *to) {
  lc_index width = lc_penalty_width(pen, K);
  double sum = 0;
  for (lc_index c = 0; c < K; c += width)
    for (lc_index v = 0; v < nj; v++) {
      lc_index f = j[v] - pen->intercept, at = c * rows(pen) + j[v];
      if (f >= 0) sum += group_value(pen, f, width, to + at) - group_value(pen, f, width, from + at);
    }
  return pen->lambda * sum;
}

void lc_penalty_add_ridge(const lc_penalty *pen, int K, const double *B, double *G) {
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      lc_index at = c * rows(pen) + pen->intercept + j;
      G[at] += lc_penalty_l2(pen, j) * B[at];
    }
}

void lc_penalty_add_sign(const lc_penalty *pen, int K, const double *B, double *G) {
  lc_index width = lc_penalty_width(pen, K);
  for (lc_index c = 0; c < K; c += width)
    for (lc_index j = 0; j < pen->p; j++) {
      lc_index first = place(pen, c, j), q = rows(pen);
      double norm = lc_penalty_norm(width, B + first, q);
      for (lc_index d = 0; norm > 0 && d < width; d++)
        G[first + d * q] += lc_penalty_l1(pen, j) * (B[first + d * q] / norm);
    }
}

/* ---- single slopes ------------------------------------------------------------------------------------------- */

double lc_penalty_prox(const lc_penalty *pen, lc_index j, double v, double h) {
  double t = lc_penalty_l1(pen, j) / h;
  return lc_penalty_clip_slope(pen, j, v > t ? v - t : v < -t ? v + t : 0);
}

/* b' = -(c + l2 b) for time t, c constant. */
static double decay(double b, double c, double l2, double t) {
  double lost = -expm1(-l2 * t); /* 1 - exp(-l2 t) */
  return b - lost * b - c * (l2 > 0 ? lost / l2 : t);
}

double lc_penalty_flow(const lc_penalty *pen, lc_index j, double b, double g, double t) {
  double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j);
  if (l1 == 0) return lc_penalty_clip_slope(pen, j, l2 > 0 ? decay(b, g, l2, t) : b - g * t);
  double c = g + copysign(l1, b), next = decay(b, c, l2, t);
  if (b != 0 && next * b > 0) return lc_penalty_clip_slope(pen, j, next);
  /* It is 0 after the time t0 with exp(-l2 t0) = c / (c + l2 b), and goes on only if |g| > l1. */
  if (fabs(g) <= l1) return lc_penalty_clip_slope(pen, j, 0);
  double t0 = b == 0 ? 0 : l2 > 0 ? log1p(l2 * b / c) / l2 : b / c;
  return lc_penalty_clip_slope(pen, j, decay(0, g - copysign(l1, g), l2, fmax(0, t - t0)));
}

/* Each step is |b| <- max(0, a |b| - rate l1) with a = 1 - rate l2: a geometric series. */
double lc_penalty_repeat(const lc_penalty *pen, lc_index j, double b, double rate, double times) {
  double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j), a = 1 - rate * l2;
  if (a < 0) { /* b changes its sign at each step */
    for (double step = 0; step < times; step++) b = lc_penalty_prox(pen, j, a * b, 1 / rate);
    return b;
  }
  double power = pow(a, times);
  double size = fabs(b) * power - l1 * (l2 > 0 ? (1 - power) / l2 : rate * times);
  return lc_penalty_clip_slope(pen, j, size > 0 ? copysign(size, b) : 0);
}

double lc_penalty_violation(const lc_penalty *pen, lc_index j, double b, double g) {
  double l1 = lc_penalty_l1(pen, j);
  /* The subdifferential is [low, high]; a bound that holds lets the multiplier take either sign's side. */
  double low = g + (b > 0 ? l1 : -l1), high = g + (b < 0 ? -l1 : l1);
  if (pen->lower && b <= pen->lower[j]) low = -INFINITY;
  if (pen->lower && b >= pen->upper[j]) high = INFINITY;
  return low > 0 ? low : high < 0 ? -high : 0;
}

double lc_penalty_conjugate(const lc_penalty *pen, lc_index j, double g) {
  double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j), excess = fabs(g) - l1;
  /* The maximiser without bounds, then the nearest point within: the function is concave. */
  double b = excess <= 0 ? 0 : copysign(l2 > 0 ? excess / l2 : INFINITY, g);
  b = lc_penalty_clip_slope(pen, j, b);
  return b == 0 ? 0 : isinf(b) ? INFINITY : (g - copysign(l1, b)) * b - 0.5 * (l2 * b) * b;
}

/* ---- groups ----------------------------------------------------------------------------------------------------- */

void lc_penalty_group_prox(const lc_penalty *pen, lc_index j, lc_index width, double *b, lc_index ldb, double h) {
  if (width == 1) {
    *b = lc_penalty_prox(pen, j, *b, h);
    return;
  }
  double norm = lc_penalty_norm(width, b, ldb), t = lc_penalty_l1(pen, j) / h;
  double share = norm > t ? (norm - t) / norm : 0;
  for (lc_index c = 0; c < width; c++) b[c * ldb] *= share;
}

double lc_penalty_group_violation(const lc_penalty *pen, lc_index j, lc_index width, const double *b, lc_index ldb,
                                  const double *g, lc_index ldg) {
  if (width == 1) return lc_penalty_violation(pen, j, *b, *g);
  double l1 = lc_penalty_l1(pen, j), norm = lc_penalty_norm(width, b, ldb), size = 0;
  if (norm == 0) return fmax(lc_penalty_norm(width, g, ldg) - l1, 0);
  for (lc_index c = 0; c < width; c++) size = hypot(size, g[c * ldg] + l1 * (b[c * ldb] / norm));
  return size;
}

double lc_penalty_group_conjugate(const lc_penalty *pen, lc_index j, lc_index width, double t, const double *g,
                                  lc_index ldg) {
  if (width == 1) return lc_penalty_conjugate(pen, j, t * *g);
  double l2 = lc_penalty_l2(pen, j), excess = fabs(t) * lc_penalty_norm(width, g, ldg) - lc_penalty_l1(pen, j);
  return excess <= 0 ? 0 : l2 > 0 ? excess * (excess / (2 * l2)) : INFINITY;
}

double lc_penalty_feasible(const lc_penalty *pen, lc_index j, lc_index width, const double *g, lc_index ldg,
                           double most) {
  double norm = lc_penalty_norm(width, g, ldg);
  if (norm == 0 || !isinf(lc_penalty_group_conjugate(pen, j, width, -most, g, ldg))) return most;
  return fmin(most, lc_penalty_l1(pen, j) / norm * (1 - 1e-15));
}

/* ---- all of B ---------------------------------------------------------------------------------------------------- */

void lc_penalty_prox_all(const lc_penalty *pen, int K, double step, double *B) {
  lc_index width = lc_penalty_width(pen, K);
  for (lc_index c = 0; c < K; c += width)
    for (lc_index j = 0; j < pen->p; j++)
      lc_penalty_group_prox(pen, j, width, B + place(pen, c, j), rows(pen), 1 / step);
}

void lc_penalty_clip(const lc_penalty *pen, int K, double *B) {
  for (int c = 0; pen->lower && c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double *b = B + c * rows(pen) + pen->intercept + j;
      *b = lc_penalty_clip_slope(pen, j, *b);
    }
}

double lc_penalty_strong_bound(const lc_penalty *pen, int K, const double *G) {
  double sum = 0;
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double g = G[c * rows(pen) + pen->intercept + j];
      if (g != 0) sum += g * (g / (2 * lc_penalty_l2(pen, j)));
    }
  return sum;
}

static double violation_at(const lc_penalty *pen, lc_index j, lc_index width, lc_index first, const double *B,
                           const double *G) {
  return lc_penalty_group_violation(pen, j, width, B + first, rows(pen), G + first, rows(pen));
}

double lc_penalty_kkt(const lc_penalty *pen, int K, const double *B, const double *G) {
  lc_index width = lc_penalty_width(pen, K);
  double worst = 0;
  for (int c = 0; pen->intercept && c < K; c++) worst = fmax(worst, fabs(G[c * rows(pen)]));
  for (lc_index c = 0; c < K; c += width)
    for (lc_index j = 0; j < pen->p; j++) worst = fmax(worst, violation_at(pen, j, width, place(pen, c, j), B, G));
  return worst;
}

double lc_penalty_gap_estimate(const lc_penalty *pen, int K, double F, const double *B, const double *G) {
  lc_index width = lc_penalty_width(pen, K);
  double sum = 0, shrink = 0;
  for (int c = 0; pen->intercept && c < K; c++) sum += fabs(G[c * rows(pen)]);
  for (lc_index c = 0; c < K; c += width)
    for (lc_index j = 0; j < pen->p; j++) {
      double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j);
      double v = violation_at(pen, j, width, place(pen, c, j), B, G);
      if (v == 0) continue;
      if (l2 > 0)
        sum += v * (v / (2 * l2));
      else if (l1 > 0)
        shrink = fmax(shrink, v / l1);
      else
        sum += v;
    }
  return sum + F * shrink;
}
