/* working_set/set_step.c - see working_set/set_step.h. */
#include "working_set/set_step.h"

#include <math.h>
#include <string.h>

/* ---- gradients --------------------------------------------------------------------------------------- */

lc_status lc_step_init(lc_set_step *step, lc_working_set *set, lc_objective *obj) {
  if (!obj->at.Z) return LC_UNSUPPORTED;
  lc_index scores = obj->x->n * obj->K;
  *step = (lc_set_step){.set = set, .obj = obj, .arena = obj->arena};
  step->R = lc_arena_doubles(step->arena, scores);
  step->R_to = lc_arena_doubles(step->arena, scores);
  step->slopes = lc_arena_doubles(step->arena, obj->K);
  return step->R && step->R_to && step->slopes ? LC_OK : LC_OUT_OF_MEMORY;
}

/* The vectors for as many coefficients as the set may hold. What they held belongs to a step before. */
static lc_status reserve(lc_set_step *step) {
  double **const vectors[] = {&step->b, &step->start, &step->g, &step->Hd, &step->dual};
  const int count = (int)(sizeof vectors / sizeof vectors[0]);
  lc_index capacity = step->set->capacity;
  if (step->capacity >= capacity) return LC_OK;
  double *memory = lc_arena_doubles(step->arena, count * capacity);
  step->cells = lc_arena_doubles(step->arena, lc_min(capacity, step->obj->q) * step->obj->K);
  if (!memory || !step->cells) return LC_OUT_OF_MEMORY;
  for (int v = 0; v < count; v++) *vectors[v] = memory + v * capacity;
  step->capacity = capacity;
  return LC_OK;
}

double lc_step_residual(const lc_set_step *step, lc_index s) {
  const lc_working_set *set = step->set;
  lc_index f = lc_set_feature(set, s), width = lc_set_width(set, s);
  if (f < 0) return fabs(lc_step_slope(step, s)) / set->rms[s];
  for (lc_index c = 0; c < width; c++) step->slopes[c] = lc_step_slope(step, s + c);
  return lc_penalty_group_violation(step->obj->pen, f, width, step->b + s, 1, step->slopes, 1) / set->rms[s];
}

double lc_step_worst(const lc_set_step *step) {
  double worst = 0;
  for (lc_index s = 0; s < step->set->size; s += lc_set_width(step->set, s))
    worst = fmax(worst, lc_step_residual(step, s));
  return worst;
}

lc_status lc_step_reset(lc_set_step *step) {
  lc_working_set *set = step->set;
  LC_TRY(reserve(step));
  LC_TRY(lc_set_list_rows(set));
  for (lc_index s = 0; s < set->size; s++) {
    step->b[s] = step->start[s] = step->obj->at.B[set->index[s]];
    step->Hd[s] = 0;
  }
  return LC_OK;
}

/* g and worst from the cells. */
static void take_gradients(lc_set_step *step) {
  for (lc_index s = 0; s < step->set->size; s++) step->g[s] = step->cells[step->set->cell[s]];
  step->worst = lc_step_worst(step);
}

/* Of columns with few entries a score column reads its own alone: under an L1 penalty most features matter to some of
 * the classes, and a read costs as much for each class as if the others were not read. */
static lc_status load_own(lc_set_step *step) {
  const lc_working_set *set = step->set;
  lc_objective *obj = step->obj;
  lc_mark mark = lc_arena_mark(step->arena);
  lc_index size = set->size, *who = lc_arena_alloc(step->arena, 2 * size + obj->K + 1, sizeof *who);
  double *g = lc_arena_doubles(step->arena, size);
  if (!who || !g) return LC_OUT_OF_MEMORY;
  lc_index *rows = who + size, *first = rows + size;
  lc_set_by_column(set, who, first);
  for (lc_index v = 0; v < size; v++) rows[v] = lc_set_row(set, who[v]);
  for (int c = 0; c < obj->K; c++)
    lc_objective_columns(obj, first[c + 1] - first[c], rows + first[c], 1, step->R + c * obj->x->n, g + first[c]);
  for (lc_index v = 0; v < size; v++) step->g[who[v]] = g[v];
  lc_arena_reset(step->arena, mark);
  step->worst = lc_step_worst(step);
  return LC_OK;
}

lc_status lc_step_load(lc_set_step *step) {
  LC_TRY(lc_step_reset(step));
  if (lc_objective_has_sparse_columns(step->obj)) return load_own(step);
  lc_objective_columns(step->obj, step->set->nrows, step->set->rows, step->obj->K, step->R, step->cells);
  take_gradients(step);
  return LC_OK;
}

lc_status lc_step_load_all(lc_set_step *step) {
  LC_TRY(lc_step_reset(step));
  const lc_working_set *set = step->set;
  const lc_objective *obj = step->obj;
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < set->nrows; v++) {
      lc_index index = c * obj->q + set->rows[v], f = set->rows[v] - obj->pen->intercept;
      double l2 = f < 0 ? 0 : lc_penalty_l2(obj->pen, f);
      step->cells[v + c * set->nrows] = obj->G[index] - l2 * obj->at.B[index];
    }
  take_gradients(step);
  return LC_OK;
}

lc_status lc_step_start(lc_set_step *step) {
  LC_TRY(lc_objective_residuals(step->obj, NULL, step->R));
  return lc_step_load(step);
}

/* ---- what a move promises ---------------------------------------------------------------------------- */

/* ||b|| - ||start|| of a group with all digits of b - start: (b - start)'(b + start) / (||b|| + ||start||). */
static double norm_change(const lc_set_step *step, lc_index s, lc_index width) {
  const double *b = step->b + s, *start = step->start + s;
  double both = lc_penalty_norm(width, b, 1) + lc_penalty_norm(width, start, 1), change = 0;
  for (lc_index c = 0; both > 0 && c < width; c++) change += (b[c] - start[c]) * ((b[c] + start[c]) / both);
  return change;
}

double lc_step_predicted_change(const lc_set_step *step) {
  const lc_working_set *set = step->set;
  double change = 0;
  for (lc_index s = 0, width; s < set->size; s += width) {
    width = lc_set_width(set, s);
    for (lc_index c = s; c < s + width; c++)
      change += (step->g[c] + lc_set_l2(set, s) * step->start[c]) * (step->b[c] - step->start[c]);
    change += lc_set_l1(set, s) * norm_change(step, s, width);
  }
  return change;
}

/* ---- trials ------------------------------------------------------------------------------------------ */

lc_status lc_step_try(lc_set_step *step, double t) {
  lc_objective *obj = step->obj;
  const lc_working_set *set = step->set;
  lc_index nrows = set->nrows, moved = 0;
  lc_mark mark = lc_arena_mark(step->arena);
  lc_index *rows = lc_arena_alloc(step->arena, nrows, sizeof *rows);
  double *D = lc_arena_zeros(step->arena, nrows * obj->K), *used = lc_arena_doubles(step->arena, nrows * obj->K);
  if (!rows || !D || !used) return LC_OUT_OF_MEMORY;
  for (lc_index s = 0; s < set->size; s++) D[set->cell[s]] = t * (step->b[s] - step->start[s]);
  for (lc_index v = 0; v < nrows; v++) { /* only rows that move are read */
    int any = 0;
    for (int c = 0; c < obj->K; c++) any |= D[v + c * nrows] != 0;
    if (any) rows[moved++] = v;
  }
  for (int c = 0; c < obj->K; c++)
    for (lc_index v = 0; v < moved; v++) used[v + c * moved] = D[rows[v] + c * nrows];
  for (lc_index v = 0; v < moved; v++) rows[v] = set->rows[rows[v]];
  lc_status status = lc_objective_move(obj, moved, rows, used, step->R_to);
  /* start + (b - start) may round: a coefficient that reached 0 is to be 0. */
  for (lc_index s = 0; t == 1 && s < set->size; s++) obj->to.B[set->index[s]] = step->b[s];
  lc_arena_reset(step->arena, mark);
  return status;
}

lc_status lc_step_try_all(lc_set_step *step) {
  lc_objective *obj = step->obj;
  const lc_working_set *set = step->set;
  lc_mark mark = lc_arena_mark(step->arena);
  double *B = lc_arena_doubles(step->arena, obj->P);
  if (!B) return LC_OUT_OF_MEMORY;
  memcpy(B, obj->at.B, (size_t)obj->P * sizeof(double));
  for (lc_index s = 0; s < set->size; s++) B[set->index[s]] = step->b[s];
  lc_status status = lc_objective_eval(obj, B, LC_WANT_GRADIENT);
  lc_arena_reset(step->arena, mark);
  return status;
}

lc_status lc_step_search(lc_set_step *step, double *t) {
  double change = lc_step_predicted_change(step);
  step->gain = fmax(-0.5 * change, 0);
  *t = 0;
  if (!(change < 0)) return LC_OK;
  LC_TRY(lc_step_try(step, 1));
  LC_TRY(lc_line_search(step->obj, change, step->obj->to.value, t));
  return *t > 0 && *t < 1 ? lc_step_try(step, *t) : LC_OK;
}

void lc_step_take(lc_set_step *step) {
  double *swap = step->R;
  lc_objective_accept(step->obj);
  step->R = step->R_to;
  step->R_to = swap;
  step->steps++;
}

void lc_step_take_if_lower(lc_set_step *step) {
  if (step->obj->to.value < step->obj->at.value) lc_step_take(step);
}
