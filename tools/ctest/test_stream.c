/* Tests of streams: what a dense one gives has the bits of the matrix in memory, what a sparse one gives is that of the
 * whole up to rounding, rows are read once, in order, by the main thread, and a reader that fails is heard. */
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/random.h"
#include "ctest.h"
#include "design/stream.h"
#include "threads/threads.h"

void test_stream(void);

enum { K = 2, NS = 3 };

/* Reads from memory. Sparse: pieces of `piece` rows, whose entries are copied. */
typedef struct reader {
  lc_stream stream;
  lc_index n, p, row, piece;
  const double *X;
  int open, wrong; /* wrong: calls out of order, or on another thread */
  long passes, reads, fail_at; /* fail_at: which read fails, 0 for none */
  int *start, *rows;
  double *value;
  double *memory[LC_STREAM_MEMORIES];
  lc_index doubles[LC_STREAM_MEMORIES];
  int meets, reading, working, met; /* meets: a read waits for work on the window before it, and work for the read */
} reader;

/* Sets *mine and waits for *other, some seconds at most: did both go on at the same time? */
static int meet(int *mine, const int *other) {
  const time_t began = time(NULL);
  for (int met = 0;;) {
    lc_lock();
    *mine = 1;
    met = *other;
    lc_unlock();
    if (met || difftime(time(NULL), began) > 20) return met;
  }
}

static lc_status begin(void *self) {
  reader *r = self;
  r->wrong |= lc_is_helper();
  r->row = 0;
  r->open = 1;
  return LC_OK;
}

static lc_status next_read(reader *r, lc_index m) {
  r->wrong |= lc_is_helper() || !r->open || m < 1 || r->row + m > r->n;
  r->reads++;
  return r->fail_at > 0 && r->reads >= r->fail_at ? LC_SOURCE : LC_OK;
}

static lc_status read_rows(void *self, lc_index m, double *to) {
  reader *r = self;
  LC_TRY(next_read(r, m));
  if (r->meets && r->row > 0) r->meets = r->met = meet(&r->reading, &r->working);
  for (lc_index j = 0; j < r->p; j++) memcpy(to + j * m, r->X + j * r->n + r->row, (size_t)m * sizeof(double));
  r->row += m;
  return LC_OK;
}

static lc_status next_piece(void *self, lc_csc *piece, lc_index *m) {
  reader *r = self;
  *m = lc_min(r->piece, r->n - r->row);
  LC_TRY(next_read(r, *m));
  int count = 0;
  for (lc_index j = 0; j < r->p; j++) {
    r->start[j] = count;
    for (lc_index i = 0; i < *m; i++) {
      double value = r->X[j * r->n + r->row + i];
      if (value == 0) continue;
      r->rows[count] = (int)i;
      r->value[count++] = value;
    }
  }
  r->start[r->p] = count;
  *piece = (lc_csc){r->start, r->rows, r->value};
  r->row += *m;
  return LC_OK;
}

static lc_status end(void *self) {
  reader *r = self;
  r->wrong |= r->row != r->n;
  r->open = 0;
  r->passes++;
  return LC_OK;
}

static lc_index seek(void *self, lc_index row) {
  reader *r = self;
  r->wrong |= lc_is_helper();
  if (!r->open || (r->stream.in_order && row < r->row)) begin(r);
  if (!r->stream.in_order) r->row = row;
  return r->row;
}

static double *memory(void *self, enum lc_stream_memory which, lc_index doubles) {
  reader *r = self;
  if (r->doubles[which] < doubles || !r->memory[which]) {
    free(r->memory[which]);
    r->memory[which] = malloc((size_t)(doubles + 1) * sizeof(double));
    r->doubles[which] = doubles;
  }
  return r->memory[which];
}

static void reader_make(reader *r, lc_index n, lc_index p, const double *X, lc_index piece, lc_design *out) {
  memset(r, 0, sizeof *r);
  r->n = n;
  r->p = p;
  r->X = X;
  r->piece = piece;
  r->stream = (lc_stream){r, begin, piece ? NULL : read_rows, piece ? next_piece : NULL, end, seek, 0, memory};
  if (piece) {
    r->start = malloc((size_t)(p + 1) * sizeof(int));
    r->rows = malloc((size_t)(piece * p + 1) * sizeof(int));
    r->value = malloc((size_t)(piece * p + 1) * sizeof(double));
  }
  lc_design_stream(out, n, p, &r->stream);
  out->intercept = 1;
}

static void reader_free(reader *r) {
  for (int k = 0; k < LC_STREAM_MEMORIES; k++) free(r->memory[k]);
  free(r->start), free(r->rows), free(r->value);
}

/* Any smooth function of the scores; weights and offsets count, and the place of each row. */
static lc_status waves(void *context, const lc_block *block, double *sum) {
  (void)context;
  for (int i = 0; i < block->m; i++) {
    sum[0] += (double)(block->row0 + i) * 1e-3;
    for (int c = 0; c < K; c++) {
      double z = block->z[i + c * block->ld], w = lc_block_weight(block, i);
      sum[1] += w * cos(z) + (block->offset ? 0.1 * block->offset[i + c * block->ldoff] : 0);
      if (block->r) block->r[i + c * block->ldr] = w * sin(z);
    }
    for (int s = 0; s < NS && block->s; s++) block->s[i + s * block->ldr] = 1 + 0.1 * s * cos(block->z[i]);
  }
  return LC_OK;
}

/* Everything that a design gives by sweeps, one after the other; the caller frees it. */
static double *everything(const lc_design *x, const lc_obs *obs, const double *B, int threads, lc_index *count) {
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  host.host.threads = threads;
  lc_arena_init(&arena, &host.host);
  lc_index n = x->n, p = x->p, q = p + 1, nz = n * K, ng = q * K, nc = lc_packed_size(q) * NS;
  *count = nz + 2 + ng + nc + 2 + 6 * p + 2 * ng;
  double *out = ctest_zeros(*count), *at = out;
  lc_pass pass = {.K = K, .ns = NS, .nsum = 2, .obs = obs, .B = B, .Z = at, .block = waves};
  pass.sum = (at += nz);
  pass.G = (at += 2);
  pass.C = (at += ng);
  CHECK(x->ops->pass(x, &pass, &host.host, &arena) == LC_OK);
  lc_pass again = {.K = K, .nsum = 2, .obs = obs, .Z = out, .block = waves, .sum = (at += nc)};
  CHECK(x->ops->pass(x, &again, &host.host, &arena) == LC_OK); /* from the scores, without a read */
  at += 2;
  lc_colstat stats = {at, at + p, at + 2 * p, at + 3 * p, at + 4 * p, at + 5 * p};
  CHECK(lc_design_colstats(x, obs->w, &host.host, &stats) == LC_OK);
  at += 6 * p;
  CHECK(!x->ops->moments || lc_design_moments(x, K, out, &host.host, &arena, at, at + ng) == LC_OK);
  ctest_host_free(&host);
  return out;
}

static void compare(lc_index p, lc_index n, int weighted, int shifted) {
  double *X = ctest_normals(n * p), *B = ctest_normals((p + 1) * K), *shift = ctest_normals(p), *w = ctest_normals(n);
  double *offset = ctest_normals(n * K);
  for (lc_index i = 0; i < n; i++) w[i] = i % 5 ? fabs(w[i]) : 0;
  if (p > 2 && n > 3 && weighted) X[2 * n + n / 2] = NAN; /* in the row of a weight, and at least then seen */
  if (p > 1) X[n] = 1e200;
  lc_obs obs = {.n = n, .w = weighted ? w : NULL, .offset = offset, .noffset = K};
  lc_design dense, stream;
  reader r;
  lc_index count;
  lc_design_dense(&dense, n, p, LC_DOUBLE, X);
  dense.intercept = 1;
  reader_make(&r, n, p, X, 0, &stream);
  if (shifted) dense.shift = stream.shift = shift;
  double *want = everything(&dense, &obs, B, 1, &count);
  for (int threads = 1; threads <= 2; threads++) {
    double *got = everything(&stream, &obs, B, threads, &count);
    CHECK(memcmp(got, want, (size_t)count * sizeof *got) == 0);
    free(got);
  }
  CHECK(!r.wrong && r.passes > 0);
  reader_free(&r);
  free(X), free(B), free(shift), free(w), free(offset), free(want);
}

/* Many columns make windows of fewer rows than a long run has. */
static void test_subset_and_columns(lc_index P, lc_index length) {
  enum { N = 5000, RUNS = 3, NJ = 3 };
  const lc_index first[RUNS] = {0, 1020, N - length}, list[NJ] = {0, 7, P};
  double *X = ctest_normals(N * P), *R = ctest_normals(N * K), *s = ctest_normals(N), *d = ctest_normals(NJ * K);
  double c[2][NJ * K], C[2][NJ * NJ], *Z[2];
  reader r;
  lc_design x[2], sub[2];
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_design_dense(x, N, P, LC_DOUBLE, X);
  x[0].intercept = 1;
  reader_make(&r, N, P, X, 0, x + 1);
  for (int v = 0; v < 2; v++) {
    CHECK(x[v].ops->subset(x + v, RUNS, first, length, sub + v, &arena) == LC_OK);
    x[v].ops->col_dot(x + v, NJ, list, K, R, c[v], &arena);
    CHECK(x[v].ops->col_cross(x + v, NJ, list, NJ, list, s, C[v], &arena) == LC_OK);
    Z[v] = ctest_zeros(N * K);
    memcpy(Z[v], R, N * K * sizeof(double));
    x[v].ops->col_axpy(x + v, NJ, list, K, d, Z[v], &host.host);
  }
  CHECK(memcmp(sub[0].data, sub[1].data, (size_t)(RUNS * length * P) * sizeof(double)) == 0);
  CHECK(ctest_distance(NJ * K, c[1], c[0]) < 1e-11);
  CHECK(ctest_distance(NJ * NJ, C[1], C[0]) < 1e-11);
  CHECK(ctest_distance(N * K, Z[1], Z[0]) < 1e-13);
  long reads = r.reads; /* the intercept alone needs none */
  x[1].ops->col_dot(x + 1, 1, list, K, R, c[1], &arena);
  CHECK(r.reads == reads);
  CHECK_NEAR(c[1][0], c[0][0], 1e-11);
  CHECK(!r.wrong);
  ctest_host_free(&host);
  reader_free(&r);
  free(X), free(R), free(s), free(d), free(Z[0]), free(Z[1]);
}

/* Pieces of any size add up to the sums of the whole. */
static void test_sparse_pieces(void) {
  enum { N = 700, P = 12 };
  double *X = ctest_normals(N * P), *B = ctest_normals((P + 1) * K), *w = ctest_normals(N);
  double *offset = ctest_normals(N * K);
  for (int i = 0; i < N; i++) w[i] = fabs(w[i]);
  for (int i = 0; i < N * P; i++) X[i] = fabs(X[i]) < 1 ? 0 : X[i];
  lc_obs obs = {.n = N, .w = w, .offset = offset, .noffset = K};
  lc_design dense, stream;
  lc_index count, moments = 2 * (P + 1) * K;
  double scale[P];
  for (int j = 0; j < P; j++) scale[j] = ldexp(1, j % 4 - 2);
  lc_design_dense(&dense, N, P, LC_DOUBLE, X);
  dense.intercept = 1;
  dense.scale = scale;
  double *want = everything(&dense, &obs, B, 1, &count);
  static const lc_index sizes[] = {1, 7, 256, 700};
  for (int k = 0; k < 4; k++) {
    reader r;
    reader_make(&r, N, P, X, sizes[k], &stream);
    stream.scale = scale;
    double *got = everything(&stream, &obs, B, 2, &count);
    CHECK(ctest_distance(count - moments, got, want) < 1e-11);
    CHECK(!r.wrong);
    reader_free(&r);
    free(got);
  }
  free(X), free(B), free(w), free(offset), free(want);
}

/* Verbs of columns are those of the whole, whatever the pieces; the intercept alone needs no read. Sizes beyond the
 * range of squares are seen, too. */
static void test_sparse_columns(void) {
  enum { N = 700, P = 12, NJ = 4, NI = 2 };
  const lc_index list[NJ] = {P, 0, 3, 7}, some[NI] = {5, 0}, one = 0;
  double *X = ctest_normals(N * P), *R = ctest_normals(N * K), *s = ctest_normals(N), *d = ctest_normals(NJ * K);
  for (int i = 0; i < N * P; i++) X[i] = fabs(X[i]) < 1 ? 0 : X[i];
  for (int size = 0; size < 3; size++) { /* then columns of huge and of tiny numbers */
    lc_design dense;
    lc_design_dense(&dense, N, P, LC_DOUBLE, X);
    dense.intercept = 1;
    for (lc_index piece = 1; piece <= N; piece = 3 * piece + 1) {
      lc_design stream;
      const lc_design *x[] = {&dense, &stream};
      double c[2][NJ * K], C[2][NJ * NJ], D[2][NI * NJ], Z[2][N * K], stats[2][6 * P];
      reader r;
      ctest_host host;
      lc_arena arena;
      ctest_host_init(&host);
      lc_arena_init(&arena, &host.host);
      reader_make(&r, N, P, X, piece, &stream);
      for (int v = 0; v < 2; v++) {
        lc_colstat out = {stats[v],         stats[v] + P,     stats[v] + 2 * P,
                          stats[v] + 3 * P, stats[v] + 4 * P, stats[v] + 5 * P};
        CHECK(lc_design_colstats(x[v], NULL, &host.host, &out) == LC_OK);
        if (size > 0) continue;
        x[v]->ops->col_dot(x[v], NJ, list, K, R, c[v], &arena);
        CHECK(x[v]->ops->col_cross(x[v], NJ, list, NJ, list, s, C[v], &arena) == LC_OK);
        CHECK(x[v]->ops->col_cross(x[v], NI, some, NJ, list, s, D[v], &arena) == LC_OK);
        memcpy(Z[v], R, sizeof Z[v]);
        x[v]->ops->col_axpy(x[v], NJ, list, K, d, Z[v], &host.host);
      }
      for (int e = 0; e < 6 * P; e++) { /* means within the spread of their columns */
        double unit = fmax(fabs(stats[0][e]), e < P ? stats[0][e + P] : 0);
        CHECK(fabs(stats[1][e] - stats[0][e]) <= 1e-12 * unit);
      }
      if (size == 0) {
        CHECK(ctest_distance(NJ * K, c[1], c[0]) < 1e-11);
        CHECK(ctest_distance(NJ * NJ, C[1], C[0]) < 1e-11);
        CHECK(ctest_distance(NI * NJ, D[1], D[0]) < 1e-11);
        CHECK(ctest_distance(N * K, Z[1], Z[0]) < 1e-13);
        CHECK(!lc_design_may_shift(&stream, 1));
        long reads = r.reads;
        stream.ops->col_dot(&stream, 1, &one, K, R, c[1], &arena);
        CHECK(r.reads == reads);
        for (int k = 0; k < K; k++) {
          double sum = 0;
          for (int i = 0; i < N; i++) sum += R[i + k * N];
          CHECK_NEAR(c[1][k], sum, 1e-11);
        }
      }
      CHECK(!r.wrong);
      ctest_host_free(&host);
      reader_free(&r);
    }
    for (int i = 0; i < N; i++) {
      X[i + 2 * N] *= size == 0 ? 1e170 : 1;
      X[i + 5 * N] *= size == 1 ? 1e-170 : 1;
    }
  }
  free(X), free(R), free(s), free(d);
}

static lc_index told_rows; /* how many a piece is said to have */

static lc_status next_wrong(void *self, lc_csc *piece, lc_index *m) {
  LC_TRY(next_piece(self, piece, m));
  *m = told_rows;
  return LC_OK;
}

/* Pieces that have no rows, or more than there are left, are not read. */
static void test_wrong_pieces(void) {
  enum { N = 20, P = 3 };
  double *X = ctest_normals(N * P), *B = ctest_normals((P + 1) * K), sum[2], G[(P + 1) * K];
  for (told_rows = -1; told_rows <= N + 1; told_rows += told_rows == 0 ? N + 1 : 1) {
    ctest_host host;
    lc_arena arena;
    lc_design x;
    reader r;
    ctest_host_init(&host);
    lc_arena_init(&arena, &host.host);
    reader_make(&r, N, P, X, N, &x);
    r.stream.next = next_wrong;
    lc_pass pass = {.K = K, .nsum = 2, .B = B, .block = waves, .sum = sum, .G = G};
    CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == LC_SOURCE);
    ctest_host_free(&host);
    reader_free(&r);
  }
  free(X), free(B);
}

/* A read that fails, or a host that says stop, at any time: the status is told, and the next pass is whole. */
static void test_failures(void) {
  enum { N = 40000, P = 60 };
  double *X = ctest_normals(N * P), *B = ctest_normals((P + 1) * K);
  lc_obs obs = {.n = N};
  for (int sparse = 0; sparse < 2; sparse++) {
    reader r;
    lc_design x;
    reader_make(&r, N, P, X, sparse ? 4000 : 0, &x);
    double G[(P + 1) * K], sum[2];
    for (int fault = 0; fault < 8; fault++) {
      ctest_host host;
      lc_arena arena;
      ctest_host_init(&host);
      host.host.threads = 1 + fault % 2;
      lc_arena_init(&arena, &host.host);
      lc_pass pass = {.K = K, .nsum = 2, .obs = &obs, .B = B, .block = waves, .sum = sum, .G = G};
      r.reads = 0;
      r.fail_at = fault < 4 ? fault + 1 : 0;
      host.stop_at = fault < 4 ? 0 : fault - 3;
      CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == (fault < 4 ? LC_SOURCE : LC_INTERRUPTED));
      r.fail_at = host.stop_at = 0;
      CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == LC_OK);
      CHECK_NEAR(sum[0], 1e-3 * N * (N - 1.0) / 2, 1e-12);
      ctest_host_free(&host);
    }
    CHECK(!r.wrong);
    reader_free(&r);
  }
  free(X), free(B);
}

/* Batches of listed rows are those of the matrix in memory. An order by groups of blocks reads each row once, whether
 * blocks can be had in any order or in one; any other order has the same numbers, and a reader that fails is heard. */
static void test_rows(int in_order) {
  enum { N = 9000, P = 300, M = 50 };
  double *X = ctest_normals(N * P), *B = ctest_normals((P + 1) * K), *shift = ctest_normals(P);
  lc_index *order = malloc(N * sizeof *order);
  lc_design dense, stream;
  lc_rows rows[2];
  ctest_host host;
  lc_arena arena;
  reader r;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  lc_design_dense(&dense, N, P, LC_DOUBLE, X);
  dense.intercept = 1;
  reader_make(&r, N, P, X, 0, &stream);
  r.stream.in_order = in_order;
  dense.shift = stream.shift = shift;
  CHECK(dense.ops->as_rows(&dense, rows, &arena) == LC_OK);
  CHECK(stream.ops->as_rows(&stream, rows + 1, &arena) == LC_OK);
  lc_index block = rows[1].block, together = block * rows[1].group, blocks = (N + block - 1) / block;
  CHECK(rows[1].in_order == in_order && together > 0 && together < N / 2);
  for (lc_index i = 0; i < N; i++) order[i] = i;
  for (int kind = 0; kind < 2; kind++) { /* by groups, then as it comes */
    lc_random random = lc_random_stream(3, (uint64_t)kind);
    if (kind == 1) lc_random_shuffle(&random, N, order);
    for (lc_index from = 0; kind == 0 && from < N; from += together)
      lc_random_shuffle(&random, lc_min(together, N - from), order + from);
    for (lc_index at = 0; at < (kind == 0 ? N : M); at += M) {
      double Z[2][M * K], G[2][(P + 1) * K] = {{0}};
      for (int v = 0; v < 2; v++) {
        const lc_design_ops *ops = rows[v].design->ops;
        for (lc_index i = 0, m; i < M; i += m) {
          m = ops->row_piece(rows + v, M - i, order + at + i);
          double z[M * K];
          CHECK(m >= 1 && m <= M - i);
          ops->row_load(rows + v, m, order + at + i);
          ops->row_scores(rows + v, m, order + at + i, K, B, z);
          ops->row_gradient(rows + v, m, order + at + i, K, z, G[v]);
          for (int c = 0; c < K; c++) memcpy(Z[v] + i + c * M, z + c * m, (size_t)m * sizeof(double));
        }
      }
      CHECK(ctest_distance(M * K, Z[1], Z[0]) < 1e-13);
      CHECK(ctest_distance((P + 1) * K, G[1], G[0]) < 1e-13);
    }
    if (kind == 0) CHECK(r.reads == blocks && r.passes == in_order);
  }
  /* A row of each block: a batch has no more blocks than the ring. */
  int same = 1;
  for (lc_index b = 0; b < blocks; b++) order[b] = b * block;
  lc_index most = stream.ops->row_piece(rows + 1, blocks, order);
  CHECK(blocks > 2 * rows[1].group && most == 2 * rows[1].group);
  stream.ops->row_load(rows + 1, most, order);
  for (lc_index i = 0; i < most; i++)
    for (lc_index j = 0; j < P; j++)
      same = same && rows[1].loaded[i + j * rows[1].ld] == X[order[i] + j * N] - shift[j];
  CHECK(same);
  CHECK(!r.wrong);
  r.fail_at = r.reads + 1; /* what failed leaves zeros */
  for (lc_index at = 0; at < N; at += M) stream.ops->row_load(rows + 1, M, order + at);
  for (lc_index i = 0; i < M * P; i++) CHECK(rows[1].loaded[i] == -shift[i / M]);
  ctest_host_free(&host);
  reader_free(&r);
  free(X), free(B), free(shift), free(order);
}

#ifndef LC_NO_THREADS
static lc_status work_meets(void *context, const lc_block *block, double *sum) {
  reader *r = context;
  if (block->row0 == 0) meet(&r->working, &r->reading);
  sum[0] += block->m;
  return LC_OK;
}

/* Arithmetic on a window and the read of the next one go on at the same time. */
static void test_overlap(void) {
  enum { N = 40000, P = 60 };
  double *X = ctest_normals(N * P), *B = ctest_normals((P + 1) * K), G[(P + 1) * K], sum[1];
  lc_obs obs = {.n = N};
  lc_design x;
  reader r;
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  host.host.threads = 2;
  lc_arena_init(&arena, &host.host);
  reader_make(&r, N, P, X, 0, &x);
  lc_pass pass = {.K = K, .nsum = 1, .obs = &obs, .B = B, .block = work_meets, .context = &r, .sum = sum, .G = G};
  lc_threads_stop(); /* after loops in which helpers were in the way some do without: forgotten with the helpers */
  r.meets = 1;
  CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == LC_OK);
  CHECK(sum[0] == N && r.met && !r.wrong);
  ctest_host_free(&host);
  reader_free(&r);
  free(X), free(B);
}
#endif

void test_stream(void) {
  static const lc_index sizes[] = {1, 15, 16, 17, 255, 256, 257, 1025, 4097, 9001};
  ctest_seed(11);
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++)
    for (int weighted = 0; weighted < 2; weighted++) {
      compare(3, sizes[i], weighted, (int)i % 2);
      compare(37, sizes[i], weighted, (int)(i + 1) % 2);
    }
  compare(300, 3000, 1, 0); /* several windows */
  compare(1, 700000, 0, 1);
  compare(0, 40, 1, 0);
  test_subset_and_columns(40, 9);
  test_subset_and_columns(400, 1500);
#ifndef LC_NO_THREADS
  test_overlap();
#endif
  test_rows(0);
  test_rows(1);
  test_sparse_pieces();
  test_sparse_columns();
  test_failures();
  test_wrong_pieces();
}
