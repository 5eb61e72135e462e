# Makes a package that was just installed count which of its lines run: part of tools/coverage. Given are its library,
# the folder of its sources, and a folder for the counts, to which every process that loads the package adds a file when
# it ends: that of the tests, workers of clusters, forked children. tools/coverage.R adds them up.
given <- commandArgs(TRUE)
package <- "linclass"
base <- file.path(given[1], package, "R", package)
ns <- loadNamespace(package, given[1])
stored <- Filter(function(value) !inherits(value, "NativeSymbolInfo"), mget(ls(ns, all.names = TRUE), ns))
stored <- stored[setdiff(names(stored), c(".__NAMESPACE__.", ".__S3MethodsTable__."))]

# covr changes the functions of a namespace. The others are in tables, and in the frames of functions that made them.
invisible(covr:::trace_environment(ns))
seen <- new.env()
trace <- function(value, name) {
  if (is.function(value)) {
    frame <- environment(value)
    if (is.primitive(value) || !identical(topenv(frame), ns)) return()
    if (!"covr" %in% all.names(body(value))) covr:::replace(covr:::replacement(name, ns, value))
    if (identical(frame, ns) || !is.null(seen[[format(frame)]])) return()
    seen[[format(frame)]] <- TRUE
    for (at in ls(frame, all.names = TRUE)) trace(tryCatch(get(at, frame), error = function(e) NULL), name)
  } else if (is.list(value)) {
    for (one in unclass(value)) trace(one, name)
  }
}
for (name in names(stored)) trace(stored[[name]], name)

# What runs when the package is built, and never again: tables are made once more, beside the namespace.
beside <- new.env(parent = ns)
is_made <- function(code) {
  is.call(code) && identical(code[[1]], as.name("<-")) && is.call(code[[3]]) && code[[3]][[1]] != as.name("function")
}
for (file in list.files(file.path(given[2], "R"), full.names = TRUE)) {
  for (code in Filter(is_made, parse(file, keep.source = FALSE))) eval(code, beside)
}

# The package is stored as it is now, and counts on from here wherever it is loaded.
saveRDS(covr:::.counters, file.path(given[3], "start"))
tools:::makeLazyLoadDB(stored, paste0(base, ".new"))
for (ending in c(".rdb", ".rdx")) file.rename(paste0(base, ".new", ending), paste0(base, ending))
loader <- readLines(base)
writeLines(append(loader, after = length(loader) - 1L, sprintf('
    if (!length(ls(covr:::.counters))) list2env(as.list(readRDS("%s/start")), covr:::.counters)
    covr:::fix_mcexit(\'"%s"\')
    reg.finalizer(ns, function(...) covr:::save_trace("%s"), onexit = TRUE)', given[3], given[3], given[3])), base)
