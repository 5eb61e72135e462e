# Builds the web site from the help pages, the vignettes and _pkgdown.yml, in demo-output/site. The
# package is installed before; nothing is fetched from the network.
root <- normalizePath(file.path(dirname(sub("^--file=", "", grep("^--file=", commandArgs(),
                                                                 value = TRUE))), ".."))
out <- file.path(root, "demo-output", "site")
dir.create(out, recursive = TRUE, showWarnings = FALSE)
options(pkgdown.internet = FALSE)
pkgdown::build_site(root, override = list(destination = out), preview = FALSE, devel = FALSE,
                    install = FALSE, new_process = FALSE)
cat("site:", file.path(out, "index.html"), "\n")
