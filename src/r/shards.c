/* r/shards.c - both sides of rows that are elsewhere: the fit, which asks an R function for sums over all shards, and
 * the worker, which computes those of a shard.
 *
 * Shards are a list of class "linclass_shards": dim (n, p); class_weights, the weight of the rows of each class;
 * noffset, how many columns their offsets have; dense, TRUE: each is a matrix; host, a function(what, value) that is
 * called with "sums" and a request, whose answer is the vector of sums, and with "stands" and a list(iteration, B). A
 * request is a list of what lc_pass has: task, about, B (q x K), ns, nsum, gradient, curvature (1: wanted), shift,
 * scale (NULL: as they are); a worker gets it with loss, k, coding, intercept. The answer of a shard is sum, G and C,
 * one after another. */
#include <string.h>

#include "design/shards.h"
#include "problem/tasks.h"
#include "r/r.h"

typedef struct lcr_shards {
  lc_shards shards;
  lcr_callback host;
  lcr_session *session;
} lcr_shards;

static R_xlen_t answer_size(lc_index q, int K, int ns, int nsum, int gradient, int curvature) {
  return nsum + (gradient ? q * K : 0) + (curvature ? ns * lc_packed_size(q) : 0);
}

/* ---- the fit's side --------------------------------------------------------------------------------------------- */

static SEXP doubles(lc_index count, const double *values) {
  if (!values) return R_NilValue;
  SEXP out = Rf_allocVector(REALSXP, count);
  if (count > 0) memcpy(REAL(out), values, (size_t)count * sizeof(double));
  return out;
}

static SEXP matrix(lc_index rows, int columns, const double *values) {
  SEXP out = Rf_allocMatrix(REALSXP, (int)rows, columns);
  if (rows * columns > 0) memcpy(REAL(out), values, (size_t)(rows * columns) * sizeof(double));
  return out;
}

static SEXP request_of(const lc_design *x, const lc_pass *pass) {
  SEXP list = PROTECT(lcr_list_make(9));
  lcr_list_add(list, "task", Rf_ScalarInteger(pass->task));
  lcr_list_add(list, "about", doubles(pass->ntask, pass->about));
  lcr_list_add(list, "B", matrix(lc_design_q(x), pass->K, pass->B));
  lcr_list_add(list, "ns", Rf_ScalarInteger(pass->ns));
  lcr_list_add(list, "nsum", Rf_ScalarInteger(pass->nsum));
  lcr_list_add(list, "gradient", Rf_ScalarInteger(pass->G != NULL));
  lcr_list_add(list, "curvature", Rf_ScalarInteger(pass->C != NULL));
  lcr_list_add(list, "shift", doubles(x->p, x->shift));
  lcr_list_add(list, "scale", doubles(x->p, x->scale));
  UNPROTECT(1);
  return list;
}

/* The function takes interrupts, and answers with a string. */
static lc_status ask(lcr_shards *s, const char *what, SEXP value, SEXP *answer) {
  *answer = lcr_callback_ask(&s->host, what, value);
  if (!*answer) return LC_SOURCE;
  if (TYPEOF(*answer) != STRSXP) return LC_OK;
  s->session->interrupted = 1;
  return LC_INTERRUPTED;
}

static lc_status sums(void *self, const lc_design *x, const lc_pass *pass) {
  lcr_shards *s = self;
  lc_index q = lc_design_q(x), nG = pass->G ? q * pass->K : 0, nC = pass->C ? pass->ns * lc_packed_size(q) : 0;
  SEXP answer;
  LC_TRY(ask(s, "sums", request_of(x, pass), &answer));
  R_xlen_t size = answer_size(q, pass->K, pass->ns, pass->nsum, pass->G != NULL, pass->C != NULL);
  if (TYPEOF(answer) != REALSXP || XLENGTH(answer) != size) return LC_SOURCE;
  const double *from = REAL_RO(answer);
  if (pass->nsum > 0) memcpy(pass->sum, from, (size_t)pass->nsum * sizeof(double));
  if (nG > 0) memcpy(pass->G, from + pass->nsum, (size_t)nG * sizeof(double));
  if (nC > 0) memcpy(pass->C, from + pass->nsum + nG, (size_t)nC * sizeof(double));
  lcr_callback_release(&s->host);
  return LC_OK;
}

static lc_status stands(void *self, const lc_design *x, int K, double iteration, const double *B) {
  SEXP answer, list = PROTECT(lcr_list_make(2));
  lcr_list_add(list, "iteration", Rf_ScalarReal(iteration));
  lcr_list_add(list, "B", matrix(lc_design_q(x), K, B));
  lc_unscale_coef(x, K, REAL(lcr_get(list, "B")));
  lc_status status = ask(self, "stands", list, &answer);
  UNPROTECT(1);
  return status;
}

int lcr_is_shards(SEXP x) { return Rf_inherits(x, "linclass_shards"); }

void lcr_shards_begin(SEXP x, int k, lcr_session *session, lc_design *out, lc_obs *obs) {
  SEXP dim = lcr_get(x, "dim"), host = lcr_get(x, "host");
  const double *weights = lcr_doubles(lcr_get(x, "class_weights"), k, "class_weights");
  if (TYPEOF(dim) != REALSXP || XLENGTH(dim) != 2 || TYPEOF(host) != CLOSXP || !weights)
    Rf_error("not valid shards of rows");
  double n = REAL_RO(dim)[0], p = REAL_RO(dim)[1];
  if (!(n >= 0 && n <= (double)R_XLEN_T_MAX && p >= 0 && p < INT_MAX)) Rf_error("shards have wrong dimensions");
  for (int c = 0; c < k; c++)
    if (!(weights[c] >= 0)) Rf_error("'class_weights' must not be negative");
  lcr_shards *s = (lcr_shards *)R_alloc(1, sizeof *s);
  *s = (lcr_shards){.session = session, .shards = {s, lcr_get_flag(x, "dense"), sums, stands}};
  lcr_callback_begin(host, session, &s->host);
  lc_design_shards(out, (lc_index)n, (lc_index)p, &s->shards);
  *obs = (lc_obs){.n = out->n, .noffset = lcr_get_count(x, "noffset"), .class_weights = weights, .classes = k};
}

void lcr_shards_end(SEXP x, const lc_design *design) {
  if (!lcr_is_shards(x)) return;
  lcr_shards *s = ((const lc_shards *)design->data)->self;
  lcr_callback_end(&s->host);
}

/* ---- the worker's side ------------------------------------------------------------------------------------------ */

/* The pass without its sums, whose sizes are checked. */
static lc_pass read_pass(SEXP request, const lc_design *x) {
  int q, K;
  const double *B = lcr_matrix(lcr_get(request, "B"), "B", &q, &K);
  lc_pass pass = {.K = K, .B = B, .ns = lcr_get_count(request, "ns"), .nsum = lcr_get_count(request, "nsum")};
  if (q != lc_design_q(x)) Rf_error("'B' must have %.0f rows", (double)lc_design_q(x));
  /* A task has a sum for each pair of classes at most, and a matrix for each pair of scores. */
  if (pass.nsum > ((double)K + 1) * (K + 1)) Rf_error("'nsum' is too large");
  if (pass.ns > 0.5 * K * (K + 1.0) || (double)pass.ns * (double)lc_packed_size(q) > (double)R_XLEN_T_MAX)
    Rf_error("'ns' is too large");
  return pass;
}

/* sum, G and C into `out`. */
static lc_status shard_sums(SEXP request, lc_design *x, const lc_obs *obs, lc_pass *pass, lcr_session *session) {
  const lc_loss *loss = lc_loss_find(lcr_get_string(request, "loss"));
  int k = lcr_get_count(request, "k");
  lc_coding coding;
  if (!loss || lc_coding_make(loss, k, lcr_get_flag(request, "coding"), &coding) != LC_OK)
    Rf_error("unknown loss, or not for so many classes");
  if (obs->noffset != 0 && obs->noffset != coding.K) Rf_error("'offset' must have %d columns", coding.K);
  SEXP about = lcr_get(request, "about");
  int task = lcr_get_count(request, "task");
  const double *numbers = lcr_doubles(about, lc_task_numbers(&coding), "about");
  if (!numbers && task != LC_TASK_ONES) return LC_INVALID;
  double *none = lc_arena_zeros(&session->arena, x->p);
  lc_objective *obj = lc_arena_alloc(&session->arena, 1, sizeof *obj);
  if (!none || !obj) return LC_OUT_OF_MEMORY;
  lc_penalty pen = {.p = x->p, .intercept = x->intercept, .l1 = none, .l2 = none};
  LC_TRY(lc_objective_init(obj, x, obs, loss, &coding, &pen, 0, &session->arena));
  return lc_objective_task(obj, task, numbers, pass);
}

/* The sums of a shard that a request asks for. */
SEXP lcr_shard_sums(SEXP x, SEXP y, SEXP w, SEXP offset, SEXP request) {
  lc_design design;
  lc_obs obs;
  SEXP owner = PROTECT(lcr_session_begin());
  lcr_session *session = lcr_session_of(owner);
  if (y == R_NilValue) Rf_error("'y' is missing");
  lcr_design(x, y, lcr_get_count(request, "k"), w, offset, session, &design, &obs);
  design.intercept = lcr_get_flag(request, "intercept");
  design.shift = lcr_doubles(lcr_get(request, "shift"), design.p, "shift");
  design.scale = lcr_doubles(lcr_get(request, "scale"), design.p, "scale");
  lc_pass pass = read_pass(request, &design);
  lc_index q = lc_design_q(&design);
  int gradient = lcr_get_flag(request, "gradient"), curvature = lcr_get_flag(request, "curvature");
  SEXP out = PROTECT(Rf_allocVector(REALSXP, answer_size(q, pass.K, pass.ns, pass.nsum, gradient, curvature)));
  pass.sum = REAL(out);
  if (XLENGTH(out) > 0) memset(REAL(out), 0, (size_t)XLENGTH(out) * sizeof(double));
  if (gradient) pass.G = pass.sum + pass.nsum;
  if (curvature) pass.C = pass.sum + pass.nsum + (gradient ? q * pass.K : 0);
  lc_status status = lcr_stream_status(&design, shard_sums(request, &design, &obs, &pass, session));
  status = lcr_session_status(session, status);
  lcr_session_end(owner);
  lcr_stream_end(x, &design);
  lcr_check(status);
  UNPROTECT(2);
  return out;
}
