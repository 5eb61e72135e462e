/* kernel/two_lanes.c - the inner loops for registers of two doubles: NEON, which every aarch64 has; on x86 SSE2, which
 * every x86-64 has, and the 128-bit half of AVX2 with FMA. The latter two are what Windows runs, where wider sets are
 * not safe (kernel/x86.c). */
#include "kernel/dispatch.h"
#include "kernel/lanes.h"

#if LC_TWO_LANE_KERNELS

#include <string.h>

#ifdef __aarch64__
#include <arm_neon.h>
#else
#include <immintrin.h>
#endif

typedef double pair __attribute__((vector_size(16)));
typedef uint64_t pair_bits __attribute__((vector_size(16)));

static const pair_bits pair_sign = {(uint64_t)1 << 63, (uint64_t)1 << 63};

/* Adding it rounds a number below 2^51 to a whole one (to nearest, ties to even) and leaves that in the low bits. */
static const pair pair_magic = {6755399441055744.0, 6755399441055744.0};

static inline pair pair_set(double x) { return (pair){x, x}; }

/* Pointers need no alignment: a copy of constant size is a plain load or store. */
static inline pair pair_load(const double *p) {
  pair v;
  memcpy(&v, p, sizeof v);
  return v;
}
static inline void pair_store(double *p, pair v) { memcpy(p, &v, sizeof v); }

static inline pair pair_load_ints(const int *p) {
#ifdef __aarch64__
  return (pair)vcvtq_f64_s64(vmovl_s32(vld1_s32(p)));
#else
  return (pair)_mm_cvtepi32_pd(_mm_loadl_epi64((const __m128i *)p));
#endif
}

/* count is 1 or 2. */
static inline pair pair_load_first(const double *p, int count) { return count > 1 ? pair_load(p) : (pair){p[0], 0}; }
static inline void pair_store_first(double *p, pair v, int count) {
  if (count > 1)
    pair_store(p, v);
  else
    p[0] = v[0];
}

static inline pair pair_select(pair_bits mask, pair yes, pair no) {
  return (pair)((mask & (pair_bits)yes) | (~mask & (pair_bits)no));
}

/* b where a comparison with NaN is false, as the instructions of x86 have it. */
static inline pair pair_min(pair a, pair b) { return pair_select((pair_bits)(a < b), a, b); }
static inline pair pair_max(pair a, pair b) { return pair_select((pair_bits)(a > b), a, b); }

static inline pair pair_round(pair a) { return (a + pair_magic) - pair_magic; }

/* 2^n of a whole n, |n| <= 1022. */
static inline pair pair_power(pair n) { return (pair)(((pair_bits)(n + pair_magic) + 1023) << 52); }

/* a 2^n in two factors, so that results below the normal range underflow gradually. */
static inline pair pair_scale(pair a, pair n) {
  pair half = pair_round(0.5 * n);
  return a * pair_power(half) * pair_power(n - half);
}

/* The biased exponent in the low bits of 2^52, so that it is a number. */
static inline pair pair_exponent(pair a) {
  const pair two52 = {4503599627370496, 4503599627370496};
  return (pair)(((pair_bits)a >> 52) | (pair_bits)two52) - (two52 + 1023);
}

#ifdef __aarch64__

#define NAME(f) neon_##f
#define KERNEL_NAME "neon"
#define TARGET
#define DOT_ROWS 6
#define DOT_COLS 4
#define DOT_MOST 8
#define MOST_SCORES 10
#define V_FMA(a, b, c) ((pair)vfmaq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#define V_FNMA(a, b, c) ((pair)vfmsq_f64((float64x2_t)(c), (float64x2_t)(a), (float64x2_t)(b)))
#include "kernel/two_lanes.h"

const lc_kernel *lc_kernel_two_lanes(const char *name) {
  return lc_kernel_is_meant(&neon_kernel, name) ? &neon_kernel : NULL;
}

#else

#define NAME(f) fma128_##f
#define KERNEL_NAME "fma128"
#define TARGET __attribute__((target("avx2,fma")))
#define DOT_ROWS 3
#define DOT_COLS 4
#define DOT_MOST 8
#define MOST_SCORES 5
#define V_FMA(a, b, c) ((pair)_mm_fmadd_pd((__m128d)(a), (__m128d)(b), (__m128d)(c)))
#define V_FNMA(a, b, c) ((pair)_mm_fnmadd_pd((__m128d)(a), (__m128d)(b), (__m128d)(c)))
#include "kernel/two_lanes.h"

#define NAME(f) sse2_##f
#define KERNEL_NAME "sse2"
#define TARGET
#define DOT_ROWS 3
#define DOT_COLS 3
#define DOT_MOST 8
#define MOST_SCORES 5
#define V_FMA(a, b, c) ((a) * (b) + (c))
#define V_FNMA(a, b, c) ((c) - (a) * (b))
#include "kernel/two_lanes.h"

const lc_kernel *lc_kernel_two_lanes(const char *name) {
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && lc_kernel_is_meant(&fma128_kernel, name))
    return &fma128_kernel;
  return lc_kernel_is_meant(&sse2_kernel, name) ? &sse2_kernel : NULL;
}

#endif

#else

const lc_kernel *lc_kernel_two_lanes(const char *name) {
  (void)name;
  return NULL;
}

#endif
