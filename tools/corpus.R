# Inputs of the fuzzer: files of a folder, and one file of lines with two digits for each byte.
#
#   Rscript tools/corpus.R unpack file.hex folder
#   Rscript tools/corpus.R pack folder... file.hex
given <- commandArgs(TRUE)
if (given[1] == "unpack") {
  for (line in readLines(given[2])) {
    at <- seq(1L, nchar(line), 2L)
    bytes <- as.raw(strtoi(substring(line, at, at + 1L), 16L))
    writeBin(bytes, tempfile("kept", given[3]))
  }
} else {
  files <- list.files(given[-c(1L, length(given))], full.names = TRUE)
  lines <- vapply(files, function(file) paste(readBin(file, "raw", 512L), collapse = ""), "")
  writeLines(sort(unique(lines[nzchar(lines)])), given[length(given)])
}
