/* solver/gradient_descent.c - gradient descent as in the lecture notes, W <- W - rate * gradient, or with a line
 * search; an L1 part and bounds enter by their proximal step. */
#include <math.h>
#include <string.h>

#include "linalg/linalg.h"
#include "solver/solver.h"

/* trial = prox(at - step * G). Returns |trial - at|^2. */
static double proximal_step(const lc_objective *obj, double step, double *trial) {
  double moved = 0;
  for (lc_index i = 0; i < obj->P; i++) trial[i] = obj->at.B[i] - step * obj->G[i];
  lc_penalty_prox_all(obj->pen, obj->K, step, trial);
  for (lc_index i = 0; i < obj->P; i++) moved += (trial[i] - obj->at.B[i]) * (trial[i] - obj->at.B[i]);
  return moved;
}

/* Halves the step until F falls by a tenth of |move|^2 / step; *step is 0 when rounding leaves nothing. */
static lc_status search(lc_objective *obj, double *trial, double *step) {
  double start = obj->at.value;
  for (int halvings = 0; halvings < 100; halvings++, *step /= 2) {
    double moved = proximal_step(obj, *step, trial);
    LC_TRY(lc_objective_eval(obj, trial, LC_WANT_VALUE));
    double gain = 0.1 * moved / *step;
    if (isfinite(obj->to.value) && obj->to.value <= start - gain) return LC_OK;
    if (gain < 1e-16 * fabs(start)) break;
  }
  *step = 0;
  return LC_OK;
}

/* A fixed rate may diverge: the best iterate so far is kept for that case. */
typedef struct best_point {
  double *B, value;
} best_point;

static lc_status back_to(lc_objective *obj, const best_point *best) {
  LC_TRY(lc_objective_eval(obj, best->B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  return LC_DIVERGED;
}

/* Is the point as good as optimal? The gain of one more step, half of step |g|^2, is the yardstick. */
static int is_done(const lc_objective *obj, const lc_settings *settings, double step, double kkt) {
  if (kkt == 0) return 1;
  double goal = settings->tolerance * 1e-3 * lc_objective_scale(obj);
  return isfinite(step) && 0.5 * step * kkt * kkt * (double)obj->P <= goal;
}

static lc_status descent_run(lc_objective *obj, const lc_settings *settings, const double *B, lc_report *report) {
  int fixed = !isnan(settings->rate);
  double most = isnan(settings->max_iter) ? (fixed ? 1000 : 10000) : settings->max_iter;
  double *trial = lc_arena_doubles(obj->arena, obj->P);
  best_point best = {lc_arena_doubles(obj->arena, obj->P), INFINITY};
  if (!trial || !best.B) return LC_OUT_OF_MEMORY;
  LC_TRY(lc_objective_eval(obj, B, LC_WANT_GRADIENT));
  lc_objective_accept(obj);
  if (!isfinite(obj->at.value)) return LC_NONFINITE;
  double first = obj->at.value, step = fixed ? settings->rate : 1;
  for (report->iterations = 0;; report->iterations++) {
    double kkt = lc_penalty_kkt(obj->pen, obj->K, obj->at.B, obj->G);
    LC_TRY(lc_objective_record(obj, report->iterations, NAN, kkt, report->iterations > 0 ? step : NAN));
    if (obj->at.value < best.value) {
      best.value = obj->at.value;
      memcpy(best.B, obj->at.B, (size_t)obj->P * sizeof(double));
    }
    if (fixed ? kkt == 0 : is_done(obj, settings, report->iterations > 0 ? step : NAN, kkt)) return LC_OK;
    if (report->iterations >= most) {
      /* A rate that ends above its start leads nowhere. The perceptron starts at the trivial optimum. */
      int worse = fixed && !(obj->loss->flags & LC_SCALE_FREE) && obj->at.value > first && most > 0;
      return worse ? back_to(obj, &best) : fixed ? LC_BUDGET : LC_MAX_ITER;
    }
    if (fixed) {
      proximal_step(obj, step, trial);
      LC_TRY(lc_objective_eval(obj, trial, LC_WANT_GRADIENT));
      if (!(obj->to.value < 1e8 * (1 + fabs(first)))) return back_to(obj, &best);
      lc_objective_accept(obj);
    } else {
      step *= 2;
      LC_TRY(search(obj, trial, &step));
      if (step == 0) return LC_STALLED;
      lc_objective_accept(obj);
      LC_TRY(lc_objective_gradient(obj));
    }
  }
}

static const lc_field fields[] = {
    {"rate", offsetof(lc_settings, rate), NAN, 1e-300, 1e300, 0,
     "fixed step length in the user's columns; NA: a line search"},
};

const lc_solver lc_solver_gradient_descent = {"gradient_descent",
                                              "gradient descent",
                                              LC_TAKES_L1 | LC_TAKES_GROUPS | LC_TAKES_BOUNDS | LC_STEPS_AS_GIVEN,
                                              fields,
                                              (int)(sizeof fields / sizeof fields[0]),
                                              descent_run};
