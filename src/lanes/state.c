/* lanes/state.c - members and their vectors; what a coefficient may do. */
#include "lanes/state.h"

#include <math.h>
#include <string.h>

/* ---- what pieces sum up ---------------------------------------------------------------------------------------- */

static lc_index count_pieces(lc_index members) { return (members + LC_LANES_PIECE - 1) / LC_LANES_PIECE; }

double *lc_lanes_sums(const lc_lanes *s, lc_index from) {
  double *sums = lc_lanes_line(s, from, 0);
  memset(sums, 0, LC_LANES_SUMS * LC_LANES * sizeof *sums);
  return sums;
}

void lc_lanes_total(const lc_lanes *s, int line, double *out) {
  memset(out, 0, LC_LANES * sizeof *out);
  for (lc_index from = 0; from < s->count; from += LC_LANES_PIECE)
    for (int l = 0; l < LC_LANES; l++) out[l] += lc_lanes_line(s, from, line)[l];
}

void lc_lanes_largest(const lc_lanes *s, int line, double *out) {
  memset(out, 0, LC_LANES * sizeof *out);
  for (lc_index from = 0; from < s->count; from += LC_LANES_PIECE)
    for (int l = 0; l < LC_LANES; l++) out[l] = fmax(out[l], lc_lanes_line(s, from, line)[l]);
}

void lc_lanes_sum_rows(const lc_lanes *s, lc_task task, void *context, int count, double *out) {
  lc_parallel(s->threads, s->x->n, LC_LANES_ROWS, task, context);
  memset(out, 0, (size_t)count * sizeof *out);
  for (lc_index from = 0; from < s->x->n; from += LC_LANES_ROWS)
    for (int a = 0; a < count; a++) out[a] += lc_lanes_row_sums(s, from)[a];
}

/* ---- members ------------------------------------------------------------------------------------------------- */

/* *at <- an array of `capacity` times `each` bytes that begins with the `count` of the old one. */
static int move_array(lc_arena *arena, void *at, lc_index count, lc_index capacity, size_t each) {
  void *old, *fresh = lc_arena_alloc(arena, capacity, each);
  memcpy(&old, at, sizeof old);
  if (!fresh) return 0;
  if (count > 0) memcpy(fresh, old, (size_t)count * each);
  memcpy(at, &fresh, sizeof fresh);
  return 1;
}

/* A vector of members: where its pointer is, and the bytes of each member. */
typedef struct member_array {
  void *at;
  size_t each;
} member_array;

enum { MOST_ARRAYS = 26 };

/* All that there are but the lines, which live for one product. */
static int list_arrays(lc_lanes *s, member_array *out) {
  const size_t wide = LC_LANES * sizeof(double), narrow = LC_LANES * sizeof(float);
  const struct {
    member_array array;
    int exists;
  } all[] = {{{&s->feature, sizeof *s->feature}, 1},
             {{&s->b, wide}, 1},
             {{&s->to, wide}, 1},
             {{&s->g, wide}, 1},
             {{&s->slope, wide}, 1},
             {{&s->G[0], wide}, 1},
             {{&s->G[1], wide}, s->parts > 1},
             {{&s->v, narrow}, 1},
             {{&s->h, narrow}, 1},
             {{&s->d, narrow}, 1},
             {{&s->r, narrow}, 1},
             {{&s->open, narrow}, 1},
             {{&s->last, narrow}, 1},
             {{&s->unit, sizeof *s->unit}, 1},
             {{&s->mean, sizeof *s->mean}, 1},
             {{&s->l1, sizeof *s->l1}, 1},
             {{&s->l2, sizeof *s->l2}, 1},
             {{&s->lower, sizeof *s->lower}, s->obj->pen->lower != NULL},
             {{&s->upper, sizeof *s->upper}, s->obj->pen->lower != NULL},
             {{&s->unitf, sizeof *s->unitf}, 1},
             {{&s->meanf, sizeof *s->meanf}, 1},
             {{&s->ridge, sizeof *s->ridge}, 1},
             {{&s->metric, sizeof *s->metric}, 1},
             {{&s->per, sizeof *s->per}, 1},
             {{&s->clipped, sizeof *s->clipped}, 1},
             {{&s->held, sizeof *s->held}, 1}};
  int count = 0;
  for (size_t a = 0; a < sizeof all / sizeof *all; a++)
    if (all[a].exists) out[count++] = all[a].array;
  return count;
}

/* Capacities double, so all old arrays together are no larger than the last ones. */
static lc_status reserve(lc_lanes *s, lc_index count) {
  if (count <= s->capacity) return LC_OK;
  lc_index capacity = lc_max(count, lc_min(2 * s->capacity, s->x->p));
  member_array arrays[MOST_ARRAYS];
  int narrays = list_arrays(s, arrays), ok = 1;
  for (int a = 0; ok && a < narrays; a++) ok = move_array(s->arena, arrays[a].at, s->count, capacity, arrays[a].each);
  for (int part = 0; ok && part < s->parts; part++)
    ok = move_array(s->arena, &s->lines[part], 0, capacity, LC_LINE * sizeof(float));
  ok = ok && move_array(s->arena, &s->sums, 0, count_pieces(capacity), LC_LANES_SUMS * LC_LANES * sizeof(double));
  if (!ok) return LC_OUT_OF_MEMORY;
  s->capacity = capacity;
  return LC_OK;
}

/* The spread of a feature as shown; its root mean square without an intercept. */
static double size_of(const lc_objective *obj, lc_index f) {
  const double nothing = 1e-12; /* of the square: rounding */
  double rms = lc_objective_rms(obj, f), mean = obj->x->intercept && obj->mean ? obj->mean[f] : 0;
  double square = rms * rms - mean * mean;
  return sqrt(fmax(square, nothing * rms * rms));
}

lc_status lc_lanes_join(lc_lanes *s, lc_index nj, const lc_index *feature) {
  const lc_penalty *pen = s->obj->pen;
  LC_TRY(reserve(s, s->count + nj));
  for (lc_index a = 0; a < nj; a++) {
    lc_index f = feature[a], k = s->count++;
    double unit = 1 / size_of(s->obj, f);
    s->feature[k] = f;
    s->unit[k] = unit;
    s->mean[k] = s->x->intercept && s->obj->mean ? s->obj->mean[f] : 0;
    if (pen->lower) {
      s->lower[k] = pen->lower[f] / unit;
      s->upper[k] = pen->upper[f] / unit;
    }
    s->unitf[k] = (float)unit;
    s->meanf[k] = (float)(s->mean[k] * unit);
    s->metric[k] = 1;
    s->l1[k] = pen->l1[f] * unit;
    s->l2[k] = pen->l2[f] * unit * unit;
    s->ridge[k] = (float)s->l2[k];
    s->per[k] = (float)(1 / (s->l1[k] > 0 ? s->l1[k] : s->unit_l1));
    s->clipped[k] = s->held[k] = 0;
    for (int l = 0; l < LC_LANES; l++) {
      lc_index at = lc_lane_at(k, l);
      s->b[at] = s->to[at] = s->g[at] = 0;
      s->v[at] = s->h[at] = s->d[at] = s->r[at] = s->open[at] = s->last[at] = 0;
    }
  }
  s->x->ops->grow_rows(s->x, nj, feature, &s->rows, s->job->host);
  return LC_OK;
}

/* ---- their order ----------------------------------------------------------------------------------------------- */

typedef struct order {
  int *entries[LC_LANES_MOST_PARTS]; /* of each member, in the rows of a part */
  int *place;                        /* where it goes */
} order;

static void count_entries(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  int *entries = ((order *)context)->entries[part];
  for (lc_index i = from; i < to; i++)
    for (int e = s->rows.start[i]; e < s->rows.end[i]; e++) entries[s->rows.index[e]]++;
}

static void rename_entries(lc_lanes *s, int part, lc_index from, lc_index to, void *context) {
  const int *place = ((order *)context)->place;
  (void)part;
  for (lc_index i = from; i < to; i++)
    for (int e = s->rows.start[i]; e < s->rows.end[i]; e++) s->rows.index[e] = place[s->rows.index[e]];
}

/* Places by the number of entries, in powers of 2, most first; equal ones stay in their order. */
static void find_places(const lc_lanes *s, const order *own) {
  enum { POWERS = 33 };
  lc_index next[POWERS + 1] = {0};
  for (int adds = 0; adds < 2; adds++) {
    for (lc_index k = 0; k < s->count; k++) {
      unsigned entries = 0;
      int power = POWERS - 1;
      for (int part = 0; part < s->parts; part++) entries += (unsigned)own->entries[part][k];
      for (; entries > 0; entries >>= 1) power--;
      if (adds)
        own->place[k] = (int)next[power]++;
      else
        next[power + 1]++;
    }
    for (int power = 0; !adds && power < POWERS; power++) next[power + 1] += next[power];
  }
}

static void permute(const lc_lanes *s, const member_array *array, const int *place, unsigned char *old) {
  unsigned char *members;
  memcpy(&members, array->at, sizeof members);
  memcpy(old, members, (size_t)s->count * array->each);
  for (lc_index k = 0; k < s->count; k++)
    memcpy(members + (size_t)place[k] * array->each, old + (size_t)k * array->each, array->each);
}

lc_status lc_lanes_sort(lc_lanes *s, lc_index least) {
  const double grown = 1.4;
  if (s->count < least || (double)s->count < grown * (double)s->sorted) return LC_OK;
  lc_mark mark = lc_arena_mark(s->arena);
  order own = {.place = lc_arena_alloc(s->arena, s->count, sizeof(int))};
  void *old = lc_arena_alloc(s->arena, s->count, LC_LANES * sizeof(double));
  int ok = own.place && old;
  for (int part = 0; ok && part < s->parts; part++) {
    own.entries[part] = lc_arena_alloc(s->arena, s->count, sizeof(int));
    ok = own.entries[part] != NULL;
    if (ok) memset(own.entries[part], 0, (size_t)s->count * sizeof(int));
  }
  if (!ok) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_lanes_each_part(s, count_entries, &own));
  find_places(s, &own);
  LC_TRY(lc_lanes_each_part(s, rename_entries, &own));
  member_array arrays[MOST_ARRAYS];
  int narrays = list_arrays(s, arrays);
  for (int a = 0; a < narrays; a++) permute(s, arrays + a, own.place, old);
  lc_arena_reset(s->arena, mark);
  s->sorted = s->count;
  return LC_OK;
}

void lc_lanes_constants(const lc_lanes *s, lc_index from, lc_index to, lc_lane_members *out) {
  *out = (lc_lane_members){.count = to - from,
                           .unit = s->unitf + from,
                           .mean = s->meanf + from,
                           .ridge = s->ridge + from,
                           .metric = s->metric + from,
                           .per = s->per + from};
}

/* ---- the start ------------------------------------------------------------------------------------------------- */

/* Must feature f be a member from the start on? What is not 0, as what bounds keep from it, or not penalised by L1. */
static int is_first(const lc_lanes *s, lc_index f) {
  return s->obj->at.B[f + s->x->intercept] != 0 || !(s->obj->pen->l1[f] > 0);
}

static lc_status choose_members(lc_lanes *s) {
  lc_index p = s->x->p;
  s->rest = lc_arena_alloc(s->arena, p, sizeof *s->rest);
  s->asked = lc_arena_alloc(s->arena, p, sizeof *s->asked);
  s->outside = lc_arena_alloc(s->arena, p, 1);
  s->asks = lc_arena_alloc(s->arena, p, 1);
  s->norm = lc_arena_alloc(s->arena, p, sizeof *s->norm);
  s->strength = lc_arena_alloc(s->arena, p, sizeof *s->strength);
  s->kept_g = lc_arena_alloc(s->arena, p * LC_LANES, sizeof *s->kept_g);
  if (!s->rest || !s->asked || !s->outside || !s->asks || !s->norm || !s->strength || !s->kept_g)
    return LC_OUT_OF_MEMORY;
  memset(s->outside, 1, (size_t)p);
  for (lc_index f = 0; f < p; f++) {
    s->norm[f] = (float)lc_objective_rms(s->obj, f);
    s->strength[f] = (float)s->obj->pen->l1[f];
  }
  for (lc_index f = 0; f < p; f++)
    if (is_first(s, f))
      LC_TRY(lc_lanes_join(s, 1, &f));
    else
      s->rest[s->nrest++] = f;
  return LC_OK;
}

/* All lanes hold the point where the objective stands, of which nothing else is known. */
static void fill_lanes(lc_lanes *s) {
  const lc_objective *obj = s->obj;
  double b0 = s->x->intercept ? obj->at.B[0] : 0;
  for (lc_index k = 0; k < s->count; k++) {
    double b = obj->at.B[s->feature[k] + s->x->intercept];
    b0 += s->mean[k] * b;
    for (int l = 0; l < LC_LANES; l++) s->b[lc_lane_at(k, l)] = s->to[lc_lane_at(k, l)] = b / s->unit[k];
  }
  for (int l = 0; l < LC_LANES; l++)
    s->lane[l] = (lc_lane){
        .number = -1, .lambda = s->job->before, .b0 = b0, .to0 = b0, .value = obj->at.value, .least = INFINITY};
}

/* Residuals are scaled by the strengths of the penalty: the least of them, for what has none. Is anything free? */
static void find_strengths(lc_lanes *s) {
  const lc_penalty *pen = s->obj->pen;
  lc_penalty any = *pen;
  any.lambda = 1;
  s->has_free = lc_penalty_has_free(&any);
  s->unit_l1 = s->least_l1 = INFINITY;
  for (lc_index f = 0; f < s->x->p; f++)
    if (pen->l1[f] > 0) {
      s->unit_l1 = fmin(s->unit_l1, pen->l1[f] / size_of(s->obj, f));
      s->least_l1 = fmin(s->least_l1, pen->l1[f] / lc_objective_rms(s->obj, f));
    }
}

lc_status lc_lanes_make(lc_lanes *s, const lc_lanes_job *job) {
  const double large = 4e4, piece = 1e7; /* entries: that two parts are worth; between two polls */
  lc_objective *obj = job->obj;
  *s = (lc_lanes){.job = job, .obj = obj, .x = obj->x, .arena = job->arena, .stop = job->count};
  lc_index n = s->x->n;
  double entries = s->x->ops->cells(s->x) / 1.5;
  s->parts = entries > large ? LC_LANES_MOST_PARTS : 1;
  s->threads = s->parts > 1 ? job->host->threads : 1;
  s->chunks = 1 + (lc_index)(entries / piece);
  find_strengths(s);
  s->z = lc_arena_doubles(s->arena, n * LC_LANES);
  s->R = lc_arena_doubles(s->arena, n * LC_LANES);
  s->w = lc_arena_alloc(s->arena, n * LC_LANES, sizeof *s->w);
  s->Rf = lc_arena_alloc(s->arena, n * LC_LANES, sizeof *s->Rf);
  s->kept_R = lc_arena_alloc(s->arena, n * LC_LANES, sizeof *s->kept_R);
  s->kept_reads = INFINITY;
  s->weights = job->weights > 0 ? job->weights : obj->weight_sum;
  s->lines_out = lc_arena_doubles(s->arena, LC_LANES_COLUMNS * LC_LANES);
  s->row_sums = lc_arena_doubles(s->arena, (n / LC_LANES_ROWS + 1) * LC_LANES * LC_LANES);
  s->done = lc_arena_alloc(s->arena, job->count, sizeof *s->done);
  if (!s->z || !s->R || !s->w || !s->Rf || !s->kept_R || !s->lines_out || !s->row_sums || !s->done)
    return LC_OUT_OF_MEMORY;
  memset(s->done, 0, (size_t)job->count);
  LC_TRY(s->x->ops->grown_rows(s->x, &s->rows, s->arena));
  LC_TRY(reserve(s, lc_min(s->x->p, 1024)));
  LC_TRY(choose_members(s));
  fill_lanes(s);
  return LC_OK;
}
