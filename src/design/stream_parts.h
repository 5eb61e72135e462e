/* design/stream_parts.h - what the two files of streams share. */
#ifndef LC_DESIGN_STREAM_PARTS_H
#define LC_DESIGN_STREAM_PARTS_H

#include "design/design.h"

extern const lc_design_ops lc_sparse_stream_ops;

/* Is a column of the list no intercept? */
int lc_lists_features(const lc_design *x, lc_index nj, const lc_index *j);

/* `cells` of lc_design_ops. */
double lc_stream_cells(const lc_design *x);

/* Verbs of rows of lc_design_ops (design/stream_rows.c). */
lc_status lc_stream_as_rows(const lc_design *x, lc_rows *out, lc_arena *arena);
lc_index lc_stream_row_piece(const lc_rows *rows, lc_index m, const lc_index *index);
void lc_stream_row_load(lc_rows *rows, lc_index m, const lc_index *index);

#endif
