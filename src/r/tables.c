/* r/tables.c - the tables of losses, solvers, settings and statuses as R lists, so that no name, default or bound
 * is typed twice. */
#include <math.h>

#include "kernel/kernel.h"
#include "r/r.h"

static SEXP strings(int n, const char *(*get)(int)) {
  SEXP out = PROTECT(Rf_allocVector(STRSXP, n));
  for (int i = 0; i < n; i++) SET_STRING_ELT(out, i, Rf_mkChar(get(i)));
  UNPROTECT(1);
  return out;
}

static SEXP flag_column(int n, unsigned (*get)(int), unsigned flag) {
  SEXP out = PROTECT(Rf_allocVector(LGLSXP, n));
  for (int i = 0; i < n; i++) LOGICAL(out)[i] = (get(i) & flag) != 0;
  UNPROTECT(1);
  return out;
}

static const char *loss_name(int i) { return lc_losses[i].name; }
static const char *loss_title(int i) { return lc_losses[i].title; }
static unsigned loss_flags(int i) { return lc_losses[i].flags; }

SEXP lcr_losses(void) {
  int n = lc_loss_count;
  SEXP list = PROTECT(lcr_list_make(12));
  lcr_list_add(list, "name", strings(n, loss_name));
  lcr_list_add(list, "title", strings(n, loss_title));
  SEXP most = PROTECT(Rf_allocVector(INTSXP, n)), vector = PROTECT(Rf_allocVector(LGLSXP, n));
  for (int i = 0; i < n; i++) {
    INTEGER(most)[i] = lc_losses[i].most_classes;
    LOGICAL(vector)[i] = lc_losses[i].vector_form;
  }
  lcr_list_add(list, "max_classes", most);
  lcr_list_add(list, "vector_form", vector);
  lcr_list_add(list, "probability", flag_column(n, loss_flags, LC_PROBABILITY));
  lcr_list_add(list, "likelihood", flag_column(n, loss_flags, LC_LIKELIHOOD));
  lcr_list_add(list, "smooth", flag_column(n, loss_flags, LC_SMOOTH));
  lcr_list_add(list, "smoothed", flag_column(n, loss_flags, LC_SMOOTHABLE));
  lcr_list_add(list, "ramps", flag_column(n, loss_flags, LC_RAMPS));
  lcr_list_add(list, "largest_ramp", flag_column(n, loss_flags, LC_LARGEST_RAMP));
  lcr_list_add(list, "curvature", flag_column(n, loss_flags, LC_HESSIAN));
  lcr_list_add(list, "convex_gap", flag_column(n, loss_flags, LC_DUAL));
  UNPROTECT(3);
  return list;
}

/* A table of fields by columns: name, default, lower, upper, integer, help, and the words of values that have names. */
static SEXP field_table(const lc_field *fields, int n) {
  SEXP list = PROTECT(lcr_list_make(7)), words = PROTECT(Rf_allocVector(STRSXP, n));
  SEXP name = PROTECT(Rf_allocVector(STRSXP, n)), help = PROTECT(Rf_allocVector(STRSXP, n));
  SEXP preset = PROTECT(Rf_allocVector(REALSXP, n)), lower = PROTECT(Rf_allocVector(REALSXP, n));
  SEXP upper = PROTECT(Rf_allocVector(REALSXP, n)), integer = PROTECT(Rf_allocVector(LGLSXP, n));
  for (int i = 0; i < n; i++) {
    SET_STRING_ELT(name, i, Rf_mkChar(fields[i].name));
    SET_STRING_ELT(help, i, Rf_mkChar(fields[i].help));
    const char *known = lc_field_words(fields[i].name);
    SET_STRING_ELT(words, i, Rf_mkChar(known ? known : ""));
    REAL(preset)[i] = isnan(fields[i].preset) ? NA_REAL : fields[i].preset;
    REAL(lower)[i] = fields[i].lower;
    REAL(upper)[i] = fields[i].upper;
    LOGICAL(integer)[i] = fields[i].integer;
  }
  lcr_list_add(list, "name", name);
  lcr_list_add(list, "default", preset);
  lcr_list_add(list, "lower", lower);
  lcr_list_add(list, "upper", upper);
  lcr_list_add(list, "integer", integer);
  lcr_list_add(list, "help", help);
  lcr_list_add(list, "words", words);
  UNPROTECT(8);
  return list;
}

static const char *solver_name(int i) { return lc_solvers[i]->name; }
static const char *solver_title(int i) { return lc_solvers[i]->title; }
static unsigned solver_flags(int i) { return lc_solvers[i]->flags; }

SEXP lcr_solvers(void) {
  int n = lc_solver_count;
  SEXP list = PROTECT(lcr_list_make(13));
  lcr_list_add(list, "name", strings(n, solver_name));
  lcr_list_add(list, "title", strings(n, solver_title));
  lcr_list_add(list, "smooth_only", flag_column(n, solver_flags, LC_NEEDS_SMOOTH));
  lcr_list_add(list, "ramps_only", flag_column(n, solver_flags, LC_NEEDS_RAMPS));
  lcr_list_add(list, "largest_ramp", flag_column(n, solver_flags, LC_TAKES_LARGEST));
  lcr_list_add(list, "ridge_only", flag_column(n, solver_flags, LC_NEEDS_RIDGE));
  lcr_list_add(list, "sparse_only", flag_column(n, solver_flags, LC_NEEDS_SPARSE));
  lcr_list_add(list, "l1", flag_column(n, solver_flags, LC_TAKES_L1));
  lcr_list_add(list, "groups", flag_column(n, solver_flags, LC_TAKES_GROUPS));
  lcr_list_add(list, "bounds", flag_column(n, solver_flags, LC_TAKES_BOUNDS));
  lcr_list_add(list, "random", flag_column(n, solver_flags, LC_DRAWS));
  lcr_list_add(list, "steps_as_given", flag_column(n, solver_flags, LC_STEPS_AS_GIVEN));
  SEXP options = PROTECT(Rf_allocVector(VECSXP, n));
  for (int i = 0; i < n; i++) SET_VECTOR_ELT(options, i, field_table(lc_solvers[i]->fields, lc_solvers[i]->nfields));
  lcr_list_add(list, "options", options);
  UNPROTECT(2);
  return list;
}

SEXP lcr_controls(void) { return field_table(lc_control_fields, lc_control_field_count); }

static const char *status_name(int i) { return lc_status_rows[i].name; }
static const char *status_text(int i) { return lc_status_rows[i].text; }

SEXP lcr_statuses(void) {
  SEXP list = PROTECT(lcr_list_make(3));
  SEXP code = PROTECT(Rf_allocVector(INTSXP, lc_status_count));
  for (int i = 0; i < lc_status_count; i++) INTEGER(code)[i] = lc_status_rows[i].code;
  lcr_list_add(list, "code", code);
  lcr_list_add(list, "name", strings(lc_status_count, status_name));
  lcr_list_add(list, "text", strings(lc_status_count, status_text));
  UNPROTECT(2);
  return list;
}

SEXP lcr_simd(void) { return Rf_mkString(lc_kernels()->name); }
