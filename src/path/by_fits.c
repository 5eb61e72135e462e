/* path/by_fits.c - one lambda for all members by whole fits, each started at the last; the null loss of a kink. */
#include <math.h>
#include <string.h>

#include "path/folds.h"

/* What makes passes over X faster serves all fits. */
static lc_status prepare(lc_run *run) {
  const double passes = 10; /* of a fit, at least */
  lc_design *x = &run->plain;
  if (x->ops) return LC_OK;
  *x = *run->problem->x;
  x->shift = x->scale = NULL; /* each fit chooses */
  double all = passes * (double)run->spec->nlambdas * (double)run->nmembers;
  return x->ops->prepare ? x->ops->prepare(x, run->link.K, all, run->arena) : LC_OK;
}

static lc_status solve_member(lc_run *run, lc_member *member, double lambda) {
  lc_design x = run->plain;
  lc_index n = x.n;
  int K = run->link.K;
  x.w = member->x.w;
  lc_problem problem = *run->problem;
  lc_solution solution;
  problem.x = &x;
  problem.pen = member->given;
  problem.pen.lambda = lambda;
  problem.spread = member->spread;
  problem.wants_covariance = 0;
  /* Without a penalty many points may be optimal; from 0 it is the one that a single fit finds. */
  if (isfinite(run->lambda) && lambda > 0) problem.start = member->B;
  if (!member->own_Z && !(member->own_Z = lc_arena_doubles(&member->arena, n * K))) return LC_OUT_OF_MEMORY;
  member->Z = member->own_Z;
  lc_mark mark = lc_arena_mark(&member->arena);
  lc_status status = lc_solve(&problem, run->settings, &member->host, &member->arena, &solution);
  if (status >= 0) {
    if (member == run->member) run->separated |= status == LC_SEPARATED;
    memcpy(member->B, solution.B, (size_t)(lc_design_q(&x) * K) * sizeof(double));
    if (solution.fitted->at.Z) memcpy(member->own_Z, solution.fitted->at.Z, (size_t)(n * K) * sizeof(double));
    int known = solution.certificate.kind == LC_GAP || solution.certificate.kind == LC_DECREMENT;
    member->objective = solution.objective;
    member->loss = solution.loss;
    member->gap = known ? solution.certificate.gap : NAN;
    member->relative = known ? solution.certificate.relative : NAN;
    member->kkt = solution.certificate.kkt;
    member->met = solution.met;
    member->steps = solution.report.iterations;
    member->passes += solution.passes;
    run->solver = solution.solver;
    run->reason = solution.reason;
  }
  lc_arena_reset(&member->arena, mark);
  return status == LC_INTERRUPTED || status == LC_TIME_LIMIT || status < 0 ? status : LC_OK;
}

lc_status lc_members_solve(lc_run *run, double lambda) {
  LC_TRY(prepare(run));
  for (lc_index m = 0; m < run->nmembers; m++) LC_TRY(solve_member(run, run->member + m, lambda));
  run->lambda = lambda;
  return LC_OK;
}

/* The start of a path has smoothed a kink, so there penalised slopes are held as near to 0 as their bounds allow. */
lc_status lc_members_null_loss(lc_run *run, double *out) {
  *out = run->member->obj.at.loss;
  if (!(run->problem->loss->flags & LC_SMOOTHABLE)) return LC_OK;
  LC_TRY(prepare(run));
  lc_problem problem = *run->problem;
  lc_design x = run->plain;
  lc_penalty *pen = &problem.pen;
  lc_mark mark = lc_arena_mark(run->arena);
  double *lower = lc_arena_doubles(run->arena, x.p), *upper = lc_arena_doubles(run->arena, x.p);
  if (!lower || !upper) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < x.p; j++) {
    lower[j] = pen->lower ? pen->lower[j] : -INFINITY;
    upper[j] = pen->upper ? pen->upper[j] : INFINITY;
    if (pen->l1[j] + pen->l2[j] > 0) lower[j] = upper[j] = fmin(fmax(0, lower[j]), upper[j]);
  }
  problem.x = &x;
  problem.solver = NULL;
  problem.wants_covariance = 0;
  pen->lambda = pen->grouped = 0;
  pen->lower = lower;
  pen->upper = upper;
  lc_solution solution;
  lc_settings settings = *run->settings;
  lc_host host = *run->host;
  settings.max_iter = NAN;
  host.record = NULL;
  lc_status status = lc_solve(&problem, &settings, &host, run->arena, &solution);
  if (status >= 0) *out = solution.loss;
  lc_arena_reset(run->arena, mark);
  return status == LC_INTERRUPTED || status == LC_TIME_LIMIT || status < 0 ? status : LC_OK;
}
