/* Tests of rows that are elsewhere: with a host that adds up shards of the same rows, every solver that works by sums
 * comes to the optimum of the rows themselves, with the same certificate; what needs more is refused. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "ctest.h"
#include "design/shards.h"
#include "problem.h"
#include "problem/tasks.h"

void test_shards(void);

enum { SHARDS = 3, ROWS = 90, COLUMNS = 4, MOST_CLASSES_HERE = 3 };

typedef struct keeper {
  lc_shards shards;
  ctest_problem *t;
  lc_coding coding;
  lc_design part[SHARDS];
  lc_obs obs[SHARDS];
  double *x[SHARDS], *offset[SHARDS], class_weights[MOST_CLASSES_HERE];
  long asked, fail_at; /* questions so far; which one fails, 0 for none */
  double last;         /* the iteration of which it was told */
} keeper;

/* The sums of the shards, in their order, by what a worker does. */
static lc_status sums(void *self, const lc_design *x, const lc_pass *pass) {
  keeper *k = self;
  lc_index q = lc_design_q(x), nG = pass->G ? q * pass->K : 0, nC = pass->C ? pass->ns * lc_packed_size(q) : 0;
  lc_index size = pass->nsum + nG + nC;
  double *own = ctest_zeros(size + 1), *all = ctest_zeros(size + 1);
  lc_status status = ++k->asked == k->fail_at ? LC_SOURCE : LC_OK;
  for (int s = 0; s < SHARDS && status == LC_OK; s++) {
    lc_mark mark = lc_arena_mark(&k->t->data);
    lc_design part = lc_design_scaled(&k->part[s], (lc_scaling){x->shift, x->scale});
    lc_objective obj;
    memset(own, 0, (size_t)size * sizeof *own);
    lc_pass here = {.K = pass->K, .ns = pass->ns, .nsum = pass->nsum, .B = pass->B, .sum = own};
    here.G = nG ? own + pass->nsum : NULL;
    here.C = nC ? own + pass->nsum + nG : NULL;
    status = lc_objective_init(&obj, &part, &k->obs[s], k->t->loss, &k->coding, &k->t->pen, 0, &k->t->data);
    if (status == LC_OK) status = lc_objective_task(&obj, pass->task, pass->about, &here);
    for (lc_index i = 0; i < size; i++) all[i] += own[i];
    lc_arena_reset(&k->t->data, mark);
  }
  if (status == LC_OK) {
    if (pass->nsum) memcpy(pass->sum, all, (size_t)pass->nsum * sizeof *all);
    if (nG) memcpy(pass->G, all + pass->nsum, (size_t)nG * sizeof *all);
    if (nC) memcpy(pass->C, all + pass->nsum + nG, (size_t)nC * sizeof *all);
  }
  free(own);
  free(all);
  return status;
}

static lc_status stands(void *self, const lc_design *x, int K, double iteration, const double *B) {
  keeper *k = self;
  k->last = iteration;
  CHECK(K == k->coding.K && x->p == COLUMNS && isfinite(B[0]));
  return LC_OK;
}

/* Rows s, s + SHARDS, s + 2 SHARDS ... in shard s, so that every shard has all classes. */
static void keeper_make(keeper *k, ctest_problem *t, lc_design *out, lc_obs *obs) {
  memset(k, 0, sizeof *k);
  k->t = t;
  k->coding = t->coding;
  k->shards = (lc_shards){k, 1, sums, stands};
  lc_index m = ROWS / SHARDS;
  for (int s = 0; s < SHARDS; s++) {
    k->x[s] = ctest_zeros(m * COLUMNS);
    k->offset[s] = ctest_zeros(m * (2 + t->coding.K)); /* y, w, offsets */
    double *y = k->offset[s] + m * t->coding.K, *w = y + m;
    for (lc_index i = 0; i < m; i++) {
      lc_index from = i * SHARDS + s;
      for (lc_index j = 0; j < COLUMNS; j++) k->x[s][i + j * m] = t->x[from + j * ROWS];
      for (int c = 0; t->offset && c < t->coding.K; c++) k->offset[s][i + c * m] = t->offset[from + c * ROWS];
      y[i] = t->y[from];
      w[i] = t->w ? t->w[from] : 1;
      k->class_weights[(int)y[i]] += w[i];
    }
    lc_design_dense(&k->part[s], m, COLUMNS, LC_DOUBLE, k->x[s]);
    k->part[s].intercept = t->dense.intercept;
    k->obs[s] = (lc_obs){.n = m, .y = y, .w = t->w ? w : NULL};
    if (t->offset) k->obs[s].offset = k->offset[s];
    if (t->offset) k->obs[s].noffset = t->coding.K;
  }
  lc_design_shards(out, ROWS, COLUMNS, &k->shards);
  out->intercept = t->dense.intercept;
  *obs = (lc_obs){.n = ROWS, .noffset = t->obs.noffset, .class_weights = k->class_weights, .classes = t->coding.k};
}

static void keeper_free(keeper *k) {
  for (int s = 0; s < SHARDS; s++) {
    free(k->x[s]);
    free(k->offset[s]);
  }
}

static lc_status solve(ctest_problem *t, lc_design *x, const lc_obs *obs, const lc_solver *solver, lc_solution *out) {
  lc_settings settings;
  ctest_presets(&settings);
  lc_problem problem = ctest_lc_problem(t, x);
  problem.obs = obs;
  problem.solver = solver;
  return lc_solve(&problem, &settings, &t->host.host, &t->arena, out);
}

static void test_fits(const lc_loss *loss, int k, int reference, int weighted, double lambda) {
  static const char *const solvers[] = {NULL, "newton", "lbfgs"};
  ctest_problem t;
  keeper keep;
  lc_design x;
  lc_obs obs;
  ctest_problem_make(&t, loss, (ctest_shape){ROWS, COLUMNS, k, reference, weighted, 0, 0, 0});
  t.pen.lambda = lambda;
  keeper_make(&keep, &t, &x, &obs);
  lc_solution here, there;
  CHECK(solve(&t, &t.dense, &t.obs, NULL, &here) >= 0);
  double best = here.objective, gap = here.certificate.kind == LC_GAP ? here.certificate.gap : 0;
  double weight_sum = here.weight_sum;
  lc_certificate_kind kind = here.certificate.kind;
  for (int s = 0; s < 3; s++) {
    lc_status status = solve(&t, &x, &obs, solvers[s] ? lc_solver_find(solvers[s]) : NULL, &there);
    CHECK(status == LC_OK || status == LC_STALLED);
    if (status < 0) continue;
    double own = there.certificate.kind == LC_GAP ? there.certificate.gap : 0;
    CHECK(fabs(there.objective - best) <= 1e-8 + fmax(gap, own));
    CHECK_NEAR(there.objective, ctest_value(&t, there.B), 1e-11);
    CHECK(there.certificate.kind == kind);
    /* L-BFGS without a sample of rows ends at some 1e-8 where second derivatives jump. */
    CHECK(there.met || (loss->flags & LC_SMOOTHABLE) || (solvers[s] && strcmp(solvers[s], "lbfgs") == 0));
    CHECK_NEAR(there.weight_sum, weight_sum, 1e-14);
    CHECK(keep.last >= 0);
  }
  CHECK(solve(&t, &x, &obs, lc_solver_find("minibatch"), &there) == LC_UNSUPPORTED);
  CHECK(solve(&t, &x, &obs, lc_solver_find("coordinate"), &there) == LC_UNSUPPORTED);
  for (int fail = 1; fail < 4; fail++) {
    keep.asked = 0;
    keep.fail_at = fail;
    CHECK(solve(&t, &x, &obs, NULL, &there) == LC_SOURCE);
  }
  keeper_free(&keep);
  ctest_problem_free(&t);
}

/* Numbers that make no task, or not this one: each task has its number of sums, its derivatives and its score columns.
 * A worker has memory for what a request says, so fewer sums than the task writes must not pass either. */
static void test_refusals(void) {
  enum { K = 3, PAIRS = K * (K + 1) / 2 };
  static const struct {
    int task, K, ns, nsum, gradient, takes_gradient, takes_curvature;
  } tasks[] = {{LC_TASK_LOSS, K, 0, 1, 0, 1, 1},      {LC_TASK_LOSS, K, 0, 1, 1, 1, 1},
               {LC_TASK_LOSS, K, PAIRS, 1, 1, 1, 1},  {LC_TASK_MISTAKES, K, 0, 1, 0, 0, 0},
               {LC_TASK_LEADS, K, 0, 1 + K, 0, 0, 0}, {LC_TASK_FLOWS, K, 0, K * K, 0, 0, 0},
               {LC_TASK_DUAL, K, 0, 2, 0, 0, 0},      {LC_TASK_RESIDUALS, K, 0, 0, 1, 1, 0},
               {LC_TASK_ONES, 1, 1, 0, 0, 1, 1}};
  ctest_problem t;
  lc_objective obj;
  double B[(COLUMNS + 1) * (K + 1)] = {0}, sum[K * K + 1] = {0}, about[2 + K] = {0, 0, 1, 1, 1};
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = ROWS, .p = COLUMNS, .k = K});
  CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 0, &t.arena) == LC_OK);
  double *G = ctest_zeros(t.q * (K + 1)), *C = ctest_zeros((PAIRS + 1) * lc_packed_size(t.q));
  for (size_t i = 0; i < sizeof tasks / sizeof *tasks; i++) {
    int task = tasks[i].task;
    const lc_pass good = {.K = tasks[i].K,
                          .ns = tasks[i].ns,
                          .nsum = tasks[i].nsum,
                          .B = B,
                          .sum = sum,
                          .G = tasks[i].gradient ? G : NULL,
                          .C = tasks[i].ns ? C : NULL};
    lc_pass bad[8];
    int count = 0;
    for (int more = -1; more <= 1; more += 2) {
      bad[count] = good, bad[count++].nsum += more;
      bad[count] = good, bad[count++].K += more;
      bad[count] = good, bad[count++].ns += more;
    }
    if (!tasks[i].takes_gradient || task == LC_TASK_RESIDUALS) bad[count] = good, bad[count++].G = good.G ? NULL : G;
    if (!tasks[i].takes_curvature) bad[count] = good, bad[count].ns = PAIRS, bad[count++].C = C;
    if (task == LC_TASK_ONES) bad[count] = good, bad[count].ns = 0, bad[count++].C = NULL;
    for (int b = 0; b < count; b++) CHECK(lc_objective_task(&obj, task, about, bad + b) == LC_INVALID);
    sum[0] = 0;
    CHECK(lc_objective_task(&obj, task, about, &good) == LC_OK);
    if (task == LC_TASK_LOSS) CHECK_NEAR(sum[0], ROWS * log(K), 1e-12);
    CHECK(lc_objective_task(&obj, 0, about, &good) == LC_INVALID);
    CHECK(lc_objective_task(&obj, LC_TASK_COUNT, about, &good) == LC_INVALID);
  }
  free(G), free(C);
  ctest_problem_free(&t);
}

void test_shards(void) {
  for (int l = 0; l < lc_loss_count; l++) {
    if (!(lc_losses[l].flags & (LC_SMOOTH | LC_SMOOTHABLE))) continue;
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, MOST_CLASSES_HERE); k++)
      for (int weighted = 0; weighted < 2; weighted++) {
        test_fits(&lc_losses[l], k, 0, weighted, 0.05);
        int likelihood = (lc_losses[l].flags & LC_LIKELIHOOD) != 0;
        if (likelihood) test_fits(&lc_losses[l], k, k > 2, weighted, 0);
      }
  }
  test_refusals();
}
