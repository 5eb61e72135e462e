/* problem/objective_tasks.c - see problem/tasks.h. */
#include "problem/objective.h"
#include "problem/tasks.h"

static lc_status ones_task(void *context, const lc_block *block, double *sum) {
  (void)context;
  (void)sum;
  for (int i = 0; i < block->m; i++) block->s[i] = 1;
  return LC_OK;
}

typedef lc_status block_function(void *context, const lc_block *block, double *sum);

enum { EACH_CLASS = -1, EACH_PAIR = -2 };
static const struct {
  block_function *block;
  int nsum; /* a number, 1 + k, or k^2 */
  int derivatives; /* most of them that may be wanted: 0 none, 1 G, 2 G and C */
} tasks[LC_TASK_COUNT] = {
    [LC_TASK_LOSS] = {lc_loss_task, 1, 2},           [LC_TASK_MISTAKES] = {lc_mistakes_task, 1, 0},
    [LC_TASK_LEADS] = {lc_leads_task, EACH_CLASS, 0}, [LC_TASK_FLOWS] = {lc_flows_task, EACH_PAIR, 0},
    [LC_TASK_RESIDUALS] = {lc_residuals_task, 0, 1}, [LC_TASK_DUAL] = {lc_dual_task, 2, 0},
    [LC_TASK_ONES] = {ones_task, 0, 2},
};

void lc_task_set(lc_task_context *context, enum lc_task task, lc_pass *pass) {
  pass->block = tasks[task].block;
  pass->context = context;
  pass->task = task;
  if (!context || !(context->obj->x->ops->caps & LC_ELSEWHERE)) return;
  const lc_coding *coding = &context->obj->coding;
  double *about = context->obj->about;
  about[0] = coding->mu;
  about[1] = context->t;
  for (int c = 0; c < coding->k; c++) about[2 + c] = context->s ? context->s[c] : 1;
  pass->about = about;
  pass->ntask = lc_task_numbers(coding);
}

lc_status lc_objective_task(lc_objective *obj, int task, const double *about, const lc_pass *pass) {
  if (task <= LC_TASK_NONE || task >= LC_TASK_COUNT) return LC_INVALID;
  int k = obj->coding.k, nsum = tasks[task].nsum;
  int expected = nsum == EACH_CLASS ? 1 + k : nsum == EACH_PAIR ? k * k : nsum;
  int plain = task == LC_TASK_ONES; /* of one score column, whatever the loss has */
  int derivatives = pass->C ? 2 : pass->G ? 1 : 0;
  if (pass->nsum != expected || derivatives > tasks[task].derivatives || pass->K != (plain ? 1 : obj->K) ||
      (pass->C ? pass->ns != (plain ? 1 : obj->ns) : pass->ns != 0) || (plain && !pass->C) ||
      (task == LC_TASK_RESIDUALS && !pass->G))
    return LC_INVALID;
  lc_obs without = *obj->obs;
  without.offset = NULL;
  without.noffset = 0;
  if (!plain) obj->coding.mu = about[0];
  lc_task_context context = {.obj = obj, .t = plain ? 0 : about[1], .s = plain ? NULL : about + 2};
  lc_pass own = *pass;
  own.obs = plain ? NULL : task == LC_TASK_LEADS ? &without : obj->obs;
  own.block = tasks[task].block;
  own.context = &context;
  return obj->x->ops->pass(obj->x, &own, obj->host, obj->arena);
}
