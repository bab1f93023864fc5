# Each target calls one script or one tool; what CI runs is what a person runs.
SHELL := bash
PYTHON ?= python3.11
VENV ?= .venv
BIN := $(VENV)/bin
ARGS ?=
STAMP := $(VENV)/.installed
# For tests with longer time limits of their own.
NO_LIMIT := -o faulthandler_timeout=0

.DEFAULT_GOAL := help

help: ## Show this help
	@awk -F ':.*## ' '/^[a-z0-9-]+:.*## / {printf "  %-18s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

$(STAMP): pyproject.toml hack/constraints.txt hack/install
	hack/install $(VENV) $(PYTHON)
	@touch $@

install: $(STAMP) ## Set up .venv with the metal3 command, the demo's parts and the tools

demo: $(STAMP) ## Run three simulated servers from registering to provisioned (ARGS=--exit to leave then)
	$(BIN)/metal3 demo $(ARGS)

test: $(STAMP) ## Set up and run the tests (unit, and integration on the embedded API)
	$(BIN)/pytest -n auto $(ARGS)

integration: $(STAMP) ## The integration suite on a real kube-apiserver (built once, needs Go)
	METAL3_TEST_API=kube $(BIN)/pytest -n 2 test/integration --ignore test/integration/clusterapi $(ARGS)

clusterapi: $(STAMP) ## Machines, remediation, moves and classes with the real Cluster API (built once, needs Go)
	METAL3_TEST_API=kube $(BIN)/pytest test/integration/clusterapi $(ARGS)

nightly: $(STAMP) ## Property tests of conversions at length (10,000 objects a pair, half an hour)
	METAL3_CONVERSION_EXAMPLES=10000 $(BIN)/pytest -n auto --timeout=3600 $(NO_LIMIT) test/unit/api/test_capm3_conversion.py $(ARGS)

e2e-smoke: $(STAMP) ## The demo as a user runs it, with kubectl, on a real Ironic
	$(BIN)/pytest test/e2e/test_demo.py -m e2e $(NO_LIMIT) $(ARGS)

e2e: $(STAMP) ## Everything on a real Ironic with simulated servers (a quarter of an hour)
	$(BIN)/pytest test/e2e -m "e2e and not slow" $(NO_LIMIT) $(ARGS)

envtest: ## Build etcd, kube-apiserver and kube-controller-manager into .cache
	hack/setup-envtest

capi: ## Build Cluster API's manager and clusterctl into .cache
	hack/setup-capi

generate: $(STAMP) ## Make generated code and docs again
	$(BIN)/python hack/generate-api
	$(BIN)/python hack/generate-docs
	$(BIN)/python hack/generate-monitoring
	$(BIN)/python hack/generate-roles

fmt: $(STAMP) ## Format the code
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

lint: $(STAMP) ## Style, and who may import whom
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/lint-imports

typecheck: $(STAMP) ## mypy and pyright, both strict
	$(BIN)/mypy
	$(BIN)/basedpyright --level error

verify: $(STAMP) ## Generated code, docs and manifests are what their sources say
	$(BIN)/python hack/generate-api --check
	$(BIN)/python hack/generate-docs --check
	$(BIN)/python hack/generate-monitoring --check
	$(BIN)/python hack/generate-roles --check
	hack/verify-manifests

bench: $(STAMP) ## Side-by-side benchmarks (several minutes)
	hack/bench/run $(ARGS)

build: $(STAMP) ## A wheel in dist/
	$(BIN)/pip wheel -q --no-deps -w dist .

release-manifests: ## What clusterctl takes from a release, in dist/ (needs kubectl)
	hack/release-manifests

clean: ## Remove the environment and all caches
	rm -rf $(VENV) .cache .mypy_cache .ruff_cache .pytest_cache .hypothesis dist

.PHONY: help install demo test integration clusterapi nightly e2e-smoke e2e envtest capi generate fmt lint typecheck verify bench build release-manifests clean
