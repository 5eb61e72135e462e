/* parallel.c - threads of POSIX; on Windows those of OpenMP. */
#ifndef _WIN32
#define _POSIX_C_SOURCE 200112L
#include <pthread.h>
#include <signal.h>
#endif

#include "parallel.h"

enum { MOST_THREADS = 64 };

typedef struct queue {
  lc_index next, count, failed; /* number to be begun; the smallest that failed, `count`: none */
  lc_status status;             /* of that one */
  lc_task task;
  void *context;
#ifndef _WIN32
  pthread_mutex_t lock;
#endif
} queue;

static void note(queue *jobs, lc_index number, lc_status status) {
  if (status == LC_OK || number >= jobs->failed) return;
  jobs->failed = number;
  jobs->status = status;
}

#ifdef _WIN32

static void work_together(queue *jobs, int threads) {
  (void)threads;
#ifdef _OPENMP
#pragma omp parallel for num_threads(threads) schedule(dynamic, 1)
#endif
  for (lc_index i = 0; i < jobs->count; i++) {
    lc_status status = jobs->task(jobs->context, i);
#ifdef _OPENMP
#pragma omp critical(lc_parallel_note)
#endif
    note(jobs, i, status);
  }
}

#else

/* Takes the next number until there is none. */
static void *work(void *given) {
  queue *jobs = given;
  lc_index number = 0;
  lc_status status = LC_OK;
  for (;;) {
    pthread_mutex_lock(&jobs->lock);
    note(jobs, number, status);
    number = jobs->failed < jobs->count ? jobs->count : jobs->next++;
    pthread_mutex_unlock(&jobs->lock);
    if (number >= jobs->count) return NULL;
    status = jobs->task(jobs->context, number);
  }
}

static void work_together(queue *jobs, int threads) {
  pthread_t helper[MOST_THREADS];
  int helpers = 0;
  sigset_t all, before; /* signals are for the host's thread */
  sigfillset(&all);
  pthread_mutex_init(&jobs->lock, NULL);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  while (helpers < threads - 1 && pthread_create(helper + helpers, NULL, work, jobs) == 0) helpers++;
  pthread_sigmask(SIG_SETMASK, &before, NULL);
  work(jobs);
  for (int i = 0; i < helpers; i++) pthread_join(helper[i], NULL);
  pthread_mutex_destroy(&jobs->lock);
}

#endif

lc_status lc_parallel(int threads, lc_index count, lc_task task, void *context) {
  queue jobs = {.count = count, .failed = count, .status = LC_OK, .task = task, .context = context};
  int most = (int)lc_min(lc_min(threads, MOST_THREADS), count);
  if (most > 1) {
    work_together(&jobs, most);
    return jobs.status;
  }
  for (lc_index i = 0; i < count; i++) LC_TRY(task(context, i));
  return LC_OK;
}
