/* design/sparse_pass.c - one pass over a sparse design, by columns and, where there is a copy in their order, by rows.
 *
 * Scores are sums over rows and gradients sums over columns. Where the entries lie in that order each sum is gathered:
 * nothing but the sum itself is written, so threads share nothing and any number of them gives the same bits. Against
 * the order the entries are scattered into private copies, whose number depends on sizes alone.
 *
 * Score columns go in panels of at most LC_GATHER_WIDTH, whose numbers lie side by side, so that an entry meets one
 * line of the cache and not one for each column.
 *
 * Measured (ns for each of 4.9e6 entries, one core, n = 1e5, p = 5e4 with Zipf columns; n = 1e6 with 5 a row; n = 1e6,
 * p = 2e6 with 10 a row; 8 columns at n = 1e5, p = 5e4):
 *                                                            n = 1e5  n = 1e6  p = 2e6  8 columns
 *   scatter scores by columns, gather gradient by columns        2.4      4.2      5.8      6.8
 *   gather scores by rows, gather gradient by columns            2.4      4.0      7.1      3.0
 *   gather scores and scatter gradient in one read of rows       1.8      2.6     12        5.6
 * Making the copy costs 12 to 20. */
#include <math.h>
#include <string.h>

#include "design/partial_sums.h"
#include "design/sparse.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

enum {
  MOST_PARTS = 2,   /* private copies of scattered scores */
  BLOCK_ROWS = 256, /* at most; blocks are cut so that their entries stay in cache between two uses */
  BLOCK_ENTRIES = 1 << 16,
  TILE_NUMBERS = 1 << 16
};

/* Everything that one partial sum needs; slots share nothing. */
typedef struct slot {
  lc_index first, end;      /* rows */
  double *line, *z, *r, *s; /* one block: a panel of gathered scores; scores, R and S by columns */
  double *tile, *work;      /* dense tiles of a Gram matrix */
  double *ones, *G;         /* gradients of the intercepts; of the columns where `fused` */
  lc_partial partial;       /* sum and C: G is added by columns, on all threads */
} slot;

typedef struct sweep {
  const lc_design *x;
  const lc_pass *pass;
  const lc_rows *rows; /* NULL: by columns alone */
  lc_index q, packed, entries;
  int panels, parts, slots, block;
  int fused; /* the gradient is scattered by rows */
  int tiles; /* Gram matrices by dense tiles */
  /* In panels, a panel's rows side by side: coefficients p x K; residuals n x K; `parts` copies of scores n x K. */
  const double *B; /* `spread`, or the caller's where a single column needs no change */
  double *spread, *R, *Z;
  slot part[LC_MOST_PARTIALS];
} sweep;

/* First score column of panel c. */
static int panel_at(const sweep *sw, lc_index c) { return (int)(sw->pass->K * c / sw->panels); }

static lc_index clamp(double value, lc_index low, lc_index high) {
  return value <= (double)low ? low : value >= (double)high ? high : (lc_index)value;
}

/* The first of 0..count whose start is at or behind share k / of of all entries; `per` entries' worth of work for each
 * vector itself. */
static lc_index cut(lc_index count, const int *start, double per, lc_index k, lc_index of) {
  double goal = (start[count] + per * (double)count) * (double)k / (double)of;
  lc_index low = 0, high = count;
  if (k == of) return count;
  while (low < high) {
    lc_index middle = low + (high - low) / 2;
    if (start[middle] + per * (double)middle < goal)
      low = middle + 1;
    else
      high = middle;
  }
  return low;
}

/* Runs work(sw, i) for i in 0..count-1 on all threads, in steps of about 20 ms: work does the part `step` of `steps` of
 * i. Between steps the host is asked whether to go on. `cost`: nanoseconds of everything on one core. */
typedef lc_status (*worker)(sweep *sw, lc_index i, lc_index step, lc_index steps);

typedef struct sweep_step {
  sweep *sw;
  worker work;
  lc_index step, steps, failed; /* failed: the first part that did, count: none */
  lc_status status;             /* of that */
} sweep_step;

static void run_parts(void *context, lc_index from, lc_index to) {
  sweep_step *now = context;
  for (lc_index i = from; i < to; i++) {
    lc_status status = now->work(now->sw, i, now->step, now->steps);
    if (status == LC_OK) continue;
    lc_lock();
    if (i < now->failed) {
      now->failed = i;
      now->status = status;
    }
    lc_unlock();
  }
}

static lc_status run(sweep *sw, lc_index count, double cost, worker work, const lc_host *host) {
  const double step_cost = 2e7;
  sweep_step now = {sw, work, 0, clamp(cost / step_cost, 0, 1 << 20) + 1, count, LC_OK};
  for (; now.step < now.steps; now.step++) {
    LC_TRY(lc_poll(host));
    lc_parallel(lc_threads_for(host, 1e-9 * cost), count, 1, run_parts, &now);
    LC_TRY(now.status);
  }
  return LC_OK;
}

/* ---- coefficients and scores -------------------------------------------------------------------- */

/* Panel c of the coefficients, a part of its rows. */
static lc_status spread_panel(sweep *sw, lc_index c, lc_index step, lc_index steps) {
  const lc_design *x = sw->x;
  int first = panel_at(sw, c), W = panel_at(sw, c + 1) - first;
  double *to = sw->spread + x->p * first;
  for (lc_index j = x->p * step / steps; j < x->p * (step + 1) / steps; j++) {
    double scale = sw->rows ? 1 : lc_sparse_scale(x, j);
    for (int k = 0; k < W; k++) to[j * W + k] = scale * sw->pass->B[(first + k) * sw->q + x->intercept + j];
  }
  return LC_OK;
}

/* Scores of part k of the columns in panel c: Z_i += x_ij B_j. */
static lc_status scatter_scores(sweep *sw, lc_index i, lc_index step, lc_index steps) {
  const lc_design *x = sw->x;
  lc_index c = i / sw->parts, k = i % sw->parts;
  int first = panel_at(sw, c), W = panel_at(sw, c + 1) - first;
  double *Z = sw->Z + k * x->n * sw->pass->K + x->n * first;
  lc_index from = cut(x->p, lc_csc_of(x)->start, 1, k, sw->parts),
           count = cut(x->p, lc_csc_of(x)->start, 1, k + 1, sw->parts) - from;
  if (step == 0) memset(Z, 0, (size_t)(x->n * W) * sizeof(double));
  lc_index j = from + count * step / steps, end = from + count * (step + 1) / steps;
  lc_kernels()->scatter(end - j, lc_csc_of(x)->start + j, lc_csc_of(x)->start + j + 1, lc_csc_of(x)->row,
                        lc_csc_of(x)->value, NULL, W, sw->B + x->p * first + j * W, Z);
  return LC_OK;
}

/* z (m x K, ldz) = offset + intercept + gathered or scattered scores of a block of rows. */
static void block_scores(const sweep *sw, const slot *part, lc_index row0, lc_index m, double *z, lc_index ldz) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  for (int c = 0; c < sw->panels; c++) {
    int first = panel_at(sw, c), W = panel_at(sw, c + 1) - first;
    const double *line = part->line;
    if (sw->rows)
      lc_kernels()->gather(m, sw->rows->start + row0, sw->rows->start + row0 + 1, sw->rows->column, sw->rows->value,
                           sw->rows->narrow, W, sw->B + x->p * first, part->line);
    else
      line = sw->Z + x->n * first + row0 * W;
    for (int w = 0; w < W; w++) {
      int k = first + w;
      double base = x->intercept ? pass->B[k * sw->q] : 0, *to = z + k * ldz;
      const double *all = lc_offsets_of(pass->obs), *offset = all ? all + k * x->n + row0 : NULL;
      for (lc_index i = 0; i < m; i++) to[i] = (offset ? offset[i] : 0) + base + line[i * W + w];
      for (int t = 1; !sw->rows && t < sw->parts; t++) {
        const double *more = line + t * x->n * pass->K;
        for (lc_index i = 0; i < m; i++) to[i] += more[i * W + w];
      }
    }
  }
}

/* ---- gradient ----------------------------------------------------------------------------------- */

/* After the callback: intercepts' sums, and the residuals to where the gradient finds them. */
static void block_residuals(const sweep *sw, slot *part, lc_index row0, lc_index m) {
  const lc_rows *rows = sw->rows;
  for (int k = 0; k < sw->pass->K; k++)
    for (lc_index i = 0; i < m; i++) part->ones[k] += part->r[i + k * m];
  if (sw->fused) {
    lc_kernels()->scatter(m, rows->start + row0, rows->start + row0 + 1, rows->column, rows->value, rows->narrow, 1,
                          part->r, part->G);
    return;
  }
  for (int c = 0; c < sw->panels; c++) {
    int first = panel_at(sw, c), W = panel_at(sw, c + 1) - first;
    double *to = sw->R + sw->x->n * first + row0 * W;
    lc_kernel_lines(0, m, W, part->r + first * m, m, to);
  }
}

/* Columns of one share of all entries, in one panel: G_j = sum x_ij R_i. */
static lc_status gather_gradient(sweep *sw, lc_index i, lc_index step, lc_index steps) {
  enum { GROUP = 64 };
  const lc_design *x = sw->x;
  lc_index c = i / LC_MOST_PARTIALS, k = i % LC_MOST_PARTIALS;
  int first = panel_at(sw, c), W = panel_at(sw, c + 1) - first;
  lc_index from = cut(x->p, lc_csc_of(x)->start, 4, k, LC_MOST_PARTIALS),
           count = cut(x->p, lc_csc_of(x)->start, 4, k + 1, LC_MOST_PARTIALS) - from;
  lc_index end = from + count * (step + 1) / steps;
  double group[GROUP * LC_GATHER_WIDTH];
  for (lc_index j0 = from + count * step / steps; j0 < end; j0 += GROUP) {
    lc_index m = lc_min(GROUP, end - j0);
    lc_kernels()->gather(m, lc_csc_of(x)->start + j0, lc_csc_of(x)->start + j0 + 1, lc_csc_of(x)->row,
                         lc_csc_of(x)->value, NULL, W, sw->R + x->n * first, group);
    for (int w = 0; w < W; w++) {
      double *G = sw->pass->G + (first + w) * sw->q + x->intercept + j0;
      for (lc_index j = 0; j < m; j++) G[j] = group[j * W + w] * lc_sparse_scale(x, j0 + j);
    }
  }
  return LC_OK;
}

/* The slots' gradients, added in order, for one share of the columns. */
static lc_status add_gradients(sweep *sw, lc_index i, lc_index step, lc_index steps) {
  lc_index p = sw->x->p, from = p * i / LC_MOST_PARTIALS, count = p * (i + 1) / LC_MOST_PARTIALS - from;
  double *G = sw->pass->G + sw->x->intercept;
  for (lc_index j = from + count * step / steps; j < from + count * (step + 1) / steps; j++) {
    double sum = 0;
    for (int k = 0; k < sw->slots; k++) sum += sw->part[k].G[j];
    G[j] = sum;
  }
  return LC_OK;
}

/* ---- Gram matrices ------------------------------------------------------------------------------ */

/* Row by row: each pair of a row's entries. Row 0 of C is the intercept's. */
static void block_pairs(const sweep *sw, lc_index row0, lc_index m, const double *s, double *C) {
  const lc_rows *rows = sw->rows;
  int intercept = sw->x->intercept;
  for (lc_index i = 0; i < m; i++) {
    int from = rows->start[row0 + i], end = rows->start[row0 + i + 1];
    for (int b = from; b < end; b++) {
      double v = lc_rows_value(rows, b) * s[i];
      double *column = C + lc_packed_at(intercept, rows->column[b] + intercept);
      if (rows->narrow)
        for (int a = from; a <= b; a++) column[rows->column[a]] += v * (double)rows->narrow[a];
      else
        for (int a = from; a <= b; a++) column[rows->column[a]] += v * rows->value[a];
    }
  }
}

static void block_gram(const sweep *sw, slot *part, lc_index row0, lc_index m) {
  const lc_design *x = sw->x;
  const lc_rows *rows = sw->rows;
  int ns = sw->pass->ns;
  if (sw->tiles) {
    memset(part->tile, 0, (size_t)(m * x->p) * sizeof(double));
    for (lc_index i = 0; i < m; i++)
      for (int e = rows->start[row0 + i]; e < rows->start[row0 + i + 1]; e++)
        part->tile[i + rows->column[e] * m] = lc_rows_value(rows, e);
    lc_kernels()->gram(m, x->p, x->intercept, ns, part->tile, m, part->s, m, part->partial.C, sw->packed, part->work);
  }
  for (int t = 0; t < ns; t++) {
    double *C = part->partial.C + t * sw->packed;
    const double *s = part->s + t * m;
    if (!sw->tiles) block_pairs(sw, row0, m, s, C);
    for (lc_index i = 0; x->intercept && i < m; i++) {
      C[0] += s[i];
      for (int e = rows->start[row0 + i]; e < rows->start[row0 + i + 1]; e++)
        C[lc_packed_at(0, rows->column[e] + 1)] += lc_rows_value(rows, e) * s[i];
    }
  }
}

/* ---- the sweep over rows ------------------------------------------------------------------------ */

static lc_status run_block(const sweep *sw, slot *part, lc_index row0, lc_index m) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  lc_index ldz = pass->Z ? x->n : m;
  double *z = pass->Z ? pass->Z + row0 : part->z;
  if (pass->B) block_scores(sw, part, row0, m, z, ldz);
  if (!pass->block) return LC_OK;
  lc_block block = lc_block_of(pass, row0, m, z, ldz, part->r, part->s, m);
  LC_TRY(pass->block(pass->context, &block, part->partial.sum));
  if (pass->G) block_residuals(sw, part, row0, m);
  if (pass->C) block_gram(sw, part, row0, m);
  return LC_OK;
}

static lc_status run_slot(sweep *sw, lc_index k, lc_index step, lc_index steps) {
  slot *part = sw->part + k;
  lc_index blocks = (part->end - part->first + sw->block - 1) / sw->block;
  for (lc_index b = blocks * step / steps; b < blocks * (step + 1) / steps; b++) {
    lc_index row0 = part->first + b * sw->block;
    LC_TRY(run_block(sw, part, row0, lc_min(sw->block, part->end - row0)));
  }
  return LC_OK;
}

/* ---- the whole ---------------------------------------------------------------------------------- */

static void make_plan(sweep *sw) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  double n = fmax(1, (double)x->n), p = fmax(1, (double)x->p), entries = (double)sw->entries;
  sw->panels = (pass->K + LC_GATHER_WIDTH - 1) / LC_GATHER_WIDTH;
  sw->parts = sw->panels > 1 ? 1 : (int)clamp(entries / (4 * n), 1, MOST_PARTS);
  sw->fused = pass->G && sw->rows && pass->K == 1 && x->p <= x->n;
  sw->block = (int)clamp(BLOCK_ENTRIES / (1 + pass->K + entries / n), 16, BLOCK_ROWS);
  double slots = sw->fused ? entries / (16 * p) : n / sw->block;
  if (pass->C) {
    /* A dense tile costs n p^2 products of the vector kernel, rows their pairs one by one: 12 to 1 (measured). */
    sw->tiles = 12 * sw->rows->pairs > n * p * p;
    if (sw->tiles) sw->block = (int)clamp(TILE_NUMBERS / p, 32, BLOCK_ROWS);
    double size = (double)sw->packed * pass->ns, work = sw->tiles ? n * p : sw->rows->pairs;
    slots = fmin(slots, fmin(work, LC_PARTIAL_BYTES / 8.0) / size);
  }
  sw->slots = (int)clamp(slots, 1, LC_MOST_PARTIALS);
}

static lc_status make_slot(const sweep *sw, lc_index k, slot *out, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  const lc_design *x = sw->x;
  lc_index rows = sw->block, tile = pass->C && sw->tiles ? rows : 0;
  out->first = sw->rows ? cut(x->n, sw->rows->start, 4, k, sw->slots) : x->n * k / sw->slots;
  out->end = sw->rows ? cut(x->n, sw->rows->start, 4, k + 1, sw->slots) : x->n * (k + 1) / sw->slots;
  out->line = lc_arena_doubles(arena, rows * LC_GATHER_WIDTH);
  out->z = lc_arena_doubles(arena, pass->Z ? 0 : rows * pass->K);
  out->r = lc_arena_doubles(arena, pass->G ? rows * pass->K : 0);
  out->s = lc_arena_doubles(arena, rows * pass->ns);
  out->tile = lc_arena_doubles(arena, tile * x->p);
  out->work = lc_arena_doubles(arena, tile * lc_max(x->p, LC_GRAM_WORK));
  out->ones = lc_arena_zeros(arena, pass->K);
  out->G = lc_arena_zeros(arena, sw->fused ? x->p : 0);
  if (!out->line || !out->z || !out->r || !out->s || !out->tile || !out->work || !out->ones || !out->G)
    return LC_OUT_OF_MEMORY;
  return lc_partial_make(&out->partial, pass->nsum, 0, pass->C ? sw->packed * pass->ns : 0, arena);
}

static lc_status prepare(sweep *sw, lc_arena *arena) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  lc_index numbers = x->n * pass->K;
  int spread = pass->B && (pass->K > 1 || (x->scale && !sw->rows)), scatter = pass->B && !sw->rows;
  make_plan(sw);
  sw->spread = lc_arena_doubles(arena, spread ? x->p * pass->K : 0);
  sw->B = spread ? sw->spread : pass->B ? pass->B + x->intercept : NULL;
  sw->Z = lc_arena_doubles(arena, scatter ? numbers * sw->parts : 0);
  sw->R = lc_arena_doubles(arena, pass->G && !sw->fused ? numbers : 0);
  if (!sw->spread || !sw->Z || !sw->R) return LC_OUT_OF_MEMORY;
  for (int k = 0; k < sw->slots; k++) LC_TRY(make_slot(sw, k, sw->part + k, arena));
  return LC_OK;
}

static void combine(const sweep *sw) {
  const lc_pass *pass = sw->pass;
  const lc_partial total = {.sum = pass->sum, .C = pass->C};
  if (pass->sum) memset(pass->sum, 0, (size_t)pass->nsum * sizeof(double));
  if (pass->C) memset(pass->C, 0, (size_t)(sw->packed * pass->ns) * sizeof(double));
  for (int c = 0; pass->G && sw->x->intercept && c < pass->K; c++) pass->G[c * sw->q] = 0;
  for (int k = 0; k < sw->slots; k++) {
    const slot *part = sw->part + k;
    lc_partial_add(&part->partial, &total);
    for (int c = 0; pass->G && sw->x->intercept && c < pass->K; c++) pass->G[c * sw->q] += part->ones[c];
  }
}

static lc_status run_all(sweep *sw, const lc_host *host) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  double K = pass->K, p = (double)x->p, n = (double)x->n, reading = (double)sw->entries * (1 + K / 3);
  double of_rows = 50 * n * (K + pass->ns) + (pass->B && sw->rows ? reading : 0) + (sw->fused ? reading : 0);
  if (pass->C && sw->rows) of_rows += pass->ns * (sw->tiles ? n * p * p / 16 : sw->rows->pairs);
  if (sw->B == sw->spread) LC_TRY(run(sw, sw->panels, 2 * p * K, spread_panel, host));
  if (pass->B && !sw->rows)
    LC_TRY(run(sw, (lc_index)sw->parts * sw->panels, 2 * reading + n * K, scatter_scores, host));
  LC_TRY(run(sw, sw->slots, of_rows, run_slot, host));
  combine(sw);
  if (!pass->G || !pass->block) return LC_OK;
  return sw->fused ? run(sw, LC_MOST_PARTIALS, p * sw->slots, add_gradients, host)
                   : run(sw, (lc_index)LC_MOST_PARTIALS * sw->panels, reading + 4 * p, gather_gradient, host);
}

lc_status lc_sparse_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  lc_rows rows;
  lc_index q = lc_design_q(x);
  sweep sw = {.x = x,
              .pass = pass,
              .rows = lc_sparse_rows(x),
              .q = q,
              .packed = lc_packed_size(q),
              .entries = lc_csc_of(x)->start[x->p]};
  lc_status status = LC_OK;
  if (pass->C && !sw.rows) { /* pairs of columns are met in rows */
    status = lc_sparse_as_rows(x, &rows, arena);
    sw.rows = &rows;
  }
  if (status == LC_OK) status = prepare(&sw, arena);
  if (status == LC_OK) status = run_all(&sw, host);
  lc_arena_reset(arena, mark);
  return status;
}

/* From the figures above, in ns an entry: what the copy costs, and what a pass then saves. */
lc_status lc_sparse_prepare(lc_design *x, int K, double passes, lc_arena *arena) {
  const lc_index large = 1 << 18; /* that many scores leave the cache of a core */
  const double cost = 16, saving = K > 1 ? 1.2 : x->p > x->n ? 0 : x->n > large ? 1.6 : 0.5;
  if (lc_sparse_rows(x) || passes * saving < cost) return LC_OK;
  lc_rows *rows = lc_arena_alloc(arena, 1, sizeof *rows);
  if (!rows) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_sparse_as_rows(x, rows, arena));
  x->rows = rows;
  return LC_OK;
}
