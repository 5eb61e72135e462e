# Engines are registered with parsnip whether it is loaded before this package or after it.
.onLoad <- function(libname, pkgname) {
  if (is_worker()) .Call(lcr_threads, FALSE)
  name_to_marginaleffects()
  if (isNamespaceLoaded("parsnip")) {
    register_engines()
  } else {
    setHook(packageEvent("parsnip", "onLoad"), function(...) register_engines())
  }
}

# Workers of a cluster share the machine with their siblings. They are started by one of these calls.
is_worker <- function() {
  any(grepl("workRSOCK|slaveRSOCK|workMPI|RMPIworker|mirai::daemon|dispatcher", commandArgs()))
}

# LINCLASS_SIMD names the inner loops that the C code is to run ("ref", "sse2", "fma128", "neon", "avx2",
# "avx512"), which helps to compare them. The choice is made while the shared object loads; here only a
# wish that could not be met is told.
.onAttach <- function(libname, pkgname) {
  asked <- Sys.getenv("LINCLASS_SIMD")
  used <- .Call(lcr_simd)
  if (nzchar(asked) && asked != used) {
    packageStartupMessage("LINCLASS_SIMD asks for '", asked, "', which does not run here; '", used,
                          "' is used instead.")
  }
}

.onUnload <- function(libpath) {
  library.dynam.unload("linclass", libpath)
}
