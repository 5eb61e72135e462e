/* lanes/outside.c - the columns that are no members: which of them violate their condition in some lane, and join.
 *
 * Few columns need to be read for that. The residuals of the eight lanes when all were read, and the products of the
 * columns with them, are kept. Lanes stand beside each other on the path, so that their present residuals are nearly in
 * the span of the kept ones: with R = sum of C_a A_a + rest, |x'R| <= |sum of C_a x'A_a| + |x| |rest|. Lanes that are
 * far from their solutions need no proof, but the columns that will soon be members: there the rest counts as what it
 * would be for random signs, some |x| |rest| / sqrt(n). */
#include <math.h>
#include <string.h>

#include "lanes/state.h"
#include "linalg/linalg.h"

enum { NEAR = 97 }; /* percent of what a gradient may be: from there on a column joins */

/* Are floats enough to see which columns come near? Their errors (col_float_lines) are at most 2e-7 times the root mean
 * squares of the column and of the residuals. */
static int floats_suffice(const lc_lanes *s) {
  const double error = 2e-7, share = 0.5 * (1 - 0.01 * NEAR);
  for (int l = 0; l < LC_LANES; l++)
    if (s->lane[l].active && !(error * s->lane[l].rms <= share * s->lane[l].lambda * s->least_l1)) return 0;
  return 1;
}

/* ---- bounds ---------------------------------------------------------------------------------------------------- */

/* Sums over rows: the products of A and B or, with C, the squares of what is left of B. */
typedef struct rows_job {
  const lc_lanes *s;
  const float *A, *B, *C;
} rows_job;

static void add_rows(void *context, lc_index from, lc_index to) {
  const rows_job *own = context;
  const lc_lane_kernel *loops = lc_kernels()->lanes;
  const double *w = own->s->obj->obs->w;
  const float *A = own->A + from * LC_LANES, *B = own->B + from * LC_LANES;
  double *sum = lc_lanes_row_sums(own->s, from);
  memset(sum, 0, LC_LANES * LC_LANES * sizeof *sum);
  if (own->C)
    loops->left(to - from, w ? w + from : NULL, A, B, own->C, sum);
  else
    loops->cross(to - from, w ? w + from : NULL, A, B, sum);
}

static void run_rows(rows_job *own, double *out) {
  lc_lanes_sum_rows(own->s, add_rows, own, own->C ? LC_LANES : LC_LANES * LC_LANES, out);
}

/* Which columns need to be read: those whose bound in some lane is above `near` times the strength of the penalty. */
typedef struct bounds {
  lc_lanes *s;
  float C[LC_LANES * LC_LANES];
  float rest[LC_LANES]; /* its length, and rounding, times the root of the weights */
  float near[LC_LANES];
} bounds;

/* The nearest points of the span, as far as the kept residuals are independent. */
static void find_bounds(bounds *own) {
  const double dependent = 1e-6, rounding = 1e-6; /* of floats */
  lc_lanes *s = own->s;
  double signs = 4 / sqrt((double)s->x->n);
  rows_job job = {.s = s, .A = s->kept_R, .B = s->Rf};
  double gram[LC_LANES * LC_LANES], cross[LC_LANES * LC_LANES], left[LC_LANES];
  unsigned char skip[LC_LANES];
  memcpy(gram, s->kept_gram, sizeof gram);
  lc_cholesky(NULL, LC_LANES, gram, dependent, skip, NULL);
  run_rows(&job, cross);
  for (int l = 0; l < LC_LANES; l++) {
    double c[LC_LANES];
    for (int a = 0; a < LC_LANES; a++) c[a] = cross[a * LC_LANES + l];
    lc_cholesky_solve(LC_LANES, gram, LC_LANES, skip, c);
    for (int a = 0; a < LC_LANES; a++) own->C[a * LC_LANES + l] = (float)c[a];
  }
  job.C = own->C;
  run_rows(&job, left);
  for (int l = 0; l < LC_LANES; l++) {
    double size = s->lane[l].rms * sqrt(s->obj->weight_sum), share = s->lane[l].proved ? 1 : fmin(1, signs);
    for (int a = 0; a < LC_LANES; a++)
      size += fabs((double)own->C[a * LC_LANES + l]) * sqrt(s->kept_gram[a * LC_LANES + a]);
    own->rest[l] = (float)(sqrt(s->weights) * (share * sqrt(left[l]) + rounding * size) * (1 + rounding));
  }
}

static void mark_some(void *context, lc_index from, lc_index to) {
  const bounds *own = context;
  const lc_lanes *s = own->s;
  lc_kernels()->lanes->exceed(to - from, s->rest + from, s->kept_g, s->norm, s->strength, own->C, own->rest, own->near,
                              s->asks + from);
}

/* ---- reading --------------------------------------------------------------------------------------------------- */

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

/* Some of the columns that are read. */
typedef struct reading {
  lc_lanes *s;
  double near[LC_LANES];
  lc_index *feature;
  int keeps; /* products are kept */
  unsigned char joins[LC_LANES_COLUMNS];
} reading;

static void judge_some(void *context, lc_index from, lc_index to) {
  reading *own = context;
  const lc_lanes *s = own->s;
  for (lc_index a = from; a < to; a++) {
    const double *g = s->lines_out + a * LC_LANES;
    own->joins[a] = (unsigned char)violates(s->obj->pen, own->feature[a], g, own->near);
    for (int l = 0; own->keeps && l < LC_LANES; l++) s->kept_g[own->feature[a] * LC_LANES + l] = (float)g[l];
  }
}

/* `count` columns from own->feature on, at most LC_LANES_COLUMNS: those that violate join. */
static lc_status read_some(reading *own, int narrow, lc_index count) {
  lc_lanes *s = own->s;
  double by = 1 / s->obj->weight_sum;
  lc_index first = s->count, joining = 0;
  if (narrow)
    s->x->ops->col_float_lines(s->x, count, own->feature, s->Rf, s->lines_out, s->job->host);
  else
    s->x->ops->col_lines(s->x, count, own->feature, LC_LANES, s->R, s->lines_out, s->job->host);
  lc_parallel(s->threads, count, LC_LANES_PIECE, judge_some, own);
  for (lc_index a = 0; a < count; a++)
    if (own->joins[a]) {
      s->outside[own->feature[a]] = 0;
      own->feature[joining++] = own->feature[a];
    }
  LC_TRY(lc_lanes_join(s, joining, own->feature));
  s->x->ops->col_lines(s->x, s->count - first, s->feature + first, LC_LANES, s->R, s->lines_out, s->job->host);
  for (lc_index k = first; k < s->count; k++)
    for (int l = 0; l < LC_LANES; l++)
      s->g[lc_lane_at(k, l)] = s->lines_out[lc_lane_at(k - first, l)] * by * s->unit[k];
  return lc_poll(s->job->host);
}

/* The columns that are to be read; *all: every one, and products are kept. */
static lc_index choose_columns(lc_lanes *s, const double *near, int *all) {
  const double many = 0.5;
  lc_index count = 0;
  *all = s->kept_reads >= (double)s->nrest;
  if (!*all) {
    bounds own = {.s = s};
    for (int l = 0; l < LC_LANES; l++) own.near[l] = (float)near[l];
    find_bounds(&own);
    lc_parallel(s->threads, s->nrest, LC_LANES_PIECE, mark_some, &own);
    for (lc_index a = 0; a < s->nrest; a++)
      if (s->asks[a]) s->asked[count++] = s->rest[a];
    s->kept_reads += (double)count;
    *all = (double)count > many * (double)s->nrest;
  }
  if (!*all) return count;
  memcpy(s->asked, s->rest, (size_t)s->nrest * sizeof *s->asked);
  return s->nrest;
}

lc_status lc_lanes_read_rest(lc_lanes *s) {
  reading own = {.s = s};
  for (int l = 0; l < LC_LANES; l++)
    own.near[l] = s->lane[l].active ? 0.01 * NEAR * s->lane[l].lambda * s->obj->weight_sum : INFINITY;
  int narrow = floats_suffice(s);
  for (int l = 0; l < LC_LANES; l++) s->lane[l].proved = s->lane[l].target <= lc_lanes_near(s);
  lc_index count = choose_columns(s, own.near, &own.keeps), kept = 0, nrest = s->nrest;
  for (lc_index from = 0; from < count; from += LC_LANES_COLUMNS) {
    own.feature = s->asked + from;
    LC_TRY(read_some(&own, narrow, lc_min(LC_LANES_COLUMNS, count - from)));
  }
  for (lc_index a = 0; a < nrest; a++)
    if (s->outside[s->rest[a]]) s->rest[kept++] = s->rest[a];
  s->nrest = kept;
  s->obj->passes += (1 - lc_lanes_share(s)) * (double)count / (double)lc_max(1, nrest);
  if (own.keeps) {
    for (int l = 0; l < LC_LANES; l++) s->lane[l].proved = 1;
    rows_job gram = {.s = s, .A = s->Rf, .B = s->Rf};
    memcpy(s->kept_R, s->Rf, (size_t)(s->x->n * LC_LANES) * sizeof *s->Rf);
    run_rows(&gram, s->kept_gram);
    s->kept_reads = 0;
  }
  return LC_OK;
}
