/* lanes/pass.c - one read of the members' entries for scores and gradients. */
#include <math.h>
#include <string.h>

#include "lanes/state.h"

/* ---- pieces of rows -------------------------------------------------------------------------------------------- */

typedef struct piece {
  lc_lanes *s;
  lc_lanes_task task;
  void *context;
  lc_index chunk;
} piece;

static void run_parts(void *context, lc_index from, lc_index to) {
  const piece *all = context;
  lc_lanes *s = all->s;
  lc_index n = s->x->n, cuts = s->parts * s->chunks;
  for (lc_index part = from; part < to; part++) {
    lc_index cut = part * s->chunks + all->chunk;
    all->task(s, (int)part, n * cut / cuts, n * (cut + 1) / cuts, all->context);
  }
}

lc_status lc_lanes_each_part(lc_lanes *s, lc_lanes_task task, void *context) {
  piece all = {s, task, context, 0};
  for (; all.chunk < s->chunks; all.chunk++) {
    lc_parallel(s->threads, s->parts, 1, run_parts, &all);
    LC_TRY(lc_poll(s->job->host));
  }
  return LC_OK;
}

/* ---- scores, residuals, gradients of members ------------------------------------------------------------------- */

enum { BLOCK = 32, NUMBERS = BLOCK * LC_LANES, FLUSH = 256 }; /* rows; FLUSH: a multiple of BLOCK */

typedef struct row_sums {
  double loss[LC_LANES], R[LC_LANES], w[LC_LANES], squares[LC_LANES];
} row_sums;

/* sum += part, which starts again. At the beginning of a path terms are as good as equal, and so are their rounding
 * errors: one long sum of losses would be off by 1e-12 of itself, which is more than a step may raise it. */
static void flush(row_sums *sum, row_sums *part) {
  for (int l = 0; l < LC_LANES; l++) {
    sum->loss[l] += part->loss[l];
    sum->R[l] += part->R[l];
    sum->w[l] += part->w[l];
    sum->squares[l] += part->squares[l];
  }
  memset(part, 0, sizeof *part);
}

typedef struct trials {
  double centre[LC_LANES];
  row_sums part[LC_LANES_MOST_PARTS];
} trials;

/* Rows without weight, as those that a fold leaves out, have neither R nor w, and no loss. */
static void weigh_row(double weight, const double *restrict value, const double *restrict r, const double *restrict c,
                      double *restrict R, float *restrict w, row_sums *restrict sums) {
  if (weight == 0) {
    memset(R, 0, LC_LANES * sizeof *R);
    memset(w, 0, LC_LANES * sizeof *w);
    return;
  }
  for (int l = 0; l < LC_LANES; l++) {
    R[l] = weight * r[l];
    w[l] = (float)(weight * c[l]);
    sums->loss[l] += weight * value[l];
    sums->R[l] += R[l];
    sums->w[l] += (double)w[l];
    sums->squares[l] += R[l] * r[l];
  }
}

/* z and y of one row for all lanes. */
static void place_row(double offset, double label, const double *restrict centre, const double *restrict product,
                      double *restrict z, double *restrict y) {
  for (int l = 0; l < LC_LANES; l++) {
    z[l] = offset + centre[l] + product[l];
    y[l] = label;
  }
}

/* z = offset + X to + centre, afresh: lanes start on the line through two others, and what rounding left in scores that
 * are moved along would grow threefold from lambda to lambda. R and w there, and their sums. */
static void find_rows(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  const lc_objective *obj = s->obj;
  const lc_grown_rows *rows = &s->rows;
  trials *own = context;
  const double *offset = obj->obs->offset;
  row_sums *sums = own->part + part, some = {{0}, {0}, {0}, {0}};
  double y[NUMBERS], value[NUMBERS], r[NUMBERS], c[NUMBERS];
  for (lc_index i0 = from; i0 < to; i0 += BLOCK) {
    int m = (int)lc_min(BLOCK, to - i0);
    double *z = s->z + i0 * LC_LANES;
    lc_kernels()->gather(m, rows->start + i0, rows->end + i0, rows->index, rows->value, rows->narrow, LC_LANES,
                         s->slope, r);
    for (int i = 0, at = 0; i < m; i++, at += LC_LANES)
      place_row(offset ? offset[i0 + i] : 0, obj->obs->y[i0 + i], own->centre, r + at, z + at, y + at);
    lc_loss_block block = {.m = m * LC_LANES, .z = z, .y = y, .value = value, .r = r, .s = c};
    block.ldz = block.ldr = block.lds = block.m;
    obj->loss->rows(&obj->coding, &block);
    double *R = s->R + i0 * LC_LANES;
    float *w = s->w + i0 * LC_LANES;
    for (int i = 0, at = 0; i < m; i++, at += LC_LANES)
      weigh_row(lc_obs_weight(obj->obs, i0 + i), value + at, r + at, c + at, R + at, w + at, &some);
    if ((i0 - from) % FLUSH == FLUSH - BLOCK) flush(sums, &some);
  }
  flush(sums, &some);
}

static void move_row(const double *restrict shift, const float *restrict w, double *restrict R,
                     float *restrict narrow) {
  for (int l = 0; l < LC_LANES; l++) {
    R[l] -= shift[l] * (double)w[l];
    narrow[l] = (float)R[l];
  }
}

/* R -= w shift, which goes to floats, too; G += X'R. */
static void add_gradients(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  const double *shift = context;
  const lc_grown_rows *rows = &s->rows;
  for (lc_index i0 = from; i0 < to; i0 += BLOCK) {
    int m = (int)lc_min(BLOCK, to - i0);
    double *R = s->R + i0 * LC_LANES;
    float *narrow = s->Rf + i0 * LC_LANES;
    const float *w = s->w + i0 * LC_LANES;
    for (int at = 0; at < m * LC_LANES; at += LC_LANES) move_row(shift, w + at, R + at, narrow + at);
    lc_kernels()->scatter(m, rows->start + i0, rows->end + i0, rows->index, rows->value, rows->narrow, LC_LANES, R,
                          s->G[part]);
  }
}

/* The trials in shown units, and what the means of columns that are not centred take off the intercept. Sums of
 * gradients start at 0. */
static void find_slopes(void *context, lc_index from, lc_index to) {
  lc_lanes *s = context;
  double centre[LC_LANES] = {0};
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->slope[at] = s->to[at] * s->unit[k];
      centre[l] -= s->mean[k] * s->slope[at];
    }
  for (int part = 0; part < s->parts; part++)
    memset(s->G[part] + from * LC_LANES, 0, (size_t)(to - from) * LC_LANES * sizeof(double));
  memcpy(lc_lanes_line(s, from, 0), centre, sizeof centre);
}

static void add_parts(void *context, lc_index from, lc_index to) {
  lc_lanes *s = context;
  double by = 1 / s->obj->weight_sum;
  for (lc_index k = from; k < to; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      double sum = s->G[0][at];
      for (int part = 1; part < s->parts; part++) sum += s->G[part][at];
      s->g[at] = sum * s->unit[k] * by;
    }
}

double lc_lanes_share(const lc_lanes *s) { return (double)s->rows.entries / fmax(1, s->x->ops->cells(s->x) / 1.5); }

lc_status lc_lanes_pass(lc_lanes *s) {
  double shift[LC_LANES];
  trials all;
  memset(&all, 0, sizeof all);
  lc_lanes_each_piece(s, find_slopes, s);
  lc_lanes_total(s, 0, all.centre);
  for (int l = 0; l < LC_LANES; l++) all.centre[l] += s->lane[l].to0;
  LC_TRY(lc_lanes_each_part(s, find_rows, &all));
  for (int part = 1; part < s->parts; part++) flush(all.part, all.part + part);
  for (int l = 0; l < LC_LANES; l++) {
    double R = all.part[0].R[l], w = all.part[0].w[l], W = s->obj->weight_sum;
    s->lane[l].loss = all.part[0].loss[l] / W;
    s->lane[l].curvature = w / W;
    s->lane[l].rms = sqrt(all.part[0].squares[l] / W);
    s->lane[l].shift = shift[l] = s->x->intercept && w > 0 ? R / w : 0;
  }
  LC_TRY(lc_lanes_each_part(s, add_gradients, shift));
  lc_lanes_each_piece(s, add_parts, s);
  s->obj->passes += 2 * lc_lanes_share(s);
  return LC_OK;
}

/* ---- the diagonal ---------------------------------------------------------------------------------------------- */

/* sum w x and sum w x^2 of each member over the rows of a part, where its gradients were. */
static void add_squares(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  int l = *(const int *)context;
  double *sum = s->G[part], *square = sum + s->count;
  for (lc_index i = from; i < to; i++) {
    double w = (double)s->w[lc_lane_at(i, l)];
    if (w == 0) continue;
    for (int e = s->rows.start[i]; e < s->rows.end[i]; e++) {
      double x = (double)s->rows.narrow[e];
      sum[s->rows.index[e]] += w * x;
      square[s->rows.index[e]] += w * x * x;
    }
  }
}

/* The preconditioner of all lanes: curvatures of the members at the weights of the lane with the smallest lambda, over
 * the mean one, within limits. */
lc_status lc_lanes_metric(lc_lanes *s) {
  const double least = 0.25, most = 4;
  int from = 0;
  for (int l = 1; l < LC_LANES; l++)
    if (s->lane[l].lambda < s->lane[from].lambda) from = l;
  double total = s->lane[from].curvature * s->obj->weight_sum;
  if (!(total > 0)) return LC_OK;
  for (int part = 0; part < s->parts; part++) memset(s->G[part], 0, 2 * (size_t)s->count * sizeof(double));
  LC_TRY(lc_lanes_each_part(s, add_squares, &from));
  for (lc_index k = 0; k < s->count; k++) {
    double mean = s->x->intercept ? s->mean[k] : 0, unit = s->unit[k], sum = 0, square = 0;
    for (int part = 0; part < s->parts; part++) {
      sum += s->G[part][k];
      square += s->G[part][s->count + k];
    }
    double h = (square - 2 * mean * sum + mean * mean * total) * unit * unit / total;
    double ridge = s->l2[k] * s->lane[from].lambda / s->lane[from].curvature;
    s->metric[k] = (float)(1 / (fmin(most, fmax(least, h)) + ridge));
  }
  return LC_OK;
}
