# Everything is run from the sources through .venv, which `make install` makes from hashed pins.
# Written for GNU make 3.81 and newer, and for any /bin/sh.

VENV := .venv
PY := $(VENV)/bin/python
STAMP := $(VENV)/.stamp
BENCH_STAMP := $(VENV)/.stamp-bench
PYTHONS := python3.14 python3.13 python3.12 python3.11 python3

# A .venv whose Python has gone, or that was moved here from another place, is made anew.
ifneq ($(shell [ "$$(cat $(STAMP) 2>/dev/null)" = "$(CURDIR)" ] && $(PY) -c pass 2>/dev/null && echo whole),whole)
REMAKE := remake
endif

.DEFAULT_GOAL := help
.PHONY: help install run demo dev check test test-all test-containers bench lock remake

help: ## This list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "  make %-15s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

install: $(STAMP) ## Make .venv from the hashed lock (the other targets do it when needed)

run: $(STAMP) ## The whole hub on this machine with simulated vendors and a story; Ctrl-C ends it
	@$(PY) -m local_stack run

demo: $(STAMP) ## The same story, then ends: 0 when every document is in step
	@$(PY) -m local_stack demo

dev: $(STAMP) ## Like run, and restarts a service when its files change
	@$(PY) -m local_stack dev

check: $(STAMP) ## Format, lint, types, import rules, rules of the house
	@echo "ruff format" && $(PY) -m ruff format --quiet --check .
	@echo "ruff check" && $(PY) -m ruff check --quiet .
	@echo "mypy" && $(PY) -m mypy --no-error-summary
	@echo "import-linter" && $(VENV)/bin/lint-imports
	@echo "house" && $(PY) -m pytest -q tests/house

test: $(STAMP) ## All tests but the long profiles
	@$(PY) -m pytest -q -n auto -m "not slow and not containers"

test-all: $(STAMP) ## All tests but those of containers
	@$(PY) -m pytest -q -n auto -m "not containers"

test-containers: $(STAMP) ## Image, compose stack, and tests on NATS and Redis in containers; needs an engine
	@HUB_TEST_SERVERS=containers $(PY) -m pytest -q tests/containers
	@HUB_TEST_SERVERS=containers $(PY) -m pytest -q -n 2 $(ON_CONTAINERS)

# What knows the servers best: each of these passes on binaries and on containers alike.
ON_CONTAINERS = $(addprefix tests/component/test_,$(addsuffix .py,nats_server redis_server advoware_token consumer \
	journal lanes_consumer locks publisher pull_loop schedule snapshots))

bench: $(BENCH_STAMP) ## The hub beside the bare libraries: one table, in under five minutes
	@$(PY) -m benchmarks

lock: $(STAMP) ## Resolve pyproject.toml into the three requirements*.lock
	@$(call resolve,requirements.lock,)
	@$(call resolve,requirements-dev.lock,--extra local --group dev)
	@$(call resolve,requirements-bench.lock,--extra local --group dev --group bench)

# No index, no host: the pins are hashes, and where they come from is the machine's own setting. What stays the same is
# not written, so that nothing is installed anew.
resolve = cp $(1) $(1).new && $(VENV)/bin/uv pip compile -q pyproject.toml $(2) --universal --generate-hashes \
	--no-header --no-emit-index-url --no-emit-find-links --no-annotate -o $(1).new && \
	if cmp -s $(1) $(1).new; then rm $(1).new; else mv $(1).new $(1); fi

$(STAMP): requirements-dev.lock $(REMAKE)
	@found=; bare=; \
	for python in $(if $(PYTHON),"$(PYTHON)",$(PYTHONS)); do \
	  "$$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))' >/dev/null 2>&1 || continue; \
	  if "$$python" -c 'import ensurepip, venv' >/dev/null 2>&1; then found=$$python; break; fi; \
	  bare=$${bare:-$$python}; \
	done; \
	if [ -z "$$found" ] && [ -n "$$bare" ]; then \
	  echo "$$bare cannot make virtual environments: install its venv package (Debian and Ubuntu: apt install python3-venv)." >&2; exit 69; \
	elif [ -z "$$found" ] && [ -n "$(PYTHON)" ]; then \
	  echo "PYTHON=$(PYTHON) is not a Python 3.11 or newer." >&2; exit 69; \
	elif [ -z "$$found" ]; then \
	  echo "Python 3.11 or newer is needed and none was found; install one, or name it: make PYTHON=/path/to/python3" >&2; exit 69; \
	fi; \
	printf 'Installing into $(VENV) (once, half a minute or so) ... '; \
	rm -rf $(VENV); \
	log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && \
	{ "$$found" -m venv $(VENV) && \
	  $(PY) -m pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements-dev.lock && \
	  $(PY) -m pip install -q --disable-pip-version-check --no-deps --no-build-isolation -e . && \
	  printf '%s\n' "$(CURDIR)" > $(STAMP); } > "$$log" 2>&1 \
	|| { echo failed; cat "$$log" >&2; rm -rf $(VENV); exit 1; }; \
	echo done

# The same pins and those of what is compared with; where all of it is there already, nothing is installed.
$(BENCH_STAMP): requirements-bench.lock $(STAMP)
	@printf 'Installing what the hub is compared with ... '; \
	log=$$(mktemp) && trap 'rm -f "$$log"' EXIT && \
	$(PY) -m pip install -q --no-compile --disable-pip-version-check --require-hashes -r requirements-bench.lock \
	  > "$$log" 2>&1 && touch $@ || { echo failed; cat "$$log" >&2; exit 1; }; \
	echo done
