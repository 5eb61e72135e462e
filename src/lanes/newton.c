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

/* What the pieces of members share between the steps of conjugate gradients. */
typedef struct pieces {
  lc_lanes *s;
  float total[LC_LANES], lambda[LC_LANES], alpha[LC_LANES], beta[LC_LANES], moved[LC_LANES], on[LC_LANES];
} pieces;

/* The lines of the next product; line 0 of the sums: what their columns' means come to. */
static void spread(lc_lanes *s, lc_index from, lc_index to) {
  lc_lane_members members;
  float *lines = s->lines[0] + from * LC_LINE;
  lc_lanes_constants(s, from, to, &members);
  lc_kernels()->lanes->spread(&members, s->v + from * LC_LANES, lines, lc_lanes_sums(s, from));
  for (int part = 1; part < s->parts; part++)
    memcpy(s->lines[part] + from * LC_LINE, lines, (size_t)(to - from) * LC_LINE * sizeof *lines);
}

static void collect(void *context, lc_index from, lc_index to) {
  const pieces *own = context;
  lc_lanes *s = own->s;
  lc_lane_members members;
  lc_index at = from * LC_LANES;
  lc_lanes_constants(s, from, to, &members);
  lc_kernels()->lanes->collect(&members, s->parts, s->lines[0] + from * LC_LINE, s->lines[s->parts - 1] - s->lines[0],
                               own->total, (float)(1 / s->obj->weight_sum), own->lambda, s->v + at, s->h + at,
                               lc_lanes_sums(s, from));
}

/* h, h0 <- (X'wX / W + ridge) (v, v0) of centred columns, whose lines are spread; dot <- their products with (v, v0).
 */
static lc_status multiply(lc_lanes *s, const double *v0, double *h0, double *dot) {
  product all;
  pieces own = {.s = s};
  double centre[LC_LANES];
  memset(&all, 0, sizeof all);
  lc_lanes_total(s, 0, centre);
  for (int l = 0; l < LC_LANES; l++) all.centre[l] = (float)(v0[l] - centre[l]);
  LC_TRY(lc_lanes_each_part(s, multiply_rows, &all));
  for (int l = 0; l < LC_LANES; l++) {
    double sum = all.total[0][l];
    for (int part = 1; part < s->parts; part++) sum += all.total[part][l];
    h0[l] = s->x->intercept ? sum / s->obj->weight_sum : 0;
    own.total[l] = (float)sum;
    own.lambda[l] = (float)s->lane[l].lambda;
  }
  lc_lanes_each_piece(s, collect, &own);
  lc_lanes_total(s, 0, dot);
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

/* Line 1 of the sums: r'v. */
static void begin_some(void *context, lc_index from, lc_index to) {
  const pieces *own = context;
  lc_lanes *s = own->s;
  double rv[LC_LANES] = {0};
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->r[at] *= own->on[l];
      s->v[at] = own->on[l] * s->open[at] * (s->metric[k] * s->r[at] + own->moved[l] * s->last[at]);
      s->d[at] = 0;
      rv[l] += (double)s->r[at] * (double)s->v[at];
    }
  spread(s, from, to);
  memcpy(lc_lanes_line(s, from, 1), rv, sizeof rv);
}

/* First directions: the preconditioned residuals, and what is left of the last ones near the solution. */
static void begin(lc_lanes *s, cg *own) {
  const double near = 1e-2;
  pieces all = {.s = s};
  *own = (cg){0};
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (lane->active && !lane->bad) own->active |= 1u << l;
    lane->kept = lane->kept && lc_lanes_has(own->active, l) && !lane->predicted && lane->worst <= near;
    all.moved[l] = (float)lane->kept;
    all.on[l] = (float)lc_lanes_has(own->active, l);
  }
  own->taking = own->wanted = own->active;
  lc_lanes_each_piece(s, begin_some, &all);
  lc_lanes_total(s, 1, own->rv);
  for (int l = 0; l < LC_LANES; l++)
    if (lc_lanes_has(own->active, l)) {
      const lc_lane *lane = s->lane + l;
      own->d0[l] = -lane->shift;
      own->last0[l] = 0;
    }
}

/* d, r <- a step alpha v further. Lines of the sums: rz, zh, and the worst residual. */
static void advance(void *context, lc_index from, lc_index to) {
  const pieces *own = context;
  lc_lanes *s = own->s;
  lc_lane_members members;
  lc_index at = from * LC_LANES;
  float worst[LC_LANES];
  double *sums = lc_lanes_sums(s, from);
  lc_lanes_constants(s, from, to, &members);
  lc_kernels()->lanes->advance(&members, own->alpha, s->v + at, s->h + at, s->open + at, s->d + at, s->r + at, sums,
                               sums + LC_LANES, worst);
  for (int l = 0; l < LC_LANES; l++) sums[2 * LC_LANES + l] = (double)worst[l];
}

/* The next direction, and its lines. */
static void turn(void *context, lc_index from, lc_index to) {
  const pieces *own = context;
  lc_lanes *s = own->s;
  lc_lane_members members;
  lc_index at = from * LC_LANES;
  lc_lanes_constants(s, from, to, &members);
  lc_kernels()->lanes->turn(&members, own->beta, own->moved, own->on, s->r + at, s->v + at, s->last + at);
  spread(s, from, to);
}

/* After a product: the step alpha v, and the next direction, but for lanes for which it is the last. */
static void step(lc_lanes *s, cg *own, unsigned last, const double *h0, const double *dot) {
  pieces all = {.s = s};
  double rz[LC_LANES], zh[LC_LANES], worst[LC_LANES];
  unsigned was = own->active;
  for (int l = 0; l < LC_LANES; l++) {
    int sound = lc_lanes_has(was, l) && dot[l] > 0 && isfinite(own->rv[l] / dot[l]);
    all.alpha[l] = sound ? (float)(own->rv[l] / dot[l]) : 0;
    if (!sound) own->active &= ~(1u << l); /* no curvature: the lane stops where it is */
  }
  lc_lanes_each_piece(s, advance, &all);
  lc_lanes_total(s, 0, rz);
  lc_lanes_total(s, 1, zh);
  lc_lanes_largest(s, 2, worst);
  for (int l = 0; l < LC_LANES; l++) {
    all.moved[l] = (float)lc_lanes_has(was, l);
    if (lc_lanes_has(own->active, l)) {
      own->d0[l] += (double)all.alpha[l] * own->v0[l];
      own->r0[l] -= (double)all.alpha[l] * h0[l];
      double b = fmax(0, -(zh[l] + own->r0[l] * h0[l]) / dot[l]);
      all.beta[l] = (float)b;
      own->rv[l] = rz[l] + own->r0[l] * own->r0[l];
      own->last0[l] = b * own->v0[l];
      own->v0[l] = own->r0[l] + own->last0[l];
      double rest = fmax(worst[l], fabs(own->r0[l]) / s->unit_l1) / s->lane[l].lambda;
      if (rest <= s->lane[l].target || lc_lanes_has(last, l)) own->active &= ~(1u << l);
      s->lane[l].kept = 1;
    }
    all.on[l] = (float)lc_lanes_has(own->active, l);
    if (!lc_lanes_has(own->active, l)) own->v0[l] = 0;
  }
  lc_lanes_each_piece(s, turn, &all);
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
    LC_TRY(multiply(s, own->v0, h0, dot));
    unsigned last = 0;
    for (int l = 0; l < LC_LANES; l++)
      if (its + 1 >= (most > 0 ? most : most_products(s->lane + l))) last |= 1u << l;
    step(s, own, last, h0, dot);
  }
  return LC_OK;
}

/* ---- coefficients that would cross 0 --------------------------------------------------------------------------- */

/* Lanes by number, for pieces. */
typedef struct some_lanes {
  lc_lanes *s;
  unsigned lanes;
  const double *share;
} some_lanes;

static void measure_cut(void *context, lc_index from, lc_index to) {
  const some_lanes *own = context;
  lc_lanes *s = own->s;
  double *cut = lc_lanes_sums(s, from);
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      double x = s->to[at], d = (double)s->d[at];
      if (!lc_lanes_has(own->lanes, l) || s->open[at] == 0 || d == 0) continue;
      double lost = fabs(x + d - lc_lanes_land(s, k, x, d, s->g[at])) * (double)s->per[k];
      cut[l] = lost > cut[l] ? lost : cut[l];
    }
}

/* Lanes of which landing changes the step by much, over what remains of their residuals. */
static unsigned find_cut(lc_lanes *s, unsigned taking) {
  const double much = 0.6, again = 0.01;
  double cut[LC_LANES];
  some_lanes own = {s, taking, NULL};
  unsigned out = 0;
  for (int l = 0; l < LC_LANES; l++)
    if (s->lane[l].careful) own.lanes &= ~(1u << l);
  lc_lanes_each_piece(s, measure_cut, &own);
  lc_lanes_largest(s, 0, cut);
  for (int l = 0; l < LC_LANES; l++) {
    const lc_lane *lane = s->lane + l;
    double size = cut[l] * lane->curvature / lane->lambda, limit = (lane->was_back ? again : much) * lane->worst;
    if (lc_lanes_has(taking, l) && size > fmax(3 * lane->target, limit)) out |= 1u << l;
  }
  return out;
}

/* Steps end where they land, and what was cut is held. */
static void land(void *context, lc_index from, lc_index to) {
  const some_lanes *own = context;
  lc_lanes *s = own->s;
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->v[at] = 0;
      if (!lc_lanes_has(own->lanes, l)) continue;
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
  spread(s, from, to);
}

/* Residuals there, and first directions. Line 1 of the sums: r'v. */
static void begin_again(void *context, lc_index from, lc_index to) {
  const some_lanes *own = context;
  lc_lanes *s = own->s;
  double rv[LC_LANES] = {0};
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      int open;
      s->v[at] = 0;
      if (!lc_lanes_has(own->lanes, l)) continue;
      double v = lc_lanes_residual(s, k, l, s->to[at], s->g[at], &open);
      s->r[at] = s->open[at] > 0 ? (float)-(v + (double)s->h[at]) : 0;
      s->v[at] = s->metric[k] * s->r[at];
      rv[l] += (double)s->r[at] * (double)s->v[at];
    }
  spread(s, from, to);
  memcpy(lc_lanes_line(s, from, 1), rv, sizeof rv);
}

/* Their models again, from where their steps land, with what was cut held. */
static lc_status hold_cut(lc_lanes *s, unsigned redo, cg *own) {
  double v0[LC_LANES] = {0}, h0[LC_LANES], dot[LC_LANES];
  some_lanes all = {s, redo, NULL};
  lc_lanes_each_piece(s, land, &all);
  /* The gradients are those of an intercept moved by -shift. */
  for (int l = 0; l < LC_LANES; l++)
    if (lc_lanes_has(redo, l)) v0[l] = own->d0[l] + s->lane[l].shift;
  LC_TRY(multiply(s, v0, h0, dot));
  lc_lanes_each_piece(s, begin_again, &all);
  lc_lanes_total(s, 1, own->rv);
  for (int l = 0; l < LC_LANES; l++) {
    own->r0[l] = lc_lanes_has(redo, l) ? -h0[l] : 0;
    own->v0[l] = own->r0[l];
    own->rv[l] += own->r0[l] * own->r0[l];
    if (lc_lanes_has(redo, l)) s->lane[l].kept = 0;
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

static void set_some(void *context, lc_index from, lc_index to) {
  const some_lanes *own = context;
  lc_lanes *s = own->s;
  for (lc_index k = from; k < to; k++) {
    s->clipped[k] &= (unsigned char)own->lanes;
    for (int l = 0; l < LC_LANES; l++) s->to[lc_lane_at(k, l)] = trial(s, k, l, own->share[l]);
  }
}

static void set_trials(lc_lanes *s, const cg *own) {
  double share[LC_LANES];
  some_lanes bad = {s, 0, share};
  find_shares(s, share);
  for (int l = 0; l < LC_LANES; l++) bad.lanes |= (unsigned)(s->lane[l].active && s->lane[l].bad) << l;
  lc_lanes_each_piece(s, set_some, &bad);
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
