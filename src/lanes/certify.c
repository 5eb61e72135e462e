/* lanes/certify.c - the gap of a lane, in doubles, and publishing.
 *
 * The dual point is t times the moved residuals R. With g = X'R / W and sum R = 0 the gap is the sum over slopes of
 *   t g b + P(b) + P*(-t g) >= 0      (Fenchel and Young),
 * which costs the members alone, and the divergence of the conjugate between t R / w and the derivative at the point.
 * The first part is a lower bound: where it is small enough, objective_dual.c computes primal and dual themselves. */
#include <math.h>
#include <string.h>

#include "lanes/state.h"
#include "linalg/linalg.h"

typedef struct dual_parts {
  double t, terms, conjugates;
} dual_parts;

/* Gradient of the mean loss along member k, as shown. */
static double loss_slope(const lc_lanes *s, lc_index k, int l) {
  lc_index at = lc_lane_at(k, l);
  return (s->g[at] - s->lane[l].lambda * s->l2[k] * s->b[at]) / s->unit[k];
}

/* Members that are free get gradients 0 by move_free(). c: gradients of all features at residuals so moved, else NULL.
 */
static dual_parts find_parts(const lc_lanes *s, int l, const double *c) {
  const lc_penalty *pen = s->obj->pen;
  dual_parts parts = {.t = 1};
  for (int adds = 0; adds < 2; adds++) {
    for (lc_index k = 0; k < s->count; k++) {
      lc_index f = s->feature[k];
      double b = s->b[lc_lane_at(k, l)] * s->unit[k], g = c ? c[f] : loss_slope(s, k, l);
      if (b == 0 && fabs(g) <= lc_penalty_l1(pen, f)) continue; /* feasible, and no term */
      if (lc_penalty_is_free_at(pen, f, b)) continue;
      if (!adds) {
        parts.t = lc_penalty_feasible(pen, f, 1, &g, 1, parts.t);
        continue;
      }
      double conjugate = lc_penalty_conjugate(pen, f, -parts.t * g);
      parts.conjugates += conjugate;
      parts.terms +=
          parts.t * g * b + lc_penalty_l1(pen, f) * fabs(b) + 0.5 * lc_penalty_l2(pen, f) * b * b + conjugate;
    }
    for (lc_index a = 0; c && a < s->nrest; a++) {
      lc_index f = s->rest[a];
      if (!adds)
        parts.t = lc_penalty_feasible(pen, f, 1, c + f, 1, parts.t);
      else
        parts.conjugates += lc_penalty_conjugate(pen, f, -parts.t * c[f]);
    }
  }
  return parts;
}

/* `at` <- the point of a lane with the intercept moved by its Newton step, whose residuals are R to first order. */
static void set_point(lc_lanes *s, int l) {
  lc_objective *obj = s->obj;
  const lc_lane *lane = s->lane + l;
  memset(obj->at.B, 0, (size_t)obj->P * sizeof(double));
  double b0 = lane->b0 - lane->shift;
  for (lc_index k = 0; k < s->count; k++) {
    double b = s->b[lc_lane_at(k, l)] * s->unit[k];
    obj->at.B[s->feature[k] + s->x->intercept] = lc_penalty_clip_slope(obj->pen, s->feature[k], b);
    b0 -= s->mean[k] * b;
  }
  if (s->x->intercept) obj->at.B[0] = b0;
  for (lc_index i = 0; i < s->x->n; i++) obj->at.Z[i] = s->z[lc_lane_at(i, l)] - lane->shift;
  obj->at.loss = lane->loss;
  obj->at.value = lane->loss + lc_penalty_value(obj->pen, 1, obj->at.B);
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
    lc_objective_columns(obj, nj, j, R, e);
    lc_cholesky_solve(nj, C, nj, skip, e);
    memset(u, 0, (size_t)n * sizeof *u);
    s->x->ops->col_axpy(s->x, nj, j, 1, e, u, obj->host);
    for (lc_index i = 0; i < n; i++) R[i] -= w[i] * u[i];
  }
  lc_objective_columns(obj, p, all, R, c);
  obj->passes++;
  return LC_OK;
}

/* The gap of lane l; `at` is its point. *parts: those of the moved residuals already. */
static lc_status find_gap(lc_lanes *s, int l, const dual_parts *known, double *gap) {
  lc_objective *obj = s->obj;
  lc_index n = s->x->n;
  int moves = lc_penalty_has_free(obj->pen);
  dual_parts parts = *known;
  double *R = lc_arena_doubles(s->arena, n), *c = moves ? lc_arena_doubles(s->arena, s->x->p) : NULL, primal, dual;
  if (!R || (moves && !c)) return LC_OUT_OF_MEMORY;
  set_point(s, l);
  for (lc_index i = 0; i < n; i++) R[i] = s->R[lc_lane_at(i, l)];
  if (moves) {
    LC_TRY(move_free(s, l, R, c));
    parts = find_parts(s, l, c);
  }
  LC_TRY(lc_objective_dual(obj, R, parts.t, &primal, &dual));
  double penalty = obj->at.value - obj->at.loss;
  obj->at.value = primal;
  obj->at.loss = primal - penalty;
  *gap = fmax(primal - dual + parts.conjugates, 0);
  return LC_OK;
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
  lc_lanes_point point = {.gap = gap,
                          .relative = gap / lc_objective_scale(s->obj),
                          .kkt = kkt_of(s, l),
                          .iterations = lane->age};
  LC_TRY(s->job->keep(s->job->context, lane->number, &point));
  lane->active = 0;
  s->done[lane->number] = 1;
  while (s->published < s->job->count && s->done[s->published]) s->published++;
  return LC_OK;
}

/* A gap may be small where residuals are not yet, and so be the objective's distance: those may be no larger than 30
 * times the tolerance (times lambda), so that the objective is that of sweeps to the tenth digit. */
static lc_status certify_lane(lc_lanes *s, int l) {
  enum { MOST_MISSED = 5 };
  lc_lane *lane = s->lane + l;
  double tolerance = s->job->tolerance, gap, most = 30 * tolerance;
  lane->goal = 0.5 * most;
  if (lane->worst > 100 * most) return LC_OK;
  s->job->pen->lambda = lane->lambda;
  dual_parts parts = find_parts(s, l, NULL);
  double scale = fmax(lane->value, 1e-3 * s->obj->null_value);
  if (!(parts.terms <= tolerance * scale)) {
    lane->goal = fmin(lane->goal, 0.5 * lane->worst * tolerance * scale / parts.terms);
    return LC_OK;
  }
  lc_mark mark = lc_arena_mark(s->arena);
  lc_status status = find_gap(s, l, &parts, &gap);
  lc_arena_reset(s->arena, mark);
  LC_TRY(status);
  LC_TRY(lc_poll(s->job->host));
  scale = lc_objective_scale(s->obj);
  int met = gap <= tolerance * scale;
  if (met && (lane->worst <= most || ++lane->missed > MOST_MISSED)) return publish(s, l, gap);
  if (!met)
    lane->goal = fmin(lane->goal, isfinite(gap) ? 0.5 * lane->worst * tolerance * scale / gap : 0.1 * lane->worst);
  return LC_OK;
}

lc_status lc_lanes_certify(lc_lanes *s) {
  for (int l = 0; l < LC_LANES; l++)
    if (s->lane[l].active && !s->lane[l].bad && s->lane[l].age > 0) LC_TRY(certify_lane(s, l));
  return LC_OK;
}
