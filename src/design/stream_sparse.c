/* design/stream_sparse.c - sparse streams: each piece is a sparse design of its own, whose sums are added in order. */
#include <math.h>
#include <string.h>

#include "design/column_stats.h"
#include "design/dense.h"
#include "design/stream.h"
#include "design/stream_parts.h"
#include "threads/threads.h"

typedef lc_status piece_work(void *context, lc_index row0, const lc_design *piece);

static lc_status each_piece(const lc_design *x, piece_work *work, void *context, const lc_host *host) {
  const lc_stream *stream = x->data;
  lc_csc csc;
  lc_design piece;
  lc_index m;
  if (lc_is_helper()) return LC_INVALID; /* only the main thread reads */
  LC_TRY(stream->begin(stream->self));
  for (lc_index row0 = 0; row0 < x->n; row0 += m) {
    LC_TRY(lc_poll(host));
    LC_TRY(stream->next(stream->self, &csc, &m));
    if (m < 1 || m > x->n - row0) return LC_SOURCE;
    lc_design_sparse(&piece, m, x->p, &csc);
    piece.intercept = x->intercept;
    piece.scale = x->scale;
    LC_TRY(work(context, row0, &piece));
  }
  return stream->end(stream->self);
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

typedef struct pass_job {
  const lc_design *x;
  const lc_pass *pass;
  lc_index row0;
  lc_partial partial; /* of the piece */
  const lc_host *host;
  lc_arena *arena;
} pass_job;

/* The callback counts rows from the first of all. */
static lc_status shifted_block(void *context, const lc_block *block, double *sum) {
  const pass_job *job = context;
  lc_block moved = *block;
  moved.row0 += job->row0;
  return job->pass->block(job->pass->context, &moved, sum);
}

/* Rows row0 .. row0 + m - 1 of n x K numbers to m x K, and back. */
static void take_rows(lc_index n, lc_index row0, lc_index m, int K, const double *all, double *part) {
  for (int c = 0; c < K; c++) memcpy(part + c * m, all + row0 + c * n, (size_t)m * sizeof(double));
}

static void put_rows(lc_index n, lc_index row0, lc_index m, int K, const double *part, double *all) {
  for (int c = 0; c < K; c++) memcpy(all + row0 + c * n, part + c * m, (size_t)m * sizeof(double));
}

static const double *rows_of_offset(const lc_obs *obs, lc_index row0, lc_index m, double *to) {
  for (int c = 0; c < obs->noffset; c++)
    memcpy(to + c * m, obs->offset + row0 + c * obs->n, (size_t)m * sizeof(double));
  return obs->noffset ? to : NULL;
}

static lc_status pass_piece(void *context, lc_index row0, const lc_design *piece) {
  pass_job *job = context;
  const lc_pass *pass = job->pass;
  const lc_obs *all = pass->obs;
  lc_index n = job->x->n, m = piece->n;
  lc_mark mark = lc_arena_mark(job->arena);
  double *Z = lc_arena_doubles(job->arena, pass->Z ? m * pass->K : 0);
  double *offset = lc_arena_doubles(job->arena, all ? m * all->noffset : 0);
  if (!Z || !offset) return LC_OUT_OF_MEMORY;
  lc_obs obs = {0};
  if (all)
    obs = (lc_obs){.n = m,
                   .y = all->y ? all->y + row0 : NULL,
                   .w = all->w ? all->w + row0 : NULL,
                   .offset = rows_of_offset(all, row0, m, offset),
                   .noffset = all->noffset};
  lc_pass own = *pass;
  own.obs = all ? &obs : NULL;
  if (pass->Z && !pass->B) take_rows(n, row0, m, pass->K, pass->Z, Z);
  if (pass->Z) own.Z = Z;
  if (pass->block) own.block = shifted_block;
  own.context = job;
  own.sum = job->partial.sum;
  if (pass->G) own.G = job->partial.G;
  if (pass->C) own.C = job->partial.C;
  job->row0 = row0;
  lc_status status = piece->ops->pass(piece, &own, job->host, job->arena);
  if (status == LC_OK && pass->Z && pass->B) put_rows(n, row0, m, pass->K, Z, pass->Z);
  const lc_partial total = {.sum = pass->sum, .G = pass->G, .C = pass->C};
  if (status == LC_OK) lc_partial_add(&job->partial, &total);
  lc_arena_reset(job->arena, mark);
  return status;
}

static void clear(lc_index count, double *v) {
  if (count > 0) memset(v, 0, (size_t)count * sizeof(double));
}

static lc_status stream_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  if (!lc_pass_reads(pass)) return lc_dense_pass(x, pass, host, arena);
  lc_index q = lc_design_q(x), nG = pass->G ? q * pass->K : 0, nC = pass->C ? lc_packed_size(q) * pass->ns : 0;
  lc_mark mark = lc_arena_mark(arena);
  pass_job job = {.x = x, .pass = pass, .host = host, .arena = arena};
  clear(pass->nsum, pass->sum);
  clear(nG, pass->G);
  clear(nC, pass->C);
  lc_status status = lc_partial_make(&job.partial, pass->nsum, nG, nC, arena);
  if (status == LC_OK) status = each_piece(x, pass_piece, &job, host);
  lc_arena_reset(arena, mark);
  return status;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

/* Sums as they are first; where sizes leave the range, once more in units that keep squares inside. */
typedef struct stats_job {
  const double *w;
  int again;
  lc_column_sums *sums; /* p */
} stats_job;

static lc_status stats_piece(void *context, lc_index row0, const lc_design *piece) {
  const stats_job *job = context;
  const lc_csc *csc = lc_csc_of(piece);
  const double *w = job->w ? job->w + row0 : NULL;
  for (lc_index j = 0; j < piece->p; j++) {
    lc_index from = csc->start[j];
    lc_column column = {csc->start[j + 1] - from, csc->value + from, NULL, csc->row + from};
    if (!job->again) {
      /* Where all rows of the first piece are stored the mean may be large beside the spread. */
      int first = row0 == 0 && column.count == piece->n && column.count > 0 && isfinite(column.number[0]);
      if (first) job->sums[j].pilot = column.number[0];
      lc_column_look(&column, 0, -1, w, job->sums + j);
    }
    lc_column_add(&column, w, job->sums + j);
  }
  return LC_OK;
}

/* The zeros that are not stored. */
static void add_zeros(double n, double total, lc_column_sums *sums) {
  double rest = sums->entries < n ? total - sums->weight : 0;
  sums->sum -= rest * sums->pilot;
  sums->squares += rest * sums->pilot * sums->pilot;
}

static lc_status stream_colstats(const lc_design *x, const double *w, double total, const lc_host *host,
                                 lc_colstat *out) {
  lc_arena own;
  int ordinary = 1;
  lc_arena_init(&own, host);
  stats_job job = {.w = w, .sums = lc_arena_alloc(&own, x->p, sizeof *job.sums)};
  if (!job.sums) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < x->p; j++) job.sums[j] = (lc_column_sums){.unit = 1};
  LC_TRY(each_piece(x, stats_piece, &job, host));
  for (lc_index j = 0; j < x->p; j++) {
    const lc_column_sums *s = job.sums + j;
    int fits = s->largest == 0 || (s->largest < 1e100 && s->largest > 1e-100);
    ordinary &= lc_column_has_gaps(s) || (isfinite(s->squares) && fits);
  }
  for (lc_index j = 0; !ordinary && j < x->p; j++) {
    lc_column_scale(job.sums + j);
    job.sums[j].sum = job.sums[j].squares = job.sums[j].entries = job.sums[j].weight = 0;
  }
  job.again = 1;
  if (!ordinary) LC_TRY(each_piece(x, stats_piece, &job, host));
  for (lc_index j = 0; j < x->p; j++) {
    add_zeros((double)x->n, total, job.sums + j);
    lc_column_finish(job.sums + j, total, j, out);
  }
  return LC_OK;
}

/* ---- verbs of listed columns: those of the pieces --------------------------------------------------------------- */

typedef struct columns_job {
  const lc_design *x;
  lc_index ni, nj;
  const lc_index *i, *j;
  int K;
  const double *in; /* n x K, nj x K, or n weights */
  double *out;      /* nj x K, n x K, or ni x nj */
  double *part;     /* of one piece: nj x K or ni x nj */
  const lc_host *host;
  lc_arena *arena;
} columns_job;

static double *memory_of(const lc_design *x, enum lc_stream_memory which, lc_index doubles) {
  const lc_stream *stream = x->data;
  return stream->memory(stream->self, which, doubles);
}

static lc_status dot_piece(void *context, lc_index row0, const lc_design *piece) {
  const columns_job *job = context;
  double *R = memory_of(job->x, LC_LEFT, piece->n * job->K);
  if (!R) return LC_OUT_OF_MEMORY;
  take_rows(job->x->n, row0, piece->n, job->K, job->in, R);
  piece->ops->col_dot(piece, job->nj, job->j, job->K, R, job->part, job->arena);
  for (lc_index a = 0; a < job->nj * job->K; a++) job->out[a] += job->part[a];
  return LC_OK;
}

static lc_status axpy_piece(void *context, lc_index row0, const lc_design *piece) {
  const columns_job *job = context;
  double *Z = memory_of(job->x, LC_LEFT, piece->n * job->K);
  if (!Z) return LC_OUT_OF_MEMORY;
  take_rows(job->x->n, row0, piece->n, job->K, job->out, Z);
  piece->ops->col_axpy(piece, job->nj, job->j, job->K, job->in, Z, job->host);
  put_rows(job->x->n, row0, piece->n, job->K, Z, job->out);
  return LC_OK;
}

static lc_status cross_piece(void *context, lc_index row0, const lc_design *piece) {
  const columns_job *job = context;
  LC_TRY(piece->ops->col_cross(piece, job->ni, job->i, job->nj, job->j, job->in + row0, job->part, job->arena));
  for (lc_index a = 0; a < job->ni * job->nj; a++) job->out[a] += job->part[a];
  return LC_OK;
}

/* Lists of the intercept alone need no rows: pieces without entries. */
static lc_status each_empty(columns_job *job, piece_work *work) {
  enum { ROWS = 1 << 16 };
  const lc_design *x = job->x;
  int *start = (int *)memory_of(x, LC_RIGHT, x->p / 2 + 1);
  if (!start) return LC_OUT_OF_MEMORY;
  memset(start, 0, (size_t)(x->p + 1) * sizeof *start);
  const double none = 0;
  const lc_csc csc = {start, start, &none};
  lc_design piece;
  for (lc_index row0 = 0; row0 < x->n; row0 += ROWS) {
    lc_design_sparse(&piece, lc_min(ROWS, x->n - row0), x->p, &csc);
    piece.intercept = x->intercept;
    LC_TRY(work(job, row0, &piece));
  }
  return LC_OK;
}

static lc_status run_columns(const columns_job *job, piece_work *work, const lc_host *host) {
  lc_host quiet = *host; /* as in design/stream.c */
  quiet.poll = NULL;
  columns_job own = *job;
  own.host = &quiet;
  int reads = lc_lists_features(job->x, job->ni, job->i) || lc_lists_features(job->x, job->nj, job->j);
  return reads ? each_piece(job->x, work, &own, &quiet) : each_empty(&own, work);
}

static void stream_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                           lc_arena *arena) {
  columns_job job = {.x = x, .nj = nj, .j = j, .K = K, .in = R, .out = c, .arena = arena};
  clear(nj * K, c);
  job.part = memory_of(x, LC_WINDOW_A, nj * K);
  if (nj * K > 0 && job.part) run_columns(&job, dot_piece, arena->host);
}

static void stream_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                            const lc_host *host) {
  columns_job job = {.x = x, .nj = nj, .j = j, .K = K, .in = d, .out = Z};
  if (nj * K > 0) run_columns(&job, axpy_piece, host);
}

static lc_status stream_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                  const double *s, double *C, lc_arena *arena) {
  columns_job job = {.x = x, .ni = ni, .i = i, .nj = nj, .j = j, .in = s, .out = C, .arena = arena};
  clear(ni * nj, C);
  job.part = memory_of(x, LC_WINDOW_A, ni * nj);
  if (!job.part) return LC_OUT_OF_MEMORY;
  return ni * nj > 0 ? run_columns(&job, cross_piece, arena->host) : LC_OK;
}

static int never(const lc_design *x, lc_index j) {
  (void)x;
  (void)j;
  return 0;
}

const lc_design_ops lc_sparse_stream_ops = {
    .name = "sparse stream",
    .caps = LC_COLUMNS | LC_STREAMED,
    .col_dot = stream_col_dot,
    .col_axpy = stream_col_axpy,
    .col_cross = stream_col_cross,
    .pass = stream_pass,
    .colstats = stream_colstats,
    .may_shift = never,
    .cells = lc_stream_cells,
};
