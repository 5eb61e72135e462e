/* design/dense.h - what the files of dense designs share: how a column is loaded, and one pass whose rows may come in
 * windows (design/stream.h). */
#ifndef LC_DESIGN_DENSE_H
#define LC_DESIGN_DENSE_H

#include "design/partial_sums.h"
#include "design/design.h"

static inline int lc_dense_is_double(const lc_design *x) { return x->storage == LC_DOUBLE; }
static inline const double *lc_dense_numbers(const lc_design *x) { return x->data; }
static inline const int *lc_dense_integers(const lc_design *x) { return x->data; }

/* Are columns shown as they are stored? Then kernels read them where they lie, ints too. */
static inline int lc_dense_is_view(const lc_design *x) { return !x->shift && !x->scale; }

/* Where column j is stored, from row i on. */
static inline const void *lc_dense_stored(const lc_design *x, lc_index i, lc_index j) {
  return (const char *)x->data + (size_t)(j * x->n + i) * lc_storage_bytes(x->storage);
}

static inline double lc_dense_sum(lc_index m, const double *r) {
  double sum = 0;
  for (lc_index i = 0; i < m; i++) sum += r[i];
  return sum;
}

/* Rows row0 .. row0+m-1 of one column as shown, written to out. */
void lc_dense_load(const lc_design *x, lc_index row0, lc_index m, lc_index j, double *out);

/* Verbs of rows of lc_design_ops; the last two work on what was loaded, wherever it came from. */
lc_status lc_dense_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena);
void lc_dense_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B, double *Z);
void lc_dense_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R, double *G);

/* `pass` of lc_design_ops. */
lc_status lc_dense_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena);

/* ---- the same sums from rows that come in order --------------------------------------------------------------------
 * Blocks and partial sums are those of lc_dense_pass(), so that the bits are. */

typedef struct lc_dense_slot {
  double *tile, *z, *r, *s, *work, *ones; /* scratch of one tile; ones: p x ns, X'S of the intercept row */
  const void **list;
  lc_partial partial;
} lc_dense_slot;

typedef struct lc_dense_sweep {
  const lc_design *x;
  const lc_pass *pass;
  lc_design stored; /* where rows `first` .. first + stored.n - 1 of x lie, shown as x is */
  lc_index first;
  int rows, slots; /* rows of a block */
  lc_index q, nblocks, packed;
  lc_dense_slot slot[LC_MOST_PARTIALS];
} lc_dense_sweep;

/* Rows of a block: a window has a multiple of them, but the last. A multiple of 16 where n is not smaller. */
lc_index lc_dense_block_rows(lc_index n, lc_index p);

/* What a row of the sweep costs on one core: seconds, by a cautious count of bytes and flops. */
double lc_dense_seconds(const lc_dense_sweep *sweep);

/* All sums zero. in_order: windows will come one after another, so that scratch memory of one block will do. */
lc_status lc_dense_sweep_begin(const lc_design *x, const lc_pass *pass, int in_order, lc_dense_sweep *out,
                               lc_arena *arena);
/* The next m rows, from row0 on: X (m x p, leading dimension m). */
lc_status lc_dense_sweep_rows(lc_dense_sweep *sweep, lc_index row0, lc_index m, const double *X);
/* The sums of all slots, to where the pass wants them. */
void lc_dense_sweep_end(const lc_dense_sweep *sweep);

#endif
