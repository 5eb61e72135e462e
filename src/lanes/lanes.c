/* lanes/lanes.c - the rounds; see lanes/lanes.h. */
#include "lanes/lanes.h"

#include <math.h>

#include "lanes/state.h"

/* Columns are read as floats where these say enough, as they are stored: far from the ends of what floats hold. */
static int floats_hold(const lc_objective *obj) {
  const double large = 1e12;
  int hold = !obj->x->scale;
  for (lc_index f = 0; hold && f < obj->x->p; f++) {
    double rms = lc_objective_rms(obj, f);
    hold = rms < large && rms > 1 / large;
  }
  return hold;
}

int lc_lanes_suit(const lc_objective *obj, double before, const double *lambda, lc_index count) {
  enum { LEAST_LAMBDAS = 6 };
  const double least_entries = 2e4;
  lc_penalty any = *obj->pen;
  any.lambda = 1;
  int able = obj->K == 1 && obj->coding.mu == 0 && obj->x->ops->grown_rows && lc_penalty_has_l1(&any) &&
             (obj->loss->flags & LC_CURVATURE) && (obj->loss->flags & LC_DUAL) && isfinite(before) && before > 0;
  int many = count >= LEAST_LAMBDAS && obj->x->ops->cells(obj->x) > 1.5 * least_entries;
  return able && many && lambda[count - 1] > 0 && floats_hold(obj);
}

/* Lanes that get no further, so that nothing beyond them may be published: no new lambdas, those beyond stop. */
static void give_up(lc_lanes *s) {
  enum { MOST_AGE = 400, MOST_IDLE = 20 };
  for (int l = 0; l < LC_LANES; l++) {
    const lc_lane *lane = s->lane + l;
    if (lane->active && (lane->age > MOST_AGE || lane->idle > MOST_IDLE || !isfinite(lane->loss)))
      s->stop = lc_min(s->stop, lane->number);
  }
  for (int l = 0; l < LC_LANES; l++)
    if (s->lane[l].active && s->lane[l].number >= s->stop) s->lane[l].active = 0;
}

static int is_done(const lc_lanes *s) {
  int active = 0;
  for (int l = 0; l < LC_LANES; l++) active |= s->lane[l].active;
  return !active && s->next >= s->stop;
}

static lc_status run(lc_lanes *s) {
  enum { METRIC_ROUNDS = 4, SORTED = 16384 }; /* members whose lines leave the fast caches */
  for (int round = 1;; round++) {
    LC_TRY(lc_lanes_sort(s, SORTED));
    LC_TRY(lc_lanes_pass(s));
    LC_TRY(lc_lanes_read_rest(s));
    lc_lanes_judge(s);
    if (round % METRIC_ROUNDS == 0) LC_TRY(lc_lanes_metric(s));
    LC_TRY(lc_lanes_certify(s));
    give_up(s);
    lc_lanes_start(s);
    if (is_done(s)) return LC_OK;
    LC_TRY(lc_lanes_newton(s));
  }
}

lc_status lc_lanes_run(const lc_lanes_job *job, lc_index *solved) {
  lc_arena *arena = job->arena;
  lc_mark mark = lc_arena_mark(arena);
  lc_lanes s;
  lc_status status = lc_lanes_make(&s, job);
  if (status == LC_OK) status = run(&s);
  *solved = status == LC_OK ? s.published : 0;
  lc_arena_reset(arena, mark);
  return status;
}
