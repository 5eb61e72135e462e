/* working_set/owlqn.c - see working_set/owlqn.h. */
#include "working_set/owlqn.h"

#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "threads/threads.h"

enum { MEMORY = 20 };           /* pairs */
enum { PIECES = 16 };           /* of the features, for threads */
enum { STILL, ALONE, COUPLED }; /* how a coefficient may move */

void lc_owlqn_init(lc_owlqn *owlqn, lc_set_step *step) {
  *owlqn = (lc_owlqn){.step = step, .set = step->set, .obj = step->obj, .arena = step->arena};
}

/* Pairs of a smaller set are forgotten: they come back in a few steps. */
static lc_status reserve(lc_owlqn *owlqn) {
  double **const vectors[] = {&owlqn->v,    &owlqn->coupled, &owlqn->d,   &owlqn->g_from,
                              &owlqn->g_to, &owlqn->b_from,  &owlqn->b_to};
  const int count = (int)(sizeof vectors / sizeof vectors[0]);
  lc_arena *arena = owlqn->arena;
  lc_index capacity = owlqn->set->capacity, K = owlqn->obj->K;
  if (owlqn->capacity >= capacity) return LC_OK;
  double *memory = lc_arena_zeros(arena, count * capacity);
  LC_TRY(lc_lbfgs_pairs_allocate(capacity, MEMORY, &owlqn->pairs, arena));
  owlqn->mean = lc_arena_doubles(arena, K * K);
  owlqn->metric = lc_arena_doubles(arena, PIECES * K * K);
  owlqn->rhs = lc_arena_doubles(arena, PIECES * K);
  owlqn->members = lc_arena_alloc(arena, PIECES * K, sizeof *owlqn->members);
  owlqn->skip = lc_arena_alloc(arena, PIECES * K, 1);
  owlqn->way = lc_arena_alloc(arena, capacity, 1);
  if (!memory || !owlqn->mean || !owlqn->metric || !owlqn->rhs || !owlqn->members || !owlqn->skip || !owlqn->way)
    return LC_OUT_OF_MEMORY;
  for (int k = 0; k < count; k++) *vectors[k] = memory + k * capacity;
  owlqn->capacity = capacity;
  return LC_OK;
}

/* ---- the metric --------------------------------------------------------------------------------------- */

/* Mean curvatures of the pairs of score columns. */
static lc_status set_metric(lc_owlqn *owlqn) {
  lc_index K = owlqn->obj->K;
  double *S = owlqn->mean;
  lc_mark mark = lc_arena_mark(owlqn->arena);
  double *packed = lc_arena_doubles(owlqn->arena, owlqn->obj->ns);
  if (!packed) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_mean_weights(owlqn->obj, packed));
  for (lc_index c = 0; c < K; c++)
    for (lc_index e = 0; e <= c; e++) S[e + c * K] = S[c + e * K] = packed[lc_packed_at(e, c)];
  /* All classes of a feature together have no curvature, nor has a class that is fitted perfectly. */
  for (lc_index c = 0; c < K; c++) S[c * (K + 1)] = fmax(1.001 * S[c * (K + 1)], 1e-6);
  lc_arena_reset(owlqn->arena, mark);
  return LC_OK;
}

/* Curvature along coefficient s alone. */
static double own_curvature(const lc_owlqn *owlqn, lc_index s) {
  const lc_working_set *set = owlqn->set;
  return owlqn->mean[lc_set_column(set, s) * (owlqn->obj->K + 1)] * set->rms[s] * set->rms[s] + lc_set_l2(set, s);
}

/* v <- (metric of the coupled coefficients of a row of B)^-1 v, with the scratch of a piece. */
static void apply_to_row(const lc_owlqn *owlqn, lc_index row, lc_index piece, double *v) {
  const lc_working_set *set = owlqn->set;
  lc_index K = owlqn->obj->K, count = 0, *members = owlqn->members + piece * K;
  double *A = owlqn->metric + piece * K * K, *b = owlqn->rhs + piece * K;
  unsigned char *skip = owlqn->skip + piece * K;
  for (lc_index c = 0; c < K; c++) {
    lc_index s = set->position[c * owlqn->obj->q + row];
    if (s < 0) continue;
    if (owlqn->way[s] == COUPLED)
      members[count++] = s;
    else
      v[s] = 0;
  }
  /* The coupling is worth its cost while that is small beside the passes over X. */
  int coupled = K * K <= owlqn->obj->x->n;
  for (lc_index a = 0; a < count; a++) {
    lc_index s = members[a], c = lc_set_column(set, s);
    double square = set->rms[s] * set->rms[s], own = own_curvature(owlqn, s);
    b[a] = v[s];
    if (!coupled) b[a] /= own;
    for (lc_index e = 0; coupled && e < a; e++)
      A[e + a * count] = owlqn->mean[lc_set_column(set, members[e]) + c * K] * square;
    A[a * (count + 1)] = own;
  }
  if (coupled) {
    lc_cholesky(owlqn->obj->host, count, A, 1e-8, skip, NULL);
    lc_cholesky_solve(count, A, count, skip, b);
  }
  for (lc_index a = 0; a < count; a++) v[members[a]] = b[a];
}

typedef struct metric_job {
  const lc_owlqn *owlqn;
  lc_index grain;
  double *v;
} metric_job;

static void apply_to_rows(void *context, lc_index from, lc_index to) {
  const metric_job *job = context;
  for (lc_index r = from; r < to; r++) apply_to_row(job->owlqn, job->owlqn->set->rows[r], from / job->grain, job->v);
}

static void apply_metric(void *context, double *v) {
  const lc_owlqn *owlqn = context;
  lc_index nrows = owlqn->set->nrows, K = owlqn->obj->K;
  metric_job job = {owlqn, lc_max(1, (nrows + PIECES - 1) / PIECES), v};
  double seconds = (double)nrows * (1e-7 + 1e-9 * (double)(K * K * K));
  /* Larger factors ask the host, which is for the caller's thread alone. */
  int threads = K <= LC_CHOLESKY_BLOCK ? lc_threads_for(owlqn->obj->host, seconds) : 1;
  lc_parallel(threads, nrows, job.grain, apply_to_rows, &job);
}

/* ---- a step ------------------------------------------------------------------------------------------- */

/* The steepest subgradient of the objective at `start`, where the smooth part has gradient g: 0 where 0 lies between
 * its ends. */
static double subgradient(const lc_owlqn *owlqn, lc_index s, double g) {
  const lc_working_set *set = owlqn->set;
  lc_index f = lc_set_feature(set, s);
  double b = owlqn->step->start[s];
  if (f < 0) return g;
  double size = lc_penalty_violation(owlqn->obj->pen, f, b, g), l1 = lc_set_l1(set, s);
  double pull = b > 0 ? g + l1 : b < 0 ? g - l1 : g;
  return pull > 0 ? size : -size;
}

/* b -> `to`, no further than the end of its orthant (0; from 0 there is one on the side of -v) and its bounds. */
static double stop(const lc_owlqn *owlqn, lc_index s, double to) {
  double start = owlqn->step->start[s], side = start != 0 ? start : -owlqn->v[s];
  if (lc_set_l1(owlqn->set, s) > 0 && to * side < 0) to = 0;
  return lc_set_clip(owlqn->set, s, to);
}

/* 1 where b is at 0 or a bound and is not pulled from there. */
static int is_held(const lc_owlqn *owlqn, lc_index s) {
  const lc_penalty *pen = owlqn->obj->pen;
  lc_index f = lc_set_feature(owlqn->set, s);
  double b = owlqn->step->start[s];
  int at_zero = b == 0 && lc_set_l1(owlqn->set, s) > 0;
  int at_bound = f >= 0 && pen->lower && (b <= pen->lower[f] || b >= pen->upper[f]);
  return (at_zero || at_bound) && owlqn->v[s] == 0;
}

/* Where each coefficient is pulled and how it may move. One whose own step would end at its orthant or bound goes
 * alone: coupled to others, the share that it cannot take would lead them astray (Bertsekas, 1982). */
static void choose_ways(lc_owlqn *owlqn) {
  memset(owlqn->v, 0, (size_t)owlqn->capacity * sizeof(double));
  for (lc_index s = 0; s < owlqn->set->size; s++) {
    owlqn->v[s] = subgradient(owlqn, s, owlqn->g_from[s]);
    double to = owlqn->step->start[s] - owlqn->v[s] / own_curvature(owlqn, s);
    owlqn->way[s] = is_held(owlqn, s) ? STILL : stop(owlqn, s, to) != to ? ALONE : COUPLED;
  }
}

/* Gradient of the smooth part on the set. */
static void smooth_gradient(const lc_set_step *step, double *g) {
  for (lc_index s = 0; s < step->set->size; s++) g[s] = step->g[s] + lc_set_l2(step->set, s) * step->start[s];
}

/* In memory the set's columns read twice, as they lie, take half the time of one pass over blocks of rows (measured on
 * 5000 x 2000: a block has 32 rows of each column, and each of them lies on another page). */
static int reads_all(const lc_owlqn *owlqn) { return (owlqn->obj->x->ops->caps & LC_STREAMED) != 0; }

static lc_status try_step(const lc_owlqn *owlqn) {
  return reads_all(owlqn) ? lc_step_try_all(owlqn->step) : lc_step_try(owlqn->step, 1);
}

static lc_status load(const lc_owlqn *owlqn) {
  return reads_all(owlqn) ? lc_step_load_all(owlqn->step) : lc_step_load(owlqn->step);
}

/* Steps back along the projected path b(t) = stop(start + t d) until F(b) <= F(start) + 1e-4 v'(b - start); *t = 0 when
 * rounding leaves nothing. */
static lc_status search(const lc_owlqn *owlqn, double *t) {
  enum { MOST_STEPS = 40 };
  const lc_objective *obj = owlqn->obj;
  lc_set_step *step = owlqn->step;
  double start = obj->at.value, noise = lc_objective_noise(obj);
  *t = 1;
  for (int k = 0; k < MOST_STEPS; k++, *t *= 0.5) {
    double slope = 0;
    for (lc_index s = 0; s < step->set->size; s++) step->b[s] = stop(owlqn, s, step->start[s] + *t * owlqn->d[s]);
    for (lc_index s = 0; s < step->set->size; s++) slope += owlqn->v[s] * (step->b[s] - step->start[s]);
    LC_TRY(try_step(owlqn));
    double most = start + 1e-4 * fmin(slope, 0) + (k == 0 ? noise : 0);
    if (isfinite(obj->to.value) && obj->to.value <= most) return LC_OK;
    if (-slope < 1e-3 * noise) break;
  }
  *t = 0;
  return LC_OK;
}

/* The direction. A coefficient at 0 moves where it is pulled or not at all; where caution is wanted so do all. */
static void choose_direction(lc_owlqn *owlqn, int cautious) {
  double *d = owlqn->d;
  memset(owlqn->coupled, 0, (size_t)owlqn->capacity * sizeof(double));
  for (lc_index s = 0; s < owlqn->set->size; s++)
    if (owlqn->way[s] == COUPLED) owlqn->coupled[s] = owlqn->v[s];
  lc_lbfgs_pairs_direction(&owlqn->pairs, owlqn->coupled, apply_metric, owlqn, 1, d);
  for (lc_index s = 0; s < owlqn->set->size; s++) {
    if (owlqn->way[s] != COUPLED) d[s] = owlqn->way[s] == ALONE ? -owlqn->v[s] / own_curvature(owlqn, s) : 0;
    if ((cautious || owlqn->step->start[s] == 0) && !(d[s] * owlqn->v[s] < 0)) d[s] = 0;
  }
}

static lc_status iterate(lc_owlqn *owlqn, double goal, double max_steps) {
  lc_set_step *step = owlqn->step;
  size_t bytes = (size_t)owlqn->set->size * sizeof(double);
  int cautious = 0;
  for (double count = 0, t; step->worst > goal; count++) {
    if (count >= max_steps) return LC_MAX_ITER;
    LC_TRY(lc_poll(owlqn->obj->host));
    smooth_gradient(step, owlqn->g_from);
    choose_ways(owlqn);
    choose_direction(owlqn, cautious);
    LC_TRY(search(owlqn, &t));
    if (t == 0) {
      if (cautious) break;
      owlqn->pairs.count = 0; /* a bad metric, perhaps: start it afresh */
      cautious = 1;
      continue;
    }
    cautious = 0;
    memcpy(owlqn->b_from, step->start, bytes);
    memcpy(owlqn->b_to, step->b, bytes);
    step->gain = fmax(-0.5 * lc_dot(owlqn->set->size, owlqn->v, owlqn->d), 0);
    lc_step_take(step);
    LC_TRY(load(owlqn));
    smooth_gradient(step, owlqn->g_to);
    lc_lbfgs_pairs_keep(&owlqn->pairs, owlqn->b_from, owlqn->b_to, owlqn->g_from, owlqn->g_to);
  }
  step->stuck = step->worst > goal;
  return LC_OK;
}

/* ---- steps on rounded columns --------------------------------------------------------------------------- */

/* owlqn->rounded has the columns of the set, where the design knows how, and spare is there. */
static lc_status round_columns(lc_owlqn *owlqn) {
  const lc_working_set *set = owlqn->set;
  lc_objective *obj = owlqn->obj;
  lc_index known = owlqn->nrounded;
  if (!obj->x->ops->round) return LC_OK;
  LC_TRY(obj->x->ops->round(obj->x, set->nrows - known, set->rows + known, &owlqn->rounded, owlqn->arena));
  owlqn->nrounded = set->nrows;
  if (owlqn->spare.B || !owlqn->rounded.ops) return LC_OK;
  owlqn->spare.B = lc_arena_doubles(owlqn->arena, obj->P);
  owlqn->spare.Z = lc_arena_doubles(owlqn->arena, obj->x->n * obj->K);
  return owlqn->spare.B && owlqn->spare.Z ? LC_OK : LC_OUT_OF_MEMORY;
}

/* To where steps on the rounded columns lead, if F falls. */
static lc_status follow_rounded(lc_owlqn *owlqn) {
  lc_set_step *step = owlqn->step;
  lc_objective *obj = owlqn->obj;
  LC_TRY(lc_step_reset(step));
  for (lc_index s = 0; s < step->set->size; s++) step->b[s] = owlqn->spare.B[step->set->index[s]];
  LC_TRY(lc_step_try(step, 1));
  if (obj->to.value < obj->at.value) {
    lc_step_take(step);
    step->steps--; /* those on the rounded columns are counted already */
  } else {
    LC_TRY(lc_objective_residuals(obj, NULL, step->R));
  }
  return lc_step_load(step);
}

static lc_status iterate_rounded(lc_owlqn *owlqn, double goal, double max_steps) {
  const double within = 0.9; /* of the goal, since the errors come on top */
  lc_objective *obj = owlqn->obj;
  const lc_design *x = obj->x;
  if (owlqn->step->worst <= goal) return LC_OK;
  LC_TRY(round_columns(owlqn));
  if (!owlqn->rounded.ops) return LC_OK;
  lc_objective_leave(obj, &owlqn->rounded, &owlqn->spare);
  lc_status status = iterate(owlqn, within * goal, max_steps);
  lc_objective_return(obj, x, &owlqn->spare);
  if (status != LC_OK && status != LC_MAX_ITER) return status;
  return follow_rounded(owlqn);
}

lc_status lc_owlqn_solve(lc_owlqn *owlqn, double goal, double max_steps) {
  lc_set_step *step = owlqn->step;
  LC_TRY(reserve(owlqn));
  step->stuck = 0;
  LC_TRY(lc_set_list_rows(owlqn->set));
  if (reads_all(owlqn)) LC_TRY(lc_objective_gradient(owlqn->obj));
  LC_TRY(load(owlqn));
  LC_TRY(set_metric(owlqn));
  double before = step->steps;
  LC_TRY(iterate_rounded(owlqn, goal, max_steps));
  lc_status status = iterate(owlqn, goal, max_steps - (step->steps - before));
  if (reads_all(owlqn)) { /* passes made no residuals of their own */
    lc_status made = lc_objective_residuals(owlqn->obj, NULL, step->R);
    if (status == LC_OK || status == LC_MAX_ITER) LC_TRY(made);
  }
  return status;
}

/* ---- a dual point ------------------------------------------------------------------------------------- */

/* Where all classes have a score column, residuals of a row sum to zero, and so must what is taken from their gradients
 * for row v of the set: the class that holds its 0 with the most to spare makes up for the others, or all do
 * alike. */
static void close_sum(const lc_set_step *step, lc_index v, double *E) {
  const lc_working_set *set = step->set;
  const lc_objective *obj = step->obj;
  lc_index f = set->rows[v] - obj->pen->intercept, nrows = set->nrows;
  double sum = 0, most = 0;
  int best = -1;
  for (int c = 0; c < obj->K; c++) {
    lc_index index = c * obj->q + set->rows[v];
    double spare = f < 0 || obj->at.B[index] != 0 ? 0 : lc_penalty_l1(obj->pen, f) - fabs(step->cells[v + c * nrows]);
    sum += E[v + c * nrows];
    if (spare > most) {
      most = spare;
      best = c;
    }
  }
  if (best >= 0) E[v + best * nrows] -= sum;
  for (int c = 0; best < 0 && c < obj->K; c++) E[v + c * nrows] -= sum / obj->K;
}

/* Columns whose Gram matrix costs less than the passes that a sharper gap saves, and whose factor takes what X may. */
static int gram_pays(const lc_owlqn *owlqn) {
  enum { MOST_COLUMNS = 3000 };
  lc_index nrows = owlqn->set->nrows;
  return nrows <= MOST_COLUMNS && (double)nrows <= 0.9 * (double)owlqn->obj->x->n;
}

lc_status lc_owlqn_dual_point(lc_owlqn *owlqn, double *R, int *found) {
  const lc_working_set *set = owlqn->set;
  lc_set_step *step = owlqn->step;
  lc_objective *obj = owlqn->obj;
  lc_index nrows = set->nrows, scores = obj->x->n * obj->K;
  *found = gram_pays(owlqn);
  if (!*found) return LC_OK;
  LC_TRY(lc_gram_grow(&owlqn->gram, obj, nrows, set->rows));
  lc_mark mark = lc_arena_mark(owlqn->arena);
  double *E = lc_arena_zeros(owlqn->arena, nrows * obj->K), *lift = lc_arena_doubles(owlqn->arena, scores);
  if (!E || !lift) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < set->size; s++)
    E[set->cell[s]] = subgradient(owlqn, s, step->g[s] + lc_set_l2(set, s) * step->start[s]);
  for (lc_index v = 0; obj->coding.k == obj->K && v < nrows; v++) close_sum(step, v, E);
  for (lc_index s = 0; s < set->size; s++) step->dual[s] = step->g[s] - E[set->cell[s]];
  lc_gram_lift(&owlqn->gram, obj, set->rows, E, lift);
  for (lc_index i = 0; i < scores; i++) R[i] -= lift[i];
  lc_arena_reset(owlqn->arena, mark);
  return LC_OK;
}
