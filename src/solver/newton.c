/* solver/newton.c - Newton's method with the exact (or generalised) Hessian, a Cholesky factor and a line
 * search. For logistic losses this is iteratively reweighted least squares with a safeguard. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "solver/solver.h"
#include "linalg/lbfgs_pairs.h"

enum { PAIRS = 10 }; /* steps that an old factor remembers */

typedef struct newton_work {
  lc_factor factor;
  lc_lbfgs_pairs pairs; /* of the steps since the factor was made */
  double *H, *g, *d, *trial;
  int fresh; /* the curvature of the objective is that of `at` and not yet factored */
} newton_work;

/* A pivot at or below this share of its diagonal at the start says that columns may depend on others. */
static const double suspicious_pivot = 1e-6;
/* Later on such a pivot comes from weights that vanish: damped, not aliased. */
static const double lost_pivot = 1e-14;

static lc_status allocate(lc_objective *obj, newton_work *work) {
  lc_index P = obj->P;
  lc_factor *factor = &work->factor;
  LC_TRY(lc_factor_allocate(P, factor, obj->arena));
  LC_TRY(lc_lbfgs_pairs_allocate(P, PAIRS, &work->pairs, obj->arena));
  work->fresh = 1;
  work->g = lc_arena_doubles(obj->arena, P);
  work->H = lc_arena_doubles(obj->arena, P * P);
  work->d = lc_arena_doubles(obj->arena, P);
  work->trial = lc_arena_doubles(obj->arena, P);
  return work->H && work->g && work->d && work->trial ? LC_OK : LC_OUT_OF_MEMORY;
}

static void add_diagonal(lc_index P, double *A, double amount) {
  for (lc_index i = 0; i < P; i++) A[i * (P + 1)] += amount;
}

/* Factors the scaled Hessian. A common shift of all classes is a flat direction of symmetric scores, so the
 * last column of an unpenalised feature is skipped there without harm (the shift is projected out at the end):
 * `flat` pivots may be skipped, more get damping. Returns how many were. */
static lc_index factor(const lc_objective *obj, newton_work *work, double tolerance, lc_index flat, double *smallest) {
  lc_index P = obj->P, skipped = 0;
  double damping = 0;
  for (int attempt = 0; attempt < 8; attempt++) {
    memcpy(work->factor.U, work->H, (size_t)(P * P) * sizeof(double));
    if (damping > 0) add_diagonal(P, work->factor.U, damping);
    skipped = lc_cholesky(obj->host, P, work->factor.U, tolerance, work->factor.skip, smallest);
    if (skipped <= flat || lc_poll_later(obj->host)) return skipped;
    damping = damping > 0 ? 100 * damping : 1e-12;
  }
  return skipped;
}

/* Columns beyond what a report says is aliased that the factor skipped in the first score column. */
static int unexplained_skip(const lc_objective *obj, const lc_report *report, const newton_work *work) {
  for (lc_index j = 0; j < obj->q; j++)
    if (work->factor.skip[j] && !(report->alias && report->alias[j])) return 1;
  return 0;
}

/* v <- (factored Hessian)^-1 v. */
static void solve_factor(void *context, double *v) {
  const newton_work *work = context;
  lc_index P = work->pairs.P;
  for (lc_index i = 0; i < P; i++) v[i] *= work->factor.scale[i];
  lc_cholesky_solve(P, work->factor.U, P, work->factor.skip, v);
  for (lc_index i = 0; i < P; i++) v[i] *= work->factor.scale[i];
}

/* d = -(metric) g; returns g'd (<= 0). */
static double direction(const lc_objective *obj, newton_work *work) {
  lc_lbfgs_pairs_direction(&work->pairs, obj->G, solve_factor, work, 0, work->d);
  return lc_dot(obj->P, obj->G, work->d);
}

/* to <- at + t d with gradient and curvature. */
static lc_status step_to(lc_objective *obj, newton_work *work, double t, int want) {
  for (lc_index i = 0; i < obj->P; i++) work->trial[i] = obj->at.B[i] + t * work->d[i];
  return lc_objective_eval(obj, work->trial, want);
}

/* Tries the full step, in one read with all that is wanted where second derivatives are cheap or not wanted, then
 * backtracks. */
static lc_status take_step(lc_objective *obj, newton_work *work, int want, double slope, double *t) {
  int fused = obj->ns == 1 || !(want & LC_WANT_CURVATURE);
  LC_TRY(step_to(obj, work, 1, fused ? want : LC_WANT_VALUE));
  LC_TRY(lc_line_search(obj, slope, obj->to.value, t));
  if (*t == 0 || (*t == 1 && fused)) return LC_OK;
  return step_to(obj, work, *t, want);
}

/* Separated rows keep moving by about 1 a step while nothing is left to gain (their likelihood falls by e). */
static lc_status look_for_separation(lc_objective *obj, lc_report *report) {
  const double least = 0.5;
  if (!(obj->loss->flags & LC_LIKELIHOOD) || !report->class_rows) return LC_OK;
  double mistakes = 0;
  LC_TRY(lc_objective_separating_rows(obj, least, &report->separated_rows, report->class_rows));
  if (report->separated_rows == 0) return LC_OK;
  LC_TRY(lc_objective_mistakes(obj, &mistakes));
  report->separation = mistakes == 0 ? 2 : 1;
  return LC_OK;
}

enum { ALL = LC_WANT_GRADIENT | LC_WANT_CURVATURE };

/* Factors the Hessian at `at`. LC_RANK: columns of an unpenalised fit may depend on each other. */
static lc_status refresh(lc_objective *obj, newton_work *work, lc_report *report) {
  int first = report->iterations == 0, unpenalised = lc_penalty_is_none(obj->pen);
  double smallest = 1;
  work->pairs.count = 0;
  lc_scaled_hessian(obj, report->alias, work->H, work->factor.scale);
  work->factor.flat =
      factor(obj, work, first && unpenalised ? suspicious_pivot : lost_pivot, work->factor.flat, &smallest);
  LC_TRY(lc_poll(obj->host));
  if (first && unpenalised && unexplained_skip(obj, report, work)) return LC_RANK;
  if (first) report->condition = work->factor.condition = 1 / sqrt(smallest);
  return LC_OK;
}

static double curvature_cost(const lc_objective *obj) { return lc_curvature_cost(obj->q, obj->K, obj->ns); }

/* Is the old factor the cheaper way from relative decrement `now`, which was `last` a step ago, to `goal`? A Newton
 * step squares the decrement and costs a curvature; a step with an old factor goes on shrinking it by the same share.
 */
static int old_factor_pays(const lc_objective *obj, double now, double last, double goal) {
  const double least = 0.5, near = 0.1;
  if (isnan(last) || now <= goal) return 1;
  if (now > least * last) return 0;
  double old = log(now / goal) / log(last / now);
  double squarings = now < near ? fmax(1, ceil(log2(log(goal) / log(now)))) : 8;
  return old <= squarings * curvature_cost(obj);
}

/* A new factor at `at`, and the direction by it. */
static lc_status renew(lc_objective *obj, newton_work *work, lc_report *report, double *slope) {
  LC_TRY(lc_objective_eval(obj, obj->at.B, ALL));
  lc_objective_accept(obj);
  work->fresh = 1;
  LC_TRY(refresh(obj, work, report));
  *slope = direction(obj, work);
  report->decrement = -0.5 * *slope;
  return LC_OK;
}

/* Direction at `at` with the factor that there is, or with a new one when the old no longer pays. */
static lc_status find_direction(lc_objective *obj, newton_work *work, double goal, lc_report *report, double *slope) {
  double last = report->decrement, scale = lc_objective_scale(obj);
  if (work->fresh) LC_TRY(refresh(obj, work, report));
  *slope = direction(obj, work);
  report->decrement = -0.5 * *slope;
  if (work->fresh || old_factor_pays(obj, report->decrement / scale, last / scale, goal)) return LC_OK;
  return renew(obj, work, report, slope);
}

/* What the next point needs. Near the optimum a factor serves a few more steps (Shamanskii 1967): after a Newton step
 * from decrement x, to about x^2, the next step with the same factor shrinks by about 10 x. */
static int wanted(const lc_objective *obj, const newton_work *work, const lc_report *report, double last, double late,
                  double t) {
  if (!work->fresh && t == 1) { /* it paid just now; the point whose curvature is wanted is foreseen, not read twice */
    double next = report->decrement * (report->decrement / last);
    return report->wants_curvature && next <= 0.5 * late * lc_objective_scale(obj) ? ALL : LC_WANT_GRADIENT;
  }
  double x = report->decrement / lc_objective_scale(obj);
  int pays = x < 0.05 && 10 * x <= pow(x, 2 / curvature_cost(obj));
  return pays && (t == 1 || isnan(t)) ? LC_WANT_GRADIENT : ALL;
}

/* Unpenalised coefficients should carry nine digits; the error of a coefficient is about the root of that of the
 * objective, so the relative decrement goes to the square of the tolerance. */
static double decrement_goal(const lc_objective *obj, const lc_settings *settings) {
  int all_l2 = lc_penalty_all_l2(obj->pen) && !lc_penalty_is_none(obj->pen);
  return settings->tolerance * (all_l2 ? 1e-3 : settings->tolerance);
}

/* Is the step from decrement x, after one of `last`, likely to leave an unpenalised fit more than 1e-9 standard errors
 * from the optimum? The distance in standard errors is sqrt(2 x) with x that of the sum of the losses, and a Newton
 * step shrinks it by about as much as x has fallen below `last`. */
static int leaves_digits(const lc_objective *obj, double x, double last) {
  const double harmless = 1e-9;
  if (!(obj->loss->flags & LC_LIKELIHOOD) || !lc_penalty_is_none(obj->pen) || !(x < last)) return 0;
  return sqrt(2 * x * obj->weight_sum) * (x / last) > harmless;
}

static lc_status newton_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  newton_work work;
  LC_TRY(allocate(obj, &work));
  double most = isnan(settings->max_iter) ? 200 : settings->max_iter, t = NAN, slope;
  const double unsure = 1e-2; /* an old factor measures and steps less exactly */
  double goal = decrement_goal(obj, settings);
  lc_factor *given = report->factor;
  if (given && given->ready) {
    lc_factor_copy(obj->P, given, &work.factor);
    report->condition = given->condition;
    work.fresh = 0;
    t = 1;
  }
  /* Standard errors come from the curvature of the last point but one. Below `late` another step changes no digit of
   * them; where there are many rows, which alone are sampled, no more than 2e-7 of them, and costs a read of X. */
  double late = work.fresh ? 1e-20 : 2e-12;
  int restarted;
  LC_TRY(lc_solver_start(obj, B, work.fresh ? ALL : LC_WANT_GRADIENT, &restarted));
  if (restarted && !work.fresh) LC_TRY(lc_objective_eval(obj, obj->at.B, ALL));
  work.fresh = work.fresh || restarted;
  for (report->iterations = 0;; report->iterations++) {
    double last = report->decrement;
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G), t));
    /* Where an old factor may stop: when standard errors are wanted a last new one follows anyway. */
    double old_goal = report->wants_curvature ? fmax(goal * unsure, late) : goal * unsure;
    LC_TRY(find_direction(obj, &work, old_goal, report, &slope));
    double scale = lc_objective_scale(obj);
    if (!work.fresh && report->wants_curvature && report->decrement <= late * scale)
      LC_TRY(renew(obj, &work, report, &slope));
    /* A fresh step squares what is left; an old factor measures and steps less exactly. */
    double enough = !work.fresh ? goal * unsure : fmax(pow(goal, 2.0 / 3), report->wants_curvature ? late : 0);
    int more = work.fresh && report->decrement > late * scale && leaves_digits(obj, report->decrement, last);
    if (!more && !(report->decrement > enough * scale) && lc_gap_is_small(obj, settings)) {
      report->has_curvature = work.fresh && report->decrement <= late * scale;
      /* The step is known and costs nothing; its gain is below the goal, so value and scores can wait. */
      for (lc_index i = 0; i < obj->P; i++) obj->at.B[i] += work.d[i];
      if (given && !given->ready) lc_factor_copy(obj->P, &work.factor, given);
      return LC_OK;
    }
    if (!(report->decrement > 0)) return LC_OK;
    int small = report->decrement <= settings->tolerance * scale, want = wanted(obj, &work, report, last, late, t);
    if (report->iterations >= most) return small ? LC_OK : LC_MAX_ITER;
    memcpy(work.g, obj->G, (size_t)obj->P * sizeof(double));
    LC_TRY(take_step(obj, &work, want, slope, &t));
    if (!(want & LC_WANT_CURVATURE)) lc_lbfgs_pairs_keep(&work.pairs, obj->at.B, obj->to.B, work.g, obj->G);
    /* Separated rows let the decrement fall by a factor of e a step, hardly faster; others let it collapse. */
    int slow = report->decrement > 0.1 * last;
    if (small && slow && goal < settings->tolerance * 1e-3) LC_TRY(look_for_separation(obj, report));
    if (report->separation) return LC_SEPARATED;
    /* Near the optimum steps that no longer shrink the decrement are rounding. */
    if (t == 0 || (small && report->decrement > 0.25 * last && report->decrement < 1e-13 * scale))
      return small ? LC_OK : LC_STALLED;
    lc_objective_accept(obj);
    work.fresh = (want & LC_WANT_CURVATURE) != 0;
  }
}

const lc_solver lc_solver_newton = {
    "newton",  "Newton's method with the exact Hessian", LC_NEEDS_SMOOTH | LC_NEEDS_CURVATURE | LC_SEES_MEANS, NULL, 0,
    newton_run};
