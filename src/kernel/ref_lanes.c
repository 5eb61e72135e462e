/* kernel/ref_lanes.c - the loops of kernel/lanes.h, written to be read. */
#include <math.h>

#include "kernel/lanes.h"

static void ref_spread(const lc_lane_members *members, const float *v, float *lines, double *centre) {
  for (int l = 0; l < LC_LANES; l++) centre[l] = 0;
  for (lc_index k = 0; k < members->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      float own = v[k * LC_LANES + l];
      centre[l] += (double)members->mean[k] * (double)own;
      lines[k * LC_LINE + l] = members->unit[k] * own;
      lines[k * LC_LINE + LC_LANES + l] = 0;
    }
}

static void ref_product(lc_index count, const int *start, const int *end, const int *index, const float *value,
                        const float *weight, const float *centre, float *lines, double *total) {
  for (lc_index i = 0; i < count; i++) {
    float x[LC_LANES];
    for (int l = 0; l < LC_LANES; l++) x[l] = centre[l];
    for (int e = start[i]; e < end[i]; e++)
      for (int l = 0; l < LC_LANES; l++) x[l] += value[e] * lines[(lc_index)index[e] * LC_LINE + l];
    for (int l = 0; l < LC_LANES; l++) {
      x[l] *= weight[i * LC_LANES + l];
      total[l] += (double)x[l];
    }
    for (int e = start[i]; e < end[i]; e++)
      for (int l = 0; l < LC_LANES; l++) lines[(lc_index)index[e] * LC_LINE + LC_LANES + l] += value[e] * x[l];
  }
}

static void ref_gather(lc_index count, const int *start, const int *end, const int *index, const double *value,
                       const float *in, double *out) {
  for (lc_index v = 0; v < count; v++) {
    for (int l = 0; l < LC_LANES; l++) out[v * LC_LANES + l] = 0;
    for (int e = start[v]; e < end[v]; e++)
      for (int l = 0; l < LC_LANES; l++) out[v * LC_LANES + l] += value[e] * (double)in[index[e] * LC_LANES + l];
  }
}

static void ref_collect(const lc_lane_members *members, int parts, const float *lines, lc_index stride,
                        const float *total, float by, const float *lambda, const float *v, float *h, double *dot) {
  for (int l = 0; l < LC_LANES; l++) dot[l] = 0;
  for (lc_index k = 0; k < members->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      float sum = 0, direction = v[k * LC_LANES + l];
      for (int t = 0; t < parts; t++) sum += lines[t * stride + k * LC_LINE + LC_LANES + l];
      sum = (sum * members->unit[k] - members->mean[k] * total[l]) * by;
      sum += members->ridge[k] * lambda[l] * direction;
      h[k * LC_LANES + l] = sum;
      dot[l] += (double)direction * (double)sum;
    }
}

static void ref_advance(const lc_lane_members *members, const float *alpha, const float *v, const float *h,
                        const float *open, float *d, float *r, double *rz, double *zh, float *worst) {
  for (int l = 0; l < LC_LANES; l++) rz[l] = zh[l] = worst[l] = 0;
  for (lc_index k = 0; k < members->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = k * LC_LANES + l;
      d[at] += alpha[l] * v[at];
      r[at] = open[at] * (r[at] - alpha[l] * h[at]);
      double z = (double)(members->metric[k] * r[at]);
      rz[l] += z * (double)r[at];
      zh[l] += z * (double)h[at];
      worst[l] = fmaxf(worst[l], members->per[k] * fabsf(r[at]));
    }
}

static void ref_turn(const lc_lane_members *members, const float *beta, const float *moved, const float *on,
                     const float *r, float *v, float *last) {
  for (lc_index k = 0; k < members->count; k++)
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = k * LC_LANES + l;
      float x = beta[l] * v[at];
      if (moved[l] > 0) last[at] = x;
      v[at] = on[l] * (members->metric[k] * r[at] + x);
    }
}

static double inverse(const double *weight, lc_index i) { return !weight ? 1 : weight[i] > 0 ? 1 / weight[i] : 0; }

static void ref_cross(lc_index count, const double *weight, const float *A, const float *B, double *out) {
  for (lc_index i = 0; i < count; i++)
    for (int a = 0; a < LC_LANES; a++)
      for (int l = 0; l < LC_LANES; l++)
        out[a * LC_LANES + l] += inverse(weight, i) * (double)A[i * LC_LANES + a] * (double)B[i * LC_LANES + l];
}

static double combine(const float *A, const float *C, int l) {
  double sum = 0;
  for (int a = 0; a < LC_LANES; a++) sum += (double)A[a] * (double)C[a * LC_LANES + l];
  return sum;
}

static void ref_left(lc_index count, const double *weight, const float *A, const float *B, const float *C,
                     double *out) {
  for (lc_index i = 0; i < count; i++)
    for (int l = 0; l < LC_LANES; l++) {
      double rest = (double)B[i * LC_LANES + l] - combine(A + i * LC_LANES, C, l);
      out[l] += inverse(weight, i) * rest * rest;
    }
}

static void ref_exceed(lc_index count, const lc_index *feature, const float *A, const float *norm,
                       const float *strength, const float *C, const float *rest, const float *near,
                       unsigned char *asks) {
  for (lc_index v = 0; v < count; v++) {
    lc_index f = feature[v];
    asks[v] = 0;
    for (int l = 0; l < LC_LANES; l++) {
      double size = fabs(combine(A + f * LC_LANES, C, l)) + (double)norm[f] * (double)rest[l];
      if (!(size <= (double)strength[f] * (double)near[l])) asks[v] = 1;
    }
  }
}

const lc_lane_kernel lc_lanes_reference = {ref_spread, ref_product, ref_gather, ref_collect, ref_advance,
                                           ref_turn,   ref_cross,   ref_left,   ref_exceed};
