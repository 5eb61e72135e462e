/* Tests of the room "base": statuses, scratch memory, random numbers. */
#include <math.h>
#include <stdint.h>
#include <string.h>

#include "ctest.h"
#include "base/random.h"

void test_status(void);
void test_arena(void);
void test_random(void);

void test_status(void) {
  CHECK(lc_status_count > 0);
  for (int i = 0; i < lc_status_count; i++) {
    const lc_status_row *row = &lc_status_rows[i];
    CHECK(lc_status_find(row->code) == row);
    CHECK(strlen(row->name) > 0 && strspn(row->name, "abcdefghijklmnopqrstuvwxyz_") == strlen(row->name));
    size_t length = strlen(row->text);
    CHECK(length > 0 && row->text[length - 1] == '.');
    for (int j = 0; j < i; j++) {
      CHECK(lc_status_rows[j].code != row->code);
      CHECK(strcmp(lc_status_rows[j].name, row->name) != 0);
    }
  }
  CHECK(lc_status_find(LC_OK)->code == LC_OK);
  CHECK(LC_OK == 0 && LC_OUT_OF_MEMORY < 0);
}

void test_arena(void) {
  ctest_host host;
  ctest_host_init(&host);
  lc_arena arena;
  lc_arena_init(&arena, &host.host);
  CHECK(host.given == 0);

  /* Pieces are aligned, do not overlap and keep what is written to them. */
  enum { PIECES = 50 };
  double *piece[PIECES];
  for (int i = 0; i < PIECES; i++) {
    piece[i] = lc_arena_doubles(&arena, 100 * (i + 1));
    CHECK(piece[i] != NULL);
    CHECK((uintptr_t)piece[i] % 64 == 0);
    for (int j = 0; j < 100 * (i + 1); j++) piece[i][j] = i;
  }
  int intact = 1;
  for (int i = 0; i < PIECES; i++)
    for (int j = 0; j < 100 * (i + 1); j++) intact = intact && piece[i][j] == i;
  CHECK(intact);

  /* What was allocated after a mark is used again, and cleared memory is zero though it was used. */
  lc_mark mark = lc_arena_mark(&arena);
  double *first = lc_arena_doubles(&arena, 1000);
  for (int j = 0; j < 1000; j++) first[j] = 1;
  size_t given = host.given;
  lc_arena_reset(&arena, mark);
  double *again = lc_arena_zeros(&arena, 1000);
  CHECK(again == first);
  CHECK(host.given == given);
  int zero = 1;
  for (int j = 0; j < 1000; j++) zero = zero && again[j] == 0;
  CHECK(zero);
  for (int round = 0; round < 20; round++) {
    lc_arena_reset(&arena, mark);
    CHECK(lc_arena_doubles(&arena, 100000) != NULL);
    CHECK(lc_arena_doubles(&arena, 200000) != NULL);
  }
  CHECK(host.given <= given + 20 * 300000 * sizeof(double) / 5);

  /* Impossible requests are refused, an empty one is not. */
  CHECK(lc_arena_alloc(&arena, -1, 8) == NULL);
  CHECK(lc_arena_alloc(&arena, PTRDIFF_MAX, 8) == NULL);
  CHECK(lc_arena_alloc(&arena, PTRDIFF_MAX / 8, 16) == NULL);
  CHECK(lc_arena_alloc(&arena, 0, 8) != NULL);

  /* A host without memory gives NULL and leaves the arena usable. */
  mark = lc_arena_mark(&arena);
  host.limit = host.given;
  CHECK(lc_arena_doubles(&arena, 10000000) == NULL);
  host.limit = 0;
  lc_arena_reset(&arena, mark);
  CHECK(lc_arena_doubles(&arena, 10) != NULL);
  ctest_host_free(&host);
}

void test_random(void) {
  lc_random a = lc_random_stream(42, 1), b = lc_random_stream(42, 1), c = lc_random_stream(42, 2),
            d = lc_random_stream(43, 1);
  int same = 1, other_stream = 0, other_seed = 0;
  for (int i = 0; i < 100; i++) {
    uint64_t bits = lc_random_bits(&a);
    same = same && bits == lc_random_bits(&b);
    other_stream += bits == lc_random_bits(&c);
    other_seed += bits == lc_random_bits(&d);
  }
  CHECK(same);
  CHECK(other_stream == 0);
  CHECK(other_seed == 0);

  /* Seeds and streams that are near each other share no number, wherever it stands. */
  enum { NEAR = 8, EACH = NEAR * NEAR * NEAR };
  uint64_t number[EACH];
  int shared = 0;
  for (int i = 0; i < EACH; i += NEAR) {
    lc_random near = lc_random_stream((uint64_t)(i / NEAR / NEAR), (uint64_t)(i / NEAR % NEAR));
    for (int at = 0; at < NEAR; at++) number[i + at] = lc_random_bits(&near);
  }
  for (int i = 0; i < EACH; i++)
    for (int j = 0; j < i; j++) shared += number[i] == number[j];
  CHECK(shared == 0);

  /* Every bit is set half of the time (5 standard deviations). */
  enum { DRAWS = 10000 };
  int ones[64] = {0};
  for (int i = 0; i < DRAWS; i++) {
    uint64_t bits = lc_random_bits(&a);
    for (int j = 0; j < 64; j++) ones[j] += (int)(bits >> j & 1);
  }
  for (int j = 0; j < 64; j++) CHECK(fabs(ones[j] - DRAWS / 2.0) < 5 * sqrt(DRAWS / 4.0));

  /* Whole numbers are in range and equally likely, also for a range that does not divide 2^64. */
  double count[7] = {0}, chi = 0;
  for (int i = 0; i < 7 * DRAWS; i++) {
    lc_index at = lc_random_below(&a, 7);
    if (at < 0 || at > 6) {
      CHECK(!"in range");
      return;
    }
    count[at]++;
  }
  for (int j = 0; j < 7; j++) chi += (count[j] - DRAWS) * (count[j] - DRAWS) / DRAWS;
  CHECK(chi < 30); /* chi-squared, 6 degrees of freedom: p = 4e-5 */
  CHECK(lc_random_below(&a, 1) == 0);

  /* A shuffle is a permutation, and all orders of three are equally likely. */
  lc_index order[100];
  int seen[100] = {0}, moved = 0, complete = 1;
  for (int i = 0; i < 100; i++) order[i] = i;
  lc_random_shuffle(&a, 100, order);
  for (int i = 0; i < 100; i++) {
    seen[order[i]]++;
    moved += order[i] != i;
  }
  for (int i = 0; i < 100; i++) complete = complete && seen[i] == 1;
  CHECK(complete);
  CHECK(moved > 80);
  double orders[27] = {0};
  for (int i = 0; i < 6 * 1000; i++) {
    lc_index three[3] = {0, 1, 2};
    lc_random_shuffle(&a, 3, three);
    orders[9 * three[0] + 3 * three[1] + three[2]]++;
  }
  int kinds = 0;
  for (int j = 0; j < 27; j++) {
    kinds += orders[j] > 0;
    if (orders[j] > 0) CHECK(fabs(orders[j] - 1000) < 150);
  }
  CHECK(kinds == 6);
  lc_random_shuffle(&a, 0, NULL);
  lc_random_shuffle(&a, 1, order);
}
