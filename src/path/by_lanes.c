/* path/by_lanes.c - many lambdas of a fit at once (lanes/lanes.h), and the way back to one after the other. */
#include <math.h>
#include <string.h>

#include "fit/scaling.h"
#include "lanes/lanes.h"
#include "path/folds.h"
#include "threads/threads.h"

/* A limit on steps is one for each lambda, and lanes know none. */
int lc_folds_suit_lanes(const lc_path_state *path, double before, const double *lambda, lc_index count) {
  return isnan(path->settings->max_iter) && path->settings->tolerance > 0 &&
         lc_lanes_suit(&path->fold->obj, before, lambda, count);
}

/* Folds are solved one by one, on as many threads as there are, each of which has its own copy of the entries. */
typedef struct lane_folds {
  lc_path_state *path;
  double before;
  const double *lambda;
  lc_index count;
  lc_index free; /* rooms of the path from the first on that are not taken. Under the lock */
  lc_folds_keep keep;
  void *context;
  lc_index solved; /* for all folds that are done. Under the lock */
} lane_folds;

typedef struct keeper {
  const lane_folds *all;
  lc_fold *fold;
} keeper;

static lc_status keep_solution(void *context, lc_index l, const lc_lanes_point *point) {
  const keeper *own = context;
  const lane_folds *all = own->all;
  lc_fold *fold = own->fold;
  const lc_objective *obj = &fold->obj;
  memcpy(fold->B, obj->at.B, (size_t)obj->P * sizeof(double));
  if (!lc_unscale_coef(all->path->problem->x, obj->K, fold->B)) return LC_NONFINITE;
  lc_fold_list_support(fold);
  fold->Z = obj->at.Z;
  fold->outcome = (lc_outcome){.objective = obj->at.value,
                               .loss = obj->at.loss,
                               .gap = point->gap,
                               .relative = point->relative,
                               .kkt = point->kkt,
                               .iterations = point->iterations,
                               .passes = obj->passes,
                               .met = 1};
  lc_lock();
  lc_status status = all->keep(all->context, fold->number, l);
  lc_unlock();
  return status;
}

static lc_status solve_fold(void *context, lc_fold *fold) {
  lane_folds *all = context;
  keeper own = {all, fold};
  lc_index solved = 0;
  lc_lock();
  lc_arena room = all->path->lane_room[--all->free];
  lc_unlock();
  lc_lanes_job job = {.obj = &fold->obj,
                      .pen = &fold->pen,
                      .host = &fold->host,
                      .arena = &room,
                      .before = all->before,
                      .lambda = all->lambda,
                      .count = all->count,
                      .tolerance = all->path->settings->tolerance,
                      .keep = keep_solution,
                      .context = &own,
                      .scores = fold->number > 0,
                      .weights = all->path->fold->obj.weight_sum};
  lc_status status = lc_lanes_run(&job, &solved);
  lc_lock();
  all->path->lane_room[all->free++] = room;
  all->solved = lc_min(all->solved, solved);
  lc_unlock();
  return status;
}

lc_status lc_folds_lanes(lc_path_state *path, double before, const double *lambda, lc_index count, lc_folds_keep keep,
                         void *context, lc_index *solved) {
  lc_index rooms = lc_min(path->nfits, lc_max(1, path->host->threads));
  lane_folds all = {.path = path,
                    .before = before,
                    .lambda = lambda,
                    .count = count,
                    .free = rooms,
                    .keep = keep,
                    .context = context,
                    .solved = count};
  if (!path->lane_room) {
    path->lane_room = lc_arena_alloc(path->arena, rooms, sizeof *path->lane_room);
    if (!path->lane_room) return LC_OUT_OF_MEMORY;
    for (lc_index r = 0; r < rooms; r++) lc_arena_init(path->lane_room + r, &path->fold->host);
  }
  for (lc_index m = 0; m < path->nfits; m++) path->fold[m].pending = 1;
  /* One fit shares its rows among the threads. */
  lc_status status = path->nfits == 1 ? solve_fold(&all, path->fold) : lc_folds_each(path, solve_fold, &all);
  *solved = all.solved;
  return status;
}

/* The working set begins with what is not 0. */
static lc_status resume(lc_fold *fold) {
  lc_objective *obj = &fold->obj;
  lc_mark mark = lc_arena_mark(&fold->arena);
  double *B = lc_arena_doubles(&fold->arena, obj->P);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, obj->at.B, (size_t)obj->P * sizeof *B);
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
  for (lc_index m = 0; m < path->nfits; m++) LC_TRY(resume(path->fold + m));
  return LC_OK;
}
