/* path/advance.c - one lambda for all folds, by working sets, screening and a gap. */
#include <math.h>
#include <string.h>

#include "fit/scaling.h"
#include "path/round.h"

enum { MOST_ROUNDS = 100, MOST_STEPS = 2000 }; /* for each lambda */

/* ---- residuals ----------------------------------------------------------------------------------------- */

/* Steps that a fold may still make for this lambda. */
static double steps_left(const lc_fold *fold) {
  double most = fold->path->settings->max_iter;
  return fmax(0, (isnan(most) ? MOST_STEPS : most) - fold->outcome.iterations);
}

/* balanced <- the residuals of the fold's point, or of the point that its set leads to where they are in the domain of
 * the conjugate. A last step of the set may be part of it. */
static lc_status find_dual_point(lc_fold *fold, int solved) {
  lc_objective *obj = &fold->obj;
  const lc_set_step *step = &fold->solver.step;
  size_t bytes = (size_t)(obj->x->n * obj->K) * sizeof(double);
  double primal, dual = -INFINITY, before = step->steps;
  fold->has_dual_point = 0;
  memcpy(fold->balanced, step->R, bytes);
  if (solved && (obj->loss->flags & LC_DUAL) && steps_left(fold) >= 1)
    LC_TRY(lc_set_dual_point(&fold->solver, fold->balanced, &fold->has_dual_point));
  fold->outcome.iterations += step->steps - before;
  if (!fold->has_dual_point) return LC_OK;
  LC_TRY(lc_objective_dual(obj, fold->balanced, 1, &primal, &dual));
  if (isfinite(dual)) return LC_OK;
  fold->has_dual_point = 0;
  memcpy(fold->balanced, step->R, bytes);
  return LC_OK;
}

/* Rows of class y times class_factor[y]. Where no factors make the sum zero, which proofs want, what is left of it goes
 * evenly. */
static void balance(lc_fold *fold) {
  const lc_objective *obj = &fold->obj;
  const lc_design *x = obj->x;
  lc_index n = x->n;
  for (int c = 0; c < obj->K; c++) {
    double *R = fold->balanced + c * n, sum = 0;
    for (lc_index i = 0; i < n; i++) R[i] *= fold->class_factor[(int)obj->obs->y[i]];
    if (!x->intercept || fold->has_gap) continue;
    for (lc_index i = 0; i < n; i++) sum += R[i];
    for (lc_index i = 0; i < n; i++) R[i] -= lc_obs_weight(obj->obs, i) * sum / obj->weight_sum;
  }
}

/* Balanced residuals, and what they say of features that were read before. */
static lc_status screen_features(lc_fold *fold, int solved) {
  lc_objective *obj = &fold->obj;
  lc_index n = obj->x->n;
  const double *w = obj->obs->w;
  LC_TRY(find_dual_point(fold, solved));
  LC_TRY(lc_objective_balance(obj, fold->balanced, fold->class_factor, &fold->has_gap));
  balance(fold);
  if (!fold->has_dual_point && fold->has_free) fold->has_gap = 0;
  /* Norms of columns are weighted, so residuals are divided by the roots of the weights. */
  for (int c = 0; w && c < obj->K; c++)
    for (lc_index i = 0; i < n; i++)
      fold->over_roots[i + c * n] = w[i] > 0 ? fold->balanced[i + c * n] / sqrt(w[i]) : 0;
  lc_screen_set_residual(&fold->screen, w ? fold->over_roots : fold->balanced);
  return LC_OK;
}

static lc_status screen_start(void *context, lc_fold *fold) {
  (void)context;
  return screen_features(fold, 0);
}

lc_status lc_folds_look(lc_path_state *path) {
  lc_round look;
  lc_mark mark = lc_arena_mark(path->arena);
  for (lc_index m = 0; m < path->nfits; m++) path->fold[m].pending = 1;
  lc_status status = lc_round_allocate(&look, path);
  if (status == LC_OK) status = lc_folds_each(path, screen_start, NULL);
  if (status == LC_OK) {
    lc_round_list_all(&look);
    status = lc_round_read(&look);
  }
  lc_arena_reset(path->arena, mark);
  return status;
}

/* ---- the start of a lambda ----------------------------------------------------------------------------- */

/* Times the tolerance: residuals that leave a relative gap of about a third of it, F v / (lambda l1) to first order. */
static double residual_unit(const lc_fold *fold) { return 0.3 * fold->pen.lambda * fold->least_l1; }

/* A large set has no Hessian to predict with: the last two solutions are extrapolated in lambda. */
static lc_status extrapolate(lc_fold *fold) {
  const lc_path_state *path = fold->path;
  lc_objective *obj = &fold->obj;
  const lc_working_set *set = &fold->solver.set;
  lc_set_step *step = &fold->solver.step;
  size_t bytes = (size_t)obj->P * sizeof(double);
  double ratio = (obj->pen->lambda - path->lambda) / (path->lambda - path->previous);
  int has_two = fold->older != NULL && isfinite(ratio);
  if (!fold->older && !(fold->older = lc_arena_doubles(&fold->arena, obj->P))) return LC_OUT_OF_MEMORY;
  if (has_two) {
    LC_TRY(lc_step_reset(step));
    for (lc_index s = 0; s < set->size; s++) {
      double b = step->b[s], to = b + ratio * (b - fold->older[set->index[s]]);
      if (lc_set_feature(set, s) >= 0 && to * b <= 0) to = 0;
      step->b[s] = lc_set_clip(set, s, to);
    }
  }
  memcpy(fold->older, obj->at.B, bytes);
  if (!has_two) return LC_OK;
  LC_TRY(lc_step_try(step, 1));
  lc_step_take_if_lower(step);
  return LC_OK;
}

static lc_status begin(void *context, lc_fold *fold) {
  const double *lambda = context;
  lc_fold_goal *goal = &fold->goal;
  lc_working_set *set = &fold->solver.set;
  lc_set_way way;
  fold->pen.lambda = *lambda;
  fold->pending = 1;
  fold->outcome.iterations = 0;
  double unit = residual_unit(fold), tolerance = fold->path->settings->tolerance;
  goal->best = INFINITY;
  /* The gap is that of a dual point of its own, and sharp where residuals are still large: they may be the root of the
   * tolerance times the penalty, as the help of linclass_path() says. */
  goal->residual_cap = sqrt(tolerance) * unit;
  goal->residual = goal->relax * tolerance * unit;
  LC_TRY(lc_set_solver_tidy(&fold->solver, &way));
  LC_TRY(lc_set_list_rows(set));
  lc_objective_revalue(&fold->obj, set->nrows, set->rows);
  if (way != LC_BY_HESSIAN) {
    goal->residual = fmin(goal->residual, goal->residual_cap); /* no last step follows, as by the Hessian */
    LC_TRY(extrapolate(fold));
  } else if (isfinite(fold->path->lambda)) {
    LC_TRY(lc_newton_predict(&fold->solver.newton, fold->path->lambda));
  }
  return screen_features(fold, 0);
}

/* ---- one lambda ---------------------------------------------------------------------------------------- */

/* Steps on the set, of those that the lambda has left; where its way wants violators to join first, it goes on after.
 */
static lc_status solve(void *context, lc_fold *fold) {
  lc_set_step *step = &fold->solver.step;
  double before = step->steps;
  (void)context;
  lc_status status = lc_set_solve(&fold->solver, fold->goal.residual, steps_left(fold));
  fold->outcome.iterations += step->steps - before;
  fold->settled = status != LC_MAX_ITER;
  if (step->stuck && status >= 0) LC_TRY(lc_step_reset(step)); /* the step that failed is forgotten */
  if (status != LC_OK && status != LC_MAX_ITER) return status;
  return screen_features(fold, 1);
}

/* How many folds are still pending, when those without rounds or steps left have given up. */
static lc_status count_pending(const lc_round *look, int round, lc_index *pending) {
  lc_path_state *path = look->path;
  *pending = 0;
  for (lc_index m = 0; m < path->nfits; m++) {
    lc_fold *fold = path->fold + m;
    int spent = round >= MOST_ROUNDS || (round > 0 && steps_left(fold) == 0);
    if (spent && fold->pending) LC_TRY(lc_fold_give_up(look, fold));
    *pending += fold->pending;
  }
  return LC_OK;
}

static lc_status advance(lc_path_state *path, double lambda) {
  /* The share of its bound that a feature's distance from its last residual is taken for, where a guess will do. */
  const double guess = 0.3;
  lc_round look;
  LC_TRY(lc_round_allocate(&look, path));
  for (lc_index m = 0; m < path->nfits; m++) path->fold[m].pending = 1;
  LC_TRY(lc_folds_each(path, begin, &lambda));
  for (int round = 0;; round++) {
    lc_index pending;
    lc_round_list(&look, round == 0 ? guess : 1); /* before the first solution a guess of who will join is enough */
    LC_TRY(lc_round_read(&look));
    LC_TRY(lc_round_join(&look));
    if (round > 0) LC_TRY(lc_round_judge(&look));
    LC_TRY(count_pending(&look, round, &pending));
    if (pending == 0) return LC_OK;
    LC_TRY(lc_folds_each(path, solve, NULL));
  }
}

/* All that is not 0 is in rows of the set: in any score column of them, when a shift is gone that all had in common. */
static lc_status publish(lc_fold *fold) {
  const lc_objective *obj = &fold->obj;
  lc_working_set *set = &fold->solver.set;
  double *B = fold->B;
  lc_index *support = fold->support, count = 0, kept = 0;
  LC_TRY(lc_set_list_rows(set));
  for (lc_index v = 0; v < fold->nsupport; v++) B[support[v]] = 0;
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < set->nrows; v++) support[count++] = c * obj->q + set->rows[v];
  for (lc_index v = 0; v < count; v++) B[support[v]] = obj->at.B[support[v]];
  double saved = lc_remove_common_shift(obj, B);
  int finite = lc_unscale_listed(fold->path->problem->x, count, support, B);
  lc_centre_intercepts(obj, B);
  lc_penalty_clip(&fold->given, obj->K, B); /* as in lc_solve() */
  for (lc_index v = 0; v < count; v++)
    if (B[support[v]] != 0) support[kept++] = support[v];
  fold->nsupport = kept;
  fold->Z = obj->at.Z;
  fold->outcome.objective = obj->at.value - saved;
  fold->outcome.loss = obj->at.loss;
  fold->outcome.passes = obj->passes;
  return finite && isfinite(obj->at.value) ? LC_OK : LC_NONFINITE;
}

lc_status lc_folds_advance(lc_path_state *path, double lambda) {
  lc_mark mark = lc_arena_mark(path->arena);
  lc_status status = advance(path, lambda);
  lc_arena_reset(path->arena, mark);
  LC_TRY(status);
  for (lc_index m = 0; m < path->nfits; m++) LC_TRY(publish(path->fold + m));
  path->previous = path->lambda;
  path->lambda = lambda;
  return LC_OK;
}
