/* kernel/x86.c - the inner loops for AVX2 and AVX-512, by attributes alone: no compiler flags, chosen at load
 * (kernel/dispatch.c). Not on Windows, where gcc may spill wide vectors to a stack that is not aligned for them (GCC
 * bug 54412); kernel/two_lanes.c serves it. */
#include "kernel/dispatch.h"
#include "kernel/lanes.h"

#if LC_WIDE_KERNELS

#include <immintrin.h>

#define V_PREFETCH(p) _mm_prefetch((const char *)(p), _MM_HINT_T0)

/* ---- AVX-512 ---- */

#define NAME(f) avx512_##f
#define KERNEL_NAME "avx512"
#define LANE_LOOPS lc_lanes_avx512
#define TARGET __attribute__((target("avx512f,avx512dq,fma")))
#define VEC __m512d
#define LANES 8
#define DOT_ROWS 6
#define DOT_COLS 4
#define DOT_MOST 8
#define MOST_SCORES 10
#define V_ZERO() _mm512_setzero_pd()
#define V_SET1(x) _mm512_set1_pd(x)
#define V_LOAD(p) _mm512_loadu_pd(p)
#define V_LOADN(p, count) _mm512_maskz_loadu_pd((__mmask8)((1u << (count)) - 1), p)
#define V_LOADI(p) _mm512_cvtepi32_pd(_mm256_loadu_si256((const __m256i *)(p)))
#define V_LOADIN(p, count) avx512_first(p, count)
#define V_LOADF(p) _mm512_cvtps_pd(_mm256_loadu_ps(p))
#define V_LOADFN(p, count) avx512_first_floats(p, count)
#define V_STORE(p, v) _mm512_storeu_pd(p, v)
#define V_STOREN(p, v, count) _mm512_mask_storeu_pd(p, (__mmask8)((1u << (count)) - 1), v)
#define V_ADD(a, b) _mm512_add_pd(a, b)
#define V_SUB(a, b) _mm512_sub_pd(a, b)
#define V_MUL(a, b) _mm512_mul_pd(a, b)
#define V_DIV(a, b) _mm512_div_pd(a, b)
#define V_MIN(a, b) _mm512_min_pd(a, b)
#define V_MAX(a, b) _mm512_max_pd(a, b)
#define V_ABS(a) _mm512_andnot_pd(_mm512_set1_pd(-0.0), a)
#define V_FMA(a, b, c) _mm512_fmadd_pd(a, b, c)
#define V_FNMA(a, b, c) _mm512_fnmadd_pd(a, b, c)
#define V_ROUND(a) _mm512_roundscale_pd(a, 0)
#define V_SCALE(a, n) _mm512_scalef_pd(a, n)
#define V_EXPONENT(a) _mm512_getexp_pd(a)
#define V_SUM(a) avx512_sum(a)
#define V_SUMS(v, out) avx512_sums(v, out)
#define V_SELECT_POSITIVE(z, yes, no) \
  _mm512_mask_blend_pd(_mm512_cmp_pd_mask(z, _mm512_setzero_pd(), _CMP_GT_OQ), no, yes)

/* The mask of a load of eight ints would need AVX-512VL: sixteen are masked. */
TARGET static inline VEC avx512_first(const int *p, int count) {
  __m512i whole = _mm512_maskz_loadu_epi32((__mmask16)((1u << count) - 1), p);
  return _mm512_cvtepi32_pd(_mm512_castsi512_si256(whole));
}

TARGET static inline VEC avx512_first_floats(const float *p, int count) {
  __m512 all = _mm512_maskz_loadu_ps((__mmask16)((1u << count) - 1), p);
  return _mm512_cvtps_pd(_mm512_castps512_ps256(all));
}

TARGET static inline double avx512_sum(VEC a) {
  __m256d half = _mm256_add_pd(_mm512_castpd512_pd256(a), _mm512_extractf64x4_pd(a, 1));
  __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(half), _mm256_extractf128_pd(half, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

/* The sums of eight vectors, by a tree of shuffles. */
TARGET static inline __attribute__((always_inline)) void avx512_sums(const VEC *v, double *out) {
  VEC a = _mm512_add_pd(_mm512_unpacklo_pd(v[0], v[1]), _mm512_unpackhi_pd(v[0], v[1]));
  VEC b = _mm512_add_pd(_mm512_unpacklo_pd(v[2], v[3]), _mm512_unpackhi_pd(v[2], v[3]));
  VEC c = _mm512_add_pd(_mm512_unpacklo_pd(v[4], v[5]), _mm512_unpackhi_pd(v[4], v[5]));
  VEC d = _mm512_add_pd(_mm512_unpacklo_pd(v[6], v[7]), _mm512_unpackhi_pd(v[6], v[7]));
  VEC ab = _mm512_add_pd(_mm512_shuffle_f64x2(a, b, 0x88), _mm512_shuffle_f64x2(a, b, 0xdd));
  VEC cd = _mm512_add_pd(_mm512_shuffle_f64x2(c, d, 0x88), _mm512_shuffle_f64x2(c, d, 0xdd));
  _mm512_storeu_pd(out, _mm512_add_pd(_mm512_shuffle_f64x2(ab, cd, 0x88), _mm512_shuffle_f64x2(ab, cd, 0xdd)));
}

#include "kernel/template.h"
#undef LANE_LOOPS

/* ---- AVX2 ---- */

#define NAME(f) avx2_##f
#define KERNEL_NAME "avx2"
#define LANE_LOOPS lc_lanes_avx2
#define TARGET __attribute__((target("avx2,fma")))
#define VEC __m256d
#define LANES 4
#define DOT_ROWS 3
#define DOT_COLS 4
#define DOT_MOST 8
#define MOST_SCORES 5
#define V_ZERO() _mm256_setzero_pd()
#define V_SET1(x) _mm256_set1_pd(x)
#define V_LOAD(p) _mm256_loadu_pd(p)
#define V_LOADN(p, count) _mm256_maskload_pd(p, avx2_first(count))
#define V_LOADI(p) _mm256_cvtepi32_pd(_mm_loadu_si128((const __m128i *)(p)))
#define V_LOADIN(p, count) _mm256_cvtepi32_pd(_mm_maskload_epi32(p, avx2_first_ints(count)))
#define V_LOADF(p) _mm256_cvtps_pd(_mm_loadu_ps(p))
#define V_LOADFN(p, count) _mm256_cvtps_pd(_mm_maskload_ps(p, avx2_first_ints(count)))
#define V_STORE(p, v) _mm256_storeu_pd(p, v)
#define V_STOREN(p, v, count) _mm256_maskstore_pd(p, avx2_first(count), v)
#define V_ADD(a, b) _mm256_add_pd(a, b)
#define V_SUB(a, b) _mm256_sub_pd(a, b)
#define V_MUL(a, b) _mm256_mul_pd(a, b)
#define V_DIV(a, b) _mm256_div_pd(a, b)
#define V_MIN(a, b) _mm256_min_pd(a, b)
#define V_MAX(a, b) _mm256_max_pd(a, b)
#define V_ABS(a) _mm256_andnot_pd(_mm256_set1_pd(-0.0), a)
#define V_FMA(a, b, c) _mm256_fmadd_pd(a, b, c)
#define V_FNMA(a, b, c) _mm256_fnmadd_pd(a, b, c)
#define V_ROUND(a) _mm256_round_pd(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC)
#define V_SCALE(a, n) avx2_scale(a, n)
#define V_EXPONENT(a) avx2_exponent(a)
#define V_SUM(a) avx2_sum(a)
#define V_SUMS(v, out) avx2_sums(v, out)
#define V_SELECT_POSITIVE(z, yes, no) _mm256_blendv_pd(no, yes, _mm256_cmp_pd(z, _mm256_setzero_pd(), _CMP_GT_OQ))

TARGET static inline __m256i avx2_first(int count) {
  return _mm256_cmpgt_epi64(_mm256_set1_epi64x(count), _mm256_set_epi64x(3, 2, 1, 0));
}

TARGET static inline __m128i avx2_first_ints(int count) {
  return _mm_cmpgt_epi32(_mm_set1_epi32(count), _mm_set_epi32(3, 2, 1, 0));
}

TARGET static inline double avx2_sum(VEC a) {
  __m128d pair = _mm_add_pd(_mm256_castpd256_pd128(a), _mm256_extractf128_pd(a, 1));
  return _mm_cvtsd_f64(_mm_add_sd(pair, _mm_unpackhi_pd(pair, pair)));
}

/* The sums of four vectors. */
TARGET static inline __attribute__((always_inline)) void avx2_sums(const VEC *v, double *out) {
  VEC ab = _mm256_hadd_pd(v[0], v[1]), cd = _mm256_hadd_pd(v[2], v[3]);
  _mm256_storeu_pd(out, _mm256_add_pd(_mm256_permute2f128_pd(ab, cd, 0x20), _mm256_permute2f128_pd(ab, cd, 0x31)));
}

/* 2^n as a double, |n| <= 1022. */
TARGET static inline VEC avx2_power(__m128i n) {
  return _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_cvtepi32_epi64(_mm_add_epi32(n, _mm_set1_epi32(1023))), 52));
}

/* a 2^n in two factors, so that results below the normal range underflow gradually. */
TARGET static inline VEC avx2_scale(VEC a, VEC n) {
  __m128i whole = _mm256_cvtpd_epi32(n), half = _mm_srai_epi32(whole, 1);
  return _mm256_mul_pd(_mm256_mul_pd(a, avx2_power(half)), avx2_power(_mm_sub_epi32(whole, half)));
}

/* The biased exponent in the low bits of 2^52, so that it is a number. */
TARGET static inline VEC avx2_exponent(VEC a) {
  const VEC two52 = _mm256_set1_pd(4503599627370496);
  __m256i biased = _mm256_srli_epi64(_mm256_castpd_si256(a), 52);
  return _mm256_sub_pd(_mm256_or_pd(_mm256_castsi256_pd(biased), two52), _mm256_set1_pd(4503599627370496 + 1023));
}

#include "kernel/template.h"
#undef LANE_LOOPS

const lc_kernel *lc_kernel_wide(const char *name) {
  __builtin_cpu_init();
  int avx2 = __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma");
  int avx512 = avx2 && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq") &&
               __builtin_cpu_supports("avx512vl");
  if (avx512 && lc_kernel_is_meant(&avx512_kernel, name)) return &avx512_kernel;
  if (avx2 && lc_kernel_is_meant(&avx2_kernel, name)) return &avx2_kernel;
  return NULL;
}

#else

const lc_kernel *lc_kernel_wide(const char *name) {
  (void)name;
  return NULL;
}

#endif
