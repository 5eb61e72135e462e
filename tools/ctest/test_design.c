/* Tests of the room "design": every storage against sums written out over a plain matrix. */
#include "design/design.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design/factor.h"
#include "design/sparse.h"

void test_design(void);

enum { N = 613, P = 7, K = 2, NS = 3, NSUM = 2 };

/* One data set in every storage, and as plain numbers. */
typedef struct data {
  double x[N * P], value[N * P], y[N], w[N], offset[N * K], shift[P], scale[P];
  int integer[N * P], start[P + 1], row[N * P];
} data;

static data *make_data(void) {
  data *d = malloc(sizeof *d);
  if (!d) abort();
  for (int i = 0; i < N * P; i++) {
    d->x[i] = ctest_uniform() < 0.4 ? 0 : floor(20 * ctest_normal());
    d->integer[i] = (int)d->x[i];
  }
  for (int i = 0; i < N; i++) d->x[i + 3 * N] = d->integer[i + 3 * N] = 0; /* an empty column */
  int entries = 0;
  for (int j = 0; j < P; j++) {
    d->start[j] = entries;
    for (int i = 0; i < N; i++) {
      double x = d->x[i + j * N];
      if (x == 0 && j != 2) continue; /* zeros of column 2 are stored */
      d->row[entries] = i;
      d->value[entries++] = x;
    }
  }
  d->start[P] = entries;
  for (int i = 0; i < N; i++) {
    d->y[i] = (double)(i % 3);
    d->w[i] = i % 4 == 0 ? 0 : 0.5 + ctest_uniform();
  }
  for (int i = 0; i < N * K; i++) d->offset[i] = 0.1 * ctest_normal();
  for (int j = 0; j < P; j++) {
    d->shift[j] = floor(5 * ctest_normal());
    d->scale[j] = ldexp(1, j % 3 - 3);
  }
  return d;
}

/* What the callback computes of one row: any function of everything that it is given. */
static void one_row(double y, double w, const double *z, double *r, double *s, double *sum) {
  for (int c = 0; c < K; c++) r[c] = w * (sin(z[c]) + (y == c) + 0.1);
  for (int t = 0; t < NS; t++) s[t] = w * (t + 1 + cos(z[t % K]));
  sum[0] += w * (z[0] + z[1] * z[1]);
  sum[1] += 1;
}

static lc_obs obs; /* of the storage in hand */

typedef struct seen {
  const lc_design *design;
  int with_s;
  unsigned char *rows;
} seen;

static lc_status block_of(void *context, const lc_block *block, double *sum) {
  seen *seen = context;
  for (int i = 0; i < block->m; i++) {
    double z[K], r[K], s[NS];
    lc_index row = block->row0 + i;
    if (seen->rows) seen->rows[row]++;
    for (int c = 0; c < K; c++) z[c] = block->z[i + c * block->ld];
    one_row(block->y[i], block->w ? block->w[i] : 1, z, r, s, sum);
    if (block->offset != NULL && block->offset[i] != obs.offset[row]) return LC_INVALID;
    for (int c = 0; c < K && block->r; c++) block->r[i + c * block->ldr] = r[c];
    for (int t = 0; t < NS && seen->with_s; t++) block->s[i + t * block->ldr] = s[t];
  }
  return LC_OK;
}

static double shown(const lc_design *x, const data *d, lc_index i, lc_index j) {
  if (x->intercept && j == 0) return 1;
  j -= x->intercept;
  double value = d->x[i + j * N];
  if (x->shift) value -= x->shift[j];
  if (x->scale) value *= x->scale[j];
  return value;
}

/* The pass by its definition. */
static void naive_pass(const lc_design *x, const data *d, const double *B, double *Z, double *sum, double *G,
                       double *C) {
  lc_index q = lc_design_q(x), size = lc_packed_size(q);
  memset(sum, 0, NSUM * sizeof *sum);
  memset(G, 0, (size_t)(q * K) * sizeof *G);
  memset(C, 0, (size_t)(size * NS) * sizeof *C);
  for (lc_index i = 0; i < N; i++) {
    double z[K], r[K], s[NS];
    for (int c = 0; c < K; c++) {
      z[c] = obs.offset ? obs.offset[i + c * N] : 0;
      for (lc_index j = 0; j < q; j++) z[c] += shown(x, d, i, j) * B[j + c * q];
      Z[i + c * N] = z[c];
    }
    one_row(obs.y[i], lc_obs_weight(&obs, i), z, r, s, sum);
    for (int c = 0; c < K; c++)
      for (lc_index j = 0; j < q; j++) G[j + c * q] += shown(x, d, i, j) * r[c];
    for (int t = 0; t < NS; t++)
      for (lc_index b = 0; b < q; b++)
        for (lc_index a = 0; a <= b; a++)
          C[lc_packed_at(a, b) + t * size] += shown(x, d, i, a) * s[t] * shown(x, d, i, b);
  }
}

static void test_pass(const lc_design *x, const data *d, lc_host *host, lc_arena *arena) {
  lc_index q = lc_design_q(x), size = lc_packed_size(q);
  double *B = ctest_normals(q * K), *Z = ctest_zeros(N * K), *G = ctest_zeros(q * K), *C = ctest_zeros(size * NS),
         sum[NSUM], *z = ctest_zeros(N * K), *g = ctest_zeros(q * K), *c = ctest_zeros(size * NS), sums[NSUM];
  for (lc_index i = 0; i < q * K; i++) B[i] *= 0.05;
  unsigned char *rows = calloc(N, 1);
  naive_pass(x, d, B, Z, sum, G, C);

  seen all = {x, 1, rows};
  lc_pass pass = {.obs = &obs,
                  .K = K,
                  .ns = NS,
                  .nsum = NSUM,
                  .B = B,
                  .Z = z,
                  .block = block_of,
                  .context = &all,
                  .sum = sums,
                  .G = g,
                  .C = c};
  CHECK(x->ops->pass(x, &pass, host, arena) == LC_OK);
  CHECK(ctest_distance(N * K, z, Z) < 1e-12);
  CHECK(ctest_distance(NSUM, sums, sum) < 1e-12);
  CHECK(ctest_distance(q * K, g, G) < 1e-12);
  CHECK(ctest_distance(size * NS, c, C) < 1e-11);
  int once = 1;
  for (int i = 0; i < N; i++) once = once && rows[i] == 1;
  CHECK(once);

  /* The same numbers from the scores alone, without curvature, and twice the same bits. */
  double *again = ctest_zeros(q * K), sums_again[NSUM];
  seen some = {x, 0, NULL};
  lc_pass from_z = {.obs = &obs,
                    .K = K,
                    .ns = 0,
                    .nsum = NSUM,
                    .Z = z,
                    .block = block_of,
                    .context = &some,
                    .sum = sums_again,
                    .G = again};
  CHECK(x->ops->pass(x, &from_z, host, arena) == LC_OK);
  CHECK(ctest_distance(q * K, again, G) < 1e-12);
  CHECK(ctest_distance(NSUM, sums_again, sum) < 1e-12);
  double *copy = ctest_zeros(q * K);
  memcpy(copy, again, (size_t)(q * K) * sizeof *copy);
  CHECK(x->ops->pass(x, &from_z, host, arena) == LC_OK);
  CHECK(memcmp(copy, again, (size_t)(q * K) * sizeof *copy) == 0);

  /* Scores alone. */
  memset(z, 0, N * K * sizeof *z);
  lc_pass scores = {.K = K, .obs = &obs, .B = B, .Z = z};
  CHECK(x->ops->pass(x, &scores, host, arena) == LC_OK);
  CHECK(ctest_distance(N * K, z, Z) < 1e-12);
  free(B), free(Z), free(G), free(C), free(z), free(g), free(c), free(again), free(copy), free(rows);
}

static void test_columns(const lc_design *x, const data *d, lc_arena *arena) {
  if (!(x->ops->caps & LC_COLUMNS)) return;
  lc_index q = lc_design_q(x), wanted[3] = {q - 1, 0, 2};
  double *R = ctest_normals(N * K), *Z = ctest_normals(N * K), *z = ctest_zeros(N * K), delta[3 * K], dot[3 * K],
         gram[9], cross[6], want_dot[3 * K] = {0}, want_gram[9] = {0};
  memcpy(z, Z, N * K * sizeof *z);
  for (int i = 0; i < 3 * K; i++) delta[i] = 0.1 * (i + 1);
  for (lc_index i = 0; i < N; i++)
    for (int a = 0; a < 3; a++) {
      double xa = shown(x, d, i, wanted[a]);
      for (int c = 0; c < K; c++) {
        want_dot[a + 3 * c] += xa * R[i + c * N];
        Z[i + c * N] += xa * delta[a + 3 * c];
      }
      for (int b = 0; b < 3; b++) want_gram[a + 3 * b] += xa * d->w[i] * shown(x, d, i, wanted[b]);
    }
  x->ops->col_dot(x, 3, wanted, K, R, dot, arena);
  CHECK(ctest_distance(3 * K, dot, want_dot) < 1e-12);
  x->ops->col_axpy(x, 3, wanted, K, delta, z, arena->host);
  CHECK(ctest_distance(N * K, z, Z) < 1e-12);
  CHECK(x->ops->col_cross(x, 3, wanted, 3, wanted, d->w, gram, arena) == LC_OK);
  CHECK(ctest_distance(9, gram, want_gram) < 1e-12);
  CHECK(x->ops->col_cross(x, 3, wanted, 2, wanted + 1, d->w, cross, arena) == LC_OK);
  CHECK(ctest_distance(6, cross, want_gram + 3) < 1e-12);
  free(R), free(Z), free(z);
}

static void test_rows(const lc_design *x, const data *d, lc_arena *arena) {
  if (!(x->ops->caps & LC_ROWS)) return;
  enum { M = 5 };
  lc_index q = lc_design_q(x), index[M] = {612, 0, 17, 17, 300};
  double *B = ctest_normals(q * K), *G = ctest_normals(q * K), *want = ctest_zeros(q * K), Z[M * K], want_z[M * K],
         R[M * K];
  memcpy(want, G, (size_t)(q * K) * sizeof *G);
  for (int i = 0; i < M; i++)
    for (int c = 0; c < K; c++) {
      R[i + c * M] = ctest_normal();
      want_z[i + c * M] = obs.offset ? obs.offset[index[i] + c * N] : 0;
      for (lc_index j = 0; j < q; j++) {
        want_z[i + c * M] += shown(x, d, index[i], j) * B[j + c * q];
        want[j + c * q] += shown(x, d, index[i], j) * R[i + c * M];
      }
    }
  lc_rows rows;
  CHECK(x->ops->as_rows(x, &rows, arena) == LC_OK);
  rows.obs = &obs;
  if (x->ops->row_load) x->ops->row_load(&rows, M, index);
  x->ops->row_scores(&rows, M, index, K, B, Z);
  CHECK(ctest_distance(M * K, Z, want_z) < 1e-12);
  x->ops->row_gradient(&rows, M, index, K, R, G);
  CHECK(ctest_distance(q * K, G, want) < 1e-12);
  free(B), free(G), free(want);
}

static void test_colstats(const lc_design *x, const data *d) {
  double mean[P], sd[P], most[P], na[P], nan_[P], inf[P];
  lc_colstat out = {mean, sd, most, na, nan_, inf};
  lc_design_colstats(x, obs.w, &(lc_host){.threads = 1}, &out);
  for (int j = 0; j < P; j++) {
    double total = 0, m = 0, v = 0, largest = 0;
    for (int i = 0; i < N; i++) {
      double w = lc_obs_weight(&obs, i);
      total += w;
      m += w * d->x[i + j * N];
      if (w > 0) largest = fmax(largest, fabs(d->x[i + j * N]));
    }
    m /= total;
    for (int i = 0; i < N; i++) {
      double e = d->x[i + j * N] - m;
      v += lc_obs_weight(&obs, i) * e * e;
    }
    CHECK_NEAR(mean[j], m, 1e-12);
    CHECK_NEAR(sd[j], sqrt(v / total), 1e-12);
    CHECK(most[j] == largest);
    CHECK(na[j] == 0 && nan_[j] == 0 && inf[j] == 0);
  }
  CHECK(sd[3] == 0);
}

/* Numbers at the edge of the range, missing ones, and rows of weight zero that nobody may look at. */
static void test_hard_columns(int sparse) {
  enum { ROWS = 20, COLUMNS = 6 };
  uint64_t na_bits = UINT64_C(0x7FF00000000007A2);
  double x[ROWS * COLUMNS], w[ROWS], mean[COLUMNS], sd[COLUMNS], most[COLUMNS], na[COLUMNS], nan_[COLUMNS],
      inf[COLUMNS];
  for (int i = 0; i < ROWS; i++) {
    w[i] = i == ROWS / 2 ? 0 : 1;
    double sign = i % 2 ? 1 : -1;
    x[i] = sign * 1e300;
    x[i + ROWS] = sign * 1e-300;
    x[i + 2 * ROWS] = 1e9 + sign;
    x[i + 3 * ROWS] = 0.1;
    x[i + 4 * ROWS] = i;
    x[i + 5 * ROWS] = i;
  }
  /* The row of weight zero is out of the count, wherever it lies and whatever it holds. */
  for (int j = 0; j < COLUMNS; j++) x[ROWS / 2 + j * ROWS] = j % 2 ? NAN : INFINITY;
  memcpy(&x[4 * ROWS], &na_bits, sizeof na_bits);
  x[4 * ROWS + 1] = NAN;
  x[4 * ROWS + 2] = NAN;
  x[5 * ROWS] = -INFINITY;
  lc_design design;
  int start[COLUMNS + 1], row[ROWS * COLUMNS];
  for (int j = 0; j <= COLUMNS; j++) start[j] = j * ROWS;
  for (int i = 0; i < ROWS * COLUMNS; i++) row[i] = i % ROWS;
  lc_design_dense(&design, ROWS, COLUMNS, LC_DOUBLE, x);
  const lc_csc csc = {start, row, x};
  if (sparse) lc_design_sparse(&design, ROWS, COLUMNS, &csc); /* full columns */
  lc_colstat out = {mean, sd, most, na, nan_, inf};
  lc_design_colstats(&design, w, &(lc_host){.threads = 1}, &out);
  double p = 10.0 / 19, spread = 2 * sqrt(p * (1 - p)), middle = 2 * p - 1;
  CHECK(fabs(mean[0] / (middle * 1e300) - 1) < 1e-12);
  CHECK(fabs(sd[0] / (spread * 1e300) - 1) < 1e-12);
  CHECK(fabs(mean[1] / (middle * 1e-300) - 1) < 1e-12);
  CHECK(fabs(sd[1] / (spread * 1e-300) - 1) < 1e-12);
  CHECK_NEAR(mean[2], 1e9 + middle, 1e-15);
  CHECK_NEAR(sd[2], spread, 1e-7);
  CHECK_NEAR(mean[3], 0.1, 1e-15);
  CHECK(sd[3] == 0);
  CHECK(na[4] == 1 && nan_[4] == 2 && inf[4] == 0);
  CHECK(inf[5] == 1 && na[5] == 0 && nan_[5] == 0);
  for (int j = 0; j < 4; j++) CHECK(na[j] == 0 && nan_[j] == 0 && inf[j] == 0);
}

/* Whole numbers keep every digit, and R's missing integer is missing. */
static void test_hard_integers(void) {
  enum { ROWS = 20 };
  int x[2 * ROWS];
  double mean[2], sd[2], most[2], na[2], nan_[2], inf[2];
  for (int i = 0; i < ROWS; i++) x[i] = x[i + ROWS] = 2147483000 + i;
  x[ROWS + 3] = INT32_MIN;
  lc_design design;
  lc_design_dense(&design, ROWS, 2, LC_INTEGER, x);
  lc_colstat out = {mean, sd, most, na, nan_, inf};
  lc_design_colstats(&design, NULL, &(lc_host){.threads = 1}, &out);
  CHECK(mean[0] == 2147483009.5 && most[0] == 2147483019);
  CHECK_NEAR(sd[0], sqrt((ROWS * ROWS - 1) / 12.0), 1e-12);
  CHECK(na[0] == 0 && na[1] == 1 && nan_[1] == 0);
}

static void test_weighted_moments(const lc_design *x, const data *d) {
  lc_index q = lc_design_q(x);
  double *S = ctest_normals(N * K), *sum = ctest_zeros(q * K), *square = ctest_zeros(q * K),
         *want_sum = ctest_zeros(q * K), *want_square = ctest_zeros(q * K);
  for (int c = 0; c < K; c++)
    for (lc_index j = 0; j < q; j++)
      for (lc_index i = 0; i < N; i++) {
        double value = shown(x, d, i, j), part = S[c + i * K] * value;
        want_sum[j + c * q] += part;
        want_square[j + c * q] += part * value;
      }
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  host.host.threads = 2;
  lc_arena_init(&arena, &host.host);
  CHECK(lc_design_moments(x, K, S, &host.host, &arena, sum, square) == LC_OK);
  ctest_host_free(&host);
  CHECK(ctest_distance(q * K, sum, want_sum) < 1e-11);
  CHECK(ctest_distance(q * K, square, want_square) < 1e-11);
  free(S), free(sum), free(square), free(want_sum), free(want_square);
}

static void test_map(lc_design *x) {
  lc_index q = lc_design_q(x);
  double *B = ctest_normals(q * K), *copy = ctest_zeros(q * K);
  memcpy(copy, B, (size_t)(q * K) * sizeof *B);
  lc_unscale_coef(x, K, B);
  if (x->scale) CHECK(ctest_distance(q * K, B, copy) > 1e-3);
  lc_scale_coef(x, K, B);
  CHECK(ctest_distance(q * K, B, copy) < 1e-12);
  free(B), free(copy);
}

static void test_sparse_check(void) {
  int start[] = {0, 2, 2, 3}, row[] = {0, 1, 3}, bad_start[] = {0, 2, 1, 3}, late[] = {1, 2, 2, 3},
      beyond[] = {0, 1, 4}, negative[] = {-1, 1, 3}, longer[] = {0, 2, 2, 4}, repeated[] = {1, 1, 3},
      unordered[] = {1, 0, 3};
  CHECK(lc_sparse_check(4, 3, start, 4, row, 3, 3) == NULL);
  CHECK(lc_sparse_check(4, 3, start, 3, row, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, row, 2, 2) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, row, 3, 2) != NULL);
  CHECK(lc_sparse_check(4, 3, bad_start, 4, row, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, late, 4, row, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, longer, 4, row, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, beyond, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, negative, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, repeated, 3, 3) != NULL);
  CHECK(lc_sparse_check(4, 3, start, 4, unordered, 3, 3) != NULL);
  CHECK(lc_sparse_check(0, 0, start, 1, row, 0, 0) == NULL);
}

/* Everything above for one storage: with and without intercept, weights, offsets, shift and scale. */
static void test_storage(lc_design *x, const data *d, ctest_host *host) {
  lc_arena arena;
  lc_arena_init(&arena, &host->host);
  for (int variant = 0; variant < 16; variant++) {
    x->intercept = variant & 1;
    obs = (lc_obs){.n = N, .y = d->y, .w = variant & 2 ? d->w : NULL};
    if (variant & 4) obs.offset = d->offset;
    if (variant & 4) obs.noffset = K;
    /* Columns are shifted only beside an intercept, which takes up the shift, and only when dense. */
    x->shift = variant & 8 && x->intercept && lc_design_may_shift(x, 0) ? d->shift : NULL;
    x->scale = variant & 8 ? d->scale : NULL;
    lc_mark mark = lc_arena_mark(&arena);
    test_pass(x, d, &host->host, &arena);
    test_columns(x, d, &arena);
    test_rows(x, d, &arena);
    test_colstats(x, d);
    test_weighted_moments(x, d);
    test_map(x);
    lc_arena_reset(&arena, mark);
  }
}

/* Two numeric columns, a factor with treatment contrasts and a level that no row has, and a variable times a factor
 * with other contrasts, whose columns stand before the last one of the factor. */
typedef struct codes {
  int code[2 * N], owner[P];
  double value[N];
  lc_part part[4];
  lc_coded coded;
  data plain;
} codes;

static const int coded_start[] = {0, 1, 2, 2, 3, 4, 5, 7, 8, 9}, coded_column[] = {0, 1, 2, 3, 6, 4, 5, 5, 4};
static const double coded_weight[] = {1, 1, 1, 1, 1, 1, 0.5, -1, 2};
enum { CODED_LEVELS = 9, CODED_ENTRIES = 9 };

static codes *make_codes(const data *d, lc_arena *arena) {
  codes *c = malloc(sizeof *c);
  if (!c) abort();
  c->plain = *d;
  for (int i = 0; i < N; i++) {
    c->code[i] = ctest_uniform() < 0.2 ? 1 : ctest_uniform() < 0.5 ? 2 : 4;
    c->code[i + N] = 1 + (int)(3 * ctest_uniform());
    c->value[i] = ctest_normal();
    double *row = c->plain.x + i;
    for (int j = 2; j < P; j++) row[j * N] = 0;
    const int level[] = {1 + c->code[i], 5 + c->code[i + N]};
    for (int t = 0; t < 2; t++)
      for (int e = coded_start[level[t]]; e < coded_start[level[t] + 1]; e++)
        row[coded_column[e] * N] = coded_weight[e] * (t ? c->value[i] : 1);
  }
  for (int j = 2; j < P; j++) c->plain.shift[j] = 0; /* zeros of dummies are not stored */
  c->part[0] = (lc_part){NULL, c->plain.x, 1, 0};
  c->part[1] = (lc_part){NULL, c->plain.x + N, 1, 1};
  c->part[2] = (lc_part){c->code, NULL, 4, 2};
  c->part[3] = (lc_part){c->code + N, c->value, 3, 6};
  c->coded = (lc_coded){.part = c->part,
                        .nparts = 4,
                        .nnumeric = 2,
                        .nlevels = CODED_LEVELS,
                        .start = coded_start,
                        .column = coded_column,
                        .weight = coded_weight,
                        .owner = c->owner};
  CHECK(lc_coded_check(N, P, &c->coded, CODED_LEVELS + 1, CODED_ENTRIES, c->owner) == NULL);
  CHECK(lc_coded_index(N, P, &c->coded, arena) == LC_OK);
  return c;
}

static void test_coded_check(codes *c) {
  lc_coded coded = c->coded;
  int owner[P], start[CODED_LEVELS + 1], column[CODED_ENTRIES];
#define REFUSED(change, nstart, nentries)                                                \
  do {                                                                                   \
    memcpy(start, coded_start, sizeof start);                                            \
    memcpy(column, coded_column, sizeof column);                                         \
    coded = c->coded;                                                                    \
    coded.start = start;                                                                 \
    coded.column = column;                                                               \
    CHECK(lc_coded_check(N, P, &coded, CODED_LEVELS + 1, CODED_ENTRIES, owner) == NULL); \
    change;                                                                              \
    CHECK(lc_coded_check(N, P, &coded, nstart, nentries, owner) != NULL);                \
  } while (0)
  REFUSED(start[0] = 1, CODED_LEVELS + 1, CODED_ENTRIES);
  REFUSED(start[4] = 6, CODED_LEVELS + 1, CODED_ENTRIES);
  REFUSED(start[CODED_LEVELS] = 8, CODED_LEVELS + 1, CODED_ENTRIES);
  REFUSED((void)0, CODED_LEVELS, CODED_ENTRIES);
  REFUSED((void)0, CODED_LEVELS + 1, CODED_ENTRIES - 1);
  REFUSED(column[3] = P, CODED_LEVELS + 1, CODED_ENTRIES);
  REFUSED(column[3] = -1, CODED_LEVELS + 1, CODED_ENTRIES);
  REFUSED(column[3] = 4, CODED_LEVELS + 1, CODED_ENTRIES);      /* of two parts */
  REFUSED(column[5] = 5, CODED_LEVELS + 1, CODED_ENTRIES);      /* twice in one level */
  REFUSED(column[3] = 2, CODED_LEVELS + 1, CODED_ENTRIES);      /* none is left with column 3 */
  REFUSED(coded.nnumeric = 3, CODED_LEVELS + 1, CODED_ENTRIES); /* its levels are four */
  REFUSED(coded.nnumeric = 1, CODED_LEVELS + 1, CODED_ENTRIES);
#undef REFUSED
  for (int k = 0; k < 2; k++) {
    int keep = c->code[5];
    c->code[5] = k == 0 ? 0 : 5;
    CHECK(lc_coded_check(N, P, &c->coded, CODED_LEVELS + 1, CODED_ENTRIES, owner) != NULL);
    c->code[5] = keep;
  }
}

/* Joined rows carry the weights of all, and every row finds its own. */
static void test_unique_rows(const codes *c, const data *d, lc_arena *arena) {
  lc_part part = {c->code, NULL, 4, 0};
  int start[] = {0, 0, 1, 2, 3}, column[] = {0, 1, 2}, owner[] = {0, 0, 0}, pays = -1;
  lc_coded coded = {.part = &part, .nparts = 1, .nlevels = 4, .start = start, .column = column, .owner = owner};
  lc_design x;
  lc_unique_rows unique;
  const lc_design *joined = &unique.design;
  lc_design_coded(&x, N, 3, &coded);
  lc_obs rows = {.n = N, .y = d->y, .w = d->w, .noffset = 0};
  CHECK(lc_unique_rows_make(&x, &rows, &unique, &pays, arena) == LC_OK);
  CHECK(pays == 1 && joined->n == 9); /* three levels, three classes */
  for (lc_index k = 0; k < joined->n; k++) {
    double sum = 0;
    for (int i = 0; i < N; i++)
      if (c->code[i] == lc_coded_of(joined)->part[0].code[k] && d->y[i] == unique.obs.y[k]) sum += d->w[i];
    CHECK_NEAR(unique.obs.w[k], sum, 1e-13);
  }
  for (int i = 0; i < N; i++) {
    lc_index k = unique.row_of[i];
    CHECK(lc_coded_of(joined)->part[0].code[k] == c->code[i] && unique.obs.y[k] == d->y[i]);
  }
  lc_design_coded(&x, N, P, &c->coded);
  rows.w = NULL;
  CHECK(lc_unique_rows_make(&x, &rows, &unique, &pays, arena) == LC_OK);
  CHECK(pays == 0);
}

/* Rows that differ in a number alone stay apart, however many there are. */
static void test_unique_numbers(lc_arena *arena) {
  enum { DISTINCT = 2000, TIMES = 3, ROWS = DISTINCT * TIMES };
  double *value = ctest_zeros(ROWS), *y = ctest_zeros(ROWS);
  for (int i = 0; i < ROWS; i++) value[i] = sqrt(1 + i / TIMES);
  lc_part part = {NULL, value, 1, 0};
  int start[] = {0, 1}, column[] = {0}, owner[] = {0}, pays = -1, right = 1;
  lc_coded coded = {
      .part = &part, .nparts = 1, .nnumeric = 1, .nlevels = 1, .start = start, .column = column, .owner = owner};
  lc_design x;
  lc_unique_rows unique;
  lc_design_coded(&x, ROWS, 1, &coded);
  lc_obs rows = {.n = ROWS, .y = y};
  CHECK(lc_unique_rows_make(&x, &rows, &unique, &pays, arena) == LC_OK);
  CHECK(pays == 1 && unique.design.n == DISTINCT);
  for (int i = 0; i < ROWS; i++)
    right = right && lc_coded_of(&unique.design)->part[0].value[unique.row_of[i]] == value[i] &&
            unique.obs.w[unique.row_of[i]] == TIMES;
  CHECK(right);
  free(value), free(y);
}

/* Columns of a factor that are zeros and ones: mean and deviation are those of the numbers. */
static void test_indicators(const codes *c, const data *d) {
  lc_part part = {c->code, NULL, 4, 0};
  int start[] = {0, 0, 1, 2, 3}, column[] = {0, 1, 2}, owner[] = {0, 0, 0};
  lc_coded coded = {.part = &part, .nparts = 1, .nlevels = 4, .start = start, .column = column, .owner = owner};
  double stats[18];
  lc_design x;
  lc_design_coded(&x, N, 3, &coded);
  lc_colstat out = {stats, stats + 3, stats + 6, stats + 9, stats + 12, stats + 15};
  for (int weighted = 0; weighted < 2; weighted++) {
    lc_design_colstats(&x, weighted ? d->w : NULL, &(lc_host){.threads = 1}, &out);
    for (int j = 0; j < 3; j++) {
      double total = 0, sum = 0, square = 0;
      for (int i = 0; i < N; i++) {
        double w = weighted ? d->w[i] : 1;
        total += w;
        sum += w * (c->code[i] == j + 2);
      }
      for (int i = 0; i < N; i++) square += (weighted ? d->w[i] : 1) * pow((c->code[i] == j + 2) - sum / total, 2);
      CHECK_NEAR(out.mean[j], sum / total, 1e-13);
      CHECK_NEAR(out.sd[j], sqrt(square / total), 1e-13);
      CHECK(out.max_abs[j] == (sum > 0));
    }
  }
}

static void test_take(const data *d, lc_arena *arena) {
  enum { M = 4 };
  static const lc_index row[M] = {7, 0, 7, N - 1};
  const lc_obs all = {.n = N, .y = d->y, .w = d->w, .offset = d->offset, .noffset = K}, bare = {.n = N, .y = d->y};
  lc_obs out;
  CHECK(lc_obs_take(&all, M, row, &out, arena) == LC_OK && out.n == M && out.noffset == K);
  for (int i = 0; i < M; i++) {
    CHECK(out.y[i] == d->y[row[i]] && out.w[i] == d->w[row[i]]);
    for (int c = 0; c < K; c++) CHECK(out.offset[i + c * M] == d->offset[row[i] + c * N]);
  }
  CHECK(lc_obs_take(&bare, M, row, &out, arena) == LC_OK && !out.w && !out.offset && out.noffset == 0);
  CHECK_NEAR(lc_obs_total(&bare), N, 0);
}

void test_design(void) {
  ctest_seed(3);
  ctest_host host;
  ctest_host_init(&host);
  data *d = make_data();
  lc_arena arena;
  lc_arena_init(&arena, &host.host);
  codes *c = make_codes(d, &arena);
  ctest_seed(4);
  CHECK(lc_sparse_check(N, P, d->start, P + 1, d->row, d->start[P], d->start[P]) == NULL);
  for (int set = 0; set < CTEST_KERNELS; set++) {
    if (!ctest_kernel(set)) continue;
    CHECK(lc_kernels_choose(ctest_kernel_names[set]));
    lc_design x;
    lc_design_dense(&x, N, P, LC_DOUBLE, d->x);
    test_storage(&x, d, &host);
    lc_design_dense(&x, N, P, LC_INTEGER, d->integer);
    test_storage(&x, d, &host);
    lc_design_sparse(&x, N, P, &(lc_csc){d->start, d->row, d->value});
    test_storage(&x, d, &host);
    lc_design_coded(&x, N, P, &c->coded);
    test_storage(&x, &c->plain, &host);
    test_hard_columns(0);
    test_hard_columns(1);
  }
  lc_kernels_choose(NULL);
  test_hard_integers();
  test_sparse_check();
  test_coded_check(c);
  test_unique_rows(c, d, &arena);
  test_unique_numbers(&arena);
  test_indicators(c, d);
  test_take(d, &arena);
  ctest_host_free(&host);
  free(c), free(d);
}
