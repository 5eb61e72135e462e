/* path/folds.h - the problems that go down the lambdas in step.
 *
 * Member 0 has all rows; the others leave out a fold each (weight 0), and are standardised by their own rows. They
 * share X and how it is shown. Each has memory of its own, so that members can work on different threads. */
#ifndef LC_PATH_FOLDS_H
#define LC_PATH_FOLDS_H

#include "path/path.h"
#include "path/screen.h"
#include "working_set/set_solver.h"

struct lc_run;

/* Its parts point to each other: it is not to be moved. */
typedef struct lc_member {
  struct lc_run *run;
  lc_host host;          /* quiet, polls through the run; one thread where there are several members */
  lc_arena arena;        /* on that host: all below that has no other owner */
  lc_design x;           /* the problem's, with this member's weights */
  lc_penalty pen, given; /* of the columns as shown, with the lambda being sought; as the user's */
  const double *spread;  /* p, of its own rows; NULL: 1 */
  lc_objective obj;      /* on x and pen */

  /* by working sets: lc_members_advance() */
  lc_set_solver set;              /* of obj, from the start on */
  double *last;            /* P, as shown: of a large set the solution before the last one; NULL before */
  lc_screen screen;        /* sees `balanced` over the roots of the weights */
  double *s;               /* k factors of the classes at the present point (lc_objective_balance) */
  double *balanced;        /* n x K, in run->residuals: residuals with those factors */
  double *relative_weight; /* n x K scratch for the screen; empty without weights */
  double *gradient;        /* K scratch: of a feature */
  int possible;            /* 1: there are such factors, so a gap is possible */
  int known;               /* 1: `balanced` is a dual point of the set's model, which knows its gradients */
  int pending;             /* 1: not yet at its gap for this lambda */
  lc_index beside;         /* its number among the pending members of a round */
  lc_violator *claims;        /* of a round, in run->arena: groups that may join the set */
  lc_index joined;         /* how many did */
  int settled;             /* 1: the last solve of the set reached its goal or can do no better */
  double goal;             /* largest residual within the set, as of lc_step_residual() */
  double most;             /* largest residual within the set at which a point may be left */
  double ease;             /* times the first-order goal: what the last points allowed */
  double best;             /* least gap and residual for this lambda, in units of the largest allowed; Inf before */

  /* by whole fits: lc_members_solve() */
  double *own_Z; /* n x K: memory of Z; NULL before */

  /* the last solution, for whoever records it; the numbers are those of lc_path_point, steps its iterations */
  double *B;       /* q x K in the user's columns; 0 before */
  const double *Z; /* n x K scores of all rows, those left out too */
  double objective, loss, gap, relative, kkt, steps, passes;
  int met;
  lc_status status; /* of its last task */
} lc_member;

/* What members share. The caller sets the first five and link, the rest to 0; lc_members_start() makes it, in arena. */
typedef struct lc_run {
  lc_problem *problem; /* its x is shown as lc_show_columns() says from the start on */
  const lc_path_spec *spec;
  const lc_settings *settings;
  const lc_host *host;
  lc_arena *arena;
  lc_link link;
  lc_index nmembers; /* 1 + nfolds nrepeats; fold f (from 1) of repeat r (from 0) is member r nfolds + f */
  lc_member *member;
  double *mean, *rms;         /* p each: of the shown columns, all rows */
  double *norm;               /* p: their norms, centred with an intercept, rounded up a little */
  double *residuals;          /* n x (K nmembers): `balanced` of all members, side by side */
  lc_index *list, nlist;      /* p: features whose columns are read in a round; how many they are */
  lc_index from, batch;       /* those in hand: the first of them and how many; */
  const double *dots;         /* their dots, batch x K for each pending member */
  double lambda, previous;    /* of the last solutions and of those before; Inf where there are none */
  double next;                /* of those being sought */
  lc_design plain;            /* of lc_members_solve(): the problem's x without shift and scale; ops NULL before */
  const lc_solver *solver;    /* of lc_members_solve(), NULL before; */
  const char *reason;         /* why that one */
  int separated;              /* 1: a fit of member 0 found no finite optimum */
  volatile lc_status stopped; /* what the host said to the main thread; the others look here */
} lc_run;

/* Binds members, fits them without their penalised slopes, and finds the least lambda that holds all penalised slopes
 * of member 0 at 0 (for alpha below 0.001, that of 0.001; 0 where only rounding moves them). Reads X once, and once
 * more for each repeat where columns count as standardised. */
lc_status lc_members_start(lc_run *run, double *lambda_max);

/* All members at lambda > 0, by working sets. Calls go down the lambdas: each begins with the sets, Hessians and
 * screens that the last one left. Then B, Z and the numbers of each member are those of its solution. */
lc_status lc_members_advance(lc_run *run, double lambda);

/* The same by lc_solve() for each member, lambda >= 0: no L1 part, a kink, or no second derivatives of the set. */
lc_status lc_members_solve(lc_run *run, double lambda);

/* Mean loss of member 0 without the penalised slopes, of a kink itself by a fit. After lc_members_start() and before
 * anything else. */
lc_status lc_members_null_loss(lc_run *run, double *out);

#endif
