/* r/threads.c - how many threads a fit may use. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif
#ifndef _WIN32
#include <pthread.h>
#endif
#include <stdlib.h>
#ifdef _OPENMP
#include <omp.h>
#endif

#include "r/r.h"

enum { POLITE = 2 }; /* default: what CRAN allows and what two cores give */

static int wanted;          /* 0: not set */
static volatile int forked; /* the child of a fork has no pool of threads: starting one hangs */

#ifndef _WIN32
static void in_child(void) { forked = 1; }
#endif

void lcr_threads_init(void) {
#ifndef _WIN32
  pthread_atfork(NULL, NULL, in_child);
#endif
}

#ifdef _OPENMP
/* A whole number in an environment variable, or `otherwise`. */
static int variable(const char *name, int otherwise) {
  const char *text = getenv(name);
  int value = text ? atoi(text) : 0;
  return value > 0 ? value : otherwise;
}
#endif

int lcr_thread_count(double asked) {
#ifdef _OPENMP
  if (forked) return 1;
  int processors = omp_get_num_procs(), limit = variable("OMP_THREAD_LIMIT", processors);
  int count = wanted > 0 ? wanted : variable("OMP_NUM_THREADS", POLITE) < POLITE ? 1 : POLITE;
  if (asked >= 1) count = asked > processors ? processors : (int)asked;
  if (count > limit) count = limit;
  return count > processors ? processors : count;
#else
  (void)asked;
  return 1;
#endif
}

/* NULL asks; a number of at least 1 sets (more than there are processors counts as all of them); NA goes back to the
 * default. Returns the number in use. */
SEXP lcr_threads(SEXP n) {
  if (n != R_NilValue) {
    if (!lcr_is_number(n)) Rf_error("'n' must be one number");
    double count = Rf_asReal(n);
    wanted = count >= 1 ? (count > 1e6 ? 1000000 : (int)count) : 0;
  }
  return Rf_ScalarInteger(lcr_thread_count(0));
}
