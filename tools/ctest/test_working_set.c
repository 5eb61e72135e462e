/* Tests of steps on a set of coefficients: by a model with a Hessian that is kept, by gradients within orthants, and by
 * sweeps over sparse columns.
 * Optima are judged by the definition: along no coefficient of the set does the objective fall. */
#include "working_set/set_solver.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"
#include "working_set/cd_sweep.h"
#include "working_set/gram_factor.h"

void test_model(void);
void test_orthant(void);

enum { N = 45, COLUMNS = 8, Q = COLUMNS + 1, CLASSES = 3, MOST = Q * CLASSES };

static const double goal = 1e-11;

/* One problem, an objective at B, and an empty set. */
typedef struct world {
  ctest_problem t;
  lc_objective obj;
  lc_set_solver solver;
  unsigned char in[MOST];
} world;

static void begin(world *d, const lc_design *x, const double *B) {
  ctest_problem *t = &d->t;
  CHECK(lc_objective_init(&d->obj, x, &t->obs, t->loss, &t->coding, &t->pen, 1, &t->arena) == LC_OK);
  CHECK(lc_objective_eval(&d->obj, B, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(&d->obj);
  CHECK(lc_set_solver_init(&d->solver, &d->obj, MOST) == LC_OK);
  CHECK(lc_set_init(&d->solver.set, &d->obj, 8) == LC_OK); /* less than all: it must grow */
  memset(d->in, 0, sizeof d->in);
}

/* Every step'th coefficient from `first` on. */
static void add(world *d, lc_index first, lc_index step) {
  for (lc_index place = first; place < d->obj.P; place += step) {
    CHECK(lc_set_add(&d->solver.set, place) == LC_OK);
    CHECK(lc_set_add(&d->solver.set, place) == LC_OK); /* again: nothing */
    d->in[place] = 1;
  }
  CHECK(lc_step_start(&d->solver.step) == LC_OK);
}

/* Each coefficient of the set is there once, and those alone; H is X' diag(S) X / W of those that it covers. */
static void check_set(const world *d) {
  const lc_working_set *set = &d->solver.set;
  const lc_prox_newton *newton = &d->solver.newton;
  const ctest_problem *t = &d->t;
  lc_index size = 0, q = t->q, intercept = t->pen.intercept;
  int right = 1;
  for (lc_index i = 0; i < d->obj.P; i++) {
    lc_index s = set->position[i];
    size += d->in[i];
    right = right && (d->in[i] ? s >= 0 && set->index[s] == i : s == -1);
  }
  CHECK(right && size == set->size && newton->built <= set->size);
  double worst = 0;
  for (lc_index v = 0; v < newton->built; v++)
    for (lc_index u = 0; u < newton->built; u++) {
      lc_index a = set->index[u] / q, b = set->index[v] / q, f = set->index[u] % q - intercept,
               g = set->index[v] % q - intercept;
      const double *s = newton->S + lc_packed_at(a < b ? a : b, a < b ? b : a) * t->n;
      double sum = 0;
      for (lc_index i = 0; i < t->n; i++)
        sum += s[i] * (f < 0 ? 1 : t->x[i + f * t->n]) * (g < 0 ? 1 : t->x[i + g * t->n]);
      worst = fmax(worst, fabs(newton->H[u + v * newton->ld] - sum / d->obj.weight_sum));
    }
  CHECK(worst < 1e-13);
}

/* The same columns as if each verb of them were a read of X, as in a stream: steps within orthants go by passes. */
static lc_design as_streamed(const lc_design *x, lc_design_ops *ops) {
  lc_design out = *x;
  *ops = *x->ops;
  ops->caps |= LC_STREAMED;
  ops->round = NULL;
  out.ops = ops;
  return out;
}

typedef lc_status (*method)(world *d, double to);

static lc_status by_hessian(world *d, double to) { return lc_newton_solve(&d->solver.newton, to, 200); }
static lc_status by_orthant(world *d, double to) { return lc_owlqn_solve(&d->solver.owlqn, to, 5000); }
static lc_status by_sweeps(world *d, double to) { return lc_cd_sweep_solve(&d->solver.step, to, 5000); }
static lc_status one_by_hessian(world *d, double to) { return lc_newton_solve(&d->solver.newton, to, 1); }
static lc_status two_by_orthant(world *d, double to) { return lc_owlqn_solve(&d->solver.owlqn, to, 2); }
static lc_status two_by_sweeps(world *d, double to) { return lc_cd_sweep_solve(&d->solver.step, to, 2); }

/* The optimum of a set where nothing else moves, from `B`; then of a larger one; its value. */
static double optimum(world *d, const lc_design *x, const double *B, method solve, int partly) {
  double rounded = solve == by_sweeps ? 2e-7 : 2e-8; /* sweeps leave what is below rounding in each coefficient */
  begin(d, x, B);
  add(d, 0, partly ? 2 : 1);
  CHECK(solve(d, goal) == LC_OK);
  CHECK(d->solver.step.stuck || d->solver.step.worst <= goal);
  /* A step that gains less than rounding is none: half g^2 of a value of about 1, so g is below about sqrt(eps). */
  CHECK(ctest_descent(&d->t, d->obj.at.B, d->in) < (d->solver.step.stuck ? rounded : 1e-9));
  CHECK_NEAR(d->obj.at.value, ctest_value(&d->t, d->obj.at.B), 1e-12);
  check_set(d);
  if (partly) {
    int still = 1;
    for (lc_index place = 1; place < d->obj.P; place += 2) still = still && d->obj.at.B[place] == B[place];
    CHECK(still);
    add(d, 1, 2);
    CHECK(solve(d, goal) == LC_OK);
    CHECK(ctest_descent(&d->t, d->obj.at.B, NULL) < (d->solver.step.stuck ? rounded : 1e-9));
    check_set(d);
  }
  return d->obj.at.value;
}

typedef struct penalty_case {
  double lambda, alpha, bound; /* bound 0: none */
} penalty_case;

static void test_optima(const lc_loss *loss, int k, int reference, int weighted, penalty_case given) {
  static world d;
  ctest_problem_make(
      &d.t, loss,
      (ctest_shape){.n = N, .p = COLUMNS, .k = k, .reference = reference, .weighted = weighted, .alpha = given.alpha});
  d.t.pen.lambda = given.lambda;
  if (given.bound > 0) ctest_problem_bound(&d.t, -given.bound, 0.5 * given.bound);
  double zero[MOST] = {0}, B[MOST], want = ctest_best(&d.t, &d.t.dense, given.lambda, 1e-12, NULL);
  for (lc_index i = 0; i < MOST; i++) B[i] = i % 5 == 0 ? 0.05 : 0;
  method methods[] = {by_hessian, by_orthant, by_sweeps}; /* the last reads sparse columns */
  lc_design_ops dense_ops, sparse_ops;
  lc_design dense = as_streamed(&d.t.dense, &dense_ops), sparse = as_streamed(&d.t.sparse, &sparse_ops);
  const lc_design *designs[] = {&d.t.dense, &d.t.sparse, &dense, &sparse};
  for (int x = 0; x < 4; x++)
    for (int solve = 0; solve < (x == 1 ? 3 : 2); solve++)
      for (int partly = 0; partly < 2 - (solve == 2); partly++) /* sweeps want all intercepts in the set */
        CHECK_NEAR(optimum(&d, designs[x], partly ? B : zero, methods[solve], partly), want, 1e-10);
  ctest_problem_free(&d.t);
}

/* Down some lambdas: zeros leave, violators join, the Hessian is kept. What it holds stays true to its definition. */
static void test_membership(const lc_loss *loss, int k, int sparse) {
  static world d;
  double zero[MOST] = {0};
  ctest_problem_make(&d.t, loss, (ctest_shape){.n = N, .p = COLUMNS, .k = k, .weighted = 1, .alpha = 0.9});
  d.t.pen.lambda = 0.15;
  begin(&d, sparse ? &d.t.sparse : &d.t.dense, zero);
  add(&d, 0, 1);
  int dropped = 0, kept_hessian = 0;
  for (int round = 0; round < 8; round++, d.t.pen.lambda *= 0.75) {
    lc_objective_revalue(&d.obj, 0, NULL);
    CHECK_NEAR(d.obj.at.value, ctest_value(&d.t, d.obj.at.B), 1e-12);
    lc_index before = d.solver.set.size;
    lc_set_drop_zeros(&d.solver.set);
    CHECK(lc_newton_follow(&d.solver.newton) == LC_OK);
    for (lc_index place = 0; place < d.obj.P; place++)
      d.in[place] = d.in[place] && (place % d.obj.q == 0 || d.obj.at.B[place] != 0);
    dropped += d.solver.set.size < before;
    check_set(&d);
    add(&d, round % 3 + 1, 3);
    const lc_prox_newton *newton = &d.solver.newton;
    lc_index built = newton->built;
    CHECK(lc_newton_solve(&d.solver.newton, 1e-9, 1) >= 0); /* one step: new rows of the old Hessian, or a new one */
    kept_hessian += built > 0 && !lc_newton_is_fresh(newton) && newton->built == d.solver.set.size;
    check_set(&d);
    CHECK(lc_newton_solve(&d.solver.newton, goal, 200) == LC_OK);
    CHECK(ctest_descent(&d.t, d.obj.at.B, d.in) < 1e-9);
    check_set(&d);
  }
  CHECK(dropped >= 2 && kept_hessian >= 2);
  ctest_problem_free(&d.t);
}

/* A coefficient that bounds keep from 0 stays, and so does one without a penalty. */
static void test_stays(void) {
  static world d;
  ctest_problem_make(&d.t, lc_loss_find("logistic"), (ctest_shape){.n = N, .p = COLUMNS, .k = 2, .alpha = 1});
  ctest_problem_bound(&d.t, -1, 1);
  double B[MOST] = {0}, *lower = lc_arena_doubles(&d.t.data, COLUMNS);
  for (int j = 0; j < COLUMNS; j++) lower[j] = j == 2 ? 0.25 : j == 3 ? 0 : -1;
  d.t.pen.lower = lower;
  d.t.l1[5] = d.t.l2[5] = 0;
  d.t.pen.lambda = 10; /* all that can be 0 is */
  B[3] = 0.25;
  begin(&d, &d.t.dense, B);
  add(&d, 0, 1);
  CHECK(lc_newton_solve(&d.solver.newton, goal, 100) == LC_OK);
  lc_set_drop_zeros(&d.solver.set);
  CHECK(lc_newton_follow(&d.solver.newton) == LC_OK);
  memset(d.in, 0, sizeof d.in);
  d.in[0] = d.in[3] = d.in[6] = 1; /* intercept, bounded above 0, free */
  check_set(&d);
  CHECK(d.obj.at.B[3] == 0.25);
  CHECK(ctest_descent(&d.t, d.obj.at.B, NULL) < 1e-9);
  ctest_problem_free(&d.t);
}

/* The predictor never raises the objective, and where no sign changes it leaves a small part of what a change of
 * lambda by a percent costs: the error is of second order. */
static void test_predictor(const lc_loss *loss, int k, double alpha, double bound) {
  static world d;
  ctest_problem_make(&d.t, loss, (ctest_shape){.n = N, .p = COLUMNS, .k = k, .weighted = 1, .alpha = alpha});
  if (bound > 0) ctest_problem_bound(&d.t, -bound, bound);
  double zero[MOST] = {0}, lambda = 0.05;
  int small = 0, rounds = 6;
  for (int round = 0; round < rounds; round++, lambda *= 0.7) {
    double next = lambda * (round % 2 ? 0.99 : 0.8);
    d.t.pen.lambda = lambda;
    begin(&d, &d.t.dense, zero);
    add(&d, 0, 1);
    CHECK(lc_newton_solve(&d.solver.newton, goal, 200) == LC_OK);
    double near[MOST]; /* so that the Hessian is of a point near the solution */
    for (lc_index i = 0; i < d.obj.P; i++) near[i] = 0.999 * d.obj.at.B[i];
    begin(&d, &d.t.dense, near);
    add(&d, 0, 1);
    CHECK(lc_newton_solve(&d.solver.newton, goal, 200) == LC_OK);
    d.t.pen.lambda = next;
    lc_objective_revalue(&d.obj, 0, NULL);
    double before = d.obj.at.value, best = ctest_best(&d.t, &d.t.dense, next, 1e-13, NULL);
    CHECK(lc_newton_predict(&d.solver.newton, lambda) == LC_OK);
    CHECK(d.obj.at.value <= before);
    CHECK_NEAR(d.obj.at.value, ctest_value(&d.t, d.obj.at.B), 1e-12);
    CHECK(d.obj.at.value >= best - 1e-11);
    for (lc_index i = 0; bound > 0 && i < d.obj.P; i++) CHECK(i % d.obj.q == 0 || fabs(d.obj.at.B[i]) <= bound);
    small += d.obj.at.value - best < 0.1 * (before - best);
  }
  CHECK(small >= rounds / 2);
  ctest_problem_free(&d.t);
}

/* Of a set that is solved coarsely. The gradients that the set says to know are those of the dual point; where a
 * lasso's coefficient is not 0 none has a residual, though the point has; rows of all classes sum to zero. 1: there was
 * one. */
static int test_dual_point(const lc_loss *loss, int k, int reference, double alpha, method solve, int streamed) {
  static world d;
  lc_design_ops ops;
  double zero[MOST] = {0}, R[N * CLASSES], before[MOST], left = 0;
  int known, right = 1;
  ctest_problem_make(
      &d.t, loss,
      (ctest_shape){.n = N, .p = COLUMNS, .k = k, .reference = reference, .weighted = k == 3, .alpha = alpha});
  d.t.pen.lambda = 0.03;
  lc_design passes = as_streamed(&d.t.dense, &ops);
  begin(&d, streamed ? &passes : &d.t.dense, zero);
  add(&d, 0, 1);
  CHECK(solve(&d, 1e-4) >= 0);
  const lc_working_set *set = &d.solver.set;
  lc_set_step *step = &d.solver.step;
  lc_index q = d.obj.q, K = d.obj.K;
  memcpy(before, d.obj.at.B, (size_t)d.obj.P * sizeof(double));
  for (lc_index s = 0; s < set->size; s++) left = fmax(left, lc_step_residual(step, s));
  double value = d.obj.at.value;
  memcpy(R, step->R, (size_t)(N * K) * sizeof *R);
  CHECK((solve == by_hessian ? lc_newton_dual_point(&d.solver.newton, R, &known)
                             : lc_owlqn_dual_point(&d.solver.owlqn, R, &known)) == LC_OK);
  for (lc_index s = 0; known && s < set->size; s++) {
    lc_index c = set->index[s] / q, f = set->index[s] % q - 1;
    double sum = 0, b = before[set->index[s]];
    for (lc_index i = 0; i < N; i++) sum += R[i + c * N] * (f < 0 ? 1 : d.t.x[i + f * N]);
    right = right && fabs(step->dual[s] - sum / d.obj.weight_sum) < 1e-12;
    double target = f < 0 ? 0 : b > 0 ? -0.03 * d.t.l1[f] : 0.03 * d.t.l1[f];
    if (alpha == 1 && (f < 0 || b != 0)) right = right && fabs(step->dual[s] - target) < 1e-11;
  }
  for (lc_index i = 0; K == k && i < N; i++) {
    double sum = 0;
    for (lc_index c = 0; c < K; c++) sum += R[i + c * N];
    right = right && fabs(sum) < 1e-12;
  }
  CHECK(right);
  CHECK(d.obj.at.value <= value + 1e-15);
  CHECK_NEAR(d.obj.at.value, ctest_value(&d.t, d.obj.at.B), 1e-12);
  ctest_problem_free(&d.t);
  return known && left > 1e-8;
}

/* A Hessian that is kept follows the sum of the curvatures, and its factor follows it. */
static void test_rescale(const lc_loss *loss) {
  static world d;
  double zero[MOST] = {0}, far[MOST], B[MOST];
  ctest_problem_make(&d.t, loss, (ctest_shape){.n = N, .p = COLUMNS, .k = 2, .alpha = 1});
  d.t.pen.lambda = 0.02;
  begin(&d, &d.t.dense, zero);
  add(&d, 0, 1);
  CHECK(lc_newton_solve(&d.solver.newton, goal, 200) == LC_OK);
  const lc_prox_newton *newton = &d.solver.newton;
  CHECK(newton->nfactored > 0);
  if (newton->nfactored <= 0) return;
  double H = newton->H[0], U = newton->U[0]; /* of the intercept, the first of the set */
  memcpy(B, d.obj.at.B, sizeof(double) * (size_t)d.obj.P);
  for (lc_index i = 0; i < d.obj.P; i++) far[i] = 3 * B[i];
  CHECK(lc_objective_eval(&d.obj, far, LC_WANT_VALUE) == LC_OK);
  lc_objective_accept(&d.obj);
  CHECK(lc_newton_rescale(&d.solver.newton) == LC_OK);
  CHECK(fabs(newton->H[0] / H - 1) > 0.05);
  CHECK_NEAR(newton->U[0] * newton->U[0] / newton->H[0], U * U / H, 1e-12);
  ctest_problem_free(&d.t);
}

/* What a move promises: the slope of the smooth part along it, a difference quotient, and the whole change of the L1
 * part. */
static void test_promise(const lc_loss *loss, int k, int grouped) {
  static world d;
  ctest_problem *t = &d.t;
  ctest_problem_make(t, loss, (ctest_shape){.n = N, .p = COLUMNS, .k = k, .weighted = 1, .alpha = 0.4});
  t->pen.lambda = 0.3;
  t->pen.grouped = grouped;
  const double h = 1e-4;
  double B[MOST], to[MOST], up[MOST], down[MOST], l1[COLUMNS], change, slope;
  for (int i = 0; i < MOST; i++) {
    B[i] = (i % 2 ? 1 : -1) * (0.2 + 0.3 * ctest_uniform());
    to[i] = B[i] * (0.5 + ctest_uniform());
    up[i] = B[i] + h * (to[i] - B[i]);
    down[i] = B[i] - h * (to[i] - B[i]);
  }
  begin(&d, &t->dense, B);
  add(&d, 0, 1);
  const lc_set_step *step = &d.solver.step;
  for (lc_index s = 0; s < d.solver.set.size; s++) step->b[s] = to[d.solver.set.index[s]];
  change = ctest_value(t, to) - ctest_value(t, B);
  memcpy(l1, t->l1, sizeof l1);
  memset(t->l1, 0, sizeof l1);
  change -= ctest_value(t, to) - ctest_value(t, B);
  slope = (ctest_value(t, up) - ctest_value(t, down)) / (2 * h);
  memcpy(t->l1, l1, sizeof l1);
  CHECK_NEAR(lc_step_predicted_change(step), slope + change, 1e-8);
  ctest_problem_free(t);
}

/* Which way suits a set: by its size, its score columns and how X is stored. */
static lc_set_way way_of(int k, int sparse, int grouped, lc_index size, double most, double crept) {
  ctest_problem t;
  lc_objective obj;
  lc_set_solver solver;
  ctest_problem_make(&t, lc_loss_find(k == 2 ? "logistic" : "softmax"), (ctest_shape){.n = 12, .p = 400, .k = k});
  t.pen.grouped = grouped;
  const lc_design *x = sparse ? &t.sparse : &t.dense;
  CHECK(lc_objective_init(&obj, x, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  CHECK(lc_set_solver_init(&solver, &obj, most) == LC_OK);
  for (lc_index i = 0; i < size; i++) CHECK(lc_set_add(&solver.set, i) == LC_OK);
  solver.step.crept = crept;
  lc_set_way way = lc_set_solver_way(&solver);
  ctest_problem_free(&t);
  return way;
}

static void test_ways(void) {
  CHECK(way_of(2, 0, 0, 100, 100, 0) == LC_BY_HESSIAN && way_of(2, 0, 0, 101, 100, 0) == LC_WITHIN_ORTHANTS);
  CHECK(way_of(3, 0, 0, 100, 100, 0) == LC_BY_HESSIAN && way_of(3, 0, 0, 101, 100, 0) == LC_WITHIN_ORTHANTS);
  CHECK(way_of(6, 0, 0, 50, 100, 0) == LC_BY_HESSIAN && way_of(6, 0, 0, 51, 100, 0) == LC_WITHIN_ORTHANTS);
  CHECK(way_of(6, 0, 1, 300, 100, 0) == LC_BY_HESSIAN && way_of(6, 1, 1, 350, 100, 0) == LC_BY_HESSIAN);
  CHECK(way_of(2, 1, 0, LC_SWEPT_SIZE, 100, 0) == LC_BY_HESSIAN);
  CHECK(way_of(2, 1, 0, LC_SWEPT_SIZE + 1, 100, 1e9) == LC_BY_SWEEPS);
  CHECK(way_of(2, 1, 0, LC_SWEPT_SIZE + 1, 1000, 0.4 * LC_SWEPT_SIZE) == LC_BY_SWEEPS);
  CHECK(way_of(2, 1, 0, LC_SWEPT_SIZE + 1, 1000, 0.6 * LC_SWEPT_SIZE) == LC_BY_HESSIAN);
}

/* Violators come by what they violate, the worst first, equal ones by their place; a set in the order of places has the
 * units of its columns. */
static void test_order(void) {
  const lc_violator a = {2, 7}, b = {1, 3}, c = {1, 5};
  CHECK(lc_violator_order(&a, &b) < 0 && lc_violator_order(&b, &a) > 0 && lc_violator_order(&b, &b) == 0);
  CHECK(lc_violator_order(&b, &c) < 0 && lc_violator_order(&c, &b) > 0);
  static world d;
  double zero[MOST] = {0}, rms[COLUMNS];
  ctest_problem_make(&d.t, lc_loss_find("softmax"), (ctest_shape){.n = N, .p = COLUMNS, .k = 3, .alpha = 1});
  for (int j = 0; j < COLUMNS; j++) rms[j] = 1 + j;
  begin(&d, &d.t.dense, zero);
  d.obj.rms = rms;
  for (lc_index i = 0; i < d.obj.P; i += 2) CHECK(lc_set_add(&d.solver.set, d.obj.P - 1 - i) == LC_OK);
  for (int sorted = 0; sorted < 2; sorted++) {
    const lc_working_set *set = &d.solver.set;
    for (lc_index s = 0; s < set->size; s++) {
      lc_index j = set->index[s] % Q;
      CHECK(set->position[set->index[s]] == s && set->rms[s] == (j == 0 ? 1 : rms[j - 1]));
      CHECK(s == 0 || (set->index[s] > set->index[s - 1]) == sorted);
    }
    lc_set_sort(&d.solver.set);
  }
  ctest_problem_free(&d.t);
}

static int has_model(const lc_loss *loss) { return (loss->flags & LC_SMOOTH) && (loss->flags & LC_CURVATURE); }

void test_model(void) {
  static const double alphas[] = {0, 0.5, 1};
  ctest_seed(47);
  for (int l = 0; l < lc_loss_count; l++) {
    if (!has_model(&lc_losses[l])) continue;
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, CLASSES); k++) {
      for (int a = 0; a < 3; a++) {
        test_predictor(&lc_losses[l], k, alphas[a], 0);
        test_predictor(&lc_losses[l], k, alphas[a], 0.2);
      }
      test_promise(&lc_losses[l], k, 0);
      test_promise(&lc_losses[l], k, k > 2);
      test_membership(&lc_losses[l], k, 0);
      test_membership(&lc_losses[l], k, 1);
    }
  }
  test_ways();
  test_order();
  test_stays();
  test_rescale(lc_loss_find("logistic"));
}

static void test_dual_points(const lc_loss *loss, int k, method solve, int streamed) {
  int points = 0;
  for (int trial = 0; trial < 8; trial++)
    points += test_dual_point(loss, k, trial % 2, trial % 4 == 3 ? 0.7 : 1, solve, streamed);
  CHECK(points >= 1); /* a square is often solved at once */
}

/* Steps on rounded columns are steps: with those on the columns themselves they are as many as may be done. */
static void test_budget(const lc_loss *loss, int k) {
  enum { STEPS = 3 };
  static world d;
  double zero[MOST] = {0};
  ctest_problem_make(&d.t, loss, (ctest_shape){.n = N, .p = COLUMNS, .k = k, .weighted = 1, .alpha = 0.5});
  d.t.pen.lambda = 0.01;
  for (int sparse = 0; sparse < 2; sparse++) { /* sparse columns have no rounded ones */
    begin(&d, sparse ? &d.t.sparse : &d.t.dense, zero);
    add(&d, 0, 1);
    for (int done = STEPS; done <= 2 * STEPS; done += STEPS) {
      double before = d.obj.at.value;
      CHECK(lc_owlqn_solve(&d.solver.owlqn, goal, STEPS) == LC_MAX_ITER);
      CHECK(d.solver.step.steps == done && d.obj.at.value < before);
      CHECK_NEAR(d.obj.at.value, ctest_value(&d.t, d.obj.at.B), 1e-12);
    }
    CHECK((d.solver.owlqn.rounded.ops != NULL) == !sparse);
  }
  ctest_problem_free(&d.t);
}

/* Rows that are written three times over are one of three times the weight: the same steps, though sums go over columns
 * that are longer than what is worked on at a time. (When a Hessian is made anew hangs on the number of rows.) Sweeps
 * see the Hessian as it is, so residuals are squared from step to step: a wrong model takes twice as many. */
static void test_copies(const char *loss, int k, lc_index p) {
  enum { FEW = 220, TIMES = 3 };
  static world worlds[TIMES + 1];
  static const method methods[] = {one_by_hessian, two_by_orthant, two_by_sweeps};
  double zero[MOST] = {0}, B[2][MOST];
  for (int times = 1; times <= TIMES; times += TIMES - 1) {
    ctest_problem *t = &worlds[times].t, *one = &worlds[1].t;
    ctest_problem_make(t, lc_loss_find(loss),
                       (ctest_shape){.n = FEW * times, .p = p, .k = k, .weighted = 1, .alpha = 0.5});
    t->pen.lambda = 0.01;
    for (lc_index i = 0; i < t->n; i++) {
      t->y[i] = one->y[i % FEW];
      t->w[i] = one->w[i % FEW] / times;
      for (lc_index j = 0; j < p; j++) t->x[i + j * t->n] = one->x[i % FEW + j * FEW];
      for (lc_index c = 0; c < t->coding.K; c++) t->offset[i + c * t->n] = one->offset[i % FEW + c * FEW];
    }
    ctest_problem_refresh(t);
  }
  for (int way = 0; way < 5; way++) { /* the first two on dense columns, too */
    for (int copied = 0; copied < 2; copied++) {
      world *d = &worlds[copied ? TIMES : 1];
      begin(d, way < 3 ? &d->t.sparse : &d->t.dense, zero);
      add(d, 0, 1);
      CHECK(methods[way % 3](d, goal) == LC_MAX_ITER);
      memcpy(B[copied], d->obj.at.B, (size_t)d->obj.P * sizeof(double));
      if (k > 2) { /* a shift that all intercepts share is nothing */
        double mean = 0;
        for (int c = 0; c < k; c++) mean += B[copied][c * d->obj.q] / k;
        for (int c = 0; c < k; c++) B[copied][c * d->obj.q] -= mean;
      }
    }
    lc_index P = worlds[1].obj.P;
    CHECK(ctest_distance(P, B[0], B[1]) < 1e-7);
    CHECK(ctest_distance(P, B[0], zero) > 0.01); /* else it tells nothing */
  }
  for (int times = 1; times <= TIMES; times += TIMES - 1) {
    world *d = &worlds[times];
    begin(d, &d->t.sparse, zero);
    add(d, 0, 1);
    CHECK(lc_cd_sweep_solve(&d->solver.step, 1e-9, 7) == LC_OK && !d->solver.step.stuck);
    ctest_problem_free(&d->t);
  }
}

/* Features enough for the metric's pieces to be shared: the same bits for every number of threads. */
static void test_pieces(void) {
  enum { ROWS = 60, FEATURES = 70, MANY = 12, SIZE = (FEATURES + 1) * MANY, THREADS = 3 };
  static double B[THREADS][SIZE];
  ctest_problem t;
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = ROWS, .p = FEATURES, .k = MANY, .alpha = 0.9});
  t.pen.lambda = 0.02;
  for (int threads = 1; threads <= THREADS; threads++) {
    lc_objective obj;
    lc_set_solver solver;
    t.host.host.threads = threads;
    CHECK(lc_objective_init(&obj, &t.dense, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
    CHECK(obj.P == SIZE && lc_set_solver_init(&solver, &obj, SIZE) == LC_OK);
    CHECK(lc_objective_eval(&obj, B[threads - 1], LC_WANT_VALUE) == LC_OK);
    lc_objective_accept(&obj);
    for (lc_index place = 0; place < SIZE; place++) CHECK(lc_set_add(&solver.set, place) == LC_OK);
    CHECK(lc_step_start(&solver.step) == LC_OK);
    CHECK(lc_owlqn_solve(&solver.owlqn, 1e-8, 2000) == LC_OK);
    memcpy(B[threads - 1], obj.at.B, sizeof B[0]);
  }
  CHECK(ctest_descent(&t, B[0], NULL) < 1e-7);
  for (int k = 1; k < THREADS; k++) CHECK(memcmp(B[0], B[k], sizeof B[0]) == 0);
  ctest_problem_free(&t);
}

/* A factor that grows keeps its blocks: by definition X_J'R / W = E for columns J but one that is another's copy. */
static void test_gram(int sparse) {
  enum { ROWS = 500, MANY = 359, ALL = MANY + 1, K = 3, COPY = 9 }; /* more than a panel of columns come at once */
  static const lc_index sizes[] = {40, 75, ALL}; /* each needs more memory than the last had */
  ctest_problem t;
  lc_objective obj;
  lc_gram_factor gram = {0};
  lc_index rows[ALL];
  ctest_problem_make(&t, lc_loss_find("softmax"), (ctest_shape){.n = ROWS, .p = MANY, .k = K, .weighted = 1});
  for (int v = 0; v < ALL; v++) rows[v] = 7 * v % ALL;
  for (lc_index i = 0; i < ROWS; i++) t.x[i + (rows[COPY] - 1) * ROWS] = 2 * t.x[i + (rows[COPY - 1] - 1) * ROWS];
  ctest_problem_refresh(&t);
  const lc_design *x = sparse ? &t.sparse : &t.dense;
  CHECK(lc_objective_init(&obj, x, &t.obs, t.loss, &t.coding, &t.pen, 1, &t.arena) == LC_OK);
  double *E = ctest_normals(ALL * K), *V = ctest_zeros(ALL * K), *R = ctest_zeros(ROWS * K), worst = 0;
  for (int g = 0; g < 3; g++) {
    lc_index count = sizes[g], capacity = gram.capacity;
    CHECK(lc_gram_grow(&gram, &obj, count, rows) == LC_OK && gram.count == count && gram.capacity > capacity);
    memcpy(V, E, (size_t)(count * K) * sizeof *V);
    lc_gram_lift(&gram, &obj, rows, V, R);
    for (lc_index v = 0; v < count; v++) {
      CHECK(gram.skip[v] == (v == COPY));
      for (lc_index c = 0; c < K && v != COPY; c++) {
        double sum = 0;
        for (lc_index i = 0; i < ROWS; i++) sum += R[i + c * ROWS] * (rows[v] == 0 ? 1 : t.x[i + (rows[v] - 1) * ROWS]);
        worst = fmax(worst, fabs(sum / obj.weight_sum - E[v + c * count]));
      }
    }
  }
  CHECK(worst < 1e-9);
  free(E), free(V), free(R);
  ctest_problem_free(&t);
}

/* Both methods, the same sets. */
void test_orthant(void) {
  static const penalty_case cases[] = {{0.05, 1, 0}, {0.02, 0.5, 0}, {0.02, 0.5, 0.1},
                                       {0.05, 0, 0}, {0.05, 0, 0.1}, {0.3, 1, 0}};
  ctest_seed(53);
  for (int l = 0; l < lc_loss_count; l++) {
    if (!has_model(&lc_losses[l])) continue;
    for (int k = 2; k <= lc_min(lc_losses[l].most_classes, CLASSES); k++) {
      for (int c = 0; c < 6; c++) test_optima(&lc_losses[l], k, c % 2, c % 3 != 0, cases[c]);
      test_dual_points(&lc_losses[l], k, by_hessian, 0);
      for (int streamed = 0; streamed < 2; streamed++) test_dual_points(&lc_losses[l], k, by_orthant, streamed);
    }
  }
  test_budget(lc_loss_find("logistic"), 2);
  test_budget(lc_loss_find("softmax"), 3);
  test_copies("logistic", 2, COLUMNS);
  test_copies("squared_hinge", 3, COLUMNS);
  test_copies("softmax", 3, COLUMNS);
  test_copies("softmax", 12, 1); /* more classes than are read side by side */
  test_pieces();
  test_gram(0);
  test_gram(1);
}
