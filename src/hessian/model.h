/* hessian/model.h - the numbers of the models of hessian/metric.h, which hessian/leading.h writes a part of. */
#ifndef LC_HESSIAN_MODEL_H
#define LC_HESSIAN_MODEL_H

#include "problem/objective.h"

enum { LC_METRIC_FACTORS = 8 };

/* Leading directions, and the Hessian in them. */
typedef struct lc_leading {
  lc_index r;          /* how many; 0: none */
  double *V;           /* q x r */
  double *E, *A;       /* factors: r K x r K of the Hessian; r x r of G + diag(l2) / s for each group */
  unsigned char *skip; /* of their pivots: r K, then r for each group */
  double *c, *d;       /* r x K, scratch */
} lc_leading;

typedef struct lc_metric {
  lc_index q, P;
  int K;
  double *D, *mean; /* q x K: arrow's inverse diagonal, intercepts first, and m_j, 0 for the intercepts */
  int ready;        /* 1: the Kronecker model is there and is used */
  lc_design sample; /* its rows; n = 0: none taken yet */
  lc_obs sample_obs;
  double *V, *Vt, *s;  /* eigenvectors of S (columns), transposed, eigenvalues */
  int *group, groups;  /* factor of each direction, -1 without curvature; number of factors */
  double *U;           /* factors, q x q each */
  unsigned char *skip; /* of their pivots */
  double *l2, *work;   /* q, 0 for the intercept; q K */
  lc_leading leading;
  double rows; /* of a sample, about; the caller may change it before the first model */
  double keep; /* share of the sums of earlier models in those of the next, 0 to 1: a mean over points, for steps that
                  go where single ones have little curvature; 0 from lc_metric_bound() */
  double *past; /* those sums: packed q x q, then ns + 1; NULL: none yet */
} lc_metric;

#endif
