/* init.c - the table of routines that R may call. */
#include "kernel/dispatch.h"
#include "r/r.h"
#include "threads/threads.h"

#include <R_ext/Rdynload.h>
#include <R_ext/Visibility.h>
#include <stdlib.h>

#define ROUTINE(name, arguments) \
  { #name, (DL_FUNC)(void (*)(void))(name), arguments }

static const R_CallMethodDef routines[] = {ROUTINE(lcr_losses, 0),
                                           ROUTINE(lcr_solvers, 0),
                                           ROUTINE(lcr_controls, 0),
                                           ROUTINE(lcr_statuses, 0),
                                           ROUTINE(lcr_threads, 1),
                                           ROUTINE(lcr_colstats, 2),
                                           ROUTINE(lcr_stream_copy, 2),
                                           ROUTINE(lcr_elements, 0),
                                           ROUTINE(lcr_file_rows, 3),
                                           ROUTINE(lcr_shard_sums, 5),
                                           ROUTINE(lcr_fit, 5),
                                           ROUTINE(lcr_path, 5),
                                           ROUTINE(lcr_predict, 5),
                                           ROUTINE(lcr_sigmoid, 1),
                                           ROUTINE(lcr_softmax, 1),
                                           ROUTINE(lcr_softmax_jacobian, 1),
                                           ROUTINE(lcr_raw_scores, 3),
                                           ROUTINE(lcr_sample_loss, 4),
                                           ROUTINE(lcr_loss_value, 6),
                                           ROUTINE(lcr_loss_gradient, 6),
                                           ROUTINE(lcr_loss_hessian, 6),
                                           ROUTINE(lcr_newton_step, 6),
                                           ROUTINE(lcr_check_gradient, 7),
                                           ROUTINE(lcr_simd, 0),
                                           ROUTINE(lcr_valid, 1),
                                           ROUTINE(lcr_weak, 2),
                                           ROUTINE(lcr_weak_value, 1),
                                           {NULL, NULL, 0}};

void attribute_visible R_init_linclass(DllInfo *dll) {
  lcr_threads_init();
  lc_kernels_choose(getenv("LINCLASS_SIMD"));
  R_registerRoutines(dll, NULL, routines, NULL, NULL);
  R_useDynamicSymbols(dll, FALSE);
  R_forceSymbols(dll, TRUE);
}

/* Helpers must not run code that is no longer there. */
void attribute_visible R_unload_linclass(DllInfo *dll) {
  (void)dll;
  lc_threads_stop();
}
