/* fit/fit.c - one fit, from the plan to the certificate. */
#include "fit/fit.h"

#include <math.h>
#include <string.h>

#include "fit/ovr.h"
#include "fit/plan.h"
#include "fit/scaling.h"
#include "fit/smoothing.h"
#include "fit/wide.h"

static void report_reset(lc_report *report) {
  report->factor = NULL;
  report->has_curvature = report->evaluated = 0;
  report->iterations = 0;
  report->decrement = report->condition = report->mistakes = NAN;
  report->separation = 0;
}

/* A smoothed kink is solved as far as its rounding allows, which is about 1e-6. */
double lc_goal_of(const lc_problem *problem, const lc_settings *settings) {
  int kinked = (problem->loss->flags & LC_SMOOTHABLE) && !problem->tolerance_given;
  return kinked ? fmax(settings->tolerance, 1e-6) : settings->tolerance;
}

/* Runs, certifies, and asks the solver for more where its own stopping rule was too lenient. */
static lc_status run_certified(lc_objective *obj, const lc_settings *settings, double *B, lc_solution *out) {
  lc_status status = LC_OK;
  double iterations = 0, before = obj->recorded, strict = settings->tolerance;
  /* Norms of several coefficients and a rounded kink are curved both: the last digits would cost hundreds of steps. */
  int dear = (out->solver->flags & LC_TO_GOAL) || (obj->pen->grouped && !(obj->loss->flags & LC_SMOOTH));
  if (dear) strict = fmax(strict, out->goal);
  obj->dual = NULL;
  for (int attempt = 0; attempt < 3; attempt++, strict *= 1e-2) {
    lc_settings stricter = lc_settings_rest(settings, iterations);
    stricter.tolerance = strict;
    report_reset(&out->report);
    if (attempt == 0 && out->factor.ready) out->report.factor = &out->factor;
    out->report.wants_curvature = (out->want & LC_WANT_CURVATURE) != 0;
    status = lc_run_smoothed(obj, out->solver, &stricter, B, &out->report);
    iterations += out->report.iterations;
    obj->recorded = before + iterations;
    if (status < 0 || status == LC_RANK) return status;
    if (out->solver->flags & LC_DRAWS) out->report.decrement = NAN;
    if (status != LC_INTERRUPTED) {
      /* A fit that stopped with its budget is not at an optimum: no Hessian for standard errors is taken along. */
      int spent = status == LC_BUDGET || status == LC_TIME_LIMIT, want = spent ? LC_WANT_GRADIENT : out->want;
      int own = (out->solver->flags & LC_OWN_OBJECTIVE) != 0;
      lc_status certified =
          own ? lc_certify_own(obj, &out->report, &out->certificate)
              : lc_certify(obj, want, spent ? fmax(1, obj->passes) : 0, &out->report, &out->certificate);
      if (certified == LC_OK && !own && !spent && !(out->certificate.relative <= out->goal))
        certified = lc_certify_within_bounds(obj, &out->report, &out->certificate);
      out->has_curvature = certified == LC_OK && (own ? out->report.has_curvature : want & LC_WANT_CURVATURE);
      if (certified != LC_OK) status = certified;
    }
    int kinked = !(obj->loss->flags & LC_SMOOTH);
    lc_certificate_kind kind = out->certificate.kind;
    int proof = kind == LC_GAP || kind == LC_DECREMENT || kind == LC_MISTAKES;
    out->met = proof && out->certificate.relative <= out->goal;
    if (status != LC_OK || out->met || kinked) break;
    memcpy(B, obj->at.B, (size_t)obj->P * sizeof(double));
  }
  out->report.iterations = iterations;
  if ((status == LC_STALLED || status == LC_MAX_ITER) && out->met) status = LC_OK;
  /* Without a certificate only a kink's smooth versions, not its subgradients, tell that there is no more to gain. */
  int blind = !(obj->loss->flags & (LC_SMOOTH | LC_SCALE_FREE)) && !(out->solver->flags & LC_NEEDS_SMOOTH);
  if (status == LC_OK && !out->met && (out->certificate.kind == LC_GAP || blind)) status = LC_STALLED;
  if (status == LC_OK && out->certificate.kind == LC_MISTAKES && out->report.mistakes > 0) status = LC_BUDGET;
  return status;
}

/* The problem in an orthonormal basis of its columns. */
static lc_status run_in_basis(const lc_problem *problem, const lc_coding *coding, lc_objective *obj,
                              const lc_settings *settings, double *B, lc_solution *out) {
  lc_basis *basis = &out->basis;
  lc_objective *inner = out->fitted = lc_arena_alloc(obj->arena, 1, sizeof *inner);
  double *theta = lc_arena_doubles(obj->arena, basis->r * obj->K);
  if (!inner || !theta) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_init(inner, &basis->design, obj->obs, problem->loss, coding, &basis->pen, 1, obj->arena));
  inner->host = obj->host;
  inner->recorded = obj->recorded;
  LC_TRY(lc_to_basis(basis, problem->x, inner->K, B, theta, obj->arena));
  lc_status status = run_certified(inner, settings, theta, out);
  if (status < 0) return status;
  if (status == LC_RANK) status = LC_STALLED;
  lc_from_basis(basis, inner->K, inner->at.B, B);
  out->report.condition = basis->condition;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_VALUE));
  lc_objective_accept(obj);
  obj->passes += 2 + inner->passes; /* two to the basis */
  return status;
}

/* The problem with columns that depend on others set aside (fit/rank.h): not between bounds, which may want them. */
static lc_status run_by_rank(const lc_problem *problem, const lc_coding *coding, lc_objective *obj,
                             const lc_settings *settings, double *B, lc_solution *out) {
  lc_status status = LC_RANK;
  int bounded = lc_penalty_has_bounds(obj->pen), direct = !lc_is_second_order(out->solver) || !lc_is_n_below_p(obj);
  if (bounded || direct) status = run_certified(obj, settings, B, out);
  if (status != LC_RANK) return status;
  if (bounded) return LC_STALLED;
  out->factor.ready = 0; /* made for columns that are now known to depend on each other */
  LC_TRY(lc_basis_build(problem->x, out->alias, &out->basis, obj->arena));
  if (out->basis.needed && !problem->held) return run_in_basis(problem, coding, obj, settings, B, out);
  /* Nothing moves the coefficients of columns that are set aside: they are 0 in a start, too. */
  for (lc_index i = 0; i < obj->P; i++)
    if (out->alias[i % obj->q]) B[i] = 0;
  out->report.alias = out->alias;
  status = run_certified(obj, settings, B, out);
  return status == LC_RANK ? LC_STALLED : status;
}

/* The problem in the coordinates of its rows; the certificate is that of the solution in the columns. Where it is not
 * met, L-BFGS goes on from there. */
static lc_status run_wide(const lc_problem *problem, const lc_coding *coding, lc_objective *obj,
                          const lc_settings *settings, double *B, lc_solution *out) {
  lc_wide *wide = lc_arena_alloc(obj->arena, 1, sizeof *wide);
  lc_objective *inner = lc_arena_alloc(obj->arena, 1, sizeof *inner);
  if (!wide || !inner) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_wide_build(problem->x, obj->pen, wide, obj->host, obj->arena));
  LC_TRY(lc_objective_init(inner, &wide->design, obj->obs, problem->loss, coding, &wide->pen, 1, obj->arena));
  inner->host = obj->host;
  inner->recorded = obj->recorded;
  double *theta = lc_arena_zeros(obj->arena, inner->P);
  if (!theta) return LC_OUT_OF_MEMORY;
  lc_status status = run_certified(inner, settings, theta, out);
  if (status < 0) return status;
  if (status == LC_RANK) status = LC_STALLED;
  LC_TRY(lc_from_rows(wide, problem->x, obj->pen, obj->K, inner->at.B, B, obj->arena));
  obj->coding.mu = inner->coding.mu;
  obj->dual = inner->dual;
  obj->passes += 2; /* to the coordinates and back */
  obj->recorded = inner->recorded;
  out->report.has_curvature = 0;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  /* A rounded kink has residuals that the rounding of scores changes: without a dual point its gap is the one found in
   * the coordinates. */
  if (status == LC_INTERRUPTED || !(obj->dual || (problem->loss->flags & LC_SMOOTH))) return status;
  double iterations = out->report.iterations;
  LC_TRY(lc_certify(obj, LC_WANT_GRADIENT, 0, &out->report, &out->certificate));
  out->met = out->certificate.relative <= out->goal;
  if (out->met || status == LC_MAX_ITER || status == LC_TIME_LIMIT)
    return out->met && status != LC_TIME_LIMIT ? LC_OK : status;
  out->solver = lc_solver_find("lbfgs");
  lc_settings rest = lc_settings_rest(settings, iterations);
  status = run_certified(obj, &rest, B, out);
  out->report.iterations += iterations;
  return status;
}

/* Where the planned solver ended short of its goal, another one goes on from there; the better of both ends counts. */
static lc_status run_planned(const lc_problem *problem, const lc_coding *coding, lc_objective *obj,
                             const lc_settings *settings, const lc_plan *plan, lc_solution *out) {
  lc_status status = run_by_rank(problem, coding, obj, settings, out->B, out);
  int worse = status == LC_STALLED || (status == LC_MAX_ITER && isnan(settings->max_iter));
  if (!plan->next || !worse || out->basis.needed) return status;
  size_t bytes = (size_t)obj->P * sizeof(double);
  double *first = lc_arena_doubles(obj->arena, obj->P);
  if (!first) return LC_OUT_OF_MEMORY;
  memcpy(first, obj->at.B, bytes);
  memcpy(out->B, first, bytes);
  lc_solution before = *out;
  out->solver = plan->next;
  lc_status then = run_by_rank(problem, coding, obj, settings, out->B, out);
  out->report.iterations += before.report.iterations;
  if (then < 0 || lc_is_stop(then)) return then;
  if (out->certificate.relative < before.certificate.relative || !(before.certificate.kind == LC_GAP)) return then;
  out->certificate = before.certificate;
  out->solver = before.solver;
  LC_TRY(lc_objective_eval(obj, first, LC_WANT_VALUE));
  lc_objective_accept(obj);
  return status;
}

/* From here on there is a solution, if only of zeros, for whoever interrupts. */
static lc_status begin(const lc_problem *problem, const lc_coding *coding, lc_arena *arena, lc_solution *out) {
  LC_TRY(lc_solution_make(problem, coding->K, arena, out));
  out->want = LC_WANT_GRADIENT | (problem->wants_covariance ? LC_WANT_CURVATURE : 0);
  out->certificate = (lc_certificate){LC_KKT_ONLY, NAN, NAN, NAN};
  out->objective = out->loss = NAN;
  out->report.jeffreys = problem->jeffreys;
  out->report.held = problem->held;
  return LC_OK;
}

/* Offsets far from 0 would leave a start at 0 without derivatives: the intercepts take their means back. */
static void start_at_offsets(const lc_problem *problem, int K, double *B) {
  const double saturated = 30;
  const lc_obs *obs = problem->obs;
  lc_index n = problem->x->n, q = lc_design_q(problem->x);
  if (!obs->offset || !problem->x->intercept || problem->held) return;
  for (int c = 0; c < K; c++) {
    double sum = 0, weights = 0;
    for (lc_index i = 0; i < n; i++) {
      double w = obs->w ? obs->w[i] : 1;
      sum += w * obs->offset[i + c * n];
      weights += w;
    }
    if (fabs(sum / weights) > saturated && isfinite(sum / weights)) B[c * q] = -sum / weights;
  }
}

/* Binds the objective, and takes the start to the columns as shown. */
static lc_status bind(const lc_problem *problem, const lc_coding *coding, const double *means, const double *rms,
                      const lc_host *host, lc_arena *arena, lc_solution *out) {
  lc_objective *obj = out->fitted = lc_arena_alloc(arena, 1, sizeof *obj);
  if (!obj) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_init(obj, problem->x, problem->obs, problem->loss, coding, &out->pen, 1, arena));
  obj->host = host; /* that of the arena, or a quiet one */
  obj->rms = rms;
  obj->mean = means;
  obj->recorded = problem->recorded;
  obj->passes = problem->passes;
  if (problem->start) {
    memcpy(out->B, problem->start, (size_t)obj->P * sizeof(double));
    lc_scale_coef(problem->x, obj->K, out->B);
  } else if (!(problem->loss->flags & LC_SCALE_FREE)) {
    start_at_offsets(problem, obj->K, out->B);
  }
  lc_penalty_clip(&out->pen, obj->K, out->B);
  return LC_OK;
}

/* A time limit is told once: what follows it is the certificate of what there is. */
static lc_status unless_late(lc_status status, int *late) {
  *late |= status == LC_TIME_LIMIT;
  return status == LC_TIME_LIMIT ? LC_OK : status;
}

/* Newton's fits of smooth losses may start from a sample. For L-BFGS the start saves no passes (measured: 48 steps with
 * it, 47 without): what it needs is the last digits, and an overfitted sample says little about those. */
static lc_status find_start(const lc_problem *problem, const lc_objective *obj, const lc_settings *settings,
                            lc_solution *out) {
  int sampled = (problem->loss->flags & LC_SMOOTH) && !(out->solver->flags & LC_OWN_OBJECTIVE);
  return lc_is_second_order(out->solver) && sampled && !problem->start
             ? lc_subsample_start(obj, out->solver, settings, out->B, &out->factor)
             : LC_OK;
}

/* From the objective's point to the numbers that are reported. */
static lc_status finish(const lc_problem *problem, lc_objective *obj, int as_given, lc_solution *out) {
  memcpy(out->B, obj->at.B, (size_t)obj->P * sizeof(double));
  double saved = as_given ? 0 : lc_remove_common_shift(obj, out->B);
  int finite = lc_unscale_coef(problem->x, obj->K, out->B);
  if (!as_given) lc_centre_intercepts(obj, out->B);
  lc_penalty_clip(&problem->pen, obj->K, out->B); /* a bound in the units of a huge column has lost digits */
  if (!(problem->loss->flags & LC_SMOOTH)) {      /* the value of the loss itself, without smoothing */
    obj->coding.mu = 0;
    lc_status status = lc_objective_gradient(obj);
    if (status == LC_TIME_LIMIT) { /* it is told once: what follows is the value of what there is */
      out->status = status;
      status = lc_objective_gradient(obj);
    }
    if (status != LC_OK) return out->status = status;
  }
  out->objective = obj->at.value - saved;
  out->loss = obj->at.loss;
  out->jeffreys = problem->jeffreys ? lc_solve_jeffreys(problem, out) : 0;
  if (problem->jeffreys) out->objective = out->loss - out->jeffreys / obj->weight_sum;
  /* Offsets of 1e200, say; or there was no time for a first value. */
  if (!isfinite(out->objective) || !finite) return out->status == LC_INTERRUPTED ? LC_INTERRUPTED : LC_NONFINITE;
  out->weight_sum = obj->weight_sum;
  out->passes = obj->passes;
  return out->status;
}

/* Where a descent stands, between the user's columns and those that are shown. */
static void show_descent(const lc_design *x, int K, int back, const lc_descent *descent) {
  double *vectors[] = {descent->iterate, descent->mean};
  for (int v = 0; v < 2 && descent->averaged > 0; v++)
    if (back)
      lc_unscale_coef(x, K, vectors[v]);
    else
      lc_scale_coef(x, K, vectors[v]);
}

/* Room for the place where a descent ends, and *from, a copy in shown columns of the one that it goes on from. */
static lc_status prepare_descent(const lc_settings *settings, lc_descent *from, lc_arena *arena, lc_solution *out) {
  if (!(out->solver->flags & LC_DRAWS)) return LC_OK;
  const lc_objective *obj = out->fitted;
  lc_descent *room = out->report.descent = lc_arena_alloc(arena, 1, sizeof *room);
  if (!room) return LC_OUT_OF_MEMORY;
  *room = (lc_descent){.iterate = lc_arena_zeros(arena, obj->P), .mean = lc_arena_zeros(arena, obj->P)};
  if (!room->iterate || !room->mean) return LC_OUT_OF_MEMORY;
  if (!settings->from) return LC_OK;
  *from = *settings->from;
  if (!(from->averaged > 0)) return LC_OK;
  from->iterate = lc_arena_doubles(arena, obj->P);
  from->mean = lc_arena_doubles(arena, obj->P);
  if (!from->iterate || !from->mean) return LC_OUT_OF_MEMORY;
  memcpy(from->iterate, settings->from->iterate, (size_t)obj->P * sizeof(double));
  memcpy(from->mean, settings->from->mean, (size_t)obj->P * sizeof(double));
  show_descent(obj->x, obj->K, 0, from);
  return LC_OK;
}

static lc_status solve_once(const lc_problem *given, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                            lc_solution *out) {
  memset(out, 0, sizeof *out);
  lc_coding coding;
  lc_problem own = *given, *problem = &own;
  LC_TRY(lc_coding_make(problem->loss, problem->k, problem->reference, &coding));
  problem->pen.grouped = lc_penalty_has_groups(&problem->pen, coding.K);
  out->goal = lc_goal_of(problem, settings);
  lc_plan plan;
  LC_TRY(lc_plan_make(problem, &coding, settings, &plan));
  out->solver = plan.solver;
  out->reason = plan.reason;
  if (plan.joined) {
    own.x = &problem->unique->design;
    own.obs = &problem->unique->obs;
  }
  LC_TRY(begin(problem, &coding, arena, out));
  lc_design *x = lc_arena_alloc(arena, 1, sizeof *x);
  if (!x) return LC_OUT_OF_MEMORY;
  out->obs = own.obs;
  lc_penalty *pen = &out->pen;
  *pen = problem->pen;
  double *rms = NULL, *means = NULL;
  lc_scaling scaling;
  int second_order = (plan.solver->flags & LC_SEES_MEANS) != 0;
  LC_TRY(lc_scale_columns(problem, second_order, plan.as_given, &scaling, &means, &rms, arena));
  *x = lc_design_scaled(problem->x, scaling);
  own.x = out->x = x;
  LC_TRY(lc_scale_penalty(x, problem->spread, pen, arena));
  int late = 0;
  if (x->ops->prepare) LC_TRY(unless_late(x->ops->prepare(x, coding.K, plan.passes, arena), &late));
  LC_TRY(unless_late(bind(problem, &coding, means, rms, host, arena, out), &late));
  if (late) LC_TRY(bind(problem, &coding, means, rms, host, arena, out));
  lc_objective *obj = out->fitted;
  lc_settings set = *settings;
  lc_descent from;
  LC_TRY(prepare_descent(settings, &from, arena, out));
  if (set.from) set.from = &from;
  out->status = late        ? LC_TIME_LIMIT
                : plan.wide ? run_wide(problem, &coding, obj, &set, out->B, out)
                            : find_start(problem, obj, &set, out);
  if (out->status == LC_OK && !plan.wide) out->status = run_planned(problem, &coding, obj, &set, &plan, out);
  if (out->status >= 0 && out->report.descent) show_descent(obj->x, obj->K, 1, out->report.descent);
  if (out->status < 0) return out->status;
  if (out->status == LC_TIME_LIMIT && isnan(out->certificate.kkt)) { /* it had not begun */
    report_reset(&out->report);
    LC_TRY(lc_certify(obj, LC_WANT_GRADIENT, 1, &out->report, &out->certificate));
  }
  return finish(problem, obj, plan.as_given, out);
}

/* The planner's solver goes on from a solution, and its history with it. */
static lc_status refine(const lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                        lc_solution *out) {
  lc_problem next = *problem;
  double before = out->report.iterations;
  lc_settings rest = lc_settings_rest(settings, before);
  lc_design x = lc_design_scaled(out->x, (lc_scaling){NULL, NULL}); /* with what was prepared */
  next.x = &x;
  next.start = out->B;
  next.solver = NULL;
  next.solver_rate_given = 0;
  next.recorded = before + 1;
  next.passes = out->passes;
  rest.rate = NAN;
  rest.from = NULL;
  lc_status status = solve_once(&next, &rest, host, arena, out);
  out->reason = "it finishes what mini-batch descent began";
  out->report.iterations += before;
  return status;
}

lc_status lc_solve(const lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                   lc_solution *out) {
  if (problem->ovr && problem->k > 2) return lc_solve_ovr(problem, settings, host, arena, lc_solve, out);
  lc_status status = solve_once(problem, settings, host, arena, out);
  int asked = problem->solver && (problem->solver->flags & LC_DRAWS) && settings->finish > 0;
  int exact = (problem->loss->flags & (LC_SMOOTH | LC_SMOOTHABLE)) != 0;
  if (asked && exact && status >= 0 && !lc_is_stop(status)) status = refine(problem, settings, host, arena, out);
  if (status >= 0) out->status = status; /* also of a fit that was stopped before it began */
  return status;
}
