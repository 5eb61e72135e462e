/* fit/null.c - the loss that intercepts alone leave. */
#include <math.h>
#include <string.h>

#include "fit/fit.h"

/* A row for each class, with the weight of the class and no column. */
static lc_status solve_classes(const lc_problem *problem, const lc_host *host, lc_arena *arena, double *out) {
  int k = problem->k;
  double *y = lc_arena_zeros(arena, k), *w = lc_arena_zeros(arena, k), *none = lc_arena_zeros(arena, 1);
  if (!y || !w || !none) return LC_OUT_OF_MEMORY;
  for (int c = 0; c < k; c++) y[c] = c;
  lc_obs_class_totals(problem->obs, k, w);
  lc_obs obs = {.n = k, .y = y, .w = w};
  lc_design x;
  lc_design_dense(&x, k, 0, LC_DOUBLE, none);
  x.intercept = problem->x->intercept;
  lc_problem classes = {.obs = &obs, .x = &x, .loss = problem->loss, .k = k, .ovr = problem->ovr};
  classes.reference = problem->reference;
  classes.pen = (lc_penalty){.p = 0, .intercept = x.intercept, .l1 = none, .l2 = none};
  classes.mean = classes.sd = classes.max_abs = none;
  lc_settings settings = {0};
  lc_settings_preset(&settings, lc_control_fields, lc_control_field_count);
  for (int i = 0; i < lc_solver_count; i++)
    lc_settings_preset(&settings, lc_solvers[i]->fields, lc_solvers[i]->nfields);
  lc_host quiet = *host;
  quiet.record = NULL;
  lc_solution solution;
  LC_TRY(lc_solve(&classes, &settings, &quiet, arena, &solution));
  *out = solution.loss;
  return LC_OK;
}

lc_status lc_solve_null(const lc_problem *problem, const lc_host *host, lc_arena *arena, double *out) {
  *out = NAN;
  if (problem->obs->noffset || !(problem->loss->flags & LC_DUAL)) return LC_OK;
  lc_mark mark = lc_arena_mark(arena);
  lc_status status = solve_classes(problem, host, arena, out);
  lc_arena_reset(arena, mark);
  return status;
}
