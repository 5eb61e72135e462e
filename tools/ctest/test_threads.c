/* Loops that threads share: every task is done once, whoever does it, and what it wrote is there afterwards. */
#if !defined(_WIN32) && !defined(_POSIX_C_SOURCE)
#define _POSIX_C_SOURCE 200112L
#endif
#include "threads/threads.h"

#include <stdlib.h>
#ifndef _WIN32
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#endif

#include "ctest.h"

enum { MOST = 1000 };

typedef struct loop {
  int times[MOST];
  lc_index inner;
  long in_turn;
} loop;

static void count_up(void *context, lc_index from, lc_index to) {
  loop *l = context;
  for (lc_index i = from; i < to; i++) {
    l->times[i]++;
  }
}

static int each_once(const loop *l, lc_index count) {
  for (lc_index i = 0; i < MOST; i++)
    if (l->times[i] != (i < count)) return 0;
  return 1;
}

static void test_each_once(void) {
  for (int threads = 1; threads <= 5; threads++)
    for (lc_index count = 0; count <= MOST; count = count < 8 ? count + 1 : count * 3) {
      loop l = {{0}, 0, 0};
      lc_index most = lc_min(count, MOST);
      lc_parallel(threads, most, 1 + threads % 3 * 3, count_up, &l);
      CHECK(each_once(&l, most));
    }
  CHECK(!lc_is_helper());
}

/* Many short loops, one after the other: a helper of the last one must not touch the next one's tasks. */
static void test_short_loops(void) {
  long wrong = 0;
  for (int round = 0; round < 3000; round++) {
    loop l = {{0}, 0, 0};
    lc_parallel(3, 2 + round % 5, 1, count_up, &l);
    wrong += !each_once(&l, 2 + round % 5);
  }
  CHECK(wrong == 0);
}

static void outer(void *context, lc_index from, lc_index to) {
  loop *rows = context;
  for (lc_index i = from; i < to; i++) lc_parallel(4, 50, 1, count_up, rows + i);
}

static void test_nested(void) {
  loop *rows = calloc(20, sizeof *rows);
  lc_parallel(3, 20, 1, outer, rows);
  int good = 1;
  for (int i = 0; i < 20; i++) good = good && each_once(rows + i, 50);
  CHECK(good);
  free(rows);
}

#ifndef _WIN32
typedef struct meeting {
  int come, met, gone;
} meeting;

/* Waits for another one, a fifth of a second at most: two tasks meet where threads share them. A helper leaves late. */
static void meet(void *context, lc_index from, lc_index to) {
  const struct timespec moment = {0, 100000}, late = {0, 3000000};
  meeting *m = context;
  for (lc_index i = from; i < to; i++) {
    lc_lock();
    int own = ++m->come;
    lc_unlock();
    for (int k = 0; own == 1 && k < 2000 && !m->met; k++) {
      nanosleep(&moment, NULL);
      lc_lock();
      m->met = m->come > 1;
      lc_unlock();
    }
    if (lc_is_helper()) nanosleep(&late, NULL);
    lc_lock();
    m->gone++;
    lc_unlock();
  }
}

static void meet_within(void *context, lc_index from, lc_index to) {
  if (from == 0) lc_parallel(2, 2, 1, meet, context);
  (void)to;
}

/* Runs a loop of two tasks that meet until they do; its end is the end of both. 0: they never did. */
static int do_meet(lc_task task) {
  meeting m = {0, 0, 0};
  for (int k = 0; k < 20 && !m.met; k++) {
    m.come = m.gone = 0;
    lc_parallel(2, 2, 1, task, &m);
    lc_lock();
    CHECK(m.gone == 2);
    lc_unlock();
  }
  return m.met;
}

/* Who has nothing left to do in a loop helps within its tasks. */
static void test_shared_within(void) {
  int met = do_meet(meet);
  CHECK(!met || do_meet(meet_within)); /* never without threads */
}
#else
static void test_shared_within(void) {}
#endif

static void in_turn(void *context, lc_index from, lc_index to) {
  loop *l = context;
  for (lc_index k = 1000 * from; k < 1000 * to; k++) {
    lc_lock();
    l->in_turn++;
    lc_unlock();
  }
}

static void test_lock(void) {
  loop l = {{0}, 0, 0};
  lc_parallel(4, 16, 1, in_turn, &l);
  CHECK(l.in_turn == 16000);
}

static void test_stop(void) {
  loop l = {{0}, 0, 0};
  lc_threads_stop();
  lc_parallel(3, 100, 1, count_up, &l);
  CHECK(each_once(&l, 100));
  lc_threads_stop();
  lc_threads_stop();
}

/* The child of a fork has no helpers and makes its own. Not under an emulator: qemu 7.2 fails an assertion of its own
 * where the forked child of a process with two threads makes a third, whatever the program. */
static void test_fork(void) {
#ifndef _WIN32
  if (getenv("LC_EMULATED")) return;
  loop l = {{0}, 0, 0};
  lc_parallel(2, 100, 1, count_up, &l);
  pid_t child = fork();
  if (child == 0) {
    loop own = {{0}, 0, 0};
    lc_parallel(2, 100, 1, count_up, &own);
    lc_threads_stop();
    _exit(each_once(&own, 100) ? 0 : 1);
  }
  int status = -1;
  CHECK(child > 0 && waitpid(child, &status, 0) == child && status == 0);
#endif
}

void test_threads(void) {
  test_each_once();
  test_short_loops();
  test_nested();
  test_shared_within();
  test_lock();
  test_stop();
  test_fork();
}
