/* path/screen.dots - see path/screen.h. */
#include "path/screen.h"

#include <math.h>
#include <string.h>

#include "kernel/kernel.h"

/* Where |r_t across r_s|^2 / |r_t|^2 is less, it is rounding too much to be a second direction. */
static const double parallel = 1e-6;

/* Where the tables hold snapshots s and t (s again for a feature that has seen one only) of score column c. */
static lc_index pair_of(const lc_screen *screen, int s, int t, int c) {
  return ((lc_index)s * screen->most + t) * screen->K + c;
}

lc_status lc_screen_init(lc_screen *screen, lc_index n, lc_index p, int K, int most, const double *norm,
                         lc_arena *arena) {
  memset(screen, 0, sizeof *screen);
  lc_index pairs = (lc_index)most * most;
  screen->n = n;
  screen->p = p;
  screen->K = K;
  screen->most = most;
  screen->present = -1;
  screen->norm = norm;
  screen->snapshots = lc_arena_doubles(arena, n * K * most);
  screen->dots = lc_arena_doubles(arena, 2 * p * K);
  screen->newest = lc_arena_alloc(arena, 2 * p, sizeof *screen->newest);
  screen->gram = lc_arena_doubles(arena, pairs * K);
  screen->fit = lc_arena_alloc(arena, pairs * K, sizeof *screen->fit);
  screen->refcount = lc_arena_alloc(arena, pairs, sizeof *screen->refcount);
  if (!screen->snapshots || !screen->dots || !screen->newest || !screen->gram || !screen->fit || !screen->refcount)
    return LC_OUT_OF_MEMORY;
  screen->older_dots = screen->dots + p * K;
  screen->older = screen->newest + p;
  for (lc_index j = 0; j < 2 * p; j++) screen->newest[j] = -1;
  memset(screen->refcount, 0, (size_t)pairs * sizeof *screen->refcount);
  return LC_OK;
}

/* Features that refer to snapshot s. */
static lc_index references_to(const lc_screen *screen, int s) {
  lc_index sum = -screen->refcount[s * screen->most + s];
  for (int t = 0; t < screen->count; t++)
    sum += screen->refcount[s * screen->most + t] + screen->refcount[t * screen->most + s];
  return sum;
}

/* Feature j refers to snapshots s and t from now on; -1: to none. */
static void refer(lc_screen *screen, lc_index j, int s, int t) {
  if (screen->newest[j] >= 0) screen->refcount[screen->newest[j] * screen->most + screen->older[j]]--;
  if (s >= 0) screen->refcount[s * screen->most + t]++;
  screen->newest[j] = s;
  screen->older[j] = t;
}

/* The snapshot that a new one may overwrite. */
static int free_snapshot(lc_screen *screen) {
  lc_index K = screen->K, p = screen->p;
  if (screen->present >= 0 && references_to(screen, screen->present) == 0)
    return screen->present; /* nobody refers to the last one */
  if (screen->count < screen->most) return screen->count++;
  int fewest = 0;
  lc_index least = references_to(screen, 0);
  for (int s = 1; s < screen->most; s++) {
    lc_index references = references_to(screen, s);
    if (references >= least) continue;
    fewest = s;
    least = references;
  }
  for (lc_index j = 0; least > 0 && j < p; j++) {
    int s = screen->newest[j], t = screen->older[j];
    if (s == fewest)
      for (lc_index c = 0; c < K; c++) screen->dots[j + c * p] = screen->older_dots[j + c * p];
    if (s == fewest && t == fewest)
      refer(screen, j, -1, -1);
    else if (s == fewest)
      refer(screen, j, t, t);
    else if (t == fewest)
      refer(screen, j, s, s);
  }
  return fewest;
}

/* The span of r_s and r_t: r_t is slope r_s and something across it. Across is 0 where there is no second direction. */
typedef struct span {
  double size2, slope, across2, rounding; /* |r_s|^2; slope; |across|^2; |r_t| / |across|, which multiplies rounding */
} span;

static span span_of(const lc_screen *screen, int s, int t, int c) {
  double ss = screen->gram[pair_of(screen, s, s, c)], tt = screen->gram[pair_of(screen, t, t, c)];
  span out = {ss, 0, 0, 1};
  if (ss > 0) out.slope = screen->gram[pair_of(screen, s, t, c)] / ss;
  double across2 = tt - out.slope * out.slope * ss;
  if (!(across2 > parallel * tt)) return out;
  out.across2 = across2;
  out.rounding = sqrt(tt / across2);
  return out;
}

/* Squared length of what is left of a vector v across the span, from |v|^2, v'r_s and v'r_t. Cancellation costs about
 * 1e-15 |v|^2, and more where r_s and r_t are nearly parallel. */
static double left_across(const span *r, double whole, double vs, double vt) {
  double rest = vt - r->slope * vs, along = 0;
  if (r->size2 > 0) along = vs * (vs / r->size2);
  if (r->across2 > 0) along += rest * (rest / r->across2);
  return fmax(whole - along, 0) + 1e-14 * r->rounding * whole;
}

/* The present residual r on the span of r_s and r_t, from whole = |r|^2, rs = r'r_s, rt = r'r_t. */
static lc_screen_fit fit_pair(const span *r, double whole, double rs, double rt) {
  lc_screen_fit fit = {0, 0, sqrt(left_across(r, whole, rs, rt))};
  if (r->across2 > 0) fit.b = (rt - r->slope * rs) / r->across2;
  if (r->size2 > 0) fit.a = rs / r->size2 - fit.b * r->slope;
  return fit;
}

void lc_screen_set_residual(lc_screen *screen, const double *R) {
  lc_index n = screen->n;
  int K = screen->K, present = free_snapshot(screen);
  screen->present = present;
  memcpy(screen->snapshots + present * n * K, R, (size_t)(n * K) * sizeof(double));
  for (int c = 0; c < K; c++) { /* all snapshots together: the price of those that nobody has is small */
    double product[LC_MOST_SNAPSHOTS] = {0};
    lc_kernels()->gradient(n, screen->count, 1, screen->snapshots + c * n, n * K, R + c * n, n, product, screen->count);
    for (int s = 0; s < screen->count; s++)
      screen->gram[pair_of(screen, s, present, c)] = screen->gram[pair_of(screen, present, s, c)] = product[s];
  }
  for (int s = 0; s < screen->count; s++)
    for (int t = 0; t < screen->count; t++) {
      if (s != present && screen->refcount[s * screen->most + t] == 0) continue;
      for (int c = 0; c < K; c++) {
        const double *product = screen->gram + pair_of(screen, present, 0, c);
        span r = span_of(screen, s, t, c);
        screen->fit[pair_of(screen, s, t, c)] =
            s == present ? (lc_screen_fit){1, 0, 0}
                         : fit_pair(&r, product[present * K], product[s * K], product[t * K]);
      }
    }
}

/* |x_j'r_c| at most, if `left` is the length of what is left of x_j across the residuals that it was read at. */
static inline double bound_with(const lc_screen *screen, lc_index j, int c, double left) {
  const lc_screen_fit *fit = screen->fit + pair_of(screen, screen->newest[j], screen->older[j], c);
  lc_index at = j + c * screen->p;
  return fabs(fit->a * screen->dots[at] + fit->b * screen->older_dots[at]) + left * fit->across;
}

double lc_screen_bound(const lc_screen *screen, lc_index j, int c, double slack) {
  if (screen->newest[j] < 0) return INFINITY;
  lc_index at = j + c * screen->p;
  double norm = screen->norm[j];
  span r = span_of(screen, screen->newest[j], screen->older[j], c);
  return bound_with(screen, j, c, slack * sqrt(left_across(&r, norm * norm, screen->dots[at], screen->older_dots[at])));
}

/* The rough bound: the whole column in place of what is left of it needs no root, and is enough for most features. */
static inline double rough_bound(const lc_screen *screen, lc_index j, int c, double slack) {
  return bound_with(screen, j, c, slack * screen->norm[j]);
}

int lc_screen_is_safe(const lc_screen *screen, lc_index j, lc_index width, double threshold, double slack) {
  if (screen->newest[j] < 0) return 0;
  double unit = 1 / threshold;
  for (int first = 0; first < screen->K; first += (int)width) {
    double rough = 0, fine = 0;
    for (int c = first; c < first + width; c++) {
      double share = rough_bound(screen, j, c, slack) * unit;
      rough += share * share;
    }
    if (rough < 1) continue;
    for (int c = first; c < first + width; c++) {
      double share = lc_screen_bound(screen, j, c, slack) * unit;
      fine += share * share;
    }
    if (!(fine < 1)) return 0;
  }
  return 1;
}

/* The first feature from j on that the rough bound of one score column leaves, or `last`. On its own and without
 * stores, so that its pointers stay in registers: each lambda asks it of all features. */
static lc_index next_rough(const lc_screen *screen, lc_index j, lc_index last, const double *l1, double unit,
                           double slack) {
  const int *newest = screen->newest, *older = screen->older;
  const double *dots = screen->dots, *older_dots = screen->older_dots, *norm = screen->norm;
  lc_index most = screen->most;
  for (; j < last && newest[j] >= 0; j++) {
    const lc_screen_fit *fit = screen->fit + newest[j] * most + older[j];
    double along = fabs(fit->a * dots[j] + fit->b * older_dots[j]);
    if (!(along + slack * norm[j] * fit->across < unit * l1[j])) break;
  }
  return j;
}

void lc_screen_mark_unsafe(const lc_screen *screen, lc_index first, lc_index last, lc_index width, const double *l1,
                           double unit, double slack, unsigned char *unsafe) {
  for (lc_index j = first; j < last; j++) {
    if (screen->K == 1 && (j = next_rough(screen, j, last, l1, unit, slack)) == last) return;
    if (!unsafe[j]) unsafe[j] = !lc_screen_is_safe(screen, j, width, unit * l1[j], slack);
  }
}

void lc_screen_record(lc_screen *screen, lc_index j, const double *c, lc_index ld) {
  int last = screen->newest[j], now = screen->present;
  lc_index p = screen->p;
  for (int k = 0; k < screen->K; k++) {
    if (last != now) screen->older_dots[j + k * p] = last >= 0 ? screen->dots[j + k * p] : 0;
    screen->dots[j + k * p] = c[k * ld];
  }
  if (last != now) refer(screen, j, now, last >= 0 ? last : now);
}
