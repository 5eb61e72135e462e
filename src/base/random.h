/* base/random.h - a counter-based random generator.
 *
 * Number i of a stream is a function of (seed, i) alone, so results depend on neither the number of
 * threads nor the order of calls. The mixing is the finaliser of SplitMix64 (Steele, Lea, Flood,
 * "Fast splittable pseudorandom number generators", OOPSLA 2014), applied twice. */
#ifndef LC_BASE_RANDOM_H
#define LC_BASE_RANDOM_H

#include "base/base.h"

typedef struct lc_random {
  uint64_t seed, counter;
} lc_random;

/* A stream for a seed and a stream number (an epoch, say). */
lc_random lc_random_stream(uint64_t seed, uint64_t stream);

/* The next 64 random bits. */
uint64_t lc_random_bits(lc_random *random);

/* A whole number in 0 .. below - 1, each equally likely; below >= 1. */
lc_index lc_random_below(lc_random *random, lc_index below);

/* Shuffles count indices in place (Fisher and Yates). */
void lc_random_shuffle(lc_random *random, lc_index count, lc_index *index);

#endif
