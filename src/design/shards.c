/* design/shards.c - see design/shards.h. */
#include "design/shards.h"

#include <math.h>
#include <string.h>

static lc_status shards_pass(const lc_design *x, const lc_pass *pass, const lc_host *host, lc_arena *arena) {
  const lc_shards *shards = x->data;
  (void)arena;
  if (!pass->task || !pass->B || pass->Z) return LC_UNSUPPORTED;
  LC_TRY(lc_poll(host));
  return shards->sums(shards->self, x, pass);
}

static lc_status shards_stand(const lc_design *x, int K, double iteration, const double *B) {
  const lc_shards *shards = x->data;
  return shards->stands(shards->self, x, K, iteration, B);
}

static int may_shift(const lc_design *x, lc_index j) {
  const lc_shards *shards = x->data;
  (void)j;
  return shards->shiftable;
}

static double cells(const lc_design *x) { return (double)x->n * (double)x->p; }

static const lc_design_ops shards_ops = {
    .name = "shards",
    .caps = LC_ELSEWHERE,
    .written_out = INFINITY,
    .pass = shards_pass,
    .may_shift = may_shift,
    .cells = cells,
    .stands = shards_stand,
};

void lc_design_shards(lc_design *out, lc_index n, lc_index p, const lc_shards *shards) {
  *out = (lc_design){.ops = &shards_ops, .n = n, .p = p, .data = shards, .storage = LC_DOUBLE};
}
