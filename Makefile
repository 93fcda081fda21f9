# Every command of the project. `make help` lists them.
PYTHON ?= python3
ENVS   := bench airflow prefect dagster
UV     := .venvs/tools/bin/uv
VERSION := $(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BENCH  := .venvs/bench/bin/bench
ARGS   ?=

export UV_PYTHON_DOWNLOADS := never

.DEFAULT_GOAL := help
.PHONY: help setup report test test-compose lint lock verify bench library env up-airflow up-prefect up-dagster \
  local-airflow local-prefect local-dagster down clean

help: ## list these commands
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | awk -F ':.*## ' '{printf "  make %-13s %s\n", $$1, $$2}'
	@echo "  (PYTHON=python3.12 before a first setup chooses another Python, 3.11 to 3.13)"

setup: $(ENVS:%=.venvs/%/.ready-$(VERSION)) ## install the four environments (fast when nothing changed)
	@.venvs/bench/bin/python -m benchmarks.migrated_databases

report: setup ## run the quick benchmark on the three engines and write the side-by-side report
	$(BENCH) run --profile quick
	$(BENCH) report

test: setup ## run every test
	@sh tests/run.sh $(ARGS)

test-compose: .venvs/bench/.ready-$(VERSION) ## bring every stack up in containers, use and hurt it (needs a Docker engine)
	@docker version >/dev/null 2>&1 || { echo "make test-compose: it needs a Docker engine, and none answers"; exit 1; }
	.venvs/bench/bin/python -m pytest tests/compose -m compose $(ARGS)

lint: setup ## check style and types
	.venvs/bench/bin/ruff check .
	.venvs/bench/bin/ruff format --check .
	.venvs/bench/bin/mypy

verify: setup ## check that every pipeline on every engine ends with the right rows
	$(BENCH) verify

bench: setup ## run the bench with ARGS, for example: make bench ARGS="run --help"
	$(BENCH) $(ARGS)

library: setup .venvs/dlt/.ready-$(VERSION) ## time the ETL library against a bare floor and against dlt
	$(BENCH) library

local-airflow: setup ## start Airflow with the pipelines and its web UI; Ctrl-C stops it
	$(BENCH) up airflow

local-prefect: setup ## start Prefect with the pipelines and its web UI; Ctrl-C stops it
	$(BENCH) up prefect

local-dagster: setup ## start Dagster with the pipelines and its web UI; Ctrl-C stops it
	$(BENCH) up dagster

env: ## write .env with the secrets of the containers; what is there stays
	@PYTHONPATH=. $(PYTHON) docker/make_env.py

up-airflow: env ## start Airflow in containers, wait for its first run, print its address
	@PYTHONPATH=. $(PYTHON) docker/up.py airflow $(ARGS)

up-prefect: env ## start Prefect in containers, wait for its first run, print its address
	@PYTHONPATH=. $(PYTHON) docker/up.py prefect $(ARGS)

up-dagster: env ## start Dagster in containers, wait for its first run, print its address
	@PYTHONPATH=. $(PYTHON) docker/up.py dagster $(ARGS)

down: ## stop what an earlier command left running without Docker
	@test ! -x $(BENCH) || $(BENCH) down

lock: $(UV) ## resolve all dependencies anew into requirements/
	sh requirements/lock.sh $(UV)

clean: down ## remove the environments and all run data (results are kept)
	rm -rf .venvs runs data

# uv comes from the package index, at a locked version, into an environment of its own.
$(UV): requirements/tools.txt
	@$(PYTHON) -c 'import sys; v = sys.version_info[:2]; sys.exit(None if (3, 11) <= v <= (3, 13) else "make: Python 3.11 to 3.13 is needed, %s is %d.%d; try: make PYTHON=python3.11 ..." % (sys.executable, *v))'
	@echo "setup: tools"
	@$(PYTHON) -m venv --clear .venvs/tools
	@.venvs/tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/tools.txt \
	  || { echo "setup: environment 'tools' failed: pip could not install uv (see above)"; rm -rf .venvs/tools; exit 1; }
	@touch $(UV)

# A change of pyproject.toml reaches an environment through its lock (`make lock`).
.venvs/%/.ready-$(VERSION): requirements/%.txt $(UV)
	@echo "setup: $*"
	@$(UV) venv --quiet --clear --python $(PYTHON) .venvs/$* \
	  && $(UV) pip install --quiet --python .venvs/$* --require-hashes --no-deps --compile-bytecode -r requirements/$*.txt \
	  && $(UV) pip install --quiet --python .venvs/$* --no-deps --no-build-isolation --editable . \
	  || { echo "setup: environment '$*' failed (see above); 'make setup' tries again"; rm -rf .venvs/$*; exit 1; }
	@touch $@
