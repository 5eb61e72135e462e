/* lanes/newton.c - one Newton step of all lanes by conjugate gradients, and the trial it leads to.
 *
 * The model of lane l is minimised over its open coefficients; products with its Hessian are one read of the members'
 * entries for all lanes. Directions outlive a round (Polak and Ribiere): gradients are new, the Hessian hardly. The
 * intercept of centred columns is one more coordinate, which starts at its own Newton step: the gradients are those of
 * residuals that were moved by it. */
#include <math.h>
#include <string.h>

#include "lanes/state.h"

typedef struct cg {
  unsigned active, taking, wanted; /* lanes that go on; that make a step; that went on when the round began */
  double rv[LC_LANES];             /* r'v, or r'z */
  double v0[LC_LANES], r0[LC_LANES], d0[LC_LANES], last0[LC_LANES]; /* of the intercept */
} cg;

static int has(unsigned lanes, int l) { return (int)(lanes >> l & 1); }

static int count_lanes(unsigned lanes) {
  int count = 0;
  for (; lanes; lanes &= lanes - 1) count++;
  return count;
}

/* ---- products -------------------------------------------------------------------------------------------------- */

typedef struct product {
  float centre[LC_LANES];
  double total[LC_LANES_MOST_PARTS][LC_LANES];
} product;

static void multiply_rows(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  product *own = context;
  const lc_grown_rows *rows = &s->rows;
  if (to <= from) return;
  lc_kernels()->lanes->product(to - from, rows->start + from, rows->end + from, rows->index, rows->narrow,
                               s->w + from * LC_LANES, own->centre, s->lines[part], own->total[part]);
}

/* h, h0 <- (X'wX / W + ridge) (v, v0) of centred columns; dot <- their products with (v, v0). */
lc_status lc_lanes_product(lc_lanes *s, const double *v0, double *h0, double *dot) {
  const lc_lane_kernel *loops = lc_kernels()->lanes;
  lc_lane_members members;
  product all;
  double centre[LC_LANES], by = 1 / s->obj->weight_sum;
  float total[LC_LANES], lambda[LC_LANES];
  memset(&all, 0, sizeof all);
  lc_lanes_constants(s, &members);
  loops->spread(&members, s->v, s->lines[0], centre);
  for (int part = 1; part < s->parts; part++)
    memcpy(s->lines[part], s->lines[0], (size_t)s->count * LC_LINE * sizeof(float));
  for (int l = 0; l < LC_LANES; l++) all.centre[l] = (float)(v0[l] - centre[l]);
  LC_TRY(lc_lanes_each_part(s, multiply_rows, &all));
  for (int l = 0; l < LC_LANES; l++) {
    double sum = all.total[0][l];
    for (int part = 1; part < s->parts; part++) sum += all.total[part][l];
    h0[l] = s->x->intercept ? sum * by : 0;
    total[l] = (float)sum;
    lambda[l] = (float)s->lane[l].lambda;
  }
  loops->collect(&members, s->parts, s->lines[0], s->lines[s->parts - 1] - s->lines[0], total, (float)by, lambda, s->v,
                 s->h, dot);
  for (int l = 0; l < LC_LANES; l++) dot[l] += v0[l] * h0[l];
  s->obj->passes += lc_lanes_share(s);
  return LC_OK;
}

/* ---- conjugate gradients --------------------------------------------------------------------------------------- */

/* What each lane wants of this round. */
static void set_targets(lc_lanes *s) {
  const double most = 0.02, square = 0.3, stop = 0.8; /* the square: residuals of the model, as good as the model is */
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (!lane->active || lane->bad) continue;
    double scale = fmax(lane->value, 1e-3 * s->obj->null_value);
    double goal = 0.5 * s->job->tolerance * scale / fmax(lane->size, 1e-9 * scale);
    if (lane->goal > 0) goal = fmin(goal, lane->goal);
    lane->goal = 0;
    lane->target = fmax(stop * goal, fmin(most, square * lane->worst) * lane->worst);
  }
}

/* First directions: the preconditioned residuals, and what is left of the last ones near the solution. */
static void begin(lc_lanes *s, cg *own) {
  const double near = 1e-2;
  *own = (cg){0};
  float keep[LC_LANES], on[LC_LANES];
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (lane->active && !lane->bad) own->active |= 1u << l;
    lane->kept = lane->kept && has(own->active, l) && !lane->predicted && lane->worst <= near;
    keep[l] = (float)lane->kept;
    on[l] = (float)has(own->active, l);
  }
  own->taking = own->wanted = own->active;
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->r[at] *= on[l];
      s->v[at] = on[l] * s->open[at] * (s->metric[k] * s->r[at] + keep[l] * s->last[at]);
      s->d[at] = 0;
      own->rv[l] += (double)s->r[at] * (double)s->v[at];
    }
  for (int l = 0; l < LC_LANES; l++)
    if (has(own->active, l)) {
      const lc_lane *lane = s->lane + l;
      own->d0[l] = -lane->shift;
      own->last0[l] = 0;
    }
}

/* After a product: the step alpha v, and the next direction, but for lanes for which it is the last. */
static void step(lc_lanes *s, cg *own, unsigned last, const double *h0, const double *dot) {
  const lc_lane_kernel *loops = lc_kernels()->lanes;
  lc_lane_members members;
  float alpha[LC_LANES], beta[LC_LANES], moved[LC_LANES], on[LC_LANES], worst[LC_LANES];
  double rz[LC_LANES], zh[LC_LANES];
  unsigned was = own->active;
  lc_lanes_constants(s, &members);
  for (int l = 0; l < LC_LANES; l++) {
    int sound = has(was, l) && dot[l] > 0 && isfinite(own->rv[l] / dot[l]);
    alpha[l] = sound ? (float)(own->rv[l] / dot[l]) : 0;
    if (!sound) own->active &= ~(1u << l); /* no curvature: the lane stops where it is */
  }
  loops->advance(&members, alpha, s->v, s->h, s->open, s->d, s->r, rz, zh, worst);
  for (int l = 0; l < LC_LANES; l++) {
    beta[l] = 0;
    moved[l] = (float)has(was, l);
    if (has(own->active, l)) {
      own->d0[l] += (double)alpha[l] * own->v0[l];
      own->r0[l] -= (double)alpha[l] * h0[l];
      double b = fmax(0, -(zh[l] + own->r0[l] * h0[l]) / dot[l]);
      beta[l] = (float)b;
      own->rv[l] = rz[l] + own->r0[l] * own->r0[l];
      own->last0[l] = b * own->v0[l];
      own->v0[l] = own->r0[l] + own->last0[l];
      double rest = fmax((double)worst[l], fabs(own->r0[l]) / s->unit_l1) / s->lane[l].lambda;
      if (rest <= s->lane[l].target || has(last, l)) own->active &= ~(1u << l);
      s->lane[l].kept = 1;
    }
    on[l] = (float)has(own->active, l);
    if (!has(own->active, l)) own->v0[l] = 0;
  }
  loops->turn(&members, beta, moved, on, s->r, s->v, s->last);
}

/* Products that a lane may ask for in a round. Far from the solution few are better than many: the model holds near its
 * point alone. Near it, lanes that have needed many steps are those with dependent columns, and may go on for long. */
static int most_products(const lc_lane *lane) {
  const double near = 1e-2;
  enum { USUAL = 12, LIMIT = 100 };
  int most = lane->worst <= near ? 2 * lane->age : 0;
  return most < USUAL ? USUAL : most > LIMIT ? LIMIT : most;
}

/* most: for every lane, 0: what each may ask for. */
static lc_status iterate(lc_lanes *s, cg *own, int most) {
  enum { LEAST = 3 };
  for (int its = 0; own->active; its++) {
    double h0[LC_LANES], dot[LC_LANES];
    if (its >= LEAST && 2 * count_lanes(own->active) <= count_lanes(own->wanted)) break;
    LC_TRY(lc_lanes_product(s, own->v0, h0, dot));
    unsigned last = 0;
    for (int l = 0; l < LC_LANES; l++)
      if (its + 1 >= (most > 0 ? most : most_products(s->lane + l))) last |= 1u << l;
    step(s, own, last, h0, dot);
  }
  return LC_OK;
}

/* ---- coefficients that would cross 0 --------------------------------------------------------------------------- */

/* Lanes of which landing changes the step by much, over what remains of their residuals. */
static unsigned find_cut(const lc_lanes *s, unsigned taking) {
  const double much = 0.6, again = 0.01;
  double cut[LC_LANES] = {0};
  unsigned out = 0;
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      double x = s->to[at], d = (double)s->d[at];
      if (!has(taking, l) || s->lane[l].careful || s->open[at] == 0 || d == 0) continue;
      double lost = fabs(x + d - lc_lanes_land(s, k, x, d, s->g[at]));
      cut[l] = fmax(cut[l], lost * (double)s->per[k]);
    }
  for (int l = 0; l < LC_LANES; l++) {
    const lc_lane *lane = s->lane + l;
    double size = cut[l] * lane->curvature / lane->lambda, limit = (lane->was_back ? again : much) * lane->worst;
    if (has(taking, l) && size > fmax(3 * lane->target, limit)) out |= 1u << l;
  }
  return out;
}

/* Their models again, from where their steps land, with what was cut held. */
static lc_status hold_cut(lc_lanes *s, unsigned redo, cg *own) {
  double v0[LC_LANES] = {0}, h0[LC_LANES], dot[LC_LANES];
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->v[at] = 0;
      if (!has(redo, l)) continue;
      double x = s->to[at], d = (double)s->d[at];
      if (s->open[at] > 0 && d != 0) {
        double lands = lc_lanes_land(s, k, x, d, s->g[at]);
        if (lands != x + d) {
          s->open[at] = 0;
          s->d[at] = (float)(lands - x);
        }
      }
      s->v[at] = s->d[at];
    }
  /* The gradients are those of an intercept moved by -shift. */
  for (int l = 0; l < LC_LANES; l++)
    if (has(redo, l)) v0[l] = own->d0[l] + s->lane[l].shift;
  LC_TRY(lc_lanes_product(s, v0, h0, dot));
  memset(own->rv, 0, sizeof own->rv);
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      int open;
      s->v[at] = 0;
      if (!has(redo, l)) continue;
      double v = lc_lanes_residual(s, k, l, s->to[at], s->g[at], &open);
      s->r[at] = s->open[at] > 0 ? (float)-(v + (double)s->h[at]) : 0;
      s->v[at] = s->metric[k] * s->r[at];
      own->rv[l] += (double)s->r[at] * (double)s->v[at];
    }
  for (int l = 0; l < LC_LANES; l++) {
    own->r0[l] = has(redo, l) ? -h0[l] : 0;
    own->v0[l] = own->r0[l];
    own->rv[l] += own->r0[l] * own->r0[l];
    if (has(redo, l)) s->lane[l].kept = 0;
  }
  own->active = own->taking = own->wanted = redo;
  return LC_OK;
}

/* ---- trials ---------------------------------------------------------------------------------------------------- */

/* Careful lanes go no further than to where the first coefficient would be clipped. A coefficient that is 0 and would
 * leave it against its gradient stays. */
static void find_shares(lc_lanes *s, double *share) {
  for (int l = 0; l < LC_LANES; l++) {
    share[l] = 1;
    if (!s->lane[l].careful || s->lane[l].bad) continue;
    for (lc_index k = 0; k < s->count; k++) {
      lc_index at = lc_lane_at(k, l);
      double x = s->to[at], d = (double)s->d[at], lands = lc_lanes_land(s, k, x, d, s->g[at]);
      if (d == 0 || lands == x + d) continue;
      if (lands == x)
        s->d[at] = 0;
      else
        share[l] = fmin(share[l], (lands - x) / d);
    }
  }
}

/* Where coefficient k of a lane goes, from s->to where its model begins. */
static double trial(lc_lanes *s, lc_index k, int l, double share) {
  const lc_lane *lane = s->lane + l;
  lc_index at = lc_lane_at(k, l);
  double x = s->to[at], d = (double)s->d[at];
  if (!lane->active || lane->back) return s->b[at];
  if (lane->bad) return s->b[at] + 0.5 * (x - s->b[at]);
  if (d == 0) return x;
  double to = lc_lanes_land(s, k, x, share * d, s->g[at]);
  if (to != x + share * d) s->clipped[k] |= (unsigned char)(1u << l);
  return to;
}

static void set_trials(lc_lanes *s, const cg *own) {
  unsigned bad = 0;
  double share[LC_LANES];
  find_shares(s, share);
  for (int l = 0; l < LC_LANES; l++) bad |= (unsigned)(s->lane[l].active && s->lane[l].bad) << l;
  for (lc_index k = 0; k < s->count; k++) {
    s->clipped[k] &= (unsigned char)bad;
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->to[at] = trial(s, k, l, share[l]);
    }
  }
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (!lane->active) continue;
    if (lane->bad)
      lane->to0 = lane->back ? lane->b0 : lane->b0 + 0.5 * (lane->to0 - lane->b0);
    else
      lane->to0 = lane->b0 + share[l] * own->d0[l];
    if (!lane->bad) lane->age++;
    lane->predicted = 0;
  }
}

lc_status lc_lanes_newton(lc_lanes *s) {
  enum { AGAIN = 4, ROUNDS = 2 };
  cg own;
  set_targets(s);
  begin(s, &own);
  LC_TRY(iterate(s, &own, 0));
  for (int round = 0; round < ROUNDS; round++) {
    unsigned redo = find_cut(s, own.taking);
    if (!redo) break;
    LC_TRY(hold_cut(s, redo, &own));
    LC_TRY(iterate(s, &own, AGAIN));
  }
  set_trials(s, &own);
  return LC_OK;
}
