/* Tests of what the dense design alone does: the same bits from any number of threads, samples of rows, and lists of
 * columns. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design/design.h"
#include "design/partial_sums.h"

void test_dense(void);

enum { K = 2, NS = 3 };

/* Any smooth function of the scores; the first sum counts rows. */
static lc_status waves(void *context, const lc_block *block, double *sum) {
  (void)context;
  for (int i = 0; i < block->m; i++) {
    sum[0] += 1;
    for (int c = 0; c < K; c++) {
      double z = block->z[i + c * block->ld];
      sum[1] += cos(z);
      if (block->r) block->r[i + c * block->ldr] = sin(z);
    }
    for (int s = 0; s < NS && block->s; s++) block->s[i + s * block->ldr] = 1 + 0.1 * s;
  }
  return LC_OK;
}

/* Everything a pass gives, one after the other. */
static double *everything(const lc_design *x, const double *B, int threads, int curvature, lc_index *count) {
  lc_index q = lc_design_q(x), nz = x->n * K, ng = q * K, nc = curvature ? lc_packed_size(q) * NS : 0;
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  host.host.threads = threads;
  lc_arena_init(&arena, &host.host);
  *count = nz + ng + nc + 2;
  double *out = ctest_zeros(*count);
  lc_pass pass = {.K = K,
                  .ns = curvature ? NS : 0,
                  .nsum = 2,
                  .B = B,
                  .Z = out,
                  .block = waves,
                  .sum = out + nz,
                  .G = out + nz + 2,
                  .C = curvature ? out + nz + 2 + ng : NULL};
  CHECK(x->ops->pass(x, &pass, &host.host, &arena) == LC_OK);
  CHECK(out[nz] == (double)x->n);
  ctest_host_free(&host);
  return out;
}

/* Around one tile, a few tiles, and rounds of all partial sums. */
static void test_threads(lc_index p, int curvature) {
  static const lc_index sizes[] = {1,    207,  208,  209,  255,  256,  257,  1025,
                                   1279, 1280, 1281, 4095, 4096, 4097, 4353, 9001};
  for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
    lc_index n = sizes[i], count;
    double *X = ctest_normals(n * p), *B = ctest_normals((p + 1) * K), *shift = ctest_normals(p);
    lc_design x;
    lc_design_dense(&x, n, p, LC_DOUBLE, X);
    x.intercept = 1;
    x.shift = i % 2 ? shift : NULL;
    double *alone = everything(&x, B, 1, curvature, &count), *shared = everything(&x, B, 2, curvature, &count);
    CHECK(memcmp(alone, shared, (size_t)count * sizeof *alone) == 0);
    free(X), free(B), free(shift), free(alone), free(shared);
  }
}

/* ---- subset ---------------------------------------------------------------------------------------------- */

enum { N = 400, P = 3, RUNS = 4, LENGTH = 7 };

static void check_subset(const lc_design *x, const double *shown, lc_arena *arena) {
  static const lc_index first[RUNS] = {393, 0, 100, 103}; /* the last rows, the first, and two that overlap */
  lc_design out;
  CHECK(x->ops->subset(x, RUNS, first, LENGTH, &out, arena) == LC_OK);
  CHECK(out.n == RUNS * LENGTH && out.p == P && out.intercept == x->intercept);
  CHECK(!out.shift && !out.scale);
  int same = 1;
  for (int r = 0; r < RUNS; r++)
    for (int i = 0; i < LENGTH; i++) {
      lc_index to = r * LENGTH + i, from = first[r] + i;
      for (int j = 0; j < P; j++) same = same && ((const double *)out.data)[to + j * out.n] == shown[from + j * N];
    }
  CHECK(same);
}

static void test_subset(void) {
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  double *value = ctest_zeros(N * P), *y = ctest_zeros(N), *w = ctest_normals(N), *offset = ctest_normals(N * K);
  double shown[N * P], shift[P] = {3, -7, 0.5}, scale[P] = {0.5, 1, 8};
  int whole[N * P];
  for (int i = 0; i < N * P; i++) value[i] = whole[i] = (int)(100 * ctest_normal());
  for (int i = 0; i < N; i++) y[i] = i % 3;
  for (int variant = 0; variant < 16; variant++) {
    lc_design x;
    lc_design_dense(&x, N, P, variant & 1 ? LC_INTEGER : LC_DOUBLE, variant & 1 ? (const void *)whole : value);
    x.intercept = variant & 2 ? 1 : 0;
    x.shift = variant & 8 ? shift : NULL;
    x.scale = variant & 8 ? scale : NULL;
    for (int j = 0; j < P; j++)
      for (int i = 0; i < N; i++)
        shown[i + j * N] = variant & 8 ? (value[i + j * N] - shift[j]) * scale[j] : value[i + j * N];
    check_subset(&x, shown, &arena);
  }
  ctest_host_free(&host);
  free(value), free(y), free(w), free(offset);
}

/* ---- verbs of columns ------------------------------------------------------------------------------------ */

enum { MOST_K = 11 };

/* X_j'R and Z + X_j d for a list j, in c and Z. */
static void verbs(const lc_design *x, lc_index nj, const lc_index *j, int width, const double *R, const double *d,
                  int threads, double *c, double *Z) {
  ctest_host host;
  ctest_host_init(&host);
  host.host.threads = threads;
  lc_arena arena;
  lc_arena_init(&arena, &host.host);
  x->ops->col_dot(x, nj, j, width, R, c, &arena);
  memcpy(Z, R, (size_t)(x->n * width) * sizeof *Z);
  x->ops->col_axpy(x, nj, j, width, d, Z, &host.host);
  ctest_host_free(&host);
}

/* Scattered columns, the intercept among them; against the definition, and the same bits
 * from two threads. `shown` holds the columns as shown, the intercept first. */
static void check_columns(const lc_design *x, const double *shown, lc_index nj, const lc_index *j, int width) {
  lc_index n = x->n;
  double *R = ctest_normals(n * width), *d = ctest_normals(nj * width), *c = ctest_zeros(nj * width);
  double *Z = ctest_zeros(n * width), *again = ctest_zeros(nj * width), *Z_again = ctest_zeros(n * width);
  double *want = ctest_zeros(nj * width), *want_Z = ctest_zeros(n * width);
  memcpy(want_Z, R, (size_t)(n * width) * sizeof *R);
  for (int k = 0; k < width; k++)
    for (lc_index a = 0; a < nj; a++)
      for (lc_index i = 0; i < n; i++) {
        want[a + k * nj] += shown[i + j[a] * n] * R[i + k * n];
        want_Z[i + k * n] += shown[i + j[a] * n] * d[a + k * nj];
      }
  verbs(x, nj, j, width, R, d, 1, c, Z);
  CHECK(ctest_distance(nj * width, c, want) < 1e-11);
  CHECK(ctest_distance(n * width, Z, want_Z) < 1e-11);
  verbs(x, nj, j, width, R, d, 2, again, Z_again);
  CHECK(memcmp(c, again, (size_t)(nj * width) * sizeof *c) == 0);
  CHECK(memcmp(Z, Z_again, (size_t)(n * width) * sizeof *Z) == 0);
  free(R), free(d), free(c), free(Z), free(again), free(Z_again), free(want), free(want_Z);
}

/* Around the rows that are worked on together, and enough of them for two threads; rounded to floats, too. */
static void test_lists(void) {
  enum { FEATURES = 150, LISTED = 100 };
  static const lc_index sizes[] = {1, 79, 128, 671, 673, 1024, 1025, 2100};
  static const int widths[] = {1, 2, MOST_K};
  for (size_t s = 0; s < sizeof sizes / sizeof *sizes; s++) {
    lc_index n = sizes[s], list[LISTED];
    double *shown = ctest_zeros(n * (FEATURES + 1)), *value = ctest_zeros(n * FEATURES), shift[FEATURES];
    int *whole = malloc((size_t)(n * FEATURES) * sizeof *whole);
    if (!whole) abort();
    for (lc_index i = 0; i < n * FEATURES; i++) value[i] = whole[i] = (int)(4 * ctest_normal());
    for (int a = 0; a < LISTED; a++) list[a] = (a * 7 / 3 * 4 + 30) % (FEATURES + 1);
    list[5] = 0;
    for (int f = 0; f < FEATURES; f++) shift[f] = ctest_normal();
    for (int variant = 0; variant < 3; variant++) { /* in place, integers, shifted */
      lc_design x;
      lc_design_dense(&x, n, FEATURES, variant == 1 ? LC_INTEGER : LC_DOUBLE,
                      variant == 1 ? (const void *)whole : value);
      x.intercept = 1;
      x.shift = variant == 2 ? shift : NULL;
      for (lc_index i = 0; i < n * (FEATURES + 1); i++)
        shown[i] = i < n ? 1 : value[i - n] - (x.shift ? shift[i / n - 1] : 0);
      for (size_t w = 0; w < sizeof widths / sizeof *widths; w++) {
        check_columns(&x, shown, LISTED, list, widths[w]);
        check_columns(&x, shown, 13, list, widths[w]);
        check_columns(&x, shown, 0, list, widths[w]);
      }
      if (variant == 1) continue; /* ints are not rounded */
      ctest_host host;
      lc_arena arena;
      lc_design rounded = {.ops = NULL};
      ctest_host_init(&host);
      lc_arena_init(&arena, &host.host);
      CHECK(x.ops->round(&x, LISTED, list, &rounded, &arena) == LC_OK);
      for (lc_index i = 0; i < n * (FEATURES + 1); i++) shown[i] = (float)shown[i];
      check_columns(&rounded, shown, LISTED, list, MOST_K);
      ctest_host_free(&host);
    }
    free(shown), free(value), free(whole);
  }
}

/* ---- blocks in partial sums -------------------------------------------------------------------------------------- */

enum { MOST_BLOCKS = 40 };
typedef struct block_log {
  int times[MOST_BLOCKS];
  lc_index last[LC_MOST_PARTIALS]; /* block of each slot */
  int in_order;
} block_log;

static lc_status note_block(void *context, int slot, lc_index number) {
  block_log *log = context;
  log->times[number]++;
  log->in_order = log->in_order && number > log->last[slot];
  log->last[slot] = number;
  return LC_OK;
}

/* Every block once and in the order of its slot, however many blocks a slot does between two questions to the host. */
static void test_partials(void) {
  static const double seconds[] = {1e-12, 2e-3, 4e-3, 1};
  ctest_host host;
  ctest_host_init(&host);
  for (int s = 0; s < (int)(sizeof seconds / sizeof *seconds); s++)
    for (lc_index nblocks = 1; nblocks <= MOST_BLOCKS; nblocks++)
      for (int slots = 1; slots <= LC_MOST_PARTIALS && slots <= nblocks; slots++) {
        block_log log = {.in_order = 1};
        for (int k = 0; k < LC_MOST_PARTIALS; k++) log.last[k] = -1;
        lc_status status = lc_partials_run(nblocks, slots, seconds[s], note_block, &log, &host.host);
        int once = status == LC_OK && log.in_order;
        for (lc_index b = 0; b < MOST_BLOCKS; b++) once = once && log.times[b] == (b < nblocks);
        CHECK(once);
      }
  ctest_host_free(&host);
}

/* ---- coefficients of the user's columns ------------------------------------------------------------------ */

/* Shown: (x - 3) 2 and (x + 1) / 2 of two columns of four, two sets of scores. */
static void test_unscale(void) {
  static const double shift[] = {0, 3, -1, 0}, scale[] = {1, 2, 0.5, 1};
  static const lc_index all[] = {7, 0, 5, 2, 1, 6, 3, 9, 4, 8}, some[] = {6, 0, 2, 5};
  double shown[] = {1, 0, 5, 0, 0, -1, 4, 0, 6, 0}, one[10], other[10];
  lc_design x;
  lc_design_dense(&x, 1, 4, LC_DOUBLE, shown);
  x.intercept = 1;
  x.shift = shift;
  x.scale = scale;
  memcpy(one, shown, sizeof one);
  CHECK(lc_unscale_listed(&x, 10, all, one) == 1);
  CHECK(one[0] == 1 - 3 * 10 && one[2] == 10 && one[5] == -1 + 1 * 3 && one[6] == 4 && one[8] == 3);
  CHECK(one[1] == 0 && one[3] == 0 && one[4] == 0 && one[7] == 0 && one[9] == 0);
  memcpy(other, shown, sizeof other);
  CHECK(lc_unscale_coef(&x, 2, other) == 1 && memcmp(one, other, sizeof one) == 0);
  memcpy(other, shown, sizeof other);
  other[8] = 0;
  CHECK(lc_unscale_listed(&x, 4, some, other) == 1 && other[0] == -29 && other[2] == 10 && other[5] == -1);
  other[6] = INFINITY;
  CHECK(lc_unscale_listed(&x, 4, some, other) == 0);
}

void test_dense(void) {
  ctest_seed(17);
  test_partials();
  test_unscale();
  for (int set = 0; set < CTEST_KERNELS; set++) {
    if (!ctest_kernel(set)) continue;
    lc_kernels_choose(ctest_kernel_names[set]);
    test_threads(0, 1);
    test_threads(5, 1);
    test_threads(300, 0);
    test_lists();
  }
  lc_kernels_choose(NULL);
  test_subset();
}
