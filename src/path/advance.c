/* path/advance.c - one lambda for all members by working sets, screening and a gap. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "path/folds.h"

enum { MOST_ROUNDS = 100, MOST_STEPS = 2000 }; /* for each lambda */

/* A set is solved to at most 100 times what a point may be left with; the last step by its Hessian must do the rest. */
static const double MOST_EASE = 1e4;

/* Proofs keep this relative distance from the threshold, so that rounding cannot turn one. */
static const double margin = 1e-6;

/* The share of its bound that a feature's distance from its last residual is taken for, where only a guess is wanted.
 */
static const double guess = 0.3;

/* ---- members side by side -----------------------------------------------------------------------------------------
 */

static void run_task(lc_run *run, lc_member *member, lc_status (*task)(lc_run *, lc_member *)) {
  member->status = member->pending ? task(run, member) : LC_OK;
}

/* One task for each member that is pending, on as many threads as there are. */
static lc_status for_members(lc_run *run, lc_status (*task)(lc_run *, lc_member *)) {
  /* Ten looks at the scores of each member, and more where sets are large. */
  double work = 1e-7 * (double)run->problem->x->n * run->link.K * (double)run->nmembers;
  int threads = run->nmembers > 1 ? lc_threads_for(run->host, work) : 1;
  LC_TRY(lc_poll(run->host));
  if (threads == 1) { /* not even a team of one: regions within it would start threads of their own each time */
    for (lc_index m = 0; m < run->nmembers; m++) run_task(run, run->member + m, task);
  } else {
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
#endif
    for (lc_index m = 0; m < run->nmembers; m++) run_task(run, run->member + m, task);
  }
  for (lc_index m = 0; m < run->nmembers; m++) LC_TRY(run->member[m].status);
  return LC_OK;
}

/* ---- residuals ----------------------------------------------------------------------------------------------------
 */

/* Rows of class y times s[y]. Where no factors make the sum zero, which proofs want, what is left of it goes evenly. */
static void balance(lc_member *member) {
  const lc_objective *obj = &member->obj;
  const lc_design *x = obj->x;
  lc_index n = x->n;
  for (int c = 0; c < obj->K; c++) {
    double *R = member->balanced + c * n, sum = 0;
    for (lc_index i = 0; i < n; i++) R[i] *= member->s[(int)x->y[i]];
    if (!x->one || member->possible) continue;
    for (lc_index i = 0; i < n; i++) sum += R[i];
    for (lc_index i = 0; i < n; i++) R[i] -= (x->w ? x->w[i] : 1) * sum / obj->weight_sum;
  }
}

/* Steps that a member may still make for this lambda. */
static double steps_left(const lc_run *run, const lc_member *member) {
  double most = run->settings->max_iter;
  return fmax(0, (isnan(most) ? MOST_STEPS : most) - member->steps);
}

/* Balanced residuals of the member's point, or of the point that its set leads to where they are in the domain of the
 * conjugate, and what they say of features that were seen before. A last step of the set may be part of it. */
static lc_status look(lc_run *run, lc_member *member, int solved) {
  lc_objective *obj = &member->obj;
  lc_set_step *m = &member->set.step;
  lc_index n = obj->x->n;
  const double *w = obj->x->w;
  double primal, dual = -INFINITY, before = m->steps;
  size_t bytes = (size_t)(n * obj->K) * sizeof(double);
  member->known = 0;
  memcpy(member->balanced, m->R, bytes);
  if (solved && obj->loss->dual && steps_left(run, member) >= 1)
    LC_TRY(lc_set_dual_point(&member->set, member->balanced, &member->known));
  member->steps += m->steps - before;
  if (member->known) LC_TRY(lc_objective_dual(obj, member->balanced, 1, &primal, &dual));
  if (member->known && !isfinite(dual)) {
    member->known = 0;
    memcpy(member->balanced, m->R, bytes);
  }
  LC_TRY(lc_objective_balance(obj, member->balanced, member->s, &member->possible));
  balance(member);
  if (!member->known && lc_penalty_has_free(&member->pen)) member->possible = 0;
  if (!w) {
    lc_screen_look(&member->screen, member->balanced);
    return LC_OK;
  }
  /* Norms of columns are weighted, so residuals are divided by the roots of the weights. */
  for (int c = 0; c < obj->K; c++)
    for (lc_index i = 0; i < n; i++)
      member->relative_weight[i + c * n] = w[i] > 0 ? member->balanced[i + c * n] / sqrt(w[i]) : 0;
  lc_screen_look(&member->screen, member->relative_weight);
  return LC_OK;
}

/* ---- which features must be read
 * -------------------------------------------------------------------------------------- */

static lc_index place_of(const lc_objective *obj, lc_index f, lc_index c) { return c * obj->q + obj->pen->one + f; }

static int whole_row_in_set(const lc_member *member, lc_index f) {
  const lc_objective *obj = &member->obj;
  for (lc_index c = 0; c < obj->K; c += lc_penalty_width(obj->pen, obj->K))
    if (member->set.set.position[place_of(obj, f, c)] < 0) return 0;
  return 1;
}

/* Marks features from .. to - 1 that some pending member must look at: one member after the other, few streams. A mark
 * is 1 until its member has seen that the feature is not in its set anyway, then 2. */
static void mark_features(lc_run *run, lc_index from, lc_index to, double doubt) {
  for (lc_index f = from; f < to; f++) run->list[f] = 0;
  for (lc_index m = 0; m < run->nmembers; m++) {
    const lc_member *member = run->member + m;
    const lc_penalty *pen = member->obj.pen;
    if (!member->pending) continue;
    lc_screen_doubt(&member->screen, from, to, lc_penalty_width(pen, run->link.K), pen->l1,
                    member->obj.weight_sum * pen->lambda * (1 - margin), doubt, run->list);
    for (lc_index f = from; f < to; f++)
      if (run->list[f] == 1) run->list[f] = whole_row_in_set(member, f) ? 0 : 2;
  }
}

/* Features that some pending member must look at; their number. */
static lc_index list_features(lc_run *run, double doubt) {
  const lc_index block = 1024;
  lc_index count = 0, p = run->problem->x->p;
  int threads = lc_threads_for(run->host, 1e-8 * (double)p * run->link.K * (double)run->nmembers);
  (void)threads; /* without OpenMP */
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
#endif
  for (lc_index from = 0; from < p; from += block) mark_features(run, from, lc_min(from + block, p), doubt);
  for (lc_index f = 0; f < p; f++)
    if (run->list[f]) run->list[count++] = f;
  return count;
}

static lc_status task_learn(lc_run *run, lc_member *member) {
  const double *dots = run->dots + member->beside * run->link.K * run->batch;
  for (lc_index v = 0; v < run->batch; v++)
    lc_screen_learn(&member->screen, run->list[run->from + v], dots + v, run->batch);
  return LC_OK;
}

/* Residuals of the pending members, side by side; their number. NULL: no memory. */
static const double *pending_residuals(lc_run *run, lc_index *members) {
  lc_index size = run->problem->x->n * run->link.K;
  *members = 0;
  for (lc_index m = 0; m < run->nmembers; m++)
    if (run->member[m].pending) run->member[m].beside = (*members)++;
  if (*members == run->nmembers) return run->residuals;
  double *R = lc_arena_doubles(run->arena, size * *members);
  for (lc_index m = 0; R && m < run->nmembers; m++)
    if (run->member[m].pending)
      memcpy(R + run->member[m].beside * size, run->member[m].balanced, (size_t)size * sizeof *R);
  return R;
}

/* Reads the listed columns once for all pending members, in batches that let the host stop between them. */
static lc_status read_features(lc_run *run) {
  const lc_design *x = run->problem->x;
  lc_index batch = lc_min(run->nlist, lc_max(64, 20000000 / lc_max(1, x->n * run->link.K))), members;
  lc_mark mark = lc_arena_mark(run->arena);
  const double *R = pending_residuals(run, &members);
  int wide = run->link.K * (int)members;
  double *dots = lc_arena_doubles(run->arena, batch * wide);
  lc_index *rows = lc_arena_alloc(run->arena, batch, sizeof *rows);
  lc_status status = R && dots && rows ? LC_OK : LC_OUT_OF_MEMORY;
  run->dots = dots;
  for (run->from = 0; status == LC_OK && run->from < run->nlist; run->from += batch) {
    run->batch = lc_min(batch, run->nlist - run->from);
    for (lc_index v = 0; v < run->batch; v++) rows[v] = run->list[run->from + v] + x->one;
    x->ops->col_dot(x, run->batch, rows, wide, R, dots, run->host);
    status = for_members(run, task_learn);
  }
  run->member->obj.passes += (double)run->nlist / (double)lc_max(1, x->p);
  lc_arena_reset(run->arena, mark);
  return status;
}

/* ---- features that join
 * ---------------------------------------------------------------------------------------------------- */

/* g (K): gradient of the mean loss along feature f, from when its column was read. */
static void seen_gradient(const lc_member *member, lc_index f, double *g) {
  for (int c = 0; c < member->obj.K; c++) g[c] = member->screen.c[f + c * member->screen.p] / member->obj.weight_sum;
}

/* Groups that violate among the features just read join the set, the worst first and about as many as it has. */
static lc_status task_join(lc_run *run, lc_member *member) {
  const lc_objective *obj = &member->obj;
  lc_index claims = 0, width = lc_penalty_width(obj->pen, obj->K);
  double *g = member->gradient;
  for (lc_index v = 0; v < run->nlist; v++) {
    lc_index f = run->list[v];
    double unit = run->rms[f] > 0 ? run->rms[f] : 1;
    seen_gradient(member, f, g);
    for (lc_index c = 0; c < obj->K; c += width) {
      lc_index place = place_of(obj, f, c);
      if (member->set.set.position[place] >= 0) continue;
      double violation = lc_penalty_group_violation(obj->pen, f, width, obj->at.B + place, obj->q, g + c, 1) / unit;
      if (violation > member->goal) member->claims[claims++] = (lc_violator){violation, place};
    }
  }
  member->joined = lc_min(claims, lc_max(64, member->set.set.size / width));
  if (claims > member->joined) qsort(member->claims, (size_t)claims, sizeof *member->claims, lc_violator_order);
  for (lc_index v = 0; v < member->joined; v++) LC_TRY(lc_set_add(&member->set.set, member->claims[v].index));
  return LC_OK;
}

static lc_status join(lc_run *run) {
  lc_mark mark = lc_arena_mark(run->arena);
  lc_index most = run->nlist * (run->link.K / lc_penalty_width(&run->member->pen, run->link.K));
  lc_status status = LC_OK;
  for (lc_index m = 0; m < run->nmembers; m++)
    if (run->member[m].pending && !(run->member[m].claims = lc_arena_alloc(run->arena, most, sizeof(lc_violator))))
      status = LC_OUT_OF_MEMORY;
  if (status == LC_OK) status = for_members(run, task_join);
  lc_arena_reset(run->arena, mark);
  return status;
}

/* ---- the gap
 * ------------------------------------------------------------------------------------------------------------ */

/* One group's part of a gap: in round 0 what it allows of t, in round 1 its conjugate. Gradients of free slopes are 0
 * in a dual point but for rounding, as are those of intercepts. */
static void weigh(const lc_penalty *pen, lc_index f, lc_index width, const double *g, lc_index ldg, int round,
                  double *t, double *sum) {
  if (lc_penalty_is_free(pen, f)) return;
  if (round == 0)
    *t = lc_penalty_feasible(pen, f, width, g, ldg, *t);
  else
    *sum += lc_penalty_group_conjugate(pen, f, width, -*t, g, ldg);
}

/* Gradients of the balanced residuals: of the set, and of the features that were read for them. All others are proved
 * to lie below their thresholds, where the conjugate of the penalty is 0. Two rounds: t, then the conjugates. */
static lc_status gap_of(lc_run *run, lc_member *member, double *out) {
  lc_objective *obj = &member->obj;
  const lc_penalty *pen = obj->pen;
  const lc_working_set *set = &member->set.set;
  lc_index p = run->problem->x->p, width = lc_penalty_width(pen, obj->K);
  lc_mark mark = lc_arena_mark(&member->arena);
  double *c = lc_arena_doubles(&member->arena, set->nrows * obj->K), *g = lc_arena_doubles(&member->arena, obj->K);
  double t = 1, primal, dual, sum = 0;
  if (!c || !g) return LC_OUT_OF_MEMORY;
  if (member->known) /* but for the factors that balance it, 1 up to rounding */
    for (lc_index s = 0; s < set->size; s++) c[set->cell[s]] = member->set.step.dual[s];
  else
    lc_objective_columns(obj, set->nrows, set->rows, member->balanced, c);
  for (int round = 0; round < 2; round++) {
    for (lc_index s = 0; s < set->size; s += lc_set_width(set, s)) {
      lc_index f = lc_set_feature(set, s);
      if (f >= 0) weigh(pen, f, width, c + set->cell[s], set->nrows, round, &t, &sum);
    }
    for (lc_index f = 0; f < p; f++) {
      if (member->screen.stamp[f] != member->screen.now) continue;
      seen_gradient(member, f, g);
      for (lc_index k = 0; k < obj->K; k += width)
        if (set->position[place_of(obj, f, k)] < 0) weigh(pen, f, width, g + k, 1, round, &t, &sum);
    }
  }
  lc_arena_reset(&member->arena, mark);
  lc_status status = lc_objective_dual(obj, member->balanced, t, &primal, &dual);
  *out = fmax(primal - dual + sum, 0);
  return status;
}

/* Largest residual, in the units of the shown columns. */
static double kkt_of(const lc_member *member) {
  const lc_working_set *set = &member->set.set;
  double worst = 0;
  for (lc_index s = 0; s < set->size; s += lc_set_width(set, s))
    worst = fmax(worst, lc_step_residual(&member->set.step, s) * set->rms[s]);
  return worst;
}

/* The certificate of the present point. */
static lc_status certify(lc_run *run, lc_member *member) {
  member->gap = member->relative = NAN;
  member->kkt = kkt_of(member);
  member->met = 0;
  if (!member->possible) return LC_OK;
  LC_TRY(gap_of(run, member, &member->gap));
  member->relative = member->gap / lc_objective_scale(&member->obj);
  member->met = member->relative <= run->settings->tolerance;
  return LC_OK;
}

/* Where no feature was left to join: is it good enough? Otherwise a smaller goal. */
static lc_status task_judge(lc_run *run, lc_member *member) {
  const lc_set_step *m = &member->set.step;
  if (member->joined > 0 || !member->settled) return LC_OK;
  LC_TRY(certify(run, member));
  member->pending = 0;
  if (!member->possible) {
    member->met = !m->stuck;
    return LC_OK;
  }
  /* How far the set must be solved before it is looked at, the last looks tell. */
  double gap = member->relative / run->settings->tolerance, residual = m->worst / member->most;
  if (member->met && (residual <= 1 || m->stuck)) {
    member->ease = fmin(MOST_EASE, member->ease * fmin(2, fmin(sqrt(0.2 / gap), 0.5 / residual)));
    return LC_OK;
  }
  double worst = fmax(gap, residual);
  if (m->stuck && !(worst < 0.5 * member->best)) return LC_OK;
  member->best = fmin(member->best, worst);
  double shrink = member->met ? 0.5 / residual : fmax(1e-3, fmin(0.1, 0.3 / worst));
  member->goal *= shrink;
  member->ease *= fmax(0.3, shrink); /* the next lambda begins more carefully */
  member->pending = 1;
  return LC_OK;
}

/* It is left as far as it came, with the features that just joined. */
static lc_status give_up(lc_run *run, lc_member *member) {
  LC_TRY(lc_step_load(&member->set.step));
  member->pending = member->known = 0; /* of those that joined the set knows no gradient */
  return certify(run, member);
}

/* ---- one lambda
 * --------------------------------------------------------------------------------------------------------- */

/* Residuals that leave a relative gap of about a third of the tolerance: F v / (lambda l1), to first order. */
static double first_goal(const lc_run *run, const lc_member *member, double lambda) {
  const lc_penalty *pen = &member->pen;
  double least = INFINITY;
  for (lc_index f = 0; f < pen->p; f++)
    if (pen->l1[f] > 0) least = fmin(least, pen->l1[f] / (run->rms[f] > 0 ? run->rms[f] : 1));
  if (isinf(least)) least = 1;
  return 0.3 * run->settings->tolerance * lambda * least;
}

/* A large set has no Hessian to predict with: the last two solutions are extrapolated in lambda. */
static lc_status extrapolate(lc_run *run, lc_member *member) {
  lc_objective *obj = &member->obj;
  const lc_working_set *set = &member->set.set;
  lc_set_step *step = &member->set.step;
  size_t bytes = (size_t)obj->P * sizeof(double);
  double ratio = (obj->pen->lambda - run->lambda) / (run->lambda - run->previous);
  int known = member->last != NULL && isfinite(ratio);
  if (!member->last && !(member->last = lc_arena_doubles(&member->arena, obj->P))) return LC_OUT_OF_MEMORY;
  if (known) {
    LC_TRY(lc_step_reset(step));
    for (lc_index s = 0; s < set->size; s++) {
      double b = step->b[s], to = b + ratio * (b - member->last[set->index[s]]);
      if (lc_set_feature(set, s) >= 0 && to * b <= 0) to = 0;
      step->b[s] = lc_set_clip(set, s, to);
    }
  }
  memcpy(member->last, obj->at.B, bytes);
  if (!known) return LC_OK;
  LC_TRY(lc_step_try(step, 1));
  lc_step_take_if_lower(step);
  return LC_OK;
}

static lc_status begin(lc_run *run, lc_member *member, double lambda) {
  member->pen.lambda = lambda;
  member->pending = 1;
  member->best = INFINITY;
  double least = first_goal(run, member, lambda);
  member->most = 100 * least; /* 30 times the tolerance of the penalty, as the help of linclass_path() says */
  member->goal = member->ease * least;
  lc_objective_revalue(&member->obj);
  lc_set_way way;
  LC_TRY(lc_set_solver_tidy(&member->set, &way));
  if (way != LC_BY_HESSIAN) {
    member->goal = fmin(member->goal, member->most); /* no last step follows, as by the Hessian */
    return extrapolate(run, member);
  }
  return isinf(run->lambda) ? LC_OK : lc_newton_predict(&member->set.newton, run->lambda);
}

/* Steps on the set, of those that the lambda has left; where its way wants violators to join first, it goes on after.
 */
static lc_status solve_set(lc_run *run, lc_member *member) {
  lc_set_step *m = &member->set.step;
  double before = m->steps;
  lc_status status = lc_set_solve(&member->set, member->goal, steps_left(run, member));
  member->steps += m->steps - before;
  member->settled = status != LC_MAX_ITER;
  if (m->stuck && status >= 0) LC_TRY(lc_step_reset(m)); /* the step that failed is forgotten */
  return status == LC_MAX_ITER ? LC_OK : status;
}

static lc_status task_begin(lc_run *run, lc_member *member) {
  member->steps = 0;
  LC_TRY(begin(run, member, run->next));
  return look(run, member, 0);
}

static lc_status task_solve(lc_run *run, lc_member *member) {
  LC_TRY(solve_set(run, member));
  return look(run, member, 1);
}

static void publish(lc_run *run, lc_member *member) {
  lc_objective *obj = &member->obj;
  memcpy(member->B, obj->at.B, (size_t)obj->P * sizeof(double));
  lc_remove_common_shift(obj, member->B);
  lc_design_to_user(run->problem->x, obj->K, member->B);
  member->Z = obj->at.Z;
  member->objective = obj->at.value;
  member->loss = obj->at.loss;
  member->passes = obj->passes;
}

lc_status lc_members_advance(lc_run *run, double lambda) {
  run->next = lambda;
  for (lc_index m = 0; m < run->nmembers; m++) run->member[m].pending = 1;
  LC_TRY(for_members(run, task_begin));
  for (int round = 0;; round++) {
    /* Before the first solution a guess of who will join is enough. */
    lc_index pending = 0;
    run->nlist = list_features(run, round == 0 ? guess : 1);
    LC_TRY(read_features(run));
    LC_TRY(join(run));
    if (round > 0) LC_TRY(for_members(run, task_judge));
    for (lc_index m = 0; m < run->nmembers; m++) {
      lc_member *member = run->member + m;
      int spent = round >= MOST_ROUNDS || (round > 0 && steps_left(run, member) == 0);
      if (spent && member->pending) LC_TRY(give_up(run, member));
      pending += member->pending;
    }
    if (pending == 0) break;
    LC_TRY(for_members(run, task_solve));
  }
  for (lc_index m = 0; m < run->nmembers; m++) publish(run, run->member + m);
  run->previous = run->lambda;
  run->lambda = lambda;
  return LC_OK;
}
