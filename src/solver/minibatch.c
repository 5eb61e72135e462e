/* solver/minibatch.c - shuffled mini-batch descent: epochs, orders of rows, averages and histories.
 *
 * Each epoch visits every row once; solver/batch_step.h has the step. Without a given rate, steps are corrected for the
 * noise of batches from the second epoch on, where the loss has no kink; they shrink towards the end of the budget,
 * with 1 - t/T, or where noise stays with (1 - t/T)^2, so that the last iterate has forgotten both the start and the
 * noise. The loss of an epoch is that of its rows as they were met, each before its step: no further read of X. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "solver/batch_step.h"

/* Of block shuffles: blocks of a window, rows of a run. */
enum { WINDOW = 4, SHORTEST_RUN = 8, LONGEST_RUN = 128, SLACK = 4 * WINDOW };

enum { LEAST_BATCH = 8, MOST_BATCH = 256 };

typedef struct run_state {
  lc_objective *obj;
  const lc_settings *settings;
  lc_batch batch;
  lc_index size;                /* rows of a batch */
  lc_index *order, *scratch;    /* rows in this epoch's order; for block shuffles */
  double *mean, averaged;       /* mean of so many iterates */
  double steps, planned, decay; /* batches so far and in all; power by which steps shrink */
  double *best, least, first;   /* the best point met, its value; the value of the start */
} run_state;

static int is_perceptron(const lc_objective *obj) { return (obj->loss->flags & LC_SCALE_FREE) != 0; }

static lc_status prepare(run_state *run, const double *B, double epochs) {
  lc_objective *obj = run->obj;
  const lc_settings *settings = run->settings;
  lc_index n = obj->x->n;
  int perceptron = is_perceptron(obj), given = !isnan(settings->rate);
  /* Without a rate some 200 steps an epoch, or columns that depend on each other take more epochs than there are; but
   * batches that use the processor well where there are rows enough. */
  double searched = 8 * floor(fmin(fmax((double)n / 200, LEAST_BATCH), MOST_BATCH) / 8);
  double preset = perceptron ? 1 : given ? 32 : searched;
  double size = isnan(settings->batch_size) ? preset : settings->batch_size;
  run->size = lc_max(1, lc_min(n, (lc_index)fmin(size, 1e9)));
  run->planned = epochs * ceil((double)n / (double)run->size);
  /* What is known of rows is as large as their scores: it is kept where these are. */
  int corrects = !given && !perceptron && (obj->loss->flags & LC_SMOOTH) && epochs > 1 && obj->at.Z;
  run->decay = !isnan(settings->decay) ? settings->decay : given || perceptron ? 0 : corrects ? 1 : 2;
  run->order = lc_arena_alloc(obj->arena, n, sizeof *run->order);
  run->scratch = lc_arena_alloc(obj->arena, settings->block > 1 ? n + SLACK : 0, sizeof *run->scratch);
  run->mean = lc_arena_zeros(obj->arena, obj->P);
  run->best = lc_arena_doubles(obj->arena, obj->P);
  if (!run->order || !run->scratch || !run->mean || !run->best) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++) run->order[i] = i;
  /* Averages need every coefficient at every step, and only equal steps of a given rate add up. */
  int average = perceptron || settings->average > 0;
  int lazy = !average && (!given || run->decay == 0);
  LC_TRY(lc_batch_init(&run->batch, obj, run->size, B, settings->rate, settings->momentum, lazy));
  return corrects ? lc_batch_remember(&run->batch) : LC_OK;
}

/* ---- orders of rows ------------------------------------------------------------------------------------- */

/* Blocks of neighbouring rows in random order; within each window of a few blocks, runs of neighbours in random order
 * (Xu et al., "In-database machine learning with CorgiPile", SIGMOD 2022, with runs for rows): runs of half a batch, so
 * that reads are long, which costs half of what gathering rows does, and a batch still has rows from two places.
 * Scratch: the numbers of the blocks, then the starts of a window's runs, together fewer than n + SLACK. */
static void shuffle_blocks(lc_random *random, lc_index n, lc_index block, lc_index length, lc_index *scratch,
                           lc_index *order) {
  lc_index blocks = (n + block - 1) / block, at = 0;
  for (lc_index b = 0; b < blocks; b++) order[b] = b;
  lc_random_shuffle(random, blocks, order);
  memcpy(scratch, order, (size_t)blocks * sizeof *scratch);
  lc_index *starts = scratch + blocks;
  for (lc_index b = 0; b < blocks; b += WINDOW) {
    lc_index runs = 0;
    for (lc_index k = b; k < lc_min(b + WINDOW, blocks); k++) {
      lc_index end = lc_min(n, (scratch[k] + 1) * block);
      for (lc_index row = scratch[k] * block; row < end; row += length) starts[runs++] = row;
    }
    lc_random_shuffle(random, runs, starts);
    for (lc_index r = 0; r < runs; r++) {
      lc_index end = lc_min(lc_min(n, starts[r] + length), (starts[r] / block + 1) * block);
      for (lc_index row = starts[r]; row < end; row++) order[at++] = row;
    }
  }
}

static void new_order(run_state *run, double epoch) {
  lc_index n = run->obj->x->n;
  if (!(run->settings->shuffle > 0)) return;
  lc_random random = lc_random_stream(run->settings->seed, (uint64_t)epoch);
  if (run->settings->block > 1)
    shuffle_blocks(&random, n, (lc_index)run->settings->block, lc_max(SHORTEST_RUN, lc_min(run->size / 2, LONGEST_RUN)),
                   run->scratch, run->order);
  else
    lc_random_shuffle(&random, n, run->order);
}

/* ---- epochs --------------------------------------------------------------------------------------------- */

static lc_status run_epoch(run_state *run, double epoch, int average) {
  lc_index n = run->obj->x->n, P = run->obj->P;
  lc_batch *batch = &run->batch;
  new_order(run, epoch);
  batch->loss = 0;
  batch->corrected = batch->table && epoch > 0;
  run->obj->passes++;
  for (lc_index at = 0; at < n; at += run->size) {
    LC_TRY(lc_poll(run->obj->host));
    double share = run->decay > 0 ? pow(1 - run->steps / run->planned, run->decay) : 1;
    lc_batch_step(batch, lc_min(run->size, n - at), run->order + at, share);
    run->steps++;
    if (!average) continue;
    run->averaged++;
    for (lc_index i = 0; i < P; i++) run->mean[i] += (batch->B[i] - run->mean[i]) / run->averaged;
  }
  return LC_OK;
}

/* Puts B into `at` with value and gradient; keeps `at` when B is worse than all hope. */
static lc_status look_at(const run_state *run, const double *B) {
  lc_objective *obj = run->obj;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  if (!(obj->to.value < 1e8 * (1 + fabs(run->first)))) return LC_DIVERGED;
  lc_objective_accept(obj);
  return LC_OK;
}

/* A line of the history, and the best point so far. seen: the value of `point` was taken from the epoch's own rows.
 * known: G belongs to it. */
static lc_status record(run_state *run, double epoch, const double *point, int seen, int known) {
  lc_objective *obj = run->obj;
  double exact = obj->at.value, step = epoch > 0 ? lc_batch_rate(&run->batch) : NAN;
  double kkt = !known ? NAN : lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
  if (epoch > 0 && run->decay > 0) step *= pow(1 - (run->steps - 1) / run->planned, run->decay);
  if (seen) obj->at.value = run->batch.loss / obj->weight_sum + lc_penalty_value(obj->pen, obj->K, point);
  if (obj->at.value < run->least) {
    run->least = obj->at.value;
    memcpy(run->best, point, (size_t)obj->P * sizeof(double));
  }
  lc_status status = lc_objective_record(obj, epoch, epoch, kkt, step);
  obj->at.value = exact;
  return status;
}

/* Stopped from outside: the point goes into `at`, evaluated if the host lets us. */
static lc_status stopped(run_state *run, lc_status status) {
  lc_objective *obj = run->obj;
  lc_batch_settle(&run->batch);
  if (lc_objective_eval(obj, run->batch.B, LC_WANT_VALUE) == LC_OK)
    lc_objective_accept(obj);
  else
    memcpy(obj->at.B, run->batch.B, (size_t)obj->P * sizeof(double));
  return status;
}

/* The perceptron's question: does the last iterate (rather than the average) classify every row? */
static lc_status separates(const run_state *run, double *mistakes) {
  LC_TRY(look_at(run, run->batch.B));
  return lc_objective_mistakes(run->obj, mistakes);
}

/* The end of the budget, with the last point in `at`. Steps of a given rate that end above their start lead nowhere; of
 * searched ones the best point that was met may be better than the last. */
static lc_status finish(run_state *run, lc_report *report) {
  lc_objective *obj = run->obj;
  report->evaluated = 1;
  int given = !isnan(run->settings->rate), diverged = given && obj->at.value > run->first;
  const double worth = 0.01; /* what an epoch saw of a point is as uncertain, and a look costs a read */
  int better = obj->at.value - run->least > worth * fabs(run->least);
  if (is_perceptron(obj) || (given && !diverged) || (!given && !better)) return LC_BUDGET;
  LC_TRY(lc_objective_eval(obj, run->best, LC_WANT_GRADIENT));
  if (diverged || obj->to.value < obj->at.value)
    lc_objective_accept(obj);
  else
    report->evaluated = 0; /* G is that of the other point */
  return diverged ? LC_DIVERGED : LC_BUDGET;
}

/* The start into `at`, with gradient where that is wanted. At 0 the value is known without a read. */
static lc_status look_at_start(lc_objective *obj, const double *B, int gradient) {
  int zero = !obj->obs->offset;
  for (lc_index i = 0; i < obj->P && zero; i++) zero = B[i] == 0;
  if (zero && !gradient) {
    obj->at.value = obj->at.loss = obj->null_value;
    return LC_OK;
  }
  LC_TRY(lc_objective_eval(obj, B, gradient ? LC_WANT_GRADIENT : LC_WANT_VALUE));
  lc_objective_accept(obj);
  return LC_OK;
}

static lc_status minibatch_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  int perceptron = is_perceptron(obj), searching = isnan(settings->rate) && !perceptron;
  int average = isnan(settings->average) ? perceptron : settings->average > 0;
  int exact = isnan(settings->evaluate) ? !searching : settings->evaluate > 0 || perceptron;
  double most = isnan(settings->max_iter) ? settings->epochs : fmin(settings->epochs, settings->max_iter);
  run_state run = {.obj = obj, .settings = settings, .least = INFINITY};
  LC_TRY(prepare(&run, B, most));
  LC_TRY(look_at_start(obj, B, exact || most == 0));
  run.first = obj->at.value;
  if (!isfinite(run.first)) return LC_NONFINITE;
  const double *point = obj->at.B;
  for (double epoch = 0;; epoch++) {
    int seen = !exact && epoch > 0 && epoch < most;
    report->iterations = epoch;
    int known = exact || epoch >= most;
    LC_TRY(record(&run, epoch, point, seen, known));
    if (epoch >= most) return finish(&run, report);
    /* The average leaves out the first half of the epochs, which only remember the start. */
    int averaging = average && (perceptron || epoch >= floor(most / 2));
    lc_status status = run_epoch(&run, epoch, averaging);
    if (status != LC_OK) return stopped(&run, status);
    lc_batch_settle(&run.batch);
    if (perceptron) {
      LC_TRY(separates(&run, &report->mistakes));
      if (report->mistakes == 0) {
        report->iterations = epoch + 1;
        return record(&run, epoch + 1, run.batch.B, 0, 1);
      }
    }
    point = averaging ? run.mean : run.batch.B;
    if (!exact && epoch + 1 < most) continue;
    status = look_at(&run, point);
    if (status == LC_DIVERGED) LC_TRY(look_at(&run, run.best));
    LC_TRY(status);
  }
}

static const lc_field fields[] = {
    {"batch_size", offsetof(lc_settings, batch_size), NAN, 1, 1e9, 1,
     "rows of a batch; NA: n / 200, but from 8 to 256; with a given rate 32; for the perceptron 1"},
    {"epochs", offsetof(lc_settings, epochs), 50, 0, 1e9, 1, "passes over the shuffled rows"},
    {"rate", offsetof(lc_settings, rate), NAN, 1e-300, 1e300, 0,
     "step length in the user's columns; NA: found by line searches in each batch, columns scaled inside"},
    {"momentum", offsetof(lc_settings, momentum), 0, 0, 0.999, 0, "share of the last step that is added to the next"},
    {"decay", offsetof(lc_settings, decay), NAN, 0, 10, 0,
     "steps shrink as (1 - done)^decay, done the part of all steps; NA: 1, for the hinge 2, with a given rate 0"},
    {"average", offsetof(lc_settings, average), NAN, 0, 1, 1,
     "1: return the average of the iterates of the second half (perceptron: of all); NA: for the perceptron"},
    {"shuffle", offsetof(lc_settings, shuffle), 1, 0, 1, 1, "1: a fresh order of rows each epoch"},
    {"block", offsetof(lc_settings, block), 1, 1, 1e9, 1,
     "neighbouring rows that are read together, for speed, say 1024; 1: all rows are shuffled"},
    {"evaluate", offsetof(lc_settings, evaluate), NAN, 0, 1, 1,
     "1: objective of all rows after each epoch, one more read; 0: mean over the epoch's rows as they were met; NA: 1 "
     "with a given rate"},
    {"finish", offsetof(lc_settings, finish), 0, 0, 1, 1,
     "1: the solver that \"auto\" chooses goes on from the result until its certificate is met"},
};

const lc_solver lc_solver_minibatch = {"minibatch",
                                       "shuffled mini-batch descent",
                                       LC_NEEDS_ROWS | LC_TAKES_L1 | LC_TAKES_BOUNDS | LC_DRAWS | LC_STEPS_AS_GIVEN,
                                       fields,
                                       (int)(sizeof fields / sizeof fields[0]),
                                       minibatch_run};
