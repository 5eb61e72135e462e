/* lanes/start.c - where a lane begins a new lambda.
 *
 * On the line through the points of two other lanes, whose gradients are extrapolated with them, so that conjugate
 * gradients start at once. The pair is the one with the least guess of the error: that of the two points, amplified,
 * and the curvature of the path. Lanes that start where all guesses are bad cost more than lanes that wait. */
#include <math.h>

#include "lanes/state.h"

typedef struct base {
  int near, far; /* lanes; the same: no line */
  double error;
} base;

/* Distance of two lambdas in units of a path of 100 down to a hundredth of the largest. */
static double distance(double from, double to) { return fmax(0, log(from / to) / 0.0465); }

static base find_base(const lc_lanes *s, double lambda) {
  const double single = 0.05, bend = 0.004;
  base best = {-1, -1, INFINITY};
  for (int m = 0; m < LC_LANES; m++) {
    const lc_lane *near = s->lane + m;
    if (near->empty || near->predicted || near->bad) continue;
    double step = distance(near->lambda, lambda), error = near->worst + single * step;
    if (error < best.error) best = (base){m, m, error};
    for (int o = 0; o < LC_LANES; o++) {
      const lc_lane *far = s->lane + o;
      if (far->empty || far->predicted || far->bad || !(far->lambda > near->lambda)) continue;
      double ratio = (lambda - near->lambda) / (near->lambda - far->lambda);
      error = near->worst * (1 + ratio) + far->worst * ratio + bend * step * distance(far->lambda, lambda);
      if (error < best.error) best = (base){m, o, error};
    }
  }
  return best;
}

/* Gradient without the ridge. */
static double slope(const lc_lanes *s, lc_index k, int l) {
  lc_index at = lc_lane_at(k, l);
  return s->g[at] - s->lane[l].lambda * s->l2[k] * s->b[at];
}

static void extrapolate(lc_lanes *s, int l, const base *from, double ratio) {
  int near = from->near, far = from->far;
  double lambda = s->job->lambda[s->next];
  for (lc_index k = 0; k < s->count; k++) {
    lc_index a = lc_lane_at(k, near), o = lc_lane_at(k, far), at = lc_lane_at(k, l);
    double x = s->b[a], to = x + ratio * (x - s->b[o]), g = slope(s, k, near);
    s->g[at] = g + ratio * (g - slope(s, k, far)) + lambda * s->l2[k] * to;
    s->b[at] = to;
    s->to[at] = s->l1[k] > 0 && to * x <= 0 ? 0 : to;
    if (s->obj->pen->lower) s->to[at] = fmin(fmax(s->to[at], s->lower[k]), s->upper[k]);
    s->clipped[k] &= (unsigned char)~(1u << l);
    s->held[k] &= (unsigned char)~(1u << l);
  }
  for (lc_index i = 0; i < s->x->n; i++) {
    double z = s->z[lc_lane_at(i, near)];
    s->z[lc_lane_at(i, l)] = z + ratio * (z - s->z[lc_lane_at(i, far)]);
    s->w[lc_lane_at(i, l)] = s->w[lc_lane_at(i, near)];
  }
}

/* What is open at the point of a lane that has just started, as in judge.c. */
static void measure(lc_lanes *s, int l) {
  lc_lane *lane = s->lane + l;
  double worst = 0;
  lane->size = 0;
  for (lc_index k = 0; k < s->count; k++) {
    lc_index at = lc_lane_at(k, l);
    int open;
    double v = lc_lanes_residual(s, k, lane->lambda, s->to[at], s->g[at], &open);
    worst = fmax(worst, fabs(v) * (double)s->per[k]);
    s->r[at] = (float)-v;
    s->open[at] = (float)open;
    lane->size += lane->lambda * s->l1[k] * fabs(s->to[at]);
  }
  lane->worst = worst / lane->lambda;
}

static void start(lc_lanes *s, int l, const base *from) {
  const lc_lane *near = s->lane + from->near, *far = s->lane + from->far;
  double lambda = s->job->lambda[s->next];
  double ratio = near == far ? 0 : (lambda - near->lambda) / (near->lambda - far->lambda);
  double z0 = near->z0 + ratio * (near->z0 - far->z0);
  lc_lane fresh = {.number = s->next,
                   .lambda = lambda,
                   .active = 1,
                   .predicted = 1,
                   .least = INFINITY,
                   .old_value = INFINITY,
                   .z0 = z0,
                   .b0 = z0,
                   .to0 = z0,
                   .value = near->value,
                   .curvature = near->curvature,
                   .shift = near->shift + ratio * (near->shift - far->shift)};
  extrapolate(s, l, from, ratio);
  s->lane[l] = fresh;
  s->next++;
  measure(s, l);
}

void lc_lanes_start(lc_lanes *s) {
  enum { MOST_STARTS = 3 }; /* in a round: lanes at different stages share their reads best */
  const double good = 0.6;
  int active = 0, starts = 0;
  for (int l = 0; l < LC_LANES; l++) active += s->lane[l].active;
  for (int l = 0; l < LC_LANES && starts < MOST_STARTS && s->next < s->stop; l++) {
    if (s->lane[l].active) continue;
    base from = find_base(s, s->job->lambda[s->next]);
    if (from.near < 0 || (from.error > good && active > 0)) return;
    start(s, l, &from);
    starts++;
    active++;
  }
}
