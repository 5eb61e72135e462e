/* r/convert.c - R's arguments to plain pointers, with every check that keeps C from reading astray. */
#include <string.h>

#include "design/factor.h"
#include "design/sparse.h"
#include "r/r.h"

SEXP lcr_get(SEXP list, const char *name) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  if (TYPEOF(list) != VECSXP || TYPEOF(names) != STRSXP) return R_NilValue;
  for (R_xlen_t i = 0; i < XLENGTH(list); i++)
    if (strcmp(CHAR(STRING_ELT(names, i)), name) == 0) return VECTOR_ELT(list, i);
  return R_NilValue;
}

int lcr_is_number(SEXP x) {
  int type = TYPEOF(x);
  return (type == REALSXP || type == INTSXP || type == LGLSXP) && XLENGTH(x) == 1;
}

double lcr_get_number(SEXP list, const char *name) {
  SEXP value = lcr_get(list, name);
  if (!lcr_is_number(value)) Rf_error("'%s' must be one number", name);
  return Rf_asReal(value);
}

const char *lcr_get_string(SEXP list, const char *name) {
  SEXP value = lcr_get(list, name);
  if (TYPEOF(value) != STRSXP || XLENGTH(value) != 1) Rf_error("'%s' must be one string", name);
  return CHAR(STRING_ELT(value, 0));
}

int lcr_get_flag(SEXP list, const char *name) { return lcr_get_number(list, name) == 1; }

int lcr_get_count(SEXP list, const char *name) {
  double value = lcr_get_number(list, name);
  if (!(value >= 0 && value <= INT_MAX)) Rf_error("'%s' must be a number from 0 to %d", name, INT_MAX);
  return (int)value;
}

const double *lcr_matrix(SEXP x, const char *what, int *rows, int *columns) {
  SEXP dim = Rf_getAttrib(x, R_DimSymbol);
  if (TYPEOF(x) != REALSXP || TYPEOF(dim) != INTSXP || XLENGTH(dim) != 2)
    Rf_error("'%s' must be a double matrix", what);
  *rows = INTEGER_RO(dim)[0];
  *columns = INTEGER_RO(dim)[1];
  return REAL_RO(x);
}

const double *lcr_doubles(SEXP x, R_xlen_t n, const char *what) {
  if (x == R_NilValue) return NULL;
  if (TYPEOF(x) != REALSXP || XLENGTH(x) != n) Rf_error("'%s' must be a double vector of length %.0f", what, (double)n);
  return REAL_RO(x);
}

const char *lcr_sparse_check(SEXP x, lc_design *out) {
  if (!Rf_isS4(x) || !Rf_inherits(x, "dgCMatrix")) return "it is no dgCMatrix";
  /* Slots are attributes; asked for as such, one that lacks is no R error, which would jump over the numerics. */
  SEXP dim = Rf_getAttrib(x, Rf_install("Dim")), p = Rf_getAttrib(x, Rf_install("p"));
  SEXP i = Rf_getAttrib(x, Rf_install("i")), value = Rf_getAttrib(x, Rf_install("x"));
  if (TYPEOF(dim) != INTSXP || XLENGTH(dim) != 2 || TYPEOF(p) != INTSXP || TYPEOF(i) != INTSXP ||
      TYPEOF(value) != REALSXP)
    return "a slot has the wrong type";
  int n = INTEGER_RO(dim)[0], columns = INTEGER_RO(dim)[1];
  if (n < 0 || columns < 0) return "slot Dim is negative";
  const char *wrong = lc_sparse_check(n, columns, INTEGER_RO(p), XLENGTH(p), INTEGER_RO(i), XLENGTH(i), XLENGTH(value));
  if (wrong) return wrong;
  lc_csc *csc = (lc_csc *)R_alloc(1, sizeof *csc);
  *csc = (lc_csc){INTEGER_RO(p), INTEGER_RO(i), REAL_RO(value)};
  lc_design_sparse(out, n, columns, csc);
  return NULL;
}

/* Vectors of one part: their types and lengths. R's memory holds what C adds, until the routine returns. */
static const char *read_part(SEXP x, lc_index n, int first, lc_part *out) {
  SEXP code = lcr_get(x, "code"), value = lcr_get(x, "value"), levels = lcr_get(x, "levels");
  if (code != R_NilValue && (TYPEOF(code) != INTSXP || XLENGTH(code) != n)) return "a part needs one code for each row";
  if (value != R_NilValue && (TYPEOF(value) != REALSXP || XLENGTH(value) != n))
    return "a part needs one number for each row";
  if (TYPEOF(levels) != INTSXP || XLENGTH(levels) != 1) return "a part needs its number of levels";
  *out = (lc_part){code == R_NilValue ? NULL : INTEGER_RO(code), value == R_NilValue ? NULL : REAL_RO(value),
                   INTEGER_RO(levels)[0], first};
  return NULL;
}

static const char *check_coded(SEXP x, lc_design *out) {
  SEXP dim = lcr_get(x, "dim"), parts = lcr_get(x, "parts"), start = lcr_get(x, "start");
  SEXP column = lcr_get(x, "column"), weight = lcr_get(x, "weight");
  if (TYPEOF(dim) != INTSXP || XLENGTH(dim) != 2 || TYPEOF(parts) != VECSXP || TYPEOF(start) != INTSXP ||
      TYPEOF(column) != INTSXP || (weight != R_NilValue && TYPEOF(weight) != REALSXP))
    return "an element has the wrong type";
  if (XLENGTH(parts) >= INT_MAX) return "there are too many parts";
  int n = INTEGER_RO(dim)[0], p = INTEGER_RO(dim)[1], nparts = (int)XLENGTH(parts);
  if (n < 0 || p < 0) return "a dimension is negative";
  if (XLENGTH(start) < 1 || (weight != R_NilValue && XLENGTH(weight) != XLENGTH(column)))
    return "columns and weights must have the same length";
  lc_part *part = (lc_part *)R_alloc((size_t)nparts + 1, sizeof *part);
  lc_coded *coded = (lc_coded *)R_alloc(1, sizeof *coded);
  int *owner = (int *)R_alloc((size_t)p + 1, sizeof *owner);
  *coded = (lc_coded){.part = part,
                      .nparts = nparts,
                      .start = INTEGER_RO(start),
                      .column = INTEGER_RO(column),
                      .weight = weight == R_NilValue ? NULL : REAL_RO(weight),
                      .owner = owner};
  for (int t = 0; t < nparts; t++) {
    const char *wrong = read_part(VECTOR_ELT(parts, t), n, coded->nlevels, part + t);
    if (wrong) return wrong;
    if (part[t].levels < 1 || part[t].levels > INT32_MAX - 2 - coded->nlevels)
      return "a part has no levels, or too many";
    coded->nlevels += part[t].levels;
    if (!part[t].code && coded->nnumeric == t) coded->nnumeric++;
  }
  const char *wrong = lc_coded_check(n, p, coded, XLENGTH(start), XLENGTH(column), owner);
  if (!wrong) lc_design_coded(out, n, p, coded);
  return wrong;
}

const char *lcr_design_check(SEXP x, lc_design *out) {
  if (Rf_inherits(x, "linclass_codes")) return check_coded(x, out);
  if (Rf_isS4(x)) {
    if (!Rf_inherits(x, "dgCMatrix")) Rf_error("'x' must be a matrix or a dgCMatrix");
    return lcr_sparse_check(x, out);
  }
  SEXP dim = Rf_getAttrib(x, R_DimSymbol);
  int type = TYPEOF(x);
  if ((type != REALSXP && type != INTSXP && type != LGLSXP) || TYPEOF(dim) != INTSXP || XLENGTH(dim) != 2)
    Rf_error("'x' must be a numeric matrix");
  enum lc_storage storage = type == REALSXP ? LC_DOUBLE : LC_INTEGER;
  lc_design_dense(out, INTEGER_RO(dim)[0], INTEGER_RO(dim)[1], storage, DATAPTR_RO(x));
  return NULL;
}

void lcr_in_memory(SEXP x) {
  if (lcr_is_stream(x)) Rf_error("'x' must be a matrix or a dgCMatrix");
}

static const double *codes(SEXP y, lc_index n, int k, lcr_session *session) {
  if (TYPEOF(y) != INTSXP || XLENGTH(y) != n) Rf_error("'y' must be an integer vector with one code for each row");
  double *out = lc_arena_doubles(&session->arena, n);
  if (!out) lcr_check(LC_OUT_OF_MEMORY);
  const int *code = INTEGER_RO(y);
  for (lc_index i = 0; i < n; i++) {
    if (code[i] < 0 || code[i] >= k) Rf_error("'y' must hold codes from 0 to %d", k - 1);
    out[i] = code[i];
  }
  return out;
}

void lcr_design(SEXP x, SEXP y, int k, SEXP w, SEXP offset, lcr_session *session, lc_design *out, lc_obs *obs) {
  const char *wrong = NULL;
  if (lcr_is_stream(x))
    lcr_stream_begin(x, session, out);
  else
    wrong = lcr_design_check(x, out);
  if (wrong) Rf_error("not a valid matrix: %s", wrong);
  *obs = (lc_obs){.n = out->n, .w = lcr_doubles(w, out->n, "weights")};
  if (y != R_NilValue) obs->y = codes(y, out->n, k, session);
  if (offset != R_NilValue) {
    if (TYPEOF(offset) != REALSXP || out->n == 0 || XLENGTH(offset) % out->n != 0)
      Rf_error("'offset' has the wrong shape");
    obs->offset = REAL_RO(offset);
    obs->noffset = (int)(XLENGTH(offset) / out->n);
  }
  if (Rf_inherits(x, "linclass_codes") && y != R_NilValue) { /* fits may ask for columns */
    lc_coded *coded = (lc_coded *)R_alloc(1, sizeof *coded);
    *coded = *lc_coded_of(out);
    lcr_check(lc_coded_index(out->n, out->p, coded, &session->arena));
    out->data = coded;
  }
}

void lcr_call(const char *function, const char *first, const char *second) {
  SEXP package = PROTECT(Rf_mkString("linclass"));
  SEXP namespace = PROTECT(R_FindNamespace(package));
  SEXP a = PROTECT(Rf_mkString(first)), b = PROTECT(Rf_mkString(second));
  SEXP call = PROTECT(Rf_lang3(Rf_install(function), a, b));
  Rf_eval(call, namespace);
  UNPROTECT(5);
}

void lcr_refuse(lc_status status) {
  const lc_status_row *row = lc_status_find(status);
  lcr_call("refuse_status", row->name, row->text);
  Rf_error("%s", row->text); /* should that function return after all */
}

SEXP lcr_list_make(R_xlen_t n) {
  SEXP list = PROTECT(Rf_allocVector(VECSXP, n)), names = PROTECT(Rf_allocVector(STRSXP, n));
  Rf_setAttrib(list, R_NamesSymbol, names);
  UNPROTECT(2);
  return list;
}

void lcr_list_add(SEXP list, const char *name, SEXP value) {
  SEXP names = Rf_getAttrib(list, R_NamesSymbol);
  R_xlen_t at = 0;
  while (STRING_ELT(names, at) != R_BlankString) at++;
  SET_VECTOR_ELT(list, at, value);
  SET_STRING_ELT(names, at, Rf_mkChar(name));
}
