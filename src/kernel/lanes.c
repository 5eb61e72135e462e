/* kernel/lanes.c - the loops of kernel/lanes.h for each instruction set, on the vector types of gcc and clang. */
#include "kernel/lanes.h"

#include "kernel/kernel.h"

#ifdef __GNUC__

typedef float lane __attribute__((vector_size(32), may_alias));
typedef int32_t bits __attribute__((vector_size(32), may_alias));

typedef float any_lane __attribute__((vector_size(32), aligned(4), may_alias));

/* Eight numbers of member or row k, to be read and to be written; eight that lie anywhere. */
#define OF(p, k) (((const lane *)(p))[k])
#define AT(p, k) ((lane *)(p) + (k))
#define ANY(p) (*(const any_lane *)(p))
#define ANY_AT(p) ((any_lane *)(p))

/* Two registers of four floats: SSE2, NEON. Wider ones would not be safe on Windows (kernel/x86.c). */
#define NAME(f) half_##f
#define TARGET
#define TABLE lc_lanes_half
#include "kernel/lanes_template.h"

#if LC_WIDE_KERNELS
#define NAME(f) avx2_##f
#define TARGET __attribute__((target("avx2,fma")))
#define TABLE lc_lanes_avx2
#include "kernel/lanes_template.h"

#define NAME(f) avx512_##f
#define TARGET __attribute__((target("avx512f,avx512dq,avx512vl,fma")))
#define TABLE lc_lanes_avx512
#include "kernel/lanes_template.h"
#endif
#endif
