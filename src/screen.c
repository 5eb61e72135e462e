/* screen.c - see screen.h. */
#include "screen.h"

#include <math.h>
#include <string.h>

#include "linalg.h"

lc_status lc_screen_init(lc_screen *screen, lc_index n, lc_index p, int K, int most, const double *norm,
                         lc_arena *arena) {
  memset(screen, 0, sizeof *screen);
  screen->n = n;
  screen->p = p;
  screen->K = K;
  screen->most = most;
  screen->now = -1;
  screen->norm = norm;
  screen->snapshots = lc_arena_doubles(arena, n * K * most);
  screen->c = lc_arena_doubles(arena, p * K);
  screen->stamp = lc_arena_alloc(arena, p, sizeof *screen->stamp);
  screen->size2 = lc_arena_doubles(arena, 3 * (lc_index)most * K);
  screen->members = lc_arena_alloc(arena, most, sizeof *screen->members);
  if (!screen->snapshots || !screen->c || !screen->stamp || !screen->size2 || !screen->members) return LC_OUT_OF_MEMORY;
  screen->along = screen->size2 + most * K;
  screen->across = screen->along + most * K;
  for (lc_index j = 0; j < p; j++) screen->stamp[j] = -1;
  return LC_OK;
}

/* A place for a new snapshot. */
static int free_place(lc_screen *screen) {
  if (screen->now >= 0 && screen->members[screen->now] == 0) return screen->now; /* nobody refers to the last one */
  if (screen->count < screen->most) return screen->count++;
  int fewest = 0;
  for (int s = 1; s < screen->most; s++)
    if (screen->members[s] < screen->members[fewest]) fewest = s;
  for (lc_index j = 0; screen->members[fewest] > 0 && j < screen->p; j++)
    if (screen->stamp[j] == fewest) screen->stamp[j] = -1;
  return fewest;
}

void lc_screen_look(lc_screen *screen, const double *R) {
  lc_index n = screen->n;
  int K = screen->K, place = free_place(screen);
  screen->now = place;
  screen->members[place] = 0;
  memcpy(screen->snapshots + place * n * K, R, (size_t)(n * K) * sizeof(double));
  for (int c = 0; c < K; c++) screen->size2[place * K + c] = lc_dot(n, R + c * n, R + c * n);
  for (int s = 0; s < screen->count; s++)
    for (int c = 0; c < K; c++) {
      double whole = screen->size2[place * K + c], size2 = screen->size2[s * K + c];
      double product =
          s == place || screen->members[s] == 0 ? whole : lc_dot(n, screen->snapshots + (s * K + c) * n, R + c * n);
      double a = size2 > 0 ? product / size2 : 0;
      screen->along[s * K + c] = s == place ? 1 : a;
      /* Cancellation of |r|^2 - a^2 |r_s|^2 costs about 1e-15 |r|^2. */
      screen->across[s * K + c] = s == place ? 0 : sqrt(fmax(whole - a * product, 0) + 1e-14 * whole);
    }
}

double lc_screen_bound(const lc_screen *screen, lc_index j, int c, double doubt) {
  int s = screen->stamp[j];
  if (s < 0) return INFINITY;
  int at = s * screen->K + c;
  double dot = screen->c[j + c * screen->p], size2 = screen->size2[at], norm = screen->norm[j];
  double left = size2 > 0 ? fmax(norm * norm - dot * dot / size2, 0) : norm * norm;
  return fabs(screen->along[at] * dot) + doubt * sqrt(left) * screen->across[at];
}

/* The whole column in place of what is left of it: no root, and enough for most features. */
static double rough_bound(const lc_screen *screen, lc_index j, int c, double doubt) {
  int at = screen->stamp[j] * screen->K + c;
  return fabs(screen->along[at] * screen->c[j + c * screen->p]) + doubt * screen->norm[j] * screen->across[at];
}

int lc_screen_proves(const lc_screen *screen, lc_index j, lc_index width, double threshold, double doubt) {
  double unit = 1 / threshold;
  if (screen->stamp[j] < 0) return 0;
  for (int first = 0; first < screen->K; first += (int)width) {
    double rough = 0, fine = 0;
    for (int c = first; c < first + width; c++) {
      double share = rough_bound(screen, j, c, doubt) * unit;
      rough += share * share;
    }
    if (rough < 1) continue;
    for (int c = first; c < first + width; c++) {
      double share = lc_screen_bound(screen, j, c, doubt) * unit;
      fine += share * share;
    }
    if (!(fine < 1)) return 0;
  }
  return 1;
}

void lc_screen_learn(lc_screen *screen, lc_index j, const double *c, lc_index ld) {
  if (screen->stamp[j] >= 0) screen->members[screen->stamp[j]]--;
  screen->stamp[j] = screen->now;
  screen->members[screen->now]++;
  for (int k = 0; k < screen->K; k++) screen->c[j + k * screen->p] = c[k * ld];
}
