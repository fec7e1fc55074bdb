# Everything from a clean clone: each target makes the environment that it needs.
#   make demo    the main job on a real model      make check   what a commit must pass
#   make test    all tests, both environments      make bench   the benchmarks

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help

PYTHON ?= $(shell for p in python3.11 python3.12 python3.13 python3.10 python3; do \
	"$$p" -c 'import sys; sys.exit(not (3, 10) <= sys.version_info < (3, 14))' 2>/dev/null && echo $$p && break; done)
UV := uv==0.13.9
PY := .venv/bin/python
PY3 := .venv-keras3/bin/python
JOBS ?= 2
DEMO := runs/demo

.PHONY: help demo test check format bench lock clean core dev keras3 tools tools-test

help: ## what can be made
	@grep -E '^[a-z0-9-]+:.*## ' $(MAKEFILE_LIST) | sed 's/:.*## /\t/' | expand -t 12

demo: core tools ## the main job on a real model, about 4 minutes after installation
	@rm -rf $(DEMO)
	@.venv/bin/dse run --model examples/digits/digits.h5 --data examples/digits/digits.npz \
		--part xc7z020 --budget 3m --out $(DEMO)
	@echo && echo "The page of this run:   $(CURDIR)/$(DEMO)/report.html" \
		&& echo "MLflow's pages:         .venv/bin/dse ui" \
		&& echo "One design to build:    .venv/bin/dse pick $(DEMO) --prefer latency --out picked"

test: dev keras3 tools-test ## all tests, in both environments
	@echo "== .venv-keras3: what needs Keras 3"
	@$(PY3) -m pytest -q -m keras3 -n $(JOBS) --dist loadgroup
	@echo "== .venv: everything else"
	@$(PY) -m pytest -q -m 'not keras3' -n $(JOBS) --dist loadgroup

check: dev ## formatting, lint, types, import rules, fast tests
	@$(PY) -m ruff format --check .
	@$(PY) -m ruff check .
	@$(PY) -m mypy
	@.venv/bin/lint-imports --no-logo
	@$(PY) -m pytest -q -m 'not slow and not keras3' -n $(JOBS) --dist loadgroup

format: dev ## put the code in the house's format
	@$(PY) -m ruff format . && $(PY) -m ruff check --fix .

bench: dev tools ## the benchmarks; each prints its figures
	@for name in emulation compile_time estimate_speed; do echo "== $$name"; $(PY) benchmarks/$$name.py; done

lock: dev ## resolve the pinned requirements anew
	@compile() { .venv/bin/uv pip compile -q --upgrade --universal --python-version 3.10 --no-annotate --no-header \
		--override requirements/overrides.txt "$$@" pyproject.toml; }; \
	compile --extra dev --extra keras2 -o requirements/dev.txt; \
	compile --extra dev --extra keras3 -o requirements/keras3.txt; \
	compile -c requirements/dev.txt -o requirements/core.txt

clean: ## remove the environments and caches, never a run
	rm -rf .venv .venv-keras3 .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache *.egg-info

# --- environments: a stamp in each tells what is installed -------------------------------

core: .venv/core.stamp
dev: .venv/dev.stamp
keras3: .venv-keras3/dev.stamp

.venv/bin/uv .venv-keras3/bin/uv: %/bin/uv:
	@[ -n "$(PYTHON)" ] || { echo "Python 3.10 to 3.13 is needed, with venv: apt-get install python3 python3-venv"; exit 1; }
	@echo "making $* with $(PYTHON)"
	@$(PYTHON) -m venv $*
	@$*/bin/python -m pip install -q --disable-pip-version-check $(UV)

# The locks are complete, so nothing is resolved here (--no-deps), and the same is installed tomorrow.
define install
	@echo "installing $(2) into $(1)"
	@$(1)/bin/uv pip install -q --python $(1)/bin/python --no-deps -r $(2)
	@$(1)/bin/uv pip install -q --python $(1)/bin/python --no-deps -e .
	@touch $@
endef

.venv/core.stamp: requirements/core.txt pyproject.toml | .venv/bin/uv
	$(call install,.venv,requirements/core.txt)

.venv/dev.stamp: requirements/dev.txt .venv/core.stamp
	$(call install,.venv,requirements/dev.txt)
	@$(PY) -c 'import sys; sys.version_info < (3, 12) or print("QKeras and HGQ need Python 3.10 or 3.11: their tests will be skipped")'

.venv-keras3/dev.stamp: requirements/keras3.txt pyproject.toml | .venv-keras3/bin/uv
	$(call install,.venv-keras3,requirements/keras3.txt)

# --- system packages: installed where that needs no question, else asked for -------------

tools: ; @./tools/system-packages g++:g++ verilator:verilator
tools-test: ; @./tools/system-packages g++:g++ verilator:verilator iverilog:iverilog tclsh:tcl chromium:chromium
