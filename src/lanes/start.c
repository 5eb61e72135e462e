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

/* A start: lane l on a line, as far beyond its first point as `ratio` says. One of the points may be its own last one,
 * whose lambda it no longer has. */
typedef struct beginning {
  lc_lanes *s;
  int l, near, far;
  double ratio, near_lambda, far_lambda;
} beginning;

/* Gradient of the loss along member k in lane l, which stood there for lambda. */
static double loss_gradient(const lc_lanes *s, lc_index k, int l, double lambda) {
  return s->g[lc_lane_at(k, l)] - lambda * s->l2[k] * s->b[lc_lane_at(k, l)];
}

/* The point and its gradients, and what is open there, as in judge.c: their worst residual and L1 part. */
static void extrapolate(void *context, lc_index from, lc_index to) {
  const beginning *own = context;
  lc_lanes *s = own->s;
  int l = own->l, near = own->near, far = own->far, open;
  double lambda = s->lane[l].lambda, *sums = lc_lanes_sums(s, from), worst = 0, size = 0;
  for (lc_index k = from; k < to; k++) {
    lc_index at = lc_lane_at(k, l);
    double x = s->b[lc_lane_at(k, near)], b = x + own->ratio * (x - s->b[lc_lane_at(k, far)]);
    double g = loss_gradient(s, k, near, own->near_lambda);
    g += own->ratio * (g - loss_gradient(s, k, far, own->far_lambda));
    s->g[at] = g += lambda * s->l2[k] * b;
    s->b[at] = b;
    if (s->l1[k] > 0 && b * x <= 0) b = 0;
    if (s->lower) b = fmin(fmax(b, s->lower[k]), s->upper[k]);
    s->to[at] = b;
    s->clipped[k] &= (unsigned char)~(1u << l);
    s->held[k] &= (unsigned char)~(1u << l);
    double v = lc_lanes_residual(s, k, l, b, g, &open), residual = fabs(v) * (double)s->per[k];
    worst = residual > worst ? residual : worst;
    size += s->l1[k] * fabs(b);
    s->r[at] = (float)-v;
    s->open[at] = (float)open;
  }
  sums[l] = worst;
  sums[LC_LANES + l] = size;
}

static void copy_weights(void *context, lc_index from, lc_index to) {
  const beginning *own = context;
  for (lc_index i = from; i < to; i++) own->s->w[lc_lane_at(i, own->l)] = own->s->w[lc_lane_at(i, own->near)];
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
  beginning own = {s, l, from->near, from->far, ratio, near->lambda, far->lambda};
  double worst[LC_LANES], size[LC_LANES];
  s->lane[l] = fresh;
  lc_lanes_each_piece(s, extrapolate, &own);
  lc_parallel(s->threads, s->x->n, LC_LANES_ROWS, copy_weights, &own);
  lc_lanes_largest(s, 0, worst);
  lc_lanes_total(s, 1, size);
  s->lane[l].worst = worst[l] / lambda;
  s->lane[l].size = lambda * size[l];
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
