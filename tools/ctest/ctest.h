/* ctest.h - the core's own tests: a few macros, a host that runs without R, and small helpers.
 *
 * A test file defines functions `void test_<room>(void)`, listed in main.c. A check that fails is
 * printed with its place and counted; the run goes on. */
#ifndef LC_CTEST_H
#define LC_CTEST_H

#include <stddef.h>

#include "base/arena.h"
#include "base/base.h"
#include "kernel/dispatch.h"

extern long ctest_passed, ctest_failed;

void ctest_report(int ok, const char *file, int line, const char *what);
void ctest_report_near(double got, double want, double tolerance, const char *file, int line, const char *what);

#define CHECK(condition) ctest_report((condition) != 0, __FILE__, __LINE__, #condition)

/* |got - want| <= tolerance * max(1, |want|). A NaN equals a NaN and an infinity its own sign only. */
#define CHECK_NEAR(got, want, tolerance) \
  ctest_report_near((got), (want), (tolerance), __FILE__, __LINE__, #got " == " #want)

/* Largest |a_i - b_i| / max(1, |b_i|); Inf when one of a pair is NaN and the other is not. */
double ctest_distance(lc_index count, const double *a, const double *b);

/* A host backed by malloc that remembers what it gave. `limit`: bytes it may give at most (to play
 * out of memory), 0 for none. `refuse_at`: which request for memory is refused, 0 for none; `refuse_on`: and all after
 * it. `stop_at`: which call of poll says stop, 0 for none. */
typedef struct ctest_host {
  lc_host host;
  struct ctest_block *blocks;
  size_t given, limit;
  long polls, stop_at, records, requests, refuse_at;
  int refuse_on;
  lc_status owed;
} ctest_host;

void ctest_host_init(ctest_host *host);
void ctest_host_free(ctest_host *host);

/* Set `number` of the kernels, from 0, the reference, on; NULL where this machine lacks it. */
enum { CTEST_KERNELS = 6 };
extern const char *const ctest_kernel_names[CTEST_KERNELS];
const lc_kernel *ctest_kernel(int number);

/* Numbers for test data, the same in every run: uniform on (0, 1), and roughly normal. */
void ctest_seed(unsigned long seed);
double ctest_uniform(void);
double ctest_normal(void);
/* A fresh array of count normal numbers; the caller frees it. */
double *ctest_normals(lc_index count);
double *ctest_zeros(lc_index count);

#endif
