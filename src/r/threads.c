/* r/threads.c - how many threads a fit may use. */
#if defined(__linux__) && !defined(_GNU_SOURCE)
#define _GNU_SOURCE /* sched_getaffinity */
#endif
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifndef _WIN32
#include <pthread.h>
#include <unistd.h>
#endif
#ifdef __linux__
#include <sched.h>
#endif

#include "r/r.h"
#include "threads/threads.h"
#ifdef _WIN32 /* last: its macros are many */
#define WIN32_LEAN_AND_MEAN
#define NOMINMAX
#include <windows.h>
#endif

enum { MOST_BY_DEFAULT = 2 }; /* what CRAN allows and what two cores give */

static int wanted;          /* 0: not set */
static int alone;           /* 1: in a worker of a cluster, whose siblings use the other cores */
static volatile int forked; /* 1: in the child of a fork, which has siblings, too */

#ifndef _WIN32
static void in_child(void) { forked = 1; }
#endif

void lcr_threads_init(void) {
#ifndef _WIN32
  pthread_atfork(NULL, NULL, in_child);
#endif
}

/* A whole number in an environment variable, or `otherwise`. */
static int variable(const char *name, int otherwise) {
  const char *text = getenv(name);
  int value = text ? atoi(text) : 0;
  return value > 0 ? value : otherwise;
}

/* Processors that this process may run on. */
static int processors(void) {
#if defined(_WIN32)
  SYSTEM_INFO info;
  GetSystemInfo(&info);
  return (int)info.dwNumberOfProcessors;
#else
  long count = sysconf(_SC_NPROCESSORS_ONLN);
#ifdef __linux__
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) count = CPU_COUNT(&set);
#endif
  return count < 1 ? 1 : (int)count;
#endif
}

#ifdef __linux__
/* The numbers in the first line of a file, "max" as Inf; how many were read. */
static int numbers_in(const char *path, double *out, int most) {
  char line[256] = "";
  FILE *file = fopen(path, "r");
  if (!file) return 0;
  char *at = fgets(line, sizeof line, file), *end;
  fclose(file);
  int count = 0;
  for (; at && count < most; at = end, count++) {
    while (*at == ' ') at++;
    if (strncmp(at, "max", 3) == 0) {
      out[count] = INFINITY;
      end = at + 3;
    } else {
      out[count] = strtod(at, &end);
      if (end == at) break;
    }
  }
  return count;
}

/* Processors' worth of time that the folder of a control group grants; Inf: no limit. */
static double quota_of(const char *folder) {
  char path[512];
  double v2[2], quota, period;
  snprintf(path, sizeof path, "%s/cpu.max", folder);
  if (numbers_in(path, v2, 2) == 2 && v2[1] > 0) return v2[0] / v2[1];
  snprintf(path, sizeof path, "%s/cpu.cfs_quota_us", folder);
  if (numbers_in(path, &quota, 1) != 1 || quota <= 0) return INFINITY;
  snprintf(path, sizeof path, "%s/cpu.cfs_period_us", folder);
  return numbers_in(path, &period, 1) == 1 && period > 0 ? quota / period : INFINITY;
}

/* The least of the quotas of this process's control group and those above it, in both versions of control groups. A
 * container sees its own group as the root. */
static double quota(void) {
  const char *roots[] = {"/sys/fs/cgroup", "/sys/fs/cgroup/cpu", "/sys/fs/cgroup/cpu,cpuacct"};
  double least = INFINITY;
  char line[384], folder[512];
  for (int r = 0; r < 3; r++) least = fmin(least, quota_of(roots[r]));
  FILE *file = fopen("/proc/self/cgroup", "r");
  while (file && fgets(line, sizeof line, file)) {
    char *group = strrchr(line, ':');
    if (!group || group[1] != '/') continue;
    group++;
    group[strcspn(group, "\n")] = 0;
    for (char *slash = group + strlen(group); slash > group; slash = strrchr(group, '/')) {
      *slash = 0;
      for (int r = 0; r < 3; r++) {
        snprintf(folder, sizeof folder, "%s%s", roots[r], group);
        least = fmin(least, quota_of(folder));
      }
    }
  }
  if (file) fclose(file);
  return least;
}
#else
static double quota(void) { return INFINITY; }
#endif

/* Of the processors as many as a quota leaves; what it grants does not change while R runs. */
static int available(void) {
  static int known;
  if (known == 0) known = (int)fmax(1, fmin(processors(), floor(quota() + 0.01)));
  return known;
}

int lcr_thread_count(double asked) {
  int limit = variable("OMP_THREAD_LIMIT", 1 << 20), most = processors();
  int polite = alone || forked ? 1 : available() < MOST_BY_DEFAULT ? available() : MOST_BY_DEFAULT;
  int count = wanted > 0 ? wanted : variable("OMP_NUM_THREADS", polite) < polite ? 1 : polite;
  if (asked >= 1) count = asked > most ? most : (int)asked;
  if (count > limit) count = limit;
  return count > most ? most : count;
}

/* NULL asks; a number of at least 1 sets (more than there are processors counts as all of them); NA goes back to the
 * default; FALSE: the default is 1, in a worker whose siblings use the other cores. Returns the number in use. */
SEXP lcr_threads(SEXP n) {
  if (TYPEOF(n) == LGLSXP && XLENGTH(n) == 1 && LOGICAL_RO(n)[0] == 0) {
    alone = 1;
  } else if (n != R_NilValue) {
    if (!lcr_is_number(n)) Rf_error("'n' must be one number");
    double count = Rf_asReal(n);
    wanted = count >= 1 ? (count > 1e6 ? 1000000 : (int)count) : 0;
  }
  return Rf_ScalarInteger(lcr_thread_count(0));
}
