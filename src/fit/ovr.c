/* fit/ovr.c - see fit/ovr.h. */
#include "fit/ovr.h"

#include <math.h>
#include <string.h>

typedef struct ovr_task {
  const lc_problem *problem;
  const lc_settings *settings;
  const lc_host *host;
  lc_arena *arena;
  lc_fit_function *fit;
  double *y, *unique_y; /* 1: rows of the class; those of the problem, and of its unique rows */
  double scale;         /* sum of max(F, 1e-3 F_null) */
} ovr_task;

static void mark_class(const lc_obs *obs, int c, double *y) {
  for (lc_index i = 0; i < obs->n; i++) y[i] = obs->y[i] == c;
}

/* The observations of class c against the rest: its column of the offsets. */
static lc_obs rows_of_class(const lc_obs *obs, int c, const double *y) {
  lc_obs out = *obs;
  out.y = y;
  if (obs->offset) {
    out.offset = obs->offset + c * obs->n;
    out.noffset = 1;
  }
  return out;
}

/* A whole is as certain as its least certain part. */
static lc_certificate_kind weaker(lc_certificate_kind a, lc_certificate_kind b) {
  static const int rank[] = {
      [LC_GAP] = 0, [LC_MISTAKES] = 1, [LC_DECREMENT] = 2, [LC_SAMPLED_DECREMENT] = 3, [LC_KKT_ONLY] = 4};
  return rank[a] >= rank[b] ? a : b;
}

static void add_solution(ovr_task *task, int c, lc_index q, const lc_solution *one, lc_solution *out) {
  lc_certificate *sum = &out->certificate;
  int first = c == 0;
  memcpy(out->B + c * q, one->B, (size_t)q * sizeof(double));
  for (lc_index i = 0; i < q; i++) out->alias[i] = (unsigned char)(out->alias[i] || one->alias[i]);
  out->objective += one->objective;
  out->loss += one->loss;
  sum->kind = first ? one->certificate.kind : weaker(sum->kind, one->certificate.kind);
  sum->gap += one->certificate.gap;
  sum->kkt = first ? one->certificate.kkt : fmax(sum->kkt, one->certificate.kkt);
  out->met = first ? one->met : out->met && one->met;
  out->status = out->status == LC_OK || lc_is_stop(one->status) ? one->status : out->status;
  out->solver = one->solver;
  out->reason = one->reason;
  out->goal = one->goal;
  out->weight_sum = one->weight_sum;
  out->passes = one->passes;
  out->report.iterations += one->report.iterations;
  out->report.mistakes += one->report.mistakes;
  out->report.condition = first ? one->report.condition : fmax(out->report.condition, one->report.condition);
  if (one->fitted) task->scale += fmax(one->objective, 1e-3 * one->fitted->null_value); /* NULL: interrupted */
}

static lc_status solve_class(ovr_task *task, int c, lc_solution *out) {
  const lc_problem *problem = task->problem;
  lc_index q = lc_design_q(problem->x);
  lc_problem two = *problem;
  lc_unique_rows unique;
  mark_class(problem->obs, c, task->y);
  lc_obs obs = rows_of_class(problem->obs, c, task->y);
  two.obs = &obs;
  if (problem->unique) {
    unique = *problem->unique;
    mark_class(&unique.obs, c, task->unique_y);
    unique.obs = rows_of_class(&problem->unique->obs, c, task->unique_y);
    two.unique = &unique;
  }
  two.k = 2;
  two.ovr = two.reference = 0;
  two.start = problem->start ? problem->start + c * q : NULL;
  two.recorded = c == 0 ? 0 : out->report.iterations + c; /* each class begins with a line of its start */
  two.passes = out->passes;
  lc_solution one;
  lc_mark mark = lc_arena_mark(task->arena);
  lc_status status = task->fit(&two, task->settings, task->host, task->arena, &one);
  if (status >= 0) add_solution(task, c, q, &one, out);
  lc_arena_reset(task->arena, mark);
  return status;
}

lc_status lc_solve_ovr(const lc_problem *problem, const lc_settings *settings, const lc_host *host, lc_arena *arena,
                       lc_fit_function *fit, lc_solution *out) {
  lc_index q = lc_design_q(problem->x), P = q * problem->k;
  memset(out, 0, sizeof *out);
  LC_TRY(lc_solution_make(problem, problem->k, arena, out));
  lc_settings set = *settings;
  set.from = NULL; /* a descent goes on from the coefficients of its class alone */
  ovr_task task = {.problem = problem, .settings = &set, .host = host, .arena = arena, .fit = fit};
  task.y = lc_arena_doubles(arena, problem->obs->n);
  task.unique_y = lc_arena_doubles(arena, problem->unique ? problem->unique->obs.n : 0);
  if (!task.y || !task.unique_y) return LC_OUT_OF_MEMORY;
  if (problem->start) memcpy(out->B, problem->start, (size_t)P * sizeof(double));
  out->report.decrement = NAN;
  int c = 0;
  for (; c < problem->k && !lc_is_stop(out->status); c++) {
    lc_status status = solve_class(&task, c, out);
    if (status < 0) return status;
  }
  lc_certificate *sum = &out->certificate;
  if (c < problem->k) { /* classes that were not begun */
    *sum = (lc_certificate){LC_KKT_ONLY, NAN, NAN, NAN};
    out->objective = out->loss = NAN;
    out->met = 0;
  }
  sum->relative = sum->kind == LC_MISTAKES ? sum->gap : sum->gap / task.scale;
  return out->status;
}
