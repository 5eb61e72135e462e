/* lanes/job.h - what lanes are asked for, and what they tell of a point. */
#ifndef LC_LANES_JOB_H
#define LC_LANES_JOB_H

#include "problem/objective.h"

/* What is known of a point that is published; the point itself is obj->at, with loss and value. */
typedef struct lc_lanes_point {
  double gap, relative; /* as in lc_certificate */
  double kkt;           /* largest residual of a coefficient, in the columns as shown */
  double iterations;    /* Newton steps */
} lc_lanes_point;

typedef struct lc_lanes_job {
  lc_objective *obj; /* on pen, at a solution for about `before` */
  lc_penalty *pen;   /* its lambda changes */
  const lc_host *host;
  lc_arena *arena;      /* for all that lanes need; may be another than the objective's */
  double before;        /* finite, > 0 */
  const double *lambda; /* count of them, decreasing, > 0 */
  lc_index count;
  double tolerance; /* of relative gaps */
  /* lambda[l] is solved; calls come nearly in the order of l. */
  lc_status (*keep)(void *context, lc_index l, const lc_lanes_point *point);
  void *context;
  int scores;     /* keep() looks at obj->at.Z, too */
  double weights; /* sum of those that obj->rms goes with, where a fold has others; 0: obj->weight_sum */
} lc_lanes_job;

#endif
