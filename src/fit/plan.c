/* fit/plan.c - which solver, on which rows, in which coordinates. */
#include "fit/plan.h"

#include <math.h>
#include <string.h>

#include "hessian/dense.h"

enum { MOST_COUPLED = 100, MOST_PAIR_BYTES = 1 << 30, MOST_READS = 40 };
static const double MOST_PROJECTED = 1e10; /* numbers that columns beyond the rank are multiplied with: seconds */

/* Slopes that the penalty leaves alone. */
static lc_index count_unpenalised(const lc_penalty *pen) {
  lc_index unpenalised = 0;
  for (lc_index j = 0; j < pen->p; j++) unpenalised += !(lc_penalty_l2(pen, j) > 0);
  return unpenalised;
}

/* Ridge with more penalised columns than rows and few enough rows for Newton's method on them (fit/wide.h). */
static int is_wide(const lc_problem *problem, const lc_coding *coding) {
  const lc_design *x = problem->x;
  int curved = (problem->loss->flags & (LC_CURVATURE | LC_SMOOTHABLE)) != 0;
  lc_index unpenalised = count_unpenalised(&problem->pen);
  return curved && x->p - unpenalised > x->n &&
         (x->intercept + x->n + unpenalised) * coding->K <= LC_NEWTON_COEFFICIENTS && (x->ops->caps & LC_COLUMNS) &&
         !(x->ops->caps & LC_STREAMED) && !lc_penalty_has_l1(&problem->pen) && !lc_penalty_has_bounds(&problem->pen);
}

/* Is the loss a sum of ramps? Of two classes the largest is all there are. */
static int sums_ramps(const lc_problem *problem) {
  unsigned flags = problem->loss->flags;
  return (flags & LC_RAMPS) || ((flags & LC_LARGEST_RAMP) && problem->k == 2);
}

/* An interior point keeps some 14 numbers for each ramp, and with more than two classes copies the rows, class by
 * class: a stream is there because memory is short. (Measured on 1e5 rows of 50 columns, two classes: 0.55 s instead of
 * 0.9 to 1.4 by smooth versions; 3e4 of 50 in five classes 0.9 instead of 3 to 13; 2e4 of 16 in 26 classes 2.2 instead
 * of 9.) */
static int is_long_stream(const lc_problem *problem, const lc_coding *coding) {
  const double many = 5e4;
  const lc_design *x = problem->x;
  return (x->ops->caps & LC_STREAMED) && (double)x->n * (double)lc_max(coding->K, lc_design_q(x)) > many;
}

/* Does a solver of ramps suit? Of their sums, with few coefficients an interior point, which needs their Hessian; of
 * both kinds, with many and a ridge dual coordinates, on sparse rows: dense ones of many columns take them thousands of
 * sweeps. NULL: neither. */
static const lc_solver *choose_for_ramps(const lc_problem *problem, const lc_coding *coding, int few,
                                         const char **reason) {
  const lc_design *x = problem->x;
  const lc_penalty *pen = &problem->pen;
  int sums = sums_ramps(problem), elsewhere = (x->ops->caps & LC_ELSEWHERE) != 0;
  if (!(problem->loss->flags & (LC_RAMPS | LC_LARGEST_RAMP)) || pen->grouped || elsewhere) return NULL;
  if (few && !sums) return NULL;
  if (sums && is_wide(problem, coding)) {
    *reason = "more columns than rows: as many coordinates as rows";
    return lc_solver_find("interior_point");
  }
  int plain = lc_penalty_all_l2(pen) && pen->lambda > 0 && !lc_penalty_has_l1(pen) && !lc_penalty_has_bounds(pen);
  if (few && plain && !problem->start && is_long_stream(problem, coding)) return NULL;
  if (few) {
    *reason = "few coefficients";
    return lc_solver_find("interior_point");
  }
  if (plain && x->ops->row_columns && !coding->base) {
    *reason = "a ridge and sparse rows: as many dual variables as rows";
    return lc_solver_find("dual");
  }
  return NULL;
}

/* Whether a user asked for it or not, the plan depends on sizes, loss and penalty alone. */
static const lc_solver *choose_solver(const lc_problem *problem, const lc_coding *coding, const char **reason) {
  const lc_design *x = problem->x;
  lc_index most = lc_most_independent(x, &problem->pen);
  int few = most * coding->K <= LC_NEWTON_COEFFICIENTS &&
            (double)x->n * (double)most * (double)(lc_design_q(x) - most) <= MOST_PROJECTED;
  const lc_loss *loss = problem->loss;
  if (problem->jeffreys || problem->held) {
    *reason = problem->jeffreys ? "Jeffreys' penalty" : "coefficients that are held";
    return &lc_solver_scoring;
  }
  if (!(loss->flags & (LC_SMOOTH | LC_SMOOTHABLE))) {
    *reason = "the loss has no smooth version";
    return lc_solver_find("minibatch");
  }
  const lc_solver *for_ramps = choose_for_ramps(problem, coding, few, reason);
  if (for_ramps) return for_ramps;
  int pairs_fit = (double)lc_coding_pairs(coding) * (double)problem->x->n * sizeof(double) < MOST_PAIR_BYTES;
  int elsewhere = (x->ops->caps & LC_ELSEWHERE) != 0; /* second derivatives of pairs of classes are sums there */
  int many = !(loss->flags & LC_SMOOTHABLE) && !((pairs_fit || elsewhere) && coding->K <= MOST_COUPLED);
  if (lc_penalty_has_l1(&problem->pen) || lc_penalty_has_bounds(&problem->pen)) {
    if (elsewhere) { /* the others move columns */
      *reason = "rows that are elsewhere";
      return lc_solver_find("gradient_descent");
    }
    if (many) { /* the coupling of all pairs of classes would not fit in memory */
      *reason = "very many classes";
      return lc_solver_find("gradient_descent");
    }
    *reason = lc_penalty_has_l1(&problem->pen) ? "an L1 penalty" : "bounds on the coefficients";
    return lc_solver_find("coordinate");
  }
  if (is_wide(problem, coding) && !many) {
    *reason = "more columns than rows: as many coordinates as rows";
    return lc_solver_find("newton");
  }
  lc_index unpenalised = count_unpenalised(&problem->pen);
  if (x->p > x->n && (unpenalised == 0 || unpenalised > x->n) && !lc_penalty_is_none(&problem->pen)) {
    *reason = "more columns than rows"; /* no matrix of p x p numbers for a solution in n dimensions */
    return lc_solver_find("lbfgs");
  }
  /* With a ridge L-BFGS ends after some 20 to 80 reads, and no standard errors want a Hessian (bench/planner.R). */
  int ridge = (loss->flags & LC_SMOOTH) && lc_penalty_all_l2(&problem->pen) && problem->pen.lambda > 0;
  double hessian = lc_curvature_cost(lc_design_q(x), coding->K, (int)lc_packed_size(coding->K));
  if (ridge && !problem->wants_covariance && hessian > MOST_READS) {
    *reason = "second derivatives of many pairs of columns";
    return lc_solver_find("lbfgs");
  }
  if (few && !many) {
    *reason = "few coefficients";
    return lc_solver_find("newton");
  }
  *reason = "many coefficients";
  return lc_solver_find("lbfgs");
}

/* Which solver goes on where `first` ended short of its goal: smooth versions and an interior point help each other. */
static const lc_solver *choose_next(const lc_problem *problem, const lc_solver *first) {
  int elsewhere = (problem->x->ops->caps & LC_ELSEWHERE) != 0;
  if (problem->solver || problem->pen.grouped || elsewhere) return NULL;
  if (first == lc_solver_find("dual")) return lc_solver_find("lbfgs");
  if (!sums_ramps(problem)) return NULL;
  if (first == lc_solver_find("newton")) return lc_solver_find("interior_point");
  int plain = !lc_penalty_has_l1(&problem->pen) && !lc_penalty_has_bounds(&problem->pen);
  return first == lc_solver_find("interior_point") ? lc_solver_find(plain ? "newton" : "coordinate") : NULL;
}

/* Can this solver do it? */
static lc_status check_solver(const lc_problem *problem, const lc_solver *solver) {
  unsigned loss = problem->loss->flags, caps = problem->x->ops->caps, needs = solver->flags;
  if ((needs & LC_NEEDS_SMOOTH) && !(loss & (LC_SMOOTH | LC_SMOOTHABLE))) return LC_UNSUPPORTED;
  unsigned ramps = LC_RAMPS | (needs & LC_TAKES_LARGEST ? LC_LARGEST_RAMP : 0);
  if ((needs & LC_NEEDS_RAMPS) && !(loss & ramps) && !sums_ramps(problem)) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_SPARSE) && !problem->x->ops->row_columns) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_RIDGE) && !(lc_penalty_all_l2(&problem->pen) && problem->pen.lambda > 0)) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_COLUMNS) && !(caps & LC_COLUMNS)) return LC_UNSUPPORTED;
  if ((needs & LC_NEEDS_ROWS) && !(caps & LC_ROWS)) return LC_UNSUPPORTED;
  if (!(needs & LC_TAKES_L1) && lc_penalty_has_l1(&problem->pen)) return LC_UNSUPPORTED;
  if (problem->pen.grouped && (!(needs & LC_TAKES_GROUPS) || lc_penalty_has_bounds(&problem->pen)))
    return LC_UNSUPPORTED;
  if (!(needs & LC_TAKES_BOUNDS) && lc_penalty_has_bounds(&problem->pen)) return LC_UNSUPPORTED;
  return LC_OK;
}

/* Reads of X that a fit of this kind may take, about. Solvers by columns read it through col_dot and the like. */
static double expected_passes(const lc_solver *solver, const lc_settings *settings) {
  const double few = 5, many = 50;
  double most = isnan(settings->max_iter) ? many : fmin(many, settings->max_iter);
  return solver->flags & LC_NEEDS_COLUMNS ? fmin(few, most) : most;
}

int lc_is_second_order(const lc_solver *solver) {
  return (solver->flags & LC_NEEDS_CURVATURE) && (!(solver->flags & LC_TAKES_L1) || (solver->flags & LC_NEEDS_RAMPS));
}

/* Under shifts an intercept moves with the slopes: one that is held needs columns as they are. */
static int holds_intercept(const lc_problem *problem, const lc_coding *coding) {
  for (int c = 0; problem->held && problem->x->intercept && c < coding->K; c++)
    if (problem->held[c * lc_design_q(problem->x)]) return 1;
  return 0;
}

lc_status lc_plan_make(const lc_problem *problem, const lc_coding *coding, const lc_settings *settings, lc_plan *out) {
  out->solver = problem->solver ? problem->solver : choose_solver(problem, coding, &out->reason);
  if (problem->solver) out->reason = "as asked";
  out->joined = problem->unique && !(out->solver->flags & LC_NEEDS_ROWS);
  int dense = out->solver == lc_solver_find("newton") || out->solver == lc_solver_find("interior_point");
  out->wide = !problem->solver && is_wide(problem, coding) && dense;
  out->as_given =
      ((out->solver->flags & LC_STEPS_AS_GIVEN) && problem->solver_rate_given) || holds_intercept(problem, coding);
  out->passes = expected_passes(out->solver, settings);
  out->next = out->wide ? NULL : choose_next(problem, out->solver);
  return check_solver(problem, out->solver);
}
