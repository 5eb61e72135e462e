/* solver_minibatch.c - shuffled mini-batch (proximal, averaged) subgradient descent.
 *
 * Each epoch visits every row once in a fresh order; a batch with weights w steps along
 * sum w_i grad_i / sum w_i, the gradient of the mean loss over the batch, plus that of the L2 part. */
#include <math.h>
#include <string.h>

#include "random.h"
#include "solver.h"

typedef struct batch_work {
  lc_rows rows;
  lc_index *order, *index;          /* rows in this epoch's order; those of one batch */
  double *B, *mean, *G, *z, *r, *y; /* iterate and average in the columns as shown; gradient; one batch */
  double *unit;                     /* P: step of each coefficient for rate 1 */
  double steps;                     /* steps that the average holds */
} batch_work;

static lc_status allocate(lc_objective *obj, lc_index batch, batch_work *work) {
  lc_arena *arena = obj->arena;
  lc_index n = obj->x->n, P = obj->P;
  work->order = lc_arena_alloc(arena, n, sizeof *work->order);
  work->B = lc_arena_doubles(arena, P);
  work->mean = lc_arena_zeros(arena, P);
  work->G = lc_arena_doubles(arena, P);
  work->unit = lc_arena_doubles(arena, P);
  work->z = lc_arena_doubles(arena, batch * obj->K);
  work->r = lc_arena_doubles(arena, batch * obj->K);
  work->y = lc_arena_doubles(arena, batch);
  work->steps = 0;
  if (!work->order || !work->B || !work->mean || !work->G || !work->unit || !work->z || !work->r || !work->y)
    return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++) work->order[i] = i;
  return obj->x->ops->as_rows(obj->x, &work->rows, arena);
}

/* Step lengths. A given rate is one for all coefficients, as in the notes. Otherwise columns are scaled to unit
 * size and the step is 1 / (2 bend sum of squares of a row), which cannot diverge. */
static double set_units(const lc_objective *obj, const lc_settings *settings, double *unit) {
  lc_index q = obj->q;
  for (lc_index i = 0; i < obj->P; i++) unit[i] = 1;
  if (!isnan(settings->rate)) return settings->rate;
  double trace = obj->pen->one, most_l2 = 0;
  for (lc_index j = 0; j < obj->pen->p; j++) {
    double rms = obj->rms && obj->rms[j] > 0 ? obj->rms[j] : 1;
    for (int c = 0; c < obj->K; c++) unit[c * q + obj->pen->one + j] = 1 / (rms * rms);
    trace += 1;
    most_l2 = fmax(most_l2, lc_penalty_l2(obj->pen, j) / (rms * rms));
  }
  return 1 / (2 * lc_link_bound(obj->loss, &obj->link) * fmax(trace, 1) + most_l2);
}

/* One step on `m` rows: B <- prox(B - rate unit (gradient of batch + L2)). */
static void step(lc_objective *obj, const lc_index *index, lc_index m, double rate, batch_work *work) {
  const lc_design *x = obj->x;
  const lc_design_ops *ops = x->ops;
  double total = 0;
  ops->row_scores(&work->rows, m, index, obj->K, work->B, work->z);
  for (lc_index i = 0; i < m; i++) work->y[i] = x->y[index[i]];
  obj->loss->rows(&obj->link, (int)m, work->z, m, work->y, NULL, work->r, m, NULL, 0);
  for (lc_index i = 0; i < m; i++) total += x->w ? x->w[index[i]] : 1;
  for (int c = 0; c < obj->K; c++)
    for (lc_index i = 0; i < m; i++) work->r[i + c * m] *= (x->w ? x->w[index[i]] : 1) / total;
  memset(work->G, 0, (size_t)obj->P * sizeof(double));
  ops->row_gradient(&work->rows, m, index, obj->K, work->r, work->G);
  lc_penalty_add_ridge(obj->pen, obj->K, work->B, work->G);
  for (int c = 0; c < obj->K; c++)
    for (lc_index j = 0; j < obj->q; j++) {
      lc_index at = c * obj->q + j;
      double length = rate * work->unit[at], b = work->B[at] - length * work->G[at];
      work->B[at] = j < obj->pen->one ? b : lc_penalty_prox(obj->pen, j - obj->pen->one, b, 1 / length);
    }
}

static void add_to_average(const lc_objective *obj, batch_work *work) {
  work->steps++;
  for (lc_index i = 0; i < obj->P; i++) work->mean[i] += (work->B[i] - work->mean[i]) / work->steps;
}

/* One epoch; averages its iterates when asked. */
static lc_status run_epoch(lc_objective *obj, const lc_settings *settings, lc_index batch, double rate, double epoch,
                           int average, batch_work *work) {
  lc_index n = obj->x->n;
  if (settings->shuffle > 0) {
    lc_random random = lc_random_stream(settings->seed, (uint64_t)epoch);
    lc_random_shuffle(&random, n, work->order);
  }
  for (lc_index at = 0; at < n; at += batch) {
    LC_TRY(lc_poll(obj->host));
    step(obj, work->order + at, lc_min(batch, n - at), rate, work);
    if (average) add_to_average(obj, work);
  }
  obj->passes++;
  return LC_OK;
}

/* Puts B into `at` with value and gradient; keeps `at` when B is worse than all hope. */
static lc_status look_at(lc_objective *obj, const double *B, double first) {
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  if (!(obj->to.value < 1e8 * (1 + fabs(first)))) return LC_DIVERGED;
  lc_objective_accept(obj);
  return LC_OK;
}

/* The perceptron's question: does the last iterate (rather than the average) classify every row? */
static lc_status separates(lc_objective *obj, const batch_work *work, double first, double *mistakes) {
  LC_TRY(look_at(obj, work->B, first));
  return lc_objective_mistakes(obj, mistakes);
}

static lc_status minibatch_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  int perceptron = obj->loss->dual == NULL, automatic = isnan(settings->rate);
  double preset = perceptron ? 1 : 32, size = isnan(settings->batch_size) ? preset : settings->batch_size;
  lc_index batch = lc_max(1, lc_min(obj->x->n, (lc_index)fmin(size, 1e9)));
  int average = isnan(settings->average) ? perceptron || automatic : settings->average > 0;
  double most = isnan(settings->max_iter) ? settings->epochs : fmin(settings->epochs, settings->max_iter);
  batch_work work;
  LC_TRY(allocate(obj, batch, &work));
  memcpy(work.B, B, (size_t)obj->P * sizeof(double));
  double rate = set_units(obj, settings, work.unit);
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  double first = obj->at.value;
  if (!isfinite(first)) return LC_NONFINITE;
  double *best = lc_arena_doubles(obj->arena, obj->P), least = INFINITY;
  if (!best) return LC_OUT_OF_MEMORY;
  for (double epoch = 0;; epoch++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
    report->iterations = epoch;
    LC_TRY(lc_objective_record(obj, epoch, epoch, kkt, epoch > 0 ? rate : NAN));
    if (obj->at.value < least) {
      least = obj->at.value;
      memcpy(best, obj->at.B, (size_t)obj->P * sizeof(double));
    }
    if (epoch >= most) {
      /* A rate that ends above its start leads nowhere: the best epoch is returned. */
      if (perceptron || !(obj->at.value > first)) return LC_BUDGET;
      LC_TRY(look_at(obj, best, first));
      return LC_DIVERGED;
    }
    /* The average leaves out the first half of the epochs, which only remember the start. */
    int averaging = average && (perceptron || epoch >= floor(most / 2));
    LC_TRY(run_epoch(obj, settings, batch, rate, epoch, averaging, &work));
    if (perceptron) {
      LC_TRY(separates(obj, &work, first, &report->mistakes));
      if (report->mistakes == 0) return LC_OK;
    }
    lc_status looked = look_at(obj, averaging ? work.mean : work.B, first);
    if (looked == LC_DIVERGED) LC_TRY(look_at(obj, best, first));
    LC_TRY(looked);
  }
}

static const lc_field fields[] = {
    {"batch_size", offsetof(lc_settings, batch_size), NAN, 1, 1e9, 1, "rows of a batch; NA: 32, for the perceptron 1"},
    {"epochs", offsetof(lc_settings, epochs), 50, 0, 1e9, 1, "passes over the shuffled rows"},
    {"rate", offsetof(lc_settings, rate), NAN, 1e-300, 1e300, 0,
     "step length in the user's columns; NA: from the curvature, columns scaled inside"},
    {"shuffle", offsetof(lc_settings, shuffle), 1, 0, 1, 1, "1: a fresh order of rows each epoch"},
    {"average", offsetof(lc_settings, average), NAN, 0, 1, 1,
     "1: return the average of the iterates of the second half (perceptron: of all); NA: when rate is NA"},
};

const lc_solver lc_solver_minibatch = {"minibatch",
                                       "shuffled mini-batch descent",
                                       LC_NEEDS_ROWS | LC_TAKES_L1 | LC_TAKES_BOUNDS | LC_DRAWS | LC_STEPS_AS_GIVEN,
                                       fields,
                                       (int)(sizeof fields / sizeof fields[0]),
                                       minibatch_run};
