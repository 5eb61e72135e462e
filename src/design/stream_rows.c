/* design/stream_rows.c - listed rows of a dense stream, for batches. Blocks of neighbouring rows are read as they are
 * asked for and stay in a ring with room for two groups of them. Who takes the rows of a group in any order, then those
 * of the next, reads each block once, and a batch may have rows of both. */
#include <string.h>

#include "design/dense.h"
#include "design/stream.h"
#include "design/stream_parts.h"

enum { GROUP = 32, GROUP_BYTES = 8 << 20, LEAST_BLOCK = 4, SLOTS = 2 * GROUP };

struct lc_row_ring {
  const lc_stream *stream;
  lc_index block;           /* rows of a block */
  double *memory;           /* SLOTS times block x p */
  lc_index held[SLOTS];     /* number of the block in each slot, -1: none */
  int *slot;                /* of each block, -1: it is not here */
  lc_index *asked, question; /* by which question of row_piece a block was needed last */
  int next;                 /* the slot that is filled next: the oldest */
  lc_status status;         /* what went wrong; numbers are 0 then, and the host's poll says so too */
};

static lc_index block_count(const lc_design *x, lc_index block) { return (x->n + block - 1) / block; }

lc_status lc_stream_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena) {
  LC_TRY(lc_dense_as_rows(x, out, arena)); /* its tile */
  struct lc_row_ring *ring = lc_arena_alloc(arena, 1, sizeof *ring);
  if (!ring) return LC_OUT_OF_MEMORY;
  lc_index fits = GROUP_BYTES / (GROUP * 8 * lc_max(1, x->p));
  lc_index block = lc_min(lc_max(1, x->n), lc_max(LEAST_BLOCK, fits)), blocks = block_count(x, block);
  *ring = (struct lc_row_ring){.stream = x->data, .block = block, .status = LC_OK};
  ring->memory = lc_arena_doubles(arena, lc_min(SLOTS, blocks) * block * x->p);
  ring->slot = lc_arena_alloc(arena, blocks, sizeof *ring->slot);
  ring->asked = lc_arena_alloc(arena, blocks, sizeof *ring->asked);
  if (!ring->memory || !ring->slot || !ring->asked) return LC_OUT_OF_MEMORY;
  for (int s = 0; s < SLOTS; s++) ring->held[s] = -1;
  for (lc_index b = 0; b < blocks; b++) ring->slot[b] = -1, ring->asked[b] = 0;
  out->ring = ring;
  out->block = block;
  out->group = GROUP;
  out->in_order = ring->stream->in_order;
  return LC_OK;
}

/* At most so many blocks as there are slots. */
lc_index lc_stream_row_piece(const lc_rows *rows, lc_index m, const lc_index *index) {
  struct lc_row_ring *ring = rows->ring;
  lc_index most = lc_min(m, rows->most);
  int blocks = 0;
  ring->question++;
  for (lc_index i = 0; i < most; i++) {
    lc_index *asked = ring->asked + index[i] / ring->block;
    if (*asked != ring->question && ++blocks > SLOTS) return i;
    *asked = ring->question;
  }
  return most;
}

static double *slot_memory(const struct lc_row_ring *ring, lc_index p, int slot) {
  return ring->memory + slot * ring->block * p;
}

/* Rows that come in order before those that are wanted go to the same memory and are forgotten. */
static lc_status read_block(struct lc_row_ring *ring, const lc_design *x, lc_index b, double *to) {
  const lc_stream *stream = ring->stream;
  lc_index row0 = b * ring->block, m = lc_min(ring->block, x->n - row0), at = stream->seek(stream->self, row0);
  if (at < 0) return LC_SOURCE;
  for (lc_index skipped; at < row0; at += skipped) {
    skipped = lc_min(ring->block, row0 - at);
    LC_TRY(stream->read(stream->self, skipped, to));
  }
  LC_TRY(stream->read(stream->self, m, to));
  return stream->in_order && row0 + m == x->n ? stream->end(stream->self) : LC_OK;
}

static void fill_slot(struct lc_row_ring *ring, const lc_design *x, lc_index b) {
  int slot = ring->next, slots = (int)lc_min(SLOTS, block_count(x, ring->block));
  double *to = slot_memory(ring, x->p, slot);
  ring->next = (slot + 1) % slots;
  if (ring->held[slot] >= 0) ring->slot[ring->held[slot]] = -1;
  if (ring->status == LC_OK) ring->status = read_block(ring, x, b, to);
  if (ring->status != LC_OK) memset(to, 0, (size_t)(ring->block * x->p) * sizeof(double));
  ring->held[slot] = b;
  ring->slot[b] = slot;
}

/* A stream that is read in order brings the whole group. */
static int slot_of(struct lc_row_ring *ring, const lc_design *x, lc_index b) {
  lc_index first = ring->stream->in_order ? b / GROUP * GROUP : b;
  lc_index last = ring->stream->in_order ? lc_min(first + GROUP, block_count(x, ring->block)) - 1 : b;
  if (ring->slot[b] < 0)
    for (lc_index k = first; k <= last; k++) fill_slot(ring, x, k);
  return ring->slot[b];
}

void lc_stream_row_load(lc_rows *rows, lc_index m, const lc_index *index) {
  const lc_design *x = rows->design;
  struct lc_row_ring *ring = rows->ring;
  for (lc_index i = 0; i < m; i++) {
    lc_index b = index[i] / ring->block, row0 = b * ring->block, ld = lc_min(ring->block, x->n - row0);
    const double *from = slot_memory(ring, x->p, slot_of(ring, x, b)) + (index[i] - row0);
    for (lc_index j = 0; j < x->p; j++)
      rows->tile[i + j * m] = (from[j * ld] - (x->shift ? x->shift[j] : 0)) * (x->scale ? x->scale[j] : 1);
  }
  rows->loaded = rows->tile;
  rows->ld = m;
}
