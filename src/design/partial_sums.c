/* design/partial_sums.c - a sweep in partial sums, in step. */
#include "design/partial_sums.h"

int lc_slots(lc_index nblocks, lc_index doubles) {
  lc_index most = lc_min(LC_MOST_SLOTS, LC_SLOT_BYTES / (8 * lc_max(1, doubles)));
  return (int)lc_max(1, lc_min(most, nblocks));
}

lc_status lc_slots_run(lc_index nblocks, int slots, double seconds,
                       lc_status (*block)(void *context, int slot, lc_index number), void *context,
                       const lc_host *host) {
  const double round_seconds = 0.02;
  double each = round_seconds / (seconds * slots);
  lc_index count = (lc_index)(each < 1 ? 1 : each > 1e9 ? 1e9 : each), longest = (nblocks + slots - 1) / slots;
  lc_status status[LC_MOST_SLOTS] = {LC_OK};
  for (lc_index done = 0; done < longest; done += count) {
    LC_TRY(lc_poll(host));
#ifdef _OPENMP
    int threads = lc_threads_for(host, seconds * (double)nblocks);
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
#endif
    for (int k = 0; k < slots; k++) {
      lc_index from = nblocks * k / slots, to = nblocks * (k + 1) / slots;
      for (lc_index b = from + done; b < lc_min(to, from + done + count) && status[k] == LC_OK; b++)
        status[k] = block(context, k, b);
    }
    for (int k = 0; k < slots; k++) LC_TRY(status[k]);
  }
  return LC_OK;
}
