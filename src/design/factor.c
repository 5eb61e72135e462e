/* design/factor.c - columns of dummies that stay codes.
 *
 * A sweep works with levels: the coefficients of the columns become one number a level, scores gather them, gradients
 * and Gram matrices are sums by level (a factor with a factor: a table of summed weights), and at the end levels
 * become columns. Inside a sweep level 0 is the intercept and all levels of lc_coded follow from 1, so that code c of
 * a part stands for number first + c. Numeric columns go through the dense kernels as a tile behind a column of ones.
 */
#include <string.h>

#include "design/factor.h"
#include "design/partial_sums.h"
#include "kernel/kernel.h"
#include "threads/threads.h"

enum { BLOCK = 512 };

/* Levels of a sweep as combinations of the q coefficients, with the scale of the columns. */
typedef struct map {
  lc_index levels;
  const int *start, *column;
  const double *weight;
} map;

static int is_numeric(const lc_part *part) { return !part->code; }
static double scale_of(const lc_design *x, lc_index j) { return x->scale ? x->scale[j] : 1; }

/* The scale of numeric columns is in their numbers, that of others in their weights. */
static double entry_weight(const lc_design *x, int level, int e) {
  const lc_coded *coded = lc_coded_of(x);
  return (coded->weight ? coded->weight[e] : 1) * (level < coded->nnumeric ? 1 : scale_of(x, coded->column[e]));
}

static lc_status make_map(const lc_design *x, map *out, lc_arena *arena) {
  const lc_coded *coded = lc_coded_of(x);
  int entries = coded->start[coded->nlevels] + x->intercept, at = x->intercept;
  int *start = lc_arena_alloc(arena, coded->nlevels + 2, sizeof *start);
  int *column = lc_arena_alloc(arena, entries, sizeof *column);
  double *weight = lc_arena_doubles(arena, entries);
  if (!start || !column || !weight) return LC_OUT_OF_MEMORY;
  start[0] = 0;
  if (x->intercept) {
    column[0] = 0;
    weight[0] = 1;
  }
  for (int l = 0; l < coded->nlevels; l++) {
    start[l + 1] = at;
    for (int e = coded->start[l]; e < coded->start[l + 1]; e++, at++) {
      column[at] = coded->column[e] + x->intercept;
      weight[at] = entry_weight(x, l, e);
    }
  }
  start[coded->nlevels + 1] = at;
  *out = (map){coded->nlevels + 1, start, column, weight};
  return LC_OK;
}

/* Numbers of levels from those of columns (q x K each): T = M B. */
static void to_levels(const map *m, lc_index q, int K, const double *B, double *T) {
  for (int c = 0; c < K; c++)
    for (lc_index l = 0; l < m->levels; l++) {
      double sum = 0;
      for (int e = m->start[l]; e < m->start[l + 1]; e++) sum += m->weight[e] * B[m->column[e] + c * q];
      T[l + c * m->levels] = sum;
    }
}

/* G = M' T. */
static void to_columns(const map *m, lc_index q, int K, const double *T, double *G) {
  memset(G, 0, (size_t)(q * K) * sizeof(double));
  for (int c = 0; c < K; c++)
    for (lc_index l = 0; l < m->levels; l++)
      for (int e = m->start[l]; e < m->start[l + 1]; e++)
        G[m->column[e] + c * q] += m->weight[e] * T[l + c * m->levels];
}

/* C = M' T M, both packed. half: levels x q. */
static void to_gram(const map *m, lc_index q, const double *T, double *half, double *C) {
  lc_index L = m->levels;
  memset(half, 0, (size_t)(L * q) * sizeof(double));
  memset(C, 0, (size_t)lc_packed_size(q) * sizeof(double));
  for (lc_index b = 0; b < L; b++)
    for (int e = m->start[b]; e < m->start[b + 1]; e++) {
      double *column = half + m->column[e] * L, weight = m->weight[e];
      for (lc_index a = 0; a <= b; a++) column[a] += weight * T[lc_packed_at(a, b)];
      for (lc_index a = b + 1; a < L; a++) column[a] += weight * T[lc_packed_at(b, a)];
    }
  for (lc_index v = 0; v < q; v++)
    for (lc_index a = 0; a < L; a++)
      for (int e = m->start[a]; e < m->start[a + 1]; e++)
        if (m->column[e] <= v) C[lc_packed_at(m->column[e], v)] += m->weight[e] * half[a + v * L];
}

/* ---- a sweep -------------------------------------------------------------------------------------------------- */

/* Everything that one partial sum needs; slots share nothing. */
typedef struct slot {
  double *tile, *z, *r, *s, *work; /* scratch of one block; tile: ones and the numeric columns as shown */
  lc_index *base;                  /* where the packed column of each row's level starts */
  lc_partial partial;
} slot;

typedef struct sweep {
  const lc_design *x;
  const lc_pass *pass;
  map map;
  int slots, wide; /* wide: columns of the tile */
  lc_index nblocks, packed;
  double *B; /* of levels */
  slot slot[LC_MOST_PARTIALS];
} sweep;

static lc_status make_slot(const sweep *sw, slot *out, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  int wide = sw->wide;
  out->tile = lc_arena_doubles(arena, (lc_index)BLOCK * wide);
  out->z = lc_arena_doubles(arena, pass->Z ? 0 : BLOCK * pass->K);
  out->r = lc_arena_doubles(arena, (lc_index)BLOCK * pass->K);
  out->s = lc_arena_doubles(arena, (lc_index)BLOCK * (pass->ns + 1)); /* and one column of scratch */
  out->work = lc_arena_doubles(arena, pass->C ? BLOCK * lc_max(wide, LC_GRAM_WORK) : 0);
  out->base = lc_arena_alloc(arena, pass->C ? BLOCK : 0, sizeof *out->base);
  if (!out->tile || !out->z || !out->r || !out->s || !out->work || !out->base) return LC_OUT_OF_MEMORY;
  for (int i = 0; i < BLOCK; i++) out->tile[i] = 1;
  return lc_partial_make(&out->partial, pass->nsum, pass->G ? sw->map.levels * pass->K : 0,
                         pass->C ? sw->packed * pass->ns : 0, arena);
}

/* Numeric column t as shown. */
static void load_numeric(const lc_design *x, int t, lc_index row0, lc_index m, double *out) {
  const lc_coded *coded = lc_coded_of(x);
  lc_index j = coded->column[coded->start[t]];
  const double *value = coded->part[t].value + row0;
  double shift = x->shift ? x->shift[j] : 0, scale = scale_of(x, j);
  for (lc_index i = 0; i < m; i++) out[i] = (value[i] - shift) * scale;
}

static void add_scores(const sweep *sw, const slot *own, lc_index row0, lc_index m, double *z, lc_index ldz) {
  const lc_design *x = sw->x;
  const double *offset = lc_offsets_of(sw->pass->obs);
  lc_index L = sw->map.levels;
  int K = sw->pass->K;
  for (int c = 0; c < K; c++) {
    if (offset)
      memcpy(z + c * ldz, offset + c * x->n + row0, (size_t)m * sizeof(double));
    else
      memset(z + c * ldz, 0, (size_t)m * sizeof(double));
  }
  lc_kernels()->scores(m, sw->wide, K, own->tile, BLOCK, sw->B, L, z, ldz);
  for (int t = lc_coded_of(x)->nnumeric; t < lc_coded_of(x)->nparts; t++) {
    const lc_part *part = lc_coded_of(x)->part + t;
    const int *code = part->code + row0;
    for (int c = 0; c < K; c++) {
      const double *b = sw->B + c * L + part->first;
      double *column = z + c * ldz;
      if (part->value)
        for (lc_index i = 0; i < m; i++) column[i] += part->value[row0 + i] * b[code[i]];
      else
        for (lc_index i = 0; i < m; i++) column[i] += b[code[i]];
    }
  }
}

static void add_gradient(const sweep *sw, const slot *own, lc_index row0, lc_index m) {
  const lc_coded *coded = lc_coded_of(sw->x);
  lc_index L = sw->map.levels;
  int K = sw->pass->K;
  lc_kernels()->gradient(m, sw->wide, K, own->tile, BLOCK, own->r, BLOCK, own->partial.G, L);
  for (int t = coded->nnumeric; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    const int *code = part->code + row0;
    for (int c = 0; c < K; c++) {
      const double *r = own->r + (lc_index)c * BLOCK;
      double *g = own->partial.G + c * L + part->first;
      if (part->value)
        for (lc_index i = 0; i < m; i++) g[code[i]] += part->value[row0 + i] * r[i];
      else
        for (lc_index i = 0; i < m; i++) g[code[i]] += r[i];
    }
  }
}

/* Sums of the rows' numbers by level: C[base_i + offset_i] += s_i (value_i). */
static void count(lc_index m, const lc_index *base, const int *code, const double *s, const double *value, double *C) {
  if (value)
    for (lc_index i = 0; i < m; i++) C[base[i] + code[i]] += s[i] * value[i];
  else
    for (lc_index i = 0; i < m; i++) C[base[i] + code[i]] += s[i];
}

/* The rows of part u in the packed table: with the tile, with the parts before it, with itself. */
static void add_tables(const sweep *sw, const slot *own, lc_index row0, lc_index m, int u, const double *s, double *C) {
  const lc_coded *coded = lc_coded_of(sw->x);
  const lc_part *part = coded->part + u;
  const int *code = part->code + row0;
  double *weighted = own->s + (lc_index)sw->pass->ns * BLOCK;
  for (lc_index i = 0; i < m; i++) {
    lc_index level = part->first + code[i];
    own->base[i] = lc_packed_at(0, level);
    weighted[i] = part->value ? s[i] * part->value[row0 + i] : s[i];
  }
  for (int a = 0; a < sw->wide; a++)
    for (lc_index i = 0; i < m; i++) C[own->base[i] + a] += weighted[i] * own->tile[i + a * BLOCK];
  for (int t = coded->nnumeric; t <= u; t++) {
    const lc_part *other = coded->part + t;
    count(m, own->base, other->code + row0, weighted, other->value ? other->value + row0 : NULL, C + other->first);
  }
}

static void add_gram(const sweep *sw, const slot *own, lc_index row0, lc_index m) {
  const lc_coded *coded = lc_coded_of(sw->x);
  int ns = sw->pass->ns;
  lc_kernels()->gram(m, sw->wide, 0, ns, own->tile, BLOCK, own->s, BLOCK, own->partial.C, sw->packed, own->work);
  for (int k = 0; k < ns; k++)
    for (int u = coded->nnumeric; u < coded->nparts; u++)
      add_tables(sw, own, row0, m, u, own->s + (lc_index)k * BLOCK, own->partial.C + k * sw->packed);
}

static lc_status run_block(void *context, int k, lc_index number) {
  const sweep *sw = context;
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  const slot *own = sw->slot + k;
  lc_index row0 = number * BLOCK, m = lc_min(BLOCK, x->n - row0), ldz = pass->Z ? x->n : BLOCK;
  double *z = pass->Z ? pass->Z + row0 : own->z;
  if (pass->B || pass->G || pass->C)
    for (int t = 0; t < lc_coded_of(x)->nnumeric; t++) load_numeric(x, t, row0, m, own->tile + (t + 1) * BLOCK);
  if (pass->B) add_scores(sw, own, row0, m, z, ldz);
  if (!pass->block) return LC_OK;
  lc_block block = lc_block_of(pass, row0, m, z, ldz, own->r, own->s, BLOCK);
  LC_TRY(pass->block(pass->context, &block, own->partial.sum));
  if (pass->G) add_gradient(sw, own, row0, m);
  if (pass->C) add_gram(sw, own, row0, m);
  return LC_OK;
}

/* All slots into the first, and levels to columns. */
static lc_status combine(sweep *sw, lc_arena *arena) {
  const lc_pass *pass = sw->pass;
  const lc_partial *total = &sw->slot->partial;
  lc_index q = lc_design_q(sw->x), L = sw->map.levels;
  double *half = lc_arena_doubles(arena, pass->C ? L * q : 0);
  if (!half) return LC_OUT_OF_MEMORY;
  for (int k = 1; k < sw->slots; k++) lc_partial_add(&sw->slot[k].partial, total);
  if (pass->sum) memcpy(pass->sum, total->sum, (size_t)pass->nsum * sizeof(double));
  if (pass->G) to_columns(&sw->map, q, pass->K, total->G, pass->G);
  for (int s = 0; pass->C && s < pass->ns; s++)
    to_gram(&sw->map, q, total->C + s * sw->packed, half, pass->C + s * lc_packed_size(q));
  return LC_OK;
}

static lc_status run_sweep(sweep *sw, const lc_host *host, lc_arena *arena) {
  const lc_design *x = sw->x;
  const lc_pass *pass = sw->pass;
  LC_TRY(make_map(x, &sw->map, arena));
  lc_index L = sw->map.levels;
  sw->packed = lc_packed_size(L);
  sw->nblocks = (x->n + BLOCK - 1) / BLOCK;
  /* Partial sums should be a small part of the work. */
  lc_index sums = lc_max(1, (pass->G ? L * pass->K : 0) + (pass->C ? sw->packed * pass->ns : 0));
  sw->slots = lc_partial_count(lc_min(sw->nblocks, lc_max(2, 4 * x->n / L)), sums);
  sw->B = lc_arena_doubles(arena, L * pass->K);
  if (!sw->B) return LC_OUT_OF_MEMORY;
  if (pass->B) to_levels(&sw->map, lc_design_q(x), pass->K, pass->B, sw->B);
  for (int k = 0; k < sw->slots; k++) LC_TRY(make_slot(sw, sw->slot + k, arena));
  double parts = lc_coded_of(x)->nparts + 1, pairs = pass->C ? parts * parts / 2 * pass->ns : 0;
  double seconds = BLOCK * (4e-9 * pass->K * (parts + 2) + 4e-9 * pairs);
  LC_TRY(lc_partials_run(sw->nblocks, sw->slots, seconds, run_block, sw, host));
  return combine(sw, arena);
}

static lc_status coded_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  lc_mark mark = lc_arena_mark(arena);
  sweep sw = {.x = x, .pass = pass, .wide = lc_coded_of(x)->nnumeric + 1};
  lc_status status = run_sweep(&sw, host, arena);
  lc_arena_reset(arena, mark);
  return status;
}

/* ---- rows ----------------------------------------------------------------------------------------------------- */

/* Walks over the entries of one row but the intercept. */
typedef struct cursor {
  const lc_design *x;
  lc_index row;
  int part, level, at, end;
} cursor;

static cursor start_row(const lc_design *x, lc_index row) { return (cursor){.x = x, .row = row, .part = -1}; }

/* The next column of X~ and the number that stands there; 0 at the end. */
static inline int next_entry(cursor *c, lc_index *column, double *number) {
  const lc_coded *coded = lc_coded_of(c->x);
  while (c->at == c->end) {
    if (++c->part == coded->nparts) return 0;
    const int *code = coded->part[c->part].code;
    c->level = coded->part[c->part].first + (code ? code[c->row] - 1 : 0);
    c->at = coded->start[c->level];
    c->end = coded->start[c->level + 1];
  }
  const lc_part *part = coded->part + c->part;
  lc_index j = coded->column[c->at];
  double value = part->value ? part->value[c->row] : 1;
  if (is_numeric(part)) value = (value - (c->x->shift ? c->x->shift[j] : 0)) * scale_of(c->x, j);
  *number = value * entry_weight(c->x, c->level, c->at++);
  *column = j + c->x->intercept;
  return 1;
}

/* ---- columns -------------------------------------------------------------------------------------------------- */

/* A piece of a column: rows (NULL: all) with the numbers weight (value - shift), value NULL: 1 and no shift. */
typedef struct piece {
  lc_index count;
  const int *row;
  const double *value;
  double shift, weight;
} piece;

/* Piece e of column j of X~; 0 past the last. */
static int get_piece(const lc_design *x, lc_index j, int e, piece *out) {
  const lc_coded *coded = lc_coded_of(x);
  if (j < x->intercept) {
    *out = (piece){x->n, NULL, NULL, 0, 1};
    return e == 0;
  }
  j -= x->intercept;
  int at = coded->first[j] + e;
  if (at >= coded->first[j + 1]) return 0;
  const lc_part *part = coded->part + coded->owner[j];
  if (is_numeric(part)) {
    *out = (piece){x->n, NULL, part->value, x->shift ? x->shift[j] : 0, scale_of(x, j)};
  } else {
    lc_index from = coded->begin[coded->level[at]], to = coded->begin[coded->level[at] + 1];
    *out = (piece){to - from, coded->row + from, part->value, 0, coded->by[at] * scale_of(x, j)};
  }
  return 1;
}

static lc_index piece_row(const piece *from, lc_index i) { return from->row ? from->row[i] : i; }

static double piece_number(const piece *from, lc_index row) {
  return from->weight * (from->value ? from->value[row] - from->shift : 1);
}

static double piece_dot(const piece *from, const double *r) {
  double sum = 0;
  for (lc_index i = 0; i < from->count; i++) {
    lc_index row = piece_row(from, i);
    sum += piece_number(from, row) * r[row];
  }
  return sum;
}

static void dot_some(void *context, lc_index from, lc_index to) {
  const lc_column_job *job = context;
  for (lc_index a = from; a < to; a++)
    for (int k = 0; k < job->K; k++) {
      piece part;
      double sum = 0;
      for (int e = 0; get_piece(job->x, job->j[a], e, &part); e++) sum += piece_dot(&part, job->in + k * job->x->n);
      job->out[a + k * job->nj] = sum;
    }
}

static void coded_col_dot(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *R, double *c,
                          lc_arena *arena) {
  lc_column_job job = {x, nj, j, K, R, c};
  lc_parallel(lc_threads_for(arena->host, 1e-9 * (double)x->n * (double)nj * K), nj, 16, dot_some, &job);
}

static void coded_col_axpy(const lc_design *x, lc_index nj, const lc_index *j, int K, const double *d, double *Z,
                           const lc_host *host) {
  (void)host;
  for (int k = 0; k < K; k++)
    for (lc_index a = 0; a < nj; a++) {
      double *z = Z + k * x->n, b = d[a + k * nj];
      piece part;
      for (int e = 0; get_piece(x, j[a], e, &part); e++)
        for (lc_index i = 0; i < part.count; i++) {
          lc_index row = piece_row(&part, i);
          z[row] += piece_number(&part, row) * b;
        }
    }
}

/* Adds X~' diag(s) times column j to the columns that have a place (from 1 on; 0: not wanted). */
static void cross_column(const lc_design *x, const int *place, lc_index j, const double *s, double *out) {
  piece part;
  lc_index a;
  double number;
  for (int e = 0; get_piece(x, j, e, &part); e++)
    for (lc_index i = 0; i < part.count; i++) {
      lc_index row = piece_row(&part, i);
      double amount = s[row] * piece_number(&part, row);
      if (x->intercept && place[0]) out[place[0] - 1] += amount;
      for (cursor walk = start_row(x, row); next_entry(&walk, &a, &number);)
        if (place[a]) out[place[a] - 1] += amount * number;
    }
}

typedef struct cross_job {
  const lc_design *x;
  const int *place;
  lc_index ni;
  const lc_index *j;
  const double *s;
  double *C;
} cross_job;

static void cross_some(void *context, lc_index from, lc_index to) {
  const cross_job *job = context;
  for (lc_index b = from; b < to; b++) cross_column(job->x, job->place, job->j[b], job->s, job->C + b * job->ni);
}

static lc_status coded_col_cross(const lc_design *x, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                                 const double *s, double *C, lc_arena *arena) {
  const lc_host *host = arena->host;
  lc_mark mark = lc_arena_mark(arena);
  lc_index q = lc_design_q(x);
  int *place = lc_arena_alloc(arena, q, sizeof *place);
  if (!place) return LC_OUT_OF_MEMORY;
  memset(place, 0, (size_t)q * sizeof *place);
  for (lc_index a = 0; a < ni; a++) place[i[a]] = (int)a + 1;
  memset(C, 0, (size_t)(ni * nj) * sizeof(double));
  cross_job job = {x, place, ni, j, s, C};
  lc_parallel(lc_threads_for(host, 1e-9 * (double)x->n * (double)nj), nj, 16, cross_some, &job);
  lc_arena_reset(arena, mark);
  return LC_OK;
}

typedef struct moments_job {
  const lc_design *x;
  int K;
  const double *S;
  double *sum, *square;
} moments_job;

static void moments_some(void *context, lc_index from, lc_index to) {
  const moments_job *job = context;
  const lc_design *x = job->x;
  lc_index q = lc_design_q(x);
  int K = job->K;
  const double *S = job->S;
  double *sum = job->sum, *square = job->square;
  for (lc_index j = from; j < to; j++)
    for (int c = 0; c < K; c++) {
      double first = 0, second = 0;
      piece part;
      for (int e = 0; get_piece(x, j, e, &part); e++)
        for (lc_index i = 0; i < part.count; i++) {
          lc_index row = piece_row(&part, i);
          double number = piece_number(&part, row), s = S[c + row * K];
          first += s * number;
          second += s * number * number;
        }
      sum[j + c * q] = first;
      square[j + c * q] = second;
    }
}

static lc_status coded_moments(const lc_design *x, int K, const double *S, const lc_host *host, lc_arena *arena,
                               double *sum, double *square) {
  (void)arena;
  moments_job job = {x, K, S, sum, square};
  lc_parallel(host->threads, lc_design_q(x), 16, moments_some, &job);
  return LC_OK;
}

/* Zeros of factors are not stored. */
static int coded_may_shift(const lc_design *x, lc_index j) {
  const lc_coded *coded = lc_coded_of(x);
  return is_numeric(coded->part + coded->owner[j]);
}

/* Those of the matrix, as which a verb of columns counts. */
static double coded_cells(const lc_design *x) { return (double)x->n * (double)x->p; }

/* ---- rows by number --------------------------------------------------------------------------------------------- */

static lc_status coded_subset(const lc_design *x, lc_index count, const lc_index *first, lc_index length,
                              lc_design *out, lc_arena *arena) {
  lc_index *row = lc_arena_alloc(arena, count * length, sizeof *row);
  if (!row) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < count * length; i++) row[i] = first[i / length] + i % length;
  return lc_coded_take(x, count * length, row, out, arena);
}

static lc_status coded_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena) {
  (void)arena;
  *out = (lc_rows){.design = x};
  return LC_OK;
}

static void coded_row_scores(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B,
                             double *Z) {
  const lc_design *x = rows->design;
  const double *offset = lc_offsets_of(rows->obs);
  lc_index q = lc_design_q(x), j;
  double number;
  for (lc_index i = 0; i < m; i++) {
    for (int c = 0; c < K; c++)
      Z[i + c * m] = (x->intercept ? B[c * q] : 0) + (offset ? offset[index[i] + c * x->n] : 0);
    for (cursor walk = start_row(x, index[i]); next_entry(&walk, &j, &number);)
      for (int c = 0; c < K; c++) Z[i + c * m] += number * B[j + c * q];
  }
}

static void coded_row_gradient(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *R,
                               double *G) {
  const lc_design *x = rows->design;
  lc_index q = lc_design_q(x), j;
  double number;
  for (lc_index i = 0; i < m; i++) {
    for (int c = 0; x->intercept && c < K; c++) G[c * q] += R[i + c * m];
    for (cursor walk = start_row(x, index[i]); next_entry(&walk, &j, &number);)
      for (int c = 0; c < K; c++) G[j + c * q] += number * R[i + c * m];
  }
}

static const lc_design_ops coded_ops = {
    .name = "coded",
    .caps = LC_COLUMNS | LC_ROWS,
    .written_out = 1 << 23,
    .pass = coded_pass,
    .col_dot = coded_col_dot,
    .col_axpy = coded_col_axpy,
    .col_cross = coded_col_cross,
    .colstats = lc_coded_colstats,
    .moments = coded_moments,
    .may_shift = coded_may_shift,
    .cells = coded_cells,
    .unique_rows = lc_coded_unique_rows,
    .subset = coded_subset,
    .as_rows = coded_as_rows,
    .row_scores = coded_row_scores,
    .row_gradient = coded_row_gradient,
};

void lc_design_coded(lc_design *out, lc_index n, lc_index p, const lc_coded *coded) {
  memset(out, 0, sizeof *out);
  out->ops = &coded_ops;
  out->n = n;
  out->p = p;
  out->data = coded;
}
