/* solver/dual_momentum.c - sweeps of dual coordinate descent as steps of conjugate gradients.
 *
 * Within the bounds of the rows the dual is a quadratic,
 *     D(a) = sum_e h_e a_e - (W / 2) sum_j l_j |b_j|^2 + sum_c (m_c t_c - flex t_c^2 / 2),
 * h_e = 1 + off_c - off_y, t the sums of R, m the centres of the intercepts. A sweep is a step by a triangular
 * preconditioner; the best point in the plane of it and of the last move is that of conjugate gradients in three terms
 * (Takahashi 1965; Knyazev 2001), and sweeps go with the root of the condition number. Where the bounds cut the plane
 * so that D does not rise, the sweep stands as it is. */
#include <math.h>
#include <string.h>

#include "solver/dual_work.h"

static int width_of(const lc_dual_work *work) { return work->obj->coding.vector ? 1 : work->K; }

static lc_status make_state(const lc_dual_work *work, lc_dual_state *out) {
  lc_arena *arena = work->obj->arena;
  out->a = lc_arena_zeros(arena, work->n * width_of(work));
  out->slope = lc_arena_zeros(arena, work->p * work->K);
  out->total = lc_arena_zeros(arena, work->K);
  return out->a && out->slope && out->total ? LC_OK : LC_OUT_OF_MEMORY;
}

lc_status lc_dual_momentum_init(lc_dual_work *work) {
  work->drifts = 0;
  LC_TRY(make_state(work, &work->before));
  LC_TRY(make_state(work, &work->drift));
  return make_state(work, &work->after);
}

static void keep(const lc_dual_work *work, lc_dual_state *out) {
  int width = width_of(work);
  for (lc_index i = 0; i < work->n; i++)
    memcpy(out->a + i * width, lc_dual_of(work, i), (size_t)width * sizeof(double));
  memcpy(out->slope, work->slope, (size_t)(work->p * work->K) * sizeof(double));
  memcpy(out->total, work->total, (size_t)work->K * sizeof(double));
}

void lc_dual_remember(lc_dual_work *work) { keep(work, &work->before); }

/* h_e of wrong class c of row i. */
static double gain_of(const lc_dual_work *work, lc_index i, int c) {
  if (!work->obj->obs->offset) return 1;
  if (work->obj->coding.vector) return 1 - work->row[i].sign * lc_dual_offset(work, i, 0);
  return 1 + lc_dual_offset(work, i, c) - lc_dual_offset(work, i, (int)work->obj->obs->y[i]);
}

/* D here less D at `after`, from what has moved: a difference of two sums would lose the last half of their digits. */
static double rise(const lc_dual_work *work) {
  const lc_dual_state *from = &work->after;
  int width = width_of(work), K = work->K;
  double D = 0;
  for (lc_index i = 0; i < work->n; i++) {
    const double *a = lc_dual_of(work, i);
    for (int c = 0; c < width; c++) D += gain_of(work, i, c) * (a[c] - from->a[i * width + c]);
  }
  for (lc_index j = 0; j < work->p; j++) {
    double sum = 0;
    for (lc_index at = j * K; at < (j + 1) * K; at++)
      sum += (work->slope[at] - from->slope[at]) * (work->slope[at] + from->slope[at]);
    D -= 0.5 * sum / work->inverse[j];
  }
  for (int c = 0; c < K; c++) {
    double move = work->total[c] - from->total[c];
    D += (work->intercept[c] + 0.5 * work->flex * move) * move;
  }
  return D;
}

/* *s, *d: how far to go from `before` along the sweep's move and along the drift. */
static void best_in_plane(const lc_dual_work *work, double *s, double *d) {
  const lc_dual_state *from = &work->before, *drift = &work->drift;
  int width = width_of(work), K = work->K;
  double gs = 0, gd = 0, ss = 0, sd = 0, dd = 0;
  for (lc_index i = 0; i < work->n; i++) {
    const double *a = lc_dual_of(work, i);
    for (int c = 0; c < width; c++) {
      double h = gain_of(work, i, c);
      gs += h * (a[c] - from->a[i * width + c]);
      gd += h * drift->a[i * width + c];
    }
  }
  for (lc_index j = 0; j < work->p; j++)
    for (int c = 0; c < K; c++) {
      lc_index at = j * K + c;
      double b = from->slope[at], w = 1 / work->inverse[j], move = work->slope[at] - b, last = drift->slope[at];
      gs -= w * b * move;
      gd -= w * b * last;
      ss += w * move * move;
      sd += w * move * last;
      dd += w * last * last;
    }
  for (int c = 0; c < K; c++) {
    double move = work->total[c] - from->total[c], last = drift->total[c];
    double intercept = work->intercept[c] + work->flex * move;
    gs += intercept * move;
    gd += intercept * last;
    ss += work->flex * move * move;
    sd += work->flex * move * last;
    dd += work->flex * last * last;
  }
  double det = ss * dd - sd * sd;
  int plane = work->drifts && det > 1e-12 * ss * dd;
  *s = plane ? (gs * dd - gd * sd) / det : ss > 0 ? gs / ss : 1;
  *d = plane ? (gd * ss - gs * sd) / det : 0;
}

/* before + s move + d drift, within the bounds of each row. */
static void go_to(lc_dual_work *work, double s, double d) {
  const lc_dual_state *from = &work->before, *drift = &work->drift;
  int width = width_of(work), K = work->K;
  for (int c = 0; c < K; c++) {
    double centre = work->intercept[c] + work->flex * work->total[c];
    work->total[c] = from->total[c] + s * (work->total[c] - from->total[c]) + d * drift->total[c];
    work->intercept[c] = centre - work->flex * work->total[c];
  }
  for (lc_index at = 0; at < work->p * K; at++)
    work->slope[at] = from->slope[at] + s * (work->slope[at] - from->slope[at]) + d * drift->slope[at];
  for (lc_index i = 0; i < work->n; i++) {
    const double *b = from->a + i * width, *last = drift->a + i * width;
    double *a = lc_dual_of(work, i), *wanted = work->v, *change = work->change, sum = 0;
    int own = (int)work->obj->obs->y[i], stopped = 0;
    for (int c = 0; c < width; c++) a[c] = wanted[c] = b[c] + s * (a[c] - b[c]) + d * last[c];
    lc_dual_clip(work, i, a);
    for (int c = 0; c < width; c++) {
      change[c] = a[c] - wanted[c];
      stopped |= change[c] != 0;
      sum += change[c];
    }
    if (!stopped) continue;
    if (work->obj->coding.vector)
      change[0] *= -work->row[i].sign;
    else
      change[own] = -sum;
    for (int c = 0; c < K; c++) {
      work->total[c] += change[c];
      work->intercept[c] -= work->flex * change[c];
    }
    lc_dual_push(work, i, change);
  }
}

static void restore(lc_dual_work *work) {
  const lc_dual_state *kept = &work->after;
  int width = width_of(work);
  for (lc_index i = 0; i < work->n; i++)
    memcpy(lc_dual_of(work, i), kept->a + i * width, (size_t)width * sizeof(double));
  memcpy(work->slope, kept->slope, (size_t)(work->p * work->K) * sizeof(double));
  for (int c = 0; c < work->K; c++) {
    work->intercept[c] += work->flex * (work->total[c] - kept->total[c]);
    work->total[c] = kept->total[c];
  }
}

static void find_drift(lc_dual_work *work) {
  int width = width_of(work);
  const lc_dual_state *from = &work->before;
  for (lc_index i = 0; i < work->n; i++)
    for (int c = 0; c < width; c++) work->drift.a[i * width + c] = lc_dual_of(work, i)[c] - from->a[i * width + c];
  for (lc_index at = 0; at < work->p * work->K; at++) work->drift.slope[at] = work->slope[at] - from->slope[at];
  for (int c = 0; c < work->K; c++) work->drift.total[c] = work->total[c] - from->total[c];
  work->drifts = 1;
}

void lc_dual_extrapolate(lc_dual_work *work) {
  double s, d;
  best_in_plane(work, &s, &d);
  keep(work, &work->after);
  go_to(work, s, d);
  if (!(rise(work) > 0)) restore(work);
  find_drift(work);
}
