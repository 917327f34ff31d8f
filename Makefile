# What a checkout needs, then what is asked for. `make` alone installs into .venv.
#
#   make servers            find, download or build what tests need: Temporal, yaml-language-server (3 minutes, once)
#   make demo ARGS=--exit   a sample shop with journeys running
#   make check              format, lint, types, layers, generated files, the shipped rules
#   make test               check, then all tests with real servers, in LANES (2) processes; ARGS goes to pytest
#   make bench NAME=import  figures with their bounds; a bench starts the servers it needs itself
#   make lock               write requirements.txt anew from pyproject.toml
#   make clean              remove .venv, .regulars and what tools left in the checkout; the user's caches stay

.NOTPARALLEL:
.DELETE_ON_ERROR:
.DEFAULT_GOAL := install
.PHONY: install servers demo check test bench lock clean

VENV := .venv
PY := $(VENV)/bin/python
ARGS ?=
LANES ?= 3
OLIST := $(wildcard ../shared/data/olist)
export REGULARS_OLIST ?= $(if $(OLIST),$(abspath $(OLIST)))
SUITABLE := import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))

install: $(VENV)/installed

$(VENV)/made:
	@for python in $(PYTHON) python3 python3.13 python3.12 python3.11; do \
		if "$$python" -c '$(SUITABLE)' 2>/dev/null; then exec "$$python" -m venv $(VENV); fi; \
	done; \
	echo 'Python 3.11, 3.12 or 3.13 is needed and none was found; name one: make PYTHON=/path/to/python3.12' >&2; exit 3
	@touch $@

$(VENV)/installed: $(VENV)/made requirements.txt pyproject.toml
	@echo 'installing into $(VENV) (a minute or two)' >&2
	@$(PY) -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements.txt
	@$(PY) -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation -e .
	@touch $@

servers: install
	@$(PY) -m engine.servers --temporal --test-server --yaml-server

demo: install
	@$(VENV)/bin/regulars demo $(ARGS)

check: install
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/ruff check .
	$(VENV)/bin/mypy
	$(VENV)/bin/lint-imports
	$(VENV)/bin/regulars schemas --check
	$(PY) tools/attributes_page.py --check
	$(PY) tools/diagrams.py --check
	$(VENV)/bin/regulars check rules

# Each test has a database of its own. Where memory serves as a disk and has 8 GB, they are there, and go with the run.
test: check servers
	@state=.regulars/tests; room=$$(df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 { print $$4 }'); \
	if [ "$${room:-0}" -gt 8000000 ]; then \
		state=$$(mktemp -d /dev/shm/regulars-tests-XXXXXX); trap 'rm -rf "$$state"' EXIT INT TERM; chmod 755 "$$state"; \
	fi; \
	$(PY) -m engine.servers --postgres --temporal --test-server --free-ports --fast --state "$$state" \
		-- $(PY) -m tests -n $(LANES) $(ARGS)

bench: install
	@test -f bench/$(NAME).py || { echo 'make bench NAME=...: one of $(filter-out databases figures own_servers,$(basename $(notdir $(wildcard bench/*.py))))' >&2; exit 1; }
	@$(PY) bench/$(NAME).py $(ARGS)

lock: install
	$(VENV)/bin/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
		--extra dev -o requirements.txt pyproject.toml

clean:
	@if [ -d .regulars ] && [ -x $(PY) ]; then $(PY) -m engine.servers.clean .regulars; fi
	rm -rf $(VENV) .regulars build dist *.egg-info .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +
	@echo 'kept: programs in the cache of the user ($${XDG_CACHE_HOME:-~/.cache}/regulars)'
