/* r/fit.c - column statistics and the one routine that fits. */
#include <math.h>
#include <string.h>

#include "r/r.h"

SEXP lcr_colstats(SEXP x, SEXP w) {
  static const char *const names[] = {"mean", "sd", "max_abs", "n_na", "n_nan", "n_inf"};
  lc_design design;
  SEXP owner = PROTECT(lcr_session_begin());
  const char *wrong = NULL;
  if (lcr_is_stream(x))
    lcr_stream_begin(x, lcr_session_of(owner), &design);
  else
    wrong = lcr_design_check(x, &design);
  if (wrong) {
    lcr_session_end(owner);
    UNPROTECT(1);
    return Rf_mkString(wrong);
  }
  const double *weights = lcr_doubles(w, design.n, "weights");
  SEXP list = PROTECT(lcr_list_make(6));
  for (int i = 0; i < 6; i++) lcr_list_add(list, names[i], Rf_allocVector(REALSXP, design.p));
  double *column[6];
  for (int i = 0; i < 6; i++) column[i] = REAL(VECTOR_ELT(list, i));
  lc_colstat stats = {column[0], column[1], column[2], column[3], column[4], column[5]};
  lc_status status = lc_design_colstats(&design, weights, &lcr_session_of(owner)->host, &stats);
  lcr_session_end(owner);
  lcr_stream_end(x, &design);
  lcr_check(status);
  UNPROTECT(2);
  return list;
}

/* Settings by name: presets of the tables, then what R sends. */
static void read_settings(SEXP spec, const lc_solver *solver, lc_settings *out) {
  memset(out, 0, sizeof *out);
  lc_settings_preset(out, lc_control_fields, lc_control_field_count);
  for (int i = 0; i < lc_solver_count; i++) lc_settings_preset(out, lc_solvers[i]->fields, lc_solvers[i]->nfields);
  if (solver) lc_settings_preset(out, solver->fields, solver->nfields);
  const char *const parts[] = {"control", "options"};
  for (int part = 0; part < 2; part++) {
    SEXP list = lcr_get(spec, parts[part]), names = Rf_getAttrib(list, R_NamesSymbol);
    const lc_field *fields = part == 0 ? lc_control_fields : solver ? solver->fields : NULL;
    int nfields = part == 0 ? lc_control_field_count : solver ? solver->nfields : 0;
    if (list != R_NilValue && TYPEOF(list) != VECSXP) Rf_error("'%s' must be a list", parts[part]);
    for (R_xlen_t i = 0; TYPEOF(list) == VECSXP && i < XLENGTH(list); i++) {
      SEXP value = VECTOR_ELT(list, i);
      const char *name = TYPEOF(names) == STRSXP ? CHAR(STRING_ELT(names, i)) : "";
      if (!lcr_is_number(value) || lc_settings_set(out, fields, nfields, name, Rf_asReal(value)) != LC_OK)
        Rf_error("'%s' is not a setting of this solver or out of its bounds", name);
    }
  }
  double seed = lcr_get_number(spec, "seed");
  if (!(seed >= 0 && seed <= 9007199254740992.0)) Rf_error("'seed' must be a number from 0 to 2^53");
  out->seed = (uint64_t)seed;
}

/* A problem on x, whose intercept is set before. */
static void read_problem(SEXP spec, lc_design *x, const lc_obs *obs, lc_problem *out) {
  lc_index p = x->p;
  memset(out, 0, sizeof *out);
  out->x = x;
  out->obs = obs;
  out->loss = lc_loss_find(lcr_get_string(spec, "loss"));
  if (!out->loss) Rf_error("unknown loss");
  const char *solver = lcr_get_string(spec, "solver");
  out->solver = lc_solver_find(solver);
  if (!out->solver && strcmp(solver, "auto") != 0) Rf_error("unknown solver '%s'", solver);
  out->k = lcr_get_count(spec, "k");
  out->reference = lcr_get_flag(spec, "coding");
  out->pen.p = p;
  out->pen.intercept = x->intercept;
  out->pen.lambda = lcr_get_number(spec, "lambda");
  if (!(out->pen.lambda >= 0)) Rf_error("'lambda' must not be negative");
  out->pen.l1 = lcr_doubles(lcr_get(spec, "l1"), p, "l1");
  out->pen.l2 = lcr_doubles(lcr_get(spec, "l2"), p, "l2");
  out->pen.lower = lcr_doubles(lcr_get(spec, "lower"), p, "lower");
  out->pen.upper = lcr_doubles(lcr_get(spec, "upper"), p, "upper");
  out->pen.grouped = lcr_get_flag(spec, "grouped");
  out->spread = lcr_doubles(lcr_get(spec, "spread"), p, "spread");
  out->tolerance_given = Rf_asLogical(lcr_get(spec, "tolerance_given")) == 1;
  out->wants_covariance = lcr_get_flag(spec, "covariance");
  SEXP stats = lcr_get(spec, "stats");
  out->mean = lcr_doubles(lcr_get(stats, "mean"), p, "mean");
  out->sd = lcr_doubles(lcr_get(stats, "sd"), p, "sd");
  out->max_abs = lcr_doubles(lcr_get(stats, "max_abs"), p, "max_abs");
  out->ovr = lcr_get_flag(spec, "ovr");
  if (out->ovr && (x->ops->caps & LC_ELSEWHERE)) Rf_error("rows that are elsewhere have one response");
  lc_coding coding;
  if (lc_coding_make(out->loss, out->k, out->reference, &coding) != LC_OK ||
      (out->ovr && (out->reference || !out->loss->vector_form)))
    Rf_error("loss '%s' does not suit %d classes", out->loss->name, out->k);
  if (out->obs->noffset != 0 && out->obs->noffset != coding.K) Rf_error("'offset' must have %d columns", coding.K);
  out->start = lcr_doubles(lcr_get(spec, "start"), (R_xlen_t)lc_design_q(x) * coding.K, "start");
  if (!out->pen.l1 || !out->pen.l2 || !out->mean || !out->sd || !out->max_abs || !out->pen.lower != !out->pen.upper)
    Rf_error("the specification of the fit is incomplete");
}

/* Rows that are set aside: list(row, weight), rows counted from 1. */
static void read_validation(SEXP spec, lc_index n, lcr_session *session, lc_settings *out) {
  SEXP list = lcr_get(spec, "validation"), row = lcr_get(list, "row");
  if (list == R_NilValue) return;
  if (TYPEOF(row) != INTSXP || XLENGTH(row) < 1 || XLENGTH(row) >= n) Rf_error("'validation' must list some rows");
  lc_validation *set = lc_arena_alloc(&session->arena, 1, sizeof *set);
  lc_index *index = lc_arena_alloc(&session->arena, XLENGTH(row), sizeof *index);
  unsigned char *seen = lc_arena_alloc(&session->arena, n, 1);
  if (!set || !index || !seen) lcr_check(LC_OUT_OF_MEMORY);
  memset(seen, 0, (size_t)n);
  for (R_xlen_t i = 0; i < XLENGTH(row); i++) {
    int at = INTEGER_RO(row)[i];
    if (at < 1 || at > n || seen[at - 1]++) Rf_error("'validation' must be numbers of rows, each once");
    index[i] = at - 1;
  }
  *set = (lc_validation){XLENGTH(row), index, lcr_doubles(lcr_get(list, "weight"), XLENGTH(row), "validation")};
  if (!set->w) Rf_error("'validation' has no weights");
  out->validation = set;
}

/* Where a descent stood: what descent_list() made. */
static void read_descent(SEXP spec, R_xlen_t P, lcr_session *session, lc_settings *out) {
  SEXP list = lcr_get(spec, "descent");
  if (list == R_NilValue) return;
  lc_descent *from = lc_arena_alloc(&session->arena, 1, sizeof *from);
  if (!from) lcr_check(LC_OUT_OF_MEMORY);
  *from = (lc_descent){.epochs = lcr_get_number(list, "epochs"),
                       .log_mean = lcr_get_number(list, "log_mean"),
                       .searches = lcr_get_number(list, "searches"),
                       .metric = lcr_get_number(list, "metric"),
                       .averaged = lcr_get_number(list, "averaged")};
  const double *iterate = lcr_doubles(lcr_get(list, "iterate"), P, "iterate");
  const double *mean = lcr_doubles(lcr_get(list, "mean"), P, "mean");
  if (!(from->epochs >= 0 && from->searches >= 0 && isfinite(from->log_mean) && from->averaged >= 0) ||
      (from->averaged > 0 && (!iterate || !mean)))
    Rf_error("'descent' is incomplete");
  from->iterate = lc_arena_zeros(&session->arena, P);
  from->mean = lc_arena_zeros(&session->arena, P);
  if (!from->iterate || !from->mean) lcr_check(LC_OUT_OF_MEMORY);
  if (iterate) memcpy(from->iterate, iterate, (size_t)P * sizeof(double));
  if (mean) memcpy(from->mean, mean, (size_t)P * sizeof(double));
  out->from = from;
}

static void read_task(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, lcr_session *session, lcr_task *out) {
  int k = lcr_get_count(spec, "k");
  if (lcr_is_shards(x)) {
    lcr_shards_begin(x, k, session, &out->x, &out->obs);
  } else {
    if (y == R_NilValue) Rf_error("'y' is missing");
    lcr_design(x, y, k, w, offset, session, &out->x, &out->obs);
  }
  out->x.intercept = lcr_get_flag(spec, "intercept");
  read_problem(spec, &out->x, &out->obs, &out->problem);
  read_settings(spec, out->problem.solver, &out->settings);
  session->host.threads = lcr_thread_count(out->settings.threads);
  session->time_limit = out->settings.time_limit;
  session->trace = out->settings.trace > 0;
  session->progress = lcr_get_flag(spec, "progress");
  const lc_solver *solver = out->problem.solver;
  if (!solver || !(solver->flags & LC_DRAWS)) return;
  session->epochs = fmin(out->settings.epochs, isnan(out->settings.max_iter) ? INFINITY : out->settings.max_iter);
}

SEXP lcr_task_run(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, lcr_worker *work) {
  SEXP owner = PROTECT(lcr_session_begin());
  lcr_session *session = lcr_session_of(owner);
  lcr_task task;
  read_task(x, y, w, offset, spec, session, &task);
  SEXP out = PROTECT(work(&task, spec, session));
  lcr_session_end(owner);
  lcr_stream_end(x, &task.x);
  lcr_shards_end(x, &task.x);
  UNPROTECT(2);
  return out;
}

static SEXP matrix_of(const double *values, lc_index rows, lc_index columns) {
  SEXP out = Rf_allocMatrix(REALSXP, (int)rows, (int)columns);
  if (rows * columns > 0) memcpy(REAL(out), values, (size_t)(rows * columns) * sizeof(double));
  return out;
}

static SEXP number(double value) { return Rf_ScalarReal(isnan(value) ? NA_REAL : value); }

static SEXP certificate_list(const lc_solution *solution) {
  static const char *const kinds[] = {"duality_gap", "newton_decrement", "gradient", "mistakes", "sampled_decrement"};
  const lc_certificate *certificate = &solution->certificate;
  int known = certificate->kind != LC_KKT_ONLY;
  SEXP list = PROTECT(lcr_list_make(6));
  lcr_list_add(list, "kind", Rf_mkString(kinds[certificate->kind]));
  lcr_list_add(list, "gap", number(known ? certificate->gap : NAN));
  lcr_list_add(list, "relative", number(known ? certificate->relative : NAN));
  lcr_list_add(list, "kkt", number(certificate->kkt));
  lcr_list_add(list, "met", Rf_ScalarLogical(solution->met));
  lcr_list_add(list, "tolerance", number(solution->goal));
  UNPROTECT(1);
  return list;
}

static SEXP separation_list(const lc_solution *solution, int k) {
  static const char *const kinds[] = {"none", "quasi", "complete"};
  const lc_report *report = &solution->report;
  SEXP list = PROTECT(lcr_list_make(3));
  lcr_list_add(list, "kind", Rf_mkString(kinds[report->separation]));
  SEXP class_rows = PROTECT(Rf_allocVector(REALSXP, k));
  for (int c = 0; c < k; c++) REAL(class_rows)[c] = report->separation ? report->class_rows[c] : 0;
  lcr_list_add(list, "rows", number(report->separation ? report->separated_rows : 0));
  lcr_list_add(list, "class_rows", class_rows);
  UNPROTECT(2);
  return list;
}

/* Where mini-batches stand; the iterate and the mean, q x K each, where there is a mean. */
static SEXP descent_list(const lc_descent *descent, lc_index q, int K) {
  if (!descent) return R_NilValue;
  SEXP list = PROTECT(lcr_list_make(7));
  int averaged = descent->averaged > 0;
  lcr_list_add(list, "epochs", number(descent->epochs));
  lcr_list_add(list, "log_mean", number(descent->log_mean));
  lcr_list_add(list, "searches", number(descent->searches));
  lcr_list_add(list, "metric", number(descent->metric));
  lcr_list_add(list, "averaged", number(descent->averaged));
  lcr_list_add(list, "iterate", averaged ? matrix_of(descent->iterate, q, K) : R_NilValue);
  lcr_list_add(list, "mean", averaged ? matrix_of(descent->mean, q, K) : R_NilValue);
  UNPROTECT(1);
  return list;
}

/* Mean loss of the model with intercepts alone (no offsets): of likelihoods the entropy of the class shares. */
static double null_loss(const lc_problem *problem, lc_arena *arena) {
  const lc_obs *obs = problem->obs;
  if (!(problem->loss->flags & LC_LIKELIHOOD)) {
    double out;
    return lc_solve_null(problem, arena->host, arena, &out) == LC_OK ? out : NAN;
  }
  if (obs->noffset) return NAN;
  if (!problem->x->intercept) return log(problem->k);
  double *share = lc_arena_zeros(arena, problem->k), total = 0, sum = 0;
  if (!share) return NAN;
  lc_obs_class_totals(obs, problem->k, share);
  for (int c = 0; c < problem->k; c++) total += share[c];
  for (int c = 0; c < problem->k; c++)
    if (share[c] > 0) sum -= share[c] / total * log(share[c] / total);
  return sum;
}

static SEXP covariance_of(const lc_problem *problem, const lc_solution *solution, lcr_session *session) {
  double *V;
  lc_index size;
  lc_status status = lc_solve_covariance(problem, solution, &session->arena, &V, &size);
  return status == LC_OK ? matrix_of(V, size, size) : R_NilValue;
}

static SEXP fit_list(const lc_problem *problem, lc_status status, const lc_solution *solution, SEXP covariance,
                     lcr_session *session) {
  const lc_design *x = problem->x;
  const lc_status_row *row = lcr_session_outcome(session, status);
  SEXP list = PROTECT(lcr_list_make(20));
  lcr_list_add(list, "status", Rf_mkString(row->name));
  lcr_list_add(list, "text", Rf_mkString(row->text));
  lcr_list_add(list, "history", lcr_session_history(session));
  if (status < 0) {
    UNPROTECT(1);
    return list;
  }
  lcr_list_add(list, "coefficients", matrix_of(solution->B, lc_design_q(x), solution->K));
  SEXP aliased = PROTECT(Rf_allocVector(LGLSXP, x->p));
  for (lc_index j = 0; j < x->p; j++) LOGICAL(aliased)[j] = solution->alias[x->intercept + j] != 0;
  lcr_list_add(list, "aliased", aliased);
  lcr_list_add(list, "solver", Rf_mkString(solution->solver->name));
  lcr_list_add(list, "reason", Rf_mkString(solution->reason));
  lcr_list_add(list, "iterations", number(solution->report.iterations));
  lcr_list_add(list, "passes", number(solution->passes));
  lcr_list_add(list, "objective", number(solution->objective));
  lcr_list_add(list, "loss", number(solution->loss));
  lcr_list_add(list, "jeffreys", number(solution->jeffreys));
  lcr_list_add(list, "null_loss", number(null_loss(problem, &session->arena)));
  lcr_list_add(list, "weight_sum", number(solution->weight_sum));
  lcr_list_add(list, "certificate", certificate_list(solution));
  lcr_list_add(list, "separation", separation_list(solution, problem->k));
  lcr_list_add(list, "mistakes", number(solution->report.mistakes));
  lcr_list_add(list, "condition", number(solution->report.condition));
  lcr_list_add(list, "descent", descent_list(solution->report.descent, lc_design_q(x), solution->K));
  lcr_list_add(list, "covariance", covariance);
  UNPROTECT(2);
  return list;
}

/* Which coefficients stay as they are in the start: P numbers, 0 or 1; NULL: none. */
static const unsigned char *read_held(SEXP held, lc_index P, lcr_session *session) {
  const double *given = lcr_doubles(held, P, "held");
  if (!given) return NULL;
  unsigned char *out = lc_arena_alloc(&session->arena, P, 1);
  if (!out) lcr_check(LC_OUT_OF_MEMORY);
  for (lc_index i = 0; i < P; i++) out[i] = given[i] != 0;
  return out;
}

/* The two settings that only a whole fit has. */
static void read_penalised_likelihood(SEXP spec, lcr_session *session, lc_problem *problem) {
  lc_coding coding;
  problem->jeffreys = lcr_get_flag(spec, "jeffreys");
  lcr_check(lc_coding_make(problem->loss, problem->k, problem->reference, &coding));
  problem->held = read_held(lcr_get(spec, "held"), lc_design_q(problem->x) * coding.K, session);
  int smooth = (problem->loss->flags & LC_LIKELIHOOD) != 0, plain = lc_penalty_is_none(&problem->pen);
  if ((problem->jeffreys || problem->held) && !(smooth && plain && !problem->solver))
    Rf_error("Jeffreys' penalty and held coefficients need a likelihood without other penalty, and solver 'auto'");
  if (problem->held && !problem->start) Rf_error("held coefficients need a 'start'");
}

static SEXP fit(lcr_task *task, SEXP spec, lcr_session *session) {
  read_penalised_likelihood(spec, session, &task->problem);
  lc_coding coding;
  lcr_check(lc_coding_make(task->problem.loss, task->problem.k, task->problem.reference, &coding));
  read_validation(spec, task->x.n, session, &task->settings);
  if (!task->problem.ovr) read_descent(spec, (R_xlen_t)lc_design_q(&task->x) * coding.K, session, &task->settings);
  lc_solution solution;
  lc_unique_rows unique;
  int joined;
  lcr_check(lc_unique_rows_make(&task->x, &task->obs, &unique, &joined, &session->arena));
  if (joined) task->problem.unique = &unique;
  task->problem.solver_rate_given = task->problem.solver && !isnan(task->settings.rate);
  lc_status status = lc_solve(&task->problem, &task->settings, &session->host, &session->arena, &solution);
  status = lcr_stream_status(&task->x, status);
  session->time_limit = INFINITY; /* what follows belongs to the report */
  int wanted = task->problem.wants_covariance && status >= 0 && !lc_is_stop(status); /* then nothing more is computed */
  SEXP covariance = PROTECT(wanted ? covariance_of(&task->problem, &solution, session) : R_NilValue);
  SEXP out = fit_list(&task->problem, lcr_session_status(session, status), &solution, covariance, session);
  UNPROTECT(1);
  return out;
}

SEXP lcr_fit(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) { return lcr_task_run(x, y, w, offset, spec, fit); }

/* NULL, or what is wrong with the slots of a sparse matrix. */
SEXP lcr_valid(SEXP x) {
  lc_design design;
  const char *wrong = lcr_design_check(x, &design);
  return wrong ? Rf_mkString(wrong) : R_NilValue;
}
