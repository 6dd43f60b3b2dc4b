# Everything a person or a machine asks of this repository; `make help` lists it.
#
# Needs Python 3.11 or later with venv, make and git. The environment is .venv: stamps say what has
# been installed, so nothing is done twice. Settings (LEPHI_DEMO_PORT, LEPHI_TEST_POSTGRES, …) pass
# through from the environment.

SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
.DEFAULT_GOAL := help
# Neither a person's own modules nor their habit of installing for the user alone may get in; and
# dozens of processes would each compile the product anew where compiled modules are not kept.
unexport PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export PIP_USER := 0
MAKEFLAGS += --no-builtin-rules --no-print-directory

PYTHON ?= python3
# Where nobody has named one: of several builds of its minor version the quickest does.
QUICKEST := $(if $(filter file,$(origin PYTHON)),--quickest)
VENV := .venv
BIN := $(VENV)/bin
DEBIAN_POSTGRES := /usr/lib/postgresql/15/bin
# What may differ between versions of PostgreSQL is what we say to it: the money, the guards and the
# statements of bills, once more.
ON_DATABASE := tests/journeys/test_main_job.py \
	$(addprefix tests/api/test_,access.py bills.py idempotency.py payments.py statements.py) \
	$(addprefix tests/integration/test_,audit.py guards.py identity_of_money.py \
		money_in_transit.py numbering.py where_money_goes.py)
QUICK := tests/unit tests/properties tests/contracts tests/architecture
# A worker that has done its share takes from the other's: tests differ a thousandfold in length.
RUN = $(BIN)/python -m pytest -n auto --dist worksteal
PACKAGES := core payments receipts reconciliation adapters app
WORKSHOP := tests bench scripts
INSTALL := $(BIN)/python scripts/install.py
MADE := $(VENV)/.made
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed

##@ Run it

.PHONY: demo
demo: $(RUNTIME) ## Set everything up and run the whole thing with real seed data, until Ctrl-C
	@exec $(BIN)/lephi demo $(ARGS)

.PHONY: migrate
migrate: $(RUNTIME) ## Bring the database of LEPHI_DATABASE_URL to the present schema
	@exec $(BIN)/lephi migrate $(ARGS)

##@ Check it

.PHONY: test
test: $(DEV) system ## Set everything up and run every test (ARGS="-k name" for some of them)
	@$(RUN) $(ARGS)
ifndef ARGS
	@if [ -x $(DEBIAN_POSTGRES)/postgres ]; then \
		echo "Once more on Debian's PostgreSQL, what talks to the database:"; \
		LEPHI_TEST_POSTGRES=$(DEBIAN_POSTGRES) $(RUN) $(ON_DATABASE); \
	fi
endif

.PHONY: quick
quick: $(DEV) ## The tests that need no more than a minute, with fewer examples
	@$(RUN) --hypothesis-profile=quick $(QUICK) $(ARGS)

.PHONY: words
words: $(DEV) ## Bring the catalogues of the pages' words in line with the code
	@$(BIN)/python -m scripts.words

.PHONY: grades
grades: $(DEV) ## Draw what is known of each adapter and what it is held to, with its tests
	@$(BIN)/python -m scripts.grades

.PHONY: mutants
mutants: $(DEV) ## Put small faults into the money rooms, and see that tests see them (ARGS=file …)
	@$(BIN)/python -m scripts.mutants $(ARGS)

.PHONY: lint
lint: $(DEV) ## Style, types and import rules
	$(BIN)/ruff check $(PACKAGES) $(WORKSHOP)
	$(BIN)/ruff format --check $(PACKAGES) $(WORKSHOP)
	$(BIN)/mypy --strict $(PACKAGES) $(WORKSHOP)
	$(BIN)/lint-imports --no-logo

.PHONY: check
check: lint test ## lint and test, as the CI does

.PHONY: bench
bench: $(DEV) system ## Run the benchmarks and write var/bench.json (BENCH=name for one of them)
	@mkdir -p var
	@$(BIN)/python -m bench $(BENCH) $(ARGS)

.PHONY: figures
figures: $(DEV) ## Draw docs/figures.md from what the benchmarks found
	@$(BIN)/python -m bench.figures

.PHONY: attack
attack: $(DEV) ## Attack a service of its own on this machine and print what others felt (ARGS=--short)
	@$(BIN)/python -m bench.attack $(ARGS)

.PHONY: histories
histories: $(DEV) ## Record 10,000 calls while everything goes wrong, and have them judged
	@$(BIN)/python -m tests.crash.histories $(ARGS)

##@ Tend it

.PHONY: setup
setup: $(DEV) system ## Make the environment and get what the tests need, and no more

.PHONY: system
system: ## Install what the tests need beyond Python, where we are root on Debian
	@$(PYTHON) scripts/system_packages.py

.PHONY: format
format: $(DEV) ## Put the code into the house's form
	$(BIN)/ruff check --fix $(PACKAGES) $(WORKSHOP)
	$(BIN)/ruff format $(PACKAGES) $(WORKSHOP)

# Known pins stay unless UPGRADE=1; no lock names where its packages come from.
COMPILE = $(BIN)/uv pip compile -q --universal --generate-hashes --no-annotate \
	--no-header --no-emit-index-url --no-emit-find-links $(if $(UPGRADE),--upgrade)

.PHONY: lock
lock: $(RUNTIME) ## Write the locks anew from pyproject.toml (UPGRADE=1 takes newer versions)
	@[ -x $(BIN)/uv ] || { echo "uv is needed: $(BIN)/python -m pip install uv" >&2; exit 1; }
	$(COMPILE) pyproject.toml --extra build --output-file requirements.lock
	$(COMPILE) pyproject.toml --extra dev --constraints requirements.lock \
		--output-file requirements-dev.lock
	$(COMPILE) --group install --output-file requirements-uv.lock

.PHONY: clean
clean: ## Remove the environment and every cache; data in var/ stays
	rm -rf $(VENV) build dist *.egg-info .mypy_cache .ruff_cache .pytest_cache .hypothesis \
		.import_linter_cache
	find . -name __pycache__ -not -path './.git/*' -prune -exec rm -rf {} +

.PHONY: help
help: ## Say what there is
	@awk 'BEGIN { FS = ":.*## " } \
		/^##@ / { printf "\n%s\n", substr($$0, 5) } \
		/^[a-z-]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

# The environment. A run that was broken off leaves no stamp, and the next one starts over.

$(MADE): requirements-uv.lock
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
		|| { echo "Python 3.11 or later is needed: make PYTHON=/path/to/python3.11 …" >&2; exit 1; }
	@echo "Making $(VENV) …"
	@rm -rf $(VENV)  # first: where it is activated, its own Python would be the one to make it
	@$(PYTHON) scripts/environment.py $(VENV) $(QUICKEST)
	@$(BIN)/python -m pip install --disable-pip-version-check --no-input -qq --require-hashes \
		-r requirements-uv.lock || echo "uv cannot be had here: pip takes its place, and longer."
	@touch $@

$(RUNTIME): requirements.lock pyproject.toml | $(MADE)
	@echo "Installing what the service needs …"
	@$(INSTALL) --require-hashes -r requirements.lock
	@$(INSTALL) --no-deps --no-build-isolation --editable .
	@touch $@

$(DEV): $(RUNTIME) requirements-dev.lock
	@echo "Installing what the checks need …"
	@$(INSTALL) --no-build-isolation --require-hashes -r requirements-dev.lock
	@touch $@
