/* path/features.c - features that must be read, and those that join; see path/round.h. */
#include <stdlib.h>
#include <string.h>

#include "path/round.h"
#include "threads/threads.h"

lc_status lc_round_allocate(lc_round *round, lc_path_state *path) {
  lc_index p = path->problem->x->p;
  *round = (lc_round){.path = path};
  round->feature = lc_arena_alloc(path->arena, p, sizeof *round->feature);
  round->unsafe = lc_arena_alloc(path->arena, p, 1);
  round->joined = lc_arena_alloc(path->arena, path->nfits, sizeof *round->joined);
  return round->feature && round->unsafe && round->joined ? LC_OK : LC_OUT_OF_MEMORY;
}

/* Proofs keep this relative distance from the threshold, so that rounding cannot turn one. */
static const double proof_margin = 1e-6;

/* ---- which features must be read ----------------------------------------------------------------------- */

static int whole_row_in_set(const lc_fold *fold, lc_index f) {
  const lc_objective *obj = &fold->obj;
  for (lc_index c = 0; c < obj->K; c += lc_penalty_width(obj->pen, obj->K))
    if (fold->solver.set.position[lc_fold_index(fold, f, c)] < 0) return 0;
  return 1;
}

/* The first marked feature from `f` on, or `to`: most are not, and eight are looked at together. */
static lc_index next_marked(const unsigned char *mark, lc_index f, lc_index to) {
  uint64_t eight = 0;
  for (; f + 8 <= to; f += 8) {
    memcpy(&eight, mark + f, 8);
    if (eight != 0) break;
  }
  while (f < to && !mark[f]) f++;
  return f;
}

/* Marks features from .. to - 1 that some pending fold must read: one fold after the other, few streams of memory.
 * 0: safe or in the set for all folds so far; 1: not safe for this fold, whose set is to be asked; 2: must be read. */
static void mark_features(lc_round *round, lc_index from, lc_index to, double slack) {
  const lc_path_state *path = round->path;
  unsigned char *mark = round->unsafe;
  memset(mark + from, 0, (size_t)(to - from));
  for (lc_index m = 0; m < path->nfits; m++) {
    const lc_fold *fold = path->fold + m;
    const lc_penalty *pen = fold->obj.pen;
    if (!fold->pending) continue;
    lc_screen_mark_unsafe(&fold->screen, from, to, lc_penalty_width(pen, path->coding.K), pen->l1,
                          fold->obj.weight_sum * pen->lambda * (1 - proof_margin), slack, mark);
    for (lc_index f = next_marked(mark, from, to); f < to; f = next_marked(mark, f + 1, to))
      if (mark[f] == 1) mark[f] = whole_row_in_set(fold, f) ? 0 : 2;
  }
}

typedef struct list_task {
  lc_round *round;
  double slack;
} list_task;

static void list_some(void *context, lc_index from, lc_index to) {
  const list_task *task = context;
  mark_features(task->round, from, to, task->slack);
}

void lc_round_list(lc_round *round, double slack) {
  const lc_path_state *path = round->path;
  lc_index count = 0, p = path->problem->x->p;
  list_task task = {round, slack};
  int threads = lc_threads_for(path->host, 1e-8 * (double)p * path->coding.K * (double)path->nfits);
  lc_parallel(threads, p, 1024, list_some, &task);
  for (lc_index f = next_marked(round->unsafe, 0, p); f < p; f = next_marked(round->unsafe, f + 1, p))
    round->feature[count++] = f;
  round->nfeatures = count;
}

void lc_round_list_all(lc_round *round) {
  round->nfeatures = round->path->problem->x->p;
  for (lc_index f = 0; f < round->nfeatures; f++) round->feature[f] = f;
}

/* ---- reading ------------------------------------------------------------------------------------------- */

/* Columns that are read together. */
typedef struct batch {
  const lc_index *feature; /* count of them */
  lc_index count;
  int K;
  const double *dots;     /* count x K for each pending fold, side by side */
  const lc_index *column; /* nfits: the number of each pending fold among them */
} batch;

static lc_status record_batch(void *context, lc_fold *fold) {
  const batch *read = context;
  const double *dots = read->dots + read->column[fold->number] * read->K * read->count;
  for (lc_index v = 0; v < read->count; v++) lc_screen_record(&fold->screen, read->feature[v], dots + v, read->count);
  return LC_OK;
}

/* Residuals of the pending folds, side by side; their number and that of each. NULL: no memory. */
static const double *pending_residuals(const lc_path_state *path, lc_index *folds, lc_index *column) {
  lc_index size = path->problem->x->n * path->coding.K;
  *folds = 0;
  for (lc_index m = 0; m < path->nfits; m++)
    if (path->fold[m].pending) column[m] = (*folds)++;
  if (*folds == path->nfits) return path->residuals;
  double *R = lc_arena_doubles(path->arena, size * *folds);
  for (lc_index m = 0; R && m < path->nfits; m++)
    if (path->fold[m].pending) memcpy(R + column[m] * size, path->fold[m].balanced, (size_t)size * sizeof *R);
  return R;
}

/* Reads the listed columns once for all pending folds, in batches that let the host stop between them. */
static lc_status read_batches(lc_round *round) {
  lc_path_state *path = round->path;
  const lc_design *x = path->problem->x;
  int K = path->coding.K;
  lc_index most = lc_min(round->nfeatures, lc_max(64, 20000000 / lc_max(1, x->n * K))), folds;
  lc_index *column = lc_arena_alloc(path->arena, path->nfits, sizeof *column);
  lc_index *rows = lc_arena_alloc(path->arena, most, sizeof *rows);
  if (!column || !rows) return LC_OUT_OF_MEMORY;
  const double *R = pending_residuals(path, &folds, column);
  int wide = K * (int)folds;
  double *dots = lc_arena_doubles(path->arena, most * wide);
  if (!R || !dots) return LC_OUT_OF_MEMORY;
  for (lc_index from = 0; from < round->nfeatures; from += most) {
    batch read = {round->feature + from, lc_min(most, round->nfeatures - from), K, dots, column};
    for (lc_index v = 0; v < read.count; v++) rows[v] = read.feature[v] + x->intercept;
    x->ops->col_dot(x, read.count, rows, wide, R, dots, path->arena);
    LC_TRY(lc_folds_each(path, record_batch, &read));
  }
  path->fold->obj.passes += (double)round->nfeatures / (double)lc_max(1, x->p);
  return LC_OK;
}

lc_status lc_round_read(lc_round *round) {
  lc_mark mark = lc_arena_mark(round->path->arena);
  lc_status status = read_batches(round);
  lc_arena_reset(round->path->arena, mark);
  return status;
}

/* ---- joining ------------------------------------------------------------------------------------------- */

typedef struct candidates {
  lc_round *round;
  lc_index most;     /* of a fold */
  lc_violator *list; /* most for each fold */
} candidates;

/* Groups that violate among the features just read join the set, the worst first and about as many as it has. */
static lc_status join_set(void *context, lc_fold *fold) {
  const candidates *all = context;
  const lc_round *round = all->round;
  const lc_objective *obj = &fold->obj;
  lc_working_set *set = &fold->solver.set;
  lc_violator *list = all->list + fold->number * all->most;
  lc_index count = 0, width = lc_penalty_width(obj->pen, obj->K);
  for (lc_index v = 0; v < round->nfeatures; v++) {
    lc_index f = round->feature[v];
    double *g = fold->gradient;
    lc_fold_seen_gradient(fold, f, g);
    for (lc_index c = 0; c < obj->K; c += width) {
      lc_index i = lc_fold_index(fold, f, c);
      if (set->position[i] >= 0) continue;
      double violation = lc_penalty_group_violation(obj->pen, f, width, obj->at.B + i, obj->q, g + c, 1);
      violation /= lc_objective_rms(obj, f);
      if (violation > fold->goal.residual) list[count++] = (lc_violator){violation, i};
    }
  }
  lc_index joined = lc_min(count, lc_max(64, set->size / width));
  if (count > joined) qsort(list, (size_t)count, sizeof *list, lc_violator_order);
  for (lc_index v = 0; v < joined; v++) LC_TRY(lc_set_add(set, list[v].index));
  round->joined[fold->number] = joined;
  return LC_OK;
}

lc_status lc_round_join(lc_round *round) {
  lc_path_state *path = round->path;
  lc_mark mark = lc_arena_mark(path->arena);
  candidates all = {.round = round};
  all.most = round->nfeatures * (path->coding.K / lc_penalty_width(&path->fold->pen, path->coding.K));
  all.list = lc_arena_alloc(path->arena, all.most * path->nfits, sizeof *all.list);
  lc_status status = all.list ? lc_folds_each(path, join_set, &all) : LC_OUT_OF_MEMORY;
  lc_arena_reset(path->arena, mark);
  return status;
}
