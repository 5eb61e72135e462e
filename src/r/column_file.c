/* r/column_file.c - files of numbers by columns: read in any type that R's packages store, written as doubles. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L /* fseeko, posix_fallocate, posix_fadvise */
#endif
#include <float.h>
#include <limits.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#ifndef _WIN32
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#endif

#include "r/column_file.h"

/* ---- how numbers are stored ------------------------------------------------------------------------------------- */

struct lcr_element {
  const char *name;
  int bytes;
  double (*value)(const void *at);
};

#define ELEMENT_VALUE(name, type, missing)   \
  static double name(const void *at) {       \
    type value;                              \
    memcpy(&value, at, sizeof value);        \
    return (missing) ? NAN : (double)value;  \
  }

ELEMENT_VALUE(value_double, double, 0)
ELEMENT_VALUE(value_float, float, value == FLT_MIN)
ELEMENT_VALUE(value_integer, int32_t, value == INT32_MIN)
ELEMENT_VALUE(value_short, int16_t, value == INT16_MIN)
ELEMENT_VALUE(value_char, int8_t, value == INT8_MIN)
ELEMENT_VALUE(value_unsigned_short, uint16_t, 0)
ELEMENT_VALUE(value_unsigned_char, uint8_t, 0)
#undef ELEMENT_VALUE

/* Names are those of bigmemory and bigstatsr. NA of whole numbers is the least one of their type, that of bigmemory's
 * floats FLT_MIN. */
static const lcr_element elements[] = {
    {"double", 8, value_double},
    {"float", 4, value_float},
    {"integer", 4, value_integer},
    {"short", 2, value_short},
    {"char", 1, value_char},
    {"unsigned short", 2, value_unsigned_short},
    {"unsigned char", 1, value_unsigned_char},
    {"raw", 1, value_unsigned_char},
};
enum { ELEMENTS = (int)(sizeof elements / sizeof elements[0]), CODES = 256 };

/* Bytes of each type, by name. */
SEXP lcr_elements(void) {
  SEXP out = PROTECT(Rf_allocVector(REALSXP, ELEMENTS)), names = PROTECT(Rf_allocVector(STRSXP, ELEMENTS));
  for (int i = 0; i < ELEMENTS; i++) {
    REAL(out)[i] = elements[i].bytes;
    SET_STRING_ELT(names, i, Rf_mkChar(elements[i].name));
  }
  Rf_setAttrib(out, R_NamesSymbol, names);
  UNPROTECT(2);
  return out;
}

static int is_string(SEXP x) {
  return TYPEOF(x) == STRSXP && XLENGTH(x) == 1 && STRING_ELT(x, 0) != NA_STRING;
}

lcr_column_file lcr_column_file_of_doubles(const char *path, lc_index n, lc_index p) {
  return (lcr_column_file){.path = path, .n = n, .p = p, .element = elements};
}

const char *lcr_column_file_describe(SEXP list, lc_index n, lc_index p, lcr_column_file *out) {
  SEXP path = lcr_get(list, "path"), element = lcr_get(list, "element"), code = lcr_get(list, "code");
  *out = lcr_column_file_of_doubles("", n, p);
  if (!is_string(path)) return "its path is no string";
  out->path = CHAR(STRING_ELT(path, 0));
  if (element != R_NilValue) {
    out->element = NULL;
    for (int i = 0; is_string(element) && i < ELEMENTS; i++)
      if (strcmp(CHAR(STRING_ELT(element, 0)), elements[i].name) == 0) out->element = elements + i;
    if (!out->element) return "its type of numbers is not known";
  }
  if (code == R_NilValue) return NULL;
  if (TYPEOF(code) != REALSXP || XLENGTH(code) != CODES || out->element->value != value_unsigned_char)
    return "its code is no 256 numbers for unsigned bytes";
  out->code = REAL_RO(code);
  return NULL;
}

/* ---- reading and writing ---------------------------------------------------------------------------------------- */

int lcr_column_file_open(lcr_column_file *f, const char *mode) {
  if (f->file) return 1;
  f->file = fopen(R_ExpandFileName(f->path), mode);
  if (f->file) setvbuf(f->file, NULL, _IONBF, 0);
  return f->file != NULL;
}

void lcr_column_file_close(lcr_column_file *f) {
  if (f->file) fclose(f->file);
  f->file = NULL;
}

static double place(const lcr_column_file *f, lc_index j, lc_index row) {
  return f->element->bytes * ((double)j * (double)f->n + (double)row);
}

static int go_to(const lcr_column_file *f, lc_index j, lc_index row) {
#ifdef _WIN32
  return _fseeki64(f->file, (long long)place(f, j, row), SEEK_SET) == 0;
#else
  return fseeko(f->file, (off_t)place(f, j, row), SEEK_SET) == 0;
#endif
}

/* Shorter numbers are read to the end of their place and spread from the front: none is overwritten before its turn. */
lc_index lcr_column_file_read(const lcr_column_file *f, lc_index j, lc_index row, lc_index m, double *to) {
  size_t bytes = (size_t)f->element->bytes;
  unsigned char *end = (unsigned char *)(to + m), *from = end - bytes * (size_t)m;
  size_t got = go_to(f, j, row) ? fread(from, bytes, (size_t)m, f->file) : 0;
  if (f->element->value == value_double) return (lc_index)got;
  for (size_t i = 0; i < got; i++) to[i] = f->code ? f->code[from[i]] : f->element->value(from + i * bytes);
  return (lc_index)got;
}

void lcr_column_file_announce(const lcr_column_file *f, lc_index row, lc_index *announced) {
#if defined(__linux__)
  enum { RUN = 32768, BYTES = 64 << 20 }; /* rows of a run; bytes of all columns */
  lc_index run = lc_max(1, lc_min(RUN, BYTES / (f->element->bytes * lc_max(1, f->p))));
  while (*announced < lc_min(f->n, row + run)) {
    for (lc_index j = 0; j < f->p; j++)
      posix_fadvise(fileno(f->file), (off_t)place(f, j, *announced), (off_t)run * f->element->bytes,
                    POSIX_FADV_WILLNEED);
    *announced += run;
  }
#else
  (void)f;
  (void)row;
  (void)announced;
#endif
}

int lcr_column_file_write(const lcr_column_file *f, lc_index j, lc_index row, lc_index m, const double *from) {
  return go_to(f, j, row) && fwrite(from, sizeof(double), (size_t)m, f->file) == (size_t)m;
}

int lcr_column_file_reserve(const lcr_column_file *f) {
#if defined(__linux__)
  return posix_fallocate(fileno(f->file), 0, (off_t)place(f, f->p, 0)) == 0;
#else
  (void)f;
  return 1;
#endif
}

/* ---- for R ------------------------------------------------------------------------------------------------------ */

/* Rows from .. from + m - 1 (counted from 1) of a file that is described by a list with n and names too: a matrix, or
 * a string that says where the file ends. */
SEXP lcr_file_rows(SEXP list, SEXP from, SEXP m) {
  lcr_column_file f;
  SEXP names = lcr_get(list, "names");
  if (!lcr_is_number(from) || !lcr_is_number(m)) Rf_error("not rows of a file");
  double n = lcr_get_number(list, "n"), row = Rf_asReal(from), rows = Rf_asReal(m);
  if (!(n >= 0 && n <= (double)R_XLEN_T_MAX) || !(row >= 1 && rows >= 0 && row + rows - 1 <= n && rows <= INT_MAX) ||
      TYPEOF(names) != STRSXP || XLENGTH(names) > INT_MAX)
    Rf_error("not rows of a file");
  const char *wrong = lcr_column_file_describe(list, (lc_index)n, (lc_index)XLENGTH(names), &f);
  if (wrong) Rf_error("not a file of numbers: %s", wrong);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)rows, (int)f.p)), shown = PROTECT(Rf_allocVector(VECSXP, 2));
  SET_VECTOR_ELT(shown, 1, names);
  Rf_setAttrib(out, R_DimNamesSymbol, shown);
  char text[96] = "cannot be opened";
  int fine = lcr_column_file_open(&f, "rb");
  for (lc_index j = 0; fine && j < f.p; j++) {
    lc_index got = lcr_column_file_read(&f, j, (lc_index)row - 1, (lc_index)rows, REAL(out) + j * (lc_index)rows);
    fine = got == (lc_index)rows;
    snprintf(text, sizeof text, "ends within column %.0f, at row %.0f", (double)j + 1, row + (double)got);
  }
  lcr_column_file_close(&f);
  UNPROTECT(2);
  return fine ? out : Rf_mkString(text);
}
