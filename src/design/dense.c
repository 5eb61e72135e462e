/* design/dense.c - a column-major matrix of doubles or integers, read where it lies. */
#include <math.h>
#include <string.h>

#include "design/column_stats.h"
#include "design/partial_sums.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

enum {
  TILE_BYTES = 512 * 1024, /* a tile is used three times (scores, gradient, Gram): it should stay in L2 */
  TILE_ROWS = 256
};

/* Rows of a tile: a multiple of 16 between 32 and TILE_ROWS. */
static int tile_rows(lc_index p) {
  lc_index rows = TILE_BYTES / (8 * lc_max(p, 1)) / 16 * 16;
  return (int)lc_min(TILE_ROWS, lc_max(32, rows));
}

static int is_double(const lc_design *x) { return x->storage == LC_DOUBLE; }
static const double *numbers(const lc_design *x) { return x->data; }
static const int *integers(const lc_design *x) { return x->data; }

/* Are columns shown as they are stored? Then kernels read them where they lie, ints too. */
static int is_view(const lc_design *x) { return !x->shift && !x->scale; }

/* Gram matrices read a tile many times: a copy without strides of the user's matrix (which may map all columns to the
 * same cache sets) pays for itself. */
static int must_pack(const lc_design *x, const lc_pass *pass) { return !is_view(x) || pass->C != NULL; }

/* Where column j is stored, from row i on. */
static const void *stored(const lc_design *x, lc_index i, lc_index j) {
  if (is_double(x)) return numbers(x) + j * x->n + i;
  return integers(x) + j * x->n + i;
}

/* Rows row0 .. row0+m-1 of one column as shown, written to out. */
static void load_column(const lc_design *x, lc_index row0, lc_index m, lc_index j, double *out) {
  double shift = x->shift ? x->shift[j] : 0, scale = x->scale ? x->scale[j] : 1;
  if (!is_double(x))
    lc_kernels()->widen(m, stored(x, row0, j), out);
  else if (is_view(x))
    memcpy(out, stored(x, row0, j), (size_t)m * sizeof(double));
  const double *column = is_double(x) ? stored(x, row0, j) : out;
  if (!is_view(x))
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
  if (!pack && is_double(x)) return (tile_view){stored(x, row0, 0), x->n, NULL};
  for (lc_index j = 0; j < x->p; j++) {
    if (pack)
      load_column(x, row0, m, j, copy + j * m);
    else
      list[j] = stored(x, row0, j);
  }
  return (tile_view){copy, m, pack ? NULL : list};
}

/* Everything that one partial sum needs; slots share nothing. */
typedef struct slot {
  double *tile, *z, *r, *s, *work, *ones; /* scratch of one tile; ones: p x ns, X'S of the intercept row */
  const void **list;
  lc_partial partial;
} slot;

typedef struct sweep {
  const lc_design *x;
  const lc_pass *pass;
  int rows, slots; /* rows of a block */
  lc_index q, nblocks, packed;
  slot slot[LC_MOST_PARTIALS];
} sweep;

static void make_plan(sweep *sw) {
  sw->rows = (int)lc_min(tile_rows(sw->x->p), lc_max(1, sw->x->n));
  sw->q = lc_design_q(sw->x);
  sw->nblocks = (sw->x->n + sw->rows - 1) / sw->rows;
  sw->packed = lc_packed_size(sw->q);
  sw->slots = lc_partial_count(sw->nblocks, sw->pass->C ? sw->packed * sw->pass->ns : 0);
}

static lc_status make_slot(const sweep *sw, slot *out, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  lc_index rows = sw->rows, p = sw->x->p;
  out->tile = lc_arena_doubles(arena, must_pack(sw->x, pass) ? rows * p : 0);
  out->z = lc_arena_doubles(arena, pass->Z ? 0 : rows * pass->K);
  out->r = lc_arena_doubles(arena, rows * pass->K);
  out->s = lc_arena_doubles(arena, rows * pass->ns);
  out->work = lc_arena_doubles(arena, pass->C ? rows * lc_max(p, LC_GRAM_WORK) : 0);
  out->list = lc_arena_alloc(arena, is_double(sw->x) ? 0 : p, sizeof *out->list);
  out->ones = lc_arena_zeros(arena, pass->C ? p * pass->ns : 0);
  if (!out->tile || !out->z || !out->r || !out->s || !out->work || !out->ones || !out->list) return LC_OUT_OF_MEMORY;
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

static double column_sum(lc_index m, const double *r) {
  double sum = 0;
  for (lc_index i = 0; i < m; i++) sum += r[i];
  return sum;
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
    for (int c = 0; c < pass->K; c++) part->partial.G[c * sw->q] += column_sum(m, part->r + c * m);
}

static void add_gram(const sweep *sw, const slot *part, lc_index m, const tile_view *rows) {
  const lc_pass *pass = sw->pass;
  const lc_kernel *kernel = lc_kernels();
  int intercept = sw->x->intercept;
  kernel->gram(m, sw->x->p, intercept, pass->ns, rows->X, rows->ld, part->s, m, part->partial.C, sw->packed,
               part->work);
  if (!intercept) return;
  kernel->gradient(m, sw->x->p, pass->ns, rows->X, rows->ld, part->s, m, part->ones, sw->x->p);
  for (int s = 0; s < pass->ns; s++) part->partial.C[s * sw->packed] += column_sum(m, part->s + s * m);
}

static lc_status run_block(void *context, int k, lc_index number) {
  sweep *sw = context;
  slot *part = sw->slot + k;
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  lc_index row0 = number * sw->rows, m = lc_min(sw->rows, x->n - row0), ldz = pass->Z ? x->n : m;
  double *z = pass->Z ? pass->Z + row0 : part->z;
  int reads_x = pass->B || pass->G || pass->C;
  tile_view rows = {0};
  if (reads_x) rows = load_tile(x, row0, m, must_pack(x, pass), part->tile, part->list);
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

static void combine(const sweep *sw) {
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

/* What a row costs on one core, by a cautious count of bytes and flops. */
static double seconds_of_row(const sweep *sw) {
  const double bytes = 5e9, flops = 1e10;
  const lc_pass *pass = sw->pass;
  double p = pass->B || pass->G || pass->C ? (double)sw->x->p + 1 : 0, K = pass->K;
  return 8 * p / bytes + (4 * p * K + (pass->C ? p * p * pass->ns : 0) + 50 * (K + pass->ns)) / flops;
}

static lc_status run_sweep(sweep *sw, const lc_host *host, lc_arena *arena) {
  for (int k = 0; k < sw->slots; k++) LC_TRY(make_slot(sw, sw->slot + k, arena));
  LC_TRY(lc_partials_run(sw->nblocks, sw->slots, seconds_of_row(sw) * sw->rows, run_block, sw, host));
  combine(sw);
  return LC_OK;
}

static lc_status dense_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  sweep sw = {.x = x, .pass = pass};
  make_plan(&sw);
  lc_status status = run_sweep(&sw, host, arena);
  lc_arena_reset(arena, mark);
  return status;
}

/* Threads for as many products: 2 a nanosecond. */
static int threads_for(const lc_host *host, double products) { return lc_threads_for(host, 0.5e-9 * products); }

/* Rows of one column as shown, the intercept's ones included. */
static void load_listed(const lc_design *x, lc_index row0, lc_index m, lc_index j, double *out) {
  if (j >= x->intercept)
    load_column(x, row0, m, j - x->intercept, out);
  else
    for (lc_index i = 0; i < m; i++) out[i] = 1;
}

/* Listed columns that are worked on together: as many as a kernel reads at a time. LIST_TILE doubles hold what cannot
 * be read in place, and stay in L1. */
enum { FEW = 8, MANY = 12, LIST_TILE = 1024 };

/* Rows of `count` listed columns that are worked on together: in place longer runs are faster. */
static lc_index listed_rows(const lc_design *x, lc_index count) {
  return (is_view(x) ? FEW : 1) * LIST_TILE / count / 16 * 16;
}

/* Memory of what cannot be read in place: columns as shown, or the ones of the intercept beside ints. */
typedef union list_tile {
  double number[LIST_TILE];
  int integer[LIST_TILE];
} list_tile;

/* Where rows row0 .. row0 + m - 1 of the listed columns are to be read: where they lie, or in the tile, which has room
 * for `count` columns (in place: for one). Returns what they are there. */
static enum lc_storage list_columns(const lc_design *x, lc_index row0, lc_index m, lc_index count, const lc_index *j,
                                    void *tile, const void **at) {
  int view = is_view(x), intercept = x->intercept;
  double *number = tile;
  int *integer = tile;
  for (lc_index a = 0; a < count; a++) {
    double *loaded = view ? number : number + a * m;
    at[a] = loaded;
    if (view && j[a] >= intercept) {
      at[a] = stored(x, row0, j[a] - intercept);
    } else if (view && !is_double(x)) {
      for (lc_index i = 0; i < m; i++) integer[i] = 1;
      at[a] = integer;
    } else {
      load_listed(x, row0, m, j[a], loaded);
    }
  }
  return view ? x->storage : LC_DOUBLE;
}

static void dot_some(void *context, lc_index from, lc_index to) {
  const lc_column_job *job = context;
  const lc_design *x = job->x;
  list_tile tile;
  const void *at[MANY];
  lc_index count = to - from, rows = listed_rows(x, job->K == 1 ? FEW : MANY);
  for (lc_index row0 = 0; row0 < x->n; row0 += rows) {
    lc_index m = lc_min(rows, x->n - row0);
    enum lc_storage type = list_columns(x, row0, m, count, job->j + from, &tile, at);
    lc_kernels()->gradient_of(m, count, job->K, type, at, job->in + row0, x->n, job->out + from, job->nj);
  }
}

static void dense_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                          const lc_host *host) {
  lc_column_job job = {x, nj, j, K, R, c};
  memset(c, 0, (size_t)(nj * K) * sizeof(double));
  lc_parallel(threads_for(host, (double)nj * (double)x->n * K), nj, K == 1 ? FEW : MANY, dot_some, &job);
}

/* The sum of a row does not depend on how rows are shared out: long pieces of columns, a part of them at a time. */
static void axpy_some(void *context, lc_index first, lc_index end) {
  const lc_column_job *job = context;
  const lc_design *x = job->x;
  list_tile tile;
  const void *at[FEW];
  lc_index part = listed_rows(x, FEW);
  for (lc_index a = 0; a < job->nj; a += FEW)
    for (lc_index row0 = first; row0 < end; row0 += part) {
      lc_index m = lc_min(part, end - row0), count = lc_min(FEW, job->nj - a);
      enum lc_storage type = list_columns(x, row0, m, count, job->j + a, &tile, at);
      lc_kernels()->scores_of(m, count, job->K, type, at, job->in + a, job->nj, job->out + row0, x->n);
    }
}

static void dense_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                           const lc_host *host) {
  lc_column_job job = {x, nj, j, K, d, Z};
  int threads = threads_for(host, (double)nj * (double)x->n * K);
  lc_parallel(threads, x->n, lc_min(LIST_TILE, x->n / threads / 16 * 16 + 16), axpy_some, &job);
}

/* X_i' diag(s) X_j by tiles of rows. Each slot adds up its own transposed product D, of a symmetric one the lower
 * triangle. */
typedef struct cross {
  const lc_design *x;
  lc_index ni, nj;
  const lc_index *i, *j;
  const double *s;
  double *D[LC_MOST_PARTIALS], *tile[LC_MOST_PARTIALS]; /* nj x ni; TILE_ROWS (PANEL + MANY) */
  int symmetric;
} cross;

enum { PANEL = 64 };

/* `width` left columns from a0 on times the weights are written to a tile, which stays in L2; MANY right columns at a
 * time, which stay in L1, meet all of them: read in place, or copied where that pays for itself. */
static void cross_panel(const cross *job, lc_index row0, lc_index m, lc_index a0, double *left, double *D) {
  enum { COPY_FROM = 48 };
  const lc_design *x = job->x;
  lc_index nj = job->nj, width = lc_min(PANEL, job->ni - a0);
  double *right = left + TILE_ROWS * PANEL;
  const void *at[MANY];
  for (lc_index a = 0; a < width; a++) {
    double *column = left + a * m;
    load_listed(x, row0, m, job->i[a0 + a], column);
    for (lc_index r = 0; r < m; r++) column[r] *= job->s[row0 + r];
  }
  for (lc_index b = job->symmetric ? a0 : 0; b < nj; b += MANY) {
    lc_index count = lc_min(MANY, nj - b), meet = job->symmetric ? lc_min(width, b + count - a0) : width;
    enum lc_storage type = LC_DOUBLE;
    if (width < COPY_FROM) type = list_columns(x, row0, m, count, job->j + b, right, at);
    for (lc_index v = 0; width >= COPY_FROM && v < count; v++) {
      load_listed(x, row0, m, job->j[b + v], right + v * m);
      at[v] = right + v * m;
    }
    lc_kernels()->gradient_of(m, count, (int)meet, type, at, left, m, D + b + a0 * nj, nj);
  }
}

static lc_status cross_block(void *context, int k, lc_index number) {
  const cross *job = context;
  lc_index row0 = number * TILE_ROWS, m = lc_min(TILE_ROWS, job->x->n - row0);
  for (lc_index a0 = 0; a0 < job->ni; a0 += PANEL) cross_panel(job, row0, m, a0, job->tile[k], job->D[k]);
  return LC_OK;
}

/* C (ni x nj) <- the sum of the slots. */
static void cross_sum(const cross *job, int slots, double *C) {
  lc_index ni = job->ni, nj = job->nj;
  for (lc_index a = 0; a < ni; a++)
    for (lc_index b = job->symmetric ? a : 0; b < nj; b++) {
      double sum = job->D[0][b + a * nj];
      for (int k = 1; k < slots; k++) sum += job->D[k][b + a * nj];
      C[a + b * ni] = sum;
      if (job->symmetric) C[b + a * ni] = sum;
    }
}

static lc_status cross_tiles(cross *job, double *C, const lc_host *host, lc_arena *arena) {
  enum { SLOTS = 2 }; /* their sums cost more than what a third would save */
  lc_index ni = job->ni, nj = job->nj, nblocks = (job->x->n + TILE_ROWS - 1) / TILE_ROWS;
  int slots = (int)lc_min(SLOTS, lc_partial_count(nblocks, ni * nj));
  for (int k = 0; k < slots; k++) {
    job->D[k] = lc_arena_zeros(arena, ni * nj);
    job->tile[k] = lc_arena_doubles(arena, TILE_ROWS * (PANEL + MANY));
    if (!job->D[k] || !job->tile[k]) return LC_OUT_OF_MEMORY;
  }
  double seconds = 0.5e-9 * TILE_ROWS * (double)ni * (double)nj;
  LC_TRY(lc_partials_run(nblocks, slots, seconds, cross_block, job, host));
  cross_sum(job, slots, C);
  return LC_OK;
}

/* For few left columns no tile of the right ones pays: times the weights they are right-hand sides. */
static lc_status cross_few(const cross *job, double *C, const lc_host *host, lc_arena *arena) {
  lc_index n = job->x->n, ni = job->ni, nj = job->nj;
  double *R = lc_arena_doubles(arena, n * ni), *dots = lc_arena_doubles(arena, nj * ni);
  if (!R || !dots) return LC_OUT_OF_MEMORY;
  for (lc_index a = 0; a < ni; a++) {
    double *column = R + a * n;
    load_listed(job->x, 0, n, job->i[a], column);
    for (lc_index r = 0; r < n; r++) column[r] *= job->s[r];
  }
  dense_col_dot(job->x, nj, job->j, (int)ni, R, dots, host);
  for (lc_index b = 0; b < nj; b++)
    for (lc_index a = 0; a < ni; a++) C[a + b * ni] = dots[b + a * nj];
  return LC_OK;
}

static lc_status dense_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                 const double *s, double *C, lc_arena *arena) {
  const lc_host *host = arena->host;
  enum { FEW_LEFT = 16 };
  cross job = {.x = x, .ni = ni, .nj = nj, .i = i, .j = j, .s = s, .symmetric = i == j && ni == nj};
  lc_mark mark = lc_arena_mark(arena);
  memset(C, 0, (size_t)(ni * nj) * sizeof(double));
  lc_status status =
      ni <= FEW_LEFT && !job.symmetric ? cross_few(&job, C, host, arena) : cross_tiles(&job, C, host, arena);
  lc_arena_reset(arena, mark);
  return status;
}

typedef struct subset_job {
  const lc_design *x;
  lc_index count, length;
  const lc_index *first;
  double *copy;
} subset_job;

static void subset_some(void *context, lc_index from, lc_index to) {
  const subset_job *job = context;
  lc_index length = job->length;
  for (lc_index j = from; j < to; j++)
    for (lc_index r = 0; r < job->count; r++)
      load_column(job->x, job->first[r], length, j, job->copy + (j * job->count + r) * length);
}

static lc_status dense_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length,
                              lc_design *out, lc_arena *arena) {
  lc_index m = count * length;
  double *copy = lc_arena_doubles(arena, m * x->p);
  if (!copy) return LC_OUT_OF_MEMORY;
  subset_job job = {x, count, length, first, copy};
  int threads = lc_threads_for(arena->host, 5e-9 * (double)m * (double)x->p); /* short runs wait for memory */
  lc_parallel(threads, x->p, lc_max(1, x->p / 16), subset_some, &job);
  lc_design_dense(out, m, x->p, LC_DOUBLE, copy);
  out->intercept = x->intercept;
  return LC_OK;
}

/* ---- rows in any order ------------------------------------------------------------------------------------------- */

enum { LOAD_BYTES = 4 << 20, LEAST_LOAD = 32 };

static lc_status dense_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena) {
  memset(out, 0, sizeof *out);
  out->design = x;
  out->most = lc_max(LEAST_LOAD, lc_min(LC_BLOCK_ROWS, LOAD_BYTES / (8 * lc_max(1, x->p))));
  out->tile = lc_arena_doubles(arena, out->most * x->p);
  return out->tile ? LC_OK : LC_OUT_OF_MEMORY;
}

static double entry_at(const lc_design *x, lc_index i, lc_index j) {
  double value = is_double(x) ? numbers(x)[i + j * x->n] : integers(x)[i + j * x->n];
  return (value - (x->shift ? x->shift[j] : 0)) * (x->scale ? x->scale[j] : 1);
}

/* Length of the run of neighbours from place i on. */
static lc_index neighbours(lc_index m, const lc_index *index, lc_index i) {
  lc_index end = i + 1;
  while (end < m && index[end] == index[end - 1] + 1) end++;
  return end - i;
}

/* Rows without neighbours cost a line of cache for each entry: the loop over them does nothing but load. */
static void gather_column(const lc_design *x, lc_index m, const lc_index *index, lc_index j, double *out) {
  if (!is_view(x) || !is_double(x)) {
    for (lc_index i = 0; i < m; i++) out[i] = entry_at(x, index[i], j);
  } else {
    const double *column = numbers(x) + j * x->n;
    for (lc_index i = 0; i < m; i++) out[i] = column[index[i]];
  }
}

/* A long run of neighbours is read in place; what lies between such runs is brought together. */
static lc_index dense_row_piece(const lc_rows *rows, lc_index m, const lc_index *index) {
  enum { LONG_RUN = 64 };
  lc_index most = lc_min(m, rows->most), count = 0;
  while (count < most) {
    lc_index run = neighbours(most - count, index + count, 0);
    if (run >= LONG_RUN) return count > 0 ? count : run;
    count += run;
  }
  return most;
}

static void dense_row_load(lc_rows *rows, lc_index m, const lc_index *index) {
  enum { SHORT_RUN = 8 };
  const lc_design *x = rows->design;
  lc_index start[LC_BLOCK_ROWS / SHORT_RUN + 1], runs = 0; /* where runs of neighbours begin, as long as they are few */
  for (lc_index i = 0; i < m && runs * SHORT_RUN <= m; i += neighbours(m, index, i)) start[runs++] = i;
  rows->loaded = rows->tile;
  rows->ld = m;
  if (neighbours(m, index, 0) == m && is_view(x) && is_double(x)) {
    rows->loaded = numbers(x) + index[0];
    rows->ld = x->n;
    return;
  }
  for (lc_index j = 0; j < x->p; j++) {
    double *out = rows->tile + j * m;
    if (runs * SHORT_RUN > m) {
      gather_column(x, m, index, j, out);
      continue;
    }
    for (lc_index r = 0; r < runs; r++) {
      lc_index end = r + 1 < runs ? start[r + 1] : m;
      load_column(x, index[start[r]], end - start[r], j, out + start[r]);
    }
  }
}

static void dense_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B,
                             double *Z) {
  const lc_design *x = rows->design;
  const double *offset = lc_offsets_of(rows->obs);
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++)
    for (lc_index i = 0; i < m; i++)
      Z[i + c * m] = (x->intercept ? B[c * q] : 0) + (offset ? offset[index[i] + c * x->n] : 0);
  lc_kernels()->scores(m, x->p, K, rows->loaded, rows->ld, B + x->intercept, q, Z, m);
}

static void dense_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R,
                               double *G) {
  const lc_design *x = rows->design;
  lc_index q = lc_design_q(x);
  (void)index;
  if (x->intercept)
    for (int c = 0; c < K; c++) G[c * q] += column_sum(m, R + c * m);
  lc_kernels()->gradient(m, x->p, K, rows->loaded, rows->ld, R, m, G + x->intercept, q);
}

static lc_column column_of(const lc_design *x, lc_index j) {
  return is_double(x) ? (lc_column){x->n, numbers(x) + j * x->n, NULL, NULL}
                      : (lc_column){x->n, NULL, integers(x) + j * x->n, NULL};
}

static lc_status dense_colstats(const lc_design *x, const double *w, double total, const lc_host *host,
                                lc_colstat *out) {
  return lc_columns_stats(x, column_of, w, total, host, out);
}

static void dense_moments(const lc_design *x, int K, const double *S, int threads, double *sum, double *square) {
  lc_columns_moments(x, column_of, K, S, threads, sum, square);
}

static double dense_cells(const lc_design *x) { return (double)x->n * (double)x->p; }

static const lc_design_ops dense_ops = {
    .name = "dense",
    .caps = LC_COLUMNS | LC_ROWS,
    .written_out = INFINITY,
    .pass = dense_pass,
    .col_dot = dense_col_dot,
    .col_axpy = dense_col_axpy,
    .col_cross = dense_col_cross,
    .colstats = dense_colstats,
    .moments = dense_moments,
    .cells = dense_cells,
    .subset = dense_subset,
    .as_rows = dense_as_rows,
    .row_piece = dense_row_piece,
    .row_load = dense_row_load,
    .row_scores = dense_row_scores,
    .row_gradient = dense_row_gradient,
};

void lc_design_dense(lc_design *out, lc_index n, lc_index p, enum lc_storage storage, const void *x) {
  *out = (lc_design){.ops = &dense_ops, .n = n, .p = p, .data = x, .storage = storage};
}
