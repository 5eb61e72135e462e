/* hessian/metric.c - arrows and Kronecker products as models of the Hessian. */
#include "hessian/metric.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "hessian/leading.h"

enum {
  MOST_SCORES = 100,                                /* K of a Kronecker model */
  MOST_PAIRS = MOST_SCORES * (MOST_SCORES + 1) / 2, /* second derivatives of a row on the stack */
  STRIP = 32,                                       /* rows whose second derivatives are taken together */
  ROWS_PER_COLUMN = 10,                             /* of a sample: 3 are too few (measured) */
  MOST_BYTES = 1 << 29                              /* of all factors */
};

/* ---- arrows ------------------------------------------------------------------------------------------------ */

/* Square of the unit of coefficient j. */
static double mean_square(const lc_objective *obj, lc_index j) {
  lc_index feature = j - obj->pen->intercept;
  double rms = feature < 0 ? 1 : lc_objective_rms(obj, feature);
  return rms * rms;
}

static double column_mean(const lc_objective *obj, lc_index j) {
  lc_index feature = j - obj->pen->intercept;
  return feature < 0 || !obj->pen->intercept || !obj->mean ? 0 : obj->mean[feature];
}

static double ridge_of(const lc_objective *obj, lc_index j) {
  return j < obj->pen->intercept ? 0 : lc_penalty_l2(obj->pen, j - obj->pen->intercept);
}

/* An arrow's entry: h of the loss, not below what rounding or a weight that vanished would leave. */
static double inverse(const lc_objective *obj, lc_index j, double bound, double h) {
  const double least = 1e-6;
  return 1 / (fmax(h, least * bound * mean_square(obj, j)) + ridge_of(obj, j));
}

lc_status lc_metric_bound(const lc_objective *obj, lc_metric *out) {
  memset(out, 0, sizeof *out);
  out->q = obj->q;
  out->P = obj->P;
  out->K = obj->K;
  out->rows = ROWS_PER_COLUMN * (double)obj->q;
  out->D = lc_arena_doubles(obj->arena, obj->P);
  out->mean = lc_arena_doubles(obj->arena, obj->P);
  if (!out->D || !out->mean) return LC_OUT_OF_MEMORY;
  double bound = lc_coding_bound(obj->loss, &obj->coding);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++) {
      double mean = column_mean(obj, j);
      out->mean[c * obj->q + j] = mean;
      out->D[c * obj->q + j] = inverse(obj, j, bound, bound * (mean_square(obj, j) - mean * mean));
    }
  return LC_OK;
}

static int has_curvature(const lc_objective *obj) {
  return ((obj->loss->flags & LC_CURVATURE) || obj->coding.mu > 0) && obj->K <= MOST_SCORES;
}

/* Rows whose derivatives fit on the stack together. */
static int strip_rows(const lc_objective *obj) { return (int)lc_min(MOST_PAIRS / obj->ns, LC_SCRATCH / obj->K); }

/* Weighted second derivatives of each score by itself at `at`, K x n. pairs: of STRIP rows. */
static void own_curvatures(const lc_objective *obj, double *pairs, double *S) {
  lc_index n = obj->x->n;
  int K = obj->K, most = (int)lc_min(STRIP, LC_SCRATCH / K);
  for (lc_index i0 = 0; i0 < n; i0 += most) {
    int m = (int)lc_min(most, n - i0);
    lc_objective_row_weights(obj, i0, m, pairs, m);
    for (int i = 0; i < m; i++)
      for (int c = 0; c < K; c++) S[c + (i0 + i) * K] = pairs[i + lc_packed_at(c, c) * m];
  }
}

static void set_arrow(const lc_objective *obj, const double *sum, const double *square, lc_metric *metric) {
  double bound = lc_coding_bound(obj->loss, &obj->coding);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++) {
      lc_index i = c * obj->q + j;
      int coupled = obj->pen->intercept && j > 0 && sum[c * obj->q] > 0;
      metric->mean[i] = coupled ? sum[i] / sum[c * obj->q] : 0;
      metric->D[i] = inverse(obj, j, bound, (square[i] - metric->mean[i] * sum[i]) / obj->weight_sum);
    }
}

lc_status lc_metric_refresh(lc_objective *obj, lc_metric *metric) {
  if (!has_curvature(obj) || !obj->at.Z) return LC_OK;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *S = lc_arena_doubles(obj->arena, obj->x->n * obj->K);
  double *sum = lc_arena_doubles(obj->arena, obj->P), *square = lc_arena_doubles(obj->arena, obj->P);
  double *pairs = lc_arena_doubles(obj->arena, (lc_index)STRIP * obj->ns);
  lc_status status = S && sum && square && pairs ? LC_OK : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    own_curvatures(obj, pairs, S);
    status = lc_design_moments(obj->x, obj->K, S, obj->host, obj->arena, sum, square);
    obj->passes++;
  }
  if (status == LC_OK) set_arrow(obj, sum, square, metric);
  lc_arena_reset(obj->arena, mark);
  return status == LC_UNSUPPORTED ? LC_OK : status;
}

/* v <- L'^-1 diag(D) L^-1 v for each score, where L adds `mean` times the intercept's entry to the slopes'. */
static void solve_arrow(const lc_metric *metric, double *v) {
  lc_index q = metric->q;
  for (int c = 0; c < metric->K; c++) {
    double *part = v + c * q, first = part[0], moved = 0;
    const double *mean = metric->mean + c * q, *D = metric->D + c * q;
    for (lc_index j = 0; j < q; j++) {
      part[j] = (part[j] - mean[j] * first) * D[j];
      moved += mean[j] * part[j];
    }
    part[0] -= moved;
  }
}

/* ---- Kronecker models --------------------------------------------------------------------------------------- */

static int most_factors(const lc_objective *obj) {
  return lc_penalty_is_none(obj->pen) ? 1 : (int)lc_min(obj->K, LC_METRIC_FACTORS);
}

double lc_metric_read_products(const lc_objective *obj) {
  /* A product of a pass costs about a nanosecond's share of memory beside its two; those of a Gram matrix and a factor
   * come from cache. */
  double memory = 8;
  return (double)obj->x->n * (double)obj->q * (4 * obj->K + memory);
}

double lc_metric_cost(const lc_objective *obj, double rows) {
  double q = (double)obj->q, n = (double)obj->x->n, factors = most_factors(obj);
  if (!has_curvature(obj) || n < q || factors * q * q * sizeof(double) > MOST_BYTES) return INFINITY;
  rows = fmin(n, rows);
  double products = rows * q * q + factors * q * q * q / 3 + lc_leading_products(obj, rows);
  return products / lc_metric_read_products(obj);
}

lc_status lc_metric_allocate(const lc_objective *obj, lc_metric *metric) {
  lc_arena *arena = obj->arena;
  lc_index K = obj->K, q = obj->q, most = most_factors(obj);
  metric->V = lc_arena_doubles(arena, K * K);
  metric->Vt = lc_arena_doubles(arena, K * K);
  metric->s = lc_arena_doubles(arena, K);
  metric->group = lc_arena_alloc(arena, K, sizeof *metric->group);
  metric->U = lc_arena_doubles(arena, most * q * q);
  metric->skip = lc_arena_alloc(arena, most * q, 1);
  metric->l2 = lc_arena_doubles(arena, q);
  metric->work = lc_arena_doubles(arena, q * K);
  int got = metric->V && metric->Vt && metric->s && metric->group && metric->U && metric->skip && metric->l2;
  return got && metric->work ? lc_leading_allocate(obj, &metric->leading) : LC_OUT_OF_MEMORY;
}

/* sum += w S_i for all pairs, then w; the trace of w S_i is the row's weight in G. */
static lc_status curvature_block(void *context, const lc_block *block, double *sum) {
  const lc_objective *obj = context;
  double r[LC_SCRATCH], s[MOST_PAIRS];
  int ns = obj->ns, most = strip_rows(obj);
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    lc_loss_block rows = {
        .m = m, .z = block->z + i0, .y = block->y + i0, .r = r, .s = s, .ldz = block->ld, .ldr = m, .lds = m};
    obj->loss->rows(&obj->coding, &rows);
    for (int i = 0; i < m; i++) {
      double w = lc_block_weight(block, i0 + i), trace = 0;
      for (int k = 0; k < ns; k++) sum[k] += w * s[i + k * m];
      for (int c = 0; c < obj->K; c++) trace += s[i + lc_packed_at(c, c) * m];
      sum[ns] += w;
      block->s[i0 + i] = w * trace;
    }
  }
  return LC_OK;
}

/* Eigenvectors of S, given packed, and directions grouped by eigenvalue: equal steps of log s, at least a factor 2. */
static lc_status find_directions(const lc_host *host, lc_metric *metric, int most_groups, const double *S,
                                 double *full) {
  const double flat = 1e-9;
  int K = metric->K;
  for (int b = 0; b < K; b++)
    for (int a = 0; a <= b; a++) full[a + b * K] = full[b + a * K] = S[lc_packed_at(a, b)];
  LC_TRY(lc_eigen(host, K, full, metric->s, metric->V));
  double largest = 0, least = INFINITY;
  for (int c = 0; c < K; c++) largest = fmax(largest, metric->s[c]);
  for (int c = 0; c < K; c++)
    if (metric->s[c] > flat * largest) least = fmin(least, metric->s[c]);
  double step = fmax(log(2), log(largest / least) / most_groups * (1 + 1e-9));
  metric->groups = 0;
  for (int c = 0; c < K; c++) {
    int curved = metric->s[c] > flat * largest;
    metric->group[c] = curved ? (int)(log(largest / metric->s[c]) / step) : -1;
    metric->groups = (int)lc_max(metric->groups, metric->group[c] + 1);
    for (int a = 0; a < K; a++) metric->Vt[c + a * K] = metric->V[a + c * K];
  }
  return LC_OK;
}

/* What the members of a group share: the geometric mean of their eigenvalues; 0 when there are none. */
static double group_value(const lc_metric *metric, int group) {
  double sum = 0, count = 0;
  for (int c = 0; c < metric->K; c++) {
    if (metric->group[c] != group) continue;
    sum += log(metric->s[c]);
    count++;
  }
  return count > 0 ? exp(sum / count) : 0;
}

/* Factors of G + diag(l2) / s. A column that the sample hardly saw gets a share of its mean square over all rows, and
 * each diagonal a little more than rounding: the metric is never singular, whatever the columns. */
static void factor_groups(const lc_objective *obj, lc_metric *metric, const double *gram, double total) {
  const double tiny = 1e-10, share = 0.01;
  lc_index q = metric->q;
  for (lc_index j = 0; j < q; j++) metric->l2[j] = ridge_of(obj, j);
  for (int g = 0; g < metric->groups; g++) {
    double *U = metric->U + g * q * q, s = group_value(metric, g);
    if (s == 0) continue;
    for (lc_index j = 0; j < q; j++) {
      double *column = U + j * q;
      for (lc_index i = 0; i <= j; i++) column[i] = gram[lc_packed_at(i, j)] / total;
      column[j] = fmax(column[j], share * mean_square(obj, j)) * (1 + tiny) + metric->l2[j] / s;
    }
    lc_cholesky(obj->host, q, U, 1e-14, metric->skip + g * q, NULL);
  }
}

/* Both sums become their mean with those of earlier points, a share `keep` of it, which they replace. */
static void blend(const lc_objective *obj, lc_metric *metric, double keep, double *gram, double *sum) {
  lc_index size = lc_packed_size(obj->q);
  double *parts[] = {gram, sum}, *past = metric->past;
  lc_index counts[] = {size, obj->ns + 1};
  for (int part = 0; part < 2; past += counts[part++])
    for (lc_index i = 0; i < counts[part]; i++)
      past[i] = parts[part][i] = keep > 0 ? (1 - keep) * parts[part][i] + keep * past[i] : parts[part][i];
}

/* Sums over the sampled rows at B, with a share of earlier ones, then eigenvectors and factors. */
static lc_status fill(lc_objective *obj, const double *B, double keep, lc_metric *metric) {
  lc_index ns = obj->ns, K = obj->K;
  double *gram = lc_arena_doubles(obj->arena, lc_packed_size(obj->q));
  double *sum = lc_arena_doubles(obj->arena, ns + 1), *full = lc_arena_doubles(obj->arena, K * K), total = 0;
  double *Z = lc_arena_doubles(obj->arena, metric->sample.n * K);
  if (!gram || !sum || !full || !Z) return LC_OUT_OF_MEMORY;
  lc_pass pass = {.K = obj->K,
                  .obs = &metric->sample_obs,
                  .ns = 1,
                  .nsum = (int)ns + 1,
                  .B = B,
                  .Z = Z,
                  .block = curvature_block,
                  .context = obj,
                  .sum = sum,
                  .C = gram};
  LC_TRY(metric->sample.ops->pass(&metric->sample, &pass, obj->host, obj->arena));
  obj->passes += (double)metric->sample.n / (double)obj->x->n;
  if (metric->past) blend(obj, metric, keep, gram, sum);
  for (int c = 0; c < obj->K; c++) total += sum[lc_packed_at(c, c)];
  metric->ready = total > 0;
  if (!metric->ready) return LC_OK;
  for (lc_index k = 0; k < ns; k++) sum[k] /= sum[ns];
  LC_TRY(find_directions(obj->host, metric, most_factors(obj), sum, full));
  LC_TRY(lc_leading_find(obj, gram, &metric->leading));
  factor_groups(obj, metric, gram, total);
  return lc_leading_fill(obj, metric, Z);
}

lc_status lc_metric_build(lc_objective *obj, const double *B, lc_metric *metric) {
  if (!metric->U) LC_TRY(lc_metric_allocate(obj, metric));
  if (metric->sample.n == 0)
    LC_TRY(
        lc_design_sample(obj->x, obj->obs, (lc_index)metric->rows, &metric->sample, &metric->sample_obs, obj->arena));
  double keep = metric->past ? metric->keep : 0; /* the first has none before it */
  if (metric->keep > 0 && !metric->past) {
    metric->past = lc_arena_doubles(obj->arena, lc_packed_size(obj->q) + obj->ns + 1);
    if (!metric->past) return LC_OUT_OF_MEMORY;
  }
  lc_mark mark = lc_arena_mark(obj->arena);
  lc_status status = fill(obj, B, keep, metric);
  lc_arena_reset(obj->arena, mark);
  return status;
}

/* v <- (s G + diag(l2))^-1 v in direction c of S. */
static void solve_direction(const lc_metric *metric, int c, double *v) {
  lc_index q = metric->q;
  int g = metric->group[c];
  if (g >= 0) lc_cholesky_solve(q, metric->U + g * q * q, q, metric->skip + g * q, v);
  for (lc_index j = 0; j < q; j++) v[j] = g >= 0 ? v[j] / metric->s[c] : metric->l2[j] > 0 ? v[j] / metric->l2[j] : 0;
}

void lc_metric_solve(void *context, double *v) {
  lc_metric *metric = context;
  lc_index q = metric->q;
  int K = metric->K;
  if (!metric->ready) {
    solve_arrow(metric, v);
    return;
  }
  double *turned = metric->work;
  memset(turned, 0, (size_t)metric->P * sizeof(double));
  lc_kernels()->scores(q, K, K, v, q, metric->V, K, turned, q);
  lc_index r = metric->leading.r;
  if (r > 0) lc_leading_correct(metric, turned);
  for (int c = 0; c < K; c++) solve_direction(metric, c, turned + c * q);
  lc_kernels()->scores(q, r, K, metric->leading.V, q, metric->leading.c, r, turned, q);
  memset(v, 0, (size_t)metric->P * sizeof(double));
  lc_kernels()->scores(q, K, K, turned, q, metric->Vt, K, v, q);
}
