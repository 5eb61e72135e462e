/* solver/coordinate.c - proximal Newton on a working set: the way to L1 penalties and bounds.
 *
 * The set holds the coefficients that are not 0 and those that violate their optimality condition most. The
 * objective is minimised over the set (working_set/set_solver.h), all gradients are looked at in one read of X,
 * violators join, until none is left and the gap is small. Where the penalty is far below the one that holds all slopes
 * at 0, some fits come down to it in steps: at 0 many more violate than the solution keeps. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "solver/solver.h"
#include "working_set/set_solver.h"

static lc_index feature_of(const lc_objective *obj, lc_index i) { return i % obj->q - obj->pen->intercept; }

/* How many coefficients the group (problem/penalty.h) has whose first is i; 0: it belongs to an earlier one. */
static lc_index group_at(const lc_objective *obj, lc_index i) {
  if (!obj->pen->grouped || feature_of(obj, i) < 0) return 1;
  return i < obj->q ? obj->K : 0;
}

/* KKT residual / rms of the group whose first coefficient is i. */
static double residual(const lc_objective *obj, lc_index i) {
  lc_index f = feature_of(obj, i), width = group_at(obj, i), q = obj->q;
  if (f < 0) return fabs(obj->G[i]);
  return lc_penalty_group_violation(obj->pen, f, width, obj->at.B + i, q, obj->G + i, q) / lc_objective_rms(obj, f);
}

/* Not 0 or not held at 0: always wanted in the set. */
static int is_wanted(const lc_objective *obj, lc_index i) {
  lc_index f = feature_of(obj, i);
  return f < 0 || (lc_penalty_l1(obj->pen, f) == 0 && !obj->pen->lower) ||
         lc_penalty_norm(group_at(obj, i), obj->at.B + i, obj->q) != 0;
}

/* Fills the set: what is wanted, then the worst violators, about as many again. `list` has memory for P of them. */
static lc_status fill_set(lc_working_set *set, const lc_objective *obj, lc_violator *list) {
  lc_index wanted = 0, count = 0;
  for (lc_index i = 0; i < obj->P; i++) {
    lc_index width = group_at(obj, i);
    int first = width > 0 && is_wanted(obj, i);
    wanted += first * width;
    if (width == 0 || set->position[i] >= 0) continue;
    double violation = residual(obj, i);
    if (first || violation > 0) list[count++] = (lc_violator){first ? INFINITY : violation, i};
  }
  qsort(list, (size_t)count, sizeof *list, lc_violator_order);
  lc_index goal = set->size + lc_max(2 * wanted, 50);
  for (lc_index v = 0; v < count && set->size < goal; v++) LC_TRY(lc_set_add(set, list[v].index));
  return LC_OK;
}

/* The largest residual, and that of the groups outside the set. */
static double worst_residual(const lc_objective *obj, const lc_working_set *set, double *outside) {
  double worst = *outside = 0;
  for (lc_index i = 0; i < obj->P; i++) {
    if (group_at(obj, i) == 0) continue;
    double here = residual(obj, i);
    worst = fmax(worst, here);
    if (set->position[i] < 0) *outside = fmax(*outside, here);
  }
  return worst;
}

/* To the tolerance at the penalty of obj. `list` has memory for P. */
static lc_status iterate(lc_objective *obj, lc_set_solver *solver, lc_violator *list, const lc_settings *settings,
                         lc_report *report) {
  const lc_set_step *step = &solver->step;
  double limit = isnan(settings->max_iter) ? 1000 : settings->max_iter, goal = INFINITY, least = INFINITY;
  double share = lc_penalty_is_none(obj->pen) ? 1e-7 : 1e-3; /* unpenalised coefficients should carry nine digits */
  int idle = 0, solved = 0; /* solved: the set has been; it may have found nothing to move */
  for (;;) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G), outside;
    double worst = worst_residual(obj, &solver->set, &outside), scale = lc_objective_scale(obj);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, NAN));
    if (kkt == 0) return LC_OK;
    int still = solved && step->gain <= fmax(settings->tolerance * share, 1e-17) * scale;
    if (still && outside <= settings->tolerance * scale && lc_gap_is_small(obj, settings)) return LC_OK;
    /* The objective has no more to gain: residuals still fall for a few rounds, then rounding rules. */
    idle = still && worst > 0.5 * least ? idle + 1 : 0;
    least = fmin(least, worst);
    if (idle >= (obj->coding.mu > 0 ? 1 : 3)) return LC_STALLED; /* of a rounded kink the gap of the kink judges */
    if (report->iterations >= limit) return LC_MAX_ITER;
    LC_TRY(fill_set(&solver->set, obj, list));
    lc_set_solver_sort(solver);
    goal = fmin(0.1 * goal, 1e-2 * worst);
    double before = step->steps;
    lc_status status = lc_set_solve(solver, goal, limit - report->iterations);
    report->iterations += fmax(step->steps - before, 1);
    if (status != LC_OK && status != LC_MAX_ITER) return status;
    solved = 1;
    report->decrement = step->gain;
    LC_TRY(lc_objective_gradient(obj));
  }
}

/* Are all slopes 0? */
static int is_at_rest(const lc_objective *obj) {
  for (lc_index i = 0; i < obj->P; i++)
    if (feature_of(obj, i) >= 0 && obj->at.B[i] != 0) return 0;
  return 1;
}

/* The least lambda that would hold all slopes at 0, at the gradient of `at`; 0 without an L1 part. */
static double holding_lambda(const lc_objective *obj) {
  const lc_penalty *pen = obj->pen;
  double most = 0;
  for (lc_index i = 0; i < obj->P; i++) {
    lc_index f = feature_of(obj, i), width = group_at(obj, i);
    if (f >= 0 && width > 0 && pen->l1[f] > 0)
      most = fmax(most, lc_penalty_norm(width, obj->G + i, obj->q) / pen->l1[f]);
  }
  return most;
}

/* A way down to the fit's penalty from the one that holds all slopes at 0. */
typedef struct descent {
  double far;  /* from this share of the latter on it pays */
  double step; /* from one penalty to the next */
} descent;

/* All measured. Many score columns on sparse columns: at 0 more violate than the solution keeps. Where second
 * derivatives jump and rows are few beside the columns, a step from far away meets other rows than its model saw: 400 x
 * 300, squared hinge, at 3e-4 of the holding penalty took 4.4 s and takes 0.3, 200 x 3000 at 3e-3 took 6.4 and takes
 * 1.5. Elsewhere the way down costs more than it saves. */
static descent choose_descent(const lc_objective *obj) {
  enum { MANY = 8, ROWS_PER_COLUMN = 5 };
  int jumps = (obj->loss->flags & (LC_SMOOTH | LC_LIKELIHOOD)) == LC_SMOOTH && obj->x->n < ROWS_PER_COLUMN * obj->x->p;
  if (obj->K >= MANY && lc_objective_has_sparse_columns(obj)) return (descent){0.05, 0.5};
  return jumps ? (descent){5e-3, 0.7} : (descent){0, 0.5};
}

/* From a penalty that holds all slopes down to the one of the fit, each solved roughly. */
static lc_status descend(lc_objective *obj, lc_set_solver *solver, lc_violator *list, const lc_settings *settings,
                         lc_report *report) {
  descent way = choose_descent(obj);
  const lc_penalty *last = obj->pen;
  lc_penalty held = *last;
  lc_settings rough = *settings;
  lc_status status = LC_OK;
  rough.tolerance = fmax(settings->tolerance, 1e-2);
  held.lambda = holding_lambda(obj);
  if (!(last->lambda > 0) || !isfinite(held.lambda) || last->lambda >= way.far * held.lambda) return LC_OK;
  while (status == LC_OK && (held.lambda *= way.step) > last->lambda / way.step) {
    obj->pen = &held;
    lc_objective_revalue(obj, 0, NULL);
    status = iterate(obj, solver, list, &rough, report);
    obj->pen = last;
    if (status == LC_STALLED) status = LC_OK;
  }
  lc_objective_revalue(obj, 0, NULL);
  return status == LC_OK ? lc_objective_gradient(obj) : status;
}

static lc_status solve(lc_objective *obj, const lc_settings *settings, lc_report *report) {
  lc_set_solver solver;
  lc_violator *list = lc_arena_alloc(obj->arena, obj->P, sizeof *list);
  if (!list) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_set_solver_init(&solver, obj, settings->working_set));
  LC_TRY(lc_objective_residuals(obj, NULL, solver.step.R));
  if (is_at_rest(obj)) LC_TRY(descend(obj, &solver, list, settings, report));
  return iterate(obj, &solver, list, settings, report);
}

static lc_status coordinate_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  if (!obj->at.Z) return LC_UNSUPPORTED;
  int restarted;
  report->iterations = 0;
  LC_TRY(lc_solver_start(obj, B, LC_WANT_GRADIENT, &restarted));
  lc_mark mark = lc_arena_mark(obj->arena);
  lc_status status = solve(obj, settings, report);
  lc_arena_reset(obj->arena, mark);
  return status;
}

static const lc_field fields[] = {
    {"working_set", offsetof(lc_settings, working_set), LC_SET_MOST, 2, 20000, 1,
     "coefficients that move by a Hessian of theirs, whose memory is its square; of K > 3 rows of coefficients "
     "3 / K times as many; of sparse columns 300, until sweeps creep"},
};

const lc_solver lc_solver_coordinate = {"coordinate",
                                        "proximal Newton with coordinate descent on a working set",
                                        LC_NEEDS_SMOOTH | LC_NEEDS_CURVATURE | LC_SEES_MEANS | LC_NEEDS_COLUMNS |
                                            LC_TAKES_L1 | LC_TAKES_GROUPS | LC_TAKES_BOUNDS,
                                        fields,
                                        (int)(sizeof fields / sizeof fields[0]),
                                        coordinate_run};
