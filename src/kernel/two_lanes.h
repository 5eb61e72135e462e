/* kernel/two_lanes.h - the inner loops on vectors of two doubles; kernel/two_lanes.c includes it once for each set.
 *
 * Before the include: NAME, KERNEL_NAME, TARGET and the numbers of registers as kernel/template.h wants them, and V_FMA
 * and V_FNMA. All else is said with the vector types of gcc and clang. */

#define LANE_LOOPS lc_lanes_half
#define VEC pair
#define LANES 2
#define V_PREFETCH(p) __builtin_prefetch(p)
#define V_ZERO() ((pair){0, 0})
#define V_SET1(x) pair_set(x)
#define V_LOAD(p) pair_load(p)
#define V_LOADN(p, count) pair_load_first(p, count)
#define V_LOADI(p) pair_load_ints(p)
#define V_LOADIN(p, count) ((count) > 1 ? pair_load_ints(p) : (pair){(p)[0], 0})
#define V_LOADF(p) ((pair){(double)(p)[0], (double)(p)[1]})
#define V_LOADFN(p, count) ((pair){(double)(p)[0], (count) > 1 ? (double)(p)[1] : 0})
#define V_STORE(p, v) pair_store(p, v)
#define V_STOREN(p, v, count) pair_store_first(p, v, count)
#define V_ADD(a, b) ((a) + (b))
#define V_SUB(a, b) ((a) - (b))
#define V_MUL(a, b) ((a) * (b))
#define V_DIV(a, b) ((a) / (b))
#define V_MIN(a, b) pair_min(a, b)
#define V_MAX(a, b) pair_max(a, b)
#define V_ABS(a) ((pair)((pair_bits)(a) & ~pair_sign))
#define V_ROUND(a) pair_round(a)
#define V_SCALE(a, n) pair_scale(a, n)
#define V_EXPONENT(a) pair_exponent(a)
#define V_SUM(a) ((a)[0] + (a)[1])
#define V_SUMS(v, out) pair_store(out, (pair){(v)[0][0], (v)[1][0]} + (pair){(v)[0][1], (v)[1][1]})
#define V_SELECT_POSITIVE(z, yes, no) pair_select((pair_bits)((z) > V_ZERO()), yes, no)

#include "kernel/template.h"
#undef LANE_LOOPS
