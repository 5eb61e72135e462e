/* design/stream.c - dense streams: windows of rows, read ahead. See design/stream.h; sparse ones are in
 * design/stream_sparse.c, rows by number in design/stream_rows.c. */
#include "design/stream.h"

#include <math.h>
#include <string.h>

#include "design/column_stats.h"
#include "design/dense.h"
#include "design/stream_parts.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

enum { WINDOW_BYTES = 4 << 20 }; /* there are two; they leave a cache to the tiles */

static const lc_stream *stream_of(const lc_design *x) { return x->data; }

/* ---- windows ---------------------------------------------------------------------------------------------------- */

/* Rows row0 .. row0 + m - 1, X with leading dimension m; in order, on any thread. */
typedef lc_status window_work(void *context, lc_index row0, lc_index m, const double *X);

typedef struct extent {
  lc_index row0, m;
  double *X;
} extent;

/* One window is worked on while the next is read. Who comes first does what it may: only the main thread reads. */
typedef struct turn {
  const lc_stream *stream;
  window_work *work;
  void *context;
  extent now, next;
  int reads, works; /* 1: somebody does */
  lc_status read, worked;
} turn;

static void take_part(void *context, lc_index from, lc_index to) {
  turn *t = context;
  for (lc_index i = from; i < to; i++) {
    lc_lock();
    int read = !lc_is_helper() && !t->reads, work = !read && !t->works;
    t->reads |= read;
    t->works |= work;
    lc_unlock();
    if (read && t->next.m > 0) t->read = t->stream->read(t->stream->self, t->next.m, t->next.X);
    if (work && t->now.m > 0) t->worked = t->work(t->context, t->now.row0, t->now.m, t->now.X);
  }
}

/* Rows of a window: whole blocks of a dense pass, of some megabytes and 30 ms (`seconds` of a row), so that the host is
 * asked often enough whether to go on. */
static lc_index window_rows(lc_index n, lc_index p, double seconds) {
  const double patience = 0.03;
  lc_index block = lc_dense_block_rows(n, p);
  double most = fmin(WINDOW_BYTES / (8.0 * (double)lc_max(1, p)), patience / seconds);
  return lc_min(lc_max(1, n), lc_max(1, (lc_index)fmin(most, 1e9) / block) * block);
}

/* All windows of a pass, in order. */
static lc_status each_window(const lc_design *x, double seconds, window_work *work, void *context,
                             const lc_host *host) {
  const lc_stream *stream = stream_of(x);
  lc_index n = x->n, rows = window_rows(n, x->p, seconds);
  double *buffer[2] = {stream->memory(stream->self, LC_WINDOW_A, rows * x->p),
                       stream->memory(stream->self, LC_WINDOW_B, rows * x->p)};
  if (!buffer[0] || !buffer[1]) return LC_OUT_OF_MEMORY;
  if (lc_is_helper()) return LC_INVALID; /* only the main thread reads */
  LC_TRY(stream->begin(stream->self));
  turn t = {.stream = stream, .work = work, .context = context, .next = {0, lc_min(rows, n), buffer[0]}};
  for (int b = 1;; b = 1 - b) {
    t.reads = t.works = 0;
    LC_TRY(lc_poll(host));
    if (t.now.m > 0)
      lc_parallel(host->threads > 1 ? 2 : 1, 2, 1, take_part, &t);
    else
      t.works = 1;
    take_part(&t, 0, 2); /* what nobody did */
    LC_TRY(t.worked);
    LC_TRY(t.read);
    t.now = t.next;
    if (t.now.m == 0) break;
    lc_index row0 = t.now.row0 + t.now.m;
    t.next = (extent){row0, lc_min(rows, n - row0), buffer[b]};
  }
  return stream->end(stream->self);
}

/* The window as a design that shows its columns as x does. */
static lc_design window_design(const lc_design *x, lc_index m, const double *X) {
  lc_design out;
  lc_design_dense(&out, m, x->p, LC_DOUBLE, X);
  out.intercept = x->intercept;
  out.shift = x->shift;
  out.scale = x->scale;
  return out;
}

/* ---- passes ----------------------------------------------------------------------------------------------------- */

static lc_status sweep_rows(void *context, lc_index row0, lc_index m, const double *X) {
  return lc_dense_sweep_rows(context, row0, m, X);
}

static lc_status stream_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  if (!lc_pass_reads(pass)) return lc_dense_pass(x, pass, host, arena);
  lc_mark mark = lc_arena_mark(arena);
  lc_dense_sweep *sweep = lc_arena_alloc(arena, 1, sizeof *sweep);
  lc_status status = sweep ? lc_dense_sweep_begin(x, pass, 1, sweep, arena) : LC_OUT_OF_MEMORY;
  if (status == LC_OK) status = each_window(x, lc_dense_seconds(sweep), sweep_rows, sweep, host);
  if (status == LC_OK) lc_dense_sweep_end(sweep);
  lc_arena_reset(arena, mark);
  return status;
}

/* ---- samples of rows -------------------------------------------------------------------------------------------- */

typedef struct subset_job {
  const lc_design *x;
  lc_index count, length;
  const lc_index *first;
  double *copy;
} subset_job;

static lc_status subset_rows(void *context, lc_index row0, lc_index m, const double *X) {
  const subset_job *job = context;
  lc_design window = window_design(job->x, m, X);
  for (lc_index r = 0; r < job->count; r++) {
    lc_index from = lc_max(job->first[r], row0), to = lc_min(job->first[r] + job->length, row0 + m);
    double *out = job->copy + r * job->length + (from - job->first[r]);
    for (lc_index j = 0; from < to && j < window.p; j++)
      lc_dense_load(&window, from - row0, to - from, j, out + j * job->count * job->length);
  }
  return LC_OK;
}

static const double copying = 1e-9; /* seconds of a number */

static lc_status stream_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length,
                               lc_design *out, lc_arena *arena) {
  lc_index m = count * length;
  double *copy = lc_arena_doubles(arena, m * x->p);
  if (!copy) return LC_OUT_OF_MEMORY;
  subset_job job = {x, count, length, first, copy};
  LC_TRY(each_window(x, copying * (double)x->p, subset_rows, &job, arena->host));
  lc_design_dense(out, m, x->p, LC_DOUBLE, copy);
  out->intercept = x->intercept;
  return LC_OK;
}

/* ---- statistics ------------------------------------------------------------------------------------------------- */

static lc_column column_of(const lc_design *x, lc_index j) {
  return (lc_column){x->n, lc_dense_numbers(x) + j * x->n, NULL, NULL};
}

typedef struct moments_job {
  const lc_design *x;
  int K;
  const double *S;
  double *sum, *square;
} moments_job;

static lc_status moments_rows(void *context, lc_index row0, lc_index m, const double *X) {
  const moments_job *job = context;
  lc_design window = window_design(job->x, m, X);
  lc_columns_add_moments(&window, column_of, job->K, job->S + row0 * job->K, 1, job->sum, job->square);
  return LC_OK;
}

static lc_status stream_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                                double *sum, double *square) {
  size_t bytes = (size_t)(lc_design_q(x) * K) * sizeof(double);
  moments_job job = {x, K, S, sum, square};
  (void)arena;
  memset(sum, 0, bytes);
  memset(square, 0, bytes);
  return each_window(x, copying * (double)x->p * K, moments_rows, &job, host);
}

/* Columns of unweighted numbers of ordinary size in one pass, the others in two more; as lc_column_stats(). */
typedef struct stats_job {
  const lc_design *x;
  const double *w;
  int step; /* 0 kernel's moments; then of those that are not done: 1 look, 2 add */
  double *state, *pilot, *moment; /* p x LC_MOMENT_STATE, p, p x 3 */
  unsigned char *done;            /* p */
  lc_column_sums *sums;           /* p */
} stats_job;

static lc_status stats_rows(void *context, lc_index row0, lc_index m, const double *X) {
  stats_job *job = context;
  lc_design window = window_design(job->x, m, X);
  const double *w = job->w ? job->w + row0 : NULL;
  for (lc_index j = 0; j < window.p; j++) {
    lc_column column = column_of(&window, j);
    if (job->step == 0) {
      if (row0 == 0) job->pilot[j] = column.number[0];
      lc_kernels()->moments(m, LC_DOUBLE, column.number, job->pilot[j], job->state + j * LC_MOMENT_STATE,
                            job->moment + 3 * j);
    } else if (!job->done[j] && job->step == 1) {
      lc_column_look(&column, row0, job->x->n, w, job->sums + j);
    } else if (!job->done[j] && !lc_column_has_gaps(job->sums + j)) {
      lc_column_add(&column, w, job->sums + j);
    }
  }
  return LC_OK;
}

static lc_status stats_step(stats_job *job, int step, const lc_host *host) {
  job->step = step;
  return each_window(job->x, copying * (double)(job->x->p + 1), stats_rows, job, host);
}

static lc_status stream_colstats(const lc_design *x, const double *w, double total, const lc_host *host,
                                 lc_colstat *out) {
  lc_index p = x->p, left = p;
  lc_arena own, *arena = &own;
  lc_arena_init(arena, host);
  stats_job job = {.x = x, .w = w};
  job.state = lc_arena_zeros(arena, w ? 0 : p * LC_MOMENT_STATE);
  job.pilot = lc_arena_doubles(arena, p);
  job.moment = lc_arena_doubles(arena, 3 * p);
  job.done = lc_arena_alloc(arena, p, 1);
  job.sums = lc_arena_alloc(arena, p, sizeof *job.sums);
  if (!job.state || !job.pilot || !job.moment || !job.done || !job.sums) return LC_OUT_OF_MEMORY;
  memset(job.done, 0, (size_t)p);
  memset(job.sums, 0, (size_t)p * sizeof *job.sums);
  if (!w && x->n > 0) {
    LC_TRY(stats_step(&job, 0, host));
    for (lc_index j = 0; j < p; j++) {
      job.done[j] = (unsigned char)lc_column_quick(job.moment + 3 * j, (double)x->n, job.pilot[j], j, out);
      left -= job.done[j];
    }
  }
  if (left == 0) return LC_OK;
  LC_TRY(stats_step(&job, 1, host));
  for (lc_index j = 0; j < p; j++) lc_column_scale(job.sums + j);
  LC_TRY(stats_step(&job, 2, host));
  for (lc_index j = 0; j < p; j++)
    if (!job.done[j]) lc_column_finish(job.sums + j, total, j, out);
  return LC_OK;
}

/* ---- verbs of listed columns ------------------------------------------------------------------------------------ */

/* Rows of the listed columns as shown, m x nj, in one of the memories. */
static const double *take_columns(const lc_design *window, lc_index nj, const lc_index *j, double *to) {
  lc_index m = window->n;
  for (lc_index a = 0; a < nj; a++) {
    if (j[a] >= window->intercept)
      lc_dense_load(window, 0, m, j[a] - window->intercept, to + a * m);
    else
      for (lc_index i = 0; i < m; i++) to[a * m + i] = 1;
  }
  return to;
}

typedef struct columns_job {
  const lc_design *x;
  lc_index ni, nj;
  const lc_index *i, *j;
  int K;
  const double *in; /* n x K, nj x K, or n weights */
  double *out;      /* nj x K, n x K, or ni x nj */
  double *left, *right;
} columns_job;

static lc_status dot_rows(void *context, lc_index row0, lc_index m, const double *X) {
  const columns_job *job = context;
  lc_design window = window_design(job->x, m, X);
  lc_kernels()->gradient(m, job->nj, job->K, take_columns(&window, job->nj, job->j, job->left), m, job->in + row0,
                         job->x->n, job->out, job->nj);
  return LC_OK;
}

static lc_status axpy_rows(void *context, lc_index row0, lc_index m, const double *X) {
  const columns_job *job = context;
  lc_design window = window_design(job->x, m, X);
  lc_kernels()->scores(m, job->nj, job->K, take_columns(&window, job->nj, job->j, job->left), m, job->in, job->nj,
                       job->out + row0, job->x->n);
  return LC_OK;
}

static lc_status cross_rows(void *context, lc_index row0, lc_index m, const double *X) {
  const columns_job *job = context;
  lc_design window = window_design(job->x, m, X);
  const double *left = take_columns(&window, job->ni, job->i, job->left);
  double *right = job->right;
  take_columns(&window, job->nj, job->j, right);
  for (lc_index b = 0; b < job->nj; b++)
    for (lc_index r = 0; r < m; r++) right[b * m + r] *= job->in[row0 + r];
  lc_kernels()->gradient(m, job->ni, (int)job->nj, left, m, right, m, job->out, job->ni);
  return LC_OK;
}

/* Rows without X: lists of the intercept alone. */
static lc_status each_strip(const lc_design *x, window_work *work, void *context) {
  enum { ROWS = 1024 };
  for (lc_index row0 = 0; row0 < x->n; row0 += ROWS)
    LC_TRY(work(context, row0, lc_min(ROWS, x->n - row0), NULL));
  return LC_OK;
}

/* The host's poll would tell a time limit once, to nobody: only reads look for interrupts here. */
static lc_status run_columns(columns_job *job, window_work *work, const lc_host *host) {
  enum { STRIP = 1024 };
  const lc_design *x = job->x;
  const lc_stream *stream = stream_of(x);
  lc_host quiet = *host;
  quiet.poll = NULL;
  int reads = lc_lists_features(x, job->ni, job->i) || lc_lists_features(x, job->nj, job->j);
  double seconds = copying * (double)(1 + lc_max(1, job->ni) * job->nj);
  lc_index rows = lc_max(STRIP, window_rows(x->n, x->p, seconds));
  job->left = stream->memory(stream->self, LC_LEFT, rows * lc_max(job->ni, job->nj));
  job->right = stream->memory(stream->self, LC_RIGHT, job->ni > 0 ? rows * job->nj : 0);
  if (!job->left || !job->right) return LC_OUT_OF_MEMORY;
  return reads ? each_window(x, seconds, work, job, &quiet) : each_strip(x, work, job);
}

static void stream_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                           lc_arena *arena) {
  columns_job job = {.x = x, .nj = nj, .j = j, .K = K, .in = R, .out = c};
  if (nj * K == 0) return;
  memset(c, 0, (size_t)(nj * K) * sizeof(double));
  run_columns(&job, dot_rows, arena->host);
}

static void stream_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                            const lc_host *host) {
  columns_job job = {.x = x, .nj = nj, .j = j, .K = K, .in = d, .out = Z};
  if (nj * K > 0) run_columns(&job, axpy_rows, host);
}

static lc_status stream_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                  const double *s, double *C, lc_arena *arena) {
  columns_job job = {.x = x, .ni = ni, .i = i, .nj = nj, .j = j, .in = s, .out = C};
  if (ni * nj == 0) return LC_OK;
  memset(C, 0, (size_t)(ni * nj) * sizeof(double));
  return run_columns(&job, cross_rows, arena->host);
}

int lc_lists_features(const lc_design *x, lc_index nj, const lc_index *j) {
  for (lc_index a = 0; a < nj; a++)
    if (j[a] >= x->intercept) return 1;
  return 0;
}

double lc_stream_cells(const lc_design *x) { return (double)x->n * (double)x->p; }

static const lc_design_ops stream_ops = {
    .name = "stream",
    .caps = LC_COLUMNS | LC_ROWS | LC_STREAMED,
    .col_dot = stream_col_dot,
    .col_axpy = stream_col_axpy,
    .col_cross = stream_col_cross,
    .written_out = INFINITY,
    .pass = stream_pass,
    .colstats = stream_colstats,
    .moments = stream_moments,
    .cells = lc_stream_cells,
    .subset = stream_subset,
    .as_rows = lc_stream_as_rows,
    .row_piece = lc_stream_row_piece,
    .row_load = lc_stream_row_load,
    .row_scores = lc_dense_row_scores,
    .row_gradient = lc_dense_row_gradient,
};

void lc_design_stream(lc_design *out, lc_index n, lc_index p, const lc_stream *stream) {
  const lc_design_ops *ops = stream->read ? &stream_ops : &lc_sparse_stream_ops;
  *out = (lc_design){.ops = ops, .n = n, .p = p, .data = stream, .storage = LC_DOUBLE};
}
