/* threads/threads.h - loops that several threads share.
 *
 * A loop is cut into tasks by sizes alone, never by the number of threads, and any thread that comes takes the next
 * task. The caller takes tasks like the others: where nobody comes, as on a machine whose cores are busy, it does them
 * all, and a helper that comes late finds nothing and holds nobody up. Helpers wait for the next loop awake for a few
 * microseconds and then sleep. Where other programs keep helpers from finishing what they took, loops run on the caller
 * alone for a while. Results do not depend on who did what as long as tasks write to places of their own.
 *
 * One program, one pool. A loop within a task is shared, too, while threads have nothing else to do: those that wait
 * for the last tasks of a loop help within them. Without POSIX threads every loop runs on the thread that starts it. */
#ifndef LC_THREADS_H
#define LC_THREADS_H

#include "base/base.h"

/* A part of a loop: the items from .. to - 1. */
typedef void (*lc_task)(void *context, lc_index from, lc_index to);

/* Calls task(context, from, to) for pieces of `grain` items (the last may be shorter) that together are 0 .. count - 1,
 * on at most `threads` threads (one of them the caller's), in no certain order; returns when all are done. What tasks
 * wrote is seen by the caller. Costs a microsecond where helpers are awake, some ten where they sleep. */
void lc_parallel(int threads, lc_index count, lc_index grain, lc_task task, void *context);

/* 1 on the helpers' threads. */
int lc_is_helper(void);

/* A lock for the whole program, for tasks that now and then need the same thing. Not to be taken twice. */
void lc_lock(void);
void lc_unlock(void);

/* Ends the helpers, and forgets what was learned of them; the next loop starts new ones. Before the code is unloaded.
 * In the child of a fork there are none to end: it starts with an empty pool. */
void lc_threads_stop(void);

#endif
