# Writes NAMESPACE and man/ from the roxygen comments. The help pages print tables that live in C,
# so the package is installed first (into a temporary library) rather than loaded from source,
# which would also leave object files in src/.
root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(),
                                                                 value = TRUE))), ".."))
lib <- tempfile("lib")
dir.create(lib)
install <- function() {
  if (system2(file.path(root, "tools", "install"), shQuote(lib)) != 0) stop("installing failed")
}
namespace <- file.path(root, "NAMESPACE")
write_with <- function(load, roclets) {
  roxygen2::roxygenise(root, roclets = roclets, load_code = load)
}
if (!file.exists(namespace)) write_with("source", "namespace")
install()
.libPaths(c(lib, .libPaths()))
before <- readLines(namespace)
write_with("installed", "namespace")
# A new export is visible to the help pages only after another installation.
if (!identical(before, readLines(namespace))) {
  unloadNamespace("linclass")
  install()
}
write_with("installed", "rd")
