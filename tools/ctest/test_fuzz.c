/* Runs the functions of fuzz.h: on bytes by seeds, on the inputs of tools/ctest/corpus, and for libFuzzer, which
 * tools/fuzz links instead of main.c and which calls LLVMFuzzerTestOneInput(). */
#include "fuzz.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"

enum { LONGEST = 512 }; /* bytes of an input */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size);

static const struct target {
  const char *name; /* the corpus is <name>.hex */
  void (*run)(const unsigned char *data, size_t size);
  unsigned seeds; /* that are run by test_fuzz() */
} targets[] = {{"fits", ctest_fuzz_fits, 4000}, {"checks", ctest_fuzz_checks, 20000}};

unsigned ctest_byte(ctest_input *in) {
  if (!in->left) return 0;
  in->left--;
  return *in->at++;
}

static void any_bytes(ctest_input *in, void *value, size_t size) {
  unsigned char *bytes = value;
  for (size_t i = 0; i < size; i++) bytes[i] = (unsigned char)ctest_byte(in);
}

double ctest_any_number(ctest_input *in) {
  unsigned kind = ctest_byte(in);
  if (kind % 2 == 0) return ((double)ctest_byte(in) - 128) / 16;
  double value;
  any_bytes(in, &value, sizeof value);
  return isfinite(value) ? value : 0;
}

int ctest_any_integer(ctest_input *in) {
  unsigned kind = ctest_byte(in);
  if (kind % 4) return (int)(ctest_byte(in) % 16) - 2;
  int value;
  any_bytes(in, &value, sizeof value);
  return value;
}

/* Bytes of SplitMix64 (Steele, Lea and Flood, 2014). */
static void random_input(uint64_t seed, unsigned char *bytes, size_t size) {
  for (size_t i = 0; i < size; i++) {
    uint64_t z = (seed += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    bytes[i] = (unsigned char)((z ^ (z >> 31)) >> 20);
  }
}

static uint64_t setting(const char *name, uint64_t preset) {
  const char *text = getenv(name);
  return text ? strtoull(text, NULL, 10) : preset;
}

/* LC_FUZZ_FROM, LC_FUZZ_COUNT: other seeds, and more of them. */
static void run_seeds(const struct target *target) {
  uint64_t from = setting("LC_FUZZ_FROM", 1), count = setting("LC_FUZZ_COUNT", target->seeds);
  unsigned char bytes[LONGEST];
  for (uint64_t seed = from; seed < from + count; seed++) {
    long failed = ctest_failed;
    random_input(seed << 20, bytes, sizeof bytes);
    target->run(bytes, sizeof bytes);
    if (ctest_failed > failed) printf("     LC_FUZZ_FROM=%llu LC_FUZZ_COUNT=1\n", (unsigned long long)seed);
  }
}

/* The inputs that libFuzzer found to reach code that others do not, and those that once broke a promise: one a line,
 * two digits a byte. LC_CORPUS is their folder, which tools/ctest/run knows. */
static void run_corpus(const struct target *target) {
  const char *folder = getenv("LC_CORPUS");
  if (!folder) return;
  char path[4096], line[2 * LONGEST + 2];
  snprintf(path, sizeof path, "%s/%s.hex", folder, target->name);
  FILE *file = fopen(path, "r");
  CHECK(file != NULL);
  long number = 0, failed = ctest_failed;
  while (file && fgets(line, sizeof line, file)) {
    unsigned char bytes[LONGEST];
    size_t size = 0;
    unsigned value;
    while (size < LONGEST && sscanf(line + 2 * size, "%2x", &value) == 1) bytes[size++] = (unsigned char)value;
    target->run(bytes, size);
    number++;
    if (ctest_failed > failed) printf("     %s, line %ld\n", path, number);
    failed = ctest_failed;
  }
  CHECK(number > 0);
  if (file) fclose(file);
}

void test_fuzz(void);
void test_fuzz(void) {
  for (size_t t = 0; t < sizeof targets / sizeof *targets; t++) {
    run_corpus(targets + t);
    run_seeds(targets + t);
  }
}

/* LC_FUZZ_TARGET: the function's name. */
int LLVMFuzzerTestOneInput(const unsigned char *data, size_t size) {
  static const struct target *target;
  for (size_t t = 0; !target && t < sizeof targets / sizeof *targets; t++)
    if (strcmp(targets[t].name, getenv("LC_FUZZ_TARGET")) == 0) target = targets + t;
  target->run(data, size);
  if (!ctest_failed) return 0;
  fflush(stdout);
  abort(); /* so that the input is kept */
}
