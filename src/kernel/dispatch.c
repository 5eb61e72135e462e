/* kernel/dispatch.c - the choice of kernels. */
#include "kernel/dispatch.h"

#include <string.h>

/* The widest first. */
static const lc_kernel *(*const files[])(const char *) = {lc_kernel_wide, lc_kernel_two_lanes, lc_kernel_reference};

static const lc_kernel *chosen;

const lc_kernel *lc_kernels(void) { return chosen ? chosen : lc_kernel_reference(NULL); }

int lc_kernel_is_meant(const lc_kernel *kernel, const char *name) { return !name || strcmp(kernel->name, name) == 0; }

const lc_kernel *lc_kernel_find(const char *name) {
  for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
    const lc_kernel *found = files[i](name);
    if (found) return found;
  }
  return NULL;
}

int lc_kernels_choose(const char *name) {
  const lc_kernel *asked = lc_kernel_find(name);
  chosen = asked ? asked : lc_kernel_find(NULL);
  return asked != NULL;
}
