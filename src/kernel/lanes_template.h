/* kernel/lanes_template.h - the loops of kernel/lanes.h on vectors of eight floats; kernel/lanes.c includes it once for
 * each instruction set. Before the include: NAME(f) names a function, TARGET is its attribute, TABLE the set. */

enum { NAME(ROWS) = 256, NAME(MEMBERS) = 64 }; /* terms of a sum of floats */

/* sum (doubles) += part, which starts again. */
TARGET static inline __attribute__((always_inline)) void NAME(flush)(double *sum, lane *part) {
  for (int l = 0; l < LC_LANES; l++) sum[l] += (double)(*part)[l];
  *part = (lane){0};
}

TARGET static void NAME(spread)(const lc_lane_members *members, const float *v, float *lines, double *centre) {
  lane part = {0};
  for (int l = 0; l < LC_LANES; l++) centre[l] = 0;
  for (lc_index k = 0; k < members->count; k++) {
    lane own = OF(v, k);
    part += members->mean[k] * own;
    *AT(lines, 2 * k) = members->unit[k] * own;
    *AT(lines, 2 * k + 1) = (lane){0};
    if ((k & (NAME(MEMBERS) - 1)) == 0) NAME(flush)(centre, &part);
  }
  NAME(flush)(centre, &part);
}

TARGET static void NAME(product)(lc_index count, const int *start, const int *end, const int *index, const float *value,
                                 const float *weight, const float *centre, float *lines, double *total) {
  lane middle = ANY(centre), part = {0};
  for (lc_index i = 0; i < count; i++) {
    lane u0 = middle, u1 = {0}, u2 = {0}, u3 = {0};
    int from = start[i], to = end[i], e = from;
    for (; e + 3 < to; e += 4) {
      u0 += value[e] * *AT(lines, 2 * (lc_index)index[e]);
      u1 += value[e + 1] * *AT(lines, 2 * (lc_index)index[e + 1]);
      u2 += value[e + 2] * *AT(lines, 2 * (lc_index)index[e + 2]);
      u3 += value[e + 3] * *AT(lines, 2 * (lc_index)index[e + 3]);
    }
    for (; e < to; e++) u0 += value[e] * *AT(lines, 2 * (lc_index)index[e]);
    lane x = OF(weight, i) * ((u0 + u1) + (u2 + u3));
    part += x;
    if ((i & (NAME(ROWS) - 1)) == 0) NAME(flush)(total, &part);
    for (e = from; e < to; e++) *AT(lines, 2 * (lc_index)index[e] + 1) += value[e] * x;
  }
  NAME(flush)(total, &part);
}

TARGET static void NAME(gather)(lc_index count, const int *start, const int *end, const int *index, const double *value,
                                const float *in, double *out) {
  for (lc_index v = 0; v < count; v++) {
    double *sum = out + v * LC_LANES;
    for (int l = 0; l < LC_LANES; l++) sum[l] = 0;
    for (int from = start[v], to; from < end[v]; from = to) {
      lane u0 = {0}, u1 = {0};
      int e = from;
      to = end[v] - from > NAME(ROWS) ? from + NAME(ROWS) : end[v];
      for (; e + 1 < to; e += 2) {
        u0 += (float)value[e] * OF(in, index[e]);
        u1 += (float)value[e + 1] * OF(in, index[e + 1]);
      }
      if (e < to) u0 += (float)value[e] * OF(in, index[e]);
      u0 += u1;
      NAME(flush)(sum, &u0);
    }
  }
}

TARGET static void NAME(collect)(const lc_lane_members *members, int parts, const float *lines, lc_index stride,
                                 const float *total, float by, const float *lambda, const float *v, float *h,
                                 double *dot) {
  lane sum = ANY(total), strength = ANY(lambda), part = {0};
  for (int l = 0; l < LC_LANES; l++) dot[l] = 0;
  for (lc_index k = 0; k < members->count; k++) {
    lane own = OF(lines, 2 * k + 1), direction = OF(v, k);
    for (int t = 1; t < parts; t++) own += OF(lines + t * stride, 2 * k + 1);
    own = (own * members->unit[k] - members->mean[k] * sum) * by + members->ridge[k] * strength * direction;
    *AT(h, k) = own;
    part += direction * own;
    if ((k & (NAME(MEMBERS) - 1)) == 0) NAME(flush)(dot, &part);
  }
  NAME(flush)(dot, &part);
}

TARGET static void NAME(advance)(const lc_lane_members *members, const float *alpha, const float *v, const float *h,
                                 const float *open, float *d, float *r, double *rz, double *zh, float *worst) {
  lane by = ANY(alpha), most = {0}, first = {0}, second = {0};
  for (int l = 0; l < LC_LANES; l++) rz[l] = zh[l] = 0;
  for (lc_index k = 0; k < members->count; k++) {
    lane own = OF(h, k), rest = OF(open, k) * (OF(r, k) - by * own), z = members->metric[k] * rest;
    *AT(d, k) += by * OF(v, k);
    *AT(r, k) = rest;
    first += rest * z;
    second += z * own;
    lane size = members->per[k] * (lane)((bits)rest & 0x7fffffff);
    bits larger = size > most;
    most = (lane)(((bits)size & larger) | ((bits)most & ~larger));
    if ((k & (NAME(MEMBERS) - 1)) == 0) {
      NAME(flush)(rz, &first);
      NAME(flush)(zh, &second);
    }
  }
  NAME(flush)(rz, &first);
  NAME(flush)(zh, &second);
  *ANY_AT(worst) = most;
}

TARGET static void NAME(turn)(const lc_lane_members *members, const float *beta, const float *moved, const float *on,
                              const float *r, float *v, float *last) {
  lane by = ANY(beta), yes = ANY(moved), no = 1 - yes, goes = ANY(on);
  for (lc_index k = 0; k < members->count; k++) {
    lane x = by * OF(v, k);
    *AT(last, k) = yes * x + no * *AT(last, k);
    *AT(v, k) = goes * (members->metric[k] * OF(r, k) + x);
  }
}

TARGET static inline float NAME(inverse)(const double *weight, lc_index i) {
  return !weight ? 1 : weight[i] > 0 ? (float)(1 / weight[i]) : 0;
}

TARGET static void NAME(cross)(lc_index count, const double *weight, const float *A, const float *B, double *out) {
  for (lc_index from = 0; from < count; from += NAME(MEMBERS)) {
    lc_index to = count - from > NAME(MEMBERS) ? from + NAME(MEMBERS) : count;
    lane s0 = {0}, s1 = {0}, s2 = {0}, s3 = {0}, s4 = {0}, s5 = {0}, s6 = {0}, s7 = {0};
    for (lc_index i = from; i < to; i++) {
      const float *a = A + i * LC_LANES;
      lane b = NAME(inverse)(weight, i) * OF(B, i);
      s0 += a[0] * b, s1 += a[1] * b, s2 += a[2] * b, s3 += a[3] * b;
      s4 += a[4] * b, s5 += a[5] * b, s6 += a[6] * b, s7 += a[7] * b;
    }
    lane *sums[] = {&s0, &s1, &s2, &s3, &s4, &s5, &s6, &s7};
    for (int a = 0; a < LC_LANES; a++) NAME(flush)(out + a * LC_LANES, sums[a]);
  }
}

/* out <- the sum of A_a C_a. */
TARGET static inline __attribute__((always_inline)) void NAME(combine)(const float *a, const float *C, lane *out) {
  lane even = a[0] * ANY(C) + a[2] * ANY(C + 16), odd = a[1] * ANY(C + 8) + a[3] * ANY(C + 24);
  even += a[4] * ANY(C + 32) + a[6] * ANY(C + 48);
  odd += a[5] * ANY(C + 40) + a[7] * ANY(C + 56);
  *out = even + odd;
}

TARGET static void NAME(left)(lc_index count, const double *weight, const float *A, const float *B, const float *C,
                              double *out) {
  lane part = {0};
  for (lc_index i = 0; i < count; i++) {
    lane sum, rest;
    NAME(combine)(A + i * LC_LANES, C, &sum);
    rest = OF(B, i) - sum;
    part += NAME(inverse)(weight, i) * rest * rest;
    if ((i & (NAME(MEMBERS) - 1)) == 0) NAME(flush)(out, &part);
  }
  NAME(flush)(out, &part);
}

TARGET static void NAME(exceed)(lc_index count, const lc_index *feature, const float *A, const float *norm,
                                const float *strength, const float *C, const float *rest, const float *near,
                                unsigned char *asks) {
  lane left = ANY(rest), limit = ANY(near);
  for (lc_index v = 0; v < count; v++) {
    lc_index f = feature[v];
    lane sum, size;
    NAME(combine)(A + f * LC_LANES, C, &sum);
    size = (lane)((bits)sum & 0x7fffffff) + norm[f] * left;
    bits holds = size <= strength[f] * limit;
    int all = holds[0];
    for (int l = 1; l < LC_LANES; l++) all &= holds[l];
    asks[v] = (unsigned char)!all;
  }
}

const lc_lane_kernel TABLE = {NAME(spread), NAME(product), NAME(gather), NAME(collect), NAME(advance),
                              NAME(turn),   NAME(cross),   NAME(left),   NAME(exceed)};

#undef NAME
#undef TARGET
#undef TABLE
