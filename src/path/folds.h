/* path/folds.h - the fits that go down the lambdas in step.
 *
 * Fold 0 has all rows; the others leave out a fold each (its rows have weight 0), and are standardised by their own
 * rows. They share X and how it is shown. Each has memory of its own, so that folds can work on different threads. */
#ifndef LC_PATH_FOLDS_H
#define LC_PATH_FOLDS_H

#include "path/screen.h"
#include "path/spec.h"
#include "working_set/set_solver.h"

struct lc_path_state;

/* How far a fold must come at the lambda being sought. Residuals are those of lc_step_residual(). */
typedef struct lc_fold_goal {
  double residual;     /* the set is solved up to this one before it is judged */
  double residual_cap; /* a point may be left with at most this one */
  double relax;        /* residual / (tolerance residual_unit()) that the last points allowed */
  double best;         /* least so far of max(gap, residual), each over what it may be; Inf before */
} lc_fold_goal;

/* Its parts point to each other: it is not to be moved. */
typedef struct lc_fold {
  struct lc_path_state *path;
  lc_index number;       /* its place among the folds */
  lc_host host;          /* quiet, polls through the path's */
  lc_arena arena;        /* on that host: all below that has no other owner */
  lc_obs obs;            /* the problem's, with this fold's weights */
  lc_design x;           /* the problem's, as shown */
  lc_penalty pen, given; /* of the columns as shown, with the lambda being sought; as the user's */
  const double *spread;  /* p, of its own rows: the units in which the penalty sees columns; NULL: 1 */
  lc_objective obj;      /* on x and pen */

  /* by working sets: lc_folds_advance() */
  lc_set_solver solver; /* of obj, from the start on */
  double *older;    /* P, as shown: solution at the previous lambda, to extrapolate without a Hessian; NULL before */
  lc_screen screen; /* of `balanced` over the roots of the weights */
  double *class_factor; /* k: what makes residuals sum to zero at the present point (lc_objective_balance) */
  double *balanced;     /* n x K, in path->residuals: residuals with those factors */
  double *over_roots;   /* n x K scratch: `balanced` over the roots of the weights; empty without weights */
  double *gradient;     /* K scratch: of a feature */
  double least_l1;      /* least of the slopes' l1 over the root mean squares of their columns; 1 without any */
  int has_free;         /* 1: a slope has neither a penalty nor two bounds */
  int has_gap;          /* 1: there are such factors, so a gap is possible */
  int has_dual_point;   /* 1: `balanced` is a dual point of the set, whose gradients are in solver.step.dual */
  int pending;          /* 1: not yet at its gap for this lambda */
  int settled;          /* 1: the last solve of the set reached its goal or can do no better */
  lc_fold_goal goal;

  /* by whole fits: lc_folds_solve() */
  double *own_Z; /* n x K: memory of Z; NULL before */
  double *dual;  /* n x K: memory of the dual point of the last solution, of losses of ramps; NULL before */
  int has_dual;  /* 1: it is there */

  /* the last solution, for whoever records it */
  double *B;       /* q x K in the user's columns; 0 before */
  lc_index *support, nsupport; /* P: indices of B where it is not 0, in no certain order; how many they are */
  const double *Z; /* n x K scores of all rows, those left out too */
  lc_outcome outcome;
  lc_status status; /* of its last task */
} lc_fold;

/* What folds share. The caller sets the first nine, the rest to 0; lc_folds_start() makes it, in arena. */
typedef struct lc_path_state {
  const lc_problem *problem; /* on the x below */
  lc_design x;               /* its own handle, shown as lc_scale_columns() says from the start on */
  const lc_obs *given;       /* the rows as the caller has them, of which row i is row row_of[i] of the problem's x; */
  const lc_index *row_of;    /* NULL: row i (no rows were joined) */
  const lc_path_spec *spec;
  const lc_settings *settings;
  const lc_host *host;
  lc_arena *arena;
  lc_coding coding;
  lc_index nfits; /* 1 + nfolds nrepeats; fold f (from 1) of repeat r (from 0) is number r nfolds + f */
  lc_fold *fold;
  double *mean, *rms;      /* p each: of the shown columns, all rows */
  double *norm;            /* p: their norms, centred with an intercept, rounded up a little */
  double *residuals;       /* n x (K nfits): `balanced` of all folds, side by side */
  double lambda, previous; /* of the last solutions and of those before; Inf where there are none */
  lc_arena *lane_room;     /* memory of lanes (lanes/lanes.h) for each thread that solves folds; NULL before */
  lc_design plain;         /* of whole fits: the problem's x without shift and scale; ops NULL before */
  const lc_solver *solver; /* of lc_folds_solve(), NULL before; */
  const char *reason;      /* why that one */
  int separated;           /* 1: a fit of fold 0 found no finite optimum */
  lc_status stopped;       /* what the host told the main thread; under the lock, for the others */
} lc_path_state;

/* Binds folds and fits them without their penalised slopes (a kink is smoothed for that). Reads X once, and once more
 * for each repeat where columns count as standardised. */
lc_status lc_folds_start(lc_path_state *path);

/* Of fold 0: *loss is the mean loss without the penalised slopes, of a kink itself; *lambda_max the least lambda that
 * holds all penalised slopes at 0 (0 where only rounding moves them), of sums of ramps to within 1e-4 by some fits. For
 * alpha below 0.001 there is none: it is that of 0.001, of a smooth version of a kink; so it is of other kinks, and of
 * groups. After lc_folds_start() and before anything else; one read of X,
 * but for fits. sets: lc_folds_advance() will follow, whose screens keep what was read. */
lc_status lc_folds_null_model(lc_path_state *path, int sets, double *loss, double *lambda_max);

/* path->plain is there from now on. */
lc_status lc_folds_show_plain(lc_path_state *path);

/* Products of all features with the residuals of all folds where they are, for their screens. One read of X. */
lc_status lc_folds_look(lc_path_state *path);

/* All folds at lambda > 0, by working sets. Calls go down the lambdas: each begins with the sets, Hessians and
 * screens that the last one left. Then B, Z and the outcome of each fold are those of its solution. */
lc_status lc_folds_advance(lc_path_state *path, double lambda);

/* The same by lc_solve() for each fold, lambda >= 0: no L1 part, a kink, or no second derivatives of the set. */
lc_status lc_folds_solve(lc_path_state *path, double lambda);

/* Many lambdas of a fold at once, where lanes suit them (path/by_lanes.c): lambda[0], ... lie below `before`, where the
 * folds stand. keep(context, m, l) is called for each lambda[l] that is solved for fold m, nearly in order, with B, Z
 * and the outcome of that fold, one call at a time, on any thread where there are several folds; *solved is how many
 * from the first on are for all folds. Then folds stand nowhere until lc_folds_resume() takes the solutions that were
 * last tried as starts for what is below `lambda`. A call for lambdas below these may follow. */
typedef lc_status (*lc_folds_keep)(void *context, lc_index m, lc_index l);
int lc_folds_suit_lanes(const lc_path_state *path, double before, const double *lambda, lc_index count);
lc_status lc_folds_lanes(lc_path_state *path, double before, const double *lambda, lc_index count, lc_folds_keep keep,
                         void *context, lc_index *solved);
lc_status lc_folds_resume(lc_path_state *path, double lambda);

/* One task for each pending fold, on as many threads as there are. The first status in their order that is not LC_OK
 * comes back. */
typedef lc_status (*lc_fold_task)(void *context, lc_fold *fold);
lc_status lc_folds_each(lc_path_state *path, lc_fold_task task, void *context);

/* Finds the support of B. Cost of P. */
void lc_fold_list_support(lc_fold *fold);

/* Index in B of feature f in score column c. */
static inline lc_index lc_fold_index(const lc_fold *fold, lc_index f, lc_index c) {
  return c * fold->obj.q + fold->obj.pen->intercept + f;
}

/* g (K): gradient of the mean loss at the balanced residuals along feature f, from when its column was last read. */
void lc_fold_seen_gradient(const lc_fold *fold, lc_index f, double *g);

#endif
