# The contract of the commands stands in docs/architecture.md, "Commands".
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Where PYTHONDONTWRITEBYTECODE is set, every start would compile our packages anew.
COMPILE = $(BIN)/python -m compileall -q cli engine gateway pools storage templates translator
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)

# Empty is off: processes that tests start would compile everything anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test check format bench fuzz lock openapi test-cluster clean

demo: $(VENV)/.runtime
	@$(BIN)/argosmo run examples/hello.yaml

test: $(VENV)/.dev
	$(BIN)/python -m pytest -n $(WORKERS) --dist loadgroup

check: $(VENV)/.dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports --no-cache
	$(BIN)/python -m pytest -q tests/docs

format: $(VENV)/.dev
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

bench: $(VENV)/.dev
	$(BIN)/python -m bench

fuzz: $(VENV)/.dev
	$(BIN)/python tests/fuzz/fuzz_loader.py -runs=$(or $(RUNS),2000000) tests/fuzz/corpus

test-cluster: $(VENV)/.dev
	$(BIN)/python -m pytest -m cluster tests

openapi: $(VENV)/.dev
	$(BIN)/python -m tests.docs.write_openapi

# Lock files without a registry's address; pip checks every hash.
lock:
	$(PYTHON) -m pip install -q uv
	$(PYTHON) -m uv pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group build -o requirements/runtime.lock
	$(PYTHON) -m uv pip compile -q --universal --generate-hashes --no-header --no-emit-index-url --python-version 3.11 pyproject.toml --group dev -o requirements/dev.lock

$(VENV)/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "argosmo needs Python 3.11 or newer: make PYTHON=python3.12 demo")'
	$(PYTHON) -m venv $(VENV)

$(VENV)/.runtime: requirements/runtime.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/runtime.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@

$(VENV)/.dev: requirements/dev.lock pyproject.toml | $(VENV)/bin/python
	$(BIN)/python -m pip install -q --disable-pip-version-check --require-hashes -r requirements/dev.lock
	$(BIN)/python -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e .
	@$(COMPILE)
	@touch $@ $(VENV)/.runtime

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .hypothesis
