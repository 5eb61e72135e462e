/* design/partial_sums.c - a sweep in partial sums, in step. */
#include "design/partial_sums.h"
#include "threads/threads.h"

lc_status lc_partial_make(lc_partial *out, lc_index nsum, lc_index nG, lc_index nC, lc_arena *arena) {
  *out = (lc_partial){nsum, nG, nC, lc_arena_zeros(arena, nsum), lc_arena_zeros(arena, nG), lc_arena_zeros(arena, nC)};
  return out->sum && out->G && out->C ? LC_OK : LC_OUT_OF_MEMORY;
}

static void add_to(lc_index count, const double *from, double *to) {
  for (lc_index i = 0; i < count; i++) to[i] += from[i];
}

void lc_partial_add(const lc_partial *from, const lc_partial *total) {
  add_to(from->nsum, from->sum, total->sum);
  add_to(from->nG, from->G, total->G);
  add_to(from->nC, from->C, total->C);
}

int lc_partial_count(lc_index nblocks, lc_index doubles) {
  lc_index most = lc_min(LC_MOST_PARTIALS, LC_PARTIAL_BYTES / (8 * lc_max(1, doubles)));
  return (int)lc_max(1, lc_min(most, nblocks));
}

/* What all slots do between two questions to the host: their blocks done .. done + count - 1. */
typedef struct slots_round {
  lc_index nblocks, slots, done, count;
  lc_status (*block)(void *context, int slot, lc_index number);
  void *context;
  lc_status status[LC_MOST_PARTIALS];
} slots_round;

static void run_slots(void *context, lc_index first, lc_index last) {
  slots_round *round = context;
  for (lc_index k = first; k < last; k++) {
    lc_index from = round->nblocks * k / round->slots, to = round->nblocks * (k + 1) / round->slots;
    lc_index end = lc_min(to, from + round->done + round->count);
    for (lc_index b = from + round->done; b < end && round->status[k] == LC_OK; b++)
      round->status[k] = round->block(round->context, (int)k, b);
  }
}

lc_status lc_partials_run(lc_index nblocks, int slots, double seconds,
                          lc_status (*block)(void *context, int slot, lc_index number), void *context,
                          const lc_host *host) {
  const double round_seconds = 0.02;
  double each = round_seconds / (seconds * slots);
  lc_index count = (lc_index)(each < 1 ? 1 : each > 1e9 ? 1e9 : each), longest = (nblocks + slots - 1) / slots;
  slots_round round = {nblocks, slots, 0, count, block, context, {LC_OK}};
  for (; round.done < longest; round.done += count) {
    LC_TRY(lc_poll(host));
    lc_parallel(lc_threads_for(host, seconds * (double)nblocks), slots, 1, run_slots, &round);
    for (int k = 0; k < slots; k++) LC_TRY(round.status[k]);
  }
  return LC_OK;
}
