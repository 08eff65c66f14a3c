# `make` alone lists the targets. Every target builds .venv first, and again when the pins change.

VENV   := .venv
STAMP  := $(VENV)/.installed
PYTEST := $(VENV)/bin/python -m pytest

.DEFAULT_GOAL := help
.PHONY: help install demo test test-all lint format docs linkcheck tables bench bench-quick clean

help: ## list the targets
	@awk 'BEGIN {FS = ":.*## "} /^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

install: $(STAMP) ## build .venv with the pinned packages

$(STAMP): pyproject.toml constraints.txt
	@python=$$(command -v python3.11 || command -v python3 || true); \
	if [ -z "$$python" ] || ! "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then \
	  echo "qep needs Python 3.11 or newer; found: $${python:-none}" >&2; exit 1; \
	fi; \
	if [ ! -x $(VENV)/bin/python ]; then "$$python" -m venv $(VENV); fi
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[dev]'
	@touch $@

demo: $(STAMP) ## the error budget of a noisy EP gradient, as a table, a picture and a page
	$(VENV)/bin/qep compare hardware_runs/specs/demo.toml

test test-all: export OMP_NUM_THREADS ?= 1  # two workers share the cores

test: $(STAMP) ## the quick tests
	$(PYTEST) -n 2 -m "not slow"

test-all: $(STAMP) ## all tests, the statistical ones included
	$(PYTEST) -n 2 --dist worksteal

lint: $(STAMP) ## ruff and mypy
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/mypy

format: $(STAMP) ## format the code with ruff
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

DOCS   := $(VENV)/.docs-installed
SPHINX  = $(VENV)/bin/python -m sphinx -d docs/_build/doctrees

$(DOCS): $(STAMP)
	$(VENV)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -e '.[docs]'
	@touch $@

docs linkcheck: export OMP_NUM_THREADS ?= 1

docs: $(DOCS) ## build the documentation site, docs/_build/html/index.html; its tutorials and snippets run
	$(SPHINX) -b html -W --keep-going -q docs docs/_build/html

linkcheck: $(DOCS) ## visit the links of the documentation site that leave it
	$(SPHINX) -b linkcheck -q docs docs/_build/linkcheck

BENCH := benchmarks/.venv

$(BENCH)/.installed: pyproject.toml constraints.txt benchmarks/requirements.txt benchmarks/constraints.txt
	@if [ ! -x $(BENCH)/bin/python ]; then $$(command -v python3.11 || command -v python3) -m venv $(BENCH); fi
	$(BENCH)/bin/python -m pip install --quiet --disable-pip-version-check -c constraints.txt -c benchmarks/constraints.txt \
	  -e . -r benchmarks/requirements.txt
	@touch $@

tables: $(STAMP) ## recompute the tables of numbers in docs/
	$(VENV)/bin/python docs/tables.py

bench: $(BENCH)/.installed ## compare the speed with other packages, in a separate environment; write its tables
	$(BENCH)/bin/python -m benchmarks --resume

bench-quick: $(BENCH)/.installed ## the same at small sizes
	$(BENCH)/bin/python -m benchmarks --quick

clean: ## remove .venv and caches
	rm -rf $(VENV) .mypy_cache .pytest_cache .ruff_cache docs/_build docs/reference/api
