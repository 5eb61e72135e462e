/* problem/jeffreys.c - Jeffreys' penalty by sums over rows. */
#include "problem/jeffreys.h"

typedef struct spread_context {
  const lc_objective *obj;
  int count; /* vectors v_t of this pass */
  double *D; /* n x k */
} spread_context;

/* Probabilities of a strip of rows at `at`, m x k. */
static void strip_probabilities(const lc_objective *obj, lc_index row, int m, double *p) {
  obj->loss->response(&obj->coding, m, obj->at.Z + row, obj->x->n, p, m);
}

/* D_c += (u_c - sum_a p_a u_a)^2 of a strip of m rows; u: m x K, ldu; p: m x k; D: ldd. */
static void add_squares(const lc_coding *coding, int m, const double *p, const double *u, lc_index ldu, double *D,
                        lc_index ldd) {
  double mean[LC_BLOCK_ROWS] = {0};
  int first = coding->k - coding->K; /* classes before it have no score */
  for (int c = first; c < coding->k; c++)
    for (int i = 0; i < m; i++) mean[i] += p[i + c * m] * u[i + (c - first) * ldu];
  for (int c = 0; c < coding->k; c++)
    for (int i = 0; i < m; i++) {
      double away = (c < first ? 0 : u[i + (c - first) * ldu]) - mean[i];
      D[i + c * ldd] += away * away;
    }
}

/* The block's scores are the u of `count` vectors, all K columns of a vector side by side. */
static lc_status spread_block(void *context, const lc_block *block, double *sum) {
  const spread_context *spread = context;
  const lc_objective *obj = spread->obj;
  double p[LC_SCRATCH];
  int k = obj->coding.k, most = LC_SCRATCH / k;
  (void)sum;
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    lc_index row = block->row0 + i0;
    strip_probabilities(obj, row, m, p);
    for (int t = 0; t < spread->count; t++)
      add_squares(&obj->coding, m, p, block->z + i0 + t * obj->K * block->ld, block->ld, spread->D + row, obj->x->n);
  }
  return LC_OK;
}

/* r_c = -w p_c (D_c - sum_a p_a D_a) / (2 W). */
static lc_status slope_block(void *context, const lc_block *block, double *sum) {
  const spread_context *spread = context;
  const lc_objective *obj = spread->obj;
  double p[LC_SCRATCH];
  int k = obj->coding.k, first = k - obj->K, most = LC_SCRATCH / k;
  (void)sum;
  for (int i0 = 0; i0 < block->m; i0 += most) {
    int m = block->m - i0 < most ? block->m - i0 : most;
    const double *D = spread->D + block->row0 + i0;
    strip_probabilities(obj, block->row0 + i0, m, p);
    for (int i = 0; i < m; i++) {
      double mean = 0, w = lc_block_weight(block, i0 + i) / (2 * obj->weight_sum);
      for (int c = 0; c < k; c++) mean += p[i + c * m] * D[i + c * obj->x->n];
      for (int c = first; c < k; c++)
        block->r[i0 + i + (c - first) * block->ldr] = -w * p[i + c * m] * (D[i + c * obj->x->n] - mean);
    }
  }
  return LC_OK;
}

static lc_status find_spread(lc_objective *obj, const double *root, spread_context *spread) {
  enum { COLUMNS = 64 };
  const lc_obs plain = {.n = obj->x->n}; /* x_i'v has no offset */
  lc_index most = lc_max(1, COLUMNS / obj->K);
  for (lc_index t = 0; t < obj->P; t += most) {
    spread->count = (int)lc_min(most, obj->P - t);
    lc_pass pass = {
        .K = spread->count * obj->K, .obs = &plain, .B = root + t * obj->P, .block = spread_block, .context = spread};
    LC_TRY(obj->x->ops->pass(obj->x, &pass, obj->host, obj->arena));
    obj->passes++;
  }
  return LC_OK;
}

lc_status lc_jeffreys_gradient(lc_objective *obj, const double *root, double *G) {
  if (!obj->loss->response || !obj->at.Z || obj->coding.k > LC_SCRATCH) return LC_UNSUPPORTED;
  lc_mark mark = lc_arena_mark(obj->arena);
  spread_context spread = {.obj = obj, .D = lc_arena_zeros(obj->arena, obj->x->n * obj->coding.k)};
  double *slope = lc_arena_doubles(obj->arena, obj->P);
  lc_status status = spread.D && slope ? find_spread(obj, root, &spread) : LC_OUT_OF_MEMORY;
  if (status == LC_OK) {
    lc_pass pass = {.K = obj->K, .obs = obj->obs, .Z = obj->at.Z, .block = slope_block, .context = &spread, .G = slope};
    status = obj->x->ops->pass(obj->x, &pass, obj->host, obj->arena);
    obj->passes++;
  }
  for (lc_index i = 0; status == LC_OK && i < obj->P; i++) G[i] += slope[i] / obj->weight_sum;
  lc_arena_reset(obj->arena, mark);
  return status;
}
