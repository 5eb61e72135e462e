/* threads/threads.c - one pool of helpers for the loops of threads/threads.h. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif

#include "threads/threads.h"

static void run_alone(lc_index count, lc_index grain, lc_task task, void *context) {
  for (lc_index from = 0; from < count; from += grain) task(context, from, lc_min(from + grain, count));
}

#if defined(__GNUC__) && !defined(LC_NO_THREADS)

#include <pthread.h>
#include <signal.h>
#include <time.h>

enum { MOST_HELPERS = 63 };

/* The loop that is open, in one word, so that to enter it is one step: the number of helpers within, whether it is
 * open, and which loop it is. */
#define WITHIN UINT64_C(0xffff)
#define OPEN UINT64_C(0x10000)
#define NEXT_LOOP UINT64_C(0x20000)

static struct {
  uint64_t state;
  lc_task task;
  void *context;
  lc_index count, grain, next; /* items, those of a piece; the first that nobody has taken */
  int seats;                   /* helpers that may come */
  int sleepers;                /* helpers that need a signal */
  int caller_sleeps;           /* so does the caller, who waits for the last helper */
  int quit;
  int helpers;
  pthread_t helper[MOST_HELPERS];
  int alone, last_alone; /* loops that go on without helpers; how many it were the last time */
} pool;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, shared = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t opened = PTHREAD_COND_INITIALIZER, left = PTHREAD_COND_INITIALIZER;
static int busy; /* 1: somebody runs a loop */
static __thread int in_task, is_helper;

#define LOAD(x) __atomic_load_n(&(x), __ATOMIC_SEQ_CST)
#define STORE(x, value) __atomic_store_n(&(x), value, __ATOMIC_SEQ_CST)
#define ADD(x, value) __atomic_fetch_add(&(x), value, __ATOMIC_SEQ_CST)

static double now(void) {
  struct timespec t;
  clock_gettime(CLOCK_MONOTONIC, &t);
  return (double)t.tv_sec + 1e-9 * (double)t.tv_nsec;
}

static void pause_a_moment(void) {
#if defined(__x86_64__) || defined(__i386__)
  for (int i = 0; i < 16; i++) __builtin_ia32_pause();
#elif defined(__aarch64__)
  for (int i = 0; i < 16; i++) __asm__ volatile("yield");
#endif
}

/* Takes pieces until none is left; returns how many items they were. */
static lc_index take_pieces(void) {
  lc_index taken = 0, count = pool.count, grain = pool.grain;
  in_task = 1;
  for (lc_index from; (from = ADD(pool.next, grain)) < count;) {
    lc_index to = lc_min(from + grain, count);
    pool.task(pool.context, from, to);
    taken += to - from;
  }
  in_task = 0;
  return taken;
}

/* ---- helpers ---- */

static int enter(uint64_t state) {
  while ((state & OPEN) && (state & WITHIN) < (uint64_t)LOAD(pool.seats))
    if (__atomic_compare_exchange_n(&pool.state, &state, state + 1, 0, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) return 1;
  return 0;
}

static void leave(void) {
  __atomic_fetch_sub(&pool.state, 1, __ATOMIC_SEQ_CST);
  if (!LOAD(pool.caller_sleeps)) return;
  pthread_mutex_lock(&mutex);
  pthread_cond_signal(&left);
  pthread_mutex_unlock(&mutex);
}

static int is_new(uint64_t state, uint64_t seen) { return (state & OPEN) && state / NEXT_LOOP != seen / NEXT_LOOP; }

/* The state with a loop that is not `seen`, or the pool ends. */
static uint64_t wait_for_loop(uint64_t seen) {
  const double awake = 1e-4; /* between the passes of a fit lies about as much */
  uint64_t state = LOAD(pool.state);
  for (double end = now() + awake; !is_new(state, seen) && now() < end; state = LOAD(pool.state)) pause_a_moment();
  if (is_new(state, seen)) return state;
  pthread_mutex_lock(&mutex);
  ADD(pool.sleepers, 1);
  while (!is_new(state = LOAD(pool.state), seen) && !pool.quit) pthread_cond_wait(&opened, &mutex);
  ADD(pool.sleepers, -1);
  pthread_mutex_unlock(&mutex);
  return state;
}

static void *help(void *nothing) {
  uint64_t seen = 0;
  is_helper = 1;
  for (;;) {
    seen = wait_for_loop(seen);
    if (LOAD(pool.quit)) return nothing;
    if (!enter(seen)) continue;
    take_pieces();
    leave();
  }
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
  pthread_cond_init(&opened, NULL);
  pthread_cond_init(&left, NULL);
  pool.state = 0;
  pool.helpers = pool.sleepers = pool.caller_sleeps = 0;
  pool.alone = pool.last_alone = 0;
}
#endif

static int have_helpers(int wanted) {
#ifndef _WIN32
  static int prepared;
  if (!prepared) prepared = pthread_atfork(NULL, NULL, forget_helpers) == 0;
  if (!prepared) return 0;
#endif
  if (wanted > MOST_HELPERS) wanted = MOST_HELPERS;
  while (pool.helpers < wanted && start_helper()) pool.helpers++;
  return pool.helpers < wanted ? pool.helpers : wanted;
}

/* ---- the caller ---- */

static void open_loop(int helpers, lc_index count, lc_index grain, lc_task task, void *context) {
  pool.task = task;
  pool.context = context;
  pool.count = count;
  pool.grain = grain;
  STORE(pool.next, 0);
  STORE(pool.seats, helpers);
  STORE(pool.state, (LOAD(pool.state) | OPEN) + NEXT_LOOP);
  if (LOAD(pool.sleepers) == 0) return;
  pthread_mutex_lock(&mutex);
  pthread_cond_broadcast(&opened);
  pthread_mutex_unlock(&mutex);
}

/* Nobody enters any more, and those within have left. A sleeping caller leaves its core to a helper that has none. */
static void close_loop(void) {
  const double awake = 2e-5;
  uint64_t state = __atomic_and_fetch(&pool.state, ~OPEN, __ATOMIC_SEQ_CST);
  if (!(state & WITHIN)) return;
  for (double end = now() + awake; (LOAD(pool.state) & WITHIN) && now() < end;) pause_a_moment();
  pthread_mutex_lock(&mutex);
  STORE(pool.caller_sleeps, 1);
  while (LOAD(pool.state) & WITHIN) pthread_cond_wait(&left, &mutex);
  STORE(pool.caller_sleeps, 0);
  pthread_mutex_unlock(&mutex);
}

/* Helpers that were kept from finishing cost more than they gave: the next loops do without, each time twice as many.
 * `own` of `count` items took the caller until `done` of `all` seconds. */
static void learn(lc_index own, lc_index count, double done, double all) {
  const int most = 64;
  if (own == 0 || done * (double)count / (double)own >= all) {
    if (own < count) pool.last_alone = 0;
    return;
  }
  pool.last_alone = pool.last_alone == 0 ? 1 : pool.last_alone < most ? 2 * pool.last_alone : most;
  pool.alone = pool.last_alone;
}

void lc_parallel(int threads, lc_index count, lc_index grain, lc_task task, void *context) {
  if (threads < 2 || count <= grain || in_task || __atomic_test_and_set(&busy, __ATOMIC_SEQ_CST)) {
    run_alone(count, grain, task, context);
    return;
  }
  int helpers = 0;
  if (pool.alone > 0)
    pool.alone--;
  else
    helpers = have_helpers((int)lc_min(threads, (count + grain - 1) / grain) - 1);
  if (helpers == 0) {
    in_task = 1;
    run_alone(count, grain, task, context);
    in_task = 0;
  } else {
    double start = now();
    open_loop(helpers, count, grain, task, context);
    lc_index own = take_pieces();
    double done = now() - start;
    close_loop();
    learn(own, count, done, now() - start);
  }
  __atomic_clear(&busy, __ATOMIC_SEQ_CST);
}

int lc_is_helper(void) { return is_helper; }

void lc_lock(void) { pthread_mutex_lock(&shared); }
void lc_unlock(void) { pthread_mutex_unlock(&shared); }

void lc_threads_stop(void) {
  pthread_mutex_lock(&mutex);
  STORE(pool.quit, 1);
  pthread_cond_broadcast(&opened);
  pthread_mutex_unlock(&mutex);
  while (pool.helpers > 0) pthread_join(pool.helper[--pool.helpers], NULL);
  pool.quit = 0;
  pool.alone = pool.last_alone = 0; /* what was learned of the helpers goes with them */
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
