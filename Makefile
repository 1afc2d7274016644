# Two commands: `make run` (the main job, with its report) and `make test` (tests and checks); `make bench`, which
# measures speed beside the peers, each in an environment of its own; `make calibrate`, which holds every
# estimator against known answers; `make claims`, which puts every claim of the theory to the test; and
# `make docs`, which builds the site of the docs into build/site.
# Each sets up its own virtual environment first; a second call finds it ready.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.ready
# What tests need beside it: the trainers and loggers that a monitor works in.
TRAINERS := $(VENV)/.ready-integrations
# What the site is built with.
SITE := $(VENV)/.ready-docs
INSTALL := $(BIN)/python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt

.PHONY: run test bench calibrate claims docs setup check unit clean

run: $(STAMP)
	$(BIN)/sdesim run quickstart --out runs/quickstart --overwrite

# The checks take one core and the tests the others as well: side by side, none waits.
test: $(TRAINERS)
	$(MAKE) --no-print-directory --jobs 2 check unit

bench: $(STAMP)
	$(BIN)/sdesim bench --out analysis/benchmarks/results

calibrate: $(STAMP)
	$(BIN)/sdesim calibrate --out analysis/calibration/results

claims: $(STAMP)
	$(BIN)/sdesim claims --out analysis/claims/results --workers 2
	$(BIN)/sdesim claims --out runs/claims-1 --workers 2 --seed 1
	$(BIN)/sdesim claims --out runs/claims-2 --workers 2 --seed 2
	$(BIN)/python -m analysis.claims runs/claims-1 runs/claims-2
	$(BIN)/python -m analysis.generated

# The report of the quickstart is a page of the site; one that is there is taken as it is.
docs: $(SITE)
	test -f runs/quickstart/report.html || $(MAKE) --no-print-directory run
	$(BIN)/python -m analysis.site

check: $(TRAINERS)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

unit: $(TRAINERS)
	$(BIN)/pytest --numprocesses auto --dist loadfile

setup: $(TRAINERS)

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(0 if sys.version_info >= (3, 11) else "sdesim needs Python 3.11 or newer, found " + sys.version.split()[0])'
	$(PYTHON) -m venv $(VENV)

$(STAMP): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[torch,dev]'
	touch $(STAMP)

# All in one go: what the tests need holds what runs need.
$(TRAINERS): pyproject.toml constraints.txt | $(BIN)/python
	$(INSTALL) --editable '.[torch,integrations,dev]'
	touch $(STAMP) $(TRAINERS)

$(SITE): $(STAMP)
	$(INSTALL) --editable '.[torch,docs]'
	touch $(SITE)

clean:
	rm -rf $(VENV) runs build dist
