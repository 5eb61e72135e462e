/* lanes/certify.c - the gap of a lane, in doubles, and publishing.
 *
 * The dual point is t times the moved residuals R. With g = X'R / W and sum R = 0 the gap is the sum over slopes of
 *   t g b + P(b) + P*(-t g) >= 0      (Fenchel and Young),
 * which costs the members alone, and the divergence of the conjugate between t R / w and the derivative at the point.
 * The first part is a lower bound: where it is small enough, the dual itself is computed. */
#include <math.h>
#include <string.h>

#include "lanes/state.h"
#include "linalg/linalg.h"

enum { BLOCK = 32 }; /* rows */

/* Lanes that are looked at. The dual point of each is t R; gap = value - dual + conjugates. */
typedef struct duals {
  lc_lanes *s;
  unsigned lanes;
  const double *c; /* gradients of all features at residuals that were moved for free slopes; else NULL */
  int adds;
  lc_penalty pen[LC_LANES];
  double t[LC_LANES], terms[LC_LANES], conjugates[LC_LANES], dual[LC_LANES];
} duals;

/* Gradient of the mean loss along member k, as shown. */
static double loss_slope(const lc_lanes *s, lc_index k, int l) {
  lc_index at = lc_lane_at(k, l);
  return (s->g[at] - s->lane[l].lambda * s->l2[k] * s->b[at]) / s->unit[k];
}

/* Members that are free get gradients 0 by move_free(). First t, then the sums, in lines of the piece. */
static void look_at_members(void *context, lc_index from, lc_index to) {
  const duals *own = context;
  const lc_lanes *s = own->s;
  double *first = lc_lanes_sums(s, from), *second = first + LC_LANES;
  for (int l = 0; l < LC_LANES; l++) first[l] = own->adds ? 0 : 1;
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      if (!lc_lanes_has(own->lanes, l)) continue;
      const lc_penalty *pen = own->pen + l;
      lc_index f = s->feature[k];
      double b = s->b[lc_lane_at(k, l)] * s->unit[k], g = own->c ? own->c[f] : loss_slope(s, k, l);
      if (b == 0 && fabs(g) <= lc_penalty_l1(pen, f)) continue; /* feasible, and no term */
      if (lc_penalty_is_free_at(pen, f, b)) continue;
      if (!own->adds) {
        first[l] = lc_penalty_feasible(pen, f, 1, &g, 1, first[l]);
        continue;
      }
      double conjugate = lc_penalty_conjugate(pen, f, -own->t[l] * g);
      second[l] += conjugate;
      first[l] += own->t[l] * g * b + lc_penalty_l1(pen, f) * fabs(b) + 0.5 * lc_penalty_l2(pen, f) * b * b + conjugate;
    }
}

/* t, terms and conjugates of the lanes. */
static void find_parts(duals *own) {
  const lc_lanes *s = own->s;
  for (int l = 0; l < LC_LANES; l++) {
    own->pen[l] = *s->obj->pen;
    own->pen[l].lambda = s->lane[l].lambda;
    own->t[l] = 1;
  }
  own->adds = 0;
  lc_lanes_each_piece(s, look_at_members, own);
  for (lc_index from = 0; from < s->count; from += LC_LANES_PIECE)
    for (int l = 0; l < LC_LANES; l++) own->t[l] = fmin(own->t[l], lc_lanes_line(s, from, 0)[l]);
  for (int l = 0; own->c && l < LC_LANES; l++)
    for (lc_index a = 0; lc_lanes_has(own->lanes, l) && a < s->nrest; a++)
      own->t[l] = lc_penalty_feasible(own->pen + l, s->rest[a], 1, own->c + s->rest[a], 1, own->t[l]);
  own->adds = 1;
  lc_lanes_each_piece(s, look_at_members, own);
  lc_lanes_total(s, 0, own->terms);
  lc_lanes_total(s, 1, own->conjugates);
  for (int l = 0; own->c && l < LC_LANES; l++)
    for (lc_index a = 0; lc_lanes_has(own->lanes, l) && a < s->nrest; a++)
      own->conjugates[l] += lc_penalty_conjugate(own->pen + l, s->rest[a], -own->t[l] * own->c[s->rest[a]]);
}

/* sum of w (off'r - loss*(r)) at r = t R / w over a piece of rows. */
static void add_duals(void *context, lc_index from, lc_index to) {
  const duals *own = context;
  const lc_lanes *s = own->s;
  const lc_obs *obs = s->obj->obs;
  double r[BLOCK * LC_LANES], y[BLOCK * LC_LANES], value[BLOCK * LC_LANES];
  double *sum = lc_lanes_row_sums(s, from);
  int lane[LC_LANES], count = 0;
  for (int l = 0; l < LC_LANES; l++) {
    sum[l] = 0;
    if (lc_lanes_has(own->lanes, l)) lane[count++] = l;
  }
  for (lc_index i0 = from; i0 < to; i0 += BLOCK) {
    int m = (int)lc_min(BLOCK, to - i0);
    for (int i = 0, at = 0; i < m; i++) {
      double w = lc_obs_weight(obs, i0 + i), unit = w > 0 ? 1 / w : 0;
      for (int a = 0; a < count; a++, at++) {
        r[at] = own->t[lane[a]] * unit * s->R[lc_lane_at(i0 + i, lane[a])];
        y[at] = obs->y[i0 + i];
      }
    }
    s->obj->loss->dual(&s->obj->coding, m * count, r, m * count, y, value);
    for (int i = 0, at = 0; i < m; i++) {
      double w = lc_obs_weight(obs, i0 + i), offset = obs->offset ? obs->offset[i0 + i] : 0;
      for (int a = 0; a < count; a++, at++)
        if (w > 0) sum[lane[a]] += w * (value[at] + offset * r[at]);
    }
  }
}

static void find_duals(duals *own) {
  const lc_lanes *s = own->s;
  lc_lanes_sum_rows(s, add_duals, own, LC_LANES, own->dual);
  for (int l = 0; l < LC_LANES; l++) own->dual[l] /= s->obj->weight_sum;
}

/* `at` <- the point of a lane; scores only where they are wanted. */
static void set_point(lc_lanes *s, int l, int scores) {
  lc_objective *obj = s->obj;
  const lc_lane *lane = s->lane + l;
  memset(obj->at.B, 0, (size_t)obj->P * sizeof(double));
  double b0 = lane->b0;
  for (lc_index k = 0; k < s->count; k++) {
    double b = s->b[lc_lane_at(k, l)] * s->unit[k];
    obj->at.B[s->feature[k] + s->x->intercept] = lc_penalty_clip_slope(obj->pen, s->feature[k], b);
    b0 -= s->mean[k] * b;
  }
  if (s->x->intercept) obj->at.B[0] = b0;
  for (lc_index i = 0; scores && i < s->x->n; i++) obj->at.Z[i] = s->z[lc_lane_at(i, l)];
  s->job->pen->lambda = lane->lambda;
  obj->at.loss = lane->loss;
  obj->at.value = lane->value;
}

/* Slopes that nothing holds need gradients 0: R moves by w X d with d their Newton step, the intercept's with it. The
 * gradients of all features change; c (p) gets them. Reads X. */
static lc_status move_free(lc_lanes *s, int l, double *R, double *c) {
  lc_objective *obj = s->obj;
  lc_index n = s->x->n, one = s->x->intercept, p = s->x->p, nj = 0;
  lc_index *all = lc_arena_alloc(s->arena, p + one, sizeof *all),
           *j = lc_arena_alloc(s->arena, s->count + one, sizeof *j);
  double *w = lc_arena_doubles(s->arena, n), *u = lc_arena_doubles(s->arena, n);
  if (!all || !j || !w || !u) return LC_OUT_OF_MEMORY;
  for (lc_index f = 0; f < p; f++) all[f] = f + one;
  if (one) j[nj++] = 0;
  for (lc_index k = 0; k < s->count; k++)
    if (lc_penalty_is_free_at(obj->pen, s->feature[k], s->b[lc_lane_at(k, l)] * s->unit[k]))
      j[nj++] = s->feature[k] + one;
  for (lc_index i = 0; i < n; i++) w[i] = (double)s->w[lc_lane_at(i, l)];
  double *C = lc_arena_doubles(s->arena, nj * nj), *e = lc_arena_doubles(s->arena, nj);
  unsigned char *skip = lc_arena_alloc(s->arena, nj, 1);
  if (!C || !e || !skip) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_cross(obj, nj, j, nj, j, w, C));
  lc_cholesky(NULL, nj, C, 1e-12, skip, NULL);
  for (int again = 0; again < 2; again++) { /* the second time for rounding */
    lc_objective_columns(obj, nj, j, obj->K, R, e);
    lc_cholesky_solve(nj, C, nj, skip, e);
    memset(u, 0, (size_t)n * sizeof *u);
    s->x->ops->col_axpy(s->x, nj, j, 1, e, u, obj->host);
    for (lc_index i = 0; i < n; i++) R[i] -= w[i] * u[i];
  }
  lc_objective_columns(obj, p, all, obj->K, R, c);
  obj->passes++;
  return LC_OK;
}

/* Of lane l alone, whose point is `at`: the parts of residuals that are moved for free slopes. */
static lc_status find_moved(duals *own, int l) {
  lc_lanes *s = own->s;
  double *R = lc_arena_doubles(s->arena, s->x->n), *c = lc_arena_doubles(s->arena, s->x->p), primal;
  if (!R || !c) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < s->x->n; i++) R[i] = s->R[lc_lane_at(i, l)];
  LC_TRY(move_free(s, l, R, c));
  duals moved = {.s = s, .lanes = 1u << l, .c = c};
  find_parts(&moved);
  own->conjugates[l] = moved.conjugates[l];
  return lc_objective_dual(s->obj, R, moved.t[l], &primal, own->dual + l);
}

/* Largest residual, as shown. */
static double kkt_of(const lc_lanes *s, int l) {
  double worst = 0;
  int open;
  for (lc_index k = 0; k < s->count; k++) {
    lc_index at = lc_lane_at(k, l);
    worst = fmax(worst, fabs(lc_lanes_residual(s, k, l, s->b[at], s->g[at], &open)) / s->unit[k]);
  }
  return worst;
}

static lc_status publish(lc_lanes *s, int l, double gap) {
  lc_lane *lane = s->lane + l;
  lc_lanes_point point = {
      .gap = gap, .relative = gap / lc_objective_scale(s->obj), .kkt = kkt_of(s, l), .iterations = lane->age};
  LC_TRY(s->job->keep(s->job->context, lane->number, &point));
  lane->active = 0;
  s->done[lane->number] = 1;
  while (s->published < s->job->count && s->done[s->published]) s->published++;
  return LC_OK;
}

/* The gap of lane l, which is published where it is met and residuals are small, too. */
static lc_status judge_lane(duals *own, int l) {
  enum { MOST_MISSED = 5 };
  lc_lanes *s = own->s;
  lc_lane *lane = s->lane + l;
  int moves = s->has_free;
  double tolerance = s->job->tolerance;
  set_point(s, l, moves || s->job->scores);
  if (moves) {
    lc_mark mark = lc_arena_mark(s->arena);
    lc_status status = find_moved(own, l);
    lc_arena_reset(s->arena, mark);
    LC_TRY(status);
  }
  double gap = fmax(s->obj->at.value - own->dual[l] + own->conjugates[l], 0);
  double scale = lc_objective_scale(s->obj);
  int met = gap <= tolerance * scale;
  if (met && (lane->worst <= lc_lanes_most(s) || ++lane->missed > MOST_MISSED)) return publish(s, l, gap);
  if (!met)
    lane->goal = fmin(lane->goal, isfinite(gap) ? 0.5 * lane->worst * tolerance * scale / gap : 0.1 * lane->worst);
  return LC_OK;
}

lc_status lc_lanes_certify(lc_lanes *s) {
  duals own = {.s = s};
  double tolerance = s->job->tolerance;
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    if (!lane->active || lane->bad || lane->age == 0) continue;
    lane->goal = 0.5 * lc_lanes_most(s);
    if (lane->proved && lane->worst <= lc_lanes_near(s)) own.lanes |= 1u << l;
  }
  if (!own.lanes) return LC_OK;
  find_parts(&own);
  for (int l = 0; l < LC_LANES; l++) {
    lc_lane *lane = s->lane + l;
    double scale = fmax(lane->value, 1e-3 * s->obj->null_value);
    if (!lc_lanes_has(own.lanes, l) || own.terms[l] <= tolerance * scale) continue;
    lane->goal = fmin(lane->goal, 0.5 * lane->worst * tolerance * scale / own.terms[l]);
    own.lanes &= ~(1u << l);
  }
  if (own.lanes && !s->has_free) find_duals(&own);
  for (int l = 0; l < LC_LANES; l++)
    if (lc_lanes_has(own.lanes, l)) {
      LC_TRY(judge_lane(&own, l));
      LC_TRY(lc_poll(s->job->host));
    }
  return LC_OK;
}
