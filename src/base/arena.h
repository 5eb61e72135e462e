/* base/arena.h - scratch memory of a fit.
 *
 * An arena hands out pieces of chunks that it asks the host for and never frees them one by one:
 * a caller takes a mark, allocates, and resets to the mark; the host frees all chunks at the end.
 * So an interrupted or failed fit cannot leak. Memory is not cleared unless asked. */
#ifndef LC_BASE_ARENA_H
#define LC_BASE_ARENA_H

#include "base/base.h"

typedef struct lc_chunk lc_chunk;

typedef struct lc_arena {
  const lc_host *host;
  lc_chunk *first, *current; /* list of chunks in the order they were asked for */
} lc_arena;

typedef struct lc_mark {
  lc_chunk *chunk;
  size_t used;
} lc_mark;

/* An empty arena on a host; asks for nothing yet. */
void lc_arena_init(lc_arena *arena, const lc_host *host);

/* count * size bytes aligned to 64; NULL when count < 0, the product overflows or the host has no
 * memory left. count = 0 gives a valid pointer that must not be dereferenced. */
void *lc_arena_alloc(lc_arena *arena, lc_index count, size_t size);

/* The same for doubles; _zero clears them. */
double *lc_arena_doubles(lc_arena *arena, lc_index count);
double *lc_arena_zeros(lc_arena *arena, lc_index count);

/* Everything allocated after lc_arena_mark() is given back to the arena by lc_arena_reset(). */
lc_mark lc_arena_mark(const lc_arena *arena);
void lc_arena_reset(lc_arena *arena, lc_mark mark);

#endif
