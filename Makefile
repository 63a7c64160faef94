# `make run` and `make test` are all that a new machine with Python 3.11 or newer needs.

.DEFAULT_GOAL := help
.ONESHELL:
.SHELLFLAGS := -euc
.PHONY: help run test check bench bench-console screenshots lock clean

PYTHON ?= $(shell for name in python3 python3.13 python3.12 python3.11 python; do \
	if $$name -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null; then echo $$name; break; fi; done)
BIN := .venv/bin
PIP := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-input

help:  ## Show what there is to do
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:[^#]*## /\t/' | expand -t 16

run: .venv/.runtime  ## Start the sandbox (or Stripe), the listener and the console
	@exec $(BIN)/python -m scripts.run

test: .venv/.development  ## Run every test
	@exec $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

check: .venv/.development  ## Formatting, lint, types, import rules
	@$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy .
	$(BIN)/lint-imports

bench: .venv/.development  ## Measure the listener; see bench/README.md
	@exec $(BIN)/python -m bench

bench-console: .venv/.development  ## Measure the console at a million organizations
	@exec $(BIN)/python -m bench.console

screenshots: .venv/.development  ## Take the README's screenshots of a running `make run`
	@exec $(BIN)/python -m scripts.screenshots

lock:  ## Pin the dependencies anew, with hashes (needs uv)
	@uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --upgrade --extra build pyproject.toml -o requirements.lock
	uv pip compile --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--no-header --extra build --extra dev -c requirements.lock pyproject.toml -o requirements-dev.lock

clean:  ## Remove the environment and everything under var/
	@rm -rf .venv var .mypy_cache .pytest_cache .ruff_cache .hypothesis

# A virtual environment knows its own path, so a checkout that was moved makes a new one.
.venv/.made:
	@if [ -z "$(PYTHON)" ]; then echo "Python 3.11 or newer is needed; set PYTHON to it." >&2; exit 1; fi
	rm -rf .venv
	$(PYTHON) -m venv .venv
	touch $@

.venv/.runtime: requirements.lock pyproject.toml .venv/.made
	@echo "Installing what requirements.lock names (once)…"
	$(PIP) --require-hashes -r requirements.lock
	$(PIP) --no-build-isolation --no-deps -e .
	touch $@

.venv/.development: requirements-dev.lock .venv/.runtime
	@echo "Installing what requirements-dev.lock names (once)…"
	$(PIP) --require-hashes -r requirements-dev.lock
	touch $@
