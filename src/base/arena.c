/* base/arena.c - scratch memory that grows by chunks. */
#include "base/arena.h"

#include <string.h>

enum { ALIGNMENT = 64, SMALLEST_CHUNK = 1 << 16 };

struct lc_chunk {
  lc_chunk *next;
  size_t used, size;     /* bytes of `memory` */
  unsigned char *memory; /* aligned to ALIGNMENT */
};

void lc_arena_init(lc_arena *arena, const lc_host *host) {
  arena->host = host;
  arena->first = arena->current = NULL;
}

/* Pieces that are asked for again, a little larger each time, should find a chunk that is there: up to 32 MB sizes of
 * chunks are powers of 2 and the means of two. */
static size_t chunk_size(const lc_host *host, size_t bytes) {
  size_t size = SMALLEST_CHUNK;
  if (host->exact || bytes > (size_t)32 << 20) return bytes;
  while (size < bytes) size *= 2;
  return bytes <= size / 4 * 3 && size > SMALLEST_CHUNK ? size / 4 * 3 : size;
}

/* A chunk of at least `bytes`, behind the current one; chunks that a reset emptied are used again. */
static lc_chunk *next_chunk(lc_arena *arena, size_t bytes) {
  lc_chunk *last = arena->current;
  for (lc_chunk *chunk = last ? last->next : arena->first; chunk; chunk = chunk->next) {
    chunk->used = 0;
    if (chunk->size >= bytes) return arena->current = chunk;
    last = chunk;
  }
  size_t size = chunk_size(arena->host, bytes);
  size_t head = sizeof(lc_chunk) + ALIGNMENT;
  if (size > SIZE_MAX - head) return NULL;
  lc_chunk *chunk = arena->host->more(arena->host->self, size + head);
  if (!chunk) return NULL;
  uintptr_t start = (uintptr_t)(chunk + 1);
  chunk->next = NULL;
  chunk->used = 0;
  chunk->size = size;
  chunk->memory = (unsigned char *)(chunk + 1) + (ALIGNMENT - start % ALIGNMENT) % ALIGNMENT;
  if (last)
    last->next = chunk;
  else
    arena->first = chunk;
  return arena->current = chunk;
}

void *lc_arena_alloc(lc_arena *arena, lc_index count, size_t size) {
  if (count < 0 || (size > 0 && (size_t)count > (SIZE_MAX - ALIGNMENT) / size)) return NULL;
  size_t bytes = ((size_t)count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
  lc_chunk *chunk = arena->current;
  if (!chunk || chunk->size - chunk->used < bytes) chunk = next_chunk(arena, bytes);
  if (!chunk) return NULL;
  void *piece = chunk->memory + chunk->used;
  chunk->used += bytes;
  return piece;
}

double *lc_arena_doubles(lc_arena *arena, lc_index count) { return lc_arena_alloc(arena, count, sizeof(double)); }

double *lc_arena_zeros(lc_arena *arena, lc_index count) {
  double *piece = lc_arena_doubles(arena, count);
  if (piece) memset(piece, 0, (size_t)count * sizeof(double));
  return piece;
}

lc_mark lc_arena_mark(const lc_arena *arena) {
  lc_mark mark = {arena->current, arena->current ? arena->current->used : 0};
  return mark;
}

void lc_arena_reset(lc_arena *arena, lc_mark mark) {
  arena->current = mark.chunk;
  if (mark.chunk) mark.chunk->used = mark.used;
}
