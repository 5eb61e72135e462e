.onUnload <- function(libpath) {
  library.dynam.unload("linclass", libpath)
}
