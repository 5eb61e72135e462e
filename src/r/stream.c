/* r/stream.c - rows that an R function hands out in blocks, or that lie in a file of doubles by columns.
 *
 * Such an x is a list of class "linclass_stream": dim (n, p); sparse; host, a function(what, value) that is called with
 * "begin" when a pass begins, "next" for the next block (NULL after the last), "end" with the checksum of the pass, and
 * "refuse" with what is wrong, which it makes an error; and for a file its path (r/callback.c). */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L /* fseeko, posix_fallocate */
#endif
#include <stdio.h>
#include <string.h>
#ifndef _WIN32
#include <fcntl.h>
#include <sys/types.h>
#include <unistd.h>
#endif

#include "design/stream.h"
#include "r/r.h"

typedef struct lcr_stream {
  lc_stream stream;
  SEXP x;
  lcr_callback host; /* its last value is protected: the block */
  lcr_session *session;
  int failed; /* 1: no rows from now on */
  lc_index n, p, row; /* row: those of this pass that were read */
  SEXP block;         /* what the host gave last, with rows `at` .. block_rows - 1 to come */
  lc_index at, block_rows;
  uint64_t sum; /* of this pass so far */
  double *memory[LC_STREAM_MEMORIES];
  lc_index doubles[LC_STREAM_MEMORIES];
} lcr_stream;

/* ---- calls of R ------------------------------------------------------------------------------------------------- */

/* host(what, value), NULL where it jumped. */
static SEXP ask(lcr_stream *s, const char *what, const char *value) {
  SEXP answer = lcr_callback_ask(&s->host, what, value ? Rf_mkString(value) : R_NilValue);
  s->failed |= !answer;
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
  if (!s->session->file) {
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
  s->row = s->at = s->block_rows = 0;
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

/* ---- a file of n x p doubles by columns ------------------------------------------------------------------------- */

static int seek(FILE *file, double offset) {
#ifdef _WIN32
  return _fseeki64(file, (long long)offset, SEEK_SET);
#else
  return fseeko(file, (off_t)offset, SEEK_SET);
#endif
}

/* R's code looks at size and time of the file when a pass begins. */
static lc_status begin_file(void *self) {
  lcr_stream *s = self;
  LC_TRY(begin(self));
  if (s->session->file) return LC_OK;
  s->session->file = fopen(R_ExpandFileName(CHAR(STRING_ELT(lcr_get(s->x, "path"), 0))), "rb");
  if (!s->session->file) return fail(s, "the file cannot be opened");
  setvbuf(s->session->file, NULL, _IONBF, 0);
  return LC_OK;
}

static lc_status read_file(void *self, lc_index m, double *to) {
  lcr_stream *s = self;
  char text[96];
  if (lcr_session_interrupted(s->session)) return LC_INTERRUPTED;
  for (lc_index j = 0; j < s->p; j++) {
    double offset = 8 * ((double)j * (double)s->n + (double)s->row);
    FILE *file = s->session->file;
    size_t got = seek(file, offset) == 0 ? fread(to + j * m, sizeof(double), (size_t)m, file) : 0;
    if (got == (size_t)m) continue;
    snprintf(text, sizeof text, "the file ends within column %.0f, at row %.0f", (double)j + 1,
             (double)s->row + (double)got + 1);
    return fail(s, text);
  }
  add_up(s, m, to);
  s->row += m;
  return LC_OK;
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
  SEXP dim = lcr_get(x, "dim"), function = lcr_get(x, "host"), path = lcr_get(x, "path");
  if (TYPEOF(dim) != REALSXP || XLENGTH(dim) != 2 || TYPEOF(function) != CLOSXP ||
      (path != R_NilValue && (TYPEOF(path) != STRSXP || XLENGTH(path) != 1)))
    Rf_error("not a valid stream of rows");
  const double most_numbers = 1e18; /* places of doubles in a file are 63-bit numbers */
  double n = REAL_RO(dim)[0], p = REAL_RO(dim)[1];
  if (!(n >= 0 && n <= 4503599627370496.0 && p >= 0 && p <= INT_MAX && n * p <= most_numbers))
    Rf_error("a stream has wrong dimensions");
  lcr_stream *s = (lcr_stream *)R_alloc(1, sizeof *s);
  *s = (lcr_stream){.x = x, .session = session, .n = (lc_index)n, .p = (lc_index)p};
  lcr_callback_begin(function, session, &s->host);
  int sparse = lcr_get_flag(x, "sparse"), file = path != R_NilValue;
  s->stream = (lc_stream){.self = s,
                          .begin = file ? begin_file : begin,
                          .read = sparse ? NULL : file ? read_file : read_blocks,
                          .next = sparse ? next_sparse : NULL,
                          .end = end,
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

typedef struct copy_job {
  const lc_design *x;
  FILE *file;
  double *buffer;
} copy_job;

/* Room for the whole file, where the system can say so. */
static int reserve(FILE *file, double bytes) {
#if defined(__linux__)
  return posix_fallocate(fileno(file), 0, (off_t)bytes) == 0;
#else
  (void)file;
  (void)bytes;
  return 1;
#endif
}

static lc_status copy_rows(lcr_stream *s, FILE *file, lc_index rows, double *buffer) {
  LC_TRY(s->stream.begin(s));
  while (s->row < s->n) {
    lc_index row0 = s->row, m = lc_min(rows, s->n - row0);
    LC_TRY(s->stream.read(s, m, buffer));
    for (lc_index j = 0; j < s->p; j++) {
      double offset = 8 * ((double)j * (double)s->n + (double)row0);
      if (seek(file, offset) != 0 || fwrite(buffer + j * m, sizeof(double), (size_t)m, file) != (size_t)m)
        return fail(s, "its copy cannot be written: is the disk full?");
    }
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
  FILE *file = fopen(R_ExpandFileName(CHAR(STRING_ELT(path, 0))), "wb");
  const char *wrong = "";
  lc_status status = LC_OK;
  if (file) setvbuf(file, NULL, _IONBF, 0);
  if (!file)
    wrong = "file";
  else if (!reserve(file, 8.0 * (double)s->n * (double)s->p))
    wrong = "room";
  else
    status = buffer ? copy_rows(s, file, rows, buffer) : LC_OUT_OF_MEMORY;
  if (file && fclose(file) != 0 && status == LC_OK) status = fail(s, "its copy cannot be written: is the disk full?");
  lcr_session_end(owner);
  lcr_stream_end(x, &design);
  if (status != LC_OK) wrong = lc_status_find(status)->name;
  UNPROTECT(1);
  return Rf_mkString(wrong);
}
