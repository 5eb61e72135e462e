/* lanes/pass.c - one read of the members' entries for scores and gradients, and one of the other columns. */
#include <math.h>
#include <string.h>

#include "lanes/state.h"
#include "threads/threads.h"

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

enum { BLOCK = 32, NUMBERS = BLOCK * LC_LANES };

typedef struct row_sums {
  double loss[LC_LANES], R[LC_LANES], w[LC_LANES], squares[LC_LANES];
} row_sums;

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
  row_sums *sums = own->part + part;
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
      weigh_row(lc_obs_weight(obj->obs, i0 + i), value + at, r + at, c + at, R + at, w + at, sums);
  }
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

/* The trials in shown units, and the intercept of columns that are not centred. */
static void find_slopes(lc_lanes *s, trials *out) {
  for (int l = 0; l < LC_LANES; l++) out->centre[l] = s->lane[l].to0;
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->slope[at] = s->to[at] * s->unit[k];
      out->centre[l] -= s->mean[k] * s->slope[at];
    }
}

double lc_lanes_share(const lc_lanes *s) {
  return (double)s->rows.entries / fmax(1, s->x->ops->cells(s->x) / 1.5);
}

lc_status lc_lanes_pass(lc_lanes *s) {
  size_t lines = (size_t)s->count * LC_LANES * sizeof(double);
  double shift[LC_LANES];
  trials all;
  memset(&all, 0, sizeof all);
  find_slopes(s, &all);
  LC_TRY(lc_lanes_each_part(s, find_rows, &all));
  for (int part = 1; part < s->parts; part++)
    for (int l = 0; l < LC_LANES; l++) {
      all.part[0].loss[l] += all.part[part].loss[l];
      all.part[0].R[l] += all.part[part].R[l];
      all.part[0].w[l] += all.part[part].w[l];
      all.part[0].squares[l] += all.part[part].squares[l];
    }
  for (int l = 0; l < LC_LANES; l++) {
    double R = all.part[0].R[l], w = all.part[0].w[l], W = s->obj->weight_sum;
    s->lane[l].loss = all.part[0].loss[l] / W;
    s->lane[l].curvature = w / W;
    s->lane[l].rms = sqrt(all.part[0].squares[l] / W);
    s->lane[l].shift = shift[l] = s->x->intercept && w > 0 ? R / w : 0;
  }
  for (int part = 0; part < s->parts; part++) memset(s->G[part], 0, lines);
  LC_TRY(lc_lanes_each_part(s, add_gradients, shift));
  double by = 1 / s->obj->weight_sum;
  for (lc_index k = 0; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      double sum = s->G[0][at];
      for (int part = 1; part < s->parts; part++) sum += s->G[part][at];
      s->g[at] = sum * s->unit[k] * by;
    }
  s->obj->passes += 2 * lc_lanes_share(s);
  return LC_OK;
}

/* ---- the other columns ----------------------------------------------------------------------------------------- */

enum { NEAR = 97 }; /* percent of what a gradient may be: from there on a column joins */

/* Are floats enough to see which columns come near? Their errors (col_float_lines) are at most 2e-7 times the root mean
 * squares of the column and of the residuals. */
static int floats_suffice(const lc_lanes *s) {
  const double error = 2e-7, share = 0.5 * (1 - 0.01 * NEAR);
  for (int l = 0; l < LC_LANES; l++)
    if (s->lane[l].active && !(error * s->lane[l].rms <= share * s->lane[l].lambda * s->least_l1)) return 0;
  return 1;
}

/* Does a sum of products x r (shown units) pull feature f away from 0 in some lane, or nearly so? near: what it may be
 * where the strength of the L1 part is 1. */
static int violates(const lc_penalty *pen, lc_index f, const double *restrict g, const double *restrict near) {
  double strength = pen->l1[f];
  int any = 0;
  for (int l = 0; l < LC_LANES; l++) any |= fabs(g[l]) > near[l] * strength;
  if (!any || !pen->lower) return any;
  for (int l = 0; l < LC_LANES; l++)
    if (fabs(g[l]) > near[l] * strength && (g[l] > 0 ? pen->lower[f] < 0 : pen->upper[f] > 0)) return 1;
  return 0;
}

/* Columns rest[from .. to - 1]: those that violate join, at most LC_LANES_COLUMNS, the others move to `kept`. */
static lc_status read_some(lc_lanes *s, int narrow, lc_index from, lc_index to, lc_index *kept) {
  double by = 1 / s->obj->weight_sum, near[LC_LANES];
  lc_index first = s->count;
  for (int l = 0; l < LC_LANES; l++)
    near[l] = s->lane[l].active ? 0.01 * NEAR * s->lane[l].lambda * s->obj->weight_sum : INFINITY;
  if (narrow)
    s->x->ops->col_float_lines(s->x, to - from, s->rest + from, s->Rf, s->lines_out, s->job->host);
  else
    s->x->ops->col_lines(s->x, to - from, s->rest + from, LC_LANES, s->R, s->lines_out, s->job->host);
  for (lc_index a = from; a < to; a++) {
    lc_index f = s->rest[a];
    if (violates(s->obj->pen, f, s->lines_out + (a - from) * LC_LANES, near))
      LC_TRY(lc_lanes_join(s, 1, &f));
    else
      s->rest[(*kept)++] = f;
  }
  s->x->ops->col_lines(s->x, s->count - first, s->feature + first, LC_LANES, s->R, s->lines_out, s->job->host);
  for (lc_index k = first; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++)
      s->g[lc_lane_at(k, l)] = s->lines_out[lc_lane_at(k - first, l)] * by * s->unit[k];
  return LC_OK;
}

lc_status lc_lanes_read_rest(lc_lanes *s) {
  lc_index kept = 0, nrest = s->nrest;
  int narrow = floats_suffice(s);
  for (lc_index from = 0; from < nrest; from += LC_LANES_COLUMNS) {
    LC_TRY(read_some(s, narrow, from, lc_min(nrest, from + LC_LANES_COLUMNS), &kept));
    LC_TRY(lc_poll(s->job->host));
  }
  s->nrest = kept;
  s->obj->passes += 1 - lc_lanes_share(s);
  return LC_OK;
}

/* ---- the diagonal ---------------------------------------------------------------------------------------------- */

/* The preconditioner of all lanes: curvatures of the members at the weights of the lane with the smallest lambda, over
 * the mean one, within limits. */
void lc_lanes_metric(lc_lanes *s) {
  const double least = 0.25, most = 4;
  int from = 0;
  for (int l = 1; l < LC_LANES; l++)
    if (s->lane[l].lambda < s->lane[from].lambda) from = l;
  double total = s->lane[from].curvature * s->obj->weight_sum, *sum = s->G[0],
         *square = s->G[0] + s->count;
  if (!(total > 0)) return;
  memset(sum, 0, 2 * (size_t)s->count * sizeof *sum);
  for (lc_index i = 0; i < s->x->n; i++) {
    double w = (double)s->w[lc_lane_at(i, from)];
    if (w == 0) continue;
    for (int e = s->rows.start[i]; e < s->rows.end[i]; e++) {
      double x = (double)s->rows.narrow[e];
      sum[s->rows.index[e]] += w * x;
      square[s->rows.index[e]] += w * x * x;
    }
  }
  for (lc_index k = 0; k < s->count; k++) {
    double mean = s->x->intercept ? s->mean[k] : 0, unit = s->unit[k];
    double h = (square[k] - 2 * mean * sum[k] + mean * mean * total) * unit * unit / total;
    double ridge = s->l2[k] * s->lane[from].lambda / s->lane[from].curvature;
    s->metric[k] = (float)(1 / (fmin(most, fmax(least, h)) + ridge));
  }
}
