/* r/callback.c - a function of R that the numerics call: host(what, value), on the main thread. A jump out of the
 * user's code, whatever it is, ends the numerics by a status; they return, memory is freed, and the jump goes on in
 * lcr_callback_end(). */
#include <setjmp.h>

#include "r/r.h"

enum { KEPT_CALL, KEPT_TOKEN, KEPT_VALUE, KEPT_COUNT };

static SEXP evaluate(void *data) {
  lcr_callback *callback = data;
  SEXP value = Rf_eval(callback->call, R_BaseEnv);
  SET_VECTOR_ELT(callback->kept, KEPT_VALUE, value);
  return value;
}

static void jump_back(void *data, Rboolean jump) {
  if (jump) longjmp(*(jmp_buf *)data, 1);
}

void lcr_callback_begin(SEXP function, lcr_session *session, lcr_callback *out) {
  out->jumped = 0;
  out->kept = PROTECT(Rf_allocVector(VECSXP, KEPT_COUNT));
  R_SetExternalPtrProtected(session->owner, out->kept);
  UNPROTECT(1);
  out->token = R_MakeUnwindCont();
  SET_VECTOR_ELT(out->kept, KEPT_TOKEN, out->token);
  out->call = Rf_lang3(function, R_NilValue, R_NilValue);
  SET_VECTOR_ELT(out->kept, KEPT_CALL, out->call);
}

SEXP lcr_callback_ask(lcr_callback *callback, const char *what, SEXP value) {
  jmp_buf back;
  if (callback->jumped) return NULL;
  if (setjmp(back)) {
    callback->jumped = 1;
    return NULL;
  }
  PROTECT(value);
  SETCADR(callback->call, Rf_mkString(what));
  SETCADDR(callback->call, value);
  UNPROTECT(1);
  return R_UnwindProtect(evaluate, callback, jump_back, &back, callback->token);
}

void lcr_callback_release(lcr_callback *callback) {
  SET_VECTOR_ELT(callback->kept, KEPT_VALUE, R_NilValue);
  SETCADDR(callback->call, R_NilValue);
}

void lcr_callback_end(lcr_callback *callback) {
  lcr_callback_release(callback);
  if (callback->jumped) R_ContinueUnwind(callback->token);
}
