/* problem/tasks.h - what the passes of an objective do with a block of rows, by number, so that it can be asked for
 * where the rows are (design/shards.h): coefficients, the number and a few others go there, sums come back. */
#ifndef LC_PROBLEM_TASKS_H
#define LC_PROBLEM_TASKS_H

#include "design/design.h"
#include "problem/loss.h"

struct lc_objective;

enum lc_task {
  LC_TASK_NONE,
  LC_TASK_LOSS,      /* sum[0] += w loss; R, S: its derivatives times w */
  LC_TASK_MISTAKES,  /* sum[0] += w where the true class does not win */
  LC_TASK_LEADS,     /* scores are changes: sum[0] += w where some lead of the true class grows by t or more, sum[1 + y]
                        where all do. No offsets */
  LC_TASK_FLOWS,     /* sum[c + k y] += w a, a >= 0 the derivative for wrong class c of a row of class y */
  LC_TASK_RESIDUALS, /* R = s_y w times the derivative */
  LC_TASK_DUAL,      /* sum[0] += w (off'r - loss*(r)) at r = t s_y times the derivative; sum[1] += w loss without
                        smoothing */
  LC_TASK_ONES,      /* S = 1. No observations */
  LC_TASK_COUNT
};

/* The context of all callbacks. */
typedef struct lc_task_context {
  const struct lc_objective *obj; /* loss and coding; NULL for LC_TASK_ONES */
  double t;
  const double *s; /* k factors of the classes */
  const double *R; /* n x K weighted derivatives that are known: then FLOWS and DUAL (at t R / w) take these. Not for
                      rows that are elsewhere */
} lc_task_context;

/* Numbers that go with a task: mu of the coding, t, and the k factors s. */
static inline int lc_task_numbers(const lc_coding *coding) { return 2 + coding->k; }

/* The pass gets the callback, which keeps `context`, and the task's number with what it needs to know. */
void lc_task_set(lc_task_context *context, enum lc_task task, lc_pass *pass);

/* The other side: the task of that number and those numbers, on rows that are here, with the pass's K, ns, nsum, B,
 * sum, G and C. obj is bound to the rows. LC_INVALID where the numbers make no task, or another one than nsum says. */
lc_status lc_objective_task(struct lc_objective *obj, int task, const double *about, const lc_pass *pass);

lc_status lc_loss_task(void *context, const lc_block *block, double *sum);
lc_status lc_mistakes_task(void *context, const lc_block *block, double *sum);
lc_status lc_leads_task(void *context, const lc_block *block, double *sum);
lc_status lc_flows_task(void *context, const lc_block *block, double *sum);
lc_status lc_residuals_task(void *context, const lc_block *block, double *sum);
lc_status lc_dual_task(void *context, const lc_block *block, double *sum);

#endif
