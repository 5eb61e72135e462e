/* design/stream.h - a matrix that comes in pieces of rows, from the first to the last, once a pass: data beyond memory.
 *
 * The host reads, the design adds up. Memory is two windows of rows whatever n is, and sums are those of a dense matrix
 * in memory, bit for bit: windows are cut where its blocks are, and the partial sums are the same. While a thread works
 * on a window, the caller's reads the next. A sparse stream is worked on piece by piece as the host cuts it; its sums
 * depend on the pieces in the last digits. */
#ifndef LC_DESIGN_STREAM_H
#define LC_DESIGN_STREAM_H

#include "design/design.h"
#include "design/sparse.h"

enum lc_stream_memory { LC_WINDOW_A, LC_WINDOW_B, LC_LEFT, LC_RIGHT, LC_STREAM_MEMORIES };

/* Who reads. Calls are made on the main thread: begin, then reads of all rows, then end; or seek and read, in turns. A
 * pass that fails is not ended; a new one begins at row 0. `end` says whether the rows were those of the passes before
 * (LC_SOURCE: they were not). LC_SOURCE, from then on for every call, when the rows cannot be had; `self` knows why. */
typedef struct lc_stream {
  void *self;
  lc_status (*begin)(void *self);
  /* Dense: the next m rows to `to` (m x p, leading dimension m). NULL: sparse. */
  lc_status (*read)(void *self, lc_index m, double *to);
  /* Sparse: the next piece of at least one row, valid until the next call. NULL: dense. */
  lc_status (*next)(void *self, lc_csc *piece, lc_index *m);
  lc_status (*end)(void *self);
  /* Dense: goes to a row from which the next read begins: `row`, or where rows come only in order (in_order) 0 or the
   * place that was reached, neither behind `row`. Returns it, or -1 where the rows cannot be had. Begins a pass where
   * none goes on, or as many rows were read as there are. */
  lc_index (*seek)(void *self, lc_index row);
  int in_order;
  /* Memory number `which` of at least `doubles` numbers, the same one while it is large enough; NULL: none left. */
  double *(*memory)(void *self, enum lc_stream_memory which, lc_index doubles);
} lc_stream;

/* n rows of p columns. Offers `pass` and verbs of columns, which cannot fail: where a read did, they leave what they
 * have, and the next poll or pass says so. A dense one offers samples of rows, moments, and rows by number
 * (design/stream_rows.c), of which a batch should have few blocks. */
void lc_design_stream(lc_design *out, lc_index n, lc_index p, const lc_stream *stream);

#endif
