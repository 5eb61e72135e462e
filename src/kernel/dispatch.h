/* kernel/dispatch.h - which inner loops this machine runs.
 *
 * A file of kernels offers lc_kernel_<file>(name): of its sets that this machine runs the best one called `name` (NULL:
 * whatever the name), or NULL. */
#ifndef LC_KERNEL_DISPATCH_H
#define LC_KERNEL_DISPATCH_H

#include "kernel/kernel.h"

const lc_kernel *lc_kernel_wide(const char *name);      /* "avx512", "avx2" */
const lc_kernel *lc_kernel_two_lanes(const char *name); /* "neon"; "fma128", "sse2" */
const lc_kernel *lc_kernel_reference(const char *name); /* "ref" */

int lc_kernel_is_meant(const lc_kernel *kernel, const char *name);

/* The set called `name`, NULL: the best one; NULL where the machine does not run it. */
const lc_kernel *lc_kernel_find(const char *name);

/* Chooses the kernels that lc_kernels() returns, once at load. Returns 0 when the named ones cannot run here (then the
 * best are chosen). Not for use while a fit runs. */
int lc_kernels_choose(const char *name);

#endif
