/* solver/dual.c - dual coordinate descent for ramps with a ridge, on sparse rows.
 *
 *     F(B) = (1/W) sum_i w_i sum_{c != y_i} max(0, 1 + z_ic - z_iy) + sum_j l_j / 2 |b_j|^2
 *
 * (one score, two classes: max(0, 1 - s_i z_i)). A dual point is a_ic in [0, w_i] for each wrong class of a row; with
 * R_ic = a_ic, R_iy = -sum_c a_ic (one score: R_i = -s_i a_i) its slopes are B = -L^-1 X'R / W. Rows are visited in
 * random order, and each visit minimises over all a of its row exactly: two classes as Hsieh and others (ICML 2008),
 * with their shrinking; more classes by one scalar equation (see row_solution()). For the largest of the ramps in place
 * of their sum (Crammer and Singer) the a of a row sum to w_i at most: Keerthi and others (KDD 2008). Intercepts
 * without penalty want sum_i R_i = 0: a method of multipliers. Each class has a feature of ones with a ridge of 1 /
 * flex about a centre, so that its intercept is centre - flex sum_i R_i; after each sweep the centre moves to the
 * intercept that was reached. Sweeps are extrapolated (dual_momentum.c), which takes a third of them or less. Every few
 * sweeps the true gap is looked at; the best B and the best dual point are kept. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "solver/dual_work.h"

enum { PREFETCH = 6, POLL_ENTRIES = 1 << 22, SLEEPY = 3 };

/* ---- rows ---------------------------------------------------------------------------------------------- */

/* x_i' b for one score, in four sums. */
#define LC_ROW_SCORE(x)                                       \
  do {                                                        \
    for (; e + 3 < end; e += 4) {                             \
      s0 += (double)(x)[e] * b[column[e]];                    \
      s1 += (double)(x)[e + 1] * b[column[e + 1]];            \
      s2 += (double)(x)[e + 2] * b[column[e + 2]];            \
      s3 += (double)(x)[e + 3] * b[column[e + 3]];            \
    }                                                         \
    for (; e < end; e++) s0 += (double)(x)[e] * b[column[e]]; \
  } while (0)

static double row_score(const lc_rows *rows, lc_index i, const double *b) {
  const int *column = rows->column;
  const float *narrow = rows->narrow;
  const double *value = rows->value;
  lc_index e = rows->start[i], end = rows->start[i + 1];
  double s0 = 0, s1 = 0, s2 = 0, s3 = 0;
  if (narrow) {
    LC_ROW_SCORE(narrow);
  } else {
    LC_ROW_SCORE(value);
  }
  return (s0 + s1) + (s2 + s3);
}
#undef LC_ROW_SCORE

/* b -= d L^-1 x_i / W. */
static void row_push(const lc_dual_work *work, lc_index i, double d) {
  const lc_rows *rows = &work->rows;
  const int *column = rows->column;
  double *b = work->slope;
  lc_index e = rows->start[i], end = rows->start[i + 1];
  if (work->uniform && rows->narrow) {
    double by = d * work->inverse[0];
    for (; e < end; e++) b[column[e]] -= by * (double)rows->narrow[e];
  } else {
    for (; e < end; e++) b[column[e]] -= d * work->inverse[column[e]] * lc_rows_value(rows, e);
  }
}

/* The same two for K scores side by side. */
static void row_scores(const lc_dual_work *work, lc_index i, double *z) {
  const lc_rows *rows = &work->rows;
  int K = work->K;
  for (lc_index e = rows->start[i]; e < rows->start[i + 1]; e++) {
    const double *b = work->slope + (lc_index)rows->column[e] * K;
    double x = lc_rows_value(rows, e);
    for (int c = 0; c < K; c++) z[c] += x * b[c];
  }
}

static void row_push_all(const lc_dual_work *work, lc_index i, const double *d) {
  const lc_rows *rows = &work->rows;
  int K = work->K;
  for (lc_index e = rows->start[i]; e < rows->start[i + 1]; e++) {
    double *b = work->slope + (lc_index)rows->column[e] * K,
           x = work->inverse[rows->column[e]] * lc_rows_value(rows, e);
    for (int c = 0; c < K; c++) b[c] -= x * d[c];
  }
}

void lc_dual_push(const lc_dual_work *work, lc_index i, const double *d) {
  if (work->obj->coding.vector)
    row_push(work, i, d[0]);
  else
    row_push_all(work, i, d);
}

/* Asks memory for a row that will be visited soon. */
static void fetch_ahead(const lc_dual_work *work, lc_index at) {
#if defined(__GNUC__)
  const lc_rows *rows = &work->rows;
  if (at + PREFETCH >= work->active) return;
  lc_index i = work->order[at + PREFETCH], end = rows->start[i + 1];
  __builtin_prefetch(work->row + i);
  if (at + 2 * PREFETCH < work->active) __builtin_prefetch(rows->start + work->order[at + 2 * PREFETCH]);
  for (lc_index e = rows->start[i]; e < end; e += 16) {
    __builtin_prefetch(rows->column + e);
    if (rows->narrow)
      __builtin_prefetch(rows->narrow + e);
    else
      __builtin_prefetch(rows->value + e);
  }
#else
  (void)work;
  (void)at;
#endif
}

/* ---- two classes --------------------------------------------------------------------------------------- */

/* Projected gradient of a row at its bounds; *shrinks = 1 where it is far inside the half line that holds it there. */
static double projected(lc_dual_work *work, double a, double most, double gradient, int *shrinks) {
  *shrinks = (a <= 0 && gradient > work->least_high) || (a >= most && gradient < work->most_low);
  if (a <= 0) return fmin(gradient, 0);
  if (a >= most) return fmax(gradient, 0);
  return gradient;
}

/* One visit of the row at place `at` of the order; 1: it was taken out, another one is there now. */
static int visit(lc_dual_work *work, lc_index at) {
  lc_index i = work->order[at];
  lc_dual_row *row = work->row + i;
  double a = row->a, z = work->intercept[0] + lc_dual_offset(work, i, 0) + row_score(&work->rows, i, work->slope);
  double gradient = row->sign * z - 1;
  int shrinks;
  work->gap += row->most * fmax(-gradient, 0) + a * gradient;
  double here = projected(work, a, row->most, gradient, &shrinks);
  if (shrinks) {
    work->order[at] = work->order[--work->active];
    work->order[work->active] = i;
    return 1;
  }
  work->high = fmax(work->high, here);
  work->low = fmin(work->low, here);
  if (here == 0) return 0;
  double next = gradient < 0 ? row->most : 0;
  if (row->square > 0) next = fmin(fmax(a - gradient / row->square, 0), row->most);
  double d = -row->sign * (next - a);
  if (d == 0) return 0;
  row->a = next;
  work->total[0] += d;
  work->intercept[0] -= work->flex * d;
  row_push(work, i, d);
  return 0;
}

static void end_of_sweep(lc_dual_work *work) {
  work->least_high = work->high <= 0 ? INFINITY : work->high;
  work->most_low = work->low >= 0 ? -INFINITY : work->low;
}

/* ---- more classes -------------------------------------------------------------------------------------- */

/* The optimum of a row, given v_c = a_c + A + (1 + z_c - z_y) / q at the old a with sum A: a_c = clip(v_c - S, 0, most)
 * with S the sum of them. S - sum clip(v_c - S) rises with slope 1 at least: Newton's method on it, from A. */
static double row_solution(int K, int own, const double *v, double most, double start) {
  double S = start;
  for (int step = 0; step < 50; step++) {
    double excess = -S;
    int within = 1;
    for (int c = 0; c < K; c++) {
      double t = v[c] - S;
      if (c == own) continue;
      excess += fmin(fmax(t, 0), most);
      within += t > 0 && t < most;
    }
    double move = excess / within;
    S += move;
    if (fabs(move) <= 1e-14 * (isinf(most) ? fabs(S) : most + fabs(S))) break;
  }
  return S;
}

/* Where the a of a row must not sum to more than most: S of the above without clipping from above, or, where that is
 * more, the shift with sum (v_c - shift)+ = most. That sum is convex and falls: Newton's steps from below stay there.
 */
static double simplex_solution(int K, int own, const double *v, double most, double start) {
  double shift = row_solution(K, own, v, INFINITY, start);
  if (!(shift > most)) return shift;
  for (int step = 0; step < 50; step++) {
    double excess = -most;
    int within = 0;
    for (int c = 0; c < K; c++) {
      if (c == own || !(v[c] > shift)) continue;
      excess += v[c] - shift;
      within++;
    }
    if (within == 0 || !(excess > 1e-14 * most)) break;
    shift += excess / within;
  }
  return shift;
}

/* What a row with violations u = 1 + z_c - z_y of its wrong classes c adds to the gap. */
static double row_gap(const lc_dual_work *work, int own, const double *a, const double *u, double most) {
  double loss = 0, gain = 0;
  for (int c = 0; c < work->K; c++) {
    if (c == own) continue;
    loss = work->largest ? fmax(loss, u[c]) : loss + fmax(u[c], 0);
    gain += a[c] * u[c];
  }
  return most * loss - gain;
}

/* The a of a row without entries and flex: those of the ramps that are violated, or of the most violated one. */
static void solve_empty(const lc_dual_work *work, int own, const double *u, double most, double *next) {
  int top = own;
  for (int c = 0; c < work->K; c++) {
    next[c] = c != own && u[c] > 0 ? most : 0;
    if (c != own && u[c] > (top == own ? 0 : u[top])) top = c;
  }
  for (int c = 0; work->largest && c < work->K; c++) next[c] = c == top && c != own ? most : 0;
}

static void solve_row(const lc_dual_work *work, int own, const double *a, const double *u, double most, double q,
                      double *next) {
  int K = work->K;
  double *v = work->v, sum = 0;
  if (!(q > 0)) {
    solve_empty(work, own, u, most, next);
    return;
  }
  for (int c = 0; c < K; c++)
    if (c != own) sum += a[c];
  for (int c = 0; c < K; c++) v[c] = a[c] + sum + u[c] / q;
  double S = work->largest ? simplex_solution(K, own, v, most, sum) : row_solution(K, own, v, most, sum);
  for (int c = 0; c < K; c++) next[c] = c == own ? 0 : fmin(fmax(v[c] - S, 0), most);
}

static void visit_all(lc_dual_work *work, lc_index i) {
  int K = work->K, own = (int)work->obj->obs->y[i];
  double *a = work->a + i * K, *u = work->z, *d = work->change, most = work->row[i].most, moved = 0, total = 0;
  for (int c = 0; c < K; c++) u[c] = work->intercept[c] + lc_dual_offset(work, i, c);
  row_scores(work, i, u);
  double own_score = u[own];
  for (int c = 0; c < K; c++) u[c] += 1 - own_score;
  work->gap += row_gap(work, own, a, u, most);
  solve_row(work, own, a, u, most, work->row[i].square, d);
  for (int c = 0; c < K; c++) {
    double next = d[c];
    d[c] -= a[c];
    a[c] = next;
    moved = fmax(moved, fabs(d[c]));
    total += d[c];
  }
  if (moved <= 1e-13 * most) {
    if (work->idle[i] < SLEEPY) work->idle[i]++;
    return;
  }
  work->idle[i] = 0;
  d[own] = -total;
  for (int c = 0; c < K; c++) {
    work->total[c] += d[c];
    work->intercept[c] -= work->flex * d[c];
  }
  row_push_all(work, i, d);
}

/* ---- sweeps -------------------------------------------------------------------------------------------- */

static lc_status poll_after(lc_dual_work *work, lc_index i) {
  work->entries += (double)(work->rows.start[i + 1] - work->rows.start[i] + 8) * work->K;
  if (work->entries < POLL_ENTRIES) return LC_OK;
  work->entries = 0;
  return lc_poll(work->obj->host);
}

/* lc_random_shuffle() without its divisions: a bias of 2^-32 n is none here. */
static void shuffle(lc_random *random, lc_index count, lc_index *index) {
  for (lc_index i = count - 1; i > 0; i--) {
    uint64_t bits = lc_random_bits(random) >> 32;
    lc_index j = (lc_index)((bits * (uint64_t)(i + 1)) >> 32), swap = index[i];
    index[i] = index[j];
    index[j] = swap;
  }
}

/* The centre of the intercepts moves to where they are, with momentum now and then. Then all rows in random order. */
static lc_status sweep(lc_dual_work *work, double number, int momentum) {
  lc_random random = lc_random_stream(0, (uint64_t)number);
  shuffle(&random, work->active, work->order);
  const double steady = 4; /* sweeps of one centre: moves of different ones are not conjugate */
  int moves = !momentum || fmod(number, steady) == 0;
  for (int c = 0; moves && c < work->K; c++) work->intercept[c] -= work->flex * work->total[c];
  if (momentum) lc_dual_remember(work);
  work->high = -INFINITY;
  work->low = INFINITY;
  work->gap = 0;
  int one = work->obj->coding.vector;
  for (lc_index at = 0; at < work->active; at++) {
    lc_index i = work->order[at];
    LC_TRY(poll_after(work, i));
    fetch_ahead(work, at);
    if (one)
      at -= visit(work, at);
    else if (work->idle[i] < SLEEPY)
      visit_all(work, i);
  }
  if (one) end_of_sweep(work);
  return LC_OK;
}

/* All rows are visited again. */
static void wake(lc_dual_work *work, lc_index rows) {
  work->active = rows;
  work->least_high = INFINITY;
  work->most_low = -INFINITY;
  memset(work->idle, 0, (size_t)work->n);
}

/* ---- looks at the gap ---------------------------------------------------------------------------------- */

static void write_point(const lc_dual_work *work, double *B) {
  const lc_objective *obj = work->obj;
  int K = work->K, intercept = obj->pen->intercept;
  for (int c = 0; c < K; c++) {
    if (intercept) B[c * obj->q] = work->intercept[c];
    for (lc_index j = 0; j < work->p; j++) B[c * obj->q + intercept + j] = work->slope[j * K + c];
  }
}

static void write_dual(const lc_dual_work *work, double *R) {
  const double *y = work->obj->obs->y;
  int K = work->K, one = work->obj->coding.vector;
  for (lc_index i = 0; i < work->n; i++) {
    double sum = 0;
    if (one) R[i] = -work->row[i].sign * work->row[i].a;
    for (int c = 0; !one && c < K; c++) sum += R[i + c * work->n] = work->a[i * K + c];
    if (!one) R[i + (lc_index)y[i] * work->n] = -sum;
  }
}

/* The gap of the best point and the best dual point so far, over the scale of certificates. Two reads of X. */
static lc_status look(lc_dual_work *work, lc_report *report, double *relative) {
  lc_objective *obj = work->obj;
  lc_certificate certificate;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *R = lc_arena_doubles(obj->arena, work->n * work->K);
  if (!R) return LC_OUT_OF_MEMORY;
  write_point(work, obj->to.B);
  LC_TRY(lc_objective_eval(obj, obj->to.B, LC_WANT_VALUE));
  lc_objective_accept(obj);
  if (!isfinite(obj->at.value)) return LC_NONFINITE;
  write_dual(work, R);
  const double *before = obj->dual;
  obj->dual = R;
  LC_TRY(lc_objective_gap(obj, &certificate));
  obj->dual = before;
  if (obj->at.value < work->primal) {
    work->primal = obj->at.value;
    memcpy(work->B, obj->at.B, (size_t)obj->P * sizeof(double));
  }
  double dual = obj->at.value - certificate.gap;
  if (dual > work->dual) {
    work->dual = dual;
    memcpy(work->R, R, (size_t)(work->n * work->K) * sizeof(double));
  }
  lc_arena_reset(obj->arena, mark);
  *relative = (work->primal - work->dual) / fmax(work->primal, 1e-3 * obj->null_value);
  double best = work->primal, value = obj->at.value;
  obj->at.value = best;
  lc_status status = lc_objective_record(obj, report->iterations, NAN, certificate.kkt, NAN);
  obj->at.value = value;
  return status;
}

/* ---- the run ------------------------------------------------------------------------------------------- */

static lc_status allocate(lc_dual_work *work) {
  lc_objective *obj = work->obj;
  lc_arena *arena = obj->arena;
  lc_index n = work->n, p = work->p, K = work->K;
  work->slope = lc_arena_zeros(arena, p * K);
  work->intercept = lc_arena_zeros(arena, 2 * K);
  work->inverse = lc_arena_doubles(arena, p);
  work->row = lc_arena_alloc(arena, n, sizeof *work->row);
  work->a = lc_arena_zeros(arena, obj->coding.vector ? 0 : n * K);
  work->order = lc_arena_alloc(arena, n, sizeof *work->order);
  work->idle = lc_arena_alloc(arena, n, 1);
  work->z = lc_arena_zeros(arena, 3 * K);
  work->B = lc_arena_zeros(arena, obj->P);
  work->R = lc_arena_zeros(arena, n * K);
  if (!work->slope || !work->intercept || !work->inverse || !work->row || !work->a) return LC_OUT_OF_MEMORY;
  if (!work->order || !work->idle || !work->z || !work->B || !work->R) return LC_OUT_OF_MEMORY;
  work->total = work->intercept + K;
  work->v = work->z + K;
  work->change = work->v + K;
  return LC_OK;
}

/* x_i' L^-1 x_i / W of each row, and the flex of intercepts: their harmonic mean, of many rows a share of it. All rows
 * share the intercept, so of many the whole mean couples them far more than their entries do: intercepts swing, and
 * take twice the sweeps or never come to rest. With a small share of few rows the centre follows too slowly. (Measured,
 * sweeps to 1e-6, or what 1000 leave, with 1, a tenth, a hundredth and a thousandth of the mean: 25 rows of 2 columns
 * 64, 2e-4, 2e-2; 600 of 500 1217, 575, 436, 778; 2e4 texts 204, 102, 102, 144; 2e4 of few words 1.7e-2, 4.7e-4,
 * 3.6e-4, 3.9e-4, and 3.2e-4 without an intercept.) Returns how many rows have a weight. */
static lc_index prepare(lc_dual_work *work) {
  lc_objective *obj = work->obj;
  lc_index count = 0;
  double reciprocals = 0;
  work->uniform = 1;
  for (lc_index j = 0; j < work->p; j++) {
    work->inverse[j] = 1 / (obj->weight_sum * lc_penalty_l2(obj->pen, j));
    work->uniform &= work->inverse[j] == work->inverse[0];
  }
  for (lc_index i = 0; i < work->n; i++) {
    double sum = 0;
    for (lc_index e = work->rows.start[i]; e < work->rows.start[i + 1]; e++) {
      double x = lc_rows_value(&work->rows, e);
      sum += work->inverse[work->rows.column[e]] * x * x;
    }
    work->row[i] = (lc_dual_row){0, lc_obs_weight(obj->obs, i), sum, obj->obs->y[i] > 0 ? 1 : -1};
    if (work->row[i].most > 0) work->order[count++] = i;
    if (work->row[i].most > 0 && sum > 0) reciprocals += 1 / sum;
  }
  const double least = 0.01, rows = 100;
  double mean = reciprocals > 0 ? (double)count / reciprocals : 1;
  work->flex = obj->pen->intercept ? mean * fmax(least, fmin(1, rows / (double)lc_max(1, count))) : 0;
  for (lc_index i = 0; i < work->n; i++) work->row[i].square += work->flex;
  return count;
}

void lc_dual_clip(const lc_dual_work *work, lc_index i, double *a) {
  double most = work->row[i].most, sum = 0;
  int width = work->obj->coding.vector ? 1 : work->K;
  for (int c = 0; c < width; c++) sum += a[c] = a[c] > 0 ? a[c] < most ? a[c] : most : 0;
  for (int c = 0; work->largest && sum > most && c < width; c++) a[c] *= most / sum;
}

/* Goes on from the dual point R, whose rows are moved into their bounds, with the intercepts of B. */
static void go_on_from(lc_dual_work *work, const double *R, const double *B) {
  const lc_objective *obj = work->obj;
  int K = work->K, one = obj->coding.vector;
  for (int c = 0; obj->pen->intercept && c < K; c++) work->intercept[c] = B[c * obj->q];
  for (lc_index i = 0; i < work->n; i++) {
    double *a = lc_dual_of(work, i), *d = work->change, sum = 0;
    int own = (int)obj->obs->y[i];
    for (int c = 0; c < K; c++) a[c] = one ? -work->row[i].sign * R[i] : c == own ? 0 : R[i + c * work->n];
    lc_dual_clip(work, i, a);
    for (int c = 0; c < K; c++) {
      d[c] = one ? -work->row[i].sign * a[c] : a[c];
      sum += a[c];
    }
    if (sum == 0) continue;
    if (!one) d[own] = -sum;
    for (int c = 0; c < K; c++) work->total[c] += d[c];
    lc_dual_push(work, i, d);
  }
}

static lc_status descend(lc_dual_work *work, const lc_settings *settings, const double *B, lc_report *report) {
  lc_objective *obj = work->obj;
  enum { IDLE = 4 }; /* full sweeps without progress: then they are not extrapolated any more */
  lc_index rows = prepare(work);
  double least = INFINITY;
  int idle = 0;
  if (settings->dual) go_on_from(work, settings->dual, B);
  const double near = 3, early = 8; /* sweeps that find out which rows matter */
  double look_at = 2; /* sweeps; then each time they are half as many more, so that the history has lines */
  double most = isnan(settings->max_iter) ? 1000 : settings->max_iter, next = 0, relative = INFINITY;
  for (report->iterations = 0;; report->iterations++) {
    double done = report->iterations;
    int full = done >= next;
    if (full) {
      wake(work, rows);
      next = done + fmax(1, floor(done / 8));
    }
    if (done >= most) {
      LC_TRY(look(work, report, &relative));
      return relative <= settings->tolerance ? LC_OK : LC_MAX_ITER;
    }
    int momentum = done >= early && idle < IDLE;
    if (done == early) LC_TRY(lc_dual_momentum_init(work));
    LC_TRY(sweep(work, done, momentum));
    if (momentum) lc_dual_extrapolate(work);
    if (!full) continue;
    idle = work->gap < 0.8 * least ? 0 : idle + (done > early);
    least = fmin(least, work->gap);
    /* The sum of the rows' gaps is that of all but for moves during the sweep and intercepts not yet feasible. */
    double expected = work->gap / obj->weight_sum;
    if (expected > near * settings->tolerance * work->primal && done + 1 < look_at) continue;
    report->iterations++;
    LC_TRY(look(work, report, &relative));
    report->iterations--;
    if (relative <= settings->tolerance) return LC_OK;
    look_at = fmax(4, 1.5 * done);
  }
}

static lc_status dual_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  lc_dual_work work = {.obj = obj, .K = obj->K, .n = obj->x->n, .p = obj->pen->p};
  work.primal = INFINITY;
  work.dual = -INFINITY;
  int able = lc_objective_has_sparse_rows(obj) && obj->at.Z && !obj->coding.base && lc_penalty_all_l2(obj->pen);
  if (!able || !(obj->pen->lambda > 0)) return LC_UNSUPPORTED;
  LC_TRY(lc_objective_rows(obj, &work.rows));
  if (!work.rows.start) return LC_UNSUPPORTED;
  LC_TRY(allocate(&work));
  work.largest = (obj->loss->flags & LC_LARGEST_RAMP) && !obj->coding.vector;
  lc_status status = descend(&work, settings, B, report);
  if (status < 0) return status;
  if (isfinite(work.primal)) {
    memcpy(obj->at.B, work.B, (size_t)obj->P * sizeof(double));
    obj->dual = work.R;
  }
  return status;
}

const lc_solver lc_solver_dual = {
    "dual",
    "dual coordinate descent for the hinge with a ridge, on sparse rows",
    LC_NEEDS_ROWS | LC_NEEDS_RAMPS | LC_TAKES_LARGEST | LC_NEEDS_SPARSE | LC_NEEDS_RIDGE | LC_SEES_MEANS | LC_TO_GOAL,
    NULL,
    0,
    dual_run};
