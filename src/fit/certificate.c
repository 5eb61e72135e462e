/* fit/certificate.c - how far from the optimum a fit is. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "fit/fit.h"

/* Coefficients that a bound holds, from which the objective rises, leave the quadratic model. */
static void hold_at_bounds(const lc_objective *obj, double *H, double *scale) {
  const lc_penalty *pen = obj->pen;
  if (!lc_penalty_has_bounds(pen)) return;
  for (lc_index i = 0; i < obj->P; i++) {
    lc_index j = i % obj->q - pen->intercept;
    double b = obj->at.B[i], g = obj->G[i];
    if (j < 0 || !((g >= 0 && b <= pen->lower[j]) || (g <= 0 && b >= pen->upper[j]))) continue;
    scale[i] = 0;
    for (lc_index l = 0; l < obj->P; l++) H[i + l * obj->P] = H[l + i * obj->P] = 0;
  }
}

/* Half the squared Newton decrement by one factor of the Hessian at `at` (known: it is there), and the condition; NaN
 * where the Newton step moves the scores of a row by more than 1: there the quadratic model, and with it the decrement,
 * says nothing (saturated rows have no curvature however wrong they are). */
static lc_status decrement_at(lc_objective *obj, int known, lc_report *report) {
  lc_index P = obj->P;
  /* Before the mark: the first evaluation with curvature allocates the objective's own C. */
  if (!known) LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_GRADIENT | LC_WANT_CURVATURE));
  lc_mark mark = lc_arena_mark(obj->arena);
  double *H = lc_arena_doubles(obj->arena, P * P), *d = lc_arena_doubles(obj->arena, 3 * P), moved = 0, smallest;
  double *class_rows = lc_arena_doubles(obj->arena, obj->coding.k);
  unsigned char *skip = lc_arena_alloc(obj->arena, P, 1);
  lc_status status = H && d && skip && class_rows ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    double *scale = d + P, *next = scale + P;
    lc_scaled_hessian(obj, report->alias, H, scale);
    hold_at_bounds(obj, H, scale);
    for (lc_index i = 0; i < P; i++) d[i] = obj->G[i] * scale[i];
    lc_cholesky(obj->host, P, H, 1e-13, skip, &smallest);
    lc_cholesky_solve(P, H, P, skip, d);
    report->condition = 1 / sqrt(smallest);
    report->decrement = 0;
    for (lc_index i = 0; i < P; i++) {
      report->decrement += 0.5 * obj->G[i] * scale[i] * d[i];
      next[i] = obj->at.B[i] - scale[i] * d[i];
    }
    status = lc_objective_eval(obj, next, LC_WANT_VALUE);
    if (status == LC_OK) status = lc_objective_separating_rows(obj, 1, &moved, class_rows);
    if (moved > 0) report->decrement = NAN;
  }
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* The same for an unpenalised fit with more columns than rows: in a basis of the columns. */
static lc_status decrement_in_basis(lc_objective *obj, double *out) {
  lc_arena *arena = obj->arena;
  lc_mark mark = lc_arena_mark(arena);
  lc_basis basis;
  lc_objective inner;
  lc_report inner_report = {0};
  unsigned char *alias = lc_arena_alloc(arena, obj->q, 1);
  lc_status status = alias ? lc_basis_build(obj->x, alias, &basis, arena) : LC_OUT_OF_MEMORY;
  if (status == LC_OK)
    status = lc_objective_init(&inner, &basis.design, obj->obs, obj->loss, &obj->coding, &basis.pen, 1, arena);
  if (status == LC_OK) status = lc_to_basis(&basis, obj->x, obj->K, obj->at.B, inner.at.B, arena);
  if (status == LC_OK) status = lc_objective_eval(&inner, inner.at.B, LC_WANT_VALUE);
  if (status == LC_OK) lc_objective_accept(&inner);
  if (status == LC_OK) status = decrement_at(&inner, 0, &inner_report);
  if (status == LC_OK) *out = inner_report.decrement;
  lc_arena_reset(arena, mark);
  return status;
}

/* The same with the second derivatives of a sample of rows at `at` and the gradient of all: its error is that of the
 * sample, a few percent. LC_UNSUPPORTED where the design gives no sample. Reads the sample. */
static lc_status decrement_by_sample(const lc_objective *obj, double *out) {
  enum { ROWS_PER_COLUMN = 50, LEAST_ROWS = 5000 };
  lc_arena *arena = obj->arena;
  lc_mark mark = lc_arena_mark(arena);
  lc_design sample;
  lc_obs sampled;
  lc_objective inner;
  lc_report report = {0};
  lc_status status =
      lc_design_sample(obj->x, obj->obs, lc_max(LEAST_ROWS, ROWS_PER_COLUMN * obj->q), &sample, &sampled, arena);
  if (status == LC_OK)
    status = lc_objective_init(&inner, &sample, &sampled, obj->loss, &obj->coding, obj->pen, 1, arena);
  if (status == LC_OK) status = lc_objective_eval(&inner, obj->at.B, LC_WANT_GRADIENT | LC_WANT_CURVATURE);
  if (status == LC_OK) {
    lc_objective_accept(&inner);
    memcpy(inner.G, obj->G, (size_t)obj->P * sizeof(double));
    status = decrement_at(&inner, 1, &report);
    *out = report.decrement;
  }
  lc_arena_reset(arena, mark);
  return status == LC_UNSUPPORTED ? LC_OK : status;
}

/* Half the squared Newton decrement, where P is moderate: report->decrement, or made here. `spent`: the fit ended with
 * its budget after so many reads; a Hessian that costs more than these is not made (0: it always is). */
static lc_status find_decrement(lc_objective *obj, int known, double spent, lc_report *report, lc_certificate *out) {
  out->kind = LC_DECREMENT;
  out->gap = report->decrement;
  if (!isnan(out->gap) || obj->P > LC_NEWTON_COEFFICIENTS) return LC_OK;
  if (spent > 0 && lc_curvature_cost(obj->q, obj->K, obj->ns) > spent) {
    out->kind = LC_SAMPLED_DECREMENT;
    return decrement_by_sample(obj, &out->gap);
  }
  LC_TRY(lc_is_n_below_p(obj) ? decrement_in_basis(obj, &report->decrement) : decrement_at(obj, known, report));
  out->gap = report->decrement;
  return LC_OK;
}

lc_status lc_certify(lc_objective *obj, int want, double spent, lc_report *report, lc_certificate *out) {
  int unconstrained = !lc_penalty_has_l1(obj->pen) && !lc_penalty_has_bounds(obj->pen);
  if (report->has_curvature) want = LC_WANT_GRADIENT;
  if (!report->evaluated || (want & LC_WANT_CURVATURE)) {
    LC_TRY(lc_objective_eval(obj, obj->at.B, want));
    lc_objective_accept(obj);
  }
  out->kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
  double kkt = out->kkt;
  LC_TRY(lc_objective_gap(obj, out));
  if (isnan(out->kkt)) out->kkt = kkt;
  if (obj->loss->flags & LC_SCALE_FREE) {
    LC_TRY(lc_objective_mistakes(obj, &report->mistakes));
    out->kind = LC_MISTAKES;
    out->gap = out->relative = report->mistakes;
    return LC_OK;
  }
  if (out->kind == LC_GAP || !unconstrained || !(obj->loss->flags & LC_CURVATURE)) return LC_OK;
  LC_TRY(find_decrement(obj, (want & LC_WANT_CURVATURE) != 0, spent, report, out));
  if (isnan(out->gap)) {
    out->kind = LC_KKT_ONLY;
    return LC_OK;
  }
  out->relative = out->gap / lc_objective_scale(obj);
  return LC_OK;
}

lc_status lc_certify_within_bounds(lc_objective *obj, lc_report *report, lc_certificate *out) {
  if (out->kind != LC_GAP || lc_penalty_has_l1(obj->pen) || !lc_penalty_has_bounds(obj->pen) ||
      !(obj->loss->flags & LC_CURVATURE) || obj->P > LC_NEWTON_COEFFICIENTS)
    return LC_OK;
  LC_TRY(decrement_at(obj, 0, report));
  double relative = report->decrement / lc_objective_scale(obj);
  if (!(relative < out->relative)) return LC_OK;
  out->kind = LC_DECREMENT;
  out->gap = report->decrement;
  out->relative = relative;
  return LC_OK;
}
