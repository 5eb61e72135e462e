/* kernel/kernel.h - the few inner loops that carry the cost.
 *
 * Slots are named after mathematics and know neither losses nor storage. The reference version
 * (kernel/ref.c) is written to be read; a faster instruction set may override any slot. All sums run
 * in an order that depends on the sizes alone. Outputs never alias inputs. Every size may be 0. */
#ifndef LC_KERNEL_H
#define LC_KERNEL_H

#include "base/base.h"

/* Which sets a compiler can make. */
#if defined(__GNUC__) && defined(__x86_64__) && !defined(_WIN32)
#define LC_WIDE_KERNELS 1
#else
#define LC_WIDE_KERNELS 0
#endif

#if defined(__GNUC__) && (defined(__x86_64__) || defined(__aarch64__))
#define LC_TWO_LANE_KERNELS 1
#else
#define LC_TWO_LANE_KERNELS 0
#endif

enum { LC_GRAM_WORK = 15, LC_GATHER_WIDTH = 8, LC_MOMENT_STATE = 48, LC_MOMENT_ROWS = 16 };

typedef struct lc_lane_kernel lc_lane_kernel; /* kernel/lanes.h */

typedef struct lc_kernel {
  const char *name;

  /* Z (m x K, ldz) += X (m x p, ldx) B (p x K, ldb). */
  void (*scores)(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *B, lc_index ldb, double *Z,
                 lc_index ldz);

  /* G (p x K, ldg) += X' (p x m) R (m x K, ldr). */
  void (*gradient)(lc_index m, lc_index p, int K, const double *X, lc_index ldx, const double *R, lc_index ldr,
                   double *G, lc_index ldg);

  /* The same two for columns that lie anywhere: column j of X, m numbers of that type, at x[j]. Ints and floats give
   * the bits of the doubles that are equal to them. */
  void (*scores_of)(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x, const double *B,
                    lc_index ldb, double *Z, lc_index ldz);
  void (*gradient_of)(lc_index m, lc_index p, int K, enum lc_storage type, const void *const *x, const double *R,
                      lc_index ldr, double *G, lc_index ldg);

  /* For each of ns weight columns s of S (m x ns, lds): C_s += X' diag(s) X, packed with `one` places
   * left free in front (base/base.h: entry of columns a <= b at lc_packed_at(a + one, b + one)); C_s lies at
   * C + s * ldc. `work` holds m * max(p, LC_GRAM_WORK) doubles. */
  void (*gram)(lc_index m, lc_index p, int one, int ns, const double *X, lc_index ldx, const double *S, lc_index lds,
               double *C, lc_index ldc, double *work);

  /* out: sum of (x_i - pilot), sum of (x_i - pilot)^2, largest |x_i|. Sums are not finite where an x_i is not (the
   * last entry then means nothing). `state`: LC_MOMENT_STATE numbers that are zero at first and carry the sums from one
   * piece of a column to the next, or NULL; with pieces of multiples of LC_MOMENT_ROWS numbers, but the last, the sums
   * have the bits of one call for the whole column. */
  void (*moments)(lc_index m, enum lc_storage type, const void *x, double pilot, double *state, double *out);

  /* out_i = x_i. */
  void (*widen)(lc_index m, const int *x, double *out);

  /* y_i = exp(x_i); 0 below -745, Inf above 709; y = x allowed. */
  void (*exp)(lc_index m, const double *x, double *y);

  /* Of each t: value log(1 + e^t), mean 1 / (1 + e^-t) and variance mean (1 - mean), each to a few units
   * in the last place for every finite t. Outputs may be NULL, none may alias t. */
  void (*logistic)(lc_index m, const double *t, double *value, double *mean, double *variance);

  /* y_i = log(x_i) to a few units in the last place, 2.3e-308 <= x_i <= 1e308; less is taken for 2.3e-308. */
  void (*log)(lc_index m, const double *x, double *y);

  /* For each row of scores z (m x K, ldz), before which base = 1 puts a score of 0, and classes numbered from 0 on with
   * it: p (m x K, ldp) = e^z_c / sum_d e^z_d, base_p (m) the same of the score of 0, value_i = log sum_d e^z_d less the
   * score of class y_i. Each to a few units in the last place for all finite z, of values next to 0 too. p, base_p and
   * value with y may be NULL. */
  void (*softmax)(lc_index m, int K, int base, const double *z, lc_index ldz, const double *y, double *value, double *p,
                  lc_index ldp, double *base_p);

  /* p of class y_i <- p - 1 = minus the sum of the others of its row, which loses no digits. The score of 0 has no
   * place in p. base_p is not looked at where base is 0. */
  void (*less_class)(lc_index m, int K, int base, const double *y, const double *base_p, double *p, lc_index ldp);

  /* out_v = sum over entries e of value_e in_{index_e} for each of `count` compressed vectors v; the entries of v are
   * start[v] .. end[v] - 1 (end = start + 1 where vectors lie one after the other). `in` and `out` hold W numbers side
   * by side for each index and vector, 1 <= W <= LC_GATHER_WIDTH. Values are doubles, or floats where `value` is
   * NULL. */
  void (*gather)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                 const float *narrow, int W, const double *in, double *out);

  /* The transpose: out_{index_e} += value_e in_v for each entry e of each vector v, in order. */
  void (*scatter)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                  const float *narrow, int W, const double *in, double *out);

  const lc_lane_kernel *lanes; /* loops on floats in lanes */
} lc_kernel;

/* Rows from .. to - 1 of W columns (leading dimension ld) as the lines that gather() reads. */
static inline void lc_kernel_lines(lc_index from, lc_index to, int W, const double *columns, lc_index ld,
                                   double *lines) {
  for (lc_index i = from; i < to; i++)
    for (int k = 0; k < W; k++) lines[i * W + k] = columns[i + k * ld];
}

/* The kernels in use. */
const lc_kernel *lc_kernels(void);

#endif
