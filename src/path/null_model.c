/* path/null_model.c - the model without penalised slopes: its loss, and the least lambda at which it is optimal. */
#include <math.h>
#include <string.h>

#include "path/folds.h"

static int has_kink(const lc_path_state *path) { return (path->problem->loss->flags & LC_SMOOTHABLE) != 0; }

static int is_elsewhere(const lc_path_state *path) { return (path->problem->x->ops->caps & LC_ELSEWHERE) != 0; }

static int is_penalised(const lc_penalty *given, lc_index j) { return given->l1[j] + given->l2[j] > 0; }

/* A fit of fold 0's rows with this penalty (of the user's columns), from `start` (NULL: 0). */
static lc_status fit_with(lc_path_state *path, const lc_penalty *pen, const lc_solver *solver, const double *start,
                          lc_solution *out) {
  lc_problem problem = *path->problem;
  lc_settings settings = *path->settings;
  lc_host host = *path->host;
  problem.x = &path->plain;
  problem.pen = *pen;
  problem.solver = solver;
  problem.start = start;
  problem.wants_covariance = 0;
  settings.max_iter = NAN;
  host.record = NULL;
  lc_status status = lc_solve(&problem, &settings, &host, path->arena, out);
  return status == LC_INTERRUPTED || status == LC_TIME_LIMIT || status < 0 ? status : LC_OK;
}

/* ---- the null loss ------------------------------------------------------------------------------------- */

/* Penalised slopes are held as near to 0 as their bounds allow. */
static lc_status fit_held(lc_path_state *path, double *loss) {
  const lc_penalty *given = &path->problem->pen;
  lc_penalty pen = *given;
  lc_index p = pen.p;
  double *lower = lc_arena_doubles(path->arena, p), *upper = lc_arena_doubles(path->arena, p);
  if (!lower || !upper) return LC_OUT_OF_MEMORY;
  for (lc_index j = 0; j < p; j++) {
    lower[j] = given->lower ? given->lower[j] : -INFINITY;
    upper[j] = given->lower ? given->upper[j] : INFINITY;
    if (is_penalised(given, j)) lower[j] = upper[j] = lc_penalty_clip_slope(given, j, 0);
  }
  pen.lambda = pen.grouped = 0;
  pen.lower = lower;
  pen.upper = upper;
  lc_solution solution;
  LC_TRY(fit_with(path, &pen, NULL, NULL, &solution));
  *loss = solution.loss;
  return LC_OK;
}

/* Are the intercepts all that is left? */
static int is_bare(const lc_penalty *given) {
  for (lc_index j = 0; j < given->p; j++)
    if (!is_penalised(given, j) || lc_penalty_clip_slope(given, j, 0) != 0) return 0;
  return 1;
}

/* The start of a path has smoothed a kink: that of the kink itself is a fit. */
static lc_status null_loss(lc_path_state *path, double *out) {
  *out = path->fold->obj.at.loss;
  if (!has_kink(path)) return LC_OK;
  double bare = NAN;
  if (is_bare(&path->problem->pen) && !is_elsewhere(path))
    LC_TRY(lc_solve_null(path->problem, path->host, path->arena, &bare));
  if (isnan(bare)) return fit_held(path, out);
  *out = bare;
  return LC_OK;
}

/* ---- the least lambda ---------------------------------------------------------------------------------- */

static const double least_alpha = 1e-3;

/* The pull of a group that may leave 0 in its direction. */
static double free_pull(const lc_penalty *pen, lc_index j, lc_index width, const double *g) {
  int held = pen->lower && ((*g > 0 && pen->lower[j] >= 0) || (*g < 0 && pen->upper[j] <= 0));
  return held ? 0 : lc_penalty_norm(width, g, 1);
}

/* The least lambda for which the gradient of fold 0 where it stands holds all penalised slopes at 0. Where alpha is
 * (nearly) 0 there is none; then that of alpha = 0.001 is taken, as glmnet does. One read of X. */
static lc_status holding_lambda(lc_path_state *path, int sets, double *lambda_max) {
  const double rounding = 1e-14;
  lc_fold *fold = path->fold;
  lc_objective *obj = &fold->obj;
  const lc_penalty *pen = &fold->pen, *given = &fold->given;
  *lambda_max = 0;
  LC_TRY(sets ? lc_folds_look(path) : lc_objective_gradient(obj));
  lc_index width = lc_penalty_width(pen, obj->K);
  for (lc_index j = 0; j < pen->p; j++) {
    double factor = given->l1[j] + given->l2[j], *g = fold->gradient;
    if (factor == 0) continue;
    if (sets)
      lc_fold_seen_gradient(fold, j, g);
    else
      for (int c = 0; c < obj->K; c++) g[c] = obj->G[lc_fold_index(fold, j, c)];
    for (lc_index c = 0; c < obj->K; c += width) {
      double unit = given->l1[j] > 0 ? pen->l1[j] / given->l1[j] : sqrt(pen->l2[j] / given->l2[j]);
      double l1 = fmax(given->l1[j], least_alpha * factor) * unit;
      double pull = free_pull(pen, j, width, g + c);
      if (l1 > 0 && pull > rounding * path->rms[j]) *lambda_max = fmax(*lambda_max, pull / l1);
    }
  }
  return LC_OK;
}

/* Is the derivative of the kink where fold 0 stands one of the null model, and the only one? So it is where ramps are
 * off their kinks and the intercepts' gradients vanish: two classes of equal weight without offsets, say. */
static lc_status is_settled(lc_path_state *path, int *settled) {
  const double rounding = 1e-12;
  lc_objective *obj = &path->fold->obj;
  double *s = lc_arena_doubles(path->arena, obj->coding.k);
  if (!s) return LC_OUT_OF_MEMORY;
  *settled = 0;
  for (lc_index j = 0; j < obj->pen->p; j++)
    if (!is_penalised(obj->pen, j)) return LC_OK;
  LC_TRY(lc_objective_balance(obj, NULL, s, settled));
  for (int c = 0; c < obj->coding.k; c++) *settled &= s[c] > 1 - rounding;
  return LC_OK;
}

/* The sum of the norms of the slopes, each with its l1 in the user's columns as `spread` counts them. */
static double size_of(const lc_solution *solution) {
  lc_penalty pen = solution->pen;
  pen.lambda = 1;
  return lc_penalty_value(&pen, solution->K, solution->fitted->at.B);
}

/* One point of Newton's method below. */
typedef struct newton_point {
  double *B;
  double fall, size; /* of the loss below the null model's; of the slopes */
} newton_point;

static lc_status fit_at(lc_path_state *path, lc_penalty *pen, double lambda, double null, newton_point *point) {
  lc_solution solution;
  lc_mark mark = lc_arena_mark(path->arena);
  pen->lambda = lambda;
  LC_TRY(fit_with(path, pen, path->problem->solver, point->B, &solution));
  memcpy(point->B, solution.B, (size_t)(lc_design_q(&path->plain) * solution.K) * sizeof(double));
  point->fall = null - solution.loss;
  point->size = size_of(&solution);
  lc_arena_reset(path->arena, mark);
  return LC_OK;
}

/* The derivative of a kink is a set, and the least of its largest elements is a linear programme over the rows. Here
 * it is found from fits: with the L1 part alone, h(lambda) = min of the objective - null loss is concave, negative
 * below lambda_max and 0 from there on. Newton's method on h goes from any slopes B to (null loss - loss(B)) / size(B),
 * which is a lower bound of lambda_max since the loss is convex. With many rows h is nearly a square, so that steps are
 * doubled; where slopes stay at 0, that was too long, and is an upper bound. */
static lc_status least_lambda(lc_path_state *path, double null, double *lambda_max) {
  enum { MOST_FITS = 40 };
  const double close = 1e-4, nothing = 1e-7;
  const lc_penalty *given = &path->problem->pen;
  lc_penalty pen = *given;
  lc_index P = lc_design_q(path->problem->x) * path->coding.K;
  newton_point point = {lc_arena_zeros(path->arena, P), 0, 0};
  double *l2 = lc_arena_zeros(path->arena, pen.p);
  double scale = *lambda_max, low = 0, high = INFINITY, lambda = 0.5 * scale;
  const double noise = fmax(path->settings->tolerance, 1e-9) * null;
  if (!point.B || !l2) return LC_OUT_OF_MEMORY;
  pen.l2 = l2;
  for (int fit = 0; fit < MOST_FITS && high - low > close * low; fit++) {
    LC_TRY(fit_at(path, &pen, lambda, null, &point));
    double before = low;
    if (point.fall <= noise || !(point.size > 0)) {
      high = lambda;
      if (low == lambda) break;
      if (low == 0 && lambda < nothing * scale) { /* the null model is optimal whatever lambda is */
        *lambda_max = 0;
        return LC_OK;
      }
      memset(point.B, 0, (size_t)P * sizeof(double));
      lambda = low > 0 ? low : 0.1 * lambda;
      continue;
    }
    low = fmax(low, point.fall / point.size);
    if (low <= before * (1 + 0.1 * close)) break;
    double next = isinf(high) && before > 0 ? low + (low - lambda) : low;
    lambda = next < high ? next : low;
  }
  *lambda_max = low > 0 ? fmin(high, low * (1 + close)) : 0;
  return LC_OK;
}

lc_status lc_folds_null_model(lc_path_state *path, int sets, double *loss, double *lambda_max) {
  const lc_penalty *given = &path->problem->pen;
  if (has_kink(path)) LC_TRY(lc_folds_show_plain(path)); /* for fit_with(); what it makes outlives the mark */
  lc_mark mark = lc_arena_mark(path->arena);
  /* The value of a ridge is but a place to begin. Losses that are no sums of ramps, and groups, are dear to fit. */
  int settled = 0, exact = 0,
      ramps = (path->problem->loss->flags & LC_RAMPS) && !path->problem->ovr && !given->grouped && !is_elsewhere(path);
  LC_TRY(null_loss(path, loss));
  lc_arena_reset(path->arena, mark);
  for (lc_index j = 0; ramps && j < given->p; j++) exact |= given->l1[j] > least_alpha * (given->l1[j] + given->l2[j]);
  lc_coding *coding = &path->fold->obj.coding;
  double mu = coding->mu;
  if (exact) {
    coding->mu = 0;
    LC_TRY(is_settled(path, &settled));
    if (!settled) coding->mu = mu;
  }
  LC_TRY(holding_lambda(path, sets, lambda_max));
  coding->mu = mu;
  if (exact && !settled && *lambda_max > 0) LC_TRY(least_lambda(path, *loss, lambda_max));
  lc_arena_reset(path->arena, mark);
  return LC_OK;
}
