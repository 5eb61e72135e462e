/* lanes/job.h - what lanes are asked for, and what they tell of a point. */
#ifndef LC_LANES_JOB_H
#define LC_LANES_JOB_H

#include "problem/objective.h"

/* What is known of a point that is published; the point itself is obj->at of its fit, with loss and value. */
typedef struct lc_lanes_point {
  double gap, relative; /* as in lc_certificate */
  double kkt;           /* largest residual of a coefficient, in the columns as shown */
  double iterations;    /* Newton steps */
} lc_lanes_point;

/* One of the fits that go down the lambdas: of the same columns, responses, offsets, loss and kind of penalty as the
 * others, with weights of its own (a fold) and strengths of the penalty of its own. */
typedef struct lc_lanes_fit {
  lc_objective *obj; /* on pen, at a solution for about `before` */
  lc_penalty *pen;   /* its lambda changes */
} lc_lanes_fit;

typedef struct lc_lanes_job {
  const lc_lanes_fit *fit; /* nfits of them */
  lc_index nfits;
  const lc_host *host;
  double before;        /* finite, > 0 */
  const double *lambda; /* count of them, decreasing, > 0 */
  lc_index count;
  double tolerance; /* of relative gaps */
  /* lambda[l] is solved for a fit; calls come nearly in the order of l. */
  lc_status (*keep)(void *context, lc_index fit, lc_index l, const lc_lanes_point *point);
  void *context;
} lc_lanes_job;

#endif
