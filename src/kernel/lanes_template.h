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

const lc_lane_kernel TABLE = {NAME(spread), NAME(product), NAME(gather), NAME(collect), NAME(advance), NAME(turn)};

#undef NAME
#undef TARGET
#undef TABLE
