/* r/session.c - the host that R is for the numerics: memory, interrupts, time limit, progress and history. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "r/r.h"

#ifdef _WIN32 /* last: its macros reach as far as they can */
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#endif

typedef struct lcr_piece {
  struct lcr_piece *next;
  double align; /* what follows is aligned for doubles; the arena aligns further */
} lcr_piece;

static double now(void) {
#ifdef _WIN32
  return (double)GetTickCount64() / 1000;
#else
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
#endif
}

static void *more(void *self, size_t bytes) {
  lcr_session *session = self;
  if (bytes > SIZE_MAX - sizeof(lcr_piece)) return NULL;
  lcr_piece *piece = malloc(sizeof(lcr_piece) + bytes);
  if (!piece) return NULL;
  piece->next = session->pieces;
  session->pieces = piece;
  return piece + 1;
}

static void check_interrupt(void *unused) {
  (void)unused;
  R_CheckUserInterrupt();
}

static const double poll_seconds = 0.05;

int lcr_session_interrupted(lcr_session *session) {
  double time = now();
  if (!session->interrupted && time - session->polled >= poll_seconds) {
    session->polled = time;
    /* R_ToplevelExec returns FALSE when the check jumped: no jump crosses the numerics. */
    session->interrupted = !R_ToplevelExec(check_interrupt, NULL);
  }
  return session->interrupted;
}

static lc_status poll(void *self) {
  lcr_session *session = self;
  if (lcr_session_interrupted(session)) return LC_INTERRUPTED;
  if (session->broken) return LC_SOURCE;
  if (!(now() - session->started > session->time_limit)) return LC_OK;
  session->time_limit = INFINITY;
  return LC_TIME_LIMIT;
}

lc_status lcr_session_status(const lcr_session *session, lc_status status) {
  return status >= 0 && session->interrupted ? LC_INTERRUPTED : status;
}

const lc_status_row *lcr_session_outcome(const lcr_session *session, lc_status status) {
  return lc_status_find(session->interrupted ? LC_INTERRUPTED : status);
}

static int grow(lcr_history *history) {
  R_xlen_t size = history->size > 0 ? 2 * history->size : 64;
  lc_info *info = realloc(history->info, (size_t)size * sizeof *info);
  if (info) history->info = info;
  double *seconds = realloc(history->seconds, (size_t)size * sizeof *seconds);
  if (seconds) history->seconds = seconds;
  if (!info || !seconds) return 0;
  history->size = size;
  return 1;
}

/* Room for a line: that of the last one, where it is not to stay. */
static int place_for(lcr_history *history, R_xlen_t *at) {
  enum { MOST = 1 << 16 };
  int stays = fmod(history->seen - 1, history->every) == 0;
  *at = history->count > 0 && !stays ? history->count - 1 : history->count;
  history->seen++;
  if (*at < history->count || history->count < history->size) return 1;
  if (history->count < MOST) return grow(history);
  for (R_xlen_t i = 0; i < MOST / 2; i++) {
    history->info[i] = history->info[2 * i];
    history->seconds[i] = history->seconds[2 * i];
  }
  history->every *= 2;
  history->count = *at = MOST / 2;
  return 1;
}

static void show(lcr_session *session, const lc_info *info, double time) {
  const double patience = 2, pause = 0.5; /* seconds before the first line, and between lines */
  int due = session->progress && time - session->started > patience && time - session->shown > pause;
  if (session->trace) {
    char line[128];
    snprintf(line, sizeof line, "iteration %.0f: objective %.10g, gradient %.3g", info->iteration, info->objective,
             info->gradient_norm);
    lcr_call("inform", "trace", line);
  } else if (due && session->epochs > 0 && !isnan(info->epoch)) {
    enum { WIDTH = 30 };
    char bar[WIDTH + 1] = {0};
    for (int i = 0; i < WIDTH; i++) bar[i] = i < WIDTH * (info->epoch / session->epochs) ? '=' : ' ';
    REprintf("\rlinclass: [%s] %.0f of %.0f epochs, objective %.6g, %.0f s ", bar, info->epoch, session->epochs,
             info->objective, time - session->started);
  } else if (due)
    REprintf("\rlinclass: iteration %.0f, objective %.8g, %.0f s ", info->iteration, info->objective,
             time - session->started);
  if (due) session->shown = time;
}

static lc_status record(void *self, const lc_info *info) {
  lcr_session *session = self;
  lcr_history *history = &session->history;
  double time = now();
  R_xlen_t at;
  if (!place_for(history, &at)) return LC_OUT_OF_MEMORY;
  history->info[at] = *info;
  history->seconds[at] = time - session->started;
  history->count = at + 1;
  show(session, info, time);
  return poll(session);
}

static void release(lcr_session *session) {
  while (session->pieces) {
    lcr_piece *next = session->pieces->next;
    free(session->pieces);
    session->pieces = next;
  }
  if (session->file) fclose(session->file);
  free(session->history.info);
  free(session->history.seconds);
  free(session);
}

static void finalize(SEXP pointer) {
  lcr_session *session = R_ExternalPtrAddr(pointer);
  if (!session) return;
  R_ClearExternalPtr(pointer);
  release(session);
}

SEXP lcr_session_begin(void) {
  SEXP pointer = PROTECT(R_MakeExternalPtr(NULL, R_NilValue, R_NilValue));
  R_RegisterCFinalizerEx(pointer, finalize, TRUE);
  lcr_session *session = calloc(1, sizeof *session);
  if (!session) Rf_error("not enough memory");
  R_SetExternalPtrAddr(pointer, session);
  session->owner = pointer;
  session->started = session->polled = now();
  session->time_limit = INFINITY;
  session->history.every = 1;
  session->host = (lc_host){.self = session,
                            .more = more,
                            .poll = poll,
                            .record = record,
                            .owed = &session->owed,
                            .threads = lcr_thread_count(0)};
  lc_arena_init(&session->arena, &session->host);
  UNPROTECT(1);
  return pointer;
}

lcr_session *lcr_session_of(SEXP owner) { return R_ExternalPtrAddr(owner); }

void lcr_session_end(SEXP owner) {
  if (lcr_session_of(owner)->shown > 0) REprintf("\n");
  finalize(owner);
}

SEXP lcr_session_history(const lcr_session *session) {
  static const struct {
    const char *name;
    size_t offset;
  } columns[] = {{"iteration", offsetof(lc_info, iteration)},
                 {"epoch", offsetof(lc_info, epoch)},
                 {"objective", offsetof(lc_info, objective)},
                 {"gradient_norm", offsetof(lc_info, gradient_norm)},
                 {"step", offsetof(lc_info, step)},
                 {"mistakes", offsetof(lc_info, mistakes)},
                 {"validation", offsetof(lc_info, validation)}};
  enum { COLUMNS = sizeof columns / sizeof columns[0] };
  const lcr_history *history = &session->history;
  SEXP list = PROTECT(lcr_list_make(COLUMNS + 1));
  for (int c = 0; c <= COLUMNS; c++) {
    SEXP column = PROTECT(Rf_allocVector(REALSXP, history->count));
    for (R_xlen_t i = 0; i < history->count; i++) {
      double value =
          c < COLUMNS ? *(const double *)((const char *)(history->info + i) + columns[c].offset) : history->seconds[i];
      REAL(column)[i] = isnan(value) ? NA_REAL : value;
    }
    lcr_list_add(list, c < COLUMNS ? columns[c].name : "seconds", column);
    UNPROTECT(1);
  }
  UNPROTECT(1);
  return list;
}
