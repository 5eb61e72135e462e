/* r/teach.c - the teaching functions: each routine shows one formula of the package at given coefficients. */
#include <math.h>
#include <string.h>

#include "kernel/kernel.h"
#include "linalg/linalg.h"
#include "r/r.h"

SEXP lcr_sigmoid(SEXP z) {
  if (TYPEOF(z) != REALSXP) Rf_error("'z' must be double");
  SEXP out = PROTECT(Rf_allocVector(REALSXP, XLENGTH(z)));
  lc_kernels()->logistic(XLENGTH(z), REAL_RO(z), NULL, REAL(out), NULL);
  UNPROTECT(1);
  return out;
}

SEXP lcr_softmax(SEXP z) {
  int n, k;
  const double *scores = lcr_matrix(z, "z", &n, &k);
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, n, k));
  const lc_loss *loss = lc_loss_find("softmax");
  lc_coding coding = {.k = k, .K = k};
  if (k > 0) loss->response(&coding, n, scores, n, REAL(out), n);
  UNPROTECT(1);
  return out;
}

/* J[i, j] = d p_i / d z_j = p_i (1{i = j} - p_j). */
SEXP lcr_softmax_jacobian(SEXP z) {
  if (TYPEOF(z) != REALSXP || XLENGTH(z) < 1 || XLENGTH(z) > INT_MAX) Rf_error("'z' must be a double vector");
  int k = (int)XLENGTH(z);
  lc_coding coding = {.k = k, .K = k};
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, k, k));
  double *J = REAL(out), *p = (double *)R_alloc((size_t)k, sizeof(double));
  lc_loss_find("softmax")->response(&coding, 1, REAL_RO(z), 1, p, 1);
  for (int j = 0; j < k; j++) {
    double others = 0;
    for (int i = 0; i < k; i++) {
      J[i + (R_xlen_t)j * k] = -p[i] * p[j];
      if (i != j) others += p[i];
    }
    J[j + (R_xlen_t)j * k] = p[j] * others;
  }
  UNPROTECT(1);
  return out;
}

SEXP lcr_raw_scores(SEXP x, SEXP B, SEXP b) {
  int p, K;
  const double *weights = lcr_matrix(B, "W", &p, &K);
  SEXP owner = PROTECT(lcr_session_begin());
  lcr_session *session = lcr_session_of(owner);
  lc_design design;
  lc_obs obs;
  lcr_in_memory(x);
  lcr_design(x, R_NilValue, 0, R_NilValue, R_NilValue, session, &design, &obs);
  const double *bias = lcr_doubles(b, K, "b");
  if (design.p != p) Rf_error("'W' does not fit the columns of 'x'");
  design.intercept = bias != NULL;
  lc_index q = lc_design_q(&design);
  double *all = lc_arena_doubles(&session->arena, q * K);
  if (!all) lcr_check(LC_OUT_OF_MEMORY);
  for (int c = 0; c < K; c++) {
    if (bias) all[c * q] = bias[c];
    for (int j = 0; j < p; j++) all[c * q + design.intercept + j] = weights[j + (R_xlen_t)c * p];
  }
  SEXP out = PROTECT(Rf_allocMatrix(REALSXP, (int)design.n, K));
  lc_pass pass = {.K = K, .B = all, .Z = REAL(out)};
  lc_status status = design.ops->pass(&design, &pass, &session->host, &session->arena);
  lcr_session_end(owner);
  lcr_check(status);
  UNPROTECT(2);
  return out;
}

SEXP lcr_sample_loss(SEXP z, SEXP y, SEXP loss, SEXP classes) {
  int n, K;
  if (!lcr_is_number(classes) || !(fabs(Rf_asReal(classes)) <= INT_MAX)) Rf_error("'k' must be one number");
  int k = (int)Rf_asReal(classes);
  const double *scores = lcr_matrix(z, "z", &n, &K);
  if (TYPEOF(loss) != STRSXP || XLENGTH(loss) != 1) Rf_error("'loss' must be one string");
  const lc_loss *row = lc_loss_find(CHAR(STRING_ELT(loss, 0)));
  lc_coding coding;
  if (!row || lc_coding_of(row, k, K, &coding) != LC_OK) Rf_error("'z' does not fit the loss and %d classes", k);
  if (TYPEOF(y) != INTSXP || XLENGTH(y) != n) Rf_error("'y' must have one code for each row of 'z'");
  double *code = (double *)R_alloc((size_t)n, sizeof(double));
  const int *given = INTEGER_RO(y);
  for (int i = 0; i < n; i++) {
    if (given[i] < 0 || given[i] >= k) Rf_error("'y' must hold codes from 0 to %d", k - 1);
    code[i] = given[i];
  }
  SEXP out = PROTECT(Rf_allocVector(REALSXP, n));
  row->rows(&coding, &(lc_loss_block){.m = n, .z = scores, .y = code, .value = REAL(out), .ldz = n});
  UNPROTECT(1);
  return out;
}

/* ---- functions of coefficients and data ---- */

typedef struct lesson {
  lcr_session *session;
  lc_design x;
  lc_obs obs;
  lc_penalty pen;
  lc_objective obj;
  const double *B;
  double step; /* half-width of differences; 0: chosen */
} lesson;
typedef SEXP lesson_worker(lesson *with);

static void read_lesson(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, lesson *out) {
  int q, K, k = lcr_get_count(spec, "k");
  lc_coding coding;
  if (y == R_NilValue) Rf_error("'y' is missing");
  lcr_in_memory(x);
  lcr_design(x, y, k, w, offset, out->session, &out->x, &out->obs);
  out->x.intercept = lcr_get_flag(spec, "intercept");
  out->B = lcr_matrix(B, "W", &q, &K);
  const lc_loss *loss = lc_loss_find(lcr_get_string(spec, "loss"));
  if (!loss || lc_coding_of(loss, k, K, &coding) != LC_OK) Rf_error("'W' does not fit the loss and %d classes", k);
  if (q != lc_design_q(&out->x)) Rf_error("'W' does not fit the columns of 'x'");
  if (out->obs.noffset != 0 && out->obs.noffset != K) Rf_error("'offset' must have %d columns", K);
  lc_index p = out->x.p;
  out->pen = (lc_penalty){.p = p,
                          .intercept = out->x.intercept,
                          .lambda = lcr_get_number(spec, "lambda"),
                          .l1 = lcr_doubles(lcr_get(spec, "l1"), p, "l1"),
                          .l2 = lcr_doubles(lcr_get(spec, "l2"), p, "l2")};
  if (!out->pen.l1 || !out->pen.l2) Rf_error("the penalty is incomplete");
  lcr_check(lc_objective_init(&out->obj, &out->x, &out->obs, loss, &coding, &out->pen, 0, &out->session->arena));
}

/* Binds the arguments to an objective, and works in a session of its own. */
static SEXP teach(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, double step, lesson_worker *work) {
  SEXP owner = PROTECT(lcr_session_begin());
  lesson with = {.session = lcr_session_of(owner), .step = step};
  read_lesson(B, x, y, w, offset, spec, &with);
  SEXP out = PROTECT(work(&with));
  lcr_session_end(owner);
  UNPROTECT(2);
  return out;
}

static void evaluate(lesson *with, int want) { lcr_check(lc_objective_eval(&with->obj, with->B, want)); }

/* Gradient of the whole objective; the L1 part is lambda l1 sign(b), 0 at 0. */
static void whole_gradient(lesson *with, int want) {
  evaluate(with, want | LC_WANT_GRADIENT);
  lc_penalty_add_sign(&with->pen, with->obj.K, with->B, with->obj.G);
}

/* An R matrix: dimensions of R's are ints. */
static SEXP new_matrix(lc_index rows, lc_index columns) {
  const double most = (double)R_XLEN_T_MAX; /* entries of an R vector */
  if (rows > INT_MAX || columns > INT_MAX || (double)rows * (double)columns > most) lcr_check(LC_OUT_OF_MEMORY);
  return Rf_allocMatrix(REALSXP, (int)rows, (int)columns);
}

static SEXP value_of(lesson *with) {
  evaluate(with, LC_WANT_VALUE);
  return Rf_ScalarReal(with->obj.to.value);
}

static SEXP gradient_of(lesson *with) {
  whole_gradient(with, 0);
  SEXP out = new_matrix(with->obj.q, with->obj.K);
  memcpy(REAL(out), with->obj.G, (size_t)with->obj.P * sizeof(double));
  return out;
}

static void needs_hessian(const lesson *with) {
  if (!(with->obj.loss->flags & LC_HESSIAN)) Rf_error("loss '%s' has no Hessian", with->obj.loss->name);
}

static SEXP hessian_of(lesson *with) {
  needs_hessian(with);
  SEXP out = PROTECT(new_matrix(with->obj.P, with->obj.P));
  evaluate(with, LC_WANT_GRADIENT | LC_WANT_CURVATURE);
  lc_objective_hessian(&with->obj, 1, REAL(out));
  UNPROTECT(1);
  return out;
}

/* The Hessian in columns of unit curvature: H[i + j P] scale[i] scale[j]. A column has one scale for all classes, so
 * that a shift common to them stays what it is. */
static void scaled_hessian(lesson *with, double *H, double *scale) {
  lc_index P = with->obj.P, q = with->obj.q;
  lc_objective_hessian(&with->obj, 1, H);
  for (lc_index j = 0; j < q; j++) {
    double most = 0;
    for (lc_index i = j; i < P; i += q) most = fmax(most, H[i + i * P]);
    for (lc_index i = j; i < P; i += q) scale[i] = most > 0 ? 1 / sqrt(most) : 1;
  }
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) H[i + j * P] *= scale[i] * scale[j];
}

/* d = -H^+ g: B + d is the full step. NaN where H d = -g has no solution. */
static SEXP newton_step_of(lesson *with) {
  const double rounding = 1e-13; /* eigenvalues below this share of the largest count as zero */
  const double unsolved = 1e-6;  /* what a solution may leave of the gradient, or of rounding in it: */
  const double nothing = 1e-10;  /* in columns of unit curvature a gradient is a root of a loss */
  needs_hessian(with);
  whole_gradient(with, LC_WANT_CURVATURE);
  lc_index P = with->obj.P;
  double *H = lc_arena_doubles(&with->session->arena, P * P), *scale = lc_arena_doubles(&with->session->arena, P);
  if (!H || !scale) lcr_check(LC_OUT_OF_MEMORY);
  scaled_hessian(with, H, scale);
  double *g = with->obj.G, most = 0;
  int solved = 1;
  for (lc_index i = 0; i < P; i++) {
    g[i] *= -scale[i];
    most = fmax(most, fabs(g[i]));
  }
  SEXP out = PROTECT(new_matrix(with->obj.q, with->obj.K));
  double *d = REAL(out);
  lcr_check(lc_solve_minimum_norm(P, H, g, rounding, d, &with->session->arena));
  scaled_hessian(with, H, scale); /* the eigenvectors took its place */
  for (lc_index j = 0; j < P; j++)
    for (lc_index i = 0; i < P; i++) g[i] -= H[i + j * P] * d[j];
  double left = fmax(unsolved * most, nothing * sqrt(with->obj.null_value));
  for (lc_index i = 0; i < P; i++) solved &= fabs(g[i]) <= left; /* not where it is NaN */
  for (lc_index i = 0; i < P; i++) d[i] = solved ? scale[i] * d[i] : NAN;
  UNPROTECT(1);
  return out;
}

/* max |g - fd| / max(1, |g|) over all coefficients, fd by central differences of the objective; NaN where one is. */
static SEXP gradient_error_of(lesson *with) {
  whole_gradient(with, 0);
  lc_index P = with->obj.P;
  double *g = lc_arena_doubles(&with->session->arena, 2 * P), worst = 0;
  if (!g) lcr_check(LC_OUT_OF_MEMORY);
  double *at = g + P;
  const double *start = with->B;
  memcpy(g, with->obj.G, (size_t)P * sizeof(double));
  memcpy(at, start, (size_t)P * sizeof(double));
  with->B = at;
  for (lc_index i = 0; i < P; i++) {
    double h = with->step > 0 ? with->step : 6e-6 * fmax(1, fabs(start[i])), value[2];
    for (int side = 0; side < 2; side++) {
      at[i] = start[i] + (side ? h : -h);
      evaluate(with, LC_WANT_VALUE);
      value[side] = with->obj.to.value;
    }
    at[i] = start[i];
    double error = fabs(g[i] - (value[1] - value[0]) / (2 * h)) / fmax(1, fabs(g[i]));
    if (!(error <= worst)) worst = error;
    if (isnan(worst)) break;
  }
  return Rf_ScalarReal(worst);
}

SEXP lcr_loss_value(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) {
  return teach(B, x, y, w, offset, spec, 0, value_of);
}
SEXP lcr_loss_gradient(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) {
  return teach(B, x, y, w, offset, spec, 0, gradient_of);
}
SEXP lcr_loss_hessian(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) {
  return teach(B, x, y, w, offset, spec, 0, hessian_of);
}
SEXP lcr_newton_step(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec) {
  return teach(B, x, y, w, offset, spec, 0, newton_step_of);
}
SEXP lcr_check_gradient(SEXP B, SEXP x, SEXP y, SEXP w, SEXP offset, SEXP spec, SEXP step) {
  if (!lcr_is_number(step)) Rf_error("'step' must be one number");
  return teach(B, x, y, w, offset, spec, Rf_asReal(step), gradient_error_of);
}
