/* lanes/state.h - what the files of this room share.
 *
 * Vectors of members hold LC_LANES numbers for each, lane l of member k at [k * LC_LANES + l]. Columns are shown to the
 * lanes in units of their size: unit_k = 1 / (spread of the column), coefficients are b / unit_k, gradients g unit_k.
 * With an intercept they are centred, too, implicitly: b0 is the intercept of centred columns. */
#ifndef LC_LANES_STATE_H
#define LC_LANES_STATE_H

#include <math.h>

#include "kernel/kernel.h"
#include "kernel/lanes.h"
#include "lanes/job.h"
#include "threads/threads.h"

enum {
  LC_LANES_MOST_PARTS = 2,
  LC_LANES_COLUMNS = 4096, /* columns outside that are read between polls */
  LC_LANES_PIECE = 1024,   /* members that a thread takes at once */
  LC_LANES_ROWS = 4096,    /* rows, where they have no entries to be read */
  LC_LANES_SUMS = 3        /* numbers of each lane that a piece sums up */
};

typedef struct lc_lane {
  lc_index number; /* of its lambda; -1: the start */
  double lambda;
  int active;    /* works on it; else holds a point that others may start from */
  int predicted; /* started in this round: gradients are a guess */
  int bad;       /* the last step raised the objective: it is halved, or, */
  int back;      /* undone, and the model is to be solved again with what it clipped held */
  int was_back;
  int fails;                     /* steps in a row that raised it */
  int careful;                   /* the next step ends where the first coefficient reaches 0 or a bound */
  int kept;                      /* conjugate directions of the last round may go on */
  int age;                       /* Newton steps */
  int gains;                     /* the last step lowered the objective by more than the tolerance */
  int idle;                      /* rounds since the worst residual fell much */
  int missed;                    /* rounds in which the gap was met and residuals too large */
  int proved;                    /* all columns outside hold their conditions; else it is likely */
  double least;                  /* its worst residual so far */
  double b0, to0;                /* intercepts of b, of the trial */
  double loss, value, old_value; /* of the trial: mean loss, with penalty; the value of b */
  double size;                   /* L1 part of the penalty at b */
  double curvature;              /* sum w / W */
  double rms;                    /* of derivatives: sqrt(sum R^2 / weight / W) */
  double shift;                  /* sum R / sum w: what the intercept still has to move by, to first order */
  double worst;                  /* largest residual over lambda l1 */
  double goal, target;           /* what worst should be for the gap; in this round */
} lc_lane;

typedef struct lc_lanes {
  const lc_lanes_job *job;
  lc_objective *obj;
  const lc_design *x;
  lc_arena *arena;
  lc_lane lane[LC_LANES];
  lc_index next;            /* lambdas started */
  lc_index published, stop; /* lambdas from the first on that are published; no further than this */
  unsigned char *done;      /* count: published */
  double unit_l1;           /* least l1_j unit_j > 0 */
  double least_l1;          /* least l1_j / root mean square of the column, > 0 */
  int has_free;             /* a slope may be free: gaps need residuals that are moved */
  int parts, threads;       /* of rows; each has sums of its own */
  lc_index chunks;          /* of rows, between polls */

  lc_grown_rows rows;
  lc_index count, capacity, nrest;
  lc_index sorted;            /* members that there were when they were last sorted */
  lc_index *feature;          /* of each member */
  lc_index *rest;             /* features that are no members, in their order */
  double *b, *to, *g, *slope; /* coefficients; of the trial; gradients with the ridge; the trial in shown units */
  double *G[LC_LANES_MOST_PARTS];
  double *unit, *mean, *l1, *l2, *lower, *upper; /* of members, in their units; lower NULL without bounds */
  float *v, *h, *d, *r, *open, *last;            /* of conjugate gradients; open: 1 where the coefficient may move */
  float *lines[LC_LANES_MOST_PARTS];
  float *unitf, *meanf, *ridge, *metric, *per;
  unsigned char *clipped, *held; /* bit masks of lanes: the last step was cut at 0 or a bound; it was before, too */
  double *z, *R;                 /* n lines: scores of the trials and derivatives there */
  float *w, *Rf;                 /* curvatures; R */
  double *lines_out;             /* of a chunk of columns */
  unsigned char *outside, *asks; /* p: 1 if no member; of rest[]: 1 if it must be read */
  lc_index *asked;               /* columns that are read in this round */
  float *norm, *strength;        /* p: root mean squares of the columns, strengths of their L1 parts */
  float *kept_R, *kept_g;        /* Rf when all columns were read, and their products with it, p lines (outside.c) */
  double kept_gram[LC_LANES * LC_LANES], kept_reads; /* products of kept_R; columns that were read since */
  double weights;                                    /* sum of those that the root mean squares of columns go with */
  double *sums, *row_sums; /* LC_LANES_SUMS lines of each piece of members; LC_LANES of each piece of rows */
} lc_lanes;

/* Is lane l among those of a set of bits? */
static inline int lc_lanes_has(unsigned lanes, int l) { return (int)(lanes >> l & 1); }

static inline lc_index lc_lane_at(lc_index k, int l) { return k * LC_LANES + l; }

/* Members (state.c). */
lc_status lc_lanes_make(lc_lanes *s, const lc_lanes_job *job);
lc_status lc_lanes_join(lc_lanes *s, lc_index nj, const lc_index *feature);
/* Renumbers members between rounds, when there are `least` or more and many are new: those with many entries lie side
 * by side then, so that the lines that most entries meet share pages and stay in the cache. */
lc_status lc_lanes_sort(lc_lanes *s, lc_index least);
void lc_lanes_constants(const lc_lanes *s, lc_index from, lc_index to, lc_lane_members *out);

/* Residual of coefficient k of lane l at x with gradient g (ridge included), and whether it may move. Signs are as good
 * as random: no branch depends on them. */
static inline double lc_lanes_residual(const lc_lanes *s, lc_index k, int l, double x, double g, int *open) {
  double t = s->lane[l].lambda * s->l1[k], held = g > t ? t : g < -t ? -t : g;
  double v = g + (x != 0 ? copysign(t, x) : -held);
  *open = (v != 0) | (x != 0) | (t == 0);
  if (s->lower && ((v > 0 && x <= s->lower[k]) || (v < 0 && x >= s->upper[k]))) v = *open = 0;
  return v;
}

/* Where x + d lands: not beyond 0 where an L1 part is, nor a bound. */
static inline double lc_lanes_land(const lc_lanes *s, lc_index k, double x, double d, double g) {
  double to = x + d, side = x != 0 ? x : -g;
  if (d != 0 && s->l1[k] > 0 && to * side <= 0) to = 0;
  if (!s->lower) return to;
  return to < s->lower[k] ? s->lower[k] : to > s->upper[k] ? s->upper[k] : to;
}

/* Residuals over lambda may be no larger than 30 times the tolerance where a gap is met, so that the objective is that
 * of sweeps to the tenth digit. Gaps are looked at where they are not much larger. */
static inline double lc_lanes_most(const lc_lanes *s) { return 30 * s->job->tolerance; }
static inline double lc_lanes_near(const lc_lanes *s) { return 100 * lc_lanes_most(s); }

/* Calls task for pieces of the members, on any thread. What the piece from member `from` on sums up lies in lines of
 * its own, which are added in order. */
static inline void lc_lanes_each_piece(const lc_lanes *s, lc_task task, void *context) {
  lc_parallel(s->threads, s->count, LC_LANES_PIECE, task, context);
}
static inline double *lc_lanes_line(const lc_lanes *s, lc_index from, int line) {
  return s->sums + (from / LC_LANES_PIECE * LC_LANES_SUMS + line) * LC_LANES;
}
double *lc_lanes_sums(const lc_lanes *s, lc_index from); /* all lines, 0 */
void lc_lanes_total(const lc_lanes *s, int line, double *out);
void lc_lanes_largest(const lc_lanes *s, int line, double *out);

/* The same over the rows where they have no entries to be read: task puts `count` numbers, at most LC_LANES lines, into
 * those of its piece; out <- their sums. */
void lc_lanes_sum_rows(const lc_lanes *s, lc_task task, void *context, int count, double *out);
static inline double *lc_lanes_row_sums(const lc_lanes *s, lc_index from) {
  return s->row_sums + from / LC_LANES_ROWS * LC_LANES * LC_LANES;
}

lc_status lc_lanes_pass(lc_lanes *s);      /* pass.c */
lc_status lc_lanes_read_rest(lc_lanes *s); /* outside.c */
/* Entries of members, as a share of all. */
double lc_lanes_share(const lc_lanes *s);
lc_status lc_lanes_metric(lc_lanes *s);
void lc_lanes_judge(lc_lanes *s);        /* judge.c */
void lc_lanes_start(lc_lanes *s);        /* start.c */
lc_status lc_lanes_newton(lc_lanes *s);  /* newton.c */
lc_status lc_lanes_certify(lc_lanes *s); /* certify.c */

/* Calls task(s, part, from, to) for pieces of the rows of each part, in order within a part; polls between pieces. */
typedef void (*lc_lanes_task)(lc_lanes *s, int part, lc_index from, lc_index to, void *context);
lc_status lc_lanes_each_part(lc_lanes *s, lc_lanes_task task, void *context);

#endif
