/* Runs the tests of the core. Arguments: a file that receives "passed failed", and groups in the order wanted; none:
 * all. Where the environment has LC_CTEST_STOP the first group that fails is the last one. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"

#define TESTS(X)                                                                                                   \
  X(status) X(arena) X(threads) X(random) X(linalg) X(kernel) X(design) X(dense) X(lists) X(stream) X(shards)      \
  X(sparse) X(loss) X(penalty) X(objective) X(settings) X(solver) X(dual) X(rank) X(fit) X(solve) X(effort)        \
  X(relations) X(nested) X(covariance) X(firth) X(metric) X(batch) X(descent) X(columns) X(screen) X(model)        \
  X(orthant) X(sweeps) X(lane_loops) X(lanes) X(path) X(path_folds) X(path_data) X(null_model) X(path_parts)       \
  X(path_stops) X(path_threads) X(memory) X(stops) X(fuzz)

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
  const size_t all = sizeof tests / sizeof *tests, wanted = argc > 2 ? (size_t)argc - 2 : all;
  for (size_t w = 0; w < wanted; w++) {
    size_t i = argc > 2 ? 0 : w;
    while (argc > 2 && i < all && strcmp(argv[2 + w], tests[i].name) != 0) i++;
    if (i == all) {
      printf("there is no group %s\n", argv[2 + w]);
      return 2;
    }
    long passed = ctest_passed, failed = ctest_failed;
    tests[i].run();
    printf("%-12s %5ld passed, %ld failed\n", tests[i].name, ctest_passed - passed, ctest_failed - failed);
    fflush(stdout);
    if (ctest_failed > 0 && getenv("LC_CTEST_STOP")) break;
  }
  FILE *file = argc > 1 ? fopen(argv[1], "w") : NULL;
  if (file) {
    fprintf(file, "%ld %ld\n", ctest_passed, ctest_failed);
    if (fclose(file) != 0) return 2;
  }
  return ctest_failed > 0 || ctest_passed == 0;
}
