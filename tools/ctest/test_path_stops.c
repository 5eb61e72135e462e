/* Tests of paths that end early, for want of memory or because the host says so, and of paths on several threads. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_path_stops(void);
void test_path_threads(void);

enum { LAMBDAS = 5, MOST_LAMBDAS = 60, FOLDS = 3 };

/* Folds in turn, and a path over them whose scores are the caller's. */
typedef struct world {
  ctest_problem t;
  lc_path_spec spec;
  lc_path path;
  int *holdout;
  double *scores;
  size_t nscores;
} world;

static void make_long(world *d, const char *loss, ctest_shape shape, int folds, double min_ratio,
                      lc_index nlambdas) {
  ctest_problem_make(&d->t, lc_loss_find(loss), shape);
  lc_index n = d->t.n;
  d->nscores = (size_t)(n * d->t.coding.K * nlambdas);
  d->holdout = calloc((size_t)n, sizeof *d->holdout);
  d->scores = ctest_zeros((lc_index)d->nscores);
  for (lc_index i = 0; i < n; i++) d->holdout[i] = (int)(1 + i / 2 % FOLDS);
  d->spec = (lc_path_spec){.nlambdas = nlambdas, .min_ratio = min_ratio};
  if (!folds) return;
  d->spec.holdout = d->holdout;
  d->spec.nfolds = FOLDS;
  d->spec.nrepeats = 1;
  d->spec.scores = d->scores;
}

static void make_world(world *d, const char *loss, ctest_shape shape, int folds, double min_ratio) {
  make_long(d, loss, shape, folds, min_ratio, LAMBDAS);
}

static void free_world(world *d) {
  ctest_problem_free(&d->t);
  free(d->holdout), free(d->scores);
}

/* A fresh host with these limits. */
static lc_status run(world *d, size_t memory, long stop_at, int threads) {
  ctest_problem_forget(&d->t);
  d->t.host.limit = memory;
  d->t.host.stop_at = stop_at;
  d->t.host.host.threads = threads;
  memset(&d->path, 0, sizeof d->path);
  memset(d->scores, 0, d->nscores * sizeof(double));
  return ctest_path(&d->t, &d->t.dense, &d->spec, 1e-7, &d->path);
}

/* What a whole run gives, to compare with; the caller frees. */
typedef struct copy {
  lc_index length;
  lc_path_point point[MOST_LAMBDAS];
  double *B, *scores;
} copy;

static copy copy_of(const world *d) {
  lc_index P = d->t.q * d->t.coding.K;
  copy out = {.length = d->path.length,
              .B = ctest_zeros(P * d->spec.nlambdas),
              .scores = ctest_zeros((lc_index)d->nscores)};
  for (lc_index l = 0; l < out.length; l++) {
    out.point[l] = d->path.point[l];
    ctest_path_coefficients(&d->t, d->path.point + l, out.B + l * P);
  }
  memcpy(out.scores, d->scores, d->nscores * sizeof(double));
  return out;
}

static void free_copy(copy *c) { free(c->B), free(c->scores); }

/* 1 when the points that both have are the same to the last bit. */
static int same_points(const world *d, const copy *a, const copy *b) {
  lc_index P = d->t.q * d->t.coding.K, length = lc_min(a->length, b->length), rows = d->t.n * d->t.coding.K;
  int same = 1;
  for (lc_index l = 0; l < length; l++) {
    const double one[] = {a->point[l].lambda, a->point[l].outcome.objective, a->point[l].outcome.gap,
                          a->point[l].outcome.kkt, a->point[l].outcome.iterations};
    const double other[] = {b->point[l].lambda, b->point[l].outcome.objective, b->point[l].outcome.gap,
                            b->point[l].outcome.kkt, b->point[l].outcome.iterations};
    same = same && memcmp(one, other, sizeof one) == 0;
  }
  same = same && memcmp(a->B, b->B, (size_t)(P * length) * sizeof(double)) == 0;
  return same && memcmp(a->scores, b->scores, (size_t)(rows * length) * sizeof(double)) == 0;
}

/* Every piece of the host's memory in turn, from the last to the first, is the one that is refused: a run that had
 * `given` bytes when it failed is followed by one that may have a byte less. Arrays over so many rows are larger than
 * what the arena asks for at once, so each is a piece. */
static void test_memory(const char *loss, int k, double alpha, int folds) {
  static world d;
  make_world(&d, loss, (ctest_shape){.n = 8500, .p = 3, .k = k, .weighted = 1, .alpha = alpha}, folds, 0.3);
  CHECK(run(&d, 0, 0, 1) == LC_OK);
  int runs = 0, right = 1;
  for (size_t given = d.t.host.given; given > 0; given = d.t.host.given, runs++) {
    lc_status status = run(&d, given - 1, 0, 1);
    right = right && status == LC_OUT_OF_MEMORY && d.t.host.given < given;
  }
  CHECK(right);
  CHECK(runs >= 10 * (1 + folds * FOLDS));
  free_world(&d);
}

/* Stopped at polls all over the run: the points so far are whole and those of the whole run. */
static void test_interruption(const char *loss, int k, double alpha, int folds, int threads) {
  static world d;
  make_world(&d, loss, (ctest_shape){.n = 60, .p = 10, .k = k, .alpha = alpha}, folds, 0.05);
  CHECK(run(&d, 0, 0, 1) == LC_OK);
  copy whole = copy_of(&d);
  long polls = d.t.host.polls;
  int right = whole.length == LAMBDAS, grows = 1, middle = 0;
  lc_index last = 0;
  for (long at = 1; at <= polls; at += 1 + polls / 200) {
    lc_status status = run(&d, 0, at, threads);
    if (threads == 1) right = right && status == LC_INTERRUPTED && d.path.length < LAMBDAS;
    if (threads > 1 && status == LC_OK) continue; /* how often the main thread polls depends on its share of the work */
    copy part = copy_of(&d);
    right = right && status == LC_INTERRUPTED && d.path.status == status && same_points(&d, &part, &whole);
    right = right && (part.length == 0 || (d.path.solver && d.path.reason));
    grows = grows && part.length >= last;
    middle += part.length > 0;
    last = threads == 1 ? part.length : 0;
    free_copy(&part);
  }
  CHECK(right);
  CHECK(grows && middle > 0);
  free_copy(&whole);
  free_world(&d);
}

/* Folds in lanes are solved one after the other, some fifty lambdas at a time. A run that is stopped keeps the stages
 * that all folds have, and of the present one the points that the last fold has come to; never a point that a fold
 * lacks, whose scores would be 0. */
static void test_stages(int threads) {
  enum { STAGE = MOST_LAMBDAS / 2, STOPS = 24 };
  static world d;
  make_long(&d, "logistic", (ctest_shape){.n = 1200, .p = 50, .k = 2, .alpha = 1, .standardised = 1}, 1, 0.1,
            MOST_LAMBDAS);
  d.t.dense = d.t.sparse;
  CHECK(run(&d, 0, 0, 1) == LC_OK);
  copy whole = copy_of(&d);
  long polls = d.t.host.polls;
  int right = whole.length == MOST_LAMBDAS && polls > STOPS, none = 0, one_stage = 0;
  for (long stop = 0; stop < STOPS; stop++) {
    lc_status status = run(&d, 0, 1 + stop * polls / STOPS, threads);
    if (threads > 1 && status == LC_OK) continue; /* as above */
    copy part = copy_of(&d);
    right = right && status == LC_INTERRUPTED && d.path.status == status && same_points(&d, &part, &whole);
    none += part.length == 0;
    one_stage += part.length == STAGE;
    free_copy(&part);
  }
  CHECK(right);
  if (threads == 1) CHECK(none >= STOPS / 4 && one_stage >= STOPS / 4); /* while other folds than the last are solved */
  free_copy(&whole);
  free_world(&d);
}

void test_path_stops(void) {
  ctest_seed(71);
  test_memory("softmax", 3, 0.5, 0);
  test_memory("logistic", 2, 0, 0);
  test_memory("logistic", 2, 1, 1);
  for (int folds = 0; folds < 2; folds++) {
    test_interruption("logistic", 2, 1, folds, 1);
    test_interruption("softmax", 3, 0.5, folds, 1);
    test_interruption("squared_hinge", 2, 0, folds, 1);
  }
  test_interruption("softmax", 3, 1, 1, 2);
  for (int threads = 1; threads < 3; threads++) test_stages(threads);
}

/* ---- threads -------------------------------------------------------------------------------------------------- */

static void test_bits(const char *loss, ctest_shape shape, int sparse, int folds) {
  static world d;
  copy result[2];
  make_world(&d, loss, shape, folds, 0.2);
  if (sparse) d.t.dense = d.t.sparse;
  for (int r = 0; r < 2; r++) {
    CHECK(run(&d, 0, 0, 1 + r) == LC_OK);
    result[r] = copy_of(&d);
    CHECK(result[r].length == LAMBDAS);
  }
  CHECK(same_points(&d, result, result + 1));
  for (int r = 0; r < 2; r++) free_copy(result + r);
  free_world(&d);
}

void test_path_threads(void) {
  ctest_seed(73);
  for (int sparse = 0; sparse < 2; sparse++) {
    test_bits("logistic", (ctest_shape){.n = 70, .p = 30, .k = 2, .weighted = 1, .alpha = 1}, sparse, 1);
    test_bits("softmax", (ctest_shape){.n = 70, .p = 20, .k = 3, .standardised = 1, .alpha = 0.5}, sparse, 1);
    /* Large enough for columns to be shared among threads. */
    test_bits("softmax", (ctest_shape){.n = 1500, .p = 400, .k = 2, .reference = 0, .alpha = 0.9}, sparse, 0);
  }
}
