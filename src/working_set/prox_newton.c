/* working_set/prox_newton.c - the model of a step and its minimum; see working_set/prox_newton.h. */
#include "working_set/prox_newton.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "threads/threads.h"

/* ---- coordinate descent on the model ----------------------------------------------------------------- */

/* Curvature of the model along coefficient s; one without any must not get an infinite step. */
static double curvature(const lc_prox_newton *newton, lc_index s) {
  const lc_objective *obj = newton->obj;
  double rms = newton->set->rms[s], tiny = 1e-14 * lc_coding_bound(obj->loss, &obj->coding) * rms * rms;
  return newton->H[s * (newton->ld + 1)] + lc_set_l2(newton->set, s) + tiny;
}

/* At least the largest eigenvalue of the block of the group that begins at s: its trace and its row sums bound it. */
static double group_curvature(const lc_prox_newton *newton, lc_index s, lc_index width) {
  lc_index ld = newton->ld;
  double trace = 0, most = 0;
  if (width == 1) return curvature(newton, s);
  for (lc_index c = 0; c < width; c++) {
    double row = 0;
    for (lc_index d = 0; d < width; d++) row += fabs(newton->H[s + d + (s + c) * ld]);
    trace += newton->H[(s + c) * (ld + 1)];
    most = fmax(most, row);
  }
  return fmin(trace, most) + (curvature(newton, s) - newton->H[s * (ld + 1)]);
}

/* The group at s goes to `to`, which becomes the move. */
static void move_group(lc_prox_newton *newton, lc_index s, lc_index width, double *to) {
  lc_set_step *step = newton->step;
  lc_index size = newton->set->size;
  int moves = 0;
  for (lc_index c = 0; c < width; c++) {
    double move = to[c] - step->b[s + c];
    step->b[s + c] = to[c];
    to[c] = move;
    moves |= move != 0;
  }
  if (moves) lc_kernels()->scores(size, width, 1, newton->H + s * newton->ld, newton->ld, to, width, step->Hd, size);
}

/* Each group in turn to the minimum of a bound of the model, which for a single coefficient is the model. */
static void sweep(lc_prox_newton *newton) {
  const lc_working_set *set = newton->set;
  double *to = newton->group;
  for (lc_index s = 0, width; s < set->size; s += width) {
    lc_index f = lc_set_feature(set, s);
    width = lc_set_width(set, s);
    double h = group_curvature(newton, s, width);
    for (lc_index c = 0; c < width; c++) to[c] = newton->step->b[s + c] - lc_step_slope(newton->step, s + c) / h;
    if (f >= 0) lc_penalty_group_prox(newton->obj->pen, f, width, to, 1, h);
    move_group(newton, s, width, to);
  }
}

/* ---- the factor of the active coefficients ------------------------------------------------------------ */

/* Lists the coefficients of groups that are free to move all ways where they are, and the directions u of those
 * groups; how many they are. */
static lc_index list_active(lc_prox_newton *newton) {
  const lc_penalty *pen = newton->obj->pen;
  const lc_working_set *set = newton->set;
  const double *b = newton->step->b;
  lc_index count = 0;
  for (lc_index s = 0, width; s < set->size; s += width) {
    lc_index f = lc_set_feature(set, s);
    width = lc_set_width(set, s);
    double norm = lc_penalty_norm(width, b + s, 1);
    int smooth_here = norm != 0 || lc_set_l1(set, s) == 0;
    int held = f >= 0 && pen->lower && (b[s] <= pen->lower[f] || b[s] >= pen->upper[f]);
    for (lc_index c = 0; smooth_here && !held && c < width; c++) {
      newton->u[s + c] = norm != 0 ? b[s + c] / norm : 0;
      newton->active[count++] = s + c;
    }
  }
  return count;
}

/* Gradient of the model with its penalty along an active coefficient. */
static double active_slope(const lc_prox_newton *newton, lc_index s) {
  return lc_step_slope(newton->step, s) + newton->u[s] * lc_set_l1(newton->set, s);
}

/* The second derivatives l1 (I - u u') / ||b|| of the norms join the active H. */
static void add_norm_curvature(lc_prox_newton *newton, lc_index count) {
  const lc_working_set *set = newton->set;
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = newton->active[v];
    width = lc_set_width(set, s);
    if (width == 1) continue;
    double norm = lc_penalty_norm(width, newton->step->b + s, 1), share = norm > 0 ? lc_set_l1(set, s) / norm : 0;
    for (lc_index c = 0; c < width; c++)
      for (lc_index d = 0; d <= c; d++)
        newton->U[v + d + (v + c) * newton->ld] += share * ((c == d) - newton->u[s + c] * newton->u[s + d]);
  }
}

/* How many of the active coefficients, from the first on, the kept factor has as they are now. The curvature of norms
 * depends on b: their factor is kept as a whole or not at all. One that is kept may be wrong for them, but leads to the
 * same point. */
static lc_index already_factored(const lc_prox_newton *newton, lc_index count) {
  const lc_working_set *set = newton->set;
  lc_index most = lc_min(count, newton->nfactored), same = 0;
  int moved = newton->factored_lambda != newton->obj->pen->lambda;
  for (; same < most; same++) {
    lc_index s = newton->active[same];
    if (newton->factored[same] != set->index[s] || (moved && lc_set_l2(set, s) != 0)) break;
  }
  int whole = same == count && same == newton->nfactored && !moved;
  return newton->obj->pen->grouped && !whole ? 0 : same;
}

/* Drops from the kept factor the coefficients that are not active any more, as long as they are few; returns what
 * already_factored() then says. */
static lc_index shrink_factor(lc_prox_newton *newton, lc_index count) {
  const lc_working_set *set = newton->set;
  lc_index same = already_factored(newton, count);
  for (lc_index most = 1 + count / 32; most > 0 && same < newton->nfactored; most--) {
    lc_index position = set->position[newton->factored[same]];
    if (same < count && position >= newton->active[same]) break;
    if (!lc_newton_drop_factored(newton, same)) break;
    same = already_factored(newton, count);
  }
  return same;
}

static int is_factored(const lc_prox_newton *newton, lc_index count) {
  return count == newton->nfactored && already_factored(newton, count) == count;
}

/* Factors H of the active coefficients, from the first on that is not where the kept factor has it: a set changes
 * little from step to step, and new ones are at its end. 0: the kept factor is theirs. */
static int factor(lc_prox_newton *newton, lc_index count) {
  if (is_factored(newton, count)) return 0;
  lc_index from = shrink_factor(newton, count), ld = newton->ld;
  for (lc_index v = from; v < count; v++) {
    lc_index s = newton->active[v];
    for (lc_index u = 0; u < v; u++) newton->U[u + v * ld] = newton->H[newton->active[u] + s * ld];
    newton->U[v * (ld + 1)] = curvature(newton, s);
    newton->factored[v] = newton->set->index[s];
  }
  add_norm_curvature(newton, count);
  newton->nfactored = count;
  newton->factored_lambda = newton->obj->pen->lambda;
  newton->pairs.count = 0;
  lc_cholesky_extend(newton->obj->host, from, count, newton->U, ld, 1e-14, newton->skip, NULL);
  return 1;
}

/* direction <- the Newton step of the active coefficients; slopes, theirs. 1: it took a new factor. */
static int newton_direction(lc_prox_newton *newton, lc_index count) {
  int new_factor = factor(newton, count);
  double *d = newton->direction;
  for (lc_index v = 0; v < count; v++) d[v] = -(newton->slopes[v] = active_slope(newton, newton->active[v]));
  lc_cholesky_solve(count, newton->U, newton->ld, newton->skip, d);
  return new_factor;
}

/* ---- active coefficients to their solution ------------------------------------------------------------- */

/* Where a move of single coefficients along `direction` must end: at share (at most 1) of it, where coefficient `hit`
 * (-1: none) lands on `at`, 0 or a bound. */
typedef struct limit {
  double share, at;
  lc_index hit;
} limit;

static limit longest_share(const lc_prox_newton *newton, lc_index count) {
  const lc_penalty *pen = newton->obj->pen;
  const lc_working_set *set = newton->set;
  limit out = {.share = 1, .hit = -1};
  for (lc_index v = 0; v < count; v++) {
    lc_index s = newton->active[v], f = lc_set_feature(set, s);
    double d = newton->direction[v], b = newton->step->b[s], ends[2] = {NAN, NAN};
    if (f < 0 || d == 0 || lc_set_width(set, s) > 1) continue;
    if (lc_set_l1(set, s) > 0) ends[0] = 0;
    if (pen->lower) ends[1] = d > 0 ? pen->upper[f] : pen->lower[f];
    for (int k = 0; k < 2; k++) {
      double part = (ends[k] - b) / d;
      if (part > 0 && part < out.share) out = (limit){part, ends[k], s};
    }
  }
  return out;
}

/* b -> b + share direction for single coefficients. The direction is then that of the whole set: the moves that were
 * made, 0 for coefficients that are not active. */
static void scatter_move(lc_prox_newton *newton, lc_index count, limit end) {
  double *d = newton->direction, *b = newton->step->b;
  lc_index s = newton->set->size;
  for (lc_index v = count; v-- > 0;) { /* from the end, so that nothing is overwritten too early */
    double move = end.share * d[v];
    while (--s > newton->active[v]) d[s] = 0;
    d[s] = s == end.hit ? end.at - b[s] : move;
  }
  while (s-- > 0) d[s] = 0;
  for (s = 0; s < newton->set->size; s++)
    if (d[s] != 0) b[s] = s == end.hit ? end.at : b[s] + d[s];
}

/* The same with Hd, as one product. */
static void move_by_product(lc_prox_newton *newton, lc_index count) {
  lc_index size = newton->set->size;
  scatter_move(newton, count, (limit){.share = 1, .hit = -1});
  lc_kernels()->scores(size, size, 1, newton->H, newton->ld, newton->direction, size, newton->step->Hd, size);
}

/* The same after newton_direction(), which says what H d is of the active coefficients: H d = -share slope - (l2 + a
 * little) d. The others take a product each. */
static void move_by_slopes(lc_prox_newton *newton, lc_index count, limit end) {
  lc_index size = newton->set->size;
  const double *d = newton->direction;
  double *Hd = newton->step->Hd;
  scatter_move(newton, count, end);
  for (lc_index s = 0, v = 0; s < size; s++) {
    const double *column = newton->H + s * newton->ld;
    int active = v < count && newton->active[v] == s;
    if (active && !newton->skip[v])
      Hd[s] -= end.share * newton->slopes[v] + (curvature(newton, s) - column[s]) * d[s];
    else
      Hd[s] += lc_dot(size, column, d);
    v += active;
  }
}

/* Groups b -> b + share direction. */
static void move_groups(lc_prox_newton *newton, lc_index count, double share) {
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = newton->active[v];
    width = lc_set_width(newton->set, s);
    for (lc_index c = 0; c < width; c++) newton->group[c] = newton->step->b[s + c] + share * newton->direction[v + c];
    move_group(newton, s, width, newton->group);
  }
}

static double active_residual(const lc_prox_newton *newton, lc_index count) {
  double worst = 0;
  for (lc_index v = 0; v < count; v += lc_set_width(newton->set, newton->active[v]))
    worst = fmax(worst, lc_step_residual(newton->step, newton->active[v]));
  return worst;
}

/* The model with its penalty at b less that at the start. */
static double model_change(const lc_prox_newton *newton) {
  const lc_set_step *step = newton->step;
  double square = 0;
  for (lc_index s = 0; s < newton->set->size; s++) square += step->Hd[s] * (step->b[s] - step->start[s]);
  return lc_step_predicted_change(step) + 0.5 * square;
}

/* Norms of several coefficients are curved, so a solution holds near its point only: it is taken by halves until it
 * lessens the residual, and gives back next to nothing of the model's fall. 1: it did, or a new factor may. */
static int settle(lc_prox_newton *newton, lc_index count, double before, double fall, int new_factor) {
  double taken = 1, least = new_factor ? 1.0 / 32 : 1;
  for (;;) {
    double after = active_residual(newton, count);
    if (!(after < 0.25 * before)) newton->nfactored = -1;
    if (after < before && model_change(newton) <= 0.99 * fall) return 1;
    if (taken <= least) break;
    taken /= 2;
    move_groups(newton, count, -taken);
  }
  move_groups(newton, count, -taken);
  return !new_factor;
}

/* Single coefficients to their solution, or as far as their signs hold. 1: all the way. */
static int step_singles(lc_prox_newton *newton, lc_index count) {
  newton_direction(newton, count);
  limit end = longest_share(newton, count);
  move_by_slopes(newton, count, end);
  return end.hit < 0;
}

/* Groups towards theirs. 1: their residual is at most `goal`, or can be no smaller. */
static int step_groups(lc_prox_newton *newton, lc_index count, double goal) {
  double before = active_residual(newton, count), fall = fmin(model_change(newton), 0);
  int new_factor = newton_direction(newton, count);
  move_groups(newton, count, 1);
  return !settle(newton, count, before, fall, new_factor) || active_residual(newton, count) <= goal;
}

/* Solves for the active coefficients with their signs held, on a sign change going as far as it may; norms of several
 * coefficients until the residual of the active ones is at most `goal`. */
static lc_status solve_active(lc_prox_newton *newton, int rounds, double goal) {
  for (int round = 0; round < rounds; round++) {
    lc_index count = list_active(newton);
    if (count == 0) return LC_OK;
    LC_TRY(lc_poll(newton->obj->host));
    if (newton->obj->pen->grouped ? step_groups(newton, count, goal) : step_singles(newton, count)) return LC_OK;
  }
  return LC_OK;
}

/* A factor with curved norms holds near one point only: of many coefficients it costs more than the sweeps that it
 * saves. */
static int only_sweeps(const lc_prox_newton *newton) {
  enum { MOST_FACTORED = 1000 };
  return newton->obj->pen->grouped && newton->set->size > MOST_FACTORED;
}

/* Minimises the model until its worst residual is below `goal`. */
static lc_status minimise(lc_prox_newton *newton, double goal) {
  enum { ROUNDS = 200, SWEEPS = 2, HITS = 8 };
  const lc_set_step *step = newton->step;
  if (only_sweeps(newton)) newton->nfactored = -1;
  for (int round = 0; round < ROUNDS; round++) {
    LC_TRY(lc_poll(newton->obj->host));
    if (round == 0 && newton->nfactored >= 0) { /* the signs of the last solution, most often */
      LC_TRY(solve_active(newton, 1, goal));
      if (lc_step_worst(step) <= goal) return LC_OK;
    }
    for (int k = 0; k < SWEEPS; k++) sweep(newton);
    if (lc_step_worst(step) <= goal) return LC_OK;
    if (only_sweeps(newton)) continue;
    LC_TRY(solve_active(newton, HITS, goal));
    if (lc_step_worst(step) <= goal) return LC_OK;
  }
  return LC_OK;
}

/* ---- the kept factor with corrections ------------------------------------------------------------------ */

/* v <- (factor of the active coefficients)^-1 v. */
static void solve_factor(void *context, double *v) {
  const lc_prox_newton *newton = context;
  lc_cholesky_solve(newton->nfactored, newton->U, newton->ld, newton->skip, v);
}

/* Of the factored coefficients b at the start of a step and the gradient there of what is curved: the smooth part, and
 * norms of several coefficients. */
static void keep_gradient(const lc_prox_newton *newton, double *b, double *g) {
  const lc_working_set *set = newton->set;
  const lc_set_step *step = newton->step;
  for (lc_index v = 0, width; v < newton->nfactored; v += width) {
    lc_index s = set->position[newton->factored[v]];
    width = lc_set_width(set, s);
    double norm = width > 1 ? lc_penalty_norm(width, step->start + s, 1) : 0;
    double pull = norm > 0 ? lc_set_l1(set, s) / norm : 0;
    for (lc_index c = 0; c < width; c++) {
      double start = step->start[s + c];
      b[v + c] = start;
      g[v + c] = step->g[s + c] + lc_set_l2(set, s) * start + pull * start;
    }
  }
}

/* Is the residual of the coefficients that are not active small beside that of the active ones? */
static int inactive_keep_still(const lc_prox_newton *newton, lc_index count) {
  const lc_working_set *set = newton->set;
  double active = 0, inactive = 0;
  for (lc_index s = 0, v = 0, width; s < set->size; s += width) {
    double size = lc_step_residual(newton->step, s);
    width = lc_set_width(set, s);
    if (v < count && newton->active[v] == s) {
      active = fmax(active, size);
      v += width;
    } else {
      inactive = fmax(inactive, size);
    }
  }
  return inactive <= 0.1 * active;
}

/* As long as the same coefficients are active and the others keep still, a step needs no model: the kept factor,
 * corrected by the gradients of the steps before (linalg/lbfgs_pairs.h), gives it. Sets b and returns 1; 0 where a sign
 * would change or an inactive coefficient pulls. */
static int corrected_step(lc_prox_newton *newton) {
  lc_index count = list_active(newton);
  lc_lbfgs_pairs *pairs = &newton->pairs;
  if (pairs->count == 0 || newton->factored_lambda != newton->obj->pen->lambda || !is_factored(newton, count)) return 0;
  if (!inactive_keep_still(newton, count)) return 0;
  for (lc_index v = 0; v < count; v++) newton->slopes[v] = active_slope(newton, newton->active[v]);
  lc_lbfgs_pairs_direction(pairs, newton->slopes, solve_factor, newton, 0, newton->direction);
  if (longest_share(newton, count).hit >= 0) return 0;
  for (lc_index v = 0; v < count; v++) newton->step->b[newton->active[v]] += newton->direction[v];
  return 1;
}

/* What the last step taught about the curvature of the factored coefficients. */
static void keep_pair(lc_prox_newton *newton) {
  keep_gradient(newton, newton->b_to, newton->g_to);
  newton->pairs.P = newton->nfactored;
  lc_lbfgs_pairs_keep(&newton->pairs, newton->b_from, newton->b_to, newton->g_from, newton->g_to);
}

/* ---- steps --------------------------------------------------------------------------------------------- */

lc_status lc_newton_predict(lc_prox_newton *newton, double lambda) {
  const lc_penalty *pen = newton->obj->pen;
  const lc_working_set *set = newton->set;
  lc_set_step *step = newton->step;
  if (newton->built < set->size || set->size == 0 || lambda == pen->lambda || only_sweeps(newton)) return LC_OK;
  LC_TRY(lc_newton_reserve(newton));
  LC_TRY(lc_step_reset(step));
  LC_TRY(lc_newton_rescale(newton));
  lc_index count = list_active(newton);
  double *d = newton->direction;
  factor(newton, count);
  for (lc_index v = 0; v < count; v++) {
    lc_index s = newton->active[v], f = lc_set_feature(set, s);
    d[v] = f < 0 ? 0 : (lambda - pen->lambda) * (pen->l1[f] * newton->u[s] + pen->l2[f] * step->b[s]);
  }
  lc_cholesky_solve(count, newton->U, newton->ld, newton->skip, d);
  for (lc_index v = 0, width; v < count; v += width) {
    lc_index s = newton->active[v];
    double along = 0;
    width = lc_set_width(set, s);
    for (lc_index c = 0; c < width; c++) along += newton->u[s + c] * (step->b[s + c] + d[v + c]);
    for (lc_index c = 0; c < width; c++) {
      double to = lc_set_l1(set, s) > 0 && along < 0 ? 0 : step->b[s + c] + d[v + c];
      step->b[s + c] = lc_set_clip(set, s, to);
    }
  }
  LC_TRY(lc_step_try(step, 1));
  lc_step_take_if_lower(step);
  return LC_OK;
}

typedef struct curvature_job {
  const lc_prox_newton *newton;
  double *R;
} curvature_job;

/* R += S (to - at), row by row: the change of the residuals that the model expects of a move to `to`. */
static void add_curvature_times(void *context, lc_index first, lc_index end) {
  const curvature_job *job = context;
  const lc_objective *obj = job->newton->obj;
  lc_index n = obj->x->n;
  int K = obj->K;
  for (int c = 0; c < K; c++)
    for (int d = 0; d < K; d++) {
      const double *s = job->newton->S + lc_packed_at(c < d ? c : d, c < d ? d : c) * n;
      const double *from = obj->at.Z + d * n, *to = obj->to.Z + d * n;
      for (lc_index i = first; i < end; i++) job->R[i + c * n] += s[i] * (to[i] - from[i]);
    }
}

lc_status lc_newton_dual_point(lc_prox_newton *newton, double *R, int *found) {
  lc_objective *obj = newton->obj;
  lc_set_step *step = newton->step;
  lc_index size = newton->set->size;
  *found = 0;
  LC_TRY(lc_newton_reserve(newton));
  lc_index count = list_active(newton);
  if (count == 0 || newton->built < size || only_sweeps(newton)) return LC_OK;
  newton_direction(newton, count);
  if (longest_share(newton, count).hit >= 0) return LC_OK;
  *found = 1;
  if (obj->pen->grouped)
    move_groups(newton, count, 1);
  else
    move_by_product(newton, count);
  LC_TRY(lc_step_try(step, 1));
  curvature_job job = {newton, R};
  double seconds = 1e-9 * (double)obj->x->n * obj->K * obj->K;
  lc_parallel(lc_threads_for(obj->host, seconds), obj->x->n, 1024, add_curvature_times, &job);
  for (lc_index s = 0; s < size; s++) step->dual[s] = step->g[s] + step->Hd[s];
  if (!(obj->to.value <= obj->at.value + lc_objective_noise(obj))) return lc_step_reset(step);
  lc_step_take(step);
  return lc_step_load(step);
}

/* Residuals fall by a constant share a step while H is old, and soon at once when it is fresh. A new H pays when the
 * old one's remaining steps to the goal cost more flops than making it. */
static int new_hessian_pays(const lc_prox_newton *newton, double last, double goal) {
  if (newton->built == 0) return 1;
  if (lc_newton_is_fresh(newton) || !(last < INFINITY)) return 0;
  double worst = newton->step->worst, rate = worst / last;
  if (rate >= 0.3) return 1;
  double n = (double)newton->obj->x->n, size = (double)newton->set->size, rows = (double)newton->set->nrows;
  double K = newton->obj->K, step = (40 * rows + 100) * n * K + 16 * size * size, hessian = size * size * n + 2 * step;
  return log(goal / worst) / log(rate) * step > hessian;
}

/* b <- where the next step should lead. */
static lc_status propose(lc_prox_newton *newton, double goal, double last) {
  const double fast = 0.2; /* corrections that do better than this a step are good enough */
  double worst = newton->step->worst;
  if (worst <= fast * last && corrected_step(newton)) return LC_OK;
  if (new_hessian_pays(newton, last, goal))
    LC_TRY(lc_newton_rebuild(newton));
  else if (newton->built < newton->set->size)
    LC_TRY(lc_newton_build(newton));
  return minimise(newton, 1e-2 * worst < goal ? fmax(0.3 * goal, 1e-3 * worst) : 1e-2 * worst);
}

lc_status lc_newton_solve(lc_prox_newton *newton, double goal, double max_steps) {
  lc_set_step *step = newton->step;
  double last = INFINITY, t;
  step->stuck = 0;
  LC_TRY(lc_newton_reserve(newton));
  newton->pairs.count = 0;
  LC_TRY(lc_step_load(step));
  for (double count = 0; step->worst > goal && newton->set->size > 0; count++) {
    LC_TRY(lc_poll(newton->obj->host));
    if (count >= max_steps) return LC_MAX_ITER;
    LC_TRY(propose(newton, goal, last));
    last = step->worst;
    LC_TRY(lc_step_search(step, &t));
    if (t == 0) { /* an old model sees nothing to gain: look with a new one */
      if (lc_newton_is_fresh(newton) && newton->pairs.count == 0) {
        step->stuck = 1;
        return LC_OK;
      }
      newton->pairs.count = 0;
      if (!lc_newton_is_fresh(newton)) newton->built = 0;
      LC_TRY(lc_step_reset(step));
      continue;
    }
    int corrects = newton->nfactored > 0;
    if (corrects) keep_gradient(newton, newton->b_from, newton->g_from);
    lc_step_take(step);
    LC_TRY(lc_step_load(step));
    if (corrects) keep_pair(newton);
  }
  return LC_OK;
}
