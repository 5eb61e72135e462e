/* path/spec.h - what is wanted of a path, and the numbers of one of its solutions. */
#ifndef LC_PATH_SPEC_H
#define LC_PATH_SPEC_H

#include "fit/fit.h"

/* What is wanted. All arrays are the caller's. */
typedef struct lc_path_spec {
  const double *lambdas; /* nlambdas of them, decreasing, >= 0; NULL: from the data, */
  lc_index nlambdas;     /* >= 1 */
  double min_ratio;      /* in equal ratios from lambda_max to min_ratio lambda_max, 0 < min_ratio <= 1 */
  const int *holdout;    /* n x nrepeats fold numbers 1..nfolds, 0: in every fit; NULL: no folds */
  int nfolds, nrepeats;  /* 0 without folds */
  double *scores;        /* n x K x nlambdas x nrepeats, written: scores of each row, offsets included, by the fit that
                            left it out; NULL: not wanted */
} lc_path_spec;

/* The numbers of one solution. */
typedef struct lc_outcome {
  double objective, loss; /* mean loss plus penalty; mean loss */
  double gap, relative;   /* as in lc_certificate; NaN: no certificate */
  double kkt;             /* largest residual of a coefficient, in the columns as shown */
  double iterations;      /* steps for this lambda alone */
  double passes;          /* reads of X since the start of the path, parts counting as fractions */
  int met; /* 1: relative is within the tolerance; where no gap exists, it ended before rounding and max_iter */
} lc_outcome;

#endif
