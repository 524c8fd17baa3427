# Everything runs in this folder's own .venv, made from the lock files on first use: nothing else on the machine is
# touched. Steps that are done are marked by a file in .venv and not done again until what they were made from changes.
#
# numba keeps compiled kernels in the __pycache__ folder beside each module (where that can't be written, in the user's
# cache folder), so only the first run compiles. `make clean` removes them; NUMBA_CACHE_DIR isn't needed.

# The first of these that is Python 3.11. Another one: make PYTHON=/path/to/python3.11 run
PYTHON ?= $(shell for p in python3.11 python3 python; do \
	"$$p" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null && { echo "$$p"; break; }; done)

VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/requirements.lock
PROJECT := $(VENV)/project.done
DEV := $(VENV)/requirements-dev.lock

PIP := $(BIN)/python -m pip --quiet --disable-pip-version-check
# The locks hold every wheel's hash, for Linux and macOS alike. Versions stay as they are unless ARGS="--upgrade".
COMPILE := $(BIN)/uv pip compile --quiet --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-emit-find-links --custom-compile-command "make lock" pyproject.toml --group build

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help run cluster-demo test lint types format bench bench-smoke check wheel lock clean environment

help: ## this list
	@echo 'make TARGET [ARGS="..."]'
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  \1\t\2/p' Makefile | expand -t 16

run: $(PROJECT) ## run a simulated city through the interceptor; ARGS="--seed 7 --people 300000" and so on
	@$(BIN)/interceptor run $(ARGS)

cluster-demo: $(PROJECT) ## Kafka, Redis, two workers and a feed on this machine, with live counts; ARGS="--light" without Java
	@$(BIN)/interceptor cluster demo $(ARGS)

test: $(DEV) ## run the tests on two cores; ARGS="-k name" for some of them
	$(BIN)/python -m pytest -n 2 --dist loadgroup $(ARGS)

lint: $(DEV) ## check style and formatting
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(DEV) ## check types
	$(BIN)/mypy

format: $(DEV) ## format the code and mend what style can mend by itself
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

bench: $(DEV) ## measure everything on this machine, some ten minutes; ARGS="engine budget", "--compare OLD.json", "peers"
	@$(BIN)/interceptor bench $(ARGS)

bench-smoke: $(DEV) ## run each benchmark for a moment: does it still work, nothing about speed
	@$(BIN)/interceptor bench --quick --to .benchmarks $(ARGS)

check: lint types test ## lint, types and tests: before every commit

wheel: $(DEV) ## build dist/interceptor-*.whl
	$(BIN)/python -m build --wheel --no-isolation

lock: $(DEV) ## write both lock files anew from pyproject.toml; ARGS="--upgrade" for newer versions
	$(COMPILE) --output-file requirements.lock $(ARGS)
	$(COMPILE) --group dev --constraint requirements.lock --output-file requirements-dev.lock $(ARGS)
	@if grep -nE '://|^ *--[a-gi-z]' requirements.lock requirements-dev.lock; then \
		echo 'a lock file names an address: it must hold versions and hashes only' >&2; exit 1; fi

clean: ## remove .venv, caches and everything built
	rm -rf $(VENV) dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .benchmarks
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

# A changed lock makes the whole environment anew, so that nothing is left in it that the lock doesn't name. The mark is
# a copy of the lock: one that was only touched (another branch and back, `make lock` without news) costs nothing.
$(RUNTIME): requirements.lock
	@cmp -s $< $@ || $(MAKE) --no-print-directory environment
	@cp $< $@

environment:
	@"$(PYTHON)" -c 'import sys; sys.exit(sys.version_info[:2] != (3, 11))' 2>/dev/null || { \
		echo 'Python 3.11 is needed and was not found$(if $(PYTHON), ($(PYTHON) is none)).' >&2; \
		echo 'Install it (Debian 12: apt install python3 python3-venv; macOS: brew install python@3.11)' >&2; \
		echo 'or name it: make PYTHON=/path/to/python3.11 run' >&2; exit 1; }
	@echo 'Making $(VENV) from requirements.lock: about a minute, only this once' >&2
	@"$(PYTHON)" -m venv --clear $(VENV) || { \
		echo 'Python cannot make virtual environments (Debian: apt install python3-venv)' >&2; exit 1; }
	@$(PIP) install --require-hashes --only-binary :all: -r requirements.lock

$(PROJECT): $(RUNTIME) pyproject.toml
	@$(PIP) install --no-build-isolation --no-deps --editable .
	@touch $@

$(DEV): $(PROJECT) requirements-dev.lock
	@cmp -s requirements-dev.lock $@ || { \
		echo 'Adding the tools for development from requirements-dev.lock' >&2; \
		$(PIP) install --require-hashes --only-binary :all: -r requirements-dev.lock; }
	@cp requirements-dev.lock $@
