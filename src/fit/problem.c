/* fit/problem.c - see fit/problem.h. */
#include "fit/problem.h"

#include <string.h>

lc_status lc_solution_make(const lc_problem *problem, int K, lc_arena *arena, lc_solution *out) {
  lc_index q = lc_design_q(problem->x);
  out->K = K;
  out->B = lc_arena_zeros(arena, q * K);
  out->alias = lc_arena_alloc(arena, q, 1);
  out->report.class_rows = lc_arena_zeros(arena, problem->k);
  if (!out->B || !out->alias || !out->report.class_rows) return LC_OUT_OF_MEMORY;
  memset(out->alias, 0, (size_t)q);
  return LC_OK;
}
