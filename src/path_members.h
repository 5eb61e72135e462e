/* path_members.h - room "path": the problems that go down the lambdas in step.
 *
 * Member 0 has all rows; the others leave out a fold each (weight 0), and are standardised by their own rows. They
 * share X and how it is shown. Each has memory of its own, so that members can work on different threads. */
#ifndef LC_PATH_MEMBERS_H
#define LC_PATH_MEMBERS_H

#include "path.h"
#include "screen.h"
#include "solver_orthant.h"
#include "solver_sweep.h"

struct lc_run;

typedef struct lc_member {
  struct lc_run *run;
  lc_host host; /* quiet; polls through the run */
  lc_arena arena;
  lc_design x;           /* the problem's, with this member's weights */
  lc_penalty pen, given; /* of the columns as shown, as the user's */
  const double *spread;  /* p, of its own rows; NULL: 1 */
  lc_objective obj;
  lc_model model;
  lc_orthant orthant; /* once the set is large; then also */
  double *last;       /* P: the solution before the last one */
  lc_screen screen;
  double *s, *balanced, *relative_weight; /* k class factors; n x K residuals; scratch n x K */
  int possible, pending;                  /* a gap is possible; not yet at its gap */
  int started;                            /* B is a solution that lc_solve() may start from */
  double goal, ease, best_relative; /* largest residual within the set; what gaps allowed it to be larger; least gap */
  /* the solution, for whoever records it */
  double *B;       /* q x K in the user's columns */
  const double *Z; /* n x K */
  double *own_Z;   /* its memory after lc_members_solve() */
  double objective, loss, gap, relative, kkt, steps, passes;
  int met;
  lc_status status;
} lc_member;

typedef struct lc_run {
  lc_problem *problem;
  const lc_path_spec *spec;
  const lc_settings *settings;
  const lc_host *host;
  lc_arena *arena;
  lc_link link;
  lc_index nmembers;
  lc_member *member;
  double *mean, *rms;            /* p each: of the shown columns */
  double *norm;                  /* p: their norms, centred with an intercept */
  double *residuals;             /* n x (K nmembers): their `balanced`, side by side */
  lc_index *list;                /* features whose columns are read */
  double lambda, previous, next; /* of the last solutions and those before, Inf at the start; of those being sought */
  lc_design plain;               /* of lc_members_solve(): the problem's x without shift and scale; ops NULL before */
  const lc_solver *solver;       /* of lc_members_solve(), NULL before; */
  const char *reason;            /* why that one */
  volatile lc_status stopped;
} lc_run;

/* Binds members, fits those without their penalised slopes, and finds lambda_max of member 0. */
lc_status lc_members_start(lc_run *run, double *lambda_max);

/* All members at lambda, by working sets. */
lc_status lc_members_advance(lc_run *run, double lambda);

/* The same by lc_solve() for each member: no L1 part, a kink, or no second derivatives of the set. */
lc_status lc_members_solve(lc_run *run, double lambda);

#endif
