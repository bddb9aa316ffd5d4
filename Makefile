# Two commands are enough: `make lab` runs the whole product on this machine, `make test` proves it. Each sets up what it needs.

SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

# PYTHON=/path/to/python3.12 chooses the interpreter, ARGS="…" is handed on to the program behind a target.
PYTHON ?=
ARGS ?=
UV ?= uv
export PYTHON UV

ifeq ($(CI),true)
export NO_COLOR := 1
endif

.PHONY: help lab test check bench test-cluster lock wheel image clean setup python

help: ## Show this list
	@printf 'edgeshift moves AI workloads between edge devices before the camera goes blind.\n\n'
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-14s%s\n", $$1, $$2 }' Makefile
	@printf '\n  PYTHON=/path/to/python3.12 chooses the interpreter; ARGS="…" is handed on (make lab ARGS="--help").\n'

lab: setup ## Run the whole product on this machine: Prometheus, a simulated fleet, one real edge, the engine
	@exec .venv/bin/edgeshift lab $(ARGS)

test: setup ## Run all tests: quick ones, thorough ones, then those with a real Prometheus
	@exec scripts/test.sh $(ARGS)

check: setup ## Check format, lint, types, import directions, Prometheus rules and documentation
	@exec scripts/check.sh

bench: python ## Measure what matters and write docs/benchmarks.md
	@exec .venv/bin/python -m benchmarks $(ARGS)

test-cluster: ## Run the tests that need a real Kubernetes cluster (not built yet)
	@echo 'make test-cluster: the Kubernetes actuator is not built yet, so there is nothing to test on a cluster.' >&2; exit 2

lock: ## Pin every dependency with its hashes in requirements.lock (needs uv)
	@exec scripts/lock.sh

wheel: python ## Build dist/edgeshift-*.whl, which PCs and servers install (docs/deploying.md)
	@exec scripts/wheel.sh

image: python ## Build the container image of exporter and bridge (ARCH, BASE, OFFLINE: see scripts/image.sh)
	@exec scripts/image.sh

clean: ## Remove .venv, caches and build results (what a lab recorded stays)
	@exec scripts/clean.sh

# The Python part and Debian's Prometheus and Alertmanager; without changes both only look.
setup: python
	@scripts/tools.sh

python:
	@scripts/python.sh
