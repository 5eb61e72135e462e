/* working_set/prox_newton.h - proximal Newton on chosen coefficients, state that outlives one lambda.
 *
 * The chosen coefficients form a set; the others stay where they are. On the set the mean loss is replaced by
 *     g'(b - b0) + (b - b0)' H (b - b0) / 2,
 * H the Hessian at some earlier point: gradients are exact and every step ends in a line search, so an old H costs
 * steps and never truth. H is kept between steps and lambdas; coefficients that join get rows of the same point, and
 * it is made afresh when the residuals fall too slowly. The model with the penalty is minimised by coordinate descent
 * on H, finished by solving for all free coefficients at once.
 *
 * The set holds groups of coefficients (problem/penalty.h), row j of score column c at place c q + j: single ones, so
 * the coupling of classes is exact and classes need not share their features; or, where the penalty is grouped, all
 * slopes of a feature, one after the other. */
#ifndef LC_WORKING_SET_PROX_NEWTON_H
#define LC_WORKING_SET_PROX_NEWTON_H

#include "problem/objective.h"
#include "linalg/lbfgs_pairs.h"

typedef struct lc_model {
  lc_objective *obj;
  lc_arena *arena;
  lc_index room, size, built; /* coefficients that there is memory for; in the set; with rows in H */
  lc_index *place;            /* their places in B */
  lc_index *slot;             /* P: number in the set, -1 outside */
  lc_index lead;              /* coefficients that H has memory for, its leading dimension; of large sets none */
  double *H;                  /* lead x lead: Hessian of the mean loss alone, at the point of S */
  double *S;                  /* n x ns: weights of H; NULL before the first one */
  double *R;                  /* n x K: residuals at `at` (lc_objective_residuals) */
  double *R_to;
  double *g, *b, *start, *Hd; /* gradient of the mean loss; coefficients; those of the start; H (b - start) */
  double *dual;               /* gradient of the mean loss at the point of lc_model_dual_point() */
  double *u;                  /* of the active coefficients: b / ||b|| of their group, 0 where that is 0 */
  double *work;               /* K: a group */
  double *unit;               /* sizes of their columns, the yardstick of residuals */
  double *rhs, *small;        /* a linear system of the free coefficients (leading dimension lead); its factor */
  lc_index *active;           /* numbers of the free coefficients */
  lc_index *factored; /* places of those of the factor in `small`, in its order: H has not changed for them since */
  lc_index nfactored; /* how many they are, -1: none */
  double factored_lambda;
  lc_pairs pairs; /* corrections of the kept factor by gradients seen since, over the active coefficients */
  double *kept;   /* 4 x room: coefficients and gradients of the last step and this one, in their order */
  unsigned char *skip;
  lc_index *rows, *mate; /* distinct rows j of the set; for each coefficient its place in a rows x K matrix */
  lc_index nrows;
  double worst; /* largest scaled residual within the set at `at` */
  int fresh;    /* 1: H is of the present point */
  int stuck;    /* 1: rounding ended the last solve */
  double gain;  /* half the fall that the model promised for the last step: what is left is less */
  double steps; /* Newton steps so far */
} lc_model;

/* A place that wants to join a set, and how much. lc_claim_order() is for qsort: decreasing violation, then increasing
 * place, the same on every machine. */
typedef struct lc_claim {
  double violation;
  lc_index place;
} lc_claim;
int lc_claim_order(const void *a, const void *b);

/* An empty set on an objective with kept scores. R is not valid until lc_model_look(). */
lc_status lc_model_init(lc_model *m, lc_objective *obj, lc_index room);

/* The feature of coefficient s of the set, < 0 for an intercept; coefficients in the group that begins at s. */
static inline lc_index lc_model_feature(const lc_model *m, lc_index s) {
  return m->place[s] % m->obj->q - m->obj->pen->one;
}
static inline lc_index lc_model_width(const lc_model *m, lc_index s) {
  return m->obj->pen->grouped && lc_model_feature(m, s) >= 0 ? m->obj->K : 1;
}

/* Factors of the L1 and L2 parts of coefficient s of the set (problem/penalty.h); 0 for an intercept. */
static inline double lc_model_l1(const lc_model *m, lc_index s) {
  lc_index f = lc_model_feature(m, s);
  return f < 0 ? 0 : lc_penalty_l1(m->obj->pen, f);
}
static inline double lc_model_l2(const lc_model *m, lc_index s) {
  lc_index f = lc_model_feature(m, s);
  return f < 0 ? 0 : lc_penalty_l2(m->obj->pen, f);
}

/* Lists the distinct rows of the set (rows, mate, nrows). Cost of the order of q at most, and of size. */
lc_status lc_model_list_rows(lc_model *m);

/* Rows of H for coefficients that have none, with the weights S; rebuild: all of them, with those of `at`. */
lc_status lc_model_build(lc_model *m);
lc_status lc_model_rebuild(lc_model *m);

/* Adds a place with its group; LC_OUT_OF_MEMORY when the set cannot grow. Places in the set are left alone. Cost O(1)
 * on average. */
lc_status lc_model_add(lc_model *m, lc_index place);

/* Drops penalised groups that are 0. Rows and columns of H move with the others. Cost size^2. */
void lc_model_drop_zeros(lc_model *m);

/* Puts the set in the order of its places, so that columns are read as they lie in memory; H is forgotten. Single
 * coefficients only. */
void lc_model_sort(lc_model *m);

/* Residual of the group that begins at s, where b, g and Hd are: KKT residual (problem/penalty.h) / unit. Cost of the
 * width. */
double lc_model_residual(const lc_model *m, lc_index s);

/* (g + l2 start)'(b - start) + the change of the L1 part: the slope of F along the move, an upper bound of its fall. */
double lc_model_predicted_change(const lc_model *m);

/* R and the worst residual at `at`. Reads the columns of the set. */
lc_status lc_model_look(lc_model *m);

/* What the others are made of, for methods of their own. A step begins with lc_model_load() or lc_model_reset(),
 * changes b, and ends in lc_model_take() or, where nothing is to be gained, without. R is that of `at` all along.
 *   reset   the set's rows are listed, b = start = `at`, Hd = 0. g and worst stay: they are those of `at` if they were
 *           loaded there for the same set. Reads no column.
 *   load    reset, then g and the worst residual. Reads the columns of the set.
 *   try     `to` <- `at` + t (b - start) on the set, with R_to. Reads the columns that move.
 *   search  gain <- half the fall that g promises of the move; try with the largest share t of it that a line search
 *           accepts, *t = 0 where rounding leaves nothing to gain. Reads the columns once, twice where t < 1.
 *   take    `at` <- `to`, R <- R_to, as a step.
 * Where the set has most columns of X, one pass over all of them costs less than two over a list:
 *   try_all   `to` <- `at` with the set at b, and its gradient into obj->G. R_to is not made. One read of X.
 *   load_all  load, with the gradient of `at` in obj->G. Reads no column. */
lc_status lc_model_reset(lc_model *m);
lc_status lc_model_load(lc_model *m);
lc_status lc_model_try(lc_model *m, double t);
lc_status lc_model_search(lc_model *m, double *t);
void lc_model_take(lc_model *m);
lc_status lc_model_try_all(lc_model *m);
lc_status lc_model_load_all(lc_model *m);

/* First-order step of the solution from `lambda` to obj->pen->lambda: db = -(change) H^-1 (l1 b / ||b|| + l2 b) on
 * the free coefficients, H with the curvature of the norms; a group that would turn against itself stops at 0. `at`
 * moves when the objective falls. Reads the columns of the set. */
lc_status lc_model_predict(lc_model *m, double lambda);

/* A dual point and the last step in one. With d the Newton step of the free coefficients by the present H and S, R
 * (n x K), the residuals at `at`, moves by S X d; its gradients over the set, kept in m->dual, are then those of a
 * point where the free coefficients are optimal - up to rounding without an L2 part, however old H is, since S X H^-1 e
 * has the gradients e. A gap from them is quadratic in the residuals of the set, where one from the residuals of `at`
 * scaled down is linear. Rows of R may lie outside the domain of the loss's conjugate. `at` moves by d where F allows.
 * *known = 0 and nothing moves where there is no H of the set, or d would turn a sign.
 * To be called where b is `at` and g known, as after lc_model_solve(); they are so again. Reads the columns of the set
 * twice. */
lc_status lc_model_dual_point(lc_model *m, double *R, int *known);

/* Newton steps until the worst residual is at most `goal`, max_steps are done or rounding ends it (stuck). */
lc_status lc_model_solve(lc_model *m, double goal, double max_steps);

#endif
