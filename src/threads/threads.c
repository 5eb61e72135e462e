/* threads/threads.c - one pool of helpers for the loops of threads/threads.h. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif

#include "threads/threads.h"

static void run_alone(lc_index count, lc_index grain, lc_task task, void *context) {
  for (lc_index from = 0; from < count; from += grain) task(context, from, lc_min(from + grain, count));
}

#if defined(__GNUC__) && !defined(LC_NO_THREADS)

#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <string.h>
#include <time.h>

enum { MOST_HELPERS = 63, MOST_LOOPS = 16 };

/* A loop that is open, in one word, so that to enter it is one step: the number of helpers within, whether it is open,
 * and which loop it is. */
#define WITHIN UINT64_C(0xffff)
#define OPEN UINT64_C(0x10000)
#define NEXT_LOOP UINT64_C(0x20000)

typedef struct loop {
  uint64_t state;
  int taken; /* 1: it is somebody's */
  int depth; /* of the task that opened it: 0 outside all */
  int seats; /* helpers that may come */
  lc_task task;
  void *context;
  lc_index count, grain, next; /* items, those of a piece; the first that nobody has taken */
  uint64_t held;               /* nanoseconds that helpers were within and had no core */
} loop;

static struct {
  loop loop[MOST_LOOPS];
  int idle;     /* threads that wait for pieces */
  int sleepers; /* those of them that need a signal */
  int quit;
  int helpers;
  pthread_t helper[MOST_HELPERS];
  double alone_until; /* before that time loops go on without helpers */
} pool;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, shared = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;
static __thread int depth, is_helper;

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define ADD(x, value) __atomic_fetch_add(&(x), value, __ATOMIC_SEQ_CST)

static double time_of(clockid_t clock) {
  struct timespec t;
  clock_gettime(clock, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static double now(void) { return time_of(CLOCK_MONOTONIC); }

/* That this thread has had a core; where nobody counts it, 0. */
static double core_time(void) {
#ifdef CLOCK_THREAD_CPUTIME_ID
  return time_of(CLOCK_THREAD_CPUTIME_ID);
#else
  return 0;
#endif
}

static void pause_a_moment(void) {
#if defined(__x86_64__) || defined(__i386__)
  for (int i = 0; i < 16; i++) __builtin_ia32_pause();
#elif defined(__aarch64__)
  for (int i = 0; i < 16; i++) __asm__ volatile("yield");
#endif
}

/* Takes pieces until none is left; returns how many items they were. */
static lc_index take_pieces(loop *own) {
  lc_index taken = 0, count = own->count, grain = own->grain;
  int before = depth;
  depth = own->depth + 1;
  for (lc_index from; (from = ADD(own->next, grain)) < count;) {
    lc_index to = lc_min(from + grain, count);
    own->task(own->context, from, to);
    taken += to - from;
  }
  depth = before;
  return taken;
}

/* ---- who waits ---- */

static int has_pieces(loop *other) { return LOAD(other->next) < LOAD(other->count); }

/* Enters a loop with pieces left that was opened at that depth or deeper; NULL: there is none. */
static loop *enter(int least) {
  for (loop *other = pool.loop; other < pool.loop + MOST_LOOPS; other++) {
    uint64_t state = LOAD(other->state);
    while ((state & OPEN) && (state & WITHIN) < (uint64_t)LOAD(other->seats) && LOAD(other->depth) >= least &&
           has_pieces(other))
      if (__atomic_compare_exchange_n(&other->state, &state, state + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return other;
  }
  return NULL;
}

static void wake(void) {
  if (LOAD(pool.sleepers) == 0) return;
  pthread_mutex_lock(&mutex);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
}

/* With a loop that was entered. */
static void help_with(loop *other) {
  double start = now(), core = core_time();
  take_pieces(other);
  double held = now() - start - (core_time() - core);
  if (held > 0) ADD(other->held, (uint64_t)(1e9 * held));
  uint64_t state = __atomic_sub_fetch(&other->state, 1, __ATOMIC_SEQ_CST);
  if ((state & (OPEN | WITHIN)) == 0) wake(); /* its caller waits for the last one */
}

/* A caller waits until all have left its loop, helpers (NULL) until the pool ends. */
static int is_over(loop *own) { return own ? (LOAD(own->state) & WITHIN) == 0 : LOAD(pool.quit); }

/* Until that is so, a loop that was entered, of those that were opened at that depth or deeper; then NULL. Who waits is
 * awake for a moment and then sleeps: a sleeping caller leaves its core to a helper that has none. */
static loop *wait_for_loop(loop *own, int least) {
  const double awake = 1e-4; /* between the passes of a fit lies about as much */
  loop *other = NULL;
  if (is_over(own)) return NULL;
  ADD(pool.idle, 1);
  for (double end = now() + awake; !is_over(own) && !(other = enter(least)) && now() < end;) pause_a_moment();
  if (!other && !is_over(own)) {
    pthread_mutex_lock(&mutex);
    ADD(pool.sleepers, 1);
    while (!is_over(own) && !(other = enter(least))) pthread_cond_wait(&changed, &mutex);
    ADD(pool.sleepers, -1);
    pthread_mutex_unlock(&mutex);
  }
  ADD(pool.idle, -1);
  return other;
}

static void *help(void *nothing) {
  is_helper = 1;
  for (loop *other; (other = wait_for_loop(NULL, 0)) != NULL;) help_with(other);
  return nothing;
}

/* Helpers take no signal: those of the terminal belong to the main thread. */
static int start_helper(void) {
#ifdef _WIN32
  return pthread_create(pool.helper + pool.helpers, NULL, help, NULL) == 0;
#else
  sigset_t all, before;
  sigfillset(&all);
  pthread_sigmask(SIG_BLOCK, &all, &before);
  int failed = pthread_create(pool.helper + pool.helpers, NULL, help, NULL);
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  return !failed;
#endif
}

#ifndef _WIN32
/* The child of a fork has the memory of the pool and none of its threads. */
static void forget_helpers(void) {
  pthread_mutex_init(&mutex, NULL);
  pthread_mutex_init(&shared, NULL);
  pthread_cond_init(&changed, NULL);
  memset(&pool, 0, sizeof pool);
}
#endif

static int have_helpers(int wanted) {
#ifndef _WIN32
  static int prepared;
#endif
  if (wanted > MOST_HELPERS) wanted = MOST_HELPERS;
  if (LOAD(pool.helpers) >= wanted) return wanted;
  pthread_mutex_lock(&mutex);
#ifndef _WIN32
  if (!prepared) prepared = pthread_atfork(NULL, NULL, forget_helpers) == 0;
  if (prepared)
#endif
    while (pool.helpers < wanted && start_helper()) ADD(pool.helpers, 1);
  if (pool.helpers < wanted) wanted = pool.helpers;
  pthread_mutex_unlock(&mutex);
  return wanted;
}

/* ---- who calls ---- */

/* NULL: all loops are somebody's. */
static loop *claim_loop(void) {
  for (loop *own = pool.loop; own < pool.loop + MOST_LOOPS; own++)
    if (!LOAD(own->taken) && !__atomic_exchange_n(&own->taken, 1, __ATOMIC_SEQ_CST)) return own;
  return NULL;
}

static void open_loop(loop *own, int helpers, lc_index count, lc_index grain, lc_task task, void *context) {
  own->task = task;
  own->context = context;
  own->grain = grain;
  own->held = 0;
  STORE(own->count, count);
  STORE(own->next, 0);
  STORE(own->seats, helpers);
  STORE(own->depth, depth);
  STORE(own->state, (LOAD(own->state) | OPEN) + NEXT_LOOP);
  wake();
}

/* Nobody enters any more, and those within leave. Meanwhile their tasks may want help. */
static void close_loop(loop *own) {
  __atomic_and_fetch(&own->state, ~OPEN, __ATOMIC_SEQ_CST);
  for (loop *other; (other = wait_for_loop(own, own->depth + 1)) != NULL;) help_with(other);
}

/* Helpers that were kept from finishing cost more than they gave: loops then do without for so long that no more than a
 * twentieth of the time is lost so. The caller took `taken` items until `done`, and waited for the others. */
static void learn(loop *own, lc_index taken, double start, double done) {
  const double patience = 20;
  if (taken == 0) return;
  double end = now(), alone = (done - start) * (double)own->count / (double)taken;
  double lost = fmin(end - start - alone, 1e-9 * (double)LOAD(own->held)), until = end + patience * lost;
  if (lost > 0) __atomic_store(&pool.alone_until, &until, __ATOMIC_SEQ_CST);
}

static int must_do_alone(double time) {
  double until;
  __atomic_load(&pool.alone_until, &until, __ATOMIC_SEQ_CST);
  return time < until;
}

void lc_parallel(int threads, lc_index count, lc_index grain, lc_task task, void *context) {
  loop *own = NULL;
  double start = 0;
  int helpers = 0, wanted = (int)lc_min(threads, (count + grain - 1) / grain) - 1;
  /* Within a task nobody may be free. */
  if (wanted > 0 && (depth == 0 || LOAD(pool.idle) > 0) && !must_do_alone(start = now()))
    helpers = have_helpers(wanted);
  if (helpers == 0 || !(own = claim_loop())) {
    run_alone(count, grain, task, context);
    return;
  }
  open_loop(own, helpers, count, grain, task, context);
  lc_index taken = take_pieces(own);
  double done = now();
  close_loop(own);
  learn(own, taken, start, done);
  STORE(own->taken, 0);
}

int lc_is_helper(void) { return is_helper; }

void lc_lock(void) { pthread_mutex_lock(&shared); }
void lc_unlock(void) { pthread_mutex_unlock(&shared); }

void lc_threads_stop(void) {
  pthread_mutex_lock(&mutex);
  STORE(pool.quit, 1);
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&mutex);
  while (pool.helpers > 0) pthread_join(pool.helper[--pool.helpers], NULL);
  STORE(pool.quit, 0);
  pool.alone_until = 0; /* what was learned of the helpers goes with them */
}

#else

void lc_parallel(int threads, lc_index count, lc_index grain, lc_task task, void *context) {
  (void)threads;
  run_alone(count, grain, task, context);
}
int lc_is_helper(void) { return 0; }
void lc_lock(void) {}
void lc_unlock(void) {}
void lc_threads_stop(void) {}

#endif
