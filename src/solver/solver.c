/* solver/solver.c - the list of solvers and their settings. */
#include "solver/solver.h"

#include <math.h>
#include <string.h>

#define LC_SOLVER(name) extern const lc_solver lc_solver_##name;
#include "solver/solver_list.h"
#undef LC_SOLVER

const lc_solver *const lc_solvers[] = {
#define LC_SOLVER(name) &lc_solver_##name,
#include "solver/solver_list.h"
#undef LC_SOLVER
};
const int lc_solver_count = (int)(sizeof lc_solvers / sizeof lc_solvers[0]);

const lc_solver *lc_solver_find(const char *name) {
  for (int i = 0; i < lc_solver_count; i++)
    if (strcmp(lc_solvers[i]->name, name) == 0) return lc_solvers[i];
  return NULL;
}

#define FIELD(name) #name, offsetof(lc_settings, name)
const lc_field lc_control_fields[] = {
    {FIELD(tolerance), 1e-9, 1e-15, 1, 0,
     "relative certificate (duality gap or Newton decrement over the objective) that ends a fit; a hinge has "
     "reached it at 1e-6 where it is not given"},
    {FIELD(max_iter), NAN, 0, 1e9, 1, "largest number of iterations (a path: for each lambda); NA: the solver's own"},
    {FIELD(time_limit), INFINITY, 0, INFINITY, 0, "seconds after which a fit stops with what it has"},
    {FIELD(threads), NAN, 1, 1024, 1, "threads; NA: the default"},
    {FIELD(trace), 0, 0, 1, 1, "1: a message for each line of the history"},
};
#undef FIELD
const int lc_control_field_count = (int)(sizeof lc_control_fields / sizeof lc_control_fields[0]);

const char *lc_field_words(const char *name) {
  return strcmp(name, "schedule") == 0 ? "automatic constant inverse cosine" : NULL;
}

static double *place(lc_settings *settings, const lc_field *field) {
  return (double *)((char *)settings + field->offset);
}

void lc_settings_preset(lc_settings *settings, const lc_field *fields, int nfields) {
  for (int i = 0; i < nfields; i++) *place(settings, fields + i) = fields[i].preset;
}

lc_status lc_settings_set(lc_settings *settings, const lc_field *fields, int nfields, const char *name, double value) {
  for (int i = 0; i < nfields; i++) {
    const lc_field *field = fields + i;
    if (strcmp(field->name, name) != 0) continue;
    int unset = isnan(value) && isnan(field->preset);
    int whole = !field->integer || isinf(value) || value == floor(value);
    if (!unset && !(value >= field->lower && value <= field->upper && whole)) return LC_INVALID;
    *place(settings, field) = value;
    return LC_OK;
  }
  return LC_INVALID;
}

lc_settings lc_settings_rest(const lc_settings *settings, double spent) {
  lc_settings rest = *settings;
  if (!isnan(rest.max_iter)) rest.max_iter = fmax(0, rest.max_iter - spent);
  return rest;
}

int lc_gap_is_small(const lc_objective *obj, const lc_settings *settings) {
  int l2_only = lc_penalty_all_l2(obj->pen) && !lc_penalty_has_l1(obj->pen);
  if (lc_penalty_is_none(obj->pen) || (obj->coding.mu == 0 && l2_only)) return 1;
  return lc_penalty_gap_estimate(obj->pen, obj->K, obj->at.value, obj->at.B, obj->G) <=
         0.1 * settings->tolerance * lc_objective_scale(obj);
}

lc_status lc_solver_start(lc_objective *obj, const double *B, int want, int *restarted) {
  const double far = 10;
  *restarted = 0;
  LC_TRY(lc_objective_eval(obj, B, want));
  lc_objective_accept(obj);
  if (!(obj->at.value <= far * obj->null_value)) {
    /* The other point's B is free to be overwritten, but eval reads what it is given first. */
    for (lc_index i = 0; i < obj->P; i++) obj->to.B[i] = 0;
    lc_penalty_clip(obj->pen, obj->K, obj->to.B);
    LC_TRY(lc_objective_eval(obj, obj->to.B, want));
    *restarted = obj->to.value < obj->at.value || !isfinite(obj->at.value);
    if (*restarted)
      lc_objective_accept(obj);
    else
      LC_TRY(lc_objective_eval(obj, obj->at.B, want));
  }
  return isfinite(obj->at.value) ? LC_OK : LC_NONFINITE;
}
