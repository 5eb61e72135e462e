/* Reads a double vector from memory: the floor under every method that must see all of x.
 * bench_read(x, repeats, threads) -> seconds for `repeats` reads. */
#define R_NO_REMAP
#include <R.h>
#include <Rinternals.h>
#include <time.h>

#ifdef _OPENMP
#include <omp.h>
#endif

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

/* Eight sums at once, so that additions do not wait for each other. */
static double sum_of(const double *x, R_xlen_t count) {
  double sum[8] = {0};
  R_xlen_t i = 0;
  for (; i + 8 <= count; i += 8)
    for (int lane = 0; lane < 8; lane++) sum[lane] += x[i + lane];
  for (; i < count; i++) sum[0] += x[i];
  return sum[0] + sum[1] + sum[2] + sum[3] + sum[4] + sum[5] + sum[6] + sum[7];
}

SEXP bench_read(SEXP x, SEXP repeats, SEXP threads) {
  const double *data = REAL(x);
  R_xlen_t count = XLENGTH(x);
  int times = INTEGER(repeats)[0], parts = INTEGER(threads)[0];
  volatile double keep = 0; /* the sums must be used, or the loop is gone */
  double start = now();
  for (int k = 0; k < times; k++) {
    double sum = 0;
#ifdef _OPENMP
#pragma omp parallel for num_threads(parts) reduction(+ : sum)
#endif
    for (int part = 0; part < parts; part++) {
      R_xlen_t from = count / parts * part, to = part + 1 < parts ? count / parts * (part + 1) : count;
      sum += sum_of(data + from, to - from);
    }
    keep += sum;
  }
  return Rf_ScalarReal(now() - start + 0 * keep);
}
