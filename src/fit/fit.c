/* fit/fit.c - one fit, from the plan to the certificate. */
#include "fit/fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "linalg/linalg.h"
#include "fit/wide.h"

/* ---- the planner --------------------------------------------------------------------------------------------- */

enum { MOST_COUPLED = 100, MOST_PAIR_BYTES = 1 << 30, MOST_READS = 40 };
static const double MOST_PROJECTED = 1e10; /* numbers that columns beyond the rank are multiplied with: seconds */

/* Slopes that the penalty leaves alone. */
static lc_index count_loose(const lc_penalty *pen) {
  lc_index loose = 0;
  for (lc_index j = 0; j < pen->p; j++) loose += !(lc_penalty_l2(pen, j) > 0);
  return loose;
}

/* Ridge with more penalised columns than rows and few enough rows for Newton's method on them (fit/wide.h). */
static int is_wide(const lc_problem *problem, const lc_link *link) {
  const lc_design *x = problem->x;
  int curved = (problem->loss->flags & (LC_CURVATURE | LC_SMOOTHABLE)) != 0;
  lc_index loose = count_loose(&problem->pen);
  return curved && x->p - loose > x->n && (x->one + x->n + loose) * link->K <= LC_NEWTON_COEFFICIENTS &&
         (x->ops->caps & LC_COLUMNS) && !lc_penalty_has_l1(&problem->pen) && !lc_penalty_has_bounds(&problem->pen);
}

static const lc_solver *plan(const lc_problem *problem, const lc_link *link, const char **reason) {
  const lc_design *x = problem->x;
  lc_index most = lc_most_independent(x, &problem->pen);
  int few = most * link->K <= LC_NEWTON_COEFFICIENTS &&
            (double)x->n * (double)most * (double)(lc_design_q(x) - most) <= MOST_PROJECTED;
  const lc_loss *loss = problem->loss;
  if (problem->jeffreys || problem->held) {
    *reason = problem->jeffreys ? "Jeffreys' penalty" : "coefficients that are held";
    return &lc_solver_scoring;
  }
  if (!(loss->flags & (LC_SMOOTH | LC_SMOOTHABLE))) {
    *reason = "the loss has no smooth version";
    return lc_solver_find("minibatch");
  }
  int pairs_fit = (double)lc_link_pairs(link) * (double)problem->x->n * sizeof(double) < MOST_PAIR_BYTES;
  int many = !(loss->flags & LC_SMOOTHABLE) && !(pairs_fit && link->K <= MOST_COUPLED);
  if (lc_penalty_has_l1(&problem->pen) || lc_penalty_has_bounds(&problem->pen)) {
    if (many) { /* the coupling of all pairs of classes would not fit in memory */
      *reason = "very many classes";
      return lc_solver_find("gradient_descent");
    }
    *reason = lc_penalty_has_l1(&problem->pen) ? "an L1 penalty" : "bounds on the coefficients";
    return lc_solver_find("coordinate");
  }
  if (is_wide(problem, link) && !many) {
    *reason = "more columns than rows: as many coordinates as rows";
    return lc_solver_find("newton");
  }
  lc_index loose = count_loose(&problem->pen);
  if (x->p > x->n && (loose == 0 || loose > x->n) && !lc_penalty_is_none(&problem->pen)) {
    *reason = "more columns than rows"; /* no matrix of p x p numbers for a solution in n dimensions */
    return lc_solver_find("lbfgs");
  }
  /* With a ridge L-BFGS ends after some 20 to 80 reads, and no standard errors want a Hessian (bench/planner.R). */
  int ridge = (loss->flags & LC_SMOOTH) && lc_penalty_all_l2(&problem->pen) && problem->pen.lambda > 0;
  double hessian = lc_curvature_cost(lc_design_q(x), link->K, (int)lc_packed_size(link->K));
  if (ridge && !problem->wants_covariance && hessian > MOST_READS) {
    *reason = "second derivatives of many pairs of columns";
    return lc_solver_find("lbfgs");
  }
  if (few && !many) {
    *reason = "few coefficients";
    return lc_solver_find("newton");
  }
  *reason = "many coefficients";
  return lc_solver_find("lbfgs");
}

/* Does it factor the Hessian of all coefficients? */
static int is_second_order(const lc_solver *solver) {
  return (solver->flags & LC_NEEDS_CURVATURE) && !(solver->flags & LC_TAKES_L1);
}

/* Can this solver do it? */
static lc_status check_solver(const lc_problem *problem, const lc_solver *solver) {
  unsigned loss = problem->loss->flags, caps = problem->x->ops->caps, needs = solver->flags;
  if ((needs & LC_NEEDS_SMOOTH) && !(loss & (LC_SMOOTH | LC_SMOOTHABLE))) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_COLUMNS) && !(caps & LC_COLUMNS)) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_ROWS) && !(caps & LC_ROWS)) return LC_UNSUPPORTED;
  if (!(needs & LC_TAKES_L1) && lc_penalty_has_l1(&problem->pen)) return LC_UNSUPPORTED;
  if (problem->pen.grouped && (!(needs & LC_TAKES_GROUPS) || lc_penalty_has_bounds(&problem->pen)))
    return LC_UNSUPPORTED;
  if (!(needs & LC_TAKES_BOUNDS) && lc_penalty_has_bounds(&problem->pen)) return LC_UNSUPPORTED;
  return LC_OK;
}

/* ---- columns as shown ------------------------------------------------------------------------------------------ */

/* Which columns to shift: those whose mean hides their spread. */
static int choose_shift(const lc_problem *problem, int second_order, double *shift) {
  /* Second derivatives see through a mean until digits are lost; first-order steps suffer from any, and scores of a
   * smoothed kink need all their digits. */
  int robust = second_order && (problem->loss->flags & LC_SMOOTH), any = 0;
  int shuffles = problem->solver && (problem->solver->flags & LC_DRAWS) && !(problem->loss->flags & LC_SCALE_FREE);
  const double hidden = robust ? 30 : shuffles ? 0.05 : 1; /* steps along single rows suffer most */
  for (lc_index j = 0; j < problem->x->p; j++) {
    double mean = problem->mean[j], sd = problem->sd[j];
    int shifted = problem->x->one && lc_design_may_shift(problem->x, j) && fabs(mean) > hidden * sd && sd > 0;
    shift[j] = shifted ? mean : 0;
    any |= shifted;
  }
  return any;
}

/* Which columns to scale, by a power of two: those whose squares and their sums might leave the range. */
static int choose_scale(const lc_problem *problem, const lc_penalty *pen, double *scale) {
  enum { EXTREME = 200, MOST = 1000 }; /* binary exponents */
  int any = 0;
  for (lc_index j = 0; j < problem->x->p; j++) {
    int exponent = 0;
    if (problem->max_abs[j] > 0) frexp(problem->max_abs[j], &exponent);
    scale[j] = abs(exponent) > EXTREME ? ldexp(1, -(exponent < -MOST ? -MOST : exponent)) : 1;
    /* A tiny column that is penalised as it is stays as it is: its coefficient is next to nothing. */
    double spread = (problem->spread ? problem->spread[j] : 1) * scale[j];
    if (!isfinite(pen->lambda * pen->l2[j] * spread * spread * 1e100) || !isfinite(pen->lambda * pen->l1[j] * spread))
      scale[j] = 1;
    any |= scale[j] != 1;
  }
  return any;
}

lc_status lc_show_columns(lc_problem *problem, int second_order, int as_given, double **means, double **rms,
                          lc_arena *arena) {
  lc_design *x = problem->x;
  lc_index p = x->p;
  double *shift = lc_arena_doubles(arena, p), *scale = lc_arena_doubles(arena, p);
  *rms = lc_arena_doubles(arena, p);
  *means = lc_arena_doubles(arena, p);
  if (!shift || !scale || !*means || !*rms) return LC_OUT_OF_MEMORY;
  if (!as_given && choose_shift(problem, second_order, shift)) x->shift = shift;
  if (!as_given && choose_scale(problem, &problem->pen, scale)) x->scale = scale;
  for (lc_index j = 0; j < p; j++) {
    double unit = x->scale ? scale[j] : 1, mean = problem->mean[j] - (x->shift ? shift[j] : 0);
    (*means)[j] = mean * unit;
    (*rms)[j] = hypot(mean * unit, problem->sd[j] * unit);
  }
  return LC_OK;
}

lc_status lc_shown_penalty(const lc_design *x, const double *spread, lc_penalty *pen, lc_arena *arena) {
  lc_index p = x->p;
  double *factors = lc_arena_doubles(arena, (pen->lower ? 4 : 2) * p);
  if (!factors) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < p; j++) {
    double unit = x->scale ? x->scale[j] : 1, size = (spread ? spread[j] : 1) * unit;
    factors[j] = pen->l1[j] * size;
    factors[p + j] = pen->l2[j] * size * size;
    if (!pen->lower) continue;
    factors[2 * p + j] = pen->lower[j] / unit;
    factors[3 * p + j] = pen->upper[j] / unit;
  }
  pen->l1 = factors;
  pen->l2 = factors + p;
  if (pen->lower) {
    pen->lower = factors + 2 * p;
    pen->upper = factors + 3 * p;
  }
  return LC_OK;
}

/* ---- running ------------------------------------------------------------------------------------------------------
 */

static int is_stop(lc_status status) { return status == LC_INTERRUPTED || status == LC_TIME_LIMIT; }

/* What is left of the settings' iterations after `spent` of them: a fit of several runs has one budget. */
static lc_settings rest_of(const lc_settings *settings, double spent) {
  lc_settings rest = *settings;
  if (!isnan(rest.max_iter)) rest.max_iter = fmax(0, rest.max_iter - spent);
  return rest;
}

/* A loss with a kink: smooth versions with mu from 1 down, each started at the last, until the gap of the loss
 * itself is met, mu is spent, or the budget is. */
static lc_status run_smoothed(lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                              lc_report *report) {
  const double shrink = 0.15, least = 1e-10, few = 12;
  lc_certificate now = {LC_KKT_ONLY, INFINITY, INFINITY, NAN};
  double iterations = 0, best = INFINITY, best_mu = 1;
  lc_status status = LC_OK;
  int spent = 0;
  for (double mu = 1; mu > least && !spent; mu *= shrink) {
    lc_settings inner = rest_of(settings, iterations);
    obj->link.mu = mu;
    inner.tolerance = fmax(settings->tolerance, 1e-2 * mu);
    /* Without a penalty separated rows pull for ever at their smooth loss, though the hinge has long let go. */
    if (lc_penalty_is_none(obj->pen) && !(inner.max_iter <= few)) inner.max_iter = few;
    status = solver->run(obj, &inner, B, report);
    iterations += report->iterations;
    obj->recorded += report->iterations + 1;
    if (status < 0 || status == LC_INTERRUPTED || status == LC_RANK) break;
    spent = status == LC_TIME_LIMIT || iterations >= settings->max_iter;
    LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_VALUE));
    lc_objective_accept(obj);
    LC_TRY(lc_objective_gap(obj, &now));
    /* Far past the smallest gap smaller mu only adds rounding. */
    if (now.relative > 1e3 * best) break;
    if (now.relative < best || isinf(best)) {
      memcpy(B, obj->at.B, (size_t)obj->P * sizeof(double));
      best = now.relative;
      best_mu = mu;
    }
    if (best <= 0.5 * settings->tolerance || obj->at.value <= settings->tolerance * obj->null_value) break;
  }
  report->iterations = iterations;
  report->evaluated = 0;
  if (now.relative > best) {
    obj->link.mu = best_mu;
    LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
    lc_objective_accept(obj);
  }
  if (status == LC_TIME_LIMIT) return status;
  if (spent && !(best <= settings->tolerance)) return LC_MAX_ITER;
  return status == LC_STALLED || status == LC_MAX_ITER ? LC_OK : status;
}

static lc_status run_once(lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                          lc_report *report) {
  int kinked = (solver->flags & LC_NEEDS_SMOOTH) && !(obj->loss->flags & LC_SMOOTH);
  return kinked ? run_smoothed(obj, solver, settings, B, report) : solver->run(obj, settings, B, report);
}

void lc_remove_common_shift(const lc_objective *obj, double *B) {
  if (obj->link.base || obj->link.vector) return;
  for (lc_index j = 0; j < obj->q; j++) {
    lc_index f = j - obj->pen->one;
    if (f >= 0 && (obj->pen->lower || lc_penalty_l1(obj->pen, f) > 0)) continue;
    double sum = 0;
    for (int c = 0; c < obj->K; c++) sum += B[c * obj->q + j];
    for (int c = 0; c < obj->K; c++) B[c * obj->q + j] -= sum / obj->K;
  }
}

/* ---- one fit
 * ---------------------------------------------------------------------------------------------------------- */

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
  for (int attempt = 0; attempt < 3; attempt++, strict *= 1e-2) {
    lc_settings stricter = rest_of(settings, iterations);
    stricter.tolerance = strict;
    report_reset(&out->report);
    if (attempt == 0 && out->factor.ready) out->report.factor = &out->factor;
    out->report.wants_curvature = (out->want & LC_WANT_CURVATURE) != 0;
    status = run_once(obj, out->solver, &stricter, B, &out->report);
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
static lc_status run_in_basis(lc_problem *problem, const lc_link *link, lc_objective *obj, const lc_settings *settings,
                              double *B, lc_solution *out) {
  lc_basis *basis = &out->basis;
  lc_objective *inner = out->fitted = lc_arena_alloc(obj->arena, 1, sizeof *inner);
  double *theta = lc_arena_doubles(obj->arena, basis->r * obj->K);
  if (!inner || !theta) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_init(inner, &basis->design, problem->loss, link, &basis->pen, 1, obj->host, obj->arena));
  inner->recorded = obj->recorded;
  LC_TRY(lc_basis_enter(basis, problem->x, inner->K, B, theta, obj->arena));
  lc_status status = run_certified(inner, settings, theta, out);
  if (status < 0) return status;
  if (status == LC_RANK) status = LC_STALLED;
  lc_basis_leave(basis, inner->K, inner->at.B, B);
  out->report.condition = basis->condition;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_VALUE));
  lc_objective_accept(obj);
  obj->passes += 2 + inner->passes; /* two to the basis */
  return status;
}

/* The problem with columns that depend on others set aside (fit/rank.h). */
static lc_status run_by_rank(lc_problem *problem, const lc_link *link, lc_objective *obj, const lc_settings *settings,
                             double *B, lc_solution *out) {
  lc_status status = LC_RANK;
  if (!is_second_order(out->solver) || !lc_is_short(obj)) status = run_certified(obj, settings, B, out);
  if (status != LC_RANK) return status;
  out->factor.ready = 0; /* made for columns that are now known to depend on each other */
  LC_TRY(lc_basis_build(problem->x, out->alias, &out->basis, obj->arena));
  if (out->basis.needed && !problem->held) return run_in_basis(problem, link, obj, settings, B, out);
  out->report.alias = out->alias;
  status = run_certified(obj, settings, B, out);
  return status == LC_RANK ? LC_STALLED : status;
}

/* The problem in the coordinates of its rows; the certificate is that of the solution in the columns. Where it is not
 * met, L-BFGS goes on from there. */
static lc_status run_wide(lc_problem *problem, const lc_link *link, lc_objective *obj, const lc_settings *settings,
                          double *B, lc_solution *out) {
  lc_wide *wide = lc_arena_alloc(obj->arena, 1, sizeof *wide);
  lc_objective *inner = lc_arena_alloc(obj->arena, 1, sizeof *inner);
  if (!wide || !inner) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_wide_build(problem->x, obj->pen, wide, obj->host, obj->arena));
  LC_TRY(lc_objective_init(inner, &wide->design, problem->loss, link, &wide->pen, 1, obj->host, obj->arena));
  inner->recorded = obj->recorded;
  double *theta = lc_arena_zeros(obj->arena, inner->P);
  if (!theta) return LC_OUT_OF_MEMORY;
  lc_status status = run_certified(inner, settings, theta, out);
  if (status < 0) return status;
  if (status == LC_RANK) status = LC_STALLED;
  LC_TRY(lc_wide_leave(wide, problem->x, obj->pen, obj->K, inner->at.B, B, obj->host, obj->arena));
  obj->link.mu = inner->link.mu;
  obj->passes += 2; /* to the coordinates and back */
  obj->recorded = inner->recorded;
  out->report.has_curvature = 0;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  /* A rounded kink has residuals that the rounding of scores changes: its gap is the one found in the coordinates. */
  if (status == LC_INTERRUPTED || !(problem->loss->flags & LC_SMOOTH)) return status;
  double iterations = out->report.iterations;
  LC_TRY(lc_certify(obj, LC_WANT_GRADIENT, 0, &out->report, &out->certificate));
  out->met = out->certificate.relative <= out->goal;
  if (out->met || status == LC_MAX_ITER || status == LC_TIME_LIMIT)
    return out->met && status != LC_TIME_LIMIT ? LC_OK : status;
  out->solver = lc_solver_find("lbfgs");
  lc_settings rest = rest_of(settings, iterations);
  status = run_certified(obj, &rest, B, out);
  out->report.iterations += iterations;
  return status;
}

/* Binds the objective and everything of the solution that lives in the arena. */
static lc_status prepare(lc_problem *problem, const lc_link *link, const lc_penalty *pen, const double *means,
                         const double *rms, const lc_host *host, lc_arena *arena, lc_solution *out) {
  lc_objective *obj = out->fitted = lc_arena_alloc(arena, 1, sizeof *obj);
  if (!obj) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_init(obj, problem->x, problem->loss, link, pen, 1, host, arena));
  obj->rms = rms;
  obj->mean = means;
  obj->recorded = problem->recorded;
  obj->passes = problem->passes;
  out->K = link->K;
  out->want = LC_WANT_GRADIENT | (problem->wants_covariance ? LC_WANT_CURVATURE : 0);
  out->certificate.kind = LC_KKT_ONLY;
  out->certificate.gap = out->certificate.relative = out->certificate.kkt = NAN;
  out->B = lc_arena_zeros(arena, obj->P);
  out->alias = lc_arena_alloc(arena, obj->q, 1);
  out->report.class_rows = lc_arena_zeros(arena, problem->k);
  out->report.jeffreys = problem->jeffreys;
  out->report.held = problem->held;
  if (!out->B || !out->alias || !out->report.class_rows) return LC_OUT_OF_MEMORY;
  memset(out->alias, 0, (size_t)obj->q);
  if (problem->start) {
    memcpy(out->B, problem->start, (size_t)obj->P * sizeof(double));
    lc_design_from_user(problem->x, obj->K, out->B);
  }
  lc_penalty_clip(pen, obj->K, out->B);
  return LC_OK;
}

/* Newton's fits of smooth losses may start from a sample. For L-BFGS the start saves no passes (measured: 48 steps with
 * it, 47 without): what it needs is the last digits, and an overfitted sample says little about those. */
static lc_status find_start(const lc_problem *problem, const lc_objective *obj, const lc_settings *settings,
                            lc_solution *out) {
  int sampled = (problem->loss->flags & LC_SMOOTH) && !(out->solver->flags & LC_OWN_OBJECTIVE);
  return is_second_order(out->solver) && sampled && !problem->start
             ? lc_solve_nested(obj, out->solver, settings, out->B, &out->factor)
             : LC_OK;
}

/* Reads of X that a fit of this kind may take, about. Solvers by columns read it through col_dot and the like. */
static double expected_passes(const lc_solver *solver, const lc_settings *settings) {
  const double few = 5, many = 50;
  double most = isnan(settings->max_iter) ? many : fmin(many, settings->max_iter);
  return solver->flags & LC_NEEDS_COLUMNS ? fmin(few, most) : most;
}

/* From the objective's point to the numbers that are reported. */
static lc_status finish(const lc_problem *problem, lc_objective *obj, int as_given, lc_solution *out) {
  memcpy(out->B, obj->at.B, (size_t)obj->P * sizeof(double));
  if (!as_given) lc_remove_common_shift(obj, out->B);
  lc_design_to_user(problem->x, obj->K, out->B);
  if (!(problem->loss->flags & LC_SMOOTH)) { /* the value of the loss itself, without smoothing */
    obj->link.mu = 0;
    lc_status status = lc_objective_gradient(obj);
    if (status < 0) return status;
  }
  out->objective = obj->at.value;
  out->loss = obj->at.loss;
  out->jeffreys = problem->jeffreys ? lc_solve_jeffreys(problem, out) : 0;
  if (problem->jeffreys) out->objective = out->loss - out->jeffreys / obj->weight_sum;
  out->weight_sum = obj->weight_sum;
  out->passes = obj->passes;
  return out->status;
}

/* Under shifts an intercept moves with the slopes: one that is held needs columns as they are. */
static int holds_intercept(const lc_problem *problem) {
  lc_link link;
  if (!problem->held || !problem->x->one) return 0;
  if (lc_link_make(problem->loss, problem->k, problem->reference, &link) != LC_OK) return 0;
  for (int c = 0; c < link.K; c++)
    if (problem->held[c * lc_design_q(problem->x)]) return 1;
  return 0;
}

static lc_status solve_once(const lc_problem *given, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                            lc_solution *out) {
  memset(out, 0, sizeof *out);
  lc_link link;
  lc_problem own = *given, *problem = &own;
  LC_TRY(lc_link_make(problem->loss, problem->k, problem->reference, &link));
  problem->pen.grouped = lc_penalty_has_groups(&problem->pen, link.K);
  out->goal = lc_goal_of(problem, settings);
  out->solver = problem->solver ? problem->solver : plan(problem, &link, &out->reason);
  if (problem->solver) out->reason = "as asked";
  if (problem->unique && !(out->solver->flags & LC_NEEDS_ROWS)) own.x = &problem->unique->design;
  out->x = own.x;
  LC_TRY(check_solver(problem, out->solver));
  lc_penalty *pen = &out->pen;
  *pen = problem->pen;
  double *rms = NULL, *means = NULL;
  int as_given = ((out->solver->flags & LC_STEPS_AS_GIVEN) && problem->solver_rate_given) || holds_intercept(problem);
  LC_TRY(lc_show_columns(problem, (out->solver->flags & LC_SEES_MEANS) != 0, as_given, &means, &rms, arena));
  LC_TRY(lc_shown_penalty(problem->x, problem->spread, pen, arena));
  if (problem->x->ops->prepare)
    LC_TRY(problem->x->ops->prepare(problem->x, link.K, expected_passes(out->solver, settings), arena));
  LC_TRY(prepare(problem, &link, pen, means, rms, host, arena, out));
  lc_objective *obj = out->fitted;
  int wide = !problem->solver && is_wide(problem, &link) && strcmp(out->solver->name, "newton") == 0;
  out->status = wide ? run_wide(problem, &link, obj, settings, out->B, out) : find_start(problem, obj, settings, out);
  if (out->status == LC_OK && !wide) out->status = run_by_rank(problem, &link, obj, settings, out->B, out);
  if (out->status < 0) return out->status;
  if (out->status == LC_TIME_LIMIT && isnan(out->certificate.kkt)) { /* it had not begun */
    report_reset(&out->report);
    LC_TRY(lc_certify(obj, LC_WANT_GRADIENT, 1, &out->report, &out->certificate));
  }
  return finish(problem, obj, as_given, out);
}

/* The planner's solver goes on from a solution, and its history with it. */
static lc_status hand_over(lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                           lc_solution *out) {
  lc_problem next = *problem;
  double before = out->report.iterations;
  lc_settings rest = rest_of(settings, before);
  next.x->shift = next.x->scale = NULL;
  next.start = out->B;
  next.solver = NULL;
  next.solver_rate_given = 0;
  next.recorded = before + 1;
  next.passes = out->passes;
  rest.rate = NAN;
  lc_status status = solve_once(&next, &rest, host, arena, out);
  out->reason = "it finishes what mini-batch descent began";
  out->report.iterations += before;
  return status;
}

lc_status lc_solve(lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                   lc_solution *out) {
  lc_status status = solve_once(problem, settings, host, arena, out);
  int asked = problem->solver && (problem->solver->flags & LC_DRAWS) && settings->finish > 0;
  int exact = (problem->loss->flags & (LC_SMOOTH | LC_SMOOTHABLE)) != 0;
  return asked && exact && status >= 0 && !is_stop(status) ? hand_over(problem, settings, host, arena, out) : status;
}
