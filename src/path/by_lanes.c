/* path/by_lanes.c - many lambdas of one fit at once (lanes/lanes.h), and the way back to one after the other. */
#include <math.h>
#include <string.h>

#include "fit/scaling.h"
#include "lanes/lanes.h"
#include "path/folds.h"

/* Folds go down in step, one lambda after the other, and a limit on steps is one for each lambda. */
int lc_folds_suit_lanes(const lc_path_state *path, double before, const double *lambda, lc_index count) {
  return path->nfits == 1 && isnan(path->settings->max_iter) && path->settings->tolerance > 0 &&
         lc_lanes_suit(&path->fold->obj, before, lambda, count);
}

typedef struct keeper {
  lc_path_state *path;
  lc_folds_keep keep;
  void *context;
} keeper;

static lc_status keep_solution(void *context, lc_index l, const lc_lanes_point *point) {
  const keeper *own = context;
  lc_fold *fold = own->path->fold;
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
                               .passes = obj->passes,
                               .met = 1};
  return own->keep(own->context, l);
}

lc_status lc_folds_lanes(lc_path_state *path, double before, const double *lambda, lc_index count, lc_folds_keep keep,
                         void *context, lc_index *solved) {
  lc_fold *fold = path->fold;
  keeper own = {path, keep, context};
  lc_lanes_job job = {.obj = &fold->obj,
                      .pen = &fold->pen,
                      .before = before,
                      .lambda = lambda,
                      .count = count,
                      .tolerance = path->settings->tolerance,
                      .keep = keep_solution,
                      .context = &own};
  return lc_lanes_run(&job, solved);
}

lc_status lc_folds_resume(lc_path_state *path, double lambda) {
  lc_fold *fold = path->fold;
  lc_objective *obj = &fold->obj;
  lc_mark mark = lc_arena_mark(&fold->arena);
  double *B = lc_arena_doubles(&fold->arena, obj->P);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, fold->B, (size_t)obj->P * sizeof *B);
  lc_scale_coef(path->problem->x, obj->K, B);
  fold->pen.lambda = lambda;
  lc_status status = lc_objective_eval(obj, B, LC_WANT_VALUE);
  lc_arena_reset(&fold->arena, mark);
  LC_TRY(status);
  lc_objective_accept(obj);
  for (lc_index i = 0; i < obj->P; i++)
    if (obj->at.B[i] != 0) LC_TRY(lc_set_add(&fold->solver.set, i));
  lc_newton_forget(&fold->solver.newton);
  LC_TRY(lc_step_start(&fold->solver.step));
  path->previous = INFINITY;
  path->lambda = lambda;
  return LC_OK;
}
