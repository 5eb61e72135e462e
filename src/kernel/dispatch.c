/* kernel/dispatch.c - the choice of kernels. */
#include "kernel/dispatch.h"

#include <string.h>

static const lc_kernel *chosen;

const lc_kernel *lc_kernels(void) { return chosen ? chosen : lc_kernel_reference(); }

int lc_kernels_choose(const char *name) {
  const lc_kernel *best = lc_kernel_x86(NULL), *asked = NULL;
  if (name) asked = strcmp(name, "ref") == 0 ? lc_kernel_reference() : lc_kernel_x86(name);
  chosen = asked ? asked : best ? best : lc_kernel_reference();
  return !name || asked != NULL;
}
