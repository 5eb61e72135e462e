/* r/stream.c - rows that an R function hands out in blocks, or that lie in a file of numbers by columns.
 *
 * Such an x is a list of class "linclass_stream": dim (n, p); sparse; host, a function(what, value) that is called with
 * "begin" when a pass begins, "next" for the next block (NULL after the last), "end" with the checksum of the pass, and
 * "refuse" with what is wrong, which it makes an error (r/callback.c); and for a file what r/column_file.h asks for. */
#include <stdio.h>
#include <string.h>

#include "design/stream.h"
#include "r/column_file.h"

typedef struct lcr_stream {
  lc_stream stream;
  lcr_callback host; /* its last value is protected: the block */
  lcr_session *session;
  int failed; /* 1: no rows from now on */
  lc_index n, p, row, seen; /* row: that comes next; seen: rows that were read since this pass began */
  SEXP block;         /* what the host gave last, with rows `at` .. block_rows - 1 to come */
  lc_index at, block_rows;
  int by_file;
  lcr_column_file file; /* the session closes what is open */
  lc_index announced;   /* row up to which the system knows what is read */
  uint64_t sum; /* of this pass so far */
  double *memory[LC_STREAM_MEMORIES];
  lc_index doubles[LC_STREAM_MEMORIES];
} lcr_stream;

/* ---- calls of R ------------------------------------------------------------------------------------------------- */

/* host(what, value), NULL where it jumped. */
static SEXP ask(lcr_stream *s, const char *what, const char *value) {
  SEXP answer = lcr_callback_ask(&s->host, what, value ? Rf_mkString(value) : R_NilValue);
  if (!answer) s->failed = s->session->broken = 1;
  return answer;
}

static lc_status fail(lcr_stream *s, const char *problem) {
  ask(s, "refuse", problem);
  s->failed = 1;
  return LC_SOURCE;
}

/* The user's function has taken an interrupt, and answers with a string: the numerics end as by one of their own, and
 * those that ask again are told again. */
static lc_status interrupted(lcr_stream *s) {
  s->failed = s->session->interrupted = 1;
  return LC_INTERRUPTED;
}

static lc_status no_rows(const lcr_stream *s) { return s->session->interrupted ? LC_INTERRUPTED : LC_SOURCE; }

/* ---- what was read must be what was read before ----------------------------------------------------------------- */

/* A sum over entries that depends on each one's place, in any order of them: equal in every pass, or rows changed. */
static uint64_t mix(double value, uint64_t row, uint64_t column) {
  uint64_t bits;
  memcpy(&bits, &value, sizeof bits);
  return (bits ^ (row * UINT64_C(0x9E3779B97F4A7C15))) * (2 * column + UINT64_C(0xD1B54A32D192ED03));
}

static void add_up(lcr_stream *s, lc_index m, const double *x) {
  uint64_t sum = 0, row0 = (uint64_t)s->row;
  for (lc_index j = 0; j < s->p; j++) {
    const double *column = x + j * m;
    for (lc_index i = 0; i < m; i++) sum += mix(column[i], row0 + (uint64_t)i, (uint64_t)j);
  }
  s->sum += sum;
}

static lc_status end(void *self) {
  lcr_stream *s = self;
  char text[32];
  if (!s->by_file) {
    SEXP rest = ask(s, "next", NULL);
    if (!rest) return LC_SOURCE;
    if (TYPEOF(rest) == STRSXP) return interrupted(s);
    if (rest != R_NilValue) return fail(s, "it gave more rows in this pass than in the first");
  }
  snprintf(text, sizeof text, "%016llx", (unsigned long long)s->sum);
  return ask(s, "end", text) ? LC_OK : LC_SOURCE;
}

/* ---- blocks from a function ------------------------------------------------------------------------------------- */

static lc_status begin(void *self) {
  lcr_stream *s = self;
  if (s->failed) return no_rows(s);
  s->row = s->seen = s->announced = s->at = s->block_rows = 0;
  s->sum = 0;
  return ask(s, "begin", NULL) ? LC_OK : LC_SOURCE;
}

static lc_status next_block(lcr_stream *s) {
  if (s->failed) return no_rows(s);
  s->block = ask(s, "next", NULL);
  if (!s->block) return LC_SOURCE;
  if (s->block == R_NilValue) return fail(s, "it gave fewer rows in this pass than in the first");
  return TYPEOF(s->block) == STRSXP ? interrupted(s) : LC_OK;
}

static lc_status next_matrix(lcr_stream *s) {
  LC_TRY(next_block(s));
  SEXP dim = Rf_getAttrib(s->block, R_DimSymbol);
  if (TYPEOF(s->block) != REALSXP || TYPEOF(dim) != INTSXP || XLENGTH(dim) != 2 || INTEGER_RO(dim)[1] != s->p)
    return fail(s, "a block is no matrix of numbers with the columns of the first");
  s->at = 0;
  s->block_rows = INTEGER_RO(dim)[0];
  return LC_OK;
}

static lc_status read_blocks(void *self, lc_index m, double *to) {
  lcr_stream *s = self;
  for (lc_index done = 0; done < m;) {
    while (s->at == s->block_rows) LC_TRY(next_matrix(s));
    lc_index count = lc_min(m - done, s->block_rows - s->at);
    const double *from = REAL_RO(s->block) + s->at;
    for (lc_index j = 0; j < s->p; j++)
      memcpy(to + done + j * m, from + j * s->block_rows, (size_t)count * sizeof(double));
    s->at += count;
    done += count;
  }
  add_up(s, m, to);
  s->row += m;
  s->seen += m;
  return LC_OK;
}

static lc_status next_sparse(void *self, lc_csc *piece, lc_index *m) {
  lcr_stream *s = self;
  lc_design design;
  do {
    LC_TRY(next_block(s));
    const char *wrong = lcr_sparse_check(s->block, &design);
    if (wrong) return fail(s, wrong);
    if (design.p != s->p) return fail(s, "a block has other columns than the first");
    if (design.n > s->n - s->row) return fail(s, "it gave more rows in this pass than in the first");
  } while (design.n == 0);
  *piece = *lc_csc_of(&design);
  *m = design.n;
  for (lc_index j = 0; j < s->p; j++)
    for (int e = piece->start[j]; e < piece->start[j + 1]; e++)
      s->sum += mix(piece->value[e], (uint64_t)(s->row + piece->row[e]), (uint64_t)j);
  s->row += *m;
  return LC_OK;
}

/* ---- a file of n x p numbers by columns ------------------------------------------------------------------------- */

/* R's code looks at size and time of the file when a pass begins. */
static lc_status begin_file(void *self) {
  lcr_stream *s = self;
  LC_TRY(begin(self));
  if (!lcr_column_file_open(&s->file, "rb")) return fail(s, "the file cannot be opened");
  s->session->file = s->file.file;
  return LC_OK;
}

static lc_status read_file(void *self, lc_index m, double *to) {
  lcr_stream *s = self;
  char text[96];
  if (lcr_session_interrupted(s->session)) return LC_INTERRUPTED;
  if (s->row == s->seen) lcr_column_file_announce(&s->file, s->row + m, &s->announced);
  for (lc_index j = 0; j < s->p; j++) {
    lc_index got = lcr_column_file_read(&s->file, j, s->row, m, to + j * m);
    if (got == m) continue;
    snprintf(text, sizeof text, "the file ends within column %.0f, at row %.0f", (double)j + 1,
             (double)s->row + (double)got + 1);
    return fail(s, text);
  }
  add_up(s, m, to);
  s->row += m;
  s->seen += m;
  return LC_OK;
}

/* In a file every row can be reached; in blocks those that have not passed by. */
static lc_index seek(void *self, lc_index row) {
  lcr_stream *s = self;
  if (s->failed) return -1;
  int over = s->seen == 0 || s->seen >= s->n || (!s->by_file && row < s->row);
  if (over && s->stream.begin(s) != LC_OK) return -1;
  if (s->by_file) s->row = row;
  return s->row;
}

/* What was too small stays until the session ends: doubling bounds that. */
static double *memory(void *self, enum lc_stream_memory which, lc_index doubles) {
  lcr_stream *s = self;
  if (!s->memory[which] || s->doubles[which] < doubles) {
    s->doubles[which] = lc_max(doubles, s->memory[which] ? 2 * s->doubles[which] : 1);
    s->memory[which] = s->session->host.more(s->session, (size_t)s->doubles[which] * sizeof(double));
  }
  return s->memory[which];
}

/* ---- for the other files of this room --------------------------------------------------------------------------- */

int lcr_is_stream(SEXP x) { return Rf_inherits(x, "linclass_stream"); }

void lcr_stream_begin(SEXP x, lcr_session *session, lc_design *out) {
  SEXP dim = lcr_get(x, "dim"), function = lcr_get(x, "host");
  if (TYPEOF(dim) != REALSXP || XLENGTH(dim) != 2 || TYPEOF(function) != CLOSXP)
    Rf_error("not a valid stream of rows");
  const double most_numbers = 1e18; /* places of doubles in a file are 63-bit numbers */
  double n = REAL_RO(dim)[0], p = REAL_RO(dim)[1];
  if (!(n >= 0 && n <= (double)R_XLEN_T_MAX && p >= 0 && p <= INT_MAX && n * p <= most_numbers))
    Rf_error("a stream has wrong dimensions");
  lcr_stream *s = (lcr_stream *)R_alloc(1, sizeof *s);
  *s = (lcr_stream){.session = session, .n = (lc_index)n, .p = (lc_index)p};
  s->by_file = lcr_get(x, "path") != R_NilValue;
  const char *wrong = s->by_file ? lcr_column_file_describe(x, s->n, s->p, &s->file) : NULL;
  if (wrong) Rf_error("not a valid file of numbers: %s", wrong);
  lcr_callback_begin(function, session, &s->host);
  int sparse = lcr_get_flag(x, "sparse"), file = s->by_file;
  s->stream = (lc_stream){.self = s,
                          .begin = file ? begin_file : begin,
                          .read = sparse ? NULL : file ? read_file : read_blocks,
                          .next = sparse ? next_sparse : NULL,
                          .end = end,
                          .seek = seek,
                          .in_order = !file,
                          .memory = memory};
  lc_design_stream(out, s->n, s->p, &s->stream);
}

lc_status lcr_stream_status(const lc_design *design, lc_status status) {
  if (!(design->ops->caps & LC_STREAMED)) return status;
  const lcr_stream *s = ((const lc_stream *)design->data)->self;
  if (s->host.jumped) return LC_SOURCE;
  return s->session->interrupted && status >= 0 ? LC_INTERRUPTED : status;
}

void lcr_stream_end(SEXP x, const lc_design *design) {
  if (!lcr_is_stream(x)) return;
  lcr_stream *s = ((const lc_stream *)design->data)->self;
  lcr_callback_end(&s->host);
}

/* ---- a copy of a stream in a file ------------------------------------------------------------------------------- */

static lc_status copy_rows(lcr_stream *s, const lcr_column_file *file, lc_index rows, double *buffer) {
  LC_TRY(s->stream.begin(s));
  while (s->row < s->n) {
    lc_index row0 = s->row, m = lc_min(rows, s->n - row0);
    LC_TRY(s->stream.read(s, m, buffer));
    for (lc_index j = 0; j < s->p; j++)
      if (!lcr_column_file_write(file, j, row0, m, buffer + j * m))
        return fail(s, "its copy cannot be written: is the disk full?");
  }
  return s->stream.end(s);
}

static int is_copy(SEXP path) {
  static const char ending[] = ".columns";
  if (TYPEOF(path) != STRSXP || XLENGTH(path) != 1) return 0;
  const char *name = CHAR(STRING_ELT(path, 0));
  size_t length = strlen(name), tail = strlen(ending);
  return length > tail && strcmp(name + length - tail, ending) == 0;
}

/* Writes the numbers of a dense stream to a file x.columns, by columns: "" or what is wrong. */
SEXP lcr_stream_copy(SEXP x, SEXP path) {
  enum { BYTES = 16 << 20 };
  if (!lcr_is_stream(x) || lcr_get_flag(x, "sparse") || !is_copy(path))
    Rf_error("not a dense stream and the name of a copy");
  lc_design design;
  SEXP owner = PROTECT(lcr_session_begin());
  lcr_session *session = lcr_session_of(owner);
  lcr_stream_begin(x, session, &design);
  lcr_stream *s = ((const lc_stream *)design.data)->self;
  lc_index rows = lc_max(16, BYTES / (8 * lc_max(1, s->p)));
  double *buffer = lc_arena_doubles(&session->arena, rows * s->p);
  lcr_column_file file = lcr_column_file_of_doubles(CHAR(STRING_ELT(path, 0)), s->n, s->p);
  const char *wrong = "";
  lc_status status = LC_OK;
  if (!lcr_column_file_open(&file, "wb"))
    wrong = "file";
  else if (!lcr_column_file_reserve(&file))
    wrong = "room";
  else
    status = buffer ? copy_rows(s, &file, rows, buffer) : LC_OUT_OF_MEMORY;
  lcr_column_file_close(&file);
  lcr_session_end(owner);
  lcr_stream_end(x, &design);
  if (status != LC_OK) wrong = lc_status_find(status)->name;
  UNPROTECT(1);
  return Rf_mkString(wrong);
}
