/* solver/minibatch.c - shuffled mini-batch descent: epochs, orders of rows, averages and histories.
 *
 * Each epoch visits every row once; solver/batch_step.h has the step. Without a given rate, steps are corrected for the
 * noise of batches from the second epoch on, where the loss has no kink; they shrink towards the end of the budget,
 * with 1 - t/T, or where noise stays with (1 - t/T)^2, so that the last iterate has forgotten both the start and the
 * noise. Where it costs little beside the epochs, steps go by the second derivatives of a sample of rows, which are
 * taken anew as epochs go by; a kink is then rounded, less and less. The loss of an epoch is that of its rows as they
 * were met, each before its step: no further read of X.
 *
 * Rows may be set aside, whose loss after each epoch says which iterate is the best and when to stop. A descent may go
 * on where another stopped (lc_descent), with the same rows or others: from its coefficients, with the mean of its
 * steps, and with steps that are corrected from the first on, by the derivatives of its rows where it begins. */
#include <math.h>
#include <string.h>

#include "base/random.h"
#include "solver/batch_step.h"

/* Of block shuffles: blocks of a window, rows of a run. */
enum { WINDOW = 4, SHORTEST_RUN = 8, LONGEST_RUN = 128, SLACK = 4 * WINDOW };

enum { LEAST_BATCH = 8, MOST_BATCH = 256 };

/* Of a metric's sample; how often it is made at least, else it is not worth it; epochs that a kink needs at least. */
enum { METRIC_ROWS = 2000, METRIC_ROWS_PER_COLUMN = 20, LEAST_METRICS = 4, LEAST_ROUNDED = 12 };

typedef struct run_state {
  lc_objective *obj;
  const lc_settings *settings;
  lc_batch batch;
  lc_index size, n;             /* rows of a batch, of an epoch */
  lc_index *rows;               /* of an epoch in their own order; NULL: all rows */
  lc_index *order, *scratch;    /* rows in this epoch's order; for block shuffles and batches by class */
  lc_index *blocks;             /* of a stream, in this epoch's order */
  double *mean, averaged;       /* mean of so many iterates */
  double steps, planned, decay; /* batches so far and in all; power by which steps shrink */
  double before;                /* epochs of the descent that this one continues */
  lc_metric metric;             /* that of batch.metric */
  double metric_epochs;         /* from one metric to the next; Inf: there is none */
  double epochs, seen_loss;     /* of this run; mean loss of the last epoch's rows, of none yet Inf */
  double *best, least, first;   /* the best point met, its value; the value of the start */
  double *kept, lowest, idle;   /* the point with the lowest loss of rows set aside, or (pocket) the fewest mistakes;
                                   how low; epochs since then */
} run_state;

static int is_perceptron(const lc_objective *obj) { return (obj->loss->flags & LC_SCALE_FREE) != 0; }

/* The rows that are trained on into `order`. */
static lc_status list_rows(run_state *run) {
  lc_objective *obj = run->obj;
  const lc_validation *aside = run->settings->validation;
  lc_index all = obj->x->n;
  int by_class = run->settings->stratified > 0;
  run->order = lc_arena_alloc(obj->arena, all, sizeof *run->order);
  int needs_scratch = run->settings->block > 1 || by_class;
  run->scratch = lc_arena_alloc(obj->arena, needs_scratch ? 2 * all + SLACK : 0, sizeof *run->scratch);
  run->n = all - (aside ? aside->n : 0);
  if (!run->order || !run->scratch || run->n < 1) return run->n < 1 ? LC_INVALID : LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < all; i++) run->order[i] = i;
  if (!aside) return LC_OK;
  if (!(run->rows = lc_arena_alloc(obj->arena, run->n, sizeof *run->rows))) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < aside->n; i++) run->order[aside->row[i]] = -1;
  lc_index at = 0, left = 0;
  for (lc_index i = 0; i < all; i++) {
    if (run->order[i] < 0) continue;
    left++;
    if (at < run->n) run->rows[at++] = i;
  }
  if (left != run->n) return LC_INVALID; /* a row was listed twice */
  memcpy(run->order, run->rows, (size_t)run->n * sizeof *run->order);
  return LC_OK;
}

/* What a descent that is continued knows, besides its coefficients. */
static lc_status go_on(run_state *run, int corrects, int average) {
  const lc_descent *from = run->settings->from;
  lc_batch *batch = &run->batch;
  if (!from) return LC_OK;
  run->before = from->epochs;
  if (isnan(batch->rate) && from->searches > 0 && (from->metric > 0) == (batch->metric != NULL)) {
    batch->log_mean = from->log_mean * (batch->table ? 2 : 1);
    batch->searches = from->searches;
  }
  if (average && from->averaged > 0) {
    run->averaged = from->averaged;
    memcpy(run->mean, from->mean, (size_t)run->obj->P * sizeof(double));
  }
  if (!corrects) return LC_OK;
  run->obj->passes++;
  return lc_batch_fill(batch, run->order);
}

/* What steps are multiplied with, of batch number `step`. */
static double share_at(const run_state *run, double step) {
  const double pi = 3.14159265358979323846;
  double done = step / run->planned, power = isnan(run->settings->decay) ? 1 : run->settings->decay;
  double epochs = run->before + floor(step) / ceil((double)run->n / (double)run->size);
  switch ((int)run->settings->schedule) {
    case LC_CONSTANT: return 1;
    case LC_INVERSE: return pow(1 + epochs, -power);
    case LC_COSINE: return (1 + cos(pi * done)) / 2;
    default: return run->decay > 0 ? pow(1 - done, run->decay) : 1;
  }
}

/* ---- the metric ----------------------------------------------------------------------------------------- */

static int has_kink(const run_state *run) { return !(run->obj->loss->flags & LC_SMOOTH); }

/* May the kink be rounded? (Not without a metric: where columns depend on each other an iterate that follows so many
 * problems is late for each.) */
static int may_round(const run_state *run) {
  return (run->obj->loss->flags & LC_SMOOTHABLE) && run->epochs >= LEAST_ROUNDED;
}

/* The width over which a kink is rounded in an epoch: falls from 1, where the scores are as far, to next to nothing
 * beside the loss. Who goes on from another descent is near already. */
static double rounding_at(const run_state *run, double epoch) {
  const double most = 3e-3, share = 0.01, least = 1e-6;
  double end = fmax(least, fmin(most, share * run->seen_loss) * LEAST_ROUNDED / run->epochs);
  double done = run->settings->from ? 1 : epoch / (run->epochs - 1);
  return pow(end, fmin(1, done));
}

static double metric_rows(const lc_objective *obj) {
  return fmax(METRIC_ROWS, METRIC_ROWS_PER_COLUMN * (double)obj->q);
}

/* Epochs after which a metric is made anew so that all of them take at most half of the time of the epochs, and the
 * solutions with it the other half; Inf: there can be none, or it does not pay. */
static double epochs_of_metric(const run_state *run) {
  const double unseen = 2e7; /* products an epoch: a few milliseconds */
  lc_objective *obj = run->obj;
  double asked = run->settings->metric, q = (double)obj->q, batches = ceil((double)run->n / (double)run->size);
  int plain = isnan(run->settings->rate) && !lc_penalty_has_l1(obj->pen) && !lc_penalty_has_bounds(obj->pen);
  int can = !has_kink(run) || may_round(run);
  if (asked == 0 || !can || !plain || lc_objective_has_sparse_rows(obj) || !obj->at.Z) return INFINITY;
  double mu = obj->coding.mu, read = lc_metric_read_products(obj);
  if (has_kink(run)) obj->coding.mu = 1; /* any: it has second derivatives then */
  double making = lc_metric_cost(obj, metric_rows(obj)), solving = batches * obj->K * q * q / read;
  obj->coding.mu = mu;
  if (asked > 0) return isfinite(making) ? 1 : INFINITY;
  double every = (making + solving) * read <= unseen ? 1 : solving <= 0.5 ? fmax(1, ceil(2 * making)) : INFINITY;
  return run->epochs >= LEAST_METRICS * every ? every : INFINITY;
}

static lc_status ask_for_metric(run_state *run) {
  if (isinf(run->metric_epochs)) return LC_OK;
  LC_TRY(lc_metric_bound(run->obj, &run->metric));
  run->metric.rows = metric_rows(run->obj);
  run->metric.keep = 0.5; /* rows that say nothing where an epoch ends soon do again */
  run->batch.metric = &run->metric;
  return LC_OK;
}

static lc_status renew_metric(run_state *run, double epoch) {
  lc_objective *obj = run->obj;
  double mu = obj->coding.mu;
  if (!run->batch.metric) return LC_OK;
  if (has_kink(run)) run->batch.coding.mu = rounding_at(run, epoch);
  if (fmod(epoch, run->metric_epochs) != 0) return LC_OK;
  obj->coding.mu = run->batch.coding.mu;
  lc_status status = lc_metric_build(obj, run->batch.B, &run->metric);
  obj->coding.mu = mu;
  if (status != LC_UNSUPPORTED) return status;
  run->batch.metric = NULL; /* no samples of rows can be had */
  return LC_OK;
}

static lc_status prepare(run_state *run, const double *B, double epochs) {
  lc_objective *obj = run->obj;
  const lc_settings *settings = run->settings;
  LC_TRY(list_rows(run));
  lc_index n = run->n;
  int perceptron = is_perceptron(obj), given = !isnan(settings->rate);
  /* Without a rate some 200 steps an epoch, or columns that depend on each other take more epochs than there are; but
   * batches that use the processor well where there are rows enough. */
  double searched = 8 * floor(fmin(fmax((double)n / 200, LEAST_BATCH), MOST_BATCH) / 8);
  double preset = perceptron ? 1 : given ? 32 : searched;
  double size = isnan(settings->batch_size) ? preset : settings->batch_size;
  run->size = lc_max(1, lc_min(n, (lc_index)fmin(size, 1e9)));
  run->planned = epochs * ceil((double)n / (double)run->size);
  run->epochs = epochs;
  run->metric_epochs = epochs_of_metric(run);
  /* What is known of rows is as large as their scores: it is kept where these are. */
  int several = epochs > 1 || (settings->from && epochs > 0);
  int corrects = !given && !perceptron && (!has_kink(run) || isfinite(run->metric_epochs)) && several && obj->at.Z;
  run->decay = !isnan(settings->decay) ? settings->decay : given || perceptron ? 0 : corrects ? 1 : 2;
  run->mean = lc_arena_zeros(obj->arena, obj->P);
  run->best = lc_arena_doubles(obj->arena, obj->P);
  run->kept = lc_arena_doubles(obj->arena, settings->validation || settings->pocket > 0 ? obj->P : 0);
  if (!run->mean || !run->best || !run->kept) return LC_OUT_OF_MEMORY;
  /* Averages need every coefficient at every step, and only equal steps of a given rate add up. */
  int average = perceptron || settings->average > 0, equal = share_at(run, 0) == 1 && share_at(run, run->planned) == 1;
  int lazy = !average && (!given || equal);
  LC_TRY(lc_batch_init(&run->batch, obj, run->size, B, settings->rate, settings->momentum, lazy));
  LC_TRY(ask_for_metric(run));
  lc_index block = run->batch.part->rows.block, blocks = block > 0 ? (obj->x->n + block - 1) / block : 0;
  run->blocks = lc_arena_alloc(obj->arena, blocks, sizeof *run->blocks);
  if (!run->blocks) return LC_OUT_OF_MEMORY;
  run->batch.n = n;
  run->batch.counts_mistakes = perceptron;
  if (corrects) LC_TRY(lc_batch_remember(&run->batch));
  return go_on(run, corrects, average);
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

/* Deals n shuffled rows out so that any stretch of them has each class at its share, to within a row: row number r of
 * the n_c rows of class c goes to place (r + u_c) / n_c of the epoch, u_c < 1 drawn at random. Scratch: 2 n. */
static lc_status deal_classes(const run_state *run, lc_random *random, lc_index n, lc_index *order) {
  const lc_objective *obj = run->obj;
  lc_index *place = run->scratch, *start = run->scratch + n;
  int k = obj->coding.k;
  lc_mark mark = lc_arena_mark(obj->arena);
  double *count = lc_arena_zeros(obj->arena, k), *seen = lc_arena_doubles(obj->arena, k);
  if (!count || !seen) return LC_OUT_OF_MEMORY;
  for (int c = 0; c < k; c++) seen[c] = (double)(lc_random_bits(random) >> 11) / 9007199254740992.0;
  for (lc_index i = 0; i < n; i++) count[(int)obj->obs->y[order[i]]]++;
  memset(start, 0, (size_t)(n + 1) * sizeof *start);
  for (lc_index i = 0; i < n; i++) {
    int c = (int)obj->obs->y[order[i]];
    place[i] = lc_min(n - 1, (lc_index)(seen[c]++ / count[c] * (double)n));
    start[place[i] + 1]++;
  }
  for (lc_index b = 0; b < n; b++) start[b + 1] += start[b];
  lc_index *dealt = lc_arena_alloc(obj->arena, n, sizeof *dealt);
  if (!dealt) return LC_OUT_OF_MEMORY;
  for (lc_index i = 0; i < n; i++) dealt[start[place[i]]++] = order[i];
  memcpy(order, dealt, (size_t)n * sizeof *dealt);
  lc_arena_reset(obj->arena, mark);
  return LC_OK;
}

/* The rows of block b to `order`; returns how many. */
static lc_index put_block(const run_state *run, lc_index b, lc_index *order) {
  lc_index block = run->batch.part->rows.block, end = (b + 1) * block, count = 0, from = 0, to = run->n;
  if (!run->rows) {
    for (lc_index row = b * block; row < lc_min(end, run->n); row++) order[count++] = row;
    return count;
  }
  while (from < to) { /* the first row that is trained on */
    lc_index middle = from + (to - from) / 2;
    if (run->rows[middle] < b * block)
      from = middle + 1;
    else
      to = middle;
  }
  while (from < run->n && run->rows[from] < end) order[count++] = run->rows[from++];
  return count;
}

/* Of a stream: blocks in random order, where they can be had so, and the rows of some blocks, which are in memory
 * together, in random order. (As above; with whole groups of blocks in memory, rows need not stay in runs.) */
static lc_status shuffle_groups(run_state *run, lc_random *random) {
  const lc_rows *rows = &run->batch.part->rows;
  lc_index blocks = (run->obj->x->n + rows->block - 1) / rows->block, at = 0;
  for (lc_index b = 0; b < blocks; b++) run->blocks[b] = b;
  if (!rows->in_order) lc_random_shuffle(random, blocks, run->blocks);
  for (lc_index b = 0; b < blocks; b += rows->group) {
    lc_index from = at;
    for (lc_index k = b; k < lc_min(b + rows->group, blocks); k++)
      at += put_block(run, run->blocks[k], run->order + at);
    lc_random_shuffle(random, at - from, run->order + from);
    if (run->settings->stratified > 0) LC_TRY(deal_classes(run, random, at - from, run->order + from));
  }
  return LC_OK;
}

static lc_status new_order(run_state *run, double epoch) {
  lc_index n = run->n;
  int by_class = run->settings->stratified > 0;
  const lc_rows *rows = &run->batch.part->rows;
  if (!(run->settings->shuffle > 0)) return LC_OK;
  lc_random random = lc_random_stream(run->settings->seed, (uint64_t)epoch);
  if (rows->block > 0 && run->obj->x->n > rows->block * rows->group) return shuffle_groups(run, &random);
  if (run->settings->block > 1 && !by_class) {
    shuffle_blocks(&random, n, (lc_index)run->settings->block, lc_max(SHORTEST_RUN, lc_min(run->size / 2, LONGEST_RUN)),
                   run->scratch, run->order);
    for (lc_index i = 0; run->rows && i < n; i++) run->order[i] = run->rows[run->order[i]];
  } else {
    lc_random_shuffle(&random, n, run->order);
  }
  return by_class ? deal_classes(run, &random, n, run->order) : LC_OK;
}

/* ---- epochs --------------------------------------------------------------------------------------------- */

static lc_status run_epoch(run_state *run, double epoch, int average) {
  lc_index n = run->n, P = run->obj->P;
  lc_batch *batch = &run->batch;
  LC_TRY(new_order(run, epoch));
  LC_TRY(renew_metric(run, epoch));
  batch->loss = batch->mistakes = 0;
  batch->corrected = batch->table && (epoch > 0 || run->settings->from);
  run->obj->passes++;
  for (lc_index at = 0; at < n; at += run->size) {
    LC_TRY(lc_poll(run->obj->host));
    lc_batch_step(batch, lc_min(run->size, n - at), run->order + at, share_at(run, run->steps));
    run->steps++;
    if (!average) continue;
    run->averaged++;
    for (lc_index i = 0; i < P; i++) run->mean[i] += (batch->B[i] - run->mean[i]) / run->averaged;
  }
  run->seen_loss = batch->loss / run->obj->weight_sum;
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
  if (epoch > 0) step *= share_at(run, run->steps - 1);
  if (is_perceptron(obj) && epoch > 0) obj->epoch_mistakes = run->batch.mistakes;
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

/* The perceptron's question: does the last iterate (rather than the average) classify every row, with the margin that
 * was asked for? */
static lc_status separates(const run_state *run, double *mistakes, int *all) {
  LC_TRY(look_at(run, run->batch.B));
  LC_TRY(lc_objective_mistakes(run->obj, mistakes));
  *all = *mistakes == 0 && (run->obj->coding.mu == 0 || run->obj->at.loss == 0);
  return LC_OK;
}

/* Keeps the point if `value` is lower than any before. */
static void keep(run_state *run, const double *point, double value) {
  const double worth = 1e-4; /* smaller gains are no progress */
  run->idle = value < run->lowest - worth * fabs(run->lowest) || isinf(run->lowest) ? 0 : run->idle + 1;
  if (!(value < run->lowest)) return;
  run->lowest = value;
  memcpy(run->kept, point, (size_t)run->obj->P * sizeof(double));
}

/* Judges the point by the rows that were set aside; start: one that no epoch made is a result only where it is that of
 * an earlier descent. */
static lc_status validate(run_state *run, const double *point, int start) {
  lc_objective *obj = run->obj;
  if (!run->settings->validation) return LC_OK;
  LC_TRY(lc_batch_validate(&run->batch, run->settings->validation, point, &obj->validation));
  if (!start || run->settings->from) keep(run, point, obj->validation);
  return LC_OK;
}

/* The derivatives of a rounded kink, as the rows were last met, are a dual point near the optimum's, where those of the
 * kink itself jump between 0 and 1. The table is spent on it. */
static void leave_dual(const run_state *run) {
  lc_objective *obj = run->obj;
  double *table = run->batch.table;
  lc_index n = obj->x->n;
  if (!has_kink(run) || !table) return;
  for (int c = 0; c < obj->K; c++)
    for (lc_index i = 0; i < n; i++) table[i + c * n] *= lc_obs_weight(obj->obs, i);
  obj->dual = table;
}

/* The end of the budget, with the last point in `at`. Steps of a given rate that end above their start lead nowhere; of
 * searched ones the best point that was met may be better than the last. */
static lc_status finish(run_state *run, lc_report *report) {
  lc_objective *obj = run->obj;
  report->evaluated = 1;
  if (isfinite(run->lowest)) {
    LC_TRY(look_at(run, run->kept));
    if (is_perceptron(obj)) LC_TRY(lc_objective_mistakes(obj, &report->mistakes));
    return LC_BUDGET;
  }
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

/* Where the descent stands. */
static void tell(const run_state *run, double epochs, lc_report *report) {
  lc_descent *out = report->descent;
  const lc_batch *batch = &run->batch;
  size_t bytes = (size_t)run->obj->P * sizeof(double);
  if (!out) return;
  out->epochs = run->before + epochs;
  out->searches = batch->searches;
  out->metric = batch->metric != NULL;
  out->log_mean = batch->searches > 0 ? batch->log_mean / (batch->table ? 2 : 1) : 0;
  out->averaged = run->averaged;
  memcpy(out->iterate, batch->B, bytes);
  memcpy(out->mean, run->mean, bytes);
}

/* An epoch and what follows it. *point: what the epoch came to; *over: 1 where nothing is left to do. */
static lc_status make_epoch(run_state *run, double epoch, int averaging, const double **point, int *over,
                            lc_report *report) {
  const lc_settings *settings = run->settings;
  int perceptron = is_perceptron(run->obj), all = 0;
  LC_TRY(run_epoch(run, epoch, averaging));
  lc_batch_settle(&run->batch);
  *point = averaging ? run->mean : run->batch.B;
  LC_TRY(validate(run, *point, 0));
  if (perceptron) {
    LC_TRY(separates(run, &report->mistakes, &all));
    if (settings->pocket > 0 && !settings->validation) keep(run, run->batch.B, report->mistakes);
    if (all) *point = run->batch.B;
  }
  *over = all || (settings->validation && run->idle >= settings->patience);
  return LC_OK;
}

static lc_status minibatch_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  int perceptron = is_perceptron(obj), searching = isnan(settings->rate) && !perceptron;
  int average = isnan(settings->average) ? perceptron && !(settings->pocket > 0) : settings->average > 0;
  int exact = isnan(settings->evaluate) ? !searching : settings->evaluate > 0 || perceptron;
  double most = isnan(settings->max_iter) ? settings->epochs : fmin(settings->epochs, settings->max_iter);
  run_state run = {.obj = obj, .settings = settings, .least = INFINITY, .lowest = INFINITY, .seen_loss = INFINITY};
  const lc_descent *from = settings->from;
  if (perceptron) obj->coding.mu = settings->margin;
  if (from && average && from->averaged > 0) B = from->iterate;
  LC_TRY(prepare(&run, B, most));
  LC_TRY(look_at_start(obj, B, exact || most == 0));
  run.first = obj->at.value;
  if (!isfinite(run.first)) return LC_NONFINITE;
  LC_TRY(validate(&run, obj->at.B, 1));
  const double *point = obj->at.B;
  for (double epoch = 0;; epoch++) {
    int seen = !exact && epoch > 0 && epoch < most;
    report->iterations = epoch;
    LC_TRY(record(&run, epoch, point, seen, exact || epoch >= most));
    if (epoch >= most) break;
    /* The average leaves out the first half of the epochs, which only remember the start. */
    int averaging = average && (perceptron || run.averaged > 0 || epoch >= floor(most / 2)), over = 0;
    lc_status status = make_epoch(&run, epoch, averaging, &point, &over, report);
    if (lc_is_stop(status)) tell(&run, epoch, report);
    if (status != LC_OK) return status == LC_DIVERGED ? status : stopped(&run, status);
    if (over && perceptron && !settings->validation) {
      report->iterations = epoch + 1;
      tell(&run, epoch + 1, report);
      return record(&run, epoch + 1, point, 0, 1);
    }
    if (over) most = epoch + 1;
    if (!exact && epoch + 1 < most) continue;
    status = look_at(&run, point);
    if (status == LC_DIVERGED) LC_TRY(look_at(&run, run.best));
    LC_TRY(status);
  }
  tell(&run, most, report);
  leave_dual(&run);
  return finish(&run, report);
}

static const lc_field fields[] = {
    {"batch_size", offsetof(lc_settings, batch_size), NAN, 1, 1e9, 1,
     "rows of a batch; NA: n / 200, but from 8 to 256; with a given rate 32; for the perceptron 1"},
    {"epochs", offsetof(lc_settings, epochs), 50, 0, 1e9, 1, "passes over the shuffled rows"},
    {"rate", offsetof(lc_settings, rate), NAN, 1e-300, 1e300, 0,
     "step length in the user's columns; NA: found by line searches in each batch, columns scaled inside"},
    {"momentum", offsetof(lc_settings, momentum), 0, 0, 0.999, 0, "share of the last step that is added to the next"},
    {"schedule", offsetof(lc_settings, schedule), LC_AUTOMATIC, LC_AUTOMATIC, LC_COSINE, 1,
     "what the rate is multiplied with: automatic (1 - done)^decay, done the part of all steps; constant 1; inverse "
     "(1 + e)^-decay, e the epochs so far, those of a fit that is continued too; cosine (1 + cos(pi done)) / 2"},
    {"decay", offsetof(lc_settings, decay), NAN, 0, 10, 0,
     "the power of the schedule; NA: 1, for automatic steps of the hinge 2, with a given rate 0"},
    {"metric", offsetof(lc_settings, metric), NAN, 0, 1, 1,
     "1: searched steps go by the second derivatives of a sample of rows, so that dependent columns take no more "
     "epochs; 0: they do not; NA: where it costs little beside the epochs. Never on sparse rows, with a lasso part or "
     "bounds, or more columns than rows"},
    {"average", offsetof(lc_settings, average), NAN, 0, 1, 1,
     "1: return the average of the iterates of the second half (perceptron: of all); NA: for the perceptron"},
    {"shuffle", offsetof(lc_settings, shuffle), 1, 0, 1, 1, "1: a fresh order of rows each epoch"},
    {"block", offsetof(lc_settings, block), 1, 1, 1e9, 1,
     "neighbouring rows that are read together, for speed, say 1024; 1: all rows are shuffled"},
    {"stratified", offsetof(lc_settings, stratified), 0, 0, 1, 1,
     "1: each batch has the classes at their shares, to within a row; block is not looked at"},
    {"validate", offsetof(lc_settings, validate), 0, 0, 0.9, 0,
     "share of the rows of each class that are set aside, drawn at random: their loss is in the history, and the "
     "iterate where it was lowest is the result"},
    {"patience", offsetof(lc_settings, patience), 5, 1, 1e9, 1,
     "with validate: the fit ends after so many epochs in which that loss did not fall by 1e-4 of itself"},
    {"pocket", offsetof(lc_settings, pocket), 0, 0, 1, 1,
     "perceptron: 1: return the iterate with the fewest mistakes, of those at the ends of epochs, not an average"},
    {"margin", offsetof(lc_settings, margin), 0, 0, 1e300, 0,
     "perceptron: a row is learned from until its class leads by more than this"},
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
