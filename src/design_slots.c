/* design_slots.c - a sweep in partial sums, in step. */
#include "design_slots.h"

#include "parallel.h"

int lc_slots(lc_index nblocks, lc_index doubles) {
  lc_index most = lc_min(LC_MOST_SLOTS, LC_SLOT_BYTES / (8 * lc_max(1, doubles)));
  return (int)lc_max(1, lc_min(most, nblocks));
}

/* A round: each slot takes blocks done .. done + count - 1 of its own. */
typedef struct sweep_round {
  lc_index nblocks, done, count;
  int slots;
  lc_status (*block)(void *context, int slot, lc_index number);
  void *context;
} sweep_round;

static lc_status run_slot(void *given, lc_index k) {
  const sweep_round *now = given;
  lc_index from = now->nblocks * k / now->slots, to = now->nblocks * (k + 1) / now->slots;
  for (lc_index b = from + now->done; b < lc_min(to, from + now->done + now->count); b++)
    LC_TRY(now->block(now->context, (int)k, b));
  return LC_OK;
}

lc_status lc_slots_run(lc_index nblocks, int slots, double seconds,
                       lc_status (*block)(void *context, int slot, lc_index number), void *context,
                       const lc_host *host) {
  const double round_seconds = 0.02;
  double each = round_seconds / (seconds * slots);
  lc_index longest = (nblocks + slots - 1) / slots;
  sweep_round now = {.nblocks = nblocks,
                     .count = (lc_index)(each < 1     ? 1
                                         : each > 1e9 ? 1e9
                                                      : each),
                     .slots = slots,
                     .block = block,
                     .context = context};
  int threads = lc_threads_for(host, seconds * (double)nblocks);
  for (now.done = 0; now.done < longest; now.done += now.count) {
    LC_TRY(lc_poll(host));
    LC_TRY(lc_parallel(threads, slots, run_slot, &now));
  }
  return LC_OK;
}
