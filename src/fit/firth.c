/* fit/firth.c - what a fit with Jeffreys' penalty reports beside others. */
#include <math.h>

#include "fit/fit.h"

lc_status lc_certify_own(const lc_objective *obj, const lc_report *report, lc_certificate *out) {
  out->kind = LC_DECREMENT;
  out->gap = report->decrement;
  out->relative = report->decrement / fmax(obj->at.loss, 1e-3 * obj->null_value);
  out->kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
  return LC_OK;
}

/* det(T' I T) = det(T)^2 det(I) for the map T of each score's coefficients: scales of columns, and the factor R of a
 * basis. Shifts have determinant 1. */
double lc_solve_jeffreys(const lc_problem *problem, const lc_solution *solution) {
  const lc_design *x = problem->x;
  const lc_basis *basis = &solution->basis;
  double map = 0;
  for (lc_index i = 0; basis->needed && i < basis->r; i++) map += log(fabs(basis->R[lc_packed_at(i, i)]));
  for (lc_index j = 0; x->scale && j < x->p; j++)
    if (!solution->alias[x->intercept + j]) map -= log(x->scale[j]);
  return solution->report.log_det / 2 + solution->K * map;
}
