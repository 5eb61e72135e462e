/* Tests of what the sparse design alone does: the pass by columns and by rows against the sums that define it, the same
 * bits from any number of threads, and samples of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design/sparse.h"

void test_sparse(void);

/* A sparse matrix and what it is written out, n x p. */
typedef struct matrix {
  lc_index n, p;
  double *full, *value;
  int *start, *row;
  lc_csc csc; /* of them */
} matrix;

/* `density` is the share of entries; every fifth column, and every seventh row, is empty; column 1 is full. Values are
 * floats, or (coarse = 0) not. */
static matrix make_matrix(lc_index n, lc_index p, double density, int coarse) {
  matrix out = {n, p, ctest_zeros(n * p), ctest_zeros(n * p), NULL, NULL, {NULL, NULL, NULL}};
  out.start = calloc((size_t)p + 1, sizeof *out.start);
  out.row = calloc((size_t)(n * p) + 1, sizeof *out.row);
  if (!out.start || !out.row) abort();
  int at = 0;
  for (lc_index j = 0; j < p; j++) {
    for (lc_index i = 0; i < n; i++) {
      if (j != 1 && (j % 5 == 4 || i % 7 == 3 || ctest_uniform() > density)) continue;
      double value = ctest_normal();
      out.full[i + j * n] = out.value[at] = coarse ? (double)(float)value : value;
      out.row[at++] = (int)i;
    }
    out.start[j + 1] = at;
  }
  out.csc = (lc_csc){out.start, out.row, out.value};
  return out;
}

static void free_matrix(matrix *m) { free(m->full), free(m->value), free(m->start), free(m->row); }

static void design_of(const matrix *m, lc_design *out) { lc_design_sparse(out, m->n, m->p, &m->csc); }

static lc_obs obs; /* of the case in hand */

/* ---- subset ---------------------------------------------------------------------------------------------- */

static void test_subset(void) {
  enum { N = 60, P = 7, RUNS = 4, LENGTH = 9 };
  static const lc_index first[RUNS] = {51, 0, 20, 24}; /* the last rows, the first, and two that overlap */
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  matrix m = make_matrix(N, P, 0.4, 0);
  double scale[P] = {1, 2, 4, 1, 0.5, 8, 1};
  for (int variant = 0; variant < 2; variant++) {
    lc_design x, out;
    design_of(&m, &x);
    x.intercept = variant;
    x.scale = variant ? scale : NULL;
    CHECK(x.ops->subset(&x, RUNS, first, LENGTH, &out, &arena) == LC_OK);
    CHECK(out.n == RUNS * LENGTH && out.p == P && out.intercept == x.intercept && !out.scale);
    double *full = ctest_zeros(out.n * P);
    const lc_csc *csc = lc_csc_of(&out);
    for (lc_index j = 0; j < P; j++)
      for (int e = csc->start[j]; e < csc->start[j + 1]; e++) full[csc->row[e] + j * out.n] += csc->value[e];
    int same = 1;
    for (int r = 0; r < RUNS; r++)
      for (int i = 0; i < LENGTH; i++) {
        lc_index to = r * LENGTH + i, from = first[r] + i;
        for (int j = 0; j < P; j++)
          same = same && full[to + j * out.n] == m.full[from + j * N] * (x.scale ? scale[j] : 1);
      }
    CHECK(same);
    free(full);
  }
  /* Runs in order give a matrix in order. */
  static const lc_index ascending[] = {0, 9, 30};
  lc_design x, out;
  design_of(&m, &x);
  CHECK(x.ops->subset(&x, 3, ascending, 9, &out, &arena) == LC_OK);
  const lc_csc *csc = lc_csc_of(&out);
  lc_index entries = lc_csc_entries(&out);
  CHECK(lc_sparse_check(out.n, out.p, csc->start, out.p + 1, csc->row, entries, entries) == NULL);
  ctest_host_free(&host);
  free_matrix(&m);
}

/* ---- pass ------------------------------------------------------------------------------------------------ */

/* A smooth function of the scores; the first sum counts rows. */
static void waves_of(int k, double z, double *r, double *s) {
  *r = sin(z) + 0.1 * k;
  *s = 1.5 + cos(z);
}

typedef struct shape {
  int K, ns;
} shape;

static lc_status waves(void *context, const lc_block *block, double *sum) {
  const shape *size = context;
  for (int i = 0; i < block->m; i++) {
    sum[0] += 1;
    for (int k = 0; k < size->K; k++) {
      double z = block->z[i + k * block->ld], r, s;
      waves_of(k, z, &r, &s);
      sum[1] += r;
      if (block->r) block->r[i + k * block->ldr] = r;
      if (block->s && k < size->ns) block->s[i + k * block->ldr] = s;
    }
  }
  return LC_OK;
}

/* Everything that a pass gives, one after the other: scores, sums, gradient, Gram matrices. */
typedef struct result {
  lc_index nz, ng, nc, count;
  double *all, *sum, *G, *C;
} result;

static result make_result(const lc_design *x, shape size) {
  lc_index q = lc_design_q(x);
  result out = {x->n * size.K, q * size.K, lc_packed_size(q) * size.ns, 0, NULL, NULL, NULL, NULL};
  out.count = out.nz + 2 + out.ng + out.nc;
  out.all = ctest_zeros(out.count);
  out.sum = out.all + out.nz;
  out.G = out.sum + 2;
  out.C = out.G + out.ng;
  return out;
}

static double shown(const lc_design *x, const matrix *m, lc_index i, lc_index j) {
  if (j < x->intercept) return 1;
  return m->full[i + (j - x->intercept) * m->n] * (x->scale ? x->scale[j - x->intercept] : 1);
}

static result by_definition(const lc_design *x, const matrix *m, shape size, const double *B) {
  lc_index q = lc_design_q(x), packed = lc_packed_size(q);
  result out = make_result(x, size);
  for (lc_index i = 0; i < x->n; i++) {
    out.sum[0]++;
    for (int k = 0; k < size.K; k++) {
      double z = obs.offset ? obs.offset[i + k * x->n] : 0, r, s;
      for (lc_index j = 0; j < q; j++) z += shown(x, m, i, j) * B[j + k * q];
      out.all[i + k * x->n] = z;
      waves_of(k, z, &r, &s);
      out.sum[1] += r;
      for (lc_index j = 0; j < q; j++) out.G[j + k * q] += shown(x, m, i, j) * r;
      for (lc_index b = 0; k < size.ns && b < q; b++)
        for (lc_index a = 0; a <= b; a++)
          out.C[lc_packed_at(a, b) + k * packed] += shown(x, m, i, a) * s * shown(x, m, i, b);
    }
  }
  return out;
}

/* by_rows: after prepare(). Scores kept or not must not matter. */
static result by_pass(lc_design *x, shape size, const double *B, int threads, int by_rows, int keep) {
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  host.host.threads = threads;
  lc_arena_init(&arena, &host.host);
  result out = make_result(x, size);
  x->rows = NULL;
  if (by_rows) {
    CHECK(x->ops->prepare(x, size.K, 1000, &arena) == LC_OK);
    if (x->p <= x->n || size.K > 1) CHECK(x->rows != NULL);
  }
  lc_pass pass = {.K = size.K,
                  .obs = &obs,
                  .ns = size.ns,
                  .nsum = 2,
                  .B = B,
                  .Z = keep ? out.all : NULL,
                  .block = waves,
                  .context = &size,
                  .sum = out.sum,
                  .G = out.G,
                  .C = size.ns ? out.C : NULL};
  CHECK(x->ops->pass(x, &pass, &host.host, &arena) == LC_OK);
  if (!keep) {
    lc_pass scores = {.K = size.K, .obs = &obs, .B = B, .Z = out.all};
    CHECK(x->ops->pass(x, &scores, &host.host, &arena) == LC_OK);
  }
  x->rows = NULL;
  ctest_host_free(&host);
  return out;
}

static void test_pass(lc_design *x, const matrix *m, shape size) {
  lc_index q = lc_design_q(x);
  double *B = ctest_normals(q * size.K);
  result want = by_definition(x, m, size, B);
  for (int by_rows = 0; by_rows < 2; by_rows++) {
    result one = by_pass(x, size, B, 1, by_rows, 1);
    CHECK(one.sum[0] == (double)x->n);
    CHECK(ctest_distance(one.count, one.all, want.all) < 1e-10);
    for (int threads = 2; threads < 4; threads++) {
      result more = by_pass(x, size, B, threads, by_rows, threads == 2);
      if (threads > 2) CHECK(ctest_distance(one.nz, more.all, want.all) < 1e-10);
      lc_index from = threads > 2 ? one.nz : 0; /* scores of a pass of their own may be summed in another order */
      CHECK(memcmp(one.all + from, more.all + from, (size_t)(one.count - from) * sizeof *one.all) == 0);
      free(more.all);
    }
    free(one.all);
  }
  free(B), free(want.all);
}

/* Few and many score columns, around a panel; one sum, several, and Gram matrices by pairs (thin) and by tiles (thick);
 * more columns than rows; a full column, empty columns and rows. Large enough for threads. */
static void test_passes(void) {
  static const struct {
    lc_index n, p;
    double density;
    shape size;
  } cases[] = {{4000, 50, 0.3, {1, 0}},  {4000, 50, 0.1, {1, 1}},  {3000, 20, 0.6, {2, 2}}, {1500, 300, 0.02, {1, 1}},
               {300, 900, 0.2, {1, 0}},  {2000, 60, 0.2, {3, 0}},  {1500, 40, 0.2, {8, 0}}, {1500, 40, 0.2, {9, 0}},
               {1200, 70, 0.1, {17, 0}}, {5000, 3, 0.002, {1, 1}}, {1, 6, 0.5, {1, 1}},     {1, 1, 0, {2, 2}}};
  for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
    matrix m = make_matrix(cases[i].n, cases[i].p, cases[i].density, i % 2 == 0);
    double *offset = ctest_normals(m.n * cases[i].size.K), *scale = ctest_zeros(m.p);
    for (lc_index j = 0; j < m.p; j++) scale[j] = ldexp(1, (int)(j % 4) - 2);
    lc_design x;
    design_of(&m, &x);
    for (int variant = 0; variant < 2; variant++) {
      x.intercept = variant;
      obs = (lc_obs){.n = m.n, .offset = variant ? offset : NULL, .noffset = variant ? cases[i].size.K : 0};
      x.scale = variant ? NULL : scale;
      test_pass(&x, &m, cases[i].size);
    }
    free(offset), free(scale);
    free_matrix(&m);
  }
}

/* The host can stop a pass, and a lack of memory comes back as one. */
static void test_stops(void) {
  matrix m = make_matrix(2000, 40, 0.3, 1);
  double *B = ctest_normals(41), sum[2], *G = ctest_zeros(41);
  shape size = {1, 0};
  lc_design x;
  design_of(&m, &x);
  x.intercept = 1;
  lc_pass pass = {.K = 1, .nsum = 2, .B = B, .block = waves, .context = &size, .sum = sum, .G = G};
  for (int stop_at = 1; stop_at < 3; stop_at++) {
    ctest_host host;
    lc_arena arena;
    ctest_host_init(&host);
    lc_arena_init(&arena, &host.host);
    host.stop_at = stop_at;
    CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == LC_INTERRUPTED);
    host.limit = 1;
    lc_arena_init(&arena, &host.host);
    CHECK(x.ops->pass(&x, &pass, &host.host, &arena) == LC_OUT_OF_MEMORY);
    CHECK(x.ops->prepare(&x, 1, 1000, &arena) == LC_OUT_OF_MEMORY && x.rows == NULL);
    ctest_host_free(&host);
  }
  free(B), free(G);
  free_matrix(&m);
}

/* ---- columns --------------------------------------------------------------------------------------------- */

/* Thin columns against the sums that define them, to the digits of a float. */
static void test_thin(void) {
  enum { N = 200, P = 11 };
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  matrix m = make_matrix(N, P, 0.3, 0);
  double *root = ctest_normals(N), *s = ctest_normals(N), *t = ctest_normals(N), *moved = ctest_zeros(N), scale[P];
  for (int j = 0; j < P; j++) scale[j] = ldexp(1, j % 4 - 2);
  for (int variant = 0; variant < 4; variant++) {
    static const lc_index list[] = {7, 1, 2, 4, 0, 10};
    static const double by[] = {1, 0.3, 7, 1, 2, 0.1};
    enum { COUNT = sizeof list / sizeof *list };
    lc_spvec thin[COUNT];
    lc_design x;
    design_of(&m, &x);
    x.intercept = variant % 2;
    x.scale = variant % 2 ? scale : NULL;
    const double *roots = variant / 2 ? root : NULL;
    CHECK(x.ops->col_thin(&x, COUNT, list, by, roots, thin, &host.host, &arena) == LC_OK);
    for (int a = 0; a < COUNT; a++) {
      double dot[2] = {0, 0}, square = 0;
      memcpy(moved, t, N * sizeof *t);
      lc_spvec_push(&thin[a], 1.5, moved);
      for (int i = 0; i < N; i++) {
        double v = list[a] < x.intercept ? 0 : by[a] * (roots ? roots[i] : 1) * shown(&x, &m, i, list[a]);
        dot[0] += v * t[i], dot[1] += v * s[i] * t[i];
        square += v * v;
        CHECK_NEAR(moved[i], t[i] + 1.5 * v, 1e-6);
      }
      CHECK_NEAR(lc_spvec_square(&thin[a]), square, 1e-5);
      for (int weighted = 0; weighted < 2; weighted++)
        CHECK_NEAR(lc_spvec_dot(&thin[a], weighted ? s : NULL, t), dot[weighted], 1e-5);
    }
  }
  ctest_host_free(&host);
  free(root), free(s), free(t), free(moved);
  free_matrix(&m);
}

/* Moves of scores by columns: the sums that define them, and the same bits from any number of threads. */
static void test_moves(void) {
  enum { N = 1500, P = 500, K = 2 };
  ctest_host host;
  ctest_host_init(&host);
  matrix m = make_matrix(N, P, 0.6, 0);
  lc_index list[P + 1];
  double *d = ctest_normals((P + 1) * K), *Z = ctest_normals(N * K), *want = ctest_zeros(N * K);
  lc_design x;
  design_of(&m, &x);
  x.intercept = 1;
  for (lc_index j = 0; j <= P; j++) list[j] = P - j;
  memcpy(want, Z, N * K * sizeof *Z);
  for (int k = 0; k < K; k++)
    for (lc_index j = 0; j <= P; j++)
      for (lc_index i = 0; i < N; i++) want[i + k * N] += d[j + k * (P + 1)] * shown(&x, &m, i, list[j]);
  double *first = NULL;
  for (host.host.threads = 1; host.host.threads <= 3; host.host.threads++) {
    double *to = ctest_zeros(N * K);
    memcpy(to, Z, N * K * sizeof *Z);
    x.ops->col_axpy(&x, P + 1, list, K, d, to, &host.host);
    CHECK(ctest_distance(N * K, to, want) < 1e-12);
    if (first) CHECK(memcmp(to, first, N * K * sizeof *to) == 0);
    if (!first)
      first = to;
    else
      free(to);
  }
  ctest_host_free(&host);
  free(first), free(d), free(Z), free(want);
  free_matrix(&m);
}

/* ---- products of listed columns --------------------------------------------------------------------------- */

/* c = X_j' R of one column of R and of several, which are read as lines where the list is worth it; the same from any
 * number of threads and, but for rounding, without memory for lines. */
static void test_dots(void) {
  enum { N = 300, P = 40, MOST_K = 19 };
  static const int columns[] = {1, 2, 7, 8, 9, 16, MOST_K};
  matrix m = make_matrix(N, P, 0.3, 0);
  double *R = ctest_normals(N * MOST_K), scale[P];
  lc_index list[P + 1];
  for (int j = 0; j < P; j++) scale[j] = 1 + j % 3;
  for (int a = 0; a <= P; a++) list[a] = (7 * a + 3) % (P + 1); /* each column and the intercept, in any order */
  for (int variant = 0; variant < 2; variant++)
    for (size_t v = 0; v < sizeof columns / sizeof *columns; v++)
      for (int nj = 1; nj <= P + variant; nj += P / 2 - 1) {
        lc_design x;
        design_of(&m, &x);
        x.intercept = variant;
        x.scale = variant ? scale : NULL;
        int K = columns[v];
        lc_index own[P + 1], count = 0;
        for (int a = 0; count < nj; a++)
          if (list[a] < lc_design_q(&x)) own[count++] = list[a];
        double want[(P + 1) * MOST_K] = {0}, got[4][(P + 1) * MOST_K];
        for (int k = 0; k < K; k++)
          for (int a = 0; a < nj; a++)
            for (int i = 0; i < N; i++) {
              lc_index j = own[a] - variant;
              want[a + k * nj] += (j < 0 ? 1 : m.full[i + j * N] * (variant ? scale[j] : 1)) * R[i + k * N];
            }
        for (int run = 0; run < 4; run++) { /* one, two and three threads, and no memory */
          ctest_host host;
          lc_arena arena;
          ctest_host_init(&host);
          lc_arena_init(&arena, &host.host);
          host.host.threads = 1 + run % 3;
          if (run == 3) host.refuse_at = 1, host.refuse_on = 1;
          x.ops->col_dot(&x, nj, own, K, R, got[run], &arena);
          ctest_host_free(&host);
          CHECK(ctest_distance(nj * K, got[run], want) < 1e-12);
          if (run < 3) CHECK(memcmp(got[run], got[0], (size_t)(nj * K) * sizeof **got) == 0);
        }
      }
  free(R);
  free_matrix(&m);
}

void test_sparse(void) {
  ctest_seed(23);
  test_subset();
  test_thin();
  test_moves();
  test_dots();
  for (int set = 0; set < CTEST_KERNELS; set++) {
    if (!ctest_kernel(set)) continue;
    lc_kernels_choose(ctest_kernel_names[set]);
    test_passes();
  }
  lc_kernels_choose(NULL);
  test_stops();
}
