# make demo   the demonstration delivery to OMOP tables, with checks, in one command
# make run    the same with the delivery of SNDS_DELIVERY
# make ui     the Dagster UI on http://127.0.0.1:3000
# make test   linters, types, order of imports, all tests
# make bench  speed and memory, as ratios to a reference
# make lock   new pin files from pyproject.toml

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet

export DAGSTER_HOME := $(CURDIR)/.dagster
export DAGSTER_DISABLE_TELEMETRY := yes

.PHONY: demo run ui test bench pictures lock clean prerequisites
.DEFAULT_GOAL := demo

demo: export SNDS_DELIVERY := $(CURDIR)/data/delivery
demo: run

run: prerequisites $(VENV)/.installed $(DAGSTER_HOME)/dagster.yaml
	@$(BIN)/snds-omop run

ui: prerequisites $(VENV)/.installed $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/dagster dev --host 127.0.0.1 --port 3000

test: prerequisites $(VENV)/.installed-dev
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	env -u DAGSTER_HOME $(BIN)/pytest -n 2 --dist loadfile --no-loadscope-reorder

prerequisites:
	@command -v $(PYTHON) > /dev/null || { echo "Python 3.11 or later is needed and $(PYTHON) was not found: install it (Debian 12: apt install python3 python3-venv), or name it: make PYTHON=python3.11 demo"; exit 1; }
	@$(PYTHON) -c 'import sys; v = sys.version_info; v >= (3, 11) or sys.exit("Python 3.11 or later is needed and this is %d.%d: install it, or name it: make PYTHON=python3.11 demo" % v[:2])'
	@$(PYTHON) -c 'import ensurepip, venv' 2> /dev/null || { echo "Python's venv module is needed: install it (Debian: apt install python3-venv)"; exit 1; }
	@$(PYTHON) -m snds_omop_assets.engines.java

$(VENV)/bin/python:
	$(PYTHON) -m venv $(VENV)

$(VENV)/.installed: requirements.txt pyproject.toml | $(VENV)/bin/python
	@echo "Installing the pinned dependencies into $(VENV) (once, one to three minutes)"
	@$(PIP) install --require-hashes -r requirements.txt
	@$(PIP) install --no-deps --no-build-isolation -e .
	@touch $@

$(VENV)/.installed-dev: requirements-dev.txt $(VENV)/.installed
	@echo "Installing what the tests need"
	@$(PIP) install --require-hashes -r requirements-dev.txt
	@touch $@

$(DAGSTER_HOME)/dagster.yaml: dagster.yaml
	@mkdir -p $(@D) && cp $< $@

bench: prerequisites $(VENV)/.installed-dev
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks_conversion
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks_growth
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks_eras
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks_spark
	env -u DAGSTER_HOME $(BIN)/python -m snds_omop_assets_tests.benchmarks_checks

# The pictures of the README, from the last `make demo`, and those of docs/synthetic.md.
pictures: $(VENV)/.installed-dev $(DAGSTER_HOME)/dagster.yaml
	$(BIN)/python -m snds_omop_assets_tests.browser
	$(BIN)/python -m snds_omop_assets_tests.synthetic_page pictures

lock: $(VENV)/.installed-dev
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header \
		--no-annotate pyproject.toml -o requirements.txt
	$(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras --no-header \
		--no-annotate --extra dev -c requirements.txt pyproject.toml -o requirements-dev.txt

clean:
	rm -rf $(VENV) .dagster warehouse
