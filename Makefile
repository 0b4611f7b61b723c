# Targets of a fresh machine: only Python 3.11 or later, a C++20 compiler and make are needed.
# Everything else is installed into .venv. `make` lists the targets.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
ARGS ?=

NATIVE_SOURCES := CMakeLists.txt $(shell find cpp/include cpp/src cpp/bindings -type f)
TEST_SOURCES := $(shell find cpp/include cpp/src cpp/tests -type f)
CXX_FILES := $(shell find cpp -name '*.hpp' -o -name '*.cpp')

.DEFAULT_GOAL := help
.PHONY: help demo test check lint format types imports docstrings native-test sanitize fuzz bench bench-profile bench-service torture bench-layouts samples openapi wheel clean

help:  ## List the targets
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-14s %s\n", $$1, $$2}'

# --- set-up, each step once ------------------------------------------------------------------

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "adhash needs Python 3.11 or later; set PYTHON=/path/to/python3.11" >&2; exit 1; }
	$(PYTHON) -m venv $(VENV)

# The package with its native module, built again when a native source changes.
$(VENV)/.installed: $(BIN)/python pyproject.toml $(NATIVE_SOURCES)
	@echo "setting up: dependencies and the native build (a few minutes, once)"
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --upgrade 'pip>=23.1'
	$(BIN)/python -m pip install --quiet --disable-pip-version-check 'scikit-build-core>=0.10' 'nanobind>=2.4' cmake ninja
	PATH="$(CURDIR)/$(BIN):$$PATH" CMAKE_BUILD_PARALLEL_LEVEL=$${CMAKE_BUILD_PARALLEL_LEVEL:-2} \
	  $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable .
	@touch $@

$(VENV)/.dev: $(VENV)/.installed
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-build-isolation --editable '.[dev]'
	@touch $@

build/native/adhash_tests: $(VENV)/.installed CMakeLists.txt $(TEST_SOURCES)
	@PATH="$(CURDIR)/$(BIN):$$PATH" && cmake -S . -B build/native -G Ninja -DADHASH_NATIVE_TESTS=ON \
	  -DADHASH_WARNINGS_AS_ERRORS=ON > build/native-configure.log && cmake --build build/native --parallel 2 --target adhash_tests
	@touch $@

# --- what people run -------------------------------------------------------------------------

demo: $(VENV)/.installed  ## Replay a bundled recorded trace on every engine, and recommend one
	@$(BIN)/adhash run-csv --sample identifiers --mode all \
	  --json-summary-out runs/demo/summary.json --metrics-out-dir runs/demo $(ARGS)
	@echo
	@$(BIN)/adhash profile --sample identifiers

# Programs to run first; none where they have run under sanitizers just now.
NATIVE_TESTS ?= build/native/adhash_tests
# Whichever process is done first takes tests from the other; the order is random all the same.
TEST_PROCESSES ?= 2
test: $(VENV)/.dev $(NATIVE_TESTS)  ## Run every test
	@for program in $(NATIVE_TESTS); do $$program || exit 1; done
	$(BIN)/python -m pytest -n $(TEST_PROCESSES) --dist worksteal $(ARGS)

check: lint types imports docstrings  ## Run every gate: format, lint, types, layers, docstrings

bench: $(VENV)/.dev  ## Measure every speed claim and print ratios
	$(BIN)/python -m benchmarks $(ARGS)

bench-profile: $(VENV)/.dev  ## Measure the regret of following adhash profile (TRACES: a folder of recorded traces)
	$(BIN)/python -m benchmarks --only profile $(if $(TRACES),--traces $(TRACES)) $(ARGS)

bench-service: $(VENV)/.dev  ## Measure what the service costs and hold it to its bars
	$(BIN)/python -m benchmarks.service $(ARGS)

torture: $(VENV)/.dev  ## Break the service on purpose and count what was lost (an hour or so)
	$(BIN)/python -m torture $(ARGS)

# --- gates -----------------------------------------------------------------------------------

lint: $(VENV)/.dev  ## Check format and lint of Python and C++
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	@$(BIN)/clang-format --dry-run --Werror $(CXX_FILES)

types: $(VENV)/.dev  ## Check types (mypy, strict)
	$(BIN)/mypy

imports: $(VENV)/.dev  ## Check the layers (import-linter)
	$(BIN)/lint-imports

# DOC111 forbids the shapes, units and dtypes that docstrings here state on purpose.
docstrings: $(VENV)/.dev  ## Check docstrings against signatures (pydoclint)
	@! $(BIN)/pydoclint --quiet src 2>&1 | grep -E 'DOC[0-9]+|rror' | grep -v DOC111

format: $(VENV)/.dev  ## Format Python and C++
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .
	$(BIN)/clang-format -i $(CXX_FILES)

# --- deeper native checks --------------------------------------------------------------------

native-test: build/native/adhash_tests  ## Run the native tests
	build/native/adhash_tests $(ARGS)

# Unoptimised code takes long to run, and more than -O1 with all of its debug information takes
# twice as long to compile.
build/sanitize/adhash_tests: $(VENV)/.installed CMakeLists.txt $(TEST_SOURCES)
	@mkdir -p build
	@PATH="$(CURDIR)/$(BIN):$$PATH" && cmake -S . -B build/sanitize -G Ninja -DADHASH_NATIVE_TESTS=ON -DADHASH_SANITIZE=ON \
	  -DADHASH_WARNINGS_AS_ERRORS=ON -DCMAKE_BUILD_TYPE=Debug -DCMAKE_CXX_FLAGS_DEBUG='-O1 -g1' > build/sanitize-configure.log \
	  && cmake --build build/sanitize --parallel 2 --target adhash_tests
	@touch $@

sanitize: build/sanitize/adhash_tests  ## Run the native tests under ASan and UBSan
	build/sanitize/adhash_tests $(ARGS)

FUZZ_SECONDS ?= 60
fuzz: $(VENV)/.installed  ## Fuzz maps and parser for FUZZ_SECONDS each (needs clang and its libFuzzer)
	@mkdir -p build
	@PATH="$(CURDIR)/$(BIN):$$PATH" && cmake -S . -B build/fuzz -G Ninja -DADHASH_FUZZERS=ON -DCMAKE_CXX_COMPILER=clang++ \
	  -DCMAKE_BUILD_TYPE=RelWithDebInfo > build/fuzz-configure.log && cmake --build build/fuzz --parallel 2
	for target in build/fuzz/fuzz_*; do test -x $$target -a -f $$target || continue; \
	  $$target -max_total_time=$(FUZZ_SECONDS) -print_final_stats=1 || exit 1; done

bench-layouts: $(VENV)/.installed  ## Print what each operation costs in each layout
	@mkdir -p build
	@PATH="$(CURDIR)/$(BIN):$$PATH" && cmake -S . -B build/bench -G Ninja -DADHASH_NATIVE_BENCHMARKS=ON > build/bench-configure.log \
	  && cmake --build build/bench --parallel 2
	build/bench/bench_layouts $(ARGS)

openapi: $(VENV)/.dev  ## Write the document of the control surface into docs/reference/openapi.json
	@$(BIN)/python -c 'from adhash.service.api import create_app; from adhash.service.openapi import document_text; \
	  from adhash.service.settings import load_service_settings as load; \
	  from pathlib import Path; \
	  Path("docs/reference/openapi.json").write_text(document_text(create_app(settings=load({}))))'

samples: $(VENV)/.installed  ## Record and generate the bundled traces again
	$(BIN)/python -m adhash.workloads.samples

wheel: $(BIN)/python  ## Build a wheel into dist/
	$(BIN)/python -m pip wheel --quiet --no-deps --wheel-dir dist .

clean:  ## Remove everything that was built
	rm -rf $(VENV) build dist runs .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
