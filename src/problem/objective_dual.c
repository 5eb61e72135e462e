/* problem/objective_dual.c - the duality gap of a point.
 *
 * For residuals R with every row in the domain of the conjugate,
 *   D(R) = (1/W) sum_i w_i [ off_i'r_i - loss*(r_i) ] - sum over slopes P*(-x_j'R / W)  <=  F*
 * whenever the intercepts' gradients sum_i w_i r_i vanish. R is the derivative of the loss at the point, scaled:
 * row i by s of its class, so that the intercepts' gradients vanish, and all by one t <= 1, so that P* is finite.
 * Both keep r_i in its domain, which is convex and holds 0. */
#include <math.h>
#include <string.h>

#include "problem/objective.h"
#include "problem/tasks.h"

lc_status lc_flows_task(void *context, const lc_block *block, double *sum) {
  const lc_task_context *gap = context;
  const lc_coding *coding = &gap->obj->coding;
  double scratch[LC_SCRATCH];
  int most = LC_SCRATCH / coding->K;
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    const double *r = gap->R ? gap->R + block->row0 + i0 : scratch;
    lc_index ld = gap->R ? gap->obj->x->n : m;
    if (!gap->R) {
      lc_loss_block rows = {.m = m, .z = block->z + i0, .y = block->y + i0, .r = scratch, .ldz = block->ld, .ldr = m};
      gap->obj->loss->rows(coding, &rows);
    }
    for (int i = 0; i < m; i++) {
      int own = (int)block->y[i0 + i];
      double *to = sum + own * coding->k, base = 0, w = gap->R ? 1 : lc_block_weight(block, i0 + i);
      if (coding->vector) {
        to[1 - own] += w * fabs(r[i]);
        continue;
      }
      for (int c = 0; c < coding->K; c++) {
        base -= r[i + c * ld];
        if (c + coding->base != own) to[c + coding->base] += w * r[i + c * ld];
      }
      if (coding->base && own != 0) to[0] += w * base;
    }
  }
  return LC_OK;
}

/* s > 0 with  sum_{y != c} A[c, y] s_y = s_c sum_{c' != c} A[c', c]  for every c: the stationary vector of a
 * Markov chain with rates A, by the elimination of Grassmann, Taksar and Heyman (1985), which never subtracts.
 * Largest entry 1. Returns 0 when a class has no flow at all, or takes in and gives nothing, as one without rows does
 * (then s = 1 everywhere). A is destroyed. */
static int stationary(int k, double *A, double *s) {
  for (int c = 0; c < k; c++) s[c] = 1;
  for (int last = k - 1; last > 0; last--) {
    double out = 0;
    for (int c = 0; c < last; c++) out += A[c + last * k];
    if (!(out > 0)) return 0;
    for (int y = 0; y < last; y++) {
      A[last + y * k] /= out;
      for (int c = 0; c < last; c++)
        if (c != y) A[c + y * k] += A[last + y * k] * A[c + last * k];
    }
  }
  double most = 1;
  int all = 1;
  for (int c = 1; c < k; c++) {
    s[c] = 0;
    for (int y = 0; y < c; y++) s[c] += A[c + y * k] * s[y];
    most = fmax(most, s[c]);
    all &= s[c] > 0;
  }
  for (int c = 0; c < k; c++) s[c] = all ? s[c] / most : 1;
  return all;
}

lc_status lc_residuals_task(void *context, const lc_block *block, double *sum) {
  const lc_task_context *gap = context;
  const lc_objective *obj = gap->obj;
  (void)sum;
  lc_loss_block rows = {
      .m = block->m, .z = block->z, .y = block->y, .r = block->r, .ldz = block->ld, .ldr = block->ldr};
  obj->loss->rows(&obj->coding, &rows);
  for (int c = 0; c < obj->K; c++)
    for (int i = 0; i < block->m; i++)
      block->r[i + c * block->ldr] *= gap->s[(int)block->y[i]] * lc_block_weight(block, i);
  return LC_OK;
}

/* R as it is known, for X'R. */
static lc_status known_block(void *context, const lc_block *block, double *sum) {
  const lc_task_context *gap = context;
  (void)sum;
  for (int c = 0; c < gap->obj->K; c++)
    memcpy(block->r + c * block->ldr, gap->R + block->row0 + c * gap->obj->x->n, (size_t)block->m * sizeof(double));
  return LC_OK;
}

lc_status lc_dual_task(void *context, const lc_block *block, double *sum) {
  const lc_task_context *gap = context;
  const lc_objective *obj = gap->obj;
  lc_coding exact = obj->coding;
  exact.mu = 0;
  double r[LC_SCRATCH], value[LC_SCRATCH];
  int most = LC_SCRATCH / obj->K;
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    int apart = gap->R || obj->coding.mu != 0; /* derivatives are not those of the exact loss */
    lc_loss_block rows = {.m = m,
                          .z = block->z + i0,
                          .y = block->y + i0,
                          .value = value,
                          .r = apart ? NULL : r,
                          .ldz = block->ld,
                          .ldr = m};
    obj->loss->rows(&exact, &rows);
    for (int i = 0; i < m; i++) sum[1] += lc_block_weight(block, i0 + i) * value[i];
    if (apart && !gap->R) {
      rows.value = NULL;
      rows.r = r;
      obj->loss->rows(&obj->coding, &rows);
    }
    for (int i = 0; i < m; i++) {
      double w = lc_block_weight(block, i0 + i), unit = gap->R ? (w > 0 ? 1 / w : 0) : gap->s[(int)block->y[i0 + i]];
      for (int c = 0; c < obj->K; c++) {
        double R = gap->R ? gap->R[block->row0 + i0 + i + c * obj->x->n] : r[i + c * m];
        r[i + c * m] = gap->t * unit * R;
      }
    }
    obj->loss->dual(&obj->coding, m, r, m, block->y + i0, value);
    for (int i = 0; i < m; i++) {
      double term = value[i], w = lc_block_weight(block, i0 + i);
      for (int c = 0; block->offset && c < obj->K; c++) term += block->offset[i0 + i + c * block->ldoff] * r[i + c * m];
      if (w > 0) sum[0] += w * term;
    }
  }
  return LC_OK;
}

/* The largest t <= 1 with P*(-t g) finite for every group of slopes. */
static double feasible_scale(const lc_objective *obj, const double *G) {
  const lc_penalty *pen = obj->pen;
  lc_index width = lc_penalty_width(pen, obj->K);
  double t = 1;
  for (lc_index c = 0; c < obj->K; c += width)
    for (lc_index j = 0; j < pen->p; j++)
      t = lc_penalty_feasible(pen, j, width, G + c * obj->q + pen->intercept + j, obj->q, t);
  return t;
}

/* The sum of P*(-t g). */
static double conjugates(const lc_objective *obj, double t, const double *G) {
  const lc_penalty *pen = obj->pen;
  lc_index width = lc_penalty_width(pen, obj->K);
  double sum = 0;
  for (lc_index c = 0; c < obj->K; c += width)
    for (lc_index j = 0; j < pen->p; j++)
      sum += lc_penalty_group_conjugate(pen, j, width, -t, G + c * obj->q + pen->intercept + j, obj->q);
  return sum;
}

/* A pass at `at` that does a task: from the scores where they are kept. */
static lc_status run_task(lc_objective *obj, lc_task_context *gap, enum lc_task task, lc_pass *pass) {
  pass->K = obj->K;
  pass->obs = obj->obs;
  pass->B = obj->at.Z ? NULL : obj->at.B;
  pass->Z = obj->at.Z;
  lc_task_set(gap, task, pass);
  if (lc_pass_reads(pass)) obj->passes++;
  return obj->x->ops->pass(obj->x, pass, obj->host, obj->arena);
}

enum { MOST_CLASSES = 256 }; /* the table of flows is k x k for each partial sum */

lc_status lc_objective_balance(lc_objective *obj, const double *R, double *s, int *possible) {
  int k = obj->coding.k;
  lc_mark mark = lc_arena_mark(obj->arena);
  *possible = obj->loss->dual && k <= MOST_CLASSES;
  for (int c = 0; c < k; c++) s[c] = 1;
  if (!*possible || !obj->x->intercept) return LC_OK;
  double *flow = lc_arena_zeros(obj->arena, (lc_index)k * k);
  lc_status status = flow ? LC_OK : LC_OUT_OF_MEMORY;
  lc_task_context gap = {obj, 1, s, R};
  lc_pass pass = {.nsum = k * k, .sum = flow};
  if (status == LC_OK) status = run_task(obj, &gap, LC_TASK_FLOWS, &pass);
  if (status == LC_OK) *possible = stationary(k, flow, s);
  lc_arena_reset(obj->arena, mark);
  return status;
}

static lc_status dual_of(lc_objective *obj, lc_task_context *gap, double *primal, double *dual) {
  double sum[2] = {0, 0};
  lc_pass value = {.nsum = 2, .sum = sum};
  LC_TRY(run_task(obj, gap, LC_TASK_DUAL, &value));
  *dual = sum[0] / obj->weight_sum;
  *primal = sum[1] / obj->weight_sum + (obj->at.value - obj->at.loss);
  return LC_OK;
}

lc_status lc_objective_dual(lc_objective *obj, const double *R, double t, double *primal, double *dual) {
  lc_task_context gap = {obj, t, NULL, R};
  return dual_of(obj, &gap, primal, dual);
}

/* Slopes' gradients G of the residuals scaled by s. One read of X. */
static lc_status scaled_gradient(lc_objective *obj, const double *s, double *G) {
  lc_task_context gap = {obj, 1, s, NULL};
  lc_pass residual = {.G = G};
  LC_TRY(run_task(obj, &gap, LC_TASK_RESIDUALS, &residual));
  for (lc_index i = 0; i < obj->P; i++) G[i] /= obj->weight_sum;
  return LC_OK;
}

/* Is there a slope that neither a penalty nor a bound holds where it is? No scaling of residuals makes its gradient 0.
 */
static int has_free_slope(const lc_objective *obj) {
  const lc_penalty *pen = obj->pen;
  if (!lc_penalty_has_free(pen)) return 0;
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < pen->p; j++)
      if (lc_penalty_is_free_at(pen, j, obj->at.B[c * obj->q + pen->intercept + j])) return 1;
  return 0;
}

/* From the solver's dual point: *R <- its rows times the factors s of their classes, G <- their gradients. One read of
 * X.
 */
static lc_status known_gradient(lc_objective *obj, const double *s, double **R, double *G) {
  lc_index n = obj->x->n;
  *R = lc_arena_doubles(obj->arena, n * obj->K);
  if (!*R) return LC_OUT_OF_MEMORY;
  for (int c = 0; c < obj->K; c++)
    for (lc_index i = 0; i < n; i++) (*R)[i + c * n] = obj->dual[i + c * n] * s[(int)obj->obs->y[i]];
  lc_task_context gap = {obj, 1, s, *R};
  lc_pass pass = {.K = obj->K, .Z = obj->at.Z, .block = known_block, .context = &gap, .G = G};
  LC_TRY(lc_objective_pass(obj, &pass));
  for (lc_index i = 0; i < obj->P; i++) G[i] /= obj->weight_sum;
  return LC_OK;
}

/* Gradients of free slopes are those of rounding, and become 0: what they may cost within reach of `at`. */
static double settle_free_slopes(const lc_objective *obj, double *G) {
  const lc_penalty *pen = obj->pen;
  double cost = 0;
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < pen->p; j++) {
      lc_index i = c * obj->q + pen->intercept + j;
      if (!lc_penalty_is_free(pen, j) || isfinite(lc_penalty_conjugate(pen, j, -G[i]))) continue;
      cost += fabs(G[i]) * (2 * fabs(obj->at.B[i]) + 1 / lc_objective_rms(obj, j));
      G[i] = 0;
    }
  return cost;
}

/* The largest violation of an optimality condition by the dual point's gradients. */
static double known_kkt(const lc_objective *obj, double *G) {
  lc_penalty_add_ridge(obj->pen, obj->K, obj->at.B, G);
  return lc_penalty_kkt(obj->pen, obj->K, obj->at.B, G);
}

static lc_status known_gap(lc_objective *obj, double *s, double *G, double *primal, double *dual, double *kkt) {
  double *R, cost;
  int possible;
  LC_TRY(lc_objective_balance(obj, obj->dual, s, &possible));
  if (!possible) return LC_OK;
  LC_TRY(known_gradient(obj, s, &R, G));
  cost = settle_free_slopes(obj, G);
  double t = feasible_scale(obj, G);
  const double rounding = 1e-3; /* of the value: more is no rounding */
  if (!(t > 0) || cost > rounding * obj->at.value) return LC_OK;
  LC_TRY(lc_objective_dual(obj, R, t, primal, dual));
  *dual -= conjugates(obj, t, G) + cost;
  *kkt = known_kkt(obj, G);
  return LC_OK;
}

static lc_status own_gap(lc_objective *obj, double *s, double *G, double *primal, double *dual) {
  int possible = 0;
  if (has_free_slope(obj)) return LC_OK;
  LC_TRY(lc_objective_balance(obj, NULL, s, &possible));
  if (!possible) return LC_OK;
  LC_TRY(scaled_gradient(obj, s, G));
  double t = feasible_scale(obj, G);
  if (!(t > 0)) return LC_OK; /* a slope pushes away from the only bound that it has */
  lc_task_context gap = {obj, t, s, NULL};
  lc_status status = dual_of(obj, &gap, primal, dual);
  *dual -= conjugates(obj, t, G);
  return status;
}

lc_status lc_objective_gap(lc_objective *obj, lc_certificate *out) {
  lc_mark mark = lc_arena_mark(obj->arena);
  double primal = obj->at.value, dual = -INFINITY, kkt = NAN;
  double *s = lc_arena_doubles(obj->arena, obj->coding.k), *G = lc_arena_doubles(obj->arena, obj->P);
  lc_status status = s && G ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK)
    status = obj->dual ? known_gap(obj, s, G, &primal, &dual, &kkt) : own_gap(obj, s, G, &primal, &dual);
  lc_arena_reset(obj->arena, mark);
  /* Where rows are separated no other bound than 0 may be near. */
  if ((obj->loss->flags & LC_RAMPS) && primal <= 1e-3 * obj->null_value) dual = fmax(dual, 0);
  out->gap = lc_gap_between(primal, dual);
  out->kind = isfinite(out->gap) ? LC_GAP : LC_KKT_ONLY;
  out->relative = out->gap / fmax(primal, 1e-3 * obj->null_value);
  out->kkt = kkt;
  return status;
}
