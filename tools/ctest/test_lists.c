/* Tests of designs by long lists: of columns, whose products are made in panels, and of rows, which come in batches and
 * in samples; and of what is summed beside them: weights of classes, statistics, equal rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design/factor.h"
#include "design/sparse.h"

void test_lists(void);

enum { N = 700, P = 150, Q = P + 1, K = 2 };

/* Whole numbers in three storages, and how they are shown. */
typedef struct table {
  double x[N * P], value[N * P], shift[P], scale[P];
  int whole[N * P], start[P + 1], row[N * P];
  lc_csc csc;
} table;

enum { PLAIN, WHOLE, SHOWN, SPARSE, KINDS };

static table *make_table(void) {
  table *t = malloc(sizeof *t);
  if (!t) abort();
  int entries = 0;
  for (int j = 0; j < P; j++) {
    t->start[j] = entries;
    t->shift[j] = j % 3 - 1;
    t->scale[j] = ldexp(1, j % 4 - 2);
    for (int i = 0; i < N; i++) {
      double x = ctest_uniform() < 0.5 ? 0 : floor(3 * ctest_normal());
      t->x[i + j * N] = t->whole[i + j * N] = (int)x;
      if (x == 0) continue;
      t->row[entries] = i;
      t->value[entries++] = x;
    }
  }
  t->start[P] = entries;
  t->csc = (lc_csc){t->start, t->row, t->value};
  return t;
}

static void show(const table *t, int kind, lc_design *out) {
  if (kind == SPARSE)
    lc_design_sparse(out, N, P, &t->csc);
  else
    lc_design_dense(out, N, P, kind == WHOLE ? LC_INTEGER : LC_DOUBLE, kind == WHOLE ? (const void *)t->whole : t->x);
  out->intercept = 1;
  if (kind >= SHOWN) out->scale = t->scale;
  if (kind == SHOWN) out->shift = t->shift;
}

/* Column j of X~ in row i. */
static double shown(const lc_design *x, const table *t, lc_index i, lc_index j) {
  if (j == 0) return 1;
  return (t->x[i + (j - 1) * N] - (x->shift ? x->shift[j - 1] : 0)) * (x->scale ? x->scale[j - 1] : 1);
}

/* ---- columns --------------------------------------------------------------------------------------------------- */

static void check_cross(const lc_design *x, const table *t, lc_index ni, const lc_index *i, lc_index nj,
                        const lc_index *j, const double *s) {
  double *C[2], *want = ctest_zeros(ni * nj);
  for (lc_index b = 0; b < nj; b++)
    for (lc_index a = 0; a < ni; a++)
      for (lc_index r = 0; r < N; r++) want[a + b * ni] += shown(x, t, r, i[a]) * s[r] * shown(x, t, r, j[b]);
  for (int threads = 1; threads <= 2; threads++) {
    ctest_host host;
    lc_arena arena;
    ctest_host_init(&host);
    host.host.threads = threads;
    lc_arena_init(&arena, &host.host);
    C[threads - 1] = ctest_normals(ni * nj);
    CHECK(x->ops->col_cross(x, ni, i, nj, j, s, C[threads - 1], &arena) == LC_OK);
    ctest_host_free(&host);
  }
  CHECK(ctest_distance(ni * nj, C[0], want) < 1e-11);
  CHECK(memcmp(C[0], C[1], (size_t)(ni * nj) * sizeof(double)) == 0);
  free(C[0]), free(C[1]), free(want);
}

/* Products of more columns than a panel holds, of few with many, and of a list with itself. */
static void test_crosses(const lc_design *x, const table *t) {
  static const lc_index sizes[][2] = {{20, 90}, {5, 70}, {101, 3}, {50, 50}};
  lc_index left[Q], right[Q];
  double *s = ctest_normals(N);
  for (lc_index a = 0; a < Q; a++) {
    left[a] = a * 7 % Q;
    right[a] = (a * 11 + 40) % Q;
  }
  for (size_t k = 0; k < sizeof sizes / sizeof *sizes; k++)
    check_cross(x, t, sizes[k][0], left, sizes[k][1], right, s);
  check_cross(x, t, 7, left, 7, left, s);
  check_cross(x, t, 100, left, 100, left, s);
  free(s);
}

/* Moments for more weights than are summed side by side. */
static void test_moments(const lc_design *x, const table *t) {
  enum { WEIGHTS = 11 };
  double *S = ctest_normals(N * WEIGHTS), *sum = ctest_normals(Q * WEIGHTS), *square = ctest_normals(Q * WEIGHTS);
  double *want_sum = ctest_zeros(Q * WEIGHTS), *want_square = ctest_zeros(Q * WEIGHTS);
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  for (lc_index i = 0; i < N; i++)
    for (lc_index j = 0; j < Q; j++)
      for (int c = 0; c < WEIGHTS; c++) {
        double number = shown(x, t, i, j);
        want_sum[j + c * Q] += S[c + i * WEIGHTS] * number;
        want_square[j + c * Q] += S[c + i * WEIGHTS] * number * number;
      }
  CHECK(lc_design_moments(x, WEIGHTS, S, &host.host, &arena, sum, square) == LC_OK);
  CHECK(ctest_distance(Q * WEIGHTS, sum, want_sum) < 1e-11);
  CHECK(ctest_distance(Q * WEIGHTS, square, want_square) < 1e-11);
  ctest_host_free(&host);
  free(S), free(sum), free(square), free(want_sum), free(want_square);
}

/* ---- rows ------------------------------------------------------------------------------------------------------ */

/* Rows in pieces: alone, in short runs, in runs that are long enough to be read where they lie, backwards, and twice. */
static void test_batches(const lc_design *x, const table *t) {
  enum { M = 420 };
  lc_index index[M], count = 0, pieces = 0;
  for (lc_index i = 0; i < 40; i++) index[count++] = (i * 37) % N;
  for (lc_index i = 0; i < 100; i++) index[count++] = 300 + i;
  for (lc_index r = 0; r < 6; r++)
    for (lc_index i = 0; i < 20; i++) index[count++] = 40 * r + i;
  for (lc_index i = 0; i < 60; i++) index[count++] = N - 1 - i;
  for (lc_index i = 0; i < 64; i++) index[count++] = N - 64 + i;
  while (count < M) index[count] = count / 2, count++;
  ctest_host host;
  lc_arena arena;
  lc_rows rows;
  double *B = ctest_normals(Q * K), *R = ctest_normals(M * K), *G = ctest_zeros(Q * K), *want = ctest_zeros(Q * K);
  double *offset = ctest_normals(N * K), worst = 0;
  lc_obs obs = {.n = N, .offset = offset, .noffset = K};
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  CHECK(x->ops->as_rows(x, &rows, &arena) == LC_OK);
  rows.obs = &obs;
  for (lc_index from = 0, m; from < M; from += m, pieces++) {
    double Z[M * K], r[M * K];
    m = x->ops->row_piece ? x->ops->row_piece(&rows, M - from, index + from) : M - from;
    CHECK(m >= 1 && m <= M - from && (rows.most == 0 || m <= rows.most));
    if (m < 1) break;
    if (x->ops->row_load) x->ops->row_load(&rows, m, index + from);
    x->ops->row_scores(&rows, m, index + from, K, B, Z);
    for (int c = 0; c < K; c++)
      for (lc_index i = 0; i < m; i++) {
        double z = offset[index[from + i] + c * N];
        for (lc_index j = 0; j < Q; j++) z += shown(x, t, index[from + i], j) * B[j + c * Q];
        worst = fmax(worst, fabs(z - Z[i + c * m]));
        r[i + c * m] = R[from + i + c * M];
      }
    x->ops->row_gradient(&rows, m, index + from, K, r, G);
  }
  CHECK(worst < 1e-11);
  for (lc_index i = 0; i < M; i++)
    for (int c = 0; c < K; c++)
      for (lc_index j = 0; j < Q; j++) want[j + c * Q] += shown(x, t, index[i], j) * R[i + c * M];
  CHECK(ctest_distance(Q * K, G, want) < 1e-11);
  if (x->ops->row_piece) { /* singles, the long run, short ones, the second long run, the rest */
    CHECK(pieces == 5 && x->ops->row_piece(&rows, M - 40, index + 40) == 100);
    x->ops->row_load(&rows, 100, index + 40);
    int in_place = !x->shift && !x->scale && x->storage == LC_DOUBLE;
    CHECK((rows.loaded == t->x + 300) == in_place);
  }
  ctest_host_free(&host);
  free(B), free(R), free(G), free(want), free(offset);
}

/* A sample is runs of 64 rows, one in each of equal stretches, with their own observations; where it would be half of
 * the rows it is all of them. Row numbers stand in the first column, and in y. */
static void test_sample(lc_index n, lc_index rows) {
  enum { RUN = 64 };
  double *value = ctest_zeros(2 * n), *w = ctest_zeros(n), *offset = ctest_zeros(2 * n);
  lc_index count = (rows + RUN - 1) / RUN, moved = 0;
  ctest_host host;
  lc_arena arena;
  lc_design x, out;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  for (lc_index i = 0; i < n; i++) {
    value[i] = (double)i;
    w[i] = 1 + (double)i / 2;
    offset[i + n] = -(double)i;
  }
  lc_obs obs = {.n = n, .y = value, .w = w, .offset = offset, .noffset = 2}, own;
  lc_design_dense(&x, n, 2, LC_DOUBLE, value);
  x.intercept = 1;
  CHECK(lc_design_sample(&x, &obs, rows, &out, &own, &arena) == LC_OK);
  if (2 * count * RUN >= n) {
    CHECK(out.n == n && out.data == x.data && own.n == n && own.y == value);
  } else {
    CHECK(out.n == count * RUN && own.n == out.n && out.p == 2 && out.intercept == 1);
    int right = 1;
    const double *first = out.data;
    for (lc_index i = 0; i < out.n; i++) {
      double at = first[i], low = (double)n * (double)(i / RUN) / (double)count;
      right = right && own.y[i] == at && own.w[i] == 1 + at / 2 && own.offset[i + out.n] == -at && own.offset[i] == 0;
      right = right && at >= floor(low) && at < ceil(low + (double)n / (double)count) && at <= (double)n - 1;
      right = right && (i % RUN == 0 || at == first[i - 1] + 1);
      moved += i % RUN == 0 && at > ceil(low);
    }
    CHECK(right && moved > 0);
  }
  ctest_host_free(&host);
  free(value), free(w), free(offset);
}

/* ---- sums ------------------------------------------------------------------------------------------------------ */

static void test_totals(void) {
  const double y[] = {0, 2, 2, 1, 0}, w[] = {0.5, 2, 0, 4, 8}, elsewhere[] = {3, 5, 7};
  double out[3];
  lc_obs obs = {.n = 5, .y = y, .w = w};
  lc_obs_class_totals(&obs, 3, out);
  CHECK(out[0] == 8.5 && out[1] == 4 && out[2] == 2 && lc_obs_total(&obs) == 14.5);
  obs.w = NULL;
  lc_obs_class_totals(&obs, 3, out);
  CHECK(out[0] == 2 && out[1] == 1 && out[2] == 2 && lc_obs_total(&obs) == 5);
  obs = (lc_obs){.n = 9, .class_weights = elsewhere, .classes = 3};
  lc_obs_class_totals(&obs, 3, out);
  CHECK(out[0] == 3 && out[1] == 5 && out[2] == 7 && lc_obs_total(&obs) == 15);
}

/* Coefficients of the user's columns have the scores of those as shown; beyond the range of numbers they are none. */
static void test_units(void) {
  enum { COLUMNS = 3 };
  const double shift[] = {5, 0, -2}, scale[] = {0.25, 8, 1}, huge[] = {1, 1, ldexp(1, 300)}, row[] = {7, -1, 3};
  double B[2 * (COLUMNS + 1)], own[2 * (COLUMNS + 1)];
  lc_design x;
  lc_design_dense(&x, 1, COLUMNS, LC_DOUBLE, row);
  x.intercept = 1;
  x.shift = shift;
  x.scale = scale;
  for (int i = 0; i < 8; i++) B[i] = own[i] = i + 1;
  CHECK(lc_unscale_coef(&x, 2, own));
  for (int c = 0; c < 2; c++) {
    double z = B[4 * c], plain = own[4 * c];
    for (int j = 0; j < COLUMNS; j++) {
      z += (row[j] - shift[j]) * scale[j] * B[4 * c + 1 + j];
      plain += row[j] * own[4 * c + 1 + j];
    }
    CHECK_NEAR(plain, z, 1e-14);
  }
  x.shift = NULL;
  x.scale = huge;
  CHECK(lc_unscale_coef(&x, 2, own));
  own[7] = 1e300;
  CHECK(!lc_unscale_coef(&x, 2, own));
}

/* Statistics of columns at the edge of the range, constant, nearly so, and with numbers that are none, without weights:
 * full ones, and ones of which zeros are not stored. */
static void test_quick_columns(int sparse) {
  enum { ROWS = 20, COLUMNS = 7 };
  static const double unit[] = {1e300, 1e-300, 1e-200, 1e120, 0.1, 1, 1};
  double x[ROWS * COLUMNS], value[ROWS * COLUMNS], stats[6 * COLUMNS];
  int start[COLUMNS + 1], row[ROWS * COLUMNS], entries = 0;
  for (int j = 0; j < COLUMNS; j++) {
    start[j] = entries;
    for (int i = 0; i < ROWS; i++) {
      double number = unit[j] * (j == 4 ? 1 : j == 5 ? 1 + (i % 2) * 1e-9 : i % 4 - 1);
      x[i + j * ROWS] = number;
      if (sparse && i % 4 == 1) x[i + j * ROWS] = 0;
      if (x[i + j * ROWS] == 0) continue;
      row[entries] = i;
      value[entries++] = number;
    }
  }
  start[COLUMNS] = entries;
  value[start[6] + 2] = x[row[start[6] + 2] + 6 * ROWS] = INFINITY;
  lc_csc csc = {start, row, value};
  lc_design design;
  lc_design_dense(&design, ROWS, COLUMNS, LC_DOUBLE, x);
  if (sparse) lc_design_sparse(&design, ROWS, COLUMNS, &csc);
  lc_colstat out = {stats,               stats + COLUMNS,     stats + 2 * COLUMNS,
                    stats + 3 * COLUMNS, stats + 4 * COLUMNS, stats + 5 * COLUMNS};
  CHECK(lc_design_colstats(&design, NULL, &(lc_host){.threads = 1}, &out) == LC_OK);
  for (int j = 0; j < 6; j++) {
    double mean = 0, square = 0, most = 0;
    for (int i = 0; i < ROWS; i++) mean += x[i + j * ROWS] / unit[j] / ROWS;
    for (int i = 0; i < ROWS; i++) {
      square += pow(x[i + j * ROWS] / unit[j] - mean, 2) / ROWS;
      most = fmax(most, fabs(x[i + j * ROWS]));
    }
    CHECK(fabs(out.mean[j] / unit[j] - mean) < 1e-14);
    CHECK(j == 4 && !sparse ? out.sd[j] == 0 : fabs(out.sd[j] / unit[j] / sqrt(square) - 1) < 1e-5);
    CHECK(out.max_abs[j] == most && out.n_na[j] + out.n_nan[j] + out.n_inf[j] == 0);
  }
  CHECK(isnan(out.mean[6]) && isnan(out.sd[6]) && out.n_inf[6] == 1 && out.n_nan[6] == 0);
}

/* A column that is constant in all rows of a weight is constant, whatever rounding says. */
static void test_constant(void) {
  enum { ROWS = 30 };
  double value[ROWS], w[ROWS], stats[6];
  int start[] = {0, ROWS - 1}, row[ROWS];
  for (int i = 0; i < ROWS; i++) {
    value[i] = 0.1;
    w[i] = i < ROWS - 1 ? 0.3 + 0.1 * i : 0;
    row[i] = i;
  }
  lc_csc csc = {start, row, value};
  lc_design x;
  lc_design_sparse(&x, ROWS, 1, &csc);
  lc_colstat out = {stats, stats + 1, stats + 2, stats + 3, stats + 4, stats + 5};
  CHECK(lc_design_colstats(&x, w, &(lc_host){.threads = 1}, &out) == LC_OK);
  CHECK_NEAR(stats[0], 0.1, 1e-15);
  CHECK(stats[1] == 0 && stats[2] == 0.1);
}

/* Rows of some kinds in turn, which differ in the class, the code or the second offset alone; the last kind is row
 * number `at`. */
static void test_joined_rows(int n, int many, int kinds, lc_index at) {
  enum { LOOK = 1 << 14 };
  int *code = malloc((size_t)n * sizeof *code), *start = calloc((size_t)n + 1, sizeof *start), column[] = {0};
  int owner[] = {0};
  double *y = ctest_zeros(n), *offset = ctest_zeros(2 * n);
  ctest_host host;
  lc_arena arena;
  lc_unique_rows unique;
  lc_design x;
  int pays = -1, right = 1;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  if (!code || !start) abort();
  start[n] = 1; /* the last level has a column */
  lc_part part = {code, NULL, n, 0};
  lc_coded coded = {.part = &part, .nparts = 1, .nlevels = n, .start = start, .column = column, .owner = owner};
  lc_design_coded(&x, n, 1, &coded);
  for (int i = 0; i < n; i++) {
    int kind = i == at ? kinds - 1 : i % (kinds - 1);
    code[i] = many == 0 ? 1 + kind : 7;
    y[i] = many == 1 ? kind : 3;
    offset[i + n] = many == 2 ? kind : -1;
  }
  lc_obs obs = {.n = n, .y = y, .offset = offset, .noffset = 2};
  CHECK(lc_unique_rows_make(&x, &obs, &unique, &pays, &arena) == LC_OK);
  /* Where more than seven of eight of the first rows are distinct nobody looks on. */
  CHECK(pays == (kinds <= n / 2 && !(at == LOOK && 8 * kinds > 7 * LOOK)));
  if (pays == 1) CHECK(unique.design.n == kinds);
  for (lc_index i = 0; pays == 1 && i < n; i++) {
    lc_index k = unique.row_of[i];
    right = right && unique.obs.y[k] == y[i] && lc_coded_of(&unique.design)->part[0].code[k] == code[i] &&
            unique.obs.offset[k + unique.obs.n] == offset[i + n];
  }
  CHECK(right);
  ctest_host_free(&host);
  free(code), free(start), free(y), free(offset);
}

/* Numbers of a factor times a variable that are none are counted by their kind, in rows that have a weight; a numeric
 * column has no weight of its own. */
static void test_numbers_of_levels(void) {
  enum { ROWS = 12 };
  const uint64_t na_bits = UINT64_C(0x7FF00000000007A2);
  const double twice = 2, once = 1;
  double value[ROWS], w[ROWS], stats[12];
  int code[ROWS], start[] = {0, 1, 2}, column[] = {0, 1}, owner[2];
  for (int i = 0; i < ROWS; i++) {
    code[i] = 1 + i % 2;
    value[i] = i;
    w[i] = i == 9 ? 0 : 1;
  }
  value[0] = INFINITY;
  memcpy(value + 2, &na_bits, sizeof na_bits);
  value[4] = NAN;
  value[6] = -INFINITY;
  value[9] = NAN; /* of no weight */
  lc_part part = {code, value, 2, 0}, numeric = {NULL, value, 1, 0};
  lc_coded coded = {.part = &part, .nparts = 1, .nlevels = 2, .start = start, .column = column, .owner = owner};
  CHECK(lc_coded_check(ROWS, 2, &coded, 3, 2, owner) == NULL);
  lc_design x;
  lc_design_coded(&x, ROWS, 2, &coded);
  lc_colstat out = {stats, stats + 2, stats + 4, stats + 6, stats + 8, stats + 10};
  CHECK(lc_design_colstats(&x, w, &(lc_host){.threads = 1}, &out) == LC_OK);
  CHECK(out.n_inf[0] == 2 && out.n_na[0] == 1 && out.n_nan[0] == 1 && isnan(out.mean[0]) && isnan(out.sd[0]));
  CHECK(out.n_inf[1] + out.n_na[1] + out.n_nan[1] == 0 && out.max_abs[1] == 11);
  CHECK_NEAR(out.mean[1], (1 + 3 + 5 + 7 + 11) / 11.0, 1e-14);
  coded = (lc_coded){.part = &numeric, .nparts = 1, .nnumeric = 1, .nlevels = 1, .start = start, .column = column};
  coded.weight = &once;
  CHECK(lc_coded_check(ROWS, 1, &coded, 2, 1, owner) == NULL);
  coded.weight = &twice;
  CHECK(lc_coded_check(ROWS, 1, &coded, 2, 1, owner) != NULL);
}

void test_lists(void) {
  ctest_seed(107);
  table *t = make_table();
  for (int set = 0; set < 2; set++) { /* the one to be read, and the best */
    lc_kernels_choose(set ? NULL : ctest_kernel_names[0]);
    for (int kind = 0; kind < KINDS; kind++) {
      lc_design x;
      show(t, kind, &x);
      test_crosses(&x, t);
      test_moments(&x, t);
      test_batches(&x, t);
    }
  }
  free(t);
  test_sample(1000, 100);
  test_sample(5000, 600);
  test_sample(1283, 640);
  test_sample(380, 150);
  test_constant();
  test_totals();
  test_units();
  test_quick_columns(0);
  test_quick_columns(1);
  for (int many = 0; many < 3; many++) test_joined_rows(40000, many, 10000, 16384);
  test_joined_rows(30000, 1, 14336, 16384);
  test_joined_rows(30000, 1, 14400, 16384);
  test_joined_rows(10000, 1, 5000, 9000);
  test_joined_rows(10000, 1, 5001, 9000);
  test_numbers_of_levels();
}
