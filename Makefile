# Nothing but Python 3.11+, make and git is assumed; everything else is installed into .venv by `make setup`.

PYTHON ?= python3
VENV := .venv
RUN := $(VENV)/bin/
INSTALL := $(RUN)python -m pip install --quiet --disable-pip-version-check --constraint constraints.txt
BACKEND := hatchling editables

READY := $(VENV)/.ready
BENCH_READY := $(VENV)/.ready-bench
DOCS_READY := $(VENV)/.ready-docs
MUTANTS_READY := $(VENV)/.ready-mutants
FUZZ_READY := $(VENV)/.ready-fuzz

.DEFAULT_GOAL := help
.PHONY: help setup demo test coverage mutants fuzz check format bench docs clean

help: ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: $(READY) ## make .venv with everything the other targets need

# The build backend is installed first so that it, too, has the version that constraints.txt names.
$(READY): pyproject.toml constraints.txt src/downslope/_version.py
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and f"Downslope needs Python 3.11 or later and $(PYTHON) is {sys.version.split()[0]}: name another with make PYTHON=...")'
	@test -x $(RUN)python || { echo "Making $(VENV)"; $(PYTHON) -m venv $(VENV); }
	@echo "Installing Downslope and its tools into $(VENV) (a minute or two the first time)"
	@$(INSTALL) $(BACKEND)
	@$(INSTALL) --no-build-isolation --editable ".[all,dev]"
	@touch $@

demo: setup ## run the course and the real table; pictures and model go to demo/
	@$(RUN)downslope demo --output demo

# A process for each core (tests/conftest.py); ARGS="-n0" makes all in one, as a debugger needs it.
PYTEST := $(RUN)python -m pytest -n auto --dist worksteal

test: setup ## run all tests (ARGS="-k spectral" passes arguments to pytest)
	@$(PYTEST) $(ARGS)

# The mathematics, the statistics, the engines and the model file are held to every line and branch.
EXACT := src/downslope/objective/*,src/downslope/steps/*,src/downslope/statistics/*,src/downslope/descent/*,$\
  src/downslope/closed_form/*,src/downslope/fitting/*,src/downslope/scikit_sgd/*,src/downslope/saving/*,$\
  src/downslope/estimators/constraints.py,src/downslope/threads.py

coverage: setup ## run all tests and hold line and branch coverage to the limits
	@$(PYTEST) --cov --cov-report= $(ARGS)
	@$(RUN)coverage report --fail-under=90
	@echo "The exact part:"
	@$(RUN)coverage report --fail-under=100 --include="$(EXACT)"

$(MUTANTS_READY): $(READY)
	@echo "Installing Cosmic Ray into $(VENV)"
	@$(INSTALL) --no-build-isolation --editable ".[mutants]"
	@touch $@

# A copy of the tree is changed: an interrupt leaves everything as it was.
mutants: $(MUTANTS_READY) ## list the changed constants and comparisons that no test notices (an hour or two; ARGS="steps/rules.py" one module, ARGS="steps --sample 40" some)
	@$(RUN)python -m mutants $(ARGS)

$(FUZZ_READY): $(READY)
	@echo "Installing atheris into $(VENV)"
	@$(INSTALL) --no-build-isolation --editable ".[fuzz]"
	@touch $@

fuzz: $(FUZZ_READY) ## try files that nobody wrote on what reads text tables, checkpoints and models, 200 seconds each (where atheris can be installed)
	@for target in layout checkpoint model; do $(RUN)python -m fuzzing $$target 200 || exit 1; done

check: setup ## format, lint, strict types, layers
	@$(RUN)ruff format --check
	@$(RUN)ruff check
	@$(RUN)mypy
	@$(RUN)lint-imports --no-logo

format: setup ## rewrite the files in the project's format
	@$(RUN)ruff format
	@$(RUN)ruff check --fix

# Not without build isolation, as elsewhere: the flights come as source.
bench: setup ## print the benchmark tables (tries to install torch, jax, river, Vowpal Wabbit and a table of flights)
	@test -e $(BENCH_READY) \
	  || { echo "Installing libraries and a table to compare with"; $(INSTALL) --editable ".[bench]" && touch $(BENCH_READY); } \
	  || echo "Not all of them could be installed: the tables go without what is absent"
	@$(RUN)python -m benchmarks $(ARGS)
	@$(RUN)python -m benchmarks.flights
	@$(RUN)python -m benchmarks.quantiles
	@$(RUN)python -m benchmarks.files

$(DOCS_READY): $(READY)
	@echo "Installing Sphinx into $(VENV)"
	@$(INSTALL) --no-build-isolation --editable ".[docs]"
	@touch $@

# From nothing each time: Sphinx does not see that the code has changed that the pages ran.
docs: $(DOCS_READY) ## build the site with its notebooks and gallery into docs/_build/html; a warning fails it
	@rm -rf docs/_build docs/gallery docs/reference/generated
	@$(RUN)sphinx-build --fail-on-warning --keep-going --nitpicky --quiet --doctree-dir docs/_build/doctrees docs docs/_build/html
	@echo "Open docs/_build/html/index.html"

clean: ## remove .venv and everything that was generated
	rm -rf $(VENV) build dist demo docs/_build docs/course docs/gallery docs/reference/generated htmlcov \
	  .coverage .coverage.* .hypothesis .import_linter_cache .mypy_cache .pytest_cache .ruff_cache
	find src tests benchmarks examples docs -type d -name __pycache__ -prune -exec rm -rf {} + 2>/dev/null || true
