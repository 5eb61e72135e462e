/* solver/interior_ramps.c - see solver/interior_ramps.h. */
#include "solver/interior_ramps.h"

#include <math.h>
#include <string.h>

/* ---- A'x and A d --------------------------------------------------------------------------------------- */

typedef struct emission {
  const lc_interior *work;
  const double *x[2]; /* ramps each: R of K score columns each */
  int count;
} emission;

void lc_interior_emit(const lc_interior *work, const lc_block *block, const double *x, double *r) {
  const lc_objective *obj = work->obj;
  const lc_coding *coding = &obj->coding;
  const double *y = obj->obs->y + block->row0;
  x += block->row0;
  if (coding->vector) {
    for (int i = 0; i < block->m; i++) r[i] = y[i] > 0 ? -x[i] : x[i];
    return;
  }
  for (int c = 0; c < obj->K; c++)
    memcpy(r + c * block->ldr, x + (c + coding->base) * work->n, (size_t)block->m * sizeof *x);
  for (int i = 0; i < block->m; i++) {
    double sum = 0;
    int own = (int)y[i];
    for (int j = 0; j < work->columns; j++)
      if (j != own) sum += x[i + j * work->n];
    if (own >= coding->base) r[i + (own - coding->base) * block->ldr] = -sum;
  }
}

/* S: Theta of the pairs, (e_j - e_y)(e_j - e_y)' each. */
static void emit_curvature(const lc_interior *work, const lc_block *block) {
  const lc_coding *coding = &work->obj->coding;
  const double *y = work->obj->obs->y + block->row0, *theta = work->theta + block->row0;
  if (coding->vector) {
    memcpy(block->s, theta, (size_t)block->m * sizeof *theta);
    return;
  }
  for (int s = 0; s < work->obj->ns; s++) memset(block->s + s * block->ldr, 0, (size_t)block->m * sizeof(double));
  for (int i = 0; i < block->m; i++) {
    int own = (int)y[i] - coding->base;
    double *s = block->s + i, sum = 0;
    for (int c = -coding->base; c < work->obj->K; c++) {
      if (c == own) continue;
      double t = theta[i + (c + coding->base) * work->n];
      sum += t;
      if (c < 0) continue;
      s[lc_packed_at(c, c) * block->ldr] = t;
      if (own >= 0) s[lc_packed_at(c < own ? c : own, c < own ? own : c) * block->ldr] = -t;
    }
    if (own >= 0) s[lc_packed_at(own, own) * block->ldr] = sum;
  }
}

static lc_status emit_block(void *context, const lc_block *block, double *sum) {
  const emission *wanted = context;
  (void)sum;
  for (int v = 0; v < wanted->count; v++)
    lc_interior_emit(wanted->work, block, wanted->x[v], block->r + v * wanted->work->obj->K * block->ldr);
  if (block->s) emit_curvature(wanted->work, block);
  return LC_OK;
}

static void add_bends(const lc_interior *work, const double *x, double *out) {
  for (lc_index e = 0; e < work->nbends; e++) out[work->bends[e].at] += work->bends[e].sign * x[work->pairs + e];
}

lc_status lc_interior_multiply(lc_interior *work, const double *x, const double *other, double *out) {
  lc_objective *obj = work->obj;
  emission wanted = {work, {x, other}, other ? 2 : 1};
  lc_pass pass = {.K = wanted.count * obj->K,
                  .ns = other ? obj->ns : 0,
                  .Z = work->scores,
                  .block = emit_block,
                  .context = &wanted,
                  .G = out,
                  .C = other ? obj->C : NULL};
  LC_TRY(lc_objective_pass(obj, &pass));
  add_bends(work, x, out);
  if (other) add_bends(work, other, out + work->P);
  return LC_OK;
}

lc_status lc_interior_move(lc_interior *work) {
  lc_objective *obj = work->obj;
  const lc_coding *coding = &obj->coding;
  lc_index n = work->n;
  lc_pass pass = {.K = obj->K, .B = work->d, .Z = work->scores};
  LC_TRY(lc_objective_pass(obj, &pass));
  const double *y = obj->obs->y, *z = work->scores;
  for (lc_index i = 0; i < n; i++) {
    double own = coding->vector ? 0 : lc_coding_score(coding, z + i, n, (int)y[i]);
    for (int j = 0; j < work->columns; j++)
      work->dv[i + j * n] = coding->vector ? (y[i] > 0 ? -z[i] : z[i]) : lc_coding_score(coding, z + i, n, j) - own;
  }
  for (lc_index e = 0; e < work->nbends; e++)
    work->dv[work->pairs + e] = work->bends[e].sign * work->d[work->bends[e].at];
  return LC_OK;
}

/* ---- the problem --------------------------------------------------------------------------------------- */

static void add_bend(lc_interior *work, lc_index at, double sign, double knot, double cost) {
  lc_index e = work->nbends++;
  work->bends[e] = (lc_bend){at, sign, knot};
  work->cost[work->pairs + e] = cost;
}

/* More than any multiplier of a bound: the loss's gradient is below (k - 1) times the root mean square of the column.
 */
static double bound_cost(const lc_objective *obj, lc_index j, double bound) {
  const double safe = 10;
  double loss = (obj->coding.k - 1) * lc_objective_rms(obj, j);
  return safe * obj->weight_sum * (loss + lc_penalty_l1(obj->pen, j) + lc_penalty_l2(obj->pen, j) * fabs(bound));
}

/* Penalty and bounds of slope j in score column c. A slope between equal bounds is held. */
static void describe_slope(lc_interior *work, int c, lc_index j) {
  const lc_objective *obj = work->obj;
  const lc_penalty *pen = obj->pen;
  lc_index i = c * obj->q + pen->intercept + j;
  double W = obj->weight_sum, l1 = W * lc_penalty_l1(pen, j);
  work->ridge[i] = W * lc_penalty_l2(pen, j);
  work->linear[i] = -l1;
  if (pen->lower && pen->lower[j] == pen->upper[j]) {
    work->held[i] = 1;
    return;
  }
  if (l1 > 0) add_bend(work, i, 1, 0, 2 * l1);
  if (!pen->lower) return;
  double near = 0.1 / lc_objective_rms(obj, j), width = pen->upper[j] - pen->lower[j];
  near = lc_smaller(near, 0.25 * width); /* the start is within the bounds */
  work->b[i] = lc_smaller(lc_larger(work->b[i], pen->lower[j] + near), pen->upper[j] - near);
  if (isfinite(pen->upper[j])) add_bend(work, i, 1, pen->upper[j], bound_cost(obj, j, pen->upper[j]));
  if (isfinite(pen->lower[j])) add_bend(work, i, -1, pen->lower[j], bound_cost(obj, j, pen->lower[j]));
}

/* Symmetric scores: a shift that all classes share and no penalty sees is a flat direction. The last class stays. */
static void hold_flat(lc_interior *work) {
  const lc_objective *obj = work->obj;
  const lc_penalty *pen = obj->pen;
  if (obj->coding.vector || obj->coding.base) return;
  lc_index last = (obj->K - 1) * obj->q;
  if (pen->intercept) work->held[last] = 1;
  for (lc_index j = 0; j < pen->p; j++)
    if (!pen->lower && !(lc_penalty_l1(pen, j) + lc_penalty_l2(pen, j) > 0)) work->held[last + pen->intercept + j] = 1;
}

void lc_interior_describe(lc_interior *work, const lc_report *report) {
  const lc_objective *obj = work->obj;
  const lc_obs *obs = obj->obs;
  for (lc_index i = 0; i < work->n; i++)
    for (int j = 0; j < work->columns; j++) {
      int own = !obj->coding.vector && j == (int)obs->y[i];
      work->cost[i + j * work->n] = own ? 0 : lc_obs_weight(obs, i);
    }
  memset(work->held, 0, (size_t)work->P);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->pen->p; j++) describe_slope(work, c, j);
  hold_flat(work);
  for (lc_index i = 0; report->alias && i < work->P; i++) work->held[i] |= report->alias[i % obj->q];
  work->ramps = work->pairs + work->nbends;
  for (lc_index e = 0; e < work->ramps; e++) work->count += work->cost[e] > 0;
}

lc_status lc_interior_allocate(lc_interior *work) {
  lc_objective *obj = work->obj;
  lc_arena *arena = obj->arena;
  lc_index P = work->P, most = work->pairs + 3 * P, packed = lc_packed_size(obj->q) * obj->ns;
  double **ramps[] = {&work->cost,   &work->a,   &work->z,       &work->u,      &work->v,
                      &work->theta,  &work->dv,  &work->x,       &work->first,  &work->second,
                      &work->best_a, work->kept, work->kept + 1, work->kept + 2};
  double **coefficients[] = {&work->linear, &work->ridge,  &work->b,     &work->d,
                             &work->scale,  &work->best_b, &work->kept_d};
  for (size_t r = 0; r < sizeof ramps / sizeof *ramps; r++)
    if (!(*ramps[r] = lc_arena_zeros(arena, most))) return LC_OUT_OF_MEMORY;
  for (size_t r = 0; r < sizeof coefficients / sizeof *coefficients; r++)
    if (!(*coefficients[r] = lc_arena_zeros(arena, P))) return LC_OUT_OF_MEMORY;
  work->Aa = lc_arena_doubles(arena, 2 * P);
  work->bends = lc_arena_alloc(arena, 3 * P, sizeof *work->bends);
  work->scores = lc_arena_zeros(arena, 2 * work->n * obj->K);
  work->H = lc_arena_doubles(arena, P * P);
  work->factor = lc_arena_doubles(arena, P * P);
  work->skip = lc_arena_alloc(arena, P, 1);
  work->held = lc_arena_alloc(arena, P, 1);
  if (!obj->C) obj->C = lc_arena_doubles(arena, packed);
  if (!work->Aa || !work->bends || !work->scores || !work->H || !work->factor || !work->skip) return LC_OUT_OF_MEMORY;
  work->rhs = work->Aa + P;
  return work->held && obj->C ? LC_OK : LC_OUT_OF_MEMORY;
}

void lc_interior_violations(lc_interior *work) {
  const lc_objective *obj = work->obj;
  const lc_coding *coding = &obj->coding;
  const double *y = obj->obs->y, *z = obj->at.Z;
  for (lc_index i = 0; i < work->n; i++) {
    double own = coding->vector ? 0 : lc_coding_score(coding, z + i, work->n, (int)y[i]);
    for (int j = 0; j < work->columns; j++)
      work->v[i + j * work->n] =
          1 + (coding->vector ? (y[i] > 0 ? -z[i] : z[i]) : lc_coding_score(coding, z + i, work->n, j) - own);
  }
  for (lc_index e = 0; e < work->nbends; e++)
    work->v[work->pairs + e] = work->bends[e].sign * (work->b[work->bends[e].at] - work->bends[e].knot);
}
