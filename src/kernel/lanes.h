/* kernel/lanes.h - the inner loops for eight problems side by side (lanes/).
 *
 * Numbers that belong to a member (a column of X) or to a row come eight together, one for each problem, as floats: one
 * lane of a vector register each. `lines` holds a line of 64 bytes for each member: eight numbers of a direction v and
 * eight of X'wX v, so that an entry of X touches one line of the cache for both. Sums over rows and members are
 * flushed to doubles after a few hundred terms. Arrays of members and rows are aligned to 32 bytes. */
#ifndef LC_KERNEL_LANES_H
#define LC_KERNEL_LANES_H

#include "kernel/kernel.h"

enum { LC_LANES = 8, LC_LINE = 2 * LC_LANES };

/* Constants of the members: 1 / size of the column, its mean times that, the ridge, the diagonal preconditioner, 1 /
 * what residuals are measured by. */
typedef struct lc_lane_members {
  lc_index count;
  const float *unit, *mean, *ridge, *metric, *per;
} lc_lane_members;

struct lc_lane_kernel {
  /* lines_k <- (unit_k v_k, 0); centre <- sum over members of mean_k v_k. */
  void (*spread)(const lc_lane_members *members, const float *v, float *lines, double *centre);

  /* For each of `count` rows i, with entries start[i] .. end[i] - 1: x = weight_i (centre + sum of value_e
   * v_{index_e}); total += x; value_e x is added to the second half of line index_e. */
  void (*product)(lc_index count, const int *start, const int *end, const int *index, const float *value,
                  const float *weight, const float *centre, float *lines, double *total);

  /* out_v <- sum over entries e of value_e in_{index_e} for each of `count` compressed vectors v, with entries start[v]
   * .. end[v] - 1; `in` and `out` hold a number for each problem. */
  void (*gather)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                 const float *in, double *out);

  /* h_k <- (unit_k sum over `parts` of the second half of line k - mean_k total) by + ridge_k lambda v_k; part t lies
   * at lines + t stride; dot <- sum of v_k h_k. */
  void (*collect)(const lc_lane_members *members, int parts, const float *lines, lc_index stride, const float *total,
                  float by, const float *lambda, const float *v, float *h, double *dot);

  /* d += alpha v; r <- open (r - alpha h); with z = metric r: rz, zh <- the sums of r z and z h; worst <- the largest
   * per |r|. */
  void (*advance)(const lc_lane_members *members, const float *alpha, const float *v, const float *h, const float *open,
                  float *d, float *r, double *rz, double *zh, float *worst);

  /* last <- beta v in the lanes where `moved` is 1, else as it was; v <- on (metric r + beta v). */
  void (*turn)(const lc_lane_members *members, const float *beta, const float *moved, const float *on, const float *r,
               float *v, float *last);

  /* Of `count` rows of lines A and B: out_a += the sum of by A_a B for each lane a of A, with by = 1 / weight (0 where
   * that is 0; `weight` NULL: 1). */
  void (*cross)(lc_index count, const double *weight, const float *A, const float *B, double *out);

  /* out += the sum of by (B - sum of A_a C_a)^2, C eight lines. */
  void (*left)(lc_index count, const double *weight, const float *A, const float *B, const float *C, double *out);

  /* asks_v <- is |sum of A_a C_a| + norm rest > strength near in some lane, or no number? Of feature_v: A its line,
   * norm and strength its numbers. */
  void (*exceed)(lc_index count, const lc_index *feature, const float *A, const float *norm, const float *strength,
                 const float *C, const float *rest, const float *near, unsigned char *asks);
};

/* Those of the sets of kernels (kernel/lanes.c, kernel/ref_lanes.c). */
extern const lc_lane_kernel lc_lanes_avx512, lc_lanes_avx2, lc_lanes_half, lc_lanes_reference;

#endif
