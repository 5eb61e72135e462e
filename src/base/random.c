/* base/random.c - counter-based random numbers. */
#include "base/random.h"

static uint64_t mix(uint64_t x) {
  x += UINT64_C(0x9e3779b97f4a7c15);
  x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
  x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
  return x ^ (x >> 31);
}

lc_random lc_random_stream(uint64_t seed, uint64_t stream) {
  lc_random random = {mix(mix(seed) ^ stream), 0};
  return random;
}

uint64_t lc_random_bits(lc_random *random) { return mix(mix(random->seed ^ random->counter++)); }

lc_index lc_random_below(lc_random *random, lc_index below) {
  uint64_t range = (uint64_t)below;
  /* The first (2^64 mod range) values would make small results likelier: draw again. */
  uint64_t reject = (0 - range) % range, bits;
  do bits = lc_random_bits(random);
  while (bits < reject);
  return (lc_index)(bits % range);
}

void lc_random_shuffle(lc_random *random, lc_index count, lc_index *index) {
  for (lc_index i = count - 1; i > 0; i--) {
    lc_index j = lc_random_below(random, i + 1), swap = index[i];
    index[i] = index[j];
    index[j] = swap;
  }
}
