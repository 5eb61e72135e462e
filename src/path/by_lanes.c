/* path/by_lanes.c - many lambdas of one fit at once (lanes/lanes.h), and the way back to one after the other. */
#include <math.h>
#include <string.h>

#include "fit/scaling.h"
#include "lanes/lanes.h"
#include "path/folds.h"

/* A limit on steps is one for each lambda, and lanes know none. */
int lc_folds_suit_lanes(const lc_path_state *path, double before, const double *lambda, lc_index count) {
  return isnan(path->settings->max_iter) && path->settings->tolerance > 0 &&
         lc_lanes_suit(&path->fold->obj, before, lambda, count);
}

typedef struct keeper {
  lc_path_state *path;
  lc_folds_keep keep;
  void *context;
} keeper;

static lc_status keep_solution(void *context, lc_index m, lc_index l, const lc_lanes_point *point) {
  const keeper *own = context;
  lc_fold *fold = own->path->fold + m;
  const lc_objective *obj = &fold->obj;
  memcpy(fold->B, obj->at.B, (size_t)obj->P * sizeof(double));
  lc_unscale_coef(own->path->problem->x, obj->K, fold->B);
  fold->Z = obj->at.Z;
  fold->outcome = (lc_outcome){.objective = obj->at.value,
                               .loss = obj->at.loss,
                               .gap = point->gap,
                               .relative = point->relative,
                               .kkt = point->kkt,
                               .iterations = point->iterations,
                               .passes = own->path->fold->obj.passes,
                               .met = 1};
  return own->keep(own->context, m, l);
}

lc_status lc_folds_lanes(lc_path_state *path, double before, const double *lambda, lc_index count, lc_folds_keep keep,
                         void *context, lc_index *solved) {
  keeper own = {path, keep, context};
  lc_arena *arena = &path->fold->arena;
  lc_mark mark = lc_arena_mark(arena);
  lc_lanes_fit *fit = lc_arena_alloc(arena, path->nfits, sizeof *fit);
  if (!fit) return LC_OUT_OF_MEMORY;
  for (lc_index m = 0; m < path->nfits; m++) fit[m] = (lc_lanes_fit){&path->fold[m].obj, &path->fold[m].pen};
  lc_lanes_job job = {.fit = fit,
                      .nfits = path->nfits,
                      .host = path->host,
                      .before = before,
                      .lambda = lambda,
                      .count = count,
                      .tolerance = path->settings->tolerance,
                      .keep = keep_solution,
                      .context = &own};
  lc_status status = lc_lanes_run(&job, solved);
  lc_arena_reset(arena, mark);
  return status;
}

/* The working set begins with what is not 0. */
static lc_status resume(lc_path_state *path, lc_fold *fold) {
  lc_objective *obj = &fold->obj;
  lc_mark mark = lc_arena_mark(&fold->arena);
  double *B = lc_arena_doubles(&fold->arena, obj->P);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, obj->at.B, (size_t)obj->P * sizeof *B);
  fold->pen.lambda = path->lambda;
  lc_status status = lc_objective_eval(obj, B, LC_WANT_VALUE);
  lc_arena_reset(&fold->arena, mark);
  LC_TRY(status);
  lc_objective_accept(obj);
  for (lc_index i = 0; i < obj->P; i++)
    if (obj->at.B[i] != 0) LC_TRY(lc_set_add(&fold->solver.set, i));
  lc_newton_forget(&fold->solver.newton);
  return lc_step_start(&fold->solver.step);
}

lc_status lc_folds_resume(lc_path_state *path, double lambda) {
  path->previous = INFINITY;
  path->lambda = lambda;
  for (lc_index m = 0; m < path->nfits; m++) LC_TRY(resume(path, path->fold + m));
  return LC_OK;
}
