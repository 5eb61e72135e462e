/* fit/covariance.c - the covariance matrix of a fit. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "fit/fit.h"

/* Where the reported coefficients are among all of a fit with q coefficients a score: those of the score columns from
 * `first` on that are not aliased (NULL: none is). Returns their number. */
static lc_index places(lc_index q, int first, int K, const unsigned char *alias, lc_index *place) {
  lc_index count = 0;
  for (int c = first; c < K; c++)
    for (lc_index j = 0; j < q; j++)
      if (!alias || !alias[j]) place[count++] = c * q + j;
  return count;
}

/* Rows and columns `place` of H, with unit diagonal: A (size x size); root_i = sqrt(H_ii), 0 for none. */
static void scaled_block(lc_index P, const double *H, lc_index size, const lc_index *place, double *A, double *root) {
  for (lc_index i = 0; i < size; i++) {
    double h = H[place[i] * (P + 1)];
    root[i] = h > 0 ? sqrt(h) : 0;
  }
  for (lc_index j = 0; j < size; j++)
    for (lc_index i = 0; i < size; i++) {
      double both = root[i] * root[j];
      A[i + j * size] = both > 0 ? H[place[i] + place[j] * P] / both : 0;
    }
}

static void transpose(lc_index n, double *A) {
  for (lc_index j = 0; j < n; j++)
    for (lc_index i = 0; i < j; i++) {
      double swap = A[i + j * n];
      A[i + j * n] = A[j + i * n];
      A[j + i * n] = swap;
    }
}

/* V <- T V T', T the linear map of coefficients from the design of the inversion to the user's columns; full: q K. */
static void map_to_user(const lc_solution *solution, const lc_design *shown, int K, lc_index size,
                        const lc_index *place, double *full, double *V) {
  lc_index q = lc_design_q(shown);
  for (int side = 0; side < 2; side++) {
    for (lc_index j = 0; j < size; j++) {
      double *v = V + j * size;
      if (solution->basis.needed) {
        lc_from_basis(&solution->basis, K, v, full);
      } else {
        memset(full, 0, (size_t)(q * K) * sizeof(double));
        for (lc_index i = 0; i < size; i++) full[place[i]] = v[i];
      }
      lc_unscale_coef(shown, K, full);
      for (lc_index i = 0; i < size; i++) v[i] = full[place[i]];
    }
    transpose(size, V);
  }
}

/* V (size x size) = inverse of the scaled block of the Hessian. */
static lc_status invert(const lc_objective *obj, lc_index size, const lc_index *place, double *V) {
  lc_mark mark = lc_arena_mark(obj->arena);
  lc_index P = obj->P;
  double *H = lc_arena_doubles(obj->arena, P * P), *A = lc_arena_doubles(obj->arena, size * size);
  double *root = lc_arena_doubles(obj->arena, size);
  unsigned char *skip = lc_arena_alloc(obj->arena, size, 1);
  lc_status status = H && A && root && skip ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    lc_objective_hessian(obj, 0, H);
    scaled_block(P, H, size, place, A, root);
    lc_cholesky(obj->host, size, A, 1e-14, skip, NULL);
    memset(V, 0, (size_t)(size * size) * sizeof(double));
    for (lc_index j = 0; j < size; j++) V[j * (size + 1)] = skip[j] ? 0 : 1 / root[j];
    lc_cholesky_solve_columns(size, A, size, skip, size, V);
    for (lc_index j = 0; j < size; j++)
      for (lc_index i = 0; i < size; i++) V[i + j * size] = skip[i] ? 0 : V[i + j * size] / root[i] / obj->weight_sum;
    status = lc_poll(obj->host);
  }
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* The curvature at the solution in centred columns, where it is better conditioned. */
static lc_status evaluate(const lc_problem *problem, const lc_solution *solution, lc_arena *arena, lc_design *shown,
                          lc_objective *obj) {
  lc_coding coding;
  LC_TRY(lc_coding_make(problem->loss, problem->k, problem->reference, &coding));
  *shown = *solution->x;
  double *shift = lc_arena_doubles(arena, shown->p);
  if (!shift) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < shown->p; j++) shift[j] = lc_design_may_shift(shown, j) ? problem->mean[j] : 0;
  if (shown->intercept) shown->shift = shift;
  lc_index q = lc_design_q(shown);
  double *B = lc_arena_doubles(arena, q * coding.K);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, solution->B, (size_t)(q * coding.K) * sizeof(double));
  lc_scale_coef(shown, coding.K, B);
  LC_TRY(lc_objective_init(obj, shown, solution->obs, problem->loss, &coding, &solution->pen, 0, arena));
  return lc_objective_eval(obj, B, LC_WANT_GRADIENT | LC_WANT_CURVATURE);
}

/* Twice the log-likelihood that is missing to the maximum is the squared distance from it in standard errors. */
static int is_near(const lc_solution *solution) {
  const double near = 0.1;
  return solution->status != LC_BUDGET || 2 * solution->weight_sum * solution->certificate.gap <= near * near;
}

lc_status lc_solve_covariance(const lc_problem *problem, const lc_solution *solution, lc_arena *arena, double **V,
                              lc_index *size) {
  const double harmless = 300; /* condition of the columns up to which their own Hessian keeps eight digits and more */
  if (!is_near(solution)) return LC_UNSUPPORTED;
  lc_design shown = *solution->x;
  lc_objective own, *obj = solution->fitted;
  int based = solution->basis.needed;
  if (!based && !(solution->has_curvature && solution->report.condition <= harmless)) {
    LC_TRY(evaluate(problem, solution, arena, &shown, &own));
    obj = &own;
  } else if (!solution->has_curvature) {
    LC_TRY(lc_objective_eval(obj, obj->at.B, LC_WANT_GRADIENT | LC_WANT_CURVATURE));
  }
  int symmetric = lc_coding_symmetric(&obj->coding), K = obj->K - symmetric;
  lc_index q = lc_design_q(&shown);
  lc_index *inner = lc_arena_alloc(arena, obj->P, sizeof *inner), *outer = lc_arena_alloc(arena, q * K, sizeof *outer);
  double *full = lc_arena_doubles(arena, q * K);
  if (!inner || !outer || !full) return LC_OUT_OF_MEMORY;
  *size = places(q, 0, K, solution->alias, outer);
  places(obj->q, symmetric, obj->K, based ? NULL : solution->alias, inner);
  *V = lc_arena_doubles(arena, *size * *size);
  if (!*V) return LC_OUT_OF_MEMORY;
  LC_TRY(invert(obj, *size, inner, *V));
  map_to_user(solution, &shown, K, *size, outer, full, *V);
  return LC_OK;
}
