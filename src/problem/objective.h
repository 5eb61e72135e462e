/* problem/objective.h - joins design, loss and penalty and owns the scores.
 *
 *     F(B) = (1/W) sum_i w_i loss(z_i, y_i) + P(B),   z = off + [1, X] B,   W = sum of weights
 *
 * A solver sees these verbs and nothing behind them. There are two points: `at`, where the fit stands, and
 * `to`, a trial. lc_objective_eval() computes the trial in one read of X; lc_objective_along() looks between
 * the two without reading X (from the kept scores); lc_objective_accept() makes the trial the point.
 * Z of the two points are the only n x K arrays. */
#ifndef LC_PROBLEM_OBJECTIVE_H
#define LC_PROBLEM_OBJECTIVE_H

#include <math.h>

#include "design/design.h"
#include "problem/loss.h"
#include "problem/penalty.h"

enum { LC_SCRATCH = 4096 }; /* scores of a strip of rows on the stack; more score columns are not kept */

typedef struct lc_point {
  double *B;    /* q x K */
  double *Z;    /* n x K scores, NULL when scores are not kept */
  double loss;  /* mean loss */
  double value; /* loss + penalty */
} lc_point;

/* How far from the optimum a point is. Sampled: a decrement with the second derivatives of a sample of rows. */
typedef enum lc_certificate_kind {
  LC_GAP,
  LC_DECREMENT,
  LC_KKT_ONLY,
  LC_MISTAKES,
  LC_SAMPLED_DECREMENT
} lc_certificate_kind;
typedef struct lc_certificate {
  lc_certificate_kind kind;
  double gap;      /* bound on (duality gap) or estimate of (half the squared Newton decrement) F - F* */
  double relative; /* gap / max(F, 1e-3 F_null) */
  double kkt;      /* largest KKT residual of a coefficient */
} lc_certificate;

typedef struct lc_objective {
  const lc_design *x;
  const lc_obs *obs;
  const lc_loss *loss;
  lc_coding coding;
  const lc_penalty *pen;
  const lc_host *host;
  lc_arena *arena;
  lc_index q, P;                 /* coefficients of a score column; of all */
  int K, ns;                     /* score columns; pairs of them */
  double weight_sum, null_value; /* W; mean loss at B = 0, the yardstick of relative certificates */
  lc_point at, to;
  lc_index napart, *apart; /* rows of B in which alone the points differ (room for q); how many, -1: not known */
  const double *dual; /* n x K weighted derivatives that a solver found beside `at`: the dual point of gaps (their rows,
                         divided by weights, are in the domain of the conjugate). NULL: those of `at` */
  double *G;          /* q x K gradient of the smooth part (loss and L2) at the last evaluated point, when wanted */
  double *C;          /* ns packed q x q curvatures of the mean loss there, when wanted; allocated at first want */
  const double *mean; /* p: mean of each shown column, for step sizes; NULL: all 0 */
  const double *rms;  /* p: root mean square of each shown column, for step sizes; NULL: all 1 */
  double passes;      /* reads of X so far */
  double recorded;    /* iterations of earlier runs: the history counts on */
  double *about;      /* numbers of the task of a pass, for rows that are elsewhere */
  double epoch_mistakes, validation; /* what the next lines of the history say of an epoch (lc_info); NaN: nothing */
} lc_objective;

/* Root mean square of feature f; 1 where it is 0 or not known. */
static inline double lc_objective_rms(const lc_objective *obj, lc_index f) {
  return obj->rms && obj->rms[f] > 0 ? obj->rms[f] : 1;
}

/* Binds the parts, and the arena with its host; allocates points and scores (keep_scores = 0: scores are recomputed by
 * passes). `at` and `to` start at B = 0, not evaluated. */
lc_status lc_objective_init(lc_objective *obj, const lc_design *x, const lc_obs *obs, const lc_loss *loss,
                            const lc_coding *coding, const lc_penalty *pen, int keep_scores, lc_arena *arena);

enum { LC_WANT_VALUE = 0, LC_WANT_GRADIENT = 1, LC_WANT_CURVATURE = 2 };

/* to <- B (q x K) with its scores and value; G and C as wanted. One read of X. */
lc_status lc_objective_eval(lc_objective *obj, const double *B, int want);

/* *value = F at `at` + t (to - at). No read of X when scores are kept. */
lc_status lc_objective_along(lc_objective *obj, double t, double *value);

/* to <- at + t (to - at), with value and gradient. Half of a read of X when scores are kept: X'R alone. */
lc_status lc_objective_shorten(lc_objective *obj, double t);

/* at <- to. G and C are then those of `at`. */
void lc_objective_accept(lc_objective *obj);

/* H (P x P, full) = Hessian at the point of C plus the L2 part; order of as.vector(B). */
void lc_objective_hessian(const lc_objective *obj, int with_penalty, double *H);

/* ---- verbs of columns: need LC_COLUMNS and kept scores -------------------------------------------------------- */

/* to <- `at` with rows j of B moved by D (nj x K): its scores and value. R (n x K): the weighted derivatives of the
 * loss with respect to the scores there. Reads nj columns. */
lc_status lc_objective_move(lc_objective *obj, lc_index nj, const lc_index *j, const double *D, double *R);

/* The value of `at` after a change of the penalty. Slopes outside rows j (nj of them; NULL: all) are 0. */
void lc_objective_revalue(lc_objective *obj, lc_index nj, const lc_index *j);

/* R (n x K) at `at`; rows of class y times s[y], NULL: 1. No read of X. */
lc_status lc_objective_residuals(lc_objective *obj, const double *s, double *R);

/* P (n x K) of a loss with LC_MULTINOMIAL: the probabilities of classes with a score column at `at`, to 1e-16. No read
 * of X. */
void lc_objective_probabilities(const lc_objective *obj, double *P);

/* S (n x ns): weighted second derivatives of the loss of each pair of scores at `at`. No read of X. */
void lc_objective_weights(const lc_objective *obj, double *S);
/* Those of rows i0 .. i0 + m - 1, at most LC_SCRATCH / K of them, with leading dimension lds. */
void lc_objective_row_weights(const lc_objective *obj, lc_index i0, int m, double *S, lc_index lds);
/* Their sums over all rows / W into S (ns), without memory for n x ns. */
lc_status lc_objective_mean_weights(const lc_objective *obj, double *S);

/* c (nj x K) = X_j' R / W, K columns of R: for R as above the gradient of the mean loss. Reads nj columns. */
void lc_objective_columns(lc_objective *obj, lc_index nj, const lc_index *j, int K, const double *R, double *c);

/* C (ni x nj) = X_i' diag(s) X_j / W, s NULL: the weights of the rows. Where i and j are one list (the same pointer and
 * length) half of the work is saved. */
lc_status lc_objective_cross(const lc_objective *obj, lc_index ni, const lc_index *i, lc_index nj, const lc_index *j,
                             const double *s, double *C);

/* R (n x K) = diag(w) X_j D, D nj x K. Reads nj columns. */
void lc_objective_weighted_columns(lc_objective *obj, lc_index nj, const lc_index *j, const double *D, double *R);

/* Steps on a design of nearly the same columns (`round` of lc_design_ops): leave copies `at` into `spare`, a point with
 * its own memory, and goes on from there on x; return takes `at` as it was and leaves in `spare` where the steps led.
 * What is in between must be verbs of columns. */
void lc_objective_leave(lc_objective *obj, const lc_design *x, lc_point *spare);
void lc_objective_return(lc_objective *obj, const lc_design *x, lc_point *spare);

/* Has X columns with few entries? out[a] <- these entries, by[a] root[i] x_ij of column j[a], root NULL: 1; the
 * intercept has none. They live in the arena. */
int lc_objective_has_sparse_columns(const lc_objective *obj);
lc_status lc_objective_sparse_columns(const lc_objective *obj, lc_index nj, const lc_index *j, const double *by,
                                      const double *root, lc_spvec *out);

/* Gradient of the smooth part at `at` from the kept scores, into G. One read of X. */
lc_status lc_objective_gradient(lc_objective *obj);

/* ---- verbs of rows in any order: need LC_ROWS ------------------------------------------------------------------ */

/* The rows of the design as the verbs below see them. One pass over the entries where it makes an index of rows. */
lc_status lc_objective_rows(const lc_objective *obj, lc_rows *rows);

/* Is there so little to an lc_rows that several threads may each have one of their own? (Not where it is an index of
 * the entries or a window of a stream.) */
int lc_objective_rows_apart(const lc_objective *obj);

/* Do rows have few entries? Then: the features in which rows `index` (m of them) have entries, each once; their number.
 * mark: p bytes, all 0 before and after. */
int lc_objective_has_sparse_rows(const lc_objective *obj);
lc_index lc_objective_row_features(const lc_rows *rows, lc_index m, const lc_index *index, unsigned char *mark,
                                   lc_index *feature);

/* How many of the rows, from the first on, are best worked on together; loads them for the verbs that read X. */
lc_index lc_objective_row_piece(const lc_rows *rows, lc_index m, const lc_index *index);
void lc_objective_row_load(lc_rows *rows, lc_index m, const lc_index *index);

/* Codes and weights (m each); z (m x K) <- scores at B, offsets included; dz <- their changes along D; losses (NULL:
 * none) and their derivatives r (m x K, or NULL) by scores z, with the objective's coding or one of another mu;
 * G (q x K) += X' r. */
void lc_objective_row_data(const lc_objective *obj, lc_index m, const lc_index *index, double *y, double *w);
void lc_objective_row_scores(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                             const double *B, double *z);
void lc_objective_row_changes(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                              const double *D, double *dz);
void lc_objective_row_losses(const lc_objective *obj, const lc_coding *coding, lc_index m, const double *z,
                             const double *y, double *value, double *r);
void lc_objective_row_gradient(const lc_objective *obj, const lc_rows *rows, lc_index m, const lc_index *index,
                               const double *r, double *G);

/* ---- parts of the rows ------------------------------------------------------------------------------------------ */

/* Rows for sweeps of their own: row i of x is row row[i] of the objective, row NULL: i. */
typedef struct lc_row_part {
  const lc_design *x;
  const lc_index *row;
} lc_row_part;

/* All rows, as they are. */
lc_row_part lc_objective_all_rows(const lc_objective *obj);

/* The rows of class y that have a weight, copied into the arena with their columns as shown; all rows where the design
 * has no subsets. */
lc_status lc_objective_class_rows(const lc_objective *obj, int y, lc_row_part *out);

/* A sweep over a part, as lc_objective_pass(). */
lc_status lc_objective_pass_part(lc_objective *obj, const lc_row_part *part, lc_pass *pass);

/* ---- gaps and reports ------------------------------------------------------------------------------------------ */

/* One sweep over X for a solver's own rows (design/design.h); the rows have no offsets and `obs` is not set. */
lc_status lc_objective_pass(lc_objective *obj, lc_pass *pass);

/* Duality gap at `at`: exact for losses with LC_DUAL. Residuals are first scaled class by class so that
 * intercepts are dual feasible, then all by one factor so that L1 features are. LC_KKT_ONLY with an infinite
 * gap where no finite bound follows (an unpenalised feature). With a dual point of the solver's, free slopes may have a
 * gradient g of rounding: |g| times twice the slope, or once 1 / rms, is part of the gap, which then holds against
 * all points within that distance; kkt is that of its gradients. One read of X; needs kept scores. */
lc_status lc_objective_gap(lc_objective *obj, lc_certificate *out);

/* The two halves of a gap, for those who know X'R by other means (no read of X; kept scores). R (n x K) are weighted
 * derivatives as of lc_objective_residuals(), or others of which each row, divided by its weight, is in the domain of
 * the loss's conjugate; NULL: those of `at`.
 * s (k): the factors of the classes that make R sum to zero; *possible = 0 where there are none. */
lc_status lc_objective_balance(lc_objective *obj, const double *R, double *s, int *possible);
/* For R balanced and any t in [0, 1] for which t times the slopes' gradients X'R / W are dual feasible, *primal - *dual
 * + conjugates of the penalty is a gap. *dual = -Inf where a row is outside the domain. */
lc_status lc_objective_dual(lc_objective *obj, const double *R, double t, double *primal, double *dual);

/* primal - dual, at least 0; Inf where that is no number (fmax(NaN, 0) would be a gap of 0). */
static inline double lc_gap_between(double primal, double dual) {
  double gap = primal - dual;
  return isnan(gap) ? INFINITY : gap > 0 ? gap : 0;
}

/* Differences of F that may be rounding, of its sums over rows and coefficients: for solvers with exact gradients as
 * good as equal. */
double lc_objective_noise(const lc_objective *obj);

/* max(F, 1e-3 F_null) at `at`. */
double lc_objective_scale(const lc_objective *obj);

/* Weighted number of rows of `at` whose true class does not win outright. No read of X where scores are kept. */
lc_status lc_objective_mistakes(lc_objective *obj, double *count);

/* From at to `to` the lead of a row's true class over each other class changes. *rows = weight of the rows where some
 * lead grows by at least `least`; class_rows[c] = weight of the rows of class c where all leads do. One read of X where
 * scores are not kept. */
lc_status lc_objective_separating_rows(lc_objective *obj, double least, double *rows, double *class_rows);

/* One line of the history, at `at`. */
lc_status lc_objective_record(const lc_objective *obj, double iteration, double epoch, double gradient_norm,
                              double step);

/* Backtracking on the line from `at` to `to`, where t = 1 gave value `full`; slope < 0 is the derivative at
 * t = 0. Finds t with F(t) <= F(0) + 1e-4 t slope by safeguarded quadratic steps, no read of X where scores are
 * kept. *t = 0 when rounding leaves nothing to gain. */
lc_status lc_line_search(lc_objective *obj, double slope, double full, double *t);

#endif
