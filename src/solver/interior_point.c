/* solver/interior_point.c - Mehrotra's primal-dual interior point for sums of ramps.
 *
 *     F(b) = sum_e cost_e max(0, v_e) + c'b + b'Lb / 2,    v = h + A b,
 *
 * where a ramp e is a wrong class of a row (v = 1 + z_c - z_y, or 1 - s z), or stands for a penalty: an L1 part is
 * l1 |b| = 2 l1 max(0, b) - l1 b, a bound a ramp whose cost is above every multiplier. With duals 0 <= a <= cost and
 * slacks u >= 0 and z = u - v >= 0 the optimum is where
 *
 *     L b + c + A'a = 0,    a z = 0,    (cost - a) u = 0.
 *
 * Newton's method on that with mu in place of 0 and mu -> 0, a predictor and a corrector by one factor of L + A' Theta
 * A, Theta = 1 / (z/a + u/(cost - a)) (Mehrotra 1992; Ferris and Munson 2002 for support vector machines). For any b
 * and mu the central a, z, u have a closed form, so that a start loses nothing but the first equation. All sums are
 * over rows, not means: F here is W times that of problem/objective.h, and a is a dual point of it. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "solver/interior_ramps.h"

/* The central a, z, u at v for a mu that rounds kinks over `width` in units of margins: a z = (cost - a) u = mu, u - z
 * = v. The smaller of a / cost and 1 - a / cost is 2 k / (2 k + |v| + sqrt(v^2 + 4 k^2)) with k = mu / cost. */
static void centre(lc_interior *work, double width) {
  double total = 0;
  for (lc_index e = 0; e < work->pairs; e++) total += work->cost[e];
  double mu = work->mu = width * total / lc_larger(work->count - (double)work->nbends, 1);
  for (lc_index e = 0; e < work->ramps; e++) {
    double cost = work->cost[e], v = work->v[e], k = mu / cost;
    if (!(cost > 0)) continue;
    double tail = lc_larger(2 * k / (2 * k + fabs(v) + hypot(v, 2 * k)), 1e-15);
    work->a[e] = cost * (v > 0 ? 1 - tail : tail);
    work->z[e] = v > 0 ? mu / work->a[e] : mu / (cost - work->a[e]) - v;
    work->u[e] = v > 0 ? v + work->z[e] : mu / (cost - work->a[e]);
  }
}

/* ---- the gap ------------------------------------------------------------------------------------------- */

/* How far a coefficient without ridge may be at the optimum, about: the bound of the gap takes it for that. */
static double reach_of(const lc_interior *work, lc_index i) {
  const lc_objective *obj = work->obj;
  lc_index j = i % obj->q - obj->pen->intercept;
  return 2 * fabs(work->b[i]) + (j < 0 ? 1 : 1 / lc_objective_rms(obj, j));
}

/* The point's value and a bound from its duals; the best of both are kept. Aa is A'a. */
static void judge(lc_interior *work) {
  double F = 0, D = 0;
  for (lc_index e = 0; e < work->ramps; e++) {
    F += work->cost[e] * lc_larger(work->v[e], 0);
    D += work->a[e] * work->v[e];
  }
  for (lc_index i = 0; i < work->P; i++) {
    double b = work->b[i], L = work->ridge[i], slope = work->Aa[i] + work->linear[i];
    F += work->linear[i] * b + 0.5 * L * b * b;
    if (work->held[i])
      D += work->linear[i] * b + 0.5 * L * b * b;
    else
      D -= work->Aa[i] * b + (L > 0 ? 0.5 * slope * slope / L : fabs(slope) * reach_of(work, i));
  }
  if (F < work->primal) {
    work->primal = F;
    memcpy(work->best_b, work->b, (size_t)work->P * sizeof(double));
  }
  if (D > work->dual) {
    work->dual = D;
    memcpy(work->best_a, work->a, (size_t)work->ramps * sizeof(double));
  }
  work->obj->at.value = F / work->obj->weight_sum;
}

/* ---- a step -------------------------------------------------------------------------------------------- */

static void find_theta(lc_interior *work) {
  for (lc_index e = 0; e < work->ramps; e++) {
    double a = work->a[e], rest = work->cost[e] - a;
    work->theta[e] = work->cost[e] > 0 ? a * rest / (work->z[e] * rest + work->u[e] * a) : 0;
    work->x[e] = work->theta[e] * work->v[e];
  }
}

/* H = L + A' Theta A with unit diagonal, and its factor. *smallest as of lc_cholesky(). */
static lc_status factor(lc_interior *work, double *smallest) {
  const lc_objective *obj = work->obj;
  lc_index P = work->P;
  double *H = work->H; /* A' Theta A of the rows */
  for (lc_index e = 0; e < work->nbends; e++) H[work->bends[e].at * (P + 1)] += work->theta[work->pairs + e];
  for (lc_index i = 0; i < P; i++) {
    double h = H[i * (P + 1)] += work->ridge[i];
    work->scale[i] = h > 0 && !work->held[i] ? 1 / sqrt(h) : 0;
  }
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) H[i + j * P] *= work->scale[i] * work->scale[j];
  memcpy(work->factor, H, (size_t)(P * P) * sizeof(double));
  lc_cholesky(obj->host, P, work->factor, 1e-15, work->skip, smallest);
  return lc_poll(obj->host);
}

/* d <- H^-1 r, refined once. x and r in the units of b; r is overwritten. */
static void solve(lc_interior *work, double *r, double *d) {
  lc_index P = work->P;
  for (lc_index i = 0; i < P; i++) d[i] = r[i] *= work->scale[i];
  lc_cholesky_solve(P, work->factor, P, work->skip, d);
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) r[i] -= work->H[i + j * P] * d[j];
  lc_cholesky_solve(P, work->factor, P, work->skip, r);
  for (lc_index i = 0; i < P; i++) d[i] = (d[i] + r[i]) * work->scale[i];
}

/* The predictor, mu = 0: products of its steps stay for the corrector. Returns the mu that the corrector aims at. */
static double predict(lc_interior *work) {
  double far = 1, sum = 0, slope = 0, square = 0;
  for (lc_index e = 0; e < work->ramps; e++) {
    if (!(work->cost[e] > 0)) continue;
    double a = work->a[e], rest = work->cost[e] - a, z = work->z[e], u = work->u[e];
    double da = work->theta[e] * (work->v[e] + work->dv[e]), by_a = da / a, by_rest = da / rest;
    double dz = -z - z * by_a, du = -u + u * by_rest;
    far = lc_larger(far, lc_larger(lc_larger(-by_a, by_rest), lc_larger(1 + by_a, 1 - by_rest)));
    sum += a * z + rest * u;
    slope += da * z + a * dz - da * u + rest * du;
    square += da * (dz - du);
    work->first[e] = da * dz;
    work->second[e] = da * du;
  }
  double t = 1 / far, after = lc_larger(sum + t * slope + t * t * square, 0) / sum;
  work->mu = sum / (2 * work->count);
  return lc_smaller(after * after * after, 1) * work->mu;
}

/* What the corrector adds to v: v + (mu - da dz) / a - (mu + da du) / (cost - a). */
static inline double corrected(const lc_interior *work, lc_index e, double mu, double by_a, double by_rest) {
  return work->v[e] + (mu - work->first[e]) * by_a - (mu + work->second[e]) * by_rest;
}

/* The steps of a ramp by the present d and products; 1 / a and 1 / (cost - a). */
typedef struct ramp_step {
  double a, z, u, by_a, by_rest;
} ramp_step;

static inline ramp_step step_of(const lc_interior *work, lc_index e, double mu) {
  double a = work->a[e], by_a = 1 / a, by_rest = 1 / (work->cost[e] - a);
  double da = work->theta[e] * (work->dv[e] + corrected(work, e, mu, by_a, by_rest));
  return (ramp_step){da, (mu - work->first[e] - work->z[e] * da) * by_a - work->z[e],
                     (mu + work->second[e] + work->u[e] * da) * by_rest - work->u[e], by_a, by_rest};
}

/* The larger of far and fall / of, which is divided only where it counts. */
static inline double farther(double far, double fall, double of) { return fall > far * of ? fall / of : far; }

/* How long a step may be, of which all a, z, u, cost - a stay positive. */
static double longest_step(const lc_interior *work, double mu) {
  double far[4] = {1e-300, 0, 0, 0};
  for (lc_index e = 0; e < work->ramps; e++) {
    if (!(work->cost[e] > 0)) continue;
    ramp_step s = step_of(work, e, mu);
    far[0] = lc_larger(far[0], -s.a * s.by_a);
    far[1] = lc_larger(far[1], s.a * s.by_rest);
    far[2] = farther(far[2], -s.z, work->z[e]);
    far[3] = farther(far[3], -s.u, work->u[e]);
  }
  return 1 / lc_larger(lc_larger(far[0], far[1]), lc_larger(far[2], far[3]));
}

static void advance(lc_interior *work, double mu, double t) {
  for (lc_index e = 0; e < work->ramps; e++) {
    if (!(work->cost[e] > 0)) continue;
    ramp_step s = step_of(work, e, mu);
    double v = work->v[e] += t * work->dv[e], *z = work->z + e, *u = work->u + e;
    work->a[e] += t * s.a;
    *z += t * s.z;
    *u += t * s.u;
    double off = v + *z - *u; /* rounding: the larger of both takes it */
    if (*z > *u)
      *z = lc_larger(*z - off, 0.5 * *z);
    else
      *u = lc_larger(*u + off, 0.5 * *u);
  }
  for (lc_index i = 0; i < work->P; i++) work->b[i] += t * work->d[i];
}

/* What brings a product that a step of length t would leave back towards [mu / 10, 10 mu] (Gondzio 1996). */
static double recentred(double product, double mu) {
  const double wide = 10;
  return product < mu / wide   ? mu / wide - product
         : product > wide * mu ? lc_larger(wide * mu - product, -wide * mu)
                               : 0;
}

static void recentre(lc_interior *work, double mu, double t) {
  for (lc_index e = 0; e < work->ramps; e++) {
    if (!(work->cost[e] > 0)) continue;
    ramp_step s = step_of(work, e, mu);
    work->first[e] -= recentred((work->a[e] + t * s.a) * (work->z[e] + t * s.z), mu);
    work->second[e] += recentred((work->cost[e] - work->a[e] - t * s.a) * (work->u[e] + t * s.u), mu);
  }
}

/* Right side -(L b + c + A'x): what A gave is in rhs. */
static void finish_rhs(lc_interior *work) {
  for (lc_index i = 0; i < work->P; i++) work->rhs[i] = -(work->rhs[i] + work->ridge[i] * work->b[i] + work->linear[i]);
}

/* d and dv by the products that there are. */
static lc_status find_step(lc_interior *work, double mu) {
  for (lc_index e = 0; e < work->ramps; e++) {
    double a = work->a[e], rest = work->cost[e] - a;
    work->x[e] = work->cost[e] > 0 ? a + work->theta[e] * corrected(work, e, mu, 1 / a, 1 / rest) : 0;
  }
  LC_TRY(lc_interior_multiply(work, work->x, NULL, work->rhs));
  finish_rhs(work);
  solve(work, work->rhs, work->d);
  return lc_interior_move(work);
}

/* A step with better centred products, where that makes it longer: worth two reads where Hessians are dear. */
static lc_status lengthen(lc_interior *work, double mu, double *t) {
  const double worth = 0.1;
  size_t ramps = (size_t)work->ramps * sizeof(double), P = (size_t)work->P * sizeof(double);
  for (int round = 0; round < work->rounds && *t < 0.9; round++) {
    double aim = lc_smaller(1.5 * *t + 0.3, 1);
    memcpy(work->kept[0], work->first, ramps);
    memcpy(work->kept[1], work->second, ramps);
    memcpy(work->kept[2], work->dv, ramps);
    memcpy(work->kept_d, work->d, P);
    recentre(work, mu, aim);
    LC_TRY(find_step(work, mu));
    double now = longest_step(work, mu);
    if (now >= *t + worth * (aim - *t)) {
      *t = now;
      continue;
    }
    memcpy(work->first, work->kept[0], ramps);
    memcpy(work->second, work->kept[1], ramps);
    memcpy(work->dv, work->kept[2], ramps);
    memcpy(work->d, work->kept_d, P);
    break;
  }
  return LC_OK;
}

/* One step from a point whose H is factored and whose predictor's A'(a + theta v) is in rhs. *t: its length. */
static lc_status step(lc_interior *work, double *t) {
  const double most = 0.995, longest = 0.9999;
  finish_rhs(work);
  solve(work, work->rhs, work->d);
  LC_TRY(lc_interior_move(work));
  double mu = predict(work);
  LC_TRY(find_step(work, mu));
  *t = longest_step(work, mu);
  LC_TRY(lengthen(work, mu, t));
  *t = lc_smaller(most * *t, longest);
  advance(work, mu, *t);
  return LC_OK;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static double kkt_of(const lc_interior *work) {
  double most = 0;
  for (lc_index i = 0; i < work->P; i++)
    if (!work->held[i]) most = lc_larger(most, fabs(work->Aa[i] + work->linear[i] + work->ridge[i] * work->b[i]));
  return most / work->obj->weight_sum;
}

/* Do columns of an unpenalised fit look as if they depended on each other, beyond what the report says? */
static int is_suspicious(const lc_interior *work, const lc_report *report, double smallest) {
  const double suspicious = 1e-12;
  if (!lc_penalty_is_none(work->obj->pen) || report->alias || report->iterations > 0) return 0;
  if (smallest < suspicious) return 1;
  for (lc_index i = 0; i < work->P; i++)
    if (work->skip[i] && !work->held[i]) return 1;
  return 0;
}

static lc_status iterate(lc_interior *work, const lc_settings *settings, lc_report *report) {
  enum { IDLE = 12 };
  lc_objective *obj = work->obj;
  double most = isnan(settings->max_iter) ? 100 : settings->max_iter, best = INFINITY, least = INFINITY;
  double t = NAN, smallest;
  int idle = 0;
  const double enough = work->nbends > 0 ? 0.2 : 0.5; /* knots are worth the rest */
  for (report->iterations = 0;; report->iterations++) {
    find_theta(work);
    for (lc_index e = 0; e < work->ramps; e++) work->x[e] += work->a[e];
    LC_TRY(lc_interior_multiply(work, work->a, work->x, work->Aa));
    judge(work);
    memcpy(obj->at.B, work->b, (size_t)work->P * sizeof(double));
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt_of(work), t));
    double scale = lc_larger(work->primal, 1e-3 * obj->null_value * obj->weight_sum);
    double relative = (work->primal - lc_larger(work->dual, 0)) / scale;
    if (relative <= enough * settings->tolerance) return LC_OK;
    idle = relative < 0.9 * best || work->mu < 0.9 * least ? 0 : idle + 1;
    best = lc_smaller(best, relative);
    least = lc_smaller(least, work->mu);
    if (idle >= IDLE || work->mu * work->count < 1e-17 * scale) return LC_STALLED;
    if (report->iterations >= most) return LC_MAX_ITER;
    LC_TRY(factor(work, &smallest));
    if (is_suspicious(work, report, smallest)) return LC_RANK;
    LC_TRY(step(work, &t));
    if (!isfinite(t)) return LC_STALLED;
  }
}

/* Coefficients that duals hold at a knot of their penalty or bound go there: of a pair a v -> 0 the smaller is 0, each
 * in its own units; `doubt` below 1 takes more of them. best_a has the duals of all ramps. */
static void snap(const lc_interior *work, double doubt, double *B) {
  const lc_objective *obj = work->obj;
  for (lc_index e = 0; e < work->nbends; e++) {
    const lc_bend *bend = work->bends + e;
    double cost = work->cost[work->pairs + e], a = work->best_a[work->pairs + e];
    int l1 = bend->knot == 0 && work->linear[bend->at] < 0 && cost == -2 * work->linear[bend->at];
    double held = l1 ? lc_smaller(a, cost - a) / cost : 10 * a / cost;
    double off = fabs(B[bend->at] - bend->knot) * lc_objective_rms(obj, bend->at % obj->q - obj->pen->intercept);
    if (held > doubt * off && off < 1e-2) B[bend->at] = bend->knot;
  }
}

/* The best point into `at`, its duals beside it: with coefficients at their knots, where that costs no more than a
 * share of the tolerance. */
static lc_status deliver(lc_interior *work, double tolerance) {
  lc_objective *obj = work->obj;
  double *R = lc_arena_doubles(obj->arena, work->n * obj->K);
  if (!R) return LC_OUT_OF_MEMORY;
  memcpy(obj->at.B, work->best_b, (size_t)work->P * sizeof(double));
  lc_penalty_clip(obj->pen, obj->K, obj->at.B);
  const double doubts[] = {1e-3, 1};
  for (int i = 0; i < 2 && work->nbends > 0; i++) {
    memcpy(work->b, obj->at.B, (size_t)work->P * sizeof(double));
    snap(work, doubts[i], work->b);
    LC_TRY(lc_objective_eval(obj, work->b, LC_WANT_VALUE));
    double scale = lc_larger(work->primal / obj->weight_sum, 1e-3 * obj->null_value);
    double most = lc_larger(work->dual / obj->weight_sum + 0.9 * tolerance * scale, work->primal / obj->weight_sum);
    if (obj->to.value > most) continue;
    memcpy(obj->at.B, work->b, (size_t)work->P * sizeof(double));
    break;
  }
  lc_interior_emit(work, work->best_a, R);
  obj->dual = R;
  return LC_OK;
}

/* Scores and violations at b, then the central duals there. */
static lc_status begin(lc_interior *work, double width) {
  lc_objective *obj = work->obj;
  LC_TRY(lc_objective_eval(obj, work->b, LC_WANT_VALUE));
  lc_objective_accept(obj);
  lc_interior_violations(work);
  centre(work, width);
  return LC_OK;
}

/* Slopes that an L1 part holds at 0 are given the duals that cancel the loss's gradient, as far as a small move of b
 * allows: with a central at mu, b = mu / (cost - a) - mu / a. */
static lc_status lean(lc_interior *work) {
  const lc_objective *obj = work->obj;
  const double most = 0.05;
  memset(work->x, 0, (size_t)work->ramps * sizeof(double));
  memcpy(work->x, work->a, (size_t)work->pairs * sizeof(double));
  LC_TRY(lc_interior_multiply(work, work->x, NULL, work->rhs));
  for (lc_index e = 0; e < work->nbends; e++) {
    lc_index i = work->bends[e].at;
    double cost = work->cost[work->pairs + e];
    if (work->linear[i] == 0 || work->bends[e].knot != 0 || work->b[i] != 0) continue;
    double a = lc_smaller(lc_larger(-work->linear[i] - work->rhs[i], 0.01 * cost), 0.99 * cost);
    double cap = most / lc_objective_rms(obj, i % obj->q - obj->pen->intercept);
    work->b[i] = lc_smaller(lc_larger(work->mu / (cost - a) - work->mu / a, -cap), cap);
  }
  return LC_OK;
}

/* From B: kinks are first rounded over so much of a margin. */
static lc_status attempt(lc_interior *work, double width, const lc_settings *settings, lc_report *report) {
  work->nbends = 0;
  work->count = 0;
  lc_interior_describe(work, report);
  LC_TRY(begin(work, width));
  if (lc_penalty_has_l1(work->obj->pen)) {
    LC_TRY(lean(work));
    LC_TRY(begin(work, width));
  }
  return iterate(work, settings, report);
}

static lc_status interior_point_run(lc_objective *obj, const lc_settings *settings, const double *B,
                                    lc_report *report) {
  const double cold = 3, warm = 0.03;
  lc_interior work = {.obj = obj, .n = obj->x->n, .P = obj->P, .primal = INFINITY, .dual = -INFINITY};
  int restarted, zero = 1;
  if (!obj->at.Z || obj->pen->grouped) return LC_UNSUPPORTED;
  LC_TRY(lc_interior_allocate(&work));
  /* A longer step is worth two reads where Hessians are dear, and not many rows. */
  work.rounds = lc_curvature_cost(obj->q, obj->K, work.columns) > 3 && (double)work.pairs < 5e4;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_VALUE, &restarted));
  memcpy(work.b, obj->at.B, (size_t)obj->P * sizeof(double));
  for (lc_index i = 0; i < obj->P; i++) zero &= work.b[i] == 0;
  lc_status status = attempt(&work, zero || restarted ? cold : warm, settings, report);
  if (status == LC_STALLED && !zero) { /* from 0 then, where the start does no harm */
    lc_settings rest = lc_settings_rest(settings, report->iterations);
    double before = report->iterations;
    memset(work.b, 0, (size_t)obj->P * sizeof(double));
    lc_penalty_clip(obj->pen, obj->K, work.b);
    status = attempt(&work, cold, &rest, report);
    report->iterations += before;
  }
  if (status < 0 || status == LC_RANK || !isfinite(work.primal)) return status;
  LC_TRY(deliver(&work, settings->tolerance));
  return status;
}

const lc_solver lc_solver_interior_point = {
    "interior_point",
    "primal-dual interior point for the hinge",
    LC_NEEDS_RAMPS | LC_NEEDS_CURVATURE | LC_SEES_MEANS | LC_TAKES_L1 | LC_TAKES_BOUNDS,
    NULL,
    0,
    interior_point_run};
