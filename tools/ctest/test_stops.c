/* Fits that are stopped from outside: an interrupt at any poll comes back as one, a time limit, which is told once,
 * leaves a point with its value and certificate, and the next fit has the bits of the first. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

void test_stops(void);

enum { ROWS = 60, COLUMNS = 4, MOST = (COLUMNS + 1) * 3 };

/* Polls are counted; number `at` says `what`: once, or from then on. */
typedef struct limit {
  long polls, at;
  lc_status what;
  int told;
} limit;

static limit now;

static lc_status poll_limit(void *self) {
  (void)self;
  now.polls++;
  if (now.at == 0 || now.polls < now.at) return LC_OK;
  if (now.what == LC_TIME_LIMIT && now.told) return LC_OK;
  now.told = 1;
  return now.what;
}

static lc_status fit(ctest_problem *t, const lc_design *x, const lc_solver *solver, int finish, long at, lc_status what,
                     lc_solution *out) {
  lc_settings settings;
  ctest_problem_forget(t);
  t->host.host.poll = poll_limit;
  now = (limit){.at = at, .what = what};
  ctest_presets(&settings);
  settings.epochs = 3;
  settings.finish = finish;
  lc_problem problem = ctest_lc_problem(t, x);
  problem.solver = solver;
  memset(out, 0, sizeof *out);
  return lc_solve(&problem, &settings, &t->host.host, &t->arena, out);
}

/* What there is of a fit that was stopped. */
static void check_stopped(const ctest_problem *t, const lc_solution *out) {
  int finite = out->B != NULL;
  for (lc_index i = 0; finite && i < t->q * t->coding.K; i++) finite = isfinite(out->B[i]);
  CHECK(finite);
  if (finite && !isnan(out->objective)) CHECK_NEAR(out->objective, ctest_value(t, out->B), 1e-9);
}

static void stop_each(ctest_problem *t, const lc_design *x, const lc_solver *solver, int finish) {
  double whole[MOST];
  lc_solution out;
  lc_status usual = fit(t, x, solver, finish, 0, LC_OK, &out);
  if (usual == LC_UNSUPPORTED) return;
  CHECK(usual >= 0);
  long polls = now.polls;
  double objective = out.objective;
  memcpy(whole, out.B, (size_t)(t->q * t->coding.K) * sizeof(double));
  for (long at = 1; at <= polls; at += 1 + at) {
    lc_status status = fit(t, x, solver, finish, at, LC_INTERRUPTED, &out);
    /* Where nothing had a value yet there is no result. */
    CHECK(status == LC_INTERRUPTED || (status == LC_NONFINITE && out.status == LC_INTERRUPTED && isnan(out.objective)));
    CHECK(out.status == LC_INTERRUPTED);
    status = fit(t, x, solver, finish, at, LC_TIME_LIMIT, &out);
    CHECK(status == LC_TIME_LIMIT && out.status == status);
    check_stopped(t, &out);
    CHECK(!out.met || fabs(out.objective - objective) <= 1e-5 * (1 + fabs(objective)));
    CHECK(!isnan(out.objective) && (out.certificate.kind == LC_MISTAKES || out.certificate.kkt >= 0));
    CHECK(!(out.certificate.gap < 0));
  }
  CHECK(fit(t, x, solver, finish, 0, LC_OK, &out) == usual);
  CHECK(memcmp(whole, out.B, (size_t)(t->q * t->coding.K) * sizeof(double)) == 0);
}

void test_stops(void) {
  ctest_seed(101);
  for (int l = 0; l < lc_loss_count; l++)
    for (int k = 2; k <= 3; k++)
      for (int alpha = 0; alpha < 2; alpha++) {
        ctest_problem t;
        if (k > lc_losses[l].most_classes) continue;
        ctest_shape shape = {.n = ROWS, .p = COLUMNS, .k = k, .weighted = 1, .alpha = alpha};
        ctest_problem_make(&t, lc_losses + l, shape);
        t.pen.lambda = strcmp(lc_losses[l].name, "perceptron") == 0 ? 0 : 0.05;
        for (int s = 0; s <= lc_solver_count; s++) {
          const lc_solver *solver = s < lc_solver_count ? lc_solvers[s] : NULL;
          stop_each(&t, (s + l + k) % 2 ? &t.dense : &t.sparse, solver, 0);
        }
        stop_each(&t, &t.dense, lc_solver_find("minibatch"), 1);
        ctest_problem_free(&t);
      }
}
