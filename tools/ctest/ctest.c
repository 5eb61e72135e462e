/* The harness of the core's tests: see ctest.h. */
#include "ctest.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

long ctest_passed, ctest_failed;

void ctest_report(int ok, const char *file, int line, const char *what) {
  if (ok) {
    ctest_passed++;
  } else {
    ctest_failed++;
    printf("FAIL %s:%d: %s\n", file, line, what);
  }
}

static double distance(double a, double b) {
  if (isnan(a) || isnan(b)) return isnan(a) && isnan(b) ? 0 : INFINITY;
  if (isinf(a) || isinf(b)) return a == b ? 0 : INFINITY;
  return fabs(a - b) / fmax(1, fabs(b));
}

void ctest_report_near(double got, double want, double tolerance, const char *file, int line, const char *what) {
  int ok = distance(got, want) <= tolerance;
  ctest_report(ok, file, line, what);
  if (!ok) printf("     got %.17g, want %.17g within %g\n", got, want, tolerance);
}

double ctest_distance(lc_index count, const double *a, const double *b) {
  double largest = 0;
  for (lc_index i = 0; i < count; i++) largest = fmax(largest, distance(a[i], b[i]));
  return largest;
}

/* Every block the host gave, so that all can be freed at once. */
struct ctest_block {
  struct ctest_block *next;
  void *memory;
};

static void *host_more(void *self, size_t bytes) {
  ctest_host *host = self;
  if (host->limit && host->given + bytes > host->limit) return NULL;
  long request = ++host->requests;
  if (host->refuse_at && (request == host->refuse_at || (host->refuse_on && request > host->refuse_at))) return NULL;
  struct ctest_block *block = malloc(sizeof *block);
  void *memory = malloc(bytes);
  if (!block || !memory) {
    free(block);
    free(memory);
    return NULL;
  }
  block->next = host->blocks;
  block->memory = memory;
  host->blocks = block;
  host->given += bytes;
  memset(memory, 0xff, bytes); /* NaN as doubles: what is read before it is written shows */
  return memory;
}

static lc_status host_poll(void *self) {
  ctest_host *host = self;
  host->polls++;
  return host->stop_at && host->polls >= host->stop_at ? LC_INTERRUPTED : LC_OK;
}

static lc_status host_record(void *self, const lc_info *info) {
  ctest_host *host = self;
  host->records++;
  CHECK(!isnan(info->iteration));
  return LC_OK;
}

void ctest_host_init(ctest_host *host) {
  *host = (ctest_host){.host = {.more = host_more, .poll = host_poll, .record = host_record, .threads = 1}};
  host->host.self = host;
  host->host.owed = &host->owed;
}

void ctest_host_free(ctest_host *host) {
  while (host->blocks) {
    struct ctest_block *block = host->blocks;
    host->blocks = block->next;
    free(block->memory);
    free(block);
  }
}

const char *const ctest_kernel_names[CTEST_KERNELS] = {"ref", "sse2", "fma128", "neon", "avx2", "avx512"};

const lc_kernel *ctest_kernel(int number) {
  return lc_kernel_find(ctest_kernel_names[number]);
}

/* The tests' own generator, so that a fault in the package's cannot hide itself. */
static uint64_t state = 1;

void ctest_seed(unsigned long seed) { state = 2 * (uint64_t)seed + 1; }

double ctest_uniform(void) {
  state = state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
  return ((double)(state >> 12) + 0.5) / 4503599627370496.0;
}

double ctest_normal(void) {
  double u = ctest_uniform(), v = ctest_uniform();
  return sqrt(-2 * log(u)) * cos(6.283185307179586 * v);
}

double *ctest_zeros(lc_index count) {
  double *x = calloc((size_t)lc_max(count, 1), sizeof *x);
  if (!x) abort();
  return x;
}

double *ctest_normals(lc_index count) {
  double *x = ctest_zeros(count);
  for (lc_index i = 0; i < count; i++) x[i] = ctest_normal();
  return x;
}
