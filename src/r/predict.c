/* r/predict.c - scores, probabilities and classes of new rows, in one pass. */
#include <math.h>
#include <string.h>

#include "r/r.h"

typedef struct predict_context {
  const lc_loss *loss;
  lc_coding coding;
  lc_index n;
  double *prob; /* n x k, or NULL */
  int *code;    /* n classes 1..k, or NULL */
} predict_context;

static lc_status predict_block(void *context, const lc_block *block, double *sum) {
  const predict_context *predict = context;
  (void)sum;
  if (predict->prob)
    predict->loss->response(&predict->coding, block->m, block->z, block->ld, predict->prob + block->row0, predict->n);
  if (!predict->code) return LC_OK;
  int *code = predict->code + block->row0;
  lc_coding_classify(&predict->coding, block->m, block->z, block->ld, code);
  for (int i = 0; i < block->m; i++) code[i] = code[i] < 0 ? NA_INTEGER : code[i] + 1;
  return LC_OK;
}

SEXP lcr_predict(SEXP x, SEXP B, SEXP offset, SEXP spec, SEXP type) {
  if (TYPEOF(type) != STRSXP || XLENGTH(type) != 1) Rf_error("'type' must be one string");
  const char *kind = CHAR(STRING_ELT(type, 0));
  int prob = strcmp(kind, "prob") == 0, class_only = strcmp(kind, "class") == 0;
  if (!prob && !class_only && strcmp(kind, "link") != 0) Rf_error("unknown type '%s'", kind);
  SEXP owner = PROTECT(lcr_session_begin());
  lcr_session *session = lcr_session_of(owner);
  lc_design design;
  lc_obs obs;
  predict_context predict = {lc_loss_find(lcr_get_string(spec, "loss")), {0}, 0, NULL, NULL};
  lcr_in_memory(x);
  lcr_design(x, R_NilValue, 0, R_NilValue, offset, session, &design, &obs);
  design.intercept = lcr_get_flag(spec, "intercept");
  int q, K, k = lcr_get_count(spec, "k");
  const double *coefficients = lcr_matrix(B, "B", &q, &K);
  if (q != lc_design_q(&design)) Rf_error("coefficients do not fit the columns of 'x'");
  if (!predict.loss || lc_coding_of(predict.loss, k, K, &predict.coding) != LC_OK)
    Rf_error("coefficients do not fit the loss");
  if (prob && !predict.loss->response) Rf_error("this loss has no probabilities");
  if (obs.noffset != 0 && obs.noffset != K) Rf_error("'offset' must have %d columns", K);
  predict.n = design.n;
  int n = (int)design.n;
  SEXP out = PROTECT(class_only ? Rf_allocVector(INTSXP, n) : Rf_allocMatrix(REALSXP, n, prob ? k : K));
  if (prob) predict.prob = REAL(out);
  if (class_only) predict.code = INTEGER(out);
  lc_pass pass = {.K = K,
                  .obs = &obs,
                  .B = coefficients,
                  .Z = prob || class_only ? NULL : REAL(out),
                  .block = prob || class_only ? predict_block : NULL,
                  .context = &predict};
  lc_status status = design.ops->pass(&design, &pass, &session->host, &session->arena);
  lcr_session_end(owner);
  lcr_check(status);
  UNPROTECT(2);
  return out;
}
