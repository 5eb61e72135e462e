/* r/column_file.h - a file of n x p numbers by columns and nothing else, as packages bigmemory and bigstatsr keep their
 * matrices and this package the copy of a source. It is read, never mapped: of a file that was cut short, mapped memory
 * would end the process. */
#ifndef LCR_COLUMN_FILE_H
#define LCR_COLUMN_FILE_H

#include <stdio.h>

#include "r/r.h"

typedef struct lcr_element lcr_element; /* how a number is stored */

typedef struct lcr_column_file {
  FILE *file; /* NULL until it is opened */
  const char *path;
  lc_index n, p;
  const lcr_element *element;
  const double *code; /* what unsigned bytes 0 .. 255 stand for; NULL: themselves */
} lcr_column_file;

/* From a list with path, element (the name of a type; NULL: "double") and code (NULL or 256 numbers). NULL, or what is
 * wrong with it. */
const char *lcr_column_file_describe(SEXP list, lc_index n, lc_index p, lcr_column_file *out);
lcr_column_file lcr_column_file_of_doubles(const char *path, lc_index n, lc_index p);
/* 0: it cannot be opened; `mode` as of fopen(). Open already: nothing to do. */
int lcr_column_file_open(lcr_column_file *f, const char *mode);
void lcr_column_file_close(lcr_column_file *f);

/* Rows row .. row + m - 1 of column j to `to`; returns how many there were. Missing values become NaN. */
lc_index lcr_column_file_read(const lcr_column_file *f, lc_index j, lc_index row, lc_index m, double *to);
/* Tells the system that rows up to `row` are read and the next ones will be, in runs that a disk likes: a pass calls it
 * before each read, with its own *announced, 0 at first. */
void lcr_column_file_announce(const lcr_column_file *f, lc_index row, lc_index *announced);
/* Doubles to their place; 0: it could not be done. */
int lcr_column_file_write(const lcr_column_file *f, lc_index j, lc_index row, lc_index m, const double *from);
/* Takes the room for the whole file, where the system can; 0: there is not as much. */
int lcr_column_file_reserve(const lcr_column_file *f);

#endif
