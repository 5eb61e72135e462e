/* design/dense.c - a column-major matrix of doubles or integers, read where it lies. */
#include <math.h>
#include <string.h>

#include "design/column_stats.h"
#include "design/dense.h"
#include "design/partial_sums.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

enum { TILE_ROWS = 256 };

/* Threads for as many products: 2 a nanosecond. */
static int threads_for(const lc_host *host, double products) { return lc_threads_for(host, 0.5e-9 * products); }

/* Rows of one column as shown, the intercept's ones included. */
static void load_listed(const lc_design *x, lc_index row0, lc_index m, lc_index j, double *out) {
  if (j >= x->intercept)
    lc_dense_load(x, row0, m, j - x->intercept, out);
  else
    for (lc_index i = 0; i < m; i++) out[i] = 1;
}

/* Listed columns that are worked on together: as many as a kernel reads at a time. LIST_TILE doubles hold what cannot
 * be read in place, and stay in L1. */
enum { FEW = 8, MANY = 12, LIST_TILE = 1024 };

/* Rows of `count` listed columns that are worked on together: in place longer runs are faster. */
static lc_index listed_rows(const lc_design *x, lc_index count) {
  return (lc_dense_is_view(x) ? FEW : 1) * LIST_TILE / count / 16 * 16;
}

/* Memory of what cannot be read in place: columns as shown, or the ones of the intercept beside ints or floats. */
typedef union list_tile {
  double number[LIST_TILE];
  int integer[LIST_TILE];
  float narrow[LIST_TILE];
} list_tile;

/* Where rows row0 .. row0 + m - 1 of the listed columns are to be read: where they lie, or in the tile, which has room
 * for `count` columns (in place: for one). Returns what they are there. */
static enum lc_storage list_columns(const lc_design *x, lc_index row0, lc_index m, lc_index count, const lc_index *j,
                                    void *tile, const void **at) {
  int view = lc_dense_is_view(x), intercept = x->intercept;
  double *number = tile;
  int *integer = tile;
  float *narrow = tile;
  for (lc_index a = 0; a < count; a++) {
    double *loaded = view ? number : number + a * m;
    at[a] = loaded;
    if (view && j[a] >= intercept) {
      at[a] = lc_dense_stored(x, row0, j[a] - intercept);
    } else if (view && x->storage == LC_INTEGER) {
      for (lc_index i = 0; i < m; i++) integer[i] = 1;
      at[a] = integer;
    } else if (view && x->storage == LC_FLOAT) {
      for (lc_index i = 0; i < m; i++) narrow[i] = 1;
      at[a] = narrow;
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
                          lc_arena *arena) {
  lc_column_job job = {x, nj, j, K, R, c};
  memset(c, 0, (size_t)(nj * K) * sizeof(double));
  lc_parallel(threads_for(arena->host, (double)nj * (double)x->n * K), nj, K == 1 ? FEW : MANY, dot_some, &job);
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
static lc_status cross_few(const cross *job, double *C, lc_arena *arena) {
  lc_index n = job->x->n, ni = job->ni, nj = job->nj;
  double *R = lc_arena_doubles(arena, n * ni), *dots = lc_arena_doubles(arena, nj * ni);
  if (!R || !dots) return LC_OUT_OF_MEMORY;
  for (lc_index a = 0; a < ni; a++) {
    double *column = R + a * n;
    load_listed(job->x, 0, n, job->i[a], column);
    for (lc_index r = 0; r < n; r++) column[r] *= job->s[r];
  }
  dense_col_dot(job->x, nj, job->j, (int)ni, R, dots, arena);
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
      ni <= FEW_LEFT && !job.symmetric ? cross_few(&job, C, arena) : cross_tiles(&job, C, host, arena);
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
      lc_dense_load(job->x, job->first[r], length, j, job->copy + (j * job->count + r) * length);
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

/* ---- columns rounded to floats ----------------------------------------------------------------------------------- */

static const lc_design_ops rounded_ops = {
    .name = "dense, rounded",
    .caps = LC_COLUMNS,
    .pass = lc_dense_pass,
    .col_dot = dense_col_dot,
    .col_axpy = dense_col_axpy,
};

typedef struct round_job {
  const lc_design *x;
  const lc_index *j;
  float *to; /* n x p */
} round_job;

static void round_some(void *context, lc_index from, lc_index end) {
  enum { PIECE = 512 };
  const round_job *job = context;
  const lc_design *x = job->x;
  double piece[PIECE];
  for (lc_index v = from; v < end; v++)
    for (lc_index row0 = 0; job->j[v] >= x->intercept && row0 < x->n; row0 += PIECE) {
      lc_index m = lc_min(PIECE, x->n - row0), j = job->j[v] - x->intercept;
      lc_dense_load(x, row0, m, j, piece);
      for (lc_index i = 0; i < m; i++) job->to[j * x->n + row0 + i] = (float)piece[i];
    }
}

static lc_status dense_round(const lc_design *x, lc_index nj, const lc_index *j, lc_design *out, lc_arena *arena) {
  if (!lc_dense_is_double(x)) return LC_OK; /* ints have no more bytes */
  if (!out->ops) {
    float *to = lc_arena_alloc(arena, x->n * x->p, sizeof *to);
    if (!to) return LC_OUT_OF_MEMORY;
    *out = (lc_design){.ops = &rounded_ops, .n = x->n, .p = x->p, .intercept = x->intercept, .storage = LC_FLOAT};
    out->data = to;
  }
  float *to; /* a design only reads its data, but this memory is the arena's */
  memcpy(&to, &out->data, sizeof to);
  round_job job = {x, j, to};
  lc_parallel(threads_for(arena->host, (double)nj * (double)x->n), nj, 8, round_some, &job);
  return LC_OK;
}

/* ---- rows in any order ------------------------------------------------------------------------------------------- */

enum { LOAD_BYTES = 4 << 20, LEAST_LOAD = 32 };

lc_status lc_dense_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena) {
  memset(out, 0, sizeof *out);
  out->design = x;
  out->most = lc_max(LEAST_LOAD, lc_min(LC_BLOCK_ROWS, LOAD_BYTES / (8 * lc_max(1, x->p))));
  out->tile = lc_arena_doubles(arena, out->most * x->p);
  return out->tile ? LC_OK : LC_OUT_OF_MEMORY;
}

static double entry_at(const lc_design *x, lc_index i, lc_index j) {
  double value = lc_dense_is_double(x) ? lc_dense_numbers(x)[i + j * x->n] : lc_dense_integers(x)[i + j * x->n];
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
  if (!lc_dense_is_view(x) || !lc_dense_is_double(x)) {
    for (lc_index i = 0; i < m; i++) out[i] = entry_at(x, index[i], j);
  } else {
    const double *column = lc_dense_numbers(x) + j * x->n;
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
  if (neighbours(m, index, 0) == m && lc_dense_is_view(x) && lc_dense_is_double(x)) {
    rows->loaded = lc_dense_numbers(x) + index[0];
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
      lc_dense_load(x, index[start[r]], end - start[r], j, out + start[r]);
    }
  }
}

void lc_dense_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B, double *Z) {
  const lc_design *x = rows->design;
  const double *offset = lc_offsets_of(rows->obs);
  lc_index q = lc_design_q(x);
  for (int c = 0; c < K; c++)
    for (lc_index i = 0; i < m; i++)
      Z[i + c * m] = (x->intercept ? B[c * q] : 0) + (offset ? offset[index[i] + c * x->n] : 0);
  lc_kernels()->scores(m, x->p, K, rows->loaded, rows->ld, B + x->intercept, q, Z, m);
}

void lc_dense_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R, double *G) {
  const lc_design *x = rows->design;
  lc_index q = lc_design_q(x);
  (void)index;
  if (x->intercept)
    for (int c = 0; c < K; c++) G[c * q] += lc_dense_sum(m, R + c * m);
  lc_kernels()->gradient(m, x->p, K, rows->loaded, rows->ld, R, m, G + x->intercept, q);
}

static lc_column column_of(const lc_design *x, lc_index j) {
  return lc_dense_is_double(x) ? (lc_column){x->n, lc_dense_numbers(x) + j * x->n, NULL, NULL}
                      : (lc_column){x->n, NULL, lc_dense_integers(x) + j * x->n, NULL};
}

static lc_status dense_colstats(const lc_design *x, const double *w, double total, const lc_host *host,
                                lc_colstat *out) {
  return lc_columns_stats(x, column_of, w, total, host, out);
}

static lc_status dense_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                               double *sum, double *square) {
  (void)arena;
  lc_columns_moments(x, column_of, K, S, host->threads, sum, square);
  return LC_OK;
}

static double dense_cells(const lc_design *x) { return (double)x->n * (double)x->p; }

static const lc_design_ops dense_ops = {
    .name = "dense",
    .caps = LC_COLUMNS | LC_ROWS,
    .written_out = INFINITY,
    .pass = lc_dense_pass,
    .col_dot = dense_col_dot,
    .col_axpy = dense_col_axpy,
    .col_cross = dense_col_cross,
    .round = dense_round,
    .colstats = dense_colstats,
    .moments = dense_moments,
    .cells = dense_cells,
    .subset = dense_subset,
    .as_rows = lc_dense_as_rows,
    .row_piece = dense_row_piece,
    .row_load = dense_row_load,
    .row_scores = lc_dense_row_scores,
    .row_gradient = lc_dense_row_gradient,
};

void lc_design_dense(lc_design *out, lc_index n, lc_index p, enum lc_storage storage, const void *x) {
  *out = (lc_design){.ops = &dense_ops, .n = n, .p = p, .data = x, .storage = storage};
}
