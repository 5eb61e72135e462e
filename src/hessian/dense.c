/* hessian/dense.c - see hessian/dense.h. */
#include "hessian/dense.h"

#include <math.h>
#include <string.h>

double lc_curvature_cost(lc_index q, int K, int ns) {
  return 1 + 0.09 * (double)lc_packed_size(q) * ns / (0.5 * (double)q + 6 * K);
}

void lc_scaled_hessian(const lc_objective *obj, const unsigned char *alias, double *H, double *scale) {
  lc_index P = obj->P;
  lc_objective_hessian(obj, 1, H);
  for (lc_index i = 0; i < P; i++) {
    double h = H[i * (P + 1)];
    int aliased = alias && alias[i % obj->q];
    scale[i] = h > 0 && !aliased ? 1 / sqrt(h) : 0;
  }
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) H[i + j * P] *= scale[i] * scale[j];
}

lc_status lc_factor_allocate(lc_index P, lc_factor *out, lc_arena *arena) {
  out->U = lc_arena_doubles(arena, P * P);
  out->scale = lc_arena_doubles(arena, P);
  out->skip = lc_arena_alloc(arena, P, 1);
  out->flat = P;
  out->condition = NAN;
  out->ready = 0;
  return out->U && out->scale && out->skip ? LC_OK : LC_OUT_OF_MEMORY;
}

void lc_factor_copy(lc_index P, const lc_factor *from, lc_factor *to) {
  memcpy(to->U, from->U, (size_t)(P * P) * sizeof(double));
  memcpy(to->scale, from->scale, (size_t)P * sizeof(double));
  memcpy(to->skip, from->skip, (size_t)P);
  to->flat = from->flat;
  to->condition = from->condition;
  to->ready = 1;
}
