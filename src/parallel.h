/* parallel.h - room "base": numbered tasks on a few threads. */
#ifndef LC_PARALLEL_H
#define LC_PARALLEL_H

#include "base.h"

typedef lc_status (*lc_task)(void *context, lc_index number);

/* Calls task(context, number) for the numbers 0 .. count - 1, which are begun in increasing order, on up to `threads`
 * threads, this one among them. After a failure no other number is begun; the failure of the smallest number is
 * returned. The other threads live for this call (some 20 microseconds each) and this one sleeps until they are done:
 * those of OpenMP spin at the end of a loop, and where other programs want the cores too, that took nearly as much time
 * as the work (measured: two threads beside other programs, processor time of a fit 3.4 s with OpenMP's, 1.9 s with
 * these, the same with one thread 1.7 s; elapsed 5.2 and 3.7 s). Where no thread can be had, this one does
 * it all. Tasks must not call the host. */
lc_status lc_parallel(int threads, lc_index count, lc_task task, void *context);

#endif
