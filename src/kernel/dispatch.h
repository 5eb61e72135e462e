/* kernel/dispatch.h - which inner loops this machine runs. */
#ifndef LC_KERNEL_DISPATCH_H
#define LC_KERNEL_DISPATCH_H

#include "kernel/kernel.h"

#if defined(__x86_64__) && defined(__GNUC__) && !defined(_WIN32)
#define LC_X86_KERNELS 1
#else
#define LC_X86_KERNELS 0
#endif

/* The vector kernels called `name` ("avx2", "avx512"; NULL: the widest), or NULL where the machine lacks them. */
const lc_kernel *lc_kernel_x86(const char *name);

/* The reference kernels. */
const lc_kernel *lc_kernel_reference(void);

/* Chooses the kernels that lc_kernels() returns, once at load: "ref", "avx2", "avx512", or NULL for the best. Returns 0
 * when the named ones cannot run here (then the best are chosen). Not for use while a fit runs. */
int lc_kernels_choose(const char *name);

#endif
