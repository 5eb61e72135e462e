/* lanes/start.c - where a lane begins a new lambda.
 *
 * On the line through the points of two lanes, whose gradients are extrapolated with them, so that conjugate gradients
 * start at once. The pair is the one with the least guess of the error: that of the two points, amplified, and the
 * curvature of the path. Lanes that start where all guesses are bad cost more than lanes that wait. */
#include <math.h>

#include "lanes/state.h"

typedef struct base {
  int near, far; /* the same: no line; -1: none */
  double error;
} base;

/* Distance of two lambdas in units of a path of 100 down to a hundredth of the largest. */
static double distance(double from, double to) { return fmax(0, log(from / to) / 0.0465); }

static int is_origin(const lc_lane *lane) { return !lane->predicted && !lane->bad; }

static base find_base(const lc_lanes *s, double lambda) {
  const double single = 0.05, bend = 0.004;
  base best = {-1, -1, INFINITY};
  for (int m = 0; m < LC_LANES; m++) {
    const lc_lane *near = s->lane + m;
    if (!is_origin(near)) continue;
    double step = distance(near->lambda, lambda), error = near->worst + single * step;
    if (error < best.error) best = (base){m, m, error};
    for (int o = 0; o < LC_LANES; o++) {
      const lc_lane *far = s->lane + o;
      if (!is_origin(far) || !(far->lambda > near->lambda)) continue;
      double ratio = (lambda - near->lambda) / (near->lambda - far->lambda);
      error = near->worst * (1 + ratio) + far->worst * ratio + bend * step * distance(far->lambda, lambda);
      if (error < best.error) best = (base){m, o, error};
    }
  }
  return best;
}

/* Gradient of the loss along member k in lane l. */
static double loss_gradient(const lc_lanes *s, lc_index k, int l) {
  return s->g[lc_lane_at(k, l)] - s->lane[l].lambda * s->l2[k] * s->b[lc_lane_at(k, l)];
}

static void extrapolate(lc_lanes *s, int l, const base *from, double ratio, double lambda) {
  int near = from->near, far = from->far;
  for (lc_index k = 0; k < s->count; k++) {
    lc_index at = lc_lane_at(k, l);
    double x = s->b[lc_lane_at(k, near)], to = x + ratio * (x - s->b[lc_lane_at(k, far)]);
    double g = loss_gradient(s, k, near);
    g += ratio * (g - loss_gradient(s, k, far));
    s->g[at] = g + lambda * s->l2[k] * to;
    s->b[at] = to;
    s->to[at] = s->l1[k] > 0 && to * x <= 0 ? 0 : to;
    if (s->obj->pen->lower) s->to[at] = fmin(fmax(s->to[at], s->lower[k]), s->upper[k]);
    s->clipped[k] &= (unsigned char)~(1u << l);
    s->held[k] &= (unsigned char)~(1u << l);
  }
  for (lc_index i = 0; i < s->x->n; i++) s->w[lc_lane_at(i, l)] = s->w[lc_lane_at(i, near)];
}

/* What is open at the point of a lane that has just started, as in judge.c. */
static void measure(lc_lanes *s, int l) {
  lc_lane *lane = s->lane + l;
  double worst = 0;
  lane->size = 0;
  for (lc_index k = 0; k < s->count; k++) {
    lc_index at = lc_lane_at(k, l);
    int open;
    double v = lc_lanes_residual(s, k, l, s->to[at], s->g[at], &open);
    worst = fmax(worst, fabs(v) * (double)s->per[k]);
    s->r[at] = (float)-v;
    s->open[at] = (float)open;
    lane->size += lane->lambda * s->l1[k] * fabs(s->to[at]);
  }
  lane->worst = worst / lane->lambda;
}

static void start(lc_lanes *s, int l, const base *from) {
  const lc_lane *near = s->lane + from->near, *far = s->lane + from->far;
  lc_index number = s->next++;
  double lambda = s->job->lambda[number];
  double ratio = near == far ? 0 : (lambda - near->lambda) / (near->lambda - far->lambda);
  double b0 = near->b0 + ratio * (near->b0 - far->b0);
  lc_lane fresh = {.number = number,
                   .lambda = lambda,
                   .active = 1,
                   .predicted = 1,
                   .least = INFINITY,
                   .old_value = INFINITY,
                   .b0 = b0,
                   .to0 = b0,
                   .value = near->value,
                   .curvature = near->curvature,
                   .rms = near->rms,
                   .shift = near->shift + ratio * (near->shift - far->shift)};
  extrapolate(s, l, from, ratio, lambda);
  s->lane[l] = fresh;
  measure(s, l);
}

void lc_lanes_start(lc_lanes *s) {
  enum { MOST_STARTS = 3 }; /* in a round: lanes at different stages share their reads best */
  const double good = 0.6;
  int active = 0, starts = 0;
  for (int l = 0; l < LC_LANES; l++) active += s->lane[l].active;
  for (int l = 0; l < LC_LANES && starts < MOST_STARTS; l++) {
    if (s->lane[l].active) continue;
    if (s->next >= s->stop) return;
    base from = find_base(s, s->job->lambda[s->next]);
    if (from.near < 0 || (from.error > good && active > 0)) return;
    start(s, l, &from);
    starts++;
    active++;
  }
}
