/* base/base.h - the types that every other room uses.
 *
 * The numerics know no R: they see plain pointers, these types and the host's hooks. Anything that
 * talks to the outside (memory, interrupts, progress) goes through lc_host.
 *
 * Letters used everywhere: n rows, p columns of x, k classes, K score columns, q = p + intercept
 * coefficients of a score column (the intercept, when there is one, is entry 0), P = q K.
 * Matrices are column-major. */
#ifndef LC_BASE_H
#define LC_BASE_H

#include <stddef.h>
#include <stdint.h>

#include "base/status.h"

/* Rows, columns, nonzeros and all products of them: 64 bits wherever pointers are. */
typedef ptrdiff_t lc_index;

/* Number of entries of a packed symmetric q x q matrix. Packed means the upper triangle by columns:
 * entry (i, j), i <= j, lives at lc_packed_at(i, j). */
static inline lc_index lc_packed_size(lc_index q) { return q * (q + 1) / 2; }
static inline lc_index lc_packed_at(lc_index i, lc_index j) { return j * (j + 1) / 2 + i; }

static inline lc_index lc_min(lc_index a, lc_index b) { return a < b ? a : b; }
static inline lc_index lc_max(lc_index a, lc_index b) { return a > b ? a : b; }

/* Numbers of a dense matrix: doubles, or ints (R's logicals too); floats are our own copies of doubles. */
enum lc_storage { LC_DOUBLE, LC_INTEGER, LC_FLOAT };

static inline size_t lc_storage_bytes(enum lc_storage type) {
  return type == LC_INTEGER ? sizeof(int) : type == LC_FLOAT ? sizeof(float) : sizeof(double);
}

/* What a fit tells its host while it runs. Unknown fields are NaN. */
typedef struct lc_info {
  double iteration;     /* counted from 0, the start */
  double epoch;         /* passes over shuffled rows; NaN for full-batch solvers */
  double objective;     /* mean loss plus penalty */
  double gradient_norm; /* largest |entry| of the (sub)gradient of the objective */
  double step;          /* step length t of this iteration */
  double mistakes;      /* perceptron: weight of the rows that were wrong when this epoch met them */
  double validation;    /* mean loss of rows that were set aside; perceptron: their share of mistakes */
} lc_info;

/* The hooks of whoever runs the numerics. Every call is made on the main thread.
 *  more    returns `bytes` of fresh memory (aligned for any type) that stays valid until the host
 *          frees everything at once; NULL means none is left (the numerics return LC_OUT_OF_MEMORY).
 *  poll    is called about every 50 ms or less of work. 0: go on; LC_INTERRUPTED or LC_TIME_LIMIT:
 *          stop and return that status with what there is. An interrupt that was told is told again; a time limit
 *          is told once: what follows it is the certificate of what there is. NULL: never asked.
 *  owed    where arithmetic that has no status to return leaves what poll told it, until it is asked again
 *          (lc_poll_later()); LC_OK at first. NULL: a time limit that is told there is lost.
 *  threads is how many threads a pass may use (1 in a forked child, whose pool of threads did not survive).
 *  record  stores one line of the fit's history. NULL: no history.
 *  exact   1: more is asked for every piece of the arena alone, not for chunks, so that a test can refuse each. */
typedef struct lc_host {
  void *self;
  void *(*more)(void *self, size_t bytes);
  lc_status (*poll)(void *self);
  lc_status (*record)(void *self, const lc_info *info);
  lc_status *owed;
  int threads;
  int exact;
} lc_host;

/* Threads for work of about this many seconds on one core: waking a thread and waiting for it costs some 10
 * microseconds. Results never depend on it. */
static inline int lc_threads_for(const lc_host *host, double seconds) { return seconds > 1e-4 ? host->threads : 1; }

static inline lc_status lc_poll(const lc_host *host) {
  if (!host->poll) return LC_OK;
  lc_status told = host->owed ? *host->owed : LC_OK;
  if (told == LC_OK) return host->poll(host->self);
  *host->owed = LC_OK;
  return told;
}

/* 1: stop; the next lc_poll() tells why. */
static inline int lc_poll_later(const lc_host *host) {
  lc_status told = lc_poll(host);
  if (told != LC_OK && host->owed) *host->owed = told;
  return told != LC_OK;
}

static inline lc_status lc_record(const lc_host *host, const lc_info *info) {
  return host->record ? host->record(host->self, info) : LC_OK;
}

#endif
