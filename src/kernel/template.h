/* kernel/template.h - the inner loops for one vector instruction set; kernel/x86.c and kernel/two_lanes.c include it
 * once for each.
 *
 * Before the include: NAME(f) names a function, TARGET is its attribute, LANE_LOOPS are the loops of kernel/lanes.h,
 * LANES doubles fit a VEC, DOT_ROWS x DOT_COLS running sums fit the registers, MOST_SCORES score columns times two VECs
 * do; V_* are the operations. LOADN and STOREN touch only the first `count` lanes (the others read as 0); LOADI and
 * LOADIN take ints, LOADF and LOADFN floats. DOT_MOST rows and one column of running sums fit too. V_SUMS adds up the
 * lanes of LANES vectors, each to a number; V_SELECT_POSITIVE(z, yes, no): yes where z > 0;
 * V_SCALE(a, n) = a 2^n; V_EXPONENT(a): n of a = m 2^n with 1 <= m < 2, a normal and > 0.
 *
 * The functions of the table at the end keep the contracts of kernel/kernel.h; those before them are their parts. What
 * is const int in an ALWAYS function is known when compiled, so that its sums stay in registers. Pointers need no
 * alignment; nothing beyond row m is read or written. */

#define ALWAYS TARGET static inline __attribute__((always_inline))

#ifndef UNROLL
/* Loops of constant length over registers must disappear, or the running sums live in memory. Under its address
 * sanitizer clang would take minutes to compile the result, and speed is no matter. */
#if !defined(__clang__)
#define UNROLL _Pragma("GCC unroll 10")
#elif __has_feature(address_sanitizer)
#define UNROLL
#else
#define UNROLL _Pragma("unroll")
#endif
#endif

/* ---- the columns of X ------------------------------------------------------------------------------------------ */

/* Where columns j .. j + count - 1 begin: `ldx` doubles apart from X on or, with a list, where it says. */
ALWAYS void NAME(find)(const int count, const double *X, lc_index ldx, const void *const *list, lc_index j,
                       const void **at) {
  UNROLL
  for (int u = 0; u < count; u++) at[u] = list ? list[j + u] : X + (j + u) * ldx;
}

/* Rows from i on of a column of such numbers. */
ALWAYS VEC NAME(load)(const enum lc_storage type, const void *x, lc_index i) {
  if (type == LC_INTEGER) return V_LOADI((const int *)x + i);
  return type == LC_FLOAT ? V_LOADF((const float *)x + i) : V_LOAD((const double *)x + i);
}

ALWAYS VEC NAME(loadn)(const enum lc_storage type, const void *x, lc_index i, int count) {
  if (type == LC_INTEGER) return V_LOADIN((const int *)x + i, count);
  return type == LC_FLOAT ? V_LOADFN((const float *)x + i, count) : V_LOADN((const double *)x + i, count);
}

/* f with the type known when compiled: ints and floats are turned into doubles in registers. */
#define TYPED(f, ...)                   \
  do {                                  \
    if (type == LC_INTEGER)             \
      NAME(f)(LC_INTEGER, __VA_ARGS__); \
    else if (type == LC_FLOAT)          \
      NAME(f)(LC_FLOAT, __VA_ARGS__);   \
    else                                \
      NAME(f)(LC_DOUBLE, __VA_ARGS__);  \
  } while (0)

/* ---- sums of products: out (p x nb, ldo) += A' B over m rows --------------------------------------------------- */

/* na <= DOT_MOST columns of A, at a[0], a[1], ..., and nb <= DOT_COLS of B, na nb sums in registers. */
ALWAYS void NAME(dots_block)(const enum lc_storage type, const int na, const int nb, lc_index m, const void *const *a,
                             const double *B, lc_index ldb, double *out, lc_index ldo) {
  VEC sum[DOT_MOST][DOT_COLS];
  UNROLL
  for (int u = 0; u < na; u++) UNROLL
  for (int b = 0; b < nb; b++) sum[u][b] = V_ZERO();
  lc_index i = 0;
  for (; i + LANES <= m; i += LANES) {
    VEC right[DOT_COLS];
    UNROLL
    for (int b = 0; b < nb; b++) right[b] = V_LOAD(B + i + b * ldb);
    UNROLL
    for (int u = 0; u < na; u++) {
      VEC left = NAME(load)(type, a[u], i);
      UNROLL
      for (int b = 0; b < nb; b++) sum[u][b] = V_FMA(left, right[b], sum[u][b]);
    }
  }
  if (i < m) {
    int rest = (int)(m - i);
    VEC right[DOT_COLS];
    UNROLL
    for (int b = 0; b < nb; b++) right[b] = V_LOADN(B + i + b * ldb, rest);
    UNROLL
    for (int u = 0; u < na; u++) {
      VEC left = NAME(loadn)(type, a[u], i, rest);
      UNROLL
      for (int b = 0; b < nb; b++) sum[u][b] = V_FMA(left, right[b], sum[u][b]);
    }
  }
  /* LANES sums at a time: a tree over all of them is cheaper than one for each. */
  VEC flat[DOT_MOST * DOT_COLS];
  double total[DOT_MOST * DOT_COLS];
  UNROLL
  for (int b = 0; b < nb; b++) UNROLL
  for (int u = 0; u < na; u++) flat[u + b * na] = sum[u][b];
  UNROLL
  for (int k = 0; k < na * nb; k += LANES) {
    if (k + LANES <= na * nb)
      V_SUMS(flat + k, total + k);
    else
      for (int r = k; r < na * nb; r++) total[r] = V_SUM(flat[r]);
  }
  for (int b = 0; b < nb; b++)
    for (int u = 0; u < na; u++) out[u + b * ldo] += total[u + b * na];
}

/* All p columns of A against nb of B: `most` at a time, then half as many, then one by one. */
ALWAYS void NAME(dots)(const enum lc_storage type, const int most, const int nb, lc_index m, lc_index p,
                       const double *A, lc_index lda, const void *const *list, const double *B, lc_index ldb,
                       double *out, lc_index ldo) {
  const void *a[DOT_MOST];
  lc_index j = 0;
#define GROUPS(count)                                              \
  for (; j + (count) <= p; j += (count)) {                         \
    NAME(find)(count, A, lda, list, j, a);                         \
    NAME(dots_block)(type, count, nb, m, a, B, ldb, out + j, ldo); \
  }
  GROUPS(most)
  GROUPS(most / 2)
  GROUPS(1)
#undef GROUPS
}

/* The same for any nb <= DOT_COLS. */
ALWAYS void NAME(dots_any)(const enum lc_storage type, lc_index m, lc_index p, const double *A, lc_index lda,
                           const void *const *list, int nb, const double *B, lc_index ldb, double *out, lc_index ldo) {
#define OF(nb, most)                                                  \
  case nb:                                                            \
    NAME(dots)(type, most, nb, m, p, A, lda, list, B, ldb, out, ldo); \
    break;
#if DOT_COLS > 3
  switch (nb) { OF(1, DOT_MOST) OF(2, DOT_ROWS) OF(3, DOT_ROWS) OF(4, DOT_ROWS) }
#else
  switch (nb) { OF(1, DOT_MOST) OF(2, DOT_ROWS) OF(3, DOT_ROWS) }
#endif
#undef OF
}

TARGET static void NAME(panel)(enum lc_storage type, lc_index m, lc_index p, const double *A, lc_index lda,
                               const void *const *list, int nb, const double *B, lc_index ldb, double *out,
                               lc_index ldo) {
  TYPED(dots_any, m, p, A, lda, list, nb, B, ldb, out, ldo);
}

TARGET static void NAME(gradient_any)(enum lc_storage type, lc_index m, lc_index p, int K, const double *X,
                                      lc_index ldx, const void *const *list, const double *R, lc_index ldr, double *G,
                                      lc_index ldg) {
  for (int c = 0; c < K; c += DOT_COLS)
    NAME(panel)(type, m, p, X, ldx, list, K - c < DOT_COLS ? K - c : DOT_COLS, R + c * ldr, ldr, G + c * ldg, ldg);
}

TARGET static void NAME(gradient)(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *R,
                                  lc_index ldr, double *G, lc_index ldg) {
  NAME(gradient_any)(LC_DOUBLE, m, p, K, X, ldx, NULL, R, ldr, G, ldg);
}

TARGET static void NAME(gradient_of)(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x,
                                     const double *R, lc_index ldr, double *G, lc_index ldg) {
  NAME(gradient_any)(type, m, p, K, NULL, 0, x, R, ldr, G, ldg);
}

/* ---- Gram matrices ----------------------------------------------------------------------------------------------- */

/* One weight column s, C packed, work m p. The weighted columns are written once; then a few columns of X, which stay
 * in L1, meet all weighted columns from theirs on, DOT_COLS at a time. */
TARGET static void NAME(gram_one)(lc_index m, lc_index p, int one, const double *X, lc_index ldx, const double *s,
                                  double *C, double *work) {
  enum { NEAR = 3 * DOT_ROWS };
  for (lc_index j = 0; j < p; j++) {
    const double *x = X + j * ldx;
    lc_index i = 0;
    for (; i + LANES <= m; i += LANES) V_STORE(work + j * m + i, V_MUL(V_LOAD(x + i), V_LOAD(s + i)));
    for (; i < m; i++) work[j * m + i] = x[i] * s[i];
  }
  for (lc_index near = 0; near < p; near += NEAR)
    for (lc_index b = near / DOT_COLS * DOT_COLS; b < p; b += DOT_COLS) {
      int nb = (int)(p - b < DOT_COLS ? p - b : DOT_COLS);
      for (lc_index a = near; a < near + NEAR && a < b + nb; a += DOT_ROWS) {
        double sums[DOT_ROWS * DOT_COLS] = {0};
        lc_index end = near + NEAR < p ? near + NEAR : p;
        int na = (int)(end - a < DOT_ROWS ? end - a : DOT_ROWS);
        NAME(panel)(LC_DOUBLE, m, na, X + a * ldx, ldx, NULL, nb, work + b * m, m, sums, DOT_ROWS);
        for (int v = 0; v < nb; v++) {
          double *column = C + lc_packed_at(a + one, b + v + one);
          lc_index last = lc_min(na, b + v - a + 1);
          for (lc_index u = 0; u < last; u++) column[u] += sums[u + v * DOT_ROWS];
        }
      }
    }
}

/* Many weight columns: products of pairs of columns, LC_GRAM_WORK at a time, against all weights at once. */
TARGET static void NAME(gram_many)(lc_index m, lc_index p, int one, int ns, const double *X, lc_index ldx,
                                   const double *S, lc_index lds, double *C, lc_index ldc, double *work) {
  double sums[LC_GRAM_WORK * DOT_COLS];
  lc_index place[LC_GRAM_WORK];
  int held = 0;
  for (lc_index b = 0; b < p; b++)
    for (lc_index a = 0; a <= b; a++) {
      const double *xa = X + a * ldx, *xb = X + b * ldx;
      double *product = work + held * m;
      lc_index i = 0;
      for (; i + LANES <= m; i += LANES) V_STORE(product + i, V_MUL(V_LOAD(xa + i), V_LOAD(xb + i)));
      for (; i < m; i++) product[i] = xa[i] * xb[i];
      place[held++] = lc_packed_at(a + one, b + one);
      if (held < LC_GRAM_WORK && !(a == p - 1 && b == p - 1)) continue;
      for (int s = 0; s < ns; s += DOT_COLS) {
        int nb = ns - s < DOT_COLS ? ns - s : DOT_COLS;
        for (int k = 0; k < held * nb; k++) sums[k] = 0;
        NAME(panel)(LC_DOUBLE, m, held, work, m, NULL, nb, S + s * lds, lds, sums, held);
        for (int v = 0; v < nb; v++)
          for (int u = 0; u < held; u++) C[(s + v) * ldc + place[u]] += sums[u + v * held];
      }
      held = 0;
    }
}

TARGET static void NAME(gram)(lc_index m, lc_index p, int one, int ns, const double *X, lc_index ldx, const double *S,
                              lc_index lds, double *C, lc_index ldc, double *work) {
  if (ns > 3)
    NAME(gram_many)(m, p, one, ns, X, ldx, S, lds, C, ldc, work);
  else
    for (int s = 0; s < ns; s++) NAME(gram_one)(m, p, one, X, ldx, S + s * lds, C + s * ldc, work);
}

/* ---- scores -------------------------------------------------------------------------------------------------- */

/* z += x_j b_j for `count` <= 8 columns at once: one read and one write of z for all of them. */
ALWAYS void NAME(axpy_block)(const enum lc_storage type, const int count, lc_index m, const void *const *x,
                             const double *b, double *z) {
  VEC weight[8];
  UNROLL
  for (int j = 0; j < count; j++) weight[j] = V_SET1(b[j]);
  lc_index i = 0;
  for (; i + LANES <= m; i += LANES) {
    VEC sum = V_LOAD(z + i);
    UNROLL
    for (int j = 0; j < count; j++) sum = V_FMA(NAME(load)(type, x[j], i), weight[j], sum);
    V_STORE(z + i, sum);
  }
  if (i < m) {
    int rest = (int)(m - i);
    VEC sum = V_LOADN(z + i, rest);
    UNROLL
    for (int j = 0; j < count; j++) sum = V_FMA(NAME(loadn)(type, x[j], i, rest), weight[j], sum);
    V_STOREN(z + i, sum, rest);
  }
}

/* A single score column. */
ALWAYS void NAME(scores_one)(const enum lc_storage type, lc_index m, lc_index p, const double *X, lc_index ldx,
                             const void *const *list, const double *b, double *z) {
  const void *x[8];
  lc_index j = 0;
#define GROUPS(count)                              \
  for (; j + (count) <= p; j += (count)) {         \
    NAME(find)(count, X, ldx, list, j, x);         \
    NAME(axpy_block)(type, count, m, x, b + j, z); \
  }
  GROUPS(8)
  GROUPS(4)
  GROUPS(1)
#undef GROUPS
}

/* Two VECs of rows from row i on times kb score columns, all columns; without `full` their first `rest` rows. */
ALWAYS void NAME(scores_block)(const enum lc_storage type, const int kb, const int full, int rest, lc_index p,
                               const double *X, lc_index ldx, const void *const *list, lc_index i, const double *B,
                               lc_index ldb, double *Z, lc_index ldz) {
  VEC sum[MOST_SCORES][2];
  const size_t width = lc_storage_bytes(type);
  const int n1 = rest < LANES ? rest : LANES, n2 = rest - n1;
  UNROLL
  for (int c = 0; c < kb; c++) {
    sum[c][0] = full ? V_LOAD(Z + c * ldz) : V_LOADN(Z + c * ldz, n1);
    sum[c][1] = full ? V_LOAD(Z + c * ldz + LANES) : n2 > 0 ? V_LOADN(Z + c * ldz + LANES, n2) : V_ZERO();
  }
  for (lc_index j = 0; j < p; j++) {
    const void *x;
    NAME(find)(1, X, ldx, list, j, &x);
    /* The next rows of a column are a whole sweep over the columns away: too far for the hardware to foresee. */
    if (full) {
      const char *next = (const char *)x + (size_t)(i + 2 * LANES) * width;
      V_PREFETCH(next);
      V_PREFETCH(next + LANES * width);
    }
    VEC x0 = full ? NAME(load)(type, x, i) : NAME(loadn)(type, x, i, n1), x1;
    x1 = full ? NAME(load)(type, x, i + LANES) : n2 > 0 ? NAME(loadn)(type, x, i + LANES, n2) : V_ZERO();
    UNROLL
    for (int c = 0; c < kb; c++) {
      VEC b = V_SET1(B[j + c * ldb]);
      sum[c][0] = V_FMA(x0, b, sum[c][0]);
      sum[c][1] = V_FMA(x1, b, sum[c][1]);
    }
  }
  UNROLL
  for (int c = 0; c < kb; c++) {
    if (full) {
      V_STORE(Z + c * ldz, sum[c][0]);
      V_STORE(Z + c * ldz + LANES, sum[c][1]);
    } else {
      V_STOREN(Z + c * ldz, sum[c][0], n1);
      if (n2 > 0) V_STOREN(Z + c * ldz + LANES, sum[c][1], n2);
    }
  }
}

#define ROWS_OF(kb)                                                                                   \
  case kb:                                                                                            \
    for (; i + 2 * LANES <= m; i += 2 * LANES)                                                        \
      NAME(scores_block)(type, kb, 1, 2 * LANES, p, X, ldx, list, i, B, ldb, Z + i, ldz);             \
    if (i < m) NAME(scores_block)(type, kb, 0, (int)(m - i), p, X, ldx, list, i, B, ldb, Z + i, ldz); \
    break;

/* kb <= MOST_SCORES score columns. */
ALWAYS void NAME(scores_some)(const enum lc_storage type, lc_index m, lc_index p, int kb, const double *X, lc_index ldx,
                              const void *const *list, const double *B, lc_index ldb, double *Z, lc_index ldz) {
  lc_index i = 0;
  switch (kb) {
    ROWS_OF(1)
    ROWS_OF(2)
    ROWS_OF(3)
    ROWS_OF(4)
    ROWS_OF(5)
#if MOST_SCORES > 5
        ROWS_OF(6) ROWS_OF(7) ROWS_OF(8) ROWS_OF(9) ROWS_OF(10)
#endif
  }
}
#undef ROWS_OF

TARGET static void NAME(scores_any)(enum lc_storage type, lc_index m, lc_index p, int K, const double *X, lc_index ldx,
                                    const void *const *list, const double *B, lc_index ldb, double *Z, lc_index ldz) {
  if (K == 1) {
    TYPED(scores_one, m, p, X, ldx, list, B, Z);
    return;
  }
  int panels = (K + MOST_SCORES - 1) / MOST_SCORES; /* of nearly equal width */
  for (int k = 0, c = 0; k < panels; k++) {
    int next = (int)((lc_index)K * (k + 1) / panels);
    TYPED(scores_some, m, p, next - c, X, ldx, list, B + c * ldb, ldb, Z + c * ldz, ldz);
    c = next;
  }
}

TARGET static void NAME(scores)(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *B,
                                lc_index ldb, double *Z, lc_index ldz) {
  NAME(scores_any)(LC_DOUBLE, m, p, K, X, ldx, NULL, B, ldb, Z, ldz);
}

TARGET static void NAME(scores_of)(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x,
                                   const double *B, lc_index ldb, double *Z, lc_index ldz) {
  NAME(scores_any)(type, m, p, K, NULL, 0, x, B, ldb, Z, ldz);
}

/* ---- moments of a column -------------------------------------------------------------------------------------- */

ALWAYS void NAME(moments_any)(const enum lc_storage type, lc_index m, const void *x, double pilot, double *state,
                              double *out) {
  VEC all[6], *sum = all, *squares = all + 2, *most = all + 4, centre = V_SET1(pilot);
  for (int k = 0; k < 6; k++) all[k] = state ? V_LOAD(state + k * LANES) : V_ZERO();
  lc_index i = 0;
  for (; i + 2 * LANES <= m; i += 2 * LANES) {
    UNROLL
    for (int k = 0; k < 2; k++) {
      VEC v = NAME(load)(type, x, i + k * LANES), d = V_SUB(v, centre);
      sum[k] = V_ADD(sum[k], d);
      squares[k] = V_FMA(d, d, squares[k]);
      most[k] = V_MAX(most[k], V_ABS(v));
    }
  }
  for (int k = 0; state && k < 6; k++) V_STORE(state + k * LANES, all[k]);
  double lanes[LANES], largest = 0, rest_sum = 0, rest_squares = 0;
  V_STORE(lanes, V_MAX(most[0], most[1]));
  for (int k = 0; k < LANES; k++) largest = lanes[k] > largest ? lanes[k] : largest;
  for (; i < m; i++) {
    double value = type == LC_INTEGER ? ((const int *)x)[i]
                   : type == LC_FLOAT ? (double)((const float *)x)[i]
                                      : ((const double *)x)[i];
    double d = value - pilot, size = value < 0 ? -value : value;
    rest_sum += d;
    rest_squares += d * d;
    largest = size > largest ? size : largest;
  }
  out[0] = V_SUM(V_ADD(sum[0], sum[1])) + rest_sum;
  out[1] = V_SUM(V_ADD(squares[0], squares[1])) + rest_squares;
  out[2] = largest;
}

TARGET static void NAME(moments)(lc_index m, enum lc_storage type, const void *x, double pilot, double *state,
                                 double *out) {
  TYPED(moments_any, m, x, pilot, state, out);
}

TARGET static void NAME(widen)(lc_index m, const int *x, double *out) {
  lc_index i = 0;
  for (; i + LANES <= m; i += LANES) V_STORE(out + i, V_LOADI(x + i));
  for (; i < m; i++) out[i] = x[i];
}

#include "kernel/template_functions.h"

#define LINE_VECS (LC_GATHER_WIDTH / LANES)

/* ---- compressed vectors ------------------------------------------------------------------------------------------ */

/* Value of entry e, from whichever is not NULL. */
ALWAYS double NAME(entry)(const double *value, const float *narrow, lc_index e) {
  return value ? value[e] : (double)narrow[e];
}

/* One number for each index: loads decide, vectors would not help (measured). */
ALWAYS void NAME(gather_single)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                                const float *narrow, const double *in, double *out) {
  for (lc_index v = 0; v < count; v++) {
    double sum = 0;
    for (int e = start[v]; e < end[v]; e++) sum += NAME(entry)(value, narrow, e) * in[index[e]];
    out[v] = sum;
  }
}

/* A line of W numbers in `whole` vectors and, where tail is 1, the first lanes of one more. Lines without a tail are
 * read and written whole: masked stores are slow, and loads that follow them wait. */
ALWAYS void NAME(gather_lines)(const int whole, const int tail, lc_index count, const int *start, const int *end,
                               const int *index, const double *value, const float *narrow, int W, const double *in,
                               double *out) {
  int rest = W - whole * LANES;
  for (lc_index v = 0; v < count; v++) {
    VEC sum[LINE_VECS];
    UNROLL
    for (int k = 0; k < whole + tail; k++) sum[k] = V_ZERO();
    for (int e = start[v], to = end[v]; e < to; e++) {
      const double *line = in + (lc_index)index[e] * W;
      VEC x = V_SET1(NAME(entry)(value, narrow, e));
      UNROLL
      for (int k = 0; k < whole; k++) sum[k] = V_FMA(x, V_LOAD(line + k * LANES), sum[k]);
      if (tail) sum[whole] = V_FMA(x, V_LOADN(line + whole * LANES, rest), sum[whole]);
    }
    UNROLL
    for (int k = 0; k < whole; k++) V_STORE(out + v * W + k * LANES, sum[k]);
    if (tail) V_STOREN(out + v * W + whole * LANES, sum[whole], rest);
  }
}

ALWAYS void NAME(scatter_single)(lc_index count, const int *start, const int *end, const int *index,
                                 const double *value, const float *narrow, const double *in, double *out) {
  for (lc_index v = 0; v < count; v++) {
    double x = in[v];
    for (int e = start[v]; e < end[v]; e++) out[index[e]] += NAME(entry)(value, narrow, e) * x;
  }
}

ALWAYS void NAME(scatter_lines)(const int whole, const int tail, lc_index count, const int *start, const int *end,
                                const int *index, const double *value, const float *narrow, int W, const double *in,
                                double *out) {
  int rest = W - whole * LANES;
  for (lc_index v = 0; v < count; v++) {
    VEC own[LINE_VECS];
    UNROLL
    for (int k = 0; k < whole; k++) own[k] = V_LOAD(in + v * W + k * LANES);
    if (tail) own[whole] = V_LOADN(in + v * W + whole * LANES, rest);
    for (int e = start[v], to = end[v]; e < to; e++) {
      double *line = out + (lc_index)index[e] * W;
      VEC x = V_SET1(NAME(entry)(value, narrow, e));
      UNROLL
      for (int k = 0; k < whole; k++) V_STORE(line + k * LANES, V_FMA(x, own[k], V_LOAD(line + k * LANES)));
      if (tail) V_STOREN(line + whole * LANES, V_FMA(x, own[whole], V_LOADN(line + whole * LANES, rest)), rest);
    }
  }
}

/* The width and the type of the values, known when compiled. */
#define LINES_OF(f, whole, tail, value, narrow)                                        \
  case 2 * (whole) + (tail):                                                           \
    NAME(f##_lines)(whole, tail, count, start, end, index, value, narrow, W, in, out); \
    break;
#define LINES_UP_TO(f, vecs, value, narrow) \
  LINES_OF(f, (vecs - 1), 1, value, narrow) LINES_OF(f, vecs, 0, value, narrow)
#if LANES == 2
#define LINES(f, value, narrow)    \
  LINES_UP_TO(f, 1, value, narrow) \
  LINES_UP_TO(f, 2, value, narrow) LINES_UP_TO(f, 3, value, narrow) LINES_UP_TO(f, 4, value, narrow)
#elif LANES == 4
#define LINES(f, value, narrow) LINES_UP_TO(f, 1, value, narrow) LINES_UP_TO(f, 2, value, narrow)
#else
#define LINES(f, value, narrow) LINES_UP_TO(f, 1, value, narrow)
#endif
#define COMPRESSED(f, value, narrow)                                         \
  do {                                                                       \
    if (W == 1)                                                              \
      NAME(f##_single)(count, start, end, index, value, narrow, in, out);    \
    else                                                                     \
      switch (2 * (W / LANES) + (W % LANES > 0)) { LINES(f, value, narrow) } \
  } while (0)

TARGET static void NAME(gather)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                                const float *narrow, int W, const double *in, double *out) {
  if (value)
    COMPRESSED(gather, value, NULL);
  else
    COMPRESSED(gather, NULL, narrow);
}

TARGET static void NAME(scatter)(lc_index count, const int *start, const int *end, const int *index,
                                 const double *value, const float *narrow, int W, const double *in, double *out) {
  if (value)
    COMPRESSED(scatter, value, NULL);
  else
    COMPRESSED(scatter, NULL, narrow);
}
#undef COMPRESSED
#undef LINES
#undef LINES_UP_TO
#undef LINES_OF
#undef LINE_VECS
static const lc_kernel NAME(kernel) = {KERNEL_NAME,       NAME(scores),   NAME(gradient), NAME(scores_of),
                                       NAME(gradient_of), NAME(gram),     NAME(moments),  NAME(widen),
                                       NAME(exp),         NAME(logistic), NAME(log),      NAME(softmax),
                                       NAME(less_class),  NAME(gather),   NAME(scatter),  &LANE_LOOPS};

#undef ALWAYS
#undef TYPED
#undef NAME
#undef TARGET
#undef KERNEL_NAME
#undef VEC
#undef LANES
#undef DOT_ROWS
#undef DOT_COLS
#undef DOT_MOST
#undef MOST_SCORES
#undef V_ZERO
#undef V_SET1
#undef V_LOAD
#undef V_LOADN
#undef V_LOADI
#undef V_LOADIN
#undef V_LOADF
#undef V_LOADFN
#undef V_STORE
#undef V_STOREN
#undef V_ADD
#undef V_SUB
#undef V_MUL
#undef V_DIV
#undef V_MIN
#undef V_MAX
#undef V_ABS
#undef V_FMA
#undef V_FNMA
#undef V_ROUND
#undef V_SCALE
#undef V_EXPONENT
#undef V_SUM
#undef V_SUMS
#undef V_SELECT_POSITIVE
