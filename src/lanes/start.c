/* lanes/start.c - where a lane begins a new lambda.
 *
 * On the line through two points of its fit, in other lanes or remembered, whose gradients are extrapolated with them,
 * so that conjugate gradients start at once. The pair is the one with the least guess of the error: that of the two
 * points, amplified, and the curvature of the path. Lanes that start where all guesses are bad cost more than lanes
 * that wait. */
#include <math.h>

#include "lanes/state.h"

/* A point that a fit may start from, wherever it lies: numbers are `apart` from each other. */
typedef struct origin {
  const lc_lane *lane;
  const double *b, *g;
  const float *w;
  lc_index apart, count; /* of members whose gradients are known */
} origin;

enum { MOST_ORIGINS = LC_LANES + 2 };

static int find_origins(const lc_lanes *s, lc_index fit, origin *out) {
  int count = 0;
  for (int l = 0; l < LC_LANES; l++) {
    const lc_lane *lane = s->lane + l;
    if (lane->fit == fit && !lane->empty && !lane->predicted && !lane->bad)
      out[count++] = (origin){lane, s->b + l, s->g + l, s->w + l, LC_LANES, s->count};
  }
  for (int a = 0; a < 2; a++) {
    const lc_lanes_past *past = s->fold[fit].past + a;
    if (!past->lane.empty) out[count++] = (origin){&past->lane, past->b, past->g, past->w, 1, past->count};
  }
  return count;
}

typedef struct base {
  origin near, far; /* the same: no line */
  double error;
} base;

/* Distance of two lambdas in units of a path of 100 down to a hundredth of the largest. */
static double distance(double from, double to) { return fmax(0, log(from / to) / 0.0465); }

static base find_base(const lc_lanes *s, lc_index fit, double lambda) {
  const double single = 0.05, bend = 0.004;
  origin all[MOST_ORIGINS];
  int count = find_origins(s, fit, all);
  base best = {.error = INFINITY};
  for (int m = 0; m < count; m++) {
    const lc_lane *near = all[m].lane;
    double step = distance(near->lambda, lambda), error = near->worst + single * step;
    if (error < best.error) best = (base){all[m], all[m], error};
    for (int o = 0; o < count; o++) {
      const lc_lane *far = all[o].lane;
      if (!(far->lambda > near->lambda)) continue;
      double ratio = (lambda - near->lambda) / (near->lambda - far->lambda);
      error = near->worst * (1 + ratio) + far->worst * ratio + bend * step * distance(far->lambda, lambda);
      if (error < best.error) best = (base){all[m], all[o], error};
    }
  }
  return best;
}

/* Coefficient k of a point, and its gradient without the ridge; l2 that of its fit. */
static double slope_at(const origin *from, lc_index k) { return k < from->count ? from->b[k * from->apart] : 0; }
static double gradient_at(const origin *from, lc_index k, double l2) {
  return from->g[k * from->apart] - from->lane->lambda * l2 * from->b[k * from->apart];
}

/* A gradient that is not known of both points is that of the nearer one, or 0: the column waits for a round. */
static void extrapolate(lc_lanes *s, int l, const base *from, double ratio, double lambda) {
  const origin *near = &from->near, *far = &from->far;
  for (lc_index k = 0; k < s->count; k++) {
    lc_index at = lc_lane_at(k, l);
    double x = slope_at(near, k), to = x + ratio * (x - slope_at(far, k)), l2 = s->l2[at];
    double g = k < near->count ? gradient_at(near, k, l2) : 0;
    if (k < near->count && k < far->count) g += ratio * (g - gradient_at(far, k, l2));
    s->g[at] = g + lambda * l2 * to;
    s->b[at] = to;
    s->to[at] = s->l1[at] > 0 && to * x <= 0 ? 0 : to;
    if (s->obj->pen->lower) s->to[at] = fmin(fmax(s->to[at], s->lower[k]), s->upper[k]);
    s->clipped[k] &= (unsigned char)~(1u << l);
    s->held[k] &= (unsigned char)~(1u << l);
  }
  for (lc_index i = 0; i < s->x->n; i++) s->w[lc_lane_at(i, l)] = near->w[i * near->apart];
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
    worst = fmax(worst, fabs(v) * (double)s->per[at]);
    s->r[at] = (float)-v;
    s->open[at] = (float)open;
    lane->size += lane->lambda * s->l1[at] * fabs(s->to[at]);
  }
  lane->worst = worst / lane->lambda;
}

static void start(lc_lanes *s, int l, lc_index fit, const base *from) {
  const lc_lane *near = from->near.lane, *far = from->far.lane;
  lc_index number = s->fold[fit].next++;
  double lambda = s->job->lambda[number];
  double ratio = near == far ? 0 : (lambda - near->lambda) / (near->lambda - far->lambda);
  double b0 = near->b0 + ratio * (near->b0 - far->b0);
  lc_lane fresh = {.fit = fit,
                   .number = number,
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
  lc_lanes_give(s, l, fit);
  extrapolate(s, l, from, ratio, lambda);
  s->lane[l] = fresh;
  measure(s, l);
}

/* Lambdas come in order, those of all fits in step. */
static lc_index next_fit(const lc_lanes *s) {
  lc_index best = 0;
  for (lc_index m = 1; m < s->job->nfits; m++)
    if (s->fold[m].next < s->fold[best].next) best = m;
  return best;
}

void lc_lanes_start(lc_lanes *s) {
  enum { MOST_STARTS = 3 }; /* in a round: lanes at different stages share their reads best */
  const double good = 0.6;
  int active = 0, starts = 0;
  for (int l = 0; l < LC_LANES; l++) active += s->lane[l].active;
  for (int l = 0; l < LC_LANES && starts < MOST_STARTS; l++) {
    lc_index fit = next_fit(s);
    if (s->lane[l].active) continue;
    if (s->fold[fit].next >= s->stop) return;
    base from = find_base(s, fit, s->job->lambda[s->fold[fit].next]);
    if (!from.near.lane || (from.error > good && active > 0)) return;
    start(s, l, fit, &from);
    starts++;
    active++;
  }
}
