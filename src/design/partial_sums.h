/* design/partial_sums.h - one sweep over rows in partial sums.
 *
 * The rows are cut into blocks, and consecutive blocks into slots. A slot adds up its own blocks in order and slots are
 * combined in order by the caller; their number depends on sizes alone. So any number of threads gives the same bits.
 */
#ifndef LC_DESIGN_PARTIAL_SUMS_H
#define LC_DESIGN_PARTIAL_SUMS_H

#include "base/arena.h"
#include "base/base.h"

enum {
  LC_MOST_PARTIALS = 16,
  LC_PARTIAL_BYTES = 64 << 20 /* the partial sums of all slots together stay below this */
};

/* The sums of one slot: nsum, G and C numbers of each kind (0: none). */
typedef struct lc_partial {
  lc_index nsum, nG, nC;
  double *sum, *G, *C;
} lc_partial;

/* All sums zero. */
lc_status lc_partial_make(lc_partial *out, lc_index nsum, lc_index nG, lc_index nC, lc_arena *arena);

/* Adds the sums of a slot to the total. */
void lc_partial_add(const lc_partial *from, const lc_partial *total);

/* Slots for `nblocks` blocks when the partial sums of one take `doubles` numbers. */
int lc_partial_count(lc_index nblocks, lc_index doubles);

/* Calls block(context, slot, number) for number 0 .. nblocks - 1, those of one slot in increasing order and on one
 * thread at a time. `seconds` is a cautious guess for one block: between rounds of about 20 ms the host is asked
 * whether to go on. The first failure in the order of slots is returned. */
lc_status lc_partials_run(lc_index nblocks, int slots, double seconds,
                          lc_status (*block)(void *context, int slot, lc_index number), void *context,
                          const lc_host *host);

#endif
