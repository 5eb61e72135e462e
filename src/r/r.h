/* r/r.h - the only files that know R. They check and convert arguments, call the numerics, and convert
 * back; they never loop over data.
 *
 * A routine may leave by an R error at any point before lcr_session_end(): memory of the numerics hangs on an
 * external pointer whose finalizer frees it. */
#ifndef LCR_H
#define LCR_H

#include <stdio.h>

#define R_NO_REMAP
#define STRICT_R_HEADERS
#include <R.h>
#include <Rinternals.h>

#include "fit/fit.h"

/* ---- session: memory, interrupts, history of one call (r/session.c) ---- */

/* Lines of the history, in memory of malloc(): every one at first, then every second, fourth ... so that their number
 * is bounded, and always the last. */
typedef struct lcr_history {
  lc_info *info;
  double *seconds;      /* of each line, since the start */
  R_xlen_t count, size; /* lines; lines that there is memory for */
  double seen, every;   /* lines that came; one of so many stays */
} lcr_history;

typedef struct lcr_session {
  SEXP owner; /* the external pointer to it */
  struct lcr_piece *pieces; /* memory handed to the numerics, a list */
  double started, polled;   /* by a clock in seconds: the start; the last look for an interrupt */
  double shown;             /* the last line of progress; 0: none yet */
  double time_limit;        /* seconds from the start; Inf at first */
  int interrupted;          /* the user has asked to stop: said once, it holds to the end */
  lc_status owed;           /* of the host */
  int broken;               /* a stream has no rows any more: every poll says so */
  double epochs;            /* of mini-batches that are to come; 0: none */
  int trace, progress;      /* 1: every line of the history is shown; one now and then when it takes long */
  lcr_history history;
  FILE *file;     /* that a stream reads, or NULL: closed with the session, even where an R error ended the call */
  lc_host host;   /* its self is the session */
  lc_arena arena; /* on that host */
} lcr_session;

/* An external pointer that owns a new session; to be PROTECTed for as long as that is used. */
SEXP lcr_session_begin(void);
lcr_session *lcr_session_of(SEXP owner);
/* Frees everything at once. */
void lcr_session_end(SEXP owner);
/* How a call ended that the numerics say ended so: an interrupt that they passed over on their way out is one all the
 * same, or Ctrl-C in the last 50 ms of a fit would be lost. */
lc_status lcr_session_status(const lcr_session *session, lc_status status);
/* What to call it: an interrupt that came before there was any result is no failure of arithmetic. */
const lc_status_row *lcr_session_outcome(const lcr_session *session, lc_status status);
/* The history as a named list of numeric columns. */
SEXP lcr_session_history(const lcr_session *session);

/* Has the user asked to stop? Looks about every 50 ms. */
int lcr_session_interrupted(lcr_session *session);

/* ---- functions of R that the numerics call (r/callback.c) ---- */

typedef struct lcr_callback {
  SEXP call, token; /* host(what, value) */
  SEXP kept;        /* a list that protects both and the last answer, held by the session's owner */
  int jumped;       /* 1: a jump of R waits for lcr_callback_end(); nothing is called any more */
} lcr_callback;

/* One for a session. */
void lcr_callback_begin(SEXP function, lcr_session *session, lcr_callback *out);
/* The answer, protected until the next call; NULL where the function jumped. */
SEXP lcr_callback_ask(lcr_callback *callback, const char *what, SEXP value);
/* Forgets the last question and its answer. */
void lcr_callback_release(lcr_callback *callback);
/* After the session has ended: goes on with a jump. */
void lcr_callback_end(lcr_callback *callback);

/* ---- shards of rows that are elsewhere (r/shards.c) ---- */

int lcr_is_shards(SEXP x);
/* The shards as a design, with what is known of their rows. As for streams. */
void lcr_shards_begin(SEXP x, int k, lcr_session *session, lc_design *out, lc_obs *obs);
void lcr_shards_end(SEXP x, const lc_design *design);

/* ---- streams of rows (r/stream.c) ---- */

int lcr_is_stream(SEXP x);
/* The stream as a design, in R's memory until the routine returns; on the session's memory. */
void lcr_stream_begin(SEXP x, lcr_session *session, lc_design *out);
/* The status of what was computed from any design: verbs of columns cannot say that a stream failed within them. */
lc_status lcr_stream_status(const lc_design *design, lc_status status);
/* After the session has ended, for any x: goes on with a jump of the user's R code. */
void lcr_stream_end(SEXP x, const lc_design *design);

/* ---- threads (r/threads.c) ---- */

/* Registers the guard against forks; at load. */
void lcr_threads_init(void);
/* Threads of a fit that asks for `asked` (NaN or 0: the default), 1 in a forked child. */
int lcr_thread_count(double asked);

/* ---- conversion (r/convert.c); every function signals an R error on bad arguments ---- */

int lcr_is_number(SEXP x);
/* Element of a list by name, R_NilValue when absent; one number (is it 1; is it a count), one string, which must be
 * there. */
SEXP lcr_get(SEXP list, const char *name);
double lcr_get_number(SEXP list, const char *name);
int lcr_get_flag(SEXP list, const char *name);
int lcr_get_count(SEXP list, const char *name);
const char *lcr_get_string(SEXP list, const char *name);
/* A REALSXP of exactly n entries (NULL stays NULL), not copied; `what` is its name in the message. */
const double *lcr_doubles(SEXP x, R_xlen_t n, const char *what);

/* A matrix of doubles. */
const double *lcr_matrix(SEXP x, const char *what, int *rows, int *columns);

/* A matrix argument: its dimensions and storage; nothing is copied. Returns NULL or what is wrong with sparse slots. */
const char *lcr_design_check(SEXP x, lc_design *out);
/* The same for a dgCMatrix alone, without any R error: for blocks, which are met in the midst of the numerics. */
const char *lcr_sparse_check(SEXP x, lc_design *out);
/* Refuses a stream, where rows must be in memory. */
void lcr_in_memory(SEXP x);
/* The same, but anything wrong is an R error; then y (integer codes 0..k-1 or NULL), w and off become obs. */
void lcr_design(SEXP x, SEXP y, int k, SEXP w, SEXP offset, lcr_session *session, lc_design *out, lc_obs *obs);

/* What the arguments of lcr_fit() and lcr_path() say (r/fit.c). */
typedef struct lcr_task {
  lc_design x;
  lc_obs obs;
  lc_problem problem; /* on x, so a task is not to be copied */
  lc_settings settings;
} lcr_task;
typedef SEXP lcr_worker(lcr_task *task, SEXP spec, lcr_session *session);
/* Begins a session that has what the settings ask of a host: threads, a time limit, messages; reads the task, works,
 * and ends the session. The vectors stay R's. */
SEXP lcr_task_run(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, lcr_worker *work);

/* Calls a function of the package's R code with two strings; it may not return. */
void lcr_call(const char *function, const char *first, const char *second);
/* Where there is no whole result to hand back: a classed R error, or an interrupt. */
NORET void lcr_refuse(lc_status status);
static inline void lcr_check(lc_status status) {
  if (status != LC_OK) lcr_refuse(status);
}

/* A list of n places; each call puts a value, with its name, into the first that has no name yet. */
SEXP lcr_list_make(R_xlen_t n);
void lcr_list_add(SEXP list, const char *name, SEXP value);

/* ---- routines ---- */
SEXP lcr_losses(void);
SEXP lcr_solvers(void);
SEXP lcr_controls(void);
SEXP lcr_statuses(void);
SEXP lcr_threads(SEXP n);
SEXP lcr_simd(void);
SEXP lcr_valid(SEXP x);
SEXP lcr_weak(SEXP key, SEXP value);
SEXP lcr_weak_value(SEXP reference);
SEXP lcr_colstats(SEXP x, SEXP w);
SEXP lcr_stream_copy(SEXP x, SEXP path);
SEXP lcr_elements(void);
SEXP lcr_file_rows(SEXP file, SEXP from, SEXP m);
SEXP lcr_shard_sums(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP request);
SEXP lcr_fit(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_path(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_predict(SEXP x, SEXP B, SEXP offset, SEXP spec, SEXP type);
SEXP lcr_sigmoid(SEXP z);
SEXP lcr_softmax(SEXP z);
SEXP lcr_softmax_jacobian(SEXP z);
SEXP lcr_raw_scores(SEXP x, SEXP B, SEXP b);
SEXP lcr_sample_loss(SEXP z, SEXP y, SEXP loss, SEXP k);
SEXP lcr_loss_value(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_loss_gradient(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_loss_hessian(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_newton_step(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec);
SEXP lcr_check_gradient(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, SEXP step);

#endif
