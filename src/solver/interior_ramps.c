/* solver/interior_ramps.c - see solver/interior_ramps.h. */
#include "solver/interior_ramps.h"

#include <math.h>
#include <string.h>

/* ---- A'x and A d --------------------------------------------------------------------------------------- */

/* The score columns of a ramp: v = 1 + z_plus - z_minus, -1 where a class has none; with signs 1 + sign z_0. */
typedef struct ramp_scores {
  int plus, minus;
} ramp_scores;

static ramp_scores scores_of(const lc_interior *work, const lc_ramp_group *group, int column) {
  int base = work->obj->coding.base;
  if (group->own < 0) return (ramp_scores){0, -1};
  return (ramp_scores){column + (column >= group->own) - base, group->own - base};
}

static double sign_of(const lc_interior *work, lc_index i) { return work->obj->obs->y[i] > 0 ? -1 : 1; }

static lc_index row_of(const lc_ramp_group *group, lc_index i) { return group->rows.row ? group->rows.row[i] : i; }

typedef struct emission {
  const lc_interior *work;
  const lc_ramp_group *group;
  const double *x[2]; /* ramps each: R of as many columns as the group has */
  int count;
} emission;

static lc_status emit_block(void *context, const lc_block *block, double *sum) {
  const emission *wanted = context;
  const lc_ramp_group *group = wanted->group;
  (void)sum;
  const lc_interior *work = wanted->work;
  size_t bytes = (size_t)block->m * sizeof(double);
  for (int c = 0; c < work->columns; c++) {
    lc_index at = group->first + block->row0 + c * group->n;
    for (int v = 0; v < wanted->count; v++) {
      double *r = block->r + (v * work->columns + c) * block->ldr;
      memcpy(r, wanted->x[v] + at, bytes);
      for (int i = 0; group->own < 0 && i < block->m; i++) r[i] *= sign_of(work, block->row0 + i);
    }
    if (block->s) memcpy(block->s + c * block->ldr, work->theta + at, bytes);
  }
  return LC_OK;
}

/* to <- to + by from, q each. */
static void add(lc_index q, double by, const double *from, double *to) {
  for (lc_index j = 0; j < q; j++) to[j] += by * from[j];
}

/* Block of score columns a and b of H, += by times the packed matrix C. */
static void add_block(const lc_interior *work, double by, const double *C, int a, int b) {
  lc_index q = work->obj->q, P = work->P;
  if (a < 0 || b < 0) return;
  for (lc_index j = 0; j < q; j++)
    for (lc_index i = 0; i < q; i++)
      work->H[a * q + i + (b * q + j) * P] += by * C[i < j ? lc_packed_at(i, j) : lc_packed_at(j, i)];
}

/* What a group gave, part and C, into out and H. */
static void collect(const lc_interior *work, const emission *given, double *out) {
  lc_index q = work->obj->q;
  for (int c = 0; c < work->columns; c++) {
    ramp_scores at = scores_of(work, given->group, c);
    const double *C = work->C + c * lc_packed_size(q);
    for (int v = 0; v < given->count; v++) {
      const double *G = work->part + (v * work->columns + c) * q;
      if (at.plus >= 0) add(q, 1, G, out + v * work->P + at.plus * q);
      if (at.minus >= 0) add(q, -1, G, out + v * work->P + at.minus * q);
    }
    if (given->count == 1) continue;
    add_block(work, 1, C, at.plus, at.plus);
    add_block(work, 1, C, at.minus, at.minus);
    add_block(work, -1, C, at.plus, at.minus);
    add_block(work, -1, C, at.minus, at.plus);
  }
}

static void add_bends(const lc_interior *work, const double *x, double *out) {
  for (lc_index e = 0; e < work->nbends; e++) out[work->bends[e].at] += work->bends[e].sign * x[work->pairs + e];
}

lc_status lc_interior_multiply(lc_interior *work, const double *x, const double *other, double *out) {
  int count = other ? 2 : 1;
  memset(out, 0, (size_t)(work->P * count) * sizeof(double));
  if (other) memset(work->H, 0, (size_t)(work->P * work->P) * sizeof(double));
  for (int g = 0; g < work->ngroups; g++) {
    const lc_ramp_group *group = work->group + g;
    emission wanted = {work, group, {x, other}, count};
    lc_pass pass = {.K = count * work->columns,
                    .ns = other ? work->columns : 0,
                    .Z = work->scores,
                    .block = emit_block,
                    .context = &wanted,
                    .G = work->part,
                    .C = other ? work->C : NULL};
    LC_TRY(lc_objective_pass_part(work->obj, &group->rows, &pass));
    collect(work, &wanted, out);
  }
  add_bends(work, x, out);
  if (other) add_bends(work, other, out + work->P);
  return LC_OK;
}

lc_status lc_interior_move(lc_interior *work) {
  lc_index q = work->obj->q;
  for (int g = 0; g < work->ngroups; g++) {
    const lc_ramp_group *group = work->group + g;
    double *B = work->part, *dv = work->dv + group->first;
    memset(B, 0, (size_t)(q * work->columns) * sizeof(double));
    for (int c = 0; c < work->columns; c++) {
      ramp_scores at = scores_of(work, group, c);
      if (at.plus >= 0) add(q, 1, work->d + at.plus * q, B + c * q);
      if (at.minus >= 0) add(q, -1, work->d + at.minus * q, B + c * q);
    }
    lc_pass pass = {.K = work->columns, .B = B, .Z = dv};
    LC_TRY(lc_objective_pass_part(work->obj, &group->rows, &pass));
    for (lc_index i = 0; group->own < 0 && i < group->n; i++) dv[i] *= sign_of(work, i);
  }
  for (lc_index e = 0; e < work->nbends; e++)
    work->dv[work->pairs + e] = work->bends[e].sign * work->d[work->bends[e].at];
  return LC_OK;
}

void lc_interior_emit(const lc_interior *work, const double *x, double *R) {
  lc_index n = work->n;
  memset(R, 0, (size_t)(n * work->obj->K) * sizeof(double));
  for (int g = 0; g < work->ngroups; g++) {
    const lc_ramp_group *group = work->group + g;
    for (int c = 0; c < work->columns; c++) {
      ramp_scores at = scores_of(work, group, c);
      const double *a = x + group->first + c * group->n;
      for (lc_index i = 0; i < group->n; i++) {
        double *r = R + row_of(group, i), sign = group->own < 0 ? sign_of(work, i) : 1;
        if (at.plus >= 0) r[at.plus * n] += sign * a[i];
        if (at.minus >= 0) r[at.minus * n] -= a[i];
      }
    }
  }
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
  if (!lc_coding_symmetric(&obj->coding)) return;
  lc_index last = (obj->K - 1) * obj->q;
  if (pen->intercept) work->held[last] = 1;
  for (lc_index j = 0; j < pen->p; j++)
    if (!pen->lower && !(lc_penalty_l1(pen, j) + lc_penalty_l2(pen, j) > 0)) work->held[last + pen->intercept + j] = 1;
}

void lc_interior_describe(lc_interior *work, const lc_report *report) {
  const lc_objective *obj = work->obj;
  const lc_obs *obs = obj->obs;
  for (int g = 0; g < work->ngroups; g++) {
    const lc_ramp_group *group = work->group + g;
    for (lc_index e = 0; e < group->n * work->columns; e++) {
      lc_index i = row_of(group, e % group->n);
      int counts = group->own < 0 || (int)obs->y[i] == group->own;
      work->cost[group->first + e] = counts ? lc_obs_weight(obs, i) : 0;
    }
  }
  memset(work->held, 0, (size_t)work->P);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->pen->p; j++) describe_slope(work, c, j);
  hold_flat(work);
  for (lc_index i = 0; report->alias && i < work->P; i++) work->held[i] |= report->alias[i % obj->q];
  work->ramps = work->pairs + work->nbends;
  for (lc_index e = 0; e < work->ramps; e++) work->count += work->cost[e] > 0;
}

static lc_status make_groups(lc_interior *work) {
  lc_objective *obj = work->obj;
  const lc_coding *coding = &obj->coding;
  int many = !coding->vector, k = many ? coding->k : 1;
  work->columns = many ? k - 1 : 1;
  work->group = lc_arena_alloc(obj->arena, k, sizeof *work->group);
  if (!work->group) return LC_OUT_OF_MEMORY;
  for (int y = 0; y < k; y++) {
    lc_ramp_group group = {lc_objective_all_rows(obj), 0, work->pairs, many ? y : -1};
    if (many) LC_TRY(lc_objective_class_rows(obj, y, &group.rows));
    group.n = group.rows.x->n;
    if (group.n == 0) continue;
    work->pairs += group.n * work->columns;
    work->group[work->ngroups++] = group;
  }
  return LC_OK;
}

lc_status lc_interior_allocate(lc_interior *work) {
  lc_objective *obj = work->obj;
  lc_arena *arena = obj->arena;
  LC_TRY(make_groups(work));
  lc_index P = work->P, most = work->pairs + 3 * P, largest = 0, columns = work->columns;
  for (int g = 0; g < work->ngroups; g++) largest = lc_max(largest, work->group[g].n);
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
  work->scores = lc_arena_zeros(arena, 2 * largest * columns);
  work->part = lc_arena_doubles(arena, 2 * obj->q * columns);
  work->C = lc_arena_doubles(arena, lc_packed_size(obj->q) * columns);
  work->H = lc_arena_doubles(arena, P * P);
  work->factor = lc_arena_doubles(arena, P * P);
  work->skip = lc_arena_alloc(arena, P, 1);
  work->held = lc_arena_alloc(arena, P, 1);
  if (!work->Aa || !work->bends || !work->scores || !work->part || !work->C) return LC_OUT_OF_MEMORY;
  work->rhs = work->Aa + P;
  return work->H && work->factor && work->skip && work->held ? LC_OK : LC_OUT_OF_MEMORY;
}

void lc_interior_violations(lc_interior *work) {
  const double *z = work->obj->at.Z;
  lc_index n = work->n;
  for (int g = 0; g < work->ngroups; g++) {
    const lc_ramp_group *group = work->group + g;
    for (int c = 0; c < work->columns; c++) {
      ramp_scores at = scores_of(work, group, c);
      double *v = work->v + group->first + c * group->n;
      for (lc_index i = 0; i < group->n; i++) {
        const double *score = z + row_of(group, i);
        double sign = group->own < 0 ? sign_of(work, i) : 1;
        v[i] = 1 + (at.plus >= 0 ? sign * score[at.plus * n] : 0) - (at.minus >= 0 ? score[at.minus * n] : 0);
      }
    }
  }
  for (lc_index e = 0; e < work->nbends; e++)
    work->v[work->pairs + e] = work->bends[e].sign * (work->b[work->bends[e].at] - work->bends[e].knot);
}
