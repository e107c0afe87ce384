# `make run` and `make test` work on a fresh machine with Python >= 3.11, Node >= 20 and make.
SHELL := /bin/bash
PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/pip install --quiet --disable-pip-version-check --no-input

.PHONY: run reproduce test check lint access audit sbom docs test-python test-engine test-service test-frontend lock types clean

## Start everything; PORT and DATA_DIR are honoured.
run: .venv/runtime frontend/dist/index.html
	@exec $(BIN)/cinefold run

## Reproduce the source paper; .venv/dev has what the report's extra `paper` needs.
reproduce: .venv/dev
	@$(BIN)/cinefold reproduce $(ARGS)

## Everything CI runs, with its own set-up.
test: .venv/dev frontend/dist/index.html lint docs test-frontend test-python

# A stamp per lock file: a second start installs nothing.
.venv/runtime: requirements.txt pyproject.toml
	@test -d .venv || $(PYTHON) -m venv .venv
	@echo "Installing locked Python packages ..."
	@$(PIP) --require-hashes -r requirements.txt
	@$(PIP) --no-deps --no-build-isolation --editable .
	@touch $@

.venv/dev: .venv/runtime requirements-dev.txt
	@$(PIP) --require-hashes -r requirements-dev.txt
	@touch $@

frontend/node_modules/.package-lock.json: frontend/package.json frontend/package-lock.json
	@echo "Installing locked npm packages ..."
	@cd frontend && npm ci --no-audit --no-fund --loglevel=error
	@touch $@

frontend/dist/index.html: frontend/node_modules/.package-lock.json $(shell find frontend/src frontend/public -type f 2>/dev/null) frontend/index.html frontend/vite.config.ts frontend/compress.js frontend/package.json
	@echo "Building the app ..."
	@cd frontend && npm run --silent build -- --logLevel warn
	@touch $@

lint: .venv/dev frontend/node_modules/.package-lock.json
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/python scripts/audit.py licences

## Look for known vulnerabilities, and for licences that are not on the list.
audit: .venv/dev frontend/node_modules/.package-lock.json
	@$(BIN)/python scripts/audit.py

## List the parts of the build in CycloneDX's format, one file for Python and one for the app.
sbom: .venv/dev frontend/node_modules/.package-lock.json
	@mkdir -p sbom
	@$(BIN)/cyclonedx-py requirements requirements.txt --output-file sbom/python.json
	@cd frontend && npm sbom --sbom-format cyclonedx --omit dev > ../sbom/app.json
	@echo "sbom/python.json and sbom/app.json are written."

## Build the documentation site into site/; a broken link or reference fails.
docs: .venv/dev
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --strict

test-frontend: .venv/dev frontend/node_modules/.package-lock.json
	cd frontend && npm run --silent check
	$(BIN)/cinefold openapi | (cd frontend && npm run --silent types -- /dev/stdout) | diff frontend/src/api/api.types.ts - \
	  || { echo "frontend/src/api/api.types.ts is stale: run make types"; exit 1; }

# Two halves at once, each with a temporary folder of its own: pytest closes its folder to
# the system user that the embedded PostgreSQL runs as.
test-python: .venv/dev frontend/dist/index.html
	$(BIN)/coverage erase
	@$(MAKE) --no-print-directory --jobs 2 --output-sync=line test-engine test-service
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report --include "engine/*,api/services/*" --fail-under 100

# The kernels run twice: compiled, and as plain Python, where every index is checked
# and every branch is seen.
test-engine:
	PYTEST_DEBUG_TEMPROOT=$$(mktemp -d) $(BIN)/coverage run -p -m pytest tests/engine
	PYTEST_DEBUG_TEMPROOT=$$(mktemp -d) NUMBA_DISABLE_JIT=1 $(BIN)/coverage run -p -m pytest tests/engine -m "not compiled" -q

# One thread a matrix product, as `cinefold run` has it: more would wait for the engine's.
test-service:
	OPENBLAS_NUM_THREADS=1 $(BIN)/coverage run -p -m pytest --ignore tests/engine

## Resolve the dependencies anew.
lock: .venv/dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --extra build pyproject.toml --output-file requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-annotate --no-header \
	  --no-emit-index-url --extra build --extra dev --constraint requirements.txt pyproject.toml --output-file requirements-dev.txt

## Write the table of who may call what, from the running app.
access: .venv/dev
	@WRITE_ACCESS=1 $(BIN)/python -m pytest -q tests/api/test_access.py -k each_caller

## Generate the app's types from the OpenAPI document.
types: .venv/dev frontend/node_modules/.package-lock.json
	$(BIN)/cinefold openapi | (cd frontend && npm run --silent types -- src/api/api.types.ts)

clean:
	rm -rf .venv frontend/node_modules frontend/dist site .cinefold
