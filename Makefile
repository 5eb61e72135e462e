# `make` says what there is. Everything builds in temporary folders: the checkout stays clean.
.POSIX:
.PHONY: help demo test check document bench sanitize valgrind torture tsan fuzz fuzz-calls mutants coverage \
  conformance faults-session portable faults streams install site pictures lint clean

help:
	@echo "make demo      install what is missing and the package, fit two models, draw a picture"
	@echo "make test      install what the tests need and run them all"
	@echo "make check     tests, gates and R CMD check --as-cran: what CI runs"
	@echo "make install   install the package, with its vignettes where pandoc is there"
	@echo "make site      build the web site (pkgdown) in demo-output/site"
	@echo "make pictures  draw every picture at two sizes in demo-output/pictures"
	@echo "make document  write NAMESPACE and man/ from the comments in R/"
	@echo "make bench     race the peers (ROWS=\"D1\" chooses rows); results in bench/results"
	@echo "make lint      rooms, style, and the static checkers that are installed"
	@echo "make sanitize  R tests under the address and undefined-behaviour sanitizers (slow)"
	@echo "make valgrind  every routine, solver and loss under valgrind (slower)"
	@echo "make torture   every routine with a collection of garbage at every allocation"
	@echo "make tsan      the C core's threads under ThreadSanitizer"
	@echo "make fuzz      whole small fits of any bytes, by libFuzzer, for an hour (SECONDS=60: shorter; TARGET=checks)"
	@echo "make streams   random faults of sources of rows; a fit of a file three times its memory (FOLDER=/where/it/lies)"
	@echo "make fuzz-calls  random calls of every routine under the sanitizers (SECONDS=600: longer)"
	@echo "make mutants   small faults put into the C core one by one: which do the tests catch?"
	@echo "make coverage  which lines of C and R do tests reach? (slow; FILES=core: C by its own tests; FILES=R: R)"
	@echo "make conformance  all bad input, arguments and relations, by all storages, losses and solvers (slow)"
	@echo "make faults-session  interrupts at random moments, memory that ends, every request for memory refused (slow)"
	@echo "make faults    some hundred random failures of the workers of a cluster while fits run"
	@echo "make portable  the C core's tests for ARM and Windows, by cross-compilers and emulators (slow)"
	@echo "make clean     remove what other tools left between the sources"

demo:
	@tools/setup demo
	@tools/install
	@Rscript --no-save --no-restore tools/demo.R

test:
	@tools/setup test
	@tools/test

check:
	@.ci/run

install:
	@tools/setup demo
	@VIGNETTES=yes tools/install

site:
	@tools/setup site
	@tools/install
	@Rscript --no-save --no-restore tools/site.R

pictures:
	@tools/setup test
	@tools/install
	@Rscript --no-save --no-restore tools/pictures.R

document:
	@tools/setup docs
	@Rscript --no-save --no-restore tools/document.R

bench:
	@tools/setup bench
	@tools/install
	@Rscript --no-save --no-restore bench/run.R $(ROWS)

lint:
	@tools/lint

sanitize:
	@tools/setup test
	@tools/sanitize

valgrind:
	@tools/setup demo
	@tools/valgrind

torture:
	@tools/setup demo
	@tools/torture

tsan:
	@tools/tsan

fuzz:
	@tools/fuzz $${TARGET:-fits} $(SECONDS)

streams:
	@tools/setup test
	@tools/install
	@Rscript --no-save --no-restore tools/stream-faults.R
	@Rscript --no-save --no-restore tools/stream-memory.R $(FOLDER)

fuzz-calls:
	@tools/setup demo
	@tools/sanitize calls $(SECONDS)

mutants:
	@tools/setup test
	@tools/mutants

coverage:
	@tools/setup coverage
	@tools/coverage $(FILES)

conformance:
	@tools/setup test
	@tools/conformance

faults-session:
	@tools/setup test
	@tools/faults-session

faults:
	@tools/setup demo
	@tools/install
	@Rscript --no-save --no-restore tools/faults.R $(FAILURES)
	@Rscript --no-save --no-restore tools/faults-link.R

portable:
	@tools/setup portable
	@tools/portable

clean:
	rm -rf src/*.o src/*/*.o src/*.so src/*.dll demo-output linclass.Rcheck linclass_*.tar.gz
