/* Runs the tests of the core. Arguments: a file that receives "passed failed", and groups; none: all. */
#include <stdio.h>
#include <string.h>

#include "ctest.h"

#define TESTS(X)                                                                                                    \
  X(status) X(arena) X(threads) X(random) X(linalg) X(kernel) X(design) X(dense) X(stream) X(shards) X(sparse)      \
  X(loss) X(penalty) X(objective) X(solver) X(rank) X(solve) X(nested) X(covariance) X(firth) X(metric) X(batch)    \
  X(columns) X(screen) X(model) X(orthant) X(lanes) X(path) X(path_folds) X(path_data) X(path_stops)                \
  X(path_threads) X(memory) X(fuzz)

#define DECLARE(name) void test_##name(void);
TESTS(DECLARE)
#undef DECLARE

int main(int argc, char **argv) {
  static const struct {
    const char *name;
    void (*run)(void);
  } tests[] = {
#define ROW(name) {#name, test_##name},
      TESTS(ROW)
#undef ROW
  };
  for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
    int wanted = argc < 3;
    for (int a = 2; a < argc; a++) wanted |= strcmp(argv[a], tests[i].name) == 0;
    if (!wanted) continue;
    long passed = ctest_passed, failed = ctest_failed;
    tests[i].run();
    printf("%-12s %5ld passed, %ld failed\n", tests[i].name, ctest_passed - passed, ctest_failed - failed);
    fflush(stdout);
  }
  FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
  if (file) {
    fprintf(file, "%ld %ld\n", ctest_passed, ctest_failed);
    if (fclose(file) != 0) return 2;
  }
  return ctest_failed > 0 || ctest_passed == 0;
}
