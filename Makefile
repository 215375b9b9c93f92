# Two commands for a newcomer: `make demo` shows the main job, `make test` checks everything.
# `make test-system` runs a whole Airflow on PostgreSQL, some minutes long.
# `make test-crash` takes most of an hour (PROCESSES=2 runs fewer at a time): hundreds of runs in which tasks are killed at
# random instants, and whatever else is too long for each test run.
# PYTHON=python3.13 make test chooses an interpreter; each has a virtual environment of its own.
PYTHON ?= python3
PROCESSES ?= 4
VENV := .venv-$(shell $(PYTHON) -c 'import sys; print("%d.%d" % sys.version_info[:2])')
BIN := $(VENV)/bin
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --constraint constraints.txt

# What is used is compiled once: not all that is installed, nor again in each of the many processes that tests start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo test test-system test-crash install-all
.DELETE_ON_ERROR:

demo: $(VENV)/.installed-demo
	@$(BIN)/python -m example_dags.demo

test: $(VENV)/.installed-test
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/sphinx-build --quiet --fail-on-warning --fresh-env docs docs/_build
	$(BIN)/python -m pytest -n $(PROCESSES) --dist worksteal

test-system: $(VENV)/.installed-system
	$(BIN)/python -m pytest -m system tests/scheduler tests/browser

test-crash: $(VENV)/.installed-test
	$(BIN)/python -m pytest -m "crash or kills" -n $(PROCESSES) --dist worksteal

install-all: $(VENV)/.installed-system

# The extra 'system' holds 'test', which holds 'demo': what is within need not be installed again.
WITHIN_system := system test demo
WITHIN_test := test demo
WITHIN_demo := demo

$(VENV)/.installed-%: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.version_info >= (3, 11) or sys.exit("Python 3.11 or newer is needed, this is " + sys.version.split()[0] + ": PYTHON=python3.12 make ...")'
	@echo "Installing into $(VENV) (Airflow is large: a minute or two) ..."
	@test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	@$(INSTALL) --upgrade pip
	@$(INSTALL) hatchling editables
	@$(INSTALL) --no-build-isolation --editable '.[$*]'
	@touch $(WITHIN_$*:%=$(VENV)/.installed-%)
