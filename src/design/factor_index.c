/* design/factor_index.c - coded designs: what R sends is checked, rows are taken, equal rows are joined, columns
 * counted. */
#include <math.h>
#include <string.h>

#include "design/design.h"

/* ---- checks --------------------------------------------------------------------------------------------------- */

static const char *check_part(lc_index n, const lc_part *part, int numeric) {
  if (numeric && (part->levels != 1 || !part->value)) return "a numeric column must have numbers and one level";
  if (!numeric && !part->code) return "numeric columns must come before the other parts";
  if (part->levels < 1) return "a part has no levels";
  int wrong = 0;
  for (lc_index i = 0; part->code && i < n; i++) wrong |= part->code[i] < 1 || part->code[i] > part->levels;
  return wrong ? "a code lies outside the levels of its part" : NULL;
}

const char *lc_coded_check(lc_index n, lc_index p, const lc_coded *coded, lc_index nstart, lc_index nentries,
                           int *owner) {
  int levels = 0;
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    const char *wrong = check_part(n, part, t < coded->nnumeric);
    if (wrong) return wrong;
    if (part->first != levels || part->levels > INT32_MAX - 2 - levels) return "the levels of the parts do not add up";
    levels += part->levels;
  }
  if (levels != coded->nlevels || nstart != (lc_index)levels + 1) return "there must be one start more than levels";
  if (coded->start[0] != 0) return "the starts must begin with 0";
  for (int l = 0; l < levels; l++)
    if (coded->start[l + 1] < coded->start[l]) return "the starts must not decrease";
  if (coded->start[levels] != nentries) return "the starts must end at the number of entries";
  for (lc_index j = 0; j < p; j++) owner[j] = -1;
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    for (int l = part->first; l < part->first + part->levels; l++)
      for (int e = coded->start[l]; e < coded->start[l + 1]; e++) {
        int j = coded->column[e];
        if (j < 0 || j >= p) return "a level has a column outside the matrix";
        if (e > coded->start[l] && j <= coded->column[e - 1]) return "the columns of a level must increase";
        if (owner[j] >= 0 && owner[j] != t) return "a column belongs to two parts";
        owner[j] = t;
      }
    if (part->code) continue;
    int e = coded->start[part->first];
    if (coded->start[part->first + 1] != e + 1 || (coded->weight && coded->weight[e] != 1))
      return "a numeric column must have one column and weight 1";
  }
  for (lc_index j = 0; j < p; j++)
    if (owner[j] < 0) return "a column belongs to no part";
  return NULL;
}

/* ---- by columns ----------------------------------------------------------------------------------------------- */

/* Entries by column, each column's by increasing level. */
static lc_status transpose_entries(lc_index p, lc_coded *coded, lc_arena *arena) {
  int entries = coded->start[coded->nlevels];
  int *first = lc_arena_alloc(arena, p + 1, sizeof *first), *level = lc_arena_alloc(arena, entries, sizeof *level);
  double *by = lc_arena_doubles(arena, entries);
  if (!first || !level || !by) return LC_OUT_OF_MEMORY;
  memset(first, 0, (size_t)(p + 1) * sizeof *first);
  for (int e = 0; e < entries; e++) first[coded->column[e] + 1]++;
  for (lc_index j = 0; j < p; j++) first[j + 1] += first[j];
  for (int l = 0; l < coded->nlevels; l++)
    for (int e = coded->start[l]; e < coded->start[l + 1]; e++) {
      int at = first[coded->column[e]]++;
      level[at] = l;
      by[at] = coded->weight ? coded->weight[e] : 1;
    }
  for (lc_index j = p; j > 0; j--) first[j] = first[j - 1]; /* filling moved every start to the next */
  first[0] = 0;
  coded->first = first;
  coded->level = level;
  coded->by = by;
  return LC_OK;
}

/* The rows of each level by counting. */
static lc_status sort_rows(lc_index n, lc_coded *coded, lc_arena *arena) {
  lc_index *begin = lc_arena_alloc(arena, coded->nlevels + 1, sizeof *begin);
  int *row = lc_arena_alloc(arena, n * (coded->nparts - coded->nnumeric), sizeof *row);
  if (!begin || !row) return LC_OUT_OF_MEMORY;
  memset(begin, 0, (size_t)(coded->nlevels + 1) * sizeof *begin);
  for (int t = coded->nnumeric; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    for (lc_index i = 0; i < n; i++) begin[part->first + part->code[i]]++;
  }
  for (int l = 0; l < coded->nlevels; l++) begin[l + 1] += begin[l];
  for (int t = coded->nnumeric; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    for (lc_index i = 0; i < n; i++) row[begin[part->first + part->code[i] - 1]++] = (int)i;
  }
  for (int l = coded->nlevels; l > 0; l--) begin[l] = begin[l - 1];
  begin[0] = 0;
  coded->begin = begin;
  coded->row = row;
  return LC_OK;
}

lc_status lc_coded_index(lc_index n, lc_index p, lc_coded *coded, lc_arena *arena) {
  LC_TRY(transpose_entries(p, coded, arena));
  return sort_rows(n, coded, arena);
}

/* ---- rows ----------------------------------------------------------------------------------------------------- */

static const double *take_doubles(const double *from, lc_index m, const lc_index *row, lc_status *status,
                                  lc_arena *arena) {
  if (!from) return NULL;
  double *to = lc_arena_doubles(arena, m);
  if (!to) {
    *status = LC_OUT_OF_MEMORY;
    return NULL;
  }
  for (lc_index i = 0; i < m; i++) to[i] = from[row[i]];
  return to;
}

static const int *take_codes(const int *from, lc_index m, const lc_index *row, lc_status *status, lc_arena *arena) {
  if (!from) return NULL;
  int *to = lc_arena_alloc(arena, m, sizeof *to);
  if (!to) {
    *status = LC_OUT_OF_MEMORY;
    return NULL;
  }
  for (lc_index i = 0; i < m; i++) to[i] = from[row[i]];
  return to;
}

lc_status lc_coded_take(const lc_design *x, lc_index m, const lc_index *row, lc_design *out, lc_arena *arena) {
  lc_coded *coded = lc_arena_alloc(arena, 1, sizeof *coded);
  lc_part *part = lc_arena_alloc(arena, x->coded->nparts, sizeof *part);
  double *off = lc_arena_doubles(arena, m * x->noff);
  if (!coded || !part || !off) return LC_OUT_OF_MEMORY;
  lc_status status = LC_OK;
  for (int t = 0; t < x->coded->nparts; t++) {
    part[t] = x->coded->part[t];
    part[t].code = take_codes(part[t].code, m, row, &status, arena);
    part[t].value = take_doubles(part[t].value, m, row, &status, arena);
  }
  *coded = *x->coded;
  coded->part = part;
  *out = *x;
  out->n = m;
  out->coded = coded;
  out->y = take_doubles(x->y, m, row, &status, arena);
  out->w = take_doubles(x->w, m, row, &status, arena);
  for (int c = 0; c < x->noff; c++)
    for (lc_index i = 0; i < m; i++) off[i + c * m] = x->off[row[i] + c * x->n];
  out->off = x->off ? off : NULL;
  return status == LC_OK ? lc_coded_index(m, x->p, coded, arena) : status;
}

/* ---- equal rows ----------------------------------------------------------------------------------------------- */

static uint64_t mix(uint64_t hash, uint64_t bits) {
  hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 29;
}

static uint64_t mix_double(uint64_t hash, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return mix(hash, bits);
}

static uint64_t row_hash(const lc_design *x, lc_index i) {
  uint64_t hash = mix_double(0, x->y[i]);
  for (int t = 0; t < x->coded->nparts; t++) {
    const lc_part *part = x->coded->part + t;
    if (part->code) hash = mix(hash, (uint64_t)part->code[i]);
    if (part->value) hash = mix_double(hash, part->value[i]);
  }
  for (int c = 0; c < x->noff; c++) hash = mix_double(hash, x->off[i + c * x->n]);
  return hash;
}

static int rows_equal(const lc_design *x, lc_index a, lc_index b) {
  if (x->y[a] != x->y[b]) return 0;
  for (int t = 0; t < x->coded->nparts; t++) {
    const lc_part *part = x->coded->part + t;
    if (part->code && part->code[a] != part->code[b]) return 0;
    if (part->value && part->value[a] != part->value[b]) return 0;
  }
  for (int c = 0; c < x->noff; c++)
    if (x->off[a + c * x->n] != x->off[b + c * x->n]) return 0;
  return 1;
}

lc_status lc_unique_rows_make(const lc_design *x, lc_unique_rows *out, int *pays, lc_arena *arena) {
  enum { LOOK = 1 << 14 }; /* where data of distinct rows are known for what they are */
  lc_index n = x->n, size = 1, count = 0;
  *pays = 0;
  if (!x->coded) return LC_OK;
  while (size < n) size *= 2; /* at most half of the places are taken */
  lc_mark mark = lc_arena_mark(arena);
  lc_index *row = lc_arena_alloc(arena, n / 2 + 1, sizeof *row), *place = lc_arena_alloc(arena, size, sizeof *place);
  lc_index *row_of = lc_arena_alloc(arena, n, sizeof *row_of);
  double *w = lc_arena_zeros(arena, n / 2 + 1);
  if (!row || !place || !row_of || !w) return LC_OUT_OF_MEMORY;
  for (lc_index h = 0; h < size; h++) place[h] = -1;
  for (lc_index i = 0; i < n; i++) {
    if (i % LOOK == 0) LC_TRY(lc_poll(arena->host));
    lc_index h = (lc_index)(row_hash(x, i) & (uint64_t)(size - 1));
    while (place[h] >= 0 && !rows_equal(x, row[place[h]], i)) h = (h + 1) & (size - 1);
    if (place[h] < 0) {
      if (count == n / 2 || (i == LOOK && 8 * count > 7 * i)) {
        lc_arena_reset(arena, mark);
        return LC_OK;
      }
      row[count] = i;
      place[h] = count++;
    }
    row_of[i] = place[h];
    w[place[h]] += x->w ? x->w[i] : 1;
  }
  LC_TRY(lc_coded_take(x, count, row, &out->design, arena));
  out->design.w = w;
  out->row_of = row_of;
  *pays = 1;
  return LC_OK;
}

/* ---- column statistics ---------------------------------------------------------------------------------------- */

static void numeric_stats(const lc_design *x, const lc_part *part, lc_index j, lc_colstat *out) {
  lc_design column;
  lc_design_dense(&column, x->n, 1, LC_DOUBLE, part->value);
  column.w = x->w;
  lc_colstat one = {out->mean + j, out->sd + j, out->max_abs + j, out->n_na + j, out->n_nan + j, out->n_inf + j};
  const lc_host alone = {.threads = 1};
  lc_design_colstats(&column, &alone, &one);
}

static void look_at(lc_colstat *out, lc_index j, double number) {
  if (isfinite(number))
    out->max_abs[j] = fmax(out->max_abs[j], fabs(number));
  else
    (isinf(number) ? out->n_inf : lc_is_na(number) ? out->n_na : out->n_nan)[j]++;
}

static void clear_columns(const lc_coded *coded, const lc_part *part, lc_colstat *out) {
  for (int e = coded->start[part->first]; e < coded->start[part->first + part->levels]; e++) {
    lc_index j = coded->column[e];
    out->mean[j] = out->sd[j] = out->max_abs[j] = out->n_na[j] = out->n_nan[j] = out->n_inf[j] = 0;
  }
}

/* Columns of zeros and ones: the share of ones says all. */
static void indicator_stats(const lc_design *x, const lc_part *part, double total, lc_colstat *out) {
  const lc_coded *coded = x->coded;
  const int *start = coded->start + part->first - 1;
  clear_columns(coded, part, out);
  for (lc_index i = 0; i < x->n; i++)
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++)
      out->mean[coded->column[e]] += x->w ? x->w[i] : 1;
  for (lc_index j = 0; j < x->p; j++) {
    if (coded->part + coded->owner[j] != part) continue;
    double share = total > 0 ? out->mean[j] / total : 0;
    out->mean[j] = share;
    out->sd[j] = 1 - share > 1e-15 ? sqrt(share * (1 - share)) : 0;
    out->max_abs[j] = share > 0;
  }
}

/* Sizes of the entries and counts of those that are none first; then the moments in units that keep squares inside
 * the range. */
static void level_stats(const lc_design *x, const lc_part *part, double total, lc_colstat *out) {
  const lc_coded *coded = x->coded;
  const int *start = coded->start + part->first - 1;
  int from = coded->start[part->first], to = coded->start[part->first + part->levels], exponent = 0;
  double largest = 0;
  clear_columns(coded, part, out);
  for (lc_index i = 0; i < x->n; i++) {
    if (x->w && x->w[i] == 0) continue;
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++)
      look_at(out, coded->column[e], (part->value ? part->value[i] : 1) * (coded->weight ? coded->weight[e] : 1));
  }
  for (int e = from; e < to; e++) largest = fmax(largest, out->max_abs[coded->column[e]]);
  if (largest > 0) frexp(largest, &exponent);
  double unit = ldexp(1, exponent < -1000 ? 1000 : -exponent);
  for (lc_index i = 0; i < x->n; i++) {
    double w = x->w ? x->w[i] : 1, value = (part->value ? part->value[i] : 1) * unit;
    if (w == 0) continue;
    for (int e = start[part->code[i]]; e < start[part->code[i] + 1]; e++) {
      double number = value * (coded->weight ? coded->weight[e] : 1);
      out->mean[coded->column[e]] += w * number;
      out->sd[coded->column[e]] += w * number * number;
    }
  }
  for (lc_index j = 0; j < x->p; j++) {
    if (coded->part + coded->owner[j] != part) continue;
    double mean = total > 0 ? out->mean[j] / total : 0, square = total > 0 ? out->sd[j] / total : 0;
    double variance = square - mean * mean;
    int finite = out->n_na[j] + out->n_nan[j] + out->n_inf[j] == 0;
    out->mean[j] = finite ? mean / unit : (double)NAN;
    out->sd[j] = !finite ? (double)NAN : variance > 1e-15 * square ? sqrt(variance) / unit : 0;
  }
}

void lc_coded_colstats(const lc_design *x, double weight_sum, int threads, lc_colstat *out) {
  const lc_coded *coded = x->coded;
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1) if (threads > 1)
#endif
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    if (part->code && !part->value && !coded->weight)
      indicator_stats(x, part, weight_sum, out);
    else if (part->code)
      level_stats(x, part, weight_sum, out);
    else
      numeric_stats(x, part, coded->column[coded->start[part->first]], out);
  }
}
