PYTHON ?= python3.11
VENV := .venv
BIN := $(VENV)/bin
# Benchmark tables and images lie beside the checkout on some machines; elsewhere set EGRAPH_DATA yourself.
ifneq ($(wildcard ../shared/data),)
export EGRAPH_DATA ?= $(abspath ../shared/data)
endif

.PHONY: help search install lint types test docs wheel bench clean

help: ## what can be made
	@grep -E '^[a-z]+:.*##' Makefile | sed -E 's/:.*## /\t/' | expand -t 12

search: $(VENV)/user ## find a good network for the digits images (at most 5 minutes)
	$(BIN)/egraph search

install: $(VENV)/dev ## everything that development needs, in .venv

lint: $(VENV)/dev ## style
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(VENV)/dev ## static types
	$(BIN)/mypy

test: lint types ## lint, types and the whole test suite
	OMP_NUM_THREADS=1 $(BIN)/pytest -n 2 --dist worksteal

docs: $(VENV)/dev ## build the documentation as a site in build/site; a broken link fails
	NO_MKDOCS_2_WARNING=1 $(BIN)/python -m mkdocs build --strict --quiet

wheel: $(VENV)/dev ## build dist/egraph-*.whl
	rm -rf build dist
	$(BIN)/python -m build

bench: $(VENV)/dev ## every benchmark, one after another (hours)
	for script in benchmarks/*.py; do $(BIN)/python $$script || exit 1; done

clean: ## remove .venv and build products
	rm -rf $(VENV) build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .hypothesis

# PyTorch first and pinned: without the constraint an installer may pick another build of several gigabytes.
$(VENV)/user: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt torch
	$(BIN)/pip install --quiet --constraint constraints.txt --editable .
	@touch $@

$(VENV)/dev: $(VENV)/user
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	@touch $@
