/* solver/batch_step.c - steps on batches of rows. */
#include "solver/batch_step.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "threads/threads.h"

/* ---- setting up ----------------------------------------------------------------------------------------- */

static int searches(const lc_batch *batch) { return isnan(batch->rate); }

static double max_curvature(const lc_objective *obj) { return lc_coding_bound(obj->loss, &obj->coding); }

/* The perceptron's objective has no scale, so that any rate will do. */
static void choose_units(lc_batch *batch, double rate) {
  const lc_objective *obj = batch->obj;
  int perceptron = (obj->loss->flags & LC_SCALE_FREE) != 0, given = !isnan(rate);
  for (lc_index j = 0; j < obj->pen->p; j++) {
    double rms = lc_objective_rms(obj, j),
           size = rms * rms + (perceptron ? 0 : lc_penalty_l2(obj->pen, j) / max_curvature(obj));
    batch->unit[j] = given ? 1 : 1 / size;
  }
  batch->rate = given || !perceptron ? rate : 1 / (2 * max_curvature(obj) * fmax(1, (double)obj->q));
}

/* What a step on m rows takes on one core, about; so many of them do not follow the one before and cost a line of cache
 * for each entry. */
static double seconds_of(const lc_batch *batch, lc_index m, lc_index apart) {
  const lc_design *x = batch->obj->x;
  double row = x->ops->cells(x) / (double)x->n;
  return row * (1e-9 * (double)m * batch->obj->K + 5e-9 * (double)apart);
}

/* Of a batch of m rows that take so long. Long runs of neighbours, which are read in place, stay together. */
static int parts_of(const lc_batch *batch, lc_index m, double seconds) {
  const double part_rows = 64, part_seconds = 2.5e-5;
  if (!lc_objective_rows_apart(batch->obj)) return 1;
  double most = fmin(LC_BATCH_PARTS, floor((double)m / part_rows));
  return (int)fmax(1, fmin(most, seconds / part_seconds));
}

lc_status lc_batch_init(lc_batch *batch, const lc_objective *obj, lc_index most, const double *B, double rate,
                        double momentum, int lazy) {
  memset(batch, 0, sizeof *batch);
  lc_arena *arena = obj->arena;
  lc_index P = obj->P, p = obj->pen->p, scores = most * obj->K;
  batch->obj = obj;
  batch->coding = obj->coding;
  batch->momentum = momentum;
  batch->most = most;
  batch->n = obj->x->n;
  batch->lazy = lazy && lc_objective_has_sparse_rows(obj) && momentum == 0;
  double **vectors[] = {&batch->B, &batch->B_before, &batch->G, &batch->D, &batch->slope};
  double **of_rows[] = {&batch->z, &batch->dz, &batch->trial, &batch->r};
  for (int i = 0; i < 5; i++)
    if (!(*vectors[i] = lc_arena_zeros(arena, P))) return LC_OUT_OF_MEMORY;
  for (int i = 0; i < 4; i++)
    if (!(*of_rows[i] = lc_arena_doubles(arena, scores))) return LC_OUT_OF_MEMORY;
  batch->y = lc_arena_doubles(arena, most);
  batch->w = lc_arena_doubles(arena, most);
  batch->v = lc_arena_doubles(arena, most);
  batch->unit = lc_arena_doubles(arena, p);
  batch->done = lc_arena_zeros(arena, p);
  batch->feature = lc_arena_alloc(arena, p, sizeof *batch->feature);
  batch->mark = lc_arena_alloc(arena, p, 1);
  batch->piece = lc_arena_alloc(arena, most + 1, sizeof *batch->piece);
  if (!batch->y || !batch->w || !batch->v || !batch->unit || !batch->done || !batch->feature || !batch->mark ||
      !batch->piece)
    return LC_OUT_OF_MEMORY;
  memset(batch->mark, 0, (size_t)p);
  for (lc_index j = 0; j < p; j++) batch->feature[j] = j;
  memcpy(batch->B, B, (size_t)P * sizeof(double));
  memcpy(batch->B_before, B, (size_t)P * sizeof(double));
  choose_units(batch, rate);
  int parts = parts_of(batch, most, seconds_of(batch, most, most));
  for (int t = 0; t < parts; t++) {
    lc_batch_part *part = batch->part + t;
    LC_TRY(lc_objective_rows(obj, &part->rows));
    part->G = t == 0 ? batch->G : lc_arena_doubles(arena, P);
    if (!part->G) return LC_OUT_OF_MEMORY;
  }
  return LC_OK;
}

lc_status lc_batch_remember(lc_batch *batch) {
  const lc_objective *obj = batch->obj;
  batch->table = lc_arena_zeros(obj->arena, obj->x->n * obj->K);
  batch->table_gradient = lc_arena_zeros(obj->arena, obj->P);
  return batch->table && batch->table_gradient ? LC_OK : LC_OUT_OF_MEMORY;
}

/* ---- the rate ------------------------------------------------------------------------------------------- */

/* Steps are averaged by their reciprocals, which are curvatures: batches that allow little count most. Corrected steps
 * hardly shrink, so that they must suit curved batches even better. */
static double power(const lc_batch *batch) { return batch->table ? 2 : 1; }

/* Of a step that is corrected and goes by a metric: the mean gradient, which such steps follow far, knows nothing of
 * the batch's rows, and what is best for these is too far for the others (half of it: Frangella and others, arXiv
 * 2309.02014, 1 / (2 L)). */
static const double METRIC_SHARE = 0.5;

static double mean_step(const lc_batch *batch) { return exp(-batch->log_mean / power(batch)); }

/* Line searches of about the last epoch count, so that rare rows are not forgotten, or the last hundred. */
static void take_into_mean(lc_batch *batch, double step) {
  const double few = 100;
  double value = -power(batch) * log(step), epoch = (double)batch->n / (double)batch->most,
         share = 1 / fmin(++batch->searches, fmax(few, epoch));
  if (batch->searches == 1) batch->log_mean = value;
  batch->log_mean += log1p(share * expm1(value - batch->log_mean));
}

double lc_batch_rate(const lc_batch *batch) {
  return !searches(batch) ? batch->rate : batch->searches > 0 ? mean_step(batch) : NAN;
}

/* ---- what features that were not touched have missed ---------------------------------------------------- */

/* The part of the gradient that is the same for all batches. */
static double correction(const lc_batch *batch, lc_index i) { return batch->corrected ? batch->table_gradient[i] : 0; }

static void catch_up(lc_batch *batch, lc_index j) {
  const lc_objective *obj = batch->obj;
  double missed = batch->clock - batch->done[j];
  if (missed <= 0) return;
  batch->done[j] = batch->clock;
  for (int c = 0; c < obj->K; c++) {
    lc_index i = c * obj->q + obj->pen->intercept + j;
    double *b = batch->B + i;
    *b = searches(batch) ? lc_penalty_flow(obj->pen, j, *b, correction(batch, i), batch->unit[j] * missed)
                         : lc_penalty_repeat(obj->pen, j, *b, batch->rate * batch->unit[j], missed);
  }
}

void lc_batch_settle(lc_batch *batch) {
  for (lc_index j = 0; batch->lazy && j < batch->obj->pen->p; j++) catch_up(batch, j);
}

/* ---- scores and gradient -------------------------------------------------------------------------------- */

/* Into parts, and these into pieces. */
static void split(lc_batch *batch, lc_index m, const lc_index *index) {
  lc_index apart = 1;
  for (lc_index i = 1; i < m; i++) apart += index[i] != index[i - 1] + 1;
  double seconds = seconds_of(batch, m, apart);
  batch->parts = parts_of(batch, m, seconds);
  batch->threads = lc_threads_for(batch->obj->host, seconds);
  batch->pieces = 0;
  for (int t = 0; t < batch->parts; t++) {
    lc_batch_part *part = batch->part + t;
    lc_index at = m * t / batch->parts, end = m * (t + 1) / batch->parts;
    part->first = batch->pieces;
    for (; at < end; batch->pieces++) {
      batch->piece[batch->pieces] = at;
      at += lc_objective_row_piece(&part->rows, end - at, index + at);
    }
    part->end = batch->pieces;
  }
  batch->piece[batch->pieces] = m;
}

/* y and v; 0 when all weights are 0. A given rate steps along the batch's own mean. The mean of ratios is not the ratio
 * of means, so the search for the optimum divides by the weight of an average batch instead. */
static int gather_weights(lc_batch *batch, lc_index m, const lc_index *index) {
  const lc_objective *obj = batch->obj;
  double sum = 0;
  lc_objective_row_data(obj, m, index, batch->y, batch->w);
  for (lc_index i = 0; i < m; i++) sum += batch->w[i];
  double total = searches(batch) ? (double)m * obj->weight_sum / (double)batch->n : sum;
  for (lc_index i = 0; i < m; i++) batch->v[i] = batch->w[i] / total;
  return sum > 0;
}

/* r, the derivatives of rows `index`, less those of when they were last met, which they replace. */
static void correct(const lc_batch *batch, lc_index rows, const lc_index *index, double *r) {
  lc_index n = batch->obj->x->n;
  for (int c = 0; batch->table && c < batch->obj->K; c++)
    for (lc_index i = 0; i < rows; i++) {
      double *last = batch->table + index[i] + c * n, present = r[i + c * rows];
      r[i + c * rows] -= *last;
      *last = present;
    }
}

/* What is done with a part of a batch, whose rows are `index`. */
typedef void part_work(const lc_batch *batch, lc_batch_part *part, const lc_index *index);

typedef struct batch_job {
  lc_batch *batch;
  const lc_index *index;
  part_work *work;
} batch_job;

static void work_on_some(void *context, lc_index from, lc_index to) {
  const batch_job *job = context;
  for (lc_index t = from; t < to; t++) job->work(job->batch, job->batch->part + t, job->index);
}

static void each_part(lc_batch *batch, const lc_index *index, part_work *work) {
  batch_job job = {batch, index, work};
  lc_parallel(batch->threads, batch->parts, 1, work_on_some, &job);
}

/* A part's G += gradient, its z, loss and mistakes. */
static void add_part(const lc_batch *batch, lc_batch_part *part, const lc_index *index) {
  const lc_objective *obj = batch->obj;
  part->loss = part->mistakes = 0;
  for (lc_index k = part->first; k < part->end; k++) {
    lc_index from = batch->piece[k], rows = batch->piece[k + 1] - from, at = from * obj->K;
    const lc_index *piece = index + from;
    const double *y = batch->y + from, *w = batch->w + from, *v = batch->v + from;
    double *z = batch->z + at, *value = batch->trial + at, *r = batch->r + at;
    lc_objective_row_load(&part->rows, rows, piece);
    lc_objective_row_scores(obj, &part->rows, rows, piece, batch->B, z);
    lc_objective_row_losses(obj, &batch->coding, rows, z, y, value, r);
    if (batch->coding.mu != obj->coding.mu) lc_objective_row_losses(obj, &obj->coding, rows, z, y, value, NULL);
    if (batch->counts_mistakes) part->mistakes += lc_coding_mistakes(&obj->coding, (int)rows, z, rows, y, w);
    correct(batch, rows, piece, r);
    for (int c = 0; c < obj->K; c++)
      for (lc_index i = 0; i < rows; i++) r[i + c * rows] *= v[i];
    for (lc_index i = 0; i < rows; i++) part->loss += w[i] * value[i];
    lc_objective_row_gradient(obj, &part->rows, rows, piece, r, part->G);
  }
}

/* G += gradient of the mean loss of the batch (less that of the table); z; the loss is added to the sum of the epoch.
 */
static void add_gradient(lc_batch *batch, const lc_index *index) {
  lc_index P = batch->obj->P;
  for (int t = 1; t < batch->parts; t++) memset(batch->part[t].G, 0, (size_t)P * sizeof(double));
  each_part(batch, index, add_part);
  for (int t = 0; t < batch->parts; t++) {
    const lc_batch_part *part = batch->part + t;
    for (lc_index i = 0; t > 0 && i < P; i++) batch->G[i] += part->G[i];
    batch->loss += part->loss;
    batch->mistakes += part->mistakes;
  }
}

lc_status lc_batch_fill(lc_batch *batch, const lc_index *index) {
  const lc_objective *obj = batch->obj;
  lc_index P = obj->P;
  memset(batch->G, 0, (size_t)P * sizeof(double));
  for (lc_index at = 0; at < batch->n; at += batch->most) {
    lc_index m = lc_min(batch->most, batch->n - at);
    LC_TRY(lc_poll(obj->host));
    if (!gather_weights(batch, m, index + at)) continue;
    split(batch, m, index + at);
    for (lc_index i = 0; i < m; i++) batch->v[i] = batch->w[i] / obj->weight_sum;
    add_gradient(batch, index + at);
  }
  memcpy(batch->table_gradient, batch->G, (size_t)P * sizeof(double));
  memset(batch->G, 0, (size_t)P * sizeof(double));
  return LC_OK;
}

lc_status lc_batch_validate(lc_batch *batch, const lc_validation *set, const double *B, double *loss) {
  const lc_objective *obj = batch->obj;
  int mistakes = (obj->loss->flags & LC_SCALE_FREE) != 0;
  double sum = 0, weight = 0;
  for (lc_index at = 0; at < set->n; at += batch->most) {
    lc_index m = lc_min(batch->most, set->n - at);
    const lc_index *index = set->row + at;
    const double *w = set->w + at;
    LC_TRY(lc_poll(obj->host));
    split(batch, m, index);
    lc_objective_row_data(obj, m, index, batch->y, batch->w);
    for (lc_index k = 0; k < batch->pieces; k++) {
      lc_index from = batch->piece[k], rows = batch->piece[k + 1] - from;
      const double *y = batch->y + from;
      lc_objective_row_load(&batch->part->rows, rows, index + from);
      lc_objective_row_scores(obj, &batch->part->rows, rows, index + from, B, batch->z);
      if (mistakes) sum += lc_coding_mistakes(&obj->coding, (int)rows, batch->z, rows, y, w + from);
      lc_objective_row_losses(obj, &obj->coding, rows, batch->z, y, batch->trial, NULL);
      for (lc_index i = 0; i < rows; i++) {
        if (!mistakes) sum += w[from + i] * batch->trial[i];
        weight += w[from + i];
      }
    }
  }
  *loss = sum / weight;
  return LC_OK;
}

/* ---- the line search ------------------------------------------------------------------------------------ */

/* A part's dz <- the scores of D, without offsets. */
static void score_part(const lc_batch *batch, lc_batch_part *part, const lc_index *index) {
  const lc_objective *obj = batch->obj;
  for (lc_index k = part->first; k < part->end; k++) {
    lc_index from = batch->piece[k], rows = batch->piece[k + 1] - from;
    if (part->end - part->first > 1) lc_objective_row_load(&part->rows, rows, index + from);
    lc_objective_row_changes(obj, &part->rows, rows, index + from, batch->D, batch->dz + from * obj->K);
  }
}

/* Minus the derivative of the batch's mean loss along B - a D. */
static double descent_at(lc_batch *batch, double a) {
  const lc_objective *obj = batch->obj;
  double sum = 0;
  for (lc_index k = 0; k < batch->pieces; k++) {
    lc_index from = batch->piece[k], rows = batch->piece[k + 1] - from, count = rows * obj->K;
    const double *z = batch->z + from * obj->K, *dz = batch->dz + from * obj->K, *v = batch->v + from;
    for (lc_index i = 0; i < count; i++) batch->trial[i] = z[i] - a * dz[i];
    lc_objective_row_losses(obj, &batch->coding, rows, batch->trial, batch->y + from, NULL, batch->r);
    for (int c = 0; c < obj->K; c++)
      for (lc_index i = 0; i < rows; i++) sum += v[i] * batch->r[i + c * rows] * dz[i + c * rows];
  }
  return sum;
}

/* D' L2 D. */
static double ridge_along(const lc_batch *batch) {
  const lc_objective *obj = batch->obj;
  double sum = 0;
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->pen->p; j++) {
      double d = batch->D[c * obj->q + obj->pen->intercept + j];
      sum += lc_penalty_l2(obj->pen, j) * d * d;
    }
  return sum;
}

/* The step a that minimises the batch's loss (and what corrects its slope) along B - a D, about: from the step that the
 * loss's largest curvature allows by a few secants; `descent` is minus the derivative at a = 0. NaN where the batch
 * says nothing. */
static double line_search(lc_batch *batch, const lc_index *index, double descent) {
  enum { SECANTS = 3 };
  const double farthest = 4, enough = 0.1;
  const lc_objective *obj = batch->obj;
  each_part(batch, index, score_part);
  double curvature = 0;
  for (lc_index k = 0; k < batch->pieces; k++) {
    lc_index from = batch->piece[k], rows = batch->piece[k + 1] - from;
    const double *dz = batch->dz + from * obj->K, *v = batch->v + from;
    for (int c = 0; c < obj->K; c++)
      for (lc_index i = 0; i < rows; i++) curvature += v[i] * dz[i + c * rows] * dz[i + c * rows];
  }
  double ridge = batch->metric ? ridge_along(batch) : 0, a = descent / (max_curvature(obj) * curvature + ridge);
  double other = batch->corrected || batch->metric ? descent - descent_at(batch, 0) : 0;
  for (int i = 0; i < SECANTS && a > 0 && isfinite(a); i++) {
    double there = descent_at(batch, a) + other - a * ridge, fall = descent - there;
    if (fabs(there) <= enough * descent) break;
    double next = fall > 0 ? a * (descent / fall) : INFINITY;
    a = fmax(a / farthest, fmin(a * farthest, next));
  }
  return a > 0 && isfinite(a) ? a : NAN;
}

/* D_i = unit times slope; its part of minus the derivative along D. */
static double set_direction(lc_batch *batch, lc_index i, double unit) {
  double slope = batch->G[i] + correction(batch, i);
  batch->D[i] = unit * slope;
  return batch->D[i] * slope;
}

/* D = metric^-1 slope, where the slope has the L2 part; minus the derivative along D. */
static double turn_direction(lc_batch *batch) {
  const lc_objective *obj = batch->obj;
  lc_index P = obj->P;
  for (lc_index i = 0; i < P; i++) batch->D[i] = batch->G[i] + correction(batch, i);
  lc_penalty_add_ridge(obj->pen, obj->K, batch->B, batch->D);
  memcpy(batch->slope, batch->D, (size_t)P * sizeof(double));
  lc_metric_solve(batch->metric, batch->D);
  return lc_dot(P, batch->D, batch->slope);
}

/* The rate of this step. */
static double choose_rate(lc_batch *batch, const lc_index *index, lc_index count, double share) {
  const lc_objective *obj = batch->obj;
  double descent = 0;
  if (!searches(batch)) return share * batch->rate;
  if (batch->metric) descent = turn_direction(batch);
  for (int c = 0; !batch->metric && c < obj->K; c++) {
    lc_index at = c * obj->q;
    if (obj->pen->intercept) descent += set_direction(batch, at, 1);
    for (lc_index t = 0; t < count; t++) {
      lc_index j = batch->feature[t];
      descent += set_direction(batch, at + obj->pen->intercept + j, batch->unit[j]);
    }
  }
  double longest = descent > 0 ? line_search(batch, index, descent) : NAN;
  double careful = batch->metric && batch->corrected ? METRIC_SHARE : 1;
  if (isnan(longest)) return batch->searches > 0 ? careful * share * mean_step(batch) : 0;
  take_into_mean(batch, longest);
  return careful * fmin(longest, share * mean_step(batch)) * (1 - batch->momentum);
}

/* ---- the step ------------------------------------------------------------------------------------------- */

/* The next value of coefficient i, of feature j (-1: an intercept). part: of all rows, that the batch is. */
static void move(lc_batch *batch, lc_index i, lc_index j, double rate, double part) {
  const lc_penalty *pen = batch->obj->pen;
  double b = batch->B[i], length = j < 0 ? rate : rate * batch->unit[j], g = batch->G[i];
  if (j >= 0 && !searches(batch)) g += lc_penalty_l2(pen, j) * b;
  double next = b - length * g + batch->momentum * (b - batch->B_before[i]), constant = correction(batch, i);
  if (j < 0)
    next -= length * constant;
  else if (length > 0)
    next =
        searches(batch) ? lc_penalty_flow(pen, j, next, constant, length) : lc_penalty_prox(pen, j, next, 1 / length);
  if (batch->table) batch->table_gradient[i] += part * batch->G[i];
  batch->B_before[i] = b;
  batch->B[i] = next;
}

/* The step along D, which has the L2 part in it. */
static void move_by_metric(lc_batch *batch, double rate, double part) {
  for (lc_index i = 0; i < batch->obj->P; i++) {
    double b = batch->B[i];
    batch->B[i] = b - rate * batch->D[i] + batch->momentum * (b - batch->B_before[i]);
    batch->B_before[i] = b;
    if (batch->table) batch->table_gradient[i] += part * batch->G[i];
  }
}

void lc_batch_step(lc_batch *batch, lc_index m, const lc_index *index, double share) {
  const lc_objective *obj = batch->obj;
  int intercept = obj->pen->intercept;
  lc_index count = obj->pen->p;
  if (!gather_weights(batch, m, index)) return;
  split(batch, m, index);
  if (batch->lazy) {
    count = lc_objective_row_features(&batch->part->rows, m, index, batch->mark, batch->feature);
    for (lc_index t = 0; t < count; t++) catch_up(batch, batch->feature[t]);
  } else {
    memset(batch->G, 0, (size_t)obj->P * sizeof(double));
  }
  add_gradient(batch, index);
  double rate = choose_rate(batch, index, count, share);
  double part = (double)m / (double)batch->n;
  batch->clock += searches(batch) ? rate : 1;
  if (batch->metric) {
    move_by_metric(batch, rate, part);
    return;
  }
  for (int c = 0; c < obj->K; c++) {
    lc_index at = c * obj->q;
    if (intercept) move(batch, at, -1, rate, part);
    for (lc_index t = 0; t < count; t++) move(batch, at + intercept + batch->feature[t], batch->feature[t], rate, part);
    for (lc_index t = 0; batch->lazy && t < count; t++) batch->G[at + intercept + batch->feature[t]] = 0;
    if (intercept) batch->G[at] = 0;
  }
  for (lc_index t = 0; batch->lazy && t < count; t++) batch->done[batch->feature[t]] = batch->clock;
}
