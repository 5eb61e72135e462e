/* problem/loss.h - every loss of the package, one row in one table each.
 *
 * A loss sees the scores of a block of rows and their class codes, never X, weights or penalties.
 * lc_coding says how K score columns stand for k classes:
 *   K = k              a score for each class (symmetric)
 *   K = k - 1          the first class has score 0 (reference), base = 1
 *   K = 1, vector = 1  two classes, one score z for the second; margins use s = +1 (second), -1 (first)
 * All losses are sums of convex functions of the scores, one a row. */
#ifndef LC_PROBLEM_LOSS_H
#define LC_PROBLEM_LOSS_H

#include "base/base.h"

typedef struct lc_coding {
  int k, K, base, vector;
  double mu; /* smoothable losses: > 0 rounds the kink (see ramp() in problem/loss.c); 0 = the loss itself. Of the
                perceptron the lead that it trains for */
} lc_coding;

/* A score for each class: losses do not see what all classes have in common. */
static inline int lc_coding_symmetric(const lc_coding *coding) { return !coding->base && !coding->vector; }

enum {
  LC_PROBABILITY = 1,  /* scores give class probabilities */
  LC_LIKELIHOOD = 2,   /* the loss is a negative log-likelihood */
  LC_SMOOTH = 4,       /* the gradient is continuous */
  LC_CURVATURE = 8,    /* has a (generalised) Hessian */
  LC_HESSIAN = 16,     /* twice differentiable up to kinks: loss_hessian() of it makes sense */
  LC_DUAL = 32,        /* has the conjugate that a duality gap needs */
  LC_SMOOTHABLE = 64,  /* mu > 0 gives a smooth version, above by at most mu a wrong class */
  LC_SCALE_FREE = 128, /* homogeneous in the scores: its minimum says nothing, so that mistakes are counted */
  LC_RAMPS = 256,      /* the sum over wrong classes c of max(0, 1 + z_c - z_y): what dual solvers know */
  LC_LARGEST_RAMP = 512, /* the largest of these in place of their sum */
  LC_MULTINOMIAL = 1024  /* with p the probabilities, second derivatives are diag(p) - p p', and the first p less 1 for
                            the row's own class */
};

/* So that pairs of score columns are counted in an int. */
enum { LC_MOST_CLASSES = 65535 };

/* m rows: scores z (m x K, ldz) and codes y (0..k-1, stored as doubles), and what is wanted of them (NULL: not).
 * value  m losses
 * r      m x K (ldr) derivatives with respect to z
 * s      m x K(K+1)/2 (lds) second derivatives of the pairs a <= b, pair at lc_packed_at(a, b); never without r, nor
 *        for losses without LC_CURVATURE */
typedef struct lc_loss_block {
  int m;
  const double *z, *y;
  double *value, *r, *s;
  lc_index ldz, ldr, lds;
} lc_loss_block;

typedef struct lc_loss lc_loss;
struct lc_loss {
  const char *name, *title;
  unsigned flags;
  int most_classes; /* 2 for two-class losses, else LC_MOST_CLASSES */
  int vector_form;  /* 1: two classes are one score column */
  double deriv2;    /* largest second derivative of the loss of one score (difference); 1 where there is none */

  /* Fills what the block asks for. Finite for |z| up to 1e300 where the loss itself is. Outputs alias nothing. */
  void (*rows)(const lc_coding *coding, const lc_loss_block *block);

  /* value_i = -conjugate of the row's loss at derivative r (m x K): the row's term of the dual objective.
   * -Inf outside the domain of the conjugate, which is convex and holds 0 and the derivatives that `rows` gives. Where
   * all k classes have a column they must sum to 0: that of the row's own class is not looked at. NULL without
   * LC_DUAL. */
  void (*dual)(const lc_coding *coding, int m, const double *r, lc_index ldr, const double *y, double *value);

  /* prob (m x k, ldp) from scores. NULL without LC_PROBABILITY. */
  void (*response)(const lc_coding *coding, int m, const double *z, lc_index ldz, double *prob, lc_index ldp);
};

extern const lc_loss lc_losses[];
extern const int lc_loss_count;

/* The row of a name; NULL when there is none. */
const lc_loss *lc_loss_find(const char *name);

/* The link of a loss for k classes; coding 1 = reference. LC_INVALID when k does not suit the loss. */
lc_status lc_coding_make(const lc_loss *loss, int k, int reference, lc_coding *out);

/* The link for which K score columns of k classes make sense: 1 with a vector form, k, or k - 1. */
lc_status lc_coding_of(const lc_loss *loss, int k, int K, lc_coding *out);

/* An upper bound of the eigenvalues of the second derivative with respect to z (1 where there is none): the
 * curvature that step sizes reckon with. */
double lc_coding_bound(const lc_loss *loss, const lc_coding *coding);

/* Number of curvature weights of K score columns. */
static inline int lc_coding_pairs(const lc_coding *coding) { return (int)lc_packed_size(coding->K); }

/* Score of class j; z points at the row's first score. Base and vector links score the first class 0. */
static inline double lc_coding_score(const lc_coding *coding, const double *z, lc_index ldz, int j) {
  if (coding->base || coding->vector) return j == 0 ? 0 : z[(j - 1) * ldz];
  return z[j * ldz];
}

/* Weighted number of rows whose true class does not win outright (ties count as mistakes). */
double lc_coding_mistakes(const lc_coding *coding, int m, const double *z, lc_index ldz, const double *y,
                          const double *w);

/* The class with the largest score of each row, 0-based; ties go to the first; -1 where a score is NaN. */
void lc_coding_classify(const lc_coding *coding, int m, const double *z, lc_index ldz, int *out);

#endif
