/* Memory that runs out: every request of a whole fit and of a path is refused once, alone or with all that follow.
 * What comes back says so, or is as good as its certificate says; and the next fit has the bits of the first. The
 * sanitizers see what is read astray on the way out. LC_MEMORY_EVERY=1 refuses each request, else one in some. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "problem.h"

enum { ROWS = 24, COLUMNS = 3, MOST = COLUMNS + 1, CLASSES = 3, LAMBDAS = 7 };

/* What came of a run: coefficients are those of the fit, or of the last lambda. */
typedef struct answer {
  lc_status status;
  int met;
  double objective, B[MOST * CLASSES];
} answer;

static answer solve(ctest_problem *t, const lc_design *x, const lc_solver *solver) {
  lc_settings settings;
  ctest_presets(&settings);
  settings.epochs = 2;
  lc_problem problem = ctest_lc_problem(t, x);
  problem.solver = solver;
  lc_solution out;
  memset(&out, 0, sizeof out);
  answer a = {.status = lc_solve(&problem, &settings, &t->host.host, &t->arena, &out)};
  if (a.status < 0) return a;
  a.met = out.met;
  a.objective = out.objective;
  memcpy(a.B, out.B, (size_t)(t->q * t->coding.K) * sizeof(double));
  return a;
}

static answer go_down(ctest_problem *t, const lc_design *x) {
  lc_settings settings;
  ctest_presets(&settings);
  lc_path_spec spec = {.nlambdas = LAMBDAS, .min_ratio = 1e-2};
  lc_problem problem = ctest_lc_problem(t, x);
  lc_path out;
  memset(&out, 0, sizeof out);
  answer a = {.status = lc_path_run(&problem, &spec, &settings, &t->host.host, &t->arena, &out)};
  if (a.status < 0 || out.length == 0) return a;
  const lc_path_point *last = out.point + out.length - 1;
  a.met = last->outcome.met && out.length == LAMBDAS;
  a.objective = last->outcome.objective;
  ctest_path_coefficients(t, last, a.B);
  return a;
}

static answer run(ctest_problem *t, const lc_design *x, int choice, long refuse, int stays) {
  ctest_problem_forget(t);
  t->host.host.exact = 1;
  t->host.refuse_at = refuse;
  t->host.refuse_on = stays;
  if (choice > lc_solver_count) return go_down(t, x);
  return solve(t, x, choice < lc_solver_count ? lc_solvers[choice] : NULL);
}

static int same_bits(const ctest_problem *t, const answer *a, const answer *b) {
  return a->status == b->status && memcmp(a->B, b->B, (size_t)(t->q * t->coding.K) * sizeof(double)) == 0;
}

static void refuse_each(ctest_problem *t, const lc_design *x, int choice, long every) {
  answer whole = run(t, x, choice, 0, 0);
  if (whole.status == LC_UNSUPPORTED) return;
  CHECK(whole.status >= 0);
  long requests = t->host.requests, starved = 0;
  CHECK(requests > 5);
  for (long r = 1 + (long)(ctest_uniform() * (double)every); r <= requests; r += every)
    for (int stays = 0; stays < 2; stays++) {
      answer a = run(t, x, choice, r, stays);
      starved += a.status == LC_OUT_OF_MEMORY;
      CHECK(a.status == LC_OUT_OF_MEMORY || a.status >= 0);
      if (a.status >= 0 && a.met && whole.met)
        CHECK_NEAR(a.objective, whole.objective, 1e-5); /* it did without */
    }
  CHECK(starved > 0 || every > 1);
  answer again = run(t, x, choice, 0, 0);
  CHECK(same_bits(t, &again, &whole));
}

void test_memory(void) {
  const char *text = getenv("LC_MEMORY_EVERY");
  long every = text ? atol(text) : 97;
  for (int l = 0; l < lc_loss_count; l++)
    for (int k = 2; k <= CLASSES; k++)
      for (int alpha = 0; alpha < 2; alpha++) {
        ctest_problem t;
        if (k > lc_losses[l].most_classes) continue;
        ctest_seed(3);
        ctest_shape shape = {.n = ROWS, .p = COLUMNS, .k = k, .weighted = 1, .alpha = alpha};
        ctest_problem_make(&t, lc_losses + l, shape);
        t.pen.lambda = strcmp(lc_losses[l].name, "perceptron") == 0 ? 0 : 0.05;
        for (int choice = 0; choice <= lc_solver_count + (t.pen.lambda > 0); choice++) {
          refuse_each(&t, &t.dense, choice, every);
          refuse_each(&t, &t.sparse, choice, every);
        }
        ctest_problem_free(&t);
      }
}
