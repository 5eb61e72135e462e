/* Tests of whole runs of mini-batch descent: which rows an epoch meets and in what order, what steps are multiplied
 * with, which iterate is the result, and runs that go on where others stopped. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_descent(void);

enum { N = 640, P = 3, Q = P + 1, BATCH = 64, BLOCK = 64, ASIDE = 64, MOST_EPOCHS = 60, TAPE = (MOST_EPOCHS + 1) * N };

/* Rows as they were scored, and the history. */
static struct {
  const lc_design_ops *under;
  lc_index row[TAPE], count;
  lc_info line[MOST_EPOCHS + 2];
  int lines;
} tape;

static void scores_on_tape(const lc_rows *rows, lc_index m, const lc_index *index, int K, const double *B, double *Z) {
  for (lc_index i = 0; i < m && tape.count < TAPE; i++) tape.row[tape.count++] = index[i];
  tape.under->row_scores(rows, m, index, K, B, Z);
}

static lc_status line_on_tape(void *self, const lc_info *info) {
  (void)self;
  if (tape.lines < MOST_EPOCHS + 2) tape.line[tape.lines++] = *info;
  return LC_OK;
}

/* A run on x as it is, with all steps by the rate that was given unless that is NaN. */
static lc_status descend(ctest_problem *t, const lc_design *x, const lc_settings *settings, const double *start,
                         lc_solution *out) {
  lc_design_ops ops = *x->ops;
  lc_design watched = *x;
  tape.under = x->ops;
  tape.count = tape.lines = 0;
  ops.row_scores = scores_on_tape;
  watched.ops = &ops;
  t->host.host.record = line_on_tape;
  lc_problem problem = ctest_lc_problem(t, &watched);
  problem.solver = lc_solver_find("minibatch");
  problem.solver_rate_given = !isnan(settings->rate);
  problem.start = start;
  lc_status status = lc_solve(&problem, settings, &t->host.host, &t->arena, out);
  out->x = x; /* ops is gone */
  return status;
}

static void given_rate(lc_settings *settings, double rate, double epochs) {
  ctest_presets(settings);
  settings->rate = rate;
  settings->epochs = epochs;
  settings->batch_size = BATCH;
  settings->evaluate = 0;
  settings->seed = 17;
}

/* Every tenth row is set aside: its weight is 0 in what is trained on. */
static lc_validation set_aside(ctest_problem *t, lc_index *row, double *w) {
  for (lc_index i = 0; i < ASIDE; i++) {
    row[i] = 10 * i + 3;
    w[i] = 1 + (double)(i % 3);
    t->w[row[i]] = 0;
  }
  return (lc_validation){ASIDE, row, w};
}

/* ---- orders of rows -------------------------------------------------------------------------------------------- */

/* An epoch of n rows: each one once, and no other. Rows become their ranks among those that are trained on. */
static void check_epoch(lc_index *row, lc_index n, const lc_validation *aside) {
  int times[N] = {0}, right = 1;
  lc_index rank[N], next = 0;
  for (lc_index i = 0; aside && i < aside->n; i++) times[aside->row[i]] = 1;
  for (lc_index i = 0; i < N; i++) rank[i] = times[i] ? -1 : next++;
  for (lc_index i = 0; i < n; i++) right = right && times[row[i]]++ == 0;
  CHECK(right);
  for (lc_index i = 0; right && i < n; i++) row[i] = rank[row[i]];
}

/* Any stretch from the first row on has each class at its share. */
static void check_classes(const ctest_problem *t, const lc_index *row, lc_index n) {
  int k = t->coding.k, dealt = 1;
  double all[3] = {0, 0, 0}, seen[3] = {0, 0, 0};
  for (lc_index i = 0; i < n; i++) all[(int)t->y[row[i]]]++;
  for (lc_index i = 0; i < n; i++) {
    seen[(int)t->y[row[i]]]++;
    for (int c = 0; c < k; c++) dealt = dealt && fabs(seen[c] - all[c] * (double)(i + 1) / (double)n) <= k;
  }
  CHECK(dealt);
}

/* Windows of four blocks, of which each is met in runs of neighbours; places are ranks. */
static void check_blocks(const lc_index *place, lc_index n) {
  lc_index neighbours = 0, sorted = 0;
  for (lc_index from = 0; from < n; from += 4 * BLOCK) {
    int met[N / BLOCK] = {0}, blocks = 0;
    lc_index to = lc_min(n, from + 4 * BLOCK);
    for (lc_index i = from; i < to; i++) blocks += met[place[i] / BLOCK]++ == 0;
    CHECK(blocks == (to - from) / BLOCK);
  }
  for (lc_index i = 0; i + 1 < n; i++) {
    neighbours += place[i + 1] == place[i] + 1;
    sorted += place[i] == i;
  }
  CHECK(neighbours > n / 2 && neighbours < n - n / BLOCK && sorted < n / 2);
}

static void test_orders(int k, int block, int stratified, int aside, int shuffle, double batch_size) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  lc_index row[ASIDE], n = N - (aside ? ASIDE : 0);
  double w[ASIDE];
  const lc_loss *loss = lc_loss_find(k == 2 ? "logistic" : "softmax");
  ctest_problem_make(&t, loss, (ctest_shape){.n = N, .p = P, .k = k, .weighted = 1});
  for (lc_index i = 0; i < N; i++) t.y[i] = i < N / 5 ? 0 : i < N / 2 ? 1 : k - 1; /* sorted, unbalanced */
  lc_validation validation = {0};
  given_rate(&settings, 0.01, 3);
  if (aside) {
    validation = set_aside(&t, row, w);
    settings.validation = &validation;
    settings.patience = 100;
  }
  settings.batch_size = batch_size;
  settings.shuffle = shuffle;
  settings.block = block ? BLOCK : 1;
  settings.stratified = stratified;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_BUDGET);
  CHECK(tape.count == 3 * n + (aside ? 4 * ASIDE : 0)); /* rows set aside are looked at at the start, too */
  lc_index *at = tape.row + (aside ? ASIDE : 0), *epoch[3];
  for (int e = 0; e < 3; e++, at += n + (aside ? ASIDE : 0)) {
    epoch[e] = at;
    if (stratified) check_classes(&t, at, n);
    check_epoch(at, n, aside ? &validation : NULL);
    if (block && !stratified) check_blocks(at, n);
    for (lc_index i = 0; aside && i < ASIDE; i++) CHECK(at[n + i] == row[i]);
    for (lc_index i = 0; !shuffle && i < n; i++) CHECK(at[i] == i);
  }
  CHECK((memcmp(epoch[0], epoch[1], (size_t)n * sizeof **epoch) != 0) == shuffle);
  ctest_problem_free(&t);
}

/* Rows that are listed twice, or all rows, cannot be set aside. */
static void test_bad_lists(void) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  static lc_index row[N];
  static double w[N];
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  given_rate(&settings, 0.01, 2);
  lc_validation twice = set_aside(&t, row, w);
  settings.validation = &twice;
  row[1] = row[0];
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_INVALID);
  for (lc_index i = 0; i < N; i++) row[i] = i;
  lc_validation all = {N, row, w};
  settings.validation = &all;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_INVALID);
  ctest_problem_free(&t);
}

/* ---- lengths of steps ------------------------------------------------------------------------------------------ */

/* By the formulas of the help page. done: the part of all steps before the epoch's last one; epochs: as many as were
 * before that, those of the run that is continued, too. */
static double share_of(int schedule, double decay, double done, double epochs) {
  switch (schedule) {
    case LC_CONSTANT: return 1;
    case LC_INVERSE: return pow(1 + epochs, -decay);
    case LC_COSINE: return 0.5 + 0.5 * cos(acos(-1) * done);
    default: return pow(1 - done, decay);
  }
}

static void test_schedules(void) {
  static ctest_problem t;
  enum { EPOCHS = 4 };
  const double rate = 0.02, decay = 0.7, steps = N / BATCH;
  double none[Q] = {0};
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  for (int before = 0; before <= 5; before += 5)
    for (int schedule = LC_AUTOMATIC; schedule <= LC_COSINE; schedule++) {
      lc_settings settings;
      lc_solution out;
      lc_descent from = {.epochs = before, .iterate = none, .mean = none};
      given_rate(&settings, rate, EPOCHS);
      settings.schedule = schedule;
      settings.decay = decay;
      if (before) settings.from = &from;
      CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_BUDGET);
      CHECK(tape.lines == EPOCHS + 1 && out.report.iterations == EPOCHS);
      CHECK_NEAR(out.report.descent->epochs, before + EPOCHS, 0);
      for (int e = 1; e <= EPOCHS; e++) {
        double last = e * steps - 1, done = last / (EPOCHS * steps);
        CHECK_NEAR(tape.line[e].step, rate * share_of(schedule, decay, done, before + last / steps), 1e-14);
        CHECK(tape.line[e].epoch == e);
      }
    }
  ctest_problem_free(&t);
}

/* ---- going on -------------------------------------------------------------------------------------------------- */

/* Two epochs and two more are four, steps of one length and rows in their order; the perceptron's mean, too. */
static void test_going_on(const char *loss, int average) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution whole, half, rest;
  double B[Q], iterate[Q];
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  int perceptron = (t.loss->flags & LC_SCALE_FREE) != 0;
  given_rate(&settings, perceptron ? 1 : 0.05, 4);
  settings.shuffle = 0;
  settings.average = average;
  CHECK(descend(&t, &t.dense, &settings, NULL, &whole) == LC_BUDGET);
  memcpy(B, whole.B, sizeof B);
  memcpy(iterate, whole.report.descent->iterate, sizeof iterate);
  double averaged = whole.report.descent->averaged;
  settings.epochs = 2;
  CHECK(descend(&t, &t.dense, &settings, NULL, &half) == LC_BUDGET);
  settings.from = half.report.descent;
  CHECK(descend(&t, &t.dense, &settings, half.B, &rest) == LC_BUDGET);
  for (int j = 0; j < Q; j++) {
    CHECK_NEAR(rest.report.descent->iterate[j], iterate[j], 1e-12);
    if (perceptron || !average) CHECK_NEAR(rest.B[j], B[j], 1e-12);
  }
  CHECK(rest.report.descent->epochs == 4);
  CHECK(!perceptron || rest.report.descent->averaged == averaged);
  ctest_problem_free(&t);
}

/* Searched steps: the mean length goes along, and with it the number of searches. */
static void test_going_on_searching(const lc_design *(*which)(const ctest_problem *)) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution first, rest;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  t.pen.lambda = 0.01;
  for (int j = 0; j < P; j++) t.l2[j] = 1, t.l1[j] = 0;
  double best = ctest_best(&t, &t.dense, 0.01, 1e-10, NULL);
  given_rate(&settings, NAN, 3);
  t.pen.lambda = 0.01;
  CHECK(descend(&t, which(&t), &settings, NULL, &first) == LC_BUDGET);
  settings.from = first.report.descent;
  CHECK(first.report.descent->searches == 3 * N / BATCH);
  CHECK(descend(&t, which(&t), &settings, first.B, &rest) == LC_BUDGET);
  CHECK(rest.report.descent->searches == 6 * N / BATCH && rest.report.descent->epochs == 6);
  CHECK(rest.objective - best < 0.5 * (first.objective - best) + 1e-9);
  ctest_problem_free(&t);
}

static const lc_design *dense_of(const ctest_problem *t) { return &t->dense; }
static const lc_design *sparse_of(const ctest_problem *t) { return &t->sparse; }

/* A descent that goes on with steps of next to nothing stands where it stood, in the user's columns, wherever these
 * lie; its mean takes that place in as often as there are steps. */
static void test_going_nowhere(void) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  double iterate[Q], mean[Q];
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  for (lc_index i = 0; i < N; i++) t.x[i] += 500, t.x[i + N] = ldexp(t.x[i + N], 300);
  ctest_problem_refresh(&t);
  for (int j = 0; j < Q; j++) {
    iterate[j] = ldexp(0.1 * ctest_normal(), j == 2 ? -300 : 0);
    mean[j] = ldexp(0.1 * ctest_normal(), j == 2 ? -300 : 0);
  }
  iterate[0] -= 500 * iterate[1], mean[0] -= 500 * mean[1];
  const lc_descent from = {.epochs = 7, .averaged = 30, .iterate = iterate, .mean = mean};
  given_rate(&settings, 1e-300, 1);
  settings.average = 1;
  settings.from = &from;
  lc_problem problem = ctest_lc_problem(&t, &t.dense);
  problem.solver = lc_solver_find("minibatch");
  problem.start = mean;
  CHECK(lc_solve(&problem, &settings, &t.host.host, &t.arena, &out) == LC_BUDGET);
  const lc_descent *there = out.report.descent;
  const double steps = N / BATCH;
  CHECK(there->epochs == 8 && there->averaged == 30 + steps);
  for (int j = 0; j < Q; j++) {
    double all = (30 * mean[j] + steps * iterate[j]) / (30 + steps);
    CHECK_NEAR(there->iterate[j] / iterate[j], 1, 1e-11);
    CHECK_NEAR(there->mean[j] / all, 1, 1e-11);
    CHECK_NEAR(out.B[j] / all, 1, 1e-11);
  }
  ctest_problem_free(&t);
}

/* ---- which iterate --------------------------------------------------------------------------------------------- */

/* Mean loss, or share of mistakes, of rows i with weights w at B. */
static double loss_of(const ctest_problem *t, const double *B, lc_index n, const lc_index *row, const double *w,
                      int mistakes) {
  double sum = 0, total = 0;
  for (lc_index i = 0; i < n; i++) {
    lc_index r = row ? row[i] : i;
    double value, z = B[0] + (t->offset ? t->offset[r] : 0), weight = w ? w[i] : 1;
    for (int j = 0; j < P; j++) z += t->x[r + j * N] * B[1 + j];
    t->loss->rows(&t->coding, &(lc_loss_block){.m = 1, .z = &z, .y = t->y + r, .value = &value, .ldz = 1});
    if (mistakes) value = t->y[r] == 1 ? !(z > 0) : !(z < 0); /* ties are wrong */
    sum += weight * value;
    total += weight;
  }
  return sum / total;
}

/* The iterate where rows set aside lose least, and the end when that has not fallen for as many epochs as are waited
 * for. Steps are too long, so that the loss goes up and down. */
static void test_patience(double patience, double rate, double epochs) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  lc_index row[ASIDE];
  double w[ASIDE], lowest = INFINITY, idle = 0;
  ctest_problem_make(&t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  lc_validation validation = set_aside(&t, row, w);
  given_rate(&settings, rate, epochs);
  settings.validation = &validation;
  settings.patience = patience;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_BUDGET);
  int e = 1;
  for (; e < tape.lines; e++) {
    double value = tape.line[e].validation;
    idle = isinf(lowest) || value < lowest - 1e-4 * lowest ? 0 : idle + 1;
    lowest = fmin(lowest, value);
    if (idle >= patience) break;
  }
  CHECK(tape.lines == (int)fmin(epochs, e) + 1 && out.report.iterations == tape.lines - 1);
  CHECK(e < epochs || patience > epochs);
  CHECK_NEAR(loss_of(&t, out.B, ASIDE, row, w, 0), lowest, 1e-12);
  ctest_problem_free(&t);
}

/* The pocket holds the iterate of the ends of epochs with the fewest mistakes: those of runs that end there. */
static void test_pocket(void) {
  static ctest_problem t;
  enum { EPOCHS = 5 };
  lc_settings settings;
  lc_solution out;
  double fewest = INFINITY, best[Q] = {0}, last = 0;
  ctest_problem_make(&t, lc_loss_find("perceptron"), (ctest_shape){.n = N, .p = P, .k = 2});
  given_rate(&settings, 1, 1);
  settings.batch_size = 1;
  settings.seed = 3;
  settings.average = 0;
  for (int e = 1; e <= EPOCHS; e++) {
    settings.epochs = e;
    CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_BUDGET);
    last = N * loss_of(&t, out.B, N, NULL, NULL, 1);
    if (last < fewest) memcpy(best, out.B, sizeof best);
    fewest = fmin(fewest, last);
    CHECK_NEAR(out.report.mistakes, last, 1e-9);
    CHECK(out.certificate.kind == LC_MISTAKES && out.certificate.relative == out.report.mistakes);
    CHECK(out.certificate.gap == out.report.mistakes && !out.met);
  }
  CHECK(fewest < last); /* else it tells nothing */
  settings.average = NAN;
  settings.pocket = 1;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_BUDGET);
  CHECK_NEAR(out.report.mistakes, fewest, 1e-9);
  CHECK(ctest_distance(Q, out.B, best) < 1e-14);
  ctest_problem_free(&t);
}

/* Steps that lead away from the start say so, and bring the best point that was met. */
static void test_diverging(void) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find("squared_hinge"), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  given_rate(&settings, 50, 3);
  settings.evaluate = 1;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_DIVERGED);
  const double zero[Q] = {0};
  CHECK_NEAR(ctest_value(&t, out.B), ctest_value(&t, zero), 1e-12);
  ctest_problem_free(&t);
}

/* ---- an end that is exact -------------------------------------------------------------------------------------- */

/* What follows a descent meets the goal, and its history goes on. */
static void test_finish(const char *loss) {
  static ctest_problem t;
  lc_settings settings;
  lc_solution out;
  ctest_problem_make(&t, lc_loss_find(loss), (ctest_shape){.n = N, .p = P, .k = 2, .weighted = 1});
  t.pen.lambda = 0.02;
  for (int j = 0; j < P; j++) t.l2[j] = 1, t.l1[j] = 0;
  double best = ctest_best(&t, &t.dense, 0.02, 1e-8, NULL);
  t.pen.lambda = 0.02;
  given_rate(&settings, NAN, 2);
  settings.finish = 1;
  CHECK(descend(&t, &t.dense, &settings, NULL, &out) == LC_OK);
  CHECK(out.met && out.solver != lc_solver_find("minibatch"));
  CHECK_NEAR(out.objective, best, 1e-6);
  CHECK(tape.lines > 3 && out.report.iterations >= tape.line[tape.lines - 1].iteration - 1);
  for (int l = 1; l < tape.lines; l++) CHECK(tape.line[l].iteration > tape.line[l - 1].iteration);
  /* It begins where the descent ended. */
  if (t.loss->flags & LC_SMOOTH) CHECK(tape.line[3].objective <= tape.line[2].objective + 1e-12);
  ctest_problem_free(&t);
}

void test_descent(void) {
  ctest_seed(53);
  for (int aside = 0; aside < 2; aside++)
    for (int k = 2; k < 4; k++) {
      test_orders(k, 0, 0, aside, 1, BATCH);
      test_orders(k, 0, 0, aside, 0, 100); /* a last batch of fewer rows */
      test_orders(k, 1, 0, aside, 1, BATCH);
      test_orders(k, 0, 1, aside, 1, 50);
      test_orders(k, 1, 1, aside, 1, BATCH);
    }
  test_bad_lists();
  test_schedules();
  test_going_on("logistic", 0);
  test_going_on("logistic", 1);
  test_going_on("perceptron", 1);
  test_going_nowhere();
  test_going_on_searching(dense_of);
  test_going_on_searching(sparse_of);
  test_patience(3, 1.5, MOST_EPOCHS);
  test_patience(1, 1.5, MOST_EPOCHS);
  test_patience(100, 0.001, 4);
  test_pocket();
  test_diverging();
  test_finish("logistic");
  test_finish("hinge");
}
