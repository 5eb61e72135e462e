/* problem/objective.c - value, gradient, curvature and certificate of loss plus penalty. */
#include "problem/objective.h"
#include "problem/tasks.h"
#include "threads/threads.h"

#include <math.h>
#include <string.h>

static lc_status make_point(const lc_objective *obj, int keep_scores, lc_point *out) {
  out->B = lc_arena_zeros(obj->arena, obj->P);
  out->Z = keep_scores ? lc_arena_doubles(obj->arena, obj->x->n * obj->K) : NULL;
  out->loss = out->value = NAN;
  return out->B && (out->Z || !keep_scores) ? LC_OK : LC_OUT_OF_MEMORY;
}

/* Mean loss at scores 0, from one row of each class. */
static double null_value(const lc_objective *obj) {
  double zero[LC_SCRATCH] = {0}, sum = 0, count = 0;
  if (obj->K > LC_SCRATCH) return log(obj->coding.k);
  for (int c = 0; c < obj->coding.k; c++) {
    double y = c, value;
    obj->loss->rows(&obj->coding, &(lc_loss_block){.m = 1, .z = zero, .y = &y, .value = &value, .ldz = 1});
    sum += value;
    count++;
  }
  return sum / count;
}

lc_status lc_objective_init(lc_objective *obj, const lc_design *x, const lc_obs *obs, const lc_loss *loss,
                            const lc_coding *coding, const lc_penalty *pen, int keep_scores, lc_arena *arena) {
  memset(obj, 0, sizeof *obj);
  obj->x = x;
  obj->obs = obs;
  obj->loss = loss;
  obj->coding = *coding;
  obj->pen = pen;
  obj->host = arena->host;
  obj->arena = arena;
  obj->q = lc_design_q(x);
  obj->K = coding->K;
  obj->ns = lc_coding_pairs(coding);
  obj->P = obj->q * obj->K;
  obj->weight_sum = lc_obs_total(obs);
  obj->null_value = null_value(obj);
  if (obj->K > LC_SCRATCH || (x->ops->caps & LC_ELSEWHERE)) keep_scores = 0;
  LC_TRY(make_point(obj, keep_scores, &obj->at));
  LC_TRY(make_point(obj, keep_scores, &obj->to));
  obj->G = lc_arena_zeros(arena, obj->P);
  obj->napart = -1;
  obj->epoch_mistakes = obj->validation = NAN;
  obj->apart = lc_arena_alloc(arena, obj->q, sizeof *obj->apart);
  obj->about = lc_arena_doubles(arena, x->ops->caps & LC_ELSEWHERE ? lc_task_numbers(coding) : 0);
  return obj->G && obj->apart && obj->about ? LC_OK : LC_OUT_OF_MEMORY;
}

/* ---- callbacks on blocks of rows --------------------------------------------------------------------- */

lc_status lc_loss_task(void *context, const lc_block *block, double *sum) {
  const lc_objective *obj = ((const lc_task_context *)context)->obj;
  double value[LC_BLOCK_ROWS], total = 0;
  lc_loss_block rows = {.m = block->m,
                        .z = block->z,
                        .y = block->y,
                        .value = value,
                        .r = block->r,
                        .s = block->s,
                        .ldz = block->ld,
                        .ldr = block->ldr,
                        .lds = block->ldr};
  obj->loss->rows(&obj->coding, &rows);
  for (int i = 0; i < block->m; i++) total += lc_block_weight(block, i) * value[i];
  sum[0] += total;
  if (!block->w) return LC_OK;
  for (int c = 0; block->r && c < obj->K; c++)
    for (int i = 0; i < block->m; i++) block->r[i + c * block->ldr] *= block->w[i];
  for (int c = 0; block->s && c < obj->ns; c++)
    for (int i = 0; i < block->m; i++) block->s[i + c * block->ldr] *= block->w[i];
  return LC_OK;
}

static lc_status run_pass(lc_objective *obj, lc_pass *pass) {
  pass->obs = obj->obs;
  if (pass->B || pass->G || pass->C) obj->passes++;
  return obj->x->ops->pass(obj->x, pass, obj->host, obj->arena);
}

/* A pass of the losses at B, or at the scores Z. */
static lc_status run_loss(lc_objective *obj, lc_pass *pass) {
  lc_task_context context = {.obj = obj};
  pass->nsum = 1;
  lc_task_set(&context, LC_TASK_LOSS, pass);
  return run_pass(obj, pass);
}

lc_status lc_objective_pass(lc_objective *obj, lc_pass *pass) {
  lc_row_part all = lc_objective_all_rows(obj);
  return lc_objective_pass_part(obj, &all, pass);
}

/* ---- value, gradient, curvature ------------------------------------------------------------------------ */

static void scale(lc_index count, double factor, double *v) {
  for (lc_index i = 0; i < count; i++) v[i] *= factor;
}

/* From sums over rows to means, and the penalty's part. */
static void finish_point(const lc_objective *obj, lc_point *point, double loss_sum, double penalty) {
  point->loss = loss_sum / obj->weight_sum;
  point->value = point->loss + penalty;
}

static double penalty_of(const lc_objective *obj, const lc_point *point) {
  return lc_penalty_value(obj->pen, obj->K, point->B);
}

static void finish_gradient(lc_objective *obj, const double *B) {
  scale(obj->P, 1 / obj->weight_sum, obj->G);
  lc_penalty_add_ridge(obj->pen, obj->K, B, obj->G);
}

lc_status lc_objective_eval(lc_objective *obj, const double *B, int want) {
  double sum = 0;
  memmove(obj->to.B, B, (size_t)obj->P * sizeof(double));
  obj->napart = -1;
  int curvature = (want & LC_WANT_CURVATURE) != 0;
  lc_index packed = lc_packed_size(obj->q) * obj->ns;
  if (curvature && !obj->C && !(obj->C = lc_arena_doubles(obj->arena, packed))) return LC_OUT_OF_MEMORY;
  lc_pass pass = {.K = obj->K,
                  .ns = curvature ? obj->ns : 0,
                  .B = obj->to.B,
                  .Z = obj->to.Z,
                  .sum = &sum,
                  .G = want ? obj->G : NULL,
                  .C = curvature ? obj->C : NULL};
  LC_TRY(run_loss(obj, &pass));
  if (want) finish_gradient(obj, obj->to.B);
  if (curvature) scale(packed, 1 / obj->weight_sum, obj->C);
  finish_point(obj, &obj->to, sum, penalty_of(obj, &obj->to));
  return LC_OK;
}

/* Value and gradient at a point whose B, and scores if they are kept, are there. */
static lc_status gradient_from_scores(lc_objective *obj, lc_point *point) {
  double sum = 0;
  lc_pass pass = {.K = obj->K, .B = point->Z ? NULL : point->B, .Z = point->Z, .sum = &sum, .G = obj->G};
  LC_TRY(run_loss(obj, &pass));
  finish_gradient(obj, point->B);
  finish_point(obj, point, sum, penalty_of(obj, point));
  return LC_OK;
}

lc_status lc_objective_gradient(lc_objective *obj) { return gradient_from_scores(obj, &obj->at); }

static void shorten(lc_index count, double t, const double *from, double *to) {
  for (lc_index i = 0; i < count; i++) to[i] = from[i] + t * (to[i] - from[i]);
}

lc_status lc_objective_shorten(lc_objective *obj, double t) {
  shorten(obj->P, t, obj->at.B, obj->to.B);
  if (obj->at.Z) shorten(obj->x->n * obj->K, t, obj->at.Z, obj->to.Z);
  return gradient_from_scores(obj, &obj->to);
}

void lc_objective_accept(lc_objective *obj) {
  lc_point swap = obj->at;
  obj->at = obj->to;
  obj->to = swap;
}

typedef struct along_context {
  const lc_objective *obj;
  double t;
} along_context;

/* The loss at z + t (z_to - z), column by column into scratch. */
static lc_status along_block(void *context, const lc_block *block, double *sum) {
  const along_context *along = context;
  const lc_objective *obj = along->obj;
  double z[LC_SCRATCH], value[LC_BLOCK_ROWS];
  int most = LC_SCRATCH / obj->K;
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    for (int c = 0; c < obj->K; c++) {
      const double *from = obj->at.Z + block->row0 + i0 + c * obj->x->n;
      const double *to = obj->to.Z + block->row0 + i0 + c * obj->x->n;
      for (int i = 0; i < m; i++) z[i + c * m] = from[i] + along->t * (to[i] - from[i]);
    }
    obj->loss->rows(&obj->coding, &(lc_loss_block){.m = m, .z = z, .y = block->y + i0, .value = value, .ldz = m});
    for (int i = 0; i < m; i++) sum[0] += lc_block_weight(block, i0 + i) * value[i];
  }
  return LC_OK;
}

lc_status lc_objective_along(lc_objective *obj, double t, double *value) {
  lc_mark mark = lc_arena_mark(obj->arena);
  double *B = lc_arena_doubles(obj->arena, obj->P), sum = 0;
  if (!B) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < obj->P; i++) B[i] = obj->at.B[i] + t * (obj->to.B[i] - obj->at.B[i]);
  along_context along = {obj, t};
  lc_pass pass = {.K = obj->K, .nsum = 1, .sum = &sum};
  lc_status status;
  if (obj->at.Z) {
    pass.Z = obj->at.Z;
    pass.block = along_block;
    pass.context = &along;
    status = run_pass(obj, &pass);
  } else {
    pass.B = B;
    status = run_loss(obj, &pass);
  }
  *value = sum / obj->weight_sum + lc_penalty_value(obj->pen, obj->K, B);
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* ---- second derivatives as a matrix --------------------------------------------------------------------- */

void lc_objective_hessian(const lc_objective *obj, int with_penalty, double *H) {
  lc_index q = obj->q, P = obj->P, packed = lc_packed_size(q);
  for (int b = 0; b < obj->K; b++)
    for (int a = 0; a <= b; a++) {
      const double *C = obj->C + lc_packed_at(a, b) * packed;
      for (lc_index v = 0; v < q; v++)
        for (lc_index u = 0; u < q; u++) {
          double h = u <= v ? C[lc_packed_at(u, v)] : C[lc_packed_at(v, u)];
          H[(a * q + u) + (b * q + v) * P] = H[(b * q + v) + (a * q + u) * P] = h;
        }
    }
  for (int c = 0; with_penalty && c < obj->K; c++)
    for (lc_index j = 0; j < obj->pen->p; j++)
      H[(c * q + obj->pen->intercept + j) * (P + 1)] += lc_penalty_l2(obj->pen, j);
}

/* ---- columns ------------------------------------------------------------------------------------------------ */

void lc_objective_row_weights(const lc_objective *obj, lc_index i0, int m, double *S, lc_index lds) {
  const lc_design *x = obj->x;
  const lc_obs *obs = obj->obs;
  double r[LC_SCRATCH];
  lc_loss_block rows = {
      .m = m, .z = obj->at.Z + i0, .y = obs->y + i0, .r = r, .s = S, .ldz = x->n, .ldr = m, .lds = lds};
  obj->loss->rows(&obj->coding, &rows);
  for (int s = 0; obs->w && s < obj->ns; s++)
    for (int i = 0; i < m; i++) S[i + s * lds] *= obs->w[i0 + i];
}

/* What is made of the scores of each row, for all rows. */
typedef struct rows_job {
  const lc_objective *obj;
  double *out;
} rows_job;

static void by_rows(const lc_objective *obj, double *out, int columns, void (*work)(void *, lc_index, lc_index)) {
  rows_job job = {obj, out};
  double seconds = 3e-9 * (double)obj->x->n * (obj->K + columns);
  lc_parallel(lc_threads_for(obj->host, seconds), obj->x->n, LC_BLOCK_ROWS, work, &job);
}

static void weigh_some(void *context, lc_index from, lc_index to) {
  const rows_job *job = context;
  int most = LC_SCRATCH / job->obj->K;
  for (lc_index i0 = from; i0 < to; i0 += most)
    lc_objective_row_weights(job->obj, i0, (int)lc_min(most, to - i0), job->out + i0, job->obj->x->n);
}

void lc_objective_weights(const lc_objective *obj, double *S) { by_rows(obj, S, obj->ns, weigh_some); }

static void probabilities_of_some(void *context, lc_index from, lc_index to) {
  const rows_job *job = context;
  const lc_objective *obj = job->obj;
  const double *y = obj->obs->y;
  lc_index n = obj->x->n;
  double *P = job->out;
  lc_loss_block rows = {.m = (int)(to - from), .z = obj->at.Z + from, .y = y + from, .r = P + from, .ldz = n, .ldr = n};
  obj->loss->rows(&obj->coding, &rows);
  for (lc_index i = from; i < to; i++) {
    lc_index c = (lc_index)y[i] - obj->coding.base;
    if (c >= 0) P[i + c * n] += 1;
  }
}

void lc_objective_probabilities(const lc_objective *obj, double *P) { by_rows(obj, P, obj->K, probabilities_of_some); }

lc_status lc_objective_mean_weights(const lc_objective *obj, double *S) {
  int most = (int)lc_min(64, LC_SCRATCH / obj->K);
  lc_mark mark = lc_arena_mark(obj->arena);
  double *rows = lc_arena_doubles(obj->arena, most * (lc_index)obj->ns);
  if (!rows) return LC_OUT_OF_MEMORY;
  for (int s = 0; s < obj->ns; s++) S[s] = 0;
  for (lc_index i0 = 0; i0 < obj->x->n; i0 += most) {
    int m = (int)lc_min(most, obj->x->n - i0);
    lc_objective_row_weights(obj, i0, m, rows, m);
    for (int s = 0; s < obj->ns; s++) {
      double sum = 0;
      for (int i = 0; i < m; i++) sum += rows[i + s * m];
      S[s] += sum;
    }
  }
  scale(obj->ns, 1 / obj->weight_sum, S);
  lc_arena_reset(obj->arena, mark);
  return LC_OK;
}

typedef struct residual_context {
  const lc_objective *obj;
  const double *s;
  double *R;
} residual_context;

/* R of the block's rows; sum[0] += w loss. */
static lc_status residual_block(void *context, const lc_block *block, double *sum) {
  const residual_context *residual = context;
  const lc_objective *obj = residual->obj;
  lc_index n = obj->x->n;
  double value[LC_BLOCK_ROWS], total = 0, *R = residual->R + block->row0;
  lc_loss_block rows = {
      .m = block->m, .z = block->z, .y = block->y, .value = value, .r = R, .ldz = block->ld, .ldr = n};
  obj->loss->rows(&obj->coding, &rows);
  for (int i = 0; i < block->m; i++) total += lc_block_weight(block, i) * value[i];
  for (int c = 0; (block->w || residual->s) && c < obj->K; c++)
    for (int i = 0; i < block->m; i++)
      R[i + c * n] *= lc_block_weight(block, i) * (residual->s ? residual->s[(int)block->y[i]] : 1);
  sum[0] += total;
  return LC_OK;
}

static lc_status residuals_of(lc_objective *obj, double *Z, const double *s, double *R, double *sum) {
  residual_context context = {obj, s, R};
  lc_pass pass = {.K = obj->K, .nsum = 1, .Z = Z, .block = residual_block, .context = &context, .sum = sum};
  return run_pass(obj, &pass);
}

lc_status lc_objective_residuals(lc_objective *obj, const double *s, double *R) {
  double sum = 0;
  return residuals_of(obj, obj->at.Z, s, R, &sum);
}

/* to.B <- at.B, where they differ, and their difference to come is in rows j: of many columns few change in a step. */
static void return_to_point(lc_objective *obj, lc_index nj, const lc_index *j) {
  lc_index known = obj->napart;
  if (known < 0) memcpy(obj->to.B, obj->at.B, (size_t)obj->P * sizeof(double));
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < known; v++) {
      lc_index place = c * obj->q + obj->apart[v];
      obj->to.B[place] = obj->at.B[place];
    }
  if (nj > 0) memcpy(obj->apart, j, (size_t)nj * sizeof *j);
  obj->napart = nj;
}

lc_status lc_objective_move(lc_objective *obj, lc_index nj, const lc_index *j, const double *D, double *R) {
  double sum = 0;
  return_to_point(obj, nj, j);
  memcpy(obj->to.Z, obj->at.Z, (size_t)(obj->x->n * obj->K) * sizeof(double));
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < nj; v++) obj->to.B[c * obj->q + j[v]] += D[v + c * nj];
  obj->x->ops->col_axpy(obj->x, nj, j, obj->K, D, obj->to.Z, obj->host);
  obj->passes += (double)nj / (double)lc_max(obj->q, 1);
  LC_TRY(residuals_of(obj, obj->to.Z, NULL, R, &sum));
  int fresh = isnan(obj->at.value); /* never evaluated */
  double penalty =
      fresh ? penalty_of(obj, &obj->to)
            : obj->at.value - obj->at.loss + lc_penalty_change(obj->pen, obj->K, nj, j, obj->at.B, obj->to.B);
  finish_point(obj, &obj->to, sum, penalty);
  return LC_OK;
}

double lc_objective_noise(const lc_objective *obj) {
  double terms = 16 + 0.25 * (sqrt((double)obj->x->n) + sqrt((double)obj->P));
  return terms * 2.2e-16 * fabs(obj->at.value);
}

void lc_objective_revalue(lc_objective *obj, lc_index nj, const lc_index *j) {
  double penalty = j ? lc_penalty_value_of(obj->pen, obj->K, nj, j, obj->at.B) : penalty_of(obj, &obj->at);
  obj->at.value = obj->at.loss + penalty;
}

void lc_objective_columns(lc_objective *obj, lc_index nj, const lc_index *j, int K, const double *R, double *c) {
  obj->x->ops->col_dot(obj->x, nj, j, K, R, c, obj->arena);
  obj->passes += (double)nj / (double)lc_max(obj->q, 1) * K / obj->K;
  scale(nj * K, 1 / obj->weight_sum, c);
}

/* ---- what a fit reports ------------------------------------------------------------------------------------ */

double lc_objective_scale(const lc_objective *obj) { return fmax(obj->at.value, 1e-3 * obj->null_value); }

lc_status lc_mistakes_task(void *context, const lc_block *block, double *sum) {
  const lc_objective *obj = ((const lc_task_context *)context)->obj;
  sum[0] += lc_coding_mistakes(&obj->coding, block->m, block->z, block->ld, block->y, block->w);
  return LC_OK;
}

lc_status lc_objective_mistakes(lc_objective *obj, double *count) {
  lc_task_context context = {.obj = obj};
  lc_pass pass = {.K = obj->K, .nsum = 1, .B = obj->at.Z ? NULL : obj->at.B, .Z = obj->at.Z, .sum = count};
  lc_task_set(&context, LC_TASK_MISTAKES, &pass);
  return run_pass(obj, &pass);
}

lc_status lc_leads_task(void *context, const lc_block *block, double *sum) {
  const lc_task_context *task = context;
  const lc_coding *coding = &task->obj->coding;
  for (int i = 0; i < block->m; i++) {
    int own = (int)block->y[i];
    double low = INFINITY, high = -INFINITY, w = lc_block_weight(block, i);
    for (int j = 0; j < coding->k; j++) {
      if (j == own) continue;
      double lead =
          lc_coding_score(coding, block->z + i, block->ld, own) - lc_coding_score(coding, block->z + i, block->ld, j);
      low = fmin(low, lead);
      high = fmax(high, lead);
    }
    if (high >= task->t) sum[0] += w;
    if (low >= task->t) sum[1 + own] += w;
  }
  return LC_OK;
}

/* Leads are linear: those of the step are what it would score alone, without offsets. */
static lc_status leads_of_step(lc_objective *obj, double least, double *step, double *sum) {
  const lc_obs *given = obj->obs;
  lc_obs plain = *given;
  plain.offset = NULL;
  plain.noffset = 0;
  for (lc_index i = 0; i < obj->P; i++) step[i] = obj->to.B[i] - obj->at.B[i];
  lc_task_context context = {.obj = obj, .t = least};
  lc_pass pass = {.K = obj->K, .nsum = 1 + obj->coding.k, .B = step, .sum = sum};
  lc_task_set(&context, LC_TASK_LEADS, &pass);
  obj->obs = &plain;
  lc_status status = run_pass(obj, &pass);
  obj->obs = given;
  return status;
}

/* The same from the scores of the two points. */
static lc_status leads_of_scores(const lc_objective *obj, double least, double *step, double *sum) {
  lc_task_context context = {.obj = obj, .t = least};
  lc_index n = obj->x->n;
  for (lc_index i = 0; i < n; i++) {
    double w = lc_obs_weight(obj->obs, i);
    for (int c = 0; c < obj->K; c++) step[c] = obj->to.Z[i + c * n] - obj->at.Z[i + c * n];
    lc_block row = {.m = 1, .ld = 1, .z = step, .y = obj->obs->y + i, .w = &w};
    LC_TRY(lc_leads_task(&context, &row, sum));
  }
  return LC_OK;
}

lc_status lc_objective_separating_rows(lc_objective *obj, double least, double *rows, double *class_rows) {
  int k = obj->coding.k;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *sum = lc_arena_zeros(obj->arena, 1 + k), *step = lc_arena_doubles(obj->arena, obj->P);
  lc_status status = !sum || !step ? LC_OUT_OF_MEMORY
                     : obj->at.Z   ? leads_of_scores(obj, least, step, sum)
                                   : leads_of_step(obj, least, step, sum);
  *rows = status == LC_OK ? sum[0] : 0;
  for (int c = 0; c < k; c++) class_rows[c] = status == LC_OK ? sum[1 + c] : 0;
  lc_arena_reset(obj->arena, mark);
  return status;
}

lc_status lc_objective_record(const lc_objective *obj, double iteration, double epoch, double gradient_norm,
                              double step) {
  lc_info info = {obj->recorded + iteration, epoch,          obj->at.value, gradient_norm, step,
                  obj->epoch_mistakes,       obj->validation};
  if (obj->x->ops->stands) LC_TRY(obj->x->ops->stands(obj->x, obj->K, info.iteration, obj->at.B));
  return lc_record(obj->host, &info);
}
