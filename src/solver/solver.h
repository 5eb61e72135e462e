/* solver/solver.h - methods that minimise an objective.
 *
 * A solver sees the verbs of problem/objective.h, never storage or the loss's name. Each file ends in one const
 * lc_solver row; solver/solver_list.h lists the rows. Options travel by name: each row carries a table of fields
 * with default, bounds and help, from which R takes choices, checks and help pages. */
#ifndef LC_SOLVER_H
#define LC_SOLVER_H

#include "hessian/dense.h"

/* Where mini-batch descent stands after its epochs, for whoever goes on from there with the same rows or others. */
typedef struct lc_descent {
  double epochs;            /* so far */
  double log_mean, searches; /* the mean step of line searches (lc_batch), and how many there were */
  double metric;             /* 1: they were made along directions of a metric */
  double averaged;          /* iterates in the mean */
  double *iterate, *mean;   /* q x K each, in the user's columns; of no use where none was averaged */
} lc_descent;

/* Rows that are not trained on (their weight is 0): their loss says when to stop. */
typedef struct lc_validation {
  lc_index n;
  const lc_index *row;
  const double *w; /* n: their weights */
} lc_validation;

/* What steps are multiplied with as epochs go by; lc_schedules has their names. */
enum { LC_AUTOMATIC, LC_CONSTANT, LC_INVERSE, LC_COSINE };

/* Everything that can be set, as numbers. NaN: not set, the solver's own choice. */
typedef struct lc_settings {
  /* shared by all solvers (linclass_control) */
  double tolerance;      /* relative certificate that ends a fit */
  double max_iter;       /* iterations; NaN: the solver's own */
  double time_limit;     /* seconds */
  double threads, trace; /* for whoever makes the host: NaN: as many as it likes; 1: it shows the history */
  /* solvers' own: what they mean and may be stands in the fields of the solvers that have them */
  double rate, memory, working_set, batch_size, epochs, shuffle, block, average, momentum, decay, evaluate, finish;
  double schedule, stratified, validate, patience, pocket, margin, metric;
  uint64_t seed;                   /* for solvers that shuffle */
  const lc_descent *from;          /* they go on from there; NULL: they begin */
  const lc_validation *validation; /* NULL: none */
  const double *dual;              /* n x K, as in lc_objective: where the dual solver begins; NULL: at 0 */
} lc_settings;

/* One setting: where it lives in lc_settings and what it may be. */
typedef struct lc_field {
  const char *name;
  size_t offset;
  double preset, lower, upper; /* preset NaN: unset; legal lower <= value <= upper */
  int integer;
  const char *help;
} lc_field;

/* What a solver tells beside the point it leaves in obj->at. */
typedef struct lc_report {
  double iterations;         /* steps; of mini-batches epochs */
  double decrement;          /* half the squared Newton decrement of the last step; NaN: none known */
  double condition;          /* estimate for the scaled columns, 1 / sqrt(least pivot); NaN: unknown */
  double mistakes;           /* perceptron: weight of the rows that the returned point gets wrong; NaN: not counted */
  int separation;            /* 0 none, 1 quasi, 2 complete */
  double separated_rows;     /* rows that run away from some class; valid with separation, as class_rows */
  double *class_rows;        /* k: of them, rows of each class that leave all other classes; the caller's */
  unsigned char *alias;      /* q: 1 = the caller says that this coefficient stays 0; NULL: none */
  lc_factor *factor;         /* Newton: taken as the first metric when ready, filled with the last one; NULL: neither */
  int jeffreys;              /* scoring: 1 = with Jeffreys' penalty; from the caller, as held */
  const unsigned char *held; /* scoring: P, 1 = this coefficient stays as it is in the start; NULL: none does */
  double log_det;            /* scoring: log determinant of the information of the columns that the objective has */
  int evaluated;             /* value, scores and G of `at` belong to its B */
  lc_descent *descent;       /* mini-batches: where they stand at the end, the caller's; NULL: not wanted */
  int wants_curvature;       /* Newton, if it can at no great cost, leaves in obj->C the curvature at the solution, */
  int has_curvature;         /* and says so */
} lc_report;

enum {
  LC_NEEDS_SMOOTH = 1,    /* gradient must be continuous */
  LC_NEEDS_CURVATURE = 2, /* uses second derivatives */
  LC_NEEDS_COLUMNS = 4,   /* of the design */
  LC_NEEDS_ROWS = 8,
  LC_TAKES_L1 = 16,
  LC_TAKES_BOUNDS = 32,
  LC_DRAWS = 64,           /* shuffles: wants a seed */
  LC_STEPS_AS_GIVEN = 128, /* works in the user's columns: no shift, no scale, all score columns */
  LC_SEES_MEANS = 256,     /* a mean of a column does not slow it, until it costs digits */
  LC_TAKES_GROUPS = 512,   /* with LC_TAKES_L1: also of groups */
  LC_OWN_OBJECTIVE = 1024, /* minimises another function than the objective; tells its gradient and decrement itself */
  LC_NEEDS_RAMPS = 2048,   /* the loss must be a sum of ramps (LC_RAMPS) */
  LC_NEEDS_RIDGE = 4096,   /* every slope must have an L2 part */
  LC_NEEDS_SPARSE = 8192,  /* with LC_NEEDS_ROWS: rows must have few entries */
  LC_TAKES_LARGEST = 32768, /* with LC_NEEDS_RAMPS: or the largest of them (LC_LARGEST_RAMP) */
  LC_TO_GOAL = 16384       /* each digit is dear: its tolerance is what counts as met (lc_goal_of()) */
};

/* When a fit stops. tol is the tolerance, S = max(F, 1e-3 F_null), d = g' H^-1 g / 2 the decrement, v the worst
 * violation of an optimality condition.
 *
 *   newton            d <= goal^(2/3) S by a factor of this point, d <= 1e-2 goal S by an older one;
 *                     goal = tol^2 (an unpenalised coefficient should carry nine digits), with a ridge 1e-3 tol
 *   scoring           d <= tol^2 S, of the penalised likelihood
 *   lbfgs             a bound of F - F* <= tol S / 2 where a ridge gives one, else an estimate <= 1e-4 tol S
 *   gradient_descent  step v^2 P / 2 <= 1e-3 tol S: what one more step gains, about
 *   coordinate        gain of the last step <= 1e-3 tol S (1e-7 without a penalty), v outside the set <= tol S
 *   interior_point    gap of its own duals <= tol S / 2 (L1, bounds: / 5); 12 steps without progress
 *   dual              gap <= lc_goal_of() S; 1000 sweeps
 *   minibatch         its epochs
 *   all of them       lc_gap_is_small() where a gap judges; max_iter, time_limit; rounding: no step lowers F
 *
 * Then the certificate is made. Where its gap or decrement over S is above lc_goal_of() (tol; of a kink 1e-6 unless
 * the user gave one), the solver goes on with tol / 100, twice at most. Smooth versions of a kink stop when the gap
 * of the kink itself is <= tol / 2 (fit/smoothing.h). A point of a path is done when its gap is <= tol S and the
 * worst violation within its set <= 30 tol lambda, in units of the penalty (path/gap.c). */

typedef struct lc_solver {
  const char *name, *title; /* one word; a line for help pages */
  unsigned flags;           /* of those above */
  const lc_field *fields;   /* own options; nfields of them */
  int nfields;
  /* Minimises from B (q x K), leaves the result in obj->at.B; value, scores and G there may lag behind by a last
   * step that gains less than the tolerance. The caller has reset the report and owns what it points to. */
  lc_status (*run)(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report);
} lc_solver;

extern const lc_solver lc_solver_scoring; /* not for users to choose: it is what solves Firth's problem */
extern const lc_solver *const lc_solvers[];
extern const int lc_solver_count;
const lc_solver *lc_solver_find(const char *name);

/* The words of a field whose values 0, 1 ... have names, separated by blanks; NULL: it is a number. */
const char *lc_field_words(const char *name);

/* The settings shared by all solvers. */
extern const lc_field lc_control_fields[];
extern const int lc_control_field_count;

/* Sets every field of a table to its preset / one field by name (LC_INVALID: unknown or out of bounds). */
void lc_settings_preset(lc_settings *settings, const lc_field *fields, int nfields);
lc_status lc_settings_set(lc_settings *settings, const lc_field *fields, int nfields, const char *name, double value);

/* What is left of the iterations after `spent` of them: a fit of several runs has one budget. */
lc_settings lc_settings_rest(const lc_settings *settings, double spent);

/* A decrement can be small long before the duality gap is: a smoothed kink has curvature 1 / mu, and the dual of an
 * L1 penalty sees residuals in proportion. 1 when the estimate of the gap of a penalised fit at `at` (with G) is well
 * within the tolerance; also for unpenalised fits and for smooth losses with L2 alone, where decrements tell. */
int lc_gap_is_small(const lc_objective *obj, const lc_settings *settings);

/* at <- B, evaluated with what is wanted; or, where B is worse than scores of 0 would be (a start far off), at <- 0,
 * and *restarted = 1. LC_NONFINITE when neither has a finite value. */
lc_status lc_solver_start(lc_objective *obj, const double *B, int want, int *restarted);

#endif
