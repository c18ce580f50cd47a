# One act per target. The first one that needs it makes .venv and compiles the extension; a second run reinstalls nothing.
#
#   run            the tour: signs this project's own source with every family of schemes
#   chat           the worked demo: serves the chat on http://localhost:8000 (PORT=8000)
#   test           the whole suite          test-long      what takes minutes
#   test-backends  the heart of the suite, once for every other kind of CPU this machine can be
#   crash          the crash kit on the stores, for a minute    crash-long  for half an hour
#   wasm           the core as a WebAssembly module, for the browser
#   fuzz           ten minutes of coverage-guided fuzzing of everything that reads bytes (FUZZ_SECONDS=600)
#   bench          about ten minutes: kernels, operations beside their limits, threads, memory, other implementations
#   bench-state    what keeping state costs        guard       the counted work of a few acts, beside the record
#   lint types docs wheel clean

SHELL   := /bin/bash
.SHELLFLAGS := -euo pipefail -c
PYTHON  ?= python3
JOBS    ?= 2
FUZZ_SECONDS ?= 600
PORT    ?= 8000
BIN     := .venv/bin
SOURCES := $(shell find csrc -path csrc/wasm -prune -o -name '*.[ch]' -print -o -name '*.inc' -print) hbss/_build.py setup.py
READY   := .venv/.extension

.DELETE_ON_ERROR:
.PHONY: run chat test test-long test-backends crash crash-long wasm fuzz lint types docs bench bench-state guard wheel clean

run: $(READY)
	@$(BIN)/python -m hbss.tour

chat: $(READY)
	@$(BIN)/hbss-chat --port $(PORT)

test: $(READY)
	$(BIN)/python -m pytest -n $(JOBS)

# hours: the report is kept in the repository, and a run on the same csrc goes on where the last one ended
test-long: $(READY)
	$(BIN)/python -m pytest -n $(JOBS) -m long --report=tests/long-report.json

# what depends on kernels, with every backend but the best, which `make test` has
HEART := tests/test_core_model.py tests/test_vectors_lms.py tests/test_vectors_xmss.py tests/test_vectors_slhdsa.py \
         tests/test_wots.py tests/test_merkle.py tests/test_stateless.py tests/test_batch.py
test-backends: $(READY)
	@for backend in $$($(BIN)/python -c "from hbss import _native; print(*[n for n, ok in _native.backends().items() if ok][1:])"); do \
	  $(BIN)/python -m pytest -q -n $(JOBS) --backend $$backend $(HEART); done

# the crash kit on the stores of hbss: about a minute, and half an hour with a report that is kept
crash: $(READY)
	@$(BIN)/python -m hbss.testing --budget small

crash-long: $(READY)
	@$(BIN)/python -m hbss.testing --budget 300 --kills 5000 --faults 1600 --power 3600 \
	  --report benchmarks/results/state-campaign.json

# the compiler is 100 MB, so it is no part of .venv until it is wanted
wasm: $(READY)
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check ziglang==0.17.1
	@$(BIN)/python csrc/wasm/build.py demo_chat/static/hbss.wasm

# atheris has wheels for some versions of Python only, so it is no part of .venv until it is wanted
fuzz: $(READY)
	@$(BIN)/python -c "import atheris" 2>/dev/null || \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check "atheris>=2.3"
	@$(BIN)/python -m tests.fuzz --seconds $(FUZZ_SECONDS)

lint: $(READY)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(READY)
	$(BIN)/mypy

docs: $(READY)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict --quiet --site-dir build/site

bench: $(READY)
	@$(BIN)/python -m benchmarks

bench-state: $(READY)
	@$(BIN)/python -m benchmarks state

guard: $(READY)
	@$(BIN)/python -m benchmarks guard

wheel: $(READY)
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .
	@ls -1 dist/*.whl

clean:
	rm -rf .venv build dist site hbss.egg-info hbss/*.so .pytest_cache .mypy_cache .ruff_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# ---- setting up ---------------------------------------------------------------------------------------------------

# An editable install does not rebuild C, so a newer source does. (The install itself has just compiled it on a first run.)
$(READY): $(SOURCES) .venv/.installed
	@if [ ! -e hbss/_hbss.abi3.so ] || [ -n "$$(find $(SOURCES) -newer hbss/_hbss.abi3.so)" ]; then \
	  echo "compiling csrc ..."; $(BIN)/python setup.py -q build_ext --inplace --force; fi
	@touch $@

.venv/.installed: pyproject.toml
	@need() { echo "make: $$1 is missing; on Debian: apt-get install $$2" >&2; exit 1; }; \
	command -v $(PYTHON) >/dev/null || need $(PYTHON) python3; \
	$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 10))' || need "Python 3.10 or newer" python3; \
	$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || need "Python's venv module" python3-venv; \
	$(PYTHON) -c 'import os, sys, sysconfig; sys.exit(not os.path.exists(sysconfig.get_path("include") + "/Python.h"))' \
	  || need "the header Python.h" python3-dev; \
	command -v gcc >/dev/null || need gcc gcc
	@echo "setting up .venv and compiling csrc (once) ..."
	@$(PYTHON) -m venv .venv
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check "setuptools>=77" "cffi>=2.1" wheel
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable ".[cli,demo,test,docs,bench,plots,lint]"
	@touch $@
