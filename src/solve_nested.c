/* solve_nested.c - a start from a sample of rows. */
#include <math.h>
#include <string.h>

#include "random.h"
#include "solve.h"

/* Fewer than 50 rows a coefficient make a poor start (measured); below `saving` samples' worth of rows it does not
 * pay. */
enum { RUN = 64, ROWS_PER_COLUMN = 50, LEAST_ROWS = 5000, ROWS_PER_CLASS = 100, LEAST_OF_CLASS = 20, SAVING = 8 };

static lc_index sample_runs(const lc_objective *obj) {
  lc_index rows = lc_max(ROWS_PER_COLUMN * obj->q, LEAST_ROWS);
  rows = lc_max(rows, (lc_index)ROWS_PER_CLASS * obj->link.k);
  return (rows + RUN - 1) / RUN;
}

/* One run at a random place of each of `count` equal stretches of rows: sorted data are covered evenly. */
static void place_runs(lc_index n, lc_index count, lc_index *first) {
  lc_random random = lc_random_stream(20240229, 0);
  for (lc_index r = 0; r < count; r++) {
    lc_index from = (lc_index)((double)n * (double)r / (double)count);
    lc_index to = (lc_index)((double)n * (double)(r + 1) / (double)count) - RUN;
    first[r] = lc_min(n - RUN, from + lc_random_below(&random, lc_max(1, to - from + 1)));
  }
}

static int has_all_classes(const lc_design *x, int k, lc_arena *arena) {
  double *count = lc_arena_zeros(arena, k);
  if (!count) return 0;
  for (lc_index i = 0; i < x->n; i++) count[(int)x->y[i]] += !x->w || x->w[i] > 0;
  for (int c = 0; c < k; c++)
    if (count[c] < LEAST_OF_CLASS) return 0;
  return 1;
}

lc_status lc_solve_nested(const lc_objective *obj, const lc_solver *solver, const lc_settings *settings, double *B,
                          lc_factor *factor) {
  lc_index count = sample_runs(obj), n = obj->x->n;
  factor->ready = 0;
  if (!obj->x->ops->subset || obj->x->start || n < SAVING * count * RUN || !isnan(settings->max_iter)) return LC_OK;
  lc_arena *arena = obj->arena;
  LC_TRY(lc_factor_allocate(obj->P, factor, arena));
  lc_mark mark = lc_arena_mark(arena);
  lc_host quiet = *obj->host;
  quiet.record = NULL;
  lc_design sample;
  lc_objective inner;
  lc_settings rough = *settings;
  rough.tolerance = 1e-2;
  rough.max_iter = 12;
  lc_report report = {.decrement = NAN, .class_rows = lc_arena_zeros(arena, obj->link.k), .factor = factor};
  lc_index *first = lc_arena_alloc(arena, count, sizeof *first);
  lc_status status = first && report.class_rows ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    place_runs(n, count, first);
    status = obj->x->ops->subset(obj->x, count, first, RUN, &sample, arena);
  }
  if (status == LC_OK && has_all_classes(&sample, obj->link.k, arena)) {
    status = lc_objective_init(&inner, &sample, obj->loss, &obj->link, obj->pen, 1, &quiet, arena);
    inner.rms = obj->rms;
    if (status == LC_OK) status = solver->run(&inner, &rough, B, &report);
    factor->ready = factor->ready && status == LC_OK;
    if (status == LC_OK) memcpy(B, inner.at.B, (size_t)obj->P * sizeof(double));
  }
  lc_arena_reset(arena, mark);
  /* Anything but an interrupt or a lack of memory only means: no better start. */
  return status == LC_OUT_OF_MEMORY || status == LC_INTERRUPTED || status == LC_TIME_LIMIT ? status : LC_OK;
}
