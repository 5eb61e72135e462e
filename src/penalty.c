/* penalty.c - elastic net with bounds. */
#include "penalty.h"

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

int lc_penalty_is_none(const lc_penalty *pen) {
  for (lc_index j = 0; j < pen->p; j++)
    if (lc_penalty_l1(pen, j) > 0 || lc_penalty_l2(pen, j) > 0) return 0;
  return 1;
}

static lc_index rows(const lc_penalty *pen) { return pen->p + pen->one; }

double lc_penalty_value(const lc_penalty *pen, int K, const double *B) {
  double sum = 0;
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double b = B[c * rows(pen) + pen->one + j];
      sum += pen->l1[j] * fabs(b) + 0.5 * (pen->l2[j] * b) * b;
    }
  return pen->lambda * sum;
}

void lc_penalty_add_ridge(const lc_penalty *pen, int K, const double *B, double *G) {
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      lc_index at = c * rows(pen) + pen->one + j;
      G[at] += lc_penalty_l2(pen, j) * B[at];
    }
}

void lc_penalty_add_sign(const lc_penalty *pen, int K, const double *B, double *G) {
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      lc_index at = c * rows(pen) + pen->one + j;
      G[at] += lc_penalty_l1(pen, j) * ((B[at] > 0) - (B[at] < 0));
    }
}

/* The nearest point within the bounds. */
static double within(const lc_penalty *pen, lc_index j, double b) {
  return !pen->lower ? b : b < pen->lower[j] ? pen->lower[j] : b > pen->upper[j] ? pen->upper[j] : b;
}

double lc_penalty_prox(const lc_penalty *pen, lc_index j, double v, double h) {
  double t = lc_penalty_l1(pen, j) / h;
  return within(pen, j, v > t ? v - t : v < -t ? v + t : 0);
}

double lc_penalty_flow(const lc_penalty *pen, lc_index j, double b, double t) {
  double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j);
  double size = fabs(b) * exp(-l2 * t) - l1 * (l2 > 0 ? -expm1(-l2 * t) / l2 : t);
  return within(pen, j, size > 0 ? copysign(size, b) : 0);
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
  return within(pen, j, size > 0 ? copysign(size, b) : 0);
}

void lc_penalty_prox_all(const lc_penalty *pen, int K, double step, double *B) {
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double *b = B + c * rows(pen) + pen->one + j;
      *b = lc_penalty_prox(pen, j, *b, 1 / step);
    }
}

void lc_penalty_clip(const lc_penalty *pen, int K, double *B) {
  for (int c = 0; pen->lower && c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double *b = B + c * rows(pen) + pen->one + j;
      *b = fmin(fmax(*b, pen->lower[j]), pen->upper[j]);
    }
}

double lc_penalty_violation(const lc_penalty *pen, lc_index j, double b, double g) {
  double l1 = lc_penalty_l1(pen, j);
  /* The subdifferential is [low, high]; a bound that holds lets the multiplier take either sign's side. */
  double low = g + (b > 0 ? l1 : -l1), high = g + (b < 0 ? -l1 : l1);
  if (pen->lower && b <= pen->lower[j]) low = -INFINITY;
  if (pen->lower && b >= pen->upper[j]) high = INFINITY;
  return low > 0 ? low : high < 0 ? -high : 0;
}

double lc_penalty_kkt(const lc_penalty *pen, int K, const double *B, const double *G) {
  double worst = 0;
  for (int c = 0; c < K; c++) {
    lc_index at = c * rows(pen);
    if (pen->one) worst = fmax(worst, fabs(G[at]));
    for (lc_index j = 0; j < pen->p; j++)
      worst = fmax(worst, lc_penalty_violation(pen, j, B[at + pen->one + j], G[at + pen->one + j]));
  }
  return worst;
}

double lc_penalty_strong_bound(const lc_penalty *pen, int K, const double *G) {
  double sum = 0;
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      double g = G[c * rows(pen) + pen->one + j];
      if (g != 0) sum += g * (g / (2 * lc_penalty_l2(pen, j)));
    }
  return sum;
}

double lc_penalty_gap_estimate(const lc_penalty *pen, int K, double F, const double *B, const double *G) {
  double sum = 0, shrink = 0;
  for (int c = 0; c < K; c++) {
    lc_index at = c * rows(pen);
    if (pen->one) sum += fabs(G[at]);
    for (lc_index j = 0; j < pen->p; j++) {
      double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j);
      double v = lc_penalty_violation(pen, j, B[at + pen->one + j], G[at + pen->one + j]);
      if (v == 0) continue;
      if (l2 > 0)
        sum += v * (v / (2 * l2));
      else if (l1 > 0)
        shrink = fmax(shrink, v / l1);
      else
        sum += v;
    }
  }
  return sum + F * shrink;
}

double lc_penalty_conjugate(const lc_penalty *pen, lc_index j, double g) {
  double l1 = lc_penalty_l1(pen, j), l2 = lc_penalty_l2(pen, j), excess = fabs(g) - l1;
  /* The maximiser without bounds, then the nearest point within: the function is concave. */
  double b = excess <= 0 ? 0 : copysign(l2 > 0 ? excess / l2 : INFINITY, g);
  if (pen->lower) b = fmin(fmax(b, pen->lower[j]), pen->upper[j]);
  return b == 0 ? 0 : isinf(b) ? INFINITY : (g - copysign(l1, b)) * b - 0.5 * (l2 * b) * b;
}
