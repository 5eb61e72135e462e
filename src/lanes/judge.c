/* lanes/judge.c - which lanes go on from their trial, and how far each is from its conditions. */
#include <math.h>

#include "lanes/state.h"

/* Penalties at the trials, but for lambda: L1 parts, then the others. */
static void add_penalties(void *context, lc_index from, lc_index to) {
  const lc_lanes *s = context;
  double *l1 = lc_lanes_sums(s, from), *l2 = l1 + LC_LANES;
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      double x = s->to[lc_lane_at(k, l)];
      l1[l] += s->l1[k] * fabs(x);
      l2[l] += 0.5 * s->l2[k] * x * x;
    }
}

static void penalties(lc_lanes *s, double *l1, double *l2) {
  lc_lanes_each_piece(s, add_penalties, s);
  lc_lanes_total(s, 0, l1);
  lc_lanes_total(s, 1, l2);
  for (int l = 0; l < LC_LANES; l++) {
    l1[l] *= s->lane[l].lambda;
    l2[l] *= s->lane[l].lambda;
  }
}

/* Was a coefficient of the lane cut that was free before? */
static int clips_anew(const lc_lanes *s, int l) {
  for (lc_index k = 0; k < s->count; k++)
    if ((s->clipped[k] & ~s->held[k]) >> l & 1) return 1;
  return 0;
}

/* The objective must not rise, but for rounding. A step that raised it and clipped is undone and made again with what
 * was clipped held: two correlated columns, one of which crosses 0, can make a clipped step an ascent of any length.
 * Where that fails, too, it is halved: a loss whose curvature comes with the rows that the step reaches, as that of the
 * squared hinge, has models that hold for short steps alone. Where halves do not end it, it is made once more up to the
 * first coefficient that would be clipped: without clipping the step of conjugate gradients is one of descent. */
static void judge_trials(lc_lanes *s, unsigned *bad, unsigned *was_back) {
  const double rounding = 1e-13;
  enum { CAREFUL = 8 };
  double l1[LC_LANES], l2[LC_LANES];
  unsigned back = 0;
  penalties(s, l1, l2);
  *bad = *was_back = 0;
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (!lane->active) continue;
    lane->was_back = lane->back;
    lane->back = lane->bad = 0;
    lane->value = lane->loss + (l1[l] + l2[l]);
    int lower = lane->value <= lane->old_value + rounding * fabs(lane->value);
    if (lane->was_back) *was_back |= 1u << l;
    if (lane->age > 0 && !lane->was_back && !lower) {
      lane->bad = 1;
      lane->fails++;
      if (lane->fails == CAREFUL) lane->careful = 1;
      lane->back = lane->fails == CAREFUL || (lane->fails == 1 && !lane->careful && clips_anew(s, l));
      *bad |= 1u << l;
      back |= (unsigned)lane->back << l;
      continue;
    }
    if (!lane->was_back) lane->fails = lane->careful = 0;
    lane->gains = lane->old_value - lane->value > s->job->tolerance * fabs(lane->value);
    lane->old_value = lane->value;
    lane->size = l1[l];
    lane->b0 = lane->to0;
  }
  for (lc_index k = 0; k < s->count; k++)
    s->held[k] = (unsigned char)((s->held[k] | (s->clipped[k] & back)) & (*bad | *was_back));
}

typedef struct measured {
  lc_lanes *s;
  unsigned bad;
} measured;

static void measure_some(void *context, lc_index from, lc_index to) {
  const measured *own = context;
  lc_lanes *s = own->s;
  double *worst = lc_lanes_sums(s, from);
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      const lc_lane *lane = s->lane + l;
      lc_index at = lc_lane_at(k, l);
      int open;
      if (lc_lanes_has(own->bad, l)) continue;
      double x = s->to[at], g = s->g[at] + lane->lambda * s->l2[k] * x;
      s->b[at] = x;
      s->g[at] = g;
      if (!lane->active) continue;
      double v = lc_lanes_residual(s, k, l, x, g, &open), size = fabs(v) * (double)s->per[k];
      worst[l] = size > worst[l] ? size : worst[l];
      s->r[at] = (float)-v;
      s->open[at] = (float)open;
    }
}

/* b <- trial, r <- minus the residuals, open, and the worst residual of each lane over lambda. Gradients get their
 * ridge. */
static void measure(lc_lanes *s, unsigned bad) {
  measured own = {s, bad};
  double worst[LC_LANES];
  lc_lanes_each_piece(s, measure_some, &own);
  lc_lanes_largest(s, 0, worst);
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (!lane->active || lane->bad) continue;
    lane->worst = worst[l] / lane->lambda;
    int falls = lane->worst < 0.7 * lane->least;
    lane->idle = falls || lane->gains ? 0 : lane->idle + 1;
    if (falls) lane->least = lane->worst;
  }
}

void lc_lanes_judge(lc_lanes *s) {
  unsigned bad, was_back;
  judge_trials(s, &bad, &was_back);
  measure(s, bad);
}
