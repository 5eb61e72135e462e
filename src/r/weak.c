/* r/weak.c - references that keep nothing alive: a fit remembers where its call can be evaluated again, and neither
   saving the fit nor copying it to another process drags that environment along. */
#include "r/r.h"

/* The value lives as long as the key (an environment) does, and does not keep it alive even if it leads back to it. */
SEXP lcr_weak(SEXP key, SEXP value) {
  if (TYPEOF(key) != ENVSXP) Rf_error("the key of a weak reference must be an environment");
  return R_MakeWeakRef(key, value, R_NilValue, FALSE);
}

/* The value, NULL where it is gone: a reference read from a file is empty. */
SEXP lcr_weak_value(SEXP reference) {
  return TYPEOF(reference) == WEAKREFSXP ? R_WeakRefValue(reference) : R_NilValue;
}
