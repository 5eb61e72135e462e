/* design/unique_rows.c - equal rows of a coded design, found by hashing, become one row with the sum of weights. */
#include <string.h>

#include "design/factor.h"

static uint64_t mix(uint64_t hash, uint64_t bits) {
  hash = (hash ^ bits) * UINT64_C(0x9E3779B97F4A7C15);
  return hash ^ hash >> 29;
}

static uint64_t mix_double(uint64_t hash, double value) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return mix(hash, bits);
}

static uint64_t row_hash(const lc_design *x, const lc_obs *obs, lc_index i) {
  const lc_coded *coded = lc_coded_of(x);
  uint64_t hash = mix_double(0, obs->y[i]);
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    if (part->code) hash = mix(hash, (uint64_t)part->code[i]);
    if (part->value) hash = mix_double(hash, part->value[i]);
  }
  for (int c = 0; c < obs->noffset; c++) hash = mix_double(hash, obs->offset[i + c * x->n]);
  return hash;
}

static int rows_equal(const lc_design *x, const lc_obs *obs, lc_index a, lc_index b) {
  const lc_coded *coded = lc_coded_of(x);
  if (obs->y[a] != obs->y[b]) return 0;
  for (int t = 0; t < coded->nparts; t++) {
    const lc_part *part = coded->part + t;
    if (part->code && part->code[a] != part->code[b]) return 0;
    if (part->value && part->value[a] != part->value[b]) return 0;
  }
  for (int c = 0; c < obs->noffset; c++)
    if (obs->offset[a + c * x->n] != obs->offset[b + c * x->n]) return 0;
  return 1;
}

lc_status lc_coded_unique_rows(const lc_design *x, const lc_obs *obs, lc_unique_rows *out, int *pays, lc_arena *arena) {
  enum { LOOK = 1 << 14 }; /* where data of distinct rows are known for what they are */
  lc_index n = x->n, size = 1, count = 0;
  while (size < n) size *= 2; /* at most half of the places are taken */
  lc_mark mark = lc_arena_mark(arena);
  lc_index *row = lc_arena_alloc(arena, n / 2 + 1, sizeof *row), *place = lc_arena_alloc(arena, size, sizeof *place);
  lc_index *row_of = lc_arena_alloc(arena, n, sizeof *row_of);
  double *w = lc_arena_zeros(arena, n / 2 + 1);
  if (!row || !place || !row_of || !w) return LC_OUT_OF_MEMORY;
  for (lc_index h = 0; h < size; h++) place[h] = -1;
  for (lc_index i = 0; i < n; i++) {
    if (i % LOOK == 0) LC_TRY(lc_poll(arena->host));
    lc_index h = (lc_index)(row_hash(x, obs, i) & (uint64_t)(size - 1));
    while (place[h] >= 0 && !rows_equal(x, obs, row[place[h]], i)) h = (h + 1) & (size - 1);
    if (place[h] < 0) {
      if (count == n / 2 || (i == LOOK && 8 * count > 7 * i)) {
        lc_arena_reset(arena, mark);
        return LC_OK;
      }
      row[count] = i;
      place[h] = count++;
    }
    row_of[i] = place[h];
    w[place[h]] += lc_obs_weight(obs, i);
  }
  LC_TRY(lc_coded_take(x, count, row, &out->design, arena));
  LC_TRY(lc_obs_take(obs, count, row, &out->obs, arena));
  out->obs.w = w;
  out->row_of = row_of;
  *pays = 1;
  return LC_OK;
}
