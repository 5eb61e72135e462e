/* design/design.h - storage of X behind one small table of operations, and what belongs to its rows.
 *
 * A design is n rows of p columns; responses, weights and offsets are observations (lc_obs) that are given beside it,
 * so that a fold is other observations of one design. The loss never sees X, the design never sees a loss: a full
 * sweep hands blocks of rows to a callback (lc_pass). The intercept is a virtual column of ones (`intercept`), never
 * stored.
 *
 * A design may show its columns shifted and scaled, x_ij -> (x_ij - shift_j) * scale_j, without storing
 * the result: shift guards against cancellation (dates, means much larger than the spread; only with an
 * intercept, and never for sparse designs, which would lose their zeros), scale (a power of two) keeps products of
 * extreme columns finite. Solvers work with the columns as shown; lc_unscale_coef() takes coefficients back.
 * An lc_design is a handle of a few words on memory that nobody writes to: lc_design_scaled() makes another that shows
 * the same columns in another way. */
#ifndef LC_DESIGN_H
#define LC_DESIGN_H

#include "base/arena.h"
#include "base/base.h"

typedef struct lc_design lc_design;

enum { LC_BLOCK_ROWS = 1024 }; /* no block has more rows */

/* Observations: what belongs to rows. The arrays are the caller's. */
typedef struct lc_obs {
  lc_index n;
  const double *y;      /* n class codes 0..k-1; NULL where no loss is looked at */
  const double *w;      /* n weights; NULL: all one */
  const double *offset; /* n x noff offsets of the scores, or NULL */
  int noffset;          /* K, or 0 without offsets; of rows that are elsewhere, too */
  const double *class_weights; /* rows that are elsewhere (design/shards.h): the sum of the weights of each of the */
  int classes;                 /* `classes` classes, and y, w and offset are NULL; else NULL */
} lc_obs;

static inline double lc_obs_weight(const lc_obs *obs, lc_index i) { return obs->w ? obs->w[i] : 1; }

/* Sum of the weights; of those of each of k classes, into out. */
double lc_obs_total(const lc_obs *obs);
void lc_obs_class_totals(const lc_obs *obs, int k, double *out);

/* One block of rows as a callback sees it. Column-major with leading dimension ld.
 * In: z, m x K scores (offset included); y class codes 0..k-1; w weights, NULL = all one; off, m x K
 * offsets with leading dimension ldoff or NULL. Out: r, m x K, and s, m x ns (NULL when the pass wants
 * none): rows of R and S of lc_pass, leading dimension ldr. */
typedef struct lc_block {
  lc_index row0;
  int m;
  lc_index ld, ldoff;
  const double *z, *y, *w, *offset;
  double *r, *s;
  lc_index ldr; /* of r and s */
} lc_block;

/* Weight of row i of a block. */
static inline double lc_block_weight(const lc_block *block, int i) { return block->w ? block->w[i] : 1; }

/* What one sweep computes. One read of X serves all.
 *   in   B      q x K coefficients: z = off + X~ B with X~ = [1, X]; NULL: take the scores from Z
 *        Z      n x K scores, written when B is given, NULL: not kept (then B must be given)
 *        block  called once for each block of rows; adds to its nsum sums; may be NULL (scores only);
 *               may run on any thread, so it writes to nothing but its block and its sums
 *        obs    the rows' responses, weights and offsets; NULL: none
 *        task   what `block` does, by number (problem/tasks.h), with ntask numbers `about` it: so it can be done where
 *               the rows are. 0: it cannot
 *   out  sum    nsum numbers: sums over all blocks in a fixed order
 *        G      q x K: X~' R, or NULL
 *        C      for each of the ns columns s of S the packed q x q matrix X~' diag(s) X~, or NULL */
typedef struct lc_pass {
  int K, ns, nsum;
  const lc_obs *obs;
  const double *B;
  double *Z;
  lc_status (*block)(void *context, const lc_block *block, double *sum);
  void *context;
  int task, ntask;
  const double *about;
  double *sum, *G, *C;
} lc_pass;

/* Does the pass read X? Else it works on the scores alone. */
static inline int lc_pass_reads(const lc_pass *pass) { return pass->B || pass->G || pass->C; }

/* What a design can do beside `pass`. */
enum {
  LC_COLUMNS = 1, /* col_dot, col_axpy, col_cross */
  LC_ROWS = 2,    /* as_rows */
  LC_STREAMED = 4,  /* each verb of columns is a read of X, however few; those of the intercept alone are none */
  LC_ELSEWHERE = 8 /* only passes with B and a task, without Z: sums come back from where the rows are */
};

/* Rows in any order: dense columns are read in place, sparse designs as CSR, streams by blocks. */
typedef struct lc_rows {
  const lc_design *design;
  const lc_obs *obs; /* of the same rows, whose offsets are part of scores; set by who asked for the rows; NULL: none */
  /* CSR: rows' starts (n + 1), columns of the entries (increasing within a row), their values as shown; values that
   * are floats without loss are `narrow`, else `value`, and the other is NULL. All NULL where no index is needed. */
  const int *start, *column;
  const double *value;
  const float *narrow;
  const double *scale; /* the design's when the entries were copied: under another one they are of no use */
  double pairs;        /* sum over rows of the square of a row's number of entries: what a Gram matrix costs */
  /* dense: the batch that was loaded last, m x p with leading dimension ld: in `tile`, or in place */
  lc_index most, ld; /* most rows of a load; 0: any number */
  double *tile;
  const double *loaded;
  /* a stream: rows of a block, which is read as a whole; blocks of a group, which are in memory together. An order of
   * rows should take one group after another, and blocks as they come where in_order is 1. block 0: any order is fine
   */
  lc_index block, group;
  int in_order;
  struct lc_row_ring *ring;
} lc_rows;

/* Value of entry e. */
static inline double lc_rows_value(const lc_rows *rows, lc_index e) {
  return rows->narrow ? (double)rows->narrow[e] : rows->value[e];
}

typedef struct lc_colstat {
  double *mean, *sd, *max_abs;  /* weighted mean; sd with divisor sum of weights; p each */
  double *n_na, *n_nan, *n_inf; /* counts over rows with positive weight; p each */
} lc_colstat;

/* A column of few entries as a quadratic model of the loss needs it: value[e] in row row[e]. They are rounded to
 * floats, because a model's Hessian gives directions and no truth, and a sweep reads all of them. */
typedef struct lc_spvec {
  lc_index entries;
  const int *row;
  float *value;
} lc_spvec;

/* x' diag(s) t, s NULL: 1; x'x. */
double lc_spvec_dot(const lc_spvec *x, const double *s, const double *t);
double lc_spvec_square(const lc_spvec *x);
/* t += d x. */
void lc_spvec_push(const lc_spvec *x, double d, double *t);

/* The entries of some columns by rows, numbered in the order in which they came. Row i has entries start[i] .. end[i] -
 * 1 and room for all that it has in X: a column that comes is appended, nothing is moved. */
typedef struct lc_grown_rows {
  lc_index columns, entries; /* that came */
  int *start, *end;          /* n each */
  int *index;                /* number of an entry's column */
  float *narrow;             /* its value as shown, rounded to a float, */
  double *value;             /* and as it is; NULL where all of them are floats */
} lc_grown_rows;

typedef struct lc_unique_rows lc_unique_rows;

/* What a loop over listed columns works on: nj columns j, K score columns. */
typedef struct lc_column_job {
  const lc_design *x;
  lc_index nj;
  const lc_index *j;
  int K;
  const double *in; /* n x K or nj x K */
  double *out;      /* the other */
} lc_column_job;

typedef struct lc_design_ops {
  const char *name;
  unsigned caps;
  double written_out; /* most numbers as which its columns may be written out; Inf where they are */
  /* See lc_pass. Cost: one read of X. */
  lc_status (*pass)(const lc_design *, const lc_pass *, const lc_host *, lc_arena *);
  /* Tells that about `passes` passes with K score columns will follow, so that the design may make, in the arena, what
   * makes them faster: a sparse one copies itself in the order of rows, where sizes say that it pays. Shift and scale
   * are set before; what was made under another scale is left aside. NULL: nothing to make. */
  lc_status (*prepare)(lc_design *, int K, double passes, lc_arena *);
  /* The three verbs of columns use up to host->threads threads, with the same bits for any number.
   * c (nj x K) = columns j of X~ (column index 0 is the intercept when there is one) times R (n x K). Scratch for speed
   * alone in the arena. */
  void (*col_dot)(const lc_design *, lc_index nj, const lc_index *j, int K, const double *R, double *c, lc_arena *);
  /* Z (n x K) += columns j of X~ times d (nj x K). */
  void (*col_axpy)(const lc_design *, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                   const lc_host *);
  /* C (ni x nj) = columns i of X~ ' diag(s) columns j; s n weights. Where i and j are one list (the same pointer and
   * length) half of the work is saved. */
  lc_status (*col_cross)(const lc_design *, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                         const double *s, double *C, lc_arena *);
  /* out <- a design of the same columns rounded to floats, which are half the bytes: for steps whose errors are mended
   * afterwards. Columns j (nj of them) are taken in by this call, others by further ones; of the verbs above it has
   * col_dot and col_axpy, for columns that were taken in, and passes that do not read. out->ops is NULL before the
   * first call, and stays so where nothing would be saved. 4 bytes a number of X in the arena, asked for at once. Cost:
   * one read of the columns. NULL: not in memory as columns of numbers. */
  lc_status (*round)(const lc_design *, lc_index nj, const lc_index *j, lc_design *out, lc_arena *);
  /* Statistics of the columns as they are stored, weights w (NULL: all one) with sum `total`. See
   * lc_design_colstats(). */
  lc_status (*colstats)(const lc_design *, const double *w, double total, const lc_host *, lc_colstat *out);
  /* See lc_design_moments(). NULL: columns cannot be read one by one. */
  lc_status (*moments)(const lc_design *, int K, const double *S, const lc_host *, lc_arena *, double *sum,
                       double *square);
  /* May column j be shown shifted? Not where zeros are not stored. NULL: every column may. */
  int (*may_shift)(const lc_design *, lc_index j);
  /* Doubles that would take as much memory as the columns do. */
  double (*cells)(const lc_design *);
  /* See lc_unique_rows_make(). NULL where rows hardly repeat. */
  lc_status (*unique_rows)(const lc_design *, const lc_obs *, lc_unique_rows *out, int *pays, lc_arena *);
  /* out[a] <- column j[a] of X~ as entries by[a] root[i] x_ij, root NULL: 1; the intercept has none. Values are in the
   * arena, 4 bytes an entry, rows are the design's. Cost: one read of the columns. NULL where columns have entries
   * everywhere. */
  lc_status (*col_thin)(const lc_design *, lc_index nj, const lc_index *j, const double *by, const double *root,
                        lc_spvec *out, const lc_host *, lc_arena *);
  /* Rows without columns yet, in the arena: 8 bytes for each entry of X, 16 where values are no floats. Cost: one read
   * of the row numbers. Then features j (numbered from 0) come, in this order, at the cost of their entries. NULL where
   * columns have entries everywhere. */
  lc_status (*grown_rows)(const lc_design *, lc_grown_rows *out, lc_arena *);
  void (*grow_rows)(const lc_design *, lc_index nj, const lc_index *j, lc_grown_rows *rows, const lc_host *);
  /* c (nj lines of W numbers) = features j of X' times n lines of W numbers, W <= LC_GATHER_WIDTH. Goes with them. */
  void (*col_lines)(const lc_design *, lc_index nj, const lc_index *j, int W, const double *R, double *c,
                    const lc_host *);
  /* The same for lines of LC_LANES floats, in half the time: errors are below 2e-7 sum_i |x_ij r_i|. */
  void (*col_float_lines)(const lc_design *, lc_index nj, const lc_index *j, const float *R, double *c,
                          const lc_host *);
  /* out <- a copy, in the arena, of `count` runs of `length` rows each, run r from row first[r] on (runs may overlap),
   * columns as shown (dense and sparse ones have neither shift nor scale after it), in the same storage; sparse rows
   * increase within a column when first[] does. Cost: the runs; when sparse the row numbers of all entries twice, and n
   * + count * length integers of scratch that stay in the arena. */
  lc_status (*subset)(const lc_design *, lc_index count, const lc_index *first, lc_index length, lc_design *out,
                      lc_arena *);
  /* Tells the host where a fit stands: B (q x K) of the shown columns. NULL: it does not want to know. */
  lc_status (*stands)(const lc_design *, int K, double iteration, const double *B);
  /* Rows by number. */
  lc_status (*as_rows)(const lc_design *, lc_rows *out, lc_arena *);
  /* How many rows, from the first of m >= 1 on, are best worked on together; at most rows->most. NULL: all. */
  lc_index (*row_piece)(const lc_rows *, lc_index m, const lc_index *index);
  /* To be called before the verbs below with the same m <= rows->most and index; they may then be called several
   * times at little cost. NULL: nothing to do. One read of the rows; contiguous ones are not copied. */
  void (*row_load)(lc_rows *, lc_index m, const lc_index *index);
  /* The features (numbered from 0) in which rows `index` have entries, each once, to `column` (p places); returns their
   * number. mark: p bytes, all 0 before and after. Cost: the entries. NULL where rows have entries everywhere. */
  lc_index (*row_columns)(const lc_rows *, lc_index m, const lc_index *index, unsigned char *mark, lc_index *column);
  /* Z (m x K, ld m) = scores of rows `index`; offsets included. */
  void (*row_scores)(const lc_rows *, lc_index m, const lc_index *index, int K, const double *B, double *Z);
  /* G (q x K) += X~[index, ]' R, R m x K with ld m. */
  void (*row_gradient)(const lc_rows *, lc_index m, const lc_index *index, int K, const double *R, double *G);
} lc_design_ops;

struct lc_design {
  const lc_design_ops *ops;
  lc_index n, p;
  int intercept;               /* 1: an intercept is fitted */
  const double *shift, *scale; /* p each or NULL */
  const void *data;            /* what the storage's own files know: numbers, lc_csc, lc_coded */
  enum lc_storage storage;     /* of dense numbers */
  const lc_rows *rows;         /* a copy in the order of rows, NULL where none was made (prepare) */
};

/* q = p + intercept. */
static inline lc_index lc_design_q(const lc_design *x) { return x->p + x->intercept; }

/* How columns are shown; see above. */
typedef struct lc_scaling {
  const double *shift, *scale; /* p each; NULL: columns as they are */
} lc_scaling;

/* The same columns shown in another way. What `prepare` made of x goes along. */
static inline lc_design lc_design_scaled(const lc_design *x, lc_scaling scaling) {
  lc_design out = *x;
  out.shift = scaling.shift;
  out.scale = scaling.scale;
  return out;
}

/* Designs over the caller's memory, which must outlive them and is never written to. */
void lc_design_dense(lc_design *out, lc_index n, lc_index p, enum lc_storage storage, const void *x);

/* Rows `row` (m of them), copied into the arena. */
lc_status lc_obs_take(const lc_obs *obs, lc_index m, const lc_index *row, lc_obs *out, lc_arena *arena);

/* The distinct rows of a design (equal levels, numbers, y and offsets) with the sums of their weights, in the order in
 * which they come first: fits of it are fits of the design it comes from, whose row i is its row row_of[i]. */
struct lc_unique_rows {
  lc_design design;
  lc_obs obs;
  const lc_index *row_of;
};

/* Joins equal rows; what it makes is in the arena. *pays = 0, and `out` is left alone, for storages whose rows do not
 * repeat and where that would not halve the rows. Cost: one read of X. Made once for a fit or a path, by whoever owns
 * the rows. */
lc_status lc_unique_rows_make(const lc_design *x, const lc_obs *obs, lc_unique_rows *out, int *pays, lc_arena *arena);

static inline int lc_design_may_shift(const lc_design *x, lc_index j) {
  return !x->ops->may_shift || x->ops->may_shift(x, j);
}

/* Column statistics of the user's columns, rows weighted by w (NULL: all one); arrays of `out` are the caller's. Finite
 * for finite columns of any size. Columns with NaN or Inf have NaN statistics. Cost: one or two reads of X. The status
 * is the host's. */
lc_status lc_design_colstats(const lc_design *x, const double *w, const lc_host *host, lc_colstat *out);

/* sum, square (q x K each) = columns of X~ and their squares, times S' (S: K x n, the weights of a row side by side).
 * Cost: one read of X for each 8 of K. LC_UNSUPPORTED for storages whose columns cannot be read one by one (nothing is
 * written). */
lc_status lc_design_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                            double *sum, double *square);

/* A sample of about `rows` rows: runs of 64, one at a random place of each of equal stretches of rows (sorted data are
 * covered evenly), by a fixed seed. out as from `subset`, with its observations. Where the rows would be half of all or
 * more, out <- x. LC_UNSUPPORTED where the design has no subsets. */
lc_status lc_design_sample(const lc_design *x, const lc_obs *obs, lc_index rows, lc_design *out, lc_obs *out_obs,
                           lc_arena *arena);

/* Coefficients B (q x K) of the shown columns to those of the user's columns, in place, and back. 0: some coefficient
 * is no finite number (that of values of 1e-310 can be beyond the largest). */
int lc_unscale_coef(const lc_design *x, int K, double *B);
/* The same of the listed entries of B alone (none twice), if all others are 0: they may be in any order, but intercepts
 * are among them. */
int lc_unscale_listed(const lc_design *x, lc_index count, const lc_index *index, double *B);
void lc_scale_coef(const lc_design *x, int K, double *B);

/* Offsets of a pass, or of loaded rows: n x K, or NULL. */
static inline const double *lc_offsets_of(const lc_obs *obs) { return obs ? obs->offset : NULL; }

/* The block of rows row0 .. row0 + m - 1 whose scores are z (ld ldz); r and s (ld ldr) where the pass wants them. */
static inline lc_block lc_block_of(const lc_pass *pass, lc_index row0, lc_index m, const double *z, lc_index ldz,
                                   double *r, double *s, lc_index ldr) {
  const lc_obs *obs = pass->obs;
  return (lc_block){.row0 = row0,
                    .m = (int)m,
                    .ld = ldz,
                    .ldoff = obs ? obs->n : 0,
                    .z = z,
                    .y = obs && obs->y ? obs->y + row0 : NULL,
                    .w = obs && obs->w ? obs->w + row0 : NULL,
                    .offset = obs && obs->offset ? obs->offset + row0 : NULL,
                    .r = pass->G ? r : NULL,
                    .s = pass->C ? s : NULL,
                    .ldr = ldr};
}

#endif
