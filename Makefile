PYTHON ?= python3.11
NEWEST ?= python3.13
VENV := .venv
LOWEST := .venv-lowest
NEWEST_VENV := .venv-newest
BIN := $(VENV)/bin
# Threads of OpenMP that wait do not spin: on a full machine that took a minute where it now takes a second.
# Bytecode is written, whatever the environment says: many tests start Python, which would compile egraph anew.
PYTEST := OMP_NUM_THREADS=1 OMP_WAIT_POLICY=passive PYTHONDONTWRITEBYTECODE= $(BIN)/python -m pytest -n 2 --dist worksteal

.PHONY: help search install hooks format lint types test suite test-fast slow coverage golden docs test-lowest test-newest \
	wheel bench bench-quick clean

help: ## what can be made
	@grep -E '^[a-z-]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 14

search: $(VENV)/user ## find a good network for signals of digits (about 5 minutes)
	$(BIN)/egraph search

install: $(VENV)/dev ## everything that development needs, in .venv

hooks: $(VENV)/dev ## check style and types before each commit
	$(BIN)/pre-commit install

format: $(VENV)/dev ## bring the code into the project's style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

lint: $(VENV)/dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev ## static types
	$(BIN)/mypy

test: lint types suite ## lint, types and the whole test suite

suite: $(VENV)/dev ## the whole test suite
	$(PYTEST) $(OPTIONS)

test-fast: $(VENV)/dev ## the tests that tests/slow.txt does not name (about a minute)
	$(PYTEST) -m "not slow"

slow: $(VENV)/dev ## run the whole test suite and write tests/slow.txt anew; on a quiet machine
	$(PYTEST) --record-slow

coverage: OPTIONS = --cov --cov-report=term:skip-covered --cov-report=html:build/coverage
coverage: test ## make test, and the lines that it runs; fails below the floor in pyproject.toml

golden: $(VENV)/dev ## write recorded results and generated pages anew, after a change that is meant
	$(BIN)/python tests/ranker/test_ranker.py
	$(BIN)/python tests/searchers/test_conformance.py
	$(BIN)/python tests/searchers/test_docs.py
	$(BIN)/python tests/cli/test_docs.py
	git diff --stat -- tests docs

docs: $(VENV)/dev ## build the documentation as a site in build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

test-lowest: $(LOWEST)/ready ## the fast tests with the oldest dependencies that pyproject.toml allows
	OMP_NUM_THREADS=1 $(LOWEST)/bin/python -m pytest -n 2 --dist worksteal -m "not slow" -W ignore::DeprecationWarning

test-newest: $(NEWEST_VENV)/ready ## the fast tests with NEWEST (python3.13) and the newest dependencies
	OMP_NUM_THREADS=1 $(NEWEST_VENV)/bin/python -m pytest -n 2 --dist worksteal -m "not slow" -W ignore::DeprecationWarning

wheel: $(VENV)/dev ## build dist/egraph-*.whl
	rm -rf build dist
	$(BIN)/python -m build

bench-quick: $(VENV)/dev ## a few ratios against recorded ones (minutes); fails where one is too small
	OMP_NUM_THREADS=1 $(BIN)/python benchmarks/quick.py

bench: $(VENV)/dev ## every benchmark, one after another (hours)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove environments and build products
	rm -rf $(VENV) $(LOWEST) $(NEWEST_VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis .coverage*

# PyTorch first and pinned: without the constraint an installer may pick another build of several gigabytes.
$(VENV)/user: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: $(VENV)/user
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@

$(LOWEST)/ready: pyproject.toml constraints-lowest.txt
	$(PYTHON) -m venv $(LOWEST)
	$(LOWEST)/bin/pip install --quiet --constraint constraints-lowest.txt torch
	$(LOWEST)/bin/pip install --quiet --constraint constraints-lowest.txt --editable '.[test]'
	@touch $@

# Without constraints: whichever build of PyTorch the registry has for this Python, on Linux gigabytes of CUDA.
$(NEWEST_VENV)/ready: pyproject.toml
	$(NEWEST) -m venv $(NEWEST_VENV)
	$(NEWEST_VENV)/bin/pip install --quiet --editable '.[test]'
	@touch $@
