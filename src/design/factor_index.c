/* design/factor_index.c - coded designs: what R sends is checked, levels are listed by columns, rows are taken. */
#include <string.h>

#include "design/factor.h"

/* ---- checks --------------------------------------------------------------------------------------------------- */

static const char *check_part(lc_index n, const lc_part *part, int numeric) {
  if (numeric != !part->code) return "numeric columns must come before the other parts";
  if (numeric && (part->levels != 1 || !part->value)) return "a numeric column must have numbers and one level";
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
  const lc_coded *from = lc_coded_of(x);
  lc_coded *coded = lc_arena_alloc(arena, 1, sizeof *coded);
  lc_part *part = lc_arena_alloc(arena, from->nparts, sizeof *part);
  if (!coded || !part) return LC_OUT_OF_MEMORY;
  lc_status status = LC_OK;
  for (int t = 0; t < from->nparts; t++) {
    part[t] = from->part[t];
    part[t].code = take_codes(part[t].code, m, row, &status, arena);
    part[t].value = take_doubles(part[t].value, m, row, &status, arena);
  }
  *coded = *from;
  coded->part = part;
  *out = *x;
  out->n = m;
  out->data = coded;
  return status == LC_OK ? lc_coded_index(m, x->p, coded, arena) : status;
}
