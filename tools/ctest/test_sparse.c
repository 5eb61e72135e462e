/* Tests of what the sparse design alone does: samples of rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design.h"

void test_sparse(void);

enum { K = 2 };

/* A sparse matrix and what it is written out, n x p. */
typedef struct matrix {
  lc_index n, p;
  double *full, *value;
  int *start, *row;
} matrix;

/* `density` is the share of entries; every fifth column, and every seventh row, is empty; column 1 is full. Values are
 * floats, or (coarse = 0) not. */
static matrix make_matrix(lc_index n, lc_index p, double density, int coarse) {
  matrix out = {n, p, ctest_zeros(n * p), ctest_zeros(n * p), NULL, NULL};
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
  return out;
}

static void free_matrix(matrix *m) { free(m->full), free(m->value), free(m->start), free(m->row); }

static void design_of(const matrix *m, lc_design *out) {
  lc_design_sparse(out, m->n, m->p, m->start, m->row, m->value, m->start[m->p]);
}

/* ---- subset ---------------------------------------------------------------------------------------------- */

static void test_subset(void) {
  enum { N = 60, P = 7, RUNS = 4, LENGTH = 9 };
  static const lc_index first[RUNS] = {51, 0, 20, 24}; /* the last rows, the first, and two that overlap */
  ctest_host host;
  lc_arena arena;
  ctest_host_init(&host);
  lc_arena_init(&arena, &host.host);
  matrix m = make_matrix(N, P, 0.4, 0);
  double *y = ctest_normals(N), *w = ctest_normals(N), *off = ctest_normals(N * K), scale[P] = {1, 2, 4, 1, 0.5, 8, 1};
  for (int variant = 0; variant < 2; variant++) {
    lc_design x, out;
    design_of(&m, &x);
    x.y = y;
    x.one = variant;
    x.w = variant ? w : NULL;
    x.off = variant ? off : NULL;
    x.noff = variant ? K : 0;
    x.scale = variant ? scale : NULL;
    CHECK(x.ops->subset(&x, RUNS, first, LENGTH, &out, &arena) == LC_OK);
    CHECK(out.n == RUNS * LENGTH && out.p == P && out.one == x.one && out.noff == x.noff && !out.scale);
    CHECK(!out.w == !x.w && !out.off == !x.off);
    double *full = ctest_zeros(out.n * P);
    for (lc_index j = 0; j < P; j++)
      for (int e = out.start[j]; e < out.start[j + 1]; e++) full[out.row[e] + j * out.n] += out.value[e];
    int same = 1;
    for (int r = 0; r < RUNS; r++)
      for (int i = 0; i < LENGTH; i++) {
        lc_index to = r * LENGTH + i, from = first[r] + i;
        same = same && out.y[to] == y[from] && (!x.w || out.w[to] == w[from]);
        for (int c = 0; c < x.noff; c++) same = same && out.off[to + c * out.n] == off[from + c * N];
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
  x.y = y;
  CHECK(x.ops->subset(&x, 3, ascending, 9, &out, &arena) == LC_OK);
  CHECK(lc_sparse_check(out.n, out.p, out.start, out.p + 1, out.row, out.entries, out.entries) == NULL);
  ctest_host_free(&host);
  free(y), free(w), free(off);
  free_matrix(&m);
}

void test_sparse(void) {
  ctest_seed(23);
  test_subset();
}
