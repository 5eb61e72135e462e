/* base/status.h - how numerics say how they ended.
 *
 * One table holds code, name and a plain sentence; R reads it, so no status is typed twice.
 * Codes >= 0 come with a usable result, codes < 0 with none. */
#ifndef LC_BASE_STATUS_H
#define LC_BASE_STATUS_H

#define LC_STATUS_TABLE(X)                                                                        \
  X(LC_OK, 0, "ok", "The fit reached its tolerance.")                                             \
  X(LC_MAX_ITER, 1, "max_iter", "The fit stopped at max_iter before it reached its tolerance.")   \
  X(LC_BUDGET, 2, "budget", "The fit used the iterations or epochs that it was given.")           \
  X(LC_INTERRUPTED, 3, "interrupted", "The fit was interrupted.")                                 \
  X(LC_TIME_LIMIT, 4, "time_limit", "The fit stopped at its time limit.")                         \
  X(LC_DIVERGED, 5, "diverged", "The objective grew without bound; the rate is too large.")       \
  X(LC_STALLED, 6, "stalled", "Rounding errors stopped the fit before it reached its tolerance.") \
  X(LC_SEPARATED, 7, "separated", "The classes are separated: no finite optimum exists.")         \
  X(LC_RANK, 8, "rank", "Some columns depend on others.")                                         \
  X(LC_OUT_OF_MEMORY, -1, "out_of_memory", "Not enough memory.")                                  \
  X(LC_NONFINITE, -2, "nonfinite", "A number overflowed or was not finite.")                      \
  X(LC_INVALID, -3, "invalid", "An argument is out of its range.")                                \
  X(LC_UNSUPPORTED, -4, "unsupported", "This combination of loss, solver and data is not supported.")  \
  X(LC_SOURCE, -5, "source", "The source of the rows failed, or gave other rows than before.")

typedef enum lc_status {
#define LC_STATUS_ENUM(symbol, code, name, text) symbol = code,
  LC_STATUS_TABLE(LC_STATUS_ENUM)
#undef LC_STATUS_ENUM
} lc_status;

typedef struct lc_status_row {
  lc_status code;
  const char *name; /* one word, as R shows it */
  const char *text; /* one plain sentence for a user */
} lc_status_row;

/* The rows of the table, in the order above; lc_status_count of them. */
extern const lc_status_row lc_status_rows[];
extern const int lc_status_count;

/* The row of a code; the code must come from the table. */
const lc_status_row *lc_status_find(lc_status code);

/* Was the work stopped from outside? */
static inline int lc_is_stop(lc_status status) { return status == LC_INTERRUPTED || status == LC_TIME_LIMIT; }

/* Returns from the calling function when an expression is not LC_OK. */
#define LC_TRY(expression)                \
  do {                                    \
    lc_status lc_try_ = (expression);     \
    if (lc_try_ != LC_OK) return lc_try_; \
  } while (0)

#endif
