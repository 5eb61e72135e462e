/* path/gap.c - the certificate of a point, and whether it is good enough; see path/round.h. */
#include <math.h>

#include "path/round.h"

/* ---- the gap ------------------------------------------------------------------------------------------- */

/* The dual point is t times the balanced residuals; conjugates: the sum of P*(-t g) over groups with gradients g. */
typedef struct dual_parts {
  double t, conjugates;
} dual_parts;

typedef enum gap_step { FIND_T, ADD_CONJUGATES } gap_step;

/* One group's part of it. Gradients of free slopes are 0 in a dual point but for rounding, as are those of intercepts.
 */
static void add_group(const lc_penalty *pen, lc_index f, const double *g, lc_index ldg, gap_step what, int K,
                      dual_parts *parts) {
  lc_index width = lc_penalty_width(pen, K);
  if (lc_penalty_is_free(pen, f)) return;
  if (what == FIND_T)
    parts->t = lc_penalty_feasible(pen, f, width, g, ldg, parts->t);
  else
    parts->conjugates += lc_penalty_group_conjugate(pen, f, width, -parts->t, g, ldg);
}

/* c (nrows x K): gradients of the set at the balanced residuals. */
static void set_gradients(lc_fold *fold, double *c) {
  const lc_working_set *set = &fold->solver.set;
  if (!fold->has_dual_point) {
    lc_objective_columns(&fold->obj, set->nrows, set->rows, fold->obj.K, fold->balanced, c);
    return;
  }
  /* But for the factors that balance it, 1 up to rounding. */
  for (lc_index s = 0; s < set->size; s++) c[set->cell[s]] = fold->solver.step.dual[s];
}

/* Gradients of the balanced residuals: of the set (c), and of the features that were read for them. All others are
 * proved to lie below their thresholds, where the conjugate of the penalty is 0. */
static void add_groups(const lc_round *round, lc_fold *fold, const double *c, gap_step what, dual_parts *parts) {
  const lc_objective *obj = &fold->obj;
  const lc_working_set *set = &fold->solver.set;
  lc_index width = lc_penalty_width(obj->pen, obj->K);
  for (lc_index s = 0; s < set->size; s += lc_set_width(set, s)) {
    lc_index f = lc_set_feature(set, s);
    if (f >= 0) add_group(obj->pen, f, c + set->cell[s], set->nrows, what, obj->K, parts);
  }
  for (lc_index v = 0; v < round->nfeatures; v++) {
    lc_index f = round->feature[v];
    lc_fold_seen_gradient(fold, f, fold->gradient);
    for (lc_index k = 0; k < obj->K; k += width)
      if (set->position[lc_fold_index(fold, f, k)] < 0)
        add_group(obj->pen, f, fold->gradient + k, 1, what, obj->K, parts);
  }
}

static lc_status gap_of(const lc_round *round, lc_fold *fold, double *gap) {
  lc_objective *obj = &fold->obj;
  lc_mark mark = lc_arena_mark(&fold->arena);
  dual_parts parts = {.t = 1};
  double primal, dual;
  double *c = lc_arena_doubles(&fold->arena, fold->solver.set.nrows * obj->K);
  if (!c) return LC_OUT_OF_MEMORY;
  set_gradients(fold, c);
  add_groups(round, fold, c, FIND_T, &parts);
  add_groups(round, fold, c, ADD_CONJUGATES, &parts);
  lc_arena_reset(&fold->arena, mark);
  lc_status status = lc_objective_dual(obj, fold->balanced, parts.t, &primal, &dual);
  *gap = lc_gap_between(primal, dual - parts.conjugates);
  return status;
}

/* Largest residual, in the units of the shown columns. */
static double kkt_of(const lc_fold *fold) {
  const lc_working_set *set = &fold->solver.set;
  double worst = 0;
  for (lc_index s = 0; s < set->size; s += lc_set_width(set, s))
    worst = fmax(worst, lc_step_residual(&fold->solver.step, s) * set->rms[s]);
  return worst;
}

/* The certificate of the present point. */
static lc_status certify(const lc_round *round, lc_fold *fold) {
  lc_outcome *outcome = &fold->outcome;
  outcome->gap = outcome->relative = NAN;
  outcome->kkt = kkt_of(fold);
  outcome->met = 0;
  if (!fold->has_gap) return LC_OK;
  LC_TRY(gap_of(round, fold, &outcome->gap));
  outcome->relative = outcome->gap / lc_objective_scale(&fold->obj);
  outcome->met = outcome->relative <= fold->path->settings->tolerance;
  return LC_OK;
}

/* A set is never solved more coarsely than this times the first goal: the last step by its Hessian must do the rest. */
static const double most_relax = 1e4;

/* The share of its goal to which a set whose gap is not met is solved next, at least: within orthants, where each digit
 * costs several steps, it may be one step more that brings the dual point into the domain of the conjugate. */
static double least_shrink(const lc_fold *fold) {
  return lc_set_solver_way(&fold->solver) == LC_WITHIN_ORTHANTS ? 0.1 : 1e-3;
}

/* ---- is it good enough? -------------------------------------------------------------------------------- */

/* A point is done where gap <= 1 and residual <= 1, each over what it may be. How far the next set must be solved
 * before it is judged, and how far this one, the last judgements tell. */
static lc_status judge_fold(void *context, lc_fold *fold) {
  const lc_round *round = context;
  const lc_set_step *step = &fold->solver.step;
  lc_outcome *outcome = &fold->outcome;
  lc_fold_goal *goal = &fold->goal;
  if (round->joined[fold->number] > 0 || !fold->settled) return LC_OK;
  LC_TRY(certify(round, fold));
  fold->pending = 0;
  if (!fold->has_gap) {
    outcome->met = !step->stuck;
    return LC_OK;
  }
  double gap = outcome->relative / fold->path->settings->tolerance, residual = step->worst / goal->residual_cap;
  if (outcome->met && (residual <= 1 || step->stuck)) {
    goal->relax = fmin(most_relax, goal->relax * fmin(2, fmin(sqrt(0.2 / gap), 0.5 / residual)));
    return LC_OK;
  }
  double worst = fmax(gap, residual);
  if (step->stuck && !(worst < 0.5 * goal->best)) return LC_OK;
  goal->best = fmin(goal->best, worst);
  double shrink = outcome->met ? 0.5 / residual : fmax(least_shrink(fold), fmin(0.1, 0.3 / worst));
  goal->residual *= shrink;
  goal->relax *= fmax(0.3, shrink); /* the next lambda begins more carefully */
  fold->pending = 1;
  return LC_OK;
}

lc_status lc_round_judge(lc_round *round) { return lc_folds_each(round->path, judge_fold, round); }

lc_status lc_fold_give_up(const lc_round *round, lc_fold *fold) {
  LC_TRY(lc_step_load(&fold->solver.step));
  fold->pending = fold->has_dual_point = 0; /* of those that joined the set knows no gradient */
  return certify(round, fold);
}
