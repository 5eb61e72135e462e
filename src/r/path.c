/* r/path.c - the one routine of paths and cross-validation. */
#include <math.h>
#include <string.h>

#include "path/path.h"
#include "r/r.h"

static void read_spec(SEXP spec, lc_index n, lc_path_spec *out) {
  memset(out, 0, sizeof *out);
  SEXP lambdas = lcr_get(spec, "lambdas"), holdout = lcr_get(spec, "holdout");
  if (lambdas == R_NilValue) {
    out->nlambdas = lcr_get_count(spec, "nlambda");
    out->min_ratio = lcr_get_number(spec, "min_ratio");
    if (out->nlambdas < 1 || !(out->min_ratio > 0 && out->min_ratio <= 1)) Rf_error("'nlambda' or 'min_ratio' is bad");
  } else {
    out->nlambdas = XLENGTH(lambdas);
    out->lambdas = lcr_doubles(lambdas, out->nlambdas, "lambdas");
    for (lc_index l = 0; l < out->nlambdas; l++)
      if (!(out->lambdas[l] >= 0 && (l == 0 || out->lambdas[l] < out->lambdas[l - 1]))) Rf_error("'lambdas' is bad");
  }
  if (out->nlambdas < 1) Rf_error("there are no lambdas");
  if (holdout == R_NilValue) return;
  if (TYPEOF(holdout) != INTSXP || n < 1 || XLENGTH(holdout) % n != 0) Rf_error("'holdout' is bad");
  out->holdout = INTEGER_RO(holdout);
  if (XLENGTH(holdout) > INT_MAX) Rf_error("there are too many repeats for so many rows"); /* and folds <= n */
  out->nrepeats = (int)(XLENGTH(holdout) / n);
  for (R_xlen_t i = 0; i < XLENGTH(holdout); i++) {
    if (out->holdout[i] < 0 || out->holdout[i] > n) Rf_error("'holdout' is bad");
    if (out->holdout[i] > out->nfolds) out->nfolds = out->holdout[i];
  }
  if (out->nfolds < 1) Rf_error("'holdout' leaves no row out");
}

/* Slots i, p and x of the sparse q x L matrix of one score column. */
static SEXP column_slots(const lc_path *path, int c) {
  SEXP list = PROTECT(lcr_list_make(3));
  double total = 0;
  for (lc_index l = 0; l < path->length; l++) total += (double)path->point[l].count[c];
  if (total > INT_MAX) Rf_error("the path has too many nonzero coefficients for a sparse matrix");
  SEXP i = PROTECT(Rf_allocVector(INTSXP, (R_xlen_t)total)), p = PROTECT(Rf_allocVector(INTSXP, path->length + 1)),
       x = PROTECT(Rf_allocVector(REALSXP, (R_xlen_t)total));
  int used = 0;
  INTEGER(p)[0] = 0;
  for (lc_index l = 0; l < path->length; l++) {
    const lc_path_point *point = path->point + l;
    for (lc_index v = 0; v < point->count[c]; v++) {
      INTEGER(i)[used] = (int)point->row[c][v];
      REAL(x)[used++] = point->value[c][v];
    }
    INTEGER(p)[l + 1] = used;
  }
  lcr_list_add(list, "i", i);
  lcr_list_add(list, "p", p);
  lcr_list_add(list, "x", x);
  UNPROTECT(4);
  return list;
}

static double or_na(double value) { return isnan(value) ? NA_REAL : value; }

/* The numbers of all points, one vector for each. */
static void add_points(SEXP list, const lc_path *path) {
  static const struct {
    const char *name;
    size_t offset;
  } columns[] = {{"lambda", offsetof(lc_path_point, lambda)},
                 {"objective", offsetof(lc_path_point, outcome.objective)},
                 {"loss", offsetof(lc_path_point, outcome.loss)},
                 {"gap", offsetof(lc_path_point, outcome.gap)},
                 {"relative", offsetof(lc_path_point, outcome.relative)},
                 {"kkt", offsetof(lc_path_point, outcome.kkt)},
                 {"iterations", offsetof(lc_path_point, outcome.iterations)},
                 {"passes", offsetof(lc_path_point, outcome.passes)}};
  for (size_t c = 0; c < sizeof columns / sizeof columns[0]; c++) {
    SEXP column = PROTECT(Rf_allocVector(REALSXP, path->length));
    for (lc_index l = 0; l < path->length; l++)
      REAL(column)[l] = or_na(*(const double *)((const char *)(path->point + l) + columns[c].offset));
    lcr_list_add(list, columns[c].name, column);
    UNPROTECT(1);
  }
  SEXP met = PROTECT(Rf_allocVector(LGLSXP, path->length)), nonzero = PROTECT(Rf_allocVector(INTSXP, path->length));
  for (lc_index l = 0; l < path->length; l++) {
    LOGICAL(met)[l] = path->point[l].outcome.met != 0;
    INTEGER(nonzero)[l] = (int)path->point[l].nonzero;
  }
  lcr_list_add(list, "met", met);
  lcr_list_add(list, "nonzero", nonzero);
  UNPROTECT(2);
}

static void add_folds(SEXP list, const lc_path *path, int folds) {
  SEXP relative = PROTECT(Rf_allocMatrix(REALSXP, (int)path->length, folds));
  SEXP nonzero = PROTECT(Rf_allocMatrix(INTSXP, (int)path->length, folds));
  double missed = 0;
  for (lc_index l = 0; l < path->length; l++) {
    missed += path->point[l].folds_missed;
    for (int f = 0; f < folds; f++) {
      REAL(relative)[l + f * path->length] = or_na(path->point[l].fold_relative[f]);
      INTEGER(nonzero)[l + f * path->length] = (int)path->point[l].fold_nonzero[f];
    }
  }
  lcr_list_add(list, "fold_relative", relative);
  lcr_list_add(list, "fold_nonzero", nonzero);
  lcr_list_add(list, "folds_missed", Rf_ScalarReal(missed));
  UNPROTECT(2);
}

static SEXP path_list(const lcr_session *session, lc_status status, const lc_path *path, const lc_path_spec *spec,
                      SEXP scores) {
  const lc_status_row *row = lcr_session_outcome(session, status);
  SEXP list = PROTECT(lcr_list_make(24));
  lcr_list_add(list, "status", Rf_mkString(row->name));
  lcr_list_add(list, "text", Rf_mkString(row->text));
  if (status >= 0) {
    SEXP coefficients = PROTECT(Rf_allocVector(VECSXP, path->K));
    for (int c = 0; c < path->K; c++) SET_VECTOR_ELT(coefficients, c, column_slots(path, c));
    lcr_list_add(list, "coefficients", coefficients);
    UNPROTECT(1);
    add_points(list, path);
    lcr_list_add(list, "tolerance", Rf_ScalarReal(path->goal));
    lcr_list_add(list, "lambda_max", Rf_ScalarReal(path->lambda_max));
    lcr_list_add(list, "null_loss", Rf_ScalarReal(path->null_loss));
    lcr_list_add(list, "separated", Rf_ScalarLogical(path->separated));
    lcr_list_add(list, "weight_sum", Rf_ScalarReal(path->weight_sum));
    lcr_list_add(list, "solver", Rf_mkString(path->solver ? path->solver->name : ""));
    lcr_list_add(list, "reason", Rf_mkString(path->reason ? path->reason : ""));
    lcr_list_add(list, "scores", scores);
    if (spec->holdout) add_folds(list, path, spec->nfolds * spec->nrepeats);
  }
  UNPROTECT(1);
  return list;
}

/* Scores of the rows that folds leave out, 0 before the run. */
static SEXP make_scores(const lcr_task *task, const lc_path_spec *spec) {
  lc_coding coding;
  lcr_check(lc_coding_make(task->problem.loss, task->problem.k, task->problem.reference, &coding));
  double cells = (double)task->x.n * coding.K * (double)spec->nlambdas * spec->nrepeats;
  if (cells > (double)R_XLEN_T_MAX) Rf_error("too many scores");
  SEXP scores = Rf_allocVector(REALSXP, (R_xlen_t)cells);
  memset(REAL(scores), 0, (size_t)cells * sizeof(double));
  return scores;
}

static SEXP fit_path(lcr_task *task, SEXP spec, lcr_session *session) {
  lc_path_spec wanted;
  lc_path path;
  if (task->x.ops->caps & LC_ELSEWHERE) Rf_error("paths need the rows here");
  read_spec(spec, task->x.n, &wanted);
  SEXP scores = PROTECT(wanted.holdout ? make_scores(task, &wanted) : R_NilValue);
  if (wanted.holdout) wanted.scores = REAL(scores);
  lc_status status = lc_path_run(&task->problem, &wanted, &task->settings, &session->host, &session->arena, &path);
  status = lcr_stream_status(&task->x, status);
  session->time_limit = INFINITY; /* what follows belongs to the report */
  SEXP out = path_list(session, lcr_session_status(session, status), &path, &wanted, scores);
  UNPROTECT(1);
  return out;
}

SEXP lcr_path(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) { return lcr_task_run(x, y, w, offset, spec, fit_path); }
