/* fit/subsample.c - a start from a sample of rows. */
#include <math.h>
#include <string.h>

#include "fit/fit.h"

/* Fewer than 50 rows a coefficient make a poor start (measured); below `saving` samples' worth of rows it does not
 * pay. */
enum { ROWS_PER_COLUMN = 50, LEAST_ROWS = 5000, ROWS_PER_CLASS = 100, LEAST_OF_CLASS = 20, SAVING = 8 };

static lc_index sample_rows(const lc_objective *obj) {
  lc_index rows = lc_max(ROWS_PER_COLUMN * obj->q, LEAST_ROWS);
  return lc_max(rows, (lc_index)ROWS_PER_CLASS * obj->coding.k);
}

static int has_all_classes(const lc_obs *obs, int k, lc_arena *arena) {
  double *count = lc_arena_zeros(arena, k);
  if (!count) return 0;
  for (lc_index i = 0; i < obs->n; i++) count[(int)obs->y[i]] += lc_obs_weight(obs, i) > 0;
  for (int c = 0; c < k; c++)
    if (count[c] < LEAST_OF_CLASS) return 0;
  return 1;
}

lc_status lc_subsample_start(const lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                             lc_factor *factor) {
  lc_index rows = sample_rows(obj);
  factor->ready = 0;
  if (!obj->x->ops->subset || obj->x->n < SAVING * rows || !isnan(settings->max_iter)) return LC_OK;
  lc_arena *arena = obj->arena;
  LC_TRY(lc_factor_allocate(obj->P, factor, arena));
  lc_mark mark = lc_arena_mark(arena);
  lc_host quiet = *obj->host;
  quiet.record = NULL;
  lc_design sample;
  lc_obs sampled;
  lc_objective inner;
  lc_settings rough = *settings;
  rough.tolerance = 1e-2;
  rough.max_iter = 12;
  lc_report report = {.decrement = NAN, .class_rows = lc_arena_zeros(arena, obj->coding.k), .factor = factor};
  lc_status status =
      report.class_rows ? lc_design_sample(obj->x, obj->obs, rows, &sample, &sampled, arena) : LC_OUT_OF_MEMORY;
  if (status == LC_OK && has_all_classes(&sampled, obj->coding.k, arena)) {
    status = lc_objective_init(&inner, &sample, &sampled, obj->loss, &obj->coding, obj->pen, 1, arena);
    inner.host = &quiet;
    inner.mean = obj->mean;
    inner.rms = obj->rms;
    if (status == LC_OK) status = solver->run(&inner, &rough, B, &report);
    factor->ready = factor->ready && status == LC_OK;
    if (status == LC_OK) memcpy(B, inner.at.B, (size_t)obj->P * sizeof(double));
  }
  lc_arena_reset(arena, mark);
  /* Anything but an interrupt or a lack of memory only means: no better start. */
  return status == LC_OUT_OF_MEMORY || status == LC_INTERRUPTED || status == LC_TIME_LIMIT ? status : LC_OK;
}
