/* design/dense_pass.c - one pass over a dense matrix: in memory, or in windows of rows that come one after another. */
#include <string.h>

#include "design/dense.h"
#include "kernel/kernel.h"

enum {
  TILE_BYTES = 512 * 1024, /* a tile is used three times (scores, gradient, Gram): it should stay in L2 */
  TILE_ROWS = 256
};

/* Rows of a tile: a multiple of 16 between 32 and TILE_ROWS. */
static int tile_rows(lc_index p) {
  lc_index rows = TILE_BYTES / (8 * lc_max(p, 1)) / 16 * 16;
  return (int)lc_min(TILE_ROWS, lc_max(32, rows));
}

lc_index lc_dense_block_rows(lc_index n, lc_index p) { return lc_min(tile_rows(p), lc_max(1, n)); }

/* Gram matrices read a tile many times: a copy without strides of the user's matrix (which may map all columns to the
 * same cache sets) pays for itself. */
static int must_pack(const lc_design *x, const lc_pass *pass) { return !lc_dense_is_view(x) || pass->C != NULL; }

/* Rows row0 .. row0+m-1 of one column as shown, written to out. */
void lc_dense_load(const lc_design *x, lc_index row0, lc_index m, lc_index j, double *out) {
  double shift = x->shift ? x->shift[j] : 0, scale = x->scale ? x->scale[j] : 1;
  if (!lc_dense_is_double(x))
    lc_kernels()->widen(m, lc_dense_stored(x, row0, j), out);
  else if (lc_dense_is_view(x))
    memcpy(out, lc_dense_stored(x, row0, j), (size_t)m * sizeof(double));
  const double *column = lc_dense_is_double(x) ? lc_dense_stored(x, row0, j) : out;
  if (!lc_dense_is_view(x))
    for (lc_index i = 0; i < m; i++) out[i] = (column[i] - shift) * scale;
}

/* Rows of all columns: doubles with leading dimension ld or, with `at`, what is stored, each column at its place. */
typedef struct tile_view {
  const double *X;
  lc_index ld;
  const void *const *at;
} tile_view;

/* In the caller's memory where that can be (the list has p places for ints), else the copy is filled. */
static tile_view load_tile(const lc_design *x, lc_index row0, lc_index m, int pack, double *copy, const void **list) {
  if (!pack && lc_dense_is_double(x)) return (tile_view){lc_dense_stored(x, row0, 0), x->n, NULL};
  for (lc_index j = 0; j < x->p; j++) {
    if (pack)
      lc_dense_load(x, row0, m, j, copy + j * m);
    else
      list[j] = lc_dense_stored(x, row0, j);
  }
  return (tile_view){copy, m, pack ? NULL : list};
}

typedef lc_dense_slot slot;
typedef lc_dense_sweep sweep;

static void make_plan(sweep *sw) {
  sw->rows = (int)lc_dense_block_rows(sw->x->n, sw->x->p);
  sw->q = lc_design_q(sw->x);
  sw->nblocks = (sw->x->n + sw->rows - 1) / sw->rows;
  sw->packed = lc_packed_size(sw->q);
  sw->slots = lc_partial_count(sw->nblocks, sw->pass->C ? sw->packed * sw->pass->ns : 0);
}

static lc_status make_scratch(const sweep *sw, slot *out, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  lc_index rows = sw->rows, p = sw->x->p;
  out->tile = lc_arena_doubles(arena, lc_pass_reads(pass) && must_pack(sw->x, pass) ? rows * p : 0);
  out->z = lc_arena_doubles(arena, pass->Z ? 0 : rows * pass->K);
  out->r = lc_arena_doubles(arena, rows * pass->K);
  out->s = lc_arena_doubles(arena, rows * pass->ns);
  out->work = lc_arena_doubles(arena, pass->C ? rows * lc_max(p, LC_GRAM_WORK) : 0);
  out->list = lc_arena_alloc(arena, lc_dense_is_double(sw->x) ? 0 : p, sizeof *out->list);
  return out->list && out->tile && out->z && out->r && out->s && out->work ? LC_OK : LC_OUT_OF_MEMORY;
}

static lc_status make_sums(const sweep *sw, slot *out, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  out->ones = lc_arena_zeros(arena, pass->C ? sw->x->p * pass->ns : 0);
  if (!out->ones) return LC_OUT_OF_MEMORY;
  return lc_partial_make(&out->partial, pass->nsum, pass->G ? sw->q * pass->K : 0, pass->C ? sw->packed * pass->ns : 0,
                         arena);
}

/* z = offset + intercept, to which the kernel adds X B. */
static void start_scores(const lc_design *x, const lc_pass *pass, lc_index row0, lc_index m, double *z, lc_index ld) {
  lc_index q = lc_design_q(x);
  for (int c = 0; c < pass->K; c++) {
    double b = x->intercept ? pass->B[c * q] : 0, *column = z + c * ld;
    if (lc_offsets_of(pass->obs)) {
      const double *offset = pass->obs->offset + c * x->n + row0;
      for (lc_index i = 0; i < m; i++) column[i] = offset[i] + b;
    } else {
      for (lc_index i = 0; i < m; i++) column[i] = b;
    }
  }
}

static void add_scores(const sweep *sw, lc_index m, const tile_view *rows, double *z, lc_index ldz) {
  const lc_design *x = sw->x;
  const double *B = sw->pass->B + x->intercept;
  if (rows->at)
    lc_kernels()->scores_of(m, x->p, sw->pass->K, x->storage, rows->at, B, sw->q, z, ldz);
  else
    lc_kernels()->scores(m, x->p, sw->pass->K, rows->X, rows->ld, B, sw->q, z, ldz);
}

static void add_gradient(const sweep *sw, const slot *part, lc_index m, const tile_view *rows) {
  const lc_pass *pass = sw->pass;
  const lc_design *x = sw->x;
  int intercept = x->intercept;
  double *G = part->partial.G + intercept;
  if (rows->at)
    lc_kernels()->gradient_of(m, x->p, pass->K, x->storage, rows->at, part->r, m, G, sw->q);
  else
    lc_kernels()->gradient(m, x->p, pass->K, rows->X, rows->ld, part->r, m, G, sw->q);
  if (intercept)
    for (int c = 0; c < pass->K; c++) part->partial.G[c * sw->q] += lc_dense_sum(m, part->r + c * m);
}

static void add_gram(const sweep *sw, const slot *part, lc_index m, const tile_view *rows) {
  const lc_pass *pass = sw->pass;
  const lc_kernel *kernel = lc_kernels();
  int intercept = sw->x->intercept;
  kernel->gram(m, sw->x->p, intercept, pass->ns, rows->X, rows->ld, part->s, m, part->partial.C, sw->packed,
               part->work);
  if (!intercept) return;
  kernel->gradient(m, sw->x->p, pass->ns, rows->X, rows->ld, part->s, m, part->ones, sw->x->p);
  for (int s = 0; s < pass->ns; s++) part->partial.C[s * sw->packed] += lc_dense_sum(m, part->s + s * m);
}

static lc_status run_block(void *context, int k, lc_index number) {
  sweep *sw = context;
  slot *part = sw->slot + k;
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  lc_index row0 = number * sw->rows, m = lc_min(sw->rows, x->n - row0), ldz = pass->Z ? x->n : m;
  double *z = pass->Z ? pass->Z + row0 : part->z;
  tile_view rows = {0};
  if (lc_pass_reads(pass))
    rows = load_tile(&sw->stored, row0 - sw->first, m, must_pack(x, pass), part->tile, part->list);
  if (pass->B) {
    start_scores(x, pass, row0, m, z, ldz);
    add_scores(sw, m, &rows, z, ldz);
  }
  if (!pass->block) return LC_OK;
  lc_block block = lc_block_of(pass, row0, m, z, ldz, part->r, part->s, m);
  LC_TRY(pass->block(pass->context, &block, part->partial.sum));
  if (pass->G) add_gradient(sw, part, m, &rows);
  if (pass->C) add_gram(sw, part, m, &rows);
  return LC_OK;
}

void lc_dense_sweep_end(const sweep *sw) {
  const lc_pass *pass = sw->pass;
  lc_index p = sw->x->p;
  int intercept = sw->x->intercept;
  const lc_partial total = {.sum = pass->sum, .G = pass->G, .C = pass->C};
  if (pass->sum) memset(pass->sum, 0, (size_t)pass->nsum * sizeof(double));
  if (pass->G) memset(pass->G, 0, (size_t)(sw->q * pass->K) * sizeof(double));
  if (pass->C) memset(pass->C, 0, (size_t)(sw->packed * pass->ns) * sizeof(double));
  for (int k = 0; k < sw->slots; k++) {
    const slot *part = sw->slot + k;
    lc_partial_add(&part->partial, &total);
    if (pass->C && intercept)
      for (int s = 0; s < pass->ns; s++)
        for (lc_index j = 0; j < p; j++) pass->C[s * sw->packed + lc_packed_at(0, j + 1)] += part->ones[s * p + j];
  }
}

double lc_dense_seconds(const sweep *sw) {
  const double bytes = 5e9, flops = 1e10;
  const lc_pass *pass = sw->pass;
  double p = lc_pass_reads(pass) ? (double)sw->x->p + 1 : 0, K = pass->K;
  return 8 * p / bytes + (4 * p * K + (pass->C ? p * p * pass->ns : 0) + 50 * (K + pass->ns)) / flops;
}

lc_status lc_dense_sweep_begin(const lc_design *x, const lc_pass *pass, int in_order, sweep *out, lc_arena *arena) {
  *out = (sweep){.x = x, .pass = pass, .stored = *x};
  make_plan(out);
  for (int k = 0; k < out->slots; k++) {
    if (in_order && k > 0)
      out->slot[k] = out->slot[0];
    else
      LC_TRY(make_scratch(out, out->slot + k, arena));
    LC_TRY(make_sums(out, out->slot + k, arena));
  }
  return LC_OK;
}

lc_status lc_dense_sweep_rows(sweep *sw, lc_index row0, lc_index m, const double *X) {
  lc_index from = row0 / sw->rows, to = (row0 + m + sw->rows - 1) / sw->rows;
  sw->stored.data = X;
  sw->stored.n = m;
  sw->first = row0;
  for (int k = 0; k < sw->slots; k++) {
    lc_index first = sw->nblocks * k / sw->slots, last = sw->nblocks * (k + 1) / sw->slots; /* as lc_partials_run() */
    for (lc_index b = lc_max(first, from); b < lc_min(last, to); b++) LC_TRY(run_block(sw, k, b));
  }
  return LC_OK;
}

static lc_status run_sweep(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  sweep sw;
  LC_TRY(lc_dense_sweep_begin(x, pass, 0, &sw, arena));
  LC_TRY(lc_partials_run(sw.nblocks, sw.slots, lc_dense_seconds(&sw) * sw.rows, run_block, &sw, host));
  lc_dense_sweep_end(&sw);
  return LC_OK;
}

lc_status lc_dense_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  lc_status status = run_sweep(x, pass, host, arena);
  lc_arena_reset(arena, mark);
  return status;
}
